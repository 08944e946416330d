/* Every route of the service, an array for each area. The members of a line, in order: method, path, right, body,
 * handler, query parameters, status of success, schema of the body, schema of the answer, summary. */
#include "rest_routes.h"

#define DEVICE "/api/devices/{}"
#define COMPONENT DEVICE "/components/{}"
#define GROUP "/api/enrollmentGroups/{}"
#define AUTHORITY GROUP "/certificates/{}"
#define TEMPLATE "/api/deviceTemplates/{}"
#define TEMPLATE_VIEW TEMPLATE "/views/{}"
#define TOKEN "/api/apiTokens/{}"
#define USER "/api/users/{}"
#define ROLE "/api/roles/{}"
#define ORGANIZATION "/api/organizations/{}"
#define DASHBOARD "/api/dashboards/{}"
#define MODULE DEVICE "/modules/{}"
#define TESTED "/control/devices/{}"

#define NONE REST_BODY_NONE
#define OBJECT REST_BODY_OBJECT
#define OPTIONAL REST_BODY_OPTIONAL
#define TEXT REST_BODY_TEXT
#define PAGE REST_QUERY_PAGE
#define FILTER REST_QUERY_FILTER
#define LIVE REST_QUERY_EVENTS
#define PAST (REST_QUERY_EVENTS | REST_QUERY_PAST | REST_QUERY_TIME)
#define HISTORY (REST_QUERY_TIME | REST_QUERY_BUCKETS)

/* A line each, so that two can be added without meeting. */
/* clang-format off */
static const struct rest_route DEVICES[] = {
    {"GET", "/api/devices", RIGHT_DEVICE_READ, NONE, rest_devices_list, PAGE | FILTER, 200, NULL, "[Device]", "List devices"},
    {"GET", DEVICE, RIGHT_DEVICE_READ, NONE, rest_device_get, 0, 200, NULL, "Device", "Get a device"},
    {"PUT", DEVICE, RIGHT_DEVICE_WRITE, OBJECT, rest_device_put, 0, 200, "Device", "Device", "Create or replace a device"},
    {"PATCH", DEVICE, RIGHT_DEVICE_WRITE, OBJECT, rest_device_patch, 0, 200, "Device", "Device", "Change a device"},
    {"DELETE", DEVICE, RIGHT_DEVICE_WRITE, NONE, rest_device_delete, 0, 204, NULL, NULL, "Delete a device with all that it sent"},
    {"GET", DEVICE "/credentials", RIGHT_DEVICE_WRITE, NONE, rest_credentials_get, 0, 200, NULL, "Credentials", "Get what a device needs to enrol"},
    {"GET", DEVICE "/attestation", RIGHT_DEVICE_WRITE, NONE, rest_attestation_get, 0, 200, NULL, "Attestation", "Get the individual enrolment of a device"},
    {"PUT", DEVICE "/attestation", RIGHT_DEVICE_WRITE, OBJECT, rest_attestation_put, 0, 200, "Attestation", "Attestation", "Create or replace the individual enrolment of a device"},
    {"PATCH", DEVICE "/attestation", RIGHT_DEVICE_WRITE, OBJECT, rest_attestation_patch, 0, 200, "Attestation", "Attestation", "Change the individual enrolment of a device"},
    {"DELETE", DEVICE "/attestation", RIGHT_DEVICE_WRITE, NONE, rest_attestation_delete, 0, 204, NULL, NULL, "Delete the individual enrolment of a device"},
    {"GET", DEVICE "/components", RIGHT_DEVICE_READ, NONE, rest_components_list, PAGE, 200, NULL, "[Component]", "List the components of a device"},
};

#define RELATIONSHIP DEVICE "/relationships/{}"
static const struct rest_route RELATIONSHIPS[] = {
    {"GET", DEVICE "/relationships", RIGHT_DEVICE_READ, NONE, rest_relationships_list, PAGE, 200, NULL, "[Relationship]", "List the relationships of a device: its gateway and what is behind it"},
    {"GET", RELATIONSHIP, RIGHT_DEVICE_READ, NONE, rest_relationship_get, 0, 200, NULL, "Relationship", "Get a relationship"},
    {"PUT", RELATIONSHIP, RIGHT_DEVICE_WRITE, OBJECT, rest_relationship_put, 0, 200, "Relationship", "Relationship", "Create or replace a relationship"},
    {"PATCH", RELATIONSHIP, RIGHT_DEVICE_WRITE, OBJECT, rest_relationship_patch, 0, 200, "Relationship", "Relationship", "Change a relationship"},
    {"DELETE", RELATIONSHIP, RIGHT_DEVICE_WRITE, NONE, rest_relationship_delete, 0, 204, NULL, NULL, "Delete a relationship"},
};

