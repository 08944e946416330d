/* The provisioning service: CONNECT, registration, status queries. */
#include <search.h>
#include <spoke/proto/hub.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "core_internal.h"
#include "text.h"

#define DPS_MAX_BYTES 98304u /* one message */
#define POLL_LIMIT 5u        /* status queries of one device ... */
#define POLL_WINDOW_MS 10000u
#define MAX_REGISTRATIONS 50000u /* finished ones that are remembered; the oldest go first */

static const char *const log_module = "dps";

enum outcome { OUTCOME_ASSIGNED, OUTCOME_WAITING, OUTCOME_BLOCKED, OUTCOME_DISABLED };

/* The last registration of one id. */
struct dps_registration {
    char id[CONN_ID_CAP]; /* as the device writes it; first: it is the key of the tree */
    struct list_node in_list;
    char device_id[CONN_ID_CAP];
    char operation_id[64];
    char etag[64];
    enum outcome outcome;
    bool substatus_initial; /* else it was assigned before */
    uint32_t polls_left;
    uint64_t polls[POLL_LIMIT]; /* when, oldest first */
    size_t poll_count;
    char *hub;
    char created[40], updated[40];
};

/* One reply under way. */
struct reply {
    uint32_t status;
    spoke_str rid;
    bool has_retry_after;
    uint32_t retry_after_s;
};

/* --- CONNECT --- */

static bool cut_text(spoke_str s, spoke_str at, spoke_str *head, spoke_str *rest)
{
    const char *found = s.len == 0 ? NULL : memmem(s.ptr, s.len, at.ptr, at.len);
    if (found == NULL)
        return false;
    size_t before = (size_t)(found - s.ptr);
    *head = spoke_str_from(s.ptr, before);
    *rest = spoke_str_from(found + at.len, s.len - before - at.len);
    return true;
}

bool dps_is_username(spoke_str username)
{
    spoke_str head, rest;
    return cut_text(username, SPOKE_STR("/registrations/"), &head, &rest);
}

/* "{scope}/registrations/{id}/api-version=...&..."; other parameters are ignored. */
static bool read_username(spoke_str username, spoke_str *scope, spoke_str *id)
{
    spoke_str rest, query;
    if (!cut_text(username, SPOKE_STR("/registrations/"), scope, &rest))
        return false;
    return spoke_str_cut(rest, '/', id, &query) && spoke_str_starts(query, SPOKE_STR("api-version="));
}

/* What stands between a CONNECT and a session, in a sentence; NULL: nothing. */
static const char *username_fault(const struct conn *k, spoke_str username)
{
    spoke_str scope, id;
    if (!read_username(username, &scope, &id))
        return "the user name is not {scope}/registrations/{id}/api-version=...";
    if (!spoke_str_equal(scope, spoke_str_of(k->core->id_scope)))
        return "unknown ID scope";
    if (!spoke_str_equal_nocase(id, spoke_str_of(k->id)))
        return "client id and user name do not agree";
    return core_good_id(id) ? NULL : "characters that a registration id cannot have";
}

static const char *read_token(const struct conn *k, spoke_str password, struct auth_token *out)
{
    char resource[SPOKE_MAX_SCOPE_BYTES + CONN_ID_CAP + 20];
    int len = snprintf(resource, sizeof resource, "%s/registrations/%s", k->core->id_scope, k->id);
    enum auth_verdict verdict =
        auth_token_read(k->core, password, spoke_str_from(resource, (size_t)len), true, out);
    return verdict == AUTH_OK ? NULL : auth_verdict_text(verdict);
}

static const char *credential_fault(const struct conn *k, const spoke_mqtt_packet *connect,
                                    struct auth_token *token, bool *has_token)
{
    *has_token = connect->as.connect.password.len > 0;
    if (*has_token)
        return read_token(k, connect->as.connect.password, token);
    char name[CONN_ID_CAP];
    if (k->peer_chain == NULL)
        return "neither a token nor a client certificate";
    bool own =
        auth_common_name(conn_chain(k), name) && spoke_str_equal_nocase(spoke_str_of(name), spoke_str_of(k->id));
    return own ? NULL : "the certificate's common name is not the registration id";
}

