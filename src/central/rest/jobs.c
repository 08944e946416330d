#include "jobs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/iso8601.h"
#include "central/core/core_internal.h"
#include "central/core/json_tree.h"
#include "device_group.h"
#include "rest_caller.h"

enum {
    FILL_AT_A_TIME = 500,
    PASS_AT_A_TIME = 2000,  /* devices that are looked at and are not of the group: a few ms */
    DEVICES_AT_A_TIME = 40, /* of all jobs, in a turn */
    COMMANDS_IN_FLIGHT = 20,
    MESSAGE_BYTES = 300,
    LONGEST_SLEEP_MS = 60000, /* a clock may be set meanwhile */
    LOST_PAUSE_MS = 10000,    /* a disk that is full is so a moment later */
    SCHEDULED_AT_A_TIME = 5,
    MOST_SCHEDULED_ID = 230
};

/* A device that is under way. */
struct step {
    struct list_node in_steps;
    struct job_run *run;
    uint64_t ticket;
    bool begun; /* core_request has returned */
    char device_id[SPOKE_MAX_ID_BYTES + 1];
};

/* A job that is under way. */
struct job_run {
    struct list_node in_runs;
    struct jobs *jobs;
    char *id, *organizations;
    cJSON *document;
    struct list steps;
    size_t total, completed, failed;
    size_t failed_before;              /* in the batches before */
    char last[SPOKE_MAX_ID_BYTES + 1]; /* device that was begun, or in filling, found */
    bool leaving;                      /* it was stopped or has ended, and waits for its steps */
};

struct jobs {
    struct core *core;
    struct core_task task;
    struct list runs;
    bool look;                 /* a job may wait for its turn */
    bool lost;                 /* the runs are not what the store has */
    uint64_t resume_ms;        /* when they are read anew then */
    int64_t next_scheduled_ms; /* UTC; SCHEDULE_NEVER: none */
};

/* --- writing --- */

void jobs_lost(struct core *c)
{
    if (c->jobs == NULL || c->jobs->lost)
        return;
    c->jobs->lost = true;
    c->jobs->resume_ms = core_now_ms(c) + LOST_PAUSE_MS;
    (void)core_task_set(c, &c->jobs->task, c->jobs->resume_ms);
}

static spoke_status begin_writing(struct core *c)
{
    const spoke_status status = core_dirty(c);
    if (status != SPOKE_OK)
        jobs_lost(c);
    return status;
}

/* --- documents --- */

static const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static const char *text_of(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(member(object, name));
    return text != NULL ? text : "";
}

static double number_of(const cJSON *object, const char *name)
{
    const cJSON *item = member(object, name);
    return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

static void set(cJSON *object, const char *name, cJSON *value)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, name);
    if (value != NULL)
        cJSON_AddItemToObject(object, name, value);
}

static spoke_status put_document(struct core *c, const char *kind, const char *id, const char *organizations,
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
    (void)put_document(run->jobs->core, JOB_KIND, run->id, run->organizations, run->document);
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

cJSON *job_create(struct core *c, const char *id, const cJSON *form, const char *scheduled_id)
{
    static const char *const COPIED[] = {"displayName", "description",           "group",
                                         "batch",       "cancellationThreshold", "data"};
    cJSON *document = cJSON_CreateObject();
    for (size_t i = 0; i < sizeof COPIED / sizeof COPIED[0]; i++)
        if (member(form, COPIED[i]) != NULL)
            cJSON_AddItemToObject(document, COPIED[i], cJSON_Duplicate(member(form, COPIED[i]), true));
    if (scheduled_id != NULL)
        cJSON_AddStringToObject(document, "scheduledJobId", scheduled_id);
    cJSON_AddStringToObject(document, "status", "pending");
    cJSON_AddStringToObject(document, JOB_ID, id);
    cJSON_AddNumberToObject(document, JOB_CREATED, (double)core_unix_ms(c));
    return document;
}

/* --- the end of a run --- */

static void run_free(struct job_run *run)
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

/* The store could not be read, or memory is short, which passes: that is no end of a job. */
static bool passes(struct job_run *run, spoke_status status)
{
    if (status != SPOKE_E_PORT && status != SPOKE_E_NO_MEMORY)
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
    if (too_many_failed(run) && !run->leaving) {
        end_run(run, "cancelled");
        (void)store_job_cancel(core_store(c), run->id);
    }
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

/* Writes down some more of the devices that the group has now. */
static void fill(struct job_run *run, struct found *found)
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
    if (status != SPOKE_OK && passes(run, status))
        return;
    if (status != SPOKE_OK) {
        fail_run(run, status == SPOKE_E_NOT_FOUND ? "the device group does not exist any more"
                                                  : spoke_status_text(status));
        return;
    }
    if (found->count == FILL_AT_A_TIME || found->last[0] != '\0')
        return;
    run->last[0] = '\0';
    set(run->document, JOB_FILLED, cJSON_CreateTrue());
    save(run);
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

static spoke_status begin_run(struct jobs *jobs, const struct store_document *row)
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
        run_free(run);
        return status;
    }
    set(run->document, "end", NULL);
    set_status(run, "running");
    return SPOKE_OK;
}

