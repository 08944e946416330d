/* Commands and cloud-to-device messages, and what handlers may do meanwhile. */
#include "support/client_fixture.h"

static spoke_status inside; /* what the handler's own call answered */

static spoke_ack reply_inside(const spoke_command *call, void *user)
{
    struct fixture *f = user;
    f->commands++;
    inside = spoke_command_reply(call->client, call->request, 201, SPOKE_STR("7"));
    return f->verdict;
}

static spoke_ack finish_inside(const spoke_message *message, void *user)
{
    struct fixture *f = user;
    f->messages++;
    inside = spoke_message_done(message->client, message->request);
    return f->verdict;
}

static spoke_ack poll_inside(const spoke_command *call, void *user)
{
    struct fixture *f = user;
    f->commands++;
    assert_int_equal(spoke_client_poll(call->client, 0), SPOKE_E_REENTRANT);
    assert_int_equal(spoke_client_run(call->client, 0), SPOKE_E_REENTRANT);
    assert_int_equal(spoke_client_close(call->client, 0), SPOKE_E_REENTRANT);
    assert_int_equal(spoke_client_open(call->client), SPOKE_E_STATE);
    spoke_client_destroy(call->client); /* ignored, and logged */
    spoke_client_wake(call->client);
    spoke_client_connect_now(call->client);
    assert_ok(spoke_send(call->client, spoke_i64("t", 1)));
    assert_ok(spoke_report(call->client, spoke_i64("r", 1)));
    return spoke_accept();
}

static spoke_ack write_much(const spoke_command *call, void *user)
{
    struct fixture *f = user;
    f->commands++;
    static char text[5000];
    memset(text, 'x', sizeof text - 1);
    spoke_write_value(call->reply, spoke_text(NULL, spoke_str_of(text)));
    return spoke_accept();
}

static const spoke_handler special[] = {SPOKE_ON_COMMAND("inside", reply_inside),
                                        SPOKE_ON_COMMAND("poll", poll_inside),
                                        SPOKE_ON_COMMAND("much", write_much), SPOKE_ON_COMMAND("go", on_command),
                                        SPOKE_ON_COMPONENT_COMMAND("part", "go", on_command)};

static void start_special(struct fixture *f)
{
    f->config.handlers = special;
    f->config.handler_count = sizeof special / sizeof special[0];
    start(f);
    get_ready(f);
}

static size_t answers(void)
{
    size_t count = 0;
    for (size_t i = 0; i < fake->sent_count; i++)
        count += strncmp(fake->sent[i].topic, "$iothub/methods/res/", 20) == 0;
    return count;
}

static void an_answer_given_inside_the_handler_is_the_only_one(void **state)
{
    struct fixture *f = *state;
    start_special(f);
    const spoke_ack verdicts[] = {spoke_accept(), spoke_defer(), spoke_reject(500, "no")};
    for (size_t i = 0; i < 3; i++) {
        f->verdict = verdicts[i];
        say_message("$iothub/methods/POST/inside/?$rid=a1", "", 0);
        poll(f, 0);
        assert_ok(inside);
        assert_int_equal(answers(), i + 1);
        assert_string_equal(last_sent()->topic, "$iothub/methods/res/201/?$rid=a1");
    }
}

static void a_handler_may_do_all_but_turn_or_end_the_client(void **state)
{
    struct fixture *f = *state;
    start_special(f);
    say_message("$iothub/methods/POST/poll/?$rid=a1", "", 0);
    poll(f, 0);
    assert_int_equal(f->commands, 1);
    expect(f, SPOKE_READY);
    assert_int_equal(spoke_client_pending(f->client), 1);
}

static void a_reply_that_does_not_fit_is_answered_500(void **state)
{
    struct fixture *f = *state;
    start_special(f);
    say_message("$iothub/methods/POST/much/?$rid=a1", "", 0);
    poll(f, 0);
    assert_string_equal(last_sent()->topic, "$iothub/methods/res/500/?$rid=a1");
}

static void a_code_that_no_answer_can_carry_is_answered_500(void **state)
{
    struct fixture *f = *state;
    start_special(f);
    const int codes[] = {-1, 65536, 99};
    for (size_t i = 0; i < 3; i++) {
        f->verdict = spoke_reject(codes[i], NULL);
        say_message("$iothub/methods/POST/go/?$rid=a1", "", 0);
        poll(f, 0);
        assert_string_equal(last_sent()->topic, "$iothub/methods/res/500/?$rid=a1");
    }
}

