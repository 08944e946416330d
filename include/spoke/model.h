/* A device template (DTDL interface) as a constant table. */
#ifndef SPOKE_MODEL_H
#define SPOKE_MODEL_H

#include <spoke/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum spoke_member_kind { SPOKE_TELEMETRY, SPOKE_PROPERTY, SPOKE_COMMAND } spoke_member_kind;

/* One capability. All text is static. */
typedef struct spoke_member {
    spoke_member_kind member;
    const char *component; /* NULL: the default component */
    const char *name;
    const char *schema; /* DTDL schema in short form: "double", "string", "object" */
    bool writable;      /* properties only */
} spoke_member;

typedef struct spoke_model {
    const char *dtmi; /* announced at provisioning and at connect */
    const spoke_member *members;
    size_t member_count;
} spoke_model;

/* The member of that kind, component and name, or NULL. component empty: the default component. */
SPOKE_API const spoke_member *spoke_model_find(const spoke_model *model, spoke_member_kind kind,
                                               spoke_str component, spoke_str name);
/* True when any member belongs to that component. */
SPOKE_API bool spoke_model_has_component(const spoke_model *model, spoke_str component);

#ifdef __cplusplus
}
#endif
#endif
