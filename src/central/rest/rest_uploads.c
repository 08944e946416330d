/* File upload: where the files go, and what devices have uploaded. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/core/blob_sas.h"
#include "central/core/core_internal.h"
#include "central/core/device_http.h"
#include "central/core/json_tree.h"
#include "ql.h"
#include "rest_entity.h"

#define HOUR_MS INT64_C(3600000)
#define MAX_TTL_MS (24 * HOUR_MS)
#define HIDDEN "*****" /* in place of the account's key */

/* --- the configuration, of which there is one --- */

static bool gives_access(spoke_str name)
{
    return spoke_str_equal_nocase(name, SPOKE_STR("AccountKey")) ||
           spoke_str_equal_nocase(name, SPOKE_STR("SharedAccessSignature"));
}

/* Each field as it is, but "AccountKey=*****", on the heap: the key lets everybody write everywhere. */
static char *hide_key(const char *connection)
{
    spoke_str rest = spoke_str_of(connection), field, name, value;
    const size_t cap = (sizeof HIDDEN) * (rest.len + 1); /* a field has two bytes at least, with its ';' */
    char *text = calloc(1, cap);
    spoke_buf out = spoke_buf_from(text, text != NULL ? cap - 1 : 0);
    spoke_status status = text != NULL ? SPOKE_OK : SPOKE_E_NO_MEMORY;
    for (bool more = true; more && status == SPOKE_OK;) {
        spoke_str tail = {NULL, 0};
        more = spoke_str_cut(rest, ';', &field, &tail);
        rest = tail;
        const bool hidden = spoke_str_cut(field, '=', &name, &value) && gives_access(name);
        status = spoke_buf_append(&out, hidden ? spoke_str_from(name.ptr, name.len + 1) : field);
        if (status == SPOKE_OK && hidden)
            status = spoke_buf_append(&out, SPOKE_STR(HIDDEN));
        if (status == SPOKE_OK && more)
            status = spoke_buf_append_byte(&out, ';');
    }
    if (status == SPOKE_OK)
        return text;
    free(text);
    return NULL;
}

static void replace_text(cJSON *document, const char *name, const char *text)
{
    cJSON_DeleteItemFromObjectCaseSensitive(document, name);
    cJSON_AddStringToObject(document, name, text);
}

static void show_config(struct rest_call *call, cJSON *document)
{
    cJSON *connection = cJSON_GetObjectItemCaseSensitive(document, "connectionString");
    char *hidden = cJSON_IsString(connection) ? hide_key(connection->valuestring) : NULL;
    (void)call;
    cJSON_DeleteItemFromObjectCaseSensitive(document, "sasTtlMs");
    if (connection != NULL)
        spoke_wipe(connection->valuestring, strlen(connection->valuestring));
    replace_text(document, "connectionString", hidden != NULL ? hidden : "");
    cJSON_AddStringToObject(document, "state", "succeeded");
    free(hidden);
}

/* What was shown comes back as it was: the key that is there stays. */
static bool keep_key(struct rest_call *call, cJSON *document, const cJSON *before)
{
    const char *wanted = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(document, "connectionString"));
    const char *present = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(before, "connectionString"));
    if (wanted == NULL || strcasestr(wanted, "AccountKey=" HIDDEN) == NULL)
        return true;
    char *hidden = present != NULL ? hide_key(present) : NULL;
    const bool same = hidden != NULL && strcmp(hidden, wanted) == 0;
    free(hidden);
    if (same)
        replace_text(document, "connectionString", present);
    else
        rest_fail(
            &call->reply, 400, "InvalidBody",
            "\"connectionString\" of file upload has a hidden key and is another one than before: give the key.");
    return same;
}

struct config_body {
    const cJSON *account, *connection, *container, *ttl;
};

static bool connection_good(struct rest_call *call, cJSON *document, const struct config_body *body)
{
    struct blob_account account;
    const char *why = NULL;
    const spoke_status status = blob_account_read(spoke_str_of(body->connection->valuestring), &account, &why);
    spoke_key_wipe(&account.key);
    if (status != SPOKE_OK)
        rest_fail(&call->reply, 400, "InvalidBody", "\"connectionString\" of file upload: %s.", why);
    else if (body->account != NULL && strcmp(body->account->valuestring, account.name) != 0)
        rest_fail(&call->reply, 400, "InvalidBody",
                  "\"account\" of file upload is not that of the connection string.");
    else if (body->account == NULL)
        cJSON_AddStringToObject(document, "account", account.name);
    return call->reply.status == 0;
}

