/* Compresses what a device would send, in 28 KB of its own and no heap. */
#include <spoke/encoder.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

static max_align_t memory[SPOKE_GZIP_BYTES / sizeof(max_align_t)];

int main(void)
{
    char body[2000], packed[2000];
    spoke_buf text = spoke_buf_from(body, sizeof body), out = spoke_buf_from(packed, sizeof packed);
    spoke_encoder gzip; /* goes into the configuration: .encoder = &gzip */
    spoke_status status = spoke_gzip_init(memory, sizeof memory, NULL, &gzip);
    for (int i = 0; status == SPOKE_OK && i < 30; i++)
        status = spoke_buf_append(&text, SPOKE_STR("{\"temperature\":21.5,\"humidity\":40}\n"));
    if (status == SPOKE_OK)
        status = gzip.encode(gzip.ctx, spoke_buf_str(&text), &out);
    printf("%s: %zu bytes became %zu, %s\n", spoke_status_name(status), text.len, out.len, gzip.encoding);
    return status == SPOKE_OK ? 0 : EXIT_FAILURE;
}
