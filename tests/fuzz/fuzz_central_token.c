/* The Authorization header of the REST API. */
#include <stdlib.h>
#include <string.h>

#include "central/rest/api_token.h"

#define APPLICATION "app"
#define SECRET "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* Whatever comes: nothing is a good token, and what is taken apart has four fields that end. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct api_token token;
    char hash[API_TOKEN_HASH_CAP];
    char *text = strndup(size > 0 ? (const char *)data : "", size);
    if (text == NULL)
        return 0;
    require(api_token_check(text, APPLICATION, SECRET, 0) != API_TOKEN_OK);
    if (api_token_read(text, APPLICATION, &token) == API_TOKEN_OK) {
        const char *const fields[] = {token.sr, token.sig, token.skn, token.se};
        for (size_t i = 0; i < 4; i++)
            require(fields[i][0] != '\0' && memchr(fields[i], '\0', API_TOKEN_FIELD_CAP) != NULL);
        require(token.expiry_ms >= 0 && api_token_hash(token.sig, hash) == SPOKE_OK);
        require(api_token_judge_issued(&token, hash, token.expiry_ms, token.expiry_ms - 1) == API_TOKEN_OK);
        require(api_token_judge_issued(&token, hash, token.expiry_ms, token.expiry_ms) == API_TOKEN_EXPIRED);
    }
    free(text);
    return 0;
}
