#include "machine.h"

#include <string.h>

#include "base/crc32.h"
#include "base/iso8601.h"

#if SPOKE_WITH_DIAGNOSTICS

/* The client's own health as the component dtmi:spoke:Diagnostics;1 (diagnostics.json). To the rest of the client this
 * is a program like any other: it sends and reports by the public functions, and gives way to everybody else. */

#define HOUR_MS 3600000u
#define GET_LOG "getLog"
#define FIGURES_BYTES 640u /* of the telemetry, at most: names, and numbers of 20 digits */

/* --- the contract --- */

struct row {
    uint8_t member;
    const char *name;
    uint8_t schema; /* of the value; of getLog: of the request */
};

/* tests/unit/test_diagnostics.c holds it against diagnostics.json. */
static const struct row rows[] = {
    {SPOKE_TELEMETRY, "queueMessages", SPOKE_SCHEMA_INTEGER},
    {SPOKE_TELEMETRY, "queueBytes", SPOKE_SCHEMA_LONG},
    {SPOKE_TELEMETRY, "queueAge", SPOKE_SCHEMA_INTEGER},
    {SPOKE_TELEMETRY, "delivered", SPOKE_SCHEMA_LONG},
    {SPOKE_TELEMETRY, "dropped", SPOKE_SCHEMA_LONG},
    {SPOKE_TELEMETRY, "retransmitted", SPOKE_SCHEMA_LONG},
    {SPOKE_TELEMETRY, "connects", SPOKE_SCHEMA_LONG},
    {SPOKE_TELEMETRY, "backoffTime", SPOKE_SCHEMA_LONG},
    {SPOKE_TELEMETRY, "bytesIn", SPOKE_SCHEMA_LONG},
    {SPOKE_TELEMETRY, "bytesOut", SPOKE_SCHEMA_LONG},
    {SPOKE_TELEMETRY, "longestPoll", SPOKE_SCHEMA_INTEGER},
    {SPOKE_PROPERTY, "libraryVersion", SPOKE_SCHEMA_STRING},
    {SPOKE_PROPERTY, "userAgent", SPOKE_SCHEMA_STRING},
    {SPOKE_PROPERTY, "lastTrouble", SPOKE_SCHEMA_STRING},
    {SPOKE_PROPERTY, "lastTroubleTime", SPOKE_SCHEMA_DATE_TIME},
    {SPOKE_PROPERTY, "lastDisconnect", SPOKE_SCHEMA_STRING},
    {SPOKE_PROPERTY, "credentialExpiry", SPOKE_SCHEMA_DATE_TIME},
    {SPOKE_PROPERTY, "trustExpiry", SPOKE_SCHEMA_DATE_TIME},
    {SPOKE_COMMAND, GET_LOG, SPOKE_SCHEMA_OBJECT},
};

static bool answers_lines(const spoke_member *m)
{
    return m->response != NULL && m->response->kind == SPOKE_SCHEMA_ARRAY &&
           m->response->element->kind == SPOKE_SCHEMA_STRING;
}

const char *diagnostics_trouble(const spoke_config *c, const char **name)
{
    if (c->diagnostics == NULL)
        return NULL;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const spoke_member *m = spoke_model_find(c->model, (spoke_member_kind)rows[i].member,
                                                 spoke_str_of(c->diagnostics), spoke_str_of(rows[i].name));
        *name = rows[i].name;
        if (m == NULL || m->schema == NULL || m->schema->kind != rows[i].schema ||
            (m->member == SPOKE_COMMAND && !answers_lines(m)))
            return "`diagnostics` names this component: add it to the template, with the interface "
                   "dtmi:spoke:Diagnostics;1 as its schema";
    }
    return NULL;
}

bool diagnostics_answers(const spoke_config *c, spoke_str component, spoke_str command)
{
    return c->diagnostics != NULL && spoke_str_equal(component, spoke_str_of(c->diagnostics)) &&
           spoke_str_equal(command, SPOKE_STR(GET_LOG));
}

/* --- the log ring --- */

static void keep_line(void *ctx, spoke_log_level level, const char *module, const char *text)
{
    spoke_client *c = ctx;
    struct log_ring_line line = {
        .level = level, .uptime_ms = now_ms(c), .module = spoke_str_of(module), .text = spoke_str_of(text)};
    if (level > SPOKE_LOG_INFO)
        return;
    if (c->platform.unix_seconds(c->platform.ctx, &line.unix_s) != SPOKE_OK)
        line.unix_s = 0;
    if (!log_ring_enter(&c->diagnostics.guard))
        return;
    log_ring_add(&c->diagnostics.ring, &line);
    log_ring_leave(&c->diagnostics.guard);
}

