/* Properties as people see them: the reported values, and beside them in $metadata what was desired and how the
 * device acknowledged it. Made from the twin; a member marked "__t": "c" is a component. */
#include <stdlib.h>
#include <string.h>

#include "central/core/core_internal.h"
#include "central/core/twin_doc.h"
#include "rest.h"

#define MARK "__t"

struct twin_view {
    const struct template_table *t; /* NULL: the device has none */
    cJSON *desired, *reported, *desired_meta, *reported_meta;
};

static void view_free(struct twin_view *view)
{
    cJSON_Delete(view->desired);
    cJSON_Delete(view->reported);
    cJSON_Delete(view->desired_meta);
    cJSON_Delete(view->reported_meta);
    memset(view, 0, sizeof *view);
}

/* False, with a reply: no such device. A device without a twin has empty sections. */
static bool view_read(struct rest_call *call, struct twin_view *out)
{
    struct store_twin row;
    memset(out, 0, sizeof *out);
    if (!rest_device_template(call, &out->t))
        return false;
    const spoke_status status = store_twin_get(core_store(call->core), call->args[0], &row);
    if (status != SPOKE_OK && status != SPOKE_E_NOT_FOUND) {
        rest_fail_internal(&call->reply, status);
        return false;
    }
    out->desired = twin_doc_open(row.desired);
    out->reported = twin_doc_open(row.reported);
    out->desired_meta = twin_doc_open(row.desired_meta);
    out->reported_meta = twin_doc_open(row.reported_meta);
    store_twin_free(&row);
    return true;
}

static const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static bool is_marked(const cJSON *object)
{
    const cJSON *mark = member(object, MARK);
    return cJSON_IsObject(object) && cJSON_IsString(mark) && strcmp(mark->valuestring, "c") == 0;
}

static bool is_component(const struct twin_view *view, const char *name)
{
    return (view->t != NULL && template_has_component(view->t, spoke_str_of(name))) ||
           is_marked(member(view->reported, name)) || is_marked(member(view->desired, name));
}

/* {"value":..., "ac":..., "av":...}: what a device answers to a writable property. */
static bool is_acknowledgement(const cJSON *item)
{
    return cJSON_IsObject(item) && member(item, "value") != NULL && cJSON_IsNumber(member(item, "ac")) &&
           cJSON_IsNumber(member(item, "av"));
}

static void add_copy(cJSON *object, const char *name, const cJSON *item)
{
    if (item != NULL)
        cJSON_AddItemToObject(object, name, cJSON_Duplicate(item, true));
}

/* --- one level: the root, or a component --- */

struct level {
    const struct template_table *t;
    const char *component; /* "": the root */
    const cJSON *desired, *reported, *desired_meta, *reported_meta;
};

static struct level component_level(const struct twin_view *view, const char *name)
{
    return (struct level){view->t,
                          name,
                          member(view->desired, name),
                          member(view->reported, name),
                          member(view->desired_meta, name),
                          member(view->reported_meta, name)};
}

static void add_fit(cJSON *metadata, const struct level *level, const char *name, const cJSON *reported)
{
    char why[TEMPLATE_WHY_CAP];
    char *json = cJSON_PrintUnformatted(reported);
    if (json != NULL)
        rest_add_fit(metadata,
                     template_reported(level->t, spoke_str_of(level->component), spoke_str_of(name),
                                       spoke_str_of(json), why),
                     why);
    cJSON_free(json);
}

static cJSON *property_metadata(const struct level *level, const char *name)
{
    cJSON *metadata = cJSON_CreateObject();
    const cJSON *reported = member(level->reported, name), *desired = member(level->desired, name);
    if (desired != NULL) {
        add_copy(metadata, "desiredValue", desired);
        add_copy(metadata, "desiredVersion", member(member(level->desired_meta, name), "$lastUpdatedVersion"));
    }
    if (reported != NULL)
        add_copy(metadata, "lastUpdateTime", member(member(level->reported_meta, name), "$lastUpdated"));
    if (is_acknowledgement(reported)) {
        add_copy(metadata, "ackVersion", member(reported, "av"));
        add_copy(metadata, "ackCode", member(reported, "ac"));
        add_copy(metadata, "ackDescription", member(reported, "ad"));
    }
    if (level->t != NULL && reported != NULL)
        add_fit(metadata, level, name, reported);
    return metadata;
}

static void add_property(cJSON *out, cJSON *metadata, const struct level *level, const char *name)
{
    const cJSON *reported = member(level->reported, name);
    if (strcmp(name, MARK) == 0 || member(metadata, name) != NULL)
        return; /* a desired name that was reported too */
    if (reported != NULL)
        add_copy(out, name, is_acknowledgement(reported) ? member(reported, "value") : reported);
    cJSON_AddItemToObject(metadata, name, property_metadata(level, name));
}

