/* The queue over a storage that fails or holds what it should not, and over an index smaller than what is stored. */
#include "support/queue_fixture.h"

enum { BLOCK = 2048, BLOCKS = 8 };

static uint8_t medium[BLOCK * BLOCKS];
static spoke_ram_storage ram;
static spoke_storage flawed;
static bool programs_fail;

static spoke_status program_or_not(void *ctx, uint32_t block, uint32_t offset, const void *bytes, size_t len)
{
    return programs_fail ? SPOKE_E_PORT : ram.storage.program(ctx, block, offset, bytes, len);
}

static unsigned reads_left; /* until one fails */

static spoke_status read_or_not(void *ctx, uint32_t block, uint32_t offset, void *out, size_t len)
{
    return --reads_left == 0 ? SPOKE_E_PORT : ram.storage.read(ctx, block, offset, out, len);
}

static spoke_status joined(spoke_str older, spoke_str newer, spoke_buf *out)
{
    const spoke_status status = spoke_buf_append(out, older);
    return status == SPOKE_OK ? spoke_buf_append(out, newer) : status;
}

static struct shape shape_of(size_t messages)
{
    return (struct shape){.messages = messages,
                          .reports = 4,
                          .telemetry_bytes = 4096,
                          .report_bytes = 2048,
                          .most = 200,
                          .storage = &flawed,
                          .compose = joined};
}

static void open_again(struct queue_fixture *f, const struct shape *s)
{
    spoke_storage_ram_init(&ram, medium, BLOCK, BLOCKS);
    flawed = ram.storage;
    flawed.program = program_or_not;
    programs_fail = false;
    assert_ok(queue_fixture_init(f, s));
}

static void open_new(struct queue_fixture *f, const struct shape *s)
{
    memset(medium, 0xFF, sizeof medium);
    open_again(f, s);
}

/* A bit of that text turns where it is stored. */
static void damage(const char *text)
{
    uint8_t *at = memmem(medium, sizeof medium, text, strlen(text));
    assert_non_null(at);
    *at ^= 0x10;
}

static spoke_status report(struct queue_fixture *f, const char *body)
{
    return add_to(f, QUEUE_REPORTS, 0, body);
}

static spoke_str next_report(struct queue_fixture *f)
{
    struct queue_item item;
    return queue_next_report(&f->q, f->now, &item) == SPOKE_OK ? item.body : spoke_str_from("", 0);
}

/* --- what cannot be read --- */

static void a_report_that_cannot_be_read_makes_way_for_the_next(void **state)
{
    (void)state;
    struct queue_fixture f;
    struct shape s = shape_of(4);
    s.compose = NULL; /* they stay two */
    open_new(&f, &s);
    assert_ok(report(&f, "first report"));
    assert_ok(report(&f, "second report"));
    damage("first report");
    assert_str(next_report(&f), "second report");
    assert_int_equal(f.q.counters.storage_faults, 1);
    queue_fixture_fini(&f);
}

static void nothing_is_joined_to_a_report_that_cannot_be_read(void **state)
{
    (void)state;
    struct queue_fixture f;
    const struct shape s = shape_of(4);
    open_new(&f, &s);
    assert_ok(report(&f, "first report"));
    damage("first report");
    assert_ok(report(&f, "second report"));
    assert_str(next_report(&f), "second report");
    assert_int_equal(f.q.counters.coalesced, 0);
    queue_fixture_fini(&f);
}

static void no_outcome_of_the_unreadable_is_lost_when_nobody_takes_them(void **state)
{
    (void)state;
    struct queue_fixture f;
    const struct shape s = shape_of(QUEUE_DROPS + 2);
    open_new(&f, &s);
    for (uint32_t i = 1; i <= QUEUE_DROPS + 1; i++)
        assert_ok(add_to(&f, QUEUE_NORMAL, i, "unreadable"));
    assert_ok(add_to(&f, QUEUE_NORMAL, 99, "whole"));
    for (uint32_t i = 1; i <= QUEUE_DROPS + 1; i++)
        damage("unreadable");
    assert_str(next_body(&f), ""); /* the last of them has to wait: its outcome could not be told */
    for (uint32_t i = 1; i <= QUEUE_DROPS; i++)
        expect_drop(&f, i, QUEUE_UNREADABLE);
    assert_str(next_body(&f), "whole");
    expect_drop(&f, QUEUE_DROPS + 1, QUEUE_UNREADABLE);
    queue_fixture_fini(&f);
}

