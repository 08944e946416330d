/* The client that is held against other SDKs: what they do (provision, telemetry, properties, commands, cloud-to-device
 * messages), and what they leave to the program (connecting anew, retrying, syncing). Not the rest: no other holds values
 * to the device template. */
#define SPOKE_WITH_CHECKS 0
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
