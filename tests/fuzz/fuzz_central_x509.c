/* Certificates as people upload them and devices show them: text, one certificate, a chain against an authority. The
 * first byte picks which; what was read again gives the same, and no chain of a stranger is trusted. */
#include <stdlib.h>
#include <string.h>

#include "central/core/x509.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A P-256 root, made for this; nobody has its key. */
static const char AUTHORITY[] = "-----BEGIN CERTIFICATE-----\n"
                                "MIIBfjCCASWgAwIBAgIUKM40aYocntvdKo+Hd6FB0PPHAtgwCgYIKoZIzj0EAwIw\n"
                                "FDESMBAGA1UEAwwJRnV6eiBSb290MCAXDTI2MTEyNjA4NTIzMloYDzIwODEwODI5\n"
                                "MDg1MjMyWjAUMRIwEAYDVQQDDAlGdXp6IFJvb3QwWTATBgcqhkjOPQIBBggqhkjO\n"
                                "PQMBBwNCAAS9ZKC6OCkmPl1fc1xLKSSWj53N7BCuHLpWjrLFa/Vtprf77LhL2coN\n"
                                "JPxUYZS8TEm4Wmfb00XdO+csEyvLHzNGo1MwUTAdBgNVHQ4EFgQUU5YbsNzwupNx\n"
                                "kM9wx0Whpg2+2JEwHwYDVR0jBBgwFoAUU5YbsNzwupNxkM9wx0Whpg2+2JEwDwYD\n"
                                "VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiAyj8KDUkp79Y5BbPzio2yi\n"
                                "Ch+GyD79eped807q9/2+nQIgXhIf3QF5MB6lBRxLvrNTMmSrXjzq9Tn8Z4Ehsnc8\n"
                                "mBo=\n"
                                "-----END CERTIFICATE-----\n";

static void require(bool holds)
{
    if (!holds)
        abort();
}

static spoke_str authority(void)
{
    static uint8_t memory[X509_MAX_BYTES];
    static spoke_buf der;
    if (der.len == 0) {
        der = spoke_buf_from(memory, sizeof memory);
        require(x509_decode(spoke_str_of(AUTHORITY), &der) == SPOKE_OK);
    }
    return spoke_buf_str(&der);
}

static void try_text(spoke_str text)
{
    uint8_t memory[X509_MAX_BYTES], again[X509_MAX_BYTES];
    struct x509_facts facts;
    spoke_buf der = spoke_buf_from(memory, sizeof memory), copy = spoke_buf_from(again, sizeof again);
    if (x509_decode(text, &der) != SPOKE_OK)
        return;
    require(x509_read(spoke_buf_str(&der), &facts) == SPOKE_OK);
    require(strlen(facts.common_name) <= SPOKE_MAX_ID_BYTES);
    require(x509_decode(text, &copy) == SPOKE_OK && spoke_str_equal(spoke_buf_str(&der), spoke_buf_str(&copy)));
}

static bool count_one(void *ctx, spoke_str der)
{
    ++*(size_t *)ctx;
    return der.len <= X509_MAX_BYTES;
}

static void try_file(spoke_str text)
{
    size_t count = 0;
    char *copy = malloc(text.len + 1);
    if (copy == NULL)
        return;
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    (void)x509_decode_each(copy, count_one, &count);
    free(copy);
}

static void try_chain(spoke_str chain, int64_t now_s)
{
    spoke_str rest = chain, one;
    size_t total = 0;
    while (x509_cut(&rest, &one))
        total += one.len;
    require(total + rest.len == chain.len);
    const enum x509_verdict verdict = x509_judge(chain, authority(), now_s);
    require(verdict != X509_TRUSTED); /* no input bears a signature of that key, but for the root's own */
    (void)x509_judge_alone(chain, now_s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const spoke_str rest = spoke_str_from((const char *)data + 1, size - 1);
    if (data[0] % 3 == 0)
        try_text(rest);
    else if (data[0] % 3 == 1)
        try_file(rest);
    else
        try_chain(rest, (int64_t)data[0] << 24);
    return 0;
}
