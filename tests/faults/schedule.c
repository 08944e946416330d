#include "schedule.h"

#include <cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger.h"
#include "world.h"

#define MOST_MESSAGES 256u
#define REPORT_KEYS 4u
#define DESIRED_KEYS 3u
#define MOST_UNSURE 16u
#define HEAL_LIMIT_MS (4u * 3600u * 1000u) /* the longest pauses are an hour: a refused credential */
#define SETTLE_MS 600000u
#define RENEWAL_S 30
#define SPIN_LIMIT 20000u                /* polls that find something to do and no time passing */
#define TEXT_BYTES (16u * 1024u * 1024u) /* a hub that never acknowledges in time gets thousands of copies */

/* A key of the twin: the program's or the service's. */
struct twin_key {
    int64_t value;   /* last accepted; 0: never */
    uint32_t unsure; /* values offered since, while power went: each is as good */
    int64_t maybe[MOST_UNSURE];
    int64_t seen;     /* by the handler */
    int64_t deferred; /* version that is to be acknowledged later; 0: none */
};

struct life {
    struct world world;
    struct chance chance;
    const struct schedule_options *options;
    struct schedule_figures f;
    struct ledger ledger;
    spoke_config config;
    spoke_client *client;
    uint32_t next_n;
    int64_t next_value;
    struct twin_key reported[REPORT_KEYS], desired[DESIRED_KEYS];
    uint64_t handled, told_drops, untold_drops;
    unsigned open_commands;
    bool blocked; /* by the operator */
    char why[SCHEDULE_WHY];
};

static char text[TEXT_BYTES]; /* answers of the service; one life at a time */

