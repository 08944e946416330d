#include "support/support.h"

#include <stdlib.h>
#include <string.h>

#include "central/cli.h"

struct run {
    struct cli cli;
    bool starts;
    int code;
    char *out, *err;
};

static int count_of(char *const *argv)
{
    int count = 0;
    while (argv[count] != NULL)
        count++;
    return count;
}

static void parse(struct run *r, char *const *argv)
{
    size_t out_len = 0, err_len = 0;
    memset(r, 0, sizeof *r);
    FILE *out = open_memstream(&r->out, &out_len), *err = open_memstream(&r->err, &err_len);
    assert_non_null(out);
    assert_non_null(err);
    r->starts = cli_parse(count_of(argv), argv, &r->cli, &r->code, out, err);
    fclose(out);
    fclose(err);
}

static void done(struct run *r)
{
    free(r->out);
    free(r->err);
}

#define ARGS(...) ((char *const[]){"spoke-central", __VA_ARGS__, NULL})

static void without_arguments_the_defaults_hold(void **state)
{
    struct run r;
    (void)state;
    parse(&r, (char *const[]){"spoke-central", NULL});
    assert_true(r.starts);
    assert_int_equal(r.cli.config.struct_size, sizeof(spoke_central_config));
    assert_int_equal(r.cli.config.mqtt_port, 0);
    assert_false(r.cli.config.any_port);
    assert_false(r.cli.config.control);
    assert_int_equal(r.cli.config.log_level, SPOKE_LOG_WARN);
    done(&r);
}

static void every_option_reaches_the_configuration(void **state)
{
    struct run r;
    (void)state;
    parse(&r, ARGS("--mqtt-port", "1883", "--https-port=443", "--bind", "::1", "--data-dir", "/d", "--log-level",
                   "debug", "--print-env", "--control", "--dps-polls", "4", "--dps-retry-after", "7", "--id-scope",
                   "0ne1", "--group-key", "a2V5", "--hub-host", "hub", "--device-ca", "/ca", "--approve-by-hand",
                   "--templates", "/t", "--durability", "relaxed", "--show-secrets", "--connect-rate", "9",
                   "--max-connections", "500", "--keep-messages", "70", "--keep-days", "30", "--drop-duplicates",
                   "--tls-cert", "/c", "--tls-key", "/k", "--new-token", "t"));
    assert_true(r.starts);
    const spoke_central_config *config = &r.cli.config;
    assert_int_equal(config->mqtt_port, 1883);
    assert_int_equal(config->https_port, 443);
    assert_string_equal(config->bind_address, "::1");
    assert_string_equal(config->data_dir, "/d");
    assert_int_equal(config->log_level, SPOKE_LOG_DEBUG);
    assert_string_equal(r.cli.templates, "/t");
    assert_true(r.cli.print_env);
    assert_true(r.cli.show_secrets);
    assert_true(config->control);
    assert_int_equal(config->dps_polls, 4);
    assert_int_equal(config->dps_retry_after_s, 7);
    assert_string_equal(config->id_scope, "0ne1");
    assert_string_equal(config->group_key, "a2V5");
    assert_string_equal(config->hub_host, "hub");
    assert_string_equal(config->device_ca_file, "/ca");
    assert_string_equal(config->tls_cert_file, "/c");
    assert_string_equal(config->tls_key_file, "/k");
    assert_string_equal(r.cli.new_token, "t");
    assert_true(config->approve_by_hand);
    assert_true(config->relaxed_durability);
    assert_int_equal(config->connect_rate, 9);
    assert_int_equal(config->max_connections, 500);
    assert_int_equal(config->keep_messages, 70);
    assert_int_equal(config->keep_days, 30);
    assert_true(config->drop_duplicates);
    assert_false(config->any_port);
    done(&r);
}

static void zero_polls_and_zero_wait_are_not_the_defaults(void **state)
{
    struct run r;
    (void)state;
    parse(&r, ARGS("--dps-polls", "0", "--dps-retry-after", "0"));
    assert_true(r.starts);
    assert_int_equal(r.cli.config.dps_polls, UINT32_MAX);
    assert_int_equal(r.cli.config.dps_retry_after_s, UINT32_MAX);
    done(&r);
}

static void ephemeral_takes_free_ports_unless_they_are_given(void **state)
{
    struct run r;
    (void)state;
    parse(&r, ARGS("--ephemeral", "--mqtt-port", "9999"));
    assert_true(r.cli.config.any_port);
    assert_int_equal(r.cli.config.mqtt_port, 9999);
    assert_int_equal(r.cli.config.https_port, 0);
    done(&r);
}

static void port_zero_frees_one_port_only(void **state)
{
    struct run r;
    (void)state;
    parse(&r, ARGS("--https-port", "0"));
    assert_true(r.cli.config.any_port);
    assert_int_equal(r.cli.config.mqtt_port, 8883);
    assert_int_equal(r.cli.config.https_port, 0);
    done(&r);
}