/* Valid as a record, and not the one that the queue put there. */
static void another_record_in_the_place_of_a_message_is_not_sent(void **state)
{
    (void)state;
    struct queue_fixture f;
    const struct shape s = shape_of(4);
    static const char *const bodies[] = {"message of twenty b.", "message of twenty c.", "of 7 b."};
    static const struct log_record others[] = {
        {.seq = 77, .lane = QUEUE_NORMAL, .body_bytes = 20},
        {.seq = 1, .lane = QUEUE_NORMAL, .head_bytes = 10, .body_bytes = 10},
        {.seq = 1, .lane = QUEUE_NORMAL, .body_bytes = 7}};
    for (size_t i = 0; i < 3; i++) {
        static uint8_t other[BLOCK * BLOCKS];
        spoke_ram_storage forged;
        struct log log;
        uint8_t scratch[1024];
        uint32_t where;
        const struct log_owner owner = {.ctx = NULL};
        open_new(&f, &s);
        assert_ok(add_to(&f, QUEUE_NORMAL, 5, "message of twenty a."));
        queue_fixture_check(&f);
        f.q.loaded = QUEUE_NO_TOKEN;
        memset(other, 0xFF, sizeof other);
        spoke_storage_ram_init(&forged, other, BLOCK, BLOCKS);
        assert_ok(log_open(&log, &forged.storage, &owner, scratch, sizeof scratch, 0x5eed));
        assert_ok(log_append(&log, &others[i], spoke_str_from(bodies[i], others[i].head_bytes),
                             spoke_str_from(bodies[i] + others[i].head_bytes, others[i].body_bytes), &where));
        memcpy(medium, other, sizeof medium);
        assert_str(next_body(&f), "");
        expect_drop(&f, 5, QUEUE_UNREADABLE);
        queue_fixture_fini(&f);
    }
}

/* --- a storage that does not answer --- */

static bool reads_fail;
static const char *bad; /* what lies under this text cannot be read, all else can */

static spoke_status read_when_it_answers(void *ctx, uint32_t block, uint32_t offset, void *out, size_t len)
{
    const uint8_t *at = medium + (size_t)block * BLOCK + offset;
    if (reads_fail || (bad != NULL && memmem(at, len, bad, strlen(bad)) != NULL))
        return SPOKE_E_PORT;
    return ram.storage.read(ctx, block, offset, out, len);
}

static void open_mute(struct queue_fixture *f, const struct shape *s)
{
    open_new(f, s);
    flawed.read = read_when_it_answers;
    reads_fail = false;
    bad = NULL;
}

/* As long as ten minutes, looking as often as poll would. */
static void storage_is_mute(struct queue_fixture *f, unsigned rounds)
{
    reads_fail = true;
    for (unsigned i = 0; i < rounds; i++) {
        assert_str(next_report(f), "");
        assert_str(next_body(f), "");
        queue_age(&f->q, f->now);
        assert_true(queue_deadline(&f->q) > f->now && queue_deadline(&f->q) <= f->now + 1000);
        f->now = queue_deadline(&f->q);
    }
    reads_fail = false;
}

static void a_storage_that_does_not_answer_for_a_while_costs_no_message(void **state)
{
    (void)state;
    struct queue_fixture f;
    const struct shape s = shape_of(4);
    open_mute(&f, &s);
    assert_ok(report(&f, "a report"));
    assert_ok(add_to(&f, QUEUE_NORMAL, 1, "told"));
    assert_ok(add_to(&f, QUEUE_NORMAL, 0, "nobody waits for it"));
    assert_ok(add_to(&f, QUEUE_LOW, 0, "last"));
    storage_is_mute(&f, 600);
    expect_no_drop(&f);
    assert_int_equal(queue_count(&f.q), 3);
    assert_str(next_report(&f), "a report");
    assert_str(next_body(&f), "told");
    send_next(&f, 1);
    assert_str(next_body(&f), "nobody waits for it");
    queue_age(&f.q, f.now);
    assert_int_equal(queue_deadline(&f.q), UINT64_MAX);
    queue_fixture_fini(&f);
}

