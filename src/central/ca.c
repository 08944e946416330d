#include "ca.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <mbedtls/asn1write.h>
#include <mbedtls/ecp.h>

#include "base/secret.h"
#include "file.h"
#include "tls/mbedtls_compat.h"

enum {
    DAY_S = 24 * 3600,
    MAX_FILE_BYTES = 64 * 1024,
    MAX_PEM_BYTES = 8192,
    MAX_NAMES_DER = 2048,
    SAN_DNS = 2, /* GeneralName (RFC 5280 section 4.2.1.6) */
    SAN_IP = 7
};

struct ca {
    const struct ca_options *options;
    char *why;
    size_t why_cap;
    mbedtls_pk_context ca_key, server_key;
    mbedtls_x509_crt ca_cert, server_cert;
    uint8_t names[MAX_NAMES_DER]; /* the subjectAltName value, at the end of the array */
    size_t names_len;
    bool has_ca, has_server, new_ca, new_cert;
};

#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
static spoke_status
fail(const struct ca *ca, spoke_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(ca->why, ca->why_cap, format, arguments);
    va_end(arguments);
    return status;
}

static int take_random(void *ctx, unsigned char *out, size_t len)
{
    const struct ca_options *options = ctx;
    return options->random(options->random_ctx, out, len) == SPOKE_OK ? 0 : MBEDTLS_ERR_ENTROPY_SOURCE_FAILED;
}

/* mbedTLS wants it writable and promises not to write. */
static void *random_ctx(const struct ca *ca)
{
    return (void *)(uintptr_t)ca->options;
}

/* --- files --- */

static char *path_of(const struct ca *ca, const char *name, const char *suffix)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s%s", ca->options->folder, name, suffix) < 0 ? NULL : path;
}

static char *read_whole(FILE *file)
{
    char *text = malloc(MAX_FILE_BYTES + 1);
    if (text == NULL)
        return NULL;
    const size_t len = fread(text, 1, MAX_FILE_BYTES, file);
    text[len] = '\0';
    return text;
}

/* E_NOT_FOUND: no such file. */
static spoke_status read_file(const struct ca *ca, const char *name, char **text)
{
    char *path = path_of(ca, name, "");
    if (path == NULL)
        return SPOKE_E_NO_MEMORY;
    FILE *file = fopen(path, "rbe");
    const int reason = errno;
    free(path);
    if (file == NULL && reason == ENOENT)
        return SPOKE_E_NOT_FOUND;
    if (file == NULL)
        return fail(ca, SPOKE_E_PORT, "%s/%s cannot be read: %s", ca->options->folder, name, strerror(reason));
    *text = read_whole(file);
    (void)fclose(file);
    return *text != NULL ? SPOKE_OK : SPOKE_E_NO_MEMORY;
}

static bool write_all(int fd, const char *text, mode_t mode)
{
    size_t left = strlen(text);
    while (left > 0) {
        const ssize_t count = write(fd, text, left);
        if (count < 0 && errno != EINTR)
            return false;
        text += count > 0 ? count : 0;
        left -= count > 0 ? (size_t)count : 0;
    }
    return fchmod(fd, mode) == 0 && fsync(fd) == 0;
}

/* A whole file or none, and at no moment with wider rights than `mode`. */
static spoke_status write_file(const struct ca *ca, const char *name, const char *text, mode_t mode)
{
    char *path = path_of(ca, name, ""), *draft = path_of(ca, name, ".new");
    bool done = false;
    if (path != NULL && draft != NULL) {
        (void)unlink(draft);
        const int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        done = fd >= 0 && write_all(fd, text, mode);
        if (fd >= 0)
            done = close(fd) == 0 && done;
        done = done && rename(draft, path) == 0;
    }
    const int reason = errno;
    free(path);
    free(draft);
    if (done)
        return SPOKE_OK;
    return fail(ca, SPOKE_E_PORT, "%s/%s cannot be written: %s", ca->options->folder, name, strerror(reason));
}

/* --- what is there --- */

