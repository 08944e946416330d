#include <string.h>

#include "model/check.h"
#include "model/lookup.h"

spoke_status fault_set(spoke_fault *fault, const spoke_member *member, unsigned part, enum reason reason,
                       spoke_str name)
{
    if (fault == NULL)
        return SPOKE_E_MODEL;
    memset(fault, 0, sizeof *fault);
    fault->member = member;
    fault->reason = (uint8_t)reason;
    fault->part = (uint8_t)part;
    size_t len = name.len < sizeof fault->name ? name.len : sizeof fault->name - 1;
    while (len > 0 && len < name.len && ((unsigned char)name.ptr[len] & 0xC0) == 0x80)
        len--;
    if (len > 0)
        memcpy(fault->name, name.ptr, len);
    return SPOKE_E_MODEL;
}

spoke_status fault_missing(spoke_fault *fault, const spoke_model *model, spoke_member_kind kind,
                           spoke_str component, spoke_str name, bool guess)
{
    const spoke_member *any = component.len > 0 ? model_component_raw(model, component) : NULL;
    if (component.len > 0 && any == NULL)
        return fault_set(fault, NULL, kind, NO_SUCH_COMPONENT, component);
    (void)fault_set(fault, NULL, kind, NO_SUCH_MEMBER, name);
    if (fault != NULL) {
        fault->component = any != NULL ? any->component : NULL;
        /* for a program's typing errors; a service may send a thousand strange properties at once */
        fault->like = guess ? member_like(model, kind, component, name) : NULL;
    }
    return SPOKE_E_MODEL;
}

/* --- one field --- */

static enum reason check_int(const spoke_schema *s, struct whole value)
{
    const spoke_schema_kind kind = (spoke_schema_kind)s->kind;
    if (kind_is_real(kind))
        return check_real(s, value.negative ? -(double)value.size : (double)value.size);
    return kind_is_whole(kind) || kind == SPOKE_SCHEMA_ENUM_INTEGER ? check_whole(s, value) : WRONG_TYPE;
}

static enum reason check_double(const spoke_schema *s, double value)
{
    return kind_is_real((spoke_schema_kind)s->kind) ? check_real(s, value) : WRONG_TYPE;
}

/* Everything but JSON. */
static enum reason check_plain(const spoke_schema *s, const spoke_field *field)
{
    const int64_t integer = field->kind == SPOKE_KIND_INT ? field->as.integer : 0;
    switch (field->kind) {
    case SPOKE_KIND_BOOL:
        return s->kind == SPOKE_SCHEMA_BOOLEAN ? FITS : WRONG_TYPE;
    case SPOKE_KIND_INT:
        return check_int(s, (struct whole){integer < 0, integer < 0 ? 0 - (uint64_t)integer : (uint64_t)integer});
    case SPOKE_KIND_UINT:
        return check_int(s, (struct whole){false, field->as.natural});
    case SPOKE_KIND_DOUBLE:
        return check_double(s, field->as.number);
    case SPOKE_KIND_TEXT:
        return check_string(s, field->as.text, false);
    case SPOKE_KIND_JSON:
    case SPOKE_KIND_NULL:
        break;
    }
    return WRONG_TYPE;
}

static char found_in(const spoke_field *field)
{
    switch (field->kind) {
    case SPOKE_KIND_BOOL:
        return field->as.boolean ? 't' : 'f';
    case SPOKE_KIND_INT:
    case SPOKE_KIND_UINT:
        return '0';
    case SPOKE_KIND_DOUBLE:
        return '.';
    case SPOKE_KIND_TEXT:
        return '"';
    case SPOKE_KIND_JSON:
    case SPOKE_KIND_NULL:
        break;
    }
    return 'n';
}

spoke_status spoke_field_check(const spoke_schema *schema, const spoke_field *field, spoke_fault *fault)
{
    if (field->kind == SPOKE_KIND_JSON)
        return spoke_schema_check(schema, field->as.text, fault);
    const enum reason reason = check_plain(schema, field);
    if (reason == FITS)
        return SPOKE_OK;
    (void)fault_set(fault, NULL, SPOKE_TELEMETRY, reason, spoke_str_from(NULL, 0));
    if (fault != NULL) {
        fault->root = fault->schema = schema;
        fault->found = reason == WRONG_TYPE ? found_in(field) : '\0';
    }
    return SPOKE_E_MODEL;
}

/* --- against a template --- */