/* --- what a credential proves --- */

/* Credentials that nothing accepts have a budget, since each costs the loop the keys of every group, 10 ms of 1,000.
 * An address has 100 of them at once and ten more a second, all together ten times that: a fleet behind one NAT that was
 * given the wrong key still learns so, device by device, and guessing takes a hundredth of the loop, or a tenth when it
 * comes from everywhere. With more than 100 groups each costs as much more as it takes. Beyond it only what is cheap is
 * looked at, which is all that a device needs that was here before with a key or has a certificate of its own, or one of
 * the fleet that registers just now: nobody can keep those out, from the same address neither. */
#define COST_LEAST_MS 100u /* of an address's time; a group that is tried is 1 */
#define COST_BURST_MS 10000u
#define COST_SHARE 10u
#define PAUSE_LEAST_S 5u /* what is asked of who is beyond it */

void dps_guesses_init(struct core *c)
{
    for (size_t i = 0; i < sizeof c->dps_guesses / sizeof c->dps_guesses[0]; i++) {
        c->dps_guesses[i].burst_ms = COST_BURST_MS;
        c->dps_guesses[i].share = COST_SHARE;
    }
}

/* Tokens and certificates have budgets of their own, so that who guesses the one leaves the others alone. */
static struct guesses *guesses_of(const struct conn *k)
{
    return &k->core->dps_guesses[k->by_certificate ? 1 : 0];
}

static uint64_t budget_wait_ms(const struct conn *k)
{
    return guesses_wait_ms(guesses_of(k), conn_address(k), COST_LEAST_MS, core_now_ms(k->core));
}

static spoke_status judge(struct conn *k, const struct store_device *device, const struct auth_token *token,
                          bool thorough, struct auth_enrolment *found)
{
    const spoke_str id = spoke_str_of(k->id);
    memset(found, 0, sizeof *found);
    if (token != NULL)
        return thorough ? auth_enrolment_find(k->core, id, device, token, found)
                        : auth_enrolment_near(k->core, id, device, token, found);
    if (!thorough && !auth_device_has_own(k->core, device)) /* one of its own is only compared */
        return SPOKE_OK;
    return auth_certificate(k->core, device, NULL, conn_chain(k), found);
}

static void keep_verdict(struct conn *k, const struct auth_enrolment *found, bool thorough)
{
    k->proven = found->proven;
    k->unproven_why = found->why;
    k->enrolment_enabled = found->enabled;
    k->group_id = found->group_id;
    memcpy(k->proof_digest, found->digest, sizeof k->proof_digest);
    k->unjudged = !found->proven && !thorough;
    if (!found->proven && thorough)
        guesses_charge(guesses_of(k), conn_address(k), found->tries > COST_LEAST_MS ? found->tries : COST_LEAST_MS,
                       core_now_ms(k->core));
}

/* A wrong key is answered at the registration, as the cloud does: here it is only found out. An error: nothing was. */
static spoke_status prove(struct conn *k, const struct auth_token *token)
{
    struct store_device device;
    struct auth_enrolment found;
    const bool thorough = budget_wait_ms(k) == 0;
    spoke_status status = store_device_find_nocase(k->core->store, k->id, &device);
    const bool known = status == SPOKE_OK;
    if (!known && status != SPOKE_E_NOT_FOUND)
        return status;
    status = judge(k, known ? &device : NULL, token, thorough, &found);
    if (status == SPOKE_OK)
        keep_verdict(k, &found, thorough);
    else
        free(found.group_id);
    if (known)
        store_device_free(&device);
    return status;
}

void dps_forget_token(struct conn *k)
{
    if (k->token != NULL)
        spoke_wipe(k->token, sizeof *k->token);
    free(k->token);
    k->token = NULL;
}

/* What waits to be judged is kept, all else forgotten. */
static spoke_status keep_credential(struct conn *k, const struct auth_token *token)
{
    if (k->unjudged && token != NULL) {
        k->token = malloc(sizeof *k->token);
        if (k->token == NULL)
            return SPOKE_E_NO_MEMORY;
        *k->token = *token;
    }
    if (!k->unjudged || token != NULL)
        conn_forget_chain(k);
    return SPOKE_OK;
}

