/* Device templates. A PUT takes IoT Central's form, a plain interface, or an array of interfaces; what is kept and
 * shown is the first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/core/core_internal.h"
#include "central/core/json_tree.h"
#include "central/core/template_doc.h"
#include "rest.h"
#include "rest_filter.h"

#define MAX_NAME 512u
#define MAX_TEMPLATES 1000u
#define MAX_PAGE_BYTES (4u * 1024u * 1024u) /* of a list; what is beyond comes with the next page */
#define WHY_CAP 400u

/* --- GET --- */

/* The stored text with its etag in front, as a raw item. */
static cJSON *template_json(const struct store_template *row)
{
    char etag[REST_ETAG_CAP], *text = NULL;
    rest_etag_text(row->etag, etag); /* "5" with its quotes, which JSON wants escaped */
    const int len =
        asprintf(&text, "{\"etag\":\"\\\"%.*s\\\"\",%s", (int)strlen(etag) - 2, etag + 1, row->json + 1);
    cJSON *item = len < 0 ? NULL : cJSON_CreateRaw(text);
    if (len >= 0)
        free(text);
    return item;
}

struct listing {
    struct rest_page page;
    size_t bytes;
};

static const struct filter_field FIELDS[] = {{"id", false}, {"displayName", false}};

static bool field_value(void *ctx, unsigned field, size_t index, struct filter_value *out)
{
    const struct store_template *row = ctx;
    out->text = spoke_str_of(field == 0 ? row->id : row->name);
    return index == 0;
}

static bool add_to_page(void *ctx, const struct store_template *row)
{
    struct listing *list = ctx;
    if (list->page.filter != NULL && !filter_matches(list->page.filter, field_value, (void *)(uintptr_t)row))
        return rest_page_pass(&list->page, row->id, row->name);
    list->bytes += strlen(row->json);
    if (list->bytes > MAX_PAGE_BYTES && list->page.count > 0)
        list->page.limit = list->page.count;
    return rest_page_add_named(&list->page, template_json(row), row->id, row->name);
}

void rest_templates_list(struct rest_call *call)
{
    struct listing list = {.bytes = 0};
    if (!rest_page_begin(call, &list.page) ||
        !rest_page_sort(call, &list.page, FIELDS, sizeof FIELDS / sizeof FIELDS[0]))
        return;
    const struct store_place place = rest_page_place(&list.page);
    const spoke_status status = store_template_list(core_store(call->core), &place, add_to_page, &list);
    rest_page_end(call, &list.page, status);
}

/* False, with a reply: there is no such template. */
static bool get_template(struct rest_call *call, struct store_template *out)
{
    const spoke_status status = store_template_get(core_store(call->core), call->args[0], out);
    if (status == SPOKE_E_NOT_FOUND)
        rest_fail(&call->reply, 404, "NotFound", "Device template %.256s does not exist.", call->args[0]);
    else if (status != SPOKE_OK)
        rest_fail_internal(&call->reply, status);
    return status == SPOKE_OK;
}

void rest_template_get(struct rest_call *call)
{
    struct store_template row;
    if (!get_template(call, &row))
        return;
    cJSON *body = template_json(&row);
    if (body != NULL)
        rest_ok(&call->reply, 200, body);
    else
        rest_fail_internal(&call->reply, SPOKE_E_NO_MEMORY);
    store_template_free(&row);
}

/* --- reading a body --- */

static void fail_report(struct rest_call *call, spoke_status status, struct template_report *report)
{
    if (status == SPOKE_E_MODEL) {
        rest_fail(&call->reply, 400, "InvalidBody", "The template is not accepted.");
        call->reply.text = report->text;
        call->reply.issues = report->issues;
        memset(report, 0, sizeof *report);
    } else if (status == SPOKE_E_TOO_LARGE || status == SPOKE_E_NO_MEMORY) {
        rest_fail(&call->reply, 413, "PayloadTooLarge",
                  "The template needs more memory than a template may have.");
    } else {
        rest_fail_internal(&call->reply, status);
    }
}

