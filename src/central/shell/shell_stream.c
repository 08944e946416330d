#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "central/core/x509.h"
#include "shell_private.h"

/* --- the socket below TLS --- */

static spoke_status socket_result(ssize_t result, size_t *count)
{
    if (result > 0) {
        *count = (size_t)result;
        return SPOKE_OK;
    }
    return result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) ? SPOKE_E_AGAIN : SPOKE_E_NET;
}

static spoke_status receive_more(struct stream *s)
{
    struct shell *shell = s->shell;
    size_t count = 0;
    if (shell->wire_dry)
        return SPOKE_E_AGAIN;
    const spoke_status status = socket_result(recv(s->socket.fd, shell->wire, sizeof shell->wire, 0), &count);
    shell->wire_at = 0;
    shell->wire_len = count;
    shell->wire_dry = count < sizeof shell->wire;
    return status;
}

static spoke_status socket_read(void *ctx, uint8_t *out, size_t cap, size_t *count)
{
    struct stream *s = ctx;
    struct shell *shell = s->shell;
    const spoke_status status = shell->wire_at == shell->wire_len ? receive_more(s) : SPOKE_OK;
    if (status != SPOKE_OK)
        return status;
    const size_t waiting = shell->wire_len - shell->wire_at;
    *count = cap < waiting ? cap : waiting;
    memcpy(out, shell->wire + shell->wire_at, *count);
    shell->wire_at += *count;
    return SPOKE_OK;
}

/* Around everything that reads: the buffer is every stream's. */
static void begin_reading(struct stream *s)
{
    struct shell *shell = s->shell;
    shell->wire_at = 0;
    shell->wire_len = s->wire.len;
    shell->wire_dry = false;
    if (s->wire.len > 0)
        memcpy(shell->wire, backlog_view(&s->wire).ptr, s->wire.len);
    backlog_free(&s->wire);
}

/* Nothing more is there that the socket would not tell of. */
static bool socket_is_dry(const struct stream *s)
{
    return s->shell->wire_dry && s->shell->wire_at == s->shell->wire_len;
}

static void end_reading(struct stream *s)
{
    struct shell *shell = s->shell;
    if (s->state != STREAM_CLOSED && shell->wire_at < shell->wire_len &&
        backlog_add(&s->wire, shell->wire + shell->wire_at, shell->wire_len - shell->wire_at) != SPOKE_OK)
        stream_drop(s, "there is no memory for what it sent");
    shell->wire_at = shell->wire_len = 0;
}

static spoke_status socket_write(void *ctx, const uint8_t *bytes, size_t len, size_t *count)
{
    const struct stream *s = ctx;
    return socket_result(send(s->socket.fd, bytes, len, MSG_NOSIGNAL), count);
}

/* --- what the machines behind see: TLS, or the socket itself --- */

static spoke_status link_read(struct stream *s, uint8_t *out, size_t cap, size_t *count)
{
    return s->tls != NULL ? tls_read(s->tls, out, cap, count) : socket_read(s, out, cap, count);
}

static spoke_status link_write(struct stream *s, const uint8_t *bytes, size_t len, size_t *count)
{
    return s->tls != NULL ? tls_write(s->tls, bytes, len, count) : socket_write(s, bytes, len, count);
}

static bool link_pending(const struct stream *s)
{
    return s->tls != NULL && tls_pending(s->tls);
}

/* --- names for the log --- */

static const char *kind_name(enum stream_kind kind)
{
    switch (kind) {
    case STREAM_MQTT:
        return "MQTT";
    case STREAM_WEBSOCKET:
        return "WebSocket";
    case STREAM_HTTP:
        return "HTTPS";
    case STREAM_BROKER:
        return "plain MQTT";
    }
    return "?";
}

