#include <stdalign.h>
#include <string.h>

#include "base/ascii.h"
#include "machine.h"

#define MOST_QUEUED 65000u         /* the index also holds reports */
#define MOST_RAM_QUEUE 0x40000000u /* bytes */
#define MOST_ENCODING_BYTES 32u    /* of its name */
#define CAPACITY_BYTES 128u        /* of the sentence about too small a storage */

static spoke_status refuse_as(spoke_error *why, spoke_status status, const char *text)
{
    *why = client_fault(status, SPOKE_SOURCE_CLIENT, 0, text);
    return status;
}

static spoke_status refuse(spoke_error *why, const char *text)
{
    return refuse_as(why, SPOKE_E_ARG, text);
}

const char *config_sentence(spoke_buf *room, const char *const parts[], size_t count)
{
    room->len = 0;
    for (size_t i = 0; i < count; i++) {
        const spoke_str part = spoke_str_of(parts[i]);
        const size_t rest = room->cap - 1 - room->len;
        memcpy(room->ptr + room->len, part.ptr, part.len < rest ? part.len : rest);
        room->len += part.len < rest ? part.len : rest;
    }
    room->ptr[room->len] = '\0';
    return (const char *)room->ptr;
}

spoke_dps_config config_dps(const spoke_config *c)
{
    const spoke_dps_config config = {
        .id_scope = spoke_str_of(c->id_scope),
        .registration_id = spoke_str_of(c->registration_id),
        .model_id = spoke_str_of(c->model != NULL ? c->model->dtmi : NULL),
        .user_agent = spoke_str_of(c->user_agent),
        .payload = spoke_str_of(c->provisioning_payload),
    };
    return config;
}

static bool within(const char *text, size_t most)
{
    return text != NULL && text[0] != '\0' && strlen(text) <= most;
}

/* It goes into a request of HTTP: nothing in it may end a line. */
static bool host_name(const char *text)
{
    for (const char *at = text; *at != '\0'; at++)
        if (!ascii_is_alpha(*at) && !ascii_is_digit(*at) && *at != '-' && *at != '.' && *at != ':')
            return false;
    return within(text, SPOKE_MAX_HOST_BYTES);
}

/* The names of the connection as they will be written, with room left for the token beside the user name. */
static spoke_status check_names(const spoke_config *c, spoke_error *why)
{
    char room[USERNAME_BYTES];
    spoke_buf username = spoke_buf_from(room, sizeof room);
    const spoke_dps_config dps = config_dps(c);
    spoke_hub_identity hub = {
        .device_id = dps.registration_id, .model_id = dps.model_id, .user_agent = dps.user_agent};
    char host[SPOKE_MAX_HOST_BYTES + 1];
    spoke_status status = config_uses_dps(c) ? spoke_dps_username(&dps, &username) : SPOKE_OK;
    for (size_t i = 0; !config_uses_dps(c) && status == SPOKE_OK && i < hosts_count(c->hub_host); i++) {
        username.len = 0;
        hub.hub_host = spoke_str_of(hosts_get(c->hub_host, i, host, sizeof host) ? host : NULL);
        status = spoke_hub_username(&hub, &username);
    }
    if (status == SPOKE_E_TOO_SMALL)
        return refuse(why, "model id and user_agent are too long for a user name");
    if (status != SPOKE_OK)
        return refuse(why, config_uses_dps(c)
                               ? "id_scope or registration_id holds more than letters, digits and - . _ :"
                               : "hub_host or registration_id holds a space or a control character");
    return SPOKE_OK;
}

/* What has its place in memory, and what there is nothing to do without: looked at in every build. */
static spoke_status check_identity(const spoke_config *c, spoke_error *why)
{
    if (!within(c->registration_id, SPOKE_MAX_ID_BYTES))
        return refuse(why, "registration_id is missing or longer than SPOKE_MAX_ID_BYTES (128)");
    if (!config_uses_dps(c) && (c->hub_host == NULL || c->hub_host[0] == '\0'))
        return refuse(why, "set provisioning_host (and id_scope), or hub_host to connect without DPS");
    if (hosts_count(config_uses_dps(c) ? c->provisioning_host : c->hub_host) == 0)
        return refuse(why,
                      config_uses_dps(c)
                          ? "provisioning_host must be one to four hosts with commas between them, each of at "
                            "most 253 characters and without blanks"
                          : "hub_host must be one to four hosts with commas between them, each of at most 253 "
                            "characters and without blanks");
    return SPOKE_OK;
}

