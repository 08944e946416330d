/* The parts of the client that may be left out (spoke/features.h): what they offer the others. Of a part that is not
 * built the same functions stand here without a body, so that nobody has to ask. Included by machine.h alone. */
#ifndef SPOKE_SRC_CLIENT_PARTS_H
#define SPOKE_SRC_CLIENT_PARTS_H

#include "machine.h"

/* --- provision.c --- */
#if SPOKE_WITH_DPS
void provision_carve(struct carver *at, const spoke_config *resolved, spoke_client *client);
spoke_status provision_begin(spoke_client *c);
void provision_event(spoke_client *c, const spoke_transport_event *event);
void provision_work(spoke_client *c, uint64_t now);
uint64_t provision_deadline(const spoke_client *c);
/* DPS refused: the class, and what it asked for, for the retry. */
void provision_verdict(const spoke_client *c, struct retry_input *in);
bool provision_refused(const spoke_client *c, spoke_dps_class class);
/* The present host of DPS failed. True: there is another that this round has not tried. */
bool provision_host_failed(spoke_client *c);
void provision_forget_troubles(spoke_client *c);
void assignment_load(spoke_client *c);
void assignment_store(spoke_client *c);
#else
static inline void provision_carve(struct carver *at, const spoke_config *resolved, spoke_client *client)
{
    (void)at, (void)resolved, (void)client;
}
static inline spoke_status provision_begin(spoke_client *c)
{
    (void)c;
    return SPOKE_E_UNSUPPORTED;
}
static inline void provision_event(spoke_client *c, const spoke_transport_event *event)
{
    (void)c, (void)event;
}
static inline void provision_work(spoke_client *c, uint64_t now)
{
    (void)c, (void)now;
}
static inline uint64_t provision_deadline(const spoke_client *c)
{
    (void)c;
    return NEVER;
}
static inline void provision_verdict(const spoke_client *c, struct retry_input *in)
{
    (void)c, (void)in;
}
static inline bool provision_refused(const spoke_client *c, spoke_dps_class class)
{
    (void)c, (void)class;
    return false;
}
static inline bool provision_host_failed(spoke_client *c)
{
    (void)c;
    return false;
}
static inline void provision_forget_troubles(spoke_client *c)
{
    (void)c;
}
static inline void assignment_load(spoke_client *c)
{
    assignment_configured(c);
}
#endif

/* --- home.c, move.c --- */
#if SPOKE_WITH_MOVE
/* The scope and DPS in force for the next registration: of the move, of the home, or as configured. */
const char *home_scope(const spoke_client *c);
const char *home_hosts(const spoke_client *c);
/* The device has moved: where to, with the assignment it got there. False: it has not. */
bool home_load(spoke_client *c);
bool home_is_other(const spoke_client *c);
spoke_status home_keep_assignment(const spoke_client *c);
void move_load(spoke_client *c);  /* at init: a move that was under way */
void move_begin(spoke_client *c); /* if it is due: the next attempt leads to its goal */
bool move_trying(const spoke_client *c);
/* True: the move was tried and failed; the client is at its former home again. */
bool move_failed(spoke_client *c, const spoke_error *why, bool at_dps);
void move_reached(spoke_client *c);            /* READY */
void move_again(spoke_client *c);              /* what it had to wait for is over */
void move_work(spoke_client *c, uint64_t now); /* READY */
uint64_t move_deadline(const spoke_client *c);
#else
static inline const char *home_scope(const spoke_client *c)
{
    return c->config.id_scope;
}
static inline const char *home_hosts(const spoke_client *c)
{
    return c->config.provisioning_host;
}
static inline bool home_load(spoke_client *c)
{
    (void)c;
    return false;
}
static inline bool home_is_other(const spoke_client *c)
{
    (void)c;
    return false;
}
static inline spoke_status home_keep_assignment(const spoke_client *c)
{
    (void)c;
    return SPOKE_E_UNSUPPORTED;
}
static inline void move_load(spoke_client *c)
{
    (void)c;
}
static inline void move_begin(spoke_client *c)
{
    (void)c;
}
static inline bool move_trying(const spoke_client *c)
{
    (void)c;
    return false;
}
static inline bool move_failed(spoke_client *c, const spoke_error *why, bool at_dps)
{
    (void)c, (void)why, (void)at_dps;
    return false;
}
static inline void move_reached(spoke_client *c)
{
    (void)c;
}
static inline void move_again(spoke_client *c)
{
    (void)c;
}
static inline void move_work(spoke_client *c, uint64_t now)
{
    (void)c, (void)now;
}
static inline uint64_t move_deadline(const spoke_client *c)
{
    (void)c;
    return NEVER;
}
#endif

