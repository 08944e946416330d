#include "store_query.h"

#include <stdlib.h>
#include <string.h>

spoke_status store_status(int sqlite_code)
{
    if (sqlite_code == SQLITE_CONSTRAINT_FOREIGNKEY)
        return SPOKE_E_NOT_FOUND; /* the device does not exist */
    switch (sqlite_code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return SPOKE_OK;
    case SQLITE_NOMEM:
        return SPOKE_E_NO_MEMORY;
    case SQLITE_TOOBIG:
        return SPOKE_E_TOO_LARGE;
    case SQLITE_CONSTRAINT:
        return SPOKE_E_ARG;
    default:
        return SPOKE_E_PORT;
    }
}

static void keep(struct store_query *q, int code)
{
    if (q->status == SPOKE_OK)
        q->status = store_status(code);
}

/* A statement that is still stepping (a callback asks the same question again) cannot be shared. */
static sqlite3_stmt *find_idle(struct store *s, const char *sql)
{
    for (size_t i = 0; i < s->statement_count; i++)
        if (s->statements[i].sql == sql && !sqlite3_stmt_busy(s->statements[i].statement))
            return s->statements[i].statement;
    return NULL;
}

static bool known(const struct store *s, const char *sql)
{
    for (size_t i = 0; i < s->statement_count; i++)
        if (s->statements[i].sql == sql)
            return true;
    return false;
}

void store_query_open(struct store_query *q, struct store *s, const char *sql)
{
    memset(q, 0, sizeof *q);
    q->store = s;
    q->statement = find_idle(s, sql);
    if (q->statement != NULL)
        return;
    keep(q, sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &q->statement, NULL));
    q->own = known(s, sql) || s->statement_count == STORE_STATEMENTS;
    if (q->status != SPOKE_OK || q->own)
        return;
    s->statements[s->statement_count].sql = sql;
    s->statements[s->statement_count++].statement = q->statement;
}

void store_query_text(struct store_query *q, const char *text)
{
    q->bound++;
    if (q->status == SPOKE_OK)
        keep(q, sqlite3_bind_text(q->statement, q->bound, text, -1, SQLITE_STATIC));
}

void store_query_blob(struct store_query *q, const void *bytes, size_t len)
{
    q->bound++;
    if (q->status == SPOKE_OK)
        keep(q, sqlite3_bind_blob64(q->statement, q->bound, len > 0 ? bytes : "", len, SQLITE_STATIC));
}

void store_query_int(struct store_query *q, int64_t value)
{
    q->bound++;
    if (q->status == SPOKE_OK)
        keep(q, sqlite3_bind_int64(q->statement, q->bound, value));
}

void store_query_place(struct store_query *q, const struct store_place *place)
{
    const bool down = place->order == STORE_BY_ID_DOWN || place->order == STORE_BY_NAME_DOWN;
    const char *const texts[] = {place->name, place->id};
    for (size_t i = 0; i < 2; i++) {
        if (place->id == NULL && down)
            store_query_blob(q, "", 1);
        else
            store_query_text(q, place->id != NULL ? texts[i] : "");
    }
}

bool store_query_row(struct store_query *q)
{
    if (q->status != SPOKE_OK)
        return false;
    const int code = sqlite3_step(q->statement);
    keep(q, code);
    q->taken = 0;
    return code == SQLITE_ROW;
}

static void *copy(struct store_query *q, const void *bytes, size_t len)
{
    char *out = malloc(len + 1);
    if (out == NULL) {
        keep(q, SQLITE_NOMEM);
        return NULL;
    }
    if (len > 0)
        memcpy(out, bytes, len);
    out[len] = '\0';
    return out;
}

void store_query_take_text(struct store_query *q, char **out)
{
    const unsigned char *text = sqlite3_column_text(q->statement, q->taken);
    const int len = sqlite3_column_bytes(q->statement, q->taken);
    const bool none = sqlite3_column_type(q->statement, q->taken++) == SQLITE_NULL;
    *out = none ? NULL : copy(q, text, (size_t)len);
}

void store_query_take_blob(struct store_query *q, void **out, size_t *len)
{
    const void *bytes = sqlite3_column_blob(q->statement, q->taken);
    *len = (size_t)sqlite3_column_bytes(q->statement, q->taken++);
    *out = copy(q, bytes, *len);
}

int64_t store_query_take_int(struct store_query *q)
{
    return sqlite3_column_int64(q->statement, q->taken++);
}

spoke_status store_query_close(struct store_query *q)
{
    if (q->own) {
        sqlite3_finalize(q->statement);
    } else if (q->statement != NULL) {
        sqlite3_reset(q->statement);
        sqlite3_clear_bindings(q->statement);
    }
    q->statement = NULL;
    return q->status;
}

spoke_status store_query_each_text(struct store_query *q, bool (*each)(void *ctx, const char *text), void *ctx)
{
    for (bool more = true; more && store_query_row(q);) {
        char *text = NULL;
        store_query_take_text(q, &text);
        more = q->status == SPOKE_OK && each(ctx, text);
        free(text);
    }
    return store_query_close(q);
}

spoke_status store_query_close_found(struct store_query *q, bool found)
{
    const spoke_status status = store_query_close(q);
    return status == SPOKE_OK && !found ? SPOKE_E_NOT_FOUND : status;
}

spoke_status store_query_run(struct store_query *q)
{
    (void)store_query_row(q);
    return store_query_close(q);
}

spoke_status store_query_run_found(struct store_query *q)
{
    (void)store_query_row(q);
    return store_query_close_found(q, sqlite3_changes(q->store->db) > 0);
}

spoke_status store_query_count(struct store_query *q, size_t *out)
{
    *out = store_query_row(q) ? (size_t)store_query_take_int(q) : 0;
    return store_query_close(q);
}

spoke_status store_query_find_text(struct store *s, const char *sql, const char *id, char **out)
{
    struct store_query q;
    *out = NULL;
    store_query_open(&q, s, sql);
    store_query_text(&q, id);
    const bool found = store_query_row(&q);
    if (found)
        store_query_take_text(&q, out);
    return store_query_close_found(&q, found);
}

spoke_status store_query_number(struct store *s, const char *sql, int64_t *out)
{
    struct store_query q;
    store_query_open(&q, s, sql);
    *out = store_query_row(&q) ? store_query_take_int(&q) : 0;
    return store_query_close(&q);
}

spoke_status store_query_change(struct store *s, const char *sql, const char *id)
{
    struct store_query q;
    store_query_open(&q, s, sql);
    store_query_text(&q, id);
    return store_query_run_found(&q);
}
