#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spoke/proto/sas.h>

#include "base/base64.h"
#include "base/url.h"
#include "crypto/crypto.h"

/* --- the vectors --- */

struct key {
    uint8_t bytes[64];
    spoke_buf buf;
};

static void key_from_base64(struct key *key, spoke_str text)
{
    key->buf = spoke_buf_from(key->bytes, sizeof key->bytes);
    assert_ok(base64_decode(text, &key->buf));
}

static spoke_status hmac_of_key(void *ctx, spoke_str message, uint8_t mac[32])
{
    const struct key *key = ctx;
    return crypto_hmac_sha256(spoke_buf_str(&key->buf), message, mac);
}

/* Unescaped member of a vector; static storage of one test. */
static spoke_str text_of(spoke_str vector, const char *name, char *memory, size_t cap)
{
    spoke_buf out = spoke_buf_from(memory, cap);
    spoke_str value;
    assert_ok(spoke_json_find(vector, name, &value));
    assert_ok(spoke_json_text(value, &out));
    return spoke_buf_str(&out);
}

static bool flag_of(spoke_str vector, const char *name)
{
    spoke_str value;
    bool flag = false;
    assert_ok(spoke_json_find(vector, name, &value));
    assert_ok(spoke_json_bool(value, &flag));
    return flag;
}

/* Calls `use` with each vector of one list. */
static void for_each_vector(const char *list, size_t expected, void (*use)(spoke_str vector))
{
    size_t len = 0, count = 0;
    char *file = test_read_file(SPOKE_TEST_DATA "/sas_vectors.json", &len);
    spoke_json_cursor at;
    spoke_str vectors, key, vector;
    assert_non_null(file);
    assert_ok(spoke_json_check(spoke_str_from(file, len)));
    assert_ok(spoke_json_find(spoke_str_from(file, len), list, &vectors));
    assert_ok(spoke_json_enter(vectors, &at));
    while (spoke_json_member(&at, &key, &vector) == SPOKE_OK) {
        use(vector);
        count++;
    }
    free(file);
    assert_int_equal(count, expected);
}

static void check_signature(spoke_str vector)
{
    char key_text[96], message[128], expected[64], signature[64];
    uint8_t mac[32];
    struct key key;
    spoke_buf out = spoke_buf_from(signature, sizeof signature - 1);
    key_from_base64(&key, text_of(vector, "key_base64", key_text, sizeof key_text));
    const spoke_str signed_text = text_of(vector, "message", message, sizeof message);
    const spoke_str wanted = text_of(vector, "signature_base64", expected, sizeof expected);
    assert_ok(hmac_of_key(&key, signed_text, mac));
    assert_ok(base64_encode(spoke_str_from((const char *)mac, sizeof mac), &out));
    assert_true(spoke_str_equal(spoke_buf_str(&out), wanted));
    if (!flag_of(vector, "derivation"))
        return;
    out.len = 0;
    assert_ok(spoke_sas_derive(signed_text, hmac_of_key, &key, &out));
    assert_true(spoke_str_equal(spoke_buf_str(&out), wanted));
}

static void every_published_signature_and_derived_key_is_reproduced(void **state)
{
    (void)state;
    for_each_vector("hmac", 8, check_signature);
}

/* As a service does: sign the raw text again and compare. */
static void check_token(spoke_str vector)
{
    char key_text[96], token_text[512], message[256], wanted[64], actual[64], resource[256], again[512];
    uint8_t mac[32];
    struct key key;
    spoke_sas_parts parts;
    spoke_buf signed_text = spoke_buf_from(message, sizeof message);
    spoke_buf theirs = spoke_buf_from(wanted, sizeof wanted), ours = spoke_buf_from(actual, sizeof actual);
    key_from_base64(&key, text_of(vector, "key_base64", key_text, sizeof key_text));
    const spoke_str token = text_of(vector, "token", token_text, sizeof token_text);
    assert_ok(spoke_sas_parse(token, &parts));
    assert_ok(spoke_buf_append(&signed_text, parts.sr));
    assert_ok(spoke_buf_append_byte(&signed_text, '\n'));
    assert_ok(spoke_buf_append(&signed_text, parts.se_text));
    assert_ok(hmac_of_key(&key, spoke_buf_str(&signed_text), mac));
    assert_ok(base64_encode(spoke_str_from((const char *)mac, sizeof mac), &ours));
    assert_ok(url_decode(parts.sig, &theirs));
    assert_true(spoke_str_equal(spoke_buf_str(&ours), spoke_buf_str(&theirs)));

    spoke_buf plain = spoke_buf_from(resource, sizeof resource), made = spoke_buf_from(again, sizeof again);
    assert_ok(url_decode(parts.sr, &plain));
    assert_ok(spoke_sas_token(spoke_buf_str(&plain), parts.se, parts.skn, hmac_of_key, &key, &made));
    assert_int_equal(spoke_str_equal(spoke_buf_str(&made), token), flag_of(vector, "ours"));
}

