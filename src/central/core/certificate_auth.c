/* What a client certificate proves: a device's own one by itself, one of a group by its chain to an authority that the
 * group has and whose key somebody has proven to have. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core_internal.h"
#include "crypto/crypto.h"
#include "x509.h"

/* Authorities of one name that are tried: renewed ones keep their name. */
#define MAX_NAMESAKES 16u

/* --- a device's own --- */

struct own_search {
    spoke_str shown;       /* NULL ptr: by digest */
    const uint8_t *digest; /* SHA-256 of what was shown */
    bool any, hit;
};

static bool same_digest(const struct store_certificate *row, const uint8_t digest[32])
{
    uint8_t mine[32];
    return crypto_sha256(spoke_str_from(row->der, row->der_len), mine) == SPOKE_OK &&
           memcmp(mine, digest, 32) == 0;
}

static bool compare_own(void *ctx, const struct store_certificate *row)
{
    struct own_search *search = ctx;
    search->any = true;
    if (search->digest != NULL)
        search->hit = same_digest(row, search->digest);
    else
        search->hit =
            search->shown.len > 0 && spoke_str_equal(spoke_str_from(row->der, row->der_len), search->shown);
    return !search->hit;
}

bool auth_device_has_certificates(struct core *c, const char *device_id)
{
    struct own_search search = {.shown = {NULL, 0}};
    return store_certificate_each(c->store, STORE_OF_DEVICE, device_id, compare_own, &search) != SPOKE_OK ||
           search.any;
}

/* --- a group's --- */

struct chain_search {
    struct core *c;
    spoke_str chain;
    const char *only; /* this group and no other; NULL: any */
    int64_t now_s;
    enum x509_verdict verdict;
    bool unverified;
    unsigned tries;
    char *group_id;
    uint8_t digest[32]; /* of the authority */
    bool failed;
};

static bool try_authority(void *ctx, const struct store_certificate *row)
{
    struct chain_search *search = ctx;
    if (search->only != NULL && strcmp(search->only, row->owner) != 0)
        return true;
    if (search->tries++ == MAX_NAMESAKES)
        return false;
    if (!row->verified) {
        search->unverified = true;
        return true;
    }
    const enum x509_verdict verdict =
        x509_judge(search->chain, spoke_str_from(row->der, row->der_len), search->now_s);
    if (verdict == X509_TRUSTED)
        search->failed = !text_set(&search->group_id, spoke_str_of(row->owner)) ||
                         crypto_sha256(spoke_str_from(row->der, row->der_len), search->digest) != SPOKE_OK;
    if (verdict != X509_UNTRUSTED)
        search->verdict = verdict;
    return verdict != X509_TRUSTED;
}

static bool is_among(uint8_t (*names)[32], size_t count, const uint8_t name[32])
{
    bool found = false;
    for (size_t i = 0; i < count; i++)
        found = found || memcmp(names[i], name, 32) == 0;
    return found;
}

/* The authority nearest to the device counts: its certificate's issuer first, then that one's. Each name once: what it
 * stands for is held against the whole chain, which takes milliseconds. */
static spoke_status search_chain(struct chain_search *search)
{
    spoke_str rest = search->chain, one;
    struct x509_facts facts;
    uint8_t issuers[X509_MAX_CHAIN][32];
    spoke_status status = SPOKE_OK;
    search->verdict = X509_UNTRUSTED;
    for (size_t i = 0; status == SPOKE_OK && search->verdict != X509_TRUSTED && x509_cut(&rest, &one); i++) {
        if (i == X509_MAX_CHAIN || x509_read(one, &facts) != SPOKE_OK) {
            search->verdict = i == X509_MAX_CHAIN ? X509_TOO_DEEP : X509_UNREADABLE;
            return SPOKE_OK;
        }
        memcpy(issuers[i], facts.issuer, sizeof issuers[i]);
        if (!is_among(issuers, i, facts.issuer))
            status = store_authority_each(search->c->store, facts.issuer, try_authority, search);
    }
    return search->failed ? SPOKE_E_NO_MEMORY : status;
}

static const char *why_not(const struct chain_search *search)
{
    if (search->verdict == X509_UNTRUSTED && search->unverified)
        return "the authority of the certificate was uploaded, but not verified";
    return x509_verdict_text(search->verdict);
}

static spoke_status find_group(struct core *c, spoke_str chain, const char *only, struct auth_enrolment *out)
{
    struct chain_search search = {.c = c, .chain = chain, .only = only, .now_s = core_unix_ms(c) / 1000};
    struct store_group group;
    spoke_status status = search_chain(&search);
    out->why = why_not(&search);
    out->group_id = search.group_id;
    memcpy(out->digest, search.digest, sizeof out->digest);
    out->tries = search.tries * AUTH_AUTHORITY_TRIES;
    if (status != SPOKE_OK || search.verdict != X509_TRUSTED)
        return status;
    status = store_group_get(c->store, search.group_id, &group);
    if (status != SPOKE_OK)
        return status;
    out->proven = true;
    out->enabled = group.enabled;
    store_group_free(&group);
    return SPOKE_OK;
}

