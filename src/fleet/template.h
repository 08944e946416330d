/* What all devices of a fleet have in common: the device template, and how to play each of its capabilities.
 * Heap; read-only once made, so that every thread may use it. */
#ifndef SPOKE_SRC_FLEET_TEMPLATE_H
#define SPOKE_SRC_FLEET_TEMPLATE_H

#include <spoke/client.h>

#include "base/heap_arena.h"
#include "model/dtdl.h"
#include "synth/value.h"

#define TEMPLATE_GROUP_MOST 128u /* members of a group */

/* One member of the model, at the same index. */
struct template_part {
    const struct value_plan *value; /* of telemetry, property, response; NULL: nothing to make */
    double interval_unit_s; /* writable property that says how often telemetry is sent: seconds in one; 0 */
    const struct value_plan *leads; /* writable property: the telemetry that follows it; NULL: none does */
};

/* Telemetry that travels together, or read-only properties that are reported together: of one component. */
struct template_group {
    const char *component;   /* NULL: the default one */
    const uint16_t *members; /* indices in the model */
    size_t count;
};

struct fleet_template {
    const spoke_model *model;
    struct template_part *parts;
    struct template_group *messages, *reports;
    size_t message_count, report_count;
    spoke_handler *handlers; /* commands and writable properties, in the model's order */
    size_t handler_count;
    uint16_t slots;      /* of a device's memory */
    size_t most_bytes;   /* of a message or report, as far as was tried, with room for longer values */
    size_t twin_bytes;   /* of both halves of a twin, as it is read at a connect, in the same way */
    size_t left_out;     /* telemetry, properties and responses of which no value fits the template */
    const char *example; /* the name of one of those; NULL: none */
};

/* Compiles the interface and looks at every capability. Of a template without telemetry nothing is sent. The arena
 * keeps everything. E_NO_MEMORY, E_TOO_LARGE: more than 65,535 capabilities. */
spoke_status template_make(struct arena *arena, const struct dtdl_element *interface,
                           spoke_property_fn on_property, spoke_command_fn on_command, struct fleet_template *out);

/* Makes one value for the member as JSON text behind out->len. E_MODEL: none fits; E_TOO_SMALL. */
spoke_status template_value(const struct fleet_template *t, size_t member, struct value_memory *memory,
                            spoke_buf *out, spoke_str *json);
/* The same as a field for spoke_property_report. */
spoke_status template_field(const struct fleet_template *t, size_t member, struct value_memory *memory,
                            spoke_buf *scratch, spoke_field *out);
/* The body of one message. */
spoke_status template_message(const struct fleet_template *t, const struct template_group *group,
                              struct value_memory *memory, spoke_buf *out, spoke_str *json);

#endif
