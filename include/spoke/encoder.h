/* Compression of telemetry bodies by zlib, for services that take content encoding gzip. Link spoke-gzip (CMake:
 * spoke::gzip), which is built where zlib is.
 *
 *     static max_align_t memory[SPOKE_GZIP_BYTES / sizeof(max_align_t)];
 *     spoke_encoder gzip;
 *     status = spoke_gzip_init(memory, sizeof memory, NULL, &gzip);
 *     ... SPOKE_CONFIG(.encoder = &gzip)
 *
 * No heap: zlib lives in that memory. One encoder is for one client, and there is nothing to release. */
#ifndef SPOKE_ENCODER_H
#define SPOKE_ENCODER_H

#include <spoke/client.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Enough for the default options on any machine. */
#define SPOKE_GZIP_BYTES ((size_t)28672)

/* Zero means the default in brackets. */
typedef struct spoke_gzip_options {
    size_t struct_size;
    uint8_t window_bits;  /* how far back it finds repetitions: 2^9 to 2^15 bytes; takes 4 times that [11: 2 KB] */
    uint8_t memory_level; /* 1 to 9; takes 2^(level + 9) bytes [4] */
    uint8_t level;        /* 1, quick, to 9, small [6] */
    size_t least_bytes;   /* shorter bodies are sent as they are [128] */
} spoke_gzip_options;

/* Bytes of memory for these options (NULL: the defaults), some kilobytes more than zlib is known to take; 0: an
 * option is out of range. */
SPOKE_API size_t spoke_gzip_size(const spoke_gzip_options *options);
/* Makes an encoder in `memory`, which outlives the client and is used by nobody else. Answers E_ARG (an option out of
 * range), E_NO_MEMORY (less than spoke_gzip_size). The encoder answers E_TOO_SMALL when the result does not fit, and
 * E_UNSUPPORTED when it would not be smaller than the body. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_gzip_init(void *memory, size_t size,
                                                        const spoke_gzip_options *options, spoke_encoder *out);

#ifdef __cplusplus
}
#endif
#endif
