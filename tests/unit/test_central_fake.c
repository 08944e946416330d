/* The cloud as a test double, driven by a client as a user's test would. */
#include "support/support.h"

#include <stdlib.h>
#include <string.h>

#include <spoke/central/fake.h>
#include <spoke/spoke.h>

struct fixture {
    spoke_fake *cloud;
    spoke_client *client;
    double target;
    unsigned polls;
};

static spoke_ack on_target(const spoke_property *wanted, void *user)
{
    struct fixture *f = user;
    return spoke_json_double(wanted->value, &f->target) == SPOKE_OK ? spoke_accept()
                                                                    : spoke_reject(400, "a number");
}

static spoke_ack on_echo(const spoke_command *call, void *user)
{
    (void)user;
    spoke_write_value(call->reply, spoke_json(NULL, call->payload));
    return spoke_accept();
}

static spoke_ack on_slow(const spoke_command *call, void *user)
{
    (void)call, (void)user;
    return spoke_defer();
}

static const spoke_handler handlers[] = {SPOKE_ON_COMMAND("echo", on_echo), SPOKE_ON_COMMAND("slow", on_slow),
                                         SPOKE_ON_PROPERTY("target", on_target)};

static void poll_client(void *ctx)
{
    struct fixture *f = ctx;
    f->polls++;
    assert_ok(spoke_client_poll(f->client, 100));
}

static void open_client(struct fixture *f)
{
    const spoke_config config =
        SPOKE_CONFIG(SPOKE_FAKE_DEVICE(f->cloud, "d1"), .handlers = handlers, .handler_count = 3, .user = f);
    assert_ok(spoke_client_create(&config, &f->client));
    assert_ok(spoke_client_open(f->client));
    spoke_fake_drive(f->cloud, poll_client, f);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    *state = f;
    return spoke_fake_start(NULL, &f->cloud) == SPOKE_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    spoke_client_destroy(f->client);
    spoke_fake_stop(f->cloud);
    free(f);
    return 0;
}

static void a_device_provisions_and_connects(void **state)
{
    struct fixture *f = *state;
    open_client(f);
    assert_ok(spoke_fake_wait(f->cloud, "d1", "provisioned", 60000, NULL));
    assert_ok(spoke_fake_wait(f->cloud, "d1", "connected", 60000, NULL));
}

static void telemetry_comes_as_it_was_sent_each_message_once(void **state)
{
    struct fixture *f = *state;
    const char *body = NULL;
    open_client(f);
    assert_ok(spoke_send(f->client, spoke_f64("temperature", 20.5)));
    assert_ok(spoke_send(f->client, spoke_f64("temperature", 21.5)));
    assert_ok(spoke_fake_wait(f->cloud, "d1", "telemetry", 60000, &body));
    assert_string_equal(body, "{\"temperature\":20.5}");
    assert_ok(spoke_fake_wait(f->cloud, "d1", "telemetry", 60000, &body));
    assert_string_equal(body, "{\"temperature\":21.5}");
    assert_int_equal(spoke_fake_wait(f->cloud, "d1", "telemetry", 1000, &body), SPOKE_E_TIMEOUT);
    assert_non_null(strstr(spoke_fake_why(f->cloud), "no telemetry of d1 within 1000 ms"));
}

static void kinds_are_waited_for_apart(void **state)
{
    struct fixture *f = *state;
    open_client(f);
    assert_ok(spoke_send(f->client, spoke_f64("temperature", 20.5)));
    assert_ok(spoke_fake_wait(f->cloud, "d1", "telemetry", 60000, NULL));
    assert_ok(spoke_fake_wait(f->cloud, "d1", "connected", 0, NULL)); /* it came before the telemetry */
}

