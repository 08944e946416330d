#include <stdio.h>

#include "store_query.h"

enum { PAGES_A_STEP = 4096, BUSY_MS = 5000 };

/* One transaction of the source holds the state of one moment while the service goes on writing. */
static int hold_moment(sqlite3 *from)
{
    return sqlite3_exec(from, "BEGIN; SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
}

static int copy_pages(sqlite3 *from, sqlite3 *to, store_backup_fn progress, void *ctx)
{
    sqlite3_backup *copy = sqlite3_backup_init(to, "main", from, "main");
    if (copy == NULL)
        return sqlite3_errcode(to);
    int code = SQLITE_OK;
    while (code == SQLITE_OK) {
        code = sqlite3_backup_step(copy, PAGES_A_STEP);
        const int total = sqlite3_backup_pagecount(copy);
        if (progress != NULL && total > 0)
            progress(ctx, (unsigned)((int64_t)(total - sqlite3_backup_remaining(copy)) * 100 / total));
    }
    const int finished = sqlite3_backup_finish(copy);
    return code == SQLITE_DONE ? finished : code;
}

static bool is_ours(sqlite3 *from)
{
    sqlite3_stmt *statement = NULL;
    const bool found = sqlite3_prepare_v2(from, "PRAGMA application_id", -1, &statement, NULL) == SQLITE_OK &&
                       sqlite3_step(statement) == SQLITE_ROW &&
                       sqlite3_column_int(statement, 0) == STORE_APPLICATION_ID;
    (void)sqlite3_finalize(statement);
    return found;
}

static int open_both(const char *from_path, const char *to_path, sqlite3 **from, sqlite3 **to)
{
    int code = sqlite3_open_v2(from_path, from, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_busy_timeout(*from, BUSY_MS);
    if (code == SQLITE_OK)
        code = sqlite3_open_v2(to_path, to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    return code;
}

spoke_status store_backup(const char *from_path, const char *to_path, store_backup_fn progress, void *ctx,
                          char *why, size_t why_cap)
{
    sqlite3 *from = NULL, *to = NULL;
    spoke_status status = store_make_private(to_path, why, why_cap);
    if (status != SPOKE_OK)
        return status;
    int code = open_both(from_path, to_path, &from, &to);
    if (code == SQLITE_OK && !is_ours(from)) {
        (void)snprintf(why, why_cap, "%s is not a store of spoke-central", from_path);
        status = SPOKE_E_PORT;
    } else {
        code = code == SQLITE_OK ? hold_moment(from) : code;
        code = code == SQLITE_OK ? copy_pages(from, to, progress, ctx) : code;
    }
    (void)sqlite3_close(from);
    const int closed = sqlite3_close(to);
    code = code == SQLITE_OK ? closed : code;
    if (code == SQLITE_OK)
        return status;
    (void)snprintf(why, why_cap, "the store %s could not be copied to %s: %s", from_path, to_path,
                   sqlite3_errstr(code));
    return SPOKE_E_PORT;
}
