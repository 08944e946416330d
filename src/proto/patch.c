#include <spoke/proto/twin.h>

#include "base/json_scan.h"
#include "base/utf8.h"

/* Two merge patches (RFC 7386) as one. First what only the older patch says, then the newer one; where both change one object, that object is composed the
 * same way, on a stack of fixed depth. */

struct level {
    spoke_str older, newer;   /* two objects */
    spoke_json_cursor cursor; /* over the older, then over the newer */
    bool in_newer, any;
};

struct composer {
    struct level levels[SPOKE_MAX_TWIN_DEPTH];
    size_t depth;
    spoke_buf *out;
};

/* --- keys --- */

/* One character of a raw key, escapes resolved; *at steps over it. */
static uint32_t next_scalar(spoke_str key, size_t *at)
{
    uint32_t scalar = (uint8_t)key.ptr[*at];
    if (scalar == '\\' && json_scan_escape(key, at, &scalar))
        return scalar;
    const size_t len = utf8_length(key, *at);
    if (len > 1) {
        scalar &= 0x7Fu >> len;
        for (size_t i = 1; i < len; i++)
            scalar = scalar << 6 | ((uint8_t)key.ptr[*at + i] & 0x3Fu);
    }
    *at += len > 0 ? len : 1;
    return scalar;
}

static bool same_key(spoke_str a, spoke_str b)
{
    size_t i = 0, j = 0;
    if (spoke_str_equal(a, b))
        return true;
    while (i < a.len && j < b.len)
        if (next_scalar(a, &i) != next_scalar(b, &j))
            return false;
    return i == a.len && j == b.len;
}

/* E_NOT_FOUND; E_UNSUPPORTED: it is there twice, and which one counts is not for us to say. */
static spoke_status find(spoke_str object, spoke_str key, spoke_str *value)
{
    spoke_json_cursor at;
    spoke_str name, candidate;
    spoke_status found = SPOKE_E_NOT_FOUND;
    spoke_status status = spoke_json_enter(object, &at);
    while (status == SPOKE_OK && (status = spoke_json_member(&at, &name, &candidate)) == SPOKE_OK) {
        if (!same_key(name, key))
            continue;
        if (found == SPOKE_OK)
            return SPOKE_E_UNSUPPORTED;
        found = SPOKE_OK;
        *value = candidate;
    }
    return status == SPOKE_E_NOT_FOUND ? found : SPOKE_E_JSON;
}

/* --- writing --- */

static spoke_status put_key(struct composer *c, struct level *l, spoke_str key)
{
    spoke_status status = l->any ? spoke_buf_append_byte(c->out, ',') : SPOKE_OK;
    l->any = true;
    if (status == SPOKE_OK)
        status = spoke_buf_append_byte(c->out, '"');
    if (status == SPOKE_OK)
        status = spoke_buf_append(c->out, key);
    return status == SPOKE_OK ? spoke_buf_append(c->out, SPOKE_STR("\":")) : status;
}

static spoke_status put_member(struct composer *c, struct level *l, spoke_str key, spoke_str value)
{
    const spoke_status status = put_key(c, l, key);
    return status == SPOKE_OK ? spoke_buf_append(c->out, value) : status;
}

static spoke_status enter(struct composer *c, spoke_str older, spoke_str newer)
{
    if (c->depth == SPOKE_MAX_TWIN_DEPTH)
        return SPOKE_E_UNSUPPORTED;
    struct level *l = &c->levels[c->depth++];
    *l = (struct level){.older = older, .newer = newer};
    const spoke_status status = spoke_json_enter(older, &l->cursor);
    return status == SPOKE_OK ? spoke_buf_append_byte(c->out, '{') : status;
}

/* --- one member --- */

static spoke_status take_older(struct composer *c, struct level *l, spoke_str key, spoke_str value)
{
    spoke_str later;
    const spoke_status status = find(l->newer, key, &later);
    if (status == SPOKE_E_NOT_FOUND)
        return put_member(c, l, key, value);
    /* its turn comes with the newer; an object there changes what is, and only an object keeps that */
    if (status == SPOKE_OK && spoke_json_type(later) == '{' && spoke_json_type(value) != '{')
        return SPOKE_E_UNSUPPORTED;
    return status;
}

static spoke_status take_newer(struct composer *c, struct level *l, spoke_str key, spoke_str value)
{
    spoke_str earlier = {NULL, 0};
    if (spoke_json_type(value) != '{')
        return put_member(c, l, key, value);
    spoke_status status = find(l->older, key, &earlier);
    if (status == SPOKE_E_NOT_FOUND)
        return put_member(c, l, key, value);
    if (status == SPOKE_OK)
        status = put_key(c, l, key);
    return status == SPOKE_OK ? enter(c, earlier, value) : status;
}

/* The next member of the innermost level, or its end. */
static spoke_status step(struct composer *c)
{
    struct level *l = &c->levels[c->depth - 1];
    spoke_str key, value;
    const spoke_status status = spoke_json_member(&l->cursor, &key, &value);
    if (status == SPOKE_OK)
        return l->in_newer ? take_newer(c, l, key, value) : take_older(c, l, key, value);
    if (status != SPOKE_E_NOT_FOUND)
        return status;
    if (!l->in_newer) {
        l->in_newer = true;
        return spoke_json_enter(l->newer, &l->cursor);
    }
    c->depth--;
    return spoke_buf_append_byte(c->out, '}');
}

spoke_status spoke_patch_compose(spoke_str older, spoke_str newer, spoke_buf *out)
{
    struct composer c = {.depth = 0, .out = out};
    const size_t start = out->len;
    if (spoke_json_type(older) != '{' || spoke_json_type(newer) != '{')
        return SPOKE_E_JSON;
    spoke_status status = enter(&c, older, newer);
    while (status == SPOKE_OK && c.depth > 0)
        status = step(&c);
    if (status != SPOKE_OK)
        out->len = start;
    return status;
}
