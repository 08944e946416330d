/* The REST data plane, asked without HTTP, with a device that speaks MQTT where one is needed. */
#include "central/rest/rest_query.h"
#include "central/store/store_query.h"
#include "support/core_fixture.h"

static int set_up(void **state)
{
    *state = fixture_create(false);
    return 0;
}

static int tear_down(void **state)
{
    fixture_destroy(*state);
    return 0;
}

/* --- the query --- */

static void a_query_parameter_is_decoded(void **state)
{
    (void)state;
    char *value = NULL;
    assert_ok(rest_query_get("a=1&%24top=a+b%2Fc&b", "$top", &value));
    assert_string_equal(value, "a b/c");
    free(value);
    assert_ok(rest_query_get("a=1&b", "b", &value));
    assert_string_equal(value, "");
    free(value);
}

static void a_query_parameter_that_cannot_be_read_is_refused(void **state)
{
    (void)state;
    char *value = NULL;
    assert_int_equal(rest_query_get("", "a", &value), SPOKE_E_NOT_FOUND);
    assert_int_equal(rest_query_get("aa=1&b=a", "a", &value), SPOKE_E_NOT_FOUND);
    assert_int_equal(rest_query_get("a=1&a=1", "a", &value), SPOKE_E_ARG);
    assert_int_equal(rest_query_get("a=%4", "a", &value), SPOKE_E_ARG);
    assert_int_equal(rest_query_get("a=%00", "a", &value), SPOKE_E_ARG);
    assert_int_equal(rest_query_get("a=%ff", "a", &value), SPOKE_E_ARG);
    assert_null(value);
}

static void a_parameter_is_taken_out_of_a_query(void **state)
{
    static const char *const CASES[][2] = {{"a=1&b=2&c=3", "a=1&c=3"}, {"b=2", ""},        {"b=2&a=1", "a=1"},
                                           {"%62=2&a=1&b", "a=1"},     {"a=%62", "a=%62"}, {"", ""}};
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char *rest = rest_query_without(CASES[i][0], "b");
        assert_string_equal(rest, CASES[i][1]);
        free(rest);
    }
}

/* --- the door --- */

static void a_request_needs_a_token_that_is_good(void **state)
{
    struct fixture *f = *state;
    char *token = NULL;
    assert_ok(core_api_token(f->bench.core, "ci", &token));
    fixture_ask_as(f, "GET", "/api/devices?api-version=2022-07-31", "", false, token);
    assert_answer(f, 200, "{\"value\":[]}");
    fixture_ask_as(f, "GET", "/api/devices?api-version=2022-07-31", "", false, NULL);
    assert_refused(f, 401, "Unauthorized", "needs an Authorization header");
    token[strlen(token) - 1] ^= 1;
    fixture_ask_as(f, "GET", "/api/devices?api-version=2022-07-31", "", false, token);
    assert_refused(f, 401, "Unauthorized", "signature");
    token[strlen(token) - 1] ^= 1;
    f->bench.start_ms += INT64_C(366) * 24 * 3600 * 1000;
    fixture_ask_as(f, "GET", "/api/devices?api-version=2022-07-31", "", false, token);
    assert_refused(f, 401, "Unauthorized", "expired");
    free(token);
}

static void a_stranger_learns_nothing_of_the_paths(void **state)
{
    struct fixture *f = *state;
    fixture_ask_as(f, "GET", "/nowhere", "", false, NULL);
    assert_refused(f, 401, "Unauthorized", "");
    fixture_ask_as(f, "PUT", "/api/devices/d1", "{}", false, NULL);
    assert_refused(f, 401, "Unauthorized", "");
    fixture_ask(f, "GET", "/api/devices/d1", "");
    assert_int_equal(f->status, 404);
}

static void a_version_is_wanted_and_has_to_be_known(void **state)
{
    struct fixture *f = *state;
    char *token = NULL;
    assert_ok(core_api_token(f->bench.core, "ci", &token));
    fixture_ask_as(f, "GET", "/api/devices", "", false, token);
    assert_refused(f, 400, "InvalidRequest", "api-version is missing");
    fixture_ask_as(f, "GET", "/api/devices?api-version=2019-01-01", "", false, token);
    assert_refused(f, 400, "InvalidRequest", "2022-07-31");
    fixture_ask_as(f, "GET", "/api/devices?api-version=2022-10-31-preview", "", false, token);
    assert_int_equal(f->status, 200);
    fixture_ask(f, "GET", "/api/devices?api-version=1", "");
    assert_int_equal(f->status, 400);
    free(token);
}

static void an_unknown_path_is_404(void **state)
{
    static const char *const PATHS[] = {"/",
                                        "",
                                        "/api",
                                        "/api/",
                                        "/api/devices/",
                                        "/api/devicess",
                                        "/api/devices/d/",
                                        "/api/devices//properties",
                                        "/api/devices/d/properties/x",
                                        "/api/devices/d/components/c",
                                        "/api/nothing",
                                        "/control",
                                        "/api/devices/d/components/c/commands/x/y"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof PATHS / sizeof PATHS[0]; i++) {
        fixture_ask(f, "GET", PATHS[i], "");
        assert_refused(f, 404, "NotFound", "There is nothing at");
    }
}

static void a_wrong_method_is_405_and_names_the_right_ones(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "POST", "/api/devices/d1", "{}");
    assert_refused(f, 405, "MethodNotAllowed", "only GET, HEAD, PUT, PATCH, DELETE.");
    assert_string_equal(f->allow, "GET, HEAD, PUT, PATCH, DELETE");
    fixture_ask(f, "DELETE", "/api/devices", "");
    assert_string_equal(f->allow, "GET, HEAD");
    fixture_ask(f, "GET", "/api/jobs/j1/rerun/j2", "");
    assert_string_equal(f->allow, "PUT");
    fixture_ask(f, "GET", "/api/devices", "");
    assert_string_equal(f->allow, "");
}

static void an_error_has_the_documented_shape(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "GET", "/api/devices/pump-099", "");
    assert_refused(f, 404, "NotFound", "Device pump-099 does not exist.");
    assert_string_equal(fixture_text(f, "error.time"), "Wed, 04 Mar 2026 05:06:07 GMT");
    assert_int_equal(strlen(fixture_text(f, "error.requestId")), 36);
}

static void a_body_that_cannot_be_read_is_refused(void **state)
{
    static const char *const BODIES[] = {"", "{", "[]", "1", "{\"displayName\":\"\xff\"}", "{}{}", "{\"a\":1,}"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof BODIES / sizeof BODIES[0]; i++) {
        fixture_ask(f, "PUT", "/api/devices/d1", BODIES[i]);
        assert_refused(f, 400, "InvalidBody", "The body");
    }
    fixture_ask(f, "PUT", "/api/devices/d1", "{\"displayName\":\"a\\u0000b\"}");
    assert_refused(f, 400, "InvalidBody", "NUL");
    fixture_ask(f, "PUT", "/api/devices/d1", "{\"displayName\":\"a\\\\u0000b\"}");
    assert_int_equal(f->status, 200);
    assert_string_equal(fixture_text(f, "displayName"), "a\\u0000b");
}