/* --- telling --- */

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static void
broken(struct life *l, const char *format, ...)
{
    va_list arguments;
    if (l->why[0] != '\0')
        return;
    va_start(arguments, format);
    vsnprintf(l->why, sizeof l->why, format, arguments);
    va_end(arguments);
}

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static void
note(const struct life *l, const char *format, ...)
{
    va_list arguments;
    if (!l->options->log)
        return;
    fprintf(stderr, "%8" PRIu64 " ---- ", l->world.sim.now);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

static uint32_t draw(struct life *l, uint32_t least, uint32_t most)
{
    return chance_between(&l->chance, least, most);
}

static bool one_in(struct life *l, uint32_t n)
{
    return chance_one_in(&l->chance, n);
}

/* --- the device's program: handlers --- */

static spoke_ack take_desired(const spoke_property *wanted, void *user)
{
    struct life *l = user;
    const size_t key = (size_t)(wanted->name.ptr[1] - '0');
    int64_t value = 0;
    if (key >= DESIRED_KEYS || spoke_json_int(wanted->value, &value) != SPOKE_OK)
        return spoke_reject(400, "a number");
    l->desired[key].seen = value;
    note(l, "the handler got d%zu = %" PRId64 "%s", key, value, wanted->initial ? " (initial)" : "");
    if (key != 2)
        return spoke_accept();
    l->desired[key].deferred = wanted->version;
    return spoke_defer();
}

static spoke_ack take_command(const spoke_command *call, void *user)
{
    struct life *l = user;
    l->handled++;
    spoke_write(call->reply, spoke_bool("done", true));
    return spoke_accept();
}

static void take_outcome(spoke_client *client, uint32_t id, spoke_status outcome, void *user)
{
    struct life *l = user;
    (void)client;
    if (outcome != SPOKE_OK) {
        l->told_drops++;
        note(l, "n=%u ended: %s", id - 1, spoke_status_name(outcome));
    }
    ledger_outcome(&l->ledger, id - 1, outcome);
}

static const spoke_handler handlers[] = {
    SPOKE_ON_PROPERTY("d0", take_desired), SPOKE_ON_PROPERTY("d1", take_desired),
    SPOKE_ON_PROPERTY("d2", take_desired), SPOKE_ON_COMMAND("go", take_command)};

/* --- the device: life --- */

static void choose_config(struct life *l)
{
    static const uint16_t windows[] = {1, 4, 64};
    static const uint32_t keep_alives[] = {30, 60, 240}, programs[] = {1, 8, 32};
    l->config = sim_config(&l->world.sim);
    l->config.id_scope = WORLD_SCOPE; /* the service's own text goes with it */
    l->config.handlers = handlers;
    l->config.handler_count = sizeof handlers / sizeof handlers[0];
    l->config.on_sent = take_outcome;
    l->config.user = l;
    l->config.in_flight = windows[draw(l, 0, 2)];
    l->config.keep_alive_s = keep_alives[draw(l, 0, 2)];
    l->config.queue_bytes = one_in(l, 3) ? 1024 : 8192;
    l->config.first_connect_spread_ms = one_in(l, 3) ? 20000 : 0;
    l->config.sas_lifetime_s = one_in(l, 4) ? 600 : 3600;
    l->config.when_full = (spoke_when_full)draw(l, 0, 3);
    l->config.message_ids = one_in(l, 2);
    l->config.replay_per_s = one_in(l, 3) ? draw(l, 1, 20) : 0;
    l->config.batch_count = one_in(l, 3) ? (uint16_t)draw(l, 2, 8) : 0;
    l->config.ttl_s = one_in(l, 10) ? draw(l, 60, 3600) : 0;
    if (one_in(l, 3))
        return;
    world_add_flash(&l->world, 2048, one_in(l, 2) ? 16 : 32, programs[draw(l, 0, 2)]);
    l->config.storage = &l->world.flash.storage;
}

/* Power may go again while the storage is being recovered. */
static void start_device(struct life *l)
{
    spoke_status status = spoke_client_create(&l->config, &l->client);
    for (int again = 0; status != SPOKE_OK && world_is_dark(&l->world) && again < 3; again++) {
        note(l, "power is cut again, at the start");
        l->f.power_cuts++;
        world_power_on(&l->world);
        status = spoke_client_create(&l->config, &l->client);
    }
    if (status != SPOKE_OK)
        broken(l, "the client was not created: %s", spoke_status_name(status));
    else
        assert_ok(spoke_client_open(l->client));
}

static uint64_t drops_counted(const struct life *l)
{
    spoke_stats stats = SPOKE_STATS;
    uint64_t sum = 0;
    if (l->client == NULL || spoke_client_stats(l->client, &stats) != SPOKE_OK)
        return l->told_drops;
    for (int i = 0; i < SPOKE_DROP_COUNT; i++)
        sum += stats.dropped[i];
    return sum > l->told_drops ? sum : l->told_drops;
}

/* What is lost with the RAM is not promised; the program says again what it reports. */
static void lose_ram(struct life *l)
{
    ledger_forget_waiting(&l->ledger);
    for (size_t i = 0; i < REPORT_KEYS; i++)
        l->reported[i].unsure = 0; /* what was offered is said again */
}

static void report(struct life *l, size_t key, int64_t value);

static void restart_device(struct life *l)
{
    const uint64_t away_ms = one_in(l, 2) ? draw(l, 0, 2000) : draw(l, 2000, 600000);
    note(l, "power is cut; back in %" PRIu64 " ms", away_ms);
    l->untold_drops += drops_counted(l) - l->told_drops;
    l->told_drops = 0;
    l->world.no_power = true;
    spoke_client_destroy(l->client);
    l->client = NULL;
    l->f.power_cuts++;
    if (l->config.storage == NULL)
        lose_ram(l);
    for (size_t i = 0; i < DESIRED_KEYS; i++)
        l->desired[i].deferred = 0; /* the snapshot of the next connection asks again */
    world_pass(&l->world, away_ms);
    world_power_on(&l->world);
    if (l->config.storage != NULL && one_in(l, 4))
        flash_sim_cut(&l->world.flash, draw(l, 1, 6), (enum flash_cut)draw(l, 0, FLASH_CUTS - 1));
    start_device(l);
    if (l->config.storage == NULL && l->client != NULL)
        for (size_t i = 0; i < REPORT_KEYS; i++)
            if (l->reported[i].value != 0)
                report(l, i, l->reported[i].value);
}

/* --- the device's program: what it says --- */

static void send(struct life *l)
{
    char body[64];
    const uint32_t n = l->next_n++;
    snprintf(body, sizeof body, "{\"n\":%u}", n);
    spoke_outgoing m = {.body = spoke_str_of(body), .id = n + 1};
    m.priority = (spoke_priority)draw(l, 0, 2);
    m.ttl_s = one_in(l, 8) ? draw(l, 1, 900) : 0;
    ledger_offered(&l->ledger, n, m.priority);
    const spoke_status status = spoke_message_send(l->client, &m);
    if (status != SPOKE_OK)
        ledger_not_accepted(&l->ledger, n, world_is_dark(&l->world) ? LEDGER_UNSURE : LEDGER_REFUSED);
    if (status != SPOKE_OK && status != SPOKE_E_FULL && !world_is_dark(&l->world))
        broken(l, "send answered %s", spoke_status_name(status));
}

static void send_some(struct life *l)
{
    const uint32_t count = one_in(l, 4) ? draw(l, 5, 20) : draw(l, 1, 4);
    note(l, "sends n=%u and on, %u messages", l->next_n, count);
    for (uint32_t i = 0; i < count && l->next_n < MOST_MESSAGES; i++)
        send(l);
}

static void report(struct life *l, size_t key, int64_t value)
{
    char name[] = "k0";
    name[1] = (char)('0' + key);
    const spoke_status status = spoke_report(l->client, spoke_i64(name, value));
    note(l, "reports %s = %" PRId64 ": %s", name, value, spoke_status_name(status));
    if (status == SPOKE_OK) {
        l->reported[key].value = value;
        l->reported[key].unsure = 0;
        l->f.reports++;
    } else if (world_is_dark(&l->world)) {
        l->reported[key].maybe[l->reported[key].unsure++ % MOST_UNSURE] = value;
    } else if (status != SPOKE_E_FULL) {
        broken(l, "report answered %s", spoke_status_name(status));
    }
}

static void acknowledge_deferred(struct life *l)
{
    char value[24];
    struct twin_key *k = &l->desired[2];
    if (k->deferred == 0 || l->client == NULL)
        return;
    snprintf(value, sizeof value, "%" PRId64, k->seen);
    if (spoke_property_ack(l->client, NULL, "d2", spoke_str_of(value), k->deferred, spoke_accept()) == SPOKE_OK)
        k->deferred = 0;
}

/* --- the service's people --- */

static int ask(struct life *l, const char *method, const char *format, const char *body)
{
    char target[160];
    snprintf(target, sizeof target, format, SIM_DEVICE);
    return world_ask(&l->world, method, target, body, text, sizeof text);
}

static void set_desired(struct life *l)
{
    char body[96];
    const size_t key = draw(l, 0, DESIRED_KEYS - 1);
    const int64_t value = ++l->next_value;
    snprintf(body, sizeof body, "{\"d%zu\":%" PRId64 "}", key, value);
    const int status = ask(l, "PATCH", "/api/devices/%s/properties", body);
    note(l, "the service wants %s: %d", body, status);
    if (status == 404)
        return; /* the device has never been there */
    if (status != 200 && status != 202)
        broken(l, "the service refused a desired property: %d %.100s", status, text);
    l->desired[key].value = value;
    l->f.desired++;
}

static void command_done(void *user, int http_status, spoke_str body)
{
    struct life *l = user;
    (void)body;
    l->open_commands--;
    l->f.commands_answered += http_status == 201 || http_status == 200;
    note(l, "the command ended: %d", http_status);
}

static void command(struct life *l)
{
    note(l, "the service calls go");
    l->f.commands++;
    l->open_commands++;
    assert_ok(spoke_central_request(l->world.sim.central, "POST", "/api/devices/" SIM_DEVICE "/commands/go",
                                    spoke_str_of("{}"), command_done, l));
}

static void block(struct life *l, bool blocked)
{
    const int status = ask(l, "PATCH", "/api/devices/%s", blocked ? "{\"enabled\":false}" : "{\"enabled\":true}");
    note(l, "the operator %s the device: %d", blocked ? "blocks" : "frees", status);
    l->blocked = blocked && status == 200;
}

/* --- what goes wrong --- */

#define FAULT_KINDS 13u

static size_t put_fault(struct life *l, uint32_t kind, char *out, size_t cap)
{
    switch (kind) {
    case 0:
        return (size_t)snprintf(out, cap, "\"dpsRefuseConnect\":{\"count\":%u,\"code\":%u}", draw(l, 1, 3),
                                draw(l, 2, 5));
    case 1:
        return (size_t)snprintf(out, cap, "\"dpsThrottle\":{\"count\":%u,\"retryAfter\":%u}", draw(l, 1, 3),
                                draw(l, 1, 60));
    case 2:
        return (size_t)snprintf(out, cap, "\"dpsThrottlePoll\":{\"count\":%u,\"retryAfter\":%u}", draw(l, 1, 3),
                                draw(l, 1, 60));
    case 3:
        return (size_t)snprintf(out, cap, "\"dpsPolls\":%u", draw(l, 0, 5));
    case 4:
        return (size_t)snprintf(out, cap, "\"refuseConnect\":{\"count\":%u,\"code\":%u}", draw(l, 1, 4),
                                draw(l, 2, 5));
    case 5:
        return (size_t)snprintf(out, cap, "\"pubackDelay\":{\"ms\":%u}", draw(l, 1, 90000));
    case 6:
        return (size_t)snprintf(out, cap, "\"dropPuback\":{\"count\":%u}", draw(l, 1, 5));
    case 7:
        return (size_t)snprintf(out, cap, "\"dropAfterPublishes\":{\"count\":%u}", draw(l, 1, 5));
    case 8:
        return (size_t)snprintf(out, cap, "\"twinThrottle\":{\"count\":%u}", draw(l, 1, 5));
    case 9:
        return (size_t)snprintf(out, cap, "\"twinSilence\":{\"count\":%u}", draw(l, 1, 3));
    case 10:
        return (size_t)snprintf(out, cap, "\"fragment\":{\"bytes\":%u}", draw(l, 1, 9));
    case 11:
        return (size_t)snprintf(out, cap, "\"expireToken\":{\"deviceId\":\"" SIM_DEVICE "\"}");
    default:
        return (size_t)snprintf(out, cap, "\"assignHub\":{\"deviceId\":\"" SIM_DEVICE "\",\"hub\":\"hub-%u\"}",
                                draw(l, 1, 9));
    }
}

static void service_faults(struct life *l)
{
    char body[512] = "{";
    size_t len = 1;
    uint32_t kind = draw(l, 0, FAULT_KINDS - 1);
    for (uint32_t i = draw(l, 1, 2); i > 0; i--) {
        len += put_fault(l, kind, body + len, sizeof body - len - 2);
        body[len++] = i > 1 ? ',' : '}';
        kind = (kind + draw(l, 1, FAULT_KINDS - 1)) % FAULT_KINDS; /* a body has no name twice */
    }
    const int status = ask(l, "PUT", "/control/faults", body);
    note(l, "service faults %s: %d", body, status);
    if (status != 200)
        broken(l, "faults were refused: %s", body);
}

static void link_fault(struct life *l)
{
    struct world *w = &l->world;
    const uint64_t until = w->sim.now + (one_in(l, 3) ? draw(l, 1000, 900000) : draw(l, 1, 30000));
    const uint32_t what = draw(l, 0, 9);
    note(l, "link fault %u until %" PRIu64, what, until);
    switch (what) {
    case 0:
        w->sim.cut_up = w->sim.up + draw(l, 0, 1500);
        break;
    case 1:
        w->sim.cut_down = w->sim.down + draw(l, 0, 1000);
        break;
    case 2:
        world_half_open(w, true, true);
        break;
    case 3:
        world_half_open(w, one_in(l, 2), true);
        break;
    case 4:
        world_half_open(w, true, false);
        break;
    case 5:
        w->stall_until = until;
        break;
    case 6:
        w->unreachable_until = until;
        world_cut_now(w);
        break;
    case 7:
        w->no_dns_until = until;
        world_cut_now(w);
        break;
    case 8:
        w->blackhole_until = until;
        world_cut_now(w);
        break;
    default:
        w->sim.chunk = draw(l, 0, 7);
        break;
    }
}

static void clock_fault(struct life *l)
{
    static const int64_t skews[] = {0, -3600, 3600, 86400 * 400, -86400 * 400, 20};
    l->world.skew_s = skews[draw(l, 0, 5)];
    l->world.sim.clock_unset = one_in(l, 4);
    note(l, "the clock is %s, skew %" PRId64 " s", l->world.sim.clock_unset ? "unset" : "set", l->world.skew_s);
}

static void network_hint(struct life *l)
{
    if (one_in(l, 2))
        spoke_client_connect_now(l->client);
    else
        (void)ask(l, "POST", "/control/devices/%s/disconnect", NULL);
}

/* At once, or in the middle of some write to come. */
static void cut_power(struct life *l)
{
    if (l->config.storage != NULL && !one_in(l, 4)) {
        const uint32_t k = one_in(l, 2) ? draw(l, 1, 8) : draw(l, 1, 80);
        const enum flash_cut how = (enum flash_cut)draw(l, 0, FLASH_CUTS - 1);
        note(l, "power will go at operation %u of the storage, manner %d", k, (int)how);
        flash_sim_cut(&l->world.flash, k, how);
    } else if (one_in(l, 3)) {
        l->world.records_left = draw(l, 0, 2);
    } else {
        restart_device(l);
    }
}

static void fault(struct life *l)
{
    l->f.faults++;
    switch (draw(l, 0, 11)) {
    case 0:
    case 1:
    case 2:
    case 3:
        link_fault(l);
        break;
    case 4:
    case 5:
    case 6:
        service_faults(l);
        break;
    case 7:
        clock_fault(l);
        break;
    case 8:
        network_hint(l);
        break;
    case 9:
        if (one_in(l, 3))
            block(l, !l->blocked);
        break;
    case 10:
        if (l->world.data_dir != NULL) {
            note(l, "the service is restarted");
            world_restart_service(&l->world, one_in(l, 2) ? 0 : draw(l, 0, 60000));
            l->f.service_restarts++;
        }
        break;
    default:
        cut_power(l);
        break;
    }
}

static void act(struct life *l)
{
    const uint32_t what = draw(l, 0, 9);
    if (what < 4)
        send_some(l);
    else if (what == 4)
        report(l, draw(l, 0, REPORT_KEYS - 1), ++l->next_value);
    else if (what == 5)
        set_desired(l);
    else if (what == 6 && l->open_commands < 4)
        command(l);
    else
        fault(l);
}

/* --- time --- */

/* One poll, watched: never beyond its limit, never for ever without time passing, never FAILED. */
static void poll_once(struct life *l, uint64_t until, uint32_t *spins)
{
    const uint64_t before = l->world.sim.now;
    const uint32_t limit_ms = until - before < 60000 ? (uint32_t)(until - before) : 60000;
    const spoke_status status = spoke_client_poll(l->client, limit_ms);
    const uint64_t took = l->world.sim.now - before;
    l->f.polls++;
    if (took > limit_ms && took - limit_ms > l->f.longest_over_ms)
        l->f.longest_over_ms = took - limit_ms;
    if (took > limit_ms)
        broken(l, "a poll with a limit of %u ms took %" PRIu64, limit_ms, took);
    if (status != SPOKE_OK)
        broken(l, "poll answered %s: %.120s", spoke_status_name(status), spoke_client_error(l->client)->text);
    *spins = took == 0 ? *spins + 1 : 0;
    if (*spins > SPIN_LIMIT)
        broken(l, "polling goes round without time passing, in %s",
               spoke_state_name(spoke_client_state(l->client)));
}

static void pass(struct life *l, uint64_t duration_ms)
{
    const uint64_t until = l->world.sim.now + duration_ms;
    uint32_t spins = 0;
    while (l->world.sim.now < until && l->why[0] == '\0' && l->client != NULL) {
        poll_once(l, until, &spins);
        if (world_is_dark(&l->world))
            restart_device(l);
        acknowledge_deferred(l);
    }
}

static bool quiet(const struct life *l)
{
    return l->client != NULL && spoke_client_state(l->client) == SPOKE_READY &&
           spoke_client_pending(l->client) == 0;
}

/* --- the end --- */

static void heal(struct life *l)
{
    note(l, "all faults end");
    world_heal(&l->world);
    if (l->blocked)
        block(l, false);
    const uint64_t begun = l->world.sim.now;
    while (!quiet(l) && l->world.sim.now - begun < HEAL_LIMIT_MS && l->why[0] == '\0')
        pass(l, 1000);
    const uint64_t took = l->world.sim.now - begun;
    if (took > l->f.longest_heal_ms)
        l->f.longest_heal_ms = took;
    if (!quiet(l) && l->why[0] == '\0')
        broken(l, "four hours after the last fault: %s, %zu messages wait; %.100s",
               spoke_state_name(spoke_client_state(l->client)), spoke_client_pending(l->client),
               spoke_client_error(l->client)->text);
    pass(l, SETTLE_MS);
    for (int s = 0; s < RENEWAL_S && !quiet(l) && l->why[0] == '\0'; s++)
        pass(l, 1000); /* a token may be renewed at this very moment */
    if (!quiet(l))
        broken(l, "the device did not stay READY: %s", spoke_state_name(spoke_client_state(l->client)));
}

static void note_arrival(struct life *l, const cJSON *reading, const char *message_id, uint32_t members)
{
    const cJSON *n = cJSON_GetObjectItemCaseSensitive(reading, "n");
    if (!cJSON_IsNumber(n)) {
        broken(l, "a message came that nobody sent");
        return;
    }
    note(l, "the service has n=%d, message id \"%s\"", (int)n->valuedouble, message_id);
    ledger_arrived(&l->ledger, (uint32_t)n->valuedouble, message_id, members);
}

static void note_message(struct life *l, const cJSON *message)
{
    const char *body = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(message, "body"));
    const cJSON *system = cJSON_GetObjectItemCaseSensitive(message, "system");
    const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(system, "messageId"));
    cJSON *tree = cJSON_Parse(body);
    const cJSON *reading = NULL;
    uint32_t members = (uint32_t)cJSON_GetArraySize(tree);
    if (!cJSON_IsArray(tree))
        note_arrival(l, tree, id != NULL ? id : "", 1);
    else
        cJSON_ArrayForEach(reading, tree) /* a batch */
        {
            note_arrival(l, reading, id != NULL ? id : "", members);
            members = 0;
        }
    cJSON_Delete(tree);
}

