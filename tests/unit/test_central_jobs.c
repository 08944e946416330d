/* Jobs and scheduled jobs. */
#include <unistd.h>

#include "central/rest/jobs.h"
#include "central/store/store_query.h"
#include "support/core_fixture.h"

#define PUMP "dtmi:a:pump;1"
#define FORM(id, model) \
    "{\"@id\":\"" id "\",\"@type\":[\"ModelDefinition\",\"DeviceModel\"]," \
    "\"@context\":[\"dtmi:iotcentral:context;2\",\"dtmi:dtdl:context;2\"],\"displayName\":\"Pump\"," \
    "\"capabilityModel\":{\"@id\":\"" model "\",\"@type\":\"Interface\",\"contents\":[" \
    "{\"@type\":\"Property\",\"name\":\"setpoint\",\"schema\":\"double\",\"writable\":true}," \
    "{\"@type\":\"Property\",\"name\":\"firmware\",\"schema\":\"string\"}," \
    "{\"@type\":[\"Property\",\"Cloud\",\"StringValue\"],\"name\":\"city\",\"schema\":\"string\"}," \
    "{\"@type\":\"Command\",\"name\":\"purge\",\"request\":{\"@type\":\"CommandPayload\",\"name\":\"s\",\"schema\":" \
    "\"integer\"}}," \
    "{\"@type\":\"Command\",\"name\":\"tune\",\"request\":{\"@type\":\"CommandPayload\",\"name\":\"t\",\"schema\":" \
    "{\"@type\":\"Object\",\"fields\":[{\"name\":\"status\",\"schema\":\"string\"}]}}}," \
    "{\"@type\":\"Component\",\"name\":\"part\",\"schema\":{\"@id\":\"dtmi:a:part;1\",\"@type\":\"Interface\"," \
    "\"contents\":[{\"@type\":\"Property\",\"name\":\"level\",\"schema\":\"double\",\"writable\":true}]}}]}}"
#define SETPOINT(value) \
    "\"data\":[{\"type\":\"property\",\"target\":\"" PUMP "\",\"path\":\"setpoint\",\"value\":" #value "}]"
#define PURGE "\"data\":[{\"type\":\"command\",\"target\":\"" PUMP "\",\"path\":\"purge\",\"value\":5}]"
#define JOB "/api/jobs/j1"

static void ask(struct fixture *f, const char *method, const char *target, const char *body)
{
    fixture_ask(f, method, target, body);
    if (f->status < 200 || f->status > 299)
        fail_msg("%s %s: %d %s", method, target, f->status, f->text);
}

static void furnish(struct fixture *f)
{
    char target[100];
    ask(f, "PUT", "/api/deviceTemplates/" PUMP, FORM(PUMP, "dtmi:a:m;1"));
    ask(f, "PUT", "/api/deviceTemplates/dtmi:a:pump;2", FORM("dtmi:a:pump;2", "dtmi:a:m;2"));
    for (int i = 1; i <= 4; i++) {
        snprintf(target, sizeof target, "/api/devices/d%d", i);
        ask(f, "PUT", target, "{\"template\":\"" PUMP "\"}");
    }
    ask(f, "PUT", "/api/deviceGroups/g", "{\"displayName\":\"G\",\"filter\":\"SELECT * FROM devices\"}");
}

static int set_up(void **state)
{
    struct fixture *f = fixture_create(false);
    furnish(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture_destroy(*state);
    return 0;
}

static void turns(struct fixture *f, int count)
{
    for (int i = 0; i < count; i++)
        bench_advance(&f->bench, 1);
}

#define assert_progress(f, target, status_, total_, pending_, completed_, failed_) \
    assert_progress_at((f), (target), (status_), (total_), (pending_), (completed_), (failed_), __LINE__)
static void assert_progress_at(struct fixture *f, const char *target, const char *status, int total, int pending,
                               int completed, int failed, int line)
{
    ask(f, "GET", target, "");
    const int got[] = {(int)cJSON_GetNumberValue(fixture_at(f, "progress.total")),
                       (int)cJSON_GetNumberValue(fixture_at(f, "progress.pending")),
                       (int)cJSON_GetNumberValue(fixture_at(f, "progress.completed")),
                       (int)cJSON_GetNumberValue(fixture_at(f, "progress.failed"))};
    if (strcmp(fixture_text(f, "status"), status) != 0 || got[0] != total || got[1] != pending ||
        got[2] != completed || got[3] != failed)
        fail_msg("line %d: %s", line, f->text);
}

/* --- what a job does --- */

static void a_property_job_sets_it_on_every_device(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", JOB,
                "{\"displayName\":\"J\",\"group\":\"g\",\"data\":[{\"type\":\"PropertyJobData\",\"target\":\"" PUMP
                "\",\"path\":\"setpoint\",\"value\":55},{\"type\":\"property\",\"target\":\"" PUMP
                "\",\"path\":\"part.level\",\"value\":7}]}");
    assert_int_equal(f->status, 200);
    assert_string_equal(fixture_text(f, "status"), "pending");
    assert_string_equal(fixture_text(f, "data.0.type"), "property");
    turns(f, 4);
    assert_progress(f, JOB, "complete", 4, 0, 4, 0);
    assert_string_equal(fixture_text(f, "start"), "2026-03-04T05:06:07.090Z");
    assert_true(strcmp(fixture_text(f, "end"), "2026-03-04T05:06:07.089Z") > 0);
    assert_null(fixture_at(f, "jobId"));
    ask(f, "GET", "/api/devices/d3/properties", "");
    assert_int_equal(fixture_at(f, "$metadata.setpoint.desiredValue")->valuedouble, 55);
    assert_int_equal(fixture_at(f, "part.$metadata.level.desiredValue")->valuedouble, 7);
    fixture_ask(f, "GET", JOB "/devices?$top=1", "");
    assert_string_equal(fixture_text(f, "value.0.id"), "d1");
    assert_string_equal(fixture_text(f, "value.0.status"), "completed");
    assert_non_null(fixture_at(f, "nextLink"));
}

static void a_cloud_property_job_keeps_it(void **state)
{
    struct fixture *f = *state;
    ask(f, "PUT", JOB,
        "{\"group\":\"g\",\"data\":[{\"type\":\"cloudProperty\",\"target\":\"" PUMP
        "\",\"path\":\"city\",\"value\":\"Oslo\"}]}");
    turns(f, 4);
    assert_progress(f, JOB, "complete", 4, 0, 4, 0);
    ask(f, "GET", "/api/devices/d1/properties", "");
    assert_string_equal(fixture_text(f, "city"), "Oslo");
}

static void a_migration_gives_another_template(void **state)
{
    struct fixture *f = *state;
    ask(f, "PUT", JOB,
        "{\"group\":\"g\",\"data\":[{\"type\":\"deviceTemplateMigration\",\"template\":\"dtmi:a:pump;2\"}]}");
    turns(f, 4);
    assert_progress(f, JOB, "complete", 4, 0, 4, 0);
    ask(f, "GET", "/api/devices/d2", "");
    assert_string_equal(fixture_text(f, "template"), "dtmi:a:pump;2");
}

