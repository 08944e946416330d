#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32.h"
#include "queue/log_format.h"
#include "support/log_model.h"
#include "support/support.h"

static struct log_model model;
static const uint32_t units[] = {1, 2, 4, 8, 16, 32, 64};

enum { UNITS = sizeof units / sizeof units[0] };

static void begin(uint32_t block_bytes, uint32_t blocks, uint32_t unit)
{
    log_model_init(&model, block_bytes, blocks, unit, 1);
    assert_ok(log_model_open(&model, false));
}

static void reopen(void)
{
    assert_ok(log_model_open(&model, false));
}

static void append_all(unsigned count, uint8_t lane, uint32_t bytes)
{
    for (unsigned i = 0; i < count; i++)
        assert_ok(log_model_append(&model, lane, bytes));
}

static unsigned found_count(void)
{
    unsigned count = 0;
    for (size_t i = 0; i < model.count; i++)
        count += model.items[i].found;
    return count;
}

/* --- records --- */

static void a_fresh_storage_has_no_records_and_gets_the_id(void **state)
{
    (void)state;
    begin(512, 4, 1);
    assert_int_equal(model.log.store_id, 0xC0FFEE00u);
    assert_int_equal(model.log.next_seq, 1);
    append_all(1, 0, 10);
    reopen(); /* offers another id */
    assert_int_equal(model.log.store_id, 0xC0FFEE00u);
    log_model_fini(&model);
}

static void a_record_comes_back_with_all_its_fields(void **state)
{
    (void)state;
    for (size_t u = 0; u < UNITS; u++) {
        begin(1024, 4, units[u]);
        for (uint32_t bytes = 0; bytes < 30; bytes += 3)
            append_all(1, (uint8_t)(bytes % LOG_LANES), bytes);
        reopen(); /* compares */
        assert_int_equal(found_count(), 10);
        log_model_fini(&model);
    }
}

struct order {
    uint32_t last;
    unsigned count;
};

static spoke_status in_order(void *ctx, const struct log_record *record, uint32_t where)
{
    struct order *order = ctx;
    (void)where;
    assert_int_equal(record->seq, ++order->last);
    order->count++;
    return SPOKE_OK;
}

static void records_are_found_in_the_order_of_their_appending(void **state)
{
    (void)state;
    begin(512, 8, 8);
    append_all(10, 1, 30);
    struct order order = {.last = 0};
    const struct log_owner owner = {.ctx = &order, .found = in_order};
    assert_ok(log_open(&model.log, &model.flash.storage, &owner, model.scratch, model.scratch_bytes, 1));
    assert_int_equal(order.count, 10);
    log_model_fini(&model);
}

static spoke_status refuse(void *ctx, const struct log_record *record, uint32_t where)
{
    (void)ctx, (void)record, (void)where;
    return SPOKE_E_FULL;
}

static void what_the_owner_answers_ends_the_opening(void **state)
{
    (void)state;
    begin(512, 4, 8);
    append_all(2, 1, 30);
    const struct log_owner owner = {.found = refuse};
    assert_int_equal(log_open(&model.log, &model.flash.storage, &owner, model.scratch, model.scratch_bytes, 1),
                     SPOKE_E_FULL);
    log_model_fini(&model);
}

static void the_largest_record_fits_and_one_byte_more_does_not(void **state)
{
    (void)state;
    static char payload[2048];
    for (size_t u = 0; u < UNITS; u++) {
        begin(1024, 4, units[u]);
        const uint32_t most = log_most_bytes(&model.flash.storage);
        const struct log_record record = {.seq = 1};
        struct log_record back;
        uint8_t bytes[1024];
        spoke_buf out = spoke_buf_from(bytes, sizeof bytes);
        uint32_t where;
        assert_int_equal(
            log_append(&model.log, &record, spoke_str_from(payload, 1), spoke_str_from(payload, most), &where),
            SPOKE_E_TOO_LARGE);
        assert_int_equal(
            log_append(&model.log, &record, spoke_str_from(payload, most + 1), spoke_str_from(payload, 0), &where),
            SPOKE_E_TOO_LARGE);
        assert_ok(log_append(&model.log, &record, spoke_str_from(payload, 1), spoke_str_from(payload, most - 1),
                             &where));
        assert_ok(log_read(&model.log, where, &back, &out));
        assert_int_equal(out.len, most);
        log_model_fini(&model);
    }
}

static void reading_needs_the_room_and_leaves_a_full_buffer_alone(void **state)
{
    (void)state;
    begin(512, 4, 8);
    append_all(1, 0, 20);
    uint8_t bytes[25];
    memset(bytes, 0x77, sizeof bytes);
    struct log_record record;
    spoke_buf exact = {.ptr = bytes, .len = 4, .cap = 24}, short_by_one = {.ptr = bytes, .len = 4, .cap = 23};
    assert_int_equal(log_read(&model.log, model.items[0].where, &record, &short_by_one), SPOKE_E_TOO_SMALL);
    assert_int_equal(short_by_one.len, 4);
    assert_int_equal(bytes[4], 0x77);
    assert_ok(log_read(&model.log, model.items[0].where, &record, &exact));
    assert_int_equal(exact.len, 24);
    assert_int_equal(bytes[3], 0x77);
    assert_int_equal(bytes[24], 0x77);
    log_model_fini(&model);
}

static void a_place_that_holds_no_record_is_unreadable(void **state)
{
    (void)state;
    begin(512, 4, 8);
    append_all(3, 0, 20);
    for (uint32_t where = 0; where < 512 * 5; where++) {
        uint8_t bytes[64];
        spoke_buf out = spoke_buf_from(bytes, sizeof bytes);
        struct log_record record;
        bool known = false;
        for (size_t i = 0; i < model.count; i++)
            known |= model.items[i].where == where;
        assert_int_equal(log_read(&model.log, where, &record, &out), known ? SPOKE_OK : SPOKE_E_NOT_FOUND);
        assert_int_equal(out.len, known ? 20 : 0);
    }
    log_model_fini(&model);
}

