#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <mbedtls/error.h>

#include <spoke/crypto.h>

#include "support/test_ca.h"
#include "tls/mbedtls_compat.h"
#include "tls/tls.h"

#define QUEUE_BYTES 65536u
#define NO_LIMIT SIZE_MAX

/* --- a pipe in memory that splits, stalls and breaks as told --- */

struct queue {
    uint8_t bytes[QUEUE_BYTES];
    size_t head, len;
};

struct end {
    struct queue *in, *out;
    size_t step;        /* most bytes a call moves */
    size_t writes_left; /* bytes this end may still write before it stalls */
    size_t life;        /* bytes this end may still move before the connection breaks */
    bool eof;           /* broken once `in` is empty */
    unsigned stalls;    /* of 100 calls, how many answer E_AGAIN */
    uint32_t seed;
};

static bool stalls(struct end *end)
{
    end->seed = end->seed * 1664525u + 1013904223u;
    return (end->seed >> 16) % 100 < end->stalls;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static spoke_status end_read(void *ctx, uint8_t *out, size_t cap, size_t *count)
{
    struct end *end = ctx;
    if (end->life == 0 || (end->eof && end->in->len == 0))
        return SPOKE_E_NET;
    if (end->in->len == 0 || stalls(end))
        return SPOKE_E_AGAIN;
    *count = least(least(cap, end->step), least(end->in->len, end->life));
    for (size_t i = 0; i < *count; i++)
        out[i] = end->in->bytes[(end->in->head + i) % QUEUE_BYTES];
    end->in->head = (end->in->head + *count) % QUEUE_BYTES;
    end->in->len -= *count;
    end->life -= end->life == NO_LIMIT ? 0 : *count;
    return SPOKE_OK;
}

static spoke_status end_write(void *ctx, const uint8_t *bytes, size_t len, size_t *count)
{
    struct end *end = ctx;
    if (end->life == 0)
        return SPOKE_E_NET;
    const size_t room = least(QUEUE_BYTES - end->out->len, end->writes_left);
    if (room == 0 || stalls(end))
        return SPOKE_E_AGAIN;
    *count = least(least(len, end->step), least(room, end->life));
    for (size_t i = 0; i < *count; i++)
        end->out->bytes[(end->out->head + end->out->len + i) % QUEUE_BYTES] = bytes[i];
    end->out->len += *count;
    end->writes_left -= end->writes_left == NO_LIMIT ? 0 : *count;
    end->life -= end->life == NO_LIMIT ? 0 : *count;
    return SPOKE_OK;
}

/* --- certificates, once for all tests --- */

static struct {
    struct test_ca *ca, *stranger;
    struct test_cert server, device, foreign_device;
} pki;

static int make_pki(void **state)
{
    (void)state;
    pki.ca = test_ca_create("Spoke Test Root");
    pki.stranger = test_ca_create("Stranger Root");
    test_ca_issue(pki.ca, &(struct test_cert_options){.common_name = "hub", .names = "localhost,hub.example"},
                  &pki.server);
    test_ca_issue(pki.ca, &(struct test_cert_options){.common_name = "device-1"}, &pki.device);
    test_ca_issue(pki.stranger, &(struct test_cert_options){.common_name = "device-1"}, &pki.foreign_device);
    return 0;
}

static int drop_pki(void **state)
{
    (void)state;
    test_ca_destroy(pki.ca);
    test_ca_destroy(pki.stranger);
    return 0;
}

/* --- two sessions and the pipe between them --- */

static spoke_status system_random(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    return getrandom(out, len, 0) == (ssize_t)len ? SPOKE_OK : SPOKE_E_PORT;
}

struct pair {
    struct tls_context *client_context, *server_context;
    void *client_memory, *server_memory;
    struct tls *client, *server;
    struct queue up, down;
    struct end client_end, server_end;
};

static struct tls_context *context_of(struct tls_context_options options)
{
    struct tls_context *context = NULL;
    const char *why = NULL;
    int32_t detail = 0;
    options.random = system_random;
    const spoke_status status = tls_context_create(&options, &context, &why, &detail);
    if (status != SPOKE_OK)
        print_error("%s (%d)\n", why, (int)detail);
    assert_int_equal(status, SPOKE_OK);
    return context;
}

static struct tls_context *server_context_of(const struct test_cert *cert, const char *trust)
{
    return context_of((struct tls_context_options){
        .server = true, .cert_pem = cert->cert_pem, .key_pem = cert->key_pem, .trust_pem = trust});
}

static struct tls_context *client_context_of(const char *trust, const struct test_cert *cert)
{
    return context_of((struct tls_context_options){.trust_pem = trust,
                                                   .cert_pem = cert != NULL ? cert->cert_pem : NULL,
                                                   .key_pem = cert != NULL ? cert->key_pem : NULL});
}

static struct tls *session_of(struct tls_context *context, void **memory)
{
    struct tls *t = NULL;
    *memory = malloc(tls_size());
    assert_non_null(*memory);
    assert_ok(tls_init(*memory, tls_size(), context, &t));
    return t;
}

static struct pair *pair_of(struct tls_context *client_context, struct tls_context *server_context)
{
    struct pair *pair = calloc(1, sizeof *pair);
    assert_non_null(pair);
    pair->client_context = client_context;
    pair->server_context = server_context;
    pair->client = session_of(client_context, &pair->client_memory);
    pair->server = session_of(server_context, &pair->server_memory);
    return pair;
}

static struct pair *usual_pair(void)
{
    return pair_of(client_context_of(test_ca_pem(pki.ca), NULL), server_context_of(&pki.server, NULL));
}

static void pair_free(struct pair *pair)
{
    tls_fini(pair->client);
    tls_fini(pair->server);
    free(pair->client_memory);
    free(pair->server_memory);
    tls_context_destroy(pair->client_context);
    tls_context_destroy(pair->server_context);
    free(pair);
}

static void pair_start(struct pair *pair, const char *host)
{
    const struct tls_stream client = {&pair->client_end, end_read, end_write};
    const struct tls_stream server = {&pair->server_end, end_read, end_write};
    memset(&pair->up, 0, sizeof pair->up);
    memset(&pair->down, 0, sizeof pair->down);
    pair->client_end = (struct end){.in = &pair->down,
                                    .out = &pair->up,
                                    .step = NO_LIMIT,
                                    .writes_left = NO_LIMIT,
                                    .life = NO_LIMIT,
                                    .seed = 1};
    pair->server_end = (struct end){.in = &pair->up,
                                    .out = &pair->down,
                                    .step = NO_LIMIT,
                                    .writes_left = NO_LIMIT,
                                    .life = NO_LIMIT,
                                    .seed = 2};
    assert_ok(tls_start(pair->client, host, &client));
    assert_ok(tls_start(pair->server, NULL, &server));
}

struct outcome {
    spoke_status client, server;
};

/* Until both ends are done, one way or the other. */
static struct outcome pair_shake(struct pair *pair)
{
    struct outcome outcome = {SPOKE_E_AGAIN, SPOKE_E_AGAIN};
    for (unsigned round = 0; round < 200000; round++) {
        if (outcome.client == SPOKE_E_AGAIN)
            outcome.client = tls_handshake(pair->client);
        if (outcome.server == SPOKE_E_AGAIN)
            outcome.server = tls_handshake(pair->server);
        if (outcome.client != SPOKE_E_AGAIN && outcome.server != SPOKE_E_AGAIN)
            return outcome;
        if (outcome.client != SPOKE_E_AGAIN && outcome.client != SPOKE_OK)
            pair->server_end.eof = true;
        if (outcome.server != SPOKE_E_AGAIN && outcome.server != SPOKE_OK)
            pair->client_end.eof = true;
    }
    fail_msg("the handshake does not end");
    return outcome;
}

static void pair_connect(struct pair *pair, const char *host)
{
    pair_start(pair, host);
    const struct outcome outcome = pair_shake(pair);
    assert_int_equal(outcome.client, SPOKE_OK);
    assert_int_equal(outcome.server, SPOKE_OK);
}

static void assert_text(const struct tls *t, const char *part)
{
    const char *text = tls_error(t).text;
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", text, part);
}

static void put(struct tls *t, const char *text)
{
    size_t count = 0;
    assert_ok(tls_write(t, (const uint8_t *)text, strlen(text), &count));
    assert_int_equal(count, strlen(text));
}

static void expect(struct tls *t, const char *text)
{
    uint8_t got[256];
    size_t count = 0;
    assert_ok(tls_read(t, got, sizeof got, &count));
    assert_str(spoke_str_from((const char *)got, count), text);
}

static spoke_status read_status(struct tls *t)
{
    uint8_t got[256];
    size_t count = 0;
    return tls_read(t, got, sizeof got, &count);
}

/* --- handshakes --- */

static void a_session_carries_text_both_ways(void **state)
{
    (void)state;
    struct pair *pair = usual_pair();
    pair_connect(pair, "localhost");
    put(pair->client, "up");
    expect(pair->server, "up");
    put(pair->server, "down");
    expect(pair->client, "down");
    assert_int_equal(tls_error(pair->client).status, SPOKE_OK);
    assert_non_null(tls_error(pair->client).text);
    pair_free(pair);
}

static void a_handshake_works_one_byte_at_a_time(void **state)
{
    (void)state;
    struct pair *pair = usual_pair();
    pair_start(pair, "localhost");
    pair->client_end.step = pair->server_end.step = 1;
    pair->client_end.stalls = pair->server_end.stalls = 30;
    const struct outcome outcome = pair_shake(pair);
    assert_int_equal(outcome.client, SPOKE_OK);
    assert_int_equal(outcome.server, SPOKE_OK);
    pair_free(pair);
}

static void a_handshake_says_what_it_waits_for(void **state)
{
    (void)state;
    struct pair *pair = usual_pair();
    pair_start(pair, "localhost");
    pair->client_end.writes_left = 3;
    assert_int_equal(tls_handshake(pair->client), SPOKE_E_AGAIN);
    assert_int_equal(tls_wants(pair->client), SPOKE_WANT_WRITE);
    pair->client_end.writes_left = NO_LIMIT;
    assert_int_equal(tls_handshake(pair->client), SPOKE_E_AGAIN);
    assert_int_equal(tls_wants(pair->client), SPOKE_WANT_READ);
    pair_free(pair);
}

static void assert_refused(const struct test_cert *server, const char *host, const char *says)
{
    struct pair *pair = pair_of(client_context_of(test_ca_pem(pki.ca), NULL), server_context_of(server, NULL));
    pair_start(pair, host);
    const struct outcome outcome = pair_shake(pair);
    assert_int_equal(outcome.client, SPOKE_E_CERTIFICATE);
    assert_int_not_equal(outcome.server, SPOKE_OK);
    assert_int_equal(tls_error(pair->client).status, SPOKE_E_CERTIFICATE);
    assert_int_equal(tls_error(pair->client).source, SPOKE_SOURCE_TLS);
    assert_true(tls_error(pair->client).detail > 0); /* the verdict */
    assert_text(pair->client, says);
    pair_free(pair);
}

static void a_certificate_for_another_host_is_refused(void **state)
{
    (void)state;
    assert_refused(&pki.server, "elsewhere.example", "another host name");
}

/* A SAN list makes the common name void (RFC 6125 section 6.4.4). */
static void the_common_name_does_not_count_beside_alternative_names(void **state)
{
    (void)state;
    assert_refused(&pki.server, "hub", "another host name");
}

static void an_expired_certificate_is_refused(void **state)
{
    (void)state;
    struct test_cert cert;
    test_ca_issue(
        pki.ca,
        &(struct test_cert_options){.common_name = "hub", .names = "localhost", .not_after = "20200201000000"},
        &cert);
    assert_refused(&cert, "localhost", "has expired");
}

static void a_certificate_of_the_future_points_at_the_clock(void **state)
{
    (void)state;
    struct test_cert cert;
    test_ca_issue(
        pki.ca,
        &(struct test_cert_options){.common_name = "hub", .names = "localhost", .not_before = "20800101000000"},
        &cert);
    assert_refused(&cert, "localhost", "check the device's clock");
}

static void an_unknown_issuer_is_refused(void **state)
{
    (void)state;
    struct test_cert cert;
    test_ca_issue(pki.stranger, &(struct test_cert_options){.common_name = "hub", .names = "localhost"}, &cert);
    assert_refused(&cert, "localhost", "unknown issuer");
}

static void a_self_signed_certificate_is_refused(void **state)
{
    (void)state;
    struct test_cert cert;
    test_cert_self_signed(&(struct test_cert_options){.common_name = "hub", .names = "localhost"}, &cert);
    assert_refused(&cert, "localhost", "self-signed");
}

static void the_server_learns_that_its_certificate_was_refused(void **state)
{
    (void)state;
    struct pair *pair =
        pair_of(client_context_of(test_ca_pem(pki.stranger), NULL), server_context_of(&pki.server, NULL));
    pair_start(pair, "localhost");
    const struct outcome outcome = pair_shake(pair);
    assert_int_equal(outcome.client, SPOKE_E_CERTIFICATE);
    assert_int_equal(outcome.server, SPOKE_E_TLS);
    assert_int_equal(tls_error(pair->server).detail, MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE);
    assert_text(pair->server, "the client refused this server's certificate");
    pair_free(pair);
}

static void only_do_not_verify_lets_a_stranger_in(void **state)
{
    (void)state;
    struct pair *pair = pair_of(context_of((struct tls_context_options){.do_not_verify = true}),
                                server_context_of(&pki.server, NULL));
    pair_connect(pair, "elsewhere.example");
    pair_free(pair);
}

static void a_client_cannot_start_without_a_host(void **state)
{
    (void)state;
    struct pair *pair = usual_pair();
    const struct tls_stream stream = {&pair->client_end, end_read, end_write};
    char long_host[SPOKE_MAX_HOST_BYTES + 2];
    memset(long_host, 'a', sizeof long_host - 1);
    long_host[sizeof long_host - 1] = '\0';
    assert_int_equal(tls_start(pair->client, NULL, &stream), SPOKE_E_ARG);
    assert_int_equal(tls_start(pair->client, "", &stream), SPOKE_E_ARG);
    assert_int_equal(tls_start(pair->client, long_host, &stream), SPOKE_E_ARG);
    pair_free(pair);
}

/* --- client certificates --- */

static struct pair *asking_pair(const struct test_cert *device)
{
    return pair_of(client_context_of(test_ca_pem(pki.ca), device),
                   server_context_of(&pki.server, test_ca_pem(pki.ca)));
}

static void a_client_without_certificate_has_no_name(void **state)
{
    (void)state;
    struct pair *pair = asking_pair(NULL);
    pair_connect(pair, "localhost");
    assert_null(tls_peer_common_name(pair->server));
    pair_free(pair);
}

static void a_verified_client_certificate_gives_its_name(void **state)
{
    (void)state;
    struct pair *pair = asking_pair(&pki.device);
    pair_connect(pair, "localhost");
    assert_string_equal(tls_peer_common_name(pair->server), "device-1");
    pair_free(pair);
}

static void an_unverified_client_certificate_gives_no_name(void **state)
{
    (void)state;
    struct pair *pair = asking_pair(&pki.foreign_device);
    pair_connect(pair, "localhost");
    assert_null(tls_peer_common_name(pair->server));
    put(pair->client, "still here");
    expect(pair->server, "still here");
    pair_free(pair);
}

static void an_expired_client_certificate_gives_no_name(void **state)
{
    (void)state;
    struct test_cert cert;
    test_ca_issue(pki.ca, &(struct test_cert_options){.common_name = "device-1", .not_after = "20200201000000"},
                  &cert);
    struct pair *pair = asking_pair(&cert);
    pair_connect(pair, "localhost");
    assert_null(tls_peer_common_name(pair->server));
    pair_free(pair);
}

static void a_name_longer_than_any_device_id_is_no_name(void **state)
{
    (void)state;
    char name[SPOKE_MAX_ID_BYTES + 2];
    memset(name, 'd', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    struct test_cert cert;
    test_ca_issue(pki.ca, &(struct test_cert_options){.common_name = name}, &cert);
    struct pair *pair = asking_pair(&cert);
    pair_connect(pair, "localhost");
    assert_null(tls_peer_common_name(pair->server));
    pair_free(pair);
}

/* --- chains that the caller judges --- */

static struct pair *taking_pair(const struct test_cert *device)
{
    return pair_of(client_context_of(test_ca_pem(pki.ca), device),
                   context_of((struct tls_context_options){.server = true,
                                                           .cert_pem = pki.server.cert_pem,
                                                           .key_pem = pki.server.key_pem,
                                                           .ask_certificate = true}));
}

static size_t taken(struct pair *pair, unsigned char *out, size_t cap)
{
    spoke_buf chain = spoke_buf_from(out, cap);
    assert_ok(tls_take_peer_chain(pair->server, &chain));
    return chain.len;
}

static void a_strangers_chain_is_handed_over_once(void **state)
{
    (void)state;
    unsigned char shown[8192], wanted[8192];
    struct test_cert device;
    test_ca_issue(pki.stranger, &(struct test_cert_options){.common_name = "device-1"}, &device);
    strcat(device.cert_pem, test_ca_pem(pki.stranger));
    struct pair *pair = taking_pair(&device);
    pair_connect(pair, "localhost");
    assert_null(tls_peer_common_name(pair->server));
    const size_t len = test_cert_der(device.cert_pem, wanted, sizeof wanted);
    assert_int_equal(taken(pair, shown, sizeof shown), len);
    assert_memory_equal(shown, wanted, len);
    assert_int_equal(taken(pair, shown, sizeof shown), 0);
    put(pair->client, "still here");
    expect(pair->server, "still here");
    pair_free(pair);
}

static void a_chain_that_does_not_fit_is_told(void **state)
{
    (void)state;
    unsigned char shown[100];
    struct pair *pair = taking_pair(&pki.device);
    spoke_buf chain = spoke_buf_from(shown, sizeof shown);
    pair_connect(pair, "localhost");
    assert_int_equal(tls_take_peer_chain(pair->server, &chain), SPOKE_E_TOO_SMALL);
    assert_int_equal(chain.len, 0);
    pair_free(pair);
}

static void a_client_that_shows_a_chain_is_not_resumed_and_one_without_is(void **state)
{
    (void)state;
    unsigned char shown[8192];
    struct pair *pair = taking_pair(&pki.device);
    pair_connect(pair, "localhost");
    pair_connect(pair, "localhost");
    assert_false(tls_resumed(pair->server));
    assert_true(taken(pair, shown, sizeof shown) > 0);
    pair_free(pair);
    pair = taking_pair(NULL);
    pair_connect(pair, "localhost");
    assert_int_equal(taken(pair, shown, sizeof shown), 0);
    pair_connect(pair, "localhost");
    assert_true(tls_resumed(pair->server));
    pair_free(pair);
}

/* --- resumption --- */

static void the_second_connection_resumes_the_first(void **state)
{
    (void)state;
    struct pair *pair = usual_pair();
    pair_connect(pair, "localhost");
    assert_false(tls_resumed(pair->client));
    assert_false(tls_resumed(pair->server));
    pair_connect(pair, "LOCALHOST");
    assert_true(tls_resumed(pair->client));
    assert_true(tls_resumed(pair->server));
    put(pair->client, "again");
    expect(pair->server, "again");
    pair_connect(pair, "localhost");
    assert_true(tls_resumed(pair->client));
    pair_free(pair);
}

static void another_host_is_never_offered_the_session(void **state)
{
    (void)state;
    struct pair *pair = usual_pair();
    pair_connect(pair, "localhost");
    pair_connect(pair, "hub.example");
    assert_false(tls_resumed(pair->client));
    pair_free(pair);
}

static void a_resumed_client_keeps_its_name(void **state)
{
    (void)state;
    struct pair *pair = asking_pair(&pki.device);
    pair_connect(pair, "localhost");
    pair_connect(pair, "localhost");
    assert_true(tls_resumed(pair->server));
    assert_string_equal(tls_peer_common_name(pair->server), "device-1");
    pair_free(pair);
}

static void a_resumed_stranger_stays_without_name(void **state)
{
    (void)state;
    struct pair *pair = asking_pair(&pki.foreign_device);
    pair_connect(pair, "localhost");
    pair_connect(pair, "localhost");
    assert_true(tls_resumed(pair->server));
    assert_null(tls_peer_common_name(pair->server));
    pair_free(pair);
}

static void a_server_that_forgot_gets_a_full_handshake(void **state)
{
    (void)state;
    struct pair *pair = usual_pair();
    pair_connect(pair, "localhost");
    tls_fini(pair->server);
    free(pair->server_memory);
    tls_context_destroy(pair->server_context);
    pair->server_context = server_context_of(&pki.server, NULL);
    pair->server = session_of(pair->server_context, &pair->server_memory);
    pair_connect(pair, "localhost");
    assert_false(tls_resumed(pair->client));
    pair_free(pair);
}

static void a_failed_handshake_forgets_the_session(void **state)
{
    (void)state;
    struct pair *pair = usual_pair();
    pair_connect(pair, "localhost");
    pair_start(pair, "localhost");
    pair->client_end.life = 20;
    assert_int_equal(pair_shake(pair).client, SPOKE_E_NET);
    pair_connect(pair, "localhost");
    assert_false(tls_resumed(pair->client));
    pair_free(pair);
}

/* --- another context --- */

static void another_context_is_used_from_the_next_start_and_proves_itself_anew(void **state)
{
    (void)state;
    struct pair *pair = usual_pair();
    struct tls_context *first = pair->client_context;
    pair_connect(pair, "localhost");
    pair->client_context = client_context_of(test_ca_pem(pki.stranger), NULL);
    tls_use(pair->client, pair->client_context);
    tls_context_destroy(first); /* nothing refers to it any more */
    assert_int_equal(tls_handshake(pair->client), SPOKE_E_STATE);
    pair_start(pair, "localhost");
    assert_int_equal(pair_shake(pair).client, SPOKE_E_CERTIFICATE); /* no session was resumed */
    first = pair->client_context;
    pair->client_context = client_context_of(test_ca_pem(pki.ca), NULL);
    tls_use(pair->client, pair->client_context);
    tls_context_destroy(first);
    pair_connect(pair, "localhost");
    assert_false(tls_resumed(pair->client));
    pair_free(pair);
}

static void another_context_may_come_in_the_middle_of_a_handshake(void **state)
{
    (void)state;
    struct pair *pair = usual_pair();
    struct tls_context *first = pair->client_context;
    pair_start(pair, "localhost");
    assert_int_equal(tls_handshake(pair->client), SPOKE_E_AGAIN);
    assert_int_equal(tls_handshake(pair->server), SPOKE_E_AGAIN);
    assert_int_equal(tls_handshake(pair->client), SPOKE_E_AGAIN);
    pair->client_context = client_context_of(test_ca_pem(pki.ca), &pki.device);
    tls_use(pair->client, pair->client_context);
    tls_context_destroy(first);
    pair_connect(pair, "localhost");
    pair_free(pair);
}

/* --- trust that contexts share --- */

static spoke_trust *trust_of(const char *pem)
{
    spoke_trust *trust = NULL;
    spoke_error why;
    assert_ok(spoke_trust_create(pem, NULL, &trust, &why));
    assert_int_equal(why.status, SPOKE_OK);
    return trust;
}

static struct tls_context *sharing_context(const spoke_trust *trust)
{
    return context_of((struct tls_context_options){.trust = trust});
}

static void contexts_of_one_trust_check_their_servers_with_it(void **state)
{
    (void)state;
    struct test_cert foreign;
    test_ca_issue(pki.stranger, &(struct test_cert_options){.common_name = "hub", .names = "localhost"}, &foreign);
    spoke_trust *trust = trust_of(test_ca_pem(pki.ca));
    struct pair *good = pair_of(sharing_context(trust), server_context_of(&pki.server, NULL));
    struct pair *bad = pair_of(sharing_context(trust), server_context_of(&foreign, NULL));
    pair_start(bad, "localhost");
    assert_int_equal(pair_shake(bad).client, SPOKE_E_CERTIFICATE);
    pair_connect(good, "localhost");
    pair_start(good, "elsewhere.example"); /* the name counts as ever */
    assert_int_equal(pair_shake(good).client, SPOKE_E_CERTIFICATE);
    pair_free(bad);
    pair_free(good);
    spoke_trust_destroy(trust);
}

static void two_trusts_do_not_mix(void **state)
{
    (void)state;
    struct test_cert foreign;
    test_ca_issue(pki.stranger, &(struct test_cert_options){.common_name = "hub", .names = "localhost"}, &foreign);
    spoke_trust *ours = trust_of(test_ca_pem(pki.ca)), *theirs = trust_of(test_ca_pem(pki.stranger));
    const struct {
        const spoke_trust *trust;
        const struct test_cert *server;
        spoke_status expected;
    } rows[] = {{ours, &pki.server, SPOKE_OK},
                {theirs, &foreign, SPOKE_OK},
                {ours, &foreign, SPOKE_E_CERTIFICATE},
                {theirs, &pki.server, SPOKE_E_CERTIFICATE}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pair *pair = pair_of(sharing_context(rows[i].trust), server_context_of(rows[i].server, NULL));
        pair_start(pair, "localhost");
        assert_int_equal(pair_shake(pair).client, rows[i].expected);
        pair_free(pair);
    }
    spoke_trust_destroy(theirs);
    spoke_trust_destroy(ours);
}

static void a_context_that_ends_leaves_the_trust_to_the_others(void **state)
{
    (void)state;
    int64_t own, ends;
    spoke_trust *trust = trust_of(test_ca_pem(pki.ca));
    struct tls_context *first = sharing_context(trust);
    struct pair *pair = pair_of(sharing_context(trust), server_context_of(&pki.server, NULL));
    tls_context_destroy(first);
    pair_connect(pair, "localhost");
    tls_context_ends(pair->client_context, &own, &ends);
    assert_true(own == 0 && ends == 3786912000); /* 2090 */
    pair_free(pair);
    spoke_trust_destroy(trust);
}

/* As on trial and back: two contexts of one session, each of a trust that is not the session's alone. */
static void a_session_under_one_shared_trust_is_not_resumed_under_another(void **state)
{
    (void)state;
    spoke_trust *ours = trust_of(test_ca_pem(pki.ca)), *theirs = trust_of(test_ca_pem(pki.stranger));
    struct pair *pair = pair_of(sharing_context(ours), server_context_of(&pki.server, NULL));
    struct tls_context *first = pair->client_context, *trial = sharing_context(theirs);
    pair_connect(pair, "localhost");
    tls_use(pair->client, trial);
    pair_start(pair, "localhost");
    assert_int_equal(pair_shake(pair).client, SPOKE_E_CERTIFICATE);
    tls_use(pair->client, first);
    pair_connect(pair, "localhost");
    assert_false(tls_resumed(pair->client));
    pair_connect(pair, "localhost");
    assert_true(tls_resumed(pair->client));
    pair_free(pair);
    tls_context_destroy(trial);
    spoke_trust_destroy(theirs);
    spoke_trust_destroy(ours);
}

static void trust_of_its_own_wins_over_shared_trust(void **state)
{
    (void)state;
    spoke_trust *trust = trust_of(test_ca_pem(pki.ca));
    struct tls_context_options both = {.trust = trust, .trust_pem = test_ca_pem(pki.stranger)};
    struct pair *pair = pair_of(context_of(both), server_context_of(&pki.server, NULL));
    pair_start(pair, "localhost");
    assert_int_equal(pair_shake(pair).client, SPOKE_E_CERTIFICATE);
    pair_free(pair);
    spoke_trust_destroy(trust);
}

static void assert_no_trust(const char *pem, const char *file, spoke_status expected, const char *says)
{
    spoke_error why;
    spoke_trust *trust = (spoke_trust *)&why;
    assert_int_equal(spoke_trust_create(pem, file, &trust, &why), expected);
    assert_null(trust);
    assert_int_equal(why.status, expected);
    assert_non_null(strstr(why.text, says));
    assert_int_equal(spoke_trust_create(pem, file, &trust, NULL), expected);
}

static void trust_that_cannot_be_read_is_refused(void **state)
{
    (void)state;
    assert_no_trust(test_ca_pem(pki.ca), "/dev/null", SPOKE_E_ARG, "one of the two");
    assert_no_trust("no PEM", NULL, SPOKE_E_CERTIFICATE, "PEM form");
    assert_no_trust(NULL, "/nonexistent/ca.pem", SPOKE_E_NOT_FOUND, "check its path");
    assert_no_trust(NULL, "/", SPOKE_E_NOT_FOUND, "check its path");
    assert_int_equal(spoke_trust_create(test_ca_pem(pki.ca), NULL, NULL, NULL), SPOKE_E_ARG);
    spoke_trust_destroy(NULL);
}

static void trust_of_nothing_is_the_systems_bundle(void **state)
{
    (void)state;
    spoke_trust *named = NULL, *usual = NULL;
    const spoke_status expected = spoke_trust_create(NULL, TLS_SYSTEM_TRUST_FILE, &named, NULL);
    assert_int_equal(spoke_trust_create(NULL, NULL, &usual, NULL), expected);
    assert_int_equal(usual != NULL, named != NULL);
    spoke_trust_destroy(usual);
    spoke_trust_destroy(named);
}

/* --- ends of validity --- */

static void the_ends_of_certificates_are_told_in_unix_seconds(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int64_t unix_s;
    } rows[] = {{"20240229120000", 1709208000}, {"20240301000000", 1709251200}, {"21000228235959", 4107542399},
                {"21000301000000", 4107542400}, {"20371231235959", 2145916799}, {"20500101000000", 2524608000},
                {"20301231000001", 1924905601}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static struct test_cert cert;
        int64_t own, trust, first, latest;
        test_ca_issue(pki.ca, &(struct test_cert_options){.common_name = "d", .not_after = rows[i].text}, &cert);
        struct tls_context *context = client_context_of(test_ca_pem(pki.ca), &cert);
        tls_context_ends(context, &own, &trust);
        assert_true(own == rows[i].unix_s);
        assert_true(trust == 3786912000); /* 2090 */
        tls_context_destroy(context);
        assert_ok(spoke_certificate_ends(cert.cert_pem, &first, &latest));
        assert_true(first == rows[i].unix_s && latest == first);
    }
}

static void of_several_anchors_the_last_one_counts(void **state)
{
    (void)state;
    static struct test_cert soon;
    static char both[8192];
    int64_t first, latest, own, trust;
    test_cert_self_signed(&(struct test_cert_options){.common_name = "r", .not_after = "20300101000000"}, &soon);
    snprintf(both, sizeof both, "%s%s", soon.cert_pem, test_ca_pem(pki.ca));
    assert_ok(spoke_certificate_ends(both, &first, &latest));
    assert_true(first == 1893456000 && latest == 3786912000);
    struct tls_context *context = client_context_of(both, NULL);
    tls_context_ends(context, &own, &trust);
    assert_true(own == 0 && trust == latest);
    tls_context_destroy(context);
}

static void a_text_without_certificate_has_no_end(void **state)
{
    (void)state;
    int64_t first = 1, latest = 1;
    assert_int_equal(spoke_certificate_ends("", &first, &latest), SPOKE_E_CERTIFICATE);
    assert_true(first == 0 && latest == 0);
    assert_int_equal(spoke_certificate_ends(pki.server.key_pem, &first, &latest), SPOKE_E_CERTIFICATE);
    assert_int_equal(spoke_certificate_ends(NULL, &first, &latest), SPOKE_E_ARG);
    assert_int_equal(spoke_certificate_ends("", NULL, &latest), SPOKE_E_ARG);
    assert_int_equal(spoke_certificate_ends("", &first, NULL), SPOKE_E_ARG);
}

static void the_peers_end_is_known_after_a_handshake_and_when_it_is_over(void **state)
{
    (void)state;
    static struct test_cert old;
    test_ca_issue(pki.ca,
                  &(struct test_cert_options){
                      .common_name = "localhost", .names = "localhost", .not_after = "20210101000000"},
                  &old);
    struct pair *pair = usual_pair();
    assert_true(tls_peer_ends(pair->client) == 0);
    pair_connect(pair, "localhost");
    assert_true(tls_peer_ends(pair->client) == 3786912000);
    pair_connect(pair, "localhost"); /* resumed: still known */
    assert_true(tls_peer_ends(pair->client) == 3786912000);
    pair_free(pair);
    pair = pair_of(client_context_of(test_ca_pem(pki.ca), NULL), server_context_of(&old, NULL));
    pair_start(pair, "localhost");
    assert_int_equal(pair_shake(pair).client, SPOKE_E_CERTIFICATE);
    assert_true(tls_peer_ends(pair->client) == 1609459200);
    pair_free(pair);
}

/* --- data --- */

/* A pattern without a short period, so that bytes lost, doubled or moved all show. */
static uint8_t pattern(size_t at)
{
    const uint32_t mixed = (uint32_t)at * 2654435761u;
    return (uint8_t)(mixed >> 24 ^ mixed >> 11);
}

#define STREAM_BYTES 400000u

struct transfer {
    struct tls *from, *to;
    size_t sent, offered, got;
    uint32_t seed;
};

static void transfer_write(struct transfer *transfer)
{
    static uint8_t bytes[20000];
    if (transfer->sent == STREAM_BYTES)
        return;
    /* After E_AGAIN the same bytes, and now and then more behind them. */
    transfer->seed = transfer->seed * 1664525u + 1013904223u;
    const size_t wish = 1 + (transfer->seed >> 8) % sizeof bytes;
    const size_t least_len = transfer->offered;
    size_t len = least(wish, STREAM_BYTES - transfer->sent);
    if (len < least_len)
        len = least_len;
    for (size_t i = 0; i < len; i++)
        bytes[i] = pattern(transfer->sent + i);
    size_t count = 0;
    const spoke_status status = tls_write(transfer->from, bytes, len, &count);
    if (status == SPOKE_E_AGAIN) {
        transfer->offered = len;
        return;
    }
    assert_int_equal(status, SPOKE_OK);
    assert_in_range(count, 1, len);
    transfer->offered = 0;
    transfer->sent += count;
}

static void transfer_read(struct transfer *transfer)
{
    uint8_t bytes[3000];
    size_t count = 0;
    const spoke_status status = tls_read(transfer->to, bytes, 1 + transfer->seed % sizeof bytes, &count);
    if (status == SPOKE_E_AGAIN)
        return;
    assert_int_equal(status, SPOKE_OK);
    for (size_t i = 0; i < count; i++)
        if (bytes[i] != pattern(transfer->got + i))
            fail_msg("byte %zu is not what was sent", transfer->got + i);
    transfer->got += count;
}

static void transfer_both_ways(uint32_t seed, size_t step)
{
    struct pair *pair = usual_pair();
    pair_connect(pair, "localhost");
    pair->client_end.stalls = pair->server_end.stalls = 40;
    pair->client_end.step = pair->server_end.step = step;
    pair->client_end.seed = seed;
    pair->server_end.seed = ~seed;
    struct transfer up = {.from = pair->client, .to = pair->server, .seed = seed};
    struct transfer down = {.from = pair->server, .to = pair->client, .seed = seed + 1};
    for (unsigned round = 0; round < 1000000 && (up.got < STREAM_BYTES || down.got < STREAM_BYTES); round++) {
        transfer_write(&up);
        transfer_write(&down);
        transfer_read(&up);
        transfer_read(&down);
    }
    assert_int_equal(up.got, STREAM_BYTES);
    assert_int_equal(down.got, STREAM_BYTES);
    assert_int_equal(read_status(pair->client), SPOKE_E_AGAIN);
    assert_int_equal(read_status(pair->server), SPOKE_E_AGAIN);
    pair_free(pair);
}

static void no_byte_is_lost_or_doubled_when_the_stream_stalls(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 6; seed++)
        transfer_both_ways(seed, seed * 977);
}

