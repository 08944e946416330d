#include "support/support.h"

#include <string.h>

static spoke_status check(const char *text)
{
    return spoke_json_check(spoke_str_of(text));
}

static void every_kind_of_value_is_accepted(void **state)
{
    (void)state;
    static const char *const good[] = {"{}",
                                       "[]",
                                       "\"\"",
                                       "true",
                                       "false",
                                       "null",
                                       "0",
                                       "-0",
                                       "10",
                                       "-1.5e+10",
                                       "1E-2",
                                       " \t\r\n[ 1 , 2 ] \n",
                                       "{\"a\":{\"b\":[1,{},[],\"x\"]},\"c\":null}",
                                       "{\"\":0,\"\":1}",
                                       "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uD83D\\uDE00\"",
                                       "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\x7F\""};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_ok(check(good[i]));
}

static void what_the_grammar_lacks_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",          " ",        "{",        "}",          "[",
                                      "]",         "[1",       "[1,",      "[1,]",       "[,1]",
                                      "[1 2]",     "[1}",      "{]",       "{,}",        "{1:2}",
                                      "{\"a\"}",   "{\"a\":}", "{\"a\"1}", "{\"a\":1,}", "{\"a\":1 \"b\":2}",
                                      "{\"a\":1]", "{a:1}",    "{'a':1}",  "tru",        "truE",
                                      "nul",       "True",     "nan",      "NaN",        "Infinity",
                                      "-",         "+1",       "01",       "-01",        "1.",
                                      ".5",        "1e",       "1e+",      "0x10",       "1.e5",
                                      "--1",       "1 2",      "{}{}",     "[]x",        "\"a",
                                      "\"",        "\"\\\"",   "\"\\x\"",  "\"\\u12\"",  "\"\\u123G\"",
                                      "\"\n\"",    "\"\t\"",   "\"\x1F\"", "/**/1",      "\xEF\xBB\xBF{}",
                                      "[1]]"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (check(bad[i]) != SPOKE_E_JSON)
            print_error("accepted: %s\n", bad[i]);
        assert_int_equal(check(bad[i]), SPOKE_E_JSON);
    }
}

static void lone_and_swapped_surrogates_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"\"\\uD800\"",        "\"\\uDFFF\"",        "\"\\uDC00\"",
                                      "\"\\uDC00\\uDC00\"", "\"\\uDBFF\\uDBFF\"", "\"\\uDE00\\uD83D\"",
                                      "\"\\uD83D\\u0041\"", "\"\\uD83Dx\"",       "\"\\uD83D\\n\"",
                                      "\"\\uD83D\\uDE0\"",  "\"\xED\xA0\x80\"",   "\"\\uD83D\\uE000\""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(check(bad[i]), SPOKE_E_JSON);
}

