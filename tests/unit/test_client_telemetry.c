/* What the program may say: refused at once when it can never leave, sent as it stands otherwise. */
#include <spoke/proto/hub.h>

#include "support/client_fixture.h"

static void fields_that_are_none_are_refused(void **state)
{
    struct fixture *f = *state;
    const spoke_field nameless = spoke_i64(NULL, 1), broken = spoke_i64("\xFF", 1), good = spoke_i64("n", 1);
    assert_int_equal(spoke_telemetry_send(NULL, NULL, &good, 1), SPOKE_E_ARG);
    assert_int_equal(spoke_telemetry_send(f->client, NULL, NULL, 1), SPOKE_E_ARG);
    assert_int_equal(spoke_telemetry_send(f->client, NULL, &good, 0), SPOKE_E_ARG);
    assert_int_equal(spoke_telemetry_send(f->client, NULL, &nameless, 1), SPOKE_E_ARG);
    assert_int_equal(spoke_telemetry_send(f->client, NULL, &broken, 1), SPOKE_E_ARG);
    assert_int_equal(spoke_property_report(NULL, NULL, &good, 1), SPOKE_E_ARG);
    assert_int_equal(spoke_property_report(f->client, NULL, &good, 0), SPOKE_E_ARG);
    assert_int_equal(spoke_property_report(f->client, NULL, &broken, 1), SPOKE_E_ARG);
    assert_int_equal(spoke_client_pending(f->client), 0);
}

static void messages_that_are_none_are_refused(void **state)
{
    struct fixture *f = *state;
    const spoke_outgoing good = {.body = SPOKE_STR("1")};
    const spoke_outgoing listless = {.body = SPOKE_STR("1"), .property_count = 1};
    const spoke_outgoing no_json = {.body = SPOKE_STR("{")};
    assert_int_equal(spoke_message_send(NULL, &good), SPOKE_E_ARG);
    assert_int_equal(spoke_message_send(f->client, NULL), SPOKE_E_ARG);
    assert_int_equal(spoke_message_send(f->client, &listless), SPOKE_E_ARG);
    assert_int_equal(spoke_message_send(f->client, &no_json), SPOKE_E_ARG);
    assert_int_equal(spoke_client_pending(f->client), 0);
}

static void a_creation_time_outside_the_calendar_is_refused(void **state)
{
    struct fixture *f = *state;
    const int64_t times[] = {INT64_MAX, INT64_MAX / 1000, INT64_C(253402300800) /* the year 10000 */};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        const spoke_outgoing message = {.body = SPOKE_STR("1"), .creation_time_s = times[i]};
        assert_int_equal(spoke_message_send(f->client, &message), SPOKE_E_ARG);
    }
    const spoke_outgoing last = {.body = SPOKE_STR("1"), .creation_time_s = INT64_C(253402300799)};
    assert_ok(spoke_message_send(f->client, &last));
}

static void properties_larger_than_any_topic_are_refused(void **state)
{
    struct fixture *f = *state;
    static char text[3001];
    memset(text, 'x', sizeof text - 1);
    const spoke_property_pair pair = {SPOKE_STR("p"), spoke_str_of(text)};
    const spoke_outgoing message = {.body = SPOKE_STR("1"), .properties = &pair, .property_count = 1};
    assert_int_equal(spoke_message_send(f->client, &message), SPOKE_E_TOO_LARGE);
    assert_int_equal(spoke_client_pending(f->client), 0);
}

/* protocol.md: 256 KB for a message with its properties, 32 KB for the reported section. */
static void what_the_hub_would_refuse_for_its_size_is_refused_here(void **state)
{
    struct fixture *f = *state;
    const size_t size = SPOKE_MAX_TELEMETRY_BYTES + 1;
    char *text = test_malloc(size + 2);
    f->config.queue_bytes = f->config.report_bytes = f->config.send_bytes = 1024 * 1024;
    start(f);
    memset(text, 'x', size);
    const spoke_outgoing message = {.body = spoke_str_from(text, size), .content_type = "text/plain"};
    assert_int_equal(spoke_message_send(f->client, &message), SPOKE_E_TOO_LARGE);
    assert_int_equal(spoke_report(f->client, spoke_text("r", spoke_str_from(text, 100000))), SPOKE_E_TOO_LARGE);
    assert_ok(spoke_report(f->client, spoke_text("r", spoke_str_from(text, 30000))));
    assert_int_equal(spoke_client_pending(f->client), 0);
    test_free(text);
}

