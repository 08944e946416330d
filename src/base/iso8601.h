/* UTC timestamps, ISO 8601. */
#ifndef SPOKE_SRC_BASE_ISO8601_H
#define SPOKE_SRC_BASE_ISO8601_H

#include <spoke/base.h>

/* "2021-04-21T11:30:16Z" and, with fraction_digits 3 or 7, "2021-04-21T11:30:16.123Z". Appends. Years 1970..9999.
 */
spoke_status iso8601_format(int64_t unix_ms, unsigned fraction_digits, spoke_buf *out);
/* The same forms back (any 0..9 fraction digits, Z only). E_ARG. */
spoke_status iso8601_parse(spoke_str text, int64_t *unix_ms);

#endif
