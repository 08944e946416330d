/* Writable properties: who is asked, when, and that every verdict reaches the hub. */
#include "support/client_fixture.h"

static const char *reported_body(size_t from)
{
    for (size_t i = fake->sent_count; i > from; i--)
        if (strstr(fake->sent[i - 1].topic, "/reported/") != NULL)
            return fake->sent[i - 1].body;
    return NULL;
}

static void answer_report(void)
{
    char topic[128];
    for (size_t i = fake->sent_count; i > 0; i--) {
        if (strstr(fake->sent[i - 1].topic, "/reported/") == NULL)
            continue;
        snprintf(topic, sizeof topic, "$iothub/twin/res/204/?%s&$version=5",
                 strstr(fake->sent[i - 1].topic, "$rid="));
        say_message(topic, "", 0);
        return;
    }
    fail_msg("no report was sent");
}

static size_t count_sent(const char *part)
{
    size_t count = 0;
    for (size_t i = 0; i < fake->sent_count; i++)
        count += strstr(fake->sent[i].topic, part) != NULL || strstr(fake->sent[i].body, part) != NULL;
    return count;
}

/* Answers every GET and every report from that one on until nothing more is asked; how many GETs it took. */
static size_t converse(struct fixture *f, const char *twin, size_t seen)
{
    size_t gets = 0;
    for (int round = 0; round < 40; round++) {
        const size_t until = fake->sent_count;
        for (; seen < until; seen++) {
            if (strstr(fake->sent[seen].topic, "/GET/") != NULL) {
                gets++;
                say_twin("200", twin);
            } else if (strstr(fake->sent[seen].topic, "/reported/") != NULL) {
                answer_report();
            }
        }
        poll(f, 0);
    }
    return gets;
}

static const char many[] = "{\"desired\":{\"p0\":\"0123456789012345678901234567890123456789\","
                           "\"p1\":\"0123456789012345678901234567890123456789\","
                           "\"p2\":\"0123456789012345678901234567890123456789\","
                           "\"p3\":\"0123456789012345678901234567890123456789\","
                           "\"p4\":\"0123456789012345678901234567890123456789\","
                           "\"p5\":\"0123456789012345678901234567890123456789\",\"$version\":7},\"reported\":{}}";

static void more_acknowledgements_than_the_queue_holds_all_arrive_and_the_hub_is_left_in_peace(void **state)
{
    struct fixture *f = *state;
    static const spoke_handler six[] = {
        SPOKE_ON_PROPERTY("p0", on_property), SPOKE_ON_PROPERTY("p1", on_property),
        SPOKE_ON_PROPERTY("p2", on_property), SPOKE_ON_PROPERTY("p3", on_property),
        SPOKE_ON_PROPERTY("p4", on_property), SPOKE_ON_PROPERTY("p5", on_property)};
    f->config.handlers = six;
    f->config.handler_count = 6;
    f->config.report_bytes = 256;
    start(f);
    connect_only(f);
    const size_t gets = converse(f, many, 0);
    for (int i = 0; i < 6; i++) {
        char name[8];
        snprintf(name, sizeof name, "\"p%d\":", i);
        assert_int_equal(count_sent(name), 1);
    }
    assert_in_range(gets, 1, 6);
    assert_in_range(f->properties, 6, 40);
}

static void a_patch_that_just_misses_the_queue_does_not_ask_for_the_twin_for_ever(void **state)
{
    struct fixture *f = *state;
    f->config.report_bytes = 1024;
    start(f);
    connect_only(f);
    static char twin[1400], value[1000];
    for (size_t len = 930; len < 985; len++) { /* around what the queue of 1024 can take */
        memset(value, 'x', len);
        value[len] = '\0';
        snprintf(twin, sizeof twin, "{\"desired\":{\"target\":\"%s\",\"$version\":%d},\"reported\":{}}", value,
                 (int)len);
        fake->sent_count = fake->sent_count > 100 ? 0 : fake->sent_count;
        const size_t before = len == 930 ? 0 : fake->sent_count;
        if (len == 930) {
            say_twin("200", twin);
        } else {
            char topic[96];
            snprintf(topic, sizeof topic, "$iothub/twin/PATCH/properties/desired/?$version=%d", (int)len);
            snprintf(twin, sizeof twin, "{\"target\":\"%s\",\"$version\":%d}", value, (int)len);
            say_message(topic, twin, 0);
        }
        poll(f, 0);
        snprintf(twin, sizeof twin, "{\"desired\":{\"target\":\"%s\",\"$version\":%d},\"reported\":{}}", value,
                 (int)len);
        assert_in_range(converse(f, twin, before), 0, 2);
    }
}

