/* A key, and one value of a kind known beforehand: as spoke_write_key and spoke_write_value do it, but a program that writes
 * no doubles carries no code for them. */
#ifndef SPOKE_SRC_BASE_JSON_WRITE_H
#define SPOKE_SRC_BASE_JSON_WRITE_H

#include <spoke/base.h>

void json_write_name(spoke_writer *w, const char *key);
void json_write_text_member(spoke_writer *w, const char *key, spoke_str value);
void json_write_int_member(spoke_writer *w, const char *key, int64_t value);
/* One JSON value; E_JSON: it is not. */
void json_write_raw(spoke_writer *w, spoke_str value);

#endif
