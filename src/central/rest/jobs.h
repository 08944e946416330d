/* Jobs: what is done to the devices of a group, one after the other. A job is a document, its devices are rows of the
 * store, and the loop does some of them at a time; so a job goes on after a restart, and after a commit that failed. What
 * a turn does to devices and what it notes of them is one commit; a command that was out then is sent again. */
#ifndef SPOKE_SRC_CENTRAL_JOBS_H
#define SPOKE_SRC_CENTRAL_JOBS_H

#include "rest.h"
#include "schedule.h"

#define JOB_KIND "job"
#define SCHEDULED_JOB_KIND "scheduledJob"

/* Members of a job's document that answers do not show. */
#define JOB_ID "jobId"
#define JOB_CREATED "createdMs"
#define JOB_FILLED "filled" /* its devices are known */
/* And of a scheduled one's. */
#define SCHEDULED_NEXT "nextMs" /* not there: never */
#define SCHEDULED_MADE "made"   /* jobs so far */

enum { JOBS_AT_A_TIME = 5, JOBS_KEPT = 1000 };

/* Something was put, stopped or resumed: the loop looks. */
void jobs_wake(struct core *c);

/* What a job and a scheduled one have in common: checks it, and brings it into one form. `more` are the members that it
 * has besides. False, with a reply. */
bool job_form_check(struct rest_call *call, cJSON *document, const char *place, const struct rest_member *more,
                    size_t count);
/* Has the caller the rights for what the job does, in each of its organizations (JSON array; NULL: everywhere)? False,
 * with a reply. */
bool job_form_allowed(struct rest_call *call, const cJSON *document, const char *organizations);
/* A new job's document of a form that was checked; the form's own members are copied. NULL: no memory. */
cJSON *job_create(struct core *c, const char *id, const cJSON *form, const char *scheduled_id);
/* Room for one more: forgets the oldest that has ended, and is not `but` (NULL: any), when there are too many. E_FULL:
 * all of them are under way. */
spoke_status jobs_make_room(struct core *c, const char *but);

/* One to three segments: "setpoint", "hydraulics.setpoint" as component and name. */
void job_path_split(const char *path, char component[SPOKE_MAX_ID_BYTES + 1], char name[SPOKE_MAX_ID_BYTES + 1]);

/* The last moment that counts of a schedule's "date": a time, or a day, all of which does. */
bool schedule_end_read(const char *text, int64_t *out);
/* "schedule" of a scheduled job, which was checked. */
bool schedule_read(const cJSON *schedule, struct schedule *out);

#endif
