/* Which events are asked for: of whom, of what kind, from when to when; and which of them the caller sees. */
#include <stdlib.h>
#include <string.h>

#include "central/core/core_internal.h"
#include "rest_events.h"

/* --- kinds and positions --- */

bool events_position(const char *text, int64_t *out)
{
    const size_t len = strlen(text);
    int64_t value = 0;
    if (len == 0 || len > 18)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (text[i] - '0');
    }
    *out = value;
    return true;
}

/* *given: it is there, perhaps as 0. */
static bool read_position(struct rest_call *call, const char *name, int64_t *out, bool *given)
{
    char *text = NULL;
    if (!rest_option(call, name, &text))
        return false;
    const bool good = text == NULL || events_position(text, out);
    if (!good)
        rest_fail(&call->reply, 400, "InvalidQuery", "%s has to be the position of an event, a whole number.",
                  name);
    *given = text != NULL;
    free(text);
    return good;
}

/* Before position 0 is nothing, as before the first one; the store takes 0 for no bound. */
static bool read_positions(struct rest_call *call, struct events_asked *out)
{
    bool bounded = false;
    if (!read_position(call, "after", &out->range.after, &out->positioned) ||
        !read_position(call, "before", &out->range.before, &bounded))
        return false;
    if (bounded && out->range.before == 0)
        out->range.before = 1;
    return true;
}

/* What people do is for those who look after people. */
static bool may_audit(struct rest_call *call, uint64_t kinds)
{
    if ((kinds & CORE_AUDIT_BITS) == 0 || rest_covers(call, UINT64_C(1) << RIGHT_PEOPLE_READ, NULL))
        return true;
    rest_fail(&call->reply, 403, "Forbidden",
              "The audit takes the right people.read for the whole application; this token has it not.");
    return false;
}

static bool read_kinds(struct rest_call *call, uint64_t *out)
{
    char *text = NULL;
    spoke_str name;
    if (!rest_option(call, "kind", &text))
        return false;
    spoke_str rest = spoke_str_of(text);
    for (bool more = text != NULL; more && call->reply.status == 0;) {
        spoke_str tail = {NULL, 0};
        more = spoke_str_cut(rest, ',', &name, &tail);
        rest = tail;
        const uint64_t bits = core_event_kinds(name);
        if (bits == 0)
            rest_fail(
                &call->reply, 400, "InvalidQuery",
                "kind has to be a source or a type of events, or several with commas: telemetry, properties, "
                "deviceConnectivity, deviceLifecycle, commands, deviceTemplateLifecycle, fileUploads, audit, connected, ...");
        *out |= bits;
    }
    free(text);
    return call->reply.status == 0 && may_audit(call, *out);
}

/* --- of whom --- */

static int compare_ids(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Cuts the text apart. Of an id that nobody has, or that the caller does not see, there is nothing to tell. */
static bool split_devices(struct rest_call *call, struct events_asked *out)
{
    for (char *at = out->device_id; at != NULL;) {
        char *comma = strchr(at, ',');
        if (out->count == EVENTS_MOST_DEVICES) {
            rest_fail(&call->reply, 400, "InvalidQuery", "deviceId has more than %d devices; name a group.",
                      EVENTS_MOST_DEVICES);
            return false;
        }
        out->ids[out->count++] = at;
        if (comma != NULL)
            *comma++ = '\0';
        at = comma;
    }
    qsort(out->ids, out->count, sizeof out->ids[0], compare_ids);
    return true;
}

/* One who sees everything may ask for a device that is gone. */
static bool read_devices(struct rest_call *call, struct events_asked *out)
{
    struct store_device row;
    if (!rest_option(call, "deviceId", &out->device_id) || !split_devices(call, out))
        return false;
    if (out->count != 1)
        return true;
    out->range.device_id = out->device_id;
    if (!out->bound)
        return true;
    call->args[0] = out->device_id;
    if (!rest_device(call, &row))
        return false;
    store_device_free(&row);
    return true;
}

static bool read_group(struct rest_call *call, struct events_asked *out)
{
    char *id = NULL;
    if (!rest_option(call, "group", &id))
        return false;
    out->grouped = id != NULL;
    const bool good = id == NULL || device_group_ask(call, id, &out->group);
    free(id);
    return good;
}

bool events_asked_read(struct rest_call *call, struct events_asked *out)
{
    *out = (struct events_asked){.core = call->core, .call = call, .bound = !rest_sees(call, NULL)};
    return read_devices(call, out) && read_group(call, out) && read_kinds(call, &out->range.kinds) &&
           read_positions(call, out) && rest_option_time(call, "from", &out->range.from_ms) &&
           rest_option_time(call, "to", &out->range.to_ms);
}

void events_asked_free(struct events_asked *asked)
{
    free(asked->device_id);
    device_group_close(&asked->group);
    for (size_t i = 0; i < EVENTS_REMEMBERED; i++)
        free(asked->remembered[i].id);
}

/* --- who sees what --- */

static bool look(struct events_asked *asked, const char *id)
{
    struct store_device device;
    bool good = true;
    asked->looked++;
    if (asked->bound) {
        good = store_device_get(core_store(asked->core), id, &device) == SPOKE_OK;
        if (good) {
            good = rest_sees(asked->call, device.organizations);
            store_device_free(&device);
        }
    }
    return good && (!asked->grouped || device_group_has(asked->core, &asked->group, id));
}

static size_t slot_of(const char *id)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (; *id != '\0'; id++)
        hash = (hash ^ (uint8_t)*id) * 16777619u;
    return hash % EVENTS_REMEMBERED;
}

static bool device_good(struct events_asked *asked, const char *id)
{
    struct events_remembered *slot = &asked->remembered[slot_of(id)];
    if (slot->id != NULL && strcmp(slot->id, id) == 0)
        return slot->good;
    const bool good = look(asked, id);
    free(slot->id);
    slot->id = strdup(id); /* NULL: looked up again */
    slot->good = good;
    return good;
}

bool events_asked_sees(struct events_asked *asked, const struct store_event *row)
{
    if (row->kind == EVENT_CLEARED)
        return false;
    if ((STORE_EVENT_BIT(row->kind) & CORE_AUDIT_BITS & ~asked->range.kinds) != 0)
        return false; /* told to those who ask for it, and may */
    if (row->device_id == NULL)
        return asked->count == 0 && !asked->grouped;
    if (asked->count > 1 &&
        bsearch(&row->device_id, asked->ids, asked->count, sizeof asked->ids[0], compare_ids) == NULL)
        return false;
    return (!asked->bound && !asked->grouped) || device_good(asked, row->device_id);
}

bool events_asked_tired(const struct events_asked *asked)
{
    return asked->looked >= EVENTS_MOST_LOOKED;
}
