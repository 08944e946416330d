/* MQTT 3.1.1 (OASIS standard, 29 October 2014), QoS 0 and 1, as pure logic: no socket, clock, thread or heap.
 * Tier 0: may change before 1.0.
 *
 * The codec turns one packet to and from bytes, for clients and for servers. The session is a client: the caller
 * moves bytes and tells the time (monotonic milliseconds); the session says what to send, what happened, and when
 * it next wants to be asked.
 *
 *     spoke_mqtt_connect(session, now, &options);
 *     write(fd, spoke_mqtt_output(session)) ... spoke_mqtt_sent(session, now, count);
 *     read(fd, spoke_mqtt_room(session)) ...    spoke_mqtt_received(session, now, count);
 *     while (spoke_mqtt_next(session, now, &event) == SPOKE_OK) ...
 */
#ifndef SPOKE_PROTO_MQTT_H
#define SPOKE_PROTO_MQTT_H

#include <spoke/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- codec --- */

typedef enum spoke_mqtt_type {
    SPOKE_MQTT_CONNECT = 1,
    SPOKE_MQTT_CONNACK = 2,
    SPOKE_MQTT_PUBLISH = 3,
    SPOKE_MQTT_PUBACK = 4,
    SPOKE_MQTT_PUBREC = 5, /* 5..7 belong to QoS 2: recognised, never sent */
    SPOKE_MQTT_PUBREL = 6,
    SPOKE_MQTT_PUBCOMP = 7,
    SPOKE_MQTT_SUBSCRIBE = 8,
    SPOKE_MQTT_SUBACK = 9,
    SPOKE_MQTT_UNSUBSCRIBE = 10,
    SPOKE_MQTT_UNSUBACK = 11,
    SPOKE_MQTT_PINGREQ = 12,
    SPOKE_MQTT_PINGRESP = 13,
    SPOKE_MQTT_DISCONNECT = 14
} spoke_mqtt_type;

#define SPOKE_MQTT_MAX_REMAINING 268435455u

/* The fixed header: what comes and how long it is. */
typedef struct spoke_mqtt_header {
    spoke_mqtt_type type;
    uint8_t flags;     /* low nibble of the first byte */
    size_t head_bytes; /* 2..5 */
    size_t body_bytes; /* "remaining length" */
} spoke_mqtt_header;

typedef struct spoke_mqtt_will {
    spoke_str topic, payload;
    uint8_t qos;
    bool retain;
} spoke_mqtt_will;

/* One packet. Views point into the bytes it was decoded from. Members that a type does not use are zero. */
typedef struct spoke_mqtt_packet {
    spoke_mqtt_type type;
    uint16_t packet_id; /* PUBLISH with QoS 1, and the acks and (un)subscriptions; never 0 there */
    union {
        /* Decoding another protocol or level than these fills in the two alone and answers SPOKE_OK, so that a
         * server can refuse by name (CONNACK 1): look at the level first. */
        struct {
            spoke_str protocol; /* "MQTT" */
            uint8_t level;      /* 4 */
            spoke_str client_id, username, password;
            spoke_mqtt_will will;
            uint16_t keep_alive_s;
            bool clean_session, has_username, has_password, has_will;
        } connect;
        struct {
            bool session_present;
            uint8_t code;
        } connack;
        struct {
            spoke_str topic, payload;
            uint8_t qos;
            bool dup, retain;
        } publish;
        spoke_str filters; /* SUBSCRIBE and UNSUBSCRIBE: walk with spoke_mqtt_filter_next */
        spoke_str codes;   /* SUBACK: one byte for each filter */
    } as;
} spoke_mqtt_packet;

typedef struct spoke_mqtt_filter {
    spoke_str filter;
    uint8_t qos;
} spoke_mqtt_filter;

