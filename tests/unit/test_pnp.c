#include "support/support.h"

#include <string.h>

#include <spoke/proto/pnp.h>

/* --- writing --- */

static void a_component_carries_its_marker(void **state)
{
    (void)state;
    char memory[128];
    spoke_writer w;
    spoke_str out;
    spoke_writer_init(&w, memory, sizeof memory);
    spoke_write_begin_object(&w);
    spoke_pnp_begin_component(&w, "thermostat1");
    spoke_write(&w, spoke_f64("maxTemp", 38.5));
    spoke_pnp_end_component(&w, "thermostat1");
    spoke_write(&w, spoke_text("serial", SPOKE_STR("S1")));
    spoke_write_end_object(&w);
    assert_ok(spoke_writer_finish(&w, &out));
    assert_str(out, "{\"thermostat1\":{\"__t\":\"c\",\"maxTemp\":38.5},\"serial\":\"S1\"}");
}

static void the_default_component_has_no_bracket(void **state)
{
    (void)state;
    static const char *const names[] = {NULL, ""};
    for (size_t i = 0; i < 2; i++) {
        char memory[64];
        spoke_writer w;
        spoke_str out;
        spoke_writer_init(&w, memory, sizeof memory);
        spoke_write_begin_object(&w);
        spoke_pnp_begin_component(&w, names[i]);
        spoke_write(&w, spoke_i64("x", 1));
        spoke_pnp_end_component(&w, names[i]);
        spoke_write_end_object(&w);
        assert_ok(spoke_writer_finish(&w, &out));
        assert_str(out, "{\"x\":1}");
    }
}

static spoke_status write_acks(char *memory, size_t cap, spoke_str *out)
{
    spoke_writer w;
    spoke_writer_init(&w, memory, cap);
    spoke_write_begin_object(&w);
    spoke_pnp_ack(&w, SPOKE_STR("target"), SPOKE_STR("21.3"), 200, 3, "complete");
    spoke_pnp_begin_component(&w, "t1");
    spoke_pnp_ack(&w, SPOKE_STR("t\\u0061"), SPOKE_STR("{\"a\":[1]}"), 400, INT64_MAX, NULL);
    spoke_pnp_end_component(&w, "t1");
    spoke_write_end_object(&w);
    return spoke_writer_finish(&w, out);
}

static void an_acknowledgement_has_value_code_version_and_maybe_text(void **state)
{
    (void)state;
    char memory[256];
    spoke_str out;
    assert_ok(write_acks(memory, sizeof memory, &out));
    assert_str(
        out, "{\"target\":{\"value\":21.3,\"ac\":200,\"av\":3,\"ad\":\"complete\"},"
             "\"t1\":{\"__t\":\"c\",\"t\\u0061\":{\"value\":{\"a\":[1]},\"ac\":400,\"av\":9223372036854775807}}}");
}

static void acknowledgements_fit_exactly_or_not_at_all(void **state)
{
    (void)state;
    char memory[256];
    spoke_str out;
    assert_ok(write_acks(memory, sizeof memory, &out));
    const size_t fit = out.len;
    memset(memory, '!', sizeof memory);
    assert_ok(write_acks(memory, fit, &out));
    assert_int_equal(memory[fit], '!');
    memset(memory, '!', sizeof memory);
    assert_int_equal(write_acks(memory, fit - 1, &out), SPOKE_E_TOO_SMALL);
    assert_int_equal(memory[fit - 1], '!');
}

static void a_broken_value_is_not_acknowledged(void **state)
{
    (void)state;
    char memory[128];
    spoke_writer w;
    spoke_str out;
    spoke_writer_init(&w, memory, sizeof memory);
    spoke_write_begin_object(&w);
    spoke_pnp_ack(&w, SPOKE_STR("x"), SPOKE_STR("1,\"y\":2"), 200, 1, NULL);
    spoke_write_end_object(&w);
    assert_int_equal(spoke_writer_finish(&w, &out), SPOKE_E_JSON);
}

/* --- walking a desired document --- */

static bool is_thermostat(void *ctx, spoke_str name)
{
    (void)ctx;
    return spoke_str_starts(name, SPOKE_STR("thermostat"));
}

/* The walk as one line: "component.name=value;..." and how it ended. */
static spoke_status walk(spoke_str document, bool (*is_component)(void *ctx, spoke_str name), char line[256])
{
    spoke_buf out = spoke_buf_from(line, 255);
    spoke_pnp_cursor at;
    spoke_pnp_property property;
    spoke_status status = spoke_pnp_enter(document, is_component, NULL, &at);
    while (status == SPOKE_OK && (status = spoke_pnp_next(&at, &property)) == SPOKE_OK) {
        assert_ok(spoke_buf_append(&out, property.component));
        assert_ok(spoke_buf_append(&out, SPOKE_STR(".")));
        assert_ok(spoke_buf_append(&out, property.name));
        assert_ok(spoke_buf_append(&out, SPOKE_STR("=")));
        assert_ok(spoke_buf_append(&out, property.value));
        assert_ok(spoke_buf_append(&out, SPOKE_STR(";")));
    }
    if (status != SPOKE_OK && out.len > 0)
        assert_int_equal(spoke_pnp_next(&at, &property), status);
    line[out.len] = '\0';
    return status;
}

