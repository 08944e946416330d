/* The SQLite store: rows come back as they went in, deletes take everything along, files are private. */
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "central/store/store_broker.h"
#include "central/store/store_query.h"
#include "support/support.h"

static int open_memory(void **state)
{
    struct store *s = NULL;
    char why[200] = "";
    assert_ok(store_open(":memory:", true, &s, why, sizeof why));
    *state = s;
    return 0;
}

static int close_memory(void **state)
{
    store_close(*state);
    return 0;
}

static char *text(const char *value)
{
    return strdup(value);
}

static void put_device(struct store *s, const char *id)
{
    struct store_device row = {.id = text(id), .enabled = true, .approved = true, .created_ms = 1000};
    assert_ok(store_device_put(s, &row));
    store_device_free(&row);
}

static int64_t etag_of(struct store *s, const char *id)
{
    struct store_device row;
    assert_ok(store_device_get(s, id, &row));
    const int64_t etag = row.etag;
    store_device_free(&row);
    return etag;
}

static void add_message(struct store *s, const char *id, const char *body)
{
    const struct store_message row = {.device_id = (char *)id, .body = (void *)body, .body_len = strlen(body)};
    assert_ok(store_message_add(s, &row));
}

struct tally {
    size_t count;
    char first[64], last[64];
};

static void tally_text(struct tally *t, const char *value)
{
    snprintf(t->count == 0 ? t->first : t->last, sizeof t->first, "%s", value);
    if (t->count == 0)
        snprintf(t->last, sizeof t->last, "%s", value);
    t->count++;
}

static bool tally_device(void *ctx, const struct store_device *row)
{
    tally_text(ctx, row->id);
    return true;
}

static bool tally_group(void *ctx, const struct store_group *row)
{
    tally_text(ctx, row->id);
    return true;
}

static bool tally_message(void *ctx, const struct store_message *row)
{
    tally_text(ctx, row->body);
    return true;
}

static bool tally_c2d(void *ctx, const struct store_c2d *row)
{
    tally_text(ctx, row->body);
    return true;
}

static bool tally_command(void *ctx, const char *json)
{
    tally_text(ctx, json);
    return true;
}

/* --- settings, groups --- */

static void a_setting_is_read_back_and_replaced(void **state)
{
    char *value = NULL;
    assert_int_equal(store_setting_get(*state, "id-scope", &value), SPOKE_E_NOT_FOUND);
    assert_null(value);
    assert_ok(store_setting_put(*state, "id-scope", "0ne1"));
    assert_ok(store_setting_put(*state, "id-scope", "0ne2"));
    assert_ok(store_setting_get(*state, "id-scope", &value));
    assert_string_equal(value, "0ne2");
    free(value);
}

static void a_group_comes_back_whole_and_its_etag_rises(void **state)
{
    struct store_group row = {.id = text("g1"),
                              .display_name = text("Group"),
                              .type = text("iot"),
                              .primary_key = text("cHJpbWFyeQ=="),
                              .enabled = true};
    assert_ok(store_group_put(*state, &row));
    assert_ok(store_group_put(*state, &row));
    store_group_free(&row);
    assert_ok(store_group_get(*state, "g1", &row));
    assert_string_equal(row.display_name, "Group");
    assert_string_equal(row.type, "iot");
    assert_string_equal(row.primary_key, "cHJpbWFyeQ==");
    assert_null(row.secondary_key);
    assert_true(row.enabled);
    assert_int_equal(row.etag, 2);
    store_group_free(&row);
}

static void groups_are_listed_in_order_and_deleted_once(void **state)
{
    const char *const ids[] = {"b", "a", "c"};
    for (size_t i = 0; i < 3; i++) {
        struct store_group row = {.id = text(ids[i])};
        assert_ok(store_group_put(*state, &row));
        store_group_free(&row);
    }
    struct tally t = {0};
    assert_ok(store_group_each(*state, "a", 10, tally_group, &t));
    assert_int_equal(t.count, 2);
    assert_string_equal(t.first, "b");
    assert_ok(store_group_delete(*state, "b"));
    assert_int_equal(store_group_delete(*state, "b"), SPOKE_E_NOT_FOUND);
}

/* --- devices --- */

static struct store_device full_device(void)
{
    return (struct store_device){.id = text("pump-1"),
                                 .display_name = text("Pump \xc3\xa5"),
                                 .template_id = text("dtmi:acme:pump;1"),
                                 .model_id = text("dtmi:acme:model;1"),
                                 .primary_key = text("cA=="),
                                 .secondary_key = text("cw=="),
                                 .group_id = text("g"),
                                 .hub_host = text("hub"),
                                 .provisioning_payload = text("{}"),
                                 .organizations = text("[\"oslo\"]"),
                                 .enabled = true,
                                 .provisioned = true,
                                 .simulated = true,
                                 .approved = true,
                                 .created_ms = 5,
                                 .last_seen_ms = 6};
}