static void check_messages(struct life *l)
{
    const int status = ask(l, "GET", "/control/devices/%s/messages", NULL);
    l->ledger.regroups = l->config.batch_count > 1 && l->f.power_cuts > 0;
    cJSON *list = status == 200 ? cJSON_Parse(text) : NULL;
    const cJSON *message = NULL;
    if (list == NULL)
        broken(l, "the messages cannot be read: %d", status);
    cJSON_ArrayForEach(message, list) note_message(l, message);
    cJSON_Delete(list);
    if (!ledger_check(&l->ledger, (uint32_t)l->untold_drops))
        broken(l, "%s", l->ledger.why);
}

static int64_t number_of(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(item) ? (int64_t)item->valuedouble : 0;
}

static bool was_unsure(const struct twin_key *k, int64_t value)
{
    for (uint32_t i = 0; i < k->unsure && i < MOST_UNSURE; i++)
        if (k->maybe[i] == value)
            return true;
    return false;
}

static void check_reported(struct life *l, const cJSON *reported)
{
    char name[] = "k0";
    for (size_t i = 0; i < REPORT_KEYS; i++) {
        const struct twin_key *k = &l->reported[i];
        name[1] = (char)('0' + i);
        const int64_t there = number_of(reported, name);
        if (there != k->value && !was_unsure(k, there))
            broken(l, "reported %s is %" PRId64 ", not %" PRId64, name, there, k->value);
    }
}

