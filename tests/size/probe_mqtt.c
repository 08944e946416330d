/* A device with a transport of its own: the MQTT session as a client, and the codec as far as that needs it. */
#include <spoke/proto/mqtt.h>

#include "probe.h"

PROBE_KEEP(PROBE_FN(spoke_mqtt_size), PROBE_FN(spoke_mqtt_init), PROBE_FN(spoke_mqtt_connect),
           PROBE_FN(spoke_mqtt_publish), PROBE_FN(spoke_mqtt_subscribe), PROBE_FN(spoke_mqtt_unsubscribe),
           PROBE_FN(spoke_mqtt_ack), PROBE_FN(spoke_mqtt_disconnect), PROBE_FN(spoke_mqtt_lost),
           PROBE_FN(spoke_mqtt_reset), PROBE_FN(spoke_mqtt_output), PROBE_FN(spoke_mqtt_sent),
           PROBE_FN(spoke_mqtt_room), PROBE_FN(spoke_mqtt_received), PROBE_FN(spoke_mqtt_next),
           PROBE_FN(spoke_mqtt_deadline), PROBE_FN(spoke_mqtt_tick), PROBE_FN(spoke_mqtt_in_flight));
