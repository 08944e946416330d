/* A job that is under way: finds its devices, does some of them in a turn, and ends. jobs.c says whose turn it is. */
#ifndef SPOKE_SRC_CENTRAL_JOB_RUN_H
#define SPOKE_SRC_CENTRAL_JOB_RUN_H

#include <string.h>

#include "central/core/core_internal.h"
#include "jobs.h"

/* All of them. */
struct jobs {
    struct core *core;
    struct core_task task;
    struct list runs;          /* at most JOBS_AT_A_TIME */
    bool look;                 /* a job may wait for its turn */
    bool lost;                 /* the runs are not what the store has */
    uint64_t resume_ms;        /* when they are read anew then */
    int64_t next_scheduled_ms; /* UTC; SCHEDULE_NEVER: none */
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

/* From the job's document, which says "running" from then on. */
spoke_status job_run_begin(struct jobs *jobs, const struct store_document *row);
/* True: there may be more for the next turn. */
bool job_run_turn(struct job_run *run);
void job_run_free(struct job_run *run);

/* The store could not be read or written, or memory is short, which passes. */
bool jobs_passes(spoke_status status);
/* Trouble is logged, and makes jobs wait. */
spoke_status jobs_put_document(struct core *c, const char *kind, const char *id, const char *organizations,
                               const cJSON *document);

/* --- members of a job's document; what is not there is NULL, "" and 0 --- */

static inline const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static inline const char *text_of(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(member(object, name));
    return text != NULL ? text : "";
}

static inline double number_of(const cJSON *object, const char *name)
{
    const cJSON *item = member(object, name);
    return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

static inline void set(cJSON *object, const char *name, cJSON *value)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, name);
    if (value != NULL)
        cJSON_AddItemToObject(object, name, value);
}

#endif
