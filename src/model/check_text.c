#include "model/check_text.h"

#include "base/ascii.h"
#include "base/json_scan.h"

/* Patterns: metamodel of the DTDL reference, "instance"; dates and times also have to exist. */

#define OTHER 0x80 /* any character beyond ASCII: none of these formats has one */
#define END (-1)

struct reader {
    spoke_str text;
    size_t at;
    bool raw;
};

/* The next character with its escape resolved, and where the one behind it starts. */
static int look(const struct reader *r, size_t *behind)
{
    uint32_t scalar = 0;
    *behind = r->at + 1;
    if (r->at == r->text.len)
        return END;
    const unsigned char byte = (unsigned char)r->text.ptr[r->at];
    if (!r->raw || byte != '\\')
        return byte < 0x80 ? byte : OTHER;
    *behind = r->at;
    if (!json_scan_escape(r->text, behind, &scalar))
        *behind = r->text.len;
    return scalar < 0x80 ? (int)scalar : OTHER;
}

static int peek(const struct reader *r)
{
    size_t behind;
    return look(r, &behind);
}

static bool take(struct reader *r, char wanted)
{
    size_t behind;
    if (look(r, &behind) != wanted)
        return false;
    r->at = behind;
    return true;
}

static bool take_digit(struct reader *r, unsigned *digit)
{
    size_t behind;
    const int c = look(r, &behind);
    if (c < '0' || c > '9')
        return false;
    *digit = (unsigned)(c - '0');
    r->at = behind;
    return true;
}

/* How many digits follow. */
static size_t take_digits(struct reader *r)
{
    unsigned digit;
    size_t count = 0;
    while (take_digit(r, &digit))
        count++;
    return count;
}

static bool take_number(struct reader *r, unsigned digits, unsigned *out)
{
    *out = 0;
    for (unsigned i = 0; i < digits; i++) {
        unsigned digit;
        if (!take_digit(r, &digit))
            return false;
        *out = *out * 10 + digit;
    }
    return true;
}

/* --- dates and times --- */

