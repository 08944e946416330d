/* Device templates and misfits in the store. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "central/store/store.h"
#include "support/support.h"

static int open_memory(void **state)
{
    struct store *s = NULL;
    char why[200] = "";
    assert_ok(store_open(":memory:", true, &s, why, sizeof why));
    *state = s;
    return 0;
}

static int close_memory(void **state)
{
    store_close(*state);
    return 0;
}

static void put_device(struct store *s, const char *id, const char *model_id, const char *template_id)
{
    struct store_device row = {.id = (char *)id,
                               .model_id = (char *)model_id,
                               .template_id = (char *)template_id,
                               .enabled = true,
                               .created_ms = 1000};
    assert_ok(store_device_put(s, &row));
}

static spoke_status put_template(struct store *s, const char *id, const char *model_id, const char *json)
{
    const struct store_template row = {
        .id = (char *)id, .model_id = (char *)model_id, .json = (char *)json, .etag = 7};
    return store_template_put(s, &row);
}

static void a_template_comes_back_as_it_went_in(void **state)
{
    struct store *s = *state;
    struct store_template row;
    char *id = NULL;
    assert_ok(put_template(s, "dtmi:t;1", "dtmi:m;1", "{\"a\":1}"));
    assert_ok(store_template_get(s, "dtmi:t;1", &row));
    assert_string_equal(row.id, "dtmi:t;1");
    assert_string_equal(row.model_id, "dtmi:m;1");
    assert_string_equal(row.json, "{\"a\":1}");
    assert_int_equal(row.etag, 7);
    store_template_free(&row);
    assert_ok(store_template_of_model(s, "dtmi:m;1", &id));
    assert_string_equal(id, "dtmi:t;1");
    free(id);
    assert_int_equal(store_template_of_model(s, "dtmi:t;1", &id), SPOKE_E_NOT_FOUND);
    assert_int_equal(store_template_get(s, "dtmi:m;1", &row), SPOKE_E_NOT_FOUND);
}

static void an_etag_rises_with_a_change_only(void **state)
{
    struct store *s = *state;
    static const struct {
        const char *model_id, *json;
        int64_t etag;
    } CASES[] = {
        {"dtmi:m;1", "{}", 7}, {"dtmi:m;1", "{}", 7}, {"dtmi:m;1", "{\"a\":1}", 8}, {"dtmi:m;2", "{\"a\":1}", 9}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct store_template row;
        assert_ok(put_template(s, "dtmi:t;1", CASES[i].model_id, CASES[i].json));
        assert_ok(store_template_get(s, "dtmi:t;1", &row));
        assert_int_equal(row.etag, CASES[i].etag);
        store_template_free(&row);
    }
}

static void a_model_has_one_template(void **state)
{
    struct store *s = *state;
    size_t count = 0;
    assert_ok(put_template(s, "dtmi:t;1", "dtmi:m;1", "{}"));
    assert_int_equal(put_template(s, "dtmi:t;2", "dtmi:m;1", "{}"), SPOKE_E_ARG);
    assert_ok(store_template_count(s, &count));
    assert_int_equal(count, 1);
    assert_ok(store_template_delete(s, "dtmi:t;1"));
    assert_int_equal(store_template_delete(s, "dtmi:t;1"), SPOKE_E_NOT_FOUND);
    assert_ok(put_template(s, "dtmi:t;2", "dtmi:m;1", "{}"));
}

static void a_template_adopts_unassigned_devices_of_its_model(void **state)
{
    static const struct {
        const char *id, *template_id;
    } EXPECTED[] = {{"d1", "dtmi:t;1"}, {"d2", NULL}, {"d3", "dtmi:other;1"}, {"d4", NULL}};
    struct store *s = *state;
    size_t count = 0;
    put_device(s, "d1", "dtmi:m;1", NULL);
    put_device(s, "d2", "dtmi:m;2", NULL);
    put_device(s, "d3", "dtmi:m;1", "dtmi:other;1");
    put_device(s, "d4", NULL, NULL);
    assert_ok(store_template_adopt(s, "dtmi:t;1", "dtmi:m;1", &count));
    assert_int_equal(count, 1);
    for (size_t i = 0; i < 4; i++) {
        struct store_device row;
        assert_ok(store_device_get(s, EXPECTED[i].id, &row));
        if (EXPECTED[i].template_id != NULL)
            assert_string_equal(row.template_id, EXPECTED[i].template_id);
        else
            assert_null(row.template_id);
        assert_int_equal(row.etag, i == 0 ? 1001 : 1000);
        store_device_free(&row);
    }
    assert_ok(store_template_users(s, "dtmi:t;1", &count));
    assert_int_equal(count, 1);
    assert_ok(store_template_users(s, "dtmi:t;2", &count));
    assert_int_equal(count, 0);
}

static bool join(void *ctx, const struct store_template *row)
{
    char *text = ctx;
    snprintf(text + strlen(text), 100 - strlen(text), "%s ", row->id);
    return strlen(text) < 20;
}

static void templates_are_walked_in_order(void **state)
{
    struct store *s = *state;
    char all[100] = "", some[100] = "";
    assert_ok(put_template(s, "dtmi:c;1", "dtmi:m;3", "{}"));
    assert_ok(put_template(s, "dtmi:a;1", "dtmi:m;1", "{}"));
    assert_ok(put_template(s, "dtmi:b;1", "dtmi:m;2", "{}"));
    assert_ok(store_template_each(s, "dtmi:a;1", 9, join, all));
    assert_string_equal(all, "dtmi:b;1 dtmi:c;1 ");
    assert_ok(store_template_each(s, NULL, 1, join, some));
    assert_string_equal(some, "dtmi:a;1 ");
}

static void misfits_add_up_and_go_with_the_device(void **state)
{
    struct store *s = *state;
    struct store_misfits row;
    const struct store_misfits first = {.unmodeled = 2, .last_ms = 5, .last_reason = (char *)"why"};
    const struct store_misfits second = {.wrong_type = 3, .last_ms = 6, .last_reason = (char *)"because"};
    put_device(s, "d1", NULL, NULL);
    assert_ok(store_misfits_get(s, "d1", &row));
    assert_int_equal(row.unmodeled + row.wrong_type + row.last_ms, 0);
    assert_ok(store_misfits_add(s, "d1", &first));
    assert_ok(store_misfits_add(s, "d1", &second));
    assert_int_equal(store_misfits_add(s, "nobody", &second), SPOKE_E_NOT_FOUND);
    assert_ok(store_misfits_get(s, "d1", &row));
    assert_int_equal(row.unmodeled, 2);
    assert_int_equal(row.wrong_type, 3);
    assert_int_equal(row.last_ms, 6);
    assert_string_equal(row.last_reason, "because");
    store_misfits_free(&row);
    assert_ok(store_device_delete(s, "d1"));
    assert_ok(store_misfits_get(s, "d1", &row));
    assert_int_equal(row.unmodeled, 0);
    store_misfits_free(&row);
}

static void cloud_properties_are_kept_and_go_with_the_device(void **state)
{
    struct store *s = *state;
    char *json = NULL;
    put_device(s, "d1", NULL, NULL);
    assert_int_equal(store_cloud_get(s, "d1", &json), SPOKE_E_NOT_FOUND);
    assert_int_equal(store_cloud_put(s, "nobody", "{}"), SPOKE_E_NOT_FOUND);
    assert_ok(store_cloud_put(s, "d1", "{\"a\":1}"));
    assert_ok(store_cloud_put(s, "d1", "{\"b\":2}"));
    assert_ok(store_cloud_get(s, "d1", &json));
    assert_string_equal(json, "{\"b\":2}");
    free(json);
    assert_ok(store_device_delete(s, "d1"));
    assert_int_equal(store_cloud_get(s, "d1", &json), SPOKE_E_NOT_FOUND);
}

/* How it was before format 14, 13, 12, 11, 10, 9, 8, 7, 6, 4, 3 and 2: each takes back the steps after it first. */
#define BEFORE_14 \
    "DROP INDEX document_of_status; ALTER TABLE document DROP COLUMN status; ALTER TABLE document DROP COLUMN at_ms;" \
    "PRAGMA user_version=13;"