static void a_wait_ends_in_time_of_the_fake_clock(void **state)
{
    struct fixture *f = *state;
    const uint64_t before = spoke_fake_now_ms(f->cloud);
    assert_non_null(spoke_fake_enrol(f->cloud, "d1"));
    assert_int_equal(spoke_fake_wait(f->cloud, "d1", "connected", 3600000, NULL), SPOKE_E_TIMEOUT);
    assert_int_equal(spoke_fake_now_ms(f->cloud) - before, 3600000);
}

static void a_kind_that_is_none_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(spoke_fake_wait(f->cloud, "d1", "sunshine", 1000, NULL), SPOKE_E_ARG);
    assert_non_null(strstr(spoke_fake_why(f->cloud), "HTTP 400"));
}

static void a_desired_property_reaches_its_handler_and_is_acknowledged(void **state)
{
    struct fixture *f = *state;
    const char *body = NULL;
    open_client(f);
    assert_ok(spoke_fake_wait(f->cloud, "d1", "connected", 60000, NULL));
    spoke_fake_pass(f->cloud, 1000);
    assert_ok(spoke_fake_desire(f->cloud, "d1", "{\"target\":21.5}"));
    assert_ok(spoke_fake_wait(f->cloud, "d1", "devicePropertyReportedChange", 60000, &body));
    assert_non_null(strstr(body, "\"ac\":200"));
    assert_float_equal(f->target, 21.5, 0);
}

static void a_desired_property_that_is_no_json_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_non_null(spoke_fake_enrol(f->cloud, "d1"));
    assert_int_equal(spoke_fake_desire(f->cloud, "d1", "{"), SPOKE_E_HUB);
    assert_int_equal(spoke_fake_desire(f->cloud, "nobody", "{}"), SPOKE_E_HUB);
    assert_non_null(strstr(spoke_fake_why(f->cloud), "HTTP 404"));
}

static void a_command_gets_its_answer(void **state)
{
    struct fixture *f = *state;
    const char *response = NULL;
    int code = 0;
    open_client(f);
    assert_ok(spoke_fake_wait(f->cloud, "d1", "connected", 60000, NULL));
    spoke_fake_pass(f->cloud, 1000);
    assert_ok(spoke_fake_command(f->cloud, "d1", "echo", "{\"a\":1}", &code, &response));
    assert_int_equal(code, 200);
    assert_string_equal(response, "{\"a\":1}");
}

static void a_command_that_is_not_answered_ends_in_a_timeout(void **state)
{
    struct fixture *f = *state;
    assert_non_null(spoke_fake_enrol(f->cloud, "d1"));
    assert_int_equal(spoke_fake_command(f->cloud, "d1", "echo", NULL, NULL, NULL), SPOKE_E_TIMEOUT);
    open_client(f);
    assert_ok(spoke_fake_wait(f->cloud, "d1", "connected", 60000, NULL));
    spoke_fake_pass(f->cloud, 1000);
    assert_int_equal(spoke_fake_command(f->cloud, "d1", "slow", NULL, NULL, NULL), SPOKE_E_TIMEOUT);
}

static void a_command_that_nobody_can_be_asked_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(spoke_fake_command(f->cloud, "nobody", "echo", NULL, NULL, NULL), SPOKE_E_HUB);
    assert_non_null(strstr(spoke_fake_why(f->cloud), "HTTP 404"));
    assert_non_null(spoke_fake_enrol(f->cloud, "d1"));
    assert_int_equal(spoke_fake_command(f->cloud, "d1", "echo", "{", NULL, NULL), SPOKE_E_HUB);
    assert_non_null(strstr(spoke_fake_why(f->cloud), "HTTP 400"));
}

static void an_outage_ends_and_what_waited_arrives(void **state)
{
    struct fixture *f = *state;
    open_client(f);
    assert_ok(spoke_fake_wait(f->cloud, "d1", "connected", 60000, NULL));
    const uint64_t before = spoke_fake_now_ms(f->cloud);
    for (int i = 0; i < 3; i++)
        assert_ok(spoke_send(f->client, spoke_i64("n", i)));
    spoke_fake_outage(f->cloud, 60000);
    assert_true(spoke_fake_now_ms(f->cloud) >= before + 60000);
    assert_ok(spoke_fake_wait(f->cloud, "d1", "disconnected", 0, NULL));
    assert_ok(spoke_fake_skip(f->cloud, "d1", "telemetry", 3, 600000));
    assert_int_equal(spoke_fake_skip(f->cloud, "d1", "telemetry", 1, 1000), SPOKE_E_TIMEOUT);
}

