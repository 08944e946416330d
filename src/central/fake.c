/* The cloud as a test double: short functions over the service's own requests. */
#include "fake.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TARGET = 600, MAX_NAME = 128, KEY_BYTES = 96 };

#define ID_MORE "-._:~"

struct fake_key {
    struct fake_key *next;
    char text[KEY_BYTES];
};

/* How far the events of a device and kind were given. */
struct fake_seen {
    struct fake_seen *next;
    int64_t position;
    char *kind, *device_id;
};

/* --- life --- */

static spoke_central_config settled(struct spoke_fake *f, const spoke_central_config *config)
{
    spoke_central_config own = SPOKE_CENTRAL_CONFIG(.log_level = SPOKE_LOG_ERROR);
    if (config != NULL)
        memcpy(&own, config, config->struct_size < sizeof own ? config->struct_size : sizeof own);
    own.struct_size = sizeof own;
    own.no_listen = own.ephemeral = own.control = true;
    own.threaded = false;
    own.data_dir = own.plain_mqtt_address = NULL;
    own.monotonic_ms = fake_monotonic_ms;
    own.unix_ms = fake_unix_ms;
    own.clock_ctx = f;
    return own;
}

spoke_status spoke_fake_start(const spoke_central_config *config, spoke_fake **out)
{
    char why[200] = "";
    if (out == NULL || (config != NULL && config->struct_size < sizeof config->struct_size))
        return SPOKE_E_ARG;
    struct spoke_fake *f = calloc(1, sizeof *f);
    if (f == NULL)
        return SPOKE_E_NO_MEMORY;
    fake_machine_set_up(f);
    const spoke_central_config own = settled(f, config);
    const spoke_status status = spoke_central_start(&own, &f->central, why, sizeof why);
    if (status != SPOKE_OK) {
        if (own.log != NULL)
            own.log(own.log_user, SPOKE_LOG_ERROR, "fake", why);
        else
            (void)fprintf(stderr, "spoke_fake_start: %s\n", why);
        spoke_fake_stop(f);
        return status;
    }
    *out = f;
    return SPOKE_OK;
}

static void free_seen(struct fake_seen *seen)
{
    free(seen->kind);
    free(seen->device_id);
    free(seen);
}

void spoke_fake_stop(spoke_fake *fake)
{
    if (fake == NULL)
        return;
    spoke_central_stop(fake->central);
    fake_machine_free(fake);
    for (struct fake_key *key; (key = fake->keys) != NULL; free(key)) {
        fake->keys = key->next;
        spoke_wipe(key->text, sizeof key->text);
    }
    for (struct fake_seen *seen; (seen = fake->seen) != NULL; free_seen(seen))
        fake->seen = seen->next;
    free(fake->answer);
    free(fake);
}

spoke_central *spoke_fake_central(spoke_fake *fake)
{
    return fake->central;
}

const spoke_platform *spoke_fake_platform(spoke_fake *fake)
{
    return &fake->platform;
}

const char *spoke_fake_id_scope(const spoke_fake *fake)
{
    return spoke_central_env_of(fake->central)->id_scope;
}

const char *spoke_fake_why(const spoke_fake *fake)
{
    return fake->why;
}

/* --- time --- */

void spoke_fake_drive(spoke_fake *fake, spoke_fake_poll_fn poll, void *ctx)
{
    fake->poll = poll;
    fake->poll_ctx = ctx;
}

uint64_t spoke_fake_now_ms(const spoke_fake *fake)
{
    return fake->now;
}

void spoke_fake_network(spoke_fake *fake, bool up)
{
    fake->down = !up;
}

/* Whoever waits inside a handler of the device lets only the service work. A device that did not wait gets its time
 * all the same: it may have much to do, and nothing must wait for ever. */
static void work(struct spoke_fake *f, uint64_t until)
{
    const uint64_t before = f->now;
    if (f->poll != NULL && !f->polling) {
        f->polling = true;
        f->poll(f->poll_ctx);
        f->polling = false;
    }
    if (f->now == before)
        fake_move(f, f->poll != NULL && !f->polling ? f->now + 1 : until);
}

