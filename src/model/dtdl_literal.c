/* Plain values: text, localizable text, numbers, and the objects that JSON-LD lets stand for them. */
#include "model/dtdl_private.h"

#include "base/ascii.h"
#include "base/json_number.h"
#include "base/utf8.h"

/* What kind of literal is wanted, and how the rules are called when it is another. */
struct literal_kind {
    const char *type; /* after "xsd:" */
    const char *not_it, *value_not_it, *type_not_it, *no_value, *several, *too_few;
};

static const struct literal_kind string_kind = {"string",
                                                "stringNotString",
                                                "stringValueNotString",
                                                "stringTypeNotString",
                                                "stringObjectNoValue",
                                                "stringMultipleValues",
                                                "stringCountBelowMin"};
static const struct literal_kind integer_kind = {"integer",
                                                 "integerNotInteger",
                                                 "integerValueNotInteger",
                                                 "integerTypeNotInteger",
                                                 "integerObjectNoValue",
                                                 "integerMultipleValues",
                                                 "integerCountBelowMin"};
static const struct literal_kind boolean_kind = {"boolean",
                                                 "booleanNotBoolean",
                                                 "booleanValueNotBoolean",
                                                 "booleanTypeNotBoolean",
                                                 "booleanObjectNoValue",
                                                 "booleanMultipleValues",
                                                 "booleanCountBelowMin"};
static const struct literal_kind number_kind = {"decimal",
                                                "numericNotNumeric",
                                                "numericValueNotNumeric",
                                                "numericTypeNotNumeric",
                                                "numericObjectNoValue",
                                                "numericMultipleValues",
                                                "numericCountBelowMin"};
static const struct literal_kind duration_kind = {"duration",
                                                  "durationNotString",
                                                  "durationValueNotString",
                                                  "durationTypeNotDuration",
                                                  "durationObjectNoValue",
                                                  "durationMultipleValues",
                                                  "durationCountBelowMin"};
static const struct literal_kind dtmi_kind = {"anyURI",
                                              "identifierNotString",
                                              "identifierNotString",
                                              "identifierNotString",
                                              "identifierNotString",
                                              "identifierMultipleValues",
                                              "identifierCountBelowMin"};
static const struct literal_kind enum_kind = {"string",
                                              "literalNotValid",
                                              "literalNotValid",
                                              "literalNotValid",
                                              "literalObjectNoValue",
                                              "literalMultipleValues",
                                              "literalCountBelowMin"};

/* Where a literal is read from, and for whom. */
struct literal {
    struct dtdl_model *model;
    struct element *element;
    const struct rule *rule;
    const struct json_doc *doc;
};

static spoke_str property_of(const struct literal *l)
{
    return property_name((enum dtdl_property)l->rule->property);
}

static void report(const struct literal *l, uint32_t node, const char *id, spoke_str value)
{
    issue_node(l->model, l->element, node, id, DETAILS(.property = property_of(l), .value = value));
}

/* With what would be right. */
static void restrict_to(const struct literal *l, uint32_t node, const char *id, spoke_str value, const char *words)
{
    issue_node(l->model, l->element, node, id,
               DETAILS(.property = property_of(l), .value = value, .restriction = words));
}

static void complain(const struct literal *l, uint32_t node, const char *id)
{
    report(l, node, id, json_raw(l->doc, node));
}

bool literal_is_integer(spoke_str token)
{
    int64_t value;
    for (size_t i = 0; i < token.len; i++) {
        if (!ascii_is_digit(token.ptr[i]) && !(i == 0 && token.ptr[0] == '-'))
            return false;
    }
    return json_number_to_int(token, &value) && value >= INT32_MIN && value <= INT32_MAX;
}

