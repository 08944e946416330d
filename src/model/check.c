#include "model/check.h"

#include <string.h>

#include "base/json_scan.h"
#include "model/lookup.h"

/* One walk over the text and the schema together. Nesting is kept here, not on the stack of calls: the text is
 * somebody else's. */

struct frame {
    const spoke_schema *schema; /* OBJECT, MAP or ARRAY */
    size_t start;               /* where its bracket stands */
    uint64_t seen;              /* bit per field, the first 64 */
    uint16_t index;             /* of the field or element being looked at; saturates */
    bool any;                   /* something stood before */
};

struct walk {
    spoke_str text;
    size_t at;
    size_t value;   /* where the value being looked at starts */
    unsigned depth; /* of frames */
    unsigned most;  /* frames that may be open */
    struct frame frames[SPOKE_JSON_DEPTH];
    const spoke_schema *expected; /* at the place of the trouble */
    spoke_str name;               /* the last one that had to be looked up */
};

static char peek_token(struct walk *w)
{
    if (w->at < w->text.len && (unsigned char)w->text.ptr[w->at] > ' ') /* as nearly always */
        return w->text.ptr[w->at];
    return json_scan_token(w->text, &w->at);
}

/* --- one value --- */

static enum reason push(struct walk *w, const spoke_schema *schema)
{
    if (w->depth == w->most)
        return TOO_DEEP;
    w->frames[w->depth++] = (struct frame){.schema = schema, .start = w->at++};
    return FITS;
}

static enum reason take_word(struct walk *w)
{
    const spoke_str rest = spoke_str_from(w->text.ptr + w->at, w->text.len - w->at);
    const spoke_str word = rest.ptr[0] == 't' ? SPOKE_STR("true") : SPOKE_STR("false");
    if (!spoke_str_starts(rest, word))
        return NOT_JSON;
    w->at += word.len;
    return FITS;
}

static enum reason take_number(struct walk *w, const spoke_schema *schema)
{
    const size_t start = w->at;
    if (!json_scan_number(w->text, &w->at))
        return NOT_JSON;
    return check_number(schema, spoke_str_from(w->text.ptr + start, w->at - start));
}

static enum reason take_string(struct walk *w, const spoke_schema *schema)
{
    const size_t start = w->at;
    if (!json_scan_string(w->text, &w->at))
        return NOT_JSON;
    return check_string(schema, spoke_str_from(w->text.ptr + start + 1, w->at - start - 2), true);
}

/* A value begins; a bracket is only opened. */
static enum reason begin(struct walk *w, const spoke_schema *schema)
{
    const char first = peek_token(w);
    w->expected = schema;
    w->value = w->at;
    switch (first) {
    case '{':
        return schema->kind >= SPOKE_SCHEMA_MAP ? push(w, schema) : WRONG_TYPE;
    case '[':
        return schema->kind == SPOKE_SCHEMA_ARRAY ? push(w, schema) : WRONG_TYPE;
    case '"':
        return take_string(w, schema);
    case 't':
    case 'f':
        return schema->kind == SPOKE_SCHEMA_BOOLEAN ? take_word(w) : WRONG_TYPE;
    case 'n':
        return WRONG_TYPE;
    default:
        return take_number(w, schema);
    }
}

/* --- inside a bracket --- */

/* Fields past the 64th have no bit: they are looked for once more. */
static bool field_seen(const struct walk *w, const struct frame *f, uint16_t i)
{
    spoke_str value;
    if (i < 64)
        return (f->seen >> i & 1) != 0;
    const spoke_str object = spoke_str_from(w->text.ptr + f->start, w->at - f->start);
    return spoke_json_find(object, f->schema->fields[i].name, &value) == SPOKE_OK;
}

static enum reason end(struct walk *w, struct frame *f)
{
    w->at++;
    for (uint16_t i = 0; f->schema->kind == SPOKE_SCHEMA_OBJECT && i < f->schema->count; i++) {
        if (!f->schema->fields[i].required || field_seen(w, f, i))
            continue;
        f->index = i;
        w->expected = f->schema->fields[i].schema;
        return FIELD_MISSING;
    }
    w->depth--;
    return FITS;
}

static bool take_colon(struct walk *w)
{
    const bool colon = peek_token(w) == ':';
    w->at += colon ? 1 : 0;
    return colon;
}

/* The raw name and the colon. */
static bool take_key(struct walk *w, spoke_str *key)
{
    if (peek_token(w) != '"')
        return false;
    const size_t start = w->at;
    if (!json_scan_string(w->text, &w->at))
        return false;
    *key = spoke_str_from(w->text.ptr + start + 1, w->at - start - 2);
    return take_colon(w);
}

/* The very name that is expected next, if it is written without escapes: nothing else to look at then. */
static bool take_name(struct walk *w, const char *name)
{
    if (peek_token(w) != '"')
        return false;
    size_t at = w->at + 1;
    for (; *name != '\0' && at < w->text.len && w->text.ptr[at] == *name; name++)
        at++;
    if (*name != '\0' || at == w->text.len || w->text.ptr[at] != '"')
        return false;
    w->at = at + 1;
    return true;
}

/* Index of the field whose name comes next; schema->count: there is no such, w->name has it. False: no name. */
static bool take_field(struct walk *w, const struct frame *f, uint16_t *field)
{
    const unsigned next = f->any ? f->index + 1u : 0; /* encoders keep the order of the table */
    *field = (uint16_t)next;
    if (next < f->schema->count && take_name(w, f->schema->fields[next].name))
        return take_colon(w);
    if (!take_key(w, &w->name))
        return false;
    *field = schema_field_raw(f->schema, w->name);
    return true;
}

