/* A queue on storage that fails, lies or comes from elsewhere: told, counted, and everything else goes on. */
#include "support/client_fixture.h"

#define BLOCK 4096u
#define BLOCKS 16u

static uint8_t medium[BLOCKS * BLOCK];
static spoke_ram_storage ram;
static spoke_storage flawed; /* the same, with the troubles below */
static struct {
    bool reads_fail, programs_fail;
} trouble;

static spoke_status read_or_not(void *ctx, uint32_t block, uint32_t offset, void *out, size_t len)
{
    return trouble.reads_fail ? SPOKE_E_PORT : ram.storage.read(ctx, block, offset, out, len);
}

static spoke_status program_or_not(void *ctx, uint32_t block, uint32_t offset, const void *bytes, size_t len)
{
    return trouble.programs_fail ? SPOKE_E_PORT : ram.storage.program(ctx, block, offset, bytes, len);
}

static struct {
    unsigned storage, drops;
    int32_t faults;
} noticed;

static void on_notice(spoke_client *client, const spoke_notice *notice, void *user)
{
    (void)client;
    (void)user;
    noticed.storage += notice->kind == SPOKE_NOTICE_STORAGE;
    noticed.drops += notice->kind == SPOKE_NOTICE_DROP;
    if (notice->kind == SPOKE_NOTICE_STORAGE)
        noticed.faults += notice->error.detail;
}

static struct {
    uint32_t id;
    spoke_status status;
} outcomes[32];
static size_t outcome_count;

static void on_sent(spoke_client *client, uint32_t id, spoke_status outcome, void *user)
{
    (void)client;
    (void)user;
    assert_true(outcome_count < 32);
    outcomes[outcome_count].id = id;
    outcomes[outcome_count++].status = outcome;
}

static void restart(struct fixture *f)
{
    spoke_storage_ram_init(&ram, medium, BLOCK, BLOCKS);
    flawed = ram.storage;
    flawed.read = read_or_not;
    flawed.program = program_or_not;
    start(f);
}

static int set_up_store(void **state)
{
    if (set_up(state) != 0)
        return -1;
    struct fixture *f = *state;
    memset(medium, 0xFF, sizeof medium);
    memset(&noticed, 0, sizeof noticed);
    trouble.reads_fail = trouble.programs_fail = false;
    outcome_count = 0;
    f->config.on_notice = on_notice;
    f->config.on_sent = on_sent;
    f->config.storage = &flawed;
    restart(f);
    return 0;
}

#define stored(test) cmocka_unit_test_setup_teardown(test, set_up_store, tear_down)

static void send_reading(struct fixture *f, uint32_t id)
{
    const spoke_field field = spoke_i64("reading", 1000000 + (int64_t)id);
    const spoke_delivery how = {SPOKE_NORMAL, 0, id};
    assert_ok(spoke_telemetry_send_as(f->client, &how, NULL, &field, 1));
}

/* Where the body of that reading stands. */
static uint8_t *body_of(uint32_t id)
{
    char text[16];
    snprintf(text, sizeof text, "%lu", 1000000 + (unsigned long)id);
    uint8_t *at = memmem(medium, sizeof medium, text, strlen(text));
    assert_non_null(at);
    return at;
}

static size_t telemetry_sent(void)
{
    size_t count = 0;
    for (size_t i = 0; i < fake->sent_count; i++)
        count += strstr(fake->sent[i].topic, "/messages/events/") != NULL;
    return count;
}

static spoke_status outcome_for(uint32_t id)
{
    for (size_t i = 0; i < outcome_count; i++)
        if (outcomes[i].id == id)
            return outcomes[i].status;
    return SPOKE_E_NOT_FOUND;
}

/* --- at the start --- */

static void a_storage_that_cannot_be_read_makes_no_client(void **state)
{
    struct fixture *f = *state;
    spoke_client *client;
    spoke_error why;
    const size_t size = spoke_client_size(&f->config);
    void *memory = test_malloc(size);
    trouble.reads_fail = true;
    assert_int_equal(spoke_client_init(memory, size, &f->config, &client, &why), SPOKE_E_PORT);
    assert_non_null(strstr(why.text, "cannot be read or written"));
    assert_null(client);
    test_free(memory);
    trouble.reads_fail = false;
}

