/* What a client has been through, readable at any time.
 *
 *     spoke_stats stats = SPOKE_STATS;
 *     if (spoke_client_stats(client, &stats) == SPOKE_OK)
 *         printf("%llu delivered\n", (unsigned long long)stats.delivered);
 */
#ifndef SPOKE_STATS_H
#define SPOKE_STATS_H

#include <spoke/base.h>
#include <spoke/client.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Why an attempt failed or a link ended. */
typedef enum spoke_reason {
    SPOKE_REASON_ASKED, /* close, airplane mode, the way from DPS to the hub */
    SPOKE_REASON_TOKEN, /* renewed, or expired */
    SPOKE_REASON_DNS,
    SPOKE_REASON_NETWORK, /* refused, unreachable, reset before MQTT stood */
    SPOKE_REASON_TRUST,   /* the server's certificate */
    SPOKE_REASON_CLOCK,
    SPOKE_REASON_TLS,        /* any other trouble of TLS */
    SPOKE_REASON_CREDENTIAL, /* CONNACK 2, 4, 5, 401xxx, our certificate */
    SPOKE_REASON_BLOCKED,    /* by the operator */
    SPOKE_REASON_THROTTLED,
    SPOKE_REASON_SERVICE, /* its own trouble: CONNACK 3, 5xx, no usable twin */
    SPOKE_REASON_CONFIGURATION,
    SPOKE_REASON_PROTOCOL,
    SPOKE_REASON_DUPLICATE,   /* another program with this identity */
    SPOKE_REASON_PEER_CLOSED, /* a link that stood */
    SPOKE_REASON_TIMEOUT,     /* silence: half-open link, no PUBACK */
    SPOKE_REASON_LOCAL,       /* memory, storage, port */
    SPOKE_REASON_COUNT
} spoke_reason;
SPOKE_API const char *spoke_reason_name(spoke_reason reason); /* "dns" */

/* Why a message ended without the hub's acknowledgement. */
typedef enum spoke_drop {
    SPOKE_DROP_OLDEST, /* by policy, see spoke_when_full */
    SPOKE_DROP_NEWEST,
    SPOKE_DROP_LOWEST,
    SPOKE_DROP_EXPIRED,   /* its time to live passed */
    SPOKE_DROP_TOO_LARGE, /* for this hub's topic and send_bytes */
    SPOKE_DROP_STORAGE,   /* unreadable after it had been stored */
    SPOKE_DROP_COUNT
} spoke_drop;
SPOKE_API const char *spoke_drop_name(spoke_drop drop); /* "expired" */

typedef struct spoke_trouble {
    spoke_error error;
    int64_t unix_s; /* 0: the clock was not set */
    uint32_t count; /* of the same in a row */
} spoke_trouble;
#define SPOKE_TROUBLES 4

/* Counters start at 0 with init and only grow; gauges say so. */
typedef struct spoke_stats {
    size_t struct_size;
    /* link */
    uint64_t attempts, connects, provisionings, token_renewals, moves;
    uint64_t ended[SPOKE_REASON_COUNT]; /* attempts and links */
    uint64_t backoff_ms;                /* spent in BACKOFF */
    uint64_t ready_ms;                  /* spent in READY */
    uint64_t bytes_in, bytes_out;
    spoke_trouble troubles[SPOKE_TROUBLES]; /* the latest first */
    /* telemetry: accepted + recovered = delivered + dropped + queue_messages; refused: E_FULL or E_PORT was answered */
    uint64_t accepted, recovered, delivered, refused, retransmitted;
    uint64_t dropped[SPOKE_DROP_COUNT];
    uint32_t queue_messages, queue_high; /* gauge; the most that ever waited */
    uint64_t queue_bytes;                /* gauge */
    uint32_t queue_age_s;                /* gauge: of the oldest message */
    /* properties and commands. reports: accepted patches; coalesced: those of them that joined one that waited;
     * refused: messages with patches that the hub answered with 3xx or 4xx, or that send_bytes has no room for */
    uint64_t reports, reports_coalesced, reports_refused, desired, commands;
    /* storage */
    uint64_t storage_programs, storage_erases, storage_faults;
    /* time */
    uint32_t
        longest_poll_ms; /* the longest that poll stayed beyond its limit; handlers' time does not count, on_sent's does */
} spoke_stats;
/* clang-format off */
#define SPOKE_STATS { .struct_size = sizeof(spoke_stats) }
/* clang-format on */

/* Fills what out->struct_size has room for. Any thread. E_ARG: NULL, or no struct_size. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_client_stats(const spoke_client *client, spoke_stats *out);

#ifdef __cplusplus
}
#endif
#endif
