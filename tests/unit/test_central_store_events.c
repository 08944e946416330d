/* The event stream of the store, and its consumers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "central/store/store_query.h"
#include "support/support.h"

static int open_memory(void **state)
{
    struct store *s = NULL;
    char why[200];
    assert_ok(store_open(":memory:", false, &s, why, sizeof why));
    *state = s;
    return 0;
}

static int close_memory(void **state)
{
    store_close(*state);
    return 0;
}

static void put_device(struct store *s, const char *id)
{
    const struct store_device row = {.id = (char *)(uintptr_t)id};
    assert_ok(store_device_put(s, &row));
}

static spoke_status add_at(struct store *s, enum store_event_kind kind, const char *device_id, int64_t at_ms)
{
    const struct store_event row = {.kind = kind,
                                    .device_id = (char *)(uintptr_t)device_id,
                                    .at_ms = at_ms,
                                    .body = (char *)(uintptr_t) "{}",
                                    .body_len = 2};
    return store_event_add(s, &row);
}

static void add(struct store *s, enum store_event_kind kind, const char *device_id)
{
    assert_ok(add_at(s, kind, device_id, 0));
}

/* Positions as text, "1 2 3 ". */
static bool note(void *ctx, const struct store_event *row)
{
    char *text = ctx;
    snprintf(text + strlen(text), 16, "%d ", (int)row->position);
    return true;
}

static const char *positions(struct store *s, struct store_event_range range)
{
    static char text[400];
    text[0] = '\0';
    assert_ok(store_event_each(s, &range, 20, note, text));
    return text;
}

static void events_of_all_devices_and_kinds_have_one_order(void **state)
{
    struct store *s = *state;
    put_device(s, "a");
    put_device(s, "b");
    add(s, EVENT_CONNECTED, "a");
    add(s, EVENT_TELEMETRY, "b");
    add(s, EVENT_TEMPLATE_CREATED, NULL);
    add(s, EVENT_TELEMETRY, "a");
    assert_string_equal(positions(s, (struct store_event_range){0}), "1 2 3 4 ");
    assert_string_equal(positions(s, (struct store_event_range){.newest_first = true}), "4 3 2 1 ");
    assert_string_equal(positions(s, (struct store_event_range){.after = 1, .before = 4}), "2 3 ");
}

static void ranges_of_device_kind_and_position_join(void **state)
{
    struct store *s = *state;
    put_device(s, "a");
    put_device(s, "b");
    for (int i = 0; i < 3; i++) {
        add(s, EVENT_TELEMETRY, "a"); /* 1, 4, 7 */
        add(s, EVENT_CONNECTED, "a"); /* 2, 5, 8 */
        add(s, EVENT_CONNECTED, "b"); /* 3, 6, 9 */
    }
    const uint64_t rare = STORE_EVENT_BIT(EVENT_CONNECTED);
    assert_string_equal(positions(s, (struct store_event_range){.device_id = "a"}), "1 2 4 5 7 8 ");
    assert_string_equal(positions(s, (struct store_event_range){.device_id = "a", .kinds = rare}), "2 5 8 ");
    assert_string_equal(positions(s, (struct store_event_range){.kinds = rare, .after = 3}), "5 6 8 9 ");
    assert_string_equal(positions(s, (struct store_event_range){.kinds = rare, .newest_first = true, .before = 6}),
                        "5 3 2 ");
    assert_string_equal(positions(s, (struct store_event_range){.device_id = "a",
                                                                .kinds = STORE_EVENT_BIT(EVENT_TELEMETRY),
                                                                .after = 1,
                                                                .before = 7}),
                        "4 ");
    assert_string_equal(
        positions(s, (struct store_event_range){.device_id = "a", .after = 2, .newest_first = true}), "8 7 5 4 ");
    assert_string_equal(positions(s, (struct store_event_range){.device_id = "nobody"}), "");
}

static void time_range_has_its_beginning_and_not_its_end(void **state)
{
    struct store *s = *state;
    put_device(s, "a");
    put_device(s, "b");
    for (int i = 1; i <= 10; i++)
        assert_ok(add_at(s, EVENT_TELEMETRY, i % 2 == 0 ? "a" : "b", i * 100));
    assert_string_equal(positions(s, (struct store_event_range){.from_ms = 300, .to_ms = 600}), "3 4 5 ");
    assert_string_equal(positions(s, (struct store_event_range){.device_id = "a", .from_ms = 300, .to_ms = 800}),
                        "4 6 ");
    assert_string_equal(positions(s, (struct store_event_range){.from_ms = 950}), "10 ");
    assert_string_equal(positions(s, (struct store_event_range){.from_ms = 1001}), "");
    assert_string_equal(positions(s, (struct store_event_range){.to_ms = 100}), "");
}

