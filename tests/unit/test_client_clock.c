/* Unset and wrong clocks: the program is told, the machine asked, a time host believed only as far as it may be. */
#include "client/machine.h"
#include "support/client_fixture.h"

#define NOW_S 1767225600 /* the fixture's clock at 0 ms */
#define GOOD_DATE "Date: Thu, 05 Mar 2026 10:20:30 GMT\r\n"
#define GOOD_DATE_S 1772706030

/* --- a machine whose clock can be set, and a host that tells the time, or something else --- */

struct time_link {
    bool open;
    size_t told;
};

static struct {
    int64_t ahead_s; /* the wall clock's error */
    bool unset;
    unsigned sought, offered, opens, closes, inits;
    int64_t offer;
    bool takes_offers;
    spoke_status init, write;
    spoke_status open, step, end; /* what the host's link says; end: behind the answer */
    const char *answer;
    size_t piece, request_len;
    char request[512], host[300];
    uint16_t port;
    bool full; /* the link takes nothing just now */
    unsigned notices;
    spoke_status noticed;
} world;

static spoke_status world_unix(void *ctx, int64_t *out)
{
    (void)ctx;
    *out = NOW_S + (int64_t)(clock_ms / 1000) + world.ahead_s;
    return world.unset ? SPOKE_E_CLOCK : SPOKE_OK;
}

static void world_seek(void *ctx)
{
    (void)ctx;
    world.sought++;
}

static spoke_status world_offer(void *ctx, int64_t unix_s)
{
    (void)ctx;
    world.offered++;
    world.offer = unix_s;
    if (!world.takes_offers)
        return SPOKE_E_PORT;
    world.unset = false;
    world.ahead_s = unix_s - NOW_S - (int64_t)(clock_ms / 1000);
    return SPOKE_OK;
}

static spoke_status link_init(void *ctx, void *link)
{
    (void)ctx;
    if (world.init != SPOKE_OK)
        return world.init;
    memset(link, 0, sizeof(struct time_link));
    world.inits++;
    return SPOKE_OK;
}

static void link_fini(void *ctx, void *link)
{
    (void)ctx;
    assert_false(((struct time_link *)link)->open);
    world.inits--;
}

static spoke_status link_open(void *ctx, void *link, const char *host, uint16_t port)
{
    (void)ctx;
    struct time_link *l = link;
    assert_false(l->open);
    world.opens++;
    if (world.open != SPOKE_OK)
        return world.open;
    l->open = true;
    l->told = 0;
    world.request_len = 0;
    world.port = port;
    snprintf(world.host, sizeof world.host, "%s", host);
    return SPOKE_OK;
}

static spoke_status link_step(void *ctx, void *link)
{
    (void)ctx;
    assert_true(((struct time_link *)link)->open);
    return world.step;
}

static spoke_status link_read(void *ctx, void *link, uint8_t *out, size_t cap, size_t *count)
{
    struct time_link *l = link;
    (void)ctx;
    const size_t left = strlen(world.answer) - l->told;
    if (left == 0)
        return world.end;
    *count = left < cap ? left : cap;
    if (world.piece > 0 && *count > world.piece)
        *count = world.piece;
    memcpy(out, world.answer + l->told, *count);
    l->told += *count;
    return SPOKE_OK;
}

static spoke_status link_write(void *ctx, void *link, const uint8_t *bytes, size_t len, size_t *count)
{
    (void)ctx;
    (void)link;
    if (world.write != SPOKE_OK)
        return world.write;
    world.full = world.piece > 0 && !world.full;
    if (world.full)
        return SPOKE_E_AGAIN;
    *count = world.piece > 0 ? 1 : len;
    assert_true(world.request_len + *count < sizeof world.request);
    memcpy(world.request + world.request_len, bytes, *count);
    world.request_len += *count;
    return SPOKE_OK;
}

static void link_close(void *ctx, void *link)
{
    (void)ctx;
    ((struct time_link *)link)->open = false;
    world.closes++;
}