void spoke_fake_pass(spoke_fake *fake, uint32_t ms)
{
    const uint64_t until = fake->now + ms;
    while (fake->now < until)
        work(fake, until);
}

void spoke_fake_outage(spoke_fake *fake, uint32_t ms)
{
    spoke_fake_network(fake, false);
    spoke_fake_pass(fake, ms);
    spoke_fake_network(fake, true);
}

/* --- requests --- */

struct answered {
    bool done;
    int status;
    char *text;
};

static void take_answer(void *user, int http_status, spoke_str body)
{
    struct answered *a = user;
    a->done = true;
    a->text = malloc(body.len + 1);
    a->status = a->text != NULL ? http_status : 0;
    if (a->text == NULL)
        return;
    if (body.len > 0)
        memcpy(a->text, body.ptr, body.len);
    a->text[body.len] = '\0';
}

static int ask(struct spoke_fake *f, const char *method, const char *target, const char *body)
{
    struct answered a = {.status = 0};
    if (spoke_central_request(f->central, method, target, spoke_str_of(body), take_answer, &a) != SPOKE_OK)
        return 0;
    while (!a.done) /* the service answers by itself when the device does not */
        work(f, f->now + 1000);
    free(f->answer);
    f->answer = a.text;
    return a.status;
}

int spoke_fake_request(spoke_fake *fake, const char *method, const char *target, const char *body,
                       const char **answer)
{
    const int status = ask(fake, method, target, body);
    if (answer != NULL)
        *answer = status != 0 ? fake->answer : "";
    return status;
}

static spoke_status refuse(struct spoke_fake *f, spoke_status status, const char *why)
{
    (void)snprintf(f->why, sizeof f->why, "%s", why);
    return status;
}

static spoke_str member(spoke_str object, const char *key)
{
    spoke_str value = {NULL, 0};
    return spoke_json_find(object, key, &value) == SPOKE_OK ? value : spoke_str_from("", 0);
}

/* The sentence of an answer that was not wanted. */
static spoke_status refused(struct spoke_fake *f, int http_status, spoke_status status)
{
    spoke_buf why = spoke_buf_from(f->why, sizeof f->why - 1);
    const spoke_str text = http_status != 0 ? member(member(spoke_str_of(f->answer), "error"), "message")
                                            : SPOKE_STR("\"there is no memory\"");
    why.len = (size_t)snprintf(f->why, sizeof f->why, "HTTP %d: ", http_status);
    if (spoke_json_text(text, &why) == SPOKE_OK)
        f->why[why.len] = '\0';
    return http_status == 0 ? SPOKE_E_NO_MEMORY : status;
}

/* What stands in a target as it is. */
static bool is_name(const char *text, const char *more)
{
    const size_t len = strlen(text);
    size_t good = 0;
    while (good < len && (isalnum((unsigned char)text[good]) || strchr(more, text[good]) != NULL))
        good++;
    return len > 0 && len <= MAX_NAME && good == len;
}

static spoke_status check_id(struct spoke_fake *f, const char *device_id)
{
    return is_name(device_id, ID_MORE) ? SPOKE_OK
                                       : refuse(f, SPOKE_E_ARG,
                                                "the id of a device has 1 to 128 of"
                                                " A-Z, a-z, 0-9 and -._:~");
}

/* E_ARG: no such id can be. */
static spoke_status make_target(struct spoke_fake *f, char out[MAX_TARGET], const char *before,
                                const char *device_id, const char *behind)
{
    const spoke_status status = check_id(f, device_id);
    if (status == SPOKE_OK)
        (void)snprintf(out, MAX_TARGET, "%s%s%s", before, device_id, behind);
    return status;
}