static void a_command_job_waits_for_the_answers(void **state)
{
    struct fixture *f = *state;
    ask(f, "DELETE", "/api/devices/d1", "");
    fixture_connect(f, "d1");
    ask(f, "PATCH", "/api/devices/d1", "{\"template\":\"" PUMP "\"}");
    ask(f, "PUT", JOB, "{\"group\":\"g\"," PURGE "}");
    turns(f, 4);
    assert_int_equal(fixture_take(f), SPOKE_MQTT_PUBLISH);
    assert_string_equal(f->payload, "5");
    assert_progress(f, JOB, "running", 4, 1, 0, 3); /* the others are away */
    char topic[400];
    snprintf(topic, sizeof topic, "$iothub/methods/res/200/?$rid=%s", strstr(f->topic, "$rid=") + 5);
    fixture_publish(f, topic, "{}", 0);
    turns(f, 3);
    assert_progress(f, JOB, "complete", 4, 0, 1, 3);
    ask(f, "GET", JOB "/devices", "");
    assert_non_null(strstr(fixture_text(f, "value.1.message"), "not connected"));
    ask(f, "GET", "/api/devices/d1/commands/purge", "");
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "value")), 1);
}

static void a_device_that_refuses_the_command_has_failed(void **state)
{
    struct fixture *f = *state;
    ask(f, "DELETE", "/api/devices/d1", "");
    fixture_connect(f, "d1");
    ask(f, "PATCH", "/api/devices/d1", "{\"template\":\"" PUMP "\"}");
    ask(f, "PUT", JOB, "{\"group\":\"g\"," PURGE "}");
    turns(f, 4);
    assert_int_equal(fixture_take(f), SPOKE_MQTT_PUBLISH);
    char topic[400];
    snprintf(topic, sizeof topic, "$iothub/methods/res/500/?$rid=%s", strstr(f->topic, "$rid=") + 5);
    fixture_publish(f, topic, "{}", 0);
    turns(f, 3);
    assert_progress(f, JOB, "failed", 4, 0, 0, 4);
    ask(f, "GET", JOB "/devices", "");
    assert_string_equal(fixture_text(f, "value.0.message"), "The device answered with 500.");
}

static void a_device_of_another_template_fails_and_says_so(void **state)
{
    struct fixture *f = *state;
    ask(f, "PATCH", "/api/devices/d2", "{\"template\":\"dtmi:a:pump;2\"}");
    ask(f, "PUT", JOB, "{\"group\":\"g\"," SETPOINT(1) "}");
    turns(f, 4);
    assert_progress(f, JOB, "complete", 4, 0, 3, 1);
    ask(f, "GET", JOB "/devices", "");
    assert_string_equal(fixture_text(f, "value.1.status"), "failed");
    assert_non_null(strstr(fixture_text(f, "value.1.message"), "has not the template " PUMP));
}

static void a_job_of_an_empty_group_is_complete(void **state)
{
    struct fixture *f = *state;
    ask(f, "PUT", "/api/deviceGroups/g",
        "{\"displayName\":\"G\",\"filter\":\"SELECT * FROM devices WHERE $id = 'x'\"}");
    ask(f, "PUT", JOB, "{\"group\":\"g\"," SETPOINT(1) "}");
    turns(f, 3);
    assert_progress(f, JOB, "complete", 0, 0, 0, 0);
}

static void a_job_looks_for_its_devices_a_part_at_a_time(void **state)
{
    struct fixture *f = *state;
    char id[20];
    for (unsigned i = 0; i < 4500; i++) {
        snprintf(id, sizeof id, "n%04u", i);
        struct store_device row = {
            .id = id, .template_id = PUMP, .enabled = true, .approved = true, .provisioned = i == 10 || i == 4400};
        assert_ok(store_device_put(core_store(f->bench.core), &row));
    }
    ask(f, "PUT", "/api/deviceGroups/g",
        "{\"displayName\":\"G\",\"filter\":\"SELECT * FROM devices WHERE $provisioned = true\"}");
    ask(f, "PUT", JOB, "{\"group\":\"g\"," SETPOINT(1) "}");
    turns(f, 2);
    assert_progress(f, JOB, "running", 1, 1, 0, 0);
    turns(f, 5);
    assert_progress(f, JOB, "complete", 2, 0, 2, 0);
}

static void a_job_whose_group_went_fails(void **state)
{
    struct fixture *f = *state;
    ask(f, "PUT", JOB, "{\"group\":\"g\"," SETPOINT(1) "}");
    ask(f, "DELETE", "/api/deviceGroups/g", "");
    turns(f, 3);
    assert_progress(f, JOB, "failed", 0, 0, 0, 0);
    assert_string_equal(fixture_text(f, "error"), "the device group does not exist any more");
}

/* --- batches, thresholds, stopping --- */

static void a_batch_begins_when_the_one_before_has_ended(void **state)
{
    struct fixture *f = *state;
    ask(f, "DELETE", "/api/devices/d1", "");
    fixture_connect(f, "d1");
    ask(f, "PATCH", "/api/devices/d1", "{\"template\":\"" PUMP "\"}");
    ask(f, "PUT", JOB, "{\"group\":\"g\",\"batch\":{\"type\":\"percentage\",\"value\":50}," PURGE "}");
    turns(f, 6);
    assert_progress(f, JOB, "running", 4, 3, 0, 1); /* d1 is asked, and d3 and d4 wait for it */
    bench_advance(&f->bench, 31000);
    turns(f, 3);
    assert_progress(f, JOB, "failed", 4, 0, 0, 4);
}

static void too_many_failures_cancel_the_rest(void **state)
{
    struct fixture *f = *state;
    ask(f, "PUT", JOB,
        "{\"group\":\"g\",\"batch\":{\"type\":\"number\",\"value\":1},\"cancellationThreshold\":{\"type\":\"number\","
        "\"value\":1,\"batch\":false}," PURGE "}");
    turns(f, 8);
    assert_progress(f, JOB, "cancelled", 4, 0, 0, 2);
    ask(f, "GET", JOB "/devices", "");
    assert_string_equal(fixture_text(f, "value.2.status"), "cancelled");
}

static void a_threshold_of_batches_begins_anew_with_each(void **state)
{
    struct fixture *f = *state;
    ask(f, "PATCH", "/api/devices/d1", "{\"template\":\"dtmi:a:pump;2\"}");
    ask(f, "PATCH", "/api/devices/d3", "{\"template\":\"dtmi:a:pump;2\"}");
    ask(f, "PUT", JOB,
        "{\"group\":\"g\",\"batch\":{\"type\":\"number\",\"value\":2},\"cancellationThreshold\":{\"type\":\"percentage\","
        "\"value\":50,\"batch\":true}," SETPOINT(1) "}");
    turns(f, 8);
    assert_progress(f, JOB, "complete", 4, 0, 2, 2);
}

static void a_stopped_job_goes_on_when_it_is_resumed(void **state)
{
    struct fixture *f = *state;
    ask(f, "PUT", JOB, "{\"group\":\"g\",\"batch\":{\"type\":\"number\",\"value\":1}," SETPOINT(1) "}");
    turns(f, 2);
    assert_progress(f, JOB, "running", 4, 3, 1, 0);
    fixture_ask(f, "POST", JOB "/stop", "");
    assert_answer(f, 204, "");
    turns(f, 3);
    assert_progress(f, JOB, "stopped", 4, 3, 1, 0);
    fixture_ask(f, "POST", JOB "/stop", "");
    assert_refused(f, 409, "Conflict", "The job is stopped");
    fixture_ask(f, "POST", JOB "/resume", "");
    assert_answer(f, 204, "");
    turns(f, 8);
    assert_progress(f, JOB, "complete", 4, 0, 4, 0);
    fixture_ask(f, "POST", JOB "/resume", "");
    assert_refused(f, 409, "Conflict", "The job is complete");
}

