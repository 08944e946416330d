/* File upload: its configuration, signatures of blob storage, and what devices ask over HTTPS. */
#include "support/core_fixture.h"

#include "support/certificates.h"

#include <central/core/blob_sas.h>
#include <central/core/device_http.h>

#define KEY BENCH_GROUP_KEY /* 64 bytes, 0 to 63 */
#define CONNECTION \
    "DefaultEndpointsProtocol=https;AccountName=acct1;AccountKey=" KEY ";EndpointSuffix=core.windows.net"
#define CONFIG "{\"connectionString\":\"" CONNECTION "\",\"container\":\"uploads\"}"

static int set_up(void **state)
{
    struct fixture *f = fixture_create(true);
    fixture_device_row(f, "d1");
    fixture_ask(f, "PUT", "/api/fileUploads", CONFIG);
    assert_int_equal(f->status, 200);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture_destroy(*state);
    return 0;
}

/* --- asking as a device --- */

static void ask_with(struct fixture *f, const char *method, const char *path, const char *query, const char *body,
                     const char *authorization, const spoke_str *chain)
{
    const struct core_request request = {.method = method,
                                         .path = path,
                                         .query = query,
                                         .authorization = authorization,
                                         .base = "https://localhost:1",
                                         .peer_chain = chain != NULL ? *chain : spoke_str_of(NULL),
                                         .body = spoke_str_of(body)};
    f->status = 0;
    assert_int_equal(core_request(f->bench.core, &request, fixture_done, f), 0);
}

static const char *token_of(struct fixture *f, const char *id, const char *resource, int64_t life_s)
{
    static char token[600];
    char key[96];
    assert_ok(core_device_key(f->bench.core, id, false, key));
    bench_token(id, key, resource, bench_unix(&f->bench) / 1000 + life_s, token, sizeof token);
    return token;
}

#define VERSION "api-version=2021-04-12"

static void device_ask(struct fixture *f, const char *path, const char *body)
{
    ask_with(f, "POST", path, VERSION, body, token_of(f, "d1", "localhost/devices/d1", 3600), NULL);
}

static void begin(struct fixture *f)
{
    device_ask(f, "/devices/d1/files", "{\"blobName\":\"log.txt\"}");
}

/* Begins one; its correlation id. */
static const char *begun(struct fixture *f)
{
    static char id[64];
    begin(f);
    assert_int_equal(f->status, 200);
    (void)snprintf(id, sizeof id, "%s", fixture_text(f, "correlationId"));
    return id;
}

static void notify(struct fixture *f, const char *id, bool success)
{
    char body[300];
    (void)snprintf(
        body, sizeof body,
        "{\"correlationId\":\"%s\",\"isSuccess\":%s,\"statusCode\":201,\"statusDescription\":\"all of it\"}", id,
        success ? "true" : "false");
    device_ask(f, "/devices/d1/files/notifications", body);
}

#define assert_hub_error(f, status_, code_) \
    do { \
        assert_int_equal((f)->status, status_); \
        assert_non_null(fixture_at(f, "errorCode")); \
        assert_int_equal(fixture_at(f, "errorCode")->valueint, code_); \
    } while (0)

/* --- blob storage --- */

static void a_connection_string_is_taken_apart(void **state)
{
    struct blob_account account;
    const char *why;
    (void)state;
    assert_ok(blob_account_read(SPOKE_STR(CONNECTION), &account, &why));
    assert_string_equal(account.name, "acct1");
    assert_string_equal(account.host, "acct1.blob.core.windows.net");
    assert_false(account.plain);
    assert_int_equal(account.key.len, 64);
    assert_ok(blob_account_read(SPOKE_STR("accountname=acct1;ACCOUNTKEY=" KEY
                                          ";BlobEndpoint=http://127.0.0.1:10000/acct1/;QueueEndpoint=x"),
                                &account, &why));
    assert_string_equal(account.host, "127.0.0.1:10000/acct1");
    assert_true(account.plain);
}

