/* Telemetry between the program and the hub: priorities, pace, batches, ids, times, encodings, outcomes, storage. */
#include <spoke/proto/hub.h>

#include "queue/queue.h"
#include "support/client_fixture.h"

#define OUTCOMES 64

struct outcome {
    uint32_t id;
    spoke_status status;
};

static struct outcome outcomes[OUTCOMES];
static size_t outcome_count;
static unsigned drop_notices;
static int32_t drops_noticed;

static void note_sent(spoke_client *client, uint32_t id, spoke_status outcome, void *user)
{
    (void)client;
    (void)user;
    assert_true(outcome_count < OUTCOMES);
    outcomes[outcome_count++] = (struct outcome){id, outcome};
}

static void note_notice(spoke_client *client, const spoke_notice *notice, void *user)
{
    (void)client;
    (void)user;
    if (notice->kind != SPOKE_NOTICE_DROP)
        return;
    drop_notices++;
    drops_noticed += notice->error.detail;
}

static int set_up_queue(void **state)
{
    outcome_count = drop_notices = 0;
    drops_noticed = 0;
    const int status = set_up(state);
    struct fixture *f = *state;
    f->config.on_sent = note_sent;
    f->config.on_notice = note_notice;
    start(f);
    return status;
}

/* --- what left --- */

static bool is_telemetry(const struct sent *s)
{
    return strstr(s->topic, "/messages/events/") != NULL;
}

static size_t telemetry_count(void)
{
    size_t count = 0;
    for (size_t i = 0; i < fake->sent_count; i++)
        count += is_telemetry(&fake->sent[i]) ? 1 : 0;
    return count;
}

/* The n-th PUBLISH of telemetry on this connection. */
static const struct sent *telemetry(size_t n)
{
    for (size_t i = 0; i < fake->sent_count; i++)
        if (is_telemetry(&fake->sent[i]) && n-- == 0)
            return &fake->sent[i];
    fail_msg("so many messages did not leave");
    return NULL;
}

static void expect_bodies(const char *const *bodies, size_t count)
{
    assert_int_equal(telemetry_count(), count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(telemetry(i)->body, bodies[i]);
}
#define EXPECT_BODIES(...) \
    expect_bodies((const char *const[]){__VA_ARGS__}, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *))

static void send_with(struct fixture *f, int64_t n, spoke_delivery how)
{
    const spoke_field field = spoke_i64("n", n);
    assert_ok(spoke_telemetry_send_as(f->client, &how, NULL, &field, 1));
}

static void send_as(struct fixture *f, int64_t n, spoke_priority priority)
{
    send_with(f, n, (spoke_delivery){priority, 0, (uint32_t)n});
}

static void acknowledge(struct fixture *f, const struct sent *s)
{
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_ACKED, .token = s->token});
    poll(f, 0);
}

static void reconnect_ready(struct fixture *f)
{
    reconnect(f, false);
    say_twin("200", "{\"desired\":{\"$version\":1},\"reported\":{\"$version\":1}}");
    poll(f, 0);
    expect(f, SPOKE_READY);
}

/* The value of an item of the topic's bag, "" when it is not there. */
static const char *bag_item(const struct sent *s, const char *name)
{
    static char value[256];
    const char *bag = strstr(s->topic, "/events/");
    spoke_str found = {"", 0};
    assert_non_null(bag);
    if (spoke_bag_find(spoke_str_of(bag + strlen("/events/")), name, &found) != SPOKE_OK)
        return "";
    copy(value, sizeof value, found);
    return value;
}

/* --- priorities --- */

static void what_waited_leaves_by_priority_and_in_order_within_one(void **state)
{
    struct fixture *f = *state;
    send_as(f, 1, SPOKE_LOW);
    send_as(f, 2, SPOKE_NORMAL);
    send_as(f, 3, SPOKE_HIGH);
    send_as(f, 4, SPOKE_NORMAL);
    send_as(f, 5, SPOKE_HIGH);
    get_ready(f);
    EXPECT_BODIES("{\"n\":3}", "{\"n\":5}", "{\"n\":2}", "{\"n\":4}", "{\"n\":1}");
}

static void a_priority_that_does_not_exist_is_refused(void **state)
{
    struct fixture *f = *state;
    const spoke_field field = spoke_i64("n", 1);
    const spoke_delivery how = {(spoke_priority)3, 0, 0};
    assert_int_equal(spoke_telemetry_send_as(f->client, &how, NULL, &field, 1), SPOKE_E_ARG);
    const spoke_outgoing message = {.body = SPOKE_STR("1"), .priority = (spoke_priority)-1};
    assert_int_equal(spoke_message_send(f->client, &message), SPOKE_E_ARG);
}

static void a_message_in_full_has_a_priority_too(void **state)
{
    struct fixture *f = *state;
    const spoke_outgoing high = {.body = SPOKE_STR("\"high\""), .priority = SPOKE_HIGH};
    send_as(f, 1, SPOKE_NORMAL);
    assert_ok(spoke_message_send(f->client, &high));
    get_ready(f);
    EXPECT_BODIES("\"high\"", "{\"n\":1}");
}

/* --- pace --- */

