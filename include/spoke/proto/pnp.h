/* IoT Plug and Play conventions: acknowledgement objects and the component marker. Pure functions.
 * Tier 0: may change before 1.0. */
#ifndef SPOKE_PROTO_PNP_H
#define SPOKE_PROTO_PNP_H

#include <spoke/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Opens "component":{"__t":"c", inside the object being written; a NULL or empty component writes nothing.
 * Close with spoke_pnp_end_component. */
SPOKE_API void spoke_pnp_begin_component(spoke_writer *w, const char *component);
SPOKE_API void spoke_pnp_end_component(spoke_writer *w, const char *component);
/* "name":{"value":value,"ac":code,"av":version[,"ad":text]}. `name` is a raw key as spoke_json_member gives it;
 * `value` is one JSON value; text NULL: left out. */
SPOKE_API void spoke_pnp_ack(spoke_writer *w, spoke_str name, spoke_str value, int code, int64_t version,
                             const char *text);

/* Walks a desired document (snapshot or patch) property by property, components resolved. A top-level object is a
 * component when is_component says so, or when it carries "__t":"c". "$version" and "__t" are skipped. The pre-GA
 * form {"value":x} inside a component is not unwrapped here. E_NOT_FOUND at the end; E_JSON. */
typedef struct spoke_pnp_cursor { /* private */
    spoke_json_cursor outer, inner;
    bool inside;
    spoke_str component;
    bool (*is_component)(void *ctx, spoke_str name);
    void *ctx;
} spoke_pnp_cursor;
typedef struct spoke_pnp_property {
    spoke_str component; /* raw key; empty: the default component */
    spoke_str name;      /* raw key */
    spoke_str value;     /* JSON */
} spoke_pnp_property;
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_pnp_enter(spoke_str document,
                                                        bool (*is_component)(void *ctx, spoke_str name), void *ctx,
                                                        spoke_pnp_cursor *out);
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_pnp_next(spoke_pnp_cursor *at, spoke_pnp_property *out);

/* "component*command" taken apart at the first '*' that is not the first character. */
SPOKE_API void spoke_pnp_split_command(spoke_str method, spoke_str *component, spoke_str *command);

#ifdef __cplusplus
}
#endif
#endif
