#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/iso8601.h"
#include "base/secret.h"
#include "core_internal.h"
#include "crypto/crypto.h"
#include "orders.h"
#include "refused.h"
#include "simulator.h"
#include "work.h"

#define MADE_KEY_BYTES 64u /* what the cloud generates */
#define KEY_TEXT_CAP 96u   /* their base64, and a NUL; other settings that are made are shorter */
#define SCOPE_PREFIX "0ne"
#define SCOPE_DIGITS 8u

/* --- small tools --- */

char *text_copy(spoke_str text)
{
    char *copy = malloc(text.len + 1);
    if (copy == NULL)
        return NULL;
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return copy;
}

bool text_set(char **slot, spoke_str text)
{
    char *copy = text_copy(text);
    if (copy == NULL)
        return false;
    free(*slot);
    *slot = copy;
    return true;
}

static bool id_char(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
           (ch != '\0' && strchr("-._:", ch) != NULL);
}

bool core_good_id(spoke_str id)
{
    for (size_t i = 0; i < id.len; i++)
        if (!id_char(id.ptr[i]))
            return false;
    return id.len > 0 && id.len <= SPOKE_MAX_ID_BYTES && strchr("._:", id.ptr[id.len - 1]) == NULL;
}

uint64_t core_now_ms(const struct core *c)
{
    return c->options.monotonic_ms(c->options.clock_ctx);
}

int64_t core_unix_ms(const struct core *c)
{
    return c->options.unix_ms(c->options.clock_ctx);
}

struct store *core_store(struct core *c)
{
    return c->store;
}

const char *core_id_scope(const struct core *c)
{
    return c->id_scope;
}

const char *core_hub_host(const struct core *c)
{
    return c->hub_host;
}

static bool replace(char **slot, const char *text)
{
    if (text != NULL)
        return text_set(slot, spoke_str_of(text));
    free(*slot);
    *slot = NULL;
    return true;
}

spoke_status core_set_connection(struct core *c, const struct core_connection *connection)
{
    c->connection_port = connection->mqtt_port;
    return replace(&c->connection_host, connection->host) && replace(&c->connection_ca, connection->ca_pem)
               ? SPOKE_OK
               : SPOKE_E_NO_MEMORY;
}

struct core_connection core_connection(const struct core *c)
{
    return (struct core_connection){c->connection_host, c->connection_ca, c->connection_port};
}

const char *core_application_id(const struct core *c)
{
    return c->application_id;
}

const char *core_application_secret(const struct core *c)
{
    return c->application_secret;
}

bool core_control(const struct core *c)
{
    return c->options.control;
}

/* How many of the bytes here a terminal obeys and does not show: controls, U+0080 to U+009F among them, and what turns the
 * direction of text or ends a line (U+061C, U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069). */
static size_t unseen(const unsigned char *at)
{
    if (*at < 0x20 || *at == 0x7f)
        return 1;
    if ((at[0] == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f) || (at[0] == 0xd8 && at[1] == 0x9c))
        return 2;
    if (at[0] != 0xe2 || (at[1] != 0x80 && at[1] != 0x81))
        return 0;
    const bool turns = at[1] == 0x80 ? at[2] == 0x8e || at[2] == 0x8f || (at[2] >= 0xa8 && at[2] <= 0xae)
                                     : at[2] >= 0xa6 && at[2] <= 0xa9;
    return turns ? 3 : 0;
}

/* Ids come from strangers: one line stays one line, and says what it seems to say. */
static void hide_controls(char *line)
{
    for (unsigned char *at = (unsigned char *)line; *at != '\0'; at++)
        for (size_t left = unseen(at); left > 0; left--)
            at[left - 1] = '?';
}

void core_log(const struct core *c, spoke_log_level level, const char *module, const char *format, ...)
{
    char line[512];
    if (c->options.log == NULL || level > c->options.log_level)
        return;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    hide_controls(line);
    c->options.log(c->options.log_user, level, module, line);
}

bool log_admits(struct core *c, struct log_budget *budget, uint32_t most, uint32_t *left_out)
{
    const bool begins = core_now_ms(c) >= budget->ends_ms;
    *left_out = begins ? budget->left_out : 0;
    if (begins)
        *budget = (struct log_budget){.ends_ms = core_now_ms(c) + 1000};
    if (budget->lines == most) {
        budget->left_out++;
        return false;
    }
    budget->lines++;
    return true;
}