static const struct rest_route PROPERTIES[] = {
    {"GET", DEVICE "/properties", RIGHT_DEVICE_READ, NONE, rest_properties_get, 0, 200, NULL, "Properties", "Get the properties of a device"},
    {"PUT", DEVICE "/properties", RIGHT_DEVICE_WRITE, OBJECT, rest_properties_put, 0, 202, "Properties", "Properties", "Replace the writable properties of a device"},
    {"PATCH", DEVICE "/properties", RIGHT_DEVICE_WRITE, OBJECT, rest_properties_patch, 0, 202, "Properties", "Properties", "Change writable properties of a device"},
    {"GET", COMPONENT "/properties", RIGHT_DEVICE_READ, NONE, rest_component_properties_get, 0, 200, NULL, "Properties", "Get the properties of a component"},
    {"PUT", COMPONENT "/properties", RIGHT_DEVICE_WRITE, OBJECT, rest_component_properties_put, 0, 202, "Properties", "Properties", "Replace the writable properties of a component"},
    {"PATCH", COMPONENT "/properties", RIGHT_DEVICE_WRITE, OBJECT, rest_component_properties_patch, 0, 202, "Properties", "Properties", "Change writable properties of a component"},
};

static const struct rest_route COMMANDS[] = {
    {"GET", DEVICE "/commands/{}", RIGHT_DEVICE_READ, NONE, rest_command_history, PAGE, 200, NULL, "[Command]", "List the runs of a command"},
    {"POST", DEVICE "/commands/{}", RIGHT_COMMAND, OPTIONAL, rest_command_post, 0, 201, "Command", "Command", "Run a command"},
    {"GET", COMPONENT "/commands/{}", RIGHT_DEVICE_READ, NONE, rest_component_command_history, PAGE, 200, NULL, "[Command]", "List the runs of a command of a component"},
    {"POST", COMPONENT "/commands/{}", RIGHT_COMMAND, OPTIONAL, rest_component_command_post, 0, 201, "Command", "Command", "Run a command of a component"},
};

static const struct rest_route TELEMETRY[] = {
    {"GET", DEVICE "/telemetry/{}", RIGHT_DEVICE_READ, NONE, rest_telemetry_get, 0, 200, NULL, "Telemetry", "Get the newest value of a telemetry name"},
    {"GET", DEVICE "/telemetry/{}/history", RIGHT_DEVICE_READ, NONE, rest_history_get, HISTORY, 200, NULL, "History", "Get what a telemetry name was over a time"},
    {"GET", COMPONENT "/telemetry/{}/history", RIGHT_DEVICE_READ, NONE, rest_component_history_get, HISTORY, 200, NULL, "History", "Get what a telemetry name of a component was over a time"},
    {"GET", COMPONENT "/telemetry/{}", RIGHT_DEVICE_READ, NONE, rest_component_telemetry_get, 0, 200, NULL, "Telemetry", "Get the newest value of a telemetry name of a component"},
};

#define DEVICE_GROUP "/api/deviceGroups/{}"
static const struct rest_route DEVICE_GROUPS[] = {
    {"GET", "/api/deviceGroups", RIGHT_GROUP_READ, NONE, rest_device_groups_list, PAGE, 200, NULL, "[DeviceGroup]", "List device groups"},
    {"GET", DEVICE_GROUP, RIGHT_GROUP_READ, NONE, rest_device_group_get, 0, 200, NULL, "DeviceGroup", "Get a device group"},
    {"PUT", DEVICE_GROUP, RIGHT_GROUP_WRITE, OBJECT, rest_device_group_put, 0, 200, "DeviceGroup", "DeviceGroup", "Create or replace a device group"},
    {"PATCH", DEVICE_GROUP, RIGHT_GROUP_WRITE, OBJECT, rest_device_group_patch, 0, 200, "DeviceGroup", "DeviceGroup", "Change a device group"},
    {"DELETE", DEVICE_GROUP, RIGHT_GROUP_WRITE, NONE, rest_device_group_delete, 0, 204, NULL, NULL, "Delete a device group"},
    {"GET", DEVICE_GROUP "/devices", RIGHT_GROUP_READ, NONE, rest_device_group_devices, PAGE, 200, NULL, "[Device]", "List the devices of a device group"},
};

