#include "device_http.h"

#include <spoke/proto/hub.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blob_sas.h"
#include "core_internal.h"
#include "refused.h"

#define MAX_BODY_BYTES 65536u
#define MAX_DESCRIPTION_BYTES 1024u

static const char *const log_module = "hub";

enum {
    CODE_NOT_CONFIGURED = 400014,
    CODE_UNKNOWN_UPLOAD = 400015,
    CODE_UPLOAD_EXPIRED = 400016,
    CODE_UPLOADS_UNDER_WAY = 403006,
    CODE_STORAGE = 500001
};

struct exchange {
    struct core *c;
    const struct core_request *request;
    char id[CONN_ID_CAP];
    spoke_str rest; /* of the path, behind the device */
    bool unproven;  /* the credential was not accepted */
    int status;
    cJSON *answer;
    int32_t code; /* with a message: an error */
    const char *message;
};

static void fail(struct exchange *x, int status, int32_t code, const char *message)
{
    x->status = status;
    x->code = code;
    x->message = message;
}

/* --- who asks --- */

static const char *token_fault(struct exchange *x, const struct store_device *device)
{
    char resource[SPOKE_MAX_HOST_BYTES + CONN_ID_CAP + 16];
    uint8_t digest[32];
    struct auth_token token;
    const char *host = device->hub_host != NULL ? device->hub_host : core_hub_host(x->c);
    const int len = snprintf(resource, sizeof resource, "%s/devices/%s", host, device->id);
    if (len < 0 || (size_t)len >= sizeof resource)
        return "the host name is too long";
    enum auth_verdict verdict = auth_token_read(x->c, spoke_str_of(x->request->authorization),
                                                spoke_str_from(resource, (size_t)len), false, &token);
    if (verdict == AUTH_OK && !auth_device_signed(x->c, device, &token, digest))
        verdict = AUTH_WRONG_KEY;
    spoke_wipe(&token, sizeof token);
    return verdict == AUTH_OK ? NULL : auth_verdict_text(verdict);
}

static const char *certificate_fault(struct exchange *x, const struct store_device *device)
{
    struct auth_enrolment found;
    char name[CONN_ID_CAP];
    if (x->request->peer_chain.len == 0)
        return "neither a token nor a client certificate";
    if (!auth_common_name(x->request->peer_chain, name) || strcmp(name, device->id) != 0)
        return "the certificate's common name is not the device id";
    const spoke_status status = auth_certificate(x->c, device, device->group_id, x->request->peer_chain, &found);
    free(found.group_id);
    if (status != SPOKE_OK)
        return spoke_status_text(status);
    return found.proven ? NULL : found.why;
}

static const char *state_fault(const struct store_device *device)
{
    if (!device->enabled)
        return device->approved ? "DEVICE_BLOCKED: the device is blocked" : "the device waits for approval";
    return device->provisioned ? NULL : "the device was never provisioned";
}

/* An unknown device is answered like a wrong key: strangers learn no ids. */
static bool admitted(struct exchange *x)
{
    struct store_device device;
    const char *why = "there is no such device";
    if (store_device_get(x->c->store, x->id, &device) == SPOKE_OK) {
        why = x->request->authorization != NULL ? token_fault(x, &device) : certificate_fault(x, &device);
        const char *state = why == NULL ? state_fault(&device) : NULL;
        if (state != NULL)
            fail(x, 401, CODE_UNAUTHORIZED, state);
        why = why != NULL ? why : state;
        store_device_free(&device);
    }
    if (why == NULL)
        return true;
    x->unproven = x->status == 0;
    if (x->unproven)
        fail(x, 401, CODE_UNAUTHORIZED, "IotHubUnauthorizedAccess: the credential was not accepted");
    core_event(x->c, "http-refused", x->id, NULL, why, CODE_UNAUTHORIZED);
    core_log_stranger(x->c, log_module, "%s: refused over HTTPS: %s", x->id, why);
    return false;
}

/* --- the configuration --- */

