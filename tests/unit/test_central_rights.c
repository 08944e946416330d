/* Every route x every kind of caller. A route that is added has to be added here as well: who may use it, and what
 * somebody gets who is bound to another organization. */
#include "central/rest/rest_routes.h"
#include "support/core_fixture.h"

#define ADMINISTRATOR "ca310b8d-2f4a-44e0-a36e-957c202cd8d4"
#define BUILDER "344138e9-8de4-4497-8c54-5237e96d6aaf"
#define OPERATOR "ae2c9854-393b-4f97-8c42-479d70ce626e"

struct expected {
    const char *method, *pattern;
    const char *roles; /* A, B, O: the built-in ones that may */
    int other;         /* the status for an administrator of oslo, when all that is there is bergen's */
};

/* In the order of rest_routes.c. */
static const struct expected EXPECTED[] = {
    {"GET", "/api/devices", "ABO", 200},
    {"GET", "/api/devices/{}", "ABO", 404},
    {"PUT", "/api/devices/{}", "ABO", 404},
    {"PATCH", "/api/devices/{}", "ABO", 404},
    {"DELETE", "/api/devices/{}", "ABO", 404},
    {"GET", "/api/devices/{}/credentials", "ABO", 404},
    {"GET", "/api/devices/{}/attestation", "ABO", 404},
    {"PUT", "/api/devices/{}/attestation", "ABO", 404},
    {"PATCH", "/api/devices/{}/attestation", "ABO", 404},
    {"DELETE", "/api/devices/{}/attestation", "ABO", 404},
    {"GET", "/api/devices/{}/components", "ABO", 404},
    {"GET", "/api/devices/{}/relationships", "ABO", 404},
    {"GET", "/api/devices/{}/relationships/{}", "ABO", 404},
    {"PUT", "/api/devices/{}/relationships/{}", "ABO", 404},
    {"PATCH", "/api/devices/{}/relationships/{}", "ABO", 404},
    {"DELETE", "/api/devices/{}/relationships/{}", "ABO", 404},
    {"GET", "/api/devices/{}/properties", "ABO", 404},
    {"PUT", "/api/devices/{}/properties", "ABO", 404},
    {"PATCH", "/api/devices/{}/properties", "ABO", 404},
    {"GET", "/api/devices/{}/components/{}/properties", "ABO", 404},
    {"PUT", "/api/devices/{}/components/{}/properties", "ABO", 404},
    {"PATCH", "/api/devices/{}/components/{}/properties", "ABO", 404},
    {"GET", "/api/devices/{}/commands/{}", "ABO", 404},
    {"POST", "/api/devices/{}/commands/{}", "ABO", 404},
    {"GET", "/api/devices/{}/components/{}/commands/{}", "ABO", 404},
    {"POST", "/api/devices/{}/components/{}/commands/{}", "ABO", 404},
    {"GET", "/api/devices/{}/telemetry/{}", "ABO", 404},
    {"GET", "/api/devices/{}/telemetry/{}/history", "ABO", 404},
    {"GET", "/api/devices/{}/components/{}/telemetry/{}/history", "ABO", 404},
    {"GET", "/api/devices/{}/components/{}/telemetry/{}", "ABO", 404},

    {"GET", "/api/events", "ABO", 200},
    {"GET", "/api/events/stream", "ABO", 406}, /* who asks here cannot take a stream */

    {"GET", "/api/deviceGroups", "ABO", 200},
    {"GET", "/api/deviceGroups/{}", "ABO", 404},
    {"PUT", "/api/deviceGroups/{}", "AB", 404},
    {"PATCH", "/api/deviceGroups/{}", "AB", 404},
    {"DELETE", "/api/deviceGroups/{}", "AB", 404},
    {"GET", "/api/deviceGroups/{}/devices", "ABO", 404},

    {"GET", "/api/jobs", "ABO", 200},
    {"GET", "/api/jobs/{}", "ABO", 404},
    {"PUT", "/api/jobs/{}", "ABO", 404},
    {"GET", "/api/jobs/{}/devices", "ABO", 404},
    {"POST", "/api/jobs/{}/stop", "ABO", 404},
    {"POST", "/api/jobs/{}/resume", "ABO", 404},
    {"PUT", "/api/jobs/{}/rerun/{}", "ABO", 404},
    {"GET", "/api/scheduledJobs", "ABO", 200},
    {"GET", "/api/scheduledJobs/{}", "ABO", 404},
    {"PUT", "/api/scheduledJobs/{}", "ABO", 404},
    {"PATCH", "/api/scheduledJobs/{}", "ABO", 404},
    {"DELETE", "/api/scheduledJobs/{}", "ABO", 404},
    {"GET", "/api/scheduledJobs/{}/jobs", "ABO", 404},

    {"POST", "/api/query", "ABO", 400}, /* no query was asked */

    {"GET", "/api/deviceTemplates", "ABO", 200},
    {"GET", "/api/deviceTemplates/{}", "ABO", 404}, /* there is none: templates are everybody's */
    {"PUT", "/api/deviceTemplates/{}", "AB", 403},
    {"PATCH", "/api/deviceTemplates/{}", "AB", 403},
    {"DELETE", "/api/deviceTemplates/{}", "AB", 403},
    {"GET", "/api/deviceTemplates/{}/views", "ABO", 404},
    {"GET", "/api/deviceTemplates/{}/views/{}", "ABO", 404},
    {"PUT", "/api/deviceTemplates/{}/views/{}", "AB", 403},
    {"PATCH", "/api/deviceTemplates/{}/views/{}", "AB", 403},
    {"DELETE", "/api/deviceTemplates/{}/views/{}", "AB", 403},

    {"GET", "/api/enrollmentGroups", "A", 403},
    {"GET", "/api/enrollmentGroups/{}", "A", 403},
    {"PUT", "/api/enrollmentGroups/{}", "A", 403},
    {"PATCH", "/api/enrollmentGroups/{}", "A", 403},
    {"DELETE", "/api/enrollmentGroups/{}", "A", 403},
    {"GET", "/api/enrollmentGroups/{}/certificates/{}", "A", 403},
    {"PUT", "/api/enrollmentGroups/{}/certificates/{}", "A", 403},
    {"DELETE", "/api/enrollmentGroups/{}/certificates/{}", "A", 403},
    {"POST", "/api/enrollmentGroups/{}/certificates/{}/generateVerificationCode", "A", 403},
    {"POST", "/api/enrollmentGroups/{}/certificates/{}/verify", "A", 403},

    {"GET", "/api/connectionInfo", "ABO", 200},
    {"GET", "/api/devices/{}/modules", "ABO", 404},
    {"GET", "/api/devices/{}/modules/{}/commands/{}", "ABO", 404},
    {"POST", "/api/devices/{}/modules/{}/commands/{}", "ABO", 404},
    {"GET", "/api/devices/{}/modules/{}/properties", "ABO", 404},
    {"PUT", "/api/devices/{}/modules/{}/properties", "ABO", 404},
    {"PATCH", "/api/devices/{}/modules/{}/properties", "ABO", 404},
    {"GET", "/api/devices/{}/modules/{}/telemetry/{}", "ABO", 404},
    {"GET", "/api/devices/{}/modules/{}/components/{}/commands/{}", "ABO", 404},
    {"POST", "/api/devices/{}/modules/{}/components/{}/commands/{}", "ABO", 404},
    {"GET", "/api/devices/{}/modules/{}/components/{}/properties", "ABO", 404},
    {"PUT", "/api/devices/{}/modules/{}/components/{}/properties", "ABO", 404},
    {"PATCH", "/api/devices/{}/modules/{}/components/{}/properties", "ABO", 404},
    {"GET", "/api/devices/{}/modules/{}/components/{}/telemetry/{}", "ABO", 404},
    {"GET", "/api/devices/{}/modules/{}/components", "ABO", 404},

    {"GET", "/api/queries", "ABO", 200},
    {"GET", "/api/queries/{}", "ABO", 404},
    {"PUT", "/api/queries/{}", "AB", 404},
    {"PATCH", "/api/queries/{}", "AB", 404},
    {"DELETE", "/api/queries/{}", "AB", 404},

    {"GET", "/api/dashboards", "ABO", 200},
    {"GET", "/api/dashboards/{}", "ABO", 404},
    {"PUT", "/api/dashboards/{}", "AB", 404},
    {"PATCH", "/api/dashboards/{}", "AB", 404},
    {"DELETE", "/api/dashboards/{}", "AB", 404},

    {"GET", "/api/me", "ABO", 200},
    {"GET", "/api/apiTokens", "A", 200},
    {"GET", "/api/apiTokens/{}", "A", 404},
    {"PUT", "/api/apiTokens/{}", "A", 404},
    {"DELETE", "/api/apiTokens/{}", "A", 404},
    {"GET", "/api/users", "A", 200},
    {"GET", "/api/users/{}", "A", 404},
    {"PUT", "/api/users/{}", "A", 404},
    {"PATCH", "/api/users/{}", "A", 404},
    {"DELETE", "/api/users/{}", "A", 404},
    {"GET", "/api/roles", "A", 200},
    {"GET", "/api/roles/{}", "A", 200}, /* roles are everybody's, and only who sees everything changes them */
    {"PUT", "/api/roles/{}", "A", 403},
    {"PATCH", "/api/roles/{}", "A", 403},
    {"DELETE", "/api/roles/{}", "A", 403},
    {"GET", "/api/organizations", "A", 200},
    {"GET", "/api/organizations/{}", "A", 404},
    {"PUT", "/api/organizations/{}", "A", 404},
    {"PATCH", "/api/organizations/{}", "A", 404},
    {"DELETE", "/api/organizations/{}", "A", 404},

    {"GET", "/openapi.json", "ABO", 200},

    {"GET", "/api/fileUploads", "A", 403},
    {"PUT", "/api/fileUploads", "A", 403},
    {"PATCH", "/api/fileUploads", "A", 403},
    {"DELETE", "/api/fileUploads", "A", 403},
    {"GET", "/api/devices/{}/files", "ABO", 404},
    {"GET", "/control/devices/{}", "A", 403},
    {"GET", "/control/devices/{}/messages", "A", 403},
    {"DELETE", "/control/devices/{}/messages", "A", 403},
    {"POST", "/control/devices/{}/disconnect", "A", 403},
    {"POST", "/control/devices/{}/c2d", "A", 403},
    {"GET", "/control/events", "A", 403},
    {"GET", "/control/rates", "A", 403},
    {"DELETE", "/control/rates", "A", 403},
    {"GET", "/control/uploads", "A", 403},
    {"GET", "/control/faults", "A", 403},
    {"PUT", "/control/faults", "A", 403},
};

