#include "machine.h"

#include <assert.h>
#include <string.h>

#include "base/log.h"

#if SPOKE_WITH_WORK

/* Long-running commands: begun in a handler, kept by platform.store, finished by a reported property. One record for
 * each, under "work-0", "work-1" ..: {"id":..,"component":..,"name":..,"payload":..}; the text of an offline command,
 * which need not be JSON, stands as "text". */

#define KEY_BYTES 16u

/* 0: the platform keeps no records. */
static size_t record_bytes(const spoke_config *c)
{
    bool commands = false;
    for (size_t i = 0; i < c->handler_count; i++)
        commands = commands || c->handlers[i].command != NULL;
    return commands && c->platform->load != NULL && c->platform->store != NULL ? c->report_bytes : 0;
}

void work_carve(struct carver *at, const spoke_config *resolved, spoke_client *client)
{
    const size_t bytes = record_bytes(resolved), count = bytes > 0 ? resolved->commands : 0;
    uint8_t *record = carve_bulk(at, bytes);
    struct begun *slots = carve(at, count * sizeof *slots);
    if (client == NULL)
        return;
    client->works = (struct works){.slots = slots, .count = count, .record = record, .record_cap = bytes};
    memset(slots, 0, count * sizeof *slots);
}

static const char *key_of(size_t slot, char key[KEY_BYTES])
{
    spoke_buf out = spoke_buf_from(key, KEY_BYTES);
    const bool fits = spoke_buf_append(&out, SPOKE_STR("work-")) == SPOKE_OK &&
                      spoke_buf_append_u64(&out, slot) == SPOKE_OK && spoke_buf_append_byte(&out, 0) == SPOKE_OK;
    assert(fits); /* there are at most 65535 */
    (void)fits;
    return key;
}

/* --- reading a record --- */

static size_t handler_of(const spoke_client *c, spoke_str record)
{
    for (size_t i = 0; i < c->config.handler_count; i++) {
        const spoke_handler *h = &c->config.handlers[i];
        if (h->command != NULL && record_is(record, "name", h->name) &&
            record_is(record, "component", h->component))
            return i;
    }
    return NO_HANDLER;
}

/* Text is unescaped behind the record. */
static bool read_payload(const spoke_client *c, spoke_str record, bool *offline, spoke_str *payload)
{
    spoke_str json;
    const struct works *w = &c->works;
    *payload = (spoke_str){NULL, 0};
    *offline = spoke_json_find(record, "text", &json) == SPOKE_OK;
    if (!*offline)
        return spoke_json_find(record, "payload", payload) != SPOKE_E_JSON;
    spoke_buf room = spoke_buf_from(w->record + record.len, w->record_cap - record.len);
    if (spoke_json_text(json, &room) != SPOKE_OK)
        return false;
    *payload = spoke_buf_str(&room);
    return true;
}

/* The firmware may be another one by now, with another template. */
static bool still_fits(const spoke_client *c, const spoke_handler *h, bool offline, spoke_str payload)
{
    const spoke_member *member = contract_command(c, spoke_str_of(h->component), spoke_str_of(h->name));
    if (member == NULL || c->config.checks != SPOKE_CHECKS_STRICT)
        return true;
    return (offline ? spoke_offline_request_check(member, payload, NULL)
                    : spoke_request_check(member, payload, NULL)) == SPOKE_OK;
}

struct reading {
    uint32_t id;
    size_t handler;
    spoke_str payload;
};

