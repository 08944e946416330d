/* Storage whose content was made to mislead, or whose functions do: right checksums, wrong meaning. */
#include <string.h>

#include "base/crc32.h"
#include "queue/log_format.h"
#include "support/log_model.h"
#include "support/support.h"

enum { BLOCK = 512, BLOCKS = 4, UNIT = 8 };

static struct log_model model;

static void begin(void)
{
    log_model_init(&model, BLOCK, BLOCKS, UNIT, 1);
    model.capacity = UINT64_MAX; /* the log itself is asked */
    assert_ok(log_model_open(&model, false));
}

static void put(uint32_t block, uint32_t offset, const void *bytes, size_t len)
{
    memcpy(model.flash.memory + block * BLOCK + offset, bytes, len);
    memset(model.flash.used + block * BLOCK + offset, 1, len);
}

static void put_header(uint32_t block, struct log_block header)
{
    uint8_t raw[LOG_HEADER_BYTES];
    log_block_write(&model.flash.storage, &header, raw);
    put(block, 0, raw, sizeof raw);
}

static unsigned found_count(void)
{
    unsigned count = 0;
    for (size_t i = 0; i < model.count; i++)
        count += model.items[i].found;
    return count;
}

/* A record with a right header at the head's end. */
static uint32_t forge(struct log_record record)
{
    uint8_t raw[LOG_DATA_BYTES];
    const uint32_t offset = model.log.head_offset;
    log_data_write(&(struct log_place){model.log.store_id, model.log.block_seq, offset}, &record, raw);
    put(model.log.head, offset, raw, sizeof raw);
    return model.log.head * BLOCK + offset;
}

static void assert_no_record(uint32_t where)
{
    uint8_t bytes[2 * BLOCK];
    spoke_buf out = spoke_buf_from(bytes, sizeof bytes);
    struct log_record record;
    assert_int_equal(log_read(&model.log, where, &record, &out), SPOKE_E_NOT_FOUND);
    assert_int_equal(out.len, 0);
}

static void sizes_beyond_the_block_make_no_record(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = {{BLOCK, 0},
                                        {0, BLOCK},
                                        {UINT32_MAX, 1},
                                        {1, UINT32_MAX},
                                        {200, 200},
                                        {UINT32_MAX, UINT32_MAX},
                                        {0, BLOCK - 48 - 64 - 39}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        begin();
        assert_ok(log_model_append(&model, 0, 16)); /* at 48, 56 bytes */
        assert_no_record(
            forge((struct log_record){.seq = 2, .head_bytes = sizes[i][0], .body_bytes = sizes[i][1]}));
        assert_ok(log_model_open(&model, false));
        assert_int_equal(found_count(), 1);
        assert_int_equal(model.log.head_offset, BLOCK); /* something is there: closed */
        log_model_fini(&model);
    }
}

static void a_lane_that_there_is_not_makes_no_record(void **state)
{
    (void)state;
    begin();
    const uint32_t where = forge((struct log_record){.seq = 1, .lane = LOG_LANES});
    assert_no_record(where);
    assert_ok(log_model_open(&model, false));
    log_model_fini(&model);
}

static void a_block_of_another_log_is_not_taken_for_the_oldest(void **state)
{
    (void)state;
    begin();
    for (unsigned i = 0; i < 6; i++)
        assert_ok(log_model_append(&model, 0, 60)); /* blocks 0 and 1 */
    put_header(3, (struct log_block){model.log.store_id + 1, 1, 1, 0});
    assert_ok(log_model_open(&model, false));
    assert_int_equal(model.log.tail, 0);
    put_header(3, (struct log_block){model.log.store_id, 1, 1, 0}); /* nor one with a number out of turn */
    assert_ok(log_model_open(&model, false));
    assert_int_equal(model.log.tail, 0);
    assert_int_equal(found_count(), 6);
    log_model_fini(&model);
}

static void an_end_that_cannot_be_is_not_believed(void **state)
{
    (void)state;
    static const uint32_t ends[] = {0, 1, 40, BLOCK + 8, UINT32_MAX, UINT32_MAX - 1};
    begin();
    for (unsigned i = 0; i < 6; i++)
        assert_ok(log_model_append(&model, 0, 60));
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        put_header(1, (struct log_block){model.log.store_id, 2, 4, ends[i]});
        assert_ok(log_model_open(&model, false));
        assert_int_equal(found_count(), 6);
    }
    log_model_fini(&model);
}

static void a_mark_that_lets_everything_go_keeps_the_head(void **state)
{
    (void)state;
    static const uint32_t tails[] = {0, 3, 1000, 0x80000001u, UINT32_MAX};
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        begin();
        for (unsigned n = 0; n < 6; n++)
            assert_ok(log_model_append(&model, 0, 60));
        uint8_t raw[LOG_PIECE];
        const struct log_mark mark = {.single_count = 0};
        const uint32_t bytes = log_mark_bytes(&model.flash.storage, 0);
        log_mark_write(&(struct log_place){model.log.store_id, 2, model.log.head_offset}, &mark, tails[i], raw,
                       bytes);
        put(1, model.log.head_offset, raw, bytes);
        assert_ok(log_model_open(&model, true));
        assert_int_equal(model.log.head, 1);
        assert_ok(log_model_append(&model, 0, 10));
        log_model_fini(&model);
    }
}

