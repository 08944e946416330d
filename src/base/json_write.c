#include <spoke/base.h>

#include <string.h>

#include <spoke/features.h>

#include "base/hex.h"
#include "base/json_number.h"
#include "base/json_scan.h"
#include "base/json_write.h"
#include "base/utf8.h"

#define MAX_DEPTH 64u /* one bit per level in spoke_writer.arrays */

void spoke_writer_init(spoke_writer *w, void *memory, size_t cap)
{
    *w = (spoke_writer){.out = spoke_buf_from(memory, cap), .status = SPOKE_OK};
}

static void fail(spoke_writer *w, spoke_status status)
{
    if (w->status == SPOKE_OK)
        w->status = status;
}

static void put(spoke_writer *w, spoke_str bytes)
{
    if (w->status == SPOKE_OK)
        w->status = spoke_buf_append(&w->out, bytes);
}

static void put_char(spoke_writer *w, char c)
{
    if (w->status == SPOKE_OK)
        w->status = spoke_buf_append_byte(&w->out, (uint8_t)c);
}

static bool in_array(const spoke_writer *w)
{
    return (w->arrays & 1) != 0;
}

static bool in_object(const spoke_writer *w)
{
    return w->depth > 0 && !in_array(w);
}

/* --- strings --- */

/* The escape of a byte that may not stand in a string as it is. */
static void put_escape(spoke_writer *w, char c)
{
    const char *found = memchr(json_escape_bytes, c, JSON_ESCAPES);
    const char escape[6] = {'\\',
                            found != NULL ? json_escape_letters[found - json_escape_bytes] : 'u',
                            '0',
                            '0',
                            hex_digit((uint8_t)c >> 4, 'a'),
                            hex_digit((uint8_t)c & 15, 'a')};
    put(w, spoke_str_from(escape, found != NULL ? 2 : sizeof escape));
}

static bool is_plain(char c)
{
    return (uint8_t)c >= 0x20 && c != '"' && c != '\\';
}

/* Length of the run from `at` on that needs no escape; ends early at malformed UTF-8. */
static size_t plain_run(spoke_str text, size_t at)
{
    const size_t start = at;
    while (at < text.len && is_plain(text.ptr[at])) {
        const size_t len = utf8_length(text, at);
        if (len == 0)
            break;
        at += len;
    }
    return at - start;
}

static void put_string(spoke_writer *w, spoke_str text)
{
    put_char(w, '"');
    for (size_t at = 0; at < text.len && w->status == SPOKE_OK;) {
        const size_t run = plain_run(text, at);
        if (run > 0) {
            put(w, spoke_str_from(text.ptr + at, run));
            at += run;
        } else if ((uint8_t)text.ptr[at] < 0x80) {
            put_escape(w, text.ptr[at++]);
        } else {
            fail(w, SPOKE_E_ARG); /* malformed UTF-8 */
        }
    }
    put_char(w, '"');
}

/* --- structure --- */

/* A value may stand at the very start, behind a key, or in an array. */
static void before_value(spoke_writer *w)
{
    if (w->depth == 0 ? w->comma : in_object(w) && !w->keyed)
        fail(w, SPOKE_E_STATE);
    if (in_array(w) && w->comma)
        put_char(w, ',');
}

static void after_value(spoke_writer *w)
{
    w->comma = true;
    w->keyed = false;
}

static void begin(spoke_writer *w, bool array)
{
    before_value(w);
    if (w->depth == MAX_DEPTH)
        fail(w, SPOKE_E_TOO_LARGE);
    put_char(w, array ? '[' : '{');
    if (w->status != SPOKE_OK)
        return;
    w->arrays = w->arrays << 1 | array;
    w->depth++;
    w->comma = false;
    w->keyed = false;
}

static void end(spoke_writer *w, bool array)
{
    if (w->depth == 0 || in_array(w) != array || w->keyed)
        fail(w, SPOKE_E_STATE);
    put_char(w, array ? ']' : '}');
    if (w->status != SPOKE_OK)
        return;
    w->arrays >>= 1;
    w->depth--;
    after_value(w);
}

