/* API tokens of the REST data plane: "SharedAccessSignature sr=<application>&sig=<..>&skn=<id>&se=<ms>". They look
 * like the devices' tokens and are not: `se` is in milliseconds and the signature covers sr, skn and se, each on a
 * line of its own. */
#ifndef SPOKE_SRC_CENTRAL_API_TOKEN_H
#define SPOKE_SRC_CENTRAL_API_TOKEN_H

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

/* The whole Authorization value on the heap. secret: base64. E_ARG: the secret or the id cannot be used. */
spoke_status api_token_make(const char *application_id, const char *secret, const char *token_id,
                            int64_t expiry_ms, char **out);
enum api_token_verdict api_token_check(const char *authorization, const char *application_id, const char *secret,
                                       int64_t now_ms);

#endif