static void check_desired(struct life *l, const cJSON *reported)
{
    char name[] = "d0";
    for (size_t i = 0; i < DESIRED_KEYS; i++) {
        const struct twin_key *k = &l->desired[i];
        name[1] = (char)('0' + i);
        const cJSON *ack = cJSON_GetObjectItemCaseSensitive(reported, name);
        if (k->value == 0)
            continue;
        if (k->seen != k->value)
            broken(l, "desired %s is %" PRId64 ", and the handler last got %" PRId64, name, k->value, k->seen);
        if (number_of(ack, "ac") != 200 || number_of(ack, "value") != k->value)
            broken(l, "desired %s = %" PRId64 " was not acknowledged: ac %" PRId64 ", value %" PRId64, name,
                   k->value, number_of(ack, "ac"), number_of(ack, "value"));
    }
}

static void check_twin(struct life *l)
{
    const int status = ask(l, "GET", "/control/devices/%s", NULL);
    cJSON *device = status == 200 ? cJSON_Parse(text) : NULL;
    if (device == NULL)
        broken(l, "the device cannot be read: %d", status);
    check_reported(l, cJSON_GetObjectItemCaseSensitive(device, "reported"));
    check_desired(l, cJSON_GetObjectItemCaseSensitive(device, "reported"));
    cJSON_Delete(device);
}

