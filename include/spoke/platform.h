/* Everything the library asks of the machine. Linux programs need none of it: the built-in port is the default.
 * A new port fills in one spoke_platform and one spoke_net (docs/porting.md, src/port/template.c).
 *
 *     const spoke_platform *machine = spoke_platform_posix();
 */
#ifndef SPOKE_PLATFORM_H
#define SPOKE_PLATFORM_H

#include <spoke/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum spoke_log_level { SPOKE_LOG_ERROR, SPOKE_LOG_WARN, SPOKE_LOG_INFO, SPOKE_LOG_DEBUG } spoke_log_level;

/* What a caller waits for on a link. */
enum { SPOKE_WANT_READ = 1, SPOKE_WANT_WRITE = 2 };

/* Non-blocking byte streams. `link` is link_bytes of memory (aligned for max_align_t) that the transport carves
 * at init; the port keeps its state there. One thread uses a link at a time; only wake may come from another.
 * A link goes init, then any number of open..close, then fini. */
typedef struct spoke_net {
    size_t struct_size;
    size_t link_bytes;
    spoke_status (*init)(void *ctx, void *link);
    void (*fini)(void *ctx, void *link);
    /* Begins to resolve and connect, and returns. The host text lives until close. */
    spoke_status (*open)(void *ctx, void *link, const char *host, uint16_t port);
    /* OK: connected; E_AGAIN: still under way; E_DNS, E_NET: failed (detail says more). Must not block. */
    spoke_status (*step)(void *ctx, void *link);
    /* OK with *count >= 1; E_AGAIN: nothing there; E_NET: closed by the peer or broken. Never blocks. */
    spoke_status (*read)(void *ctx, void *link, uint8_t *out, size_t cap, size_t *count);
    /* OK with *count >= 1 (may be less than len); E_AGAIN: no room; E_NET: broken. Never blocks, no SIGPIPE. */
    spoke_status (*write)(void *ctx, void *link, const uint8_t *bytes, size_t len, size_t *count);
    void (*close)(void *ctx, void *link); /* fine when not open */
    /* Sleeps until the wanted readiness, a wake, or limit_ms; also while the link is closed, or nothing is wanted
     * (then only wake and the limit end it). The one place that may block. limit_ms 0 only looks. */
    void (*wait)(void *ctx, void *link, unsigned want, uint32_t limit_ms);
    void (*wake)(void *ctx, void *link); /* any thread; makes the present or the next wait return */
    int (*fd)(void *ctx, void *link);    /* readable when wait would return; -1: this port has none */
    /* errno-like reason of the last failure; while step answers E_AGAIN: 0 until the name is resolved. */
    int32_t (*detail)(void *ctx, void *link);
} spoke_net;

/* Members left NULL fall back to the built-in port where there is one; `net` falls back as a whole. */
typedef struct spoke_platform {
    size_t struct_size;
    void *ctx; /* first argument of every function here and in net */
    uint64_t (*monotonic_ms)(void *ctx);
    /* UTC seconds since 1970. E_CLOCK until the clock is set. */
    spoke_status (*unix_seconds)(void *ctx, int64_t *out);
    /* Cryptographic quality. */
    spoke_status (*random)(void *ctx, uint8_t *out, size_t len);
    /* Small named records that survive a restart (the cached assignment). load: E_NOT_FOUND when absent.
     * store replaces whole records atomically; an empty value removes one. Both NULL: nothing is kept. */
    spoke_status (*load)(void *ctx, const char *key, spoke_buf *out);
    spoke_status (*store)(void *ctx, const char *key, spoke_str value);
    void (*lock)(void *ctx); /* both or neither; needed for tier 2 and for calls from several threads */
    void (*unlock)(void *ctx);
    void (*log)(void *ctx, spoke_log_level level, const char *module, const char *line);
    const spoke_net *net;
} spoke_platform;

/* The built-in port: POSIX sockets and clock, getrandom, records as files, log lines on standard error.
 * Has no lock and keeps no records; spoke_posix_create makes one that does. Static storage. */
SPOKE_API const spoke_platform *spoke_platform_posix(void);

typedef struct spoke_posix_options {
    size_t struct_size;
    const char *state_dir;     /* folder for records, made when missing (mode 0700); NULL: keeps none */
    spoke_log_level log_level; /* lines above it are dropped */
    void (*log)(void *user, spoke_log_level level, const char *module, const char *line); /* NULL: stderr */
    void *user;
    const char *dns_servers; /* "127.0.0.1:5353,..." instead of the system's; for tests. NULL: the system's */
} spoke_posix_options;

/* One platform per client, with its own lock. Heap, once. NULL options: the defaults. Destroy after the client. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_posix_create(const spoke_posix_options *options,
                                                           spoke_platform **out);
SPOKE_API void spoke_posix_destroy(spoke_platform *platform); /* NULL is fine */

#ifdef __cplusplus
}
#endif
#endif
