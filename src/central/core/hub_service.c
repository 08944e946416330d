/* The hub side of a connection: who may connect, what may be subscribed to, and which part a message is for. */
#include <spoke/proto/hub.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core_internal.h"
#include "orders.h"
#include "simulator.h"

#define MODEL_ID_CAP 512u

static const char *const log_module = "hub";

/* "{host}/{device}/?api-version=..&model-id=..", the query optional. */
struct hub_username {
    spoke_str host, device, query;
    bool module;
};

static spoke_str without_slash(spoke_str s)
{
    if (s.len > 0 && s.ptr[s.len - 1] == '/')
        s.len--;
    return s;
}

static bool read_username(spoke_str username, struct hub_username *out)
{
    spoke_str path, rest;
    memset(out, 0, sizeof *out);
    const char *mark = username.len > 0 ? memrchr(username.ptr, '?', username.len) : NULL;
    path = username;
    if (mark != NULL) {
        path.len = (size_t)(mark - username.ptr);
        out->query = spoke_str_from(mark + 1, username.len - path.len - 1);
    }
    if (!spoke_str_cut(without_slash(path), '/', &out->host, &rest))
        return false;
    out->module = spoke_str_cut(rest, '/', &out->device, &rest);
    return out->host.len > 0 && out->device.len > 0;
}

bool topic_rid(spoke_str query, spoke_str *rid)
{
    if (spoke_str_starts(query, SPOKE_STR("?")))
        query = spoke_str_from(query.ptr + 1, query.len - 1);
    return spoke_bag_find(query, "$rid", rid) == SPOKE_OK && rid->len > 0 && rid->len <= SPOKE_MAX_RID_BYTES;
}

/* --- CONNECT: who --- */

static const char *identity_fault(const struct conn *k, const struct hub_username *name)
{
    if (name->module)
        return "module identities are not offered";
    if (!spoke_str_equal(name->device, spoke_str_of(k->id)))
        return "client id and user name do not agree";
    return NULL;
}

static const char *device_fault(const struct conn *k, const struct hub_username *name,
                                const struct store_device *device)
{
    const char *host = device->hub_host != NULL ? device->hub_host : k->core->hub_host;
    if (fault_armed(&k->core->faults, FAULT_BLOCK_DEVICE, k->id) != NULL)
        return "the device is blocked: the fault blockDevice is armed";
    if (!device->enabled)
        return device->approved ? "the device is blocked" : "the device waits for approval";
    if (!device->provisioned)
        return "the device was never provisioned";
    if (!spoke_str_equal_nocase(name->host, spoke_str_of(host)))
        return "the device is assigned to another hub";
    return NULL;
}

static const char *token_fault(struct conn *k, const struct hub_username *name, const struct store_device *device,
                               spoke_str password)
{
    char memory[SPOKE_MAX_HOST_BYTES + CONN_ID_CAP + 16];
    struct auth_token token;
    spoke_buf resource = spoke_buf_from(memory, sizeof memory);
    if (spoke_buf_append(&resource, name->host) != SPOKE_OK ||
        spoke_buf_append(&resource, SPOKE_STR("/devices/")) != SPOKE_OK ||
        spoke_buf_append(&resource, name->device) != SPOKE_OK)
        return "the host name is too long";
    enum auth_verdict verdict = auth_token_read(k->core, password, spoke_buf_str(&resource), false, &token);
    if (verdict == AUTH_OK && !auth_device_signed(k->core, device, &token, k->proof_digest))
        verdict = AUTH_WRONG_KEY;
    k->token_expires_ms = token.expires_ms;
    spoke_wipe(&token, sizeof token);
    return verdict == AUTH_OK ? NULL : auth_verdict_text(verdict);
}

/* The chain counts at each CONNECT, by the authorities that the device's group has then. */
static const char *certificate_fault(struct conn *k, const struct store_device *device)
{
    struct auth_enrolment found;
    char name[CONN_ID_CAP];
    if (k->peer_chain == NULL)
        return "neither a token nor a client certificate";
    if (!auth_common_name(conn_chain(k), name) || strcmp(name, k->id) != 0)
        return "the certificate's common name is not the device id";
    const spoke_status status = auth_certificate(k->core, device, device->group_id, conn_chain(k), &found);
    if (status != SPOKE_OK) {
        free(found.group_id);
        return spoke_status_text(status);
    }
    k->by_certificate = true;
    k->group_id = found.group_id;
    memcpy(k->proof_digest, found.digest, sizeof k->proof_digest);
    return found.proven ? NULL : found.why;
}