static void every_published_token_verifies_and_ours_are_made_byte_for_byte(void **state)
{
    (void)state;
    for_each_vector("tokens", 11, check_token);
}

/* --- making tokens --- */

static spoke_status zero_mac(void *ctx, spoke_str message, uint8_t mac[32])
{
    char *seen = ctx;
    if (seen != NULL)
        snprintf(seen, 128, "%.*s", (int)message.len, message.ptr);
    memset(mac, 0, 32);
    return SPOKE_OK;
}

static spoke_status broken_hmac(void *ctx, spoke_str message, uint8_t mac[32])
{
    (void)ctx;
    (void)message;
    memset(mac, 0, 32);
    return SPOKE_E_PORT;
}

#define ZERO_TOKEN \
    "SharedAccessSignature sr=scope%2Fregistrations%2Fa%20b&sig=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA%3D" \
    "&se=1893456000&skn=registration"

static void what_is_signed_is_the_encoded_resource_and_the_expiry(void **state)
{
    (void)state;
    char seen[128], memory[512];
    spoke_buf out = spoke_buf_from(memory, sizeof memory);
    assert_ok(spoke_sas_token(SPOKE_STR("scope/registrations/a b"), 1893456000, SPOKE_STR("registration"),
                              zero_mac, seen, &out));
    assert_string_equal(seen, "scope%2Fregistrations%2Fa%20b\n1893456000");
    assert_str(spoke_buf_str(&out), ZERO_TOKEN);
}

static void an_empty_key_name_is_left_out(void **state)
{
    (void)state;
    char memory[256];
    spoke_buf out = spoke_buf_from(memory, sizeof memory);
    assert_ok(spoke_sas_token(SPOKE_STR("h"), 0, SPOKE_STR(""), zero_mac, NULL, &out));
    assert_str(spoke_buf_str(&out),
               "SharedAccessSignature sr=h&sig=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA%3D&se=0");
}

static void a_token_fits_exactly_or_leaves_no_trace(void **state)
{
    (void)state;
    const size_t fit = sizeof ZERO_TOKEN - 1;
    for (size_t room = 0; room <= fit; room++) {
        char memory[256];
        memset(memory, '!', sizeof memory);
        spoke_buf out = {(uint8_t *)memory, 1, 1 + room};
        const spoke_status status = spoke_sas_token(SPOKE_STR("scope/registrations/a b"), 1893456000,
                                                    SPOKE_STR("registration"), zero_mac, NULL, &out);
        assert_int_equal(status, room == fit ? SPOKE_OK : SPOKE_E_TOO_SMALL);
        assert_int_equal(out.len, room == fit ? 1 + fit : 1);
        assert_int_equal(memory[1 + room], '!');
        assert_null(room == fit ? NULL : memchr(memory + 1, 'S', room));
    }
}

static void a_failing_signature_fails_the_token(void **state)
{
    (void)state;
    char memory[256];
    spoke_buf out = spoke_buf_from(memory, sizeof memory);
    assert_int_equal(spoke_sas_token(SPOKE_STR("h"), 1, SPOKE_STR(""), broken_hmac, NULL, &out), SPOKE_E_PORT);
    assert_int_equal(spoke_sas_derive(SPOKE_STR("id"), broken_hmac, NULL, &out), SPOKE_E_PORT);
    assert_int_equal(out.len, 0);
}