static void properties_come_with_their_components(void **state)
{
    (void)state;
    static const struct {
        const char *document, *line;
    } cases[] = {
        {"{}", ""},
        {"{\"$version\":3}", ""},
        {"{\"target\":21.3,\"$version\":3}", ".target=21.3;"},
        {"{\"thermostat1\":{\"__t\":\"c\",\"target\":21.3},\"$version\":4}", "thermostat1.target=21.3;"},
        {"{\"thermostat1\":{\"target\":21.3,\"__t\":\"c\"}}", "thermostat1.target=21.3;"},
        {"{\"thermostat1\":{\"target\":21.3}}", "thermostat1.target=21.3;"},
        {"{\"thermostat1\":{\"target\":{\"value\":57}}}", "thermostat1.target={\"value\":57};"},
        {"{\"thermostat1\":{}, \"a\": 1}", ".a=1;"},
        {"{\"thermostat1\":{\"__t\":\"c\"},\"thermostat2\":{\"a\":1,\"b\":2},\"c\":3}",
         "thermostat2.a=1;thermostat2.b=2;.c=3;"},
        {"{\"unknown\":{\"a\":1,\"__t\":\"c\"}}", "unknown.a=1;"},
        {"{\"unknown\":{\"a\":1,\"\\u005f_t\":\"\\u0063\"}}", "unknown.a=1;"},
        {"{\"setting\":{\"a\":1,\"b\":{\"__t\":\"c\"}}}", ".setting={\"a\":1,\"b\":{\"__t\":\"c\"}};"},
        {"{\"setting\":{\"__t\":\"d\",\"a\":1}}", ".setting={\"__t\":\"d\",\"a\":1};"},
        {"{\"setting\":{\"__t\":7}}", ".setting={\"__t\":7};"},
        {"{\"thermostat1\":null}", ".thermostat1=null;"},
        {"{\"thermostat1\":{\"target\":null}}", "thermostat1.target=null;"},
        {"{\"thermostat1\":{\"thermostat2\":{\"__t\":\"c\",\"a\":1}}}",
         "thermostat1.thermostat2={\"__t\":\"c\",\"a\":1};"},
        {"{\"list\":[{\"__t\":\"c\"}]}", ".list=[{\"__t\":\"c\"}];"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char line[256];
        assert_int_equal(walk(spoke_str_of(cases[i].document), is_thermostat, line), SPOKE_E_NOT_FOUND);
        assert_string_equal(line, cases[i].line);
    }
}

static void without_a_model_the_marker_alone_decides(void **state)
{
    (void)state;
    char line[256];
    assert_int_equal(walk(SPOKE_STR("{\"thermostat1\":{\"a\":1},\"t\":{\"__t\":\"c\",\"a\":1}}"), NULL, line),
                     SPOKE_E_NOT_FOUND);
    assert_string_equal(line, ".thermostat1={\"a\":1};t.a=1;");
}

static void broken_documents_end_in_an_error(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "5",
                                      "[]",
                                      "null",
                                      "{\"a\":1",
                                      "{\"a\":1}}",
                                      "{\"a\":1,}",
                                      "{\"thermostat1\":{\"a\":1,}}",
                                      "{\"thermostat1\":{\"a\":1}"};
    char line[256];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(walk(spoke_str_of(bad[i]), is_thermostat, line), SPOKE_E_JSON);
}

static void each_truncation_ends_in_an_error(void **state)
{
    (void)state;
    const spoke_str whole =
        SPOKE_STR("{\"thermostat1\":{\"__t\":\"c\",\"a\":[1,2]},\"b\":{\"x\":\"y\"},\"$version\":5}");
    char line[256];
    for (size_t len = 0; len < whole.len; len++)
        assert_int_equal(walk(spoke_str_from(whole.ptr, len), is_thermostat, line), SPOKE_E_JSON);
    assert_int_equal(walk(whole, is_thermostat, line), SPOKE_E_NOT_FOUND);
}

/* --- commands --- */

static void a_command_name_splits_at_the_first_star_behind_its_first_character(void **state)
{
    (void)state;
    static const struct {
        const char *method, *component, *command;
    } cases[] = {{"reboot", "", "reboot"},
                 {"t1*report", "t1", "report"},
                 {"t1*a*b", "t1", "a*b"},
                 {"*x", "", "*x"},
                 {"**x", "*", "x"},
                 {"t1*", "t1", ""},
                 {"t*", "t", ""},
                 {"*", "", "*"},
                 {"", "", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        spoke_str component, command;
        spoke_pnp_split_command(spoke_str_of(cases[i].method), &component, &command);
        assert_str(component, cases[i].component);
        assert_str(command, cases[i].command);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_component_carries_its_marker),
        cmocka_unit_test(the_default_component_has_no_bracket),
        cmocka_unit_test(an_acknowledgement_has_value_code_version_and_maybe_text),
        cmocka_unit_test(acknowledgements_fit_exactly_or_not_at_all),
        cmocka_unit_test(a_broken_value_is_not_acknowledged),
        cmocka_unit_test(properties_come_with_their_components),
        cmocka_unit_test(without_a_model_the_marker_alone_decides),
        cmocka_unit_test(broken_documents_end_in_an_error),
        cmocka_unit_test(each_truncation_ends_in_an_error),
        cmocka_unit_test(a_command_name_splits_at_the_first_star_behind_its_first_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
