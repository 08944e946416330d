/* What changes between two templates mean for devices built from the older one. */
#ifndef SPOKE_SRC_TOOLS_DIFF_H
#define SPOKE_SRC_TOOLS_DIFF_H

#include <spoke/model.h>

#include "model/dtdl.h"
#include "tools/text.h"

/* One change. The texts live until the next is told. */
struct diff_change {
    bool breaking;
    const spoke_member *member; /* of OLD, or of NEW when it was added */
    const char *place;          /* inside the value: ".status.code"; empty: the whole */
    const char *what;           /* a sentence without a full stop */
};

typedef void (*diff_fn)(void *ctx, const struct diff_change *change);

/* Who is told, about which member, and where in its value the comparison is. Free `place`. */
struct diff_telling {
    const spoke_member *member;
    diff_fn tell;
    void *ctx;
    struct text place;
};
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
void diff_tell(const struct diff_telling *at, bool breaking, const char *format, ...);
/* Leaves a part of the value: the place is as long again as it was before. */
void diff_leave(struct diff_telling *at, size_t length);

/* Two things that were compared already. Zero it; free `pairs`. */
struct diff_pairs {
    struct diff_pair {
        const void *old, *new;
    } * pairs;
    size_t count, cap;
    bool failed; /* no memory */
};
/* True: the pair was not seen before, and is remembered. False as well without memory. */
bool diff_pair_is_new(struct diff_pairs *seen, const void *old, const void *new);

/* Tells every change of the schemas in one direction. sent: `from` is what one side sends and `to` what the other
 * takes; by_device: the device sends. False: there was no memory. */
bool diff_schema(const spoke_member *member, const spoke_schema *from, const spoke_schema *to, bool by_device,
                 diff_fn tell, void *ctx);
/* Tells what the same JSON means now and did not before: units, names of enum values. old, new: what has the schema,
 * a content or a payload; NULL: there is none. False: there was no memory. */
bool diff_meaning(const spoke_member *member, const struct dtdl_element *old, const struct dtdl_element *new,
                  diff_fn tell, void *ctx);

#endif