static void tokens_for_nothing_are_refused(void **state)
{
    (void)state;
    char memory[256];
    spoke_buf out = spoke_buf_from(memory, sizeof memory);
    assert_int_equal(spoke_sas_token(SPOKE_STR(""), 1, SPOKE_STR(""), zero_mac, NULL, &out), SPOKE_E_ARG);
    assert_int_equal(spoke_sas_token(SPOKE_STR("h"), -1, SPOKE_STR(""), zero_mac, NULL, &out), SPOKE_E_ARG);
    assert_int_equal(spoke_sas_token(SPOKE_STR("h"), 1, SPOKE_STR(""), NULL, NULL, &out), SPOKE_E_ARG);
    assert_int_equal(spoke_sas_derive(SPOKE_STR(""), zero_mac, NULL, &out), SPOKE_E_ARG);
    assert_int_equal(spoke_sas_derive(SPOKE_STR("id"), NULL, NULL, &out), SPOKE_E_ARG);
    assert_int_equal(out.len, 0);
}

static void a_derived_key_fits_exactly_or_not_at_all(void **state)
{
    (void)state;
    char memory[45] = {[44] = '!'};
    spoke_buf out = spoke_buf_from(memory, 44);
    assert_ok(spoke_sas_derive(SPOKE_STR("id"), zero_mac, NULL, &out));
    assert_str(spoke_buf_str(&out), "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    assert_int_equal(memory[44], '!');
    out = spoke_buf_from(memory, 43);
    assert_int_equal(spoke_sas_derive(SPOKE_STR("id"), zero_mac, NULL, &out), SPOKE_E_TOO_SMALL);
    assert_int_equal(out.len, 0);
}

/* --- renewal --- */

static void renewal_falls_between_80_and_85_percent(void **state)
{
    (void)state;
    assert_int_equal(spoke_sas_renew_after_s(3600, 0), 2880);
    assert_int_equal(spoke_sas_renew_after_s(3600, UINT32_MAX), 3060);
    assert_int_equal(spoke_sas_renew_after_s(3600, UINT32_MAX / 2), 2970);
    assert_int_equal(spoke_sas_renew_latest_s(3600), 3420);
}

static void renewal_of_any_lifetime_comes_before_its_end(void **state)
{
    (void)state;
    static const uint32_t lifetimes[] = {0, 1, 2, 10, 60, 3600, 86400, UINT32_MAX};
    for (size_t i = 0; i < sizeof lifetimes / sizeof lifetimes[0]; i++) {
        const uint32_t latest = spoke_sas_renew_latest_s(lifetimes[i]);
        assert_true(spoke_sas_renew_after_s(lifetimes[i], UINT32_MAX) <= latest);
        assert_true(latest < lifetimes[i] || lifetimes[i] == 0);
    }
}

/* --- taking tokens apart --- */

static void fields_come_in_any_order(void **state)
{
    (void)state;
    static const char *const tokens[] = {"SharedAccessSignature sr=h%2fd&sig=a%3d&se=12&skn=k",
                                         "SharedAccessSignature sig=a%3d&se=12&skn=k&sr=h%2fd",
                                         "SharedAccessSignature skn=k&se=12&sr=h%2fd&sig=a%3d",
                                         "SharedAccessSignature   sr=h%2fd & sig=a%3d &se=12& skn=k ",
                                         " SharedAccessSignature sr=h%2fd&new=1&sig=a%3d&se=12&skn=k"};
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        spoke_sas_parts parts;
        assert_ok(spoke_sas_parse(spoke_str_of(tokens[i]), &parts));
        assert_str(parts.sr, "h%2fd");
        assert_str(parts.sig, "a%3d");
        assert_str(parts.skn, "k");
        assert_str(parts.se_text, "12");
        assert_true(parts.se == 12);
    }
}

static void the_key_name_may_be_empty_or_missing(void **state)
{
    (void)state;
    spoke_sas_parts parts;
    assert_ok(spoke_sas_parse(SPOKE_STR("SharedAccessSignature sr=h&sig=a==&se=1&skn="), &parts));
    assert_int_equal(parts.skn.len, 0);
    assert_str(parts.sig, "a==");
    assert_ok(spoke_sas_parse(SPOKE_STR("SharedAccessSignature sr=h&sig=a&se=1"), &parts));
    assert_int_equal(parts.skn.len, 0);
}

