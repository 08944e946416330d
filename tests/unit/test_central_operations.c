/* Every operation of the table of routes: that it does what it is for, with the status that the table names, and what
 * it makes of bad input. Who may use it is test_central_rights.c's. An operation that is added has to be added here as
 * well: a good request, and one that is refused. From the form that the OpenAPI document gives its body follow the
 * other bad ones: each member of another type, one too many, one that is missing, one that is too long. */
#include "central/rest/rest_routes.h"
#include "central/rest/rest_schemas.h"
#include "support/certificates.h"
#include "support/core_fixture.h"

#define OPERATOR "ae2c9854-393b-4f97-8c42-479d70ce626e"
#define PUMP "dtmi:acme:pumpTemplate;1"
#define CONTEXT "\"@context\":[\"dtmi:iotcentral:context;2\",\"dtmi:dtdl:context;2\"]"
#define FORM(id, model, contents) \
    "{\"@id\":\"" id "\",\"@type\":[\"ModelDefinition\",\"DeviceModel\"]," CONTEXT ",\"displayName\":\"Pump\"," \
    "\"capabilityModel\":{\"@id\":\"" model "\",\"@type\":\"Interface\",\"contents\":[" contents "]}}"
#define COMMON \
    "{\"@type\":\"Telemetry\",\"name\":\"flow\",\"schema\":\"double\"}," \
    "{\"@type\":\"Property\",\"name\":\"setpoint\",\"schema\":\"double\",\"writable\":true}," \
    "{\"@type\":\"Command\",\"name\":\"purge\"," \
    "\"request\":{\"@type\":\"CommandPayload\",\"name\":\"s\",\"schema\":\"integer\"}}"
#define PUMP_FORM \
    FORM(PUMP, "dtmi:acme:pump;1", \
         COMMON ",{\"@type\":\"Component\",\"name\":\"motor\",\"schema\":{\"@id\":\"dtmi:acme:motor;1\"," \
                "\"@type\":\"Interface\",\"contents\":[" COMMON "]}}")
#define ROLES "\"roles\":[{\"role\":\"" OPERATOR "\",\"organization\":\"oslo\"}]"
#define USER "{\"type\":\"email\",\"email\":\"a@example.com\"," ROLES "}"
#define DATA "\"data\":[{\"type\":\"property\",\"target\":\"" PUMP "\",\"path\":\"setpoint\",\"value\":5}]"
#define JOB \
    "{\"displayName\":\"J\",\"description\":\"d\",\"group\":\"all\",\"batch\":{\"type\":\"percentage\",\"value\":50}," \
    "\"cancellationThreshold\":{\"type\":\"number\",\"value\":9,\"batch\":false},\"organizations\":[\"oslo\"]," DATA
#define SCHEDULED \
    JOB ",\"enabled\":true,\"schedule\":{\"start\":\"2036-03-04T05:06:08Z\",\"recurrence\":\"daily\"," \
        "\"end\":{\"type\":\"occurrences\",\"occurrences\":3}}}"
#define GROUP \
    "{\"displayName\":\"G\",\"description\":\"d\",\"filter\":\"SELECT * FROM devices\",\"organizations\":[\"oslo\"]}"
#define KEYS "{\"type\":\"symmetricKey\",\"symmetricKey\":{\"primaryKey\":\"" FIXTURE_GROUP_KEY "\"}}"
#define ENROLMENT \
    "{\"displayName\":\"E\",\"enabled\":true,\"type\":\"iot\",\"organizations\":[\"oslo\"],\"attestation\":" KEYS \
    "}"
#define DASHBOARD \
    "{\"displayName\":\"D\",\"favorite\":true,\"personal\":false,\"organizations\":[\"oslo\"],\"tiles\":[" \
    "{\"displayName\":\"T\",\"x\":0,\"y\":1,\"width\":2,\"height\":2,\"configuration\":{\"type\":\"lineChart\"," \
    "\"group\":\"all\",\"devices\":[\"pump-1\"],\"capabilities\":[{\"capability\":\"flow\"}]," \
    "\"queryRange\":{\"type\":\"time\",\"duration\":\"PT1H\"},\"format\":{\"legendEnabled\":true}}}]}"
#define SAVED \
    "{\"displayName\":\"S\",\"description\":\"d\",\"query\":\"SELECT AVG(flow) FROM " PUMP \
    "\",\"organizations\":[\"oslo\"]}"
#define VIEW \
    "{\"displayName\":\"V\",\"kind\":\"dashboard\",\"order\":2,\"tiles\":[{\"displayName\":\"T\",\"x\":0,\"y\":1," \
    "\"width\":2,\"height\":2,\"configuration\":{\"type\":\"lineChart\",\"capabilities\":[{\"capability\":\"flow\"}]," \
    "\"queryRange\":{\"type\":\"time\",\"duration\":\"PT1H\"},\"format\":{\"legendEnabled\":true}}}]}"
#define FILES \
    "{\"account\":\"acct1\",\"connectionString\":\"DefaultEndpointsProtocol=https;AccountName=acct1;AccountKey=" FIXTURE_GROUP_KEY \
    ";EndpointSuffix=core.windows.net\",\"container\":\"uploads\",\"sasTtl\":\"PT2H\"}"
#define DEVICE \
    "{\"displayName\":\"P\",\"template\":\"" PUMP "\",\"enabled\":true,\"simulated\":false," \
    "\"organizations\":[\"oslo\"]}"
#define RUN "{\"request\":10,\"connectionTimeout\":0,\"responseTimeout\":30}"
#define VIEWS "/api/deviceTemplates/" PUMP "/views"
#define P1 "/api/devices/pump-1"
#define GHOST "/api/devices/ghost"

enum { NO_INPUT = 1 };

struct operation {
    const char *method, *pattern;
    const char *target, *body; /* a good request; %C, %P: a certificate of an authority, a proof of possession */
    const char *shows;         /* words of its answer, "": it is empty */
    const char *wrong;         /* a target that is refused, the body being good; NULL: see `refused` */
    int refused;               /* with this status. NO_INPUT: what is asked has nothing that could be wrong */
    int status;                /* of the good one, where it is not that of the table of routes */
};

