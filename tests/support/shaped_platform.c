#include "support/shaped_platform.h"

#include <string.h>

static struct shaped_platform *shaped_of(void *ctx)
{
    return ctx;
}

static uint64_t monotonic_ms(void *ctx)
{
    const struct shaped_platform *s = shaped_of(ctx);
    return s->inner->monotonic_ms(s->inner->ctx) + s->ahead_ms;
}

static spoke_status unix_seconds(void *ctx, int64_t *out)
{
    const struct shaped_platform *s = shaped_of(ctx);
    return s->inner->unix_seconds(s->inner->ctx, out);
}

static spoke_status random_bytes(void *ctx, uint8_t *out, size_t len)
{
    const struct shaped_platform *s = shaped_of(ctx);
    return s->inner->random(s->inner->ctx, out, len);
}

static void log_message(void *ctx, spoke_log_level level, const char *module, const char *line)
{
    (void)module;
    (void)line;
    shaped_of(ctx)->warnings += level == SPOKE_LOG_WARN ? 1 : 0;
}

static spoke_status net_init(void *ctx, void *link)
{
    const struct shaped_platform *s = shaped_of(ctx);
    return s->inner->net->init(s->inner->ctx, link);
}

static void net_fini(void *ctx, void *link)
{
    const struct shaped_platform *s = shaped_of(ctx);
    s->inner->net->fini(s->inner->ctx, link);
}

static spoke_status net_open(void *ctx, void *link, const char *host, uint16_t port)
{
    const struct shaped_platform *s = shaped_of(ctx);
    return s->inner->net->open(s->inner->ctx, link, host, port);
}

static spoke_status net_step(void *ctx, void *link)
{
    const struct shaped_platform *s = shaped_of(ctx);
    return s->inner->net->step(s->inner->ctx, link);
}

static spoke_status net_read(void *ctx, void *link, uint8_t *out, size_t cap, size_t *count)
{
    struct shaped_platform *s = shaped_of(ctx);
    s->reads++;
    return s->inner->net->read(s->inner->ctx, link, out, s->chunk != 0 && cap > s->chunk ? s->chunk : cap, count);
}

static spoke_status net_write(void *ctx, void *link, const uint8_t *bytes, size_t len, size_t *count)
{
    struct shaped_platform *s = shaped_of(ctx);
    s->writes++;
    return s->inner->net->write(s->inner->ctx, link, bytes, s->chunk != 0 && len > s->chunk ? s->chunk : len,
                                count);
}

static void net_close(void *ctx, void *link)
{
    const struct shaped_platform *s = shaped_of(ctx);
    s->inner->net->close(s->inner->ctx, link);
}

static void net_wait(void *ctx, void *link, unsigned want, uint32_t limit_ms)
{
    struct shaped_platform *s = shaped_of(ctx);
    s->waits++;
    s->inner->net->wait(s->inner->ctx, link, want, limit_ms);
}

static void net_wake(void *ctx, void *link)
{
    const struct shaped_platform *s = shaped_of(ctx);
    s->inner->net->wake(s->inner->ctx, link);
}

static int net_fd(void *ctx, void *link)
{
    const struct shaped_platform *s = shaped_of(ctx);
    return s->inner->net->fd(s->inner->ctx, link);
}

static int32_t net_detail(void *ctx, void *link)
{
    const struct shaped_platform *s = shaped_of(ctx);
    return s->inner->net->detail(s->inner->ctx, link);
}

void shaped_platform_init(struct shaped_platform *s, const spoke_platform *inner)
{
    memset(s, 0, sizeof(*s));
    s->inner = inner;
    s->net = (spoke_net){
        .struct_size = sizeof(spoke_net),
        .link_bytes = inner->net->link_bytes,
        .init = net_init,
        .fini = net_fini,
        .open = net_open,
        .step = net_step,
        .read = net_read,
        .write = net_write,
        .close = net_close,
        .wait = net_wait,
        .wake = net_wake,
        .fd = net_fd,
        .detail = net_detail,
    };
    s->platform = (spoke_platform){
        .struct_size = sizeof(spoke_platform),
        .ctx = s,
        .monotonic_ms = monotonic_ms,
        .unix_seconds = unix_seconds,
        .random = random_bytes,
        .log = log_message,
        .net = &s->net,
    };
}
