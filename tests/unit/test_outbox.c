/* The client's queues: order, exactly once, and never beyond the memory given. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/outbox.h"
#include "support/support.h"

#define RING 256

struct fixture {
    _Alignas(8) uint8_t memory[RING + 8];
    struct outbox o;
};

struct text {
    const char *head, *body;
};

static spoke_status write_text(void *ctx, spoke_buf *out, size_t *head_bytes)
{
    const struct text *t = ctx;
    spoke_status status = spoke_buf_append(out, spoke_str_of(t->head));
    *head_bytes = out->len;
    return status == SPOKE_OK ? spoke_buf_append(out, spoke_str_of(t->body)) : status;
}

static void set_up(struct fixture *f)
{
    memset(f->memory, 0xcc, sizeof f->memory);
    outbox_init(&f->o, f->memory, RING);
}

static spoke_status add(struct fixture *f, uint32_t id, const char *head, const char *body)
{
    struct text t = {head, body};
    return outbox_add(&f->o, id, 1, write_text, &t);
}

/* Sends the next entry; its token. */
static uint32_t send_next(struct fixture *f, uint16_t packet_id)
{
    const struct outbox_entry *entry = outbox_next(&f->o);
    assert_non_null(entry);
    const uint32_t token = outbox_token(&f->o, entry);
    outbox_sent(&f->o, packet_id);
    return token;
}

static uint32_t done(struct fixture *f, uint32_t token)
{
    uint32_t id = 0;
    assert_ok(outbox_done(&f->o, token, &id));
    return id;
}

static void head_and_body_come_back_as_written(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_ok(add(&f, 7, "bag", "{\"a\":1}"));
    const struct outbox_entry *entry = outbox_next(&f.o);
    assert_str(outbox_head(entry), "bag");
    assert_str(outbox_body(entry), "{\"a\":1}");
    assert_int_equal(entry->id, 7);
}

static void messages_leave_in_the_order_they_came(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_ok(add(&f, 1, "", "one"));
    assert_ok(add(&f, 2, "", "two"));
    assert_ok(add(&f, 3, "", "three"));
    assert_str(outbox_body(outbox_next(&f.o)), "one");
    send_next(&f, 1);
    assert_str(outbox_body(outbox_next(&f.o)), "two");
    send_next(&f, 2);
    assert_str(outbox_body(outbox_next(&f.o)), "three");
    send_next(&f, 3);
    assert_null(outbox_next(&f.o));
    assert_int_equal(f.o.count, 3);
}

static void an_acknowledgement_ends_a_message_once(void **state)
{
    (void)state;
    struct fixture f;
    uint32_t id;
    set_up(&f);
    assert_ok(add(&f, 9, "", "x"));
    const uint32_t token = send_next(&f, 1);
    assert_int_equal(done(&f, token), 9);
    assert_int_equal(outbox_done(&f.o, token, &id), SPOKE_E_NOT_FOUND);
    assert_int_equal(f.o.count, 0);
}

static void an_unsent_message_cannot_be_acknowledged(void **state)
{
    (void)state;
    struct fixture f;
    uint32_t id;
    set_up(&f);
    assert_ok(add(&f, 9, "", "x"));
    assert_int_equal(outbox_done(&f.o, 0, &id), SPOKE_E_NOT_FOUND);
}

static void a_full_queue_refuses_and_keeps_what_it_has(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    unsigned accepted = 0;
    while (add(&f, accepted + 1, "", "0123456789") == SPOKE_OK)
        accepted++;
    assert_true(accepted >= 5);
    assert_int_equal(add(&f, 99, "", "0123456789"), SPOKE_E_FULL);
    assert_int_equal(f.memory[RING], 0xcc);
    for (unsigned i = 0; i < accepted; i++)
        assert_int_equal(done(&f, send_next(&f, 1)), i + 1);
}