/* The limit is for all of them together, and what came is given. */
static void fewer_than_were_waited_for_are_a_timeout(void **state)
{
    struct fixture *f = *state;
    open_client(f);
    assert_ok(spoke_fake_wait(f->cloud, "d1", "connected", 60000, NULL));
    const uint64_t before = spoke_fake_now_ms(f->cloud);
    assert_ok(spoke_send(f->client, spoke_i64("n", 1)));
    assert_int_equal(spoke_fake_skip(f->cloud, "d1", "telemetry", 2, 5000), SPOKE_E_TIMEOUT);
    assert_true(spoke_fake_now_ms(f->cloud) <= before + 5200);
    assert_non_null(strstr(spoke_fake_why(f->cloud), "telemetry"));
    assert_int_equal(spoke_fake_wait(f->cloud, "d1", "telemetry", 0, NULL), SPOKE_E_TIMEOUT);
}

static void a_network_that_is_down_breaks_the_connection_until_it_is_up(void **state)
{
    struct fixture *f = *state;
    open_client(f);
    assert_ok(spoke_fake_wait(f->cloud, "d1", "connected", 60000, NULL));
    spoke_fake_network(f->cloud, false);
    assert_ok(spoke_fake_wait(f->cloud, "d1", "disconnected", 60000, NULL));
    assert_int_equal(spoke_fake_wait(f->cloud, "d1", "connected", 600000, NULL), SPOKE_E_TIMEOUT);
    spoke_fake_network(f->cloud, true);
    assert_ok(spoke_fake_wait(f->cloud, "d1", "connected", 3600000, NULL));
}

static void a_fault_happens(void **state)
{
    struct fixture *f = *state;
    assert_ok(spoke_fake_fault(f->cloud, "{\"refuseConnect\":{\"count\":2,\"code\":3}}"));
    open_client(f);
    const uint64_t before = spoke_fake_now_ms(f->cloud);
    assert_ok(spoke_fake_wait(f->cloud, "d1", "connected", 600000, NULL));
    assert_true(spoke_fake_now_ms(f->cloud) - before > 1000); /* it backed off twice */
    assert_int_equal(spoke_fake_fault(f->cloud, "{\"earthquake\":{}}"), SPOKE_E_ARG);
}

static void everything_received_can_be_read(void **state)
{
    struct fixture *f = *state;
    open_client(f);
    assert_ok(spoke_send(f->client, spoke_f64("temperature", 20.5)));
    assert_ok(spoke_fake_wait(f->cloud, "d1", "telemetry", 60000, NULL));
    assert_non_null(strstr(spoke_fake_messages(f->cloud, "d1"), "temperature"));
    assert_null(spoke_fake_messages(f->cloud, "nobody"));
}

static void time_passes_with_the_device_at_work(void **state)
{
    struct fixture *f = *state;
    open_client(f);
    const uint64_t before = spoke_fake_now_ms(f->cloud);
    spoke_fake_pass(f->cloud, 86400000);
    assert_true(spoke_fake_now_ms(f->cloud) - before >= 86400000);
    assert_true(f->polls > 1000);
    assert_int_equal(spoke_client_state(f->client), SPOKE_READY);
}

