/* The routes of jobs and scheduled jobs. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/iso8601.h"
#include "central/core/core_internal.h"
#include "jobs.h"
#include "rest_entity.h"

enum { MOST_SCHEDULED = 200, MOST_OCCURRENCES = 999 };

static const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static const char *status_of(const cJSON *document)
{
    const char *status = cJSON_GetStringValue(member(document, "status"));
    return status != NULL ? status : "";
}

/* What is pending then is cancelled, too. */
static bool is_cancelled(const cJSON *document)
{
    return strcmp(status_of(document), "cancelled") == 0;
}

static void drop(cJSON *object, const char *name)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, name);
}

static bool id_good(const char *id)
{
    return rest_id_good(id, "_-", 255);
}

static bool scheduled_id_good(const char *id)
{
    return rest_id_good(id, "_-", 230);
}

/* --- jobs --- */

static bool check_job(struct rest_call *call, cJSON *document, const cJSON *before)
{
    if (before != NULL) {
        rest_fail(&call->reply, 409, "Conflict", "Job %.255s exists already; choose another id, or run it again.",
                  call->args[0]);
        return false;
    }
    if (!job_form_check(call, document, "a job", NULL, 0))
        return false;
    cJSON_AddStringToObject(document, "status", "pending");
    cJSON_AddStringToObject(document, JOB_ID, call->args[0]);
    cJSON_AddNumberToObject(document, JOB_CREATED, (double)core_unix_ms(call->core));
    return true;
}

/* False, with a reply. */
static bool make_room(struct rest_call *call, const char *but)
{
    const spoke_status status = jobs_make_room(call->core, but);
    if (status == SPOKE_E_FULL)
        rest_fail(&call->reply, 422, "UnprocessableEntity", "%d jobs wait or are under way already.", JOBS_KEPT);
    else if (status != SPOKE_OK)
        rest_fail_internal(&call->reply, status);
    return status == SPOKE_OK;
}

/* One that is refused takes no other away. */
static bool may_begin(struct rest_call *call, const cJSON *document, const char *organizations)
{
    return job_form_allowed(call, document, organizations) && make_room(call, NULL);
}

static void show_job(struct rest_call *call, cJSON *document)
{
    size_t counts[STORE_JOB_STATES] = {0}, total = 0;
    const char *id = cJSON_GetStringValue(member(document, JOB_ID));
    if (id != NULL)
        (void)store_job_count(core_store(call->core), id, counts);
    for (size_t i = 0; i < STORE_JOB_STATES; i++)
        total += counts[i];
    call->looked += total;
    cJSON *progress = cJSON_CreateObject();
    cJSON_AddNumberToObject(progress, "total", (double)total);
    cJSON_AddNumberToObject(progress, "pending", is_cancelled(document) ? 0 : (double)counts[STORE_JOB_PENDING]);
    cJSON_AddNumberToObject(progress, "completed", (double)counts[STORE_JOB_COMPLETED]);
    cJSON_AddNumberToObject(progress, "failed", (double)counts[STORE_JOB_FAILED]);
    drop(document, JOB_ID);
    drop(document, JOB_CREATED);
    drop(document, JOB_FILLED);
    cJSON_AddItemToObject(document, "progress", progress);
}

static const struct rest_entity JOB = {
    .kind = JOB_KIND,
    .name = "Job",
    .id_good = id_good,
    .id_rule = "The id of a job has 1 to 255 letters, digits, '_' or '-'.",
    .organized = true,
    .check = check_job,
    .show = show_job,
    .allowed = may_begin,
};

void rest_jobs_list(struct rest_call *call)
{
    rest_entity_list(call, &JOB);
}

void rest_job_get(struct rest_call *call)
{
    rest_entity_get(call, &JOB);
}

void rest_job_put(struct rest_call *call)
{
    rest_entity_put(call, &JOB);
    if (call->reply.status == 200)
        jobs_wake(call->core);
}

struct device_list {
    struct rest_call *call;
    struct rest_page page;
    bool cancelled; /* the job is */
};

