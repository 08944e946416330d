/* A hub that only swallows: TLS 1.2, MQTT, an empty twin, and a PUBACK for every message. Made to be faster than
 * any client: OpenSSL, one thread, one epoll loop; the answers to all that one look brings leave in one write.
 *
 *     sink --cert FILE --key FILE [--once] [--spin]
 *
 * Prints {"port": N} once it listens, and for each connection that sent messages what it saw when it ends, also as
 * JSON. --once: ends after the first connection. --spin: looks again and again for a moment before it sleeps. To be
 * woken takes longer than to answer a small window, and would be measured as the client's doing. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ssl.h>
#include <spoke/proto/mqtt.h>

#include "bench.h"

enum {
    IN_BYTES = 64 * 1024,
    OUT_BYTES = 64 * 1024,
    ANSWER_BYTES = 1024, /* no answer is longer */
    SPIN_NS = 200000,
    EVENTS = 64
};

struct peer {
    int fd;
    SSL *ssl;
    uint64_t messages;
    uint64_t started_ns, started_waited_ns; /* at the first message */
    uint8_t in[IN_BYTES], out[OUT_BYTES];
    size_t in_len, out_len;
    bool leaving;
    bool cramped;        /* no room for answers: whole packets may wait in `in` */
    bool writes_blocked; /* the socket takes no more */
};

static uint64_t waited_ns; /* in all, for something to do */

static uint64_t clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "sink: %s\n", what);
    exit(1);
}

/* --- what is answered --- */

static void answer(struct peer *p, const spoke_mqtt_packet *packet)
{
    spoke_buf out = spoke_buf_from(p->out + p->out_len, OUT_BYTES - p->out_len);
    if (spoke_mqtt_encode(packet, &out) != SPOKE_OK)
        die("an answer could not be written");
    p->out_len += out.len;
}

static void answer_plain(struct peer *p, spoke_mqtt_type type, uint16_t packet_id)
{
    const spoke_mqtt_packet packet = {.type = type, .packet_id = packet_id};
    answer(p, &packet);
}

static void grant(struct peer *p, const spoke_mqtt_packet *request)
{
    char codes[64];
    size_t count = 0;
    spoke_str rest = request->as.filters;
    spoke_mqtt_filter filter;
    while (count < sizeof codes && spoke_mqtt_filter_next(&rest, true, &filter) == SPOKE_OK)
        codes[count++] = filter.qos > 0;
    const spoke_mqtt_packet suback = {
        .type = SPOKE_MQTT_SUBACK, .packet_id = request->packet_id, .as.codes = spoke_str_from(codes, count)};
    answer(p, &suback);
}

/* Under the request's "?$rid=...". */
static void reply_to(struct peer *p, spoke_str topic, const char *where, const char *rest, const char *body)
{
    char text[256];
    const char *rid = memchr(topic.ptr, '?', topic.len);
    if (rid == NULL)
        return;
    const int rid_bytes = (int)(topic.ptr + topic.len - rid);
    const int len = snprintf(text, sizeof text, "%s/%.*s%s", where, rid_bytes, rid, rest);
    if (len < 0 || (size_t)len >= sizeof text)
        return;
    const spoke_mqtt_packet reply = {
        .type = SPOKE_MQTT_PUBLISH,
        .as.publish = {.topic = spoke_str_from(text, (size_t)len), .payload = spoke_str_of(body)}};
    answer(p, &reply);
}

/* DPS is here, too: whoever registers is assigned at once. */
static void on_registration(struct peer *p, const spoke_mqtt_packet *packet)
{
    reply_to(p, packet->as.publish.topic, "$dps/registrations/res/200", "",
             "{\"operationId\":\"1\",\"status\":\"assigned\",\"registrationState\":{\"registrationId\":\"dev1\","
             "\"assignedHub\":\"localhost\",\"deviceId\":\"dev1\",\"status\":\"assigned\"}}");
}