static void a_longer_write_after_a_stall_counts_only_what_went_out(void **state)
{
    (void)state;
    struct pair *pair = usual_pair();
    pair_connect(pair, "localhost");
    size_t count = 0;
    pair->client_end.writes_left = 5;
    assert_int_equal(tls_write(pair->client, (const uint8_t *)"abc", 3, &count), SPOKE_E_AGAIN);
    assert_int_equal(tls_wants(pair->client), SPOKE_WANT_WRITE);
    assert_int_equal(count, 0);
    pair->client_end.writes_left = NO_LIMIT;
    assert_ok(tls_write(pair->client, (const uint8_t *)"abcdef", 6, &count));
    assert_int_equal(count, 3);
    expect(pair->server, "abc");
    put(pair->client, "def");
    expect(pair->server, "def");
    pair_free(pair);
}

static void a_shorter_write_after_a_stall_breaks_the_contract(void **state)
{
    (void)state;
    struct pair *pair = usual_pair();
    pair_connect(pair, "localhost");
    size_t count = 0;
    pair->client_end.writes_left = 0;
    assert_int_equal(tls_write(pair->client, (const uint8_t *)"abc", 3, &count), SPOKE_E_AGAIN);
    assert_int_equal(tls_write(pair->client, (const uint8_t *)"ab", 2, &count), SPOKE_E_ARG);
    pair->client_end.writes_left = NO_LIMIT;
    put(pair->client, "abc");
    expect(pair->server, "abc");
    pair_free(pair);
}