/* --- marks --- */

static void what_a_mark_has_done_does_not_come_back(void **state)
{
    (void)state;
    begin(512, 4, 8);
    append_all(4, 2, 10);
    for (size_t i = 0; i < 3; i++)
        log_model_done(&model, i);
    assert_ok(log_model_mark(&model));
    reopen();
    assert_int_equal(found_count(), 1);
    assert_int_equal(model.items[3].found, 1);
    log_model_fini(&model);
}

static void what_no_mark_has_done_comes_back(void **state)
{
    (void)state;
    begin(512, 4, 8);
    append_all(4, 2, 10);
    log_model_done(&model, 0);
    reopen();
    assert_int_equal(found_count(), 4);
    assert_int_equal(model.duplicates, 1);
    log_model_fini(&model);
}

static void a_lane_that_is_behind_does_not_hold_back_another(void **state)
{
    (void)state;
    begin(512, 4, 8);
    append_all(1, 0, 10);
    append_all(3, 1, 10);
    for (size_t i = 1; i < 4; i++)
        log_model_done(&model, i);
    assert_ok(log_model_mark(&model));
    reopen();
    assert_int_equal(found_count(), 1);
    log_model_fini(&model);
}

static void sixteen_records_can_be_done_out_of_order(void **state)
{
    (void)state;
    begin(1024, 4, 8);
    append_all(LOG_SINGLES + 2, 3, 4);
    for (size_t i = 1; i <= LOG_SINGLES; i++)
        log_model_done(&model, i);
    assert_ok(log_model_mark(&model));
    assert_int_equal(model.log.mark.single_count, LOG_SINGLES);
    reopen();
    assert_int_equal(found_count(), 2);
    log_model_fini(&model);
}

static void a_run_ends_all_of_its_lane_and_nothing_of_another(void **state)
{
    (void)state;
    begin(1024, 8, 8);
    append_all(1, 1, 10);
    append_all(30, 1, 4);
    append_all(1, 2, 10);
    append_all(1, 1, 10);
    for (size_t i = 1; i <= 30; i++)
        log_model_done(&model, i);
    const uint32_t from = model.items[1].seq, to = model.items[31].seq; /* the last one is of lane 2 */
    const struct log_mark mark = {.runs = {{from, to, 1}}, .run_count = 1};
    assert_ok(log_mark(&model.log, &mark));
    reopen();
    assert_int_equal(found_count(), 3);
    assert_true(model.items[0].found && model.items[31].found && model.items[32].found);
    log_model_fini(&model);
}

static void a_run_is_told_on_until_its_lane_has_passed_it(void **state)
{
    (void)state;
    begin(1024, 4, 8);
    append_all(9, 1, 4);
    assert_ok(log_mark(&model.log, &(struct log_mark){.runs = {{3, 5, 1}}, .run_count = 1}));
    assert_ok(log_mark(&model.log, &(struct log_mark){.single_count = 0}));
    assert_int_equal(model.log.mark.run_count, 1);
    assert_ok(log_mark(&model.log, &(struct log_mark){.runs = {{3, 6, 1}}, .run_count = 1})); /* it grew */
    assert_int_equal(model.log.mark.run_count, 1);
    assert_int_equal(model.log.mark.runs[0].to, 6);
    struct log_mark full = {.single_count = LOG_SINGLES};
    for (uint32_t i = 0; i < LOG_SINGLES; i++)
        full.singles[i] = 100 + i;
    assert_ok(log_mark(&model.log, &(struct log_mark){.below = {0, 6}}));
    assert_int_equal(model.log.mark.run_count, 0);
    assert_ok(log_mark(&model.log, &full));
    full.runs[0] = (struct log_run){7, 8, 1};
    full.run_count = 1;
    assert_ok(log_mark(&model.log, &full)); /* more than a mark takes */
    assert_int_equal(model.log.mark.run_count, 1);
    assert_int_equal(model.log.mark.single_count, LOG_SINGLES - 2);
    for (size_t i = 0; i < model.count; i++)
        log_model_done(&model, i);
    log_model_fini(&model);
}

static void a_mark_with_more_runs_than_numbers_is_none(void **state)
{
    (void)state;
    static const struct {
        uint8_t numbers, runs;
        bool good;
    } cases[] = {{0, 0, true},  {2, 1, true},   {1, 1, false}, {3, 2, false},
                 {10, 4, true}, {10, 5, false}, {16, 4, true}, {17, 0, false}};
    begin(512, 4, 8);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const uint8_t raw[LOG_MARK_BYTES] = {LOG_MARK, cases[i].numbers, cases[i].runs};
        assert_int_equal(log_mark_peek(&model.flash.storage, raw) > 0, cases[i].good);
    }
    log_model_fini(&model);
}

static void a_mark_after_a_restart_keeps_what_was_done_out_of_order_before(void **state)
{
    (void)state;
    begin(512, 4, 8);
    append_all(4, 0, 10);
    log_model_done(&model, 2); /* its owner knows nothing of it after the restart */
    assert_ok(log_model_mark(&model));
    reopen();
    log_model_done(&model, 1);
    assert_ok(log_model_mark(&model));
    assert_int_equal(model.log.mark.single_count, 2);
    reopen();
    assert_int_equal(found_count(), 2);
    log_model_fini(&model);
}

static void a_mark_that_goes_back_takes_nothing_back(void **state)
{
    (void)state;
    begin(512, 4, 8);
    append_all(4, 0, 10);
    assert_ok(log_mark(&model.log, &(struct log_mark){.below = {3, 4, 4, 4}}));
    assert_ok(log_mark(&model.log, &(struct log_mark){.below = {1, 4, 4, 4}}));
    assert_int_equal(model.log.mark.below[0], 3);
    log_model_fini(&model);
}