/* In the order of rest_routes.c. */
/* clang-format off */
static const struct operation OPERATIONS[] = {
    {"GET", "/api/devices", "/api/devices", NULL, "\"id\":\"pump-1\"", NULL, 0, 0},
    {"GET", "/api/devices/{}", P1, NULL, "\"template\":\"" PUMP "\"", GHOST, 404, 0},
    {"PUT", "/api/devices/{}", "/api/devices/new", DEVICE, "\"organizations\":[\"oslo\"]", "/api/devices/no no", 400, 0},
    {"PATCH", "/api/devices/{}", P1, DEVICE, "\"displayName\":\"P\"", GHOST, 404, 0},
    {"DELETE", "/api/devices/{}", P1, NULL, "", GHOST, 404, 0},
    {"GET", "/api/devices/{}/credentials", P1 "/credentials", NULL, "\"idScope\":\"0ne0000ABCD\"", GHOST "/credentials", 404, 0},
    {"GET", "/api/devices/{}/attestation", "/api/devices/own/attestation", NULL, FIXTURE_GROUP_KEY, P1 "/attestation", 404, 0},
    {"PUT", "/api/devices/{}/attestation", P1 "/attestation", KEYS, FIXTURE_GROUP_KEY, GHOST "/attestation", 404, 0},
    {"PATCH", "/api/devices/{}/attestation", "/api/devices/own/attestation", KEYS, FIXTURE_GROUP_KEY, P1 "/attestation", 404, 0},
    {"DELETE", "/api/devices/{}/attestation", "/api/devices/own/attestation", NULL, "", P1 "/attestation", 404, 0},
    {"GET", "/api/devices/{}/components", P1 "/components", NULL, "\"name\":\"motor\"", GHOST "/components", 404, 0},

    {"GET", "/api/devices/{}/relationships", P1 "/relationships", NULL, "\"id\":\"r1\"", GHOST "/relationships", 404, 0},
    {"GET", "/api/devices/{}/relationships/{}", P1 "/relationships/r1", NULL, "\"target\":\"own\"", P1 "/relationships/r0", 404, 0},
    {"PUT", "/api/devices/{}/relationships/{}", P1 "/relationships/r2", "{\"source\":\"pump-1\",\"target\":\"pump-2\"}", "\"target\":\"pump-2\"", P1 "/relationships/r 2", 400, 0},
    {"PATCH", "/api/devices/{}/relationships/{}", P1 "/relationships/r1", "{\"source\":\"pump-1\",\"target\":\"pump-2\"}", "\"target\":\"pump-2\"", P1 "/relationships/r0", 404, 0},
    {"DELETE", "/api/devices/{}/relationships/{}", P1 "/relationships/r1", NULL, "", P1 "/relationships/r0", 404, 0},

    {"GET", "/api/devices/{}/properties", P1 "/properties", NULL, "\"setpoint\":3", GHOST "/properties", 404, 0},
    {"PUT", "/api/devices/{}/properties", P1 "/properties", "{\"setpoint\":4}", "\"desiredValue\":4", GHOST "/properties", 404, 0},
    {"PATCH", "/api/devices/{}/properties", P1 "/properties", "{\"setpoint\":4}", "\"desiredValue\":4", GHOST "/properties", 404, 0},
    {"GET", "/api/devices/{}/components/{}/properties", P1 "/components/motor/properties", NULL, "\"setpoint\":7", P1 "/components/wheel/properties", 404, 0},
    {"PUT", "/api/devices/{}/components/{}/properties", P1 "/components/motor/properties", "{\"setpoint\":4}", "\"desiredValue\":4", P1 "/components/wheel/properties", 404, 0},
    {"PATCH", "/api/devices/{}/components/{}/properties", P1 "/components/motor/properties", "{\"setpoint\":4}", "\"desiredValue\":4", P1 "/components/wheel/properties", 404, 0},

    {"GET", "/api/devices/{}/commands/{}", P1 "/commands/purge", NULL, "\"value\":[", GHOST "/commands/purge", 404, 0},
    {"POST", "/api/devices/{}/commands/{}", P1 "/commands/purge", RUN, "\"responseCode\":200", P1 "/commands/fly", 404, 0},
    {"GET", "/api/devices/{}/components/{}/commands/{}", P1 "/components/motor/commands/purge", NULL, "\"value\":[", GHOST "/components/motor/commands/purge", 404, 0},
    {"POST", "/api/devices/{}/components/{}/commands/{}", P1 "/components/motor/commands/purge", RUN, "\"responseCode\":200", P1 "/components/wheel/commands/purge", 404, 0},

    {"GET", "/api/devices/{}/telemetry/{}", P1 "/telemetry/flow", NULL, "\"value\":1.5", P1 "/telemetry/steam", 404, 0},
    {"GET", "/api/devices/{}/telemetry/{}/history", P1 "/telemetry/flow/history", NULL, "\"last\":1.5", P1 "/telemetry/flow/history?buckets=0", 400, 0},
    {"GET", "/api/devices/{}/components/{}/telemetry/{}/history", P1 "/components/motor/telemetry/flow/history", NULL, "\"last\":2.5", P1 "/components/motor/telemetry/flow/history?from=now", 400, 0},
    {"GET", "/api/devices/{}/components/{}/telemetry/{}", P1 "/components/motor/telemetry/flow", NULL, "\"value\":2.5", P1 "/components/wheel/telemetry/flow", 404, 0},

    {"GET", "/api/deviceGroups", "/api/deviceGroups", NULL, "\"id\":\"all\"", NULL, 0, 0},
    {"GET", "/api/deviceGroups/{}", "/api/deviceGroups/all", NULL, "\"filter\":\"SELECT", "/api/deviceGroups/none", 404, 0},
    {"PUT", "/api/deviceGroups/{}", "/api/deviceGroups/g_1", GROUP, "\"description\":\"d\"", "/api/deviceGroups/g.1", 400, 0},
    {"PATCH", "/api/deviceGroups/{}", "/api/deviceGroups/all", GROUP, "\"displayName\":\"G\"", "/api/deviceGroups/none", 404, 0},
    {"DELETE", "/api/deviceGroups/{}", "/api/deviceGroups/all", NULL, "", "/api/deviceGroups/none", 404, 0},
    {"GET", "/api/deviceGroups/{}/devices", "/api/deviceGroups/all/devices", NULL, "\"id\":\"pump-1\"", "/api/deviceGroups/none/devices", 404, 0},

    {"GET", "/api/jobs", "/api/jobs", NULL, "\"id\":\"ended\"", NULL, 0, 0},
    {"GET", "/api/jobs/{}", "/api/jobs/ended", NULL, "\"failed\":1", "/api/jobs/none", 404, 0},
    {"PUT", "/api/jobs/{}", "/api/jobs/new", JOB "}", "\"status\":\"pending\"", "/api/jobs/n.w", 400, 0},
    {"GET", "/api/jobs/{}/devices", "/api/jobs/ended/devices", NULL, "\"status\":\"failed\"", "/api/jobs/none/devices", 404, 0},
    {"POST", "/api/jobs/{}/stop", "/api/jobs/waiting/stop", NULL, "", "/api/jobs/ended/stop", 409, 0},
    {"POST", "/api/jobs/{}/resume", "/api/jobs/stopped/resume", NULL, "", "/api/jobs/ended/resume", 409, 0},
    {"PUT", "/api/jobs/{}/rerun/{}", "/api/jobs/ended/rerun/again", NULL, "\"id\":\"again\"", "/api/jobs/ended/rerun/a.gain", 400, 0},
    {"GET", "/api/scheduledJobs", "/api/scheduledJobs", NULL, "\"id\":\"daily\"", NULL, 0, 0},
    {"GET", "/api/scheduledJobs/{}", "/api/scheduledJobs/daily", NULL, "\"completed\":false", "/api/scheduledJobs/none", 404, 0},
    {"PUT", "/api/scheduledJobs/{}", "/api/scheduledJobs/new", SCHEDULED, "\"occurrences\":3", "/api/scheduledJobs/n.w", 400, 0},
    {"PATCH", "/api/scheduledJobs/{}", "/api/scheduledJobs/daily", SCHEDULED, "\"occurrences\":3", "/api/scheduledJobs/none", 404, 0},
    {"DELETE", "/api/scheduledJobs/{}", "/api/scheduledJobs/daily", NULL, "", "/api/scheduledJobs/none", 404, 0},
    {"GET", "/api/scheduledJobs/{}/jobs", "/api/scheduledJobs/daily/jobs", NULL, "\"value\":[]", "/api/scheduledJobs/none/jobs", 404, 0},

    {"POST", "/api/query", "/api/query", "{\"query\":\"SELECT flow FROM " PUMP "\"}", "\"flow\":1.5", NULL, 0, 0},
    {"GET", "/api/queries", "/api/queries", NULL, "\"id\":\"flow\"", NULL, 0, 0},
    {"GET", "/api/queries/{}", "/api/queries/flow", NULL, "SELECT AVG(flow)", "/api/queries/none", 404, 0},
    {"PUT", "/api/queries/{}", "/api/queries/new", SAVED, "SELECT AVG(flow)", "/api/queries/n.w", 400, 0},
    {"PATCH", "/api/queries/{}", "/api/queries/flow", SAVED, "SELECT AVG(flow)", "/api/queries/none", 404, 0},
    {"DELETE", "/api/queries/{}", "/api/queries/flow", NULL, "", "/api/queries/none", 404, 0},

    {"GET", "/api/events", "/api/events", NULL, "\"type\":\"connected\"", "/api/events?kind=weather", 400, 0},
    {"GET", "/api/events/stream", "/api/events/stream", NULL, "", "/api/events/stream?kind=weather", 400, 0},

    {"GET", "/api/deviceTemplates", "/api/deviceTemplates", NULL, "\"@id\":\"" PUMP "\"", NULL, 0, 0},
    {"GET", "/api/deviceTemplates/{}", "/api/deviceTemplates/" PUMP, NULL, "\"name\":\"motor\"", "/api/deviceTemplates/dtmi:acme:none;1", 404, 0},
    {"PUT", "/api/deviceTemplates/{}", "/api/deviceTemplates/dtmi:acme:new;1", FORM("dtmi:acme:new;1", "dtmi:acme:n;1", COMMON), "\"name\":\"flow\"", "/api/deviceTemplates/new", 400, 0},
    {"PATCH", "/api/deviceTemplates/{}", "/api/deviceTemplates/" PUMP, "{\"displayName\":\"Q\"}", "\"displayName\":\"Q\"", "/api/deviceTemplates/dtmi:acme:none;1", 404, 0},
    {"DELETE", "/api/deviceTemplates/{}", "/api/deviceTemplates/dtmi:acme:idle;1", NULL, "", "/api/deviceTemplates/" PUMP, 409, 0},
    {"GET", "/api/deviceTemplates/{}/views", VIEWS, NULL, "\"id\":\"flows\"", "/api/deviceTemplates/dtmi:acme:none;1/views", 404, 0},
    {"GET", "/api/deviceTemplates/{}/views/{}", VIEWS "/flows", NULL, "\"lineChart\"", VIEWS "/none", 404, 0},
    {"PUT", "/api/deviceTemplates/{}/views/{}", VIEWS "/new", VIEW, "\"order\":2", VIEWS "/n w", 400, 0},
    {"PATCH", "/api/deviceTemplates/{}/views/{}", VIEWS "/flows", VIEW, "\"order\":2", VIEWS "/none", 404, 0},
    {"DELETE", "/api/deviceTemplates/{}/views/{}", VIEWS "/flows", NULL, "", VIEWS "/none", 404, 0},

    {"GET", "/api/enrollmentGroups", "/api/enrollmentGroups", NULL, "\"id\":\"line\"", NULL, 0, 0},
    {"GET", "/api/enrollmentGroups/{}", "/api/enrollmentGroups/keys", NULL, FIXTURE_GROUP_KEY, "/api/enrollmentGroups/none", 404, 0},
    {"PUT", "/api/enrollmentGroups/{}", "/api/enrollmentGroups/new", ENROLMENT, "\"displayName\":\"E\"", "/api/enrollmentGroups/n_w", 400, 0},
    {"PATCH", "/api/enrollmentGroups/{}", "/api/enrollmentGroups/keys", ENROLMENT, "\"displayName\":\"E\"", "/api/enrollmentGroups/none", 404, 0},
    {"DELETE", "/api/enrollmentGroups/{}", "/api/enrollmentGroups/keys", NULL, "", "/api/enrollmentGroups/none", 404, 0},
#define LINE "/api/enrollmentGroups/line/certificates/"
    {"GET", "/api/enrollmentGroups/{}/certificates/{}", LINE "primary", NULL, "\"verified\":false", LINE "secondary", 404, 0},
    {"PUT", "/api/enrollmentGroups/{}/certificates/{}", LINE "secondary", "{\"certificate\":\"%C\"}", "\"sha1Thumbprint\":", LINE "third", 404, 0},
    {"DELETE", "/api/enrollmentGroups/{}/certificates/{}", LINE "primary", NULL, "", LINE "secondary", 404, 0},
    {"POST", "/api/enrollmentGroups/{}/certificates/{}/generateVerificationCode", LINE "primary/generateVerificationCode", NULL, "\"verificationCode\":", LINE "secondary/generateVerificationCode", 404, 0},
    {"POST", "/api/enrollmentGroups/{}/certificates/{}/verify", LINE "primary/verify", "{\"certificate\":\"%P\"}", "", LINE "secondary/verify", 404, 0},

#define M1 P1 "/modules/m"
    {"GET", "/api/devices/{}/modules", P1 "/modules", NULL, "\"value\":[]", GHOST "/modules", 404, 0},
    {"GET", "/api/devices/{}/modules/{}/commands/{}", M1 "/commands/c", NULL, "no module m", GHOST "/modules/m/commands/c", 404, 404},
    {"POST", "/api/devices/{}/modules/{}/commands/{}", M1 "/commands/c", RUN, "no module m", GHOST "/modules/m/commands/c", 404, 404},
    {"GET", "/api/devices/{}/modules/{}/properties", M1 "/properties", NULL, "no module m", GHOST "/modules/m/properties", 404, 404},
    {"PUT", "/api/devices/{}/modules/{}/properties", M1 "/properties", "{}", "no module m", GHOST "/modules/m/properties", 404, 404},
    {"PATCH", "/api/devices/{}/modules/{}/properties", M1 "/properties", "{}", "no module m", GHOST "/modules/m/properties", 404, 404},
    {"GET", "/api/devices/{}/modules/{}/telemetry/{}", M1 "/telemetry/t", NULL, "no module m", GHOST "/modules/m/telemetry/t", 404, 404},
    {"GET", "/api/devices/{}/modules/{}/components/{}/commands/{}", M1 "/components/c/commands/c", NULL, "no module m", GHOST "/modules/m/components/c/commands/c", 404, 404},
    {"POST", "/api/devices/{}/modules/{}/components/{}/commands/{}", M1 "/components/c/commands/c", RUN, "no module m", GHOST "/modules/m/components/c/commands/c", 404, 404},
    {"GET", "/api/devices/{}/modules/{}/components/{}/properties", M1 "/components/c/properties", NULL, "no module m", GHOST "/modules/m/components/c/properties", 404, 404},
    {"PUT", "/api/devices/{}/modules/{}/components/{}/properties", M1 "/components/c/properties", "{}", "no module m", GHOST "/modules/m/components/c/properties", 404, 404},
    {"PATCH", "/api/devices/{}/modules/{}/components/{}/properties", M1 "/components/c/properties", "{}", "no module m", GHOST "/modules/m/components/c/properties", 404, 404},
    {"GET", "/api/devices/{}/modules/{}/components/{}/telemetry/{}", M1 "/components/c/telemetry/t", NULL, "no module m", GHOST "/modules/m/components/c/telemetry/t", 404, 404},
    {"GET", "/api/devices/{}/modules/{}/components", M1 "/components", NULL, "no module m", GHOST "/modules/m/components", 404, 404},

    {"GET", "/api/dashboards", "/api/dashboards", NULL, "\"id\":\"dtmi:acme:d;1\"", NULL, 0, 0},
    {"GET", "/api/dashboards/{}", "/api/dashboards/dtmi:acme:d;1", NULL, "\"lineChart\"", "/api/dashboards/none", 404, 0},
    {"PUT", "/api/dashboards/{}", "/api/dashboards/dtmi:acme:new", DASHBOARD, "\"favorite\":true", "/api/dashboards/n-w", 400, 0},
    {"PATCH", "/api/dashboards/{}", "/api/dashboards/dtmi:acme:d;1", DASHBOARD, "\"favorite\":true", "/api/dashboards/none", 404, 0},
    {"DELETE", "/api/dashboards/{}", "/api/dashboards/dtmi:acme:d;1", NULL, "", "/api/dashboards/none", 404, 0},

    {"GET", "/api/connectionInfo", "/api/connectionInfo", NULL, "\"idScope\":\"0ne0000ABCD\"", NULL, NO_INPUT, 0},
    {"GET", "/api/me", "/api/me", NULL, "\"rights\":[", NULL, NO_INPUT, 0},
    {"GET", "/api/apiTokens", "/api/apiTokens", NULL, "\"id\":\"ci\"", NULL, 0, 0},
    {"GET", "/api/apiTokens/{}", "/api/apiTokens/ci", NULL, "\"expiry\":", "/api/apiTokens/none", 404, 0},
    {"PUT", "/api/apiTokens/{}", "/api/apiTokens/new", "{" ROLES ",\"expiry\":\"2027-01-01T00:00:00Z\"}", "\"token\":\"SharedAccessSignature sr=", "/api/apiTokens/n.w", 400, 0},
    {"DELETE", "/api/apiTokens/{}", "/api/apiTokens/ci", NULL, "", "/api/apiTokens/none", 404, 0},
    {"GET", "/api/users", "/api/users", NULL, "\"id\":\"ann\"", NULL, 0, 0},
    {"GET", "/api/users/{}", "/api/users/ann", NULL, "\"email\":\"a@example.com\"", "/api/users/none", 404, 0},
    {"PUT", "/api/users/{}", "/api/users/new", USER, "\"email\":\"a@example.com\"", "/api/users/n.w", 400, 0},
    {"PATCH", "/api/users/{}", "/api/users/ann", USER, "\"email\":\"a@example.com\"", "/api/users/none", 404, 0},
    {"DELETE", "/api/users/{}", "/api/users/ann", NULL, "", "/api/users/none", 404, 0},
    {"GET", "/api/roles", "/api/roles", NULL, "\"id\":\"" OPERATOR "\"", NULL, 0, 0},
    {"GET", "/api/roles/{}", "/api/roles/viewer", NULL, "\"device.read\"", "/api/roles/none", 404, 0},
    {"PUT", "/api/roles/{}", "/api/roles/new", "{\"displayName\":\"N\",\"rights\":[\"device.read\"]}", "\"displayName\":\"N\"", "/api/roles/n.w", 400, 0},
    {"PATCH", "/api/roles/{}", "/api/roles/viewer", "{\"displayName\":\"N\",\"rights\":[\"device.read\"]}", "\"displayName\":\"N\"", "/api/roles/none", 404, 0},
    {"DELETE", "/api/roles/{}", "/api/roles/viewer", NULL, "", "/api/roles/" OPERATOR, 409, 0},
    {"GET", "/api/organizations", "/api/organizations", NULL, "\"id\":\"oslo\"", NULL, 0, 0},
    {"GET", "/api/organizations/{}", "/api/organizations/oslo", NULL, "\"displayName\":\"Oslo\"", "/api/organizations/none", 404, 0},
    {"PUT", "/api/organizations/{}", "/api/organizations/new", "{\"displayName\":\"N\",\"parent\":\"oslo\"}", "\"parent\":\"oslo\"", "/api/organizations/New", 400, 0},
    {"PATCH", "/api/organizations/{}", "/api/organizations/empty", "{\"displayName\":\"N\",\"parent\":\"oslo\"}", "\"parent\":\"oslo\"", "/api/organizations/none", 404, 0},
    {"DELETE", "/api/organizations/{}", "/api/organizations/empty", NULL, "", "/api/organizations/oslo", 409, 0},

    {"GET", "/openapi.json", "/openapi.json", NULL, "\"openapi\":\"3.1", NULL, NO_INPUT, 0},

    {"GET", "/api/fileUploads", "/api/fileUploads", NULL, "\"container\":\"uploads\"", NULL, NO_INPUT, 0},
    {"PUT", "/api/fileUploads", "/api/fileUploads", FILES, "\"sasTtl\":\"PT2H\"", NULL, 0, 0},
    {"PATCH", "/api/fileUploads", "/api/fileUploads", FILES, "\"sasTtl\":\"PT2H\"", NULL, 0, 0},
    {"DELETE", "/api/fileUploads", "/api/fileUploads", NULL, "", NULL, NO_INPUT, 0},
    {"GET", "/api/devices/{}/files", P1 "/files", NULL, "\"value\":[]", GHOST "/files", 404, 0},

    {"GET", "/control/devices/{}", "/control/devices/pump-1", NULL, "\"connected\":true", "/control/devices/ghost", 404, 0},
    {"GET", "/control/devices/{}/messages", "/control/devices/pump-1/messages", NULL, "\\\"flow\\\":1.5", "/control/devices/ghost/messages", 404, 0},
    {"DELETE", "/control/devices/{}/messages", "/control/devices/pump-1/messages", NULL, "", "/control/devices/ghost/messages", 404, 0},
    {"POST", "/control/devices/{}/disconnect", "/control/devices/pump-1/disconnect", NULL, "\"dropped\":true", "/control/devices/ghost/disconnect", 404, 0},
    {"POST", "/control/devices/{}/c2d", "/control/devices/pump-1/c2d", "{\"body\":1,\"properties\":{\"a\":\"b\"}}", "{}", "/control/devices/ghost/c2d", 404, 0},
    {"GET", "/control/events", "/control/events", NULL, "\"kind\":", NULL, NO_INPUT, 0},
    {"GET", "/control/rates", "/control/rates", NULL, "{", NULL, NO_INPUT, 0},
    {"DELETE", "/control/rates", "/control/rates", NULL, "", NULL, NO_INPUT, 0},
    {"GET", "/control/uploads", "/control/uploads", NULL, "[]", NULL, NO_INPUT, 0},
    {"GET", "/control/faults", "/control/faults", NULL, "{", NULL, NO_INPUT, 0},
    {"PUT", "/control/faults", "/control/faults", "{\"dpsPolls\":1}", "\"dpsPolls\":", NULL, 0, 0},
};
/* clang-format on */
#define COUNT (sizeof OPERATIONS / sizeof OPERATIONS[0])

