/* Documents in the store: simple entities by kind and id. */
#include <stdlib.h>
#include <string.h>

#include "central/store/store.h"
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
int main(void)
{
    const struct CMUnitTest tests[] = {
        MEMORY(a_document_is_found_by_kind_and_id_with_case),
        MEMORY(an_etag_rises_only_when_something_changes),
        MEMORY(a_deleted_document_is_gone_and_the_other_kinds_stay),
        MEMORY(documents_of_a_kind_come_in_pages_in_order_of_id),
        MEMORY(an_id_is_text_and_never_sql),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
