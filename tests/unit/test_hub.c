#include <stdlib.h>
#include <string.h>

#include <spoke/proto/hub.h>

#include "support/output.h"

static const spoke_hub_identity device = {.hub_host = {"central-hub-1.local", 19},
                                          .device_id = {"dev-001", 7},
                                          .model_id = {"dtmi:com:example:TemperatureController;2", 40},
                                          .user_agent = {"ours/0.1", 8}};
static const spoke_hub_identity module = {.hub_host = {"myiothub.azure-devices.net", 26},
                                          .device_id = {"my_device", 9},
                                          .module_id = {"my_module_id", 12},
                                          .model_id = {"dtmi:YOUR_COMPANY_NAME_HERE:sample_device;1", 43},
                                          .user_agent = {"azrtos", 6}};

static spoke_status write_client_id(const void *ctx, spoke_buf *out)
{
    return spoke_hub_client_id(ctx, out);
}

static spoke_status write_username(const void *ctx, spoke_buf *out)
{
    return spoke_hub_username(ctx, out);
}

static spoke_status write_resource(const void *ctx, spoke_buf *out)
{
    return spoke_hub_resource(ctx, out);
}

static spoke_status write_plain_telemetry(const void *ctx, spoke_buf *out)
{
    return spoke_hub_telemetry_topic(ctx, NULL, out);
}

static spoke_status write_thermostat_telemetry(const void *ctx, spoke_buf *out)
{
    const spoke_message_properties properties = {.component = SPOKE_STR("thermostat1"),
                                                 .content_type = SPOKE_STR("application/json"),
                                                 .content_encoding = SPOKE_STR("utf-8")};
    return spoke_hub_telemetry_topic(ctx, &properties, out);
}

static spoke_status write_get(const void *ctx, spoke_buf *out)
{
    return spoke_hub_twin_get_topic(*(const uint32_t *)ctx, out);
}

static spoke_status write_report(const void *ctx, spoke_buf *out)
{
    return spoke_hub_twin_report_topic(*(const uint32_t *)ctx, out);
}

static spoke_status write_method_reply(const void *ctx, spoke_buf *out)
{
    return spoke_hub_method_reply_topic(*(const spoke_str *)ctx, 200, out);
}

static spoke_status write_c2d_filter(const void *ctx, spoke_buf *out)
{
    spoke_mqtt_filter filters[SPOKE_HUB_FILTER_COUNT];
    return spoke_hub_filters(ctx, out, filters);
}

/* --- the connection --- */

static void the_username_of_a_device_is_the_known_string(void **state)
{
    (void)state;
    assert_writes(write_username, &device,
                  "central-hub-1.local/dev-001/?api-version=2021-04-12&DeviceClientType=ours%2F0.1"
                  "&model-id=dtmi%3Acom%3Aexample%3ATemperatureController%3B2");
}

static void the_username_of_a_module_is_the_known_string(void **state)
{
    (void)state;
    assert_writes(write_username, &module,
                  "myiothub.azure-devices.net/my_device/my_module_id/?api-version=2021-04-12"
                  "&DeviceClientType=azrtos&model-id=dtmi%3AYOUR_COMPANY_NAME_HERE%3Asample_device%3B1");
}

static void agent_and_model_may_be_left_out(void **state)
{
    (void)state;
    spoke_hub_identity id = {.hub_host = SPOKE_STR("myiothub.azure-devices.net"),
                             .device_id = SPOKE_STR("my_device")};
    assert_writes(write_username, &id, "myiothub.azure-devices.net/my_device/?api-version=2021-04-12");
    id.user_agent = SPOKE_STR("azrtos");
    assert_writes(write_username, &id,
                  "myiothub.azure-devices.net/my_device/?api-version=2021-04-12&DeviceClientType=azrtos");
}

static void client_id_and_resource_name_the_module_too(void **state)
{
    (void)state;
    assert_writes(write_client_id, &device, "dev-001");
    assert_writes(write_client_id, &module, "my_device/my_module_id");
    assert_writes(write_resource, &device, "central-hub-1.local/devices/dev-001");
    assert_writes(write_resource, &module, "myiothub.azure-devices.net/devices/my_device/modules/my_module_id");
}

