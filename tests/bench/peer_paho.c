/* A peer: paho.mqtt.c's MQTTAsync alone, as a program of the benchmark (clients.py).
 *
 * Its best settings here: no persistence, as many in flight as the window, and deliveryComplete instead of a callback
 * for each message. It sets no TCP_NODELAY and has no option for it. */
#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <MQTTAsync.h>

#include "bench.h"

enum { IDLE_US = 300000, PATIENCE_S = 60 };

static MQTTAsync client;
static sem_t connected, room; /* room: messages that the window still has place for */
static atomic_bool timing;
static uint64_t sent_ns;
static struct bench_latency latency;

static void die(const char *what)
{
    fprintf(stderr, "peer_paho: %s\n", what);
    exit(1);
}

/* --- called by threads of the library --- */

static void on_connected(void *context, MQTTAsync_successData *response)
{
    (void)context, (void)response;
    sem_post(&connected);
}

static void on_refused(void *context, MQTTAsync_failureData *response)
{
    (void)context;
    die(response != NULL && response->message != NULL ? response->message : "not connected");
}

static void on_lost(void *context, char *cause)
{
    (void)context;
    die(cause != NULL ? cause : "the connection is lost");
}

static int on_message(void *context, char *topic, int topic_len, MQTTAsync_message *message)
{
    (void)context, (void)topic_len;
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1;
}

static void on_delivered(void *context, MQTTAsync_token token)
{
    (void)context, (void)token;
    if (timing)
        bench_latency_add(&latency, bench_clock_ns(CLOCK_MONOTONIC) - sent_ns);
    sem_post(&room);
}

/* --- the device --- */

static void wait_for(sem_t *what)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    while (sem_timedwait(what, &until) != 0)
        if (errno != EINTR)
            die("nothing came for a minute");
}

static void connect_client(const struct bench_options *o)
{
    char url[64];
    MQTTAsync_SSLOptions ssl = MQTTAsync_SSLOptions_initializer;
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
    snprintf(url, sizeof url, "ssl://localhost:%u", (unsigned)o->port);
    ssl.trustStore = o->ca_file;
    ssl.verify = 1;
    ssl.sslVersion = MQTT_SSL_VERSION_TLS_1_2;
    options.ssl = &ssl;
    options.keepAliveInterval = 240;
    options.maxInflight = o->window;
    options.username = "hub.local/dev1";
    options.password = "any";
    options.onSuccess = on_connected;
    options.onFailure = on_refused;
    if (MQTTAsync_create(&client, url, "dev1", MQTTCLIENT_PERSISTENCE_NONE, NULL) != MQTTASYNC_SUCCESS ||
        MQTTAsync_setCallbacks(client, NULL, on_lost, on_message, on_delivered) != MQTTASYNC_SUCCESS ||
        MQTTAsync_connect(client, &options) != MQTTASYNC_SUCCESS)
        die("the client could not be made");
    wait_for(&connected);
}

/* Returns when all are acknowledged. */
static void send_all(uint32_t messages, uint32_t window)
{
    for (uint32_t i = 0; i < messages; i++) {
        wait_for(&room);
        sent_ns = bench_clock_ns(CLOCK_MONOTONIC); /* the one in flight, when that is timed */
        if (MQTTAsync_send(client, BENCH_TOPIC, BENCH_BODY_BYTES, bench_body, 1, 0, NULL) != MQTTASYNC_SUCCESS)
            die("a message was refused");
    }
    for (uint32_t i = 0; i < window; i++)
        wait_for(&room);
    for (uint32_t i = 0; i < window; i++)
        sem_post(&room);
}

int main(int argc, char **argv)
{
    struct bench_options options;
    bench_read_options(argc, argv, "peer_paho", &options);
    sem_init(&connected, 0, 0);
    sem_init(&room, 0, options.window);
    connect_client(&options);
    usleep(IDLE_US);
    const struct bench_memory idle = bench_memory_now();
    send_all(BENCH_WARM_UP, options.window);
    timing = options.latency;
    const struct bench_usage start = bench_usage_now();
    send_all(options.messages, options.window);
    bench_print(&options, &start, &idle, options.latency ? &latency : NULL);
    MQTTAsync_disconnectOptions farewell = MQTTAsync_disconnectOptions_initializer;
    farewell.timeout = 1000;
    MQTTAsync_disconnect(client, &farewell);
    usleep(IDLE_US); /* its threads send it */
    MQTTAsync_destroy(&client);
    return 0;
}
