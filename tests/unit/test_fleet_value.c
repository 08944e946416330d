/* Values that simulated devices make fit their schemas, and look like what they mean. */
#include "support/support.h"

#include <math.h>
#include <string.h>

#include "base/heap_arena.h"
#include "synth/value.h"

enum { ROUNDS = 200, MOST_SLOTS = 64, ROOM = 65536 };

struct stage {
    struct heap_arena heap;
    const struct value_plan *plan;
    struct value_memory memory;
    struct value_slot slots[MOST_SLOTS];
    uint8_t room[ROOM];
    spoke_str json;
};

static void begin(struct stage *s, const spoke_schema *schema, const struct sense_hint *hint, uint64_t seed)
{
    static const struct sense_hint nothing = {NULL, NULL, NULL};
    uint16_t slots = 0;
    heap_arena_init(&s->heap, 4096, 0);
    s->plan = value_plan_make(&s->heap.arena, schema, hint != NULL ? hint : &nothing, &slots);
    assert_non_null(s->plan);
    assert_in_range(slots, 0, MOST_SLOTS);
    value_memory_init(&s->memory, random_of(seed, 1), s->slots, slots);
    s->memory.unix_ms = 1772600767000;
}

static void end(struct stage *s)
{
    heap_arena_fini(&s->heap);
}

static bool next(struct stage *s)
{
    spoke_writer w;
    spoke_writer_init(&w, s->room, sizeof s->room);
    const bool made = value_write(s->plan, &s->memory, &w);
    return spoke_writer_finish(&w, &s->json) == SPOKE_OK && made;
}

static double next_number(struct stage *s)
{
    double number = 0;
    assert_true(next(s));
    assert_int_equal(spoke_json_double(s->json, &number), SPOKE_OK);
    return number;
}

static void fits(const spoke_schema *schema)
{
    static struct stage s;
    begin(&s, schema, NULL, 7);
    for (int i = 0; i < ROUNDS; i++) {
        assert_true(next(&s));
        if (spoke_schema_check(schema, s.json, NULL) != SPOKE_OK)
            fail_msg("%.*s does not fit", (int)s.json.len, s.json.ptr);
    }
    end(&s);
}

static void every_schema_of_the_language_gets_values_that_fit(void **state)
{
    (void)state;
    const spoke_schema *const all[] = {&spoke_schema_boolean,        &spoke_schema_byte,
                                       &spoke_schema_short,          &spoke_schema_integer,
                                       &spoke_schema_long,           &spoke_schema_unsigned_byte,
                                       &spoke_schema_unsigned_short, &spoke_schema_unsigned_integer,
                                       &spoke_schema_unsigned_long,  &spoke_schema_float,
                                       &spoke_schema_double,         &spoke_schema_decimal,
                                       &spoke_schema_string,         &spoke_schema_date,
                                       &spoke_schema_time,           &spoke_schema_date_time,
                                       &spoke_schema_duration,       &spoke_schema_bytes,
                                       &spoke_schema_uuid,           &spoke_schema_scaled_decimal,
                                       &spoke_schema_geopoint,       &spoke_schema_vector,
                                       &spoke_schema_point,          &spoke_schema_multi_point,
                                       &spoke_schema_line_string,    &spoke_schema_multi_line_string,
                                       &spoke_schema_polygon,        &spoke_schema_multi_polygon};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        fits(all[i]);
}

static void enums_arrays_maps_and_objects_fit(void **state)
{
    (void)state;
    static const spoke_enum_value numbers[] = {{-5, NULL}, {7, NULL}}, texts[] = {{0, "on"}, {0, "of \"f\""}};
    static const spoke_schema number = {SPOKE_SCHEMA_ENUM_INTEGER, 2, NULL, NULL, numbers, NULL};
    static const spoke_schema text = {SPOKE_SCHEMA_ENUM_STRING, 2, NULL, NULL, texts, NULL};
    static const spoke_schema list = {SPOKE_SCHEMA_ARRAY, 0, &number, NULL, NULL, NULL};
    static const spoke_schema map = {SPOKE_SCHEMA_MAP, 0, &list, NULL, NULL, NULL};
    static const spoke_schema_field fields[] = {{"a", &map, true}, {"b", &text, false}};
    static const spoke_schema object = {SPOKE_SCHEMA_OBJECT, 2, NULL, fields, NULL, NULL};
    fits(&number);
    fits(&text);
    fits(&list);
    fits(&map);
    fits(&object);
}

