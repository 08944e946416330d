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

/* Threads of this process. A program that used paho ends only when no more of them run than at its start: paho's are
 * detached, outlive its last handle for a moment, and would meet OpenSSL's clean-up at exit. Gives up after 10 s. */
unsigned test_threads(void);
void test_await_threads(unsigned at_most);

/* Whole file, heap, NUL-terminated for convenience; NULL when it is not there. *len may be NULL. */
char *test_read_file(const char *path, size_t *len);

#endif
