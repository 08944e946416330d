/* The configuration: every field that can be wrong is named, and memory is what the caller was told. */
#include "client/machine.h"
#include "support/client_fixture.h"

static const spoke_member members[] = {{NULL, "p", SPOKE_PROPERTY, SPOKE_WRITABLE, &spoke_schema_double, NULL}};

/* Refused by size and init alike, with that word in the reason. */
static void expect_refused(const spoke_config *config, const char *word)
{
    static _Alignas(max_align_t) uint8_t memory[64];
    spoke_client *client = (spoke_client *)memory;
    spoke_error why;
    assert_int_equal(spoke_client_size(config), 0);
    assert_int_equal(spoke_client_init(memory, sizeof memory, config, &client, &why), SPOKE_E_ARG);
    assert_null(client);
    if (strstr(why.text, word) == NULL)
        fail_msg("'%s' does not mention '%s'", why.text, word);
}

#define refused(word, assignment) \
    do { \
        spoke_config config = f->config; \
        config.assignment; \
        expect_refused(&config, word); \
    } while (0)

static void each_wrong_field_is_named(void **state)
{
    struct fixture *f = *state;
    static char long_text[300];
    static const spoke_handler both = {NULL, "x", on_property, on_command};
    static const spoke_handler twice[] = {SPOKE_ON_COMMAND("x", on_command),
                                          SPOKE_ON_COMPONENT_COMMAND("", "x", on_command)};
    static const spoke_handler nameless = SPOKE_ON_COMMAND(NULL, on_command), idle = {NULL, "x", NULL, NULL};
    memset(long_text, 'a', sizeof long_text - 1);
    expect_refused(NULL, "struct_size");
    refused("struct_size", struct_size = 0);
    refused("struct_size", struct_size = sizeof(spoke_config) + 1);
    refused("registration_id", registration_id = NULL);
    refused("registration_id", registration_id = "");
    refused("registration_id", registration_id = long_text);
    refused("registration_id", registration_id = "a/b");
    refused("registration_id", registration_id = "a b");
    refused("hub_host", hub_host = NULL);
    refused("hub_host", hub_host = "a b");
    refused("id_scope", provisioning_host = "dps.local");
    refused("provisioning_host", provisioning_host = "");
    refused("provisioning_payload", provisioning_payload = "[1]");
    f->config.trust = (const struct spoke_trust *)f; /* nobody looks into it */
    refused("trust_pem or trust_file", trust_pem = "PEM");
    refused("trust_pem or trust_file", trust_file = "ca.pem");
    f->config.trust = NULL;
    refused("credential", credential.primary = NULL);
    refused("credential", credential = ((spoke_credential){.kind = SPOKE_X509, .primary = "x"}));
    refused("credential", credential = ((spoke_credential){.kind = SPOKE_X509, .secondary = "x"}));
    refused("handlers", handlers = NULL);
    refused("handler", handlers = &nameless);
    refused("handler", handlers = &idle);
    refused("handler", handlers = &both);
    refused("two handlers", handlers = twice);
    refused("handler_count", handler_count = SIZE_MAX / 2);
    refused("keep_alive_s", keep_alive_s = 1178);
    refused("sas_lifetime_s", sas_lifetime_s = 86401);
    refused("sas_lifetime_s", sas_lifetime_s = 59);
    refused("backoff_max_ms", backoff_max_ms = 10);
    refused("one hour", backoff_max_ms = 3600001);
    refused("queue_bytes", queue_bytes = 255);
    refused("queue_bytes", queue_bytes = UINT32_MAX);
    refused("report_bytes", report_bytes = 255);
    refused("report_bytes", report_bytes = UINT32_MAX);
    refused("receive_bytes", receive_bytes = 1023);
    refused("receive_bytes", receive_bytes = SPOKE_MQTT_MAX_REMAINING + 1);
    refused("checks", checks = (spoke_checks)(SPOKE_CHECKS_OFF + 1));
    f->platform.store = NULL;
    refused("keep_settings", keep_settings = true);
    f->platform.store = fake_store;
    f->platform.load = NULL;
    refused("keep_settings", keep_settings = true);
    f->platform.load = fake_load;
    refused("log_bytes", log_bytes = 255);
    refused("log_bytes", log_bytes = UINT32_MAX);
    refused("diagnostics_period_s", diagnostics_period_s = UINT32_MAX);
    refused("hub_host", hub_host = "");
    refused("send_bytes", send_bytes = 2047);
    refused("send_bytes", send_bytes = SPOKE_MQTT_MAX_REMAINING + 1);
}

