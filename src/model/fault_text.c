#include <string.h>

#include "base/json_number.h"
#include "model/check.h"
#include "model/lookup.h"

/* A fault as a sentence. */

#define NAME_BYTES 42u /* longer names are cut, so that the reason has its place in a sentence, too */

/* The most of the text that ends with a whole character. */
static size_t whole_characters(const char *text, size_t most)
{
    while (most > 0 && ((unsigned char)text[most] & 0xC0) == 0x80)
        most--;
    return most;
}

/* As much as fits, at whole characters; nothing more behind a cut. */
static void put_bytes(spoke_buf *out, const char *text, size_t len)
{
    const size_t room = out->cap - out->len;
    const bool cut = len > room;
    if (cut)
        len = whole_characters(text, room);
    memcpy(out->ptr + out->len, text, len);
    out->len += len;
    if (cut)
        out->cap = out->len;
}

static void put(spoke_buf *out, const char *text)
{
    put_bytes(out, text, strlen(text));
}

static void put_name(spoke_buf *out, const char *before, const char *name, const char *behind)
{
    const size_t len = strlen(name);
    put(out, before);
    put_bytes(out, name, len <= NAME_BYTES ? len : whole_characters(name, NAME_BYTES - 3));
    put(out, len <= NAME_BYTES ? "" : "...");
    put(out, behind);
}

static void put_all(spoke_buf *out, const char *a, const char *b, const char *c)
{
    put(out, a);
    put(out, b);
    put(out, c);
}

/* Whatever was formatted into `number`, or nothing. */
static void put_formatted(spoke_buf *out, spoke_status status, spoke_buf *number)
{
    if (status == SPOKE_OK && spoke_buf_append_byte(number, '\0') == SPOKE_OK)
        put(out, (const char *)number->ptr);
}

static void put_whole(spoke_buf *out, struct whole value)
{
    uint8_t room[24];
    spoke_buf number = spoke_buf_from(room, sizeof room);
    put(out, value.negative && value.size > 0 ? "-" : "");
    put_formatted(out, spoke_buf_append_u64(&number, value.size), &number);
}

static void put_int(spoke_buf *out, int64_t value)
{
    put_whole(out, (struct whole){value < 0, value < 0 ? 0 - (uint64_t)value : (uint64_t)value});
}

static void put_real(spoke_buf *out, double value)
{
    uint8_t room[40];
    spoke_buf number = spoke_buf_from(room, sizeof room);
    put_formatted(out, json_number_append_double(value, &number), &number);
}

/* --- who and where --- */

static const char *kind_word(unsigned kind)
{
    static const char *const words[] = {"telemetry", "property", "command"};
    return kind < sizeof words / sizeof words[0] ? words[kind] : "command";
}

static void put_component(spoke_buf *out, const char *component)
{
    if (component != NULL && component[0] != '\0')
        put_name(out, " of component '", component, "'");
}

static void put_member(spoke_buf *out, const spoke_member *m)
{
    put(out, kind_word(m->member));
    put_name(out, " '", m->name, "'");
    put_component(out, m->component);
}

static const spoke_schema *put_step(spoke_buf *out, const spoke_schema *schema, uint16_t index)
{
    if (schema->kind == SPOKE_SCHEMA_OBJECT && index < schema->count) {
        put_name(out, ".", schema->fields[index].name, "");
        return schema->fields[index].schema;
    }
    put(out, "[");
    put_int(out, index);
    put(out, "]");
    return schema->element;
}

static void put_place(spoke_buf *out, const spoke_fault *f)
{
    const spoke_schema *schema = f->root;
    if (schema == NULL || f->depth == 0 || f->reason == NOT_JSON)
        return;
    for (unsigned i = 0; i < f->depth && schema != NULL; i++) {
        if (i == SPOKE_FAULT_DEPTH) {
            put(out, "...");
            break;
        }
        schema = put_step(out, schema, f->path[i]);
    }
    put(out, ": ");
}

/* --- what is right --- */