/* --- together --- */

static bool first_of(spoke_str chain, spoke_str *own)
{
    return x509_cut(&chain, own);
}

bool auth_common_name(spoke_str chain, char out[CONN_ID_CAP])
{
    struct x509_facts facts;
    spoke_str own;
    out[0] = '\0';
    if (!first_of(chain, &own) || x509_read(own, &facts) != SPOKE_OK)
        return false;
    (void)snprintf(out, CONN_ID_CAP, "%s", facts.common_name);
    return out[0] != '\0';
}

spoke_status auth_certificate(struct core *c, const struct store_device *device, const char *only, spoke_str chain,
                              struct auth_enrolment *out)
{
    struct own_search search = {.shown = {NULL, 0}};
    memset(out, 0, sizeof *out);
    out->enabled = true;
    out->why = x509_verdict_text(X509_UNREADABLE);
    if (!first_of(chain, &search.shown))
        return SPOKE_OK;
    if (device != NULL && device->primary_key != NULL) {
        out->why = "the device's own enrolment is by symmetric key";
        return SPOKE_OK;
    }
    if (device != NULL) {
        const spoke_status status =
            store_certificate_each(c->store, STORE_OF_DEVICE, device->id, compare_own, &search);
        if (status != SPOKE_OK)
            return status;
    }
    if (!search.any)
        return find_group(c, chain, only, out);
    const enum x509_verdict verdict = x509_judge_alone(search.shown, core_unix_ms(c) / 1000);
    out->own = true;
    out->proven = search.hit && verdict == X509_TRUSTED && crypto_sha256(search.shown, out->digest) == SPOKE_OK;
    out->why =
        search.hit ? x509_verdict_text(verdict) : "the certificate is not the one of the device's enrolment";
    return SPOKE_OK;
}

static bool compare_authority(void *ctx, const struct store_certificate *row)
{
    struct own_search *search = ctx;
    search->hit = row->verified && same_digest(row, search->digest);
    return !search->hit;
}

bool auth_device_has_certificate(struct core *c, const struct store_device *device, const char *group_id,
                                 const uint8_t digest[32])
{
    struct own_search search = {.digest = digest};
    if (device->primary_key != NULL)
        return false;
    if (group_id != NULL && auth_device_has_certificates(c, device->id))
        return false;
    if (group_id != NULL && device->group_id != NULL && strcmp(group_id, device->group_id) != 0)
        return false; /* it went to another group since */
    const spoke_status status =
        group_id != NULL ? store_certificate_each(c->store, STORE_OF_GROUP, group_id, compare_authority, &search)
                         : store_certificate_each(c->store, STORE_OF_DEVICE, device->id, compare_own, &search);
    return status == SPOKE_OK && search.hit;
}

/* --- the authorities of --device-ca --- */

struct file_put {
    struct core *c;
    unsigned count;
    spoke_status status;
};

static bool put_one(void *ctx, spoke_str der)
{
    struct file_put *put = ctx;
    struct x509_facts facts;
    char entry[24];
    put->status = x509_read(der, &facts);
    if (put->status == SPOKE_OK && !facts.authority)
        put->status = SPOKE_E_CERTIFICATE;
    (void)snprintf(entry, sizeof entry, "file-%u", put->count++);
    const struct store_certificate row = {.owner = (char[]){CORE_X509_GROUP},
                                          .entry = entry,
                                          .der = (void *)(uintptr_t)der.ptr,
                                          .der_len = der.len,
                                          .verified = true};
    if (put->status == SPOKE_OK)
        put->status = store_certificate_put(put->c->store, STORE_OF_GROUP, &row, facts.subject);
    return put->status == SPOKE_OK;
}

static spoke_status forget_files(struct core *c)
{
    spoke_status status = SPOKE_OK;
    for (unsigned i = 0; status == SPOKE_OK; i++) {
        char entry[24];
        (void)snprintf(entry, sizeof entry, "file-%u", i);
        status = store_certificate_delete(c->store, STORE_OF_GROUP, CORE_X509_GROUP, entry);
    }
    return status == SPOKE_E_NOT_FOUND ? SPOKE_OK : status;
}

spoke_status auth_device_ca(struct core *c, const char *pem)
{
    struct file_put put = {c, 0, SPOKE_OK};
    spoke_status status = forget_files(c);
    if (status != SPOKE_OK || pem == NULL)
        return status;
    status = x509_decode_each(pem, put_one, &put);
    if (status == SPOKE_OK)
        status = put.count > 0 ? put.status : SPOKE_E_ARG;
    return status == SPOKE_E_ARG ? SPOKE_E_CERTIFICATE : status;
}