void diagnostics_carve(struct carver *at, const spoke_config *resolved, spoke_client *client)
{
    void *ring = carve_bulk(at, resolved->log_bytes);
    if (client != NULL)
        log_ring_init(&client->diagnostics.ring, ring, resolved->log_bytes);
}

void diagnostics_ended(spoke_client *c, spoke_reason reason)
{
    c->diagnostics.ended = reason;
}

void diagnostics_init(spoke_client *c)
{
    c->diagnostics.ended = SPOKE_REASON_COUNT;
    log_ring_guard_init(&c->diagnostics.guard);
    if (c->diagnostics.ring.cap == 0)
        return;
    c->platform.log_tap = keep_line;
    c->platform.tap_ctx = c;
}

/* --- telemetry and properties --- */

static uint32_t add_to_sum(uint32_t sum, uint64_t value)
{
    return crc32_add(sum, &value, sizeof value);
}

static uint64_t all_dropped(const struct spoke_stats *s)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < SPOKE_DROP_COUNT; i++)
        sum += s->dropped[i];
    return sum;
}

/* Not of what grows with every message, ours included: that alone is no news. */
static uint32_t sum_of_figures(const struct spoke_stats *s)
{
    uint32_t sum = add_to_sum(0, s->queue_messages);
    sum = add_to_sum(sum, all_dropped(s));
    sum = add_to_sum(sum, s->retransmitted);
    sum = add_to_sum(sum, s->connects);
    sum = add_to_sum(sum, s->backoff_ms);
    return add_to_sum(sum, s->longest_poll_ms);
}

static spoke_status send_figures(spoke_client *c, const struct spoke_stats *s)
{
    const spoke_field figures[] = {
        spoke_i64("queueMessages", s->queue_messages),
        spoke_i64("queueBytes", (int64_t)s->queue_bytes),
        spoke_i64("queueAge", s->queue_age_s < INT32_MAX ? s->queue_age_s : INT32_MAX),
        spoke_i64("delivered", (int64_t)s->delivered),
        spoke_i64("dropped", (int64_t)all_dropped(s)),
        spoke_i64("retransmitted", (int64_t)s->retransmitted),
        spoke_i64("connects", (int64_t)s->connects),
        spoke_i64("backoffTime", (int64_t)(s->backoff_ms / 1000)),
        spoke_i64("bytesIn", (int64_t)s->bytes_in),
        spoke_i64("bytesOut", (int64_t)s->bytes_out),
        spoke_i64("longestPoll", s->longest_poll_ms < INT32_MAX ? s->longest_poll_ms : INT32_MAX),
    };
    const spoke_delivery last_of_all = {.priority = SPOKE_LOW};
    enter_handler(c);
    const spoke_status status = spoke_telemetry_send_as(c, &last_of_all, c->config.diagnostics, figures,
                                                        sizeof figures / sizeof figures[0]);
    leave_handler(c);
    return status;
}

/* Whatever the policy, nothing of the program's is dropped, or refused, for this. */
static bool room_for_figures(const spoke_client *c)
{
    const struct queue_kind *telemetry = &c->queue.kinds[0];
    return telemetry->count < telemetry->most_messages &&
           telemetry->cost + queue_cost(c->config.storage, FIGURES_BYTES) <= telemetry->budget;
}

static void tell_figures(spoke_client *c, uint64_t now)
{
    struct diagnostics *d = &c->diagnostics;
    struct spoke_stats s;
    stats_gauges(c, &s);
    const uint32_t sum = sum_of_figures(&s);
    d->next_at = now + (uint64_t)c->config.diagnostics_period_s * 1000;
    if (d->sent_at != 0 && sum == d->figures && now - d->sent_at < HOUR_MS)
        return;
    if (!room_for_figures(c) || send_figures(c, &s) != SPOKE_OK)
        return; /* the next period tries again */
    d->figures = sum;
    d->sent_at = now;
}

static spoke_expiry expiry_of(const spoke_client *c)
{
    spoke_expiry expiry = {0};
    if (OFFERS(c->ops, expiry))
        c->ops->expiry(c->link, &expiry);
    return expiry;
}

