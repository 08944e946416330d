#include "machine.h"

#include <string.h>

#include "base/log.h"

static bool same_trouble(const spoke_error *a, const spoke_error *b)
{
    return a->status == b->status && a->source == b->source && a->detail == b->detail;
}

static void keep_trouble(spoke_client *c, const spoke_error *why)
{
    spoke_trouble *last = c->stats.troubles;
    if (last->count == 0 || !same_trouble(&last->error, why)) {
        memmove(last + 1, last, (SPOKE_TROUBLES - 1) * sizeof *last);
        *last = (spoke_trouble){.error = *why};
    }
    last->count++;
    if (c->platform.unix_seconds(c->platform.ctx, &last->unix_s) != SPOKE_OK)
        last->unix_s = 0;
}

void stats_ended(spoke_client *c, spoke_reason reason, const spoke_error *why)
{
    c->stats.ended[reason]++;
    if (why->status != SPOKE_OK)
        keep_trouble(c, why);
}

void stats_poll(spoke_client *c, uint64_t over_ms)
{
    if (over_ms > c->stats.longest_poll_ms)
        c->stats.longest_poll_ms = over_ms < UINT32_MAX ? (uint32_t)over_ms : UINT32_MAX;
}

void client_notice(spoke_client *c, spoke_notice_kind kind, const spoke_error *why, int64_t at_s)
{
    log_line(&c->platform, why->status == SPOKE_OK ? SPOKE_LOG_INFO : SPOKE_LOG_WARN, "client", "%s (%ld)",
             why->text, (long)why->detail);
    if (c->config.on_notice == NULL)
        return;
    const spoke_notice notice = {kind, *why, at_s};
    enter_handler(c);
    c->config.on_notice(c, &notice, c->config.user);
    leave_handler(c);
}
