#include "machine.h"

#include <assert.h>

#include "base/log.h"

#if SPOKE_WITH_DPS

/* The conversation with DPS: connect, subscribe, let the DPS machine talk, hang up; and what it said last, kept. */

#define ASSIGNMENT_KEY "assignment"

/* --- the assignment, kept --- */

void assignment_take(spoke_client *c, spoke_str record)
{
    char hub[sizeof c->hub_host], device_id[sizeof c->device_id];
    if (record_text(record, "hub", hub, sizeof hub) &&
        record_text(record, "device", device_id, sizeof device_id) &&
        assignment_possible(spoke_str_of(hub), spoke_str_of(device_id)))
        assignment_set(c, spoke_str_of(hub), spoke_str_of(device_id));
}

/* Without DPS the configuration is the assignment. With DPS an earlier one counts if it was made for this scope
 * and registration. */
void assignment_load(spoke_client *c)
{
    if (!config_uses_dps(&c->config)) {
        assignment_configured(c);
        return;
    }
    if (home_load(c))
        return;
    uint8_t room[RECORD_BYTES];
    spoke_buf record = spoke_buf_from(room, sizeof room);
    if (!SPOKE_WITH_RECORDS || record_load(c, ASSIGNMENT_KEY, &record) != SPOKE_OK)
        return;
    const spoke_str text = spoke_buf_str(&record);
    if (record_is(text, "scope", c->config.id_scope) && record_is(text, "registration", c->config.registration_id))
        assignment_take(c, text);
}

static spoke_status keep_assignment(const spoke_client *c)
{
    uint8_t room[RECORD_BYTES];
    spoke_writer w;
    if (home_is_other(c))
        return home_keep_assignment(c);
    spoke_writer_init(&w, room, sizeof room);
    spoke_write(&w, spoke_text("scope", spoke_str_of(c->config.id_scope)));
    spoke_write(&w, spoke_text("registration", spoke_str_of(c->config.registration_id)));
    assignment_write(c, &w);
    return record_store(c, ASSIGNMENT_KEY, &w);
}

void assignment_store(spoke_client *c)
{
    if (!SPOKE_WITH_RECORDS || c->platform.store == NULL || !config_uses_dps(&c->config))
        return;
    if (keep_assignment(c) != SPOKE_OK)
        log_line(&c->platform, SPOKE_LOG_WARN, "client",
                 "the assignment could not be kept: the next start will ask the provisioning service again");
}

/* --- what it said --- */

void provision_verdict(const spoke_client *c, struct retry_input *in)
{
    in->dps_refused = true;
    in->dps_class = c->dps_refusal.failure;
    in->retry_after_s = c->dps_refusal.retry_after_s;
}

bool provision_refused(const spoke_client *c, spoke_dps_class class)
{
    return c->dps_refusal.failure == class;
}

bool provision_host_failed(spoke_client *c)
{
    return hosts_failed(&c->dps_hosts, hosts_count(home_hosts(c)));
}

void provision_forget_troubles(spoke_client *c)
{
    c->dps_hosts = (struct host_ring){0, 0};
}

/* --- the conversation --- */

/* From SUBACK until the link ends the machine stands at the front of the scratch, and works in the rest of it. */
static spoke_dps *machine_of(const spoke_client *c)
{
    return (spoke_dps *)(void *)c->scratch;
}

static spoke_dps_config registration(const spoke_client *c)
{
    spoke_dps_config config = config_dps(&c->config);
    config.id_scope = spoke_str_of(home_scope(c));
    return config;
}

static spoke_status ready_machine(const spoke_client *c, const spoke_dps_config *config)
{
    const size_t all = c->work_bytes > TEXT_BYTES ? c->work_bytes : TEXT_BYTES;
    return spoke_dps_init(machine_of(c), config, c->scratch + sizeof(spoke_dps), all - sizeof(spoke_dps));
}