static void a_name_that_is_there_twice_is_refused(void **state)
{
    static const struct {
        const char *method, *path, *body;
    } CASES[] = {
        {"PUT", "/api/devices/d1", "{\"displayName\":\"a\",\"displayName\":\"b\"}"},
        {"PATCH", "/api/devices/d1/properties", "{\"speed\":1,\"level\":2,\"speed\":3}"},
        {"PATCH", "/api/devices/d1/properties", "{\"limits\":{\"high\":1,\"high\":2}}"},
        {"PUT", "/api/devices/d1/properties", "{\"list\":[{\"a\":1},{\"a\":1,\"\\u0061\":2}]}"},
        {"POST", "/api/devices/d1/commands/go", "{\"request\":{\"a\":1,\"a\":1}}"},
    };
    struct fixture *f = *state;
    fixture_ask(f, "PUT", "/api/devices/d1", "{}");
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        fixture_ask(f, CASES[i].method, CASES[i].path, CASES[i].body);
        assert_refused(f, 400, "InvalidBody", "is there twice");
    }
}

/* They are sorted, and the devices wait meanwhile. */
static void an_object_with_too_many_names_is_413(void **state)
{
    struct fixture *f = *state;
    char *body = malloc(200000);
    size_t len = 0;
    for (int i = 0; i <= 10000; i++)
        len += (size_t)sprintf(body + len, "%c\"n%d\":0", i == 0 ? '{' : ',', i);
    strcpy(body + len, "}");
    fixture_ask(f, "PUT", "/api/devices/d1", body);
    free(body);
    assert_refused(f, 413, "PayloadTooLarge", "10000 members");
}

static void a_body_too_large_is_413(void **state)
{
    struct fixture *f = *state;
    char *large = malloc(1024 * 1024 + 2);
    memset(large, ' ', 1024 * 1024 + 1);
    large[1024 * 1024 + 1] = '\0';
    fixture_ask(f, "PUT", "/api/devices/d1", large);
    assert_refused(f, 413, "PayloadTooLarge", "1048576");
    free(large);
}

/* --- devices --- */

static void a_device_made_by_put_is_registered(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", "/api/organizations/oslo", "{\"displayName\":\"Oslo\"}");
    fixture_ask(f, "PUT", "/api/devices/pump-017",
                "{\"displayName\":\"Pump 17\",\"template\":\"dtmi:acme:pump;2\",\"organizations\":[\"oslo\"]}");
    assert_answer(f, 200,
                  "{\"id\":\"pump-017\",\"etag\":\"\\\"19cb73d3271\\\"\",\"displayName\":\"Pump 17\",\"template\":"
                  "\"dtmi:acme:pump;2\",\"enabled\":true,\"provisioned\":false,\"simulated\":false,"
                  "\"organizations\":[\"oslo\"],\"connected\":false}");
    fixture_ask(f, "GET", "/api/devices/pump-017", "");
    assert_int_equal(f->status, 200);
    assert_string_equal(fixture_text(f, "id"), "pump-017");
}

static void connection_info_says_what_is_known(void **state)
{
    struct fixture *f = *state;
    const struct core_connection connection = {"hub.example.com", "-----BEGIN CERTIFICATE-----\n", 8883};
    fixture_ask(f, "GET", "/api/connectionInfo", "");
    assert_int_equal(f->status, 200);
    assert_non_null(fixture_at(f, "idScope"));
    assert_null(fixture_at(f, "provisioningHost"));
    assert_ok(core_set_connection(f->bench.core, &connection));
    fixture_ask(f, "GET", "/api/connectionInfo", "");
    assert_string_equal(fixture_text(f, "provisioningHost"), "hub.example.com");
    assert_string_equal(fixture_text(f, "certificateAuthority"), connection.ca_pem);
    assert_int_equal(fixture_at(f, "mqttPort")->valueint, 8883);
}

static void a_name_left_out_is_the_id(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", "/api/devices/d1", "{}");
    assert_string_equal(fixture_text(f, "displayName"), "d1");
    assert_null(fixture_at(f, "template"));
    assert_null(fixture_at(f, "organizations"));
}

static void device_that_has_connected_shows_when_it_was_seen(void **state)
{
    struct fixture *f = *state;
    fixture_connect(f, "d1");
    fixture_ask(f, "GET", "/api/devices/d1", "");
    assert_true(cJSON_IsTrue(fixture_at(f, "connected")));
    assert_non_null(fixture_at(f, "lastSeenTime"));
}

static void put_replaces_and_patch_merges(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", "/api/devices/d1",
                "{\"displayName\":\"one\",\"template\":\"dtmi:a:b;1\",\"simulated\":true}");
    fixture_ask(f, "PATCH", "/api/devices/d1", "{\"enabled\":false}");
    assert_string_equal(fixture_text(f, "displayName"), "one");
    assert_string_equal(fixture_text(f, "template"), "dtmi:a:b;1");
    assert_true(cJSON_IsTrue(fixture_at(f, "simulated")));
    assert_true(cJSON_IsFalse(fixture_at(f, "enabled")));
    fixture_ask(f, "PATCH", "/api/devices/d1", "{\"template\":null}");
    assert_null(fixture_at(f, "template"));
    fixture_ask(f, "PUT", "/api/devices/d1", "{}");
    assert_string_equal(fixture_text(f, "displayName"), "d1");
    assert_true(cJSON_IsFalse(fixture_at(f, "simulated")));
    assert_true(cJSON_IsTrue(fixture_at(f, "enabled")));
    fixture_ask(f, "PATCH", "/api/devices/d2", "{}");
    assert_refused(f, 404, "NotFound", "d2");
}

static void what_get_gave_can_be_put_back(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", "/api/organizations/aa", "{\"displayName\":\"A\"}");
    fixture_ask(f, "PUT", "/api/organizations/bb", "{\"displayName\":\"B\"}");
    fixture_ask(f, "PUT", "/api/devices/d1", "{\"displayName\":\"one\",\"organizations\":[\"aa\",\"bb\"]}");
    fixture_ask(f, "GET", "/api/devices/d1", "");
    char *before = strdup(f->text);
    fixture_ask(f, "PUT", "/api/devices/d1", before);
    assert_answer(f, 200, before);
    free(before);
}