static void a_broken_connection_string_is_refused_with_the_reason(void **state)
{
    static const char *const CASES[][2] = {
        {"", "AccountName"},
        {"AccountName=Acct;AccountKey=" KEY, "AccountName"},
        {"AccountName=ab;AccountKey=" KEY, "AccountName"},
        {"AccountName=abcdefghijklmnopqrstuvwxy;AccountKey=" KEY, "AccountName"},
        {"AccountName=acct1", "AccountKey"},
        {"AccountName=acct1;AccountKey=short", "AccountKey"},
        {"AccountName=acct1;AccountKey=" KEY ";BlobEndpoint=ftp://x", "BlobEndpoint"},
        {"AccountName=acct1;AccountKey=" KEY ";BlobEndpoint=https://", "BlobEndpoint"},
        {"AccountName=acct1;AccountKey=" KEY ";EndpointSuffix=a b", "EndpointSuffix"},
        {"AccountName=acct1;AccountKey=" KEY ";BlobEndpoint=https://x/?q", "BlobEndpoint"}};
    struct blob_account account;
    const char *why;
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        assert_int_equal(blob_account_read(spoke_str_of(CASES[i][0]), &account, &why), SPOKE_E_ARG);
        assert_non_null(strstr(why, CASES[i][1]));
    }
}

static void names_of_containers_and_blobs_are_checked(void **state)
{
    static const char *const GOOD[] = {"a", "a/b", "log 1.txt", "\xc3\xa5", "a..b", ".hidden"};
    static const char *const BAD[] = {"",   "/",      "a/",  "/a",   "a//b", ".",
                                      "..", "a/../b", "a/.", "a\\b", "a\nb", "\xff"};
    (void)state;
    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++)
        assert_true(blob_name_good(spoke_str_of(GOOD[i])));
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        assert_false(blob_name_good(spoke_str_of(BAD[i])));
    assert_true(blob_container_good(SPOKE_STR("up-loads-1")));
    assert_false(blob_container_good(SPOKE_STR("up--loads")));
    assert_false(blob_container_good(SPOKE_STR("-uploads")));
    assert_false(blob_container_good(SPOKE_STR("uploads-")));
    assert_false(blob_container_good(SPOKE_STR("Uploads")));
    assert_false(blob_container_good(SPOKE_STR("up")));
}

/* The signature was made by Python's hmac over the string to sign of the storage documentation. */
static void a_signature_is_that_of_the_storage_service(void **state)
{
    struct blob_account account;
    const char *why;
    char text[BLOB_TOKEN_CAP];
    static const char WANTED[] =
        "?sv=2021-08-06&sr=b&sp=rw&se=2026-03-04T06%3A06%3A07Z&sig=9v8N4GXp4Fl0KYM52Cp%2FFbqMIr5Ba3VXz9QwA4nZgQU%3D";
    spoke_buf out = spoke_buf_from(text, sizeof text);
    (void)state;
    assert_ok(blob_account_read(SPOKE_STR(CONNECTION), &account, &why));
    assert_ok(blob_sas(&account, SPOKE_STR("uploads"), SPOKE_STR("d1/logs/\xc3\xa5.txt"), 1772604367, &out));
    assert_str(spoke_buf_str(&out), WANTED);
    spoke_buf exact = spoke_buf_from(text, sizeof WANTED - 1), short_one = spoke_buf_from(text, sizeof WANTED - 2);
    assert_ok(blob_sas(&account, SPOKE_STR("uploads"), SPOKE_STR("d1/logs/\xc3\xa5.txt"), 1772604367, &exact));
    assert_int_equal(
        blob_sas(&account, SPOKE_STR("uploads"), SPOKE_STR("d1/logs/\xc3\xa5.txt"), 1772604367, &short_one),
        SPOKE_E_TOO_SMALL);
}

/* --- the configuration --- */

