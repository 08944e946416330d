/* Example payloads: one JSON value that fits a schema, as spoke_writer spells it. */
#ifndef SPOKE_SRC_TOOLS_PAYLOAD_H
#define SPOKE_SRC_TOOLS_PAYLOAD_H

#include <spoke/model.h>

#include "tools/text.h"

enum payload_flavour {
    PAYLOAD_PLAIN, /* to look at: few digits, short text */
    PAYLOAD_HARD,  /* to test with: the ends of ranges, escapes, the last value of an enum */
    PAYLOAD_SPARSE /* only what is required; empty arrays and maps */
};

/* Appends it. False: no value fits (an enum without values), or there is no memory. */
bool payload_write(const spoke_schema *schema, enum payload_flavour flavour, struct text *out);

#endif