static void a_large_write_is_taken_a_record_at_a_time(void **state)
{
    (void)state;
    struct pair *pair = usual_pair();
    pair_connect(pair, "localhost");
    uint8_t *bytes = calloc(1, 40000);
    size_t count = 0;
    assert_non_null(bytes);
    assert_ok(tls_write(pair->client, bytes, 40000, &count));
    assert_int_equal(count, 16384);
    free(bytes);
    pair_free(pair);
}

static void the_rest_of_a_record_is_pending(void **state)
{
    (void)state;
    struct pair *pair = usual_pair();
    pair_connect(pair, "localhost");
    uint8_t byte = 0;
    size_t count = 0;
    assert_false(tls_pending(pair->server));
    put(pair->client, "xy");
    assert_ok(tls_read(pair->server, &byte, 1, &count));
    assert_int_equal(byte, 'x');
    assert_true(tls_pending(pair->server));
    expect(pair->server, "y");
    assert_false(tls_pending(pair->server));
    assert_int_equal(read_status(pair->server), SPOKE_E_AGAIN);
    assert_int_equal(tls_wants(pair->server), SPOKE_WANT_READ);
    pair_free(pair);
}

static void nothing_is_read_or_written_before_the_handshake(void **state)
{
    (void)state;
    struct pair *pair = usual_pair();
    size_t count = 0;
    assert_int_equal(tls_handshake(pair->client), SPOKE_E_STATE);
    pair_start(pair, "localhost");
    assert_int_equal(read_status(pair->client), SPOKE_E_STATE);
    assert_int_equal(tls_write(pair->client, (const uint8_t *)"a", 1, &count), SPOKE_E_STATE);
    assert_false(tls_pending(pair->client));
    assert_false(tls_resumed(pair->client));
    tls_close_notify(pair->client);
    assert_int_equal(pair->up.len, 0);
    pair_free(pair);
}