static void a_device_body_is_refused_by_place(void **state)
{
    static const char *const CASES[][2] = {
        {"{\"colour\":1}", "\"colour\" is not a member of a device"},
        {"{\"displayName\":1}", "\"displayName\" of a device has to be a string"},
        {"{\"enabled\":\"yes\"}", "\"enabled\" of a device has to be true or false"},
        {"{\"enabled\":null}", "\"enabled\" of a device has to be true or false"},
        {"{\"organizations\":{}}", "\"organizations\" of a device has to be an array"},
        {"{\"organizations\":[1]}", "array of strings"},
        {"{\"organizations\":[\"nowhere\"]}", "Organization nowhere does not exist"},
        {"{\"template\":\"pump\"}", "\"template\" of a device has to be a DTMI"},
        {"{\"id\":\"other\"}", "differs from the path's"},
        {"{\"etag\":5}", "\"etag\" of a device has to be a string"},
        {"{\"enabled\":true,\"enabled\":false}", "\"enabled\" is there twice"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        fixture_ask(f, "PUT", "/api/devices/d1", CASES[i][0]);
        assert_refused(f, 400, "InvalidBody", CASES[i][1]);
    }
    char longer[700] = "{\"displayName\":\"";
    memset(longer + strlen(longer), 'x', 593);
    strcat(longer, "\"}");
    fixture_ask(f, "PUT", "/api/devices/d1", longer);
    assert_refused(f, 400, "InvalidBody", "148 characters");
    fixture_ask(f, "GET", "/api/devices/d1", "");
    assert_int_equal(f->status, 404);
}

static void an_id_that_cannot_be_is_refused(void **state)
{
    struct fixture *f = *state;
    char target[200] = "/api/devices/";
    fixture_ask(f, "PUT", "/api/devices/a b", "{}");
    assert_refused(f, 400, "InvalidRequest", "A device id has");
    fixture_ask(f, "PUT", "/api/devices/a.", "{}");
    assert_int_equal(f->status, 400);
    memset(target + strlen(target), 'x', SPOKE_MAX_ID_BYTES);
    fixture_ask(f, "PUT", target, "{}");
    assert_int_equal(f->status, 200);
    strcat(target, "x");
    fixture_ask(f, "PUT", target, "{}");
    assert_int_equal(f->status, 400);
    fixture_ask(f, "PUT", "/api/devices/Aa-0.b:c_-", "{}");
    assert_int_equal(f->status, 200);
    fixture_ask(f, "PUT", "/api/devices/AA-0.b:c_-", "{}");
    assert_refused(f, 409, "Conflict", "only by case");
}

static void an_old_etag_is_412(void **state)
{
    struct fixture *f = *state;
    char body[100];
    fixture_ask(f, "PUT", "/api/devices/d1", "{\"etag\":\"\\\"1\\\"\"}");
    assert_refused(f, 412, "PreconditionFailed", "nothing yet");
    fixture_ask(f, "PUT", "/api/devices/d1", "{}");
    char *etag = cJSON_PrintUnformatted(fixture_at(f, "etag"));
    snprintf(body, sizeof body, "{\"displayName\":\"x\",\"etag\":%s}", etag);
    fixture_ask(f, "PATCH", "/api/devices/d1", body);
    assert_int_equal(f->status, 200);
    fixture_ask(f, "PATCH", "/api/devices/d1", body);
    assert_refused(f, 412, "PreconditionFailed", "changed since");
    fixture_ask(f, "PUT", "/api/devices/d1", body);
    assert_int_equal(f->status, 412);
    cJSON_free(etag);
}

static void a_device_waiting_for_approval_is_not_enabled_until_it_is(void **state)
{
    struct fixture *f = *state;
    struct store_device row = {.id = strdup("d1"), .enabled = true};
    assert_ok(store_device_put(core_store(f->bench.core), &row));
    store_device_free(&row);
    fixture_ask(f, "PATCH", "/api/devices/d1", "{\"displayName\":\"x\"}");
    assert_true(cJSON_IsFalse(fixture_at(f, "enabled")));
    fixture_ask(f, "PATCH", "/api/devices/d1", "{\"enabled\":true}");
    assert_true(cJSON_IsTrue(fixture_at(f, "enabled")));
    assert_ok(store_device_get(core_store(f->bench.core), "d1", &row));
    assert_true(row.approved);
    store_device_free(&row);
}

static void a_blocked_or_deleted_device_loses_its_connection(void **state)
{
    struct fixture *f = *state;
    fixture_connect(f, "d1");
    fixture_ask(f, "PATCH", "/api/devices/d1", "{\"displayName\":\"still there\"}");
    assert_false(core_conn_ended(f->device.conn));
    fixture_ask(f, "PATCH", "/api/devices/d1", "{\"enabled\":false}");
    assert_true(core_conn_ended(f->device.conn));
    core_conn_close(f->device.conn);
    fixture_ask(f, "DELETE", "/api/devices/d1", "");
    fixture_connect(f, "d1");
    fixture_ask(f, "DELETE", "/api/devices/d1", "");
    assert_answer(f, 204, "");
    assert_true(core_conn_ended(f->device.conn));
    fixture_ask(f, "GET", "/api/devices/d1", "");
    assert_int_equal(f->status, 404);
    fixture_ask(f, "DELETE", "/api/devices/d1", "");
    assert_int_equal(f->status, 404);
}

/* Follows nextLink from `target` and counts the pages; the ids have to come in order, all of them. */
static unsigned walk(struct fixture *f, const char *target, unsigned *count)
{
    unsigned pages = 0;
    char next[600], last[40] = "";
    snprintf(next, sizeof next, "%s", target);
    for (*count = 0; next[0] != '\0'; pages++) {
        fixture_ask(f, "GET", next, "");
        assert_int_equal(f->status, 200);
        const cJSON *item = NULL;
        cJSON_ArrayForEach(item, fixture_at(f, "value"))
        {
            const char *id = cJSON_GetStringValue(cJSON_GetObjectItem(item, "id"));
            assert_true(strcmp(id, last) > 0);
            snprintf(last, sizeof last, "%s", id);
            ++*count;
        }
        const char *link = cJSON_GetStringValue(fixture_at(f, "nextLink"));
        assert_true(link == NULL || strncmp(link, "https://localhost:1/api/", 24) == 0);
        snprintf(next, sizeof next, "%s", link != NULL ? link + sizeof "https://localhost:1" - 1 : "");
    }
    return pages;
}

static void lists_come_in_pages_that_next_link_walks(void **state)
{
    struct fixture *f = *state;
    unsigned count;
    for (int i = 0; i < 52; i++) {
        char target[60];
        snprintf(target, sizeof target, "/api/devices/d:%02d", i);
        fixture_ask(f, "PUT", target, "{}");
    }
    assert_int_equal(walk(f, "/api/devices", &count), 3);
    assert_int_equal(count, 52);
    assert_int_equal(walk(f, "/api/devices?$top=26&api-version=2022-07-31", &count), 2);
    assert_int_equal(count, 52);
    assert_int_equal(walk(f, "/api/devices?%24top=1", &count), 52);
    assert_int_equal(walk(f, "/api/devices?api-version=2022-10-31-preview&maxpagesize=52", &count), 1);
    assert_int_equal(walk(f, "/api/devices?maxpagesize=51", &count), 2);
}

static void the_next_link_keeps_the_query(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", "/api/devices/a:1", "{}");
    fixture_ask(f, "PUT", "/api/devices/b", "{}");
    fixture_ask(f, "GET", "/api/devices?api-version=2022-07-31&$top=1&x=%20", "");
    assert_string_equal(fixture_text(f, "nextLink"),
                        "https://localhost:1/api/devices?api-version=2022-07-31&$top=1&"
                        "x=%20&%24skiptoken=a%3A1");
}

static void a_bad_page_is_refused(void **state)
{
    static const char *const BAD[] = {"$top=0",          "$top=101",       "$top=-1",         "$top=x",
                                      "$top=",           "$top=1&$top=2",  "$top=%4",         "maxpagesize=0",
                                      "maxpagesize=101", "$skiptoken=%zz", "$filter=id eq a", "orderby=x"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        char target[100];
        snprintf(target, sizeof target, "/api/devices?%s", BAD[i]);
        fixture_ask(f, "GET", target, "");
        assert_refused(f, 400, "InvalidQuery", "");
    }
}

/* --- credentials and attestation --- */

static void credentials_come_from_the_group_until_the_device_has_its_own(void **state)
{
    struct fixture *f = *state;
    char derived[96];
    fixture_ask(f, "GET", "/api/devices/d1/credentials", "");
    assert_int_equal(f->status, 404);
    fixture_ask(f, "PUT", "/api/devices/d1", "{}");
    assert_ok(core_device_key(f->bench.core, "d1", false, derived));
    fixture_ask(f, "GET", "/api/devices/d1/credentials", "");
    assert_int_equal(f->status, 200);
    assert_string_equal(fixture_text(f, "idScope"), "0ne0000ABCD");
    assert_string_equal(fixture_text(f, "symmetricKey.primaryKey"), derived);
    assert_int_equal(strlen(fixture_text(f, "symmetricKey.secondaryKey")), 44);
    fixture_ask(f, "GET", "/api/devices/d1/attestation", "");
    assert_refused(f, 404, "NotFound", "no individual enrolment");
    fixture_ask(f, "PUT", "/api/devices/d1/attestation",
                "{\"type\":\"symmetricKey\",\"symmetricKey\":{\"primaryKey\":\"" FIXTURE_GROUP_KEY "\"}}");
    assert_int_equal(f->status, 200);
    assert_int_equal(strlen(fixture_text(f, "symmetricKey.secondaryKey")), 88);
    fixture_ask(f, "GET", "/api/devices/d1/credentials", "");
    assert_string_equal(fixture_text(f, "symmetricKey.primaryKey"), FIXTURE_GROUP_KEY);
    fixture_ask(f, "GET", "/api/devices/d1/attestation", "");
    assert_string_equal(fixture_text(f, "symmetricKey.primaryKey"), FIXTURE_GROUP_KEY);
    fixture_ask(f, "DELETE", "/api/devices/d1/attestation", "");
    assert_answer(f, 204, "");
    fixture_ask(f, "GET", "/api/devices/d1/credentials", "");
    assert_string_equal(fixture_text(f, "symmetricKey.primaryKey"), derived);
    fixture_ask(f, "DELETE", "/api/devices/d1/attestation", "");
    assert_int_equal(f->status, 404);
}

static void an_attestation_is_refused_by_place(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", "/api/devices/d1", "{}");
    fixture_ask(f, "PUT", "/api/devices/d1/attestation", "{}");
    assert_refused(f, 400, "InvalidBody", "\"type\" of an attestation is missing");
    fixture_ask(f, "PUT", "/api/devices/d1/attestation", "{\"type\":\"tpm\",\"tpm\":{\"endorsementKey\":\"x\"}}");
    assert_refused(f, 422, "UnprocessableEntity", "TPM");
    fixture_ask(f, "PUT", "/api/devices/d1/attestation", "{\"type\":\"magic\"}");
    assert_refused(f, 400, "InvalidBody", "has to be \"symmetricKey\" or \"x509\"");
    fixture_ask(f, "PUT", "/api/devices/d1/attestation", "{\"type\":\"x509\",\"symmetricKey\":{}}");
    assert_refused(f, 400, "InvalidBody", "does not fit");
    fixture_ask(f, "PUT", "/api/devices/d1/attestation",
                "{\"type\":\"symmetricKey\",\"symmetricKey\":{\"primaryKey\":\"c2hvcnQ=\"}}");
    assert_refused(f, 400, "InvalidBody", "attestation.symmetricKey.primaryKey is not the base64 of 16 to 64");
    fixture_ask(f, "PUT", "/api/devices/d1/attestation",
                "{\"type\":\"symmetricKey\",\"symmetricKey\":{\"key\":\"x\"}}");
    assert_refused(f, 400, "InvalidBody", "\"key\" is not a member of attestation.symmetricKey");
    fixture_ask(f, "GET", "/api/devices/d1/attestation", "");
    assert_int_equal(f->status, 404);
}

/* --- enrolment groups --- */

static void the_default_group_is_listed_and_stays(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "GET", "/api/enrollmentGroups", "");
    assert_string_equal(fixture_text(f, "value.0.id"), "SAS-IoT-Devices");
    fixture_ask(f, "GET", "/api/enrollmentGroups/SAS-IoT-Devices", "");
    assert_string_equal(fixture_text(f, "attestation.symmetricKey.primaryKey"), FIXTURE_GROUP_KEY);
    fixture_ask(f, "DELETE", "/api/enrollmentGroups/SAS-IoT-Devices", "");
    assert_refused(f, 409, "Conflict", "default group");
}

