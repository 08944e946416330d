#include "model/dtdl_json.h"

#include <assert.h>
#include <string.h>

#include "base/json_scan.h"
#include "base/utf8.h"

/* What a byte can be inside a string. */
enum { PLAIN, QUOTE, BACKSLASH, CONTROL, LONG_UTF8 };

static const uint8_t string_class[256] = {
    [0x00] = CONTROL, CONTROL,
    CONTROL,          CONTROL,
    CONTROL,          CONTROL,
    CONTROL,          CONTROL,
    CONTROL,          CONTROL,
    CONTROL,          CONTROL,
    CONTROL,          CONTROL,
    CONTROL,          CONTROL,
    CONTROL,          CONTROL,
    CONTROL,          CONTROL,
    CONTROL,          CONTROL,
    CONTROL,          CONTROL,
    CONTROL,          CONTROL,
    CONTROL,          CONTROL,
    CONTROL,          CONTROL,
    CONTROL,          CONTROL,
    ['"'] = QUOTE,    ['\\'] = BACKSLASH,
};

/* Offsets and lengths fit the node's fields: json_doc_read refuses longer texts. */
#define OFFSET(value) ((uint32_t)(value)&DTDL_JSON_BYTES)

struct reader {
    struct json_doc *doc;
    struct json_fault *fault;
    size_t at;
    size_t room;                    /* nodes that there is memory for: as many as the text can have */
    uint32_t open[DTDL_JSON_DEPTH]; /* the containers around here */
    uint32_t depth;
};

static bool fail(struct reader *r, size_t at, const char *what)
{
    r->fault->offset = (uint32_t)at;
    r->fault->what = what;
    return false;
}

static char peek(const struct reader *r)
{
    return r->at < r->doc->text.len ? r->doc->text.ptr[r->at] : '\0';
}

static void skip_space(struct reader *r)
{
    const char *text = r->doc->text.ptr;
    const size_t len = r->doc->text.len;
    while (r->at < len &&
           (text[r->at] == ' ' || text[r->at] == '\n' || text[r->at] == '\r' || text[r->at] == '\t'))
        r->at++;
}

static bool bad_character(struct reader *r)
{
    const uint8_t byte = r->at < r->doc->text.len ? (uint8_t)r->doc->text.ptr[r->at] : 0;
    if (r->at >= r->doc->text.len)
        return fail(r, r->at, "the text ends inside a string; close it with \"");
    if (byte < 0x20)
        return fail(r, r->at,
                    "a control character stands in a string; write it as an escape, such as \\n or \\u0000");
    return fail(r, r->at, "these bytes are not UTF-8; save the file as UTF-8");
}

/* at: behind the opening quote. Steps behind the closing one. */
static bool scan_string(struct reader *r, uint32_t *start, uint32_t *length, bool *escaped)
{
    const spoke_str text = r->doc->text;
    const size_t from = r->at;
    uint32_t scalar;
    *escaped = false;
    for (;;) {
        while (r->at < text.len && (uint8_t)text.ptr[r->at] < 0x80 &&
               string_class[(uint8_t)text.ptr[r->at]] == PLAIN)
            r->at++;
        if (r->at >= text.len)
            return bad_character(r);
        const uint8_t byte = (uint8_t)text.ptr[r->at];
        if (byte == '"')
            break;
        if (byte == '\\') {
            const size_t begin = r->at;
            *escaped = true;
            if (!json_scan_escape(text, &r->at, &scalar))
                return fail(
                    r, begin,
                    "no such escape, or half a surrogate pair; JSON has \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX");
            continue;
        }
        const size_t step = byte >= 0x80 ? utf8_length(text, r->at) : 0;
        if (step == 0)
            return bad_character(r);
        r->at += step;
    }
    *start = (uint32_t)from;
    *length = (uint32_t)(r->at - from);
    r->at++;
    return true;
}

static bool scan_word(struct reader *r, struct json_node *node)
{
    static const struct {
        const char *word;
        uint8_t length, type;
    } words[] = {{"null", 4, JSON_NULL}, {"false", 5, JSON_FALSE}, {"true", 4, JSON_TRUE}};
    for (size_t i = 0; i < 3; i++) {
        if (r->doc->text.len - r->at >= words[i].length &&
            memcmp(r->doc->text.ptr + r->at, words[i].word, words[i].length) == 0) {
            node->type = (unsigned)words[i].type & 7u;
            node->length = words[i].length;
            r->at += words[i].length;
            return true;
        }
    }
    if (peek(r) == '/')
        return fail(r, r->at, "JSON has no comments; take it out");
    if (r->at >= r->doc->text.len)
        return fail(r, r->at, "the text ends where a value should stand");
    return fail(r, r->at, "a value should stand here: an object, array, string, number, true, false or null");
}

