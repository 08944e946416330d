/* Enrolment by REST and what devices make of it: groups with keys and with authorities, enrolments of one device. */
#include "support/core_fixture.h"

#include "support/certificates.h"

#include <central/core/core_internal.h>

static struct device dev;
static struct test_ca *root, *other;

static int set_up(void **state)
{
    *state = fixture_create(true);
    root = test_ca_create("Factory Root");
    other = test_ca_create("Other Root");
    return 0;
}

static int tear_down(void **state)
{
    device_close(&dev);
    test_ca_destroy(root);
    test_ca_destroy(other);
    fixture_destroy(*state);
    return 0;
}

/* --- asking --- */

/* {"certificate": PEM} and `more` behind it. */
static const char *certificate_body(const char *pem, const char *more)
{
    static char text[9000];
    cJSON *body = cJSON_CreateObject();
    cJSON_AddStringToObject(body, "certificate", pem);
    char *printed = cJSON_PrintUnformatted(body);
    printed[strlen(printed) - 1] = '\0';
    (void)snprintf(text, sizeof text, "%s%s}", printed, more);
    cJSON_free(printed);
    cJSON_Delete(body);
    return text;
}

static void ask_certificate(struct fixture *f, const char *method, const char *target, const char *pem)
{
    fixture_ask(f, method, target, certificate_body(pem, ""));
}

#define GROUP "/api/enrollmentGroups/g1"
#define PRIMARY GROUP "/certificates/primary"
#define SECONDARY GROUP "/certificates/secondary"

static void make_x509_group(struct fixture *f)
{
    fixture_ask(f, "PUT", GROUP, "{\"attestation\":{\"type\":\"x509\"}}");
    assert_int_equal(f->status, 200);
}

static void upload(struct fixture *f, const char *target, struct test_ca *ca)
{
    ask_certificate(f, "PUT", target, test_ca_pem(ca));
    assert_int_equal(f->status, 200);
}

static void prove(struct fixture *f, const char *target, struct test_ca *signer)
{
    char path[200];
    struct test_cert proof;
    (void)snprintf(path, sizeof path, "%s/generateVerificationCode", target);
    fixture_ask(f, "POST", path, "");
    assert_int_equal(f->status, 200);
    test_ca_issue(signer, &(struct test_cert_options){.common_name = fixture_text(f, "verificationCode")}, &proof);
    (void)snprintf(path, sizeof path, "%s/verify", target);
    ask_certificate(f, "POST", path, proof.cert_pem);
}

static void verified(struct fixture *f, const char *target, struct test_ca *ca)
{
    upload(f, target, ca);
    prove(f, target, ca);
    assert_answer(f, 204, "");
}

static int registered(struct fixture *f, const char *id, const spoke_str *chain)
{
    int status = 0;
    cJSON *body = device_register_with(&dev, &f->bench, id, chain, &status);
    const cJSON *code = cJSON_GetObjectItem(body, "errorCode");
    const char *state = cJSON_GetStringValue(cJSON_GetObjectItem(body, "status"));
    if (status == 401)
        assert_int_equal(code->valueint, 401002);
    else if (strcmp(state, "assigned") != 0)
        status = strcmp(state, "disabled") == 0 ? -1 : -2;
    cJSON_Delete(body);
    return status;
}

static const char *last_reason(struct fixture *f)
{
    static char why[200];
    fixture_ask(f, "GET", "/control/events", "");
    const cJSON *events = f->json, *item;
    why[0] = '\0';
    cJSON_ArrayForEach(item, events)
    {
        const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(item, "why"));
        if (text != NULL)
            (void)snprintf(why, sizeof why, "%s", text);
    }
    return why;
}

/* --- groups with keys --- */

static void keys_are_never_in_a_list(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "GET", "/api/enrollmentGroups", "");
    assert_string_equal(fixture_text(f, "value.0.attestation.type"), "symmetricKey");
    assert_null(strstr(f->text, FIXTURE_GROUP_KEY));
    assert_null(strstr(f->text, "primaryKey"));
}

static void a_key_is_rotated_by_giving_one_or_by_null(void **state)
{
    struct fixture *f = *state;
    char first[100], second[100];
    fixture_ask(f, "PUT", GROUP, "{\"attestation\":{\"type\":\"symmetricKey\"}}");
    (void)snprintf(first, sizeof first, "%s", fixture_text(f, "attestation.symmetricKey.primaryKey"));
    (void)snprintf(second, sizeof second, "%s", fixture_text(f, "attestation.symmetricKey.secondaryKey"));
    fixture_ask(f, "PATCH", GROUP,
                "{\"attestation\":{\"symmetricKey\":{\"primaryKey\":\"" FIXTURE_GROUP_KEY "\"}}}");
    assert_string_equal(fixture_text(f, "attestation.symmetricKey.primaryKey"), FIXTURE_GROUP_KEY);
    assert_string_equal(fixture_text(f, "attestation.symmetricKey.secondaryKey"), second);
    fixture_ask(f, "PATCH", GROUP, "{\"attestation\":{\"symmetricKey\":{\"primaryKey\":null}}}");
    assert_int_equal(strlen(fixture_text(f, "attestation.symmetricKey.primaryKey")), 88);
    assert_string_not_equal(fixture_text(f, "attestation.symmetricKey.primaryKey"), first);
    assert_string_equal(fixture_text(f, "attestation.symmetricKey.secondaryKey"), second);
}

#define DEFAULT_GROUP "/api/enrollmentGroups/SAS-IoT-Devices"

static void new_keys_of_a_group_end_the_connections_by_the_old_ones(void **state)
{
    struct fixture *f = *state;
    fixture_connect(f, "d1");
    fixture_ask(f, "PATCH", DEFAULT_GROUP, "{\"attestation\":{\"symmetricKey\":{\"secondaryKey\":null}}}");
    bench_advance(&f->bench, 10);
    assert_true(core_device_connected(f->bench.core, "d1"));
    fixture_ask(f, "PATCH", DEFAULT_GROUP, "{\"attestation\":{\"symmetricKey\":{\"primaryKey\":null}}}");
    bench_advance(&f->bench, 10);
    assert_false(core_device_connected(f->bench.core, "d1"));
    fixture_login(f, "d1"); /* with its new key */
}