static void a_group_is_made_changed_and_deleted(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", "/api/enrollmentGroups/g1",
                "{\"displayName\":\"Factory\",\"type\":\"iot\",\"attestation\":{\"type\":\"symmetricKey\"}}");
    assert_int_equal(f->status, 200);
    assert_string_equal(fixture_text(f, "displayName"), "Factory");
    assert_non_null(fixture_at(f, "etag"));
    assert_string_equal(fixture_text(f, "type"), "iot");
    assert_true(cJSON_IsTrue(fixture_at(f, "enabled")));
    char *key = strdup(fixture_text(f, "attestation.symmetricKey.primaryKey"));
    assert_int_equal(strlen(key), 88);
    fixture_ask(f, "PATCH", "/api/enrollmentGroups/g1",
                "{\"enabled\":false,\"attestation\":{\"type\":\"symmetricKey\",\"symmetricKey\":{}}}");
    assert_true(cJSON_IsFalse(fixture_at(f, "enabled")));
    assert_string_equal(fixture_text(f, "attestation.symmetricKey.primaryKey"), key);
    fixture_ask(f, "PUT", "/api/enrollmentGroups/g1", "{\"etag\":\"\\\"1\\\"\"}");
    assert_int_equal(f->status, 412);
    fixture_ask(f, "DELETE", "/api/enrollmentGroups/g1", "");
    assert_answer(f, 204, "");
    fixture_ask(f, "GET", "/api/enrollmentGroups/g1", "");
    assert_refused(f, 404, "NotFound", "g1");
    fixture_ask(f, "PATCH", "/api/enrollmentGroups/g1", "{}");
    assert_int_equal(f->status, 404);
    free(key);
}

