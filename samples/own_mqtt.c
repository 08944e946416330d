/* Tier 0: the dialect without the client. The MQTT here is Eclipse Paho's synchronous one; Spoke's pure functions say
 * what to send, what the answers mean, and whether both fit the device template. `samples/run.sh own_mqtt` starts a
 * service for it. A product would reconnect and renew its token; spoke_client does. */
#include <MQTTClient.h>
#include <spoke/crypto.h>
#include <spoke/proto/dps.h>
#include <spoke/proto/hub.h>
#include <spoke/proto/sas.h>
#include <spoke/proto/twin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "thermostat_model.h" /* written by spoke-model; of it the table and the types, not what sends */

enum { READINGS = 5, TOPIC_BYTES = 512, TOKEN_LIFETIME_S = 3600, PATIENCE_S = 30 };

struct link {
    spoke_key key; /* of the device */
    MQTTClient mqtt;
    MQTTClient_message *message; /* the one received last, and its topic */
    char *topic;
};

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

static bool fine(const char *what, int code)
{
    if (code != MQTTCLIENT_SUCCESS)
        fprintf(stderr, "%s failed: paho says %d\n", what, code);
    return code == MQTTCLIENT_SUCCESS;
}

static bool connect_to(struct link *link, const char *host, const char *client_id, const char *username,
                       spoke_str resource, spoke_str key_name)
{
    char uri[320], memory[SPOKE_MAX_SAS_BYTES + 1];
    const char *port = getenv("SPOKE_MQTT_PORT");
    MQTTClient_SSLOptions tls = MQTTClient_SSLOptions_initializer;
    MQTTClient_connectOptions options = MQTTClient_connectOptions_initializer;
    spoke_buf token = spoke_buf_from(memory, sizeof(memory) - 1);
    if (spoke_sas_token(resource, time(NULL) + TOKEN_LIFETIME_S, key_name, spoke_key_hmac, &link->key, &token) !=
        SPOKE_OK)
        return false;
    memory[token.len] = '\0';
    tls.trustStore = getenv("SPOKE_CA_FILE");
    tls.verify = 1; /* the name, too */
    options.ssl = &tls;
    options.MQTTVersion = MQTTVERSION_3_1_1;
    options.username = username;
    options.password = memory;
    snprintf(uri, sizeof(uri), "ssl://%s:%s", host, port != NULL ? port : "8883");
    int code = MQTTClient_create(&link->mqtt, uri, client_id, MQTTCLIENT_PERSISTENCE_NONE, NULL);
    if (code == MQTTCLIENT_SUCCESS)
        code = MQTTClient_connect(link->mqtt, &options);
    spoke_wipe(memory, sizeof(memory));
    return fine(uri, code);
}

static void forget_message(struct link *link)
{
    if (link->message != NULL) {
        MQTTClient_freeMessage(&link->message);
        MQTTClient_free(link->topic);
    }
    link->message = NULL;
    link->topic = NULL;
}

static void hang_up(struct link *link)
{
    forget_message(link);
    MQTTClient_disconnect(link->mqtt, 1000);
    MQTTClient_destroy(&link->mqtt);
}

static bool publish(struct link *link, spoke_str topic, spoke_str payload, int qos)
{
    char name[TOPIC_BYTES];
    MQTTClient_deliveryToken sent;
    snprintf(name, sizeof(name), "%.*s", (int)topic.len, topic.ptr);
    int code = MQTTClient_publish(link->mqtt, name, (int)payload.len, payload.ptr, qos, 0, &sent);
    if (code == MQTTCLIENT_SUCCESS && qos > 0)
        code = MQTTClient_waitForCompletion(link->mqtt, sent, PATIENCE_S * 1000);
    return fine(name, code);
}

/* The next message, or an empty topic when none comes in time. The views live until the next call. */
static bool receive(struct link *link, uint64_t until, spoke_str *topic, spoke_str *payload)
{
    const uint64_t now = now_ms();
    int len = 0;
    forget_message(link);
    const unsigned long limit_ms = until > now ? (unsigned long)(until - now) : 0;
    const int code = MQTTClient_receive(link->mqtt, &link->topic, &len, &link->message, limit_ms);
    *topic = *payload = spoke_str_of(NULL);
    if (link->message != NULL) {
        *topic = spoke_str_from(link->topic, (size_t)len);
        *payload = spoke_str_from(link->message->payload, (size_t)link->message->payloadlen);
    }
    return fine("receive", code);
}

static bool converse(struct link *link, spoke_dps *dps, spoke_dps_event *result)
{
    spoke_str topic, payload;
    bool well = true;
    spoke_dps_start(dps, now_ms());
    while (well && spoke_dps_next(dps, result) == SPOKE_E_AGAIN) {
        while (well && spoke_dps_output(dps, &topic, &payload) == SPOKE_OK) {
            well = publish(link, topic, payload, 1);
            spoke_dps_sent(dps, now_ms());
        }
        well = well && receive(link, now_ms() + 200, &topic, &payload);
        spoke_dps_receive(dps, now_ms(), topic, payload);
        spoke_dps_tick(dps, now_ms());
    }
    return well;
}