/* One that is gone is nobody's; one that went to another organization is not shown. */
static bool sees_device(struct rest_call *call, const char *device_id)
{
    struct store_device row;
    if (rest_sees(call, NULL) || store_device_get(core_store(call->core), device_id, &row) != SPOKE_OK)
        return true;
    const bool seen = rest_sees(call, row.organizations);
    store_device_free(&row);
    return seen;
}

static bool add_device(void *ctx, const struct store_job_device *row)
{
    struct device_list *list = ctx;
    static const char *const STATES[] = {[STORE_JOB_PENDING] = "pending",
                                         [STORE_JOB_COMPLETED] = "completed",
                                         [STORE_JOB_FAILED] = "failed",
                                         [STORE_JOB_CANCELLED] = "cancelled"};
    if (!sees_device(list->call, row->device_id))
        return rest_page_pass(&list->page, row->device_id, NULL);
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "id", row->device_id);
    const enum store_job_state state =
        list->cancelled && row->state == STORE_JOB_PENDING ? STORE_JOB_CANCELLED : row->state;
    cJSON_AddStringToObject(item, "status", state < STORE_JOB_STATES ? STATES[state] : "failed");
    if (row->message != NULL)
        cJSON_AddItemToObject(item, "message", rest_text(row->message, strlen(row->message)));
    return rest_page_add(&list->page, item, row->device_id);
}

void rest_job_devices(struct rest_call *call)
{
    struct store_document row;
    struct device_list list = {.call = call};
    if (!rest_entity_find(call, &JOB, &row))
        return;
    cJSON *document = cJSON_Parse(row.json);
    list.cancelled = is_cancelled(document);
    cJSON_Delete(document);
    store_document_free(&row);
    if (!rest_page_begin(call, &list.page))
        return;
    const spoke_status status = store_job_device_each(core_store(call->core), call->args[0], ~0u, list.page.after,
                                                      INT32_MAX, add_device, &list);
    rest_page_end(call, &list.page, status);
}

/* --- stop, resume, run again --- */

/* Stopping does nothing to devices, but may take something from other organizations. */
static bool stop_allowed(struct rest_call *call, const cJSON *document, const char *organizations)
{
    (void)document;
    if (rest_sees_all(call, organizations))
        return true;
    rest_fail(&call->reply, 403, "Forbidden", "The job is of other organizations too.");
    return false;
}

static bool stands_at(const cJSON *document, const char *const *from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(status_of(document), from[i]) == 0)
            return true;
    return false;
}

static void turn_to(struct rest_call *call, const char *const *from, size_t count, const char *to)
{
    struct store_document row;
    if (!rest_entity_find(call, &JOB, &row))
        return;
    cJSON *document = cJSON_Parse(row.json);
    const bool stop = strcmp(to, "stopped") == 0;
    if (!(stop ? stop_allowed : job_form_allowed)(call, document, row.organizations)) {
        /* there is a reply */
    } else if (!stands_at(document, from, count)) {
        rest_fail(&call->reply, 409, "Conflict", "The job is %s.", status_of(document));
    } else {
        drop(document, "status");
        cJSON_AddStringToObject(document, "status", to);
        const spoke_status status = core_document_put(call->core, row.kind, row.id, document, row.organizations);
        if (status == SPOKE_OK)
            rest_ok(&call->reply, 204, NULL);
        else
            rest_fail_internal(&call->reply, status);
        jobs_wake(call->core);
    }
    cJSON_Delete(document);
    store_document_free(&row);
}

void rest_job_stop(struct rest_call *call)
{
    static const char *const FROM[] = {"pending", "running"};
    turn_to(call, FROM, 2, "stopped");
}

void rest_job_resume(struct rest_call *call)
{
    static const char *const FROM[] = {"stopped"};
    turn_to(call, FROM, 1, "pending");
}

static bool may_repeat(struct rest_call *call, const cJSON *document, const char *id)
{
    struct store_document other;
    size_t counts[STORE_JOB_STATES] = {0};
    const char *now = status_of(document);
    if (strcmp(now, "pending") == 0 || strcmp(now, "running") == 0 || strcmp(now, "stopped") == 0)
        rest_fail(&call->reply, 409, "Conflict", "The job is %s; it can be run again once it has ended.", now);
    else if (!id_good(id))
        rest_fail(&call->reply, 400, "InvalidRequest", "%s", JOB.id_rule);
    else if (store_document_get(core_store(call->core), JOB_KIND, id, &other) == SPOKE_OK) {
        store_document_free(&other);
        rest_fail(&call->reply, 409, "Conflict", "Job %.255s exists already; choose another id.", id);
    } else if (store_job_count(core_store(call->core), call->args[0], counts) != SPOKE_OK ||
               counts[STORE_JOB_FAILED] == 0)
        rest_fail(&call->reply, 409, "Conflict", "No device of the job failed.");
    return call->reply.status == 0;
}

