/* The live stream of events: what it tells, to whom, how fast, and when it ends. */
#include "support/core_fixture.h"

#define STREAM "/api/events/stream"
#define VERSION "api-version=2022-07-31"
#define OPERATOR "ae2c9854-393b-4f97-8c42-479d70ce626e"

static struct {
    struct core_stream *stream;
    int wakes;
    char text[400000];
} heard;

#define TOKENS 65
static char *tokens[TOKENS];

static int setup(void **state)
{
    struct fixture *f = fixture_create(false);
    fixture_device_row(f, "pump-1");
    fixture_device_row(f, "pump-2");
    memset(&heard, 0, sizeof heard);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    core_stream_close(heard.stream);
    for (int i = 0; i < TOKENS; i++) {
        free(tokens[i]);
        tokens[i] = NULL;
    }
    fixture_destroy(*state);
    return 0;
}

static void note_wake(void *user)
{
    (void)user;
    heard.wakes++;
}

static void ask(struct fixture *f, const char *query, const char *last_event_id, const char *token,
                struct core_stream **out)
{
    const struct core_request request = {.method = "GET",
                                         .path = STREAM,
                                         .query = query,
                                         .authorization = token,
                                         .trusted = token == NULL,
                                         .last_event_id = last_event_id,
                                         .stream = out};
    f->status = 0;
    (void)core_request(f->bench.core, &request, fixture_done, f);
}

/* All that can be read now. */
static const char *read_on(void)
{
    size_t len = 0, count;
    while ((count = core_stream_read(heard.stream, heard.text + len, sizeof heard.text - 1 - len)) > 0)
        len += count;
    heard.text[len] = '\0';
    return heard.text;
}

static void open_stream(struct fixture *f, const char *query)
{
    ask(f, query, NULL, NULL, &heard.stream);
    assert_int_equal(f->status, 200);
    assert_non_null(heard.stream);
    core_stream_listen(heard.stream, note_wake, NULL);
}

static void happen(struct fixture *f, const char *device_id, int count)
{
    for (int i = 0; i < count; i++)
        assert_ok(core_publish(f->bench.core, EVENT_CONNECTED, device_id, NULL, NULL, NULL));
    assert_ok(core_commit(f->bench.core));
}

static void pass(struct fixture *f, uint64_t ms)
{
    f->bench.now_ms += ms;
    core_tick(f->bench.core);
}

static size_t count_of(const char *text, const char *word)
{
    size_t count = 0;
    while ((text = strstr(text, word)) != NULL) {
        count++;
        text += strlen(word);
    }
    return count;
}

static void it_says_where_it_begins(void **state)
{
    struct fixture *f = *state;
    happen(f, "pump-1", 3);
    open_stream(f, "");
    assert_string_equal(read_on(), "retry: 2000\nid: 3\nevent: open\ndata: {\"position\":3}\n\n");
}

static void event_is_told_with_its_position_as_id(void **state)
{
    struct fixture *f = *state;
    open_stream(f, "");
    (void)read_on();
    pass(f, 1000);
    happen(f, "pump-1", 1);
    pass(f, 0);
    assert_int_equal(heard.wakes, 1);
    assert_non_null(strstr(read_on(), "id: 1\ndata: {\"position\":1,\"source\":\"deviceConnectivity\","
                                      "\"type\":\"connected\",\"deviceId\":\"pump-1\""));
    assert_string_equal(read_on(), "");
}

static void events_that_come_together_are_told_together(void **state)
{
    struct fixture *f = *state;
    open_stream(f, "");
    (void)read_on();
    happen(f, "pump-1", 1);
    pass(f, 0); /* a round was just now */
    assert_string_equal(read_on(), "");
    happen(f, "pump-1", 1);
    pass(f, 100);
    assert_int_equal(count_of(read_on(), "\"connected\""), 2);
    assert_int_equal(heard.wakes, 1);
}

static void only_what_was_asked_for_is_told(void **state)
{
    struct fixture *f = *state;
    open_stream(f, "deviceId=pump-2&kind=connected");
    (void)read_on();
    happen(f, "pump-1", 2);
    happen(f, "pump-2", 1);
    assert_ok(core_publish(f->bench.core, EVENT_DISCONNECTED, "pump-2", NULL, NULL, NULL));
    pass(f, 100);
    const char *text = read_on();
    assert_int_equal(count_of(text, "\"deviceId\":\"pump-2\""), 1);
    assert_int_equal(count_of(text, "\"deviceId\":\"pump-1\""), 0);
}