static void a_deadline_of_the_storage_does_not_stay_behind(void **state)
{
    (void)state;
    struct queue_fixture f;
    const struct shape s = shape_of(4);
    open_mute(&f, &s);
    assert_ok(add_to(&f, QUEUE_NORMAL, 1, "first"));
    assert_ok(add_to(&f, QUEUE_NORMAL, 2, "second"));
    storage_is_mute(&f, 1); /* then the link is gone, and nobody asks for the next any more */
    f.now += 5000;
    queue_age(&f.q, f.now);
    assert_int_equal(queue_deadline(&f.q), UINT64_MAX);
    queue_fixture_fini(&f);
}

/* It answers again just between two reads. */
static void a_storage_that_comes_back_has_the_same_patience_as_one_that_begins_to_fail(void **state)
{
    (void)state;
    struct queue_fixture f;
    const struct shape s = shape_of(4);
    open_mute(&f, &s);
    assert_ok(add_to(&f, QUEUE_NORMAL, 1, "first"));
    assert_ok(add_to(&f, QUEUE_NORMAL, 2, "second"));
    reads_fail = true;
    for (unsigned i = 0; i < 10; i++, f.now += 1000)
        assert_str(next_body(&f), "");
    reads_fail = false;
    bad = "first";
    assert_str(next_body(&f), "");
    bad = NULL;
    f.now += 1000;
    assert_str(next_body(&f), "first");
    expect_no_drop(&f);
    queue_fixture_fini(&f);
}

static void what_alone_cannot_be_read_again_and_again_does_not_stop_the_rest(void **state)
{
    (void)state;
    struct queue_fixture f;
    const struct shape s = shape_of(4);
    open_mute(&f, &s);
    assert_ok(add_to(&f, QUEUE_NORMAL, 1, "behind a bad page"));
    assert_ok(add_to(&f, QUEUE_NORMAL, 2, "whole"));
    assert_ok(add_to(&f, QUEUE_LOW, 3, "last"));
    bad = "behind a bad page";
    for (unsigned i = 0; i < 2; i++) {
        assert_str(next_body(&f), "");
        expect_no_drop(&f);
        f.now += 1000;
    }
    assert_str(next_body(&f), "whole");
    expect_drop(&f, 1, QUEUE_UNREADABLE);
    queue_fixture_fini(&f);
}

/* --- what cannot be written --- */

static void a_joined_report_that_cannot_be_written_leaves_the_older(void **state)
{
    (void)state;
    struct queue_fixture f;
    const struct shape s = shape_of(4);
    open_new(&f, &s);
    assert_ok(report(&f, "first"));
    programs_fail = true;
    assert_int_equal(report(&f, " and second"), SPOKE_E_PORT);
    programs_fail = false;
    assert_str(next_report(&f), "first");
    assert_int_equal(f.q.counters.coalesced, 0);
    queue_fixture_fini(&f);
}

static void a_joined_report_beyond_the_budget_is_refused(void **state)
{
    (void)state;
    struct queue_fixture f;
    char body[151];
    struct shape s = shape_of(4);
    open_new(&f, &s);
    s.report_bytes = queue_cost(&flawed, 160) * 2;
    queue_fixture_fini(&f);
    s.compose = NULL;
    open_new(&f, &s);
    memset(body, 'x', 150);
    body[150] = '\0';
    assert_ok(report(&f, body));
    struct queue_item item;
    f.q.o.compose = joined;
    assert_ok(queue_next_report(&f.q, f.now, &item));
    queue_sent(&f.q, item.token, 0, 1); /* so nothing joins it */
    assert_ok(report(&f, body));
    assert_int_equal(report(&f, "0123456789012345678901234567890123456789"), SPOKE_E_FULL);
    queue_fixture_fini(&f);
}

static bool sync_fails;

static spoke_status sync_or_not(void *ctx)
{
    (void)ctx;
    return sync_fails ? SPOKE_E_PORT : SPOKE_OK;
}