static const struct expected *expected_of(const struct rest_route *route)
{
    for (size_t i = 0; i < sizeof EXPECTED / sizeof EXPECTED[0]; i++)
        if (strcmp(EXPECTED[i].method, route->method) == 0 && strcmp(EXPECTED[i].pattern, route->pattern) == 0)
            return &EXPECTED[i];
    return NULL;
}

/* --- the callers --- */

struct stage {
    struct fixture *f;
    char *administrator, *builder, *operator_, *oslo, *above, *below, *expired, *revoked, *wrong;
};

static void ask_well(struct fixture *f, const char *method, const char *target, const char *body)
{
    fixture_ask(f, method, target, body);
    if (f->status < 200 || f->status > 299)
        fail_msg("%s %s: %d %s", method, target, f->status, f->text);
}

static char *token_of(struct fixture *f, const char *id, const char *role, const char *organization)
{
    char target[100], body[300];
    snprintf(target, sizeof target, "/api/apiTokens/%s", id);
    if (organization != NULL)
        snprintf(body, sizeof body, "{\"roles\":[{\"role\":\"%s\",\"organization\":\"%s\"}]}", role, organization);
    else
        snprintf(body, sizeof body, "{\"roles\":[{\"role\":\"%s\"}]}", role);
    ask_well(f, "PUT", target, body);
    return strdup(fixture_text(f, "token"));
}

