/* The queue against a plain list that does everything the slow way: random calls, the same answers. In RAM, and on
 * simulated flash with restarts, some of them by power cut. A failure names its seed. SPOKE_QUEUE_SEEDS=20000 runs as
 * many of each kind; SPOKE_QUEUE_SEED=7 runs that one alone. */
#include "support/flash_sim.h"
#include "support/queue_fixture.h"

enum { MOST_HELD = 8192, MOST_BODY = 110 };

enum fate {
    WAITS,
    SENT,
    DONE,  /* delivered: on storage it may come again after a restart */
    MAYBE, /* dropped, but the storage may not know it yet; or refused by failing storage, and there all the same */
    DROPPED /* never comes again */
};

struct message {
    unsigned serial;
    enum queue_lane lane;
    enum fate fate;
    uint32_t id;
    uint64_t added, ends, cost;
    bool before;     /* was sent before */
    bool placed;     /* in this session */
    unsigned leader; /* serial of its group's first, when it was sent */
    uint16_t packet_id;
    uint32_t order, token;
};

struct model {
    struct queue_fixture f;
    struct shape shape;
    struct flash_sim *flash;
    struct message all[MOST_HELD]; /* in order of acceptance */
    size_t count;
    unsigned serial;
    uint64_t counted; /* as dropped during recovery */
    uint32_t order;
    uint32_t random;
};

static uint32_t dice(struct model *m, uint32_t sides)
{
    m->random = m->random * 1664525u + 1013904223u;
    return (m->random >> 8) % sides;
}

/* --- the slow way --- */

static bool lives(const struct message *x)
{
    return x->fate == WAITS || x->fate == SENT;
}

static size_t living(const struct model *m, bool reports, uint64_t *cost)
{
    size_t count = 0;
    *cost = 0;
    for (size_t i = 0; i < m->count; i++) {
        const struct message *x = &m->all[i];
        if (!lives(x) || (x->lane == QUEUE_REPORTS) != reports)
            continue;
        count++;
        *cost += x->cost;
    }
    return count;
}

static struct message *first_waiting(struct model *m, enum queue_lane lane, bool fresh)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->all[i].lane == lane && m->all[i].fate == WAITS && (!fresh || !m->all[i].before))
            return &m->all[i];
    return NULL;
}

/* Slots are shared after a restart that found a report too many: one that failing storage had refused. */
static bool fits(const struct model *m, bool reports, uint64_t cost)
{
    uint64_t held, other;
    const size_t count = living(m, reports, &held), rest = living(m, !reports, &other);
    return count < (reports ? m->shape.reports : m->shape.messages) &&
           count + rest < m->shape.messages + m->shape.reports &&
           held + cost <= (reports ? m->shape.report_bytes : m->shape.telemetry_bytes);
}

static struct message *victim(struct model *m, enum queue_lane for_lane)
{
    struct message *oldest = NULL;
    for (int lane = QUEUE_LOW; lane >= QUEUE_HIGH; lane--) {
        struct message *x = first_waiting(m, (enum queue_lane)lane, true);
        if (x == NULL || (m->shape.policy == QUEUE_DROP_LOWEST && lane < (int)for_lane))
            continue;
        if (m->shape.policy == QUEUE_DROP_LOWEST)
            return x;
        if (oldest == NULL || x->serial < oldest->serial)
            oldest = x;
    }
    return oldest;
}

static uint64_t droppable(struct model *m, enum queue_lane for_lane)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < m->count; i++) {
        const struct message *x = &m->all[i];
        if (x->fate == WAITS && !x->before && x->lane != QUEUE_REPORTS &&
            (m->shape.policy != QUEUE_DROP_LOWEST || x->lane >= for_lane))
            sum += x->cost;
    }
    return sum;
}

static void forget_the_dead(struct model *m)
{
    size_t kept = 0;
    for (size_t i = 0; i < m->count; i++)
        if (lives(&m->all[i]))
            m->all[kept++] = m->all[i];
    m->count = kept;
}

