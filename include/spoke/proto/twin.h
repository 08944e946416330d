/* Twin synchronisation without gaps, as a pure machine: subscribe first, GET, hold back changes that arrive
 * meanwhile, apply the snapshot, then the newer changes in order; GET again when a version is missing
 * (docs/protocol.md, "Twin"). Also pairs reported patches with their answers, one in flight.
 * Tier 0: may change before 1.0.
 *
 *     spoke_twin_start(&twin, now);                     after SUBACK, on each connection
 *     if (spoke_twin_output(&twin, &rid) == SPOKE_OK)   publish spoke_hub_twin_get_topic(rid); spoke_twin_sent
 *     spoke_twin_receive(&twin, now, &hub_event);       TWIN_REPLY and DESIRED events of spoke_hub_parse
 *     while (spoke_twin_next(&twin, &event) == SPOKE_OK) ...
 */
#ifndef SPOKE_PROTO_TWIN_H
#define SPOKE_PROTO_TWIN_H

#include <spoke/base.h>
#include <spoke/proto/hub.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum spoke_twin_event_kind {
    SPOKE_TWIN_SNAPSHOT, /* desired: the whole section; version. Writable properties absent from it are unset */
    SPOKE_TWIN_CHANGE,   /* desired: a merge patch (null deletes); version: one more than the last event's */
    SPOKE_TWIN_REPORTED, /* the reported patch in flight was answered: status, version when 2xx */
    SPOKE_TWIN_FAILED /* a GET was refused for good: status 4xx but 429; or answered twice in a row by what is no
                         twin: status 0. Asks again only on start, refresh, forget or a gap */
} spoke_twin_event_kind;

/* SNAPSHOT and live CHANGE view the payload passed to spoke_twin_receive, held-back ones the machine's own memory:
 * take all events before the next receive. A change that was not taken by then is fetched again by a GET. */
typedef struct spoke_twin_event {
    spoke_twin_event_kind kind;
    uint32_t status;
    int64_t version; /* -1: not said */
    spoke_str desired;
} spoke_twin_event;

#define SPOKE_TWIN_LIMIT_MS 60000u /* for the answer to a GET or to a report */

/* Private. */
typedef enum spoke_twin_get {
    SPOKE_TWIN_GET_NONE,   /* next: WANTED */
    SPOKE_TWIN_GET_WANTED, /* next: SENT */
    SPOKE_TWIN_GET_SENT,   /* next: NONE when answered; WANTED when that answer is too old; PAUSED */
    SPOKE_TWIN_GET_PAUSED  /* until get_due, after a refusal or time-out; next: WANTED */
} spoke_twin_get;

typedef struct spoke_twin { /* private */
    spoke_twin_get get;
    bool get_again; /* something was lost since the GET left: its answer may be older than that */
    bool synced, malformed, replaying, report_outstanding, has_pending, has_reported;
    uint32_t next_rid, get_rid, report_rid;
    uint32_t get_failures; /* in a row */
    int64_t version;       /* of the desired section as the application knows it; -1: unknown */
    uint64_t get_due, report_due;
    spoke_buf held; /* changes that arrived before the snapshot they follow */
    size_t held_at;
    spoke_twin_event pending, reported;
} spoke_twin;

/* `memory` holds back changes during a GET; what does not fit costs another GET (0 bytes is legal). */
SPOKE_API void spoke_twin_init(spoke_twin *t, void *memory, size_t size);
/* A new connection: everything outstanding is lost; a GET is wanted. The version is kept. */
SPOKE_API void spoke_twin_start(spoke_twin *t, uint64_t now);
/* The hub changed, or the reader fell behind: nothing is known any more; a snapshot is wanted, of any version. */
SPOKE_API void spoke_twin_forget(spoke_twin *t);
/* Asks for a snapshot younger than this call (at most one GET in flight). */
SPOKE_API void spoke_twin_refresh(spoke_twin *t);
/* OK: publish a GET under *rid now. E_AGAIN: nothing to send. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_twin_output(spoke_twin *t, uint32_t *rid);
SPOKE_API void spoke_twin_sent(spoke_twin *t, uint64_t now);
/* Claims the right to send one reported patch: *rid for its topic. E_AGAIN: one is in flight, or its REPORTED
 * event was not taken yet. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_twin_report(spoke_twin *t, uint64_t now, uint32_t *rid);
/* The claimed patch could not be published after all: no answer is waited for. */
SPOKE_API void spoke_twin_report_cancel(spoke_twin *t);
/* Takes TWIN_REPLY and DESIRED events; ignores others, and replies it did not ask for. A smaller version in the
 * answer to a GET counts: the service knows best. */
SPOKE_API void spoke_twin_receive(spoke_twin *t, uint64_t now, const spoke_hub_event *event);
/* E_AGAIN: none. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_twin_next(spoke_twin *t, spoke_twin_event *event);
SPOKE_API bool spoke_twin_synced(const spoke_twin *t); /* the first snapshot of this connection was taken */
/* When tick next has something to do; UINT64_MAX: never. */
SPOKE_API uint64_t spoke_twin_deadline(const spoke_twin *t);
/* GET unanswered for SPOKE_TWIN_LIMIT_MS, answered 429 or 5xx, or (once) by what is no twin: asks again, after
 * pauses that double from 1 s to 60 s. A report unanswered for that long ends as REPORTED with status 0. */
SPOKE_API void spoke_twin_tick(spoke_twin *t, uint64_t now);

/* --- merge patches (RFC 7386) --- */

/* Appends the one patch that does to every document what `older` and then `newer` do. E_UNSUPPORTED: there is none
 * (the older one puts something else where the newer changes an object, or a name stands twice), or it takes objects
 * more than SPOKE_MAX_TWIN_DEPTH deep; E_JSON: one of them is not an object, or broken; E_TOO_SMALL. On error
 * out->len is as it was. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_patch_compose(spoke_str older, spoke_str newer, spoke_buf *out);

#ifdef __cplusplus
}
#endif
#endif
