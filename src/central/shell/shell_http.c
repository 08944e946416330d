/* HTTP through libmicrohttpd, which gets its bytes over a socket pair: our loop terminates TLS, as for MQTT, and
 * no second TLS library or thread is needed. */
#include <assert.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "central/core/bytes.h"
#include "central/core/target.h"
#include "page.h"
#include "shell_private.h"

enum {
    MAX_BODY_BYTES = 1 << 20,
    MAX_SURPLUS_BYTES = 4 << 20, /* read and thrown away so that the 413 can be heard; beyond, the client is cut */
    CONNECTION_MEMORY_BYTES = 32 * 1024,
    BODY_TOO_LARGE = 413 /* RFC 9110 section 15.5.14; the name in microhttpd.h changed over time */
};

/* RFC 9110 section 15.5.2: a 401 names how to sign in. Browsers know no such scheme, and ask nobody for a password. */
#define CHALLENGE "SharedAccessSignature realm=\"spoke-central\""
#define WEBSOCKET_PATH "/$iothub/websocket"

/* One connection, from its adoption until libmicrohttpd is done with it; may outlive the stream. */
struct http_link {
    struct http_link *next;
    struct live *live; /* the answer that is going out is one */
    struct http *http;
    struct stream *stream; /* NULL: the client is gone */
    int mhd_fd;            /* libmicrohttpd's end of the pair */
    struct exchange *exchange;
    struct MHD_UpgradeResponseHandle *upgraded;
    struct backlog early; /* what the client sent behind its upgrade request */
};

/* An answer without an end: events as they happen. libmicrohttpd asks for text when it can send some. */
struct live {
    struct core_stream *stream;
    struct http_link *link; /* NULL: the client is gone */
    struct MHD_Connection *connection;
    bool asleep; /* suspended, until there is text */
};

struct http {
    struct shell *shell;
    struct MHD_Daemon *daemon;
    struct http_link *links;
    bool upgrades_wait;
    bool resumed; /* since the last turn; libmicrohttpd's own time limit does not tell */
};

enum exchange_state {
    EXCHANGE_HEAD,      /* -> BODY, ANSWERED */
    EXCHANGE_BODY,      /* -> ASKING, ANSWERED */
    EXCHANGE_ASKING,    /* the core has it -> SUSPENDED, ANSWERED */
    EXCHANGE_SUSPENDED, /* -> ANSWERED */
    EXCHANGE_ANSWERED   /* `response` is there, or NULL: cut the connection */
};

struct exchange {
    enum exchange_state state;
    struct http_link *link;
    struct MHD_Connection *connection;
    char *uri;
    struct target target;
    struct bytes body;
    size_t body_sent; /* by the client; of a body that is too large no byte is kept from there on */
    bool too_large;
    bool last; /* of its connection */
    uint64_t ticket;
    struct core_stream *stream; /* that the core gave as an answer, until it goes out */
    unsigned status;
    struct MHD_Response *response;
};

static const char *header(const struct exchange *x, const char *name)
{
    const char *value = MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
    return value != NULL ? value : "";
}

/* --- answers --- */

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
    if (response != NULL && value != NULL)
        (void)MHD_add_response_header(response, name, value);
}

static void answer(struct exchange *x, unsigned status, spoke_str body)
{
    x->state = EXCHANGE_ANSWERED;
    x->status = status;
    x->response = MHD_create_response_from_buffer(body.len, body.len > 0 ? (void *)(uintptr_t)body.ptr : "",
                                                  MHD_RESPMEM_MUST_COPY);
    if (body.len > 0)
        add_header(x->response, "Content-Type", "application/json; charset=utf-8");
    add_header(x->response, "Cache-Control", "no-store"); /* keys and tokens are among the answers */
    add_header(x->response, "X-Content-Type-Options", "nosniff");
}

