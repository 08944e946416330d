/* GET /api/events/stream: the event stream as server-sent events (HTML standard, section 9.2), live.
 *
 * A stream is a request that is asked again: each round goes through the door of the REST API with the caller's own
 * token, so that one that was revoked, has expired or sees less by now is heard no longer than the next round. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "central/core/core_internal.h"
#include "rest_caller.h"
#include "rest_events.h"

enum {
    MAX_STREAMS = 64,
    MOST_OF_CALLER = 16,  /* of one token */
    MOST_ENDING = 16,     /* of one token: they had to go, and their clients have not read that yet */
    ROUND_MS = 100,       /* between two rounds: what came meanwhile goes together */
    HEARTBEAT_MS = 10000, /* a word now and then, so that both sides notice when the other is gone */
    ROUND_EVENTS = 200,   /* of one round */
    ROUND_SCANNED = 5000, /* what the caller does not see is among them */
    ROUND_BYTES = 256 * 1024,
    FULL_ROUNDS = 100, /* one after the other: it does not catch up */
    LEFT_RETRY_MS = 60000
};

struct core_stream {
    struct list_node in_streams;
    struct core *core;
    char *path, *query, *authorization;
    char *caller; /* id of the token; "": in-process */
    bool trusted, ended;
    int64_t position;  /* up to here it was told */
    uint32_t full;     /* rounds in a row that brought as much as a round may */
    bool news;         /* there were commits since the last round */
    uint64_t round_ms; /* when that was */
    uint64_t said_ms;  /* when anything was told */
    struct bytes text; /* what waits for the reader, from `at` on */
    size_t at;
    struct core_task task;
    struct core_listener listener;
    void (*wake)(void *user);
    void *user;
};

/* --- text --- */

static void say(struct core_stream *s, const char *text)
{
    if (!bytes_append(&s->text, text, strlen(text)))
        s->ended = true; /* no memory; the client comes back */
}

/* The id is where the client goes on when it comes back. Of JSON text no line is longer than one. */
static void say_event(struct core_stream *s, int64_t position, const char *type, cJSON *data)
{
    char head[80];
    char *text = cJSON_PrintUnformatted(data);
    (void)snprintf(head, sizeof head, "id: %" PRId64 "\n%s%s%sdata: ", position, type != NULL ? "event: " : "",
                   type != NULL ? type : "", type != NULL ? "\n" : "");
    say(s, head);
    say(s, text != NULL ? text : "{}");
    say(s, "\n\n");
    cJSON_free(text);
    cJSON_Delete(data);
}

static void say_open(struct core_stream *s)
{
    cJSON *data = cJSON_CreateObject();
    cJSON_AddNumberToObject(data, "position", (double)s->position);
    say(s, "retry: 2000\n");
    say_event(s, s->position, "open", data);
}

/* Those between the two positions it does not get here; GET /api/events has those that are still there. */
static void say_missed(struct core_stream *s, int64_t before)
{
    cJSON *data = cJSON_CreateObject();
    cJSON_AddNumberToObject(data, "after", (double)s->position);
    cJSON_AddNumberToObject(data, "before", (double)before);
    s->position = before - 1;
    say_event(s, s->position, "missed", data);
}

/* --- a round --- */

struct round {
    struct core_stream *stream;
    struct events_asked asked;
    size_t told, scanned;
    int64_t last;
};

/* A body may have line breaks between its values, which end a line of the stream: cJSON takes them out. */
static cJSON *one_line(cJSON *item)
{
    cJSON *body = cJSON_GetObjectItemCaseSensitive(item, "body");
    if (body != NULL && cJSON_IsRaw(body) && strpbrk(body->valuestring, "\r\n") != NULL)
        cJSON_Minify(body->valuestring);
    return item;
}

/* The rest is for another round. */
static bool is_full(const struct round *r)
{
    return r->told >= ROUND_EVENTS || r->scanned >= ROUND_SCANNED || r->stream->text.len >= ROUND_BYTES ||
           events_asked_tired(&r->asked);
}

static bool tell(void *ctx, const struct store_event *row)
{
    struct round *r = ctx;
    r->scanned++;
    r->last = row->position;
    if (events_asked_sees(&r->asked, row)) {
        say_event(r->stream, row->position, NULL, one_line(event_json(row)));
        r->told++;
    }
    return !is_full(r) && !r->stream->ended;
}

/* What retention took before it was told, and what a reader that does not catch up leaves out. */
static spoke_status skip(struct core_stream *s, int64_t last)
{
    int64_t first = 0;
    const spoke_status status = store_event_first(core_store(s->core), &first);
    if (status == SPOKE_OK && first > s->position + 1)
        say_missed(s, first);
    if (s->full < FULL_ROUNDS)
        return status;
    s->full = 0;
    if (last > s->position)
        say_missed(s, last + 1);
    return status;
}

