#include "machine.h"

#include <assert.h>
#include <string.h>

#include "base/crc32.h"
#include "base/log.h"

#if SPOKE_WITH_SETTINGS

/* Accepted writable properties, kept by platform.store, so that a device starts with its last settings while it is
 * offline. The record is held in memory as it is written; a desired document changes it in place, and it is stored
 * once behind the document, if it is news. What the record says is checked like anything from outside. */

#define SETTINGS_KEY "settings"
#define FRONT "{\"settings\":"
#define FRONT_BYTES (sizeof FRONT - 1)

void settings_carve(struct carver *at, const spoke_config *resolved, spoke_client *client)
{
    const size_t size = resolved->keep_settings ? (size_t)resolved->report_bytes + SETTINGS_FRAME_BYTES : 0;
    void *text = size > 0 ? carve_bulk(at, size) : NULL;
    if (client != NULL)
        client->settings.text = spoke_buf_from(text, size);
}

static bool kept(const spoke_client *c)
{
    return c->settings.text.cap > 0;
}

static void clear(struct settings *s)
{
    memcpy(s->text.ptr, FRONT "[]", FRONT_BYTES + 2); /* room for it is there by settings_bytes */
    s->text.len = FRONT_BYTES + 2;
    s->version = 0;
    s->dirty = false;
}

/* Another hub, or another device, is another twin. */
static uint32_t home_of(const spoke_client *c)
{
    const spoke_str hub = c->identity.hub_host, id = c->identity.device_id;
    const uint32_t sum = crc32_add(crc32_add(crc32_add(0, hub.ptr, hub.len), "", 1), id.ptr, id.len);
    return sum != 0 ? sum : 1;
}

/* --- one setting: ["component","name",value] --- */

struct setting {
    spoke_str whole, component, name, value; /* component and name raw, without their quotes */
};

static spoke_str list_of(const struct settings *s)
{
    return spoke_str_from((const char *)s->text.ptr + FRONT_BYTES, s->text.len - FRONT_BYTES);
}

static bool empty(const struct settings *s)
{
    return list_of(s).len <= 2;
}

static void walk(const struct settings *s, spoke_json_cursor *out)
{
    const spoke_status status = spoke_json_enter(list_of(s), out);
    assert(status == SPOKE_OK); /* it was checked, or written here */
    (void)status;
}

static bool take_name(spoke_json_cursor *at, spoke_str *name)
{
    spoke_str key, json;
    if (spoke_json_member(at, &key, &json) != SPOKE_OK || spoke_json_type(json) != '"')
        return false;
    *name = spoke_str_from(json.ptr + 1, json.len - 2);
    return true;
}

static spoke_status next_setting(spoke_json_cursor *list, struct setting *out)
{
    spoke_str key, more;
    spoke_json_cursor at;
    const spoke_status status = spoke_json_member(list, &key, &out->whole);
    if (status != SPOKE_OK)
        return status;
    const bool is_one = spoke_json_type(out->whole) == '[' && spoke_json_enter(out->whole, &at) == SPOKE_OK &&
                        take_name(&at, &out->component) && take_name(&at, &out->name) &&
                        spoke_json_member(&at, &key, &out->value) == SPOKE_OK &&
                        spoke_json_member(&at, &key, &more) == SPOKE_E_NOT_FOUND;
    return is_one ? SPOKE_OK : SPOKE_E_JSON;
}

static bool setting_is_for(const struct setting *s, const spoke_handler *h)
{
    return spoke_json_key_is(s->name, spoke_str_of(h->name)) &&
           spoke_json_key_is(s->component, spoke_str_of(h->component));
}

static bool find(const struct settings *s, const spoke_handler *h, struct setting *out)
{
    spoke_json_cursor list;
    walk(s, &list);
    while (next_setting(&list, out) == SPOKE_OK)
        if (setting_is_for(out, h))
            return true;
    return false;
}

/* With the comma in front of it, or that behind the first one. */
static void cut(struct settings *s, const struct setting *gone)
{
    char *text = (char *)s->text.ptr;
    size_t from = (size_t)(gone->whole.ptr - text), to = from + gone->whole.len;
    if (text[from - 1] == ',')
        from--;
    else if (text[to] == ',')
        to++;
    memmove(text + from, text + to, s->text.len - to);
    s->text.len -= to - from;
}

static bool append(struct settings *s, const spoke_handler *h, spoke_str value)
{
    const size_t comma = empty(s) ? 0 : 1;
    const size_t end = s->text.len - 1; /* the list's closing bracket */
    const size_t most = s->text.cap - SETTINGS_FRAME_BYTES;
    spoke_writer w;
    spoke_str text = {NULL, 0};
    if (end + comma + 1 > most)
        return false;
    spoke_writer_init(&w, s->text.ptr + end + comma, most - end - comma - 1);
    spoke_write_begin_array(&w);
    spoke_write_value(&w, spoke_text(NULL, spoke_str_of(h->component)));
    spoke_write_value(&w, spoke_text(NULL, spoke_str_of(h->name)));
    spoke_write_value(&w, spoke_json(NULL, value));
    spoke_write_end_array(&w);
    const bool fits = spoke_writer_finish(&w, &text) == SPOKE_OK;
    if (fits && comma > 0)
        s->text.ptr[end] = ',';
    s->text.len = fits ? end + comma + text.len + 1 : end + 1;
    s->text.ptr[s->text.len - 1] = ']';
    return fits;
}