static void empty_reads_and_writes_are_refused(void **state)
{
    (void)state;
    struct pair *pair = usual_pair();
    pair_connect(pair, "localhost");
    uint8_t byte = 0;
    size_t count = 0;
    assert_int_equal(tls_read(pair->client, &byte, 0, &count), SPOKE_E_ARG);
    assert_int_equal(tls_write(pair->client, &byte, 0, &count), SPOKE_E_ARG);
    pair_free(pair);
}

static void one_context_serves_sessions_side_by_side(void **state)
{
    (void)state;
    struct tls_context *client_context = client_context_of(test_ca_pem(pki.ca), NULL);
    struct tls_context *server_context = server_context_of(&pki.server, NULL);
    struct pair *one = pair_of(client_context, server_context);
    struct pair *other = pair_of(client_context, server_context);
    pair_connect(one, "localhost");
    pair_connect(other, "hub.example");
    put(one->client, "one");
    put(other->client, "other");
    expect(other->server, "other");
    expect(one->server, "one");
    one->client_context = one->server_context = NULL;
    pair_free(one);
    pair_free(other);
}

/* --- ends --- */

static void close_notify_comes_after_the_data(void **state)
{
    (void)state;
    struct pair *pair = usual_pair();
    pair_connect(pair, "localhost");
    put(pair->client, "bye");
    tls_close_notify(pair->client);
    expect(pair->server, "bye");
    assert_int_equal(read_status(pair->server), SPOKE_E_NET);
    assert_int_equal(read_status(pair->server), SPOKE_E_NET);
    assert_int_equal(tls_error(pair->server).detail, MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY);
    assert_text(pair->server, "closed the TLS session");
    size_t count = 0;
    assert_int_equal(tls_write(pair->server, (const uint8_t *)"a", 1, &count), SPOKE_E_NET);
    pair_free(pair);
}

