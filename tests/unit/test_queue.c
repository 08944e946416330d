/* The outgoing queue in RAM: order per lane, policies, ages, groups, and never beyond the memory given. */
#include "support/queue_fixture.h"

static const struct shape usual = {
    .messages = 8, .reports = 4, .telemetry_bytes = 256, .report_bytes = 256, .most = 100};

static void start(struct queue_fixture *f, const struct shape *s)
{
    assert_ok(queue_fixture_init(f, s));
}

static const char *text_of(size_t len)
{
    static char text[4096];
    memset(text, 'x', len);
    text[len] = '\0';
    return text;
}

/* --- content and order --- */

static void head_body_and_what_came_with_them_come_back(void **state)
{
    (void)state;
    struct queue_fixture f;
    struct queue_item item;
    start(&f, &usual);
    struct queue_text t = {"bag", "{\"a\":1}", 0};
    const struct queue_message m = {.lane = QUEUE_HIGH, .id = 7, .ttl_s = 5, .created_ms = 123456, .joins = true};
    assert_ok(queue_add(&f.q, f.now, &m, queue_write_text, &t));
    f.now += 30;
    assert_ok(queue_next(&f.q, f.now, &everything, &item));
    assert_str(item.head, "bag");
    assert_str(item.body, "{\"a\":1}");
    assert_int_equal(item.id, 7);
    assert_int_equal(item.lane, QUEUE_HIGH);
    assert_int_equal(item.created_ms, 123456);
    assert_int_equal(item.waited_ms, 30);
    assert_int_equal(item.ends_ms, f.now - 30 + 5000);
    assert_true(item.joins);
    assert_false(item.sent_before || item.recovered);
    queue_fixture_fini(&f);
}

static void each_message_has_a_seq_of_its_own_that_grows(void **state)
{
    (void)state;
    struct queue_fixture f;
    struct queue_item item;
    start(&f, &usual);
    for (uint32_t i = 1; i <= 3; i++) {
        assert_ok(add_to(&f, QUEUE_NORMAL, i, "x"));
        assert_ok(queue_next(&f.q, f.now, &everything, &item));
        assert_int_equal(item.seq, i);
        done(&f, send_next(&f, 1));
    }
    queue_fixture_fini(&f);
}

static void a_lane_keeps_its_order_and_higher_lanes_go_first(void **state)
{
    (void)state;
    struct queue_fixture f;
    static const char *const expected[] = {"high 1", "high 2", "normal 1", "normal 2", "low 1"};
    start(&f, &usual);
    assert_ok(add_to(&f, QUEUE_LOW, 1, "low 1"));
    assert_ok(add_to(&f, QUEUE_NORMAL, 2, "normal 1"));
    assert_ok(add_to(&f, QUEUE_HIGH, 3, "high 1"));
    assert_ok(add_to(&f, QUEUE_NORMAL, 4, "normal 2"));
    assert_ok(add_to(&f, QUEUE_HIGH, 5, "high 2"));
    for (size_t i = 0; i < 5; i++) {
        assert_str(next_body(&f), expected[i]);
        send_next(&f, 1);
    }
    assert_str(next_body(&f), "");
    assert_int_equal(queue_count(&f.q), 5);
    assert_int_equal(queue_unsent(&f.q), 0);
    queue_fixture_fini(&f);
}

static void lanes_below_the_lowest_asked_for_wait(void **state)
{
    (void)state;
    struct queue_fixture f;
    struct queue_item item;
    const struct queue_filter no_low = {.lowest = QUEUE_NORMAL};
    start(&f, &usual);
    assert_ok(add_to(&f, QUEUE_LOW, 1, "low"));
    assert_int_equal(queue_next(&f.q, f.now, &no_low, &item), SPOKE_E_AGAIN);
    assert_ok(add_to(&f, QUEUE_NORMAL, 2, "normal"));
    assert_ok(queue_next(&f.q, f.now, &no_low, &item));
    assert_str(item.body, "normal");
    queue_fixture_fini(&f);
}

static void the_past_may_wait_while_a_younger_message_of_another_lane_goes(void **state)
{
    (void)state;
    struct queue_fixture f;
    struct queue_item item;
    start(&f, &usual);
    assert_ok(add_to(&f, QUEUE_NORMAL, 1, "old"));
    f.now += 100;
    const struct queue_filter live = {.lowest = QUEUE_LOW, .waits_before_ms = f.now};
    assert_ok(add_to(&f, QUEUE_NORMAL, 2, "young, behind the old one"));
    assert_int_equal(queue_next(&f.q, f.now, &live, &item), SPOKE_E_AGAIN);
    assert_ok(add_to(&f, QUEUE_LOW, 3, "live"));
    assert_ok(queue_next(&f.q, f.now, &live, &item));
    assert_str(item.body, "live");
    queue_fixture_fini(&f);
}

/* --- acknowledgement --- */

static void an_acknowledgement_ends_a_message_once(void **state)
{
    (void)state;
    struct queue_fixture f;
    uint32_t id, rest;
    start(&f, &usual);
    assert_ok(add_to(&f, QUEUE_NORMAL, 9, "x"));
    const uint32_t token = send_next(&f, 1);
    assert_int_equal(done(&f, token), 9);
    assert_int_equal(queue_done(&f.q, token, &id, &rest), SPOKE_E_NOT_FOUND);
    assert_int_equal(queue_count(&f.q), 0);
    assert_int_equal(f.q.counters.delivered, 1);
    queue_fixture_fini(&f);
}

static void a_message_that_waits_cannot_be_acknowledged(void **state)
{
    (void)state;
    struct queue_fixture f;
    struct queue_item item;
    uint32_t id, rest;
    start(&f, &usual);
    assert_ok(add_to(&f, QUEUE_NORMAL, 9, "x"));
    assert_ok(queue_next(&f.q, f.now, &everything, &item));
    assert_int_equal(queue_done(&f.q, item.token, &id, &rest), SPOKE_E_NOT_FOUND);
    assert_int_equal(queue_done(&f.q, QUEUE_NO_TOKEN, &id, &rest), SPOKE_E_NOT_FOUND);
    queue_fixture_fini(&f);
}