/* The answer becomes a part of itself. */
static const char *narrow(struct spoke_fake *f, spoke_str part)
{
    if (part.len > 0)
        memmove(f->answer, part.ptr, part.len);
    f->answer[part.len] = '\0';
    return f->answer;
}

/* --- the cloud's side --- */

const char *spoke_fake_enrol(spoke_fake *fake, const char *device_id)
{
    char target[MAX_TARGET];
    if (make_target(fake, target, "/api/devices/", device_id, "") != SPOKE_OK)
        return NULL;
    struct fake_key *key = calloc(1, sizeof *key);
    if (key == NULL) {
        (void)refused(fake, 0, SPOKE_E_NO_MEMORY);
        return NULL;
    }
    const int status = ask(fake, "PUT", target, "{}");
    spoke_buf text = spoke_buf_from(key->text, sizeof key->text - 1);
    if (status != 200 || spoke_central_device_key(fake->central, device_id, &text) != SPOKE_OK) {
        (void)refused(fake, status, SPOKE_E_HUB);
        free(key);
        return NULL;
    }
    key->next = fake->keys;
    fake->keys = key;
    return key->text;
}

static struct fake_seen *seen_of(struct spoke_fake *f, const char *device_id, const char *kind)
{
    struct fake_seen *seen = f->seen;
    while (seen != NULL && (strcmp(seen->device_id, device_id) != 0 || strcmp(seen->kind, kind) != 0))
        seen = seen->next;
    if (seen != NULL || (seen = calloc(1, sizeof *seen)) == NULL)
        return seen;
    seen->device_id = strdup(device_id);
    seen->kind = strdup(kind);
    if (seen->device_id == NULL || seen->kind == NULL) {
        free_seen(seen);
        return NULL;
    }
    seen->next = f->seen;
    f->seen = seen;
    return seen;
}

/* E_NOT_FOUND: not yet. */
static spoke_status look(struct spoke_fake *f, struct fake_seen *seen, const char **body)
{
    char target[MAX_TARGET];
    (void)snprintf(target, sizeof target, "/api/events?order=asc&$top=1&deviceId=%s&kind=%s&after=%lld",
                   seen->device_id, seen->kind, (long long)seen->position);
    const int status = ask(f, "GET", target, NULL);
    if (status != 200)
        return refused(f, status, SPOKE_E_ARG);
    spoke_json_cursor list;
    spoke_str key, event;
    if (spoke_json_enter(member(spoke_str_of(f->answer), "value"), &list) != SPOKE_OK ||
        spoke_json_member(&list, &key, &event) != SPOKE_OK)
        return SPOKE_E_NOT_FOUND;
    if (spoke_json_int(member(event, "position"), &seen->position) != SPOKE_OK)
        return refuse(f, SPOKE_E_JSON, "an event without a position");
    spoke_str part = member(event, "body");
    if (part.len == 0)
        part = member(event, "text"); /* telemetry that is not JSON, as a JSON string */
    const char *text = narrow(f, part);
    if (body != NULL)
        *body = text;
    return SPOKE_OK;
}

spoke_status spoke_fake_wait(spoke_fake *fake, const char *device_id, const char *kind, uint32_t limit_ms,
                             const char **body)
{
    const uint64_t until = fake->now + limit_ms;
    spoke_status status = check_id(fake, device_id);
    if (status != SPOKE_OK)
        return status;
    if (!is_name(kind, ""))
        return refuse(fake, SPOKE_E_ARG, "there is no such kind of event");
    struct fake_seen *seen = seen_of(fake, device_id, kind);
    if (seen == NULL)
        return refused(fake, 0, SPOKE_E_NO_MEMORY);
    status = look(fake, seen, body);
    while (status == SPOKE_E_NOT_FOUND && fake->now < until) {
        work(fake, until);
        status = look(fake, seen, body);
    }
    if (status != SPOKE_E_NOT_FOUND)
        return status;
    (void)snprintf(fake->why, sizeof fake->why, "no %s of %.128s within %u ms", seen->kind, device_id,
                   (unsigned)limit_ms);
    return SPOKE_E_TIMEOUT;
}