static void close_notify_follows_a_record_that_was_stuck(void **state)
{
    (void)state;
    struct pair *pair = usual_pair();
    pair_connect(pair, "localhost");
    size_t count = 0;
    pair->client_end.writes_left = 7;
    assert_int_equal(tls_write(pair->client, (const uint8_t *)"bye", 3, &count), SPOKE_E_AGAIN);
    tls_close_notify(pair->client);
    pair->client_end.writes_left = NO_LIMIT;
    tls_close_notify(pair->client);
    expect(pair->server, "bye");
    assert_int_equal(read_status(pair->server), SPOKE_E_NET);
    assert_int_equal(tls_error(pair->server).detail, MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY);
    pair_free(pair);
}

static void a_stream_that_just_ends_is_told_from_an_orderly_end(void **state)
{
    (void)state;
    struct pair *pair = usual_pair();
    pair_connect(pair, "localhost");
    put(pair->client, "half");
    pair->up.len -= 3;
    pair->server_end.eof = true;
    assert_int_equal(read_status(pair->server), SPOKE_E_NET);
    assert_int_equal(tls_error(pair->server).source, SPOKE_SOURCE_PORT);
    assert_text(pair->server, "without a TLS close");
    pair_free(pair);
}

static void a_cut_anywhere_in_the_handshake_is_a_network_error(void **state)
{
    (void)state;
    struct pair *pair = usual_pair();
    for (size_t life = 0; life < 2000; life += 61) {
        pair_start(pair, "localhost");
        pair->client_end.life = life;
        const struct outcome outcome = pair_shake(pair);
        if (outcome.client == SPOKE_OK)
            break;
        assert_int_equal(outcome.client, SPOKE_E_NET);
        assert_text(pair->client, "during the TLS handshake");
    }
    pair_connect(pair, "localhost");
    pair_free(pair);
}

