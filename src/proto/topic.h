/* Pieces that the topics of DPS and of the hub have in common. */
#ifndef SPOKE_SRC_PROTO_TOPIC_H
#define SPOKE_SRC_PROTO_TOPIC_H

#include <spoke/base.h>

/* Appends piece by piece. The first error sticks; topic_end then takes back what was written. */
struct topic_writer {
    spoke_buf *out;
    size_t start;
    spoke_status status;
};

static inline struct topic_writer topic_begin(spoke_buf *out)
{
    const struct topic_writer w = {out, out->len, SPOKE_OK};
    return w;
}
/* Fails unless the parts can stand in what is to be written. */
void topic_require(struct topic_writer *w, bool valid);
void topic_put(struct topic_writer *w, spoke_str text);
void topic_put_text(struct topic_writer *w, const char *text);  /* a literal costs less this way */
void topic_put_encoded(struct topic_writer *w, spoke_str text); /* percent-encoded */
void topic_put_option(struct topic_writer *w, const char *name, spoke_str value); /* encoded; nothing when empty */
void topic_put_number(struct topic_writer *w, uint64_t number);
spoke_status topic_end(const struct topic_writer *w);

/* True when the text can stand as one level of a PUBLISH topic: not empty, printable ASCII without space, and none
 * of the characters that MQTT reserves (standard, section 4.7). */
bool topic_level_valid(spoke_str text);

/* True when the text is not empty and each character is allowed. */
bool topic_all_of(spoke_str text, bool (*allowed)(char c));

/* Steps over `prefix`; false when it does not stand there. */
bool topic_skip(spoke_str *topic, spoke_str prefix);
bool topic_skip_text(spoke_str *topic, const char *prefix);
/* Reads a number of 63 bits: digits alone, no sign, point or exponent, no zero in front. */
bool topic_number(spoke_str digits, int64_t *out);
/* Takes "{three digits}/?{query}" apart, whose query has to name the request. */
bool topic_read_reply(spoke_str text, uint32_t *status, spoke_str *rid, spoke_str *query);

#endif
