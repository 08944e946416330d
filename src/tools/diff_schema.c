#include "tools/diff.h"

#include <stdlib.h>
#include <string.h>

/* Every value of `from` must be one of `to`. Device sends: from OLD to NEW. Service sends: from NEW to OLD, as the
 * devices in the field go on to understand OLD. */

struct comparison {
    struct diff_telling at;
    bool by_device;
    struct diff_pairs
        seen; /* schemas that contain themselves, and those that many fields share, are compared once */
    bool failed;
};

static void compare(struct comparison *c, const spoke_schema *from, const spoke_schema *to);

/* "devices send X, which NEW does not allow": the frame of every breaking sentence. */
static const char *sender(const struct comparison *c)
{
    return c->by_device ? "devices in the field may send" : "the service may send";
}

static const char *refuser(const struct comparison *c)
{
    return c->by_device ? "which the new template does not allow" : "which devices in the field refuse";
}

/* What harms nobody is told once: of a property, which travels both ways, on the device's way. */
static bool tells_harmless(const struct comparison *c)
{
    return c->by_device || (c->at.member != NULL && c->at.member->member == SPOKE_COMMAND);
}

/* --- kinds --- */

static const char *kind_name(const spoke_schema *schema)
{
    static const char *const names[] = {"boolean",      "byte",         "short",         "integer",
                                        "long",         "unsignedByte", "unsignedShort", "unsignedInteger",
                                        "unsignedLong", "float",        "double",        "decimal",
                                        "string",       "date",         "time",          "dateTime",
                                        "duration",     "bytes",        "uuid",          "integer enum",
                                        "string enum",  "array",        "map",           "object"};
    return names[schema->kind];
}

static bool is_whole(const spoke_schema *schema)
{
    return schema->kind >= SPOKE_SCHEMA_BYTE && schema->kind <= SPOKE_SCHEMA_UNSIGNED_LONG;
}

static bool is_real(const spoke_schema *schema)
{
    return schema->kind == SPOKE_SCHEMA_FLOAT || schema->kind == SPOKE_SCHEMA_DOUBLE;
}

static bool is_number(const spoke_schema *schema)
{
    return is_whole(schema) || is_real(schema);
}

/* JSON strings of any format, values of an enum included. */
static bool is_text(const spoke_schema *schema)
{
    return (schema->kind >= SPOKE_SCHEMA_DECIMAL && schema->kind <= SPOKE_SCHEMA_UUID) ||
           schema->kind == SPOKE_SCHEMA_ENUM_STRING;
}

/* Numbers that are wider, or wide in another way, are judged by their limits; any text is a string. */
static bool kinds_fit(const spoke_schema *from, const spoke_schema *to)
{
    if (from->kind == to->kind || (is_whole(from) && is_whole(to)))
        return true;
    if (to->kind == SPOKE_SCHEMA_STRING)
        return is_text(from);
    if (from->kind == SPOKE_SCHEMA_ENUM_INTEGER)
        return is_number(to);
    return is_real(to) && (is_whole(from) || from->kind == SPOKE_SCHEMA_FLOAT);
}

static void tell_kind(struct comparison *c, const spoke_schema *from, const spoke_schema *to)
{
    if (from->kind == to->kind || !tells_harmless(c))
        return;
    if (c->by_device)
        diff_tell(&c->at, false, "changes from %s to %s, which takes the same values", kind_name(from),
                  kind_name(to));
    else
        diff_tell(&c->at, false, "changes from %s to %s, which devices in the field take", kind_name(to),
                  kind_name(from));
}

/* --- limits of numbers --- */

struct bounds {
    bool whole, is_unsigned; /* is_unsigned: two's complement of the value */
    int64_t low, high;
    double real_low, real_high;
};

/* Of an enum with numbers, of which there is one at least. */
static struct bounds bounds_of_values(const spoke_schema *schema)
{
    struct bounds b = {.whole = true, .low = INT32_MAX, .high = INT32_MIN};
    for (size_t i = 0; i < schema->count; i++) {
        b.low = schema->values[i].number < b.low ? schema->values[i].number : b.low;
        b.high = schema->values[i].number > b.high ? schema->values[i].number : b.high;
    }
    b.real_low = (double)b.low;
    b.real_high = (double)b.high;
    return b;
}

