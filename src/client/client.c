#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "machine.h"

/* --- lock and guards --- */

#if SPOKE_WITH_LOCKS

void lock_client(const spoke_client *c)
{
    if (c->platform.lock != NULL)
        c->platform.lock(c->platform.ctx);
}

void unlock_client(const spoke_client *c)
{
    if (c->platform.unlock != NULL)
        c->platform.unlock(c->platform.ctx);
}

void unlock_and_wake(spoke_client *c, bool wanted)
{
    const bool wake = wanted && c->asleep;
    unlock_client(c);
    if (wake)
        c->ops->wake(c->link);
}

#endif

void enter_outcome(spoke_client *c)
{
    c->in_handler = true;
    unlock_client(c);
}

void leave_outcome(spoke_client *c)
{
    lock_client(c);
    c->in_handler = false;
}

void enter_handler(spoke_client *c)
{
    stats_handler(c, true);
    enter_outcome(c);
}

void leave_handler(spoke_client *c)
{
    leave_outcome(c);
    stats_handler(c, false);
}

void client_notice(spoke_client *c, spoke_notice_kind kind, const spoke_error *why, int64_t at_s)
{
    log_line(&c->platform, why->status == SPOKE_OK ? SPOKE_LOG_INFO : SPOKE_LOG_WARN, "client", "%s (%ld)",
             why->text, (long)why->detail);
    if (!SPOKE_WITH_NOTICES || c->config.on_notice == NULL)
        return;
    const spoke_notice notice = {kind, *why, at_s};
    enter_handler(c);
    c->config.on_notice(c, &notice, c->config.user);
    leave_handler(c);
}

spoke_error fault_of(spoke_status status, spoke_source source, int32_t detail, const char *text)
{
    const spoke_error error = {status, source, detail, text != NULL ? text : spoke_status_text(status)};
    return error;
}

/* --- life --- */

#define REASON_BYTES 200u /* of a refusal that names something of the program's */

size_t spoke_client_size(const spoke_config *config)
{
    spoke_config resolved;
    spoke_error why;
    if (config_check(config, &resolved, NULL, &why) != SPOKE_OK)
        return 0;
    return config_layout(&resolved, NULL);
}

static spoke_status set_up(spoke_client *c, spoke_error *why)
{
    spoke_status status = config_keys(c, why);
    if (status == SPOKE_OK)
        status = config_queue(c, why);
    if (status == SPOKE_OK)
        status = config_link(c, why);
    if (status == SPOKE_OK && clock_init(c) != SPOKE_OK) {
        c->ops->fini(c->link);
        *why = client_fault(status = SPOKE_E_PORT, SPOKE_SOURCE_PORT, 0,
                            "the port gave no second link, which time_host needs");
    }
    if (status != SPOKE_OK) {
        spoke_wipe(c->keys, KEYS(&c->config) * sizeof *c->keys);
        return status;
    }
    c->error = client_fault(SPOKE_OK, SPOKE_SOURCE_CLIENT, 0, NULL);
    retry_init(&c->retry, c->config.backoff_min_ms, c->config.backoff_max_ms, c->config.first_connect_spread_ms);
    c->ack_due = c->live_since = NEVER;
    c->ack_of = QUEUE_NO_TOKEN;
    sync_init(c);
    assignment_none(c);
    assignment_load(c);
    move_load(c);
    session_limit_sizes(c);
    settings_init(c);
    work_load(c);
    return SPOKE_OK;
}

static spoke_status init_in(void *memory, size_t size, const spoke_config *config, spoke_client **out,
                            spoke_error *why)
{
    spoke_config resolved;
    spoke_buf room = spoke_buf_from(memory, size < REASON_BYTES ? size : REASON_BYTES);
    spoke_status status = config_check(config, &resolved, &room, why);
    if (status != SPOKE_OK)
        return status;
    const size_t needed = config_layout(&resolved, NULL);
    if (needed == 0 || size < needed) {
        *why = client_fault(needed == 0 ? SPOKE_E_ARG : SPOKE_E_NO_MEMORY, SPOKE_SOURCE_CLIENT, 0,
                            needed == 0 ? "the transport refuses these limits"
                                        : "the memory is smaller than spoke_client_size() says");
        return why->status;
    }
    spoke_client *c = memory;
    memset(c, 0, sizeof *c);
    c->config = resolved;
    config_platform(&resolved, &c->platform);
    c->ops = resolved.transport;
    config_layout(&resolved, c);
    diagnostics_init(c);
    status = set_up(c, why);
    if (status == SPOKE_OK)
        *out = c;
    return status;
}