static void more_singles_than_a_mark_takes_are_cut_off(void **state)
{
    (void)state;
    begin(512, 4, 8);
    struct log_mark mark = {.single_count = LOG_SINGLES + 5};
    for (size_t i = 0; i < LOG_SINGLES; i++)
        mark.singles[i] = 100 + (uint32_t)i;
    assert_ok(log_mark(&model.log, &mark));
    assert_int_equal(model.log.mark.single_count, LOG_SINGLES);
    log_model_fini(&model);
}

static void numbers_may_wrap(void **state)
{
    (void)state;
    begin(1024, 4, 8);
    model.log.next_seq = UINT32_MAX - 2; /* a log that is old enough */
    assert_ok(log_mark(&model.log, &(struct log_mark){.below = {0x7FFFFFF0, 0x7FFFFFF0, 0x7FFFFFF0, 0x7FFFFFF0}}));
    assert_ok(log_mark(&model.log, &(struct log_mark){.below = {0xFFFFFFF0, 0xFFFFFFF0, 0xFFFFFFF0, 0xFFFFFFF0}}));
    append_all(6, 0, 10);
    log_model_done(&model, 0);
    assert_ok(log_model_mark(&model));
    reopen();
    assert_int_equal(found_count(), 5);
    assert_int_equal(model.log.next_seq, 3);
    log_model_fini(&model);
}

/* --- room --- */

static void sizes_that_cannot_work_are_refused(void **state)
{
    (void)state;
    static const uint32_t bad[][3] = {{504, 4, 1},   {516, 4, 1},  {512, 3, 1},       {512, 4, 0}, {512, 4, 3},
                                      {512, 4, 128}, {528, 4, 32}, {65536, 65536, 1}, {0, 4, 1},   {512, 0, 1}};
    begin(512, 4, 1);
    const struct log_owner owner = {.ctx = NULL};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        spoke_storage storage = model.flash.storage;
        storage.block_bytes = bad[i][0];
        storage.block_count = bad[i][1];
        storage.program_bytes = bad[i][2];
        assert_int_equal(log_open(&model.log, &storage, &owner, model.scratch, model.scratch_bytes, 1),
                         SPOKE_E_ARG);
        assert_int_equal(log_most_bytes(&storage), 0);
    }
    const spoke_storage good = model.flash.storage;
    spoke_storage without = good;
    without.read = NULL;
    assert_int_equal(log_open(&model.log, &without, &owner, model.scratch, model.scratch_bytes, 1), SPOKE_E_ARG);
    without = good;
    without.struct_size = 4;
    assert_int_equal(log_open(&model.log, &without, &owner, model.scratch, model.scratch_bytes, 1), SPOKE_E_ARG);
    assert_int_equal(log_open(&model.log, NULL, &owner, model.scratch, model.scratch_bytes, 1), SPOKE_E_ARG);
    assert_int_equal(log_open(&model.log, &good, &owner, model.scratch, log_scratch_bytes(&good) - 1, 1),
                     SPOKE_E_ARG);
    log_model_fini(&model);
}

static void capacity_shrinks_with_the_largest_record_and_ends_at_none(void **state)
{
    (void)state;
    begin(4096, 16, 8);
    const spoke_storage *s = &model.flash.storage;
    const uint32_t most = log_most_bytes(s);
    uint64_t before = UINT64_MAX;
    for (uint32_t payload = 0; payload <= most; payload++) {
        const uint64_t capacity = log_capacity(s, payload);
        assert_true(capacity <= before && capacity >= log_record_bytes(s, payload));
        before = capacity;
    }
    assert_int_equal(log_capacity(s, most + 1), 0);
    assert_in_range(log_capacity(s, 100), 15 * 4096 * 8 / 10, 15 * 4096 * 7 / 8);
    assert_in_range(log_capacity(s, most), 7 * 3800, 7 * 4096);
    assert_int_equal(log_record_bytes(s, UINT32_MAX), UINT32_MAX);
    log_model_fini(&model);
}

static uint32_t any_size(uint32_t most)
{
    const uint32_t dice = flash_sim_random(&model.flash);
    return dice % 3 == 0 ? most : dice % 3 == 1 ? flash_sim_random(&model.flash) % (most + 1) : most / 2 + 1;
}

/* Any one of those that live, the oldest among them as rarely as the others: the worst for a log. */
static void end_any(void)
{
    size_t i;
    do
        i = flash_sim_random(&model.flash) % model.count;
    while (model.items[i].state != LOG_MODEL_LIVES);
    log_model_done(&model, i);
}

static void below_capacity_there_is_always_room_whatever_the_sizes(void **state)
{
    (void)state;
    for (size_t u = 0; u < UNITS; u++)
        for (uint32_t share = 1; share <= 4; share++) {
            begin(1024, 4 + share, units[u]);
            model.most_payload = log_most_bytes(&model.flash.storage) / share;
            model.capacity = log_capacity(&model.flash.storage, model.most_payload);
            while (model.count < 1200) {
                const uint32_t bytes = any_size(model.most_payload);
                if (model.living_bytes + log_record_bytes(&model.flash.storage, bytes) > model.capacity)
                    end_any();
                else
                    append_all(1, (uint8_t)(model.count % LOG_LANES), bytes);
                if (model.count % 5 == 0)
                    assert_ok(log_model_mark(&model));
            }
            assert_ok(log_model_read_all(&model));
            log_model_fini(&model);
        }
}

static void beyond_capacity_the_answer_is_full_and_nothing_is_lost(void **state)
{
    (void)state;
    begin(512, 4, 8);
    model.capacity = UINT64_MAX;
    spoke_status status;
    do
        status = log_model_append(&model, 0, 60);
    while (status == SPOKE_OK);
    assert_int_equal(status, SPOKE_E_FULL);
    assert_int_equal(log_model_append(&model, 0, 60), SPOKE_E_FULL);
    reopen();
    assert_int_equal(log_model_append(&model, 0, 60), SPOKE_E_FULL);
    for (size_t i = 0; i < 12; i++)
        log_model_done(&model, i);
    append_all(1, 0, 60);
    log_model_fini(&model);
}

