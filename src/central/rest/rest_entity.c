#include "rest_entity.h"

#include <stdlib.h>
#include <string.h>

#include "central/core/core_internal.h"
#include "central/core/json_tree.h"

#define MAX_PAGE_BYTES (256u * 1024u) /* of documents, which are parsed to be shown: some milliseconds */

bool rest_id_good(const char *id, const char *more, size_t most)
{
    const size_t len = strlen(id);
    for (size_t i = 0; i < len; i++) {
        const char ch = id[i];
        const bool letter = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9');
        if (!letter && strchr(more, ch) == NULL)
            return false;
    }
    return len > 0 && len <= most;
}

/* --- showing --- */

static const char *id_of(const struct rest_call *call, const struct rest_entity *e)
{
    return call->args[e->place];
}

cJSON *rest_entity_json(struct rest_call *call, const struct rest_entity *e, const struct store_document *row)
{
    cJSON *document = cJSON_Parse(row->json);
    cJSON *body = cJSON_CreateObject();
    if (document != NULL && e->show != NULL)
        e->show(call, document);
    cJSON_AddStringToObject(body, "id", row->id);
    rest_add_etag(body, row->etag);
    for (cJSON *item; document != NULL && (item = cJSON_DetachItemFromArray(document, 0)) != NULL;)
        cJSON_AddItemToObject(body, item->string, item);
    if (row->organizations != NULL && e->belongs == NULL)
        cJSON_AddItemToObject(body, "organizations", rest_raw(row->organizations));
    if (document == NULL) { /* what was stored had been printed from a tree: there is no memory */
        cJSON_Delete(body);
        return NULL;
    }
    cJSON_Delete(document);
    return body;
}

static bool visible(struct rest_call *call, const struct rest_entity *e, const struct store_document *row)
{
    if (e->belongs != NULL)
        return rest_sees_all(call, row->organizations);
    return !e->organized || rest_sees(call, row->organizations);
}

struct listing {
    struct rest_call *call;
    const struct rest_entity *entity;
    struct rest_page page;
    size_t bytes;
};

static bool add_to_page(void *ctx, const struct store_document *row)
{
    struct listing *list = ctx;
    if (!visible(list->call, list->entity, row))
        return rest_page_pass(&list->page, row->id, NULL);
    list->bytes += strlen(row->json);
    if (list->bytes > MAX_PAGE_BYTES && list->page.count > 0)
        list->page.limit = list->page.count; /* what is beyond comes with the next page */
    return rest_page_add(&list->page, rest_entity_json(list->call, list->entity, row), row->id) &&
           rest_page_goes_on(&list->page, list->call->looked);
}

void rest_entity_list(struct rest_call *call, const struct rest_entity *e)
{
    struct listing list = {.call = call, .entity = e};
    if (!rest_page_begin(call, &list.page))
        return;
    const spoke_status status =
        store_document_each(core_store(call->core), e->kind, list.page.after, INT32_MAX, add_to_page, &list);
    rest_page_end(call, &list.page, status);
}

bool rest_entity_find(struct rest_call *call, const struct rest_entity *e, struct store_document *out)
{
    spoke_status status = store_document_get(core_store(call->core), e->kind, id_of(call, e), out);
    if (status == SPOKE_OK && !visible(call, e, out)) {
        store_document_free(out);
        status = SPOKE_E_NOT_FOUND;
    }
    if (status == SPOKE_E_NOT_FOUND)
        rest_fail(&call->reply, 404, "NotFound", "%s %.256s does not exist.", e->name, id_of(call, e));
    else if (status != SPOKE_OK)
        rest_fail_internal(&call->reply, status);
    return status == SPOKE_OK;
}

static void show(struct rest_call *call, const struct rest_entity *e, const struct store_document *row)
{
    cJSON *body = rest_entity_json(call, e, row);
    if (body != NULL)
        rest_ok(&call->reply, 200, body);
    else
        rest_fail_internal(&call->reply, SPOKE_E_NO_MEMORY);
}

void rest_entity_get(struct rest_call *call, const struct rest_entity *e)
{
    struct store_document row;
    if (!rest_entity_find(call, e, &row))
        return;
    show(call, e, &row);
    store_document_free(&row);
}

/* --- PUT and PATCH --- */

/* Takes what is not the document's out of the body. False, with a reply. */
static bool take_head(struct rest_call *call, const struct rest_entity *e, cJSON *body, int64_t present,
                      cJSON **organizations)
{
    cJSON *id = cJSON_DetachItemFromObjectCaseSensitive(body, "id");
    cJSON *etag = cJSON_DetachItemFromObjectCaseSensitive(body, "etag");
    *organizations =
        e->organized && e->belongs == NULL ? cJSON_DetachItemFromObjectCaseSensitive(body, "organizations") : NULL;
    if (id != NULL && (!cJSON_IsString(id) || strcmp(id->valuestring, id_of(call, e)) != 0))
        rest_fail(&call->reply, 400, "InvalidBody", "\"id\" differs from the path's; leave it out.");
    else if (etag != NULL && !cJSON_IsString(etag))
        rest_fail(&call->reply, 400, "InvalidBody", "\"etag\" has to be a string.");
    else
        (void)rest_etag_matches(call, etag, present);
    cJSON_Delete(id);
    cJSON_Delete(etag);
    return call->reply.status == 0;
}

