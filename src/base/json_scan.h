/* The grammar of RFC 8259, without meaning: steps over one piece of text and says whether it was well-formed. */
#ifndef SPOKE_SRC_BASE_JSON_SCAN_H
#define SPOKE_SRC_BASE_JSON_SCAN_H

#include <spoke/base.h>

/* The scanner is a cursor: its text, and where it stands. The last two are for spoke_json_member. */
static inline spoke_json_cursor json_scan_from(spoke_str text, size_t at)
{
    return (spoke_json_cursor){.text = text, .at = at};
}

/* The byte where the cursor stands; NUL at the end, where no grammar allows one. */
char json_peek(const spoke_json_cursor *s);
/* The same behind white space, which is stepped over. */
char json_peek_token(spoke_json_cursor *s);
/* Steps over that byte, if it stands there. */
bool json_take(spoke_json_cursor *s, char c);

/* On true, the cursor stands behind the piece; on false, where the trouble is. White space in front of a value or a key is
 * stepped over. */
bool json_take_value(spoke_json_cursor *s); /* at most SPOKE_JSON_DEPTH deep */
bool json_take_string(spoke_json_cursor *s);
bool json_take_number(spoke_json_cursor *s);
/* A string and the colon behind it; *key is what stands between the quotes. */
bool json_take_key(spoke_json_cursor *s, spoke_str *key);
/* What stands behind the backslash of a short escape, and what it stands for. */
enum { JSON_ESCAPES = 8 };
extern const char json_escape_letters[JSON_ESCAPES], json_escape_bytes[JSON_ESCAPES];

/* One escape, or the two that make a surrogate pair; *at is on the backslash. */
bool json_scan_escape(spoke_str text, size_t *at, uint32_t *scalar);
/* The whole text is one object. */
bool json_is_object(spoke_str json);
/* The raw text between the quotes of a member; empty when there is none such, or it is no text. */
spoke_str json_text_member(spoke_str object, const char *key);
/* What stands between two quotes. */
bool json_string_body_valid(spoke_str body);

/* --- for readers that keep their place themselves --- */

static inline bool json_scan_string(spoke_str text, size_t *at)
{
    spoke_json_cursor s = json_scan_from(text, *at);
    const bool found = json_take_string(&s);
    *at = s.at;
    return found;
}

static inline bool json_scan_number(spoke_str text, size_t *at)
{
    spoke_json_cursor s = json_scan_from(text, *at);
    const bool found = json_take_number(&s);
    *at = s.at;
    return found;
}

/* The byte behind white space; *at is on it. */
static inline char json_scan_token(spoke_str text, size_t *at)
{
    spoke_json_cursor s = json_scan_from(text, *at);
    const char token = json_peek_token(&s);
    *at = s.at;
    return token;
}

#endif