/* --- what there is --- */

static struct test_ca *authority, *spare;
static char proof[6000], certificate[6000];

static void ask_well(struct fixture *f, const char *method, const char *target, const char *body)
{
    fixture_ask(f, method, target, body);
    if (f->status < 200 || f->status > 299)
        fail_msg("%s %s: %d %s", method, target, f->status, f->text);
}

/* The base64 within PEM. */
static void strip(const char *pem, char *out)
{
    const char *at = strchr(pem, '\n'), *end = strstr(pem, "\n-----END");
    for (; at < end; at++)
        if (*at != '\n')
            *out++ = *at;
    *out = '\0';
}

static void furnish_authority(struct fixture *f)
{
    char body[6200];
    struct test_cert proof_pem;
    ask_well(f, "PUT", "/api/enrollmentGroups/line", "{\"attestation\":{\"type\":\"x509\"}}");
    strip(test_ca_pem(authority), certificate);
    snprintf(body, sizeof body, "{\"certificate\":\"%s\"}", certificate);
    ask_well(f, "PUT", LINE "primary", body);
    ask_well(f, "POST", LINE "primary/generateVerificationCode", "");
    test_ca_issue(authority, &(struct test_cert_options){.common_name = fixture_text(f, "verificationCode")},
                  &proof_pem);
    strip(proof_pem.cert_pem, proof);
    strip(test_ca_pem(spare), certificate);
}

