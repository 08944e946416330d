#include "ql_run.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/iso8601.h"

/* --- text that grows --- */

struct growing {
    char *ptr;
    size_t len, cap;
    bool failed;
};

static bool grow_room(struct growing *g, size_t more)
{
    if (g->len + more + 1 <= g->cap)
        return true;
    const size_t cap = 2 * (g->len + more + 32);
    char *ptr = realloc(g->ptr, cap);
    if (ptr == NULL)
        return false;
    g->ptr = ptr;
    g->cap = cap;
    return true;
}

static void grow_text(struct growing *g, spoke_str text)
{
    g->failed = g->failed || !grow_room(g, text.len);
    if (g->failed)
        return;
    if (text.len > 0)
        memcpy(g->ptr + g->len, text.ptr, text.len);
    g->len += text.len;
    g->ptr[g->len] = '\0';
}

/* The text on the heap; NULL: there was no memory for it. */
static char *grow_end(struct growing *g)
{
    if (!g->failed)
        return g->ptr;
    free(g->ptr);
    return NULL;
}

static void grow_quoted(struct growing *g, spoke_str text)
{
    grow_text(g, SPOKE_STR("\""));
    grow_text(g, text);
    grow_text(g, SPOKE_STR("\""));
}

/* Digits enough to give the same number back. */
static void grow_number(struct growing *g, double value)
{
    char text[40];
    double back = 0;
    (void)snprintf(text, sizeof text, "%.15g", value);
    if (spoke_json_double(spoke_str_of(text), &back) == SPOKE_OK && (back < value || back > value))
        (void)snprintf(text, sizeof text, "%.17g", value);
    /* a sum beyond the largest double is no JSON */
    grow_text(g,
              spoke_json_double(spoke_str_of(text), &back) == SPOKE_OK ? spoke_str_of(text) : SPOKE_STR("null"));
}

static void grow_time(struct growing *g, int64_t ms)
{
    char text[40];
    spoke_buf buf = spoke_buf_from(text, sizeof text);
    if (iso8601_format(ms, ms % 1000 != 0 ? 3 : 0, &buf) != SPOKE_OK)
        buf.len = 0; /* outside 1970..9999 */
    grow_quoted(g, spoke_buf_str(&buf));
}

/* --- rows of the answer: a heap whose root is the one to go first --- */

struct key {
    enum ql_type type;
    double number;
    char *text;
    size_t text_len;
};

struct row {
    struct key keys[QL_MAX_ORDERS];
    uint64_t number, added; /* the caller's, and in order of arrival */
    char *json;
    size_t bytes;
};

/* What an aggregate has of one item. */
struct sum {
    uint64_t count, numbers;
    double sum, least, most;
    double at; /* of the value that FIRST or LAST keeps */
    char *json;
};

struct group {
    int64_t bucket_ms;
    char *device_id; /* "" unless grouped by it */
    struct sum sums[QL_MAX_ITEMS];
};

struct ql_run {
    const struct ql_query *q;
    int64_t now_ms;
    size_t most;
    bool aggregate;
    struct row *rows;
    size_t row_count, row_cap;
    uint64_t added;
    size_t bytes;
    void *by_key; /* groups, root of tsearch */
    struct group **groups;
    size_t group_count, group_cap;
    struct group *last; /* rows of one group mostly stand together */
};

static int compare_keys(const struct key *a, const struct key *b)
{
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    if (a->type == QL_TEXT) {
        const size_t len = a->text_len < b->text_len ? a->text_len : b->text_len;
        const int order = len > 0 ? memcmp(a->text, b->text, len) : 0;
        return order != 0 ? order : (a->text_len > b->text_len) - (a->text_len < b->text_len);
    }
    return (a->number > b->number) - (a->number < b->number);
}

/* Below 0: a stands before b. */
static int compare_rows(const struct ql_run *run, const struct row *a, const struct row *b)
{
    for (size_t i = 0; i < run->q->order_count; i++) {
        const int order = compare_keys(&a->keys[i], &b->keys[i]);
        if (order != 0)
            return run->q->orders[i].descending ? -order : order;
    }
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    return a->added < b->added ? -1 : 1;
}

static void row_clear(struct row *row)
{
    for (size_t i = 0; i < QL_MAX_ORDERS; i++)
        free(row->keys[i].text);
    free(row->json);
    memset(row, 0, sizeof *row);
}

