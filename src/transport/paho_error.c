#include "transport/paho_error.h"

#include "transport/refusal.h"

static spoke_error make(spoke_status status, spoke_source source, int32_t detail, const char *text)
{
    const spoke_error error = {status, source, detail, text};
    return error;
}

spoke_error paho_error(enum paho_loss loss, int32_t detail)
{
    switch (loss) {
    case PAHO_LOSS_NONE:
        break;
    case PAHO_LOSS_DNS:
        return make(
            SPOKE_E_DNS, SPOKE_SOURCE_PORT, detail,
            "the host name could not be resolved: check its spelling and that a name server can be reached");
    case PAHO_LOSS_TCP:
        return make(SPOKE_E_NET, SPOKE_SOURCE_PORT, detail,
                    "no TCP connection: check host, port, network and firewall, and that the service runs");
    case PAHO_LOSS_HANDSHAKE:
        return make(SPOKE_E_TLS, SPOKE_SOURCE_TLS, detail,
                    "the TLS handshake failed: check that the port is the TLS one, and the client certificate");
    case PAHO_LOSS_CERTIFICATE:
        return make(
            SPOKE_E_CERTIFICATE, SPOKE_SOURCE_TLS, detail,
            "the server's certificate is not trusted: check the trust anchors, and its dates against the clock");
    case PAHO_LOSS_NAME:
        return make(
            SPOKE_E_TLS, SPOKE_SOURCE_TLS, detail,
            "the server's certificate is for another name, or the server broke off the handshake: check the "
            "host name, that the port is the TLS one, and the client certificate");
    case PAHO_LOSS_GREETING:
        return make(
            SPOKE_E_NET, SPOKE_SOURCE_PORT, detail,
            "the service closed the connection instead of answering CONNECT: check that the port speaks MQTT "
            "over TLS and that the device identity is right");
    case PAHO_LOSS_REFUSED:
        return make(SPOKE_E_REFUSED, SPOKE_SOURCE_MQTT, detail, refusal_text(detail));
    case PAHO_LOSS_LIMIT:
        return make(
            SPOKE_E_TIMEOUT, SPOKE_SOURCE_MQTT, detail,
            "no CONNACK came within the connect limit: the host does not answer, the service is overloaded, or "
            "the port does not speak MQTT over TLS");
    case PAHO_LOSS_SILENT:
        return make(
            SPOKE_E_TIMEOUT, SPOKE_SOURCE_MQTT, detail,
            "the service stayed silent beyond the keep-alive time: the connection is dead; check the network");
    case PAHO_LOSS_LINK:
        return make(
            SPOKE_E_NET, SPOKE_SOURCE_PORT, detail,
            "the connection was lost: the network failed, or the service closed it (another connection with "
            "the same device id, an expired token, a message that is not allowed)");
    case PAHO_LOSS_SUBACK:
        return make(SPOKE_E_PROTOCOL, SPOKE_SOURCE_MQTT, detail,
                    "the service answered a subscription with a code that MQTT 3.1.1 does not define");
    case PAHO_LOSS_API:
        return make(SPOKE_E_NET, SPOKE_SOURCE_PORT, detail,
                    "paho.mqtt.c refused to go on: see its return code in detail");
    }
    return make(SPOKE_OK, SPOKE_SOURCE_CLIENT, 0, spoke_status_text(SPOKE_OK));
}
