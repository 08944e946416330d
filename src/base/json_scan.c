#include "base/json_scan.h"

#include <string.h>

#include "base/ascii.h"
#include "base/hex.h"
#include "base/utf8.h"

char json_peek(const spoke_json_cursor *s)
{
    return s->at < s->text.len ? s->text.ptr[s->at] : '\0';
}

char json_peek_token(spoke_json_cursor *s)
{
    char c = json_peek(s);
    while (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        s->at++;
        c = json_peek(s);
    }
    return c;
}

bool json_take(spoke_json_cursor *s, char c)
{
    const bool there = s->at < s->text.len && s->text.ptr[s->at] == c;
    s->at += there;
    return there;
}

/* --- strings --- */

const char json_escape_letters[JSON_ESCAPES] = {'"', '\\', '/', 'b', 'f', 'n', 'r', 't'};
const char json_escape_bytes[JSON_ESCAPES] = {'"', '\\', '/', '\b', '\f', '\n', '\r', '\t'};

/* *at is behind "\u". */
static bool scan_unicode(spoke_str text, size_t *at, uint32_t *scalar)
{
    uint32_t low = 0;
    if (!hex_take(text, at, 4, scalar))
        return false;
    if (*scalar < 0xD800 || *scalar > 0xDFFF)
        return true;
    if (*scalar > 0xDBFF || text.len - *at < 2 || text.ptr[*at] != '\\' || text.ptr[*at + 1] != 'u')
        return false;
    *at += 2;
    if (!hex_take(text, at, 4, &low) || low < 0xDC00 || low > 0xDFFF)
        return false;
    *scalar = 0x10000 + ((*scalar - 0xD800) << 10) + (low - 0xDC00);
    return true;
}

bool json_scan_escape(spoke_str text, size_t *at, uint32_t *scalar)
{
    const char letter = *at + 1 < text.len ? text.ptr[*at + 1] : '\0';
    *at += 2;
    if (letter == 'u')
        return scan_unicode(text, at, scalar);
    const char *found = memchr(json_escape_letters, letter, JSON_ESCAPES);
    if (found == NULL)
        return false;
    *scalar = (uint32_t)json_escape_bytes[found - json_escape_letters];
    return true;
}

/* Most text is ASCII and nothing to look at twice. */
static size_t skip_plain(spoke_str text, size_t at)
{
    while (at < text.len) {
        const uint8_t byte = (uint8_t)text.ptr[at];
        if (byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\')
            break;
        at++;
    }
    return at;
}

/* Stops at a quote or at the end; false: at something that may not stand inside a string. */
static bool take_string_body(spoke_json_cursor *s)
{
    for (;;) {
        uint32_t scalar = 0;
        s->at = skip_plain(s->text, s->at);
        const uint8_t byte = (uint8_t)json_peek(s);
        if (s->at == s->text.len || byte == '"')
            return true;
        if (byte == '\\') {
            if (!json_scan_escape(s->text, &s->at, &scalar))
                return false;
            continue;
        }
        const size_t len = byte >= 0x20 ? utf8_length(s->text, s->at) : 0;
        if (len == 0)
            return false;
        s->at += len;
    }
}

bool json_take_string(spoke_json_cursor *s)
{
    return json_take(s, '"') && take_string_body(s) && json_take(s, '"');
}

bool json_take_key(spoke_json_cursor *s, spoke_str *key)
{
    (void)json_peek_token(s);
    const size_t start = s->at + 1;
    if (!json_take_string(s))
        return false;
    *key = spoke_str_from(s->text.ptr + start, s->at - 1 - start);
    (void)json_peek_token(s);
    return json_take(s, ':');
}

bool json_string_body_valid(spoke_str body)
{
    spoke_json_cursor s = json_scan_from(body, 0);
    return take_string_body(&s) && s.at == body.len;
}

/* --- the other scalars --- */

static bool take_digits(spoke_json_cursor *s)
{
    const size_t start = s->at;
    while (ascii_is_digit(json_peek(s)))
        s->at++;
    return s->at > start;
}

bool json_take_number(spoke_json_cursor *s)
{
    (void)json_take(s, '-');
    if (!json_take(s, '0') && !take_digits(s)) /* a leading zero stands alone */
        return false;
    if (json_take(s, '.') && !take_digits(s))
        return false;
    if (!json_take(s, 'e') && !json_take(s, 'E'))
        return true;
    if (!json_take(s, '+'))
        (void)json_take(s, '-');
    return take_digits(s);
}

static bool take_word(spoke_json_cursor *s, const char *word)
{
    while (*word != '\0' && json_take(s, *word))
        word++;
    return *word == '\0';
}

static bool take_scalar(spoke_json_cursor *s, char first)
{
    switch (first) {
    case '"':
        return json_take_string(s);
    case 't':
        return take_word(s, "true");
    case 'f':
        return take_word(s, "false");
    case 'n':
        return take_word(s, "null");
    default:
        return json_take_number(s);
    }
}

/* --- nesting --- */

/* Brackets open so far, one bit each, so that nesting costs no stack. */
struct nest {
    uint32_t arrays; /* the innermost is the last bit */
    unsigned depth;
};

_Static_assert(SPOKE_JSON_DEPTH <= 32, "one bit per level");

static bool open_bracket(spoke_json_cursor *s, struct nest *n, bool array)
{
    n->arrays = n->arrays << 1 | array;
    s->at++;
    return n->depth++ < SPOKE_JSON_DEPTH;
}

static bool close_bracket(spoke_json_cursor *s, struct nest *n)
{
    const char expected = (n->arrays & 1) != 0 ? ']' : '}';
    if (n->depth == 0 || json_peek_token(s) != expected)
        return false;
    n->arrays >>= 1;
    n->depth--;
    s->at++;
    return true;
}

bool json_take_value(spoke_json_cursor *s)
{
    struct nest n = {0, 0};
    spoke_str key;
    for (;;) {
        const char first = json_peek_token(s);
        bool behind_value = first != '{' && first != '[';
        if (!(behind_value ? take_scalar(s, first) : open_bracket(s, &n, first == '[')))
            return false;
        while (close_bracket(s, &n))
            behind_value = true;
        if (n.depth == 0)
            return true;
        if (behind_value && !json_take(s, ','))
            return false;
        if ((n.arrays & 1) == 0 && !json_take_key(s, &key))
            return false;
    }
}
