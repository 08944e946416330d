/* Events of a device that was deleted or cleared: nobody sees them from then on, and they leave the file in pieces. */
#include <unistd.h>

#include "central/store/store_query.h"
#include "support/core_fixture.h"

enum { MANY = 1000 };

/* --- the store --- */

static struct store *open_store(const char *path)
{
    struct store *s = NULL;
    char why[200] = "";
    if (store_open(path, false, &s, why, sizeof why) != SPOKE_OK)
        fail_msg("%s", why);
    return s;
}

static void put_device(struct store *s, const char *id)
{
    const struct store_device row = {.id = (char *)(uintptr_t)id, .template_id = (char *)"dtmi:t;1"};
    assert_ok(store_device_put(s, &row));
}

static void add_messages(struct store *s, const char *device_id, int count, const char *body)
{
    const struct store_message row = {.device_id = (char *)(uintptr_t)device_id,
                                      .message_id = (char *)"m",
                                      .at_ms = 1000,
                                      .body = (void *)(uintptr_t)body,
                                      .body_len = strlen(body)};
    assert_ok(store_begin(s));
    for (int i = 0; i < count; i++)
        assert_ok(store_message_add(s, &row));
    assert_ok(store_commit(s));
}

static int set_up(void **state)
{
    struct store *s = open_store(":memory:");
    put_device(s, "d");
    put_device(s, "other");
    add_messages(s, "d", MANY, "old");
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    store_close(*state);
    return 0;
}

static int64_t rows(struct store *s)
{
    static const char SQL[] = "SELECT count(*) FROM event WHERE device_id = 'd'";
    int64_t count = 0;
    assert_ok(store_query_number(s, SQL, &count));
    return count;
}

static void clear_all(struct store *s)
{
    for (int i = 0; i < 2 * MANY && store_clearing(s); i++)
        assert_ok(store_clear_some(s));
    assert_false(store_clearing(s));
}

struct seen {
    int count, cleared;
    char body[8]; /* of the last */
};

static bool see_message(void *ctx, const struct store_message *row)
{
    struct seen *seen = ctx;
    seen->count++;
    (void)snprintf(seen->body, sizeof seen->body, "%s", (const char *)row->body);
    return true;
}

static bool see_event(void *ctx, const struct store_event *row)
{
    struct seen *seen = ctx;
    if (row->kind == EVENT_CLEARED)
        assert_true(row->device_id == NULL && row->body == NULL && row->position > 0);
    seen->cleared += row->kind == EVENT_CLEARED;
    seen->count += row->kind != EVENT_CLEARED;
    return true;
}

static bool see_scanned(void *ctx, const struct store_scanned *row)
{
    (void)row;
    ((struct seen *)ctx)->count++;
    return true;
}

static int messages_of(struct store *s, const char *device_id)
{
    struct seen seen = {0};
    assert_ok(store_message_each(s, device_id, 0, 10 * MANY, see_message, &seen));
    return seen.count;
}

static struct seen events_of(struct store *s, const char *device_id)
{
    struct seen seen = {0};
    const struct store_event_range range = {.device_id = device_id};
    assert_ok(store_event_each(s, &range, 10 * MANY, see_event, &seen));
    return seen;
}

static int scanned_of(struct store *s, const char *device_id)
{
    struct seen seen = {0};
    const struct store_scan scan = {
        .template_id = "dtmi:t;1", .device_id = device_id, .each = see_scanned, .ctx = &seen};
    assert_ok(store_scan_messages(s, &scan));
    return seen.count;
}

static void many_events_leave_the_file_in_pieces(void **state)
{
    struct store *s = *state;
    assert_ok(store_device_delete(s, "d"));
    assert_int_equal(rows(s), MANY);
    int64_t before = MANY;
    while (store_clearing(s)) {
        assert_ok(store_clear_some(s));
        assert_in_range(before - rows(s), 0, 64);
        before = rows(s);
    }
    assert_int_equal(rows(s), 0);
}

static void few_events_leave_the_file_at_once(void **state)
{
    struct store *s = *state;
    put_device(s, "few");
    add_messages(s, "few", 100, "x");
    assert_ok(store_device_delete(s, "few"));
    assert_false(store_clearing(s));
    assert_int_equal(events_of(s, "few").count, 0);
}