#define JOB "/api/jobs/{}"
#define SCHEDULED_JOB "/api/scheduledJobs/{}"
static const struct rest_route JOBS[] = {
    {"GET", "/api/jobs", RIGHT_JOB_READ, NONE, rest_jobs_list, PAGE, 200, NULL, "[Job]", "List jobs"},
    {"GET", JOB, RIGHT_JOB_READ, NONE, rest_job_get, 0, 200, NULL, "Job", "Get a job and how far it is"},
    {"PUT", JOB, RIGHT_JOB_WRITE, OBJECT, rest_job_put, 0, 200, "Job", "Job", "Create a job, and run it"},
    {"GET", JOB "/devices", RIGHT_JOB_READ, NONE, rest_job_devices, PAGE, 200, NULL, "[JobDevice]", "List the devices of a job"},
    {"POST", JOB "/stop", RIGHT_JOB_WRITE, NONE, rest_job_stop, 0, 204, NULL, NULL, "Stop a job"},
    {"POST", JOB "/resume", RIGHT_JOB_WRITE, NONE, rest_job_resume, 0, 204, NULL, NULL, "Let a stopped job go on"},
    {"PUT", JOB "/rerun/{}", RIGHT_JOB_WRITE, NONE, rest_job_rerun, 0, 200, NULL, "Job", "Run a job again for the devices that failed"},
    {"GET", "/api/scheduledJobs", RIGHT_JOB_READ, NONE, rest_scheduled_jobs_list, PAGE, 200, NULL, "[ScheduledJob]", "List scheduled jobs"},
    {"GET", SCHEDULED_JOB, RIGHT_JOB_READ, NONE, rest_scheduled_job_get, 0, 200, NULL, "ScheduledJob", "Get a scheduled job"},
    {"PUT", SCHEDULED_JOB, RIGHT_JOB_WRITE, OBJECT, rest_scheduled_job_put, 0, 200, "ScheduledJob", "ScheduledJob", "Create or replace a scheduled job"},
    {"PATCH", SCHEDULED_JOB, RIGHT_JOB_WRITE, OBJECT, rest_scheduled_job_patch, 0, 200, "ScheduledJob", "ScheduledJob", "Change a scheduled job"},
    {"DELETE", SCHEDULED_JOB, RIGHT_JOB_WRITE, NONE, rest_scheduled_job_delete, 0, 204, NULL, NULL, "Delete a scheduled job"},
    {"GET", SCHEDULED_JOB "/jobs", RIGHT_JOB_READ, NONE, rest_scheduled_job_jobs, PAGE, 200, NULL, "[Job]", "List the jobs that a scheduled job made"},
};

#define QUERY "/api/queries/{}"
static const struct rest_route QUERIES[] = {
    {"POST", "/api/query", RIGHT_QUERY, OBJECT, rest_ql_post, 0, 200, "Query", "QueryResult", "Query the telemetry or the properties of the devices of a template"},
    {"GET", "/api/queries", RIGHT_QUERY, NONE, rest_saved_queries_list, PAGE, 200, NULL, "[SavedQuery]", "List saved queries"},
    {"GET", QUERY, RIGHT_QUERY, NONE, rest_saved_query_get, 0, 200, NULL, "SavedQuery", "Get a saved query"},
    {"PUT", QUERY, RIGHT_DASHBOARD_WRITE, OBJECT, rest_saved_query_put, 0, 200, "SavedQuery", "SavedQuery", "Create or replace a saved query"},
    {"PATCH", QUERY, RIGHT_DASHBOARD_WRITE, OBJECT, rest_saved_query_patch, 0, 200, "SavedQuery", "SavedQuery", "Change a saved query"},
    {"DELETE", QUERY, RIGHT_DASHBOARD_WRITE, NONE, rest_saved_query_delete, 0, 204, NULL, NULL, "Delete a saved query"},
};

