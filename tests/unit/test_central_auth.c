/* Who may connect to the hub: tokens as the SDKs write them, keys, certificates, the state of the device. */
#include "support/central_stage.h"
#include "support/certificates.h"

#define USER BENCH_HUB "/dev-001/?api-version=2021-04-12"

static uint8_t connect_with(const char *client_id, const char *username, const char *password)
{
    device_close(&dev);
    device_open(&dev, &bench, NULL);
    device_connect_as(&dev, client_id, username, password, true, 60);
    return device_connack(&dev);
}

static uint8_t connect_to(const char *resource, const char *username, int64_t expires_s)
{
    char token[1024];
    bench_token("dev-001", NULL, resource, expires_s, token, sizeof token);
    return connect_with("dev-001", username, token);
}

static void change_device(void (*change)(struct store_device *row))
{
    struct store_device row;
    assert_ok(store_device_get(core_store(bench.core), "dev-001", &row));
    change(&row);
    assert_ok(store_device_put(core_store(bench.core), &row));
    store_device_free(&row);
}

static void published_token_is_accepted(void **state)
{
    (void)state;
    assert_int_equal(connect_with("dev-001", USER,
                                  "SharedAccessSignature sr=central-hub-1.local%2Fdevices%2Fdev-001&sig="
                                  "IrgQQ2LF%2BhoKW9ZBVI8Ages%2BJwLduIYoWNZy%2F4CPQ%2Fc%3D&se=1893456000"),
                     0);
}

static void resource_that_is_not_escaped_is_accepted(void **state)
{
    (void)state;
    assert_int_equal(connect_with("dev-001", USER,
                                  "SharedAccessSignature sr=central-hub-1.local/devices/dev-001&sig="
                                  "CgiPSyK64dPk7mYeHIRZRCwpnwdZYJ0qIusPQfyugPQ%3D&se=1893456000"),
                     0);
}

static void fields_of_the_token_stand_in_any_order(void **state)
{
    (void)state;
    assert_int_equal(connect_with("dev-001", USER,
                                  "SharedAccessSignature se=1893456000&skn=&sig="
                                  "IrgQQ2LF%2bhoKW9ZBVI8Ages%2bJwLduIYoWNZy%2f4CPQ%2fc%3d&sr="
                                  "central-hub-1.local%2Fdevices%2Fdev-001"),
                     0);
}