static void what_is_not_a_token_leaves_the_output_alone(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "SharedAccessSignature",
        "SharedAccessSignature ",
        "sr=h&sig=a&se=1",
        "Bearer sr=h&sig=a&se=1",
        "sharedaccesssignature sr=h&sig=a&se=1",
        "SharedAccessSignaturesr=h&sig=a&se=1",
        "SharedAccessSignature sig=a&se=1",
        "SharedAccessSignature sr=h&se=1",
        "SharedAccessSignature sr=h&sig=a",
        "SharedAccessSignature sr=&sig=a&se=1",
        "SharedAccessSignature sr=h&sig=&se=1",
        "SharedAccessSignature sr=h&sig=a&se=",
        "SharedAccessSignature sr=h&sig=a&se=-1",
        "SharedAccessSignature sr=h&sig=a&se=1x",
        "SharedAccessSignature sr=h&sig=a&se=1.5",
        "SharedAccessSignature sr=h&sig=a&se=9999999999999999999",
        "SharedAccessSignature sr=h&sig=a&se=1&",
        "SharedAccessSignature sr=h&&sig=a&se=1",
        "SharedAccessSignature sr=h&sig=a&se=1&skn",
        "SharedAccessSignature sr=h&sig=a&se=1&sr=h2",
        "SharedAccessSignature sr=h&sig=a&se=1&se=2",
        "SharedAccessSignature SR=h&sig=a&se=1",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        spoke_sas_parts parts = {.se = 99};
        assert_int_equal(spoke_sas_parse(spoke_str_of(bad[i]), &parts), SPOKE_E_PROTOCOL);
        assert_true(parts.se == 99);
    }
}

static void each_truncation_is_refused_up_to_a_shorter_expiry(void **state)
{
    (void)state;
    const spoke_str whole = SPOKE_STR("SharedAccessSignature sr=h&sig=a&se=123");
    for (size_t len = 0; len <= whole.len; len++) {
        spoke_sas_parts parts;
        const bool expiry_begun = len + 2 >= whole.len;
        assert_int_equal(spoke_sas_parse(spoke_str_from(whole.ptr, len), &parts),
                         expiry_begun ? SPOKE_OK : SPOKE_E_PROTOCOL);
    }
}

/* --- what a token is good for --- */

static void a_token_covers_whole_segments(void **state)
{
    (void)state;
    static const struct {
        const char *granted, *resource;
        bool covers;
    } cases[] = {
        {"host", "host/devices/d", true},
        {"host/devices/d", "host/devices/d", true},
        {"host/devices/d", "host/devices/d/modules/m", true},
        {"host/devices/d/", "host/devices/d", true},
        {"/a/b", "/a/b/c", true},
        {"/a/b", "/a/bc", false},
        {"host/devices/d", "host/devices/d2", false},
        {"host/devices/d2", "host/devices/d", false},
        {"host/devices/d/modules/m", "host/devices/d", false},
        {"HOST.example/devices/d", "host.EXAMPLE/devices/d", true},
        {"host/Devices/d", "host/devices/d", false},
        {"host/devices/D", "host/devices/d", false},
        {"h", "h/devices/d", true},
        {"h/devices/d", "h", false},
        {"hos", "host/devices/d", false},
        {"host/", "host", true},
        {"host//", "host/devices", false},
        {"host//", "host", false},
        {"", "host/devices/d", false},
        {"/", "host/devices/d", false},
        {"host", "", false},
        {"", "", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(spoke_sas_covers(spoke_str_of(cases[i].granted), spoke_str_of(cases[i].resource)),
                         cases[i].covers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_published_signature_and_derived_key_is_reproduced),
        cmocka_unit_test(every_published_token_verifies_and_ours_are_made_byte_for_byte),
        cmocka_unit_test(what_is_signed_is_the_encoded_resource_and_the_expiry),
        cmocka_unit_test(an_empty_key_name_is_left_out),
        cmocka_unit_test(a_token_fits_exactly_or_leaves_no_trace),
        cmocka_unit_test(a_failing_signature_fails_the_token),
        cmocka_unit_test(tokens_for_nothing_are_refused),
        cmocka_unit_test(a_derived_key_fits_exactly_or_not_at_all),
        cmocka_unit_test(renewal_falls_between_80_and_85_percent),
        cmocka_unit_test(renewal_of_any_lifetime_comes_before_its_end),
        cmocka_unit_test(fields_come_in_any_order),
        cmocka_unit_test(the_key_name_may_be_empty_or_missing),
        cmocka_unit_test(what_is_not_a_token_leaves_the_output_alone),
        cmocka_unit_test(each_truncation_is_refused_up_to_a_shorter_expiry),
        cmocka_unit_test(a_token_covers_whole_segments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
