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

static void a_refusal_by_the_template_without_room_follows_too(void **state)
{
    struct fixture *f = *state;
    static const spoke_range range = {.has_high = true, .high = 3};
    static const spoke_schema small = {.kind = SPOKE_SCHEMA_DOUBLE, .range = &range};
    static const spoke_member both[] = {{NULL, "target", SPOKE_PROPERTY, SPOKE_WRITABLE, &small, NULL},
                                        {NULL, "x", SPOKE_PROPERTY, 0, &spoke_schema_string, NULL}};
    static const spoke_model narrow = {"dtmi:x:y;1", both, 2};
    f->config.model = &narrow;
    f->config.handler_count = 1;
    f->config.report_bytes = 256;
    start(f);
    get_ready(f);
    static char text[200];
    memset(text, 'x', 180);
    assert_ok(spoke_report(f->client, spoke_text("x", spoke_str_of(text))));
    poll(f, 0);
    say_message("$iothub/twin/PATCH/properties/desired/?$version=2", "{\"target\":5,\"$version\":2}", 0);
    poll(f, 0);
    reconnect(f, true);
    const char *twin = "{\"desired\":{\"target\":5,\"$version\":2},\"reported\":{}}";
    converse(f, twin, 0);
    assert_int_equal(
        count_sent("\"target\":{\"value\":5,\"ac\":400,\"av\":2,\"ad\":\"property 'target': expected at "
                   "most 3\"}"),
        1);
    assert_int_equal(f->properties, 0);
    reconnect(f, true);
    converse(f, twin, 0);
    assert_int_equal(count_sent("\"ac\":400"), 0); /* this version is answered now */
}

static const spoke_member only_x[] = {{NULL, "x", SPOKE_PROPERTY, 0, &spoke_schema_string, NULL}};
static const spoke_model x_alone = {"dtmi:x:y;1", only_x, 1};

static void start_with_x_alone(struct fixture *f, uint32_t report_bytes)
{
    f->config.model = &x_alone;
    f->config.handler_count = 0;
    f->config.report_bytes = report_bytes;
    start(f);
}

static void refusals_without_a_handler_all_arrive_once(void **state)
{
    struct fixture *f = *state;
    static char twin[4000];
    size_t len = (size_t)snprintf(twin, sizeof twin, "{\"desired\":{");
    for (int i = 0; i < 120; i++)
        len += (size_t)snprintf(twin + len, sizeof twin - len, "\"s%03d\":%d,", i, i);
    snprintf(twin + len, sizeof twin - len, "\"$version\":7},\"reported\":{}}");
    start_with_x_alone(f, 1024);
    connect_only(f);
    const size_t gets = converse(f, twin, 0);
    for (int i = 0; i < 120; i++) {
        char name[40];
        snprintf(name, sizeof name, "\"s%03d\":{\"value\":%d,\"ac\":404,", i, i);
        assert_int_equal(count_sent(name), 1);
    }
    assert_in_range(gets, 2, 20);
    expect(f, SPOKE_READY);
    reconnect(f, true);
    converse(f, twin, 0);
    assert_int_equal(count_sent("\"ac\":404"), 0); /* this version is answered */
}

static void a_refusal_without_a_handler_lost_from_a_change_follows_too(void **state)
{
    struct fixture *f = *state;
    static char text[200];
    start_with_x_alone(f, 256);
    get_ready(f);
    memset(text, 'x', 180);
    assert_ok(spoke_report(f->client, spoke_text("x", spoke_str_of(text))));
    poll(f, 0);
    say_message("$iothub/twin/PATCH/properties/desired/?$version=2", "{\"strange\":5,\"$version\":2}", 0);
    poll(f, 0);
    assert_int_equal(count_sent("\"ac\":404"), 0);
    reconnect(f, true);
    converse(f, "{\"desired\":{\"x\":\"no\",\"strange\":5,\"$version\":2},\"reported\":{}}", 0);
    assert_int_equal(count_sent("\"strange\":{\"value\":5,\"ac\":404,\"av\":2,"), 1);
}

static void refusals_lost_from_a_change_are_found_wherever_they_stand_in_the_snapshot(void **state)
{
    struct fixture *f = *state;
    start_with_x_alone(f, 256);
    get_ready(f);
    say_message("$iothub/twin/PATCH/properties/desired/?$version=2",
                "{\"p1\":1,\"p2\":2,\"p3\":3,\"p4\":4,\"p5\":5,\"$version\":2}", 0);
    poll(f, 0);
    converse(f, "{\"desired\":{\"p5\":5,\"p4\":4,\"p3\":3,\"p2\":2,\"p1\":1,\"$version\":2},\"reported\":{}}", 0);
    for (int i = 1; i <= 5; i++) {
        char name[40];
        snprintf(name, sizeof name, "\"p%d\":{\"value\":%d,\"ac\":404,", i, i);
        assert_in_range(count_sent(name), 1, 2);
    }
}

