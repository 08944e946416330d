/* Numbers between JSON text and memory, whatever the locale says. */
#ifndef SPOKE_SRC_BASE_JSON_NUMBER_H
#define SPOKE_SRC_BASE_JSON_NUMBER_H

#include <spoke/base.h>

/* `number` is what json_scan_number stepped over. False: not a whole number, or beyond 64 bits. */
bool json_number_to_int(spoke_str number, int64_t *out);
/* Rounded to nearest. False: beyond the range of a double; what is too small becomes zero. */
bool json_number_to_double(spoke_str number, double *out);
/* Exact order of the number's size, its sign left out, and of a whole one: below 0, 0 or above 0. `whole` has
 * neither leading nor trailing zeros. */
int json_number_order(spoke_str number, const char *whole);

/* Both append; E_TOO_SMALL leaves out->len as it was. A double reads back as the same double; E_ARG: not finite.
 */
spoke_status json_number_append_int(int64_t value, spoke_buf *out);
spoke_status json_number_append_double(double value, spoke_buf *out);
/* The double that the float's shortest text names: 0.1f gives 0.1, not 0.10000000149011612. */
double json_number_widen(float value);

#endif
