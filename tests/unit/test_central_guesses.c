/* Registrations whose credential nothing accepts: a budget of an address and of all, and honest devices meanwhile. */
#include "support/central_stage.h"
#include "support/certificates.h"

#include <central/core/guesses.h>
#include <central/store/store_query.h>

#define FILTER "$dps/registrations/res/#"
#define PUT "$dps/registrations/PUT/iotdps-register/?$rid=1"
#define HERE "\1\2\3\4"
#define THERE "\1\2\3\5"
#define FALSE_KEY "L+HwFpwru2o4zEPmqH6axrwVo4yC4mmNs8GBgJHdtkg="
#define OTHER_GROUP_KEY "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

static uint32_t retry_after_s; /* of the last reply; 0: none */

static int setup(void **state)
{
    (void)state;
    bench_open(&bench);
    bench_faults(&bench, "{\"dpsPolls\":0}");
    return 0;
}

/* Asks on a connection that is open. The status. */
static int ask(const char *id)
{
    char body[200], topic[200];
    int status = 0;
    (void)snprintf(body, sizeof body, "{\"registrationId\":\"%s\"}", id);
    device_publish(&dev, PUT, body, 0);
    const spoke_mqtt_packet p = device_expect(&dev, SPOKE_MQTT_PUBLISH);
    (void)snprintf(topic, sizeof topic, "%.*s", (int)p.as.publish.topic.len, p.as.publish.topic.ptr);
    const char *retry = strstr(topic, "retry-after=");
    retry_after_s = retry != NULL ? (uint32_t)strtoul(retry + strlen("retry-after="), NULL, 10) : 0;
    assert_int_equal(sscanf(topic, "$dps/registrations/res/%d", &status), 1);
    return status;
}

/* Registers over a connection of its own, with a device's key (NULL: the one that the first group gives it). */
static int attempt(const char *address, const char *id, const char *key)
{
    char resource[200], username[300], token[1024];
    (void)snprintf(resource, sizeof resource, BENCH_SCOPE "/registrations/%s", id);
    (void)snprintf(username, sizeof username, "%s/api-version=2019-03-31", resource);
    bench_token(id, key, resource, BENCH_START_S + 86400, token, sizeof token);
    device_close(&dev);
    device_open(&dev, &bench, NULL);
    core_conn_from(dev.conn, spoke_str_of(address));
    device_connect_as(&dev, id, username, token, true, 240);
    assert_int_equal(device_connack(&dev), 0);
    device_subscribe_ok(&dev, FILTER, 1);
    return ask(id);
}

static void guess(const char *address, int count)
{
    for (int i = 0; i < count; i++)
        assert_int_equal(attempt(address, "guessed", FALSE_KEY), 401);
}

/* "group-007" and so on, with the key of the other group. */
static void add_groups(unsigned count)
{
    char id[32], key[] = OTHER_GROUP_KEY;
    assert_ok(store_begin(core_store(bench.core)));
    for (unsigned i = 0; i < count; i++) {
        (void)snprintf(id, sizeof id, "group-%03u", i);
        key[0] = (char)('A' + i % 26); /* the last has the key as it stands */
        key[1] = (char)('A' + i / 26);
        struct store_group row = {.id = id,
                                  .display_name = id,
                                  .type = (char[]){"iot"},
                                  .primary_key = i + 1 < count ? key : (char[]){OTHER_GROUP_KEY},
                                  .secondary_key = key,
                                  .enabled = true};
        assert_ok(store_group_put(core_store(bench.core), &row));
    }
    assert_ok(store_commit(core_store(bench.core)));
}

/* The key that the other group gives a device. */
static const char *other_key(const char *id)
{
    static char text[96];
    spoke_key key;
    spoke_buf out = spoke_buf_from(text, sizeof text - 1);
    assert_ok(spoke_key_from_base64(SPOKE_STR(OTHER_GROUP_KEY), &key));
    assert_ok(spoke_sas_derive(spoke_str_of(id), spoke_key_hmac, &key, &out));
    text[out.len] = '\0';
    return text;
}