static bool scan_number(struct reader *r, struct json_node *node)
{
    const size_t from = r->at;
    if (!json_scan_number(r->doc->text, &r->at))
        return fail(r, from, "not a JSON number; write digits, such as -12, 0.5 or 6e23");
    node->type = JSON_NUMBER;
    node->length = OFFSET(r->at - from);
    return true;
}

static bool enter(struct reader *r, struct json_node *node, uint32_t index, enum json_type type)
{
    if (r->depth == DTDL_JSON_DEPTH)
        return fail(r, r->at, "nested deeper than 256 levels, which no device template needs");
    node->type = (unsigned)type & 7;
    r->open[r->depth++] = index;
    r->at++;
    return true;
}

/* One value; of a container only its opening bracket. */
static bool scan_value(struct reader *r, uint32_t index)
{
    struct json_node *node = &r->doc->nodes[index];
    node->start = OFFSET(r->at);
    const char c = peek(r);
    if (c == '"') {
        uint32_t start, length;
        bool escaped;
        r->at++;
        if (!scan_string(r, &start, &length, &escaped))
            return false;
        node->type = JSON_STRING;
        node->start = OFFSET(start);
        node->length = OFFSET(length);
        node->escaped = escaped;
        return true;
    }
    if (c == '{')
        return enter(r, node, index, JSON_OBJECT);
    if (c == '[')
        return enter(r, node, index, JSON_ARRAY);
    if (c == '-' || (c >= '0' && c <= '9'))
        return scan_number(r, node);
    return scan_word(r, node);
}

static bool scan_key(struct reader *r, uint32_t index)
{
    struct json_node *node = &r->doc->nodes[index];
    uint32_t start, length;
    bool escaped;
    if (peek(r) != '"')
        return fail(r, r->at,
                    peek(r) == '}' ? "a comma stands before this bracket; take it out"
                                   : "a name in double quotes should stand here");
    r->at++;
    if (!scan_string(r, &start, &length, &escaped))
        return false;
    node->key = OFFSET(start);
    node->key_length = (length < DTDL_JSON_KEY_KEPT ? length : DTDL_JSON_KEY_KEPT) & DTDL_JSON_KEY_KEPT;
    node->key_escaped = escaped;
    skip_space(r);
    if (peek(r) != ':')
        return fail(r, r->at, "a colon should follow the name");
    r->at++;
    skip_space(r);
    return true;
}

static void leave(struct reader *r)
{
    struct json_node *node = &r->doc->nodes[r->open[--r->depth]];
    r->at++;
    node->length = OFFSET(r->at - node->start);
    node->next = OFFSET(r->doc->count);
}

/* Behind a value: closes what ends here. True and *more: another member or element follows. */
static bool after_value(struct reader *r, bool *more)
{
    for (;;) {
        skip_space(r);
        *more = false;
        if (r->depth == 0)
            return r->at == r->doc->text.len || fail(r, r->at, "something stands behind the end of the document");
        const bool object = r->doc->nodes[r->open[r->depth - 1]].type == JSON_OBJECT;
        const char c = peek(r);
        if (c == ',') {
            r->at++;
            skip_space(r);
            *more = true;
            return object || peek(r) != ']' || fail(r, r->at, "a comma stands before this bracket; take it out");
        }
        if (c != (object ? '}' : ']'))
            return fail(r, r->at, object ? "a comma or } should stand here" : "a comma or ] should stand here");
        leave(r);
    }
}

static bool is_empty(struct reader *r)
{
    skip_space(r);
    return peek(r) == (r->doc->nodes[r->open[r->depth - 1]].type == JSON_OBJECT ? '}' : ']');
}

static bool read_all(struct reader *r)
{
    bool more = true;
    skip_space(r);
    while (more) {
        const uint32_t index = r->doc->count++;
        const uint32_t depth = r->depth;
        assert(index < r->room);
        if (depth > 0 && r->doc->nodes[r->open[depth - 1]].type == JSON_OBJECT && !scan_key(r, index))
            return false;
        if (!scan_value(r, index))
            return false;
        r->doc->nodes[index].next = OFFSET(r->doc->count);
        if (r->depth > depth && !is_empty(r))
            continue;
        if (!after_value(r, &more))
            return false;
    }
    return true;
}

#define EACH_BYTE(value) ((uint64_t)0x0101010101010101 * (value))

/* How many of eight bytes are zero. */
static size_t zero_bytes(uint64_t word)
{
    const uint64_t low = EACH_BYTE(0x7F);
    const uint64_t zero = ~(((word & low) + low) | word | low); /* 0x80 where a byte is */
    return (size_t)((zero >> 7) * EACH_BYTE(1) >> 56);
}

