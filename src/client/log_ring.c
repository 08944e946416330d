#include "log_ring.h"

#include <string.h>

#include <spoke/base.h>

struct head {
    int64_t unix_s;
    uint64_t uptime_ms;
    uint8_t level, module_bytes, text_bytes;
};

enum { TEXT_MOST = 255, MODULE_MOST = 32 };

void log_ring_init(struct log_ring *ring, void *memory, size_t cap)
{
    *ring = (struct log_ring){.bytes = memory, .cap = cap};
}

static struct head head_at(const struct log_ring *ring, size_t at)
{
    struct head head;
    memcpy(&head, ring->bytes + at, sizeof head);
    return head;
}

static size_t line_bytes(const struct head *head)
{
    return sizeof *head + head->module_bytes + head->text_bytes;
}

static void make_room(struct log_ring *ring, size_t needed)
{
    size_t gone = 0;
    while (ring->cap - (ring->used - gone) < needed) {
        const struct head oldest = head_at(ring, gone);
        gone += line_bytes(&oldest);
    }
    ring->used -= gone;
    memmove(ring->bytes, ring->bytes + gone, ring->used);
}

/* Not in the middle of a character: what follows would be no UTF-8. */
static size_t cut(spoke_str text, size_t most)
{
    size_t len = text.len < most ? text.len : most;
    while (len > 0 && len < text.len && ((unsigned char)text.ptr[len] & 0xC0) == 0x80)
        len--;
    return len;
}

/* A line may quote the wire; what is read from here has to be UTF-8. */
static void make_text(uint8_t *bytes, size_t len)
{
    if (spoke_utf8_valid(spoke_str_from((const char *)bytes, len)))
        return;
    for (size_t i = 0; i < len; i++)
        if (bytes[i] >= 0x80 || bytes[i] == 0)
            bytes[i] = '?';
}

void log_ring_add(struct log_ring *ring, const struct log_ring_line *line)
{
    struct head head = {.unix_s = line->unix_s, .uptime_ms = line->uptime_ms, .level = (uint8_t)line->level};
    head.module_bytes = (uint8_t)cut(line->module, MODULE_MOST);
    if (ring->cap < sizeof head + head.module_bytes)
        return;
    const size_t room = ring->cap - sizeof head - head.module_bytes;
    head.text_bytes = (uint8_t)cut(line->text, room < TEXT_MOST ? room : TEXT_MOST);
    make_room(ring, line_bytes(&head));
    uint8_t *at = ring->bytes + ring->used;
    memcpy(at, &head, sizeof head);
    if (head.module_bytes > 0)
        memcpy(at + sizeof head, line->module.ptr, head.module_bytes);
    if (head.text_bytes > 0)
        memcpy(at + sizeof head + head.module_bytes, line->text.ptr, head.text_bytes);
    make_text(at + sizeof head, (size_t)head.module_bytes + head.text_bytes);
    ring->used += line_bytes(&head);
}

bool log_ring_next(const struct log_ring *ring, size_t *at, struct log_ring_line *out)
{
    if (*at >= ring->used)
        return false;
    const struct head head = head_at(ring, *at);
    const char *text = (const char *)ring->bytes + *at + sizeof head;
    *out = (struct log_ring_line){.unix_s = head.unix_s,
                                  .uptime_ms = head.uptime_ms,
                                  .level = (spoke_log_level)head.level,
                                  .module = spoke_str_from(text, head.module_bytes),
                                  .text = spoke_str_from(text + head.module_bytes, head.text_bytes)};
    *at += line_bytes(&head);
    return true;
}

/* --- the guard --- */

#if defined(__STDC_NO_ATOMICS__)

void log_ring_guard_init(log_ring_guard *guard)
{
    *guard = false;
}

bool log_ring_enter(log_ring_guard *guard)
{
    const bool mine = !*guard;
    *guard = true;
    return mine;
}

void log_ring_leave(log_ring_guard *guard)
{
    *guard = false;
}

#else

void log_ring_guard_init(log_ring_guard *guard)
{
    atomic_flag_clear(guard);
}

bool log_ring_enter(log_ring_guard *guard)
{
    return !atomic_flag_test_and_set_explicit(guard, memory_order_acquire);
}

void log_ring_leave(log_ring_guard *guard)
{
    atomic_flag_clear_explicit(guard, memory_order_release);
}

#endif
