#include "outbox.h"

#include <assert.h>
#include <string.h>

static struct outbox_entry *entry_at(const struct outbox *o, uint32_t offset)
{
    return (struct outbox_entry *)(void *)(o->ring + offset);
}

static uint32_t after(const struct outbox *o, uint32_t offset)
{
    const uint32_t next = offset + entry_at(o, offset)->size;
    return next >= o->end ? 0 : next;
}

void outbox_init(struct outbox *o, void *memory, size_t cap)
{
    memset(o, 0, sizeof *o);
    o->ring = memory;
    o->cap = cap >= 64 && cap <= INT32_MAX ? (uint32_t)(cap & ~(size_t)7) : 0;
    outbox_limit(o, cap);
    outbox_clear(o);
}

void outbox_limit(struct outbox *o, size_t most)
{
    const uint32_t room = o->cap > 0 ? o->cap - (uint32_t)sizeof(struct outbox_entry) : 0;
    o->most = most < room ? (uint32_t)most : room;
}

void outbox_clear(struct outbox *o)
{
    o->oldest = o->tail = o->next = 0;
    o->end = o->cap;
    o->count = o->unsent = o->held = 0;
}

/* Where a message may go: behind the last entry first, then at the start of the ring. */
static bool place(const struct outbox *o, unsigned attempt, uint32_t *offset, uint32_t *room)
{
    const bool wrapped = o->held > 0 && o->tail <= o->oldest;
    if (attempt == 0) {
        *offset = o->tail;
        *room = (wrapped ? o->oldest : o->cap) - o->tail;
        return *room > sizeof(struct outbox_entry);
    }
    *offset = 0;
    *room = o->oldest;
    return !wrapped && o->held > 0 && *room > sizeof(struct outbox_entry);
}

static void commit(struct outbox *o, uint32_t offset, const struct outbox_entry *entry)
{
    *entry_at(o, offset) = *entry;
    if (offset == 0 && o->held > 0)
        o->end = o->tail;
    o->tail = offset + entry->size;
    if (o->unsent == 0)
        o->next = offset;
    o->held++;
    o->count++;
    o->unsent++;
}

spoke_status outbox_add(struct outbox *o, uint32_t id, uint8_t qos, outbox_write_fn write, void *ctx)
{
    for (unsigned attempt = 0; attempt < 2; attempt++) {
        uint32_t offset, room;
        if (!place(o, attempt, &offset, &room))
            continue;
        spoke_buf out =
            spoke_buf_from(o->ring + offset + sizeof(struct outbox_entry), room - sizeof(struct outbox_entry));
        size_t head_bytes = 0;
        const spoke_status status = write(ctx, &out, &head_bytes);
        if (status == SPOKE_E_TOO_SMALL && out.cap < o->most)
            continue;
        if (status == SPOKE_E_TOO_SMALL || (status == SPOKE_OK && out.len > o->most))
            return SPOKE_E_TOO_LARGE;
        if (status != SPOKE_OK)
            return status;
        assert(head_bytes <= out.len && out.len <= out.cap);
        /* room is a multiple of 8, so rounding up stays inside it */
        const struct outbox_entry entry = {.size = (uint32_t)((sizeof entry + out.len + 7) & ~(size_t)7),
                                           .id = id,
                                           .head_bytes = (uint32_t)head_bytes,
                                           .body_bytes = (uint32_t)(out.len - head_bytes),
                                           .state = OUTBOX_QUEUED,
                                           .qos = qos};
        commit(o, offset, &entry);
        return SPOKE_OK;
    }
    return o->held > 0 ? SPOKE_E_FULL : SPOKE_E_TOO_LARGE;
}

struct outbox_entry *outbox_next(const struct outbox *o)
{
    return o->unsent > 0 ? entry_at(o, o->next) : NULL;
}

spoke_str outbox_head(const struct outbox_entry *entry)
{
    return spoke_str_from((const char *)(entry + 1), entry->head_bytes);
}

spoke_str outbox_body(const struct outbox_entry *entry)
{
    return spoke_str_from((const char *)(entry + 1) + entry->head_bytes, entry->body_bytes);
}

uint32_t outbox_token(const struct outbox *o, const struct outbox_entry *entry)
{
    return (uint32_t)((const uint8_t *)entry - o->ring);
}

/* Moves `next` to the following QUEUED entry; entries that were done before a rewind are passed over. */
static void seek_unsent(struct outbox *o)
{
    while (o->unsent > 0 && entry_at(o, o->next)->state != OUTBOX_QUEUED)
        o->next = after(o, o->next);
}

void outbox_sent(struct outbox *o, uint16_t packet_id)
{
    assert(o->unsent > 0);
    struct outbox_entry *entry = entry_at(o, o->next);
    entry->state = OUTBOX_SENT;
    entry->packet_id = packet_id;
    o->unsent--;
    if (o->unsent > 0) {
        o->next = after(o, o->next);
        seek_unsent(o);
    }
}

static void drop_done(struct outbox *o)
{
    while (o->held > 0 && entry_at(o, o->oldest)->state == OUTBOX_DONE) {
        const uint32_t next = o->oldest + entry_at(o, o->oldest)->size;
        o->held--;
        if (next >= o->end) {
            o->oldest = 0;
            o->end = o->cap;
        } else {
            o->oldest = next;
        }
    }
    if (o->held == 0)
        outbox_clear(o);
}

spoke_status outbox_done(struct outbox *o, uint32_t token, uint32_t *id)
{
    if (o->held == 0 || token % 8 != 0 || token >= o->cap || entry_at(o, token)->state != OUTBOX_SENT)
        return SPOKE_E_NOT_FOUND;
    struct outbox_entry *entry = entry_at(o, token);
    *id = entry->id;
    entry->state = OUTBOX_DONE;
    o->count--;
    drop_done(o);
    return SPOKE_OK;
}

void outbox_rewind(struct outbox *o)
{
    o->next = o->oldest;
    o->unsent = o->count;
    uint32_t offset = o->oldest;
    for (size_t i = 0; i < o->held; i++, offset = after(o, offset)) {
        struct outbox_entry *entry = entry_at(o, offset);
        if (entry->state == OUTBOX_SENT)
            entry->state = OUTBOX_QUEUED;
    }
    seek_unsent(o);
}

void outbox_forget_packet_ids(struct outbox *o)
{
    uint32_t offset = o->oldest;
    for (size_t i = 0; i < o->held; i++, offset = after(o, offset))
        entry_at(o, offset)->packet_id = 0;
}