/* What the shell itself refuses, in the same form as the REST API. */
static void answer_error(struct exchange *x, unsigned status, const char *code, const char *message)
{
    struct shell *shell = x->link->http->shell;
    char body[512], date[40] = "", request_id[37];
    const time_t now = (time_t)(core_unix_ms(shell->core) / 1000);
    struct tm fields;
    core_guid(shell->core, request_id);
    if (gmtime_r(&now, &fields) != NULL)
        (void)strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &fields);
    const int len = snprintf(
        body, sizeof body, "{\"error\":{\"code\":\"%s\",\"message\":\"%s\",\"requestId\":\"%s\",\"time\":\"%s\"}}",
        code, message, request_id, date);
    assert(len > 0 && (size_t)len < sizeof body);
    answer(x, status, spoke_str_from(body, (size_t)len));
    add_header(x->response, "x-ms-error-code", code);
}

static enum MHD_Result queue(struct exchange *x)
{
    if (x->response == NULL || x->link->stream == NULL)
        return MHD_NO;
    if (x->last && x->status != MHD_HTTP_SWITCHING_PROTOCOLS)
        add_header(x->response, "Connection", "close");
    const enum MHD_Result result = MHD_queue_response(x->connection, x->status, x->response);
    MHD_destroy_response(x->response);
    x->response = NULL;
    return result;
}

static void resume(struct exchange *x)
{
    x->link->http->resumed = true;
    MHD_resume_connection(x->connection);
}

/* --- events as they happen --- */

static void wake_live(void *user)
{
    struct live *live = user;
    if (!live->asleep || live->link == NULL)
        return;
    live->asleep = false;
    live->link->http->resumed = true;
    MHD_resume_connection(live->connection);
}

static ssize_t read_live(void *cls, uint64_t offset, char *out, size_t cap)
{
    struct live *live = cls;
    (void)offset;
    if (live->link == NULL || live->link->stream == NULL)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    const size_t count = core_stream_read(live->stream, out, cap);
    if (count > 0)
        return (ssize_t)count;
    if (core_stream_ended(live->stream))
        return MHD_CONTENT_READER_END_OF_STREAM;
    live->asleep = true; /* with nothing to send it would ask again and again */
    MHD_suspend_connection(live->connection);
    return 0;
}

static void free_live(void *cls)
{
    struct live *live = cls;
    if (live->link != NULL)
        live->link->live = NULL;
    core_stream_close(live->stream);
    free(live);
}

static void answer_live(struct exchange *x)
{
    struct live *live = calloc(1, sizeof *live);
    x->state = EXCHANGE_ANSWERED; /* without a response: hear_request cuts the connection */
    if (live != NULL) {
        *live = (struct live){.stream = x->stream, .link = x->link, .connection = x->connection};
        x->response =
            MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, SHELL_CHUNK_BYTES, read_live, live, free_live);
    }
    if (x->response == NULL) {
        core_stream_close(x->stream);
        free(live);
        return;
    }
    x->stream = NULL;
    x->status = MHD_HTTP_OK;
    x->link->live = live;
    core_stream_listen(live->stream, wake_live, live);
    add_header(x->response, "Content-Type", "text/event-stream");
    add_header(x->response, "Cache-Control", "no-store");
}

static void hear_core(void *user, const struct core_response *response)
{
    struct exchange *x = user;
    char seconds[16];
    const bool suspended = x->state == EXCHANGE_SUSPENDED;
    x->ticket = 0;
    if (x->stream != NULL) {
        answer_live(x);
        return;
    }
    answer(x, (unsigned)response->status, response->body);
    add_header(x->response, "x-ms-error-code", response->error_code);
    (void)snprintf(seconds, sizeof seconds, "%u", (unsigned)response->retry_after_s);
    add_header(x->response, "Retry-After", response->retry_after_s > 0 ? seconds : NULL);
    add_header(x->response, "WWW-Authenticate", response->status == 401 ? CHALLENGE : NULL);
    add_header(x->response, "Allow", response->allow);
    if (suspended)
        resume(x);
}

/* --- the web page --- */

/* No script, style or connection but the service's own; never in a frame. */
#define PAGE_POLICY \
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'self'; " \
    "frame-ancestors 'none'"