static void event_of_no_device_is_not_kept_unless_it_is_the_deletion(void **state)
{
    assert_int_equal(add_at(*state, EVENT_CONNECTED, "ghost", 0), SPOKE_E_NOT_FOUND);
    assert_ok(add_at(*state, EVENT_DEVICE_DELETED, "ghost", 0));
    assert_int_equal(add_at(*state, EVENT_COMMAND_ANSWERED, "ghost", 0), SPOKE_E_NOT_FOUND);
    put_device(*state, "ghost");
    assert_ok(add_at(*state, EVENT_DEVICE_REGISTERED, "ghost", 0));
    assert_ok(add_at(*state, EVENT_CONNECTED, "ghost", 0));
}

static void events_go_with_their_device_and_their_positions_do_not_come_back(void **state)
{
    struct store *s = *state;
    put_device(s, "a");
    add(s, EVENT_TELEMETRY, "a");
    add(s, EVENT_CONNECTED, "a");
    assert_ok(store_device_delete(s, "a"));
    assert_string_equal(positions(s, (struct store_event_range){0}), "");
    put_device(s, "a");
    add(s, EVENT_TELEMETRY, "a");
    assert_string_equal(positions(s, (struct store_event_range){0}), "3 ");
}

static void remove_store(const char *path)
{
    static const char *const ENDS[] = {"", "-wal", "-shm"};
    char aside[64];
    for (size_t i = 0; i < 3; i++) {
        snprintf(aside, sizeof aside, "%s%s", path, ENDS[i]);
        unlink(aside);
    }
}

static void positions_of_cleared_events_do_not_come_back_after_a_restart(void **state)
{
    char path[] = "/tmp/spoke-events-XXXXXX", why[200] = "";
    struct store *s = NULL;
    (void)state;
    close(mkstemp(path));
    assert_ok(store_open(path, true, &s, why, sizeof why));
    put_device(s, "a");
    add(s, EVENT_TELEMETRY, "a");
    add(s, EVENT_TELEMETRY, "a");
    assert_ok(store_message_clear(s, "a"));
    store_close(s);
    assert_ok(store_open(path, true, &s, why, sizeof why));
    assert_int_equal(store_event_last(s), 2);
    add(s, EVENT_TELEMETRY, "a");
    assert_string_equal(positions(s, (struct store_event_range){0}), "3 ");
    store_close(s);
    remove_store(path);
}

static void last_position_is_that_of_the_commit(void **state)
{
    struct store *s = *state;
    put_device(s, "a");
    assert_ok(store_begin(s));
    add(s, EVENT_TELEMETRY, "a");
    assert_int_equal(store_event_last(s), 0);
    assert_ok(store_commit(s));
    assert_int_equal(store_event_last(s), 1);
}

static void positions_that_were_not_committed_are_given_again(void **state)
{
    struct store *s = *state;
    put_device(s, "a");
    assert_ok(store_begin(s));
    add(s, EVENT_TELEMETRY, "a");
    assert_int_equal(sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK); /* as a full disk does */
    assert_int_equal(store_commit(s), SPOKE_E_PORT);
    add(s, EVENT_TELEMETRY, "a");
    assert_string_equal(positions(s, (struct store_event_range){0}), "1 ");
}