/* The record may be found after a restart. Were its number given again, two messages would share an id. */
static void the_number_of_a_message_that_failed_is_not_given_again(void **state)
{
    (void)state;
    struct queue_fixture f;
    struct queue_item item;
    const struct shape s = shape_of(4);
    open_new(&f, &s);
    flawed.sync = sync_or_not;
    sync_fails = false;
    assert_ok(add_to(&f, QUEUE_HIGH, 0, "older, lives on"));
    sync_fails = true;
    assert_int_equal(add_to(&f, QUEUE_HIGH, 0, "refused, but there"), SPOKE_E_PORT);
    sync_fails = false;
    assert_ok(add_to(&f, QUEUE_LOW, 0, "accepted"));
    send_next(&f, 1);
    assert_ok(queue_next(&f.q, f.now, &everything, &item));
    assert_str(item.body, "accepted");
    const uint32_t seq = item.seq;
    done(&f, send_next(&f, 2));
    assert_ok(queue_flush(&f.q));
    queue_fixture_fini(&f);
    open_again(&f, &s);
    while (queue_next(&f.q, f.now, &everything, &item) == SPOKE_OK) {
        assert_int_not_equal(item.seq, seq);
        send_next(&f, 1);
    }
    queue_fixture_fini(&f);
}

/* --- a policy while something that was sent stays unanswered --- */

static void expect_after(struct queue_fixture *f, const char *const *bodies, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_str(next_body(f), bodies[i]);
        send_next(f, (uint16_t)(i + 1));
    }
    assert_str(next_body(f), "");
}

static void add_and_drop(struct queue_fixture *f, enum queue_lane lane, const char *name, unsigned count)
{
    char body[32];
    for (unsigned n = 1; n <= count; n++) {
        snprintf(body, sizeof body, "%s %u", name, n);
        assert_ok(add_to(f, lane, 0, body));
    }
}

/* The link is gone for a week. What waits unanswered must not make the policy refuse what is new. */
static void drop_oldest_goes_on_behind_what_was_sent_and_nothing_comes_back(void **state)
{
    (void)state;
    struct queue_fixture f;
    struct shape s = shape_of(6);
    s.policy = QUEUE_DROP_OLDEST;
    static const char *const rest[] = {"high", "high 299", "high 300", "sent 1", "sent 2", "normal 300"};
    open_new(&f, &s);
    assert_ok(add_to(&f, QUEUE_NORMAL, 0, "sent 1"));
    assert_ok(add_to(&f, QUEUE_NORMAL, 0, "sent 2"));
    assert_ok(add_to(&f, QUEUE_HIGH, 0, "high"));
    for (uint16_t i = 1; i <= 3; i++)
        send_next(&f, i);
    queue_rewind(&f.q);
    queue_forget_packet_ids(&f.q);
    add_and_drop(&f, QUEUE_NORMAL, "normal", 300);
    add_and_drop(&f, QUEUE_HIGH, "high", 300);
    assert_ok(add_to(&f, QUEUE_NORMAL, 0, "normal 300"));
    assert_int_equal(f.q.counters.dropped[QUEUE_OLDEST], 598);
    queue_fixture_fini(&f);
    s.messages = 700; /* as many as wish to come back */
    open_again(&f, &s);
    expect_after(&f, rest, 6);
    queue_fixture_fini(&f);
    open_again(&f, &s); /* and what was told before is told on */
    assert_ok(add_to(&f, QUEUE_LOW, 0, "low"));
    done(&f, send_next(&f, 1));
    assert_ok(queue_flush(&f.q));
    queue_fixture_fini(&f);
    open_again(&f, &s);
    assert_int_equal(queue_count(&f.q), 6);
    queue_fixture_fini(&f);
}

/* The one behind it in its lane. */
static uint32_t behind(struct queue_fixture *f, uint32_t token)
{
    struct queue_item item;
    assert_ok(queue_after(&f->q, f->now, token, &item));
    return item.token;
}

/* Drops each second one behind that token, `count` of them, so that none is a neighbour of another; the last kept. */
static uint32_t drop_each_second(struct queue_fixture *f, uint32_t token, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        token = behind(f, token);
        assert_ok(queue_drop(&f->q, behind(f, token), QUEUE_EXPIRED));
    }
    return token;
}

/* Full, and the first of them is in flight; its token. */
static uint32_t start_behind_sent(struct queue_fixture *f, const struct shape *s)
{
    open_new(f, s);
    add_and_drop(f, QUEUE_NORMAL, "m", (unsigned)s->messages);
    return send_next(f, 1);
}

static void fill_up(struct queue_fixture *f, const struct shape *s)
{
    while (queue_count(&f->q) < s->messages)
        assert_ok(add_to(f, QUEUE_NORMAL, 0, "more"));
}

