#include "home.h"

#include <string.h>

#include "base/log.h"
#include "machine.h"

#if SPOKE_WITH_MOVE

/* Moving house: the device registers under another scope, goes to the hub that it gets there, and only when that works
 * is the new home kept, in one write. The record of the move counts the tries, each before it begins, so that not even
 * a move that crashes the device goes on for ever. docs/reliability.md has the order of the writes. */

#define MOVE_KEY "move"
#define MOVE_PAUSE_MS 60000u     /* at the former home between two tries */
#define MOVE_PATIENCE_MS 600000u /* if that is out of reach, too; else an outage would use the tries up */

static const char restarted[] =
    "the move was given up: the device restarted during each try; it stays at its former home";

/* --- the record --- */

static spoke_status keep_move(const spoke_client *c)
{
    uint8_t room[RECORD_BYTES];
    spoke_writer w;
    spoke_writer_init(&w, room, sizeof room);
    record_bind(c, &w);
    record_put_home(&w, &c->move.goal);
    spoke_write(&w, spoke_i64("tries", c->move.tries));
    return record_store(c, MOVE_KEY, &w);
}

static void forget_move(spoke_client *c)
{
    memset(&c->move, 0, sizeof c->move);
    if (record_remove(c, MOVE_KEY) != SPOKE_OK)
        log_line(&c->platform, SPOKE_LOG_WARN, "client",
                 "the record of a finished move could not be removed: the next start looks at it again");
}

static bool same_home(const struct home *a, const struct home *b)
{
    return strcmp(a->id_scope, b->id_scope) == 0 && strcmp(a->provisioning_host, b->provisioning_host) == 0;
}

void move_load(spoke_client *c)
{
    uint8_t room[RECORD_BYTES];
    spoke_buf record = spoke_buf_from(room, sizeof room);
    if (c->config.provisioning_host == NULL || record_load(c, MOVE_KEY, &record) != SPOKE_OK)
        return;
    const spoke_str text = spoke_buf_str(&record);
    struct move *m = &c->move;
    int64_t tries;
    const bool ours = record_binds(c, text) && record_home(c, text, &m->goal) &&
                      record_number(text, "tries", 0, UINT8_MAX, &tries);
    if (ours && !same_home(&m->goal, &c->home)) {
        m->tries = (uint8_t)tries;
        m->phase = MOVE_WAITING;
    } else {
        forget_move(c); /* arrived, overtaken by another firmware, or no record of ours */
    }
}

/* --- ends --- */

static void tell(spoke_client *c, const spoke_error *why)
{
    client_notice(c, SPOKE_NOTICE_MOVE, why, 0);
}

static void give_up(spoke_client *c, spoke_error why)
{
    forget_move(c);
    tell(c, &why);
}

/* READY at the goal: from this write on it is home. */
void move_reached(spoke_client *c)
{
    if (c->move.phase != MOVE_TRYING)
        return;
    const spoke_status status = home_keep(c, &c->move.goal);
    if (status != SPOKE_OK) {
        machine_fail(c, status, SPOKE_SOURCE_PORT, 0,
                     "the new home could not be kept: the device goes back to its former one");
        return;
    }
    c->home = c->move.goal;
    COUNT(c, moves, 1);
    forget_move(c);
    const spoke_error done =
        client_fault(SPOKE_OK, SPOKE_SOURCE_CLIENT, 0, "moved: the new home is reached and kept");
    tell(c, &done);
}

/* Asking again would not help: only an operator can. */
static bool final_refusal(const spoke_client *c, const spoke_error *why, bool at_dps)
{
    if (why->status == SPOKE_E_ARG || why->status == SPOKE_E_UNSUPPORTED)
        return true;
    if (!at_dps || why->status != SPOKE_E_PROVISION)
        return at_dps && why->status == SPOKE_E_REFUSED && why->detail != 3;
    return c->dps_refusal.failure == SPOKE_DPS_CONFIGURATION || c->dps_refusal.failure == SPOKE_DPS_CREDENTIAL ||
           c->dps_refusal.failure == SPOKE_DPS_BLOCKED;
}

static uint64_t pause_ms(const spoke_client *c, const spoke_error *why)
{
    const uint64_t asked = why->status == SPOKE_E_PROVISION ? (uint64_t)c->dps_refusal.retry_after_s * 1000 : 0;
    return asked > MOVE_PAUSE_MS ? asked : MOVE_PAUSE_MS;
}

/* What was learnt on the way counts for nothing at the former home. */
static void go_back(spoke_client *c)
{
    c->assigned = c->ask_dps = false;
    home_forget_troubles(c);
    assignment_load(c);
}

bool move_failed(spoke_client *c, const spoke_error *why, bool at_dps)
{
    struct move *m = &c->move;
    if (m->phase != MOVE_TRYING)
        return false;
    const bool over = m->tries >= MOVE_TRIES || final_refusal(c, why, at_dps);
    m->phase = MOVE_WAITING;
    m->due = now_ms(c) + pause_ms(c, why);
    go_back(c);
    if (over)
        give_up(c, *why);
    return true;
}

/* --- the beginning --- */

/* A token needs a clock: without it no try is wasted. */
static bool can_try(const spoke_client *c)
{
    int64_t unix_s;
    return c->config.credential.kind == SPOKE_X509 ||
           c->platform.unix_seconds(c->platform.ctx, &unix_s) == SPOKE_OK;
}

