/* What the shell's files share. */
#ifndef SPOKE_SRC_CENTRAL_SHELL_PRIVATE_H
#define SPOKE_SRC_CENTRAL_SHELL_PRIVATE_H

#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/list.h"
#include "base/timers.h"
#include "shell.h"
#include "tls/tls.h"
#include "websocket.h"

enum {
    SHELL_CHUNK_BYTES = 16384,        /* one TLS record */
    SHELL_WIRE_BYTES = 2 * 16384,     /* what one system call may bring */
    SHELL_MAX_OUTPUT_BYTES = 1 << 20, /* waiting for a peer that does not read */
    SHELL_READS_PER_TURN = 1,      /* records of one connection, so that a loud one does not starve the others */
    SHELL_BYTES_PER_TURN = 49152,  /* of all: some hundred small messages, two milliseconds; the rest waits */
    SHELL_HANDSHAKES_PER_TURN = 8, /* steps; the others wait for the next turn */
    SHELL_HANDSHAKE_MS = 4,        /* no further step after that: with an RSA certificate one takes milliseconds */
    SHELL_MORE_PATIENCE = 3,       /* times that a handshake's patience begins anew, since we are late ourselves */
    SHELL_MAX_HANDSHAKES = 64,     /* that wait for their step; with more, connections stay in the backlog */
    SHELL_LOG_PAUSE_MS = 1000,     /* between lines that strangers cause: their number must not fill a disk */
    SHELL_MAX_EVENTS = 1024        /* what they bring shares one commit */
};

/* One descriptor in epoll. `ready` is set by a turn from the wait's events and cleared by whoever acts on it. */
struct watch {
    int fd; /* -1: none */
    uint32_t mask, ready;
    struct stream *stream; /* to look at when it is ready; NULL: the shell looks itself */
};

/* Bytes that wait, on the heap. */
struct backlog {
    uint8_t *ptr;
    size_t start, len, cap; /* [start, start + len) of cap */
};

spoke_str backlog_view(const struct backlog *b);
/* E_NO_MEMORY, E_TOO_LARGE: above SHELL_MAX_OUTPUT_BYTES. */
spoke_status backlog_add(struct backlog *b, const void *bytes, size_t len);
void backlog_drop(struct backlog *b, size_t count);
void backlog_free(struct backlog *b);

enum stream_kind { STREAM_MQTT, STREAM_WEBSOCKET, STREAM_HTTP, STREAM_BROKER };
#define STREAM_KINDS 4

enum stream_state {
    STREAM_HANDSHAKE, /* TLS -> OPEN, CLOSED */
    STREAM_OPEN,      /* -> DRAINING, CLOSED */
    STREAM_DRAINING,  /* no more is read; what waits goes out -> LINGERING, CLOSED */
    STREAM_LINGERING, /* our end is said; discards until the peer says its own, lest a reset overtake the last
                         bytes
                         -> CLOSED */
    STREAM_CLOSED     /* freed at the end of the turn */
};

struct http_link; /* shell_http.c: libmicrohttpd's end of a stream */

struct stream {
    struct list_node in_streams, in_http, in_work, in_sending, in_shaking; /* of the shell's lists */
    struct timer timer;                                                    /* the earlier of due_ms and stuck_ms */
    struct shell *shell;
    enum stream_kind kind;
    enum stream_state state;
    struct watch socket;
    struct tls *tls; /* NULL: STREAM_BROKER, which has none */
    void *tls_memory;
    struct sockaddr_storage address;
    socklen_t address_len;
    uint64_t due_ms;     /* when patience with this state, or with an HTTP request, ends; UINT64_MAX: never */
    bool shaken;         /* its handshake has begun */
    uint8_t late;        /* times that its patience began anew */
    uint64_t stuck_ms;   /* when patience with a peer that reads nothing ends; UINT64_MAX: it reads */
    bool again;          /* more can be read without waiting for the socket */
    struct backlog wire; /* received and not taken by TLS when the turn ended */
    struct backlog out;  /* plain bytes for TLS; for STREAM_MQTT and STREAM_BROKER the machine behind keeps them */
    struct conn *conn;   /* STREAM_MQTT and STREAM_WEBSOCKET */
    struct backlog peer; /* certificates that the client showed, DER; handed to the core with the connection */
    struct broker_conn *broker_conn; /* STREAM_BROKER */
    struct websocket websocket;
    bool close_sent; /* STREAM_WEBSOCKET: nothing follows our close frame */
    /* STREAM_HTTP */
    struct watch pair; /* our end of the socket pair */
    struct backlog in; /* decrypted, not taken by the pair yet */
    struct http_link *link;
};

struct listener {
    struct watch socket;
    enum stream_kind kind;
    uint16_t port;
    const char *what;        /* for the log */
    uint32_t refused;        /* connections above the limit, since the last log line */
    uint64_t refused_log_ms; /* no further line before */
};