static void the_token_of_a_message_that_is_gone_does_not_name_the_next_in_its_slot(void **state)
{
    (void)state;
    struct queue_fixture f;
    uint32_t id, rest;
    start(&f, &usual);
    assert_ok(add_to(&f, QUEUE_NORMAL, 1, "first"));
    const uint32_t first = send_next(&f, 1);
    done(&f, first);
    assert_ok(add_to(&f, QUEUE_NORMAL, 2, "second"));
    const uint32_t second = send_next(&f, 1);
    assert_int_equal(first & UINT16_MAX, second & UINT16_MAX); /* the same slot */
    assert_int_equal(queue_done(&f.q, first, &id, &rest), SPOKE_E_NOT_FOUND);
    assert_int_equal(done(&f, second), 2);
    queue_fixture_fini(&f);
}

static void the_one_longest_in_flight_is_known_across_lanes(void **state)
{
    (void)state;
    struct queue_fixture f;
    start(&f, &usual);
    assert_int_equal(queue_oldest_sent(&f.q), QUEUE_NO_TOKEN);
    assert_ok(add_to(&f, QUEUE_LOW, 1, "low"));
    const uint32_t low = send_next(&f, 1);
    assert_ok(add_to(&f, QUEUE_HIGH, 2, "high"));
    const uint32_t high = send_next(&f, 2);
    assert_int_equal(queue_oldest_sent(&f.q), low);
    done(&f, low);
    assert_int_equal(queue_oldest_sent(&f.q), high);
    queue_fixture_fini(&f);
}

/* --- going back --- */

static void rewinding_sends_again_what_was_not_acknowledged_in_order(void **state)
{
    (void)state;
    struct queue_fixture f;
    struct queue_item item;
    start(&f, &usual);
    assert_ok(add_to(&f, QUEUE_NORMAL, 1, "one"));
    assert_ok(add_to(&f, QUEUE_NORMAL, 2, "two"));
    assert_ok(add_to(&f, QUEUE_NORMAL, 3, "three"));
    send_next(&f, 11);
    done(&f, send_next(&f, 12)); /* out of order: the oldest is still owed */
    queue_rewind(&f.q);
    assert_int_equal(queue_unsent(&f.q), 2);
    assert_ok(queue_next(&f.q, f.now, &everything, &item));
    assert_str(item.body, "one");
    assert_true(item.sent_before);
    assert_int_equal(item.packet_id, 11);
    send_next(&f, 11);
    assert_str(next_body(&f), "three");
    queue_rewind(&f.q);
    queue_forget_packet_ids(&f.q);
    assert_ok(queue_next(&f.q, f.now, &everything, &item));
    assert_int_equal(item.packet_id, 0);
    assert_true(item.sent_before);
    queue_fixture_fini(&f);
}

static void add_and_send(struct queue_fixture *f, enum queue_lane lane, const char *body, uint16_t packet_id)
{
    assert_ok(add_to(f, lane, packet_id, body));
    send_next(f, packet_id);
}

static void expect_next(struct queue_fixture *f, const char *body, uint16_t packet_id)
{
    struct queue_item item;
    assert_ok(queue_next(&f->q, f->now, &everything, &item));
    assert_str(item.body, body);
    assert_int_equal(item.packet_id, packet_id);
    queue_sent(&f->q, item.token, packet_id, 1);
}

static void repeats_leave_first_in_the_order_of_sending_whatever_their_lane(void **state)
{
    (void)state;
    struct queue_fixture f;
    start(&f, &usual);
    add_and_send(&f, QUEUE_LOW, "low", 1);
    add_and_send(&f, QUEUE_HIGH, "high", 2);
    add_and_send(&f, QUEUE_NORMAL, "normal", 3);
    add_and_send(&f, QUEUE_HIGH, "high too", 4);
    assert_ok(add_to(&f, QUEUE_HIGH, 5, "fresh"));
    queue_rewind(&f.q);
    expect_next(&f, "low", 1);
    expect_next(&f, "high", 2);
    expect_next(&f, "normal", 3);
    expect_next(&f, "high too", 4);
    expect_next(&f, "fresh", 0);
    queue_fixture_fini(&f);
}

static void a_repeat_keeps_its_place_however_often_it_is_repeated(void **state)
{
    (void)state;
    struct queue_fixture f;
    start(&f, &usual);
    add_and_send(&f, QUEUE_NORMAL, "normal", 1);
    add_and_send(&f, QUEUE_HIGH, "high", 2);
    for (int links = 0; links < 3; links++) { /* each ends behind the first repeat */
        queue_rewind(&f.q);
        expect_next(&f, "normal", 1);
        assert_int_equal(queue_oldest_sent(&f.q) & UINT16_MAX, 0); /* the normal one's slot */
    }
    expect_next(&f, "high", 2);
    assert_int_equal(queue_oldest_sent(&f.q) & UINT16_MAX, 0);
    queue_fixture_fini(&f);
}

static void what_may_hold_others_back_does_not_hold_back_repeats(void **state)
{
    (void)state;
    struct queue_fixture f;
    struct queue_item item;
    start(&f, &usual);
    add_and_send(&f, QUEUE_LOW, "repeat", 1);
    assert_ok(add_to(&f, QUEUE_NORMAL, 2, "past"));
    assert_ok(add_to(&f, QUEUE_LOW, 3, "low"));
    queue_rewind(&f.q);
    f.now += 100;
    const struct queue_filter live = {.lowest = QUEUE_NORMAL, .waits_before_ms = f.now};
    assert_ok(add_to(&f, QUEUE_HIGH, 4, "live"));
    assert_ok(queue_next(&f.q, f.now, &live, &item));
    assert_str(item.body, "repeat");
    assert_true(item.repeats);
    queue_sent(&f.q, item.token, 1, 1);
    assert_ok(queue_next(&f.q, f.now, &live, &item));
    assert_str(item.body, "live");
    assert_false(item.repeats);
    queue_sent(&f.q, item.token, 2, 1);
    assert_int_equal(queue_next(&f.q, f.now, &live, &item), SPOKE_E_AGAIN);
    queue_fixture_fini(&f);
}

static void without_the_session_the_lanes_count_again_and_then_the_new_order(void **state)
{
    (void)state;
    struct queue_fixture f;
    struct queue_item item;
    start(&f, &usual);
    add_and_send(&f, QUEUE_NORMAL, "normal", 1);
    add_and_send(&f, QUEUE_HIGH, "high", 2);
    queue_rewind(&f.q);
    queue_forget_packet_ids(&f.q);
    assert_ok(queue_next(&f.q, f.now, &everything, &item));
    assert_false(item.repeats);
    assert_true(item.sent_before);
    assert_str(item.body, "high");
    queue_sent(&f.q, item.token, 7, 1);
    expect_next(&f, "normal", 0);
    queue_rewind(&f.q);
    expect_next(&f, "high", 7);
    expect_next(&f, "normal", 0);
    queue_fixture_fini(&f);
}