/* --- renew.c --- */
#if SPOKE_WITH_RENEWAL
void renew_begin(spoke_client *c); /* a new credential or trust is taken over with the attempt that begins */
/* True: the new one was given up for the old. */
bool renew_failed(spoke_client *c, const spoke_error *why, bool at_dps);
void renew_accepted(spoke_client *c);           /* CONNACK 0 from the hub */
void renew_ready(spoke_client *c);              /* READY begins */
bool renew_idle(const spoke_client *c);         /* nothing new is there */
bool renew_waiting(const spoke_client *c);      /* for the next connection */
void renew_work(spoke_client *c, uint64_t now); /* READY: what is due */
uint64_t renew_deadline(const spoke_client *c); /* of READY */
void renew_wipe(spoke_client *c);
/* Warns of certificates that end soon. */
void expiry_look(spoke_client *c, uint64_t now);
#else
static inline void renew_begin(spoke_client *c)
{
    (void)c;
}
static inline bool renew_failed(spoke_client *c, const spoke_error *why, bool at_dps)
{
    (void)c, (void)why, (void)at_dps;
    return false;
}
static inline void renew_accepted(spoke_client *c)
{
    (void)c;
}
static inline void renew_ready(spoke_client *c)
{
    (void)c;
}
static inline bool renew_idle(const spoke_client *c)
{
    (void)c;
    return true;
}
static inline bool renew_waiting(const spoke_client *c)
{
    (void)c;
    return false;
}
static inline void renew_work(spoke_client *c, uint64_t now)
{
    (void)c, (void)now;
}
static inline uint64_t renew_deadline(const spoke_client *c)
{
    (void)c;
    return NEVER;
}
static inline void renew_wipe(spoke_client *c)
{
    (void)c;
}
static inline void expiry_look(spoke_client *c, uint64_t now)
{
    (void)c, (void)now;
}
#endif

/* --- clock.c --- */
#if SPOKE_WITH_CLOCK_HELP
spoke_status clock_init(spoke_client *c); /* after the memory was carved. E_PORT: no link */
void clock_fini(spoke_client *c);
void clock_carve(struct carver *at, const spoke_config *resolved, const spoke_platform *platform,
                 spoke_client *client);
void clock_note(spoke_client *c);  /* remembers the clock as it is now: an attempt begins */
void clock_clear(spoke_client *c); /* a pause begins, for something else */
/* An attempt failed, and the clock may be why. certain: it is unset, or the dates of a certificate speak against it. */
void clock_doubt(spoke_client *c, const spoke_error *why, bool certain);
void clock_trust(spoke_client *c); /* the hub took what we made with it */
/* What is due; in BACKOFF, and while dialling is allowed. */
void clock_work(spoke_client *c, uint64_t now);
void clock_stop(spoke_client *c); /* forgets the question under way */
uint64_t clock_deadline(const spoke_client *c);
#else
static inline spoke_status clock_init(spoke_client *c)
{
    (void)c;
    return SPOKE_OK;
}
static inline void clock_fini(spoke_client *c)
{
    (void)c;
}
static inline void clock_carve(struct carver *at, const spoke_config *resolved, const spoke_platform *platform,
                               spoke_client *client)
{
    (void)at, (void)resolved, (void)platform, (void)client;
}
static inline void clock_note(spoke_client *c)
{
    (void)c;
}
static inline void clock_clear(spoke_client *c)
{
    (void)c;
}
static inline void clock_doubt(spoke_client *c, const spoke_error *why, bool certain)
{
    (void)c, (void)why, (void)certain;
}
static inline void clock_trust(spoke_client *c)
{
    (void)c;
}
static inline void clock_work(spoke_client *c, uint64_t now)
{
    (void)c, (void)now;
}
static inline void clock_stop(spoke_client *c)
{
    (void)c;
}
static inline uint64_t clock_deadline(const spoke_client *c)
{
    (void)c;
    return NEVER;
}
#endif