static void check(struct life *l)
{
    check_messages(l);
    check_twin(l);
    if (l->open_commands > 0)
        broken(l, "%u commands were never answered", l->open_commands);
    if (l->handled < l->f.commands_answered)
        broken(l, "commands were answered that no handler saw");
}

static void sum_up(struct life *l)
{
    l->f.schedules = 1;
    l->f.virtual_ms = l->world.sim.now;
    l->f.connects = l->world.sim.connects;
    l->f.accepted = l->ledger.accepted;
    l->f.refused = l->ledger.refused;
    l->f.unsure = l->ledger.unsure;
    l->f.delivered = l->ledger.delivered;
    l->f.dropped = l->ledger.dropped;
    l->f.copies = l->ledger.copies;
}

static void live(struct life *l)
{
    const uint32_t steps = draw(l, 10, 40);
    start_device(l);
    if (one_in(l, 2))
        pass(l, 30000); /* half of the lives begin in peace */
    for (uint32_t i = 0; i < steps && l->why[0] == '\0'; i++) {
        l->f.steps++;
        act(l);
        pass(l, one_in(l, 6) ? draw(l, 30000, 900000) : draw(l, 0, 5000));
    }
    if (l->why[0] == '\0')
        heal(l);
    if (l->why[0] == '\0')
        check(l);
}