static void a_stream_may_be_of_several_devices(void **state)
{
    struct fixture *f = *state;
    fixture_device_row(f, "pump-3");
    open_stream(f, "deviceId=pump-3,pump-1");
    (void)read_on();
    happen(f, "pump-1", 1);
    happen(f, "pump-2", 2);
    happen(f, "pump-3", 3);
    pass(f, 100);
    assert_int_equal(count_of(read_on(), "\"connected\""), 4);
    assert_int_equal(count_of(heard.text, "pump-2"), 0);
}

/* Each of them is looked up; the next round goes on where that was enough. */
static void a_round_of_many_strangers_to_the_group_is_short_and_the_next_goes_on(void **state)
{
    struct fixture *f = *state;
    char id[20];
    fixture_ask(f, "PUT", "/api/deviceGroups/none",
                "{\"displayName\":\"None\",\"filter\":\"SELECT * FROM devices WHERE $displayName = \\\"x\\\"\"}");
    assert_int_equal(f->status, 200);
    open_stream(f, "group=none&kind=connected");
    (void)read_on();
    for (int i = 0; i < 1200; i++) {
        (void)snprintf(id, sizeof id, "other-%d", i);
        fixture_device_row(f, id);
        happen(f, id, 1);
    }
    for (int rounds = 0; rounds < 3; rounds++) {
        pass(f, 100);
        assert_int_equal(core_deadline(f->bench.core) == f->bench.now_ms + 100, rounds < 2);
    }
}

static void it_ends_when_its_group_is_deleted(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", "/api/deviceGroups/g",
                "{\"displayName\":\"G\",\"filter\":\"SELECT * FROM devices WHERE $displayName = \\\"x\\\"\"}");
    open_stream(f, "group=g");
    (void)read_on();
    fixture_ask(f, "DELETE", "/api/deviceGroups/g", NULL);
    assert_int_equal(f->status, 204);
    pass(f, 10000);
    (void)read_on();
    assert_true(core_stream_ended(heard.stream));
}

static void it_goes_on_behind_what_the_client_had(void **state)
{
    struct fixture *f = *state;
    happen(f, "pump-1", 5);
    ask(f, "after=1", "3", NULL, &heard.stream);
    assert_int_equal(f->status, 200);
    const char *text = read_on();
    assert_int_equal(count_of(text, "\"connected\""), 2);
    assert_non_null(strstr(text, "id: 4\n"));
    core_stream_close(heard.stream);
    ask(f, "after=4", NULL, NULL, &heard.stream);
    assert_int_equal(count_of(read_on(), "\"connected\""), 1);
}

static void after_zero_is_from_the_first_event_on(void **state)
{
    struct fixture *f = *state;
    happen(f, "pump-1", 5);
    ask(f, "after=0", NULL, NULL, &heard.stream);
    const char *text = read_on();
    assert_non_null(strstr(text, "data: {\"position\":0}"));
    assert_int_equal(count_of(text, "\"connected\""), 5);
}

/* Such a position is from before an older copy of the store was put back. */
static void a_position_that_was_not_reached_yet_is_now(void **state)
{
    struct fixture *f = *state;
    happen(f, "pump-1", 5);
    for (int i = 0; i < 2; i++) {
        ask(f, i == 0 ? "after=900" : "", i == 0 ? NULL : "900", NULL, &heard.stream);
        assert_int_equal(f->status, 200);
        assert_non_null(strstr(read_on(), i == 0 ? "data: {\"position\":5}" : "data: {\"position\":6}"));
        happen(f, "pump-1", 1);
        pass(f, 100);
        assert_int_equal(count_of(read_on(), "\"connected\""), 1);
        core_stream_close(heard.stream);
        heard.stream = NULL;
    }
}

static void body_with_line_breaks_takes_one_line(void **state)
{
    struct fixture *f = *state;
    open_stream(f, "kind=telemetry");
    (void)read_on();
    fixture_connect(f, "pump-1");
    device_publish(&f->device, "devices/pump-1/messages/events/", "{\n \"a\": \"x y\",\r\n \"b\": 1 }", 0);
    assert_ok(core_commit(f->bench.core));
    pass(f, 100);
    assert_non_null(strstr(read_on(), "\"body\":{\"a\":\"x y\",\"b\":1}}\n\n"));
}

