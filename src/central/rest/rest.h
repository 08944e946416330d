/* What the REST handlers share: a call, its reply, the members of a body, pages of a list.
 * A handler sets call->reply and returns; one that answers later sets call->later and keeps what it needs. */
#ifndef SPOKE_SRC_CENTRAL_REST_H
#define SPOKE_SRC_CENTRAL_REST_H

#include <cJSON.h>

#include "central/core/core.h"
#include "central/core/template.h"

#define REST_ARGS 4u

/* What a caller may do. A route names the one that it needs; without one nobody gets through. Two of them are not
 * given by roles: RIGHT_SIGNED_IN is everybody's who has a good token, RIGHT_CONTROL comes with --control. */
enum rest_right {
    RIGHT_UNSET, /* a route that names none is closed */
    RIGHT_SIGNED_IN,
    RIGHT_CONTROL,
    RIGHT_DEVICE_READ,
    RIGHT_DEVICE_WRITE,
    RIGHT_COMMAND,
    RIGHT_TEMPLATE_READ,
    RIGHT_TEMPLATE_WRITE,
    RIGHT_GROUP_READ, /* device groups */
    RIGHT_GROUP_WRITE,
    RIGHT_JOB_READ,
    RIGHT_JOB_WRITE,
    RIGHT_QUERY,
    RIGHT_DASHBOARD_READ,
    RIGHT_DASHBOARD_WRITE,
    RIGHT_ENROLMENT_READ,
    RIGHT_ENROLMENT_WRITE,
    RIGHT_PEOPLE_READ, /* tokens, users, roles, organizations */
    RIGHT_PEOPLE_WRITE,
    RIGHT_FILE_READ,
    RIGHT_FILE_WRITE,
    RIGHT_COUNT
};

struct rest_reply {
    int status;
    cJSON *body;            /* owned; NULL: empty */
    const char *code;       /* x-ms-error-code: the reply is an error; static */
    uint32_t retry_after_s; /* of a 429; 0: 1 */
    const char *allow;      /* 405: methods, static or living as long as the call */
    char message[512];
    char *text;    /* owned; an error's message that is longer than that, or NULL */
    cJSON *issues; /* owned; an error's "issues", or NULL */
    char *secret;  /* owned, wiped when the reply is out; a token that is shown once, or NULL */
};

struct rest_route;
struct rest_caller; /* rest_caller.c */

struct rest_call {
    struct core *core;
    const struct core_request *request;
    const struct rest_route *route;
    const struct rest_caller
        *caller;                 /* until the handler returns; NULL: in-process, who may do and sees everything */
    const char *args[REST_ARGS]; /* the path's {} in order */
    cJSON *body;                 /* an object, or NULL: the method takes none, or reads the text itself */
    struct rest_reply reply;
    core_done_fn done;
    void *user;
    bool created; /* the handler made something new; for the audit */
    bool later;
    uint64_t ticket; /* when `later` */
    size_t looked;   /* rows that what is shown was counted from */
};

typedef void (*rest_handler)(struct rest_call *call);

/* --- replies --- */

/* Takes the tree. */
void rest_ok(struct rest_reply *reply, int status, cJSON *body);
#if defined(__GNUC__)
__attribute__((format(printf, 4, 5)))
#endif
void rest_fail(struct rest_reply *reply, int status, const char *code, const char *format, ...);
/* The store or the core refused for a reason of its own. */
void rest_fail_internal(struct rest_reply *reply, spoke_status status);
/* Prints, calls done, frees the reply's tree. */
void rest_send(struct core *c, struct rest_reply *reply, core_done_fn done, void *user);
/* False, with a 404 as the reply, when the device does not exist. Release the row with store_device_free. */
bool rest_device(struct rest_call *call, struct store_device *out);
bool rest_device_exists(struct rest_call *call);
/* A device as the API shows it. */
cJSON *rest_device_json(const struct core *c, const struct store_device *row);
/* The table of the device's template; NULL: it has none. False, with a 404, when the device does not exist. */
bool rest_device_template(struct rest_call *call, const struct template_table **out);
/* "flag" and "reason" of a value that does not fit the template; nothing when it does. */
void rest_add_fit(cJSON *object, enum template_fit fit, const char *why);

/* --- the caller (rest_caller.c) --- */

/* Has the caller this right, for any organization? */
bool rest_may(const struct rest_call *call, enum rest_right right);
/* Has the caller this right wherever it has the one that the route names? For what acts in the caller's place later. */
bool rest_may_as_well(const struct rest_call *call, enum rest_right right);
/* Does the right that the route names reach something of these organizations (JSON array of ids, NULL: none)?
 * Answer 404 when not, as if it were not there. A list leaves such things out. */