static void furnish_devices(struct fixture *f)
{
    ask_well(f, "PUT", "/api/deviceTemplates/" PUMP, PUMP_FORM);
    ask_well(f, "PUT", VIEWS "/flows", VIEW);
    ask_well(f, "PUT", "/api/deviceTemplates/dtmi:acme:idle;1", FORM("dtmi:acme:idle;1", "dtmi:acme:i;1", COMMON));
    ask_well(f, "PUT", "/api/deviceTemplates/dtmi:acme:other;1",
             FORM("dtmi:acme:other;1", "dtmi:acme:o;1", COMMON));
    fixture_connect(f, "pump-1");
    fixture_publish(f, "devices/pump-1/messages/events/", "{\"flow\":1.5}", 1);
    fixture_publish(f, "devices/pump-1/messages/events/%24.sub=motor", "{\"flow\":2.5}", 1);
    fixture_publish(f, "$iothub/twin/PATCH/properties/reported/?$rid=1",
                    "{\"setpoint\":3,\"motor\":{\"__t\":\"c\",\"setpoint\":7}}", 1);
    (void)fixture_take(f);
    ask_well(f, "PUT", "/api/devices/pump-2", "{\"template\":\"dtmi:acme:other;1\"}");
    ask_well(f, "PUT", "/api/devices/own", "{}");
    ask_well(f, "PUT", "/api/devices/own/attestation", KEYS);
    ask_well(f, "PUT", P1 "/relationships/r1", "{\"target\":\"own\"}");
}

