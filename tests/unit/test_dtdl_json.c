/* JSON as a flat tree: what is taken, what is refused and where, tokens as they were written, places and pointers. */
#include "support/support.h"

#include <stdlib.h>
#include <string.h>

#include "model/dtdl_json.h"

static unsigned char memory[65536];

struct reading {
    struct json_doc doc;
    struct json_fault fault;
    struct arena arena;
    spoke_status status;
};

static void read_text(struct reading *r, spoke_str text)
{
    memset(r, 0, sizeof *r);
    arena_init(&r->arena, memory, sizeof memory);
    r->doc.text = text;
    r->status = json_doc_read(&r->doc, &r->arena, &r->fault);
}

struct refusal {
    const char *text;
    uint32_t offset;
    const char *says;
};

static void check_refusals(const struct refusal *refusals, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct reading r;
        read_text(&r, spoke_str_of(refusals[i].text));
        if (r.status != SPOKE_E_JSON || r.fault.offset != refusals[i].offset)
            fail_msg("%s: %s at %u", refusals[i].text, spoke_status_name(r.status), r.fault.offset);
        if (strstr(r.fault.what, refusals[i].says) == NULL)
            fail_msg("%s: %s", refusals[i].text, r.fault.what);
    }
}

static void a_document_becomes_nodes_in_the_order_of_its_text(void **state)
{
    (void)state;
    struct reading r;
    read_text(&r, SPOKE_STR(" {\"a\": [1, -2.50e+1, true], \"b\\n\": {\"\": \"x\\u00e4\"}, \"c\": null} "));
    assert_ok(r.status);
    assert_int_equal(r.doc.count, 8);
    const uint32_t a = json_member(&r.doc, 0, SPOKE_STR("a"));
    assert_int_equal(r.doc.nodes[a].type, JSON_ARRAY);
    assert_int_equal(json_count(&r.doc, a, 10), 3);
    assert_int_equal(json_count(&r.doc, a, 2), 2);
    assert_str(json_raw(&r.doc, json_after(&r.doc, json_first(&r.doc, a))), "-2.50e+1");
    assert_str(json_raw(&r.doc, a), "[1, -2.50e+1, true]");
    const uint32_t b = json_member(&r.doc, 0, SPOKE_STR("b\n"));
    assert_int_equal(r.doc.nodes[b].type, JSON_OBJECT);
    assert_str(json_raw_key(&r.doc, b), "b\\n");
    assert_str(json_key(&r.doc, b, &r.arena), "b\n");
    const uint32_t inner = json_member(&r.doc, b, SPOKE_STR(""));
    assert_str(json_text(&r.doc, inner, &r.arena), "x\xC3\xA4");
    assert_true(json_text_is(&r.doc, inner, SPOKE_STR("x\xC3\xA4")));
    assert_false(json_text_is(&r.doc, inner, SPOKE_STR("x")));
    assert_int_equal(json_member(&r.doc, 0, SPOKE_STR("d")), 0);
    assert_int_equal(json_member(&r.doc, a, SPOKE_STR("a")), 0);
}

static void every_kind_of_value_can_stand_alone(void **state)
{
    (void)state;
    static const char *const texts[] = {"{}",   "[]",    "\"\"", "0",     "-0",        "1E9",
                                        "true", "false", "null", " [ ] ", "\t{\n}\r\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct reading r;
        read_text(&r, spoke_str_of(texts[i]));
        assert_ok(r.status);
        assert_int_equal(r.doc.count, 1);
    }
}

static void broken_structure_is_refused_where_it_breaks(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        {"", 0, "ends where a value should stand"},
        {"   ", 3, "ends where a value should stand"},
        {"{", 1, "a name in double quotes"},
        {"[", 1, "ends where a value"},
        {"{\"a\"", 4, "a colon"},
        {"{\"a\":", 5, "ends where a value"},
        {"{\"a\":1", 6, "a comma or }"},
        {"[1", 2, "a comma or ]"},
        {"[1}", 2, "a comma or ]"},
        {"{\"a\":1]", 6, "a comma or }"},
        {"[1,]", 3, "a comma stands before this bracket"},
        {"{\"a\":1,}", 7, "a comma stands before this bracket"},
        {"[,1]", 1, "a value should stand here"},
        {"[1,,2]", 3, "a value should stand here"},
        {"{,}", 1, "a name in double quotes"},
        {"{a:1}", 1, "a name in double quotes"},
        {"{'a':1}", 1, "a name in double quotes"},
        {"{\"a\" 1}", 5, "a colon"},
        {"[] []", 3, "behind the end"},
        {"{}x", 2, "behind the end"},
        {"1,2", 1, "behind the end"},
        {"// c\n{}", 0, "no comments"},
        {"[1, /* c */ 2]", 4, "no comments"},
        {"\xEF\xBB\xBF{}", 0, "byte order mark"},
    };
    check_refusals(refusals, sizeof refusals / sizeof refusals[0]);
}

