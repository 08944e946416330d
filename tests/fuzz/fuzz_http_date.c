/* A response of a time host: however its bytes are cut into pieces, the verdict is the same; a time is one of the
 * years 1970 to 9999, and the line kept is never longer than its room. */
#include <stdlib.h>
#include <string.h>

#include "base/http_date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static spoke_status feed_in_pieces(const uint8_t *data, size_t size, size_t piece, int64_t *unix_s)
{
    struct http_date d = {0};
    spoke_status status = SPOKE_E_AGAIN;
    for (size_t at = 0; at < size && status == SPOKE_E_AGAIN; at += piece) {
        status = http_date_feed(&d, data + at, size - at < piece ? size - at : piece, unix_s);
        require(d.len <= sizeof d.line);
    }
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t whole_s = -1, pieces_s = -1;
    const spoke_status whole = feed_in_pieces(data, size, size > 0 ? size : 1, &whole_s);
    const spoke_status pieces = feed_in_pieces(data, size, size > 0 ? 1 + data[size - 1] % 7u : 1, &pieces_s);
    require(whole == pieces && whole_s == pieces_s);
    require(whole == SPOKE_OK || whole == SPOKE_E_AGAIN || whole == SPOKE_E_PROTOCOL);
    require(whole != SPOKE_OK || (whole_s >= 0 && whole_s <= INT64_C(253402300799)));
    require(size <= HTTP_DATE_MAX_BYTES || whole != SPOKE_E_AGAIN);
    return 0;
}
