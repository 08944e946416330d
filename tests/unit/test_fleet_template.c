/* A template as a fleet plays it: what travels together, what is obeyed, and values that fit whatever the template. */
#include "support/support.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/template.h"
#include "tools/tool.h"

enum { ROUNDS = 20, ROOM = 262144 };

struct stage {
    struct tool_model loaded;
    struct fleet_template t;
    struct value_memory memory;
    struct value_slot *slots;
};

static spoke_ack obey(const spoke_property *wanted, void *user)
{
    (void)wanted, (void)user;
    return spoke_accept();
}

static spoke_ack answer(const spoke_command *call, void *user)
{
    (void)call, (void)user;
    return spoke_accept();
}

static void make(struct stage *s)
{
    const struct dtdl_element *interface = tool_pick_interface(&s->loaded, NULL);
    assert_non_null(interface);
    assert_int_equal(template_make(&s->loaded.heap.arena, interface, obey, answer, &s->t), SPOKE_OK);
    s->slots = calloc(s->t.slots + 1u, sizeof *s->slots);
    assert_non_null(s->slots);
    value_memory_init(&s->memory, random_of(1, 2), s->slots, s->t.slots);
    s->memory.unix_ms = 1772600767000;
}

static void load(struct stage *s, const char *name)
{
    char path[512];
    const char *paths[] = {path};
    snprintf(path, sizeof path, "%s/models/%s", SPOKE_TEST_DATA, name);
    tool_model_init(&s->loaded);
    assert_int_equal(tool_load_valid(&s->loaded, paths, 1), TOOL_OK);
    make(s);
}

static void unload(struct stage *s)
{
    free(s->slots);
    tool_model_free(&s->loaded);
}

static size_t index_of(const struct stage *s, const char *component, const char *name)
{
    const spoke_member *member = spoke_model_member(s->t.model, spoke_str_of(component), spoke_str_of(name));
    assert_non_null(member);
    return (size_t)(member - s->t.model->members);
}

/* --- every template that there is --- */

static void check_value(struct stage *s, size_t i, spoke_buf *room)
{
    const spoke_member *member = &s->t.model->members[i];
    const spoke_schema *schema = member->member == SPOKE_COMMAND ? member->response : member->schema;
    char why[256];
    spoke_fault fault;
    spoke_str json;
    room->len = 0;
    assert_int_equal(template_value(&s->t, i, &s->memory, room, &json), SPOKE_OK);
    if (spoke_schema_check(schema, json, &fault) != SPOKE_OK)
        fail_msg("%s: %s: %.*s", member->name, spoke_fault_text(&fault, why, sizeof why), (int)json.len, json.ptr);
    if (member->member == SPOKE_COMMAND && spoke_response_check(member, json, &fault) != SPOKE_OK)
        fail_msg("%s: %s", member->name, spoke_fault_text(&fault, why, sizeof why));
}

static void play(struct stage *s, spoke_buf *room)
{
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < s->t.model->member_count; i++) {
            if (s->t.parts[i].value != NULL)
                check_value(s, i, room);
        }
    }
}

static bool is_plain_json(const char *name)
{
    const char *dot = strchr(name, '.');
    return dot != NULL && strcmp(dot, ".json") == 0;
}

/* Interfaces that are valid alone; those that need others are passed over. How many were played. */
static size_t play_folder(const char *folder)
{
    uint8_t *memory = malloc(ROOM);
    size_t played = 0;
    DIR *dir = opendir(folder);
    assert_non_null(memory);
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        char path[1024];
        const char *paths[] = {path};
        struct stage s;
        spoke_buf room = spoke_buf_from(memory, ROOM);
        if (!is_plain_json(entry->d_name))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        tool_model_init(&s.loaded);
        s.slots = NULL;
        if (tool_load(&s.loaded, paths, 1) == TOOL_OK && s.loaded.status == SPOKE_OK &&
            dtdl_interface_at(s.loaded.model, 0) != NULL) {
            make(&s);
            play(&s, &room);
            played++;
        }
        unload(&s);
    }
    if (dir != NULL)
        closedir(dir);
    free(memory);
    return played;
}

static void values_of_our_templates_fit(void **state)
{
    (void)state;
    assert_true(play_folder(SPOKE_TEST_DATA "/models") >= 4);
}

