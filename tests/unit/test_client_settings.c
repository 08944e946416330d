/* Accepted writable properties survive a restart, and nothing else of them does. */
#include "support/client_fixture.h"
#include "support/records.h"

static struct {
    unsigned count;
    spoke_notice_kind kind;
    spoke_status status;
} noticed;

static void note_notice(spoke_client *client, const spoke_notice *notice, void *user)
{
    (void)client;
    (void)user;
    assert_true(strlen(notice->error.text) > 0);
    noticed.count++;
    noticed.kind = notice->kind;
    noticed.status = notice->error.status;
}

/* What the handlers were told, in order: "target=21 part*target=null " */
static struct {
    char told[512];
    int64_t version;
    bool initial;
    int reject_above; /* 0: nothing is */
    bool defer;
} seen;

static spoke_ack on_setting(const spoke_property *wanted, void *user)
{
    const size_t at = strlen(seen.told);
    int64_t number = 0;
    (void)user;
    snprintf(seen.told + at, sizeof seen.told - at, "%.*s%s%.*s=%.*s ", (int)wanted->component.len,
             wanted->component.len > 0 ? wanted->component.ptr : "", wanted->component.len > 0 ? "*" : "",
             (int)wanted->name.len, wanted->name.ptr, (int)wanted->value.len, wanted->value.ptr);
    seen.version = wanted->version;
    seen.initial = wanted->initial;
    if (seen.defer)
        return spoke_defer();
    if (seen.reject_above > 0 && spoke_json_int(wanted->value, &number) == SPOKE_OK && number > seen.reject_above)
        return spoke_reject(400, "too much");
    return spoke_accept();
}

static const spoke_handler setting_handlers[] = {SPOKE_ON_PROPERTY("mode", on_setting),
                                                 SPOKE_ON_PROPERTY("target", on_setting),
                                                 SPOKE_ON_COMPONENT_PROPERTY("part", "target", on_setting)};

/* As after a power cycle: only the records are left. */
static void restart(struct fixture *f)
{
    memset(&seen, 0, sizeof seen);
    memset(&noticed, 0, sizeof noticed);
    start(f);
}

static int set_up_settings(void **state)
{
    if (set_up(state) != 0)
        return -1;
    struct fixture *f = *state;
    records_reset();
    f->platform.load = records_load;
    f->platform.store = records_store;
    f->config.keep_settings = true;
    f->config.on_notice = note_notice;
    f->config.handlers = setting_handlers;
    f->config.handler_count = 3;
    restart(f);
    return 0;
}

static void say_desired(struct fixture *f, int version, const char *members)
{
    char topic[96], body[2000];
    snprintf(topic, sizeof topic, "$iothub/twin/PATCH/properties/desired/?$version=%d", version);
    snprintf(body, sizeof body, "{%s%s\"$version\":%d}", members, members[0] != '\0' ? "," : "", version);
    say_message(topic, body, 0);
    poll(f, 0);
}

static void say_snapshot(struct fixture *f, int version, const char *members)
{
    char body[2000];
    snprintf(body, sizeof body, "{\"desired\":{%s%s\"$version\":%d},\"reported\":{\"$version\":1}}", members,
             members[0] != '\0' ? "," : "", version);
    say_twin("200", body);
    poll(f, 0);
    poll(f, 0);
}

static void connect_with(struct fixture *f, int version, const char *members)
{
    connect_only(f);
    seen.told[0] = '\0';
    say_snapshot(f, version, members);
    expect(f, SPOKE_READY);
}

static void reports_are(size_t wanted)
{
    size_t count = 0;
    for (size_t i = 0; i < fake->sent_count; i++)
        count += strstr(fake->sent[i].topic, "/reported/") != NULL;
    assert_int_equal(count, wanted);
}

/* --- the promise --- */

static void accepted_settings_reach_the_handlers_before_any_connection(void **state)
{
    struct fixture *f = *state;
    connect_with(f, 7, "\"target\":21,\"part\":{\"__t\":\"c\",\"target\":5}");
    restart(f);
    poll(f, 0);
    assert_string_equal(seen.told, "target=21 part*target=5 ");
    assert_true(seen.initial);
    assert_int_equal(seen.version, 7);
    assert_int_equal(noticed.count, 0);
}

