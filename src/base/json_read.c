#include <string.h>

#include <spoke/base.h>

#include "base/ascii.h"
#include "base/json_number.h"
#include "base/json_scan.h"
#include "base/utf8.h"

/* True when the scan of `piece` takes the whole text but for white space around it. */
static bool is_exactly(spoke_str json, bool (*piece)(spoke_str text, size_t *at), spoke_str *found)
{
    const size_t start = json_skip_space(json, 0);
    size_t end = start;
    if (!piece(json, &end) || json_skip_space(json, end) != json.len)
        return false;
    *found = spoke_str_from(json.ptr + start, end - start);
    return true;
}

spoke_status spoke_json_check(spoke_str json)
{
    spoke_str value;
    return is_exactly(json, json_scan_value, &value) ? SPOKE_OK : SPOKE_E_JSON;
}

char spoke_json_type(spoke_str json)
{
    const char first = json_peek(json, json_skip_space(json, 0));
    if (first == '-' || ascii_is_digit(first))
        return '0';
    return memchr("{[\"tfn", first, 6) != NULL ? first : '\0';
}

bool json_is_object(spoke_str json)
{
    return spoke_json_type(json) == '{' && spoke_json_check(json) == SPOKE_OK;
}

/* --- scalars --- */

spoke_status spoke_json_double(spoke_str json, double *out)
{
    spoke_str number;
    if (!is_exactly(json, json_scan_number, &number))
        return SPOKE_E_JSON;
    return json_number_to_double(number, out) ? SPOKE_OK : SPOKE_E_JSON;
}

spoke_status spoke_json_int(spoke_str json, int64_t *out)
{
    spoke_str number;
    if (!is_exactly(json, json_scan_number, &number))
        return SPOKE_E_JSON;
    return json_number_to_int(number, out) ? SPOKE_OK : SPOKE_E_JSON;
}

spoke_status spoke_json_bool(spoke_str json, bool *out)
{
    spoke_str word;
    if (!is_exactly(json, json_scan_value, &word))
        return SPOKE_E_JSON;
    if (word.ptr[0] != 't' && word.ptr[0] != 'f')
        return SPOKE_E_JSON;
    *out = word.ptr[0] == 't';
    return SPOKE_OK;
}

/* Appends the run up to the next escape, and what that escape stands for. `body` is valid. */
static spoke_status append_unescaped(spoke_str body, size_t *at, spoke_buf *out)
{
    const char *escape = memchr(body.ptr + *at, '\\', body.len - *at);
    const size_t end = escape != NULL ? (size_t)(escape - body.ptr) : body.len;
    const spoke_status status = spoke_buf_append(out, spoke_str_from(body.ptr + *at, end - *at));
    uint32_t scalar = 0;
    *at = end;
    if (status != SPOKE_OK || escape == NULL)
        return status;
    return json_scan_escape(body, at, &scalar) ? utf8_append(scalar, out) : SPOKE_E_JSON;
}

spoke_status spoke_json_text(spoke_str json, spoke_buf *out)
{
    const size_t start = out->len;
    spoke_status status = SPOKE_OK;
    spoke_str quoted;
    if (!is_exactly(json, json_scan_string, &quoted))
        return SPOKE_E_JSON;
    const spoke_str body = spoke_str_from(quoted.ptr + 1, quoted.len - 2);
    for (size_t at = 0; at < body.len && status == SPOKE_OK;)
        status = append_unescaped(body, &at, out);
    if (status != SPOKE_OK)
        out->len = start;
    return status;
}

/* --- objects and arrays --- */

spoke_status spoke_json_enter(spoke_str json, spoke_json_cursor *out)
{
    const size_t at = json_skip_space(json, 0);
    const char first = json_peek(json, at);
    if (first != '{' && first != '[')
        return SPOKE_E_JSON;
    *out = (spoke_json_cursor){.text = json, .at = at + 1, .array = first == '[', .first = true};
    return SPOKE_OK;
}

/* *at is on the closing bracket: only white space may follow it. */
static spoke_status end_of(spoke_str text, size_t at)
{
    return json_skip_space(text, at + 1) == text.len ? SPOKE_E_NOT_FOUND : SPOKE_E_JSON;
}

spoke_status spoke_json_member(spoke_json_cursor *cursor, spoke_str *key, spoke_str *value)
{
    const spoke_str text = cursor->text;
    spoke_str name = {NULL, 0}; /* elements of an array have none */
    size_t at = json_skip_space(text, cursor->at);
    if (json_peek(text, at) == (cursor->array ? ']' : '}'))
        return end_of(text, at);
    if (!cursor->first) {
        if (json_peek(text, at) != ',')
            return SPOKE_E_JSON;
        at = json_skip_space(text, at + 1);
    }
    if (!cursor->array && !json_scan_key(text, &at, &name))
        return SPOKE_E_JSON;
    at = json_skip_space(text, at);
    const size_t start = at;
    if (!json_scan_value(text, &at))
        return SPOKE_E_JSON;
    cursor->at = at;
    cursor->first = false;
    *key = name;
    *value = spoke_str_from(text.ptr + start, at - start);
    return SPOKE_OK;
}

/* Appends the next character of a raw key, resolved; plain bytes one at a time. */
static bool next_of_key(spoke_str raw_key, size_t *at, spoke_buf *out)
{
    uint32_t scalar = 0;
    if (raw_key.ptr[*at] == '\\')
        return json_scan_escape(raw_key, at, &scalar) && utf8_append(scalar, out) == SPOKE_OK;
    const uint8_t byte = (uint8_t)raw_key.ptr[*at];
    *at += 1;
    return spoke_buf_append_byte(out, byte) == SPOKE_OK;
}

bool spoke_json_key_is(spoke_str raw_key, spoke_str name)
{
    for (size_t at = 0; at < raw_key.len;) {
        uint8_t memory[4];
        spoke_buf piece = spoke_buf_from(memory, sizeof memory);
        if (!next_of_key(raw_key, &at, &piece) || !spoke_str_starts(name, spoke_buf_str(&piece)))
            return false;
        name = spoke_str_from(name.ptr + piece.len, name.len - piece.len);
    }
    return name.len == 0;
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
