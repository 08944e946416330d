#include "rest_query.h"

#include <stdlib.h>
#include <string.h>

#include "base/url.h"

static bool decode(spoke_str coded, char *out)
{
    spoke_buf buf = spoke_buf_from(out, coded.len);
    if (url_decode(coded, &buf) != SPOKE_OK || !spoke_utf8_valid(spoke_buf_str(&buf)))
        return false;
    out[buf.len] = '\0';
    return true;
}

/* A fresh NUL-terminated copy with '+' turned to spaces and escapes resolved. */
static spoke_status decode_value(spoke_str coded, char **out)
{
    char *spaced = strndup(coded.len > 0 ? coded.ptr : "", coded.len);
    char *value = malloc(coded.len + 1);
    spoke_status status = spaced == NULL || value == NULL ? SPOKE_E_NO_MEMORY : SPOKE_OK;
    if (status == SPOKE_OK) {
        for (char *at = spaced; (at = strchr(at, '+')) != NULL;)
            *at = ' ';
        status = decode(spoke_str_from(spaced, coded.len), value) ? SPOKE_OK : SPOKE_E_ARG;
    }
    free(spaced);
    if (status != SPOKE_OK) {
        free(value);
        return status;
    }
    *out = value;
    return SPOKE_OK;
}

static bool is_named(spoke_str pair, const char *name, spoke_str *value)
{
    spoke_str coded;
    char *decoded = NULL;
    *value = (spoke_str){NULL, 0};
    (void)spoke_str_cut(pair, '=', &coded, value);
    const bool same = decode_value(coded, &decoded) == SPOKE_OK && strcmp(decoded, name) == 0;
    free(decoded);
    return same;
}

spoke_status rest_query_get(const char *query, const char *name, char **value)
{
    spoke_str rest = spoke_str_of(query), found = {NULL, 0};
    size_t count = 0;
    while (rest.len > 0) {
        spoke_str pair, coded, tail = {NULL, 0};
        (void)spoke_str_cut(rest, '&', &pair, &tail);
        rest = tail;
        if (!is_named(pair, name, &coded))
            continue;
        found = coded;
        count++;
    }
    if (count == 0)
        return SPOKE_E_NOT_FOUND;
    return count == 1 ? decode_value(found, value) : SPOKE_E_ARG;
}

char *rest_query_without(const char *query, const char *name)
{
    spoke_str rest = spoke_str_of(query), ignored;
    char *out = malloc(rest.len + 1);
    size_t len = 0;
    while (out != NULL && rest.len > 0) {
        spoke_str pair, tail = {NULL, 0};
        (void)spoke_str_cut(rest, '&', &pair, &tail);
        rest = tail;
        if (pair.len == 0 || is_named(pair, name, &ignored))
            continue;
        if (len > 0)
            out[len++] = '&';
        memcpy(out + len, pair.ptr, pair.len);
        len += pair.len;
    }
    if (out != NULL)
        out[len] = '\0';
    return out;
}