/* What is there is all of bergen's. */
static void furnish(struct fixture *f)
{
    ask_well(f, "PUT", "/api/organizations/oslo", "{\"displayName\":\"Oslo\"}");
    ask_well(f, "PUT", "/api/organizations/west", "{\"displayName\":\"West\"}");
    ask_well(f, "PUT", "/api/organizations/bergen", "{\"displayName\":\"Bergen\",\"parent\":\"west\"}");
    ask_well(f, "PUT", "/api/devices/bergen", "{\"organizations\":[\"bergen\"]}");
    ask_well(f, "PUT", "/api/roles/bergen", "{\"displayName\":\"bergen\",\"rights\":[\"device.read\"]}");
    ask_well(f, "PUT", "/api/dashboards/bergen", "{\"displayName\":\"x\",\"organizations\":[\"bergen\"]}");
    ask_well(f, "PUT", "/api/queries/bergen",
             "{\"displayName\":\"x\",\"query\":\"SELECT a FROM dtmi:b:t;1\",\"organizations\":[\"bergen\"]}");
    ask_well(f, "PUT", "/api/users/bergen",
             "{\"type\":\"email\",\"email\":\"b@example.com\",\"roles\":[{\"role\":\"" OPERATOR
             "\",\"organization\":\"bergen\"}]}");
    ask_well(f, "PUT", "/api/deviceGroups/bergen",
             "{\"displayName\":\"bergen\",\"filter\":\"SELECT * FROM devices\",\"organizations\":[\"bergen\"]}");
    ask_well(
        f, "PUT", "/api/deviceTemplates/dtmi:b:t;1",
        "{\"@context\":\"dtmi:dtdl:context;2\",\"@id\":\"dtmi:b:m;1\",\"@type\":\"Interface\",\"contents\":[]}");
#define JOB_FORM \
    "{\"group\":\"bergen\",\"organizations\":[\"bergen\"],\"data\":[{\"type\":\"deviceTemplateMigration\",\"template\":" \
    "\"dtmi:b:t;1\"}]"
    fixture_ask(f, "PUT", "/api/jobs/bergen", JOB_FORM "}"); /* jobs are not deleted: it may be there */
    ask_well(f, "PUT", "/api/scheduledJobs/bergen",
             JOB_FORM ",\"schedule\":{\"start\":\"2036-03-04T05:06:08Z\"}}");
    fixture_ask(f, "DELETE", "/api/apiTokens/bergen", "");
    free(token_of(f, "bergen", OPERATOR, "bergen"));
}

