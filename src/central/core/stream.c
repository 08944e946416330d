/* What happens to devices becomes events of the store's stream here; who reads it is woken here. */
#include <stdlib.h>
#include <string.h>

#include "core_internal.h"

static const char *const log_module = "stream";

/* --- writing --- */

spoke_status core_publish(struct core *c, enum store_event_kind kind, const char *device_id,
                          const char *template_id, const char *component, cJSON *body)
{
    char *text = body != NULL ? cJSON_PrintUnformatted(body) : NULL;
    spoke_status status = body != NULL && text == NULL ? SPOKE_E_NO_MEMORY : core_dirty(c);
    const struct store_event row = {.kind = kind, /* the store only reads the texts */
                                    .at_ms = core_unix_ms(c),
                                    .device_id = (char *)(uintptr_t)device_id,
                                    .template_id = (char *)(uintptr_t)template_id,
                                    .component = (char *)(uintptr_t)component,
                                    .body = text,
                                    .body_len = text != NULL ? strlen(text) : 0};
    cJSON_Delete(body);
    if (status == SPOKE_OK)
        status = store_event_add(c->store, &row);
    if (status != SPOKE_OK &&
        status != SPOKE_E_NOT_FOUND) /* of a device that was deleted there is nothing to tell */
        core_log(c, SPOKE_LOG_ERROR, log_module, "%s: an event was not kept: %s",
                 device_id != NULL     ? device_id
                 : template_id != NULL ? template_id
                                       : core_event_source(kind),
                 spoke_status_text(status));
    cJSON_free(text);
    return status;
}

spoke_status core_publish_properties(struct core *c, enum store_event_kind kind, const char *device_id,
                                     const char *component, const cJSON *properties, bool replace, int64_t version)
{
    cJSON *body = cJSON_CreateObject(), *copy = cJSON_Duplicate(properties, true);
    if (version > 0)
        cJSON_AddNumberToObject(body, "version", (double)version);
    if (replace)
        cJSON_AddTrueToObject(body, "replaced");
    if (body == NULL || copy == NULL || !cJSON_AddItemToObject(body, "properties", copy)) {
        cJSON_Delete(copy);
        cJSON_Delete(body);
        return SPOKE_E_NO_MEMORY;
    }
    return core_publish(c, kind, device_id, NULL, component, body);
}

static bool same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* `before` NULL: the device is new. */
static spoke_status publish_changes(struct core *c, const struct store_device *before,
                                    const struct store_device *now)
{
    const bool changed[] = {
        before == NULL,
        now->provisioned && (before == NULL || !before->provisioned),
        before != NULL && now->enabled && !before->enabled,
        before != NULL && !now->enabled && before->enabled,
        before != NULL && !same(now->display_name, before->display_name),
        before != NULL && !same(now->template_id, before->template_id),
    };
    spoke_status status = SPOKE_OK;
    for (size_t i = 0; i < sizeof changed / sizeof changed[0] && status == SPOKE_OK; i++)
        if (changed[i])
            status = core_publish(c, (enum store_event_kind)(EVENT_DEVICE_REGISTERED + i), now->id,
                                  now->template_id, NULL, NULL);
    return status;
}

spoke_status core_device_put(struct core *c, const struct store_device *row)
{
    struct store_device before;
    spoke_status status = core_dirty(c);
    if (status != SPOKE_OK)
        return status;
    const spoke_status found = store_device_get(c->store, row->id, &before);
    if (found != SPOKE_OK && found != SPOKE_E_NOT_FOUND)
        return found;
    status = store_device_put(c->store, row);
    if (status == SPOKE_OK)
        status = publish_changes(c, found == SPOKE_OK ? &before : NULL, row);
    store_device_free(&before);
    return status;
}

spoke_status core_device_delete(struct core *c, const char *device_id)
{
    struct store_device row;
    spoke_status status = store_device_get(c->store, device_id, &row);
    if (status == SPOKE_OK)
        status = core_dirty(c);
    if (status == SPOKE_OK)
        status = store_device_delete(c->store, device_id);
    clear_wake(c);
    if (status == SPOKE_OK)
        core_device_changed(c, device_id);
    if (status == SPOKE_OK)
        status = core_publish(c, EVENT_DEVICE_DELETED, device_id, row.template_id, NULL, NULL);
    store_device_free(&row);
    return status;
}

/* --- names --- */

#define AUDIT "audit"