static void furnish(struct fixture *f)
{
    ask_well(f, "PUT", "/api/organizations/oslo", "{\"displayName\":\"Oslo\"}");
    ask_well(f, "PUT", "/api/organizations/empty", "{\"displayName\":\"Empty\"}");
    ask_well(f, "PUT", "/api/roles/viewer", "{\"displayName\":\"Viewer\",\"rights\":[\"device.read\"]}");
    ask_well(f, "PUT", "/api/users/ann", USER);
    ask_well(f, "PUT", "/api/apiTokens/ci", "{" ROLES "}");
    ask_well(f, "PUT", "/api/enrollmentGroups/keys", ENROLMENT);
    ask_well(f, "PUT", "/api/fileUploads", FILES);
    ask_well(f, "PUT", "/api/dashboards/dtmi:acme:d;1", DASHBOARD);
    ask_well(f, "PUT", "/api/queries/flow", SAVED);
    furnish_devices(f);
    furnish_authority(f);
    ask_well(f, "PUT", "/api/deviceGroups/all",
             "{\"displayName\":\"All\",\"filter\":\"SELECT * FROM devices\",\"organizations\":[\"oslo\"]}");
    ask_well(f, "PUT", "/api/deviceGroups/every", "{\"displayName\":\"E\",\"filter\":\"SELECT * FROM devices\"}");
    ask_well(f, "PUT", "/api/jobs/ended", "{\"group\":\"every\"," DATA "}");
    for (int i = 0; i < 8; i++)
        bench_advance(&f->bench, 1);
    while (fixture_take(f) != 0) /* what the job did */
        ;
    ask_well(f, "PUT", "/api/jobs/stopped", "{\"group\":\"every\"," DATA "}");
    ask_well(f, "POST", "/api/jobs/stopped/stop", "");
    ask_well(f, "PUT", "/api/jobs/waiting", "{\"group\":\"every\"," DATA "}");
    ask_well(f, "PUT", "/api/scheduledJobs/daily", SCHEDULED);
    ask_well(f, "PUT", "/api/deviceGroups/all",
             "{\"displayName\":\"All\",\"filter\":\"SELECT * FROM devices\",\"organizations\":[]}");
}

