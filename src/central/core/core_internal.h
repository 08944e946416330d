/* What the parts of the core share: the state of the service, and the doors between its files. */
#ifndef SPOKE_SRC_CENTRAL_CORE_INTERNAL_H
#define SPOKE_SRC_CENTRAL_CORE_INTERNAL_H

#include "conn.h"
#include "core.h"
#include "faults.h"
#include "guesses.h"
#include "limits.h"
#include "rates.h"
#include "template.h"

#define CORE_DEFAULT_GROUP "SAS-IoT-Devices"
#define CORE_X509_GROUP "X509-IoT-Devices"
#define CORE_LOG_PAUSE_MS 60000u

/* The codes of IoT Hub and DPS that this service answers with (docs/protocol.md, "errors"). */
enum {
    CODE_ARGUMENT = 400004,
    CODE_NOT_APPROVED = 400209,
    CODE_TAKEN_OVER = 400027,
    CODE_UNAUTHORIZED = 401002,
    CODE_QUOTA = 403002,
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
struct refusals;
struct kept_template;
struct order;
struct work;
struct jobs;
struct simulator;

struct core {
    struct core_options options; /* clock, random, log and figures; its texts are copied below */
    struct store *store;
    char *id_scope, *hub_host, *application_id, *application_secret;
    char *connection_host, *connection_ca; /* of core_set_connection */
    uint16_t connection_port;
    struct list conns;
    struct list held;     /* those whose output waits for the commit */
    struct list stirred;  /* those that a stream has to look at */
    struct timers timers; /* of conns */
    void *hubs;           /* those in CONN_HUB by id: the root of tsearch, which no choice of ids makes slow */
    uint64_t ticks;       /* of conns, so far */
    struct faults faults;
    struct rates rates;
    struct limits limits;
    struct order *orders;
    struct event_ring *events;
    struct method_call *calls;
    struct command_run *command_runs; /* what REST waits for */
    struct refusals *refusals;        /* NULL: none so far */
    struct guesses dps_guesses[2];    /* by token, by certificate */
    char *last_group;                 /* that accepted a registration; NULL: none yet */
    uint64_t last_ticket;
    struct list registrations;  /* oldest first */
    void *registrations_by_id;  /* root of tsearch */
    bool reply_turn;            /* parameters of DPS reply topics change places every other time */
    uint64_t group_round;       /* rises with each change of a group's keys or authorities */
    struct core_task judging;   /* of connections that came before that */
    void *marks;                /* of c2d by device id, root of tsearch */
    struct kept_template *kept; /* tables of templates, most recent first */
    size_t kept_count, kept_bytes;
    uint64_t template_round; /* rises when any template changed */
    core_offload_fn offload; /* NULL: all is done in this thread */
    void *offload_ctx;
    struct jobs *jobs;
    struct simulator *simulator;
    struct work *works;                /* that run elsewhere */
    struct store *readers[CORE_LANES]; /* each its lane's alone; NULL: not opened yet */
    uint64_t due;                      /* no timer of any call or order is earlier */
    struct list listeners;             /* to the event stream */
    struct list streams;               /* live ones, over HTTP */
    struct timers tasks;
    struct core_task clearing;   /* of events */
    int64_t told;                /* the last event that they heard of */
    uint64_t lost_log_ms;        /* no line about events that were lost before */
    struct log_budget strangers; /* of core_log_stranger */
    bool uncommitted;            /* the store was written to since the last commit */
    uint64_t committed_ms;       /* when that was */
    uint64_t round;              /* a span of commit_pause_ms in which senders are counted */
    uint64_t round_end_ms;
    uint32_t senders, crowd; /* in this round, and in the one before */
};

/* --- core.c --- */
void core_due(struct core *c, uint64_t at); /* a timer was set, other than a connection's */
/* May a line be written, of `most` in a second? *left_out: when a new second begins, those that might not in the last one
 * that had any. */
bool log_admits(struct core *c, struct log_budget *budget, uint32_t most, uint32_t *left_out);
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

/* --- stream.c --- */
void stream_committed(struct core *c); /* wakes listeners when there are new events */
void stream_tick(struct core *c);      /* runs the tasks that are due */

/* --- clear.c: events that were cleared leave the store by and by --- */
void clear_wake(struct core *c); /* there may be some */
void clear_lost(struct core *c); /* a commit failed: not so soon again */

/* --- events.c: what tests look at --- */
void events_free(struct event_ring *ring);

/* --- device_auth.c --- */

#define AUTH_TOKEN_CAP 1024u

/* A shared access signature taken apart. */
struct auth_token {
    char signed_text[AUTH_TOKEN_CAP]; /* sr LF se, as they came */
    size_t signed_len;
    uint8_t signature[32];
    int64_t expires_ms; /* INT64_MAX: later than that */
};
enum auth_verdict { AUTH_OK, AUTH_MALFORMED, AUTH_EXPIRED, AUTH_OTHER_RESOURCE, AUTH_WRONG_KEY };
const char *auth_verdict_text(enum auth_verdict verdict);
/* Everything but the signature. `nocase`: registration ids compare without case. */
enum auth_verdict auth_token_read(const struct core *c, spoke_str password, spoke_str resource, bool nocase,
                                  struct auth_token *out);

/* What a credential proved. */
struct auth_enrolment {
    bool proven;    /* some enrolment accepts the credential */
    bool enabled;   /* and that one is not disabled */
    bool own;       /* it is the device's own enrolment */
    char *group_id; /* else; on the heap */
    uint8_t
        digest[32];  /* of the key, the device's own certificate or the group's authority by which it is proven */
    const char *why; /* not proven; static, or NULL */
    uint32_t tries;  /* groups whose keys were tried; an authority counts as AUTH_AUTHORITY_TRIES */
};
#define AUTH_MAX_GROUPS 1000u     /* the keys of all are tried for a new device */
#define AUTH_AUTHORITY_TRIES 100u /* a signature is verified in the time of that many groups */
/* By what is likely, in the time of three keys: the device's own enrolment, its group, the group that accepted the last
 * device. `device`: the row of that id, NULL when there is none. */
spoke_status auth_enrolment_near(struct core *c, spoke_str registration_id, const struct store_device *device,
                                 const struct auth_token *token, struct auth_enrolment *out);
/* The same, and then by every other group. */
spoke_status auth_enrolment_find(struct core *c, spoke_str registration_id, const struct store_device *device,
                                 const struct auth_token *token, struct auth_enrolment *out);

/* --- certificate_auth.c: chains are DER, the device's own certificate first --- */
/* The same for what a client showed. `only`: of this group and no other; NULL: of any. */
spoke_status auth_certificate(struct core *c, const struct store_device *device, const char *only, spoke_str chain,
                              struct auth_enrolment *out);
/* Subject CN of the first. False: none. */
bool auth_common_name(spoke_str chain, char out[CONN_ID_CAP]);
/* Is what has that digest still the device's own certificate, or a verified authority of this group? `group_id` NULL: the
 * device's own. */
bool auth_device_has_certificate(struct core *c, const struct store_device *device, const char *group_id,
                                 const uint8_t digest[32]);
/* Has it an enrolment of its own by certificate? Then no key will do. */
bool auth_device_has_certificates(struct core *c, const char *device_id);
/* Its own enrolment is by key or by certificates; then no group counts. NULL: there is no device, and it has none. */
bool auth_device_has_own(struct core *c, const struct store_device *device);
/* The authorities of --device-ca take the place of those of the last start. E_CERTIFICATE: not such a file. */
spoke_status auth_device_ca(struct core *c, const char *pem);
/* Hub: the key of this row that signed the token; its digest goes to key_digest, to notice a later change. */
bool auth_device_signed(struct core *c, const struct store_device *device, const struct auth_token *token,
                        uint8_t key_digest[32]);
/* Is a key with that digest still one of the device's? */
bool auth_device_has_key(struct core *c, const struct store_device *device, const uint8_t key_digest[32]);

/* --- hub_service.c and enrolments.c: what was proven at CONNECT --- */
/* A group's keys or authorities changed: soon, connections that came by what it has no longer are ended. */
void core_group_changed(struct core *c);
void hub_judge_again(struct conn *k);

/* --- dps_service.c: the provisioning side of a connection --- */
void dps_connect(struct conn *k, const spoke_mqtt_packet *connect);
void dps_publish(struct conn *k, const spoke_mqtt_packet *publish);
void dps_registrations_free(struct core *c);
void dps_guesses_init(struct core *c);
void dps_forget_token(struct conn *k);
bool dps_is_username(spoke_str username);

/* --- hub_service.c: the hub side --- */
void hub_connect(struct conn *k, const spoke_mqtt_packet *connect);
void hub_publish(struct conn *k, const spoke_mqtt_packet *publish);
bool hub_filter_topic(const struct conn *k, spoke_str filter, enum conn_topic *out);
void hub_subscriptions_changed(struct conn *k);                /* after SUBACK or UNSUBACK */
void hub_ended(struct conn *k, const char *why, int32_t code); /* before the will */

/* The query part "$rid=1&..." of a topic, given with or without its '?'. False: no $rid, or an overlong one. */
bool topic_rid(spoke_str query, spoke_str *rid);

/* --- templates.c --- */
/* The table of a template; NULL: no id, no such template, or none that can be used. Valid until the next call. */
const struct template_table *core_template(struct core *c, const char *id);
void core_template_changed(struct core *c, const char *id); /* stored, or deleted */
/* The same for the device of a connection. */
const struct template_table *conn_template(struct conn *k);
/* The device says which model it has, at DPS or in its CONNECT: the row gets the template of that model when it has
 * none, or when the model is another one than before. Not stored. */
spoke_status device_announced(struct core *c, struct store_device *row, const char *model_id);
void templates_free(struct core *c);

/* --- misfits.c: what does not fit a template --- */
struct misfit {
    spoke_str component, name; /* empty name: the whole message, or element */
    int element;               /* of a message with several readings, from 0; -1: it is not one */
    enum template_fit fit;
    const char *why;
};
typedef bool (*misfit_fn)(void *ctx, const struct misfit *misfit); /* false: enough */
/* Each value of a message that does not fit: of the one object that it is, or of each in its array. */
void misfits_of_message(const struct template_table *t, spoke_str component, spoke_str body, misfit_fn each,
                        void *ctx);
/* Each property of a patch that does not fit; component empty: the root, whose components are looked into. */
void misfits_of_patch(const struct template_table *t, spoke_str component, spoke_str object, bool desired,
                      misfit_fn each, void *ctx);
/* Counts and logs what a device sent that does not fit its template; without a template nothing. */
spoke_status misfits_note_message(struct conn *k, spoke_str component, spoke_str body);
/* The same for a body that could not be unpacked. */
spoke_status misfits_note_unread(struct conn *k, const char *why);
spoke_status misfits_note_report(struct conn *k, spoke_str patch);

/* --- telemetry.c --- */
/* Names that IoT Central ignores in telemetry. */
bool telemetry_name_reserved(spoke_str name);
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

/* --- gateways.c --- */
/* Could the device be behind this gateway? Not when it is above it, or there are too many one behind the other. */
bool core_gateway_fits(struct core *c, const char *gateway_id, const char *device_id);
/* The device says that it is behind this gateway, and behind no other. E_NOT_FOUND: there is no such gateway; E_ARG: it
 * does not fit, or another relationship of the gateway has the id that this one would get. */
spoke_status core_gateway_link(struct core *c, const char *gateway_id, const char *device_id);

/* --- jobs.c --- */
spoke_status jobs_begin(struct core *c);
void jobs_free(struct core *c);
/* What was written did not last: they go on from what the store has, after a pause. */
void jobs_lost(struct core *c);

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