static const struct rest_route EVENTS[] = {
    {"GET", "/api/events", RIGHT_DEVICE_READ, NONE, rest_events_list, PAGE | PAST, 200, NULL, "[Event]", "List events, the newest first"},
    {"GET", "/api/events/stream", RIGHT_DEVICE_READ, NONE, rest_events_stream, LIVE, 200, NULL, "EventStream", "Follow events live"},
};

static const struct rest_route TEMPLATES[] = {
    {"GET", "/api/deviceTemplates", RIGHT_TEMPLATE_READ, NONE, rest_templates_list, PAGE | FILTER, 200, NULL, "[DeviceTemplate]", "List device templates"},
    {"GET", TEMPLATE, RIGHT_TEMPLATE_READ, NONE, rest_template_get, 0, 200, NULL, "DeviceTemplate", "Get a device template"},
    {"PUT", TEMPLATE, RIGHT_TEMPLATE_WRITE, TEXT, rest_template_put, 0, 200, "DeviceTemplate", "DeviceTemplate", "Create or replace a device template, and publish it"},
    {"PATCH", TEMPLATE, RIGHT_TEMPLATE_WRITE, TEXT, rest_template_patch, 0, 200, "DeviceTemplate", "DeviceTemplate", "Change a device template"},
    {"DELETE", TEMPLATE, RIGHT_TEMPLATE_WRITE, NONE, rest_template_delete, 0, 204, NULL, NULL, "Delete a device template that no device has"},
    {"GET", TEMPLATE "/views", RIGHT_TEMPLATE_READ, NONE, rest_views_list, PAGE, 200, NULL, "[View]", "List the views of a device template"},
    {"GET", TEMPLATE_VIEW, RIGHT_TEMPLATE_READ, NONE, rest_view_get, 0, 200, NULL, "View", "Get a view of a device template"},
    {"PUT", TEMPLATE_VIEW, RIGHT_TEMPLATE_WRITE, OBJECT, rest_view_put, 0, 200, "View", "View", "Create or replace a view of a device template"},
    {"PATCH", TEMPLATE_VIEW, RIGHT_TEMPLATE_WRITE, OBJECT, rest_view_patch, 0, 200, "View", "View", "Change a view of a device template"},
    {"DELETE", TEMPLATE_VIEW, RIGHT_TEMPLATE_WRITE, NONE, rest_view_delete, 0, 204, NULL, NULL, "Delete a view of a device template"},
};

static const struct rest_route ENROLMENT[] = {
    {"GET", "/api/enrollmentGroups", RIGHT_ENROLMENT_READ, NONE, rest_groups_list, PAGE, 200, NULL, "[EnrollmentGroup]", "List enrollment groups"},
    {"GET", GROUP, RIGHT_ENROLMENT_READ, NONE, rest_group_get, 0, 200, NULL, "EnrollmentGroup", "Get an enrollment group"},
    {"PUT", GROUP, RIGHT_ENROLMENT_WRITE, OBJECT, rest_group_put, 0, 200, "EnrollmentGroup", "EnrollmentGroup", "Create or replace an enrollment group"},
    {"PATCH", GROUP, RIGHT_ENROLMENT_WRITE, OBJECT, rest_group_patch, 0, 200, "EnrollmentGroup", "EnrollmentGroup", "Change an enrollment group"},
    {"DELETE", GROUP, RIGHT_ENROLMENT_WRITE, NONE, rest_group_delete, 0, 204, NULL, NULL, "Delete an enrollment group"},
    {"GET", AUTHORITY, RIGHT_ENROLMENT_READ, NONE, rest_group_certificate_get, 0, 200, NULL, "SigningCertificate", "Get a certificate authority of an enrollment group"},
    {"PUT", AUTHORITY, RIGHT_ENROLMENT_WRITE, OBJECT, rest_group_certificate_put, 0, 200, "SigningCertificate", "SigningCertificate", "Upload a certificate authority, which then has to be verified"},
    {"DELETE", AUTHORITY, RIGHT_ENROLMENT_WRITE, NONE, rest_group_certificate_delete, 0, 204, NULL, NULL, "Delete a certificate authority of an enrollment group"},
    {"POST", AUTHORITY "/generateVerificationCode", RIGHT_ENROLMENT_WRITE, NONE, rest_group_certificate_code, 0, 200, NULL, "VerificationCode", "Make the code that a proof of possession has to bear"},
    {"POST", AUTHORITY "/verify", RIGHT_ENROLMENT_WRITE, OBJECT, rest_group_certificate_verify, 0, 204, "ProofOfPossession", NULL, "Verify a certificate authority by a certificate that it signed"},
};