/* Another twin has to be told all of it: so where it is, and how often DPS was asked, belong to the sum. */
static uint32_t sum_of_facts(const spoke_client *c, const spoke_expiry *expiry)
{
    const spoke_trouble *last = c->stats.troubles;
    uint32_t sum = add_to_sum(0, (uint64_t)last->unix_s);
    sum = crc32_add(sum, c->identity.hub_host.ptr, c->identity.hub_host.len);
    sum = add_to_sum(sum, c->stats.provisionings);
    sum = add_to_sum(sum, (uint32_t)last->error.status);
    sum = add_to_sum(sum, (uint32_t)last->error.detail);
    sum = add_to_sum(sum, c->diagnostics.ended);
    sum = add_to_sum(sum, (uint64_t)expiry->client_cert);
    return add_to_sum(sum, (uint64_t)expiry->trust);
}

struct facts {
    spoke_field fields[7];
    size_t count;
    char times[3][32];
    size_t time_count;
};

/* False: it is none that is known. */
static bool add_time(struct facts *f, const char *name, int64_t unix_s)
{
    spoke_buf out = spoke_buf_from(f->times[f->time_count], sizeof f->times[0]);
    if (unix_s <= 0 || unix_s > INT64_MAX / 1000 || iso8601_format(unix_s * 1000, 0, &out) != SPOKE_OK)
        return false;
    f->time_count++;
    f->fields[f->count++] = spoke_text(name, spoke_buf_str(&out));
    return true;
}

static void gather_facts(const spoke_client *c, const spoke_expiry *expiry, struct facts *f)
{
    const spoke_trouble *last = c->stats.troubles;
    f->count = f->time_count = 0;
    f->fields[f->count++] = spoke_text("libraryVersion", SPOKE_STR(SPOKE_VERSION));
    f->fields[f->count++] = spoke_text("userAgent", spoke_str_of(c->config.user_agent));
    if (last->count > 0) {
        f->fields[f->count++] = spoke_text("lastTrouble", spoke_str_of(last->error.text));
        if (!add_time(f, "lastTroubleTime", last->unix_s))
            f->fields[f->count++] = spoke_null("lastTroubleTime"); /* not that of the one before */
    }
    if (c->diagnostics.ended != SPOKE_REASON_COUNT)
        f->fields[f->count++] =
            spoke_text("lastDisconnect", spoke_str_of(spoke_reason_name(c->diagnostics.ended)));
    (void)add_time(f, "credentialExpiry", expiry->client_cert);
    (void)add_time(f, "trustExpiry", expiry->trust);
}

static void tell_facts(spoke_client *c)
{
    const spoke_expiry expiry = expiry_of(c);
    const uint32_t sum = sum_of_facts(c, &expiry);
    struct facts facts;
    if (sum == c->diagnostics.facts)
        return;
    gather_facts(c, &expiry, &facts);
    enter_handler(c);
    const spoke_status status = spoke_property_report(c, c->config.diagnostics, facts.fields, facts.count);
    leave_handler(c);
    if (status == SPOKE_OK)
        c->diagnostics.facts = sum;
}

static bool silent(const spoke_client *c)
{
    return c->config.diagnostics == NULL || machine_metered(c);
}

void diagnostics_work(spoke_client *c, uint64_t now)
{
    struct diagnostics *d = &c->diagnostics;
    const bool fresh = d->ready_at != c->state_since;
    if (silent(c) || (!fresh && now < d->next_at))
        return;
    d->ready_at = c->state_since;
    tell_facts(c);
    if (now >= d->next_at)
        tell_figures(c, now);
}

uint64_t diagnostics_deadline(const spoke_client *c)
{
    return silent(c) ? NEVER : c->diagnostics.next_at;
}

/* --- getLog --- */

static const char *const level_names[] = {"error", "warning", "info", "debug"};

struct wish {
    size_t lines;
    spoke_log_level level;
};

static bool read_level(spoke_str json, spoke_log_level *level)
{
    for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++)
        if (spoke_json_type(json) == '"' &&
            spoke_json_key_is(spoke_str_from(json.ptr + 1, json.len - 2), spoke_str_of(level_names[i]))) {
            *level = (spoke_log_level)i;
            return true;
        }
    return false;
}