/* A mark takes 16 ends in front of which older ones live. */
static void a_policy_refuses_what_no_mark_could_name(void **state)
{
    (void)state;
    struct queue_fixture f;
    struct shape s = shape_of(40);
    s.policy = QUEUE_DROP_OLDEST;
    const uint32_t first = start_behind_sent(&f, &s);
    drop_each_second(&f, first, LOG_SINGLES); /* the victim stands before all of them */
    fill_up(&f, &s);
    assert_int_equal(add_to(&f, QUEUE_NORMAL, 0, "one more"), SPOKE_E_FULL);
    queue_fixture_fini(&f);

    const uint32_t again = start_behind_sent(&f, &s); /* the victim is the neighbour of one that was dropped */
    assert_ok(queue_drop(&f.q, behind(&f, again), QUEUE_EXPIRED));
    drop_each_second(&f, again, LOG_SINGLES - 1);
    fill_up(&f, &s);
    assert_int_equal(add_to(&f, QUEUE_NORMAL, 0, "one more"), SPOKE_E_FULL);
    queue_fixture_fini(&f);
}

static void a_policy_goes_on_where_a_run_names_the_next_victim(void **state)
{
    (void)state;
    struct queue_fixture f;
    struct shape s = shape_of(40);
    s.policy = QUEUE_DROP_OLDEST;
    const uint32_t first = start_behind_sent(&f, &s);
    for (int i = 0; i < 2; i++)
        assert_ok(queue_drop(&f.q, behind(&f, first), QUEUE_EXPIRED));
    drop_each_second(&f, first, LOG_SINGLES - 2);
    fill_up(&f, &s);
    assert_ok(add_to(&f, QUEUE_NORMAL, 0, "one more"));
    assert_int_equal(f.q.counters.dropped[QUEUE_OLDEST], 1);
    queue_fixture_fini(&f);
}

static void an_end_by_acknowledgement_makes_way_for_one_by_a_drop(void **state)
{
    (void)state;
    struct queue_fixture f;
    const struct shape s = shape_of(40);
    (void)start_behind_sent(&f, &s);
    done(&f, send_next(&f, 2));
    const uint32_t last = drop_each_second(&f, send_next(&f, 3), LOG_SINGLES);
    assert_ok(queue_drop(&f.q, behind(&f, behind(&f, last)), QUEUE_EXPIRED)); /* by hand: one too many */
    assert_ok(queue_flush(&f.q));
    assert_int_equal(queue_count(&f.q), 40 - 1 - LOG_SINGLES - 1);
    queue_fixture_fini(&f);
    open_again(&f, &s);
    assert_int_equal(queue_count(&f.q), 40 - LOG_SINGLES); /* the acknowledged one, and the one too many */
    send_next(&f, 1);
    assert_str(next_body(&f), "m 2");
    queue_fixture_fini(&f);
}

/* --- after a restart --- */

static void without_a_clock_what_is_recovered_lives_its_time_again(void **state)
{
    (void)state;
    struct queue_fixture f;
    struct queue_item item;
    static const struct {
        int64_t created_ms, unix_ms;
        uint64_t lives_ms;
    } cases[] = {{1000000, 0, 10000},      {0, 2000000, 10000},      {1000000, 1000000, 10000},
                 {1000000, 900000, 10000}, {1000000, 1004000, 6000}, {1000000, 1009999, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct shape s = shape_of(4);
        open_new(&f, &s);
        assert_ok(add_text(
            &f,
            (struct queue_message){.lane = QUEUE_NORMAL, .id = 1, .ttl_s = 10, .created_ms = cases[i].created_ms},
            "x"));
        queue_fixture_fini(&f);
        s.unix_ms = cases[i].unix_ms;
        open_again(&f, &s);
        assert_ok(queue_next(&f.q, f.now, &everything, &item));
        assert_true(item.recovered);
        assert_int_equal(item.ends_ms - f.now, cases[i].lives_ms);
        queue_fixture_fini(&f);
    }
}

/* Written by a program with a larger index; so many have to go, by the policy. */
static void recovered_into(struct queue_fixture *f, enum queue_policy policy, size_t slots)
{
    struct shape s = shape_of(8);
    open_new(f, &s);
    assert_ok(add_to(f, QUEUE_LOW, 1, "low 1"));
    assert_ok(add_to(f, QUEUE_HIGH, 2, "high 2"));
    assert_ok(add_to(f, QUEUE_NORMAL, 3, "normal 3"));
    assert_ok(add_to(f, QUEUE_LOW, 4, "low 4"));
    assert_ok(add_to(f, QUEUE_HIGH, 5, "high 5"));
    assert_ok(report(f, "a report"));
    queue_fixture_fini(f);
    s.messages = slots;
    s.policy = policy;
    open_again(f, &s);
}

static void expect_left(struct queue_fixture *f, const char *const *bodies, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_str(next_body(f), bodies[i]);
        send_next(f, (uint16_t)(i + 1));
    }
    assert_str(next_body(f), "");
    assert_str(next_report(f), "a report");
    queue_fixture_fini(f);
}