static void put_listed(spoke_buf *out, const spoke_schema *s)
{
    put(out, s->count == 1 ? "expected " : "expected one of ");
    for (uint16_t i = 0; i < s->count; i++) {
        put(out, i > 0 ? ", " : "");
        if (s->kind == SPOKE_SCHEMA_ENUM_STRING)
            put_all(out, "\"", s->values[i].text, "\"");
        else
            put_int(out, s->values[i].number);
    }
    put(out, s->count == 0 ? "no value at all: the enum is empty" : "");
}

static const char *expected_text(spoke_schema_kind kind)
{
    switch (kind) {
    case SPOKE_SCHEMA_BOOLEAN:
        return "expected true or false";
    case SPOKE_SCHEMA_BYTE:
    case SPOKE_SCHEMA_SHORT:
    case SPOKE_SCHEMA_INTEGER:
    case SPOKE_SCHEMA_LONG:
    case SPOKE_SCHEMA_UNSIGNED_BYTE:
    case SPOKE_SCHEMA_UNSIGNED_SHORT:
    case SPOKE_SCHEMA_UNSIGNED_INTEGER:
    case SPOKE_SCHEMA_UNSIGNED_LONG:
        return "expected a whole number";
    case SPOKE_SCHEMA_FLOAT:
    case SPOKE_SCHEMA_DOUBLE:
        return "expected a number";
    case SPOKE_SCHEMA_DECIMAL:
        return "expected a decimal number as text, as \"-12.50\"";
    case SPOKE_SCHEMA_STRING:
        return "expected text";
    case SPOKE_SCHEMA_DATE:
        return "expected a date, as \"2026-02-28\"";
    case SPOKE_SCHEMA_TIME:
        return "expected a time with its offset, as \"23:59:59Z\"";
    case SPOKE_SCHEMA_DATE_TIME:
        return "expected a date and time with its offset, as \"2026-02-28T23:59:59Z\"";
    case SPOKE_SCHEMA_DURATION:
        return "expected an ISO 8601 duration, as \"P1DT2H30M\"";
    case SPOKE_SCHEMA_BYTES:
        return "expected base64 with its padding, as \"AQI=\"";
    case SPOKE_SCHEMA_UUID:
        return "expected a UUID, as \"12345678-9abc-def0-1234-56789abcdef0\"";
    case SPOKE_SCHEMA_ARRAY:
        return "expected an array";
    case SPOKE_SCHEMA_MAP:
    case SPOKE_SCHEMA_OBJECT:
        return "expected an object";
    case SPOKE_SCHEMA_ENUM_INTEGER:
    case SPOKE_SCHEMA_ENUM_STRING:
        break;
    }
    return "";
}

static void put_expected(spoke_buf *out, const spoke_schema *s)
{
    if (s->kind == SPOKE_SCHEMA_ENUM_INTEGER || s->kind == SPOKE_SCHEMA_ENUM_STRING)
        put_listed(out, s);
    else
        put(out, expected_text((spoke_schema_kind)s->kind));
}

static const char *found_text(char type)
{
    switch (type) {
    case '{':
        return ", found an object";
    case '[':
        return ", found an array";
    case '"':
        return ", found text";
    case 't':
        return ", found true";
    case 'f':
        return ", found false";
    case 'n':
        return ", found null";
    case '0':
        return ", found a number";
    case '.':
        return ", found a floating-point number";
    default:
        return "";
    }
}

static void put_kind_range(spoke_buf *out, const spoke_schema *s)
{
    if (!kind_is_whole((spoke_schema_kind)s->kind)) {
        put(out, s->kind == SPOKE_SCHEMA_FLOAT ? "not a finite number of 32 bits" : "not a finite number");
        return;
    }
    put(out, "expected a whole number from ");
    put_whole(out, kind_low((spoke_schema_kind)s->kind));
    put(out, " to ");
    put_whole(out, kind_high((spoke_schema_kind)s->kind));
}

static void put_end(spoke_buf *out, const spoke_schema *s, bool low)
{
    const int64_t whole = low ? s->range->low_whole : s->range->high_whole;
    if (kind_is_real((spoke_schema_kind)s->kind))
        put_real(out, low ? s->range->low : s->range->high);
    else if (s->kind == SPOKE_SCHEMA_UNSIGNED_LONG)
        put_whole(out, (struct whole){false, (uint64_t)whole});
    else
        put_int(out, whole);
}

