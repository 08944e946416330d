#include "machine.h"

#include <string.h>

#include <spoke/proto/pnp.h>

#include "base/log.h"

/* Writable properties: from a desired document to the handlers, and their verdicts back as one reported patch. */

struct handler_slot *handler_find(spoke_client *c, spoke_str component, spoke_str name, bool command)
{
    for (size_t i = 0; i < c->handler_count; i++) {
        const spoke_handler *h = &c->handlers[i].handler;
        const spoke_str own = spoke_str_of(h->component);
        if ((h->command != NULL) == command && spoke_json_key_is(name, spoke_str_of(h->name)) &&
            (own.len == 0 ? component.len == 0 : spoke_json_key_is(component, own)))
            return &c->handlers[i];
    }
    return NULL;
}

static bool is_component(void *ctx, spoke_str raw_key)
{
    const spoke_client *c = ctx;
    if (c->config.model != NULL && spoke_model_has_component(c->config.model, raw_key))
        return true;
    for (size_t i = 0; i < c->handler_count; i++) {
        const char *own = c->handlers[i].handler.component;
        if (own != NULL && spoke_json_key_is(raw_key, spoke_str_of(own)))
            return true;
    }
    return false;
}

/* --- collecting the acknowledgements of one document in c->work --- */

struct acks {
    spoke_client *client;
    spoke_writer writer;
    spoke_str component; /* open in the patch being written */
    bool component_open, any;
};

static void acks_begin(struct acks *a, spoke_client *c)
{
    memset(a, 0, sizeof *a);
    a->client = c;
    spoke_writer_init(&a->writer, c->work, c->work_bytes);
    spoke_write_begin_object(&a->writer);
}

static void acks_component(struct acks *a, spoke_str component)
{
    if (a->component_open && spoke_str_equal(a->component, component))
        return;
    if (a->component_open)
        spoke_write_end_object(&a->writer);
    a->component_open = component.len > 0;
    a->component = component;
    if (!a->component_open)
        return;
    spoke_write_raw_key(&a->writer, component);
    spoke_write_begin_object(&a->writer);
    spoke_write(&a->writer, spoke_text("__t", SPOKE_STR("c")));
}

static spoke_status write_patch(void *ctx, spoke_buf *out, size_t *head_bytes)
{
    const spoke_str *patch = ctx;
    *head_bytes = 0;
    return spoke_buf_append(out, *patch);
}

/* The patch into the queue. Without room the whole twin is asked for again once the queue is empty: the handlers
 * then see these properties anew, and nothing stays unanswered. */
static void acks_flush(struct acks *a)
{
    spoke_client *c = a->client;
    spoke_str patch;
    acks_component(a, (spoke_str){NULL, 0});
    spoke_write_end_object(&a->writer);
    if (a->any && spoke_writer_finish(&a->writer, &patch) == SPOKE_OK &&
        outbox_add(&c->reports, 0, 0, write_patch, &patch) != SPOKE_OK) {
        log_line(&c->platform, SPOKE_LOG_WARN, "client",
                 "no room for acknowledgements: the twin is read again later");
        c->resync_wanted = true;
    }
    acks_begin(a, c);
}

static void acks_write(struct acks *a, const spoke_pnp_property *p, int64_t version, spoke_ack verdict)
{
    acks_component(a, p->component);
    spoke_pnp_ack(&a->writer, p->name, p->value, verdict.code, version, verdict.text);
}

static void acks_add(struct acks *a, const spoke_pnp_property *p, int64_t version, spoke_ack verdict)
{
    const struct acks before = *a;
    acks_write(a, p, version, verdict);
    /* two closing brackets must still fit */
    if (a->writer.status == SPOKE_OK && a->writer.out.cap - a->writer.out.len >= 2) {
        a->any = true;
        return;
    }
    *a = before;
    acks_flush(a);
    acks_write(a, p, version, verdict);
    a->any = a->writer.status == SPOKE_OK;
    if (!a->any) {
        log_line(&a->client->platform, SPOKE_LOG_ERROR, "client",
                 "the acknowledgement of '%.*s' does not fit: raise report_bytes", (int)p->name.len, p->name.ptr);
        acks_begin(a, a->client);
    }
}

/* --- calling the handlers --- */

static spoke_ack ask_handler(spoke_client *c, struct handler_slot *slot, const spoke_pnp_property *p,
                             int64_t version, bool initial)
{
    const spoke_property wanted = {.client = c,
                                   .component = spoke_str_of(slot->handler.component),
                                   .name = spoke_str_of(slot->handler.name),
                                   .value = p->value,
                                   .version = version,
                                   .initial = initial};
    enter_handler(c);
    const spoke_ack verdict = slot->handler.property(&wanted, c->config.user);
    leave_handler(c);
    return verdict;
}

static spoke_ack deferred_code(spoke_ack verdict)
{
    return verdict.code == 0 ? (spoke_ack){202, verdict.text} : verdict;
}

