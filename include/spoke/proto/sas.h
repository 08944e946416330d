/* Shared access signatures of DPS and IoT Hub: tokens, group-key derivation, renewal time (docs/protocol.md).
 * Tier 0: may change before 1.0. Pure: HMAC is the caller's, so that a secure element can hold the key. */
#ifndef SPOKE_PROTO_SAS_H
#define SPOKE_PROTO_SAS_H

#include <spoke/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* HMAC-SHA256 of `message` under the key that `ctx` stands for. */
typedef spoke_status (*spoke_sas_hmac_fn)(void *ctx, spoke_str message, uint8_t mac[32]);

/* "SharedAccessSignature sr=..&sig=..&se=..[&skn=..]". `resource` is plain (scope/registrations/id, or
 * host/devices/id) and is percent-encoded with upper-case hex here. skn empty: left out.
 * Appends to out; E_TOO_SMALL leaves out->len as it was. Wipe the buffer after use. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_sas_token(spoke_str resource, int64_t expiry_s, spoke_str skn,
                                                        spoke_sas_hmac_fn hmac, void *ctx, spoke_buf *out);

/* The key of one device of an enrolment group: base64(HMAC-SHA256(group key, registration id)). `hmac` signs with
 * the decoded group key. Belongs in the factory or the service, never on a device. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_sas_derive(spoke_str registration_id, spoke_sas_hmac_fn hmac,
                                                         void *ctx, spoke_buf *base64_key);

/* Seconds after issue at which to renew: 80 % of the lifetime, up to 5 % later by `random` so that a fleet does
 * not renew in step. At 95 % renew whatever is outstanding. */
SPOKE_API uint32_t spoke_sas_renew_after_s(uint32_t lifetime_s, uint32_t random);
SPOKE_API uint32_t spoke_sas_renew_latest_s(uint32_t lifetime_s);

/* A token taken apart, views into its text: sr and sig still percent-encoded, as the service must verify the raw
 * text. E_PROTOCOL: not a token. Fields in any order. */
typedef struct spoke_sas_parts {
    spoke_str sr, sig, skn;
    spoke_str se_text;
    int64_t se;
} spoke_sas_parts;
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_sas_parse(spoke_str token, spoke_sas_parts *out);
/* True when `granted` (plain) covers `resource` by whole path segments: /a/b covers /a/b/c, not /a/bc. The first
 * segment (host or scope) is compared without case. */
SPOKE_API bool spoke_sas_covers(spoke_str granted, spoke_str resource);

#ifdef __cplusplus
}
#endif
#endif
