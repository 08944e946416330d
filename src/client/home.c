#include "home.h"

#include <string.h>

#include "base/log.h"
#include "machine.h"

/* The assignment and the home: which hub, learnt from which DPS under which scope, as far as it is kept. */

#define ASSIGNMENT_KEY "assignment"
#define HOME_KEY "home"

/* --- records --- */

bool record_binds(const spoke_client *c, spoke_str object)
{
    return record_is(object, "over", c->config.id_scope) &&
           record_is(object, "registration", c->config.registration_id);
}

void record_bind(const spoke_client *c, spoke_writer *w)
{
    spoke_write(w, spoke_text("over", spoke_str_of(c->config.id_scope)));
    spoke_write(w, spoke_text("registration", spoke_str_of(c->config.registration_id)));
}

bool record_home(const spoke_client *c, spoke_str object, struct home *out)
{
    struct home home = {.id_scope = ""};
    spoke_str hosts;
    if (!record_text(object, "scope", home.id_scope, sizeof home.id_scope))
        return false;
    if (spoke_json_find(object, "hosts", &hosts) == SPOKE_OK &&
        !record_text(object, "hosts", home.provisioning_host, sizeof home.provisioning_host))
        return false;
    if (!home_possible(c, &home))
        return false;
    *out = home;
    return true;
}

void record_put_home(spoke_writer *w, const struct home *home)
{
    spoke_write(w, spoke_text("scope", spoke_str_of(home->id_scope)));
    if (home->provisioning_host[0] != '\0')
        spoke_write(w, spoke_text("hosts", spoke_str_of(home->provisioning_host)));
}

/* --- the home --- */

const char *home_scope(const spoke_client *c)
{
    const struct home *home = c->move.phase == MOVE_TRYING ? &c->move.goal : &c->home;
    return home->id_scope[0] != '\0' ? home->id_scope : c->config.id_scope;
}

const char *home_hosts(const spoke_client *c)
{
    const struct home *home = c->move.phase == MOVE_TRYING ? &c->move.goal : &c->home;
    return home->provisioning_host[0] != '\0' ? home->provisioning_host : c->config.provisioning_host;
}

void home_forget_troubles(spoke_client *c)
{
    c->dps_hosts = (struct host_ring){0, 0};
    retry_forget(&c->retry);
}

/* As it will be written at each connect, with room left for the token behind the user name. */
bool home_possible(const spoke_client *c, const struct home *home)
{
    char room[CONNECT_TEXT_BYTES - SPOKE_MAX_SAS_BYTES];
    spoke_buf username = spoke_buf_from(room, sizeof room);
    spoke_dps_config dps = config_dps(&c->config);
    dps.id_scope = spoke_str_of(home->id_scope);
    return spoke_dps_username(&dps, &username) == SPOKE_OK &&
           (home->provisioning_host[0] == '\0' || hosts_count(home->provisioning_host) > 0);
}

spoke_status home_keep(const spoke_client *c, const struct home *home)
{
    uint8_t room[RECORD_BYTES];
    spoke_writer w;
    spoke_writer_init(&w, room, sizeof room);
    record_bind(c, &w);
    record_put_home(&w, home);
    assignment_write(c, &w);
    return record_store(c, HOME_KEY, &w);
}

/* --- the assignment --- */

void assignment_write(const spoke_client *c, spoke_writer *w)
{
    spoke_write(w, spoke_text("hub", spoke_str_of(c->hub_host)));
    spoke_write(w, spoke_text("device", spoke_str_of(c->device_id)));
}

/* Whatever the record or the service says, a host and an id that no token and no topic can name are none. */
bool assignment_possible(spoke_str hub, spoke_str device_id)
{
    char room[SPOKE_MAX_HOST_BYTES + SPOKE_MAX_ID_BYTES + 16];
    spoke_buf resource = spoke_buf_from(room, sizeof room);
    const spoke_hub_identity id = {.hub_host = hub, .device_id = device_id};
    return spoke_hub_resource(&id, &resource) == SPOKE_OK;
}

static void take_assignment(spoke_client *c, spoke_str record)
{
    char hub[sizeof c->hub_host], device_id[sizeof c->device_id];
    if (record_text(record, "hub", hub, sizeof hub) &&
        record_text(record, "device", device_id, sizeof device_id) &&
        assignment_possible(spoke_str_of(hub), spoke_str_of(device_id)))
        assignment_set(c, spoke_str_of(hub), spoke_str_of(device_id));
}

