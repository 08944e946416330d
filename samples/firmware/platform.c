/* spoke_platform on the board: time, random bytes, records and log lines; and the same things as mbedTLS and lwIP want
 * them. The byte stream is net_lwip.c's. */
#define _POSIX_C_SOURCE 200809L /* gmtime_r */

#include "platform.h"

#include <mbedtls/hmac_drbg.h>
#include <mbedtls/memory_buffer_alloc.h>
#include <mbedtls/platform.h>
#include <mbedtls/platform_time.h>
#include <mbedtls/platform_util.h>
#include <string.h>
#include <time.h>

#include "board.h"

/* --- time --- */

static int64_t reset_at_s; /* UTC; 0: nobody has said */

static uint64_t monotonic_ms(void *ctx)
{
    (void)ctx;
    return board_ms();
}

static spoke_status unix_seconds(void *ctx, int64_t *out)
{
    (void)ctx;
    if (reset_at_s == 0)
        return SPOKE_E_CLOCK;
    *out = reset_at_s + (int64_t)(board_ms() / 1000);
    return SPOKE_OK;
}

/* This board has no clock that runs without power. A product starts SNTP here, reads such a clock, or asks its modem;
 * the answer may come any time later. */
static void seek_time(void *ctx)
{
    (void)ctx;
    reset_at_s = board_ask_wall_clock() - (int64_t)(board_ms() / 1000);
}

static mbedtls_time_t tls_time_now(mbedtls_time_t *out)
{
    int64_t now = 0; /* an unset clock is 1970: no certificate is valid then */
    (void)unix_seconds(NULL, &now);
    if (out != NULL)
        *out = (mbedtls_time_t)now;
    return (mbedtls_time_t)now;
}

struct tm *mbedtls_platform_gmtime_r(const mbedtls_time_t *time, struct tm *out)
{
    return gmtime_r(time, out);
}

/* --- random bytes --- */

/* NOT FOR A PRODUCT: this board has no source of randomness, so a generator is fed with what production wrote into the
 * settings, and with the time. Who knows them knows every key. Use the generator of your microcontroller (through
 * mbedtls_hmac_drbg_seed with its entropy function), or of a secure element. */
static mbedtls_hmac_drbg_context generator;

static void seed_generator(const char *seed)
{
    struct {
        uint8_t secret[64];
        int64_t now;
    } all = {{0}, board_ask_wall_clock()};
    memcpy(all.secret, seed, strlen(seed) < sizeof all.secret ? strlen(seed) : sizeof all.secret);
    const mbedtls_md_info_t *sha256 = mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);
    mbedtls_hmac_drbg_init(&generator);
    if (mbedtls_hmac_drbg_seed_buf(&generator, sha256, (const unsigned char *)&all, sizeof all) != 0)
        board_panic("the random generator did not start");
    mbedtls_platform_zeroize(&all, sizeof all);
}

static spoke_status random_bytes(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    while (len > 0) {
        const size_t part = len < MBEDTLS_HMAC_DRBG_MAX_REQUEST ? len : MBEDTLS_HMAC_DRBG_MAX_REQUEST;
        if (mbedtls_hmac_drbg_random(&generator, out, part) != 0)
            return SPOKE_E_PORT;
        out += part;
        len -= part;
    }
    return SPOKE_OK;
}

/* For lwIP. */
uint32_t platform_random_32(void);
uint32_t platform_random_32(void)
{
    uint32_t value = 0;
    if (random_bytes(NULL, (uint8_t *)&value, sizeof value) != SPOKE_OK)
        board_panic("no random bytes");
    return value;
}

/* --- records --- */

/* In RAM that is not cleared at a reset, so that the device finds its hub again without DPS; power takes them away. A
 * product writes them to flash. */
#define RECORD_BYTES 1280u
#define RECORDS 3 /* at least one more than there are keys, since a new value is written beside the old one */
#define RECORD_SOUND 0x53504F4Bu

struct record {
    uint32_t sound; /* RECORD_SOUND once the rest is complete */
    uint32_t sum;
    uint32_t len;
    char key[16];
    uint8_t bytes[RECORD_BYTES];
};

