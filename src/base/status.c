#include <string.h>

#include <spoke/base.h>
#include <spoke/features.h>

#define STATUS_NUMBER(name, number, sentence) number,
#define STATUS_NAME(name, number, sentence) #name "\0"
#define STATUS_TEXT(name, number, sentence) sentence "\0"

/* Where the status stands in the lists below, or behind their ends. */
static size_t place_of(spoke_status status)
{
    static const int16_t numbers[] = {SPOKE_STATUS_LIST(STATUS_NUMBER)};
    size_t at = 0;
    while (at < sizeof numbers / sizeof numbers[0] && numbers[at] != (int)status)
        at++;
    return at;
}

/* Of texts in a row, each with its NUL. */
static const char *text_at(const char *texts, size_t place)
{
    for (; place > 0; place--)
        texts += strlen(texts) + 1;
    return texts;
}

const char *spoke_status_name(spoke_status status)
{
    static const char names[] = SPOKE_STATUS_LIST(STATUS_NAME) "SPOKE_E_?";
    return text_at(names, place_of(status));
}

const char *spoke_status_text(spoke_status status)
{
#if SPOKE_WITH_SENTENCES
    static const char sentences[] = SPOKE_STATUS_LIST(STATUS_TEXT) "an unknown status";
    return text_at(sentences, place_of(status));
#else
    return spoke_status_name(status);
#endif
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
