/* The fan against the cloud as a test double: no network, no waiting, the same in each run. */
#include "fan.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <spoke/central/fake.h>

static void turn(void *fan)
{
    assert_int_equal(fan_turn(fan), SPOKE_OK);
}

static void the_fan_obeys_the_cloud(void **state)
{
    spoke_fake *cloud = NULL;
    struct fan fan;
    const char *text = NULL;
    (void)state;
    assert_int_equal(spoke_fake_start(NULL, &cloud), SPOKE_OK);
    const spoke_config config = SPOKE_CONFIG(SPOKE_FAKE_DEVICE(cloud, "fan-1"));
    assert_int_equal(fan_start(&fan, config), SPOKE_OK);
    spoke_fake_drive(cloud, turn, &fan);
    assert_int_equal(spoke_fake_wait(cloud, "fan-1", "telemetry", 60000, &text), SPOKE_OK);
    assert_string_equal(text, "{\"temperature\":20,\"running\":false}");
    assert_int_equal(spoke_fake_desire(cloud, "fan-1", "{\"limit\":15}"), SPOKE_OK);
    assert_int_equal(spoke_fake_command(cloud, "fan-1", "stop", NULL, NULL, &text), SPOKE_OK);
    assert_string_equal(text, "{\"wasRunning\":true}");
    spoke_fake_outage(cloud, 600000); /* the readings of ten minutes wait, and come at once */
    assert_int_equal(spoke_fake_skip(cloud, "fan-1", "telemetry", 60, 120000), SPOKE_OK);
    fan_stop(&fan);
    spoke_fake_stop(cloud);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_fan_obeys_the_cloud)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
