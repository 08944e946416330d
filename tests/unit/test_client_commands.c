/* Commands and cloud-to-device messages, and what handlers may do meanwhile. */
#include "client/machine.h"
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

static size_t wanted; /* bytes of text in each answer of write_some */

static spoke_ack write_some(const spoke_command *call, void *user)
{
    struct fixture *f = user;
    static char text[2048];
    f->commands++;
    memset(text, 'x', sizeof text);
    spoke_write_value(call->reply, spoke_text(NULL, spoke_str_from(text, wanted)));
    return spoke_accept();
}

static char log_text[2048]; /* every line, in a row */

static void keep_log(void *ctx, spoke_log_level level, const char *module, const char *line)
{
    (void)ctx;
    (void)level;
    (void)module;
    const size_t len = strlen(log_text);
    snprintf(log_text + len, sizeof log_text - len, "%s\n", line);
}

static const spoke_handler special[] = {
    SPOKE_ON_COMMAND("inside", reply_inside), SPOKE_ON_COMMAND("poll", poll_inside),
    SPOKE_ON_COMMAND("much", write_much),     SPOKE_ON_COMMAND("some", write_some),
    SPOKE_ON_COMMAND("go", on_command),       SPOKE_ON_COMPONENT_COMMAND("part", "go", on_command)};