bool schedule_run(uint64_t seed, const struct schedule_options *options, struct schedule_figures *sum,
                  char why[SCHEDULE_WHY])
{
    static struct life l; /* large; one at a time */
    memset(&l, 0, sizeof l);
    l.options = options;
    l.chance.state = seed;
    world_start(&l.world, options->data_dir, seed);
    choose_config(&l);
    assert_true(ledger_init(&l.ledger, MOST_MESSAGES));
    l.ledger.with_ids = l.config.message_ids || l.config.storage != NULL;
    live(&l);
    sum_up(&l);
    spoke_client_destroy(l.client);
    world_stop(&l.world);
    ledger_free(&l.ledger);
    schedule_add(sum, &l.f);
    snprintf(why, SCHEDULE_WHY, "%s", l.why);
    return l.why[0] == '\0';
}

static void keep_longest(uint64_t *longest, uint64_t other)
{
    if (other > *longest)
        *longest = other;
}

void schedule_add(struct schedule_figures *sum, const struct schedule_figures *other)
{
    sum->schedules += other->schedules;
    sum->steps += other->steps;
    sum->virtual_ms += other->virtual_ms;
    sum->accepted += other->accepted;
    sum->refused += other->refused;
    sum->delivered += other->delivered;
    sum->dropped += other->dropped;
    sum->unsure += other->unsure;
    sum->copies += other->copies;
    sum->reports += other->reports;
    sum->desired += other->desired;
    sum->commands += other->commands;
    sum->commands_answered += other->commands_answered;
    sum->faults += other->faults;
    sum->connects += other->connects;
    sum->power_cuts += other->power_cuts;
    sum->service_restarts += other->service_restarts;
    sum->polls += other->polls;
    keep_longest(&sum->longest_over_ms, other->longest_over_ms);
    keep_longest(&sum->longest_heal_ms, other->longest_heal_ms);
}
