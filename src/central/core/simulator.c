#include "simulator.h"

#include <spoke/crypto.h>
#include <spoke/proto/sas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/url.h"
#include "bytes.h"
#include "core_internal.h"
#include "imitation.h"

enum {
    LEARN_AT_A_TIME = 4, /* in a turn: a large template takes tens of milliseconds */
    RETRY_MS = 30000,
    PING_MS = 10 * 60 * 1000, /* for templates without telemetry; the service waits half an hour */
    TOKEN_LIFE_S = 24 * 3600,
    TOKEN_CAP = 700,
    TOPIC_CAP = 400,
    MODEL_CAP = 1024, /* each character may become three */
    PACKET_ROOM = 64
};

enum life {
    LIFE_AWAY,    /* no connection: until `due_ms` -> JOINING */
    LIFE_JOINING, /* CONNECT is out -> ASKING, AWAY */
    LIFE_ASKING,  /* subscribed, and the twin was asked for -> ALIVE, AWAY */
    LIFE_ALIVE    /* -> AWAY */
};

struct sim {
    struct list_node in_sims;
    struct simulator *simulator;
    char id[SPOKE_MAX_ID_BYTES + 1];
    char *template_id, *model_id, *hub_host;
    int64_t template_etag;   /* of the imitation */
    uint64_t template_round; /* when it was seen last that this is the template's */
    struct imitation *imitation;
    struct conn *conn;
    enum life life;
    uint64_t due_ms, ping_ms;
    unsigned rid;
    struct bytes in; /* a packet that is not whole yet */
    bool wanted;     /* in a look */
};

struct simulator {
    struct core *core;
    struct core_task task;
    struct list sims;
    bool look;
    unsigned learned;        /* in this look */
    bool heard;              /* a connection has stirred since the turn began */
    uint64_t template_round; /* of the last look */
};

/* --- packets --- */

static void leave(struct sim *sim, uint64_t retry_ms)
{
    if (sim->conn != NULL)
        core_conn_close(sim->conn);
    sim->conn = NULL;
    sim->in.len = 0;
    sim->life = LIFE_AWAY;
    sim->due_ms = core_now_ms(sim->simulator->core) + retry_ms;
}

static void send_bytes(struct sim *sim, spoke_str bytes)
{
    if (sim->conn != NULL && !core_conn_ended(sim->conn))
        core_conn_receive(sim->conn, (const uint8_t *)bytes.ptr, bytes.len);
}

static void send_packet(struct sim *sim, const spoke_mqtt_packet *packet, size_t bytes)
{
    void *memory = malloc(bytes + PACKET_ROOM);
    spoke_buf out = spoke_buf_from(memory, bytes + PACKET_ROOM);
    if (memory != NULL && spoke_mqtt_encode(packet, &out) == SPOKE_OK)
        send_bytes(sim, spoke_buf_str(&out));
    free(memory);
}

static void publish(struct sim *sim, const char *topic, spoke_str payload)
{
    spoke_mqtt_packet p;
    memset(&p, 0, sizeof p);
    p.type = SPOKE_MQTT_PUBLISH;
    p.as.publish.topic = spoke_str_of(topic);
    p.as.publish.payload = payload;
    send_packet(sim, &p, strlen(topic) + payload.len);
}

static void publish_json(struct sim *sim, const char *topic, const cJSON *tree)
{
    char *text = cJSON_PrintUnformatted(tree);
    if (text != NULL)
        publish(sim, topic, spoke_str_of(text));
    cJSON_free(text);
}

static void report(struct sim *sim, cJSON *patch)
{
    char topic[TOPIC_CAP];
    if (patch == NULL)
        return;
    (void)snprintf(topic, sizeof topic, "$iothub/twin/PATCH/properties/reported/?$rid=%u", ++sim->rid);
    publish_json(sim, topic, patch);
    cJSON_Delete(patch);
}

/* --- joining --- */

