/* JSON text as a flat tree: one small node for each value, in the order of the text, views into it, raw tokens kept.
 * No recursion; depth, size and encoding are checked here, so that nobody above has to. */
#ifndef SPOKE_SRC_MODEL_DTDL_JSON_H
#define SPOKE_SRC_MODEL_DTDL_JSON_H

#include <spoke/base.h>

#include "base/arena.h"

#define DTDL_JSON_DEPTH 256u

enum json_type { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* Texts may be so long; it leaves room for the flags beside each offset. */
#define DTDL_JSON_BYTES ((1u << 27) - 1)
/* A longer name's length is found by looking for its end. */
#define DTDL_JSON_KEY_KEPT 511u

/* A child of a container stands right behind it; `next` skips what is inside. Sixteen bytes: a text of small numbers
 * has a node for every second byte. */
struct json_node {
    uint64_t start : 27;  /* of the token; of a string what is between the quotes */
    uint64_t length : 27; /* the same */
    uint64_t type : 3;    /* enum json_type */
    uint64_t escaped : 1;
    uint64_t key_escaped : 1;
    uint64_t key : 27;  /* offset of the member's name, without the quote; 0: no member */
    uint64_t next : 27; /* index of the node behind this one and all that it holds */
    uint64_t key_length : 9;
};

struct json_doc {
    const char *file;
    spoke_str text;
    struct json_node *nodes;
    uint32_t count;
    uint32_t number; /* for its owner: to tell which document comes first */
    struct json_doc *next;
};

struct json_fault {
    uint32_t offset;
    const char *what; /* static sentence: what is wrong and what would be right */
};

/* E_JSON with *fault; E_NO_MEMORY; E_TOO_LARGE beyond DTDL_JSON_BYTES. */
spoke_status json_doc_read(struct json_doc *doc, struct arena *arena, struct json_fault *fault);

static inline spoke_str json_raw(const struct json_doc *doc, uint32_t node)
{
    return spoke_str_from(doc->text.ptr + doc->nodes[node].start, doc->nodes[node].length);
}

/* The name of a member as written; empty: it is none. */
spoke_str json_raw_key(const struct json_doc *doc, uint32_t node);

/* The text of a string node or of a name, escapes resolved (then in the arena). Empty when the arena is used up. */
spoke_str json_text(const struct json_doc *doc, uint32_t node, struct arena *arena);
spoke_str json_key(const struct json_doc *doc, uint32_t node, struct arena *arena);

/* Walks the members or elements of a container:
 * for (uint32_t n = json_first(doc, parent); n < json_end(doc, parent); n = json_after(doc, n)) ... */
static inline uint32_t json_first(const struct json_doc *doc, uint32_t parent)
{
    return doc->nodes[parent].type >= JSON_ARRAY ? parent + 1 : doc->nodes[parent].next;
}

static inline uint32_t json_end(const struct json_doc *doc, uint32_t parent)
{
    return doc->nodes[parent].next;
}

static inline uint32_t json_after(const struct json_doc *doc, uint32_t node)
{
    return doc->nodes[node].next;
}

/* A raw text, escapes resolved if it has any. */
spoke_str json_resolved(spoke_str raw, struct arena *arena);
/* Whether a string or a name, escapes resolved, is that text. */
bool json_text_is(const struct json_doc *doc, uint32_t node, spoke_str text);
bool json_key_is(const struct json_doc *doc, uint32_t node, spoke_str text);

/* Where the token begins, the quote of a string included; and the same of the member, its name included. */
uint32_t json_value_offset(const struct json_doc *doc, uint32_t node);
uint32_t json_begin_offset(const struct json_doc *doc, uint32_t node);
/* How many members or elements; counts at most `limit`. */
uint32_t json_count(const struct json_doc *doc, uint32_t parent, uint32_t limit);
/* The value of that member, or 0 (which is never one: node 0 is the root). */
uint32_t json_member(const struct json_doc *doc, uint32_t object, spoke_str name);
/* Appends the RFC 6901 pointer of the deepest node that covers the offset. What does not fit is left out. */
void json_pointer(const struct json_doc *doc, uint32_t offset, spoke_buf *out);
/* Line and column of a byte, from 1; the column counts characters. */
struct json_place {
    size_t at;
    uint32_t line, column;
};
#define JSON_PLACE_START ((struct json_place){0, 1, 1})
/* Moves forward to the offset. */
void json_place_move(struct json_place *place, spoke_str text, size_t offset);

#endif
