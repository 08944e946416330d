#include "transport/native_stream.h"

#include <string.h>

void native_stream_reset(struct native_stream *stream)
{
    if (SPOKE_WITH_TLS)
        spoke_wipe(stream->ahead, stream->end);
    stream->at = stream->end = 0;
    native_stream_look(stream);
}

void native_stream_look(struct native_stream *stream)
{
    stream->reads = NATIVE_READS;
}

static spoke_status read_link(struct native_stream *stream, uint8_t *out, size_t cap, size_t *count)
{
    const spoke_platform *platform = stream->platform;
    if (stream->reads == 0)
        return SPOKE_E_AGAIN;
    stream->reads--;
    const spoke_status status = platform->net->read(platform->ctx, stream->link, out, cap, count);
    if (SPOKE_WITH_STATS)
        stream->bytes_in += status == SPOKE_OK ? *count : 0;
    if (status == SPOKE_E_AGAIN || (status == SPOKE_OK && *count < cap))
        stream->reads = 0; /* fewer than asked for: that was all */
    return status;
}

static spoke_status below_read(void *ctx, uint8_t *out, size_t cap, size_t *count)
{
    struct native_stream *stream = ctx;
    if (!SPOKE_WITH_TLS)
        return read_link(stream, out, cap, count);
    if (stream->at == stream->end) {
        if (cap >= sizeof(stream->ahead))
            return read_link(stream, out, cap, count);
        size_t got = 0;
        const spoke_status status = read_link(stream, stream->ahead, sizeof(stream->ahead), &got);
        if (status != SPOKE_OK)
            return status;
        stream->at = 0;
        stream->end = got;
    }
    const size_t left = stream->end - stream->at;
    *count = left < cap ? left : cap;
    memcpy(out, stream->ahead + stream->at, *count);
    stream->at += *count;
    return SPOKE_OK;
}

static spoke_status below_write(void *ctx, const uint8_t *bytes, size_t len, size_t *count)
{
    struct native_stream *stream = ctx;
    const spoke_platform *platform = stream->platform;
    const spoke_status status = platform->net->write(platform->ctx, stream->link, bytes, len, count);
    if (SPOKE_WITH_STATS)
        stream->bytes_out += status == SPOKE_OK ? *count : 0;
    return status;
}

struct tls_stream native_stream_below(struct native_stream *stream)
{
    const struct tls_stream below = {stream, below_read, below_write};
    return below;
}

spoke_status native_stream_read(struct native_stream *stream, uint8_t *out, size_t cap, size_t *count)
{
    struct tls *tls = native_stream_tls(stream);
    return tls != NULL ? tls_read(tls, out, cap, count) : below_read(stream, out, cap, count);
}

spoke_status native_stream_write(struct native_stream *stream, spoke_str bytes, size_t *count)
{
    const uint8_t *at = (const uint8_t *)bytes.ptr;
    struct tls *tls = native_stream_tls(stream);
    return tls != NULL ? tls_write(tls, at, bytes.len, count) : below_write(stream, at, bytes.len, count);
}

spoke_status native_stream_discard(struct native_stream *stream)
{
    size_t count = 0;
    stream->at = stream->end = 0;
    return read_link(stream, stream->ahead, sizeof(stream->ahead), &count);
}
