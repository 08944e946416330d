#include "job_run.h"

#include <stdio.h>
#include <stdlib.h>

#include "central/core/json_tree.h"
#include "device_group.h"
#include "rest_caller.h"

enum {
    FILL_AT_A_TIME = 500,
    PASS_AT_A_TIME = 2000,  /* devices that are looked at and are not of the group: a few ms */
    DEVICES_AT_A_TIME = 40, /* of all jobs, in a turn */
    COMMANDS_IN_FLIGHT = 20,
    MESSAGE_BYTES = 300
};

/* A device that is under way. */
struct step {
    struct list_node in_steps;
    struct job_run *run;
    uint64_t ticket;
    bool begun; /* core_request has returned */
    char device_id[SPOKE_MAX_ID_BYTES + 1];
};

/* --- writing --- */

static spoke_status begin_writing(struct core *c)
{
    const spoke_status status = core_dirty(c);
    if (status != SPOKE_OK)
        jobs_lost(c);
    return status;
}

spoke_status jobs_put_document(struct core *c, const char *kind, const char *id, const char *organizations,
                               const cJSON *document)
{
    spoke_status status = begin_writing(c);
    if (status == SPOKE_OK)
        status = core_document_put(c, kind, id, document, organizations);
    if (status != SPOKE_OK) {
        core_log(c, SPOKE_LOG_WARN, "jobs", "%s %s was not stored: %s", kind, id, spoke_status_text(status));
        jobs_lost(c);
    }
    return status;
}

static void save(struct job_run *run)
{
    (void)jobs_put_document(run->jobs->core, JOB_KIND, run->id, run->organizations, run->document);
}

static void set_status(struct job_run *run, const char *status)
{
    char now[40];
    core_time(run->jobs->core, 3, now);
    set(run->document, "status", cJSON_CreateString(status));
    if (strcmp(status, "running") != 0)
        set(run->document, "end", cJSON_CreateString(now));
    else if (member(run->document, "start") == NULL)
        set(run->document, "start", cJSON_CreateString(now));
    save(run);
}

/* --- the end of a run --- */

void job_run_free(struct job_run *run)
{
    struct step *step;
    while ((step = list_take(&run->steps)) != NULL) {
        core_request_cancel(run->jobs->core, step->ticket);
        free(step);
    }
    list_leave(&run->in_runs);
    cJSON_Delete(run->document);
    free(run->id);
    free(run->organizations);
    free(run);
}

static void end_run(struct job_run *run, const char *status)
{
    set_status(run, status);
    run->leaving = true;
    run->jobs->look = true;
}

static void fail_run(struct job_run *run, const char *why)
{
    core_log(run->jobs->core, SPOKE_LOG_WARN, "jobs", "job %s failed: %s", run->id, why);
    set(run->document, "error", cJSON_CreateString(why));
    end_run(run, "failed");
}

/* That is no end of a job. */
static bool passes(struct job_run *run, spoke_status status)
{
    if (!jobs_passes(status))
        return false;
    core_log(run->jobs->core, SPOKE_LOG_WARN, "jobs", "job %s waits: %s", run->id, spoke_status_text(status));
    jobs_lost(run->jobs->core);
    return true;
}

/* --- batches --- */

static size_t amount(const cJSON *object, size_t total)
{
    const double value = number_of(object, "value");
    if (strcmp(text_of(object, "type"), "percentage") != 0)
        return (size_t)value;
    return (size_t)((value * (double)total + 99) / 100);
}

static size_t batch_size(const struct job_run *run)
{
    const cJSON *batch = member(run->document, "batch");
    const size_t size = batch != NULL ? amount(batch, run->total) : run->total;
    return size > 0 ? size : 1;
}

static size_t done_count(const struct job_run *run)
{
    return run->completed + run->failed;
}

/* How many more may be begun: a batch begins when the one before has ended. */
static size_t room(const struct job_run *run)
{
    const size_t size = batch_size(run), begun = done_count(run) + run->steps.count;
    const size_t upto = (done_count(run) / size + 1) * size;
    const bool command =
        strcmp(text_of(cJSON_GetArrayItem(member(run->document, "data"), 0), "type"), "command") == 0;
    const size_t most = command ? COMMANDS_IN_FLIGHT : DEVICES_AT_A_TIME / run->jobs->runs.count;
    const size_t in_batch = upto > begun ? upto - begun : 0,
                 free_steps = most > run->steps.count ? most - run->steps.count : 0;
    return in_batch < free_steps ? in_batch : free_steps;
}

