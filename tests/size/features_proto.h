/* A device with an MQTT client of its own: no module, told by nobody but its template's id what it is, and sent no messages
 * beside commands and properties. The values that it acknowledges are those that it has read. */
#define SPOKE_WITH_MODULES 0
#define SPOKE_WITH_RAW_CHECKS 0
#define SPOKE_WITH_DPS_PAYLOAD 0
#define SPOKE_WITH_MESSAGES 0