static spoke_status check_texts(const spoke_config *c, spoke_error *why)
{
    if (c->registration_id[strcspn(c->registration_id, "#+/")] != '\0')
        return refuse(why, "registration_id holds '#', '+' or '/', which an MQTT topic cannot carry");
    if (config_uses_dps(c) && !within(c->id_scope, SPOKE_MAX_SCOPE_BYTES))
        return refuse(why, "id_scope is missing or longer than 64 characters");
    if (SPOKE_WITH_CLOCK_HELP && c->time_host != NULL && !host_name(c->time_host))
        return refuse(why, "time_host is no host name of at most 253 letters, digits and - . :");
    if (SPOKE_WITH_DPS && c->provisioning_payload != NULL &&
        (spoke_json_check(spoke_str_of(c->provisioning_payload)) != SPOKE_OK ||
         spoke_json_type(spoke_str_of(c->provisioning_payload)) != '{'))
        return refuse(why, "provisioning_payload is not a JSON object");
    if (c->trust != NULL && (c->trust_pem != NULL || c->trust_file != NULL))
        return refuse(why, "trust stands beside trust_pem or trust_file: give one of them");
    return check_names(c, why);
}

static spoke_status check_credential(const spoke_credential *k, spoke_error *why)
{
    if (k->kind == SPOKE_X509 && (k->primary == NULL || k->secondary == NULL))
        return refuse(why,
                      "credential: X.509 needs the certificate chain in primary and the key in secondary, as PEM");
    if (k->kind == SPOKE_SYMMETRIC_KEY && k->primary == NULL && k->hmac == NULL)
        return refuse(why, "credential.primary is missing: the base64 key of this device");
    return SPOKE_OK;
}

static bool same_place(const spoke_handler *a, const spoke_handler *b)
{
    return (a->command == NULL) == (b->command == NULL) &&
           spoke_str_equal(spoke_str_of(a->name), spoke_str_of(b->name)) &&
           spoke_str_equal(spoke_str_of(a->component), spoke_str_of(b->component));
}

static spoke_status check_handlers(const spoke_config *c, spoke_error *why)
{
    if (!HANDLERS_ASKED || !SPOKE_WITH_CONFIG_CHECKS)
        return SPOKE_OK; /* check_parts refuses them that nobody asks */
    if (c->handler_count > UINT16_MAX)
        return refuse(why, "handler_count is beyond 65535");
    if (c->handler_count > 0 && c->handlers == NULL)
        return refuse(why, "handlers is NULL although handler_count is not 0");
    for (size_t i = 0; i < c->handler_count; i++) {
        const spoke_handler *h = &c->handlers[i];
        if (h->name == NULL || (h->property == NULL) == (h->command == NULL))
            return refuse(why, "a handler needs a name and exactly one of property and command");
        for (size_t j = 0; j < i; j++)
            if (same_place(&c->handlers[j], h))
                return refuse(why, "two handlers are given for the same component and name");
    }
    return SPOKE_OK;
}

static void default_32(uint32_t *field, uint32_t value)
{
    if (*field == 0)
        *field = value;
}

static void default_16(uint16_t *field, uint16_t value)
{
    if (*field == 0)
        *field = value;
}

/* For messages of the usual size. */
static uint32_t queue_messages_for(uint32_t bytes)
{
    const uint32_t count = bytes / 128;
    return count < 16 ? 16 : count < MOST_QUEUED ? count : MOST_QUEUED;
}