static void replay_keeps_its_pace_and_sleeps_between(void **state)
{
    struct fixture *f = *state;
    f->config.replay_per_s = 10;
    start(f);
    for (int64_t n = 1; n <= 20; n++)
        send_as(f, n, SPOKE_NORMAL);
    clock_ms += 1;
    get_ready(f);
    const size_t at_once = telemetry_count();
    assert_in_range(at_once, 1, 2);
    run(f, 1000);
    assert_in_range(telemetry_count(), at_once + 9, at_once + 10);
    run(f, 1500);
    assert_int_equal(telemetry_count(), 20);
}

static void live_messages_of_a_higher_priority_overtake_the_replay(void **state)
{
    struct fixture *f = *state;
    f->config.replay_per_s = 1;
    start(f);
    for (int64_t n = 1; n <= 5; n++)
        send_as(f, n, SPOKE_NORMAL);
    clock_ms += 1;
    get_ready(f);
    const size_t before = telemetry_count();
    send_as(f, 6, SPOKE_NORMAL); /* behind the replay: order is kept */
    send_as(f, 7, SPOKE_HIGH);
    poll(f, 0);
    assert_int_equal(telemetry_count(), before + 1);
    assert_string_equal(telemetry(before)->body, "{\"n\":7}");
    run(f, 6000);
    assert_string_equal(telemetry(6)->body, "{\"n\":6}");
}

static void live_messages_have_no_pace(void **state)
{
    struct fixture *f = *state;
    f->config.replay_per_s = 1;
    start(f);
    get_ready(f);
    clock_ms += 1;
    for (int64_t n = 1; n <= 20; n++)
        send_as(f, n, SPOKE_NORMAL);
    poll(f, 0);
    assert_int_equal(telemetry_count(), 20);
}

static void on_a_metered_network_low_priority_and_replay_wait(void **state)
{
    struct fixture *f = *state;
    send_as(f, 1, SPOKE_NORMAL);
    spoke_client_network(f->client, SPOKE_NETWORK_METERED);
    clock_ms += 1;
    get_ready(f);
    assert_int_equal(telemetry_count(), 0);
    clock_ms += 1;
    send_as(f, 2, SPOKE_LOW);
    send_as(f, 3, SPOKE_HIGH);
    run(f, 10000);
    EXPECT_BODIES("{\"n\":3}");
    spoke_client_network(f->client, SPOKE_NETWORK_UP);
    run(f, 10);
    EXPECT_BODIES("{\"n\":3}", "{\"n\":1}", "{\"n\":2}");
}

/* --- repeats --- */

static void what_was_in_flight_goes_first_in_its_order_and_under_its_ids(void **state)
{
    struct fixture *f = *state;
    static const spoke_priority mixed[] = {SPOKE_LOW, SPOKE_HIGH, SPOKE_NORMAL, SPOKE_HIGH};
    uint16_t ids[4];
    get_ready(f);
    fake->sent_count = 0;
    for (int64_t n = 0; n < 4; n++) {
        send_as(f, n, mixed[n]);
        poll(f, 0);
        ids[n] = (uint16_t)fake->sent_count; /* as the fake gives them */
    }
    fake->full = true;
    send_as(f, 4, SPOKE_HIGH);
    poll(f, 0);
    fake->full = false;
    for (int links = 0; links < 2; links++) {
        reconnect(f, true);
        EXPECT_BODIES("{\"n\":0}", "{\"n\":1}", "{\"n\":2}", "{\"n\":3}", "{\"n\":4}");
        for (size_t n = 0; n < 4; n++)
            assert_int_equal(telemetry(n)->packet_id, ids[n]);
    }
    reconnect(f, false); /* the session is gone: by priority, as new packets */
    EXPECT_BODIES("{\"n\":1}", "{\"n\":3}", "{\"n\":4}", "{\"n\":2}", "{\"n\":0}");
    assert_int_equal(telemetry(0)->packet_id, 0);
}

static void a_link_that_ends_amid_the_repeats_does_not_change_their_order(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    send_as(f, 1, SPOKE_NORMAL);
    poll(f, 0);
    send_as(f, 2, SPOKE_HIGH);
    poll(f, 0);
    fake->per_step = 2; /* the twin's GET, and one message */
    reconnect(f, true);
    EXPECT_BODIES("{\"n\":1}");
    fake->per_step = 0;
    reconnect(f, true);
    EXPECT_BODIES("{\"n\":1}", "{\"n\":2}");
}

static void the_limit_of_60_s_counts_for_the_repeat_sent_first(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    send_as(f, 1, SPOKE_NORMAL);
    poll(f, 0);
    send_as(f, 2, SPOKE_HIGH);
    poll(f, 0);
    reconnect(f, true);
    say_twin("200", "{\"desired\":{\"$version\":1},\"reported\":{\"$version\":1}}");
    run(f, 50000);
    acknowledge(f, telemetry(0)); /* the hub is alive: 60 s more for the other */
    run(f, 50000);
    expect(f, SPOKE_READY);
    run(f, 11000);
    assert_int_equal(spoke_client_error(f->client)->status, SPOKE_E_TIMEOUT);
    assert_int_equal(spoke_client_pending(f->client), 1);
}

static void repeats_are_no_replay(void **state)
{
    struct fixture *f = *state;
    f->config.replay_per_s = 1;
    start(f);
    get_ready(f);
    for (int64_t n = 1; n <= 5; n++)
        send_as(f, n, SPOKE_NORMAL);
    poll(f, 0);
    fake->full = true;
    send_as(f, 6, SPOKE_LOW);
    poll(f, 0);
    fake->full = false;
    clock_ms += 1;
    reconnect(f, true);
    EXPECT_BODIES("{\"n\":1}", "{\"n\":2}", "{\"n\":3}", "{\"n\":4}", "{\"n\":5}", "{\"n\":6}");
    reconnect(f, false); /* new packets now, and they have a pace */
    EXPECT_BODIES("{\"n\":1}");
}