static unsigned days_in(unsigned year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

static bool take_date(struct reader *r)
{
    unsigned year, month, day;
    if (!take_number(r, 4, &year) || !take(r, '-') || !take_number(r, 2, &month) || !take(r, '-') ||
        !take_number(r, 2, &day))
        return false;
    return year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= days_in(year, month);
}

/* "Z", or hours and minutes; 14:00 is the farthest place (XML Schema part 2, section 3.2.7.3). */
static bool take_offset(struct reader *r)
{
    unsigned hours, minutes;
    if (take(r, 'Z'))
        return true;
    if (!take(r, '+') && !take(r, '-'))
        return false;
    if (!take_number(r, 2, &hours) || !take(r, ':') || !take_number(r, 2, &minutes))
        return false;
    return minutes < 60 && hours * 60 + minutes <= 14 * 60;
}

static bool take_time(struct reader *r)
{
    unsigned hours, minutes, seconds;
    if (!take_number(r, 2, &hours) || !take(r, ':') || !take_number(r, 2, &minutes) || !take(r, ':') ||
        !take_number(r, 2, &seconds))
        return false;
    if (take(r, '.') && take_digits(r) == 0)
        return false;
    return hours < 24 && minutes < 60 && seconds < 60 && take_offset(r);
}

/* Place of the unit in the order of ISO 8601: Y M W D, and behind the T: H M S. 0: none. */
static unsigned unit_rank(int unit, bool behind_t)
{
    static const char before[] = "YMWD", behind[] = "HMS";
    const char *units = behind_t ? behind : before;
    for (unsigned i = 0; units[i] != '\0'; i++) {
        if (units[i] == unit)
            return i + 1 + (behind_t ? 4 : 0);
    }
    return 0;
}

enum { RANK_WEEKS = 3, RANK_DAYS = 4 };

/* A number and its unit. Weeks stand neither with years nor with months; only the last part has a fraction. */
static bool take_part(struct reader *r, bool behind_t, unsigned *last)
{
    size_t behind;
    if (take_digits(r) == 0)
        return false;
    const bool fraction = take(r, '.');
    if (fraction && take_digits(r) == 0)
        return false;
    const unsigned rank = unit_rank(look(r, &behind), behind_t);
    if (rank <= *last || (rank == RANK_WEEKS && *last > 0))
        return false;
    *last = rank;
    r->at = behind;
    return !fraction || peek(r) == END;
}

static bool take_duration(struct reader *r)
{
    unsigned last = 0;
    bool behind_t = false;
    if (!take(r, 'P') || peek(r) == END)
        return false;
    while (peek(r) != END) {
        if (!behind_t && take(r, 'T')) {
            behind_t = true;
            last = last > RANK_DAYS ? last : RANK_DAYS;
            if (peek(r) == END)
                return false;
        } else if (!take_part(r, behind_t, &last)) {
            return false;
        }
    }
    return true;
}

/* --- the others --- */

static bool take_decimal(struct reader *r)
{
    if (!take(r, '+'))
        (void)take(r, '-');
    if (!take(r, '0') && take_digits(r) == 0)
        return false;
    if (take(r, '.'))
        (void)take_digits(r);
    return true;
}

static bool is_base64(int c)
{
    return c == '+' || c == '/' || (c > 0 && c < OTHER && (ascii_is_alpha((char)c) || ascii_is_digit((char)c)));
}

/* RFC 4648 section 4 with its padding. Bits that nobody reads may be set: the reference takes "2+1=". */
static bool take_base64(struct reader *r)
{
    size_t letters = 0, padding = 0, behind;
    for (; is_base64(look(r, &behind)); r->at = behind)
        letters++;
    while (take(r, '='))
        padding++;
    return (letters + padding) % 4 == 0 && padding <= 2 && (padding == 0 || letters % 4 >= 2);
}

static bool take_uuid(struct reader *r)
{
    size_t behind;
    for (unsigned i = 0; i < 36; i++) {
        const int c = look(r, &behind);
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? c != '-' : c < 0 || c >= OTHER || ascii_hex_value((char)c) < 0)
            return false;
        r->at = behind;
    }
    return true;
}

static bool take_format(struct reader *r, spoke_schema_kind kind)
{
    if (kind == SPOKE_SCHEMA_DECIMAL)
        return take_decimal(r);
    if (kind == SPOKE_SCHEMA_DATE)
        return take_date(r);
    if (kind == SPOKE_SCHEMA_TIME)
        return take_time(r);
    if (kind == SPOKE_SCHEMA_DATE_TIME)
        return take_date(r) && take(r, 'T') && take_time(r);
    if (kind == SPOKE_SCHEMA_DURATION)
        return take_duration(r);
    if (kind == SPOKE_SCHEMA_BYTES)
        return take_base64(r);
    if (kind == SPOKE_SCHEMA_UUID)
        return take_uuid(r);
    r->at = r->text.len;
    return true;
}

bool text_fits(spoke_schema_kind kind, spoke_str text, bool raw)
{
    struct reader r = {.text = text, .raw = raw};
    return take_format(&r, kind) && r.at == text.len;
}

size_t text_units(spoke_str text, bool raw)
{
    size_t units = 0;
    for (size_t at = 0; at < text.len;) {
        const unsigned char byte = (unsigned char)text.ptr[at];
        uint32_t scalar = 0;
        if (raw && byte == '\\' && json_scan_escape(text, &at, &scalar)) {
            units += scalar > 0xFFFF ? 2 : 1;
            continue;
        }
        at++;
        if ((byte & 0xC0) != 0x80) /* not the rest of a character; four bytes are a surrogate pair */
            units += byte >= 0xF0 ? 2 : 1;
    }
    return units;
}