static struct bounds bounds_of(const spoke_schema *schema)
{
    static const int64_t low[] = {0, INT8_MIN, INT16_MIN, INT32_MIN, INT64_MIN, 0, 0, 0, 0};
    static const int64_t high[] = {0,         INT8_MAX,   INT16_MAX,  INT32_MAX, INT64_MAX,
                                   UINT8_MAX, UINT16_MAX, UINT32_MAX, -1};
    struct bounds b = {.whole = is_whole(schema), .is_unsigned = schema->kind == SPOKE_SCHEMA_UNSIGNED_LONG};
    const spoke_range *range = schema->range;
    if (schema->kind == SPOKE_SCHEMA_ENUM_INTEGER)
        return bounds_of_values(schema);
    b.real_low = schema->kind == SPOKE_SCHEMA_FLOAT ? -3.402823e38 : -1.797e308;
    b.real_high = -b.real_low;
    if (b.whole) {
        b.low = range != NULL && range->has_low ? range->low_whole : low[schema->kind];
        b.high = range != NULL && range->has_high ? range->high_whole : high[schema->kind];
        b.real_low = b.is_unsigned ? (double)(uint64_t)b.low : (double)b.low;
        b.real_high = b.is_unsigned ? (double)(uint64_t)b.high : (double)b.high;
        return b;
    }
    if (range != NULL && range->has_low)
        b.real_low = range->low;
    if (range != NULL && range->has_high)
        b.real_high = range->high;
    return b;
}

/* Whether a > b, each signed or the two's complement of an unsigned value. */
static bool whole_above(bool a_unsigned, int64_t a, bool b_unsigned, int64_t b)
{
    const bool a_huge = a_unsigned && a < 0, b_huge = b_unsigned && b < 0;
    if (a_huge || b_huge)
        return a_huge && (!b_huge || (uint64_t)a > (uint64_t)b);
    return a > b;
}

static bool differ(struct bounds a, struct bounds b)
{
    return a.real_low < b.real_low || a.real_low > b.real_low || a.real_high < b.real_high ||
           a.real_high > b.real_high;
}

static void compare_numbers(struct comparison *c, const spoke_schema *from, const spoke_schema *to)
{
    const struct bounds a = bounds_of(from), b = bounds_of(to);
    const bool whole = a.whole && b.whole;
    const bool below = whole ? whole_above(b.is_unsigned, b.low, a.is_unsigned, a.low) : a.real_low < b.real_low;
    const bool above =
        whole ? whole_above(a.is_unsigned, a.high, b.is_unsigned, b.high) : a.real_high > b.real_high;
    if (below)
        diff_tell(&c->at, true, "%s values below %.15g, %s", sender(c), b.real_low, refuser(c));
    if (above)
        diff_tell(&c->at, true, "%s values above %.15g, %s", sender(c), b.real_high, refuser(c));
    if (below || above)
        return;
    tell_kind(c, from, to);
    if (from->kind == to->kind && tells_harmless(c) && (a.low != b.low || a.high != b.high || differ(a, b)))
        diff_tell(&c->at, false, c->by_device ? "has wider limits" : "has closer limits");
}

/* Lengths of what is sent: of a string its limits, of other text any. */
static void compare_lengths(struct comparison *c, const spoke_schema *from, const spoke_schema *to)
{
    static const spoke_range any = {.has_low = false};
    const spoke_range *a = from->kind == SPOKE_SCHEMA_STRING && from->range != NULL ? from->range : &any;
    const spoke_range *b = to->range != NULL ? to->range : &any;
    const int64_t least_a = a->has_low ? a->low_whole : 0, least_b = b->has_low ? b->low_whole : 0;
    const int64_t most_a = a->has_high ? a->high_whole : INT64_MAX,
                  most_b = b->has_high ? b->high_whole : INT64_MAX;
    if (least_b > least_a)
        diff_tell(&c->at, true, "%s text shorter than %lld, %s", sender(c), (long long)least_b, refuser(c));
    if (most_b < most_a)
        diff_tell(&c->at, true, "%s text longer than %lld, %s", sender(c), (long long)most_b, refuser(c));
    if (least_b > least_a || most_b < most_a)
        return;
    tell_kind(c, from, to);
    if (from->kind == to->kind && tells_harmless(c) && (least_a != least_b || most_a != most_b))
        diff_tell(&c->at, false, c->by_device ? "has wider limits" : "has closer limits");
}

/* --- enums --- */

static bool has_value(const spoke_schema *schema, const spoke_enum_value *value)
{
    for (size_t i = 0; i < schema->count; i++) {
        const spoke_enum_value *own = &schema->values[i];
        if (value->text != NULL ? own->text != NULL && strcmp(own->text, value->text) == 0
                                : own->number == value->number)
            return true;
    }
    return false;
}