static void fill_defaults(spoke_config *c)
{
    default_16(&c->port, SPOKE_DEFAULT_PORT);
    default_32(&c->keep_alive_s, SPOKE_DEFAULT_KEEP_ALIVE_S);
    default_32(&c->sas_lifetime_s, SPOKE_DEFAULT_SAS_LIFETIME_S);
    default_32(&c->backoff_min_ms, SPOKE_DEFAULT_BACKOFF_MIN_MS);
    default_32(&c->backoff_max_ms, SPOKE_DEFAULT_BACKOFF_MAX_MS);
    default_32(&c->connect_limit_ms, SPOKE_DEFAULT_CONNECT_LIMIT_MS);
    default_32(&c->queue_bytes, SPOKE_DEFAULT_QUEUE_BYTES);
    default_32(&c->report_bytes, SPOKE_DEFAULT_REPORT_BYTES);
    default_32(&c->receive_bytes, SPOKE_DEFAULT_RECEIVE_BYTES);
    default_32(&c->send_bytes, SPOKE_DEFAULT_SEND_BYTES);
    default_16(&c->in_flight, SPOKE_DEFAULT_IN_FLIGHT);
    default_16(&c->commands, SPOKE_DEFAULT_COMMANDS);
    if (SPOKE_WITH_BATCHES)
        default_16(&c->batch_span_ms, SPOKE_DEFAULT_BATCH_SPAN_MS);
    default_32(&c->queue_messages, queue_messages_for(c->queue_bytes));
    if (SPOKE_WITH_RENEWAL)
        default_16(&c->expiry_warning_days, SPOKE_DEFAULT_EXPIRY_WARNING_DAYS);
    if (SPOKE_WITH_DIAGNOSTICS && c->diagnostics != NULL) {
        default_32(&c->diagnostics_period_s, SPOKE_DEFAULT_DIAGNOSTICS_PERIOD_S);
        default_32(&c->log_bytes, SPOKE_DEFAULT_LOG_BYTES);
    }
    if (c->user_agent == NULL)
        c->user_agent = "spoke/" SPOKE_VERSION;
    if (SPOKE_WITH_CLOCK_HELP)
        default_16(&c->time_port, 80);
    if (c->platform == NULL)
        c->platform = config_builtin_platform();
    if (c->transport == NULL)
        c->transport = spoke_transport_native();
}

static spoke_status check_numbers(const spoke_config *c, spoke_error *why)
{
    if (c->keep_alive_s > SPOKE_MAX_KEEP_ALIVE_S)
        return refuse(why, "keep_alive_s is beyond 1177, the most that the hub honours");
    if (c->sas_lifetime_s > 86400 || c->sas_lifetime_s < 60)
        return refuse(why, "sas_lifetime_s must lie between 60 and 86400");
    if (c->backoff_min_ms > c->backoff_max_ms || c->backoff_max_ms > 3600000)
        return refuse(why, "backoff_min_ms must not exceed backoff_max_ms, nor that one hour");
    if (c->queue_bytes < 256 || c->queue_bytes > INT32_MAX || c->report_bytes < 256 || c->report_bytes > INT32_MAX)
        return refuse(why, "queue_bytes and report_bytes must lie between 256 and 2147483647");
    if (c->receive_bytes < 1024 || c->receive_bytes > SPOKE_MQTT_MAX_REMAINING)
        return refuse(why, "receive_bytes must lie between 1024 and 268435455");
    if ((unsigned)c->checks > SPOKE_CHECKS_OFF)
        return refuse(why, "checks is none of SPOKE_CHECKS_STRICT, _WARN and _OFF");
    if (c->send_bytes < 2048 || c->send_bytes > SPOKE_MQTT_MAX_REMAINING)
        return refuse(why, "send_bytes must lie between 2048 (a CONNECT with its token) and 268435455");
    return SPOKE_OK;
}

/* --- store and forward --- */

static size_t report_slots(const spoke_config *c)
{
    const uint32_t slots = c->report_bytes / 256;
    return slots < 8 ? 8 : slots < 500 ? slots : 500;
}

static size_t most_payload(const spoke_config *c)
{
    return c->send_bytes < SPOKE_MAX_TELEMETRY_BYTES ? c->send_bytes : SPOKE_MAX_TELEMETRY_BYTES;
}

static uint64_t storage_capacity(const spoke_config *c, const spoke_storage *storage)
{
    const size_t record = log_most_bytes(storage), most = most_payload(c);
    return log_capacity(storage, (uint32_t)(record < most ? record : most));
}