static bool ttl_good(struct rest_call *call, cJSON *document, const cJSON *ttl)
{
    int64_t ms = UPLOADS_TTL_MS;
    if (ttl != NULL && (!ql_duration(spoke_str_of(ttl->valuestring), &ms) || ms < HOUR_MS || ms > MAX_TTL_MS)) {
        rest_fail(&call->reply, 400, "InvalidBody", "\"sasTtl\" of file upload has to be from PT1H to PT24H.");
        return false;
    }
    if (ttl == NULL)
        cJSON_AddStringToObject(document, "sasTtl", "PT1H");
    cJSON_AddNumberToObject(document, "sasTtlMs", (double)ms);
    return true;
}

static bool check_config(struct rest_call *call, cJSON *document, const cJSON *before)
{
    struct config_body body;
    const struct rest_member members[] = {{"account", REST_TEXT, false, &body.account},
                                          {"connectionString", REST_TEXT, false, &body.connection},
                                          {"container", REST_TEXT, false, &body.container},
                                          {"sasTtl", REST_TEXT, false, &body.ttl}};
    cJSON_DeleteItemFromObjectCaseSensitive(document, "state");    /* of an answer */
    cJSON_DeleteItemFromObjectCaseSensitive(document, "sasTtlMs"); /* made anew of sasTtl */
    if (!keep_key(call, document, before) || !rest_members(call, document, "file upload", members, 4))
        return false;
    if (body.connection == NULL || body.container == NULL)
        rest_fail(&call->reply, 400, "InvalidBody",
                  "\"connectionString\" and \"container\" of file upload are needed.");
    else if (!blob_container_good(spoke_str_of(body.container->valuestring)))
        rest_fail(&call->reply, 400, "InvalidBody",
                  "\"container\" of file upload has 3 to 63 lower-case letters, digits and single dashes.");
    return call->reply.status == 0 && connection_good(call, document, &body) && ttl_good(call, document, body.ttl);
}

static bool id_good(const char *id)
{
    return strcmp(id, UPLOADS_ID) == 0;
}

static const struct rest_entity CONFIG = {.kind = UPLOADS_KIND,
                                          .name = "File upload",
                                          .id_good = id_good,
                                          .id_rule = "There is one configuration.",
                                          .check = check_config,
                                          .show = show_config};

/* There is no id in the path. */
static void named(struct rest_call *call, void (*handler)(struct rest_call *call, const struct rest_entity *e))
{
    call->args[0] = UPLOADS_ID;
    handler(call, &CONFIG);
    if (call->reply.status == 404)
        rest_fail(&call->reply, 404, "NotFound", "There is no storage for files yet; a PUT says where they go.");
    if (call->reply.code == NULL)
        cJSON_DeleteItemFromObjectCaseSensitive(call->reply.body, "id");
}

void rest_uploads_get(struct rest_call *call)
{
    named(call, rest_entity_get);
}

void rest_uploads_put(struct rest_call *call)
{
    named(call, rest_entity_put);
}

void rest_uploads_patch(struct rest_call *call)
{
    named(call, rest_entity_patch);
}

void rest_uploads_delete(struct rest_call *call)
{
    named(call, rest_entity_delete);
}

/* --- what was uploaded --- */

cJSON *rest_upload_json(const struct core *c, const struct store_upload *row)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "correlationId", row->id);
    cJSON_AddStringToObject(object, "deviceId", row->device_id);
    cJSON_AddStringToObject(object, "blobName", row->blob_name);
    cJSON_AddStringToObject(object, "blobUri", row->blob_uri);
    cJSON_AddStringToObject(object, "state", upload_state(row, core_unix_ms(c)));
    json_add_time(object, "startTime", row->started_ms);
    if (row->ended_ms != 0)
        json_add_time(object, "endTime", row->ended_ms);
    if (row->ended_ms != 0)
        cJSON_AddNumberToObject(object, "statusCode", row->status);
    if (row->description != NULL)
        cJSON_AddStringToObject(object, "statusDescription", row->description);
    return object;
}

struct file_list {
    struct rest_page page;
    struct core *core;
};

static bool add_file(void *ctx, const struct store_upload *row)
{
    struct file_list *list = ctx;
    char key[24];
    (void)snprintf(key, sizeof key, "%lld", (long long)row->seq);
    return rest_page_add(&list->page, rest_upload_json(list->core, row), key);
}

/* Newest first. */
void rest_device_files(struct rest_call *call)
{
    struct file_list list = {.core = call->core};
    if (!rest_device_exists(call) || !rest_page_begin(call, &list.page))
        return;
    const int64_t before = list.page.after != NULL ? strtoll(list.page.after, NULL, 10) : 0;
    const spoke_status status =
        store_upload_each(core_store(call->core), call->args[0], before, list.page.limit + 1, add_file, &list);
    rest_page_end(call, &list.page, status);
}
