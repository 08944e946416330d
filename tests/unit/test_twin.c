#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spoke/proto/twin.h>

#include "support/support.h"

/* The twin of the worked conversation in docs/protocol.md. */
#define TWIN4 \
    "{\"desired\":{\"thermostat1\":{\"__t\":\"c\",\"targetTemperature\":22},\"$version\":4}," \
    "\"reported\":{\"$version\":1}}"
#define DESIRED4 "{\"thermostat1\":{\"__t\":\"c\",\"targetTemperature\":22},\"$version\":4}"
#define PATCH5 "{\"thermostat1\":{\"__t\":\"c\",\"targetTemperature\":25},\"$version\":5}"

/* A change held back takes its text and this much. */
enum { HELD_HEAD = 16, MINUTE = 60000 };

struct fixture {
    spoke_twin twin;
    uint8_t held[256];
    uint64_t now;
    char *payload; /* of the last receive: views into it live until the next */
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->now = 5000;
    spoke_twin_init(&f->twin, f->held, sizeof f->held);
    spoke_twin_start(&f->twin, f->now);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    free(f->payload);
    free(f);
    return 0;
}

static uint32_t send_get(struct fixture *f)
{
    uint32_t rid = 0, again;
    assert_ok(spoke_twin_output(&f->twin, &rid));
    spoke_twin_sent(&f->twin, f->now);
    assert_int_equal(spoke_twin_output(&f->twin, &again), SPOKE_E_AGAIN);
    return rid;
}

static void assert_no_get(struct fixture *f)
{
    uint32_t rid;
    assert_int_equal(spoke_twin_output(&f->twin, &rid), SPOKE_E_AGAIN);
}

static void assert_no_event(struct fixture *f)
{
    spoke_twin_event event;
    assert_int_equal(spoke_twin_next(&f->twin, &event), SPOKE_E_AGAIN);
}

static void receive(struct fixture *f, const char *topic, const char *payload)
{
    static const spoke_hub_identity id = {.hub_host = {"h", 1}, .device_id = {"d", 1}};
    spoke_hub_event event;
    free(f->payload);
    f->payload = malloc(strlen(payload) + 1);
    memcpy(f->payload, payload, strlen(payload)); /* without NUL: nothing may read on */
    assert_ok(spoke_hub_parse(&id, spoke_str_of(topic), spoke_str_from(f->payload, strlen(payload)), &event));
    spoke_twin_receive(&f->twin, f->now, &event);
}

static void reply(struct fixture *f, unsigned status, uint32_t rid, const char *payload)
{
    char topic[64];
    snprintf(topic, sizeof topic, "$iothub/twin/res/%u/?$rid=%lu", status, (unsigned long)rid);
    receive(f, topic, payload);
}

static void notify(struct fixture *f, int version, const char *patch)
{
    char topic[80];
    snprintf(topic, sizeof topic, "$iothub/twin/PATCH/properties/desired/?$version=%d", version);
    receive(f, topic, patch);
}

static spoke_twin_event taken(struct fixture *f, spoke_twin_event_kind kind)
{
    spoke_twin_event event;
    assert_ok(spoke_twin_next(&f->twin, &event));
    assert_int_equal(event.kind, kind);
    return event;
}

static void assert_snapshot(struct fixture *f, int version)
{
    assert_int_equal(taken(f, SPOKE_TWIN_SNAPSHOT).version, version);
}

static void assert_change(struct fixture *f, int version, const char *patch)
{
    const spoke_twin_event event = taken(f, SPOKE_TWIN_CHANGE);
    assert_int_equal(event.version, version);
    assert_str(event.desired, patch);
}

static void sync_at(struct fixture *f, int version)
{
    char twin[64];
    snprintf(twin, sizeof twin, "{\"desired\":{\"$version\":%d}}", version);
    reply(f, 200, send_get(f), twin);
    assert_snapshot(f, version);
    assert_no_event(f);
    assert_no_get(f);
}

/* --- the first snapshot --- */

static void nothing_happens_before_start(void **state)
{
    struct fixture *f = *state;
    spoke_twin_init(&f->twin, f->held, sizeof f->held);
    notify(f, 1, "{}");
    assert_no_get(f);
    assert_no_event(f);
    assert_true(spoke_twin_deadline(&f->twin) == UINT64_MAX);
}

