/* Rows that are structs: which member takes which column, said once for reading, binding, wiping and freeing.
 *
 *     static const struct store_member MEMBERS[] = {STORE_MEMBER(struct store_group, id), ...};
 *     static const struct store_layout ROW = STORE_LAYOUT(struct store_group, MEMBERS);
 *     ...
 *     return store_row_get(&q, &ROW, out);
 */
#ifndef SPOKE_SRC_CENTRAL_STORE_ROW_H
#define SPOKE_SRC_CENTRAL_STORE_ROW_H

#include <stddef.h>

#include "store_query.h"

enum store_member_type {
    STORE_TEXT,   /* char *, on the heap; NULL is SQL's */
    STORE_SECRET, /* the same, wiped before it is freed */
    STORE_BLOB,   /* void *, on the heap, with its length in a size_t */
    STORE_BOOL,
    STORE_INT32,
    STORE_INT64
};

struct store_member {
    enum store_member_type type;
    size_t at, len_at; /* offsets in the struct; len_at of a blob */
};

#define STORE_TYPE_OF(row, member) \
    _Generic(((row *)0)->member, char * : STORE_TEXT, bool : STORE_BOOL, int32_t : STORE_INT32, int64_t : STORE_INT64)
#define STORE_MEMBER(row, member) \
    { \
        STORE_TYPE_OF(row, member), offsetof(row, member), 0 \
    }
#define STORE_MEMBER_SECRET(row, member) \
    { \
        STORE_SECRET, offsetof(row, member), 0 \
    }
#define STORE_MEMBER_BLOB(row, member, len) \
    { \
        STORE_BLOB, offsetof(row, member), offsetof(row, len) \
    }

struct store_layout {
    const struct store_member *members; /* in the order of the columns */
    size_t count, row_bytes;
};

#define STORE_LAYOUT(row, members) \
    { \
        members, sizeof(members) / sizeof((members)[0]), sizeof(row) \
    }

/* Frees what the row holds and makes it all zeros. */
void store_row_free(const struct store_layout *layout, void *row);
/* Binds the first `count` members as the next parameters; they must live until the close. */
void store_row_bind(struct store_query *q, const struct store_layout *layout, const void *row, size_t count);
/* Frees what the row holds and takes the query's next one; false at the end and on an error, with the row all zeros. */
bool store_row_next(struct store_query *q, const struct store_layout *layout, void *row);
/* The one row of a query into `row`, whatever was there before, and closes. E_NOT_FOUND: there is none. The row is all
 * zeros unless it answers SPOKE_OK. */
spoke_status store_row_get(struct store_query *q, const struct store_layout *layout, void *row);

#endif