#define BEFORE_13 BEFORE_14 "DROP TABLE cleared; PRAGMA user_version=12;"
#define BEFORE_12 BEFORE_13 "ALTER TABLE enrolment_group DROP COLUMN organizations; PRAGMA user_version=11;"
#define BEFORE_11 BEFORE_12 "DROP INDEX device_simulated; PRAGMA user_version=10;"
#define BEFORE_10 BEFORE_11 "DROP TABLE relationship; PRAGMA user_version=9;"
#define BEFORE_9 \
    BEFORE_10 \
    "DROP INDEX device_by_name; DROP INDEX template_by_name; ALTER TABLE device_template DROP COLUMN name;" \
    "PRAGMA user_version=8;"
#define BEFORE_8 BEFORE_9 "DROP TABLE upload; PRAGMA user_version=7;"
#define BEFORE_7 BEFORE_8 "DROP TABLE job_device; PRAGMA user_version=6;"
#define BEFORE_6 \
    BEFORE_7 \
    "CREATE TABLE message (device_id TEXT NOT NULL REFERENCES device ON DELETE CASCADE, seq INTEGER NOT NULL," \
    " at_ms INTEGER NOT NULL, qos INTEGER NOT NULL, component TEXT, system TEXT, properties TEXT," \
    " body BLOB NOT NULL, created_ms INTEGER NOT NULL DEFAULT 0, message_id TEXT," \
    " duplicate INTEGER NOT NULL DEFAULT 0, UNIQUE (device_id, seq));" \
    "CREATE INDEX message_of_id ON message (device_id, message_id) WHERE message_id IS NOT NULL;" \
    "INSERT INTO message SELECT device_id, seq, at_ms, qos, component, system, properties, body, created_ms," \
    " message_id, duplicate FROM event; DROP TABLE event; DROP TABLE consumer; PRAGMA user_version=5;"
