/* The plain broker fed with arbitrary bytes by two clients: one that just connected and says anything, one with
 * subscriptions that hears it. The first byte picks what was there before; the second where the bytes are split. */
#include <stdlib.h>
#include <string.h>

#include "central/broker/broker.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char CLEAN[] = "\x10\x0d\x00\x04MQTT\x04\x02\x00\x0a\x00\x01x";
static const char KEPT[] = "\x10\x0d\x00\x04MQTT\x04\x00\x00\x0a\x00\x01x";
static const char LISTENER[] = "\x10\x0d\x00\x04MQTT\x04\x00\x00\x00\x00\x01y"
                               "\x82\x0c\x00\x01\x00\x01#\x02\x00\x03+/+\x01";

static void hear(struct broker_conn *k, uint64_t now)
{
    for (spoke_str out = broker_conn_output(k); out.len > 0; out = broker_conn_output(k))
        broker_conn_sent(k, now, out.len);
}

static void say(struct broker *b, struct broker_conn *k, const void *bytes, size_t len)
{
    broker_conn_receive(k, 1, bytes, len);
    do { /* what takes more than a turn ends some day */
        broker_tick(b, 1);
        if (broker_commit(b) != SPOKE_OK)
            abort();
        hear(k, 1);
    } while (broker_deadline(b) == 0);
}

static void talk(struct broker *b, const uint8_t *data, size_t size)
{
    struct broker_conn *speaker = NULL, *listener = NULL;
    if (broker_conn_open(b, 0, &speaker) != SPOKE_OK || broker_conn_open(b, 0, &listener) != SPOKE_OK)
        abort();
    say(b, listener, LISTENER, sizeof LISTENER - 1);
    if (data[0] % 3 != 0)
        say(b, speaker, data[0] % 3 == 1 ? CLEAN : KEPT, sizeof CLEAN - 1);
    const size_t cut = size > 2 ? 2 + data[1] % (size - 2) : 2;
    say(b, speaker, data + 2, cut - 2);
    say(b, speaker, data + cut, size - cut);
    hear(listener, 1);
    if ((data[0] & 128) != 0)
        broker_tick(b, 100000);
    broker_conn_close(speaker, 100000);
    broker_conn_close(listener, 100000);
    if (broker_commit(b) != SPOKE_OK)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* Bounds small enough to be met; and without a store, which would take all the time. */
    const struct broker_options options = {.limits = {.sessions = 3,
                                                      .subscriptions = 4,
                                                      .topic_nodes = 20,
                                                      .packet_bytes = 4096,
                                                      .queue_messages = 5,
                                                      .queue_bytes = 2000,
                                                      .all_bytes = 8000,
                                                      .retained = 3,
                                                      .in_flight = 2,
                                                      .output_bytes = 1000,
                                                      .work = 8}};
    struct broker *b = NULL;
    if (size < 2 || broker_create(&options, &b) != SPOKE_OK)
        return 0;
    talk(b, data, size);
    talk(b, data, size); /* what is kept of the first time meets the same again */
    const struct broker_stats stats = broker_stats_of(b);
    if (stats.connected != 0 || stats.sessions > 3 || stats.retained > 3 || stats.topic_nodes > 20)
        abort();
    broker_destroy(b);
    return 0;
}
