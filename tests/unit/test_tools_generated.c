/* Generated code on a client: what its functions put on the wire, and what its handlers are given. The template is
 * tests/data/models/temperature_controller.json, and lamp.json for what only version 4 has. */
#include "support/client_fixture.h"

#include "lamp_model.h"
#include "temperature_controller_model.h"

static temperature_controller_zone_mode wanted_mode;
static bool mode_removed;
static unsigned calls;
static char plan[200];
static int32_t delay;

/* --- the program's part --- */

spoke_ack temperature_controller_on_reboot(const spoke_command *call, const int32_t *request, void *user)
{
    (void)call;
    (void)user;
    calls++;
    delay = request != NULL ? *request : -1;
    return spoke_accept();
}

static spoke_ack take_mode(const temperature_controller_zone_mode *mode)
{
    calls++;
    mode_removed = mode == NULL;
    if (mode != NULL)
        wanted_mode = *mode;
    return spoke_accept();
}

static spoke_ack take_schedule(const temperature_controller_zone_schedule *schedule)
{
    calls++;
    plan[0] = '\0';
    for (size_t i = 0; schedule != NULL && i < schedule->count; i++) {
        const temperature_controller_zone_schedule_entry *entry = &schedule->items[i];
        snprintf(plan + strlen(plan), sizeof plan - strlen(plan), "%.*s %x %g;", (int)entry->key.len,
                 entry->key.ptr, (unsigned)entry->value.has, (double)entry->value.target);
    }
    return spoke_accept();
}

spoke_ack temperature_controller_thermostat1_on_mode(const spoke_property *wanted,
                                                     const temperature_controller_zone_mode *mode, void *user)
{
    (void)wanted;
    (void)user;
    return take_mode(mode);
}

spoke_ack temperature_controller_thermostat2_on_mode(const spoke_property *wanted,
                                                     const temperature_controller_zone_mode *mode, void *user)
{
    (void)wanted;
    (void)user;
    return take_mode(mode);
}

spoke_ack temperature_controller_thermostat1_on_schedule(const spoke_property *wanted,
                                                         const temperature_controller_zone_schedule *schedule,
                                                         void *user)
{
    (void)wanted;
    (void)user;
    return take_schedule(schedule);
}

spoke_ack temperature_controller_thermostat2_on_schedule(const spoke_property *wanted,
                                                         const temperature_controller_zone_schedule *schedule,
                                                         void *user)
{
    (void)wanted;
    (void)user;
    return take_schedule(schedule);
}

static void start_controller(struct fixture *f)
{
    const spoke_config config = SPOKE_CONFIG(
        TEMPERATURE_CONTROLLER_MODEL, .hub_host = "hub.local", .registration_id = "d", .credential.primary = KEY,
        .platform = &f->platform, .transport = &fake_ops, .on_state = note_state, .user = f);
    f->config = config;
    calls = 0;
    start(f);
    get_ready(f);
}

/* --- a program for the other template --- */

static int blinks; /* -1: the request was null */
static bool answer_null, answer_later;

spoke_ack lamp_on_blink(const spoke_command *call, const uint8_t *request, lamp_blink_response *response,
                        bool *null, void *user)
{
    struct fixture *f = user;
    blinks = request != NULL ? *request : -1;
    *null = answer_null;
    response->has = LAMP_BLINK_RESPONSE_HAS_HOURS;
    response->hours = 1.5;
    if (!answer_later)
        return spoke_accept();
    assert_ok(lamp_reply_blink(f->client, call->request, 200, NULL));
    return spoke_defer();
}

static void start_lamp(struct fixture *f)
{
    const spoke_config config =
        SPOKE_CONFIG(LAMP_MODEL, .hub_host = "hub.local", .registration_id = "d", .credential.primary = KEY,
                     .platform = &f->platform, .transport = &fake_ops, .on_state = note_state, .user = f);
    f->config = config;
    answer_null = answer_later = false;
    start(f);
    get_ready(f);
}

/* --- speaking --- */

