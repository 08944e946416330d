/* Pieces that the topics of DPS and of the hub have in common. */
#ifndef SPOKE_SRC_PROTO_TOPIC_H
#define SPOKE_SRC_PROTO_TOPIC_H

#include <spoke/base.h>

/* Appends the pattern, with a value (`const spoke_str *`) for each pair of braces: {} as it stands, {%} percent-encoded.
 * What stands in [] is left out when the value in it is empty:
 *
 *     topic_write(out, "devices/{}[/modules/{}]/messages/events/", &device_id, &module_id);
 *
 * E_TOO_SMALL leaves out->len as it was. */
spoke_status topic_write(spoke_buf *out, const char *pattern, ...);

/* The same for a pattern of a number and, perhaps, one value behind it. */
spoke_status topic_write_number(spoke_buf *out, const char *pattern, uint32_t number, const spoke_str *rest);

/* True for a text of 1 to `most` characters, each a letter, a digit or one of the others. */
bool topic_valid(spoke_str text, const char *others, size_t most);
#define TOPIC_ID "-._:"
/* One level of a PUBLISH topic: printable ASCII without space, and none of the characters that MQTT reserves (standard,
 * section 4.7). */
#define TOPIC_LEVEL TOPIC_ID "!\"$%&'()*,;<=>?@[\\]^`{|}~"

/* Steps over `prefix`; false when it does not stand there. */
bool topic_skip(spoke_str *topic, spoke_str prefix);
/* The same for a text, up to its first '#': so that a filter is the prefix of what it lets through. */
bool topic_skip_text(spoke_str *topic, const char *prefix);
/* Reads a number of 63 bits: digits alone, no sign, point or exponent, no zero in front. */
bool topic_number(spoke_str digits, int64_t *out);
/* Takes "{three digits}/?{query}" apart, whose query has to name the request. */
bool topic_read_reply(spoke_str text, uint32_t *status, spoke_str *rid, spoke_str *query);

#endif
