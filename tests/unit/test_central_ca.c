#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "central/ca.h"
#include "central/data_dir.h"
#include "tls/mbedtls_compat.h"

enum { DAY_S = 86400 };
static const int64_t start_s = 1767225600; /* 2026-01-01 */
static const char *const usual_names[] = {"localhost", "127.0.0.1", "::1"};

/* A fixed sequence: the tests say something about certificates, not about randomness. */
static spoke_status next_random(void *ctx, uint8_t *out, size_t len)
{
    uint32_t *state = ctx;
    for (size_t i = 0; i < len; i++) {
        *state = *state * 1664525u + 1013904223u;
        out[i] = (uint8_t)(*state >> 24);
    }
    return SPOKE_OK;
}

static spoke_status no_random(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    (void)out;
    (void)len;
    return SPOKE_E_PORT;
}

struct fixture {
    struct data_dir dir;
    uint32_t seed;
    struct ca_options options;
    struct ca_identity identity;
    char why[256];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_ok(data_dir_open(NULL, true, &f->dir, f->why, sizeof f->why));
    f->seed = 7;
    f->options = (struct ca_options){f->dir.path, usual_names, 3, start_s, next_random, &f->seed};
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    ca_identity_free(&f->identity);
    data_dir_close(&f->dir);
    free(f);
    return 0;
}

static spoke_status reopen(struct fixture *f)
{
    ca_identity_free(&f->identity);
    f->why[0] = '\0';
    return ca_open(&f->options, &f->identity, f->why, sizeof f->why);
}

static char *read_named(const struct fixture *f, const char *name)
{
    char *path = data_dir_file(&f->dir, name);
    char *text = test_read_file(path, NULL);
    free(path);
    assert_non_null(text);
    return text;
}

static void write_named(const struct fixture *f, const char *name, const char *text)
{
    char *path = data_dir_file(&f->dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    fclose(file);
    free(path);
}

static void remove_named(const struct fixture *f, const char *name)
{
    char *path = data_dir_file(&f->dir, name);
    assert_int_equal(remove(path), 0);
    free(path);
}

static void parse(mbedtls_x509_crt *cert, const char *pem)
{
    mbedtls_x509_crt_init(cert);
    assert_int_equal(mbedtls_x509_crt_parse(cert, (const unsigned char *)pem, strlen(pem) + 1), 0);
}

/* As a client does: the chain from the server's certificate to ca.pem, for that name. */
static uint32_t verdict(const struct fixture *f, const char *ca_pem, const char *name)
{
    mbedtls_x509_crt ca, server;
    uint32_t flags = 0;
    parse(&ca, ca_pem);
    parse(&server, f->identity.cert_pem);
    (void)mbedtls_x509_crt_verify(&server, &ca, NULL, name, &flags, NULL, NULL);
    mbedtls_x509_crt_free(&server);
    mbedtls_x509_crt_free(&ca);
    /* the machine's clock is none of this test's business */
    return flags & ~(uint32_t)(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE);
}

static void first_start_makes_a_chain_that_clients_accept(void **state)
{
    struct fixture *f = *state;
    assert_ok(reopen(f));
    assert_true(f->identity.new_ca);
    assert_true(f->identity.new_cert);
    char *ca_pem = test_read_file(f->identity.ca_file, NULL);
    assert_non_null(ca_pem);
    assert_int_equal(verdict(f, ca_pem, "localhost"), 0);
    assert_int_not_equal(verdict(f, ca_pem, "example.com"), 0);
    free(ca_pem);
}

static void key_files_are_for_their_owner_alone(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *name;
        mode_t mode;
    } rows[] = {{"ca.key", 0600}, {"server.key", 0600}, {"ca.pem", 0644}, {"server.pem", 0644}};
    const mode_t mask = umask(0);
    assert_ok(reopen(f));
    umask(mask);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct stat info;
        char *path = data_dir_file(&f->dir, rows[i].name);
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(info.st_mode & 0777, rows[i].mode);
        free(path);
    }
}