static void the_snapshot_is_the_desired_section(void **state)
{
    struct fixture *f = *state;
    assert_false(spoke_twin_synced(&f->twin));
    reply(f, 200, send_get(f), TWIN4);
    const spoke_twin_event event = taken(f, SPOKE_TWIN_SNAPSHOT);
    assert_int_equal(event.version, 4);
    assert_str(event.desired, DESIRED4);
    assert_true(spoke_twin_synced(&f->twin));
    assert_no_event(f);
    assert_no_get(f);
    assert_true(spoke_twin_deadline(&f->twin) == UINT64_MAX);
}

static void a_202_is_as_good(void **state)
{
    struct fixture *f = *state;
    reply(f, 202, send_get(f), TWIN4);
    assert_snapshot(f, 4);
}

static void a_get_can_be_tried_again_until_it_is_sent(void **state)
{
    struct fixture *f = *state;
    uint32_t first, second;
    assert_ok(spoke_twin_output(&f->twin, &first));
    assert_ok(spoke_twin_output(&f->twin, &second));
    assert_int_equal(first, second);
}

static void what_was_not_asked_cannot_be_sent(void **state)
{
    struct fixture *f = *state;
    const uint32_t rid = send_get(f);
    spoke_twin_sent(&f->twin, f->now); /* a second time: the answer to the first still counts */
    reply(f, 200, rid, TWIN4);
    assert_snapshot(f, 4);
}

static void strange_replies_are_ignored(void **state)
{
    struct fixture *f = *state;
    const uint32_t rid = send_get(f);
    reply(f, 200, rid + 1, TWIN4);
    receive(f, "$iothub/twin/res/200/?$rid=f6d1-uuid", TWIN4);
    receive(f, "$iothub/methods/POST/m/?$rid=1", "{}");
    receive(f, "devices/d/messages/devicebound/", "{}");
    assert_no_event(f);
    reply(f, 200, rid, TWIN4);
    assert_snapshot(f, 4);
    reply(f, 200, rid, TWIN4);
    assert_no_event(f);
}

/* --- changes --- */

static void the_next_version_is_applied_at_once(void **state)
{
    struct fixture *f = *state;
    sync_at(f, 4);
    notify(f, 5, PATCH5);
    assert_change(f, 5, PATCH5);
    assert_no_event(f);
    assert_no_get(f);
}

static void a_known_version_is_ignored(void **state)
{
    struct fixture *f = *state;
    sync_at(f, 4);
    notify(f, 4, DESIRED4);
    notify(f, 1, "{}");
    assert_no_event(f);
    assert_no_get(f);
}

static void changes_during_the_get_wait_for_the_snapshot(void **state)
{
    struct fixture *f = *state;
    const uint32_t rid = send_get(f);
    notify(f, 3, "{\"a\":3}");
    notify(f, 4, "{\"a\":4}");
    notify(f, 5, "{\"a\":5}");
    notify(f, 6, "{\"a\":null}");
    assert_no_event(f);
    reply(f, 200, rid, TWIN4);
    assert_snapshot(f, 4);
    assert_change(f, 5, "{\"a\":5}");
    assert_change(f, 6, "{\"a\":null}");
    assert_no_event(f);
    assert_no_get(f);
}

static void a_gap_applies_nothing_and_asks(void **state)
{
    struct fixture *f = *state;
    sync_at(f, 4);
    notify(f, 7, "{\"a\":7}");
    assert_no_event(f);
    const uint32_t rid = send_get(f);
    notify(f, 8, "{\"a\":8}");
    reply(f, 200, rid, "{\"desired\":{\"a\":7,\"$version\":7}}");
    assert_snapshot(f, 7);
    assert_change(f, 8, "{\"a\":8}");
    assert_no_get(f);
}

static void changes_held_back_and_not_taken_before_the_next_are_fetched_again(void **state)
{
    struct fixture *f = *state;
    const uint32_t rid = send_get(f);
    notify(f, 5, "{\"a\":5}");
    notify(f, 6, "{\"a\":6}");
    reply(f, 200, rid, TWIN4);
    assert_snapshot(f, 4);
    assert_change(f, 5, "{\"a\":5}"); /* 6 is left there */
    notify(f, 7, "{\"a\":7}");
    assert_no_event(f);
    sync_at(f, 7);
}

static void a_gap_in_what_was_held_back_asks_again(void **state)
{
    struct fixture *f = *state;
    const uint32_t rid = send_get(f);
    notify(f, 6, "{\"a\":6}");
    reply(f, 200, rid, TWIN4);
    assert_snapshot(f, 4);
    assert_no_event(f);
    sync_at(f, 6);
}