/* Blocks of this size that would hold what the configuration asks for; 0: no number would. */
static uint32_t blocks_needed(const spoke_config *c)
{
    spoke_storage wider = *c->storage;
    const uint64_t wanted = (uint64_t)c->queue_bytes + c->report_bytes;
    uint32_t few = wider.block_count, many = UINT32_MAX / wider.block_bytes;
    wider.block_count = many;
    if (storage_capacity(c, &wider) < wanted)
        return 0;
    while (few + 1 < many) {
        wider.block_count = few + (many - few) / 2;
        if (storage_capacity(c, &wider) < wanted)
            few = wider.block_count;
        else
            many = wider.block_count;
    }
    return many;
}

static const char *decimal(uint32_t value, char room[12])
{
    spoke_buf out = spoke_buf_from(room, 12);
    return spoke_buf_append_u64(&out, value) == SPOKE_OK && spoke_buf_append_byte(&out, 0) == SPOKE_OK ? room
                                                                                                       : "?";
}

/* A sentence with numbers stands in `room`. */
static spoke_status refuse_capacity(const spoke_config *c, spoke_buf *room, spoke_error *why)
{
    const uint32_t blocks = blocks_needed(c);
    char size[12], needed[12];
    const char *const parts[] = {"storage is too small for queue_bytes and report_bytes together: with blocks of ",
                                 decimal(c->storage->block_bytes, size), " bytes they need ",
                                 decimal(blocks, needed)};
    if (!SPOKE_WITH_SENTENCES || blocks == 0 || room == NULL || room->cap < CAPACITY_BYTES)
        return refuse(why, "storage is too small for queue_bytes and report_bytes together");
    return refuse(why, config_sentence(room, parts, sizeof parts / sizeof parts[0]));
}

static spoke_status check_storage(const spoke_config *c, spoke_buf *room, spoke_error *why)
{
    const spoke_storage *s = c->storage;
    if (!SPOKE_WITH_STORAGE || s == NULL)
        return (uint64_t)c->queue_bytes + c->report_bytes <= MOST_RAM_QUEUE
                   ? SPOKE_OK
                   : refuse(why, "queue_bytes and report_bytes are more than 1073741824 together");
    if (s->struct_size < sizeof *s)
        return refuse(why, "storage.struct_size is too small: set it to sizeof(spoke_storage)");
    if (s->read == NULL || s->program == NULL || s->erase == NULL)
        return refuse(why, "storage needs read, program and erase");
    if (log_most_bytes(s) == 0)
        return refuse(why,
                      "storage needs blocks of at least 512 bytes, at least 4 of them, and program_bytes of 1, "
                      "2, 4, 8, 16, 32 or 64 that divide a block");
    return storage_capacity(c, s) >= (uint64_t)c->queue_bytes + c->report_bytes ? SPOKE_OK
                                                                                : refuse_capacity(c, room, why);
}

static spoke_status check_queue(const spoke_config *c, spoke_buf *room, spoke_error *why)
{
    const spoke_encoder *e = c->encoder;
    if (SPOKE_WITH_DROPS && (unsigned)c->when_full > SPOKE_FULL_DROP_LOWEST)
        return refuse(why, "when_full is none of SPOKE_FULL_REFUSE, _DROP_OLDEST, _DROP_NEWEST and _DROP_LOWEST");
    if (c->queue_messages > MOST_QUEUED)
        return refuse(why, "queue_messages is beyond 65000");
    if (c->replay_per_s > 1000000)
        return refuse(why, "replay_per_s is beyond 1000000: 0 stands for no limit");
    if (SPOKE_WITH_BATCHES && e != NULL && (e->encode == NULL || !within(e->encoding, MOST_ENCODING_BYTES)))
        return refuse(why, "encoder needs encode, and the name of its encoding in at most 32 characters");
    return check_storage(c, room, why);
}

const spoke_platform *config_builtin_platform(void)
{
#if SPOKE_WITH_POSIX
    return spoke_platform_posix();
#else
    return NULL;
#endif
}

void config_platform(const spoke_config *resolved, spoke_platform *out)
{
    *out = *resolved->platform;
    out->log_tap = NULL; /* diagnostics_init may set it */
#if SPOKE_WITH_POSIX     /* without it check_platform saw that it is complete */
    const spoke_platform *builtin = spoke_platform_posix();
    if (out->monotonic_ms == NULL)
        out->monotonic_ms = builtin->monotonic_ms;
    if (out->unix_seconds == NULL)
        out->unix_seconds = builtin->unix_seconds;
    if (out->random == NULL)
        out->random = builtin->random;
    if (out->net == NULL)
        out->net = builtin->net;
#endif
}