/* SDKs ask again on the same connection. Again is judged only what has a budget: many may ask in one record. */
static spoke_status prove_again(struct conn *k)
{
    if (!k->unjudged || budget_wait_ms(k) > 0)
        return SPOKE_OK;
    const spoke_status status = prove(k, k->token);
    if (status != SPOKE_OK)
        return status; /* it waits on, for the next time that the device asks */
    dps_forget_token(k);
    conn_forget_chain(k);
    return SPOKE_OK;
}

void dps_connect(struct conn *k, const spoke_mqtt_packet *connect)
{
    struct auth_token token;
    struct fault fault;
    bool has_token;
    if (fault_take(&k->core->faults, FAULT_DPS_REFUSE_CONNECT, NULL, &fault)) {
        conn_refuse(k, (uint8_t)fault.number, "dps-unauthorized", "the fault dpsRefuseConnect is armed");
        return;
    }
    const char *why = username_fault(k, connect->as.connect.username);
    if (why == NULL)
        why = credential_fault(k, connect, &token, &has_token);
    if (why != NULL) {
        conn_refuse(k, 5, "dps-unauthorized", why);
        return;
    }
    if (has_token)
        k->token_expires_ms = token.expires_ms;
    k->by_certificate = !has_token;
    spoke_status status = prove(k, has_token ? &token : NULL);
    if (status == SPOKE_OK)
        status = keep_credential(k, has_token ? &token : NULL);
    spoke_wipe(&token, sizeof token);
    if (status != SPOKE_OK) {
        conn_refuse(k, 3, "dps-unauthorized", spoke_status_text(status));
        return;
    }
    if (conn_accept(k, CONN_DPS, connect) != SPOKE_OK)
        return;
    core_event(k->core, "dps-connect", NULL, k->id, NULL, 0);
    core_log(k->core, SPOKE_LOG_INFO, log_module, "%s: connected", k->id);
    conn_connack(k, 0, false);
}

/* --- replies --- */

static void answer(struct conn *k, const struct reply *reply, const char *body)
{
    char memory[256];
    char retry[32] = "";
    if (conn_subscription(k, TOPIC_DPS) == NULL) {
        conn_log(k, SPOKE_LOG_WARN, log_module, "asks but has not subscribed to the replies");
        return;
    }
    if (reply->has_retry_after)
        (void)snprintf(retry, sizeof retry, "retry-after=%lu", (unsigned long)reply->retry_after_s);
    bool rid_first = !reply->has_retry_after || k->core->reply_turn;
    k->core->reply_turn = !k->core->reply_turn; /* the order of parameters is not promised to anybody */
    int len =
        snprintf(memory, sizeof memory, "$dps/registrations/res/%lu/?%s%s$rid=%.*s%s%s",
                 (unsigned long)reply->status, rid_first ? "" : retry, rid_first ? "" : "&", (int)reply->rid.len,
                 reply->rid.ptr, rid_first && retry[0] != '\0' ? "&" : "", rid_first ? retry : "");
    conn_publish(k, spoke_str_from(memory, (size_t)len), spoke_str_of(body), 0, 0, false);
}

static void answer_error(struct conn *k, spoke_str rid, uint32_t status, int32_t code, const char *message,
                         const uint32_t *retry_after_s)
{
    char *body = core_error_body(k->core, code, message);
    struct reply reply = {status, rid, retry_after_s != NULL, retry_after_s != NULL ? *retry_after_s : 0};
    answer(k, &reply, body != NULL ? body : "");
    free(body);
}

static void answer_throttled(struct conn *k, spoke_str rid, const struct fault *fault)
{
    conn_log(k, SPOKE_LOG_INFO, log_module, "throttled");
    answer_error(k, rid, 429, CODE_THROTTLED, "Throttled: too many requests.",
                 fault->has_number ? &fault->number : NULL);
}