static void swap(struct row *a, struct row *b)
{
    const struct row kept = *a;
    *a = *b;
    *b = kept;
}

static void sift_up(struct ql_run *run, size_t at)
{
    while (at > 0 && compare_rows(run, &run->rows[(at - 1) / 2], &run->rows[at]) < 0) {
        swap(&run->rows[(at - 1) / 2], &run->rows[at]);
        at = (at - 1) / 2;
    }
}

static void sift_down(struct ql_run *run, size_t count)
{
    for (size_t at = 0;;) {
        size_t last = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++)
            if (compare_rows(run, &run->rows[last], &run->rows[child]) < 0)
                last = child;
        if (last == at)
            return;
        swap(&run->rows[at], &run->rows[last]);
        at = last;
    }
}

static spoke_status room_for_row(struct ql_run *run)
{
    if (run->row_count < run->row_cap)
        return SPOKE_OK;
    const size_t cap = run->row_cap == 0 ? 64 : 2 * run->row_cap;
    struct row *rows = realloc(run->rows, cap * sizeof *rows);
    if (rows == NULL)
        return SPOKE_E_NO_MEMORY;
    run->rows = rows;
    run->row_cap = cap;
    return SPOKE_OK;
}

/* Takes the row. */
static spoke_status keep_row(struct ql_run *run, struct row *row)
{
    const spoke_status status = room_for_row(run);
    if (status != SPOKE_OK) {
        row_clear(row);
        return status;
    }
    run->bytes += row->bytes;
    if (run->row_count == run->most) { /* it stands before the last one, which goes */
        run->bytes -= run->rows[0].bytes;
        row_clear(&run->rows[0]);
        run->rows[0] = *row;
        sift_down(run, run->row_count);
    } else {
        run->rows[run->row_count] = *row;
        sift_up(run, run->row_count++);
    }
    return run->bytes <= QL_MAX_RESULT_BYTES ? SPOKE_OK : SPOKE_E_TOO_LARGE;
}

/* --- plain rows --- */

static bool set_key(struct key *key, const struct ql_value *value)
{
    *key = (struct key){.type = value->type, .number = value->type == QL_BOOL ? value->truth : value->number};
    if (value->type != QL_TEXT)
        return true;
    key->text = malloc(value->text.len + 1);
    if (key->text != NULL && value->text.len > 0)
        memcpy(key->text, value->text.ptr, value->text.len);
    key->text_len = value->text.len;
    return key->text != NULL;
}

static void print_value(struct growing *g, const struct ql_path *path, const struct ql_value *value)
{
    if (path->name == QL_TS && value->type == QL_NUMBER)
        grow_time(g, (int64_t)value->number);
    else if (value->json.len > 0)
        grow_text(g, value->json);
    else if (value->type == QL_TEXT)
        grow_quoted(g, value->text); /* an id: no character of it needs an escape */
    else if (value->type == QL_BOOL)
        grow_text(g, value->truth ? SPOKE_STR("true") : SPOKE_STR("false"));
    else
        grow_number(g, value->number);
}

static void print_name(struct growing *g, const struct ql_item *item)
{
    static const char *const PREFIX[] = {
        [QL_PLAIN] = "",       [QL_SUM] = "sum_", [QL_MAX] = "max_",     [QL_MIN] = "min_",
        [QL_COUNT] = "count_", [QL_AVG] = "avg_", [QL_FIRST] = "first_", [QL_LAST] = "last_"};
    grow_text(g, g->len > 1 ? SPOKE_STR(",\"") : SPOKE_STR("\""));
    grow_text(g, item->alias.len > 0 ? SPOKE_STR("") : spoke_str_of(PREFIX[item->aggregate]));
    grow_text(g, item->alias.len > 0 ? item->alias : item->path.text);
    grow_text(g, SPOKE_STR("\":"));
}

static char *print_row(const struct ql_run *run, ql_get_fn get, void *ctx, size_t *len)
{
    struct growing g = {NULL, 0, 0, false};
    grow_text(&g, SPOKE_STR("{"));
    for (size_t i = 0; i < run->q->item_count; i++) {
        const struct ql_item *item = &run->q->items[i];
        struct ql_value value = {.type = QL_NONE};
        get(ctx, &item->path, &value);
        if (value.type == QL_NONE)
            continue;
        print_name(&g, item);
        print_value(&g, &item->path, &value);
    }
    grow_text(&g, SPOKE_STR("}"));
    *len = g.len;
    return grow_end(&g);
}

