/* Ten things that can be wrong with a device's registration, met at the first start, after a restart and while running:
 * what the client does for six hours, and how soon it is READY once somebody has mended it. */
#include "support/client_fixture.h"

#include <spoke/crypto.h>

#define SECONDARY "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh4="
#define MINUTE 60000ull
#define HOUR (60 * MINUTE)

/* --- a cloud of one hub and DPS --- */

struct cloud {
    bool silent;          /* takes connections and says nothing */
    const char *key;      /* the device's, as the service has it; NULL: nobody's is taken */
    const char *hub;      /* where the device belongs; NULL: nowhere */
    bool dps_turns_away;  /* CONNACK 5 */
    const char *status;   /* of DPS's answer; NULL: it assigns the hub */
    const char *says;     /* its body */
    const char *argument; /* behind the topic: retry-after */
};

static struct {
    struct cloud as;
    unsigned opens; /* answered so far */
    size_t sent;    /* looked at so far */
    bool told_suback;
    unsigned at_hub, at_dps; /* connections */
} cloud;

/* The token is the one that this key makes. */
static bool signed_with(const char *key, const char *resource, const char *skn)
{
    char token[SPOKE_MAX_SAS_BYTES + 1];
    spoke_buf out = spoke_buf_from(token, sizeof token - 1);
    spoke_key k;
    const char *ends = strstr(fake->password, "se=");
    assert_non_null(ends);
    assert_ok(spoke_key_from_base64(spoke_str_of(key), &k));
    assert_ok(
        spoke_sas_token(spoke_str_of(resource), atoll(ends + 3), spoke_str_of(skn), spoke_key_hmac, &k, &out));
    token[out.len] = '\0';
    return strcmp(token, fake->password) == 0;
}

static void turn_away(void)
{
    say_closed(SPOKE_E_REFUSED, SPOKE_SOURCE_MQTT, 5);
}

static void greet(void)
{
    say((spoke_transport_event){.kind = SPOKE_TRANSPORT_CONNECTED});
    cloud.told_suback = false;
}

static void take_connection(void)
{
    const bool dps = strcmp(fake->host, "dps.local") == 0;
    *(dps ? &cloud.at_dps : &cloud.at_hub) += 1;
    if (cloud.as.silent)
        return;
    char resource[200];
    snprintf(resource, sizeof resource, "%s/devices/d", fake->host);
    const bool known = cloud.as.key != NULL && signed_with(cloud.as.key, dps ? "0ne0/registrations/d" : resource,
                                                           dps ? "registration" : NULL);
    const bool here =
        dps ? !cloud.as.dps_turns_away : cloud.as.hub != NULL && strcmp(fake->host, cloud.as.hub) == 0;
    /* DPS lets an unknown key in and refuses it in its answer. */
    if (here && (known || dps))
        greet();
    else
        turn_away();
}

static void answer_dps(const struct sent *s)
{
    char topic[200], body[400];
    const char *rid = strstr(s->topic, "$rid=");
    const bool known = cloud.as.key != NULL && signed_with(cloud.as.key, "0ne0/registrations/d", "registration");
    const char *status = cloud.as.status != NULL ? cloud.as.status : known ? "200" : "401";
    snprintf(body, sizeof body, "%s", cloud.as.says != NULL ? cloud.as.says : "{\"errorCode\":401002}");
    if (cloud.as.status == NULL && known)
        snprintf(body, sizeof body,
                 "{\"operationId\":\"4.x\",\"status\":\"assigned\",\"registrationState\":{\"assignedHub\":\"%s\","
                 "\"deviceId\":\"d\",\"status\":\"assigned\"}}",
                 cloud.as.hub);
    snprintf(topic, sizeof topic, "$dps/registrations/res/%s/?%.*s%s", status, (int)strcspn(rid, "&"), rid,
             cloud.as.argument != NULL ? cloud.as.argument : "");
    say_message(topic, body, 0);
}

static void answer_hub(const struct sent *s)
{
    char topic[200];
    const char *rid = strstr(s->topic, "$rid=");
    if (strstr(s->topic, "/GET/") == NULL)
        return;
    snprintf(topic, sizeof topic, "$iothub/twin/res/200/?%s", rid);
    say_message(topic, "{\"desired\":{\"$version\":1},\"reported\":{\"$version\":1}}", 0);
}

static void turn_cloud(void)
{
    if (fake->opens != cloud.opens) {
        cloud.opens = fake->opens;
        cloud.sent = fake->sent_count = 0;
        take_connection();
    }
    if (fake->owes_suback && !cloud.told_suback) {
        cloud.told_suback = true;
        say((spoke_transport_event){
            .kind = SPOKE_TRANSPORT_SUBSCRIBED,
            .codes = strcmp(fake->host, "dps.local") == 0 ? SPOKE_STR("\x01") : SPOKE_STR("\x01\x00\x00\x00")});
    }
    for (; cloud.sent < fake->sent_count; cloud.sent++) {
        const struct sent *s = &fake->sent[cloud.sent];
        if (strncmp(s->topic, "$dps/", 5) == 0)
            answer_dps(s);
        else
            answer_hub(s);
    }
}