static cJSON *registration_state(const struct dps_registration *r, const char *status)
{
    cJSON *state = cJSON_CreateObject();
    cJSON_AddStringToObject(state, "registrationId", r->id);
    if (r->outcome != OUTCOME_DISABLED)
        cJSON_AddStringToObject(state, "createdDateTimeUtc", r->created);
    cJSON_AddStringToObject(state, "status", status);
    if (r->outcome != OUTCOME_DISABLED) {
        cJSON_AddStringToObject(state, "lastUpdatedDateTimeUtc", r->updated);
        cJSON_AddStringToObject(state, "etag", r->etag);
    }
    return state;
}

static const char *final_status(enum outcome outcome)
{
    switch (outcome) {
    case OUTCOME_ASSIGNED:
        return "assigned";
    case OUTCOME_WAITING:
    case OUTCOME_BLOCKED:
        return "failed";
    case OUTCOME_DISABLED:
        return "disabled";
    }
    return "failed";
}

static char *final_body(const struct dps_registration *r, bool by_certificate)
{
    const char *status = final_status(r->outcome);
    cJSON *tree = cJSON_CreateObject();
    cJSON *state = registration_state(r, status);
    cJSON_AddStringToObject(tree, "operationId", r->outcome == OUTCOME_DISABLED ? "" : r->operation_id);
    cJSON_AddStringToObject(tree, "status", status);
    cJSON_AddItemToObject(tree, "registrationState", state);
    if (r->outcome == OUTCOME_ASSIGNED) {
        cJSON_AddItemToObject(state, by_certificate ? "x509" : "symmetricKey", cJSON_CreateObject());
        cJSON_AddStringToObject(state, "assignedHub", r->hub);
        cJSON_AddStringToObject(state, "deviceId", r->device_id);
        cJSON_AddStringToObject(state, "substatus",
                                r->substatus_initial ? "initialAssignment" : "deviceDataMigrated");
        cJSON_AddNullToObject(state, "payload");
    } else if (r->outcome != OUTCOME_DISABLED) {
        cJSON_AddNumberToObject(state, "errorCode", CODE_NOT_APPROVED);
        cJSON_AddStringToObject(state, "errorMessage",
                                r->outcome == OUTCOME_BLOCKED ? "The device is blocked."
                                                              : "The device waits for approval.");
    }
    char *text = cJSON_PrintUnformatted(tree);
    cJSON_Delete(tree);
    return text;
}

static char *assigning_body(const struct dps_registration *r, bool with_state)
{
    cJSON *tree = cJSON_CreateObject();
    cJSON_AddStringToObject(tree, "operationId", r->operation_id);
    cJSON_AddStringToObject(tree, "status", "assigning");
    if (with_state)
        cJSON_AddItemToObject(tree, "registrationState", registration_state(r, "assigning"));
    char *text = cJSON_PrintUnformatted(tree);
    cJSON_Delete(tree);
    return text;
}

/* --- registrations --- */

static int compare_ids(const void *a, const void *b)
{
    return strcasecmp(a, b); /* ids are ASCII: core_good_id */
}

static void forget(struct core *c, struct dps_registration *r)
{
    (void)tdelete(r, &c->registrations_by_id, compare_ids);
    list_leave(&r->in_list);
    free(r->hub);
    free(r);
}

void dps_registrations_free(struct core *c)
{
    while (c->registrations.first != NULL)
        forget(c, c->registrations.first->owner);
}

static struct dps_registration *find_registration(const struct core *c, const char *id)
{
    struct dps_registration *const *found = tfind(id, &c->registrations_by_id, compare_ids);
    return found != NULL ? *found : NULL;
}

static struct dps_registration *new_registration(struct core *c, const char *id)
{
    if (c->registrations.count == MAX_REGISTRATIONS)
        forget(c, c->registrations.first->owner);
    struct dps_registration *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    (void)snprintf(r->id, sizeof r->id, "%s", id);
    if (tsearch(r, &c->registrations_by_id, compare_ids) == NULL) {
        free(r);
        return NULL;
    }
    list_join(&c->registrations, &r->in_list, r);
    return r;
}

static void make_etag(struct core *c, char out[64])
{
    char guid[37], quoted[40];
    spoke_buf text = spoke_buf_from(out, 63);
    core_guid(c, guid);
    int len = snprintf(quoted, sizeof quoted, "\"%s\"", guid);
    if (base64_encode(spoke_str_from(quoted, (size_t)len), &text) != SPOKE_OK)
        text.len = 0;
    out[text.len] = '\0';
}

