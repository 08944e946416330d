#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sim_link {
    spoke_central_link *link;
    bool mute; /* the host answers nothing */
};

/* --- machine --- */

static uint64_t sim_monotonic(void *ctx)
{
    return ((struct sim *)ctx)->now;
}

static int64_t sim_unix_ms(void *ctx)
{
    const struct sim *s = ctx;
    return s->unix_ms + (int64_t)s->now;
}

static spoke_status sim_unix_seconds(void *ctx, int64_t *out)
{
    if (((struct sim *)ctx)->clock_unset)
        return SPOKE_E_CLOCK;
    *out = sim_unix_ms(ctx) / 1000;
    return SPOKE_OK;
}

static spoke_status sim_random(void *ctx, uint8_t *out, size_t len)
{
    struct sim *s = ctx;
    for (size_t i = 0; i < len; i++) {
        s->seed ^= s->seed << 13;
        s->seed ^= s->seed >> 17;
        s->seed ^= s->seed << 5;
        out[i] = (uint8_t)(s->seed >> 11);
    }
    return SPOKE_OK;
}

/* The record of that key, else a free one, else -1. */
static int record_of(const struct sim *s, const char *key)
{
    int room = -1;
    for (int i = 0; i < (int)(sizeof s->records / sizeof s->records[0]); i++) {
        if (strcmp(s->records[i].key, key) == 0)
            return i;
        if (room < 0 && s->records[i].key[0] == '\0')
            room = i;
    }
    return room;
}

static spoke_status sim_load(void *ctx, const char *key, spoke_buf *out)
{
    const struct sim *s = ctx;
    const int at = record_of(s, key);
    if (at < 0 || s->records[at].key[0] == '\0')
        return SPOKE_E_NOT_FOUND;
    return spoke_buf_append(out, spoke_str_of(s->records[at].value));
}

static spoke_status sim_store(void *ctx, const char *key, spoke_str value)
{
    struct sim *s = ctx;
    const int at = record_of(s, key);
    if (at < 0 || value.len >= sizeof s->records[at].value)
        return SPOKE_E_PORT;
    snprintf(s->records[at].key, sizeof s->records[at].key, "%s", value.len > 0 ? key : "");
    snprintf(s->records[at].value, sizeof s->records[at].value, "%.*s", (int)value.len,
             value.len > 0 ? value.ptr : "");
    return SPOKE_OK;
}

const char *sim_record(const struct sim *s, const char *key)
{
    const int at = record_of(s, key);
    return at >= 0 ? s->records[at].value : "";
}

void sim_record_set(struct sim *s, const char *key, const char *value)
{
    assert_ok(sim_store(s, key, spoke_str_of(value)));
}

void sim_records_clear(struct sim *s)
{
    memset(s->records, 0, sizeof s->records);
}

static void sim_log(void *ctx, spoke_log_level level, const char *module, const char *line)
{
    struct sim *s = ctx;
    if (level <= SPOKE_LOG_WARN)
        snprintf(s->complaint, sizeof s->complaint, "%s: %s", module, line);
    if (getenv("SIM_LOG") != NULL)
        fprintf(stderr, "%8llu %s: %s\n", (unsigned long long)s->now, module, line);
}

/* --- link --- */

static spoke_status link_init(void *ctx, void *link)
{
    (void)ctx;
    *(struct sim_link *)link = (struct sim_link){NULL, false};
    return SPOKE_OK;
}

static void link_close(void *ctx, void *link)
{
    struct sim_link *l = link;
    (void)ctx;
    if (l->link != NULL)
        spoke_central_link_close(l->link);
    l->link = NULL;
}

static spoke_status link_open(void *ctx, void *link, const char *host, uint16_t port)
{
    struct sim *s = ctx;
    struct sim_link *l = link;
    (void)port;
    s->connects++;
    l->mute = strcmp(host, SIM_SILENT_HOST) == 0;
    if (s->unreachable || s->no_dns)
        return SPOKE_OK; /* step says so */
    const bool other = s->other != NULL && strcmp(host, SIM_OTHER_HOST) == 0;
    return spoke_central_link_open(other ? s->other : s->central, &l->link);
}

static spoke_status link_step(void *ctx, void *link)
{
    const struct sim *s = ctx;
    if (s->no_dns)
        return SPOKE_E_DNS;
    return ((struct sim_link *)link)->link != NULL ? SPOKE_OK : SPOKE_E_NET;
}

/* How many of `len` bytes may pass before the cut; 0 kills the link and disarms the cut. */
static size_t allowance(struct sim *s, struct sim_link *l, uint64_t *carried, uint64_t *cut, size_t len)
{
    if (s->chunk > 0 && len > s->chunk)
        len = s->chunk;
    if (*cut == SIM_NEVER)
        return len;
    if (*carried >= *cut) {
        *cut = s->cut_again != 0 && cut == &s->cut_up ? *carried + s->cut_again : SIM_NEVER;
        link_close(s, l);
        return 0;
    }
    return len < *cut - *carried ? len : (size_t)(*cut - *carried);
}

