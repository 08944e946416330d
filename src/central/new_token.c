#include "new_token.h"

#include <errno.h>
#include <spoke/platform.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/secret.h"
#include "central/rest/api_token.h"
#include "central/rest/rest_caller.h"
#include "central/store/store.h"
#include "data_dir.h"

static spoke_status complain(char *why, size_t cap, spoke_status status, const char *text)
{
    (void)snprintf(why, cap, "%s", text);
    return status;
}

/* Where a service would make a store, nothing is made: it would belong to whoever asks here. */
static spoke_status open_store(const char *data_dir, struct store **out, char *why, size_t cap)
{
    const struct data_dir dir = {data_dir_path(data_dir), -1, false};
    char *path = dir.path != NULL ? data_dir_file(&dir, "central.db") : NULL;
    spoke_status status = SPOKE_OK;
    if (path == NULL)
        status =
            complain(why, cap, SPOKE_E_PORT, "there is no home folder to look in; name the data with --data-dir");
    else if (access(path, F_OK) != 0) {
        (void)snprintf(why, cap, "there is no store in %s (%s); start the service with this folder first",
                       dir.path, strerror(errno));
        status = SPOKE_E_PORT;
    } else
        status = store_open_beside(path, out, why, cap);
    free(path);
    free(dir.path);
    return status;
}

/* As long as the cloud makes its keys. */
static spoke_status make_signature(char *out, size_t cap)
{
    const spoke_platform *machine = spoke_platform_posix();
    uint8_t bytes[64];
    spoke_buf buf = spoke_buf_from(out, cap - 1);
    spoke_status status = machine->random(machine->ctx, bytes, sizeof bytes);
    if (status == SPOKE_OK)
        status = base64_encode(spoke_str_from((const char *)bytes, sizeof bytes), &buf);
    out[buf.len] = '\0';
    spoke_wipe(bytes, sizeof bytes);
    return status;
}

static spoke_status check_free(struct store *store, const char *name, char *why, size_t cap)
{
    struct store_document row;
    size_t count = 0;
    spoke_status status = store_document_get(store, "apiToken", name, &row);
    if (status == SPOKE_OK) {
        store_document_free(&row);
        return complain(why, cap, SPOKE_E_ARG, "there is an API token of this name; take another one");
    }
    status = status == SPOKE_E_NOT_FOUND ? store_document_count(store, "apiToken", &count) : status;
    if (status == SPOKE_OK && count >= REST_MOST_TOKENS)
        return complain(why, cap, SPOKE_E_PORT, "there are as many API tokens as the service keeps; delete some");
    return status;
}

static spoke_status keep(struct store *store, const char *name, const cJSON *document)
{
    char *json = cJSON_PrintUnformatted(document);
    const struct store_document row = {
        .kind = (char[]){"apiToken"}, .id = (char *)(uintptr_t)name, .json = json, .etag = 1};
    const spoke_status status = json != NULL ? store_document_put(store, &row) : SPOKE_E_NO_MEMORY;
    cJSON_free(json);
    return status;
}

static spoke_status issue(struct store *store, const char *name, char **token)
{
    char sig[96] = "", *application_id = NULL;
    cJSON *document = cJSON_CreateObject();
    cJSON *role = cJSON_CreateObject();
    cJSON_AddStringToObject(role, "role", REST_ADMINISTRATOR);
    cJSON_AddItemToArray(cJSON_AddArrayToObject(document, "roles"), role);
    spoke_status status = store_setting_get(store, "application_id", &application_id);
    if (status == SPOKE_OK)
        status = make_signature(sig, sizeof sig);
    if (status == SPOKE_OK)
        status = api_token_issue(application_id, sig, name, (int64_t)time(NULL) * 1000 + REST_TOKEN_LIFE_MS,
                                 document, token);
    if (status == SPOKE_OK)
        status = keep(store, name, document);
    spoke_wipe(sig, sizeof sig);
    free(application_id);
    cJSON_Delete(document);
    return status;
}

spoke_status new_token_make(const char *data_dir, const char *name, char **token, char *why, size_t why_cap)
{
    struct store *store = NULL;
    *token = NULL;
    if (!rest_token_id_good(name) || strcmp(name, REST_SERVICE_TOKEN) == 0)
        return complain(why, why_cap, SPOKE_E_ARG,
                        "a token's name has 1 to 48 letters, digits, '-' or '_', and is not \"" REST_SERVICE_TOKEN
                        "\"");
    spoke_status status = open_store(data_dir, &store, why, why_cap);
    if (status != SPOKE_OK)
        return status;
    status = store_begin(store);
    if (status == SPOKE_OK)
        status = check_free(store, name, why, why_cap);
    if (status == SPOKE_OK)
        status = issue(store, name, token);
    if (status == SPOKE_OK)
        status = store_commit(store);
    if (status != SPOKE_OK && why[0] == '\0')
        (void)snprintf(why, why_cap, "the store takes no token: %s", spoke_status_text(status));
    store_close(store);
    if (status != SPOKE_OK && *token != NULL) {
        secret_free(*token);
        *token = NULL;
    }
    return status;
}