#define BEFORE_4 BEFORE_6 "DROP TABLE document; PRAGMA user_version=3;"
#define BEFORE_3 \
    BEFORE_4 \
    "DROP INDEX message_of_id; ALTER TABLE message DROP COLUMN created_ms; ALTER TABLE message DROP COLUMN" \
    " message_id; ALTER TABLE message DROP COLUMN duplicate; PRAGMA user_version=2;"
#define BEFORE_2 \
    BEFORE_3 \
    "DROP INDEX device_of_template; DROP INDEX device_of_model; DROP TABLE device_template; DROP TABLE misfit;" \
    "DROP TABLE cloud_property; PRAGMA user_version=1"

static spoke_status add_message(struct store *s, const char *id, const char *body)
{
    const struct store_message row = {.device_id = (char *)"old",
                                      .component = (char *)"",
                                      .message_id = (char *)id,
                                      .system = (char *)"{}",
                                      .properties = (char *)"{}",
                                      .at_ms = 1000,
                                      .qos = 1,
                                      .body = (void *)body,
                                      .body_len = strlen(body)};
    return store_message_add(s, &row);
}

static bool check_message(void *ctx, const struct store_message *row)
{
    unsigned *seen = ctx;
    const bool first = *seen == 0;
    assert_int_equal(row->seq, ++*seen);
    assert_int_equal(row->at_ms, 1000);
    assert_int_equal(row->created_ms, 0);
    assert_false(row->duplicate);
    assert_memory_equal(row->body, first ? "from before" : "from now", row->body_len);
    assert_true(first == (row->message_id == NULL));
    return true;
}

static void remove_store(const char *path)
{
    char aside[64];
    unlink(path);
    snprintf(aside, sizeof aside, "%s-wal", path);
    unlink(aside);
    snprintf(aside, sizeof aside, "%s-shm", path);
    unlink(aside);
}

static void brings_up_to_date(const char *back)
{
    char path[] = "/tmp/spoke-store-XXXXXX", why[200] = "";
    struct store *s = NULL;
    struct store_device row;
    sqlite3 *db = NULL;
    unsigned seen = 0;
    bool known = false;
    close(mkstemp(path));
    assert_ok(store_open(path, true, &s, why, sizeof why));
    put_device(s, "old", "dtmi:m;1", NULL);
    assert_ok(add_message(s, NULL, "from before"));
    store_close(s);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, back, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_ok(store_open(path, true, &s, why, sizeof why));
    assert_ok(store_device_get(s, "old", &row));
    store_device_free(&row);
    assert_ok(put_template(s, "dtmi:t;1", "dtmi:m;1", "{}"));
    assert_ok(add_message(s, "m-1", "from now"));
    assert_ok(store_message_each(s, "old", 0, 10, check_message, &seen));
    assert_int_equal(seen, 2);
    assert_ok(store_message_known(s, "old", "m-1", &known));
    assert_true(known);
    store_close(s);
    remove_store(path);
}