static bool make_token(struct sim *sim, char out[TOKEN_CAP])
{
    struct core *c = sim->simulator->core;
    char key_text[96], resource[SPOKE_MAX_HOST_BYTES + SPOKE_MAX_ID_BYTES + 16];
    spoke_key key;
    spoke_buf token = spoke_buf_from(out, TOKEN_CAP - 1);
    spoke_status status = core_device_key(c, sim->id, false, key_text);
    if (status == SPOKE_OK)
        status = spoke_key_from_base64(spoke_str_of(key_text), &key);
    spoke_wipe(key_text, sizeof key_text);
    if (status != SPOKE_OK)
        return false;
    (void)snprintf(resource, sizeof resource, "%s/devices/%s", sim->hub_host, sim->id);
    status = spoke_sas_token(spoke_str_of(resource), core_unix_ms(c) / 1000 + TOKEN_LIFE_S, spoke_str_of(NULL),
                             spoke_key_hmac, &key, &token);
    spoke_key_wipe(&key);
    out[token.len] = '\0';
    return status == SPOKE_OK;
}

static void send_connect(struct sim *sim, const char *token)
{
    char username[SPOKE_MAX_HOST_BYTES + SPOKE_MAX_ID_BYTES + MODEL_CAP + 64], model[MODEL_CAP];
    spoke_buf encoded = spoke_buf_from(model, sizeof model);
    spoke_mqtt_packet p;
    memset(&p, 0, sizeof p);
    if (url_encode(spoke_str_of(sim->model_id), &encoded) != SPOKE_OK)
        encoded.len = 0; /* longer than any that a device can say */
    (void)snprintf(username, sizeof username, "%s/%s/?api-version=2021-04-12%s%.*s", sim->hub_host, sim->id,
                   encoded.len > 0 ? "&model-id=" : "", (int)encoded.len, model);
    p.type = SPOKE_MQTT_CONNECT;
    p.as.connect.protocol = SPOKE_STR("MQTT");
    p.as.connect.level = 4;
    p.as.connect.client_id = spoke_str_of(sim->id);
    p.as.connect.username = spoke_str_of(username);
    p.as.connect.has_username = true;
    p.as.connect.password = spoke_str_of(token);
    p.as.connect.has_password = true;
    p.as.connect.clean_session = true;
    send_packet(sim, &p, strlen(username) + strlen(token) + sizeof sim->id);
}

static void join(struct sim *sim)
{
    struct core *c = sim->simulator->core;
    char token[TOKEN_CAP];
    leave(sim, RETRY_MS);
    if (!make_token(sim, token)) {
        core_log(c, SPOKE_LOG_WARN, "simulator", "%s has no symmetric key to connect with", sim->id);
        return;
    }
    if (core_conn_open(c, spoke_str_of(NULL), &sim->conn) == SPOKE_OK) {
        sim->conn->simulated = true;
        sim->life = LIFE_JOINING;
        send_connect(sim, token);
    }
    spoke_wipe(token, sizeof token);
}

static void ask(struct sim *sim)
{
    static const char *const FILTERS[] = {"$iothub/methods/POST/#", "$iothub/twin/PATCH/properties/desired/#",
                                          "$iothub/twin/res/#"};
    uint8_t memory[200];
    spoke_buf out = spoke_buf_from(memory, sizeof memory);
    spoke_mqtt_filter filters[3];
    for (size_t i = 0; i < 3; i++)
        filters[i] = (spoke_mqtt_filter){spoke_str_of(FILTERS[i]), 0};
    if (spoke_mqtt_encode_filters(1, true, filters, 3, &out) == SPOKE_OK)
        send_bytes(sim, spoke_buf_str(&out));
    sim->rid = 1;
    publish(sim, "$iothub/twin/GET/?$rid=1", spoke_str_of(NULL));
    sim->life = LIFE_ASKING;
}

/* --- what it hears --- */

static double version_of(const cJSON *desired)
{
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(desired, "$version");
    return cJSON_IsNumber(version) ? version->valuedouble : 0;
}

/* It lives once it has seen its twin. */
static void take_twin(struct sim *sim, const cJSON *twin)
{
    struct core *c = sim->simulator->core;
    const cJSON *desired = cJSON_GetObjectItemCaseSensitive(twin, "desired");
    const cJSON *reported = cJSON_GetObjectItemCaseSensitive(twin, "reported");
    report(sim, imitation_report(sim->imitation, core_unix_ms(c), desired, reported));
    report(sim, imitation_acknowledge(sim->imitation, desired, version_of(desired)));
    sim->life = LIFE_ALIVE;
    sim->due_ms = core_now_ms(c);
    sim->ping_ms = sim->due_ms + PING_MS;
}