static void new_keys_of_a_group_end_the_connections_of_a_fleet(void **state)
{
    enum { FLEET = 130 }; /* more than are judged in a few turns */
    struct fixture *f = *state;
    struct conn *fleet[FLEET];
    char id[20];
    for (int i = 0; i < FLEET; i++) {
        (void)snprintf(id, sizeof id, "d%d", i);
        fixture_device_row(f, id);
        fixture_login(f, id);
        fleet[i] = f->device.conn;
        f->device.conn = NULL;
    }
    fixture_ask(f, "PATCH", DEFAULT_GROUP, "{\"attestation\":{\"symmetricKey\":{\"primaryKey\":null}}}");
    for (int i = 0; i < 10; i++)
        bench_advance(&f->bench, 1);
    for (int i = 0; i < FLEET; i++) {
        assert_true(core_conn_ended(fleet[i]));
        core_conn_close(fleet[i]);
    }
}

static void new_keys_of_a_group_leave_those_with_keys_of_their_own(void **state)
{
    struct fixture *f = *state;
    fixture_device_row(f, "d1");
    fixture_ask(f, "PUT", "/api/devices/d1/attestation", "{\"type\":\"symmetricKey\"}");
    assert_int_equal(f->status, 200);
    fixture_login(f, "d1");
    fixture_ask(f, "PATCH", DEFAULT_GROUP, "{\"attestation\":{\"symmetricKey\":{\"primaryKey\":null}}}");
    bench_advance(&f->bench, 10);
    assert_true(core_device_connected(f->bench.core, "d1"));
}

static void a_thousand_groups_are_the_most(void **state)
{
    struct fixture *f = *state;
    size_t count = 0;
    char id[20];
    assert_ok(store_begin(core_store(f->bench.core)));
    for (unsigned i = 0; count < 1000; i++) {
        (void)snprintf(id, sizeof id, "g%u", i);
        const struct store_group row = {
            .id = id, .display_name = id, .type = (char[]){"iot"}, .primary_key = (char[]){FIXTURE_GROUP_KEY}};
        assert_ok(store_group_put(core_store(f->bench.core), &row));
        assert_ok(store_group_count(core_store(f->bench.core), &count));
    }
    assert_ok(store_commit(core_store(f->bench.core)));
    fixture_ask(f, "PUT", "/api/enrollmentGroups/one-more",
                "{\"displayName\":\"x\",\"attestation\":{\"type\":\"symmetricKey\"}}");
    assert_refused(f, 422, "UnprocessableEntity", "at most 1000 enrolment groups");
    fixture_ask(f, "PATCH", "/api/enrollmentGroups/g1", "{\"enabled\":true}");
    assert_int_equal(f->status, 200);
}

static void a_group_may_be_of_edge_devices(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", GROUP, "{\"type\":\"iotEdge\",\"attestation\":{\"type\":\"symmetricKey\"}}");
    assert_string_equal(fixture_text(f, "type"), "iotEdge");
    assert_string_equal(fixture_text(f, "idScope"), "0ne0000ABCD");
}

static void a_put_replaces_all_of_a_group_but_its_keys(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", GROUP,
                "{\"displayName\":\"G\",\"enabled\":false,\"type\":\"iotEdge\","
                "\"attestation\":{\"type\":\"symmetricKey\"}}");
    char *key = strdup(fixture_text(f, "attestation.symmetricKey.primaryKey"));
    fixture_ask(f, "PUT", GROUP, "{\"attestation\":{\"type\":\"symmetricKey\"}}");
    assert_string_equal(fixture_text(f, "displayName"), "g1");
    assert_string_equal(fixture_text(f, "type"), "iot");
    assert_true(cJSON_IsTrue(fixture_at(f, "enabled")));
    assert_string_equal(fixture_text(f, "attestation.symmetricKey.primaryKey"), key);
    free(key);
}

static void a_null_takes_a_groups_name_and_type_back(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", GROUP,
                "{\"displayName\":\"G\",\"type\":\"iotEdge\",\"attestation\":{\"type\":\"symmetricKey\"}}");
    fixture_ask(f, "PATCH", GROUP, "{\"displayName\":null,\"type\":null}");
    assert_string_equal(fixture_text(f, "displayName"), "g1");
    assert_string_equal(fixture_text(f, "type"), "iot");
    fixture_ask(f, "PATCH", GROUP, "{\"displayName\":5}");
    assert_refused(f, 400, "InvalidBody", "\"displayName\" of an enrolment group");
}

static void a_group_keeps_its_kind_of_attestation(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PATCH", "/api/enrollmentGroups/SAS-IoT-Devices", "{\"attestation\":{\"type\":\"x509\"}}");
    assert_refused(f, 422, "UnprocessableEntity", "keeps its kind");
    fixture_ask(f, "PUT", "/api/enrollmentGroups/SAS-IoT-Devices/certificates/primary", "{\"certificate\":\"x\"}");
    assert_refused(f, 422, "UnprocessableEntity", "has no certificates");
}

static void what_was_read_of_a_group_can_be_written_back(void **state)
{
    struct fixture *f = *state;
    make_x509_group(f);
    verified(f, PRIMARY, root);
    fixture_ask(f, "GET", GROUP, "");
    char *text = strdup(f->text);
    fixture_ask(f, "PUT", GROUP, text);
    assert_int_equal(f->status, 200);
    assert_true(cJSON_IsTrue(fixture_at(f, "attestation.x509.signingCertificates.primary.verified")));
    free(text);
}

/* --- authorities --- */