static bool is_kind(const struct literal *l, const struct literal_kind *kind, uint32_t node)
{
    const unsigned type = l->doc->nodes[node].type;
    if (kind == &boolean_kind)
        return type == JSON_TRUE || type == JSON_FALSE;
    if (kind == &integer_kind)
        return type == JSON_NUMBER && literal_is_integer(json_raw(l->doc, node));
    if (kind == &number_kind)
        return type == JSON_NUMBER;
    if (kind == &enum_kind)
        return type == JSON_STRING || (type == JSON_NUMBER && literal_is_integer(json_raw(l->doc, node)));
    return type == JSON_STRING;
}

/* "xsd:string", or the same as an IRI. */
static bool type_is(spoke_str type, const char *name)
{
    spoke_str rest = type;
    static const char iri[] = "http://www.w3.org/2001/XMLSchema#";
    if (spoke_str_starts(type, SPOKE_STR("xsd:")))
        rest = spoke_str_from(type.ptr + 4, type.len - 4);
    else if (spoke_str_starts(type, SPOKE_STR("http://www.w3.org/2001/XMLSchema#")))
        rest = spoke_str_from(type.ptr + sizeof iri - 1, type.len - (sizeof iri - 1));
    else
        return false;
    return spoke_str_equal(rest, spoke_str_of(name));
}

/* An enum's value says by its @type whether it is a string or an integer. */
static const struct literal_kind *kind_by_type(const struct literal_kind *kind, spoke_str type)
{
    if (kind != &enum_kind)
        return kind;
    if (type_is(type, "integer"))
        return &integer_kind;
    if (type_is(type, "boolean"))
        return &boolean_kind;
    return &string_kind;
}

static uint32_t single_type(const struct literal *l, uint32_t node, bool *ok)
{
    const uint32_t first = json_first(l->doc, node);
    if (l->doc->nodes[node].type == JSON_STRING)
        return node;
    if (l->doc->nodes[node].type == JSON_ARRAY && json_count(l->doc, node, 2) == 1 &&
        l->doc->nodes[first].type == JSON_STRING)
        return first;
    complain(l, node, "literalTypeNotSingular");
    *ok = false;
    return 0;
}

/* NULL: borne, as version 2 bears keywords that it does not know. */
static const char *stray_member(spoke_str key, unsigned version)
{
    if (spoke_str_equal(key, SPOKE_STR("@id")))
        return "valueObjectId";
    if (spoke_str_equal(key, SPOKE_STR("@context")))
        return "valueObjectContext";
    if (spoke_str_equal(key, SPOKE_STR("@graph")))
        return "valueObjectGraph";
    if (key.len == 0 || key.ptr[0] != '@')
        return "valueObjectInvalidProp";
    if (version == 2)
        return NULL;
    return spoke_str_equal(key, SPOKE_STR("@language")) ? "valueObjectLanguage" : "valueObjectKeyword";
}

/* {"@value": …, "@type": …} or {"@value": …, "@language": …}: the nodes of the two, 0 where absent. */
struct value_object {
    uint32_t value, tag;
    bool ok; /* nothing was reported */
};

/* Which issue a member that belongs to neither is in a version; NULL: none. */
typedef const char *(*stray_fn)(spoke_str key, unsigned version);

static struct value_object read_members(const struct literal *l, uint32_t node, spoke_str tag, stray_fn stray)
{
    struct value_object found = {0, 0, true};
    for (uint32_t n = json_first(l->doc, node); n < json_end(l->doc, node); n = json_after(l->doc, n)) {
        const spoke_str key = json_key(l->doc, n, l->model->arena);
        uint32_t *member = spoke_str_equal(key, SPOKE_STR("@value")) ? &found.value
                           : spoke_str_equal(key, tag)               ? &found.tag
                                                                     : NULL;
        const char *issue = member == NULL ? stray(key, l->element->pub.version) : NULL;
        if (member != NULL && *member != 0)
            issue_name(l->model, l->element, n, "duplicatePropertyName", DETAILS(.property = key));
        else if (issue != NULL)
            issue_name(l->model, l->element, n, issue, DETAILS(.property = property_of(l), .value = key));
        else if (member != NULL)
            *member = n;
        found.ok = found.ok && issue == NULL && (member == NULL || *member == n);
    }
    return found;
}

