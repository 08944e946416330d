/* Query language: characters to tokens, durations, and values. */
#include <string.h>
#include <strings.h>

#include "ql.h"

#define MAX_DURATION_MS (INT64_C(3660) * 24 * 3600 * 1000)

/* --- tokens --- */

static bool lex_letter(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || ch == '_';
}

static bool lex_digit(char ch)
{
    return ch >= '0' && ch <= '9';
}

static bool lex_among(char ch, const char *set)
{
    return ch != '\0' && strchr(set, ch) != NULL;
}

static size_t lex_word(spoke_str rest)
{
    size_t len = 0;
    while (len < rest.len && (lex_letter(rest.ptr[len]) || lex_digit(rest.ptr[len]) || rest.ptr[len] == '.'))
        len++;
    return len;
}

static size_t lex_dtmi(spoke_str rest)
{
    size_t len = 0;
    while (len < rest.len &&
           (lex_letter(rest.ptr[len]) || lex_digit(rest.ptr[len]) || lex_among(rest.ptr[len], ":;.-")))
        len++;
    return len;
}

static size_t lex_number(spoke_str rest)
{
    size_t len = 1;
    while (len < rest.len && (lex_digit(rest.ptr[len]) || lex_among(rest.ptr[len], ".eE") ||
                              (lex_among(rest.ptr[len], "+-") && lex_among(rest.ptr[len - 1], "eE"))))
        len++;
    return len;
}

/* A quote inside is written twice. 0: it does not end. */
static size_t lex_string(spoke_str rest)
{
    for (size_t len = 1; len < rest.len; len++) {
        if (rest.ptr[len] != rest.ptr[0])
            continue;
        if (len + 1 == rest.len || rest.ptr[len + 1] != rest.ptr[0])
            return len + 1;
        len++;
    }
    return 0;
}

static size_t lex_sign(spoke_str rest)
{
    static const char *const TWO[] = {"!=", "<>", "<=", ">="};
    for (size_t i = 0; i < sizeof TWO / sizeof TWO[0]; i++)
        if (spoke_str_starts(rest, spoke_str_of(TWO[i])))
            return 2;
    return lex_among(rest.ptr[0], "()[],*=<>") ? 1 : 0;
}

static bool lex_has_dtmi(spoke_str rest)
{
    return (rest.len > 5 && strncasecmp(rest.ptr, "dtmi:", 5) == 0) ||
           (rest.len > 4 && strncasecmp(rest.ptr, "urn:", 4) == 0);
}

struct ql_token ql_token_next(spoke_str text, size_t *at)
{
    struct ql_token token = {QL_TOKEN_END, {NULL, 0}};
    size_t len = 0;
    while (*at < text.len && lex_among(text.ptr[*at], " \t\r\n"))
        ++*at;
    const spoke_str rest = spoke_str_from(text.ptr + *at, text.len - *at);
    if (rest.len == 0) {
        token.text = rest;
        return token;
    }
    const char ch = rest.ptr[0];
    if (lex_has_dtmi(rest)) {
        token.kind = QL_TOKEN_DTMI;
        len = lex_dtmi(rest);
    } else if (lex_letter(ch)) {
        token.kind = QL_TOKEN_WORD;
        len = lex_word(rest);
    } else if (ch == '$') {
        token.kind = QL_TOKEN_SYSTEM;
        len = 1 + lex_word(spoke_str_from(rest.ptr + 1, rest.len - 1));
    } else if (lex_digit(ch) || (ch == '-' && rest.len > 1 && lex_digit(rest.ptr[1]))) {
        token.kind = QL_TOKEN_NUMBER;
        len = lex_number(rest);
    } else if (ch == '\'' || ch == '"') {
        token.kind = QL_TOKEN_STRING;
        len = lex_string(rest);
    } else {
        token.kind = QL_TOKEN_SIGN;
        len = lex_sign(rest);
    }
    if (len == 0) {
        token.kind = QL_TOKEN_BAD;
        len = 1;
    }
    token.text = spoke_str_from(rest.ptr, len);
    *at += len;
    return token;
}

