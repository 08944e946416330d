/* The query part of a request. Fuzz targets link the device library only, hence the source. */
#include "central/rest/rest_query.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* Whatever comes: a value is UTF-8 without NUL, and a parameter taken out is out. */
static void check(const char *query, const char *name)
{
    char *value = NULL;
    const spoke_status status = rest_query_get(query, name, &value);
    require(status != SPOKE_OK || spoke_utf8_valid(spoke_str_of(value)));
    free(value);
    value = NULL;
    char *rest = rest_query_without(query, name);
    require(rest != NULL && strlen(rest) <= strlen(query));
    require(rest_query_get(rest, name, &value) == SPOKE_E_NOT_FOUND);
    free(rest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *query = strndup(size > 0 ? (const char *)data : "", size);
    if (query == NULL)
        return 0;
    check(query, "$skiptoken");
    check(query, "api-version");
    check(query, "");
    free(query);
    return 0;
}