/* A set of thousands, where it lies beside the repository. */
static void values_of_conformance_templates_fit(void **state)
{
    (void)state;
    if (play_folder(SPOKE_TEST_DATA "/../../../shared/data/dtdl/valid") == 0)
        skip();
}

/* --- what is known of one --- */

static void telemetry_of_a_component_travels_together(void **state)
{
    (void)state;
    struct stage s;
    load(&s, "temperature_controller.json");
    assert_int_equal(s.t.message_count, 3);
    assert_null(s.t.messages[0].component);
    assert_string_equal(s.t.messages[1].component, "thermostat1");
    assert_string_equal(s.t.messages[2].component, "thermostat2");
    assert_int_equal(s.t.messages[1].count, 4);
    unload(&s);
}

static void read_only_properties_are_reported_and_writable_ones_are_not(void **state)
{
    (void)state;
    struct stage s;
    load(&s, "temperature_controller.json");
    for (size_t g = 0; g < s.t.report_count; g++) {
        for (size_t i = 0; i < s.t.reports[g].count; i++) {
            const spoke_member *member = &s.t.model->members[s.t.reports[g].members[i]];
            assert_int_equal(member->member, SPOKE_PROPERTY);
            assert_int_equal(member->flags & SPOKE_WRITABLE, 0);
        }
    }
    assert_true(s.t.report_count > 0);
    unload(&s);
}

static void every_command_and_writable_property_has_a_handler(void **state)
{
    (void)state;
    struct stage s;
    size_t wanted = 0;
    load(&s, "temperature_controller.json");
    for (size_t i = 0; i < s.t.model->member_count; i++)
        wanted +=
            s.t.model->members[i].member == SPOKE_COMMAND || (s.t.model->members[i].flags & SPOKE_WRITABLE) != 0;
    assert_int_equal(s.t.handler_count, wanted);
    assert_true(wanted > 0);
    unload(&s);
}

static void a_target_leads_the_telemetry_of_that_name(void **state)
{
    (void)state;
    struct stage s;
    load(&s, "thermostat.json");
    const size_t target = index_of(&s, "", "targetTemperature");
    const size_t telemetry = index_of(&s, "", "temperature");
    assert_ptr_equal(s.t.parts[target].leads, s.t.parts[telemetry].value);
    unload(&s);
}

static void the_interval_of_telemetry_is_found_with_its_unit(void **state)
{
    (void)state;
    const struct sense_hint seconds = {NULL, NULL, "telemetryInterval"}, named = {NULL, NULL, "reportIntervalMs"};
    const struct sense_hint minutes = {"TimeSpan", "minute", "reportingPeriod"},
                            other = {NULL, NULL, "brightness"};
    assert_true(fabs(sense_interval_unit_s(&seconds) - 1) < 1e-9);
    assert_true(fabs(sense_interval_unit_s(&named) - 0.001) < 1e-9);
    assert_true(fabs(sense_interval_unit_s(&minutes) - 60) < 1e-9);
    assert_true(fabs(sense_interval_unit_s(&other)) < 1e-9);
}

static void messages_are_no_longer_than_what_was_said(void **state)
{
    (void)state;
    static uint8_t memory[ROOM];
    struct stage s;
    load(&s, "pump_template.json");
    for (int round = 0; round < 200; round++) {
        for (size_t g = 0; g < s.t.message_count; g++) {
            spoke_buf room = spoke_buf_from(memory, sizeof memory);
            for (size_t i = 0; i < s.t.messages[g].count; i++) {
                spoke_field field;
                assert_int_equal(template_field(&s.t, s.t.messages[g].members[i], &s.memory, &room, &field),
                                 SPOKE_OK);
            }
            assert_in_range(room.len, 1, s.t.most_bytes);
        }
    }
    unload(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_our_templates_fit),
        cmocka_unit_test(values_of_conformance_templates_fit),
        cmocka_unit_test(telemetry_of_a_component_travels_together),
        cmocka_unit_test(read_only_properties_are_reported_and_writable_ones_are_not),
        cmocka_unit_test(every_command_and_writable_property_has_a_handler),
        cmocka_unit_test(a_target_leads_the_telemetry_of_that_name),
        cmocka_unit_test(the_interval_of_telemetry_is_found_with_its_unit),
        cmocka_unit_test(messages_are_no_longer_than_what_was_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
