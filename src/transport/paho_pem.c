#include "transport/paho_pem.h"

#include <errno.h>
#include <spoke/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Where Debian, Alpine, Arch and OpenWrt keep the trusted certificates. */
static const char system_trust_file[] = "/etc/ssl/certs/ca-certificates.crt";

enum { TRUST_FILE_BYTES = 4 << 20 }; /* a larger one is used, but nobody looks when it ends */
enum { LINE_BYTES = 1024 }; /* RFC 7468 writes 64 characters a line; a longer line than this is no PEM of ours */

static spoke_status refuse(spoke_error *error, spoke_status status, spoke_source source, int32_t detail,
                           const char *text)
{
    *error = (spoke_error){status, source, detail, text};
    return status;
}

/* --- looking through PEM --- */

enum pem_kind { PEM_CERTIFICATE, PEM_KEY };

static bool ends_with(const char *text, const char *end)
{
    const size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static bool is_boundary(const char *line, const char *begin, enum pem_kind kind)
{
    if (strncmp(line, begin, strlen(begin)) != 0)
        return false;
    return ends_with(line, kind == PEM_CERTIFICATE ? "CERTIFICATE-----" : "PRIVATE KEY-----");
}

static bool is_base64(const char *line)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
    return line[0] != '\0' && strspn(line, letters) == strlen(line);
}

/* Number of whole blocks of that kind; -1: one is broken, or asks for a pass phrase. What stands between blocks,
 * and blocks of other kinds, do not matter. */
static int count_blocks(FILE *file, enum pem_kind kind)
{
    char line[LINE_BYTES];
    bool inside = false, broken = false;
    int count = 0;
    while (!broken && fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        if (!inside) {
            inside = is_boundary(line, "-----BEGIN ", kind);
            broken = inside && strstr(line, "ENCRYPTED") != NULL; /* OpenSSL would ask for it at the terminal */
        } else if (is_boundary(line, "-----END ", kind)) {
            inside = false;
            count++;
        } else {
            broken = !is_base64(line);
        }
    }
    spoke_wipe(line, sizeof(line));
    return broken || inside || ferror(file) != 0 ? -1 : count;
}

static int look_through(const char *path, enum pem_kind kind)
{
    char buffer[4096]; /* ours, to be wiped: there may be a key in it */
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return -1;
    setvbuf(file, buffer, _IOFBF, sizeof(buffer));
    const int count = count_blocks(file, kind);
    fclose(file);
    spoke_wipe(buffer, sizeof(buffer));
    return count;
}

/* --- how long they last --- */

static void note_ends(const char *pem, int64_t *first, int64_t *latest)
{
    int64_t a = 0, b = 0;
    if (spoke_certificate_ends(pem, &a, &b) != SPOKE_OK)
        return; /* OpenSSL will judge */
    *first = a;
    *latest = b;
}

static void note_file_ends(const char *path, int64_t *latest)
{
    int64_t first;
    char *text = malloc(TRUST_FILE_BYTES);
    FILE *file = text != NULL ? fopen(path, "re") : NULL;
    const size_t len = file != NULL ? fread(text, 1, TRUST_FILE_BYTES, file) : 0;
    if (len > 0 && len < TRUST_FILE_BYTES) {
        text[len] = '\0';
        note_ends(text, &first, latest);
    }
    if (file != NULL)
        fclose(file);
    free(text);
}

/* --- text as a file --- */

static spoke_status write_all(int fd, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        const ssize_t count = write(fd, text, left);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return SPOKE_E_PORT;
        text += count;
        left -= (size_t)count;
    }
    return SPOKE_OK;
}

static spoke_status keep_text(struct paho_file *file, const char *text, spoke_error *error)
{
    file->fd = memfd_create("spoke-pem", MFD_CLOEXEC);
    if (file->fd < 0 || write_all(file->fd, text) != SPOKE_OK)
        return refuse(error, SPOKE_E_PORT, SPOKE_SOURCE_PORT, errno,
                      "no anonymous memory for a certificate or key");
    snprintf(file->name, sizeof(file->name), "/proc/self/fd/%d", file->fd);
    file->path = file->name;
    return SPOKE_OK;
}