static int make_authorities(void **state)
{
    (void)state;
    authority = test_ca_create("Line");
    spare = test_ca_create("Spare");
    return 0;
}

static int forget_authorities(void **state)
{
    (void)state;
    test_ca_destroy(authority);
    test_ca_destroy(spare);
    return 0;
}

/* --- asking --- */

static int failures; /* all are shown before the test fails */

static const struct rest_route *route_of(const struct operation *op)
{
    const struct rest_route *route;
    for (size_t i = 0; (route = rest_route_at(i)) != NULL; i++)
        if (strcmp(route->method, op->method) == 0 && strcmp(route->pattern, op->pattern) == 0)
            return route;
    return NULL;
}

/* A stream is taken, and given back at once. */
static void ask(struct fixture *f, const char *method, const char *target, const char *body)
{
    char path[600];
    const size_t len = strcspn(target, "?");
    struct core_stream *stream = NULL;
    snprintf(path, sizeof path, "%.*s", (int)len, target);
    const struct core_request request = {.method = method,
                                         .path = path,
                                         .query = target[len] == '?' ? target + len + 1 : "",
                                         .trusted = true,
                                         .base = "https://localhost:1",
                                         .stream = &stream,
                                         .body = spoke_str_of(body)};
    f->status = 0;
    f->ticket = core_request(f->bench.core, &request, fixture_done, f);
    for (int i = 0; i < 20 && f->status == 0 && fixture_take(f) == 0; i++)
        bench_advance(&f->bench, 1);
    core_stream_close(stream);
}

/* The body of an operation as text on the heap, with its certificates in it. "" when it has none. */
static char *body_of(const struct operation *op)
{
    char *text = calloc(1, 20000);
    const char *at = op->body != NULL ? op->body : "";
    for (size_t len = 0; *at != '\0'; len = strlen(text)) {
        const bool hole = at[0] == '%' && (at[1] == 'C' || at[1] == 'P');
        snprintf(text + len, 20000 - len, "%.*s", hole ? 6000 : 1,
                 !hole          ? at
                 : at[1] == 'C' ? certificate
                                : proof);
        at += hole ? 2 : 1;
    }
    return text;
}

static void expect_refusal(struct fixture *f, const struct operation *op, const char *target, const char *body,
                           int least, int most)
{
    ask(f, op->method, target, body);
    if (f->status == 0)
        core_request_cancel(f->bench.core, f->ticket);
    if (f->status >= least && f->status <= most && f->code[0] != '\0')
        return;
    failures++;
    print_error("%s %s %.300s: expected a refusal, got %d %.300s\n", op->method, target, body, f->status, f->text);
}

static void answer_command(struct fixture *f)
{
    char topic[200];
    const char *rid = strstr(f->topic, "$rid=");
    assert_non_null(rid);
    snprintf(topic, sizeof topic, "$iothub/methods/res/200/?%s", rid);
    fixture_publish(f, topic, "{}", 0);
}