static void the_configuration_is_shown_without_its_key(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "GET", "/api/fileUploads", "");
    assert_int_equal(f->status, 200);
    assert_string_equal(fixture_text(f, "account"), "acct1");
    assert_string_equal(fixture_text(f, "container"), "uploads");
    assert_string_equal(fixture_text(f, "sasTtl"), "PT1H");
    assert_string_equal(fixture_text(f, "state"), "succeeded");
    assert_non_null(strstr(fixture_text(f, "connectionString"), "AccountKey=*****;EndpointSuffix"));
    assert_null(strstr(f->text, KEY));
    assert_null(fixture_at(f, "id"));
}

/* Wherever it stands, however it is spelled, and what else gives access. */
static void no_key_of_a_connection_string_is_shown(void **state)
{
    static const char *const STRINGS[] = {"AccountName=acct1;AccountKey=c2hvcnQ=;AccountKey=" KEY,
                                          "XAccountKey=x;AccountName=acct1;accountkey=" KEY,
                                          "AccountName=acct1;AccountKey=" KEY ";SharedAccessSignature=" KEY};
    struct fixture *f = *state;
    char body[600];
    for (size_t i = 0; i < sizeof STRINGS / sizeof STRINGS[0]; i++) {
        snprintf(body, sizeof body, "{\"connectionString\":\"%s\",\"container\":\"uploads\"}", STRINGS[i]);
        fixture_ask(f, "PUT", "/api/fileUploads", body);
        assert_int_equal(f->status, 200);
        assert_null(strstr(f->text, KEY));
        char *shown = strdup(f->text);
        fixture_ask(f, "PUT", "/api/fileUploads", shown);
        assert_int_equal(f->status, 200);
        free(shown);
        begin(f);
        assert_int_equal(f->status, 200);
    }
}

static void what_was_shown_can_be_written_back(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "GET", "/api/fileUploads", "");
    char *text = strdup(f->text);
    fixture_ask(f, "PUT", "/api/fileUploads", text);
    assert_int_equal(f->status, 200);
    free(text);
    begin(f);
    assert_int_equal(f->status, 200);
    fixture_ask(f, "PUT", "/api/fileUploads",
                "{\"connectionString\":\"AccountName=acct2;AccountKey=*****\",\"container\":\"uploads\"}");
    assert_refused(f, 400, "InvalidBody", "hidden key");
}

static void the_configuration_is_patched_and_deleted(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PATCH", "/api/fileUploads", "{\"sasTtl\":\"PT2H\"}");
    assert_string_equal(fixture_text(f, "sasTtl"), "PT2H");
    begin(f);
    assert_non_null(strstr(fixture_text(f, "sasToken"), "se=2026-03-04T07%3A06%3A07Z"));
    fixture_ask(f, "PATCH", "/api/fileUploads", "{\"etag\":\"\\\"1\\\"\"}");
    assert_int_equal(f->status, 412);
    fixture_ask(f, "DELETE", "/api/fileUploads", "");
    assert_answer(f, 204, "");
    fixture_ask(f, "GET", "/api/fileUploads", "");
    assert_refused(f, 404, "NotFound", "There is no storage for files yet");
    begin(f);
    assert_hub_error(f, 400, 400014);
}

static void a_configuration_is_refused_by_place(void **state)
{
    static const char *const CASES[][2] = {
        {"{}", "are needed"},
        {"{\"connectionString\":\"" CONNECTION "\"}", "are needed"},
        {"{\"connectionString\":\"x\",\"container\":\"uploads\"}", "AccountName"},
        {"{\"connectionString\":\"" CONNECTION "\",\"container\":\"Up\"}", "\"container\""},
        {"{\"connectionString\":\"" CONNECTION "\",\"container\":\"uploads\",\"sasTtl\":\"PT59M\"}", "\"sasTtl\""},
        {"{\"connectionString\":\"" CONNECTION "\",\"container\":\"uploads\",\"sasTtl\":\"PT25H\"}", "\"sasTtl\""},
        {"{\"connectionString\":\"" CONNECTION "\",\"container\":\"uploads\",\"sasTtl\":\"1h\"}", "\"sasTtl\""},
        {"{\"connectionString\":\"" CONNECTION "\",\"container\":\"uploads\",\"account\":\"other\"}",
         "\"account\""},
        {"{\"connectionString\":\"" CONNECTION "\",\"container\":\"uploads\",\"x\":1}", "\"x\" is not a member"}};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        fixture_ask(f, "PUT", "/api/fileUploads", CASES[i][0]);
        assert_refused(f, 400, "InvalidBody", CASES[i][1]);
    }
}