static void bad_arguments_exit_with_two_and_a_sentence(void **state)
{
    static const struct {
        const char *argument, *value, *hears;
    } rows[] = {
        {"--mqtt-port", "65536", "0 to 65535"},
        {"--mqtt-port", "-1", "0 to 65535"},
        {"--https-port", "", "0 to 65535"},
        {"--https-port", "80a", "0 to 65535"},
        {"--dps-polls", "many", "0 to 86400"},
        {"--dps-retry-after", "86401", "0 to 86400"},
        {"--connect-rate", "0", "1 to 100000"},
        {"--connect-rate", "100001", "1 to 100000"},
        {"--max-connections", "0", "1 to 100000"},
        {"--keep-messages", "0", "1 to 1000000000"},
        {"--keep-days", "36501", "1 to 36500"},
        {"--log-level", "loud", "error, warn, info or debug"},
        {"--durability", "some", "full or relaxed"},
        {"--bind", "", "a value is missing"},
        {"--data-dir", NULL, "--data-dir needs a value"},
        {"--no-such", NULL, "--no-such is not an option"},
        {"--ephemeral=1", NULL, "used wrongly"},
        {"-x", NULL, "-x is not an option"},
        {"stray", NULL, "\"stray\" is not an option"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct run r;
        parse(&r, (char *const[]){"spoke-central", (char *)(uintptr_t)rows[i].argument,
                                  (char *)(uintptr_t)rows[i].value, NULL});
        assert_false(r.starts);
        assert_int_equal(r.code, CLI_EXIT_USAGE);
        if (strstr(r.err, rows[i].hears) == NULL)
            fail_msg("%s: \"%s\"", rows[i].argument, r.err);
        assert_string_equal(r.out, "");
        done(&r);
    }
}

static void folder_to_keep_does_not_go_with_ephemeral(void **state)
{
    struct run r;
    (void)state;
    parse(&r, ARGS("--ephemeral", "--data-dir", "/d"));
    assert_false(r.starts);
    assert_int_equal(r.code, CLI_EXIT_USAGE);
    done(&r);
}

static void one_port_does_not_serve_two_protocols(void **state)
{
    struct run r;
    (void)state;
    parse(&r, ARGS("--mqtt-port", "8443"));
    assert_false(r.starts);
    assert_int_equal(r.code, CLI_EXIT_USAGE);
    assert_non_null(strstr(r.err, "--mqtt-port"));
    done(&r);
    parse(&r, ARGS("--mqtt-port", "0", "--https-port", "0"));
    assert_true(r.starts);
    done(&r);
}

static void what_is_done_instead_of_a_start_stands_alone(void **state)
{
    struct run r;
    (void)state;
    parse(&r, ARGS("--ephemeral", "--new-token", "t"));
    assert_false(r.starts);
    assert_int_equal(r.code, CLI_EXIT_USAGE);
    done(&r);
    parse(&r, ARGS("--backup", "/b", "--new-token", "t"));
    assert_false(r.starts);
    assert_int_equal(r.code, CLI_EXIT_USAGE);
    done(&r);
    parse(&r, ARGS("--data-dir", "/d", "--backup", "/b"));
    assert_true(r.starts);
    assert_string_equal(r.cli.backup, "/b");
    done(&r);
}

static void help_names_every_option_and_exits_with_zero(void **state)
{
    static const char *const flags[] = {"--mqtt-port",
                                        "--https-port",
                                        "--bind",
                                        "--data-dir",
                                        "--ephemeral",
                                        "--durability",
                                        "--hub-host",
                                        "--id-scope",
                                        "--group-key",
                                        "--device-ca",
                                        "--dps-polls",
                                        "--dps-retry-after",
                                        "--log-level",
                                        "--approve-by-hand",
                                        "--print-env",
                                        "--show-secrets",
                                        "--control",
                                        "--templates",
                                        "--help",
                                        "--version",
                                        "--connect-rate",
                                        "--max-connections",
                                        "--keep-messages",
                                        "--keep-days",
                                        "--drop-duplicates",
                                        "--plain-mqtt",
                                        "--plain-mqtt-open",
                                        "--tls-cert",
                                        "--tls-key",
                                        "--profile",
                                        "--backup",
                                        "--new-token",
                                        "Example"};
    struct run r;
    (void)state;
    parse(&r, ARGS("--help"));
    assert_false(r.starts);
    assert_int_equal(r.code, CLI_EXIT_OK);
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        assert_non_null(strstr(r.out, flags[i]));
    assert_string_equal(r.err, "");
    done(&r);
    parse(&r, ARGS("--version"));
    assert_int_equal(r.code, CLI_EXIT_OK);
    assert_string_equal(r.out, "spoke-central " SPOKE_VERSION "\n");
    done(&r);
}

static const spoke_central_env env = {.host = "localhost",
                                      .mqtt_port = 8883,
                                      .https_port = 8443,
                                      .ca_file = "/d/ca.pem",
                                      .id_scope = "0ne1",
                                      .group_key = "KEY",
                                      .api_base = "https://localhost:8443",
                                      .api_token = "SharedAccessSignature sr=a&sig=b"};

static void env_lines_are_exactly_the_contract(void **state)
{
    char *text = NULL;
    size_t len = 0;
    (void)state;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    cli_print_env(&env, out);
    fclose(out);
    assert_string_equal(text, "SPOKE_HOST=localhost\n"
                              "SPOKE_MQTT_PORT=8883\n"
                              "SPOKE_HTTPS_PORT=8443\n"
                              "SPOKE_CA_FILE=/d/ca.pem\n"
                              "SPOKE_ID_SCOPE=0ne1\n"
                              "SPOKE_GROUP_KEY=KEY\n"
                              "SPOKE_API_BASE=https://localhost:8443\n"
                              "SPOKE_API_TOKEN=SharedAccessSignature sr=a&sig=b\n");
    free(text);
}

static void env_lines_of_the_plain_broker_come_behind(void **state)
{
    spoke_central_env with = env;
    char *text = NULL;
    size_t len = 0;
    (void)state;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    with.plain_mqtt_host = "127.0.0.1";
    with.plain_mqtt_port = 1883;
    cli_print_env(&with, out);
    fclose(out);
    const char *token = strstr(text, "SPOKE_API_TOKEN="),
               *host = strstr(text, "SPOKE_PLAIN_MQTT_HOST=127.0.0.1\n");
    assert_true(token != NULL && host != NULL && token < host);
    assert_non_null(strstr(host, "SPOKE_PLAIN_MQTT_PORT=1883\n"));
    free(text);
}

static void the_plain_broker_takes_an_address_and_a_port(void **state)
{
    static char words[][20] = {"127.0.0.1:1883", "[::1]:0", "localhost:65535"};
    static const char *const addresses[] = {"127.0.0.1", "::1", "localhost"};
    static const uint16_t ports[] = {1883, 0, 65535};
    struct run r;
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        parse(&r, ARGS("--plain-mqtt", words[i], "--plain-mqtt-open"));
        assert_true(r.starts);
        assert_string_equal(r.cli.config.plain_mqtt_address, addresses[i]);
        assert_int_equal(r.cli.config.plain_mqtt_port, ports[i]);
        assert_true(r.cli.config.plain_mqtt_open);
        done(&r);
    }
}

