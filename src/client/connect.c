#include "machine.h"

#include <string.h>

#include "base/log.h"

#define LINK_GRACE_MS 1000u /* the transport keeps the limit and knows the reason; this is for one that does not */
#define ASSIGNMENT_KEY "assignment"
#define ASSIGNMENT_BYTES 1024u

/* --- the cached assignment --- */

static bool text_is(spoke_str object, const char *key, const char *wanted)
{
    spoke_str json;
    uint8_t room[SPOKE_MAX_HOST_BYTES + 1];
    spoke_buf text = spoke_buf_from(room, sizeof room);
    return spoke_json_find(object, key, &json) == SPOKE_OK && spoke_json_text(json, &text) == SPOKE_OK &&
           spoke_str_equal(spoke_buf_str(&text), spoke_str_of(wanted));
}

static bool text_get(spoke_str object, const char *key, char *out, size_t cap)
{
    spoke_str json;
    spoke_buf text = spoke_buf_from(out, cap - 1);
    if (spoke_json_find(object, key, &json) != SPOKE_OK || spoke_json_text(json, &text) != SPOKE_OK ||
        text.len == 0)
        return false;
    out[text.len] = '\0';
    return strlen(out) == text.len;
}

/* Whatever the record or the service says, a host and an id that no token and no topic can name are none. */
bool assignment_possible(spoke_str hub, spoke_str device_id)
{
    char room[SPOKE_MAX_HOST_BYTES + SPOKE_MAX_ID_BYTES + 16];
    spoke_buf resource = spoke_buf_from(room, sizeof room);
    const spoke_hub_identity id = {.hub_host = hub, .device_id = device_id};
    return spoke_hub_resource(&id, &resource) == SPOKE_OK;
}

/* Without DPS the configuration is the assignment. With DPS an earlier one counts if it was made for this scope
 * and registration. */
void assignment_load(spoke_client *c)
{
    if (c->config.provisioning_host == NULL) {
        assignment_set(c, spoke_str_of(c->config.hub_host), spoke_str_of(c->config.registration_id));
        return;
    }
    uint8_t room[ASSIGNMENT_BYTES];
    spoke_buf record = spoke_buf_from(room, sizeof room);
    if (c->platform.load == NULL || c->platform.load(c->platform.ctx, ASSIGNMENT_KEY, &record) != SPOKE_OK)
        return;
    const spoke_str text = spoke_buf_str(&record);
    if (!text_is(text, "scope", c->config.id_scope) || !text_is(text, "registration", c->config.registration_id))
        return;
    char hub[sizeof c->hub_host], device_id[sizeof c->device_id];
    if (text_get(text, "hub", hub, sizeof hub) && text_get(text, "device", device_id, sizeof device_id) &&
        assignment_possible(spoke_str_of(hub), spoke_str_of(device_id)))
        assignment_set(c, spoke_str_of(hub), spoke_str_of(device_id));
}

void assignment_store(spoke_client *c)
{
    if (c->platform.store == NULL || c->config.provisioning_host == NULL)
        return;
    uint8_t room[ASSIGNMENT_BYTES];
    spoke_writer w;
    spoke_str record;
    spoke_writer_init(&w, room, sizeof room);
    spoke_write(&w, spoke_text("scope", spoke_str_of(c->config.id_scope)));
    spoke_write(&w, spoke_text("registration", spoke_str_of(c->config.registration_id)));
    spoke_write(&w, spoke_text("hub", spoke_str_of(c->hub_host)));
    spoke_write(&w, spoke_text("device", spoke_str_of(c->device_id)));
    if (spoke_writer_finish(&w, &record) != SPOKE_OK ||
        c->platform.store(c->platform.ctx, ASSIGNMENT_KEY, record) != SPOKE_OK)
        log_line(&c->platform, SPOKE_LOG_WARN, "client",
                 "the assignment could not be kept: the next start will ask the provisioning service again");
}

void assignment_set(spoke_client *c, spoke_str hub, spoke_str device_id)
{
    const bool moved = !spoke_str_equal(hub, spoke_str_of(c->hub_host));
    memcpy(c->hub_host, hub.ptr, hub.len);
    c->hub_host[hub.len] = '\0';
    memcpy(c->device_id, device_id.ptr, device_id.len);
    c->device_id[device_id.len] = '\0';
    c->assigned = true;
    session_limit_sizes(c);
    if (moved) { /* another hub counts versions and packet ids of its own */
        spoke_twin_forget(&c->twin);
        c->desired_version = -1;
        outbox_forget_packet_ids(&c->telemetry);
    }
}

/* --- credentials --- */