/* --- devices --- */

static void a_device_gets_the_address_of_a_blob_of_its_own(void **state)
{
    struct fixture *f = *state;
    begin(f);
    assert_int_equal(f->status, 200);
    assert_int_equal(strlen(fixture_text(f, "correlationId")), 36);
    assert_string_equal(fixture_text(f, "hostName"), "acct1.blob.core.windows.net");
    assert_string_equal(fixture_text(f, "containerName"), "uploads");
    assert_string_equal(fixture_text(f, "blobName"), "d1/log.txt");
    assert_int_equal(strncmp(fixture_text(f, "sasToken"), "?sv=", 4), 0);
}

static void a_credential_that_is_not_the_devices_is_refused(void **state)
{
    struct fixture *f = *state;
    const char *path = "/devices/d1/files", *body = "{\"blobName\":\"x\"}";
    ask_with(f, "POST", path, VERSION, body, NULL, NULL);
    assert_hub_error(f, 401, 401002);
    ask_with(f, "POST", path, VERSION, body, "SharedAccessSignature nonsense", NULL);
    assert_hub_error(f, 401, 401002);
    ask_with(f, "POST", path, VERSION, body, token_of(f, "d1", "localhost/devices/d1", -1), NULL);
    assert_hub_error(f, 401, 401002);
    fixture_device_row(f, "d2");
    ask_with(f, "POST", path, VERSION, body, token_of(f, "d2", "localhost/devices/d2", 60), NULL);
    assert_hub_error(f, 401, 401002);
    ask_with(f, "POST", path, VERSION, body, token_of(f, "d2", "localhost/devices/d1", 60), NULL);
    assert_hub_error(f, 401, 401002);
    ask_with(f, "POST", "/devices/nobody/files", VERSION, body, token_of(f, "d1", "localhost/devices/nobody", 60),
             NULL);
    assert_hub_error(f, 401, 401002);
    ask_with(f, "POST", "/devices/d1%00/files", VERSION, body, token_of(f, "d1", "localhost/devices/d1", 60),
             NULL);
    assert_hub_error(f, 401, 401002);
}

static void an_api_token_is_no_device(void **state)
{
    struct fixture *f = *state;
    char *token = NULL;
    assert_ok(core_api_token(f->bench.core, "ci", &token));
    ask_with(f, "POST", "/devices/d1/files", VERSION, "{\"blobName\":\"x\"}", token, NULL);
    assert_hub_error(f, 401, 401002);
    free(token);
    ask_with(f, "GET", "/api/devices", "api-version=2022-07-31", "", token_of(f, "d1", "localhost/devices/d1", 60),
             NULL);
    assert_refused(f, 401, "Unauthorized", "");
}

static void a_certificate_will_do_as_it_does_for_mqtt(void **state)
{
    struct fixture *f = *state;
    struct test_cert own, strange;
    struct store_certificate row = {.owner = (char[]){"d1"}, .entry = (char[]){"primary"}};
    unsigned char der[4096];
    const uint8_t subject[32] = {0};
    test_cert_self_signed(&(struct test_cert_options){.common_name = "d1"}, &own);
    test_cert_self_signed(&(struct test_cert_options){.common_name = "d1"}, &strange);
    row.der = der;
    row.der_len = test_cert_der(own.cert_pem, der, sizeof der);
    assert_ok(store_certificate_put(core_store(f->bench.core), STORE_OF_DEVICE, &row, subject));
    const spoke_str chain = spoke_str_from((const char *)der, row.der_len);
    ask_with(f, "POST", "/devices/d1/files", VERSION, "{\"blobName\":\"x\"}", NULL, &chain);
    assert_int_equal(f->status, 200);
    unsigned char other[4096];
    const spoke_str bad =
        spoke_str_from((const char *)other, test_cert_der(strange.cert_pem, other, sizeof other));
    ask_with(f, "POST", "/devices/d1/files", VERSION, "{\"blobName\":\"x\"}", NULL, &bad);
    assert_hub_error(f, 401, 401002);
}

