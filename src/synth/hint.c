#include "synth/hint.h"

static const struct dtdl_element *content_named(const struct dtdl_element *interface, const char *name)
{
    struct dtdl_walk walk;
    dtdl_walk_begin(&walk, interface);
    for (const struct dtdl_element *at; (at = dtdl_walk_next(&walk)) != NULL;) {
        if (spoke_str_equal(at->name, spoke_str_of(name)))
            return at;
    }
    return NULL;
}

static const struct dtdl_element *element_of(const struct dtdl_element *interface, const spoke_member *member)
{
    if (member->component != NULL) {
        const struct dtdl_element *component = content_named(interface, member->component);
        interface = component != NULL ? dtdl_target(component, DTDL_SCHEMA) : NULL;
    }
    return interface != NULL ? content_named(interface, member->name) : NULL;
}

struct sense_hint hint_of(const struct dtdl_element *interface, const spoke_member *member)
{
    const struct dtdl_element *element = element_of(interface, member);
    struct sense_hint hint = {.name = member->name};
    if (element != NULL) {
        hint.semantic_type = element->semantic_type;
        hint.unit = element->unit;
    }
    return hint;
}