/* False, with a reply that lists what is wrong. */
static bool judged_well(struct rest_call *call, spoke_str text)
{
    struct template_report report;
    const spoke_status status = template_judge(text, &report);
    if (status != SPOKE_OK)
        fail_report(call, status, &report);
    template_report_free(&report);
    return status == SPOKE_OK;
}

static bool read_tree(struct rest_call *call, cJSON **out)
{
    size_t at = 0;
    const spoke_status status = json_tree_read(call->request->body, out, &at);
    if (status == SPOKE_E_JSON)
        rest_fail(&call->reply, 400, "InvalidBody",
                  "The body is not JSON, or has a NUL character (\\u0000); the trouble is at byte %zu.", at);
    else if (status == SPOKE_E_TOO_LARGE)
        rest_fail(&call->reply, 400, "InvalidBody", "The body is nested more than %u levels deep, at byte %zu.",
                  JSON_TREE_DEPTH, at);
    else if (status != SPOKE_OK)
        rest_fail_internal(&call->reply, status);
    return status == SPOKE_OK;
}

/* Takes the etag out of the tree and holds it, or If-Match, against the present one. */
static bool etag_matches(struct rest_call *call, cJSON *tree, int64_t present)
{
    cJSON *etag = cJSON_DetachItemFromObjectCaseSensitive(tree, "etag");
    bool matches = etag == NULL || cJSON_IsString(etag);
    if (!matches)
        rest_fail(&call->reply, 400, "InvalidBody", "\"etag\" of a device template has to be a string.");
    matches = matches && rest_etag_matches(call, etag, present);
    cJSON_Delete(etag);
    return matches;
}

/* Lists show it and are sorted by it. In DTDL a name may be an object of one for each language. */
static bool name_good(struct rest_call *call, const cJSON *tree)
{
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(tree, "displayName"), *item = NULL;
    bool good = name == NULL || cJSON_IsObject(name) ||
                (cJSON_IsString(name) && rest_characters(name->valuestring) <= MAX_NAME);
    cJSON_ArrayForEach(item, name)
    {
        good = good && cJSON_IsString(item) && rest_characters(item->valuestring) <= MAX_NAME;
    }
    if (!good)
        rest_fail(&call->reply, 400, "InvalidBody",
                  "\"displayName\" of a device template has to be a string of at most %u characters.", MAX_NAME);
    return good;
}

static bool make_form(struct rest_call *call, cJSON **tree)
{
    char why[WHY_CAP] = "";
    const spoke_status status = template_doc_make(tree, call->args[0], why, sizeof why);
    if (status == SPOKE_E_MODEL)
        rest_fail(&call->reply, 400, "InvalidBody", "The template is not accepted: %s.", why);
    else if (status != SPOKE_OK)
        rest_fail_internal(&call->reply, status);
    return status == SPOKE_OK && name_good(call, *tree);
}

/* --- storing --- */

static bool room_for_one(struct rest_call *call)
{
    size_t count = 0;
    const spoke_status status = store_template_count(core_store(call->core), &count);
    if (status != SPOKE_OK)
        rest_fail_internal(&call->reply, status);
    else if (count >= MAX_TEMPLATES)
        rest_fail(&call->reply, 422, "UnprocessableEntity", "An application has at most %u device templates.",
                  MAX_TEMPLATES);
    return call->reply.status == 0;
}

/* False, with a reply: another template has this model. */
static bool model_free(struct rest_call *call, const char *model_id)
{
    char *other = NULL;
    const spoke_status status = store_template_of_model(core_store(call->core), model_id, &other);
    if (status == SPOKE_OK && strcmp(other, call->args[0]) != 0)
        rest_fail(&call->reply, 409, "Conflict", "The template %.128s has the model %.128s already.", other,
                  model_id);
    else if (status != SPOKE_OK && status != SPOKE_E_NOT_FOUND)
        rest_fail_internal(&call->reply, status);
    free(other);
    return call->reply.status == 0;
}