static void user_names_of_all_sdks_are_read(void **state)
{
    (void)state;
    static const char *const names[] = {
        BENCH_HUB "/dev-001",
        BENCH_HUB "/dev-001/",
        BENCH_HUB "/dev-001/?api-version=2020-09-30&DeviceClientType=azrtos",
        BENCH_HUB
        "/dev-001/?api-version=2021-04-12&model-id=dtmi:com:example:Thermostat;1&DeviceClientType=node(x)",
        BENCH_HUB "/dev-001/?model-id=dtmi%3Aa%3Ab%3B1&api-version=2021-04-12&unknown",
        "CENTRAL-hub-1.LOCAL/dev-001/?api-version=2021-04-12",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_int_equal(connect_to(BENCH_HUB "/devices/dev-001", names[i], BENCH_START_S + 60), 0);
}

static void model_id_of_the_user_name_is_kept(void **state)
{
    (void)state;
    struct store_device row;
    assert_int_equal(connect_to(BENCH_HUB "/devices/dev-001", USER "&model-id=dtmi%3Acom%3Aexample%3AOther%3B2",
                                BENCH_START_S + 60),
                     0);
    assert_ok(store_device_get(core_store(bench.core), "dev-001", &row));
    assert_string_equal(row.model_id, "dtmi:com:example:Other;2");
    store_device_free(&row);
}

static void token_covers_by_whole_segments_only(void **state)
{
    (void)state;
    assert_int_equal(connect_to(BENCH_HUB, USER, BENCH_START_S + 60), 0);
    assert_int_equal(connect_to(BENCH_HUB "/devices", USER, BENCH_START_S + 60), 0);
    assert_int_equal(connect_to(BENCH_HUB "/devices/dev-00", USER, BENCH_START_S + 60), 5);
    assert_int_equal(connect_to(BENCH_HUB "/devices/DEV-001", USER, BENCH_START_S + 60), 5);
    assert_int_equal(connect_to("other.local/devices/dev-001", USER, BENCH_START_S + 60), 5);
}

static void token_is_over_in_the_second_that_it_names(void **state)
{
    (void)state;
    assert_int_equal(connect_to(BENCH_HUB "/devices/dev-001", USER, BENCH_START_S + 2), 0);
    assert_int_equal(connect_to(BENCH_HUB "/devices/dev-001", USER, BENCH_START_S + 1), 5);
    assert_int_equal(bench_events(&bench, "hub-refused"), 1);
}

static void wrong_key_and_broken_tokens_are_refused(void **state)
{
    (void)state;
    char token[1024];
    bench_token("dev-001", "L+HwFpwru2o4zEPmqH6axrwVo4yC4mmNs8GBgJHdtkg=", BENCH_HUB "/devices/dev-001",
                BENCH_START_S + 60, token, sizeof token);
    assert_int_equal(connect_with("dev-001", USER, token), 5);
    static const char *const broken[] = {"",
                                         "x",
                                         "SharedAccessSignature ",
                                         "SharedAccessSignature sr=a&sig=b&se=c",
                                         "SharedAccessSignature sr=a&sig=%zz&se=1893456000",
                                         "SharedAccessSignature sr=%&sig=AAAA&se=1893456000"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        assert_int_equal(connect_with("dev-001", USER, broken[i]), 5);
}

static void overlong_token_is_refused(void **state)
{
    (void)state;
    char token[4000];
    (void)snprintf(token, sizeof token, "SharedAccessSignature sr=%03000d&sig=AAAA&se=1893456000", 1);
    assert_int_equal(connect_with("dev-001", USER, token), 5);
}

static void group_key_itself_signs_no_device_token(void **state)
{
    (void)state;
    char token[1024];
    bench_token("dev-001", BENCH_GROUP_KEY, BENCH_HUB "/devices/dev-001", BENCH_START_S + 60, token, sizeof token);
    assert_int_equal(connect_with("dev-001", USER, token), 5);
}

static void ids_of_connect_must_agree(void **state)
{
    (void)state;
    char token[1024];
    bench_token("dev-001", NULL, BENCH_HUB "/devices/dev-001", BENCH_START_S + 60, token, sizeof token);
    assert_int_equal(connect_with("dev-002", USER, token), 5);
    assert_int_equal(connect_with("DEV-001", USER, token), 5);
    assert_int_equal(connect_with("dev-001/mod", BENCH_HUB "/dev-001/mod/?api-version=2021-04-12", token), 5);
}

static void block(struct store_device *row)
{
    row->enabled = false;
}

static void blocked_device_is_refused(void **state)
{
    (void)state;
    change_device(block);
    assert_int_equal(connect_to(BENCH_HUB "/devices/dev-001", USER, BENCH_START_S + 60), 5);
}

static void forget_provisioning(struct store_device *row)
{
    row->provisioned = false;
}

static void device_that_never_provisioned_is_refused(void **state)
{
    (void)state;
    change_device(forget_provisioning);
    assert_int_equal(connect_to(BENCH_HUB "/devices/dev-001", USER, BENCH_START_S + 60), 5);
}

static void give_own_keys(struct store_device *row)
{
    row->primary_key = strdup("MDEyMzQ1Njc4OWFiY2RlZg==");
    row->secondary_key = strdup("ZmVkY2JhOTg3NjU0MzIxMA==");
}

static void own_keys_count_first_the_primary_then_the_secondary(void **state)
{
    (void)state;
    char token[1024], key[96];
    change_device(give_own_keys);
    bench_token("dev-001", "MDEyMzQ1Njc4OWFiY2RlZg==", BENCH_HUB "/devices/dev-001", BENCH_START_S + 60, token,
                sizeof token);
    assert_int_equal(connect_with("dev-001", USER, token), 0);
    bench_token("dev-001", "ZmVkY2JhOTg3NjU0MzIxMA==", BENCH_HUB "/devices/dev-001", BENCH_START_S + 60, token,
                sizeof token);
    assert_int_equal(connect_with("dev-001", USER, token), 0);
    assert_int_equal(connect_to(BENCH_HUB "/devices/dev-001", USER, BENCH_START_S + 60), 5);
    assert_ok(core_device_key(bench.core, "dev-001", true, key));
    assert_string_equal(key, "ZmVkY2JhOTg3NjU0MzIxMA==");
}

static void device_key_is_derived_from_the_group(void **state)
{
    (void)state;
    char key[96];
    assert_ok(core_device_key(bench.core, "dev-001", false, key));
    assert_string_equal(key, "E39QatCTEm7t/ejZBZgJQreX8WqJDe8a/oHSRHFfROw=");
    assert_ok(core_device_key(bench.core, "sensor.A:1", false, key)); /* not even known yet */
    assert_string_equal(key, "46M2Hm17f9zHJ1ulyLgLSFVyAoQ6eVj6s/TkFIO8vjE=");
}

static void certificate_must_name_the_device(void **state)
{
    (void)state;
    struct shown shown;
    int status;
    struct test_ca *authority = test_ca_create("Devices");
    bench_close(&bench);
    bench.options.device_ca_pem = test_ca_pem(authority);
    bench_start(&bench);
    cJSON_Delete(device_register_with(&dev, &bench, "dev-x509", shown_as(&shown, authority, "dev-x509"), &status));
    assert_int_equal(device_hub_with(&dev, &bench, "dev-x509", &shown.chain), 0);
    assert_int_equal(device_hub_with(&dev, &bench, "dev-x509", shown_as(&shown, authority, "dev-002")), 5);
    assert_int_equal(device_hub_with(&dev, &bench, "dev-x509", NULL), 5);
    test_ca_destroy(authority);
}

static void no_credential_at_all_is_refused(void **state)
{
    (void)state;
    assert_int_equal(connect_with("dev-001", USER, NULL), 5);
}

static void given_settings_are_used_and_the_others_made(void **state)
{
    (void)state;
    assert_string_equal(core_id_scope(bench.core), BENCH_SCOPE);
    assert_string_equal(core_hub_host(bench.core), BENCH_HUB);
    assert_int_equal(strlen(core_application_id(bench.core)), 36);
    assert_true(strlen(core_application_secret(bench.core)) >= 44);
}

static void bad_options_are_refused_with_a_sentence(void **state)
{
    (void)state;
    struct core *core;
    char why[200] = "";
    struct core_options options = bench_options(&bench);
    options.group_key = "short";
    assert_int_equal(core_create(&options, &core, why, sizeof why), SPOKE_E_ARG);
    assert_non_null(strstr(why, "group key"));
    options = bench_options(&bench);
    options.id_scope = "a/b";
    assert_int_equal(core_create(&options, &core, why, sizeof why), SPOKE_E_ARG);
    assert_non_null(strstr(why, "scope"));
}

static spoke_status no_random(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    (void)out;
    (void)len;
    return SPOKE_E_PORT;
}

static void without_randomness_no_key_is_made(void **state)
{
    (void)state;
    struct core *c = NULL;
    char why[200] = "";
    struct core_options options = bench.options;
    options.random = no_random;
    assert_int_equal(core_create(&options, &c, why, sizeof why), SPOKE_E_PORT);
    assert_null(c);
    assert_true(why[0] != '\0');
}

int main(void)
{
#define CLAIM(name) cmocka_unit_test_setup_teardown(name, stage_set, stage_clear)
    const struct CMUnitTest tests[] = {
        CLAIM(published_token_is_accepted),
        CLAIM(resource_that_is_not_escaped_is_accepted),
        CLAIM(fields_of_the_token_stand_in_any_order),
        CLAIM(user_names_of_all_sdks_are_read),
        CLAIM(model_id_of_the_user_name_is_kept),
        CLAIM(token_covers_by_whole_segments_only),
        CLAIM(token_is_over_in_the_second_that_it_names),
        CLAIM(wrong_key_and_broken_tokens_are_refused),
        CLAIM(overlong_token_is_refused),
        CLAIM(group_key_itself_signs_no_device_token),
        CLAIM(ids_of_connect_must_agree),
        CLAIM(blocked_device_is_refused),
        CLAIM(device_that_never_provisioned_is_refused),
        CLAIM(own_keys_count_first_the_primary_then_the_secondary),
        CLAIM(device_key_is_derived_from_the_group),
        CLAIM(certificate_must_name_the_device),
        CLAIM(no_credential_at_all_is_refused),
        CLAIM(given_settings_are_used_and_the_others_made),
        CLAIM(bad_options_are_refused_with_a_sentence),
        CLAIM(without_randomness_no_key_is_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