static int set_up(void **state)
{
    struct stage *s = calloc(1, sizeof *s);
    struct fixture *f = s->f = fixture_create(true);
    furnish(f);
    s->administrator = token_of(f, "administrator", ADMINISTRATOR, NULL);
    s->builder = token_of(f, "builder", BUILDER, NULL);
    s->operator_ = token_of(f, "operator", OPERATOR, NULL);
    s->oslo = token_of(f, "oslo", ADMINISTRATOR, "oslo");
    s->above = token_of(f, "above", ADMINISTRATOR, "west");
    ask_well(f, "PUT", "/api/organizations/laksevaag", "{\"displayName\":\"L\",\"parent\":\"bergen\"}");
    s->below = token_of(f, "below", ADMINISTRATOR, "laksevaag");
    s->revoked = token_of(f, "revoked", ADMINISTRATOR, NULL);
    ask_well(f, "DELETE", "/api/apiTokens/revoked", "");
    free(token_of(f, "revoked", ADMINISTRATOR, NULL)); /* somebody else has the id now */
    ask_well(f, "PUT", "/api/apiTokens/expired",
             "{\"roles\":[{\"role\":\"" ADMINISTRATOR "\"}],\"expiry\":\"2026-03-04T05:06:08Z\"}");
    s->expired = strdup(fixture_text(f, "token"));
    f->bench.start_ms += 1000;
    s->wrong = strdup(s->administrator);
    *strstr(s->wrong, "skn=") = 'S';
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *s = *state;
    char *const tokens[] = {s->administrator, s->builder, s->operator_, s->oslo, s->above,
                            s->below,         s->expired, s->revoked,   s->wrong};
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++)
        free(tokens[i]);
    fixture_destroy(s->f);
    free(s);
    return 0;
}