static void a_repeat_whose_id_is_not_known_any_more_keeps_its_place(void **state)
{
    (void)state;
    struct queue_fixture f;
    struct queue_item item;
    start(&f, &usual);
    add_and_send(&f, QUEUE_NORMAL, "normal", 1);
    add_and_send(&f, QUEUE_NORMAL, "normal too", 2);
    add_and_send(&f, QUEUE_HIGH, "high", 3);
    queue_rewind(&f.q);
    assert_ok(queue_next(&f.q, f.now, &everything, &item));
    queue_forget_packet_id(&f.q, item.token);
    expect_next(&f, "normal", 0); /* before what was sent behind it */
    expect_next(&f, "normal too", 2);
    expect_next(&f, "high", 3);
    queue_fixture_fini(&f);
}

/* --- bounds --- */

static void a_queue_full_by_bytes_refuses_and_keeps_what_it_has(void **state)
{
    (void)state;
    struct queue_fixture f;
    start(&f,
          &(struct shape){.messages = 100, .reports = 1, .telemetry_bytes = 256, .report_bytes = 64, .most = 100});
    for (uint32_t i = 1; i <= 8; i++)
        assert_ok(add_to(&f, QUEUE_NORMAL, i, text_of(24))); /* 32 with what the ring adds: an exact fit */
    assert_int_equal(add_to(&f, QUEUE_NORMAL, 99, ""), SPOKE_E_FULL);
    assert_int_equal(f.q.counters.refused, 1);
    assert_int_equal(f.q.counters.accepted, 8);
    assert_int_equal(queue_bytes(&f.q), 8 * 24);
    for (uint32_t i = 1; i <= 8; i++)
        assert_int_equal(done(&f, send_next(&f, 1)), i);
    assert_int_equal(queue_bytes(&f.q), 0);
    queue_fixture_fini(&f);
}

static void a_queue_full_by_count_refuses_though_there_are_bytes_and_slots_for_reports(void **state)
{
    (void)state;
    struct queue_fixture f;
    start(&f, &usual);
    for (uint32_t i = 1; i <= 8; i++)
        assert_ok(add_to(&f, QUEUE_NORMAL, i, "x"));
    assert_int_equal(add_to(&f, QUEUE_HIGH, 9, "x"), SPOKE_E_FULL);
    assert_ok(add_to(&f, QUEUE_REPORTS, 0, "{}"));
    assert_int_equal(f.q.counters.high, 8);
    queue_fixture_fini(&f);
}

static void a_message_that_can_never_fit_is_told_from_a_full_queue(void **state)
{
    (void)state;
    struct queue_fixture f;
    start(&f,
          &(struct shape){.messages = 8, .reports = 1, .telemetry_bytes = 256, .report_bytes = 64, .most = 1000});
    assert_int_equal(add_to(&f, QUEUE_NORMAL, 1, text_of(249)), SPOKE_E_TOO_LARGE);
    assert_int_equal(f.q.counters.refused, 0);
    assert_ok(add_to(&f, QUEUE_NORMAL, 1, text_of(248))); /* exact fit */
    assert_int_equal(add_to(&f, QUEUE_NORMAL, 1, text_of(248)), SPOKE_E_FULL);
    queue_fixture_fini(&f);
}

static void a_limit_counts_head_and_body(void **state)
{
    (void)state;
    struct queue_fixture f;
    struct queue_text fits = {"abc", "def", 0}, too_large = {"abc", "defg", 0};
    const struct queue_message m = {.lane = QUEUE_NORMAL};
    start(&f, &usual);
    queue_limit(&f.q, false, 6);
    assert_ok(queue_add(&f.q, f.now, &m, queue_write_text, &fits));
    assert_int_equal(queue_add(&f.q, f.now, &m, queue_write_text, &too_large), SPOKE_E_TOO_LARGE);
    assert_int_equal(queue_count(&f.q), 1);
    queue_limit(&f.q, false, 100000); /* never more than the budget itself */
    assert_int_equal(f.q.most[0], 248);
    queue_fixture_fini(&f);
}

static void a_head_is_no_longer_than_its_count_can_say(void **state)
{
    (void)state;
    static char head[QUEUE_MOST_HEAD + 2];
    const struct shape s = {.messages = 1, .telemetry_bytes = 2 * QUEUE_MOST_HEAD, .most = 2 * QUEUE_MOST_HEAD};
    const struct queue_message m = {.lane = QUEUE_NORMAL};
    struct queue_text text = {head, "body", 0};
    struct queue_fixture f;
    struct queue_item item;
    start(&f, &s);
    memset(head, 'h', QUEUE_MOST_HEAD + 1);
    assert_int_equal(queue_add(&f.q, f.now, &m, queue_write_text, &text), SPOKE_E_TOO_LARGE);
    head[QUEUE_MOST_HEAD] = '\0';
    assert_ok(queue_add(&f.q, f.now, &m, queue_write_text, &text));
    assert_ok(queue_next(&f.q, f.now, &everything, &item));
    assert_int_equal(item.head.len, QUEUE_MOST_HEAD);
    assert_str(item.body, "body");
    queue_fixture_fini(&f);
}

static spoke_status refuse(void *ctx, spoke_buf *out, size_t *head_bytes)
{
    (void)ctx;
    (void)head_bytes;
    return spoke_buf_append(out, SPOKE_STR("half")) == SPOKE_OK ? SPOKE_E_ARG : SPOKE_E_STATE;
}

static void what_write_answers_is_the_answer_and_nothing_stays(void **state)
{
    (void)state;
    struct queue_fixture f;
    start(&f, &usual);
    const struct queue_message m = {.lane = QUEUE_NORMAL};
    assert_int_equal(queue_add(&f.q, f.now, &m, refuse, NULL), SPOKE_E_ARG);
    assert_int_equal(queue_count(&f.q), 0);
    assert_str(next_body(&f), "");
    queue_fixture_fini(&f);
}