static spoke_status no_code(void *ctx, spoke_str body, spoke_buf *out)
{
    (void)ctx;
    (void)body;
    (void)out;
    return SPOKE_E_UNSUPPORTED;
}

static void the_limits_of_the_queue_are_named(void **state)
{
    struct fixture *f = *state;
    static const spoke_encoder nameless = {NULL, 0, no_code, NULL}, empty = {"", 0, no_code, NULL},
                               without = {"gzip", 0, NULL, NULL},
                               long_name = {"0123456789012345678901234567890123", 0, no_code, NULL};
    refused("when_full", when_full = (spoke_when_full)(SPOKE_FULL_DROP_LOWEST + 1));
    refused("queue_messages", queue_messages = 65001);
    refused("replay_per_s", replay_per_s = 1000001);
    refused("encoder", encoder = &nameless);
    refused("encoder", encoder = &empty);
    refused("encoder", encoder = &without);
    refused("encoder", encoder = &long_name);
    f->config.queue_bytes = 0x40000000u;
    refused("1073741824", report_bytes = 4096);
}

static void a_storage_that_cannot_work_is_named_and_one_too_small_says_how_many_blocks_would_do(void **state)
{
    struct fixture *f = *state;
    static uint8_t memory[8 * 512], room[256];
    spoke_ram_storage ram;
    spoke_config resolved;
    spoke_error why;
    memset(memory, 0xFF, sizeof memory);
    spoke_storage_ram_init(&ram, memory, 512, 8);
    spoke_storage broken = ram.storage;
    broken.struct_size = 8;
    refused("storage.struct_size", storage = &broken);
    broken = ram.storage;
    broken.program = NULL;
    refused("read, program and erase", storage = &broken);
    broken = ram.storage;
    broken.read = NULL;
    refused("read, program and erase", storage = &broken);
    broken = ram.storage;
    broken.erase = NULL;
    refused("read, program and erase", storage = &broken);
    broken = ram.storage;
    broken.block_bytes = 100;
    refused("512 bytes", storage = &broken);
    broken = ram.storage;
    refused("too small", storage = &broken);

    /* the number it says is the least that will do */
    unsigned long bytes, blocks = 0;
    spoke_buf sentence = spoke_buf_from(room, sizeof room);
    f->config.storage = &broken;
    assert_int_equal(config_check(&f->config, &resolved, &sentence, &why), SPOKE_E_ARG);
    assert_int_equal(
        sscanf(strstr(why.text, "with blocks of"), "with blocks of %lu bytes they need %lu", &bytes, &blocks), 2);
    assert_int_equal(bytes, 512);
    broken.block_count = (uint32_t)blocks;
    assert_ok(config_check(&f->config, &resolved, &sentence, &why));
    broken.block_count--;
    assert_int_equal(config_check(&f->config, &resolved, &sentence, &why), SPOKE_E_ARG);
    f->config.storage = NULL;
}

/* Only init decodes keys. */
static void a_key_that_is_none_is_named(void **state)
{
    struct fixture *f = *state;
    const char **keys[] = {&f->config.credential.primary, &f->config.credential.secondary};
    const char *const words[] = {"credential.primary", "credential.secondary"};
    for (size_t i = 0; i < 2; i++) {
        const char **key = keys[i];
        const char *good = *key;
        *key = "AAEC";
        const size_t size = spoke_client_size(&f->config);
        void *memory = test_malloc(size);
        spoke_client *client;
        spoke_error why;
        assert_int_equal(spoke_client_init(memory, size, &f->config, &client, &why), SPOKE_E_ARG);
        assert_non_null(strstr(why.text, words[i]));
        test_free(memory);
        *key = good;
    }
    start(f);
}

