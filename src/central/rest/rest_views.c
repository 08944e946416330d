/* Views of device templates: what the page of a device shows in its tabs. A view belongs to one template, and is kept
 * as a document of the kind "view " and that template's id. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/core/core_internal.h"
#include "central/core/template_doc.h"
#include "rest_tiles.h"

#define MAX_VIEWS 20u /* of a template */
#define MAX_NAMES 200 /* of a view; each is looked up whenever it is shown */
#define MAX_ORDER 1000
#define MAX_BYTES 65536u /* of a body */
#define KIND_CAP (TEMPLATE_ID_CAP + 8u)

static void kind_of(const char *template_id, char out[KIND_CAP])
{
    (void)snprintf(out, KIND_CAP, "view %s", template_id);
}

/* --- the names of a view, held against its template --- */

struct named {
    const char *text;
    bool is_property, is_command; /* neither: telemetry */
};

/* "motor.speed" is the speed of the component motor. */
static bool has(const struct template_table *t, const struct named *named)
{
    const char *dot = strchr(named->text, '.');
    const spoke_str component = spoke_str_from(named->text, dot != NULL ? (size_t)(dot - named->text) : 0);
    const spoke_str name = spoke_str_of(dot != NULL ? dot + 1 : named->text);
    if (named->is_command)
        return template_is_command(t, component, name);
    if (named->is_property)
        return template_is_property(t, component, name) || template_is_cloud(t, component, name);
    return template_is_telemetry(t, component, name);
}

/* Calls `each` for every name of the tiles, until it says false. */
static bool each_name(const cJSON *document, bool (*each)(void *ctx, const struct named *named), void *ctx)
{
    const cJSON *tile = NULL, *item = NULL;
    cJSON_ArrayForEach(tile, cJSON_GetObjectItemCaseSensitive(document, "tiles"))
    {
        const cJSON *of = cJSON_GetObjectItemCaseSensitive(tile, "configuration");
        const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(of, "type"));
        const char *command = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(of, "command"));
        const bool is_property = strcmp(type, "property") == 0 || strcmp(type, "mapProperty") == 0;
        if (command != NULL && !each(ctx, &(struct named){.text = command, .is_command = true}))
            return false;
        cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(of, "capabilities"))
        {
            const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "capability"));
            if (!each(ctx, &(struct named){.text = text, .is_property = is_property}))
                return false;
        }
    }
    return true;
}

/* --- showing --- */

struct missing {
    const struct template_table *table;
    cJSON *names;
};

static bool add_missing(void *ctx, const struct named *named)
{
    struct missing *m = ctx;
    if (!has(m->table, named) && !rest_in_list(m->names, named->text))
        cJSON_AddItemToArray(m->names, cJSON_CreateString(named->text));
    return true;
}

/* "missing": what the view names and the template, changed since or a later version, does not have. */
static void show(struct rest_call *call, cJSON *document)
{
    struct missing m = {.table = core_template(call->core, call->args[0])};
    if (m.table == NULL)
        return;
    m.names = cJSON_AddArrayToObject(document, "missing");
    (void)each_name(document, add_missing, &m);
    if (cJSON_GetArraySize(m.names) == 0)
        cJSON_DeleteItemFromObjectCaseSensitive(document, "missing");
}

/* --- checking --- */

struct checking {
    struct rest_call *call;
    const struct template_table *table;
    const cJSON *before; /* the view that is there; NULL: none */
    int count;
};

struct sought {
    const struct named *named;
    bool found;
};

static bool is_other(void *ctx, const struct named *named)
{
    struct sought *s = ctx;
    s->found = strcmp(s->named->text, named->text) == 0 && s->named->is_property == named->is_property &&
               s->named->is_command == named->is_command;
    return !s->found;
}

/* What was in the view before may stay: a template that lost it should not bar every other change. */
static bool check_name(void *ctx, const struct named *named)
{
    struct checking *c = ctx;
    struct sought sought = {named, false};
    if (++c->count > MAX_NAMES)
        return rest_refuse_body(c->call, "The tiles of a view name at most 200 capabilities.");
    if (has(c->table, named) || !each_name(c->before, is_other, &sought))
        return true;
    rest_fail(&c->call->reply, 400, "InvalidBody", "The template has no %s \"%.100s\", which \"tiles\" name.",
              named->is_command    ? "command"
              : named->is_property ? "property"
                                   : "telemetry",
              named->text);
    return false;
}

static bool names_good(struct rest_call *call, const cJSON *document, const cJSON *before)
{
    struct checking c = {call, core_template(call->core, call->args[0]), before, 0};
    if (c.table == NULL) {
        rest_fail_internal(&call->reply, SPOKE_E_NO_MEMORY); /* it was there a moment ago */
        return false;
    }
    return each_name(document, check_name, &c);
}

/* Where none is said, a view stays where it was, and a new one comes last. */
static bool add_order(struct rest_call *call, cJSON *document, const cJSON *before)
{
    char kind[KIND_CAP];
    size_t count = 0;
    kind_of(call->args[0], kind);
    const spoke_status status =
        before == NULL ? store_document_count(core_store(call->core), kind, &count) : SPOKE_OK;
    const cJSON *old = cJSON_GetObjectItemCaseSensitive(before, "order");
    cJSON_AddNumberToObject(document, "order", old != NULL ? old->valuedouble : (double)count);
    if (status != SPOKE_OK)
        rest_fail_internal(&call->reply, status);
    return status == SPOKE_OK;
}

