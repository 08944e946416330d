/* What holding a message to its device template costs, beside what building it costs: nanoseconds a message and the
 * ratio, of typed fields and of JSON, and of a look-up among 300 capabilities.
 *
 *     bench_model [ROUNDS]
 *
 * Exit status 1: a check costs more than the building. Both are measured in turn, the best of several runs each, so that a busy machine hurts both alike. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <spoke/base.h>
#include <spoke/model.h>
#include <spoke/proto/hub.h>

enum { CAPABILITIES = 300, RUNS = 15 };

/* --- a template of IoT Central's largest size --- */

static const spoke_enum_value states[] = {{0, "idle"}, {0, "running"}, {0, "fault"}};
static const spoke_schema state = {.kind = SPOKE_SCHEMA_ENUM_STRING, .count = 3, .values = states};
static const spoke_range percent_range = {.has_low = true, .has_high = true, .low = 0, .high = 100};
static const spoke_schema percent = {.kind = SPOKE_SCHEMA_DOUBLE, .range = &percent_range};
static const spoke_schema_field axis_fields[] = {{"at", &spoke_schema_date_time, false},
                                                 {"state", &state, true},
                                                 {"x", &spoke_schema_double, false},
                                                 {"y", &spoke_schema_double, false},
                                                 {"z", &spoke_schema_double, false}};
static const spoke_schema axis = {.kind = SPOKE_SCHEMA_OBJECT, .count = 5, .fields = axis_fields};

static char names[CAPABILITIES][32];
static spoke_member members[CAPABILITIES];
static const spoke_model model = {"dtmi:bench:large;1", members, CAPABILITIES};

/* Names as vendors give them: a part and what is measured of it. Both lists are in order. */
static void make_model(void)
{
    static const char *const parts[] = {"air",   "battery", "boiler", "cabin",  "compressor", "condenser", "door",
                                        "drive", "engine",  "fan",    "filter", "fuel",       "gateway",   "light",
                                        "motor", "pump",    "sensor", "tank",   "valve",      "water"};
    static const char *const measures[] = {"Alarm", "Current",  "Cycles",  "Flow",  "Humidity",
                                           "Id",    "Level",    "Load",    "Mode",  "Position",
                                           "Power", "Pressure", "Runtime", "Speed", "Temperature"};
    const spoke_schema *const schemas[] = {&spoke_schema_double,  &spoke_schema_long, &spoke_schema_string,
                                           &spoke_schema_boolean, &percent,           &axis};
    for (unsigned i = 0; i < CAPABILITIES; i++) {
        snprintf(names[i], sizeof names[i], "%s%s", parts[i / 15], measures[i % 15]);
        members[i] = (spoke_member){NULL, names[i], SPOKE_TELEMETRY, 0, schemas[i % 6], NULL};
    }
    if (!spoke_model_valid(&model))
        abort();
}

/* --- messages --- */

struct message {
    const char *title;
    spoke_field fields[8];
    size_t count;
};

static char text[1024];

/* As spoke_telemetry_send does: the properties that the topic carries, then the body. */
static spoke_str build(const struct message *m)
{
    const spoke_message_properties properties = {.content_type = SPOKE_STR("application/json"),
                                                 .content_encoding = SPOKE_STR("utf-8")};
    spoke_buf head = spoke_buf_from(text, sizeof text);
    spoke_writer w;
    spoke_str out;
    if (spoke_bag_write(&properties, &head) != SPOKE_OK)
        abort();
    spoke_writer_init(&w, text + head.len, sizeof text - head.len);
    for (size_t i = 0; i < m->count; i++)
        spoke_write(&w, m->fields[i]);
    if (spoke_writer_finish(&w, &out) != SPOKE_OK)
        abort();
    return out;
}

static void check_fields(const struct message *m)
{
    for (size_t i = 0; i < m->count; i++)
        if (spoke_member_check(&model, SPOKE_TELEMETRY, SPOKE_STR(""), &m->fields[i], NULL) != SPOKE_OK)
            abort();
}

static void check_json(spoke_str json)
{
    if (spoke_telemetry_check(&model, SPOKE_STR(""), json, NULL) != SPOKE_OK)
        abort();
}

/* --- measuring --- */

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

enum step { BUILD, CHECK_FIELDS, CHECK_JSON, LOOK_UP, STEPS };

static void one(enum step step, const struct message *m, spoke_str json)
{
    switch (step) {
    case BUILD:
        build(m);
        break;
    case CHECK_FIELDS:
        check_fields(m);
        break;
    case CHECK_JSON:
        check_json(json);
        break;
    case LOOK_UP:
        for (size_t i = 0; i < m->count; i++)
            if (spoke_model_member(&model, SPOKE_STR(""), spoke_str_of(m->fields[i].name)) == NULL)
                abort();
        break;
    case STEPS:
        break;
    }
}

/* False: a check costs more than the building. */
static bool measure(const struct message *m, unsigned rounds)
{
    double best[STEPS] = {1e18, 1e18, 1e18, 1e18};
    char copy[sizeof text];
    const spoke_str built = build(m);
    memcpy(copy, built.ptr, built.len);
    const spoke_str json = spoke_str_from(copy, built.len);
    for (unsigned run = 0; run < RUNS; run++) {
        for (unsigned step = 0; step < STEPS; step++) {
            const double start = now_ns();
            for (unsigned i = 0; i < rounds; i++)
                one((enum step)step, m, json);
            const double took = (now_ns() - start) / rounds;
            best[step] = took < best[step] ? took : best[step];
        }
    }
    printf(
        "%-22s %5zu bytes  build %7.0f ns  check fields %6.0f ns (%.2f)  check JSON %6.0f ns (%.2f)  a look-up %4.0f ns\n",
        m->title, json.len, best[BUILD], best[CHECK_FIELDS], best[CHECK_FIELDS] / best[BUILD], best[CHECK_JSON],
        best[CHECK_JSON] / best[BUILD], best[LOOK_UP] / (double)m->count);
    return best[CHECK_FIELDS] < best[BUILD] && best[CHECK_JSON] < best[BUILD];
}

int main(int argc, char **argv)
{
    const unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 20000;
    const spoke_str object =
        SPOKE_STR("{\"at\":\"2026-02-28T23:59:59Z\",\"state\":\"running\",\"x\":1.25,\"y\":-0.5,\"z\":9.81}");
    const struct message messages[] = {
        {"one double", {spoke_f64(names[0], 21.5)}, 1},
        {"one whole number", {spoke_i64(names[1], 123456)}, 1},
        {"one text", {spoke_text(names[2], SPOKE_STR("a short sentence"))}, 1},
        {"one object as JSON", {spoke_json(names[299], object)}, 1},
        {"six of all kinds",
         {spoke_f64(names[150], 21.53), spoke_i64(names[151], 123456),
          spoke_text(names[152], SPOKE_STR("a short sentence")), spoke_bool(names[153], true),
          spoke_f64(names[154], 55.5), spoke_json(names[155], object)},
         6},
        {"four whole and a flag",
         {spoke_i64(names[1], 1), spoke_i64(names[7], -22), spoke_i64(names[13], 333), spoke_i64(names[19], 4444),
          spoke_bool(names[3], false)},
         5},
    };
    make_model();
    bool cheap = true;
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++)
        cheap = measure(&messages[i], rounds) && cheap;
    return cheap ? 0 : 1;
}