static void acknowledgements_without_room_follow_after_a_reconnect_too(void **state)
{
    struct fixture *f = *state;
    f->config.report_bytes = 256;
    start(f);
    get_ready(f);
    static char text[200];
    memset(text, 'x', 180);
    assert_ok(spoke_report(f->client, spoke_text("x", spoke_str_of(text))));
    poll(f, 0);
    say_message("$iothub/twin/PATCH/properties/desired/?$version=2", "{\"target\":5,\"$version\":2}", 0);
    poll(f, 0);
    assert_int_equal(f->properties, 1);
    reconnect(f, true);
    const char *twin = "{\"desired\":{\"target\":5,\"$version\":2},\"reported\":{}}";
    converse(f, twin, 0);
    assert_int_equal(count_sent("\"target\":{\"value\":5,\"ac\":200,\"av\":2}"), 1);
}

static void a_known_version_asks_no_handler_again(void **state)
{
    struct fixture *f = *state;
    const char *twin = "{\"desired\":{\"target\":5,\"$version\":2},\"reported\":{}}";
    connect_only(f);
    say_twin("200", twin);
    poll(f, 0);
    assert_int_equal(f->properties, 1);
    reconnect(f, true);
    say_twin("200", twin);
    poll(f, 0);
    expect(f, SPOKE_READY);
    assert_int_equal(f->properties, 1);
}

static void a_component_that_is_removed_whole_is_told_as_null(void **state)
{
    struct fixture *f = *state;
    connect_only(f);
    say_twin("200", "{\"desired\":{\"part\":{\"__t\":\"c\",\"target\":6},\"$version\":3},\"reported\":{}}");
    poll(f, 0);
    assert_string_equal(f->value, "6");
    const size_t before = fake->sent_count;
    answer_report();
    say_message("$iothub/twin/PATCH/properties/desired/?$version=4", "{\"part\":null,\"$version\":4}", 0);
    poll(f, 0);
    assert_string_equal(f->value, "null");
    assert_string_equal(reported_body(before),
                        "{\"part\":{\"__t\":\"c\",\"target\":{\"value\":null,\"ac\":200,\"av\":4}}}");
}

static void a_property_removed_inside_a_component_is_told_as_null(void **state)
{
    struct fixture *f = *state;
    connect_only(f);
    say_twin("200", "{\"desired\":{\"part\":{\"__t\":\"c\",\"target\":6},\"$version\":3},\"reported\":{}}");
    poll(f, 0);
    say_message("$iothub/twin/PATCH/properties/desired/?$version=4", "{\"part\":{\"target\":null},\"$version\":4}",
                0);
    poll(f, 0);
    assert_string_equal(f->value, "null");
}

static void an_empty_component_means_the_default_one(void **state)
{
    struct fixture *f = *state;
    static const spoke_handler root[] = {SPOKE_ON_COMPONENT_PROPERTY("", "target", on_property)};
    const char *twin = "{\"desired\":{\"target\":5,\"$version\":2},\"reported\":{}}";
    f->config.handlers = root;
    f->config.handler_count = 1;
    start(f);
    connect_only(f);
    say_twin("200", twin);
    poll(f, 0);
    assert_string_equal(f->value, "5");
    reconnect(f, true);
    say_twin("200", "{\"desired\":{\"target\":5,\"other\":1,\"$version\":3},\"reported\":{}}");
    poll(f, 0);
    assert_string_equal(f->value, "5"); /* not told that it is gone */
}