static spoke_status read_on(struct round *r)
{
    struct core_stream *s = r->stream;
    const int64_t last = store_event_last(core_store(s->core));
    spoke_status status = last > s->position ? skip(s, last) : SPOKE_OK;
    if (status != SPOKE_OK || last <= s->position)
        return status;
    r->asked.range.after = s->position; /* it began behind what was asked for, or with now */
    r->asked.range.before = last + 1;
    status = store_event_each(core_store(s->core), &r->asked.range, ROUND_SCANNED, tell, r);
    const bool full = is_full(r);
    s->position = full ? r->last : last;
    s->full = full ? s->full + 1 : 0;
    s->news = full; /* there is more */
    return status;
}

static void fill(struct rest_call *call, struct core_stream *s)
{
    struct round r = {.stream = s};
    s->news = false;
    if (events_asked_read(call, &r.asked)) {
        const spoke_status status = read_on(&r);
        if (status == SPOKE_OK)
            rest_ok(&call->reply, 200, NULL);
        else
            rest_fail_internal(&call->reply, status);
    }
    events_asked_free(&r.asked);
}

static void hear_round(void *user, const struct core_response *response)
{
    struct core_stream *s = user;
    if (response->status != 200)
        s->ended = true;
}

static void ask_again(struct core_stream *s)
{
    const struct core_request request = {.method = "GET",
                                         .path = s->path,
                                         .query = s->query,
                                         .authorization = s->authorization,
                                         .trusted = s->trusted,
                                         .round = s};
    s->round_ms = core_now_ms(s->core);
    (void)core_request(s->core, &request, hear_round, s);
}

/* Not before the reader has taken what it got; one that reads nothing costs nothing. */
static void set_task(struct core_stream *s)
{
    uint64_t at = s->said_ms + HEARTBEAT_MS;
    if (s->news && s->round_ms + ROUND_MS < at)
        at = s->round_ms + ROUND_MS;
    (void)core_task_set(s->core, &s->task, s->ended || s->at < s->text.len ? UINT64_MAX : at);
}

static void run_round(void *ctx)
{
    struct core_stream *s = ctx;
    const uint64_t now = core_now_ms(s->core);
    if (s->at == s->text.len && !s->ended) {
        s->at = s->text.len = 0;
        ask_again(s);
        if (s->text.len == 0 && now >= s->said_ms + HEARTBEAT_MS)
            say(s, ":\n\n");
    }
    if (s->text.len > 0)
        s->said_ms = now;
    set_task(s);
    if ((s->text.len > 0 || s->ended) && s->wake != NULL)
        s->wake(s->user);
}

static void note_news(void *ctx)
{
    struct core_stream *s = ctx;
    if (s->news)
        return;
    s->news = true;
    set_task(s);
}

/* --- the reader --- */

void core_stream_listen(struct core_stream *s, void (*wake)(void *user), void *user)
{
    s->wake = wake;
    s->user = user;
}

size_t core_stream_read(struct core_stream *s, char *out, size_t cap)
{
    const size_t left = s->text.len - s->at, count = left < cap ? left : cap;
    if (count > 0)
        memcpy(out, s->text.ptr + s->at, count);
    s->at += count;
    if (count > 0 && s->at == s->text.len)
        set_task(s);
    return count;
}

bool core_stream_ended(const struct core_stream *s)
{
    return s->ended && s->at == s->text.len;
}

void core_stream_close(struct core_stream *s)
{
    if (s == NULL)
        return;
    list_leave(&s->in_streams);
    core_unlisten(&s->listener);
    core_task_remove(s->core, &s->task);
    secret_free(s->authorization);
    free(s->caller);
    free(s->path);
    free(s->query);
    bytes_free(&s->text);
    free(s);
}

/* --- one more --- */

static const char *caller_of(const struct rest_call *call)
{
    return call->caller != NULL ? call->caller->id : "";
}

static bool copy_request(struct core_stream *s, const struct core_request *request)
{
    s->trusted = request->trusted;
    return text_set(&s->path, spoke_str_of(request->path)) && text_set(&s->query, spoke_str_of(request->query)) &&
           (request->authorization == NULL || text_set(&s->authorization, spoke_str_of(request->authorization)));
}

static struct core_stream *stream_create(const struct rest_call *call)
{
    struct core_stream *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->core = call->core;
    s->round_ms = s->said_ms = core_now_ms(call->core);
    s->task = (struct core_task){.run = run_round, .ctx = s};
    s->listener = (struct core_listener){.wake = note_news, .ctx = s};
    list_join(&call->core->streams, &s->in_streams, s);
    core_listen(call->core, &s->listener);
    if (copy_request(s, call->request) && text_set(&s->caller, spoke_str_of(caller_of(call))) &&
        core_task_set(call->core, &s->task, UINT64_MAX) == SPOKE_OK)
        return s;
    core_stream_close(s);
    return NULL;
}