/* --- the forms of the OpenAPI document --- */

static const cJSON *form_of(const cJSON *forms, const cJSON *schema)
{
    const char *reference = cJSON_GetStringValue(cJSON_GetObjectItem(schema, "$ref"));
    return reference != NULL ? cJSON_GetObjectItemCaseSensitive(forms, strrchr(reference, '/') + 1) : schema;
}

static bool is_type(const cJSON *schema, const char *type)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(schema, "type"));
    return text != NULL && strcmp(text, type) == 0;
}

static bool is_required(const cJSON *form, const char *name)
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(form, "required")) if (strcmp(item->valuestring, name) ==
                                                                        0) return true;
    return false;
}

typedef void (*visit_fn)(void *ctx, cJSON *object, const cJSON *form);

/* Visits an object and those in it that have a form, which are a few levels deep. */
static void walk(const cJSON *forms, cJSON *object, const cJSON *form, visit_fn visit, void *ctx)
{
    const cJSON *member = NULL;
    visit(ctx, object, form);
    cJSON_ArrayForEach(member, cJSON_GetObjectItem(form, "properties"))
    {
        const cJSON *inner = form_of(forms, member);
        cJSON *below = cJSON_GetObjectItemCaseSensitive(object, member->string), *item = NULL;
        if (cJSON_IsObject(below) && cJSON_GetObjectItem(inner, "properties") != NULL)
            walk(forms, below, inner, visit, ctx);
        const cJSON *items = form_of(forms, cJSON_GetObjectItem(inner, "items"));
        cJSON *list = cJSON_GetObjectItem(items, "properties") != NULL ? below : NULL;
        cJSON_ArrayForEach(item, list)
        {
            walk(forms, item, items, visit, ctx);
        }
    }
}

static bool has_type(const cJSON *item, const cJSON *form)
{
    const struct {
        const char *type;
        bool fits;
    } types[] = {{"string", cJSON_IsString(item)}, {"integer", cJSON_IsNumber(item)},
                 {"number", cJSON_IsNumber(item)}, {"boolean", cJSON_IsBool(item)},
                 {"object", cJSON_IsObject(item)}, {"array", cJSON_IsArray(item)}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (is_type(form, types[i].type))
            return types[i].fits;
    return true;
}

struct answer {
    const struct operation *op;
    const cJSON *forms;
    bool open; /* further members are the device's */
};

static void check_answer(void *ctx, cJSON *object, const cJSON *form)
{
    const struct answer *a = ctx;
    const cJSON *members = cJSON_GetObjectItem(form, "properties"), *item = NULL;
    cJSON_ArrayForEach(item, object)
    {
        const cJSON *member = cJSON_GetObjectItemCaseSensitive(members, item->string);
        if ((member == NULL && !a->open) || (member != NULL && !has_type(item, form_of(a->forms, member)))) {
            failures++;
            print_error("%s %s answers \"%s\", which is not as its form says\n", a->op->method, a->op->pattern,
                        item->string);
        }
    }
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(form, "required"))
    {
        if (cJSON_GetObjectItemCaseSensitive(object, item->valuestring) == NULL) {
            failures++;
            print_error("%s %s answers without \"%s\"\n", a->op->method, a->op->pattern, item->valuestring);
        }
    }
}

static void the_answer_has_its_form(const struct operation *op, const struct rest_route *route, cJSON *answer)
{
    cJSON *forms = rest_schemas_json(), *schema = rest_schema_reference(route->gives);
    const cJSON *form = form_of(forms, schema);
    struct answer a = {op, forms, strcmp(route->gives, "Properties") == 0};
    if (cJSON_GetObjectItem(form, "properties") != NULL)
        walk(forms, answer, form, check_answer, &a);
    cJSON_Delete(schema);
    cJSON_Delete(forms);
}

/* --- bodies that are bad --- */

struct bad {
    struct fixture *f;
    const struct operation *op;
    const cJSON *forms; /* rest_schemas_json */
    cJSON *body;        /* good, but for what is tried at the moment */
    bool strict;        /* it has the form and nothing else: not so a template, which is DTDL of several forms */
};

static void refuse_now(struct bad *b, int most)
{
    char *text = cJSON_PrintUnformatted(b->body);
    expect_refusal(b->f, b->op, b->op->target, text, 400, most);
    cJSON_free(text);
}

/* NULL: it takes any. */
static cJSON *of_another_type(const cJSON *form)
{
    if (is_type(form, "string"))
        return cJSON_CreateNumber(7);
    return cJSON_GetObjectItem(form, "type") != NULL ? cJSON_CreateString("7") : NULL;
}

/* What is there, and much behind it. */
static cJSON *too_long(const cJSON *good)
{
    static char text[120001];
    memset(text, '1', sizeof text - 1);
    if (cJSON_IsString(good))
        memcpy(text, good->valuestring, strlen(good->valuestring));
    return cJSON_CreateString(text);
}

/* Takes the value. */
static void refuse_with(struct bad *b, cJSON *object, const char *name, cJSON *value, int most)
{
    cJSON *good = cJSON_DetachItemFromObjectCaseSensitive(object, name);
    if (value != NULL)
        cJSON_AddItemToObject(object, name, value);
    refuse_now(b, most);
    cJSON_DeleteItemFromObjectCaseSensitive(object, name);
    if (good != NULL)
        cJSON_AddItemToObject(object, name, good);
}

static void refuse_each_member(void *ctx, cJSON *object, const cJSON *form)
{
    struct bad *b = ctx;
    const cJSON *member = NULL;
    const bool merges = strcmp(b->op->method, "PATCH") == 0;
    cJSON_ArrayForEach(member, cJSON_GetObjectItem(form, "properties"))
    {
        const cJSON *inner = form_of(b->forms, member);
        cJSON *other = of_another_type(inner);
        if (cJSON_IsTrue(cJSON_GetObjectItem(member, "readOnly"))) {
            cJSON_Delete(other);
            continue;
        }
        if (other != NULL)
            refuse_with(b, object, member->string, other, 400);
        if (is_type(inner, "string"))
            refuse_with(b, object, member->string,
                        too_long(cJSON_GetObjectItemCaseSensitive(object, member->string)), 499);
        if (is_required(form, member->string) && b->strict)
            refuse_with(b, object, member->string, merges ? cJSON_CreateNull() : NULL, 400);
    }
    if (b->strict)
        refuse_with(b, object, "surplus", cJSON_CreateNumber(1), 422);
}

