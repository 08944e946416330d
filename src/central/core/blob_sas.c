#include "blob_sas.h"

#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/iso8601.h"
#include "base/url.h"

#define VERSION "2021-08-06" /* of the storage service, whose string to sign this is */
#define PERMISSIONS "rw"

/* --- connection strings --- */

struct fields {
    spoke_str protocol, name, key, suffix, endpoint;
};

static void take_field(struct fields *f, spoke_str name, spoke_str value)
{
    const struct {
        const char *name;
        spoke_str *slot;
    } known[] = {{"DefaultEndpointsProtocol", &f->protocol},
                 {"AccountName", &f->name},
                 {"AccountKey", &f->key},
                 {"EndpointSuffix", &f->suffix},
                 {"BlobEndpoint", &f->endpoint}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (spoke_str_equal_nocase(name, spoke_str_of(known[i].name)))
            *known[i].slot = value;
}

static void split(spoke_str text, struct fields *out)
{
    memset(out, 0, sizeof *out);
    while (text.len > 0) {
        spoke_str part = text, rest = {NULL, 0}, name, value;
        (void)spoke_str_cut(text, ';', &part, &rest);
        if (spoke_str_cut(part, '=', &name, &value)) /* the first: keys end with more of them */
            take_field(out, name, value);
        text = rest;
    }
}

static bool account_name_good(spoke_str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!((name.ptr[i] >= 'a' && name.ptr[i] <= 'z') || (name.ptr[i] >= '0' && name.ptr[i] <= '9')))
            return false;
    return name.len >= 3 && name.len <= 24;
}

/* What may stand in a host with a port and a path: it goes into an address as it is. */
static bool host_good(const char *host)
{
    return host[0] != '\0' &&
           strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:/[]") == strlen(host);
}

static bool starts_nocase(spoke_str text, spoke_str with)
{
    return text.len >= with.len && spoke_str_equal_nocase(spoke_str_from(text.ptr, with.len), with);
}

static bool set_host(const struct fields *f, struct blob_account *out)
{
    int len;
    if (f->endpoint.len > 0) {
        out->plain = starts_nocase(f->endpoint, SPOKE_STR("http://"));
        if (!out->plain && !starts_nocase(f->endpoint, SPOKE_STR("https://")))
            return false;
        const size_t scheme = out->plain ? 7 : 8;
        size_t end = f->endpoint.len;
        while (end > scheme && f->endpoint.ptr[end - 1] == '/')
            end--;
        len = snprintf(out->host, sizeof out->host, "%.*s", (int)(end - scheme), f->endpoint.ptr + scheme);
    } else {
        const spoke_str suffix = f->suffix.len > 0 ? f->suffix : SPOKE_STR("core.windows.net");
        out->plain = spoke_str_equal_nocase(f->protocol, SPOKE_STR("http"));
        len = snprintf(out->host, sizeof out->host, "%s.blob.%.*s", out->name, (int)suffix.len, suffix.ptr);
    }
    return len > 0 && (size_t)len < sizeof out->host && host_good(out->host);
}

spoke_status blob_account_read(spoke_str connection, struct blob_account *out, const char **why)
{
    struct fields f;
    memset(out, 0, sizeof *out);
    split(connection, &f);
    *why = NULL;
    if (!account_name_good(f.name))
        *why = "AccountName has to be 3 to 24 lower-case letters and digits";
    else if (spoke_key_from_base64(f.key, &out->key) != SPOKE_OK)
        *why = "AccountKey has to be the base64 of a key";
    if (*why != NULL)
        return SPOKE_E_ARG;
    memcpy(out->name, f.name.ptr, f.name.len);
    if (set_host(&f, out))
        return SPOKE_OK;
    spoke_key_wipe(&out->key);
    *why = "BlobEndpoint or EndpointSuffix is not an address";
    return SPOKE_E_ARG;
}

/* --- names --- */

bool blob_container_good(spoke_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        const char ch = name.ptr[i];
        const bool dash = ch == '-';
        if (!dash && !(ch >= 'a' && ch <= 'z') && !(ch >= '0' && ch <= '9'))
            return false;
        if (dash && (i == 0 || i == name.len - 1 || name.ptr[i - 1] == '-'))
            return false;
    }
    return name.len >= 3 && name.len <= 63;
}

static bool segment_good(spoke_str segment)
{
    return segment.len > 0 && !spoke_str_equal(segment, SPOKE_STR(".")) &&
           !spoke_str_equal(segment, SPOKE_STR(".."));
}

bool blob_name_good(spoke_str name)
{
    if (name.len == 0 || name.len >= BLOB_NAME_CAP || !spoke_utf8_valid(name))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.ptr[i] < 0x20 || name.ptr[i] == 0x7f || name.ptr[i] == '\\')
            return false;
    for (spoke_str rest = name, segment, tail; rest.len > 0; rest = tail) {
        tail = spoke_str_from("", 0);
        segment = rest;
        if (spoke_str_cut(rest, '/', &segment, &tail) && tail.len == 0)
            return false; /* a slash at the end */
        if (!segment_good(segment))
            return false;
    }
    return true;
}

/* --- signatures --- */

static spoke_status sign(struct blob_account *account, spoke_str container, spoke_str blob, const char *expiry,
                         spoke_buf *signature)
{
    /* permissions, start, expiry, resource, identifier, ip, protocol, version, kind, snapshot, encryption scope, and
     * five headers of the answer; what is not used is empty */
    char text[BLOB_NAME_CAP + 300];
    uint8_t mac[32];
    const int len =
        snprintf(text, sizeof text, PERMISSIONS "\n\n%s\n/blob/%s/%.*s/%.*s\n\n\n\n" VERSION "\nb\n\n\n\n\n\n\n",
                 expiry, account->name, (int)container.len, container.ptr, (int)blob.len, blob.ptr);
    if (len < 0 || (size_t)len >= sizeof text)
        return SPOKE_E_TOO_SMALL;
    spoke_status status = spoke_key_hmac(&account->key, spoke_str_from(text, (size_t)len), mac);
    if (status == SPOKE_OK)
        status = base64_encode(spoke_str_from((const char *)mac, sizeof mac), signature);
    spoke_wipe(mac, sizeof mac);
    return status;
}

spoke_status blob_sas(struct blob_account *account, spoke_str container, spoke_str blob, int64_t expires_s,
                      spoke_buf *out)
{
    char expiry[32], signature[64];
    spoke_buf when = spoke_buf_from(expiry, sizeof expiry - 1);
    spoke_buf sig = spoke_buf_from(signature, sizeof signature);
    spoke_status status = iso8601_format(expires_s * 1000, 0, &when);
    if (status != SPOKE_OK)
        return status;
    expiry[when.len] = '\0';
    status = sign(account, container, blob, expiry, &sig);
    if (status == SPOKE_OK)
        status = spoke_buf_append(out, SPOKE_STR("?sv=" VERSION "&sr=b&sp=" PERMISSIONS "&se="));
    if (status == SPOKE_OK)
        status = url_encode(spoke_buf_str(&when), out);
    if (status == SPOKE_OK)
        status = spoke_buf_append(out, SPOKE_STR("&sig="));
    return status == SPOKE_OK ? url_encode(spoke_buf_str(&sig), out) : status;
}