static const struct {
    const char *source, *type;
} NAMES[EVENT_KINDS] = {
    [EVENT_TELEMETRY] = {"telemetry", "telemetry"},
    [EVENT_PROPERTY_DESIRED] = {"properties", "devicePropertyDesiredChange"},
    [EVENT_PROPERTY_REPORTED] = {"properties", "devicePropertyReportedChange"},
    [EVENT_PROPERTY_CLOUD] = {"properties", "cloudPropertyChange"},
    [EVENT_CONNECTED] = {"deviceConnectivity", "connected"},
    [EVENT_DISCONNECTED] = {"deviceConnectivity", "disconnected"},
    [EVENT_DEVICE_REGISTERED] = {"deviceLifecycle", "registered"},
    [EVENT_DEVICE_PROVISIONED] = {"deviceLifecycle", "provisioned"},
    [EVENT_DEVICE_ENABLED] = {"deviceLifecycle", "enabled"},
    [EVENT_DEVICE_DISABLED] = {"deviceLifecycle", "disabled"},
    [EVENT_DEVICE_RENAMED] = {"deviceLifecycle", "displayNameChanged"},
    [EVENT_DEVICE_TEMPLATE_CHANGED] = {"deviceLifecycle", "deviceTemplateChanged"},
    [EVENT_DEVICE_DELETED] = {"deviceLifecycle", "deleted"},
    [EVENT_COMMAND_RUN] = {"commands", "commandRun"},
    [EVENT_COMMAND_ANSWERED] = {"commands", "commandAnswered"},
    [EVENT_TEMPLATE_CREATED] = {"deviceTemplateLifecycle", "created"},
    [EVENT_TEMPLATE_UPDATED] = {"deviceTemplateLifecycle", "updated"},
    [EVENT_TEMPLATE_DELETED] = {"deviceTemplateLifecycle", "deleted"},
    [EVENT_FILE_UPLOADED] = {"fileUploads", "fileUploaded"},
    [EVENT_FILE_UPLOAD_FAILED] = {"fileUploads", "fileUploadFailed"},
    [EVENT_AUDIT_CREATED] = {AUDIT, "created"},
    [EVENT_AUDIT_UPDATED] = {AUDIT, "updated"},
    [EVENT_AUDIT_DELETED] = {AUDIT, "deleted"},
};

const char *core_event_source(enum store_event_kind kind)
{
    return kind > 0 && kind < EVENT_KINDS ? NAMES[kind].source : "unknown";
}

const char *core_event_type(enum store_event_kind kind)
{
    return kind > 0 && kind < EVENT_KINDS ? NAMES[kind].type : "unknown";
}

uint64_t core_event_kinds(spoke_str name)
{
    uint64_t bits = 0;
    for (int kind = 1; kind < EVENT_KINDS; kind++) {
        const bool audit = (STORE_EVENT_BIT(kind) & CORE_AUDIT_BITS) != 0;
        if (spoke_str_equal(name, spoke_str_of(NAMES[kind].source)) ||
            (!audit && spoke_str_equal(name, spoke_str_of(NAMES[kind].type))))
            bits |= STORE_EVENT_BIT(kind);
    }
    return bits;
}

/* --- who is woken --- */

void core_listen(struct core *c, struct core_listener *listener)
{
    list_join(&c->listeners, &listener->in_listeners, listener);
}

void core_unlisten(struct core_listener *listener)
{
    list_leave(&listener->in_listeners);
}

static bool log_lost(void *ctx, const struct store_consumer *row)
{
    if (row->lost > 0)
        core_log(ctx, SPOKE_LOG_WARN, log_module,
                 "%s is behind: %lld events went by age or number before it had read them", row->name,
                 (long long)row->lost);
    return true;
}

/* Often would fill a disk with lines. */
static void tell_lost(struct core *c)
{
    if (core_now_ms(c) < c->lost_log_ms || !store_consumers_lost(c->store))
        return;
    c->lost_log_ms = core_now_ms(c) + CORE_LOG_PAUSE_MS;
    (void)store_consumer_each(c->store, log_lost, c);
}

void stream_committed(struct core *c)
{
    const int64_t last = store_event_last(c->store);
    if (last == c->told)
        return;
    c->told = last;
    for (struct list_node *at = c->listeners.first, *next; at != NULL; at = next) {
        struct core_listener *listener = at->owner;
        next = at->next;
        listener->wake(listener->ctx);
    }
    tell_lost(c);
}

/* --- tasks --- */

spoke_status core_task_set(struct core *c, struct core_task *task, uint64_t at)
{
    if (task->timer.place == 0)
        return timers_add(&c->tasks, &task->timer, at, task);
    timers_set(&c->tasks, &task->timer, at);
    return SPOKE_OK;
}

void core_task_remove(struct core *c, struct core_task *task)
{
    timers_remove(&c->tasks, &task->timer);
}

/* One that sets itself due again waits for the next tick. */
void stream_tick(struct core *c)
{
    const uint64_t now = core_now_ms(c);
    struct core_task *task;
    for (size_t left = c->tasks.count; left > 0 && (task = timers_first(&c->tasks, now)) != NULL; left--) {
        timers_set(&c->tasks, &task->timer, UINT64_MAX);
        task->run(task->ctx);
    }
}