static void log_end(const struct stream *s, spoke_log_level level, const char *why, int32_t detail)
{
    char host[INET6_ADDRSTRLEN] = "?";
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    memcpy(&v4, &s->address, sizeof v4);
    memcpy(&v6, &s->address, sizeof v6);
    if (s->address.ss_family == AF_INET)
        (void)inet_ntop(AF_INET, &v4.sin_addr, host, sizeof host);
    else if (s->address.ss_family == AF_INET6)
        (void)inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof host);
    const unsigned port = ntohs(v4.sin_port);
    if (level == SPOKE_LOG_WARN)
        core_log_stranger(s->shell->core, "shell", "%s connection from %s port %u: %s (%d)", kind_name(s->kind),
                          host, port, why, (int)detail);
    else
        core_log(s->shell->core, level, "shell", "%s connection from %s port %u: %s (%d)", kind_name(s->kind),
                 host, port, why, (int)detail);
}

/* --- life --- */

static void unlink_stream(struct stream *s)
{
    list_leave(&s->in_streams);
    list_leave(&s->in_http);
    list_leave(&s->in_work);
    list_leave(&s->in_sending);
    list_leave(&s->in_shaking);
    timers_remove(&s->shell->timers, &s->timer);
    s->shell->counts[s->kind]--;
}

void stream_touch(struct stream *s)
{
    list_join(s->kind == STREAM_HTTP ? &s->shell->http_work : &s->shell->work, &s->in_work, s);
}

static spoke_status start_tls(struct stream *s)
{
    const struct tls_stream below = {s, socket_read, socket_write};
    s->tls_memory = malloc(tls_size());
    if (s->tls_memory == NULL)
        return SPOKE_E_NO_MEMORY;
    const spoke_status status = tls_init(s->tls_memory, tls_size(), s->shell->tls, &s->tls);
    return status == SPOKE_OK ? tls_start(s->tls, NULL, &below) : status;
}

/* Nothing to agree on: the first bytes are a CONNECT, and the broker knows how long to wait for it. */
static spoke_status start_plain(struct stream *s)
{
    struct shell *shell = s->shell;
    const spoke_status status = broker_conn_open(shell->options.broker, core_now_ms(shell->core), &s->broker_conn);
    if (status != SPOKE_OK)
        return status;
    broker_conn_own(s->broker_conn, s);
    s->state = STREAM_OPEN;
    s->due_ms = UINT64_MAX;
    return SPOKE_OK;
}

spoke_status stream_open(struct shell *shell, enum stream_kind kind, int fd,
                         const struct sockaddr_storage *address, socklen_t address_len)
{
    struct stream *s = calloc(1, sizeof *s);
    if (s == NULL) {
        (void)close(fd);
        return SPOKE_E_NO_MEMORY;
    }
    s->shell = shell;
    s->kind = kind;
    s->socket = (struct watch){.fd = fd, .stream = s};
    s->pair.fd = -1;
    s->address = *address;
    s->address_len = address_len;
    s->due_ms = shell->now_ms + shell->options.patience_ms;
    s->stuck_ms = UINT64_MAX;
    list_join(&shell->streams, &s->in_streams, s);
    if (kind == STREAM_HTTP)
        list_join(&shell->http_streams, &s->in_http, s);
    shell->counts[kind]++;
    spoke_status status = timers_add(&shell->timers, &s->timer, s->due_ms, s);
    if (status == SPOKE_OK)
        status = kind == STREAM_BROKER ? start_plain(s) : start_tls(s);
    if (status == SPOKE_OK)
        status = watch_set(shell, &s->socket, EPOLLIN | (kind == STREAM_BROKER ? 0u : (uint32_t)EPOLLRDHUP));
    if (status != SPOKE_OK)
        stream_free(s);
    return status;
}

static void close_inner(struct stream *s)
{
    if (s->conn != NULL)
        core_conn_close(s->conn);
    s->conn = NULL;
    broker_conn_close(s->broker_conn, core_now_ms(s->shell->core));
    s->broker_conn = NULL;
    if (s->link != NULL)
        http_forget(s);
    watch_close(s->shell, &s->pair);
}

