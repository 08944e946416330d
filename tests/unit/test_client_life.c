/* The client as a thing: its lock, other threads that call into it, its heap, its end, and what it tells. */
#include "support/client_fixture.h"

/* The allocator of ASan ends the program instead of returning NULL unless it is told so. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

/* --- the lock --- */

static int held;
static unsigned taken, wakes;
static void (*while_asleep)(struct fixture *f); /* what another thread does meanwhile */
static struct fixture *the_fixture;

static void take(void *ctx)
{
    (void)ctx;
    assert_int_equal(held, 0); /* it need not be recursive */
    held = 1;
    taken++;
}

static void give(void *ctx)
{
    (void)ctx;
    assert_int_equal(held, 1);
    held = 0;
}

static void step_watched(spoke_transport *t, uint32_t limit_ms)
{
    assert_int_equal(held, 0);
    if (while_asleep != NULL)
        while_asleep(the_fixture);
    fake_step(t, limit_ms);
}

static void count_wake(spoke_transport *t)
{
    (void)t;
    wakes++;
}

static spoke_ack command_watched(const spoke_command *call, void *user)
{
    assert_int_equal(held, 0);
    return on_command(call, user);
}

static void sent_watched(spoke_client *client, uint32_t id, spoke_status outcome, void *user)
{
    struct fixture *f = user;
    (void)client;
    (void)id;
    assert_int_equal(held, 0);
    assert_ok(outcome);
    f->messages++;
}

static const spoke_handler watched[] = {SPOKE_ON_COMMAND("go", command_watched)};
static spoke_transport_ops watched_ops;

static void start_watched(struct fixture *f)
{
    watched_ops = fake_ops;
    watched_ops.step = step_watched;
    watched_ops.wake = count_wake;
    held = 0;
    taken = wakes = 0;
    while_asleep = NULL;
    the_fixture = f;
    f->platform.lock = take;
    f->platform.unlock = give;
    f->config.transport = &watched_ops;
    f->config.handlers = watched;
    f->config.handler_count = 1;
    f->config.on_sent = sent_watched;
    start(f);
    get_ready(f);
    wakes = 0;
}

static void the_lock_is_free_while_a_handler_runs_or_the_link_waits(void **state)
{
    struct fixture *f = *state;
    const spoke_outgoing message = {.body = SPOKE_STR("1"), .id = 1};
    start_watched(f);
    assert_ok(spoke_message_send(f->client, &message));
    poll(f, 0);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_ACKED, .token = last_sent()->token});
    say_message("$iothub/methods/POST/go/?$rid=a1", "", 0);
    poll(f, 100);
    assert_int_equal(f->commands, 1);
    assert_int_equal(f->messages, 1);
    assert_true(taken > 5);
    assert_int_equal(held, 0);
}

static void send_meanwhile(struct fixture *f)
{
    while_asleep = NULL;
    assert_ok(spoke_send(f->client, spoke_i64("n", 1)));
}

static void what_another_thread_queues_wakes_the_poller(void **state)
{
    struct fixture *f = *state;
    start_watched(f);
    while_asleep = send_meanwhile;
    poll(f, 60000);
    assert_int_equal(wakes, 1);
    assert_ok(spoke_send(f->client, spoke_i64("n", 2))); /* nobody sleeps now */
    assert_int_equal(wakes, 1);
}

static void turn_meanwhile(struct fixture *f)
{
    while_asleep = NULL;
    assert_int_equal(spoke_client_poll(f->client, 0), SPOKE_E_STATE);
    assert_int_equal(spoke_client_close(f->client, 0), SPOKE_E_STATE);
    f->changes = 99;
}

static void two_threads_cannot_turn_one_client(void **state)
{
    struct fixture *f = *state;
    start_watched(f);
    while_asleep = turn_meanwhile;
    poll(f, 0);
    assert_int_equal(f->changes, 99);
    expect(f, SPOKE_READY);
}

/* --- memory --- */

static size_t size_beyond_any_heap(const spoke_transport_options *options)
{
    (void)options;
    return PTRDIFF_MAX;
}

static void a_heap_without_room_makes_no_client(void **state)
{
    struct fixture *f = *state;
    spoke_client *client = f->client;
    spoke_transport_ops ops = fake_ops;
    spoke_config config = f->config;
    ops.size = size_beyond_any_heap;
    config.transport = &ops;
    assert_int_equal(spoke_client_create(&config, &client), SPOKE_E_NO_MEMORY);
    assert_null(client);
}

static unsigned port_lines;

static void count_line(void *ctx, spoke_log_level level, const char *module, const char *line)
{
    (void)ctx;
    (void)level;
    (void)module;
    port_lines += strstr(line, "the client was not created") != NULL;
}

