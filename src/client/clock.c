#include "machine.h"

#include <string.h>

#include "base/log.h"

#if SPOKE_WITH_CLOCK_HELP

/* A clock that is unset or wrong looks like a bad certificate or a refused token. The machine is asked to find out the
 * time, and where the program allows it, a host is asked for an HTTP Date header over a link of its own. That source is
 * not authenticated: it is only offered, and only when it disagrees with the clock. */

#define LOOK_MS 5000u                  /* has the clock been set meanwhile? */
#define STEP_MS 50u                    /* between two looks at the answer, which cannot wake the poll */
#define ASK_LIMIT_MS 10000u            /* for the whole question */
#define ASK_PAUSE_MS 60000u            /* between two questions, and between two calls of seek_time */
#define JUMP_S 30                      /* moved by more, the clock was set */
#define RIGHT_WITHIN_S 300             /* what Date may differ by, network and all, from a clock that is right */
#define EARLIEST_S INT64_C(1767225600) /* 2026-01-01: no answer from before this code was written is right */
#define LATEST_S INT64_C(4102444800)   /* 2100-01-01 */

static size_t link_bytes(const spoke_config *resolved, const spoke_platform *platform)
{
    return resolved->time_host != NULL && platform->offer_time != NULL ? platform->net->link_bytes : 0;
}

void clock_carve(struct carver *at, const spoke_config *resolved, const spoke_platform *platform,
                 spoke_client *client)
{
    const size_t size = link_bytes(resolved, platform);
    void *link = size > 0 ? carve(at, size) : NULL;
    if (client != NULL)
        client->clock.link = link;
}

spoke_status clock_init(spoke_client *c)
{
    struct clock_check *k = &c->clock;
    if (k->link == NULL)
        return SPOKE_OK;
    const spoke_status status = c->platform.net->init(c->platform.ctx, k->link);
    k->link_ready = status == SPOKE_OK;
    return status;
}

void clock_fini(spoke_client *c)
{
    clock_stop(c);
    if (c->clock.link_ready)
        c->platform.net->fini(c->platform.ctx, c->clock.link);
    c->clock.link_ready = false;
}

/* --- doubt --- */

static bool wall_clock(const spoke_client *c, int64_t *unix_s)
{
    return c->platform.unix_seconds(c->platform.ctx, unix_s) == SPOKE_OK;
}

static int64_t monotonic_s(const spoke_client *c)
{
    return (int64_t)(now_ms(c) / 1000);
}

void clock_note(spoke_client *c)
{
    int64_t unix_s = 0;
    c->clock.was_set = wall_clock(c, &unix_s);
    c->clock.ahead_s = unix_s - monotonic_s(c);
}

static bool was_set_since(const spoke_client *c)
{
    int64_t unix_s;
    if (!wall_clock(c, &unix_s))
        return false;
    const int64_t moved = unix_s - monotonic_s(c) - c->clock.ahead_s;
    return !c->clock.was_set || moved > JUMP_S || moved < -JUMP_S;
}

static void seek(spoke_client *c, uint64_t now)
{
    if (c->platform.seek_time == NULL || now < c->clock.sought_at)
        return;
    c->clock.sought_at = now + ASK_PAUSE_MS;
    c->platform.seek_time(c->platform.ctx);
}

/* For certain: the program is told, once, and the machine is asked. */
static void accuse(spoke_client *c, const spoke_error *why)
{
    struct clock_check *k = &c->clock;
    k->certain = true;
    seek(c, now_ms(c));
    if (k->told)
        return;
    k->told = true;
    client_notice(c, SPOKE_NOTICE_CLOCK, why, 0);
}

void clock_doubt(spoke_client *c, const spoke_error *why, bool certain)
{
    struct clock_check *k = &c->clock;
    if (!k->doubted)
        k->certain = k->told = false;
    k->doubted = k->ask_due = k->blamed = true;
    if (!k->asking)
        k->look_at = now_ms(c) + LOOK_MS;
    if (certain)
        accuse(c, why);
}

void clock_clear(spoke_client *c)
{
    c->clock.blamed = false;
}

void clock_trust(spoke_client *c)
{
    c->clock.doubted = c->clock.ask_due = false;
    clock_stop(c);
}

/* --- the question --- */

void clock_stop(spoke_client *c)
{
    if (c->clock.asking)
        c->platform.net->close(c->platform.ctx, c->clock.link);
    c->clock.asking = false;
}

static void ask(spoke_client *c, uint64_t now)
{
    struct clock_check *k = &c->clock;
    if (!k->link_ready || !k->ask_due || k->asking || now < k->ask_from)
        return;
    k->ask_due = false;
    k->ask_from = now + ASK_PAUSE_MS;
    k->limit_at = now + ASK_LIMIT_MS;
    k->sent = 0;
    memset(&k->date, 0, sizeof k->date);
    k->asking =
        c->platform.net->open(c->platform.ctx, k->link, c->config.time_host, c->config.time_port) == SPOKE_OK;
}