/* Nothing of the service reaches the client, not even that it hung up. */
static bool deaf(const struct sim *s, const struct sim_link *l)
{
    return s->silent || s->deaf || l->mute;
}

static spoke_status link_read(void *ctx, void *link, uint8_t *out, size_t cap, size_t *count)
{
    struct sim *s = ctx;
    struct sim_link *l = link;
    if (l->link == NULL)
        return SPOKE_E_NET;
    const spoke_str waiting = spoke_central_link_output(l->link);
    if (waiting.len == 0)
        return spoke_central_link_closed(l->link) && !deaf(s, l) ? SPOKE_E_NET : SPOKE_E_AGAIN;
    size_t len = allowance(s, l, &s->down, &s->cut_down, waiting.len < cap ? waiting.len : cap);
    if (len == 0)
        return SPOKE_E_NET;
    if (!deaf(s, l))
        memcpy(out, waiting.ptr, len);
    spoke_central_link_sent(l->link, len);
    s->down += len;
    *count = len;
    return deaf(s, l) ? SPOKE_E_AGAIN : SPOKE_OK;
}

static spoke_status link_write(void *ctx, void *link, const uint8_t *bytes, size_t len, size_t *count)
{
    struct sim *s = ctx;
    struct sim_link *l = link;
    if (l->link == NULL || (spoke_central_link_closed(l->link) && !deaf(s, l)))
        return SPOKE_E_NET;
    len = allowance(s, l, &s->up, &s->cut_up, len);
    if (len == 0)
        return SPOKE_E_NET;
    if (!s->silent && !s->mute && !l->mute && !spoke_central_link_closed(l->link))
        spoke_central_link_send(l->link, spoke_str_from((const char *)bytes, len));
    s->up += len;
    *count = len;
    return SPOKE_OK;
}

static void turn_service(struct sim *s)
{
    assert_ok(spoke_central_poll(s->central, 0));
    if (s->other != NULL)
        assert_ok(spoke_central_poll(s->other, 0));
}

static uint64_t service_deadline(const struct sim *s)
{
    const uint64_t one = spoke_central_deadline(s->central);
    const uint64_t two = s->other != NULL ? spoke_central_deadline(s->other) : SIM_NEVER;
    return one < two ? one : two;
}

static bool readable(const struct sim *s, const struct sim_link *l)
{
    return l->link != NULL && !deaf(s, l) &&
           (spoke_central_link_output(l->link).len > 0 || spoke_central_link_closed(l->link));
}

/* Time only moves here: from one of the service's deadlines to the next, until there is something to read, or to the
 * limit. */
static void link_wait(void *ctx, void *link, unsigned want, uint32_t limit_ms)
{
    struct sim *s = ctx;
    const struct sim_link *l = link;
    turn_service(s);
    if (s->woken || limit_ms == 0 || readable(s, l) || ((want & SPOKE_WANT_WRITE) != 0 && l->link != NULL)) {
        s->woken = false;
        return;
    }
    const uint64_t until = s->now + limit_ms;
    s->sleeps++;
    while (s->now < until && !readable(s, l)) {
        const uint64_t service = service_deadline(s);
        s->now = service < until ? (service > s->now ? service : s->now + 1) : until;
        turn_service(s);
    }
}

static void link_wake(void *ctx, void *link)
{
    (void)link;
    ((struct sim *)ctx)->woken = true;
}

static int link_fd(void *ctx, void *link)
{
    (void)ctx;
    (void)link;
    return -1;
}

static int32_t link_detail(void *ctx, void *link)
{
    (void)ctx;
    (void)link;
    return 0;
}

/* --- life --- */

static void set_up_platform(struct sim *s)
{
    s->net = (spoke_net){.struct_size = sizeof s->net,
                         .link_bytes = sizeof(struct sim_link),
                         .init = link_init,
                         .fini = link_close,
                         .open = link_open,
                         .step = link_step,
                         .read = link_read,
                         .write = link_write,
                         .close = link_close,
                         .wait = link_wait,
                         .wake = link_wake,
                         .fd = link_fd,
                         .detail = link_detail};
    s->platform = (spoke_platform){.struct_size = sizeof s->platform,
                                   .ctx = s,
                                   .monotonic_ms = sim_monotonic,
                                   .unix_seconds = sim_unix_seconds,
                                   .random = sim_random,
                                   .load = sim_load,
                                   .store = sim_store,
                                   .log = sim_log,
                                   .net = &s->net};
}

