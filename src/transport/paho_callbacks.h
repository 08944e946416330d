/* What paho calls, on its own threads and under its own lock: copies, signals, leaves. */
#ifndef SPOKE_SRC_TRANSPORT_PAHO_CALLBACKS_H
#define SPOKE_SRC_TRANSPORT_PAHO_CALLBACKS_H

#include <MQTTAsync.h>

#include "transport/paho_link.h"

enum { PAHO_NOT_SUBSCRIBED = 0x80 }; /* MQTT 3.1.1 section 3.9.3 */

/* context: the transport. */
void paho_on_connected(void *context, MQTTAsync_successData *data);
void paho_on_connect_failed(void *context, MQTTAsync_failureData *data);
int paho_on_tls_error(const char *text, size_t len, void *context);
void paho_on_lost(void *context, char *cause);
int paho_on_message(void *context, char *topic, int topic_len, MQTTAsync_message *message);
void paho_on_left(void *context, MQTTAsync_successData *data);
void paho_on_leave_failed(void *context, MQTTAsync_failureData *data);
/* context: the flight. */
void paho_on_sent(void *context, MQTTAsync_successData *data);
void paho_on_send_failed(void *context, MQTTAsync_failureData *data);
/* context: the filter. */
void paho_on_subscribed(void *context, MQTTAsync_successData *data);
void paho_on_subscribe_failed(void *context, MQTTAsync_failureData *data);

/* The connection is over; the first reason stays. Lock held. */
void paho_lose(spoke_transport *t, enum paho_loss loss, int32_t detail);
/* Who was told E_FULL sleeps until there is room. Lock held. */
void paho_feed(spoke_transport *t);
/* DISCONNECT went out, or never will. */
void paho_say_left(spoke_transport *t);

#endif