/* The same bytes each time, so that what is left of them can be sent later. */
static spoke_str request(const spoke_client *c)
{
    const char *const parts[] = {"HEAD / HTTP/1.1\r\nHost: ", c->config.time_host,
                                 "\r\nUser-Agent: spoke\r\nConnection: close\r\n\r\n"};
    spoke_buf text = text_room(c);
    (void)config_sentence(&text, parts, sizeof parts / sizeof parts[0]);
    return spoke_buf_str(&text);
}

static spoke_status send_request(spoke_client *c)
{
    const spoke_str whole = request(c);
    while (c->clock.sent < whole.len) {
        size_t count = 0;
        const spoke_status status =
            c->platform.net->write(c->platform.ctx, c->clock.link, (const uint8_t *)whole.ptr + c->clock.sent,
                                   whole.len - c->clock.sent, &count);
        if (status != SPOKE_OK)
            return status;
        c->clock.sent += count;
    }
    return SPOKE_OK;
}

/* Bounded by what http_date takes. */
static spoke_status read_answer(spoke_client *c, int64_t *unix_s)
{
    uint8_t piece[128];
    spoke_status status = SPOKE_E_AGAIN;
    while (status == SPOKE_E_AGAIN) {
        size_t count = 0;
        status = c->platform.net->read(c->platform.ctx, c->clock.link, piece, sizeof piece, &count);
        if (status != SPOKE_OK)
            return status;
        status = http_date_feed(&c->clock.date, piece, count, unix_s);
    }
    return status;
}

static void offer(spoke_client *c, int64_t unix_s)
{
    int64_t own;
    const bool set = wall_clock(c, &own);
    if (unix_s < EARLIEST_S || unix_s > LATEST_S) {
        log_line(&c->platform, SPOKE_LOG_WARN, "clock", "%s answered with a Date that cannot be true",
                 c->config.time_host);
        return;
    }
    if (set && own - unix_s <= RIGHT_WITHIN_S && unix_s - own <= RIGHT_WITHIN_S)
        return; /* the clock is right: something else is the trouble */
    const spoke_error why =
        client_fault(SPOKE_E_CLOCK, SPOKE_SOURCE_CLIENT, 0,
                     set ? "the clock disagrees with the Date that time_host tells: set it"
                         : "the clock is not set: the Date that time_host tells is offered to the machine");
    accuse(c, &why);
    if (c->platform.offer_time(c->platform.ctx, unix_s) != SPOKE_OK)
        log_line(&c->platform, SPOKE_LOG_WARN, "clock", "the machine did not take the offered time");
}

static void go_on_asking(spoke_client *c, uint64_t now)
{
    int64_t unix_s = 0;
    spoke_status status = c->platform.net->step(c->platform.ctx, c->clock.link);
    if (status == SPOKE_OK)
        status = send_request(c);
    if (status == SPOKE_OK)
        status = read_answer(c, &unix_s);
    if (status == SPOKE_E_AGAIN && now < c->clock.limit_at)
        return;
    clock_stop(c);
    if (status == SPOKE_OK)
        offer(c, unix_s);
    else
        log_line(&c->platform, SPOKE_LOG_INFO, "clock", "%s told no time: %s", c->config.time_host,
                 spoke_status_text(status == SPOKE_E_AGAIN ? SPOKE_E_TIMEOUT : status));
}

/* --- the machine's side --- */

void clock_work(spoke_client *c, uint64_t now)
{
    struct clock_check *k = &c->clock;
    if (!k->doubted)
        return;
    if (now < c->retry_at) /* else the next attempt tells more */
        ask(c, now);
    if (k->asking)
        go_on_asking(c, now);
    k->look_at = now + (k->asking ? STEP_MS : LOOK_MS);
    if (!was_set_since(c))
        return;
    clock_note(c);
    clock_stop(c);
    if (c->pause_firm && !k->blamed) /* the service's own, for something else */
        return;
    log_line(&c->platform, SPOKE_LOG_INFO, "clock", "the clock was set: trying at once");
    c->retry_at = now;
}

/* In doubt without proof a device that waits for an hour is not kept awake. */
uint64_t clock_deadline(const spoke_client *c)
{
    const struct clock_check *k = &c->clock;
    if (!k->doubted)
        return NEVER;
    const uint64_t look = k->asking || k->certain ? k->look_at : NEVER;
    const bool will_ask = k->link_ready && k->ask_due && !k->asking;
    return will_ask && k->ask_from < look ? k->ask_from : look;
}

#endif