static void nobody_sees_them_though_a_new_device_has_the_id(void **state)
{
    struct store *s = *state;
    bool known = true;
    assert_ok(store_device_delete(s, "d"));
    put_device(s, "d");
    assert_int_equal(messages_of(s, "d"), 0);
    assert_int_equal(events_of(s, "d").count, 0);
    assert_int_equal(events_of(s, NULL).count, 0);
    assert_int_equal(scanned_of(s, "d"), 0);
    assert_int_equal(scanned_of(s, NULL), 0);
    assert_ok(store_message_known(s, "d", "m", &known));
    assert_false(known);
}

static void a_walk_counts_them_and_does_not_show_them(void **state)
{
    struct store *s = *state;
    struct seen seen = {0};
    const struct store_event_range range = {.kinds = 0};
    assert_ok(store_device_delete(s, "d"));
    assert_ok(store_event_each(s, &range, 10, see_event, &seen));
    assert_int_equal(seen.cleared, 10);
    assert_int_equal(seen.count, 0);
}

static void a_new_device_of_the_id_keeps_its_events(void **state)
{
    struct store *s = *state;
    struct seen seen = {0};
    int64_t after = 0;
    assert_ok(store_device_delete(s, "d"));
    put_device(s, "d");
    add_messages(s, "d", 5, "new");
    assert_ok(store_clear_some(s));
    add_messages(s, "d", 2, "new");
    for (int i = 0; i < 2; i++) {
        memset(&seen, 0, sizeof seen);
        assert_ok(store_message_tail(s, "d", 3, &after));
        assert_ok(store_message_each(s, "d", after, 10, see_message, &seen));
        assert_int_equal(seen.count, 3);
        assert_string_equal(seen.body, "new");
        assert_int_equal(messages_of(s, "d"), 7);
        assert_int_equal(events_of(s, "d").count, 7);
        assert_int_equal(scanned_of(s, "d"), 7);
        assert_int_equal(scanned_of(s, NULL), 7);
        clear_all(s);
    }
    assert_int_equal(rows(s), 7);
}

static void a_new_device_that_is_deleted_too_leaves_as_well(void **state)
{
    struct store *s = *state;
    assert_ok(store_device_delete(s, "d"));
    put_device(s, "d");
    add_messages(s, "d", 5, "new");
    assert_ok(store_clear_some(s));
    assert_ok(store_device_delete(s, "d"));
    put_device(s, "d");
    add_messages(s, "d", 3, "newer");
    assert_int_equal(messages_of(s, "d"), 3);
    clear_all(s);
    assert_int_equal(rows(s), 3);
}

static void a_device_whose_events_were_cleared_goes_on(void **state)
{
    struct store *s = *state;
    assert_ok(store_message_clear(s, "d"));
    assert_int_equal(messages_of(s, "d"), 0);
    add_messages(s, "d", 2, "new");
    clear_all(s);
    add_messages(s, "d", 1, "new");
    assert_int_equal(messages_of(s, "d"), 3);
}

/* The last piece is gone a moment before the device is known to be done with. */
static void an_event_after_the_last_piece_is_kept(void **state)
{
    struct store *s = *state;
    assert_ok(store_message_clear(s, "d"));
    for (int i = 0; i < MANY && rows(s) > 0; i++)
        assert_ok(store_clear_some(s));
    add_messages(s, "d", 1, "new");
    assert_int_equal(messages_of(s, "d"), 1);
    clear_all(s);
    assert_int_equal(messages_of(s, "d"), 1);
}

/* Of a device that is there only the first two events ask whether it is. */
static void no_event_of_a_device_that_is_gone_is_kept_meanwhile_or_later(void **state)
{
    struct store *s = *state;
    const struct store_event deleted = {.kind = EVENT_DEVICE_DELETED, .device_id = (char *)"d"},
                             late = {.kind = EVENT_DISCONNECTED, .device_id = (char *)"d"};
    assert_ok(store_device_delete(s, "d"));
    assert_int_equal(store_event_add(s, &late), SPOKE_E_NOT_FOUND);
    assert_ok(store_event_add(s, &deleted));
    assert_int_equal(store_event_add(s, &late), SPOKE_E_NOT_FOUND);
    clear_all(s);
    assert_int_equal(store_event_add(s, &late), SPOKE_E_NOT_FOUND);
    assert_int_equal(events_of(s, "d").count, 1);
}

static void a_clear_that_was_not_committed_was_none(void **state)
{
    struct store *s = *state;
    assert_ok(store_begin(s));
    assert_ok(store_device_delete(s, "d"));
    assert_int_equal(sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK); /* as a full disk does */
    assert_int_equal(store_commit(s), SPOKE_E_PORT);
    assert_false(store_clearing(s));
    assert_int_equal(messages_of(s, "d"), MANY);
}

