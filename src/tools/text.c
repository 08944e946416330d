#include "tools/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/utf8.h"

static bool reserve(struct text *text, size_t more)
{
    if (text->failed)
        return false;
    if (more < text->cap - text->len)
        return true;
    size_t cap = text->cap > 0 ? text->cap : 256;
    while (cap - text->len <= more && cap < SIZE_MAX / 2)
        cap *= 2;
    char *grown = cap - text->len > more ? realloc(text->ptr, cap) : NULL;
    text->failed = grown == NULL;
    if (grown == NULL)
        return false;
    text->ptr = grown;
    text->cap = cap;
    return true;
}

void text_add(struct text *text, spoke_str bytes)
{
    if (!reserve(text, bytes.len + 1))
        return;
    if (bytes.len > 0)
        memcpy(text->ptr + text->len, bytes.ptr, bytes.len);
    text->len += bytes.len;
    text->ptr[text->len] = '\0';
}

void text_adds(struct text *text, const char *bytes)
{
    text_add(text, spoke_str_of(bytes));
}

void text_addf(struct text *text, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    const int len = vsnprintf(NULL, 0, format, args);
    if (len >= 0 && reserve(text, (size_t)len + 1)) {
        vsnprintf(text->ptr + text->len, text->cap - text->len, format, again);
        text->len += (size_t)len;
    }
    va_end(again);
    va_end(args);
}

spoke_str text_str(const struct text *text)
{
    return spoke_str_from(text->ptr, text->len);
}

void text_free(struct text *text)
{
    free(text->ptr);
    memset(text, 0, sizeof *text);
}

/* --- files --- */

static bool write_to(const struct text *text, const char *path)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        return false;
    const bool written = fwrite(text->ptr, 1, text->len, file) == text->len;
    const int kept = errno;
    const bool closed = fclose(file) == 0;
    if (!written)
        errno = kept;
    return written && closed;
}

static bool write_beside(const struct text *text, const char *path)
{
    struct text beside = {0};
    text_addf(&beside, "%s.%ld.tmp", path, (long)getpid());
    const bool done = !beside.failed && write_to(text, beside.ptr) && rename(beside.ptr, path) == 0;
    const int kept = beside.failed ? ENOMEM : errno;
    if (!done && !beside.failed)
        (void)remove(beside.ptr);
    text_free(&beside);
    errno = kept;
    return done;
}

bool text_save(const struct text *text, const char *path)
{
    struct stat about;
    if (text->failed) {
        errno = ENOMEM;
        return false;
    }
    /* a link, a pipe or a device stays what it is */
    const bool special = lstat(path, &about) == 0 && !S_ISREG(about.st_mode);
    return special ? write_to(text, path) : write_beside(text, path);
}

/* --- literals --- */

/* Octal escapes end after three digits, hexadecimal ones never; '?' is escaped because of trigraphs. */
static void add_escaped(struct text *text, unsigned char c, char quote)
{
    if (c == (unsigned char)quote || c == '\\' || c == '?')
        text_addf(text, "\\%c", c);
    else if (c < 0x20 || c > 0x7e)
        text_addf(text, "\\%03o", c);
    else
        text_addf(text, "%c", c);
}

void text_add_literal(struct text *text, spoke_str bytes)
{
    text_adds(text, "\"");
    for (size_t i = 0; i < bytes.len; i++)
        add_escaped(text, (unsigned char)bytes.ptr[i], '"');
    text_adds(text, "\"");
}

void text_add_characters(struct text *text, spoke_str bytes)
{
    text_adds(text, "{");
    for (size_t i = 0; i < bytes.len; i++) {
        text_adds(text, i % 16 == 0 ? "\n    '" : " '");
        add_escaped(text, (unsigned char)bytes.ptr[i], '\'');
        text_adds(text, "',");
    }
    text_adds(text, "\n    0}");
}

static void add_json_byte(struct text *text, unsigned char c)
{
    if (c == '"' || c == '\\')
        text_addf(text, "\\%c", c);
    else if (c == '\n')
        text_adds(text, "\\n");
    else if (c < 0x20)
        text_addf(text, "\\u%04x", c);
    else
        text_addf(text, "%c", c);
}

void text_add_json(struct text *text, spoke_str bytes)
{
    text_adds(text, "\"");
    for (size_t at = 0; at < bytes.len;) {
        const unsigned char c = (unsigned char)bytes.ptr[at];
        const size_t len = c < 0x80 ? 1 : utf8_length(bytes, at);
        if (c < 0x80)
            add_json_byte(text, c);
        else if (len > 0)
            text_add(text, spoke_str_from(bytes.ptr + at, len));
        else
            text_adds(text, "?");
        at += len > 0 ? len : 1;
    }
    text_adds(text, "\"");
}
