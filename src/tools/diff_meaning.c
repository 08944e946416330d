#include "tools/diff.h"

#include <stdlib.h>
#include <string.h>

/* What JSON that fits both templates means: units, and what the values of an enum are called. Walks both graphs along
 * the parts that have the same names. */

struct walk {
    struct diff_telling at;
    struct diff_pairs seen;
};

static void compare_schema(struct walk *w, const struct dtdl_element *old, const struct dtdl_element *new);

static void compare_unit(struct walk *w, const struct dtdl_element *old, const struct dtdl_element *new)
{
    const char *was = old->unit, *is = new->unit;
    if (was != NULL && is != NULL && strcmp(was, is) != 0)
        diff_tell(&w->at, true, "is in %s now, where devices in the field mean %s", is, was);
    else if (was == NULL && is != NULL)
        diff_tell(&w->at, false, "has the unit %s now", is);
    else if (was != NULL && is == NULL)
        diff_tell(&w->at, false, "has no unit any more; it was %s", was);
}

/* --- enums --- */

static const struct dtdl_element *value_like(const struct dtdl_element *schema, spoke_str name, spoke_str token)
{
    for (const struct dtdl_link *l = dtdl_first(schema, DTDL_ENUM_VALUES); l != NULL; l = dtdl_next(l)) {
        if (spoke_str_equal(l->to->name, name) || spoke_str_equal(l->to->enum_value, token))
            return l->to;
    }
    return NULL;
}

static const struct dtdl_element *value_named(const struct dtdl_element *schema, spoke_str name)
{
    return value_like(schema, name, SPOKE_STR(" "));
}

static const struct dtdl_element *value_of(const struct dtdl_element *schema, spoke_str token)
{
    return value_like(schema, SPOKE_STR(" "), token);
}

/* The same value under another name: harmless, unless the old name stands for another value now. */
static void compare_values(struct walk *w, const struct dtdl_element *old, const struct dtdl_element *new)
{
    for (const struct dtdl_link *l = dtdl_first(old, DTDL_ENUM_VALUES); l != NULL; l = dtdl_next(l)) {
        const spoke_str name = l->to->name, token = l->to->enum_value;
        const struct dtdl_element *same = value_of(new, token), *moved = value_named(new, name);
        const bool renamed = same != NULL && !spoke_str_equal(same->name, name);
        if (moved != NULL && !spoke_str_equal(moved->enum_value, token))
            diff_tell(&w->at, true, "%.*s is %.*s now, where devices in the field mean %.*s", (int)name.len,
                      name.ptr, (int)moved->enum_value.len, moved->enum_value.ptr, (int)token.len, token.ptr);
        else if (renamed)
            diff_tell(&w->at, false, "value %.*s is called %.*s now; it was %.*s", (int)token.len, token.ptr,
                      (int)same->name.len, same->name.ptr, (int)name.len, name.ptr);
    }
}

/* --- parts --- */

static void compare_inside(struct walk *w, const char *dot, spoke_str step, const struct dtdl_element *old,
                           const struct dtdl_element *new)
{
    const size_t len = w->at.place.len;
    if (old == NULL || new == NULL)
        return;
    text_addf(&w->at.place, "%s%.*s", dot, (int)step.len, step.ptr);
    compare_unit(w, old, new);
    compare_schema(w, dtdl_target(old, DTDL_SCHEMA), dtdl_target(new, DTDL_SCHEMA));
    diff_leave(&w->at, len);
}

static void compare_fields(struct walk *w, const struct dtdl_element *old, const struct dtdl_element *new)
{
    for (const struct dtdl_link *a = dtdl_first(old, DTDL_FIELDS); a != NULL; a = dtdl_next(a)) {
        for (const struct dtdl_link *b = dtdl_first(new, DTDL_FIELDS); b != NULL; b = dtdl_next(b)) {
            if (spoke_str_equal(a->to->name, b->to->name))
                compare_inside(w, ".", a->to->name, a->to, b->to);
        }
    }
}

static void compare_elements(struct walk *w, const struct dtdl_element *old, const struct dtdl_element *new)
{
    const size_t len = w->at.place.len;
    text_adds(&w->at.place, "[]");
    compare_schema(w, dtdl_target(old, DTDL_ELEMENT_SCHEMA), dtdl_target(new, DTDL_ELEMENT_SCHEMA));
    diff_leave(&w->at, len);
}

/* As deep as the schemas of the templates: each pair once. */
static void compare_schema(struct walk *w, const struct dtdl_element *old, const struct dtdl_element *new)
{
    if (old == NULL || new == NULL || old->kind != new->kind || w->at.place.failed ||
        !diff_pair_is_new(&w->seen, old, new))
        return;
    switch ((int)old->kind) {
    case DTDL_ENUM:
        compare_values(w, old, new);
        break;
    case DTDL_OBJECT:
        compare_fields(w, old, new);
        break;
    case DTDL_ARRAY:
        compare_elements(w, old, new);
        break;
    case DTDL_MAP:
        compare_inside(w, "{}", SPOKE_STR(""), dtdl_target(old, DTDL_MAP_VALUE_EDGE),
                       dtdl_target(new, DTDL_MAP_VALUE_EDGE));
        break;
    default:
        break;
    }
}

bool diff_meaning(const spoke_member *member, const struct dtdl_element *old, const struct dtdl_element *new,
                  diff_fn tell_change, void *ctx)
{
    struct walk w = {.at = {member, tell_change, ctx, {0}}};
    if (old != NULL && new != NULL)
        compare_inside(&w, "", SPOKE_STR(""), old, new);
    const bool done = !w.at.place.failed && !w.seen.failed;
    text_free(&w.at.place);
    free(w.seen.pairs);
    return done;
}
