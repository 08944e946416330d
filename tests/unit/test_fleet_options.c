/* Options of spoke fleet, who its devices are, and what an interval asks for. */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fleet/device.h"
#include "fleet/identities.h"
#include "fleet/options.h"

#define KEY "c3Bva2Utc3Bva2Utc3Bva2U="
#define BASE "fleet", "--dps", "localhost", "--id-scope", "s"

static struct fleet_options o;
static char said[4096];
static char path[64];

static int clean(void **state)
{
    (void)state;
    const char *const names[] = {"SPOKE_HOST", "SPOKE_MQTT_PORT", "SPOKE_ID_SCOPE", "SPOKE_CA_FILE",
                                 "SPOKE_GROUP_KEY"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unsetenv(names[i]);
    strcpy(path, "/tmp/spoke-fleet-XXXXXX");
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    return 0;
}

static int done(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static void write_file(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* What is said on standard error lands in `said`. The arguments end with NULL. */
static int parse(const char *const *words)
{
    char *argv[40] = {NULL};
    int argc = 0;
    for (; words[argc] != NULL; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc];
    fflush(stderr);
    const int kept = dup(STDERR_FILENO);
    FILE *caught = tmpfile();
    assert_non_null(caught);
    dup2(fileno(caught), STDERR_FILENO);
    const int code = options_parse(argc, argv, &o);
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    close(kept);
    rewind(caught);
    said[fread(said, 1, sizeof said - 1, caught)] = '\0';
    fclose(caught);
    return code;
}

#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL})

static void refused(int code, const char *part)
{
    assert_int_equal(code, TOOL_TROUBLE);
    if (strstr(said, part) == NULL)
        fail_msg("'%s' is missing in: %s", part, said);
    options_free(&o);
}

static void what_is_not_given_has_its_default(void **state)
{
    (void)state;
    assert_int_equal(PARSE(BASE, "--group-key", KEY, "t.json"), -1);
    assert_int_equal(o.devices, 10);
    assert_true(fabs(o.rate - 0.1) < 1e-9);
    assert_true(fabs(o.ramp - 100) < 1e-9);
    assert_int_equal(o.port, 0);
    assert_string_equal(o.prefix, "sim-");
    assert_true(o.threads >= 1);
    options_free(&o);
}

static void options_are_taken(void **state)
{
    (void)state;
    assert_int_equal(PARSE(BASE, "--group-key", KEY, "--devices", "7", "--rate-total=14", "--port", "8884",
                           "--seed", "9", "--property", "a=b=c", "t.json"),
                     -1);
    assert_int_equal(o.devices, 7);
    assert_true(fabs(options_device_rate(&o) - 2) < 1e-9);
    assert_int_equal(o.port, 8884);
    assert_int_equal(o.seed, 9);
    assert_int_equal(o.property_count, 1);
    assert_str(o.properties[0].name, "a");
    assert_str(o.properties[0].value, "b=c");
    options_free(&o);
}

static void numbers_out_of_range_are_refused(void **state)
{
    (void)state;
    refused(PARSE(BASE, "--group-key", KEY, "--devices", "0", "t.json"), "--devices cannot be 0");
    refused(PARSE(BASE, "--group-key", KEY, "--port", "65536", "t.json"), "--port cannot be 65536");
    refused(PARSE(BASE, "--group-key", KEY, "--rate", "-1", "t.json"), "--rate cannot be -1");
    refused(PARSE(BASE, "--group-key", KEY, "--rate", "0", "t.json"), "--rate cannot be 0");
    refused(PARSE(BASE, "--group-key", KEY, "--rate", "1e-17", "t.json"), "--rate cannot be 1e-17");
    refused(PARSE(BASE, "--group-key", KEY, "--ramp", "1e-300", "t.json"), "--ramp cannot be 1e-300");
    refused(PARSE(BASE, "--group-key", KEY, "--ramp", "nan", "t.json"), "--ramp cannot be nan");
    refused(PARSE(BASE, "--group-key", KEY, "--property", "=x", "t.json"), "--property cannot be =x");
    refused(PARSE(BASE, "--group-key", KEY, "--provisioning-payload", "[1]", "t.json"),
            "--provisioning-payload cannot be");
}

static void what_is_missing_is_named(void **state)
{
    (void)state;
    refused(PARSE(BASE, "--group-key", KEY), "name the file of a device template");
    refused(PARSE("fleet", "--group-key", KEY, "t.json"), "--dps HOST, or --hub HOST");
    refused(PARSE("fleet", "--dps", "localhost", "--group-key", KEY, "t.json"), "--id-scope");
    refused(PARSE(BASE, "t.json"), "--group-key-file");
}

static void what_excludes_each_other_is_refused(void **state)
{
    (void)state;
    refused(PARSE(BASE, "--hub", "h", "--group-key", KEY, "t.json"), "not both");
    refused(PARSE(BASE, "--keys", "k.csv", "--group-key", KEY, "t.json"), "not both");
    refused(PARSE(BASE, "--rate", "1", "--rate-total", "2", "--group-key", KEY, "t.json"), "not both");
    refused(PARSE("fleet", "--hub", "a,b", "--group-key", KEY, "t.json"), "no name of one host");
}

static void the_environment_stands_in(void **state)
{
    (void)state;
    setenv("SPOKE_HOST", "localhost", 1);
    setenv("SPOKE_MQTT_PORT", "8884", 1);
    setenv("SPOKE_ID_SCOPE", "scope", 1);
    setenv("SPOKE_GROUP_KEY", KEY, 1);
    assert_int_equal(PARSE("fleet", "t.json"), -1);
    assert_string_equal(o.dps, "localhost");
    assert_string_equal(o.id_scope, "scope");
    assert_int_equal(o.port, 8884);
    assert_true(o.has_group_key);
    assert_false(o.key_in_arguments);
    options_free(&o);
}

static void the_key_of_the_group_comes_from_a_file(void **state)
{
    (void)state;
    write_file(KEY "\r\n");
    assert_int_equal(PARSE(BASE, "--group-key-file", path, "t.json"), -1);
    assert_int_equal(o.group_key.len, 17);
    options_free(&o);
}

static void a_bad_key_is_refused_and_not_shown(void **state)
{
    (void)state;
    refused(PARSE(BASE, "--group-key", "c2VjcmV0", "t.json"), "--group-key holds no group key");
    assert_null(strstr(said, "c2VjcmV0"));
    write_file("c2VjcmV0\n");
    refused(PARSE(BASE, "--group-key-file", path, "t.json"), "holds no group key");
    assert_null(strstr(said, "c2VjcmV0"));
    refused(PARSE(BASE, "--group-key-file", "/nowhere/key", "t.json"), "cannot be read");
}

/* --- who --- */

static void devices_are_numbered_and_get_the_keys_of_their_names(void **state)
{
    (void)state;
    struct identity who;
    spoke_key group;
    assert_ok(spoke_key_from_base64(spoke_str_of(KEY), &group));
    const struct identities all = {.prefix = "d-", .first = 5, .group = &group};
    assert_true(identities_get(&all, 2, &who));
    assert_string_equal(who.id, "d-7");
    assert_int_equal(strlen(who.key), 44);
    char other[IDENTITY_KEY_BYTES];
    strcpy(other, who.key);
    assert_true(identities_get(&all, 3, &who));
    assert_string_not_equal(other, who.key);
}

static void names_and_keys_come_from_a_file(void **state)
{
    (void)state;
    struct identities all = {0};
    struct identity who;
    char why[300];
    write_file("id,key\r\n# a comment\n\n one , " KEY "\r\ntwo," KEY);
    assert_true(identities_read(&all, path, why, sizeof why));
    assert_int_equal(all.count, 2);
    assert_true(identities_get(&all, 0, &who));
    assert_string_equal(who.id, "one");
    assert_string_equal(who.key, KEY);
    assert_true(identities_get(&all, 1, &who));
    assert_string_equal(who.id, "two");
    assert_false(identities_get(&all, 2, &who));
    identities_free(&all);
}

static void a_line_that_is_none_is_named_without_its_key(void **state)
{
    (void)state;
    const char *const bad[] = {"one," KEY "\ntwo c2VjcmV0\n", "one," KEY "\n,c2VjcmV0c2VjcmV0c2VjcmV0\n",
                               "one," KEY "\ntwo,c2VjcmV0\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct identities all = {0};
        char why[300];
        write_file(bad[i]);
        assert_false(identities_read(&all, path, why, sizeof why));
        assert_non_null(strstr(why, ":2: expected a device id"));
        assert_null(strstr(why, "c2Vj"));
        identities_free(&all);
    }
}

static void a_file_without_devices_is_refused(void **state)
{
    (void)state;
    struct identities all = {0};
    char why[300];
    write_file("id,key\n");
    assert_false(identities_read(&all, path, why, sizeof why));
    assert_non_null(strstr(why, "no device"));
    identities_free(&all);
}

/* --- how often --- */

static void near(double a, double b)
{
    assert_true(fabs(a - b) < 1e-9);
}

static void an_interval_is_a_number_of_units_or_a_duration(void **state)
{
    (void)state;
    near(device_interval_s(SPOKE_STR("5"), 1), 5);
    near(device_interval_s(SPOKE_STR("250"), 0.001), 0.25);
    near(device_interval_s(SPOKE_STR("\"PT1M30S\""), 1), 90);
    near(device_interval_s(SPOKE_STR("\"PT0.5S\""), 1), 0.5);
}

static void an_interval_stays_within_ten_milliseconds_and_a_day(void **state)
{
    (void)state;
    near(device_interval_s(SPOKE_STR("0.0001"), 1), 0.01);
    near(device_interval_s(SPOKE_STR("1e9"), 1), 86400);
}

static void what_is_no_interval_changes_nothing(void **state)
{
    (void)state;
    near(device_interval_s(SPOKE_STR("0"), 1), 0);
    near(device_interval_s(SPOKE_STR("-3"), 1), 0);
    near(device_interval_s(SPOKE_STR("null"), 1), 0);
    near(device_interval_s(SPOKE_STR("\"PT\""), 1), 0);
    near(device_interval_s(SPOKE_STR("\"P1D\""), 1), 0);
    near(device_interval_s(SPOKE_STR("\"soon\""), 1), 0);
}

static void the_queue_holds_two_seconds_of_messages(void **state)
{
    (void)state;
    assert_int_equal(device_queue_messages(0.1), 8);
    assert_int_equal(device_queue_messages(4), 8);
    assert_int_equal(device_queue_messages(8), 16);
    assert_int_equal(device_queue_messages(9), 32);
    assert_int_equal(device_queue_messages(1e6), 4096);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, clean, done)
    const struct CMUnitTest tests[] = {
        CASE(what_is_not_given_has_its_default),
        CASE(options_are_taken),
        CASE(numbers_out_of_range_are_refused),
        CASE(what_is_missing_is_named),
        CASE(what_excludes_each_other_is_refused),
        CASE(the_environment_stands_in),
        CASE(the_key_of_the_group_comes_from_a_file),
        CASE(a_bad_key_is_refused_and_not_shown),
        CASE(devices_are_numbered_and_get_the_keys_of_their_names),
        CASE(names_and_keys_come_from_a_file),
        CASE(a_line_that_is_none_is_named_without_its_key),
        CASE(a_file_without_devices_is_refused),
        CASE(an_interval_is_a_number_of_units_or_a_duration),
        CASE(an_interval_stays_within_ten_milliseconds_and_a_day),
        CASE(what_is_no_interval_changes_nothing),
        CASE(the_queue_holds_two_seconds_of_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