spoke_status spoke_client_init(void *memory, size_t size, const spoke_config *config, spoke_client **out,
                               spoke_error *why)
{
    spoke_error error = client_fault(SPOKE_E_ARG, SPOKE_SOURCE_CLIENT, 0,
                                     "memory or out is NULL, or memory is not aligned for max_align_t");
    spoke_status status = SPOKE_E_ARG;
    if (out != NULL)
        *out = NULL;
    if (out != NULL && memory != NULL && (uintptr_t)memory % alignof(max_align_t) == 0)
        status = init_in(memory, size, config, out, &error);
    if (status == SPOKE_OK)
        error = client_fault(SPOKE_OK, SPOKE_SOURCE_CLIENT, 0, NULL);
    if (why != NULL)
        *why = error;
    return status;
}

/* Where there are pages the block begins with one, since what is used all the time is laid out to lie in few. */
static void *allocate(size_t size)
{
#if SPOKE_WITH_POSIX
    const size_t page = 4096;
    return size <= SIZE_MAX - page ? aligned_alloc(page, (size + page - 1) / page * page) : NULL;
#else
    return malloc(size);
#endif
}

spoke_status spoke_client_create(const spoke_config *config, spoke_client **out)
{
    spoke_error why;
    if (out == NULL)
        return SPOKE_E_ARG;
    *out = NULL;
    const size_t size = spoke_client_size(config);
    void *memory = size > 0 ? allocate(size) : NULL;
    if (size > 0 && memory == NULL)
        return SPOKE_E_NO_MEMORY;
    max_align_t reason[REASON_BYTES / sizeof(max_align_t) + 1];
    /* With a refused configuration init only says why. */
    const spoke_status status = spoke_client_init(memory != NULL ? memory : (void *)reason,
                                                  memory != NULL ? size : sizeof reason, config, out, &why);
    if (status == SPOKE_OK) {
        (*out)->release = free;
        return SPOKE_OK;
    }
    free(memory);
    const spoke_platform *platform =
        config != NULL && config->struct_size == sizeof *config ? config->platform : NULL;
    log_line(platform != NULL ? platform : config_builtin_platform(), SPOKE_LOG_ERROR, "client",
             "the client was not created: %s", why.text);
    return status;
}

void spoke_client_destroy(spoke_client *client)
{
    if (client == NULL)
        return;
    if (client->in_handler) {
        log_line(&client->platform, SPOKE_LOG_ERROR, "client",
                 "destroy was called from inside a handler: ignored");
        return;
    }
    clock_fini(client);
    client->ops->fini(client->link);
    spoke_wipe(client->keys, KEYS(&client->config) * sizeof *client->keys);
    renew_wipe(client);
    spoke_wipe(client->scratch, TEXT_BYTES);
    if (client->release != NULL) /* free, which a program that never creates has no need of */
        client->release(client);
}

spoke_status spoke_client_open(spoke_client *client)
{
    if (client == NULL)
        return SPOKE_E_ARG;
    lock_client(client);
    const bool already = client->wanted;
    client->wanted = true;
    unlock_client(client);
    if (already)
        return SPOKE_E_STATE;
    spoke_client_wake(client);
    return SPOKE_OK;
}

/* --- turning the crank --- */

static uint32_t span_ms(uint64_t now, uint64_t until, uint32_t most)
{
    if (until <= now)
        return 0;
    return until - now < most ? (uint32_t)(until - now) : most;
}

static spoke_status begin_poll(spoke_client *c)
{
    if (c->in_handler)
        return SPOKE_E_REENTRANT;
    if (c->polling)
        return SPOKE_E_STATE;
    c->polling = true;
    return SPOKE_OK;
}

