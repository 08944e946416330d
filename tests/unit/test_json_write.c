#include "support/support.h"

#include <math.h>
#include <string.h>

struct page {
    spoke_writer writer;
    char memory[512];
};

static spoke_writer *fresh(struct page *page)
{
    spoke_writer_init(&page->writer, page->memory, sizeof page->memory);
    return &page->writer;
}

#define assert_written(w, text) \
    do { \
        spoke_str written_; \
        assert_ok(spoke_writer_finish((w), &written_)); \
        assert_str(written_, (text)); \
        assert_true(written_.len == 0 || spoke_json_check(written_) == SPOKE_OK); \
    } while (0)

#define assert_fails(w, expected) \
    do { \
        spoke_str written_; \
        assert_int_equal(spoke_writer_finish((w), &written_), (expected)); \
        assert_int_equal(written_.len, 0); \
    } while (0)

static void named_fields_make_an_object_of_their_own(void **state)
{
    (void)state;
    struct page page;
    spoke_writer *w = fresh(&page);
    spoke_write(w, spoke_f64("temperature", 21.5));
    spoke_write(w, spoke_i64("count", -3));
    spoke_write(w, spoke_bool("on", true));
    spoke_write(w, spoke_text("text", SPOKE_STR("a\"b")));
    spoke_write(w, spoke_json("raw", SPOKE_STR("[1, 2]")));
    spoke_write(w, spoke_null("gone"));
    assert_written(
        w, "{\"temperature\":21.5,\"count\":-3,\"on\":true,\"text\":\"a\\\"b\",\"raw\":[1, 2],\"gone\":null}");
}

static void without_a_name_the_value_stands_bare(void **state)
{
    (void)state;
    struct page page;
    spoke_writer *w = fresh(&page);
    spoke_write(w, spoke_i64(NULL, 5));
    assert_written(w, "5");
}

static void nothing_written_is_the_empty_text(void **state)
{
    (void)state;
    struct page page;
    assert_written(fresh(&page), "");
}

static void brackets_nest_and_commas_stand_between(void **state)
{
    (void)state;
    struct page page;
    spoke_writer *w = fresh(&page);
    spoke_write_begin_object(w);
    spoke_write_key(w, SPOKE_STR("list"));
    spoke_write_begin_array(w);
    spoke_write_value(w, spoke_i64(NULL, 1));
    spoke_write_begin_array(w);
    spoke_write_end_array(w);
    spoke_write_begin_object(w);
    spoke_write_end_object(w);
    spoke_write_value(w, spoke_bool(NULL, false));
    spoke_write_end_array(w);
    spoke_write_key(w, SPOKE_STR("in"));
    spoke_write_begin_object(w);
    spoke_write(w, spoke_i64("x", 1));
    spoke_write_end_object(w);
    spoke_write(w, spoke_null("y"));
    spoke_write_end_object(w);
    assert_written(w, "{\"list\":[1,[],{},false],\"in\":{\"x\":1},\"y\":null}");
}

static void an_implied_object_may_hold_brackets(void **state)
{
    (void)state;
    struct page page;
    spoke_writer *w = fresh(&page);
    spoke_write(w, spoke_i64("a", 1));
    spoke_write_key(w, SPOKE_STR("b"));
    spoke_write_begin_array(w);
    spoke_write_end_array(w);
    spoke_write(w, spoke_i64("c", 2));
    assert_written(w, "{\"a\":1,\"b\":[],\"c\":2}");
}

static void an_implied_object_is_closed_by_finish_alone(void **state)
{
    (void)state;
    struct page page;
    spoke_writer *w = fresh(&page);
    spoke_write(w, spoke_i64("a", 1));
    spoke_write_end_object(w);
    assert_fails(w, SPOKE_E_STATE);
}

static void finishing_twice_gives_the_same_text(void **state)
{
    (void)state;
    struct page page;
    spoke_writer *w = fresh(&page);
    spoke_write(w, spoke_i64("a", 1));
    assert_written(w, "{\"a\":1}");
    assert_written(w, "{\"a\":1}");
}

static void text_is_escaped_where_it_must_be_and_nowhere_else(void **state)
{
    (void)state;
    struct page page;
    spoke_writer *w = fresh(&page);
    spoke_write(w, spoke_text(NULL, SPOKE_STR("\"\\/\b\f\n\r\t\0\x1F\x7F\xC3\xA9\xF0\x9F\x98\x80")));
    assert_written(w, "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\x7F\xC3\xA9\xF0\x9F\x98\x80\"");
    w = fresh(&page);
    spoke_write_begin_object(w);
    spoke_write(w, spoke_i64("a\"\n", 1));
    spoke_write_end_object(w);
    assert_written(w, "{\"a\\\"\\n\":1}");
}