static void sizes_that_do_not_agree_are_refused(void **state)
{
    (void)state;
    struct queue q;
    struct queue_options o = {.messages = QUEUE_MOST_MESSAGES + 1};
    assert_int_equal(queue_init(&q, &o, 0), SPOKE_E_ARG);
    o = (struct queue_options){.messages = 1, .telemetry_messages = 2};
    assert_int_equal(queue_init(&q, &o, 0), SPOKE_E_ARG);
    o = (struct queue_options){.memory_bytes = (size_t)INT32_MAX + 1};
    assert_int_equal(queue_init(&q, &o, 0), SPOKE_E_ARG);
    o = (struct queue_options){.telemetry_bytes = UINT32_MAX};
    assert_true(queue_memory_bytes(&o, 10) == SIZE_MAX);
}

static void a_queue_without_any_memory_holds_nothing(void **state)
{
    (void)state;
    struct queue_fixture f = {.now = 1};
    struct queue_options o = {.messages = 0};
    assert_ok(queue_init(&f.q, &o, 0));
    assert_int_equal(add_to(&f, QUEUE_NORMAL, 1, "x"), SPOKE_E_TOO_LARGE);
    assert_str(next_body(&f), "");
    assert_int_equal(queue_deadline(&f.q), UINT64_MAX);
}

/* --- the ring --- */

/* A message of the lowest lane stays at the front while others pass: what they leave is won back. */
static void room_between_the_living_is_won_back(void **state)
{
    (void)state;
    struct queue_fixture f;
    struct queue_item item;
    start(&f, &usual);
    assert_ok(add_to(&f, QUEUE_LOW, 1, "stays"));
    for (uint32_t i = 0; i < 1000; i++) {
        assert_ok(add_to(&f, QUEUE_HIGH, i + 2, text_of(i % 90)));
        const uint32_t token = send_next(&f, 1);
        assert_int_equal(done(&f, token), i + 2);
        queue_fixture_check(&f);
    }
    assert_ok(queue_next(&f.q, f.now, &everything, &item));
    assert_str(item.body, "stays");
    queue_fixture_fini(&f);
}

static void messages_stay_whole_and_in_order_when_a_wrapped_ring_is_moved_together(void **state)
{
    (void)state;
    struct queue_fixture f;
    uint32_t tokens[8];
    char body[4200];
    start(&f, &usual);
    for (int i = 0; i < 5; i++) { /* 256 bytes of budget in a ring of 576 */
        snprintf(body, sizeof body, "%d%s", i, text_of(30));
        assert_ok(add_to(&f, QUEUE_NORMAL, (uint32_t)i, body));
        tokens[i] = send_next(&f, 1);
    }
    for (int i = 0; i < 300; i++) {
        const int n = i % 5;
        assert_int_equal(done(&f, tokens[(n + 2) % 5]), (uint32_t)((n + 2) % 5)); /* out of order */
        snprintf(body, sizeof body, "%d%s", (n + 2) % 5, text_of((size_t)(30 + i % 3)));
        assert_ok(add_to(&f, QUEUE_NORMAL, (uint32_t)((n + 2) % 5), body));
        struct queue_item item;
        assert_ok(queue_next(&f.q, f.now, &everything, &item));
        assert_str(item.body, body);
        tokens[(n + 2) % 5] = send_next(&f, 1);
    }
    queue_fixture_fini(&f);
}

static void clearing_forgets_everything(void **state)
{
    (void)state;
    struct queue_fixture f;
    start(&f, &usual);
    assert_ok(add_text(&f, (struct queue_message){.lane = QUEUE_HIGH, .ttl_s = 1}, "x"));
    assert_ok(add_to(&f, QUEUE_REPORTS, 0, "{}"));
    queue_clear(&f.q);
    assert_int_equal(queue_count(&f.q) + queue_reports(&f.q) + queue_unsent(&f.q), 0);
    assert_int_equal(queue_bytes(&f.q), 0);
    assert_int_equal(queue_deadline(&f.q), UINT64_MAX);
    assert_ok(add_to(&f, QUEUE_HIGH, 1, "y"));
    assert_str(next_body(&f), "y");
    queue_fixture_fini(&f);
}

/* --- policies --- */

static struct shape dropping(enum queue_policy policy)
{
    return (struct shape){
        .messages = 4, .reports = 1, .telemetry_bytes = 256, .report_bytes = 64, .most = 200, .policy = policy};
}

static void start_dropping(struct queue_fixture *f, enum queue_policy policy)
{
    const struct shape s = dropping(policy);
    start(f, &s);
}

static void drop_oldest_takes_the_oldest_of_all_lanes(void **state)
{
    (void)state;
    struct queue_fixture f;
    start_dropping(&f, QUEUE_DROP_OLDEST);
    assert_ok(add_to(&f, QUEUE_HIGH, 1, "h"));
    assert_ok(add_to(&f, QUEUE_LOW, 2, "l"));
    assert_ok(add_to(&f, QUEUE_NORMAL, 3, "n"));
    assert_ok(add_to(&f, QUEUE_NORMAL, 4, "n"));
    assert_ok(add_to(&f, QUEUE_LOW, 5, "new"));
    expect_drop(&f, 1, QUEUE_OLDEST);
    assert_ok(add_to(&f, QUEUE_LOW, 6, "new"));
    expect_drop(&f, 2, QUEUE_OLDEST);
    expect_no_drop(&f);
    assert_int_equal(f.q.counters.dropped[QUEUE_OLDEST], 2);
    assert_int_equal(f.q.counters.accepted, 6);
    assert_int_equal(queue_count(&f.q), 4);
    queue_fixture_fini(&f);
}

static void drop_newest_accepts_and_drops_the_one_being_sent(void **state)
{
    (void)state;
    struct queue_fixture f;
    start_dropping(&f, QUEUE_DROP_NEWEST);
    for (uint32_t i = 1; i <= 4; i++)
        assert_ok(add_to(&f, QUEUE_LOW, i, "x"));
    assert_ok(add_to(&f, QUEUE_HIGH, 5, "too late"));
    expect_drop(&f, 5, QUEUE_NEWEST);
    assert_int_equal(f.q.counters.accepted, 5);
    assert_int_equal(queue_count(&f.q), 4);
    assert_int_equal(f.q.counters.refused, 0);
    queue_fixture_fini(&f);
}

