/* Shared access signatures: whatever is taken for a token has its parts inside the text, and a token made from
 * those parts says the same. */
#include <stdlib.h>
#include <string.h>

#include <spoke/proto/sas.h>

#include "base/url.h"

#define MAX_INPUT 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static spoke_status zero_mac(void *ctx, spoke_str message, uint8_t mac[32])
{
    (void)ctx;
    require(message.len > 0);
    memset(mac, 0, 32);
    return SPOKE_OK;
}

static bool within(spoke_str part, spoke_str whole)
{
    return part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

static void check_made_token(spoke_str resource, const spoke_sas_parts *parts)
{
    char token[4 * MAX_INPUT], again[MAX_INPUT];
    spoke_buf out = spoke_buf_from(token, sizeof token), back = spoke_buf_from(again, sizeof again);
    spoke_sas_parts made;
    require(spoke_sas_token(resource, parts->se, SPOKE_STR("k"), zero_mac, NULL, &out) == SPOKE_OK);
    require(spoke_sas_parse(spoke_buf_str(&out), &made) == SPOKE_OK);
    require(made.se == parts->se && url_decode(made.sr, &back) == SPOKE_OK);
    require(spoke_str_equal(spoke_buf_str(&back), resource));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const spoke_str token = spoke_str_from((const char *)data, size);
    char plain[MAX_INPUT];
    spoke_buf resource = spoke_buf_from(plain, sizeof plain);
    spoke_sas_parts parts;
    if (size > MAX_INPUT || spoke_sas_parse(token, &parts) != SPOKE_OK)
        return 0;
    require(parts.sr.len > 0 && parts.sig.len > 0 && parts.se >= 0);
    require(within(parts.sr, token) && within(parts.sig, token) && within(parts.skn, token) &&
            within(parts.se_text, token));
    if (url_decode(parts.sr, &resource) != SPOKE_OK)
        return 0;
    require(spoke_sas_covers(spoke_buf_str(&resource), spoke_buf_str(&resource)));
    (void)spoke_sas_covers(spoke_buf_str(&resource), SPOKE_STR("host/devices/d"));
    check_made_token(spoke_buf_str(&resource), &parts);
    return 0;
}