/* --- wear --- */

static void blocks_wear_alike(void **state)
{
    (void)state;
    begin(512, 9, 8);
    for (unsigned i = 0; i < 5500; i++) {
        append_all(1, (uint8_t)(i % LOG_LANES), flash_sim_random(&model.flash) % 60);
        if (i >= 10)
            log_model_done(&model, i - 10);
        if (i % 4 == 0)
            assert_ok(log_model_mark(&model));
        if (i % 500 == 0)
            reopen();
    }
    uint32_t least = UINT32_MAX, most = 0;
    for (uint32_t block = 0; block < 9; block++) {
        const uint32_t erases = model.flash.erases_of[block];
        least = erases < least ? erases : least;
        most = erases > most ? erases : most;
    }
    assert_in_range(least, 50, UINT32_MAX);
    assert_in_range(most - least, 0, 1);
    log_model_fini(&model);
}

static void an_append_is_one_program_and_one_sync(void **state)
{
    (void)state;
    begin(4096, 4, 8);
    model.scratch_bytes = sizeof model.scratch;
    reopen();
    const uint64_t programs = model.flash.programs, syncs = model.flash.syncs,
                   bytes = model.flash.programmed_bytes;
    append_all(10, 0, 100);
    assert_int_equal(model.flash.programs - programs, 10);
    assert_int_equal(model.flash.syncs - syncs, 10);
    assert_int_equal(model.flash.programmed_bytes - bytes, 10 * 144);
    assert_int_equal(model.log.programs, 10);
    log_model_fini(&model);
}

static void a_record_larger_than_scratch_takes_several_programs(void **state)
{
    (void)state;
    begin(4096, 4, 8);
    append_all(1, 0, 1000);
    assert_int_equal(model.log.programs, 1 + 9); /* the header of the block; 1040 bytes, 128 at a time */
    reopen();
    assert_int_equal(found_count(), 1);
    log_model_fini(&model);
}

/* --- a storage of others --- */

static spoke_status open_again(void)
{
    return log_model_open(&model, true);
}

static void assert_refused_and_untouched(void)
{
    const size_t total = (size_t)model.flash.storage.block_bytes * model.flash.storage.block_count;
    uint8_t *before = malloc(total);
    assert_non_null(before);
    memcpy(before, model.flash.memory, total);
    assert_int_equal(open_again(), SPOKE_E_PROTOCOL);
    assert_memory_equal(before, model.flash.memory, total);
    free(before);
}

static void fill_storage(uint32_t offset, uint8_t byte, size_t count)
{
    memset(model.flash.memory + offset, byte, count);
    memset(model.flash.used + offset, byte != 0xFF, count);
}

static void what_another_program_wrote_is_refused_and_left_alone(void **state)
{
    (void)state;
    log_model_init(&model, 512, 4, 8, 1);
    fill_storage(0, 0, 2048);
    assert_refused_and_untouched();
    fill_storage(0, 0xFF, 2048);
    fill_storage(0, 'x', 4); /* a short magic, and nothing else */
    assert_refused_and_untouched();
    fill_storage(0, 0xFF, 4);
    fill_storage(3 * 512 + 511, 0xFE, 1);
    assert_refused_and_untouched();
    log_model_fini(&model);
}

static void write_header(uint32_t block, void (*change)(uint8_t *raw), const spoke_storage *as)
{
    uint8_t raw[LOG_HEADER_BYTES];
    log_block_write(as, &(struct log_block){.store_id = 7, .block_seq = 1, .next_seq = 1}, raw);
    if (change != NULL)
        change(raw);
    memcpy(model.flash.memory + (size_t)block * model.flash.storage.block_bytes, raw, sizeof raw);
}

static void next_version(uint8_t *raw)
{
    log_put_u32(raw + 8, LOG_VERSION + 1);
    log_put_u32(raw + 40, crc32_add(0, raw, 40));
}

static void another_version_is_refused_and_left_alone(void **state)
{
    (void)state;
    begin(512, 4, 8);
    write_header(2, next_version, &model.flash.storage);
    assert_refused_and_untouched();
    log_model_fini(&model);
}

static void a_log_made_with_other_sizes_is_refused_and_left_alone(void **state)
{
    (void)state;
    log_model_init(&model, 512, 4, 8, 1);
    spoke_storage other = model.flash.storage;
    other.block_count = 8;
    write_header(0, NULL, &other);
    assert_refused_and_untouched();
    other = model.flash.storage;
    other.program_bytes = 16;
    write_header(0, NULL, &other);
    assert_refused_and_untouched();
    log_model_fini(&model);
}

static void a_number_that_no_flash_endures_is_not_believed(void **state)
{
    (void)state;
    begin(512, 4, 8);
    append_all(2, 0, 10);
    uint8_t raw[LOG_HEADER_BYTES];
    log_block_write(&model.flash.storage, &(struct log_block){model.log.store_id, 0x80000000u, 1, 0}, raw);
    memcpy(model.flash.memory + 2 * 512, raw, sizeof raw);
    reopen();
    assert_int_equal(found_count(), 2);
    log_model_fini(&model);
}

/* --- power cuts that the sweep does not single out --- */

static void a_format_that_was_cut_is_done_again(void **state)
{
    (void)state;
    for (int how = 0; how < FLASH_CUTS; how++)
        for (uint64_t seed = 0; seed < 200; seed++) {
            log_model_init(&model, 512, 4, 8, seed);
            for (unsigned cut = 0; cut < 3; cut++) {
                flash_sim_cut(&model.flash, 1 + seed % 4, (enum flash_cut)how);
                assert_int_not_equal(log_model_open(&model, false) == SPOKE_OK && model.flash.off, true);
                flash_sim_power_on(&model.flash);
            }
            reopen();
            assert_int_equal(model.log.faults, 0);
            append_all(1, 0, 10);
            log_model_fini(&model);
        }
}