static bool too_many_failed(const struct job_run *run)
{
    const cJSON *threshold = member(run->document, "cancellationThreshold");
    const bool batch = cJSON_IsTrue(member(threshold, "batch"));
    const size_t of = batch ? batch_size(run) : run->total,
                 failed = batch ? run->failed - run->failed_before : run->failed;
    if (threshold == NULL)
        return false;
    if (strcmp(text_of(threshold, "type"), "percentage") == 0)
        return (double)failed * 100 > number_of(threshold, "value") * (double)of;
    return failed > (size_t)number_of(threshold, "value");
}

/* --- one device --- */

static void record(struct job_run *run, const char *device_id, bool completed, const char *message)
{
    struct core *c = run->jobs->core;
    spoke_status status = begin_writing(c);
    if (status == SPOKE_OK)
        status = store_job_device_put(core_store(c), run->id, device_id,
                                      completed ? STORE_JOB_COMPLETED : STORE_JOB_FAILED, message);
    if (status != SPOKE_OK) {
        core_log(c, SPOKE_LOG_WARN, "jobs", "job %s: %s was not noted: %s", run->id, device_id,
                 spoke_status_text(status));
        jobs_lost(c); /* for the store it is still to be done */
        return;
    }
    run->completed += completed;
    run->failed += !completed;
    if (too_many_failed(run) && !run->leaving)
        end_run(run, "cancelled"); /* and with it those that are pending: there may be many */
    if (done_count(run) % batch_size(run) == 0)
        run->failed_before = run->failed;
    (void)core_task_set(c, &run->jobs->task, core_now_ms(c));
}

/* What went wrong, in `out`. A command that the device refuses is answered all the same. */
static bool judge(const struct core_response *response, char out[MESSAGE_BYTES])
{
    cJSON *body = response->body.len > 0 ? cJSON_ParseWithLength(response->body.ptr, response->body.len) : NULL;
    const cJSON *code = member(body, "responseCode");
    bool good = response->status >= 200 && response->status < 300;
    if (!good) {
        (void)snprintf(out, MESSAGE_BYTES, "%s", text_of(member(body, "error"), "message"));
    } else if (cJSON_IsNumber(code) && code->valuedouble >= 400) {
        (void)snprintf(out, MESSAGE_BYTES, "The device answered with %.0f.", code->valuedouble);
        good = false;
    }
    cJSON_Delete(body);
    return good;
}

static void hear(void *user, const struct core_response *response)
{
    struct step *step = user;
    struct job_run *run = step->run;
    char message[MESSAGE_BYTES] = "";
    const bool good = judge(response, message);
    list_leave(&step->in_steps);
    record(run, step->device_id, good, good ? NULL : message);
    if (step->begun)
        free(step);
    else
        step->run = NULL; /* whoever began it frees it */
}

/* {"a": 1, "hydraulics": {"b": 2}} of the job's data. */
static cJSON *properties_of(const cJSON *data)
{
    cJSON *out = cJSON_CreateObject();
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, data)
    {
        char component[SPOKE_MAX_ID_BYTES + 1], name[SPOKE_MAX_ID_BYTES + 1];
        job_path_split(text_of(item, "path"), component, name);
        cJSON *level = out;
        if (component[0] != '\0' && (level = cJSON_GetObjectItemCaseSensitive(out, component)) == NULL)
            level = cJSON_AddObjectToObject(out, component);
        cJSON_AddItemToObject(level, name, cJSON_Duplicate(member(item, "value"), true));
    }
    return out;
}

/* What is asked of the API for one device. */
struct order {
    const char *method;
    char path[4 * SPOKE_MAX_ID_BYTES + 64];
    cJSON *body;
};

static void make_order(const struct job_run *run, const char *device_id, struct order *out)
{
    const cJSON *data = member(run->document, "data"), *first = cJSON_GetArrayItem(data, 0);
    char component[SPOKE_MAX_ID_BYTES + 1], name[SPOKE_MAX_ID_BYTES + 1];
    const char *type = text_of(first, "type");
    out->method = "PATCH";
    if (strcmp(type, "command") == 0) {
        job_path_split(text_of(first, "path"), component, name);
        out->method = "POST";
        (void)snprintf(out->path, sizeof out->path, "/api/devices/%s%s%s/commands/%s", device_id,
                       component[0] != '\0' ? "/components/" : "", component, name);
        out->body = cJSON_CreateObject();
        if (member(first, "value") != NULL)
            cJSON_AddItemToObject(out->body, "request", cJSON_Duplicate(member(first, "value"), true));
    } else if (strcmp(type, "deviceTemplateMigration") == 0) {
        (void)snprintf(out->path, sizeof out->path, "/api/devices/%s", device_id);
        out->body = cJSON_CreateObject();
        cJSON_AddStringToObject(out->body, "template", text_of(first, "template"));
    } else {
        (void)snprintf(out->path, sizeof out->path, "/api/devices/%s/properties", device_id);
        out->body = properties_of(data);
    }
}

/* The group may hold devices of several templates, and since the job began one may have gone to another organization. In
 * `why` what is wrong with it; "": nothing. An error is the store's. */