/* What the @type of a value object makes of it; NULL: reported. */
static const struct literal_kind *typed_kind(const struct literal *l, const struct literal_kind *kind,
                                             uint32_t type, uint32_t value)
{
    const spoke_str name = json_text(l->doc, type, l->model->arena);
    const struct literal_kind *typed = kind_by_type(kind, name);
    if (!type_is(name, typed->type))
        complain(l, type, typed->type_not_it);
    else if (typed == &boolean_kind && kind == &enum_kind)
        complain(l, value, is_kind(l, typed, value) ? "literalNotValid" : "booleanValueNotBoolean");
    else
        return typed;
    return NULL;
}

/* The node of the value, or 0 when something was reported. */
static uint32_t read_value_object(const struct literal *l, const struct literal_kind *kind, uint32_t node)
{
    struct value_object found = read_members(l, node, SPOKE_STR("@type"), stray_member);
    const uint32_t type = found.tag != 0 ? single_type(l, found.tag, &found.ok) : 0;
    if (found.value == 0)
        complain(l, node, kind->no_value);
    if (found.value == 0 || !found.ok)
        return 0;
    const struct literal_kind *typed = type != 0 ? typed_kind(l, kind, type, found.value) : kind;
    if (typed == NULL)
        return 0;
    if (is_kind(l, typed, found.value))
        return found.value;
    complain(l, found.value, typed->value_not_it);
    return 0;
}

/* The node of the value itself: bare, in a value object, or alone in an array. 0: absent or reported. */
static uint32_t read_single(const struct literal *l, const struct literal_kind *kind, uint32_t node)
{
    if (l->doc->nodes[node].type == JSON_ARRAY) {
        const uint32_t count = json_count(l->doc, node, 2);
        if (count > 1) {
            complain(l, node, kind->several);
            return 0;
        }
        if (count == 0) {
            if ((l->rule->required >> l->element->pub.version & 1) != 0)
                complain(l, node, kind->too_few);
            return 0;
        }
        node = json_first(l->doc, node);
    }
    if (l->doc->nodes[node].type == JSON_OBJECT && kind != &dtmi_kind)
        return read_value_object(l, kind, node);
    if (l->doc->nodes[node].type == JSON_NULL) {
        complain(l, node, "propertyValueNull");
        return 0;
    }
    if (!is_kind(l, kind, node)) {
        complain(l, node, kind->not_it);
        return 0;
    }
    return node;
}

/* --- text --- */

/* In UTF-16 units, as the reference counts. */
static size_t utf16_length(spoke_str text)
{
    size_t units = 0;
    for (size_t i = 0; i < text.len; i++) {
        const uint8_t byte = (uint8_t)text.ptr[i];
        units += (size_t)((byte & 0xC0) != 0x80) + (size_t)(byte >= 0xF0);
    }
    return units;
}

static bool name_valid(spoke_str name)
{
    if (name.len == 0 || !ascii_is_alpha(name.ptr[0]) || name.ptr[name.len - 1] == '_')
        return false;
    for (size_t i = 0; i < name.len; i++) {
        if (!ascii_is_alpha(name.ptr[i]) && !ascii_is_digit(name.ptr[i]) && name.ptr[i] != '_')
            return false;
    }
    return true;
}

/* [!$-*,-.0-z|~], a topic label's characters but '+', '/', '#', '"' and braces; "!" to "#" only '!'. */
static bool label_character(char c)
{
    return c == '!' || (c >= '$' && c <= '*') || (c >= ',' && c <= '.') || (c >= '0' && c <= 'z') || c == '|' ||
           c == '~';
}

static bool group_id_valid(spoke_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!label_character(text.ptr[i]))
            return false;
    }
    return text.len > 0;
}

