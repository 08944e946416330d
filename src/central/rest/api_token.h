/* API tokens of the REST data plane: "SharedAccessSignature sr=<application>&sig=<..>&skn=<id>&se=<ms>". They look
 * like the devices' tokens and are not: `se` is in milliseconds. Of the service's own, which makes an administrator of
 * whoever has it, `sig` is an HMAC over sr, skn and se, each on a line of its own. Of one that was issued by REST it is
 * random, and the store has a hash of it: what is stored does not make a token. */
#ifndef SPOKE_SRC_CENTRAL_API_TOKEN_H
#define SPOKE_SRC_CENTRAL_API_TOKEN_H

#include <cJSON.h>
#include <spoke/base.h>

enum api_token_verdict {
    API_TOKEN_OK,
    API_TOKEN_ABSENT,
    API_TOKEN_MALFORMED,
    API_TOKEN_OTHER_APPLICATION,
    API_TOKEN_WRONG_SIGNATURE,
    API_TOKEN_EXPIRED
};
const char *api_token_verdict_text(enum api_token_verdict verdict); /* a sentence */

#define API_TOKEN_FIELD_CAP 260u /* decoded; a token id is at most 255 characters */
#define API_TOKEN_HASH_CAP 45u

struct api_token {
    char sr[API_TOKEN_FIELD_CAP], sig[API_TOKEN_FIELD_CAP], skn[API_TOKEN_FIELD_CAP], se[API_TOKEN_FIELD_CAP];
    int64_t expiry_ms;
};
/* Takes the header apart: ABSENT, MALFORMED, OTHER_APPLICATION, or OK, which proves nothing yet. Wipe it after use. */
enum api_token_verdict api_token_read(const char *authorization, const char *application_id,
                                      struct api_token *out);
/* Is it the service's own? OK, WRONG_SIGNATURE, EXPIRED. secret: base64. */
enum api_token_verdict api_token_judge(const struct api_token *token, const char *secret, int64_t now_ms);
/* Base64 of SHA-256 of a signature, NUL-terminated. */
spoke_status api_token_hash(const char *sig, char out[API_TOKEN_HASH_CAP]);
/* Of an issued token: OK, WRONG_SIGNATURE (also for another expiry than it was issued with), EXPIRED. */
enum api_token_verdict api_token_judge_issued(const struct api_token *token, const char *hash, int64_t expiry_ms,
                                              int64_t now_ms);

/* Issues one: `document` gets "expiry", "expiryMs" and the "hash" of sig, *token its text, which is to be shown once and
 * wiped. sig: random, base64. E_ARG: the id cannot be used. */
spoke_status api_token_issue(const char *application_id, const char *sig, const char *token_id, int64_t expiry_ms,
                             cJSON *document, char **token);

/* The whole Authorization value on the heap. secret: base64. E_ARG: the secret or the id cannot be used. */
spoke_status api_token_make(const char *application_id, const char *secret, const char *token_id,
                            int64_t expiry_ms, char **out);
enum api_token_verdict api_token_check(const char *authorization, const char *application_id, const char *secret,
                                       int64_t now_ms);

#endif
