/* What the machine itself allows: a blocking TLS loop that writes the very bytes of bench_client and reads their
 * PUBACKs, and does nothing else. mbedTLS as the client, no queue, no time, no reconnecting.
 *
 *     bench_floor --port N --ca FILE [--messages N] [--window N | --latency]
 *
 * A window of N keeps N messages unacknowledged and writes all that it allows as one record. */
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/ssl.h>
#include <spoke/proto/mqtt.h>

#include "bench.h"

enum { RECORD_BYTES = 16384, ACK_BYTES = 4 };

struct floor {
    int socket;
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;
    mbedtls_x509_crt trust;
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    uint8_t publish[256]; /* the message; its packet id stands at id_at */
    size_t publish_bytes, id_at;
    uint16_t next_id;
    uint8_t out[RECORD_BYTES];
    uint8_t rest[ACK_BYTES]; /* of an acknowledgement that came in pieces */
    size_t rest_bytes;
};

static void die(const char *what)
{
    fprintf(stderr, "bench_floor: %s\n", what);
    exit(1);
}

/* --- the stream --- */

static int below_write(void *ctx, const unsigned char *bytes, size_t len)
{
    const ssize_t put = send(((struct floor *)ctx)->socket, bytes, len, MSG_NOSIGNAL);
    return put > 0 ? (int)put : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

static int below_read(void *ctx, unsigned char *out, size_t cap)
{
    const ssize_t got = recv(((struct floor *)ctx)->socket, out, cap, 0);
    return got > 0 ? (int)got : MBEDTLS_ERR_SSL_CONN_EOF;
}

static void connect_socket(struct floor *f, uint16_t port)
{
    const int on = 1;
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    f->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (f->socket < 0 || connect(f->socket, (const struct sockaddr *)&address, sizeof address) != 0 ||
        setsockopt(f->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
        die("no connection to the sink");
}

static void start_tls(struct floor *f, const char *ca_file)
{
    mbedtls_ssl_init(&f->ssl);
    mbedtls_ssl_config_init(&f->config);
    mbedtls_x509_crt_init(&f->trust);
    mbedtls_entropy_init(&f->entropy);
    mbedtls_ctr_drbg_init(&f->random);
    if (mbedtls_ctr_drbg_seed(&f->random, mbedtls_entropy_func, &f->entropy, NULL, 0) != 0 ||
        mbedtls_x509_crt_parse_file(&f->trust, ca_file) != 0 ||
        mbedtls_ssl_config_defaults(&f->config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                    MBEDTLS_SSL_PRESET_DEFAULT) != 0)
        die("TLS could not be set up");
    mbedtls_ssl_conf_rng(&f->config, mbedtls_ctr_drbg_random, &f->random);
    mbedtls_ssl_conf_ca_chain(&f->config, &f->trust, NULL);
    if (mbedtls_ssl_setup(&f->ssl, &f->config) != 0 || mbedtls_ssl_set_hostname(&f->ssl, "localhost") != 0)
        die("TLS could not be set up");
    mbedtls_ssl_set_bio(&f->ssl, f, below_write, below_read, NULL);
    if (mbedtls_ssl_handshake(&f->ssl) != 0)
        die("the handshake failed");
}

static void write_all(struct floor *f, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        const int put = mbedtls_ssl_write(&f->ssl, bytes, len);
        if (put <= 0)
            die("the sink takes no more");
        bytes += put;
        len -= (size_t)put;
    }
}

/* How many acknowledgements came; waits for some. The sink sends nothing else after the CONNACK. */
static uint32_t read_acks(struct floor *f)
{
    uint8_t in[RECORD_BYTES];
    memcpy(in, f->rest, f->rest_bytes);
    const int got = mbedtls_ssl_read(&f->ssl, in + f->rest_bytes, sizeof in - f->rest_bytes);
    if (got <= 0)
        die("the sink closed the connection");
    const size_t bytes = f->rest_bytes + (size_t)got;
    for (size_t at = 0; at + ACK_BYTES <= bytes; at += ACK_BYTES)
        if (in[at] != SPOKE_MQTT_PUBACK << 4)
            die("the sink sent something other than PUBACKs");
    f->rest_bytes = bytes % ACK_BYTES;
    memcpy(f->rest, in + bytes - f->rest_bytes, f->rest_bytes);
    return (uint32_t)(bytes / ACK_BYTES);
}

/* --- MQTT --- */

static void greet(struct floor *f)
{
    uint8_t bytes[256];
    spoke_buf out = spoke_buf_from(bytes, sizeof bytes);
    spoke_mqtt_packet packet = {.type = SPOKE_MQTT_CONNECT};
    packet.as.connect.protocol = SPOKE_STR("MQTT");
    packet.as.connect.level = 4;
    packet.as.connect.client_id = SPOKE_STR("dev1");
    if (spoke_mqtt_encode(&packet, &out) != SPOKE_OK)
        die("the CONNECT could not be written");
    write_all(f, bytes, out.len);
    size_t got = 0;
    while (got < 4) {
        const int more = mbedtls_ssl_read(&f->ssl, bytes + got, 4 - got);
        if (more <= 0)
            die("no CONNACK came");
        got += (size_t)more;
    }
}

static void prepare_message(struct floor *f)
{
    spoke_buf out = spoke_buf_from(f->publish, sizeof f->publish);
    const spoke_str topic = SPOKE_STR(BENCH_TOPIC);
    const spoke_mqtt_packet packet = {
        .type = SPOKE_MQTT_PUBLISH,
        .packet_id = 1,
        .as.publish = {.topic = topic, .payload = spoke_str_from(bench_body, BENCH_BODY_BYTES), .qos = 1}};
    if (spoke_mqtt_encode(&packet, &out) != SPOKE_OK)
        die("the message could not be written");
    f->publish_bytes = out.len;
    f->id_at = out.len - BENCH_BODY_BYTES - 2;
}

static uint32_t send_some(struct floor *f, uint32_t most)
{
    size_t len = 0;
    uint32_t count = 0;
    for (; count < most && len + f->publish_bytes <= sizeof f->out; count++, len += f->publish_bytes) {
        f->next_id = (uint16_t)(f->next_id == UINT16_MAX ? 1 : f->next_id + 1);
        memcpy(f->out + len, f->publish, f->publish_bytes);
        f->out[len + f->id_at] = (uint8_t)(f->next_id >> 8);
        f->out[len + f->id_at + 1] = (uint8_t)f->next_id;
    }
    write_all(f, f->out, len);
    return count;
}

static void send_all(struct floor *f, uint32_t messages, uint32_t window, struct bench_latency *latency)
{
    uint32_t sent = 0, acknowledged = 0;
    while (acknowledged < messages) {
        const uint32_t left = messages - sent, room = window - (sent - acknowledged);
        const uint64_t began_ns = bench_clock_ns(CLOCK_MONOTONIC);
        if (left > 0 && room > 0)
            sent += send_some(f, left < room ? left : room);
        acknowledged += read_acks(f);
        if (latency != NULL)
            bench_latency_add(latency, bench_clock_ns(CLOCK_MONOTONIC) - began_ns);
    }
}

int main(int argc, char **argv)
{
    static struct floor f;
    static struct bench_latency latency;
    struct bench_options options;
    bench_read_options(argc, argv, "bench_floor", &options);
    connect_socket(&f, options.port);
    start_tls(&f, options.ca_file);
    greet(&f);
    prepare_message(&f);
    const struct bench_memory idle = bench_memory_now();
    send_all(&f, BENCH_WARM_UP, options.window, NULL);
    const struct bench_usage start = bench_usage_now();
    send_all(&f, options.messages, options.window, options.latency ? &latency : NULL);
    bench_print(&options, &start, &idle, options.latency ? &latency : NULL);
    (void)mbedtls_ssl_close_notify(&f.ssl);
    close(f.socket);
    return 0;
}
