/* Sentences for people: what is wrong, and what would be right. In the templates %p stands for the property, %v for
 * the value, %t for a type, %c for the kind of element, %n for a name that was perhaps meant, %r for a text. */
#include "model/dtdl_private.h"

#include <string.h>

struct message {
    const char *id, *text;
};

static const struct message messages[] = {
    /* text and documents */
    {"invalidJson", "not JSON: %r"},
    {"notJsonObject", "a model is an object or an array of objects, not %v"},
    {"partitionTooLarge",
     "this interface takes more than 1 MiB of text; move a part into interfaces of their own"},
    /* contexts */
    {"missingContext", "@context is missing; write \"@context\": \"dtmi:dtdl:context;3\" (or ;2, ;4)"},
    {"emptyContext", "@context names nothing; it begins with \"dtmi:dtdl:context;3\" (or ;2, ;4)"},
    {"invalidContext", "@context holds %v; it is one context specifier, or an array of them"},
    {"missingDtdlContext",
     "the first context is that of the language, such as \"dtmi:dtdl:context;3\"; here it is '%v'"},
    {"dtdlContextFollowsAffiliate", "'%v' has to stand before the contexts of extensions"},
    {"nonDtmiContextSpecifier", "'%v' is not a context: one is a DTMI, such as \"dtmi:dtdl:context;3\""},
    {"invalidContextSpecifier",
     "'%v' is not a context: one is a DTMI with a version, such as \"dtmi:dtdl:context;3\""},
    {"invalidContextSpecifierForVersion", "the context '%v' needs a version of one number, such as ;1"},
    {"missingContextVersion", "'%v' needs a version: 2, 3 or 4, as in \"dtmi:dtdl:context;3\""},
    {"unrecognizedContextVersion", "there is no version like that of '%v'; use 2, 3 or 4"},
    {"disallowedContextVersion",
     "'%v' is newer than what was asked for; raise the allowed version, or use an older one"},
    {"disallowedContextFragment", "'%v': fragments exist in version 4 alone"},
    {"invalidContextFragment", "'%v': the fragment is #limitless or #limits"},
    {"missingLimitContext",
     "'%v' has to be followed at once by a context with limits, such as \"dtmi:dtdl:context;4#limits\""},
    {"misplacedLimitContext", "'%v' may only follow \"dtmi:dtdl:context;4#limitless\""},
    {"disallowedLimitContext", "the limits of '%v' are not accepted here; keep to those of the language"},
    {"unresolvableContextSpecifier",
     "nobody here knows the context '%v'; check its spelling, or allow undefined extensions"},
    {"unresolvableContextVersion",
     "nobody here knows that version of '%v'; use a known one, or allow undefined extensions"},
    {"disallowedLocalContext", "terms cannot be defined inside @context; name a context by its DTMI"},
    {"topLevelGraphDisallowed", "@graph is not part of DTDL; write an array of interfaces"},
    {"graphDisallowed", "@graph is not part of DTDL; take it out"},
    {"topLevelKeywordDisallowed", "%p is not part of DTDL; only @context, @id and @type are"},
    {"keywordDisallowed", "%p is not part of DTDL; only @context, @id and @type are"},
    /* identifiers */
    {"missingTopLevelId", "@id is missing; an interface has a DTMI, such as \"dtmi:com:example:Thermostat;1\""},
    {"missingRequiredId", "@id is missing; here it is demanded, such as \"dtmi:com:example:Thermostat;1\""},
    {"idNotString", "@id is one string, such as \"dtmi:com:example:Thermostat;1\""},
    {"invalidId",
     "'%v' is not an identifier: dtmi:, labels of letters, digits and _ between colons, then ;1 or another version"},
    {"reservedId", "'%v' begins as the language's own identifiers do; choose another"},
    {"idTooLong",
     "'%v' is too long for an identifier: at most 2048 characters (512 under the limits of a context)"},
    {"idTooLongForType",
     "'%v' is too long for an interface: at most 128 characters (256 under the limits of a context)"},
    {"duplicateDefinition", "'%v' is defined more than once; give each element its own @id"},
    {"undefinedReservedId", "the language defines no '%v'%n"},
    /* types */
    {"typeNotRootable", "at the top level stands an Interface, not %v%n"},
    {"badType", "%v cannot be the value of this; %r%n"},
    {"multipleMaterialTypes", "an element is either %t or %v, not both"},
    {"typeUndefinedTerm", "no context here defines the type '%v'%n"},
    {"typeIrrelevantDtmiOrTerm", "'%v' is not a type%n"},
    {"typeInvalidDtmi", "'%v' is not a type: it begins like a DTMI but is none"},
    {"typeNotDtmiNorTerm", "'%v' is not a type: write a name of the language, or a DTMI"},
    {"abstractSupplementalType", "'%v' only sums up other types; name one of those, such as Temperature"},
    {"invalidCotype", "%v does not go with %t"},
    {"invalidCotypeVersion",
     "%v is not defined for this version of the language; use that of the extension's other version"},
    {"missingCocotype",
     "%v wants another type beside it (an Override is also a ValueAnnotation, Cacheable also Idempotent)"},
    {"disallowedCocotype", "%v may not stand beside another type that is here"},
    {"conflictingSupplementalTypes", "two semantic types would both define '%p'; keep one of them"},
    /* properties */
    {"duplicatePropertyName", "'%p' is written twice; keep one"},
    {"propertyValueNull", "'%p' is null; give it a value, or leave it out"},
    {"propertyUndefinedTerm", "no context here defines the property '%p'%n"},
    {"propertyIrrelevantDtmiOrTerm", "%c has no property '%p'%n"},
    {"propertyInvalidDtmi", "'%p' is not a property: it begins like a DTMI but is none"},
    {"propertyNotDtmiNorTerm", "'%p' is not a property: write a name of the language, or a DTMI"},
    {"missingLiteralProperty", "'%p' is missing"},
    {"missingObjectProperty", "'%p' is missing"},
    {"missingDtmiSegPropertyValue", "'%p' is missing; an element without @id is known by its name"},
    {"missingSupplementalLiteralProperty", "'%p' is missing; a type of this element demands it"},
    {"missingSupplementalObjectProperty", "'%p' is missing; a semantic type comes with its unit"},
    /* plain values */
    {"stringNotString", "'%p' is a string, not %v"},
    {"stringValueNotString", "the @value of '%p' is a string, not %v"},
    {"stringTypeNotString", "the @type of '%p' is xsd:string, not %v"},
    {"stringMultipleValues", "'%p' takes one string, not several"},
    {"stringCountBelowMin", "'%p' takes one string; the array is empty"},
    {"stringTooLong", "'%p' is too long: at most %r characters"},
    {"stringInvalid", "'%p' is '%v'; %r"},
    {"integerNotInteger", "'%p' is a whole number of 32 bits, not %v"},
    {"integerValueNotInteger", "the @value of '%p' is a whole number of 32 bits, not %v"},
    {"integerTypeNotInteger", "the @type of '%p' is xsd:integer, not %v"},
    {"integerCountBelowMin", "'%p' takes one number; the array is empty"},
    {"integerMultipleValues", "'%p' takes one number, not several"},
    {"booleanNotBoolean", "'%p' is true or false, not %v"},
    {"booleanValueNotBoolean", "the @value of '%p' is true or false, not %v"},
    {"booleanTypeNotBoolean", "the @type of '%p' is xsd:boolean, not %v"},
    {"booleanCountBelowMin", "'%p' takes true or false; the array is empty"},
    {"booleanMultipleValues", "'%p' takes one of true and false, not several"},
    {"numericNotNumeric", "'%p' is a number, not %v"},
    {"numericValueNotNumeric", "the @value of '%p' is a number, not %v"},
    {"numericTypeNotNumeric", "the @type of '%p' is xsd:decimal, not %v"},
    {"numericMultipleValues", "'%p' takes one number, not several"},
    {"numericCountBelowMin", "'%p' takes one number; the array is empty"},
    {"literalNotValid", "'%p' is a string or a whole number of 32 bits, not %v"},
    {"literalMultipleValues", "'%p' takes one value, not several"},
    {"literalCountBelowMin", "'%p' takes one value; the array is empty"},
    {"literalObjectNoValue", "'%p': @value is missing"},
    {"literalTypeNotSingular", "the @type of '%p' is one type"},
    {"valueObjectInvalidProp", "'%p': only @value and @type belong here, not '%v'"},
    {"valueObjectLanguage", "'%p': only @value and @type belong here, not '%v'"},
    {"booleanObjectNoValue", "'%p': @value is missing"},
    {"integerObjectNoValue", "'%p': @value is missing"},
    {"stringObjectNoValue", "'%p': @value is missing; write the string itself"},
    {"numericObjectNoValue", "'%p': @value is missing"},
    {"valueObjectContext", "'%p': only @value and @type belong here, not '%v'"},
    {"valueObjectGraph", "'%p': only @value and @type belong here, not '%v'"},
    {"valueObjectId", "'%p': only @value and @type belong here, not '%v'"},
    {"valueObjectKeyword", "'%p': only @value and @type belong here, not '%v'"},
    {"langStringElementContext", "'%p': only @value and @language belong here, not '%v'"},
    {"langStringElementGraph", "'%p': only @value and @language belong here, not '%v'"},
    {"langStringElementId", "'%p': only @value and @language belong here, not '%v'"},
    {"langStringElementInvalidProp", "'%p': only @value and @language belong here, not '%v'"},
    {"langStringElementKeyword", "'%p': only @value and @language belong here, not '%v'"},
    {"langStringElementType", "'%p': only @value and @language belong here, not '%v'"},
    {"durationNotString", "'%p' is an ISO 8601 duration as a string, such as \"PT30S\", not %v"},
    {"durationValueNotString", "the @value of '%p' is a string such as \"PT30S\", not %v"},
    {"durationTypeNotDuration", "the @type of '%p' is xsd:duration, not %v"},
    {"durationObjectNoValue", "'%p': @value is missing"},
    {"durationMultipleValues", "'%p' takes one duration, not several"},
    {"durationCountBelowMin", "'%p' takes one duration; the array is empty"},
    {"durationInvalid", "'%p' is an ISO 8601 duration such as PT30S, not %v"},
    {"identifierNotString", "'%p' is a DTMI as a string, not %v"},
    {"identifierMultipleValues", "'%p' takes one DTMI, not several"},
    {"identifierCountBelowMin", "'%p' takes one DTMI; the array is empty"},
    {"identifierTooLong", "'%p' is too long; at most 2048 characters"},
    {"identifierNotDtmi", "'%p' is a DTMI such as dtmi:com:example:Room;1, not '%v'"},
    {"valueNotExact", "'%p' can only be 0, not %v"},
    {"valueBelowRange", "'%p' is 1 to 500, not %v"},
    {"valueAboveRange", "'%p' is 1 to 500, not %v"},
    {"valueBelowMin", "'%p' is at least 1, not %v"},
    {"langStringNotLangString", "'%p' is a string, or an object with a string for each language, not %v"},
    {"langStringValueNotString", "'%p': the text of a language is a string, not %v"},
    {"langStringValueTooLong", "'%p' is too long: at most %r characters"},
    {"langStringInvalidCode", "'%p': '%v' is no language; write such as en, de-CH or zh-Hant-TW"},
    {"langStringElementInvalidCode", "'%p': %v is no language; write such as en, de-CH or zh-Hant-TW"},
    {"langStringElementCodeNotString", "'%p': @language is a string, not %v"},
    {"langStringElementCodeNotUnique", "'%p' has two texts for the language '%v'; keep one"},
    {"langStringElementNoValue", "'%p': @value is missing"},
    {"langStringElementValueNotString", "'%p': @value is a string, not %v"},
    {"langStringElementNotStringOrObject",
     "'%p': an element is a string, or an object with @value and @language, not %v"},
    {"langMapObjKeyword", "'%p': the names here are languages, such as en; '%v' is none"},
    {"langTagValueInLangMap", "'%p': put the object with @value and @language into an array"},
    /* elements as values */
    {"badDtmiOrTerm", "'%v' is nothing that '%p' can be%n"},
    {"incorrectPropertyValue", "'%p' cannot be %v; valueSchema is \"integer\" or \"string\""},
    {"refNotStringOrObject", "'%p' is the name or DTMI of an element, or an element, not %v"},
    {"refObjectNotAllowed", "'%p' takes a name of the language, not an object"},
    {"idReference", "'%p': refer to an element by its DTMI as a plain string, not by {\"@id\": …}"},
    {"objectCountBelowMin", "'%p' needs at least one element"},
    {"objectCountAboveMax", "'%p' has too many elements: at most %r in this version of the language"},
    {"objectMultipleValues", "'%p' takes one element, not several"},
    {"crossPartitionReference",
     "'%v' belongs to another interface; only interfaces can be referred to from outside"},
    {"disallowedVersionDefinition",
     "'%p': the context here is of a version that may not stand inside the one around"},
    {"disallowedVersionReference", "'%v' is of a newer version of the language than what refers to it"},
    /* the finished model */
    {"nonUniquePropertyValue", "another element here has the same %p '%v'"},
    {"nonUniqueImportedPropertyValue", "two contents with the name '%v' come together by extends; rename one"},
    {"excessiveDepthWide", "schemas nest too deeply here (5 levels in versions 2 and 3, 8 in version 4)"},
    {"excessiveDepthNarrow", "the chain of extends is too long (10 in versions 2 and 3, 12 in version 4)"},
    {"excessiveCount", "'%p': too many elements hang together here: at most %r"},
    {"recursiveStructureNarrow", "'%p' leads back to this interface"},
    {"recursiveStructureWide", "'%p' leads back to this schema, which only version 4 allows"},
    {"excludedType", "%c: %r"},
    {"nonConformantDatatype", "'%p' is %v, but the enum's valueSchema says %t"},
    {"nonConformantPropertyValue", "'%p' is %v, which is no %t"},
    {"notRequiredType", "'%p' is %v, which does not go with %t"},
    {"notRequiredValue", "'%p' is %v, which does not go with %t"},
    {"wrongParent", "'%v' is no unit of %t"},
    {"parentMissingCotype", "%t may only stand in an object of the type that it belongs to"},
    {"siblingDuplicatesCotype", "only one field of an object can be %t, and '%v' is it already"},
    {"siblingMissingCotype", "%t wants another field of a related type beside it"},
    {"notSiblingRequiredType", "'%p' names '%v', which is neither a Property nor Telemetry"},
    {"disallowedType", "'%p' names '%v', which is itself an annotation"},
    {"matchingPropertyNotSupplemental",
     "'%p': '%v' is a property of the language itself, which cannot be overridden"},
    {"noMatchingSupplementalProperty", "'%p': what is annotated has no property '%v'"},
    {"multipleReference", "'%v' of the same element is overridden twice; keep one"},
    {"siblingPropertyMismatch", "the schema of an Override is the type of what it overrides ('%v')"},
};