static void a_changed_record_is_a_tls_error(void **state)
{
    (void)state;
    struct pair *pair = usual_pair();
    pair_connect(pair, "localhost");
    put(pair->client, "genuine");
    pair->up.bytes[(pair->up.head + pair->up.len - 1) % QUEUE_BYTES] ^= 1;
    assert_int_equal(read_status(pair->server), SPOKE_E_TLS);
    assert_int_equal(tls_error(pair->server).detail, MBEDTLS_ERR_SSL_INVALID_MAC);
    assert_text(pair->server, "damaged");
    assert_int_equal(tls_handshake(pair->server), SPOKE_E_TLS);
    pair_free(pair);
}

static void a_port_that_does_not_speak_tls_is_told(void **state)
{
    (void)state;
    static const char answer[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    struct pair *pair = usual_pair();
    pair_start(pair, "localhost");
    memcpy(pair->down.bytes, answer, sizeof answer);
    pair->down.len = sizeof answer;
    assert_int_equal(tls_handshake(pair->client), SPOKE_E_TLS);
    assert_text(pair->client, "does not speak TLS");
    pair_free(pair);
}

/* A ServerHello that picks TLS 1.1 (3.2) and a suite that was offered. */
static void an_answer_in_tls_1_1_is_refused(void **state)
{
    (void)state;
    static const uint8_t hello[47] = {0x16, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2, [44] = 0xc0, [45] = 0x2b};
    struct pair *pair = usual_pair();
    pair_start(pair, "localhost");
    memcpy(pair->down.bytes, hello, sizeof hello);
    pair->down.len = sizeof hello;
    assert_int_equal(tls_handshake(pair->client), SPOKE_E_TLS);
    assert_int_equal(tls_error(pair->client).detail, COMPAT_ERR_VERSION);
    assert_text(pair->client, "does not offer TLS 1.2");
    pair_free(pair);
}

static spoke_status boastful_read(void *ctx, uint8_t *out, size_t cap, size_t *count)
{
    (void)ctx;
    (void)out;
    *count = cap + 1;
    return SPOKE_OK;
}

static void a_stream_that_claims_too_much_is_broken(void **state)
{
    (void)state;
    struct pair *pair = usual_pair();
    pair_start(pair, "localhost");
    const struct tls_stream stream = {&pair->client_end, boastful_read, end_write};
    assert_ok(tls_start(pair->client, "localhost", &stream));
    assert_int_equal(tls_handshake(pair->client), SPOKE_E_NET);
    pair_free(pair);
}

static spoke_status broken_random(void *ctx, uint8_t *out, size_t len)
{
    (void)out;
    (void)len;
    return *(bool *)ctx ? SPOKE_E_PORT : system_random(NULL, out, len);
}

static void a_random_source_that_fails_is_named(void **state)
{
    (void)state;
    bool broken = false;
    struct tls_context *context = NULL;
    const struct tls_context_options options = {
        .trust_pem = test_ca_pem(pki.ca), .random = broken_random, .random_ctx = &broken};
    assert_ok(tls_context_create(&options, &context, NULL, NULL));
    struct pair *pair = pair_of(context, server_context_of(&pki.server, NULL));
    pair_start(pair, "localhost");
    broken = true;
    assert_int_equal(tls_handshake(pair->client), SPOKE_E_TLS);
    assert_text(pair->client, "random source");
    pair_free(pair);
}

/* --- a peer that is mbedTLS alone, for what our own server never does --- */

struct raw_server {
    mbedtls_ssl_config config;
    mbedtls_x509_crt chain;
    mbedtls_pk_context key;
    mbedtls_ssl_context ssl;
    struct end *end;
};

static int raw_random(void *ctx, unsigned char *out, size_t len)
{
    return system_random(ctx, out, len) == SPOKE_OK ? 0 : -1;
}

static int raw_read(void *ctx, unsigned char *out, size_t cap)
{
    size_t count = 0;
    return end_read(ctx, out, cap, &count) == SPOKE_OK ? (int)count : MBEDTLS_ERR_SSL_WANT_READ;
}

static int raw_write(void *ctx, const unsigned char *bytes, size_t len)
{
    size_t count = 0;
    return end_write(ctx, bytes, len, &count) == SPOKE_OK ? (int)count : MBEDTLS_ERR_SSL_WANT_WRITE;
}

static void raw_prepare(struct raw_server *raw, const struct test_cert *cert)
{
    memset(raw, 0, sizeof *raw);
    mbedtls_ssl_config_init(&raw->config);
    mbedtls_x509_crt_init(&raw->chain);
    mbedtls_pk_init(&raw->key);
    mbedtls_ssl_init(&raw->ssl);
    assert_int_equal(mbedtls_ssl_config_defaults(&raw->config, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM,
                                                 MBEDTLS_SSL_PRESET_DEFAULT),
                     0);
    assert_int_equal(
        mbedtls_x509_crt_parse(&raw->chain, (const unsigned char *)cert->cert_pem, strlen(cert->cert_pem) + 1), 0);
    assert_int_equal(compat_parse_key(&raw->key, cert->key_pem, strlen(cert->key_pem) + 1, raw_random, NULL), 0);
    mbedtls_ssl_conf_rng(&raw->config, raw_random, NULL);
    assert_int_equal(mbedtls_ssl_conf_own_cert(&raw->config, &raw->chain, &raw->key), 0);
}

static void raw_free(struct raw_server *raw)
{
    mbedtls_ssl_free(&raw->ssl);
    mbedtls_pk_free(&raw->key);
    mbedtls_x509_crt_free(&raw->chain);
    mbedtls_ssl_config_free(&raw->config);
}

/* The client's last word on a handshake with the raw server, which takes the server's place in the pipe. */
static spoke_status raw_shake(struct raw_server *raw, struct pair *pair)
{
    spoke_status status = SPOKE_E_AGAIN;
    int code = MBEDTLS_ERR_SSL_WANT_READ;
    pair_start(pair, "localhost");
    assert_int_equal(mbedtls_ssl_setup(&raw->ssl, &raw->config), 0);
    mbedtls_ssl_set_bio(&raw->ssl, &pair->server_end, raw_write, raw_read, NULL);
    for (unsigned round = 0; round < 1000 && (status == SPOKE_E_AGAIN || code == MBEDTLS_ERR_SSL_WANT_READ);
         round++) {
        if (status == SPOKE_E_AGAIN)
            status = tls_handshake(pair->client);
        if (code == MBEDTLS_ERR_SSL_WANT_READ)
            code = mbedtls_ssl_handshake(&raw->ssl);
    }
    return status;
}

static spoke_status shake_with_suite(const struct test_cert *cert, int suite)
{
    const int suites[] = {suite, 0};
    struct raw_server raw;
    struct pair *pair = usual_pair();
    raw_prepare(&raw, cert);
    compat_only_tls12(&raw.config);
    mbedtls_ssl_conf_ciphersuites(&raw.config, suites);
    const spoke_status status = raw_shake(&raw, pair);
    if (status == SPOKE_E_TLS)
        assert_text(pair->client, "no cipher suite");
    raw_free(&raw);
    pair_free(pair);
    return status;
}

static void the_suites_of_hub_and_dps_are_offered_and_no_others(void **state)
{
    (void)state;
    struct test_cert rsa;
    test_ca_issue(pki.ca, &(struct test_cert_options){.common_name = "hub", .names = "localhost", .rsa = true},
                  &rsa);
    assert_ok(shake_with_suite(&rsa, MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256));
    assert_ok(shake_with_suite(&rsa, MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384));
    assert_ok(shake_with_suite(&rsa, MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256));
    assert_ok(shake_with_suite(&rsa, MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384));
    assert_ok(shake_with_suite(&pki.server, MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256));
    assert_ok(shake_with_suite(&pki.server, MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384));
    assert_ok(shake_with_suite(&pki.server, MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256));
    assert_ok(shake_with_suite(&pki.server, MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384));
    assert_int_equal(shake_with_suite(&rsa, MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA), SPOKE_E_TLS);
    assert_int_equal(shake_with_suite(&rsa, MBEDTLS_TLS_RSA_WITH_AES_128_GCM_SHA256), SPOKE_E_TLS);
}

/* The extension supported_groups (10) of the ClientHello that waits in `up`, found by its shape: this many bytes, this
 * many of them the list (RFC 8422 section 5.1.1). */
static const uint8_t *offered_groups(const struct queue *up, size_t count)
{
    const uint8_t head[] = {0, 10, 0, (uint8_t)(2 * count + 2), 0, (uint8_t)(2 * count)};
    const uint8_t *found = memmem(up->bytes, up->len, head, sizeof head);
    assert_non_null(found);
    return found + sizeof head;
}

static void the_cheapest_key_exchange_is_offered_first_and_no_odd_one(void **state)
{
    (void)state;
    static const uint8_t cheapest_first[] = {0, 29 /* x25519 */, 0, 23 /* P-256 */, 0, 24, 0, 25 /* P-521 */};
    struct pair *pair = usual_pair();
    pair_start(pair, "localhost");
    assert_int_equal(tls_handshake(pair->client), SPOKE_E_AGAIN);
    assert_memory_equal(offered_groups(&pair->up, 4), cheapest_first, sizeof cheapest_first);
    pair_free(pair);
}

#if defined(MBEDTLS_SSL_RENEGOTIATION)
static void raw_expect(struct raw_server *raw, const char *text)
{
    unsigned char got[64];
    int code = MBEDTLS_ERR_SSL_WANT_READ;
    for (unsigned round = 0; round < 10 && code == MBEDTLS_ERR_SSL_WANT_READ; round++)
        code = mbedtls_ssl_read(&raw->ssl, got, sizeof got);
    assert_int_equal(code, (int)strlen(text));
    assert_memory_equal(got, text, strlen(text));
}

static struct pair *renegotiating_pair(struct raw_server *raw)
{
    struct pair *pair = usual_pair();
    raw_prepare(raw, &pki.server);
    compat_only_tls12(&raw->config);
    mbedtls_ssl_conf_renegotiation(&raw->config, MBEDTLS_SSL_RENEGOTIATION_ENABLED);
    assert_ok(raw_shake(raw, pair));
    return pair;
}

/* A request to renegotiate is answered by an alert out of tls_read. When the stream stalls, the alert is what
 * mbedTLS holds at the next write, and it would take that write for done. */
static void a_write_behind_a_stuck_alert_is_not_lost(void **state)
{
    (void)state;
    struct raw_server raw;
    struct pair *pair = renegotiating_pair(&raw);
    pair->client_end.writes_left = 0;
    assert_int_equal(mbedtls_ssl_renegotiate(&raw.ssl), 0);
    assert_int_equal(read_status(pair->client), SPOKE_E_AGAIN);
    assert_int_equal(tls_wants(pair->client), SPOKE_WANT_WRITE);
    pair->client_end.writes_left = NO_LIMIT;
    put(pair->client, "kept");
    raw_expect(&raw, "kept");
    raw_free(&raw);
    pair_free(pair);
}

/* The other way round: the alert pushes out the record that a write left behind, and the write must not send it
 * a second time. */
static void a_record_that_an_alert_pushed_out_is_not_doubled(void **state)
{
    (void)state;
    struct raw_server raw;
    struct pair *pair = renegotiating_pair(&raw);
    size_t count = 0;
    pair->client_end.writes_left = 0;
    assert_int_equal(tls_write(pair->client, (const uint8_t *)"once", 4, &count), SPOKE_E_AGAIN);
    pair->client_end.writes_left = NO_LIMIT;
    assert_int_equal(mbedtls_ssl_renegotiate(&raw.ssl), 0);
    assert_int_equal(read_status(pair->client), SPOKE_E_AGAIN);
    assert_int_not_equal(pair->up.len, 0);
    put(pair->client, "once");
    put(pair->client, "twice");
    raw_expect(&raw, "once");
    raw_expect(&raw, "twice");
    raw_free(&raw);
    pair_free(pair);
}
#endif

/* --- contexts --- */

static void assert_no_context(struct tls_context_options options, spoke_status expected, const char *says)
{
    struct tls_context *context = (struct tls_context *)&options;
    const char *why = NULL;
    int32_t detail = 0;
    options.random = system_random;
    assert_int_equal(tls_context_create(&options, &context, &why, &detail), expected);
    assert_null(context);
    if (strstr(why, says) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", why, says);
}

static const char garbage[] = "-----BEGIN CERTIFICATE-----\nMIIBgarbage\n-----END CERTIFICATE-----\n";

static const char encrypted_key[] =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAAwADAA\n-----END ENCRYPTED PRIVATE KEY-----\n";

static void unreadable_trust_is_refused(void **state)
{
    (void)state;
    const char *says = "trusted certificates cannot be read";
    assert_no_context((struct tls_context_options){.trust_pem = garbage}, SPOKE_E_CERTIFICATE, says);
    assert_no_context((struct tls_context_options){.trust_pem = ""}, SPOKE_E_CERTIFICATE, says);
    assert_no_context((struct tls_context_options){.trust_pem = "no PEM at all"}, SPOKE_E_CERTIFICATE, says);
}

static void a_pem_cut_anywhere_is_refused(void **state)
{
    (void)state;
    char cut[sizeof pki.server.cert_pem];
    const size_t len = strlen(test_ca_pem(pki.ca));
    for (size_t keep = 0; keep + 1 < len; keep++) {
        struct tls_context *context = NULL;
        memcpy(cut, test_ca_pem(pki.ca), keep);
        cut[keep] = '\0';
        const struct tls_context_options options = {.trust_pem = cut, .random = system_random};
        assert_int_equal(tls_context_create(&options, &context, NULL, NULL), SPOKE_E_CERTIFICATE);
    }
}

static void a_missing_trust_file_is_not_found(void **state)
{
    (void)state;
    assert_no_context((struct tls_context_options){.trust_file = "/nonexistent/ca.pem"}, SPOKE_E_NOT_FOUND,
                      "check its path");
    assert_no_context((struct tls_context_options){.trust_file = "/"}, SPOKE_E_NOT_FOUND, "check its path");
}

static void a_trust_file_serves_like_its_text(void **state)
{
    (void)state;
    char path[] = "/tmp/spoke-test-tls-XXXXXX";
    const int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    /* As in a system's bundle: a certificate that cannot be read does not spoil the others. */
    assert_true(fputs(garbage, file) >= 0 && fputs(test_ca_pem(pki.ca), file) >= 0);
    fclose(file);
    struct tls_context *context = context_of((struct tls_context_options){.trust_file = path});
    unlink(path);
    struct pair *pair = pair_of(context, server_context_of(&pki.server, NULL));
    pair_connect(pair, "localhost");
    pair_free(pair);
}

static void an_empty_trust_file_is_refused(void **state)
{
    (void)state;
    assert_no_context((struct tls_context_options){.trust_file = "/dev/null"}, SPOKE_E_CERTIFICATE, "holds none");
}

static void the_own_identity_must_be_whole(void **state)
{
    (void)state;
    const char *trust = test_ca_pem(pki.ca);
    const char *cert = pki.device.cert_pem, *key = pki.device.key_pem;
    assert_no_context((struct tls_context_options){.trust_pem = trust, .cert_pem = cert}, SPOKE_E_ARG,
                      "come together");
    assert_no_context((struct tls_context_options){.trust_pem = trust, .key_pem = key}, SPOKE_E_ARG,
                      "come together");
    assert_no_context((struct tls_context_options){.trust_pem = trust, .cert_pem = garbage, .key_pem = key},
                      SPOKE_E_CERTIFICATE, "own certificate cannot be read");
    assert_no_context((struct tls_context_options){.trust_pem = trust, .cert_pem = cert, .key_pem = garbage},
                      SPOKE_E_CERTIFICATE, "private key cannot be read");
    assert_no_context((struct tls_context_options){.trust_pem = trust, .cert_pem = cert, .key_pem = encrypted_key},
                      SPOKE_E_CERTIFICATE, "hand it over decrypted");
    assert_no_context(
        (struct tls_context_options){.trust_pem = trust, .cert_pem = cert, .key_pem = pki.server.key_pem},
        SPOKE_E_CERTIFICATE, "does not belong");
}

static void contexts_without_what_they_need_are_refused(void **state)
{
    (void)state;
    assert_no_context((struct tls_context_options){0}, SPOKE_E_ARG, "needs trusted certificates");
    assert_no_context((struct tls_context_options){.server = true}, SPOKE_E_ARG, "server needs a certificate");
    assert_no_context(
        (struct tls_context_options){
            .server = true, .do_not_verify = true, .cert_pem = pki.server.cert_pem, .key_pem = pki.server.key_pem},
        SPOKE_E_ARG, "for clients only");
    const struct tls_context_options no_random = {.trust_pem = test_ca_pem(pki.ca)};
    struct tls_context *context = NULL;
    assert_int_equal(tls_context_create(&no_random, &context, NULL, NULL), SPOKE_E_ARG);
    tls_context_destroy(NULL);
}

static void sessions_need_enough_aligned_memory(void **state)
{
    (void)state;
    struct tls_context *context = client_context_of(test_ca_pem(pki.ca), NULL);
    struct tls *t = NULL;
    unsigned char *memory = malloc(tls_size() + 1);
    assert_non_null(memory);
    assert_int_equal(tls_init(memory, tls_size() - 1, context, &t), SPOKE_E_ARG);
    assert_int_equal(tls_init(memory + 1, tls_size(), context, &t), SPOKE_E_ARG);
    assert_int_equal(tls_init(NULL, tls_size(), context, &t), SPOKE_E_ARG);
    assert_int_equal(tls_init(memory, tls_size(), NULL, &t), SPOKE_E_ARG);
    tls_fini(NULL);
    free(memory);
    tls_context_destroy(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_carries_text_both_ways),
        cmocka_unit_test(a_handshake_works_one_byte_at_a_time),
        cmocka_unit_test(a_handshake_says_what_it_waits_for),
        cmocka_unit_test(a_certificate_for_another_host_is_refused),
        cmocka_unit_test(the_common_name_does_not_count_beside_alternative_names),
        cmocka_unit_test(an_expired_certificate_is_refused),
        cmocka_unit_test(a_certificate_of_the_future_points_at_the_clock),
        cmocka_unit_test(an_unknown_issuer_is_refused),
        cmocka_unit_test(a_self_signed_certificate_is_refused),
        cmocka_unit_test(the_server_learns_that_its_certificate_was_refused),
        cmocka_unit_test(only_do_not_verify_lets_a_stranger_in),
        cmocka_unit_test(a_client_cannot_start_without_a_host),
        cmocka_unit_test(a_client_without_certificate_has_no_name),
        cmocka_unit_test(a_verified_client_certificate_gives_its_name),
        cmocka_unit_test(an_unverified_client_certificate_gives_no_name),
        cmocka_unit_test(an_expired_client_certificate_gives_no_name),
        cmocka_unit_test(a_name_longer_than_any_device_id_is_no_name),
        cmocka_unit_test(a_strangers_chain_is_handed_over_once),
        cmocka_unit_test(a_chain_that_does_not_fit_is_told),
        cmocka_unit_test(a_client_that_shows_a_chain_is_not_resumed_and_one_without_is),
        cmocka_unit_test(the_second_connection_resumes_the_first),
        cmocka_unit_test(another_host_is_never_offered_the_session),
        cmocka_unit_test(a_resumed_client_keeps_its_name),
        cmocka_unit_test(a_resumed_stranger_stays_without_name),
        cmocka_unit_test(a_server_that_forgot_gets_a_full_handshake),
        cmocka_unit_test(a_failed_handshake_forgets_the_session),
        cmocka_unit_test(another_context_is_used_from_the_next_start_and_proves_itself_anew),
        cmocka_unit_test(another_context_may_come_in_the_middle_of_a_handshake),
        cmocka_unit_test(contexts_of_one_trust_check_their_servers_with_it),
        cmocka_unit_test(two_trusts_do_not_mix),
        cmocka_unit_test(a_context_that_ends_leaves_the_trust_to_the_others),
        cmocka_unit_test(a_session_under_one_shared_trust_is_not_resumed_under_another),
        cmocka_unit_test(trust_of_its_own_wins_over_shared_trust),
        cmocka_unit_test(trust_that_cannot_be_read_is_refused),
        cmocka_unit_test(trust_of_nothing_is_the_systems_bundle),
        cmocka_unit_test(the_ends_of_certificates_are_told_in_unix_seconds),
        cmocka_unit_test(of_several_anchors_the_last_one_counts),
        cmocka_unit_test(a_text_without_certificate_has_no_end),
        cmocka_unit_test(the_peers_end_is_known_after_a_handshake_and_when_it_is_over),
        cmocka_unit_test(no_byte_is_lost_or_doubled_when_the_stream_stalls),
        cmocka_unit_test(a_longer_write_after_a_stall_counts_only_what_went_out),
        cmocka_unit_test(a_shorter_write_after_a_stall_breaks_the_contract),
        cmocka_unit_test(a_large_write_is_taken_a_record_at_a_time),
        cmocka_unit_test(the_rest_of_a_record_is_pending),
        cmocka_unit_test(nothing_is_read_or_written_before_the_handshake),
        cmocka_unit_test(empty_reads_and_writes_are_refused),
        cmocka_unit_test(one_context_serves_sessions_side_by_side),
        cmocka_unit_test(close_notify_comes_after_the_data),
        cmocka_unit_test(close_notify_follows_a_record_that_was_stuck),
        cmocka_unit_test(a_stream_that_just_ends_is_told_from_an_orderly_end),
        cmocka_unit_test(a_cut_anywhere_in_the_handshake_is_a_network_error),
        cmocka_unit_test(a_changed_record_is_a_tls_error),
        cmocka_unit_test(a_port_that_does_not_speak_tls_is_told),
        cmocka_unit_test(an_answer_in_tls_1_1_is_refused),
        cmocka_unit_test(a_stream_that_claims_too_much_is_broken),
        cmocka_unit_test(a_random_source_that_fails_is_named),
        cmocka_unit_test(the_suites_of_hub_and_dps_are_offered_and_no_others),
        cmocka_unit_test(the_cheapest_key_exchange_is_offered_first_and_no_odd_one),
#if defined(MBEDTLS_SSL_RENEGOTIATION)
        cmocka_unit_test(a_write_behind_a_stuck_alert_is_not_lost),
        cmocka_unit_test(a_record_that_an_alert_pushed_out_is_not_doubled),
#endif
        cmocka_unit_test(unreadable_trust_is_refused),
        cmocka_unit_test(a_pem_cut_anywhere_is_refused),
        cmocka_unit_test(a_missing_trust_file_is_not_found),
        cmocka_unit_test(a_trust_file_serves_like_its_text),
        cmocka_unit_test(an_empty_trust_file_is_refused),
        cmocka_unit_test(the_own_identity_must_be_whole),
        cmocka_unit_test(contexts_without_what_they_need_are_refused),
        cmocka_unit_test(sessions_need_enough_aligned_memory),
    };
    return cmocka_run_group_tests(tests, make_pki, drop_pki);
}
