#include "port/posix.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* 2024-01-01T00:00:00Z. */
static const int64_t clock_floor = 1704067200;

static uint64_t monotonic_ms(void *ctx)
{
    (void)ctx;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

spoke_status posix_check_clock(int64_t seconds, int64_t *out)
{
    if (seconds < clock_floor)
        return SPOKE_E_CLOCK;
    *out = seconds;
    return SPOKE_OK;
}

static spoke_status unix_seconds(void *ctx, int64_t *out)
{
    (void)ctx;
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return SPOKE_E_CLOCK;
    return posix_check_clock((int64_t)now.tv_sec, out);
}

static spoke_status random_bytes(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    while (len > 0) {
        const ssize_t got = getrandom(out, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return SPOKE_E_PORT;
        out += got;
        len -= (size_t)got;
    }
    return SPOKE_OK;
}

static void log_to_stderr(spoke_log_level level, const char *module, const char *line)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    const char *name = (unsigned)level < sizeof(names) / sizeof(names[0]) ? names[level] : "?";
    fprintf(stderr, "spoke %s: %s: %s\n", name, module, line);
}

static const spoke_log_level default_log_level = SPOKE_LOG_WARN;

static void log_static(void *ctx, spoke_log_level level, const char *module, const char *line)
{
    (void)ctx;
    if (level <= default_log_level)
        log_to_stderr(level, module, line);
}

static void log_created(void *ctx, spoke_log_level level, const char *module, const char *line)
{
    const struct posix *posix = ctx;
    if (level > posix->log_level)
        return;
    if (posix->log != NULL)
        posix->log(posix->user, level, module, line);
    else
        log_to_stderr(level, module, line);
}

static spoke_status load(void *ctx, const char *key, spoke_buf *out)
{
    return posix_record_load(((struct posix *)ctx)->state_dir, key, out);
}

static spoke_status store(void *ctx, const char *key, spoke_str value)
{
    return posix_record_store(((struct posix *)ctx)->state_dir, key, value);
}

static void lock(void *ctx)
{
    pthread_mutex_lock(&((struct posix *)ctx)->mutex);
}

static void unlock(void *ctx)
{
    pthread_mutex_unlock(&((struct posix *)ctx)->mutex);
}

static const spoke_platform static_platform = {
    .struct_size = sizeof(spoke_platform),
    .monotonic_ms = monotonic_ms,
    .unix_seconds = unix_seconds,
    .random = random_bytes,
    .log = log_static,
    .net = &posix_net,
};

const spoke_platform *spoke_platform_posix(void)
{
    return &static_platform;
}

static spoke_status read_options(const spoke_posix_options *options, spoke_posix_options *out)
{
    memset(out, 0, sizeof(*out));
    out->log_level = default_log_level;
    if (options == NULL)
        return SPOKE_OK;
    if (options->struct_size == 0)
        return SPOKE_E_ARG;
    /* An application built against an older header hands over fewer members, a newer one more. */
    memcpy(out, options, options->struct_size < sizeof(*out) ? options->struct_size : sizeof(*out));
    return (unsigned)out->log_level <= SPOKE_LOG_DEBUG ? SPOKE_OK : SPOKE_E_ARG;
}

static spoke_status apply_options(struct posix *posix, const spoke_posix_options *options)
{
    posix->log_level = options->log_level;
    posix->log = options->log;
    posix->user = options->user;
    if (options->dns_servers != NULL) {
        const spoke_status status = posix_dns_check_servers(options->dns_servers);
        if (status != SPOKE_OK)
            return status;
        posix->dns_servers = strdup(options->dns_servers);
        if (posix->dns_servers == NULL)
            return SPOKE_E_NO_MEMORY;
    }
    if (options->state_dir == NULL)
        return SPOKE_OK;
    posix->platform.load = load;
    posix->platform.store = store;
    return posix_records_open(options->state_dir, &posix->state_dir);
}

spoke_status spoke_posix_create(const spoke_posix_options *options, spoke_platform **out)
{
    if (out == NULL)
        return SPOKE_E_ARG;
    *out = NULL;
    spoke_posix_options known;
    spoke_status status = read_options(options, &known);
    if (status != SPOKE_OK)
        return status;
    struct posix *posix = calloc(1, sizeof(*posix));
    if (posix == NULL)
        return SPOKE_E_NO_MEMORY;
    posix->platform = static_platform;
    posix->platform.ctx = posix;
    posix->platform.log = log_created;
    posix->platform.net = &posix_net_created;
    posix->platform.lock = lock;
    posix->platform.unlock = unlock;
    posix->state_dir = -1;
    pthread_mutex_init(&posix->mutex, NULL);
    status = apply_options(posix, &known);
    if (status != SPOKE_OK) {
        spoke_posix_destroy(&posix->platform);
        return status;
    }
    *out = &posix->platform;
    return SPOKE_OK;
}

void spoke_posix_destroy(spoke_platform *platform)
{
    if (platform == NULL)
        return;
    struct posix *posix = platform->ctx;
    if (posix->state_dir >= 0)
        close(posix->state_dir);
    pthread_mutex_destroy(&posix->mutex);
    free(posix->dns_servers);
    free(posix);
}