static void step_unlocked(spoke_client *c, uint32_t limit_ms)
{
    c->asleep = true;
    unlock_client(c);
    c->ops->step(c->link, limit_ms);
    lock_client(c);
    c->asleep = false;
}

static uint64_t next_due(const spoke_client *c)
{
    const uint64_t machine = machine_deadline(c), outgoing = outgoing_deadline(c);
    return machine < outgoing ? machine : outgoing;
}

/* One round: what is due, then wait, then what came. Bytes queued by the last part leave before returning. */
static void turn(spoke_client *c, uint32_t limit_ms)
{
    machine_work(c, now_ms(c));
    const uint32_t pause_ms = span_ms(now_ms(c), next_due(c), limit_ms);
    c->work_left = false;
    step_unlocked(c, pause_ms);
    machine_events(c);
    machine_work(c, now_ms(c));
    if (c->work_left) {
        c->work_left = false;
        step_unlocked(c, 0);
        c->news = c->news || c->refused; /* with the room that this made */
        machine_events(c);
    }
}

static spoke_status poll_locked(spoke_client *c, uint32_t limit_ms)
{
    const spoke_status status = begin_poll(c);
    if (status != SPOKE_OK)
        return status;
    const uint64_t began = now_ms(c);
    stats_begin_poll(c);
    turn(c, limit_ms);
    stats_end_poll(c, began, limit_ms);
    c->polling = false;
    return c->state == SPOKE_FAILED ? c->error.status : SPOKE_OK;
}

spoke_status spoke_client_poll(spoke_client *client, uint32_t limit_ms)
{
    if (client == NULL)
        return SPOKE_E_ARG;
    lock_client(client);
    const spoke_status status = poll_locked(client, limit_ms);
    unlock_client(client);
    return status;
}

spoke_status spoke_client_run(spoke_client *client, uint32_t duration_ms)
{
    if (client == NULL)
        return SPOKE_E_ARG;
    const uint64_t until = now_ms(client) + duration_ms;
    spoke_status status = SPOKE_OK;
    do {
        status = spoke_client_poll(client, span_ms(now_ms(client), until, UINT32_MAX));
    } while (status == SPOKE_OK && now_ms(client) < until);
    return status;
}

/* True while something of the program's is on its way that a close should wait for. */
static bool undrained(const spoke_client *c)
{
    return queue_count(&c->queue) > 0 || queue_reports(&c->queue) > 0 || !command_idle(c);
}

static void close_round(spoke_client *c, uint64_t until)
{
    const bool can_drain = at_hub(c) && c->link_ready && c->subscribed;
    if (c->link_open && !c->closing_link && (!can_drain || !undrained(c))) {
        machine_close_link(c, can_drain);
        c->close_by = until; /* what is in the send buffer may take as long as the caller grants */
    }
    turn(c, span_ms(now_ms(c), until, 100));
}

spoke_status spoke_client_close(spoke_client *client, uint32_t limit_ms)
{
    if (client == NULL)
        return SPOKE_E_ARG;
    lock_client(client);
    spoke_status status = begin_poll(client);
    if (status != SPOKE_OK) {
        unlock_client(client);
        return status;
    }
    const uint64_t until = now_ms(client) + limit_ms;
    client->wanted = false;
    client->draining = false; /* a token that was about to be renewed no longer matters */
    if (client->state != SPOKE_IDLE)
        enter_well(client, client->link_open ? SPOKE_CLOSING : SPOKE_IDLE, "closed by the program");
    while (client->state == SPOKE_CLOSING && now_ms(client) < until)
        close_round(client, until);
    if (client->state == SPOKE_CLOSING) {
        machine_close_link(client, false);
        machine_events(client);
    }
    (void)queue_flush(&client->queue);
    settings_work(client);
    status = undrained(client) ? SPOKE_E_TIMEOUT : SPOKE_OK;
    client->polling = false;
    unlock_client(client);
    return status;
}

void spoke_client_wake(spoke_client *client)
{
    if (client != NULL)
        client->ops->wake(client->link);
}

