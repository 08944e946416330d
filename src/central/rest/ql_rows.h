/* Query language: where the fields of a query stand in messages and in devices. */
#ifndef SPOKE_SRC_CENTRAL_QL_ROWS_H
#define SPOKE_SRC_CENTRAL_QL_ROWS_H

#include "central/core/template.h"
#include "central/store/store.h"
#include "ql.h"

enum { QL_MAX_FIELDS = QL_MAX_ITEMS + QL_FILTER_CONDITIONS + QL_MAX_ORDERS };

struct ql_field {
    spoke_str component;                 /* of telemetry; empty: the default one */
    spoke_str segments[QL_MAX_SEGMENTS]; /* from the name on; of a property from the component on */
    size_t count;
};

/* The fields of a query, each once; the query's paths say which by their slot. */
struct ql_fields {
    bool telemetry; /* else properties, reported and cloud */
    size_t count;
    struct ql_field of[QL_MAX_FIELDS];
};

/* Numbers the fields of the query. With a template each name must be in it, and all of one kind; NULL: names of
 * properties as they come. E_ARG: see *fault. */
spoke_status ql_fields_find(struct ql_query *query, const struct template_table *t, struct ql_fields *out,
                            struct ql_fault *fault);

/* One row. `room` is for texts of strings that have escapes: as long as what the row came from. */
struct ql_row {
    const struct ql_fields *fields;
    const struct store_scanned *from;
    spoke_str object; /* of a message: the reading */
    spoke_buf room;
    bool known[QL_MAX_FIELDS];
    struct ql_value values[QL_MAX_FIELDS];
};
/* ql_get_fn; ctx is a struct ql_row. */
void ql_row_get(void *ctx, const struct ql_path *path, struct ql_value *out);

/* Makes rows of what a walk gives. */
struct ql_reader {
    const struct ql_fields *fields;
    char *room;
    size_t room_cap;
    struct ql_row row;
};
/* Calls `each` for every reading of a message, or for the device; false stops. E_NO_MEMORY. */
spoke_status ql_read(struct ql_reader *reader, const struct store_scanned *from,
                     bool (*each)(void *ctx, struct ql_row *row), void *ctx);
void ql_reader_free(struct ql_reader *reader);

#endif
