#include <spoke/proto/sas.h>

#include "base/ascii.h"
#include "base/base64.h"
#include "base/u64.h"
#include "proto/topic.h"

#define MAC_BYTES 32u
#define MAC_BASE64_BYTES 44u
#define SCHEME "SharedAccessSignature"
#define FRONT SCHEME " sr="

/* base64(HMAC-SHA256(message)) */
static spoke_status sign(spoke_sas_hmac_fn hmac, void *ctx, spoke_str message, spoke_buf *base64)
{
    uint8_t mac[MAC_BYTES];
    spoke_status status = hmac(ctx, message, mac);
    if (status == SPOKE_OK)
        status = base64_encode(spoke_str_from((const char *)mac, sizeof mac), base64);
    spoke_wipe(mac, sizeof mac);
    return status;
}

/* What is signed is the encoded resource, LF and the expiry. The resource is in place already: the rest is written behind
 * it for the moment of signing, in room that "&sig=" needs anyway. */
static spoke_status write_token(spoke_str resource, spoke_str expiry, spoke_str skn, spoke_sas_hmac_fn hmac,
                                void *ctx, spoke_buf *out)
{
    uint8_t memory[MAC_BASE64_BYTES];
    spoke_buf base64 = spoke_buf_from(memory, sizeof memory);
    const size_t sr = out->len + sizeof FRONT - 1;
    spoke_status status = topic_write(out, FRONT "{%}\n{}", &resource, &expiry);
    if (status != SPOKE_OK)
        return status;
    status = sign(hmac, ctx, spoke_str_from((const char *)out->ptr + sr, out->len - sr), &base64);
    out->len -= 1 + expiry.len;
    const spoke_str signature = spoke_buf_str(&base64);
    if (status == SPOKE_OK)
        status = topic_write(out, "&sig={%}&se={}[&skn={%}]", &signature, &expiry, &skn);
    spoke_wipe(memory, sizeof memory);
    return status;
}

spoke_status spoke_sas_token(spoke_str resource, int64_t expiry_s, spoke_str skn, spoke_sas_hmac_fn hmac,
                             void *ctx, spoke_buf *out)
{
    char memory[U64_DIGITS];
    const size_t start = out->len;
    if (resource.len == 0 || expiry_s < 0 || hmac == NULL)
        return SPOKE_E_ARG;
    const spoke_status status = write_token(resource, u64_text((uint64_t)expiry_s, memory), skn, hmac, ctx, out);
    if (status != SPOKE_OK) {
        spoke_wipe(out->ptr + start, out->cap - start);
        out->len = start;
    }
    return status;
}

spoke_status spoke_sas_derive(spoke_str registration_id, spoke_sas_hmac_fn hmac, void *ctx, spoke_buf *base64_key)
{
    if (registration_id.len == 0 || hmac == NULL)
        return SPOKE_E_ARG;
    return sign(hmac, ctx, registration_id, base64_key);
}

static uint32_t percent_of(uint32_t whole, uint32_t percent)
{
    return whole / 100 * percent + whole % 100 * percent / 100;
}

uint32_t spoke_sas_renew_after_s(uint32_t lifetime_s, uint32_t random)
{
    const uint64_t spread = percent_of(lifetime_s, 5);
    return percent_of(lifetime_s, 80) + (uint32_t)((uint64_t)random * (spread + 1) >> 32);
}

uint32_t spoke_sas_renew_latest_s(uint32_t lifetime_s)
{
    return percent_of(lifetime_s, 95);
}

/* --- taking a token apart --- */

static spoke_str trim(spoke_str s)
{
    while (s.len > 0 && s.ptr[0] == ' ')
        s = spoke_str_from(s.ptr + 1, s.len - 1);
    while (s.len > 0 && s.ptr[s.len - 1] == ' ')
        s.len--;
    return s;
}

/* NULL: a field that means nothing to us. */
static spoke_str *slot_of(spoke_sas_parts *parts, spoke_str name)
{
    if (spoke_str_equal(name, SPOKE_STR("sr")))
        return &parts->sr;
    if (spoke_str_equal(name, SPOKE_STR("sig")))
        return &parts->sig;
    if (spoke_str_equal(name, SPOKE_STR("se")))
        return &parts->se_text;
    return spoke_str_equal(name, SPOKE_STR("skn")) ? &parts->skn : NULL;
}

static spoke_status parse_field(spoke_str field, spoke_sas_parts *parts)
{
    spoke_str name, value;
    if (!spoke_str_cut(trim(field), '=', &name, &value))
        return SPOKE_E_PROTOCOL;
    spoke_str *slot = slot_of(parts, name);
    if (slot == NULL)
        return SPOKE_OK;
    if (slot->ptr != NULL)
        return SPOKE_E_PROTOCOL; /* twice: which one was signed would be a guess */
    *slot = value;
    return SPOKE_OK;
}

static spoke_status parse_expiry(spoke_str text, int64_t *out)
{
    int64_t value = 0;
    if (text.len == 0 || text.len > 18) /* 18 digits always fit in 63 bits */
        return SPOKE_E_PROTOCOL;
    for (size_t i = 0; i < text.len; i++) {
        if (!ascii_is_digit(text.ptr[i]))
            return SPOKE_E_PROTOCOL;
        value = value * 10 + (text.ptr[i] - '0');
    }
    *out = value;
    return SPOKE_OK;
}

spoke_status spoke_sas_parse(spoke_str token, spoke_sas_parts *out)
{
    spoke_sas_parts parts = {0};
    spoke_str scheme, rest, field;
    spoke_status status = SPOKE_OK;
    if (!spoke_str_cut(trim(token), ' ', &scheme, &rest) || !spoke_str_equal(scheme, SPOKE_STR(SCHEME)))
        return SPOKE_E_PROTOCOL;
    for (bool more = true; more && status == SPOKE_OK;) {
        more = spoke_str_cut(rest, '&', &field, &rest);
        status = parse_field(field, &parts);
    }
    if (status == SPOKE_OK)
        status = parse_expiry(parts.se_text, &parts.se);
    if (status != SPOKE_OK || parts.sr.len == 0 || parts.sig.len == 0)
        return SPOKE_E_PROTOCOL;
    *out = parts;
    return SPOKE_OK;
}

bool spoke_sas_covers(spoke_str granted, spoke_str resource)
{
    spoke_str have, want;
    if (granted.len == 0 || resource.len == 0)
        return false;
    if (granted.ptr[granted.len - 1] == '/')
        granted.len--;
    bool more_granted = spoke_str_cut(granted, '/', &have, &granted);
    bool more_wanted = spoke_str_cut(resource, '/', &want, &resource);
    if (!spoke_str_equal_nocase(have, want))
        return false;
    while (more_granted) {
        if (!more_wanted)
            return false;
        more_granted = spoke_str_cut(granted, '/', &have, &granted);
        more_wanted = spoke_str_cut(resource, '/', &want, &resource);
        if (!spoke_str_equal(have, want))
            return false;
    }
    return true;
}