static void silence_is_broken_now_and_then(void **state)
{
    struct fixture *f = *state;
    open_stream(f, "");
    (void)read_on();
    pass(f, 9999);
    assert_string_equal(read_on(), "");
    pass(f, 1);
    assert_string_equal(read_on(), ":\n\n");
    assert_int_equal(core_deadline(f->bench.core), f->bench.now_ms + 10000);
}

static void client_that_does_not_read_costs_nothing_more(void **state)
{
    struct fixture *f = *state;
    open_stream(f, "");
    happen(f, "pump-1", 1);
    pass(f, 100);
    for (int i = 0; i < 5; i++) {
        happen(f, "pump-1", 10);
        pass(f, 1000);
    }
    const char *text = read_on();
    assert_true(count_of(text, "\"connected\"") <= 1);
    pass(f, 100); /* and goes on when it reads again */
    assert_true(count_of(read_on(), "\"connected\"") >= 50);
}

static void one_that_does_not_catch_up_is_told_what_it_missed(void **state)
{
    struct fixture *f = *state;
    size_t told = 0;
    const char *missed = NULL;
    open_stream(f, "");
    for (int i = 0; i < 110 && missed == NULL; i++) {
        happen(f, "pump-1", 300);
        pass(f, 100);
        const char *text = read_on();
        told += count_of(text, "\"connected\"");
        missed = strstr(text, "event: missed\ndata: {\"after\":");
    }
    assert_non_null(missed);
    assert_int_equal(told, 100 * 200);
    assert_non_null(strstr(missed, "{\"after\":20000,\"before\":"));
    happen(f, "pump-1", 1);
    pass(f, 100);
    assert_int_equal(count_of(read_on(), "\"connected\""), 1); /* in time again */
}

static void what_retention_took_is_told_as_missed(void **state)
{
    struct fixture *f = *state;
    store_keep(core_store(f->bench.core), 10);
    happen(f, "pump-1", 1000);
    ask(f, "after=5", NULL, NULL, &heard.stream);
    assert_non_null(strstr(read_on(), "event: missed\ndata: {\"after\":5,\"before\":991}\n\nid: 991\n"));
}

/* --- who --- */

static char *token_for(struct fixture *f, const char *body)
{
    fixture_ask(f, "PUT", "/api/apiTokens/t", body);
    assert_int_equal(f->status, 200);
    return strdup(fixture_text(f, "token"));
}

static void it_ends_when_the_token_is_revoked(void **state)
{
    struct fixture *f = *state;
    char *token = token_for(f, "{\"roles\":[{\"role\":\"" OPERATOR "\"}]}");
    ask(f, VERSION, NULL, token, &heard.stream);
    assert_int_equal(f->status, 200);
    core_stream_listen(heard.stream, note_wake, NULL);
    (void)read_on();
    fixture_ask(f, "DELETE", "/api/apiTokens/t", NULL);
    assert_int_equal(f->status, 204);
    happen(f, "pump-1", 1);
    pass(f, 100);
    assert_string_equal(read_on(), "");
    assert_true(core_stream_ended(heard.stream));
    assert_int_equal(heard.wakes, 1);
    free(token);
}

static void it_ends_when_the_token_expires_though_nothing_happens(void **state)
{
    struct fixture *f = *state;
    char *token = token_for(f, "{\"roles\":[{\"role\":\"" OPERATOR "\"}],\"expiry\":\"2026-03-04T05:07:00Z\"}");
    ask(f, VERSION, NULL, token, &heard.stream);
    for (int i = 0; i < 7; i++) {
        (void)read_on();
        pass(f, 10000);
    }
    (void)read_on();
    assert_true(core_stream_ended(heard.stream));
    free(token);
}

static void other_organizations_events_are_not_told(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", "/api/organizations/north", "{\"displayName\":\"North\"}");
    fixture_ask(f, "PATCH", "/api/devices/pump-1", "{\"organizations\":[\"north\"]}");
    assert_int_equal(f->status, 200);
    char *token = token_for(f, "{\"roles\":[{\"role\":\"" OPERATOR "\",\"organization\":\"north\"}]}");
    ask(f, VERSION, NULL, token, &heard.stream);
    assert_int_equal(f->status, 200);
    (void)read_on();
    happen(f, "pump-2", 3);
    happen(f, "pump-1", 1);
    pass(f, 100);
    assert_int_equal(count_of(read_on(), "\"connected\""), 1);
    assert_int_equal(count_of(heard.text, "pump-2"), 0);
    struct core_stream *none = NULL;
    ask(f, VERSION "&deviceId=pump-2", NULL, token, &none);
    assert_int_equal(f->status, 404);
    assert_null(none);
    fixture_ask_as(f, "GET", "/api/events?" VERSION "&kind=connected", NULL, false, token);
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "value")), 1);
    assert_string_equal(fixture_text(f, "value.0.deviceId"), "pump-1");
    free(token);
}

