/* What the parts of the core share: the state of the service, and the doors between its files. */
#ifndef SPOKE_SRC_CENTRAL_CORE_INTERNAL_H
#define SPOKE_SRC_CENTRAL_CORE_INTERNAL_H

#include "conn.h"
#include "core.h"
#include "faults.h"

#define CORE_DEFAULT_GROUP "SAS-IoT-Devices"
#define CORE_X509_GROUP "X509-IoT-Devices"

/* The codes of IoT Hub and DPS that this service answers with (docs/protocol.md, "errors"). */
enum {
    CODE_ARGUMENT = 400004,
    CODE_NOT_APPROVED = 400209,
    CODE_TAKEN_OVER = 400027,
    CODE_UNAUTHORIZED = 401002,
    CODE_NOT_ONLINE = 404103,
    CODE_CLOSED_REMOTELY = 404104,
    CODE_METHODS_IN_FLIGHT = 403800,
    CODE_TOO_LARGE = 413001,
    CODE_THROTTLED = 429001,
    CODE_BAD_ANSWER = 502000, /* ours: the device answered a method with text that is not JSON */
    CODE_METHOD_TIMEOUT = 504101
};

struct event_ring;
struct method_call;
struct command_run;
struct dps_registration;
struct c2d_mark;

struct core {
    struct core_options options; /* clock, random, log and figures; its texts are copied below */
    struct store *store;
    char *id_scope, *hub_host, *application_id, *application_secret;
    struct conn *conns;
    struct conn *held; /* those whose output waits for the commit */
    struct faults faults;
    struct event_ring *events;
    struct method_call *calls;
    struct command_run *command_runs; /* what REST waits for */
    uint64_t last_ticket;
    struct dps_registration *registrations; /* newest first */
    size_t registration_count;
    bool reply_turn; /* parameters of DPS reply topics change places every other time */
    struct c2d_mark *marks;
    uint64_t due;     /* no timer of any connection or call is earlier */
    bool uncommitted; /* the store was written to since the last commit */
};

/* --- core.c --- */
void core_due(struct core *c, uint64_t at); /* a timer was set */
/* Before any write: opens the transaction that core_commit closes. */
spoke_status core_dirty(struct core *c);
/* Device and registration ids: 1 to 128 letters, digits, '-', '.', '_' or ':', the last a letter, a digit or '-'. */
bool core_good_id(spoke_str id);
/* A fresh symmetric key in base64, as long as the cloud's. False: no randomness. */
bool core_make_key(struct core *c, char out[96]);
/* Heap copies, NUL-terminated. NULL when there is no memory. */
char *text_copy(spoke_str text);
bool text_set(char **slot, spoke_str text); /* false: no memory, slot as it was */
/* "2026-03-04T05:06:07.123Z" of now, with 3 or 7 digits. */
void core_time(const struct core *c, unsigned digits, char out[40]);
/* {"errorCode":..,"trackingId":..,"message":..,"timestampUtc":..} on the heap; NULL when there is no memory. */
char *core_error_body(struct core *c, int32_t code, const char *message);
/* False: too deep, not JSON, not UTF-8, or with a NUL character (\u0000). cJSON recurses, so its input is measured first. *out: new tree. */
bool core_parse_json(spoke_str text, cJSON **out);

/* --- events.c --- */
void events_free(struct event_ring *ring);

/* --- device_auth.c --- */

#define AUTH_TOKEN_CAP 1024u

/* A shared access signature taken apart. */
struct auth_token {
    char signed_text[AUTH_TOKEN_CAP]; /* sr LF se, as they came */
    size_t signed_len;
    uint8_t signature[32];
    int64_t expires_s;
};
enum auth_verdict { AUTH_OK, AUTH_MALFORMED, AUTH_EXPIRED, AUTH_OTHER_RESOURCE, AUTH_WRONG_KEY };
const char *auth_verdict_text(enum auth_verdict verdict);
/* Everything but the signature. `nocase`: registration ids compare without case. */
enum auth_verdict auth_token_read(const struct core *c, spoke_str password, spoke_str resource, bool nocase,
                                  struct auth_token *out);
bool auth_token_signed_by(const struct auth_token *token, const char *base64_key);
/* The key that a group gives an id. False: an X.509 group, or a broken key. */
bool auth_group_key(const struct store_group *group, bool secondary, spoke_str id, char out[96]);

/* What a DPS CONNECT proved, kept until the registration. */
struct auth_enrolment {
    bool proven;    /* some enrolment accepts the credential */
    bool enabled;   /* and that one is not disabled */
    char *group_id; /* NULL: the device's own keys */
};
/* `device`: the row of that id, NULL when there is none. `token` NULL: the certificate counts. */
spoke_status auth_enrolment_find(struct core *c, spoke_str registration_id, const struct store_device *device,
                                 const struct auth_token *token, struct auth_enrolment *out);
/* Hub: the key of this row that signed the token; its digest goes to key_digest, to notice a later change. */
bool auth_device_signed(struct core *c, const struct store_device *device, const struct auth_token *token,
                        uint8_t key_digest[32]);
/* Is a key with that digest still one of the device's? */
bool auth_device_has_key(struct core *c, const struct store_device *device, const uint8_t key_digest[32]);

/* --- dps_service.c: the provisioning side of a connection --- */
void dps_connect(struct conn *k, const spoke_mqtt_packet *connect);
void dps_publish(struct conn *k, const spoke_mqtt_packet *publish);
void dps_registrations_free(struct core *c);
bool dps_is_username(spoke_str username);

/* --- hub_service.c: the hub side --- */
void hub_connect(struct conn *k, const spoke_mqtt_packet *connect);
void hub_publish(struct conn *k, const spoke_mqtt_packet *publish);
bool hub_filter_topic(const struct conn *k, spoke_str filter, enum conn_topic *out);
void hub_subscriptions_changed(struct conn *k); /* after SUBACK or UNSUBACK */
void hub_ended(struct conn *k);                 /* before the will */
struct conn *hub_conn(struct core *c, const char *device_id);

/* The query part "$rid=1&..." of a topic, given with or without its '?'. False: no $rid, or an overlong one. */
bool topic_rid(spoke_str query, spoke_str *rid);

/* --- telemetry.c --- */
/* Stores one message (or will). E_PROTOCOL: the bag is broken; E_TOO_LARGE. */
spoke_status telemetry_store(struct conn *k, spoke_str bag, spoke_str body, uint8_t qos, bool retain, bool will);
/* True and *bag when the topic is this device's own event topic. */
bool telemetry_topic(const struct conn *k, spoke_str topic, spoke_str *bag);

/* --- twin.c --- */
bool twin_publish(struct conn *k, const spoke_mqtt_packet *publish); /* false: not a twin topic */

/* --- method.c --- */
bool method_publish(struct conn *k, const spoke_mqtt_packet *publish); /* false: not a method topic */
void method_device_ready(struct conn *k); /* it subscribed: calls that waited go out */
uint64_t method_deadline(const struct core *c);
void method_tick(struct core *c);
void method_free_all(struct core *c);

/* --- rest_commands.c --- */
void rest_commands_free(struct core *c);

/* --- c2d.c --- */
void c2d_deliver(struct conn *k);
void c2d_puback(struct conn *k, uint16_t packet_id);
uint64_t c2d_deadline(const struct conn *k);
void c2d_tick(struct conn *k);
void c2d_purge(struct core *c, const char *device_id); /* forgets all that waits */
void c2d_marks_free(struct core *c);

#endif
