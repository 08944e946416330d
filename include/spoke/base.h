/* The small types that every other header uses: borrowed text, a place to write, one named value,
 * and a heap-free JSON reader and writer (RFC 8259).
 *
 *     spoke_str value;
 *     double celsius;
 *     if (spoke_json_find(object, "target", &value) == SPOKE_OK && spoke_json_double(value, &celsius) == SPOKE_OK)
 *         ...
 *
 * Everything here is a pure function of its arguments: callable from any thread, never blocks, no heap. */
#ifndef SPOKE_BASE_H
#define SPOKE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <spoke/limits.h>
#include <spoke/status.h>
#include <spoke/version.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef SPOKE_API
#if defined(__GNUC__)
#define SPOKE_API __attribute__((visibility("default")))
#else
#define SPOKE_API
#endif
#endif
#if defined(__GNUC__)
#define SPOKE_MUST_CHECK __attribute__((warn_unused_result))
#else
#define SPOKE_MUST_CHECK
#endif

/* --- text and bytes --- */

/* A 32-bit compiler passes and keeps an aligned pair in registers, any other pair in memory. */
#if defined(__GNUC__)
#define SPOKE_PAIR __attribute__((aligned(8)))
#else
#define SPOKE_PAIR
#endif

/* Bytes somebody else owns. Not NUL-terminated. {NULL, 0} is empty. */
typedef struct spoke_str {
    SPOKE_PAIR const char *ptr;
    size_t len;
} spoke_str;

/* Literals only: the empty literal in front refuses pointers at compile time. */
#define SPOKE_STR(literal) (spoke_str_from(("" literal), sizeof(literal) - 1))

static inline spoke_str spoke_str_from(const char *ptr, size_t len)
{
    spoke_str s;
    s.ptr = ptr;
    s.len = len;
    return s;
}

/* View of a NUL-terminated string; NULL gives the empty view. */
SPOKE_API spoke_str spoke_str_of(const char *text);
SPOKE_API bool spoke_str_equal(spoke_str a, spoke_str b);
SPOKE_API bool spoke_str_equal_nocase(spoke_str a, spoke_str b); /* ASCII only */
SPOKE_API bool spoke_str_starts(spoke_str s, spoke_str prefix);
/* Splits at the first `at`: *head is what stands before, *rest what follows. False and *head = s when absent. */
SPOKE_API bool spoke_str_cut(spoke_str s, char at, spoke_str *head, spoke_str *rest);
/* Decimal digits only, no sign, at most UINT32_MAX; else E_ARG. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_str_u32(spoke_str digits, uint32_t *out);
/* True when the bytes are well-formed UTF-8 without NUL (MQTT 3.1.1 section 1.5.3). */
SPOKE_API bool spoke_utf8_valid(spoke_str s);

/* A place to write: len bytes used out of cap. Appending past cap changes nothing and answers E_TOO_SMALL. */
typedef struct spoke_buf {
    uint8_t *ptr;
    size_t len, cap;
} spoke_buf;

static inline spoke_buf spoke_buf_from(void *memory, size_t cap)
{
    spoke_buf b;
    b.ptr = (uint8_t *)memory;
    b.len = 0;
    b.cap = cap;
    return b;
}

static inline spoke_str spoke_buf_str(const spoke_buf *b)
{
    return spoke_str_from((const char *)b->ptr, b->len);
}

SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_buf_append(spoke_buf *out, spoke_str bytes);
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_buf_append_byte(spoke_buf *out, uint8_t byte);
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_buf_append_u64(spoke_buf *out, uint64_t value); /* decimal */
/* Overwrites len bytes so that the compiler cannot drop it. For keys and tokens. */
SPOKE_API void spoke_wipe(void *memory, size_t len);

/* --- one named value --- */

typedef enum spoke_kind {
    SPOKE_KIND_BOOL,
    SPOKE_KIND_INT,
    SPOKE_KIND_DOUBLE,
    SPOKE_KIND_TEXT, /* UTF-8, escaped by the writer */
    SPOKE_KIND_JSON, /* one JSON value, checked and written as it stands */
    SPOKE_KIND_NULL, /* deletes the member in a property report */
    SPOKE_KIND_UINT
} spoke_kind;

/* One named value of a message. Name and text are borrowed until the call that takes the field returns. */
typedef struct spoke_field {
    const char *name;
    spoke_kind kind;
    union {
        bool boolean;
        int64_t integer;
        double number;
        spoke_str text;
        uint64_t natural; /* UINT */
    } as;
} spoke_field;

static inline spoke_field spoke_f64(const char *name, double value)
{
    spoke_field field = {name, SPOKE_KIND_DOUBLE, {false}};
    field.as.number = value;
    return field;
}

static inline spoke_field spoke_i64(const char *name, int64_t value)
{
    spoke_field field = {name, SPOKE_KIND_INT, {false}};
    field.as.integer = value;
    return field;
}

static inline spoke_field spoke_u64(const char *name, uint64_t value)
{
    spoke_field field = {name, SPOKE_KIND_UINT, {false}};
    field.as.natural = value;
    return field;
}

static inline spoke_field spoke_bool(const char *name, bool value)
{
    spoke_field field = {name, SPOKE_KIND_BOOL, {false}};
    field.as.boolean = value;
    return field;
}