static void a_storage_smaller_than_any_number_of_its_blocks_could_help_is_refused(void **state)
{
    struct fixture *f = *state;
    _Alignas(max_align_t) uint8_t room[300];
    spoke_client *client;
    spoke_error why;
    spoke_ram_storage tiny;
    static uint8_t bytes[8 * 512];
    spoke_storage_ram_init(&tiny, bytes, 512, 8);
    f->config.storage = &tiny.storage;
    f->config.queue_bytes = f->config.report_bytes = INT32_MAX;
    assert_int_equal(spoke_client_init(room, sizeof room, &f->config, &client, &why), SPOKE_E_ARG);
    assert_string_equal(why.text, "storage is too small for queue_bytes and report_bytes together");
    f->config.queue_bytes = f->config.report_bytes = 65536;
    for (size_t size = 0; size < sizeof room; size += 100) { /* with room for it, it says how many would do */
        assert_int_equal(spoke_client_init(room, size, &f->config, &client, &why), SPOKE_E_ARG);
        assert_int_equal(strstr(why.text, "with blocks of 512 bytes") != NULL, size > 120);
    }
}

/* --- while it runs --- */

static void a_storage_that_goes_on_failing_is_noticed_in_sum_and_loses_nothing(void **state)
{
    struct fixture *f = *state;
    spoke_stats stats = SPOKE_STATS;
    get_ready(f);
    fake->full = true;
    send_reading(f, 1);
    send_reading(f, 2);
    poll(f, 0);
    trouble.reads_fail = true;
    fake->full = false;
    run(f, 40000);
    assert_int_equal(telemetry_sent(), 1); /* that one had been read */
    assert_in_range(noticed.storage, 1, 5);
    assert_ok(spoke_client_stats(f->client, &stats));
    assert_in_range(stats.storage_faults, 30, 50);
    trouble.reads_fail = false;
    run(f, 12000);
    assert_int_equal(telemetry_sent(), 2);
    assert_ok(spoke_client_stats(f->client, &stats));
    assert_int_equal(noticed.faults, stats.storage_faults);
}

static void a_storage_that_takes_nothing_refuses_each_message_and_is_told(void **state)
{
    struct fixture *f = *state;
    spoke_stats stats = {.struct_size = sizeof stats};
    const spoke_field field = spoke_i64("n", 1);
    const spoke_delivery how = {SPOKE_NORMAL, 0, 1};
    get_ready(f);
    trouble.programs_fail = true;
    assert_int_equal(spoke_telemetry_send_as(f->client, &how, NULL, &field, 1), SPOKE_E_PORT);
    poll(f, 0);
    assert_true(noticed.storage > 0 && noticed.faults > 0);
    assert_ok(spoke_client_stats(f->client, &stats));
    assert_true(stats.storage_faults > 0);
    trouble.programs_fail = false;
    expect(f, SPOKE_READY);
    send_reading(f, 2);
    poll(f, 0);
    assert_int_equal(telemetry_sent(), 1);
}

/* Each GET is answered at once. */
static unsigned gets_answered_within(struct fixture *f, uint64_t ms)
{
    const uint64_t until = clock_ms + ms;
    unsigned answered = 0;
    while (clock_ms < until && answered < 1000) {
        fake->sent_count = 0;
        poll(f, 1000);
        for (size_t i = 0; i < fake->sent_count; i++)
            if (strstr(fake->sent[i].topic, "/GET/") != NULL) {
                say_twin("200", "{\"desired\":{\"target\":1,\"$version\":2},\"reported\":{\"$version\":1}}");
                answered++;
                break;
            }
    }
    return answered;
}

static void acknowledgements_that_cannot_be_stored_are_tried_again_with_pauses(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    trouble.programs_fail = true;
    say_message("$iothub/twin/PATCH/properties/desired/?$version=2", "{\"target\":1,\"$version\":2}", 0);
    assert_in_range(gets_answered_within(f, 600000), 5, 30);
    const unsigned asked = f->properties;
    trouble.programs_fail = false;
    assert_in_range(gets_answered_within(f, 300000), 1, 1);
    assert_int_equal(f->properties, asked + 1);
    expect(f, SPOKE_READY);
}

/* --- the sum --- */