/* --- whose turn it is --- */

static struct job_run *find_run(const struct jobs *jobs, const char *id)
{
    for (const struct list_node *at = jobs->runs.first; at != NULL; at = at->next)
        if (strcmp(((struct job_run *)at->owner)->id, id) == 0)
            return at->owner;
    return NULL;
}

struct waiting {
    struct jobs *jobs;
    bool begun;
    spoke_status status;
};

/* Begins the first that has no run. */
static bool begin_one(void *ctx, const struct store_document *row)
{
    struct waiting *w = ctx;
    if (find_run(w->jobs, row->id) != NULL)
        return true;
    w->status = begin_run(w->jobs, row);
    w->begun = w->status == SPOKE_OK;
    return false;
}

/* One that ran when the service ended goes on before others. */
static bool begin_next(struct jobs *jobs)
{
    struct waiting w = {.jobs = jobs};
    struct store *s = core_store(jobs->core);
    spoke_status status = store_job_each(s, "running", begin_one, &w);
    if (status == SPOKE_OK && w.status == SPOKE_OK && !w.begun)
        status = store_job_each(s, "pending", begin_one, &w);
    status = status == SPOKE_OK ? w.status : status;
    if (status != SPOKE_OK) {
        core_log(jobs->core, SPOKE_LOG_WARN, "jobs", "no job was begun: %s", spoke_status_text(status));
        jobs_lost(jobs->core);
    }
    return w.begun;
}

/* --- scheduled ones --- */

bool schedule_read(const cJSON *schedule, struct schedule *out)
{
    static const char *const WORDS[] = {[SCHEDULE_ONCE] = "",
                                        [SCHEDULE_DAILY] = "daily",
                                        [SCHEDULE_WEEKLY] = "weekly",
                                        [SCHEDULE_MONTHLY] = "monthly"};
    const cJSON *end = member(schedule, "end");
    const char *recurrence = text_of(schedule, "recurrence");
    *out = (struct schedule){.occurrences = (uint32_t)number_of(end, "occurrences")};
    size_t i = 0;
    while (i < sizeof WORDS / sizeof WORDS[0] && strcmp(WORDS[i], recurrence) != 0)
        i++;
    out->recurrence = (enum schedule_recurrence)i;
    return i < sizeof WORDS / sizeof WORDS[0] &&
           iso8601_parse(spoke_str_of(text_of(schedule, "start")), &out->start_ms) == SPOKE_OK &&
           (member(end, "date") == NULL ||
            iso8601_parse(spoke_str_of(text_of(end, "date")), &out->end_ms) == SPOKE_OK);
}

static spoke_status make_job(struct jobs *jobs, const struct store_document *row, cJSON *scheduled)
{
    struct store_document other;
    char id[MOST_SCHEDULED_ID + 32];
    double made = number_of(scheduled, SCHEDULED_MADE);
    spoke_status status;
    do {
        (void)snprintf(id, sizeof id, "%.*s-%.0f", MOST_SCHEDULED_ID, row->id, ++made);
        status = store_document_get(core_store(jobs->core), JOB_KIND, id, &other);
        if (status == SPOKE_OK)
            store_document_free(&other);
    } while (status == SPOKE_OK);
    if (status == SPOKE_E_NOT_FOUND)
        status = jobs_make_room(jobs->core, NULL);
    if (status != SPOKE_OK)
        return status;
    cJSON *document = job_create(jobs->core, id, scheduled, row->id);
    status = put_document(jobs->core, JOB_KIND, id, row->organizations, document);
    cJSON_Delete(document);
    set(scheduled, SCHEDULED_MADE, cJSON_CreateNumber(made));
    jobs->look = true;
    return status;
}