/* {token} or {prefix:token}, letters only. */
static bool token_valid(spoke_str label)
{
    spoke_str head, tail, parts = spoke_str_from(label.ptr + 1, label.len - 2);
    const bool two = spoke_str_cut(parts, ':', &head, &tail);
    for (size_t i = 0; i < head.len; i++) {
        if (!ascii_is_alpha(head.ptr[i]))
            return false;
    }
    for (size_t i = 0; i < tail.len; i++) {
        if (!ascii_is_alpha(tail.ptr[i]))
            return false;
    }
    return head.len > 0 && (!two || tail.len > 0);
}

static bool topic_valid(spoke_str text)
{
    spoke_str label, rest = text;
    bool more = true, first = true;
    while (more) {
        more = spoke_str_cut(rest, '/', &label, &rest);
        const bool token = label.len > 2 && label.ptr[0] == '{' && label.ptr[label.len - 1] == '}';
        if (token ? !token_valid(label) : !group_id_valid(label) || (first && label.ptr[0] == '$'))
            return false;
        first = false;
    }
    return true;
}

static const char *pattern_words(enum pattern pattern)
{
    switch (pattern) {
    case PATTERN_TOPIC:
        return "a topic is labels between slashes, each without + # { }, or {token}, or {prefix:token}";
    case PATTERN_GROUP_ID:
        return "allowed are visible characters but + / # \" { }";
    case PATTERN_NAME:
    case PATTERN_NONE:
    default:
        return "allowed are letters, digits and _, a letter first and no _ last";
    }
}

static bool pattern_holds(enum pattern pattern, spoke_str text)
{
    switch (pattern) {
    case PATTERN_NAME:
        return name_valid(text);
    case PATTERN_TOPIC:
        return topic_valid(text);
    case PATTERN_GROUP_ID:
        return group_id_valid(text);
    case PATTERN_NONE:
    default:
        return true;
    }
}

static unsigned max_length(const struct literal *l)
{
    return l->rule->max_length != 0 ? l->rule->max_length : limit_text(l->rule->property, l->element->context);
}

static void report_long(const struct literal *l, uint32_t node, const char *id, spoke_str text)
{
    restrict_to(l, node, id, text, number_text(max_length(l)));
}

static void keep_string(const struct literal *l, spoke_str text)
{
    if (l->rule->property == P_NAME)
        l->element->pub.name = text;
}

static uint32_t read_string(const struct literal *l, uint32_t node)
{
    const uint32_t at = read_single(l, &string_kind, node);
    if (at == 0)
        return 0;
    const spoke_str text = json_text(l->doc, at, l->model->arena);
    const unsigned limit = max_length(l);
    keep_string(l, text);
    if (limit != 0 && text.len > limit && utf16_length(text) > limit)
        report_long(l, at, "stringTooLong", text);
    else if (!pattern_holds(l->rule->pattern, text))
        restrict_to(l, at, "stringInvalid", text, pattern_words(l->rule->pattern));
    return at;
}

/* --- localizable text --- */

static bool letters(spoke_str text, size_t from, size_t count, char low, char high)
{
    for (size_t i = from; i < from + count; i++) {
        if (i >= text.len || text.ptr[i] < low || text.ptr[i] > high)
            return false;
    }
    return true;
}

/* ^[a-z]{2,4}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$ */
static bool language_valid(spoke_str code)
{
    size_t at = 0;
    while (at < code.len && at < 4 && code.ptr[at] >= 'a' && code.ptr[at] <= 'z')
        at++;
    if (at < 2)
        return false;
    if (at + 5 <= code.len && code.ptr[at] == '-' && letters(code, at + 1, 1, 'A', 'Z') &&
        letters(code, at + 2, 3, 'a', 'z'))
        at += 5;
    if (at == code.len)
        return true;
    return code.ptr[at] == '-' && ((at + 3 == code.len && letters(code, at + 1, 2, 'A', 'Z')) ||
                                   (at + 4 == code.len && letters(code, at + 1, 3, '0', '9')));
}