static void what_cannot_be_held_back_asks_again(void **state)
{
    struct fixture *f = *state;
    const char *patch = "{\"a\":5}";
    for (size_t missing = 0; missing < 2; missing++) {
        const size_t room = HELD_HEAD + strlen(patch) - missing;
        f->held[room] = 0x5A;
        spoke_twin_init(&f->twin, f->held, room);
        spoke_twin_start(&f->twin, f->now);
        const uint32_t rid = send_get(f);
        notify(f, 5, patch);
        assert_int_equal(f->held[room], 0x5A);
        reply(f, 200, rid, TWIN4);
        assert_snapshot(f, 4);
        if (missing == 0)
            assert_change(f, 5, patch);
        assert_no_event(f);
        if (missing == 0)
            assert_no_get(f);
        else
            sync_at(f, 5);
    }
}

static void it_works_without_any_memory(void **state)
{
    struct fixture *f = *state;
    spoke_twin_init(&f->twin, NULL, 0);
    spoke_twin_start(&f->twin, f->now);
    const uint32_t rid = send_get(f);
    notify(f, 5, PATCH5);
    reply(f, 200, rid, TWIN4);
    assert_snapshot(f, 4);
    sync_at(f, 5);
    notify(f, 6, "{}");
    assert_change(f, 6, "{}");
}

static void a_change_without_a_version_in_the_topic_has_it_in_the_body(void **state)
{
    struct fixture *f = *state;
    sync_at(f, 4);
    receive(f, "$iothub/twin/PATCH/properties/desired/?x=1", PATCH5);
    assert_change(f, 5, PATCH5);
    receive(f, "$iothub/twin/PATCH/properties/desired/?x=1", "{\"a\":1}");
    assert_no_event(f);
    sync_at(f, 6);
}

static void a_change_that_is_no_object_is_fetched_instead(void **state)
{
    struct fixture *f = *state;
    static const char *const broken[] = {"", "null", "[1]", "{\"a\":", "{\"a\":1}}", "\xFF"};
    sync_at(f, 1);
    for (int i = 0; i < (int)(sizeof broken / sizeof broken[0]); i++) {
        notify(f, i + 2, broken[i]);
        assert_no_event(f);
        sync_at(f, i + 2);
    }
}

static void a_change_that_was_not_taken_is_fetched_again(void **state)
{
    struct fixture *f = *state;
    sync_at(f, 4);
    notify(f, 5, PATCH5);
    notify(f, 6, "{\"a\":6}"); /* the view of 5 is gone */
    assert_no_event(f);
    sync_at(f, 6);
}

static void a_snapshot_that_was_not_taken_is_fetched_again(void **state)
{
    struct fixture *f = *state;
    reply(f, 200, send_get(f), TWIN4);
    notify(f, 5, PATCH5);
    assert_no_event(f);
    assert_false(spoke_twin_synced(&f->twin));
    sync_at(f, 5);
}

static void taking_one_event_for_each_receive_is_enough(void **state)
{
    struct fixture *f = *state;
    spoke_twin_event event;
    const uint32_t rid = send_get(f);
    notify(f, 5, PATCH5);
    reply(f, 200, rid, TWIN4);
    assert_ok(spoke_twin_next(&f->twin, &event));
    assert_ok(spoke_twin_next(&f->twin, &event)); /* the last, but E_AGAIN was never seen */
    notify(f, 6, "{}");
    assert_change(f, 6, "{}");
    assert_no_get(f);
}

static void the_largest_versions_do_not_overflow(void **state)
{
    struct fixture *f = *state;
    reply(f, 200, send_get(f), "{\"desired\":{\"$version\":9223372036854775806}}");
    assert_true(taken(f, SPOKE_TWIN_SNAPSHOT).version == INT64_MAX - 1);
    receive(f, "$iothub/twin/PATCH/properties/desired/?$version=9223372036854775807", "{}");
    assert_true(taken(f, SPOKE_TWIN_CHANGE).version == INT64_MAX);
    receive(f, "$iothub/twin/PATCH/properties/desired/?$version=9223372036854775807", "{}");
    assert_no_event(f);
    assert_no_get(f);
}

/* --- versions that go down --- */