/* Of names that a message may or may not have, one has to be there. */
static bool has_any(const struct ql_run *run, ql_get_fn get, void *ctx)
{
    bool fields = false;
    for (size_t i = 0; i < run->q->item_count; i++) {
        struct ql_value value = {.type = QL_NONE};
        if (run->q->items[i].path.name != QL_FIELD)
            continue;
        fields = true;
        get(ctx, &run->q->items[i].path, &value);
        if (value.type != QL_NONE)
            return true;
    }
    return !fields;
}

static spoke_status add_plain(struct ql_run *run, uint64_t number, ql_get_fn get, void *ctx)
{
    struct row row = {.number = number, .added = run->added++};
    bool good = true;
    size_t len = 0;
    for (size_t i = 0; good && i < run->q->order_count; i++) {
        struct ql_value value = {.type = QL_NONE};
        get(ctx, &run->q->orders[i].path, &value);
        good = set_key(&row.keys[i], &value);
        row.bytes += value.text.len;
    }
    if (good && run->row_count == run->most && compare_rows(run, &run->rows[0], &row) < 0) {
        row_clear(&row); /* it would be the last one, and is one too many */
        return SPOKE_OK;
    }
    row.json = good ? print_row(run, get, ctx, &len) : NULL;
    row.bytes += len + sizeof row;
    if (row.json != NULL)
        return keep_row(run, &row);
    row_clear(&row);
    return SPOKE_E_NO_MEMORY;
}

/* --- groups --- */

static int compare_groups(const void *a, const void *b)
{
    const struct group *x = a, *y = b;
    if (x->bucket_ms != y->bucket_ms)
        return x->bucket_ms < y->bucket_ms ? -1 : 1;
    return strcmp(x->device_id, y->device_id);
}

static int compare_group_places(const void *a, const void *b)
{
    return compare_groups(*(struct group *const *)a, *(struct group *const *)b);
}

static void group_free(struct group *group)
{
    for (size_t i = 0; i < QL_MAX_ITEMS; i++)
        free(group->sums[i].json);
    free(group->device_id);
    free(group);
}

static struct group *group_make(struct ql_run *run, const struct group *key)
{
    if (run->group_count == run->group_cap) {
        const size_t cap = run->group_cap == 0 ? 16 : 2 * run->group_cap;
        struct group **groups = realloc(run->groups, cap * sizeof(struct group *));
        if (groups == NULL)
            return NULL;
        run->groups = groups;
        run->group_cap = cap;
    }
    struct group *group = calloc(1, sizeof *group);
    if (group == NULL)
        return NULL;
    group->bucket_ms = key->bucket_ms;
    group->device_id = strdup(key->device_id);
    if (group->device_id == NULL || tsearch(group, &run->by_key, compare_groups) == NULL) {
        group_free(group);
        return NULL;
    }
    run->groups[run->group_count++] = group;
    return group;
}

/* Where the window begins that holds the moment; windows begin at multiples of their length. */
static int64_t window_of(int64_t at_ms, int64_t length_ms)
{
    const int64_t rest = at_ms % length_ms;
    return at_ms - (rest < 0 ? rest + length_ms : rest);
}

static spoke_status find_group(struct ql_run *run, ql_get_fn get, void *ctx, double *at, struct group **out)
{
    static const struct ql_path TS = {.name = QL_TS}, ID = {.name = QL_ID};
    struct ql_value ts = {.type = QL_NONE}, id = {.type = QL_NONE};
    char device[SPOKE_MAX_ID_BYTES + 1] = "";
    get(ctx, &TS, &ts);
    if (run->q->by_device) {
        get(ctx, &ID, &id);
        const size_t len = id.text.len < SPOKE_MAX_ID_BYTES ? id.text.len : SPOKE_MAX_ID_BYTES;
        if (len > 0)
            memcpy(device, id.text.ptr, len);
    }
    *at = ts.number;
    const struct group key = {.bucket_ms =
                                  run->q->bucket_ms > 0 ? window_of((int64_t)ts.number, run->q->bucket_ms) : 0,
                              .device_id = device};
    if (run->last == NULL || compare_groups(run->last, &key) != 0) {
        struct group *const *found = tfind(&key, &run->by_key, compare_groups);
        if (found == NULL && run->group_count == run->most)
            return SPOKE_E_TOO_LARGE;
        run->last = found != NULL ? *found : group_make(run, &key);
    }
    *out = run->last;
    return run->last != NULL ? SPOKE_OK : SPOKE_E_NO_MEMORY;
}