void sim_prepare(struct sim *s)
{
    memset(s, 0, sizeof *s);
    s->now = 1000;
    s->unix_ms = INT64_C(1767225600000); /* 2026-01-01 */
    s->seed = 4711;
    s->cut_up = s->cut_down = SIM_NEVER;
    set_up_platform(s);
}

static void start_central(struct sim *s, spoke_central_config c, spoke_central **out)
{
    char why[200] = "";
    c.no_listen = c.ephemeral = true;
    c.monotonic_ms = sim_monotonic;
    c.unix_ms = sim_unix_ms;
    c.clock_ctx = s;
    if (getenv("SIM_LOG") != NULL)
        c.log_level = SPOKE_LOG_DEBUG;
    if (spoke_central_start(&c, out, why, sizeof why) != SPOKE_OK)
        fail_msg("the service did not start: %s", why);
}

void sim_start_other(struct sim *s)
{
    const spoke_central_config c = SPOKE_CENTRAL_CONFIG(.control = true, .hub_host = SIM_OTHER_HOST,
                                                        .group_key = spoke_central_env_of(s->central)->group_key);
    start_central(s, c, &s->other);
}

void sim_start(struct sim *s, const spoke_central_config *config)
{
    static const spoke_central_config plain = SPOKE_CENTRAL_CONFIG(.control = true);
    sim_prepare(s);
    start_central(s, config != NULL ? *config : plain, &s->central);
    spoke_buf key = spoke_buf_from(s->key, sizeof s->key - 1);
    assert_ok(spoke_central_device_key(s->central, SIM_DEVICE, &key));
}

void sim_stop(struct sim *s)
{
    spoke_central_stop(s->central);
    spoke_central_stop(s->other);
}

spoke_config sim_config(struct sim *s)
{
    const spoke_config config =
        SPOKE_CONFIG(.provisioning_host = "localhost", .id_scope = spoke_central_env_of(s->central)->id_scope,
                     .registration_id = SIM_DEVICE, .credential.primary = s->key,
                     .test_only = SPOKE_TEST_ONLY_PLAINTEXT, .platform = &s->platform);
    return config;
}

/* --- time --- */

static uint32_t step_ms(const struct sim *s, uint64_t until)
{
    return until - s->now < 60000 ? (uint32_t)(until - s->now) : 60000;
}

bool sim_reach(struct sim *s, spoke_client *client, spoke_state state, uint64_t limit_ms)
{
    const uint64_t until = s->now + limit_ms;
    while (spoke_client_state(client) != state && s->now < until)
        if (spoke_client_poll(client, step_ms(s, until)) != SPOKE_OK)
            break;
    return spoke_client_state(client) == state;
}

void sim_run(struct sim *s, spoke_client *client, uint64_t duration_ms)
{
    const uint64_t until = s->now + duration_ms;
    while (s->now < until)
        if (spoke_client_poll(client, step_ms(s, until)) != SPOKE_OK)
            break;
}

bool sim_drain(struct sim *s, spoke_client *client, uint64_t limit_ms)
{
    const uint64_t until = s->now + limit_ms;
    while (spoke_client_pending(client) > 0 && s->now < until)
        if (spoke_client_poll(client, step_ms(s, until)) != SPOKE_OK)
            break;
    return spoke_client_pending(client) == 0;
}

/* --- the service's side --- */

struct answer {
    bool done;
    int status;
    char *out;
    size_t cap;
};

static void take_answer(void *user, int http_status, spoke_str body)
{
    struct answer *a = user;
    a->done = true;
    a->status = http_status;
    if (a->out != NULL)
        snprintf(a->out, a->cap, "%.*s", (int)body.len, body.len > 0 ? body.ptr : "");
}

int sim_request(struct sim *s, spoke_client *client, const char *method, const char *target, const char *body,
                char *out, size_t cap)
{
    struct answer a = {.out = out, .cap = cap};
    const uint64_t until = s->now + 120000;
    assert_ok(spoke_central_request(s->central, method, target, spoke_str_of(body), take_answer, &a));
    while (!a.done && s->now < until) {
        if (client != NULL)
            assert_ok(spoke_client_poll(client, 1000));
        else
            s->now += 1000;
        turn_service(s);
    }
    assert_true(a.done);
    return a.status;
}

void sim_messages(struct sim *s, char *out, size_t cap)
{
    assert_int_equal(sim_request(s, NULL, "GET", "/control/devices/" SIM_DEVICE "/messages", NULL, out, cap), 200);
}

bool sim_contains(const char *text, const char *part)
{
    if (strstr(text, part) != NULL)
        return true;
    print_error("\"%s\" is not in: %s\n", part, text);
    return false;
}

size_t sim_count(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + strlen(part), part))
        count++;
    return count;
}