static void the_names_of_a_registration_are_checked_before_any_connection(void **state)
{
    struct fixture *f = *state;
    static char dtmi[1400];
    static spoke_model model = {dtmi, members, 1};
    memset(dtmi, 'x', sizeof dtmi - 1);
    f->config.provisioning_host = "dps.local";
    f->config.id_scope = "0ne0";
    refused("registration_id", registration_id = "d&e");
    refused("id_scope", id_scope = "0 ne");
    f->config.hub_host = "hub.local";
    f->config.provisioning_host = NULL;
    refused("model id", model = &model);
}

static void a_platform_without_half_of_its_lock_is_refused(void **state)
{
    struct fixture *f = *state;
    f->platform.lock = (void (*)(void *))abort;
    refused("lock", user = NULL);
    f->platform.lock = NULL;
    f->platform.struct_size = 8;
    refused("platform.struct_size", user = NULL);
}

static void what_a_platform_leaves_out_comes_from_the_built_in_port(void **state)
{
    struct fixture *f = *state;
    f->platform.monotonic_ms = NULL;
    f->platform.unix_seconds = NULL;
    f->platform.random = NULL;
    f->platform.net = NULL;
    start(f);
    poll(f, 0);
    expect(f, SPOKE_CONNECTING);
}

static void init_needs_exactly_what_size_says_and_minds_no_garbage(void **state)
{
    struct fixture *f = *state;
    const size_t size = spoke_client_size(&f->config);
    uint8_t *memory = test_malloc(size + 1);
    spoke_client *client;
    spoke_error why;
    memset(memory, 0xa5, size + 1);
    assert_int_equal(spoke_client_init(memory, size - 1, &f->config, &client, &why), SPOKE_E_NO_MEMORY);
    assert_int_equal(spoke_client_init(memory + 1, size, &f->config, &client, &why), SPOKE_E_ARG);
    assert_int_equal(spoke_client_init(NULL, size, &f->config, &client, &why), SPOKE_E_ARG);
    assert_int_equal(spoke_client_init(memory, size, &f->config, NULL, &why), SPOKE_E_ARG);
    assert_ok(spoke_client_init(memory, size, &f->config, &client, NULL));
    spoke_client_destroy(f->client);
    f->client = client;
    f->last = SPOKE_IDLE;
    assert_ok(spoke_client_open(client));
    get_ready(f);
    assert_int_equal(memory[size], 0xa5);
    spoke_client_destroy(client);
    f->client = NULL;
    test_free(memory);
}

/* A program built against an older header has a shorter struct: what is behind it counts as zero. */
static void a_shorter_configuration_means_defaults_for_the_rest(void **state)
{
    struct fixture *f = *state;
    f->config.commands = 9999;
    f->config.in_flight = 9999;
    const size_t longer = spoke_client_size(&f->config);
    f->config.struct_size = offsetof(spoke_config, in_flight);
    const size_t shorter = spoke_client_size(&f->config);
    assert_true(shorter > 0 && shorter < longer);
    start(f);
    get_ready(f);
}

static void create_says_what_init_says(void **state)
{
    struct fixture *f = *state;
    spoke_client *client = f->client;
    spoke_config config = f->config;
    config.registration_id = NULL;
    assert_int_equal(spoke_client_create(&config, &client), SPOKE_E_ARG);
    assert_null(client);
    assert_int_equal(spoke_client_create(&config, NULL), SPOKE_E_ARG);
    assert_int_equal(spoke_client_open(NULL), SPOKE_E_ARG);
    assert_int_equal(spoke_client_poll(NULL, 0), SPOKE_E_ARG);
    assert_int_equal(spoke_client_run(NULL, 0), SPOKE_E_ARG);
    assert_int_equal(spoke_client_close(NULL, 0), SPOKE_E_ARG);
    char text[100];
    assert_non_null(strstr(spoke_client_explain(NULL, text, sizeof text), "no client"));
    spoke_client_destroy(NULL);
}

