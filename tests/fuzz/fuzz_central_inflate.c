/* Compressed bodies: the first byte picks the packing and the bound, the rest is the body. Whatever comes, no more than
 * the bound comes out, and what was read has its length. */
#include <stdlib.h>

#include "central/core/inflate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *out = NULL;
    size_t len = 0, sum = 0;
    if (size == 0)
        return 0;
    const enum packing packing = (data[0] & 1u) != 0 ? PACKING_GZIP : PACKING_DEFLATE;
    const size_t most = (size_t)1 << (data[0] >> 1 & 15u); /* up to 32 KB */
    const spoke_status status =
        inflate_body(packing, spoke_str_from((const char *)data + 1, size - 1), most, &out, &len);
    require((status == SPOKE_OK) == (out != NULL));
    require(status != SPOKE_OK || len <= most);
    for (size_t i = 0; status == SPOKE_OK && i < len; i++) /* all of it may be read */
        sum += (unsigned char)out[i];
    require(sum <= 255 * most);
    free(out);
    return 0;
}