static spoke_status parse_cert(const struct ca *ca, const char *name, mbedtls_x509_crt *cert)
{
    char *text = NULL;
    spoke_status status = read_file(ca, name, &text);
    if (status != SPOKE_OK)
        return status;
    if (mbedtls_x509_crt_parse(cert, (const unsigned char *)text, strlen(text) + 1) != 0)
        status = fail(ca, SPOKE_E_CERTIFICATE, "%s/%s is not a certificate in PEM form; restore or remove it",
                      ca->options->folder, name);
    free(text);
    return status;
}

static spoke_status parse_key(const struct ca *ca, const char *name, mbedtls_pk_context *key)
{
    char *text = NULL;
    spoke_status status = read_file(ca, name, &text);
    if (status != SPOKE_OK)
        return status;
    if (compat_parse_key(key, text, strlen(text) + 1, take_random, random_ctx(ca)) != 0)
        status = fail(ca, SPOKE_E_CERTIFICATE, "%s/%s is not a private key in PEM form; restore or remove it",
                      ca->options->folder, name);
    secret_free(text);
    return status;
}

/* Both or neither: a half pair is somebody's mistake, and making a new one would lock every device out. */
static spoke_status load_pair(const struct ca *ca, const char *cert_name, const char *key_name,
                              mbedtls_x509_crt *cert, mbedtls_pk_context *key, bool *found)
{
    const spoke_status cert_status = parse_cert(ca, cert_name, cert);
    if (cert_status != SPOKE_OK && cert_status != SPOKE_E_NOT_FOUND)
        return cert_status;
    const spoke_status key_status = parse_key(ca, key_name, key);
    if (key_status != SPOKE_OK && key_status != SPOKE_E_NOT_FOUND)
        return key_status;
    *found = cert_status == SPOKE_OK && key_status == SPOKE_OK;
    if (cert_status != key_status)
        return fail(ca, SPOKE_E_CERTIFICATE,
                    "%s has %s without %s; restore the pair, or remove both for a new one", ca->options->folder,
                    cert_status == SPOKE_OK ? cert_name : key_name,
                    cert_status == SPOKE_OK ? key_name : cert_name);
    if (*found && compat_check_pair(&cert->pk, key, take_random, random_ctx(ca)) != 0)
        return fail(ca, SPOKE_E_CERTIFICATE, "%s/%s does not belong to %s; restore the pair, or remove both",
                    ca->options->folder, key_name, cert_name);
    return SPOKE_OK;
}

static int64_t seconds_of(const mbedtls_x509_time *t)
{
    struct tm fields = {.tm_year = t->year - 1900,
                        .tm_mon = t->mon - 1,
                        .tm_mday = t->day,
                        .tm_hour = t->hour,
                        .tm_min = t->min,
                        .tm_sec = t->sec};
    return timegm(&fields);
}

static bool ends_soon(const struct ca *ca, const mbedtls_x509_crt *cert)
{
    return seconds_of(&cert->valid_to) - ca->options->unix_s < (int64_t)CA_RENEW_BEFORE_DAYS * DAY_S;
}

static bool bears_names(const struct ca *ca, const mbedtls_x509_crt *cert)
{
    const uint8_t *names = ca->names + sizeof ca->names - ca->names_len;
    return memmem(cert->v3_ext.p, cert->v3_ext.len, names, ca->names_len) != NULL;
}

/* Signature and issuer; the dates are looked at elsewhere. */
static bool is_signed_by_ca(struct ca *ca)
{
    uint32_t flags = 0;
    (void)mbedtls_x509_crt_verify(&ca->server_cert, &ca->ca_cert, NULL, NULL, &flags, NULL, NULL);
    return (flags & (uint32_t)MBEDTLS_X509_BADCERT_NOT_TRUSTED) == 0;
}

/* --- making --- */