struct uploads_config {
    struct blob_account account;
    char container[64];
    int64_t ttl_ms;
};

static bool read_config(const cJSON *document, struct uploads_config *out)
{
    const char *why;
    const char *connection = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(document, "connectionString"));
    const char *container = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(document, "container"));
    const cJSON *ttl = cJSON_GetObjectItemCaseSensitive(document, "sasTtlMs");
    if (connection == NULL || container == NULL || strlen(container) >= sizeof out->container)
        return false;
    memcpy(out->container, container, strlen(container) + 1);
    out->ttl_ms = cJSON_IsNumber(ttl) ? (int64_t)ttl->valuedouble : UPLOADS_TTL_MS;
    return blob_account_read(spoke_str_of(connection), &out->account, &why) == SPOKE_OK;
}

static bool configured(struct exchange *x, struct uploads_config *out)
{
    struct store_document row;
    const spoke_status status = store_document_get(x->c->store, UPLOADS_KIND, UPLOADS_ID, &row);
    cJSON *document = status == SPOKE_OK ? cJSON_Parse(row.json) : NULL;
    const bool good = document != NULL && read_config(document, out);
    cJSON_Delete(document);
    store_document_free(&row);
    if (!good)
        fail(x, 400, CODE_NOT_CONFIGURED, "File upload has no storage: configure it with PUT /api/fileUploads.");
    return good;
}

/* --- beginning --- */

static bool blob_of(struct exchange *x, const cJSON *body, char out[BLOB_NAME_CAP])
{
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(body, "blobName"));
    const int len = name != NULL ? snprintf(out, BLOB_NAME_CAP, "%s/%s", x->id, name) : -1;
    if (len > 0 && (size_t)len < BLOB_NAME_CAP && blob_name_good(spoke_str_of(out)))
        return true;
    fail(x, 400, CODE_ARGUMENT,
         "\"blobName\" has to be a path without empty segments, dots or backslashes, with the "
         "device id before it at most 1024 bytes.");
    return false;
}

static bool has_room(struct exchange *x)
{
    size_t count = 0;
    const spoke_status status = store_upload_open_count(x->c->store, x->id, core_unix_ms(x->c), &count);
    if (status != SPOKE_OK)
        fail(x, 500, CODE_STORAGE, "The service could not read its store.");
    else if (count >= UPLOADS_AT_ONCE)
        fail(
            x, 403, CODE_UPLOADS_UNDER_WAY,
            "Ten uploads of the device are under way: tell how they ended, or wait until their signatures expire.");
    return x->status == 0;
}

static spoke_status note(struct exchange *x, const struct uploads_config *config, const char *id, const char *blob)
{
    char uri[BLOB_HOST_CAP + 64 + BLOB_NAME_CAP + 16];
    const int64_t now = core_unix_ms(x->c);
    (void)snprintf(uri, sizeof uri, "http%s://%s/%s/%s", config->account.plain ? "" : "s", config->account.host,
                   config->container, blob);
    const struct store_upload row = {.id = (char *)(uintptr_t)id,
                                     .device_id = x->id,
                                     .blob_name = (char *)(uintptr_t)blob,
                                     .blob_uri = uri,
                                     .started_ms = now,
                                     .expires_ms = now + config->ttl_ms};
    return store_upload_add(x->c->store, &row);
}