static void a_number_goes_out_under_its_name(void **state)
{
    struct fixture *f = *state;
    start_controller(f);
    assert_ok(temperature_controller_send_working_set(f->client, 21.5));
    poll(f, 0);
    assert_string_equal(last_sent()->body, "{\"workingSet\":21.5}");
}

static void a_component_is_named_beside_its_telemetry(void **state)
{
    struct fixture *f = *state;
    const double readings[] = {1, 2.5};
    const temperature_controller_sensor_history history = {readings, 2};
    start_controller(f);
    assert_ok(temperature_controller_thermostat2_send_history(f->client, &history));
    poll(f, 0);
    assert_string_equal(last_sent()->body, "{\"history\":[1,2.5]}");
    assert_non_null(strstr(last_sent()->topic, "sub=thermostat2"));
}

static void several_values_travel_in_one_message(void **state)
{
    struct fixture *f = *state;
    temperature_controller_zone_telemetry values = {0};
    start_controller(f);
    values.temperature = 19;
    values.alarm = TEMPERATURE_CONTROLLER_SENSOR_ALARM_LOW;
    values.has =
        TEMPERATURE_CONTROLLER_ZONE_TELEMETRY_HAS_TEMPERATURE | TEMPERATURE_CONTROLLER_ZONE_TELEMETRY_HAS_ALARM;
    assert_ok(temperature_controller_thermostat1_send(f->client, &values));
    poll(f, 0);
    assert_string_equal(last_sent()->body, "{\"alarm\":-2147483648,\"temperature\":19}");
}

static void a_property_is_reported_in_its_component(void **state)
{
    struct fixture *f = *state;
    start_controller(f);
    assert_ok(temperature_controller_thermostat1_report_mode(f->client, TEMPERATURE_CONTROLLER_ZONE_MODE_COOL));
    poll(f, 0);
    assert_string_equal(last_sent()->body, "{\"thermostat1\":{\"__t\":\"c\",\"mode\":\"cool \\\"hard\\\"\"}}");
}

static void a_value_that_is_no_value_of_the_enum_does_not_leave(void **state)
{
    struct fixture *f = *state;
    start_controller(f);
    assert_int_equal(
        temperature_controller_thermostat1_report_mode(f->client, (temperature_controller_zone_mode)3),
        SPOKE_E_MODEL);
}

/* --- listening --- */

static void a_writable_property_arrives_as_its_type_and_is_acknowledged(void **state)
{
    struct fixture *f = *state;
    start_controller(f);
    say_message("$iothub/twin/PATCH/properties/desired/?$version=2",
                "{\"thermostat1\":{\"__t\":\"c\",\"mode\":\"heat\"},\"$version\":2}", 0);
    poll(f, 0);
    poll(f, 0);
    assert_int_equal(calls, 1);
    assert_int_equal(wanted_mode, TEMPERATURE_CONTROLLER_ZONE_MODE_HEAT);
    assert_non_null(strstr(last_sent()->body, "\"value\":\"heat\",\"ac\":200,\"av\":2"));
}

static void a_map_of_objects_arrives_whole(void **state)
{
    struct fixture *f = *state;
    start_controller(f);
    say_message(
        "$iothub/twin/PATCH/properties/desired/?$version=2",
        "{\"thermostat2\":{\"__t\":\"c\",\"schedule\":{\"mon\":{\"target\":20.5},\"tue\":{\"mode\":\"off\"}}},"
        "\"$version\":2}",
        0);
    poll(f, 0);
    assert_int_equal(calls, 1);
    assert_string_equal(plan, "mon 2 20.5;tue 1 0;");
}

static void a_removed_property_is_null(void **state)
{
    struct fixture *f = *state;
    start_controller(f);
    say_message("$iothub/twin/PATCH/properties/desired/?$version=2",
                "{\"thermostat1\":{\"__t\":\"c\",\"mode\":null},\"$version\":2}", 0);
    poll(f, 0);
    assert_int_equal(calls, 1);
    assert_true(mode_removed);
}