__attribute__((section(".noinit"))) static struct record records[RECORDS];

static uint32_t sum_of(const struct record *r)
{
    uint32_t sum = 2166136261u; /* FNV-1a */
    for (uint32_t i = 0; i < r->len; i++)
        sum = (sum ^ r->bytes[i]) * 16777619u;
    return sum;
}

static bool sound(const struct record *r)
{
    return r->sound == RECORD_SOUND && r->len <= sizeof r->bytes && r->sum == sum_of(r);
}

static bool holds(const struct record *r, const char *key)
{
    return sound(r) && strncmp(r->key, key, sizeof r->key) == 0;
}

static spoke_status load(void *ctx, const char *key, spoke_buf *out)
{
    (void)ctx;
    for (const struct record *r = records; r < records + RECORDS; r++)
        if (holds(r, key))
            return spoke_buf_append(out, spoke_str_from((const char *)r->bytes, r->len));
    return SPOKE_E_NOT_FOUND;
}

static spoke_status write_record(struct record *r, const char *key, spoke_str value)
{
    if (r == NULL || value.len > sizeof r->bytes || strlen(key) >= sizeof r->key)
        return SPOKE_E_PORT;
    memset(r, 0, sizeof *r);
    memcpy(r->key, key, strlen(key));
    memcpy(r->bytes, value.ptr, value.len);
    r->len = (uint32_t)value.len;
    r->sum = sum_of(r);
    r->sound = RECORD_SOUND;
    return SPOKE_OK;
}

static spoke_status store(void *ctx, const char *key, spoke_str value)
{
    (void)ctx;
    struct record *room = NULL;
    for (struct record *r = records; r < records + RECORDS && room == NULL; r++)
        if (!sound(r))
            room = r;
    const spoke_status status = value.len > 0 ? write_record(room, key, value) : SPOKE_OK;
    if (status != SPOKE_OK)
        return status;
    /* Only now: a reset before leaves the old one, or both, but never none. Both go when the next one is written. */
    for (struct record *r = records; r < records + RECORDS; r++)
        if (r != room && holds(r, key))
            r->sound = 0;
    return SPOKE_OK;
}

/* --- log lines --- */

static void log_message(void *ctx, spoke_log_level level, const char *module, const char *line)
{
    (void)ctx;
    if (level == SPOKE_LOG_DEBUG)
        return;
    board_print(level == SPOKE_LOG_ERROR ? "error " : level == SPOKE_LOG_WARN ? "warning " : "");
    board_print(module);
    board_print(": ");
    board_print(line);
    board_print("\n");
}

/* --- mbedTLS's memory --- */

/* A handshake takes most: the receive buffer of 16 KB, the server's chain and the key exchange. Without TLS only hashes
 * need some. */
static uint8_t tls_memory[FIRMWARE_TLS_MEMORY] __attribute__((aligned(8)));

size_t platform_tls_size(void)
{
    return sizeof tls_memory;
}

size_t platform_tls_peak(void)
{
    size_t used = 0, blocks = 0;
    mbedtls_memory_buffer_alloc_max_get(&used, &blocks);
    return used + blocks * 32; /* each with a header, on a 32-bit machine */
}

void platform_exit(int code); /* mbedtls_config.h */
void platform_exit(int code)
{
    (void)code;
    board_panic("mbedTLS found its memory damaged");
}

/* --- the whole --- */

static const spoke_platform platform = {
    .struct_size = sizeof(spoke_platform),
    .monotonic_ms = monotonic_ms,
    .unix_seconds = unix_seconds,
    .random = random_bytes,
    .load = load,
    .store = store,
    .lock = NULL, /* one thread */
    .unlock = NULL,
    .log = log_message,
    .net = &net_lwip,
    .seek_time = seek_time,
};

void platform_init(const char *seed)
{
    mbedtls_memory_buffer_alloc_init(tls_memory, sizeof tls_memory);
    mbedtls_platform_set_time(tls_time_now);
    seed_generator(seed);
}

const spoke_platform *platform_get(void)
{
    return &platform;
}