static void a_group_body_is_refused_by_place(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", "/api/enrollmentGroups/g1", "{}");
    assert_refused(f, 400, "InvalidBody", "\"attestation\" of an enrolment group is missing");
    fixture_ask(f, "PUT", "/api/enrollmentGroups/g1", "{\"type\":\"iotHub\"}");
    assert_refused(f, 400, "InvalidBody", "has to be \"iot\" or \"iotEdge\"");
    fixture_ask(f, "PUT", "/api/enrollmentGroups/g_1", "{\"attestation\":{\"type\":\"symmetricKey\"}}");
    assert_refused(f, 400, "InvalidRequest", "A group id has");
    fixture_ask(f, "PUT", "/api/enrollmentGroups/g1", "{\"attestation\":{\"type\":\"tpm\"}}");
    assert_refused(f, 422, "UnprocessableEntity", "TPM");
    fixture_ask(f, "GET", "/api/enrollmentGroups/g1", "");
    assert_int_equal(f->status, 404);
}

/* --- properties --- */

static void report(struct fixture *f, const char *json)
{
    fixture_publish(f, "$iothub/twin/PATCH/properties/reported/?$rid=1", json, 0);
}

static void properties_of_a_new_device_are_empty(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", "/api/devices/d1", "{}");
    fixture_ask(f, "GET", "/api/devices/d1/properties", "");
    assert_answer(f, 200, "{\"$metadata\":{}}");
    fixture_ask(f, "GET", "/api/devices/d1/components", "");
    assert_answer(f, 200, "{\"value\":[]}");
    fixture_ask(f, "GET", "/api/devices/d2/properties", "");
    assert_int_equal(f->status, 404);
}

static void a_name_is_as_long_as_its_characters(void **state)
{
    struct fixture *f = *state;
    char body[500], name[400] = "";
    for (int i = 0; i < 148; i++)
        strcat(name, "\xC3\xA5");
    snprintf(body, sizeof body, "{\"displayName\":\"%s\"}", name);
    fixture_ask(f, "PUT", "/api/devices/d1", body);
    assert_int_equal(f->status, 200);
    snprintf(body, sizeof body, "{\"displayName\":\"%sx\"}", name);
    fixture_ask(f, "PUT", "/api/devices/d1", body);
    assert_refused(f, 400, "InvalidBody", "more than 148 characters");
}

static void components_come_in_pages_by_name(void **state)
{
    struct fixture *f = *state;
    fixture_connect(f, "d1");
    report(f, "{\"wheel\":{\"__t\":\"c\"},\"axle\":{\"__t\":\"c\"}}");
    fixture_ask(f, "GET", "/api/devices/d1/components?$top=1", "");
    assert_string_equal(fixture_text(f, "value.0.name"), "axle");
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "value")), 1);
    assert_string_equal(fixture_text(f, "nextLink"),
                        "https://localhost:1/api/devices/d1/components?$top=1&%24skiptoken=axle");
    fixture_ask(f, "GET", "/api/devices/d1/components?$top=1&%24skiptoken=axle", "");
    assert_answer(f, 200, "{\"value\":[{\"@type\":\"Component\",\"name\":\"wheel\"}]}");
    fixture_ask(f, "GET", "/api/devices/d1/components?$top=0", "");
    assert_refused(f, 400, "InvalidQuery", "$top");
}

static void properties_show_values_and_how_they_were_acknowledged(void **state)
{
    struct fixture *f = *state;
    fixture_connect(f, "d1");
    report(f, "{\"firmware\":\"3.1.0\",\"hydraulics\":{\"__t\":\"c\",\"flow\":1.5}}");
    fixture_ask(f, "PATCH", "/api/devices/d1/properties", "{\"setpoint\":40}");
    fixture_ask(f, "PATCH", "/api/devices/d1/components/hydraulics/properties", "{\"limit\":{\"max\":2}}");
    report(f, "{\"setpoint\":{\"value\":39,\"ac\":202,\"av\":2,\"ad\":\"soon\"}}");
    fixture_ask(f, "GET", "/api/devices/d1/properties", "");
    assert_answer(f, 200,
                  "{\"firmware\":\"3.1.0\",\"setpoint\":39,\"$metadata\":{"
                  "\"firmware\":{\"lastUpdateTime\":\"2026-03-04T05:06:07.089Z\"},"
                  "\"setpoint\":{\"desiredValue\":40,\"desiredVersion\":2,\"lastUpdateTime\":"
                  "\"2026-03-04T05:06:07.089Z\",\"ackVersion\":2,\"ackCode\":202,\"ackDescription\":\"soon\"}},"
                  "\"hydraulics\":{\"flow\":1.5,\"$metadata\":{"
                  "\"flow\":{\"lastUpdateTime\":\"2026-03-04T05:06:07.089Z\"},"
                  "\"limit\":{\"desiredValue\":{\"max\":2},\"desiredVersion\":3}}}}");
    fixture_ask(f, "GET", "/api/devices/d1/components", "");
    assert_answer(f, 200, "{\"value\":[{\"@type\":\"Component\",\"name\":\"hydraulics\"}]}");
    fixture_ask(f, "GET", "/api/devices/d1/components/hydraulics/properties", "");
    assert_int_equal(f->status, 200);
    assert_true(fixture_at(f, "flow")->valuedouble > 1.4);
    fixture_ask(f, "GET", "/api/devices/d1/components/firmware/properties", "");
    assert_refused(f, 404, "NotFound", "no component firmware");
}

static void a_property_named_like_an_acknowledgement_but_none_is_shown_whole(void **state)
{
    struct fixture *f = *state;
    fixture_connect(f, "d1");
    report(f, "{\"odd\":{\"value\":1,\"ac\":\"x\",\"av\":1}}");
    fixture_ask(f, "GET", "/api/devices/d1/properties", "");
    assert_string_equal(fixture_text(f, "odd.ac"), "x");
}

static void a_patch_reaches_the_device_and_answers_202(void **state)
{
    struct fixture *f = *state;
    fixture_connect(f, "d1");
    fixture_ask(f, "PATCH", "/api/devices/d1/properties", "{\"setpoint\":65.5}");
    assert_answer(f, 202, "{\"$metadata\":{\"setpoint\":{\"desiredValue\":65.5}}}");
    assert_int_equal(fixture_take(f), SPOKE_MQTT_PUBLISH);
    assert_string_equal(f->topic, "$iothub/twin/PATCH/properties/desired/?$version=2");
    assert_string_equal(f->payload, "{\"setpoint\":65.5,\"$version\":2}");
}

static int refuse_commit(void *ctx)
{
    (void)ctx;
    return 1;
}