static int add_name(unsigned char **at, unsigned char *start, const char *name)
{
    uint8_t address[16];
    size_t len = 0;
    if (inet_pton(AF_INET, name, address) == 1)
        len = 4;
    else if (inet_pton(AF_INET6, name, address) == 1)
        len = 16;
    const unsigned char *value = len > 0 ? address : (const unsigned char *)name;
    const unsigned char tag = MBEDTLS_ASN1_CONTEXT_SPECIFIC | (len > 0 ? SAN_IP : SAN_DNS);
    if (len == 0)
        len = strlen(name);
    int total = mbedtls_asn1_write_raw_buffer(at, start, value, len);
    if (total >= 0 && mbedtls_asn1_write_len(at, start, len) >= 0)
        total = mbedtls_asn1_write_tag(at, start, tag);
    return total;
}

/* By hand: mbedTLS 2.28 cannot write subjectAltName. DER is written from its end to its beginning. */
static spoke_status encode_names(struct ca *ca)
{
    unsigned char *const end = ca->names + sizeof ca->names, *at = end;
    int result = 0;
    for (size_t i = ca->options->name_count; i > 0 && result >= 0; i--)
        result = add_name(&at, ca->names, ca->options->names[i - 1]);
    if (result >= 0)
        result = mbedtls_asn1_write_len(&at, ca->names, (size_t)(end - at));
    if (result >= 0)
        result = mbedtls_asn1_write_tag(&at, ca->names, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE);
    ca->names_len = (size_t)(end - at);
    return result >= 0 ? SPOKE_OK : fail(ca, SPOKE_E_ARG, "the host names of the service are too long");
}

static int make_key(const struct ca *ca, mbedtls_pk_context *key)
{
    mbedtls_pk_free(key);
    mbedtls_pk_init(key);
    const int result = mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
    if (result != 0)
        return result;
    return mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(*key), take_random, random_ctx(ca));
}

static int set_serial(const struct ca *ca, mbedtls_x509write_cert *draft)
{
    uint8_t serial[16];
    int result = take_random(random_ctx(ca), serial, sizeof serial);
    serial[0] = (uint8_t)((serial[0] & 0x7F) | 0x40); /* positive, and never shorter */
#if MBEDTLS_VERSION_NUMBER >= 0x03040000
    return result != 0 ? result : mbedtls_x509write_crt_set_serial_raw(draft, serial, sizeof serial);
#else
    mbedtls_mpi number;
    mbedtls_mpi_init(&number);
    if (result == 0)
        result = mbedtls_mpi_read_binary(&number, serial, sizeof serial);
    if (result == 0)
        result = mbedtls_x509write_crt_set_serial(draft, &number);
    mbedtls_mpi_free(&number);
    return result;
#endif
}

static int set_validity(const struct ca *ca, mbedtls_x509write_cert *draft, int days)
{
    /* A day back: the clocks of devices and of the machine next door differ. */
    const time_t first = (time_t)(ca->options->unix_s - DAY_S);
    const time_t last = (time_t)(ca->options->unix_s + (int64_t)days * DAY_S);
    char from[16] = "", to[16] = "";
    struct tm fields;
    if (gmtime_r(&first, &fields) == NULL || strftime(from, sizeof from, "%Y%m%d%H%M%S", &fields) != 14 ||
        gmtime_r(&last, &fields) == NULL || strftime(to, sizeof to, "%Y%m%d%H%M%S", &fields) != 14)
        return MBEDTLS_ERR_X509_INVALID_DATE;
    return mbedtls_x509write_crt_set_validity(draft, from, to);
}

struct profile {
    const char *subject, *issuer;
    mbedtls_pk_context *subject_key, *issuer_key;
    bool is_ca;
    int days;
};

static int set_server_extensions(const struct ca *ca, mbedtls_x509write_cert *draft)
{
    /* SEQUENCE { id-kp-serverAuth } (RFC 5280 section 4.2.1.12) */
    static const unsigned char usage[] = {0x30, 0x0A, 0x06, 0x08, 0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01};
    int result = mbedtls_x509write_crt_set_extension(draft, MBEDTLS_OID_EXTENDED_KEY_USAGE,
                                                     MBEDTLS_OID_SIZE(MBEDTLS_OID_EXTENDED_KEY_USAGE), 0, usage,
                                                     sizeof usage);
    if (result != 0)
        return result;
    return mbedtls_x509write_crt_set_extension(draft, MBEDTLS_OID_SUBJECT_ALT_NAME,
                                               MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME), 0,
                                               ca->names + sizeof ca->names - ca->names_len, ca->names_len);
}

