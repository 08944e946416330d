/* What the broker's files share. */
#ifndef SPOKE_SRC_CENTRAL_BROKER_INTERNAL_H
#define SPOKE_SRC_CENTRAL_BROKER_INTERNAL_H

#include <spoke/proto/mqtt.h>

#include "base/timers.h"
#include "broker.h"
#include "central/core/bytes.h"
#include "topics.h"

#define BROKER_REFUSED_FILTER SPOKE_STR("test/nosubscribe") /* the conformance suite's */

/* --- sessions: what section 4.1 calls Session state --- */

/* Numbers are in the store: never change one. */
enum delivery_state {
    DELIVERY_WAITING = 0,  /* next: SENT */
    DELIVERY_SENT = 1,     /* PUBLISH is out; next: gone with PUBACK, RELEASED with PUBREC */
    DELIVERY_RELEASED = 2, /* PUBREL is out; next: gone with PUBCOMP */
};

struct delivery {
    struct list_node in_queue;
    struct message *message;
    int64_t seq; /* in the store; 0: not there */
    uint16_t packet_id;
    uint8_t qos, state;
    bool retain;
};

struct subscription {
    struct topic_entry entry;
    struct list_node in_session;
    struct session *session;
    uint8_t qos;
    char filter[];
};

struct session {
    struct broker *broker;
    struct broker_conn *conn;    /* NULL: away */
    bool clean;                  /* ends with its connection */
    struct list_node in_all;     /* of the broker's */
    struct list_node in_away;    /* the same, longest gone first */
    struct list_node in_matched; /* while a message looks for its receivers */
    uint8_t matched_qos;
    struct list subscriptions;
    struct list queue;       /* of deliveries in order: those in flight, then those that wait */
    struct delivery *cursor; /* what goes out next on this connection; those before it have */
    size_t in_flight;        /* deliveries with a packet id */
    size_t queue_bytes;
    uint16_t last_id;
    uint8_t *unreleased; /* bit set of QoS 2 packet ids that came and were not released; NULL: none */
    size_t unreleased_count;
    char id[];
};

struct broker {
    struct broker_options options;
    struct broker_limits limits; /* resolved */
    struct topics topics;
    void *sessions;  /* by id, root of tsearch */
    struct list all; /* the same */
    size_t session_count, connected, retained_count;
    size_t message_bytes;
    size_t queued_bytes; /* of all deliveries, see delivery_cost */
    size_t buffered;     /* bytes that connections have received in part, or have to send */
    uint64_t work;       /* places that matching looked at so far */
    uint64_t enough;     /* for this turn */
    struct list away;    /* sessions */
    struct list held;    /* connections whose output waits for the commit */
    struct list stirred; /* connections to look at */
    struct list broken;  /* connections to end */
    struct list busy;    /* connections with packets that have not had their turn */
    struct list wills;
    struct timers timers;
    uint64_t now;            /* of the present call */
    bool begun, spoilt;      /* the store's transaction; something of it is lost */
    bool behind;             /* of the store: a commit failed, and it has not what memory has */
    uint64_t catch_up_at;    /* not sooner */
    uint64_t named;          /* ids given to clients without one */
    uint64_t dropped;        /* messages */
    uint64_t dropped_log_at; /* no line about them before */
    uint64_t dropped_logged;
};

/* NULL: there is none. */
struct session *session_find(const struct broker *b, const char *id);
/* Made when it is not there. *present: it was (CleanSession 0 on both sides). With `clean` what it had is forgotten
 * (section 3.1.2.4). E_FULL, E_NO_MEMORY. */
spoke_status session_open(struct broker *b, const char *id, bool clean, struct session **out, bool *present);
/* Its connection is gone. Frees a clean one. */
void session_leave(struct session *s);
void session_free(struct session *s);