/* `view` is given for the root, whose components are left to the caller. */
static cJSON *level_json(const struct level *level, const struct twin_view *view)
{
    cJSON *out = cJSON_CreateObject(), *metadata = cJSON_CreateObject();
    const cJSON *const sections[] = {level->reported, level->desired};
    for (size_t i = 0; i < 2; i++) {
        const cJSON *item = NULL;
        cJSON_ArrayForEach(item, sections[i])
        {
            if (view == NULL || !is_component(view, item->string))
                add_property(out, metadata, level, item->string);
        }
    }
    cJSON_AddItemToObject(out, "$metadata", metadata);
    return out;
}

/* Calls `add` once for each component, those of the reported section first. */
static void each_component(const struct twin_view *view,
                           void (*add)(cJSON *, const struct twin_view *, const char *), cJSON *out)
{
    const cJSON *const sections[] = {view->reported, view->desired};
    for (size_t i = 0; i < 2; i++) {
        const cJSON *item = NULL;
        cJSON_ArrayForEach(item, sections[i])
        {
            if (is_component(view, item->string) && (i == 0 || member(view->reported, item->string) == NULL))
                add(out, view, item->string);
        }
    }
}

static void add_component(cJSON *out, const struct twin_view *view, const char *name)
{
    const struct level level = component_level(view, name);
    cJSON_AddItemToObject(out, name, level_json(&level, NULL));
}

static void add_component_name(cJSON *out, const struct twin_view *view, const char *name)
{
    (void)view;
    cJSON_AddItemToArray(out, cJSON_CreateString(name));
}

/* Those of the template of which the twin has nothing. */
static void add_silent_components(const struct twin_view *view, cJSON *list)
{
    const char *name;
    for (size_t i = 0; view->t != NULL && (name = template_component(view->t, i)) != NULL; i++) {
        if (member(view->reported, name) == NULL && member(view->desired, name) == NULL)
            add_component_name(list, view, name);
    }
}

void rest_properties_get(struct rest_call *call)
{
    struct twin_view view;
    if (!view_read(call, &view))
        return;
    const struct level root = {view.t, "", view.desired, view.reported, view.desired_meta, view.reported_meta};
    cJSON *body = level_json(&root, &view);
    each_component(&view, add_component, body);
    rest_cloud_show(call, "", body);
    rest_ok(&call->reply, 200, body);
    view_free(&view);
}

/* The next of `names` behind `after`, in order of bytes; NULL: there is no more. */
static const char *next_name(const cJSON *names, const char *after)
{
    const cJSON *item = NULL;
    const char *found = NULL;
    cJSON_ArrayForEach(item, names)
    {
        if ((after == NULL || strcmp(item->valuestring, after) > 0) &&
            (found == NULL || strcmp(item->valuestring, found) < 0))
            found = item->valuestring;
    }
    return found;
}

void rest_components_list(struct rest_call *call)
{
    struct twin_view view;
    struct rest_page page;
    bool more = true;
    if (!view_read(call, &view))
        return;
    if (rest_page_begin(call, &page)) {
        cJSON *names = cJSON_CreateArray();
        each_component(&view, add_component_name, names);
        add_silent_components(&view, names);
        for (const char *name = page.after; more && (name = next_name(names, name)) != NULL;) {
            cJSON *item = cJSON_CreateObject();
            cJSON_AddStringToObject(item, "@type", "Component");
            cJSON_AddStringToObject(item, "name", name);
            more = rest_page_add(&page, item, name);
        }
        cJSON_Delete(names);
        rest_page_end(call, &page, SPOKE_OK);
    }
    view_free(&view);
}

void rest_component_properties_get(struct rest_call *call)
{
    struct twin_view view;
    if (!view_read(call, &view))
        return;
    if (is_component(&view, call->args[1])) {
        const struct level level = component_level(&view, call->args[1]);
        cJSON *body = level_json(&level, NULL);
        rest_cloud_show(call, call->args[1], body);
        rest_ok(&call->reply, 200, body);
    } else {
        rest_fail(&call->reply, 404, "NotFound", "Device %.128s has no component %.128s.", call->args[0],
                  call->args[1]);
    }
    view_free(&view);
}

/* --- PUT and PATCH --- */

/* {"setpoint": 1} as {"$metadata": {"setpoint": {"desiredValue": 1}}}. */
static cJSON *desired_json(const cJSON *values)
{
    cJSON *out = cJSON_CreateObject(), *metadata = cJSON_AddObjectToObject(out, "$metadata");
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, values)
    {
        if (is_marked(item))
            cJSON_AddItemToObject(out, item->string, desired_json(item)); /* a component has no components */
        else if (strcmp(item->string, MARK) != 0)
            add_copy(cJSON_AddObjectToObject(metadata, item->string), "desiredValue", item);
    }
    return out;
}

