#include <stdalign.h>
#include <string.h>

#include "transport/layout.h"
#include "transport/native_error.h"
#include "transport/native_link.h"
#include "transport/tls_options.h"

static bool plain(const spoke_transport_options *options)
{
    return !SPOKE_WITH_TLS || (options->tls.test_only & SPOKE_TEST_ONLY_PLAINTEXT) != 0;
}

struct layout {
    size_t link, identity, tls, session, total;
};

static bool lay_out(const spoke_transport_options *options, struct layout *out)
{
    const size_t session_bytes = spoke_mqtt_size(&options->limits);
    out->total = 0;
    if (session_bytes == 0 || !layout_add(&out->total, sizeof(spoke_transport)))
        return false;
    out->link = out->total;
    if (!layout_add(&out->total, options->platform->net->link_bytes))
        return false;
    out->identity = out->total;
    if (!plain(options) && !layout_add(&out->total, sizeof(struct native_identity)))
        return false;
    out->tls = out->total;
    if (!plain(options) && !layout_add(&out->total, tls_size()))
        return false;
    out->session = out->total;
    return layout_add(&out->total, session_bytes);
}

static bool complete(const spoke_transport_options *options)
{
    const spoke_platform *platform = options != NULL ? options->platform : NULL;
    return platform != NULL && platform->monotonic_ms != NULL && platform->random != NULL && platform->net != NULL;
}

size_t native_size(const spoke_transport_options *options)
{
    struct layout layout;
    return complete(options) && lay_out(options, &layout) ? layout.total : 0;
}

static spoke_status refuse(spoke_error *error, spoke_status status, spoke_source source, int32_t detail,
                           const char *text)
{
    *error = (spoke_error){status, source, detail, SPOKE_WITH_SENTENCES ? text : spoke_status_text(status)};
    return status;
}

static spoke_status make_context(const spoke_transport *t, const spoke_tls_options *tls, struct tls_context **out,
                                 spoke_error *error)
{
    const bool names_none = tls->trust_pem == NULL && tls->trust_file == NULL;
    struct tls_context_options wanted = {
        .trust_pem = tls->trust_pem,
        .trust = names_none ? t->identity->shared_trust : NULL,
        .cert_pem = tls->client_cert_pem,
        .key_pem = tls->client_key_pem,
        .do_not_verify = (tls->test_only & SPOKE_TEST_ONLY_DO_NOT_VERIFY_SERVER) != 0,
        .random = t->platform->random,
        .random_ctx = t->platform->ctx,
    };
    if (tls->trust_pem == NULL)
        wanted.trust_file = tls->trust_file;
    if (names_none && wanted.trust == NULL && !wanted.do_not_verify)
        wanted.trust_file = TLS_SYSTEM_TRUST_FILE;
    const char *why = NULL;
    int32_t detail = 0;
    const spoke_status status = tls_context_create(&wanted, out, &why, &detail);
    return status == SPOKE_OK ? SPOKE_OK : refuse(error, status, SPOKE_SOURCE_TLS, detail, why);
}

static spoke_status make_tls(spoke_transport *t, struct native_identity *identity, void *memory,
                             const spoke_transport_options *options, spoke_error *error)
{
    memset(identity, 0, sizeof(*identity));
    identity->shared_trust = options->trust;
    t->identity = identity;
    spoke_status status = make_context(t, &options->tls, &identity->context, error);
    if (status != SPOKE_OK)
        return status;
    identity->used = identity->context;
    identity->tls = options->tls;
    status = tls_init(memory, tls_size(), identity->context, &t->stream.tls);
    return status == SPOKE_OK ? SPOKE_OK : refuse(error, status, SPOKE_SOURCE_TLS, 0, spoke_status_text(status));
}

void native_fini(spoke_transport *t)
{
    const spoke_platform *platform = t->platform;
    if (t->session != NULL)
        spoke_mqtt_lost(t->session, SPOKE_E_STATE); /* wipes a CONNECT that is still queued */
    if (t->stream.link != NULL)
        platform->net->fini(platform->ctx, t->stream.link);
    if (native_stream_tls(&t->stream) != NULL)
        tls_fini(native_stream_tls(&t->stream));
    struct native_identity *identity = native_identity(t);
    if (identity != NULL) {
        tls_context_destroy(identity->former);
        tls_context_destroy(identity->context);
        spoke_wipe(identity, sizeof(*identity));
    }
    spoke_wipe(t, sizeof(*t));
}