static bool lists(const struct exchange *x, const char *name, const char *value)
{
    spoke_str found;
    return websocket_token(spoke_str_of(header(x, name)), spoke_str_of(value), &found);
}

static void answer_page(struct exchange *x, const struct page_file *file)
{
    const bool known = strcmp(header(x, "If-None-Match"), file->etag) == 0;
    const bool packed = file->gzip.len > 0 && lists(x, "Accept-Encoding", "gzip");
    const spoke_str bytes = known ? SPOKE_STR("") : packed ? file->gzip : file->bytes;
    x->state = EXCHANGE_ANSWERED;
    x->status = known ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK;
    x->response = MHD_create_response_from_buffer(bytes.len, (void *)(uintptr_t)bytes.ptr, MHD_RESPMEM_PERSISTENT);
    add_header(x->response, "Content-Type", file->type);
    add_header(x->response, "ETag", file->etag);
    add_header(x->response, "Cache-Control", file->immutable ? "public, max-age=31536000, immutable" : "no-cache");
    add_header(x->response, "Vary", "Accept-Encoding");
    add_header(x->response, "Content-Encoding", packed && !known ? "gzip" : NULL);
    add_header(x->response, "Content-Security-Policy", PAGE_POLICY);
    add_header(x->response, "X-Content-Type-Options", "nosniff");
    add_header(x->response, "Referrer-Policy", "no-referrer");
    add_header(x->response, "Cross-Origin-Opener-Policy", "same-origin");
}

/* --- WebSocket --- */

static void keep_early(struct http_link *link, const void *bytes, size_t len)
{
    if (backlog_add(&link->early, bytes, len) != SPOKE_OK)
        stream_drop(link->stream, "too much came with the upgrade");
}

/* The 101 head is in the pair already, and behind the request may wait the first frames. */
static void hear_upgrade(void *cls, struct MHD_Connection *connection, void *request, const char *extra,
                         size_t extra_len, MHD_socket socket, struct MHD_UpgradeResponseHandle *handle)
{
    struct http_link *link = cls;
    uint8_t chunk[4096];
    ssize_t count;
    (void)connection;
    (void)request;
    link->upgraded = handle;
    link->http->upgrades_wait = true;
    if (link->stream == NULL)
        return;
    keep_early(link, extra, extra_len);
    while (link->stream != NULL && (count = recv(socket, chunk, sizeof chunk, MSG_DONTWAIT)) > 0)
        keep_early(link, chunk, (size_t)count);
    while (link->stream != NULL && (count = recv(link->stream->pair.fd, chunk, sizeof chunk, MSG_DONTWAIT)) > 0)
        if (backlog_add(&link->stream->out, chunk, (size_t)count) != SPOKE_OK)
            stream_drop(link->stream, "there is no memory for the upgrade");
}

static void finish_upgrade(struct http_link *link)
{
    struct stream *s = link->stream;
    struct MHD_UpgradeResponseHandle *handle = link->upgraded;
    link->upgraded = NULL;
    link->stream = NULL;
    if (s != NULL) {
        s->link = NULL;
        stream_upgrade(s, backlog_view(&link->early));
    }
    (void)MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
}

/* RFC 6455 section 4.2.1. NULL when all is well. */
static const char *check_upgrade(const struct exchange *x, const char *method, spoke_str *protocol)
{
    spoke_str found;
    if (strcmp(method, "GET") != 0)
        return "a WebSocket begins with GET";
    if (!websocket_token(spoke_str_of(header(x, "Upgrade")), SPOKE_STR("websocket"), &found) ||
        !websocket_token(spoke_str_of(header(x, "Connection")), SPOKE_STR("upgrade"), &found))
        return "this path speaks WebSocket only: send Connection: Upgrade and Upgrade: websocket";
    if (!websocket_token(spoke_str_of(header(x, "Sec-WebSocket-Protocol")), SPOKE_STR("mqtt"), protocol))
        return "Sec-WebSocket-Protocol must offer mqtt";
    return NULL;
}