#define STRANGERS_LINES 20u /* in a second: their number must not fill a disk */

void core_log_stranger(struct core *c, const char *module, const char *format, ...)
{
    char line[512];
    uint32_t left_out;
    va_list args;
    if (!log_admits(c, &c->strangers, STRANGERS_LINES, &left_out))
        return;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    core_log(c, SPOKE_LOG_WARN, module, "%s", line);
    if (left_out > 0)
        core_log(c, SPOKE_LOG_WARN, module, "%u more lines about clients that were refused were left out",
                 (unsigned)left_out);
}

static bool random_bytes(struct core *c, uint8_t *out, size_t len)
{
    memset(out, 0, len);
    if (c->options.random(c->options.random_ctx, out, len) == SPOKE_OK)
        return true;
    core_log(c, SPOKE_LOG_ERROR, "core", "the random source failed");
    return false;
}

void core_guid(struct core *c, char out[37])
{
    uint8_t b[16];
    (void)random_bytes(c, b, sizeof b);       /* no secret: without randomness an id says less, and no more */
    b[6] = (uint8_t)((b[6] & 0x0fu) | 0x40u); /* RFC 4122, version 4 */
    b[8] = (uint8_t)((b[8] & 0x3fu) | 0x80u);
    (void)snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
                   b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

void core_time(const struct core *c, unsigned digits, char out[40])
{
    spoke_buf buf = spoke_buf_from(out, 39);
    if (iso8601_format(core_unix_ms(c), digits, &buf) != SPOKE_OK)
        buf.len = 0; /* a clock outside 1970..9999 */
    out[buf.len] = '\0';
}

char *core_error_body(struct core *c, int32_t code, const char *message)
{
    char id[37], now[40];
    core_guid(c, id);
    core_time(c, 7, now);
    cJSON *tree = cJSON_CreateObject();
    cJSON_AddNumberToObject(tree, "errorCode", code);
    cJSON_AddStringToObject(tree, "trackingId", id);
    cJSON_AddStringToObject(tree, "message", message);
    cJSON_AddStringToObject(tree, "timestampUtc", now);
    char *text = cJSON_PrintUnformatted(tree);
    cJSON_Delete(tree);
    return text;
}

/* cJSON keeps text NUL-terminated, so an escaped NUL would silently cut what follows it. */
static bool has_escaped_nul(spoke_str json)
{
    for (size_t i = 0; i + 1 < json.len; i++) {
        if (json.ptr[i] != '\\')
            continue;
        if (spoke_str_starts(spoke_str_from(json.ptr + i, json.len - i), SPOKE_STR("\\u0000")))
            return true;
        i++;
    }
    return false;
}

bool core_parse_json(spoke_str text, cJSON **out)
{
    *out = NULL;
    if (spoke_json_check(text) != SPOKE_OK || has_escaped_nul(text))
        return false;
    *out = cJSON_ParseWithLength(text.ptr, text.len);
    return *out != NULL;
}

/* --- what is kept from the first start on --- */

spoke_status core_document_put(struct core *c, const char *kind, const char *id, const cJSON *document,
                               const char *organizations)
{
    char *json = cJSON_PrintUnformatted(document);
    const struct store_document row = {.kind = (char *)(uintptr_t)kind, /* the store only reads the texts */
                                       .id = (char *)(uintptr_t)id,
                                       .json = json,
                                       .organizations = (char *)(uintptr_t)organizations,
                                       .etag = core_unix_ms(c)};
    const spoke_status status = json != NULL ? store_document_put(c->store, &row) : SPOKE_E_NO_MEMORY;
    cJSON_free(json);
    return status;
}

bool core_make_key(struct core *c, char out[96])
{
    uint8_t key[MADE_KEY_BYTES];
    spoke_buf buf = spoke_buf_from(out, KEY_TEXT_CAP - 1);
    const bool made = random_bytes(c, key, sizeof key) &&
                      base64_encode(spoke_str_from((const char *)key, sizeof key), &buf) == SPOKE_OK;
    spoke_wipe(key, sizeof key);
    out[buf.len] = '\0';
    return made;
}

static bool make_scope(struct core *c, char out[KEY_TEXT_CAP])
{
    uint8_t bytes[SCOPE_DIGITS / 2];
    const bool made = random_bytes(c, bytes, sizeof bytes);
    (void)snprintf(out, KEY_TEXT_CAP, SCOPE_PREFIX "%02X%02X%02X%02X", bytes[0], bytes[1], bytes[2], bytes[3]);
    return made;
}

static bool make_guid(struct core *c, char out[KEY_TEXT_CAP])
{
    core_guid(c, out);
    return true;
}

static bool make_host(struct core *c, char out[KEY_TEXT_CAP])
{
    (void)c;
    (void)snprintf(out, KEY_TEXT_CAP, "localhost");
    return true;
}

/* The wanted value wins and is kept; else the kept one; else a new one. */
static spoke_status setting(struct core *c, const char *name, const char *wanted,
                            bool (*make)(struct core *, char *), char **out)
{
    char made[KEY_TEXT_CAP];
    if (wanted == NULL) {
        spoke_status status = store_setting_get(c->store, name, out);
        if (status != SPOKE_E_NOT_FOUND)
            return status;
        if (!make(c, made))
            return SPOKE_E_PORT;
        wanted = made;
    }
    if (!text_set(out, spoke_str_of(wanted)))
        return SPOKE_E_NO_MEMORY;
    return store_setting_put(c->store, name, wanted);
}

static spoke_status read_settings(struct core *c, const struct core_options *o)
{
    spoke_status status = setting(c, "id_scope", o->id_scope, make_scope, &c->id_scope);
    if (status == SPOKE_OK)
        status = setting(c, "hub_host", o->hub_host, make_host, &c->hub_host);
    if (status == SPOKE_OK)
        status = setting(c, "application_id", NULL, make_guid, &c->application_id);
    if (status == SPOKE_OK)
        status = setting(c, "application_secret", NULL, core_make_key, &c->application_secret);
    return status;
}

static spoke_status default_group(struct core *c, const struct core_options *o)
{
    char secondary[KEY_TEXT_CAP], primary[KEY_TEXT_CAP];
    struct store_group row;
    memset(&row, 0, sizeof row);
    spoke_status status = store_group_get(c->store, CORE_DEFAULT_GROUP, &row);
    if (status == SPOKE_OK && o->group_key != NULL) {
        status = text_set(&row.primary_key, spoke_str_of(o->group_key)) ? store_group_put(c->store, &row)
                                                                        : SPOKE_E_NO_MEMORY;
    } else if (status == SPOKE_E_NOT_FOUND) {
        if (!core_make_key(c, primary) || !core_make_key(c, secondary))
            return SPOKE_E_PORT;
        const struct store_group made = {.id = (char[]){CORE_DEFAULT_GROUP},
                                         .display_name = (char[]){CORE_DEFAULT_GROUP},
                                         .type = (char[]){"iot"},
                                         .primary_key =
                                             o->group_key != NULL ? (char *)(uintptr_t)o->group_key : primary,
                                         .secondary_key = secondary,
                                         .enabled = true};
        status = store_group_put(c->store, &made);
        spoke_wipe(primary, sizeof primary);
        spoke_wipe(secondary, sizeof secondary);
        return status;
    }
    store_group_free(&row);
    return status;
}

static spoke_status make_x509_group(struct core *c)
{
    const struct store_group row = {.id = (char[]){CORE_X509_GROUP},
                                    .display_name = (char[]){CORE_X509_GROUP},
                                    .type = (char[]){"iot"},
                                    .enabled = true};
    struct store_group present;
    const spoke_status status = store_group_get(c->store, CORE_X509_GROUP, &present);
    if (status == SPOKE_OK)
        store_group_free(&present);
    return status == SPOKE_E_NOT_FOUND ? store_group_put(c->store, &row) : status;
}

/* Whoever starts the service answers for the file: its authorities count as verified, as long as it is named. */
static spoke_status x509_group(struct core *c, const struct core_options *o)
{
    spoke_status status = o->device_ca_pem != NULL ? make_x509_group(c) : SPOKE_OK;
    return status == SPOKE_OK ? auth_device_ca(c, o->device_ca_pem) : status;
}

static spoke_status check_options(const struct core_options *o, char *why, size_t why_cap)
{
    spoke_key key;
    if (o->store_path == NULL || o->monotonic_ms == NULL || o->unix_ms == NULL || o->random == NULL) {
        (void)snprintf(why, why_cap, "the store's path, both clocks and the random source are needed");
        return SPOKE_E_ARG;
    }
    if (o->id_scope != NULL && (o->id_scope[0] == '\0' || strlen(o->id_scope) > SPOKE_MAX_SCOPE_BYTES ||
                                strpbrk(o->id_scope, "/?&=+#%") != NULL)) {
        (void)snprintf(why, why_cap, "the ID scope is empty, too long, or has characters that cannot be in it");
        return SPOKE_E_ARG;
    }
    if (o->group_key == NULL)
        return SPOKE_OK;
    spoke_status status = spoke_key_from_base64(spoke_str_of(o->group_key), &key);
    spoke_key_wipe(&key);
    if (status != SPOKE_OK)
        (void)snprintf(why, why_cap, "the group key is not the base64 of 16 to 64 bytes");
    return status;
}

static void tell_of_store(void *ctx, const char *line)
{
    core_log(ctx, SPOKE_LOG_WARN, "store", "%s", line);
}

spoke_status core_create(const struct core_options *options, struct core **out, char *why, size_t why_cap)
{
    spoke_status status = check_options(options, why, why_cap);
    if (status != SPOKE_OK)
        return status;
    struct core *c = calloc(1, sizeof *c);
    if (c == NULL)
        return SPOKE_E_NO_MEMORY;
    c->options = *options;
    c->due = UINT64_MAX;
    c->template_round = 1;
    dps_guesses_init(c);
    status = limits_parse(options->profile, &c->limits, why, why_cap);
    if (status == SPOKE_OK)
        status = rates_init(&c->rates, options->connect_rate);
    if (status == SPOKE_OK)
        status =
            store_open_telling(options->store_path, options->durable, tell_of_store, c, &c->store, why, why_cap);
    if (status == SPOKE_OK) {
        if (options->keep_messages != 0)
            store_keep(c->store, options->keep_messages);
        store_keep_ms(c->store, (int64_t)options->keep_days * 24 * 3600 * 1000);
        c->told = store_event_last(c->store);
        status = core_dirty(c);
        if (status == SPOKE_OK)
            status = read_settings(c, options);
        if (status == SPOKE_OK)
            status = default_group(c, options);
        if (status == SPOKE_OK)
            status = x509_group(c, options);
        if (status == SPOKE_OK)
            status = store_commit(c->store);
        if (status == SPOKE_E_CERTIFICATE)
            (void)snprintf(why, why_cap, "the device CA has to be certificates of authorities in PEM form");
        else if (status != SPOKE_OK)
            (void)snprintf(why, why_cap, "the store does not take the first settings: %s",
                           spoke_status_text(status));
        c->uncommitted = false;
        clear_wake(c);
        if (status == SPOKE_OK)
            status = jobs_begin(c);
        if (status == SPOKE_OK)
            status = simulator_begin(c);
    }
    if (status != SPOKE_OK) {
        core_destroy(c);
        return status;
    }
    *out = c;
    return SPOKE_OK;
}

void core_destroy(struct core *c)
{
    if (c == NULL)
        return;
    jobs_free(c);
    simulator_free(c);
    while (c->conns.first != NULL)
        conn_free(c->conns.first->owner);
    timers_free(&c->timers);
    timers_free(&c->tasks);
    method_free_all(c);
    rest_commands_free(c);
    refused_free(c);
    free(c->last_group);
    dps_registrations_free(c);
    c2d_marks_free(c);
    templates_free(c);
    events_free(c->events);
    faults_clear(&c->faults);
    rates_fini(&c->rates);
    orders_free(c);
    work_fini(c);
    if (c->store != NULL) {
        if (c->uncommitted)
            (void)store_commit(c->store); /* nobody is left to tell; acknowledgements were not sent */
        store_close(c->store);
    }
    free(c->id_scope);
    free(c->hub_host);
    free(c->connection_host);
    free(c->connection_ca);
    free(c->application_id);
    secret_free(c->application_secret);
    free(c);
}

/* --- rounds --- */

spoke_status core_dirty(struct core *c)
{
    spoke_status status = store_begin(c->store); /* also when it is open: it may have failed meanwhile */
    if (status == SPOKE_OK)
        c->uncommitted = true;
    else
        core_log(c, SPOKE_LOG_ERROR, "core", "the store takes no writes: %s", spoke_status_text(status));
    return status;
}

/* Connections that wait for a commit in a span of commit_pause_ms, and how many of those a great crowd waits for. */
#define CROWD 4u
#define GREAT_CROWD 32u
#define GREAT_PAUSES 3u

/* How many connections sent something in each span. One device that waits for each acknowledgement is no crowd: for
 * it every pause would be one of its own. */
static void count_sender(struct core *c, struct conn *k)
{
    if (k->round == c->round)
        return;
    k->round = c->round;
    c->senders++;
}

static void end_round(struct core *c)
{
    const uint64_t now = core_now_ms(c);
    c->committed_ms = now;
    if (now < c->round_end_ms)
        return;
    /* a round long ago says nothing of now */
    c->crowd = now < c->round_end_ms + GREAT_PAUSES * c->options.commit_pause_ms ? c->senders : 0;
    c->senders = 0;
    c->round++;
    c->round_end_ms = now + c->options.commit_pause_ms;
}

/* A commit costs the same for one message as for fifty, so that with many senders each may wait for the others: the
 * longer, the more they are, since several messages of one device then share its newest values and one record back. */
static uint64_t next_commit_ms(const struct core *c)
{
    const uint32_t pauses = c->crowd < CROWD ? 0 : c->crowd < GREAT_CROWD ? 1 : GREAT_PAUSES;
    return c->committed_ms + pauses * c->options.commit_pause_ms;
}

static bool too_soon(const struct core *c)
{
    return c->uncommitted && core_now_ms(c) < next_commit_ms(c);
}

bool core_uncommitted(const struct core *c)
{
    return c->uncommitted;
}

spoke_status core_commit(struct core *c)
{
    const bool committed = c->uncommitted;
    spoke_status status = store_commit(c->store);
    if (status != SPOKE_OK) {
        core_log(c, SPOKE_LOG_ERROR, "core", "the store did not commit: %s", spoke_status_text(status));
        jobs_lost(c);
        clear_lost(c);
    }
    c->uncommitted = false;
    for (struct conn *k = list_take(&c->held); k != NULL; k = list_take(&c->held)) {
        count_sender(c, k);
        conn_release(k, status == SPOKE_OK);
    }
    if (committed)
        end_round(c);
    stream_committed(c);
    return status;
}

void core_due(struct core *c, uint64_t at)
{
    if (at < c->due)
        c->due = at;
}

uint64_t core_deadline(const struct core *c)
{
    const uint64_t due = timers_due(&c->timers);
    const uint64_t commit = !c->uncommitted ? UINT64_MAX : too_soon(c) ? next_commit_ms(c) : core_now_ms(c);
    const uint64_t task = timers_due(&c->tasks), other = task < c->due ? task : c->due;
    const uint64_t first = due < other ? due : other;
    return first < commit ? first : commit;
}

/* Only connections whose timer is due are looked at. One that sets itself due again waits for the next tick. */
static void tick_conns(struct core *c)
{
    const uint64_t now = core_now_ms(c);
    struct conn *k;
    for (size_t left = c->timers.count; left > 0 && (k = timers_first(&c->timers, now)) != NULL; left--) {
        c->ticks++;
        conn_tick(k);
    }
}

void core_tick(struct core *c)
{
    tick_conns(c);
    if (core_now_ms(c) >= c->due) {
        c->due = UINT64_MAX;
        method_tick(c);
        core_due(c, method_deadline(c));
        orders_tick(c);
        core_due(c, orders_deadline(c));
        work_tick(c);
        core_due(c, work_deadline(c));
    }
    stream_tick(c);
    if (!too_soon(c))
        (void)core_commit(c);
}
