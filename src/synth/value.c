#include "synth/value.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/iso8601.h"
#include "model/text_len.h"
#include "synth/value_plan.h"

#define MAX_DEPTH 6u     /* of what may be left out; a schema that contains itself ends there */
#define WIDE_BYTES 2048u /* a value that is so long already gets no more than it has to have */
#define PULL 0.02        /* part of the way to the middle, or the target, that is gone each time */
#define CHANGE 16u       /* a switch or state changes once in so many times */

struct maker {
    struct value_memory *memory;
    spoke_writer *w;
    size_t begin; /* of w->out.len */
    bool impossible;
};

void value_memory_init(struct value_memory *memory, struct random random, struct value_slot *slots, uint16_t count)
{
    memory->random = random;
    memory->slots = slots;
    memory->unix_ms = 0;
    for (size_t i = 0; i < count; i++)
        slots[i].now = slots[i].target = (double)NAN;
}

static struct value_slot *slot_of(const struct maker *m, const struct value_plan *plan)
{
    return plan->slot != VALUE_NO_SLOT ? &m->memory->slots[plan->slot] : NULL;
}

/* A number that was drawn once and stays: which word, which state. Below 2^32. */
static uint32_t keep_choice(struct maker *m, const struct value_plan *plan, bool changes)
{
    struct value_slot *slot = slot_of(m, plan);
    struct random *random = &m->memory->random;
    const bool fresh = slot == NULL || isnan(slot->now) || (changes && random_below(random, CHANGE) == 0);
    const uint32_t choice = fresh ? (uint32_t)random_next(random) : (uint32_t)slot->now;
    if (slot != NULL)
        slot->now = choice;
    return choice;
}

/* --- numbers --- */

/* The sum of two throws: small steps are frequent, large ones rare. From -1 to 1. */
static double nudge(struct random *random)
{
    return random_unit(random) + random_unit(random) - 1;
}

static double step_number(const struct value_plan *plan, const struct value_slot *slot, struct random *random)
{
    const struct sense_number *n = &plan->number;
    const double span = n->high - n->low;
    if (n->grows) {
        const double step = random_unit(random);
        const double next = slot->now + (span > 1000 ? ceil(step * 3) : step * span / 100);
        return next <= n->high ? next : n->low;
    }
    const bool led = !isnan(slot->target);
    const double middle = led ? slot->target : n->low + span / 2;
    const double next = slot->now + (middle - slot->now) * (led ? PULL * 5 : PULL) + nudge(random) * span * 0.01;
    return led ? fmin(fmax(next, plan->least), plan->most) : fmin(fmax(next, n->low), n->high);
}

static double next_number(struct maker *m, const struct value_plan *plan)
{
    const struct sense_number *n = &plan->number;
    struct value_slot *slot = slot_of(m, plan), none = {(double)NAN, (double)NAN};
    slot = slot != NULL ? slot : &none;
    const double share = n->grows ? 0 : random_unit(&m->memory->random) * 0.5 + 0.25;
    slot->now =
        isnan(slot->now) ? n->low + (n->high - n->low) * share : step_number(plan, slot, &m->memory->random);
    return slot->now;
}

/* Ranges are compared as what they are: beyond 2^53 a double would miss them. */
static void write_signed(struct maker *m, const struct value_plan *plan)
{
    const spoke_range *range = plan->schema->range;
    const double number = next_number(m, plan);
    int64_t value = llround(fmin(fmax(number, -9e18), 9e18));
    if (range != NULL && range->has_high && value > range->high_whole)
        value = range->high_whole;
    if (range != NULL && range->has_low && value < range->low_whole)
        value = range->low_whole;
    spoke_write_value(m->w, spoke_i64(NULL, value));
}

static void write_unsigned(struct maker *m, const struct value_plan *plan)
{
    const spoke_range *range = plan->schema->range;
    const double number = next_number(m, plan);
    uint64_t value = (uint64_t)fmin(fmax(number, 0), 1.8e19);
    if (range != NULL && range->has_high && value > (uint64_t)range->high_whole)
        value = (uint64_t)range->high_whole;
    if (range != NULL && range->has_low && value < (uint64_t)range->low_whole)
        value = (uint64_t)range->low_whole;
    spoke_write_value(m->w, spoke_u64(NULL, value));
}

static double rounded(double number, unsigned decimals)
{
    static const double scales[] = {1, 10, 100, 1e3, 1e4, 1e5, 1e6};
    const double scale = scales[decimals < 6 ? decimals : 6];
    return fabs(number) < 1e9 ? round(number * scale) / scale : number;
}

static void write_real(struct maker *m, const struct value_plan *plan)
{
    const spoke_range *range = plan->schema->range;
    double value = rounded(next_number(m, plan), plan->number.decimals);
    if (range != NULL && range->has_high && value > range->high)
        value = range->high;
    if (range != NULL && range->has_low && value < range->low)
        value = range->low;
    spoke_write_value(m->w, spoke_f64(NULL, value));
}

