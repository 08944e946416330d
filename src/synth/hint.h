/* From a compiled model back to the template's words: what a capability means. */
#ifndef SPOKE_SRC_SYNTH_HINT_H
#define SPOKE_SRC_SYNTH_HINT_H

#include <spoke/model.h>

#include "model/dtdl.h"
#include "synth/sense.h"

/* The hint's texts are the interface's and the member's. */
struct sense_hint hint_of(const struct dtdl_element *interface, const spoke_member *member);

#endif