static int fill_draft(const struct ca *ca, mbedtls_x509write_cert *draft, const struct profile *profile)
{
    mbedtls_x509write_crt_set_version(draft, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(draft, MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(draft, profile->subject_key);
    mbedtls_x509write_crt_set_issuer_key(draft, profile->issuer_key);
    int result = set_serial(ca, draft);
    if (result == 0)
        result = set_validity(ca, draft, profile->days);
    if (result == 0)
        result = mbedtls_x509write_crt_set_subject_name(draft, profile->subject);
    if (result == 0)
        result = mbedtls_x509write_crt_set_issuer_name(draft, profile->issuer);
    if (result == 0)
        result = mbedtls_x509write_crt_set_basic_constraints(draft, profile->is_ca, profile->is_ca ? 0 : -1);
    if (result == 0)
        result = mbedtls_x509write_crt_set_key_usage(draft, profile->is_ca ? MBEDTLS_X509_KU_KEY_CERT_SIGN |
                                                                                 MBEDTLS_X509_KU_CRL_SIGN
                                                                           : MBEDTLS_X509_KU_DIGITAL_SIGNATURE);
    if (result == 0)
        result = mbedtls_x509write_crt_set_subject_key_identifier(draft);
    if (result == 0)
        result = mbedtls_x509write_crt_set_authority_key_identifier(draft);
    return result != 0 || profile->is_ca ? result : set_server_extensions(ca, draft);
}

/* Writes the certificate to its file and parses it into *cert. */
static spoke_status make_cert(const struct ca *ca, const struct profile *profile, const char *name,
                              mbedtls_x509_crt *cert)
{
    unsigned char pem[MAX_PEM_BYTES];
    mbedtls_x509write_cert draft;
    mbedtls_x509write_crt_init(&draft);
    int result = fill_draft(ca, &draft, profile);
    if (result == 0)
        result = mbedtls_x509write_crt_pem(&draft, pem, sizeof pem, take_random, random_ctx(ca));
    mbedtls_x509write_crt_free(&draft);
    mbedtls_x509_crt_free(cert);
    mbedtls_x509_crt_init(cert);
    if (result == 0)
        result = mbedtls_x509_crt_parse(cert, pem, strlen((const char *)pem) + 1);
    if (result != 0)
        return fail(ca, SPOKE_E_CERTIFICATE, "the certificate %s could not be made (mbedTLS -0x%04x)", name,
                    (unsigned)-result);
    return write_file(ca, name, (const char *)pem, 0644);
}

static spoke_status make_key_file(const struct ca *ca, mbedtls_pk_context *key, const char *name)
{
    unsigned char pem[MAX_PEM_BYTES];
    int result = make_key(ca, key);
    if (result == 0)
        result = mbedtls_pk_write_key_pem(key, pem, sizeof pem);
    if (result != 0)
        return fail(ca, SPOKE_E_CERTIFICATE, "the key %s could not be made (mbedTLS -0x%04x)", name,
                    (unsigned)-result);
    const spoke_status status = write_file(ca, name, (const char *)pem, 0600);
    spoke_wipe(pem, sizeof pem);
    return status;
}

/* --- deciding --- */

static spoke_status ready_ca(struct ca *ca)
{
    spoke_status status = load_pair(ca, "ca.pem", "ca.key", &ca->ca_cert, &ca->ca_key, &ca->has_ca);
    if (status != SPOKE_OK || (ca->has_ca && !ends_soon(ca, &ca->ca_cert)))
        return status;
    char name[512];
    if (ca->has_ca) { /* the same key under the same name: what it signed stays good */
        if (mbedtls_x509_dn_gets(name, sizeof name, &ca->ca_cert.subject) < 0)
            return fail(ca, SPOKE_E_CERTIFICATE, "the subject of ca.pem is too long");
    } else { /* a name of its own, so that the CAs of two services in one trust store are two */
        uint8_t tag[4] = {0};
        (void)take_random(random_ctx(ca), tag, sizeof tag);
        (void)snprintf(name, sizeof name, "CN=spoke-central development CA %02x%02x%02x%02x", tag[0], tag[1],
                       tag[2], tag[3]);
        status = make_key_file(ca, &ca->ca_key, "ca.key");
    }
    const struct profile profile = {name, name, &ca->ca_key, &ca->ca_key, true, CA_DAYS};
    if (status == SPOKE_OK)
        status = make_cert(ca, &profile, "ca.pem", &ca->ca_cert);
    ca->new_ca = true;
    return status;
}

static spoke_status ready_server(struct ca *ca)
{
    spoke_status status =
        load_pair(ca, "server.pem", "server.key", &ca->server_cert, &ca->server_key, &ca->has_server);
    if (status != SPOKE_OK)
        return status;
    if (ca->has_server && !ca->new_ca && !ends_soon(ca, &ca->server_cert) && bears_names(ca, &ca->server_cert) &&
        is_signed_by_ca(ca))
        return SPOKE_OK;
    char issuer[512];
    if (mbedtls_x509_dn_gets(issuer, sizeof issuer, &ca->ca_cert.subject) < 0)
        return fail(ca, SPOKE_E_CERTIFICATE, "the subject of ca.pem is too long");
    const struct profile profile = {"CN=spoke-central", issuer, &ca->server_key,
                                    &ca->ca_key,        false,  CA_SERVER_DAYS};
    if (!ca->has_server)
        status = make_key_file(ca, &ca->server_key, "server.key");
    if (status == SPOKE_OK)
        status = make_cert(ca, &profile, "server.pem", &ca->server_cert);
    ca->new_cert = true;
    return status;
}

static spoke_status hand_over(const struct ca *ca, struct ca_identity *out)
{
    out->new_ca = ca->new_ca;
    out->new_cert = ca->new_cert;
    out->ca_file = path_of(ca, "ca.pem", "");
    spoke_status status = out->ca_file != NULL ? SPOKE_OK : SPOKE_E_NO_MEMORY;
    if (status == SPOKE_OK)
        status = read_file(ca, "server.pem", &out->cert_pem);
    if (status == SPOKE_OK)
        status = read_file(ca, "server.key", &out->key_pem);
    return status;
}

/* A CA that was handed out and is gone after a power cut would lock every device out. */
static spoke_status settle(const struct ca *ca)
{
    if (file_sync_folder(ca->options->folder))
        return SPOKE_OK;
    return fail(ca, SPOKE_E_PORT, "the folder %s does not get to the disk: %s", ca->options->folder,
                strerror(errno));
}

spoke_status ca_open(const struct ca_options *options, struct ca_identity *out, char *why, size_t why_cap)
{
    memset(out, 0, sizeof *out);
    struct ca *ca = calloc(1, sizeof *ca);
    if (ca == NULL)
        return SPOKE_E_NO_MEMORY;
    ca->options = options;
    ca->why = why;
    ca->why_cap = why_cap;
    mbedtls_pk_init(&ca->ca_key);
    mbedtls_pk_init(&ca->server_key);
    mbedtls_x509_crt_init(&ca->ca_cert);
    mbedtls_x509_crt_init(&ca->server_cert);
    spoke_status status = compat_start() ? encode_names(ca) : SPOKE_E_NO_MEMORY;
    if (status == SPOKE_OK)
        status = ready_ca(ca);
    if (status == SPOKE_OK)
        status = ready_server(ca);
    if (status == SPOKE_OK)
        status = settle(ca);
    if (status == SPOKE_OK)
        status = hand_over(ca, out);
    if (status != SPOKE_OK)
        ca_identity_free(out);
    mbedtls_x509_crt_free(&ca->server_cert);
    mbedtls_x509_crt_free(&ca->ca_cert);
    mbedtls_pk_free(&ca->server_key);
    mbedtls_pk_free(&ca->ca_key);
    free(ca);
    return status;
}

void ca_identity_free(struct ca_identity *identity)
{
    free(identity->ca_file);
    free(identity->cert_pem);
    secret_free(identity->key_pem);
    memset(identity, 0, sizeof *identity);
}