static void a_failed_client_takes_nothing(void **state)
{
    struct fixture *f = *state;
    poll(f, 0);
    say_closed(SPOKE_E_UNSUPPORTED, SPOKE_SOURCE_CLIENT, 0);
    poll(f, 0);
    expect(f, SPOKE_FAILED);
    assert_int_equal(spoke_send(f->client, spoke_i64("n", 1)), SPOKE_E_STATE);
    assert_int_equal(spoke_report(f->client, spoke_i64("r", 1)), SPOKE_E_STATE);
}

static unsigned refused_while_closing;

static void send_while_closing(spoke_client *client, spoke_state from, spoke_state to, const spoke_error *why,
                               void *user)
{
    note_state(client, from, to, why, user);
    if (to != SPOKE_CLOSING)
        return;
    assert_int_equal(spoke_send(client, spoke_i64("n", 1)), SPOKE_E_STATE);
    assert_int_equal(spoke_report(client, spoke_i64("r", 1)), SPOKE_E_STATE);
    refused_while_closing++;
}

static void a_client_that_is_closing_takes_nothing(void **state)
{
    struct fixture *f = *state;
    f->config.on_state = send_while_closing;
    refused_while_closing = 0;
    start(f);
    get_ready(f);
    assert_ok(spoke_client_close(f->client, 100));
    assert_int_equal(refused_while_closing, 1);
}

static void empty_types_leave_nothing_behind_the_topic(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    const spoke_outgoing message = {.body = SPOKE_STR("x"), .content_type = "", .content_encoding = ""};
    assert_ok(spoke_message_send(f->client, &message));
    poll(f, 0);
    assert_string_equal(last_sent()->body, "x");
    assert_int_equal(strncmp(last_sent()->topic, "devices/d/messages/events/", 26), 0);
    assert_null(strstr(last_sent()->topic, "%24.ct"));
    assert_null(strstr(last_sent()->topic, "%24.ce"));
}

static void a_message_with_an_id_needs_no_listener(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    const spoke_outgoing message = {.body = SPOKE_STR("1"), .id = 5}; /* and there is no on_sent */
    assert_ok(spoke_message_send(f->client, &message));
    poll(f, 0);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_ACKED, .token = last_sent()->token});
    poll(f, 0);
    assert_int_equal(spoke_client_pending(f->client), 0);
}

static void messages_wait_while_the_link_drains_for_a_token(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    f->verdict = spoke_defer();
    say_message("$iothub/methods/POST/go/?$rid=a1", "", 0); /* keeps the renewal waiting */
    poll(f, 0);
    clock_ms += 2975000; /* renewal is due at 82.5 % of an hour */
    poll(f, 0);
    const size_t before = fake->sent_count;
    assert_ok(spoke_send(f->client, spoke_i64("n", 1)));
    poll(f, 0);
    assert_int_equal(fake->sent_count, before);
    assert_int_equal(spoke_client_pending(f->client), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        claim(fields_that_are_none_are_refused),
        claim(messages_that_are_none_are_refused),
        claim(a_creation_time_outside_the_calendar_is_refused),
        claim(properties_larger_than_any_topic_are_refused),
        claim(what_the_hub_would_refuse_for_its_size_is_refused_here),
        claim(a_failed_client_takes_nothing),
        claim(a_client_that_is_closing_takes_nothing),
        claim(empty_types_leave_nothing_behind_the_topic),
        claim(a_message_with_an_id_needs_no_listener),
        claim(messages_wait_while_the_link_drains_for_a_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
