#include <spoke/encoder.h>

#include <limits.h>
#include <string.h>
#include <zlib.h>

enum { GZIP_WRAPPER = 16 }; /* zlib's way to ask for gzip instead of its own frame */

/* What zlib takes beside window and hash tables: its state, about 6 KB in zlib 1.2 and 1.3, and the padding of seven
 * allocations. With room for other versions. */
enum { STATE_BYTES = 8192 + 8 * (int)sizeof(max_align_t), LEAST_BYTES = 128 };

/* Stands at the front of the caller's memory; zlib's allocations follow. */
struct gzip {
    z_stream z;
    uint8_t *next;
    size_t left;
};

static size_t rounded(size_t bytes)
{
    const size_t unit = sizeof(max_align_t);
    return (bytes + unit - 1) / unit * unit;
}

static bool read_options(const spoke_gzip_options *given, spoke_gzip_options *out)
{
    const spoke_gzip_options none = {sizeof none, 0, 0, 0, 0};
    if (given != NULL && given->struct_size < sizeof none)
        return false;
    *out = given != NULL ? *given : none;
    out->window_bits = out->window_bits != 0 ? out->window_bits : 11;
    out->memory_level = out->memory_level != 0 ? out->memory_level : 4;
    out->level = out->level != 0 ? out->level : 6;
    out->least_bytes = out->least_bytes != 0 ? out->least_bytes : LEAST_BYTES;
    return out->window_bits >= 9 && out->window_bits <= 15 && out->memory_level <= 9 && out->level <= 9;
}

size_t spoke_gzip_size(const spoke_gzip_options *options)
{
    spoke_gzip_options o;
    if (!read_options(options, &o))
        return 0;
    /* zlib's own figure is 2^(window + 2) + 2^(level + 9); newer ones take 2^(level + 6) more */
    return rounded(sizeof(struct gzip)) + STATE_BYTES + ((size_t)1 << (o.window_bits + 2)) +
           ((size_t)1 << (o.memory_level + 9)) + ((size_t)1 << (o.memory_level + 6));
}

static voidpf take(voidpf opaque, uInt items, uInt size)
{
    struct gzip *g = opaque;
    if (size > 0 && items > (SIZE_MAX - sizeof(max_align_t)) / size)
        return Z_NULL;
    const size_t bytes = rounded((size_t)items * size);
    if (bytes > g->left)
        return Z_NULL;
    uint8_t *taken = g->next;
    g->next += bytes;
    g->left -= bytes;
    return taken;
}

/* zlib gives back only at its end, which is the end of the memory. */
static void give_back(voidpf opaque, voidpf address)
{
    (void)opaque;
    (void)address;
}

/* The whole body in one go, into what is left of out. */
static spoke_status encode(void *ctx, spoke_str body, spoke_buf *out)
{
    struct gzip *g = ctx;
    const size_t room = out->cap - out->len;
    if (body.len > UINT_MAX || deflateReset(&g->z) != Z_OK)
        return SPOKE_E_UNSUPPORTED;
    g->z.next_in = (z_const Bytef *)(uintptr_t)body.ptr;
    g->z.avail_in = (uInt)body.len;
    g->z.next_out = (Bytef *)out->ptr + out->len;
    /* more than the body is never wanted */
    const size_t most = room < body.len ? room : body.len;
    g->z.avail_out = (uInt)most;
    if (most == 0 || deflate(&g->z, Z_FINISH) != Z_STREAM_END)
        return room < body.len ? SPOKE_E_TOO_SMALL : SPOKE_E_UNSUPPORTED;
    const size_t written = most - g->z.avail_out;
    if (written >= body.len)
        return SPOKE_E_UNSUPPORTED;
    out->len += written;
    return SPOKE_OK;
}

spoke_status spoke_gzip_init(void *memory, size_t size, const spoke_gzip_options *options, spoke_encoder *out)
{
    spoke_gzip_options o;
    if (memory == NULL || out == NULL || (uintptr_t)memory % _Alignof(max_align_t) != 0 ||
        !read_options(options, &o))
        return SPOKE_E_ARG;
    struct gzip *g = memory;
    const size_t head = rounded(sizeof *g);
    if (size < head)
        return SPOKE_E_NO_MEMORY;
    memset(g, 0, sizeof *g);
    g->next = (uint8_t *)memory + head;
    g->left = size - head;
    g->z.zalloc = take;
    g->z.zfree = give_back;
    g->z.opaque = g;
    if (deflateInit2(&g->z, o.level, Z_DEFLATED, o.window_bits + GZIP_WRAPPER, o.memory_level,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return SPOKE_E_NO_MEMORY;
    *out = (spoke_encoder){.encoding = "gzip", .least_bytes = o.least_bytes, .encode = encode, .ctx = g};
    return SPOKE_OK;
}