static void take_method(struct sim *sim, spoke_str rest)
{
    char topic[TOPIC_CAP];
    spoke_str name, query = {NULL, 0}, rid, body;
    if (!spoke_str_cut(rest, '/', &name, &query) || !topic_rid(query, &rid))
        return;
    const int status = imitation_answer(sim->imitation, core_unix_ms(sim->simulator->core), name, &body);
    (void)snprintf(topic, sizeof topic, "$iothub/methods/res/%d/?$rid=%.*s", status, (int)rid.len, rid.ptr);
    publish(sim, topic, body);
}

static void take_publish(struct sim *sim, spoke_str topic, spoke_str payload)
{
    static const char METHOD[] = "$iothub/methods/POST/";
    if (spoke_str_starts(topic, spoke_str_of(METHOD))) {
        take_method(sim, spoke_str_from(topic.ptr + sizeof METHOD - 1, topic.len - (sizeof METHOD - 1)));
        return;
    }
    cJSON *tree = payload.len > 0 ? cJSON_ParseWithLength(payload.ptr, payload.len) : NULL;
    if (spoke_str_starts(topic, SPOKE_STR("$iothub/twin/PATCH/properties/desired/")))
        report(sim, imitation_acknowledge(sim->imitation, tree, version_of(tree)));
    else if (sim->life == LIFE_ASKING && spoke_str_starts(topic, SPOKE_STR("$iothub/twin/res/200/")))
        take_twin(sim, tree);
    cJSON_Delete(tree);
}

static void take_packet(struct sim *sim, const spoke_mqtt_packet *packet)
{
    if (packet->type == SPOKE_MQTT_CONNACK && sim->life == LIFE_JOINING && packet->as.connack.code == 0)
        ask(sim);
    else if (packet->type == SPOKE_MQTT_PUBLISH)
        take_publish(sim, packet->as.publish.topic, packet->as.publish.payload);
}

/* Takes all that waits; what it says in return waits for the commit, and is heard of again. */
static void hear(struct sim *sim)
{
    spoke_str bytes;
    spoke_mqtt_header header;
    while (sim->conn != NULL && (bytes = core_conn_output(sim->conn)).len > 0) {
        if (!bytes_append(&sim->in, bytes.ptr, bytes.len)) {
            leave(sim, RETRY_MS);
            return;
        }
        core_conn_sent(sim->conn, bytes.len);
    }
    size_t at = 0;
    while (sim->conn != NULL && spoke_mqtt_peek(sim->in.ptr + at, sim->in.len - at, &header) == SPOKE_OK) {
        const size_t whole = header.head_bytes + header.body_bytes;
        spoke_mqtt_packet packet;
        if (whole > sim->in.len - at)
            break;
        if (spoke_mqtt_decode(sim->in.ptr + at, whole, &packet) == SPOKE_OK)
            take_packet(sim, &packet);
        at += whole;
    }
    if (sim->in.len >= at) /* it has not left meanwhile */
        bytes_consume(&sim->in, at);
    if (sim->conn != NULL && core_conn_ended(sim->conn))
        leave(sim, RETRY_MS);
}

/* --- what it does by itself --- */

static void measure(struct sim *sim)
{
    struct core *c = sim->simulator->core;
    char topic[TOPIC_CAP];
    const char *component;
    spoke_str body;
    for (size_t at = 0; imitation_message(sim->imitation, core_unix_ms(c), &at, &component, &body);) {
        (void)snprintf(topic, sizeof topic,
                       "devices/%s/messages/events/%s%s%s%%24.ct=application%%2Fjson&%%24.ce=utf-8", sim->id,
                       component[0] != '\0' ? "%24.sub=" : "", component, component[0] != '\0' ? "&" : "");
        publish(sim, topic, body);
    }
    sim->due_ms = core_now_ms(c) + imitation_interval_ms(sim->imitation, SIMULATOR_INTERVAL_MS);
}

static void act(struct sim *sim)
{
    static const char PING[] = {(char)0xc0, 0};
    const uint64_t now = core_now_ms(sim->simulator->core);
    if (sim->life == LIFE_ALIVE && now >= sim->ping_ms) {
        send_bytes(sim, spoke_str_from(PING, sizeof PING));
        sim->ping_ms = now + PING_MS;
    }
    if (now < sim->due_ms)
        return;
    if (sim->life == LIFE_ALIVE)
        measure(sim);
    else
        join(sim); /* also when an answer did not come */
}