static void an_authority_is_uploaded_read_and_deleted(void **state)
{
    struct fixture *f = *state;
    make_x509_group(f);
    fixture_ask(f, "GET", PRIMARY, "");
    assert_refused(f, 404, "NotFound", "has no primary certificate");
    upload(f, PRIMARY, root);
    assert_true(cJSON_IsFalse(fixture_at(f, "verified")));
    assert_int_equal(strlen(fixture_text(f, "info.sha1Thumbprint")), 40);
    assert_non_null(fixture_at(f, "etag"));
    fixture_ask(f, "GET", GROUP, "");
    assert_int_equal(strlen(fixture_text(f, "attestation.x509.signingCertificates.primary.info.sha1Thumbprint")),
                     40);
    fixture_ask(f, "DELETE", PRIMARY, "");
    assert_answer(f, 204, "");
    fixture_ask(f, "GET", PRIMARY, "");
    assert_int_equal(f->status, 404);
    fixture_ask(f, "DELETE", PRIMARY, "");
    assert_int_equal(f->status, 404);
}

static void authorities_come_with_the_group_too(void **state)
{
    struct fixture *f = *state;
    char body[10000];
    (void)snprintf(body, sizeof body,
                   "{\"attestation\":{\"type\":\"x509\",\"x509\":{\"signingCertificates\":{\"secondary\":%s}}}}",
                   certificate_body(test_ca_pem(root), ""));
    fixture_ask(f, "PUT", GROUP, body);
    assert_int_equal(f->status, 200);
    assert_null(fixture_at(f, "attestation.x509.signingCertificates.primary"));
    assert_true(cJSON_IsFalse(fixture_at(f, "attestation.x509.signingCertificates.secondary.verified")));
    fixture_ask(f, "PATCH", GROUP, "{\"attestation\":{\"x509\":{\"signingCertificates\":{\"secondary\":null}}}}");
    assert_null(fixture_at(f, "attestation.x509.signingCertificates.secondary"));
}

static void what_is_no_authority_is_refused(void **state)
{
    struct fixture *f = *state;
    struct test_cert leaf;
    make_x509_group(f);
    fixture_ask(f, "PUT", PRIMARY, "{\"certificate\":\"nonsense\"}");
    assert_refused(f, 400, "InvalidBody", "has to be one X.509 certificate");
    fixture_ask(f, "PUT", PRIMARY, "{}");
    assert_refused(f, 400, "InvalidBody", "is missing");
    test_ca_issue(root, &(struct test_cert_options){.common_name = "leaf"}, &leaf);
    ask_certificate(f, "PUT", PRIMARY, leaf.cert_pem);
    assert_refused(f, 400, "InvalidBody", "not a certificate of an authority");
    struct test_ca *old = test_ca_create_under(
        root, &(struct test_cert_options){.common_name = "Old", .not_after = "20250101000000"});
    ask_certificate(f, "PUT", PRIMARY, test_ca_pem(old));
    assert_refused(f, 400, "InvalidBody", "has expired");
    test_ca_destroy(old);
    fixture_ask(f, "PUT", GROUP "/certificates/third", "{\"certificate\":\"x\"}");
    assert_refused(f, 404, "NotFound", "\"primary\" and a \"secondary\"");
    fixture_ask(f, "GET", PRIMARY, "");
    assert_int_equal(f->status, 404);
}

static void an_authority_belongs_to_one_group(void **state)
{
    struct fixture *f = *state;
    make_x509_group(f);
    upload(f, PRIMARY, root);
    fixture_ask(f, "PUT", "/api/enrollmentGroups/g2", "{\"attestation\":{\"type\":\"x509\"}}");
    ask_certificate(f, "PUT", "/api/enrollmentGroups/g2/certificates/primary", test_ca_pem(root));
    assert_refused(f, 409, "Conflict", "g1");
}

static void a_changed_etag_keeps_the_authority(void **state)
{
    struct fixture *f = *state;
    make_x509_group(f);
    char good[80];
    upload(f, PRIMARY, root);
    const char *etag = fixture_text(f, "etag"); /* with its quotes */
    (void)snprintf(good, sizeof good, ",\"etag\":\"\\\"%.*s\\\"\"", (int)strlen(etag) - 2, etag + 1);
    fixture_ask(f, "PUT", PRIMARY, certificate_body(test_ca_pem(other), ",\"etag\":\"\\\"7\\\"\""));
    assert_int_equal(f->status, 412);
    fixture_ask(f, "PUT", PRIMARY, certificate_body(test_ca_pem(other), good));
    assert_int_equal(f->status, 200);
}

/* Its reader of before would otherwise change what it never saw. */
static void what_is_made_again_has_another_etag(void **state)
{
    struct fixture *f = *state;
    make_x509_group(f);
    char *group = strdup(fixture_text(f, "etag"));
    upload(f, PRIMARY, root);
    char *authority = strdup(fixture_text(f, "etag"));
    fixture_ask(f, "DELETE", GROUP, "");
    bench_advance(&f->bench, 10);
    make_x509_group(f);
    assert_string_not_equal(fixture_text(f, "etag"), group);
    upload(f, PRIMARY, root);
    assert_string_not_equal(fixture_text(f, "etag"), authority);
    free(group);
    free(authority);
}

/* --- proof of possession --- */

static void a_proof_by_the_authority_verifies_it(void **state)
{
    struct fixture *f = *state;
    make_x509_group(f);
    verified(f, PRIMARY, root);
    fixture_ask(f, "GET", PRIMARY, "");
    assert_true(cJSON_IsTrue(fixture_at(f, "verified")));
}

static void a_proof_by_somebody_else_does_not(void **state)
{
    struct fixture *f = *state;
    make_x509_group(f);
    upload(f, PRIMARY, root);
    struct test_ca *namesake = test_ca_create("Factory Root");
    prove(f, PRIMARY, namesake);
    assert_refused(f, 422, "UnprocessableEntity", "was not signed by the authority");
    test_ca_destroy(namesake);
    fixture_ask(f, "GET", PRIMARY, "");
    assert_true(cJSON_IsFalse(fixture_at(f, "verified")));
}