static void a_deferred_command_is_answered_once(void **state)
{
    struct fixture *f = *state;
    start_special(f);
    f->verdict = spoke_defer();
    say_message("$iothub/methods/POST/part*go/?$rid=b2", "5", 0);
    poll(f, 0);
    assert_int_equal(answers(), 0);
    assert_int_equal(spoke_command_reply(f->client, 1, 99, SPOKE_STR("")), SPOKE_E_ARG);
    assert_int_equal(spoke_command_reply(f->client, 1, 200, SPOKE_STR("{")), SPOKE_E_ARG);
    assert_int_equal(spoke_message_done(f->client, 1), SPOKE_E_NOT_FOUND);
    assert_ok(spoke_command_reply(f->client, 1, 200, SPOKE_STR("")));
    assert_int_equal(spoke_command_reply(f->client, 1, 200, SPOKE_STR("")), SPOKE_E_NOT_FOUND);
    poll(f, 0);
    assert_int_equal(answers(), 1);
    assert_string_equal(last_sent()->topic, "$iothub/methods/res/200/?$rid=b2");
}

static void a_command_of_a_lost_connection_is_forgotten(void **state)
{
    struct fixture *f = *state;
    start_special(f);
    f->verdict = spoke_defer();
    say_message("$iothub/methods/POST/go/?$rid=b2", "5", 0);
    poll(f, 0);
    reconnect(f, true);
    assert_int_equal(spoke_command_reply(f->client, 1, 200, SPOKE_STR("")), SPOKE_E_NOT_FOUND);
    poll(f, 0);
    assert_int_equal(answers(), 0);
}

static void a_deferred_message_is_acknowledged_when_done(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    f->verdict = spoke_defer();
    say_message("devices/d/messages/devicebound/a=1", "x", 1);
    poll(f, 0);
    assert_int_equal(fake->ack_count, 0);
    assert_ok(spoke_message_done(f->client, 1));
    poll(f, 0);
    poll(f, 0);
    assert_int_equal(fake->ack_count, 1);
    assert_int_equal(spoke_message_done(f->client, 1), SPOKE_E_NOT_FOUND);
}

static void a_message_finished_inside_the_handler_is_acknowledged_once(void **state)
{
    struct fixture *f = *state;
    f->config.on_message = finish_inside;
    start(f);
    get_ready(f);
    const spoke_ack verdicts[] = {spoke_accept(), spoke_defer()};
    for (size_t i = 0; i < 2; i++) {
        f->verdict = verdicts[i];
        say_message("devices/d/messages/devicebound/", "x", 1);
        poll(f, 0);
        poll(f, 0);
        assert_ok(inside);
        assert_int_equal(fake->ack_count, i + 1);
    }
}

static void a_message_of_a_lost_connection_is_not_acknowledged_on_the_next(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    f->verdict = spoke_defer();
    say_message("devices/d/messages/devicebound/", "x", 1);
    poll(f, 0);
    reconnect(f, true);
    assert_int_equal(spoke_message_done(f->client, 1), SPOKE_E_NOT_FOUND);
    poll(f, 0);
    assert_int_equal(fake->ack_count, 0);
}

static void more_messages_than_can_be_deferred_are_acknowledged_at_once(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    f->verdict = spoke_defer();
    for (int i = 0; i < 5; i++)
        say_message("devices/d/messages/devicebound/", "x", 1);
    poll(f, 0);
    assert_int_equal(f->messages, 5);
    assert_int_equal(fake->ack_count, 1);
}

static void a_message_nobody_listens_to_is_acknowledged(void **state)
{
    struct fixture *f = *state;
    f->config.on_message = NULL;
    start(f);
    get_ready(f);
    say_message("devices/d/messages/devicebound/", "x", 1);
    say_message("devices/d/messages/devicebound/", "x", 0); /* owes nothing */
    poll(f, 0);
    assert_int_equal(fake->ack_count, 1);
}

static void an_offline_command_reaches_its_handler_and_is_acknowledged(void **state)
{
    struct fixture *f = *state;
    start_special(f);
    say_message("devices/d/messages/devicebound/method-name=go", "@", 1);
    say_message("devices/d/messages/devicebound/method-name=part%2Ago", "text", 1);
    poll(f, 0);
    assert_int_equal(f->commands, 1 + (f->messages == 0));
    assert_int_equal(fake->ack_count, 2);
    assert_int_equal(answers(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        claim(an_answer_given_inside_the_handler_is_the_only_one),
        claim(a_handler_may_do_all_but_turn_or_end_the_client),
        claim(a_reply_that_does_not_fit_is_answered_500),
        claim(a_code_that_no_answer_can_carry_is_answered_500),
        claim(a_deferred_command_is_answered_once),
        claim(a_command_of_a_lost_connection_is_forgotten),
        claim(a_deferred_message_is_acknowledged_when_done),
        claim(a_message_finished_inside_the_handler_is_acknowledged_once),
        claim(a_message_of_a_lost_connection_is_not_acknowledged_on_the_next),
        claim(more_messages_than_can_be_deferred_are_acknowledged_at_once),
        claim(a_message_nobody_listens_to_is_acknowledged),
        claim(an_offline_command_reaches_its_handler_and_is_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