static spoke_status open_trust(struct paho_pem *pem, const spoke_tls_options *tls, spoke_error *error)
{
    spoke_status status = SPOKE_OK;
    if (tls->trust_pem != NULL)
        status = keep_text(&pem->trust, tls->trust_pem, error);
    else if (tls->trust_file != NULL)
        pem->trust.path = tls->trust_file;
    else if ((tls->test_only & SPOKE_TEST_ONLY_DO_NOT_VERIFY_SERVER) == 0)
        pem->trust.path = system_trust_file;
    if (status != SPOKE_OK || pem->trust.path == NULL)
        return status;
    if (access(pem->trust.path, R_OK) != 0)
        return refuse(error, SPOKE_E_NOT_FOUND, SPOKE_SOURCE_TLS, errno,
                      "the file of trusted certificates cannot be read: check its name and rights");
    if (look_through(pem->trust.path, PEM_CERTIFICATE) <= 0)
        return refuse(error, SPOKE_E_CERTIFICATE, SPOKE_SOURCE_TLS, 0,
                      "the trusted certificates are not PEM: expected whole blocks of BEGIN CERTIFICATE");
    int64_t first;
    if (tls->trust_pem != NULL)
        note_ends(tls->trust_pem, &first, &pem->trust_ends);
    else if (tls->trust_file != NULL) /* the system sees to its own bundle */
        note_file_ends(tls->trust_file, &pem->trust_ends);
    return SPOKE_OK;
}

static spoke_status open_client(struct paho_pem *pem, const spoke_tls_options *tls, spoke_error *error)
{
    if ((tls->client_cert_pem == NULL) != (tls->client_key_pem == NULL))
        return refuse(error, SPOKE_E_ARG, SPOKE_SOURCE_TLS, 0,
                      "a client certificate needs its key, and the key its certificate");
    if (tls->client_cert_pem == NULL)
        return SPOKE_OK;
    spoke_status status = keep_text(&pem->cert, tls->client_cert_pem, error);
    if (status == SPOKE_OK)
        status = keep_text(&pem->key, tls->client_key_pem, error);
    if (status != SPOKE_OK)
        return status;
    if (look_through(pem->cert.path, PEM_CERTIFICATE) <= 0)
        return refuse(error, SPOKE_E_CERTIFICATE, SPOKE_SOURCE_TLS, 0,
                      "the client certificate is not PEM: expected whole blocks of BEGIN CERTIFICATE");
    if (look_through(pem->key.path, PEM_KEY) != 1)
        return refuse(error, SPOKE_E_CERTIFICATE, SPOKE_SOURCE_TLS, 0,
                      "the client key is not PEM, or has a pass phrase: expected one block of BEGIN PRIVATE KEY");
    int64_t latest;
    note_ends(tls->client_cert_pem, &pem->cert_ends, &latest);
    return SPOKE_OK;
}

void paho_pem_init(struct paho_pem *pem)
{
    memset(pem, 0, sizeof(*pem));
    pem->trust.fd = pem->cert.fd = pem->key.fd = -1;
}

spoke_status paho_pem_open(struct paho_pem *pem, const spoke_tls_options *tls, spoke_error *error)
{
    paho_pem_init(pem);
    if ((tls->test_only & SPOKE_TEST_ONLY_PLAINTEXT) != 0)
        return SPOKE_OK;
    const spoke_status status = open_trust(pem, tls, error);
    return status == SPOKE_OK ? open_client(pem, tls, error) : status;
}

static void close_file(struct paho_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
    file->path = NULL;
}

void paho_pem_close(struct paho_pem *pem)
{
    close_file(&pem->trust);
    close_file(&pem->cert);
    close_file(&pem->key);
    pem->trust_ends = pem->cert_ends = 0;
}
