/* Clients that share what they trust, against spoke-central over real sockets and TLS. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <spoke/central/central.h>
#include <spoke/crypto.h>
#include <spoke/spoke.h>

#include "support/support.h"
#include "support/test_ca.h"

enum { LIMIT_MS = 20000, DEVICES = 4 };

struct fixture;

struct device {
    const struct fixture *fixture;
    spoke_platform *platform;
    spoke_client *client;
    char id[16], key[96];
    spoke_status outcome; /* of the last notice about trust */
    unsigned notices;
    bool ready;
};

struct fixture {
    spoke_central *central;
    const spoke_central_env *env;
    spoke_trust *trust;
    struct test_ca *stranger;
    struct device devices[DEVICES];
};

static void quiet(void *user, spoke_log_level level, const char *module, const char *line)
{
    (void)user;
    (void)level;
    (void)module;
    (void)line;
}

static void note(spoke_client *client, const spoke_notice *notice, void *user)
{
    struct device *d = user;
    (void)client;
    if (notice->kind != SPOKE_NOTICE_CREDENTIAL)
        return;
    d->notices++;
    d->outcome = notice->error.status;
}

static void add_device(struct fixture *f, struct device *d, const spoke_trust *trust)
{
    const spoke_posix_options posix = {.struct_size = sizeof posix, .log = quiet};
    spoke_buf key = spoke_buf_from(d->key, sizeof d->key - 1);
    snprintf(d->id, sizeof d->id, "dev-%d", (int)(d - f->devices));
    d->fixture = f;
    assert_ok(spoke_central_device_key(f->central, d->id, &key));
    assert_ok(spoke_posix_create(&posix, &d->platform));
    const spoke_config config =
        SPOKE_CONFIG(.provisioning_host = f->env->host, .port = f->env->mqtt_port, .id_scope = f->env->id_scope,
                     .registration_id = d->id, .credential.primary = d->key, .trust = trust,
                     .platform = d->platform, .on_notice = note, .user = d, .backoff_min_ms = 50,
                     .backoff_max_ms = 500);
    assert_ok(spoke_client_create(&config, &d->client));
    assert_ok(spoke_client_open(d->client));
}

static bool reaches(struct device *d, spoke_state wanted)
{
    const spoke_platform *platform = d->platform;
    const uint64_t end = platform->monotonic_ms(platform->ctx) + LIMIT_MS;
    while (spoke_client_state(d->client) != wanted && platform->monotonic_ms(platform->ctx) < end)
        if (spoke_client_poll(d->client, 50) != SPOKE_OK)
            break;
    return spoke_client_state(d->client) == wanted;
}

static int set_up(void **state)
{
    struct fixture *f = test_calloc(1, sizeof *f);
    char why[200] = "";
    const spoke_central_config central =
        SPOKE_CENTRAL_CONFIG(.ephemeral = true, .any_port = true, .threaded = true,
                             .dps_retry_after_s = UINT32_MAX, .log = quiet);
    if (spoke_central_start(&central, &f->central, why, sizeof why) != SPOKE_OK)
        fail_msg("%s", why);
    f->env = spoke_central_env_of(f->central);
    assert_ok(spoke_trust_create(NULL, f->env->ca_file, &f->trust, NULL));
    f->stranger = test_ca_create("Stranger Root");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < DEVICES; i++) {
        spoke_client_destroy(f->devices[i].client);
        spoke_posix_destroy(f->devices[i].platform);
    }
    test_ca_destroy(f->stranger);
    spoke_trust_destroy(f->trust);
    spoke_central_stop(f->central);
    test_free(f);
    return 0;
}

static void a_client_that_ends_leaves_the_trust_to_the_other(void **state)
{
    struct fixture *f = *state;
    add_device(f, &f->devices[0], f->trust);
    add_device(f, &f->devices[1], f->trust);
    assert_true(reaches(&f->devices[0], SPOKE_READY));
    spoke_client_destroy(f->devices[0].client);
    f->devices[0].client = NULL;
    assert_true(reaches(&f->devices[1], SPOKE_READY));
}

static void two_trusts_in_one_process_do_not_mix(void **state)
{
    struct fixture *f = *state;
    spoke_trust *other = NULL;
    assert_ok(spoke_trust_create(test_ca_pem(f->stranger), NULL, &other, NULL));
    add_device(f, &f->devices[0], f->trust);
    add_device(f, &f->devices[1], other);
    assert_true(reaches(&f->devices[1], SPOKE_BACKOFF));
    assert_int_equal(spoke_client_error(f->devices[1].client)->status, SPOKE_E_CERTIFICATE);
    assert_true(reaches(&f->devices[0], SPOKE_READY));
    spoke_client_destroy(f->devices[1].client);
    f->devices[1].client = NULL;
    spoke_trust_destroy(other);
}

static void new_trust_on_trial_gives_way_to_the_shared_one(void **state)
{
    struct fixture *f = *state;
    struct device *tried = &f->devices[0], *other = &f->devices[1];
    add_device(f, tried, f->trust);
    add_device(f, other, f->trust);
    assert_true(reaches(tried, SPOKE_READY));
    assert_ok(spoke_client_set_trust(tried->client, test_ca_pem(f->stranger)));
    while (tried->notices == 0) {
        assert_ok(spoke_client_poll(tried->client, 50));
        spoke_client_connect_now(tried->client);
    }
    assert_int_not_equal(tried->outcome, SPOKE_OK);
    assert_true(reaches(tried, SPOKE_READY));
    assert_true(reaches(other, SPOKE_READY)); /* which the trial did not touch */
}

static void *connect_in_thread(void *user)
{
    struct device *d = user;
    d->ready = reaches(d, SPOKE_READY);
    return NULL;
}

static void clients_in_several_threads_share_their_trust(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[DEVICES];
    for (size_t i = 0; i < DEVICES; i++)
        add_device(f, &f->devices[i], f->trust);
    for (size_t i = 0; i < DEVICES; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, connect_in_thread, &f->devices[i]), 0);
    for (size_t i = 0; i < DEVICES; i++) {
        pthread_join(threads[i], NULL);
        assert_true(f->devices[i].ready);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_client_that_ends_leaves_the_trust_to_the_other),
        CASE(two_trusts_in_one_process_do_not_mix),
        CASE(new_trust_on_trial_gives_way_to_the_shared_one),
        CASE(clients_in_several_threads_share_their_trust),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