static spoke_status repeat(struct rest_call *call, const struct store_document *row, const cJSON *document,
                           const char *id)
{
    cJSON *next = job_create(call->core, id, document, NULL);
    cJSON_AddTrueToObject(next, JOB_FILLED);
    spoke_status status = core_document_put(call->core, row->kind, id, next, row->organizations);
    if (status == SPOKE_OK)
        status = store_job_repeat(core_store(call->core), id, row->id);
    cJSON_Delete(next);
    return status;
}

void rest_job_rerun(struct rest_call *call)
{
    struct store_document row, made;
    const char *id = call->args[1];
    if (!rest_entity_find(call, &JOB, &row))
        return;
    cJSON *document = cJSON_Parse(row.json);
    if (job_form_allowed(call, document, row.organizations) && may_repeat(call, document, id) &&
        make_room(call, row.id)) {
        spoke_status status = repeat(call, &row, document, id);
        if (status == SPOKE_OK)
            status = store_document_get(core_store(call->core), JOB_KIND, id, &made);
        if (status == SPOKE_OK) {
            call->created = true;
            rest_ok(&call->reply, 200, rest_entity_json(call, &JOB, &made));
            store_document_free(&made);
            jobs_wake(call->core);
        } else {
            rest_fail_internal(&call->reply, status);
        }
    }
    cJSON_Delete(document);
    store_document_free(&row);
}

/* --- scheduled jobs --- */

static bool fail_schedule(struct rest_call *call, const char *sentence)
{
    rest_fail(&call->reply, 400, "InvalidBody", "\"schedule\" of a scheduled job: %s.", sentence);
    return false;
}

static bool is_time(const cJSON *item)
{
    int64_t ms;
    return iso8601_parse(spoke_str_of(item->valuestring), &ms) == SPOKE_OK;
}

static bool check_end(struct rest_call *call, const cJSON *end)
{
    const cJSON *type, *date, *occurrences;
    int64_t last_ms;
    const struct rest_member members[] = {{"type", REST_TEXT, false, &type},
                                          {"date", REST_TEXT, false, &date},
                                          {"occurrences", REST_NUMBER, false, &occurrences}};
    if (end == NULL)
        return true;
    if (!rest_members(call, end, "\"end\" of a schedule", members, 3))
        return false;
    const bool by_date = type != NULL && strcmp(type->valuestring, "date") == 0;
    if (!by_date && (type == NULL || strcmp(type->valuestring, "occurrences") != 0))
        return fail_schedule(call, "\"type\" of \"end\" has to be \"date\" or \"occurrences\"");
    if (by_date && (date == NULL || occurrences != NULL || !schedule_end_read(date->valuestring, &last_ms)))
        return fail_schedule(call,
                             "\"date\" of \"end\" has to be a day, 2026-03-04, or a time, 2026-03-04T05:06:07Z");
    if (!by_date && (occurrences == NULL || date != NULL || occurrences->valuedouble < 1 ||
                     occurrences->valuedouble > MOST_OCCURRENCES ||
                     floor(occurrences->valuedouble) < occurrences->valuedouble))
        return fail_schedule(call, "\"occurrences\" of \"end\" has to be a whole number from 1 to 999");
    return true;
}

static bool check_schedule(struct rest_call *call, const cJSON *schedule, struct schedule *out)
{
    const cJSON *start, *recurrence, *end;
    const struct rest_member members[] = {{"start", REST_TEXT, false, &start},
                                          {"recurrence", REST_TEXT, false, &recurrence},
                                          {"end", REST_OBJECT, false, &end}};
    if (schedule == NULL)
        return fail_schedule(call, "it is missing");
    if (!rest_members(call, schedule, "\"schedule\"", members, 3) || !check_end(call, end))
        return false;
    if (start == NULL || !is_time(start))
        return fail_schedule(call, "\"start\" has to be a time such as 2026-03-04T05:06:07Z");
    return schedule_read(schedule, out) ||
           fail_schedule(call, "\"recurrence\" has to be \"daily\", \"weekly\" or \"monthly\", or left out");
}