/* --- who lives --- */

static void sim_free(struct sim *sim)
{
    leave(sim, 0);
    list_leave(&sim->in_sims);
    imitation_free(sim->imitation);
    free(sim->template_id);
    free(sim->model_id);
    free(sim->hub_host);
    bytes_free(&sim->in);
    free(sim);
}

static struct sim *find_sim(const struct simulator *s, const char *id)
{
    for (const struct list_node *at = s->sims.first; at != NULL; at = at->next)
        if (strcmp(((struct sim *)at->owner)->id, id) == 0)
            return at->owner;
    return NULL;
}

static uint64_t seed_of(const char *id)
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
    for (; *id != '\0'; id++)
        hash = (hash ^ (unsigned char)*id) * UINT64_C(1099511628211);
    return hash;
}

static spoke_status learn(struct sim *sim, const struct store_device *row)
{
    struct core *c = sim->simulator->core;
    struct store_template kept;
    struct imitation *im = NULL;
    spoke_status status = store_template_get(c->store, row->template_id, &kept);
    if (status != SPOKE_OK)
        return status;
    status = imitation_make(spoke_str_of(kept.json), kept.model_id, seed_of(row->id), &im);
    if (status == SPOKE_OK && !text_set(&sim->model_id, spoke_str_of(kept.model_id)))
        status = SPOKE_E_NO_MEMORY;
    const int64_t etag = kept.etag;
    store_template_free(&kept);
    if (status == SPOKE_OK && (!text_set(&sim->template_id, spoke_str_of(row->template_id)) ||
                               !text_set(&sim->hub_host, spoke_str_of(row->hub_host))))
        status = SPOKE_E_NO_MEMORY;
    if (status != SPOKE_OK) {
        imitation_free(im);
        return status;
    }
    imitation_free(sim->imitation);
    sim->imitation = im;
    sim->template_etag = etag;
    sim->template_round = c->template_round;
    sim->simulator->learned++;
    leave(sim, 0);
    return SPOKE_OK;
}

/* Some template has changed: was it this one? */
static bool knows_template(struct sim *sim, const struct store_device *row)
{
    struct core *c = sim->simulator->core;
    struct store_template kept;
    if (strcmp(sim->template_id, row->template_id) != 0)
        return false;
    if (sim->template_round == c->template_round)
        return true;
    if (store_template_get(c->store, row->template_id, &kept) != SPOKE_OK)
        return false;
    const bool same = kept.etag == sim->template_etag;
    store_template_free(&kept);
    if (same)
        sim->template_round = c->template_round;
    return same;
}

/* It comes into the world as a device does that has been through DPS. */
static spoke_status provision(struct core *c, struct store_device *row)
{
    if (row->provisioned && row->hub_host != NULL)
        return SPOKE_OK;
    row->provisioned = true;
    return row->hub_host != NULL || text_set(&row->hub_host, spoke_str_of(c->hub_host)) ? core_device_put(c, row)
                                                                                        : SPOKE_E_NO_MEMORY;
}

static spoke_status animate(struct simulator *s, struct store_device *row)
{
    struct sim *sim = find_sim(s, row->id);
    const bool known = sim != NULL && knows_template(sim, row);
    if (known || s->learned == LEARN_AT_A_TIME) {
        s->look = s->look || !known; /* in the next turn */
        if (sim != NULL)
            sim->wanted = true;
        return SPOKE_OK;
    }
    spoke_status status = provision(s->core, row);
    if (status == SPOKE_OK && sim == NULL) {
        sim = calloc(1, sizeof *sim);
        status = sim != NULL ? SPOKE_OK : SPOKE_E_NO_MEMORY;
        if (sim != NULL) {
            sim->simulator = s;
            (void)snprintf(sim->id, sizeof sim->id, "%s", row->id);
            list_join(&s->sims, &sim->in_sims, sim);
        }
    }
    if (status == SPOKE_OK)
        status = learn(sim, row);
    if (sim != NULL)
        sim->wanted = status == SPOKE_OK;
    return status;
}