static void a_plain_broker_without_address_or_port_is_a_usage_error(void **state)
{
    static char words[][20] = {"",   "1883",           "127.0.0.1", ":1883", "127.0.0.1:", "127.0.0.1:65536",
                               "[]", "127.0.0.1:many", "::1:1883",  "[]:1",  "[::1]"};
    struct run r;
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        parse(&r, ARGS("--plain-mqtt", words[i]));
        assert_false(r.starts);
        assert_int_equal(r.code, CLI_EXIT_USAGE);
        assert_non_null(strstr(r.err, "--plain-mqtt"));
        done(&r);
    }
    parse(&r, ARGS("--plain-mqtt-open"));
    assert_int_equal(r.code, CLI_EXIT_USAGE);
    done(&r);
}

static char *banner(bool show_secrets, bool relaxed)
{
    struct cli cli = {.show_secrets = show_secrets};
    char *text = NULL;
    size_t len = 0;
    cli.config.relaxed_durability = relaxed;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    cli_print_banner(&cli, &env, out);
    fclose(out);
    return text;
}

static void banner_keeps_secrets_unless_asked(void **state)
{
    (void)state;
    char *text = banner(false, false);
    assert_non_null(strstr(text, "0ne1"));
    assert_non_null(strstr(text, "/d/ca.pem"));
    assert_null(strstr(text, "KEY"));
    assert_null(strstr(text, "SharedAccessSignature"));
    assert_null(strstr(text, "relaxed"));
    free(text);
    text = banner(true, true);
    assert_non_null(strstr(text, "KEY"));
    assert_non_null(strstr(text, "SharedAccessSignature sr=a&sig=b"));
    assert_non_null(strstr(text, "Durability is relaxed"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_arguments_the_defaults_hold),
        cmocka_unit_test(every_option_reaches_the_configuration),
        cmocka_unit_test(zero_polls_and_zero_wait_are_not_the_defaults),
        cmocka_unit_test(ephemeral_takes_free_ports_unless_they_are_given),
        cmocka_unit_test(port_zero_frees_one_port_only),
        cmocka_unit_test(bad_arguments_exit_with_two_and_a_sentence),
        cmocka_unit_test(folder_to_keep_does_not_go_with_ephemeral),
        cmocka_unit_test(one_port_does_not_serve_two_protocols),
        cmocka_unit_test(what_is_done_instead_of_a_start_stands_alone),
        cmocka_unit_test(help_names_every_option_and_exits_with_zero),
        cmocka_unit_test(env_lines_are_exactly_the_contract),
        cmocka_unit_test(env_lines_of_the_plain_broker_come_behind),
        cmocka_unit_test(the_plain_broker_takes_an_address_and_a_port),
        cmocka_unit_test(a_plain_broker_without_address_or_port_is_a_usage_error),
        cmocka_unit_test(banner_keeps_secrets_unless_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