static void a_device_comes_back_whole(void **state)
{
    struct store_device row = full_device(), back;
    assert_ok(store_device_put(*state, &row));
    assert_ok(store_device_get(*state, "pump-1", &back));
    assert_string_equal(back.id, row.id);
    assert_string_equal(back.display_name, row.display_name);
    assert_string_equal(back.template_id, row.template_id);
    assert_string_equal(back.model_id, row.model_id);
    assert_string_equal(back.primary_key, row.primary_key);
    assert_string_equal(back.secondary_key, row.secondary_key);
    assert_string_equal(back.group_id, row.group_id);
    assert_string_equal(back.hub_host, row.hub_host);
    assert_string_equal(back.provisioning_payload, row.provisioning_payload);
    assert_string_equal(back.organizations, row.organizations);
    assert_true(back.enabled && back.provisioned && back.simulated && back.approved);
    assert_int_equal(back.created_ms, 5);
    assert_int_equal(back.last_seen_ms, 6);
    store_device_free(&back);
    store_device_free(&row);
}

static void an_absent_device_leaves_an_empty_row(void **state)
{
    struct store_device row;
    assert_int_equal(store_device_get(*state, "nobody", &row), SPOKE_E_NOT_FOUND);
    assert_null(row.id);
}

static void a_device_is_found_without_case_but_got_with_it(void **state)
{
    struct store_device row;
    put_device(*state, "Pump-A");
    assert_int_equal(store_device_get(*state, "pump-a", &row), SPOKE_E_NOT_FOUND);
    assert_ok(store_device_find_nocase(*state, "pUMP-a", &row));
    assert_string_equal(row.id, "Pump-A");
    store_device_free(&row);
}

static void an_etag_rises_with_a_change_and_not_with_being_seen(void **state)
{
    struct store_device row = full_device();
    assert_ok(store_device_put(*state, &row));
    const int64_t first = etag_of(*state, "pump-1");
    row.last_seen_ms = 99;
    assert_ok(store_device_put(*state, &row));
    assert_int_equal(etag_of(*state, "pump-1"), first);
    free(row.hub_host);
    row.hub_host = NULL;
    assert_ok(store_device_put(*state, &row));
    assert_int_equal(etag_of(*state, "pump-1"), first + 1);
    row.enabled = false;
    assert_ok(store_device_put(*state, &row));
    assert_int_equal(etag_of(*state, "pump-1"), first + 2);
    store_device_free(&row);
}

static void devices_are_paged_by_id(void **state)
{
    put_device(*state, "c");
    put_device(*state, "a");
    put_device(*state, "b");
    struct tally t = {0};
    assert_ok(store_device_each(*state, NULL, 2, tally_device, &t));
    assert_int_equal(t.count, 2);
    assert_string_equal(t.first, "a");
    assert_string_equal(t.last, "b");
    memset(&t, 0, sizeof t);
    assert_ok(store_device_each(*state, "b", 2, tally_device, &t));
    assert_int_equal(t.count, 1);
    assert_string_equal(t.first, "c");
}

static bool nest(void *ctx, const struct store_device *row)
{
    struct tally t = {0};
    assert_ok(store_device_each(ctx, row->id, 10, tally_device, &t));
    add_message(ctx, row->id, "seen");
    return true;
}

static void a_callback_may_ask_the_same_again_and_write(void **state)
{
    put_device(*state, "a");
    put_device(*state, "b");
    assert_ok(store_device_each(*state, NULL, 10, nest, *state));
    struct tally t = {0};
    assert_ok(store_message_each(*state, "b", 0, 10, tally_message, &t));
    assert_int_equal(t.count, 1);
}

static void a_deleted_device_takes_everything_along(void **state)
{
    struct store *s = *state;
    const struct store_twin twin = {0};
    const struct store_c2d c2d = {.body = (void *)"x", .body_len = 1};
    put_device(s, "d");
    add_message(s, "d", "1");
    assert_ok(store_twin_put(s, "d", &twin));
    assert_ok(store_value_put(s, "d", "", "t", "1", 1));
    assert_ok(store_c2d_add(s, "d", &c2d, NULL));
    assert_ok(store_command_add(s, "d", "", "c", "{}"));
    assert_ok(store_session_put(s, "d", "[]"));
    assert_ok(store_session_put(s, "d/m", "[]"));
    assert_ok(store_session_put(s, "d2", "[]"));
    assert_ok(store_device_delete(s, "d"));
    put_device(s, "d");

    struct store_twin none;
    struct tally t = {0};
    char *value = NULL;
    int64_t at = 0;
    assert_int_equal(store_twin_get(s, "d", &none), SPOKE_E_NOT_FOUND);
    assert_int_equal(store_value_get(s, "d", "", "t", &value, &at), SPOKE_E_NOT_FOUND);
    assert_int_equal(store_session_get(s, "d", &value), SPOKE_E_NOT_FOUND);
    assert_int_equal(store_session_get(s, "d/m", &value), SPOKE_E_NOT_FOUND);
    assert_ok(store_session_get(s, "d2", &value));
    free(value);
    assert_ok(store_message_each(s, "d", 0, 10, tally_message, &t));
    assert_ok(store_c2d_each(s, "d", tally_c2d, &t));
    assert_ok(store_command_each(s, "d", "", "c", tally_command, &t));
    assert_int_equal(t.count, 0);
    assert_ok(store_device_delete(s, "d"));
    assert_int_equal(store_device_delete(s, "d"), SPOKE_E_NOT_FOUND);
}

