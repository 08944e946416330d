/* What a telemetry name was over a time. */
#include "support/core_fixture.h"

#define EVENTS "devices/p1/messages/events/"
#define HISTORY "/api/devices/p1/telemetry/flow/history"

static int set_up(void **state)
{
    struct fixture *f = fixture_create(false);
    *state = f;
    fixture_connect(f, "p1");
    return 0;
}

static int tear_down(void **state)
{
    fixture_destroy(*state);
    return 0;
}

static void send(struct fixture *f, const char *bag, const char *body)
{
    char topic[200];
    snprintf(topic, sizeof topic, EVENTS "%s", bag);
    fixture_publish(f, topic, body, 1);
    bench_advance(&f->bench, 1000);
}

static void a_bucket_has_least_mean_most_and_last(void **state)
{
    struct fixture *f = *state;
    send(f, "", "{\"flow\":1}"); /* 05:06:07.089 */
    send(f, "", "{\"flow\":6}");
    send(f, "", "{\"flow\":2}");
    fixture_ask(f, "GET", HISTORY "?from=2026-03-04T05:06:07Z&to=2026-03-04T05:06:11Z&buckets=2", "");
    assert_answer(
        f, 200,
        "{\"from\":\"2026-03-04T05:06:07.000Z\",\"to\":\"2026-03-04T05:06:11.000Z\",\"bucketMs\":2000,"
        "\"value\":[{\"timestamp\":\"2026-03-04T05:06:07.000Z\",\"count\":2,\"min\":1,\"avg\":3.5,\"max\":6,"
        "\"last\":6},{\"timestamp\":\"2026-03-04T05:06:09.000Z\",\"count\":1,\"min\":2,\"avg\":2,\"max\":2,"
        "\"last\":2}]}");
}

static void without_a_time_it_is_the_last_hour(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "GET", HISTORY, "");
    assert_answer(f, 200,
                  "{\"from\":\"2026-03-04T04:06:07.090Z\",\"to\":\"2026-03-04T05:06:07.090Z\",\"bucketMs\":36000,"
                  "\"value\":[]}");
    send(f, "", "{\"flow\":1}");
    fixture_ask(f, "GET", HISTORY, "");
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "value")), 1);
    bench_advance(&f->bench, 3600 * 1000);
    fixture_ask(f, "GET", HISTORY, "");
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "value")), 0);
}

static void texts_are_counted_and_the_last_shown(void **state)
{
    struct fixture *f = *state;
    send(f, "", "{\"flow\":\"a\"}");
    send(f, "", "{\"flow\":\"b\"}");
    fixture_ask(f, "GET", HISTORY "?buckets=1", "");
    assert_string_equal(fixture_text(f, "value.0.last"), "b");
    assert_null(fixture_at(f, "value.0.avg"));
    assert_int_equal(fixture_at(f, "value.0.count")->valuedouble, 2);
}

static void a_component_has_its_own_history(void **state)
{
    struct fixture *f = *state;
    send(f, "%24.sub=hydraulics", "{\"flow\":7,\"motor\":{\"rpm\":9}}");
    fixture_ask(f, "GET", HISTORY, "");
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "value")), 0);
    fixture_ask(f, "GET", "/api/devices/p1/components/hydraulics/telemetry/flow/history", "");
    assert_int_equal(fixture_at(f, "value.0.last")->valuedouble, 7);
    fixture_ask(f, "GET", "/api/devices/p1/components/hydraulics/telemetry/motor.rpm/history", "");
    assert_int_equal(fixture_at(f, "value.0.last")->valuedouble, 9);
}

static void a_value_stands_where_it_was_measured(void **state)
{
    struct fixture *f = *state;
    send(f, "iothub-creation-time-utc=2026-03-04T05%3A00%3A00Z", "{\"flow\":1}");
    fixture_ask(f, "GET", HISTORY "?from=2026-03-04T05:00:00Z&to=2026-03-04T05:01:00Z", "");
    assert_string_equal(fixture_text(f, "value.0.timestamp"), "2026-03-04T05:00:00.000Z");
}

static void a_history_that_cannot_be_is_refused(void **state)
{
    static const char *const CASES[][2] = {{"?from=x", "from has to be a time"},
                                           {"?to=2026-03-04", "to has to be a time"},
                                           {"?buckets=0", "1 to 1000"},
                                           {"?buckets=1001", "1 to 1000"},
                                           {"?buckets=1&buckets=2", "there twice"},
                                           {"?from=2026-03-04T05:00:00Z&to=2026-03-04T05:00:00Z", "before to"}};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char target[200];
        snprintf(target, sizeof target, HISTORY "%s", CASES[i][0]);
        fixture_ask(f, "GET", target, "");
        assert_refused(f, 400, "InvalidQuery", CASES[i][1]);
    }
    fixture_ask(f, "GET", "/api/devices/none/telemetry/flow/history", "");
    assert_refused(f, 404, "NotFound", "none");
}

int main(void)
{
#define WITH_CORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_CORE(a_bucket_has_least_mean_most_and_last), WITH_CORE(without_a_time_it_is_the_last_hour),
        WITH_CORE(texts_are_counted_and_the_last_shown),  WITH_CORE(a_component_has_its_own_history),
        WITH_CORE(a_value_stands_where_it_was_measured),  WITH_CORE(a_history_that_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