static void a_restored_setting_is_not_acknowledged(void **state)
{
    struct fixture *f = *state;
    connect_with(f, 7, "\"target\":21");
    restart(f);
    connect_only(f);
    run(f, 100);
    reports_are(0);
}

static void settings_are_handed_out_once_in_the_life_of_a_client(void **state)
{
    struct fixture *f = *state;
    connect_with(f, 7, "\"target\":21");
    restart(f);
    poll(f, 0);
    spoke_client_close(f->client, 0);
    seen.told[0] = '\0';
    assert_ok(spoke_client_open(f->client));
    poll(f, 0);
    assert_string_equal(seen.told, "");
}

static void a_live_change_is_kept_with_its_version(void **state)
{
    struct fixture *f = *state;
    connect_with(f, 7, "\"target\":21");
    say_desired(f, 8, "\"target\":22");
    restart(f);
    poll(f, 0);
    assert_string_equal(seen.told, "target=22 ");
    assert_int_equal(seen.version, 8);
}

static void a_rejected_value_leaves_the_setting_before_it(void **state)
{
    struct fixture *f = *state;
    connect_with(f, 7, "\"target\":21");
    seen.reject_above = 30;
    say_desired(f, 8, "\"target\":99");
    restart(f);
    poll(f, 0);
    assert_string_equal(seen.told, "target=21 ");
}

static void a_removed_property_is_kept_no_more(void **state)
{
    struct fixture *f = *state;
    connect_with(f, 7, "\"target\":21,\"mode\":\"on\"");
    say_desired(f, 8, "\"target\":null");
    restart(f);
    poll(f, 0);
    assert_string_equal(seen.told, "mode=\"on\" ");
}

static void the_last_removed_property_removes_the_record(void **state)
{
    struct fixture *f = *state;
    connect_with(f, 7, "\"target\":21");
    say_desired(f, 8, "\"target\":null");
    assert_string_equal(record("settings"), "");
}

static void a_setting_that_a_snapshot_lacks_is_taken_back(void **state)
{
    struct fixture *f = *state;
    connect_with(f, 7, "\"target\":21,\"mode\":\"on\"");
    restart(f);
    connect_with(f, 9, "\"mode\":\"on\"");
    assert_string_equal(seen.told, "mode=\"on\" target=null ");
    restart(f);
    poll(f, 0);
    assert_string_equal(seen.told, "mode=\"on\" ");
}

static void after_a_restart_the_first_snapshot_is_handed_on_and_answered_whatever_its_version(void **state)
{
    struct fixture *f = *state;
    connect_with(f, 7, "\"target\":21");
    restart(f);
    connect_with(f, 7, "\"target\":21"); /* the acknowledgement may have been lost with the power */
    assert_string_equal(seen.told, "target=21 ");
    poll(f, 0);
    reports_are(1);
}

static void a_twin_made_anew_begins_at_version_1_and_is_taken(void **state)
{
    struct fixture *f = *state;
    connect_with(f, 7, "\"target\":21");
    restart(f);
    connect_with(f, 1, "\"target\":3");
    assert_string_equal(seen.told, "target=3 ");
    restart(f);
    poll(f, 0);
    assert_string_equal(seen.told, "target=3 ");
    assert_int_equal(seen.version, 1);
}

static void a_change_before_the_first_snapshot_is_never_handed_on_by_itself(void **state)
{
    struct fixture *f = *state;
    connect_with(f, 7, "\"target\":21");
    restart(f);
    connect_only(f);
    seen.told[0] = '\0';
    say_desired(f, 6, "\"target\":1");
    say_desired(f, 8, "\"target\":22");
    assert_string_equal(seen.told, "");
    say_snapshot(f, 7, "\"target\":21");
    assert_string_equal(seen.told, "target=21 target=22 ");
}

