/* What the fuzz targets of the protocol layers share. An input is lines: a topic, a payload, a topic ... */
#ifndef SPOKE_TESTS_PROTO_INPUT_H
#define SPOKE_TESTS_PROTO_INPUT_H

#include <stdlib.h>

#include <spoke/base.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void require(bool holds)
{
    if (!holds)
        abort();
}

static inline spoke_str next_line(spoke_str *rest)
{
    spoke_str line;
    (void)spoke_str_cut(*rest, '\n', &line, rest);
    return line;
}

static inline bool lies_within(spoke_str view, spoke_str text)
{
    return view.len == 0 || (view.ptr >= text.ptr && view.ptr + view.len <= text.ptr + text.len);
}

#endif
