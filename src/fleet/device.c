#include "fleet/device.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BURST 64            /* messages of one device in one turn */
#define LATE_MS 1000        /* what was due before that is not made up for */
#define QUEUE_SECONDS 2     /* of messages, that a device can have under way */
#define KEEP_ALIVE_S 240u   /* of 10,000 devices 42 ask for life in a second */
#define RECEIVE_BYTES 2048u /* a command; more where the twin is larger */

uint64_t fleet_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static int64_t unix_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void count(struct device *d, enum counter which, int64_t by)
{
    if (!d->crew->over)
        counter_add(&d->crew->counters, which, by);
}

static void note(struct device *d, const char *text)
{
    struct identity who;
    if (d->crew->over)
        return;
    const bool known = identities_get(d->crew->fleet->identities, d->number, &who);
    troubles_note(&d->crew->fleet->troubles, known ? who.id : "?", text);
    spoke_wipe(&who, sizeof who);
}

/* --- being told --- */

static bool at_hub(spoke_state state)
{
    return state == SPOKE_SYNCING || state == SPOKE_READY;
}

/* Spread over an interval: a fleet does not speak with one voice. */
static void begin_to_send(struct device *d)
{
    const struct fleet *fleet = d->crew->fleet;
    if (d->reached && fleet->t->message_count > 0 && atomic_load(&fleet->speak) != 0 && isinf(d->next_send_ms))
        d->next_send_ms = (double)(fleet_now_us() / 1000) + random_unit(&d->values.random) * d->interval_ms;
}

static void become_ready(struct device *d)
{
    if (d->reached) {
        count(d, COUNT_RECONNECTS, 1);
        return;
    }
    d->reached = d->to_report = true;
    count(d, COUNT_REACHED, 1);
    begin_to_send(d);
}

/* The gate's refusal has to be told as such; the client knows it as a connection that failed. */
static void note_failure(struct device *d)
{
    char text[400], host[SPOKE_MAX_HOST_BYTES + 1];
    const spoke_str hub = spoke_client_hub_host(d->client);
    const struct gate_host *known = NULL;
    if (hub.len > 0 && hub.len < sizeof host) {
        memcpy(host, hub.ptr, hub.len);
        host[hub.len] = '\0';
        known = gate_look(&d->crew->fleet->gate, host);
    }
    if (known == NULL || known->allowed) {
        note(d, spoke_client_explain(d->client, text, sizeof text));
        return;
    }
    snprintf(
        text, sizeof text,
        "the hub %s was assigned, which is not this machine; if you may load it, name the provisioning host by "
        "--target-is",
        host);
    note(d, text);
}

static void on_state(spoke_client *client, spoke_state from, spoke_state to, const spoke_error *why, void *user)
{
    struct device *d = user;
    (void)client;
    count(d, COUNT_CONNECTED, at_hub(to) - at_hub(from));
    count(d, COUNT_READY, (to == SPOKE_READY) - (from == SPOKE_READY));
    if (to == SPOKE_READY)
        become_ready(d);
    if ((to == SPOKE_BACKOFF || to == SPOKE_FAILED) && why->status != SPOKE_OK) {
        count(d, COUNT_ERRORS, 1);
        note_failure(d);
    }
    if (to == SPOKE_FAILED)
        count(d, COUNT_FAILED, 1);
}

static void on_sent(spoke_client *client, uint32_t id, spoke_status outcome, void *user)
{
    struct device *d = user;
    (void)client;
    count(d, outcome == SPOKE_OK ? COUNT_ACKED : COUNT_DROPPED, 1);
    if (outcome == SPOKE_OK && !d->crew->over)
        histogram_add(&d->crew->latency, fleet_now_us() - d->sent_us[id & (d->slots - 1)]);
}

static spoke_ack on_message(const spoke_message *message, void *user)
{
    (void)message;
    count(user, COUNT_CLOUD, 1);
    return spoke_accept();
}

/* --- obeying --- */

static size_t member_at(const struct device *d, spoke_str component, spoke_str name)
{
    const spoke_model *model = d->crew->fleet->t->model;
    const spoke_member *member = spoke_model_member(model, component, name);
    return member != NULL ? (size_t)(member - model->members) : model->member_count;
}