static spoke_status check_platform(const spoke_platform *p, spoke_error *why)
{
#if !SPOKE_WITH_POSIX
    if (p == NULL)
        return refuse(why, "platform is missing: this build has no port of its own");
#endif
    if (p->struct_size < sizeof(spoke_platform))
        return refuse(why, "platform.struct_size is too small: set it to sizeof(spoke_platform)");
    if ((p->lock == NULL) != (p->unlock == NULL))
        return refuse(why, "platform has one of lock and unlock; it needs both or neither");
#if !SPOKE_WITH_POSIX
    if (p->monotonic_ms == NULL || p->unix_seconds == NULL || p->random == NULL || p->net == NULL)
        return refuse(why,
                      "platform needs monotonic_ms, unix_seconds, random and net: this build has no port of its "
                      "own to take them from");
#endif
    return SPOKE_OK;
}

/* A handler for it is given. */
static bool has_handler(const spoke_config *c, bool of_command)
{
    for (size_t i = 0; i < c->handler_count; i++)
        if ((c->handlers[i].command != NULL) == of_command)
            return true;
    return false;
}

static spoke_status lacks(spoke_error *why, const char *text)
{
    return refuse_as(why, SPOKE_E_UNSUPPORTED, text);
}

static bool lists_hosts(const char *list)
{
    return list != NULL && list[strcspn(list, ",")] != '\0';
}

/* What asks for a part that this build has left out. */
static spoke_status check_parts(const spoke_config *c, spoke_error *why)
{
    if (!SPOKE_WITH_TLS && c->transport == spoke_transport_native() &&
        (c->test_only & SPOKE_TEST_ONLY_PLAINTEXT) == 0)
        return lacks(why,
                     "this build has no TLS: build with SPOKE_WITH_TLS, or set SPOKE_TEST_ONLY_PLAINTEXT where "
                     "the link is encrypted by other means");
    if (!SPOKE_WITH_DPS && c->provisioning_host != NULL)
        return lacks(why, "this build has no DPS: give hub_host, or build with SPOKE_WITH_DPS");
    if (!SPOKE_WITH_DPS_PAYLOAD && c->provisioning_payload != NULL)
        return lacks(why,
                     "this build tells DPS no more than the template: leave provisioning_payload out, or build "
                     "with SPOKE_WITH_DPS_PAYLOAD");
    if ((!SPOKE_WITH_PROPERTIES && has_handler(c, false)) || (!SPOKE_WITH_COMMANDS && has_handler(c, true)))
        return lacks(why,
                     "this build lacks what a handler is for: leave it out, or build with SPOKE_WITH_PROPERTIES "
                     "or SPOKE_WITH_COMMANDS");
    if (!SPOKE_WITH_MESSAGES && c->on_message != NULL)
        return lacks(why, "this build has no cloud-to-device messages: leave on_message out, or build with "
                          "SPOKE_WITH_MESSAGES");
    if (!SPOKE_WITH_STORAGE && c->storage != NULL)
        return lacks(why,
                     "this build keeps its queue in RAM: leave storage out, or build with SPOKE_WITH_STORAGE");
    if (!SPOKE_WITH_BATCHES && (c->batch_count > 1 || c->encoder != NULL))
        return lacks(why,
                     "this build sends each message as it is: leave batch_count and encoder out, or build with "
                     "SPOKE_WITH_BATCHES");
    if (!SPOKE_WITH_DROPS && (c->ttl_s > 0 || c->when_full != SPOKE_FULL_REFUSE))
        return lacks(why, "this build drops no messages: leave ttl_s and when_full out, or build with "
                          "SPOKE_WITH_DROPS");
    if (!SPOKE_WITH_STAMPS && c->message_ids)
        return lacks(why, "this build gives messages no ids: leave message_ids out, or build with "
                          "SPOKE_WITH_STAMPS");
    if (!SPOKE_WITH_LOCKS && c->platform != NULL && c->platform->lock != NULL)
        return lacks(why, "this build is for one thread: leave lock and unlock out of the platform, or build with "
                          "SPOKE_WITH_LOCKS");
    if (!SPOKE_WITH_HOSTS && (lists_hosts(c->hub_host) || lists_hosts(c->provisioning_host)))
        return lacks(why, "this build takes one host: give no list, or build with SPOKE_WITH_HOSTS");
    if (!SPOKE_WITH_PACE && c->replay_per_s > 0)
        return lacks(why, "this build sends a backlog at full speed: leave replay_per_s out, or build with "
                          "SPOKE_WITH_PACE");
    if (!SPOKE_WITH_NOTICES && (c->on_notice != NULL || c->on_sent != NULL))
        return lacks(why, "this build tells nothing: leave on_notice and on_sent out, or build with "
                          "SPOKE_WITH_NOTICES");
    if (!SPOKE_WITH_SETTINGS && c->keep_settings)
        return lacks(why, "this build keeps no settings: leave keep_settings out, or build with "
                          "SPOKE_WITH_SETTINGS");
    if (!SPOKE_WITH_CLOCK_HELP && c->time_host != NULL)
        return lacks(why, "this build asks nobody for the time: leave time_host out, or build with "
                          "SPOKE_WITH_CLOCK_HELP");
    if (!SPOKE_WITH_DIAGNOSTICS && c->diagnostics != NULL)
        return lacks(why, "this build has no diagnostics: leave `diagnostics` out, or build with "
                          "SPOKE_WITH_DIAGNOSTICS");
    return SPOKE_OK;
}