static void on_a_metered_network_repeats_of_any_priority_go(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    send_as(f, 1, SPOKE_LOW);
    poll(f, 0);
    fake->full = true;
    send_as(f, 2, SPOKE_LOW);
    poll(f, 0);
    fake->full = false;
    spoke_client_network(f->client, SPOKE_NETWORK_METERED);
    reconnect(f, true);
    EXPECT_BODIES("{\"n\":1}");
    acknowledge(f, telemetry(0));
    assert_int_equal(spoke_client_pending(f->client), 1);
    run(f, 10000);
    EXPECT_BODIES("{\"n\":1}");
}

static void a_repeat_may_end_by_age_while_it_waits_for_a_link(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    send_with(f, 1, (spoke_delivery){SPOKE_LOW, 5, 1});
    poll(f, 0);
    send_as(f, 2, SPOKE_HIGH);
    poll(f, 0);
    reconnect(f, true); /* 10 s later */
    EXPECT_BODIES("{\"n\":2}");
    assert_int_equal(outcome_count, 1);
    assert_int_equal(outcomes[0].status, SPOKE_E_TIMEOUT);
}

/* --- batches --- */

static void start_batching(struct fixture *f, uint16_t count)
{
    f->config.batch_count = count;
    f->config.message_ids = true;
    start(f);
}

static void readings_made_together_travel_as_one(void **state)
{
    struct fixture *f = *state;
    start_batching(f, 3);
    for (int64_t n = 1; n <= 5; n++)
        send_as(f, n, SPOKE_NORMAL);
    get_ready(f);
    EXPECT_BODIES("[{\"n\":1},{\"n\":2},{\"n\":3}]", "[{\"n\":4},{\"n\":5}]");
    assert_int_equal(spoke_client_pending(f->client), 5);
}

static void one_reading_travels_as_it_is(void **state)
{
    struct fixture *f = *state;
    start_batching(f, 3);
    send_as(f, 1, SPOKE_NORMAL);
    get_ready(f);
    EXPECT_BODIES("{\"n\":1}");
}

static void one_acknowledgement_tells_the_outcome_of_each(void **state)
{
    struct fixture *f = *state;
    start_batching(f, 3);
    for (int64_t n = 1; n <= 3; n++)
        send_as(f, n, SPOKE_NORMAL);
    get_ready(f);
    acknowledge(f, telemetry(0));
    assert_int_equal(outcome_count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(outcomes[i].id, i + 1);
        assert_int_equal(outcomes[i].status, SPOKE_OK);
    }
    assert_int_equal(spoke_client_pending(f->client), 0);
    run(f, 120000); /* no acknowledgement is waited for any more */
    expect(f, SPOKE_READY);
}

static void a_batch_is_sent_again_as_the_same_message(void **state)
{
    struct fixture *f = *state;
    char id[64];
    start_batching(f, 3);
    for (int64_t n = 1; n <= 3; n++)
        send_as(f, n, SPOKE_NORMAL);
    get_ready(f);
    snprintf(id, sizeof id, "%s", bag_item(telemetry(0), "$.mid"));
    send_as(f, 4, SPOKE_NORMAL);
    reconnect(f, false);
    assert_string_equal(telemetry(0)->body, "[{\"n\":1},{\"n\":2},{\"n\":3}]");
    assert_string_equal(bag_item(telemetry(0), "$.mid"), id);
    assert_string_equal(telemetry(1)->body, "{\"n\":4}");
}

static void a_batch_that_is_repeated_keeps_its_place_and_its_id(void **state)
{
    struct fixture *f = *state;
    start_batching(f, 2);
    send_as(f, 1, SPOKE_NORMAL);
    send_as(f, 2, SPOKE_NORMAL);
    get_ready(f);
    send_as(f, 3, SPOKE_HIGH);
    poll(f, 0);
    reconnect(f, true);
    EXPECT_BODIES("[{\"n\":1},{\"n\":2}]", "{\"n\":3}");
    assert_int_not_equal(telemetry(0)->packet_id, 0);
    acknowledge(f, telemetry(0));
    acknowledge(f, telemetry(1));
    assert_int_equal(outcome_count, 3);
}

static void readings_of_different_kind_or_time_are_not_joined(void **state)
{
    struct fixture *f = *state;
    const spoke_field field = spoke_i64("n", 2);
    const spoke_outgoing own_id = {.body = SPOKE_STR("{\"n\":3}"), .message_id = "mine"};
    const spoke_outgoing no_object = {.body = SPOKE_STR("4")};
    const spoke_outgoing text = {.body = SPOKE_STR("{"), .content_type = "text/plain"};
    start_batching(f, 10);
    send_as(f, 1, SPOKE_NORMAL);
    assert_ok(spoke_telemetry_send(f->client, "part", &field, 1));
    assert_ok(spoke_message_send(f->client, &own_id));
    assert_ok(spoke_message_send(f->client, &no_object));
    assert_ok(spoke_message_send(f->client, &text));
    send_as(f, 6, SPOKE_NORMAL);
    clock_ms += SPOKE_DEFAULT_BATCH_SPAN_MS + 1;
    send_as(f, 7, SPOKE_NORMAL);
    send_with(f, 8, (spoke_delivery){SPOKE_NORMAL, 60, 8}); /* it ends, the others do not */
    get_ready(f);
    EXPECT_BODIES("{\"n\":1}", "{\"n\":2}", "{\"n\":3}", "4", "{", "{\"n\":6}", "{\"n\":7}", "{\"n\":8}");
}