bool rest_sees(const struct rest_call *call, const char *organizations);
/* What that right reaches, for who looks on after the handler has returned: the ids of organizations in a new array.
 * NULL: everything, or no memory (*failed). */
cJSON *rest_reach(const struct rest_call *call, bool *failed);
/* rest_sees, by a reach that was kept. NULL: everything. */
bool rest_reach_has(const cJSON *reach, const char *organizations);
/* Does it reach all of them? */
bool rest_sees_all(const struct rest_call *call, const char *organizations);
/* Has the caller all these rights (bits 1 << right) for the organization; NULL: for the whole application? */
bool rest_covers(const struct rest_call *call, uint64_t rights, const char *organization);
/* The same for each of the organizations (JSON array of ids; NULL or empty: for the whole application). */
bool rest_covers_all(const struct rest_call *call, uint64_t rights, const char *organizations);
/* Before something goes: a bound caller takes it from nobody else. False, with a 403. */
bool rest_may_delete(struct rest_call *call, const char *organizations);
/* The organizations that a body gives something ("organizations", NULL or null: none said) into *slot as JSON text,
 * or NULL. What a bound caller makes without saying lands in the caller's own. merge: what is not said stays. False,
 * with a reply: not an array of ids, or one that the caller does not see. */
bool rest_organizations(struct rest_call *call, const cJSON *wanted, bool merge, char **slot);

/* --- bodies --- */

enum rest_type { REST_ANY, REST_TEXT, REST_BOOL, REST_OBJECT, REST_ARRAY, REST_NUMBER };

struct rest_member {
    const char *name;
    enum rest_type type;
    bool nullable;
    const cJSON **out; /* NULL when the member is not there; a null of a nullable one as it is */
};
/* Has each object of the body its names once? Which of two counts, readers of JSON do not agree on. False, with 400,
 * or 413 for more names than an object may have. */
bool rest_names_once(struct rest_call *call, cJSON *body);
/* Is the text among those of the array? */
bool rest_in_list(const cJSON *list, const char *text);
/* 400 InvalidBody with that sentence; always false. */
bool rest_refuse_body(struct rest_call *call, const char *sentence);
/* Takes an object apart. False, with 400 InvalidBody that names the place: unknown, another type.
 * place: what the object is, "device" or "attestation.symmetricKey". */
bool rest_members(struct rest_call *call, const cJSON *object, const char *place,
                  const struct rest_member *members, size_t count);
/* What a text member makes of a column: PUT replaces, so what is left out goes; PATCH merges (RFC 7396). False: no
 * memory. */
bool rest_take_text(char **slot, const cJSON *item, bool merge);
#define REST_ETAG_CAP 24u
void rest_etag_text(int64_t etag, char out[REST_ETAG_CAP]); /* with the quotes of an HTTP entity tag */
/* "etag" of a body, and the request's If-Match and If-None-Match, against the present one (0: nothing is there yet).
 * False, with 412: they do not fit. */
bool rest_etag_matches(struct rest_call *call, const cJSON *wanted, int64_t present);
void rest_add_etag(cJSON *object, int64_t etag);
/* JSON text as one value of a tree; null when it is NULL. */
cJSON *rest_raw(const char *json);
/* Text of any bytes: what is not UTF-8, and NUL, becomes U+FFFD. */
cJSON *rest_text(const void *bytes, size_t len);
size_t rest_characters(const char *text); /* of valid UTF-8 */
/* A symmetric key of a body into *slot; without one, what is there stays, or a fresh one is made. False, with a
 * reply. */
bool rest_key(struct rest_call *call, const cJSON *key, const char *place, char **slot);
/* "primaryKey" and "secondaryKey" of an object (NULL: neither), each as rest_key takes it; a null makes a fresh one.
 * False, with a reply. */
bool rest_symmetric_keys(struct rest_call *call, const cJSON *keys, char **primary, char **secondary);

/* --- options of the query --- */

/* Each is true also when the option is not there, and *out as it was; false, with 400 InvalidQuery: twice, not
 * well-formed, or no such value. */
/* The decoded text on the heap, or NULL. */
bool rest_option(struct rest_call *call, const char *name, char **value);
bool rest_option_count(struct rest_call *call, const char *name, size_t most, size_t *out); /* from 1 to most */
bool rest_option_time(struct rest_call *call, const char *name, int64_t *out);              /* UTC, ms */

/* --- pages --- */

struct filter;
struct filter_field;