static spoke_status keep_end(struct ql_run *run, struct sum *sum, spoke_str json, double at)
{
    char *text = malloc(json.len + 1);
    if (text == NULL)
        return SPOKE_E_NO_MEMORY;
    memcpy(text, json.ptr, json.len);
    text[json.len] = '\0';
    run->bytes += json.len;
    run->bytes -= sum->json != NULL ? strlen(sum->json) : 0;
    free(sum->json);
    sum->json = text;
    sum->at = at;
    return run->bytes <= QL_MAX_RESULT_BYTES ? SPOKE_OK : SPOKE_E_TOO_LARGE;
}

static spoke_status add_value(struct ql_run *run, enum ql_aggregate aggregate, struct sum *sum,
                              const struct ql_value *value, double at)
{
    sum->count++;
    if (value->type == QL_NUMBER) {
        sum->least = sum->numbers == 0 || value->number < sum->least ? value->number : sum->least;
        sum->most = sum->numbers == 0 || value->number > sum->most ? value->number : sum->most;
        sum->sum += value->number;
        sum->numbers++;
    }
    const bool first = aggregate == QL_FIRST && (sum->json == NULL || at < sum->at);
    const bool last = aggregate == QL_LAST && (sum->json == NULL || at > sum->at);
    return first || last ? keep_end(run, sum, value->json, at) : SPOKE_OK;
}

static spoke_status add_to_group(struct ql_run *run, ql_get_fn get, void *ctx)
{
    struct group *group = NULL;
    double at = 0;
    spoke_status status = find_group(run, get, ctx, &at, &group);
    for (size_t i = 0; status == SPOKE_OK && i < run->q->item_count; i++) {
        const struct ql_item *item = &run->q->items[i];
        struct ql_value value = {.type = QL_NONE};
        if (item->aggregate == QL_PLAIN)
            continue;
        get(ctx, &item->path, &value);
        if (value.type != QL_NONE)
            status = add_value(run, item->aggregate, &group->sums[i], &value, at);
    }
    return status;
}

/* --- groups as rows --- */

static struct ql_value result_of(const struct ql_item *item, const struct sum *sum, const struct group *group)
{
    struct ql_value value = {.type = sum->numbers > 0 ? QL_NUMBER : QL_NONE};
    switch (item->aggregate) {
    case QL_SUM:
        value.number = sum->sum;
        break;
    case QL_MAX:
        value.number = sum->most;
        break;
    case QL_MIN:
        value.number = sum->least;
        break;
    case QL_AVG:
        value.number = sum->numbers > 0 ? sum->sum / (double)sum->numbers : 0;
        break;
    case QL_COUNT:
        value.type = QL_NUMBER;
        value.number = (double)sum->count;
        break;
    case QL_FIRST:
    case QL_LAST:
        value.type = sum->json != NULL ? QL_OTHER : QL_NONE;
        value.json = spoke_str_of(sum->json);
        if (sum->json != NULL && spoke_json_double(value.json, &value.number) == SPOKE_OK)
            value.type = QL_NUMBER;
        break;
    case QL_PLAIN:
        value.type = item->path.name == QL_TS ? QL_NUMBER : QL_TEXT;
        value.number = (double)group->bucket_ms;
        value.text = spoke_str_of(group->device_id);
        break;
    }
    return value;
}

static struct ql_value order_value(const struct ql_run *run, const struct ql_order *order,
                                   const struct group *group)
{
    struct ql_item plain = {.aggregate = QL_PLAIN, .path = order->path};
    const bool item = order->item < run->q->item_count;
    return result_of(item ? &run->q->items[order->item] : &plain, &group->sums[item ? order->item : 0], group);
}

