/* Inside of value.c and value_plan.c. */
#ifndef SPOKE_SRC_SYNTH_VALUE_PLAN_H
#define SPOKE_SRC_SYNTH_VALUE_PLAN_H

#include "synth/value.h"

struct value_plan {
    const spoke_schema *schema;
    uint16_t slot;                    /* VALUE_NO_SLOT: keeps nothing */
    uint8_t text;                     /* enum sense_text */
    bool pair;                        /* ARRAY: of two elements always, as coordinates */
    struct sense_number number;       /* where it usually is */
    double least, most;               /* what the schema allows */
    const struct value_plan *element; /* ARRAY, MAP */
    const struct value_plan **fields; /* OBJECT: as the schema's */
};

#endif