/* "4." sixteen hex digits "." GUID, the form that the cloud shows. */
static void make_operation_id(struct core *c, char out[64])
{
    char a[37], b[37];
    core_guid(c, a);
    core_guid(c, b);
    (void)snprintf(out, 64, "4.%.8s%.4s%.4s.%s", a, a + 9, a + 24, b);
}

/* The registration that begins now takes the place of an earlier one of the same id; its polls still count. */
static struct dps_registration *begin_registration(struct conn *k)
{
    struct core *c = k->core;
    struct dps_registration *r = find_registration(c, k->id);
    if (r == NULL)
        r = new_registration(c, k->id);
    if (r == NULL)
        return NULL;
    memcpy(r->id, k->id, sizeof r->id);
    r->device_id[0] = '\0';
    make_operation_id(c, r->operation_id);
    make_etag(c, r->etag);
    core_time(c, 7, r->created);
    memcpy(r->updated, r->created, sizeof r->updated);
    const struct fault *polls = fault_armed(&c->faults, FAULT_DPS_POLLS, NULL);
    r->polls_left = polls != NULL ? polls->number : c->options.dps_polls;
    return r;
}

/* --- the registration's effect --- */

static spoke_status set_model(struct core *c, struct store_device *row, const cJSON *payload)
{
    static const char *const NAMES[] = {"modelId", "iotcModelId", "iotcentralModelId"}; /* two older spellings */
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        const cJSON *model = cJSON_GetObjectItemCaseSensitive(payload, NAMES[i]);
        if (cJSON_IsString(model))
            return device_announced(c, row, model->valuestring);
    }
    return SPOKE_OK;
}

static spoke_status set_payload(struct core *c, struct store_device *row, const cJSON *payload)
{
    if (payload == NULL)
        return SPOKE_OK;
    char *text = cJSON_PrintUnformatted(payload);
    if (text == NULL)
        return SPOKE_E_NO_MEMORY;
    free(row->provisioning_payload);
    row->provisioning_payload = text;
    return set_model(c, row, payload);
}

/* Those that its group gives to new devices. */
static spoke_status take_organizations(struct conn *k, struct store_device *row)
{
    struct store_group group;
    if (k->group_id == NULL)
        return SPOKE_OK;
    const spoke_status status = store_group_get(k->core->store, k->group_id, &group);
    if (status != SPOKE_OK)
        return status == SPOKE_E_NOT_FOUND ? SPOKE_OK : status;
    row->organizations = group.organizations;
    group.organizations = NULL;
    store_group_free(&group);
    return SPOKE_OK;
}

static spoke_status new_device(struct conn *k, struct store_device *row)
{
    memset(row, 0, sizeof *row);
    row->enabled = row->approved = !k->core->options.approve_by_hand;
    row->created_ms = core_unix_ms(k->core);
    bool made = text_set(&row->id, spoke_str_of(k->id)) && text_set(&row->display_name, spoke_str_of(k->id));
    return made ? take_organizations(k, row) : SPOKE_E_NO_MEMORY;
}

static spoke_status choose_hub(struct core *c, struct dps_registration *r, const char *device_id)
{
    const struct fault *fault = fault_armed(&c->faults, FAULT_ASSIGN_HUB, device_id);
    if (!text_set(&r->hub, spoke_str_of(fault != NULL ? fault->text : c->hub_host)))
        return SPOKE_E_NO_MEMORY;
    if (fault != NULL)
        fault_spent(&c->faults, FAULT_ASSIGN_HUB);
    return SPOKE_OK;
}

static spoke_status assign(struct conn *k, struct dps_registration *r, struct store_device *row)
{
    spoke_status status = choose_hub(k->core, r, row->id);
    if (status != SPOKE_OK)
        return status;
    r->substatus_initial = !row->provisioned;
    row->provisioned = row->approved = true;
    return text_set(&row->hub_host, spoke_str_of(r->hub)) ? SPOKE_OK : SPOKE_E_NO_MEMORY;
}