/* A forged record may have it twice. */
static void forget(spoke_client *c, const spoke_handler *h)
{
    struct setting old;
    while (find(&c->settings, h, &old)) {
        cut(&c->settings, &old);
        c->settings.dirty = true;
    }
}

static void put(spoke_client *c, const spoke_handler *h, spoke_str value)
{
    struct setting old;
    if (find(&c->settings, h, &old) && spoke_str_equal(old.value, value))
        return;
    forget(c, h);
    c->settings.dirty = true;
    if (!append(&c->settings, h, value)) /* rather none than the one from before */
        c->settings.overflow = true;
}

/* --- verdicts --- */

void settings_took(spoke_client *c, size_t handler, spoke_str value, int code)
{
    const spoke_handler *h = &c->config.handlers[handler];
    if (!kept(c))
        return;
    if (spoke_json_type(value) == 'n')
        forget(c, h);
    else if (code >= 200 && code < 300 && code != 202) /* deferred: the one before is in force until it is not */
        put(c, h, value);
}

void settings_late(spoke_client *c, const char *component, const char *name, spoke_str value, int64_t version,
                   int code)
{
    if (!kept(c) || code < 200 || code >= 300 || code == 202)
        return;
    lock_client(c);
    const size_t handler = handler_find(c, spoke_str_of(component), spoke_str_of(name), false);
    if (handler != NO_HANDLER) {
        settings_took(c, handler, value, code);
        c->settings.late = c->settings.dirty;
        if (version > c->settings.version)
            c->settings.version = version;
    }
    unlock_client(c);
}

/* --- storing --- */

/* The rest of the record behind the list, which is then all that stays in memory again. */
static spoke_status store(spoke_client *c)
{
    struct settings *s = &c->settings;
    const size_t end = s->text.len;
    spoke_writer w;
    spoke_str rest;
    if (empty(s))
        return record_remove(c, SETTINGS_KEY);
    spoke_writer_init(&w, s->text.ptr + end, s->text.cap - end);
    assignment_write(c, &w);
    spoke_write(&w, spoke_i64("version", s->version));
    const spoke_status status = spoke_writer_finish(&w, &rest);
    assert(status == SPOKE_OK); /* SETTINGS_FRAME_BYTES; hub and device hold no control characters */
    (void)status;
    s->text.ptr[end] = ','; /* where the writer has opened its object */
    return record_keep(c, SETTINGS_KEY, spoke_str_from((const char *)s->text.ptr, end + rest.len));
}

static void tell(spoke_client *c, spoke_status status, const char *text)
{
    const spoke_error why = client_fault(status, SPOKE_SOURCE_CLIENT, 0, text);
    client_notice(c, SPOKE_NOTICE_STORAGE, &why, 0);
}

static void write_out(spoke_client *c)
{
    const spoke_status status = store(c);
    const bool overflow = c->settings.overflow;
    c->settings.dirty = status != SPOKE_OK; /* then it is tried behind the next document */
    c->settings.overflow = c->settings.late = false;
    c->settings.home = home_of(c);
    if (status != SPOKE_OK)
        tell(c, status, "the accepted settings could not be kept: a restart begins with older ones");
    if (overflow)
        tell(c, SPOKE_E_TOO_LARGE, "an accepted setting finds no room in the record: raise report_bytes");
}

void settings_save(spoke_client *c, int64_t version)
{
    if (!kept(c) || !c->assigned)
        return;
    const bool moved = !empty(&c->settings) && c->settings.home != home_of(c);
    if (!c->settings.dirty && !moved) {
        c->settings.home = home_of(c);
        return;
    }
    c->settings.version = version;
    write_out(c);
}

/* Not in the name of a twin that has not been heard yet: its first document writes all. */
bool settings_due(const spoke_client *c)
{
    return kept(c) && c->settings.dirty && c->settings.late && c->assigned && c->settings.home == home_of(c);
}

void settings_work(spoke_client *c)
{
    if (settings_due(c))
        write_out(c);
}

/* --- restoring --- */

/* As this file writes it, without a space anywhere between: so it can be changed in place. */
static bool list_is_sound(spoke_str list)
{
    spoke_json_cursor at;
    struct setting one;
    size_t count = 0;
    spoke_status status = spoke_json_enter(list, &at);
    while (status == SPOKE_OK && (status = next_setting(&at, &one)) == SPOKE_OK) {
        const char before = one.whole.ptr[-1], behind = one.whole.ptr[one.whole.len];
        if (before != (count == 0 ? '[' : ',') || (behind != ',' && behind != ']') ||
            spoke_json_type(one.value) == 'n')
            return false;
        count++;
    }
    return status == SPOKE_E_NOT_FOUND && (count > 0 || list.len == 2);
}

