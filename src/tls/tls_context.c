#include "tls_context.h"

#include <string.h>

#include <spoke/crypto.h>

/* A server's session tickets; the key that seals them is renewed as often. */
#define TICKET_LIFETIME_S 86400u

/* What IoT Hub and DPS take (docs/protocol.md), cheapest for a device first. */
static const int cipher_suites[] = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                                    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                                    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                                    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                                    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256,
                                    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
                                    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384,
                                    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384,
                                    0};

/* mbedTLS asks the platform's generator directly, without a CTR_DRBG of its own between: the port promises
 * cryptographic quality, a second generator would need its own lock, reseeding and care after fork, and with
 * AES-GCM no record needs random bytes, only handshakes do. */
static int random_bytes(void *ctx, unsigned char *out, size_t len)
{
    const struct tls_context *context = ctx;
    return context->random(context->random_ctx, out, len) == SPOKE_OK ? 0 : MBEDTLS_ERR_ENTROPY_SOURCE_FAILED;
}

static bool has_trust(const struct tls_context_options *options)
{
    return options->trust_pem != NULL || options->trust_file != NULL || options->trust != NULL;
}

static spoke_status check(const struct tls_context_options *options, struct tls_problem *problem)
{
    if (options->random == NULL)
        return tls_problem_set(problem, SPOKE_E_ARG, 0, "TLS needs a random source");
    if ((options->cert_pem == NULL) != (options->key_pem == NULL))
        return tls_problem_set(problem, SPOKE_E_ARG, 0,
                               "a certificate and its private key come together or not at all");
    if (options->server && options->cert_pem == NULL)
        return tls_problem_set(problem, SPOKE_E_ARG, 0, "a TLS server needs a certificate and its private key");
    if (options->server && options->do_not_verify)
        return tls_problem_set(problem, SPOKE_E_ARG, 0, "leaving out verification is for clients only");
    if (!options->server && !options->do_not_verify && !has_trust(options))
        return tls_problem_set(problem, SPOKE_E_ARG, 0,
                               "a TLS client needs trusted certificates to check the service with");
    return SPOKE_OK;
}

static int parse_pem(mbedtls_x509_crt *out, const char *pem)
{
    return mbedtls_x509_crt_parse(out, (const unsigned char *)pem, strlen(pem) + 1);
}

static spoke_status load_trust(struct tls_context *context, const struct tls_context_options *options,
                               struct tls_problem *problem)
{
    /* mbedTLS only reads the anchors, although it asks for more. */
    struct spoke_trust *trust = (struct spoke_trust *)options->trust;
    if (context->own_trust != NULL) {
        trust = context->own_trust;
        const spoke_status status = tls_trust_load(trust, options->trust_pem, options->trust_file, problem);
        if (status != SPOKE_OK)
            return status;
    }
    if (trust == NULL)
        return SPOKE_OK;
    context->trust_ends = trust->ends;
    mbedtls_ssl_conf_ca_chain(&context->config, &trust->anchors, NULL);
    return SPOKE_OK;
}

static spoke_status load_key(struct tls_context *context, const char *pem, struct tls_problem *problem)
{
    const int code = compat_parse_key(&context->identity->key, pem, strlen(pem) + 1, random_bytes, context);
    if (code == MBEDTLS_ERR_PK_PASSWORD_REQUIRED)
        return tls_problem_set(problem, SPOKE_E_CERTIFICATE, code,
                               "the private key is encrypted: hand it over decrypted");
    if (code != 0)
        return tls_problem_set(problem, SPOKE_E_CERTIFICATE, code,
                               "the private key cannot be read: it must be RSA or EC in PEM form");
    return SPOKE_OK;
}

static spoke_status load_identity(struct tls_context *context, const struct tls_context_options *options,
                                  struct tls_problem *problem)
{
    if (options->cert_pem == NULL)
        return SPOKE_OK;
    int code = parse_pem(&context->identity->chain, options->cert_pem);
    if (code != 0)
        return tls_problem_set(problem, SPOKE_E_CERTIFICATE, code,
                               "the own certificate cannot be read: it must be X.509 in PEM form, the leaf first");
    const spoke_status status = load_key(context, options->key_pem, problem);
    if (status != SPOKE_OK)
        return status;
    code = compat_check_pair(&context->identity->chain.pk, &context->identity->key, random_bytes, context);
    if (code != 0)
        return tls_problem_set(problem, SPOKE_E_CERTIFICATE, code,
                               "the private key does not belong to the own certificate");
    code = mbedtls_ssl_conf_own_cert(&context->config, &context->identity->chain, &context->identity->key);
    return code == 0 ? SPOKE_OK
                     : tls_problem_set(problem, SPOKE_E_TLS, code, "mbedTLS refused the own certificate");
}

static int auth_mode(const struct tls_context_options *options)
{
    if (!options->server)
        return options->do_not_verify ? MBEDTLS_SSL_VERIFY_NONE : MBEDTLS_SSL_VERIFY_REQUIRED;
    /* As the hub: ask every client, turn none away here; CONNECT decides. */
    return has_trust(options) || options->ask_certificate ? MBEDTLS_SSL_VERIFY_OPTIONAL : MBEDTLS_SSL_VERIFY_NONE;
}

#if defined(COMPAT_SERVER_TICKETS)
/* A ticket keeps the client's own certificate and not those above it, nor when it was judged last: a client with one
 * shakes hands in full each time. */