static void a_blocked_device_uploads_nothing(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PATCH", "/api/devices/d1", "{\"enabled\":false}");
    begin(f);
    assert_hub_error(f, 401, 401002);
    assert_non_null(strstr(fixture_text(f, "message"), "DEVICE_BLOCKED"));
}

static void a_request_that_cannot_be_read_is_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const BODIES[] = {"",
                                         "[]",
                                         "{}",
                                         "{\"blobName\":1}",
                                         "{\"blobName\":\"../d2/x\"}",
                                         "{\"blobName\":\"\"}",
                                         "{\"blobName\":\"a//b\"}"};
    for (size_t i = 0; i < sizeof BODIES / sizeof BODIES[0]; i++) {
        device_ask(f, "/devices/d1/files", BODIES[i]);
        assert_hub_error(f, 400, 400004);
    }
    ask_with(f, "POST", "/devices/d1/files", "", "{\"blobName\":\"x\"}",
             token_of(f, "d1", "localhost/devices/d1", 60), NULL);
    assert_hub_error(f, 400, 400004);
    ask_with(f, "GET", "/devices/d1/files", VERSION, "", token_of(f, "d1", "localhost/devices/d1", 60), NULL);
    assert_int_equal(f->status, 405);
    device_ask(f, "/devices/d1/elsewhere", "{}");
    assert_int_equal(f->status, 404);
    device_ask(f, "/devices/d1", "{}");
    assert_int_equal(f->status, 404);
    fixture_ask(f, "GET", "/api/devices/d1/files", "");
    assert_answer(f, 200, "{\"value\":[]}");
}

static void ten_uploads_are_under_way_at_most(void **state)
{
    struct fixture *f = *state;
    char first[64] = "";
    for (unsigned i = 0; i < UPLOADS_AT_ONCE; i++) {
        const char *id = begun(f);
        if (i == 0)
            (void)snprintf(first, sizeof first, "%s", id);
    }
    begin(f);
    assert_hub_error(f, 403, 403006);
    notify(f, first, false);
    assert_int_equal(f->status, 204);
    begin(f);
    assert_int_equal(f->status, 200);
    begin(f);
    assert_hub_error(f, 403, 403006);
    f->bench.now_ms += 3600 * 1000; /* the signatures expire */
    begin(f);
    assert_int_equal(f->status, 200);
}

static void an_upload_ends_once_and_becomes_an_event(void **state)
{
    struct fixture *f = *state;
    const char *id = begun(f);
    notify(f, id, true);
    assert_int_equal(f->status, 204);
    assert_string_equal(f->text, "");
    notify(f, id, true);
    assert_int_equal(f->status, 204);
    fixture_ask(f, "GET", "/api/events?kind=fileUploads", "");
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "value")), 1);
    assert_string_equal(fixture_text(f, "value.0.type"), "fileUploaded");
    assert_string_equal(fixture_text(f, "value.0.deviceId"), "d1");
    assert_string_equal(fixture_text(f, "value.0.body.blobName"), "d1/log.txt");
    fixture_ask(f, "GET", "/api/devices/d1/files", "");
    assert_string_equal(fixture_text(f, "value.0.state"), "succeeded");
    assert_string_equal(fixture_text(f, "value.0.statusDescription"), "all of it");
    assert_string_equal(fixture_text(f, "value.0.blobUri"),
                        "https://acct1.blob.core.windows.net/uploads/d1/log.txt");
}

static void the_older_form_of_a_notification_counts_too(void **state)
{
    struct fixture *f = *state;
    char path[200];
    (void)snprintf(path, sizeof path, "/devices/d1/files/notifications/%s", begun(f));
    device_ask(f, path, "{\"isSuccess\":false,\"statusCode\":500,\"statusDescription\":\"no\"}");
    assert_int_equal(f->status, 204);
    fixture_ask(f, "GET", "/api/events?kind=fileUploadFailed", "");
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "value")), 1);
}

