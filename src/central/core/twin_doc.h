/* Twin documents as JSON trees: limits, merging, size, and who changed what when. Pure functions. */
#ifndef SPOKE_SRC_CENTRAL_TWIN_DOC_H
#define SPOKE_SRC_CENTRAL_TWIN_DOC_H

#include <cJSON.h>
#include <spoke/base.h>

/* A section or its metadata as it was stored; NULL or unreadable: an empty one. NULL when there is no memory. */
cJSON *twin_doc_open(const char *json);
/* Checks keys, values and depth of a patch (null, which deletes, is a value here). E_ARG: why says what. */
spoke_status twin_doc_check(const cJSON *patch, char *why, size_t why_cap);
/* JSON merge (RFC 7396) of a patch that passed the check. E_NO_MEMORY: the section is half merged. */
spoke_status twin_doc_merge(cJSON *section, const cJSON *patch);
/* What the 32 KB limit counts: UTF-8 bytes of keys and strings, 8 for a number, 4 for a boolean. */
size_t twin_doc_size(const cJSON *section);
/* Members and array elements of all levels. The size counts nothing for an empty object or a null in an array. */
size_t twin_doc_count(const cJSON *section);
/* Notes the change in the section's metadata:
 *   {"name":{"$lastUpdated":"..","$lastUpdatedVersion":n},
 *    "component":{"$lastUpdated":..,"$lastUpdatedVersion":n,"name":{..the same..}}}
 * `section` is the one after the merge: it tells components ("__t":"c") from other objects. */
spoke_status twin_doc_stamp(cJSON *meta, const cJSON *section, const cJSON *patch, int64_t version,
                            const char *now);

#endif