static spoke_stats stats_that_add_up(const struct fixture *f)
{
    spoke_stats s = SPOKE_STATS;
    assert_ok(spoke_client_stats(f->client, &s));
    uint64_t ended = s.delivered;
    for (int i = 0; i < SPOKE_DROP_COUNT; i++)
        ended += s.dropped[i];
    assert_int_equal(s.accepted + s.recovered, ended + s.queue_messages);
    return s;
}

static uint32_t sum_seed;

static unsigned chance(unsigned of)
{
    sum_seed = sum_seed * 1103515245u + 12345u;
    return (sum_seed >> 16) % of;
}

static void live_a_moment(struct fixture *f)
{
    const spoke_delivery how = {.priority = (spoke_priority)chance(3), .ttl_s = chance(3), .id = chance(2)};
    const spoke_field x = spoke_i64("x", chance(1000000));
    outcome_count = 0;
    trouble.programs_fail = chance(20) == 0;
    trouble.reads_fail = chance(40) == 0;
    if (chance(4) > 1)
        (void)!spoke_telemetry_send_as(f->client, &how, NULL, &x, 1);
    else if (chance(2) == 0)
        clock_ms += 700;
    else if (fake->sent_count > 0 && last_sent()->qos == 1)
        say((spoke_transport_event){.kind = SPOKE_TRANSPORT_ACKED, .token = last_sent()->token});
    fake->sent_count = fake->sent_count > 200 ? 0 : fake->sent_count;
    stats_that_add_up(f);
    poll(f, 0);
    stats_that_add_up(f);
    trouble.programs_fail = trouble.reads_fail = false;
}

/* By close, or by a power cut; into a queue that is shorter or longer than the one before. */
static void every_message_has_one_end_in_each_run(void **state)
{
    struct fixture *f = *state;
    uint64_t recovered = 0;
    sum_seed = 1;
    for (int life = 0; life < 200; life++) {
        f->config.when_full = (spoke_when_full)(life % 4);
        f->config.queue_messages = 3 + chance(6);
        f->config.batch_count = (uint16_t)chance(4);
        restart(f);
        recovered += stats_that_add_up(f).recovered;
        if (chance(2) == 0)
            get_ready(f);
        for (unsigned moments = chance(60); moments > 0; moments--)
            live_a_moment(f);
        if (chance(2) == 0)
            (void)spoke_client_close(f->client, 0);
        const uint32_t left = stats_that_add_up(f).queue_messages;
        restart(f);
        assert_true(stats_that_add_up(f).recovered >= left); /* more: acknowledged and not marked, sent again */
    }
    assert_true(recovered > 100);
}

static void a_message_that_cannot_be_read_any_more_is_told_and_the_others_leave(void **state)
{
    struct fixture *f = *state;
    spoke_stats stats = {.struct_size = sizeof stats};
    for (uint32_t id = 1; id <= 3; id++)
        send_reading(f, id);
    body_of(2)[3] ^= 0x40; /* a bit that turned */
    get_ready(f);
    poll(f, 0);
    assert_int_equal(telemetry_sent(), 2);
    assert_int_equal(outcome_for(2), SPOKE_E_PORT);
    assert_ok(spoke_client_stats(f->client, &stats));
    assert_int_equal(stats.dropped[SPOKE_DROP_STORAGE], 1);
    poll(f, 0);
    assert_true(noticed.storage > 0);
}

/* Its duplicate would be another message under the same id, so the rest of it goes one by one. */
static void a_batch_of_which_one_cannot_be_read_is_taken_apart(void **state)
{
    struct fixture *f = *state;
    f->config.batch_count = 4;
    restart(f);
    for (uint32_t id = 1; id <= 4; id++)
        send_reading(f, id);
    get_ready(f);
    assert_int_equal(telemetry_sent(), 1);
    body_of(3)[3] ^= 0x40;
    reconnect(f, false);
    say_twin("200", "{\"desired\":{\"$version\":1},\"reported\":{\"$version\":1}}");
    for (int i = 0; i < 4; i++)
        poll(f, 0);
    for (size_t i = 0; i < fake->sent_count; i++)
        assert_null(strstr(fake->sent[i].body, "1000003"));
    assert_int_equal(outcome_for(3), SPOKE_E_PORT);
    for (size_t i = 0; i < fake->sent_count; i++)
        if (fake->sent[i].qos == 1)
            say((spoke_transport_event){.kind = SPOKE_TRANSPORT_ACKED, .token = fake->sent[i].token});
    poll(f, 0);
    assert_int_equal(spoke_client_pending(f->client), 0);
    assert_ok(outcome_for(1));
    assert_ok(outcome_for(2));
    assert_ok(outcome_for(4));
}

