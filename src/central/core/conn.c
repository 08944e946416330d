#include "conn.h"

#include <assert.h>
#include <search.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core_internal.h"
#include "simulator.h"
#include "text.h"

#define CONNECT_LIMIT_MS 30000u
#define SILENCE_CAP_MS 1767000u /* the hub's longest patience, 29.45 minutes */
/* The largest PUBLISH that can be within the service's limits: the topic's 65,535 bytes come on top. */
#define MAX_BODY_BYTES (SPOKE_MAX_TELEMETRY_BYTES + 65535u + 4u)
/* Before a peer has said who it is: a will of 64 KB and its topic, and the names. */
#define MAX_CONNECT_BYTES (2u * 65535u + 4096u)
#define MAX_PENDING_OUTPUT (4u * 1024u * 1024u)
#define MAX_FILTERS 32u
#define MAX_LATE_ACKS 65535u

static const char *const log_module = "mqtt";

/* --- by id --- */

static int compare_ids(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* The keys of the tree are the ids inside the connections. */
struct conn *hub_conn(const struct core *c, const char *device_id)
{
    const char *const *found = tfind(device_id, &c->hubs, compare_ids);
    return found != NULL ? (struct conn *)((uintptr_t)*found - offsetof(struct conn, id)) : NULL;
}

static void enter_ended(struct conn *k)
{
    if (k->state == CONN_HUB)
        (void)tdelete(k->id, &k->core->hubs, compare_ids);
    k->state = CONN_ENDED;
    conn_stir(k);
}

/* --- life --- */

spoke_status core_conn_open(struct core *c, spoke_str peer_chain, struct conn **out)
{
    struct conn *k = calloc(1, sizeof *k);
    if (k == NULL)
        return SPOKE_E_NO_MEMORY;
    if (peer_chain.len > 0 && !text_set(&k->peer_chain, peer_chain)) {
        free(k);
        return SPOKE_E_NO_MEMORY;
    }
    k->peer_chain_len = peer_chain.len;
    k->core = c;
    k->state = CONN_NEW;
    k->token_expires_ms = INT64_MAX;
    k->token_due = k->close_at = UINT64_MAX;
    k->silent_until = core_now_ms(c) + CONNECT_LIMIT_MS;
    if (timers_add(&c->timers, &k->timer, k->silent_until, k) != SPOKE_OK) {
        free(k->peer_chain);
        free(k);
        return SPOKE_E_NO_MEMORY;
    }
    list_join(&c->conns, &k->in_conns, k);
    *out = k;
    return SPOKE_OK;
}

spoke_str conn_chain(const struct conn *k)
{
    return spoke_str_from(k->peer_chain, k->peer_chain_len);
}

void conn_forget_chain(struct conn *k)
{
    free(k->peer_chain);
    k->peer_chain = NULL;
    k->peer_chain_len = 0;
}

void core_conn_from(struct conn *k, spoke_str address)
{
    if (address.len == 0 || address.len > sizeof k->address)
        return;
    memcpy(k->address, address.ptr, address.len);
    k->address_len = address.len;
}

spoke_str conn_address(const struct conn *k)
{
    return spoke_str_from(k->address, k->address_len);
}

void conn_free(struct conn *k)
{
    enter_ended(k);
    list_leave(&k->in_conns);
    list_leave(&k->in_held);
    list_leave(&k->in_stirred);
    timers_remove(&k->core->timers, &k->timer);
    bytes_free(&k->in);
    bytes_free(&k->out);
    bytes_free(&k->will_payload);
    free(k->will_topic);
    free(k->peer_chain);
    free(k->model_id);
    free(k->template_id);
    free(k->group_id);
    dps_forget_token(k);
    free(k->late);
    free(k->late_desired);
    free(k);
}

void core_conn_close(struct conn *k)
{
    if (k == NULL)
        return;
    if (k->state != CONN_ENDED)
        conn_end(k, NULL, "the stream was closed without DISCONNECT", 0);
    conn_free(k);
}

void conn_due(struct conn *k, uint64_t at)
{
    if (at < k->timer.due)
        timers_set(&k->core->timers, &k->timer, at);
}

void conn_stir(struct conn *k)
{
    if (k->simulated)
        simulator_hear(k->core);
    else
        list_join(&k->core->stirred, &k->in_stirred, k);
}

void core_conn_own(struct conn *k, void *owner)
{
    k->owner = owner;
    conn_stir(k);
}

void *core_conn_stirred(struct core *c)
{
    struct conn *k = list_take(&c->stirred);
    while (k != NULL && k->owner == NULL) /* somebody else looks after it */
        k = list_take(&c->stirred);
    return k != NULL ? k->owner : NULL;
}

bool core_any_stirred(const struct core *c)
{
    return c->stirred.count > 0;
}

/* --- the end --- */

static void fire_will(struct conn *k)
{
    spoke_str bag;
    if (!k->has_will || k->goodbye)
        return;
    k->has_will = false;
    bool own = telemetry_topic(k, spoke_str_of(k->will_topic), &bag);
    assert(own); /* checked at CONNECT */
    spoke_str payload = spoke_str_from((const char *)k->will_payload.ptr, k->will_payload.len);
    spoke_status status = own ? telemetry_store(k, bag, payload, k->will_qos, k->will_retain, true) : SPOKE_E_ARG;
    if (status != SPOKE_OK)
        core_log(k->core, SPOKE_LOG_WARN, log_module, "%s: its will was not stored: %s", k->id,
                 spoke_status_text(status));
}

void conn_end(struct conn *k, const char *event, const char *why, int32_t code)
{
    enum conn_state role = k->state;
    if (role == CONN_ENDED)
        return;
    bool hub = role == CONN_HUB, stranger = role == CONN_NEW || (role == CONN_DPS && !k->proven);
    enter_ended(k);
    if (event != NULL && stranger)
        core_log_stranger(k->core, log_module, "%s: closed: %s", k->id[0] != '\0' ? k->id : "(no CONNECT)", why);
    else
        core_log(k->core, event != NULL ? SPOKE_LOG_WARN : SPOKE_LOG_INFO, log_module, "%s: closed: %s",
                 k->id[0] != '\0' ? k->id : "(no CONNECT)", why);
    const char *id = k->id[0] != '\0' ? k->id : NULL;
    if (event != NULL)
        core_event(k->core, event, role == CONN_DPS ? NULL : id, role == CONN_DPS ? id : NULL, why, code);
    if (!hub)
        return;
    core_event(k->core, "hub-disconnected", id, NULL, why, code);
    hub_ended(k, why, code);
    fire_will(k);
}

void conn_drop(struct conn *k, const char *event, const char *why, int32_t code)
{
    conn_end(k, event, why, code);
    k->out.len = k->out_at = k->out_ready = 0;
}

void conn_protocol_error(struct conn *k, const char *why)
{
    conn_end(k, k->state == CONN_DPS ? "dps-protocol-error" : "hub-protocol-error", why, 0);
}

void conn_refuse(struct conn *k, uint8_t code, const char *event, const char *why)
{
    conn_connack(k, code, false);
    bool dps = strncmp(event, "dps-", 4) == 0;
    const char *id = k->id[0] != '\0' ? k->id : NULL;
    core_event(k->core, event, dps ? NULL : id, dps ? id : NULL, why, code);
    core_log_stranger(k->core, log_module, "%s: CONNECT refused with %u: %s", id != NULL ? id : "(no client id)",
                      (unsigned)code, why);
    enter_ended(k);
}

#define CONN_LINES 5u /* in a second */

void conn_log(struct conn *k, spoke_log_level level, const char *module, const char *format, ...)
{
    char line[512];
    uint32_t left_out;
    va_list args;
    if (level > k->core->options.log_level || !log_admits(k->core, &k->log, CONN_LINES, &left_out))
        return;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    core_log(k->core, level, module, "%s: %s", k->id, line);
    if (left_out > 0)
        core_log(k->core, level, module, "%s: %u more lines about it were left out", k->id, (unsigned)left_out);
}

/* --- half-open links --- */

static const char *name_of(const struct conn *k)
{
    return k->id[0] != '\0' ? k->id : NULL;
}

static bool lost_up(struct conn *k)
{
    k->lost_up = k->lost_up || fault_swallows(&k->core->faults, true, name_of(k));
    return k->lost_up;
}

static bool lost_down(const struct conn *k)
{
    return k->lost_down || fault_swallows(&k->core->faults, false, name_of(k));
}

void conn_go_silent(struct conn *k)
{
    k->lost_up = k->lost_down = true;
    k->silent_until = UINT64_MAX; /* the device has to notice */
}

/* --- output --- */

static bool make_room(struct conn *k, size_t need)
{
    if (k->out.len - k->out_at + need > MAX_PENDING_OUTPUT) {
        conn_drop(k, "hub-protocol-error", "the device does not read what it asks for", 0);
        return false;
    }
    if (k->out_at > k->out.cap / 2) {
        bytes_consume(&k->out, k->out_at);
        k->out_ready -= k->out_at;
        k->out_at = 0;
    }
    if (bytes_reserve(&k->out, need))
        return true;
    conn_drop(k, "hub-protocol-error", "the service has no memory left", 0);
    return false;
}

/* Output follows the order of events, so once something waits for the commit, all that comes later does too. */
static void queue(struct conn *k, const spoke_mqtt_packet *packet, size_t bytes)
{
    if (k->state == CONN_ENDED)
        return;
    k->lost_down = lost_down(k);
    if (k->lost_down || !make_room(k, bytes))
        return;
    spoke_buf buf = {k->out.ptr, k->out.len, k->out.cap};
    spoke_status status = spoke_mqtt_encode(packet, &buf);
    if (status != SPOKE_OK) {
        core_log(k->core, SPOKE_LOG_ERROR, log_module, "%s: a packet could not be written: %s", k->id,
                 spoke_status_text(status));
        return;
    }
    bool free_to_go = !k->core->uncommitted && k->out_ready == k->out.len;
    k->out.len = buf.len;
    if (free_to_go) {
        k->out_ready = k->out.len;
        conn_stir(k);
    } else {
        list_join(&k->core->held, &k->in_held, k);
    }
}

void conn_connack(struct conn *k, uint8_t code, bool session_present)
{
    spoke_mqtt_packet packet;
    memset(&packet, 0, sizeof packet);
    packet.type = SPOKE_MQTT_CONNACK;
    packet.as.connack.code = code;
    packet.as.connack.session_present = session_present;
    queue(k, &packet, 4);
}

void conn_hold_back(struct conn *k, uint32_t ms)
{
    k->quiet_until = core_now_ms(k->core) + ms;
    conn_due(k, k->quiet_until);
}

void conn_close_in(struct conn *k, uint32_t ms)
{
    k->close_at = core_now_ms(k->core) + ms;
    conn_due(k, k->close_at);
}

void conn_publish(struct conn *k, spoke_str topic, spoke_str payload, uint8_t qos, uint16_t packet_id, bool dup)
{
    spoke_mqtt_packet packet;
    memset(&packet, 0, sizeof packet);
    packet.type = SPOKE_MQTT_PUBLISH;
    packet.packet_id = packet_id;
    packet.as.publish.topic = topic;
    packet.as.publish.payload = payload;
    packet.as.publish.qos = qos;
    packet.as.publish.dup = dup;
    queue(k, &packet, spoke_mqtt_publish_bytes(topic.len, payload.len, qos));
}

static void send_short(struct conn *k, spoke_mqtt_type type, uint16_t packet_id)
{
    spoke_mqtt_packet packet;
    memset(&packet, 0, sizeof packet);
    packet.type = type;
    packet.packet_id = packet_id;
    queue(k, &packet, 4);
}

static void ack_late(struct conn *k, uint16_t packet_id, uint64_t due)
{
    if (k->late_count == k->late_cap) {
        size_t cap = k->late_cap == 0 ? 64 : k->late_cap * 2;
        struct late_ack *late = k->late_cap < MAX_LATE_ACKS ? realloc(k->late, cap * sizeof *late) : NULL;
        if (late == NULL) {
            conn_end(k, "hub-protocol-error", "too many messages wait for their PUBACK", 0);
            return;
        }
        k->late = late;
        k->late_cap = cap;
    }
    if (k->late_count > 0 && k->late[k->late_count - 1].due > due)
        due = k->late[k->late_count - 1].due;
    k->late[k->late_count++] = (struct late_ack){due, packet_id};
    if (k->core->uncommitted) /* when the commit fails, it is none of those that hear "kept" */
        list_join(&k->core->held, &k->in_held, k);
    conn_due(k, due);
}

void conn_puback(struct conn *k, uint16_t packet_id)
{
    if (packet_id == 0)
        return;
    const struct fault *delay = fault_armed(&k->core->faults, FAULT_PUBACK_DELAY, k->id);
    if (delay != NULL || k->late_count > 0)
        ack_late(k, packet_id, core_now_ms(k->core) + (delay != NULL ? delay->number : 0));
    else
        send_short(k, SPOKE_MQTT_PUBACK, packet_id);
}

static void send_late_acks(struct conn *k)
{
    size_t done = 0;
    while (done < k->late_count && k->late[done].due <= core_now_ms(k->core))
        send_short(k, SPOKE_MQTT_PUBACK, k->late[done++].packet_id);
    if (done > 0) {
        k->late_count -= done;
        memmove(k->late, k->late + done, k->late_count * sizeof *k->late);
    }
}

spoke_str core_conn_output(const struct conn *k)
{
    size_t len = core_now_ms(k->core) < k->quiet_until ? 0 : k->out_ready - k->out_at;
    const struct fault *pieces = fault_armed(&k->core->faults, FAULT_FRAGMENT, k->id);
    if (pieces != NULL && len > pieces->number)
        len = pieces->number;
    return spoke_str_from(len > 0 ? (const char *)k->out.ptr + k->out_at : NULL, len);
}

void core_conn_sent(struct conn *k, size_t count)
{
    assert(count <= k->out_ready - k->out_at);
    k->out_at += count;
    if (k->out_at < k->out.len)
        return;
    bytes_consume(&k->out, k->out_at);
    k->out_at = k->out_ready = 0;
}

bool core_conn_ended(const struct conn *k)
{
    return k->state == CONN_ENDED && !lost_down(k); /* the end of a half-open link is not heard either */
}

void conn_release(struct conn *k, bool durable)
{
    if (durable) {
        k->out_ready = k->out.len;
        conn_stir(k);
    } else {
        conn_drop(k, "hub-protocol-error", "the service could not store what it received", 0);
    }
}

/* --- CONNECT --- */

spoke_status conn_accept(struct conn *k, enum conn_state role, const spoke_mqtt_packet *connect)
{
    const spoke_mqtt_will *will = &connect->as.connect.will;
    if (connect->as.connect.has_will && role == CONN_HUB) {
        k->will_topic = text_copy(will->topic);
        if (k->will_topic == NULL || !bytes_append(&k->will_payload, will->payload.ptr, will->payload.len)) {
            conn_refuse(k, 3, "hub-refused", "the service has no memory left");
            return SPOKE_E_NO_MEMORY;
        }
        k->will_qos = will->qos;
        k->will_retain = will->retain;
        k->has_will = true;
    }
    if (role == CONN_HUB && tsearch(k->id, &k->core->hubs, compare_ids) == NULL) {
        conn_refuse(k, 3, "hub-refused", "the service has no memory left");
        return SPOKE_E_NO_MEMORY;
    }
    k->state = role;
    k->clean_session = connect->as.connect.clean_session;
    uint32_t limit = connect->as.connect.keep_alive_s * 1500u;
    k->silence_limit_ms = limit == 0 || limit > SILENCE_CAP_MS ? SILENCE_CAP_MS : limit;
    k->silent_until = core_now_ms(k->core) + k->silence_limit_ms;
    conn_due(k, k->silent_until);
    return SPOKE_OK;
}

static void take_connect(struct conn *k, const uint8_t *bytes, size_t len)
{
    spoke_mqtt_packet packet;
    if (spoke_mqtt_decode(bytes, len, &packet) != SPOKE_OK) {
        conn_protocol_error(k, "a malformed CONNECT");
        return;
    }
    if (packet.as.connect.level != 4 || !spoke_str_equal(packet.as.connect.protocol, SPOKE_STR("MQTT"))) {
        conn_refuse(k, 1, "hub-refused", "not MQTT 3.1.1");
        return;
    }
    spoke_str id = packet.as.connect.client_id;
    bool dps = dps_is_username(packet.as.connect.username);
    if (id.len == 0 || id.len >= sizeof k->id) {
        conn_refuse(k, 2, dps ? "dps-unauthorized" : "hub-refused", "the client id is empty or too long");
        return;
    }
    memcpy(k->id, id.ptr, id.len);
    k->id[id.len] = '\0';
    if (dps)
        dps_connect(k, &packet);
    else
        hub_connect(k, &packet);
}

/* --- subscriptions --- */

const struct subscription *conn_subscription(const struct conn *k, enum conn_topic topic)
{
    const struct subscription *found = NULL;
    for (size_t i = 0; i < k->subscription_count; i++)
        if (k->subscriptions[i].topic == topic && (found == NULL || k->subscriptions[i].qos > found->qos))
            found = &k->subscriptions[i];
    return found;
}

static struct subscription *find_filter(struct conn *k, spoke_str filter)
{
    for (size_t i = 0; i < k->subscription_count; i++)
        if (spoke_str_equal(spoke_str_of(k->subscriptions[i].filter), filter))
            return &k->subscriptions[i];
    return NULL;
}

void conn_subscribe(struct conn *k, spoke_str filter, enum conn_topic topic, uint8_t qos)
{
    struct subscription *slot = find_filter(k, filter);
    if (slot == NULL) {
        /* The service knows five filters (that for cloud-to-device messages has two spellings): no sixth fits. */
        assert(k->subscription_count < SPOKE_MAX_SUBSCRIPTIONS && filter.len < sizeof slot->filter);
        slot = &k->subscriptions[k->subscription_count++];
        memcpy(slot->filter, filter.ptr, filter.len);
        slot->filter[filter.len] = '\0';
        slot->topic = topic;
    }
    slot->qos = qos;
}

static bool filter_topic(const struct conn *k, spoke_str filter, enum conn_topic *out)
{
    if (k->state == CONN_HUB)
        return hub_filter_topic(k, filter, out);
    *out = TOPIC_DPS;
    return spoke_str_equal(filter, SPOKE_STR("$dps/registrations/res/#"));
}

/* The hub does not answer 0x80 to a filter that it dislikes: it hangs up. */
static void deny_subscribe(struct conn *k, spoke_str filter)
{
    char why[CONN_FILTER_CAP + 64];
    (void)snprintf(why, sizeof why, "it may not subscribe to %.*s", text_shown(filter, CONN_FILTER_CAP),
                   filter.ptr);
    conn_end(k, "hub-subscribe-denied", why, 0);
}

static bool check_filters(struct conn *k, spoke_str filters, size_t *count)
{
    spoke_mqtt_filter item;
    enum conn_topic topic;
    *count = 0;
    while (spoke_mqtt_filter_next(&filters, true, &item) == SPOKE_OK)
        if (*count == MAX_FILTERS || !filter_topic(k, item.filter, &topic)) {
            deny_subscribe(k, item.filter);
            return false;
        } else {
            (*count)++;
        }
    return true;
}

static void take_subscribe(struct conn *k, const spoke_mqtt_packet *packet)
{
    char granted[MAX_FILTERS];
    size_t count;
    if (!check_filters(k, packet->as.filters, &count))
        return;
    spoke_str filters = packet->as.filters;
    spoke_mqtt_filter item;
    for (size_t i = 0; i < count && spoke_mqtt_filter_next(&filters, true, &item) == SPOKE_OK; i++) {
        enum conn_topic topic = TOPIC_DPS;
        (void)filter_topic(k, item.filter, &topic); /* known since check_filters */
        granted[i] = item.qos == 0 ? 0 : 1;         /* QoS 2 is granted 1 */
        conn_subscribe(k, item.filter, topic, item.qos == 0 ? 0 : 1);
    }
    spoke_mqtt_packet suback;
    memset(&suback, 0, sizeof suback);
    suback.type = SPOKE_MQTT_SUBACK;
    suback.packet_id = packet->packet_id;
    suback.as.codes = spoke_str_from(granted, count);
    queue(k, &suback, 4 + count);
    if (k->state == CONN_HUB)
        hub_subscriptions_changed(k);
}

static void take_unsubscribe(struct conn *k, const spoke_mqtt_packet *packet)
{
    spoke_str filters = packet->as.filters;
    spoke_mqtt_filter item;
    while (spoke_mqtt_filter_next(&filters, false, &item) == SPOKE_OK) {
        struct subscription *slot = find_filter(k, item.filter);
        if (slot != NULL)
            *slot = k->subscriptions[--k->subscription_count];
    }
    send_short(k, SPOKE_MQTT_UNSUBACK, packet->packet_id);
    if (k->state == CONN_HUB)
        hub_subscriptions_changed(k);
}

/* --- packets --- */

static void take_publish(struct conn *k, const spoke_mqtt_packet *packet)
{
    if (k->state == CONN_DPS)
        dps_publish(k, packet);
    else
        hub_publish(k, packet);
}

static void take_packet(struct conn *k, const spoke_mqtt_packet *packet)
{
    switch (packet->type) {
    case SPOKE_MQTT_PUBLISH:
        take_publish(k, packet);
        break;
    case SPOKE_MQTT_PUBACK:
        if (k->state == CONN_HUB)
            c2d_puback(k, packet->packet_id);
        break;
    case SPOKE_MQTT_SUBSCRIBE:
        take_subscribe(k, packet);
        break;
    case SPOKE_MQTT_UNSUBSCRIBE:
        take_unsubscribe(k, packet);
        break;
    case SPOKE_MQTT_PINGREQ:
        if (!fault_take(&k->core->faults, FAULT_PING_SILENCE, k->id, NULL))
            send_short(k, SPOKE_MQTT_PINGRESP, 0);
        break;
    case SPOKE_MQTT_DISCONNECT:
        k->goodbye = true;
        conn_end(k, NULL, "the device said DISCONNECT", 0);
        break;
    case SPOKE_MQTT_CONNECT:
        conn_protocol_error(k, "a second CONNECT");
        break;
    case SPOKE_MQTT_CONNACK:
    case SPOKE_MQTT_SUBACK:
    case SPOKE_MQTT_UNSUBACK:
    case SPOKE_MQTT_PINGRESP:
        conn_protocol_error(k, "a packet that only a server sends");
        break;
    case SPOKE_MQTT_PUBREC:
    case SPOKE_MQTT_PUBREL:
    case SPOKE_MQTT_PUBCOMP:
        conn_protocol_error(k, "QoS 2 is not offered");
        break;
    }
}

static void take_bytes(struct conn *k, const uint8_t *bytes, const spoke_mqtt_header *header)
{
    size_t len = header->head_bytes + header->body_bytes;
    spoke_mqtt_packet packet;
    if (k->state == CONN_NEW) { /* header_ok: this is a CONNECT */
        take_connect(k, bytes, len);
        return;
    }
    k->silent_until = core_now_ms(k->core) + k->silence_limit_ms;
    if (spoke_mqtt_decode(bytes, len, &packet) == SPOKE_OK)
        take_packet(k, &packet);
    else
        conn_protocol_error(k, "a malformed packet");
}

/* Looks at the fixed header before the body is there, so that nothing is collected that will be refused. */
static bool header_ok(struct conn *k, const spoke_mqtt_header *header)
{
    if (k->state == CONN_NEW && header->type != SPOKE_MQTT_CONNECT)
        conn_protocol_error(k, "the first packet is not CONNECT");
    else if (k->state == CONN_NEW && header->body_bytes > MAX_CONNECT_BYTES)
        conn_protocol_error(k, "a CONNECT larger than any device needs");
    else if (header->type == SPOKE_MQTT_PUBLISH && (header->flags & 6u) == 4u)
        conn_protocol_error(k, "a PUBLISH with QoS 2");
    else if (header->body_bytes > MAX_BODY_BYTES)
        conn_end(k, k->state == CONN_DPS ? "dps-protocol-error" : "hub-protocol-error",
                 "a packet larger than any message may be", CODE_TOO_LARGE);
    return k->state != CONN_ENDED;
}

static size_t take_packets(struct conn *k, const uint8_t *bytes, size_t len)
{
    size_t at = 0;
    while (k->state != CONN_ENDED && at < len) {
        spoke_mqtt_header header;
        spoke_status status = spoke_mqtt_peek(bytes + at, len - at, &header);
        if (status == SPOKE_E_AGAIN)
            break;
        if (status != SPOKE_OK) {
            conn_protocol_error(k, "a broken fixed header");
            break;
        }
        if (!header_ok(k, &header) || header.head_bytes + header.body_bytes > len - at)
            break;
        take_bytes(k, bytes + at, &header);
        at += header.head_bytes + header.body_bytes;
    }
    return at;
}

void core_conn_receive(struct conn *k, const uint8_t *bytes, size_t len)
{
    bool kept = true;
    if (k->state == CONN_ENDED || len == 0 || lost_up(k))
        return;
    if (k->in.len > 0) {
        kept = bytes_append(&k->in, bytes, len);
        if (kept)
            bytes_consume(&k->in, take_packets(k, k->in.ptr, k->in.len));
    } else {
        size_t used = take_packets(k, bytes, len);
        kept = k->state == CONN_ENDED || bytes_append(&k->in, bytes + used, len - used);
    }
    if (!kept)
        conn_drop(k, "hub-protocol-error", "the service has no memory left", 0);
}

/* --- time --- */

/* When it wants a tick; UINT64_MAX: never. */
static uint64_t deadline_of(const struct conn *k)
{
    if (k->state == CONN_ENDED)
        return k->quiet_until != 0 ? k->quiet_until : UINT64_MAX;
    uint64_t due = k->silent_until < k->token_due ? k->silent_until : k->token_due;
    if (k->close_at < due)
        due = k->close_at;
    if (k->quiet_until != 0 && k->quiet_until < due)
        due = k->quiet_until;
    if (k->late_count > 0 && k->late[0].due < due)
        due = k->late[0].due;
    uint64_t lock = c2d_deadline(k);
    return lock < due ? lock : due;
}

static void look_at_token(struct conn *k)
{
    int64_t left = k->token_expires_ms - core_unix_ms(k->core);
    if (left <= 0) {
        conn_end(k, "hub-token-expired", "its token expired", CODE_UNAUTHORIZED);
        return;
    }
    k->token_due = core_now_ms(k->core) + (uint64_t)left; /* the clock was set back meanwhile */
}

static void do_what_is_due(struct conn *k)
{
    uint64_t now = core_now_ms(k->core);
    if (k->quiet_until != 0 && now >= k->quiet_until) {
        k->quiet_until = 0;
        conn_stir(k);
    }
    if (k->state == CONN_ENDED)
        return;
    if (now >= k->close_at) {
        conn_end(k, NULL, "the fault closeAfterConnack is armed", 0);
        return;
    }
    if (now >= k->silent_until && k->state == CONN_NEW)
        conn_protocol_error(k, "no CONNECT within 30 seconds");
    else if (now >= k->silent_until)
        conn_end(k, NULL, "silent for 1.5 keep-alive intervals", CODE_CLOSED_REMOTELY);
    if (k->state == CONN_ENDED)
        return;
    if (now >= k->token_due)
        look_at_token(k);
    if (k->state == CONN_ENDED)
        return;
    send_late_acks(k);
    c2d_tick(k);
}

/* A packet moves the deadline and leaves the timer alone, which so goes off once per silence and not per packet. */
void conn_tick(struct conn *k)
{
    do_what_is_due(k);
    timers_set(&k->core->timers, &k->timer, deadline_of(k));
}