static void a_batch_is_no_larger_than_a_message_may_be(void **state)
{
    struct fixture *f = *state;
    char text[600];
    memset(text, 'x', sizeof text);
    f->config.send_bytes = 2048;
    f->config.queue_bytes = 32768;
    start_batching(f, 100);
    for (int i = 0; i < 10; i++) {
        const spoke_field field = spoke_text("t", spoke_str_from(text, sizeof text));
        assert_ok(spoke_telemetry_send(f->client, NULL, &field, 1));
    }
    get_ready(f);
    run(f, 100);
    assert_int_equal(telemetry_count(), 4); /* three of 608 bytes, and so on */
    for (size_t i = 0; i < 4; i++)
        assert_in_range(spoke_mqtt_publish_bytes(strlen(telemetry(i)->topic), strlen(telemetry(i)->body), 1), 600,
                        2048);
    assert_int_equal(spoke_client_pending(f->client), 10);
}

/* --- ids --- */

static void without_being_asked_messages_carry_no_id(void **state)
{
    struct fixture *f = *state;
    send_as(f, 1, SPOKE_NORMAL);
    get_ready(f);
    assert_string_equal(bag_item(telemetry(0), "$.mid"), "");
}

static void every_message_has_an_id_of_its_own_and_its_duplicates_the_same(void **state)
{
    struct fixture *f = *state;
    char first[64], second[64];
    f->config.message_ids = true;
    start(f);
    send_as(f, 1, SPOKE_NORMAL);
    send_as(f, 2, SPOKE_NORMAL);
    get_ready(f);
    snprintf(first, sizeof first, "%s", bag_item(telemetry(0), "$.mid"));
    snprintf(second, sizeof second, "%s", bag_item(telemetry(1), "$.mid"));
    assert_int_equal(strlen(first), 16);
    assert_string_not_equal(first, second);
    reconnect(f, true); /* DUP */
    assert_int_not_equal(telemetry(0)->packet_id, 0);
    assert_string_equal(bag_item(telemetry(0), "$.mid"), first);
    reconnect(f, false); /* anew */
    assert_string_equal(bag_item(telemetry(0), "$.mid"), first);
    assert_string_equal(bag_item(telemetry(1), "$.mid"), second);
}

static void the_programs_own_id_stands(void **state)
{
    struct fixture *f = *state;
    const spoke_outgoing message = {.body = SPOKE_STR("1"), .message_id = "mine"};
    f->config.message_ids = true;
    start(f);
    assert_ok(spoke_message_send(f->client, &message));
    get_ready(f);
    assert_string_equal(bag_item(telemetry(0), "$.mid"), "mine");
}

/* --- times --- */

static const char created[] = "iothub-creation-time-utc";

static void only_what_waited_long_says_when_it_was_made(void **state)
{
    struct fixture *f = *state;
    send_as(f, 1, SPOKE_NORMAL); /* at 1 s: 2026-01-01T00:00:01Z */
    clock_ms += 2000;
    send_as(f, 2, SPOKE_NORMAL);
    clock_ms += 1;
    get_ready(f);
    assert_string_equal(bag_item(telemetry(0), created), "2026-01-01T00%3A00%3A01Z");
    assert_string_equal(bag_item(telemetry(1), created), "");
}

static void a_time_given_by_the_program_stands(void **state)
{
    struct fixture *f = *state;
    const spoke_outgoing message = {.body = SPOKE_STR("1"), .creation_time_s = 86400};
    assert_ok(spoke_message_send(f->client, &message));
    clock_ms += 60000;
    get_ready(f);
    assert_string_equal(bag_item(telemetry(0), created), "1970-01-02T00%3A00%3A00Z");
}

static void a_message_made_before_the_clock_was_set_gets_its_time_once_it_is(void **state)
{
    struct fixture *f = *state;
    f->config.credential.kind = SPOKE_X509; /* no clock is needed to connect */
    f->config.credential.primary = f->config.credential.secondary = "PEM";
    f->clock_unset = true;
    start(f);
    send_as(f, 1, SPOKE_NORMAL);
    clock_ms += 30000;
    f->clock_unset = false;
    get_ready(f);
    assert_string_equal(bag_item(telemetry(0), created), "2026-01-01T00%3A00%3A01Z");
}

static void without_a_clock_a_late_message_says_no_time(void **state)
{
    struct fixture *f = *state;
    f->config.credential.kind = SPOKE_X509;
    f->config.credential.primary = f->config.credential.secondary = "PEM";
    f->clock_unset = true;
    start(f);
    send_as(f, 1, SPOKE_NORMAL);
    clock_ms += 30000;
    get_ready(f);
    assert_string_equal(bag_item(telemetry(0), created), "");
}