static spoke_status check_target(struct job_run *run, const cJSON *reach, const char *device_id,
                                 char why[MESSAGE_BYTES])
{
    const char *target = text_of(cJSON_GetArrayItem(member(run->document, "data"), 0), "target");
    struct store_device row;
    const spoke_status status = store_device_get(core_store(run->jobs->core), device_id, &row);
    why[0] = '\0';
    if (status == SPOKE_E_NOT_FOUND)
        (void)snprintf(why, MESSAGE_BYTES, "The device does not exist any more.");
    if (status != SPOKE_OK)
        return status == SPOKE_E_NOT_FOUND ? SPOKE_OK : status;
    if (!rest_reach_has(reach, row.organizations))
        (void)snprintf(why, MESSAGE_BYTES, "The device is not of the job's organization.");
    else if (target[0] != '\0' && (row.template_id == NULL || strcmp(row.template_id, target) != 0))
        (void)snprintf(why, MESSAGE_BYTES, "The device has not the template %.200s.", target);
    store_device_free(&row);
    return SPOKE_OK;
}

/* Through the API's own door: what it checks, writes and publishes is the same for a job. */
static void begin_device(struct job_run *run, const cJSON *reach, const char *device_id)
{
    char why[MESSAGE_BYTES];
    struct order order = {.method = NULL};
    const spoke_status status = check_target(run, reach, device_id, why);
    if (status != SPOKE_OK && passes(run, status))
        return;
    if (status != SPOKE_OK || why[0] != '\0') {
        record(run, device_id, false, why[0] != '\0' ? why : spoke_status_text(status));
        return;
    }
    struct step *step = calloc(1, sizeof *step);
    make_order(run, device_id, &order);
    char *body = order.body != NULL ? cJSON_PrintUnformatted(order.body) : NULL;
    cJSON_Delete(order.body);
    if (step == NULL || body == NULL) {
        record(run, device_id, false, "The service has no memory for it.");
        free(step);
        cJSON_free(body);
        return;
    }
    step->run = run;
    (void)snprintf(step->device_id, sizeof step->device_id, "%s", device_id);
    list_join(&run->steps, &step->in_steps, step);
    const struct core_request request = {.method = order.method,
                                         .path = order.path,
                                         .query = "",
                                         .trusted = true,
                                         .base = "",
                                         .joined = true,
                                         .body = spoke_str_of(body)};
    const uint64_t ticket = core_request(run->jobs->core, &request, hear, step);
    cJSON_free(body);
    if (step->run == NULL) {
        free(step); /* it was answered at once */
        return;
    }
    step->ticket = ticket;
    step->begun = true;
}

/* --- a run --- */

struct found {
    char ids[FILL_AT_A_TIME][SPOKE_MAX_ID_BYTES + 1];
    size_t count, most;
    const cJSON *reach;
    size_t passed;
    char last[SPOKE_MAX_ID_BYTES + 1]; /* where the looking ended; "": not so early */
};

static bool find_id(struct found *found, const char *id)
{
    if (found->count == found->most)
        return false;
    (void)snprintf(found->ids[found->count++], sizeof found->ids[0], "%s", id);
    return true;
}

static bool pass(void *ctx, const char *device_id)
{
    struct found *found = ctx;
    if (++found->passed < PASS_AT_A_TIME)
        return true;
    (void)snprintf(found->last, sizeof found->last, "%s", device_id);
    return false;
}

static bool take_member(void *ctx, const struct store_scanned *row)
{
    struct found *found = ctx;
    return rest_reach_has(found->reach, row->organizations) ? find_id(found, row->device_id)
                                                            : pass(found, row->device_id);
}

static bool take_pending(void *ctx, const struct store_job_device *row)
{
    return find_id(ctx, row->device_id);
}

static spoke_status note_found(struct job_run *run, const struct found *found)
{
    struct core *c = run->jobs->core;
    spoke_status status = begin_writing(c);
    if (status == SPOKE_OK && run->last[0] == '\0')
        status = store_job_delete(core_store(c), run->id); /* what was found before a stop or a restart */
    for (size_t i = 0; i < found->count && status == SPOKE_OK; i++)
        status = store_job_device_put(core_store(c), run->id, found->ids[i], STORE_JOB_PENDING, NULL);
    if (status == SPOKE_OK && (found->last[0] != '\0' || found->count > 0))
        (void)snprintf(run->last, sizeof run->last, "%s",
                       found->last[0] != '\0' ? found->last : found->ids[found->count - 1]);
    run->total += found->count;
    return status;
}

