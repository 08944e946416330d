/* What tests share. */
#ifndef SPOKE_TESTS_SUPPORT_H
#define SPOKE_TESTS_SUPPORT_H

/* cmocka wants these before its own header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <spoke/base.h>

/* Compares a view with a C string, printing both on failure. */
#define assert_str(view, text) test_assert_str((view), (text), __FILE__, __LINE__)
#define assert_ok(expression) assert_int_equal((expression), SPOKE_OK)

void test_assert_str(spoke_str view, const char *text, const char *file, int line);

/* Whole file, heap, NUL-terminated for convenience; NULL when it is not there. *len may be NULL. */
char *test_read_file(const char *path, size_t *len);

#endif