static void stranger_gets_no_stream(void **state)
{
    struct fixture *f = *state;
    ask(f, VERSION, NULL, "SharedAccessSignature sr=x&sig=y&skn=z&se=1", &heard.stream);
    assert_int_equal(f->status, 401);
    assert_null(heard.stream);
}

static void bad_question_gets_no_stream(void **state)
{
    struct fixture *f = *state;
    ask(f, "kind=nice", NULL, NULL, &heard.stream);
    assert_int_equal(f->status, 400);
    ask(f, "", "yesterday", NULL, &heard.stream);
    assert_int_equal(f->status, 400);
    assert_null(heard.stream);
}

static void who_cannot_take_a_stream_is_told_so(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "GET", STREAM, NULL);
    assert_refused(f, 406, "NotAcceptable", "/api/events");
}

/* --- room --- */

/* The token of that number, made when it is asked for first. */
static const char *token_of(struct fixture *f, int number)
{
    char path[40];
    if (tokens[number] != NULL)
        return tokens[number];
    (void)snprintf(path, sizeof path, "/api/apiTokens/t%d", number);
    fixture_ask(f, "PUT", path, "{\"roles\":[{\"role\":\"" OPERATOR "\"}]}");
    assert_int_equal(f->status, 200);
    return tokens[number] = strdup(fixture_text(f, "token"));
}

static void open_many(struct fixture *f, int number, struct core_stream **out, int count)
{
    for (int i = 0; i < count; i++) {
        ask(f, VERSION, NULL, token_of(f, number), &out[i]);
        assert_int_equal(f->status, 200);
    }
}

static void close_many(struct core_stream **streams, int count)
{
    for (int i = 0; i < count; i++)
        core_stream_close(streams[i]);
}

static const char *read_of(struct core_stream *stream)
{
    const size_t len = core_stream_read(stream, heard.text, sizeof heard.text - 1);
    heard.text[len] = '\0';
    return heard.text;
}

static void of_17_streams_of_a_token_the_oldest_ends(void **state)
{
    struct fixture *f = *state;
    struct core_stream *streams[17] = {NULL};
    open_many(f, 1, streams, 17);
    for (int i = 0; i < 17; i++) {
        (void)read_of(streams[i]);
        assert_int_equal(core_stream_ended(streams[i]), i == 0);
    }
    close_many(streams, 17);
}

static void one_that_has_to_go_is_told_why_and_when_to_come_back(void **state)
{
    struct fixture *f = *state;
    struct core_stream *streams[17] = {NULL};
    open_many(f, 1, streams, 16);
    (void)read_of(streams[0]);
    core_stream_listen(streams[0], note_wake, NULL);
    open_many(f, 1, &streams[16], 1);
    pass(f, 0);
    assert_int_equal(heard.wakes, 1);
    const char *text = read_of(streams[0]);
    assert_non_null(strstr(text, "retry: 60000\nevent: closed\ndata: {\"code\":\"TooManyStreams\",\"message\":"));
    assert_null(strstr(text, "id:")); /* what it heard last stays what it heard last */
    close_many(streams, 17);
}

static void one_that_has_to_go_hears_nothing_more(void **state)
{
    struct fixture *f = *state;
    struct core_stream *streams[17] = {NULL};
    open_many(f, 1, streams, 17);
    happen(f, "pump-1", 1);
    pass(f, 100);
    assert_int_equal(count_of(read_of(streams[0]), "\"connected\""), 0);
    assert_true(core_stream_ended(streams[0]));
    close_many(streams, 17);
}

static void the_service_has_64_and_who_has_the_most_makes_room(void **state)
{
    struct fixture *f = *state;
    struct core_stream *streams[65] = {NULL};
    struct core_stream **next = streams;
    for (int i = 0; i < 4; i++, next += 15)
        open_many(f, i, next, 15);
    open_many(f, 2, &streams[60], 1); /* which has 16 so */
    open_many(f, 4, &streams[61], 3);
    open_many(f, 5, &streams[64], 1);
    for (int i = 0; i < 65; i++) {
        (void)read_of(streams[i]);
        assert_int_equal(core_stream_ended(streams[i]), i == 30);
    }
    close_many(streams, 65);
}

