/* Preloaded into a measured program: counts its heap calls and, at its end, writes them as JSON to the file that
 * BENCH_HEAP_FILE names. */
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void __libc_free(void *block);

static atomic_ulong taken, freed;

void *malloc(size_t size)
{
    atomic_fetch_add_explicit(&taken, 1, memory_order_relaxed);
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    atomic_fetch_add_explicit(&taken, 1, memory_order_relaxed);
    return __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
    atomic_fetch_add_explicit(&taken, 1, memory_order_relaxed);
    return __libc_realloc(block, size);
}

void free(void *block)
{
    if (block != NULL)
        atomic_fetch_add_explicit(&freed, 1, memory_order_relaxed);
    __libc_free(block);
}

__attribute__((destructor)) static void report(void)
{
    const char *path = getenv("BENCH_HEAP_FILE");
    const int fd = path != NULL ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    if (fd < 0)
        return;
    (void)dprintf(fd, "{\"taken\": %lu, \"freed\": %lu}\n", atomic_load(&taken), atomic_load(&freed));
    close(fd);
}
