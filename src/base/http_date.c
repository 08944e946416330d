#include "base/http_date.h"

#include <string.h>

#include "base/ascii.h"
#include "base/iso8601.h"

/* The three letters are one of `names`; its index, or -1. */
static int name_index(const char *at, const char *names)
{
    for (int i = 0; names[i * 3] != '\0'; i++)
        if (memcmp(at, names + i * 3, 3) == 0)
            return i;
    return -1;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" has everything that "1994-11-06T08:49:37Z" wants. */
spoke_status http_date_parse(spoke_str text, int64_t *unix_s)
{
    static const char shape[] = "Www, dd Www dddd dd:dd:dd GMT";
    char iso[] = "0000-00-00T00:00:00Z";
    int64_t ms;
    if (text.len != sizeof shape - 1)
        return SPOKE_E_PROTOCOL;
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.ptr[i];
        const bool fits =
            shape[i] == 'd' ? ascii_is_digit(c) : shape[i] == 'W' || shape[i] == 'w' || c == shape[i];
        if (!fits)
            return SPOKE_E_PROTOCOL;
    }
    const int month = name_index(text.ptr + 8, "JanFebMarAprMayJunJulAugSepOctNovDec");
    if (month < 0 || name_index(text.ptr, "MonTueWedThuFriSatSun") < 0)
        return SPOKE_E_PROTOCOL;
    memcpy(iso, text.ptr + 12, 4);
    iso[5] = (char)('0' + (month + 1) / 10);
    iso[6] = (char)('0' + (month + 1) % 10);
    memcpy(iso + 8, text.ptr + 5, 2);
    memcpy(iso + 11, text.ptr + 17, 8);
    if (iso8601_parse(spoke_str_from(iso, sizeof iso - 1), &ms) != SPOKE_OK)
        return SPOKE_E_PROTOCOL;
    *unix_s = ms / 1000;
    return SPOKE_OK;
}

static spoke_str trimmed(spoke_str text)
{
    while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t')) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

static bool starts(spoke_str line, const char *lower)
{
    size_t i = 0;
    for (; lower[i] != '\0'; i++)
        if (i >= line.len || ascii_lower(line.ptr[i]) != lower[i])
            return false;
    return true;
}

static spoke_status take_line(struct http_date *d, int64_t *unix_s)
{
    size_t len = d->len;
    d->len = 0;
    const bool whole = len < HTTP_DATE_LINE_BYTES;
    if (whole && len > 0 && d->line[len - 1] == '\r')
        len--;
    const spoke_str line = spoke_str_from(d->line, len);
    if (!d->begun) {
        d->begun = true;
        return starts(line, "http/1.") ? SPOKE_E_AGAIN : SPOKE_E_PROTOCOL;
    }
    if (len == 0) /* the head ends */
        return SPOKE_E_PROTOCOL;
    if (!whole || !starts(line, "date:"))
        return SPOKE_E_AGAIN;
    return http_date_parse(trimmed(spoke_str_from(line.ptr + 5, line.len - 5)), unix_s);
}

spoke_status http_date_feed(struct http_date *d, const uint8_t *bytes, size_t len, int64_t *unix_s)
{
    for (size_t i = 0; i < len; i++) {
        if (d->seen++ >= HTTP_DATE_MAX_BYTES)
            return SPOKE_E_PROTOCOL;
        if (bytes[i] == '\n') {
            const spoke_status status = take_line(d, unix_s);
            if (status != SPOKE_E_AGAIN)
                return status;
        } else if (d->len < HTTP_DATE_LINE_BYTES) {
            d->line[d->len++] = (char)bytes[i];
        }
    }
    return SPOKE_E_AGAIN;
}
