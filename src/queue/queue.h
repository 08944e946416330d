/* The outgoing queue: messages in lanes (priorities of telemetry, and reported patches), bounded in bytes and count,
 * each gone only when it is acknowledged, or dropped by policy or age and counted. Payloads live in a ring of the
 * caller's memory, or in a log on flash-like storage (log.h), then they survive a restart. Order is kept within a
 * lane. An index of fixed size finds everything: cost per message does not grow with the queue. Pure; no heap.
 *
 *   queue.c        the index: lanes, policies, what is told of those dropped
 *   queue_ring.c   payloads in memory         queue_store.c  payloads in the log, recovery, how far it is done
 *   queue_ages.c   which one ages out next
 */
#ifndef SPOKE_SRC_QUEUE_QUEUE_H
#define SPOKE_SRC_QUEUE_QUEUE_H

#include <spoke/base.h>
#include <spoke/features.h>
#include <spoke/platform.h>

#include "queue/log.h"

#define QUEUE_MOST_MESSAGES 65534u
#define QUEUE_MOST_HEAD 65535u
#define QUEUE_NO_TOKEN UINT32_MAX
/* Most outcomes that wait to be told; without notices nobody asks. */
#define QUEUE_DROPS (!SPOKE_WITH_NOTICES ? 1u : SPOKE_WITH_DROPS ? 16u : 4u)

/* Bytes of many messages: only a storage holds more than 4 GB. */
#if SPOKE_WITH_STORAGE
typedef uint64_t queue_sum;
#else
typedef uint32_t queue_sum;
#endif
/* Wraps where nobody reads it for years. */
#if SPOKE_WITH_STATS
typedef uint64_t queue_counter;
#else
typedef uint32_t queue_counter;
#endif

/* When a message was added: only a stamp, or a neighbour in a batch, makes much of it. */
#if SPOKE_WITH_STAMPS || SPOKE_WITH_STORAGE || SPOKE_WITH_BATCHES
typedef uint64_t queue_time;
#else
typedef uint32_t queue_time;
#endif

#if SPOKE_WITH_PRIORITIES
enum queue_lane { QUEUE_HIGH, QUEUE_NORMAL, QUEUE_LOW, QUEUE_REPORTS, QUEUE_LANES };
#else /* one lane of telemetry by three names */
enum queue_lane { QUEUE_HIGH, QUEUE_NORMAL = QUEUE_HIGH, QUEUE_LOW = QUEUE_HIGH, QUEUE_REPORTS, QUEUE_LANES };
#endif
enum queue_policy { QUEUE_REFUSE, QUEUE_DROP_OLDEST, QUEUE_DROP_NEWEST, QUEUE_DROP_LOWEST };
enum queue_reason {
    QUEUE_OLDEST,
    QUEUE_NEWEST,
    QUEUE_LOWEST,
    QUEUE_EXPIRED,
    QUEUE_TOO_LARGE,
    QUEUE_UNREADABLE,
    QUEUE_REASONS
};

struct queue_entry; /* one slot of the index; queue_index_bytes for so many of them */
size_t queue_index_bytes(const spoke_storage *storage, size_t messages);

struct queue_options {
    void *index;
    size_t messages; /* slots; at most QUEUE_MOST_MESSAGES */
    void *memory;    /* queue_memory_bytes of it */
    size_t memory_bytes;
    const spoke_storage *storage; /* NULL: RAM */
    uint32_t store_id;            /* random, for a storage that was never used */
    int64_t unix_ms;              /* now; 0: the clock is not set, then what is recovered ages from now on */
    queue_sum telemetry_bytes, report_bytes; /* most of either kind at a time, by queue_cost */
    size_t telemetry_messages;               /* most of them; the rest of the index is for reports */
    enum queue_policy policy;                /* of the telemetry lanes; reports are always refused */
    /* Appends the one patch that does what two do; not OK: they stay two. NULL: all do. */
    spoke_status (*compose)(spoke_str older, spoke_str newer, spoke_buf *out);
};

/* What a message of so many payload bytes takes of a budget. */
queue_sum queue_cost(const spoke_storage *storage, size_t payload_bytes);
/* Memory for options->memory. In RAM: all that the budgets allow, and an eighth more, so that what lies between living
 * messages is won back at a cost that does not grow with the queue; a policy that drops also needs the size of a
 * message (`most`) before it decides. With storage: scratch for one message and a patch to join it, and the log's. */
size_t queue_memory_bytes(const struct queue_options *options, size_t most);