static const char *credential_fault(struct conn *k, const struct hub_username *name,
                                    const struct store_device *device, spoke_str password)
{
    const char *why = password.len > 0 ? token_fault(k, name, device, password) : certificate_fault(k, device);
    if (why == NULL && fault_take(&k->core->faults, FAULT_EXPIRE_TOKEN, k->id, NULL))
        why = "the token has expired: the fault expireToken is armed";
    return why;
}

/* --- CONNECT: with what --- */

static const char *will_fault(const struct conn *k, const spoke_mqtt_packet *connect)
{
    const spoke_mqtt_will *will = &connect->as.connect.will;
    spoke_str bag;
    if (!connect->as.connect.has_will)
        return NULL;
    if (will->qos > 1)
        return "a will with QoS 2";
    return telemetry_topic(k, will->topic, &bag) ? NULL : "a will for another topic than the device's own events";
}

static spoke_status read_query(struct conn *k, spoke_str query)
{
    char memory[MODEL_ID_CAP];
    spoke_str value;
    spoke_buf model = spoke_buf_from(memory, sizeof memory);
    k->has_api_version = spoke_bag_find(query, "api-version", &value) == SPOKE_OK && value.len > 0;
    if (spoke_bag_find(query, "model-id", &value) != SPOKE_OK)
        return SPOKE_OK;
    if (spoke_percent_decode(value, &model) != SPOKE_OK || !spoke_utf8_valid(spoke_buf_str(&model))) {
        core_log(k->core, SPOKE_LOG_WARN, log_module, "%s: its model-id is unreadable and ignored", k->id);
        return SPOKE_OK;
    }
    return text_set(&k->model_id, spoke_buf_str(&model)) ? SPOKE_OK : SPOKE_E_NO_MEMORY;
}

static spoke_status note_device(struct conn *k, struct store_device *device)
{
    device->last_seen_ms = core_unix_ms(k->core);
    spoke_status status = core_dirty(k->core);
    if (status == SPOKE_OK && k->model_id != NULL)
        status = device_announced(k->core, device, k->model_id);
    return status == SPOKE_OK ? core_device_put(k->core, device) : status;
}

/* --- CONNECT: the session --- */

static spoke_status keep_session(struct conn *k)
{
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < k->subscription_count; i++) {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "filter", k->subscriptions[i].filter);
        cJSON_AddNumberToObject(item, "qos", k->subscriptions[i].qos);
        cJSON_AddItemToArray(list, item);
    }
    char *text = cJSON_PrintUnformatted(list);
    cJSON_Delete(list);
    spoke_status status = text != NULL ? core_dirty(k->core) : SPOKE_E_NO_MEMORY;
    if (status == SPOKE_OK)
        status = store_session_put(k->core->store, k->id, text);
    free(text);
    return status;
}

static void restore_subscriptions(struct conn *k, const char *text)
{
    cJSON *list;
    const cJSON *item;
    if (!core_parse_json(spoke_str_of(text), &list)) {
        core_log(k->core, SPOKE_LOG_ERROR, log_module, "%s: its kept session is unreadable", k->id);
        return;
    }
    cJSON_ArrayForEach(item, list)
    {
        const cJSON *filter = cJSON_GetObjectItemCaseSensitive(item, "filter");
        const cJSON *qos = cJSON_GetObjectItemCaseSensitive(item, "qos");
        enum conn_topic topic;
        if (cJSON_IsString(filter) && hub_filter_topic(k, spoke_str_of(filter->valuestring), &topic))
            conn_subscribe(k, spoke_str_of(filter->valuestring), topic, cJSON_IsNumber(qos) && qos->valueint == 1);
    }
    cJSON_Delete(list);
}

/* With CleanSession 1 all that was kept goes, queued cloud-to-device messages included. */
static spoke_status open_session(struct conn *k, bool *present)
{
    char *kept = NULL;
    *present = false;
    spoke_status status = core_dirty(k->core);
    if (status != SPOKE_OK)
        return status;
    if (k->clean_session) {
        c2d_purge(k->core, k->id);
        return store_session_put(k->core->store, k->id, NULL);
    }
    status = store_session_get(k->core->store, k->id, &kept);
    if (status == SPOKE_E_NOT_FOUND)
        return keep_session(k);
    if (status == SPOKE_OK) {
        *present = true;
        restore_subscriptions(k, kept);
        free(kept);
    }
    return status;
}