static void start_special(struct fixture *f)
{
    f->config.handlers = special;
    f->config.handler_count = sizeof special / sizeof special[0];
    f->platform.log = keep_log;
    log_text[0] = '\0';
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

/* --- what finds no room --- */

static void an_answer_larger_than_its_room_is_answered_500(void **state)
{
    struct fixture *f = *state;
    f->config.report_bytes = 512;
    wanted = 600; /* the handler has more room to write than an answer has to wait in */
    start_special(f);
    say_message("$iothub/methods/POST/some/?$rid=a1", "", 0);
    poll(f, 0);
    assert_string_equal(last_sent()->topic, "$iothub/methods/res/500/?$rid=a1");
    assert_string_equal(last_sent()->body, "\"the answer does not fit on this device\"");
    assert_non_null(strstr(log_text, "raise report_bytes"));
}

static void an_answer_larger_than_a_packet_is_answered_500(void **state)
{
    struct fixture *f = *state;
    f->config.report_bytes = 4096;
    f->config.send_bytes = 2048;
    wanted = 2040;
    start_special(f);
    say_message("$iothub/methods/POST/some/?$rid=a1", "", 0);
    poll(f, 0);
    assert_string_equal(last_sent()->topic, "$iothub/methods/res/500/?$rid=a1");
    assert_string_equal(last_sent()->body, "\"the answer does not fit on this device\"");
}

static void answers_leave_in_the_order_in_which_they_were_given(void **state)
{
    struct fixture *f = *state;
    char topic[64];
    unsigned seen = 0;
    f->config.report_bytes = 512;
    wanted = 100;
    start_special(f);
    fake->full = true;
    for (unsigned i = 0; i < 12; i++) {
        snprintf(topic, sizeof topic, "$iothub/methods/POST/some/?$rid=%u", 100 + i);
        say_message(topic, "", 0);
        poll(f, 0);
        fake->full = i < 1; /* from then on some wait, and are moved to make room for the next */
        fake->per_step = 1;
    }
    for (size_t i = 0; i < fake->sent_count; i++) {
        snprintf(topic, sizeof topic, "$iothub/methods/res/200/?$rid=%u", 100 + seen);
        seen += strcmp(fake->sent[i].topic, topic) == 0 && strlen(fake->sent[i].body) == wanted + 2;
    }
    assert_int_equal(seen, 12);
    assert_int_equal(answers(), 12);
}

static void a_command_that_cannot_even_be_answered_500_is_logged(void **state)
{
    struct fixture *f = *state;
    f->config.report_bytes = 512;
    wanted = 100;
    start_special(f);
    fake->full = true; /* nothing leaves, so the answers fill their room */
    for (int i = 0; i < 12; i++) {
        say_message("$iothub/methods/POST/some/?$rid=a1", "", 0);
        poll(f, 0);
    }
    assert_non_null(strstr(log_text, "a command stays unanswered: the caller will time out"));
    fake->full = false;
    poll(f, 0);
    assert_in_range(answers(), 1, 11);
    expect(f, SPOKE_READY);
}

static void an_explanation_longer_than_the_memory_is_left_out(void **state)
{
    struct fixture *f = *state;
    static char sentence[2000];
    memset(sentence, 'x', sizeof sentence - 1);
    f->config.report_bytes = 512;
    start_special(f);
    f->verdict = spoke_reject(400, sentence);
    say_message("$iothub/methods/POST/go/?$rid=a1", "", 0);
    poll(f, 0);
    assert_string_equal(last_sent()->topic, "$iothub/methods/res/400/?$rid=a1");
    assert_string_equal(last_sent()->body, "");
}

/* --- what nobody can answer --- */

static void a_request_id_longer_than_any_hub_writes_is_ignored(void **state)
{
    struct fixture *f = *state;
    char topic[256] = "$iothub/methods/POST/go/?$rid=";
    start_special(f);
    memset(topic + strlen(topic), 'a', SPOKE_MAX_RID_BYTES + 1);
    say_message(topic, "", 0);
    poll(f, 0);
    assert_int_equal(f->commands, 0);
    assert_int_equal(answers(), 0);
    assert_non_null(strstr(log_text, "impossibly long request id"));
    topic[strlen(topic) - 1] = '\0'; /* the longest */
    say_message(topic, "", 0);
    poll(f, 0);
    assert_int_equal(f->commands, 1);
    assert_int_equal(answers(), 1);
}

static void replies_to_nothing_are_refused(void **state)
{
    struct fixture *f = *state;
    start_special(f);
    assert_int_equal(spoke_command_reply(NULL, 1, 200, SPOKE_STR("")), SPOKE_E_ARG);
    assert_int_equal(spoke_message_done(NULL, 1), SPOKE_E_ARG);
    assert_int_equal(spoke_command_reply(f->client, 0, 200, SPOKE_STR("")), SPOKE_E_NOT_FOUND);
    assert_int_equal(spoke_message_done(f->client, 0), SPOKE_E_NOT_FOUND);
}

static void the_request_of_a_message_is_no_command(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    f->verdict = spoke_defer();
    say_message("devices/d/messages/devicebound/", "x", 1);
    poll(f, 0);
    assert_int_equal(spoke_command_reply(f->client, 1, 200, SPOKE_STR("")), SPOKE_E_NOT_FOUND);
    assert_ok(spoke_message_done(f->client, 1));
}

static void request_numbers_start_again_at_one_and_never_are_zero(void **state)
{
    struct fixture *f = *state;
    start_special(f);
    f->client->next_request = UINT32_MAX;
    f->verdict = spoke_defer();
    say_message("$iothub/methods/POST/go/?$rid=a1", "", 0);
    say_message("$iothub/methods/POST/go/?$rid=b2", "", 0);
    poll(f, 0);
    assert_ok(spoke_command_reply(f->client, UINT32_MAX, 200, SPOKE_STR("")));
    assert_ok(spoke_command_reply(f->client, 1, 200, SPOKE_STR("")));
}

/* --- messages --- */

static void a_refused_message_is_logged_with_its_reason(void **state)
{
    struct fixture *f = *state;
    start_special(f);
    f->verdict = spoke_reject(400, "not today");
    say_message("devices/d/messages/devicebound/", "x", 1);
    poll(f, 0);
    assert_non_null(strstr(log_text, "a cloud-to-device message was refused (400): not today\n"));
    f->verdict = spoke_reject(418, NULL);
    say_message("devices/d/messages/devicebound/", "x", 1);
    poll(f, 0);
    assert_non_null(strstr(log_text, "a cloud-to-device message was refused (418): \n"));
    assert_int_equal(fake->ack_count, 2); /* or they would come for ever */
}

static void a_message_that_owes_no_acknowledgement_cannot_be_deferred(void **state)
{
    struct fixture *f = *state;
    get_ready(f);
    f->verdict = spoke_defer();
    say_message("devices/d/messages/devicebound/", "x", 0);
    poll(f, 0);
    assert_int_equal(f->messages, 1);
    assert_int_equal(fake->ack_count, 0);
    assert_int_equal(spoke_message_done(f->client, 1), SPOKE_E_NOT_FOUND);
}

static void an_offline_command_without_a_handler_is_a_message(void **state)
{
    struct fixture *f = *state;
    start_special(f);
    say_message("devices/d/messages/devicebound/method-name=unknown", "x", 1);
    poll(f, 0);
    assert_int_equal(f->commands, 0);
    assert_int_equal(f->messages, 1);
    assert_int_equal(fake->ack_count, 1);
}

static spoke_status refuse_ack(spoke_transport *t, uint16_t receipt)
{
    (void)receipt;
    t->busy = false;
    return SPOKE_E_STATE; /* as of a link that broke a moment ago */
}

static void an_acknowledgement_that_the_link_refuses_is_no_trouble(void **state)
{
    struct fixture *f = *state;
    spoke_transport_ops ops = fake_ops;
    ops.ack = refuse_ack;
    f->config.transport = &ops;
    start(f);
    get_ready(f);
    say_message("devices/d/messages/devicebound/", "x", 1);
    run(f, 1000);
    assert_int_equal(f->messages, 1);
    expect(f, SPOKE_READY);
    spoke_client_destroy(f->client);
    f->client = NULL;
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
        claim(an_answer_larger_than_its_room_is_answered_500),
        claim(an_answer_larger_than_a_packet_is_answered_500),
        claim(answers_leave_in_the_order_in_which_they_were_given),
        claim(a_command_that_cannot_even_be_answered_500_is_logged),
        claim(an_explanation_longer_than_the_memory_is_left_out),
        claim(a_request_id_longer_than_any_hub_writes_is_ignored),
        claim(replies_to_nothing_are_refused),
        claim(the_request_of_a_message_is_no_command),
        claim(request_numbers_start_again_at_one_and_never_are_zero),
        claim(a_refused_message_is_logged_with_its_reason),
        claim(a_message_that_owes_no_acknowledgement_cannot_be_deferred),
        claim(an_offline_command_without_a_handler_is_a_message),
        claim(an_acknowledgement_that_the_link_refuses_is_no_trouble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