/* --- a medium that fails --- */

static void live_with_failures(unsigned steps)
{
    for (unsigned i = 0; i < steps; i++) {
        const spoke_status status = log_model_step(&model);
        assert_true(status == SPOKE_OK || status == SPOKE_E_PORT);
    }
}

static void an_operation_that_fails_loses_nothing_that_was_accepted(void **state)
{
    (void)state;
    for (uint64_t k = 1; k < 420; k++)
        for (uint64_t count = 1; count <= 16; count *= 16) {
            log_model_init(&model, 768, 5, units[k % UNITS], k);
            assert_ok(log_model_open(&model, false));
            spoke_status status;
            flash_sim_fail(&model.flash, k, count);
            live_with_failures(260);
            assert_ok(log_model_read_all(&model));
            for (unsigned tries = 0; (status = log_model_open(&model, false)) != SPOKE_OK && tries < 16; tries++)
                assert_int_equal(status, SPOKE_E_PORT);
            live_with_failures(30);
            flash_sim_power_on(&model.flash);
            reopen();
            for (unsigned i = 0; i < 20; i++)
                assert_ok(log_model_step(&model));
            log_model_fini(&model);
        }
}

static void a_read_that_fails_loses_nothing_that_was_accepted(void **state)
{
    (void)state;
    for (uint64_t k = 1; k < 4000; k += k < 400 ? 1 : 7) {
        log_model_init(&model, 768, 5, units[k % UNITS], k);
        flash_sim_fail_reads(&model.flash, k, 1 + k % 3);
        spoke_status status;
        for (unsigned tries = 0; (status = log_model_open(&model, false)) != SPOKE_OK && tries < 4; tries++)
            assert_int_equal(status, SPOKE_E_PORT);
        live_with_failures(200);
        flash_sim_power_on(&model.flash);
        for (unsigned i = 0; i < 20; i++)
            assert_ok(log_model_step(&model)); /* it heals without being opened again */
        reopen();
        log_model_fini(&model);
    }
}

static void after_a_sync_that_failed_writing_goes_on_in_another_block(void **state)
{
    (void)state;
    begin(512, 6, 8);
    append_all(1, 0, 10);
    flash_sim_fail(&model.flash, 2, 1);
    assert_int_equal(log_model_append(&model, 0, 10), SPOKE_E_PORT);
    const uint32_t head = model.log.head;
    append_all(1, 0, 10);
    assert_int_equal(model.log.head, head + 1);
    reopen();
    assert_in_range(found_count(), 2, 3);
    log_model_fini(&model);
}

/* Fills block 0 and begins block 1 with one more record of `bytes`. */
static void begin_second_block(uint32_t bytes)
{
    begin(512, 6, 8);
    while (model.log.head_offset + log_record_bytes(&model.flash.storage, 100) <=
           log_data_end(&model.flash.storage))
        append_all(1, 0, 100);
    append_all(1, 0, bytes);
    assert_int_equal(model.log.head, 1);
}

/* As a cut can leave it that comes before the first sync in the block: the record whole, the header not there. */
static void lose_header_of_second_block(void)
{
    struct flash_sim *flash = &model.flash;
    memset(flash->memory + 512, 0xFF, log_header_room(&flash->storage));
    memset(flash->used + 512, 0, log_header_room(&flash->storage));
    memcpy(flash->durable, flash->memory, 6 * 512);
    model.items[model.count - 1].state = LOG_MODEL_ASKED;
}

/* Its block gets the same number again: if the erase were undone behind the new header, the old record would be whole. */
static void a_record_without_its_header_is_not_there_under_the_next(void **state)
{
    (void)state;
    for (uint64_t k = 1; k <= 6; k++)
        for (uint64_t seed = 1; seed <= 100; seed++) {
            begin_second_block(150);
            lose_header_of_second_block();
            reopen();
            const size_t held = found_count();
            model.flash.random = seed;
            flash_sim_cut(&model.flash, k, FLASH_CUT_CACHE);
            (void)log_model_append(&model, 0, 120); /* would stand in its place */
            flash_sim_power_on(&model.flash);
            reopen(); /* compares */
            assert_in_range(found_count(), held, held + 1);
            log_model_fini(&model);
        }
}

static spoke_status (*honest_sync)(void *ctx);

/* As a file system whose disk failed: an error, and what was written counts as clean, whatever became of it. */
static spoke_status sync_that_forgets(void *ctx)
{
    struct flash_sim *flash = ctx;
    memset(flash->unsynced, 0, (size_t)6 * 512);
    flash->unsynced_from = flash->unsynced_until = 0;
    flash->storage.sync = honest_sync;
    return SPOKE_E_PORT;
}

/* The erase was forgotten; the block reads as erased until the power goes. */
static void after_a_sync_that_failed_no_block_is_believed_to_be_erased(void **state)
{
    (void)state;
    begin_second_block(48);
    append_all(1, 0, 100);
    lose_header_of_second_block();
    model.items[model.count - 2].state = LOG_MODEL_ASKED;
    reopen();
    const size_t held = found_count();
    struct flash_sim *flash = &model.flash;
    honest_sync = flash->storage.sync;
    assert_ok(flash->storage.erase(flash, 1));
    flash->storage.sync = sync_that_forgets;
    assert_int_equal(log_model_append(&model, 0, 120), SPOKE_E_PORT);
    assert_ok(log_model_append(&model, 0, 48));     /* whatever stands behind it */
    memcpy(flash->memory, flash->durable, 6 * 512); /* the power goes */
    reopen();
    assert_int_equal(found_count(), held + 1);
    log_model_fini(&model);
}

static void append_and_end(unsigned count, uint32_t bytes)
{
    for (; count > 0 && log_model_append(&model, 1, bytes) == SPOKE_OK; count--)
        log_model_done(&model, model.count - 1);
}

