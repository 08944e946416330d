/* WebSocket frames from a client. Fuzz targets link the device library only, hence the source. */
#include "central/shell/websocket.c"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whole and byte by byte must tell the same story: the data that comes out and how it ends. */
struct story {
    size_t data_bytes, pings;
    uint32_t checksum;
    uint16_t end_code;
};

static void tell(struct story *story, const struct websocket_event *event)
{
    if (event->kind == WEBSOCKET_EVENT_DATA) {
        story->data_bytes += event->payload.len;
        for (size_t i = 0; i < event->payload.len; i++)
            story->checksum = story->checksum * 31 + (uint8_t)event->payload.ptr[i];
    }
    story->pings += event->kind == WEBSOCKET_EVENT_PING;
    if (event->code != 0)
        story->end_code = event->code;
}

static struct story run(const uint8_t *data, size_t size, size_t step)
{
    struct story story = {0};
    struct websocket w = {0};
    for (size_t at = 0; at < size; at += step) {
        const size_t piece = size - at < step ? size - at : step;
        uint8_t *bytes = malloc(piece); /* its own block, so that one byte too far is seen */
        if (bytes == NULL)
            abort();
        memcpy(bytes, data + at, piece);
        for (size_t used = 0; used < piece;) {
            struct websocket_event event;
            const size_t took = websocket_receive(&w, bytes + used, piece - used, &event);
            if (took == 0 || took > piece - used)
                abort();
            used += took;
            tell(&story, &event);
        }
        free(bytes);
    }
    return story;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct story whole = run(data, size, size > 0 ? size : 1), bytes = run(data, size, 1);
    if (whole.data_bytes != bytes.data_bytes || whole.pings != bytes.pings || whole.checksum != bytes.checksum ||
        whole.end_code != bytes.end_code)
        abort();
    spoke_str found;
    uint8_t text[WEBSOCKET_ACCEPT_BYTES];
    spoke_buf out = spoke_buf_from(text, sizeof text);
    const spoke_str input = spoke_str_from((const char *)data, size);
    (void)websocket_token(input, SPOKE_STR("mqtt"), &found);
    if (websocket_accept(input, &out) == SPOKE_OK && out.len != WEBSOCKET_ACCEPT_BYTES)
        abort();
    return 0;
}