static void begin_upload(struct exchange *x, const struct uploads_config *config, const char *blob)
{
    char id[37], token[BLOB_TOKEN_CAP];
    spoke_buf sas = spoke_buf_from(token, sizeof token - 1);
    struct blob_account account = config->account;
    core_guid(x->c, id);
    const int64_t expires_s = (core_unix_ms(x->c) + config->ttl_ms) / 1000;
    spoke_status status = blob_sas(&account, spoke_str_of(config->container), spoke_str_of(blob), expires_s, &sas);
    spoke_key_wipe(&account.key);
    if (status == SPOKE_OK)
        status = note(x, config, id, blob);
    token[sas.len] = '\0';
    if (status == SPOKE_OK) {
        x->status = 200;
        x->answer = cJSON_CreateObject();
        cJSON_AddStringToObject(x->answer, "correlationId", id);
        cJSON_AddStringToObject(x->answer, "hostName", config->account.host);
        cJSON_AddStringToObject(x->answer, "containerName", config->container);
        cJSON_AddStringToObject(x->answer, "blobName", blob);
        cJSON_AddStringToObject(x->answer, "sasToken", token);
    } else {
        fail(x, 500, CODE_STORAGE, "The service could not keep the upload.");
    }
    spoke_wipe(token, sizeof token);
}

static void take_begin(struct exchange *x, const cJSON *body)
{
    struct uploads_config config;
    char blob[BLOB_NAME_CAP];
    memset(&config, 0, sizeof config);
    if (blob_of(x, body, blob) && configured(x, &config) && has_room(x))
        begin_upload(x, &config, blob);
    spoke_key_wipe(&config.account.key);
}

/* --- ending --- */

const char *upload_state(const struct store_upload *row, int64_t now_ms)
{
    if (row->ended_ms != 0)
        return row->success ? "succeeded" : "failed";
    return row->expires_ms > now_ms ? "pending" : "expired";
}

static cJSON *event_body(const struct store_upload *row)
{
    cJSON *body = cJSON_CreateObject();
    cJSON_AddStringToObject(body, "correlationId", row->id);
    cJSON_AddStringToObject(body, "blobName", row->blob_name);
    cJSON_AddStringToObject(body, "blobUri", row->blob_uri);
    cJSON_AddNumberToObject(body, "statusCode", row->status);
    cJSON_AddStringToObject(body, "statusDescription", row->description != NULL ? row->description : "");
    return body;
}

static spoke_status end_upload(struct exchange *x, struct store_upload *row, const cJSON *body)
{
    const cJSON *status_code = cJSON_GetObjectItemCaseSensitive(body, "statusCode");
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(body, "statusDescription"));
    row->ended_ms = core_unix_ms(x->c);
    row->success = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(body, "isSuccess"));
    row->status = cJSON_IsNumber(status_code) ? status_code->valueint : 0;
    if (text != NULL && !text_set(&row->description, spoke_str_of(text)))
        return SPOKE_E_NO_MEMORY;
    const spoke_status status = store_upload_end(x->c->store, row);
    return status != SPOKE_OK ? status
                              : core_publish(x->c, row->success ? EVENT_FILE_UPLOADED : EVENT_FILE_UPLOAD_FAILED,
                                             x->id, NULL, NULL, event_body(row));
}

static bool notification_good(struct exchange *x, const cJSON *body)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(body, "statusDescription"));
    if (cJSON_IsBool(cJSON_GetObjectItemCaseSensitive(body, "isSuccess")) &&
        (text == NULL || strlen(text) <= MAX_DESCRIPTION_BYTES))
        return true;
    fail(x, 400, CODE_ARGUMENT,
         "\"isSuccess\" has to be true or false, \"statusDescription\" at most 1024 bytes.");
    return false;
}

/* Told twice, since its answer got lost, it counts once. */
static void take_end(struct exchange *x, const char *id, const cJSON *body)
{
    struct store_upload row;
    if (!notification_good(x, body))
        return;
    spoke_status status = id != NULL ? store_upload_get(x->c->store, x->id, id, &row) : SPOKE_E_NOT_FOUND;
    if (status == SPOKE_E_NOT_FOUND) {
        fail(x, 400, CODE_UNKNOWN_UPLOAD, "\"correlationId\" is of no upload of this device.");
        return;
    }
    if (status == SPOKE_OK && row.ended_ms == 0 && row.expires_ms <= core_unix_ms(x->c)) {
        fail(x, 400, CODE_UPLOAD_EXPIRED, "The signature of the upload has expired; begin another one.");
    } else {
        if (status == SPOKE_OK && row.ended_ms == 0)
            status = end_upload(x, &row, body);
        if (status == SPOKE_OK)
            x->status = 204;
        else
            fail(x, 500, CODE_STORAGE, "The service could not keep the upload.");
    }
    store_upload_free(&row);
}