/* Copies that only the page cache holds: the oldest block stays until they are durable. */
static void copies_of_a_life_before_are_made_durable_first(void **state)
{
    (void)state;
    for (uint64_t k = 12; k <= 24; k++) /* around the first turn */
        for (uint64_t later = 1; later <= 3; later++)
            for (uint64_t seed = 1; seed <= 200; seed++) {
                begin(512, 4, 8);
                append_all(1, 0, 60); /* stays, and moves with every turn: into the end of the head */
                flash_sim_cut(&model.flash, k, FLASH_CUT_KILL);
                append_and_end(40, 86);
                flash_sim_power_on(&model.flash);
                model.flash.random = seed;
                flash_sim_cut(&model.flash, later, FLASH_CUT_CACHE);
                if (log_model_open(&model, false) == SPOKE_OK) {
                    for (size_t i = 1; i < model.count; i++)
                        log_model_done(&model, i); /* again: no mark told it */
                    append_and_end(40, 86);
                }
                flash_sim_power_on(&model.flash);
                reopen(); /* compares */
                log_model_fini(&model);
            }
}

/* Not even the erase worked. The block in front of it, whose end it tells, may not grow. */
static void copies_that_were_given_up_do_not_cut_off_what_comes_after(void **state)
{
    (void)state;
    for (uint64_t k = 1; k <= 8; k++)
        for (uint64_t later = 1; later <= 8; later++) {
            begin(512, 4, 8);
            append_all(1, 0, 60);
            append_and_end(5, 100); /* one block is free, and the head has no room for the copy */
            flash_sim_fail(&model.flash, k, 2);
            append_and_end(1, 100);
            log_model_done(&model, 0);
            flash_sim_cut(&model.flash, later, FLASH_CUT_DONE);
            if (log_model_append(&model, 2, 8) == SPOKE_OK)
                (void)log_model_append(&model, 3, 100);
            flash_sim_power_on(&model.flash);
            reopen(); /* compares */
            log_model_fini(&model);
        }
}

static void a_storage_that_cannot_be_read_is_told(void **state)
{
    (void)state;
    begin(512, 4, 8);
    append_all(1, 0, 10);
    flash_sim_cut(&model.flash, 1, FLASH_CUT_NOTHING);
    assert_int_equal(log_model_append(&model, 0, 10), SPOKE_E_PORT);
    uint8_t bytes[64];
    spoke_buf out = spoke_buf_from(bytes, sizeof bytes);
    struct log_record record;
    assert_int_equal(log_read(&model.log, model.items[0].where, &record, &out), SPOKE_E_PORT);
    assert_int_equal(log_model_open(&model, false), SPOKE_E_PORT);
    log_model_fini(&model);
}

/* --- damage --- */

enum { DAMAGED_BYTES = 4 * 1024 };

/* A log over three blocks: records of all lanes, marks, some moved. */
static void build_for_damage(uint32_t unit)
{
    begin(1024, 4, unit);
    for (unsigned i = 0; i < 40; i++) {
        append_all(1, (uint8_t)(i % LOG_LANES), 4 + i % 16);
        if (i >= 4 && i % 8 != 0)
            log_model_done(&model, i - 4);
        if (i % 3 == 0)
            assert_ok(log_model_mark(&model));
    }
}

/* How many that live stand behind this one in the head: of the last two nobody can say that they were ever synced. */
static unsigned behind_in_head(const struct log_model_item *before, size_t count, size_t i)
{
    unsigned behind = 0;
    const uint32_t end = (model.log.head + 1) * model.flash.storage.block_bytes;
    for (size_t other = 0; other < count; other++)
        behind += before[other].state == LOG_MODEL_LIVES && before[other].where > before[i].where &&
                  before[other].where < end;
    return before[i].where / model.flash.storage.block_bytes == model.log.head ? behind : UINT32_MAX;
}

static unsigned lost_count(const struct log_model_item *before, size_t count, bool *last_ones)
{
    unsigned lost = 0;
    *last_ones = false;
    for (size_t i = 0; i < count; i++) {
        if (before[i].state != LOG_MODEL_LIVES || model.items[i].found > 0)
            continue;
        lost++;
        *last_ones |= behind_in_head(before, count, i) < 2;
    }
    return lost;
}

/* "Comes back" is allowed here: a mark is lost as well. */
static void forget_durable(void)
{
    for (size_t i = 0; i < model.count; i++)
        model.items[i].durable = model.items[i].told = false;
}

static void a_bit_that_turns_costs_one_record_at_most(void **state)
{
    (void)state;
    static struct log_model_item before[64];
    static uint8_t image[DAMAGED_BYTES];
    for (size_t u = 0; u < UNITS; u += 3) {
        build_for_damage(units[u]);
        forget_durable();
        memcpy(before, model.items, sizeof before);
        memcpy(image, model.flash.memory, sizeof image);
        unsigned lost_once = 0;
        for (uint64_t bit = 0; bit < 8 * sizeof image; bit++) {
            flash_sim_flip(&model.flash, bit);
            assert_ok(open_again());
            bool last_ones;
            const unsigned lost = lost_count(before, model.count, &last_ones);
            assert_in_range(lost, 0, 1);
            assert_true(lost == 0 || last_ones || model.log.faults > 0);
            lost_once += lost;
            memcpy(model.items, before, sizeof before);
            memcpy(model.flash.memory, image, sizeof image);
        }
        assert_in_range(lost_once, 8 * 20, UINT32_MAX); /* the test sees losses at all */
        log_model_fini(&model);
    }
}