static void strings_must_be_utf8(void **state)
{
    (void)state;
    static const char *const bad[] = {"\"\x80\"", "\"\xC0\x80\"", "\"\xC3\"", "\"\xF5\x80\x80\x80\"",
                                      "{\"\xFF\":1}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(check(bad[i]), SPOKE_E_JSON);
    assert_int_equal(spoke_json_check(SPOKE_STR("\"a\0b\"")), SPOKE_E_JSON);
    assert_int_equal(spoke_json_check(SPOKE_STR("1\0")), SPOKE_E_JSON);
}

static void each_truncation_is_refused(void **state)
{
    (void)state;
    const spoke_str whole = SPOKE_STR("{\"a\":[1.5e3,\"\\uD83D\\uDE00\xC3\xA9\",{\"b\":null}],\"c\":false}");
    assert_ok(spoke_json_check(whole));
    for (size_t len = 0; len < whole.len; len++)
        assert_int_equal(spoke_json_check(spoke_str_from(whole.ptr, len)), SPOKE_E_JSON);
}

/* `depth` brackets of one kind, closed again. */
static spoke_str nest(char *memory, size_t depth, bool array)
{
    size_t len = 0;
    for (size_t i = 0; i < depth; i++) {
        const char *open = array ? "[" : i + 1 < depth ? "{\"k\":" : "{";
        memcpy(memory + len, open, strlen(open));
        len += strlen(open);
    }
    memset(memory + len, array ? ']' : '}', depth);
    return spoke_str_from(memory, len + depth);
}

static void nesting_ends_at_the_documented_depth(void **state)
{
    (void)state;
    char memory[8 * (SPOKE_JSON_DEPTH + 1)];
    for (int array = 0; array <= 1; array++) {
        assert_ok(spoke_json_check(nest(memory, SPOKE_JSON_DEPTH, array != 0)));
        assert_int_equal(spoke_json_check(nest(memory, SPOKE_JSON_DEPTH + 1, array != 0)), SPOKE_E_JSON);
    }
}

static void a_hundred_thousand_brackets_cost_no_stack(void **state)
{
    (void)state;
    static char brackets[100000];
    memset(brackets, '[', sizeof brackets);
    assert_int_equal(spoke_json_check(spoke_str_from(brackets, sizeof brackets)), SPOKE_E_JSON);
}

static void the_first_character_tells_the_type(void **state)
{
    (void)state;
    assert_int_equal(spoke_json_type(SPOKE_STR(" {}")), '{');
    assert_int_equal(spoke_json_type(SPOKE_STR("[")), '[');
    assert_int_equal(spoke_json_type(SPOKE_STR("\"x\"")), '"');
    assert_int_equal(spoke_json_type(SPOKE_STR("true")), 't');
    assert_int_equal(spoke_json_type(SPOKE_STR("false")), 'f');
    assert_int_equal(spoke_json_type(SPOKE_STR("null")), 'n');
    assert_int_equal(spoke_json_type(SPOKE_STR("-1")), '0');
    assert_int_equal(spoke_json_type(SPOKE_STR("9")), '0');
    assert_int_equal(spoke_json_type(SPOKE_STR("x")), 0);
    assert_int_equal(spoke_json_type(SPOKE_STR("")), 0);
}

static void scalars_are_read_with_space_around_them(void **state)
{
    (void)state;
    double number = 0;
    int64_t integer = 0;
    bool boolean = false;
    assert_ok(spoke_json_double(SPOKE_STR(" 21.5\n"), &number));
    assert_true(number == 21.5);
    assert_ok(spoke_json_double(SPOKE_STR("3"), &number));
    assert_true(number == 3.0);
    assert_ok(spoke_json_int(SPOKE_STR("-9223372036854775808"), &integer));
    assert_true(integer == INT64_MIN);
    assert_ok(spoke_json_bool(SPOKE_STR("true "), &boolean));
    assert_true(boolean);
    assert_ok(spoke_json_bool(SPOKE_STR("false"), &boolean));
    assert_false(boolean);
}

static void scalars_of_another_kind_leave_the_output_alone(void **state)
{
    (void)state;
    static const char *const others[] = {"", "\"1\"", "null", "{}", "[1]", "1x", "0x1", "1 1", "truex", "+1"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        double number = 7;
        int64_t integer = 7;
        bool boolean = true;
        assert_int_equal(spoke_json_double(spoke_str_of(others[i]), &number), SPOKE_E_JSON);
        assert_int_equal(spoke_json_int(spoke_str_of(others[i]), &integer), SPOKE_E_JSON);
        assert_int_equal(spoke_json_bool(spoke_str_of(others[i]), &boolean), SPOKE_E_JSON);
        assert_true(number == 7 && integer == 7 && boolean);
    }
    int64_t integer = 7;
    double number = 7;
    assert_int_equal(spoke_json_int(SPOKE_STR("0.5"), &integer), SPOKE_E_JSON);
    assert_int_equal(spoke_json_double(SPOKE_STR("1e999"), &number), SPOKE_E_JSON);
    assert_int_equal(spoke_json_int(SPOKE_STR("9223372036854775808"), &integer), SPOKE_E_JSON);
    assert_true(integer == 7 && number == 7);
}

static void text_is_unescaped(void **state)
{
    (void)state;
    char memory[64];
    spoke_buf out = spoke_buf_from(memory, sizeof memory);
    assert_ok(spoke_json_text(SPOKE_STR(" \"a\\\"\\\\\\/\\n\\u0041\\u00e9\\uD83D\\uDE00\\uFFFDz\" "), &out));
    assert_str(spoke_buf_str(&out), "a\"\\/\nA\xC3\xA9\xF0\x9F\x98\x80\xEF\xBF\xBDz");
    assert_ok(spoke_json_text(SPOKE_STR("\"\""), &out));
    out.len = 0;
    assert_ok(spoke_json_text(SPOKE_STR("\"\\u0000\""), &out));
    assert_int_equal(out.len, 1);
    assert_int_equal(memory[0], 0);
}

static void text_fits_exactly_or_not_at_all(void **state)
{
    (void)state;
    char memory[7] = "x!!!!!";
    spoke_buf out = {(uint8_t *)memory, 1, 5};
    assert_ok(spoke_json_text(SPOKE_STR("\"a\\u20ac\""), &out));
    assert_str(spoke_buf_str(&out), "xa\xE2\x82\xAC");
    assert_int_equal(memory[5], '!');
    out = (spoke_buf){(uint8_t *)memory, 1, 4};
    assert_int_equal(spoke_json_text(SPOKE_STR("\"a\\u20ac\""), &out), SPOKE_E_TOO_SMALL);
    assert_int_equal(out.len, 1);
}

static void text_of_something_else_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"a", "\"a", "a\"", "\"a\"b", "\"\\uD800\"", "1", "", "\"a\" \"b\""};
    char memory[16];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        spoke_buf out = spoke_buf_from(memory, sizeof memory);
        assert_int_equal(spoke_json_text(spoke_str_of(bad[i]), &out), SPOKE_E_JSON);
        assert_int_equal(out.len, 0);
    }
}

