#include "base/http_date.h"
#include "support/support.h"

#include <string.h>

#define HEAD "HTTP/1.1 200 OK\r\n"
#define DATE "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
#define DATE_S 784111777

static spoke_status feed(const char *text, int64_t *unix_s)
{
    struct http_date d = {0};
    *unix_s = -1;
    return http_date_feed(&d, (const uint8_t *)text, strlen(text), unix_s);
}

static void expect(const char *text, spoke_status status, int64_t wanted_s)
{
    int64_t unix_s;
    if (feed(text, &unix_s) != status)
        fail_msg("another verdict on: %s", text);
    assert_true(unix_s == wanted_s);
}

static void the_date_of_a_response_is_found_whatever_stands_before_it(void **state)
{
    (void)state;
    expect(HEAD DATE "\r\n", SPOKE_OK, DATE_S);
    expect(HEAD "Server: x\r\nX: y\r\n" DATE, SPOKE_OK, DATE_S);
    expect("HTTP/1.0 302 Found\nLocation: http://portal/\ndAtE:\tSun, 06 Nov 1994 08:49:37 GMT \t\n", SPOKE_OK,
           DATE_S);
    expect(HEAD
           "X-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n" DATE,
           SPOKE_OK, DATE_S);
}

static void known_dates_come_out(void **state)
{
    static const struct {
        const char *text;
        int64_t unix_s;
    } rows[] = {{"Thu, 01 Jan 1970 00:00:00 GMT", 0},
                {"Tue, 29 Feb 2028 23:59:59 GMT", 1835481599},
                {"Wed, 31 Dec 2098 12:00:00 GMT", 4070865600},
                {"Fri, 31 Dec 9999 23:59:59 GMT", 253402300799}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t unix_s = -1;
        assert_ok(http_date_parse(spoke_str_of(rows[i].text), &unix_s));
        assert_true(unix_s == rows[i].unix_s);
    }
}

static void what_is_no_date_is_refused(void **state)
{
    static const char *const rows[] = {
        "",
        "now",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun, 06 Nov 1994 08:49:37 GM",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1969 08:49:37 GMT",
        "Sun, 06 Nop 1994 08:49:37 GMT",
        "Sux, 06 Nov 1994 08:49:37 GMT",
        "Sun, -6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov -994 08:49:37 GMT",
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t unix_s = -1;
        assert_int_equal(http_date_parse(spoke_str_of(rows[i]), &unix_s), SPOKE_E_PROTOCOL);
        assert_true(unix_s == -1);
    }
}

static void every_truncation_wants_more(void **state)
{
    static const char text[] = HEAD "Server: x\r\n" DATE;
    (void)state;
    for (size_t len = 0; len < sizeof text - 2; len++) {
        struct http_date d = {0};
        int64_t unix_s;
        assert_int_equal(http_date_feed(&d, (const uint8_t *)text, len, &unix_s), SPOKE_E_AGAIN);
        assert_ok(http_date_feed(&d, (const uint8_t *)text + len, sizeof text - 1 - len, &unix_s));
    }
}

static void a_body_other_protocols_and_a_head_without_date_are_refused(void **state)
{
    (void)state;
    expect("<html>\r\n" DATE, SPOKE_E_PROTOCOL, -1);
    expect("HTTP/2 200\r\n" DATE, SPOKE_E_PROTOCOL, -1);
    expect("\r\n", SPOKE_E_PROTOCOL, -1);
    expect(HEAD "\r\n" DATE, SPOKE_E_PROTOCOL, -1);
    expect(HEAD "\n" DATE, SPOKE_E_PROTOCOL, -1);
    expect(HEAD "Date: soon\r\n", SPOKE_E_PROTOCOL, -1);
}

static void a_head_without_end_is_given_up(void **state)
{
    (void)state;
    struct http_date d = {0};
    int64_t unix_s;
    assert_int_equal(http_date_feed(&d, (const uint8_t *)HEAD, strlen(HEAD), &unix_s), SPOKE_E_AGAIN);
    spoke_status status = SPOKE_E_AGAIN;
    size_t fed = strlen(HEAD);
    while (status == SPOKE_E_AGAIN && fed < 100000) {
        status = http_date_feed(&d, (const uint8_t *)"x", 1, &unix_s);
        fed++;
    }
    assert_int_equal(status, SPOKE_E_PROTOCOL);
    assert_int_equal(fed, HTTP_DATE_MAX_BYTES + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_date_of_a_response_is_found_whatever_stands_before_it),
        cmocka_unit_test(known_dates_come_out),
        cmocka_unit_test(what_is_no_date_is_refused),
        cmocka_unit_test(every_truncation_wants_more),
        cmocka_unit_test(a_body_other_protocols_and_a_head_without_date_are_refused),
        cmocka_unit_test(a_head_without_end_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