int spoke_client_fd(const spoke_client *client)
{
    return client != NULL ? client->ops->fd(client->link) : -1;
}

uint32_t spoke_client_next_ms(const spoke_client *client)
{
    if (client == NULL)
        return UINT32_MAX;
    lock_client(client);
    const uint32_t own = span_ms(now_ms(client), next_due(client), UINT32_MAX);
    /* in its step the transport is the polling thread's, which looks after it */
    const uint32_t link = client->asleep ? UINT32_MAX : client->ops->next_ms(client->link);
    unlock_client(client);
    return own < link ? own : link;
}

void spoke_client_connect_now(spoke_client *client)
{
    if (client == NULL)
        return;
    lock_client(client);
    if (client->state == SPOKE_BACKOFF && machine_may_dial(client))
        client->retry_at = AT_ONCE;
    unlock_client(client);
    spoke_client_wake(client);
}

void spoke_client_network(spoke_client *client, spoke_network network)
{
    if (!SPOKE_WITH_NETWORK || client == NULL || (unsigned)network > SPOKE_NETWORK_AIRPLANE)
        return;
    lock_client(client);
    const bool news = client->network != network;
    client->network = network;
    unlock_client(client);
    if (news)
        spoke_client_wake(client);
}

/* --- looking --- */

const char *spoke_state_name(spoke_state state)
{
    static const char *const names[] = {"IDLE",  "PROVISIONING", "CONNECTING", "SYNCING",
                                        "READY", "BACKOFF",      "CLOSING",    "FAILED"};
    return (unsigned)state < sizeof names / sizeof names[0] ? names[state] : "?";
}

spoke_state spoke_client_state(const spoke_client *client)
{
    lock_client(client);
    const spoke_state state = client->state;
    unlock_client(client);
    return state;
}

const spoke_error *spoke_client_error(const spoke_client *client)
{
    return &client->error;
}

/* "NAME (source, 17): " and its end; what does not fit is cut. */
static size_t put_front(const spoke_error *e, spoke_buf *out)
{
    const bool negative = e->detail < 0;
    char number[16];
    spoke_buf digits = spoke_buf_from(number, sizeof number);
    const uint32_t detail = negative ? 0u - (uint32_t)e->detail : (uint32_t)e->detail;
    (void)(spoke_buf_append_u64(&digits, detail) == SPOKE_OK && spoke_buf_append_byte(&digits, 0) == SPOKE_OK);
    const char *const parts[] = {spoke_status_name(e->status),
                                 " (",
                                 spoke_source_name(e->source),
                                 e->detail != 0 ? ", " : "",
                                 negative ? "-" : "",
                                 e->detail != 0 ? number : "",
                                 "): "};
    (void)config_sentence(out, parts, sizeof parts / sizeof parts[0]);
    return out->len;
}

const char *spoke_client_explain(const spoke_client *client, char *out, size_t cap)
{
    spoke_buf text = spoke_buf_from(out, cap);
    if (cap == 0)
        return "";
    if (client == NULL)
        return config_sentence(
            &text, (const char *const[]){"there is no client: it was not created; the log says why"}, 1);
    lock_client(client);
    const spoke_error e = client->error;
    const spoke_fault fault = contract_fault(client);
    unlock_client(client);
    const size_t len = put_front(&e, &text);
    spoke_buf rest = spoke_buf_from(out + len, cap - len);
    if (SPOKE_WITH_CHECKS && e.status == SPOKE_E_MODEL)
        spoke_fault_text(&fault, out + len, cap - len);
    else
        (void)config_sentence(&rest, &e.text, 1);
    return out;
}

spoke_str spoke_client_hub_host(const spoke_client *client)
{
    return client->assigned ? client->identity.hub_host : (spoke_str){NULL, 0};
}

spoke_str spoke_client_device_id(const spoke_client *client)
{
    return client->assigned ? client->identity.device_id : (spoke_str){NULL, 0};
}

size_t spoke_client_pending(const spoke_client *client)
{
    lock_client(client);
    const size_t count = queue_count(&client->queue);
    unlock_client(client);
    return count;
}