static void records_survive_a_new_client(void **state)
{
    struct fixture *f = *state;
    const spoke_platform *machine = spoke_fake_platform(f->cloud);
    char text[16];
    spoke_buf out = spoke_buf_from(text, sizeof text);
    assert_int_equal(machine->load(machine->ctx, "k", &out), SPOKE_E_NOT_FOUND);
    assert_ok(machine->store(machine->ctx, "k", SPOKE_STR("one")));
    assert_ok(machine->store(machine->ctx, "k", SPOKE_STR("two")));
    assert_ok(machine->load(machine->ctx, "k", &out));
    assert_str(spoke_buf_str(&out), "two");
    assert_ok(machine->store(machine->ctx, "k", SPOKE_STR("")));
    assert_int_equal(machine->load(machine->ctx, "k", &out), SPOKE_E_NOT_FOUND);
}

/* It would be another route of the service, or another device. */
static void an_id_that_is_none_is_refused_with_a_reason(void **state)
{
    static const char *const ids[] = {"not an id", "d1?x", "d1/attestation", "%64", ""};
    struct fixture *f = *state;
    char longest[700];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_non_null(spoke_fake_enrol(f->cloud, "d1"));
    for (size_t i = 0; i <= sizeof ids / sizeof ids[0]; i++) {
        const char *id = i < sizeof ids / sizeof ids[0] ? ids[i] : longest;
        assert_int_equal(spoke_fake_fault(f->cloud, "{\"none\":1}"), SPOKE_E_ARG);
        assert_null(spoke_fake_enrol(f->cloud, id));
        assert_null(strstr(spoke_fake_why(f->cloud), "none")); /* a reason of its own */
        assert_null(spoke_fake_messages(f->cloud, id));
        assert_int_equal(spoke_fake_desire(f->cloud, id, "{}"), SPOKE_E_ARG);
        assert_int_equal(spoke_fake_command(f->cloud, id, "echo", NULL, NULL, NULL), SPOKE_E_ARG);
        assert_int_equal(spoke_fake_wait(f->cloud, id, "telemetry", 0, NULL), SPOKE_E_ARG);
    }
    assert_int_equal(spoke_fake_wait(f->cloud, "d1", "telemetry&x", 0, NULL), SPOKE_E_ARG);
    assert_int_equal(spoke_fake_command(f->cloud, "d1", "a/b", NULL, NULL, NULL), SPOKE_E_ARG);
}

static void a_configuration_of_ones_own_keeps_what_the_fake_needs(void **state)
{
    struct fixture *f = *state;
    const spoke_central_config config =
        SPOKE_CENTRAL_CONFIG(.id_scope = "0ne00AAAAAA", .threaded = true, .data_dir = "/nowhere");
    spoke_fake_stop(f->cloud);
    assert_ok(spoke_fake_start(&config, &f->cloud));
    assert_string_equal(spoke_fake_id_scope(f->cloud), "0ne00AAAAAA");
    open_client(f);
    assert_ok(spoke_fake_wait(f->cloud, "d1", "connected", 60000, NULL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_device_provisions_and_connects),
        TEST(telemetry_comes_as_it_was_sent_each_message_once),
        TEST(kinds_are_waited_for_apart),
        TEST(a_wait_ends_in_time_of_the_fake_clock),
        TEST(a_kind_that_is_none_is_refused),
        TEST(a_desired_property_reaches_its_handler_and_is_acknowledged),
        TEST(a_desired_property_that_is_no_json_is_refused),
        TEST(a_command_gets_its_answer),
        TEST(a_command_that_is_not_answered_ends_in_a_timeout),
        TEST(a_command_that_nobody_can_be_asked_is_refused),
        TEST(an_outage_ends_and_what_waited_arrives),
        TEST(fewer_than_were_waited_for_are_a_timeout),
        TEST(a_network_that_is_down_breaks_the_connection_until_it_is_up),
        TEST(a_fault_happens),
        TEST(everything_received_can_be_read),
        TEST(time_passes_with_the_device_at_work),
        TEST(records_survive_a_new_client),
        TEST(an_id_that_is_none_is_refused_with_a_reason),
        TEST(a_configuration_of_ones_own_keeps_what_the_fake_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