/* E_AGAIN: more bytes are needed to tell. E_PROTOCOL: a fifth length byte, type 0 or 15, or flags that
 * section 2.2.2 reserves. A length written longer than needed is accepted: the standard does not forbid it. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_mqtt_peek(const uint8_t *bytes, size_t len, spoke_mqtt_header *out);

/* Decodes exactly one whole packet (head_bytes + body_bytes). Checks all that section 3 says of its form: counts,
 * reserved bits, UTF-8 of texts, wildcards in a PUBLISH topic, zero packet ids, bytes left over. E_PROTOCOL. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_mqtt_decode(const uint8_t *bytes, size_t len,
                                                          spoke_mqtt_packet *out);

/* Steps through the filters of a SUBSCRIBE (with_qos) or UNSUBSCRIBE. E_NOT_FOUND at the end; E_PROTOCOL. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_mqtt_filter_next(spoke_str *rest, bool with_qos,
                                                               spoke_mqtt_filter *out);

/* Appends one packet. E_TOO_SMALL leaves out->len as it was. E_ARG: the packet breaks the standard. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_mqtt_encode(const spoke_mqtt_packet *packet, spoke_buf *out);
/* The same for SUBSCRIBE (with_qos) and UNSUBSCRIBE, whose filters come as an array. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_mqtt_encode_filters(uint16_t packet_id, bool with_qos,
                                                                  const spoke_mqtt_filter *filters, size_t count,
                                                                  spoke_buf *out);
/* Bytes that a PUBLISH of these sizes takes on the wire, fixed header included. SIZE_MAX: no packet can hold them.
 */
SPOKE_API size_t spoke_mqtt_publish_bytes(size_t topic_bytes, size_t payload_bytes, uint8_t qos);

/* --- client session --- */

typedef struct spoke_mqtt spoke_mqtt;

/* Ceilings, fixed at init. Zero means the default of limits.h. */
typedef struct spoke_mqtt_limits {
    uint32_t receive_bytes; /* the largest packet that can be received whole; at least 64 */
    uint32_t send_bytes;    /* packets waiting to go out; at least 64 */
    uint16_t in_flight;     /* QoS 1 PUBLISH without PUBACK, 1..65535; cost is flat in this number */
    uint16_t receipts;      /* received QoS 1 messages whose PUBACK is still owed; 0: 16 */
} spoke_mqtt_limits;

typedef struct spoke_mqtt_connect_options {
    spoke_str client_id, username, password; /* an empty password is left out */
    bool clean_session;
    uint16_t keep_alive_s;       /* 0: no keep-alive */
    const spoke_mqtt_will *will; /* NULL: none */
    uint32_t connack_limit_ms;   /* 0: SPOKE_DEFAULT_CONNECT_LIMIT_MS */
} spoke_mqtt_connect_options;

typedef struct spoke_mqtt_publish_options {
    spoke_str topic;
    const spoke_str *parts; /* the payload in pieces, joined on the wire */
    size_t part_count;
    uint8_t qos; /* 0 or 1 */
    bool retain;
    uint32_t token;     /* quoted by the PUBACK event */
    uint16_t packet_id; /* 0: a new message. Else an id given earlier: sent again with DUP=1 */
} spoke_mqtt_publish_options;

typedef enum spoke_mqtt_event_kind {
    SPOKE_MQTT_EVENT_CONNACK,  /* code, session_present. When the session is not present, all ids are free again */
    SPOKE_MQTT_EVENT_SUBACK,   /* packet_id, codes */
    SPOKE_MQTT_EVENT_UNSUBACK, /* packet_id */
    SPOKE_MQTT_EVENT_PUBACK,   /* packet_id, token */
    SPOKE_MQTT_EVENT_PUBLISH,  /* topic, payload, qos, dup, retain; with QoS 1 owe spoke_mqtt_ack(packet_id) */
    SPOKE_MQTT_EVENT_OVERSIZE, /* a PUBLISH larger than receive_bytes was skipped: topic when it fitted, size;
                                  with QoS 1 owe spoke_mqtt_ack(packet_id) */
    SPOKE_MQTT_EVENT_LOST      /* the session is over: status and code say why. Emitted once */
} spoke_mqtt_event_kind;

/* Views live until the next call of spoke_mqtt_next, spoke_mqtt_room or spoke_mqtt_received. */
typedef struct spoke_mqtt_event {
    spoke_mqtt_event_kind kind;
    spoke_status status;
    uint16_t packet_id;
    uint32_t token;
    uint8_t code; /* CONNACK return code */
    uint8_t qos;
    bool session_present, dup, retain;
    size_t size; /* OVERSIZE: bytes of the whole packet */
    spoke_str topic, payload, codes;
} spoke_mqtt_event;