static void deferring_reports_202_and_the_verdict_follows(void **state)
{
    struct fixture *f = *state;
    connect_only(f);
    f->verdict = spoke_defer();
    say_twin("200", "{\"desired\":{\"target\":5,\"$version\":2},\"reported\":{}}");
    poll(f, 0);
    assert_string_equal(last_sent()->body, "{\"target\":{\"value\":5,\"ac\":202,\"av\":2}}");
    assert_ok(spoke_property_ack(f->client, "part", "target", SPOKE_STR("4"), 2, spoke_reject(500, "stuck")));
    answer_report();
    poll(f, 0);
    assert_string_equal(last_sent()->body, "{\"part\":{\"__t\":\"c\",\"target\":{\"value\":4,\"ac\":500,\"av\":2,"
                                           "\"ad\":\"stuck\"}}}");
}

static void a_late_verdict_that_breaks_the_contract_is_refused(void **state)
{
    struct fixture *f = *state;
    const spoke_ack done = spoke_accept();
    assert_int_equal(spoke_property_ack(NULL, NULL, "x", SPOKE_STR("1"), 1, done), SPOKE_E_ARG);
    assert_int_equal(spoke_property_ack(f->client, NULL, NULL, SPOKE_STR("1"), 1, done), SPOKE_E_ARG);
    assert_int_equal(spoke_property_ack(f->client, NULL, "x", SPOKE_STR("{"), 1, done), SPOKE_E_ARG);
    assert_int_equal(spoke_property_ack(f->client, NULL, "x\"", SPOKE_STR("1"), 1, done), SPOKE_E_ARG);
    assert_int_equal(spoke_property_ack(f->client, NULL, "x", SPOKE_STR("1"), 1, spoke_defer()), SPOKE_E_ARG);
}

static const spoke_member members[] = {{SPOKE_PROPERTY, NULL, "lone", "double", true},
                                       {SPOKE_PROPERTY, "unit", "speed", "double", true}};
static const spoke_model model = {"dtmi:x:y;1", members, 2};

static void a_modelled_property_without_a_handler_is_refused_501(void **state)
{
    struct fixture *f = *state;
    f->config.model = &model;
    start(f);
    connect_only(f);
    say_twin("200", "{\"desired\":{\"lone\":5,\"unknown\":1,\"$version\":2},\"reported\":{}}");
    poll(f, 0);
    assert_string_equal(last_sent()->body,
                        "{\"lone\":{\"value\":5,\"ac\":501,\"av\":2,\"ad\":\"this firmware has no "
                        "handler for the property\"}}");
    assert_int_equal(f->properties, 0);
}

static void an_acknowledgement_too_large_for_any_patch_is_left_out_and_the_rest_sent(void **state)
{
    struct fixture *f = *state;
    static char twin[1400], value[1100];
    f->config.report_bytes = 512;
    start(f);
    connect_only(f);
    memset(value, 'x', sizeof value - 1);
    snprintf(
        twin, sizeof twin,
        "{\"desired\":{\"part\":{\"__t\":\"c\",\"target\":\"%s\"},\"target\":5,\"$version\":2},\"reported\":{}}",
        value);
    converse(f, twin, 0);
    assert_string_equal(reported_body(0), "{\"target\":{\"value\":5,\"ac\":200,\"av\":2}}");
    assert_int_equal(f->properties, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        claim(more_acknowledgements_than_the_queue_holds_all_arrive_and_the_hub_is_left_in_peace),
        claim(a_patch_that_just_misses_the_queue_does_not_ask_for_the_twin_for_ever),
        claim(acknowledgements_without_room_follow_after_a_reconnect_too),
        claim(a_known_version_asks_no_handler_again),
        claim(a_component_that_is_removed_whole_is_told_as_null),
        claim(a_property_removed_inside_a_component_is_told_as_null),
        claim(an_empty_component_means_the_default_one),
        claim(deferring_reports_202_and_the_verdict_follows),
        claim(a_late_verdict_that_breaks_the_contract_is_refused),
        claim(a_modelled_property_without_a_handler_is_refused_501),
        claim(an_acknowledgement_too_large_for_any_patch_is_left_out_and_the_rest_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
