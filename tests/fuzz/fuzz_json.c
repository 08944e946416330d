/* JSON: what the check accepts can be walked, found and read; written again it is accepted too, and soon stays as
 * it is. What the check refuses must end every walk, without a crash. */
#include <stdlib.h>
#include <string.h>

#include <spoke/base.h>

#define MAX_INPUT 65536u
#define OUTPUT_BYTES (8u * MAX_INPUT)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char first_text[OUTPUT_BYTES], second_text[OUTPUT_BYTES], scratch[OUTPUT_BYTES];

static void require(bool holds)
{
    if (!holds)
        abort();
}

static spoke_field scalar_field(spoke_str value)
{
    spoke_buf text = spoke_buf_from(scratch, sizeof scratch);
    int64_t integer = 0;
    double number = 0;
    bool boolean = false;
    switch (spoke_json_type(value)) {
    case '"':
        require(spoke_json_text(value, &text) == SPOKE_OK);
        return spoke_text(NULL, spoke_buf_str(&text));
    case 't':
    case 'f':
        require(spoke_json_bool(value, &boolean) == SPOKE_OK);
        return spoke_bool(NULL, boolean);
    case 'n':
        return spoke_null(NULL);
    case '0':
        if (spoke_json_int(value, &integer) == SPOKE_OK) {
            require(spoke_json_double(value, &number) == SPOKE_OK && number == (double)integer);
            return spoke_i64(NULL, integer);
        }
        if (spoke_json_double(value, &number) != SPOKE_OK)
            return spoke_json(NULL, value); /* beyond a double */
        if (value.len < 60) {               /* NUL-terminated for the C library, which is the oracle */
            memcpy(scratch, value.ptr, value.len);
            scratch[value.len] = '\0';
            require(strtod(scratch, NULL) == number);
        }
        return spoke_f64(NULL, number);
    default:
        abort();
    }
}

/* The key is in the object, and the first of its name is at or before this value. */
static void check_find(spoke_str object, spoke_str key, spoke_str value)
{
    const spoke_str quoted = spoke_str_from(key.ptr - 1, key.len + 2);
    spoke_buf name = spoke_buf_from(scratch, sizeof scratch - 1);
    spoke_str found;
    require(spoke_json_text(quoted, &name) == SPOKE_OK);
    require(spoke_json_key_is(key, spoke_buf_str(&name)));
    if (memchr(scratch, '\0', name.len) != NULL)
        return;
    scratch[name.len] = '\0';
    require(spoke_json_find(object, scratch, &found) == SPOKE_OK && found.ptr <= value.ptr);
}

/* Walks a checked value without recursion and writes it again. */
static spoke_str rewrite(spoke_str json, char *memory)
{
    spoke_json_cursor stack[SPOKE_JSON_DEPTH];
    size_t depth = 0;
    spoke_str key = {NULL, 0}, value = json, out;
    spoke_writer w;
    spoke_writer_init(&w, memory, OUTPUT_BYTES);
    for (;;) {
        const char type = spoke_json_type(value);
        if (type != '{' && type != '[') {
            spoke_write_value(&w, scalar_field(value));
        } else {
            require(depth < SPOKE_JSON_DEPTH && spoke_json_enter(value, &stack[depth]) == SPOKE_OK);
            if (stack[depth++].array)
                spoke_write_begin_array(&w);
            else
                spoke_write_begin_object(&w);
        }
        spoke_status status = SPOKE_E_NOT_FOUND;
        while (depth > 0 && (status = spoke_json_member(&stack[depth - 1], &key, &value)) == SPOKE_E_NOT_FOUND) {
            if (stack[--depth].array)
                spoke_write_end_array(&w);
            else
                spoke_write_end_object(&w);
        }
        if (depth == 0)
            break;
        require(status == SPOKE_OK);
        if (!stack[depth - 1].array) {
            check_find(stack[depth - 1].text, key, value);
            spoke_write_raw_key(&w, key);
        }
    }
    require(spoke_writer_finish(&w, &out) == SPOKE_OK);
    return out;
}

static void walk_anything(spoke_str json)
{
    spoke_json_cursor at;
    spoke_str key, value;
    spoke_status status = spoke_json_enter(json, &at);
    while (status == SPOKE_OK && (status = spoke_json_member(&at, &key, &value)) == SPOKE_OK)
        require(spoke_json_check(value) == SPOKE_OK);
    require(status == SPOKE_E_NOT_FOUND || status == SPOKE_E_JSON);
    (void)spoke_json_key_is(json, SPOKE_STR("value"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const spoke_str json = spoke_str_from((const char *)data, size);
    if (size > MAX_INPUT)
        return 0;
    walk_anything(json);
    if (spoke_json_check(json) != SPOKE_OK)
        return 0;
    const spoke_str once = rewrite(json, first_text);
    require(spoke_json_check(once) == SPOKE_OK);
    /* 1.5e18 is no integer's spelling, but a whole number: it settles at the second writing. */
    const spoke_str twice = rewrite(once, second_text);
    require(spoke_str_equal(rewrite(twice, first_text), twice));
    return 0;
}