static void enter_closed(struct stream *s)
{
    close_inner(s);
    watch_close(s->shell, &s->socket);
    s->state = STREAM_CLOSED;
    s->due_ms = s->stuck_ms = UINT64_MAX;
    s->again = false;
    stream_touch(s);
}

void stream_free(struct stream *s)
{
    enter_closed(s);
    unlink_stream(s);
    tls_fini(s->tls);
    free(s->tls_memory);
    backlog_free(&s->wire);
    backlog_free(&s->in);
    backlog_free(&s->out);
    backlog_free(&s->peer);
    free(s);
}

void stream_drop(struct stream *s, const char *why)
{
    log_end(s, SPOKE_LOG_INFO, why, 0);
    enter_closed(s);
}

/* Lets what waits go out, then closes. */
static void drain(struct stream *s)
{
    if (s->state != STREAM_OPEN)
        return;
    s->state = STREAM_DRAINING;
    s->due_ms = s->shell->now_ms + s->shell->options.drain_limit_ms;
    s->again = false;
}

/* Everything is out. Closing now would send a reset when the peer has sent something unread, and a reset may
 * overtake our last bytes. */
static void enter_lingering(struct stream *s)
{
    close_inner(s);
    if (s->tls != NULL)
        tls_close_notify(s->tls);
    (void)shutdown(s->socket.fd, SHUT_WR);
    s->state = STREAM_LINGERING;
    s->due_ms = s->shell->now_ms + s->shell->options.drain_limit_ms;
    s->stuck_ms = UINT64_MAX;
    s->again = false;
}

static uint64_t end_of_patience(const struct stream *s)
{
    return s->due_ms < s->stuck_ms ? s->due_ms : s->stuck_ms;
}

/* --- receiving --- */

static void say_websocket(struct stream *s, enum websocket_opcode opcode, spoke_str payload)
{
    uint8_t header[WEBSOCKET_MAX_HEADER_BYTES];
    const size_t header_len = websocket_header(header, opcode, payload.len);
    spoke_status status = backlog_add(&s->out, header, header_len);
    if (status == SPOKE_OK)
        status = backlog_add(&s->out, payload.ptr, payload.len);
    if (status != SPOKE_OK)
        stream_drop(s, "the peer does not read what it asks for");
}

static void close_websocket(struct stream *s, uint16_t code)
{
    uint8_t payload[2];
    const size_t len = websocket_close_payload(payload, code);
    if (!s->close_sent)
        say_websocket(s, WEBSOCKET_CLOSE, spoke_str_from((const char *)payload, len));
    s->close_sent = true;
    drain(s);
}

static void hear_websocket(struct stream *s, const struct websocket_event *event)
{
    switch (event->kind) {
    case WEBSOCKET_EVENT_NONE:
        return;
    case WEBSOCKET_EVENT_DATA:
        core_conn_receive(s->conn, (const uint8_t *)event->payload.ptr, event->payload.len);
        return;
    case WEBSOCKET_EVENT_PING:
        say_websocket(s, WEBSOCKET_PONG, event->payload);
        return;
    case WEBSOCKET_EVENT_CLOSE:
        close_websocket(s, event->code);
        return;
    case WEBSOCKET_EVENT_ERROR:
        log_end(s, SPOKE_LOG_WARN, event->why, event->code);
        close_websocket(s, event->code);
        return;
    }
}

static void deliver_websocket(struct stream *s, uint8_t *bytes, size_t len)
{
    for (size_t used = 0; used < len && s->state == STREAM_OPEN && !core_conn_ended(s->conn);) {
        struct websocket_event event;
        used += websocket_receive(&s->websocket, bytes + used, len - used, &event);
        hear_websocket(s, &event);
    }
}