static void one_subscription_packet_covers_all_that_the_hub_says(void **state)
{
    (void)state;
    char memory[128];
    spoke_buf scratch = spoke_buf_from(memory, sizeof memory);
    spoke_mqtt_filter filters[SPOKE_HUB_FILTER_COUNT];
    assert_ok(spoke_hub_filters(&device, &scratch, filters));
    assert_str(filters[0].filter, "devices/dev-001/messages/devicebound/#");
    assert_str(filters[1].filter, "$iothub/twin/res/#");
    assert_str(filters[2].filter, "$iothub/twin/PATCH/properties/desired/#");
    assert_str(filters[3].filter, "$iothub/methods/POST/#");
    assert_int_equal(filters[0].qos, 1); /* with QoS 0 a message would count as done when sent */
    for (size_t i = 1; i < SPOKE_HUB_FILTER_COUNT; i++)
        assert_int_equal(filters[i].qos, 0);
}

static void the_message_filter_is_written_behind_what_is_there(void **state)
{
    (void)state;
    assert_writes(write_c2d_filter, &device, "devices/dev-001/messages/devicebound/#");
    assert_writes(write_c2d_filter, &module, "devices/my_device/modules/my_module_id/#");
}

static void assert_identity_refused(const spoke_hub_identity *id)
{
    char memory[512];
    spoke_buf out = spoke_buf_from(memory, sizeof memory);
    spoke_mqtt_filter filters[SPOKE_HUB_FILTER_COUNT];
    assert_int_equal(spoke_hub_client_id(id, &out), SPOKE_E_ARG);
    assert_int_equal(spoke_hub_username(id, &out), SPOKE_E_ARG);
    assert_int_equal(spoke_hub_resource(id, &out), SPOKE_E_ARG);
    assert_int_equal(spoke_hub_filters(id, &out, filters), SPOKE_E_ARG);
    assert_int_equal(spoke_hub_telemetry_topic(id, NULL, &out), SPOKE_E_ARG);
    assert_int_equal(out.len, 0);
}

static void ids_that_no_topic_can_carry_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "a#", "+", "a/b", "a b", "tab\t", "caf\xC3\xA9", "del\x7F"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        spoke_hub_identity id = {.hub_host = SPOKE_STR("h"), .device_id = spoke_str_of(bad[i])};
        assert_identity_refused(&id);
        id.device_id = SPOKE_STR("d");
        id.module_id = spoke_str_of(bad[i]);
        if (id.module_id.len > 0)
            assert_identity_refused(&id);
    }
    const spoke_hub_identity nul = {.hub_host = SPOKE_STR("h"), .device_id = spoke_str_from("a\0b", 3)};
    assert_identity_refused(&nul);
}

static void an_id_of_128_and_a_host_of_253_characters_are_the_longest(void **state)
{
    (void)state;
    char text[130], memory[512];
    memset(text, 'x', sizeof text);
    spoke_hub_identity id = {.hub_host = SPOKE_STR("h"), .device_id = spoke_str_from(text, 128)};
    spoke_buf out = spoke_buf_from(memory, sizeof memory);
    assert_ok(spoke_hub_client_id(&id, &out));
    id.device_id.len = 129;
    assert_identity_refused(&id);
    char host[SPOKE_MAX_HOST_BYTES + 1], username[1024];
    memset(host, 'h', sizeof host);
    id = (spoke_hub_identity){.hub_host = spoke_str_from(host, sizeof host), .device_id = SPOKE_STR("d")};
    spoke_buf room = spoke_buf_from(username, sizeof username);
    assert_int_equal(spoke_hub_username(&id, &room), SPOKE_E_ARG);
    id.hub_host.len--;
    assert_ok(spoke_hub_username(&id, &room));
    id = (spoke_hub_identity){.hub_host = SPOKE_STR("h"), .device_id = SPOKE_STR("d")};
    id.module_id = spoke_str_from(text, 129);
    assert_identity_refused(&id);
}

static void odd_but_legal_ids_stand_in_topics_as_they_are(void **state)
{
    (void)state;
    const spoke_hub_identity id = {.hub_host = SPOKE_STR("h"), .device_id = SPOKE_STR("a%41*?!(),=@$':;")};
    assert_writes(write_plain_telemetry, &id, "devices/a%41*?!(),=@$':;/messages/events/");
}

/* --- what the device says --- */

