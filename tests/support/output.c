#include "support/output.h"

#include <string.h>

enum { ROOM = 1024, FRONT = 3, GUARD = 0x5A };

void test_assert_writes(test_write_fn write, const void *ctx, const char *expected, const char *file, int line)
{
    uint8_t memory[ROOM + 1];
    const size_t len = strlen(expected);
    _assert_true(FRONT + len <= ROOM, "the test's own buffer is large enough", file, line);
    for (size_t cap = FRONT; cap <= FRONT + len; cap++) {
        memset(memory, GUARD, sizeof memory);
        memcpy(memory, "abc", FRONT);
        spoke_buf out = spoke_buf_from(memory, cap);
        out.len = FRONT;
        const bool fits = cap == FRONT + len;
        const spoke_status status = write(ctx, &out);
        _assert_true(status == (fits ? SPOKE_OK : SPOKE_E_TOO_SMALL), "status fits the room", file, line);
        _assert_true(out.len == (fits ? cap : FRONT), "length fits the status", file, line);
        _assert_true(memory[cap] == GUARD, "nothing is written past the room", file, line);
        _assert_true(memcmp(memory, "abc", FRONT) == 0, "what stood in front is intact", file, line);
    }
    test_assert_str(spoke_str_from((const char *)memory + FRONT, len), expected, file, line);
}