static void a_proof_needs_the_code_and_counts_once(void **state)
{
    struct fixture *f = *state;
    struct test_cert proof;
    make_x509_group(f);
    fixture_ask(f, "POST", PRIMARY "/generateVerificationCode", "");
    assert_int_equal(f->status, 404);
    upload(f, PRIMARY, root);
    test_ca_issue(root, &(struct test_cert_options){.common_name = "guess"}, &proof);
    ask_certificate(f, "POST", PRIMARY "/verify", proof.cert_pem);
    assert_refused(f, 422, "UnprocessableEntity", "Ask for a verification code first");
    fixture_ask(f, "POST", PRIMARY "/generateVerificationCode", "");
    assert_int_equal(strlen(fixture_text(f, "verificationCode")), 48);
    ask_certificate(f, "POST", PRIMARY "/verify", proof.cert_pem);
    assert_refused(f, 422, "UnprocessableEntity", "has to be the verification code");
    fixture_ask(f, "POST", PRIMARY "/verify", "{\"certificate\":\"nonsense\"}");
    assert_refused(f, 400, "InvalidBody", "one X.509 certificate");
    fixture_ask(f, "POST", PRIMARY "/verify", "{\"proof\":\"x\"}");
    assert_refused(f, 400, "InvalidBody", "not a member");
    prove(f, PRIMARY, root);
    assert_answer(f, 204, "");
    ask_certificate(f, "POST", PRIMARY "/verify", proof.cert_pem);
    assert_int_equal(f->status, 422);
}

static void another_certificate_has_to_be_verified_anew(void **state)
{
    struct fixture *f = *state;
    make_x509_group(f);
    verified(f, PRIMARY, root);
    upload(f, PRIMARY, root);
    assert_true(cJSON_IsTrue(fixture_at(f, "verified")));
    upload(f, PRIMARY, other);
    assert_true(cJSON_IsFalse(fixture_at(f, "verified")));
}

/* --- devices of groups --- */

static void a_device_of_a_verified_authority_registers_and_connects(void **state)
{
    struct fixture *f = *state;
    struct shown shown;
    make_x509_group(f);
    verified(f, PRIMARY, root);
    assert_int_equal(registered(f, "d1", shown_as(&shown, root, "d1")), 200);
    assert_int_equal(device_hub_with(&dev, &f->bench, "d1", &shown.chain), 0);
    fixture_ask(f, "GET", "/api/devices/d1/credentials", "");
    assert_answer(f, 200, "{\"idScope\":\"0ne0000ABCD\"}");
}

static void a_device_of_an_unverified_authority_is_refused(void **state)
{
    struct fixture *f = *state;
    struct shown shown;
    make_x509_group(f);
    upload(f, PRIMARY, root);
    assert_int_equal(registered(f, "d1", shown_as(&shown, root, "d1")), 401);
    assert_string_equal(last_reason(f), "the authority of the certificate was uploaded, but not verified");
    fixture_ask(f, "GET", "/api/devices/d1", "");
    assert_int_equal(f->status, 404);
}

static void certificates_out_of_order_are_refused_with_the_reason(void **state)
{
    static const struct {
        struct test_cert_options options;
        const char *why;
    } CASES[] = {{{.common_name = "d1", .not_after = "20260301000000"}, "has expired"},
                 {{.common_name = "d1", .not_before = "20260401000000"}, "is not valid yet"},
                 {{.common_name = "d1", .usage = "server"}, "is not for clients"}};
    struct fixture *f = *state;
    struct shown shown;
    make_x509_group(f);
    verified(f, PRIMARY, root);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        assert_int_equal(registered(f, "d1", shown_leaf(&shown, root, &CASES[i].options, NULL)), 401);
        assert_non_null(strstr(last_reason(f), CASES[i].why));
    }
    assert_int_equal(registered(f, "d1", shown_as(&shown, other, "d1")), 401);
    assert_non_null(strstr(last_reason(f), "does not lead to a verified authority"));
}

static void a_certificate_that_ends_is_refused_at_the_next_connect(void **state)
{
    struct fixture *f = *state;
    struct shown shown;
    const struct test_cert_options options = {.common_name = "d1", .not_after = "20260305000000"};
    make_x509_group(f);
    verified(f, PRIMARY, root);
    assert_int_equal(registered(f, "d1", shown_leaf(&shown, root, &options, NULL)), 200);
    assert_int_equal(device_hub_with(&dev, &f->bench, "d1", &shown.chain), 0);
    f->bench.start_ms += INT64_C(24) * 3600 * 1000;
    assert_int_equal(device_hub_with(&dev, &f->bench, "d1", &shown.chain), 5);
}

static void an_intermediate_is_an_authority_too_and_the_nearest_counts(void **state)
{
    struct fixture *f = *state;
    struct shown shown;
    struct test_ca *line = test_ca_create_under(root, &(struct test_cert_options){.common_name = "Line 1"});
    make_x509_group(f);
    verified(f, PRIMARY, root);
    assert_int_equal(
        registered(f, "d1",
                   shown_leaf(&shown, line, &(struct test_cert_options){.common_name = "d1"}, test_ca_pem(line))),
        200);
    fixture_ask(f, "PUT", "/api/enrollmentGroups/line", "{\"enabled\":false,\"attestation\":{\"type\":\"x509\"}}");
    verified(f, "/api/enrollmentGroups/line/certificates/primary", line);
    assert_int_equal(
        registered(f, "d2",
                   shown_leaf(&shown, line, &(struct test_cert_options){.common_name = "d2"}, test_ca_pem(line))),
        -1);
    test_ca_destroy(line);
}

/* Whoever gives certificates of his own the authority's name must not have them judged once for each. */
static void an_authority_is_held_against_a_chain_once(void **state)
{
    struct fixture *f = *state;
    struct shown shown;
    struct auth_enrolment found;
    struct test_ca *forged = test_ca_create("Factory Root");
    make_x509_group(f);
    verified(f, PRIMARY, root);
    (void)shown_leaf(&shown, forged, &(struct test_cert_options){.common_name = "d1"}, test_ca_pem(forged));
    assert_ok(auth_certificate(f->bench.core, NULL, NULL, shown.chain, &found));
    assert_false(found.proven);
    assert_int_equal(found.tries, AUTH_AUTHORITY_TRIES);
    test_ca_destroy(forged);
}

