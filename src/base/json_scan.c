#include "base/json_scan.h"

#include <string.h>

#include "base/ascii.h"
#include "base/utf8.h"

/* Brackets open so far, one bit each, so that nesting costs no stack. */
struct scan {
    spoke_str text;
    size_t at;
    uint32_t arrays; /* the innermost is the last bit */
    unsigned depth;
};

_Static_assert(SPOKE_JSON_DEPTH <= 32, "one bit per level");

enum step { STEP_VALUE, STEP_DONE, STEP_BROKEN };

size_t json_skip_space(spoke_str text, size_t at)
{
    while (at < text.len &&
           (text.ptr[at] == ' ' || text.ptr[at] == '\t' || text.ptr[at] == '\n' || text.ptr[at] == '\r'))
        at++;
    return at;
}

char json_peek(spoke_str text, size_t at)
{
    return at < text.len ? text.ptr[at] : '\0';
}

/* --- strings --- */

static bool scan_hex4(spoke_str text, size_t *at, uint32_t *unit)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < 4; i++) {
        const int digit = ascii_hex_value(json_peek(text, *at));
        if (digit < 0)
            return false;
        value = value << 4 | (uint32_t)digit;
        *at += 1;
    }
    *unit = value;
    return true;
}

/* *at is behind "\u". */
static bool scan_unicode(spoke_str text, size_t *at, uint32_t *scalar)
{
    uint32_t low = 0;
    if (!scan_hex4(text, at, scalar))
        return false;
    if (*scalar < 0xD800 || *scalar > 0xDFFF)
        return true;
    if (*scalar > 0xDBFF || json_peek(text, *at) != '\\' || json_peek(text, *at + 1) != 'u')
        return false;
    *at += 2;
    if (!scan_hex4(text, at, &low) || low < 0xDC00 || low > 0xDFFF)
        return false;
    *scalar = 0x10000 + ((*scalar - 0xD800) << 10) + (low - 0xDC00);
    return true;
}

bool json_scan_escape(spoke_str text, size_t *at, uint32_t *scalar)
{
    static const char letters[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
    const char letter = json_peek(text, *at + 1);
    *at += 2;
    if (letter == 'u')
        return scan_unicode(text, at, scalar);
    const char *found = memchr(letters, letter, sizeof letters - 1);
    if (found == NULL)
        return false;
    *scalar = (uint32_t)bytes[found - letters];
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
static bool scan_string_body(spoke_str text, size_t *at)
{
    for (;;) {
        *at = skip_plain(text, *at);
        if (*at == text.len || text.ptr[*at] == '"')
            return true;
        const uint8_t byte = (uint8_t)text.ptr[*at];
        uint32_t scalar = 0;
        if (byte == '\\') {
            if (!json_scan_escape(text, at, &scalar))
                return false;
            continue;
        }
        const size_t len = byte >= 0x20 ? utf8_length(text, *at) : 0;
        if (len == 0)
            return false;
        *at += len;
    }
}

bool json_scan_string(spoke_str text, size_t *at)
{
    if (json_peek(text, *at) != '"')
        return false;
    *at += 1;
    if (!scan_string_body(text, at) || json_peek(text, *at) != '"')
        return false;
    *at += 1;
    return true;
}

bool json_scan_key(spoke_str text, size_t *at, spoke_str *key)
{
    const size_t start = *at;
    if (!json_scan_string(text, at))
        return false;
    *key = spoke_str_from(text.ptr + start + 1, *at - start - 2);
    *at = json_skip_space(text, *at);
    if (json_peek(text, *at) != ':')
        return false;
    *at += 1;
    return true;
}

bool json_string_body_valid(spoke_str body)
{
    size_t at = 0;
    return scan_string_body(body, &at) && at == body.len;
}

/* --- the other scalars --- */

static bool scan_digits(spoke_str text, size_t *at)
{
    const size_t start = *at;
    while (ascii_is_digit(json_peek(text, *at)))
        *at += 1;
    return *at > start;
}

bool json_scan_number(spoke_str text, size_t *at)
{
    if (json_peek(text, *at) == '-')
        *at += 1;
    if (json_peek(text, *at) == '0')
        *at += 1; /* a leading zero stands alone */
    else if (!scan_digits(text, at))
        return false;
    if (json_peek(text, *at) == '.') {
        *at += 1;
        if (!scan_digits(text, at))
            return false;
    }
    if (ascii_lower(json_peek(text, *at)) != 'e')
        return true;
    *at += 1;
    if (json_peek(text, *at) == '+' || json_peek(text, *at) == '-')
        *at += 1;
    return scan_digits(text, at);
}

static bool scan_word(spoke_str text, size_t *at, const char *word)
{
    const size_t len = strlen(word);
    if (!spoke_str_starts(spoke_str_from(text.ptr + *at, text.len - *at), spoke_str_from(word, len)))
        return false;
    *at += len;
    return true;
}

static bool scan_scalar(spoke_str text, size_t *at)
{
    switch (json_peek(text, *at)) {
    case '"':
        return json_scan_string(text, at);
    case 't':
        return scan_word(text, at, "true");
    case 'f':
        return scan_word(text, at, "false");
    case 'n':
        return scan_word(text, at, "null");
    default:
        return json_scan_number(text, at);
    }
}

/* --- nesting --- */

static bool in_array(const struct scan *s)
{
    return (s->arrays & 1) != 0;
}

static char scan_peek_token(struct scan *s)
{
    s->at = json_skip_space(s->text, s->at);
    return json_peek(s->text, s->at);
}

static bool scan_push(struct scan *s, bool array)
{
    if (s->depth == SPOKE_JSON_DEPTH)
        return false;
    s->arrays = s->arrays << 1 | array;
    s->depth++;
    s->at++;
    return true;
}

static enum step scan_close(struct scan *s)
{
    s->arrays >>= 1;
    s->depth--;
    s->at++;
    return STEP_DONE;
}

/* What comes before a value inside the innermost bracket: a key in an object, nothing in an array. */
static enum step scan_prefix(struct scan *s)
{
    spoke_str key;
    if (in_array(s))
        return STEP_VALUE;
    s->at = json_skip_space(s->text, s->at);
    return json_scan_key(s->text, &s->at, &key) ? STEP_VALUE : STEP_BROKEN;
}

static bool at_close(struct scan *s)
{
    return scan_peek_token(s) == (in_array(s) ? ']' : '}');
}

/* STEP_VALUE: a bracket was opened, and its first value comes next. */
static enum step scan_begin(struct scan *s)
{
    const char first = scan_peek_token(s);
    if (first != '{' && first != '[')
        return scan_scalar(s->text, &s->at) ? STEP_DONE : STEP_BROKEN;
    if (!scan_push(s, first == '['))
        return STEP_BROKEN;
    return at_close(s) ? scan_close(s) : scan_prefix(s);
}

/* After a value inside a bracket: another one (STEP_VALUE), or the bracket's end (STEP_DONE). */
static enum step scan_continue(struct scan *s)
{
    if (at_close(s))
        return scan_close(s);
    if (json_peek(s->text, s->at) != ',')
        return STEP_BROKEN;
    s->at++;
    return scan_prefix(s);
}

bool json_scan_value(spoke_str text, size_t *at)
{
    struct scan s = {.text = text, .at = *at};
    enum step step;
    do {
        step = scan_begin(&s);
        while (step == STEP_DONE && s.depth > 0)
            step = scan_continue(&s);
    } while (step == STEP_VALUE);
    *at = s.at;
    return step == STEP_DONE;
}