static void a_patch_that_is_not_kept_is_500_and_does_not_reach_the_device(void **state)
{
    struct fixture *f = *state;
    fixture_connect(f, "pump");
    (void)sqlite3_commit_hook(core_store(f->bench.core)->db, refuse_commit, NULL);
    fixture_ask(f, "PATCH", "/api/devices/pump/properties", "{\"setpoint\":4}");
    assert_refused(f, 500, "InternalError", "The service could not do it");
    assert_int_equal(fixture_take(f), 0);
    assert_true(core_conn_ended(f->device.conn)); /* it comes back and asks for its twin */
    (void)sqlite3_commit_hook(core_store(f->bench.core)->db, NULL, NULL);
    fixture_ask(f, "GET", "/api/devices/pump/properties", NULL);
    assert_answer(f, 200, "{\"$metadata\":{}}");
}

static void a_component_patch_carries_the_mark(void **state)
{
    struct fixture *f = *state;
    fixture_connect(f, "d1");
    fixture_ask(f, "PATCH", "/api/devices/d1/components/hydraulics/properties", "{\"setpoint\":57}");
    assert_answer(f, 202, "{\"$metadata\":{\"setpoint\":{\"desiredValue\":57}}}");
    assert_int_equal(fixture_take(f), SPOKE_MQTT_PUBLISH);
    assert_string_equal(f->payload, "{\"hydraulics\":{\"setpoint\":57,\"__t\":\"c\"},\"$version\":2}");
    /* at the root, a name known to be a component is marked for the asker */
    fixture_ask(f, "PATCH", "/api/devices/d1/properties", "{\"a\":1,\"hydraulics\":{\"setpoint\":58}}");
    assert_answer(f, 202,
                  "{\"$metadata\":{\"a\":{\"desiredValue\":1}},"
                  "\"hydraulics\":{\"$metadata\":{\"setpoint\":{\"desiredValue\":58}}}}");
    assert_int_equal(fixture_take(f), SPOKE_MQTT_PUBLISH);
    assert_string_equal(f->payload, "{\"a\":1,\"hydraulics\":{\"setpoint\":58,\"__t\":\"c\"},\"$version\":3}");
}

static void put_replaces_all_writable_properties(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", "/api/devices/d1", "{}");
    fixture_ask(f, "PATCH", "/api/devices/d1/properties", "{\"a\":1,\"b\":2}");
    fixture_ask(f, "PUT", "/api/devices/d1/properties", "{\"b\":3}");
    assert_answer(f, 202, "{\"$metadata\":{\"b\":{\"desiredValue\":3}}}");
    fixture_ask(f, "GET", "/api/devices/d1/properties", "");
    assert_answer(f, 200, "{\"$metadata\":{\"b\":{\"desiredValue\":3,\"desiredVersion\":3}}}");
}

static void put_of_a_component_replaces_that_one_only(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", "/api/devices/d1", "{}");
    fixture_ask(f, "PATCH", "/api/devices/d1/properties", "{\"a\":1}");
    fixture_ask(f, "PATCH", "/api/devices/d1/components/c/properties", "{\"x\":1,\"y\":2}");
    fixture_ask(f, "PUT", "/api/devices/d1/components/c/properties", "{\"y\":3}");
    assert_answer(f, 202, "{\"$metadata\":{\"y\":{\"desiredValue\":3}}}");
    fixture_ask(f, "GET", "/api/devices/d1/properties", "");
    assert_null(fixture_at(f, "c.$metadata.x"));
    assert_int_equal(fixture_at(f, "c.$metadata.y.desiredValue")->valueint, 3);
    assert_int_equal(fixture_at(f, "$metadata.a.desiredValue")->valueint, 1);
}

static void an_empty_patch_changes_no_version(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", "/api/devices/d1", "{}");
    fixture_ask(f, "PATCH", "/api/devices/d1/properties", "{}");
    assert_answer(f, 202, "{\"$metadata\":{}}");
    fixture_ask(f, "PATCH", "/api/devices/d1/components/c/properties", "{}");
    assert_answer(f, 202, "{\"$metadata\":{}}");
    fixture_ask(f, "GET", "/control/devices/d1", "");
    assert_int_equal(fixture_at(f, "desiredVersion")->valueint, 1);
}

static void a_patch_beyond_the_twins_limits_changes_nothing(void **state)
{
    struct fixture *f = *state;
    char *large = calloc(1, 40000);
    fixture_ask(f, "PUT", "/api/devices/d1", "{}");
    fixture_ask(f, "PATCH", "/api/devices/d1/properties", "{\"a.b\":1}");
    assert_refused(f, 400, "InvalidBody", "");
    fixture_ask(f, "PATCH", "/api/devices/d1/properties", "{\"$metadata\":{}}");
    assert_refused(f, 400, "InvalidBody", "read-only");
    strcpy(large, "{");
    for (int i = 0; i < 10; i++) {
        sprintf(large + strlen(large), "%s\"p%d\":\"", i > 0 ? "," : "", i);
        memset(large + strlen(large), 'x', 3500);
        strcat(large, "\"");
    }
    strcat(large, "}");
    fixture_ask(f, "PATCH", "/api/devices/d1/properties", large);
    assert_refused(f, 422, "UnprocessableEntity", "32768");
    fixture_ask(f, "PATCH", "/api/devices/ghost/properties", "{\"a\":1}");
    assert_int_equal(f->status, 404);
    fixture_ask(f, "GET", "/control/devices/d1", "");
    assert_int_equal(fixture_at(f, "desiredVersion")->valueint, 1);
    free(large);
}

/* --- commands --- */

/* Answers the method call that the service just sent. */
static void answer(struct fixture *f, int status, const char *payload)
{
    char topic[200];
    assert_int_equal(fixture_take(f), SPOKE_MQTT_PUBLISH);
    const char *rid = strstr(f->topic, "$rid=");
    assert_non_null(rid);
    snprintf(topic, sizeof topic, "$iothub/methods/res/%d/?%s", status, rid);
    fixture_publish(f, topic, payload, 0);
}

static void a_command_waits_for_the_devices_answer(void **state)
{
    struct fixture *f = *state;
    fixture_connect(f, "d1");
    fixture_ask(f, "POST", "/api/devices/d1/commands/purge", "{\"request\":10}");
    assert_int_equal(f->status, 0);
    assert_int_not_equal(f->ticket, 0);
    answer(f, 200, "{\"purged\":true}");
    assert_int_equal(strncmp(f->topic, "$iothub/methods/POST/purge/?$rid=", 33), 0);
    assert_string_equal(f->payload, "10");
    assert_int_equal(f->status, 201);
    assert_int_equal(strlen(fixture_text(f, "id")), 36);
    assert_int_equal(fixture_at(f, "request")->valueint, 10);
    assert_true(cJSON_IsTrue(fixture_at(f, "response.purged")));
    assert_int_equal(fixture_at(f, "responseCode")->valueint, 200);
    assert_int_equal(f->answers, 1);
}

