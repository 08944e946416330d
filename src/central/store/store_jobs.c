/* The devices of jobs. The jobs themselves are documents. */
#include "store_query.h"

spoke_status store_job_device_put(struct store *s, const char *job_id, const char *device_id,
                                  enum store_job_state state, const char *message)
{
    static const char SQL[] = "INSERT INTO job_device (job_id, device_id, state, message) VALUES (?, ?, ?, ?)"
                              " ON CONFLICT (job_id, device_id) DO UPDATE SET state = excluded.state,"
                              " message = excluded.message";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, job_id);
    store_query_text(&q, device_id);
    store_query_int(&q, state);
    store_query_text(&q, message);
    return store_query_run(&q);
}

spoke_status store_job_device_each(struct store *s, const char *job_id, unsigned states, const char *after,
                                   size_t limit, bool (*each)(void *ctx, const struct store_job_device *row),
                                   void *ctx)
{
    static const char SQL[] =
        "SELECT device_id, state, message FROM job_device WHERE job_id = ?1 AND device_id > ?2"
        " AND ((?3 >> state) & 1) ORDER BY device_id LIMIT ?4";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, job_id);
    store_query_text(&q, after != NULL ? after : "");
    store_query_int(&q, states);
    store_query_int(&q, (int64_t)limit);
    for (bool more = true; more && store_query_row(&q);) {
        const struct store_job_device row = {.device_id = (const char *)sqlite3_column_text(q.statement, 0),
                                             .state = (enum store_job_state)sqlite3_column_int(q.statement, 1),
                                             .message = (const char *)sqlite3_column_text(q.statement, 2)};
        more = each(ctx, &row);
    }
    return store_query_close(&q);
}

spoke_status store_job_count(struct store *s, const char *job_id, size_t counts[STORE_JOB_STATES])
{
    static const char SQL[] = "SELECT state, count(*) FROM job_device WHERE job_id = ? GROUP BY state";
    struct store_query q;
    for (size_t i = 0; i < STORE_JOB_STATES; i++)
        counts[i] = 0;
    store_query_open(&q, s, SQL);
    store_query_text(&q, job_id);
    while (store_query_row(&q)) {
        const int64_t state = store_query_take_int(&q);
        if (state >= 0 && state < STORE_JOB_STATES)
            counts[state] = (size_t)store_query_take_int(&q);
    }
    return store_query_close(&q);
}

spoke_status store_job_failures(struct store *s, const char *job_id, size_t count, size_t *out)
{
    static const char SQL[] = "SELECT count(*) FROM (SELECT state FROM job_device WHERE job_id = ?"
                              " ORDER BY device_id LIMIT ?) WHERE state = 2";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, job_id);
    store_query_int(&q, (int64_t)count);
    return store_query_count(&q, out);
}

spoke_status store_job_repeat(struct store *s, const char *job_id, const char *from_id)
{
    static const char SQL[] = "INSERT INTO job_device (job_id, device_id, state) SELECT ?, device_id, 0"
                              " FROM job_device WHERE job_id = ? AND state = 2";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, job_id);
    store_query_text(&q, from_id);
    return store_query_run(&q);
}

spoke_status store_job_delete(struct store *s, const char *job_id)
{
    static const char SQL[] = "DELETE FROM job_device WHERE job_id = ?";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, job_id);
    return store_query_run(&q);
}