static void compare_enums(struct comparison *c, const spoke_schema *from, const spoke_schema *to)
{
    for (size_t i = 0; i < from->count; i++) {
        const spoke_enum_value *value = &from->values[i];
        if (has_value(to, value))
            continue;
        if (value->text != NULL)
            diff_tell(&c->at, true, "%s \"%s\", %s", sender(c), value->text, refuser(c));
        else
            diff_tell(&c->at, true, "%s %ld, %s", sender(c), (long)value->number, refuser(c));
    }
    const char *change = c->by_device ? "is new" : "is gone, which devices in the field go on to take";
    for (size_t i = 0; i < to->count && tells_harmless(c); i++) {
        const spoke_enum_value *value = &to->values[i];
        if (has_value(from, value))
            continue;
        if (value->text != NULL)
            diff_tell(&c->at, false, "value \"%s\" %s", value->text, change);
        else
            diff_tell(&c->at, false, "value %ld %s", (long)value->number, change);
    }
}

/* --- objects --- */

static const spoke_schema_field *field_of(const spoke_schema *schema, const char *name)
{
    for (size_t i = 0; i < schema->count; i++) {
        if (strcmp(schema->fields[i].name, name) == 0)
            return &schema->fields[i];
    }
    return NULL;
}

/* Compares what lies one step further: the place grows for that long. */
static void compare_inside(struct comparison *c, const char *step, const spoke_schema *from,
                           const spoke_schema *to)
{
    const size_t len = c->at.place.len;
    text_adds(&c->at.place, step);
    compare(c, from, to);
    c->failed = c->failed || c->at.place.failed;
    diff_leave(&c->at, len);
}

static void compare_field(struct comparison *c, const spoke_schema_field *field, const spoke_schema_field *other)
{
    if (other == NULL) {
        diff_tell(&c->at, true, "%s the field %s, %s", sender(c), field->name, refuser(c));
        return;
    }
    if (other->required && !field->required)
        diff_tell(&c->at, true, "%s it without the field %s, %s", sender(c), field->name, refuser(c));
    else if (!other->required && field->required && tells_harmless(c))
        diff_tell(&c->at, false, c->by_device ? "field %s may be left out now" : "field %s is always there now",
                  field->name);
    struct text step = {0};
    text_addf(&step, ".%s", field->name);
    if (!step.failed)
        compare_inside(c, step.ptr, field->schema, other->schema);
    c->failed = c->failed || step.failed;
    text_free(&step);
}

static void compare_fields(struct comparison *c, const spoke_schema *from, const spoke_schema *to)
{
    for (size_t i = 0; i < from->count; i++)
        compare_field(c, &from->fields[i], field_of(to, from->fields[i].name));
    for (size_t i = 0; i < to->count; i++) {
        const spoke_schema_field *field = &to->fields[i];
        if (field_of(from, field->name) != NULL)
            continue;
        if (field->required)
            diff_tell(&c->at, true, "%s it without the field %s, %s", sender(c), field->name, refuser(c));
        else if (tells_harmless(c))
            diff_tell(&c->at, false,
                      c->by_device ? "field %s is new"
                                   : "field %s is gone, which devices in the field do not need",
                      field->name);
    }
}

/* --- any --- */

/* As deep as the schemas of the template: each pair once. */
static void compare(struct comparison *c, const spoke_schema *from, const spoke_schema *to)
{
    if (from == to || c->failed || c->seen.failed ||
        (from->kind >= SPOKE_SCHEMA_ARRAY && !diff_pair_is_new(&c->seen, from, to)))
        return;
    if (!kinds_fit(from, to)) {
        diff_tell(&c->at, true, "%s %s, where %s is expected", sender(c), kind_name(from), kind_name(to));
        return;
    }
    if (is_number(to))
        compare_numbers(c, from, to);
    else if (to->kind == SPOKE_SCHEMA_STRING)
        compare_lengths(c, from, to);
    else if (from->kind == SPOKE_SCHEMA_ENUM_INTEGER || from->kind == SPOKE_SCHEMA_ENUM_STRING)
        compare_enums(c, from, to);
    else if (from->kind == SPOKE_SCHEMA_OBJECT)
        compare_fields(c, from, to);
    else if (from->element != NULL)
        compare_inside(c, from->kind == SPOKE_SCHEMA_ARRAY ? "[]" : "{}", from->element, to->element);
}

bool diff_schema(const spoke_member *member, const spoke_schema *from, const spoke_schema *to, bool by_device,
                 diff_fn tell_change, void *ctx)
{
    struct comparison c = {.at = {member, tell_change, ctx, {0}}, .by_device = by_device};
    compare(&c, from, to);
    text_free(&c.at.place);
    free(c.seen.pairs);
    return !c.failed && !c.seen.failed;
}