static spoke_status own_hmac(void *ctx, spoke_str message, uint8_t mac[32])
{
    spoke_client *c = ctx;
    if (c->config.credential.hmac != NULL)
        return c->config.credential.hmac(c->config.credential.hmac_ctx, message, mac);
    return spoke_key_hmac(&c->keys[c->key_used], message, mac);
}

/* Appends a fresh token; nothing for X.509. Sets when it has to be renewed. */
spoke_status connect_credential(spoke_client *c, spoke_str resource, spoke_str skn, spoke_buf *out)
{
    c->renew_at = c->renew_latest = c->token_ends = NEVER;
    if (c->config.credential.kind == SPOKE_X509)
        return SPOKE_OK;
    int64_t unix_s;
    const spoke_status clock = c->platform.unix_seconds(c->platform.ctx, &unix_s);
    if (clock != SPOKE_OK)
        return SPOKE_E_CLOCK;
    const uint32_t lifetime_s = c->config.sas_lifetime_s;
    const uint64_t now = now_ms(c);
    c->renew_at = now + (uint64_t)spoke_sas_renew_after_s(lifetime_s, random_u32(c)) * 1000;
    c->renew_latest = now + (uint64_t)spoke_sas_renew_latest_s(lifetime_s) * 1000;
    c->token_ends = now + (uint64_t)lifetime_s * 1000;
    return spoke_sas_token(resource, unix_s + lifetime_s, skn, own_hmac, c, out);
}

/* --- opening --- */

spoke_status connect_open(spoke_client *c, const char *host, spoke_mqtt_connect_options *mqtt)
{
    mqtt->keep_alive_s = (uint16_t)c->config.keep_alive_s;
    mqtt->connack_limit_ms = c->config.connect_limit_ms;
    const spoke_transport_target target = {
        .host = host, .port = c->config.port, .mqtt = *mqtt, .connect_limit_ms = c->config.connect_limit_ms};
    const spoke_status status = c->ops->open(c->link, &target);
    if (status != SPOKE_OK)
        return status;
    c->link_open = true;
    c->attempt_due = now_ms(c) + c->config.connect_limit_ms + LINK_GRACE_MS;
    return SPOKE_OK;
}

/* User name and token one behind the other in c->text. */
spoke_status connect_hub(spoke_client *c)
{
    const spoke_hub_identity id = session_identity(c);
    spoke_buf username = spoke_buf_from(c->text, c->text_bytes);
    spoke_status status = spoke_hub_username(&id, &username);
    spoke_buf resource = spoke_buf_from(c->work, c->work_bytes);
    if (status == SPOKE_OK)
        status = spoke_hub_resource(&id, &resource);
    spoke_buf token = spoke_buf_from(c->text + username.len, c->text_bytes - username.len);
    if (status == SPOKE_OK)
        status = connect_credential(c, spoke_buf_str(&resource), (spoke_str){NULL, 0}, &token);
    if (status != SPOKE_OK)
        return status;
    /* CleanSession 0: the hub keeps cloud-to-device messages and subscriptions while we are away. */
    spoke_mqtt_connect_options mqtt = {.client_id = spoke_str_of(c->device_id),
                                       .username = spoke_buf_str(&username),
                                       .password = spoke_buf_str(&token),
                                       .clean_session = false};
    c->link_at_hub = true;
    return connect_open(c, c->hub_host, &mqtt);
}

static const char *begin_text(spoke_status status)
{
    if (status == SPOKE_E_CLOCK)
        return "the clock is not set: a token cannot be made before the time is known";
    if (status == SPOKE_E_TOO_SMALL)
        return "user name and token do not fit: shorten model id and user agent";
    return "the connection could not be started";
}

void connect_begin(spoke_client *c)
{
    const bool to_hub = c->assigned && !c->ask_dps;
    const spoke_error none = client_fault(SPOKE_OK, SPOKE_SOURCE_CLIENT, 0,
                                          to_hub ? "connecting to the hub" : "asking the provisioning service");
    enter_state(c, to_hub ? SPOKE_CONNECTING : SPOKE_PROVISIONING, &none);
    if (!c->wanted || c->state == SPOKE_CLOSING) /* a handler may have changed its mind */
        return;
    c->link_ready = c->subscribed = c->draining = false; /* this attempt is judged by itself */
    const spoke_status status = to_hub ? connect_hub(c) : provision_begin(c);
    spoke_wipe(c->text, c->text_bytes); /* the token has been copied, or is not needed */
    c->work_left = true;
    if (status == SPOKE_OK)
        return;
    const spoke_error why = client_fault(status, SPOKE_SOURCE_CLIENT, 0, begin_text(status));
    machine_attempt_failed(c, &why, !to_hub);
}