void move_begin(spoke_client *c)
{
    struct move *m = &c->move;
    const bool due = m->due == 0 || now_ms(c) >= m->due + MOVE_PATIENCE_MS;
    if (m->phase != MOVE_WAITING || !due || !renew_idle(c) || !can_try(c))
        return;
    if (m->tries >= MOVE_TRIES) {
        give_up(c, client_fault(SPOKE_E_TIMEOUT, SPOKE_SOURCE_CLIENT, 0, restarted));
        return;
    }
    m->tries++;
    if (keep_move(c) != SPOKE_OK) { /* a try that is not counted could be made for ever */
        m->due = now_ms(c) + MOVE_PAUSE_MS;
        if (m->tries >= MOVE_TRIES)
            give_up(c, client_fault(SPOKE_E_PORT, SPOKE_SOURCE_PORT, 0,
                                    "the move was given up: the platform's store failed"));
        return;
    }
    log_line(&c->platform, SPOKE_LOG_INFO, "client", "moving to scope %s, try %u of %u", m->goal.id_scope,
             (unsigned)m->tries, MOVE_TRIES);
    m->phase = MOVE_TRYING;
    c->assigned = false;
    home_forget_troubles(c);
}

void move_again(spoke_client *c)
{
    if (c->move.phase == MOVE_WAITING && c->move.due == 0)
        c->move.due = now_ms(c) + 1;
}

/* --- what is due while READY --- */

void move_work(spoke_client *c, uint64_t now)
{
    if (c->move.phase != MOVE_WAITING || c->move.due == 0 || now < c->move.due)
        return;
    c->move.due = 0;
    connect_anew(c);
}

uint64_t move_deadline(const spoke_client *c)
{
    return c->move.phase == MOVE_WAITING && c->move.due != 0 ? c->move.due : NEVER;
}

bool move_trying(const spoke_client *c)
{
    return c->move.phase == MOVE_TRYING;
}

/* --- what the program calls --- */

static bool take_text(char *out, size_t cap, const char *text)
{
    const size_t len = strlen(text);
    if (len >= cap)
        return false;
    memcpy(out, text, len + 1);
    return true;
}

static spoke_status begin(spoke_client *c, const struct home *goal)
{
    if (c->config.provisioning_host == NULL || c->platform.store == NULL || c->platform.load == NULL)
        return SPOKE_E_UNSUPPORTED;
    if (!home_possible(c, goal))
        return SPOKE_E_ARG;
    if (c->move.phase != MOVE_NONE)
        return SPOKE_E_STATE;
    c->move = (struct move){.phase = MOVE_WAITING, .goal = *goal};
    const spoke_status status = keep_move(c);
    if (status != SPOKE_OK)
        memset(&c->move, 0, sizeof c->move);
    else
        connect_anew(c);
    return status;
}

spoke_status spoke_client_move(spoke_client *client, const char *id_scope, const char *provisioning_host)
{
    struct home goal = {.id_scope = ""};
    if (client == NULL || id_scope == NULL || !take_text(goal.id_scope, sizeof goal.id_scope, id_scope))
        return SPOKE_E_ARG;
    if (provisioning_host != NULL &&
        (!take_text(goal.provisioning_host, sizeof goal.provisioning_host, provisioning_host) ||
         hosts_count(provisioning_host) == 0))
        return SPOKE_E_ARG;
    lock_client(client);
    const spoke_status status = begin(client, &goal);
    unlock_and_wake(client, status == SPOKE_OK);
    return status;
}

/* --- the same as a command --- */

static bool read_text(spoke_str json, char *out, size_t cap)
{
    spoke_buf text = spoke_buf_from(out, cap - 1);
    if (spoke_json_text(json, &text) != SPOKE_OK)
        return false;
    out[text.len] = '\0';
    return text.len > 0 && strlen(out) == text.len;
}

/* A text, as IoT Central's devices take it, or an object; an offline command's text comes without quotes. */
static bool read_goal(const spoke_command *call, struct home *goal)
{
    const spoke_str payload = call->payload;
    spoke_str hosts;
    const char type = payload.len > 0 && spoke_json_check(payload) == SPOKE_OK ? spoke_json_type(payload) : '\0';
    if (type == '"')
        return read_text(payload, goal->id_scope, sizeof goal->id_scope);
    if (type != '{' && call->offline && payload.len > 0 && payload.len < sizeof goal->id_scope) {
        memcpy(goal->id_scope, payload.ptr, payload.len);
        return memchr(payload.ptr, '\0', payload.len) == NULL;
    }
    if (type != '{' || !record_text(payload, "idScope", goal->id_scope, sizeof goal->id_scope))
        return false;
    return spoke_json_find(payload, "provisioningHost", &hosts) != SPOKE_OK || spoke_json_type(hosts) == 'n' ||
           read_text(hosts, goal->provisioning_host, sizeof goal->provisioning_host);
}

spoke_ack spoke_move_command(const spoke_command *call, void *user)
{
    struct home goal = {.id_scope = ""};
    (void)user;
    if (!read_goal(call, &goal))
        return spoke_reject(400,
                            "the payload must be an id scope, or an object with idScope and provisioningHost");
    const spoke_status status = spoke_client_move(
        call->client, goal.id_scope, goal.provisioning_host[0] != '\0' ? goal.provisioning_host : NULL);
    if (status == SPOKE_OK)
        return spoke_reject(202, "the move begins; the device answers from its new home when it is reached");
    if (status == SPOKE_E_STATE)
        return spoke_reject(409, "a move is under way");
    if (status == SPOKE_E_ARG)
        return spoke_reject(400, "no device can register with this id scope, or at this provisioning host");
    if (status == SPOKE_E_UNSUPPORTED)
        return spoke_reject(501, "this device does not use DPS, or keeps no records");
    return spoke_reject(500, "the device could not keep the order to move");
}

#endif