static void write_decimal(struct maker *m, const struct value_plan *plan)
{
    char text[64];
    const double number = fmin(fmax(next_number(m, plan), -1e15), 1e15);
    const int len = snprintf(text, sizeof text, "%.2f", number);
    spoke_write_value(m->w, spoke_text(NULL, spoke_str_from(text, (size_t)len)));
}

/* --- text --- */

static int print_text(char *out, size_t cap, enum sense_text text, uint32_t choice)
{
    static const char *const words[] = {"amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron"};
    static const char *const states[] = {"ok", "ok", "ok", "idle", "running", "running", "standby", "service"};
    const char *word = words[choice % 8];
    const unsigned a = choice >> 8 & 0xff, b = choice >> 16 & 0xff, c = choice >> 24;
    switch (text) {
    case SENSE_WORD:
        return snprintf(out, cap, "%s-%u", word, a);
    case SENSE_STATUS:
        return snprintf(out, cap, "%s", states[choice % 8]);
    case SENSE_NAME:
        return snprintf(out, cap, "%s %u", word, a);
    case SENSE_MAKER:
        return snprintf(out, cap, "Example Works");
    case SENSE_MODEL:
        return snprintf(out, cap, "Sim %u", choice % 4 + 1);
    case SENSE_SERIAL:
        return snprintf(out, cap, "SN-%08X", (unsigned)choice);
    case SENSE_VERSION:
        return snprintf(out, cap, "1.%u.%u", a % 10, b % 20);
    case SENSE_MAC:
        return snprintf(out, cap, "02:00:5e:%02x:%02x:%02x", a, b, c);
    case SENSE_ADDRESS:
        return snprintf(out, cap, "192.0.2.%u", a % 254 + 1); /* RFC 5737: nobody's */
    case SENSE_LINK:
        return snprintf(out, cap, "https://example.com/%s/%u", word, a);
    }
    return 0;
}

static void write_string(struct maker *m, const struct value_plan *plan)
{
    char text[TEXT_LEN_MOST];
    const bool changes = plan->text == SENSE_STATUS || plan->text == SENSE_WORD;
    const uint32_t choice = keep_choice(m, plan, changes);
    memset(text, 'x', sizeof text);
    const size_t len = (size_t)print_text(text, sizeof text, (enum sense_text)plan->text, choice);
    text[len] = 'x';
    spoke_write_value(m->w, spoke_text(NULL, spoke_str_from(text, text_len_within(plan->schema->range, len))));
}

/* "2026-03-04T05:06:07Z", or the part of it that the kind has. */
static void write_instant(struct maker *m, spoke_schema_kind kind)
{
    char memory[40];
    spoke_buf text = spoke_buf_from(memory, sizeof memory);
    m->impossible = m->impossible || iso8601_format(m->memory->unix_ms, 0, &text) != SPOKE_OK;
    spoke_str shown = spoke_buf_str(&text);
    if (kind == SPOKE_SCHEMA_DATE && shown.len > 10)
        shown.len = 10;
    if (kind == SPOKE_SCHEMA_TIME && shown.len > 11)
        shown = spoke_str_from(shown.ptr + 11, shown.len - 11);
    spoke_write_value(m->w, spoke_text(NULL, shown));
}

static void write_duration(struct maker *m)
{
    char text[32];
    const uint32_t seconds = random_below(&m->memory->random, 7200);
    const int len = snprintf(text, sizeof text, "PT%uM%uS", (unsigned)(seconds / 60), (unsigned)(seconds % 60));
    spoke_write_value(m->w, spoke_text(NULL, spoke_str_from(text, (size_t)len)));
}

static void write_bytes(struct maker *m)
{
    char memory[16];
    spoke_buf text = spoke_buf_from(memory, sizeof memory);
    const uint64_t bytes = random_next(&m->memory->random);
    m->impossible =
        m->impossible || base64_encode(spoke_str_from((const char *)&bytes, sizeof bytes), &text) != SPOKE_OK;
    spoke_write_value(m->w, spoke_text(NULL, spoke_buf_str(&text)));
}

/* Of version 4, RFC 9562. */
static void write_uuid(struct maker *m)
{
    char text[40];
    const uint64_t a = random_next(&m->memory->random), b = random_next(&m->memory->random);
    const int len = snprintf(text, sizeof text, "%08x-%04x-4%03x-%x%03x-%012llx", (unsigned)(a >> 32),
                             (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xfff), 8 + (unsigned)(b >> 62),
                             (unsigned)(b >> 48 & 0xfff), (unsigned long long)(b & 0xffffffffffffu));
    spoke_write_value(m->w, spoke_text(NULL, spoke_str_from(text, (size_t)len)));
}

/* --- choices --- */

static void write_boolean(struct maker *m, const struct value_plan *plan)
{
    spoke_write_value(m->w, spoke_bool(NULL, keep_choice(m, plan, true) % 2 == 1));
}