static void broken_tokens_are_refused(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        {"tru", 0, "a value should stand here"},
        {"True", 0, "a value should stand here"},
        {"NaN", 0, "a value should stand here"},
        {"+1", 0, "a value should stand here"},
        {".5", 0, "a value should stand here"},
        {"-", 0, "not a JSON number"},
        {"[-x]", 1, "not a JSON number"},
        {"1.", 0, "not a JSON number"},
        {"1e", 0, "not a JSON number"},
        {"01", 1, "behind the end"},
        {"[01]", 2, "a comma or ]"},
        {"0x10", 1, "behind the end"},
        {"\"a", 2, "ends inside a string"},
        {"\"a\\", 2, "no such escape"},
        {"\"\\x41\"", 1, "no such escape"},
        {"\"\\u12g4\"", 1, "no such escape"},
        {"\"\\ud800\"", 1, "half a surrogate pair"},
        {"\"\\udc00\"", 1, "half a surrogate pair"},
        {"\"\\ud83dx\"", 1, "half a surrogate pair"},
        {"\"\\ud83d\\u0041\"", 1, "half a surrogate pair"},
        {"\"a\nb\"", 2, "control character"},
        {"\"\x01\"", 1, "control character"},
        {"\"\xC3\"", 1, "not UTF-8"},
        {"\"\xC0\xAF\"", 1, "not UTF-8"},
        {"\"\xED\xA0\x80\"", 1, "not UTF-8"},
        {"\"\xF5\x80\x80\x80\"", 1, "not UTF-8"},
        {"{\"a\\q\":1}", 3, "no such escape"},
    };
    check_refusals(refusals, sizeof refusals / sizeof refusals[0]);
}

static void a_nul_byte_is_refused_and_its_escape_is_kept(void **state)
{
    (void)state;
    struct reading r;
    read_text(&r, spoke_str_from("[\"a\0b\"]", 7));
    assert_int_equal(r.status, SPOKE_E_JSON);
    assert_int_equal(r.fault.offset, 3);
    read_text(&r, spoke_str_from("[]\0", 3));
    assert_int_equal(r.status, SPOKE_E_JSON);
    read_text(&r, SPOKE_STR("\"a\\u0000b\""));
    assert_ok(r.status);
    assert_true(spoke_str_equal(json_text(&r.doc, 0, &r.arena), spoke_str_from("a\0b", 3)));
}

static void escapes_are_resolved(void **state)
{
    (void)state;
    struct reading r;
    read_text(&r, SPOKE_STR("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e4\\u20AC\\ud83d\\uDE00\""));
    assert_ok(r.status);
    assert_str(json_text(&r.doc, 0, &r.arena), "\"\\/\b\f\n\r\tA\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80");
}

/* The memory ends where the text does, so that a sanitizer sees a byte too many. */
static void every_beginning_of_a_document_is_refused(void **state)
{
    (void)state;
    const char whole[] = "{\"a\": [1, -2.5e3, \"x\\ud83d\\ude00\\n\", {\"b\": null}], \"c\\u0041\": true}";
    for (size_t length = 0; length < sizeof whole - 1; length++) {
        char *exact = malloc(length > 0 ? length : 1);
        struct reading r;
        assert_non_null(exact);
        memcpy(exact, whole, length);
        read_text(&r, spoke_str_from(exact, length));
        assert_int_equal(r.status, SPOKE_E_JSON);
        assert_true(r.fault.offset <= length);
        free(exact);
    }
}

static void nesting_ends_at_256_levels(void **state)
{
    (void)state;
    char text[2 * (DTDL_JSON_DEPTH + 1)];
    struct reading r;
    memset(text, '[', DTDL_JSON_DEPTH + 1);
    memset(text + DTDL_JSON_DEPTH + 1, ']', DTDL_JSON_DEPTH + 1);
    read_text(&r, spoke_str_from(text + 1, 2 * DTDL_JSON_DEPTH));
    assert_ok(r.status);
    read_text(&r, spoke_str_from(text, 2 * (DTDL_JSON_DEPTH + 1)));
    assert_int_equal(r.status, SPOKE_E_JSON);
    assert_int_equal(r.fault.offset, DTDL_JSON_DEPTH);
    assert_non_null(strstr(r.fault.what, "256 levels"));
}

static void long_names_are_kept_whole(void **state)
{
    (void)state;
    for (size_t length = DTDL_JSON_KEY_KEPT - 1; length <= DTDL_JSON_KEY_KEPT + 1; length++) {
        char text[DTDL_JSON_KEY_KEPT + 16] = "{\"";
        struct reading r;
        memset(text + 2, 'k', length);
        memcpy(text + 2 + length, "\":7}", 4);
        read_text(&r, spoke_str_from(text, length + 6));
        assert_ok(r.status);
        assert_int_equal(json_raw_key(&r.doc, 1).len, length);
        assert_int_equal(json_member(&r.doc, 0, spoke_str_from(text + 2, length)), 1);
    }
}