static inline spoke_field spoke_text(const char *name, spoke_str value)
{
    spoke_field field = {name, SPOKE_KIND_TEXT, {false}};
    field.as.text = value;
    return field;
}

static inline spoke_field spoke_json(const char *name, spoke_str value)
{
    spoke_field field = {name, SPOKE_KIND_JSON, {false}};
    field.as.text = value;
    return field;
}

static inline spoke_field spoke_null(const char *name)
{
    spoke_field field = {name, SPOKE_KIND_NULL, {false}};
    return field;
}

/* --- JSON, reading --- */

/* Read one JSON scalar, white space around it allowed. On error *out is untouched and the answer is E_JSON.
 * int takes every number that is whole by value (1.5e1, 2.0) and refuses fractions and values beyond 64 bits;
 * double rounds to nearest and refuses what lies beyond its range. Neither heeds the locale. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_json_double(spoke_str json, double *out);
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_json_int(spoke_str json, int64_t *out);
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_json_bool(spoke_str json, bool *out);
/* Appends the unescaped text of a JSON string. E_TOO_SMALL leaves out->len as it was. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_json_text(spoke_str json, spoke_buf *out);
/* View of the member's value inside `object`. E_NOT_FOUND: no such key; E_JSON: not an object, or broken. First
 * match wins, and what follows it is not looked at. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_json_find(spoke_str object, const char *key, spoke_str *out);
/* E_JSON unless the text is exactly one valid JSON value: RFC 8259, valid UTF-8, at most SPOKE_JSON_DEPTH deep. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_json_check(spoke_str json);
/* The first character decides: '{' '[' '"' 't' 'f' 'n' or '0' for any number; 0 when none fits. No validation. */
SPOKE_API char spoke_json_type(spoke_str json);

/* Walks the members of an object (or the elements of an array) one level deep.
 *
 *     spoke_json_cursor at;
 *     spoke_str key, value;
 *     spoke_status status = spoke_json_enter(object, &at);
 *     while (status == SPOKE_OK && (status = spoke_json_member(&at, &key, &value)) == SPOKE_OK) ...
 *
 * Both views point into the text. `key` is the raw text between the quotes (compare with spoke_json_key_is); empty
 * in an array. E_NOT_FOUND: the end was reached cleanly, the text behind the bracket included; E_JSON: from here
 * on it is broken. Either answer is given again to who asks again. */
typedef struct spoke_json_cursor {
    spoke_str text; /* private */
    size_t at;
    bool array, first;
} spoke_json_cursor;
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_json_enter(spoke_str json, spoke_json_cursor *out);
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_json_member(spoke_json_cursor *at, spoke_str *key, spoke_str *value);
/* Compares a raw key, resolving its escapes. */
SPOKE_API bool spoke_json_key_is(spoke_str raw_key, spoke_str name);

/* --- JSON, writing --- */

/* Append-only writer into the caller's memory. The first error sticks and later calls do nothing, so a chain of
 * writes needs a single check at spoke_writer_finish: E_STATE where brackets, keys and values do not go together,
 * E_TOO_LARGE beyond 64 levels. Fields are private; set up with spoke_writer_init. */
typedef struct spoke_writer {
    spoke_buf out;
    spoke_status status;
    uint64_t arrays; /* bit per level, the innermost last: array or object */
    uint8_t depth;
    bool comma, keyed, implied; /* implied: the outer object was opened by spoke_write itself */
} spoke_writer;

SPOKE_API void spoke_writer_init(spoke_writer *w, void *memory, size_t cap);
SPOKE_API void spoke_write_begin_object(spoke_writer *w);
SPOKE_API void spoke_write_end_object(spoke_writer *w);
SPOKE_API void spoke_write_begin_array(spoke_writer *w);
SPOKE_API void spoke_write_end_array(spoke_writer *w);
SPOKE_API void spoke_write_key(spoke_writer *w, spoke_str key);
/* A key that is already escaped, as spoke_json_member gives it. E_JSON: it is not. */
SPOKE_API void spoke_write_raw_key(spoke_writer *w, spoke_str raw_key);
/* The field's value alone, after a key or inside an array. NaN and infinities: E_ARG; text not UTF-8: E_ARG;
 * json that is not one JSON value: E_JSON. Doubles are written so that reading gives the same double back. */
SPOKE_API void spoke_write_value(spoke_writer *w, spoke_field field);
/* "name": value. As the very first write it opens an object that spoke_writer_finish closes; with a NULL name it
 * writes the bare value (a command that answers just 5). */
SPOKE_API void spoke_write(spoke_writer *w, spoke_field field);
/* E_STATE when brackets are left open. Nothing written gives the empty text. *out views the caller's memory; it is
 * empty on error. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_writer_finish(spoke_writer *w, spoke_str *out);

/* --- status --- */

SPOKE_API const char *spoke_status_name(spoke_status status); /* "SPOKE_E_ARG"; "SPOKE_E_?" when unknown */
SPOKE_API const char *spoke_status_text(spoke_status status); /* a sentence, static storage */
SPOKE_API const char *spoke_source_name(spoke_source source); /* "tls", "provisioning", ... */

#ifdef __cplusplus
}
#endif
#endif