static void a_request_reaches_the_device_as_it_was_written(void **state)
{
    static const char *const REQUESTS[] = {"12345678901234567890", "1.10", "\"a\\u00e5\"",
                                           "{ \"b\" : [1, 2] }",   "null", "false"};
    struct fixture *f = *state;
    fixture_connect(f, "d1");
    for (size_t i = 0; i < sizeof REQUESTS / sizeof REQUESTS[0]; i++) {
        char body[100];
        snprintf(body, sizeof body, "{\"responseTimeout\":5,\"request\":%s}", REQUESTS[i]);
        fixture_ask(f, "POST", "/api/devices/d1/commands/c", body);
        answer(f, 200, "");
        assert_string_equal(f->payload, REQUESTS[i]);
        assert_non_null(strstr(f->text, REQUESTS[i]));
    }
}

static void a_command_without_a_request_has_an_empty_payload(void **state)
{
    struct fixture *f = *state;
    fixture_connect(f, "d1");
    fixture_ask(f, "POST", "/api/devices/d1/commands/c", "");
    answer(f, 404, "");
    assert_string_equal(f->payload, "");
    assert_int_equal(f->status, 201); /* the device's own refusal is its answer */
    assert_int_equal(fixture_at(f, "responseCode")->valueint, 404);
    assert_null(fixture_at(f, "response"));
    assert_null(fixture_at(f, "request"));
}

static void a_component_command_joins_both_names(void **state)
{
    struct fixture *f = *state;
    fixture_connect(f, "d1");
    fixture_ask(f, "POST", "/api/devices/d1/components/hydraulics/commands/purge", "{}");
    answer(f, 200, "1");
    assert_int_equal(strncmp(f->topic, "$iothub/methods/POST/hydraulics*purge/?", 39), 0);
    fixture_ask(f, "GET", "/api/devices/d1/components/hydraulics/commands/purge", "");
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "value")), 1);
    fixture_ask(f, "GET", "/api/devices/d1/commands/purge", "");
    assert_answer(f, 200, "{\"value\":[]}");
}

static void a_device_that_is_away_is_404_and_one_that_is_silent_504(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "POST", "/api/devices/ghost/commands/c", "{}");
    assert_refused(f, 404, "NotFound", "ghost");
    fixture_device_row(f, "d2");
    fixture_ask(f, "POST", "/api/devices/d2/commands/c", "{}");
    assert_refused(f, 404, "DeviceNotConnected", "404103");
    assert_int_equal(f->ticket, 0);
    fixture_connect(f, "d1");
    fixture_ask(f, "POST", "/api/devices/d1/commands/c", "{\"responseTimeout\":5}");
    f->bench.now_ms += 4999;
    core_tick(f->bench.core);
    assert_int_equal(f->status, 0);
    f->bench.now_ms += 1;
    core_tick(f->bench.core);
    assert_refused(f, 504, "DeviceTimeout", "504101");
}

static void a_command_waits_for_a_device_to_connect(void **state)
{
    struct fixture *f = *state;
    fixture_device_row(f, "d1");
    fixture_ask(f, "POST", "/api/devices/d1/commands/c", "{\"connectionTimeout\":30,\"request\":1}");
    assert_int_equal(f->status, 0);
    fixture_device_row(f, "d2");
    fixture_ask(f, "POST", "/api/devices/d2/commands/c", "{\"connectionTimeout\":3}");
    f->bench.now_ms += 3000;
    core_tick(f->bench.core);
    assert_refused(f, 404, "DeviceNotConnected", "d2");
    fixture_connect(f, "d1");
    answer(f, 200, "2");
    assert_int_equal(f->status, 201);
    assert_int_equal(fixture_at(f, "response")->valueint, 2);
}

static void too_many_commands_of_one_device_are_429(void **state)
{
    struct fixture *f = *state;
    uint64_t tickets[10];
    fixture_connect(f, "d1");
    for (int i = 0; i < 10; i++) {
        fixture_ask(f, "POST", "/api/devices/d1/commands/c", "{}");
        tickets[i] = f->ticket;
    }
    fixture_ask(f, "POST", "/api/devices/d1/commands/c", "{}");
    assert_refused(f, 429, "TooManyRequests", "403800");
    assert_true(f->retry_after_s > 0);
    for (int i = 0; i < 10; i++)
        core_request_cancel(f->bench.core, tickets[i]);
}

static void an_answer_that_is_no_json_is_502(void **state)
{
    struct fixture *f = *state;
    fixture_connect(f, "d1");
    fixture_ask(f, "POST", "/api/devices/d1/commands/c", "{}");
    answer(f, 200, "{broken");
    assert_refused(f, 502, "DeviceAnswerInvalid", "not JSON");
}

static void a_ticket_is_worth_nothing_once_the_request_is_answered_or_cancelled(void **state)
{
    struct fixture *f = *state;
    fixture_connect(f, "d1");
    fixture_ask(f, "POST", "/api/devices/d1/commands/c", "{}");
    const uint64_t answered = f->ticket;
    answer(f, 200, "1");
    assert_int_equal(f->status, 201);
    fixture_ask(f, "POST", "/api/devices/d1/commands/c", "{}");
    const uint64_t waiting = f->ticket;
    core_request_cancel(f->bench.core, answered);
    answer(f, 200, "2");
    assert_int_equal(f->answers, 2);
    core_request_cancel(f->bench.core, waiting);
    core_request_cancel(f->bench.core, waiting);
    fixture_ask(f, "POST", "/api/devices/d1/commands/c", "{}"); /* and one that is still waiting at the end */
    assert_int_not_equal(f->ticket, 0);
}

static void a_cancelled_command_is_never_answered(void **state)
{
    struct fixture *f = *state;
    fixture_connect(f, "d1");
    fixture_ask(f, "POST", "/api/devices/d1/commands/c", "{}");
    core_request_cancel(f->bench.core, f->ticket);
    answer(f, 200, "1");
    f->bench.now_ms += 60000;
    core_tick(f->bench.core);
    assert_int_equal(f->answers, 0);
    core_request_cancel(f->bench.core, 0);
}

static void a_command_body_is_refused_by_place(void **state)
{
    static const char *const CASES[][2] = {
        {"{\"connectionTimeout\":31}", "\"connectionTimeout\" of a command has to be a whole number from 0 to 30"},
        {"{\"connectionTimeout\":-1}", "from 0 to 30"},
        {"{\"connectionTimeout\":1.5}", "whole number"},
        {"{\"responseTimeout\":4}", "from 5 to 30"},
        {"{\"responseTimeout\":31}", "from 5 to 30"},
        {"{\"responseTimeout\":\"9\"}", "\"responseTimeout\" of a command has to be a number"},
        {"{\"requests\":1}", "\"requests\" is not a member of a command"},
        {"{", "The body is not JSON"},
    };
    struct fixture *f = *state;
    fixture_connect(f, "d1");
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        fixture_ask(f, "POST", "/api/devices/d1/commands/c", CASES[i][0]);
        assert_refused(f, 400, "InvalidBody", CASES[i][1]);
    }
    fixture_ask(f, "POST", "/api/devices/d1/commands/a+b", "{}");
    assert_refused(f, 400, "InvalidRequest", "cannot be the name of a command");
    assert_int_equal(fixture_take(f), 0);
}