#define VALUE_SHOWN 64u /* bytes */

static bool append(spoke_buf *out, spoke_str text)
{
    return spoke_buf_append(out, text) == SPOKE_OK;
}

/* A stranger's text: cut at a whole character, control characters as '?'. */
static void append_value(spoke_buf *out, spoke_str value)
{
    size_t length = value.len < VALUE_SHOWN ? value.len : VALUE_SHOWN;
    while (length > 0 && length < value.len && ((uint8_t)value.ptr[length] & 0xC0) == 0x80)
        length--;
    for (size_t i = 0; i < length; i++) {
        const uint8_t byte = (uint8_t)value.ptr[i];
        if (spoke_buf_append_byte(out, byte < 0x20 || byte == 0x7F ? '?' : byte) != SPOKE_OK)
            return;
    }
    if (length < value.len)
        append(out, SPOKE_STR("..."));
}

static unsigned kinds_wanted(const struct dtdl_issue *issue)
{
    if (strncmp(issue->id, "property", 8) == 0)
        return TERM_PROPERTY;
    if (spoke_str_equal(issue->property, SPOKE_STR("@type")))
        return TERM_CLASS | TERM_TYPE | TERM_SEMANTIC;
    if (spoke_str_equal(issue->property, SPOKE_STR("unit")))
        return TERM_UNIT;
    if (spoke_str_equal(issue->property, SPOKE_STR("commandType")))
        return TERM_COMMAND_TYPE;
    return TERM_SCHEMA | TERM_STANDARD;
}