/* True: READY within that time. */
static bool live(struct fixture *f, uint64_t limit_ms, bool until_ready)
{
    const uint64_t until = clock_ms + limit_ms;
    while (clock_ms < until && !(until_ready && spoke_client_state(f->client) == SPOKE_READY)) {
        const uint64_t left = until - clock_ms;
        poll(f, 0);
        turn_cloud();
        poll(f, fake->head != fake->tail ? 0 : left < 1000 ? (uint32_t)left : 1000);
        turn_cloud();
        assert_int_not_equal(spoke_client_state(f->client), SPOKE_FAILED);
    }
    return spoke_client_state(f->client) == SPOKE_READY;
}

/* --- the table --- */

enum when { FIRST_START, RESTART, RUNNING };

static const struct cloud sound = {.key = KEY, .hub = "hub1.local"};

struct scenario {
    const char *name;
    struct cloud during;
    bool heals;             /* READY without anybody's help */
    bool asks_dps;          /* although a hub is known */
    spoke_status status;    /* else: the trouble that is told */
    unsigned most_attempts; /* in six hours, hub and DPS together */
    uint64_t mended_ms;     /* READY so soon after the cause is gone */
};

static const struct scenario scenarios[] = {
    {"the cached hub is right", {.key = KEY, .hub = "hub1.local"}, true, false, SPOKE_OK, 2, 0},
    {"moved to another hub", {.key = KEY, .hub = "hub2.local"}, true, true, SPOKE_OK, 4, 0},
    {"the key was rolled to the secondary one",
     {.key = SECONDARY, .hub = "hub1.local"},
     true,
     false,
     SPOKE_OK,
     4,
     0},
    {"deleted",
     {.status = "404", .says = "{\"errorCode\":404201}"},
     false,
     true,
     SPOKE_E_PROVISION,
     12,
     75 * MINUTE},
    {"disabled by the operator",
     {.status = "200",
      .says = "{\"operationId\":\"4.x\",\"status\":\"disabled\",\"registrationState\":{\"status\":\"disabled\"}}"},
     false,
     true,
     SPOKE_E_PROVISION,
     95,
     7 * MINUTE},
    {"the scope is wrong", {.dps_turns_away = true}, false, true, SPOKE_E_REFUSED, 16, 75 * MINUTE},
    {"DPS is throttled",
     {.status = "429", .says = "{\"errorCode\":429001}", .argument = "&retry-after=120"},
     false,
     true,
     SPOKE_E_PROVISION,
     190,
     4 * MINUTE},
    {"DPS is broken",
     {.status = "500", .says = "{\"errorCode\":500001}"},
     false,
     true,
     SPOKE_E_PROVISION,
     500,
     3 * MINUTE},
    {"DPS refuses the key",
     {.status = "401", .says = "{\"errorCode\":401002}"},
     false,
     true,
     SPOKE_E_PROVISION,
     16,
     75 * MINUTE},
    {"everything is silent", {.silent = true}, false, true, SPOKE_E_TIMEOUT, 360, 4 * MINUTE},
};

static void begin(struct fixture *f, enum when when)
{
    cloud.as = sound;
    cloud.opens = 0;
    f->record[0] = '\0';
    start_with_dps(f);
    if (when != FIRST_START) {
        assert_true(live(f, 10 * MINUTE, true));
        live(f, 2 * MINUTE, false); /* the troubles of before are forgotten */
    }
}

static void break_it(struct fixture *f, const struct scenario *s, enum when when)
{
    cloud.as = s->during;
    cloud.at_hub = cloud.at_dps = 0;
    if (when == RUNNING) {
        say_closed(SPOKE_E_NET, SPOKE_SOURCE_PORT, 104);
        poll(f, 0);
    } else if (when == RESTART) {
        cloud.opens = 0;
        start(f);
    }
}

static void expect_healed(struct fixture *f, const struct scenario *s, enum when when)
{
    assert_true(live(f, 10 * MINUTE, true));
    assert_str(spoke_client_hub_host(f->client), s->during.hub);
    assert_int_equal(cloud.at_dps > 0, s->asks_dps || when == FIRST_START);
    live(f, 20 * MINUTE, false);
    assert_in_range(cloud.at_hub + cloud.at_dps, 1, s->most_attempts + (when == FIRST_START ? 1 : 0));
}

static void expect_patience(struct fixture *f, const struct scenario *s)
{
    assert_false(live(f, 6 * HOUR, true));
    assert_string_equal(spoke_status_name(spoke_client_error(f->client)->status), spoke_status_name(s->status));
    assert_in_range(cloud.at_hub + cloud.at_dps, 2, s->most_attempts);
    assert_true(cloud.at_dps > 0);
    cloud.as = sound;
    const uint64_t mended = clock_ms;
    assert_true(live(f, 2 * HOUR, true));
    assert_in_range(clock_ms - mended, 0, s->mended_ms);
}

static void play(struct fixture *f, enum when when)
{
    static const char *const names[] = {"at the first start", "after a restart", "while running"};
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        const struct scenario *s = &scenarios[i];
        print_message("  %s, %s\n", s->name, names[when]);
        begin(f, when);
        break_it(f, s, when);
        if (s->heals)
            expect_healed(f, s, when);
        else
            expect_patience(f, s);
    }
}

static void each_trouble_of_a_first_start_ends_ready(void **state)
{
    play(*state, FIRST_START);
}

static void each_trouble_after_a_restart_ends_ready(void **state)
{
    play(*state, RESTART);
}

static void each_trouble_while_running_ends_ready(void **state)
{
    play(*state, RUNNING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        claim(each_trouble_of_a_first_start_ends_ready),
        claim(each_trouble_after_a_restart_ends_ready),
        claim(each_trouble_while_running_ends_ready),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
