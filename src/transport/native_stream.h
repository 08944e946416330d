/* The native transport's byte stream: TLS, or under test plain TCP, over the port's link, with a small read-ahead.
 */
#ifndef SPOKE_SRC_TRANSPORT_NATIVE_STREAM_H
#define SPOKE_SRC_TRANSPORT_NATIVE_STREAM_H

#include <spoke/features.h>
#include <spoke/platform.h>

#include "tls/tls.h"

/* TLS asks for each record in two pieces; brokers send a record for each PUBACK. This many of them cost one call
 * of the port instead of two each. Without TLS it is where what comes after the end is thrown. */
enum { NATIVE_AHEAD_BYTES = SPOKE_WITH_TLS ? 2048 : 32 };
/* Calls of the port's read between two looks. mbedTLS passes over empty records and warnings by itself, so that a
 * peer that sends them without end would hold it, and the caller, for as long. */
enum { NATIVE_READS = 16 };

struct native_stream {
    const spoke_platform *platform;
    void *link;
    struct tls *tls; /* NULL: plain. Read through native_stream_tls */
    unsigned reads;  /* left until the next look; 0 also when one emptied the link */
    size_t at, end;  /* what is left of ahead */
    uint8_t ahead[NATIVE_AHEAD_BYTES];
    uint64_t bytes_in, bytes_out; /* through the link, since init */
};

/* NULL: plain, which a build without TLS knows at compile time. */
static inline struct tls *native_stream_tls(const struct native_stream *stream)
{
    return SPOKE_WITH_TLS ? stream->tls : NULL;
}

/* Forgets what was read ahead: a new connection begins. */
void native_stream_reset(struct native_stream *stream);
/* The link may hold something, and there is time to read it. Before that, reads beyond those left are E_AGAIN. */
void native_stream_look(struct native_stream *stream);
struct tls_stream native_stream_below(struct native_stream *stream); /* for tls_start */
spoke_status native_stream_read(struct native_stream *stream, uint8_t *out, size_t cap, size_t *count);
/* After E_AGAIN: the same bytes again, or more behind them. */
spoke_status native_stream_write(struct native_stream *stream, spoke_str bytes, size_t *count);
/* Reads and drops what comes. As native_stream_read. */
spoke_status native_stream_discard(struct native_stream *stream);

#endif