struct adoption {
    struct core *core;
    const char *template_id;
    spoke_status status;
};

static bool publish_one(void *ctx, const char *device_id)
{
    struct adoption *a = ctx;
    a->status = core_publish(a->core, EVENT_DEVICE_TEMPLATE_CHANGED, device_id, a->template_id, NULL, NULL);
    return a->status == SPOKE_OK;
}

/* Of each device that is about to get it. */
static spoke_status publish_adoption(struct core *c, const struct store_template *row)
{
    struct adoption a = {c, row->id, SPOKE_OK};
    const spoke_status status = store_template_waiting(core_store(c), row->model_id, publish_one, &a);
    return status == SPOKE_OK ? a.status : status;
}

static void adopt(struct rest_call *call, const struct store_template *row)
{
    size_t count = 0;
    spoke_status status = publish_adoption(call->core, row);
    if (status == SPOKE_OK)
        status = store_template_adopt(core_store(call->core), row->id, row->model_id, &count);
    core_template_changed(call->core, row->id);
    if (status != SPOKE_OK)
        rest_fail_internal(&call->reply, status);
    else if (count > 0)
        core_log(call->core, SPOKE_LOG_INFO, "template", "%s: %zu devices of its model have it now", row->id,
                 count);
}

/* What will be looked things up in has to be made of the stored text once, before it is stored. */
static bool compiles(struct rest_call *call, const struct store_template *row)
{
    struct template_table *t = NULL;
    struct template_report report;
    spoke_status status = template_compile(spoke_str_of(row->json), row->model_id, &t);
    template_free(t);
    if (status == SPOKE_OK)
        return true;
    if (status == SPOKE_E_MODEL) {
        /* joined, the interfaces break a rule that they kept one by one; or the model is not an interface */
        status = template_judge(spoke_str_of(row->json), &report);
        if (status == SPOKE_OK)
            rest_fail(&call->reply, 400, "InvalidBody", "capabilityModel is not an interface.");
        else
            fail_report(call, status, &report);
        template_report_free(&report);
    } else if (status == SPOKE_E_TOO_LARGE) {
        rest_fail(
            &call->reply, 422, "UnprocessableEntity",
            "The template keeps the rules, but is too large to hold messages to it: an enum has more than "
            "1000 values, an object more than 1000 fields, or there are more levels than this service counts.");
    } else {
        rest_fail_internal(&call->reply, status);
    }
    return false;
}

static void save(struct rest_call *call, const cJSON *tree, bool is_new)
{
    char *json = cJSON_PrintUnformatted(tree);
    const struct store_template row = {.id = (char *)(uintptr_t)call->args[0],
                                       .model_id = (char *)(uintptr_t)template_doc_model_id(tree),
                                       .json = json,
                                       .etag = core_unix_ms(call->core)};
    if (json == NULL)
        rest_fail_internal(&call->reply, SPOKE_E_NO_MEMORY);
    else if (compiles(call, &row) && model_free(call, row.model_id) && (!is_new || room_for_one(call))) {
        spoke_status status = store_template_put(core_store(call->core), &row);
        if (status == SPOKE_OK)
            status = core_publish(call->core, is_new ? EVENT_TEMPLATE_CREATED : EVENT_TEMPLATE_UPDATED, NULL,
                                  row.id, NULL, NULL);
        if (status == SPOKE_OK && is_new)
            status = rest_views_inherit(call->core, row.id);
        call->created = is_new;
        if (status == SPOKE_OK)
            adopt(call, &row);
        else
            rest_fail_internal(&call->reply, status);
    }
    cJSON_free(json);
    if (call->reply.status == 0)
        rest_template_get(call);
}

/* --- PUT, PATCH, DELETE --- */