static spoke_str *kept_text(const struct literal *l)
{
    if (l->rule->property == P_DISPLAY_NAME)
        return &l->element->pub.display_name;
    return l->rule->property == P_DESCRIPTION ? &l->element->pub.description : NULL;
}

/* English is the default; the first of the others stands in while there is none. */
static void keep_localized(const struct literal *l, spoke_str code, spoke_str text)
{
    spoke_str *kept = kept_text(l);
    if (kept != NULL && (kept->ptr == NULL || spoke_str_starts(code, SPOKE_STR("en"))))
        *kept = text;
}

static void check_localized(const struct literal *l, uint32_t node, spoke_str code)
{
    const spoke_str text = json_text(l->doc, node, l->model->arena);
    const unsigned limit = max_length(l);
    if (limit != 0 && text.len > limit && utf16_length(text) > limit)
        report_long(l, node, "langStringValueTooLong", text);
    keep_localized(l, code, text);
}

/* Whether there is a text for that language already. */
static bool code_repeated(const struct literal *l, spoke_str code)
{
    const struct table_slot *before = NULL;
    return table_put(l->model, &l->model->codes, code, l->element, &before) && before != NULL;
}

static void read_language_map(const struct literal *l, uint32_t node)
{
    if (json_count(l->doc, node, 3) == 2 && json_member(l->doc, node, SPOKE_STR("@value")) != 0 &&
        json_member(l->doc, node, SPOKE_STR("@language")) != 0) {
        complain(l, node, "langTagValueInLangMap");
        return;
    }
    if (!table_clear(l->model, &l->model->codes, 0))
        return;
    for (uint32_t n = json_first(l->doc, node); n < json_end(l->doc, node); n = json_after(l->doc, n)) {
        const spoke_str code = json_key(l->doc, n, l->model->arena);
        if (code.len > 0 && code.ptr[0] == '@')
            report(l, n, "langMapObjKeyword", code);
        else if (!language_valid(code))
            report(l, n, "langStringInvalidCode", code);
        else if (code_repeated(l, code))
            issue_name(l->model, l->element, n, "duplicatePropertyName", DETAILS(.property = code));
        else if (l->doc->nodes[n].type != JSON_STRING)
            complain(l, n, "langStringValueNotString");
        else
            check_localized(l, n, code);
    }
}

static const char *stray_element_member(spoke_str key, unsigned version)
{
    if (spoke_str_equal(key, SPOKE_STR("@id")))
        return "langStringElementId";
    if (spoke_str_equal(key, SPOKE_STR("@context")))
        return "langStringElementContext";
    if (spoke_str_equal(key, SPOKE_STR("@graph")))
        return "langStringElementGraph";
    if (key.len == 0 || key.ptr[0] != '@')
        return "langStringElementInvalidProp";
    if (version == 2)
        return NULL;
    return spoke_str_equal(key, SPOKE_STR("@type")) ? "langStringElementType" : "langStringElementKeyword";
}

/* {"@value": "…", "@language": "de"} in an array. The code, or empty when something was reported. */
static spoke_str read_tagged(const struct literal *l, uint32_t node, uint32_t *value)
{
    const struct value_object found = read_members(l, node, SPOKE_STR("@language"), stray_element_member);
    const bool coded = found.tag == 0 || l->doc->nodes[found.tag].type == JSON_STRING;
    const spoke_str code =
        found.tag != 0 && coded ? json_text(l->doc, found.tag, l->model->arena) : SPOKE_STR("en");
    const bool valid = coded && language_valid(code);
    *value = found.value;
    if (!valid)
        complain(l, found.tag, coded ? "langStringElementInvalidCode" : "langStringElementCodeNotString");
    if (found.value == 0)
        complain(l, node, "langStringElementNoValue");
    else if (l->doc->nodes[found.value].type != JSON_STRING)
        complain(l, found.value, "langStringElementValueNotString");
    else if (found.ok && valid)
        return code;
    return spoke_str_from(NULL, 0);
}