/* Before SUBACK machine.c has its own limit. */
uint64_t provision_deadline(const spoke_client *c)
{
    return spoke_dps_deadline(machine_of(c));
}

/* There is only the one that the configuration names: it needs no copy. */
#define ONE_HOST (!SPOKE_WITH_HOSTS && !SPOKE_WITH_MOVE)

/* For the longest host that may come: of a list none is longer than the list, but a move may lead to any. */
static size_t host_bytes(const spoke_config *c)
{
    return ONE_HOST ? 0 : SPOKE_WITH_MOVE ? SPOKE_MAX_HOST_BYTES + 1 : spoke_str_of(c->provisioning_host).len + 1;
}

void provision_carve(struct carver *at, const spoke_config *resolved, spoke_client *client)
{
    char *host = carve(at, host_bytes(resolved));
    if (!ONE_HOST && client != NULL)
        client->dps_host = host;
}

spoke_status provision_begin(spoke_client *c)
{
    const spoke_dps_config config = registration(c);
    spoke_buf resource = resource_room(c), token = token_room(c);
    spoke_status status = ready_machine(c, &config); /* only to see that it can be: the token is written over it */
    if (status == SPOKE_OK)
        status = spoke_dps_resource(&config, &resource);
    if (status == SPOKE_OK)
        status = connect_credential(c, spoke_buf_str(&resource), SPOKE_STR("registration"), &token);
    spoke_buf username = username_room(c, &token);
    if (status == SPOKE_OK)
        status = spoke_dps_username(&config, &username);
    if (status != SPOKE_OK)
        return status;
    spoke_mqtt_connect_options mqtt = {.client_id = config.registration_id,
                                       .username = spoke_buf_str(&username),
                                       .password = spoke_buf_str(&token),
                                       .clean_session = true};
    c->link_at_hub = false;
    if (!ONE_HOST)
        (void)hosts_get(home_hosts(c), c->dps_hosts.at, c->dps_host,
                        host_bytes(&c->config)); /* checked when it was taken */
    return connect_open(c, ONE_HOST ? c->config.provisioning_host : c->dps_host, &mqtt);
}

static void on_connected(spoke_client *c)
{
    const spoke_mqtt_filter filter = {SPOKE_STR(SPOKE_DPS_FILTER), 1};
    c->link_ready = true;
    queue_forget_packet_ids(&c->queue); /* a clean session frees them, and DPS requests take them */
    c->connected_at = now_ms(c);
    c->attempt_due = c->connected_at + c->config.connect_limit_ms;
    if (c->ops->subscribe(c->link, &filter, 1) != SPOKE_OK)
        machine_fail(c, SPOKE_E_FULL, SPOKE_SOURCE_CLIENT, 0, "no room to subscribe: raise send_bytes");
    c->work_left = true;
}

static void on_subscribed(spoke_client *c, spoke_str codes)
{
    if (codes.len != 1 || (uint8_t)codes.ptr[0] > 1) {
        machine_fail(c, SPOKE_E_PROTOCOL, SPOKE_SOURCE_MQTT, 0,
                     "the provisioning service refused the subscription to its replies");
        return;
    }
    const spoke_dps_config config = registration(c);
    const spoke_status ready = ready_machine(c, &config);
    assert(ready == SPOKE_OK); /* as it was when the attempt began */
    (void)ready;
    c->subscribed = true;
    spoke_dps_start(machine_of(c), now_ms(c));
    provision_work(c, now_ms(c));
}

static const char *refusal_text(const spoke_dps_event *event)
{
    switch (event->failure) {
    case SPOKE_DPS_THROTTLED:
        return "provisioning is throttled: the service has too many requests";
    case SPOKE_DPS_TRANSIENT:
        return event->code == 0 ? "the provisioning service did not answer in time"
                                : "the provisioning service failed: it will be asked again";
    case SPOKE_DPS_CREDENTIAL:
        return "provisioning refused the credential: check registration id, device key and clock";
    case SPOKE_DPS_BLOCKED:
        return "provisioning is blocked: an operator has to approve, enable or unblock this device";
    case SPOKE_DPS_SERVICE:
        return "the service could not assign a hub: its own configuration or allocation failed";
    case SPOKE_DPS_CONFIGURATION:
        break;
    }
    return "provisioning knows no such scope or enrolment: check id_scope and registration_id";
}