/* Which hub, and as whom. */
static bool provision(struct link *link, char hub[256], char device[SPOKE_MAX_ID_BYTES + 1])
{
    char username[TOPIC_BYTES] = "", resource[256], scratch[1024];
    spoke_dps dps;
    spoke_dps_event result = {.kind = SPOKE_DPS_REFUSED};
    const spoke_dps_config config = {.id_scope = spoke_str_of(getenv("SPOKE_ID_SCOPE")),
                                     .registration_id = spoke_str_of(getenv("SPOKE_DEVICE_ID")),
                                     .model_id = spoke_str_of(thermostat_model.dtmi)};
    spoke_buf user = spoke_buf_from(username, sizeof(username) - 1),
              path = spoke_buf_from(resource, sizeof(resource));
    if (spoke_dps_username(&config, &user) != SPOKE_OK || spoke_dps_resource(&config, &path) != SPOKE_OK ||
        spoke_dps_init(&dps, &config, scratch, sizeof(scratch)) != SPOKE_OK)
        return false;
    username[user.len] = '\0';
    const bool answered = connect_to(link, getenv("SPOKE_HOST"), getenv("SPOKE_DEVICE_ID"), username,
                                     spoke_buf_str(&path), SPOKE_STR("registration")) &&
                          fine("subscribe", MQTTClient_subscribe(link->mqtt, SPOKE_DPS_FILTER, 1)) &&
                          converse(link, &dps, &result);
    if (answered && result.kind == SPOKE_DPS_ASSIGNED) {
        snprintf(hub, 256, "%.*s", (int)result.hub.len, result.hub.ptr);
        snprintf(device, SPOKE_MAX_ID_BYTES + 1, "%.*s", (int)result.device_id.len, result.device_id.ptr);
        printf("assigned to %s as %s\n", hub, device);
    } else if (answered) {
        fprintf(stderr, "not assigned: %d %.*s\n", (int)result.code, (int)result.message.len, result.message.ptr);
    }
    hang_up(link);
    return answered && result.kind == SPOKE_DPS_ASSIGNED;
}

static bool subscribe(struct link *link, const spoke_hub_identity *id)
{
    char scratch[256];
    spoke_buf room = spoke_buf_from(scratch, sizeof(scratch));
    spoke_mqtt_filter filters[SPOKE_HUB_FILTER_COUNT];
    if (spoke_hub_filters(id, &room, filters) != SPOKE_OK)
        return false;
    for (size_t i = 0; i < SPOKE_HUB_FILTER_COUNT; i++) {
        char name[TOPIC_BYTES];
        snprintf(name, sizeof(name), "%.*s", (int)filters[i].filter.len, filters[i].filter.ptr);
        if (!fine(name, MQTTClient_subscribe(link->mqtt, name, filters[i].qos)))
            return false;
    }
    return true;
}

/* The answer to a call, in `w`, and its status code. */
static int obey(const spoke_hub_event *call, spoke_writer *w)
{
    char why[200];
    spoke_fault fault;
    const thermostat_get_max_min_report_response report = {
        .has = THERMOSTAT_GET_MAX_MIN_REPORT_RESPONSE_HAS_MAX_TEMP, .max_temp = 21.5};
    const spoke_member *command = spoke_model_find(&thermostat_model, SPOKE_COMMAND, call->component, call->name);
    if (command == NULL)
        return 404;
    if (spoke_request_check(command, call->payload, &fault) != SPOKE_OK) {
        spoke_write(w, spoke_text("error", spoke_str_of(spoke_fault_text(&fault, why, sizeof why))));
        return 400;
    }
    thermostat_get_max_min_report_response_write(w, &report); /* the only command that the template has */
    return 200;
}

static bool answer(struct link *link, const spoke_hub_event *call)
{
    char topic[TOPIC_BYTES], body[256];
    spoke_buf name = spoke_buf_from(topic, sizeof(topic) - 1);
    spoke_writer w;
    spoke_str payload;
    spoke_writer_init(&w, body, sizeof(body));
    const int code = obey(call, &w);
    printf("asked for %.*s: %d\n", (int)call->name.len, call->name.ptr, code);
    if (spoke_writer_finish(&w, &payload) != SPOKE_OK || payload.len == 0)
        payload = SPOKE_STR("{}");
    if (spoke_hub_method_reply_topic(call->rid, code, &name) != SPOKE_OK)
        return true; /* a request id too long to echo: nobody we know sends one */
    return publish(link, spoke_buf_str(&name), payload, 0);
}

