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

/* Flash-like storage for the outgoing queue: blocks that are erased as a whole, then programmed once, in order. What
 * was never programmed since the erase reads as 0xFF. One queue owns the whole of it; calls come from the threads that
 * call the client, under its lock. All functions may block as long as the medium takes.
 * What is relied on: a power cut may leave any part undone of what was not synced, and nothing else; what a returned
 * sync covers stays; reading the same place twice gives the same bytes.
 * E_PORT from any of them: the medium failed. docs/reliability.md says how to write one for flash. */
typedef struct spoke_storage {
    size_t struct_size;
    void *ctx;
    uint32_t block_bytes; /* at least 512, a multiple of 8 and of program_bytes; one message has to fit a block */
    uint32_t block_count; /* at least 4; less than 4 GB in all */
    uint32_t program_bytes; /* offsets and lengths of program are multiples of it: 1, 2, 4 .. 64 */
    spoke_status (*read)(void *ctx, uint32_t block, uint32_t offset, void *out, size_t len);
    spoke_status (*program)(void *ctx, uint32_t block, uint32_t offset, const void *bytes, size_t len);
    spoke_status (*erase)(void *ctx, uint32_t block);
    spoke_status (*sync)(void *ctx); /* NULL: programs and erases are durable when they return */
} spoke_storage;

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
    /* Asks the machine to find out the time (NTP, a cellular network, a battery clock); returns at once. Called when
     * the clock is unset, or a certificate speaks against it. NULL: nothing is asked. */
    void (*seek_time)(void *ctx);
    /* Proposes UTC seconds from an unauthenticated source (an HTTP Date header), only after the clock was found unset
     * or wrong; the machine decides whether to set its clock by it. NULL: such sources are never asked. */
    spoke_status (*offer_time)(void *ctx, int64_t unix_s);
    /* A second reader of the log lines, with a context of its own. The client sets it in its copy, for getLog of the
     * diagnostics component: leave it NULL. */
    void (*log_tap)(void *tap_ctx, spoke_log_level level, const char *module, const char *line);
    void *tap_ctx;
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

/* A queue in one file, locked against a second process (mode 0600). When it is missing it is made whole under the name
 * with ".new" behind, then renamed: no half-made file is ever found. Each open syncs its folder, so that the name lasts
 * too. sync is fdatasync; the file is as safe as that is on its file system and disk. block_bytes (a multiple of 8) 0:
 * 65536; block_count 0: 64. path is not kept; heap, once. A symbolic link is not followed. E_PORT: errno says why
 * (ENOSPC: no room for the whole of it); E_STATE: another process has it; E_ARG: the sizes cannot work, or the file was
 * made with others. Blocks as long as the disk takes. Close after the client is destroyed. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_storage_file_open(const char *path, uint32_t block_bytes,
                                                                uint32_t block_count, spoke_storage **out);
SPOKE_API void spoke_storage_file_close(spoke_storage *storage); /* NULL is fine */

/* Storage in memory that survives a reset (battery-backed, or not cleared at start). Hand over &ram->storage. */
typedef struct spoke_ram_storage {
    spoke_storage storage;
    uint8_t *memory; /* private */
} spoke_ram_storage;

/* `memory` is block_bytes * block_count bytes, keeps what it held, and like *ram must neither move nor go before the
 * client does. Fill it with 0xFF once, when it never held a queue: what is in RAM after power-up looks like somebody
 * else's data, and is refused. program_bytes is 1. */
SPOKE_API void spoke_storage_ram_init(spoke_ram_storage *ram, void *memory, uint32_t block_bytes,
                                      uint32_t block_count);

#ifdef __cplusplus
}
#endif
#endif
