#include "work.h"

#include <stdlib.h>

#include "core_internal.h"

/* A queue that is longer than that would only make everybody wait longer. */
static const size_t MOST_WAITING[CORE_LANES] = {[WORK_SLOW] = 8, [WORK_QUICK] = 64};

enum work_end work_ended(struct work *w)
{
    if (!w->elsewhere && atomic_load(&w->end) == WORK_GOES_ON && core_now_ms(w->core) >= w->due_ms)
        atomic_store(&w->end, WORK_TOO_LONG);
    return (enum work_end)atomic_load(&w->end);
}

static void run(void *job)
{
    struct work *w = job;
    if (work_ended(w) == WORK_GOES_ON)
        w->run(w, w->core->readers[w->lane]);
}

static void done(void *job)
{
    struct work *w = job;
    struct work **at = &w->core->works;
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    w->done(w);
}

/* E_UNSUPPORTED: nothing can be read elsewhere. */
static spoke_status open_reader(struct core *c, enum work_lane lane)
{
    if (c->offload == NULL)
        return SPOKE_E_UNSUPPORTED;
    return c->readers[lane] != NULL ? SPOKE_OK : store_open_reader(c->store, &c->readers[lane]);
}

static bool send_away(struct core *c, struct work *w)
{
    w->elsewhere = true;
    w->next = c->works;
    c->works = w;
    if (c->offload(c->offload_ctx, w->lane, run, done, w))
        return true;
    c->works = w->next;
    w->elsewhere = false;
    return false;
}

static size_t count_lane(const struct core *c, enum work_lane lane)
{
    size_t count = 0;
    for (const struct work *w = c->works; w != NULL; w = w->next)
        count += w->lane == lane;
    return count;
}

bool work_start(struct core *c, struct work *w, uint32_t limit_ms, spoke_status *status)
{
    *status = SPOKE_OK;
    w->core = c;
    w->due_ms = core_now_ms(c) + limit_ms;
    w->ticket = 0;
    atomic_init(&w->end, WORK_GOES_ON);
    w->elsewhere = false;
    if (count_lane(c, w->lane) >= MOST_WAITING[w->lane]) {
        *status = SPOKE_E_FULL;
        return false;
    }
    const spoke_status opened = open_reader(c, w->lane);
    if (opened == SPOKE_E_UNSUPPORTED) {
        w->run(w, c->store);
        return false;
    }
    if (opened != SPOKE_OK || !send_away(c, w)) {
        *status = SPOKE_E_FULL;
        return false;
    }
    w->ticket = ++c->last_ticket;
    core_due(c, w->due_ms);
    return true;
}

bool work_cancel(struct core *c, uint64_t ticket)
{
    for (struct work *w = c->works; w != NULL; w = w->next) {
        if (w->ticket != ticket)
            continue;
        atomic_store(&w->end, WORK_LEFT);
        return true;
    }
    return false;
}

uint64_t work_deadline(const struct core *c)
{
    uint64_t due = UINT64_MAX;
    for (const struct work *w = c->works; w != NULL; w = w->next)
        if (w->due_ms < due && atomic_load(&w->end) == WORK_GOES_ON)
            due = w->due_ms;
    return due;
}

void work_tick(struct core *c)
{
    const uint64_t now = core_now_ms(c);
    for (struct work *w = c->works; w != NULL; w = w->next) {
        int goes_on = WORK_GOES_ON;
        if (w->due_ms <= now)
            (void)atomic_compare_exchange_strong(&w->end, &goes_on, WORK_TOO_LONG);
    }
}

void core_set_offload(struct core *c, core_offload_fn offload, void *ctx)
{
    c->offload = offload;
    c->offload_ctx = ctx;
    for (struct work *w = c->works; w != NULL && offload == NULL; w = w->next)
        atomic_store(&w->end, WORK_LEFT);
}

void work_fini(struct core *c)
{
    for (size_t i = 0; i < CORE_LANES; i++) {
        store_close(c->readers[i]);
        c->readers[i] = NULL;
    }
}
