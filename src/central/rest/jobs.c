#include "job_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/iso8601.h"

enum {
    LONGEST_SLEEP_MS = 60000, /* a clock may be set meanwhile */
    LOST_PAUSE_MS = 10000,    /* a disk that is full is so a moment later */
    SCHEDULED_AT_A_TIME = 5,
    MOST_SCHEDULED_ID = 230
};

void jobs_lost(struct core *c)
{
    if (c->jobs == NULL || c->jobs->lost)
        return;
    c->jobs->lost = true;
    c->jobs->resume_ms = core_now_ms(c) + LOST_PAUSE_MS;
    (void)core_task_set(c, &c->jobs->task, c->jobs->resume_ms);
}

bool jobs_passes(spoke_status status)
{
    return status == SPOKE_E_PORT || status == SPOKE_E_NO_MEMORY;
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
    w->status = job_run_begin(w->jobs, row);
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

bool schedule_end_read(const char *text, int64_t *out)
{
    char last[] = "2026-03-04T23:59:59.999Z";
    if (strlen(text) != sizeof "2026-03-04" - 1)
        return iso8601_parse(spoke_str_of(text), out) == SPOKE_OK;
    memcpy(last, text, sizeof "2026-03-04" - 1);
    return iso8601_parse(spoke_str_of(last), out) == SPOKE_OK;
}

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
           (member(end, "date") == NULL || schedule_end_read(text_of(end, "date"), &out->end_ms));
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
    status = jobs_put_document(jobs->core, JOB_KIND, id, row->organizations, document);
    cJSON_Delete(document);
    set(scheduled, SCHEDULED_MADE, cJSON_CreateNumber(made));
    jobs->look = true;
    return status;
}

static spoke_status set_next(struct jobs *jobs, const struct store_document *row, cJSON *document, int64_t now_ms)
{
    struct schedule schedule;
    const int64_t next = schedule_read(member(document, "schedule"), &schedule)
                             ? schedule_next(&schedule, now_ms + 1)
                             : SCHEDULE_NEVER;
    set(document, SCHEDULED_NEXT, next != SCHEDULE_NEVER ? cJSON_CreateNumber((double)next) : NULL);
    set(document, "completed", cJSON_CreateBool(next == SCHEDULE_NEVER));
    return jobs_put_document(jobs->core, SCHEDULED_JOB_KIND, row->id, row->organizations, document);
}

/* What was missed while the service was away is made up for once. An error: it is as it was. */
static spoke_status run_scheduled(struct jobs *jobs, const char *id, int64_t now_ms)
{
    struct store_document row;
    spoke_status status = store_document_get(core_store(jobs->core), SCHEDULED_JOB_KIND, id, &row);
    if (status != SPOKE_OK)
        return status;
    cJSON *document = cJSON_Parse(row.json);
    status = document != NULL ? make_job(jobs, &row, document) : SPOKE_E_NO_MEMORY;
    if (status != SPOKE_OK)
        core_log(jobs->core, SPOKE_LOG_WARN, "jobs", "scheduled job %s made none: %s", id,
                 spoke_status_text(status));
    if (!jobs_passes(status))
        status = set_next(jobs, &row, document, now_ms);
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
    bool busy = false;
    for (struct list_node *at = jobs->runs.first, *next; at != NULL && !jobs->lost; at = next) {
        struct job_run *run = at->owner;
        next = at->next;
        if (!run->leaving)
            busy = job_run_turn(run) || busy;
        if (run->leaving && run->steps.count == 0) {
            job_run_free(run);
            jobs->look = true; /* it may have been resumed meanwhile */
        }
    }
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
        job_run_free(jobs->runs.first->owner);
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

/* Somebody may have stopped it. */
static void look_at_run(struct job_run *run)
{
    struct core *c = run->jobs->core;
    struct store_document row;
    const spoke_status status = store_document_get(core_store(c), JOB_KIND, run->id, &row);
    if (status != SPOKE_OK) {
        jobs_lost(c);
        return;
    }
    cJSON *document = cJSON_Parse(row.json);
    run->leaving = strcmp(text_of(document, "status"), "stopped") == 0;
    cJSON_Delete(document);
    store_document_free(&row);
}

void jobs_wake(struct core *c)
{
    struct jobs *jobs = c->jobs;
    if (jobs->lost)
        return; /* it looks anyway, when it goes on */
    jobs->look = true;
    jobs->next_scheduled_ms = 0;
    (void)core_task_set(c, &jobs->task, core_now_ms(c));
    for (struct list_node *at = jobs->runs.first; at != NULL && !jobs->lost; at = at->next)
        if (!((struct job_run *)at->owner)->leaving)
            look_at_run(at->owner);
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