static void drop_lowest_takes_the_oldest_of_the_lowest_lane(void **state)
{
    (void)state;
    struct queue_fixture f;
    start_dropping(&f, QUEUE_DROP_LOWEST);
    assert_ok(add_to(&f, QUEUE_NORMAL, 1, "n"));
    assert_ok(add_to(&f, QUEUE_LOW, 2, "l"));
    assert_ok(add_to(&f, QUEUE_LOW, 3, "l"));
    assert_ok(add_to(&f, QUEUE_HIGH, 4, "h"));
    assert_ok(add_to(&f, QUEUE_LOW, 5, "new"));
    expect_drop(&f, 2, QUEUE_LOWEST);
    assert_ok(add_to(&f, QUEUE_HIGH, 6, "new"));
    expect_drop(&f, 3, QUEUE_LOWEST);
    queue_fixture_fini(&f);
}

static void drop_lowest_refuses_what_is_below_everything_queued(void **state)
{
    (void)state;
    struct queue_fixture f;
    start_dropping(&f, QUEUE_DROP_LOWEST);
    for (uint32_t i = 1; i <= 4; i++)
        assert_ok(add_to(&f, QUEUE_NORMAL, i, "x"));
    assert_int_equal(add_to(&f, QUEUE_LOW, 5, "x"), SPOKE_E_FULL);
    expect_no_drop(&f);
    assert_ok(add_to(&f, QUEUE_NORMAL, 6, "as high as the lowest"));
    expect_drop(&f, 1, QUEUE_LOWEST);
    queue_fixture_fini(&f);
}

static void nothing_is_dropped_in_vain(void **state)
{
    (void)state;
    struct queue_fixture f;
    start_dropping(&f, QUEUE_DROP_LOWEST);
    assert_ok(add_to(&f, QUEUE_HIGH, 1, text_of(180)));
    assert_ok(add_to(&f, QUEUE_LOW, 2, text_of(24)));
    assert_int_equal(add_to(&f, QUEUE_LOW, 3, text_of(100)), SPOKE_E_FULL); /* dropping 2 would not do */
    assert_int_equal(queue_count(&f.q), 2);
    queue_fixture_fini(&f);
}

static void a_large_message_may_cost_several_small_ones(void **state)
{
    (void)state;
    struct queue_fixture f;
    start_dropping(&f, QUEUE_DROP_OLDEST);
    for (uint32_t i = 1; i <= 4; i++)
        assert_ok(add_to(&f, QUEUE_NORMAL, i, text_of(50)));
    assert_ok(add_to(&f, QUEUE_NORMAL, 5, text_of(100)));
    expect_drop(&f, 1, QUEUE_OLDEST);
    expect_drop(&f, 2, QUEUE_OLDEST);
    expect_no_drop(&f);
    queue_fixture_fini(&f);
}

static void a_message_that_can_never_fit_drops_none(void **state)
{
    (void)state;
    struct queue_fixture f;
    start_dropping(&f, QUEUE_DROP_OLDEST);
    for (uint32_t i = 1; i <= 4; i++)
        assert_ok(add_to(&f, QUEUE_NORMAL, i, text_of(50)));
    assert_int_equal(add_to(&f, QUEUE_NORMAL, 5, text_of(201)), SPOKE_E_TOO_LARGE);
    assert_int_equal(queue_count(&f.q), 4);
    queue_fixture_fini(&f);
}

static void what_was_sent_once_is_never_dropped_by_policy(void **state)
{
    (void)state;
    struct queue_fixture f;
    start_dropping(&f, QUEUE_DROP_OLDEST);
    for (uint32_t i = 1; i <= 4; i++)
        assert_ok(add_to(&f, QUEUE_NORMAL, i, "x"));
    for (uint32_t i = 1; i <= 3; i++)
        send_next(&f, 1);
    assert_ok(add_to(&f, QUEUE_NORMAL, 5, "x"));
    expect_drop(&f, 4, QUEUE_OLDEST);
    queue_rewind(&f.q); /* they may have reached the hub all the same */
    assert_ok(add_to(&f, QUEUE_NORMAL, 6, "x"));
    expect_drop(&f, 5, QUEUE_OLDEST);
    send_next(&f, 1);
    send_next(&f, 1);
    send_next(&f, 1);
    send_next(&f, 1);
    assert_int_equal(add_to(&f, QUEUE_NORMAL, 7, "x"), SPOKE_E_FULL);
    queue_fixture_fini(&f);
}

static void no_outcome_is_lost_when_nobody_takes_them(void **state)
{
    (void)state;
    struct queue_fixture f;
    start_dropping(&f, QUEUE_DROP_OLDEST);
    for (uint32_t i = 1; i <= 4 + QUEUE_DROPS; i++)
        assert_ok(add_to(&f, QUEUE_NORMAL, i, "x"));
    assert_int_equal(add_to(&f, QUEUE_NORMAL, 99, "x"), SPOKE_E_FULL);
    expect_drop(&f, 1, QUEUE_OLDEST);
    assert_ok(add_to(&f, QUEUE_NORMAL, 5 + QUEUE_DROPS, "x"));
    for (uint32_t i = 2; i <= 1 + QUEUE_DROPS; i++)
        expect_drop(&f, i, QUEUE_OLDEST);
    expect_no_drop(&f);
    queue_fixture_fini(&f);
}

static void drop_newest_refuses_too_when_its_outcome_could_not_be_told(void **state)
{
    (void)state;
    struct queue_fixture f;
    start_dropping(&f, QUEUE_DROP_NEWEST);
    for (uint32_t i = 1; i <= 4 + QUEUE_DROPS; i++)
        assert_ok(add_to(&f, QUEUE_NORMAL, i, "x"));
    assert_int_equal(add_to(&f, QUEUE_NORMAL, 99, "x"), SPOKE_E_FULL);
    assert_ok(add_to(&f, QUEUE_NORMAL, 0, "nobody waits for its outcome"));
    queue_fixture_fini(&f);
}

static void reports_are_refused_and_never_dropped(void **state)
{
    (void)state;
    struct queue_fixture f;
    start_dropping(&f, QUEUE_DROP_OLDEST);
    assert_ok(add_to(&f, QUEUE_REPORTS, 0, "{}"));
    assert_int_equal(add_to(&f, QUEUE_REPORTS, 0, "{}"), SPOKE_E_FULL);
    for (uint32_t i = 1; i <= 20; i++) {
        uint32_t id;
        enum queue_reason why;
        assert_ok(add_to(&f, QUEUE_NORMAL, i, "x"));
        (void)queue_next_dropped(&f.q, &id, &why);
    }
    assert_int_equal(queue_reports(&f.q), 1);
    queue_fixture_fini(&f);
}