/* --- calls and what they should do --- */

static void body_of(const struct message *x, char *out, size_t cap)
{
    int len = snprintf(out, cap, "%u:", x->serial);
    const int most = 4 + (int)(x->serial * 7919u % (MOST_BODY - 4));
    while (len < most && (size_t)len + 1 < cap)
        out[len++] = '.';
    out[len] = '\0';
}

static void expire(struct model *m)
{
    for (;;) {
        struct message *next = NULL;
        for (size_t i = 0; i < m->count; i++) {
            struct message *x = &m->all[i];
            const bool leads = x->leader == 0 || x->leader == x->serial;
            if (x->fate == WAITS && leads && x->ends <= m->f.now && (next == NULL || x->ends < next->ends))
                next = x;
        }
        queue_age(&m->f.q, m->f.now);
        if (next == NULL)
            return;
        for (size_t i = 0; i < m->count; i++)
            if (m->all[i].leader == next->serial)
                m->all[i].leader = 0;
        next->fate = DROPPED;
        if (next->id != 0)
            expect_drop(&m->f, next->id, QUEUE_EXPIRED);
    }
}

/* Drops for `cost`; false: that cannot be done. */
static bool make_room(struct model *m, enum queue_lane lane, uint64_t cost)
{
    uint64_t held;
    living(m, false, &held);
    if (fits(m, false, cost))
        return true;
    const uint64_t can = droppable(m, lane);
    if (m->shape.policy == QUEUE_REFUSE || m->shape.policy == QUEUE_DROP_NEWEST || can == 0 ||
        held - can + cost > m->shape.telemetry_bytes)
        return false;
    while (!fits(m, false, cost)) {
        struct message *x = victim(m, lane);
        if (x == NULL)
            return false;
        x->fate = MAYBE;
        if (x->id != 0)
            expect_drop(&m->f, x->id, m->shape.policy == QUEUE_DROP_LOWEST ? QUEUE_LOWEST : QUEUE_OLDEST);
    }
    return true;
}

/* On storage dropping stops earlier, when too much of it would be out of order. */
static void take_drops(struct model *m, enum queue_lane lane)
{
    uint32_t id;
    enum queue_reason why;
    while (queue_next_dropped(&m->f.q, &id, &why) == SPOKE_OK) {
        struct message *x = victim(m, lane);
        assert_non_null(x);
        assert_int_equal(x->id, id);
        x->fate = MAYBE;
    }
}

/* A message was kept: so is all that went before it. */
static void drops_are_kept(struct model *m)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->all[i].fate == MAYBE)
            m->all[i].fate = DROPPED;
}

static void do_add(struct model *m)
{
    char body[MOST_BODY + 16];
    struct message x = {.serial = ++m->serial,
                        .lane = (enum queue_lane)dice(m, QUEUE_LANES),
                        .id = m->flash != NULL || dice(m, 2) ? m->serial : 0,
                        .added = m->f.now,
                        .ends = UINT64_MAX,
                        .fate = WAITS};
    const uint32_t ttl_s = x.lane != QUEUE_REPORTS && m->flash == NULL && dice(m, 4) == 0 ? 1 + dice(m, 20) : 0;
    if (ttl_s > 0)
        x.ends = m->f.now + ttl_s * 1000u;
    body_of(&x, body, sizeof body);
    x.cost = queue_cost(m->shape.storage, strlen(body));
    const struct queue_message message = {.lane = x.lane, .id = x.id, .ttl_s = ttl_s, .created_ms = 1000};
    const spoke_status status = add_text(&m->f, message, body);
    if (status == SPOKE_E_FULL && m->flash != NULL) {
        take_drops(m, x.lane);
        return;
    }
    const bool room = x.lane == QUEUE_REPORTS ? fits(m, true, x.cost) : make_room(m, x.lane, x.cost);
    if (m->flash != NULL && m->flash->off) {
        x.fate = MAYBE;
    } else if (room) {
        assert_ok(status);
    } else if (m->shape.policy == QUEUE_DROP_NEWEST && x.lane != QUEUE_REPORTS) {
        assert_ok(status);
        x.fate = DROPPED;
        if (x.id != 0)
            expect_drop(&m->f, x.id, QUEUE_NEWEST);
    } else {
        assert_int_equal(status, SPOKE_E_FULL);
        return;
    }
    expect_no_drop(&m->f);
    assert_true(m->count < MOST_HELD);
    m->all[m->count++] = x;
    if (x.fate == WAITS)
        drops_are_kept(m);
}