static void a_smaller_version_in_a_snapshot_counts(void **state)
{
    struct fixture *f = *state;
    sync_at(f, 40);
    spoke_twin_start(&f->twin, f->now);
    sync_at(f, 2);
    notify(f, 3, "{}");
    assert_change(f, 3, "{}");
}

static void forgetting_asks_and_takes_any_version(void **state)
{
    struct fixture *f = *state;
    sync_at(f, 40);
    spoke_twin_forget(&f->twin);
    assert_false(spoke_twin_synced(&f->twin));
    notify(f, 1, "{}");
    assert_no_event(f);
    sync_at(f, 1);
}

static void what_the_old_connection_held_back_is_forgotten(void **state)
{
    struct fixture *f = *state;
    send_get(f);
    notify(f, 5, PATCH5);
    spoke_twin_start(&f->twin, f->now);
    sync_at(f, 4);
}

/* --- connections --- */

static void each_connection_asks_anew_and_keeps_the_version(void **state)
{
    struct fixture *f = *state;
    const uint32_t old = send_get(f);
    spoke_twin_start(&f->twin, f->now);
    assert_false(spoke_twin_synced(&f->twin));
    const uint32_t young = send_get(f);
    assert_int_not_equal(old, young);
    reply(f, 200, old, "{\"desired\":{\"$version\":1}}");
    assert_no_event(f);
    reply(f, 200, young, TWIN4);
    assert_snapshot(f, 4);
}

static void a_refresh_asks_for_a_younger_snapshot(void **state)
{
    struct fixture *f = *state;
    sync_at(f, 4);
    spoke_twin_refresh(&f->twin);
    spoke_twin_refresh(&f->twin);
    sync_at(f, 4);
}

static void a_refresh_during_a_get_is_not_answered_by_it(void **state)
{
    struct fixture *f = *state;
    const uint32_t rid = send_get(f);
    spoke_twin_refresh(&f->twin);
    assert_no_get(f);
    reply(f, 200, rid, TWIN4);
    assert_snapshot(f, 4);
    sync_at(f, 5);
}

/* --- refusals and time --- */

static void assert_asks_after(struct fixture *f, uint64_t pause_ms)
{
    assert_no_event(f);
    assert_no_get(f);
    assert_true(spoke_twin_deadline(&f->twin) == f->now + pause_ms);
    f->now += pause_ms - 1;
    spoke_twin_tick(&f->twin, f->now);
    assert_no_get(f);
    f->now += 1;
    spoke_twin_tick(&f->twin, f->now);
}

static void refusals_that_pass_are_retried_with_doubling_pauses(void **state)
{
    struct fixture *f = *state;
    static const uint64_t pauses[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
    static const unsigned statuses[] = {429, 500, 503};
    for (size_t i = 0; i < sizeof pauses / sizeof pauses[0]; i++) {
        reply(f, statuses[i % 3], send_get(f), "");
        assert_asks_after(f, pauses[i]);
    }
    sync_at(f, 4);
    spoke_twin_refresh(&f->twin);
    reply(f, 429, send_get(f), "");
    assert_asks_after(f, 1000);
}

static void a_get_without_an_answer_is_repeated(void **state)
{
    struct fixture *f = *state;
    const uint32_t old = send_get(f);
    assert_true(spoke_twin_deadline(&f->twin) == f->now + MINUTE);
    f->now += MINUTE;
    spoke_twin_tick(&f->twin, f->now);
    assert_asks_after(f, 1000);
    const uint32_t young = send_get(f);
    reply(f, 200, old, "{\"desired\":{\"$version\":1}}"); /* too late */
    assert_no_event(f);
    reply(f, 200, young, TWIN4);
    assert_snapshot(f, 4);
}

static void changes_wait_through_refusals(void **state)
{
    struct fixture *f = *state;
    reply(f, 429, send_get(f), "");
    notify(f, 5, PATCH5);
    assert_asks_after(f, 1000);
    reply(f, 200, send_get(f), TWIN4);
    assert_snapshot(f, 4);
    assert_change(f, 5, PATCH5);
}

static void a_refusal_that_stays_is_told(void **state)
{
    struct fixture *f = *state;
    static const unsigned statuses[] = {400, 401, 403, 404, 412, 428};
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        spoke_twin_start(&f->twin, f->now);
        reply(f, statuses[i], send_get(f), "{\"errorCode\":400004}");
        assert_int_equal(taken(f, SPOKE_TWIN_FAILED).status, statuses[i]);
        assert_no_event(f);
        assert_no_get(f);
        notify(f, 1, "{}");
        assert_no_get(f);
        assert_true(spoke_twin_deadline(&f->twin) == UINT64_MAX);
    }
    spoke_twin_refresh(&f->twin);
    sync_at(f, 4);
}