static void write_enum(struct maker *m, const struct value_plan *plan)
{
    const spoke_schema *schema = plan->schema;
    m->impossible = m->impossible || schema->count == 0;
    if (m->impossible)
        return;
    const spoke_enum_value *value = &schema->values[keep_choice(m, plan, true) % schema->count];
    spoke_write_value(m->w, schema->kind == SPOKE_SCHEMA_ENUM_INTEGER
                                ? spoke_i64(NULL, value->number)
                                : spoke_text(NULL, spoke_str_of(value->text)));
}

/* --- what is made of others --- */

static void write_plan(struct maker *m, const struct value_plan *plan, unsigned depth);

/* An enum without values has none that could be shown. */
static bool shows(const struct maker *m, const struct value_plan *plan, unsigned depth)
{
    const spoke_schema_kind kind = (spoke_schema_kind)plan->schema->kind;
    const bool empty =
        (kind == SPOKE_SCHEMA_ENUM_INTEGER || kind == SPOKE_SCHEMA_ENUM_STRING) && plan->schema->count == 0;
    return !empty && depth < MAX_DEPTH && m->w->out.len - m->begin < WIDE_BYTES;
}

static void write_array(struct maker *m, const struct value_plan *plan, unsigned depth)
{
    const uint32_t count = plan->pair ? 2 : 1 + random_below(&m->memory->random, 3);
    spoke_write_begin_array(m->w);
    for (uint32_t i = 0; i < count && shows(m, plan->element, depth); i++)
        write_plan(m, plan->element, depth + 1);
    spoke_write_end_array(m->w);
}

static void write_map(struct maker *m, const struct value_plan *plan, unsigned depth)
{
    static const char *const keys[] = {"first", "second"};
    const uint32_t count = 1 + random_below(&m->memory->random, 2);
    spoke_write_begin_object(m->w);
    for (uint32_t i = 0; i < count && shows(m, plan->element, depth); i++) {
        spoke_write_key(m->w, spoke_str_of(keys[i]));
        write_plan(m, plan->element, depth + 1);
    }
    spoke_write_end_object(m->w);
}

static void write_object(struct maker *m, const struct value_plan *plan, unsigned depth)
{
    spoke_write_begin_object(m->w);
    for (size_t i = 0; i < plan->schema->count; i++) {
        const spoke_schema_field *field = &plan->schema->fields[i];
        if (!field->required && !shows(m, plan->fields[i], depth))
            continue;
        spoke_write_key(m->w, spoke_str_of(field->name));
        write_plan(m, plan->fields[i], depth + 1);
    }
    spoke_write_end_object(m->w);
}

/* Ends at MAX_DEPTH, or with required fields that never end at the depth that values may have. */
static void write_plan(struct maker *m, const struct value_plan *plan, unsigned depth)
{
    const spoke_schema_kind kind = (spoke_schema_kind)plan->schema->kind;
    m->impossible = m->impossible || depth >= SPOKE_JSON_DEPTH;
    if (m->impossible || m->w->status != SPOKE_OK)
        return;
    switch (kind) {
    case SPOKE_SCHEMA_BOOLEAN:
        write_boolean(m, plan);
        return;
    case SPOKE_SCHEMA_BYTE:
    case SPOKE_SCHEMA_SHORT:
    case SPOKE_SCHEMA_INTEGER:
    case SPOKE_SCHEMA_LONG:
        write_signed(m, plan);
        return;
    case SPOKE_SCHEMA_UNSIGNED_BYTE:
    case SPOKE_SCHEMA_UNSIGNED_SHORT:
    case SPOKE_SCHEMA_UNSIGNED_INTEGER:
    case SPOKE_SCHEMA_UNSIGNED_LONG:
        write_unsigned(m, plan);
        return;
    case SPOKE_SCHEMA_FLOAT:
    case SPOKE_SCHEMA_DOUBLE:
        write_real(m, plan);
        return;
    case SPOKE_SCHEMA_DECIMAL:
        write_decimal(m, plan);
        return;
    case SPOKE_SCHEMA_STRING:
        write_string(m, plan);
        return;
    case SPOKE_SCHEMA_DATE:
    case SPOKE_SCHEMA_TIME:
    case SPOKE_SCHEMA_DATE_TIME:
        write_instant(m, kind);
        return;
    case SPOKE_SCHEMA_DURATION:
        write_duration(m);
        return;
    case SPOKE_SCHEMA_BYTES:
        write_bytes(m);
        return;
    case SPOKE_SCHEMA_UUID:
        write_uuid(m);
        return;
    case SPOKE_SCHEMA_ENUM_INTEGER:
    case SPOKE_SCHEMA_ENUM_STRING:
        write_enum(m, plan);
        return;
    case SPOKE_SCHEMA_ARRAY:
        write_array(m, plan, depth);
        return;
    case SPOKE_SCHEMA_MAP:
        write_map(m, plan, depth);
        return;
    case SPOKE_SCHEMA_OBJECT:
        write_object(m, plan, depth);
        return;
    }
}

bool value_write(const struct value_plan *plan, struct value_memory *memory, spoke_writer *w)
{
    struct maker m = {.memory = memory, .w = w, .begin = w->out.len};
    write_plan(&m, plan, 0);
    return !m.impossible && w->status == SPOKE_OK;
}
