#include "machine.h"

#include <assert.h>
#include <string.h>

#include "base/log.h"

#define LINK_GRACE_MS 1000u /* the transport keeps the limit and knows the reason; this is for one that does not */

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

/* --- beginning again --- */

#if LINKS_END_ANEW
/* As if the token had to be renewed now: what is under way is waited for, then the link is closed. */
void connect_anew(spoke_client *c)
{
    const uint64_t now = now_ms(c);
    if (now < c->renew_at)
        c->renew_at = now;
    c->anew = c->news = true;
}
#endif

/* --- opening --- */

spoke_status connect_open(spoke_client *c, const char *host, spoke_mqtt_connect_options *mqtt)
{
    mqtt->keep_alive_s = (uint16_t)(machine_metered(c) ? SPOKE_MAX_KEEP_ALIVE_S : c->config.keep_alive_s);
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

spoke_status connect_hub(spoke_client *c)
{
    spoke_buf resource = resource_room(c), token = token_room(c);
    spoke_status status = spoke_hub_resource(&c->identity, &resource);
    if (status == SPOKE_OK)
        status = connect_credential(c, spoke_buf_str(&resource), (spoke_str){NULL, 0}, &token);
    spoke_buf username = username_room(c, &token);
    if (status == SPOKE_OK)
        status = spoke_hub_username(&c->identity, &username);
    if (status != SPOKE_OK)
        return status;
    /* CleanSession 0: the hub keeps cloud-to-device messages and subscriptions while we are away. */
    spoke_mqtt_connect_options mqtt = {.client_id = c->identity.device_id,
                                       .username = spoke_buf_str(&username),
                                       .password = spoke_buf_str(&token),
                                       .clean_session = !SPOKE_WITH_RESUME};
    c->link_at_hub = true;
    return connect_open(c, c->identity.hub_host.ptr, &mqtt);
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
    clock_note(c);
    renew_begin(c);
    move_begin(c);
    c->anew = false;
    const bool to_hub = c->assigned && !c->ask_dps;
    enter_well(c, to_hub ? SPOKE_CONNECTING : SPOKE_PROVISIONING,
               to_hub ? "connecting to the hub" : "asking the provisioning service");
    assert(c->wanted); /* whatever the handler did: it cannot close, nor can another thread meanwhile */
    /* this attempt is judged by itself */
    c->link_ready = c->subscribed = c->draining = c->renewing = c->link_heard = c->link_unheard = false;
    const spoke_status status = to_hub ? connect_hub(c) : provision_begin(c);
    spoke_wipe(c->scratch, TEXT_BYTES); /* the token has been copied, or is not needed */
    c->work_left = true;
    if (LINKS_END_ANEW &&
        (c->anew || renew_waiting(c))) /* asked for while the handler ran; or a move goes first */
        connect_anew(c);               /* so this will be a short connection */
    if (status == SPOKE_OK)
        return;
    const spoke_error why = client_fault(status, SPOKE_SOURCE_CLIENT, 0, begin_text(status));
    machine_attempt_failed(c, &why, !to_hub);
}