bool ql_token_is(const struct ql_token *token, const char *word)
{
    return (token->kind == QL_TOKEN_WORD || token->kind == QL_TOKEN_SIGN) && token->text.len == strlen(word) &&
           strncasecmp(token->text.ptr, word, token->text.len) == 0;
}

/* --- durations --- */

struct duration {
    spoke_str rest;
    int64_t ms;
};

/* Takes "10M" when it stands there. False: a number that is too large. */
static bool take_part(struct duration *d, char letter, int64_t unit_ms)
{
    int64_t value = 0;
    size_t len = 0;
    while (len < d->rest.len && lex_digit(d->rest.ptr[len]) && value <= MAX_DURATION_MS)
        value = value * 10 + (d->rest.ptr[len++] - '0');
    if (len == 0 || len == d->rest.len || d->rest.ptr[len] != letter)
        return true; /* another part, or none */
    if (value > MAX_DURATION_MS / unit_ms)
        return false;
    d->ms += value * unit_ms;
    d->rest = spoke_str_from(d->rest.ptr + len + 1, d->rest.len - len - 1);
    return true;
}

bool ql_duration(spoke_str text, int64_t *ms)
{
    static const int64_t HOUR = INT64_C(3600) * 1000;
    struct duration d = {text, 0};
    if (text.len < 3 || text.ptr[0] != 'P')
        return false;
    d.rest = spoke_str_from(text.ptr + 1, text.len - 1);
    if (!take_part(&d, 'W', 7 * 24 * HOUR))
        return false;
    if (d.ms == 0 && !take_part(&d, 'D', 24 * HOUR))
        return false;
    if (d.rest.len > 1 && d.rest.ptr[0] == 'T') {
        d.rest = spoke_str_from(d.rest.ptr + 1, d.rest.len - 1);
        if (!take_part(&d, 'H', HOUR) || !take_part(&d, 'M', HOUR / 60) || !take_part(&d, 'S', 1000))
            return false;
    }
    *ms = d.ms;
    return d.rest.len == 0 && d.ms > 0 && d.ms <= MAX_DURATION_MS;
}

/* --- values --- */

static void ql_set_text(struct ql_value *value, spoke_str json, spoke_buf *room)
{
    const size_t begin = room->len;
    value->type = QL_TEXT;
    value->text = spoke_str_from(json.ptr + 1, json.len - 2);
    if (memchr(value->text.ptr, '\\', value->text.len) == NULL)
        return;
    value->type = spoke_json_text(json, room) == SPOKE_OK ? QL_TEXT : QL_OTHER;
    value->text = spoke_str_from((const char *)room->ptr + begin, room->len - begin);
}

struct ql_value ql_value_of(spoke_str json, spoke_buf *room)
{
    struct ql_value value = {.type = QL_OTHER, .json = json};
    switch (spoke_json_type(json)) {
    case '"':
        ql_set_text(&value, json, room);
        break;
    case 't':
    case 'f':
        value.type = QL_BOOL;
        value.truth = json.ptr[0] == 't';
        break;
    case '0':
        value.type = spoke_json_double(json, &value.number) == SPOKE_OK ? QL_NUMBER : QL_OTHER;
        break;
    case 'n':
        value.type = QL_NONE;
        break;
    default:
        break;
    }
    return value;
}

size_t ql_segments(const struct ql_path *path, spoke_str out[QL_MAX_SEGMENTS])
{
    spoke_str rest = path->text;
    size_t count = 0;
    for (bool more = true; more && count < QL_MAX_SEGMENTS;) {
        spoke_str tail = {NULL, 0};
        more = spoke_str_cut(rest, '.', &out[count++], &tail);
        rest = tail;
    }
    return count;
}