/* --- at the registration --- */

static void after_a_hundred_false_tokens_an_address_is_told_to_wait(void **state)
{
    (void)state;
    guess(HERE, 100);
    assert_int_equal(attempt(HERE, "guessed", FALSE_KEY), 429);
    assert_int_equal(retry_after_s, 5);
}

static void ten_a_second_are_judged_again(void **state)
{
    (void)state;
    guess(HERE, 100);
    bench_advance(&bench, 1000);
    guess(HERE, 10);
    assert_int_equal(attempt(HERE, "guessed", FALSE_KEY), 429);
}

static void what_is_beyond_the_budget_makes_nobody_wait_longer(void **state)
{
    (void)state;
    guess(HERE, 100);
    for (int i = 0; i < 500; i++)
        assert_int_equal(attempt(HERE, "guessed", FALSE_KEY), 429);
    bench_advance(&bench, 100);
    assert_int_equal(attempt(HERE, "guessed", FALSE_KEY), 401);
}

static void a_device_that_was_here_before_registers_beside_who_guesses(void **state)
{
    (void)state;
    add_groups(3);
    assert_int_equal(attempt(HERE, "old", other_key("old")), 200);
    assert_int_equal(attempt(HERE, "newer", NULL), 200); /* so that its group was not the last */
    guess(HERE, 100);
    assert_int_equal(attempt(HERE, "guessed", FALSE_KEY), 429);
    assert_int_equal(attempt(HERE, "old", other_key("old")), 200);
}

static void so_does_a_new_one_of_the_fleet_that_registers_just_now(void **state)
{
    (void)state;
    add_groups(3);
    assert_int_equal(attempt(THERE, "first", other_key("first")), 200);
    guess(HERE, 100);
    assert_int_equal(attempt(HERE, "guessed", FALSE_KEY), 429);
    assert_int_equal(attempt(HERE, "second", other_key("second")), 200);
}

static void so_does_one_with_a_key_of_its_own(void **state)
{
    struct store_device row = {.id = (char[]){"own"},
                               .display_name = (char[]){"own"},
                               .primary_key = (char[]){OTHER_GROUP_KEY},
                               .enabled = true,
                               .approved = true};
    (void)state;
    assert_ok(store_device_put(core_store(bench.core), &row));
    guess(HERE, 100);
    assert_int_equal(attempt(HERE, "own", FALSE_KEY), 429);
    assert_int_equal(attempt(HERE, "own", OTHER_GROUP_KEY), 200);
}

static void a_new_device_of_another_address_is_judged_meanwhile(void **state)
{
    (void)state;
    add_groups(3);
    guess(HERE, 100);
    assert_int_equal(attempt(HERE, "new", other_key("new")), 429);
    assert_int_equal(attempt(THERE, "new", other_key("new")), 200);
}

static void who_waited_is_judged_on_the_same_connection(void **state)
{
    (void)state;
    add_groups(3);
    guess(HERE, 100);
    assert_int_equal(attempt(HERE, "new", other_key("new")), 429);
    assert_int_equal(ask("new"), 429);
    bench_advance(&bench, retry_after_s * 1000);
    assert_int_equal(ask("new"), 200);
    assert_int_equal(attempt(HERE, "guessed", FALSE_KEY), 401);
    guess(HERE, 49);
    assert_int_equal(attempt(HERE, "guessed", FALSE_KEY), 429);
    bench_advance(&bench, retry_after_s * 1000);
    assert_int_equal(ask("guessed"), 401);
    assert_int_equal(ask("guessed"), 401); /* known to be false: not judged once more */
}

static int stop_reading(void *ctx)
{
    (void)ctx;
    return 1;
}