/* What was missed while the service was away is made up for once. An error: it is as it was. */
static spoke_status run_scheduled(struct jobs *jobs, const char *id, int64_t now_ms)
{
    struct store_document row;
    struct schedule schedule;
    spoke_status status = store_document_get(core_store(jobs->core), SCHEDULED_JOB_KIND, id, &row);
    if (status != SPOKE_OK)
        return status;
    cJSON *document = cJSON_Parse(row.json);
    status = document != NULL ? make_job(jobs, &row, document) : SPOKE_E_NO_MEMORY;
    if (status != SPOKE_OK)
        core_log(jobs->core, SPOKE_LOG_WARN, "jobs", "scheduled job %s made none: %s", id,
                 spoke_status_text(status));
    const int64_t next = schedule_read(member(document, "schedule"), &schedule)
                             ? schedule_next(&schedule, now_ms + 1)
                             : SCHEDULE_NEVER;
    set(document, SCHEDULED_NEXT, next != SCHEDULE_NEVER ? cJSON_CreateNumber((double)next) : NULL);
    set(document, "completed", cJSON_CreateBool(next == SCHEDULE_NEVER));
    status = document != NULL ? put_document(jobs->core, SCHEDULED_JOB_KIND, id, row.organizations, document)
                              : SPOKE_E_NO_MEMORY;
    cJSON_Delete(document);
    store_document_free(&row);
    return status;
}

struct first {
    char *id;
    int64_t at_ms;
};

static bool take_first(void *ctx, const struct store_document *row)
{
    struct first *first = ctx;
    cJSON *document = cJSON_Parse(row->json);
    if (document != NULL && text_set(&first->id, spoke_str_of(row->id)))
        first->at_ms = (int64_t)number_of(document, SCHEDULED_NEXT);
    cJSON_Delete(document);
    return false;
}

/* Some of those that are due; the others in the next turn. */
static void look_at_clock(struct jobs *jobs)
{
    const int64_t now_ms = core_unix_ms(jobs->core);
    spoke_status status = SPOKE_OK;
    jobs->next_scheduled_ms = now_ms;
    for (int i = 0; i < SCHEDULED_AT_A_TIME && status == SPOKE_OK && jobs->next_scheduled_ms <= now_ms; i++) {
        struct first first = {.at_ms = SCHEDULE_NEVER};
        status = store_job_scheduled(core_store(jobs->core), take_first, &first);
        jobs->next_scheduled_ms = first.at_ms;
        if (status == SPOKE_OK && first.at_ms <= now_ms)
            status = run_scheduled(jobs, first.id, now_ms);
        free(first.id);
    }
    if (status != SPOKE_OK)
        jobs->next_scheduled_ms = now_ms + LOST_PAUSE_MS;
}

/* --- the loop's turn --- */

static bool do_some(struct jobs *jobs)
{
    struct found *found = malloc(sizeof *found);
    bool busy = false;
    for (struct list_node *at = jobs->runs.first, *next; at != NULL && found != NULL; at = next) {
        struct job_run *run = at->owner;
        next = at->next;
        if (jobs->lost)
            break;
        if (!run->leaving && !is_filled(run)) {
            fill(run, found);
            busy = true;
        } else if (!run->leaving) {
            busy = go_on(run, found) || busy;
        }
        if (run->leaving && run->steps.count == 0) {
            run_free(run);
            jobs->look = true; /* it may have been resumed meanwhile */
        }
    }
    free(found);
    return busy;
}

static uint64_t sleep_until(const struct jobs *jobs)
{
    const int64_t wait = jobs->next_scheduled_ms - core_unix_ms(jobs->core);
    if (jobs->next_scheduled_ms == SCHEDULE_NEVER)
        return UINT64_MAX;
    return core_now_ms(jobs->core) + (uint64_t)(wait < 0 ? 0 : wait < LONGEST_SLEEP_MS ? wait : LONGEST_SLEEP_MS);
}

/* From the store again: what it has is what was done. */
static void forget_runs(struct jobs *jobs)
{
    while (jobs->runs.first != NULL)
        run_free(jobs->runs.first->owner);
    jobs->lost = false;
    jobs->look = true;
    jobs->next_scheduled_ms = 0;
}

