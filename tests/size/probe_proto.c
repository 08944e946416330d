/* A device with an MQTT client of its own: provisions by a key, sends telemetry, walks desired properties and acknowledges
 * them, answers commands. That is samples/own_mqtt.c without its template, to which values are not held here, and without
 * our HMAC. With PROBE_TWIN it also keeps the twin by our machine, and writes and reads its values by our JSON. */
#include <spoke/proto/dps.h>
#include <spoke/proto/hub.h>
#include <spoke/proto/pnp.h>
#include <spoke/proto/sas.h>
#ifdef PROBE_TWIN
#include <spoke/proto/twin.h>
#endif

#include "probe.h"

PROBE_KEEP(PROBE_FN(spoke_dps_username), PROBE_FN(spoke_dps_resource), PROBE_FN(spoke_dps_init),
           PROBE_FN(spoke_dps_start), PROBE_FN(spoke_dps_output), PROBE_FN(spoke_dps_sent),
           PROBE_FN(spoke_dps_receive), PROBE_FN(spoke_dps_next), PROBE_FN(spoke_dps_deadline),
           PROBE_FN(spoke_dps_tick),
           /* the hub */
           PROBE_FN(spoke_hub_client_id), PROBE_FN(spoke_hub_username), PROBE_FN(spoke_hub_resource),
           PROBE_FN(spoke_hub_filters), PROBE_FN(spoke_hub_telemetry_topic), PROBE_FN(spoke_hub_twin_get_topic),
           PROBE_FN(spoke_hub_twin_report_topic), PROBE_FN(spoke_hub_method_reply_topic),
           PROBE_FN(spoke_hub_parse),
/* tokens, properties */
#ifdef PROBE_TWIN
           PROBE_FN(spoke_twin_init), PROBE_FN(spoke_twin_start), PROBE_FN(spoke_twin_output),
           PROBE_FN(spoke_twin_sent), PROBE_FN(spoke_twin_receive), PROBE_FN(spoke_twin_next),
           PROBE_FN(spoke_twin_deadline), PROBE_FN(spoke_twin_tick), PROBE_FN(spoke_write),
           PROBE_FN(spoke_json_double), PROBE_FN(spoke_json_int), PROBE_FN(spoke_json_bool),
           PROBE_FN(spoke_json_text), PROBE_FN(spoke_json_find),
#endif
           PROBE_FN(spoke_sas_token), PROBE_FN(spoke_pnp_enter), PROBE_FN(spoke_pnp_next), PROBE_FN(spoke_pnp_ack),
           PROBE_FN(spoke_pnp_begin_component), PROBE_FN(spoke_pnp_end_component),
           PROBE_FN(spoke_pnp_split_command), PROBE_FN(spoke_writer_init), PROBE_FN(spoke_write_begin_object),
           PROBE_FN(spoke_write_end_object), PROBE_FN(spoke_writer_finish));