static void groups_of_several_authorities_take_their_own_devices(void **state)
{
    struct fixture *f = *state;
    struct shown one, two;
    make_x509_group(f);
    verified(f, PRIMARY, root);
    fixture_ask(f, "PUT", "/api/enrollmentGroups/g2", "{\"attestation\":{\"type\":\"x509\"}}");
    verified(f, "/api/enrollmentGroups/g2/certificates/secondary", other);
    assert_int_equal(registered(f, "d1", shown_as(&one, root, "d1")), 200);
    assert_int_equal(registered(f, "d2", shown_as(&two, other, "d2")), 200);
    assert_int_equal(device_hub_with(&dev, &f->bench, "d2", &two.chain), 0);
    /* the other group's authority could otherwise make itself a certificate of any device */
    assert_int_equal(device_hub_with(&dev, &f->bench, "d1", shown_as(&two, other, "d1")), 5);
}

static void a_disabled_group_has_no_operation_for_its_devices(void **state)
{
    struct fixture *f = *state;
    struct shown shown;
    make_x509_group(f);
    verified(f, PRIMARY, root);
    fixture_ask(f, "PATCH", GROUP, "{\"enabled\":false}");
    assert_int_equal(registered(f, "d1", shown_as(&shown, root, "d1")), -1);
}

static void authorities_are_rotated_while_devices_are_connected(void **state)
{
    struct fixture *f = *state;
    struct shown before, after;
    make_x509_group(f);
    verified(f, PRIMARY, root);
    assert_int_equal(registered(f, "d1", shown_as(&before, root, "d1")), 200);
    assert_int_equal(device_hub_with(&dev, &f->bench, "d1", &before.chain), 0);
    verified(f, SECONDARY, other);
    assert_int_equal(device_hub_with(&dev, &f->bench, "d1", shown_as(&after, other, "d1")), 0);
    fixture_ask(f, "DELETE", PRIMARY, "");
    assert_int_equal(f->status, 204);
    assert_true(core_device_connected(f->bench.core, "d1"));
    assert_int_equal(device_hub_with(&dev, &f->bench, "d1", &before.chain), 5);
    assert_int_equal(registered(f, "d1", &before.chain), 401);
    assert_int_equal(device_hub_with(&dev, &f->bench, "d1", &after.chain), 0);
}

static void an_authority_that_goes_takes_its_connections_along(void **state)
{
    struct fixture *f = *state;
    struct shown shown;
    make_x509_group(f);
    verified(f, PRIMARY, root);
    assert_int_equal(registered(f, "d1", shown_as(&shown, root, "d1")), 200);
    assert_int_equal(device_hub_with(&dev, &f->bench, "d1", &shown.chain), 0);
    fixture_ask(f, "PATCH", GROUP, "{\"displayName\":\"Line 1\"}");
    bench_advance(&f->bench, 10);
    assert_true(core_device_connected(f->bench.core, "d1"));
    fixture_ask(f, "DELETE", PRIMARY, "");
    bench_advance(&f->bench, 10);
    assert_false(core_device_connected(f->bench.core, "d1"));
}

static void a_group_that_goes_takes_its_connections_along(void **state)
{
    struct fixture *f = *state;
    struct shown shown;
    make_x509_group(f);
    verified(f, PRIMARY, root);
    assert_int_equal(registered(f, "d1", shown_as(&shown, root, "d1")), 200);
    assert_int_equal(device_hub_with(&dev, &f->bench, "d1", &shown.chain), 0);
    fixture_ask(f, "DELETE", GROUP, "");
    bench_advance(&f->bench, 10);
    assert_false(core_device_connected(f->bench.core, "d1"));
}

static void registering_by_another_group_ends_the_connection_by_the_one_before(void **state)
{
    struct fixture *f = *state;
    struct shown shown, others;
    struct device again = {0};
    int status = 0;
    make_x509_group(f);
    verified(f, PRIMARY, root);
    fixture_ask(f, "PUT", "/api/enrollmentGroups/g2",
                "{\"displayName\":\"G\",\"attestation\":{\"type\":\"x509\"}}");
    verified(f, "/api/enrollmentGroups/g2/certificates/primary", other);
    assert_int_equal(registered(f, "d1", shown_as(&shown, root, "d1")), 200);
    assert_int_equal(device_hub_with(&dev, &f->bench, "d1", &shown.chain), 0);
    cJSON_Delete(device_register_with(&again, &f->bench, "d1", shown_as(&others, other, "d1"), &status));
    device_close(&again);
    assert_int_equal(status, 200);
    assert_false(core_device_connected(f->bench.core, "d1"));
    assert_int_equal(device_hub_with(&dev, &f->bench, "d1", &others.chain), 0);
}

static void a_registration_counts_by_the_authorities_of_its_moment(void **state)
{
    struct fixture *f = *state;
    struct shown shown;
    make_x509_group(f);
    verified(f, PRIMARY, root);
    assert_int_equal(device_dps_with(&dev, &f->bench, "d1", shown_as(&shown, root, "d1")), 0);
    device_subscribe_ok(&dev, "$dps/registrations/res/#", 1);
    fixture_ask(f, "DELETE", PRIMARY, "");
    device_publish(&dev, "$dps/registrations/PUT/iotdps-register/?$rid=1", "{\"registrationId\":\"d1\"}", 0);
    const spoke_mqtt_packet reply = device_expect(&dev, SPOKE_MQTT_PUBLISH);
    assert_str(reply.as.publish.topic, "$dps/registrations/res/401/?$rid=1");
}