/* Looks first among what the contexts here define, then among all that any context does. */
static void append_nearest(spoke_buf *out, const struct dtdl_issue *issue)
{
    const unsigned kinds = kinds_wanted(issue);
    const spoke_str written = kinds == TERM_PROPERTY ? issue->property : issue->value;
    const uint32_t active = issue->element != NULL && element_of(issue->element)->context != NULL
                                ? element_of(issue->element)->context->active
                                : ALL;
    if (kinds == TERM_PROPERTY && term_find_central(written, kinds) != NULL) {
        append(out, SPOKE_STR("; IoT Central's templates have it, and the central profile takes it"));
        return;
    }
    const struct term *near = term_nearest(written, kinds, active);
    if (near != NULL && spoke_str_equal(written, spoke_str_of(near->name)))
        return; /* spelt well, and wrong for another reason */
    if (near != NULL && append(out, SPOKE_STR("; did you mean '")) && append(out, spoke_str_of(near->name))) {
        append(out, SPOKE_STR("'?"));
        return;
    }
    const char *context = near == NULL ? term_defined_elsewhere(written, kinds, active) : NULL;
    if (context != NULL && append(out, SPOKE_STR("; add the context \"")) && append(out, spoke_str_of(context)))
        append(out, SPOKE_STR("\""));
}

static void append_part(spoke_buf *out, const struct dtdl_issue *issue, char what)
{
    switch (what) {
    case 'p':
        append_value(out, issue->property);
        return;
    case 'v':
        append_value(out, issue->value);
        return;
    case 't':
        append(out, spoke_str_of(issue->type != NULL ? issue->type : "that type"));
        return;
    case 'r':
        append(out, spoke_str_of(issue->restriction));
        return;
    case 'c':
        append(out, spoke_str_of(issue->element != NULL ? dtdl_class_name((enum dtdl_class)issue->element->kind)
                                                        : "this element"));
        return;
    default:
        append_nearest(out, issue);
        return;
    }
}

static const char *message_of(const char *id)
{
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        if (strcmp(messages[i].id, id) == 0)
            return messages[i].text;
    }
    return "'%p' breaks a rule of the language";
}

void dtdl_issue_text(const struct dtdl_model *model, const struct dtdl_issue *issue, spoke_buf *out)
{
    (void)model;
    for (const char *at = message_of(issue->id); *at != '\0'; at++) {
        if (*at == '%')
            append_part(out, issue, *++at);
        else if (spoke_buf_append_byte(out, (uint8_t)*at) != SPOKE_OK)
            return;
    }
}
