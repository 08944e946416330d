/* One check for every function that appends text to a spoke_buf. */
#ifndef SPOKE_TESTS_OUTPUT_H
#define SPOKE_TESTS_OUTPUT_H

#include "support/support.h"

typedef spoke_status (*test_write_fn)(const void *ctx, spoke_buf *out);

/* Behind text that is there already: writes exactly `expected` into room of exactly that size; one byte less and
 * every size below is E_TOO_SMALL with the length as it was; nothing is written past the room. */
#define assert_writes(write, ctx, expected) test_assert_writes((write), (ctx), (expected), __FILE__, __LINE__)
void test_assert_writes(test_write_fn write, const void *ctx, const char *expected, const char *file, int line);

#endif