static void answer_upgrade(struct exchange *x, spoke_str protocol)
{
    uint8_t accept[WEBSOCKET_ACCEPT_BYTES + 1] = {0};
    char spelled[8] = ""; /* the client expects its own spelling back */
    spoke_buf out = spoke_buf_from(accept, WEBSOCKET_ACCEPT_BYTES);
    if (websocket_accept(spoke_str_of(header(x, "Sec-WebSocket-Key")), &out) != SPOKE_OK) {
        answer_error(x, MHD_HTTP_BAD_REQUEST, "InvalidRequest", "Sec-WebSocket-Key must be 16 bytes in base64");
        return;
    }
    assert(protocol.len < sizeof spelled);
    memcpy(spelled, protocol.ptr, protocol.len);
    x->state = EXCHANGE_ANSWERED;
    x->status = MHD_HTTP_SWITCHING_PROTOCOLS;
    x->response = MHD_create_response_for_upgrade(hear_upgrade, x->link);
    add_header(x->response, "Upgrade", "websocket");
    add_header(x->response, "Sec-WebSocket-Accept", (const char *)accept);
    add_header(x->response, "Sec-WebSocket-Protocol", spelled);
}

static void ask_upgrade(struct exchange *x, const char *method)
{
    spoke_str protocol;
    const char *why = check_upgrade(x, method, &protocol);
    if (why != NULL) {
        answer_error(x, MHD_HTTP_BAD_REQUEST, "InvalidRequest", why);
    } else if (strcmp(header(x, "Sec-WebSocket-Version"), "13") != 0) {
        answer_error(x, MHD_HTTP_UPGRADE_REQUIRED, "InvalidRequest", "only version 13 of WebSocket is spoken");
        add_header(x->response, "Sec-WebSocket-Version", "13");
    } else if (shell_mqtt_full(x->link->http->shell)) {
        answer_error(x, MHD_HTTP_SERVICE_UNAVAILABLE, "TooManyConnections", "no more devices can connect");
    } else {
        answer_upgrade(x, protocol);
    }
}

/* --- requests --- */

/* The turn sets the timer of what it looks at. */
static void set_due(struct stream *s, uint64_t due_ms)
{
    s->due_ms = due_ms;
    stream_touch(s);
}

static void ask_core(struct exchange *x, const char *method)
{
    struct shell *shell = x->link->http->shell;
    const struct core_request request = {
        .method = strcmp(method, "HEAD") == 0 ? "GET" : method, /* libmicrohttpd leaves the body out */
        .path = x->target.path,
        .query = x->target.query,
        .authorization = MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, "Authorization"),
        .content_type = MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, "Content-Type"),
        .if_match = MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, "If-Match"),
        .if_none_match = MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, "If-None-Match"),
        .base = shell->base != NULL ? shell->base : "",
        .address = stream_address(x->link->stream),
        .peer_chain = backlog_view(&x->link->stream->peer),
        .last_event_id = MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, "Last-Event-ID"),
        .stream = strcmp(method, "GET") == 0 ? &x->stream : NULL,
        .body = spoke_str_from((const char *)x->body.ptr, x->body.len),
    };
    x->state = EXCHANGE_ASKING;
    const uint64_t ticket = core_request(shell->core, &request, hear_core, x);
    if (x->state == EXCHANGE_ANSWERED)
        return;
    x->ticket = ticket;
    x->state = EXCHANGE_SUSPENDED;
}

static const struct page_file *find_page(const struct exchange *x, const char *method)
{
    const bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    return reads ? page_find(x->target.path) : NULL;
}

