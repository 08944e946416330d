/* A bounded queue of messages in one ring of the caller's memory: order kept, each entry contiguous, removed only
 * when it is done. Pure; no heap. The client has three: telemetry, reported patches, answers to commands. */
#ifndef SPOKE_SRC_CLIENT_OUTBOX_H
#define SPOKE_SRC_CLIENT_OUTBOX_H

#include <spoke/base.h>

enum outbox_state {
    OUTBOX_QUEUED, /* next: SENT */
    OUTBOX_SENT,   /* next: DONE on acknowledgement; QUEUED on rewind */
    OUTBOX_DONE    /* leaves when it is the oldest */
};

/* One message; `head` (a topic or the bag of one) and body follow it in the ring. */
struct outbox_entry {
    uint32_t size; /* of the whole entry, a multiple of 8 */
    uint32_t id;   /* the program's; 0: none */
    uint32_t head_bytes, body_bytes;
    uint16_t packet_id; /* 0: none given yet */
    uint8_t state;
    uint8_t qos;
};

struct outbox {
    uint8_t *ring;
    uint32_t cap;         /* a multiple of 8 */
    uint32_t most;        /* head and body of one message together */
    uint32_t oldest;      /* offset of the first entry */
    uint32_t tail;        /* offset behind the last */
    uint32_t end;         /* where the upper part ends while the queue wraps; else cap */
    uint32_t next;        /* offset of the first QUEUED entry, when unsent > 0 */
    size_t count, unsent; /* entries not DONE; of them QUEUED */
    size_t held;          /* entries in the ring, DONE ones included */
};

/* cap below 64 or beyond 2^31 holds nothing. */
void outbox_init(struct outbox *o, void *memory, size_t cap);
void outbox_clear(struct outbox *o);

/* Writes head then body into `out` and says where the body begins. Called up to twice for one message. */
typedef spoke_status (*outbox_write_fn)(void *ctx, spoke_buf *out, size_t *head_bytes);

/* Head and body together may take no more than this; more than the ring holds they never may. */
void outbox_limit(struct outbox *o, size_t most);

/* E_FULL: no room now. E_TOO_LARGE: beyond the limit, or not even into the empty queue. Else what `write` answered.
 */
spoke_status outbox_add(struct outbox *o, uint32_t id, uint8_t qos, outbox_write_fn write, void *ctx);

/* The first entry to send, or NULL. Valid until the next call that changes the queue. */
struct outbox_entry *outbox_next(const struct outbox *o);
spoke_str outbox_head(const struct outbox_entry *entry);
spoke_str outbox_body(const struct outbox_entry *entry);
/* Names the entry in acknowledgements, as long as it is in the queue. */
uint32_t outbox_token(const struct outbox *o, const struct outbox_entry *entry);
/* outbox_next was sent. */
void outbox_sent(struct outbox *o, uint16_t packet_id);
/* The entry is done. *id: the program's. E_NOT_FOUND: no such entry waits for it. */
spoke_status outbox_done(struct outbox *o, uint32_t token, uint32_t *id);
/* Everything sent and not done is to be sent again, in order. */
void outbox_rewind(struct outbox *o);
/* The peer has forgotten the packet ids. */
void outbox_forget_packet_ids(struct outbox *o);

#endif