static void rare_events_are_read_by_their_index(void **state)
{
    struct store *s = *state;
    sqlite3_stmt *statement = NULL;
    put_device(s, "a");
    add(s, EVENT_CONNECTED, "a");
    (void)positions(s, (struct store_event_range){.kinds = STORE_EVENT_BIT(EVENT_CONNECTED)});
    (void)positions(s, (struct store_event_range){.device_id = "a", .kinds = STORE_EVENT_BIT(EVENT_CONNECTED)});
    for (size_t i = 0; i < s->statement_count; i++) {
        char sql[2000];
        if (strstr(s->statements[i].sql, "event_rare") == NULL)
            continue;
        snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN %s", s->statements[i].sql);
        assert_int_equal(sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
        const char *plan = (const char *)sqlite3_column_text(statement, 3);
        assert_non_null(strstr(plan, "SEARCH event USING INDEX event_rare"));
        while (sqlite3_step(statement) == SQLITE_ROW) /* no sorting */
            assert_null(strstr((const char *)sqlite3_column_text(statement, 3), "TEMP B-TREE"));
        sqlite3_finalize(statement);
    }
}

static off_t size_of(const char *path, const char *end)
{
    char name[64];
    struct stat info;
    snprintf(name, sizeof name, "%s%s", path, end);
    return stat(name, &info) == 0 ? info.st_size : 0;
}

/* The thread that empties it is given time by waiting for what it does, and not by a clock. */
static void log_is_emptied_beside_the_writing(void **state)
{
    char path[] = "/tmp/spoke-events-XXXXXX", why[200] = "", body[2000];
    struct store *s = NULL;
    int commits = 0;
    (void)state;
    memset(body, 'x', sizeof body);
    close(mkstemp(path));
    assert_ok(store_open(path, false, &s, why, sizeof why));
    put_device(s, "a");
    const struct store_event row = {
        .kind = EVENT_TELEMETRY, .device_id = (char *)(uintptr_t) "a", .body = body, .body_len = sizeof body};
    do { /* until the log, which can hold more than a 100 MB, begins anew: its pages are counted from the start */
        assert_ok(store_begin(s));
        for (int i = 0; i < 500; i++)
            assert_ok(store_event_add(s, &row));
        assert_ok(store_commit(s));
    } while (++commits < 40 || (s->log_pages > 8192 && commits < 2000));
    assert_true(s->log_pages <= 8192);
    assert_true(size_of(path, "") > 8 * 1024 * 1024);
    store_close(s);
    assert_int_equal(size_of(path, "-wal"), 0);
    assert_ok(store_open(path, false, &s, why, sizeof why));
    assert_int_equal(store_event_last(s), commits * 500);
    store_close(s);
    remove_store(path);
}

/* --- consumers --- */

static struct store_consumer consumer(struct store *s, const char *name)
{
    struct store_consumer row;
    assert_ok(store_consumer_get(s, name, &row));
    free(row.name);
    row.name = NULL;
    return row;
}

static void consumer_goes_on_where_it_was(void **state)
{
    struct store *s = *state;
    struct store_consumer row;
    assert_int_equal(store_consumer_get(s, "export", &row), SPOKE_E_NOT_FOUND);
    assert_ok(store_consumer_put(s, "export", 7));
    assert_ok(store_consumer_put(s, "export", 9));
    assert_int_equal(consumer(s, "export").position, 9);
    assert_ok(store_consumer_delete(s, "export"));
    assert_int_equal(store_consumer_get(s, "export", &row), SPOKE_E_NOT_FOUND);
    assert_int_equal(store_consumer_delete(s, "export"), SPOKE_E_NOT_FOUND);
}

static void add_many(struct store *s, const char *device_id, int count)
{
    assert_ok(store_begin(s));
    for (int i = 0; i < count; i++)
        add(s, EVENT_TELEMETRY, device_id);
    assert_ok(store_commit(s));
}

static void what_goes_unread_is_counted_for_each_consumer(void **state)
{
    struct store *s = *state;
    put_device(s, "a");
    store_keep(s, 600);
    assert_ok(store_consumer_put(s, "slow", 100));
    assert_ok(store_consumer_put(s, "quick", 900));
    add_many(s, "a", 1000); /* 400 go */
    assert_int_equal(consumer(s, "slow").lost, 300);
    assert_int_equal(consumer(s, "quick").lost, 0);
    assert_true(store_consumers_lost(s));
    assert_false(store_consumers_lost(s)); /* told once */
}

static void what_goes_out_of_a_devices_window_unread_is_counted(void **state)
{
    struct store *s = *state;
    put_device(s, "a");
    add_many(s, "a", STORE_MESSAGES_KEPT);
    assert_ok(store_consumer_put(s, "slow", 1));
    add_many(s, "a", 1); /* number 1 goes, which was read */
    assert_int_equal(consumer(s, "slow").lost, 0);
    assert_false(store_consumers_lost(s));
    add_many(s, "a", 2);
    assert_int_equal(consumer(s, "slow").lost, 2);
    assert_true(store_consumers_lost(s));
}

static void events_that_are_too_old_go(void **state)
{
    struct store *s = *state;
    int64_t first = 0;
    put_device(s, "a");
    store_keep_ms(s, 500);
    assert_ok(store_begin(s));
    for (int i = 1; i <= 1000; i++)
        assert_ok(add_at(s, EVENT_TELEMETRY, "a", i));
    assert_ok(store_commit(s));
    assert_ok(store_event_first(s, &first));
    assert_int_equal(first, 500);
}

#define MEMORY(test) cmocka_unit_test_setup_teardown(test, open_memory, close_memory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        MEMORY(events_of_all_devices_and_kinds_have_one_order),
        MEMORY(ranges_of_device_kind_and_position_join),
        MEMORY(time_range_has_its_beginning_and_not_its_end),
        MEMORY(event_of_no_device_is_not_kept_unless_it_is_the_deletion),
        MEMORY(events_go_with_their_device_and_their_positions_do_not_come_back),
        cmocka_unit_test(positions_of_cleared_events_do_not_come_back_after_a_restart),
        MEMORY(last_position_is_that_of_the_commit),
        MEMORY(positions_that_were_not_committed_are_given_again),
        MEMORY(rare_events_are_read_by_their_index),
        cmocka_unit_test(log_is_emptied_beside_the_writing),
        MEMORY(consumer_goes_on_where_it_was),
        MEMORY(what_goes_unread_is_counted_for_each_consumer),
        MEMORY(what_goes_out_of_a_devices_window_unread_is_counted),
        MEMORY(events_that_are_too_old_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