/* What one message brings besides head and body. */
struct queue_message {
    enum queue_lane lane;
    uint32_t id;
    uint32_t ttl_s;     /* 0: for ever */
    int64_t created_ms; /* UTC; 0: the clock is not set */
    bool joins;         /* its body is a JSON object that may travel in an array with others of the same head */
};

/* A view of one message, valid until the next call on the queue. */
struct queue_item {
    uint32_t token; /* names it in acknowledgements as long as it is in the queue */
    uint32_t seq, id;
    enum queue_lane lane;
    uint16_t packet_id; /* 0: none given yet */
    uint16_t members;   /* of the group that it led when it was sent before, itself included; else 1 */
    bool joins;
    bool sent_before; /* a duplicate may have reached the hub */
    bool repeats;     /* it was sent in the session that the hub keeps */
    bool recovered;   /* from before the restart */
    int64_t created_ms;
    uint64_t waited_ms; /* since it was added, or recovered */
    uint64_t ends_ms;   /* when it ages out; UINT64_MAX: never */
    spoke_str head, body;
};

/* Which messages may be sent now, beside repeats. */
struct queue_filter {
    enum queue_lane lowest;
    uint64_t
        waits_before_ms; /* what was added, or recovered, before that has to wait, and what is behind it in its
                               * lane; 0: none has */
};

/* Writes head then body into `out` and says where the body begins. Called a few times for one message. */
typedef spoke_status (*queue_write_fn)(void *ctx, spoke_buf *out, size_t *head_bytes);

struct queue_counters {
    queue_counter accepted, recovered, delivered, refused, coalesced;
    queue_counter dropped[QUEUE_REASONS]; /* telemetry */
    queue_counter storage_faults;         /* of the storage, as this queue met them */
    uint32_t high;                        /* most telemetry messages that ever waited */
};

struct queue_line {
    uint16_t first, last;
    uint16_t unsent; /* the first that waits: all before it are in flight */
    uint16_t fresh;  /* the first that was never sent: policy drops from here on */
};

struct queue_kind {
    queue_sum budget, cost, payload; /* bytes */
    size_t most_messages, count, unsent;
};

struct queue_drop {
    uint32_t id;
    enum queue_reason why;
};

struct queue_ring {
    uint8_t *memory;
    uint32_t cap, oldest, tail, end;
    size_t held; /* blocks, dead ones included */
};

/* Done or dropped while an older one of its lane lives; or a run of such, all dropped, between which none lives. */
struct queue_dead {
    uint32_t seq;  /* of a run the last, */
    uint32_t from; /* and the first; else the same */
    uint8_t lane;
    bool dropped;
};

/* What is looked at most stands first (see spoke_client). */
struct queue {
    /* the index */
    struct queue_entry *entries;
    uint16_t *ages; /* a heap of slots, by end of life */
    uint16_t *age;  /* of each slot: its position there, NO_SLOT: not there */
    size_t age_count;
    uint16_t free;    /* a list of free slots; empty only when there is none */
    uint16_t touched; /* slots below it were used; the rest is not even initialised */
    struct queue_line lanes[QUEUE_LANES];
    struct queue_ring ring;
    uint32_t next_seq, next_order;
    struct queue_kind kinds[2];
    struct queue_options o;
    size_t most[2]; /* payload bytes of one message: telemetry, report */
    size_t drop_first, drop_count;
    struct queue_drop drops[QUEUE_DROPS];
    struct queue_counters counters;
    /* with storage */
    uint16_t *buckets, *same; /* slots by seq; of each slot: the next with the same bucket */
    spoke_buf scratch;
    uint32_t loaded;        /* token of the message in the scratch */
    uint32_t unread;        /* token of the one at which the storage failed last, */
    uint32_t unread_tries;  /* so many times in a row although others could be read */
    uint64_t read_again_ms; /* nothing is read before that; 0: it may be */
#if SPOKE_WITH_STORAGE
    struct log log;
    struct queue_dead dead[LOG_SINGLES];
    size_t dead_count;
    bool unmarked; /* something is done that the storage does not know */
    bool recovering;
    uint64_t recover_ms;
    uint16_t recover_hint[QUEUE_LANES];
#endif
};

/* With storage everything in it is recovered and waits. E_ARG: the sizes do not agree; E_PORT, E_PROTOCOL as log_open.
 */
spoke_status queue_init(struct queue *q, const struct queue_options *options, uint64_t now_ms);
/* Forgets everything. RAM only. */
void queue_clear(struct queue *q);
/* Head and body together may take no more than this; more than the store can hold they never may. */
void queue_limit(struct queue *q, bool reports, size_t most);