/* A bound that costs little: each value but the root has a comma or an opening bracket before it. Eight bytes at a
 * time, for all of the text passes here; the brackets differ in one bit. */
static size_t most_nodes(spoke_str text)
{
    size_t found = 1, at = 0;
    for (; at + 8 <= text.len; at += 8) {
        uint64_t word;
        memcpy(&word, text.ptr + at, 8);
        found += zero_bytes(word ^ EACH_BYTE(','));
        found += zero_bytes((word | EACH_BYTE(0x20)) ^ EACH_BYTE('{'));
    }
    for (; at < text.len; at++)
        found += (size_t)(text.ptr[at] == ',' || text.ptr[at] == '[' || text.ptr[at] == '{');
    return found;
}

/* at: behind the opening quote. */
static size_t string_end(spoke_str text, size_t at)
{
    while (at < text.len && text.ptr[at] != '"')
        at += text.ptr[at] == '\\' ? 2 : 1;
    return at;
}

/* The same for texts where that bound would be too much memory: looks past strings, and stops where the reader will
 * stop at the latest. A container counts when what stands behind its bracket shows that it holds something; the last
 * may never come to that, and the reader still makes a node. */
static size_t count_nodes(spoke_str text)
{
    size_t found = 1, depth = 0;
    char before = '\0'; /* the last character that was no space */
    for (size_t at = 0; at < text.len; at++) {
        const char c = text.ptr[at];
        const bool opens = c == '[' || c == '{', closes = c == ']' || c == '}';
        const bool first = before == '[' || before == '{';
        if (c == ' ' || c == '\n' || c == '\r' || c == '\t')
            continue;
        if (c == ',' && (first || before == ',' || depth == 0))
            break;
        if ((opens && depth == DTDL_JSON_DEPTH) || (closes && (depth <= 1 || before == ',')))
            break;
        found += (size_t)(first && !closes) + (size_t)(c == ',');
        depth = opens ? depth + 1 : closes ? depth - 1 : depth;
        at = c == '"' ? string_end(text, at + 1) : at;
        before = c;
    }
    return found + 1;
}

static size_t node_room(spoke_str text)
{
    const size_t most = most_nodes(text);
    return most <= text.len / 8 ? most : count_nodes(text);
}

spoke_status json_doc_read(struct json_doc *doc, struct arena *arena, struct json_fault *fault)
{
    struct reader reader = {.doc = doc, .fault = fault};
    doc->count = 0;
    if (doc->text.len > DTDL_JSON_BYTES)
        return SPOKE_E_TOO_LARGE;
    reader.room = node_room(doc->text);
    doc->nodes = arena_alloc(arena, reader.room, sizeof *doc->nodes);
    if (doc->nodes == NULL)
        return SPOKE_E_NO_MEMORY;
    if (spoke_str_starts(doc->text, SPOKE_STR("\xEF\xBB\xBF"))) {
        fail(&reader, 0, "the file begins with a byte order mark; save it without one");
        return SPOKE_E_JSON;
    }
    return read_all(&reader) ? SPOKE_OK : SPOKE_E_JSON;
}

spoke_str json_raw_key(const struct json_doc *doc, uint32_t node)
{
    const struct json_node *n = &doc->nodes[node];
    if (n->key_length < DTDL_JSON_KEY_KEPT)
        return spoke_str_from(doc->text.ptr + n->key, n->key_length);
    return spoke_str_from(doc->text.ptr + n->key, string_end(doc->text, n->key) - n->key);
}

static spoke_str unescaped(spoke_str raw, struct arena *arena)
{
    char *memory = arena_alloc(arena, raw.len + 1, 1); /* never longer than written */
    spoke_buf out = spoke_buf_from(memory, memory != NULL ? raw.len : 0);
    for (size_t at = 0; memory != NULL && at < raw.len;) {
        uint32_t scalar;
        spoke_status status;
        if (raw.ptr[at] == '\\' && json_scan_escape(raw, &at, &scalar))
            status = utf8_append(scalar, &out);
        else
            status = spoke_buf_append_byte(&out, (uint8_t)raw.ptr[at++]);
        if (status != SPOKE_OK)
            break;
    }
    return memory != NULL ? spoke_buf_str(&out) : spoke_str_from(NULL, 0);
}

spoke_str json_resolved(spoke_str raw, struct arena *arena)
{
    return raw.len > 0 && memchr(raw.ptr, '\\', raw.len) != NULL ? unescaped(raw, arena) : raw;
}