/* E_NOT_FOUND: there is none, or it is another twin's. */
static spoke_status read_record(const spoke_client *c, spoke_str record, size_t *list_end, int64_t *version)
{
    spoke_str list;
    if (!spoke_str_starts(record, SPOKE_STR(FRONT "[")) || spoke_json_check(record) != SPOKE_OK ||
        spoke_json_find(record, "settings", &list) != SPOKE_OK || !list_is_sound(list) ||
        !record_number(record, "version", 0, INT64_MAX, version))
        return SPOKE_E_JSON;
    *list_end = (size_t)(list.ptr + list.len - record.ptr);
    if (*list_end > c->settings.text.cap - SETTINGS_FRAME_BYTES)
        return SPOKE_E_TOO_LARGE;
    return c->assigned && record_is(record, "hub", c->identity.hub_host.ptr) &&
                   record_is(record, "device", c->identity.device_id.ptr)
               ? SPOKE_OK
               : SPOKE_E_NOT_FOUND;
}

static spoke_status load(spoke_client *c)
{
    struct settings *s = &c->settings;
    size_t end = 0;
    int64_t version = 0;
    s->text.len = 0;
    spoke_status status = record_load(c, SETTINGS_KEY, &s->text);
    if (status == SPOKE_OK)
        status = read_record(c, spoke_buf_str(&s->text), &end, &version);
    if (status != SPOKE_OK) {
        clear(s);
        return status;
    }
    s->text.len = end;
    s->version = version;
    s->home = home_of(c);
    return SPOKE_OK;
}

/* Before the program can say what is in force since. */
void settings_init(spoke_client *c)
{
    if (!kept(c))
        return;
    const spoke_status status = load(c);
    c->settings.trouble = status == SPOKE_E_NOT_FOUND ? SPOKE_OK : status;
}

/* The firmware may be another one by now, with another template. */
static bool still_fits(spoke_client *c, const spoke_handler *h, spoke_str value)
{
    spoke_fault fault;
    return !contract_checks(c) ||
           spoke_desired_check(c->config.model, spoke_str_of(h->component), spoke_str_of(h->name), value,
                               &fault) == SPOKE_OK ||
           !contract_misfit(c, &fault);
}

/* Nothing is acknowledged: the service has had the verdict, or has it after the next snapshot. */
static spoke_ack ask_handler(spoke_client *c, const spoke_handler *h, spoke_str value)
{
    const spoke_property wanted = {.client = c,
                                   .component = spoke_str_of(h->component),
                                   .name = spoke_str_of(h->name),
                                   .value = value,
                                   .version = c->settings.version,
                                   .initial = true};
    enter_handler(c);
    const spoke_ack verdict = h->property(&wanted, c->config.user);
    leave_handler(c);
    return verdict;
}

/* The value is copied: while the handler runs, the record may change. */
static void restore_one(spoke_client *c, size_t handler)
{
    const spoke_handler *h = &c->config.handlers[handler];
    struct setting one;
    spoke_buf value = spoke_buf_from(c->scratch, c->work_bytes);
    if (h->property == NULL || !find(&c->settings, h, &one) || spoke_buf_append(&value, one.value) != SPOKE_OK)
        return;
    const spoke_ack verdict = still_fits(c, h, spoke_buf_str(&value))
                                  ? ask_handler(c, h, spoke_buf_str(&value))
                                  : spoke_reject(400, "it does not fit the device template any more");
    if (verdict.code == 0 || (verdict.code >= 200 && verdict.code < 300)) {
        handler_state_put(c, handler, HANDLER_SET); /* a snapshot without it takes it back */
        return;
    }
    log_line(&c->platform, SPOKE_LOG_WARN, "client", "the kept setting '%s' was refused (%d): %s", h->name,
             verdict.code, verdict.text != NULL ? verdict.text : "");
    forget(c, h);
}

static bool has_handler(const spoke_client *c, const struct setting *one)
{
    for (size_t i = 0; i < c->config.handler_count; i++)
        if (c->config.handlers[i].property != NULL && setting_is_for(one, &c->config.handlers[i]))
            return true;
    return false;
}

/* Of another firmware: nobody would hear that the service takes them back. */
static void drop_strange(spoke_client *c)
{
    struct settings *s = &c->settings;
    struct setting one;
    spoke_json_cursor list;
    walk(s, &list);
    while (next_setting(&list, &one) == SPOKE_OK) {
        if (has_handler(c, &one))
            continue;
        cut(s, &one);
        s->dirty = true;
        walk(s, &list); /* from the beginning: the text has moved */
    }
}

void settings_restore(spoke_client *c)
{
    if (!kept(c))
        return;
    if (c->settings.trouble != SPOKE_OK)
        tell(c, c->settings.trouble, "the kept settings cannot be read: they come anew with the next connection");
    drop_strange(c);
    for (size_t i = 0; i < c->config.handler_count; i++)
        restore_one(c, i);
}

#endif
