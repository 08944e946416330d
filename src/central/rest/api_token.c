#include "api_token.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/iso8601.h"
#include "base/url.h"
#include "crypto/crypto.h"

#define SCHEME "SharedAccessSignature "
#define FIELD_CAP API_TOKEN_FIELD_CAP
#define SIGNATURE_CAP 45u

const char *api_token_verdict_text(enum api_token_verdict verdict)
{
    switch (verdict) {
    case API_TOKEN_OK:
        return "The API token is good.";
    case API_TOKEN_ABSENT:
        return "The request needs an Authorization header with an API token.";
    case API_TOKEN_MALFORMED:
        return "The Authorization header is not \"SharedAccessSignature sr=..&sig=..&skn=..&se=..\".";
    case API_TOKEN_OTHER_APPLICATION:
        return "The API token was issued for another application.";
    case API_TOKEN_WRONG_SIGNATURE:
        return "The signature of the API token does not fit, or it was revoked.";
    case API_TOKEN_EXPIRED:
        return "The API token has expired.";
    }
    return "";
}

/* base64 of HMAC-SHA256 over sr LF skn LF se, NUL-terminated. */
static spoke_status sign(const char *secret, const char *sr, const char *skn, const char *se,
                         char out[SIGNATURE_CAP])
{
    char text[3 * FIELD_CAP];
    uint8_t mac[32];
    spoke_key key;
    const int len = snprintf(text, sizeof text, "%s\n%s\n%s", sr, skn, se);
    if (len < 0 || (size_t)len >= sizeof text)
        return SPOKE_E_ARG;
    spoke_status status = spoke_key_from_base64(spoke_str_of(secret), &key);
    if (status != SPOKE_OK)
        return status;
    status = spoke_key_hmac(&key, spoke_str_from(text, (size_t)len), mac);
    spoke_key_wipe(&key);
    spoke_buf buf = spoke_buf_from(out, SIGNATURE_CAP - 1);
    if (status == SPOKE_OK)
        status = base64_encode(spoke_str_from((const char *)mac, sizeof mac), &buf);
    out[buf.len] = '\0';
    return status;
}

static bool usable_id(const char *id)
{
    return id[0] != '\0' && strlen(id) < FIELD_CAP && strchr(id, '\n') == NULL;
}

/* The whole Authorization value on the heap, to be wiped. E_ARG: the id cannot be used. */
static spoke_status write_token(const char *application_id, const char *sig, const char *token_id,
                                int64_t expiry_ms, char **out)
{
    char se[24], coded[2048];
    if (!usable_id(token_id) || !usable_id(application_id))
        return SPOKE_E_ARG;
    (void)snprintf(se, sizeof se, "%" PRId64, expiry_ms);
    spoke_status status = SPOKE_OK;
    spoke_buf buf = spoke_buf_from(coded, sizeof coded);
    const spoke_str parts[] = {SPOKE_STR(SCHEME "sr="), SPOKE_STR("&sig="), SPOKE_STR("&skn="), SPOKE_STR("&se=")};
    const char *const values[] = {application_id, sig, token_id, se};
    for (size_t i = 0; i < 4 && status == SPOKE_OK; i++) {
        status = spoke_buf_append(&buf, parts[i]);
        if (status == SPOKE_OK)
            status = url_encode(spoke_str_of(values[i]), &buf);
    }
    if (status == SPOKE_OK) {
        *out = strndup(coded, buf.len);
        status = *out != NULL ? SPOKE_OK : SPOKE_E_NO_MEMORY;
    }
    spoke_wipe(coded, sizeof coded);
    return status;
}

spoke_status api_token_make(const char *application_id, const char *secret, const char *token_id,
                            int64_t expiry_ms, char **out)
{
    char se[24], sig[SIGNATURE_CAP] = "";
    if (!usable_id(token_id) || !usable_id(application_id))
        return SPOKE_E_ARG;
    (void)snprintf(se, sizeof se, "%" PRId64, expiry_ms);
    spoke_status status = sign(secret, application_id, token_id, se, sig);
    if (status == SPOKE_OK)
        status = write_token(application_id, sig, token_id, expiry_ms, out);
    spoke_wipe(sig, sizeof sig);
    return status;
}

spoke_status api_token_hash(const char *sig, char out[API_TOKEN_HASH_CAP])
{
    uint8_t digest[32];
    spoke_buf buf = spoke_buf_from(out, API_TOKEN_HASH_CAP - 1);
    spoke_status status = crypto_sha256(spoke_str_of(sig), digest);
    if (status == SPOKE_OK)
        status = base64_encode(spoke_str_from((const char *)digest, sizeof digest), &buf);
    out[buf.len] = '\0';
    return status;
}