static void a_job_resumed_while_a_command_of_it_is_out_goes_on_behind_it(void **state)
{
    struct fixture *f = *state;
    ask(f, "DELETE", "/api/devices/d1", "");
    fixture_connect(f, "d1");
    ask(f, "PATCH", "/api/devices/d1", "{\"template\":\"" PUMP "\"}");
    ask(f, "PUT", JOB, "{\"group\":\"g\",\"batch\":{\"type\":\"number\",\"value\":1}," PURGE "}");
    turns(f, 3);
    ask(f, "POST", JOB "/stop", "");
    turns(f, 1);
    ask(f, "POST", JOB "/resume", "");
    turns(f, 1);
    assert_progress(f, JOB, "pending", 4, 4, 0, 0);
    bench_advance(&f->bench, 31000);
    turns(f, 8);
    assert_progress(f, JOB, "failed", 4, 0, 0, 4);
}

static void a_rerun_is_for_the_devices_that_failed(void **state)
{
    struct fixture *f = *state;
    ask(f, "PATCH", "/api/devices/d2", "{\"template\":\"dtmi:a:pump;2\"}");
    ask(f, "PUT", JOB, "{\"group\":\"g\"," SETPOINT(1) "}");
    fixture_ask(f, "PUT", JOB "/rerun/j2", "");
    assert_refused(f, 409, "Conflict", "once it has ended");
    turns(f, 4);
    ask(f, "PATCH", "/api/devices/d2", "{\"template\":\"" PUMP "\"}");
    fixture_ask(f, "PUT", JOB "/rerun/j1", "");
    assert_refused(f, 409, "Conflict", "exists already");
    fixture_ask(f, "PUT", JOB "/rerun/j.2", "");
    assert_refused(f, 400, "InvalidRequest", "letters");
    fixture_ask(f, "PUT", JOB "/rerun/j2", "");
    assert_int_equal(f->status, 200);
    assert_string_equal(fixture_text(f, "id"), "j2");
    turns(f, 4);
    assert_progress(f, "/api/jobs/j2", "complete", 1, 0, 1, 0);
    fixture_ask(f, "PUT", "/api/jobs/j2/rerun/j3", "");
    assert_refused(f, 409, "Conflict", "No device of the job failed");
}

static void five_jobs_run_at_a_time(void **state)
{
    struct fixture *f = *state;
    char target[40];
    ask(f, "DELETE", "/api/devices/d1", "");
    fixture_connect(f, "d1");
    ask(f, "PATCH", "/api/devices/d1", "{\"template\":\"" PUMP "\"}");
    for (int i = 0; i < 6; i++) {
        snprintf(target, sizeof target, "/api/jobs/k%d", i);
        ask(f, "PUT", target, "{\"group\":\"g\"," PURGE "}");
        turns(f, 4);
    }
    assert_progress(f, "/api/jobs/k4", "running", 4, 1, 0, 3);
    assert_progress(f, "/api/jobs/k5", "pending", 0, 0, 0, 0);
    bench_advance(&f->bench, 31000);
    turns(f, 6);
    assert_progress(f, "/api/jobs/k5", "running", 4, 1, 0, 3);
}

/* --- what was written does not last --- */

static int refuse_commit(void *count)
{
    ++*(int *)count;
    return 1;
}

static int count_commit(void *count)
{
    ++*(int *)count;
    return 0;
}

static void a_turn_of_a_job_is_one_commit(void **state)
{
    struct fixture *f = *state;
    int commits = 0;
    ask(f, "PUT", JOB, "{\"group\":\"g\"," SETPOINT(1) "}");
    (void)sqlite3_commit_hook(core_store(f->bench.core)->db, count_commit, &commits);
    turns(f, 4);
    (void)sqlite3_commit_hook(core_store(f->bench.core)->db, NULL, NULL);
    assert_progress(f, JOB, "complete", 4, 0, 4, 0);
    assert_in_range(commits, 1, 3); /* who is in the group, four devices, the end */
}

static void a_store_that_refuses_commits_is_left_alone_for_a_while(void **state)
{
    struct fixture *f = *state;
    int refused = 0;
    ask(f, "PUT", JOB, "{\"group\":\"g\"," SETPOINT(1) "}");
    turns(f, 1);
    (void)sqlite3_commit_hook(core_store(f->bench.core)->db, refuse_commit, &refused);
    turns(f, 200);
    (void)sqlite3_commit_hook(core_store(f->bench.core)->db, NULL, NULL);
    assert_in_range(refused, 1, 2);
    assert_progress(f, JOB, "running", 4, 4, 0, 0);
    bench_advance(&f->bench, 10000);
    turns(f, 4);
    assert_progress(f, JOB, "complete", 4, 0, 4, 0);
}

/* The commit after the last device's answer: no other would wake the job. */
static void a_job_whose_end_was_not_stored_ends_all_the_same(void **state)
{
    struct fixture *f = *state;
    int refused = 0;
    ask(f, "PUT", JOB, "{\"group\":\"g\"," SETPOINT(1) "}");
    turns(f, 2);
    assert_progress(f, JOB, "running", 4, 0, 4, 0);
    (void)sqlite3_commit_hook(core_store(f->bench.core)->db, refuse_commit, &refused);
    turns(f, 1);
    (void)sqlite3_commit_hook(core_store(f->bench.core)->db, NULL, NULL);
    assert_int_equal(refused, 1);
    assert_progress(f, JOB, "running", 4, 0, 4, 0);
    bench_advance(&f->bench, 10000);
    turns(f, 2);
    assert_progress(f, JOB, "complete", 4, 0, 4, 0);
}

/* --- the store, and a restart --- */

#define AT_MOST_ONE_OF_A_BATCH "\"cancellationThreshold\":{\"type\":\"number\",\"value\":1,\"batch\":true},"

/* On a file, so that it can start anew. */
static struct fixture *on_file(char path[64])
{
    struct fixture *f = fixture_create(false);
    bench_close(&f->bench);
    (void)snprintf(path, 64, "/tmp/spoke_jobs_XXXXXX");
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    f->bench.options.store_path = path;
    bench_start(&f->bench);
    furnish(f);
    return f;
}

static void leave_file(struct fixture *f, const char *path)
{
    static const char *const ENDS[] = {"", "-wal", "-shm"};
    char name[80];
    fixture_destroy(f);
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(name, sizeof name, "%s%s", path, ENDS[i]);
        (void)unlink(name);
    }
}

static void note_device(struct fixture *f, const char *device_id, enum store_job_state state)
{
    assert_ok(store_job_device_put(core_store(f->bench.core), "j1", device_id, state, NULL));
}

static void failures_of_a_batch_count_after_a_restart(void **state)
{
    char path[64];
    struct fixture *f = on_file(path);
    (void)state;
    ask(f, "PUT", JOB,
        "{\"group\":\"g\",\"batch\":{\"type\":\"number\",\"value\":4}," AT_MOST_ONE_OF_A_BATCH PURGE "}");
    turns(f, 1); /* the devices are known */
    note_device(f, "d1", STORE_JOB_FAILED);
    bench_close(&f->bench);
    bench_start(&f->bench);
    turns(f, 4); /* nobody is there: d2 fails */
    assert_progress(f, JOB, "cancelled", 4, 0, 0, 2);
    leave_file(f, path);
}

