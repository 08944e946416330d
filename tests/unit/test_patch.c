/* Two merge patches as one: every rule of RFC 7386 that touches two in a row. */
#include <string.h>

#include <spoke/proto/twin.h>

#include "support/support.h"

static char out[4096];

static spoke_status compose(const char *older, const char *newer)
{
    spoke_buf buf = spoke_buf_from(out, sizeof out - 1);
    const spoke_status status = spoke_patch_compose(spoke_str_of(older), spoke_str_of(newer), &buf);
    out[buf.len] = '\0';
    return status;
}

static void expect(const char *older, const char *newer, const char *both)
{
    assert_ok(compose(older, newer));
    assert_string_equal(out, both);
}

static void members_of_either_stand_side_by_side(void **state)
{
    (void)state;
    expect("{\"a\":1}", "{\"b\":2}", "{\"a\":1,\"b\":2}");
    expect("{}", "{\"b\":2}", "{\"b\":2}");
    expect("{\"a\":1}", "{}", "{\"a\":1}");
    expect(" { } ", "{}", "{}");
}

static void the_newer_value_wins(void **state)
{
    (void)state;
    expect("{\"a\":1,\"b\":1}", "{\"a\":[2]}", "{\"b\":1,\"a\":[2]}");
    expect("{\"a\":{\"x\":1}}", "{\"a\":null}", "{\"a\":null}");
    expect("{\"a\":null}", "{\"a\":1}", "{\"a\":1}");
}

static void a_deletion_stays_a_deletion(void **state)
{
    (void)state;
    expect("{\"a\":null}", "{\"b\":null}", "{\"a\":null,\"b\":null}");
}

static void objects_in_both_are_composed_within(void **state)
{
    (void)state;
    expect("{\"c\":{\"__t\":\"c\",\"x\":1,\"z\":{\"p\":1}}}", "{\"c\":{\"__t\":\"c\",\"y\":2,\"z\":{\"q\":null}}}",
           "{\"c\":{\"x\":1,\"__t\":\"c\",\"y\":2,\"z\":{\"p\":1,\"q\":null}}}");
}

/* {"a":1} then {"a":{"x":2}} leaves exactly {"x":2}; one patch would leave what was in "a" before, too. */
static void an_object_over_something_else_cannot_be_said_in_one(void **state)
{
    (void)state;
    assert_int_equal(compose("{\"a\":1}", "{\"a\":{\"x\":2}}"), SPOKE_E_UNSUPPORTED);
    assert_int_equal(compose("{\"a\":null}", "{\"a\":{\"x\":2}}"), SPOKE_E_UNSUPPORTED);
    assert_int_equal(compose("{\"a\":{\"b\":[]}}", "{\"a\":{\"b\":{}}}"), SPOKE_E_UNSUPPORTED);
    assert_string_equal(out, "");
}

static void names_are_the_same_however_they_are_escaped(void **state)
{
    (void)state;
    expect("{\"\\u0061\":1}", "{\"a\":2}", "{\"a\":2}");
    expect("{\"\\u00e9\":1}", "{\"\xc3\xa9\":2}", "{\"\xc3\xa9\":2}");
    expect("{\"\\ud83d\\ude00\":1}", "{\"\xf0\x9f\x98\x80\":2}", "{\"\xf0\x9f\x98\x80\":2}");
    expect("{\"a\":1}", "{\"a\\n\":2}", "{\"a\":1,\"a\\n\":2}");
    expect("{\"a\\n\":1}", "{\"a\\t\":2}", "{\"a\\n\":1,\"a\\t\":2}");
}

static void a_name_that_stands_twice_is_not_decided_here(void **state)
{
    (void)state;
    assert_int_equal(compose("{\"a\":1}", "{\"a\":1,\"a\":2}"), SPOKE_E_UNSUPPORTED);
    assert_int_equal(compose("{\"a\":{},\"a\":{}}", "{\"a\":{}}"), SPOKE_E_UNSUPPORTED);
}

static void what_is_no_object_is_refused(void **state)
{
    (void)state;
    assert_int_equal(compose("[]", "{}"), SPOKE_E_JSON);
    assert_int_equal(compose("{}", "1"), SPOKE_E_JSON);
    assert_int_equal(compose("", "{}"), SPOKE_E_JSON);
    assert_int_equal(compose("{\"a\":1", "{}"), SPOKE_E_JSON);
    assert_int_equal(compose("{\"a\":1}", "{\"b\"}"), SPOKE_E_JSON);
    assert_int_equal(compose("{\"a\":1}", "{\"a\":1} x"), SPOKE_E_JSON);
    assert_int_equal(compose("{\"a\":{}", "{\"a\":{}}"), SPOKE_E_JSON);
}

static void deep(char *text, unsigned depth)
{
    text[0] = '\0';
    for (unsigned i = 0; i < depth; i++)
        strcat(text, "{\"k\":");
    strcat(text, "1");
    for (unsigned i = 0; i < depth; i++)
        strcat(text, "}");
}

static void depth_is_bounded_by_what_a_twin_may_have(void **state)
{
    (void)state;
    char text[512];
    deep(text, SPOKE_MAX_TWIN_DEPTH);
    expect(text, text, text);
    deep(text, SPOKE_MAX_TWIN_DEPTH + 1);
    assert_int_equal(compose(text, text), SPOKE_E_UNSUPPORTED);
}

static void output_fits_exactly_or_not_at_all(void **state)
{
    (void)state;
    const spoke_str older = SPOKE_STR("{\"a\":{\"x\":1},\"b\":2}"), newer = SPOKE_STR("{\"a\":{\"y\":2}}");
    const char *both = "{\"b\":2,\"a\":{\"x\":1,\"y\":2}}";
    uint8_t memory[64];
    for (size_t cap = 0; cap <= strlen(both) + 3; cap++) {
        memset(memory, 0xCC, sizeof memory);
        spoke_buf buf = spoke_buf_from(memory, cap);
        const spoke_status status = cap < 3 ? SPOKE_OK : spoke_buf_append(&buf, SPOKE_STR("###"));
        assert_ok(status);
        const size_t before = buf.len;
        const bool fits = cap - before >= strlen(both) && cap >= 3;
        assert_int_equal(spoke_patch_compose(older, newer, &buf), fits ? SPOKE_OK : SPOKE_E_TOO_SMALL);
        assert_int_equal(buf.len, fits ? before + strlen(both) : before);
        assert_int_equal(memory[cap], 0xCC);
    }
}

#define claim(test) cmocka_unit_test(test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        claim(members_of_either_stand_side_by_side),
        claim(the_newer_value_wins),
        claim(a_deletion_stays_a_deletion),
        claim(objects_in_both_are_composed_within),
        claim(an_object_over_something_else_cannot_be_said_in_one),
        claim(names_are_the_same_however_they_are_escaped),
        claim(a_name_that_stands_twice_is_not_decided_here),
        claim(what_is_no_object_is_refused),
        claim(depth_is_bounded_by_what_a_twin_may_have),
        claim(output_fits_exactly_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