void spoke_write_begin_object(spoke_writer *w)
{
    begin(w, false);
}

void spoke_write_end_object(spoke_writer *w)
{
    if (w->implied && w->depth == 1)
        fail(w, SPOKE_E_STATE); /* the writer opened that one, and closes it */
    end(w, false);
}

void spoke_write_begin_array(spoke_writer *w)
{
    begin(w, true);
}

void spoke_write_end_array(spoke_writer *w)
{
    end(w, true);
}

static void before_key(spoke_writer *w)
{
    if (!in_object(w) || w->keyed)
        fail(w, SPOKE_E_STATE);
    if (w->comma)
        put_char(w, ',');
}

static void after_key(spoke_writer *w)
{
    put_char(w, ':');
    w->keyed = true;
}

void spoke_write_key(spoke_writer *w, spoke_str key)
{
    before_key(w);
    put_string(w, key);
    after_key(w);
}

void json_write_name(spoke_writer *w, const char *key)
{
    spoke_write_key(w, spoke_str_of(key));
}

void spoke_write_raw_key(spoke_writer *w, spoke_str raw_key)
{
    before_key(w);
    if (SPOKE_WITH_RAW_CHECKS && !json_string_body_valid(raw_key))
        fail(w, SPOKE_E_JSON);
    put_char(w, '"');
    put(w, raw_key);
    put_char(w, '"');
    after_key(w);
}

/* --- values --- */

static void put_raw(spoke_writer *w, spoke_str value)
{
    if (SPOKE_WITH_RAW_CHECKS)
        fail(w, spoke_json_check(value));
    put(w, value);
}

void json_write_text_member(spoke_writer *w, const char *key, spoke_str value)
{
    json_write_name(w, key);
    put_string(w, value);
    after_value(w);
}

void json_write_int_member(spoke_writer *w, const char *key, int64_t value)
{
    json_write_name(w, key);
    if (w->status == SPOKE_OK)
        w->status = json_number_append_int(value, &w->out);
    after_value(w);
}

void json_write_raw(spoke_writer *w, spoke_str value)
{
    before_value(w);
    put_raw(w, value);
    after_value(w);
}

static void put_value(spoke_writer *w, const spoke_field *field)
{
    switch (field->kind) {
    case SPOKE_KIND_BOOL:
        put(w, field->as.boolean ? SPOKE_STR("true") : SPOKE_STR("false"));
        return;
    case SPOKE_KIND_INT:
        fail(w, json_number_append_int(field->as.integer, &w->out));
        return;
    case SPOKE_KIND_UINT:
        fail(w, spoke_buf_append_u64(&w->out, field->as.natural));
        return;
    case SPOKE_KIND_DOUBLE:
        fail(w, json_number_append_double(field->as.number, &w->out));
        return;
    case SPOKE_KIND_TEXT:
        put_string(w, field->as.text);
        return;
    case SPOKE_KIND_JSON:
        put_raw(w, field->as.text);
        return;
    case SPOKE_KIND_NULL:
        put(w, SPOKE_STR("null"));
        return;
    }
    fail(w, SPOKE_E_ARG);
}

void spoke_write_value(spoke_writer *w, spoke_field field)
{
    before_value(w);
    if (w->status == SPOKE_OK)
        put_value(w, &field);
    after_value(w);
}

void spoke_write(spoke_writer *w, spoke_field field)
{
    const bool nothing_yet = w->depth == 0 && !w->comma;
    if (nothing_yet && field.name != NULL) {
        spoke_write_begin_object(w);
        w->implied = true;
    }
    if (field.name != NULL)
        spoke_write_key(w, spoke_str_of(field.name));
    spoke_write_value(w, field);
}

spoke_status spoke_writer_finish(spoke_writer *w, spoke_str *out)
{
    if (w->implied && w->depth == 1)
        end(w, false);
    if (w->depth != 0)
        fail(w, SPOKE_E_STATE);
    *out = w->status == SPOKE_OK ? spoke_buf_str(&w->out) : spoke_str_from(NULL, 0);
    return w->status;
}