static void turn(void *ctx)
{
    struct jobs *jobs = ctx;
    if (jobs->lost && core_now_ms(jobs->core) < jobs->resume_ms) {
        (void)core_task_set(jobs->core, &jobs->task, jobs->resume_ms);
        return;
    }
    if (jobs->lost)
        forget_runs(jobs);
    if (core_unix_ms(jobs->core) >= jobs->next_scheduled_ms)
        look_at_clock(jobs);
    while (jobs->look && jobs->runs.count < JOBS_AT_A_TIME)
        jobs->look = begin_next(jobs);
    const bool busy = do_some(jobs) || (jobs->look && jobs->runs.count < JOBS_AT_A_TIME);
    (void)core_task_set(jobs->core, &jobs->task,
                        jobs->lost ? jobs->resume_ms
                        : busy     ? core_now_ms(jobs->core) + 1
                                   : sleep_until(jobs));
}

void jobs_wake(struct core *c)
{
    struct jobs *jobs = c->jobs;
    if (jobs->lost)
        return; /* it looks anyway, when it goes on */
    jobs->look = true;
    jobs->next_scheduled_ms = 0;
    for (struct list_node *at = jobs->runs.first; at != NULL; at = at->next) {
        struct job_run *run = at->owner;
        struct store_document row;
        if (run->leaving || store_document_get(core_store(c), JOB_KIND, run->id, &row) != SPOKE_OK)
            continue;
        cJSON *document = cJSON_Parse(row.json);
        run->leaving = strcmp(text_of(document, "status"), "stopped") == 0;
        cJSON_Delete(document);
        store_document_free(&row);
    }
    (void)core_task_set(c, &jobs->task, core_now_ms(c));
}

spoke_status jobs_begin(struct core *c)
{
    struct jobs *jobs = calloc(1, sizeof *jobs);
    if (jobs == NULL)
        return SPOKE_E_NO_MEMORY;
    jobs->core = c;
    jobs->task.run = turn;
    jobs->task.ctx = jobs;
    c->jobs = jobs;
    size_t jobs_kept = 0, scheduled = 0;
    spoke_status status = store_document_count(c->store, JOB_KIND, &jobs_kept);
    if (status == SPOKE_OK)
        status = store_document_count(c->store, SCHEDULED_JOB_KIND, &scheduled);
    if (jobs_kept + scheduled > 0)
        jobs_wake(c);
    else
        jobs->next_scheduled_ms = SCHEDULE_NEVER;
    return status;
}

void jobs_free(struct core *c)
{
    struct jobs *jobs = c->jobs;
    if (jobs == NULL)
        return;
    forget_runs(jobs);
    core_task_remove(c, &jobs->task);
    free(jobs);
    c->jobs = NULL;
}

/* --- room --- */

struct oldest {
    const char *but;
    char *id;
    double created;
};

static bool take_oldest(void *ctx, const struct store_document *row)
{
    struct oldest *o = ctx;
    if (o->but != NULL && strcmp(o->but, row->id) == 0)
        return true;
    cJSON *document = cJSON_Parse(row->json);
    const double created = number_of(document, JOB_CREATED);
    if ((o->id == NULL || created < o->created) && text_set(&o->id, spoke_str_of(row->id)))
        o->created = created;
    cJSON_Delete(document);
    return false;
}

static spoke_status find_ended(struct store *s, struct oldest *o)
{
    static const char *const ENDS[] = {"complete", "failed", "cancelled"};
    spoke_status status = SPOKE_OK;
    for (size_t i = 0; i < sizeof ENDS / sizeof ENDS[0] && status == SPOKE_OK; i++)
        status = store_job_each(s, ENDS[i], take_oldest, o);
    return status == SPOKE_OK && o->id == NULL ? SPOKE_E_FULL : status;
}

spoke_status jobs_make_room(struct core *c, const char *but)
{
    struct oldest o = {.but = but};
    size_t count = 0;
    struct store *s = core_store(c);
    spoke_status status = store_document_count(s, JOB_KIND, &count);
    if (status != SPOKE_OK || count < JOBS_KEPT)
        return status;
    status = find_ended(s, &o);
    if (status == SPOKE_OK)
        status = core_dirty(c);
    if (status == SPOKE_OK)
        status = store_job_delete(s, o.id);
    if (status == SPOKE_OK)
        status = store_document_delete(s, JOB_KIND, o.id);
    free(o.id);
    return status;
}