static void a_message_given_up_is_counted_and_told(void **state)
{
    (void)state;
    struct queue_fixture f;
    struct queue_item item;
    start(&f, &usual);
    assert_ok(add_to(&f, QUEUE_NORMAL, 5, "x"));
    assert_ok(queue_next(&f.q, f.now, &everything, &item));
    assert_ok(queue_drop(&f.q, item.token, QUEUE_TOO_LARGE));
    assert_ok(queue_drop(&f.q, item.token, QUEUE_TOO_LARGE)); /* it is gone already */
    expect_drop(&f, 5, QUEUE_TOO_LARGE);
    expect_no_drop(&f);
    assert_int_equal(f.q.counters.dropped[QUEUE_TOO_LARGE], 1);
    assert_int_equal(queue_count(&f.q), 0);
    queue_fixture_fini(&f);
}

/* --- ages --- */

static void add_for(struct queue_fixture *f, uint32_t id, uint32_t ttl_s)
{
    assert_ok(add_text(f, (struct queue_message){.lane = QUEUE_NORMAL, .id = id, .ttl_s = ttl_s}, "x"));
}

static void a_message_ends_at_its_time_and_not_before(void **state)
{
    (void)state;
    struct queue_fixture f;
    start(&f, &usual);
    add_for(&f, 1, 10);
    assert_int_equal(queue_deadline(&f.q), f.now + 10000);
    f.now += 9999;
    queue_age(&f.q, f.now);
    assert_int_equal(queue_count(&f.q), 1);
    assert_int_equal(queue_age_ms(&f.q, f.now), 9999);
    f.now += 1;
    queue_age(&f.q, f.now);
    expect_drop(&f, 1, QUEUE_EXPIRED);
    assert_int_equal(queue_deadline(&f.q), UINT64_MAX);
    assert_int_equal(queue_age_ms(&f.q, f.now), 0);
    queue_fixture_fini(&f);
}

static void messages_of_different_lives_end_in_the_order_of_their_ends(void **state)
{
    (void)state;
    static const uint32_t lives[] = {50, 10, 70, 20, 60, 30, 40};
    struct queue_fixture f;
    start(&f, &usual);
    for (uint32_t i = 0; i < 7; i++)
        add_for(&f, lives[i], lives[i]);
    add_for(&f, 1, 0);
    for (uint32_t i = 1; i <= 7; i++) {
        assert_int_equal(queue_deadline(&f.q), 1000 + i * 10000);
        queue_age(&f.q, 1000 + i * 10000);
        expect_drop(&f, i * 10, QUEUE_EXPIRED);
        expect_no_drop(&f);
    }
    assert_int_equal(queue_count(&f.q), 1); /* for ever */
    queue_fixture_fini(&f);
}

static void the_next_to_send_is_never_one_that_ended(void **state)
{
    (void)state;
    struct queue_fixture f;
    start(&f, &usual);
    add_for(&f, 1, 1);
    assert_ok(add_to(&f, QUEUE_NORMAL, 2, "lives"));
    f.now += 1000;
    assert_str(next_body(&f), "lives");
    expect_drop(&f, 1, QUEUE_EXPIRED);
    queue_fixture_fini(&f);
}

static void a_message_in_flight_does_not_end_by_age_but_one_that_waits_again_does(void **state)
{
    (void)state;
    struct queue_fixture f;
    start(&f, &usual);
    add_for(&f, 1, 1);
    send_next(&f, 1);
    f.now += 5000;
    queue_age(&f.q, f.now);
    assert_int_equal(queue_count(&f.q), 1);
    assert_int_equal(queue_deadline(&f.q), UINT64_MAX);
    queue_rewind(&f.q);
    assert_str(next_body(&f), "");
    expect_drop(&f, 1, QUEUE_EXPIRED);
    queue_fixture_fini(&f);
}

static void what_ended_makes_room_before_anything_is_refused_or_dropped(void **state)
{
    (void)state;
    struct queue_fixture f;
    start_dropping(&f, QUEUE_DROP_OLDEST);
    assert_ok(add_to(&f, QUEUE_NORMAL, 1, "for ever"));
    for (uint32_t i = 2; i <= 4; i++)
        add_for(&f, i, 1);
    f.now += 1000;
    assert_ok(add_to(&f, QUEUE_NORMAL, 5, "x"));
    assert_int_equal(f.q.counters.dropped[QUEUE_OLDEST], 0);
    assert_int_equal(f.q.counters.dropped[QUEUE_EXPIRED], 3);
    queue_fixture_fini(&f);
}

static void no_message_ends_by_age_while_its_outcome_could_not_be_told(void **state)
{
    (void)state;
    struct queue_fixture f;
    start(&f,
          &(struct shape){.messages = 40, .reports = 1, .telemetry_bytes = 4096, .report_bytes = 64, .most = 100});
    for (uint32_t i = 1; i <= QUEUE_DROPS + 1; i++)
        add_for(&f, i, 1);
    f.now += 1000;
    queue_age(&f.q, f.now);
    assert_int_equal(queue_count(&f.q), 1);
    expect_drop(&f, 1, QUEUE_EXPIRED);
    queue_age(&f.q, f.now);
    assert_int_equal(queue_count(&f.q), 0);
    queue_fixture_fini(&f);
}

/* --- groups --- */

/* Sends the first three as one; the token of the group. */
static uint32_t send_three(struct queue_fixture *f)
{
    struct queue_item item;
    for (uint32_t i = 1; i <= 3; i++)
        assert_ok(add_to(f, QUEUE_NORMAL, i, "x"));
    assert_ok(queue_next(&f->q, f->now, &everything, &item));
    queue_sent(&f->q, item.token, 5, 3);
    return item.token;
}

static void one_acknowledgement_ends_a_group_in_order(void **state)
{
    (void)state;
    struct queue_fixture f;
    uint32_t id, rest;
    start(&f, &usual);
    uint32_t token = send_three(&f);
    for (uint32_t i = 1; i <= 3; i++) {
        assert_ok(queue_done(&f.q, token, &id, &rest));
        assert_int_equal(id, i);
        token = rest;
    }
    assert_int_equal(rest, QUEUE_NO_TOKEN);
    assert_int_equal(f.q.counters.delivered, 3);
    queue_fixture_fini(&f);
}