/* {"iotcGateway": {"iotcGatewayId": "gw"}}: a gateway that is not there is left out, as the cloud does. */
static spoke_status link_gateway(struct conn *k, const char *device_id, const cJSON *payload)
{
    const cJSON *gateway = cJSON_GetObjectItemCaseSensitive(payload, "iotcGateway");
    const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(gateway, "iotcGatewayId"));
    const spoke_status status = id != NULL ? core_gateway_link(k->core, id, device_id) : SPOKE_OK;
    if (status != SPOKE_E_NOT_FOUND && status != SPOKE_E_ARG)
        return status;
    conn_log(k, SPOKE_LOG_WARN, log_module, "names a gateway that it cannot be behind: %.*s",
             text_shown(spoke_str_of(id), SPOKE_MAX_ID_BYTES), id);
    return SPOKE_OK;
}

static spoke_status settle(struct conn *k, struct dps_registration *r, struct store_device *row,
                           const cJSON *payload)
{
    const bool moves = k->group_id != NULL && (row->group_id == NULL || strcmp(row->group_id, k->group_id) != 0);
    spoke_status status = set_payload(k->core, row, payload);
    if (status == SPOKE_OK && k->group_id != NULL && !text_set(&row->group_id, spoke_str_of(k->group_id)))
        status = SPOKE_E_NO_MEMORY;
    if (fault_armed(&k->core->faults, FAULT_BLOCK_DEVICE, row->id) != NULL)
        r->outcome = OUTCOME_BLOCKED;
    else if (row->enabled)
        r->outcome = OUTCOME_ASSIGNED;
    else
        r->outcome = row->approved ? OUTCOME_BLOCKED : OUTCOME_WAITING;
    (void)snprintf(r->device_id, sizeof r->device_id, "%s", row->id);
    if (status == SPOKE_OK && r->outcome == OUTCOME_ASSIGNED)
        status = assign(k, r, row);
    if (status == SPOKE_OK)
        status = core_dirty(k->core);
    if (status == SPOKE_OK)
        status = core_device_put(k->core, row);
    if (status == SPOKE_OK && moves)
        core_device_changed(k->core, row->id); /* who is connected by the group before */
    return status == SPOKE_OK && r->outcome == OUTCOME_ASSIGNED ? link_gateway(k, row->id, payload) : status;
}

/* Finds or makes the device, decides how the registration will end, and keeps it. */
static spoke_status decide(struct conn *k, struct dps_registration *r, const cJSON *payload)
{
    struct store_device row;
    if (!k->enrolment_enabled) {
        r->outcome = OUTCOME_DISABLED;
        return SPOKE_OK;
    }
    spoke_status status = store_device_find_nocase(k->core->store, k->id, &row);
    if (status == SPOKE_E_NOT_FOUND)
        status = new_device(k, &row);
    if (status == SPOKE_OK)
        status = settle(k, r, &row, payload);
    store_device_free(&row);
    return status;
}

/* --- requests --- */

static void report_end(struct conn *k, const struct dps_registration *r)
{
    if (r->outcome == OUTCOME_ASSIGNED) {
        core_event(k->core, "dps-assigned", r->device_id, k->id, r->hub, 0);
        conn_log(k, SPOKE_LOG_INFO, log_module, "assigned to %s", r->hub);
        return;
    }
    bool disabled = r->outcome == OUTCOME_DISABLED;
    const char *why = disabled                        ? "the enrolment is disabled"
                      : r->outcome == OUTCOME_BLOCKED ? "the device is blocked"
                                                      : "the device waits for approval";
    core_event(k->core, "dps-unauthorized", NULL, k->id, why, disabled ? 0 : CODE_NOT_APPROVED);
    conn_log(k, SPOKE_LOG_WARN, log_module, "not assigned: %s", why);
}

static void answer_registration(struct conn *k, struct dps_registration *r, spoke_str rid, bool polled)
{
    struct reply reply = {200, rid, false, 0};
    char *body;
    core_time(k->core, 7, r->updated);
    if (r->polls_left > 0 && r->outcome != OUTCOME_DISABLED) {
        r->polls_left--;
        reply.status = 202;
        reply.has_retry_after = true;
        reply.retry_after_s = k->core->options.dps_retry_after_s;
        body = assigning_body(r, polled);
    } else {
        report_end(k, r);
        body = final_body(r, k->by_certificate);
    }
    answer(k, &reply, body != NULL ? body : "");
    free(body);
}

