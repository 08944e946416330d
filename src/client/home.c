#include "home.h"

#include <string.h>

#include "machine.h"

#if SPOKE_WITH_MOVE

/* The home that a move has led to: which scope, at which DPS, and the hub learnt there. */

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

/* As it will be written at each connect, with room left for the token beside the user name. */
bool home_possible(const spoke_client *c, const struct home *home)
{
    char room[USERNAME_BYTES];
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

/* Where a move has led, with the assignment it got there. */
bool home_load(spoke_client *c)
{
    uint8_t room[RECORD_BYTES];
    spoke_buf record = spoke_buf_from(room, sizeof room);
    if (record_load(c, HOME_KEY, &record) != SPOKE_OK)
        return home_is_other(c); /* what was known before still holds */
    const spoke_str text = spoke_buf_str(&record);
    if (!record_binds(c, text) || !record_home(c, text, &c->home))
        return false;
    assignment_take(c, text);
    return true;
}

bool home_is_other(const spoke_client *c)
{
    return c->home.id_scope[0] != '\0';
}

spoke_status home_keep_assignment(const spoke_client *c)
{
    return home_keep(c, &c->home);
}

#endif