static void the_oldest_of_other_devices_do_not_go_in_their_place(void **state)
{
    struct store *s = *state;
    add_messages(s, "other", 500, "x");
    store_keep(s, 1600);
    assert_ok(store_device_delete(s, "d"));
    add_messages(s, "other", 1000, "x");
    assert_int_equal(messages_of(s, "other"), 1500);
    add_messages(s, "other", 1000, "x"); /* 900 of "d" go, which do not count */
    assert_int_equal(messages_of(s, "other"), 2500);
    assert_int_equal(rows(s), 100);
    clear_all(s);
    add_messages(s, "other", 1000, "x");
    assert_int_equal(messages_of(s, "other"), 1600);
}

static void a_store_that_is_opened_meanwhile_does_not_count_them(void **state)
{
    struct store *s = *state;
    add_messages(s, "other", 500, "x");
    assert_ok(store_device_delete(s, "d"));
    put_device(s, "d");
    store_keep(s, 1400);
    s->events = STORE_NOT_COUNTED;       /* as after an opening */
    add_messages(s, "other", 1000, "x"); /* with those of "d" 2,500 */
    assert_int_equal(rows(s), MANY - 100);
    assert_int_equal(messages_of(s, "other"), 1500);
}

static void they_are_not_lost_for_a_consumer(void **state)
{
    struct store *s = *state;
    struct store_consumer consumer;
    assert_ok(store_consumer_put(s, "slow", 10));
    assert_ok(store_device_delete(s, "d"));
    put_device(s, "d");
    add_messages(s, "d", STORE_MESSAGES_KEPT + 3, "new"); /* of which three go by number */
    clear_all(s);
    assert_ok(store_consumer_get(s, "slow", &consumer));
    assert_int_equal(consumer.lost, 3);
    store_consumer_free(&consumer);
    assert_int_equal(rows(s), STORE_MESSAGES_KEPT);
}

static void they_are_not_lost_for_a_consumer_when_the_oldest_go(void **state)
{
    struct store *s = *state;
    struct store_consumer consumer;
    assert_ok(store_consumer_put(s, "slow", 10));
    assert_ok(store_device_delete(s, "d"));
    store_keep(s, 10);
    add_messages(s, "other", 1100, "x"); /* of which 90 go with the 1,000 */
    assert_int_equal(rows(s), 0);
    assert_ok(store_consumer_get(s, "slow", &consumer));
    assert_int_equal(consumer.lost, 90);
    store_consumer_free(&consumer);
}

/* --- the service --- */

#define DEVICE "/api/devices/d"

struct service {
    struct fixture *f;
    char path[64];
};

static void ask(struct fixture *f, int status, const char *method, const char *target)
{
    fixture_ask(f, method, target, "{}");
    if (f->status != status)
        fail_msg("%s %s: %d %s", method, target, f->status, f->text);
    (void)core_commit(f->bench.core);
}

static int set_up_service(void **state)
{
    struct service *service = calloc(1, sizeof *service);
    assert_non_null(service);
    (void)snprintf(service->path, sizeof service->path, "/tmp/spoke_clear_XXXXXX");
    const int fd = mkstemp(service->path);
    assert_true(fd >= 0);
    close(fd);
    service->f = fixture_create(true);
    bench_close(&service->f->bench);
    service->f->bench.options.store_path = service->path;
    bench_start(&service->f->bench);
    ask(service->f, 200, "PUT", DEVICE);
    add_messages(core_store(service->f->bench.core), "d", MANY, "{}");
    *state = service;
    return 0;
}

static int tear_down_service(void **state)
{
    static const char *const ENDS[] = {"", "-wal", "-shm"};
    struct service *service = *state;
    char name[80];
    fixture_destroy(service->f);
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(name, sizeof name, "%s%s", service->path, ENDS[i]);
        (void)unlink(name);
    }
    free(service);
    return 0;
}

static int64_t rows_of(const struct service *service)
{
    return rows(core_store(service->f->bench.core));
}

static int shown(const struct service *service, const char *target)
{
    ask(service->f, 200, "GET", target);
    return cJSON_GetArraySize(fixture_at(service->f, "value"));
}

static void a_turn_takes_some_of_them(void **state)
{
    struct service *service = *state;
    ask(service->f, 204, "DELETE", DEVICE);
    int64_t before = rows_of(service);
    assert_in_range(before, MANY, MANY + 5);
    for (int turns = 0; turns < 20 && before > 1; turns++) {
        bench_advance(&service->f->bench, 10);
        assert_in_range(before - rows_of(service), 1, 128);
        before = rows_of(service);
    }
    assert_int_equal(before, 1); /* that it was deleted */
    bench_advance(&service->f->bench, 10);
    bench_advance(&service->f->bench, 10);
    assert_false(core_uncommitted(service->f->bench.core));
    assert_true(core_deadline(service->f->bench.core) > service->f->bench.now_ms + 10);
}