static void a_refused_create_is_logged_where_the_configuration_can_be_read(void **state)
{
    struct fixture *f = *state;
    spoke_client *client;
    spoke_config config = f->config;
    f->platform.log = count_line;
    port_lines = 0;
    config.registration_id = NULL;
    assert_int_equal(spoke_client_create(&config, &client), SPOKE_E_ARG);
    assert_int_equal(port_lines, 1);
    config.struct_size += 8; /* of a version to come: its platform may stand elsewhere */
    assert_int_equal(spoke_client_create(&config, &client), SPOKE_E_ARG);
    assert_int_equal(spoke_client_create(NULL, &client), SPOKE_E_ARG);
    assert_int_equal(port_lines, 1);
}

/* --- turning --- */

static void run_turns_until_its_time_is_over(void **state)
{
    struct fixture *f = *state;
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED}); /* which ends the first wait */
    const uint64_t begun = clock_ms;
    assert_ok(spoke_client_run(f->client, 5000));
    assert_int_equal(clock_ms - begun, 5000);
    expect(f, SPOKE_SYNCING);
}

static void run_ends_at_once_when_waiting_cannot_help(void **state)
{
    struct fixture *f = *state;
    poll(f, 0);
    say_closed(SPOKE_E_UNSUPPORTED, SPOKE_SOURCE_CLIENT, 0);
    const uint64_t begun = clock_ms;
    assert_int_equal(spoke_client_run(f->client, 60000), SPOKE_E_UNSUPPORTED);
    assert_in_range(clock_ms - begun, 0, 1000);
    expect(f, SPOKE_FAILED);
}

static struct fixture *stepping; /* its transport's step is running */

static uint32_t next_ms_beside_no_step(const spoke_transport *t)
{
    assert_null(stepping); /* the transport is another thread's now */
    return fake_next_ms(t);
}

/* What another thread does meanwhile. */
static struct fixture *asked;

static void step_while_somebody_asks(spoke_transport *t, uint32_t limit_ms)
{
    stepping = asked;
    (void)spoke_client_next_ms(asked->client);
    stepping = NULL;
    fake_step(t, limit_ms);
}

static void next_ms_leaves_the_transport_to_the_thread_that_polls(void **state)
{
    struct fixture *f = *state;
    spoke_transport_ops ops = fake_ops;
    ops.step = step_while_somebody_asks;
    ops.next_ms = next_ms_beside_no_step;
    f->config.transport = &ops;
    asked = f;
    start(f);
    poll(f, 0);
    (void)spoke_client_next_ms(f->client);
    spoke_client_destroy(f->client);
    f->client = NULL;
}

static void next_ms_says_when_the_client_or_its_link_wants_to_be_turned(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(spoke_client_next_ms(f->client), 0); /* it was opened */
    poll(f, 0);
    assert_in_range(spoke_client_next_ms(f->client), 1, 3600000);
    get_ready(f);
    assert_in_range(spoke_client_next_ms(f->client), 1, 3600000);
    say_message("$iothub/methods/POST/go/?$rid=a1", "", 0);
    assert_int_equal(spoke_client_next_ms(f->client), 0);
    poll(f, 0);
    assert_ok(spoke_client_close(f->client, 100));
    assert_true(spoke_client_next_ms(f->client) == UINT32_MAX);
}

static void next_ms_says_never_once_the_client_has_failed(void **state)
{
    struct fixture *f = *state;
    poll(f, 0);
    say_closed(SPOKE_E_UNSUPPORTED, SPOKE_SOURCE_CLIENT, 0);
    poll(f, 0);
    expect(f, SPOKE_FAILED);
    assert_true(spoke_client_next_ms(f->client) == UINT32_MAX);
}

/* --- closing --- */

static void close_says_that_reports_are_still_waiting(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    fake->full = true;
    assert_ok(spoke_report(f->client, spoke_i64("r", 1)));
    assert_int_equal(spoke_client_close(f->client, 300), SPOKE_E_TIMEOUT);
    expect(f, SPOKE_IDLE);
}

static void close_waits_for_an_answer_that_finds_no_room(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    fake->full = true;
    say_message("$iothub/methods/POST/go/?$rid=a1", "", 0);
    poll(f, 0);
    const uint64_t begun = clock_ms;
    assert_ok(spoke_client_close(f->client, 300)); /* the caller of the command is gone with the link */
    assert_in_range(clock_ms - begun, 200, 400);
    expect(f, SPOKE_IDLE);
}

static void close_does_not_wait_for_what_cannot_be_sent_before_suback(void **state)
{
    struct fixture *f = *state;
    poll(f, 0);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    poll(f, 0);
    assert_ok(spoke_send(f->client, spoke_i64("n", 1)));
    const uint64_t begun = clock_ms;
    assert_int_equal(spoke_client_close(f->client, 10000), SPOKE_E_TIMEOUT);
    assert_in_range(clock_ms - begun, 0, 200);
    assert_int_equal(spoke_client_pending(f->client), 1);
}

