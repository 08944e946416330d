/* What this device does not use of Spoke (spoke/features.h; docs/footprint.md says what each switch saves). */
#define SPOKE_WITH_MESSAGES 0 /* from the cloud, and offline commands */
#define SPOKE_WITH_STORAGE 0  /* its queue is in RAM */
#define SPOKE_WITH_BATCHES 0
#define SPOKE_WITH_SETTINGS 0
#define SPOKE_WITH_WORK 0
#define SPOKE_WITH_MOVE 0
#define SPOKE_WITH_RENEWAL 0
#define SPOKE_WITH_STATS 0 /* and so diagnostics */