static void a_request_too_large_is_413(void **state)
{
    struct fixture *f = *state;
    char *body = calloc(1, SPOKE_MAX_COMMAND_BYTES + 40);
    fixture_connect(f, "d1");
    strcpy(body, "{\"request\":\"");
    memset(body + strlen(body), 'x', SPOKE_MAX_COMMAND_BYTES - 1);
    strcat(body, "\"}");
    fixture_ask(f, "POST", "/api/devices/d1/commands/c", body);
    assert_refused(f, 413, "PayloadTooLarge", "131072");
    free(body);
}

static void the_history_shows_what_was_answered_in_pages(void **state)
{
    struct fixture *f = *state;
    fixture_connect(f, "d1");
    for (int i = 0; i < 3; i++) {
        char body[40];
        snprintf(body, sizeof body, "{\"request\":%d}", i);
        fixture_ask(f, "POST", "/api/devices/d1/commands/c", body);
        answer(f, 200, "");
    }
    fixture_ask(f, "GET", "/api/devices/d1/commands/c?$top=2", "");
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "value")), 2);
    assert_int_equal(fixture_at(f, "value.1.request")->valueint, 1);
    assert_string_equal(fixture_text(f, "nextLink"),
                        "https://localhost:1/api/devices/d1/commands/c?$top=2&%24skiptoken=2");
    fixture_ask(f, "GET", "/api/devices/d1/commands/c?$top=2&%24skiptoken=2", "");
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "value")), 1);
    assert_int_equal(fixture_at(f, "value.0.request")->valueint, 2);
    assert_null(fixture_at(f, "nextLink"));
}

/* --- telemetry --- */

static void the_last_value_of_telemetry_is_shown(void **state)
{
    struct fixture *f = *state;
    fixture_connect(f, "d1");
    fixture_publish(f, "devices/d1/messages/events/", "{\"flow\":1}", 0);
    fixture_publish(f, "devices/d1/messages/events/", "{\"flow\":12.75,\"at\":{\"a\":[1]}}", 0);
    fixture_publish(f, "devices/d1/messages/events/%24.sub=motor", "{\"rpm\":1480}", 1);
    fixture_ask(f, "GET", "/api/devices/d1/telemetry/flow", "");
    assert_answer(f, 200, "{\"timestamp\":\"2026-03-04T05:06:07.089Z\",\"value\":12.75}");
    fixture_ask(f, "GET", "/api/devices/d1/telemetry/at", "");
    assert_answer(f, 200, "{\"timestamp\":\"2026-03-04T05:06:07.089Z\",\"value\":{\"a\":[1]}}");
    fixture_ask(f, "GET", "/api/devices/d1/components/motor/telemetry/rpm", "");
    assert_answer(f, 200, "{\"timestamp\":\"2026-03-04T05:06:07.089Z\",\"value\":1480}");
    fixture_ask(f, "GET", "/api/devices/d1/telemetry/rpm", "");
    assert_refused(f, 404, "NotFound", "has not sent rpm");
    fixture_ask(f, "GET", "/api/devices/d2/telemetry/rpm", "");
    assert_refused(f, 404, "NotFound", "Device d2 does not exist");
}

#define REST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_query_parameter_is_decoded),
        cmocka_unit_test(a_query_parameter_that_cannot_be_read_is_refused),
        cmocka_unit_test(a_parameter_is_taken_out_of_a_query),
        REST(a_request_needs_a_token_that_is_good),
        REST(a_stranger_learns_nothing_of_the_paths),
        REST(a_version_is_wanted_and_has_to_be_known),
        REST(an_unknown_path_is_404),
        REST(a_wrong_method_is_405_and_names_the_right_ones),
        REST(an_error_has_the_documented_shape),
        REST(a_body_that_cannot_be_read_is_refused),
        REST(a_name_that_is_there_twice_is_refused),
        REST(an_object_with_too_many_names_is_413),
        REST(a_body_too_large_is_413),
        REST(a_device_made_by_put_is_registered),
        REST(connection_info_says_what_is_known),
        REST(a_name_left_out_is_the_id),
        REST(device_that_has_connected_shows_when_it_was_seen),
        REST(put_replaces_and_patch_merges),
        REST(what_get_gave_can_be_put_back),
        REST(a_device_body_is_refused_by_place),
        REST(an_id_that_cannot_be_is_refused),
        REST(an_old_etag_is_412),
        REST(a_device_waiting_for_approval_is_not_enabled_until_it_is),
        REST(a_blocked_or_deleted_device_loses_its_connection),
        REST(lists_come_in_pages_that_next_link_walks),
        REST(the_next_link_keeps_the_query),
        REST(a_bad_page_is_refused),
        REST(credentials_come_from_the_group_until_the_device_has_its_own),
        REST(an_attestation_is_refused_by_place),
        REST(the_default_group_is_listed_and_stays),
        REST(a_group_is_made_changed_and_deleted),
        REST(a_group_body_is_refused_by_place),
        REST(properties_of_a_new_device_are_empty),
        REST(a_name_is_as_long_as_its_characters),
        REST(components_come_in_pages_by_name),
        REST(properties_show_values_and_how_they_were_acknowledged),
        REST(a_property_named_like_an_acknowledgement_but_none_is_shown_whole),
        REST(a_patch_reaches_the_device_and_answers_202),
        REST(a_patch_that_is_not_kept_is_500_and_does_not_reach_the_device),
        REST(a_component_patch_carries_the_mark),
        REST(put_replaces_all_writable_properties),
        REST(put_of_a_component_replaces_that_one_only),
        REST(an_empty_patch_changes_no_version),
        REST(a_patch_beyond_the_twins_limits_changes_nothing),
        REST(a_command_waits_for_the_devices_answer),
        REST(a_request_reaches_the_device_as_it_was_written),
        REST(a_command_without_a_request_has_an_empty_payload),
        REST(a_component_command_joins_both_names),
        REST(a_device_that_is_away_is_404_and_one_that_is_silent_504),
        REST(a_command_waits_for_a_device_to_connect),
        REST(too_many_commands_of_one_device_are_429),
        REST(an_answer_that_is_no_json_is_502),
        REST(a_cancelled_command_is_never_answered),
        REST(a_ticket_is_worth_nothing_once_the_request_is_answered_or_cancelled),
        REST(a_command_body_is_refused_by_place),
        REST(a_request_too_large_is_413),
        REST(the_history_shows_what_was_answered_in_pages),
        REST(the_last_value_of_telemetry_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
