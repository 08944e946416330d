#include "transport/native_error.h"

#include <spoke/features.h>

#include "transport/refusal.h"

static spoke_error make(spoke_status status, spoke_source source, int32_t detail, const char *text)
{
    const spoke_error error = {status, source, detail, SPOKE_WITH_SENTENCES ? text : spoke_status_text(status)};
    return error;
}

spoke_error native_error_none(void)
{
    return make(SPOKE_OK, SPOKE_SOURCE_CLIENT, 0, spoke_status_text(SPOKE_OK));
}

static const char *link_text(enum native_stage stage)
{
    switch (stage) {
    case NATIVE_STAGE_DNS:
        return "the host name could not be resolved: check its spelling and that a name server can be reached";
    case NATIVE_STAGE_TCP:
        return "no TCP connection: check host, port, network and firewall, and that the service runs";
    case NATIVE_STAGE_TLS:
        return "the connection broke during the TLS handshake: check that the port is the TLS one";
    case NATIVE_STAGE_CONNACK:
        return "the service closed the connection instead of answering CONNECT: check that the port speaks MQTT over "
               "TLS and that the device identity is right";
    case NATIVE_STAGE_OPEN:
        break;
    }
    return "the connection was lost: the network failed, or the service closed it (another connection with the same "
           "device id, an expired token, a message that is not allowed)";
}

spoke_error native_error_link(enum native_stage stage, spoke_status status, int32_t detail)
{
    return make(status, SPOKE_SOURCE_PORT, detail, link_text(stage));
}

spoke_error native_error_timeout(enum native_stage stage)
{
    switch (stage) {
    case NATIVE_STAGE_DNS:
        return make(SPOKE_E_TIMEOUT, SPOKE_SOURCE_PORT, 0,
                    "no name server answered within the connect limit: check the network and its name servers");
    case NATIVE_STAGE_TCP:
        return make(SPOKE_E_TIMEOUT, SPOKE_SOURCE_PORT, 0,
                    "the host did not answer within the connect limit: check host, port, network and firewall");
    case NATIVE_STAGE_TLS:
        return make(SPOKE_E_TIMEOUT, SPOKE_SOURCE_TLS, 0,
                    "the TLS handshake did not end within the connect limit: check that the port is the TLS one");
    case NATIVE_STAGE_CONNACK:
    case NATIVE_STAGE_OPEN:
        break;
    }
    return make(
        SPOKE_E_TIMEOUT, SPOKE_SOURCE_MQTT, 0,
        "no CONNACK came within the connect limit: the service is overloaded, or the port does not speak MQTT");
}

spoke_error native_error_session(spoke_status status)
{
    if (status == SPOKE_E_TIMEOUT)
        return make(
            status, SPOKE_SOURCE_MQTT, 0,
            "the service stayed silent beyond the keep-alive time: the connection is dead; check the network");
    if (status == SPOKE_E_PROTOCOL)
        return make(status, SPOKE_SOURCE_MQTT, 0,
                    "the service sent bytes that are not MQTT 3.1.1: check host and port");
    return make(status, SPOKE_SOURCE_MQTT, 0, spoke_status_text(status));
}

spoke_error native_error_refused(uint8_t code)
{
    return make(SPOKE_E_REFUSED, SPOKE_SOURCE_MQTT, code, refusal_text(code));
}