static void who_has_as_many_as_the_others_makes_room_itself(void **state)
{
    struct fixture *f = *state;
    struct core_stream *streams[65] = {NULL};
    struct core_stream **next = streams;
    for (int i = 0; i < 32; i++, next += 2)
        open_many(f, i, next, 2);
    open_many(f, 9, &streams[64], 1);
    for (int i = 0; i < 65; i++) {
        (void)read_of(streams[i]);
        assert_int_equal(core_stream_ended(streams[i]), i == 18);
    }
    close_many(streams, 65);
}

static void nobody_loses_its_only_stream(void **state)
{
    struct fixture *f = *state;
    struct core_stream *streams[65] = {NULL};
    for (int i = 0; i < 64; i++)
        open_many(f, i, &streams[i], 1);
    const char *token = token_of(f, 64);
    ask(f, VERSION, NULL, token, &streams[64]);
    assert_refused(f, 503, "TooManyStreams", "/api/events in pages");
    core_stream_close(streams[0]);
    streams[0] = NULL;
    ask(f, VERSION, NULL, token, &streams[64]);
    assert_int_equal(f->status, 200);
    close_many(streams, 65);
}

/* What it was told last waits in memory. */
static void who_never_reads_that_streams_had_to_go_gets_no_more(void **state)
{
    struct fixture *f = *state;
    struct core_stream *streams[33] = {NULL};
    open_many(f, 1, streams, 32);
    const char *token = token_of(f, 1);
    ask(f, VERSION, NULL, token, &streams[32]);
    assert_refused(f, 503, "TooManyStreams", "read or close them");
    core_stream_close(streams[0]);
    streams[0] = NULL;
    ask(f, VERSION, NULL, token, &streams[32]);
    assert_int_equal(f->status, 200);
    close_many(streams, 33);
}

static void bad_question_takes_no_place(void **state)
{
    struct fixture *f = *state;
    struct core_stream *streams[16] = {NULL}, *none = NULL;
    open_many(f, 1, streams, 16);
    const char *token = token_of(f, 1);
    ask(f, VERSION "&kind=nice", NULL, token, &none);
    assert_int_equal(f->status, 400);
    (void)read_of(streams[0]);
    assert_false(core_stream_ended(streams[0]));
    close_many(streams, 16);
}

#define LIVE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIVE(it_says_where_it_begins),
        LIVE(event_is_told_with_its_position_as_id),
        LIVE(events_that_come_together_are_told_together),
        LIVE(only_what_was_asked_for_is_told),
        LIVE(a_stream_may_be_of_several_devices),
        LIVE(a_round_of_many_strangers_to_the_group_is_short_and_the_next_goes_on),
        LIVE(it_ends_when_its_group_is_deleted),
        LIVE(it_goes_on_behind_what_the_client_had),
        LIVE(after_zero_is_from_the_first_event_on),
        LIVE(a_position_that_was_not_reached_yet_is_now),
        LIVE(body_with_line_breaks_takes_one_line),
        LIVE(silence_is_broken_now_and_then),
        LIVE(client_that_does_not_read_costs_nothing_more),
        LIVE(one_that_does_not_catch_up_is_told_what_it_missed),
        LIVE(what_retention_took_is_told_as_missed),
        LIVE(it_ends_when_the_token_is_revoked),
        LIVE(it_ends_when_the_token_expires_though_nothing_happens),
        LIVE(other_organizations_events_are_not_told),
        LIVE(stranger_gets_no_stream),
        LIVE(bad_question_gets_no_stream),
        LIVE(who_cannot_take_a_stream_is_told_so),
        LIVE(of_17_streams_of_a_token_the_oldest_ends),
        LIVE(one_that_has_to_go_is_told_why_and_when_to_come_back),
        LIVE(one_that_has_to_go_hears_nothing_more),
        LIVE(the_service_has_64_and_who_has_the_most_makes_room),
        LIVE(who_has_as_many_as_the_others_makes_room_itself),
        LIVE(nobody_loses_its_only_stream),
        LIVE(who_never_reads_that_streams_had_to_go_gets_no_more),
        LIVE(bad_question_takes_no_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