struct crowd {
    char ids[SIMULATOR_MOST][SPOKE_MAX_ID_BYTES + 1];
    size_t count;
    bool more;
};

static bool take_id(void *ctx, const char *id)
{
    struct crowd *crowd = ctx;
    crowd->more = crowd->count == SIMULATOR_MOST;
    if (!crowd->more)
        (void)snprintf(crowd->ids[crowd->count++], sizeof crowd->ids[0], "%s", id);
    return !crowd->more;
}

static void look(struct simulator *s)
{
    struct crowd *crowd = calloc(1, sizeof *crowd);
    s->look = false;
    s->learned = 0;
    if (crowd == NULL || store_device_simulated(s->core->store, take_id, crowd) != SPOKE_OK) {
        free(crowd);
        return;
    }
    s->template_round = s->core->template_round;
    for (struct list_node *at = s->sims.first; at != NULL; at = at->next)
        ((struct sim *)at->owner)->wanted = false;
    for (size_t i = 0; i < crowd->count; i++) {
        struct store_device row;
        if (store_device_get(s->core->store, crowd->ids[i], &row) != SPOKE_OK)
            continue;
        const spoke_status status =
            row.enabled && row.approved && row.template_id != NULL ? animate(s, &row) : SPOKE_OK;
        if (status != SPOKE_OK && status != SPOKE_E_NOT_FOUND) /* its template may yet come */
            core_log(s->core, SPOKE_LOG_WARN, "simulator", "%s is not simulated: %s", row.id,
                     spoke_status_text(status));
        store_device_free(&row);
    }
    if (crowd->more)
        core_log(s->core, SPOKE_LOG_WARN, "simulator", "%d devices are simulated, and no more", SIMULATOR_MOST);
    free(crowd);
    for (struct list_node *at = s->sims.first, *next; at != NULL; at = next) {
        next = at->next;
        if (!((struct sim *)at->owner)->wanted)
            sim_free(at->owner);
    }
}

/* --- the loop's turn --- */

static void turn(void *ctx)
{
    struct simulator *s = ctx;
    uint64_t due = UINT64_MAX;
    s->heard = false;
    if (s->look || s->template_round != s->core->template_round)
        look(s);
    for (struct list_node *at = s->sims.first; at != NULL; at = at->next) {
        struct sim *sim = at->owner;
        hear(sim);
        act(sim);
        due = sim->due_ms < due ? sim->due_ms : due;
        due = sim->life == LIFE_ALIVE && sim->ping_ms < due ? sim->ping_ms : due;
    }
    (void)core_task_set(s->core, &s->task, s->look || s->heard ? core_now_ms(s->core) : due);
}

void simulator_look(struct core *c)
{
    if (c->simulator == NULL)
        return;
    c->simulator->look = true;
    (void)core_task_set(c, &c->simulator->task, core_now_ms(c));
}

void simulator_device_changed(struct core *c, const char *device_id)
{
    struct store_device row;
    bool concerned = c->simulator != NULL && find_sim(c->simulator, device_id) != NULL;
    if (c->simulator != NULL && !concerned && store_device_get(c->store, device_id, &row) == SPOKE_OK) {
        concerned = row.simulated;
        store_device_free(&row);
    }
    if (concerned)
        simulator_look(c);
}

void simulator_hear(struct core *c)
{
    if (c->simulator == NULL)
        return;
    c->simulator->heard = true;
    (void)core_task_set(c, &c->simulator->task, core_now_ms(c));
}

static bool take_any(void *ctx, const char *id)
{
    (void)id;
    *(bool *)ctx = true;
    return false;
}

spoke_status simulator_begin(struct core *c)
{
    bool any = false;
    struct simulator *s = calloc(1, sizeof *s);
    if (s == NULL)
        return SPOKE_E_NO_MEMORY;
    s->core = c;
    s->task.run = turn;
    s->task.ctx = s;
    s->template_round = c->template_round;
    c->simulator = s;
    const spoke_status status = store_device_simulated(c->store, take_any, &any);
    if (any)
        simulator_look(c);
    return status;
}

void simulator_free(struct core *c)
{
    struct simulator *s = c->simulator;
    if (s == NULL)
        return;
    while (s->sims.first != NULL)
        sim_free(s->sims.first->owner);
    core_task_remove(c, &s->task);
    free(s);
    c->simulator = NULL;
}