static struct message *expected_next(struct model *m, const struct queue_filter *filter)
{
    struct message *repeat = NULL;
    for (size_t i = 0; i < m->count; i++) {
        struct message *x = &m->all[i];
        if (x->lane != QUEUE_REPORTS && x->fate == WAITS && x->placed &&
            (repeat == NULL || x->order < repeat->order))
            repeat = x;
    }
    for (int lane = QUEUE_HIGH; repeat == NULL && lane <= (int)filter->lowest; lane++) {
        struct message *x = first_waiting(m, (enum queue_lane)lane, false);
        if (x != NULL && x->added >= filter->waits_before_ms)
            return x;
    }
    return repeat;
}

static void check_item(const struct message *x, const struct queue_item *item)
{
    char body[MOST_BODY + 16];
    body_of(x, body, sizeof body);
    assert_str(item->body, body);
    assert_int_equal(item->id, x->id);
    assert_int_equal(item->packet_id, x->packet_id);
    assert_int_equal(item->sent_before, x->before);
    assert_int_equal(item->repeats, x->placed);
}

static void mark(struct model *m, struct message *x, unsigned leader, uint16_t packet_id, uint32_t token)
{
    x->fate = SENT;
    x->before = true;
    x->leader = leader;
    x->packet_id = x->serial == leader ? packet_id : x->packet_id;
    x->order = x->placed ? x->order : m->order;
    x->placed = true;
    x->token = token;
}

static void do_send(struct model *m)
{
    const struct queue_filter filter = {.lowest = (enum queue_lane)dice(m, QUEUE_REPORTS),
                                        .waits_before_ms =
                                            m->flash == NULL && dice(m, 4) == 0 ? m->f.now - dice(m, 1000) : 0};
    struct queue_item item, next;
    struct message *x = expected_next(m, &filter);
    if (x == NULL) {
        assert_int_equal(queue_next(&m->f.q, m->f.now, &filter, &item), SPOKE_E_AGAIN);
        return;
    }
    assert_ok(queue_next(&m->f.q, m->f.now, &filter, &item));
    check_item(x, &item);
    const uint16_t packet_id = (uint16_t)(1 + dice(m, 1000));
    uint16_t members = 1;
    const uint16_t wanted = item.sent_before ? item.members : (uint16_t)(1 + dice(m, 4));
    const unsigned leader = x->serial;
    const bool again = x->before;
    mark(m, x, leader, packet_id, item.token);
    uint32_t last = item.token;
    while (members < wanted && queue_after(&m->f.q, m->f.now, last, &next) == SPOKE_OK) {
        struct message *y = first_waiting(m, item.lane, false);
        assert_non_null(y);
        check_item(y, &next);
        if (!again && y->before)
            break;
        mark(m, y, leader, 0, next.token);
        last = next.token;
        members++;
    }
    assert_true(!again || members == wanted);
    queue_sent(&m->f.q, item.token, packet_id, members);
    m->order++;
}