static const spoke_net time_net = {.struct_size = sizeof time_net,
                                   .link_bytes = sizeof(struct time_link),
                                   .init = link_init,
                                   .fini = link_fini,
                                   .open = link_open,
                                   .step = link_step,
                                   .read = link_read,
                                   .write = link_write,
                                   .close = link_close};

static void note(spoke_client *client, const spoke_notice *notice, void *user)
{
    (void)client;
    (void)user;
    assert_int_equal(notice->kind, SPOKE_NOTICE_CLOCK);
    world.notices++;
    world.noticed = notice->error.status;
}

static struct fixture *start_in(void **state, bool with_host)
{
    struct fixture *f = *state;
    memset(&world, 0, sizeof world);
    world.takes_offers = true;
    world.answer = "HTTP/1.1 200 OK\r\n" GOOD_DATE "\r\n";
    world.end = SPOKE_E_NET;
    f->platform.unix_seconds = world_unix;
    f->platform.seek_time = world_seek;
    f->platform.offer_time = world_offer;
    f->platform.net = &time_net;
    f->config.on_notice = note;
    f->config.time_host = with_host ? "time.local" : NULL;
    start(f);
    return f;
}

static void fail_with_verdict(struct fixture *f, int32_t verdict)
{
    poll(f, 0);
    expect(f, SPOKE_CONNECTING);
    say_closed(SPOKE_E_CERTIFICATE, SPOKE_SOURCE_TLS, verdict);
    poll(f, 0);
    expect(f, SPOKE_BACKOFF);
}

/* --- being told, being asked --- */

static void an_unset_clock_is_told_once_and_sought_once_a_minute(void **state)
{
    struct fixture *f = start_in(state, false);
    world.unset = true;
    run(f, 300000);
    assert_int_equal(world.notices, 1);
    assert_int_equal(world.noticed, SPOKE_E_CLOCK);
    assert_in_range(world.sought, 2, 6);
    assert_int_equal(fake->opens, 0);
}

static void a_certificate_out_of_date_is_told_as_a_matter_of_the_clock(void **state)
{
    struct fixture *f = start_in(state, false);
    fail_with_verdict(f, 0x0200);
    assert_int_equal(world.notices, 1);
    assert_int_equal(world.noticed, SPOKE_E_CERTIFICATE);
    assert_int_equal(world.sought, 1);
    assert_true(spoke_client_next_ms(f->client) <= 5000); /* looks whether the clock was set */
    run(f, 59000);
    assert_int_equal(fake->opens, 1); /* and tries no sooner than in a minute */
    run(f, 20000);
    assert_int_equal(fake->opens, 2);
}

static void a_clock_that_was_set_meanwhile_is_tried_within_seconds(void **state)
{
    struct fixture *f = start_in(state, false);
    for (int i = 0; i < 4; i++) {
        fail_with_verdict(f, 0x0200);
        world.ahead_s += i % 2 == 0 ? 86400 : -86400;
        run(f, 5100);
        expect(f, SPOKE_CONNECTING);
        assert_int_equal(fake->opens, i + 2);
    }
}

static void a_clock_that_was_set_during_the_attempt_is_tried_at_once(void **state)
{
    struct fixture *f = start_in(state, false);
    poll(f, 0);
    expect(f, SPOKE_CONNECTING);
    world.ahead_s += 86400; /* between the handshake's verdict and its end */
    say_closed(SPOKE_E_CERTIFICATE, SPOKE_SOURCE_TLS, 0x0200);
    poll(f, 0);
    run(f, 5100);
    expect(f, SPOKE_CONNECTING);
    assert_int_equal(fake->opens, 2);
}

/* DPS is reached with a clock that had been in doubt, and the device is blocked there. */
static struct fixture *be_blocked_after_doubt(void **state)
{
    struct fixture *f = start_in(state, false);
    start_with_dps(f);
    poll(f, 0);
    say_closed(SPOKE_E_CERTIFICATE, SPOKE_SOURCE_TLS, 0x0200);
    poll(f, 0);
    world.ahead_s += 86400;
    run(f, 5100);
    expect(f, SPOKE_PROVISIONING);
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_SUBSCRIBED, .codes = SPOKE_STR("\x01")});
    poll(f, 0);
    say_message("$dps/registrations/res/403/?$rid=1", "{\"errorCode\":400209,\"message\":\"blocked\"}", 0);
    poll(f, 0);
    poll(f, 0);
    expect(f, SPOKE_BACKOFF);
    return f;
}