/* The memory for nodes: what dense texts need, however broken, and no more. */
static void dense_texts_take_one_node_for_each_value(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t most; /* nodes */
    } texts[] = {
        {"[1,2,3,4]", 6},
        {"[[],[],[]]", 5},
        {"[[[[]]]]", 5},
        {"[,,,,,,,,,,,,,,,,]", 3},
        {"[[[[,,,,,,,,,,,,]", 6},
        {"[\",,,,,,,,,,,,[[[[{{{{\",1]", 4},
        {"[\"\\\",,,,,,,,,,,,,\"]", 3},
        {"1,1,1,1,1,1,1,1,1", 2},
        {"[]],],],],],],]", 2},
        {"[}},}},}},}}", 10},
        {"[", 2},
        {"{", 2},
        {"[\"", 3},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct reading r;
        read_text(&r, spoke_str_of(texts[i].text));
        const size_t used = (size_t)(r.arena.at - memory) / sizeof(struct json_node);
        assert_true(r.doc.count <= used);
        if (used > texts[i].most)
            fail_msg("%s takes %zu nodes", texts[i].text, used);
    }
}

static void a_text_that_no_node_could_point_into_is_refused_unread(void **state)
{
    (void)state;
    struct reading r;
    read_text(&r, spoke_str_from("[", (size_t)DTDL_JSON_BYTES + 1));
    assert_int_equal(r.status, SPOKE_E_TOO_LARGE);
}

static void too_little_memory_is_told(void **state)
{
    (void)state;
    struct json_doc doc = {.text = SPOKE_STR("[1,2,3]")};
    struct json_fault fault;
    struct arena arena;
    arena_init(&arena, memory, 3 * sizeof(struct json_node));
    assert_int_equal(json_doc_read(&doc, &arena, &fault), SPOKE_E_NO_MEMORY);
}

static void assert_pointer(const struct reading *r, const char *at, const char *wanted)
{
    char text[64];
    spoke_buf out = spoke_buf_from(text, sizeof text);
    json_pointer(&r->doc, (uint32_t)(strstr(r->doc.text.ptr, at) - r->doc.text.ptr), &out);
    assert_str(spoke_buf_str(&out), wanted);
}

static void a_place_has_a_pointer(void **state)
{
    (void)state;
    struct reading r;
    read_text(&r, SPOKE_STR("{\"a\":[10,{\"b/c~d\":20}],\"\\u00e4\\u0001\":30,\"\":40}"));
    assert_ok(r.status);
    assert_pointer(&r, "{\"a\"", "");
    assert_pointer(&r, "10", "/a/0");
    assert_pointer(&r, "20", "/a/1/b~1c~0d");
    assert_pointer(&r, "\"b/c", "/a/1/b~1c~0d");
    assert_pointer(&r, "30", "/\xC3\xA4\\u0001"); /* what a terminal must not be fed stays an escape */
    assert_pointer(&r, "40", "/");
}

static void a_pointer_fills_its_room_with_whole_characters(void **state)
{
    (void)state;
    struct reading r;
    read_text(&r, SPOKE_STR("{\"a\xC3\xA4\":[1]}"));
    for (size_t room = 0; room < 7; room++) {
        char text[8] = "#######";
        spoke_buf out = spoke_buf_from(text, room);
        json_pointer(&r.doc, 8, &out);
        assert_int_equal(text[room], '#');
        assert_true(spoke_utf8_valid(spoke_buf_str(&out)));
    }
}

static void lines_and_columns_count_characters_from_one(void **state)
{
    (void)state;
    struct json_place place = JSON_PLACE_START;
    const spoke_str text = SPOKE_STR("ab\r\n\xC3\xA4x\n\nz");
    json_place_move(&place, text, 0);
    assert_true(place.line == 1 && place.column == 1);
    json_place_move(&place, text, 1);
    assert_true(place.line == 1 && place.column == 2);
    json_place_move(&place, text, 6);
    assert_true(place.line == 2 && place.column == 2);
    json_place_move(&place, text, 9);
    assert_true(place.line == 4 && place.column == 1);
    json_place_move(&place, text, 1000);
    assert_true(place.line == 4 && place.column == 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_becomes_nodes_in_the_order_of_its_text),
        cmocka_unit_test(every_kind_of_value_can_stand_alone),
        cmocka_unit_test(broken_structure_is_refused_where_it_breaks),
        cmocka_unit_test(broken_tokens_are_refused),
        cmocka_unit_test(a_nul_byte_is_refused_and_its_escape_is_kept),
        cmocka_unit_test(escapes_are_resolved),
        cmocka_unit_test(every_beginning_of_a_document_is_refused),
        cmocka_unit_test(nesting_ends_at_256_levels),
        cmocka_unit_test(long_names_are_kept_whole),
        cmocka_unit_test(dense_texts_take_one_node_for_each_value),
        cmocka_unit_test(a_text_that_no_node_could_point_into_is_refused_unread),
        cmocka_unit_test(too_little_memory_is_told),
        cmocka_unit_test(a_place_has_a_pointer),
        cmocka_unit_test(a_pointer_fills_its_room_with_whole_characters),
        cmocka_unit_test(lines_and_columns_count_characters_from_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