static spoke_status check_kept(const spoke_config *c, spoke_error *why)
{
    if (SPOKE_WITH_SETTINGS && c->keep_settings && (c->platform->load == NULL || c->platform->store == NULL))
        return refuse(why,
                      "keep_settings needs load and store in the platform: spoke_posix_create with a state_dir");
    if (SPOKE_WITH_DIAGNOSTICS && c->log_bytes != 0 && (c->log_bytes < 256 || c->log_bytes > INT32_MAX))
        return refuse(why, "log_bytes must lie between 256 and 2147483647, or be 0");
    if (SPOKE_WITH_DIAGNOSTICS && c->diagnostics_period_s > UINT32_MAX / 1000)
        return refuse(why, "diagnostics_period_s is beyond 4294967");
    return SPOKE_OK;
}

/* Mistakes that show only later, or as something else. */
static spoke_status check_closely(const spoke_config *c, spoke_buf *room, spoke_error *why)
{
    if (!SPOKE_WITH_CONFIG_CHECKS)
        return SPOKE_OK;
    spoke_status status = check_texts(c, why);
    if (status == SPOKE_OK)
        status = check_numbers(c, why);
    if (status == SPOKE_OK)
        status = check_queue(c, room, why);
    if (status == SPOKE_OK)
        status = check_platform(c->platform, why);
    if (status == SPOKE_OK)
        status = check_kept(c, why);
    return status == SPOKE_OK ? contract_check(c, room, why) : status;
}

spoke_status config_check(const spoke_config *given, spoke_config *resolved, spoke_buf *room, spoke_error *why)
{
    if (given == NULL || given->struct_size == 0 || given->struct_size > sizeof *resolved)
        return refuse(why, "config.struct_size is not set: build the configuration with SPOKE_CONFIG(...)");
    memset(resolved, 0, sizeof *resolved);
    memcpy(resolved, given,
           given->struct_size); /* a program built against an older, shorter config keeps working */
    fill_defaults(resolved);
    spoke_status status = check_handlers(resolved, why);
    if (status == SPOKE_OK)
        status = check_parts(resolved, why); /* before what would be missing beside them */
    if (status == SPOKE_OK)
        status = check_identity(resolved, why);
    if (status == SPOKE_OK)
        status = check_credential(&resolved->credential, why);
    return status == SPOKE_OK ? check_closely(resolved, room, why) : status;
}

/* --- layout: one walk that counts, and carves when there is a client --- */

void *carve_from(struct carver *at, size_t *used, size_t size)
{
    const size_t align = alignof(max_align_t);
    void *piece = at->memory != NULL ? at->memory + *used : NULL;
    if (size > SIZE_MAX - align || *used > SIZE_MAX - align - size)
        *used = SIZE_MAX;
    else
        *used += (size + align - 1) & ~(align - 1);
    return piece;
}