static void a_late_message_too_large_for_its_time_leaves_without_it(void **state)
{
    struct fixture *f = *state;
    char text[2100];
    memset(text, 'x', sizeof text);
    f->config.send_bytes = 2048;
    start(f);
    size_t len = 2048;
    spoke_status status;
    do { /* the largest that is taken */
        const spoke_field field = spoke_text("t", spoke_str_from(text, --len));
        status = spoke_telemetry_send(f->client, NULL, &field, 1);
    } while (status == SPOKE_E_TOO_LARGE);
    assert_ok(status);
    clock_ms += 60000;
    get_ready(f);
    assert_int_equal(telemetry_count(), 1);
    assert_string_equal(bag_item(telemetry(0), created), "");
}

/* --- encodings --- */

/* A fake: keeps every second byte. */
static spoke_status halve(void *ctx, spoke_str body, spoke_buf *out)
{
    unsigned *calls = ctx;
    (*calls)++;
    for (size_t i = 0; i < body.len; i += 2)
        if (spoke_buf_append_byte(out, (uint8_t)body.ptr[i]) != SPOKE_OK)
            return SPOKE_E_TOO_SMALL;
    return SPOKE_OK;
}

static unsigned encodings;
static const spoke_encoder halving = {"half", 40, halve, &encodings};

static void start_encoding(struct fixture *f)
{
    encodings = 0;
    f->config.encoder = &halving;
    start(f);
}

static void a_body_is_encoded_when_that_makes_it_smaller(void **state)
{
    struct fixture *f = *state;
    const spoke_outgoing plain = {.body = SPOKE_STR("\"aabbccddeeffgghhiijjkkllmmnnooppqqrrssttuu\"")};
    const spoke_outgoing typeless = {.body = SPOKE_STR("\"aabbccddeeffgghhiijjkkllmmnnooppqqrrssttuu\""),
                                     .content_type = "",
                                     .content_encoding = ""};
    start_encoding(f);
    assert_ok(spoke_message_send(f->client, &plain));
    assert_ok(spoke_message_send(f->client, &typeless));
    get_ready(f);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(telemetry(i)->body, "\"abcdefghijklmnopqrstu");
        assert_string_equal(bag_item(telemetry(i), "$.ce"), "half");
    }
    assert_string_equal(bag_item(telemetry(0), "$.ct"), "application%2Fjson");
}

static void small_bodies_and_those_encoded_by_the_program_stay(void **state)
{
    struct fixture *f = *state;
    const spoke_outgoing own = {.body = SPOKE_STR("0123456789012345678901234567890123456789"),
                                .content_type = "application/octet-stream",
                                .content_encoding = "gzip"};
    start_encoding(f);
    assert_ok(spoke_message_send(f->client, &own));
    send_as(f, 1, SPOKE_NORMAL);
    get_ready(f);
    assert_string_equal(bag_item(telemetry(0), "$.ce"), "gzip");
    assert_string_equal(bag_item(telemetry(1), "$.ce"), "utf-8");
    assert_int_equal(encodings, 0);
}

static spoke_status no_gain(void *ctx, spoke_str body, spoke_buf *out)
{
    (void)ctx;
    return spoke_buf_append(out, body);
}

static void a_body_that_does_not_shrink_leaves_as_it_is(void **state)
{
    struct fixture *f = *state;
    static const spoke_encoder useless = {"none", 1, no_gain, NULL};
    f->config.encoder = &useless;
    start(f);
    send_as(f, 123456789, SPOKE_NORMAL);
    get_ready(f);
    EXPECT_BODIES("{\"n\":123456789}");
    assert_string_equal(bag_item(telemetry(0), "$.ce"), "utf-8");
}

static void a_batch_is_encoded_as_a_whole(void **state)
{
    struct fixture *f = *state;
    f->config.batch_count = 10;
    start_encoding(f);
    for (int64_t n = 1000; n < 1010; n++)
        send_as(f, n, SPOKE_NORMAL);
    get_ready(f);
    assert_int_equal(telemetry_count(), 1);
    assert_int_equal(encodings, 1);
    assert_string_equal(bag_item(telemetry(0), "$.ce"), "half");
}

/* --- outcomes --- */

static void what_is_dropped_is_told_once_with_its_reason(void **state)
{
    struct fixture *f = *state;
    f->config.queue_messages = 2;
    f->config.when_full = SPOKE_FULL_DROP_OLDEST;
    start(f);
    for (int64_t n = 1; n <= 3; n++)
        send_as(f, n, SPOKE_NORMAL);
    send_with(f, 4, (spoke_delivery){SPOKE_NORMAL, 5, 4});
    poll(f, 0);
    assert_int_equal(outcome_count, 2);
    assert_int_equal(outcomes[0].id, 1);
    assert_int_equal(outcomes[0].status, SPOKE_E_FULL);
    assert_int_equal(outcomes[1].id, 2);
    run(f, 6000);
    assert_int_equal(outcome_count, 3);
    assert_int_equal(outcomes[2].id, 4);
    assert_int_equal(outcomes[2].status, SPOKE_E_TIMEOUT);
    run(f, 60000);
    assert_int_equal(outcome_count, 3);
}

static void poll_wakes_when_a_message_ends_though_there_is_no_link(void **state)
{
    struct fixture *f = *state;
    f->config.ttl_s = 7;
    start(f);
    send_with(f, 1, (spoke_delivery){SPOKE_NORMAL, 0, 1});
    assert_in_range(spoke_client_next_ms(f->client), 0, 7000);
    poll(f, 60000); /* connecting */
    assert_int_equal(outcome_count, 1);
    assert_in_range(clock_ms, 8000, 8001);
}