static void what_belongs_to_no_device_is_refused(void **state)
{
    struct store *s = *state;
    const struct store_message message = {.device_id = (char *)"ghost"};
    const struct store_twin twin = {0};
    const struct store_c2d c2d = {0};
    assert_int_equal(store_message_add(s, &message), SPOKE_E_NOT_FOUND);
    assert_int_equal(store_twin_put(s, "ghost", &twin), SPOKE_E_NOT_FOUND);
    assert_int_equal(store_value_put(s, "ghost", "", "t", "1", 1), SPOKE_E_NOT_FOUND);
    assert_int_equal(store_c2d_add(s, "ghost", &c2d, NULL), SPOKE_E_NOT_FOUND);
    assert_int_equal(store_command_add(s, "ghost", "", "c", "{}"), SPOKE_E_NOT_FOUND);
}

/* --- twins, messages, values --- */

static void a_twin_comes_back_whole(void **state)
{
    const struct store_twin row = {.desired = (char *)"{\"a\":1}",
                                   .reported = (char *)"{\"b\":2}",
                                   .desired_meta = (char *)"{}",
                                   .desired_version = 3,
                                   .reported_version = 4};
    struct store_twin back;
    put_device(*state, "d");
    assert_ok(store_twin_put(*state, "d", &row));
    assert_ok(store_twin_get(*state, "d", &back));
    assert_string_equal(back.desired, row.desired);
    assert_string_equal(back.reported, row.reported);
    assert_string_equal(back.desired_meta, "{}");
    assert_null(back.reported_meta);
    assert_int_equal(back.desired_version, 3);
    assert_int_equal(back.reported_version, 4);
    store_twin_free(&back);
}

static bool check_binary(void *ctx, const struct store_message *row)
{
    *(bool *)ctx = row->seq == 1 && row->qos == 1 && row->at_ms == 7 && row->body_len == 3 &&
                   memcmp(row->body, "\0\xff\n", 3) == 0 && strcmp(row->component, "motor") == 0 &&
                   strcmp(row->system, "{}") == 0 && strcmp(row->properties, "{\"a\":\"b\"}") == 0;
    return true;
}

static void a_message_body_is_bytes(void **state)
{
    const struct store_message row = {.device_id = (char *)"d",
                                      .at_ms = 7,
                                      .qos = 1,
                                      .component = (char *)"motor",
                                      .system = (char *)"{}",
                                      .properties = (char *)"{\"a\":\"b\"}",
                                      .body = (void *)"\0\xff\n",
                                      .body_len = 3};
    bool same = false;
    put_device(*state, "d");
    assert_ok(store_message_add(*state, &row));
    assert_ok(store_message_each(*state, "d", 0, 10, check_binary, &same));
    assert_true(same);
}

static bool first_only(void *ctx, const struct store_message *row)
{
    tally_text(ctx, row->body);
    return false;
}

static void messages_are_read_on_from_a_number_until_the_reader_stops(void **state)
{
    struct tally t = {0};
    put_device(*state, "d");
    put_device(*state, "e");
    add_message(*state, "d", "1");
    add_message(*state, "e", "other");
    add_message(*state, "d", "2");
    add_message(*state, "d", "3");
    assert_ok(store_message_each(*state, "d", 1, 1, tally_message, &t));
    assert_int_equal(t.count, 1);
    assert_string_equal(t.first, "2");
    assert_ok(store_message_each(*state, "d", 0, 10, first_only, &t));
    assert_string_equal(t.last, "1");
    assert_int_equal(t.count, 2);
}

static void only_the_newest_messages_are_kept(void **state)
{
    struct tally t = {0};
    put_device(*state, "d");
    put_device(*state, "e");
    assert_ok(store_begin(*state));
    add_message(*state, "e", "mine");
    for (int i = 1; i <= STORE_MESSAGES_KEPT + 2; i++) {
        char body[16];
        snprintf(body, sizeof body, "%d", i);
        add_message(*state, "d", body);
    }
    assert_ok(store_commit(*state));
    assert_ok(store_message_each(*state, "d", 0, STORE_MESSAGES_KEPT * 2, tally_message, &t));
    assert_int_equal(t.count, STORE_MESSAGES_KEPT);
    assert_string_equal(t.first, "3");
    memset(&t, 0, sizeof t);
    assert_ok(store_message_each(*state, "e", 0, 10, tally_message, &t));
    assert_int_equal(t.count, 1);
}

static void cleared_messages_are_gone(void **state)
{
    struct tally t = {0};
    put_device(*state, "d");
    add_message(*state, "d", "1");
    assert_ok(store_message_clear(*state, "d"));
    assert_ok(store_message_each(*state, "d", 0, 10, tally_message, &t));
    assert_int_equal(t.count, 0);
}