/* Writes down some more of the devices that the group has now. True: it goes on in the next turn. */
static bool fill(struct job_run *run, struct found *found)
{
    struct core *c = run->jobs->core;
    struct device_group group, own;
    memset(&own, 0, sizeof own);
    spoke_status status = device_group_open(c, text_of(run->document, "group"), &group);
    if (status == SPOKE_OK)
        status = device_group_reach(c, run->organizations, &own.reach);
    *found = (struct found){.most = FILL_AT_A_TIME, .reach = own.reach};
    const struct device_group_walk walk = {.after = run->last, .each = take_member, .passed = pass, .ctx = found};
    if (status == SPOKE_OK)
        status = device_group_each(c, &group, &walk);
    device_group_close(&group);
    device_group_close(&own);
    if (status == SPOKE_OK)
        status = note_found(run, found);
    if (status != SPOKE_OK && !passes(run, status))
        fail_run(run, status == SPOKE_E_NOT_FOUND ? "the device group does not exist any more"
                                                  : spoke_status_text(status));
    if (status != SPOKE_OK)
        return false;
    if (found->count == FILL_AT_A_TIME || found->last[0] != '\0')
        return true;
    run->last[0] = '\0';
    set(run->document, JOB_FILLED, cJSON_CreateTrue());
    save(run);
    return true;
}

/* The next that may begin, and what the job's organizations reach when there are any. */
static spoke_status find_pending(struct job_run *run, struct found *found, cJSON **reach)
{
    struct core *c = run->jobs->core;
    spoke_status status = SPOKE_OK;
    *found = (struct found){.most = room(run)};
    if (found->most > 0)
        status = store_job_device_each(core_store(c), run->id, 1u << STORE_JOB_PENDING, run->last, found->most,
                                       take_pending, found);
    return status == SPOKE_OK && found->count > 0 ? device_group_reach(c, run->organizations, reach) : status;
}

static void begin_found(struct job_run *run, const struct found *found, const cJSON *reach)
{
    for (size_t i = 0; i < found->count && !run->leaving && !run->jobs->lost; i++) {
        (void)snprintf(run->last, sizeof run->last, "%s", found->ids[i]);
        begin_device(run, reach, found->ids[i]);
    }
}

/* True: there may be more for the next turn. */
static bool go_on(struct job_run *run, struct found *found)
{
    cJSON *reach = NULL;
    const spoke_status status = find_pending(run, found, &reach);
    if (status == SPOKE_OK)
        begin_found(run, found, reach);
    else if (!passes(run, status))
        fail_run(run, spoke_status_text(status));
    cJSON_Delete(reach);
    const bool is_over = found->most > 0 && found->count == 0 && run->steps.count == 0;
    if (status == SPOKE_OK && is_over && !run->leaving && !run->jobs->lost)
        end_run(run, run->total > 0 && run->failed == run->total ? "failed" : "complete");
    return status == SPOKE_OK && found->count > 0 && !run->leaving;
}

static bool is_filled(const struct job_run *run)
{
    return cJSON_IsTrue(member(run->document, JOB_FILLED));
}

static spoke_status count_devices(struct job_run *run)
{
    size_t counts[STORE_JOB_STATES];
    struct store *s = core_store(run->jobs->core);
    const spoke_status status = store_job_count(s, run->id, counts);
    run->completed = counts[STORE_JOB_COMPLETED];
    run->failed = counts[STORE_JOB_FAILED];
    for (size_t i = 0; i < STORE_JOB_STATES; i++)
        run->total += counts[i];
    if (status != SPOKE_OK)
        return status;
    /* Devices begin in order, and a batch when the one before has ended: those of batches before are the first ones. */
    const size_t size = batch_size(run);
    return store_job_failures(s, run->id, done_count(run) / size * size, &run->failed_before);
}

spoke_status job_run_begin(struct jobs *jobs, const struct store_document *row)
{
    struct job_run *run = calloc(1, sizeof *run);
    if (run == NULL)
        return SPOKE_E_NO_MEMORY;
    run->jobs = jobs;
    run->document = cJSON_Parse(row->json);
    list_join(&jobs->runs, &run->in_runs, run);
    spoke_status status = SPOKE_E_NO_MEMORY;
    if (run->document != NULL && text_set(&run->id, spoke_str_of(row->id)) &&
        (row->organizations == NULL || text_set(&run->organizations, spoke_str_of(row->organizations))))
        status = is_filled(run) ? count_devices(run) : SPOKE_OK;
    if (status != SPOKE_OK) {
        job_run_free(run);
        return status;
    }
    set(run->document, "end", NULL);
    set_status(run, "running");
    return SPOKE_OK;
}

bool job_run_turn(struct job_run *run)
{
    struct found *found = malloc(sizeof *found);
    bool busy = false;
    if (found == NULL)
        (void)passes(run, SPOKE_E_NO_MEMORY);
    else if (!is_filled(run))
        busy = fill(run, found);
    else
        busy = go_on(run, found);
    free(found);
    return busy;
}