/* Adds at the end of its lane; with storage it is durable on return. A report is composed with the last one that
 * waits, where one patch says what both do. E_FULL: no room by policy, or too many outcomes wait to be told;
 * E_TOO_LARGE: never, or the head is beyond QUEUE_MOST_HEAD; E_PORT: the storage failed; else what `write` answered. */
spoke_status queue_add(struct queue *q, uint64_t now_ms, const struct queue_message *m, queue_write_fn write,
                       void *ctx);
/* The next telemetry to send: repeats first, whatever the filter says, in the order in which they were sent first in
 * this session; then the highest lane first. Ages out what is too old on the way, and ends what is damaged. E_AGAIN:
 * none, or the storage does not answer: tried again at queue_deadline. */
spoke_status queue_next(struct queue *q, uint64_t now_ms, const struct queue_filter *filter,
                        struct queue_item *out);
/* Only when none is in flight. */
spoke_status queue_next_report(struct queue *q, uint64_t now_ms, struct queue_item *out);
/* The one behind it in its lane, when it waits too. E_AGAIN: none, or it cannot be read. */
spoke_status queue_after(struct queue *q, uint64_t now_ms, uint32_t token, struct queue_item *out);
/* It was sent, and in one message with it those behind it: `members` in all. */
void queue_sent(struct queue *q, uint32_t token, uint16_t packet_id, uint16_t members);
/* It is sent alone from now on, as a new packet in the same place. */
void queue_ungroup(struct queue *q, uint32_t token);
/* Done: acknowledged. *id: the program's; *rest: the next of its group, to be done too, or QUEUE_NO_TOKEN.
 * E_NOT_FOUND: nothing in flight has this token. */
spoke_status queue_done(struct queue *q, uint32_t token, uint32_t *id, uint32_t *rest);
/* Ends it for a reason, counted. E_FULL: not yet, too many outcomes wait to be told. OK when it is gone already. */
spoke_status queue_drop(struct queue *q, uint32_t token, enum queue_reason why);
/* Everything in flight is to be sent again, in order. */
void queue_rewind(struct queue *q);
/* The report in flight waits again. */
void queue_rewind_report(struct queue *q);
/* The session is over: nothing is a repeat of it any more. After a rewind. */
void queue_forget_packet_ids(struct queue *q);
/* It is sent as a new packet, in the same place. */
void queue_forget_packet_id(struct queue *q, uint32_t token);
/* Once for each dropped message with an id. E_AGAIN: no more. */
spoke_status queue_next_dropped(struct queue *q, uint32_t *id, enum queue_reason *why);
/* Ends what is too old by now, as far as there is room for outcomes. */
void queue_age(struct queue *q, uint64_t now_ms);
#if SPOKE_WITH_STORAGE
/* Writes what is done into the storage, if it is news: once a round is enough. */
spoke_status queue_flush(struct queue *q);
/* Before ends are told: when some wait for it, what is done becomes durable, so that none of them comes back after a
 * power cut. E_PORT: the storage failed, and it may. */
spoke_status queue_settle(struct queue *q);
/* The storage's own number; without storage: `otherwise`. */
static inline uint32_t queue_store_id(const struct queue *q, uint32_t otherwise)
{
    return q->o.storage != NULL ? q->log.store_id : otherwise;
}
#else
static inline spoke_status queue_flush(struct queue *q)
{
    (void)q;
    return SPOKE_OK;
}
static inline spoke_status queue_settle(struct queue *q)
{
    (void)q;
    return SPOKE_OK;
}
static inline uint32_t queue_store_id(const struct queue *q, uint32_t otherwise)
{
    (void)q;
    return otherwise;
}
#endif
/* When the next message ages out, or the storage is to be tried again. UINT64_MAX: never. */
uint64_t queue_deadline(const struct queue *q);

size_t queue_count(const struct queue *q);         /* telemetry not done */
size_t queue_unsent(const struct queue *q);        /* of it, waiting */
size_t queue_in_flight(const struct queue *q);     /* of it, sent */
size_t queue_reports(const struct queue *q);       /* reported patches not done */
uint64_t queue_bytes(const struct queue *q);       /* payload bytes of telemetry */
uint32_t queue_oldest_sent(const struct queue *q); /* token of the telemetry longest in flight; QUEUE_NO_TOKEN */
uint32_t queue_report_sent(const struct queue *q); /* token of the report in flight; QUEUE_NO_TOKEN */
/* Of the storage: what failed, and what it held that nobody can read. */
queue_counter queue_faults(const struct queue *q);
/* Telemetry that was dropped, for any reason. */
queue_counter queue_dropped(const struct queue *q);
/* Of the telemetry that waits longest. */
uint64_t queue_age_ms(const struct queue *q, uint64_t now_ms);

#endif