static const struct rest_route MODULES[] = {
    {"GET", DEVICE "/modules", RIGHT_DEVICE_READ, NONE, rest_modules_list, PAGE, 200, NULL, "[Module]", "List the modules of a device"},
    {"GET", MODULE "/commands/{}", RIGHT_DEVICE_READ, NONE, rest_module_none, PAGE, 200, NULL, "[Command]", "List the runs of a command of a module"},
    {"POST", MODULE "/commands/{}", RIGHT_COMMAND, OPTIONAL, rest_module_none, 0, 201, "Command", "Command", "Run a command of a module"},
    {"GET", MODULE "/properties", RIGHT_DEVICE_READ, NONE, rest_module_none, 0, 200, NULL, "Properties", "Get the properties of a module"},
    {"PUT", MODULE "/properties", RIGHT_DEVICE_WRITE, OBJECT, rest_module_none, 0, 202, "Properties", "Properties", "Replace the writable properties of a module"},
    {"PATCH", MODULE "/properties", RIGHT_DEVICE_WRITE, OBJECT, rest_module_none, 0, 202, "Properties", "Properties", "Change writable properties of a module"},
    {"GET", MODULE "/telemetry/{}", RIGHT_DEVICE_READ, NONE, rest_module_none, 0, 200, NULL, "Telemetry", "Get the newest value of a telemetry name of a module"},
    {"GET", MODULE "/components/{}/commands/{}", RIGHT_DEVICE_READ, NONE, rest_module_none, PAGE, 200, NULL, "[Command]", "List the runs of a command of a component of a module"},
    {"POST", MODULE "/components/{}/commands/{}", RIGHT_COMMAND, OPTIONAL, rest_module_none, 0, 201, "Command", "Command", "Run a command of a component of a module"},
    {"GET", MODULE "/components/{}/properties", RIGHT_DEVICE_READ, NONE, rest_module_none, 0, 200, NULL, "Properties", "Get the properties of a component of a module"},
    {"PUT", MODULE "/components/{}/properties", RIGHT_DEVICE_WRITE, OBJECT, rest_module_none, 0, 202, "Properties", "Properties", "Replace the writable properties of a component of a module"},
    {"PATCH", MODULE "/components/{}/properties", RIGHT_DEVICE_WRITE, OBJECT, rest_module_none, 0, 202, "Properties", "Properties", "Change writable properties of a component of a module"},
    {"GET", MODULE "/components/{}/telemetry/{}", RIGHT_DEVICE_READ, NONE, rest_module_none, 0, 200, NULL, "Telemetry", "Get the newest value of a telemetry name of a component of a module"},
    {"GET", MODULE "/components", RIGHT_DEVICE_READ, NONE, rest_module_none, PAGE, 200, NULL, "[Component]", "List the components of a module"},
};

static const struct rest_route DASHBOARDS[] = {
    {"GET", "/api/dashboards", RIGHT_DASHBOARD_READ, NONE, rest_dashboards_list, PAGE, 200, NULL, "[Dashboard]", "List dashboards"},
    {"GET", DASHBOARD, RIGHT_DASHBOARD_READ, NONE, rest_dashboard_get, 0, 200, NULL, "Dashboard", "Get a dashboard"},
    {"PUT", DASHBOARD, RIGHT_DASHBOARD_WRITE, OBJECT, rest_dashboard_put, 0, 200, "Dashboard", "Dashboard", "Create or replace a dashboard"},
    {"PATCH", DASHBOARD, RIGHT_DASHBOARD_WRITE, OBJECT, rest_dashboard_patch, 0, 200, "Dashboard", "Dashboard", "Change a dashboard"},
    {"DELETE", DASHBOARD, RIGHT_DASHBOARD_WRITE, NONE, rest_dashboard_delete, 0, 204, NULL, NULL, "Delete a dashboard"},
};