static void failures_of_batches_before_do_not_count_after_a_restart(void **state)
{
    char path[64];
    struct fixture *f = on_file(path);
    (void)state;
    ask(f, "PUT", JOB,
        "{\"group\":\"g\",\"batch\":{\"type\":\"number\",\"value\":2}," AT_MOST_ONE_OF_A_BATCH PURGE "}");
    turns(f, 1);
    note_device(f, "d1", STORE_JOB_FAILED);
    note_device(f, "d2", STORE_JOB_COMPLETED);
    bench_close(&f->bench);
    bench_start(&f->bench);
    turns(f, 4); /* d3 fails, and then d4 */
    assert_progress(f, JOB, "cancelled", 4, 0, 1, 3);
    leave_file(f, path);
}

static void a_job_goes_on_after_a_restart(void **state)
{
    char path[64];
    struct fixture *f = on_file(path);
    (void)state;
    ask(f, "PUT", JOB, "{\"group\":\"g\",\"batch\":{\"type\":\"number\",\"value\":1}," SETPOINT(1) "}");
    turns(f, 2);
    assert_progress(f, JOB, "running", 4, 3, 1, 0);
    bench_close(&f->bench);
    bench_start(&f->bench);
    assert_progress(f, JOB, "running", 4, 3, 1, 0);
    turns(f, 8);
    assert_progress(f, JOB, "complete", 4, 0, 4, 0);
    leave_file(f, path);
}

