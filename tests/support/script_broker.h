/* A broker on a loopback port that does what the test tells it, when the test tells it. One connection at a time,
 * no thread: nothing moves but in script_broker_pump. What goes wrong in its own set-up fails the test. */
#ifndef SPOKE_TESTS_SCRIPT_BROKER_H
#define SPOKE_TESTS_SCRIPT_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <spoke/proto/mqtt.h>

struct script_broker;

/* NULL certificate: plain TCP. */
struct script_broker *script_broker_create(const char *cert_pem, const char *key_pem);
void script_broker_destroy(struct script_broker *broker);
/* Drops the connection and serves another certificate from now on, at the same port. Not for plain TCP. */
void script_broker_serve(struct script_broker *broker, const char *cert_pem, const char *key_pem);
uint16_t script_broker_port(const struct script_broker *broker);

/* Accepts, shakes hands, reads what is there and writes what is queued. Never blocks. */
void script_broker_pump(struct script_broker *broker);
/* The next packet that has come in whole. Its views live until the next call on the broker. */
bool script_broker_take(struct script_broker *broker, spoke_mqtt_packet *packet);
void script_broker_send(struct script_broker *broker, const spoke_mqtt_packet *packet);
void script_broker_send_bytes(struct script_broker *broker, const void *bytes, size_t len);
void script_broker_send_connack(struct script_broker *broker, bool session_present, uint8_t code);
void script_broker_send_puback(struct script_broker *broker, uint16_t packet_id);
void script_broker_send_publish(struct script_broker *broker, const char *topic, spoke_str payload, uint8_t qos,
                                uint16_t packet_id);

/* From here on at most so many bytes leave with each pump, in a record of their own. 0: no limit. */
void script_broker_split(struct script_broker *broker, size_t bytes);
/* Half-open: the sockets stay, nothing is accepted, read or written. */
void script_broker_swallow(struct script_broker *broker, bool on);
/* Closes the connection, without a word (and with a reset) or after a TLS close, and forgets what came in. The
 * port goes on listening. */
void script_broker_drop(struct script_broker *broker, bool reset);
bool script_broker_connected(const struct script_broker *broker);    /* handshake done, peer not gone */
unsigned script_broker_accepted(const struct script_broker *broker); /* connections so far */

#endif
