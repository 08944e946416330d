#include "rates.h"

#include <stdlib.h>
#include <string.h>

#include "json_tree.h"

#define WINDOW_MS 1000u

spoke_status rates_init(struct rates *r, uint32_t limit)
{
    memset(r, 0, sizeof *r);
    r->limit = limit < RATES_MOST ? limit : RATES_MOST;
    if (r->limit == 0)
        return SPOKE_OK;
    r->accepted = calloc(r->limit, sizeof *r->accepted);
    return r->accepted != NULL ? SPOKE_OK : SPOKE_E_NO_MEMORY;
}

void rates_fini(struct rates *r)
{
    free(r->accepted);
    r->accepted = NULL;
}

/* Exact: the limit-th accepted before this one has to be a whole second ago. */
static bool within_limit(struct rates *r, uint64_t now_ms)
{
    if (r->limit == 0)
        return true;
    const uint64_t then = r->accepted[r->oldest];
    if (then != 0 && now_ms < then - 1 + WINDOW_MS)
        return false;
    r->accepted[r->oldest] = now_ms + 1;
    r->oldest = (r->oldest + 1) % r->limit;
    return true;
}

/* --- what came --- */

static void move_window(struct rates *r, uint64_t slice)
{
    const uint64_t steps = slice - r->slice;
    for (uint64_t i = 1; i <= steps && i <= RATES_SLICES; i++)
        r->slices[(r->slice + i) % RATES_SLICES] = 0;
    r->slice = slice;
}

static void count_in_window(struct rates *r, uint64_t now_ms, int64_t unix_ms)
{
    uint32_t sum = 0;
    move_window(r, now_ms / (WINDOW_MS / RATES_SLICES));
    r->slices[r->slice % RATES_SLICES]++;
    for (size_t i = 0; i < RATES_SLICES; i++)
        sum += r->slices[i];
    if (sum <= r->peak)
        return;
    r->peak = sum;
    r->peak_ms = unix_ms;
}

static struct rate_second *second_of(struct rates *r, int64_t unix_s)
{
    struct rate_second *newest = &r->seconds[r->second_at];
    if (r->second_count > 0 && newest->unix_s == unix_s)
        return newest;
    if (r->second_count > 0)
        r->second_at = (r->second_at + 1) % RATES_KEPT_S;
    if (r->second_count < RATES_KEPT_S)
        r->second_count++;
    newest = &r->seconds[r->second_at];
    *newest = (struct rate_second){.unix_s = unix_s};
    return newest;
}

bool rates_admit(struct rates *r, uint64_t now_ms, int64_t unix_ms)
{
    const bool admitted = within_limit(r, now_ms);
    struct rate_second *second = second_of(r, unix_ms / 1000);
    count_in_window(r, now_ms, unix_ms);
    r->connects++;
    second->connects++;
    r->refused += !admitted;
    second->refused += !admitted;
    return admitted;
}

void rates_forget(struct rates *r)
{
    const struct rates fresh = {.limit = r->limit, .accepted = r->accepted, .oldest = r->oldest};
    *r = fresh;
}

/* --- showing --- */

static cJSON *show_second(const struct rate_second *second)
{
    cJSON *tree = cJSON_CreateObject();
    json_add_time(tree, "at", second->unix_s * 1000);
    cJSON_AddNumberToObject(tree, "connects", second->connects);
    cJSON_AddNumberToObject(tree, "refused", second->refused);
    return tree;
}

cJSON *rates_get(const struct rates *r)
{
    cJSON *tree = cJSON_CreateObject();
    if (r->limit > 0)
        cJSON_AddNumberToObject(tree, "limit", r->limit);
    cJSON_AddNumberToObject(tree, "connects", (double)r->connects);
    cJSON_AddNumberToObject(tree, "refused", (double)r->refused);
    cJSON *peak = cJSON_AddObjectToObject(tree, "peak");
    cJSON_AddNumberToObject(peak, "connects", r->peak);
    if (r->peak > 0)
        json_add_time(peak, "at", r->peak_ms);
    cJSON *list = cJSON_AddArrayToObject(tree, "seconds");
    for (size_t i = r->second_count; i > 0; i--)
        cJSON_AddItemToArray(list,
                             show_second(&r->seconds[(r->second_at + RATES_KEPT_S - (i - 1)) % RATES_KEPT_S]));
    return tree;
}