static void a_group_is_the_same_group_when_it_is_sent_again(void **state)
{
    (void)state;
    struct queue_fixture f;
    struct queue_item item, second;
    start(&f, &usual);
    const uint32_t token = send_three(&f);
    queue_rewind(&f.q);
    assert_ok(queue_next(&f.q, f.now, &everything, &item));
    assert_int_equal(item.token, token);
    assert_int_equal(item.members, 3);
    assert_int_equal(item.packet_id, 5);
    assert_ok(queue_after(&f.q, f.now, token, &second));
    assert_int_equal(second.id, 2);
    queue_fixture_fini(&f);
}

static void a_member_of_a_group_is_not_acknowledged_alone(void **state)
{
    (void)state;
    struct queue_fixture f;
    struct queue_item second;
    uint32_t id, rest;
    start(&f, &usual);
    for (uint32_t i = 1; i <= 2; i++)
        assert_ok(add_to(&f, QUEUE_NORMAL, i, "x"));
    struct queue_item first;
    assert_ok(queue_next(&f.q, f.now, &everything, &first));
    assert_ok(queue_after(&f.q, f.now, first.token, &second));
    queue_sent(&f.q, first.token, 1, 2);
    assert_int_equal(queue_done(&f.q, second.token, &id, &rest), SPOKE_E_NOT_FOUND);
    queue_fixture_fini(&f);
}

static void nothing_follows_the_last_one_or_one_in_flight(void **state)
{
    (void)state;
    struct queue_fixture f;
    struct queue_item item;
    start(&f, &usual);
    assert_int_equal(queue_after(&f.q, f.now, QUEUE_NO_TOKEN, &item), SPOKE_E_AGAIN);
    assert_ok(add_to(&f, QUEUE_NORMAL, 1, "x"));
    const uint32_t first = send_next(&f, 1);
    assert_int_equal(queue_after(&f.q, f.now, first, &item), SPOKE_E_AGAIN);
    assert_ok(add_to(&f, QUEUE_NORMAL, 2, "y"));
    assert_ok(queue_after(&f.q, f.now, first, &item));
    send_next(&f, 2);
    assert_int_equal(queue_after(&f.q, f.now, first, &item), SPOKE_E_AGAIN);
    queue_fixture_fini(&f);
}

static void a_group_taken_apart_is_sent_one_by_one(void **state)
{
    (void)state;
    struct queue_fixture f;
    struct queue_item item;
    start(&f, &usual);
    const uint32_t token = send_three(&f);
    queue_rewind(&f.q);
    queue_ungroup(&f.q, token);
    for (uint32_t i = 1; i <= 3; i++) {
        assert_ok(queue_next(&f.q, f.now, &everything, &item));
        assert_int_equal(item.members, 1);
        assert_int_equal(item.packet_id, 0); /* under the group's it would be another message */
        assert_int_equal(done(&f, send_next(&f, 1)), i);
    }
    queue_ungroup(&f.q, token); /* it is gone */
    queue_fixture_fini(&f);
}

static void what_is_left_of_a_group_keeps_its_place_among_the_repeats(void **state)
{
    (void)state;
    struct queue_fixture f;
    start(&f, &usual);
    const uint32_t leader = send_three(&f);
    add_and_send(&f, QUEUE_NORMAL, "normal", 6);
    add_and_send(&f, QUEUE_HIGH, "high", 7);
    queue_rewind(&f.q);
    assert_ok(queue_drop(&f.q, leader, QUEUE_EXPIRED));
    expect_next(&f, "x", 0);
    expect_next(&f, "x", 0);
    expect_next(&f, "normal", 6);
    expect_next(&f, "high", 7);
    queue_fixture_fini(&f);
}

static void a_group_ends_by_age_with_its_leader(void **state)
{
    (void)state;
    struct queue_fixture f;
    struct queue_item item;
    start(&f, &usual);
    for (uint32_t i = 1; i <= 3; i++)
        add_for(&f, i, 1);
    assert_ok(queue_next(&f.q, f.now, &everything, &item));
    queue_sent(&f.q, item.token, 1, 3);
    queue_rewind(&f.q);
    f.now += 1000;
    queue_age(&f.q, f.now);
    for (uint32_t i = 1; i <= 3; i++)
        expect_drop(&f, i, QUEUE_EXPIRED);
    assert_int_equal(queue_count(&f.q), 0);
    queue_fixture_fini(&f);
}

/* --- reports --- */

/* A stand-in: composes what begins alike. */
static spoke_status join_alike(spoke_str older, spoke_str newer, spoke_buf *out)
{
    if (older.ptr[0] != newer.ptr[0])
        return SPOKE_E_UNSUPPORTED;
    const spoke_status status = spoke_buf_append(out, older);
    return status == SPOKE_OK ? spoke_buf_append(out, newer) : status;
}

static struct shape reporting(void)
{
    return (struct shape){.messages = 2,
                          .reports = 2,
                          .telemetry_bytes = 64,
                          .report_bytes = 128,
                          .most = 60,
                          .compose = join_alike};
}

static void start_reporting(struct queue_fixture *f)
{
    const struct shape s = reporting();
    start(f, &s);
}

static spoke_str next_report(struct queue_fixture *f)
{
    struct queue_item item;
    return queue_next_report(&f->q, f->now, &item) == SPOKE_OK ? item.body : spoke_str_from("", 0);
}

static uint32_t send_report(struct queue_fixture *f)
{
    struct queue_item item;
    assert_ok(queue_next_report(&f->q, f->now, &item));
    queue_sent(&f->q, item.token, 0, 1);
    return item.token;
}

static void a_report_joins_the_last_one_that_waits(void **state)
{
    (void)state;
    struct queue_fixture f;
    start_reporting(&f);
    assert_ok(add_to(&f, QUEUE_REPORTS, 0, "a1"));
    assert_ok(add_to(&f, QUEUE_REPORTS, 0, "a2"));
    assert_ok(add_to(&f, QUEUE_REPORTS, 0, "a3"));
    assert_int_equal(queue_reports(&f.q), 1);
    assert_int_equal(f.q.counters.coalesced, 2);
    assert_str(next_report(&f), "a1a2a3");
    queue_fixture_fini(&f);
}

static void reports_that_no_one_patch_can_say_stay_two_in_order(void **state)
{
    (void)state;
    struct queue_fixture f;
    start_reporting(&f);
    assert_ok(add_to(&f, QUEUE_REPORTS, 0, "a1"));
    assert_ok(add_to(&f, QUEUE_REPORTS, 0, "b1"));
    assert_ok(add_to(&f, QUEUE_REPORTS, 0, "b2"));
    assert_int_equal(queue_reports(&f.q), 2);
    assert_str(next_report(&f), "a1");
    done(&f, send_report(&f));
    assert_str(next_report(&f), "b1b2");
    queue_fixture_fini(&f);
}