static void telemetry_topics_are_the_known_strings(void **state)
{
    (void)state;
    assert_writes(write_plain_telemetry, &device, "devices/dev-001/messages/events/");
    assert_writes(write_plain_telemetry, &module, "devices/my_device/modules/my_module_id/messages/events/");
    assert_writes(write_thermostat_telemetry, &device,
                  "devices/dev-001/messages/events/%24.ct=application%2Fjson&%24.ce=utf-8&%24.sub=thermostat1");
}

static void twin_requests_are_the_known_strings(void **state)
{
    (void)state;
    const uint32_t ten = 10, most = UINT32_MAX;
    assert_writes(write_get, &ten, "$iothub/twin/GET/?$rid=10");
    assert_writes(write_report, &most, "$iothub/twin/PATCH/properties/reported/?$rid=4294967295");
}

static void a_method_reply_echoes_the_request_id(void **state)
{
    (void)state;
    const spoke_str rid = SPOKE_STR("a1%2f");
    assert_writes(write_method_reply, &rid, "$iothub/methods/res/200/?$rid=a1%2f");
}

static void a_method_status_has_sixteen_bits(void **state)
{
    (void)state;
    char memory[64];
    spoke_buf out = spoke_buf_from(memory, sizeof memory);
    assert_ok(spoke_hub_method_reply_topic(SPOKE_STR("1"), 65535, &out));
    assert_str(spoke_buf_str(&out), "$iothub/methods/res/65535/?$rid=1");
    assert_int_equal(spoke_hub_method_reply_topic(SPOKE_STR("1"), 65536, &out), SPOKE_E_ARG);
    assert_int_equal(spoke_hub_method_reply_topic(SPOKE_STR("1"), -1, &out), SPOKE_E_ARG);
    assert_int_equal(spoke_hub_method_reply_topic(SPOKE_STR(""), 200, &out), SPOKE_E_ARG);
}

/* --- what the hub says --- */

static spoke_hub_event parsed_as(const spoke_hub_identity *id, const char *topic)
{
    spoke_hub_event event;
    assert_ok(spoke_hub_parse(id, spoke_str_of(topic), SPOKE_STR("body"), &event));
    assert_str(event.payload, "body");
    return event;
}

static spoke_hub_event parsed(const char *topic)
{
    return parsed_as(&device, topic);
}

static void assert_broken(const char *topic)
{
    spoke_hub_event event;
    assert_int_equal(spoke_hub_parse(&device, spoke_str_of(topic), SPOKE_STR(""), &event), SPOKE_E_PROTOCOL);
}

static void twin_replies_carry_status_rid_and_perhaps_a_version(void **state)
{
    (void)state;
    spoke_hub_event event = parsed("$iothub/twin/res/200/?$rid=2");
    assert_int_equal(event.kind, SPOKE_HUB_TWIN_REPLY);
    assert_int_equal(event.status, 200);
    assert_str(event.rid, "2");
    assert_false(event.has_version);

    event = parsed("$iothub/twin/res/204/?$rid=4&$version=3");
    assert_int_equal(event.status, 204);
    assert_str(event.rid, "4");
    assert_true(event.has_version);
    assert_int_equal(event.version, 3);
}

static void reply_parameters_come_in_any_order_and_encoding(void **state)
{
    (void)state;
    const spoke_hub_event event = parsed("$iothub/twin/res/429/?new=1&%24version=9007199254740993&%24rid=ab-1");
    assert_int_equal(event.status, 429);
    assert_str(event.rid, "ab-1");
    assert_true(event.version == INT64_C(9007199254740993)); /* beyond what a double can hold */
}

static void a_desired_change_carries_its_version(void **state)
{
    (void)state;
    spoke_hub_event event = parsed("$iothub/twin/PATCH/properties/desired/?$version=12");
    assert_int_equal(event.kind, SPOKE_HUB_DESIRED);
    assert_int_equal(event.version, 12);
    event = parsed("$iothub/twin/PATCH/properties/desired/?x=1");
    assert_int_equal(event.kind, SPOKE_HUB_DESIRED);
    assert_false(event.has_version);
}