static void authorities_go_with_their_group(void **state)
{
    struct fixture *f = *state;
    struct shown shown;
    make_x509_group(f);
    verified(f, PRIMARY, root);
    assert_int_equal(registered(f, "d1", shown_as(&shown, root, "d1")), 200);
    fixture_ask(f, "DELETE", GROUP, "");
    assert_int_equal(registered(f, "d1", &shown.chain), 401);
    assert_int_equal(device_hub_with(&dev, &f->bench, "d1", &shown.chain), 5);
    make_x509_group(f);
    assert_null(fixture_at(f, "attestation.x509.signingCertificates.primary"));
}

/* --- enrolments of one device --- */

#define ATTESTATION "/api/devices/d1/attestation"

static void enrol_by(struct fixture *f, const char *method, const char *entry, const char *pem)
{
    char body[10000];
    (void)snprintf(body, sizeof body, "{\"type\":\"x509\",\"x509\":{\"clientCertificates\":{\"%s\":%s}}}", entry,
                   certificate_body(pem, ""));
    fixture_ask(f, method, ATTESTATION, body);
}

static const spoke_str *chain_of(struct shown *shown, const char *pem)
{
    shown->chain = spoke_str_from((const char *)shown->der, test_cert_der(pem, shown->der, sizeof shown->der));
    return &shown->chain;
}

static void a_device_proves_itself_by_its_own_certificate(void **state)
{
    struct fixture *f = *state;
    struct test_cert own, next;
    struct shown shown;
    test_cert_self_signed(&(struct test_cert_options){.common_name = "d1"}, &own);
    test_cert_self_signed(&(struct test_cert_options){.common_name = "d1"}, &next);
    fixture_ask(f, "PUT", "/api/devices/d1", "{}");
    enrol_by(f, "PUT", "primary", own.cert_pem);
    assert_int_equal(f->status, 200);
    assert_int_equal(strlen(fixture_text(f, "x509.clientCertificates.primary.info.sha1Thumbprint")), 40);
    enrol_by(f, "PATCH", "secondary", next.cert_pem);
    assert_non_null(fixture_at(f, "x509.clientCertificates.primary"));
    assert_non_null(fixture_at(f, "x509.clientCertificates.secondary"));
    assert_int_equal(registered(f, "d1", chain_of(&shown, next.cert_pem)), 200);
    assert_int_equal(registered(f, "d1", chain_of(&shown, own.cert_pem)), 200);
    assert_int_equal(device_hub_with(&dev, &f->bench, "d1", &shown.chain), 0);
    fixture_ask(f, "GET", "/api/devices/d1/credentials", "");
    assert_non_null(fixture_at(f, "x509.clientCertificates.primary.certificate"));
    assert_null(fixture_at(f, "symmetricKey"));
}

static void an_enrolment_of_its_own_goes_before_the_group(void **state)
{
    struct fixture *f = *state;
    struct test_cert own;
    struct shown shown;
    make_x509_group(f);
    verified(f, PRIMARY, root);
    assert_int_equal(registered(f, "d1", shown_as(&shown, root, "d1")), 200);
    test_cert_self_signed(&(struct test_cert_options){.common_name = "d1"}, &own);
    enrol_by(f, "PUT", "primary", own.cert_pem);
    assert_int_equal(registered(f, "d1", &shown.chain), 401);
    assert_int_equal(device_hub_with(&dev, &f->bench, "d1", &shown.chain), 5);
    fixture_ask(f, "PUT", ATTESTATION, "{\"type\":\"symmetricKey\"}");
    assert_int_equal(f->status, 200);
    assert_int_equal(registered(f, "d1", &shown.chain), 401);
    assert_int_equal(registered(f, "d1", chain_of(&shown, own.cert_pem)), 401);
    fixture_ask(f, "DELETE", ATTESTATION, "");
    assert_int_equal(f->status, 204);
    assert_int_equal(registered(f, "d1", shown_as(&shown, root, "d1")), 200);
}

static void with_a_certificate_of_its_own_no_key_will_do(void **state)
{
    struct fixture *f = *state;
    struct test_cert own;
    char key[96];
    fixture_connect(f, "d1");
    test_cert_self_signed(&(struct test_cert_options){.common_name = "d1"}, &own);
    enrol_by(f, "PUT", "primary", own.cert_pem);
    assert_false(core_device_connected(f->bench.core, "d1"));
    assert_int_equal(core_device_key(f->bench.core, "d1", false, key), SPOKE_E_NOT_FOUND);
}

static void a_connection_ends_with_the_certificate_that_it_came_by(void **state)
{
    struct fixture *f = *state;
    struct test_cert own, next;
    struct shown shown;
    test_cert_self_signed(&(struct test_cert_options){.common_name = "d1"}, &own);
    test_cert_self_signed(&(struct test_cert_options){.common_name = "d1"}, &next);
    fixture_device_row(f, "d1");
    enrol_by(f, "PUT", "primary", own.cert_pem);
    assert_int_equal(device_hub_with(&dev, &f->bench, "d1", chain_of(&shown, own.cert_pem)), 0);
    enrol_by(f, "PATCH", "secondary", next.cert_pem);
    assert_true(core_device_connected(f->bench.core, "d1"));
    enrol_by(f, "PUT", "primary", next.cert_pem);
    assert_false(core_device_connected(f->bench.core, "d1"));
    assert_int_equal(device_hub_with(&dev, &f->bench, "d1", &shown.chain), 5);
    assert_int_equal(device_hub_with(&dev, &f->bench, "d1", chain_of(&shown, next.cert_pem)), 0);
    fixture_ask(f, "DELETE", ATTESTATION, "");
    assert_false(core_device_connected(f->bench.core, "d1"));
}

static void an_expired_certificate_of_its_own_is_refused(void **state)
{
    struct fixture *f = *state;
    struct test_cert own;
    struct shown shown;
    test_cert_self_signed(&(struct test_cert_options){.common_name = "d1", .not_after = "20260305000000"}, &own);
    fixture_ask(f, "PUT", "/api/devices/d1", "{}");
    enrol_by(f, "PUT", "primary", own.cert_pem);
    f->bench.start_ms += INT64_C(24) * 3600 * 1000;
    assert_int_equal(registered(f, "d1", chain_of(&shown, own.cert_pem)), 401);
    assert_non_null(strstr(last_reason(f), "has expired"));
}