static void ask(struct exchange *x, const char *method)
{
    const spoke_status status = target_parse(spoke_str_of(x->uri), &x->target);
    const struct page_file *file = status == SPOKE_OK ? find_page(x, method) : NULL;
    if (x->too_large) {
        answer_error(x, BODY_TOO_LARGE, "RequestBodyTooLarge", "a body may have 1 MiB");
    } else if (status == SPOKE_E_TOO_LARGE) {
        answer_error(x, MHD_HTTP_URI_TOO_LONG, "InvalidRequest", "the path and the query are too long");
    } else if (status != SPOKE_OK) {
        answer_error(x, MHD_HTTP_BAD_REQUEST, "InvalidRequest", "the path is not valid");
    } else if (strcmp(x->target.path, WEBSOCKET_PATH) == 0) {
        ask_upgrade(x, method);
    } else if (file != NULL) {
        answer_page(x, file);
    } else if (strcmp(method, "OPTIONS") == 0) {
        answer(x, MHD_HTTP_NO_CONTENT, spoke_str_from("", 0));
        add_header(x->response, "Allow", "GET, HEAD, PUT, PATCH, POST, DELETE, OPTIONS");
    } else {
        ask_core(x, method);
    }
}

static enum MHD_Result take_body(struct exchange *x, const char *bytes, size_t *len)
{
    const size_t count = *len;
    *len = 0;
    x->body_sent += count;
    x->too_large = x->body_sent > MAX_BODY_BYTES;
    if (x->too_large)
        return x->body_sent <= MAX_SURPLUS_BYTES ? MHD_YES : MHD_NO;
    return bytes_append(&x->body, bytes, count) ? MHD_YES : MHD_NO;
}

struct headers {
    unsigned lengths, codings, authorizations, hosts, broken;
};

/* RFC 9110 section 5.6.2. */
static bool is_token(spoke_str name)
{
    bool good = name.len > 0;
    for (size_t i = 0; good && i < name.len; i++) {
        const char ch = name.ptr[i];
        good = (ch >= '0' && ch <= '9') || (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z') ||
               (ch != '\0' && strchr("!#$%&'*+-.^_`|~", ch) != NULL);
    }
    return good;
}

static bool begins_nocase(spoke_str text, spoke_str with)
{
    return text.len >= with.len && spoke_str_equal_nocase(spoke_str_from(text.ptr, with.len), with);
}

/* A name that begins like one of those that say where a body ends and is another was one: of a folded line (RFC 9112 section
 * 5.2) libmicrohttpd appends the second half to the name. */
static enum MHD_Result count_header(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct headers *seen = cls;
    const spoke_str text = spoke_str_of(name);
    const bool length = begins_nocase(text, SPOKE_STR("Content-Length"));
    const bool coding = begins_nocase(text, SPOKE_STR("Transfer-Encoding"));
    (void)kind;
    (void)value;
    seen->lengths += length;
    seen->codings += coding;
    seen->authorizations += spoke_str_equal_nocase(text, SPOKE_STR("Authorization"));
    seen->hosts += spoke_str_equal_nocase(text, SPOKE_STR("Host"));
    seen->broken += !is_token(text) || (length && text.len > strlen("Content-Length")) ||
                    (coding && text.len > strlen("Transfer-Encoding"));
    return MHD_YES;
}

/* RFC 9112 section 6: where a body ends has one answer, or a proxy and we could read two different requests. */
static bool head_is_clear(struct exchange *x)
{
    struct headers seen = {0};
    (void)MHD_get_connection_values(x->connection, MHD_HEADER_KIND, count_header, &seen);
    x->last = seen.codings > 0; /* libmicrohttpd takes chunks that others would read otherwise */
    return seen.broken == 0 && seen.lengths + seen.codings <= 1 && seen.authorizations <= 1 && seen.hosts <= 1 &&
           (seen.codings == 0 ||
            spoke_str_equal_nocase(spoke_str_of(header(x, "Transfer-Encoding")), SPOKE_STR("chunked")));
}

static enum MHD_Result refuse_head(struct exchange *x, unsigned status, const char *code, const char *message)
{
    answer_error(x, status, code, message);
    x->last = true;
    return queue(x);
}

/* A length that is known beforehand is refused before the body is sent. */
static enum MHD_Result take_head(struct exchange *x)
{
    uint32_t length = 0;
    const spoke_str text = spoke_str_of(header(x, "Content-Length"));
    x->state = EXCHANGE_BODY;
    if (!head_is_clear(x))
        return refuse_head(
            x, MHD_HTTP_BAD_REQUEST, "InvalidRequest",
            "a request has one Content-Length or Transfer-Encoding chunked, one Authorization and one Host, each "
            "in a line of its own without a space before the colon");
    if (text.len == 0 || (spoke_str_u32(text, &length) == SPOKE_OK && length <= MAX_BODY_BYTES))
        return MHD_YES;
    return refuse_head(x, BODY_TOO_LARGE, "RequestBodyTooLarge", "a body may have 1 MiB");
}

static enum MHD_Result hear_request(void *cls, struct MHD_Connection *connection, const char *url,
                                    const char *method, const char *version, const char *bytes, size_t *len,
                                    void **request)
{
    struct exchange *x = *request;
    (void)cls;
    (void)url;
    (void)version;
    if (x == NULL || x->link == NULL || x->link->stream == NULL)
        return MHD_NO;
    x->connection = connection;
    if (x->state == EXCHANGE_HEAD)
        return take_head(x);
    if (*len > 0)
        return take_body(x, bytes, len);
    if (x->state == EXCHANGE_BODY) {
        set_due(x->link->stream, UINT64_MAX); /* it is whole; how long the answer takes is the core's affair */
        ask(x, method);
    }
    if (x->state == EXCHANGE_ANSWERED)
        return queue(x);
    MHD_suspend_connection(connection);
    return MHD_YES;
}

/* --- life of a request and of a connection --- */

static struct http_link *link_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info != NULL ? info->socket_context : NULL;
}