static void what_is_no_twin_is_asked_for_once_more(void **state)
{
    struct fixture *f = *state;
    static const char *const broken[] = {"",
                                         "null",
                                         "[]",
                                         "{}",
                                         "{\"desired\":{}}",
                                         "{\"desired\":[]}",
                                         "{\"desired\":null}",
                                         "{\"desired\":{\"$version\":null}}",
                                         "{\"desired\":{\"$version\":\"4\"}}",
                                         "{\"desired\":{\"$version\":-1}}",
                                         "{\"desired\":{\"$version\":1.5}}",
                                         "{\"desired\":{\"$version\":9223372036854775808}}",
                                         "{\"desired\":{\"$version\":4}",
                                         "{\"desired\":{\"$version\":4}} x",
                                         "{\"reported\":{\"$version\":4}}"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        spoke_twin_start(&f->twin, f->now);
        reply(f, 200, send_get(f), broken[i]);
        assert_asks_after(f, 1000);
        reply(f, 200, send_get(f), broken[i]);
        assert_int_equal(taken(f, SPOKE_TWIN_FAILED).status, 0);
        assert_no_get(f);
    }
    spoke_twin_start(&f->twin, f->now);
    reply(f, 204, send_get(f), "");
    assert_asks_after(f, 1000);
    sync_at(f, 4); /* the second try was good: a later broken one is the first again */
    spoke_twin_refresh(&f->twin);
    reply(f, 200, send_get(f), "x");
    assert_asks_after(f, 1000);
}

static void every_truncation_of_a_twin_is_asked_for_again(void **state)
{
    struct fixture *f = *state;
    for (size_t len = 0; len < strlen(TWIN4); len++) {
        char twin[sizeof TWIN4] = "";
        memcpy(twin, TWIN4, len);
        spoke_twin_start(&f->twin, f->now);
        reply(f, 200, send_get(f), twin);
        assert_asks_after(f, 1000);
    }
}

/* --- reports --- */

static void one_report_is_in_flight(void **state)
{
    struct fixture *f = *state;
    uint32_t rid, other;
    assert_ok(spoke_twin_report(&f->twin, f->now, &rid));
    assert_int_equal(spoke_twin_report(&f->twin, f->now, &other), SPOKE_E_AGAIN);
    reply(f, 204, rid, "");
    assert_int_equal(spoke_twin_report(&f->twin, f->now, &other), SPOKE_E_AGAIN);
    taken(f, SPOKE_TWIN_REPORTED);
    assert_ok(spoke_twin_report(&f->twin, f->now, &other));
    assert_int_not_equal(rid, other);
}

static void the_answer_to_a_report_says_status_and_version(void **state)
{
    struct fixture *f = *state;
    char topic[64];
    uint32_t rid;
    assert_ok(spoke_twin_report(&f->twin, f->now, &rid));
    snprintf(topic, sizeof topic, "$iothub/twin/res/204/?$rid=%lu&$version=2", (unsigned long)rid);
    receive(f, topic, "");
    spoke_twin_event event = taken(f, SPOKE_TWIN_REPORTED);
    assert_int_equal(event.status, 204);
    assert_int_equal(event.version, 2);
    assert_ok(spoke_twin_report(&f->twin, f->now, &rid));
    reply(f, 413, rid, "{\"errorCode\":413001}");
    event = taken(f, SPOKE_TWIN_REPORTED);
    assert_int_equal(event.status, 413);
    assert_int_equal(event.version, -1);
    assert_no_event(f);
}

static void errors_are_told_apart_by_rid_never_by_status(void **state)
{
    struct fixture *f = *state;
    uint32_t report;
    const uint32_t get = send_get(f);
    assert_ok(spoke_twin_report(&f->twin, f->now, &report));
    reply(f, 429, report, "");
    assert_int_equal(taken(f, SPOKE_TWIN_REPORTED).status, 429);
    assert_no_get(f);
    reply(f, 200, get, TWIN4);
    assert_snapshot(f, 4);
}