static void a_raw_key_is_written_as_it_stands(void **state)
{
    (void)state;
    struct page page;
    spoke_writer *w = fresh(&page);
    spoke_write_begin_object(w);
    spoke_write_raw_key(w, SPOKE_STR("a\\u0062\\n"));
    spoke_write_value(w, spoke_i64(NULL, 1));
    spoke_write_end_object(w);
    assert_written(w, "{\"a\\u0062\\n\":1}");
}

static void a_raw_key_that_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"a\"", "a\\", "\\x", "a\n", "\xFF", "\\uD800"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct page page;
        spoke_writer *w = fresh(&page);
        spoke_write_begin_object(w);
        spoke_write_raw_key(w, spoke_str_of(bad[i]));
        assert_fails(w, SPOKE_E_JSON);
    }
}

static void integers_keep_all_64_bits(void **state)
{
    (void)state;
    struct page page;
    spoke_writer *w = fresh(&page);
    spoke_write_begin_array(w);
    spoke_write_value(w, spoke_i64(NULL, INT64_MIN));
    spoke_write_value(w, spoke_i64(NULL, INT64_MAX));
    spoke_write_value(w, spoke_i64(NULL, 0));
    spoke_write_end_array(w);
    assert_written(w, "[-9223372036854775808,9223372036854775807,0]");
}

static void values_that_json_cannot_hold_are_refused(void **state)
{
    (void)state;
    const spoke_field unknown = {"x", (spoke_kind)99, {false}};
    const struct {
        spoke_field field;
        spoke_status status;
    } bad[] = {{spoke_f64("x", (double)NAN), SPOKE_E_ARG},
               {spoke_f64("x", (double)INFINITY), SPOKE_E_ARG},
               {spoke_text("x", SPOKE_STR("\xC3")), SPOKE_E_ARG},
               {spoke_text("x", SPOKE_STR("ok\xED\xA0\x80")), SPOKE_E_ARG},
               {spoke_i64("\xFF", 1), SPOKE_E_ARG},
               {spoke_json("x", SPOKE_STR("")), SPOKE_E_JSON},
               {spoke_json("x", SPOKE_STR("1,2")), SPOKE_E_JSON},
               {spoke_json("x", SPOKE_STR("{\"a\":}")), SPOKE_E_JSON},
               {unknown, SPOKE_E_ARG}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct page page;
        spoke_writer *w = fresh(&page);
        spoke_write(w, bad[i].field);
        assert_fails(w, bad[i].status);
    }
}

static void the_first_error_sticks(void **state)
{
    (void)state;
    struct page page;
    spoke_writer *w = fresh(&page);
    spoke_write(w, spoke_json("a", SPOKE_STR("{")));
    const size_t len = w->out.len;
    spoke_write(w, spoke_f64("b", (double)NAN));
    spoke_write(w, spoke_i64("c", 1));
    spoke_write_begin_array(w);
    spoke_write_end_object(w);
    assert_int_equal(w->out.len, len);
    assert_fails(w, SPOKE_E_JSON);
}

static void key(spoke_writer *w)
{
    spoke_write_key(w, SPOKE_STR("k"));
}

static void value(spoke_writer *w)
{
    spoke_write_value(w, spoke_i64(NULL, 1));
}

static void named(spoke_writer *w)
{
    spoke_write(w, spoke_i64("n", 1));
}

static void calls_out_of_order_are_refused(void **state)
{
    (void)state;
    void (*const object)(spoke_writer *) = spoke_write_begin_object;
    void (*const array)(spoke_writer *) = spoke_write_begin_array;
    void (*const end_object)(spoke_writer *) = spoke_write_end_object;
    void (*const end_array)(spoke_writer *) = spoke_write_end_array;
    void (*const sequences[][4])(spoke_writer *) = {
        {key},
        {end_object},
        {end_array},
        {value, value},
        {value, named},
        {value, object},
        {object},
        {array},
        {object, value},
        {object, object},
        {object, key},
        {object, key, key},
        {object, key, end_object},
        {object, key, named},
        {object, end_array},
        {array, end_object},
        {array, key},
        {array, named},
        {object, end_object, named},
        {object, end_object, object},
        {named, key},
        {named, value},
        {named, key, end_object},
    };
    for (size_t i = 0; i < sizeof sequences / sizeof sequences[0]; i++) {
        struct page page;
        spoke_writer *w = fresh(&page);
        for (size_t j = 0; j < 4 && sequences[i][j] != NULL; j++)
            sequences[i][j](w);
        assert_fails(w, SPOKE_E_STATE);
    }
}

