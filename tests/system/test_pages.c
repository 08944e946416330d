/* How much of mbedTLS's record buffers, 34 KB a session, is resident before records fill them. A program of its own, so
 * that nothing else grows the heap meanwhile. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "support/support.h"
#include "tls/mbedtls_compat.h"
#include "tls/tls.h"

enum { SESSIONS = 200, MOST_BYTES = 20 * 1024 };

static spoke_status system_random(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    return getrandom(out, len, 0) == (ssize_t)len ? SPOKE_OK : SPOKE_E_PORT;
}

static spoke_status no_read(void *ctx, uint8_t *out, size_t cap, size_t *count)
{
    (void)ctx, (void)out, (void)cap, (void)count;
    return SPOKE_E_AGAIN;
}

static spoke_status no_write(void *ctx, const uint8_t *bytes, size_t len, size_t *count)
{
    (void)ctx, (void)bytes, (void)len, (void)count;
    return SPOKE_E_AGAIN;
}

static size_t resident_bytes(void)
{
    unsigned long all = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL)
        return 0;
    assert_int_equal(fscanf(file, "%lu %lu", &all, &resident), 2);
    fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* Elsewhere nothing is promised: src/tls/tls_pages.c. */
static bool promised(void)
{
#if defined(MBEDTLS_PLATFORM_MEMORY) || defined(MBEDTLS_SSL_VARIABLE_BUFFER_LENGTH) || \
    defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
    return false;
#endif
#endif
    return sysconf(_SC_PAGESIZE) == 4096 && resident_bytes() > 0;
}

static void a_session_that_connects_gives_back_what_no_record_has_reached(void **state)
{
    static void *memory[SESSIONS];
    static struct tls *sessions[SESSIONS];
    const struct tls_context_options options = {.do_not_verify = true, .random = system_random};
    const struct tls_stream stream = {NULL, no_read, no_write};
    struct tls_context *context = NULL;
    (void)state;
    if (!promised())
        skip();
    assert_ok(tls_context_create(&options, &context, NULL, NULL));
    for (size_t i = 0; i < SESSIONS; i++) {
        memory[i] = malloc(tls_size());
        assert_non_null(memory[i]);
        memset(memory[i], 0xA5, tls_size());
    }
    const size_t before = resident_bytes();
    for (size_t i = 0; i < SESSIONS; i++) {
        assert_ok(tls_init(memory[i], tls_size(), context, &sessions[i]));
        assert_ok(tls_start(sessions[i], "hub.example", &stream));
    }
    const size_t grown = resident_bytes() - before;
    assert_in_range(grown, 1, (size_t)SESSIONS * MOST_BYTES);
    for (size_t i = 0; i < SESSIONS; i++) {
        tls_fini(sessions[i]);
        free(memory[i]);
    }
    tls_context_destroy(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_that_connects_gives_back_what_no_record_has_reached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
