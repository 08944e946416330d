#include "refused.h"

#include <stdlib.h>

#include "core_internal.h"
#include "guesses.h"

#define PAUSE_MS 1000u
#define EACH_MS 500u /* what one refusal uses up of the time of its address */
#define BURST 20u
#define MOST_WAITING 32u /* each has a connection, of which others need some */

struct refused {
    struct list_node in_waiting;
    uint64_t ticket, due_ms;
    struct core_response response;
    char *body; /* that it has, or NULL */
    core_done_fn done;
    void *user;
};

struct refusals {
    struct core *core;
    struct guesses guesses;
    struct list waiting; /* the earliest first */
    struct core_task task;
};

static bool in_time(struct refusals *r, spoke_str address)
{
    const uint64_t now = core_now_ms(r->core);
    if (guesses_wait_ms(&r->guesses, address, EACH_MS, now) > 0)
        return false;
    guesses_charge(&r->guesses, address, EACH_MS, now);
    return true;
}

static uint64_t next_due(const struct refusals *r)
{
    const struct refused *first = r->waiting.first != NULL ? r->waiting.first->owner : NULL;
    return first != NULL ? first->due_ms : UINT64_MAX;
}

static void forget(struct refused *one)
{
    list_leave(&one->in_waiting);
    free(one->body);
    free(one);
}

static void send_due(void *ctx)
{
    struct refusals *r = ctx;
    while (next_due(r) <= core_now_ms(r->core)) {
        struct refused *one = list_take(&r->waiting);
        one->done(one->user, &one->response);
        forget(one);
    }
    (void)core_task_set(r->core, &r->task, next_due(r)); /* it was set before */
}

static struct refusals *refusals_of(struct core *c)
{
    if (c->refusals == NULL && (c->refusals = calloc(1, sizeof *c->refusals)) != NULL) {
        c->refusals->core = c;
        c->refusals->guesses.burst_ms = BURST * EACH_MS;
        c->refusals->task.run = send_due;
        c->refusals->task.ctx = c->refusals;
    }
    return c->refusals;
}

static struct refused *copy_of(const struct core_response *response)
{
    struct refused *one = calloc(1, sizeof *one);
    if (one == NULL)
        return NULL;
    one->response = *response;
    if (response->body.len > 0 && !text_set(&one->body, response->body)) {
        free(one);
        return NULL;
    }
    one->response.body = spoke_str_of(one->body);
    return one;
}

/* Its ticket; 0: there is no memory. */
static uint64_t keep(struct refusals *r, const struct core_response *response, core_done_fn done, void *user)
{
    const uint64_t due_ms = core_now_ms(r->core) + PAUSE_MS;
    struct refused *one = copy_of(response);
    if (one == NULL)
        return 0;
    if (core_task_set(r->core, &r->task, r->waiting.first != NULL ? next_due(r) : due_ms) != SPOKE_OK) {
        forget(one);
        return 0;
    }
    one->ticket = ++r->core->last_ticket;
    one->due_ms = due_ms;
    one->done = done;
    one->user = user;
    list_join(&r->waiting, &one->in_waiting, one);
    return one->ticket;
}

uint64_t refused_answer(struct core *c, spoke_str address, const struct core_response *response, core_done_fn done,
                        void *user)
{
    struct refusals *r = address.len > 0 && address.len <= GUESSES_ADDRESS_BYTES ? refusals_of(c) : NULL;
    uint64_t ticket = 0;
    if (r != NULL && !in_time(r, address) && r->waiting.count < MOST_WAITING)
        ticket = keep(r, response, done, user);
    if (ticket == 0)
        done(user, response);
    return ticket;
}

bool refused_cancel(struct core *c, uint64_t ticket)
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

void refused_free(struct core *c)
{
    while (c->refusals != NULL && c->refusals->waiting.first != NULL)
        forget(c->refusals->waiting.first->owner);
    free(c->refusals);
    c->refusals = NULL;
}
