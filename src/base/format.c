#include "base/format.h"

#include <stdint.h>
#include <string.h>

#include "base/u64.h"

/* Where the text goes; what does not fit is dropped, and all that follows. */
struct line {
    char *out;
    size_t len, most;
};

static void put(struct line *l, const char *text, size_t len)
{
    const size_t room = l->most - l->len;
    size_t fits = len < room ? len : room;
    while (fits > 0 && fits < len && ((unsigned char)text[fits] & 0xC0) == 0x80)
        fits--; /* not in the middle of a character: what follows would be no UTF-8 */
    if (fits > 0)
        memcpy(l->out + l->len, text, fits);
    l->len += fits;
    if (fits < len)
        l->most = l->len;
    l->out[l->len] = '\0';
}

/* Of a text that may lack its NUL no more than `most` bytes are looked at. */
static void put_text(struct line *l, const char *text, size_t most)
{
    size_t len = 0;
    while (text != NULL && len < most && text[len] != '\0')
        len++;
    put(l, text, len);
}

static void put_number(struct line *l, unsigned long value)
{
    char memory[U64_DIGITS];
    const spoke_str digits = u64_text(value, memory);
    put(l, digits.ptr, digits.len);
}

static void put_signed(struct line *l, long value)
{
    if (value < 0)
        put(l, "-", 1);
    put_number(l, value < 0 ? 0 - (unsigned long)value : (unsigned long)value);
}

size_t format_values(char *out, size_t cap, const char *format, va_list values)
{
    struct line l = {.out = out, .most = cap - 1};
    out[0] = '\0';
    for (const char *at = format; *at != '\0';) {
        const size_t plain = strcspn(at, "%");
        size_t most = SIZE_MAX;
        put(&l, at, plain);
        at += plain;
        if (*at == '\0')
            break;
        at++;
        if (at[0] == '.' && at[1] == '*') {
            const int precision = va_arg(values, int);
            most = precision >= 0 ? (size_t)precision : SIZE_MAX;
            at += 2;
        }
        const int wide = *at == 'l';
        at += wide;
        if (*at == 's' && !wide)
            put_text(&l, va_arg(values, const char *), most);
        else if (*at == 'd')
            put_signed(&l, wide ? va_arg(values, long) : va_arg(values, int));
        else if (*at == 'u')
            put_number(&l, wide ? va_arg(values, unsigned long) : va_arg(values, unsigned));
        else if (*at == '%')
            put(&l, "%", 1);
        else
            return FORMAT_UNKNOWN;
        at++;
    }
    return l.len;
}

size_t format_text(char *out, size_t cap, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    const size_t len = format_values(out, cap, format, values);
    va_end(values);
    return len;
}