static void a_property_and_a_command_may_share_their_name(void **state)
{
    struct fixture *f = *state;
    static const spoke_handler pair[] = {SPOKE_ON_PROPERTY("x", on_property), SPOKE_ON_COMMAND("x", on_command)};
    f->config.handlers = pair;
    f->config.handler_count = 2;
    start(f);
}

static void the_agent_of_the_program_stands_in_the_user_name(void **state)
{
    struct fixture *f = *state;
    f->config.user_agent = "lamp/7";
    start(f);
    connect_only(f);
    assert_non_null(strstr(fake->username, "DeviceClientType=lamp%2F7"));
}

static void without_a_platform_the_built_in_port_is_used(void **state)
{
    struct fixture *f = *state;
    f->config.platform = NULL;
    start(f);
    poll(f, 0);
    expect(f, SPOKE_CONNECTING);
    assert_int_equal(spoke_client_error(f->client)->status, SPOKE_OK);
}

static size_t no_size(const spoke_transport_options *options)
{
    (void)options;
    return 0;
}

static size_t huge_size(const spoke_transport_options *options)
{
    (void)options;
    return SIZE_MAX - 64;
}

static void a_transport_that_cannot_be_sized_makes_no_client(void **state)
{
    struct fixture *f = *state;
    spoke_transport_ops ops = fake_ops;
    size_t (*const sizes[])(const spoke_transport_options *) = {no_size, huge_size};
    for (size_t i = 0; i < 2; i++) {
        spoke_client *client;
        spoke_config config = f->config;
        ops.size = sizes[i];
        config.transport = &ops;
        assert_int_equal(spoke_client_size(&config), 0);
        assert_true(spoke_client_create(&config, &client) < 0);
        assert_null(client);
    }
}

static void a_client_leaves_memory_alone_that_only_traffic_fills(void **state)
{
    struct fixture *f = *state;
    spoke_config config = f->config;
    spoke_client *client = NULL;
    size_t written = 0;
    config.transport = spoke_transport_native();
    config.test_only = SPOKE_TEST_ONLY_PLAINTEXT;
    config.queue_bytes = config.receive_bytes = 1 << 20;
    config.queue_messages = 65000;
    const size_t size = spoke_client_size(&config);
    uint8_t *memory = test_malloc(size);
    memset(memory, 0xA5, size);
    assert_ok(spoke_client_init(memory, size, &config, &client, NULL));
    for (size_t i = 0; i < size; i++)
        written += memory[i] != 0xA5;
    assert_in_range(written, 1, 20000);
    spoke_client_destroy(client);
    test_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        claim(each_wrong_field_is_named),
        claim(the_limits_of_the_queue_are_named),
        claim(a_storage_that_cannot_work_is_named_and_one_too_small_says_how_many_blocks_would_do),
        claim(a_key_that_is_none_is_named),
        claim(the_names_of_a_registration_are_checked_before_any_connection),
        claim(a_platform_without_half_of_its_lock_is_refused),
        claim(what_a_platform_leaves_out_comes_from_the_built_in_port),
        claim(init_needs_exactly_what_size_says_and_minds_no_garbage),
        claim(a_shorter_configuration_means_defaults_for_the_rest),
        claim(create_says_what_init_says),
        claim(a_property_and_a_command_may_share_their_name),
        claim(the_agent_of_the_program_stands_in_the_user_name),
        claim(without_a_platform_the_built_in_port_is_used),
        claim(a_transport_that_cannot_be_sized_makes_no_client),
        claim(a_client_leaves_memory_alone_that_only_traffic_fills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
