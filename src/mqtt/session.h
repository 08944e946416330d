/* The parts of a client session that session.c (going out, time, ids) and session_in.c (coming in) share. */
#ifndef SPOKE_MQTT_SESSION_H
#define SPOKE_MQTT_SESSION_H

#include <spoke/features.h>
#include <spoke/proto/mqtt.h>

/* SUBSCRIBE and UNSUBSCRIBE without answer; ids beside the window */
#define MQTT_REQUESTS (SPOKE_WITH_LISTENING ? 8u : 1u)
#define MQTT_CONTROL_BYTES 4u /* kept free behind send_bytes for one PINGREQ and one DISCONNECT */

typedef enum mqtt_state {
    MQTT_IDLE,       /* -> CONNECTING */
    MQTT_CONNECTING, /* CONNECT is queued -> CONNECTED, CLOSING, LOST */
    MQTT_CONNECTED,  /* -> CLOSING, LOST */
    MQTT_CLOSING,    /* DISCONNECT is queued -> LOST */
    MQTT_LOST        /* what came in before is still handed out, then the LOST event -> IDLE */
} mqtt_state;

typedef enum slot_use { SLOT_FREE, SLOT_MESSAGE, SLOT_REQUEST } slot_use;

/* A packet id at work. Slot n gives out n + 1, then n + 1 + slots, and so on, so that the slot is found by a
 * division and an id comes back only after all others of its slot: a late PUBACK meets no stranger. */
typedef struct mqtt_slot {
    uint32_t value; /* FREE: the next free slot. MESSAGE: token. REQUEST: filters, 0 for UNSUBSCRIBE */
    uint16_t id;    /* the one last given; 0: none yet */
    uint8_t use;
    bool held; /* a MESSAGE of an earlier connection, not sent again on this one */
} mqtt_slot;

/* A received QoS 1 message, in order of receipt until its PUBACK is queued. */
typedef struct mqtt_receipt {
    uint16_t id;
    bool done; /* the application acknowledged it */
} mqtt_receipt;

/* A PUBLISH too large for the buffer, on its way through. */
typedef struct mqtt_skip {
    size_t size;        /* of the whole packet; 0: no such packet */
    size_t topic_bytes; /* still to pass, 0 when the topic is kept */
    size_t id_bytes;    /* still to come */
    size_t rest_bytes;  /* still to pass behind them */
    uint16_t packet_id;
    uint8_t flags;
    spoke_str topic; /* kept at the front of the receive buffer, or empty */
} mqtt_skip;

struct spoke_mqtt {
    spoke_mqtt_limits limits;
    mqtt_state state;
    spoke_status why; /* of LOST */
    uint8_t code;     /* of the CONNACK that refused */
    bool accepted;    /* a CONNACK 0 came */
    bool clean;       /* asked for a session that ends with the connection */
    bool blocked;     /* no receipt is free for the message that waits in the receive buffer */

    uint64_t keep_alive_ms, sent_at, heard_at;
    uint64_t limit_at; /* when patience with CONNACK, with an answer to PINGREQ or with DISCONNECT ends */

    uint8_t *out; /* [out_head, out_tail) waits */
    size_t out_head, out_tail;
    size_t connect_left, ping_left; /* bytes up to the end of a CONNECT or PINGREQ that waits in there */

    uint8_t *in; /* [0, in_kept) belongs to skip.topic, [in_head, in_tail) is not parsed yet */
    size_t in_kept, in_head, in_tail;
    mqtt_skip skip;

    mqtt_slot *slots;
    uint32_t slot_count, free_first, free_last; /* a queue: the id free for longest is next */
    uint32_t in_flight, held;         /* slots of messages; of them those held over from earlier connections */
    uint32_t held_at;                 /* no slot before it is held */
    uint16_t requests[MQTT_REQUESTS]; /* their ids; 0: unused */

    mqtt_receipt *receipts; /* a ring */
    uint32_t receipt_first, receipt_count;
};

/* NULL unless the id is in use. */
mqtt_slot *mqtt_slot_find(const spoke_mqtt *s, uint16_t id);
void mqtt_slot_release(spoke_mqtt *s, mqtt_slot *slot);
void mqtt_forget_ids(spoke_mqtt *s);
/* Ends the connection: the output is dropped, LOST will be emitted. The first reason stays. */
void mqtt_lose(spoke_mqtt *s, spoke_status why);
/* The peer gave a sign of life. */
void mqtt_hear(spoke_mqtt *s, uint64_t now);

#endif