spoke_status spoke_fake_skip(spoke_fake *fake, const char *device_id, const char *kind, size_t count,
                             uint32_t limit_ms)
{
    const uint64_t until = fake->now + limit_ms;
    spoke_status status = SPOKE_OK;
    for (size_t i = 0; i < count && status == SPOKE_OK; i++) {
        const uint64_t left = until > fake->now ? until - fake->now : 0;
        status = spoke_fake_wait(fake, device_id, kind, (uint32_t)left, NULL);
    }
    return status;
}

const char *spoke_fake_messages(spoke_fake *fake, const char *device_id)
{
    char target[MAX_TARGET];
    if (make_target(fake, target, "/control/devices/", device_id, "/messages") != SPOKE_OK)
        return NULL;
    const int status = ask(fake, "GET", target, NULL);
    if (status == 200)
        return fake->answer;
    (void)refused(fake, status, SPOKE_E_HUB);
    return NULL;
}

spoke_status spoke_fake_desire(spoke_fake *fake, const char *device_id, const char *patch)
{
    char target[MAX_TARGET];
    const spoke_status good = make_target(fake, target, "/api/devices/", device_id, "/properties");
    if (good != SPOKE_OK)
        return good;
    const int status = ask(fake, "PATCH", target, patch);
    return status == 200 || status == 202 ? SPOKE_OK : refused(fake, status, SPOKE_E_HUB);
}

static spoke_status command_target(struct spoke_fake *f, char out[MAX_TARGET], const char *device_id,
                                   const char *name)
{
    const char *star = strchr(name, '*');
    const int component = star != NULL ? (int)(star - name) : 0;
    const spoke_status status = check_id(f, device_id);
    if (status != SPOKE_OK)
        return status;
    if (!is_name(name, ID_MORE "*"))
        return refuse(f, SPOKE_E_ARG, "the name of a command has letters, digits and -._:~");
    (void)snprintf(out, MAX_TARGET, "/api/devices/%s%s%.*s/commands/%s", device_id,
                   star != NULL ? "/components/" : "", component, name, star != NULL ? star + 1 : name);
    return SPOKE_OK;
}

/* A device that is there and could answer another time. */
static bool is_silence(const struct spoke_fake *f, int http_status)
{
    enum { AWAY = 404, LATE = 504 };
    const spoke_str code =
        http_status == AWAY ? member(member(spoke_str_of(f->answer), "error"), "code") : spoke_str_from("", 0);
    return http_status == LATE || spoke_str_equal(code, SPOKE_STR("\"DeviceNotConnected\""));
}

spoke_status spoke_fake_command(spoke_fake *fake, const char *device_id, const char *name, const char *request,
                                int *code, const char **response)
{
    char target[MAX_TARGET], *body = NULL;
    enum { CREATED = 201 };
    const spoke_status good = command_target(fake, target, device_id, name);
    if (good != SPOKE_OK)
        return good;
    if (asprintf(&body, request != NULL ? "{\"request\":%s}" : "{}", request) < 0)
        return SPOKE_E_NO_MEMORY;
    const int status = ask(fake, "POST", target, body);
    free(body);
    if (status != CREATED)
        return refused(fake, status, is_silence(fake, status) ? SPOKE_E_TIMEOUT : SPOKE_E_HUB);
    const spoke_str all = spoke_str_of(fake->answer);
    int64_t number = 0;
    if (spoke_json_int(member(all, "responseCode"), &number) == SPOKE_OK && code != NULL)
        *code = (int)number;
    const char *text = narrow(fake, member(all, "response"));
    if (response != NULL)
        *response = text;
    return SPOKE_OK;
}

spoke_status spoke_fake_fault(spoke_fake *fake, const char *faults)
{
    const int status = ask(fake, "PUT", "/control/faults", faults);
    return status == 200 || status == 204 ? SPOKE_OK : refused(fake, status, SPOKE_E_ARG);
}
