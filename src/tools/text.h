/* Text that grows: what a command prints or writes to a file. */
#ifndef SPOKE_SRC_TOOLS_TEXT_H
#define SPOKE_SRC_TOOLS_TEXT_H

#include <stdarg.h>
#include <stdio.h>

#include <spoke/base.h>

struct text {
    char *ptr; /* NUL-terminated once something was added; NULL before */
    size_t len, cap;
    bool failed; /* sticks: no memory */
};

void text_add(struct text *text, spoke_str bytes);
void text_adds(struct text *text, const char *bytes);
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void text_addf(struct text *text, const char *format, ...);
spoke_str text_str(const struct text *text);
void text_free(struct text *text);
/* The whole file or, where something goes wrong, what was there before: it is written beside and renamed. False: not
 * written; errno says why. */
bool text_save(const struct text *text, const char *path);

/* Writes valid C: a string literal with its quotes. ISO C promises 4,095 characters; for what may be longer there is
 * the initialiser of an array: "{'a', 0}". */
#define TEXT_LITERAL_MAX 4095u
void text_add_literal(struct text *text, spoke_str bytes);
void text_add_characters(struct text *text, spoke_str bytes);
/* A JSON string with its quotes; what is not UTF-8 becomes '?'. */
void text_add_json(struct text *text, spoke_str bytes);

#endif