static void known_topics_with_broken_numbers_break_the_protocol(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "$iothub/twin/res/",
        "$iothub/twin/res/200",
        "$iothub/twin/res/200/",
        "$iothub/twin/res/200/$rid=1",
        "$iothub/twin/res/20/?$rid=1",
        "$iothub/twin/res/2000/?$rid=1",
        "$iothub/twin/res/099/?$rid=1",
        "$iothub/twin/res/2x0/?$rid=1",
        "$iothub/twin/res/-20/?$rid=1",
        "$iothub/twin/res/200/?",
        "$iothub/twin/res/200/?$rid",
        "$iothub/twin/res/200/?$rid=",
        "$iothub/twin/res/204/?$rid=1&$version=",
        "$iothub/twin/res/204/?$rid=1&$version=-1",
        "$iothub/twin/res/204/?$rid=1&$version=1e3",
        "$iothub/twin/res/204/?$rid=1&$version=9223372036854775808",
        "$iothub/twin/PATCH/properties/desired/",
        "$iothub/twin/PATCH/properties/desired/$version=1",
        "$iothub/twin/PATCH/properties/desired/?$version=x",
        "$iothub/twin/PATCH/properties/desired/?$version=1.0",
    };
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        assert_broken(broken[i]);
}

static void the_largest_version_is_read(void **state)
{
    (void)state;
    const spoke_hub_event event = parsed("$iothub/twin/res/204/?$rid=1&$version=9223372036854775807");
    assert_true(event.version == INT64_MAX);
}

static void a_method_has_name_and_rid(void **state)
{
    (void)state;
    const spoke_hub_event event = parsed("$iothub/methods/POST/TestMethod/?$rid=1");
    assert_int_equal(event.kind, SPOKE_HUB_METHOD);
    assert_str(event.component, "");
    assert_str(event.name, "TestMethod");
    assert_str(event.rid, "1");
}

static void a_component_method_is_split_at_the_first_star(void **state)
{
    (void)state;
    spoke_hub_event event = parsed("$iothub/methods/POST/component_one*TestMethod/?$rid=1");
    assert_str(event.component, "component_one");
    assert_str(event.name, "TestMethod");
    event = parsed("$iothub/methods/POST/a*b*c/?$rid=1");
    assert_str(event.component, "a");
    assert_str(event.name, "b*c");
    event = parsed("$iothub/methods/POST/*b/?$rid=1");
    assert_str(event.component, "");
    assert_str(event.name, "*b");
}

static void the_rid_of_a_method_ends_at_the_next_parameter(void **state)
{
    (void)state;
    const spoke_hub_event event = parsed("$iothub/methods/POST/thermostat1*getMaxMinReport/?$rid=a1%2F&x=2&y");
    assert_str(event.component, "thermostat1");
    assert_str(event.name, "getMaxMinReport");
    assert_str(event.rid, "a1%2F");
}

static void a_method_name_is_all_up_to_the_first_rid(void **state)
{
    (void)state;
    const spoke_hub_event event = parsed("$iothub/methods/POST/a%20b/c/?x/?$rid=1/?$rid=2");
    assert_str(event.name, "a%20b/c/?x");
    assert_str(event.rid, "1/?$rid=2");
}

static void a_method_without_name_or_rid_breaks_the_protocol(void **state)
{
    (void)state;
    static const char *const broken[] = {"$iothub/methods/POST/",         "$iothub/methods/POST/m",
                                         "$iothub/methods/POST/m/?$rid=", "$iothub/methods/POST/m/?$rid=&a=1",
                                         "$iothub/methods/POST/m/?rid=1", "$iothub/methods/POST//?$rid=1"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        assert_broken(broken[i]);
}

static void a_message_has_its_bag(void **state)
{
    (void)state;
    spoke_hub_event event = parsed("devices/dev-001/messages/devicebound/");
    assert_int_equal(event.kind, SPOKE_HUB_C2D);
    assert_str(event.bag, "");
    assert_str(event.name, "");
    event = parsed("devices/dev-001/messages/devicebound/prop1&prop2=&prop3=a%20string");
    assert_str(event.bag, "prop1&prop2=&prop3=a%20string");
}

static void a_message_that_names_a_method_is_an_offline_command(void **state)
{
    (void)state;
    const spoke_hub_event event =
        parsed("devices/dev-001/messages/devicebound/%24.to=%2Fdevices%2Fdev-001%2Fmessages%2FdeviceBound"
               "&%24.mid=m1&iothub-ack=none&method-name=reboot");
    assert_int_equal(event.kind, SPOKE_HUB_C2D);
    assert_str(event.name, "reboot");
    assert_str(event.component, "");
}

static void an_offline_command_names_its_component_in_one_of_three_ways(void **state)
{
    (void)state;
    static const char *const topics[] = {
        "devices/dev-001/messages/devicebound/method-name=thermostat1*reboot",
        "devices/dev-001/messages/devicebound/method-name=thermostat1%2areboot&%24.sub=other",
        "devices/dev-001/messages/devicebound/%24.sub=thermostat1&method-name=reboot",
        "devices/dev-001/messages/devicebound/$.sub=thermostat1&method-name=reboot",
        "devices/dev-001/messages/devicebound/component-name=thermostat1&method%2Dname=reboot",
    };
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
        const spoke_hub_event event = parsed(topics[i]);
        assert_str(event.component, "thermostat1");
        assert_str(event.name, "reboot");
    }
}