/* Both ends, where there are two: whoever meets one will meet the other. */
static void put_range(spoke_buf *out, const spoke_schema *s, bool length)
{
    const spoke_range *r = s->range;
    put(out, r->has_low && r->has_high ? "expected " : r->has_low ? "expected at least " : "expected at most ");
    if (r->has_low)
        put_end(out, s, true);
    put(out, r->has_low && r->has_high ? " to " : "");
    if (r->has_high)
        put_end(out, s, false);
    put(out, length ? " characters" : "");
}

static void put_fields(spoke_buf *out, const spoke_schema *s)
{
    put(out, s->count == 0 ? "; there are none" : "; there is ");
    for (uint16_t i = 0; i < s->count; i++)
        put_all(out, i > 0 ? ", " : "", s->fields[i].name, "");
}

/* --- the sentence --- */

static void put_value_reason(spoke_buf *out, const spoke_fault *f)
{
    switch ((enum reason)f->reason) {
    case NOT_JSON:
        put(out, "not valid JSON");
        break;
    case TOO_DEEP:
        put(out, "nested too deep");
        break;
    case WRONG_TYPE:
        put_expected(out, f->schema);
        put(out, found_text(f->found));
        break;
    case NOT_WHOLE:
        put(out, "expected a whole number, written without fraction and exponent");
        break;
    case OUT_OF_KIND:
        put_kind_range(out, f->schema);
        break;
    case TOO_LOW:
    case TOO_HIGH:
        put_range(out, f->schema, false);
        break;
    case TOO_SHORT:
    case TOO_LONG:
        put_range(out, f->schema, true);
        break;
    case BAD_FORMAT:
    case NOT_LISTED:
        put_expected(out, f->schema);
        break;
    case NO_SUCH_FIELD:
        put_all(out, "no field '", f->name, "'");
        put_fields(out, f->schema);
        break;
    case FIELD_MISSING:
        put(out, "it is required, and missing");
        break;
    case VALUE_MISSING:
        put(out, "missing: ");
        put_expected(out, f->schema);
        break;
    case FITS:
    case NO_SUCH_COMPONENT:
    case NO_SUCH_MEMBER:
    case OTHER_KIND:
    case NOT_WRITABLE:
    case NOTHING_EXPECTED:
        break;
    }
}

/* The place of a command's trouble. */
static const char *part_text(unsigned part)
{
    return part == PART_REQUEST ? " request" : part == PART_RESPONSE ? " response" : "";
}

static void put_missing(spoke_buf *out, const spoke_fault *f)
{
    const bool component = f->reason == NO_SUCH_COMPONENT;
    put_all(out, "the template has no ", component ? "component" : kind_word(f->part), " '");
    put_all(out, f->name, "'", "");
    put_component(out, f->component);
    if (f->like == NULL)
        return;
    put_all(out, "; did you mean '", f->like->name, "'");
    if (name_order(f->like->component, spoke_str_of(f->component)) != 0) {
        put(out, spoke_str_of(f->like->component).len == 0 ? " of no component" : "");
        put_component(out, f->like->component);
    }
    put(out, "?");
}

static void put_sentence(spoke_buf *out, const spoke_fault *f)
{
    const enum reason reason = (enum reason)f->reason;
    if (reason == NO_SUCH_COMPONENT || reason == NO_SUCH_MEMBER) {
        put_missing(out, f);
        return;
    }
    if (f->member != NULL) {
        put_member(out, f->member);
        put(out, part_text(f->part));
        put(out, ": ");
    }
    put_place(out, f);
    if (reason == OTHER_KIND)
        put_all(out, "used as ", kind_word(f->part), "");
    else if (reason == NOT_WRITABLE)
        put(out, "the service may not set it");
    else if (reason == NOTHING_EXPECTED)
        put(out, "the template has none");
    else
        put_value_reason(out, f);
}

const char *spoke_fault_text(const spoke_fault *fault, char *out, size_t cap)
{
    if (cap == 0)
        return "";
    spoke_buf text = spoke_buf_from(out, cap - 1);
    put_sentence(&text, fault);
    out[text.len] = '\0';
    return out;
}
