/* What a password or a certificate proves: SAS tokens of both services, and the keys that may sign them. */
#include <ctype.h>
#include <spoke/proto/hub.h>
#include <spoke/proto/sas.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "core_internal.h"
#include "crypto/crypto.h"

const char *auth_verdict_text(enum auth_verdict verdict)
{
    switch (verdict) {
    case AUTH_OK:
        return "the token is good";
    case AUTH_MALFORMED:
        return "the password is not a shared access signature";
    case AUTH_EXPIRED:
        return "the token has expired: check the device's clock";
    case AUTH_OTHER_RESOURCE:
        return "the token is for another resource (sr) than the user name says";
    case AUTH_WRONG_KEY:
        return "the token was signed with another key";
    }
    return "?";
}

/* --- tokens --- */

static bool read_signature(spoke_str sig, uint8_t out[32])
{
    char text[64];
    uint8_t bytes[48];
    spoke_buf decoded = spoke_buf_from(text, sizeof text);
    spoke_buf raw = spoke_buf_from(bytes, sizeof bytes);
    if (spoke_percent_decode(sig, &decoded) != SPOKE_OK ||
        base64_decode(spoke_buf_str(&decoded), &raw) != SPOKE_OK || raw.len != 32)
        return false;
    memcpy(out, bytes, 32);
    return true;
}

/* The signature covers the raw text: SDKs differ in what they encode, and each signs what it sends. */
static bool read_signed_text(const spoke_sas_parts *parts, struct auth_token *out)
{
    spoke_buf text = spoke_buf_from(out->signed_text, sizeof out->signed_text);
    if (spoke_buf_append(&text, parts->sr) != SPOKE_OK || spoke_buf_append_byte(&text, '\n') != SPOKE_OK ||
        spoke_buf_append(&text, parts->se_text) != SPOKE_OK)
        return false;
    out->signed_len = text.len;
    return true;
}

static bool covers(spoke_str sr, spoke_str resource, bool nocase)
{
    char text[AUTH_TOKEN_CAP];
    spoke_buf granted = spoke_buf_from(text, sizeof text);
    if (spoke_percent_decode(sr, &granted) != SPOKE_OK)
        return false;
    return spoke_sas_covers(spoke_buf_str(&granted), resource) ||
           (nocase && spoke_str_equal_nocase(spoke_buf_str(&granted), resource));
}

enum auth_verdict auth_token_read(const struct core *c, spoke_str password, spoke_str resource, bool nocase,
                                  struct auth_token *out)
{
    spoke_sas_parts parts;
    if (password.len > AUTH_TOKEN_CAP || spoke_sas_parse(password, &parts) != SPOKE_OK ||
        !read_signature(parts.sig, out->signature) || !read_signed_text(&parts, out))
        return AUTH_MALFORMED;
    out->expires_ms = parts.se > INT64_MAX / 1000 ? INT64_MAX : parts.se * 1000;
    if (!covers(parts.sr, resource, nocase))
        return AUTH_OTHER_RESOURCE;
    return parts.se <= core_unix_ms(c) / 1000 ? AUTH_EXPIRED : AUTH_OK;
}

static bool signed_by(const struct auth_token *token, const char *base64_key)
{
    spoke_key key;
    uint8_t mac[32];
    if (base64_key == NULL || spoke_key_from_base64(spoke_str_of(base64_key), &key) != SPOKE_OK)
        return false;
    spoke_status status = spoke_key_hmac(&key, spoke_str_from(token->signed_text, token->signed_len), mac);
    spoke_key_wipe(&key);
    bool same = status == SPOKE_OK && crypto_equal(spoke_str_from((const char *)mac, sizeof mac),
                                                   spoke_str_from((const char *)token->signature, 32));
    spoke_wipe(mac, sizeof mac);
    return same;
}

/* --- keys --- */

/* The key that a group gives an id. False: an X.509 group, or a broken key. */
static bool derived_key(const struct store_group *group, bool secondary, spoke_str id, char out[96])
{
    spoke_key key;
    const char *group_key = secondary ? group->secondary_key : group->primary_key;
    spoke_buf text = spoke_buf_from(out, 95);
    if (group_key == NULL || spoke_key_from_base64(spoke_str_of(group_key), &key) != SPOKE_OK)
        return false;
    spoke_status status = spoke_sas_derive(id, spoke_key_hmac, &key, &text);
    spoke_key_wipe(&key);
    out[text.len] = '\0';
    return status == SPOKE_OK;
}

static spoke_status group_of(struct core *c, const struct store_device *device, struct store_group *out)
{
    const char *id = device != NULL && device->group_id != NULL ? device->group_id : CORE_DEFAULT_GROUP;
    memset(out, 0, sizeof *out);
    return store_group_get(c->store, id, out);
}

spoke_status core_device_key(struct core *c, const char *device_id, bool secondary, char out[96])
{
    struct store_device device;
    struct store_group group;
    memset(&device, 0, sizeof device);
    spoke_status status = store_device_get(c->store, device_id, &device);
    if (status != SPOKE_OK && status != SPOKE_E_NOT_FOUND)
        return status;
    const char *own = secondary ? device.secondary_key : device.primary_key;
    if (status == SPOKE_OK && device.primary_key != NULL) {
        status = own != NULL && strlen(own) < 96 ? SPOKE_OK : SPOKE_E_NOT_FOUND;
        if (status == SPOKE_OK)
            memcpy(out, own, strlen(own) + 1);
    } else if (status == SPOKE_OK && auth_device_has_certificates(c, device_id)) {
        status = SPOKE_E_NOT_FOUND;
    } else {
        bool known = status == SPOKE_OK;
        status = group_of(c, known ? &device : NULL, &group);
        if (status == SPOKE_OK) {
            bool made = derived_key(&group, secondary, spoke_str_of(device_id), out);
            status = made ? SPOKE_OK : SPOKE_E_NOT_FOUND;
            store_group_free(&group);
        }
    }
    store_device_free(&device);
    return status;
}