static void the_newest_value_of_a_name_wins_per_component(void **state)
{
    char *json = NULL;
    int64_t at = 0;
    put_device(*state, "d");
    assert_ok(store_value_put(*state, "d", "", "t", "1", 10));
    assert_ok(store_value_put(*state, "d", "motor", "t", "2", 11));
    assert_ok(store_value_put(*state, "d", NULL, "t", "3", 12));
    assert_ok(store_value_get(*state, "d", "", "t", &json, &at));
    assert_string_equal(json, "3");
    assert_int_equal(at, 12);
    free(json);
    assert_ok(store_value_get(*state, "d", "motor", "t", &json, &at));
    assert_string_equal(json, "2");
    free(json);
}

static void value_that_comes_late_changes_nothing(void **state)
{
    char *json = NULL;
    int64_t at = 0;
    put_device(*state, "d");
    assert_ok(store_value_put(*state, "d", "", "t", "\"new\"", 50));
    assert_ok(store_value_put(*state, "d", "", "t", "\"late\"", 49));
    assert_ok(store_value_get(*state, "d", "", "t", &json, &at));
    assert_string_equal(json, "\"new\"");
    assert_int_equal(at, 50);
    free(json);
    assert_ok(store_value_put(*state, "d", "", "t", "\"same time\"", 50));
    assert_ok(store_value_get(*state, "d", "", "t", &json, &at));
    assert_string_equal(json, "\"same time\"");
    free(json);
}

static void message_id_is_known_per_device_until_it_is_forgotten(void **state)
{
    bool known = true;
    const struct store_message row = {.device_id = (char *)"d", .message_id = (char *)"m", .body = (void *)""};
    put_device(*state, "d");
    put_device(*state, "e");
    assert_ok(store_message_known(*state, "d", "m", &known));
    assert_false(known);
    assert_ok(store_message_add(*state, &row));
    assert_ok(store_message_known(*state, "d", "m", &known));
    assert_true(known);
    assert_ok(store_message_known(*state, "e", "m", &known));
    assert_false(known);
    assert_ok(store_message_clear(*state, "d"));
    assert_ok(store_message_known(*state, "d", "m", &known));
    assert_false(known);
}

static void the_value_longest_unheard_of_makes_room(void **state)
{
    char *json = NULL;
    int64_t at = 0;
    put_device(*state, "d");
    assert_ok(store_begin(*state));
    for (int i = 0; i <= STORE_VALUES_KEPT; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%d", i);
        assert_ok(store_value_put(*state, "d", "", name, "1", i == 0 ? 5000 : i));
    }
    assert_ok(store_value_trim(*state, "d"));
    assert_ok(store_commit(*state));
    assert_ok(store_value_get(*state, "d", "", "n0", &json, &at));
    free(json);
    assert_int_equal(store_value_get(*state, "d", "", "n1", &json, &at), SPOKE_E_NOT_FOUND);
    assert_ok(store_value_get(*state, "d", "", "n2", &json, &at));
    free(json);
}

static size_t messages_of(struct store *s, const char *device)
{
    struct tally t = {0};
    assert_ok(store_message_each(s, device, 0, 100000, tally_message, &t));
    return t.count;
}

static void add_messages(struct store *s, const char *device, int count)
{
    assert_ok(store_begin(s));
    for (int i = 0; i < count; i++)
        add_message(s, device, "x");
    assert_ok(store_commit(s));
}

static void of_all_messages_the_oldest_go(void **state)
{
    put_device(*state, "d");
    put_device(*state, "e");
    store_keep(*state, 1500);
    add_messages(*state, "d", 1000);
    add_messages(*state, "e", 999);
    assert_int_equal(messages_of(*state, "d"), 1000); /* not looked at yet */
    add_messages(*state, "e", 1);
    assert_int_equal(messages_of(*state, "d"), 500);
    assert_int_equal(messages_of(*state, "e"), 1000);
    add_messages(*state, "e", 1000);
    assert_int_equal(messages_of(*state, "d"), 0);
    assert_int_equal(messages_of(*state, "e"), 1500);
    add_messages(*state, "d", 1); /* it starts anew */
    assert_int_equal(messages_of(*state, "d"), 1);
}

static void store_that_was_larger_shrinks_by_and_by(void **state)
{
    put_device(*state, "d");
    add_messages(*state, "d", 8000);
    store_keep(*state, 10);
    add_messages(*state, "d", 1);
    const size_t first = messages_of(*state, "d");
    assert_in_range(first, 8001 - 4000, 8001);
    add_messages(*state, "d", 1000);
    assert_in_range(messages_of(*state, "d"), first + 1000 - 4000, first + 1000 - 1);
}

static void let_cleared_ones_leave(struct store *s)
{
    while (store_clearing(s))
        assert_ok(store_clear_some(s));
}

/* Of a device that sends much only the last messages stay: what it sent before counts no more. */
static void messages_that_are_gone_already_make_no_others_go(void **state)
{
    put_device(*state, "quiet");
    put_device(*state, "loud");
    put_device(*state, "gone");
    store_keep(*state, 1500);
    add_messages(*state, "loud", 1480);
    add_messages(*state, "quiet", 10);
    assert_ok(store_message_clear(*state, "loud"));
    let_cleared_ones_leave(*state);
    add_messages(*state, "gone", 1480);
    add_messages(*state, "quiet", 1);
    assert_int_equal(messages_of(*state, "quiet"), 11);
    assert_ok(store_device_delete(*state, "gone"));
    let_cleared_ones_leave(*state);
    add_messages(*state, "loud", 1480);
    assert_int_equal(messages_of(*state, "quiet"), 11);
    assert_int_equal(messages_of(*state, "loud"), 1480);
    add_messages(*state, "loud", 1000); /* now there are more */
    assert_int_equal(messages_of(*state, "quiet"), 0);
    assert_int_equal(messages_of(*state, "loud"), 1500);
}

