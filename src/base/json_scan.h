/* The grammar of RFC 8259, without meaning: steps over one piece of text and says whether it was well-formed. */
#ifndef SPOKE_SRC_BASE_JSON_SCAN_H
#define SPOKE_SRC_BASE_JSON_SCAN_H

#include <spoke/base.h>

/* The first position from `at` on that is not white space. */
size_t json_skip_space(spoke_str text, size_t at);
/* The byte there; NUL past the end, where no grammar allows one. */
char json_peek(spoke_str text, size_t at);

/* On true, *at stands behind the piece; on false, where the trouble is. */
bool json_scan_value(spoke_str text, size_t *at); /* at most SPOKE_JSON_DEPTH deep */
bool json_scan_string(spoke_str text, size_t *at);
bool json_scan_number(spoke_str text, size_t *at);
/* A string and the colon behind it; *key is what stands between the quotes. */
bool json_scan_key(spoke_str text, size_t *at, spoke_str *key);
/* One escape, or the two that make a surrogate pair; *at is on the backslash. */
bool json_scan_escape(spoke_str text, size_t *at, uint32_t *scalar);
/* The whole text is one object. */
bool json_is_object(spoke_str json);
/* The raw text between the quotes of a member; empty when there is none such, or it is no text. */
spoke_str json_text_member(spoke_str object, const char *key);
/* What stands between two quotes. */
bool json_string_body_valid(spoke_str body);

#endif
