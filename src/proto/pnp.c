#include <spoke/proto/pnp.h>

#include <string.h>

#include "base/json_scan.h"
#include "base/json_write.h"

void spoke_pnp_begin_component(spoke_writer *w, const char *component)
{
    if (component == NULL || component[0] == '\0')
        return;
    json_write_name(w, component);
    spoke_write_begin_object(w);
    json_write_text_member(w, "__t", SPOKE_STR("c"));
}

void spoke_pnp_end_component(spoke_writer *w, const char *component)
{
    if (component != NULL && component[0] != '\0')
        spoke_write_end_object(w);
}

void spoke_pnp_ack(spoke_writer *w, spoke_str name, spoke_str value, int code, int64_t version, const char *text)
{
    spoke_write_raw_key(w, name);
    spoke_write_begin_object(w);
    json_write_name(w, "value");
    json_write_raw(w, value);
    json_write_int_member(w, "ac", code);
    json_write_int_member(w, "av", version);
    if (text != NULL)
        json_write_text_member(w, "ad", spoke_str_of(text));
    spoke_write_end_object(w);
}

/* --- reading a desired document --- */

spoke_status spoke_pnp_enter(spoke_str document, bool (*is_component)(void *ctx, spoke_str name), void *ctx,
                             spoke_pnp_cursor *out)
{
    *out = (spoke_pnp_cursor){.is_component = is_component, .ctx = ctx};
    const spoke_status status = spoke_json_enter(document, &out->outer);
    return status == SPOKE_OK && !out->outer.array ? SPOKE_OK : SPOKE_E_JSON;
}

static bool is_bookkeeping(spoke_str key)
{
    return spoke_json_key_is(key, SPOKE_STR("$version")) || spoke_json_key_is(key, SPOKE_STR("__t"));
}

/* "__t":"c" may stand anywhere in the object. */
static bool is_marked(spoke_str object)
{
    return spoke_json_key_is(json_text_member(object, "__t"), SPOKE_STR("c"));
}

static bool is_component(const spoke_pnp_cursor *at, const spoke_pnp_property *p)
{
    if (p->name.len == 0 || p->value.ptr[0] != '{')
        return false; /* the empty name would be the default component's */
    return (at->is_component != NULL && at->is_component(at->ctx, p->name)) || is_marked(p->value);
}

/* The next member where the cursor stands, out of a component when that is at its end. */
static spoke_status next_member(spoke_pnp_cursor *at, spoke_pnp_property *out)
{
    if (at->inside) {
        const spoke_status status = spoke_json_member(&at->inner, &out->name, &out->value);
        if (status != SPOKE_E_NOT_FOUND)
            return status;
        at->inside = false;
    }
    at->component = spoke_str_from(NULL, 0);
    return spoke_json_member(&at->outer, &out->name, &out->value);
}

spoke_status spoke_pnp_next(spoke_pnp_cursor *at, spoke_pnp_property *out)
{
    for (;;) {
        const spoke_status status = next_member(at, out);
        out->component = at->component;
        if (status != SPOKE_OK)
            return status;
        if (is_bookkeeping(out->name))
            continue;
        if (at->inside || !is_component(at, out))
            return SPOKE_OK;
        at->inside = spoke_json_enter(out->value, &at->inner) == SPOKE_OK; /* is_component has seen its bracket */
        at->component = out->name;
    }
}

/* --- commands --- */

void spoke_pnp_split_command(spoke_str method, spoke_str *component, spoke_str *command)
{
    const char *star = method.len > 1 ? memchr(method.ptr + 1, '*', method.len - 1) : NULL;
    if (star == NULL) {
        *component = spoke_str_from(NULL, 0);
        *command = method;
        return;
    }
    const size_t before = (size_t)(star - method.ptr);
    *component = spoke_str_from(method.ptr, before);
    *command = spoke_str_from(star + 1, method.len - before - 1);
}
