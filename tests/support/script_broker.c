#include "support/script_broker.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/support.h"
#include "tls/tls.h"

enum { BUFFER_BYTES = 1 << 20 };

struct script_broker {
    int listener, peer; /* peer -1: none */
    uint16_t port;
    unsigned accepted;
    struct tls_context *context; /* NULL: plain */
    struct tls *tls;
    bool ready, swallow;
    size_t split;
    uint8_t in[BUFFER_BYTES], out[BUFFER_BYTES];
    size_t in_at, in_end, out_at, out_end;
};

static spoke_status random_bytes(void *ctx, uint8_t *out, size_t len)
{
    const spoke_platform *platform = spoke_platform_posix();
    (void)ctx;
    return platform->random(platform->ctx, out, len);
}

static void make_tls(struct script_broker *b, const char *cert_pem, const char *key_pem)
{
    const struct tls_context_options options = {
        .server = true, .cert_pem = cert_pem, .key_pem = key_pem, .random = random_bytes};
    const char *why = NULL;
    int32_t detail = 0;
    assert_ok(tls_context_create(&options, &b->context, &why, &detail));
    void *memory = malloc(tls_size());
    assert_non_null(memory);
    assert_ok(tls_init(memory, tls_size(), b->context, &b->tls));
}

struct script_broker *script_broker_create(const char *cert_pem, const char *key_pem)
{
    struct script_broker *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    b->peer = -1;
    b->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(b->listener >= 0);
    assert_int_equal(bind(b->listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(b->listener, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(listen(b->listener, 8), 0);
    b->port = ntohs(address.sin_port);
    if (cert_pem != NULL)
        make_tls(b, cert_pem, key_pem);
    return b;
}

static void forget_peer(struct script_broker *b)
{
    if (b->peer >= 0)
        close(b->peer);
    b->peer = -1;
    b->ready = false;
    b->out_at = b->out_end = 0;
}

void script_broker_destroy(struct script_broker *b)
{
    if (b == NULL)
        return;
    forget_peer(b);
    close(b->listener);
    tls_fini(b->tls);
    free(b->tls);
    tls_context_destroy(b->context);
    free(b);
}

uint16_t script_broker_port(const struct script_broker *b)
{
    return b->port;
}

bool script_broker_connected(const struct script_broker *b)
{
    return b->ready;
}

unsigned script_broker_accepted(const struct script_broker *b)
{
    return b->accepted;
}

void script_broker_split(struct script_broker *b, size_t bytes)
{
    b->split = bytes;
}

void script_broker_swallow(struct script_broker *b, bool on)
{
    b->swallow = on;
}

void script_broker_drop(struct script_broker *b, bool reset)
{
    b->in_at = b->in_end = 0;
    if (b->peer < 0)
        return;
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (reset)
        setsockopt(b->peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    else if (b->tls != NULL && b->ready)
        tls_close_notify(b->tls);
    forget_peer(b);
}

void script_broker_serve(struct script_broker *b, const char *cert_pem, const char *key_pem)
{
    script_broker_drop(b, false);
    tls_fini(b->tls);
    free(b->tls);
    tls_context_destroy(b->context);
    make_tls(b, cert_pem, key_pem);
}

/* --- bytes --- */

static spoke_status socket_result(ssize_t count, size_t *out)
{
    if (count > 0) {
        *out = (size_t)count;
        return SPOKE_OK;
    }
    return count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? SPOKE_E_AGAIN : SPOKE_E_NET;
}

static spoke_status socket_read(void *ctx, uint8_t *out, size_t cap, size_t *count)
{
    const struct script_broker *b = ctx;
    return socket_result(recv(b->peer, out, cap, 0), count);
}

static spoke_status socket_write(void *ctx, const uint8_t *bytes, size_t len, size_t *count)
{
    const struct script_broker *b = ctx;
    return socket_result(send(b->peer, bytes, len, MSG_NOSIGNAL), count);
}

static void accept_peer(struct script_broker *b)
{
    b->peer = accept4(b->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (b->peer < 0)
        return;
    const int on = 1;
    setsockopt(b->peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    b->accepted++;
    b->in_at = b->in_end = b->out_at = b->out_end = 0;
    b->ready = b->tls == NULL;
    const struct tls_stream below = {b, socket_read, socket_write};
    if (b->tls != NULL)
        assert_ok(tls_start(b->tls, NULL, &below));
}

static spoke_status read_some(struct script_broker *b)
{
    if (b->in_at == b->in_end)
        b->in_at = b->in_end = 0;
    assert_true(b->in_end < BUFFER_BYTES);
    size_t count = 0;
    uint8_t *at = b->in + b->in_end;
    const size_t room = BUFFER_BYTES - b->in_end;
    const spoke_status status =
        b->tls != NULL ? tls_read(b->tls, at, room, &count) : socket_read(b, at, room, &count);
    b->in_end += count;
    return status;
}

static spoke_status write_some(struct script_broker *b)
{
    size_t count = 0, len = b->out_end - b->out_at;
    if (b->split > 0 && len > b->split)
        len = b->split;
    if (len == 0)
        return SPOKE_E_AGAIN;
    const uint8_t *at = b->out + b->out_at;
    const spoke_status status =
        b->tls != NULL ? tls_write(b->tls, at, len, &count) : socket_write(b, at, len, &count);
    b->out_at += count;
    if (b->out_at == b->out_end)
        b->out_at = b->out_end = 0;
    return status == SPOKE_OK && b->split > 0 ? SPOKE_E_AGAIN : status;
}

static spoke_status repeat(struct script_broker *b, spoke_status (*what)(struct script_broker *b))
{
    spoke_status status = SPOKE_OK;
    for (int i = 0; i < 256 && status == SPOKE_OK; i++)
        status = what(b);
    return status;
}

void script_broker_pump(struct script_broker *b)
{
    if (b->swallow)
        return;
    if (b->peer < 0)
        accept_peer(b);
    if (b->peer < 0)
        return;
    spoke_status status = SPOKE_OK;
    if (!b->ready) {
        status = tls_handshake(b->tls);
        b->ready = status == SPOKE_OK;
    }
    if (b->ready)
        status = repeat(b, write_some);
    if (b->ready && (status == SPOKE_OK || status == SPOKE_E_AGAIN))
        status = repeat(b, read_some);
    if (status != SPOKE_OK && status != SPOKE_E_AGAIN)
        forget_peer(b);
}

/* --- packets --- */

bool script_broker_take(struct script_broker *b, spoke_mqtt_packet *packet)
{
    spoke_mqtt_header header;
    const uint8_t *at = b->in + b->in_at;
    const spoke_status status = spoke_mqtt_peek(at, b->in_end - b->in_at, &header);
    assert_true(status == SPOKE_OK || status == SPOKE_E_AGAIN);
    if (status != SPOKE_OK || header.head_bytes + header.body_bytes > b->in_end - b->in_at)
        return false;
    assert_ok(spoke_mqtt_decode(at, header.head_bytes + header.body_bytes, packet));
    b->in_at += header.head_bytes + header.body_bytes;
    return true;
}

void script_broker_send_bytes(struct script_broker *b, const void *bytes, size_t len)
{
    assert_true(len <= BUFFER_BYTES - b->out_end);
    memcpy(b->out + b->out_end, bytes, len);
    b->out_end += len;
}

void script_broker_send(struct script_broker *b, const spoke_mqtt_packet *packet)
{
    spoke_buf out = spoke_buf_from(b->out + b->out_end, BUFFER_BYTES - b->out_end);
    assert_ok(spoke_mqtt_encode(packet, &out));
    b->out_end += out.len;
}

void script_broker_send_connack(struct script_broker *b, bool session_present, uint8_t code)
{
    spoke_mqtt_packet packet = {.type = SPOKE_MQTT_CONNACK};
    packet.as.connack.session_present = session_present;
    packet.as.connack.code = code;
    script_broker_send(b, &packet);
}

void script_broker_send_puback(struct script_broker *b, uint16_t packet_id)
{
    const spoke_mqtt_packet packet = {.type = SPOKE_MQTT_PUBACK, .packet_id = packet_id};
    script_broker_send(b, &packet);
}

void script_broker_send_publish(struct script_broker *b, const char *topic, spoke_str payload, uint8_t qos,
                                uint16_t packet_id)
{
    spoke_mqtt_packet packet = {.type = SPOKE_MQTT_PUBLISH, .packet_id = packet_id};
    packet.as.publish.topic = spoke_str_of(topic);
    packet.as.publish.payload = payload;
    packet.as.publish.qos = qos;
    script_broker_send(b, &packet);
}