static void a_clock_that_is_set_shortens_no_pause_the_service_asked_for(void **state)
{
    struct fixture *f = be_blocked_after_doubt(state);
    const unsigned opens = fake->opens;
    world.ahead_s += 120;
    run(f, 60000);
    expect(f, SPOKE_BACKOFF);
    assert_int_equal(fake->opens, opens);
}

static void a_certificate_for_another_name_is_no_matter_of_the_clock(void **state)
{
    struct fixture *f = start_in(state, false);
    fail_with_verdict(f, 0x04);
    assert_int_equal(world.notices + world.sought, 0);
    assert_true(spoke_client_next_ms(f->client) >= 60000); /* and nobody is kept awake */
}

static void once_the_hub_was_reached_the_next_doubt_is_told_again(void **state)
{
    struct fixture *f = start_in(state, false);
    fail_with_verdict(f, 0x0200);
    spoke_client_connect_now(f->client);
    get_ready(f);
    say_closed(SPOKE_E_NET, SPOKE_SOURCE_PORT, 0);
    poll(f, 0);
    spoke_client_connect_now(f->client);
    fail_with_verdict(f, 0x0001);
    assert_int_equal(world.notices, 2);
}

/* --- the Date header --- */

static void a_time_host_is_asked_in_plain_http_and_its_date_is_offered(void **state)
{
    struct fixture *f = start_in(state, true);
    world.unset = true;
    run(f, 1000);
    assert_string_equal(world.host, "time.local");
    assert_int_equal(world.port, 80);
    assert_string_equal(world.request,
                        "HEAD / HTTP/1.1\r\nHost: time.local\r\nUser-Agent: spoke\r\nConnection: close\r\n\r\n");
    assert_int_equal(world.offered, 1);
    assert_true(world.offer == GOOD_DATE_S);
    expect(f, SPOKE_CONNECTING); /* with the time, at once */
    assert_int_equal(world.closes, world.opens);
}

static void pieces_of_one_byte_do_as_well(void **state)
{
    struct fixture *f = start_in(state, true);
    world.unset = true;
    world.piece = 1;
    run(f, 9000);
    assert_true(world.offer == GOOD_DATE_S);
}

static void a_wrong_clock_is_set_right_and_the_hub_tried_at_once(void **state)
{
    struct fixture *f = start_in(state, true);
    world.ahead_s = -40 * 86400;
    poll(f, 0);
    say_closed(SPOKE_E_CERTIFICATE, SPOKE_SOURCE_TLS, 0x0200);
    run(f, 200);
    assert_true(world.offer == GOOD_DATE_S);
    assert_int_equal(fake->opens, 2);
}

static void a_date_that_agrees_with_the_clock_is_not_offered(void **state)
{
    struct fixture *f = start_in(state, true);
    world.ahead_s = GOOD_DATE_S - NOW_S - 250;
    fail_with_verdict(f, 0x0001); /* so the certificate has truly expired */
    run(f, 30000);
    assert_int_equal(world.opens, 1);
    assert_int_equal(world.offered, 0);
    assert_int_equal(fake->opens, 1);
}

static void a_refused_token_and_a_clock_that_is_days_off_are_told_as_that(void **state)
{
    struct fixture *f = start_in(state, true);
    poll(f, 0);
    say_closed(SPOKE_E_REFUSED, SPOKE_SOURCE_MQTT, 5);
    poll(f, 1); /* the first pause is short: the question goes out and is overtaken by the next attempt */
    while (fake->opens == 1)
        poll(f, 60000);
    say_closed(SPOKE_E_REFUSED, SPOKE_SOURCE_MQTT, 5);
    poll(f, 0);
    run(f, 59000);
    assert_int_equal(world.offered, 1);
    assert_int_equal(world.notices, 1);
    assert_int_equal(world.noticed, SPOKE_E_CLOCK);
}