static void what_does_not_fit_never_reaches_the_program(void **state)
{
    struct fixture *f = *state;
    start_controller(f);
    say_message("$iothub/twin/PATCH/properties/desired/?$version=2",
                "{\"thermostat1\":{\"__t\":\"c\",\"mode\":\"hot\"},\"$version\":2}", 0);
    poll(f, 0);
    poll(f, 0);
    assert_int_equal(calls, 0);
    assert_non_null(strstr(last_sent()->body, "\"ac\":400"));
    say_message("$iothub/methods/POST/reboot/?$rid=1", "\"soon\"", 0);
    poll(f, 0);
    assert_int_equal(calls, 0);
    assert_non_null(strstr(last_sent()->topic, "/res/400/"));
}

static void a_command_s_request_arrives_as_its_type(void **state)
{
    struct fixture *f = *state;
    start_controller(f);
    say_message("$iothub/methods/POST/reboot/?$rid=1", "5", 0);
    poll(f, 0);
    assert_int_equal(calls, 1);
    assert_int_equal(delay, 5);
    assert_string_equal(last_sent()->topic, "$iothub/methods/res/200/?$rid=1");
}

static void a_null_request_is_no_request(void **state)
{
    struct fixture *f = *state;
    start_lamp(f);
    say_message("$iothub/methods/POST/blink/?$rid=1", "null", 0);
    poll(f, 0);
    assert_int_equal(blinks, -1);
    assert_string_equal(last_sent()->body, "{\"hours\":1.5}");
    say_message("$iothub/methods/POST/blink/?$rid=2", "255", 0);
    poll(f, 0);
    assert_int_equal(blinks, 255);
}

static void a_response_can_be_null(void **state)
{
    struct fixture *f = *state;
    start_lamp(f);
    answer_null = true;
    say_message("$iothub/methods/POST/blink/?$rid=1", "1", 0);
    poll(f, 0);
    assert_string_equal(last_sent()->topic, "$iothub/methods/res/200/?$rid=1");
    assert_string_equal(last_sent()->body, "null");
}

static void a_deferred_response_can_be_null(void **state)
{
    struct fixture *f = *state;
    start_lamp(f);
    answer_later = true;
    say_message("$iothub/methods/POST/blink/?$rid=1", "1", 0);
    poll(f, 0);
    assert_string_equal(last_sent()->topic, "$iothub/methods/res/200/?$rid=1");
    assert_string_equal(last_sent()->body, "null");
}

/* --- enums --- */

static void enum_values_have_text_and_back(void **state)
{
    (void)state;
    temperature_controller_zone_mode mode = TEMPERATURE_CONTROLLER_ZONE_MODE_OFF;
    temperature_controller_sensor_alarm alarm = TEMPERATURE_CONTROLLER_SENSOR_ALARM_NONE;
    assert_string_equal(temperature_controller_zone_mode_text(TEMPERATURE_CONTROLLER_ZONE_MODE_HEAT), "heat");
    assert_true(temperature_controller_zone_mode_from_text(SPOKE_STR("cool \"hard\""), &mode));
    assert_int_equal(mode, TEMPERATURE_CONTROLLER_ZONE_MODE_COOL);
    assert_false(temperature_controller_zone_mode_from_text(SPOKE_STR("warm"), &mode));
    assert_string_equal(temperature_controller_sensor_alarm_text(TEMPERATURE_CONTROLLER_SENSOR_ALARM_LOW), "low");
    assert_true(temperature_controller_sensor_alarm_from_number(INT32_MAX, &alarm));
    assert_int_equal(alarm, TEMPERATURE_CONTROLLER_SENSOR_ALARM_HIGH);
    assert_false(temperature_controller_sensor_alarm_from_number(1, &alarm));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_number_goes_out_under_its_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_component_is_named_beside_its_telemetry, set_up, tear_down),
        cmocka_unit_test_setup_teardown(several_values_travel_in_one_message, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_property_is_reported_in_its_component, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_value_that_is_no_value_of_the_enum_does_not_leave, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_writable_property_arrives_as_its_type_and_is_acknowledged, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_map_of_objects_arrives_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_removed_property_is_null, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_does_not_fit_never_reaches_the_program, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_command_s_request_arrives_as_its_type, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_null_request_is_no_request, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_response_can_be_null, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_deferred_response_can_be_null, set_up, tear_down),
        cmocka_unit_test(enum_values_have_text_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