static int write_ticket(void *ticket, const mbedtls_ssl_session *session, unsigned char *start,
                        const unsigned char *end, size_t *len, uint32_t *lifetime)
{
    *len = 0;
    *lifetime = 0;
    if (compat_has_peer(session))
        return MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE; /* an empty ticket goes out */
    return mbedtls_ssl_ticket_write(ticket, session, start, end, len, lifetime);
}
#endif

static int offer_tickets(struct tls_context *context, bool ask_certificate)
{
#if defined(COMPAT_SERVER_TICKETS)
    if (!context->server)
        return 0;
    mbedtls_ssl_conf_session_tickets_cb(&context->config,
                                        ask_certificate ? write_ticket : mbedtls_ssl_ticket_write,
                                        mbedtls_ssl_ticket_parse, &context->identity->ticket);
    return mbedtls_ssl_ticket_setup(&context->identity->ticket, random_bytes, context, MBEDTLS_CIPHER_AES_256_GCM,
                                    TICKET_LIFETIME_S);
#else
    (void)context;
    (void)ask_certificate;
    return 0;
#endif
}

static spoke_status configure(struct tls_context *context, const struct tls_context_options *options,
                              struct tls_problem *problem)
{
    if (!compat_start())
        return tls_problem_set(problem, SPOKE_E_TLS, 0, "mbedTLS could not start its PSA crypto");
    mbedtls_ssl_config *config = &context->config;
    int code = mbedtls_ssl_config_defaults(config, options->server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT,
                                           MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    if (code == 0)
        code = offer_tickets(context, options->ask_certificate);
    if (code != 0)
        return tls_problem_set(problem, SPOKE_E_TLS, code, "mbedTLS could not be set up: see detail");
    compat_only_tls12(config);
    compat_groups(config);
    mbedtls_ssl_conf_ciphersuites(config, cipher_suites);
    mbedtls_ssl_conf_rng(config, random_bytes, context);
    mbedtls_ssl_conf_authmode(config, auth_mode(options));
    return SPOKE_OK;
}

static void init_identity(struct tls_identity *identity)
{
    mbedtls_x509_crt_init(&identity->chain);
    mbedtls_pk_init(&identity->key);
#if defined(COMPAT_SERVER_TICKETS)
    mbedtls_ssl_ticket_init(&identity->ticket);
#endif
}

static void free_identity(struct tls_identity *identity)
{
#if defined(COMPAT_SERVER_TICKETS)
    mbedtls_ssl_ticket_free(&identity->ticket);
#endif
    mbedtls_pk_free(&identity->key);
    mbedtls_x509_crt_free(&identity->chain);
}

/* A context and what of the rest is wanted. */
struct parts {
    struct tls_context context;
    struct spoke_trust trust;
    struct tls_identity identity;
};

static struct tls_context *allocate(const struct tls_context_options *options)
{
    const bool trusts = options->trust_pem != NULL || options->trust_file != NULL;
    const bool proves = options->cert_pem != NULL;
    /* From mbedTLS's heap, so that a program that gave it a buffer of its own needs no other. */
    struct parts *parts = mbedtls_calloc(1, proves   ? sizeof *parts
                                            : trusts ? offsetof(struct parts, identity)
                                                     : offsetof(struct parts, trust));
    if (parts == NULL)
        return NULL;
    struct tls_context *context = &parts->context;
    context->random = options->random;
    context->random_ctx = options->random_ctx;
    context->server = options->server;
    mbedtls_ssl_config_init(&context->config);
    if (trusts)
        context->own_trust = &parts->trust;
    if (proves)
        init_identity(context->identity = &parts->identity);
    return context;
}

static spoke_status create(const struct tls_context_options *options, struct tls_context **out,
                           struct tls_problem *problem)
{
    spoke_status status = check(options, problem);
    if (status != SPOKE_OK)
        return status;
    struct tls_context *context = allocate(options);
    if (context == NULL)
        return tls_problem_set(problem, SPOKE_E_NO_MEMORY, MBEDTLS_ERR_SSL_ALLOC_FAILED, NULL);
    status = configure(context, options, problem);
    if (status == SPOKE_OK)
        status = load_trust(context, options, problem);
    if (status == SPOKE_OK)
        status = load_identity(context, options, problem);
    if (status != SPOKE_OK) {
        tls_context_destroy(context);
        return status;
    }
    *out = context;
    return SPOKE_OK;
}

spoke_status tls_context_create(const struct tls_context_options *options, struct tls_context **out,
                                const char **why, int32_t *detail)
{
    struct tls_problem problem = {spoke_status_text(SPOKE_OK), 0};
    *out = NULL;
    const spoke_status status = create(options, out, &problem);
    if (why != NULL)
        *why = problem.why;
    if (detail != NULL)
        *detail = problem.code;
    return status;
}

void tls_context_destroy(struct tls_context *context)
{
    if (context == NULL)
        return;
    mbedtls_ssl_config_free(&context->config);
    if (context->identity != NULL)
        free_identity(context->identity);
    if (context->own_trust != NULL)
        tls_trust_free(context->own_trust);
    mbedtls_free(context);
}

void tls_context_ends(const struct tls_context *context, int64_t *own, int64_t *trust)
{
    *own = context->identity != NULL ? tls_time(&context->identity->chain.valid_to) : 0;
    *trust = context->trust_ends;
}