/* E_NOT_FOUND: the slot is free. */
static spoke_status read_slot(spoke_client *c, size_t slot, struct reading *out)
{
    char key[KEY_BYTES];
    bool offline;
    spoke_buf room = spoke_buf_from(c->works.record, c->works.record_cap);
    const spoke_status status = record_load(c, key_of(slot, key), &room);
    if (status != SPOKE_OK)
        return status;
    const spoke_str record = spoke_buf_str(&room);
    int64_t id;
    if (spoke_json_check(record) != SPOKE_OK || !record_number(record, "id", 1, UINT32_MAX, &id) ||
        !read_payload(c, record, &offline, &out->payload))
        return SPOKE_E_JSON;
    out->id = (uint32_t)id;
    out->handler = handler_of(c, record);
    if (out->handler == NO_HANDLER || !still_fits(c, &c->config.handlers[out->handler], offline, out->payload))
        return SPOKE_E_MODEL;
    return SPOKE_OK;
}

/* --- what an earlier run had begun --- */

static struct begun *slot_of(spoke_client *c, uint32_t id)
{
    for (size_t i = 0; i < c->works.count; i++)
        if (id != 0 && c->works.slots[i].id == id)
            return &c->works.slots[i];
    return NULL;
}

static void refuse(spoke_client *c, size_t slot, spoke_status status)
{
    c->works.trouble = status;
    /* What the store could not give is not written over. */
    c->works.slots[slot] = (struct begun){.handler = status == SPOKE_E_PORT ? NO_HANDLER : 0};
    log_line(&c->platform, SPOKE_LOG_WARN, "client", "the kept work in record work-%u cannot be used: %s",
             (unsigned)slot, spoke_status_text(status));
}

void work_load(spoke_client *c)
{
    bool unread = false;
    c->works.next_id = 1;
    for (size_t i = 0; i < c->works.count; i++) {
        struct reading found;
        spoke_status status = read_slot(c, i, &found);
        if (status == SPOKE_OK && slot_of(c, found.id) != NULL)
            status = SPOKE_E_JSON; /* two of one id: not our writing */
        if (status != SPOKE_OK && status != SPOKE_E_NOT_FOUND)
            refuse(c, i, status);
        unread = unread || status == SPOKE_E_PORT;
        if (status != SPOKE_OK)
            continue;
        c->works.slots[i] = (struct begun){found.id, found.handler};
        if (found.id >= c->works.next_id)
            c->works.next_id = found.id + 1;
    }
    if (unread) /* its id may be any; small ones are likely */
        c->works.next_id = random_u32(c);
}

void work_tell(spoke_client *c)
{
    const spoke_error why =
        client_fault(c->works.trouble, SPOKE_SOURCE_CLIENT, 0,
                     "a kept long-running command is unreadable or fits this firmware no more: it is left out");
    c->works.trouble = SPOKE_OK;
    if (why.status != SPOKE_OK)
        client_notice(c, SPOKE_NOTICE_STORAGE, &why, 0);
}

/* --- the program's side --- */

static uint32_t take_id(spoke_client *c)
{
    uint32_t id;
    do {
        id = c->works.next_id;
        c->works.next_id = id == UINT32_MAX ? 1 : id + 1;
    } while (id == 0 || slot_of(c, id) != NULL);
    return id;
}

static spoke_status write_record(const spoke_client *c, const spoke_command *call, uint32_t id, spoke_str *out)
{
    spoke_writer w;
    spoke_writer_init(&w, c->works.record, c->works.record_cap);
    spoke_write(&w, spoke_u64("id", id));
    spoke_write(&w, spoke_text("component", call->component));
    spoke_write(&w, spoke_text("name", call->name));
    if (call->offline)
        spoke_write(&w, spoke_text("text", call->payload));
    else if (call->payload.len > 0)
        spoke_write(&w, spoke_json("payload", call->payload));
    const spoke_status status = spoke_writer_finish(&w, out);
    if (status == SPOKE_OK && call->offline && call->payload.len > c->works.record_cap - out->len)
        return SPOKE_E_TOO_LARGE; /* reading needs the text beside the record */
    return status == SPOKE_E_TOO_SMALL ? SPOKE_E_TOO_LARGE : status;
}