/* The first that is known of a request: its target, before anything is decoded. */
static void *hear_target(void *cls, const char *uri, struct MHD_Connection *connection)
{
    (void)cls;
    struct exchange *x = calloc(1, sizeof *x);
    if (x == NULL)
        return NULL;
    x->link = link_of(connection);
    x->connection = connection;
    x->uri = strdup(uri);
    if (x->link != NULL)
        x->link->exchange = x;
    return x;
}

static void hear_completed(void *cls, struct MHD_Connection *connection, void **request,
                           enum MHD_RequestTerminationCode code)
{
    struct exchange *x = *request;
    struct http *http = cls;
    (void)connection;
    (void)code;
    if (x == NULL)
        return;
    if (x->ticket != 0)
        core_request_cancel(http->shell->core, x->ticket);
    if (x->link != NULL)
        x->link->exchange = NULL;
    if (x->link != NULL && x->link->stream != NULL)
        set_due(x->link->stream, UINT64_MAX);
    if (x->response != NULL)
        MHD_destroy_response(x->response);
    target_free(&x->target);
    free(x->uri);
    bytes_free(&x->body);
    free(x);
    *request = NULL;
}

static void free_link(struct http_link *link)
{
    struct http_link **at = &link->http->links;
    while (*at != link)
        at = &(*at)->next;
    *at = link->next;
    backlog_free(&link->early);
    if (link->live != NULL)
        link->live->link = NULL;
    free(link);
}

static void hear_connection(void *cls, struct MHD_Connection *connection, void **context,
                            enum MHD_ConnectionNotificationCode code)
{
    struct http *http = cls;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        struct http_link *link = *context;
        if (link != NULL && link->stream != NULL)
            link->stream->link = NULL; /* the stream sees the end of the pair */
        if (link != NULL)
            free_link(link);
        return;
    }
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    for (struct http_link *link = http->links; link != NULL && info != NULL; link = link->next)
        if (link->mhd_fd == info->connect_fd)
            *context = link;
}

