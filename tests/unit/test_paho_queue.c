/* The queue is pure, but belongs to a library that is not built everywhere: so it is compiled in here. */
#include "transport/paho_queue.c"

#include <stdlib.h>

#include "support/support.h"

enum { UNIT_BYTES = (int)alignof(max_align_t), CAP = 8 * UNIT_BYTES };

struct block {
    alignas(max_align_t) uint8_t bytes[CAP + UNIT_BYTES];
};

static void start(struct block *block, struct paho_queue *q)
{
    memset(block->bytes, 0xA5, sizeof(block->bytes));
    paho_queue_init(q, block->bytes, CAP);
}

static void put_number(struct paho_queue *q, uint8_t number, size_t len)
{
    uint8_t *room = paho_queue_push(q, len);
    assert_non_null(room);
    assert_int_equal((uintptr_t)room % alignof(max_align_t), 0);
    memset(room, number, len);
}

static void expect_number(struct paho_queue *q, uint8_t number, size_t len)
{
    const uint8_t *record = paho_queue_peek(q);
    assert_non_null(record);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(record[i], number);
    paho_queue_pop(q);
}

static void what_goes_in_comes_out_in_order(void **state)
{
    struct block block;
    struct paho_queue q;
    (void)state;
    start(&block, &q);
    put_number(&q, 1, 3);
    put_number(&q, 2, UNIT_BYTES);
    expect_number(&q, 1, 3);
    expect_number(&q, 2, UNIT_BYTES);
    assert_null(paho_queue_peek(&q));
    paho_queue_pop(&q);
    assert_int_equal(q.count, 0);
}

static void an_empty_queue_takes_a_record_of_all_its_bytes_and_no_more(void **state)
{
    struct block block;
    struct paho_queue q;
    (void)state;
    start(&block, &q);
    put_number(&q, 1, UNIT_BYTES);
    expect_number(&q, 1, UNIT_BYTES); /* head and tail stand in the middle now */
    assert_int_equal(paho_queue_bytes(CAP - UNIT_BYTES), CAP);
    assert_null(paho_queue_push(&q, CAP - UNIT_BYTES + 1));
    put_number(&q, 2, CAP - UNIT_BYTES);
    assert_null(paho_queue_push(&q, 0));
    for (size_t i = CAP; i < sizeof(block.bytes); i++)
        assert_int_equal(block.bytes[i], 0xA5);
    expect_number(&q, 2, CAP - UNIT_BYTES);
}

static void a_length_beyond_all_memory_is_refused(void **state)
{
    struct block block;
    struct paho_queue q;
    (void)state;
    start(&block, &q);
    assert_null(paho_queue_push(&q, SIZE_MAX));
    assert_null(paho_queue_push(&q, SIZE_MAX - UNIT_BYTES));
    put_number(&q, 1, 1);
}

static void a_copy_put_back_undoes_the_pushes_since(void **state)
{
    struct block block;
    struct paho_queue q;
    (void)state;
    start(&block, &q);
    put_number(&q, 1, 1);
    const struct paho_queue before = q;
    put_number(&q, 2, 1);
    put_number(&q, 3, 1);
    q = before;
    expect_number(&q, 1, 1);
    assert_null(paho_queue_peek(&q));
}

/* Against a list of what went in, through many laps. */
static void records_of_every_length_survive_every_lap(void **state)
{
    enum { MOST = 64 };
    struct block block;
    struct paho_queue q;
    struct {
        uint8_t number;
        size_t len;
    } in[MOST];
    size_t first = 0, count = 0;
    uint32_t random = 1;
    (void)state;
    start(&block, &q);
    for (unsigned round = 0; round < 20000; round++) {
        random = random * 1664525u + 1013904223u;
        const size_t len = (random >> 8) % (3 * UNIT_BYTES);
        if ((random >> 30) != 0 && count < MOST) {
            uint8_t *room = paho_queue_push(&q, len);
            if (room == NULL)
                continue;
            memset(room, (int)(round & 0xFF), len);
            in[(first + count++) % MOST].number = (uint8_t)round;
            in[(first + count - 1) % MOST].len = len;
        } else if (count > 0) {
            expect_number(&q, in[first].number, in[first].len);
            first = (first + 1) % MOST;
            count--;
        }
        assert_int_equal(q.count, count);
    }
    for (size_t i = CAP; i < sizeof(block.bytes); i++)
        assert_int_equal(block.bytes[i], 0xA5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out_in_order),
        cmocka_unit_test(an_empty_queue_takes_a_record_of_all_its_bytes_and_no_more),
        cmocka_unit_test(a_length_beyond_all_memory_is_refused),
        cmocka_unit_test(a_copy_put_back_undoes_the_pushes_since),
        cmocka_unit_test(records_of_every_length_survive_every_lap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