static size_t text_size(const char *text)
{
    return text != NULL ? strlen(text) + 1 : 0;
}

/* The texts that are copied. */
static const uint16_t texts[] = {
    offsetof(spoke_config, provisioning_host), offsetof(spoke_config, id_scope),
    offsetof(spoke_config, registration_id),   offsetof(spoke_config, hub_host),
    offsetof(spoke_config, user_agent),        offsetof(spoke_config, provisioning_payload),
    offsetof(spoke_config, time_host),         offsetof(spoke_config, diagnostics),
};
#define TEXTS (sizeof texts / sizeof texts[0])

static size_t strings_size(const spoke_config *c)
{
    size_t size = 0;
    for (size_t i = 0; i < TEXTS; i++)
        size += text_size(*(const char *const *)(const void *)((const char *)c + texts[i]));
    return size;
}

static void copy_strings(spoke_client *c)
{
    char *at = c->strings;
    for (size_t i = 0; i < TEXTS; i++) {
        const char **text = (const char **)(void *)((char *)&c->config + texts[i]);
        const size_t size = text_size(*text);
        if (size == 0)
            continue;
        memcpy(at, *text, size);
        *text = at;
        at += size;
    }
}

spoke_tls_options config_tls(const spoke_config *c)
{
    const bool x509 = c->credential.kind == SPOKE_X509;
    const spoke_tls_options tls = {.trust_pem = c->trust_pem,
                                   .trust_file = c->trust_file,
                                   .client_cert_pem = x509 ? c->credential.primary : NULL,
                                   .client_key_pem = x509 ? c->credential.secondary : NULL,
                                   .test_only = c->test_only};
    return tls;
}

static spoke_transport_options transport_options(const spoke_config *c, const spoke_platform *platform)
{
    const spoke_transport_options options = {
        .platform = platform,
        .tls = config_tls(c),
        .trust = c->trust,
        .limits = {.receive_bytes = c->receive_bytes, .send_bytes = c->send_bytes, .in_flight = c->in_flight}};
    return options;
}

static void carve_queue(struct carver *at, const spoke_config *c, spoke_client *client)
{
    struct queue_options o = {.messages = c->queue_messages + report_slots(c),
                              .storage = c->storage,
                              .telemetry_bytes = c->queue_bytes,
                              .report_bytes = c->report_bytes,
                              .telemetry_messages = c->queue_messages,
                              .policy = (enum queue_policy)c->when_full,
                              .compose = SPOKE_WITH_MERGE ? spoke_patch_compose : NULL};
    o.memory_bytes = queue_memory_bytes(&o, most_payload(c));
    o.index = carve(at, queue_index_bytes(o.storage, o.messages));
    o.memory = carve_bulk(at, o.memory_bytes);
    if (client != NULL)
        client->queue.o = o; /* for config_queue */
}

/* Several messages as one, and encoders. */
static void carve_batches(struct carver *at, const spoke_config *c, spoke_client *client)
{
    if (!SPOKE_WITH_BATCHES)
        return;
    const size_t gathered_bytes = c->batch_count > 1 ? c->send_bytes : 0;
    const size_t encoded_bytes = c->encoder != NULL ? c->send_bytes : 0;
    void *gathered = carve_bulk(at, gathered_bytes);
    void *encoded = carve_bulk(at, encoded_bytes);
    if (client == NULL)
        return;
    client->gathered = gathered;
    client->gathered_bytes = gathered_bytes;
    client->encoded = encoded;
    client->encoded_bytes = encoded_bytes;
}

static void carve_tables(struct carver *at, const spoke_config *c, spoke_client *client)
{
    const size_t work_bytes = c->report_bytes > 1024 ? c->report_bytes : 1024;
    const size_t state_bytes = (c->handler_count + HANDLERS_PER_BYTE - 1) / HANDLERS_PER_BYTE;
    uint8_t *states = carve(at, state_bytes);
    spoke_key *keys = carve(at, KEYS(c) * sizeof *keys);
    uint8_t *scratch = carve_bulk(at, work_bytes > TEXT_BYTES ? work_bytes : TEXT_BYTES);
    char *strings = carve(at, strings_size(c));
    if (client == NULL)
        return;
    client->handler_states = states;
    client->handlers_sorted = HANDLERS_ASKED && handlers_sorted(c);
    memset(states, 0, state_bytes);
    client->keys = keys;
    memset(keys, 0, KEYS(c) * sizeof *keys);
    client->scratch = scratch;
    client->work_bytes = work_bytes;
    client->strings = strings;
    copy_strings(client);
}