static void limits_of_the_template_are_kept_exactly(void **state)
{
    (void)state;
    const spoke_range high = {true, true, 90.5, 91, 1000, 1001}, low = {true, true, -7, -6, -7, -6};
    const spoke_range length = {true, true, 0, 0, 7, 9}, none = {false, true, 0, 0, 0, 0};
    const spoke_range huge = {true, false, 0, 0, (int64_t)(UINT64_MAX - 1), 0};
    const spoke_range top = {true, true, 0, 0, INT64_MAX - 1, INT64_MAX}, tiny = {true, true, 1e-9, 2e-9, 0, 0};
    const spoke_range below = {false, true, 0, -1e30, 0, INT64_MIN + 1};
    const spoke_schema schemas[] = {{SPOKE_SCHEMA_DOUBLE, 0, NULL, NULL, NULL, &high},
                                    {SPOKE_SCHEMA_FLOAT, 0, NULL, NULL, NULL, &low},
                                    {SPOKE_SCHEMA_DOUBLE, 0, NULL, NULL, NULL, &tiny},
                                    {SPOKE_SCHEMA_DOUBLE, 0, NULL, NULL, NULL, &below},
                                    {SPOKE_SCHEMA_INTEGER, 0, NULL, NULL, NULL, &high},
                                    {SPOKE_SCHEMA_BYTE, 0, NULL, NULL, NULL, &low},
                                    {SPOKE_SCHEMA_LONG, 0, NULL, NULL, NULL, &top},
                                    {SPOKE_SCHEMA_LONG, 0, NULL, NULL, NULL, &below},
                                    {SPOKE_SCHEMA_UNSIGNED_LONG, 0, NULL, NULL, NULL, &huge},
                                    {SPOKE_SCHEMA_STRING, 0, NULL, NULL, NULL, &length},
                                    {SPOKE_SCHEMA_STRING, 0, NULL, NULL, NULL, &none}};
    for (size_t i = 0; i < sizeof schemas / sizeof schemas[0]; i++)
        fits(&schemas[i]);
}

static void an_enum_without_values_has_none_and_a_list_of_it_is_empty(void **state)
{
    (void)state;
    static const spoke_schema empty = {SPOKE_SCHEMA_ENUM_STRING, 0, NULL, NULL, NULL, NULL};
    static const spoke_schema list = {SPOKE_SCHEMA_ARRAY, 0, &empty, NULL, NULL, NULL};
    static struct stage s;
    begin(&s, &empty, NULL, 1);
    assert_false(next(&s));
    end(&s);
    fits(&list);
}

static void a_schema_that_contains_itself_ends(void **state)
{
    (void)state;
    static spoke_schema node, children;
    static const spoke_schema_field fields[] = {{"children", &children, true},
                                                {"name", &spoke_schema_string, true}};
    children = (spoke_schema){.kind = SPOKE_SCHEMA_ARRAY, .element = &node};
    node = (spoke_schema){.kind = SPOKE_SCHEMA_OBJECT, .count = 2, .fields = fields};
    fits(&node);
}

static void a_required_field_that_never_ends_has_no_value(void **state)
{
    (void)state;
    static spoke_schema node;
    static const spoke_schema_field fields[] = {{"next", &node, true}};
    static struct stage s;
    node = (spoke_schema){.kind = SPOKE_SCHEMA_OBJECT, .count = 1, .fields = fields};
    begin(&s, &node, NULL, 1);
    assert_false(next(&s));
    end(&s);
}

static void a_temperature_wanders_slowly_where_rooms_are(void **state)
{
    (void)state;
    static struct stage s;
    const struct sense_hint hint = {"Temperature", "degreeCelsius", "t1"};
    begin(&s, &spoke_schema_double, &hint, 3);
    double before = next_number(&s);
    for (int i = 0; i < ROUNDS; i++) {
        const double now = next_number(&s);
        assert_true(now >= 15 && now <= 30);
        assert_true(fabs(now - before) < 1);
        before = now;
    }
    end(&s);
}

static void the_unit_decides_about_the_size_of_a_number(void **state)
{
    (void)state;
    static struct stage s;
    const struct sense_hint hint = {"Temperature", "kelvin", "t1"};
    begin(&s, &spoke_schema_double, &hint, 3);
    const double number = next_number(&s);
    assert_true(number > 288 && number < 304);
    end(&s);
}

static void a_name_stands_in_for_a_semantic_type(void **state)
{
    (void)state;
    static struct stage s;
    const struct sense_hint hint = {NULL, NULL, "BatteryLevel"};
    begin(&s, &spoke_schema_integer, &hint, 3);
    const double number = next_number(&s);
    assert_true(number >= 20 && number <= 100);
    end(&s);
}

static void a_counter_does_not_fall(void **state)
{
    (void)state;
    static struct stage s;
    const struct sense_hint hint = {NULL, NULL, "bottleCount"};
    begin(&s, &spoke_schema_integer, &hint, 3);
    double before = next_number(&s);
    for (int i = 0; i < ROUNDS; i++) {
        const double now = next_number(&s);
        assert_true(now > before);
        before = now;
    }
    end(&s);
}

static void a_number_that_is_led_comes_near_its_target(void **state)
{
    (void)state;
    static struct stage s;
    const struct sense_hint hint = {"Temperature", "degreeCelsius", "temperature"};
    begin(&s, &spoke_schema_double, &hint, 3);
    value_lead(s.plan, &s.memory, 60);
    for (int i = 0; i < ROUNDS; i++)
        (void)next_number(&s);
    assert_true(fabs(next_number(&s) - 60) < 3);
    value_lead(s.plan, &s.memory, (double)NAN);
    (void)next_number(&s);
    assert_true(next_number(&s) <= 30);
    end(&s);
}