struct rest_page {
    size_t limit, count;
    size_t passed;          /* rows that were left out */
    enum store_order order; /* of a list that can be sorted */
    const char *after_name; /* the same for the place in that order */
    struct filter *filter;  /* NULL: none */
    char *after;            /* decoded $skiptoken, or NULL */
    char *last;             /* key of the last item taken, or */
    bool last_passed;       /* of the last row that was left out, which the caller may not see */
    cJSON *items;
    bool more;
};
/* Reads $top, maxpagesize, $skiptoken. False, with a reply: a bad one, or a query option that is not offered. */
bool rest_page_begin(struct rest_call *call, struct rest_page *page);
/* The same, for a list whose pages may be larger than usual. */
bool rest_page_begin_most(struct rest_call *call, struct rest_page *page, size_t most);
/* For a route with REST_QUERY_FILTER, after the first: reads filter and orderby (id, displayName), under both
 * spellings. False, with a reply; the page is freed. */
bool rest_page_sort(struct rest_call *call, struct rest_page *page, const struct filter_field *fields,
                    size_t count);
struct store_place rest_page_place(const struct rest_page *page);
/* As rest_page_add, of a list that can be sorted. */
bool rest_page_add_named(struct rest_page *page, cJSON *item, const char *id, const char *name);
/* A row is left out. False: enough were looked at for one request; the page ends here, and the list goes on. */
bool rest_page_pass(struct rest_page *page, const char *id, const char *name);
/* What is shown was counted from so many rows. False: the rest is for another page. */
bool rest_page_goes_on(struct rest_page *page, size_t looked);
/* Takes the item. False: the page was full already and the list goes on. */
bool rest_page_add(struct rest_page *page, cJSON *item, const char *key);
/* The reply: {"value": [...], "nextLink": ...}. Frees the page. */
void rest_page_end(struct rest_call *call, struct rest_page *page, spoke_status status);

/* --- cloud properties (rest_cloud.c): the service keeps them, and devices never hear of them --- */

/* Takes them out of what is to be set (component "": the root, whose components are looked into). A new object. */
cJSON *rest_cloud_take(const struct template_table *t, const char *component, cJSON *values);
/* What was taken, beside or in place of what is there, as JSON on the heap, before anything is changed; NULL: all stays.
 * False, with a reply. */
bool rest_cloud_merge(struct rest_call *call, const char *component, const cJSON *taken, bool replace, char **out);
/* Keeps that. False, with a reply. */
bool rest_cloud_keep(struct rest_call *call, const char *component, const cJSON *taken, bool replace,
                     const char *json);
/* Adds what is kept to the properties of that level. */
void rest_cloud_show(struct rest_call *call, const char *component, cJSON *out);

/* --- the handlers; those of entities kept as documents: rest_entity.h --- */

void rest_devices_list(struct rest_call *call);
void rest_device_get(struct rest_call *call);
void rest_device_put(struct rest_call *call);
void rest_device_patch(struct rest_call *call);
void rest_device_delete(struct rest_call *call);
void rest_credentials_get(struct rest_call *call);
void rest_attestation_get(struct rest_call *call);
void rest_attestation_put(struct rest_call *call);
void rest_attestation_patch(struct rest_call *call);
void rest_attestation_delete(struct rest_call *call);

void rest_components_list(struct rest_call *call);
void rest_properties_get(struct rest_call *call);
void rest_properties_put(struct rest_call *call);
void rest_properties_patch(struct rest_call *call);
void rest_component_properties_get(struct rest_call *call);
void rest_component_properties_put(struct rest_call *call);
void rest_component_properties_patch(struct rest_call *call);

void rest_command_post(struct rest_call *call);
void rest_command_history(struct rest_call *call);
void rest_component_command_post(struct rest_call *call);
void rest_component_command_history(struct rest_call *call);

/* rest_relationships.c */
void rest_relationships_list(struct rest_call *call);
void rest_relationship_get(struct rest_call *call);
void rest_relationship_put(struct rest_call *call);
void rest_relationship_patch(struct rest_call *call);
void rest_relationship_delete(struct rest_call *call);

/* rest_jobs.c */
void rest_jobs_list(struct rest_call *call);
void rest_job_get(struct rest_call *call);
void rest_job_put(struct rest_call *call);
void rest_job_devices(struct rest_call *call);
void rest_job_stop(struct rest_call *call);
void rest_job_resume(struct rest_call *call);
void rest_job_rerun(struct rest_call *call);
void rest_scheduled_jobs_list(struct rest_call *call);
void rest_scheduled_job_get(struct rest_call *call);
void rest_scheduled_job_put(struct rest_call *call);
void rest_scheduled_job_patch(struct rest_call *call);
void rest_scheduled_job_delete(struct rest_call *call);
void rest_scheduled_job_jobs(struct rest_call *call);

