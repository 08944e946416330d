/* Documents in the store: simple entities by kind and id. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/store/store_query.h"
#include "support/support.h"

static int open_memory(void **state)
{
    struct store *s = NULL;
    assert_ok(store_open(":memory:", false, &s, NULL, 0));
    *state = s;
    return 0;
}

static int close_memory(void **state)
{
    store_close(*state);
    return 0;
}

static void put(struct store *s, const char *kind, const char *id, const char *json, const char *organizations)
{
    const struct store_document row = {.kind = (char *)(uintptr_t)kind,
                                       .id = (char *)(uintptr_t)id,
                                       .json = (char *)(uintptr_t)json,
                                       .organizations = (char *)(uintptr_t)organizations,
                                       .etag = 5};
    assert_ok(store_document_put(s, &row));
}

static void check(struct store *s, const char *kind, const char *id, const char *json, int64_t etag)
{
    struct store_document row;
    assert_ok(store_document_get(s, kind, id, &row));
    assert_string_equal(row.kind, kind);
    assert_string_equal(row.id, id);
    assert_string_equal(row.json, json);
    assert_int_equal(row.etag, etag);
    store_document_free(&row);
}

static void a_document_is_found_by_kind_and_id_with_case(void **state)
{
    struct store_document row;
    put(*state, "user", "ada", "{\"a\":1}", NULL);
    put(*state, "job", "ada", "{}", "[\"oslo\"]");
    check(*state, "user", "ada", "{\"a\":1}", 5);
    assert_ok(store_document_get(*state, "job", "ada", &row));
    assert_string_equal(row.organizations, "[\"oslo\"]");
    store_document_free(&row);
    assert_int_equal(store_document_get(*state, "user", "Ada", &row), SPOKE_E_NOT_FOUND);
    assert_null(row.id);
}

static void an_etag_rises_only_when_something_changes(void **state)
{
    put(*state, "job", "a", "{}", NULL);
    put(*state, "job", "a", "{}", NULL);
    check(*state, "job", "a", "{}", 5);
    put(*state, "job", "a", "{\"a\":1}", NULL);
    check(*state, "job", "a", "{\"a\":1}", 6);
    put(*state, "job", "a", "{\"a\":1}", "[]");
    check(*state, "job", "a", "{\"a\":1}", 7);
}

static void a_deleted_document_is_gone_and_the_other_kinds_stay(void **state)
{
    struct store_document row;
    size_t count = 0;
    put(*state, "job", "a", "{}", NULL);
    put(*state, "user", "a", "{}", NULL);
    assert_ok(store_document_delete(*state, "job", "a"));
    assert_int_equal(store_document_get(*state, "job", "a", &row), SPOKE_E_NOT_FOUND);
    assert_int_equal(store_document_delete(*state, "job", "a"), SPOKE_E_NOT_FOUND);
    assert_ok(store_document_count(*state, "user", &count));
    assert_int_equal(count, 1);
}

static bool join(void *ctx, const struct store_document *row)
{
    char *list = ctx;
    strcat(list, row->id);
    return strcmp(row->id, "stop") != 0;
}

static void documents_of_a_kind_come_in_pages_in_order_of_id(void **state)
{
    static const char *const IDS[] = {"c", "a", "b", "stop", "z"};
    char list[40] = "";
    for (size_t i = 0; i < sizeof IDS / sizeof IDS[0]; i++)
        put(*state, "job", IDS[i], "{}", NULL);
    put(*state, "user", "aa", "{}", NULL);
    assert_ok(store_document_each(*state, "job", NULL, 2, join, list));
    assert_string_equal(list, "ab");
    assert_ok(store_document_each(*state, "job", "b", 10, join, list));
    assert_string_equal(list, "abcstop");
}

static void an_id_is_text_and_never_sql(void **state)
{
    static const char EVIL[] = "x' OR '1'='1'; DROP TABLE document; --";
    struct store_document row;
    put(*state, "job", "a", "{}", NULL);
    assert_int_equal(store_document_get(*state, "job", EVIL, &row), SPOKE_E_NOT_FOUND);
    put(*state, "job", EVIL, "{}", NULL);
    check(*state, "job", EVIL, "{}", 5);
    assert_ok(store_document_delete(*state, "job", EVIL));
    check(*state, "job", "a", "{}", 5);
}

#define MEMORY(test) cmocka_unit_test_setup_teardown(test, open_memory, close_memory)
static bool note_id(void *ctx, const struct store_document *row)
{
    (void)snprintf((char *)ctx + strlen(ctx), 16, "%s ", row->id);
    return true;
}

#define assert_jobs(s, status, ids) assert_jobs_at((s), (status), (ids), __LINE__)
static void assert_jobs_at(struct store *s, const char *status, const char *ids, int line)
{
    char text[200] = "";
    const spoke_status result =
        status != NULL ? store_job_each(s, status, note_id, text) : store_job_scheduled(s, note_id, text);
    assert_ok(result);
    if (strcmp(text, ids) != 0)
        fail_msg("line %d: %s", line, text);
}

static void jobs_of_a_status_come_the_oldest_first(void **state)
{
    put(*state, "job", "a", "{\"status\":\"pending\",\"createdMs\":20}", NULL);
    put(*state, "job", "b", "{\"status\":\"pending\",\"createdMs\":3}", NULL);
    put(*state, "job", "c", "{\"status\":\"complete\",\"createdMs\":1}", NULL);
    put(*state, "user", "d", "{\"status\":\"pending\",\"createdMs\":1}", NULL);
    assert_jobs(*state, "pending", "b a ");
    put(*state, "job", "b", "{\"status\":\"running\",\"createdMs\":3}", NULL);
    assert_jobs(*state, "pending", "a ");
    assert_jobs(*state, "running", "b ");
}

static void scheduled_jobs_come_in_the_order_of_their_time(void **state)
{
    put(*state, "scheduledJob", "a", "{\"nextMs\":1772600767089}", NULL);
    put(*state, "scheduledJob", "b", "{\"nextMs\":1772600767088}", NULL);
    put(*state, "scheduledJob", "never", "{}", NULL);
    put(*state, "job", "c", "{\"nextMs\":1}", NULL);
    assert_jobs(*state, NULL, "b a ");
}

/* However many have ended. */
static void jobs_of_a_status_are_found_without_looking_at_others(void **state)
{
    struct store *s = *state;
    sqlite3_stmt *statement = NULL;
    char sql[600];
    assert_jobs(s, "pending", "");
    for (size_t i = 0; i < s->statement_count; i++) {
        if (strstr(s->statements[i].sql, "document_of_status") == NULL)
            continue;
        (void)snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN %s", s->statements[i].sql);
        assert_int_equal(sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
        const char *plan = (const char *)sqlite3_column_text(statement, 3);
        assert_non_null(strstr(plan, "(kind=? AND status=? AND at_ms>?)"));
        assert_int_equal(sqlite3_step(statement), SQLITE_DONE); /* no sorting */
        sqlite3_finalize(statement);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MEMORY(a_document_is_found_by_kind_and_id_with_case),
        MEMORY(an_etag_rises_only_when_something_changes),
        MEMORY(a_deleted_document_is_gone_and_the_other_kinds_stay),
        MEMORY(documents_of_a_kind_come_in_pages_in_order_of_id),
        MEMORY(an_id_is_text_and_never_sql),
        MEMORY(jobs_of_a_status_come_the_oldest_first),
        MEMORY(scheduled_jobs_come_in_the_order_of_their_time),
        MEMORY(jobs_of_a_status_are_found_without_looking_at_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