/* --- sync.c, properties.c --- */
#if SPOKE_WITH_PROPERTIES
void sync_init(spoke_client *c);
void sync_carve(struct carver *at, const spoke_config *resolved, spoke_client *client);
void sync_limit_sizes(spoke_client *c);
void sync_begin(spoke_client *c, uint64_t now);  /* the subscriptions stand */
void sync_work(spoke_client *c, uint64_t now);   /* takes what came, asks for the twin */
void sync_report(spoke_client *c, uint64_t now); /* sends the next patch */
void sync_receive(spoke_client *c, const spoke_hub_event *event);
void sync_too_large(spoke_client *c, const spoke_hub_event *event, size_t size); /* it could not be received */
void sync_ended(spoke_client *c);                                                /* the connection is gone */
void sync_forget(spoke_client *c);     /* another hub, or another device: another twin */
void sync_renumbered(spoke_client *c); /* the twin may have been made anew, with versions of its own */
bool sync_idle(const spoke_client *c);
uint64_t sync_deadline(const spoke_client *c);
spoke_status report_enqueue(spoke_client *c, queue_write_fn write, void *source);
/* With the lock. */
spoke_status report_add(spoke_client *c, queue_write_fn write, void *source);
void properties_event(spoke_client *c, const spoke_twin_event *event);
#else
static inline void sync_init(spoke_client *c)
{
    (void)c;
}
static inline void sync_carve(struct carver *at, const spoke_config *resolved, spoke_client *client)
{
    (void)at, (void)resolved, (void)client;
}
static inline void sync_limit_sizes(spoke_client *c)
{
    (void)c;
}
static inline void sync_begin(spoke_client *c, uint64_t now)
{
    (void)now;
    session_synced(c);
}
static inline void sync_work(spoke_client *c, uint64_t now)
{
    (void)c, (void)now;
}
static inline void sync_report(spoke_client *c, uint64_t now)
{
    (void)c, (void)now;
}
static inline void sync_receive(spoke_client *c, const spoke_hub_event *event)
{
    (void)c, (void)event;
}
static inline void sync_too_large(spoke_client *c, const spoke_hub_event *event, size_t size)
{
    (void)c, (void)event, (void)size;
}
static inline void sync_ended(spoke_client *c)
{
    (void)c;
}
static inline void sync_forget(spoke_client *c)
{
    (void)c;
}
static inline void sync_renumbered(spoke_client *c)
{
    (void)c;
}
static inline bool sync_idle(const spoke_client *c)
{
    (void)c;
    return true;
}
static inline uint64_t sync_deadline(const spoke_client *c)
{
    (void)c;
    return NEVER;
}
#endif

/* --- call.c --- */
#if SPOKE_WITH_COMMANDS || SPOKE_WITH_MESSAGES
/* The '@' that an offline command has for no parameter is none. */
spoke_str call_parameter(const spoke_hub_event *event, bool offline);
spoke_ack call_handler(spoke_client *c, const spoke_handler *handler, const spoke_hub_event *event,
                       uint32_t request, bool offline, spoke_writer *reply);
#endif
#if CALLS_WAIT
void call_carve(struct carver *at, const spoke_config *resolved, spoke_client *client);
struct pending_call *call_claim(spoke_client *c);
struct pending_call *call_find(spoke_client *c, uint32_t request, bool is_message);
void calls_ended(spoke_client *c); /* the connection is gone */
bool calls_idle(const spoke_client *c);
#else
static inline void call_carve(struct carver *at, const spoke_config *resolved, spoke_client *client)
{
    (void)at, (void)resolved, (void)client;
}
static inline struct pending_call *call_claim(spoke_client *c)
{
    (void)c;
    return NULL;
}
static inline void calls_ended(spoke_client *c)
{
    (void)c;
}
static inline bool calls_idle(const spoke_client *c)
{
    (void)c;
    return true;
}
#endif

/* --- command.c --- */
#if SPOKE_WITH_COMMANDS
void command_carve(struct carver *at, const spoke_config *resolved, spoke_client *client);
void command_event(spoke_client *c, const spoke_hub_event *event);
void command_too_large(spoke_client *c, const spoke_hub_event *event);
void command_work(spoke_client *c);       /* sends answers */
void command_ended(spoke_client *c);      /* the connection is gone */
bool command_idle(const spoke_client *c); /* no answer waits */
spoke_status command_answer(spoke_client *c, spoke_str rid, int code, spoke_str json);
/* The same, or 500 and a line in the log. */
void command_answer_or_log(spoke_client *c, spoke_str rid, int code, spoke_str json);
#else
static inline void command_carve(struct carver *at, const spoke_config *resolved, spoke_client *client)
{
    (void)at, (void)resolved, (void)client;
}
static inline void command_event(spoke_client *c, const spoke_hub_event *event)
{
    (void)c, (void)event;
}
static inline void command_too_large(spoke_client *c, const spoke_hub_event *event)
{
    (void)c, (void)event;
}
static inline void command_work(spoke_client *c)
{
    (void)c;
}
static inline void command_ended(spoke_client *c)
{
    (void)c;
}
static inline bool command_idle(const spoke_client *c)
{
    (void)c;
    return true;
}
#endif