static void messages_that_were_not_committed_make_no_others_go(void **state)
{
    struct store *s = *state;
    put_device(s, "d");
    put_device(s, "e");
    store_keep(s, 1500);
    add_messages(s, "e", 1);
    add_messages(s, "d", 1400);
    add_messages(s, "e", 1);
    assert_ok(store_message_clear(s, "d"));
    add_messages(s, "d", 1400);
    assert_int_equal(messages_of(s, "e"), 2);
    assert_ok(store_begin(s));
    for (int i = 0; i < 1000; i++)
        add_message(s, "d", "x");
    assert_int_equal(sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK); /* as a full disk does */
    assert_int_equal(store_commit(s), SPOKE_E_PORT);
    add_messages(s, "d", 90);
    assert_int_equal(messages_of(s, "e"), 2);
    assert_int_equal(messages_of(s, "d"), 1490);
}

static void assert_value(struct store *s, const char *name, const char *expected, int64_t expected_at)
{
    char *json = NULL;
    int64_t at = 0;
    assert_ok(store_value_get(s, "d", "", name, &json, &at));
    assert_string_equal(json, expected);
    assert_int_equal(at, expected_at);
    free(json);
}

static void noted_value_is_read_before_the_commit_and_after_it(void **state)
{
    put_device(*state, "d");
    assert_ok(store_begin(*state));
    assert_ok(store_value_note(*state, "d", NULL, "t", SPOKE_STR("1"), 10));
    assert_value(*state, "t", "1", 10);
    assert_ok(store_value_note(*state, "d", "", "t", SPOKE_STR("2.5"), 11));
    assert_ok(store_commit(*state));
    assert_value(*state, "t", "2.5", 11);
}

static void of_many_noted_values_of_a_name_one_is_written(void **state)
{
    struct store *s = *state;
    put_device(s, "d");
    assert_ok(store_begin(s));
    const int before = sqlite3_total_changes(s->db);
    for (int i = 0; i < 100; i++) {
        char json[16];
        snprintf(json, sizeof json, "%d", i);
        assert_ok(store_value_note(s, "d", "", "t", spoke_str_of(json), i));
    }
    assert_ok(store_commit(s));
    assert_int_equal(sqlite3_total_changes(s->db) - before, 1);
    assert_value(s, "t", "99", 99);
}

static void noted_value_that_comes_late_changes_nothing(void **state)
{
    put_device(*state, "d");
    assert_ok(store_begin(*state));
    assert_ok(store_value_note(*state, "d", "", "t", SPOKE_STR("\"new\""), 50));
    assert_ok(store_value_note(*state, "d", "", "t", SPOKE_STR("\"late\""), 49));
    assert_ok(store_commit(*state));
    assert_value(*state, "t", "\"new\"", 50);
    assert_ok(store_begin(*state));
    assert_ok(store_value_note(*state, "d", "", "t", SPOKE_STR("\"later still\""), 48));
    assert_ok(store_commit(*state));
    assert_value(*state, "t", "\"new\"", 50);
}

static void noted_values_differ_by_device_component_and_name(void **state)
{
    char *json = NULL;
    int64_t at = 0;
    put_device(*state, "d");
    put_device(*state, "e");
    assert_ok(store_begin(*state));
    assert_ok(store_value_note(*state, "d", "", "t", SPOKE_STR("1"), 1));
    assert_ok(store_value_note(*state, "d", "motor", "t", SPOKE_STR("2"), 1));
    assert_ok(store_value_note(*state, "e", "", "t", SPOKE_STR("3"), 1));
    assert_ok(store_value_note(*state, "d", "", "u", SPOKE_STR("4"), 1));
    assert_ok(store_commit(*state));
    assert_value(*state, "t", "1", 1);
    assert_value(*state, "u", "4", 1);
    assert_ok(store_value_get(*state, "e", "", "t", &json, &at));
    assert_string_equal(json, "3");
    free(json);
}

static void noted_values_of_a_device_that_is_deleted_go_with_it(void **state)
{
    char *json = NULL;
    int64_t at = 0;
    put_device(*state, "d");
    assert_ok(store_begin(*state));
    assert_ok(store_value_note(*state, "d", "", "t", SPOKE_STR("1"), 1));
    assert_ok(store_device_delete(*state, "d"));
    assert_ok(store_commit(*state));
    put_device(*state, "d");
    assert_int_equal(store_value_get(*state, "d", "", "t", &json, &at), SPOKE_E_NOT_FOUND);
}