static void a_report_without_an_answer_ends_with_status_0(void **state)
{
    struct fixture *f = *state;
    uint32_t rid;
    sync_at(f, 4);
    assert_ok(spoke_twin_report(&f->twin, f->now, &rid));
    assert_true(spoke_twin_deadline(&f->twin) == f->now + MINUTE);
    spoke_twin_tick(&f->twin, f->now + MINUTE - 1);
    assert_no_event(f);
    spoke_twin_tick(&f->twin, f->now + MINUTE);
    assert_int_equal(taken(f, SPOKE_TWIN_REPORTED).status, 0);
    assert_true(spoke_twin_deadline(&f->twin) == UINT64_MAX);
    reply(f, 204, rid, "");
    assert_no_event(f);
}

static void a_report_is_lost_with_its_connection(void **state)
{
    struct fixture *f = *state;
    uint32_t rid;
    assert_ok(spoke_twin_report(&f->twin, f->now, &rid));
    spoke_twin_start(&f->twin, f->now);
    reply(f, 204, rid, "");
    assert_no_event(f);
    assert_ok(spoke_twin_report(&f->twin, f->now, &rid));
}

static void a_report_that_could_not_be_published_is_given_back(void **state)
{
    struct fixture *f = *state;
    uint32_t first, second;
    assert_ok(spoke_twin_report(&f->twin, f->now, &first));
    spoke_twin_report_cancel(&f->twin);
    assert_true(spoke_twin_deadline(&f->twin) == UINT64_MAX);
    assert_ok(spoke_twin_report(&f->twin, f->now, &second));
    reply(f, 204, first, "");
    assert_no_event(f);
}

static void a_report_may_cross_a_snapshot(void **state)
{
    struct fixture *f = *state;
    uint32_t report;
    const uint32_t get = send_get(f);
    assert_ok(spoke_twin_report(&f->twin, f->now, &report));
    notify(f, 5, PATCH5);
    reply(f, 200, get, TWIN4);
    assert_snapshot(f, 4);
    assert_change(f, 5, PATCH5);
    reply(f, 204, report, "");
    assert_int_equal(taken(f, SPOKE_TWIN_REPORTED).status, 204);
    assert_no_get(f);
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(nothing_happens_before_start),
        UNIT(the_snapshot_is_the_desired_section),
        UNIT(a_202_is_as_good),
        UNIT(a_get_can_be_tried_again_until_it_is_sent),
        UNIT(strange_replies_are_ignored),
        UNIT(the_next_version_is_applied_at_once),
        UNIT(a_known_version_is_ignored),
        UNIT(changes_during_the_get_wait_for_the_snapshot),
        UNIT(a_gap_applies_nothing_and_asks),
        UNIT(changes_held_back_and_not_taken_before_the_next_are_fetched_again),
        UNIT(a_gap_in_what_was_held_back_asks_again),
        UNIT(what_cannot_be_held_back_asks_again),
        UNIT(it_works_without_any_memory),
        UNIT(a_change_without_a_version_in_the_topic_has_it_in_the_body),
        UNIT(a_change_that_is_no_object_is_fetched_instead),
        UNIT(a_change_that_was_not_taken_is_fetched_again),
        UNIT(a_snapshot_that_was_not_taken_is_fetched_again),
        UNIT(taking_one_event_for_each_receive_is_enough),
        UNIT(the_largest_versions_do_not_overflow),
        UNIT(a_smaller_version_in_a_snapshot_counts),
        UNIT(forgetting_asks_and_takes_any_version),
        UNIT(what_the_old_connection_held_back_is_forgotten),
        UNIT(each_connection_asks_anew_and_keeps_the_version),
        UNIT(a_refresh_asks_for_a_younger_snapshot),
        UNIT(a_refresh_during_a_get_is_not_answered_by_it),
        UNIT(refusals_that_pass_are_retried_with_doubling_pauses),
        UNIT(a_get_without_an_answer_is_repeated),
        UNIT(changes_wait_through_refusals),
        UNIT(a_refusal_that_stays_is_told),
        UNIT(what_is_no_twin_is_asked_for_once_more),
        UNIT(every_truncation_of_a_twin_is_asked_for_again),
        UNIT(one_report_is_in_flight),
        UNIT(the_answer_to_a_report_says_status_and_version),
        UNIT(errors_are_told_apart_by_rid_never_by_status),
        UNIT(a_report_without_an_answer_ends_with_status_0),
        UNIT(a_report_is_lost_with_its_connection),
        UNIT(a_report_that_could_not_be_published_is_given_back),
        UNIT(a_report_may_cross_a_snapshot),
        UNIT(what_was_not_asked_cannot_be_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
