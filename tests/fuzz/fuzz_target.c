/* Targets of HTTP requests. Fuzz targets link the device library only, hence the source. */
#include "central/core/target.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct target target;
    const spoke_status status = target_parse(spoke_str_from((const char *)data, size), &target);
    if (status != SPOKE_OK)
        return 0;
    if (target.path[0] != '/' || strlen(target.path) + strlen(target.query) > size)
        abort();
    for (const char *c = target.path; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20)
            abort();
    target_free(&target);
    return 0;
}