/* Bytes of memory for these limits, 0 when a limit is out of range. NULL limits: the defaults. */
SPOKE_API size_t spoke_mqtt_size(const spoke_mqtt_limits *limits);
/* Carves everything from `memory` (aligned for max_align_t), which outlives the session. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_mqtt_init(void *memory, size_t size, const spoke_mqtt_limits *limits,
                                                        spoke_mqtt **out);

/* Starts a connection on a fresh byte stream: forgets half packets, writes CONNECT. The in-flight table survives,
 * so that unacknowledged messages can be sent again under their ids when the CONNACK says session present.
 * Copies the options; wipe credentials after the call. E_TOO_SMALL: send_bytes too small for this CONNECT. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_mqtt_connect(spoke_mqtt *s, uint64_t now,
                                                           const spoke_mqtt_connect_options *options);
/* Queues one PUBLISH; *packet_id gets its id (0 for QoS 0). packet_id may be NULL.
 * E_FULL: no room in the send buffer or the window; E_TOO_LARGE: can never fit; E_STATE: before CONNACK. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_mqtt_publish(spoke_mqtt *s, uint64_t now,
                                                           const spoke_mqtt_publish_options *message,
                                                           uint16_t *packet_id);
/* Queue one request for all these filters, answered by one SUBACK or UNSUBACK event on the same connection. An
 * answer to no request, or with another number of codes, is E_PROTOCOL: ours would never come. E_FULL: no room, or
 * eight requests unanswered; E_TOO_LARGE: can never fit; E_STATE; E_ARG: also QoS 2. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_mqtt_subscribe(spoke_mqtt *s, uint64_t now,
                                                             const spoke_mqtt_filter *filters, size_t count,
                                                             uint16_t *packet_id);
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_mqtt_unsubscribe(spoke_mqtt *s, uint64_t now,
                                                               const spoke_str *filters, size_t count,
                                                               uint16_t *packet_id);
/* The application is done with a QoS 1 message. PUBACKs leave in order of receipt whatever the order of these
 * calls (the hub closes the link otherwise). While `receipts` messages are owed no further one is taken in; the
 * silence of the link does not count then. E_NOT_FOUND: no such receipt is owed, or its connection is over (the
 * server sends the message again). */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_mqtt_ack(spoke_mqtt *s, uint64_t now, uint16_t packet_id);
/* Queues DISCONNECT; nothing can be queued after it. Over when the output is empty; then close the stream. With a
 * keep-alive, LOST with E_TIMEOUT when the output does not drain in half of it. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_mqtt_disconnect(spoke_mqtt *s, uint64_t now);
/* The stream broke: drops the output and emits LOST with this status (once), after the events of what was received
 * whole. A refusal among them is the reason then (E_REFUSED): servers close right behind it. */
SPOKE_API void spoke_mqtt_lost(spoke_mqtt *s, spoke_status why);
/* Back to the state after init: no connection, no event, every id free. */
SPOKE_API void spoke_mqtt_reset(spoke_mqtt *s);

/* Bytes waiting to go out, all joined. The view lives until the next call that queues or sends. */
SPOKE_API spoke_str spoke_mqtt_output(const spoke_mqtt *s);
SPOKE_API void spoke_mqtt_sent(spoke_mqtt *s, uint64_t now, size_t count);
/* Where to read into: {ptr, cap} with len 0. cap is 0 while events wait to be taken: take them first. */
SPOKE_API spoke_buf spoke_mqtt_room(spoke_mqtt *s);
SPOKE_API void spoke_mqtt_received(spoke_mqtt *s, uint64_t now, size_t count);
/* The same by copying, for callers with their own buffer; takes what fits and says how much. */
SPOKE_API void spoke_mqtt_receive(spoke_mqtt *s, uint64_t now, spoke_str bytes, size_t *used);
/* E_AGAIN: nothing happened. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_mqtt_next(spoke_mqtt *s, uint64_t now, spoke_mqtt_event *event);
/* When tick next has something to do; UINT64_MAX: never. */
SPOKE_API uint64_t spoke_mqtt_deadline(const spoke_mqtt *s);
/* Keep-alive and limits: queues PINGREQ when nothing was sent, or nothing was heard, for the interval; the session
 * is LOST with E_TIMEOUT when the peer stays silent for half an interval after it (so within 1.5 keep-alives of
 * the last byte received, when called at each deadline), or when no CONNACK came in its limit. */
SPOKE_API void spoke_mqtt_tick(spoke_mqtt *s, uint64_t now);
SPOKE_API size_t spoke_mqtt_in_flight(const spoke_mqtt *s);

#ifdef __cplusplus
}
#endif
#endif