static enum reason next_field(struct walk *w, struct frame *f)
{
    uint16_t field;
    if (!take_field(w, f, &field))
        return NOT_JSON;
    if (field == f->schema->count) {
        w->expected = f->schema;
        w->depth--; /* the place is the object */
        return NO_SUCH_FIELD;
    }
    f->index = field;
    f->seen |= field < 64 ? (uint64_t)1 << field : 0;
    f->any = true;
    return begin(w, f->schema->fields[field].schema);
}

static enum reason next_element(struct walk *w, struct frame *f)
{
    spoke_str key;
    if (f->any && f->index < UINT16_MAX)
        f->index++;
    f->any = true;
    if (f->schema->kind == SPOKE_SCHEMA_MAP && !take_key(w, &key))
        return NOT_JSON;
    return begin(w, f->schema->element);
}

/* The next value in the innermost bracket, or its end. */
static enum reason step(struct walk *w)
{
    struct frame *f = &w->frames[w->depth - 1];
    const char close = f->schema->kind == SPOKE_SCHEMA_ARRAY ? ']' : '}';
    const char next = peek_token(w);
    if (next == close)
        return end(w, f);
    if (f->any) {
        if (next != ',')
            return NOT_JSON;
        w->at++;
    }
    return f->schema->kind == SPOKE_SCHEMA_OBJECT ? next_field(w, f) : next_element(w, f);
}

/* Takes one value of that schema; what follows it is not looked at. */
static enum reason take_value(struct walk *w, const spoke_schema *schema)
{
    enum reason reason = begin(w, schema);
    while (reason == FITS && w->depth > 0)
        reason = step(w);
    return reason;
}

/* --- what was found --- */

static void note_place(const struct walk *w, const spoke_schema *root, enum reason reason, spoke_fault *fault)
{
    const spoke_str rest = spoke_str_from(w->text.ptr + w->value, w->text.len - w->value);
    fault->root = root;
    fault->schema = w->expected;
    fault->found = reason == WRONG_TYPE ? spoke_json_type(rest) : '\0';
    fault->depth = (uint8_t)w->depth;
    for (unsigned i = 0; i < w->depth && i < SPOKE_FAULT_DEPTH; i++)
        fault->path[i] = w->frames[i].index;
}

static spoke_str strange_name(const struct walk *w, enum reason reason)
{
    return reason == NO_SUCH_FIELD ? w->name : spoke_str_from(NULL, 0);
}

/* outside: levels of the text that are walked without a frame. */
static void walk_init(struct walk *w, spoke_str json, unsigned outside)
{
    w->text = json;
    w->most = SPOKE_JSON_DEPTH - outside;
    w->at = w->value = 0;
    w->depth = 0;
    w->name = spoke_str_from(NULL, 0);
}

static bool at_end(struct walk *w)
{
    (void)json_scan_token(w->text, &w->at);
    return w->at == w->text.len;
}

spoke_status spoke_schema_check(const spoke_schema *schema, spoke_str json, spoke_fault *fault)
{
    struct walk w;
    walk_init(&w, json, 0);
    enum reason reason = take_value(&w, schema);
    if (reason == FITS && !at_end(&w))
        reason = NOT_JSON;
    if (reason == FITS)
        return SPOKE_OK;
    (void)fault_set(fault, NULL, SPOKE_TELEMETRY, reason, strange_name(&w, reason));
    if (fault != NULL)
        note_place(&w, schema, reason, fault);
    return SPOKE_E_MODEL;
}

/* --- a telemetry message --- */

static spoke_status take_telemetry(struct walk *w, const spoke_model *model, spoke_str component, spoke_str key,
                                   spoke_fault *fault)
{
    const spoke_member *member = model_member_raw(model, component, key);
    if (member == NULL)
        return fault_missing(fault, model, SPOKE_TELEMETRY, component, key, true);
    if (member->member != SPOKE_TELEMETRY)
        return fault_set(fault, member, SPOKE_TELEMETRY, OTHER_KIND, key);
    const enum reason reason = take_value(w, member->schema);
    if (reason == FITS)
        return SPOKE_OK;
    (void)fault_set(fault, member, SPOKE_TELEMETRY, reason, strange_name(w, reason));
    if (fault != NULL)
        note_place(w, member->schema, reason, fault);
    return SPOKE_E_MODEL;
}

spoke_status spoke_telemetry_check(const spoke_model *model, spoke_str component, spoke_str json,
                                   spoke_fault *fault)
{
    struct walk w;
    spoke_str key;
    spoke_status status = SPOKE_OK;
    bool more = true;
    walk_init(&w, json, 1);
    if (peek_token(&w) != '{') {
        static const spoke_schema object = {.kind = SPOKE_SCHEMA_OBJECT};
        return spoke_schema_check(&object, json, fault);
    }
    w.at++;
    if (peek_token(&w) == '}') {
        w.at++;
        more = false;
    }
    while (more) {
        if (!take_key(&w, &key))
            break;
        status = take_telemetry(&w, model, component, key, fault);
        if (status != SPOKE_OK)
            return status;
        const char next = peek_token(&w);
        if (next != ',' && next != '}')
            break;
        more = next == ',';
        w.at++;
    }
    return !more && at_end(&w) ? SPOKE_OK
                               : fault_set(fault, NULL, SPOKE_TELEMETRY, NOT_JSON, spoke_str_from(NULL, 0));
}
