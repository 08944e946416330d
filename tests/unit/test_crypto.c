#include "support/support.h"

#include <string.h>

#include "crypto/crypto.h"

#define GUARD 0xa5

static uint8_t nibble(char digit)
{
    return (uint8_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

static void assert_hex(const uint8_t *bytes, size_t len, const char *hex)
{
    assert_int_equal(strlen(hex), 2 * len);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(bytes[i], nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
}

static spoke_str filled(uint8_t *memory, uint8_t byte, size_t len)
{
    memset(memory, byte, len);
    return spoke_str_from((const char *)memory, len);
}

/* --- digests --- */

/* FIPS 180-4 examples. */
static void sha256_gives_the_published_digests(void **state)
{
    (void)state;
    uint8_t digest[33];
    digest[32] = GUARD;
    assert_ok(crypto_sha256(SPOKE_STR("abc"), digest));
    assert_hex(digest, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_ok(crypto_sha256(SPOKE_STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), digest));
    assert_hex(digest, 32, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    assert_ok(crypto_sha256(spoke_str_from(NULL, 0), digest));
    assert_hex(digest, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_int_equal(digest[32], GUARD);
}

/* RFC 3174 section 7.3, and the handshake of RFC 6455 section 1.3. */
static void sha1_gives_the_published_digests(void **state)
{
    (void)state;
    uint8_t digest[21];
    digest[20] = GUARD;
    assert_ok(crypto_sha1(SPOKE_STR("abc"), digest));
    assert_hex(digest, 20, "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_ok(crypto_sha1(SPOKE_STR("dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11"), digest));
    assert_hex(digest, 20, "b37a4f2cc0624f1690f64606cf385945b2bec4ea");
    assert_int_equal(digest[20], GUARD);
}

/* RFC 4231 sections 4.2 to 4.4, 4.7 and 4.8. */
static void hmac_sha256_gives_the_published_codes(void **state)
{
    (void)state;
    uint8_t key[131], message[50], mac[33];
    mac[32] = GUARD;
    assert_ok(crypto_hmac_sha256(filled(key, 0x0b, 20), SPOKE_STR("Hi There"), mac));
    assert_hex(mac, 32, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    assert_ok(crypto_hmac_sha256(SPOKE_STR("Jefe"), SPOKE_STR("what do ya want for nothing?"), mac));
    assert_hex(mac, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    assert_ok(crypto_hmac_sha256(filled(key, 0xaa, 20), filled(message, 0xdd, 50), mac));
    assert_hex(mac, 32, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    assert_ok(crypto_hmac_sha256(filled(key, 0xaa, 131),
                                 SPOKE_STR("Test Using Larger Than Block-Size Key - Hash Key First"), mac));
    assert_hex(mac, 32, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    assert_int_equal(mac[32], GUARD);
}

static void equal_compares_every_byte_and_the_length(void **state)
{
    (void)state;
    assert_true(crypto_equal(SPOKE_STR("token"), SPOKE_STR("token")));
    assert_true(crypto_equal(spoke_str_from(NULL, 0), SPOKE_STR("")));
    assert_false(crypto_equal(SPOKE_STR("token"), SPOKE_STR("Token")));
    assert_false(crypto_equal(SPOKE_STR("token"), SPOKE_STR("tokem")));
    assert_false(crypto_equal(SPOKE_STR("token"), SPOKE_STR("toke")));
    assert_false(crypto_equal(SPOKE_STR("toke"), SPOKE_STR("token")));
    assert_false(crypto_equal(spoke_str_from(NULL, 0), SPOKE_STR("t")));
    assert_false(crypto_equal(SPOKE_STR("t"), spoke_str_from(NULL, 0)));
}

/* --- keys --- */

static void a_key_signs_like_its_decoded_bytes(void **state)
{
    (void)state;
    spoke_key key;
    uint8_t mac[32];
    assert_ok(spoke_key_from_base64(SPOKE_STR("CwsLCwsLCwsLCwsLCwsLCwsLCws="), &key));
    assert_int_equal(key.len, 20);
    assert_ok(spoke_key_hmac(&key, SPOKE_STR("Hi There"), mac));
    assert_hex(mac, 32, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
}

/* `len` zero bytes: "A" throughout, padded. */
static spoke_status key_of_length(size_t len, spoke_key *out)
{
    char text[128];
    const size_t chars = (len + 2) / 3 * 4;
    memset(text, 'A', chars);
    memset(text + chars - (3 - len % 3) % 3, '=', (3 - len % 3) % 3);
    return spoke_key_from_base64(spoke_str_from(text, chars), out);
}

static void keys_are_16_to_64_bytes_long(void **state)
{
    (void)state;
    spoke_key key;
    for (size_t len = 0; len <= 80; len++) {
        const bool fits = len >= SPOKE_MIN_KEY_BYTES && len <= SPOKE_MAX_KEY_BYTES;
        assert_int_equal(key_of_length(len, &key), fits ? SPOKE_OK : SPOKE_E_ARG);
        assert_int_equal(key.len, fits ? len : 0);
    }
}

static void a_key_that_is_not_base64_is_refused_and_leaves_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "not base64 at all!",
                                        "CwsLCwsLCwsLCwsLCwsLCwsLCws",
                                        "CwsLCwsLCwsLCwsLCwsLCwsLCws==",
                                        "CwsLCwsLCwsLCwsLCwsLCwsLCw-=",
                                        "CwsLCwsLCwsLCwsLCwsLCwsLCws=\n",
                                        " CwsLCwsLCwsLCwsLCwsLCwsLCws="};
    const spoke_key nothing = {{0}, 0};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        spoke_key key;
        memset(&key, GUARD, sizeof key);
        assert_int_equal(spoke_key_from_base64(spoke_str_of(texts[i]), &key), SPOKE_E_ARG);
        assert_memory_equal(key.bytes, nothing.bytes, sizeof key.bytes);
        assert_int_equal(key.len, 0);
    }
    assert_int_equal(spoke_key_from_base64(SPOKE_STR("CwsLCwsLCwsLCwsLCwsLCwsLCws="), NULL), SPOKE_E_ARG);
}

static void a_wiped_key_is_gone_and_signs_nothing(void **state)
{
    (void)state;
    spoke_key key;
    uint8_t mac[32];
    const spoke_key nothing = {{0}, 0};
    assert_ok(spoke_key_from_base64(SPOKE_STR("CwsLCwsLCwsLCwsLCwsLCwsLCws="), &key));
    spoke_key_wipe(&key);
    assert_memory_equal(key.bytes, nothing.bytes, sizeof key.bytes);
    assert_int_equal(key.len, 0);
    assert_int_equal(spoke_key_hmac(&key, SPOKE_STR("Hi There"), mac), SPOKE_E_ARG);
    spoke_key_wipe(NULL);
}

static void a_key_out_of_range_signs_nothing(void **state)
{
    (void)state;
    spoke_key key = {{0}, SPOKE_MAX_KEY_BYTES + 1};
    uint8_t mac[32];
    assert_int_equal(spoke_key_hmac(&key, SPOKE_STR("x"), mac), SPOKE_E_ARG);
    key.len = SPOKE_MIN_KEY_BYTES;
    assert_ok(spoke_key_hmac(&key, SPOKE_STR("x"), mac));
    assert_int_equal(spoke_key_hmac(&key, SPOKE_STR("x"), NULL), SPOKE_E_ARG);
    assert_int_equal(spoke_key_hmac(NULL, SPOKE_STR("x"), mac), SPOKE_E_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_gives_the_published_digests),
        cmocka_unit_test(sha1_gives_the_published_digests),
        cmocka_unit_test(hmac_sha256_gives_the_published_codes),
        cmocka_unit_test(equal_compares_every_byte_and_the_length),
        cmocka_unit_test(a_key_signs_like_its_decoded_bytes),
        cmocka_unit_test(keys_are_16_to_64_bytes_long),
        cmocka_unit_test(a_key_that_is_not_base64_is_refused_and_leaves_nothing),
        cmocka_unit_test(a_wiped_key_is_gone_and_signs_nothing),
        cmocka_unit_test(a_key_out_of_range_signs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