struct http;
struct worker;

struct shell {
    struct shell_options options;
    struct core *core;
    char *base;
    int epoll;
    struct watch wake;
    struct listener listeners[3];
    size_t listener_count;
    uint64_t accept_after_ms; /* out of descriptors: listeners rest until then */
    struct tls_context *tls;
    struct list streams;
    struct list http_streams; /* those of HTTP, the oldest first */
    struct list work;         /* streams to receive from, or which something happened to */
    struct list http_work;    /* the same of HTTP, which does not wait behind devices */
    struct list sending;      /* streams to send to in this turn */
    struct list shaking;      /* streams whose handshake can begin */
    struct list http_shaking; /* the same of HTTP */
    struct list shaken;       /* streams whose handshake can go on */
    struct list http_shaken;
    uint32_t steps;            /* of handshakes, so far */
    uint32_t unlogged;         /* handshakes that broke off since the last log line of one */
    uint64_t handshake_log_ms; /* no further line before */
    struct timers timers;
    uint64_t visits;
    uint32_t counts[STREAM_KINDS]; /* by stream_kind */
    struct http *http;
    struct worker *workers[CORE_LANES];          /* NULL: nothing is listened to, so nobody is held up */
    struct watch http_loop;                      /* libmicrohttpd's own epoll descriptor, inside ours */
    uint64_t now_ms;                             /* of this turn */
    struct epoll_event events[SHELL_MAX_EVENTS]; /* of the last wait, for the turn that follows */
    int event_count;
    size_t received; /* bytes in this turn, decrypted */
    uint8_t chunk[SHELL_CHUNK_BYTES];
    /* What the stream that is being read has received: TLS asks for a few bytes at a time, a system call is dear. */
    uint8_t wire[SHELL_WIRE_BYTES];
    size_t wire_at, wire_len;
    bool wire_dry; /* the last call brought less than there was room for */
};

/* --- shell.c --- */
uint64_t shell_now_ms(void); /* real time, whatever clock the core has: it guards real sockets */
void shell_accept(struct shell *shell, struct listener *listener);
/* Those of a listener's streams whose handshake can go on. */
/* Where a stream waits for the first, or the next, step of its handshake. */
struct list *shell_shaking(struct shell *shell, enum stream_kind kind, bool begun);
/* Connections of MQTT, over both. */
bool shell_mqtt_full(const struct shell *shell);

/* --- shell_loop.c --- */
/* Keeps epoll in step with the wanted mask. */
spoke_status watch_set(struct shell *shell, struct watch *watch, uint32_t mask);
void watch_close(struct shell *shell, struct watch *watch);

/* --- shell_stream.c --- */
/* Takes the socket over, also on error. */
spoke_status stream_open(struct shell *shell, enum stream_kind kind, int fd,
                         const struct sockaddr_storage *address, socklen_t address_len);
void stream_free(struct stream *s);
/* Something happened to it: this turn looks at it, or the next one. */
void stream_touch(struct stream *s);
/* Of the peer; of IPv6 the network, in which a machine has more addresses than can be counted. Empty: of neither kind. */
spoke_str stream_address(const struct stream *s);
void stream_shake_hands(struct stream *s);
void stream_receive(struct stream *s); /* first half of a turn */
void stream_send(struct stream *s);    /* second half, after the commit */
void stream_drop(struct stream *s, const char *why);
/* HTTP turns into WebSocket: the 101 head is in s->out; `early` are bytes the client sent behind its request. */
void stream_upgrade(struct stream *s, spoke_str early);

/* --- shell_worker.c --- */
spoke_status worker_create(struct shell *shell, struct worker **out);
void worker_destroy(
    struct worker
        *w); /* after core_set_offload(NULL), and after the streams, which no longer wait for it. NULL is fine */
void worker_turn(struct worker *w);
/* core_offload_fn; ctx is the shell. */
bool worker_offload(void *ctx, unsigned lane, void (*run)(void *job), void (*done)(void *job), void *job);

/* --- shell_http.c --- */
spoke_status http_create(struct shell *shell, struct http **out);
void http_destroy(struct http *http); /* after the streams */
/* Hands a stream to libmicrohttpd through a socket pair; s->pair is our end. */
spoke_status http_adopt(struct http *http, struct stream *s);
/* The client is gone: forgets the stream and what it asked for. */
void http_forget(struct stream *s);
void http_turn(struct http *http);
int http_fd(const struct http *http);
/* Milliseconds until it wants a turn; UINT32_MAX: none. */
uint32_t http_sleep_ms(const struct http *http);
/* The client sent bytes: a request is under way. */
void http_heard(struct stream *s);
/* No whole request has come that waits for its answer. */
bool http_idle(const struct stream *s);

#endif