static void an_enrolment_by_certificate_is_refused_by_place(void **state)
{
    struct fixture *f = *state;
    struct test_cert leaf;
    fixture_ask(f, "PUT", "/api/devices/d1", "{}");
    fixture_ask(f, "PUT", ATTESTATION, "{\"type\":\"x509\"}");
    assert_refused(f, 400, "InvalidBody", "needs \"primary\" or \"secondary\"");
    fixture_ask(f, "PUT", ATTESTATION,
                "{\"type\":\"x509\",\"x509\":{\"signingCertificates\":{\"primary\":{\"certificate\":\"x\"}}}}");
    assert_refused(f, 400, "InvalidBody", "\"signingCertificates\" is not a member");
    test_cert_self_signed(&(struct test_cert_options){.common_name = "d2"}, &leaf);
    enrol_by(f, "PUT", "primary", leaf.cert_pem);
    assert_refused(f, 400, "InvalidBody", "has to be the device id");
    enrol_by(f, "PUT", "primary", test_ca_pem(root));
    assert_refused(f, 400, "InvalidBody", "has to be a device's");
    fixture_ask(f, "PATCH", ATTESTATION, "{\"type\":\"symmetricKey\"}");
    assert_refused(f, 404, "NotFound", "no individual enrolment");
    fixture_ask(f, "PUT", "/api/devices/d9/attestation", "{\"type\":\"symmetricKey\"}");
    assert_refused(f, 404, "NotFound", "d9");
}

/* --- states of a device --- */

static int registered_by_key(struct fixture *f, const char *id, cJSON **body)
{
    char resource[200], username[300], token[600], text[200], key[96];
    assert_ok(core_device_key(f->bench.core, id, false, key));
    (void)snprintf(resource, sizeof resource, "%s/registrations/%s", core_id_scope(f->bench.core), id);
    (void)snprintf(username, sizeof username, "%s/api-version=2019-03-31", resource);
    bench_token(id, key, resource, bench_unix(&f->bench) / 1000 + 3600, token, sizeof token);
    bench_faults(&f->bench, "{\"dpsPolls\":0}");
    device_close(&dev);
    device_open(&dev, &f->bench, NULL);
    device_connect_as(&dev, id, username, token, true, 0);
    assert_int_equal(device_connack(&dev), 0);
    device_subscribe_ok(&dev, "$dps/registrations/res/#", 1);
    (void)snprintf(text, sizeof text, "{\"registrationId\":\"%s\"}", id);
    device_publish(&dev, "$dps/registrations/PUT/iotdps-register/?$rid=1", text, 0);
    const spoke_mqtt_packet reply = device_expect(&dev, SPOKE_MQTT_PUBLISH);
    const int status = atoi(reply.as.publish.topic.ptr + strlen("$dps/registrations/res/"));
    *body = cJSON_ParseWithLength(reply.as.publish.payload.ptr, reply.as.publish.payload.len);
    return status;
}

/* The registration fails with 400209 and these words. */
static void fails(struct fixture *f, const char *id, const char *words)
{
    cJSON *body;
    assert_int_equal(registered_by_key(f, id, &body), 200);
    const cJSON *state = cJSON_GetObjectItem(body, "registrationState");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(body, "status")), "failed");
    assert_int_equal(cJSON_GetObjectItem(state, "errorCode")->valueint, 400209);
    assert_non_null(strstr(cJSON_GetStringValue(cJSON_GetObjectItem(state, "errorMessage")), words));
    cJSON_Delete(body);
}

static void succeeds(struct fixture *f, const char *id)
{
    cJSON *body;
    assert_int_equal(registered_by_key(f, id, &body), 200);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(body, "status")), "assigned");
    cJSON_Delete(body);
}

static void shows(struct fixture *f, const char *id, bool enabled, bool provisioned)
{
    char path[100];
    (void)snprintf(path, sizeof path, "/api/devices/%s", id);
    fixture_ask(f, "GET", path, "");
    assert_int_equal(cJSON_IsTrue(fixture_at(f, "enabled")), enabled);
    assert_int_equal(cJSON_IsTrue(fixture_at(f, "provisioned")), provisioned);
}

static void a_group_gives_its_organizations_to_new_devices(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", "/api/organizations/oslo", "{\"displayName\":\"Oslo\"}");
    fixture_ask(f, "PUT", "/api/devices/before", "{}");
    fixture_ask(f, "PATCH", "/api/enrollmentGroups/SAS-IoT-Devices", "{\"organizations\":[\"bergen\"]}");
    assert_refused(f, 400, "InvalidBody", "Organization bergen does not exist");
    fixture_ask(f, "PATCH", "/api/enrollmentGroups/SAS-IoT-Devices", "{\"organizations\":[\"oslo\"]}");
    assert_string_equal(fixture_text(f, "organizations.0"), "oslo");
    succeeds(f, "came");
    fixture_ask(f, "GET", "/api/devices/came", "");
    assert_string_equal(fixture_text(f, "organizations.0"), "oslo");
    succeeds(f, "before");
    fixture_ask(f, "GET", "/api/devices/before", "");
    assert_null(fixture_at(f, "organizations"));
    fixture_ask(f, "PATCH", "/api/enrollmentGroups/SAS-IoT-Devices", "{\"displayName\":\"S\"}");
    assert_string_equal(fixture_text(f, "organizations.0"), "oslo");
    fixture_ask(f, "DELETE", "/api/devices/came", "");
    fixture_ask(f, "DELETE", "/api/organizations/oslo", "");
    assert_refused(f, 409, "Conflict", "belong to it");
    fixture_ask(f, "PATCH", "/api/enrollmentGroups/SAS-IoT-Devices", "{\"organizations\":null}");
    assert_null(fixture_at(f, "organizations"));
    fixture_ask(f, "DELETE", "/api/organizations/oslo", "");
    assert_answer(f, 204, "");
    succeeds(f, "later");
    fixture_ask(f, "GET", "/api/devices/later", "");
    assert_null(fixture_at(f, "organizations"));
}