static void on_publish(struct peer *p, const spoke_mqtt_packet *packet)
{
    static const char twin[] = "{\"desired\":{\"$version\":1},\"reported\":{\"$version\":1}}";
    const spoke_str topic = packet->as.publish.topic;
    if (packet->as.publish.qos == 1) {
        if (p->messages++ == 0) {
            p->started_ns = clock_ns();
            p->started_waited_ns = waited_ns;
        }
        answer_plain(p, SPOKE_MQTT_PUBACK, packet->packet_id);
    }
    if (spoke_str_starts(topic, SPOKE_STR("$iothub/twin/GET/")))
        reply_to(p, topic, "$iothub/twin/res/200", "", twin);
    else if (spoke_str_starts(topic, SPOKE_STR("$iothub/twin/PATCH/properties/reported/")))
        reply_to(p, topic, "$iothub/twin/res/204", "&$version=2", "");
    else if (spoke_str_starts(topic, SPOKE_STR("$dps/registrations/PUT/")))
        on_registration(p, packet);
}

static void on_packet(struct peer *p, const spoke_mqtt_packet *packet)
{
    if (packet->type == SPOKE_MQTT_PUBLISH)
        on_publish(p, packet);
    else if (packet->type == SPOKE_MQTT_CONNECT)
        answer_plain(p, SPOKE_MQTT_CONNACK, 0);
    else if (packet->type == SPOKE_MQTT_SUBSCRIBE)
        grant(p, packet);
    else if (packet->type == SPOKE_MQTT_UNSUBSCRIBE)
        answer_plain(p, SPOKE_MQTT_UNSUBACK, packet->packet_id);
    else if (packet->type == SPOKE_MQTT_PINGREQ)
        answer_plain(p, SPOKE_MQTT_PINGRESP, 0);
    else
        p->leaving = true;
}

/* --- bytes --- */

/* Answers what stands whole in the buffer, as far as there is room for the answers. */
static void take_packets(struct peer *p)
{
    size_t at = 0;
    spoke_mqtt_header header;
    while (!p->leaving && !p->cramped) {
        const spoke_status status = spoke_mqtt_peek(p->in + at, p->in_len - at, &header);
        const size_t bytes = status == SPOKE_OK ? header.head_bytes + header.body_bytes : 0;
        if (status == SPOKE_E_AGAIN || (status == SPOKE_OK && bytes <= IN_BYTES && bytes > p->in_len - at))
            break;
        spoke_mqtt_packet packet;
        p->leaving =
            status != SPOKE_OK || bytes > IN_BYTES || spoke_mqtt_decode(p->in + at, bytes, &packet) != SPOKE_OK;
        if (p->leaving)
            break;
        on_packet(p, &packet);
        at += bytes;
        p->cramped = OUT_BYTES - p->out_len < ANSWER_BYTES;
    }
    p->in_len -= at;
    memmove(p->in, p->in + at, p->in_len);
}

static void flush(struct peer *p)
{
    p->writes_blocked = false;
    while (p->out_len > 0 && !p->writes_blocked) {
        const int put = SSL_write(p->ssl, p->out, (int)p->out_len);
        if (put > 0) {
            p->out_len -= (size_t)put;
            memmove(p->out, p->out + put, p->out_len);
        } else {
            const int why = SSL_get_error(p->ssl, put);
            p->writes_blocked = why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ;
            p->leaving = p->leaving || !p->writes_blocked;
            p->out_len = p->writes_blocked ? p->out_len : 0;
        }
    }
}

static bool read_some(struct peer *p)
{
    const int got = SSL_read(p->ssl, p->in + p->in_len, (int)(IN_BYTES - p->in_len));
    if (got > 0) {
        p->in_len += (size_t)got;
        return true;
    }
    const int why = SSL_get_error(p->ssl, got);
    p->leaving = p->leaving || (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE);
    return false;
}

static void serve(struct peer *p)
{
    flush(p);
    while (!p->leaving && !p->writes_blocked && (p->cramped || read_some(p))) {
        p->cramped = false;
        take_packets(p);
        if (p->cramped)
            flush(p);
    }
    flush(p);
}

/* --- connections --- */

static void watch(int epoll, struct peer *p, int operation)
{
    struct epoll_event event = {.events = EPOLLIN | (p->writes_blocked ? EPOLLOUT : 0u), .data.ptr = p};
    if (epoll_ctl(epoll, operation, p->fd, &event) != 0)
        die("epoll_ctl failed");
}

