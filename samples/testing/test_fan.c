/* The fan against the cloud as a test double: no network, no waiting, the same in each run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <spoke/central/fake.h>

#include "fan.h"

static void turn(void *fan)
{
    assert_int_equal(fan_turn(fan), SPOKE_OK);
}

static void the_fan_obeys_the_cloud(void **state)
{
    spoke_fake *cloud = NULL;
    struct fan fan;
    const char *text = NULL;
    int code = 0;
    (void)state;
    assert_int_equal(spoke_fake_start(NULL, &cloud), SPOKE_OK);
    const spoke_config config =
        SPOKE_CONFIG(.provisioning_host = "cloud", .id_scope = spoke_fake_id_scope(cloud),
                     .registration_id = "fan-1", .credential.primary = spoke_fake_enrol(cloud, "fan-1"),
                     .platform = spoke_fake_platform(cloud), .test_only = SPOKE_TEST_ONLY_PLAINTEXT);
    assert_int_equal(fan_start(&fan, config), SPOKE_OK);
    spoke_fake_drive(cloud, turn, &fan);
    assert_int_equal(spoke_fake_wait(cloud, "fan-1", "telemetry", 60000, &text), SPOKE_OK);
    assert_string_equal(text, "{\"temperature\":20,\"running\":false}");
    assert_int_equal(spoke_fake_desire(cloud, "fan-1", "{\"limit\":15}"), SPOKE_OK);
    assert_int_equal(spoke_fake_wait(cloud, "fan-1", "properties", 60000, &text), SPOKE_OK);
    assert_int_equal(spoke_fake_command(cloud, "fan-1", "stop", NULL, &code, &text), SPOKE_OK);
    assert_string_equal(text, "{\"wasRunning\":true}");
    spoke_fake_network(cloud, false);
    spoke_fake_pass(cloud, 600000); /* ten minutes of readings wait, and none is lost */
    spoke_fake_network(cloud, true);
    for (int reading = 0; reading < 60; reading++)
        assert_int_equal(spoke_fake_wait(cloud, "fan-1", "telemetry", 600000, &text), SPOKE_OK);
    fan_stop(&fan);
    spoke_fake_stop(cloud);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_fan_obeys_the_cloud)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