static void an_old_change_on_a_live_link_is_dropped(void **state)
{
    struct fixture *f = *state;
    connect_with(f, 7, "\"target\":21");
    seen.told[0] = '\0';
    say_desired(f, 7, "\"target\":1");
    say_desired(f, 3, "\"target\":1");
    assert_string_equal(seen.told, "");
}

/* --- wear --- */

static void a_document_is_stored_at_most_once_and_only_when_it_changes_something(void **state)
{
    struct fixture *f = *state;
    connect_with(f, 7, "\"target\":21,\"mode\":\"on\",\"part\":{\"__t\":\"c\",\"target\":5}");
    assert_int_equal(records.stores, 1);
    say_desired(f, 8, "\"target\":21"); /* as it was */
    assert_int_equal(records.stores, 1);
    say_desired(f, 9, "\"target\":22,\"mode\":\"off\"");
    assert_int_equal(records.stores, 2);
    restart(f);
    connect_with(f, 9, "\"target\":22,\"mode\":\"off\",\"part\":{\"__t\":\"c\",\"target\":5}");
    assert_int_equal(records.stores, 2);
}

static void without_keep_settings_nothing_is_kept(void **state)
{
    struct fixture *f = *state;
    f->config.keep_settings = false;
    restart(f);
    connect_with(f, 7, "\"target\":21");
    assert_int_equal(records.stores, 0);
    restart(f);
    poll(f, 0);
    assert_string_equal(seen.told, "");
}

static void keep_settings_without_a_store_is_refused_at_init(void **state)
{
    struct fixture *f = *state;
    spoke_client *none = NULL;
    max_align_t memory[64];
    spoke_error why;
    f->platform.load = NULL;
    f->platform.store = NULL;
    assert_int_equal(spoke_client_init(memory, sizeof memory, &f->config, &none, &why), SPOKE_E_ARG);
    assert_non_null(strstr(why.text, "keep_settings"));
}

/* --- deferring --- */

static void a_deferred_value_is_kept_when_it_is_accepted(void **state)
{
    struct fixture *f = *state;
    connect_with(f, 7, "\"target\":21");
    seen.defer = true;
    say_desired(f, 8, "\"target\":22");
    assert_int_equal(records.stores, 1);
    assert_ok(spoke_property_ack(f->client, NULL, "target", SPOKE_STR("22"), 8, spoke_accept()));
    poll(f, 0);
    assert_int_equal(records.stores, 2);
    restart(f);
    poll(f, 0);
    assert_string_equal(seen.told, "target=22 ");
    assert_int_equal(seen.version, 8);
}

static void a_verdict_before_the_first_poll_joins_what_is_kept(void **state)
{
    struct fixture *f = *state;
    connect_with(f, 7, "\"target\":21,\"mode\":\"on\"");
    restart(f);
    assert_ok(spoke_property_ack(f->client, NULL, "target", SPOKE_STR("22"), 8, spoke_accept()));
    poll(f, 0);
    assert_string_equal(seen.told, "mode=\"on\" target=22 ");
    restart(f);
    poll(f, 0);
    assert_string_equal(seen.told, "mode=\"on\" target=22 ");
}

static void a_verdict_is_not_kept_in_the_name_of_a_twin_that_was_not_heard(void **state)
{
    struct fixture *f = *state;
    connect_with(f, 7, "\"target\":21");
    f->config.hub_host = "other.local";
    restart(f);
    const int stores = records.stores;
    assert_ok(spoke_property_ack(f->client, NULL, "mode", SPOKE_STR("\"on\""), 8, spoke_accept()));
    poll(f, 0);
    assert_int_equal(records.stores, stores);
    connect_with(f, 3, "\"mode\":\"on\"");
    assert_int_equal(records.stores, stores + 1);
    assert_non_null(strstr(record("settings"), "other.local"));
}