/* --- after a restart --- */

static void what_was_recovered_is_joined_when_it_was_made_together(void **state)
{
    struct fixture *f = *state;
    f->config.batch_count = 4;
    restart(f);
    send_reading(f, 1);
    send_reading(f, 2);
    clock_ms += 5000;
    send_reading(f, 3);
    restart(f);
    send_reading(f, 4); /* of this run: never with those of another */
    get_ready(f);
    poll(f, 0);
    assert_int_equal(telemetry_sent(), 3);
    const char *const bodies[] = {"[{\"reading\":1000001},{\"reading\":1000002}]", "{\"reading\":1000003}",
                                  "{\"reading\":1000004}"};
    size_t at = 0;
    for (size_t i = 0; i < fake->sent_count; i++)
        if (strstr(fake->sent[i].topic, "/messages/events/") != NULL)
            assert_string_equal(fake->sent[i].body, bodies[at++]);
}

static void what_was_recovered_without_a_time_is_not_joined(void **state)
{
    struct fixture *f = *state;
    f->config.batch_count = 4;
    f->clock_unset = true;
    restart(f);
    send_reading(f, 1);
    send_reading(f, 2);
    f->clock_unset = false;
    restart(f);
    get_ready(f);
    poll(f, 0);
    assert_int_equal(telemetry_sent(), 2);
}

static uint8_t durable[sizeof medium];

static bool sync_fails;

static spoke_status sync_medium(void *ctx)
{
    (void)ctx;
    if (sync_fails)
        return SPOKE_E_PORT;
    memcpy(durable, medium, sizeof durable);
    return SPOKE_OK;
}

static void an_end_by_age_that_was_told_is_the_end_also_after_a_power_cut(void **state)
{
    struct fixture *f = *state;
    const spoke_field field = spoke_i64("reading", 1);
    const spoke_delivery how = {SPOKE_NORMAL, 10, 7};
    flawed.sync = sync_medium;
    assert_ok(spoke_telemetry_send_as(f->client, &how, NULL, &field, 1));
    run(f, 11000);
    assert_int_equal(outcome_for(7), SPOKE_E_TIMEOUT);
    spoke_client_destroy(f->client);
    memcpy(medium, durable, sizeof medium); /* whatever was not synced is gone */
    f->client = NULL;
    restart(f);
    assert_int_equal(spoke_client_pending(f->client), 0);
}

static void an_end_that_the_storage_cannot_keep_is_told_and_the_fault_counted(void **state)
{
    struct fixture *f = *state;
    const spoke_field field = spoke_i64("reading", 1);
    const spoke_delivery how = {SPOKE_NORMAL, 10, 7};
    spoke_stats stats = SPOKE_STATS;
    flawed.sync = sync_medium;
    assert_ok(spoke_telemetry_send_as(f->client, &how, NULL, &field, 1));
    sync_fails = true;
    run(f, 11000);
    sync_fails = false;
    assert_int_equal(outcome_for(7), SPOKE_E_TIMEOUT);
    assert_ok(spoke_client_stats(f->client, &stats));
    assert_int_equal(stats.storage_faults, 1);
    assert_int_equal(noticed.faults, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        stored(a_storage_that_cannot_be_read_makes_no_client),
        stored(a_storage_smaller_than_any_number_of_its_blocks_could_help_is_refused),
        stored(a_storage_that_goes_on_failing_is_noticed_in_sum_and_loses_nothing),
        stored(a_storage_that_takes_nothing_refuses_each_message_and_is_told),
        stored(every_message_has_one_end_in_each_run),
        stored(acknowledgements_that_cannot_be_stored_are_tried_again_with_pauses),
        stored(a_message_that_cannot_be_read_any_more_is_told_and_the_others_leave),
        stored(a_batch_of_which_one_cannot_be_read_is_taken_apart),
        stored(what_was_recovered_is_joined_when_it_was_made_together),
        stored(an_end_by_age_that_was_told_is_the_end_also_after_a_power_cut),
        stored(an_end_that_the_storage_cannot_keep_is_told_and_the_fault_counted),
        stored(what_was_recovered_without_a_time_is_not_joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