/* --- message.c --- */
#if SPOKE_WITH_MESSAGES
void message_event(spoke_client *c, const spoke_hub_event *event, uint8_t qos, uint16_t receipt);
void message_work(spoke_client *c); /* PUBACKs for what the program has finished since */
#else
static inline void message_event(spoke_client *c, const spoke_hub_event *event, uint8_t qos, uint16_t receipt)
{
    (void)c, (void)event, (void)qos, (void)receipt;
}
static inline void message_work(spoke_client *c)
{
    (void)c;
}
#endif

/* --- contract.c, contract_init.c --- */
#if SPOKE_WITH_CHECKS
spoke_status contract_check(const spoke_config *c, spoke_buf *room, spoke_error *why);
/* The template's command or property; NULL: it has none, or there is no template. */
const spoke_member *contract_command(const spoke_client *c, spoke_str component, spoke_str name);
const spoke_member *contract_property(const spoke_client *c, spoke_str raw_component, spoke_str raw_name);
bool contract_has_component(const spoke_client *c, spoke_str raw_name);
/* Checks are wanted and there is something to check against. */
bool contract_checks(const spoke_client *c);
/* What to do about a misfit: true: refuse it, and spoke_client_explain tells; false: it is only logged. */
bool contract_misfit(spoke_client *c, const spoke_fault *fault);
/* What the last misfit was about. */
static inline spoke_fault contract_fault(const spoke_client *c)
{
    return c->fault;
}
/* E_MODEL: these may not be sent. Called without the lock. */
spoke_status contract_fields(spoke_client *c, spoke_member_kind kind, const char *component,
                             const spoke_field *fields, size_t count);
spoke_status contract_body(spoke_client *c, const char *component, spoke_str json);
#else
static inline spoke_status contract_check(const spoke_config *c, spoke_buf *room, spoke_error *why)
{
    (void)c, (void)room, (void)why;
    return SPOKE_OK;
}
static inline const spoke_member *contract_command(const spoke_client *c, spoke_str component, spoke_str name)
{
    (void)c, (void)component, (void)name;
    return NULL;
}
static inline const spoke_member *contract_property(const spoke_client *c, spoke_str raw_component,
                                                    spoke_str raw_name)
{
    (void)c, (void)raw_component, (void)raw_name;
    return NULL;
}
static inline bool contract_has_component(const spoke_client *c, spoke_str raw_name)
{
    (void)c, (void)raw_name;
    return false;
}
static inline bool contract_checks(const spoke_client *c)
{
    (void)c;
    return false;
}
static inline bool contract_misfit(spoke_client *c, const spoke_fault *fault)
{
    (void)c, (void)fault;
    return false;
}
static inline spoke_fault contract_fault(const spoke_client *c)
{
    (void)c;
    return (spoke_fault){.member = NULL};
}
static inline spoke_status contract_fields(spoke_client *c, spoke_member_kind kind, const char *component,
                                           const spoke_field *fields, size_t count)
{
    (void)c, (void)kind, (void)component, (void)fields, (void)count;
    return SPOKE_OK;
}
static inline spoke_status contract_body(spoke_client *c, const char *component, spoke_str json)
{
    (void)c, (void)component, (void)json;
    return SPOKE_OK;
}
#endif

/* --- settings.c --- */
#if SPOKE_WITH_SETTINGS
void settings_carve(struct carver *at, const spoke_config *resolved, spoke_client *client);
void settings_init(spoke_client *c); /* reads the record */
/* Gives the handlers what it holds. Called once, inside the first poll. */
void settings_restore(spoke_client *c);
/* The handler's verdict on a value was `code`; null: the service took it back. */
void settings_took(spoke_client *c, size_t handler, spoke_str value, int code);
/* The same, later and from any thread: `value` is in force. */
void settings_late(spoke_client *c, const char *component, const char *name, spoke_str value, int64_t version,
                   int code);
/* A desired document was dealt with: writes the record if it is news. Called inside poll. */
void settings_save(spoke_client *c, int64_t version);
bool settings_due(const spoke_client *c);
void settings_work(spoke_client *c); /* writes what came late, if it is due */
#else
static inline void settings_carve(struct carver *at, const spoke_config *resolved, spoke_client *client)
{
    (void)at, (void)resolved, (void)client;
}
static inline void settings_init(spoke_client *c)
{
    (void)c;
}
static inline void settings_restore(spoke_client *c)
{
    (void)c;
}
static inline void settings_took(spoke_client *c, size_t handler, spoke_str value, int code)
{
    (void)c, (void)handler, (void)value, (void)code;
}
static inline void settings_late(spoke_client *c, const char *component, const char *name, spoke_str value,
                                 int64_t version, int code)
{
    (void)c, (void)component, (void)name, (void)value, (void)version, (void)code;
}
static inline void settings_save(spoke_client *c, int64_t version)
{
    (void)c, (void)version;
}
static inline bool settings_due(const spoke_client *c)
{
    (void)c;
    return false;
}
static inline void settings_work(spoke_client *c)
{
    (void)c;
}
#endif

