/* The small client: provisions, sends telemetry by priority from a queue in RAM, reports, is set and commanded, comes back
 * by itself with a new token. Its link is encrypted by others, as by a modem: TLS is counted apart. */
#define SPOKE_WITH_MODULES 0
#define SPOKE_WITH_DPS_PAYLOAD 0
#define SPOKE_WITH_WILL 0
#define SPOKE_WITH_TLS 0
#define SPOKE_WITH_DEFER 0
#define SPOKE_WITH_MESSAGES 0
#define SPOKE_WITH_CHECKS 0
#define SPOKE_WITH_STAMPS 0
#define SPOKE_WITH_EXACT_DOUBLES 0
#define SPOKE_WITH_DROPS 0
#define SPOKE_WITH_RESUME 0
#define SPOKE_WITH_MERGE 0
#define SPOKE_WITH_RECORDS 0
#define SPOKE_WITH_STORAGE 0
#define SPOKE_WITH_BATCHES 0
#define SPOKE_WITH_SETTINGS 0
#define SPOKE_WITH_WORK 0
#define SPOKE_WITH_MOVE 0
#define SPOKE_WITH_RENEWAL 0
#define SPOKE_WITH_CLOCK_HELP 0
#define SPOKE_WITH_STATS 0
#define SPOKE_WITH_LOG 0
#define SPOKE_WITH_SENTENCES 0
#define SPOKE_WITH_LOCKS 0
#define SPOKE_WITH_CONFIG_CHECKS 0
#define SPOKE_WITH_HOSTS 0
#define SPOKE_WITH_SEARCH 0
#define SPOKE_WITH_REASONS 0
#define SPOKE_WITH_NETWORK 0
#define SPOKE_WITH_PACE 0
#define SPOKE_WITH_NOTICES 0
/* its names are short: hosts of Azure, ids of 64 characters, no properties of its own beside a message */
#define SPOKE_MAX_ID_BYTES 64u
#define SPOKE_MAX_HOST_BYTES 95u
#define SPOKE_MAX_RID_BYTES 40u
#define SPOKE_MAX_TEXT_BYTES 1024u
/* a change that comes while the properties are read is rare: it costs another read */
#define SPOKE_MAX_HELD_BYTES 0u
