/* The service's sockets: one epoll loop that carries MQTT over TLS, MQTT over WebSocket and HTTPS to the core, and
 * plain MQTT to the broker. One thread at a time calls, and shell_wait alone may run while another thread uses the core.
 * Reading that takes long (work.h) is done in threads of the shell's own, which touch nothing but what they are given. */
#ifndef SPOKE_SRC_CENTRAL_SHELL_H
#define SPOKE_SRC_CENTRAL_SHELL_H

#include "central/broker/broker.h"
#include "central/core/core.h"

struct shell;

enum {
    SHELL_USUAL_MQTT = 16384,
    SHELL_OTHER_DESCRIPTORS = 64 /* listeners, the store, the loop, and what the process had before */
};

struct shell_options {
    struct core *core;
    bool listen;                    /* false: nothing but the loop and its timers */
    const char *bind_address;       /* an IPv4 or IPv6 address */
    uint16_t mqtt_port, https_port; /* 0: the system picks */
    const char *cert_pem, *key_pem;
    spoke_status (*random)(void *ctx, uint8_t *out, size_t len);
    void *random_ctx;
    struct broker *broker;      /* NULL: no plain MQTT */
    const char *broker_address; /* where it listens */
    uint16_t broker_port;       /* 0: the system picks */
    /* 0 means the default in brackets. */
    uint32_t max_mqtt;       /* connections, over TLS and WebSocket [16384, or what the descriptors allow] */
    uint32_t max_http;       /* [256]; above it the oldest that asks nothing makes room */
    uint32_t max_broker;     /* connections of plain MQTT [1000] */
    uint32_t patience_ms;    /* for a handshake, for a whole HTTP request, for an idle HTTP connection [30000] */
    uint32_t drain_limit_ms; /* for the last bytes of a connection that ends [5000] */
};

/* `why` gets a sentence on error. E_PORT: a socket; E_CERTIFICATE; E_NO_MEMORY. */
spoke_status shell_create(const struct shell_options *options, struct shell **out, char *why, size_t why_cap);
/* Closes every connection and its conn. Before core_destroy. NULL is fine. */
void shell_destroy(struct shell *shell);

/* The API's address in `nextLink`, known once the ports are. Copied. */
spoke_status shell_set_base(struct shell *shell, const char *base);
uint16_t shell_mqtt_port(const struct shell *shell);
uint16_t shell_https_port(const struct shell *shell);
uint16_t shell_broker_port(const struct shell *shell); /* 0: there is none */

/* How long a wait may be, at most limit_ms. */
uint32_t shell_sleep_ms(const struct shell *shell, uint32_t limit_ms);
/* Sleeps until a socket is ready, a wake, or limit_ms. */
void shell_wait(struct shell *shell, uint32_t limit_ms);
/* Does what is due: receives, ticks the core, commits, sends. */
void shell_turn(struct shell *shell);
/* Any thread: ends the present or the next wait. */
void shell_wake(struct shell *shell);
/* How often a stream was looked at so far: what a turn costs. */
uint64_t shell_visits(const struct shell *shell);

#endif
