/* API tokens: made, checked, and refused for the right reason. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/rest/api_token.h"
#include "support/support.h"

#define APPLICATION "0b7c1d52-5a3e-4f0a-9a61-2d9f6d1f0c11"
#define SECRET "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=" /* 0123456789abcdef, twice */
#define NOW INT64_C(1700000000000)

/* HMAC-SHA256 of APPLICATION LF "ci" LF "1700000000001", made with OpenSSL. */
#define GOLDEN \
    "SharedAccessSignature sr=" APPLICATION \
    "&sig=moWa71UM45OLjy5DP%2Brqk2HzDGCgvmFyhRoiZrZLffM%3D&skn=ci&se=1700000000001"

static enum api_token_verdict check(const char *authorization, int64_t now)
{
    return api_token_check(authorization, APPLICATION, SECRET, now);
}

static void make(const char *id, char token[1024])
{
    char *out = NULL;
    assert_ok(api_token_make(APPLICATION, SECRET, id, NOW + 1, &out));
    snprintf(token, 1024, "%s", out);
    free(out);
}

static void a_token_is_the_golden_one(void **state)
{
    (void)state;
    char token[1024];
    make("ci", token);
    assert_string_equal(token, GOLDEN);
}

static void a_token_is_good_until_it_expires(void **state)
{
    (void)state;
    assert_int_equal(check(GOLDEN, NOW), API_TOKEN_OK);
    assert_int_equal(check(GOLDEN, NOW + 1), API_TOKEN_EXPIRED);
    assert_int_equal(check(GOLDEN, INT64_MAX), API_TOKEN_EXPIRED);
}

static void an_id_with_any_character_goes_there_and_back(void **state)
{
    (void)state;
    char token[1024];
    make("a b&c=%\xc3\xa5", token);
    assert_int_equal(check(token, NOW), API_TOKEN_OK);
    assert_null(strchr(token + sizeof "SharedAccessSignature", ' '));
}

static void fields_may_come_in_any_order_and_the_scheme_in_any_case(void **state)
{
    (void)state;
    char token[1024], turned[1024], *fields[4] = {NULL}, *rest = NULL;
    make("ci", token);
    for (size_t i = 0; i < 4; i++)
        fields[i] = strtok_r(i == 0 ? token + sizeof "SharedAccessSignature" : NULL, "&", &rest);
    snprintf(turned, sizeof turned, "sharedaccesssignature %.200s&%.200s&%.200s&%.200s", fields[3], fields[1],
             fields[2], fields[0]);
    assert_int_equal(check(turned, NOW), API_TOKEN_OK);
}

static void every_changed_character_is_noticed(void **state)
{
    (void)state;
    char token[1024];
    make("ci", token);
    for (size_t i = sizeof "SharedAccessSignature"; token[i] != '\0'; i++) {
        const char before = token[i];
        token[i] = before == 'Q' ? 'R' : 'Q';
        assert_int_not_equal(check(token, NOW), API_TOKEN_OK);
        token[i] = before;
    }
    assert_int_equal(check(token, NOW), API_TOKEN_OK);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    char token[1024];
    make("ci", token);
    for (size_t len = strlen(token); len > 0; len--) {
        token[len - 1] = '\0';
        assert_int_not_equal(check(token, NOW), API_TOKEN_OK);
    }
}

static void another_secret_or_application_is_named(void **state)
{
    (void)state;
    assert_int_equal(api_token_check(GOLDEN, APPLICATION, "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWc=", NOW),
                     API_TOKEN_WRONG_SIGNATURE);
    assert_int_equal(api_token_check(GOLDEN, "another", SECRET, NOW), API_TOKEN_OTHER_APPLICATION);
    assert_int_equal(api_token_check(GOLDEN, APPLICATION, "not base64", NOW), API_TOKEN_WRONG_SIGNATURE);
}

static void what_is_not_a_token_is_malformed(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "Bearer abc",
        "SharedAccessSignature",
        "SharedAccessSignature ",
        "SharedAccessSignature sr",
        "SharedAccessSignature sr=a&sig=b&skn=c",
        "SharedAccessSignature sr=a&sig=b&skn=c&se=",
        "SharedAccessSignature sr=a&sig=b&skn=c&se=5&",
        "SharedAccessSignature sr=a&sr=a&sig=b&skn=c&se=5",
        "SharedAccessSignature sr=a&sig=b&skn=c&se=5&more=1",
        "SharedAccessSignature sr=a&sig=b&skn=c&se=-5",
        "SharedAccessSignature sr=a&sig=b&skn=c&se=5x",
        "SharedAccessSignature sr=a&sig=b&skn=c&se=9999999999999999999",
        "SharedAccessSignature sr=%zz&sig=b&skn=c&se=5",
        "SharedAccessSignature sr=%00&sig=b&skn=c&se=5",
        "SharedAccessSignature sr=a%00b&sig=b&skn=c&se=5",
    };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        if (check(BAD[i], NOW) != API_TOKEN_MALFORMED)
            fail_msg("\"%s\" is not called malformed", BAD[i]);
    assert_int_equal(check(NULL, NOW), API_TOKEN_ABSENT);
    assert_int_equal(check("", NOW), API_TOKEN_ABSENT);
}

static void an_overlong_field_is_malformed(void **state)
{
    (void)state;
    char token[700] = "SharedAccessSignature sr=";
    memset(token + strlen(token), 'a', 400);
    strncat(token, "&sig=b&skn=c&se=5", sizeof token - strlen(token) - 1);
    assert_int_equal(check(token, NOW), API_TOKEN_MALFORMED);
}

static void an_unusable_id_or_secret_makes_no_token(void **state)
{
    (void)state;
    char *out = NULL, longer[300];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(api_token_make(APPLICATION, SECRET, "", NOW, &out), SPOKE_E_ARG);
    assert_int_equal(api_token_make(APPLICATION, SECRET, "a\nb", NOW, &out), SPOKE_E_ARG);
    assert_int_equal(api_token_make(APPLICATION, SECRET, longer, NOW, &out), SPOKE_E_ARG);
    assert_int_equal(api_token_make(APPLICATION, "?", "ci", NOW, &out), SPOKE_E_ARG);
    assert_null(out);
}

static void every_verdict_has_a_sentence(void **state)
{
    (void)state;
    for (int verdict = API_TOKEN_OK; verdict <= API_TOKEN_EXPIRED; verdict++)
        assert_true(strlen(api_token_verdict_text((enum api_token_verdict)verdict)) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_the_golden_one),
        cmocka_unit_test(a_token_is_good_until_it_expires),
        cmocka_unit_test(an_id_with_any_character_goes_there_and_back),
        cmocka_unit_test(fields_may_come_in_any_order_and_the_scheme_in_any_case),
        cmocka_unit_test(every_changed_character_is_noticed),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(another_secret_or_application_is_named),
        cmocka_unit_test(what_is_not_a_token_is_malformed),
        cmocka_unit_test(an_overlong_field_is_malformed),
        cmocka_unit_test(an_unusable_id_or_secret_makes_no_token),
        cmocka_unit_test(every_verdict_has_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