static void a_log_with_any_bit_turned_takes_new_records(void **state)
{
    (void)state;
    static struct log_model before;
    static uint8_t image[DAMAGED_BYTES], used[DAMAGED_BYTES];
    build_for_damage(8);
    forget_durable();
    before = model;
    memcpy(image, model.flash.memory, sizeof image);
    memcpy(used, model.flash.used, sizeof used);
    for (uint64_t bit = 0; bit < 8 * sizeof image; bit += 5) {
        flash_sim_flip(&model.flash, bit);
        assert_ok(open_again());
        for (unsigned i = 0; i < 40; i++) {
            const spoke_status status = log_model_append(&model, 0, 50);
            if (status == SPOKE_E_FULL)
                for (size_t item = 0; item < model.count; item++)
                    log_model_done(&model, item);
            else
                assert_ok(status);
        }
        assert_ok(open_again());
        memcpy(before.flash.memory, image, sizeof image);
        memcpy(before.flash.durable, image, sizeof image);
        memcpy(before.flash.used, used, sizeof used);
        model = before;
    }
    log_model_fini(&model);
}

static void a_header_with_one_wrong_bit_is_mended(void **state)
{
    (void)state;
    begin(512, 4, 8);
    append_all(4, 0, 10);
    for (uint64_t bit = 0; bit < 8 * LOG_HEADER_BYTES; bit++) {
        flash_sim_flip(&model.flash, bit);
        reopen();
        assert_int_equal(found_count(), 4);
        flash_sim_flip(&model.flash, bit);
    }
    log_model_fini(&model);
}

static void a_lost_header_costs_its_block_alone(void **state)
{
    (void)state;
    begin(512, 6, 8);
    model.capacity = UINT64_MAX;
    append_all(12, 0, 50); /* four blocks */
    const uint32_t next_seq = model.log.next_seq;
    memset(model.flash.memory + 512, 0x55, LOG_HEADER_BYTES);
    assert_ok(open_again());
    assert_int_equal(found_count(), 9);
    assert_int_equal(model.log.faults, 1);
    assert_in_range(model.log.next_seq, next_seq, UINT32_MAX);
    log_model_fini(&model);
}

static void numbers_of_a_lost_last_block_are_not_given_again(void **state)
{
    (void)state;
    begin(512, 6, 8);
    model.capacity = UINT64_MAX;
    append_all(12, 0, 50);
    const uint32_t next_seq = model.log.next_seq;
    memset(model.flash.memory + (size_t)model.log.head * 512, 0x55, LOG_HEADER_BYTES);
    assert_ok(open_again());
    assert_int_equal(found_count(), 9);
    assert_in_range(model.log.next_seq, next_seq, UINT32_MAX);
    log_model_fini(&model);
}

static void a_young_log_that_lost_its_only_header_begins_anew(void **state)
{
    (void)state;
    begin(512, 4, 8);
    append_all(2, 0, 10);
    flash_sim_flip(&model.flash, 8 * 24);
    flash_sim_flip(&model.flash, 8 * 30);
    assert_ok(open_again());
    assert_int_equal(found_count(), 0);
    assert_int_equal(model.log.faults, 1);
    assert_int_not_equal(model.log.store_id, 0xC0FFEE00u); /* so the numbers may begin anew as well */
    model.count = 0;
    append_all(1, 0, 10);
    reopen();
    log_model_fini(&model);
}

static void a_payload_that_looks_like_a_record_is_none(void **state)
{
    (void)state;
    begin(1024, 4, 8);
    /* The record itself as payload, then its own header is damaged, so that the search goes through the payload. */
    append_all(1, 0, 40);
    char copy[80];
    memcpy(copy, model.flash.memory + model.items[0].where, sizeof copy);
    struct log_model_item *forged = &model.items[model.count++];
    *forged = (struct log_model_item){.seq = model.log.next_seq, .bytes = sizeof copy};
    assert_ok(log_append(&model.log, &(struct log_record){.seq = forged->seq, .id = ~forged->seq},
                         spoke_str_from(copy, sizeof copy), spoke_str_from(NULL, 0), &forged->where));
    append_all(2, 0, 10);
    flash_sim_flip(&model.flash, 8 * (uint64_t)forged->where);
    assert_ok(open_again());
    assert_int_equal(model.items[0].found, 1);
    assert_int_equal(forged->found, 0);
    assert_int_equal(found_count(), 3);
    log_model_fini(&model);
}

/* --- the bytes --- */