static void who_waited_while_the_store_failed_is_judged_later(void **state)
{
    (void)state;
    add_groups(3);
    guess(HERE, 100);
    assert_int_equal(attempt(HERE, "new", other_key("new")), 429);
    bench_advance(&bench, retry_after_s * 1000);
    sqlite3_progress_handler(core_store(bench.core)->db, 1, stop_reading, NULL);
    assert_int_equal(ask("new"), 500);
    sqlite3_progress_handler(core_store(bench.core)->db, 0, NULL, NULL);
    assert_int_equal(ask("new"), 200);
}

static void from_many_addresses_a_thousand_are_judged_at_once(void **state)
{
    char address[5] = HERE;
    (void)state;
    for (int i = 0; i < 20; i++) {
        address[2] = (char)(i + 10);
        guess(address, 50);
    }
    assert_int_equal(attempt(THERE, "guessed", FALSE_KEY), 429);
    assert_int_equal(attempt(THERE, "honest", NULL), 429); /* nothing accepted anything so far */
    bench_advance(&bench, 10);
    assert_int_equal(attempt(THERE, "honest", NULL), 200);
    assert_int_equal(attempt(THERE, "guessed", FALSE_KEY), 401);
    assert_int_equal(attempt(THERE, "honest-2", NULL), 200);
}

static void with_a_thousand_groups_a_false_token_costs_ten_times_as_much(void **state)
{
    (void)state;
    add_groups(1000);
    guess(HERE, 10);
    assert_int_equal(attempt(HERE, "guessed", FALSE_KEY), 429);
    bench_advance(&bench, 1000);
    guess(HERE, 1);
    assert_int_equal(attempt(HERE, "guessed", FALSE_KEY), 429);
}

static void the_program_itself_may_guess_as_it_likes(void **state)
{
    (void)state;
    guess("", 300);
}

/* The status of a registration with what was shown. */
static int attempt_with(const char *address, const char *id, const spoke_str *chain)
{
    char username[300];
    (void)snprintf(username, sizeof username, BENCH_SCOPE "/registrations/%s/api-version=2019-03-31", id);
    device_close(&dev);
    device_open(&dev, &bench, chain);
    core_conn_from(dev.conn, spoke_str_of(address));
    device_connect_as(&dev, id, username, NULL, true, 240);
    assert_int_equal(device_connack(&dev), 0);
    device_subscribe_ok(&dev, FILTER, 1);
    return ask(id);
}

static void certificates_have_a_budget_of_their_own(void **state)
{
    struct shown theirs, ours;
    struct test_ca *authority = test_ca_create("Devices"), *stranger = test_ca_create("Strangers");
    (void)state;
    bench_close(&bench);
    bench.options.device_ca_pem = test_ca_pem(authority);
    bench_start(&bench);
    bench_faults(&bench, "{\"dpsPolls\":0}");
    shown_as(&theirs, stranger, "x");
    shown_as(&ours, authority, "y");
    for (int i = 0; i < 100; i++)
        assert_int_equal(attempt_with(HERE, "x", &theirs.chain), 401);
    assert_int_equal(attempt_with(HERE, "x", &theirs.chain), 429);
    assert_int_equal(attempt(HERE, "new", NULL), 200);
    assert_int_equal(attempt(HERE, "guessed", FALSE_KEY), 401);
    assert_int_equal(attempt_with(HERE, "y", &ours.chain), 429);
    bench_advance(&bench, retry_after_s * 1000);
    assert_int_equal(ask("y"), 200);
    test_ca_destroy(authority);
    test_ca_destroy(stranger);
}

static void keep_own_certificate(const char *id, struct shown *shown)
{
    static const uint8_t subject[32] = {0};
    struct store_device device = {
        .id = (char *)(uintptr_t)id, .display_name = (char *)(uintptr_t)id, .enabled = true, .approved = true};
    struct store_certificate row = {.owner = (char *)(uintptr_t)id,
                                    .entry = (char[]){"primary"},
                                    .der = shown->der,
                                    .der_len = shown->chain.len};
    assert_ok(store_device_put(core_store(bench.core), &device));
    assert_ok(store_certificate_put(core_store(bench.core), STORE_OF_DEVICE, &row, subject));
}