/* device_group.c */
void rest_device_groups_list(struct rest_call *call);
void rest_device_group_get(struct rest_call *call);
void rest_device_group_put(struct rest_call *call);
void rest_device_group_patch(struct rest_call *call);
void rest_device_group_delete(struct rest_call *call);
void rest_device_group_devices(struct rest_call *call);

void rest_ql_post(struct rest_call *call);

/* rest_saved_queries.c */
void rest_saved_queries_list(struct rest_call *call);
void rest_saved_query_get(struct rest_call *call);
void rest_saved_query_put(struct rest_call *call);
void rest_saved_query_patch(struct rest_call *call);
void rest_saved_query_delete(struct rest_call *call);

void rest_history_get(struct rest_call *call);
void rest_component_history_get(struct rest_call *call);

void rest_telemetry_get(struct rest_call *call);
void rest_component_telemetry_get(struct rest_call *call);

void rest_events_list(struct rest_call *call);
void rest_events_stream(struct rest_call *call);

void rest_templates_list(struct rest_call *call);
void rest_template_get(struct rest_call *call);
void rest_template_put(struct rest_call *call);
void rest_template_patch(struct rest_call *call);
void rest_template_delete(struct rest_call *call);

/* rest_views.c */
void rest_views_list(struct rest_call *call);
void rest_view_get(struct rest_call *call);
void rest_view_put(struct rest_call *call);
void rest_view_patch(struct rest_call *call);
void rest_view_delete(struct rest_call *call);
/* A new template takes over the views of the version before it, the nearest that there is. */
spoke_status rest_views_inherit(struct core *c, const char *template_id);
/* Those of a template that goes. */
spoke_status rest_views_forget(struct core *c, const char *template_id);

void rest_groups_list(struct rest_call *call);
void rest_group_get(struct rest_call *call);
void rest_group_put(struct rest_call *call);
void rest_group_patch(struct rest_call *call);
void rest_group_delete(struct rest_call *call);
/* False, with a 404: there is no group of the path's first name. */
bool rest_group(struct rest_call *call, struct store_group *out);
void rest_group_certificate_get(struct rest_call *call);
void rest_group_certificate_put(struct rest_call *call);
void rest_group_certificate_delete(struct rest_call *call);
void rest_group_certificate_code(struct rest_call *call);
void rest_group_certificate_verify(struct rest_call *call);

/* rest_dashboards.c, rest_modules.c */
void rest_dashboards_list(struct rest_call *call);
void rest_dashboard_get(struct rest_call *call);
void rest_dashboard_put(struct rest_call *call);
void rest_dashboard_patch(struct rest_call *call);
void rest_dashboard_delete(struct rest_call *call);
void rest_modules_list(struct rest_call *call);
void rest_module_none(struct rest_call *call);

/* rest_openapi.c */
void rest_openapi_get(struct rest_call *call);

/* rest_people.c, rest_roles.c, rest_organizations.c */
void rest_me_get(struct rest_call *call);
void rest_connection_info_get(struct rest_call *call);
void rest_tokens_list(struct rest_call *call);
void rest_token_get(struct rest_call *call);
void rest_token_put(struct rest_call *call);
void rest_token_delete(struct rest_call *call);
void rest_users_list(struct rest_call *call);
void rest_user_get(struct rest_call *call);
void rest_user_put(struct rest_call *call);
void rest_user_patch(struct rest_call *call);
void rest_user_delete(struct rest_call *call);
void rest_roles_list(struct rest_call *call);
void rest_role_get(struct rest_call *call);
void rest_role_put(struct rest_call *call);
void rest_role_patch(struct rest_call *call);
void rest_role_delete(struct rest_call *call);
void rest_organizations_list(struct rest_call *call);
void rest_organization_get(struct rest_call *call);
void rest_organization_put(struct rest_call *call);
void rest_organization_patch(struct rest_call *call);
void rest_organization_delete(struct rest_call *call);

void rest_uploads_get(struct rest_call *call);
void rest_uploads_put(struct rest_call *call);
void rest_uploads_patch(struct rest_call *call);
void rest_uploads_delete(struct rest_call *call);
void rest_device_files(struct rest_call *call);
cJSON *rest_upload_json(const struct core *c, const struct store_upload *row);

/* control.c */
void control_device_get(struct rest_call *call);
void control_messages_get(struct rest_call *call);
void control_messages_delete(struct rest_call *call);
void control_disconnect(struct rest_call *call);
void control_c2d(struct rest_call *call);
void control_events_get(struct rest_call *call);
void control_rates_get(struct rest_call *call);
void control_rates_delete(struct rest_call *call);
void control_uploads_get(struct rest_call *call);
void control_faults_get(struct rest_call *call);
void control_faults_put(struct rest_call *call);

#endif