static void do_send_report(struct model *m)
{
    struct queue_item item;
    struct message *x = first_waiting(m, QUEUE_REPORTS, false);
    bool in_flight = false;
    for (size_t i = 0; i < m->count; i++)
        in_flight = in_flight || (m->all[i].lane == QUEUE_REPORTS && m->all[i].fate == SENT);
    const spoke_status status = queue_next_report(&m->f.q, m->f.now, &item);
    assert_int_equal(status, x != NULL && !in_flight ? SPOKE_OK : SPOKE_E_AGAIN);
    if (status != SPOKE_OK)
        return;
    check_item(x, &item);
    mark(m, x, x->serial, 0, item.token);
    queue_sent(&m->f.q, item.token, 0, 1);
    m->order++;
}

static void finish_group(struct model *m, struct message *leader)
{
    const unsigned serial = leader->serial;
    uint32_t token = leader->token, id, rest;
    for (size_t i = 0; i < m->count; i++) {
        struct message *x = &m->all[i];
        if (x->fate != SENT || x->leader != serial)
            continue;
        assert_ok(queue_done(&m->f.q, token, &id, &rest));
        assert_int_equal(id, x->id);
        x->fate = DONE;
        token = rest;
    }
    assert_int_equal(token, QUEUE_NO_TOKEN);
}

/* Mostly in order, as hubs do. */
static void do_done(struct model *m)
{
    struct message *chosen = NULL;
    for (size_t i = 0; i < m->count; i++) {
        struct message *x = &m->all[i];
        if (x->fate != SENT || x->leader != x->serial)
            continue;
        if (chosen == NULL || x->order < chosen->order)
            chosen = x;
        if (dice(m, 30) == 0) {
            chosen = x;
            break;
        }
    }
    if (chosen != NULL)
        finish_group(m, chosen);
}

static void do_rewind(struct model *m)
{
    const bool forget = dice(m, 2) == 0;
    queue_rewind(&m->f.q);
    if (forget)
        queue_forget_packet_ids(&m->f.q);
    for (size_t i = 0; i < m->count; i++) {
        struct message *x = &m->all[i];
        if (x->fate == SENT)
            x->fate = WAITS;
        if (forget) {
            x->packet_id = 0;
            x->placed = false;
        }
    }
}

/* The transport does not know its id any more, or the group grew too large for one packet. */
static void do_renew(struct model *m)
{
    const bool apart = dice(m, 2) == 0;
    struct message *x = first_waiting(m, (enum queue_lane)dice(m, QUEUE_REPORTS), false);
    if (x == NULL || !x->placed || (x->leader != 0 && x->leader != x->serial))
        return;
    if (apart)
        queue_ungroup(&m->f.q, x->token);
    else
        queue_forget_packet_id(&m->f.q, x->token);
    const unsigned leader = x->serial;
    for (size_t i = 0; apart && i < m->count; i++)
        if (m->all[i].leader == leader)
            m->all[i].leader = 0;
    x->packet_id = 0;
}

static void check_counts(const struct model *m)
{
    uint64_t cost;
    size_t waiting = 0;
    for (size_t i = 0; i < m->count; i++)
        waiting += m->all[i].fate == WAITS && m->all[i].lane != QUEUE_REPORTS ? 1 : 0;
    assert_int_equal(queue_count(&m->f.q), living(m, false, &cost));
    assert_int_equal(queue_unsent(&m->f.q), waiting);
    assert_int_equal(queue_reports(&m->f.q), living(m, true, &cost));
    queue_fixture_check(&m->f);
}

/* --- restarts --- */

static unsigned serial_of(spoke_str body)
{
    return (unsigned)strtoul(body.ptr, NULL, 10);
}