static void an_offline_command_may_have_an_empty_name(void **state)
{
    (void)state;
    static const char *const topics[] = {"devices/dev-001/messages/devicebound/method-name=t*",
                                         "devices/dev-001/messages/devicebound/method-name=t%2A"};
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
        const spoke_hub_event event = parsed(topics[i]);
        assert_int_equal(event.kind, SPOKE_HUB_C2D);
        assert_str(event.component, "t");
        assert_str(event.name, "");
    }
}

static void a_component_alone_makes_no_offline_command(void **state)
{
    (void)state;
    const spoke_hub_event event = parsed("devices/dev-001/messages/devicebound/%24.sub=thermostat1&method-name");
    assert_int_equal(event.kind, SPOKE_HUB_C2D);
    assert_str(event.name, "");
}

static void the_device_id_is_compared_byte_for_byte(void **state)
{
    (void)state;
    static const char *const strange[] = {
        "devices/dev-002/messages/devicebound/", "devices/DEV-001/messages/devicebound/",
        "devices/dev-0011/messages/devicebound/", "devices/dev-00/messages/devicebound/",
        "devices/dev%2D001/messages/devicebound/"};
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++)
        assert_int_equal(parsed(strange[i]).kind, SPOKE_HUB_UNKNOWN);
    const spoke_hub_identity percent = {.hub_host = SPOKE_STR("h"), .device_id = SPOKE_STR("a%41$")};
    assert_int_equal(parsed_as(&percent, "devices/a%41$/messages/devicebound/").kind, SPOKE_HUB_C2D);
    assert_int_equal(parsed_as(&percent, "devices/aA$/messages/devicebound/").kind, SPOKE_HUB_UNKNOWN);
}

static void a_module_may_have_a_name_of_one_letter(void **state)
{
    (void)state;
    const spoke_hub_identity id = {
        .hub_host = SPOKE_STR("h"), .device_id = SPOKE_STR("d"), .module_id = SPOKE_STR("m")};
    assert_writes(write_client_id, &id, "d/m");
    assert_writes(write_resource, &id, "h/devices/d/modules/m");
    assert_int_equal(parsed_as(&id, "devices/d/modules/m/inputs/i/").kind, SPOKE_HUB_C2D);
    assert_int_equal(parsed_as(&id, "devices/d/messages/devicebound/").kind, SPOKE_HUB_UNKNOWN);
}

static void a_module_has_messages_and_inputs_of_its_own(void **state)
{
    (void)state;
    spoke_hub_event event = parsed_as(&module, "devices/my_device/modules/my_module_id/inputs/in1/a=b");
    assert_int_equal(event.kind, SPOKE_HUB_C2D);
    assert_str(event.input, "in1");
    assert_str(event.bag, "a=b");
    event = parsed_as(&module, "devices/my_device/modules/my_module_id/inputs/in1");
    assert_int_equal(event.kind, SPOKE_HUB_C2D);
    assert_str(event.bag, "");
    event = parsed_as(&module, "devices/my_device/modules/my_module_id/messages/devicebound/a=b");
    assert_int_equal(event.kind, SPOKE_HUB_C2D);
    assert_str(event.input, "");
    assert_int_equal(parsed_as(&module, "devices/my_device/messages/devicebound/a=b").kind, SPOKE_HUB_UNKNOWN);
    assert_int_equal(parsed_as(&module, "devices/my_device/modules/other/inputs/in1/a=b").kind, SPOKE_HUB_UNKNOWN);
    assert_int_equal(parsed_as(&module, "devices/my_device/modules/my_module_id/outputs/o/").kind,
                     SPOKE_HUB_UNKNOWN);
    assert_int_equal(parsed("devices/dev-001/inputs/in1/a=b").kind, SPOKE_HUB_UNKNOWN);
}

