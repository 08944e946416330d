/* $filter of a list. Fuzz targets link the device library only, hence the source. */
#include <stdlib.h>

#include "central/rest/rest_filter.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct filter_field FIELDS[] = {{"id", false}, {"template", false}, {"on", true}};

struct row {
    size_t values; /* of the text fields */
    bool truth;
};

static bool value(void *ctx, unsigned field, size_t index, struct filter_value *out)
{
    const struct row *row = ctx;
    out->text = SPOKE_STR("pump");
    out->truth = row->truth;
    return FIELDS[field].truth ? index == 0 : index < row->values;
}

/* Whatever comes: a filter that is taken says something of each row, and the rest has a reason. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct filter *f = malloc(sizeof *f);
    char why[120] = "";
    if (f == NULL)
        return 0;
    const spoke_status status =
        filter_parse(spoke_str_from((const char *)data, size), FIELDS, 3, f, why, sizeof why);
    if ((status == SPOKE_OK) == (why[0] != '\0') || f->length > sizeof f->program ||
        f->literal_bytes > sizeof f->literals)
        abort();
    for (size_t i = 0; i < 6 && status == SPOKE_OK; i++) {
        struct row row = {i / 2, i % 2 != 0};
        (void)filter_matches(f, value, &row);
    }
    free(f);
    return 0;
}