static void a_message_that_can_never_fit_is_told_from_a_full_queue(void **state)
{
    (void)state;
    struct fixture f;
    char body[RING + 1];
    memset(body, 'x', RING);
    body[RING] = '\0';
    set_up(&f);
    assert_int_equal(add(&f, 1, "", body), SPOKE_E_TOO_LARGE);
    body[RING - sizeof(struct outbox_entry)] = '\0';
    assert_ok(add(&f, 1, "", body)); /* exact fit */
    assert_int_equal(f.memory[RING], 0xcc);
}

static void rewinding_sends_again_what_was_not_acknowledged_in_order(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_ok(add(&f, 1, "", "one"));
    assert_ok(add(&f, 2, "", "two"));
    assert_ok(add(&f, 3, "", "three"));
    send_next(&f, 11);
    const uint32_t second = send_next(&f, 12);
    done(&f, second); /* out of order: the oldest is still owed */
    outbox_rewind(&f.o);
    assert_str(outbox_body(outbox_next(&f.o)), "one");
    assert_int_equal(outbox_next(&f.o)->packet_id, 11);
    send_next(&f, 11);
    assert_str(outbox_body(outbox_next(&f.o)), "three");
    outbox_forget_packet_ids(&f.o);
    outbox_rewind(&f.o);
    assert_int_equal(outbox_next(&f.o)->packet_id, 0);
}

/* A seeded storm against a plain list: every accepted message ends exactly once, in order. */
static void nothing_is_lost_or_doubled_in_a_storm(void **state)
{
    (void)state;
    struct fixture f;
    uint32_t tokens[64], sent = 0, acked = 0, accepted = 0, finished = 0;
    set_up(&f);
    srand(4711);
    for (int step = 0; step < 200000; step++) {
        char body[64];
        const int what = rand() % 4;
        if (what == 0) {
            snprintf(body, sizeof body, "%u:%.*s", accepted + 1, rand() % 40,
                     "........................................");
            accepted += add(&f, accepted + 1, "h", body) == SPOKE_OK;
        } else if (what == 1 && outbox_next(&f.o) != NULL && sent - acked < 64) {
            assert_int_equal(strtoul(outbox_body(outbox_next(&f.o)).ptr, NULL, 10), finished + (sent - acked) + 1);
            tokens[sent++ % 64] = send_next(&f, 1);
        } else if (what == 2 && acked < sent) {
            assert_int_equal(done(&f, tokens[acked++ % 64]), ++finished);
        } else if (what == 3 && rand() % 50 == 0) {
            outbox_rewind(&f.o);
            sent = acked;
        }
        assert_int_equal(f.memory[RING], 0xcc);
        assert_int_equal(f.o.count, accepted - finished);
    }
    assert_true(finished > 10000);
}

static void a_limit_counts_head_and_body_also_while_others_wait(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    outbox_limit(&f.o, 6);
    assert_ok(add(&f, 1, "abc", "def"));
    assert_int_equal(add(&f, 2, "abc", "defg"), SPOKE_E_TOO_LARGE);
    assert_int_equal(f.o.count, 1);
    outbox_limit(&f.o, RING * 2); /* never more than the ring itself */
    assert_int_equal(f.o.most, RING - sizeof(struct outbox_entry));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head_and_body_come_back_as_written),
        cmocka_unit_test(a_limit_counts_head_and_body_also_while_others_wait),
        cmocka_unit_test(messages_leave_in_the_order_they_came),
        cmocka_unit_test(an_acknowledgement_ends_a_message_once),
        cmocka_unit_test(an_unsent_message_cannot_be_acknowledged),
        cmocka_unit_test(a_full_queue_refuses_and_keeps_what_it_has),
        cmocka_unit_test(a_message_that_can_never_fit_is_told_from_a_full_queue),
        cmocka_unit_test(rewinding_sends_again_what_was_not_acknowledged_in_order),
        cmocka_unit_test(nothing_is_lost_or_doubled_in_a_storm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