static void without_offer_time_the_host_is_never_asked(void **state)
{
    struct fixture *f = start_in(state, true);
    f->platform.offer_time = NULL;
    start(f);
    world.unset = true;
    run(f, 120000);
    assert_int_equal(world.opens + world.inits, 0);
}

/* Sixty seconds of an unset clock, with a host that says `answer`. */
static void expect_no_offer(void **state, const char *answer, spoke_status end)
{
    struct fixture *f = start_in(state, true);
    world.unset = true;
    world.answer = answer;
    world.end = end;
    run(f, 55000);
    if (world.offered != 0)
        fail_msg("offered after: %.60s", answer);
    assert_int_equal(world.opens, 1);
    assert_int_equal(world.closes, 1);
    assert_int_equal(fake->opens, 0);
}

static void hostile_and_broken_answers_are_not_offered(void **state)
{
    static char flood[20000];
    memset(flood, 'x', sizeof flood - 1);
    memcpy(flood, "HTTP/1.1 200 OK\r\n", 17);
    expect_no_offer(state, "", SPOKE_E_NET);
    expect_no_offer(state, "<html>" GOOD_DATE, SPOKE_E_NET);
    expect_no_offer(state, "HTTP/1.1 200 OK\r\n\r\n" GOOD_DATE, SPOKE_E_NET);
    expect_no_offer(state, "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n", SPOKE_E_NET);
    expect_no_offer(state, "HTTP/1.1 200 OK\r\nDate: Thu, 31 Dec 2126 00:00:00 GMT\r\n\r\n", SPOKE_E_NET);
    expect_no_offer(state, "HTTP/1.1 200 OK\r\nDate: Thu, 05 Mar 2026", SPOKE_E_NET);
    expect_no_offer(state, flood, SPOKE_E_AGAIN);
    expect_no_offer(state, "HTTP/1.1 200 OK\r\n", SPOKE_E_AGAIN); /* and never more */
}

static void a_host_that_cannot_be_reached_costs_ten_seconds_and_no_connection(void **state)
{
    static const spoke_status ways[] = {SPOKE_E_AGAIN, SPOKE_E_DNS, SPOKE_E_NET};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct fixture *f = start_in(state, true);
        world.unset = true;
        world.step = ways[i];
        run(f, 9000);
        assert_int_equal(world.closes, ways[i] == SPOKE_E_AGAIN ? 0 : 1);
        run(f, 2000);
        assert_int_equal(world.closes, 1);
        run(f, 300000);
        assert_in_range(world.opens, 3, 6);
        world.unset = false;
        run(f, 6000);
        expect(f, SPOKE_CONNECTING);
    }
}

static void a_host_that_takes_no_question_is_asked_again_in_a_minute(void **state)
{
    struct fixture *f = start_in(state, true);
    world.unset = true;
    world.write = SPOKE_E_NET;
    run(f, 130000);
    assert_in_range(world.opens, 2, 3);
    assert_int_equal(world.closes, world.opens);
    assert_int_equal(world.offered, 0);
}

static void a_port_without_a_second_link_refuses_the_time_host(void **state)
{
    struct fixture *f = start_in(state, true);
    spoke_client *client;
    max_align_t *memory = test_malloc(spoke_client_size(&f->config));
    spoke_error why;
    world.init = SPOKE_E_PORT;
    assert_int_equal(spoke_client_init(memory, spoke_client_size(&f->config), &f->config, &client, &why),
                     SPOKE_E_PORT);
    assert_non_null(strstr(why.text, "time_host"));
    assert_null(client);
    test_free(memory);
}

static void a_clock_that_is_days_ahead_is_set_back(void **state)
{
    struct fixture *f = start_in(state, true);
    world.ahead_s = GOOD_DATE_S - NOW_S + 3 * 86400;
    poll(f, 0);
    say_closed(SPOKE_E_CERTIFICATE, SPOKE_SOURCE_TLS, 0x0001);
    run(f, 200);
    assert_int_equal(world.offered, 1);
    assert_true(world.offer == GOOD_DATE_S);
}

