/* The small codecs: what base64, percent coding and timestamps take apart, they put together again. */
#include <stdlib.h>

#include "base/base64.h"
#include "base/iso8601.h"
#include "base/url.h"

#define MAX_INPUT 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_base64(spoke_str text)
{
    char bytes[MAX_INPUT], again[2 * MAX_INPUT];
    spoke_buf decoded = spoke_buf_from(bytes, sizeof bytes), encoded = spoke_buf_from(again, sizeof again);
    if (base64_decode(text, &decoded) != SPOKE_OK)
        return;
    require(base64_encode(spoke_buf_str(&decoded), &encoded) == SPOKE_OK);
    require(spoke_str_equal(spoke_buf_str(&encoded), text));
}

static void check_url(spoke_str text)
{
    char memory[3 * MAX_INPUT], again[MAX_INPUT];
    spoke_buf encoded = spoke_buf_from(memory, sizeof memory), decoded = spoke_buf_from(again, sizeof again);
    (void)!url_decode(text, &decoded);
    decoded.len = 0;
    require(url_encode(text, &encoded) == SPOKE_OK);
    require(url_decode(spoke_buf_str(&encoded), &decoded) == SPOKE_OK);
    require(spoke_str_equal(spoke_buf_str(&decoded), text));
}

static void check_iso8601(spoke_str text)
{
    char memory[32];
    spoke_buf out = spoke_buf_from(memory, sizeof memory);
    int64_t moment = 0, again = -1;
    if (iso8601_parse(text, &moment) != SPOKE_OK)
        return;
    require(iso8601_format(moment, 3, &out) == SPOKE_OK);
    require(iso8601_parse(spoke_buf_str(&out), &again) == SPOKE_OK && again == moment);
    require(text.len >= 19 && spoke_str_equal(spoke_str_from(text.ptr, 19), spoke_str_from(memory, 19)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const spoke_str text = spoke_str_from((const char *)data, size);
    uint32_t number = 0;
    if (size > MAX_INPUT)
        return 0;
    check_base64(text);
    check_url(text);
    check_iso8601(text);
    (void)!spoke_str_u32(text, &number);
    (void)spoke_utf8_valid(text);
    return 0;
}