static void on_assigned(spoke_client *c, const spoke_dps_event *event)
{
    assignment_set(c, event->hub, event->device_id);
    COUNT(c, provisionings, 1);
    if (!move_trying(c)) /* where a move leads is kept when it has led there */
        assignment_store(c);
    hosts_worked(&c->dps_hosts);
    sync_renumbered(c);
    c->ask_dps = false;
    retry_assigned(&c->retry);
    log_line(&c->platform, SPOKE_LOG_INFO, "client", "assigned to hub %s as %s", c->hub_host, c->device_id);
    machine_close_link(c, true); /* CLOSED leads on to the hub */
}

static void on_refused(spoke_client *c, const spoke_dps_event *event)
{
    log_line(&c->platform, SPOKE_LOG_WARN, "client", "provisioning refused (%ld): %.*s", (long)event->code,
             (int)event->message.len, event->message.len > 0 ? event->message.ptr : "");
    machine_fail(c, SPOKE_E_PROVISION, SPOKE_SOURCE_PROVISIONING, event->code, refusal_text(event));
}

static void take_result(spoke_client *c)
{
    spoke_dps_event event;
    if (spoke_dps_next(machine_of(c), &event) != SPOKE_OK)
        return;
    c->dps_refusal = (struct dps_refusal){event.failure, event.retry_after_s};
    if (event.kind == SPOKE_DPS_ASSIGNED)
        on_assigned(c, &event);
    else
        on_refused(c, &event);
}

void provision_work(spoke_client *c, uint64_t now)
{
    if (!c->subscribed)
        return;
    spoke_dps_tick(machine_of(c), now);
    spoke_str topic, payload;
    spoke_status status = spoke_dps_output(machine_of(c), &topic, &payload);
    if (status == SPOKE_OK) {
        const spoke_mqtt_publish_options message = {.topic = topic, .parts = &payload, .part_count = 1, .qos = 1};
        status = c->ops->publish(c->link, &message, NULL);
        c->work_left = c->work_left || status == SPOKE_OK;
    }
    if (status == SPOKE_OK)
        spoke_dps_sent(machine_of(c), now);
    else if (status != SPOKE_E_AGAIN && status != SPOKE_E_FULL)
        machine_fail(c, status, SPOKE_SOURCE_CLIENT, 0,
                     "the registration request does not fit: raise report_bytes and send_bytes");
    if (!c->closing_link)
        take_result(c);
}

void provision_event(spoke_client *c, const spoke_transport_event *event)
{
    switch (event->kind) {
    case SPOKE_TRANSPORT_CONNECTED:
        on_connected(c);
        break;
    case SPOKE_TRANSPORT_SUBSCRIBED:
        on_subscribed(c, event->codes);
        break;
    case SPOKE_TRANSPORT_MESSAGE:
        if (event->qos == 1 && c->ops->ack(c->link, event->receipt) == SPOKE_OK)
            c->work_left = true;
        if (!c->subscribed)
            break;
        spoke_dps_receive(machine_of(c), now_ms(c), event->topic, event->payload);
        take_result(c);
        break;
    case SPOKE_TRANSPORT_OVERSIZE:
        machine_fail(c, SPOKE_E_TOO_LARGE, SPOKE_SOURCE_PROVISIONING, 0,
                     "a provisioning reply is larger than receive_bytes: raise it");
        break;
    case SPOKE_TRANSPORT_ACKED:
    case SPOKE_TRANSPORT_CLOSED: /* handled by the machine */
        break;
    }
}

#endif