/* --- another trust or identity --- */

static void swap_former(struct native_identity *identity)
{
    struct tls_context *context = identity->context;
    const spoke_tls_options tls = identity->tls;
    identity->context = identity->former;
    identity->tls = identity->former_tls;
    identity->former = context;
    identity->former_tls = tls;
}

static spoke_status drop_former(spoke_transport *t, spoke_error *error)
{
    struct native_identity *identity = t->identity;
    if (identity->former == NULL)
        return SPOKE_OK;
    if (identity->used == identity->former && t->phase != NATIVE_CLOSED)
        return refuse(error, SPOKE_E_STATE, SPOKE_SOURCE_CLIENT, 0,
                      "the link still uses the former credentials: close it first");
    if (identity->used == identity->former)
        tls_use(t->stream.tls, identity->context);
    identity->used = identity->context;
    tls_context_destroy(identity->former);
    identity->former = NULL;
    return SPOKE_OK;
}

spoke_status native_credentials(spoke_transport *t, const spoke_tls_options *tls, spoke_error *error)
{
    struct native_identity *identity = native_identity(t);
    *error = native_error_none();
    if (identity == NULL)
        return SPOKE_OK;
    if (tls == NULL)
        return drop_former(t, error);
    if (identity->former != NULL && tls_options_equal(tls, &identity->former_tls)) {
        swap_former(identity);
        return SPOKE_OK;
    }
    if (identity->former != NULL)
        return refuse(error, SPOKE_E_STATE, SPOKE_SOURCE_CLIENT, 0,
                      "former credentials are still kept: drop them before others are taken");
    spoke_tls_options wanted = *tls;
    wanted.test_only = t->test_only;
    const spoke_status status = make_context(t, &wanted, &identity->former, error);
    if (status != SPOKE_OK)
        return status;
    identity->former_tls = wanted;
    swap_former(identity);
    return SPOKE_OK;
}

/* --- life --- */

static spoke_status build(spoke_transport *t, const spoke_transport_options *options, const struct layout *layout,
                          spoke_error *error)
{
    const spoke_platform *platform = options->platform;
    uint8_t *memory = (uint8_t *)t;
    spoke_status status =
        spoke_mqtt_init(memory + layout->session, layout->total - layout->session, &options->limits, &t->session);
    if (status != SPOKE_OK)
        return refuse(error, status, SPOKE_SOURCE_MQTT, 0, "a limit of the MQTT session is out of range");
    struct native_identity *identity = (void *)(memory + layout->identity);
    if (!plain(options) && (status = make_tls(t, identity, memory + layout->tls, options, error)) != SPOKE_OK)
        return status;
    void *link = memory + layout->link;
    status = platform->net->init(platform->ctx, link);
    if (status != SPOKE_OK)
        return refuse(error, status, SPOKE_SOURCE_PORT, platform->net->detail(platform->ctx, link),
                      "the port could not prepare a connection: see detail");
    t->stream.link = link;
    return SPOKE_OK;
}

spoke_status native_init(void *memory, size_t size, const spoke_transport_options *options, spoke_transport **out,
                         spoke_error *error)
{
    struct layout layout;
    *error = native_error_none();
    if (memory == NULL || (uintptr_t)memory % alignof(max_align_t) != 0 || !complete(options))
        return refuse(error, SPOKE_E_ARG, SPOKE_SOURCE_CLIENT, 0,
                      "the transport needs aligned memory and a complete platform");
    if (!SPOKE_WITH_TLS && (options->tls.test_only & SPOKE_TEST_ONLY_PLAINTEXT) == 0)
        return refuse(error, SPOKE_E_UNSUPPORTED, SPOKE_SOURCE_CLIENT, 0, "this build has no TLS: SPOKE_WITH_TLS");
    if (!lay_out(options, &layout))
        return refuse(error, SPOKE_E_ARG, SPOKE_SOURCE_CLIENT, 0, "a limit of the transport is out of range");
    if (size < layout.total)
        return refuse(error, SPOKE_E_NO_MEMORY, SPOKE_SOURCE_CLIENT, 0,
                      "the memory for the transport is too small");
    spoke_transport *t = memory;
    memset(t, 0, sizeof(*t));
    t->platform = t->stream.platform = options->platform;
    t->test_only = options->tls.test_only;
    const spoke_status status = build(t, options, &layout, error);
    if (status != SPOKE_OK) {
        native_fini(t);
        return status;
    }
    *out = t;
    return SPOKE_OK;
}
