#include "support/support.h"

#include "base/base64.h"

/* RFC 4648 section 10 */
static const char *const vectors[][2] = {{"", ""},
                                         {"f", "Zg=="},
                                         {"fo", "Zm8="},
                                         {"foo", "Zm9v"},
                                         {"foob", "Zm9vYg=="},
                                         {"fooba", "Zm9vYmE="},
                                         {"foobar", "Zm9vYmFy"}};

static void the_vectors_of_the_rfc_come_out_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        char memory[16];
        spoke_buf out = spoke_buf_from(memory, sizeof memory);
        assert_ok(base64_encode(spoke_str_of(vectors[i][0]), &out));
        assert_str(spoke_buf_str(&out), vectors[i][1]);
        out.len = 0;
        assert_ok(base64_decode(spoke_str_of(vectors[i][1]), &out));
        assert_str(spoke_buf_str(&out), vectors[i][0]);
    }
}

static void every_byte_comes_back_at_every_length(void **state)
{
    (void)state;
    char bytes[256], text[344], back[256];
    for (int i = 0; i < 256; i++)
        bytes[i] = (char)(i * 7 + 3);
    for (size_t len = 0; len <= sizeof bytes; len++) {
        spoke_buf encoded = spoke_buf_from(text, sizeof text);
        spoke_buf decoded = spoke_buf_from(back, len);
        assert_ok(base64_encode(spoke_str_from(bytes, len), &encoded));
        assert_ok(base64_decode(spoke_buf_str(&encoded), &decoded));
        assert_int_equal(decoded.len, len);
        assert_memory_equal(back, bytes, len);
    }
}

static void only_the_canonical_spelling_is_taken(void **state)
{
    (void)state;
    static const char *const bad[] = {"Z",    "Zg",       "Zg=",      "Zm9vZ",      "====",      "=AAA",
                                      "A===", "Zg=a",     "Zh==", /* bits set */
                                      "Zm9=", "Zg==Zg==", "Zm8=Zm9v", "Zm9v====",   "Zm9v\nZg=", "Zm 9",
                                      "Zm-9", "Zm_9",     "Zm{9",     "Zm9v\r\n==", "key=",      "Zm9\xC3"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char memory[16] = "x";
        spoke_buf out = {(uint8_t *)memory, 1, sizeof memory};
        assert_int_equal(base64_decode(spoke_str_of(bad[i]), &out), SPOKE_E_ARG);
        assert_int_equal(out.len, 1);
    }
}

static void each_truncation_is_refused_or_shorter(void **state)
{
    (void)state;
    const spoke_str whole = SPOKE_STR("Zm9vYmFy");
    for (size_t len = 0; len < whole.len; len++) {
        char memory[16];
        spoke_buf out = spoke_buf_from(memory, sizeof memory);
        assert_int_equal(base64_decode(spoke_str_from(whole.ptr, len), &out),
                         len % 4 == 0 ? SPOKE_OK : SPOKE_E_ARG);
        assert_int_equal(out.len, len % 4 == 0 ? len / 4 * 3 : 0);
    }
}

static void encoding_fits_exactly_or_not_at_all(void **state)
{
    (void)state;
    char memory[9] = "!!!!!!!!";
    spoke_buf out = spoke_buf_from(memory, 8);
    assert_ok(base64_encode(SPOKE_STR("fooba"), &out));
    assert_str(spoke_buf_str(&out), "Zm9vYmE=");
    assert_int_equal(memory[8], '\0');
    out = spoke_buf_from(memory, 7);
    assert_int_equal(base64_encode(SPOKE_STR("fooba"), &out), SPOKE_E_TOO_SMALL);
    assert_int_equal(out.len, 0);
    out = spoke_buf_from(memory, 8);
    out.len = 1; /* behind what is there already */
    assert_int_equal(base64_encode(SPOKE_STR("fooba"), &out), SPOKE_E_TOO_SMALL);
    assert_int_equal(out.len, 1);
}

static void decoding_fits_exactly_or_not_at_all(void **state)
{
    (void)state;
    char memory[6] = "!!!!!";
    spoke_buf out = spoke_buf_from(memory, 4);
    assert_ok(base64_decode(SPOKE_STR("Zm9vYg=="), &out));
    assert_str(spoke_buf_str(&out), "foob");
    assert_int_equal(memory[4], '!');
    out = spoke_buf_from(memory, 3);
    assert_int_equal(base64_decode(SPOKE_STR("Zm9vYg=="), &out), SPOKE_E_TOO_SMALL);
    assert_int_equal(out.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_the_rfc_come_out_both_ways),
        cmocka_unit_test(every_byte_comes_back_at_every_length),
        cmocka_unit_test(only_the_canonical_spelling_is_taken),
        cmocka_unit_test(each_truncation_is_refused_or_shorter),
        cmocka_unit_test(encoding_fits_exactly_or_not_at_all),
        cmocka_unit_test(decoding_fits_exactly_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