spoke_status api_token_issue(const char *application_id, const char *sig, const char *token_id, int64_t expiry_ms,
                             cJSON *document, char **token)
{
    char hash[API_TOKEN_HASH_CAP], at[40];
    spoke_buf buf = spoke_buf_from(at, sizeof at - 1);
    spoke_status status = api_token_hash(sig, hash);
    if (status == SPOKE_OK)
        status = iso8601_format(expiry_ms, 3, &buf);
    if (status == SPOKE_OK)
        status = write_token(application_id, sig, token_id, expiry_ms, token);
    if (status != SPOKE_OK)
        return status;
    at[buf.len] = '\0';
    cJSON_DeleteItemFromObjectCaseSensitive(document, "expiry");
    cJSON_AddStringToObject(document, "expiry", at);
    cJSON_AddNumberToObject(document, "expiryMs", (double)expiry_ms);
    cJSON_AddStringToObject(document, "hash", hash);
    return SPOKE_OK;
}

static bool read_field(struct api_token *t, spoke_str pair)
{
    const struct {
        const char *name;
        char *out;
    } fields[] = {{"sr", t->sr}, {"sig", t->sig}, {"skn", t->skn}, {"se", t->se}};
    spoke_str name, value;
    if (!spoke_str_cut(pair, '=', &name, &value))
        return false;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (!spoke_str_equal(name, spoke_str_of(fields[i].name)))
            continue;
        spoke_buf buf = spoke_buf_from(fields[i].out, FIELD_CAP - 1);
        if (fields[i].out[0] != '\0' || url_decode(value, &buf) != SPOKE_OK || buf.len == 0)
            return false;                                    /* twice, broken or empty */
        return memchr(fields[i].out, '\0', buf.len) == NULL; /* the rest of the array is zero */
    }
    return false;
}

/* `t` starts out as zeroes. */
static bool read_token(spoke_str text, struct api_token *t)
{
    if (!spoke_str_equal_nocase(spoke_str_from(text.ptr, text.len < sizeof SCHEME - 1 ? 0 : sizeof SCHEME - 1),
                                SPOKE_STR(SCHEME)))
        return false;
    spoke_str rest = spoke_str_from(text.ptr + sizeof SCHEME - 1, text.len - (sizeof SCHEME - 1));
    for (bool more = true; more;) {
        spoke_str pair, tail = {NULL, 0};
        more = spoke_str_cut(rest, '&', &pair, &tail);
        rest = tail;
        if (!read_field(t, pair))
            return false;
    }
    return t->sr[0] != '\0' && t->sig[0] != '\0' && t->skn[0] != '\0' && t->se[0] != '\0';
}

/* Decimal digits only, so that one expiry has one spelling. */
static bool read_expiry(const char *text, int64_t *out)
{
    int64_t value = 0;
    if (strlen(text) > 18)
        return false;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at < '0' || *at > '9')
            return false;
        value = value * 10 + (*at - '0');
    }
    *out = value;
    return true;
}

enum api_token_verdict api_token_read(const char *authorization, const char *application_id, struct api_token *out)
{
    memset(out, 0, sizeof *out);
    if (authorization == NULL || authorization[0] == '\0')
        return API_TOKEN_ABSENT;
    if (!read_token(spoke_str_of(authorization), out) || !read_expiry(out->se, &out->expiry_ms))
        return API_TOKEN_MALFORMED;
    return strcmp(out->sr, application_id) == 0 ? API_TOKEN_OK : API_TOKEN_OTHER_APPLICATION;
}

enum api_token_verdict api_token_judge(const struct api_token *t, const char *secret, int64_t now_ms)
{
    char expected[SIGNATURE_CAP];
    if (sign(secret, t->sr, t->skn, t->se, expected) != SPOKE_OK)
        return API_TOKEN_WRONG_SIGNATURE;
    const bool same = crypto_equal(spoke_str_of(t->sig), spoke_str_of(expected));
    spoke_wipe(expected, sizeof expected);
    if (!same)
        return API_TOKEN_WRONG_SIGNATURE;
    return t->expiry_ms > now_ms ? API_TOKEN_OK : API_TOKEN_EXPIRED;
}

enum api_token_verdict api_token_judge_issued(const struct api_token *t, const char *hash, int64_t expiry_ms,
                                              int64_t now_ms)
{
    char found[API_TOKEN_HASH_CAP];
    if (api_token_hash(t->sig, found) != SPOKE_OK || !crypto_equal(spoke_str_of(found), spoke_str_of(hash)) ||
        t->expiry_ms != expiry_ms)
        return API_TOKEN_WRONG_SIGNATURE;
    return expiry_ms > now_ms ? API_TOKEN_OK : API_TOKEN_EXPIRED;
}

enum api_token_verdict api_token_check(const char *authorization, const char *application_id, const char *secret,
                                       int64_t now_ms)
{
    struct api_token t;
    enum api_token_verdict verdict = api_token_read(authorization, application_id, &t);
    if (verdict == API_TOKEN_OK)
        verdict = api_token_judge(&t, secret, now_ms);
    spoke_wipe(&t, sizeof t);
    return verdict;
}
