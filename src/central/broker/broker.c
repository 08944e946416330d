#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker_internal.h"

struct will {
    struct list_node in_wills;
    struct message *message;
    bool retain;
};

void broker_log(const struct broker *b, spoke_log_level level, const char *format, ...)
{
    char line[400];
    va_list arguments;
    if (b->options.log == NULL)
        return;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    b->options.log(b->options.log_user, level, line);
}

/* --- life --- */

static void set_default(uint32_t *limit, uint32_t usual)
{
    *limit = *limit != 0 ? *limit : usual;
}

static void resolve(struct broker_limits *limits)
{
    enum { KIB = 1024, MIB = 1024 * 1024, MOST_IN_FLIGHT = 60000 /* packet ids are 16 bits */ };
    set_default(&limits->sessions, 10000);
    set_default(&limits->subscriptions, 1000);
    set_default(&limits->topic_nodes, 500000);
    set_default(&limits->packet_bytes, MIB);
    set_default(&limits->queue_messages, 10000);
    set_default(&limits->queue_bytes, 16 * MIB);
    set_default(&limits->all_bytes, 256 * MIB);
    set_default(&limits->retained, 100000);
    set_default(&limits->in_flight, 64);
    set_default(&limits->output_bytes, MIB);
    set_default(&limits->buffer_bytes, 256 * MIB);
    set_default(&limits->work, 20000);
    if (limits->in_flight > MOST_IN_FLIGHT)
        limits->in_flight = MOST_IN_FLIGHT;
    if (limits->packet_bytes > SPOKE_MQTT_MAX_REMAINING)
        limits->packet_bytes = SPOKE_MQTT_MAX_REMAINING;
}

/* The one topic of the broker's own, so that "$SYS/#" finds something. */
static spoke_status tell_version(struct broker *b)
{
    static const char topic[] = "$SYS/broker/version", version[] = "spoke-central " SPOKE_VERSION;
    struct message *m = message_create(spoke_str_of(topic), spoke_str_of(version), 0, &b->message_bytes);
    return m != NULL ? topics_retain(&b->topics, spoke_str_of(topic), m) : SPOKE_E_NO_MEMORY;
}

/* Of clients that were connected when the process was killed. When the commit fails, they are due again. */
static void publish_left_wills(struct broker *b)
{
    if (b->wills.count == 0)
        return;
    keep_wills_gone(b);
    broker_settle(b);
    (void)broker_commit(b);
}

spoke_status broker_create(const struct broker_options *options, struct broker **out)
{
    struct broker *b = calloc(1, sizeof *b);
    if (b == NULL)
        return SPOKE_E_NO_MEMORY;
    b->options = *options;
    b->limits = options->limits;
    resolve(&b->limits);
    b->enough = b->limits.work;
    spoke_status status = topics_init(&b->topics, b->limits.topic_nodes);
    if (status == SPOKE_OK)
        status = keep_load(b);
    if (status == SPOKE_OK)
        status = tell_version(b);
    if (status != SPOKE_OK) {
        broker_destroy(b);
        return status;
    }
    publish_left_wills(b);
    *out = b;
    return SPOKE_OK;
}

static void will_free(struct will *will)
{
    message_release(will->message);
    free(will);
}

/* Sessions that were kept are all away by now. */
void broker_destroy(struct broker *b)
{
    struct session *s;
    struct will *will;
    if (b == NULL)
        return;
    (void)broker_commit(b);
    while ((s = list_take(&b->away)) != NULL)
        session_free(s);
    while ((will = list_take(&b->wills)) != NULL)
        will_free(will);
    topics_fini(&b->topics);
    timers_free(&b->timers);
    free(b);
}

/* --- what ends elsewhere --- */

void broker_add_will(struct broker *b, struct message *m, bool retain)
{
    struct will *will = calloc(1, sizeof *will);
    if (will == NULL) {
        message_release(m);
        broker_left_out(b);
        return;
    }
    will->message = m;
    will->retain = retain;
    list_join(&b->wills, &will->in_wills, will);
}

static void publish_will(struct broker *b, struct will *will)
{
    const struct message *m = will->message;
    const struct route r = {
        .topic = spoke_str_from(message_topic(m), m->topic_len),
        .payload = message_payload(m),
        .qos = m->qos,
        .retain = will->retain,
    };
    broker_route(b, &r);
    will_free(will);
}

/* A will may break another connection, which may have a will. */
void broker_settle(struct broker *b)
{
    while (b->broken.count > 0 || b->wills.count > 0) {
        struct broker_conn *broken = list_take(&b->broken);
        struct will *will = list_take(&b->wills);
        if (broken != NULL)
            broker_conn_end(broken, "it does not read what it asks for");
        if (will != NULL)
            publish_will(b, will);
    }
}

/* --- looks from outside --- */

void *broker_conn_stirred(struct broker *b)
{
    return list_take(&b->stirred);
}

bool broker_any_stirred(const struct broker *b)
{
    return b->stirred.count > 0;
}

struct broker_stats broker_stats_of(const struct broker *b)
{
    return (struct broker_stats){
        .sessions = b->session_count,
        .connected = b->connected,
        .topic_nodes = b->topics.nodes,
        .retained = b->retained_count,
        .message_bytes = b->message_bytes,
        .buffered = b->buffered,
        .dropped = b->dropped,
    };
}