static void lay_out(struct carver *at, const spoke_config *resolved, const spoke_platform *platform,
                    size_t link_bytes, spoke_client *client)
{
    carve(at, sizeof *client);
    carve_tables(at, resolved, client);
    provision_carve(at, resolved, client);
    sync_carve(at, resolved, client);
    call_carve(at, resolved, client);
    settings_carve(at, resolved, client);
    work_carve(at, resolved, client);
    clock_carve(at, resolved, platform, client);
    command_carve(at, resolved, client);
    carve_queue(at, resolved, client);
    carve_batches(at, resolved, client);
    diagnostics_carve(at, resolved, client);
    void *link = carve(at, link_bytes); /* its own buffers are its last parts */
    if (client != NULL)
        client->link = link;
}

size_t config_layout(const spoke_config *resolved, spoke_client *client)
{
    spoke_platform platform;
    config_platform(resolved, &platform);
    const spoke_transport_options options = transport_options(resolved, &platform);
    const size_t link_bytes = resolved->transport->size(&options);
    struct carver counted = {NULL, 0, 0};
    if (link_bytes == 0)
        return 0;
    lay_out(&counted, resolved, &platform, link_bytes, NULL);
    if (counted.used >= SIZE_MAX - counted.bulk)
        return 0;
    if (client != NULL) {
        struct carver at = {(uint8_t *)client, 0, counted.used};
        lay_out(&at, resolved, &platform, link_bytes, client);
    }
    return counted.used + counted.bulk;
}

spoke_status config_credential(const spoke_credential *k, spoke_key keys[2], uint8_t *count, spoke_error *why)
{
    *count = 0;
    const spoke_status status = check_credential(k, why);
    if (status != SPOKE_OK || k->kind == SPOKE_X509 || k->hmac != NULL)
        return status;
    if (spoke_key_from_base64(spoke_str_of(k->primary), &keys[0]) != SPOKE_OK)
        return refuse(why, "credential.primary is not the base64 text of a key of 16 to 64 bytes");
    *count = 1;
    if (k->secondary == NULL)
        return SPOKE_OK;
    if (spoke_key_from_base64(spoke_str_of(k->secondary), &keys[1]) != SPOKE_OK)
        return refuse(why, "credential.secondary is not the base64 text of a key of 16 to 64 bytes");
    *count = 2;
    return SPOKE_OK;
}

spoke_status config_keys(spoke_client *c, spoke_error *why)
{
    return config_credential(&c->config.credential, c->keys, &c->key_count, why);
}

static const char *storage_trouble(spoke_status status)
{
    if (status == SPOKE_E_PROTOCOL)
        return "storage holds something of another program or version: erase it, or give another";
    return status == SPOKE_E_ARG ? "storage has sizes that cannot work" : "storage cannot be read or written";
}

spoke_status config_queue(spoke_client *c, spoke_error *why)
{
    int64_t unix_s;
    struct queue_options o = c->queue.o;
    if (SPOKE_WITH_STAMPS)
        c->boot_id = random_u32(c);
    if (SPOKE_WITH_STORAGE)
        o.store_id = random_u32(c);
    if (SPOKE_WITH_STORAGE && c->platform.unix_seconds(c->platform.ctx, &unix_s) == SPOKE_OK)
        o.unix_ms = unix_s * 1000;
    const spoke_status status = queue_init(&c->queue, &o, now_ms(c));
    if (status != SPOKE_OK)
        *why = client_fault(status, SPOKE_SOURCE_PORT, 0, storage_trouble(status));
    return status;
}

spoke_status config_link(spoke_client *c, spoke_error *why)
{
    const spoke_transport_options options = transport_options(&c->config, &c->platform);
    return c->ops->init(c->link, c->ops->size(&options), &options, &c->link, why);
}