static void a_smaller_index_keeps_what_its_policy_keeps(void **state)
{
    (void)state;
    struct queue_fixture f;
    static const char *const oldest_go[] = {"high 5", "normal 3", "low 4"},
                             *const newest_go[] = {"high 2", "normal 3", "low 1"},
                             *const lowest_go[] = {"high 2", "high 5", "normal 3"};
    recovered_into(&f, QUEUE_DROP_OLDEST, 3);
    expect_left(&f, oldest_go, 3);
    recovered_into(&f, QUEUE_DROP_NEWEST, 3);
    expect_left(&f, newest_go, 3);
    recovered_into(&f, QUEUE_REFUSE, 3);
    expect_left(&f, newest_go, 3);
    recovered_into(&f, QUEUE_DROP_LOWEST, 3);
    expect_left(&f, lowest_go, 3);
}

/* Told, but not among the telemetry that was dropped. */
static void a_report_without_a_slot_leaves_the_account_of_telemetry_alone(void **state)
{
    (void)state;
    struct queue_fixture f;
    struct shape s = shape_of(2);
    s.compose = NULL; /* they stay three */
    open_new(&f, &s);
    assert_ok(report(&f, "first"));
    assert_ok(report(&f, "second"));
    assert_ok(report(&f, "third"));
    queue_fixture_fini(&f);
    s.messages = s.reports = 1;
    open_again(&f, &s);
    assert_int_equal(queue_reports(&f.q), 2);
    for (unsigned why = 0; why < QUEUE_REASONS; why++)
        assert_int_equal(f.q.counters.dropped[why], 0);
    assert_int_equal(f.q.counters.storage_faults, 1);
    queue_fixture_fini(&f);
}

/* Nothing is wrong with the storage: the reason must not say so. */
static void what_is_larger_than_the_memory_is_told_as_too_large(void **state)
{
    struct queue_fixture f;
    char body[200];
    (void)state;
    struct shape s = shape_of(4);
    open_new(&f, &s);
    memset(body, 'x', sizeof body - 1);
    body[sizeof body - 1] = '\0';
    assert_ok(add_to(&f, QUEUE_NORMAL, 1, body));
    assert_ok(add_to(&f, QUEUE_NORMAL, 2, "small"));
    queue_fixture_fini(&f);
    s.most = 50;
    open_again(&f, &s);
    assert_str(next_body(&f), "small");
    expect_drop(&f, 1, QUEUE_TOO_LARGE);
    assert_int_equal(f.q.counters.storage_faults, 0);
    queue_fixture_fini(&f);
}

static spoke_status not_joined(spoke_str older, spoke_str newer, spoke_buf *out)
{
    (void)older, (void)newer, (void)out;
    return SPOKE_E_UNSUPPORTED;
}

/* The sum of what was accepted and what became of it is told of telemetry alone. */
static void a_stored_report_without_a_slot_is_a_fault_of_the_storage_and_no_drop(void **state)
{
    (void)state;
    struct queue_fixture f;
    struct shape s = shape_of(8);
    s.compose = not_joined;
    open_new(&f, &s);
    assert_ok(report(&f, "first"));
    assert_ok(report(&f, "second"));
    assert_ok(report(&f, "third"));
    queue_fixture_fini(&f);
    s.messages = s.reports = 1;
    open_again(&f, &s);
    assert_int_equal(queue_reports(&f.q), 2);
    assert_str(next_report(&f), "first");
    assert_int_equal(f.q.counters.recovered, 0);
    for (size_t why = 0; why < QUEUE_REASONS; why++)
        assert_int_equal(f.q.counters.dropped[why], 0);
    assert_int_equal(f.q.counters.storage_faults, 1);
    queue_fixture_fini(&f);
}