static void read_localized_array(const struct literal *l, uint32_t node)
{
    if (!table_clear(l->model, &l->model->codes, 0))
        return;
    for (uint32_t n = json_first(l->doc, node); n < json_end(l->doc, node); n = json_after(l->doc, n)) {
        uint32_t value = n;
        spoke_str code = SPOKE_STR("en");
        if (l->doc->nodes[n].type == JSON_OBJECT) {
            code = read_tagged(l, n, &value);
        } else if (l->doc->nodes[n].type != JSON_STRING) {
            complain(l, n, "langStringElementNotStringOrObject");
            continue;
        }
        if (code.len == 0)
            continue;
        if (code_repeated(l, code))
            report(l, n, "langStringElementCodeNotUnique", code);
        else
            check_localized(l, value, code);
    }
}

static void read_localized(const struct literal *l, uint32_t node)
{
    switch (l->doc->nodes[node].type) {
    case JSON_STRING:
        check_localized(l, node, SPOKE_STR("en"));
        return;
    case JSON_OBJECT:
        read_language_map(l, node);
        return;
    case JSON_ARRAY:
        read_localized_array(l, node);
        return;
    default:
        complain(l, node, l->doc->nodes[node].type == JSON_NULL ? "propertyValueNull" : "langStringNotLangString");
        return;
    }
}

/* --- the others --- */

static void read_boolean(const struct literal *l, uint32_t node)
{
    const uint32_t at = read_single(l, &boolean_kind, node);
    if (at == 0 || l->doc->nodes[at].type != JSON_TRUE)
        return;
    if (l->rule->property == P_WRITABLE)
        l->element->pub.flags |= DTDL_IS_WRITABLE;
    else if (l->rule->property == P_NULLABLE)
        l->element->pub.flags |= DTDL_IS_NULLABLE;
    else if (l->rule->property == P_DURABLE)
        l->element->pub.flags |= DTDL_IS_DURABLE;
}

static struct dtdl_extra *extra_of(const struct literal *l)
{
    struct dtdl_extra *extra = (struct dtdl_extra *)(uintptr_t)l->element->pub.extra;
    if (extra != NULL)
        return extra;
    extra = arena_alloc(l->model->arena, 1, sizeof *extra);
    l->element->pub.extra = extra;
    return extra;
}

static bool is_kept(enum dtdl_property property)
{
    return property == P_MINIMUM || property == P_MAXIMUM || property == P_DECIMAL_PLACES ||
           property >= P_MIN_VALUE;
}

static void keep_extra(const struct literal *l, spoke_str token)
{
    struct dtdl_extra *extra = is_kept((enum dtdl_property)l->rule->property) ? extra_of(l) : NULL;
    if (extra == NULL)
        return;
    switch ((int)l->rule->property) {
    case P_MINIMUM:
    case P_MIN_VALUE:
        extra->minimum = token;
        return;
    case P_MAXIMUM:
    case P_MAX_VALUE:
        extra->maximum = token;
        return;
    case P_MIN_LENGTH:
        extra->min_length = token;
        return;
    case P_MAX_LENGTH:
        extra->max_length = token;
        return;
    case P_DECIMAL_PLACES:
        extra->decimal_places = token;
        return;
    case P_INITIAL_VALUE:
        extra->initial_value = token;
        return;
    default:
        return;
    }
}

static void check_multiplicity(const struct literal *l, uint32_t node, spoke_str token, int64_t value)
{
    if (l->rule->property == P_MIN_MULTIPLICITY && value != 0)
        report(l, node, "valueNotExact", token);
    else if (l->rule->property == P_MAX_MULTIPLICITY && value < 1)
        report(l, node, l->element->pub.version == 2 ? "valueBelowRange" : "valueBelowMin", token);
    else if (l->rule->property == P_MAX_MULTIPLICITY && value > 500 && l->element->pub.version == 2)
        report(l, node, "valueAboveRange", token);
    else if (l->rule->property == P_INDEX && value < 1)
        report(l, node, "valueBelowMin", token);
}

