/* What a refused CONNECT means, for every transport. Inline: spoke-paho is a library of its own and sees only what
 * libspoke exports. */
#ifndef SPOKE_SRC_TRANSPORT_REFUSAL_H
#define SPOKE_SRC_TRANSPORT_REFUSAL_H

#include <stdint.h>

/* MQTT 3.1.1 table 3.1; for the causes on the hub's side see docs/protocol.md. */
static inline const char *refusal_text(int32_t code)
{
    switch (code) {
    case 1:
        return "the service does not speak MQTT 3.1.1 at this address: check host and port";
    case 2:
        return "the service refused the client id: check the device id";
    case 3:
        return "the service is unavailable, or the device is disabled: try again later";
    case 4:
        return "the service found the user name or password malformed: check key, device id and clock";
    case 5:
        return "the service refused the credential: check key, device id and clock, and that the device is enabled";
    default:
        return "the service refused the connection with a code that MQTT 3.1.1 does not define: see detail";
    }
}

#endif