static void no_abort(spoke_transport *t)
{
    (void)t; /* as of a transport whose threads have not finished yet */
}

static void a_link_that_outlives_close_is_closed_by_the_next(void **state)
{
    struct fixture *f = *state;
    watched_ops = fake_ops;
    watched_ops.abort = no_abort;
    f->config.transport = &watched_ops;
    start(f);
    get_ready(f);
    fake->ignores_close = true;
    assert_ok(spoke_client_close(f->client, 100));
    expect(f, SPOKE_CLOSING);
    assert_ok(spoke_client_close(f->client, 100));
    expect(f, SPOKE_CLOSING);
    say_closed(SPOKE_OK, SPOKE_SOURCE_CLIENT, 0);
    poll(f, 0);
    expect(f, SPOKE_IDLE);
}

static void a_closed_client_takes_messages_for_its_next_connection(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    assert_ok(spoke_client_close(f->client, 100));
    assert_ok(spoke_send(f->client, spoke_i64("n", 1)));
    assert_ok(spoke_client_open(f->client));
    get_ready(f);
    assert_int_equal(fake->sent_count > 0, 1);
    assert_int_equal(spoke_client_pending(f->client), 1);
}

/* --- looking --- */

static void calls_without_a_client_are_harmless(void **state)
{
    (void)state;
    spoke_client_wake(NULL);
    spoke_client_connect_now(NULL);
    assert_true(spoke_client_next_ms(NULL) == UINT32_MAX);
    assert_int_equal(spoke_client_fd(NULL), -1);
}

static void hub_and_device_are_empty_until_they_are_assigned(void **state)
{
    struct fixture *f = *state;
    assert_str(spoke_client_hub_host(f->client), "hub.local");
    assert_str(spoke_client_device_id(f->client), "d");
    start_with_dps(f);
    assert_str(spoke_client_hub_host(f->client), "");
    assert_str(spoke_client_device_id(f->client), "");
}

static void an_explanation_is_cut_to_its_room(void **state)
{
    struct fixture *f = *state;
    char text[64];
    poll(f, 0);
    say_closed(SPOKE_E_REFUSED, SPOKE_SOURCE_MQTT, 5);
    poll(f, 0);
    const char *whole = "SPOKE_E_REFUSED (mqtt, 5): the fake says so";
    for (size_t cap = 1; cap <= strlen(whole) + 1; cap++) {
        memset(text, '!', sizeof text);
        spoke_client_explain(f->client, text, cap);
        assert_int_equal(strlen(text), cap - 1);
        assert_memory_equal(text, whole, cap - 1);
        assert_int_equal(text[cap], '!');
    }
}

static spoke_status no_random(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    (void)out;
    (void)len;
    return SPOKE_E_PORT;
}

static void without_random_bytes_it_still_backs_off_and_connects(void **state)
{
    struct fixture *f = *state;
    f->platform.random = no_random;
    start(f);
    poll(f, 0);
    say_closed(SPOKE_E_NET, SPOKE_SOURCE_PORT, 111);
    poll(f, 0);
    expect(f, SPOKE_BACKOFF);
    assert_in_range(spoke_client_next_ms(f->client), 1, 60000);
    run(f, 60000);
    assert_int_equal(fake->opens, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        claim(the_lock_is_free_while_a_handler_runs_or_the_link_waits),
        claim(what_another_thread_queues_wakes_the_poller),
        claim(two_threads_cannot_turn_one_client),
        claim(a_heap_without_room_makes_no_client),
        claim(a_refused_create_is_logged_where_the_configuration_can_be_read),
        claim(run_turns_until_its_time_is_over),
        claim(run_ends_at_once_when_waiting_cannot_help),
        claim(next_ms_leaves_the_transport_to_the_thread_that_polls),
        claim(next_ms_says_when_the_client_or_its_link_wants_to_be_turned),
        claim(next_ms_says_never_once_the_client_has_failed),
        claim(close_says_that_reports_are_still_waiting),
        claim(close_waits_for_an_answer_that_finds_no_room),
        claim(close_does_not_wait_for_what_cannot_be_sent_before_suback),
        claim(a_link_that_outlives_close_is_closed_by_the_next),
        claim(a_closed_client_takes_messages_for_its_next_connection),
        claim(calls_without_a_client_are_harmless),
        claim(hub_and_device_are_empty_until_they_are_assigned),
        claim(an_explanation_is_cut_to_its_room),
        claim(without_random_bytes_it_still_backs_off_and_connects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
