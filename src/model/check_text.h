/* The schemas that travel as text: what may stand between the quotes. */
#ifndef SPOKE_SRC_MODEL_CHECK_TEXT_H
#define SPOKE_SRC_MODEL_CHECK_TEXT_H

#include <spoke/model.h>

/* kind: DECIMAL, DATE, TIME, DATE_TIME, DURATION, BYTES or UUID; true for any other. raw: the text may hold JSON
 * escapes, which are valid. */
bool text_fits(spoke_schema_kind kind, spoke_str text, bool raw);
/* Length in UTF-16 units; the text is valid UTF-8, with valid escapes when raw. */
size_t text_units(spoke_str text, bool raw);

#endif