static void strange_topics_are_unknown_and_no_error(void **state)
{
    (void)state;
    static const char *const strange[] = {"",
                                          "/",
                                          "$",
                                          "devices",
                                          "devices/",
                                          "devices/dev-001",
                                          "devices/dev-001/messages/devicebound",
                                          "devices/dev-001/messages/events/",
                                          "$iothub/methods/res/200/?$rid=2",
                                          "$iothub/twin/GET/?$rid=1",
                                          "$iothub/twin/PATCH/properties/reported/?$rid=1",
                                          "$iothub/credentials/res/202/?$rid=1",
                                          "$IOTHUB/twin/res/200/?$rid=1",
                                          "$dps/registrations/res/200/?$rid=1"};
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++)
        assert_int_equal(parsed(strange[i]).kind, SPOKE_HUB_UNKNOWN);
}

static void every_truncation_of_a_topic_is_answered(void **state)
{
    (void)state;
    static const char *const topics[] = {"$iothub/twin/res/204/?$rid=4&$version=3",
                                         "$iothub/twin/PATCH/properties/desired/?$version=12",
                                         "$iothub/methods/POST/component_one*TestMethod/?$rid=1",
                                         "devices/dev-001/messages/devicebound/%24.sub=c&method-name=a%2Ab"};
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
        for (size_t len = 0; len < strlen(topics[i]); len++) {
            spoke_hub_event event;
            char *exact = malloc(len + (len == 0)); /* so that ASan sees a read behind the end */
            memcpy(exact, topics[i], len);
            const spoke_status status =
                spoke_hub_parse(&device, spoke_str_from(exact, len), SPOKE_STR(""), &event);
            assert_true(status == SPOKE_OK || status == SPOKE_E_PROTOCOL);
            free(exact);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_username_of_a_device_is_the_known_string),
        cmocka_unit_test(the_username_of_a_module_is_the_known_string),
        cmocka_unit_test(agent_and_model_may_be_left_out),
        cmocka_unit_test(client_id_and_resource_name_the_module_too),
        cmocka_unit_test(one_subscription_packet_covers_all_that_the_hub_says),
        cmocka_unit_test(the_message_filter_is_written_behind_what_is_there),
        cmocka_unit_test(ids_that_no_topic_can_carry_are_refused),
        cmocka_unit_test(an_id_of_128_and_a_host_of_253_characters_are_the_longest),
        cmocka_unit_test(odd_but_legal_ids_stand_in_topics_as_they_are),
        cmocka_unit_test(telemetry_topics_are_the_known_strings),
        cmocka_unit_test(twin_requests_are_the_known_strings),
        cmocka_unit_test(a_method_reply_echoes_the_request_id),
        cmocka_unit_test(a_method_status_has_sixteen_bits),
        cmocka_unit_test(twin_replies_carry_status_rid_and_perhaps_a_version),
        cmocka_unit_test(reply_parameters_come_in_any_order_and_encoding),
        cmocka_unit_test(a_desired_change_carries_its_version),
        cmocka_unit_test(known_topics_with_broken_numbers_break_the_protocol),
        cmocka_unit_test(the_largest_version_is_read),
        cmocka_unit_test(a_method_has_name_and_rid),
        cmocka_unit_test(a_component_method_is_split_at_the_first_star),
        cmocka_unit_test(the_rid_of_a_method_ends_at_the_next_parameter),
        cmocka_unit_test(a_method_name_is_all_up_to_the_first_rid),
        cmocka_unit_test(a_method_without_name_or_rid_breaks_the_protocol),
        cmocka_unit_test(a_message_has_its_bag),
        cmocka_unit_test(a_message_that_names_a_method_is_an_offline_command),
        cmocka_unit_test(an_offline_command_names_its_component_in_one_of_three_ways),
        cmocka_unit_test(an_offline_command_may_have_an_empty_name),
        cmocka_unit_test(a_component_alone_makes_no_offline_command),
        cmocka_unit_test(the_device_id_is_compared_byte_for_byte),
        cmocka_unit_test(a_module_may_have_a_name_of_one_letter),
        cmocka_unit_test(a_module_has_messages_and_inputs_of_its_own),
        cmocka_unit_test(strange_topics_are_unknown_and_no_error),
        cmocka_unit_test(every_truncation_of_a_topic_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