/* "PT1H30M5S", the part of ISO 8601 that an interval may need. 0: another text. */
static double duration_s(spoke_str json)
{
    char memory[64];
    spoke_buf text = spoke_buf_from(memory, sizeof memory - 1);
    if (spoke_json_text(json, &text) != SPOKE_OK || text.len < 4 || memory[0] != 'P' || memory[1] != 'T')
        return 0;
    memory[text.len] = '\0';
    double sum = 0;
    for (const char *at = memory + 2; *at != '\0';) {
        char *end = NULL;
        const double number = strtod(at, &end);
        const double unit = *end == 'H' ? 3600 : *end == 'M' ? 60 : *end == 'S' ? 1 : 0;
        if (end == at || unit <= 0)
            return 0;
        sum += number * unit;
        at = end + 1;
    }
    return sum;
}

double device_interval_s(spoke_str json, double unit_s)
{
    double number = 0;
    const double seconds = spoke_json_double(json, &number) == SPOKE_OK ? number * unit_s : duration_s(json);
    return seconds > 0 ? fmin(fmax(seconds, 0.01), 86400) : 0;
}

static double usual_interval_ms(const struct device *d)
{
    return 1000 / options_device_rate(d->crew->fleet->options);
}

static void set_interval(struct device *d, double interval_ms)
{
    d->interval_ms = interval_ms;
    if (!isinf(d->next_send_ms)) {
        const double latest = (double)(fleet_now_us() / 1000) + interval_ms;
        d->next_send_ms = fmin(d->next_send_ms, latest);
    }
}

spoke_ack device_on_property(const spoke_property *wanted, void *user)
{
    struct device *d = user;
    const struct fleet_template *t = d->crew->fleet->t;
    const size_t member = member_at(d, wanted->component, wanted->name);
    const bool removed = spoke_json_type(wanted->value) == 'n';
    double number = (double)NAN;
    count(d, COUNT_PROPERTIES, 1);
    if (member == t->model->member_count)
        return spoke_reject(404, "the template has no such property");
    if (t->parts[member].interval_unit_s > 0) {
        const double seconds = device_interval_s(wanted->value, t->parts[member].interval_unit_s);
        if (removed || seconds > 0)
            set_interval(d, removed ? usual_interval_ms(d) : seconds * 1000);
    }
    if (t->parts[member].leads != NULL && (removed || spoke_json_double(wanted->value, &number) == SPOKE_OK))
        value_lead(t->parts[member].leads, &d->values, number);
    return spoke_accept();
}

/* The scratch is free here: nothing of ours is being made while the client polls. */
spoke_ack device_on_command(const spoke_command *call, void *user)
{
    struct device *d = user;
    const struct fleet_template *t = d->crew->fleet->t;
    const size_t member = member_at(d, call->component, call->name);
    spoke_buf room = spoke_buf_from(d->crew->room, sizeof d->crew->room);
    spoke_str json;
    count(d, COUNT_COMMANDS, 1);
    if (call->offline || member == t->model->member_count || t->model->members[member].response == NULL)
        return spoke_accept();
    d->values.unix_ms = unix_ms();
    if (template_value(t, member, &d->values, &room, &json) != SPOKE_OK)
        return spoke_reject(501, "no response that fits the template could be made up");
    spoke_write_value(call->reply, spoke_json(NULL, json));
    return spoke_accept();
}

/* --- speaking --- */

static spoke_status send_one(struct device *d)
{
    const struct fleet *fleet = d->crew->fleet;
    const struct template_group *group = &fleet->t->messages[d->next_group % fleet->t->message_count];
    const uint32_t id = d->last_id + 1 != 0 ? d->last_id + 1 : 1;
    spoke_buf room = spoke_buf_from(d->crew->room, sizeof d->crew->room);
    spoke_outgoing message = {.component = group->component,
                              .properties = fleet->options->properties,
                              .property_count = fleet->options->property_count,
                              .id = id};
    spoke_status status = template_message(fleet->t, group, &d->values, &room, &message.body);
    const uint64_t now_us = fleet_now_us();
    if (status == SPOKE_OK)
        status = spoke_message_send(d->client, &message);
    d->next_group++;
    if (status != SPOKE_OK)
        return status; /* refused for a full queue, its place is still that of the oldest message */
    d->last_id = id;
    d->sent_us[id & (d->slots - 1)] = now_us;
    return SPOKE_OK;
}

