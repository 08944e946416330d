#include "support/support.h"

#include "base/utf8.h"

static void the_first_and_last_of_each_length_are_well_formed(void **state)
{
    (void)state;
    static const struct {
        uint32_t scalar;
        const char *bytes;
    } edges[] = {{0x1, "\x01"},
                 {0x7F, "\x7F"},
                 {0x80, "\xC2\x80"},
                 {0x7FF, "\xDF\xBF"},
                 {0x800, "\xE0\xA0\x80"},
                 {0xD7FF, "\xED\x9F\xBF"},
                 {0xE000, "\xEE\x80\x80"},
                 {0xFFFF, "\xEF\xBF\xBF"},
                 {0x10000, "\xF0\x90\x80\x80"},
                 {0x40000, "\xF1\x80\x80\x80"},
                 {0x10FFFF, "\xF4\x8F\xBF\xBF"}};
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        const spoke_str bytes = spoke_str_of(edges[i].bytes);
        uint8_t memory[4];
        spoke_buf out = spoke_buf_from(memory, sizeof memory);
        assert_int_equal(utf8_length(bytes, 0), bytes.len);
        assert_true(spoke_utf8_valid(bytes));
        assert_ok(utf8_append(edges[i].scalar, &out));
        assert_str(spoke_buf_str(&out), edges[i].bytes);
    }
}

static void each_truncation_is_malformed(void **state)
{
    (void)state;
    static const char *const whole[] = {"\xC2\x80", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        const spoke_str bytes = spoke_str_of(whole[i]);
        for (size_t len = 1; len < bytes.len; len++)
            assert_int_equal(utf8_length(spoke_str_from(bytes.ptr, len), 0), 0);
    }
}

static void overlong_forms_surrogates_and_strays_are_malformed(void **state)
{
    (void)state;
    static const char *const bad[] = {"\x80",
                                      "\xBF",
                                      "\xC0\x80",
                                      "\xC1\xBF",
                                      "\xC2\x7F",
                                      "\xC2\xC2",
                                      "\xE0\x9F\xBF",
                                      "\xED\xA0\x80",
                                      "\xED\xBF\xBF",
                                      "\xE2\x82\x7F",
                                      "\xF0\x8F\xBF\xBF",
                                      "\xF4\x90\x80\x80",
                                      "\xF5\x80\x80\x80",
                                      "\xF0\x9F\x98\xC0",
                                      "\xFE",
                                      "\xFF"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(utf8_length(spoke_str_of(bad[i]), 0), 0);
        assert_false(spoke_utf8_valid(spoke_str_of(bad[i])));
    }
}

static void a_text_is_valid_when_all_of_it_is(void **state)
{
    (void)state;
    assert_true(spoke_utf8_valid(SPOKE_STR("")));
    assert_true(spoke_utf8_valid(SPOKE_STR("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z")));
    assert_false(spoke_utf8_valid(SPOKE_STR("good then \xC3")));
    assert_false(spoke_utf8_valid(SPOKE_STR("a\0b")));
}

static void appending_a_character_fits_exactly_or_not_at_all(void **state)
{
    (void)state;
    uint8_t memory[5] = {0, 0, 0, 0, '!'};
    spoke_buf out = spoke_buf_from(memory, 3);
    assert_int_equal(utf8_append(0x1F600, &out), SPOKE_E_TOO_SMALL);
    assert_int_equal(out.len, 0);
    out = spoke_buf_from(memory, 4);
    assert_ok(utf8_append(0x1F600, &out));
    assert_int_equal(out.len, 4);
    assert_int_equal(memory[4], '!');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_and_last_of_each_length_are_well_formed),
        cmocka_unit_test(each_truncation_is_malformed),
        cmocka_unit_test(overlong_forms_surrogates_and_strays_are_malformed),
        cmocka_unit_test(a_text_is_valid_when_all_of_it_is),
        cmocka_unit_test(appending_a_character_fits_exactly_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