static uint32_t read_integer(const struct literal *l, uint32_t node)
{
    int64_t value = 0;
    const uint32_t at = read_single(l, &integer_kind, node);
    if (at == 0 || !json_number_to_int(json_raw(l->doc, at), &value))
        return 0;
    check_multiplicity(l, at, json_raw(l->doc, at), value);
    keep_extra(l, json_raw(l->doc, at));
    return at;
}

static uint32_t read_number(const struct literal *l, uint32_t node)
{
    const uint32_t at = read_single(l, &number_kind, node);
    if (at != 0)
        keep_extra(l, json_raw(l->doc, at));
    return at;
}

/* The token of any value: the quotes belong to it. */
static spoke_str whole_token(const struct json_doc *doc, uint32_t node)
{
    const spoke_str raw = json_raw(doc, node);
    return doc->nodes[node].type == JSON_STRING ? spoke_str_from(raw.ptr - 1, raw.len + 2) : raw;
}

static void read_enum_value(const struct literal *l, uint32_t node)
{
    const uint32_t at = read_single(l, &enum_kind, node);
    if (at != 0)
        l->element->pub.enum_value = whole_token(l->doc, at);
}

#define TARGET_MAX 2048u /* whatever limits a context sets for other identifiers */

static void read_dtmi(const struct literal *l, uint32_t node)
{
    struct dtmi id;
    const uint32_t at = read_single(l, &dtmi_kind, node);
    if (at == 0)
        return;
    const spoke_str text = json_text(l->doc, at, l->model->arena);
    if (!dtmi_parse(text, &id) || !dtmi_valid_in(&id, l->element->pub.version))
        report(l, at, "identifierNotDtmi", text);
    else if (text.len > TARGET_MAX)
        report(l, at, "identifierTooLong", text);
}

static uint32_t read_duration(const struct literal *l, uint32_t node)
{
    const uint32_t at = read_single(l, &duration_kind, node);
    static const spoke_schema duration = {.kind = SPOKE_SCHEMA_DURATION};
    if (at == 0)
        return 0;
    const spoke_str raw = json_raw(l->doc, at);
    if (spoke_schema_check(&duration, spoke_str_from(raw.ptr - 1, raw.len + 2), NULL) != SPOKE_OK)
        report(l, at, "durationInvalid", raw);
    return at;
}

static uint32_t read_term(const struct literal *l, uint32_t node)
{
    if (l->doc->nodes[node].type == JSON_STRING)
        return node;
    complain(l, node, "stringNotString");
    return 0;
}

uint32_t literal_read(struct dtdl_model *model, struct element *element, const struct rule *rule, uint32_t node)
{
    const struct literal l = {model, element, rule, element->doc};
    switch ((enum value_kind)rule->kind) {
    case VALUE_STRING:
        return read_string(&l, node);
    case VALUE_INTEGER:
        return read_integer(&l, node);
    case VALUE_NUMBER:
        return read_number(&l, node);
    case VALUE_DURATION:
        return read_duration(&l, node);
    case VALUE_TERM:
        return read_term(&l, node);
    case VALUE_LOCALIZED:
        read_localized(&l, node);
        return node;
    case VALUE_BOOLEAN:
        read_boolean(&l, node);
        return node;
    case VALUE_LITERAL:
        read_enum_value(&l, node);
        return node;
    case VALUE_DTMI:
        read_dtmi(&l, node);
        return node;
    case VALUE_ANY:
        keep_extra(&l, whole_token(element->doc, node));
        return node;
    case VALUE_NONE:
    case VALUE_ELEMENT:
    case VALUE_UNIT:
    case VALUE_COMMAND_TYPE:
    default:
        return 0;
    }
}