/* --- work.c --- */
#if SPOKE_WITH_WORK
void work_carve(struct carver *at, const spoke_config *resolved, spoke_client *client);
void work_load(spoke_client *c); /* at init: what an earlier run had begun */
void work_tell(spoke_client *c); /* in the first poll: what of it could not be read */
#else
static inline void work_carve(struct carver *at, const spoke_config *resolved, spoke_client *client)
{
    (void)at, (void)resolved, (void)client;
}
static inline void work_load(spoke_client *c)
{
    (void)c;
}
static inline void work_tell(spoke_client *c)
{
    (void)c;
}
#endif

/* --- stats.c --- */
#if SPOKE_WITH_STATS
#define COUNT(client, what, by) ((client)->stats.what += (by))
/* An attempt or a link ended: counted by reason, and kept among the last troubles when it was one. */
void stats_ended(spoke_client *c, spoke_reason reason, const spoke_error *why);
void stats_state(spoke_client *c, spoke_state from, spoke_state to, uint64_t stayed_ms);
void stats_handler(spoke_client *c, bool enters);
void stats_begin_poll(spoke_client *c);
/* What the poll took beyond its limit, and what the transport has moved; only the polling thread may ask it. */
void stats_end_poll(spoke_client *c, uint64_t began, uint32_t limit_ms);
/* The messages that wait, and the time that passes: what only the asking finds out. Called with the lock. */
void stats_gauges(const spoke_client *c, struct spoke_stats *out);
#else
#define COUNT(client, what, by) ((void)(by))
static inline void stats_ended(spoke_client *c, spoke_reason reason, const spoke_error *why)
{
    (void)c, (void)reason, (void)why;
}
static inline void stats_state(spoke_client *c, spoke_state from, spoke_state to, uint64_t stayed_ms)
{
    (void)c, (void)from, (void)to, (void)stayed_ms;
}
static inline void stats_handler(spoke_client *c, bool enters)
{
    (void)c, (void)enters;
}
static inline void stats_begin_poll(spoke_client *c)
{
    (void)c;
}
static inline void stats_end_poll(spoke_client *c, uint64_t began, uint32_t limit_ms)
{
    (void)c, (void)began, (void)limit_ms;
}
#endif

/* --- diagnostics.c --- */
#if SPOKE_WITH_DIAGNOSTICS
/* What the template lacks of the component, or NULL; *name: of the member. */
const char *diagnostics_trouble(const spoke_config *c, const char **name);
/* getLog is the client's. */
bool diagnostics_answers(const spoke_config *c, spoke_str component, spoke_str command);
void diagnostics_carve(struct carver *at, const spoke_config *resolved, spoke_client *client);
void diagnostics_init(spoke_client *c);
void diagnostics_ended(spoke_client *c, spoke_reason reason); /* an attempt, or a link */
void diagnostics_work(spoke_client *c, uint64_t now);         /* in READY */
uint64_t diagnostics_deadline(const spoke_client *c);         /* in READY */
void diagnostics_get_log(spoke_client *c, spoke_str rid, spoke_str request);
#else
static inline const char *diagnostics_trouble(const spoke_config *c, const char **name)
{
    (void)c, (void)name;
    return NULL;
}
static inline bool diagnostics_answers(const spoke_config *c, spoke_str component, spoke_str command)
{
    (void)c, (void)component, (void)command;
    return false;
}
static inline void diagnostics_carve(struct carver *at, const spoke_config *resolved, spoke_client *client)
{
    (void)at, (void)resolved, (void)client;
}
static inline void diagnostics_init(spoke_client *c)
{
    (void)c;
}
static inline void diagnostics_ended(spoke_client *c, spoke_reason reason)
{
    (void)c, (void)reason;
}
static inline void diagnostics_work(spoke_client *c, uint64_t now)
{
    (void)c, (void)now;
}
static inline uint64_t diagnostics_deadline(const spoke_client *c)
{
    (void)c;
    return NEVER;
}
static inline void diagnostics_get_log(spoke_client *c, spoke_str rid, spoke_str request)
{
    (void)c, (void)rid, (void)request;
}
#endif

#endif