static bool modelled_writable(const spoke_client *c, const spoke_pnp_property *p)
{
    const spoke_member *member =
        c->config.model != NULL ? spoke_model_find(c->config.model, SPOKE_PROPERTY, p->component, p->name) : NULL;
    return member != NULL && member->writable;
}

static void dispatch(struct acks *a, const spoke_pnp_property *p, int64_t version, bool initial)
{
    spoke_client *c = a->client;
    struct handler_slot *slot = handler_find(c, p->component, p->name, false);
    const bool removed = spoke_json_type(p->value) == 'n';
    if (slot != NULL) {
        slot->set = !removed;
        acks_add(a, p, version, deferred_code(ask_handler(c, slot, p, version, initial)));
    } else if (modelled_writable(c, p)) {
        acks_add(a, p, version, spoke_reject(501, "this firmware has no handler for the property"));
    } else if (!removed) {
        log_line(&c->platform, SPOKE_LOG_WARN, "client", "a desired property without a handler was ignored: %.*s",
                 (int)p->name.len, p->name.ptr);
    }
}

/* A snapshot is whole: what was set before and is absent now has been removed meanwhile. */
static void dispatch_absent(struct acks *a, spoke_str document, int64_t version)
{
    spoke_client *c = a->client;
    for (size_t i = 0; i < c->handler_count; i++) {
        struct handler_slot *slot = &c->handlers[i];
        spoke_str section = document, value;
        if (slot->handler.property == NULL || !slot->set)
            continue;
        if (slot->handler.component != NULL &&
            spoke_json_find(document, slot->handler.component, &section) != SPOKE_OK)
            section = SPOKE_STR("{}");
        if (spoke_json_find(section, slot->handler.name, &value) == SPOKE_OK)
            continue;
        const spoke_pnp_property gone = {.component = spoke_str_of(slot->handler.component),
                                         .name = spoke_str_of(slot->handler.name),
                                         .value = SPOKE_STR("null")};
        dispatch(a, &gone, version, true);
    }
}

void properties_event(spoke_client *c, const spoke_twin_event *event)
{
    const bool snapshot = event->kind == SPOKE_TWIN_SNAPSHOT;
    if (snapshot && event->version == c->desired_version)
        return; /* nothing changed while we were away: every version is answered once */
    struct acks a;
    spoke_pnp_cursor at;
    spoke_pnp_property property;
    acks_begin(&a, c);
    spoke_status status = spoke_pnp_enter(event->desired, is_component, c, &at);
    while (status == SPOKE_OK && (status = spoke_pnp_next(&at, &property)) == SPOKE_OK)
        dispatch(&a, &property, event->version, snapshot);
    if (snapshot && status == SPOKE_E_NOT_FOUND)
        dispatch_absent(&a, event->desired, event->version);
    acks_flush(&a);
    if (status == SPOKE_E_NOT_FOUND) {
        c->desired_version = event->version;
        return;
    }
    c->error =
        client_fault(SPOKE_E_JSON, SPOKE_SOURCE_HUB, 0, "the hub sent desired properties that are not JSON");
    log_line(&c->platform, SPOKE_LOG_ERROR, "client", "desired properties of version %lld are broken JSON",
             (long long)event->version);
}

/* --- what the program says --- */

spoke_status report_enqueue(spoke_client *c, outbox_write_fn write, void *source)
{
    lock_client(c);
    spoke_status status = SPOKE_E_STATE;
    if (c->state != SPOKE_FAILED && c->state != SPOKE_CLOSING)
        status = outbox_add(&c->reports, 0, 0, write, source);
    c->news = true;
    unlock_client(c);
    if (status == SPOKE_OK)
        wake_poller(c);
    return status;
}

struct late_ack {
    const char *component;
    spoke_pnp_property property;
    int64_t version;
    spoke_ack verdict;
};

static spoke_status write_late_ack(void *ctx, spoke_buf *out, size_t *head_bytes)
{
    const struct late_ack *late = ctx;
    spoke_writer w;
    spoke_str text;
    *head_bytes = 0;
    spoke_writer_init(&w, out->ptr, out->cap);
    spoke_write_begin_object(&w);
    spoke_pnp_begin_component(&w, late->component);
    spoke_pnp_ack(&w, late->property.name, late->property.value, late->verdict.code, late->version,
                  late->verdict.text);
    spoke_pnp_end_component(&w, late->component);
    spoke_write_end_object(&w);
    const spoke_status status = spoke_writer_finish(&w, &text);
    out->len = status == SPOKE_OK ? text.len : 0;
    return status;
}

spoke_status spoke_property_ack(spoke_client *client, const char *component, const char *name, spoke_str value,
                                int64_t version, spoke_ack ack)
{
    if (client == NULL || name == NULL || ack.code < 200 || ack.code > 599 || spoke_json_check(value) != SPOKE_OK)
        return SPOKE_E_ARG;
    struct late_ack late = {.component = component,
                            .property = {.name = spoke_str_of(name), .value = value},
                            .version = version,
                            .verdict = ack};
    return report_enqueue(client, write_late_ack, &late);
}