static void a_verdict_before_close_is_kept(void **state)
{
    struct fixture *f = *state;
    connect_with(f, 7, "\"target\":21");
    say_closed(SPOKE_E_NET, SPOKE_SOURCE_PORT, 104);
    poll(f, 0);
    expect(f, SPOKE_BACKOFF);
    assert_ok(spoke_property_ack(f->client, NULL, "target", SPOKE_STR("22"), 8, spoke_accept()));
    assert_int_equal(spoke_client_close(f->client, 0), SPOKE_E_TIMEOUT); /* the verdict itself waits */
    restart(f);
    poll(f, 0);
    assert_string_equal(seen.told, "target=22 ");
}

static void a_late_verdict_is_written_at_the_next_poll_that_a_loop_is_told_of(void **state)
{
    struct fixture *f = *state;
    connect_with(f, 7, "\"target\":21");
    say_closed(SPOKE_E_NET, SPOKE_SOURCE_PORT, 104);
    poll(f, 0);
    assert_true(spoke_client_next_ms(f->client) > 0);
    assert_ok(spoke_property_ack(f->client, NULL, "target", SPOKE_STR("22"), 8, spoke_accept()));
    assert_int_equal(spoke_client_next_ms(f->client), 0);
    records.fail_at = records.stores; /* also one that fails is tried once */
    poll(f, 0);
    assert_int_equal(records.stores, records.fail_at + 1);
    assert_true(spoke_client_next_ms(f->client) > 0);
}

static void a_deferred_value_that_is_refused_leaves_the_setting_before_it(void **state)
{
    struct fixture *f = *state;
    connect_with(f, 7, "\"target\":21");
    seen.defer = true;
    say_desired(f, 8, "\"target\":22");
    assert_ok(spoke_property_ack(f->client, NULL, "target", SPOKE_STR("22"), 8, spoke_reject(500, "stuck")));
    poll(f, 0);
    restart(f);
    poll(f, 0);
    assert_string_equal(seen.told, "target=21 ");
}

/* --- another home --- */

static void settings_of_another_hub_are_not_taken(void **state)
{
    struct fixture *f = *state;
    connect_with(f, 7, "\"target\":21");
    f->config.hub_host = "other.local";
    restart(f);
    poll(f, 0);
    assert_string_equal(seen.told, "");
    assert_int_equal(noticed.count, 0);
}

static void settings_of_another_device_are_not_taken(void **state)
{
    struct fixture *f = *state;
    connect_with(f, 7, "\"target\":21");
    f->config.registration_id = "e";
    restart(f);
    poll(f, 0);
    assert_string_equal(seen.told, "");
}

static void the_same_settings_at_another_hub_are_kept_for_that_one(void **state)
{
    struct fixture *f = *state;
    connect_with(f, 7, "\"target\":21");
    f->config.hub_host = "other.local";
    restart(f);
    connect_with(f, 2, "\"target\":21");
    restart(f);
    poll(f, 0);
    assert_string_equal(seen.told, "target=21 ");
    assert_int_equal(seen.version, 2);
}

/* --- another firmware --- */

static const spoke_range up_to_30 = {.has_high = true, .high_whole = 30};
static const spoke_schema small_number = {.kind = SPOKE_SCHEMA_INTEGER, .range = &up_to_30};
static const spoke_member newer_members[] = {
    {NULL, "mode", SPOKE_PROPERTY, SPOKE_WRITABLE, &spoke_schema_string, NULL},
    {NULL, "target", SPOKE_PROPERTY, SPOKE_WRITABLE, &small_number, NULL},
    {"part", "target", SPOKE_PROPERTY, SPOKE_WRITABLE, &spoke_schema_double, NULL}};
static const spoke_model newer_model = {"dtmi:test:newer;1", newer_members, 3};

static void a_setting_that_no_longer_fits_the_template_is_skipped(void **state)
{
    struct fixture *f = *state;
    connect_with(f, 7, "\"target\":99,\"mode\":\"on\"");
    f->config.model = &newer_model;
    restart(f);
    poll(f, 0);
    assert_string_equal(seen.told, "mode=\"on\" ");
}

