#include "tls_pages.h"

/* Only where the heap is known to be the C library's, whose pages are private and anonymous: they read as zeros after
 * they were given back, which is what they held. A heap of the program's own could lie anywhere, in a file for one. And
 * only where the build lets the C library show madvise, which strict C11 does not. */
#if defined(__linux__) && defined(_GNU_SOURCE) && !defined(MBEDTLS_PLATFORM_MEMORY) && \
    !defined(MBEDTLS_SSL_VARIABLE_BUFFER_LENGTH)

#include <sys/mman.h>
#include <unistd.h>

static void release(unsigned char *bytes, size_t len)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    const uintptr_t from = ((uintptr_t)bytes + page - 1) / page * page;
    const uintptr_t to = ((uintptr_t)bytes + len) / page * page;
    if (bytes != NULL && from < to)
        (void)madvise((void *)from, to - from, MADV_DONTNEED); /* refused, it stays as it is: no harm */
}

void tls_release_pages(const mbedtls_ssl_context *ssl)
{
    release(COMPAT_FIELD(ssl, in_buf), MBEDTLS_SSL_IN_CONTENT_LEN);
    release(COMPAT_FIELD(ssl, out_buf), MBEDTLS_SSL_OUT_CONTENT_LEN);
}

#else

void tls_release_pages(const mbedtls_ssl_context *ssl)
{
    (void)ssl;
}

#endif