static void welcome(int epoll, int listener, SSL_CTX *context)
{
    const int on = 1;
    struct peer *p = calloc(1, sizeof *p);
    if (p == NULL)
        die("no memory");
    p->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (p->fd < 0) {
        free(p);
        return;
    }
    setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    p->ssl = SSL_new(context);
    if (p->ssl == NULL || SSL_set_fd(p->ssl, p->fd) != 1)
        die("no TLS session could be made");
    SSL_set_accept_state(p->ssl);
    watch(epoll, p, EPOLL_CTL_ADD);
}

/* The share of the time that the sink had something to do while messages came: near 1, and it was the sink that was
 * measured. */
static void report(const struct peer *p)
{
    const uint64_t wall = clock_ns() - p->started_ns;
    const uint64_t busy = wall - (waited_ns - p->started_waited_ns);
    printf("{\"messages\": %" PRIu64 ", \"wire_in\": %" PRIu64 ", \"wire_out\": %" PRIu64
           ", \"busy_share\": %.3f}\n",
           p->messages, BIO_number_read(SSL_get_rbio(p->ssl)), BIO_number_written(SSL_get_wbio(p->ssl)),
           p->messages > 0 ? (double)busy / (double)wall : 0);
    fflush(stdout);
}

static void part(struct peer *p)
{
    if (p->messages > 0)
        report(p);
    SSL_free(p->ssl);
    close(p->fd);
    free(p);
}

/* --- the program --- */

static SSL_CTX *make_context(const char *cert, const char *key)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM+AES128") != 1)
        die("TLS could not be set up");
    if (SSL_CTX_use_certificate_chain_file(context, cert) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
        die("the certificate or its key cannot be read");
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, IN_BYTES);
    return context;
}

static int listen_somewhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 1024) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        die("cannot listen on loopback");
    printf("{\"port\": %u}\n", (unsigned)ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

/* False: the connection is over. */
static bool turn(int epoll, struct peer *p)
{
    const bool was_blocked = p->writes_blocked;
    serve(p);
    if (!p->leaving && p->writes_blocked != was_blocked)
        watch(epoll, p, EPOLL_CTL_MOD);
    return !p->leaving;
}

static int await_events(int epoll, struct epoll_event *events, bool spin)
{
    const uint64_t began = clock_ns();
    int count = 0;
    while (spin && count == 0 && clock_ns() - began < SPIN_NS)
        count = epoll_wait(epoll, events, EVENTS, 0);
    if (count == 0)
        count = epoll_wait(epoll, events, EVENTS, -1);
    waited_ns += clock_ns() - began;
    return count;
}

static void run(int listener, SSL_CTX *context, bool once, bool spin)
{
    struct epoll_event events[EVENTS], listening = {.events = EPOLLIN, .data.ptr = NULL};
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &listening) != 0)
        die("epoll could not be set up");
    for (bool done = false; !done;) {
        const int count = await_events(epoll, events, spin);
        for (int i = 0; i < count; i++) {
            struct peer *p = events[i].data.ptr;
            if (p == NULL) {
                welcome(epoll, listener, context);
            } else if (!turn(epoll, p)) {
                part(p);
                done = once;
            }
        }
    }
    close(epoll);
}

int main(int argc, char **argv)
{
    static const struct option names[] = {{"cert", required_argument, NULL, 'c'},
                                          {"key", required_argument, NULL, 'k'},
                                          {"once", no_argument, NULL, 'o'},
                                          {"spin", no_argument, NULL, 's'},
                                          {NULL, 0, NULL, 0}};
    const char *cert = NULL, *key = NULL;
    bool once = false, spin = false;
    for (int name; (name = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        cert = name == 'c' ? optarg : cert;
        key = name == 'k' ? optarg : key;
        once = once || name == 'o';
        spin = spin || name == 's';
        if (name == '?')
            return 2;
    }
    if (cert == NULL || key == NULL)
        die("wants --cert FILE --key FILE");
    (void)signal(SIGPIPE, SIG_IGN);
    bench_raise_files();
    SSL_CTX *context = make_context(cert, key);
    const int listener = listen_somewhere();
    run(listener, context, once, spin);
    close(listener);
    SSL_CTX_free(context);
    return 0;
}