static void run_sql(struct fixture *f, const char *sql)
{
    assert_ok(core_commit(f->bench.core));
    assert_int_equal(sqlite3_exec(core_store(f->bench.core)->db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void a_job_whose_devices_cannot_be_read_is_not_complete(void **state)
{
    struct fixture *f = *state;
    ask(f, "PUT", JOB, "{\"group\":\"g\"," SETPOINT(1) "}");
    turns(f, 1);
    run_sql(f, "ALTER TABLE job_device RENAME TO away");
    turns(f, 5);
    bench_advance(&f->bench, 15000); /* it tries again */
    run_sql(f, "ALTER TABLE away RENAME TO job_device");
    assert_progress(f, JOB, "running", 4, 4, 0, 0);
    bench_advance(&f->bench, 15000);
    turns(f, 4);
    assert_progress(f, JOB, "complete", 4, 0, 4, 0);
}

static void a_device_that_cannot_be_read_has_not_failed(void **state)
{
    struct fixture *f = *state;
    ask(f, "PUT", JOB, "{\"group\":\"g\"," SETPOINT(1) "}");
    turns(f, 1);
    run_sql(f, "ALTER TABLE device RENAME TO away");
    turns(f, 3);
    run_sql(f, "ALTER TABLE away RENAME TO device");
    assert_progress(f, JOB, "running", 4, 4, 0, 0);
    bench_advance(&f->bench, 15000);
    turns(f, 4);
    assert_progress(f, JOB, "complete", 4, 0, 4, 0);
}

static void jobs_that_cannot_be_read_are_looked_for_again(void **state)
{
    struct fixture *f = *state;
    ask(f, "PUT", JOB, "{\"group\":\"g\"," SETPOINT(1) "}");
    run_sql(f, "ALTER TABLE document RENAME TO away");
    turns(f, 3);
    run_sql(f, "ALTER TABLE away RENAME TO document");
    bench_advance(&f->bench, 15000);
    turns(f, 4);
    assert_progress(f, JOB, "complete", 4, 0, 4, 0);
}

/* --- bad input --- */

static void a_job_that_cannot_be_is_refused(void **state)
{
    static const char *const CASES[][2] = {
        {"{}", "\"group\" of a job"},
        {"{\"group\":\"none\"," SETPOINT(1) "}", "There is no device group none"},
        {"{\"group\":\"g\"}", "array of 1 to 100"},
        {"{\"group\":\"g\",\"data\":[]}", "array of 1 to 100"},
        {"{\"group\":\"g\",\"data\":[1]}", "each has to be an object"},
        {"{\"group\":\"g\",\"data\":[{\"type\":\"x\"}]}", "\"type\" has to be property"},
        {"{\"group\":\"g\",\"data\":[{\"type\":\"property\"}]}", "\"target\" (a device template)"},
        {"{\"group\":\"g\",\"data\":[{\"type\":\"property\",\"target\":\"" PUMP "\",\"path\":\"setpoint\"}]}",
         "\"value\" is needed"},
        {"{\"group\":\"g\",\"data\":[{\"type\":\"property\",\"target\":\"dtmi:a:x;1\",\"path\":\"a\",\"value\":1}]}",
         "There is no device template dtmi:a:x;1"},
        {"{\"group\":\"g\"," SETPOINT("x") "}", "expected a number"},
        {"{\"group\":\"g\",\"data\":[{\"type\":\"property\",\"target\":\"" PUMP "\",\"path\":\"x\",\"value\":1}]}",
         "has no property 'x'"},
        {"{\"group\":\"g\",\"data\":[{\"type\":\"property\",\"target\":\"" PUMP
         "\",\"path\":\"firmware\",\"value\":\"1\"}]}",
         "read-only"},
        {"{\"group\":\"g\",\"data\":[{\"type\":\"property\",\"target\":\"" PUMP
         "\",\"path\":\"city\",\"value\":\"x\"}]}",
         "its type is cloudProperty"},
        {"{\"group\":\"g\",\"data\":[{\"type\":\"cloudProperty\",\"target\":\"" PUMP
         "\",\"path\":\"setpoint\",\"value\":1}]}",
         "its type is property"},
        {"{\"group\":\"g\",\"data\":[{\"type\":\"command\",\"target\":\"" PUMP
         "\",\"path\":\"purge\",\"value\":\"x\"}]}",
         "purge"},
        {"{\"group\":\"g\",\"data\":[{\"type\":\"deviceTemplateMigration\"}]}", "a migration has \"template\""},
        {"{\"group\":\"g\",\"data\":[{\"type\":\"deviceTemplateMigration\",\"template\":\"" PUMP
         "\"},{\"type\":\"deviceTemplateMigration\",\"template\":\"" PUMP "\"}]}",
         "stands alone"},
        {"{\"group\":\"g\",\"data\":[{\"type\":\"property\",\"target\":\"" PUMP
         "\",\"path\":\"setpoint\",\"value\":1},{\"type\":\"cloudProperty\",\"target\":\"" PUMP
         "\",\"path\":\"city\",\"value\":\"x\"}]}",
         "all of it has to be of one type"},
        {"{\"group\":\"g\",\"batch\":{\"type\":\"x\",\"value\":1}," SETPOINT(1) "}",
         "\"number\" or \"percentage\""},
        {"{\"group\":\"g\",\"batch\":{\"type\":\"number\",\"value\":0}," SETPOINT(1) "}", "from 1 to 1000000"},
        {"{\"group\":\"g\",\"batch\":{\"type\":\"percentage\",\"value\":101}," SETPOINT(1) "}", "from 1 to 100"},
        {"{\"group\":\"g\",\"cancellationThreshold\":{\"type\":\"number\",\"value\":1.5}," SETPOINT(1) "}",
         "whole number"},
        {"{\"group\":\"g\",\"x\":1," SETPOINT(1) "}", "\"x\" is not a member of a job"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        fixture_ask(f, "PUT", JOB, CASES[i][0]);
        assert_refused(f, 400, "InvalidBody", CASES[i][1]);
    }
    ask(f, "PUT", JOB, "{\"group\":\"g\"," SETPOINT(1) "}");
    fixture_ask(f, "PUT", JOB, "{\"group\":\"g\"," SETPOINT(1) "}");
    assert_refused(f, 409, "Conflict", "exists already");
    fixture_ask(f, "PUT", "/api/jobs/a.b", "{\"group\":\"g\"," SETPOINT(1) "}");
    assert_refused(f, 400, "InvalidRequest", "letters");
}

/* --- who may --- */

static char *token_of(struct fixture *f, const char *body)
{
    ask(f, "PUT", "/api/apiTokens/t", body);
    return strdup(fixture_text(f, "token"));
}

static void a_job_may_do_what_its_maker_may(void **state)
{
    struct fixture *f = *state;
    ask(f, "PUT", "/api/roles/timer",
        "{\"displayName\":\"T\",\"rights\":[\"job.read\",\"job.write\",\"group.read\"]}");
    char *token = token_of(f, "{\"roles\":[{\"role\":\"timer\"}]}");
    fixture_ask_as(f, "PUT", JOB "?api-version=2022-07-31", "{\"group\":\"g\"," SETPOINT(1) "}", false, token);
    assert_refused(f, 403, "Forbidden", "what the job does");
    fixture_ask_as(f, "PUT", JOB "?api-version=2022-07-31", "{\"group\":\"g\"," PURGE "}", false, token);
    assert_refused(f, 403, "Forbidden", "what the job does");
    free(token);
}

static void a_job_of_an_organization_leaves_the_devices_of_others_alone(void **state)
{
    struct fixture *f = *state;
    ask(f, "PUT", "/api/organizations/oslo", "{\"displayName\":\"O\"}");
    ask(f, "PATCH", "/api/devices/d1", "{\"organizations\":[\"oslo\"]}");
    ask(f, "PATCH", "/api/deviceGroups/g", "{\"organizations\":[\"oslo\"]}");
    char *token =
        token_of(f, "{\"roles\":[{\"role\":\"ae2c9854-393b-4f97-8c42-479d70ce626e\",\"organization\":\"oslo\"}]}");
    fixture_ask_as(f, "PUT", JOB "?api-version=2022-07-31", "{\"group\":\"g\"," SETPOINT(1) "}", false, token);
    assert_int_equal(f->status, 200);
    ask(f, "PATCH", "/api/deviceGroups/g", "{\"organizations\":[]}");
    turns(f, 5);
    assert_progress(f, JOB, "complete", 1, 0, 1, 0);
    free(token);
}

/* --- many --- */

static void crowd(struct fixture *f, int count, const char *filter)
{
    char id[20];
    for (int i = 0; i < count; i++) {
        snprintf(id, sizeof id, "e%04d", i);
        const struct store_device row = {
            .id = id, .template_id = (char[]){PUMP}, .enabled = true, .approved = true};
        assert_ok(store_device_put(core_store(f->bench.core), &row));
    }
    ask(f, "PUT", "/api/deviceGroups/g", filter);
}

static void a_job_resumed_before_its_devices_are_known_finds_them_anew(void **state)
{
    struct fixture *f = *state;
    crowd(f, 1200, "{\"displayName\":\"G\",\"filter\":\"SELECT * FROM devices\"}");
    ask(f, "PUT", JOB, "{\"group\":\"g\"," SETPOINT(1) "}");
    turns(f, 1);
    ask(f, "POST", JOB "/stop", "");
    turns(f, 1);
    ask(f, "PUT", "/api/deviceGroups/g",
        "{\"displayName\":\"G\",\"filter\":\"SELECT * FROM devices WHERE $id = 'd1'\"}");
    ask(f, "POST", JOB "/resume", "");
    turns(f, 6);
    assert_progress(f, JOB, "complete", 1, 0, 1, 0);
}

/* As many as are kept. */
static void put_jobs(struct fixture *f, int count, const char *status)
{
    char id[20], json[100];
    for (int i = 0; i < count; i++) {
        snprintf(id, sizeof id, "old%d", i);
        snprintf(json, sizeof json, "{\"status\":\"%s\",\"jobId\":\"%s\",\"createdMs\":%d}", status, id, 2000 + i);
        const struct store_document row = {.kind = (char[]){"job"}, .id = id, .json = json, .etag = 1};
        assert_ok(store_document_put(core_store(f->bench.core), &row));
    }
}

static void a_job_that_is_refused_takes_no_other_away(void **state)
{
    struct fixture *f = *state;
    put_jobs(f, 1000, "complete");
    ask(f, "PUT", "/api/roles/timer",
        "{\"displayName\":\"T\",\"rights\":[\"job.read\",\"job.write\",\"group.read\"]}");
    char *token = token_of(f, "{\"roles\":[{\"role\":\"timer\"}]}");
    fixture_ask_as(f, "PUT", JOB "?api-version=2022-07-31", "{\"group\":\"g\"," SETPOINT(1) "}", false, token);
    assert_refused(f, 403, "Forbidden", "what the job does");
    ask(f, "GET", "/api/jobs/old0", "");
    ask(f, "PUT", JOB, "{\"group\":\"g\"," SETPOINT(1) "}");
    fixture_ask(f, "GET", "/api/jobs/old0", "");
    assert_refused(f, 404, "NotFound", "old0");
    free(token);
}

static void a_job_that_is_run_again_makes_no_room_for_that(void **state)
{
    struct fixture *f = *state;
    ask(f, "PATCH", "/api/devices/d2", "{\"template\":\"dtmi:a:pump;2\"}");
    f->bench.start_ms = 1000; /* older than those below */
    ask(f, "PUT", JOB, "{\"group\":\"g\"," SETPOINT(1) "}");
    turns(f, 4);
    put_jobs(f, 999, "stopped");
    fixture_ask(f, "PUT", JOB "/rerun/j2", "");
    assert_refused(f, 422, "UnprocessableEntity", "1000 jobs");
    put_jobs(f, 999, "complete");
    fixture_ask(f, "PUT", JOB "/rerun/j2", "");
    assert_int_equal(f->status, 200);
    assert_progress(f, "/api/jobs/j2", "pending", 1, 1, 0, 0);
    ask(f, "GET", JOB, "");
}

static void a_page_of_large_jobs_has_few(void **state)
{
    struct fixture *f = *state;
    char id[20];
    put_jobs(f, 3, "complete");
    for (int i = 0; i < 30000; i++) {
        snprintf(id, sizeof id, "e%05d", i / 3);
        assert_ok(store_job_device_put(core_store(f->bench.core), (const char *[]){"old0", "old1", "old2"}[i % 3],
                                       id, STORE_JOB_COMPLETED, NULL));
    }
    ask(f, "GET", "/api/jobs", "");
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "value")), 2);
    assert_int_equal(fixture_at(f, "value.1.progress.completed")->valuedouble, 10000);
    assert_non_null(strstr(fixture_text(f, "nextLink"), "skiptoken=old1"));
    ask(f, "GET", "/api/jobs?$skiptoken=old1", "");
    assert_int_equal(cJSON_GetArraySize(fixture_at(f, "value")), 1);
    assert_null(fixture_at(f, "nextLink"));
}

/* A word of a request is no word of the job. */
static void a_value_that_says_stopped_stops_no_job(void **state)
{
    struct fixture *f = *state;
    char topic[400];
    ask(f, "DELETE", "/api/devices/d2", "");
    fixture_connect(f, "d2");
    ask(f, "PATCH", "/api/devices/d2", "{\"template\":\"" PUMP "\"}");
    ask(f, "PUT", JOB,
        "{\"group\":\"g\",\"batch\":{\"type\":\"number\",\"value\":2},\"cancellationThreshold\":{\"type\":\"number\","
        "\"value\":1,\"batch\":true},\"data\":[{\"type\":\"command\",\"target\":\"" PUMP
        "\",\"path\":\"tune\",\"value\":{\"status\":\"stopped\"}}]}");
    turns(f, 4);
    assert_progress(f, JOB, "running", 4, 3, 0, 1); /* d1 is away, and d2 is asked */
    ask(f, "PUT", "/api/jobs/j2", "{\"group\":\"g\"," SETPOINT(1) "}");
    turns(f, 4);
    while (fixture_take(f) != 0 && strstr(f->topic, "methods/POST/tune") == NULL)
        continue;
    snprintf(topic, sizeof topic, "$iothub/methods/res/500/?$rid=%s", strstr(f->topic, "$rid=") + 5);
    fixture_publish(f, topic, "{}", 0);
    turns(f, 4);
    assert_progress(f, JOB, "cancelled", 4, 0, 0, 2);
}

/* Two organizations with a device each; the group is of both. */
static void divide(struct fixture *f)
{
    ask(f, "PUT", "/api/organizations/oslo", "{\"displayName\":\"O\"}");
    ask(f, "PUT", "/api/organizations/bergen", "{\"displayName\":\"B\"}");
    ask(f, "PATCH", "/api/devices/d1", "{\"organizations\":[\"oslo\"]}");
    ask(f, "PATCH", "/api/devices/d2", "{\"organizations\":[\"bergen\"]}");
    ask(f, "PATCH", "/api/deviceGroups/g", "{\"organizations\":[\"oslo\",\"bergen\"]}");
}

#define ADMINISTRATOR "ca310b8d-2f4a-44e0-a36e-957c202cd8d4"
#define OPERATOR "ae2c9854-393b-4f97-8c42-479d70ce626e"
#define OF_OSLO "{\"roles\":[{\"role\":\"" OPERATOR "\",\"organization\":\"oslo\"}]}"
#define OF_BOTH "\"organizations\":[\"oslo\",\"bergen\"],"
#define SAYS_VERSION "?api-version=2022-07-31"

static void rights_of_one_organization_make_no_job_in_another(void **state)
{
    struct fixture *f = *state;
    divide(f);
    ask(f, "PUT", "/api/roles/timer",
        "{\"displayName\":\"T\",\"rights\":[\"job.read\",\"job.write\",\"group.read\"]}");
    char *token =
        token_of(f, "{\"roles\":[{\"role\":\"timer\"},{\"role\":\"" OPERATOR "\",\"organization\":\"oslo\"}]}");
    fixture_ask_as(f, "PUT", JOB SAYS_VERSION, "{\"group\":\"g\"," PURGE "}", false, token);
    assert_refused(f, 403, "Forbidden", "in each of its organizations");
    fixture_ask_as(f, "PUT", JOB SAYS_VERSION, "{\"organizations\":[\"bergen\"],\"group\":\"g\"," SETPOINT(1) "}",
                   false, token);
    assert_refused(f, 403, "Forbidden", "in each of its organizations");
    fixture_ask_as(f, "PUT", JOB SAYS_VERSION, "{" OF_BOTH "\"group\":\"g\"," SETPOINT(1) "}", false, token);
    assert_refused(f, 403, "Forbidden", "in each of its organizations");
    fixture_ask(f, "GET", JOB, "");
    assert_int_equal(f->status, 404);
    fixture_ask_as(f, "PUT", JOB SAYS_VERSION, "{\"organizations\":[\"oslo\"],\"group\":\"g\"," SETPOINT(1) "}",
                   false, token);
    assert_int_equal(f->status, 200);
    free(token);
}

static void a_job_of_two_organizations_is_not_one_s_to_turn(void **state)
{
    struct fixture *f = *state;
    divide(f);
    char *token = token_of(f, "{\"roles\":[{\"role\":\"" ADMINISTRATOR "\",\"organization\":\"oslo\"}]}");
    ask(f, "PUT", JOB, "{" OF_BOTH "\"group\":\"g\"," SETPOINT(1) "}");
    fixture_ask_as(f, "POST", JOB "/stop" SAYS_VERSION, "", false, token);
    assert_refused(f, 403, "Forbidden", "of other organizations too");
    ask(f, "POST", JOB "/stop", "");
    fixture_ask_as(f, "POST", JOB "/resume" SAYS_VERSION, "", false, token);
    assert_refused(f, 403, "Forbidden", "in each of its organizations");
    fixture_ask_as(f, "PUT", JOB "/rerun/j2" SAYS_VERSION, "", false, token);
    assert_refused(f, 403, "Forbidden", "in each of its organizations");
    ask(f, "PUT", "/api/scheduledJobs/s1",
        "{" OF_BOTH "\"group\":\"g\"," SETPOINT(1) ",\"schedule\":{\"start\":\"2026-03-04T06:06:07Z\"}}");
    fixture_ask_as(f, "PATCH", "/api/scheduledJobs/s1" SAYS_VERSION, "{" SETPOINT(2) "}", false, token);
    assert_refused(f, 403, "Forbidden", "in each of its organizations");
    fixture_ask_as(f, "DELETE", "/api/scheduledJobs/s1" SAYS_VERSION, "", false, token);
    assert_refused(f, 403, "Forbidden", "other organizations too");
    fixture_ask_as(f, "PATCH", "/api/deviceGroups/g" SAYS_VERSION, "{\"displayName\":\"x\"}", false, token);
    assert_refused(f, 403, "Forbidden", "of other organizations too");
    ask(f, "GET", "/api/scheduledJobs/s1", "");
    assert_int_equal(fixture_at(f, "data.0.value")->valuedouble, 1);
    free(token);
}

static void whoever_may_not_run_a_command_does_not_run_its_job_again(void **state)
{
    struct fixture *f = *state;
    ask(f, "PUT", "/api/roles/timer", "{\"displayName\":\"T\",\"rights\":[\"job.read\",\"job.write\"]}");
    char *token = token_of(f, "{\"roles\":[{\"role\":\"timer\"}]}");
    ask(f, "PUT", JOB, "{\"group\":\"g\"," PURGE "}");
    fixture_ask_as(f, "POST", JOB "/stop" SAYS_VERSION, "", false, token);
    assert_answer(f, 204, "");
    fixture_ask_as(f, "POST", JOB "/resume" SAYS_VERSION, "", false, token);
    assert_refused(f, 403, "Forbidden", "what the job does");
    ask(f, "POST", JOB "/resume", "");
    turns(f, 5);
    fixture_ask_as(f, "PUT", JOB "/rerun/j2" SAYS_VERSION, "", false, token);
    assert_refused(f, 403, "Forbidden", "what the job does");
    free(token);
}

static void a_job_leaves_a_device_alone_that_went_elsewhere(void **state)
{
    struct fixture *f = *state;
    divide(f);
    char *token = token_of(f, OF_OSLO);
    ask(f, "PATCH", "/api/devices/d1", "{\"template\":\"dtmi:a:pump;2\"}");
    fixture_ask_as(f, "PUT", JOB SAYS_VERSION, "{\"group\":\"g\"," SETPOINT(1) "}", false, token);
    turns(f, 5);
    assert_progress(f, JOB, "failed", 1, 0, 0, 1);
    ask(f, "PATCH", "/api/devices/d1", "{\"template\":\"" PUMP "\",\"organizations\":[\"bergen\"]}");
    fixture_ask_as(f, "PUT", JOB "/rerun/j2" SAYS_VERSION, "", false, token);
    assert_int_equal(f->status, 200);
    turns(f, 5);
    assert_progress(f, "/api/jobs/j2", "failed", 1, 0, 0, 1);
    ask(f, "GET", "/api/jobs/j2/devices", "");
    assert_string_equal(fixture_text(f, "value.0.message"), "The device is not of the job's organization.");
    fixture_ask_as(f, "GET", "/api/jobs/j2/devices" SAYS_VERSION, "", false, token);
    assert_answer(f, 200, "{\"value\":[]}");
    ask(f, "GET", "/api/devices/d1/properties", "");
    assert_null(fixture_at(f, "$metadata.setpoint.desiredValue"));
    free(token);
}

/* --- scheduled jobs --- */

#define SCHEDULED "/api/scheduledJobs/s1"
#define HOUR_MS (INT64_C(3600) * 1000)

static int made_by(struct fixture *f)
{
    ask(f, "GET", SCHEDULED "/jobs", "");
    return cJSON_GetArraySize(fixture_at(f, "value"));
}

static void a_scheduled_job_makes_jobs_when_it_is_time(void **state)
{
    struct fixture *f = *state;
    fixture_ask(f, "PUT", SCHEDULED,
                "{\"displayName\":\"S\",\"group\":\"g\"," SETPOINT(
                    9) ",\"schedule\":{\"start\":\"2026-03-04T06:06:07.089Z\","
                       "\"recurrence\":\"daily\",\"end\":{\"type\":\"occurrences\",\"occurrences\":2}}}");
    assert_int_equal(f->status, 200);
    assert_true(cJSON_IsTrue(fixture_at(f, "enabled")));
    assert_true(cJSON_IsFalse(fixture_at(f, "completed")));
    assert_null(fixture_at(f, "nextMs"));
    turns(f, 2);
    assert_int_equal(made_by(f), 0);
    bench_advance(&f->bench, HOUR_MS);
    turns(f, 4);
    assert_int_equal(made_by(f), 1);
    assert_string_equal(fixture_text(f, "value.0.id"), "s1-1");
    assert_string_equal(fixture_text(f, "value.0.scheduledJobId"), "s1");
    assert_string_equal(fixture_text(f, "value.0.status"), "complete");
    bench_advance(&f->bench, 24 * HOUR_MS);
    turns(f, 4);
    assert_int_equal(made_by(f), 2);
    bench_advance(&f->bench, 24 * HOUR_MS);
    turns(f, 4);
    assert_int_equal(made_by(f), 2);
    ask(f, "GET", SCHEDULED, "");
    assert_true(cJSON_IsTrue(fixture_at(f, "completed")));
}

static int jobs_there(struct fixture *f)
{
    size_t count = 0;
    assert_ok(store_document_count(core_store(f->bench.core), "job", &count));
    return (int)count;
}

static void a_schedule_that_ends_with_a_day_has_that_day(void **state)
{
    struct fixture *f = *state;
    ask(f, "PUT", SCHEDULED,
        "{\"group\":\"g\"," SETPOINT(
            12) ","
                "\"schedule\":{\"start\":\"2026-03-04T06:00:00Z\",\"recurrence\":\"daily\","
                "\"end\":{\"type\":\"date\",\"date\":\"2026-03-05\"}}}");
    bench_advance(&f->bench, HOUR_MS);
    turns(f, 5);
    fixture_ask(f, "GET", SCHEDULED, "");
    assert_true(cJSON_IsFalse(fixture_at(f, "completed")));
    bench_advance(&f->bench, 24 * HOUR_MS);
    turns(f, 5);
    assert_progress(f, "/api/jobs/s1-2", "complete", 4, 0, 4, 0);
    fixture_ask(f, "GET", SCHEDULED, "");
    assert_true(cJSON_IsTrue(fixture_at(f, "completed")));
    assert_string_equal(fixture_text(f, "schedule.end.date"), "2026-03-05");
}

static void of_scheduled_jobs_that_are_due_at_once_a_turn_makes_some(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 12; i++) {
        char target[60];
        (void)snprintf(target, sizeof target, "/api/scheduledJobs/at-once-%d", i);
        ask(f, "PUT", target,
            "{\"group\":\"g\"," SETPOINT(9) ",\"schedule\":{\"start\":\"2026-03-04T06:06:07.089Z\"}}");
    }
    bench_advance(&f->bench, HOUR_MS);
    assert_in_range(jobs_there(f), 1, 5);
    turns(f, 2);
    assert_int_equal(jobs_there(f), 12);
}