/* Keeps to the time table; what it is late for is left out, so that a service that stood still is not flooded. */
static void send_due(struct device *d, uint64_t now_ms)
{
    if (d->next_send_ms > (double)now_ms)
        return;
    d->values.unix_ms = unix_ms();
    for (int i = 0; i < BURST && d->next_send_ms <= (double)now_ms; i++) {
        const spoke_status status = send_one(d);
        count(d, status == SPOKE_OK ? COUNT_SENT : COUNT_SKIPPED, 1);
        if (status != SPOKE_OK && status != SPOKE_E_FULL)
            note(d, spoke_status_text(status));
        d->next_send_ms += d->interval_ms;
    }
    const double late = (double)now_ms - LATE_MS - d->next_send_ms;
    if (late > 0) {
        const double missed = ceil(late / d->interval_ms);
        count(d, COUNT_SKIPPED, (int64_t)missed);
        d->next_send_ms += missed * d->interval_ms;
    }
}

static spoke_status report_group(struct device *d, const struct template_group *group)
{
    const struct fleet_template *t = d->crew->fleet->t;
    spoke_field fields[TEMPLATE_GROUP_MOST];
    spoke_buf room = spoke_buf_from(d->crew->room, sizeof d->crew->room);
    spoke_status status = SPOKE_OK;
    for (size_t i = 0; i < group->count && status == SPOKE_OK; i++)
        status = template_field(t, group->members[i], &d->values, &room, &fields[i]);
    return status == SPOKE_OK ? spoke_property_report(d->client, group->component, fields, group->count) : status;
}

static void report_all(struct device *d)
{
    const struct fleet_template *t = d->crew->fleet->t;
    d->to_report = false;
    d->values.unix_ms = unix_ms();
    for (size_t i = 0; i < t->report_count; i++) {
        const spoke_status status = report_group(d, &t->reports[i]);
        count(d, COUNT_REPORTS, status == SPOKE_OK);
        if (status != SPOKE_OK)
            note(d, spoke_status_text(status));
    }
}

/* --- life --- */

uint32_t device_queue_messages(double rate)
{
    uint32_t messages = 8;
    while (messages < 4096 && messages < rate * QUEUE_SECONDS)
        messages *= 2;
    return messages;
}

static uint32_t at_least(size_t wanted, uint32_t least)
{
    return wanted > least ? (uint32_t)wanted : least;
}

/* What goes with each message, percent-encoded. */
static size_t properties_bytes(const struct fleet_options *o)
{
    size_t bytes = 0;
    for (size_t i = 0; i < o->property_count; i++)
        bytes += 3 * (o->properties[i].name.len + o->properties[i].value.len) + 2;
    return bytes;
}

/* As small as the template allows. */
static spoke_config config_of(const struct device *d, const struct identity *who)
{
    const struct fleet *fleet = d->crew->fleet;
    const struct fleet_options *o = fleet->options;
    const size_t most = fleet->t->most_bytes, message = most + properties_bytes(o);
    const spoke_config config =
        SPOKE_CONFIG(.provisioning_host = o->dps, .id_scope = o->id_scope, .registration_id = who->id,
                     .hub_host = o->hub, .port = (uint16_t)o->port, .credential.primary = who->key,
                     .trust = fleet->trust, .user_agent = "spoke-fleet/" SPOKE_VERSION,
                     .provisioning_payload = o->provisioning_payload, .model = fleet->t->model,
                     .handlers = fleet->t->handlers, .handler_count = fleet->t->handler_count,
                     .on_message = on_message, .on_state = on_state, .on_sent = on_sent,
                     .user = (void *)(uintptr_t)d, .platform = &d->crew->platform, .keep_alive_s = KEEP_ALIVE_S,
                     .sas_lifetime_s = 86400, .queue_bytes = at_least((message + 160) * d->slots / 4, 1024),
                     .queue_messages = d->slots,
                     .report_bytes = at_least(most * fleet->t->report_count + 512, 1024),
                     .receive_bytes = at_least(fleet->t->twin_bytes + 1024, RECEIVE_BYTES),
                     .send_bytes = at_least(message + 512, 2048), .in_flight = (uint16_t)d->slots, .commands = 1);
    return config;
}