static void a_service_that_was_killed_in_the_midst_goes_on(void **state)
{
    struct service *service = *state;
    ask(service->f, 204, "DELETE", DEVICE);
    ask(service->f, 200, "PUT", DEVICE);
    for (int turns = 0; turns < 20 && store_clearing(core_store(service->f->bench.core)); turns++) {
        bench_advance(&service->f->bench, 10);
        bench_close(&service->f->bench);
        bench_start(&service->f->bench);
        assert_int_equal(shown(service, "/api/events?deviceId=d&kind=telemetry"), 0);
    }
    assert_int_equal(rows_of(service), 2); /* that it was deleted, and made again */
}

static void events_of_before_are_on_no_page(void **state)
{
    struct service *service = *state;
    char target[400];
    int pages = 1;
    add_messages(core_store(service->f->bench.core), "d", 24 * MANY, "{}"); /* more than a request looks at */
    ask(service->f, 204, "DELETE", DEVICE);
    ask(service->f, 200, "PUT", DEVICE);
    add_messages(core_store(service->f->bench.core), "d", 2, "{}");
    int telemetry = shown(service, "/api/events?kind=telemetry&order=asc");
    for (; fixture_at(service->f, "nextLink") != NULL && pages < 10; pages++) {
        (void)snprintf(target, sizeof target, "%s",
                       fixture_text(service->f, "nextLink") + strlen("https://localhost:1"));
        telemetry += shown(service, target);
    }
    assert_in_range(pages, 2, 9);
    assert_int_equal(telemetry, 2);
}

static void a_disk_that_is_full_is_asked_again_later(void **state)
{
    struct service *service = *state;
    struct bench *b = &service->f->bench;
    ask(service->f, 204, "DELETE", DEVICE);
    b->now_ms += 10;
    core_tick(b->core); /* commits */
    const int64_t left = rows_of(service);
    assert_ok(store_begin(core_store(b->core)));
    assert_int_equal(sqlite3_exec(core_store(b->core)->db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_int_not_equal(core_commit(b->core), SPOKE_OK);
    bench_advance(b, 9000);
    assert_int_equal(rows_of(service), left);
    bench_advance(b, 1000);
    assert_true(rows_of(service) < left);
}

static void messages_that_are_cleared_for_a_test_are_gone_at_once(void **state)
{
    struct service *service = *state;
    ask(service->f, 204, "DELETE", "/control/devices/d/messages");
    assert_int_equal(shown(service, "/api/events?deviceId=d&kind=telemetry"), 0);
    for (int turns = 0; turns < 20; turns++)
        bench_advance(&service->f->bench, 10);
    assert_int_equal(rows_of(service), 0);
}

int main(void)
{
#define STORE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define SERVICE(name) cmocka_unit_test_setup_teardown(name, set_up_service, tear_down_service)
    const struct CMUnitTest tests[] = {
        STORE(many_events_leave_the_file_in_pieces),
        STORE(few_events_leave_the_file_at_once),
        STORE(nobody_sees_them_though_a_new_device_has_the_id),
        STORE(a_walk_counts_them_and_does_not_show_them),
        STORE(a_new_device_of_the_id_keeps_its_events),
        STORE(a_new_device_that_is_deleted_too_leaves_as_well),
        STORE(a_device_whose_events_were_cleared_goes_on),
        STORE(an_event_after_the_last_piece_is_kept),
        STORE(no_event_of_a_device_that_is_gone_is_kept_meanwhile_or_later),
        STORE(a_clear_that_was_not_committed_was_none),
        STORE(the_oldest_of_other_devices_do_not_go_in_their_place),
        STORE(a_store_that_is_opened_meanwhile_does_not_count_them),
        STORE(they_are_not_lost_for_a_consumer),
        STORE(they_are_not_lost_for_a_consumer_when_the_oldest_go),
        SERVICE(a_turn_takes_some_of_them),
        SERVICE(a_service_that_was_killed_in_the_midst_goes_on),
        SERVICE(events_of_before_are_on_no_page),
        SERVICE(a_disk_that_is_full_is_asked_again_later),
        SERVICE(messages_that_are_cleared_for_a_test_are_gone_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