static bool room_for_one(struct rest_call *call, const struct rest_entity *e)
{
    size_t count = 0;
    const spoke_status status = store_document_count(core_store(call->core), e->kind, &count);
    if (status != SPOKE_OK)
        rest_fail_internal(&call->reply, status);
    else if (e->most > 0 && count >= e->most)
        rest_fail(&call->reply, 422, "UnprocessableEntity",
                  "%s has at most %zu of these; delete one that is not needed.",
                  e->owner != NULL ? e->owner : "An application", e->most);
    return call->reply.status == 0;
}

static bool settle(struct rest_call *call, const struct rest_entity *e, struct store_document *row,
                   const cJSON *document, const cJSON *organizations, bool merge)
{
    if (e->belongs == NULL)
        return rest_organizations(call, organizations, merge, &row->organizations);
    free(row->organizations);
    row->organizations = e->belongs(id_of(call, e), document);
    return true;
}

/* What was stored just now: its maker may look at it, whatever it saw before. */
static void show_saved(struct rest_call *call, const struct rest_entity *e)
{
    struct store_document row;
    const spoke_status status = store_document_get(core_store(call->core), e->kind, id_of(call, e), &row);
    if (status == SPOKE_OK)
        show(call, e, &row);
    else
        rest_fail_internal(&call->reply, status);
    store_document_free(&row);
}

/* Takes the tree. row: what is there; its id is NULL when nothing is. */
static void save(struct rest_call *call, const struct rest_entity *e, struct store_document *row, cJSON *document,
                 const cJSON *organizations, bool merge)
{
    cJSON *before = row->id != NULL ? cJSON_Parse(row->json) : NULL;
    const bool good = (before != NULL || room_for_one(call, e)) && e->check(call, document, before) &&
                      settle(call, e, row, document, organizations, merge) &&
                      (e->allowed == NULL || e->allowed(call, document, row->organizations));
    cJSON_Delete(before);
    const spoke_status status =
        good ? core_document_put(call->core, e->kind, id_of(call, e), document, row->organizations) : SPOKE_OK;
    cJSON_Delete(document);
    if (!good)
        return;
    if (status != SPOKE_OK)
        rest_fail_internal(&call->reply, status);
    else
        show_saved(call, e);
    call->created = row->id == NULL;
}

/* Takes the body as the document, which a handler has no other use for. */
static cJSON *take_body(struct rest_call *call)
{
    cJSON *body = call->body;
    call->body = NULL;
    return body;
}

void rest_entity_put(struct rest_call *call, const struct rest_entity *e)
{
    struct store_document row;
    cJSON *organizations = NULL;
    const spoke_status status = store_document_get(core_store(call->core), e->kind, id_of(call, e), &row);
    if (status != SPOKE_OK && status != SPOKE_E_NOT_FOUND)
        rest_fail_internal(&call->reply, status);
    else if (status == SPOKE_OK && !visible(call, e, &row))
        rest_fail(&call->reply, 404, "NotFound", "%s %.256s does not exist.", e->name, id_of(call, e));
    else if (status == SPOKE_E_NOT_FOUND && !e->id_good(id_of(call, e)))
        rest_fail(&call->reply, 400, "InvalidRequest", "%s", e->id_rule);
    else if (take_head(call, e, call->body, row.etag, &organizations))
        save(call, e, &row, take_body(call), organizations, false);
    cJSON_Delete(organizations);
    store_document_free(&row);
}

void rest_entity_patch(struct rest_call *call, const struct rest_entity *e)
{
    struct store_document row;
    cJSON *organizations = NULL;
    if (!rest_entity_find(call, e, &row))
        return;
    if (take_head(call, e, call->body, row.etag, &organizations)) {
        cJSON *document = cJSON_Parse(row.json);
        const spoke_status status = document != NULL ? json_tree_merge(document, call->body) : SPOKE_E_NO_MEMORY;
        if (status == SPOKE_OK) {
            save(call, e, &row, document, organizations, true);
        } else {
            cJSON_Delete(document);
            if (status == SPOKE_E_TOO_LARGE)
                rest_fail(&call->reply, 413, "PayloadTooLarge", "A patch has at most 1000 members.");
            else
                rest_fail_internal(&call->reply, status);
        }
    }
    cJSON_Delete(organizations);
    store_document_free(&row);
}

void rest_entity_delete(struct rest_call *call, const struct rest_entity *e)
{
    struct store_document row;
    if (!rest_entity_find(call, e, &row))
        return;
    cJSON *document = cJSON_Parse(row.json);
    if (rest_etag_matches(call, NULL, row.etag) && (!e->organized || rest_may_delete(call, row.organizations)) &&
        (e->may_go == NULL || e->may_go(call, document))) {
        const spoke_status status = store_document_delete(core_store(call->core), e->kind, row.id);
        if (status == SPOKE_OK)
            rest_ok(&call->reply, 204, NULL);
        else
            rest_fail_internal(&call->reply, status);
    }
    cJSON_Delete(document);
    store_document_free(&row);
}