static void a_report_in_flight_is_left_alone_and_nothing_overtakes_it(void **state)
{
    (void)state;
    struct queue_fixture f;
    start_reporting(&f);
    assert_ok(add_to(&f, QUEUE_REPORTS, 0, "a1"));
    const uint32_t token = send_report(&f);
    assert_int_equal(queue_report_sent(&f.q), token);
    assert_ok(add_to(&f, QUEUE_REPORTS, 0, "a2"));
    assert_str(next_report(&f), "");
    queue_rewind_report(&f.q);
    assert_int_equal(queue_report_sent(&f.q), QUEUE_NO_TOKEN);
    assert_str(next_report(&f), "a1");
    done(&f, send_report(&f));
    assert_str(next_report(&f), "a2");
    assert_int_equal(f.q.counters.delivered, 0); /* which counts telemetry */
    queue_fixture_fini(&f);
}

static void a_full_lane_of_reports_still_takes_what_can_join(void **state)
{
    (void)state;
    struct queue_fixture f;
    start_reporting(&f);
    assert_ok(add_to(&f, QUEUE_REPORTS, 0, "a1"));
    assert_ok(add_to(&f, QUEUE_REPORTS, 0, "b1"));
    assert_int_equal(add_to(&f, QUEUE_REPORTS, 0, "c1"), SPOKE_E_FULL);
    assert_ok(add_to(&f, QUEUE_REPORTS, 0, "b2"));
    assert_int_equal(queue_reports(&f.q), 2);
    queue_fixture_fini(&f);
}

static void a_joined_report_stays_within_one_message_and_the_budget(void **state)
{
    (void)state;
    struct queue_fixture f;
    start_reporting(&f);
    char body[60] = "a";
    memset(body + 1, 'x', 40);
    assert_ok(add_to(&f, QUEUE_REPORTS, 0, body));
    assert_ok(add_to(&f, QUEUE_REPORTS, 0, body)); /* 82 would be beyond `most` */
    assert_int_equal(queue_reports(&f.q), 2);
    assert_int_equal(add_to(&f, QUEUE_REPORTS, 0, body), SPOKE_E_FULL);
    assert_str(next_report(&f), body);
    queue_fixture_fini(&f);
}

#define claim(test) cmocka_unit_test(test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        claim(head_body_and_what_came_with_them_come_back),
        claim(each_message_has_a_seq_of_its_own_that_grows),
        claim(a_lane_keeps_its_order_and_higher_lanes_go_first),
        claim(lanes_below_the_lowest_asked_for_wait),
        claim(the_past_may_wait_while_a_younger_message_of_another_lane_goes),
        claim(an_acknowledgement_ends_a_message_once),
        claim(a_message_that_waits_cannot_be_acknowledged),
        claim(the_token_of_a_message_that_is_gone_does_not_name_the_next_in_its_slot),
        claim(the_one_longest_in_flight_is_known_across_lanes),
        claim(rewinding_sends_again_what_was_not_acknowledged_in_order),
        claim(repeats_leave_first_in_the_order_of_sending_whatever_their_lane),
        claim(a_repeat_keeps_its_place_however_often_it_is_repeated),
        claim(what_may_hold_others_back_does_not_hold_back_repeats),
        claim(without_the_session_the_lanes_count_again_and_then_the_new_order),
        claim(a_repeat_whose_id_is_not_known_any_more_keeps_its_place),
        claim(a_queue_full_by_bytes_refuses_and_keeps_what_it_has),
        claim(a_queue_full_by_count_refuses_though_there_are_bytes_and_slots_for_reports),
        claim(a_message_that_can_never_fit_is_told_from_a_full_queue),
        claim(a_limit_counts_head_and_body),
        claim(a_head_is_no_longer_than_its_count_can_say),
        claim(what_write_answers_is_the_answer_and_nothing_stays),
        claim(sizes_that_do_not_agree_are_refused),
        claim(a_queue_without_any_memory_holds_nothing),
        claim(room_between_the_living_is_won_back),
        claim(messages_stay_whole_and_in_order_when_a_wrapped_ring_is_moved_together),
        claim(clearing_forgets_everything),
        claim(drop_oldest_takes_the_oldest_of_all_lanes),
        claim(drop_newest_accepts_and_drops_the_one_being_sent),
        claim(drop_lowest_takes_the_oldest_of_the_lowest_lane),
        claim(drop_lowest_refuses_what_is_below_everything_queued),
        claim(nothing_is_dropped_in_vain),
        claim(a_large_message_may_cost_several_small_ones),
        claim(a_message_that_can_never_fit_drops_none),
        claim(what_was_sent_once_is_never_dropped_by_policy),
        claim(no_outcome_is_lost_when_nobody_takes_them),
        claim(drop_newest_refuses_too_when_its_outcome_could_not_be_told),
        claim(reports_are_refused_and_never_dropped),
        claim(a_message_given_up_is_counted_and_told),
        claim(a_message_ends_at_its_time_and_not_before),
        claim(messages_of_different_lives_end_in_the_order_of_their_ends),
        claim(the_next_to_send_is_never_one_that_ended),
        claim(a_message_in_flight_does_not_end_by_age_but_one_that_waits_again_does),
        claim(what_ended_makes_room_before_anything_is_refused_or_dropped),
        claim(no_message_ends_by_age_while_its_outcome_could_not_be_told),
        claim(one_acknowledgement_ends_a_group_in_order),
        claim(a_group_is_the_same_group_when_it_is_sent_again),
        claim(a_member_of_a_group_is_not_acknowledged_alone),
        claim(nothing_follows_the_last_one_or_one_in_flight),
        claim(a_group_taken_apart_is_sent_one_by_one),
        claim(what_is_left_of_a_group_keeps_its_place_among_the_repeats),
        claim(a_group_ends_by_age_with_its_leader),
        claim(a_report_joins_the_last_one_that_waits),
        claim(reports_that_no_one_patch_can_say_stay_two_in_order),
        claim(a_report_in_flight_is_left_alone_and_nothing_overtakes_it),
        claim(a_full_lane_of_reports_still_takes_what_can_join),
        claim(a_joined_report_stays_within_one_message_and_the_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