static void arm_token(struct conn *k)
{
    int64_t now = core_unix_ms(k->core);
    if (k->by_certificate || k->token_expires_ms == INT64_MAX)
        return;
    int64_t left = k->token_expires_ms > now ? k->token_expires_ms - now : 0;
    k->token_due = core_now_ms(k->core) + (uint64_t)left;
    conn_due(k, k->token_due);
}

/* What the faults do to a connection that was accepted. */
static void disturb_connack(struct conn *k)
{
    struct fault fault;
    const struct fault *delay = fault_armed(&k->core->faults, FAULT_CONNACK_DELAY, k->id);
    if (delay != NULL)
        conn_hold_back(k, delay->number);
    if (fault_take(&k->core->faults, FAULT_CLOSE_AFTER_CONNACK, k->id, &fault))
        conn_close_in(k, fault.number);
}

static void begin(struct conn *k, const spoke_mqtt_packet *connect, struct store_device *device)
{
    bool present;
    struct conn *older = hub_conn(k->core, k->id);
    if (older != NULL)
        conn_drop(older, NULL, "another connection came with the same client id", CODE_TAKEN_OVER);
    if (conn_accept(k, CONN_HUB, connect) != SPOKE_OK)
        return;
    k->group_round = k->core->group_round;
    spoke_status status = note_device(k, device);
    if (status == SPOKE_OK)
        status = open_session(k, &present);
    if (status == SPOKE_OK)
        status = core_publish(k->core, EVENT_CONNECTED, k->id, device->template_id, NULL, NULL);
    if (status != SPOKE_OK) {
        conn_refuse(k, 3, "hub-refused", spoke_status_text(status));
        return;
    }
    conn_forget_chain(k);
    arm_token(k);
    conn_connack(k, 0, present);
    disturb_connack(k);
    core_event(k->core, "hub-connected", k->id, NULL, NULL, 0);
    core_log(k->core, SPOKE_LOG_INFO, log_module, "%s: connected%s", k->id, present ? ", session resumed" : "");
    c2d_deliver(k); /* the cloud does not wait for SUBSCRIBE either */
    method_device_ready(k);
}

static const char *connect_fault(struct conn *k, const spoke_mqtt_packet *connect, const struct hub_username *name,
                                 struct store_device *device)
{
    const char *why = identity_fault(k, name);
    if (why != NULL)
        return why;
    spoke_status status = store_device_get(k->core->store, k->id, device);
    if (status != SPOKE_OK)
        return status == SPOKE_E_NOT_FOUND ? "there is no such device" : spoke_status_text(status);
    why = device_fault(k, name, device);
    return why != NULL ? why : credential_fault(k, name, device, connect->as.connect.password);
}

void hub_connect(struct conn *k, const spoke_mqtt_packet *connect)
{
    struct hub_username name;
    struct store_device device;
    struct fault fault;
    if (!rates_admit(&k->core->rates, core_now_ms(k->core), core_unix_ms(k->core))) {
        conn_refuse(k, 3, "hub-refused", "more CONNECTs in a second than the hub takes");
        return;
    }
    if (fault_take(&k->core->faults, FAULT_CONNACK_SILENCE, k->id, NULL)) {
        conn_go_silent(k);
        return;
    }
    if (fault_take(&k->core->faults, FAULT_REFUSE_CONNECT, k->id, &fault)) {
        conn_refuse(k, (uint8_t)fault.number, "hub-refused", "the fault refuseConnect is armed");
        return;
    }
    const uint8_t ordered = orders_refusal(k->core, k->id);
    if (ordered != 0) {
        conn_refuse(k, ordered, "hub-refused", "a message of the device ordered it");
        return;
    }
    if (!read_username(connect->as.connect.username, &name)) {
        conn_refuse(k, 4, "hub-refused", "the user name is neither a hub's nor a provisioning one");
        return;
    }
    const char *bad_will = will_fault(k, connect);
    if (bad_will != NULL) {
        conn_protocol_error(k, bad_will);
        return;
    }
    memset(&device, 0, sizeof device);
    const char *why = connect_fault(k, connect, &name, &device);
    if (why != NULL)
        conn_refuse(k, 5, "hub-refused", why);
    else if (read_query(k, name.query) != SPOKE_OK)
        conn_refuse(k, 3, "hub-refused", "the service has no memory left");
    else
        begin(k, connect, &device);
    store_device_free(&device);
}