static void the_format_is_the_same_on_every_machine(void **state)
{
    (void)state;
    /* Made with zlib's crc32 and Python's struct, not with this code. */
    static const uint8_t golden[] = {
        0x53, 0x70, 0x6F, 0x6B, 0x65, 0x4C, 0x6F, 0x67, 0x01, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x04,
        0x00, 0x00, 0x00, 0x08, 0x00, 0x00, 0x00, 0x00, 0xEE, 0xFF, 0xC0, 0x01, 0x00, 0x00, 0x00, 0x01, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x60, 0xCB, 0xE8, 0xFA, 0xFF, 0xFF, 0xFF, 0xFF, 0xD5, 0x02, 0x01,
        0x00, 0x01, 0x00, 0x00, 0x00, 0x04, 0x03, 0x02, 0x01, 0x3C, 0x00, 0x00, 0x00, 0x08, 0x07, 0x06, 0x05,
        0x04, 0x03, 0x02, 0x01, 0x04, 0x00, 0x00, 0x00, 0x05, 0x00, 0x00, 0x00, 0xAB, 0x82, 0x7D, 0x72, 0x68,
        0x65, 0x61, 0x64, 0x62, 0x6F, 0x64, 0x79, 0x21, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02, 0x62,
        0x5A, 0xE6, 0x4D, 0x02, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00,
        0x00, 0x03, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x09, 0x00, 0x00, 0x00, 0x0A, 0x00, 0x00, 0x00,
        0xFF, 0xFF, 0xFF, 0xFF, 0x2E, 0x85, 0xD6, 0x95, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    begin(512, 4, 8);
    const struct log_record record = {
        .seq = 1, .id = 0x01020304, .ttl_s = 60, .created_ms = 0x0102030405060708, .lane = 2, .flags = 1};
    const struct log_mark mark = {.below = {1, 2, 3, 4}, .singles = {9, 10}, .single_count = 2};
    uint32_t where;
    assert_ok(log_append(&model.log, &record, SPOKE_STR("head"), SPOKE_STR("body!"), &where));
    assert_int_equal(where, 48);
    assert_ok(log_mark(&model.log, &mark));
    assert_memory_equal(model.flash.memory, golden, sizeof golden);
    log_model_fini(&model);
}

static void a_mark_with_runs_is_the_same_on_every_machine(void **state)
{
    (void)state;
    static const uint8_t golden[] = {0x4D, 0x05, 0x02, 0x07, 0x01, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00,
                                     0x02, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00,
                                     0x05, 0x00, 0x00, 0x00, 0x07, 0x00, 0x00, 0x00, 0x09, 0x00, 0x00, 0x00,
                                     0x0B, 0x00, 0x00, 0x00, 0x0C, 0x00, 0x00, 0x00, 0x64, 0x70, 0x4F, 0x0F};
    const struct log_mark mark = {.below = {1, 2, 3, 4},
                                  .runs = {{5, 7, 3}, {9, 11, 1}},
                                  .run_count = 2,
                                  .singles = {12},
                                  .single_count = 1};
    const struct log_place place = {0xC0FFEE00, 1, 48};
    struct log_mark back;
    uint32_t tail_seq;
    begin(512, 4, 8);
    assert_ok(log_mark(&model.log, &mark));
    assert_memory_equal(model.flash.memory + 48, golden, sizeof golden);
    assert_true(log_mark_read(&place, golden, sizeof golden, &back, &tail_seq));
    assert_int_equal(tail_seq, 1);
    assert_int_equal(back.run_count, 2);
    assert_int_equal(back.single_count, 1);
    assert_memory_equal(back.below, mark.below, sizeof mark.below);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(back.runs[i].from, mark.runs[i].from);
        assert_int_equal(back.runs[i].to, mark.runs[i].to);
        assert_int_equal(back.runs[i].lane, mark.runs[i].lane);
    }
    assert_int_equal(back.singles[0], 12);
    log_model_fini(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fresh_storage_has_no_records_and_gets_the_id),
        cmocka_unit_test(a_record_comes_back_with_all_its_fields),
        cmocka_unit_test(records_are_found_in_the_order_of_their_appending),
        cmocka_unit_test(what_the_owner_answers_ends_the_opening),
        cmocka_unit_test(the_largest_record_fits_and_one_byte_more_does_not),
        cmocka_unit_test(reading_needs_the_room_and_leaves_a_full_buffer_alone),
        cmocka_unit_test(a_place_that_holds_no_record_is_unreadable),
        cmocka_unit_test(what_a_mark_has_done_does_not_come_back),
        cmocka_unit_test(what_no_mark_has_done_comes_back),
        cmocka_unit_test(a_lane_that_is_behind_does_not_hold_back_another),
        cmocka_unit_test(sixteen_records_can_be_done_out_of_order),
        cmocka_unit_test(a_run_ends_all_of_its_lane_and_nothing_of_another),
        cmocka_unit_test(a_run_is_told_on_until_its_lane_has_passed_it),
        cmocka_unit_test(a_mark_with_more_runs_than_numbers_is_none),
        cmocka_unit_test(a_mark_after_a_restart_keeps_what_was_done_out_of_order_before),
        cmocka_unit_test(a_mark_that_goes_back_takes_nothing_back),
        cmocka_unit_test(more_singles_than_a_mark_takes_are_cut_off),
        cmocka_unit_test(numbers_may_wrap),
        cmocka_unit_test(sizes_that_cannot_work_are_refused),
        cmocka_unit_test(capacity_shrinks_with_the_largest_record_and_ends_at_none),
        cmocka_unit_test(below_capacity_there_is_always_room_whatever_the_sizes),
        cmocka_unit_test(beyond_capacity_the_answer_is_full_and_nothing_is_lost),
        cmocka_unit_test(blocks_wear_alike),
        cmocka_unit_test(an_append_is_one_program_and_one_sync),
        cmocka_unit_test(a_record_larger_than_scratch_takes_several_programs),
        cmocka_unit_test(what_another_program_wrote_is_refused_and_left_alone),
        cmocka_unit_test(another_version_is_refused_and_left_alone),
        cmocka_unit_test(a_log_made_with_other_sizes_is_refused_and_left_alone),
        cmocka_unit_test(a_number_that_no_flash_endures_is_not_believed),
        cmocka_unit_test(a_format_that_was_cut_is_done_again),
        cmocka_unit_test(an_operation_that_fails_loses_nothing_that_was_accepted),
        cmocka_unit_test(a_read_that_fails_loses_nothing_that_was_accepted),
        cmocka_unit_test(after_a_sync_that_failed_writing_goes_on_in_another_block),
        cmocka_unit_test(a_record_without_its_header_is_not_there_under_the_next),
        cmocka_unit_test(after_a_sync_that_failed_no_block_is_believed_to_be_erased),
        cmocka_unit_test(copies_of_a_life_before_are_made_durable_first),
        cmocka_unit_test(copies_that_were_given_up_do_not_cut_off_what_comes_after),
        cmocka_unit_test(a_storage_that_cannot_be_read_is_told),
        cmocka_unit_test(a_bit_that_turns_costs_one_record_at_most),
        cmocka_unit_test(a_log_with_any_bit_turned_takes_new_records),
        cmocka_unit_test(a_header_with_one_wrong_bit_is_mended),
        cmocka_unit_test(a_lost_header_costs_its_block_alone),
        cmocka_unit_test(numbers_of_a_lost_last_block_are_not_given_again),
        cmocka_unit_test(a_young_log_that_lost_its_only_header_begins_anew),
        cmocka_unit_test(a_payload_that_looks_like_a_record_is_none),
        cmocka_unit_test(the_format_is_the_same_on_every_machine),
        cmocka_unit_test(a_mark_with_runs_is_the_same_on_every_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