/* What is given up while it is sent comes on top of all the outcomes that can wait. */
static void no_outcome_is_lost_when_many_end_at_once(void **state)
{
    struct fixture *f = *state;
    char text[1900];
    const spoke_field field = spoke_text("t", spoke_str_from(text, sizeof text));
    const spoke_delivery large = {SPOKE_NORMAL, 0, 99};
    memset(text, 'x', sizeof text);
    get_ready(f);
    fake->full = true;
    for (int64_t n = 1; n <= 16; n++)
        send_with(f, n, (spoke_delivery){SPOKE_NORMAL, 10, (uint32_t)n});
    clock_ms += 10000;
    assert_ok(spoke_telemetry_send_as(f->client, &large, NULL, &field, 1)); /* the sixteen end here */
    fake->send_bytes = 1024; /* as after a move to a hub with a longer topic */
    poll(f, 0);
    assert_int_equal(outcome_count, 17);
    assert_int_equal(outcomes[0].id, 1);
    assert_int_equal(outcomes[0].status, SPOKE_E_TIMEOUT);
    assert_int_equal(outcomes[16].id, 99);
    assert_int_equal(outcomes[16].status, SPOKE_E_TOO_LARGE);
}

static void drops_are_noticed_in_sum_and_not_each(void **state)
{
    struct fixture *f = *state;
    f->config.queue_messages = 2;
    f->config.when_full = SPOKE_FULL_DROP_OLDEST;
    start(f);
    for (int64_t n = 1; n <= 12; n++)
        send_with(f, n, (spoke_delivery){SPOKE_NORMAL, 0, 0});
    poll(f, 0);
    assert_int_equal(drop_notices, 1);
    assert_int_equal(drops_noticed, 10);
    for (int64_t n = 1; n <= 5; n++) {
        send_with(f, n, (spoke_delivery){SPOKE_NORMAL, 0, 0});
        poll(f, 0);
    }
    assert_int_equal(drop_notices, 1);
    run(f, 20000);
    assert_int_equal(drop_notices, 2);
    assert_int_equal(drops_noticed, 15);
}

static void a_full_queue_that_refuses_counts_it(void **state)
{
    struct fixture *f = *state;
    const spoke_field field = spoke_i64("n", 1);
    spoke_stats stats = SPOKE_STATS;
    f->config.queue_messages = 1;
    start(f);
    assert_ok(spoke_telemetry_send(f->client, NULL, &field, 1));
    assert_int_equal(spoke_telemetry_send(f->client, NULL, &field, 1), SPOKE_E_FULL);
    assert_ok(spoke_client_stats(f->client, &stats));
    assert_int_equal(stats.refused, 1);
    assert_int_equal(stats.accepted, 1);
    assert_int_equal(stats.queue_messages, 1);
    assert_int_equal(stats.queue_high, 1);
    assert_true(stats.queue_bytes > 7);
}

static void what_is_counted_adds_up(void **state)
{
    struct fixture *f = *state;
    spoke_stats stats = SPOKE_STATS;
    f->config.queue_messages = 3;
    f->config.when_full = SPOKE_FULL_DROP_LOWEST;
    start(f);
    for (int64_t n = 1; n <= 4; n++)
        send_as(f, n, SPOKE_NORMAL);
    get_ready(f);
    reconnect_ready(f);
    acknowledge(f, telemetry(0));
    clock_ms += 5000;
    assert_ok(spoke_client_stats(f->client, &stats));
    assert_int_equal(stats.accepted, 4);
    assert_int_equal(stats.dropped[SPOKE_DROP_LOWEST], 1);
    assert_int_equal(stats.delivered, 1);
    assert_int_equal(stats.retransmitted, 3);
    assert_int_equal(stats.queue_messages, 2);
    assert_in_range(stats.queue_age_s, 5, 60);
}

/* --- reports --- */

static const char *report_body(void)
{
    for (size_t i = fake->sent_count; i-- > 0;)
        if (strstr(fake->sent[i].topic, "/reported/") != NULL)
            return fake->sent[i].body;
    return "";
}

static void reports_that_wait_are_one_patch_with_the_last_values(void **state)
{
    struct fixture *f = *state;
    const spoke_field speed = spoke_i64("speed", 3);
    spoke_stats stats = SPOKE_STATS;
    assert_ok(spoke_report(f->client, spoke_i64("a", 1), spoke_i64("b", 1)));
    assert_ok(spoke_report(f->client, spoke_null("b")));
    assert_ok(spoke_property_report(f->client, "part", &speed, 1));
    assert_ok(spoke_report(f->client, spoke_i64("a", 2)));
    get_ready(f);
    assert_string_equal(report_body(), "{\"b\":null,\"part\":{\"__t\":\"c\",\"speed\":3},\"a\":2}");
    assert_ok(spoke_client_stats(f->client, &stats));
    assert_int_equal(stats.reports_coalesced, 3);
}

static void a_long_outage_costs_no_room_for_what_is_reported_again_and_again(void **state)
{
    struct fixture *f = *state;
    for (int64_t n = 1; n <= 10000; n++)
        assert_ok(spoke_report(f->client, spoke_i64("count", n)));
    get_ready(f);
    assert_string_equal(report_body(), "{\"count\":10000}");
}

/* --- storage --- */

static uint8_t medium[16 * 4096];
static spoke_ram_storage ram;

