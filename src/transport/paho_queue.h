/* Records of any length in a fixed block, first in, first out. Each lies in one piece, aligned for max_align_t,
 * and stays where it is until it is popped. Pure: callers bring the lock. */
#ifndef SPOKE_SRC_TRANSPORT_PAHO_QUEUE_H
#define SPOKE_SRC_TRANSPORT_PAHO_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A plain value: a copy taken before a row of pushes, put back, undoes them. */
struct paho_queue {
    uint8_t *bytes;
    size_t cap, head, tail;
    size_t end; /* wrapped: where the records of the first lap end */
    size_t count;
    bool wrapped;
};

/* Bytes that one record of this length takes. SIZE_MAX: more than can be. */
size_t paho_queue_bytes(size_t len);
/* `memory` is aligned for max_align_t. */
void paho_queue_init(struct paho_queue *q, void *memory, size_t cap);
void paho_queue_clear(struct paho_queue *q);
/* Room for a record, to be filled in by the caller; NULL when there is none. An empty queue takes whatever
 * paho_queue_bytes says fits its block. */
void *paho_queue_push(struct paho_queue *q, size_t len);
void *paho_queue_peek(const struct paho_queue *q); /* the oldest; NULL: none */
void paho_queue_pop(struct paho_queue *q);         /* nothing there: nothing happens */

#endif