/* Where it begins: behind what the client had, else behind `after`, else with what comes from now on. */
static bool start_position(struct rest_call *call, int64_t *out)
{
    struct events_asked asked;
    const char *had = call->request->last_event_id;
    const bool good = events_asked_read(call, &asked);
    const int64_t last = store_event_last(core_store(call->core));
    *out = asked.positioned ? asked.range.after : last;
    events_asked_free(&asked);
    if (good && had != NULL && had[0] != '\0' && !events_position(had, out))
        rest_fail(&call->reply, 400, "InvalidRequest", "Last-Event-ID has to be the position of an event.");
    *out = *out < last ? *out : last;
    return call->reply.status == 0;
}

/* --- room for all --- */

static bool is_of(const struct core_stream *s, const char *caller)
{
    return s->caller != NULL && strcmp(s->caller, caller) == 0;
}

static size_t count_of(const struct core *c, const char *caller, bool ended)
{
    size_t count = 0;
    for (const struct list_node *at = c->streams.first; at != NULL; at = at->next) {
        const struct core_stream *s = at->owner;
        count += s->ended == ended && is_of(s, caller);
    }
    return count;
}

/* NULL: it has none that goes on. */
static struct core_stream *oldest_of(const struct core *c, const char *caller)
{
    for (const struct list_node *at = c->streams.first; at != NULL; at = at->next) {
        struct core_stream *s = at->owner;
        if (!s->ended && is_of(s, caller))
            return s;
    }
    return NULL;
}

/* How many go on, and who has the most of them; of several the one whose oldest is older. */
static size_t count_all(const struct core *c, const char **greediest, size_t *most)
{
    size_t count = 0;
    *most = 0;
    for (const struct list_node *at = c->streams.first; at != NULL; at = at->next) {
        const struct core_stream *s = at->owner;
        const size_t own = s->ended ? 0 : count_of(c, s->caller, false);
        count += !s->ended;
        if (own > *most) {
            *most = own;
            *greediest = s->caller;
        }
    }
    return count;
}

/* Whose stream makes room for another of the caller; *out NULL: there is room. Taking one from somebody who has hardly
 * more would only turn it around. False, with a 503. */
static bool find_leaver(struct rest_call *call, struct core_stream **out)
{
    const char *caller = caller_of(call), *greediest = caller;
    const size_t own = count_of(call->core, caller, false);
    size_t most;
    const size_t count = count_all(call->core, &greediest, &most);
    *out = NULL;
    if (count_of(call->core, caller, true) >= MOST_ENDING)
        rest_fail(&call->reply, 503, "TooManyStreams",
                  "%d streams of this token made room already and were not read to their end; read or close them.",
                  MOST_ENDING);
    else if (own >= MOST_OF_CALLER)
        *out = oldest_of(call->core, caller);
    else if (count >= MAX_STREAMS && (own > 0 || most > 1))
        *out = oldest_of(call->core, most > own + 1 ? greediest : caller);
    else if (count >= MAX_STREAMS)
        rest_fail(&call->reply, 503, "TooManyStreams",
                  "%d streams of as many tokens are open; read /api/events in pages.", MAX_STREAMS);
    return call->reply.status == 0;
}

/* The client goes on with the list, or comes back later: at once it would only take the place of another. */
static void leave(struct core_stream *s)
{
    char text[320];
    (void)snprintf(
        text, sizeof text,
        "retry: %d\nevent: closed\ndata: {\"code\":\"TooManyStreams\",\"message\":\"This stream made room for "
        "another: a token has %d at most and all together %d. Read /api/events in pages.\"}\n\n",
        LEFT_RETRY_MS, MOST_OF_CALLER, MAX_STREAMS);
    say(s, text);
    s->ended = true;
    (void)core_task_set(s->core, &s->task, core_now_ms(s->core)); /* wakes the reader */
}

/* --- GET --- */

static void begin(struct rest_call *call, int64_t position)
{
    struct core_stream *leaver, *s;
    if (!find_leaver(call, &leaver))
        return;
    s = stream_create(call);
    if (s == NULL) {
        rest_fail_internal(&call->reply, SPOKE_E_NO_MEMORY);
        return;
    }
    s->position = position;
    say_open(s);
    fill(call, s);
    if (call->reply.status != 200 || s->ended) {
        core_stream_close(s);
        return;
    }
    *call->request->stream = s;
    if (leaver != NULL)
        leave(leaver);
}

void rest_events_stream(struct rest_call *call)
{
    int64_t position = 0;
    if (call->request->round != NULL)
        fill(call, call->request->round);
    else if (call->request->stream == NULL)
        rest_fail(&call->reply, 406, "NotAcceptable",
                  "A stream goes out over HTTP, by GET; /api/events has pages.");
    else if (start_position(call, &position))
        begin(call, position);
}