static void a_certificate_of_the_devices_own_needs_no_budget(void **state)
{
    struct shown theirs, own;
    struct test_ca *stranger = test_ca_create("Strangers");
    (void)state;
    shown_as(&theirs, stranger, "x");
    shown_as(&own, stranger, "own");
    keep_own_certificate("own", &own);
    for (int i = 0; i < 100; i++)
        assert_int_equal(attempt_with(HERE, "x", &theirs.chain), 401);
    assert_int_equal(attempt_with(HERE, "x", &theirs.chain), 429);
    assert_int_equal(attempt_with(HERE, "own", &own.chain), 200);
    test_ca_destroy(stranger);
}

/* --- who counts --- */

static void what_was_done_is_charged_beyond_the_burst(void **state)
{
    struct guesses *g = calloc(1, sizeof *g);
    (void)state;
    g->burst_ms = 1000;
    assert_int_equal(guesses_wait_ms(g, SPOKE_STR(HERE), 100, 50), 0);
    guesses_charge(g, SPOKE_STR(HERE), 3000, 50);
    assert_int_equal(guesses_wait_ms(g, SPOKE_STR(HERE), 100, 50), 2100);
    assert_int_equal(guesses_wait_ms(g, SPOKE_STR(HERE), 100, 2149), 1);
    assert_int_equal(guesses_wait_ms(g, SPOKE_STR(HERE), 100, 2150), 0);
    free(g);
}

static void an_address_that_is_too_long_does_not_count(void **state)
{
    struct guesses *g = calloc(1, sizeof *g);
    (void)state;
    g->burst_ms = 1000;
    guesses_charge(g, SPOKE_STR("12345678901234567"), 3000, 0);
    assert_int_equal(guesses_wait_ms(g, SPOKE_STR("12345678901234567"), 100, 0), 0);
    free(g);
}

/* --- quotas --- */

static void with_limits_two_hundred_devices_register_in_a_minute(void **state)
{
    char id[32];
    (void)state;
    bench_close(&bench);
    bench.options.profile = "central-limits";
    bench_start(&bench);
    bench_faults(&bench, "{\"dpsPolls\":0}");
    for (unsigned i = 0; i < 200; i++) {
        (void)snprintf(id, sizeof id, "dev-%u", i);
        assert_int_equal(attempt(HERE, id, NULL), 200);
    }
    assert_int_equal(attempt(HERE, "one-more", NULL), 429);
    assert_int_equal(retry_after_s, 1);
    bench_advance(&bench, 300);
    assert_int_equal(ask("one-more"), 200);
    assert_int_equal(attempt(HERE, "guessed", FALSE_KEY), 401); /* and uses nothing up */
}

#define CLAIM(test) cmocka_unit_test_setup_teardown(test, setup, stage_clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(after_a_hundred_false_tokens_an_address_is_told_to_wait),
        CLAIM(ten_a_second_are_judged_again),
        CLAIM(what_is_beyond_the_budget_makes_nobody_wait_longer),
        CLAIM(a_device_that_was_here_before_registers_beside_who_guesses),
        CLAIM(so_does_a_new_one_of_the_fleet_that_registers_just_now),
        CLAIM(so_does_one_with_a_key_of_its_own),
        CLAIM(a_new_device_of_another_address_is_judged_meanwhile),
        CLAIM(who_waited_is_judged_on_the_same_connection),
        CLAIM(who_waited_while_the_store_failed_is_judged_later),
        CLAIM(from_many_addresses_a_thousand_are_judged_at_once),
        CLAIM(with_a_thousand_groups_a_false_token_costs_ten_times_as_much),
        CLAIM(the_program_itself_may_guess_as_it_likes),
        CLAIM(certificates_have_a_budget_of_their_own),
        CLAIM(a_certificate_of_the_devices_own_needs_no_budget),
        CLAIM(with_limits_two_hundred_devices_register_in_a_minute),
        cmocka_unit_test(what_was_done_is_charged_beyond_the_burst),
        cmocka_unit_test(an_address_that_is_too_long_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
