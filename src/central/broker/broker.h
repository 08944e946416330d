/* An ordinary MQTT 3.1.1 broker as a pure machine: bytes in, bytes out, the time (monotonic milliseconds) as an
 * argument. It routes topics between its clients and knows nothing of devices, so that clients and conformance suites
 * made for any broker can be run against the codec and its rules.
 *
 *     broker_conn_open(broker, now, &conn);
 *     broker_conn_receive(conn, now, bytes, len) ... of all connections, then
 *     broker_commit(broker);
 *     write(fd, broker_conn_output(conn)) ... broker_conn_sent(conn, now, count);
 *
 * User names and passwords are read and not looked at. QoS 0 is not kept for clients that are away. */
#ifndef SPOKE_SRC_CENTRAL_BROKER_H
#define SPOKE_SRC_CENTRAL_BROKER_H

#include <spoke/base.h>
#include <spoke/platform.h>

#include "central/store/store.h"

struct broker;
struct broker_conn; /* one byte stream */

/* Zero means the default in brackets. What goes beyond is refused (a session with CONNACK 3, a subscription with
 * 0x80), hung up on (a packet) or left out and logged (a message). */
struct broker_limits {
    uint32_t sessions;      /* connected, and kept for those that come back; the longest gone makes room [10000] */
    uint32_t subscriptions; /* of a session [1000] */
    uint32_t topic_nodes;   /* levels of all filters and retained topics that differ [500000] */
    uint32_t packet_bytes;  /* [1 MiB] */
    uint32_t queue_messages; /* of QoS 1 and 2, for each session [10000] */
    uint32_t queue_bytes;    /* the same [16 MiB] */
    uint32_t all_bytes;    /* of all messages, queued and retained; and of what waits for all sessions [256 MiB] */
    uint32_t retained;     /* messages [100000] */
    uint32_t in_flight;    /* sent to a client and not acknowledged [64] */
    uint32_t output_bytes; /* that wait for a client that does not read; beyond, QoS 0 is left out [1 MiB] */
    uint32_t buffer_bytes; /* of all clients: packets that are not whole, and output [256 MiB] */
    uint32_t work;         /* places that matching looks at in a turn: packets beyond wait for the next [20000] */
};

struct broker_options {
    struct broker_limits limits;
    struct store *store; /* its own, which it commits; NULL: what is kept ends with the broker */
    void (*log)(void *user, spoke_log_level level, const char *line);
    void *log_user;
};

/* Reads what the store has. E_NO_MEMORY; E_PORT: the store. */
spoke_status broker_create(const struct broker_options *options, struct broker **out);
/* Connections have been closed before. NULL is fine. */
void broker_destroy(struct broker *b);

spoke_status broker_conn_open(struct broker *b, uint64_t now, struct broker_conn **out); /* E_NO_MEMORY */
void broker_conn_receive(struct broker_conn *k, uint64_t now, const uint8_t *bytes, size_t len);
/* False: it has more packets than it may have served at once, which broker_tick goes on with; read no more meanwhile. */
bool broker_conn_may_read(const struct broker_conn *k);
/* What may leave: only what was committed. The view lives until the next call. */
spoke_str broker_conn_output(const struct broker_conn *k);
void broker_conn_sent(struct broker_conn *k, uint64_t now, size_t count);
/* The broker hangs up, once the output is gone. */
bool broker_conn_ended(const struct broker_conn *k);
/* The stream is gone; frees. Publishes the will when no DISCONNECT came. */
void broker_conn_close(struct broker_conn *k, uint64_t now);
/* As core_conn_own and core_conn_stirred: whose stream it is, and which ones to look at. */
void broker_conn_own(struct broker_conn *k, void *owner);
void *broker_conn_stirred(struct broker *b);
bool broker_any_stirred(const struct broker *b);

uint64_t broker_deadline(const struct broker *b); /* 0: at once; UINT64_MAX: never */
void broker_tick(struct broker *b, uint64_t now);
/* After each round of receive, tick and close: makes durable what happened and lets out what was said about it. On
 * error the connections that waited have ended. */
spoke_status broker_commit(struct broker *b);

struct broker_stats {
    size_t sessions, connected, topic_nodes, retained, message_bytes, buffered;
    uint64_t dropped; /* messages that a bound left out */
};
struct broker_stats broker_stats_of(const struct broker *b);

#endif