/* Everything that surely was kept comes again, per lane in its order; nothing that was dropped does. */
static void check_lane(struct model *m, enum queue_lane lane, const unsigned *found, size_t found_count)
{
    size_t at = 0;
    for (size_t i = 0; i < m->count; i++) {
        struct message *x = &m->all[i];
        if (x->lane != lane)
            continue;
        const bool here = at < found_count && found[at] == x->serial;
        at += here ? 1 : 0;
        if (!here && lives(x) && m->counted-- == 0)
            fail_msg("message %u of lane %d is lost", x->serial, (int)lane);
        if (here && x->fate == DROPPED)
            fail_msg("message %u was dropped and came again", x->serial);
        if (here)
            x->fate = WAITS;
        else if (lives(x))
            x->fate = MAYBE; /* dropped while it was recovered, which the storage is not told at once */
    }
    if (at != found_count)
        fail_msg("message %u came twice, or out of order", found[at]);
}

static void collect(struct model *m, enum queue_lane lane)
{
    unsigned found[MOST_HELD];
    size_t count = 0;
    struct queue_item item;
    const struct queue_filter filter = {.lowest = lane};
    for (;;) {
        const spoke_status status = lane == QUEUE_REPORTS ? queue_next_report(&m->f.q, m->f.now, &item)
                                                          : queue_next(&m->f.q, m->f.now, &filter, &item);
        if (status != SPOKE_OK)
            break;
        assert_true(item.recovered);
        found[count++] = serial_of(item.body);
        queue_sent(&m->f.q, item.token, 0, 1);
        if (lane != QUEUE_REPORTS)
            continue;
        /* only one travels at a time: make it the only one known, and look behind it */
        uint32_t last = item.token;
        while (queue_after(&m->f.q, m->f.now, last, &item) == SPOKE_OK) {
            found[count++] = serial_of(item.body);
            last = item.token;
        }
        break;
    }
    check_lane(m, lane, found, count);
}

/* Those dropped long ago: their blocks were erased. */
static void forget_the_dropped(struct model *m)
{
    size_t kept = 0;
    for (size_t i = 0; i < m->count; i++)
        if (lives(&m->all[i]) || m->all[i].serial + 2000 > m->serial)
            m->all[kept++] = m->all[i];
    m->count = kept;
}

/* One that the storage refused in its last moment may be there, and one that it dropped for it as well: then there is
 * one too many for the index, and the policy decides again, counted. */
static uint64_t drain(struct model *m)
{
    uint32_t id;
    enum queue_reason why;
    uint64_t dropped = 0;
    while (queue_next_dropped(&m->f.q, &id, &why) == SPOKE_OK)
        assert_true(id != 0);
    for (size_t i = 0; i < QUEUE_REASONS; i++)
        dropped += m->f.q.counters.dropped[i];
    return dropped;
}

static void do_restart(struct model *m)
{
    const uint64_t now = m->f.now;
    if (!m->flash->off && queue_flush(&m->f.q) == SPOKE_OK)
        drops_are_kept(m);
    flash_sim_power_on(m->flash);
    queue_fixture_fini(&m->f);
    assert_ok(queue_fixture_init(&m->f, &m->shape));
    m->f.now = now;
    for (size_t i = 0; i < m->count; i++) {
        m->all[i].packet_id = 0;
        m->all[i].before = m->all[i].placed = false;
        m->all[i].leader = 0;
    }
    m->counted = drain(m);
    for (int lane = QUEUE_HIGH; lane < QUEUE_LANES; lane++)
        collect(m, (enum queue_lane)lane);
    /* looked at, not sent: as after the restart */
    queue_fixture_fini(&m->f);
    assert_ok(queue_fixture_init(&m->f, &m->shape));
    m->f.now = now;
    (void)drain(m);
    m->order = 0;
    forget_the_dropped(m);
}

/* --- storms --- */

static void step(struct model *m)
{
    const uint32_t what = dice(m, 100);
    if (what < 40)
        do_add(m);
    else if (what < 62)
        do_send(m);
    else if (what < 68)
        do_send_report(m);
    else if (what < 90)
        do_done(m);
    else if (what < 93)
        do_rewind(m);
    else if (what < 97)
        m->f.now += dice(m, 3000);
    else if (what == 97)
        do_renew(m);
    else if (m->flash != NULL)
        (void)queue_flush(&m->f.q);
}