void device_init(struct device *d, struct crew *crew, uint32_t number)
{
    const struct fleet_options *o = crew->fleet->options;
    memset(d, 0, sizeof *d);
    d->crew = crew;
    d->number = number;
    d->interval_ms = usual_interval_ms(d);
    d->next_send_ms = (double)INFINITY;
    d->slots = device_queue_messages(options_device_rate(o));
}

static spoke_status make_memory(struct device *d)
{
    const struct fleet *fleet = d->crew->fleet;
    struct value_slot *slots = calloc(fleet->t->slots + 1u, sizeof *slots);
    d->sent_us = calloc(d->slots, sizeof *d->sent_us);
    value_memory_init(&d->values, random_of(fleet->options->seed, (uint64_t)fleet->options->first + d->number),
                      slots, slots != NULL ? fleet->t->slots : 0);
    if (slots != NULL && d->sent_us != NULL)
        return SPOKE_OK;
    note(d, "there is not enough memory");
    return SPOKE_E_NO_MEMORY;
}

/* With a sentence where the configuration is at fault. */
static spoke_status make_client(struct device *d, const spoke_config *config)
{
    const size_t size = spoke_client_size(config);
    spoke_error why = {.text = "there is not enough memory"};
    d->memory = malloc(size > 0 ? size : 1);
    d->crew->net.owner = d;
    spoke_status status = SPOKE_E_NO_MEMORY;
    if (d->memory != NULL)
        status = spoke_client_init(d->memory, size, config, &d->client, &why);
    if (status != SPOKE_OK)
        note(d, why.text);
    return status;
}

static spoke_status open_client(struct device *d)
{
    struct identity who;
    if (!identities_get(d->crew->fleet->identities, d->number, &who)) {
        note(d, "its key could not be derived");
        return SPOKE_E_ARG;
    }
    spoke_status status = make_memory(d);
    if (status == SPOKE_OK) {
        const spoke_config config = config_of(d, &who);
        status = make_client(d, &config);
    }
    spoke_wipe(&who, sizeof who);
    return status == SPOKE_OK ? spoke_client_open(d->client) : status;
}

void device_begin(struct device *d, uint64_t now_ms)
{
    count(d, COUNT_STARTED, 1);
    if (timers_add(&d->crew->timers, &d->timer, now_ms, d) != SPOKE_OK)
        note(d, "there is not enough memory");
    else if (open_client(d) == SPOKE_OK)
        return;
    count(d, COUNT_FAILED, 1);
    count(d, COUNT_ERRORS, 1);
    device_end(d, 0);
}

static uint64_t next_due_ms(const struct device *d, uint64_t now_ms, bool quiet)
{
    const uint32_t wait_ms = spoke_client_next_ms(d->client);
    const uint64_t due = wait_ms != UINT32_MAX ? now_ms + wait_ms : UINT64_MAX;
    if (quiet || isinf(d->next_send_ms))
        return due;
    const uint64_t send = d->next_send_ms > (double)now_ms ? (uint64_t)ceil(d->next_send_ms) : now_ms;
    return send < due ? send : due;
}

void device_speak(struct device *d, uint64_t now_ms)
{
    begin_to_send(d);
    if (d->client != NULL && !isinf(d->next_send_ms))
        timers_set(&d->crew->timers, &d->timer, next_due_ms(d, now_ms, false));
}

void device_turn(struct device *d, uint64_t now_ms, bool quiet)
{
    if (!quiet)
        send_due(d, now_ms);
    const spoke_status status = spoke_client_poll(d->client, 0);
    if (d->to_report && !quiet)
        report_all(d);
    timers_set(&d->crew->timers, &d->timer,
               status == SPOKE_OK ? next_due_ms(d, now_ms, quiet) : UINT64_MAX); /* FAILED: it was counted */
}

void device_end(struct device *d, uint32_t limit_ms)
{
    timers_remove(&d->crew->timers, &d->timer);
    if (d->client != NULL) {
        (void)spoke_client_close(d->client, limit_ms);
        spoke_client_destroy(d->client);
        d->client = NULL;
    }
    free(d->memory);
    d->memory = NULL;
    free(d->sent_us);
    free(d->values.slots);
    d->sent_us = NULL;
    d->values.slots = NULL;
}