static void a_misfit_passes_where_the_template_only_warns(void **state)
{
    struct fixture *f = *state;
    connect_with(f, 7, "\"target\":99");
    f->config.model = &newer_model;
    f->config.checks = SPOKE_CHECKS_WARN;
    restart(f);
    poll(f, 0);
    assert_string_equal(seen.told, "target=99 ");
}

static void a_setting_without_a_handler_is_dropped_and_the_others_are_not(void **state)
{
    struct fixture *f = *state;
    connect_with(f, 7, "\"mode\":\"on\",\"target\":21,\"part\":{\"__t\":\"c\",\"target\":5}");
    f->config.handlers = setting_handlers + 1;
    f->config.handler_count = 2;
    restart(f);
    poll(f, 0);
    assert_string_equal(seen.told, "target=21 part*target=5 ");
}

static void a_setting_that_the_handler_refuses_now_is_kept_no_more(void **state)
{
    struct fixture *f = *state;
    connect_with(f, 7, "\"target\":99,\"mode\":\"on\"");
    restart(f);
    seen.reject_above = 30;
    connect_with(f, 7, "\"target\":99,\"mode\":\"on\"");
    restart(f);
    poll(f, 0);
    assert_string_equal(seen.told, "mode=\"on\" ");
}

/* --- hostile and broken records --- */

#define GOOD "{\"settings\":[[\"\",\"target\",21]],\"hub\":\"hub.local\",\"device\":\"d\",\"version\":7}"

static void a_record_by_hand_is_taken(void **state)
{
    struct fixture *f = *state;
    record_put("settings", SPOKE_STR(GOOD));
    restart(f);
    poll(f, 0);
    assert_string_equal(seen.told, "target=21 ");
}

static void a_damaged_record_is_refused_with_a_notice(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {
        "x",
        "{}",
        "[]",
        "{\"settings\":7,\"hub\":\"hub.local\",\"device\":\"d\",\"version\":7}",
        "{\"settings\":{},\"hub\":\"hub.local\",\"device\":\"d\",\"version\":7}",
        "{\"settings\":[7],\"hub\":\"hub.local\",\"device\":\"d\",\"version\":7}",
        "{\"settings\":[[]],\"hub\":\"hub.local\",\"device\":\"d\",\"version\":7}",
        "{\"settings\":[[\"\"]],\"hub\":\"hub.local\",\"device\":\"d\",\"version\":7}",
        "{\"settings\":[[\"\",\"target\"]],\"hub\":\"hub.local\",\"device\":\"d\",\"version\":7}",
        "{\"settings\":[[\"\",7,21]],\"hub\":\"hub.local\",\"device\":\"d\",\"version\":7}",
        "{\"settings\":[[\"\",\"target\",21,1]],\"hub\":\"hub.local\",\"device\":\"d\",\"version\":7}",
        "{\"settings\":[[\"\",\"target\",null]],\"hub\":\"hub.local\",\"device\":\"d\",\"version\":7}",
        "{\"settings\":[ [\"\",\"target\",21]],\"hub\":\"hub.local\",\"device\":\"d\",\"version\":7}",
        "{\"settings\":[[\"\",\"target\",21] ],\"hub\":\"hub.local\",\"device\":\"d\",\"version\":7}",
        "{\"settings\":[ ],\"hub\":\"hub.local\",\"device\":\"d\",\"version\":7}",
        "{\"settings\":[[\"\",\"target\",21]],\"hub\":\"hub.local\",\"device\":\"d\"}",
        "{\"settings\":[[\"\",\"target\",21]],\"hub\":\"hub.local\",\"device\":\"d\",\"version\":-1}",
        "{\"settings\":[[7,\"target\",21]],\"hub\":\"hub.local\",\"device\":\"d\",\"version\":7}",
        "{\"settings\":[[\"\",\"target\",21],7],\"hub\":\"hub.local\",\"device\":\"d\",\"version\":7}",
        "{\"settings\":[[\"\",\"target\",21],{\"a\":1}],\"hub\":\"hub.local\",\"device\":\"d\",\"version\":7}",
        "{\"settings\":[[\"\",\"target\",21]],\"hub\":\"hub.local\",\"device\":\"d\",\"version\":\"7\"}",
        "{\"hub\":\"hub.local\",\"settings\":[[\"\",\"target\",21]],\"device\":\"d\",\"version\":7}",
        GOOD "}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        record_put("settings", spoke_str_of(bad[i]));
        restart(f);
        poll(f, 0);
        if (seen.told[0] != '\0' || noticed.count != 1)
            fail_msg("%s: told %s, %u notices", bad[i], seen.told, noticed.count);
        assert_int_equal(noticed.kind, SPOKE_NOTICE_STORAGE);
        assert_int_equal(noticed.status, SPOKE_E_JSON);
    }
}