static void fill_to(struct queue_fixture *f, const struct shape *s, size_t bytes)
{
    char body[191];
    memset(medium, 0xFF, sizeof medium);
    spoke_storage_ram_init(&ram, medium, BLOCK, BLOCKS);
    flawed = ram.storage;
    assert_ok(queue_fixture_init(f, s));
    memset(body, 'x', sizeof body);
    for (uint32_t id = 1; id <= 3; id++) {
        const size_t len = bytes < sizeof body - 1 ? bytes : sizeof body - 1;
        body[len] = '\0';
        assert_ok(add_to(f, QUEUE_NORMAL, id, body));
        body[len] = 'x';
        bytes -= len;
    }
    queue_fixture_fini(f);
}

/* Storage is read in windows: wherever their edges fall. */
static void whichever_read_fails_opening_says_so_and_the_next_time_all_is_there(void **state)
{
    (void)state;
    struct queue_fixture f;
    const struct shape s = shape_of(8);
    for (size_t bytes = 0; bytes < 520; bytes++) {
        fill_to(&f, &s, bytes);
        spoke_status status = SPOKE_E_PORT;
        for (unsigned k = 1; status != SPOKE_OK; k++) {
            assert_in_range(k, 1, 1000);
            flawed.read = read_or_not;
            reads_left = k;
            status = queue_fixture_init(&f, &s);
            assert_true(status == SPOKE_OK || status == SPOKE_E_PORT);
            queue_fixture_fini(&f);
        }
        flawed.read = ram.storage.read;
        assert_ok(queue_fixture_init(&f, &s));
        assert_int_equal(queue_count(&f.q), 3);
        queue_fixture_fini(&f);
    }
}

static void an_index_without_slots_or_memory_opens_no_storage(void **state)
{
    (void)state;
    struct queue_fixture f;
    struct shape s = shape_of(4);
    open_new(&f, &s);
    struct queue q;
    struct queue_options o = f.options;
    o.messages = o.telemetry_messages = 0;
    assert_int_equal(queue_init(&q, &o, 0), SPOKE_E_ARG);
    o = f.options;
    o.memory_bytes = 64;
    assert_int_equal(queue_init(&q, &o, 0), SPOKE_E_ARG);
    queue_fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_that_cannot_be_read_makes_way_for_the_next),
        cmocka_unit_test(nothing_is_joined_to_a_report_that_cannot_be_read),
        cmocka_unit_test(no_outcome_of_the_unreadable_is_lost_when_nobody_takes_them),
        cmocka_unit_test(another_record_in_the_place_of_a_message_is_not_sent),
        cmocka_unit_test(a_storage_that_does_not_answer_for_a_while_costs_no_message),
        cmocka_unit_test(a_deadline_of_the_storage_does_not_stay_behind),
        cmocka_unit_test(a_storage_that_comes_back_has_the_same_patience_as_one_that_begins_to_fail),
        cmocka_unit_test(what_alone_cannot_be_read_again_and_again_does_not_stop_the_rest),
        cmocka_unit_test(a_joined_report_that_cannot_be_written_leaves_the_older),
        cmocka_unit_test(a_joined_report_beyond_the_budget_is_refused),
        cmocka_unit_test(the_number_of_a_message_that_failed_is_not_given_again),
        cmocka_unit_test(drop_oldest_goes_on_behind_what_was_sent_and_nothing_comes_back),
        cmocka_unit_test(a_policy_refuses_what_no_mark_could_name),
        cmocka_unit_test(a_policy_goes_on_where_a_run_names_the_next_victim),
        cmocka_unit_test(an_end_by_acknowledgement_makes_way_for_one_by_a_drop),
        cmocka_unit_test(without_a_clock_what_is_recovered_lives_its_time_again),
        cmocka_unit_test(a_smaller_index_keeps_what_its_policy_keeps),
        cmocka_unit_test(a_stored_report_without_a_slot_is_a_fault_of_the_storage_and_no_drop),
        cmocka_unit_test(a_report_without_a_slot_leaves_the_account_of_telemetry_alone),
        cmocka_unit_test(what_is_larger_than_the_memory_is_told_as_too_large),
        cmocka_unit_test(whichever_read_fails_opening_says_so_and_the_next_time_all_is_there),
        cmocka_unit_test(an_index_without_slots_or_memory_opens_no_storage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