static bool id_good(struct rest_call *call)
{
    const bool good = template_id_good(call->args[0]);
    if (!good)
        rest_fail(&call->reply, 400, "InvalidRequest",
                  "A template's id is a DTMI of at most %u characters, \"dtmi:...;1\".", TEMPLATE_ID_CAP - 1);
    return good;
}

void rest_template_put(struct rest_call *call)
{
    struct store_template row;
    cJSON *tree = NULL;
    if (!id_good(call) || !judged_well(call, call->request->body) || !read_tree(call, &tree))
        return;
    const spoke_status status = store_template_get(core_store(call->core), call->args[0], &row);
    if (status != SPOKE_OK && status != SPOKE_E_NOT_FOUND)
        rest_fail_internal(&call->reply, status);
    else if (etag_matches(call, tree, row.etag) && make_form(call, &tree))
        save(call, tree, status == SPOKE_E_NOT_FOUND);
    store_template_free(&row);
    cJSON_Delete(tree);
}

static bool merge(struct rest_call *call, cJSON *tree, const cJSON *patch)
{
    const spoke_status status = json_tree_merge(tree, patch);
    if (status == SPOKE_E_TOO_LARGE)
        rest_fail(&call->reply, 413, "PayloadTooLarge",
                  "A patch has at most 1000 members; PUT the whole template.");
    else if (status != SPOKE_OK)
        rest_fail_internal(&call->reply, status);
    return status == SPOKE_OK;
}

static void apply_patch(struct rest_call *call, const struct store_template *row, const cJSON *patch)
{
    cJSON *tree = NULL;
    char *json = NULL;
    spoke_status status = json_tree_read(spoke_str_of(row->json), &tree, NULL);
    if (status != SPOKE_OK) {
        rest_fail_internal(&call->reply, status);
    } else if (merge(call, tree, patch) && make_form(call, &tree)) {
        json = cJSON_PrintUnformatted(tree);
        if (json == NULL)
            rest_fail_internal(&call->reply, SPOKE_E_NO_MEMORY);
        else if (judged_well(call, spoke_str_of(json)))
            save(call, tree, false);
    }
    cJSON_free(json);
    cJSON_Delete(tree);
}

void rest_template_patch(struct rest_call *call)
{
    struct store_template row;
    cJSON *patch = NULL;
    if (!get_template(call, &row))
        return;
    if (read_tree(call, &patch) && etag_matches(call, patch, row.etag)) {
        if (cJSON_IsObject(patch))
            apply_patch(call, &row, patch);
        else
            rest_fail(&call->reply, 400, "InvalidBody", "A patch has to be a JSON object.");
    }
    cJSON_Delete(patch);
    store_template_free(&row);
}

void rest_template_delete(struct rest_call *call)
{
    struct store_template row;
    size_t users = 0;
    if (!get_template(call, &row))
        return;
    spoke_status status = store_template_users(core_store(call->core), row.id, &users);
    if (status == SPOKE_OK && users > 0) {
        rest_fail(&call->reply, 409, "Conflict",
                  "%zu device%s this template; give %s another one, or none, or delete %s first.", users,
                  users == 1 ? " has" : "s have", users == 1 ? "it" : "them", users == 1 ? "it" : "them");
    } else if (status == SPOKE_OK && rest_etag_matches(call, NULL, row.etag)) {
        status = store_template_delete(core_store(call->core), row.id);
        if (status == SPOKE_OK)
            status = rest_views_forget(call->core, row.id);
        if (status == SPOKE_OK)
            status = core_publish(call->core, EVENT_TEMPLATE_DELETED, NULL, row.id, NULL, NULL);
        core_template_changed(call->core, row.id);
        if (status == SPOKE_OK)
            rest_ok(&call->reply, 204, NULL);
    }
    if (status != SPOKE_OK)
        rest_fail_internal(&call->reply, status);
    store_template_free(&row);
}