/* One message for the session, which goes out, waits or (false) is left out. `qos` is what it is delivered with. */
bool session_deliver(struct session *s, struct message *m, uint8_t qos, bool retain);
/* Writes what may go out. After anything that makes room. */
void session_pump(struct session *s);
/* Everything unacknowledged goes out again (section 4.4). */
void session_resume(struct session *s);
void session_puback(struct session *s, uint16_t packet_id);
void session_pubrec(struct session *s, uint16_t packet_id);
void session_pubcomp(struct session *s, uint16_t packet_id);
/* E_STATE: that id came before and was not released; E_NO_MEMORY. */
spoke_status session_take_id(struct session *s, uint16_t packet_id);
void session_release_id(struct session *s, uint16_t packet_id);
bool session_has_id(const struct session *s, uint16_t packet_id); /* taken and not released */
/* The return code of the SUBACK. */
uint8_t session_subscribe(struct session *s, spoke_str filter, uint8_t qos);
void session_unsubscribe(struct session *s, spoke_str filter);
bool session_subscribes(const struct session *s, spoke_str filter);

/* --- routes.c --- */
struct route {
    spoke_str topic, payload;
    uint8_t qos;
    bool retain;
};
/* A message of a client, or its will: keeps it when it is to be retained, and gives it to whoever subscribed. */
void broker_route(struct broker *b, const struct route *r);
/* What is retained for a filter that was just subscribed to. */
void broker_send_retained(struct session *s, spoke_str filter, uint8_t qos);
/* A bound left a message out. */
void broker_left_out(struct broker *b);
/* In the log, unless there was a line a moment ago: then again when it is due. */
void broker_tell_left_out(struct broker *b);

/* --- keep.c: writes go to the store when there is one; trouble shows in broker_commit --- */
spoke_status keep_load(struct broker *b);
void keep_session(struct session *s, bool there);
void keep_subscription(struct session *s, const char *filter, uint8_t qos, bool there);
/* Of a session that is kept, and with its present state. */
void keep_delivery(struct session *s, struct delivery *d);
void keep_delivery_gone(struct session *s, struct delivery *d);
void keep_unreleased(struct session *s, uint16_t packet_id, bool there);
void keep_retained(struct broker *b, const struct message *m, bool there);
/* Of a client that is connected, whether its session is kept or not. */
void keep_will(struct broker *b, const char *client_id, const struct message *m, bool retain);
void keep_will_gone(struct broker *b, const char *client_id);
void keep_wills_gone(struct broker *b);
spoke_status keep_commit(struct broker *b);
/* For keep_load: the same without writing. */
struct session *session_restore(struct broker *b, const char *id);
spoke_status session_restore_subscription(struct session *s, const char *filter, uint8_t qos);
void session_restore_delivery(struct session *s, struct delivery *d);
spoke_status session_restore_id(struct session *s, uint16_t packet_id);

/* --- broker_conn.c --- */
/* Room for a PUBLISH that can wait; and for one of QoS 0, which is left out otherwise. */
bool broker_conn_ready(const struct broker_conn *k);
bool broker_conn_roomy(const struct broker_conn *k);
/* How a message goes out. */
struct sending {
    uint16_t packet_id; /* 0: QoS 0 */
    uint8_t qos;
    bool retain, dup;
};
void broker_conn_publish(struct broker_conn *k, const struct message *m, const struct sending *how);
void broker_conn_ack(struct broker_conn *k, spoke_mqtt_type type, uint16_t packet_id);
/* To the store, when it has one. */
void broker_conn_keep_will(struct broker_conn *k);
/* Its session was taken over, or evicted. The will follows at the end of this call from outside. */
void broker_conn_end(struct broker_conn *k, const char *why);

/* --- broker.c --- */
/* At the end of each call from outside: connections that broke, and wills. */
void broker_settle(struct broker *b);
/* A will that is to be published; takes the message over. */
void broker_add_will(struct broker *b, struct message *m, bool retain);
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
void broker_log(const struct broker *b, spoke_log_level level, const char *format, ...);

#endif