spoke_str json_text(const struct json_doc *doc, uint32_t node, struct arena *arena)
{
    return doc->nodes[node].escaped ? unescaped(json_raw(doc, node), arena) : json_raw(doc, node);
}

spoke_str json_key(const struct json_doc *doc, uint32_t node, struct arena *arena)
{
    return doc->nodes[node].key_escaped ? unescaped(json_raw_key(doc, node), arena) : json_raw_key(doc, node);
}

bool json_text_is(const struct json_doc *doc, uint32_t node, spoke_str text)
{
    const spoke_str raw = json_raw(doc, node);
    return doc->nodes[node].escaped ? spoke_json_key_is(raw, text) : spoke_str_equal(raw, text);
}

bool json_key_is(const struct json_doc *doc, uint32_t node, spoke_str text)
{
    const spoke_str raw = json_raw_key(doc, node);
    return doc->nodes[node].key_escaped ? spoke_json_key_is(raw, text) : spoke_str_equal(raw, text);
}

uint32_t json_count(const struct json_doc *doc, uint32_t parent, uint32_t limit)
{
    uint32_t count = 0;
    for (uint32_t n = json_first(doc, parent); n < json_end(doc, parent) && count < limit; n = json_after(doc, n))
        count++;
    return count;
}

uint32_t json_member(const struct json_doc *doc, uint32_t object, spoke_str name)
{
    if (doc->nodes[object].type != JSON_OBJECT)
        return 0;
    for (uint32_t n = json_first(doc, object); n < json_end(doc, object); n = json_after(doc, n)) {
        if (json_key_is(doc, n, name))
            return n;
    }
    return 0;
}

/* --- places --- */

static bool append(spoke_buf *out, spoke_str text)
{
    return spoke_buf_append(out, text) == SPOKE_OK;
}

/* A whole character of a name, from its escape unless that is of a control character, which has no place in what
 * people read; *at steps behind it. */
static spoke_str next_character(spoke_str key, size_t *at, uint8_t memory[4])
{
    uint32_t scalar;
    const size_t from = *at;
    spoke_buf piece = spoke_buf_from(memory, 4);
    if (key.ptr[from] == '\\' && json_scan_escape(key, at, &scalar)) {
        const bool control = scalar < 0x20 || scalar == 0x7F;
        return !control && utf8_append(scalar, &piece) == SPOKE_OK ? spoke_buf_str(&piece)
                                                                   : spoke_str_from(key.ptr + from, *at - from);
    }
    const size_t length = utf8_length(key, from);
    *at = from + (length > 0 ? length : 1);
    return spoke_str_from(key.ptr + from, *at - from);
}

static void append_token(spoke_buf *out, spoke_str key)
{
    uint8_t memory[4];
    bool fits = append(out, SPOKE_STR("/"));
    for (size_t at = 0; at < key.len && fits;) {
        const spoke_str c = next_character(key, &at, memory);
        fits = append(out, c.ptr[0] == '~' ? SPOKE_STR("~0") : c.ptr[0] == '/' ? SPOKE_STR("~1") : c);
    }
}

uint32_t json_value_offset(const struct json_doc *doc, uint32_t node)
{
    return doc->nodes[node].start - (doc->nodes[node].type == JSON_STRING ? 1u : 0u);
}

uint32_t json_begin_offset(const struct json_doc *doc, uint32_t node)
{
    const uint32_t key = doc->nodes[node].key;
    return key != 0 ? key - 1 : json_value_offset(doc, node);
}

void json_pointer(const struct json_doc *doc, uint32_t offset, spoke_buf *out)
{
    uint32_t at = 0;
    while (at < doc->count && doc->nodes[at].type >= JSON_ARRAY) {
        uint32_t found = 0, index = 0, i = 0;
        for (uint32_t n = json_first(doc, at); n < json_end(doc, at) && json_begin_offset(doc, n) <= offset;
             n = json_after(doc, n)) {
            found = n;
            index = i++;
        }
        if (found == 0 || (uint32_t)(doc->nodes[found].start + doc->nodes[found].length) < offset)
            return;
        if (doc->nodes[at].type == JSON_OBJECT) {
            append_token(out, json_raw_key(doc, found));
        } else if (append(out, SPOKE_STR("/"))) {
            if (spoke_buf_append_u64(out, index) != SPOKE_OK)
                return;
        }
        at = found;
    }
}

void json_place_move(struct json_place *place, spoke_str text, size_t offset)
{
    for (; place->at < offset && place->at < text.len; place->at++) {
        if (text.ptr[place->at] == '\n') {
            place->line++;
            place->column = 1;
        } else if (((uint8_t)text.ptr[place->at] & 0xC0) != 0x80) {
            place->column++;
        }
    }
}