static void each_truncation_of_a_record_is_refused(void **state)
{
    struct fixture *f = *state;
    for (size_t len = 1; len < sizeof GOOD - 1; len++) {
        record_put("settings", spoke_str_from(GOOD, len));
        restart(f);
        poll(f, 0);
        assert_string_equal(seen.told, "");
        assert_int_equal(noticed.count, 1);
    }
}

static void a_record_that_is_too_large_is_refused_with_a_notice(void **state)
{
    struct fixture *f = *state;
    static char large[RECORDS_BYTES];
    f->config.report_bytes = 256;
    for (int len = 200; len < 1500; len += 50) {
        snprintf(large, sizeof large,
                 "{\"settings\":[[\"\",\"target\",\"%0*d\"]],\"hub\":\"hub.local\","
                 "\"device\":\"d\",\"version\":7}",
                 len, 0);
        record_put("settings", spoke_str_of(large));
        restart(f);
        poll(f, 0);
        const bool fits = strlen("{\"settings\":[[\"\",\"target\",\"\"]]") + (size_t)len <= 256;
        assert_int_equal(seen.told[0] != '\0', fits);
        assert_int_equal(noticed.count, !fits);
    }
}

static void a_broken_record_is_replaced_by_the_next_document(void **state)
{
    struct fixture *f = *state;
    record_put("settings", SPOKE_STR("{\"settings\":[["));
    restart(f);
    connect_with(f, 7, "\"target\":21");
    assert_string_equal(record("settings"), GOOD);
}

static void a_store_that_cannot_be_read_is_told(void **state)
{
    struct fixture *f = *state;
    record_put("settings", SPOKE_STR(GOOD));
    records.loads_fail = true;
    restart(f);
    poll(f, 0);
    assert_int_equal(noticed.count, 1);
    assert_int_equal(noticed.status, SPOKE_E_PORT);
}

static void a_store_that_fails_is_told_and_tried_behind_the_next_document(void **state)
{
    struct fixture *f = *state;
    records.fail_at = 0;
    connect_with(f, 7, "\"target\":21");
    assert_int_equal(noticed.count, 1);
    assert_int_equal(noticed.kind, SPOKE_NOTICE_STORAGE);
    run(f, 1000);
    assert_int_equal(records.stores, 1);
    records.fail_at = RECORDS_NEVER;
    say_desired(f, 8, "");
    restart(f);
    poll(f, 0);
    assert_string_equal(seen.told, "target=21 ");
}

static void a_setting_that_finds_no_room_is_told_and_the_one_before_is_not_kept_in_its_place(void **state)
{
    struct fixture *f = *state;
    char members[1200];
    f->config.report_bytes = 256;
    restart(f);
    connect_with(f, 7, "\"target\":21,\"mode\":\"on\"");
    snprintf(members, sizeof members, "\"target\":\"%0300d\"", 0);
    say_desired(f, 8, members);
    assert_int_equal(noticed.count, 1);
    assert_int_equal(noticed.status, SPOKE_E_TOO_LARGE);
    restart(f);
    poll(f, 0);
    assert_string_equal(seen.told, "mode=\"on\" ");
}

