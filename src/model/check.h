/* Reasons why a value does not fit a schema, and the checks of one scalar. Shared by check*.c. */
#ifndef SPOKE_SRC_MODEL_CHECK_H
#define SPOKE_SRC_MODEL_CHECK_H

#include <spoke/model.h>

enum reason {
    FITS,
    NOT_JSON,
    TOO_DEEP,
    WRONG_TYPE,
    NOT_WHOLE,   /* a fraction or an exponent where a whole number belongs */
    OUT_OF_KIND, /* beyond what the type holds */
    TOO_LOW,     /* beyond what the template allows, here and below */
    TOO_HIGH,
    TOO_SHORT,
    TOO_LONG,
    BAD_FORMAT,
    NOT_LISTED, /* no value of the enum */
    NO_SUCH_FIELD,
    FIELD_MISSING,
    NO_SUCH_COMPONENT,
    NO_SUCH_MEMBER,
    OTHER_KIND, /* the member is of another kind */
    NOT_WRITABLE,
    NOTHING_EXPECTED, /* a command without request or response got one */
    VALUE_MISSING     /* and the other way round */
};

/* spoke_fault.part: the kind of a value's member, or what of a command. */
enum { PART_REQUEST = 3, PART_RESPONSE = 4 };

/* A whole number of either sign, beyond what any C type holds. */
struct whole {
    bool negative;
    uint64_t size;
};

/* `token` is a number of JSON's grammar. */
enum reason check_number(const spoke_schema *schema, spoke_str token);
/* `text` is valid UTF-8; raw: with JSON's escapes. Any kind that travels as text. */
enum reason check_string(const spoke_schema *schema, spoke_str text, bool raw);
enum reason check_whole(const spoke_schema *schema, struct whole value);
enum reason check_real(const spoke_schema *schema, double value);

bool kind_is_whole(spoke_schema_kind kind);
bool kind_is_real(spoke_schema_kind kind);
bool kind_is_text(spoke_schema_kind kind);
/* The least and the greatest of a whole kind. */
struct whole kind_low(spoke_schema_kind kind);
struct whole kind_high(spoke_schema_kind kind);

/* The member of that kind which has nearly that name, or that very name in another component; NULL: none. */
const spoke_member *member_like(const spoke_model *model, spoke_member_kind kind, spoke_str component,
                                spoke_str name);
/* The template has no such member, or not even the component; names as they stand in JSON. guess: look for what was
 * meant, too, which takes a look at every member. E_MODEL. */
spoke_status fault_missing(spoke_fault *fault, const spoke_model *model, spoke_member_kind kind,
                           spoke_str component, spoke_str name, bool guess);
/* Fills *fault, which may be NULL, and answers E_MODEL. */
spoke_status fault_set(spoke_fault *fault, const spoke_member *member, unsigned part, enum reason reason,
                       spoke_str name);

#endif