static void a_notification_of_another_device_or_too_late_is_refused(void **state)
{
    struct fixture *f = *state;
    char body[200];
    const char *id = begun(f);
    notify(f, "no-such-upload", true);
    assert_hub_error(f, 400, 400015);
    device_ask(f, "/devices/d1/files/notifications", "{\"isSuccess\":true}");
    assert_hub_error(f, 400, 400015);
    device_ask(f, "/devices/d1/files/notifications", "{\"correlationId\":\"x\"}");
    assert_hub_error(f, 400, 400004);
    fixture_device_row(f, "d2");
    (void)snprintf(body, sizeof body, "{\"correlationId\":\"%s\",\"isSuccess\":true}", id);
    ask_with(f, "POST", "/devices/d2/files/notifications", VERSION, body,
             token_of(f, "d2", "localhost/devices/d2", 60), NULL);
    assert_hub_error(f, 400, 400015);
    f->bench.now_ms += 3600 * 1000;
    notify(f, id, true);
    assert_hub_error(f, 400, 400016);
    fixture_ask(f, "GET", "/api/devices/d1/files", "");
    assert_string_equal(fixture_text(f, "value.0.state"), "expired");
}

static void files_are_listed_newest_first_by_pages_and_go_with_the_device(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++) {
        char body[60];
        (void)snprintf(body, sizeof body, "{\"blobName\":\"%d.txt\"}", i);
        device_ask(f, "/devices/d1/files", body);
    }
    fixture_ask(f, "GET", "/api/devices/d1/files?$top=2", "");
    assert_string_equal(fixture_text(f, "value.0.blobName"), "d1/2.txt");
    assert_string_equal(fixture_text(f, "value.1.blobName"), "d1/1.txt");
    assert_non_null(strstr(fixture_text(f, "nextLink"), "skiptoken=2"));
    fixture_ask(f, "GET", "/api/devices/d1/files?$top=2&$skiptoken=2", "");
    assert_string_equal(fixture_text(f, "value.0.blobName"), "d1/0.txt");
    assert_null(fixture_at(f, "nextLink"));
    fixture_ask(f, "GET", "/control/uploads", "");
    assert_int_equal(cJSON_GetArraySize(f->json), 3);
    assert_string_equal(fixture_text(f, "0.blobName"), "d1/0.txt");
    fixture_ask(f, "DELETE", "/api/devices/d1", "");
    fixture_ask(f, "GET", "/control/uploads", "");
    assert_answer(f, 200, "[]");
    fixture_ask(f, "GET", "/api/devices/d1/files", "");
    assert_int_equal(f->status, 404);
}

int main(void)
{
#define CLAIM(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_string_is_taken_apart),
        cmocka_unit_test(a_broken_connection_string_is_refused_with_the_reason),
        cmocka_unit_test(names_of_containers_and_blobs_are_checked),
        cmocka_unit_test(a_signature_is_that_of_the_storage_service),
        CLAIM(the_configuration_is_shown_without_its_key),
        CLAIM(no_key_of_a_connection_string_is_shown),
        CLAIM(what_was_shown_can_be_written_back),
        CLAIM(the_configuration_is_patched_and_deleted),
        CLAIM(a_configuration_is_refused_by_place),
        CLAIM(a_device_gets_the_address_of_a_blob_of_its_own),
        CLAIM(a_credential_that_is_not_the_devices_is_refused),
        CLAIM(an_api_token_is_no_device),
        CLAIM(a_certificate_will_do_as_it_does_for_mqtt),
        CLAIM(a_blocked_device_uploads_nothing),
        CLAIM(a_request_that_cannot_be_read_is_refused),
        CLAIM(ten_uploads_are_under_way_at_most),
        CLAIM(an_upload_ends_once_and_becomes_an_event),
        CLAIM(the_older_form_of_a_notification_counts_too),
        CLAIM(a_notification_of_another_device_or_too_late_is_refused),
        CLAIM(files_are_listed_newest_first_by_pages_and_go_with_the_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