static void start_stored(struct fixture *f)
{
    spoke_storage_ram_init(&ram, medium, 4096, 16);
    f->config.storage = &ram.storage;
    start(f);
}

static void new_medium(struct fixture *f)
{
    memset(medium, 0xFF, sizeof medium);
    start_stored(f);
}

static void after_a_restart_what_was_not_acknowledged_is_sent_again_under_the_same_id(void **state)
{
    struct fixture *f = *state;
    char id[64];
    new_medium(f);
    for (int64_t n = 1; n <= 3; n++)
        send_as(f, n, SPOKE_NORMAL);
    get_ready(f);
    snprintf(id, sizeof id, "%s", bag_item(telemetry(1), "$.mid"));
    assert_int_equal(strlen(id), 16);
    acknowledge(f, telemetry(0));
    clock_ms += 60000;
    start_stored(f); /* no close before: as after a crash */
    spoke_stats stats = SPOKE_STATS;
    assert_ok(spoke_client_stats(f->client, &stats));
    assert_int_equal(stats.recovered, 2);
    get_ready(f);
    EXPECT_BODIES("{\"n\":2}", "{\"n\":3}");
    assert_string_equal(bag_item(telemetry(0), "$.mid"), id);
    assert_string_equal(bag_item(telemetry(0), created), "2026-01-01T00%3A00%3A01Z");
}

static void reports_survive_a_restart(void **state)
{
    struct fixture *f = *state;
    new_medium(f);
    assert_ok(spoke_report(f->client, spoke_i64("a", 1)));
    assert_ok(spoke_report(f->client, spoke_i64("b", 2)));
    start_stored(f);
    get_ready(f);
    assert_string_equal(report_body(), "{\"a\":1,\"b\":2}");
}

/* As another version of the library may have left it: with more bag than the topic has room for, or dated nowhere. */
static void put_record(struct log *log, uint32_t seq, size_t head_bytes, int64_t created_ms_)
{
    static char head[3500];
    uint32_t where;
    memset(head, 'h', sizeof head);
    const struct log_record record = {
        .seq = seq, .lane = QUEUE_NORMAL, .flags = 4 /* joins */, .created_ms = created_ms_};
    assert_ok(log_append(log, &record, spoke_str_from(head, head_bytes), SPOKE_STR("{}"), &where));
}

static void start_on_records(struct fixture *f, void (*put)(struct log *log))
{
    struct log log;
    static uint8_t scratch[1024];
    const struct log_owner owner = {.ctx = NULL};
    memset(medium, 0xFF, sizeof medium);
    spoke_storage_ram_init(&ram, medium, 4096, 16);
    assert_ok(log_open(&log, &ram.storage, &owner, scratch, sizeof scratch, 1));
    put(&log);
    start_stored(f);
}

static void put_long_head(struct log *log)
{
    put_record(log, 1, 3500, 1);
    put_record(log, 2, 0, 1);
}

static void a_stored_message_whose_properties_fit_no_topic_is_dropped_alone(void **state)
{
    struct fixture *f = *state;
    start_on_records(f, put_long_head);
    get_ready(f);
    poll(f, 0);
    EXPECT_BODIES("{}");
    spoke_stats stats = SPOKE_STATS;
    assert_ok(spoke_client_stats(f->client, &stats));
    assert_int_equal(stats.dropped[SPOKE_DROP_TOO_LARGE], 1);
}

static void put_odd_dates(struct log *log)
{
    put_record(log, 1, 0, INT64_MIN);
    put_record(log, 2, 0, INT64_MAX);
    put_record(log, 3, 0, -1);
    put_record(log, 4, 0, 1);
}

static void stored_messages_of_impossible_dates_are_sent_one_by_one(void **state)
{
    struct fixture *f = *state;
    f->config.batch_count = 4;
    start_on_records(f, put_odd_dates);
    get_ready(f);
    poll(f, 0);
    EXPECT_BODIES("{}", "{}", "{}", "{}");
}

/* A firmware with less send_bytes comes after one with more. */
static void a_stored_report_too_large_to_send_does_not_stop_the_others(void **state)
{
    struct fixture *f = *state;
    char text[3000];
    memset(text, 'x', sizeof text);
    f->config.send_bytes = 8192;
    f->config.report_bytes = 8192;
    new_medium(f);
    assert_ok(spoke_report(f->client, spoke_text("large", spoke_str_from(text, sizeof text))));
    f->config.send_bytes = 2048;
    start_stored(f);
    assert_ok(spoke_report(f->client, spoke_i64("a", 1)));
    get_ready(f);
    poll(f, 0);
    assert_string_equal(report_body(), "{\"a\":1}");
    spoke_stats stats = SPOKE_STATS;
    assert_ok(spoke_client_stats(f->client, &stats));
    assert_int_equal(stats.reports_refused, 1);
}

static void a_close_that_leaves_something_says_so_and_it_is_there_next_time(void **state)
{
    struct fixture *f = *state;
    new_medium(f);
    send_as(f, 1, SPOKE_LOW);
    assert_int_equal(spoke_client_close(f->client, 100), SPOKE_E_TIMEOUT);
    start_stored(f);
    assert_int_equal(spoke_client_pending(f->client), 1);
}