static const struct rest_route PEOPLE[] = {
    {"GET", "/api/connectionInfo", RIGHT_DEVICE_READ, NONE, rest_connection_info_get, 0, 200, NULL, "ConnectionInfo", "Get where devices connect"},
    {"GET", "/api/me", RIGHT_SIGNED_IN, NONE, rest_me_get, 0, 200, NULL, "Me", "Get who the caller is, and what it may do"},
    {"GET", "/api/apiTokens", RIGHT_PEOPLE_READ, NONE, rest_tokens_list, PAGE, 200, NULL, "[ApiToken]", "List API tokens"},
    {"GET", TOKEN, RIGHT_PEOPLE_READ, NONE, rest_token_get, 0, 200, NULL, "ApiToken", "Get an API token, without the token itself"},
    {"PUT", TOKEN, RIGHT_PEOPLE_WRITE, OBJECT, rest_token_put, 0, 200, "ApiToken", "ApiToken", "Create an API token, which only this answer shows"},
    {"DELETE", TOKEN, RIGHT_PEOPLE_WRITE, NONE, rest_token_delete, 0, 204, NULL, NULL, "Revoke an API token"},
    {"GET", "/api/users", RIGHT_PEOPLE_READ, NONE, rest_users_list, PAGE, 200, NULL, "[User]", "List users"},
    {"GET", USER, RIGHT_PEOPLE_READ, NONE, rest_user_get, 0, 200, NULL, "User", "Get a user"},
    {"PUT", USER, RIGHT_PEOPLE_WRITE, OBJECT, rest_user_put, 0, 200, "User", "User", "Create or replace a user"},
    {"PATCH", USER, RIGHT_PEOPLE_WRITE, OBJECT, rest_user_patch, 0, 200, "User", "User", "Change a user"},
    {"DELETE", USER, RIGHT_PEOPLE_WRITE, NONE, rest_user_delete, 0, 204, NULL, NULL, "Delete a user"},
    {"GET", "/api/roles", RIGHT_PEOPLE_READ, NONE, rest_roles_list, PAGE, 200, NULL, "[Role]", "List roles"},
    {"GET", ROLE, RIGHT_PEOPLE_READ, NONE, rest_role_get, 0, 200, NULL, "Role", "Get a role"},
    {"PUT", ROLE, RIGHT_PEOPLE_WRITE, OBJECT, rest_role_put, 0, 200, "Role", "Role", "Create or replace a custom role"},
    {"PATCH", ROLE, RIGHT_PEOPLE_WRITE, OBJECT, rest_role_patch, 0, 200, "Role", "Role", "Change a custom role"},
    {"DELETE", ROLE, RIGHT_PEOPLE_WRITE, NONE, rest_role_delete, 0, 204, NULL, NULL, "Delete a custom role that nobody has"},
    {"GET", "/api/organizations", RIGHT_PEOPLE_READ, NONE, rest_organizations_list, PAGE, 200, NULL, "[Organization]", "List organizations"},
    {"GET", ORGANIZATION, RIGHT_PEOPLE_READ, NONE, rest_organization_get, 0, 200, NULL, "Organization", "Get an organization"},
    {"PUT", ORGANIZATION, RIGHT_PEOPLE_WRITE, OBJECT, rest_organization_put, 0, 200, "Organization", "Organization", "Create or replace an organization"},
    {"PATCH", ORGANIZATION, RIGHT_PEOPLE_WRITE, OBJECT, rest_organization_patch, 0, 200, "Organization", "Organization", "Change an organization"},
    {"DELETE", ORGANIZATION, RIGHT_PEOPLE_WRITE, NONE, rest_organization_delete, 0, 204, NULL, NULL, "Delete an organization that nothing belongs to"},
};

static const struct rest_route DOCUMENT[] = {
    {"GET", "/openapi.json", RIGHT_SIGNED_IN, NONE, rest_openapi_get, 0, 200, NULL, "Any", "Get this document"},
};