/* The payload of a registration body; NULL *payload: none. False: the body is not one. */
static bool read_body(const struct conn *k, const cJSON *body, const cJSON **payload)
{
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(body, "registrationId");
    *payload = cJSON_GetObjectItemCaseSensitive(body, "payload");
    if (cJSON_IsNull(*payload))
        *payload = NULL;
    return cJSON_IsString(id) && spoke_str_equal_nocase(spoke_str_of(id->valuestring), spoke_str_of(k->id)) &&
           (*payload == NULL || cJSON_IsObject(*payload));
}

static void answer_failure(struct conn *k, spoke_str rid, spoke_status status)
{
    core_log(k->core, SPOKE_LOG_ERROR, log_module, "%s: not registered: %s", k->id, spoke_status_text(status));
    answer_error(k, rid, 500, 500001, "The service could not store the registration.", NULL);
}

static void register_device(struct conn *k, spoke_str rid, const cJSON *body)
{
    const cJSON *payload;
    if (!read_body(k, body, &payload)) {
        answer_error(k, rid, 400, CODE_ARGUMENT,
                     "The body is not a registration: registrationId must be the client id, payload an object.",
                     NULL);
        return;
    }
    struct dps_registration *r = begin_registration(k);
    spoke_status status = r != NULL ? decide(k, r, payload) : SPOKE_E_NO_MEMORY;
    if (status == SPOKE_OK) {
        answer_registration(k, r, rid, false);
    } else {
        answer_failure(k, rid, status);
    }
}

static bool group_enabled(struct core *c, const char *id)
{
    struct store_group group;
    if (store_group_get(c->store, id, &group) != SPOKE_OK)
        return false;
    const bool enabled = group.enabled;
    store_group_free(&group);
    return enabled;
}

/* The enrolment that proved it, against `known`, the device's row of now; NULL: there is none yet. */
static bool enrolment_stands(struct conn *k, const struct store_device *known)
{
    struct core *c = k->core;
    const struct store_device by_group = {.id = k->id, .group_id = k->group_id};
    const bool own = auth_device_has_own(c, known);
    const struct store_device *row = own ? known : &by_group;
    if (own == (k->group_id != NULL)) /* it had the other kind at CONNECT */
        return false;
    return k->by_certificate ? auth_device_has_certificate(c, row, k->group_id, k->proof_digest)
                             : auth_device_has_key(c, row, k->proof_digest);
}

/* A connection can be older than a change of what it came by, and than the end of its token. */
static bool still_proven(struct conn *k)
{
    struct store_device device;
    const spoke_status status = store_device_find_nocase(k->core->store, k->id, &device);
    const bool known = status == SPOKE_OK;
    const bool stands = (known || status == SPOKE_E_NOT_FOUND) && enrolment_stands(k, known ? &device : NULL);
    if (known)
        store_device_free(&device);
    if (k->group_id != NULL)
        k->enrolment_enabled = group_enabled(k->core, k->group_id);
    return stands && k->token_expires_ms > core_unix_ms(k->core);
}

static void answer_unproven(struct conn *k, spoke_str rid)
{
    const char *why = k->unproven_why != NULL ? k->unproven_why : "no enrolment accepts this credential";
    if (!k->unjudged) {
        core_event(k->core, "dps-unauthorized", NULL, k->id, why, CODE_UNAUTHORIZED);
        core_log_stranger(k->core, log_module, "%s: %s", k->id, why);
        answer_error(k, rid, 401, CODE_UNAUTHORIZED, "Unauthorized", NULL);
        return;
    }
    const uint64_t wait_s = (budget_wait_ms(k) + 999) / 1000;
    const uint32_t pause_s = wait_s > PAUSE_LEAST_S ? (uint32_t)wait_s : PAUSE_LEAST_S;
    core_log_stranger(k->core, log_module, "%s: throttled: too many credentials were not accepted before", k->id);
    answer_error(k, rid, 429, CODE_THROTTLED, "Throttled: too many registrations failed.", &pause_s);
}