static void settings_fill_the_record_to_its_last_byte(void **state)
{
    struct fixture *f = *state;
    char members[400];
    f->config.report_bytes = 256;
    const size_t frame = strlen("{\"settings\":[[\"\",\"target\",\"\"]]");
    for (size_t len = 256 - frame - 3; len <= 256 - frame + 3; len++) {
        records_reset();
        restart(f);
        snprintf(members, sizeof members, "\"target\":\"%0*d\"", (int)len, 0);
        connect_with(f, 7, members);
        const bool fits = frame + len <= 256;
        assert_int_equal(noticed.count, !fits);
        restart(f);
        poll(f, 0);
        assert_int_equal(seen.told[0] != '\0', fits);
    }
}

static void a_record_filled_to_its_last_byte_takes_no_other_setting(void **state)
{
    struct fixture *f = *state;
    char members[400];
    f->config.report_bytes = 256;
    restart(f);
    snprintf(members, sizeof members, "\"target\":\"%0*d\"",
             (int)(256 - strlen("{\"settings\":[[\"\",\"target\",\"\"]]")), 0);
    connect_with(f, 7, members);
    assert_int_equal(noticed.count, 0);
    say_desired(f, 8, "\"mode\":1");
    assert_int_equal(noticed.count, 1);
    seen.told[0] = '\0';
    say_desired(f, 9, "\"target\":1,\"mode\":2");
    restart(f);
    poll(f, 0);
    assert_string_equal(seen.told, "mode=2 target=1 ");
}

static void names_that_need_escapes_fit_the_record(void **state)
{
    struct fixture *f = *state;
    char members[300], host[SPOKE_MAX_HOST_BYTES + 1], id[SPOKE_MAX_ID_BYTES + 1];
    memset(host, '"', sizeof host - 1);
    memset(id, '\\', sizeof id - 1);
    host[sizeof host - 1] = id[sizeof id - 1] = '\0';
    f->config.hub_host = host;
    f->config.registration_id = id;
    f->config.report_bytes = 256;
    restart(f);
    snprintf(members, sizeof members, "\"target\":\"%0200d\"", 0); /* no room is left over for the names */
    connect_with(f, 7, members);
    assert_int_equal(noticed.count, 0);
    restart(f);
    poll(f, 0);
    assert_memory_equal(seen.told, "target=\"000", 11);
}

static void a_record_of_nobody_is_nobodys(void **state)
{
    struct fixture *f = *state;
    static const char *const whose[] = {"\"hub\":7,\"device\":\"d\"", "\"hub\":\"hub.local\",\"device\":7",
                                        "\"hub\":\"hub.local\"", "\"device\":\"d\""};
    for (size_t i = 0; i < sizeof whose / sizeof whose[0]; i++) {
        char text[200];
        snprintf(text, sizeof text, "{\"settings\":[[\"\",\"target\",21]],%s,\"version\":7}", whose[i]);
        record_put("settings", spoke_str_of(text));
        restart(f);
        poll(f, 0);
        assert_string_equal(seen.told, "");
    }
}

static void a_late_verdict_on_what_has_no_handler_changes_nothing(void **state)
{
    struct fixture *f = *state;
    connect_with(f, 7, "\"target\":21");
    assert_ok(spoke_property_ack(f->client, NULL, "strange", SPOKE_STR("1"), 7, spoke_accept()));
    assert_ok(spoke_property_ack(f->client, NULL, "target", SPOKE_STR("22"), 3, spoke_accept()));
    assert_ok(spoke_property_ack(f->client, NULL, "target", SPOKE_STR("23"), 7, spoke_reject(202, "later")));
    poll(f, 0);
    restart(f);
    poll(f, 0);
    assert_string_equal(seen.told, "target=22 "); /* what is in force, whatever it was asked with */
    assert_int_equal(seen.version, 7);
}

static void a_restored_value_may_be_deferred(void **state)
{
    struct fixture *f = *state;
    connect_with(f, 7, "\"target\":21");
    restart(f);
    seen.defer = true;
    poll(f, 0);
    assert_string_equal(seen.told, "target=21 ");
    restart(f);
    poll(f, 0);
    assert_string_equal(seen.told, "target=21 ");
}

