#include "ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool ledger_init(struct ledger *l, uint32_t capacity)
{
    memset(l, 0, sizeof *l);
    l->entries = calloc(capacity, sizeof *l->entries);
    l->capacity = capacity;
    return l->entries != NULL;
}

void ledger_free(struct ledger *l)
{
    free(l->entries);
    memset(l, 0, sizeof *l);
}

static void broken(struct ledger *l, const char *claim, uint32_t n)
{
    if (l->why[0] == '\0')
        snprintf(l->why, sizeof l->why, "message %u %s", n, claim);
}

void ledger_offered(struct ledger *l, uint32_t n, spoke_priority priority)
{
    if (n < l->capacity)
        l->entries[n] = (struct ledger_entry){.fate = LEDGER_ACCEPTED, .priority = priority};
    else
        broken(l, "is beyond the ledger", n);
}

void ledger_not_accepted(struct ledger *l, uint32_t n, enum ledger_fate fate)
{
    if (n < l->capacity && l->entries[n].fate != LEDGER_DELIVERED)
        l->entries[n].fate = fate;
}

void ledger_outcome(struct ledger *l, uint32_t n, spoke_status outcome)
{
    struct ledger_entry *e = n < l->capacity ? &l->entries[n] : NULL;
    if (e == NULL || e->fate == LEDGER_UNKNOWN || e->fate == LEDGER_REFUSED)
        broken(l, "has an outcome and was not accepted", n);
    else if (outcome == SPOKE_OK)
        e->fate = LEDGER_DELIVERED;
    else if (e->fate != LEDGER_DELIVERED)
        e->fate = LEDGER_DROPPED;
}

void ledger_forget_waiting(struct ledger *l)
{
    for (uint32_t n = 0; n < l->capacity; n++)
        if (l->entries[n].fate == LEDGER_ACCEPTED)
            l->entries[n].fate = LEDGER_UNSURE;
}

static void first_copy(struct ledger *l, uint32_t n, const char *id)
{
    struct ledger_entry *e = &l->entries[n];
    if (n + 1 <= l->last[e->priority])
        broken(l, "arrived after a later one of its priority", n);
    l->last[e->priority] = n + 1;
    snprintf(e->id, sizeof e->id, "%s", id);
    if (l->with_ids && id[0] == '\0')
        broken(l, "has no message id", n);
}

/* The same message id twice: the same message. */
static void check_content(struct ledger *l, uint32_t n, const char *id, uint32_t members)
{
    struct ledger_entry *e = &l->entries[n];
    if (e->members == 0) {
        snprintf(e->group, sizeof e->group, "%s", id);
        e->members = members;
    }
    if (id[0] != '\0' && strcmp(e->group, id) == 0 && e->members != members)
        broken(l, "came again with other readings under one message id", n);
}

void ledger_arrived(struct ledger *l, uint32_t n, const char *message_id, uint32_t members)
{
    if (n >= l->capacity || l->entries[n].fate == LEDGER_UNKNOWN || l->entries[n].fate == LEDGER_REFUSED) {
        broken(l, "arrived and was not accepted", n);
        return;
    }
    if (members > 0)
        check_content(l, n, message_id, members);
    if (l->entries[n].copies++ == 0)
        first_copy(l, n, message_id);
    else if (!l->regroups && strcmp(l->entries[n].id, message_id) != 0)
        broken(l, "has a copy with another message id", n);
}

static void count(struct ledger *l, uint32_t n, uint32_t *missing)
{
    const struct ledger_entry *e = &l->entries[n];
    const bool offered = e->fate != LEDGER_UNKNOWN && e->fate != LEDGER_REFUSED;
    l->accepted += offered && e->fate != LEDGER_UNSURE;
    l->refused += e->fate == LEDGER_REFUSED;
    l->unsure += e->fate == LEDGER_UNSURE;
    l->delivered += e->copies > 0;
    l->dropped += e->fate == LEDGER_DROPPED && e->copies == 0;
    l->copies += e->copies > 1 ? e->copies - 1 : 0;
    if (e->copies > 0)
        return;
    if (e->fate == LEDGER_DELIVERED)
        broken(l, "was told as delivered, and is not there", n);
    if (e->fate == LEDGER_ACCEPTED)
        l->lost = n + 1;
    *missing += e->fate == LEDGER_ACCEPTED;
}

bool ledger_check(struct ledger *l, uint32_t untold)
{
    uint32_t missing = 0;
    l->accepted = l->refused = l->unsure = l->delivered = l->dropped = l->copies = l->lost = 0;
    for (uint32_t n = 0; n < l->capacity; n++)
        count(l, n, &missing);
    if (missing > untold)
        broken(l, "was accepted and is lost", l->lost - 1);
    l->lost = missing > untold ? missing - untold : 0;
    l->dropped += missing < untold ? missing : untold;
    return l->why[0] == '\0';
}