static spoke_status begin(spoke_client *c, const spoke_command *call, uint32_t *id)
{
    char key[KEY_BYTES];
    spoke_str record;
    size_t slot = 0;
    const size_t handler = handler_find(c, call->component, call->name, true);
    if (handler == NO_HANDLER)
        return SPOKE_E_ARG;
    while (slot < c->works.count && (c->works.slots[slot].id != 0 || c->works.slots[slot].handler == NO_HANDLER))
        slot++;
    if (slot == c->works.count)
        return c->works.count > 0 ? SPOKE_E_FULL : SPOKE_E_UNSUPPORTED;
    const uint32_t next = take_id(c);
    spoke_status status = write_record(c, call, next, &record);
    if (status == SPOKE_OK && record_keep(c, key_of(slot, key), record) != SPOKE_OK)
        status = SPOKE_E_PORT;
    if (status != SPOKE_OK)
        return status;
    c->works.slots[slot] = (struct begun){next, handler};
    *id = next;
    return SPOKE_OK;
}

spoke_status spoke_work_begin(const spoke_command *call, uint32_t *id)
{
    if (call == NULL || call->client == NULL || id == NULL)
        return SPOKE_E_ARG;
    lock_client(call->client);
    const spoke_status status = begin(call->client, call, id);
    unlock_client(call->client);
    return status;
}

/* The used slot with the smallest id above `after`; count: none. */
static size_t next_slot(const spoke_client *c, uint32_t after)
{
    size_t best = c->works.count;
    for (size_t i = 0; i < c->works.count; i++)
        if (c->works.slots[i].id > after &&
            (best == c->works.count || c->works.slots[i].id < c->works.slots[best].id))
            best = i;
    return best;
}

static spoke_status next(spoke_client *c, uint32_t after, spoke_work *out)
{
    for (size_t slot = next_slot(c, after); slot < c->works.count; slot = next_slot(c, after)) {
        struct reading found;
        after = c->works.slots[slot].id;
        spoke_status status = read_slot(c, slot, &found);
        if (status == SPOKE_OK && (found.id != after || found.handler != c->works.slots[slot].handler))
            status = SPOKE_E_JSON;
        if (status == SPOKE_OK) {
            const spoke_handler *h = &c->config.handlers[found.handler];
            *out = (spoke_work){after, spoke_str_of(h->component), spoke_str_of(h->name), found.payload};
            return SPOKE_OK;
        }
        if (status != SPOKE_E_PORT) /* the store may give it the next time */
            refuse(c, slot, status);
    }
    return SPOKE_E_NOT_FOUND;
}

spoke_status spoke_work_next(spoke_client *client, uint32_t after, spoke_work *out)
{
    if (client == NULL || out == NULL)
        return SPOKE_E_ARG;
    lock_client(client);
    const spoke_status status = next(client, after, out);
    unlock_client(client);
    return status;
}

static spoke_status forget(spoke_client *c, uint32_t id)
{
    char key[KEY_BYTES];
    for (size_t i = 0; i < c->works.count; i++) { /* none, when another thread was faster */
        if (c->works.slots[i].id != id)
            continue;
        if (record_remove(c, key_of(i, key)) != SPOKE_OK)
            return SPOKE_E_PORT;
        c->works.slots[i] = (struct begun){0};
    }
    return SPOKE_OK;
}

/* The report first: between the two a crash leaves both, and the work is finished once more. */
spoke_status spoke_work_finish(spoke_client *client, uint32_t id, const spoke_field *fields, size_t count)
{
    if (client == NULL)
        return SPOKE_E_ARG;
    lock_client(client);
    const struct begun *slot = slot_of(client, id);
    const char *component = slot != NULL ? client->config.handlers[slot->handler].component : NULL;
    unlock_client(client);
    if (slot == NULL)
        return SPOKE_E_NOT_FOUND;
    spoke_status status = spoke_property_report(client, component, fields, count);
    if (status != SPOKE_OK)
        return status;
    lock_client(client);
    status = forget(client, id);
    unlock_client(client);
    return status;
}

#endif