/* The text is JSON. */
static bool read_wish(spoke_str request, struct wish *out)
{
    spoke_str json;
    int64_t lines;
    *out = (struct wish){SIZE_MAX, SPOKE_LOG_DEBUG};
    if (request.len == 0 || spoke_json_type(request) == 'n')
        return true;
    if (spoke_json_type(request) != '{')
        return false;
    if (spoke_json_find(request, "lines", &json) == SPOKE_OK) {
        if (spoke_json_int(json, &lines) != SPOKE_OK || lines < 1 || lines > INT32_MAX)
            return false;
        out->lines = (size_t)lines;
    }
    return spoke_json_find(request, "level", &json) != SPOKE_OK || read_level(json, &out->level);
}

/* "2026-01-02T03:04:05Z info client: text", or "+17 s info .." while the clock is not set. */
static spoke_status put_line(const struct log_ring_line *line, spoke_buf *out)
{
    spoke_status status = SPOKE_E_CLOCK;
    if (line->unix_s > 0)
        status = iso8601_format(line->unix_s * 1000, 0, out);
    if (status != SPOKE_OK && (status = spoke_buf_append_byte(out, '+')) == SPOKE_OK &&
        (status = spoke_buf_append_u64(out, line->uptime_ms / 1000)) == SPOKE_OK)
        status = spoke_buf_append(out, SPOKE_STR(" s"));
    const spoke_str parts[] = {SPOKE_STR(" "),  spoke_str_of(level_names[line->level]),
                               SPOKE_STR(" "),  line->module,
                               SPOKE_STR(": "), line->text};
    for (size_t i = 0; status == SPOKE_OK && i < sizeof parts / sizeof parts[0]; i++)
        status = spoke_buf_append(out, parts[i]);
    return status;
}

static spoke_str line_text(const struct log_ring_line *line, char *room, size_t cap)
{
    spoke_buf out = spoke_buf_from(room, cap);
    return put_line(line, &out) == SPOKE_OK ? spoke_buf_str(&out) : spoke_str_from(NULL, 0);
}

static size_t count_lines(const struct log_ring *ring, spoke_log_level level)
{
    struct log_ring_line line;
    size_t at = 0, count = 0;
    while (log_ring_next(ring, &at, &line))
        count += line.level <= level;
    return count;
}

/* The newest `most` of them, oldest first. */
static spoke_status write_lines(spoke_client *c, spoke_log_level level, size_t most, spoke_str *json)
{
    const struct log_ring *ring = &c->diagnostics.ring;
    const size_t all = count_lines(ring, level);
    char room[384]; /* 255 of the line, 32 of the module, time and level */
    struct log_ring_line line;
    size_t at = 0, seen = 0;
    spoke_writer w;
    spoke_writer_init(&w, c->scratch, c->work_bytes);
    spoke_write_begin_array(&w);
    while (log_ring_next(ring, &at, &line)) {
        if (line.level > level || seen++ + most < all)
            continue;
        spoke_write_value(&w, spoke_text(NULL, line_text(&line, room, sizeof room)));
    }
    spoke_write_end_array(&w);
    return spoke_writer_finish(&w, json);
}

/* As many as fit the answer. */
static spoke_status answer_lines(spoke_client *c, spoke_str rid, const struct wish *wish)
{
    const size_t all = count_lines(&c->diagnostics.ring, wish->level);
    size_t most = wish->lines < all ? wish->lines : all;
    for (;;) {
        spoke_str json;
        spoke_status status = write_lines(c, wish->level, most, &json);
        if (status == SPOKE_OK)
            status = command_answer(c, rid, 200, json);
        if (status == SPOKE_OK || most == 0)
            return status;
        most -= most / 4 > 0 ? most / 4 : 1;
    }
}

void diagnostics_get_log(spoke_client *c, spoke_str rid, spoke_str request)
{
    struct wish wish;
    if (!read_wish(request, &wish)) {
        command_answer_or_log(c, rid, 400,
                              SPOKE_STR("\"lines is a number from 1, level is error, warning, info or debug\""));
        return;
    }
    if (!log_ring_enter(&c->diagnostics.guard)) {
        command_answer_or_log(c, rid, 503, SPOKE_STR("\"the log is being written: ask again\""));
        return;
    }
    const spoke_status status = answer_lines(c, rid, &wish);
    log_ring_leave(&c->diagnostics.guard);
    if (status != SPOKE_OK)
        command_answer_or_log(c, rid, 503, SPOKE_STR("\"the log finds no room among the answers: ask again\""));
}

#endif
