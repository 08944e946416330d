#include "support/support.h"

#include <string.h>

#include "base/url.h"

static void all_but_the_unreserved_is_escaped_in_upper_case(void **state)
{
    (void)state;
    char memory[64];
    spoke_buf out = spoke_buf_from(memory, sizeof memory);
    assert_ok(url_encode(SPOKE_STR("AZaz09-_.~"), &out));
    assert_str(spoke_buf_str(&out), "AZaz09-_.~");
    out.len = 0;
    assert_ok(url_encode(SPOKE_STR("a/b:c +%!'()*\xC3\xA9"), &out));
    assert_str(spoke_buf_str(&out), "a%2Fb%3Ac%20%2B%25%21%27%28%29%2A%C3%A9");
}

static void decoding_takes_either_case_and_leaves_plus_alone(void **state)
{
    (void)state;
    char memory[64];
    spoke_buf out = spoke_buf_from(memory, sizeof memory);
    assert_ok(url_decode(SPOKE_STR("a%2fb%2Fc+d%25%C3%a9"), &out));
    assert_str(spoke_buf_str(&out), "a/b/c+d%\xC3\xA9");
}

static void every_byte_comes_back(void **state)
{
    (void)state;
    char all[256], encoded[768], decoded[256];
    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    spoke_buf out = spoke_buf_from(encoded, sizeof encoded);
    spoke_buf back = spoke_buf_from(decoded, sizeof decoded);
    assert_ok(url_encode(spoke_str_from(all, sizeof all), &out));
    assert_int_equal(out.len, 66 + 190 * 3);
    assert_ok(url_decode(spoke_buf_str(&out), &back));
    assert_int_equal(back.len, 256);
    assert_memory_equal(decoded, all, 256);
}

static void broken_escapes_are_refused_and_leave_the_output_alone(void **state)
{
    (void)state;
    static const char *const bad[] = {"abc%", "abc%2", "abc%2G", "abc%G2", "%%41", "abc% 1", "%-1"};
    char memory[16] = "x";
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        spoke_buf out = {(uint8_t *)memory, 1, sizeof memory};
        assert_int_equal(url_decode(spoke_str_of(bad[i]), &out), SPOKE_E_PROTOCOL);
        assert_int_equal(out.len, 1);
    }
}

static void both_fit_exactly_or_not_at_all(void **state)
{
    (void)state;
    char memory[8] = "x!!!!!!";
    spoke_buf out = {(uint8_t *)memory, 1, 5};
    assert_ok(url_encode(SPOKE_STR("a/"), &out));
    assert_str(spoke_buf_str(&out), "xa%2F");
    assert_int_equal(memory[5], '!');
    out = (spoke_buf){(uint8_t *)memory, 1, 4};
    assert_int_equal(url_encode(SPOKE_STR("a/"), &out), SPOKE_E_TOO_SMALL);
    assert_int_equal(out.len, 1);

    out = spoke_buf_from(memory, 2);
    memory[2] = '!';
    assert_ok(url_decode(SPOKE_STR("%41%42"), &out));
    assert_str(spoke_buf_str(&out), "AB");
    assert_int_equal(memory[2], '!');
    out = spoke_buf_from(memory, 1);
    assert_int_equal(url_decode(SPOKE_STR("%41%42"), &out), SPOKE_E_TOO_SMALL);
    assert_int_equal(out.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_but_the_unreserved_is_escaped_in_upper_case),
        cmocka_unit_test(decoding_takes_either_case_and_leaves_plus_alone),
        cmocka_unit_test(every_byte_comes_back),
        cmocka_unit_test(broken_escapes_are_refused_and_leave_the_output_alone),
        cmocka_unit_test(both_fit_exactly_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