/* A device registers under its id as it writes it; DPS ignores case but the derived key does not. */
static void lower_case(char id[CONN_ID_CAP], const char *from)
{
    size_t i = 0;
    for (; i < CONN_ID_CAP - 1 && from[i] != '\0'; i++)
        id[i] = (char)tolower((unsigned char)from[i]);
    id[i] = '\0';
}

/* Calls `each` with every key that may sign for this device until one is accepted. */
static bool any_key(struct core *c, const struct store_device *device,
                    bool (*each)(const void *ctx, const char *base64_key), const void *ctx, char found[96])
{
    struct store_group group;
    bool hit = false;
    if (device->primary_key != NULL) {
        const char *own[2] = {device->primary_key, device->secondary_key};
        for (int i = 0; i < 2 && !hit; i++)
            if (own[i] != NULL && strlen(own[i]) < 96 && each(ctx, own[i])) {
                memcpy(found, own[i], strlen(own[i]) + 1);
                hit = true;
            }
        return hit;
    }
    if (auth_device_has_certificates(c, device->id) || group_of(c, device, &group) != SPOKE_OK)
        return false;
    char lower[CONN_ID_CAP];
    lower_case(lower, device->id);
    for (int i = 0; i < 4 && !hit; i++)
        hit =
            derived_key(&group, (i & 1) != 0, spoke_str_of(i < 2 ? device->id : lower), found) && each(ctx, found);
    store_group_free(&group);
    return hit;
}

static bool signed_with(const void *token, const char *base64_key)
{
    return signed_by(token, base64_key);
}

static bool has_digest(const void *digest, const char *base64_key)
{
    uint8_t mine[32];
    return crypto_sha256(spoke_str_of(base64_key), mine) == SPOKE_OK &&
           crypto_equal(spoke_str_from((const char *)mine, 32), spoke_str_from(digest, 32));
}

bool auth_device_signed(struct core *c, const struct store_device *device, const struct auth_token *token,
                        uint8_t key_digest[32])
{
    char key[96];
    bool hit =
        any_key(c, device, signed_with, token, key) && crypto_sha256(spoke_str_of(key), key_digest) == SPOKE_OK;
    spoke_wipe(key, sizeof key);
    return hit;
}

bool auth_device_has_key(struct core *c, const struct store_device *device, const uint8_t key_digest[32])
{
    char key[96];
    bool hit = any_key(c, device, has_digest, key_digest, key);
    spoke_wipe(key, sizeof key);
    return hit;
}

/* --- enrolments --- */

bool auth_device_has_own(struct core *c, const struct store_device *device)
{
    return device != NULL && (device->primary_key != NULL || auth_device_has_certificates(c, device->id));
}

struct group_search {
    struct core *c;
    const struct auth_token *token;
    spoke_str id;
    struct auth_enrolment *found;
    bool no_memory;
};

static bool try_group(void *ctx, const struct store_group *group)
{
    struct group_search *search = ctx;
    char key[96];
    bool hit = false;
    search->found->tries++;
    for (int i = 0; i < 2 && !hit; i++)
        hit = derived_key(group, i == 1, search->id, key) && signed_by(search->token, key) &&
              crypto_sha256(spoke_str_of(key), search->found->digest) == SPOKE_OK;
    spoke_wipe(key, sizeof key);
    if (!hit)
        return true;
    search->found->proven = true;
    search->found->enabled = group->enabled;
    search->no_memory = !text_set(&search->found->group_id, spoke_str_of(group->id)) ||
                        !text_set(&search->c->last_group, spoke_str_of(group->id));
    return false;
}

/* A group that is gone is no match. */
static spoke_status try_one(struct group_search *search, const char *id)
{
    struct store_group group;
    const spoke_status status = store_group_get(search->c->store, id, &group);
    if (status != SPOKE_OK)
        return status == SPOKE_E_NOT_FOUND ? SPOKE_OK : status;
    (void)try_group(search, &group);
    store_group_free(&group);
    return search->no_memory ? SPOKE_E_NO_MEMORY : SPOKE_OK;
}

spoke_status auth_enrolment_near(struct core *c, spoke_str registration_id, const struct store_device *device,
                                 const struct auth_token *token, struct auth_enrolment *out)
{
    struct group_search search = {c, token, registration_id, out, false};
    const char *own = device != NULL ? device->group_id : NULL;
    spoke_status status = SPOKE_OK;
    memset(out, 0, sizeof *out);
    /* an individual enrolment goes first */
    if (auth_device_has_own(c, device)) {
        out->proven = auth_device_signed(c, device, token, out->digest);
        out->enabled = out->own = true;
        return SPOKE_OK;
    }
    if (own != NULL)
        status = try_one(&search, own);
    if (status == SPOKE_OK && !out->proven && c->last_group != NULL &&
        (own == NULL || strcmp(own, c->last_group) != 0))
        status = try_one(&search, c->last_group);
    return status;
}

spoke_status auth_enrolment_find(struct core *c, spoke_str registration_id, const struct store_device *device,
                                 const struct auth_token *token, struct auth_enrolment *out)
{
    struct group_search search = {c, token, registration_id, out, false};
    spoke_status status = auth_enrolment_near(c, registration_id, device, token, out);
    if (status != SPOKE_OK || out->proven || out->own)
        return status;
    status = store_group_each(c->store, NULL, AUTH_MAX_GROUPS, try_group, &search);
    return search.no_memory ? SPOKE_E_NO_MEMORY : status;
}