static void members_come_in_order_as_views_of_the_text(void **state)
{
    (void)state;
    const spoke_str text = SPOKE_STR(" { \"a\" : 1 , \"b\\n\":[2, 3],\"\":{ } } ");
    spoke_json_cursor at;
    spoke_str key, value;
    assert_ok(spoke_json_enter(text, &at));
    assert_false(at.array);
    assert_ok(spoke_json_member(&at, &key, &value));
    assert_str(key, "a");
    assert_str(value, "1");
    assert_true(value.ptr > text.ptr && value.ptr < text.ptr + text.len);
    assert_ok(spoke_json_member(&at, &key, &value));
    assert_str(key, "b\\n");
    assert_str(value, "[2, 3]");
    assert_ok(spoke_json_member(&at, &key, &value));
    assert_str(key, "");
    assert_str(value, "{ }");
    assert_int_equal(spoke_json_member(&at, &key, &value), SPOKE_E_NOT_FOUND);
    assert_int_equal(spoke_json_member(&at, &key, &value), SPOKE_E_NOT_FOUND);
    assert_str(value, "{ }");
}

static void elements_of_an_array_have_no_key(void **state)
{
    (void)state;
    spoke_json_cursor at;
    spoke_str key = SPOKE_STR("old"), value;
    assert_ok(spoke_json_enter(SPOKE_STR("[1,\"two\",[3]]"), &at));
    assert_true(at.array);
    assert_ok(spoke_json_member(&at, &key, &value));
    assert_int_equal(key.len, 0);
    assert_str(value, "1");
    assert_ok(spoke_json_member(&at, &key, &value));
    assert_str(value, "\"two\"");
    assert_ok(spoke_json_member(&at, &key, &value));
    assert_str(value, "[3]");
    assert_int_equal(spoke_json_member(&at, &key, &value), SPOKE_E_NOT_FOUND);
}

static void empty_brackets_end_at_once(void **state)
{
    (void)state;
    spoke_json_cursor at;
    spoke_str key, value;
    assert_ok(spoke_json_enter(SPOKE_STR("{ }"), &at));
    assert_int_equal(spoke_json_member(&at, &key, &value), SPOKE_E_NOT_FOUND);
    assert_ok(spoke_json_enter(SPOKE_STR("[]"), &at));
    assert_int_equal(spoke_json_member(&at, &key, &value), SPOKE_E_NOT_FOUND);
}

/* Walks to the end; *count members came before it. */
static spoke_status walk(spoke_str text, size_t *count)
{
    spoke_json_cursor at;
    spoke_str key, value;
    spoke_status status = spoke_json_enter(text, &at);
    *count = 0;
    while (status == SPOKE_OK && (status = spoke_json_member(&at, &key, &value)) == SPOKE_OK)
        *count += 1;
    if (status == SPOKE_E_JSON && *count > 0)
        assert_int_equal(spoke_json_member(&at, &key, &value), SPOKE_E_JSON);
    return status;
}

static void a_broken_tail_ends_the_walk_in_an_error(void **state)
{
    (void)state;
    static const char *const bad[] = {"{\"a\":1",
                                      "{\"a\":1,",
                                      "{\"a\":1,}",
                                      "{\"a\":1]",
                                      "{\"a\":1 \"b\":2}",
                                      "{\"a\":1}x",
                                      "{\"a\":1}}",
                                      "{\"a\":1,\"b\"}",
                                      "{\"a\":1,\"b\":}",
                                      "{\"a\":1,b:2}",
                                      "{\"a\":1,\"b\":[}}",
                                      "{\"a\":1,\"\\uD800\":2}",
                                      "[1,]",
                                      "[1 2]",
                                      "[1}"};
    size_t count;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(walk(spoke_str_of(bad[i]), &count), SPOKE_E_JSON);
        assert_int_equal(count, 1);
    }
    assert_int_equal(walk(SPOKE_STR("{,\"a\":1}"), &count), SPOKE_E_JSON);
    assert_int_equal(walk(SPOKE_STR("[,1]"), &count), SPOKE_E_JSON);
}

static void each_truncation_ends_the_walk_in_an_error(void **state)
{
    (void)state;
    const spoke_str whole = SPOKE_STR("{\"a\":[1,{\"x\":2}],\"b\":\"\\u00e9\",\"c\":-1.5e3}");
    size_t count;
    assert_int_equal(walk(whole, &count), SPOKE_E_NOT_FOUND);
    assert_int_equal(count, 3);
    for (size_t len = 0; len < whole.len; len++)
        assert_int_equal(walk(spoke_str_from(whole.ptr, len), &count), SPOKE_E_JSON);
}