static void every_bad_body_is_refused(struct fixture *f, const struct operation *op,
                                      const struct rest_route *route)
{
    static const char *const NO_OBJECTS[] = {"{", "7", "\"x\"", "[{}]", "{\"a\":1}}"};
    cJSON *forms = rest_schemas_json();
    char *text = body_of(op);
    struct bad b = {
        .f = f, .op = op, .forms = forms, .body = cJSON_Parse(text), .strict = route->body != REST_BODY_TEXT};
    assert_non_null(b.body);
    for (size_t i = 0; i < sizeof NO_OBJECTS / sizeof NO_OBJECTS[0]; i++)
        expect_refusal(f, op, op->target, NO_OBJECTS[i], 400, 400);
    walk(forms, b.body, cJSON_GetObjectItemCaseSensitive(forms, route->takes), refuse_each_member, &b);
    cJSON_Delete(b.body);
    cJSON_Delete(forms);
    free(text);
}

/* --- and other bad input --- */

static void every_bad_page_is_refused(struct fixture *f, const struct operation *op)
{
    static const char *const BAD[] = {"$top=0",          "$top=many",     "maxpagesize=1001",
                                      "$top=1&$top=2",   "expand=x",      "$filter=a eq",
                                      "$orderby=colour", "filter=a+eq+1", "orderby=id+up"};
    char target[300];
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        snprintf(target, sizeof target, "%s?%s", op->target, BAD[i]);
        expect_refusal(f, op, target, "", 400, 400);
    }
}

static void an_unknown_version_is_refused(struct fixture *f, const struct operation *op, const char *body)
{
    char target[300];
    snprintf(target, sizeof target, "%s?api-version=2019-07-01", op->target);
    expect_refusal(f, op, target, body, 400, 400);
    assert_refused(f, 400, "InvalidRequest", "api-version");
}

/* --- the claims --- */

static void every_operation_is_thought_of(void **state)
{
    const struct rest_route *route;
    size_t count = 0;
    (void)state;
    for (; (route = rest_route_at(count)) != NULL; count++) {
        if (count >= COUNT || strcmp(OPERATIONS[count].method, route->method) != 0 ||
            strcmp(OPERATIONS[count].pattern, route->pattern) != 0)
            fail_msg("%s %s: say in OPERATIONS what a good request is, and what is refused", route->method,
                     route->pattern);
        const struct operation *op = &OPERATIONS[count];
        if (op->wrong == NULL && op->refused != NO_INPUT && op->body == NULL &&
            (route->query & REST_QUERY_PAGE) == 0)
            fail_msg("%s %s: has no request that is refused", route->method, route->pattern);
        if ((op->body == NULL) != (route->body == REST_BODY_NONE))
            fail_msg("%s %s: a body where there is none, or none where there is one", route->method,
                     route->pattern);
    }
    assert_int_equal(count, COUNT);
}

static void try_operation(const struct operation *op)
{
    const struct rest_route *route = route_of(op);
    struct fixture *f = fixture_create(true);
    furnish(f);
    char *body = body_of(op);
    if (op->wrong != NULL)
        expect_refusal(f, op, op->wrong, body, op->refused, op->refused);
    if (strncmp(op->target, "/api/", 5) == 0)
        an_unknown_version_is_refused(f, op, body);
    if ((route->query & REST_QUERY_PAGE) != 0 && op->status == 0)
        every_bad_page_is_refused(f, op);
    if (op->body != NULL && op->status == 0)
        every_bad_body_is_refused(f, op, route);
    ask(f, op->method, op->target, body);
    if (f->status == 0)
        answer_command(f);
    const int status = op->status != 0 ? op->status : route->status;
    if (f->status != status || strstr(f->text, op->shows) == NULL ||
        (op->shows[0] == '\0' && f->text[0] != '\0')) {
        failures++;
        print_error("%s %s: expected %d and %s\ngot %d %.900s\n", op->method, op->target, status, op->shows,
                    f->status, f->text);
    }
    if (f->status == route->status && route->gives != NULL && f->json != NULL)
        the_answer_has_its_form(op, route, f->json);
    free(body);
    fixture_destroy(f);
}

static void every_operation_does_its_work_and_refuses_bad_input(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        try_operation(&OPERATIONS[i]);
    assert_int_equal(failures, 0);
}

static const struct operation *reader_of(const struct operation *op)
{
    for (size_t i = 0; i < COUNT; i++)
        if (strcmp(OPERATIONS[i].method, "GET") == 0 && strcmp(OPERATIONS[i].pattern, op->pattern) == 0)
            return &OPERATIONS[i];
    return NULL;
}

/* Where it is not taken: what is run or issued is not replaced, and $metadata is nobody's to write. */
static int status_of_writing_back(const struct operation *op)
{
    if (strcmp(op->pattern, "/api/jobs/{}") == 0 || strcmp(op->pattern, "/api/apiTokens/{}") == 0)
        return 409;
    return strstr(op->pattern, "/properties") != NULL ? 400 : route_of(op)->status;
}

static void what_was_read_can_be_written_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        const struct operation *op = &OPERATIONS[i], *reader = reader_of(op);
        if (strcmp(op->method, "PUT") != 0 || op->status != 0 || reader == NULL)
            continue;
        struct fixture *f = fixture_create(true);
        furnish(f);
        ask_well(f, "GET", reader->target, "");
        char *text = strdup(f->text);
        ask(f, "PUT", reader->target, text);
        if (f->status != status_of_writing_back(op))
            fail_msg("PUT %s %s: %d %s", reader->target, text, f->status, f->text);
        free(text);
        fixture_destroy(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_is_thought_of),
        cmocka_unit_test(every_operation_does_its_work_and_refuses_bad_input),
        cmocka_unit_test(what_was_read_can_be_written_back),
    };
    return cmocka_run_group_tests(tests, make_authorities, forget_authorities);
}