/* Asks a route, with `bergen` for each {}, and gives the status. A request that waits for a device is let go. */
static int ask(struct stage *s, const struct rest_route *route, const char *token)
{
    char target[300];
    size_t len = 0;
    for (const char *at = route->pattern; *at != '\0';) {
        const bool hole = at[0] == '{';
        len += (size_t)snprintf(target + len, sizeof target - len, "%.*s", hole ? 6 : 1, hole ? "bergen" : at);
        at += hole ? 2 : 1;
    }
    snprintf(target + len, sizeof target - len, "?api-version=2022-07-31");
    fixture_ask_as(s->f, route->method, target, route->body != REST_BODY_NONE ? "{}" : "", false, token);
    core_request_cancel(s->f->bench.core, s->f->ticket);
    return s->f->status;
}

#define EACH_ROUTE(route) \
    const struct rest_route *route; \
    for (size_t i = 0; (route = rest_route_at(i)) != NULL; i++)

/* --- the claims --- */

static void every_route_is_thought_of(void **state)
{
    size_t count = 0;
    (void)state;
    EACH_ROUTE(route)
    {
        if (expected_of(route) == NULL)
            fail_msg("%s %s: say in EXPECTED who may use it, and what another organization gets", route->method,
                     route->pattern);
        assert_int_not_equal(route->right, RIGHT_UNSET);
        count++;
    }
    assert_int_equal(count, sizeof EXPECTED / sizeof EXPECTED[0]);
}

static void refused_everywhere(struct stage *s, const char *token, const char *words)
{
    EACH_ROUTE(route)
    {
        if (ask(s, route, token) != 401)
            fail_msg("%s %s: %d", route->method, route->pattern, s->f->status);
        assert_refused(s->f, 401, "Unauthorized", words);
    }
}

static void no_route_answers_without_a_token(void **state)
{
    refused_everywhere(*state, NULL, "needs an Authorization header");
    refused_everywhere(*state, "", "needs an Authorization header");
}

static void no_route_answers_to_a_token_that_is_none(void **state)
{
    struct stage *s = *state;
    refused_everywhere(s, "Bearer abc", "SharedAccessSignature");
    refused_everywhere(s, "SharedAccessSignature sr=x&sig=x&skn=x&se=9999999999999", "another application");
    refused_everywhere(s, s->wrong, "SharedAccessSignature");
}

static void no_route_answers_to_a_token_with_another_signature_id_or_expiry(void **state)
{
    struct stage *s = *state;
    char token[1000], *at;
    snprintf(token, sizeof token, "%s", s->administrator);
    at = strstr(token, "sig=") + 4;
    *at = *at == 'A' ? 'B' : 'A';
    refused_everywhere(s, token, "signature");
    snprintf(token, sizeof token, "%s", s->operator_);
    at = strstr(token, "skn=");
    snprintf(at, sizeof token - (size_t)(at - token), "skn=administrator%s", strstr(s->operator_, "&se="));
    refused_everywhere(s, token, "signature");
    snprintf(token, sizeof token, "%s", s->expired);
    at = strstr(token, "&se=") + 4;
    *at = '9';
    refused_everywhere(s, token, "signature");
}

static void no_route_answers_to_an_expired_token(void **state)
{
    struct stage *s = *state;
    refused_everywhere(s, s->expired, "expired");
}

static void no_route_answers_to_a_revoked_token_even_when_its_id_was_given_again(void **state)
{
    struct stage *s = *state;
    refused_everywhere(s, s->revoked, "revoked");
}