static void take_register(struct conn *k, spoke_str rid, spoke_str text)
{
    struct fault fault;
    cJSON *body = NULL;
    if (fault_take(&k->core->faults, FAULT_DPS_THROTTLE, NULL, &fault)) {
        answer_throttled(k, rid, &fault);
        return;
    }
    const spoke_status status = prove_again(k);
    if (status != SPOKE_OK) {
        answer_failure(k, rid, status);
        return;
    }
    if (k->proven && !still_proven(k)) {
        k->proven = false;
        k->unproven_why = "the enrolment was changed, or the token has expired, since CONNECT";
    }
    if (!k->proven) {
        answer_unproven(k, rid);
        return;
    }
    if (!limits_admit(&k->core->limits, LIMIT_REGISTRATIONS, core_now_ms(k->core), &fault.number)) {
        fault.has_number = true;
        answer_throttled(k, rid, &fault);
        return;
    }
    (void)core_parse_json(text, &body); /* what is no JSON is no registration */
    register_device(k, rid, body);
    cJSON_Delete(body);
}

/* Five queries in ten seconds are allowed. */
static bool poll_allowed(struct dps_registration *r, uint64_t now)
{
    if (r->poll_count == POLL_LIMIT && now - r->polls[0] < POLL_WINDOW_MS)
        return false;
    if (r->poll_count == POLL_LIMIT) {
        memmove(r->polls, r->polls + 1, (POLL_LIMIT - 1) * sizeof r->polls[0]);
        r->poll_count--;
    }
    r->polls[r->poll_count++] = now;
    return true;
}

static void take_poll(struct conn *k, spoke_str rid, spoke_str query)
{
    struct fault fault;
    spoke_str operation;
    struct dps_registration *r = find_registration(k->core, k->id);
    if (fault_take(&k->core->faults, FAULT_DPS_THROTTLE_POLL, NULL, &fault)) {
        answer_throttled(k, rid, &fault);
        return;
    }
    if (!k->proven) {
        answer_error(k, rid, 401, CODE_UNAUTHORIZED, "Unauthorized", NULL);
        return;
    }
    if (r == NULL || spoke_bag_find(query, "operationId", &operation) != SPOKE_OK ||
        !spoke_str_equal(operation, spoke_str_of(r->operation_id))) {
        answer_error(k, rid, 404, 404202, "There is no such operation.", NULL);
        return;
    }
    if (poll_allowed(r, core_now_ms(k->core))) {
        answer_registration(k, r, rid, true);
        return;
    }
    fault.has_number = true;
    fault.number = (uint32_t)((r->polls[0] + POLL_WINDOW_MS - core_now_ms(k->core) + 999) / 1000);
    answer_throttled(k, rid, &fault);
}

void dps_publish(struct conn *k, const spoke_mqtt_packet *packet)
{
    spoke_str topic = packet->as.publish.topic;
    spoke_str put = SPOKE_STR("$dps/registrations/PUT/iotdps-register/?");
    spoke_str get = SPOKE_STR("$dps/registrations/GET/iotdps-get-operationstatus/?");
    bool is_put = spoke_str_starts(topic, put);
    spoke_str query, rid;
    if (!is_put && !spoke_str_starts(topic, get)) {
        conn_protocol_error(k, "a topic that the provisioning service does not know");
        return;
    }
    size_t head = is_put ? put.len : get.len;
    query = spoke_str_from(topic.ptr + head, topic.len - head);
    if (!topic_rid(query, &rid)) {
        conn_protocol_error(k, "a request without $rid, or with one longer than 128 characters");
        return;
    }
    if (packet->as.publish.payload.len > DPS_MAX_BYTES) {
        conn_end(k, "dps-protocol-error", "a provisioning message larger than 96 KB", CODE_TOO_LARGE);
        return;
    }
    conn_puback(k, packet->packet_id);
    if (fault_take(&k->core->faults, FAULT_DPS_SILENCE, NULL, NULL))
        return;
    if (is_put)
        take_register(k, rid, packet->as.publish.payload);
    else
        take_poll(k, rid, query);
}