/* Where a move has led, with the assignment it got there. */
static bool load_home(spoke_client *c)
{
    uint8_t room[RECORD_BYTES];
    spoke_buf record = spoke_buf_from(room, sizeof room);
    if (record_load(c, HOME_KEY, &record) != SPOKE_OK)
        return c->home.id_scope[0] != '\0'; /* what was known before still holds */
    const spoke_str text = spoke_buf_str(&record);
    if (!record_binds(c, text) || !record_home(c, text, &c->home))
        return false;
    take_assignment(c, text);
    return true;
}

/* The present one of the configured hubs. */
static void take_hub(spoke_client *c)
{
    char hub[sizeof c->hub_host];
    if (hosts_get(c->config.hub_host, c->hub_hosts.at, hub, sizeof hub))
        assignment_set(c, spoke_str_of(hub), spoke_str_of(c->config.registration_id));
}

/* Without DPS the configuration is the assignment. With DPS an earlier one counts if it was made for this scope
 * and registration. */
void assignment_load(spoke_client *c)
{
    if (c->config.provisioning_host == NULL) {
        take_hub(c);
        return;
    }
    if (load_home(c))
        return;
    uint8_t room[RECORD_BYTES];
    spoke_buf record = spoke_buf_from(room, sizeof room);
    if (record_load(c, ASSIGNMENT_KEY, &record) != SPOKE_OK)
        return;
    const spoke_str text = spoke_buf_str(&record);
    if (record_is(text, "scope", c->config.id_scope) && record_is(text, "registration", c->config.registration_id))
        take_assignment(c, text);
}

static spoke_status keep_assignment(const spoke_client *c)
{
    uint8_t room[RECORD_BYTES];
    spoke_writer w;
    if (c->home.id_scope[0] != '\0')
        return home_keep(c, &c->home);
    spoke_writer_init(&w, room, sizeof room);
    spoke_write(&w, spoke_text("scope", spoke_str_of(c->config.id_scope)));
    spoke_write(&w, spoke_text("registration", spoke_str_of(c->config.registration_id)));
    assignment_write(c, &w);
    return record_store(c, ASSIGNMENT_KEY, &w);
}

void assignment_store(spoke_client *c)
{
    if (c->platform.store == NULL || c->config.provisioning_host == NULL)
        return;
    if (keep_assignment(c) != SPOKE_OK)
        log_line(&c->platform, SPOKE_LOG_WARN, "client",
                 "the assignment could not be kept: the next start will ask the provisioning service again");
}

void assignment_set(spoke_client *c, spoke_str hub, spoke_str device_id)
{
    const bool moved = !spoke_str_equal(hub, spoke_str_of(c->hub_host)) ||
                       !spoke_str_equal(device_id, spoke_str_of(c->device_id));
    memcpy(c->hub_host, hub.ptr, hub.len);
    c->hub_host[hub.len] = '\0';
    memcpy(c->device_id, device_id.ptr, device_id.len);
    c->device_id[device_id.len] = '\0';
    c->assigned = true;
    session_limit_sizes(c);
    if (moved) { /* another hub counts versions and packet ids of its own */
        spoke_twin_forget(&c->twin);
        c->desired_version = -1;
        queue_forget_packet_ids(&c->queue);
    }
}

/* --- hosts --- */

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
    return why->status == SPOKE_E_PROVISION && at_dps && c->dps_refusal.failure == SPOKE_DPS_TRANSIENT;
}

/* True: there is another host that this round has not tried. A link that had been READY is tried again first. */
static bool host_failed(spoke_client *c, const spoke_error *why, bool at_dps)
{
    if (c->state == SPOKE_READY || !speaks_against_host(c, why, at_dps))
        return false;
    if (at_dps)
        return hosts_failed(&c->dps_hosts, hosts_count(home_hosts(c)));
    if (c->config.provisioning_host != NULL) /* DPS names one hub */
        return false;
    const bool more = hosts_failed(&c->hub_hosts, hosts_count(c->config.hub_host));
    take_hub(c);
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

void connect_ready(spoke_client *c)
{
    hosts_worked(&c->hub_hosts);
    move_reached(c);
    c->expiry_due = 0;
}