/* The window's begin is shown whether it was selected or not. */
static char *print_group(const struct ql_run *run, const struct group *group, size_t *len)
{
    static const struct ql_item TS = {.path = {.name = QL_TS, .text = {.ptr = "$ts", .len = 3}}};
    struct growing g = {NULL, 0, 0, false};
    bool shown = run->q->bucket_ms == 0;
    grow_text(&g, SPOKE_STR("{"));
    for (size_t i = 0; i < run->q->item_count; i++)
        shown = shown || (run->q->items[i].aggregate == QL_PLAIN && run->q->items[i].path.name == QL_TS);
    if (!shown) {
        print_name(&g, &TS);
        grow_time(&g, group->bucket_ms);
    }
    for (size_t i = 0; i < run->q->item_count; i++) {
        const struct ql_item *item = &run->q->items[i];
        const struct ql_value value = result_of(item, &group->sums[i], group);
        if (value.type == QL_NONE)
            continue;
        print_name(&g, item);
        print_value(&g, &item->path, &value);
    }
    grow_text(&g, SPOKE_STR("}"));
    *len = g.len;
    return grow_end(&g);
}

static spoke_status add_group_row(struct ql_run *run, const struct group *group)
{
    struct row row = {.added = run->added++};
    bool good = true;
    size_t len = 0;
    for (size_t i = 0; good && i < run->q->order_count; i++) {
        const struct ql_value value = order_value(run, &run->q->orders[i], group);
        good = set_key(&row.keys[i], &value);
    }
    if (good && run->row_count == run->most && compare_rows(run, &run->rows[0], &row) < 0) {
        row_clear(&row);
        return SPOKE_OK;
    }
    row.json = good ? print_group(run, group, &len) : NULL;
    row.bytes = len + sizeof row;
    if (row.json != NULL)
        return keep_row(run, &row);
    row_clear(&row);
    return SPOKE_E_NO_MEMORY;
}

/* --- the run --- */

struct ql_run *ql_run_create(const struct ql_query *query, int64_t now_ms, size_t most)
{
    struct ql_run *run = calloc(1, sizeof *run);
    if (run == NULL)
        return NULL;
    run->q = query;
    run->now_ms = now_ms;
    run->aggregate = ql_is_aggregate(query);
    run->most = !run->aggregate && query->top > 0 && query->top < most ? query->top : most;
    return run;
}

void ql_run_free(struct ql_run *run)
{
    if (run == NULL)
        return;
    for (size_t i = 0; i < run->row_count; i++)
        row_clear(&run->rows[i]);
    for (size_t i = 0; i < run->group_count; i++) {
        (void)tdelete(run->groups[i], &run->by_key, compare_groups);
        group_free(run->groups[i]);
    }
    free(run->rows);
    free(run->groups);
    free(run);
}

spoke_status ql_run_add(struct ql_run *run, uint64_t number, ql_get_fn get, void *ctx)
{
    if (!ql_match(run->q, run->now_ms, get, ctx) || !has_any(run, get, ctx))
        return SPOKE_OK;
    return run->aggregate ? add_to_group(run, get, ctx) : add_plain(run, number, get, ctx);
}

bool ql_run_full(const struct ql_run *run)
{
    return !run->aggregate && run->q->order_count == 0 && run->row_count == run->most;
}

/* The last one goes to the end, again and again. */
static void sort_rows(struct ql_run *run)
{
    for (size_t count = run->row_count; count > 1;) {
        swap(&run->rows[0], &run->rows[--count]);
        sift_down(run, count);
    }
}

spoke_status ql_run_end(struct ql_run *run, char **json)
{
    struct growing g = {NULL, 0, 0, false};
    spoke_status status = SPOKE_OK;
    if (run->group_count > 0)
        qsort(run->groups, run->group_count, sizeof(struct group *), compare_group_places);
    if (run->aggregate && run->q->top > 0 && run->q->top < run->most)
        run->most = run->q->top;
    for (size_t i = 0; i < run->group_count && status == SPOKE_OK; i++)
        status = add_group_row(run, run->groups[i]);
    if (status != SPOKE_OK)
        return status;
    sort_rows(run);
    grow_text(&g, SPOKE_STR("{\"results\":["));
    for (size_t i = 0; i < run->row_count; i++) {
        grow_text(&g, i > 0 ? SPOKE_STR(",") : SPOKE_STR(""));
        grow_text(&g, spoke_str_of(run->rows[i].json));
        row_clear(&run->rows[i]);
    }
    run->row_count = 0;
    grow_text(&g, SPOKE_STR("]}"));
    *json = grow_end(&g);
    return *json != NULL ? SPOKE_OK : SPOKE_E_NO_MEMORY;
}
