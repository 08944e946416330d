/* Events that were cleared leave the store in pieces, some in a turn, so that nobody waits for them. Also after a restart
 * in the midst of it. */
#include "core_internal.h"

enum {
    PIECES_A_TURN = 2,
    TURN_MS = 3, /* where the disk is slow */
    PAUSE_MS = 10,
    LOST_PAUSE_MS = 10000 /* a disk that is full is so a moment later */
};

static void turn(void *ctx);

static void set_due(struct core *c, uint64_t pause_ms)
{
    c->clearing.run = turn;
    c->clearing.ctx = c;
    (void)core_task_set(c, &c->clearing, core_now_ms(c) + pause_ms);
}

/* Sets itself due before it knows whether that was the last: the commit may take it back. */
static void turn(void *ctx)
{
    struct core *c = ctx;
    const uint64_t end = core_now_ms(c) + TURN_MS;
    if (!store_clearing(c->store))
        return;
    spoke_status status = core_dirty(c);
    for (int i = 0; i < PIECES_A_TURN && status == SPOKE_OK && core_now_ms(c) < end; i++)
        status = store_clear_some(c->store);
    set_due(c, status == SPOKE_OK ? PAUSE_MS : LOST_PAUSE_MS);
}

void clear_wake(struct core *c)
{
    const bool is_due = c->clearing.run != NULL && c->clearing.timer.due != UINT64_MAX;
    if (store_clearing(c->store) && !is_due)
        set_due(c, PAUSE_MS);
}

void clear_lost(struct core *c)
{
    if (store_clearing(c->store))
        set_due(c, LOST_PAUSE_MS);
}

spoke_status core_events_clear(struct core *c, const char *device_id)
{
    spoke_status status = core_dirty(c);
    if (status == SPOKE_OK)
        status = store_message_clear(c->store, device_id);
    clear_wake(c);
    return status;
}
