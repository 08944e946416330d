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
    SPOKE_TWIN_CHANGE,   /* desired: a merge patch (null deletes); version */
    SPOKE_TWIN_REPORTED, /* the reported patch in flight was answered: status, version when 2xx */
    SPOKE_TWIN_FAILED    /* a GET was refused in a way that asking again cannot mend (4xx but 429), or malformed */
} spoke_twin_event_kind;

/* Views live until the next call on the machine that receives; SNAPSHOT and live CHANGE view the payload passed to
 * spoke_twin_receive, held-back ones the machine's own memory. */
typedef struct spoke_twin_event {
    spoke_twin_event_kind kind;
    uint32_t status;
    int64_t version;
    spoke_str desired;
} spoke_twin_event;

typedef struct spoke_twin { /* private */
    spoke_buf held;         /* changes that arrived while the GET was outstanding */
    bool held_lost;         /* one did not fit: ask again instead */
    bool synced, get_wanted, get_outstanding, report_outstanding;
    uint32_t next_rid, get_rid, report_rid;
    int64_t version;  /* of the desired section as the application knows it */
    uint64_t get_due; /* when to give up on, or repeat, the GET */
    uint32_t get_attempts;
    size_t held_at;
    spoke_str snapshot;
    int64_t snapshot_version;
    spoke_twin_event pending;
    bool has_snapshot, has_pending;
    uint32_t get_limit_ms;
} spoke_twin;

/* `memory` holds back changes during a GET (0 bytes is legal: then it always asks again). */
SPOKE_API void spoke_twin_init(spoke_twin *t, void *memory, size_t size);
/* A new connection: everything outstanding is lost; a GET is wanted. The version is kept. */
SPOKE_API void spoke_twin_start(spoke_twin *t, uint64_t now);
/* The hub changed, or the reader fell behind: forget the version too, so that a smaller one counts. */
SPOKE_API void spoke_twin_forget(spoke_twin *t);
/* Asks for a fresh snapshot on this connection (at most one GET in flight). */
SPOKE_API void spoke_twin_refresh(spoke_twin *t);
/* OK: publish a GET under *rid now. E_AGAIN: nothing to send. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_twin_output(spoke_twin *t, uint32_t *rid);
SPOKE_API void spoke_twin_sent(spoke_twin *t, uint64_t now);
/* Claims the right to send one reported patch: *rid for its topic. E_AGAIN: one is in flight. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_twin_report(spoke_twin *t, uint64_t now, uint32_t *rid);
/* Takes TWIN_REPLY and DESIRED events; ignores replies it did not ask for. */
SPOKE_API void spoke_twin_receive(spoke_twin *t, uint64_t now, const spoke_hub_event *event);
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_twin_next(spoke_twin *t, spoke_twin_event *event);
SPOKE_API bool spoke_twin_synced(const spoke_twin *t); /* the first snapshot of this connection was taken */
SPOKE_API uint64_t spoke_twin_deadline(const spoke_twin *t);
/* GET unanswered for 60 s, or answered 429/5xx: asks again, with doubling pauses from 1 s to 60 s. A report
 * unanswered for 60 s ends as REPORTED with status 0. */
SPOKE_API void spoke_twin_tick(spoke_twin *t, uint64_t now);

#ifdef __cplusplus
}
#endif
#endif