static void a_store_of_each_former_format_is_brought_up_to_date_with_what_is_in_it(void **state)
{
    (void)state;
    brings_up_to_date(BEFORE_2);
    brings_up_to_date(BEFORE_3);
    brings_up_to_date(BEFORE_4);
    brings_up_to_date(BEFORE_6);
    brings_up_to_date(BEFORE_7);
    brings_up_to_date(BEFORE_8);
    brings_up_to_date(BEFORE_9);
    brings_up_to_date(BEFORE_10);
    brings_up_to_date(BEFORE_11);
    brings_up_to_date(BEFORE_12);
    brings_up_to_date(BEFORE_13);
    brings_up_to_date(BEFORE_14);
}

static bool note_id(void *ctx, const struct store_document *row)
{
    (void)snprintf((char *)ctx + strlen(ctx), 16, "%s ", row->id);
    return true;
}

static void jobs_of_a_former_format_are_found(void **state)
{
    char path[] = "/tmp/spoke-store-XXXXXX", why[200] = "", ids[64] = "";
    const struct store_document job = {.kind = (char *)"job",
                                       .id = (char *)"j",
                                       .json = (char *)"{\"status\":\"pending\",\"createdMs\":5}"},
                                scheduled = {.kind = (char *)"scheduledJob",
                                             .id = (char *)"s",
                                             .json = (char *)"{\"nextMs\":5}"};
    struct store *s = NULL;
    sqlite3 *db = NULL;
    (void)state;
    close(mkstemp(path));
    assert_ok(store_open(path, true, &s, why, sizeof why));
    assert_ok(store_document_put(s, &job));
    assert_ok(store_document_put(s, &scheduled));
    store_close(s);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, BEFORE_14, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_ok(store_open(path, true, &s, why, sizeof why));
    assert_ok(store_job_each(s, "pending", note_id, ids));
    assert_ok(store_job_scheduled(s, note_id, ids));
    assert_string_equal(ids, "j s ");
    store_close(s);
    remove_store(path);
}

static void hear(void *ctx, const char *line)
{
    char *heard = ctx;
    (void)snprintf(heard + strlen(heard), 2000 - strlen(heard), "%s\n", line);
}

static void a_change_of_format_is_told_and_an_opening_is_not(void **state)
{
    char path[] = "/tmp/spoke-store-XXXXXX", why[256] = "", heard[2000] = "";
    struct store *s = NULL;
    sqlite3 *db = NULL;
    (void)state;
    close(mkstemp(path));
    assert_ok(store_open_telling(path, true, hear, heard, &s, why, sizeof why));
    store_close(s);
    assert_string_equal(heard, ""); /* a new file */
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, BEFORE_4, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_ok(store_open_telling(path, true, hear, heard, &s, why, sizeof why));
    store_close(s);
    assert_non_null(strstr(heard, " and is changed to "));
    assert_non_null(strstr(heard, " now, after "));
    heard[0] = '\0';
    assert_ok(store_open_telling(path, true, hear, heard, &s, why, sizeof why));
    store_close(s);
    assert_string_equal(heard, "");
    remove_store(path);
}

#define MEMORY(test) cmocka_unit_test_setup_teardown(test, open_memory, close_memory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        MEMORY(a_template_comes_back_as_it_went_in),
        MEMORY(an_etag_rises_with_a_change_only),
        MEMORY(a_model_has_one_template),
        MEMORY(a_template_adopts_unassigned_devices_of_its_model),
        MEMORY(templates_are_walked_in_order),
        MEMORY(misfits_add_up_and_go_with_the_device),
        MEMORY(cloud_properties_are_kept_and_go_with_the_device),
        cmocka_unit_test(a_store_of_each_former_format_is_brought_up_to_date_with_what_is_in_it),
        cmocka_unit_test(jobs_of_a_former_format_are_found),
        cmocka_unit_test(a_change_of_format_is_told_and_an_opening_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