static void a_scheduled_job_whose_room_cannot_be_made_is_made_later(void **state)
{
    struct fixture *f = *state;
    char id[20];
    for (int i = 0; i < JOBS_KEPT; i++) {
        (void)snprintf(id, sizeof id, "old-%d", i);
        const struct store_document row = {
            .kind = (char[]){"job"}, .id = id, .json = (char[]){"{\"status\":\"complete\",\"createdMs\":1}"}};
        assert_ok(store_document_put(core_store(f->bench.core), &row));
    }
    ask(f, "PUT", SCHEDULED,
        "{\"group\":\"g\"," SETPOINT(9) ",\"schedule\":{\"start\":\"2026-03-04T06:06:07.089Z\"}}");
    run_sql(f, "ALTER TABLE job_device RENAME TO away");
    bench_advance(&f->bench, HOUR_MS);
    run_sql(f, "ALTER TABLE away RENAME TO job_device");
    bench_advance(&f->bench, 15000);
    turns(f, 4);
    ask(f, "GET", "/api/jobs/s1-1", "");
    assert_int_equal(f->status, 200);
}

static void what_was_missed_is_made_up_for_once(void **state)
{
    struct fixture *f = *state;
    ask(f, "PUT", SCHEDULED,
        "{\"group\":\"g\"," SETPOINT(
            9) ",\"schedule\":{\"start\":\"2026-03-04T06:00:00Z\",\"recurrence\":\"daily\"}}");
    bench_advance(&f->bench, 10 * 24 * HOUR_MS);
    turns(f, 5);
    assert_int_equal(made_by(f), 1);
    bench_advance(&f->bench, 24 * HOUR_MS);
    turns(f, 5);
    assert_int_equal(made_by(f), 2);
}