/* --- subscriptions --- */

static bool own_c2d_filter(const struct conn *k, spoke_str filter)
{
    spoke_str head, rest, id;
    return spoke_str_cut(filter, '/', &head, &rest) && spoke_str_equal(head, SPOKE_STR("devices")) &&
           spoke_str_cut(rest, '/', &id, &rest) && spoke_str_equal(rest, SPOKE_STR("messages/devicebound/#")) &&
           (spoke_str_equal(id, SPOKE_STR("+")) || spoke_str_equal(id, spoke_str_of(k->id)));
}

bool hub_filter_topic(const struct conn *k, spoke_str filter, enum conn_topic *out)
{
    static const struct {
        const char *filter;
        enum conn_topic topic;
    } known[] = {
        {"$iothub/twin/res/#", TOPIC_TWIN_REPLIES},
        {"$iothub/twin/PATCH/properties/desired/#", TOPIC_DESIRED},
        {"$iothub/methods/POST/#", TOPIC_METHODS},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (spoke_str_equal(filter, spoke_str_of(known[i].filter))) {
            *out = known[i].topic;
            return true;
        }
    *out = TOPIC_C2D;
    return own_c2d_filter(k, filter);
}

void hub_subscriptions_changed(struct conn *k)
{
    if (!k->clean_session && keep_session(k) != SPOKE_OK) {
        conn_drop(k, "hub-protocol-error", "the service could not keep the session", 0);
        return;
    }
    c2d_deliver(k);
    method_device_ready(k);
}

/* --- messages --- */

/* Ours: an id that a device hardly has under way, never 0. */
static uint16_t other_id(uint16_t packet_id)
{
    const uint16_t other = packet_id ^ 0x8000u;
    return other != 0 ? other : 0x7fffu;
}

static void acknowledge(struct conn *k, uint16_t packet_id)
{
    struct faults *f = &k->core->faults;
    if (packet_id == 0 || fault_take(f, FAULT_DROP_PUBACK, k->id, NULL))
        return;
    if (fault_take(f, FAULT_WRONG_PUBACK_ID, k->id, NULL))
        packet_id = other_id(packet_id);
    conn_puback(k, packet_id);
    if (fault_take(f, FAULT_DUPLICATE_PUBACK, k->id, NULL))
        conn_puback(k, packet_id);
}

static void take_telemetry(struct conn *k, const spoke_mqtt_packet *packet, spoke_str bag)
{
    spoke_status status = telemetry_store(k, bag, packet->as.publish.payload, packet->as.publish.qos,
                                          packet->as.publish.retain, false);
    if (status == SPOKE_E_PROTOCOL)
        conn_protocol_error(k, "a property bag that is not name=value&..., percent-encoded UTF-8");
    else if (status == SPOKE_E_TOO_LARGE)
        conn_end(k, "hub-protocol-error",
                 "a message larger than 256 KB with its properties, or with more than 1,000 of them",
                 CODE_TOO_LARGE);
    else if (status != SPOKE_OK)
        conn_drop(k, "hub-protocol-error", "the service could not store a message", 0);
    else
        acknowledge(k, packet->packet_id);
}

/* The fault that hangs up at the n-th publish of a connection, before it is looked at. */
static bool hang_up(struct conn *k)
{
    const struct fault *fault = fault_armed(&k->core->faults, FAULT_DROP_AFTER_PUBLISHES, k->id);
    k->publishes++;
    if (fault == NULL || k->publishes < fault->count)
        return false;
    fault_spent(&k->core->faults, FAULT_DROP_AFTER_PUBLISHES);
    conn_end(k, NULL, "the fault dropAfterPublishes is armed", 0);
    return true;
}

static bool quota_used_up(struct conn *k)
{
    return orders_quota(k->core, k->id) || fault_take(&k->core->faults, FAULT_CLOSE_ON_PUBLISH, k->id, NULL);
}

void hub_publish(struct conn *k, const spoke_mqtt_packet *packet)
{
    spoke_str bag;
    if (hang_up(k))
        return;
    if (telemetry_topic(k, packet->as.publish.topic, &bag)) {
        if (quota_used_up(k))
            conn_end(k, NULL, "the daily quota is used up, as a test has it", CODE_QUOTA);
        else
            take_telemetry(k, packet, bag);
    } else if (!twin_publish(k, packet) && !method_publish(k, packet))
        conn_protocol_error(k, "a PUBLISH to a topic that the hub does not know");
}

static void publish_end(struct conn *k, const char *template_id, const char *why, int32_t code)
{
    cJSON *body = cJSON_CreateObject();
    cJSON_AddStringToObject(body, "reason", why);
    if (code != 0)
        cJSON_AddNumberToObject(body, "code", code);
    (void)core_publish(k->core, EVENT_DISCONNECTED, k->id, template_id, NULL, body);
}

void hub_ended(struct conn *k, const char *why, int32_t code)
{
    struct store_device device;
    if (store_device_get(k->core->store, k->id, &device) != SPOKE_OK)
        return; /* deleted: the reason for the end */
    device.last_seen_ms = core_unix_ms(k->core);
    if (core_dirty(k->core) != SPOKE_OK || store_device_put(k->core->store, &device) != SPOKE_OK)
        core_log(k->core, SPOKE_LOG_ERROR, log_module, "%s: when it was last seen was not stored", k->id);
    publish_end(k, device.template_id, why, code);
    store_device_free(&device);
}

/* --- what REST asks --- */

bool core_device_connected(const struct core *c, const char *device_id)
{
    return hub_conn(c, device_id) != NULL;
}

bool core_device_disconnect(struct core *c, const char *device_id, const char *why)
{
    struct conn *k = hub_conn(c, device_id);
    if (k == NULL)
        return false;
    conn_drop(k, NULL, why, 0);
    return true;
}

static void judge_credential(struct conn *k, const struct store_device *device)
{
    if (!k->by_certificate && !auth_device_has_key(k->core, device, k->proof_digest))
        conn_drop(k, NULL, "the device's keys were changed", CODE_UNAUTHORIZED);
    else if (k->by_certificate && !auth_device_has_certificate(k->core, device, k->group_id, k->proof_digest))
        conn_drop(k, NULL, "the device's enrolment was changed", CODE_UNAUTHORIZED);
}

void hub_judge_again(struct conn *k)
{
    struct store_device device;
    if (store_device_get(k->core->store, k->id, &device) != SPOKE_OK)
        return; /* it is ended with its row */
    judge_credential(k, &device);
    store_device_free(&device);
}

void core_device_changed(struct core *c, const char *device_id)
{
    struct store_device device;
    struct conn *k = hub_conn(c, device_id);
    simulator_device_changed(c, device_id);
    if (k == NULL)
        return;
    k->template_round = 0;
    spoke_status status = store_device_get(c->store, device_id, &device);
    if (status == SPOKE_E_NOT_FOUND)
        conn_drop(k, NULL, "the device was deleted", 0);
    else if (status == SPOKE_OK && !device.enabled)
        conn_drop(k, NULL, "the device was blocked", 0);
    else if (status == SPOKE_OK)
        judge_credential(k, &device);
    if (status == SPOKE_OK)
        store_device_free(&device);
}

/* The connection of the one device that a fault is armed for. */
static struct conn *conn_of_fault(struct core *c, enum fault_kind kind)
{
    const struct fault *fault = &c->faults.of[kind];
    return fault->armed ? hub_conn(c, fault->device_id) : NULL;
}

spoke_status core_faults_put(struct core *c, const cJSON *faults, char *why, size_t why_cap)
{
    spoke_status status = faults_put(&c->faults, faults, why, why_cap);
    for (const struct list_node *at = c->conns.first; at != NULL; at = at->next)
        conn_stir(at->owner); /* a fault that held its bytes back may be gone */
    struct conn *blocked = status == SPOKE_OK ? conn_of_fault(c, FAULT_BLOCK_DEVICE) : NULL;
    if (blocked != NULL)
        conn_drop(blocked, NULL, "the fault blockDevice is armed", 0);
    struct conn *k = status == SPOKE_OK ? conn_of_fault(c, FAULT_EXPIRE_TOKEN) : NULL;
    if (k == NULL)
        return status; /* not connected: its next CONNECT meets the fault */
    fault_spent(&c->faults, FAULT_EXPIRE_TOKEN);
    conn_end(k, "hub-token-expired", "the fault expireToken is armed", CODE_UNAUTHORIZED);
    return status;
}

cJSON *core_rates_get(struct core *c)
{
    return rates_get(&c->rates);
}

void core_rates_forget(struct core *c)
{
    rates_forget(&c->rates);
}

cJSON *core_faults_get(struct core *c)
{
    return faults_get(&c->faults);
}