static void only_brackets_can_be_entered(void **state)
{
    (void)state;
    static const char *const others[] = {"", " ", "1", "\"{}\"", "null", "}"};
    spoke_json_cursor at;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(spoke_json_enter(spoke_str_of(others[i]), &at), SPOKE_E_JSON);
}

static void keys_match_through_their_escapes(void **state)
{
    (void)state;
    assert_true(spoke_json_key_is(SPOKE_STR("value"), SPOKE_STR("value")));
    assert_true(spoke_json_key_is(SPOKE_STR("v\\u0061lue"), SPOKE_STR("value")));
    assert_true(spoke_json_key_is(SPOKE_STR("\\uD83D\\uDE00\\/"), SPOKE_STR("\xF0\x9F\x98\x80/")));
    assert_true(spoke_json_key_is(SPOKE_STR("\\u0000"), SPOKE_STR("\0")));
    assert_true(spoke_json_key_is(SPOKE_STR(""), SPOKE_STR("")));
    assert_false(spoke_json_key_is(SPOKE_STR("value"), SPOKE_STR("valu")));
    assert_false(spoke_json_key_is(SPOKE_STR("valu"), SPOKE_STR("value")));
    assert_false(spoke_json_key_is(SPOKE_STR("v\\u0062lue"), SPOKE_STR("value")));
    assert_false(spoke_json_key_is(SPOKE_STR("a\\"), SPOKE_STR("a")));
    assert_false(spoke_json_key_is(SPOKE_STR("a\\n"), SPOKE_STR("a\\n")));
}

static void the_first_of_equal_keys_is_found(void **state)
{
    (void)state;
    spoke_str value;
    assert_ok(spoke_json_find(SPOKE_STR("{\"a\":1,\"b\":2,\"a\":3}"), "a", &value));
    assert_str(value, "1");
    assert_ok(spoke_json_find(SPOKE_STR("{\"x\":{\"a\":1},\"\\u0061\": [2] }"), "a", &value));
    assert_str(value, "[2]");
    assert_ok(spoke_json_find(SPOKE_STR("{\"\":0}"), "", &value));
    assert_str(value, "0");
}

static void a_key_that_is_not_there_is_told_from_broken_text(void **state)
{
    (void)state;
    spoke_str value = SPOKE_STR("old");
    assert_int_equal(spoke_json_find(SPOKE_STR("{\"a\":1}"), "b", &value), SPOKE_E_NOT_FOUND);
    assert_int_equal(spoke_json_find(SPOKE_STR("{}"), "b", &value), SPOKE_E_NOT_FOUND);
    assert_int_equal(spoke_json_find(SPOKE_STR("{\"a\":1"), "b", &value), SPOKE_E_JSON);
    assert_int_equal(spoke_json_find(SPOKE_STR("{\"b\":tru}"), "b", &value), SPOKE_E_JSON);
    assert_int_equal(spoke_json_find(SPOKE_STR("[\"b\"]"), "", &value), SPOKE_E_JSON);
    assert_int_equal(spoke_json_find(SPOKE_STR("5"), "b", &value), SPOKE_E_JSON);
    assert_str(value, "old");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_value_is_accepted),
        cmocka_unit_test(what_the_grammar_lacks_is_refused),
        cmocka_unit_test(lone_and_swapped_surrogates_are_refused),
        cmocka_unit_test(strings_must_be_utf8),
        cmocka_unit_test(each_truncation_is_refused),
        cmocka_unit_test(nesting_ends_at_the_documented_depth),
        cmocka_unit_test(a_hundred_thousand_brackets_cost_no_stack),
        cmocka_unit_test(the_first_character_tells_the_type),
        cmocka_unit_test(scalars_are_read_with_space_around_them),
        cmocka_unit_test(scalars_of_another_kind_leave_the_output_alone),
        cmocka_unit_test(text_is_unescaped),
        cmocka_unit_test(text_fits_exactly_or_not_at_all),
        cmocka_unit_test(text_of_something_else_is_refused),
        cmocka_unit_test(members_come_in_order_as_views_of_the_text),
        cmocka_unit_test(elements_of_an_array_have_no_key),
        cmocka_unit_test(empty_brackets_end_at_once),
        cmocka_unit_test(a_broken_tail_ends_the_walk_in_an_error),
        cmocka_unit_test(each_truncation_ends_the_walk_in_an_error),
        cmocka_unit_test(only_brackets_can_be_entered),
        cmocka_unit_test(keys_match_through_their_escapes),
        cmocka_unit_test(the_first_of_equal_keys_is_found),
        cmocka_unit_test(a_key_that_is_not_there_is_told_from_broken_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
