#include "machine.h"

#include <assert.h>
#include <string.h>

#include <spoke/proto/pnp.h>

#include "base/log.h"

#if SPOKE_WITH_PROPERTIES

/* Writable properties: from a desired document to the handlers, and their verdicts back as one reported patch. */

static bool is_component(void *ctx, spoke_str raw_key)
{
    const spoke_client *c = ctx;
    if (contract_has_component(c, raw_key))
        return true;
    for (size_t i = 0; i < c->config.handler_count; i++) {
        const char *own = c->config.handlers[i].component;
        if (own != NULL && spoke_json_key_is(raw_key, spoke_str_of(own)))
            return true;
    }
    return false;
}

/* --- collecting the acknowledgements of one document in c->scratch --- */

struct acks {
    spoke_client *client;
    int64_t version;
    bool initial;      /* from a snapshot */
    bool only_owed;    /* the version is known: only verdicts that found no room are asked for again */
    size_t unhandled;  /* properties without a handler, so far in the document */
    size_t answered;   /* so many of them were refused before */
    size_t patch_from; /* the first of them that may stand in the patch being written */
    spoke_writer writer;
    spoke_str component; /* open in the patch being written */
    bool component_open, any;
};

static void acks_begin(struct acks *a)
{
    spoke_client *c = a->client;
    a->component_open = a->any = false;
    a->patch_from = a->unhandled > a->answered ? a->unhandled : a->answered;
    const size_t most = c->queue.most[1];
    spoke_writer_init(&a->writer, c->scratch, c->work_bytes < most ? c->work_bytes : most);
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

/* The verdicts in this patch were lost. A change counts its properties otherwise than the snapshot to come. */
static void owe(const struct acks *a, spoke_str patch)
{
    spoke_client *c = a->client;
    const size_t from = a->initial ? a->patch_from : 0;
    if (SPOKE_WITH_CHECKS && a->unhandled > a->patch_from && from < c->unanswered_from)
        c->unanswered_from = from;
    spoke_pnp_cursor at;
    spoke_pnp_property verdict;
    spoke_status status = spoke_pnp_enter(patch, is_component, c, &at);
    while (status == SPOKE_OK && (status = spoke_pnp_next(&at, &verdict)) == SPOKE_OK) {
        const size_t handler = handler_find(c, verdict.component, verdict.name, false);
        if (handler != NO_HANDLER)
            handler_state_put(c, handler, HANDLER_OWED);
    }
}

/* An empty queue has room: then it is the storage that fails, and asking at once would never end. */
static void want_resync(spoke_client *c)
{
    const uint64_t now = now_ms(c);
    c->resync_wanted = true;
    if (queue_reports(&c->queue) == 0 && now >= c->resync_at)
        c->resync_at = now + backoff_next_ms(&c->report_pause, random_u32(c));
}

/* The patch into the queue. Without room the whole twin is asked for again once the queue is empty. Only the
 * handlers whose verdicts were lost are asked then, and an empty queue takes a patch: so it comes to an end. */
static void acks_flush(struct acks *a)
{
    spoke_client *c = a->client;
    spoke_str patch;
    acks_component(a, (spoke_str){NULL, 0});
    spoke_write_end_object(&a->writer);
    if (a->any && spoke_writer_finish(&a->writer, &patch) == SPOKE_OK) {
        const spoke_status status = report_add(c, write_patch, &patch);
        if (status != SPOKE_OK) {
            owe(a, patch);
            want_resync(c);
            log_line(&c->platform, SPOKE_LOG_WARN, "client",
                     "acknowledgements could not be queued (%s): the twin is read again later",
                     spoke_status_name(status));
        }
    }
    acks_begin(a);
}

static bool acks_write(struct acks *a, const spoke_pnp_property *p, spoke_ack verdict)
{
    acks_component(a, p->component);
    spoke_pnp_ack(&a->writer, p->name, p->value, verdict.code, a->version, verdict.text);
    /* two closing brackets must still fit */
    return a->writer.status == SPOKE_OK && a->writer.out.cap - a->writer.out.len >= 2;
}

/* False: not even an empty patch has room for it. */
static bool acks_add(struct acks *a, const spoke_pnp_property *p, spoke_ack verdict)
{
    const struct acks before = *a;
    bool fits = acks_write(a, p, verdict);
    if (!fits && before.any) {
        *a = before;
        acks_flush(a);
        fits = acks_write(a, p, verdict);
    }
    if (fits) {
        a->any = true;
        return true;
    }
    log_line(&a->client->platform, SPOKE_LOG_ERROR, "client",
             "the acknowledgement of '%.*s' does not fit: raise report_bytes and send_bytes", (int)p->name.len,
             p->name.ptr);
    acks_begin(a);
    return false;
}

/* --- calling the handlers --- */

static spoke_ack ask_handler(const struct acks *a, const spoke_handler *handler, const spoke_pnp_property *p)
{
    spoke_client *c = a->client;
    const spoke_property wanted = {.client = c,
                                   .component = spoke_str_of(handler->component),
                                   .name = spoke_str_of(handler->name),
                                   .value = p->value,
                                   .version = a->version,
                                   .initial = a->initial};
    enter_handler(c);
    const spoke_ack verdict = handler->property(&wanted, c->config.user);
    leave_handler(c);
    return verdict.code == 0 ? (spoke_ack){202, verdict.text} : verdict; /* deferred */
}

/* The template has such a property, with those flags. */
static bool modelled(const spoke_client *c, const spoke_pnp_property *p, unsigned flags)
{
    const spoke_member *member = contract_property(c, p->component, p->name);
    return member != NULL && (member->flags & flags) == flags;
}

/* The template speaks before any handler. True: it has refused, and that is written. */
static bool refuse_misfit(struct acks *a, const spoke_pnp_property *p)
{
    spoke_client *c = a->client;
    spoke_fault fault;
    char text[SENTENCE_BYTES];
    if (!contract_checks(c) ||
        spoke_desired_check(c->config.model, p->component, p->name, p->value, &fault) == SPOKE_OK ||
        !contract_misfit(c, &fault))
        return false;
    const bool writable = modelled(c, p, SPOKE_WRITABLE);
    const int code = writable ? 400 : modelled(c, p, 0) ? 405 : 404;
    acks_add(a, p, spoke_reject(code, spoke_fault_text(&fault, text, sizeof text)));
    return true;
}

static void dispatch_to(struct acks *a, size_t handler, const spoke_pnp_property *p)
{
    spoke_client *c = a->client;
    const enum handler_state state = handler_state_get(c, handler);
    if (a->only_owed && state != HANDLER_OWED)
        return;
    if (state == HANDLER_OWED)
        handler_state_put(c, handler, HANDLER_SET);
    if (refuse_misfit(a, p))
        return;
    handler_state_put(c, handler, spoke_json_type(p->value) != 'n' ? HANDLER_SET : HANDLER_UNSET);
    const spoke_ack verdict = ask_handler(a, &c->config.handlers[handler], p);
    settings_took(c, handler, p->value, verdict.code);
    acks_add(a, p, verdict);
}

static void dispatch_gone(struct acks *a, size_t handler)
{
    const spoke_handler *h = &a->client->config.handlers[handler];
    const spoke_pnp_property gone = {
        .component = spoke_str_of(h->component), .name = spoke_str_of(h->name), .value = SPOKE_STR("null")};
    dispatch_to(a, handler, &gone);
}

/* null for a component takes back all that was set in it. */
static void dispatch_component_gone(struct acks *a, spoke_str component)
{
    const spoke_config *config = &a->client->config;
    for (size_t i = 0; i < config->handler_count; i++) {
        const spoke_str own = spoke_str_of(config->handlers[i].component);
        if (handler_state_get(a->client, i) != HANDLER_UNSET && own.len > 0 && spoke_json_key_is(component, own))
            dispatch_gone(a, i);
    }
}

static void refuse_unhandled(struct acks *a, const spoke_pnp_property *p)
{
    spoke_client *c = a->client;
    if (modelled(c, p, SPOKE_WRITABLE))
        acks_add(a, p, spoke_reject(501, "this firmware has no handler for the property"));
    else if (spoke_json_type(p->value) != 'n' && !refuse_misfit(a, p))
        log_line(&c->platform, SPOKE_LOG_WARN, "client", "a desired property without a handler was ignored: %.*s",
                 (int)p->name.len, p->name.ptr);
}

static void dispatch_unhandled(struct acks *a, const spoke_pnp_property *p)
{
    if (a->unhandled >= a->answered)
        refuse_unhandled(a, p);
    if (SPOKE_WITH_CHECKS) /* else none is refused */
        a->unhandled++;
}

static void dispatch(struct acks *a, const spoke_pnp_property *p)
{
    spoke_client *c = a->client;
    const size_t handler = handler_find(c, p->component, p->name, false);
    const bool removed = spoke_json_type(p->value) == 'n';
    if (handler != NO_HANDLER)
        dispatch_to(a, handler, p);
    else if (removed && p->component.len == 0 && is_component(c, p->name))
        dispatch_component_gone(a, p->name);
    else
        dispatch_unhandled(a, p);
}

/* A snapshot is whole: what was set before and is absent now has been removed meanwhile. */
static void dispatch_absent(struct acks *a, spoke_str document)
{
    const spoke_config *config = &a->client->config;
    for (size_t i = 0; i < config->handler_count; i++) {
        const spoke_handler *h = &config->handlers[i];
        spoke_str section = document, value;
        if (handler_state_get(a->client, i) == HANDLER_UNSET)
            continue;
        if (spoke_str_of(h->component).len > 0 && spoke_json_find(document, h->component, &section) != SPOKE_OK)
            section = SPOKE_STR("{}");
        if (spoke_json_find(section, h->name, &value) != SPOKE_OK)
            dispatch_gone(a, i);
    }
}

void properties_event(spoke_client *c, const spoke_twin_event *event)
{
    const bool snapshot = event->kind == SPOKE_TWIN_SNAPSHOT;
    const bool only_owed = snapshot && event->version == c->desired_version;
    struct acks a = {.client = c,
                     .version = event->version,
                     .initial = snapshot,
                     .only_owed = only_owed,
                     .answered = SPOKE_WITH_CHECKS && only_owed ? c->unanswered_from : 0};
    spoke_pnp_cursor at;
    spoke_pnp_property property;
    if (snapshot)
        c->unanswered_from = SIZE_MAX;
    acks_begin(&a);
    spoke_status status = spoke_pnp_enter(event->desired, is_component, c, &at);
    while (status == SPOKE_OK && (status = spoke_pnp_next(&at, &property)) == SPOKE_OK)
        dispatch(&a, &property);
    assert(status == SPOKE_E_NOT_FOUND); /* its end: proto/twin tells whole JSON objects only */
    if (snapshot)
        dispatch_absent(&a, event->desired);
    acks_flush(&a);
    c->desired_version = event->version;
    COUNT(c, desired, !only_owed);
    settings_save(c, event->version);
}

/* --- what the program says --- */

spoke_status report_add(spoke_client *c, queue_write_fn write, void *source)
{
    const struct queue_message m = {.lane = QUEUE_REPORTS};
    const spoke_status status = queue_add(&c->queue, now_ms(c), &m, write, source);
    COUNT(c, reports, status == SPOKE_OK);
    return status;
}

spoke_status report_enqueue(spoke_client *c, queue_write_fn write, void *source)
{
    lock_client(c);
    spoke_status status = SPOKE_E_STATE;
    if (c->state != SPOKE_FAILED && c->state != SPOKE_CLOSING)
        status = report_add(c, write, source);
    c->news = true;
    unlock_and_wake(c, status == SPOKE_OK);
    return status;
}

#if SPOKE_WITH_DEFER

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
    return status == SPOKE_E_JSON ? SPOKE_E_ARG : status; /* the value was checked: the name cannot be a key */
}

spoke_status spoke_property_ack(spoke_client *client, const char *component, const char *name, spoke_str value,
                                int64_t version, spoke_ack ack)
{
    if (client == NULL || name == NULL || ack.code < 200 || ack.code > 599 || spoke_json_check(value) != SPOKE_OK)
        return SPOKE_E_ARG;
    const spoke_field field = spoke_json(name, value);
    if (contract_fields(client, SPOKE_PROPERTY, component, &field, 1) != SPOKE_OK)
        return SPOKE_E_MODEL;
    struct late_ack late = {.component = component,
                            .property = {.name = spoke_str_of(name), .value = value},
                            .version = version,
                            .verdict = ack};
    settings_late(client, component, name, value, version, ack.code);
    return report_enqueue(client, write_late_ack, &late);
}

#endif

#endif
