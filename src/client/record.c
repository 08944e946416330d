#include "record.h"

#include <string.h>

#include "machine.h"

spoke_status record_load(const spoke_client *c, const char *key, spoke_buf *out)
{
    return c->platform.load != NULL ? c->platform.load(c->platform.ctx, key, out) : SPOKE_E_NOT_FOUND;
}

spoke_status record_keep(const spoke_client *c, const char *key, spoke_str text)
{
    return c->platform.store != NULL ? c->platform.store(c->platform.ctx, key, text) : SPOKE_E_UNSUPPORTED;
}

spoke_status record_store(const spoke_client *c, const char *key, spoke_writer *w)
{
    spoke_str text;
    const spoke_status status = spoke_writer_finish(w, &text);
    return status == SPOKE_OK ? record_keep(c, key, text) : status;
}

spoke_status record_remove(const spoke_client *c, const char *key)
{
    return record_keep(c, key, (spoke_str){NULL, 0});
}

bool record_is(spoke_str object, const char *key, const char *wanted)
{
    spoke_str json;
    return spoke_json_find(object, key, &json) == SPOKE_OK && spoke_json_type(json) == '"' &&
           spoke_json_key_is(spoke_str_from(json.ptr + 1, json.len - 2), spoke_str_of(wanted));
}

bool record_text(spoke_str object, const char *key, char *out, size_t cap)
{
    spoke_str json;
    spoke_buf text = spoke_buf_from(out, cap - 1);
    if (spoke_json_find(object, key, &json) != SPOKE_OK || spoke_json_text(json, &text) != SPOKE_OK ||
        text.len == 0)
        return false;
    out[text.len] = '\0';
    return strlen(out) == text.len;
}

bool record_number(spoke_str object, const char *key, int64_t least, int64_t most, int64_t *out)
{
    spoke_str json;
    return spoke_json_find(object, key, &json) == SPOKE_OK && spoke_json_int(json, out) == SPOKE_OK &&
           *out >= least && *out <= most;
}