static void a_link_that_will_not_open_is_no_trouble(void **state)
{
    struct fixture *f = start_in(state, true);
    world.unset = true;
    world.open = SPOKE_E_PORT;
    run(f, 130000);
    assert_in_range(world.opens, 2, 3);
    assert_int_equal(world.closes, 0);
}

static void an_offer_that_is_not_taken_changes_nothing(void **state)
{
    struct fixture *f = start_in(state, true);
    world.unset = true;
    world.takes_offers = false;
    run(f, 130000);
    assert_in_range(world.offered, 2, 3);
    assert_int_equal(fake->opens, 0);
}

static void no_network_no_question(void **state)
{
    struct fixture *f = start_in(state, true);
    world.unset = true;
    world.step = SPOKE_E_AGAIN;
    poll(f, 0);
    poll(f, 0);
    assert_int_equal(world.opens, 1);
    spoke_client_network(f->client, SPOKE_NETWORK_AIRPLANE);
    poll(f, 0);
    assert_int_equal(world.closes, 1);
    poll(f, 86400000);
    assert_int_equal(world.opens, 1);
}

static void close_ends_the_question(void **state)
{
    struct fixture *f = start_in(state, true);
    world.unset = true;
    world.step = SPOKE_E_AGAIN;
    poll(f, 0);
    poll(f, 0);
    assert_int_equal(world.opens, 1);
    assert_ok(spoke_client_close(f->client, 1000));
    assert_int_equal(world.closes, 1);
}

static void destroy_lets_go_of_the_link(void **state)
{
    struct fixture *f = start_in(state, true);
    world.unset = true;
    poll(f, 0);
    spoke_client_destroy(f->client);
    f->client = NULL;
    assert_int_equal(world.inits, 0);
}

static void a_time_host_that_is_no_host_name_is_refused(void **state)
{
    struct fixture *f = start_in(state, true);
    static const char *const names[] = {"a b", "a\r\nX: y", "", "a/b"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        f->config.time_host = names[i];
        assert_int_equal(spoke_client_size(&f->config), 0);
    }
    static const char *const good[] = {"time-1.example.com", "10.0.0.1", "fd00::1"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        f->config.time_host = good[i];
        assert_true(spoke_client_size(&f->config) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        claim(a_host_that_takes_no_question_is_asked_again_in_a_minute),
        claim(a_port_without_a_second_link_refuses_the_time_host),
        claim(a_clock_that_is_days_ahead_is_set_back),
        claim(an_unset_clock_is_told_once_and_sought_once_a_minute),
        claim(a_certificate_out_of_date_is_told_as_a_matter_of_the_clock),
        claim(a_clock_that_was_set_meanwhile_is_tried_within_seconds),
        claim(a_clock_that_was_set_during_the_attempt_is_tried_at_once),
        claim(a_clock_that_is_set_shortens_no_pause_the_service_asked_for),
        claim(a_certificate_for_another_name_is_no_matter_of_the_clock),
        claim(once_the_hub_was_reached_the_next_doubt_is_told_again),
        claim(a_time_host_is_asked_in_plain_http_and_its_date_is_offered),
        claim(pieces_of_one_byte_do_as_well),
        claim(a_wrong_clock_is_set_right_and_the_hub_tried_at_once),
        claim(a_date_that_agrees_with_the_clock_is_not_offered),
        claim(a_refused_token_and_a_clock_that_is_days_off_are_told_as_that),
        claim(without_offer_time_the_host_is_never_asked),
        claim(hostile_and_broken_answers_are_not_offered),
        claim(a_host_that_cannot_be_reached_costs_ten_seconds_and_no_connection),
        claim(a_link_that_will_not_open_is_no_trouble),
        claim(an_offer_that_is_not_taken_changes_nothing),
        claim(no_network_no_question),
        claim(close_ends_the_question),
        claim(destroy_lets_go_of_the_link),
        claim(a_time_host_that_is_no_host_name_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
