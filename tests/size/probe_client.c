/* A device on the client with the native transport. With every switch on all calls are there but the one that takes its
 * memory from the heap. PROBE_DEVICE is a device whose program is its own, as samples/firmware: its client lies in static
 * memory for ever, its messages are fields, its trouble is told by numbers (no words are built), and it calls no part that
 * is left out. With PROBE_TELEMETRY it only sends, and sleeps in spoke_client_run. */
#include <spoke/client.h>
#include <spoke/features.h>
#include <spoke/proto/hub.h>
#include <spoke/stats.h>

#include "probe.h"

PROBE_KEEP(PROBE_FN(spoke_client_size), PROBE_FN(spoke_client_init), PROBE_FN(spoke_client_open),
           PROBE_FN(spoke_client_close), PROBE_FN(spoke_client_poll), PROBE_FN(spoke_client_run),
           PROBE_FN(spoke_client_state), PROBE_FN(spoke_client_error), PROBE_FN(spoke_transport_native),
#ifndef PROBE_TELEMETRY
           PROBE_FN(spoke_client_next_ms), PROBE_FN(spoke_client_wake), PROBE_FN(spoke_telemetry_send_as),
           PROBE_FN(spoke_property_report),
           /* inside its handlers */
           PROBE_FN(spoke_json_double), PROBE_FN(spoke_json_int), PROBE_FN(spoke_json_bool),
           PROBE_FN(spoke_json_text), PROBE_FN(spoke_json_find), PROBE_FN(spoke_write),
#endif
#ifndef PROBE_DEVICE
           PROBE_FN(spoke_client_destroy), PROBE_FN(spoke_client_fd), PROBE_FN(spoke_client_connect_now),
           PROBE_FN(spoke_client_network), PROBE_FN(spoke_client_set_credential), PROBE_FN(spoke_client_set_trust),
           PROBE_FN(spoke_client_move), PROBE_FN(spoke_client_explain), PROBE_FN(spoke_client_hub_host),
           PROBE_FN(spoke_client_device_id), PROBE_FN(spoke_client_pending), PROBE_FN(spoke_client_stats),
           PROBE_FN(spoke_message_send), PROBE_FN(spoke_message_done), PROBE_FN(spoke_work_begin),
           PROBE_FN(spoke_work_next), PROBE_FN(spoke_work_finish), PROBE_FN(spoke_move_command),
           PROBE_FN(spoke_property_ack), PROBE_FN(spoke_command_reply), PROBE_FN(spoke_bag_next),
           PROBE_FN(spoke_percent_decode), PROBE_FN(spoke_state_name),
#if SPOKE_WITH_STATS
           PROBE_FN(spoke_reason_name), PROBE_FN(spoke_drop_name),
#endif
#endif
           PROBE_FN(spoke_telemetry_send));