/* Sends the change to the twin; the reply shows `values`. */
static void change(struct rest_call *call, const cJSON *patch, bool replace, const cJSON *values)
{
    char why[200] = "";
    int64_t version = 0;
    spoke_status status = SPOKE_OK;
    if (patch->child != NULL || replace)
        status = core_desired_patch(call->core, call->args[0], patch, replace, &version, why, sizeof why);
    if (status == SPOKE_OK)
        rest_ok(&call->reply, 202, desired_json(values));
    else if (status == SPOKE_E_TOO_LARGE)
        rest_fail(&call->reply, 422, "UnprocessableEntity", "%s.", why);
    else if (status == SPOKE_E_ARG)
        rest_fail(&call->reply, 400, "InvalidBody", "%s.", why);
    else
        rest_fail_internal(&call->reply, status);
}

static bool no_metadata(struct rest_call *call)
{
    if (member(call->body, "$metadata") == NULL)
        return true;
    rest_fail(&call->reply, 400, "InvalidBody", "\"$metadata\" is read-only; leave it out.");
    return false;
}

static bool refuse(void *ctx, const struct misfit *misfit)
{
    struct rest_call *call = ctx;
    if (misfit->fit == TEMPLATE_WRONG_TYPE)
        rest_fail(&call->reply, 400, "InvalidBody", "Device %.128s: %s.", call->args[0], misfit->why);
    else
        rest_fail(&call->reply, 422, "UnprocessableEntity", "Device %.128s: %s.", call->args[0], misfit->why);
    return false;
}

/* Nothing leaves that the template would not let the device take. False, with a reply. */
static bool patch_fits(struct rest_call *call, const struct template_table *t, const char *component)
{
    if (t == NULL)
        return true;
    if (component[0] != '\0' && !template_has_component(t, spoke_str_of(component))) {
        rest_fail(&call->reply, 404, "NotFound", "Device %.128s has no component %.128s.", call->args[0],
                  component);
        return false;
    }
    misfits_of_patch(t, spoke_str_of(component), call->request->body, true, refuse, call);
    return call->reply.status == 0;
}

static void mark(cJSON *component)
{
    if (!is_marked(component)) {
        cJSON_DeleteItemFromObjectCaseSensitive(component, MARK);
        cJSON_AddStringToObject(component, MARK, "c");
    }
}

/* Takes `cloud`, what the service keeps for itself; `patch` is for the twin. The reply shows both. Neither is changed when
 * the other cannot be. */
static void change_both(struct rest_call *call, const char *component, const cJSON *patch, cJSON *cloud,
                        bool replace)
{
    char *merged = NULL;
    if (rest_cloud_merge(call, component, cloud, replace, &merged))
        change(call, patch, replace && component[0] == '\0', call->body);
    const bool kept = call->reply.code == NULL && rest_cloud_keep(call, component, cloud, replace, merged);
    for (const cJSON *item = kept ? cloud->child : NULL; item != NULL; item = item->next)
        add_copy(call->reply.body, item->string, item);
    cJSON_free(merged);
    cJSON_Delete(cloud);
}

/* What is known to be a component travels with its mark; the asker need not know about marks. */
static void change_root(struct rest_call *call, bool replace)
{
    struct twin_view view;
    if (!no_metadata(call) || !view_read(call, &view))
        return;
    if (patch_fits(call, view.t, "")) {
        cJSON *cloud = rest_cloud_take(view.t, "", call->body);
        cJSON *item = NULL;
        cJSON_ArrayForEach(item, call->body)
        {
            if (cJSON_IsObject(item) && is_component(&view, item->string))
                mark(item);
        }
        change_both(call, "", call->body, cloud, replace);
    }
    view_free(&view);
}

void rest_properties_put(struct rest_call *call)
{
    change_root(call, true);
}

void rest_properties_patch(struct rest_call *call)
{
    change_root(call, false);
}

/* A replacement of one component is a merge that deletes what is left out. */
static void delete_absent(cJSON *patch, const cJSON *present)
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, present)
    {
        if (member(patch, item->string) == NULL)
            cJSON_AddNullToObject(patch, item->string);
    }
}

static void change_component(struct rest_call *call, bool replace)
{
    struct twin_view view;
    if (!no_metadata(call) || !view_read(call, &view))
        return;
    if (!patch_fits(call, view.t, call->args[1])) {
        view_free(&view);
        return;
    }
    cJSON *cloud = rest_cloud_take(view.t, call->args[1], call->body);
    cJSON *patch = cJSON_CreateObject(), *component = cJSON_Duplicate(call->body, true);
    const bool empty = call->body->child == NULL;
    mark(component);
    if (replace)
        delete_absent(component, member(view.desired, call->args[1]));
    if (!empty || replace)
        cJSON_AddItemToObject(patch, call->args[1], component);
    else
        cJSON_Delete(component);
    change_both(call, call->args[1], patch, cloud, replace);
    cJSON_Delete(patch);
    view_free(&view);
}

void rest_component_properties_put(struct rest_call *call)
{
    change_component(call, true);
}

void rest_component_properties_patch(struct rest_call *call)
{
    change_component(call, false);
}
