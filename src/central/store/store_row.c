#include "store_row.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

static void *place(void *row, size_t offset)
{
    return (char *)row + offset;
}

static const void *view(const void *row, size_t offset)
{
    return (const char *)row + offset;
}

static void free_member(const struct store_member *member, void *row)
{
    switch (member->type) {
    case STORE_TEXT:
        free(*(char **)place(row, member->at));
        break;
    case STORE_SECRET:
        secret_free(*(char **)place(row, member->at));
        break;
    case STORE_BLOB:
        free(*(void **)place(row, member->at));
        break;
    case STORE_BOOL:
    case STORE_INT32:
    case STORE_INT64:
        break;
    }
}

void store_row_free(const struct store_layout *layout, void *row)
{
    for (size_t i = 0; i < layout->count; i++)
        free_member(&layout->members[i], row);
    memset(row, 0, layout->row_bytes);
}

static void bind(struct store_query *q, const struct store_member *member, const void *row)
{
    const void *at = view(row, member->at);
    switch (member->type) {
    case STORE_TEXT:
    case STORE_SECRET:
        store_query_text(q, *(char *const *)at);
        break;
    case STORE_BLOB:
        store_query_blob(q, *(void *const *)at, *(const size_t *)view(row, member->len_at));
        break;
    case STORE_BOOL:
        store_query_int(q, *(const bool *)at);
        break;
    case STORE_INT32:
        store_query_int(q, *(const int32_t *)at);
        break;
    case STORE_INT64:
        store_query_int(q, *(const int64_t *)at);
        break;
    }
}

void store_row_bind(struct store_query *q, const struct store_layout *layout, const void *row, size_t count)
{
    for (size_t i = 0; i < count; i++)
        bind(q, &layout->members[i], row);
}

static void take(struct store_query *q, const struct store_member *member, void *row)
{
    void *at = place(row, member->at);
    switch (member->type) {
    case STORE_TEXT:
    case STORE_SECRET:
        store_query_take_text(q, at);
        break;
    case STORE_BLOB:
        store_query_take_blob(q, at, place(row, member->len_at));
        break;
    case STORE_BOOL:
        *(bool *)at = store_query_take_int(q) != 0;
        break;
    case STORE_INT32:
        *(int32_t *)at = (int32_t)store_query_take_int(q);
        break;
    case STORE_INT64:
        *(int64_t *)at = store_query_take_int(q);
        break;
    }
}

bool store_row_next(struct store_query *q, const struct store_layout *layout, void *row)
{
    store_row_free(layout, row);
    if (!store_query_row(q))
        return false;
    for (size_t i = 0; i < layout->count; i++)
        take(q, &layout->members[i], row);
    if (q->status != SPOKE_OK) /* no memory for one of them */
        store_row_free(layout, row);
    return q->status == SPOKE_OK;
}

spoke_status store_row_get(struct store_query *q, const struct store_layout *layout, void *row)
{
    memset(row, 0, layout->row_bytes);
    const bool found = store_row_next(q, layout, row);
    return store_query_close_found(q, found);
}