static void all_numbers_at_their_end_are_taken_calmly(void **state)
{
    (void)state;
    log_model_init(&model, BLOCK, BLOCKS, UNIT, 1);
    for (uint32_t block = 0; block < BLOCKS; block++)
        put_header(block, (struct log_block){7, INT32_MAX - 3 + block, UINT32_MAX, BLOCK});
    assert_ok(log_model_open(&model, true));
    assert_int_equal(model.log.head, 2); /* all in use and none let go: the head is dropped */
    log_model_fini(&model);
}

static void first_headers_torn_in_every_block_are_formatted(void **state)
{
    (void)state;
    log_model_init(&model, BLOCK, BLOCKS, UNIT, 1);
    for (uint32_t block = 0; block < BLOCKS; block++)
        put(block, 0, "Spoke", 5);
    assert_ok(log_model_open(&model, false));
    assert_int_equal(model.log.faults, 0);
    assert_ok(log_model_append(&model, 0, 10));
    log_model_fini(&model);
}

/* --- functions --- */

static spoke_status erase_nothing(void *ctx, uint32_t block)
{
    (void)ctx, (void)block;
    return SPOKE_OK;
}

static void a_block_that_does_not_come_blank_is_never_written(void **state)
{
    (void)state;
    begin();
    put(1, 300, "\0", 1);
    model.flash.storage.erase = erase_nothing;
    spoke_status status;
    do
        status = log_model_append(&model, 0, 60);
    while (status == SPOKE_OK);
    assert_int_equal(status, SPOKE_E_PORT);
    assert_int_equal(model.log.head, 0);
    assert_ok(log_model_read_all(&model));
    log_model_fini(&model);
}

static void a_storage_without_sync_is_durable_at_once(void **state)
{
    (void)state;
    begin();
    const uint64_t syncs = model.flash.syncs;
    model.flash.storage.sync = NULL;
    for (unsigned i = 0; i < 6; i++)
        assert_ok(log_model_append(&model, 0, 60));
    assert_int_equal(model.flash.syncs, syncs);
    assert_ok(log_model_open(&model, false));
    assert_int_equal(found_count(), 6);
    log_model_fini(&model);
}

static bool all_lives(void *ctx, uint32_t seq, uint32_t where)
{
    (void)ctx, (void)seq, (void)where;
    return true;
}

static void moved_nowhere(void *ctx, uint32_t seq, uint32_t from, uint32_t to)
{
    (void)ctx, (void)seq, (void)from, (void)to;
}

static void an_owner_that_lets_nothing_go_is_told_full_and_wears_little(void **state)
{
    (void)state;
    begin();
    model.log.owner.lives = all_lives;
    model.log.owner.moved = moved_nowhere;
    uint32_t where;
    spoke_status status;
    struct log_record record = {.seq = 0};
    do {
        record.seq++;
        status = log_append(&model.log, &record, SPOKE_STR("a head"), SPOKE_STR("a body"), &where);
    } while (status == SPOKE_OK);
    const uint64_t erases = model.flash.erases;
    assert_int_equal(status, SPOKE_E_FULL);
    assert_int_equal(log_append(&model.log, &record, SPOKE_STR("a head"), SPOKE_STR("a body"), &where),
                     SPOKE_E_FULL);
    assert_in_range(model.flash.erases - erases, 0, 2);
    log_model_fini(&model);
}

/* --- the checksum itself --- */

static void crc_is_the_one_of_zlib_in_any_pieces(void **state)
{
    (void)state;
    static const char digits[] = "123456789";
    assert_int_equal(crc32_add(0, digits, 9), 0xCBF43926u);
    for (size_t i = 0; i <= 9; i++)
        assert_int_equal(crc32_add(crc32_add(0, digits, i), digits + i, 9 - i), 0xCBF43926u);
    assert_int_equal(crc32_add(0, NULL, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_beyond_the_block_make_no_record),
        cmocka_unit_test(a_lane_that_there_is_not_makes_no_record),
        cmocka_unit_test(a_block_of_another_log_is_not_taken_for_the_oldest),
        cmocka_unit_test(an_end_that_cannot_be_is_not_believed),
        cmocka_unit_test(a_mark_that_lets_everything_go_keeps_the_head),
        cmocka_unit_test(all_numbers_at_their_end_are_taken_calmly),
        cmocka_unit_test(first_headers_torn_in_every_block_are_formatted),
        cmocka_unit_test(a_block_that_does_not_come_blank_is_never_written),
        cmocka_unit_test(a_storage_without_sync_is_durable_at_once),
        cmocka_unit_test(an_owner_that_lets_nothing_go_is_told_full_and_wears_little),
        cmocka_unit_test(crc_is_the_one_of_zlib_in_any_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