/* --- the request --- */

static void take_post(struct exchange *x, const cJSON *body)
{
    const spoke_str notifications = SPOKE_STR("files/notifications");
    char id[64] = "";
    if (spoke_str_equal(x->rest, SPOKE_STR("files"))) {
        take_begin(x, body);
    } else if (spoke_str_equal(x->rest, notifications)) {
        take_end(x, cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(body, "correlationId")), body);
    } else if (x->rest.len > notifications.len + 1 && x->rest.len - notifications.len <= sizeof id &&
               spoke_str_starts(x->rest, SPOKE_STR("files/notifications/"))) {
        memcpy(id, x->rest.ptr + notifications.len + 1, x->rest.len - notifications.len - 1); /* the older form */
        take_end(x, id, body);
    } else {
        fail(x, 404, 404000, "The hub has no such path.");
    }
}

static void take_request(struct exchange *x)
{
    spoke_str version;
    cJSON *body = NULL;
    if (strcmp(x->request->method, "POST") != 0)
        fail(x, 405, 405000, "Only POST is allowed here.");
    else if (spoke_bag_find(spoke_str_of(x->request->query), "api-version", &version) != SPOKE_OK ||
             version.len == 0)
        fail(x, 400, CODE_ARGUMENT, "api-version is missing.");
    else if (x->request->body.len > MAX_BODY_BYTES)
        fail(x, 413, CODE_TOO_LARGE, "The body has more than 64 KB.");
    else if (!core_parse_json(x->request->body, &body) || !cJSON_IsObject(body))
        fail(x, 400, CODE_ARGUMENT, "The body has to be a JSON object.");
    else
        take_post(x, body);
    cJSON_Delete(body);
}

static void answer(struct exchange *x, core_done_fn done, void *user, uint64_t *ticket)
{
    struct core_response response = {.status = x->status};
    char *text = x->message != NULL  ? core_error_body(x->c, x->code, x->message)
                 : x->answer != NULL ? cJSON_PrintUnformatted(x->answer)
                                     : NULL;
    response.body = spoke_str_of(text);
    if (x->unproven)
        *ticket = refused_answer(x->c, x->request->address, &response, done, user);
    else
        done(user, &response);
    if (text != NULL)
        spoke_wipe(text, strlen(text));
    cJSON_free(text);
    cJSON_Delete(x->answer);
}

static bool split_path(const char *path, struct exchange *x)
{
    spoke_str head, rest, id;
    spoke_str text = spoke_str_of(path);
    if (!spoke_str_starts(text, SPOKE_STR("/devices/")))
        return false;
    text = spoke_str_from(text.ptr + 9, text.len - 9);
    id = text;
    rest = spoke_str_from("", 0);
    if (spoke_str_cut(text, '/', &head, &rest))
        id = head;
    if (core_good_id(id))
        memcpy(x->id, id.ptr, id.len);
    x->rest = rest;
    return true;
}

bool device_http(struct core *c, const struct core_request *request, core_done_fn done, void *user,
                 uint64_t *ticket)
{
    struct exchange x = {.c = c, .request = request};
    if (!split_path(request->path, &x))
        return false;
    if (admitted(&x)) {
        /* what devices sent is committed first: only what is written now shares the fate of the answer */
        (void)core_commit(c);
        if (core_dirty(c) != SPOKE_OK)
            fail(&x, 500, CODE_STORAGE, "The service could not write to its store.");
        else
            take_request(&x);
        if (core_commit(c) != SPOKE_OK) {
            cJSON_Delete(x.answer);
            x.answer = NULL;
            fail(&x, 500, CODE_STORAGE, "The service could not write to its store.");
        }
    }
    answer(&x, done, user, ticket);
    return true;
}