static void a_lost_verdict_repeats_no_refusal(void **state)
{
    struct fixture *f = *state;
    static const spoke_member two[] = {
        {NULL, "target", SPOKE_PROPERTY, SPOKE_WRITABLE, &spoke_schema_double, NULL},
        {NULL, "x", SPOKE_PROPERTY, 0, &spoke_schema_string, NULL}};
    static const spoke_model target_and_x = {"dtmi:x:y;1", two, 2};
    static char text[200];
    f->config.model = &target_and_x;
    f->config.handler_count = 1;
    f->config.report_bytes = 256;
    start(f);
    connect_only(f);
    converse(f, "{\"desired\":{\"strange\":1,\"$version\":1},\"reported\":{}}", 0);
    assert_int_equal(count_sent("\"ac\":404"), 1);
    const size_t seen = fake->sent_count;
    memset(text, 'x', 180);
    assert_ok(spoke_report(f->client, spoke_text("x", spoke_str_of(text))));
    poll(f, 0);
    say_message("$iothub/twin/PATCH/properties/desired/?$version=2", "{\"target\":5,\"$version\":2}", 0);
    poll(f, 0);
    converse(f, "{\"desired\":{\"strange\":1,\"target\":5,\"$version\":2},\"reported\":{}}", seen);
    assert_int_equal(count_sent("\"target\":{\"value\":5,\"ac\":200"), 1);
    assert_int_equal(count_sent("\"ac\":404"), 1);
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

static const spoke_handler two_components[] = {SPOKE_ON_PROPERTY("target", on_property),
                                               SPOKE_ON_COMPONENT_PROPERTY("left", "target", on_property),
                                               SPOKE_ON_COMPONENT_PROPERTY("part", "target", on_property)};

static const char all_three[] =
    "{\"desired\":{\"target\":4,\"left\":{\"__t\":\"c\",\"target\":5},\"part\":{\"__t\":\"c\",\"target\":6},"
    "\"$version\":3},\"reported\":{}}";

static void a_component_that_is_removed_whole_takes_nothing_else_with_it(void **state)
{
    struct fixture *f = *state;
    f->config.handlers = two_components;
    start(f);
    connect_only(f);
    say_twin("200", all_three);
    poll(f, 0);
    assert_int_equal(f->properties, 3);
    const size_t before = fake->sent_count;
    answer_report();
    say_message("$iothub/twin/PATCH/properties/desired/?$version=4", "{\"part\":null,\"$version\":4}", 0);
    poll(f, 0);
    assert_int_equal(f->properties, 4);
    assert_string_equal(reported_body(before),
                        "{\"part\":{\"__t\":\"c\",\"target\":{\"value\":null,\"ac\":200,\"av\":4}}}");
}

static void a_component_absent_from_the_next_snapshot_is_told_as_null(void **state)
{
    struct fixture *f = *state;
    f->config.handlers = two_components;
    start(f);
    connect_only(f);
    say_twin("200", all_three);
    poll(f, 0);
    reconnect(f, false);
    say_twin("200",
             "{\"desired\":{\"target\":4,\"left\":{\"__t\":\"c\",\"target\":5},\"$version\":9},\"reported\":{}}");
    poll(f, 0);
    assert_string_equal(f->value, "null");
    assert_int_equal(f->properties, 6);
    expect(f, SPOKE_READY);
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
    assert_int_equal(spoke_property_ack(f->client, NULL, "x", SPOKE_STR("1"), 1, spoke_reject(600, "no")),
                     SPOKE_E_ARG);
}

static const spoke_member members[] = {
    {NULL, "lone", SPOKE_PROPERTY, SPOKE_WRITABLE, &spoke_schema_double, NULL},
    {"unit", "speed", SPOKE_PROPERTY, SPOKE_WRITABLE, &spoke_schema_double, NULL}};
static const spoke_model model = {"dtmi:x:y;1", members, 2};

static void a_modelled_property_without_a_handler_is_refused_501(void **state)
{
    struct fixture *f = *state;
    f->config.model = &model;
    f->config.answer_unhandled = true;
    f->config.handler_count = 0;
    start(f);
    connect_only(f);
    say_twin("200", "{\"desired\":{\"lone\":5,\"unknown\":1,\"$version\":2},\"reported\":{}}");
    poll(f, 0);
    assert_string_equal(last_sent()->body,
                        "{\"lone\":{\"value\":5,\"ac\":501,\"av\":2,\"ad\":\"this firmware has no "
                        "handler for the property\"},\"unknown\":{\"value\":1,\"ac\":404,\"av\":2,\"ad\":\"the "
                        "template has no property 'unknown'\"}}");
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
        claim(a_refusal_by_the_template_without_room_follows_too),
        claim(refusals_without_a_handler_all_arrive_once),
        claim(a_refusal_without_a_handler_lost_from_a_change_follows_too),
        claim(refusals_lost_from_a_change_are_found_wherever_they_stand_in_the_snapshot),
        claim(a_lost_verdict_repeats_no_refusal),
        claim(a_known_version_asks_no_handler_again),
        claim(a_component_that_is_removed_whole_is_told_as_null),
        claim(a_component_that_is_removed_whole_takes_nothing_else_with_it),
        claim(a_component_absent_from_the_next_snapshot_is_told_as_null),
        claim(a_property_removed_inside_a_component_is_told_as_null),
        claim(an_empty_component_means_the_default_one),
        claim(deferring_reports_202_and_the_verdict_follows),
        claim(a_late_verdict_that_breaks_the_contract_is_refused),
        claim(a_modelled_property_without_a_handler_is_refused_501),
        claim(an_acknowledgement_too_large_for_any_patch_is_left_out_and_the_rest_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
