#include "rest_refused.h"

#include <stdlib.h>
#include <string.h>

#include "central/core/core_internal.h"

#define ADDRESSES 64u /* remembered; the one that was quiet longest makes room */
#define PAUSE_MS 1000u
#define EACH_MS 500u /* what one refusal uses up of the time of its address */
#define BURST 20u
#define MOST_WAITING 32u /* each has a connection, of which others need some */

struct guesser {
    char address[16];
    size_t len;
    uint64_t spent_ms; /* until when what was refused has used up the rate */
};

struct refused {
    struct list_node in_waiting;
    uint64_t ticket, due_ms;
    struct rest_reply reply;
    core_done_fn done;
    void *user;
};

struct refusals {
    struct core *core;
    struct guesser guessers[ADDRESSES];
    struct list waiting; /* the earliest first */
    struct core_task task;
};

/* Its place, or that of the one that was quiet longest. */
static struct guesser *guesser_of(struct refusals *r, spoke_str address)
{
    struct guesser *quiet = &r->guessers[0];
    for (size_t i = 0; i < ADDRESSES; i++) {
        struct guesser *g = &r->guessers[i];
        if (g->len == address.len && memcmp(g->address, address.ptr, address.len) == 0)
            return g;
        if (g->spent_ms < quiet->spent_ms)
            quiet = g;
    }
    *quiet = (struct guesser){.len = address.len};
    memcpy(quiet->address, address.ptr, address.len);
    return quiet;
}

static bool in_time(struct refusals *r, spoke_str address)
{
    const uint64_t now = core_now_ms(r->core);
    struct guesser *g = guesser_of(r, address);
    const uint64_t spent = g->spent_ms > now ? g->spent_ms : now;
    if (spent + EACH_MS > now + BURST * EACH_MS)
        return false;
    g->spent_ms = spent + EACH_MS;
    return true;
}

static uint64_t next_due(const struct refusals *r)
{
    const struct refused *first = r->waiting.first != NULL ? r->waiting.first->owner : NULL;
    return first != NULL ? first->due_ms : UINT64_MAX;
}

static void send_due(void *ctx)
{
    struct refusals *r = ctx;
    while (next_due(r) <= core_now_ms(r->core)) {
        struct refused *one = list_take(&r->waiting);
        rest_send(r->core, &one->reply, one->done, one->user);
        free(one);
    }
    (void)core_task_set(r->core, &r->task, next_due(r)); /* it was set before */
}

static struct refusals *refusals_of(struct core *c)
{
    if (c->refusals == NULL && (c->refusals = calloc(1, sizeof *c->refusals)) != NULL) {
        c->refusals->core = c;
        c->refusals->task.run = send_due;
        c->refusals->task.ctx = c->refusals;
    }
    return c->refusals;
}

bool rest_refused_later(struct rest_call *call)
{
    struct core *c = call->core;
    const spoke_str address = call->request->address;
    struct refusals *r = address.len > 0 && address.len <= 16 ? refusals_of(c) : NULL;
    if (r == NULL || in_time(r, address) || r->waiting.count == MOST_WAITING)
        return false;
    struct refused *one = calloc(1, sizeof *one);
    const uint64_t due_ms = core_now_ms(c) + PAUSE_MS;
    if (one == NULL || core_task_set(c, &r->task, r->waiting.first != NULL ? next_due(r) : due_ms) != SPOKE_OK) {
        free(one);
        return false;
    }
    *one = (struct refused){.ticket = ++c->last_ticket,
                            .due_ms = due_ms,
                            .reply = call->reply,
                            .done = call->done,
                            .user = call->user};
    list_join(&r->waiting, &one->in_waiting, one);
    call->later = true;
    call->ticket = one->ticket;
    return true;
}

static void forget(struct refused *one)
{
    list_leave(&one->in_waiting);
    cJSON_Delete(one->reply.issues);
    free(one->reply.text);
    free(one);
}

bool rest_refused_cancel(struct core *c, uint64_t ticket)
{
    struct list_node *at = c->refusals != NULL ? c->refusals->waiting.first : NULL;
    for (; at != NULL; at = at->next) {
        struct refused *one = at->owner;
        if (one->ticket != ticket)
            continue;
        forget(one);
        return true;
    }
    return false;
}

void rest_refused_free(struct core *c)
{
    while (c->refusals != NULL && c->refusals->waiting.first != NULL)
        forget(c->refusals->waiting.first->owner);
    free(c->refusals);
    c->refusals = NULL;
}