static bool take(struct link *link, const spoke_hub_identity *id, spoke_twin *twin, spoke_str topic,
                 spoke_str payload)
{
    spoke_hub_event event;
    spoke_twin_event news;
    if (spoke_hub_parse(id, topic, payload, &event) != SPOKE_OK)
        return true;
    if (event.kind == SPOKE_HUB_METHOD)
        return answer(link, &event);
    spoke_twin_receive(twin, now_ms(), &event);
    while (spoke_twin_next(twin, &news) == SPOKE_OK)
        printf("twin, version %lld: %.*s\n", (long long)news.version, (int)news.desired.len, news.desired.ptr);
    return true;
}

static bool listen(struct link *link, const spoke_hub_identity *id, spoke_twin *twin, uint64_t until)
{
    char text[TOPIC_BYTES];
    spoke_buf name = spoke_buf_from(text, sizeof(text) - 1);
    spoke_str topic, payload;
    uint32_t rid;
    bool well = true;
    if (spoke_twin_output(twin, &rid) == SPOKE_OK && spoke_hub_twin_get_topic(rid, &name) == SPOKE_OK) {
        well = publish(link, spoke_buf_str(&name), spoke_str_of(NULL), 0);
        spoke_twin_sent(twin, now_ms());
    }
    while (well && now_ms() < until) {
        well = receive(link, until, &topic, &payload) && take(link, id, twin, topic, payload);
        spoke_twin_tick(twin, now_ms());
    }
    return well;
}

/* A message of readings: what the template lacks, or has with another type, does not leave. */
static bool readings(double celsius, spoke_writer *w, spoke_str *payload)
{
    char why[200];
    spoke_fault fault;
    spoke_write(w, spoke_f64("temperature", celsius));
    if (spoke_writer_finish(w, payload) != SPOKE_OK)
        return false;
    if (spoke_telemetry_check(&thermostat_model, SPOKE_STR(""), *payload, &fault) == SPOKE_OK)
        return true;
    fprintf(stderr, "%s\n", spoke_fault_text(&fault, why, sizeof(why)));
    return false;
}

static bool report(struct link *link, const spoke_hub_identity *id, double celsius)
{
    char topic[TOPIC_BYTES], body[64];
    spoke_buf name = spoke_buf_from(topic, sizeof(topic) - 1);
    spoke_writer w;
    spoke_str payload;
    const spoke_message_properties properties = {.content_type = SPOKE_STR("application/json"),
                                                 .content_encoding = SPOKE_STR("utf-8")};
    spoke_writer_init(&w, body, sizeof(body));
    return readings(celsius, &w, &payload) && spoke_hub_telemetry_topic(id, &properties, &name) == SPOKE_OK &&
           publish(link, spoke_buf_str(&name), payload, 1);
}

static bool run(struct link *link, const char *hub, const char *device)
{
    char username[TOPIC_BYTES], resource[512], held[1024];
    spoke_buf user = spoke_buf_from(username, sizeof(username) - 1),
              path = spoke_buf_from(resource, sizeof(resource));
    spoke_twin twin;
    const spoke_hub_identity id = {.hub_host = spoke_str_of(hub),
                                   .device_id = spoke_str_of(device),
                                   .model_id = spoke_str_of(thermostat_model.dtmi)};
    if (spoke_hub_username(&id, &user) != SPOKE_OK || spoke_hub_resource(&id, &path) != SPOKE_OK)
        return false;
    username[user.len] = '\0';
    bool well =
        connect_to(link, hub, device, username, spoke_buf_str(&path), spoke_str_of(NULL)) && subscribe(link, &id);
    spoke_twin_init(&twin, held, sizeof(held));
    spoke_twin_start(&twin, now_ms());
    for (int reading = 1; well && reading <= READINGS; reading++) {
        well = report(link, &id, 20.0 + reading / 10.0);
        if (well)
            printf("reading %d is acknowledged\n", reading);
        well = well && listen(link, &id, &twin, now_ms() + 1000);
    }
    hang_up(link);
    return well;
}

int main(void)
{
    char hub[256], device[SPOKE_MAX_ID_BYTES + 1];
    struct link link = {.mqtt = NULL};
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (getenv("SPOKE_HOST") == NULL ||
        spoke_key_from_base64(spoke_str_of(getenv("SPOKE_DEVICE_KEY")), &link.key) != SPOKE_OK) {
        fputs("set SPOKE_HOST, SPOKE_ID_SCOPE, SPOKE_DEVICE_ID, SPOKE_DEVICE_KEY and SPOKE_CA_FILE\n", stderr);
        return 2;
    }
    const bool well = provision(&link, hub, device) && run(&link, hub, device);
    spoke_key_wipe(&link.key);
    return well ? 0 : 1;
}