static void each_role_may_what_it_may_and_no_more(struct stage *s, const char *token, char role)
{
    EACH_ROUTE(route)
    {
        const bool allowed = strchr(expected_of(route)->roles, role) != NULL;
        const int status = ask(s, route, token);
        if ((status != 403) != allowed || status == 401)
            fail_msg("%c %s %s: %d", role, route->method, route->pattern, status);
        if (strcmp(route->method, "DELETE") == 0)
            furnish(s->f);
    }
}

static void an_administrator_may_use_every_route(void **state)
{
    struct stage *s = *state;
    each_role_may_what_it_may_and_no_more(s, s->administrator, 'A');
}

static void a_builder_may_use_what_the_table_says(void **state)
{
    struct stage *s = *state;
    each_role_may_what_it_may_and_no_more(s, s->builder, 'B');
}

static void an_operator_may_use_what_the_table_says(void **state)
{
    struct stage *s = *state;
    each_role_may_what_it_may_and_no_more(s, s->operator_, 'O');
}

static void sees_nothing(struct stage *s, const char *token)
{
    EACH_ROUTE(route)
    {
        const int status = ask(s, route, token);
        if (status != expected_of(route)->other)
            fail_msg("%s %s: %d %s", route->method, route->pattern, status, s->f->text);
        const bool names_others =
            strstr(route->pattern, "roles") != NULL ||
            (token == s->below && strstr(route->pattern, "organizations") != NULL); /* "parent" */
        if (status == 200 && !names_others && strstr(s->f->text, "bergen") != NULL)
            fail_msg("%s %s shows what is of another: %s", route->method, route->pattern, s->f->text);
    }
}

static void what_is_of_another_organization_is_not_there(void **state)
{
    struct stage *s = *state;
    sees_nothing(s, s->oslo);
}

static void what_is_of_the_organization_above_is_not_there(void **state)
{
    struct stage *s = *state;
    sees_nothing(s, s->below);
}

static void what_is_of_the_organization_below_is_there(void **state)
{
    struct stage *s = *state;
    EACH_ROUTE(route)
    {
        if (expected_of(route)->other != 404)
            continue;
        const int wanted = ask(s, route, s->administrator);
        furnish(s->f);
        const int status = ask(s, route, s->above);
        if (wanted != 404 && (status == 401 || status == 403 || status == 404))
            fail_msg("%s %s: %d, to an administrator %d", route->method, route->pattern, status, wanted);
        furnish(s->f);
    }
}

static void without_control_mode_the_control_area_is_not_there(void **state)
{
    struct fixture *f = fixture_create(false);
    char *token = NULL;
    (void)state;
    assert_ok(core_api_token(f->bench.core, "ci", &token));
    fixture_ask_as(f, "GET", "/control/events", "", false, token);
    assert_refused(f, 404, "NotFound", "nothing at");
    free(token);
    fixture_destroy(f);
}

static void the_token_shown_at_the_start_may_everything(void **state)
{
    struct stage *s = *state;
    char *token = NULL;
    assert_ok(core_api_token(s->f->bench.core, "bootstrap", &token));
    each_role_may_what_it_may_and_no_more(s, token, 'A');
    free(token);
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_is_thought_of),
        STAGED(no_route_answers_without_a_token),
        STAGED(no_route_answers_to_a_token_that_is_none),
        STAGED(no_route_answers_to_a_token_with_another_signature_id_or_expiry),
        STAGED(no_route_answers_to_an_expired_token),
        STAGED(no_route_answers_to_a_revoked_token_even_when_its_id_was_given_again),
        STAGED(an_administrator_may_use_every_route),
        STAGED(a_builder_may_use_what_the_table_says),
        STAGED(an_operator_may_use_what_the_table_says),
        STAGED(what_is_of_another_organization_is_not_there),
        STAGED(what_is_of_the_organization_above_is_not_there),
        STAGED(what_is_of_the_organization_below_is_there),
        STAGED(the_token_shown_at_the_start_may_everything),
        cmocka_unit_test(without_control_mode_the_control_area_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