static spoke_status of_member(spoke_status status, const spoke_member *member, unsigned part, spoke_fault *fault)
{
    if (status != SPOKE_OK && fault != NULL) {
        fault->member = member;
        fault->part = (uint8_t)part;
    }
    return status;
}

static bool is_null(spoke_str json)
{
    return spoke_json_type(json) == 'n' && spoke_json_check(json) == SPOKE_OK;
}

static bool deletes(const spoke_field *field)
{
    return field->kind == SPOKE_KIND_NULL || (field->kind == SPOKE_KIND_JSON && is_null(field->as.text));
}

spoke_status spoke_member_check(const spoke_model *model, spoke_member_kind kind, spoke_str component,
                                const spoke_field *field, spoke_fault *fault)
{
    const spoke_str name = spoke_str_of(field->name);
    const spoke_member *member = spoke_model_member(model, component, name);
    if (member == NULL)
        return fault_missing(fault, model, kind, component, name, true);
    if (member->member != kind || kind == SPOKE_COMMAND)
        return fault_set(fault, member, kind, OTHER_KIND, name);
    if (kind == SPOKE_PROPERTY && deletes(field))
        return SPOKE_OK;
    return of_member(spoke_field_check(member->schema, field, fault), member, kind, fault);
}

spoke_status spoke_desired_check(const spoke_model *model, spoke_str raw_component, spoke_str raw_name,
                                 spoke_str value, spoke_fault *fault)
{
    const spoke_member *member = model_member_raw(model, raw_component, raw_name);
    if (member == NULL)
        return fault_missing(fault, model, SPOKE_PROPERTY, raw_component, raw_name, false);
    if (member->member != SPOKE_PROPERTY)
        return fault_set(fault, member, SPOKE_PROPERTY, OTHER_KIND, raw_name);
    if ((member->flags & SPOKE_WRITABLE) == 0)
        return fault_set(fault, member, SPOKE_PROPERTY, NOT_WRITABLE, raw_name);
    if (is_null(value))
        return SPOKE_OK;
    return of_member(spoke_schema_check(member->schema, value, fault), member, SPOKE_PROPERTY, fault);
}

/* "{}", however spaced. */
static bool is_empty_object(spoke_str json)
{
    spoke_json_cursor at;
    spoke_str key, value;
    return spoke_json_type(json) == '{' && spoke_json_enter(json, &at) == SPOKE_OK &&
           spoke_json_member(&at, &key, &value) == SPOKE_E_NOT_FOUND;
}

static spoke_status check_part(const spoke_member *command, unsigned part, const spoke_schema *schema,
                               bool nullable, spoke_str json, spoke_fault *fault)
{
    const bool none = json.len == 0 || is_null(json);
    if (schema == NULL)
        return none ? SPOKE_OK : fault_set(fault, command, part, NOTHING_EXPECTED, spoke_str_from(NULL, 0));
    if (none && nullable)
        return SPOKE_OK;
    if (none) {
        (void)fault_set(fault, command, part, VALUE_MISSING, spoke_str_from(NULL, 0));
        if (fault != NULL)
            fault->root = fault->schema = schema;
        return SPOKE_E_MODEL;
    }
    return of_member(spoke_schema_check(schema, json, fault), command, part, fault);
}

spoke_status spoke_request_check(const spoke_member *command, spoke_str json, spoke_fault *fault)
{
    if (command->schema == NULL && is_empty_object(json))
        return SPOKE_OK;
    return check_part(command, PART_REQUEST, command->schema, (command->flags & SPOKE_NULLABLE_REQUEST) != 0, json,
                      fault);
}

spoke_status spoke_offline_request_check(const spoke_member *command, spoke_str payload, spoke_fault *fault)
{
    const spoke_schema *schema = command->schema;
    const spoke_field text = spoke_text(NULL, payload);
    const bool travels_as_text = schema != NULL && kind_is_text((spoke_schema_kind)schema->kind);
    if (payload.len > 0 && travels_as_text && spoke_utf8_valid(payload) &&
        spoke_field_check(schema, &text, NULL) == SPOKE_OK)
        return SPOKE_OK;
    return spoke_request_check(command, payload, fault);
}

spoke_status spoke_response_check(const spoke_member *command, spoke_str json, spoke_fault *fault)
{
    return check_part(command, PART_RESPONSE, command->response, (command->flags & SPOKE_NULLABLE_RESPONSE) != 0,
                      json, fault);
}
