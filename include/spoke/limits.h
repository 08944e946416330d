/* Ceilings and defaults, in one place. A ceiling is a property of the build or of the service and is checked at
 * the edge; a default is what a zero in spoke_config means. */
#ifndef SPOKE_LIMITS_H
#define SPOKE_LIMITS_H

#include <spoke/features.h>

/* --- what the service allows (docs/protocol.md says where each comes from) --- */
#define SPOKE_MAX_TELEMETRY_BYTES 262144u /* body and properties together */
#define SPOKE_MAX_C2D_BYTES 65536u
#define SPOKE_MAX_COMMAND_BYTES 131072u /* each way */
#define SPOKE_MAX_TWIN_SECTION_BYTES 32768u
#define SPOKE_MAX_TWIN_VALUE_BYTES 4096u
#define SPOKE_MAX_TWIN_KEY_BYTES 1024u
#define SPOKE_MAX_TWIN_DEPTH 10u
#define SPOKE_MAX_SUBSCRIPTIONS 5u
#define SPOKE_MAX_KEEP_ALIVE_S 1177u

/* --- what this build allows --- */
/* These four may be lower in a build that knows its names (SPOKE_FEATURES_FILE of features.h): the client reserves RAM
 * for them, and refuses what is longer. */
#ifndef SPOKE_MAX_ID_BYTES
#define SPOKE_MAX_ID_BYTES 128u /* device, module, registration: the most that the service allows */
#endif
#ifndef SPOKE_MAX_HOST_BYTES
#define SPOKE_MAX_HOST_BYTES 253u
#endif
#ifndef SPOKE_MAX_RID_BYTES
#define SPOKE_MAX_RID_BYTES 128u /* the service's name for a command under way */
#endif
#ifndef SPOKE_MAX_TEXT_BYTES
#define SPOKE_MAX_TEXT_BYTES 2048u /* a topic with its properties; at connect the token and user name together */
#endif
#ifndef SPOKE_MAX_HELD_BYTES
#define SPOKE_MAX_HELD_BYTES \
    1024u /* of changes that come while the twin is read; without room, it is read again */
#endif
#define SPOKE_MAX_HOSTS 4u
#define SPOKE_MAX_SCOPE_BYTES 64u
#define SPOKE_MAX_KEY_BYTES 64u /* a decoded symmetric key; 16 is the least */
#define SPOKE_MIN_KEY_BYTES 16u
#define SPOKE_MAX_SAS_BYTES 768u
#define SPOKE_JSON_DEPTH 32u

/* --- defaults of spoke_config --- */
#define SPOKE_DEFAULT_PORT 8883u
#define SPOKE_DEFAULT_KEEP_ALIVE_S 240u
#define SPOKE_DEFAULT_SAS_LIFETIME_S 3600u
#define SPOKE_DEFAULT_BACKOFF_MIN_MS 1000u
#define SPOKE_DEFAULT_BACKOFF_MAX_MS 120000u
#define SPOKE_DEFAULT_CONNECT_LIMIT_MS 60000u /* DNS to CONNACK */
#define SPOKE_DEFAULT_QUEUE_BYTES 8192u       /* telemetry waiting or unacknowledged */
#define SPOKE_DEFAULT_REPORT_BYTES 4096u      /* reported properties waiting or unanswered */
#define SPOKE_DEFAULT_RECEIVE_BYTES 8192u     /* the largest packet that can be received whole */
#define SPOKE_DEFAULT_SEND_BYTES 4096u        /* packets joined into one TLS record */
#define SPOKE_DEFAULT_IN_FLIGHT 64u           /* QoS 1 messages without PUBACK */
#define SPOKE_DEFAULT_COMMANDS 4u             /* commands whose answers are deferred */
#define SPOKE_DEFAULT_BATCH_SPAN_MS 1000u
#define SPOKE_DEFAULT_EXPIRY_WARNING_DAYS 30u
#define SPOKE_DEFAULT_DIAGNOSTICS_PERIOD_S 300u
#define SPOKE_DEFAULT_LOG_BYTES 2048u /* with diagnostics */

#endif