static void of_noted_values_too_the_one_longest_unheard_of_makes_room(void **state)
{
    char *json = NULL;
    int64_t at = 0;
    put_device(*state, "d");
    assert_ok(store_begin(*state));
    for (int i = 0; i <= STORE_VALUES_KEPT; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%d", i);
        assert_ok(store_value_note(*state, "d", "", name, SPOKE_STR("1"), i == 0 ? 5000 : i));
    }
    assert_ok(store_commit(*state));
    assert_value(*state, "n0", "1", 5000);
    assert_int_equal(store_value_get(*state, "d", "", "n1", &json, &at), SPOKE_E_NOT_FOUND);
    assert_value(*state, "n2", "1", 2);
}

/* Half of what a message brought must not be committed, and acknowledged, for the whole. */
static void commit_fails_when_a_read_lost_noted_values(void **state)
{
    struct store *s = *state;
    char *json = NULL;
    int64_t at = 0;
    put_device(s, "d");
    assert_int_equal(sqlite3_exec(s->db,
                                  "CREATE TEMP TRIGGER refuse BEFORE INSERT ON telemetry_value"
                                  " BEGIN SELECT RAISE(ABORT, 'no room'); END",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_ok(store_begin(s));
    add_message(s, "d", "{\"t\":1}");
    assert_ok(store_value_note(s, "d", "", "t", SPOKE_STR("1"), 1));
    assert_int_not_equal(store_value_get(s, "d", "", "t", &json, &at), SPOKE_OK);
    assert_int_equal(sqlite3_exec(s->db, "DROP TRIGGER refuse", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(store_commit(s), SPOKE_E_PORT);
    assert_int_equal(messages_of(s, "d"), 0);
    add_messages(s, "d", 1); /* the next one is whole again */
    assert_int_equal(messages_of(s, "d"), 1);
}

/* A full disk ends the transaction by itself. */
static void values_of_a_transaction_that_ended_by_itself_are_not_written(void **state)
{
    struct store *s = *state;
    char *json = NULL;
    int64_t at = 0;
    put_device(s, "d");
    assert_ok(store_begin(s));
    assert_ok(store_value_note(s, "d", "", "t", SPOKE_STR("1"), 1));
    assert_int_equal(sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(store_commit(s), SPOKE_E_PORT);
    assert_int_equal(store_value_get(s, "d", "", "t", &json, &at), SPOKE_E_NOT_FOUND);
}

static void value_noted_outside_a_transaction_is_written_at_once(void **state)
{
    struct store *s = *state;
    put_device(s, "d");
    assert_ok(store_value_note(s, "d", "", "t", SPOKE_STR("1"), 1));
    assert_int_equal(s->noted.count, 0);
    assert_value(s, "t", "1", 1);
}

/* --- cloud to device, sessions, commands --- */

static void cloud_messages_keep_their_order_and_numbers_are_not_reused(void **state)
{
    const struct store_c2d one = {.expires_ms = 9, .enqueued_ms = 1, .body = (void *)"1", .body_len = 1};
    const struct store_c2d two = {.bag = (char *)"a=b", .body = (void *)"2", .body_len = 1};
    int64_t first = 0, second = 0, third = 0;
    size_t count = 0;
    struct tally t = {0};
    put_device(*state, "d");
    assert_ok(store_c2d_add(*state, "d", &one, &first));
    assert_ok(store_c2d_add(*state, "d", &two, &second));
    assert_ok(store_c2d_each(*state, "d", tally_c2d, &t));
    assert_string_equal(t.first, "1");
    assert_string_equal(t.last, "2");
    assert_ok(store_c2d_delete(*state, second));
    assert_int_equal(store_c2d_delete(*state, second), SPOKE_E_NOT_FOUND);
    assert_ok(store_c2d_add(*state, "d", &two, &third));
    assert_true(first < second && second < third);
    assert_ok(store_c2d_count(*state, "d", &count));
    assert_int_equal(count, 2);
}

static void a_session_is_kept_and_removed(void **state)
{
    char *subscriptions = NULL;
    assert_ok(store_session_put(*state, "d", "[\"a\"]"));
    assert_ok(store_session_get(*state, "d", &subscriptions));
    assert_string_equal(subscriptions, "[\"a\"]");
    free(subscriptions);
    assert_ok(store_session_put(*state, "d", NULL));
    assert_int_equal(store_session_get(*state, "d", &subscriptions), SPOKE_E_NOT_FOUND);
}

static void command_history_is_per_component_and_name_newest_last(void **state)
{
    struct tally t = {0};
    put_device(*state, "d");
    assert_ok(store_command_add(*state, "d", NULL, "reboot", "1"));
    assert_ok(store_command_add(*state, "d", "motor", "reboot", "2"));
    assert_ok(store_command_add(*state, "d", "", "reboot", "3"));
    assert_ok(store_command_each(*state, "d", "", "reboot", tally_command, &t));
    assert_int_equal(t.count, 2);
    assert_string_equal(t.first, "1");
    assert_string_equal(t.last, "3");
}

static void only_the_newest_commands_are_kept(void **state)
{
    struct tally t = {0};
    put_device(*state, "d");
    assert_ok(store_begin(*state));
    for (int i = 0; i < STORE_COMMANDS_KEPT + 3; i++)
        assert_ok(store_command_add(*state, "d", "", "c", "{}"));
    assert_ok(store_commit(*state));
    assert_ok(store_command_each(*state, "d", "", "c", tally_command, &t));
    assert_int_equal(t.count, STORE_COMMANDS_KEPT);
}

/* --- transactions and files --- */

struct folder {
    char dir[64], path[96];
};

static int make_folder(void **state)
{
    struct folder *f = calloc(1, sizeof *f);
    snprintf(f->dir, sizeof f->dir, "/tmp/spoke-store-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof f->path, "%s/central.db", f->dir);
    *state = f;
    return 0;
}

static int remove_folder(void **state)
{
    static const char *const SUFFIXES[] = {"", "-wal", "-shm", "-journal"};
    struct folder *f = *state;
    for (size_t i = 0; i < sizeof SUFFIXES / sizeof SUFFIXES[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s%s", f->path, SUFFIXES[i]);
        unlink(path);
    }
    rmdir(f->dir);
    free(f);
    return 0;
}

static struct store *open_file(const struct folder *f, bool durable)
{
    struct store *s = NULL;
    char why[300] = "";
    if (store_open(f->path, durable, &s, why, sizeof why) != SPOKE_OK)
        fail_msg("%s", why);
    return s;
}

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void assert_refused(const struct folder *f, const char *sentence)
{
    struct store *s = NULL;
    char why[300] = "";
    assert_int_equal(store_open(f->path, true, &s, why, sizeof why), SPOKE_E_PORT);
    assert_null(s);
    if (strstr(why, sentence) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", why, sentence);
}

static void rows_survive_a_restart(void **state)
{
    for (int durable = 0; durable < 2; durable++) {
        struct store *s = open_file(*state, durable != 0);
        put_device(s, durable != 0 ? "safe" : "fast");
        store_close(s);
        s = open_file(*state, true);
        (void)etag_of(s, durable != 0 ? "safe" : "fast");
        store_close(s);
    }
}

static void a_store_closed_within_a_transaction_keeps_its_rows(void **state)
{
    struct store *s = open_file(*state, true);
    assert_ok(store_begin(s));
    assert_ok(store_begin(s));
    put_device(s, "d");
    store_close(s);
    s = open_file(*state, true);
    (void)etag_of(s, "d");
    assert_ok(store_commit(s));
    store_close(s);
}

static void uncommitted_rows_are_not_seen_by_others(void **state)
{
    struct store *s = open_file(*state, true), *other = open_file(*state, true);
    struct store_device row;
    assert_ok(store_begin(s));
    put_device(s, "d");
    assert_int_equal(store_device_get(other, "d", &row), SPOKE_E_NOT_FOUND);
    assert_ok(store_commit(s));
    assert_ok(store_device_get(other, "d", &row));
    store_device_free(&row);
    store_close(other);
    store_close(s);
}

static void only_the_owner_may_read_the_files(void **state)
{
    const struct folder *f = *state;
    char wal[128];
    struct stat info;
    const mode_t before = umask(0);
    const int fd = open(f->path, O_CREAT | O_WRONLY, 0666); /* left by somebody careless */
    close(fd);
    struct store *s = open_file(f, true);
    put_device(s, "d");
    umask(before);
    snprintf(wal, sizeof wal, "%s-wal", f->path);
    assert_int_equal(stat(f->path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(stat(wal, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    store_close(s);
}

static void a_file_that_is_no_database_is_named_damaged(void **state)
{
    const struct folder *f = *state;
    FILE *file = fopen(f->path, "wb");
    for (int i = 0; i < 1000; i++)
        fputs("not a database ", file);
    fclose(file);
    assert_refused(f, "is damaged or not a store");
    assert_refused(f, f->path);
}

static void a_database_of_another_program_is_left_alone(void **state)
{
    const struct folder *f = *state;
    run_sql(f->path, "CREATE TABLE photos (id INTEGER)");
    assert_refused(f, "another program");
}

static void a_newer_format_is_refused(void **state)
{
    const struct folder *f = *state;
    store_close(open_file(f, true));
    run_sql(f->path, "PRAGMA user_version=999");
    assert_refused(f, "newer spoke-central");
}

static int64_t tables_like(struct store *s, const char *sql)
{
    int64_t count = -1;
    assert_ok(store_query_number(s, sql, &count));
    return count;
}

static void devices_and_the_broker_have_tables_of_their_own(void **state)
{
    static const char DEVICE[] = "SELECT count(*) FROM sqlite_schema WHERE tbl_name IN ('device', 'event')";
    static const char BROKER[] = "SELECT count(*) FROM sqlite_schema WHERE tbl_name GLOB 'broker_*'";
    const struct folder *f = *state;
    struct store *s = open_file(f, true);
    assert_true(tables_like(s, DEVICE) > 0);
    assert_int_equal(tables_like(s, BROKER), 0);
    store_close(s);
    assert_int_equal(unlink(f->path), 0);
    assert_ok(store_broker_open(f->path, true, &s, NULL, 0));
    assert_int_equal(tables_like(s, DEVICE), 0);
    assert_true(tables_like(s, BROKER) > 0);
    store_close(s);
}

static void a_folder_that_is_not_there_is_named(void **state)
{
    struct folder f = *(struct folder *)*state;
    snprintf(f.path, sizeof f.path, "%s/nowhere/x.db", f.dir);
    assert_refused(&f, "No such file");
}

static void a_reason_need_not_be_wanted(void **state)
{
    const struct folder *f = *state;
    struct store *s = NULL;
    char path[128];
    snprintf(path, sizeof path, "%s/nowhere/x.db", f->dir);
    assert_int_equal(store_open(path, true, &s, NULL, 0), SPOKE_E_PORT);
}

static void a_lost_transaction_is_not_reported_as_kept(void **state)
{
    /* A file that may not grow stands for the full disk. */
    struct rlimit limit;
    struct store_device row;
    struct store *s = open_file(*state, true);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    const struct rlimit full = {.rlim_cur = 1024, .rlim_max = limit.rlim_max};
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_ok(store_begin(s));
    put_device(s, "lost");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
    const spoke_status status = store_commit(s);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(status, SPOKE_E_PORT);
    assert_int_equal(store_device_get(s, "lost", &row), SPOKE_E_NOT_FOUND);
    assert_ok(store_begin(s));
    put_device(s, "kept");
    assert_ok(store_commit(s));
    store_close(s);
}

#define MEMORY(test) cmocka_unit_test_setup_teardown(test, open_memory, close_memory)
#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

static void a_store_is_not_opened_behind_a_link(void **state)
{
    struct folder *f = *state;
    struct store *s = NULL;
    char target[300], why[300] = "";
    struct stat info;
    snprintf(target, sizeof target, "%s.theirs", f->path);
    FILE *file = fopen(target, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(chmod(target, 0644), 0);
    assert_int_equal(symlink(target, f->path), 0);
    assert_int_equal(store_open(f->path, true, &s, why, sizeof why), SPOKE_E_PORT);
    assert_non_null(strstr(why, f->path));
    assert_int_equal(stat(target, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0644);
    unlink(target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MEMORY(a_setting_is_read_back_and_replaced),
        MEMORY(a_group_comes_back_whole_and_its_etag_rises),
        MEMORY(groups_are_listed_in_order_and_deleted_once),
        MEMORY(a_device_comes_back_whole),
        MEMORY(an_absent_device_leaves_an_empty_row),
        MEMORY(a_device_is_found_without_case_but_got_with_it),
        MEMORY(an_etag_rises_with_a_change_and_not_with_being_seen),
        MEMORY(devices_are_paged_by_id),
        MEMORY(a_callback_may_ask_the_same_again_and_write),
        MEMORY(a_deleted_device_takes_everything_along),
        MEMORY(what_belongs_to_no_device_is_refused),
        MEMORY(a_twin_comes_back_whole),
        MEMORY(a_message_body_is_bytes),
        MEMORY(messages_are_read_on_from_a_number_until_the_reader_stops),
        MEMORY(only_the_newest_messages_are_kept),
        MEMORY(cleared_messages_are_gone),
        MEMORY(the_newest_value_of_a_name_wins_per_component),
        MEMORY(value_that_comes_late_changes_nothing),
        MEMORY(message_id_is_known_per_device_until_it_is_forgotten),
        MEMORY(the_value_longest_unheard_of_makes_room),
        MEMORY(of_all_messages_the_oldest_go),
        MEMORY(store_that_was_larger_shrinks_by_and_by),
        MEMORY(messages_that_are_gone_already_make_no_others_go),
        MEMORY(messages_that_were_not_committed_make_no_others_go),
        MEMORY(noted_value_is_read_before_the_commit_and_after_it),
        MEMORY(of_many_noted_values_of_a_name_one_is_written),
        MEMORY(noted_value_that_comes_late_changes_nothing),
        MEMORY(noted_values_differ_by_device_component_and_name),
        MEMORY(noted_values_of_a_device_that_is_deleted_go_with_it),
        MEMORY(of_noted_values_too_the_one_longest_unheard_of_makes_room),
        MEMORY(commit_fails_when_a_read_lost_noted_values),
        MEMORY(values_of_a_transaction_that_ended_by_itself_are_not_written),
        MEMORY(value_noted_outside_a_transaction_is_written_at_once),
        MEMORY(cloud_messages_keep_their_order_and_numbers_are_not_reused),
        MEMORY(a_session_is_kept_and_removed),
        MEMORY(command_history_is_per_component_and_name_newest_last),
        MEMORY(only_the_newest_commands_are_kept),
        ON_DISK(rows_survive_a_restart),
        ON_DISK(a_store_closed_within_a_transaction_keeps_its_rows),
        ON_DISK(uncommitted_rows_are_not_seen_by_others),
        ON_DISK(only_the_owner_may_read_the_files),
        ON_DISK(a_store_is_not_opened_behind_a_link),
        ON_DISK(a_file_that_is_no_database_is_named_damaged),
        ON_DISK(a_database_of_another_program_is_left_alone),
        ON_DISK(a_newer_format_is_refused),
        ON_DISK(devices_and_the_broker_have_tables_of_their_own),
        ON_DISK(a_folder_that_is_not_there_is_named),
        ON_DISK(a_reason_need_not_be_wanted),
        ON_DISK(a_lost_transaction_is_not_reported_as_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
