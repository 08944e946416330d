/* The ledger finds what is wrong, and nothing else: each claim with an account that breaks it. */
#include "support/support.h"

#include <string.h>

#include "ledger.h"

static void open_ledger(struct ledger *l)
{
    assert_true(ledger_init(l, 8));
    for (uint32_t n = 0; n < 3; n++)
        ledger_offered(l, n, SPOKE_NORMAL);
}

static void expect_broken(struct ledger *l, uint32_t untold, const char *claim)
{
    assert_false(ledger_check(l, untold));
    assert_string_equal(l->why, claim);
    ledger_free(l);
}

static void a_full_account_is_in_order(void **state)
{
    struct ledger l;
    (void)state;
    open_ledger(&l);
    ledger_outcome(&l, 0, SPOKE_OK);
    ledger_arrived(&l, 0, "a", 1);
    ledger_arrived(&l, 1, "b", 1);
    ledger_arrived(&l, 0, "a", 1);
    ledger_arrived(&l, 2, "c", 1);
    assert_true(ledger_check(&l, 0));
    assert_int_equal(l.accepted, 3);
    assert_int_equal(l.delivered, 3);
    assert_int_equal(l.copies, 1);
    ledger_free(&l);
}

static void an_accepted_message_that_is_missing_is_lost(void **state)
{
    struct ledger l;
    (void)state;
    open_ledger(&l);
    ledger_arrived(&l, 0, "", 1);
    ledger_arrived(&l, 2, "", 1);
    expect_broken(&l, 0, "message 1 was accepted and is lost");
}

static void a_told_drop_explains_a_missing_message(void **state)
{
    struct ledger l;
    (void)state;
    open_ledger(&l);
    ledger_arrived(&l, 0, "", 1);
    ledger_arrived(&l, 2, "", 1);
    ledger_outcome(&l, 1, SPOKE_E_FULL);
    assert_true(ledger_check(&l, 0));
    assert_int_equal(l.dropped, 1);
    ledger_free(&l);
}

static void counted_drops_explain_no_more_than_their_number(void **state)
{
    struct ledger l;
    (void)state;
    open_ledger(&l);
    ledger_arrived(&l, 0, "", 1);
    expect_broken(&l, 1, "message 2 was accepted and is lost");
}

static void a_message_told_as_delivered_has_to_be_there(void **state)
{
    struct ledger l;
    (void)state;
    open_ledger(&l);
    ledger_outcome(&l, 0, SPOKE_OK);
    ledger_arrived(&l, 1, "", 1);
    ledger_arrived(&l, 2, "", 1);
    expect_broken(&l, 3, "message 0 was told as delivered, and is not there");
}

static void first_arrivals_keep_the_order_of_their_priority(void **state)
{
    struct ledger l;
    (void)state;
    open_ledger(&l);
    ledger_arrived(&l, 1, "", 1);
    ledger_arrived(&l, 0, "", 1);
    ledger_arrived(&l, 2, "", 1);
    expect_broken(&l, 0, "message 0 arrived after a later one of its priority");
}

static void another_priority_may_overtake(void **state)
{
    struct ledger l;
    (void)state;
    open_ledger(&l);
    ledger_offered(&l, 3, SPOKE_HIGH);
    ledger_arrived(&l, 3, "", 1);
    ledger_arrived(&l, 0, "", 1);
    ledger_arrived(&l, 1, "", 1);
    ledger_arrived(&l, 2, "", 1);
    assert_true(ledger_check(&l, 0));
    ledger_free(&l);
}

static void copies_bear_one_message_id(void **state)
{
    struct ledger l;
    (void)state;
    open_ledger(&l);
    ledger_arrived(&l, 0, "a", 1);
    ledger_arrived(&l, 0, "b", 1);
    ledger_arrived(&l, 1, "", 1);
    ledger_arrived(&l, 2, "", 1);
    expect_broken(&l, 0, "message 0 has a copy with another message id");
}

static void a_message_id_may_not_name_two_contents(void **state)
{
    struct ledger l;
    (void)state;
    open_ledger(&l);
    l.regroups = true;
    ledger_arrived(&l, 0, "a", 1);
    ledger_arrived(&l, 0, "a", 2);
    ledger_arrived(&l, 1, "a", 0);
    ledger_arrived(&l, 2, "c", 1);
    expect_broken(&l, 0, "message 0 came again with other readings under one message id");
}

static void readings_may_be_joined_anew_under_another_id(void **state)
{
    struct ledger l;
    (void)state;
    open_ledger(&l);
    l.regroups = true;
    ledger_arrived(&l, 0, "a", 2);
    ledger_arrived(&l, 1, "a", 0);
    ledger_arrived(&l, 1, "b", 2);
    ledger_arrived(&l, 2, "b", 0);
    assert_true(ledger_check(&l, 0));
    ledger_free(&l);
}

static void a_refused_message_may_not_arrive(void **state)
{
    struct ledger l;
    (void)state;
    open_ledger(&l);
    ledger_not_accepted(&l, 1, LEDGER_REFUSED);
    ledger_arrived(&l, 0, "", 1);
    ledger_arrived(&l, 1, "", 1);
    ledger_arrived(&l, 2, "", 1);
    expect_broken(&l, 0, "message 1 arrived and was not accepted");
}

static void an_unsure_message_may_be_there_or_not(void **state)
{
    struct ledger l;
    (void)state;
    open_ledger(&l);
    ledger_not_accepted(&l, 1, LEDGER_UNSURE);
    ledger_not_accepted(&l, 2, LEDGER_UNSURE);
    ledger_arrived(&l, 0, "", 1);
    ledger_arrived(&l, 2, "", 1);
    assert_true(ledger_check(&l, 0));
    ledger_free(&l);
}

static void ids_that_were_asked_for_may_not_be_missing(void **state)
{
    struct ledger l;
    (void)state;
    open_ledger(&l);
    l.with_ids = true;
    ledger_arrived(&l, 0, "", 1);
    ledger_arrived(&l, 1, "b", 1);
    ledger_arrived(&l, 2, "c", 1);
    expect_broken(&l, 0, "message 0 has no message id");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_account_is_in_order),
        cmocka_unit_test(an_accepted_message_that_is_missing_is_lost),
        cmocka_unit_test(a_told_drop_explains_a_missing_message),
        cmocka_unit_test(counted_drops_explain_no_more_than_their_number),
        cmocka_unit_test(a_message_told_as_delivered_has_to_be_there),
        cmocka_unit_test(first_arrivals_keep_the_order_of_their_priority),
        cmocka_unit_test(another_priority_may_overtake),
        cmocka_unit_test(copies_bear_one_message_id),
        cmocka_unit_test(a_message_id_may_not_name_two_contents),
        cmocka_unit_test(readings_may_be_joined_anew_under_another_id),
        cmocka_unit_test(a_refused_message_may_not_arrive),
        cmocka_unit_test(an_unsure_message_may_be_there_or_not),
        cmocka_unit_test(ids_that_were_asked_for_may_not_be_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