static void a_power_cut_at_each_store_leaves_the_settings_before_or_behind_the_document(void **state)
{
    struct fixture *f = *state;
    static const char *const documents[] = {"\"target\":1", "\"target\":2,\"mode\":\"on\"", "\"mode\":null",
                                            "\"target\":null"};
    static const char *const kept_then[] = {"", "target=1 ", "mode=\"on\" target=2 ", "target=2 ", ""};
    for (int cut = 0; cut < 4; cut++) {
        for (int behind = 0; behind < 2; behind++) {
            records_reset();
            restart(f);
            connect_with(f, 1, "");
            records.fail_at = cut;
            records.fails_done = behind != 0;
            for (int i = 0; i <= cut; i++)
                say_desired(f, i + 2, documents[i]);
            records.fail_at = RECORDS_NEVER;
            restart(f);
            poll(f, 0);
            assert_string_equal(seen.told, kept_then[cut + behind]);
        }
    }
}

#define keeps(test) cmocka_unit_test_setup_teardown(test, set_up_settings, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        keeps(accepted_settings_reach_the_handlers_before_any_connection),
        keeps(a_restored_setting_is_not_acknowledged),
        keeps(settings_are_handed_out_once_in_the_life_of_a_client),
        keeps(a_live_change_is_kept_with_its_version),
        keeps(a_rejected_value_leaves_the_setting_before_it),
        keeps(a_removed_property_is_kept_no_more),
        keeps(the_last_removed_property_removes_the_record),
        keeps(a_setting_that_a_snapshot_lacks_is_taken_back),
        keeps(after_a_restart_the_first_snapshot_is_handed_on_and_answered_whatever_its_version),
        keeps(a_twin_made_anew_begins_at_version_1_and_is_taken),
        keeps(a_change_before_the_first_snapshot_is_never_handed_on_by_itself),
        keeps(an_old_change_on_a_live_link_is_dropped),
        keeps(a_document_is_stored_at_most_once_and_only_when_it_changes_something),
        keeps(without_keep_settings_nothing_is_kept),
        keeps(keep_settings_without_a_store_is_refused_at_init),
        keeps(a_deferred_value_is_kept_when_it_is_accepted),
        keeps(a_verdict_before_the_first_poll_joins_what_is_kept),
        keeps(a_verdict_is_not_kept_in_the_name_of_a_twin_that_was_not_heard),
        keeps(a_verdict_before_close_is_kept),
        keeps(a_late_verdict_is_written_at_the_next_poll_that_a_loop_is_told_of),
        keeps(a_deferred_value_that_is_refused_leaves_the_setting_before_it),
        keeps(settings_of_another_hub_are_not_taken),
        keeps(settings_of_another_device_are_not_taken),
        keeps(the_same_settings_at_another_hub_are_kept_for_that_one),
        keeps(a_setting_that_no_longer_fits_the_template_is_skipped),
        keeps(a_misfit_passes_where_the_template_only_warns),
        keeps(a_setting_without_a_handler_is_dropped_and_the_others_are_not),
        keeps(a_setting_that_the_handler_refuses_now_is_kept_no_more),
        keeps(a_record_by_hand_is_taken),
        keeps(a_damaged_record_is_refused_with_a_notice),
        keeps(each_truncation_of_a_record_is_refused),
        keeps(a_record_that_is_too_large_is_refused_with_a_notice),
        keeps(a_broken_record_is_replaced_by_the_next_document),
        keeps(a_store_that_cannot_be_read_is_told),
        keeps(a_store_that_fails_is_told_and_tried_behind_the_next_document),
        keeps(a_setting_that_finds_no_room_is_told_and_the_one_before_is_not_kept_in_its_place),
        keeps(settings_fill_the_record_to_its_last_byte),
        keeps(a_record_filled_to_its_last_byte_takes_no_other_setting),
        keeps(names_that_need_escapes_fit_the_record),
        keeps(a_record_of_nobody_is_nobodys),
        keeps(a_late_verdict_on_what_has_no_handler_changes_nothing),
        keeps(a_restored_value_may_be_deferred),
        keeps(a_power_cut_at_each_store_leaves_the_settings_before_or_behind_the_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
