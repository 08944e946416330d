/* Records: small JSON objects under a name, kept by platform.store. What stands in them is checked like anything from
 * outside. */
#ifndef SPOKE_SRC_CLIENT_RECORD_H
#define SPOKE_SRC_CLIENT_RECORD_H

#include <spoke/client.h>

/* Appends the whole record. E_NOT_FOUND: there is none, or no store. */
spoke_status record_load(const spoke_client *c, const char *key, spoke_buf *out);
/* An empty text removes it. E_UNSUPPORTED: no store. */
spoke_status record_keep(const spoke_client *c, const char *key, spoke_str text);
spoke_status record_store(const spoke_client *c, const char *key, spoke_writer *w);
spoke_status record_remove(const spoke_client *c, const char *key);

/* The member is this text. */
bool record_is(spoke_str object, const char *key, const char *wanted);
/* False: missing, empty, too long or with a NUL inside. */
bool record_text(spoke_str object, const char *key, char *out, size_t cap);
/* False: missing, or not a whole number from least to most. */
bool record_number(spoke_str object, const char *key, int64_t least, int64_t most, int64_t *out);

#endif
