#include "machine.h"

#include <string.h>

#include "hosts.h"

/* The assignment in force: which hub, as which device; and what is tried when it does not answer. */

void assignment_write(const spoke_client *c, spoke_writer *w)
{
    spoke_write(w, spoke_text("hub", c->identity.hub_host));
    spoke_write(w, spoke_text("device", c->identity.device_id));
}

/* Whatever the record or the service says, a host and an id that no token and no topic can name are none. */
bool assignment_possible(spoke_str hub, spoke_str device_id)
{
    char room[SPOKE_MAX_HOST_BYTES + SPOKE_MAX_ID_BYTES + 16];
    spoke_buf resource = spoke_buf_from(room, sizeof room);
    const spoke_hub_identity id = {.hub_host = hub, .device_id = device_id};
    return spoke_hub_resource(&id, &resource) == SPOKE_OK;
}

/* Before there is one: the device is called as it registers. */
void assignment_none(spoke_client *c)
{
    c->identity.device_id = spoke_str_of(c->config.registration_id);
    c->identity.model_id = spoke_str_of(c->config.model != NULL ? c->config.model->dtmi : NULL);
    c->identity.user_agent = spoke_str_of(c->config.user_agent);
}

#if ASSIGNMENTS_CHANGE

static spoke_str keep(char *room, spoke_str text)
{
    memcpy(room, text.ptr, text.len);
    room[text.len] = '\0';
    return spoke_str_from(room, text.len);
}

void assignment_set(spoke_client *c, spoke_str hub, spoke_str device_id)
{
    const bool moved =
        !spoke_str_equal(hub, c->identity.hub_host) || !spoke_str_equal(device_id, c->identity.device_id);
    c->identity.hub_host = keep(c->hub_host, hub);
    c->identity.device_id = keep(c->device_id, device_id);
    c->assigned = true;
    session_limit_sizes(c);
    if (moved) { /* another hub counts versions and packet ids of its own */
        sync_forget(c);
        queue_forget_packet_ids(&c->queue);
    }
}

void assignment_configured(spoke_client *c)
{
    char hub[sizeof c->hub_host];
    if (hosts_get(c->config.hub_host, c->hub_hosts.at, hub, sizeof hub))
        assignment_set(c, spoke_str_of(hub), spoke_str_of(c->config.registration_id));
}

#else

void assignment_configured(spoke_client *c)
{
    c->identity.hub_host = spoke_str_of(c->config.hub_host);
    c->assigned = true;
}

#endif

/* --- hosts --- */

#if SPOKE_WITH_HOSTS || LINKS_END_ANEW

/* Out of reach, or no service behind it; nothing that another host would say as well. */
static bool speaks_against_host(const spoke_client *c, const spoke_error *why, bool at_dps)
{
    static const spoke_status against[] = {SPOKE_E_DNS, SPOKE_E_NET, SPOKE_E_TIMEOUT, SPOKE_E_PROTOCOL,
                                           SPOKE_E_CERTIFICATE};
    for (size_t i = 0; i < sizeof against / sizeof against[0]; i++)
        if (why->status == against[i])
            return true;
    if (why->status == SPOKE_E_TLS) /* an alert speaks against our certificate, if there is one */
        return why->detail != RETRY_TLS_ALERT || c->config.credential.kind != SPOKE_X509;
    if (why->status == SPOKE_E_REFUSED)
        return why->detail == 3; /* server unavailable, MQTT 3.1.1 table 3.1 */
    return at_dps && why->status == SPOKE_E_PROVISION && provision_refused(c, SPOKE_DPS_TRANSIENT);
}

/* True: there is another host that this round has not tried. A link that had been READY is tried again first. */
static bool host_failed(spoke_client *c, const spoke_error *why, bool at_dps)
{
    if (!SPOKE_WITH_HOSTS || c->state == SPOKE_READY || !speaks_against_host(c, why, at_dps))
        return false;
    if (at_dps)
        return provision_host_failed(c);
    if (config_uses_dps(&c->config)) /* DPS names one hub */
        return false;
    const bool more = hosts_failed(&c->hub_hosts, hosts_count(c->config.hub_host));
    assignment_configured(c);
    return more;
}

/* Soon, and not all together: a fleet that lost its host or its way must not come to the next one in step. */
static void wait_briefly(spoke_client *c, const spoke_error *why)
{
    c->retry_at = now_ms(c) + random_below(c, c->config.backoff_min_ms);
    c->pause_firm = false;
    enter_state(c, SPOKE_BACKOFF, why);
}

bool connect_otherwise(spoke_client *c, const spoke_error *why, bool at_dps)
{
    if (why->status == SPOKE_E_TLS || why->status == SPOKE_E_CERTIFICATE || why->status == SPOKE_E_REFUSED)
        expiry_look(c, now_ms(c)); /* one of ours may have ended */
    if (!renew_failed(c, why, at_dps) && !host_failed(c, why, at_dps) && !move_failed(c, why, at_dps))
        return false;
    wait_briefly(c, why);
    return true;
}

#endif

void home_forget_troubles(spoke_client *c)
{
    provision_forget_troubles(c);
    retry_forget(&c->retry);
}

void connect_ready(spoke_client *c)
{
    hosts_worked(&c->hub_hosts);
    move_reached(c);
    renew_ready(c);
}