static bool check_scheduled(struct rest_call *call, cJSON *document, const cJSON *before)
{
    const cJSON *schedule, *enabled;
    const struct rest_member more[] = {{"schedule", REST_OBJECT, false, &schedule},
                                       {"enabled", REST_BOOL, false, &enabled}};
    struct schedule s;
    drop(document, "completed"); /* what GET gave can be put back */
    drop(document, SCHEDULED_NEXT);
    drop(document, SCHEDULED_MADE);
    if (!job_form_check(call, document, "a scheduled job", more, 2) || !check_schedule(call, schedule, &s))
        return false;
    const int64_t next = schedule_next(&s, core_unix_ms(call->core));
    const cJSON *made = member(before, SCHEDULED_MADE);
    if (next != SCHEDULE_NEVER && !cJSON_IsFalse(enabled))
        cJSON_AddNumberToObject(document, SCHEDULED_NEXT, (double)next);
    cJSON_AddNumberToObject(document, SCHEDULED_MADE, cJSON_IsNumber(made) ? made->valuedouble : 0);
    if (enabled == NULL)
        cJSON_AddTrueToObject(document, "enabled");
    cJSON_AddBoolToObject(document, "completed", next == SCHEDULE_NEVER);
    return true;
}

static void show_scheduled(struct rest_call *call, cJSON *document)
{
    (void)call;
    drop(document, SCHEDULED_NEXT);
    drop(document, SCHEDULED_MADE);
}

static const struct rest_entity SCHEDULED_JOB = {
    .kind = SCHEDULED_JOB_KIND,
    .name = "Scheduled job",
    .id_good = scheduled_id_good,
    .id_rule = "The id of a scheduled job has 1 to 230 letters, digits, '_' or '-'.",
    .most = MOST_SCHEDULED,
    .organized = true,
    .check = check_scheduled,
    .show = show_scheduled,
    .allowed = job_form_allowed,
};

void rest_scheduled_jobs_list(struct rest_call *call)
{
    rest_entity_list(call, &SCHEDULED_JOB);
}

void rest_scheduled_job_get(struct rest_call *call)
{
    rest_entity_get(call, &SCHEDULED_JOB);
}

void rest_scheduled_job_put(struct rest_call *call)
{
    rest_entity_put(call, &SCHEDULED_JOB);
    jobs_wake(call->core);
}

void rest_scheduled_job_patch(struct rest_call *call)
{
    rest_entity_patch(call, &SCHEDULED_JOB);
    jobs_wake(call->core);
}

void rest_scheduled_job_delete(struct rest_call *call)
{
    rest_entity_delete(call, &SCHEDULED_JOB);
    jobs_wake(call->core);
}

struct listing {
    struct rest_call *call;
    struct rest_page page;
};

static bool add_made(void *ctx, const struct store_document *row)
{
    struct listing *list = ctx;
    cJSON *document = cJSON_Parse(row->json);
    const char *of = cJSON_GetStringValue(member(document, "scheduledJobId"));
    const bool own =
        of != NULL && strcmp(of, list->call->args[0]) == 0 && rest_sees(list->call, row->organizations);
    cJSON_Delete(document);
    return !own || (rest_page_add(&list->page, rest_entity_json(list->call, &JOB, row), row->id) &&
                    rest_page_goes_on(&list->page, list->call->looked));
}

void rest_scheduled_job_jobs(struct rest_call *call)
{
    struct store_document row;
    struct listing list = {.call = call};
    if (!rest_entity_find(call, &SCHEDULED_JOB, &row))
        return;
    store_document_free(&row);
    if (!rest_page_begin(call, &list.page))
        return;
    const spoke_status status =
        store_document_each(core_store(call->core), JOB_KIND, list.page.after, INT32_MAX, add_made, &list);
    rest_page_end(call, &list.page, status);
}