static bool check(struct rest_call *call, cJSON *document, const cJSON *before)
{
    const cJSON *name = NULL, *kind = NULL, *order = NULL, *tiles = NULL;
    const struct rest_member members[] = {{"displayName", REST_TEXT, false, &name},
                                          {"kind", REST_TEXT, false, &kind},
                                          {"order", REST_NUMBER, false, &order},
                                          {"tiles", REST_ARRAY, false, &tiles}};
    cJSON_DeleteItemFromObjectCaseSensitive(document, "missing"); /* as it was shown */
    if (!rest_members(call, document, "a view", members, 4))
        return false;
    if (name == NULL || name->valuestring[0] == '\0' || strlen(name->valuestring) > REST_TILE_NAME)
        return rest_refuse_body(call, "\"displayName\" of a view has to have 1 to 200 bytes.");
    const bool is_form = kind != NULL && strcmp(kind->valuestring, "form") == 0;
    if (kind != NULL && !is_form && strcmp(kind->valuestring, "dashboard") != 0)
        return rest_refuse_body(call, "\"kind\" of a view is \"dashboard\" or \"form\".");
    if (order != NULL && !(order->valuedouble >= 0 && order->valuedouble <= MAX_ORDER &&
                           order->valuedouble == (double)order->valueint))
        return rest_refuse_body(call, "\"order\" of a view is a whole number from 0 to 1000.");
    if (!rest_tiles_good(call, tiles, is_form ? REST_TILES_OF_FORM : REST_TILES_OF_VIEW) ||
        !names_good(call, document, before))
        return false;
    if (kind == NULL)
        cJSON_AddStringToObject(document, "kind", "dashboard");
    if (tiles == NULL)
        (void)cJSON_AddArrayToObject(document, "tiles");
    return order != NULL || add_order(call, document, before);
}

/* --- the handlers --- */

static bool id_good(const char *id)
{
    return rest_id_good(id, "-_.:;", 128);
}

typedef void (*entity_fn)(struct rest_call *call, const struct rest_entity *e);

static void with_views(struct rest_call *call, entity_fn handle)
{
    char kind[KIND_CAP];
    const struct rest_entity views = {
        .kind = kind,
        .place = 1,
        .name = "View",
        .owner = "A device template",
        .id_good = id_good,
        .id_rule = "A view's id has 1 to 128 letters, digits, '-', '_', '.', ':' or ';', such as \"overview\".",
        .most = MAX_VIEWS,
        .check = check,
        .show = show};
    kind_of(call->args[0], kind);
    if (core_template(call->core, call->args[0]) == NULL)
        rest_fail(&call->reply, 404, "NotFound", "Device template %.256s does not exist.", call->args[0]);
    else if (call->request->body.len > MAX_BYTES)
        rest_fail(&call->reply, 413, "PayloadTooLarge", "A view has at most %u bytes.", MAX_BYTES);
    else
        handle(call, &views);
}

void rest_views_list(struct rest_call *call)
{
    with_views(call, rest_entity_list);
}

void rest_view_get(struct rest_call *call)
{
    with_views(call, rest_entity_get);
}

void rest_view_put(struct rest_call *call)
{
    with_views(call, rest_entity_put);
}

void rest_view_patch(struct rest_call *call)
{
    with_views(call, rest_entity_patch);
}

void rest_view_delete(struct rest_call *call)
{
    with_views(call, rest_entity_delete);
}

/* --- with the template --- */

/* The number behind the ';' of a DTMI; 0: none, or not one number. */
static unsigned long version_of(const char *id)
{
    const char *digits = strrchr(id, ';');
    char *end = NULL;
    const unsigned long version = digits != NULL ? strtoul(digits + 1, &end, 10) : 0;
    return digits != NULL && *end == '\0' ? version : 0;
}

struct versions {
    unsigned long below, best;
    char id[TEMPLATE_ID_CAP];
};

static bool take_nearest(void *ctx, const char *id)
{
    struct versions *v = ctx;
    const unsigned long version = version_of(id);
    if (version > v->best && version < v->below) {
        v->best = version;
        (void)snprintf(v->id, sizeof v->id, "%s", id);
    }
    return true;
}

spoke_status rest_views_inherit(struct core *c, const char *template_id)
{
    struct versions versions = {.below = version_of(template_id)};
    char stem[TEMPLATE_ID_CAP], from[KIND_CAP], to[KIND_CAP];
    if (versions.below == 0)
        return SPOKE_OK;
    const int len = (int)(strrchr(template_id, ';') + 1 - template_id);
    (void)snprintf(stem, sizeof stem, "%.*s", len, template_id);
    const spoke_status status = store_template_versions(core_store(c), stem, take_nearest, &versions);
    if (status != SPOKE_OK || versions.best == 0)
        return status;
    kind_of(versions.id, from);
    kind_of(template_id, to);
    return store_documents_copy(core_store(c), from, to);
}

spoke_status rest_views_forget(struct core *c, const char *template_id)
{
    char kind[KIND_CAP];
    kind_of(template_id, kind);
    return store_documents_delete(core_store(c), kind);
}