static void sixty_four_levels_are_written_and_no_more(void **state)
{
    (void)state;
    struct page page;
    spoke_writer *w = fresh(&page);
    spoke_str out;
    for (unsigned i = 0; i < 64; i++)
        spoke_write_begin_array(w);
    for (unsigned i = 0; i < 64; i++)
        spoke_write_end_array(w);
    assert_ok(spoke_writer_finish(w, &out));
    assert_int_equal(out.len, 128);
    w = fresh(&page);
    for (unsigned i = 0; i < 65; i++)
        spoke_write_begin_array(w);
    assert_fails(w, SPOKE_E_TOO_LARGE);
}

/* One of everything, into `cap` bytes. */
static spoke_status write_everything(char *memory, size_t cap, spoke_str *out)
{
    spoke_writer w;
    spoke_writer_init(&w, memory, cap);
    spoke_write(&w, spoke_f64("d", -1.5));
    spoke_write(&w, spoke_i64("i", INT64_MIN));
    spoke_write(&w, spoke_bool("b", false));
    spoke_write(&w, spoke_text("t", SPOKE_STR("\n\x01\xC3\xA9")));
    spoke_write(&w, spoke_json("j", SPOKE_STR("{\"x\":[]}")));
    spoke_write_raw_key(&w, SPOKE_STR("r\\t"));
    spoke_write_begin_array(&w);
    spoke_write_value(&w, spoke_null(NULL));
    spoke_write_value(&w, spoke_null(NULL));
    spoke_write_end_array(&w);
    return spoke_writer_finish(&w, out);
}

static void every_size_below_the_exact_fit_is_too_small(void **state)
{
    (void)state;
    char memory[256];
    spoke_str whole, out;
    assert_ok(write_everything(memory, sizeof memory, &whole));
    const size_t fit = whole.len;
    for (size_t cap = 0; cap <= fit; cap++) {
        memset(memory, '!', sizeof memory);
        assert_int_equal(write_everything(memory, cap, &out), cap == fit ? SPOKE_OK : SPOKE_E_TOO_SMALL);
        assert_int_equal(memory[cap], '!');
    }
    assert_str(out, "{\"d\":-1.5,\"i\":-9223372036854775808,\"b\":false,\"t\":\"\\n\\u0001\xC3\xA9\","
                    "\"j\":{\"x\":[]},\"r\\t\":[null,null]}");
}

static void unsigned_numbers_are_written_to_their_last_unit(void **state)
{
    (void)state;
    char memory[64];
    spoke_str out;
    spoke_writer w;
    spoke_writer_init(&w, memory, sizeof memory);
    spoke_write(&w, spoke_u64("a", 0));
    spoke_write(&w, spoke_u64("b", UINT64_MAX));
    assert_ok(spoke_writer_finish(&w, &out));
    assert_str(out, "{\"a\":0,\"b\":18446744073709551615}");
}

static void an_object_in_an_implied_one_is_closed_by_the_caller(void **state)
{
    (void)state;
    struct page page;
    spoke_writer *w = fresh(&page);
    spoke_write(w, spoke_i64("a", 1));
    spoke_write_key(w, SPOKE_STR("b"));
    spoke_write_begin_object(w);
    spoke_write_end_object(w);
    assert_written(w, "{\"a\":1,\"b\":{}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unsigned_numbers_are_written_to_their_last_unit),
        cmocka_unit_test(named_fields_make_an_object_of_their_own),
        cmocka_unit_test(without_a_name_the_value_stands_bare),
        cmocka_unit_test(nothing_written_is_the_empty_text),
        cmocka_unit_test(brackets_nest_and_commas_stand_between),
        cmocka_unit_test(an_implied_object_may_hold_brackets),
        cmocka_unit_test(an_implied_object_is_closed_by_finish_alone),
        cmocka_unit_test(finishing_twice_gives_the_same_text),
        cmocka_unit_test(text_is_escaped_where_it_must_be_and_nowhere_else),
        cmocka_unit_test(a_raw_key_is_written_as_it_stands),
        cmocka_unit_test(a_raw_key_that_is_none_is_refused),
        cmocka_unit_test(integers_keep_all_64_bits),
        cmocka_unit_test(values_that_json_cannot_hold_are_refused),
        cmocka_unit_test(the_first_error_sticks),
        cmocka_unit_test(calls_out_of_order_are_refused),
        cmocka_unit_test(sixty_four_levels_are_written_and_no_more),
        cmocka_unit_test(every_size_below_the_exact_fit_is_too_small),
        cmocka_unit_test(an_object_in_an_implied_one_is_closed_by_the_caller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