static void stored_messages_are_joined_and_ended_as_others(void **state)
{
    struct fixture *f = *state;
    f->config.batch_count = 4;
    new_medium(f);
    for (int64_t n = 1; n <= 4; n++)
        send_as(f, n, SPOKE_NORMAL);
    get_ready(f);
    EXPECT_BODIES("[{\"n\":1},{\"n\":2},{\"n\":3},{\"n\":4}]");
    acknowledge(f, telemetry(0));
    assert_int_equal(outcome_count, 4);
    start_stored(f);
    assert_int_equal(spoke_client_pending(f->client), 0);
}

static void what_grew_too_old_while_the_device_was_off_is_not_sent(void **state)
{
    struct fixture *f = *state;
    new_medium(f);
    send_with(f, 1, (spoke_delivery){SPOKE_NORMAL, 10, 1});
    send_with(f, 2, (spoke_delivery){SPOKE_NORMAL, 1000, 2});
    clock_ms += 11000;
    start_stored(f);
    get_ready(f);
    EXPECT_BODIES("{\"n\":2}");
    assert_int_equal(outcomes[0].id, 1);
    assert_int_equal(outcomes[0].status, SPOKE_E_TIMEOUT);
}

static void a_medium_of_something_else_is_refused_with_a_sentence(void **state)
{
    struct fixture *f = *state;
    spoke_client *client;
    spoke_error why;
    new_medium(f);
    spoke_ram_storage other; /* the same bytes, cut otherwise */
    spoke_storage_ram_init(&other, medium, 8192, 8);
    f->config.storage = &other.storage;
    const size_t size = spoke_client_size(&f->config);
    void *memory = test_malloc(size);
    assert_int_equal(spoke_client_init(memory, size, &f->config, &client, &why), SPOKE_E_PROTOCOL);
    test_free(memory);
    assert_non_null(strstr(why.text, "another program or version"));
}

#define claim_queue(test) cmocka_unit_test_setup_teardown(test, set_up_queue, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        claim_queue(what_waited_leaves_by_priority_and_in_order_within_one),
        claim_queue(a_priority_that_does_not_exist_is_refused),
        claim_queue(a_message_in_full_has_a_priority_too),
        claim_queue(replay_keeps_its_pace_and_sleeps_between),
        claim_queue(live_messages_of_a_higher_priority_overtake_the_replay),
        claim_queue(live_messages_have_no_pace),
        claim_queue(on_a_metered_network_low_priority_and_replay_wait),
        claim_queue(what_was_in_flight_goes_first_in_its_order_and_under_its_ids),
        claim_queue(a_link_that_ends_amid_the_repeats_does_not_change_their_order),
        claim_queue(the_limit_of_60_s_counts_for_the_repeat_sent_first),
        claim_queue(repeats_are_no_replay),
        claim_queue(on_a_metered_network_repeats_of_any_priority_go),
        claim_queue(a_repeat_may_end_by_age_while_it_waits_for_a_link),
        claim_queue(readings_made_together_travel_as_one),
        claim_queue(one_reading_travels_as_it_is),
        claim_queue(one_acknowledgement_tells_the_outcome_of_each),
        claim_queue(a_batch_is_sent_again_as_the_same_message),
        claim_queue(a_batch_that_is_repeated_keeps_its_place_and_its_id),
        claim_queue(readings_of_different_kind_or_time_are_not_joined),
        claim_queue(a_batch_is_no_larger_than_a_message_may_be),
        claim_queue(without_being_asked_messages_carry_no_id),
        claim_queue(every_message_has_an_id_of_its_own_and_its_duplicates_the_same),
        claim_queue(the_programs_own_id_stands),
        claim_queue(only_what_waited_long_says_when_it_was_made),
        claim_queue(a_time_given_by_the_program_stands),
        claim_queue(a_message_made_before_the_clock_was_set_gets_its_time_once_it_is),
        claim_queue(without_a_clock_a_late_message_says_no_time),
        claim_queue(a_late_message_too_large_for_its_time_leaves_without_it),
        claim_queue(a_body_is_encoded_when_that_makes_it_smaller),
        claim_queue(small_bodies_and_those_encoded_by_the_program_stay),
        claim_queue(a_body_that_does_not_shrink_leaves_as_it_is),
        claim_queue(a_batch_is_encoded_as_a_whole),
        claim_queue(what_is_dropped_is_told_once_with_its_reason),
        claim_queue(poll_wakes_when_a_message_ends_though_there_is_no_link),
        claim_queue(no_outcome_is_lost_when_many_end_at_once),
        claim_queue(drops_are_noticed_in_sum_and_not_each),
        claim_queue(a_full_queue_that_refuses_counts_it),
        claim_queue(what_is_counted_adds_up),
        claim_queue(reports_that_wait_are_one_patch_with_the_last_values),
        claim_queue(a_long_outage_costs_no_room_for_what_is_reported_again_and_again),
        claim_queue(after_a_restart_what_was_not_acknowledged_is_sent_again_under_the_same_id),
        claim_queue(reports_survive_a_restart),
        claim_queue(a_stored_message_whose_properties_fit_no_topic_is_dropped_alone),
        claim_queue(stored_messages_of_impossible_dates_are_sent_one_by_one),
        claim_queue(a_stored_report_too_large_to_send_does_not_stop_the_others),
        claim_queue(a_close_that_leaves_something_says_so_and_it_is_there_next_time),
        claim_queue(stored_messages_are_joined_and_ended_as_others),
        claim_queue(what_grew_too_old_while_the_device_was_off_is_not_sent),
        claim_queue(a_medium_of_something_else_is_refused_with_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