static void a_scheduled_job_that_the_store_does_not_take_is_tried_again_later(void **state)
{
    struct fixture *f = *state;
    sqlite3 *db = core_store(f->bench.core)->db;
    ask(f, "PUT", SCHEDULED,
        "{\"group\":\"g\"," SETPOINT(
            9) ",\"schedule\":{\"start\":\"2026-03-04T06:00:00Z\",\"recurrence\":\"daily\"}}");
    assert_int_equal(sqlite3_exec(db,
                                  "CREATE TEMP TRIGGER refuse BEFORE UPDATE ON main.document"
                                  " BEGIN SELECT RAISE(ROLLBACK, 'full'); END",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    (void)alarm(30);
    bench_advance(&f->bench, HOUR_MS);
    turns(f, 4);
    (void)alarm(0);
    assert_int_equal(made_by(f), 0);
    assert_int_equal(sqlite3_exec(db, "DROP TRIGGER refuse", NULL, NULL, NULL), SQLITE_OK);
    bench_advance(&f->bench, 10000);
    turns(f, 4);
    assert_int_equal(made_by(f), 1);
}

static void a_disabled_one_waits_until_it_is_enabled(void **state)
{
    struct fixture *f = *state;
    ask(f, "PUT", SCHEDULED,
        "{\"enabled\":false,\"group\":\"g\"," SETPOINT(9) ",\"schedule\":{\"start\":\"2026-03-04T06:00:00Z\","
                                                          "\"recurrence\":\"daily\"}}");
    bench_advance(&f->bench, 24 * HOUR_MS);
    turns(f, 3);
    assert_int_equal(made_by(f), 0);
    ask(f, "PATCH", SCHEDULED, "{\"enabled\":true}");
    turns(f, 3);
    assert_int_equal(made_by(f), 0);
    bench_advance(&f->bench, 24 * HOUR_MS);
    turns(f, 3);
    assert_int_equal(made_by(f), 1);
    ask(f, "GET", SCHEDULED, "");
    char *whole = strdup(f->text);
    ask(f, "PUT", SCHEDULED, whole); /* what GET gave can be put back */
    free(whole);
    fixture_ask(f, "DELETE", SCHEDULED, "");
    assert_answer(f, 204, "");
    bench_advance(&f->bench, 24 * HOUR_MS);
    turns(f, 3);
    fixture_ask(f, "GET", "/api/jobs/s1-2", "");
    assert_refused(f, 404, "NotFound", "Job s1-2");
}

static void a_scheduled_job_that_cannot_be_is_refused(void **state)
{
    static const char *const CASES[][2] = {
        {"", "it is missing"},
        {",\"schedule\":{}", "\"start\" has to be a time"},
        {",\"schedule\":{\"start\":\"x\"}", "\"start\" has to be a time"},
        {",\"schedule\":{\"start\":\"2026-03-04T06:00:00Z\",\"recurrence\":\"yearly\"}", "\"daily\", \"weekly\""},
        {",\"schedule\":{\"start\":\"2026-03-04T06:00:00Z\",\"end\":{}}", "\"date\" or \"occurrences\""},
        {",\"schedule\":{\"start\":\"2026-03-04T06:00:00Z\",\"end\":{\"type\":\"date\"}}", "\"date\" of \"end\""},
        {",\"schedule\":{\"start\":\"2026-03-04T06:00:00Z\",\"end\":{\"type\":\"date\",\"date\":\"2026-02-30\"}}",
         "\"date\" of \"end\""},
        {",\"schedule\":{\"start\":\"2026-03-04T06:00:00Z\",\"end\":{\"type\":\"date\",\"date\":\"2026-03\"}}",
         "\"date\" of \"end\""},
        {",\"schedule\":{\"start\":\"2026-03-04T06:00:00Z\",\"end\":{\"type\":\"occurrences\",\"occurrences\":1000}}",
         "1 to 999"},
        {",\"enabled\":1", "true or false"},
    };
    struct fixture *f = *state;
    char body[500];
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        snprintf(body, sizeof body, "{\"group\":\"g\"," SETPOINT(1) "%s}", CASES[i][0]);
        fixture_ask(f, "PUT", SCHEDULED, body);
        assert_refused(f, 400, "InvalidBody", CASES[i][1]);
    }
}

/* Commands in bergen, jobs in oslo: no job in oslo runs commands. */
static void a_job_may_what_its_maker_may_in_the_same_organization(void **state)
{
    struct fixture *f = *state;
    ask(f, "PUT", "/api/organizations/oslo", "{\"displayName\":\"Oslo\"}");
    ask(f, "PUT", "/api/organizations/bergen", "{\"displayName\":\"Bergen\"}");
    ask(f, "PUT", "/api/deviceGroups/g",
        "{\"displayName\":\"G\",\"filter\":\"SELECT * FROM devices\",\"organizations\":[\"oslo\"]}");
    ask(f, "PUT", "/api/roles/timer", "{\"displayName\":\"x\",\"rights\":[\"job.write\",\"job.read\"]}");
    ask(f, "PUT", "/api/apiTokens/mixed",
        "{\"roles\":[{\"role\":\"timer\",\"organization\":\"oslo\"},"
        "{\"role\":\"ae2c9854-393b-4f97-8c42-479d70ce626e\",\"organization\":\"bergen\"}]}");
    char *token = strdup(fixture_text(f, "token"));
    fixture_ask_as(f, "PUT", JOB "?api-version=2022-07-31", "{\"group\":\"g\"," PURGE "}", false, token);
    assert_refused(f, 403, "Forbidden", "what the job does");
    free(token);
}

int main(void)
{
#define WITH_CORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_CORE(a_property_job_sets_it_on_every_device),
        WITH_CORE(a_cloud_property_job_keeps_it),
        WITH_CORE(a_migration_gives_another_template),
        WITH_CORE(a_command_job_waits_for_the_answers),
        WITH_CORE(a_device_that_refuses_the_command_has_failed),
        WITH_CORE(a_device_of_another_template_fails_and_says_so),
        WITH_CORE(a_job_of_an_empty_group_is_complete),
        WITH_CORE(a_job_looks_for_its_devices_a_part_at_a_time),
        WITH_CORE(a_job_whose_group_went_fails),
        WITH_CORE(a_batch_begins_when_the_one_before_has_ended),
        WITH_CORE(too_many_failures_cancel_the_rest),
        WITH_CORE(a_threshold_of_batches_begins_anew_with_each),
        WITH_CORE(a_stopped_job_goes_on_when_it_is_resumed),
        WITH_CORE(a_job_resumed_while_a_command_of_it_is_out_goes_on_behind_it),
        WITH_CORE(a_rerun_is_for_the_devices_that_failed),
        WITH_CORE(five_jobs_run_at_a_time),
        cmocka_unit_test(a_job_goes_on_after_a_restart),
        cmocka_unit_test(failures_of_a_batch_count_after_a_restart),
        cmocka_unit_test(failures_of_batches_before_do_not_count_after_a_restart),
        WITH_CORE(a_job_whose_devices_cannot_be_read_is_not_complete),
        WITH_CORE(a_device_that_cannot_be_read_has_not_failed),
        WITH_CORE(jobs_that_cannot_be_read_are_looked_for_again),
        WITH_CORE(a_turn_of_a_job_is_one_commit),
        WITH_CORE(a_store_that_refuses_commits_is_left_alone_for_a_while),
        WITH_CORE(a_job_whose_end_was_not_stored_ends_all_the_same),
        WITH_CORE(a_job_resumed_before_its_devices_are_known_finds_them_anew),
        WITH_CORE(a_job_that_is_refused_takes_no_other_away),
        WITH_CORE(a_job_that_is_run_again_makes_no_room_for_that),
        WITH_CORE(a_page_of_large_jobs_has_few),
        WITH_CORE(a_value_that_says_stopped_stops_no_job),
        WITH_CORE(a_scheduled_job_that_the_store_does_not_take_is_tried_again_later),
        WITH_CORE(a_job_that_cannot_be_is_refused),
        WITH_CORE(a_job_may_do_what_its_maker_may),
        WITH_CORE(a_job_of_an_organization_leaves_the_devices_of_others_alone),
        WITH_CORE(rights_of_one_organization_make_no_job_in_another),
        WITH_CORE(a_job_of_two_organizations_is_not_one_s_to_turn),
        WITH_CORE(whoever_may_not_run_a_command_does_not_run_its_job_again),
        WITH_CORE(a_job_leaves_a_device_alone_that_went_elsewhere),
        WITH_CORE(a_scheduled_job_makes_jobs_when_it_is_time),
        WITH_CORE(a_schedule_that_ends_with_a_day_has_that_day),
        WITH_CORE(of_scheduled_jobs_that_are_due_at_once_a_turn_makes_some),
        WITH_CORE(a_scheduled_job_whose_room_cannot_be_made_is_made_later),
        WITH_CORE(what_was_missed_is_made_up_for_once),
        WITH_CORE(a_disabled_one_waits_until_it_is_enabled),
        WITH_CORE(a_scheduled_job_that_cannot_be_is_refused),
        WITH_CORE(a_job_may_what_its_maker_may_in_the_same_organization),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
