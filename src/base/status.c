#include <spoke/base.h>

#define STATUS_NAME(name, number, sentence) \
    case name: \
        return #name;
#define STATUS_TEXT(name, number, sentence) \
    case name: \
        return sentence;

const char *spoke_status_name(spoke_status status)
{
    switch (status) {
        SPOKE_STATUS_LIST(STATUS_NAME)
    case SPOKE_STATUS_INT32_:
        break;
    }
    return "SPOKE_E_?";
}

const char *spoke_status_text(spoke_status status)
{
    switch (status) {
        SPOKE_STATUS_LIST(STATUS_TEXT)
    case SPOKE_STATUS_INT32_:
        break;
    }
    return "an unknown status";
}

const char *spoke_source_name(spoke_source source)
{
    switch (source) {
    case SPOKE_SOURCE_CLIENT:
        return "client";
    case SPOKE_SOURCE_PORT:
        return "port";
    case SPOKE_SOURCE_TLS:
        return "tls";
    case SPOKE_SOURCE_MQTT:
        return "mqtt";
    case SPOKE_SOURCE_PROVISIONING:
        return "provisioning";
    case SPOKE_SOURCE_HUB:
        return "hub";
    case SPOKE_SOURCE_MODEL:
        return "model";
    }
    return "unknown";
}
