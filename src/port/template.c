/* A port to start from. Copy it, fill every place marked PORT, and hand template_platform() to
 * spoke_config.platform (docs/porting.md walks through it; samples/firmware has a filled one). It compiles as it
 * stands, knows no time, and connects to nothing: each unfilled function answers with the status that says so. */
#include <string.h>

#include <spoke/platform.h>

const spoke_platform *template_platform(void);

/* --- clock and random --- */

static uint64_t monotonic_ms(void *ctx)
{
    (void)ctx;
    return 0; /* PORT: milliseconds since any fixed moment; never backwards, not the wall clock */
}

static spoke_status unix_seconds(void *ctx, int64_t *out)
{
    (void)ctx;
    (void)out;
    return SPOKE_E_CLOCK; /* PORT: UTC seconds, and E_CLOCK for as long as nobody has set the clock */
}

static spoke_status random_bytes(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    (void)out;
    (void)len;
    return SPOKE_E_PORT; /* PORT: from a hardware generator or a seeded DRBG; TLS is worth no more than this */
}

static void log_message(void *ctx, spoke_log_level level, const char *module, const char *line)
{
    (void)ctx;
    (void)level;
    (void)module;
    (void)line; /* PORT: UART, RTT, a ring in RAM */
}

/* --- one byte stream --- */

struct link {
    int32_t detail; /* PORT: beside it the socket's handle, and what wait sleeps on */
};

static spoke_status link_init(void *ctx, void *link)
{
    (void)ctx;
    memset(link, 0, sizeof(struct link));
    return SPOKE_OK; /* PORT: make what wait sleeps on (a semaphore, an event group) */
}

static void link_fini(void *ctx, void *link)
{
    (void)ctx;
    (void)link; /* PORT: close the stream, release what init made */
}

static spoke_status link_open(void *ctx, void *link, const char *host, uint16_t port)
{
    (void)ctx;
    (void)link;
    (void)host;
    (void)port;
    return SPOKE_OK; /* PORT: begin to resolve, and return; no Nagle (TCP_NODELAY) */
}

static spoke_status link_step(void *ctx, void *link)
{
    (void)ctx;
    ((struct link *)link)->detail = 0; /* PORT: your stack's error number; while under way, 0 until resolved */
    return SPOKE_E_NET;                /* PORT: OK once connected, E_AGAIN before, E_DNS or E_NET on failure */
}

static spoke_status link_read(void *ctx, void *link, uint8_t *out, size_t cap, size_t *count)
{
    (void)ctx;
    (void)link;
    (void)out;
    (void)cap;
    (void)count;
    return SPOKE_E_NET; /* PORT: what is there, at least one byte; E_AGAIN when nothing is */
}

static spoke_status link_write(void *ctx, void *link, const uint8_t *bytes, size_t len, size_t *count)
{
    (void)ctx;
    (void)link;
    (void)bytes;
    (void)len;
    (void)count;
    return SPOKE_E_NET; /* PORT: what fits, at least one byte; E_AGAIN when nothing does */
}

static void link_close(void *ctx, void *link)
{
    (void)ctx;
    (void)link; /* PORT: legal in any state, also twice */
}

static void link_wait(void *ctx, void *link, unsigned want, uint32_t limit_ms)
{
    (void)ctx;
    (void)link;
    (void)want;
    (void)limit_ms; /* PORT: the one place that sleeps. A wake that came before it must end it at once */
}

static void link_wake(void *ctx, void *link)
{
    (void)ctx;
    (void)link; /* PORT: from any thread, and from an interrupt if the application asks for it */
}

static int link_fd(void *ctx, void *link)
{
    (void)ctx;
    (void)link;
    return -1; /* PORT: only where a foreign event loop could use it */
}

static int32_t link_detail(void *ctx, void *link)
{
    (void)ctx;
    return ((const struct link *)link)->detail;
}

static const spoke_net net = {
    .struct_size = sizeof(spoke_net),
    .link_bytes = sizeof(struct link),
    .init = link_init,
    .fini = link_fini,
    .open = link_open,
    .step = link_step,
    .read = link_read,
    .write = link_write,
    .close = link_close,
    .wait = link_wait,
    .wake = link_wake,
    .fd = link_fd,
    .detail = link_detail,
};

/* --- records, and the whole --- */

static spoke_status load(void *ctx, const char *key, spoke_buf *out)
{
    (void)ctx;
    (void)key;
    (void)out;
    return SPOKE_E_NOT_FOUND; /* PORT: append the record; or set load and store to NULL and provision at each start
                               */
}

static spoke_status store(void *ctx, const char *key, spoke_str value)
{
    (void)ctx;
    (void)key;
    (void)value;
    return SPOKE_E_PORT; /* PORT: the old record stays whole until the new one is safe; empty removes it */
}

static const spoke_platform platform = {
    .struct_size = sizeof(spoke_platform),
    .monotonic_ms = monotonic_ms,
    .unix_seconds = unix_seconds,
    .random = random_bytes,
    .load = load,
    .store = store,
    .lock = NULL, /* PORT: both or neither; only for calls from several threads */
    .unlock = NULL,
    .log = log_message,
    .net = &net,
};

const spoke_platform *template_platform(void)
{
    return &platform;
}