static void begin(struct model *m, enum queue_policy policy, uint32_t seed, struct flash_sim *flash)
{
    memset(m, 0, sizeof *m);
    m->random = seed;
    m->flash = flash;
    m->shape = (struct shape){.messages = 14,
                              .reports = 4,
                              .telemetry_bytes = flash != NULL ? 2048 : 1024,
                              .report_bytes = flash != NULL ? 768 : 256,
                              .policy = policy,
                              .most = MOST_BODY + 8,
                              .storage = flash != NULL ? &flash->storage : NULL};
    assert_ok(queue_fixture_init(&m->f, &m->shape));
}

static struct model model;

struct seeds {
    uint32_t first, last;
};

static struct seeds seeds_of(uint32_t usual)
{
    const char *one = getenv("SPOKE_QUEUE_SEED"), *many = getenv("SPOKE_QUEUE_SEEDS");
    const uint32_t first = one != NULL ? (uint32_t)strtoul(one, NULL, 10) : 1;
    const uint32_t count = one != NULL ? 1 : many != NULL ? (uint32_t)strtoul(many, NULL, 10) : usual;
    return (struct seeds){first, first + count - 1};
}

static void storm(enum queue_policy policy, uint32_t seed, unsigned steps)
{
    begin(&model, policy, seed, NULL);
    print_message("policy %d, seed %u\n", (int)policy, seed);
    for (unsigned i = 0; i < steps; i++) {
        expire(&model);
        step(&model);
        check_counts(&model);
        if (i % 64 == 0)
            forget_the_dead(&model);
    }
    queue_fixture_fini(&model.f);
}

static void in_memory_it_does_what_a_plain_list_does(void **state)
{
    (void)state;
    const struct seeds s = seeds_of(40);
    for (uint32_t seed = s.first; seed <= s.last; seed++)
        storm((enum queue_policy)(seed % 4), seed, 2500);
}

/* Every restart finds what it should; `cut`: power goes within so many operations of the storage. */
static void storm_on_flash(enum queue_policy policy, uint32_t seed, unsigned lives_count, bool cut)
{
    struct flash_sim flash;
    flash_sim_init(&flash, 1024, 12, 4, seed);
    assert_true(log_capacity(&flash.storage, MOST_BODY + 8) >= 2048 + 768);
    print_message("policy %d, seed %u on flash\n", (int)policy, seed);
    begin(&model, policy, seed, &flash);
    for (unsigned life = 0; life < lives_count; life++) {
        const unsigned steps = 50 + dice(&model, 150);
        if (cut)
            flash_sim_cut(&flash, 1 + dice(&model, 60), (enum flash_cut)dice(&model, FLASH_CUTS));
        for (unsigned i = 0; i < steps && !flash.off; i++) {
            step(&model);
            if (!flash.off)
                check_counts(&model);
        }
        do_restart(&model);
        check_counts(&model);
    }
    queue_fixture_fini(&model.f);
    flash_sim_fini(&flash);
}

static void on_flash_everything_is_there_again_after_a_restart(void **state)
{
    (void)state;
    const struct seeds s = seeds_of(24);
    for (uint32_t seed = s.first; seed <= s.last; seed++)
        storm_on_flash((enum queue_policy)(seed % 4), seed, 12, false);
}

static void on_flash_a_power_cut_loses_nothing_and_brings_nothing_dropped_back(void **state)
{
    (void)state;
    const struct seeds s = seeds_of(60);
    for (uint32_t seed = s.first; seed <= s.last; seed++)
        storm_on_flash((enum queue_policy)(seed % 4), seed, 25, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_memory_it_does_what_a_plain_list_does),
        cmocka_unit_test(on_flash_everything_is_there_again_after_a_restart),
        cmocka_unit_test(on_flash_a_power_cut_loses_nothing_and_brings_nothing_dropped_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