spoke_status http_adopt(struct http *http, struct stream *s)
{
    int pair[2];
    struct http_link *link = calloc(1, sizeof *link);
    if (link == NULL)
        return SPOKE_E_NO_MEMORY;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
        free(link);
        return SPOKE_E_PORT;
    }
    *link = (struct http_link){.next = http->links, .http = http, .stream = s, .mhd_fd = pair[1]};
    http->links = link;
    s->pair = (struct watch){.fd = pair[0], .stream = s};
    s->link = link;
    /* On failure it closes its end itself. */
    if (MHD_add_connection(http->daemon, pair[1], (const struct sockaddr *)&s->address, s->address_len) == MHD_YES)
        return SPOKE_OK;
    s->link = NULL;
    free_link(link);
    return SPOKE_E_PORT;
}

void http_forget(struct stream *s)
{
    struct http_link *link = s->link;
    struct exchange *x = link->exchange;
    s->link = NULL;
    link->stream = NULL;
    if (link->live != NULL)
        wake_live(link->live); /* read_live ends it */
    if (x == NULL || x->state != EXCHANGE_SUSPENDED)
        return;
    core_request_cancel(link->http->shell->core, x->ticket);
    x->ticket = 0;
    x->state = EXCHANGE_ANSWERED; /* without a response: hear_request cuts the connection */
    resume(x);
}

void http_heard(struct stream *s)
{
    if (s->due_ms == UINT64_MAX && (s->link->exchange == NULL || s->link->exchange->state <= EXCHANGE_BODY))
        set_due(s, s->shell->now_ms + s->shell->options.patience_ms);
}

bool http_idle(const struct stream *s)
{
    const struct exchange *x = s->link != NULL ? s->link->exchange : NULL;
    return s->out.len == 0 && (x == NULL || x->state <= EXCHANGE_BODY);
}

/* --- the daemon --- */

static void finish_upgrades(struct http *http)
{
    http->upgrades_wait = false;
    for (struct http_link *link = http->links, *next; link != NULL; link = next) {
        next = link->next;
        if (link->upgraded != NULL)
            finish_upgrade(link);
    }
}

void http_turn(struct http *http)
{
    http->resumed = false;
    if (http->links == NULL) /* devices alone should not pay for it */
        return;
    (void)MHD_run(http->daemon);
    if (http->upgrades_wait)
        finish_upgrades(http);
}

uint32_t http_sleep_ms(const struct http *http)
{
    MHD_UNSIGNED_LONG_LONG limit = 0;
    if (http->resumed)
        return 0;
    if (http->links == NULL || MHD_get_timeout(http->daemon, &limit) != MHD_YES)
        return UINT32_MAX;
    return limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX;
}

int http_fd(const struct http *http)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    return info != NULL ? info->epoll_fd : -1;
}

spoke_status http_create(struct shell *shell, struct http **out)
{
    struct http *http = calloc(1, sizeof *http);
    if (http == NULL)
        return SPOKE_E_NO_MEMORY;
    http->shell = shell;
    const unsigned patience_s = (shell->options.patience_ms + 999) / 1000;
    /* Without its log: of each connection it would say that TCP options do not fit a socket pair. */
    http->daemon = MHD_start_daemon(
        MHD_USE_NO_LISTEN_SOCKET | MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE, 0, NULL, NULL,
        hear_request, http, MHD_OPTION_URI_LOG_CALLBACK, hear_target, http, MHD_OPTION_NOTIFY_COMPLETED,
        hear_completed, http, MHD_OPTION_NOTIFY_CONNECTION, hear_connection, http, MHD_OPTION_CONNECTION_LIMIT,
        shell->options.max_http + 16, MHD_OPTION_CONNECTION_TIMEOUT, patience_s,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_BYTES, MHD_OPTION_END);
    if (http->daemon == NULL) {
        free(http);
        return SPOKE_E_PORT;
    }
    *out = http;
    return SPOKE_OK;
}

void http_destroy(struct http *http)
{
    /* The streams are gone: what they had asked was cancelled and resumed. One turn ends those requests, since
     * libmicrohttpd may not be stopped with suspended or upgraded connections. */
    http_turn(http);
    MHD_stop_daemon(http->daemon);
    assert(http->links == NULL);
    free(http);
}