static void deliver_http(struct stream *s, const uint8_t *bytes, size_t len)
{
    if (s->link == NULL) /* libmicrohttpd has answered and hung up; what follows is for nobody */
        return;
    http_heard(s);
    const ssize_t sent = send(s->pair.fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    const size_t done = sent > 0 ? (size_t)sent : 0;
    if (done < len && backlog_add(&s->in, bytes + done, len - done) != SPOKE_OK)
        stream_drop(s, "there is no memory for the request");
}

static void deliver(struct stream *s, uint8_t *bytes, size_t len)
{
    switch (s->kind) {
    case STREAM_MQTT:
        core_conn_receive(s->conn, bytes, len);
        return;
    case STREAM_WEBSOCKET:
        deliver_websocket(s, bytes, len);
        return;
    case STREAM_HTTP:
        deliver_http(s, bytes, len);
        return;
    case STREAM_BROKER:
        broker_conn_receive(s->broker_conn, core_now_ms(s->shell->core), bytes, len);
        return;
    }
}

/* The machine behind hung up. */
static bool has_ended(const struct stream *s)
{
    return (s->conn != NULL && core_conn_ended(s->conn)) ||
           (s->broker_conn != NULL && broker_conn_ended(s->broker_conn));
}

/* Reading waits while what was read already has nowhere to go. */
static bool may_read(const struct stream *s)
{
    if (s->state != STREAM_OPEN || has_ended(s))
        return false;
    if (s->kind == STREAM_BROKER)
        return broker_conn_may_read(s->broker_conn);
    return s->kind == STREAM_MQTT || (s->in.len == 0 && s->out.len < SHELL_MAX_OUTPUT_BYTES / 2);
}

static void read_some(struct stream *s)
{
    spoke_status status = SPOKE_OK;
    begin_reading(s);
    for (int i = 0; i < SHELL_READS_PER_TURN && status == SPOKE_OK && may_read(s); i++) {
        size_t count = 0;
        status = link_read(s, s->shell->chunk, sizeof s->shell->chunk, &count);
        s->shell->received += count;
        if (status == SPOKE_OK)
            deliver(s, s->shell->chunk, count);
    }
    const bool more = !socket_is_dry(s) || link_pending(s);
    end_reading(s);
    if (status != SPOKE_OK && status != SPOKE_E_AGAIN) {
        if (status == SPOKE_E_TLS) {
            const spoke_error error = tls_error(s->tls);
            log_end(s, SPOKE_LOG_WARN, error.text, error.detail);
        }
        enter_closed(s);
        return;
    }
    s->again = status == SPOKE_OK && more && may_read(s);
}

spoke_str stream_address(const struct stream *s)
{
    const struct sockaddr_in *four = (const void *)&s->address;
    const struct sockaddr_in6 *six = (const void *)&s->address;
    if (s->address.ss_family == AF_INET)
        return spoke_str_from((const char *)&four->sin_addr, 4);
    if (s->address.ss_family != AF_INET6)
        return spoke_str_of(NULL);
    const char *bytes = (const char *)six->sin6_addr.s6_addr;
    return IN6_IS_ADDR_V4MAPPED(&six->sin6_addr) ? spoke_str_from(bytes + 12, 4) : spoke_str_from(bytes, 8);
}

static spoke_status open_conn(struct stream *s)
{
    const spoke_status status = core_conn_open(s->shell->core, backlog_view(&s->peer), &s->conn);
    backlog_free(&s->peer);
    if (status == SPOKE_OK)
        core_conn_own(s->conn, s);
    if (status == SPOKE_OK)
        core_conn_from(s->conn, stream_address(s));
    return status;
}

static spoke_status take_peer(struct stream *s)
{
    uint8_t memory[X509_MAX_CHAIN_BYTES];
    spoke_buf chain = spoke_buf_from(memory, sizeof memory);
    const spoke_status status = tls_take_peer_chain(s->tls, &chain);
    return status == SPOKE_OK ? backlog_add(&s->peer, chain.ptr, chain.len) : status;
}

static void enter_open(struct stream *s)
{
    s->state = STREAM_OPEN;
    s->due_ms = UINT64_MAX; /* from here on the core and libmicrohttpd know how long to wait */
    spoke_status status = take_peer(s);
    if (status == SPOKE_E_TOO_SMALL) {
        stream_drop(s, "the certificates that it shows are too large");
        return;
    }
    if (status == SPOKE_OK)
        status = s->kind == STREAM_HTTP ? http_adopt(s->shell->http, s) : open_conn(s);
    if (status != SPOKE_OK) {
        stream_drop(s, spoke_status_text(status));
        return;
    }
    s->again = true; /* the first record may have come along with the handshake */
}

/* The line tells why one broke off, and how many did that got none. */
static void log_handshake(const struct stream *s, const char *why, int32_t detail)
{
    struct shell *shell = s->shell;
    if (shell->now_ms < shell->handshake_log_ms) {
        shell->unlogged++;
        return;
    }
    log_end(s, SPOKE_LOG_WARN, why, detail);
    if (shell->unlogged > 0)
        core_log(shell->core, SPOKE_LOG_WARN, "shell", "%u more TLS handshakes broke off since the last line",
                 (unsigned)shell->unlogged);
    shell->unlogged = 0;
    shell->handshake_log_ms = shell->now_ms + SHELL_LOG_PAUSE_MS;
}

void stream_shake_hands(struct stream *s)
{
    const bool gone = !s->shaken && (s->socket.ready & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    s->socket.ready = 0;
    if (gone) { /* who gave up waiting in line costs no step */
        log_handshake(s, "the peer left before its TLS handshake began", 0);
        enter_closed(s);
        return;
    }
    s->shaken = true;
    begin_reading(s);
    const spoke_status status = tls_handshake(s->tls);
    end_reading(s);
    if (s->state == STREAM_CLOSED) {
        return;
    } else if (status == SPOKE_OK) {
        enter_open(s);
    } else if (status != SPOKE_E_AGAIN) {
        const spoke_error error = tls_error(s->tls);
        log_handshake(s, error.text, error.detail);
        enter_lingering(s); /* the alert says why; it has to arrive */
    }
}

static void discard(struct stream *s)
{
    for (int i = 0; i < SHELL_READS_PER_TURN; i++) {
        size_t count = 0;
        const spoke_status status =
            socket_result(recv(s->socket.fd, s->shell->chunk, sizeof s->shell->chunk, 0), &count);
        if (status == SPOKE_E_NET)
            enter_closed(s);
        if (status != SPOKE_OK)
            return;
    }
}

/* A peer that waits for our step of its handshake is not the one that takes too long. */
static bool we_are_late(struct stream *s)
{
    if (s->state != STREAM_HANDSHAKE || s->in_shaking.in == NULL || s->late == SHELL_MORE_PATIENCE)
        return false;
    s->late++;
    s->due_ms = s->shell->now_ms + s->shell->options.patience_ms;
    return true;
}

static void check_due(struct stream *s)
{
    if (s->shell->now_ms < end_of_patience(s) || we_are_late(s))
        return;
    if (s->state == STREAM_LINGERING)
        enter_closed(s);
    else
        stream_drop(s, s->state == STREAM_HANDSHAKE ? "the TLS handshake took too long"
                       : s->shell->now_ms >= s->stuck_ms || s->state == STREAM_DRAINING
                           ? "the peer does not read"
                           : "the request took too long");
}

void stream_receive(struct stream *s)
{
    const bool ready = s->socket.ready != 0;
    s->socket.ready = 0;
    check_due(s);
    switch (s->state) {
    case STREAM_OPEN:
        if (ready || s->again)
            read_some(s);
        return;
    case STREAM_LINGERING:
        if (ready)
            discard(s);
        return;
    case STREAM_HANDSHAKE: /* stream_shake_hands */
    case STREAM_DRAINING:
    case STREAM_CLOSED:
        return;
    }
}

/* --- sending --- */

/* False: nothing more goes out for now. */
static bool write_some(struct stream *s, spoke_str bytes, size_t *count)
{
    const spoke_status status = link_write(s, (const uint8_t *)bytes.ptr, bytes.len, count);
    if (status == SPOKE_OK) {
        s->stuck_ms = UINT64_MAX;
        return true;
    }
    if (status != SPOKE_E_AGAIN)
        enter_closed(s);
    else if (s->stuck_ms == UINT64_MAX)
        s->stuck_ms = s->shell->now_ms + s->shell->options.patience_ms;
    return false;
}

static void send_mqtt(struct stream *s)
{
    spoke_str output = core_conn_output(s->conn);
    size_t count = 0;
    while (output.len > 0 && write_some(s, output, &count)) {
        core_conn_sent(s->conn, count);
        output = core_conn_output(s->conn);
    }
    if (s->state != STREAM_CLOSED && output.len > SHELL_MAX_OUTPUT_BYTES)
        stream_drop(s, "the peer does not read");
}

static void send_broker(struct stream *s)
{
    spoke_str output = broker_conn_output(s->broker_conn);
    size_t count = 0;
    while (output.len > 0 && write_some(s, output, &count)) {
        broker_conn_sent(s->broker_conn, core_now_ms(s->shell->core), count);
        output = broker_conn_output(s->broker_conn);
    }
}

static void send_backlog(struct stream *s)
{
    size_t count = 0;
    while (s->out.len > 0 && write_some(s, backlog_view(&s->out), &count))
        backlog_drop(&s->out, count);
}

static void frame_output(struct stream *s)
{
    while (s->state != STREAM_CLOSED && s->out.len < SHELL_CHUNK_BYTES && !s->close_sent) {
        spoke_str output = core_conn_output(s->conn);
        if (output.len == 0)
            return;
        if (output.len > SHELL_CHUNK_BYTES)
            output.len = SHELL_CHUNK_BYTES;
        const size_t count = output.len;
        say_websocket(s, WEBSOCKET_BINARY, output);
        if (s->state != STREAM_CLOSED)
            core_conn_sent(s->conn, count);
    }
}

static void send_websocket(struct stream *s)
{
    do {
        frame_output(s);
        if (s->state != STREAM_CLOSED)
            send_backlog(s);
    } while (s->state != STREAM_CLOSED && s->out.len == 0 && !s->close_sent && core_conn_output(s->conn).len > 0);
}

static void fill_from_http(struct stream *s)
{
    while (s->pair.ready != 0 && s->state == STREAM_OPEN && s->out.len < SHELL_CHUNK_BYTES) {
        const ssize_t count = recv(s->pair.fd, s->shell->chunk, sizeof s->shell->chunk, MSG_DONTWAIT);
        if (count < 0) {
            s->pair.ready = 0;
            return;
        }
        if (count == 0)
            drain(s); /* libmicrohttpd is done with the connection */
        else if (backlog_add(&s->out, s->shell->chunk, (size_t)count) != SPOKE_OK)
            stream_drop(s, "there is no memory for the answer");
    }
}

static void send_http(struct stream *s)
{
    if (s->in.len > 0 && s->state == STREAM_OPEN) {
        const spoke_str waiting = backlog_view(&s->in);
        const ssize_t count = send(s->pair.fd, waiting.ptr, waiting.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count > 0)
            backlog_drop(&s->in, (size_t)count);
    }
    do {
        fill_from_http(s);
        if (s->state != STREAM_CLOSED)
            send_backlog(s);
    } while (s->pair.ready != 0 && s->out.len == 0 && s->state == STREAM_OPEN);
}

static bool is_drained(const struct stream *s)
{
    if (s->kind == STREAM_BROKER)
        return broker_conn_output(s->broker_conn).len == 0;
    return s->kind == STREAM_MQTT ? core_conn_output(s->conn).len == 0 : s->out.len == 0;
}

static void send_by_kind(struct stream *s)
{
    switch (s->kind) {
    case STREAM_MQTT:
        send_mqtt(s);
        return;
    case STREAM_WEBSOCKET:
        send_websocket(s);
        return;
    case STREAM_HTTP:
        send_http(s);
        return;
    case STREAM_BROKER:
        send_broker(s);
        return;
    }
}

/* The service hung up: what it said last goes out first. */
static void end_with_conn(struct stream *s)
{
    if (s->state != STREAM_OPEN || !has_ended(s))
        return;
    if (s->kind == STREAM_WEBSOCKET && core_conn_output(s->conn).len == 0) {
        close_websocket(s, WEBSOCKET_CODE_NORMAL);
        if (s->state == STREAM_DRAINING)
            send_backlog(s);
    } else if (s->kind != STREAM_WEBSOCKET) {
        drain(s);
    }
}

static uint32_t wanted_mask(const struct stream *s)
{
    if (s->state == STREAM_LINGERING)
        return EPOLLIN;
    if (s->state == STREAM_HANDSHAKE && !s->shaken)
        return EPOLLIN | EPOLLRDHUP;
    if (s->state == STREAM_HANDSHAKE)
        return (tls_wants(s->tls) & SPOKE_WANT_WRITE) != 0 ? EPOLLOUT : EPOLLIN;
    return (may_read(s) ? (uint32_t)EPOLLIN : 0u) | (s->stuck_ms != UINT64_MAX ? (uint32_t)EPOLLOUT : 0u);
}

static void update_watches(struct stream *s)
{
    spoke_status status = watch_set(s->shell, &s->socket, wanted_mask(s));
    if (status == SPOKE_OK && s->pair.fd >= 0)
        status = watch_set(s->shell, &s->pair,
                           (s->out.len < SHELL_CHUNK_BYTES ? (uint32_t)EPOLLIN : 0u) |
                               (s->in.len > 0 ? (uint32_t)EPOLLOUT : 0u));
    if (status != SPOKE_OK)
        stream_drop(s, "the event loop has no memory");
}

void stream_send(struct stream *s)
{
    if (s->state == STREAM_OPEN || s->state == STREAM_DRAINING) {
        send_by_kind(s);
        end_with_conn(s);
        if (s->state == STREAM_DRAINING && is_drained(s))
            enter_lingering(s);
    }
    if (s->state == STREAM_CLOSED)
        return;
    update_watches(s);
    timers_set(&s->shell->timers, &s->timer, end_of_patience(s));
    /* After a pause in reading, the socket does not tell of what was received or decrypted already. */
    s->again = s->again || (may_read(s) && (s->wire.len > 0 || link_pending(s)));
}

/* --- from HTTP to WebSocket --- */

void stream_upgrade(struct stream *s, spoke_str early)
{
    struct backlog input = s->in;
    s->in = (struct backlog){0};
    s->shell->counts[s->kind]--;
    list_leave(&s->in_http);
    s->kind = STREAM_WEBSOCKET;
    s->shell->counts[s->kind]++;
    s->due_ms = UINT64_MAX;
    watch_close(s->shell, &s->pair);
    stream_touch(s);
    if (open_conn(s) != SPOKE_OK) {
        backlog_free(&input);
        stream_drop(s, "there is no memory for another device");
        return;
    }
    struct backlog all = {0};
    if (backlog_add(&all, early.ptr, early.len) != SPOKE_OK ||
        backlog_add(&all, backlog_view(&input).ptr, input.len) != SPOKE_OK)
        stream_drop(s, "there is no memory for what came with the upgrade");
    else
        deliver_websocket(s, all.ptr, all.len);
    backlog_free(&input);
    backlog_free(&all);
}
