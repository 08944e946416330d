/* Blob storage: a connection string and, behind a line end, the name of a blob. What is accepted can be signed. */
#include <stdlib.h>
#include <string.h>

#include "central/core/blob_sas.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct blob_account account;
    const char *why = NULL;
    char token[BLOB_TOKEN_CAP];
    spoke_str text = spoke_str_from((const char *)data, size), name = {NULL, 0};
    (void)spoke_str_cut(text, '\n', &text, &name);
    (void)blob_container_good(text);
    const spoke_status status = blob_account_read(text, &account, &why);
    require((status == SPOKE_OK) == (why == NULL));
    if (status != SPOKE_OK)
        return 0;
    require(strlen(account.name) <= 24 && account.host[0] != '\0' && strlen(account.host) < BLOB_HOST_CAP);
    if (blob_name_good(name)) {
        spoke_buf out = spoke_buf_from(token, sizeof token);
        require(memmem(name.ptr, name.len, "/../", 4) == NULL && name.ptr[0] != '/');
        require(blob_sas(&account, SPOKE_STR("uploads"), name, 1772604367, &out) == SPOKE_OK);
        require(memchr(token, '\n', out.len) == NULL);
    }
    spoke_key_wipe(&account.key);
    return 0;
}
