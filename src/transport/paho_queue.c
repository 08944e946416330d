#include "transport/paho_queue.h"

#include <stdalign.h>
#include <string.h>

#define UNIT alignof(max_align_t)

size_t paho_queue_bytes(size_t len)
{
    if (len > SIZE_MAX - 2 * UNIT)
        return SIZE_MAX;
    return UNIT + (len + UNIT - 1) / UNIT * UNIT; /* its size stands in front */
}

void paho_queue_init(struct paho_queue *q, void *memory, size_t cap)
{
    memset(q, 0, sizeof(*q));
    q->bytes = memory;
    q->cap = cap;
}

void paho_queue_clear(struct paho_queue *q)
{
    paho_queue_init(q, q->bytes, q->cap);
}

void *paho_queue_push(struct paho_queue *q, size_t len)
{
    const size_t need = paho_queue_bytes(len);
    if (q->count == 0)
        paho_queue_clear(q);
    const size_t limit = q->wrapped ? q->head : q->cap;
    if (need > limit - q->tail) {
        if (q->wrapped || need > q->head)
            return NULL;
        q->wrapped = true;
        q->end = q->tail;
        q->tail = 0;
    }
    uint8_t *at = q->bytes + q->tail;
    memcpy(at, &need, sizeof(need));
    q->tail += need;
    q->count++;
    return at + UNIT;
}

void *paho_queue_peek(const struct paho_queue *q)
{
    return q->count > 0 ? q->bytes + q->head + UNIT : NULL;
}

void paho_queue_pop(struct paho_queue *q)
{
    size_t size;
    if (q->count == 0)
        return;
    memcpy(&size, q->bytes + q->head, sizeof(size));
    q->head += size;
    q->count--;
    if (q->wrapped && q->head == q->end) {
        q->head = 0;
        q->wrapped = false;
    }
}