static void a_target_beyond_the_range_leads_to_its_end(void **state)
{
    (void)state;
    static struct stage s;
    const spoke_range range = {true, true, 0, 50, 0, 0};
    const spoke_schema schema = {SPOKE_SCHEMA_DOUBLE, 0, NULL, NULL, NULL, &range};
    begin(&s, &schema, NULL, 3);
    value_lead(s.plan, &s.memory, 1e300);
    for (int i = 0; i < ROUNDS; i++)
        assert_true(next_number(&s) <= 50);
    end(&s);
}

static void a_number_that_is_led_to_the_end_of_its_type_stays_in_it(void **state)
{
    (void)state;
    static const spoke_schema *const all[] = {&spoke_schema_byte,
                                              &spoke_schema_short,
                                              &spoke_schema_integer,
                                              &spoke_schema_long,
                                              &spoke_schema_unsigned_byte,
                                              &spoke_schema_unsigned_short,
                                              &spoke_schema_unsigned_integer,
                                              &spoke_schema_unsigned_long,
                                              &spoke_schema_float,
                                              &spoke_schema_double};
    static struct stage s;
    for (size_t i = 0; i < sizeof all / sizeof all[0] * 2; i++) {
        begin(&s, all[i / 2], NULL, 3);
        value_lead(s.plan, &s.memory, i % 2 == 0 ? 1e300 : -1e300);
        for (int round = 0; round < ROUNDS * 5; round++) {
            assert_true(next(&s));
            if (spoke_schema_check(all[i / 2], s.json, NULL) != SPOKE_OK)
                fail_msg("%.*s does not fit", (int)s.json.len, s.json.ptr);
        }
        end(&s);
    }
}

static void one_seed_gives_one_sequence_and_another_seed_another(void **state)
{
    (void)state;
    static struct stage a, b, c;
    begin(&a, &spoke_schema_geopoint, NULL, 5);
    begin(&b, &spoke_schema_geopoint, NULL, 5);
    begin(&c, &spoke_schema_geopoint, NULL, 6);
    for (int i = 0; i < 10; i++) {
        assert_true(next(&a) && next(&b) && next(&c));
        assert_true(spoke_str_equal(a.json, b.json));
        assert_false(spoke_str_equal(a.json, c.json));
    }
    end(&a);
    end(&b);
    end(&c);
}

static void dates_and_times_are_those_of_the_clock(void **state)
{
    (void)state;
    static struct stage s;
    begin(&s, &spoke_schema_date_time, NULL, 1);
    assert_true(next(&s));
    assert_true(spoke_str_equal(s.json, SPOKE_STR("\"2026-03-04T05:06:07Z\"")));
    end(&s);
    begin(&s, &spoke_schema_date, NULL, 1);
    s.memory.unix_ms = 1772600767000;
    assert_true(next(&s));
    assert_true(spoke_str_equal(s.json, SPOKE_STR("\"2026-03-04\"")));
    end(&s);
}

static void too_little_room_is_told_by_the_writer(void **state)
{
    (void)state;
    static struct stage s;
    spoke_writer w;
    begin(&s, &spoke_schema_geopoint, NULL, 1);
    assert_true(next(&s));
    const size_t exact = s.json.len;
    end(&s);
    begin(&s, &spoke_schema_geopoint, NULL, 1);
    s.room[exact - 1] = 0xa5;
    spoke_writer_init(&w, s.room, exact - 1);
    assert_false(value_write(s.plan, &s.memory, &w));
    assert_int_equal(spoke_writer_finish(&w, &s.json), SPOKE_E_TOO_SMALL);
    assert_int_equal(s.room[exact - 1], 0xa5);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_schema_of_the_language_gets_values_that_fit),
        cmocka_unit_test(enums_arrays_maps_and_objects_fit),
        cmocka_unit_test(limits_of_the_template_are_kept_exactly),
        cmocka_unit_test(an_enum_without_values_has_none_and_a_list_of_it_is_empty),
        cmocka_unit_test(a_schema_that_contains_itself_ends),
        cmocka_unit_test(a_required_field_that_never_ends_has_no_value),
        cmocka_unit_test(a_temperature_wanders_slowly_where_rooms_are),
        cmocka_unit_test(the_unit_decides_about_the_size_of_a_number),
        cmocka_unit_test(a_name_stands_in_for_a_semantic_type),
        cmocka_unit_test(a_counter_does_not_fall),
        cmocka_unit_test(a_number_that_is_led_comes_near_its_target),
        cmocka_unit_test(a_target_beyond_the_range_leads_to_its_end),
        cmocka_unit_test(a_number_that_is_led_to_the_end_of_its_type_stays_in_it),
        cmocka_unit_test(one_seed_gives_one_sequence_and_another_seed_another),
        cmocka_unit_test(dates_and_times_are_those_of_the_clock),
        cmocka_unit_test(too_little_room_is_told_by_the_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