static void a_device_waits_for_approval_and_enters_by_it(void **state)
{
    struct fixture *f = *state;
    bench_close(&f->bench);
    f->bench.options.approve_by_hand = true;
    bench_start(&f->bench);
    fails(f, "d1", "waits for approval");
    shows(f, "d1", false, false);
    fixture_ask(f, "PATCH", "/api/devices/d1", "{\"displayName\":\"Named, not approved\"}");
    fails(f, "d1", "waits for approval");
    fixture_ask(f, "PATCH", "/api/devices/d1", "{\"enabled\":true}");
    shows(f, "d1", true, false);
    succeeds(f, "d1");
    shows(f, "d1", true, true);
}

static void a_device_made_by_hand_does_not_wait_for_approval(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", "/api/devices/d1", "{\"enabled\":false}");
    shows(f, "d1", false, false);
    fails(f, "d1", "is blocked");
    fixture_ask(f, "PATCH", "/api/devices/d1", "{\"enabled\":true}");
    shows(f, "d1", true, false);
    succeeds(f, "d1");
}

static void blocking_ends_the_connection_and_unblocking_restores_what_was(void **state)
{
    struct fixture *f = *state;
    fixture_connect(f, "d1");
    fixture_ask(f, "PATCH", "/api/devices/d1", "{\"enabled\":false}");
    assert_false(core_device_connected(f->bench.core, "d1"));
    shows(f, "d1", false, true);
    fails(f, "d1", "is blocked");
    shows(f, "d1", false, true);
    fixture_ask(f, "PATCH", "/api/devices/d1", "{\"enabled\":true}");
    shows(f, "d1", true, true);
    device_close(&f->device);
    fixture_login(f, "d1");
}

static void a_registered_device_is_not_let_into_the_hub(void **state)
{
    struct fixture *f = *state;
    char key[96], token[600];
    fixture_ask(f, "PUT", "/api/devices/d1", "{}");
    assert_ok(core_device_key(f->bench.core, "d1", false, key));
    bench_token("d1", key, "localhost/devices/d1", bench_unix(&f->bench) / 1000 + 3600, token, sizeof token);
    device_open(&dev, &f->bench, NULL);
    device_connect_as(&dev, "d1", "localhost/d1/?api-version=2021-04-12", token, true, 0);
    assert_int_equal(device_connack(&dev), 5);
    assert_non_null(strstr(last_reason(f), "never provisioned"));
}

int main(void)
{
#define CLAIM(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CLAIM(keys_are_never_in_a_list),
        CLAIM(a_key_is_rotated_by_giving_one_or_by_null),
        CLAIM(new_keys_of_a_group_end_the_connections_by_the_old_ones),
        CLAIM(new_keys_of_a_group_end_the_connections_of_a_fleet),
        CLAIM(new_keys_of_a_group_leave_those_with_keys_of_their_own),
        CLAIM(a_thousand_groups_are_the_most),
        CLAIM(a_group_may_be_of_edge_devices),
        CLAIM(a_put_replaces_all_of_a_group_but_its_keys),
        CLAIM(a_null_takes_a_groups_name_and_type_back),
        CLAIM(a_group_keeps_its_kind_of_attestation),
        CLAIM(what_was_read_of_a_group_can_be_written_back),
        CLAIM(an_authority_is_uploaded_read_and_deleted),
        CLAIM(authorities_come_with_the_group_too),
        CLAIM(what_is_no_authority_is_refused),
        CLAIM(an_authority_belongs_to_one_group),
        CLAIM(a_changed_etag_keeps_the_authority),
        CLAIM(what_is_made_again_has_another_etag),
        CLAIM(a_proof_by_the_authority_verifies_it),
        CLAIM(a_proof_by_somebody_else_does_not),
        CLAIM(a_proof_needs_the_code_and_counts_once),
        CLAIM(another_certificate_has_to_be_verified_anew),
        CLAIM(a_device_of_a_verified_authority_registers_and_connects),
        CLAIM(a_device_of_an_unverified_authority_is_refused),
        CLAIM(certificates_out_of_order_are_refused_with_the_reason),
        CLAIM(a_certificate_that_ends_is_refused_at_the_next_connect),
        CLAIM(an_intermediate_is_an_authority_too_and_the_nearest_counts),
        CLAIM(an_authority_is_held_against_a_chain_once),
        CLAIM(groups_of_several_authorities_take_their_own_devices),
        CLAIM(a_disabled_group_has_no_operation_for_its_devices),
        CLAIM(authorities_are_rotated_while_devices_are_connected),
        CLAIM(an_authority_that_goes_takes_its_connections_along),
        CLAIM(a_group_that_goes_takes_its_connections_along),
        CLAIM(registering_by_another_group_ends_the_connection_by_the_one_before),
        CLAIM(a_registration_counts_by_the_authorities_of_its_moment),
        CLAIM(authorities_go_with_their_group),
        CLAIM(a_device_proves_itself_by_its_own_certificate),
        CLAIM(an_enrolment_of_its_own_goes_before_the_group),
        CLAIM(with_a_certificate_of_its_own_no_key_will_do),
        CLAIM(a_connection_ends_with_the_certificate_that_it_came_by),
        CLAIM(an_expired_certificate_of_its_own_is_refused),
        CLAIM(an_enrolment_by_certificate_is_refused_by_place),
        CLAIM(a_group_gives_its_organizations_to_new_devices),
        CLAIM(a_device_waits_for_approval_and_enters_by_it),
        CLAIM(a_device_made_by_hand_does_not_wait_for_approval),
        CLAIM(blocking_ends_the_connection_and_unblocking_restores_what_was),
        CLAIM(a_registered_device_is_not_let_into_the_hub),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
