/* The query of /api/events, and the id that a live stream goes on behind: whatever they are, the answer is a page, a
 * stream or a refusal. The first byte picks which; the rest is the query, up to a NUL the id. */
#include "support/central_bench.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hear(void *user, const struct core_response *response)
{
    assert_true(response->status == 200 || response->status == 400 || response->status == 404);
    ++*(int *)user;
}

static void prepare(struct bench *b)
{
    bench_open(b);
    bench_provision(b, "dev-001");
    for (int i = 0; i < 40; i++)
        assert_ok(
            core_publish(b->core, i % 3 == 0 ? EVENT_CONNECTED : EVENT_DISCONNECTED, "dev-001", NULL, NULL, NULL));
    assert_ok(core_commit(b->core));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bench b; /* one service for all inputs */
    static bool up;
    struct core_stream *stream = NULL;
    char text[512] = "", read[256];
    int answers = 0;
    if (size < 1 || size > sizeof text - 2)
        return 0;
    if (!up)
        prepare(&b);
    up = true;
    memcpy(text, data + 1, size - 1);
    const bool live = (data[0] & 1) != 0;
    const struct core_request request = {.method = "GET",
                                         .path = live ? "/api/events/stream" : "/api/events",
                                         .query = text,
                                         .trusted = true,
                                         .last_event_id = live ? text + strlen(text) + 1 : NULL,
                                         .stream = live ? &stream : NULL};
    (void)core_request(b.core, &request, hear, &answers);
    assert_int_equal(answers, 1);
    while (stream != NULL && core_stream_read(stream, read, sizeof read) > 0)
        ;
    core_stream_close(stream);
    return 0;
}
