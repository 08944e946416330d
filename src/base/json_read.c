#include <string.h>

#include <spoke/base.h>

#include "base/ascii.h"
#include "base/json_number.h"
#include "base/json_scan.h"
#include "base/utf8.h"

/* Nothing but white space is left. */
static bool at_end(spoke_json_cursor *s)
{
    (void)json_peek_token(s);
    return s->at == s->text.len;
}

/* True when the piece is the whole text but for white space around it. */
static bool is_exactly(spoke_str json, bool (*piece)(spoke_json_cursor *s), spoke_str *found)
{
    spoke_json_cursor s = json_scan_from(json, 0);
    (void)json_peek_token(&s);
    const size_t start = s.at;
    if (!piece(&s))
        return false;
    *found = spoke_str_from(json.ptr + start, s.at - start);
    return at_end(&s);
}

spoke_status spoke_json_check(spoke_str json)
{
    spoke_str value;
    return is_exactly(json, json_take_value, &value) ? SPOKE_OK : SPOKE_E_JSON;
}

char spoke_json_type(spoke_str json)
{
    spoke_json_cursor s = json_scan_from(json, 0);
    const char first = json_peek_token(&s);
    if (first == '-' || ascii_is_digit(first))
        return '0';
    return memchr("{[\"tfn", first, 6) != NULL ? first : '\0';
}

bool json_is_object(spoke_str json)
{
    spoke_json_cursor s;
    return spoke_json_enter(json, &s) == SPOKE_OK && !s.array && spoke_json_check(json) == SPOKE_OK;
}

/* --- scalars --- */

spoke_status spoke_json_double(spoke_str json, double *out)
{
    spoke_str number;
    if (!is_exactly(json, json_take_number, &number))
        return SPOKE_E_JSON;
    return json_number_to_double(number, out) ? SPOKE_OK : SPOKE_E_JSON;
}

spoke_status spoke_json_int(spoke_str json, int64_t *out)
{
    spoke_str number;
    if (!is_exactly(json, json_take_number, &number))
        return SPOKE_E_JSON;
    return json_number_to_int(number, out) ? SPOKE_OK : SPOKE_E_JSON;
}

spoke_status spoke_json_bool(spoke_str json, bool *out)
{
    spoke_str word;
    if (!is_exactly(json, json_take_value, &word))
        return SPOKE_E_JSON;
    if (word.ptr[0] != 't' && word.ptr[0] != 'f')
        return SPOKE_E_JSON;
    *out = word.ptr[0] == 't';
    return SPOKE_OK;
}

/* --- texts --- */

/* What the front of a raw text stands for, which is stepped over: all up to the next escape, or that escape, whose
 * character is put into `memory`. NULL: it is none. The text is not empty. */
static spoke_str take_piece(spoke_str *raw, uint8_t memory[UTF8_MOST])
{
    const char *escape = memchr(raw->ptr, '\\', raw->len);
    size_t at = escape != NULL ? (size_t)(escape - raw->ptr) : raw->len;
    spoke_str piece = spoke_str_from(raw->ptr, at);
    uint32_t scalar = 0;
    if (at == 0) {
        if (!json_scan_escape(*raw, &at, &scalar))
            return spoke_str_from(NULL, 0);
        piece = utf8_put(scalar, memory);
    }
    *raw = spoke_str_from(raw->ptr + at, raw->len - at);
    return piece;
}

spoke_status spoke_json_text(spoke_str json, spoke_buf *out)
{
    const size_t start = out->len;
    spoke_status status = SPOKE_OK;
    spoke_str quoted;
    if (!is_exactly(json, json_take_string, &quoted))
        return SPOKE_E_JSON;
    uint8_t memory[UTF8_MOST];
    spoke_str raw = spoke_str_from(quoted.ptr + 1, quoted.len - 2);
    while (raw.len > 0 && status == SPOKE_OK) /* whose escapes were looked at */
        status = spoke_buf_append(out, take_piece(&raw, memory));
    if (status != SPOKE_OK)
        out->len = start;
    return status;
}

bool spoke_json_key_is(spoke_str raw_key, spoke_str name)
{
    uint8_t memory[UTF8_MOST];
    while (raw_key.len > 0) {
        const spoke_str piece = take_piece(&raw_key, memory);
        if (piece.ptr == NULL || !spoke_str_starts(name, piece))
            return false;
        name = spoke_str_from(name.ptr + piece.len, name.len - piece.len);
    }
    return name.len == 0;
}

/* --- objects and arrays --- */

spoke_status spoke_json_enter(spoke_str json, spoke_json_cursor *out)
{
    *out = json_scan_from(json, 0);
    out->array = json_peek_token(out) == '[';
    out->first = true;
    return json_take(out, out->array ? '[' : '{') ? SPOKE_OK : SPOKE_E_JSON;
}

/* An element of an array has no key. */
static bool take_member(spoke_json_cursor *s, spoke_str *key, spoke_str *value)
{
    *key = spoke_str_from(NULL, 0);
    if (!s->first && !json_take(s, ','))
        return false;
    if (!s->array && !json_take_key(s, key))
        return false;
    (void)json_peek_token(s);
    const size_t start = s->at;
    s->first = false;
    if (!json_take_value(s))
        return false;
    *value = spoke_str_from(s->text.ptr + start, s->at - start);
    return true;
}

spoke_status spoke_json_member(spoke_json_cursor *cursor, spoke_str *key, spoke_str *value)
{
    const size_t at = cursor->at;
    const bool first = cursor->first;
    spoke_status status = SPOKE_E_JSON;
    if (json_peek_token(cursor) != (cursor->array ? ']' : '}')) {
        if (take_member(cursor, key, value))
            return SPOKE_OK;
    } else {
        cursor->at++;
        if (at_end(cursor))
            status = SPOKE_E_NOT_FOUND;
    }
    cursor->at = at; /* who asks again hears the same */
    cursor->first = first;
    return status;
}

spoke_status spoke_json_find(spoke_str object, const char *key, spoke_str *out)
{
    const spoke_str name = spoke_str_of(key);
    spoke_json_cursor at;
    spoke_str raw_key, value;
    spoke_status status = spoke_json_enter(object, &at);
    if (status == SPOKE_OK && at.array)
        return SPOKE_E_JSON;
    while (status == SPOKE_OK) {
        status = spoke_json_member(&at, &raw_key, &value);
        if (status == SPOKE_OK && spoke_json_key_is(raw_key, name)) {
            *out = value;
            return SPOKE_OK;
        }
    }
    return status;
}

spoke_str json_text_member(spoke_str object, const char *key)
{
    spoke_str value;
    if (spoke_json_find(object, key, &value) != SPOKE_OK || value.ptr[0] != '"')
        return spoke_str_from(NULL, 0);
    return spoke_str_from(value.ptr + 1, value.len - 2);
}