static void server_certificate_bears_names_and_addresses(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"hub.example", "192.0.2.7", "2001:db8::1"};
    /* GeneralNames (RFC 5280 section 4.2.1.6): dNSName and two iPAddress */
    static const char wanted[] = "\x30\x25\x82\x0b"
                                 "hub.example"
                                 "\x87\x04\xc0\x00\x02\x07"
                                 "\x87\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01";
    f->options.names = names;
    assert_ok(reopen(f));
    mbedtls_x509_crt server;
    parse(&server, f->identity.cert_pem);
    assert_non_null(memmem(server.raw.p, server.raw.len, wanted, sizeof wanted - 1));
    mbedtls_x509_crt_free(&server);
}

static void ca_may_sign_and_the_server_may_not(void **state)
{
    struct fixture *f = *state;
    mbedtls_x509_crt cert;
    assert_ok(reopen(f));
    char *ca_pem = read_named(f, "ca.pem");
    parse(&cert, ca_pem);
    assert_int_equal(mbedtls_x509_crt_check_key_usage(&cert, MBEDTLS_X509_KU_KEY_CERT_SIGN), 0);
    mbedtls_x509_crt_free(&cert);
    parse(&cert, f->identity.cert_pem);
    assert_int_not_equal(mbedtls_x509_crt_check_key_usage(&cert, MBEDTLS_X509_KU_KEY_CERT_SIGN), 0);
    assert_int_equal(mbedtls_x509_crt_check_extended_key_usage(&cert, MBEDTLS_OID_SERVER_AUTH,
                                                               MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)),
                     0);
    mbedtls_x509_crt_free(&cert);
    free(ca_pem);
}

static void serial_numbers_are_random_and_positive(void **state)
{
    struct fixture *f = *state;
    mbedtls_x509_crt ca, server;
    assert_ok(reopen(f));
    char *ca_pem = read_named(f, "ca.pem");
    parse(&ca, ca_pem);
    parse(&server, f->identity.cert_pem);
    assert_int_equal(ca.serial.len, 16);
    assert_int_equal(server.serial.len, 16);
    assert_int_equal(server.serial.p[0] & 0x80, 0);
    assert_memory_not_equal(ca.serial.p, server.serial.p, 16);
    mbedtls_x509_crt_free(&server);
    mbedtls_x509_crt_free(&ca);
    free(ca_pem);
}

static void second_start_changes_nothing(void **state)
{
    struct fixture *f = *state;
    assert_ok(reopen(f));
    char *ca_pem = read_named(f, "ca.pem"), *server_pem = strdup(f->identity.cert_pem);
    f->options.unix_s += 300 * DAY_S;
    assert_ok(reopen(f));
    assert_false(f->identity.new_ca);
    assert_false(f->identity.new_cert);
    assert_string_equal(f->identity.cert_pem, server_pem);
    char *ca_again = read_named(f, "ca.pem");
    assert_string_equal(ca_again, ca_pem);
    free(ca_again);
    free(ca_pem);
    free(server_pem);
}

static void server_certificate_is_renewed_thirty_days_before_its_end(void **state)
{
    struct fixture *f = *state;
    assert_ok(reopen(f));
    char *key = strdup(f->identity.key_pem), *ca_pem = read_named(f, "ca.pem");
    f->options.unix_s = start_s + (int64_t)(CA_SERVER_DAYS - CA_RENEW_BEFORE_DAYS) * DAY_S;
    assert_ok(reopen(f));
    assert_false(f->identity.new_cert);
    f->options.unix_s += 1;
    assert_ok(reopen(f));
    assert_true(f->identity.new_cert);
    assert_false(f->identity.new_ca);
    assert_string_equal(f->identity.key_pem, key);
    assert_int_equal(verdict(f, ca_pem, "localhost"), 0);
    free(key);
    free(ca_pem);
}

static void server_certificate_is_renewed_for_another_name(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"localhost", "127.0.0.1", "::1", "hub.example"};
    assert_ok(reopen(f));
    f->options.names = names;
    f->options.name_count = 4;
    assert_ok(reopen(f));
    assert_true(f->identity.new_cert);
    assert_false(f->identity.new_ca);
    char *ca_pem = read_named(f, "ca.pem");
    assert_int_equal(verdict(f, ca_pem, "hub.example"), 0);
    free(ca_pem);
}