static const struct rest_route FILES[] = {
    {"GET", "/api/fileUploads", RIGHT_FILE_READ, NONE, rest_uploads_get, 0, 200, NULL, "FileUpload", "Get where uploaded files go"},
    {"PUT", "/api/fileUploads", RIGHT_FILE_WRITE, OBJECT, rest_uploads_put, 0, 200, "FileUpload", "FileUpload", "Set where uploaded files go"},
    {"PATCH", "/api/fileUploads", RIGHT_FILE_WRITE, OBJECT, rest_uploads_patch, 0, 200, "FileUpload", "FileUpload", "Change where uploaded files go"},
    {"DELETE", "/api/fileUploads", RIGHT_FILE_WRITE, NONE, rest_uploads_delete, 0, 204, NULL, NULL, "Stop taking files"},
    {"GET", DEVICE "/files", RIGHT_DEVICE_READ, NONE, rest_device_files, PAGE, 200, NULL, "[File]", "List the uploads of a device, newest first"},
};

static const struct rest_route CONTROL[] = {
    {"GET", TESTED, RIGHT_CONTROL, NONE, control_device_get, 0, 200, NULL, "Any", "Get what the service knows of a device"},
    {"GET", TESTED "/messages", RIGHT_CONTROL, NONE, control_messages_get, 0, 200, NULL, "Any", "List what a device sent"},
    {"DELETE", TESTED "/messages", RIGHT_CONTROL, NONE, control_messages_delete, 0, 204, NULL, NULL, "Forget what a device sent"},
    {"POST", TESTED "/disconnect", RIGHT_CONTROL, NONE, control_disconnect, 0, 200, NULL, "Any", "Drop the connection of a device"},
    {"POST", TESTED "/c2d", RIGHT_CONTROL, OBJECT, control_c2d, 0, 202, "Message", "Any", "Queue a cloud-to-device message"},
    {"GET", "/control/events", RIGHT_CONTROL, NONE, control_events_get, 0, 200, NULL, "Any", "List what happened to connections"},
    {"GET", "/control/rates", RIGHT_CONTROL, NONE, control_rates_get, 0, 200, NULL, "Any", "Get how many devices connected when"},
    {"DELETE", "/control/rates", RIGHT_CONTROL, NONE, control_rates_delete, 0, 204, NULL, NULL, "Count connections anew"},
    {"GET", "/control/uploads", RIGHT_CONTROL, NONE, control_uploads_get, 0, 200, NULL, "Any", "List uploads"},
    {"GET", "/control/faults", RIGHT_CONTROL, NONE, control_faults_get, 0, 200, NULL, "Any", "Get the armed faults"},
    {"PUT", "/control/faults", RIGHT_CONTROL, OBJECT, control_faults_put, 0, 200, "Any", "Any", "Replace the armed faults"},
};

#define AREA(title, routes) {title, routes, sizeof (routes) / sizeof (routes)[0]}
static const struct {
    const char *title;
    const struct rest_route *routes;
    size_t count;
} AREAS[] = {
    AREA("Devices", DEVICES),
    AREA("Relationships", RELATIONSHIPS),
    AREA("Properties", PROPERTIES),
    AREA("Commands", COMMANDS),
    AREA("Telemetry", TELEMETRY),
    AREA("Device groups", DEVICE_GROUPS),
    AREA("Jobs", JOBS),
    AREA("Query", QUERIES),
    AREA("Events", EVENTS),
    AREA("Device templates", TEMPLATES),
    AREA("Enrollment groups", ENROLMENT),
    AREA("Modules", MODULES),
    AREA("Dashboards", DASHBOARDS),
    AREA("People", PEOPLE),
    AREA("Document", DOCUMENT),
    AREA("File upload", FILES),
    AREA("Control", CONTROL),
};
/* clang-format on */

static bool locate(size_t index, size_t *area, size_t *place)
{
    for (*area = 0; *area < sizeof AREAS / sizeof AREAS[0]; ++*area) {
        if (index < AREAS[*area].count) {
            *place = index;
            return true;
        }
        index -= AREAS[*area].count;
    }
    return false;
}

const struct rest_route *rest_route_at(size_t index)
{
    size_t area, place;
    return locate(index, &area, &place) ? &AREAS[area].routes[place] : NULL;
}

const char *rest_route_area(size_t index)
{
    size_t area, place;
    return locate(index, &area, &place) ? AREAS[area].title : NULL;
}
