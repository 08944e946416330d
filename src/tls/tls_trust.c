#include "tls_context.h"

#include <string.h>
#if defined(MBEDTLS_FS_IO)
#include <stdio.h>
#endif

#include <spoke/crypto.h>

#include "tls_error.h"

spoke_status tls_problem_set(struct tls_problem *problem, spoke_status status, int code, const char *why)
{
    problem->code = code;
    problem->why = why;
    if (!tls_error_is_memory(code))
        return status;
    problem->why = "mbedTLS has no memory left: give it a larger heap";
    return SPOKE_E_NO_MEMORY;
}

static spoke_status load_text(struct spoke_trust *trust, const char *pem, struct tls_problem *problem)
{
    const int code = mbedtls_x509_crt_parse(&trust->anchors, (const unsigned char *)pem, strlen(pem) + 1);
    return code == 0 ? SPOKE_OK
                     : tls_problem_set(problem, SPOKE_E_CERTIFICATE, code,
                                       "the trusted certificates cannot be read: they must be X.509 in PEM form");
}

#if defined(MBEDTLS_FS_IO)
/* mbedTLS takes a folder for a file without end and calls that a lack of memory. */
static bool readable(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    (void)fgetc(file);
    const bool sound = ferror(file) == 0;
    fclose(file);
    return sound;
}

static spoke_status load_file(struct spoke_trust *trust, const char *path, struct tls_problem *problem)
{
    if (!readable(path))
        return tls_problem_set(problem, SPOKE_E_NOT_FOUND, MBEDTLS_ERR_X509_FILE_IO_ERROR,
                               "the file of trusted certificates cannot be read: check its path and permissions");
    const int code = mbedtls_x509_crt_parse_file(&trust->anchors, path);
    /* Bundles of systems hold a few that mbedTLS does not know (positive: how many); the rest still counts. */
    if (code < 0 || trust->anchors.version == 0)
        return tls_problem_set(problem, SPOKE_E_CERTIFICATE, code,
                               "the file of trusted certificates holds none in PEM form");
    return SPOKE_OK;
}
#else
static spoke_status load_file(struct spoke_trust *trust, const char *path, struct tls_problem *problem)
{
    (void)trust;
    (void)path;
    return tls_problem_set(problem, SPOKE_E_UNSUPPORTED, 0,
                           "this build of mbedTLS reads no files: hand over the PEM text");
}
#endif

spoke_status tls_trust_load(struct spoke_trust *trust, const char *pem, const char *file,
                            struct tls_problem *problem)
{
    mbedtls_x509_crt_init(&trust->anchors);
    spoke_status status = pem != NULL ? load_text(trust, pem, problem) : SPOKE_OK;
    if (status == SPOKE_OK && file != NULL)
        status = load_file(trust, file, problem);
    trust->ends = tls_time_latest(&trust->anchors);
    return status;
}

void tls_trust_free(struct spoke_trust *trust)
{
    mbedtls_x509_crt_free(&trust->anchors);
}

/* From mbedTLS's heap, so that a program that gave it a buffer of its own needs no other. */
static spoke_status create(const char *pem, const char *file, spoke_trust **out, struct tls_problem *problem)
{
    if (!compat_start())
        return tls_problem_set(problem, SPOKE_E_TLS, 0, "mbedTLS could not start its PSA crypto");
    spoke_trust *trust = mbedtls_calloc(1, sizeof *trust);
    if (trust == NULL)
        return tls_problem_set(problem, SPOKE_E_NO_MEMORY, MBEDTLS_ERR_SSL_ALLOC_FAILED, NULL);
    const spoke_status status = tls_trust_load(trust, pem, file, problem);
    if (status == SPOKE_OK)
        *out = trust;
    else
        spoke_trust_destroy(trust);
    return status;
}

spoke_status spoke_trust_create(const char *pem, const char *file, spoke_trust **out, spoke_error *why)
{
    struct tls_problem problem = {spoke_status_text(SPOKE_OK), 0};
    spoke_status status = SPOKE_E_ARG;
    if (out != NULL)
        *out = NULL;
    if (out == NULL || (pem != NULL && file != NULL))
        problem.why =
            "trust is made of a PEM text or of a file: give one of the two, or none for the system's bundle";
    else
        status = create(pem, pem == NULL && file == NULL ? TLS_SYSTEM_TRUST_FILE : file, out, &problem);
    if (why != NULL)
        *why = (spoke_error){status, SPOKE_SOURCE_TLS, problem.code, problem.why};
    return status;
}

void spoke_trust_destroy(spoke_trust *trust)
{
    if (trust == NULL)
        return;
    tls_trust_free(trust);
    mbedtls_free(trust);
}