static void renewed_ca_keeps_its_name_and_key(void **state)
{
    struct fixture *f = *state;
    assert_ok(reopen(f));
    char *old_ca = read_named(f, "ca.pem"), *old_key = read_named(f, "ca.key");
    f->options.unix_s = start_s + (int64_t)(CA_DAYS - CA_RENEW_BEFORE_DAYS) * DAY_S + 1;
    assert_ok(reopen(f));
    assert_true(f->identity.new_ca);
    assert_true(f->identity.new_cert);
    char *new_key = read_named(f, "ca.key");
    assert_string_equal(new_key, old_key);
    assert_int_equal(verdict(f, old_ca, "localhost"), 0); /* a device with the old file still trusts */
    free(old_ca);
    free(old_key);
    free(new_key);
}

static void certificate_of_another_ca_is_made_anew(void **state)
{
    struct fixture *f = *state;
    assert_ok(reopen(f));
    remove_named(f, "ca.pem");
    remove_named(f, "ca.key");
    assert_ok(reopen(f));
    assert_true(f->identity.new_ca);
    assert_true(f->identity.new_cert);
    char *ca_pem = read_named(f, "ca.pem");
    assert_int_equal(verdict(f, ca_pem, "localhost"), 0);
    free(ca_pem);
}

static void broken_file_is_named_and_kept(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"ca.pem", "ca.key", "server.pem", "server.key"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_ok(reopen(f));
        char *good = read_named(f, names[i]);
        write_named(f, names[i], "-----BEGIN NONSENSE-----\n");
        assert_int_equal(reopen(f), SPOKE_E_CERTIFICATE);
        assert_non_null(strstr(f->why, names[i]));
        assert_null(f->identity.cert_pem);
        char *kept = read_named(f, names[i]);
        assert_string_equal(kept, "-----BEGIN NONSENSE-----\n");
        write_named(f, names[i], good);
        free(good);
        free(kept);
    }
}

static void half_a_pair_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_ok(reopen(f));
    remove_named(f, "ca.key");
    assert_int_equal(reopen(f), SPOKE_E_CERTIFICATE);
    assert_non_null(strstr(f->why, "ca.pem without ca.key"));
}

static void key_of_another_certificate_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_ok(reopen(f));
    char *server_key = read_named(f, "server.key");
    write_named(f, "ca.key", server_key);
    assert_int_equal(reopen(f), SPOKE_E_CERTIFICATE);
    assert_non_null(strstr(f->why, "does not belong"));
    free(server_key);
}

static void folder_that_cannot_be_written_is_named(void **state)
{
    struct fixture *f = *state;
    f->options.folder = "/proc/self/nowhere";
    assert_int_equal(reopen(f), SPOKE_E_PORT);
    assert_non_null(strstr(f->why, "/proc/self/nowhere"));
}

static void without_randomness_nothing_is_made(void **state)
{
    struct fixture *f = *state;
    f->options.random = no_random;
    assert_int_equal(reopen(f), SPOKE_E_CERTIFICATE);
    char *path = data_dir_file(&f->dir, "ca.key");
    assert_int_equal(access(path, F_OK), -1);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(first_start_makes_a_chain_that_clients_accept, setup, teardown),
        cmocka_unit_test_setup_teardown(key_files_are_for_their_owner_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(server_certificate_bears_names_and_addresses, setup, teardown),
        cmocka_unit_test_setup_teardown(ca_may_sign_and_the_server_may_not, setup, teardown),
        cmocka_unit_test_setup_teardown(serial_numbers_are_random_and_positive, setup, teardown),
        cmocka_unit_test_setup_teardown(second_start_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(server_certificate_is_renewed_thirty_days_before_its_end, setup, teardown),
        cmocka_unit_test_setup_teardown(server_certificate_is_renewed_for_another_name, setup, teardown),
        cmocka_unit_test_setup_teardown(renewed_ca_keeps_its_name_and_key, setup, teardown),
        cmocka_unit_test_setup_teardown(certificate_of_another_ca_is_made_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(broken_file_is_named_and_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(half_a_pair_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(key_of_another_certificate_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(folder_that_cannot_be_written_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(without_randomness_nothing_is_made, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
