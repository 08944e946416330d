#include "fleet/options.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fleet/gate.h"

#define MOST_DEVICES 1000000u
#define MOST_THREADS 256u
#define LEAST_RATE 1e-6 /* once in 11 days */
#define MOST_RATE 1e6
#define KEY_FILE_BYTES 256

static const char help[] =
    "spoke fleet [options] TEMPLATE...\n"
    "\n"
    "Simulates devices of a device template (DTDL; a file, or a folder with what it refers to) in this process: they\n"
    "provision and connect, report their properties, send telemetry with values that fit, obey writable properties and\n"
    "answer commands. Ends with a summary. Ctrl-C ends it early and cleanly, a second one at once.\n"
    "\n"
    "Where to (SPOKE_HOST, SPOKE_MQTT_PORT, SPOKE_ID_SCOPE and SPOKE_CA_FILE stand in for what is not given):\n"
    "  --dps HOST                  provision there; needs --id-scope\n"
    "  --hub HOST                  or connect straight to this hub\n"
    "  --port N                    of both. Default: 8883\n"
    "  --id-scope SCOPE\n"
    "  --trust FILE                CA certificates, PEM. Default: the system's\n"
    "  --target-is HOST            allows a target that is not this machine; repeats its name\n"
    "\n"
    "As whom:\n"
    "  --group-key-file FILE       the key of an enrolment group, base64; device keys are derived from it. The\n"
    "                              variable SPOKE_GROUP_KEY holds one as well\n"
    "  --group-key KEY             the same, for all on this machine to read: only for targets on it\n"
    "  --keys FILE                 or devices with keys of their own: a line \"id,key\" for each\n"
    "  --prefix TEXT               of the names of devices. Default: sim-\n"
    "  --first N                   number of the first. Default: 1\n"
    "\n"
    "How much:\n"
    "  --devices N                 Default: 10; with --keys all of the file\n"
    "  --rate X                    messages a second of each device. Default: 0.1\n"
    "  --rate-total X              or of all together\n"
    "  --ramp X                    devices that begin in a second. Default: 100\n"
    "  --at-once N                 devices that may be on their way to READY at a time. Default: 200\n"
    "  --together                  no telemetry until all devices are READY (or given up); what is counted and\n"
    "                              measured of it, and --duration, begin then\n"
    "  --duration SECONDS          Default: until Ctrl-C\n"
    "  --threads N                 Default: one for each processor\n"
    "  --seed N                    another number, other values. Default: 1\n"
    "  --property NAME=VALUE       goes with each message; repeatable\n"
    "  --provisioning-payload JSON goes with each registration\n"
    "\n"
    "What is told:\n"
    "  --json FILE                 the summary; - is standard output, the rest then standard error\n"
    "  --csv FILE                  a line for each second\n"
    "  --quiet                     neither progress nor summary\n"
    "\n"
    "Of the template:\n"
    "  --interface DTMI            Default: the interface that no other refers to\n";

/* --- values of options --- */

static bool take_number(const char *text, uint32_t least, uint32_t most, uint32_t *out)
{
    uint32_t number;
    if (spoke_str_u32(spoke_str_of(text), &number) != SPOKE_OK || number < least || number > most)
        return false;
    *out = number;
    return true;
}

static bool take_rate(const char *text, double *out)
{
    double number;
    if (spoke_json_double(spoke_str_of(text), &number) != SPOKE_OK ||
        !(number >= LEAST_RATE && number <= MOST_RATE))
        return false;
    *out = number;
    return true;
}

static bool take_port(void *ctx, const char *value)
{
    return take_number(value, 1, UINT16_MAX, &((struct fleet_options *)ctx)->port);
}

static bool take_devices(void *ctx, const char *value)
{
    return take_number(value, 1, MOST_DEVICES, &((struct fleet_options *)ctx)->devices);
}

static bool take_threads(void *ctx, const char *value)
{
    return take_number(value, 1, MOST_THREADS, &((struct fleet_options *)ctx)->threads);
}

static bool take_at_once(void *ctx, const char *value)
{
    return take_number(value, 1, MOST_DEVICES, &((struct fleet_options *)ctx)->at_once);
}

static bool take_first(void *ctx, const char *value)
{
    return take_number(value, 0, UINT32_MAX - MOST_DEVICES, &((struct fleet_options *)ctx)->first);
}

static bool take_seed(void *ctx, const char *value)
{
    return take_number(value, 0, UINT32_MAX, &((struct fleet_options *)ctx)->seed);
}

static bool take_duration(void *ctx, const char *value)
{
    return take_number(value, 1, UINT32_MAX / 1000, &((struct fleet_options *)ctx)->duration_s);
}

static bool take_device_rate(void *ctx, const char *value)
{
    return take_rate(value, &((struct fleet_options *)ctx)->rate);
}

static bool take_rate_total(void *ctx, const char *value)
{
    return take_rate(value, &((struct fleet_options *)ctx)->rate_total);
}

static bool take_ramp(void *ctx, const char *value)
{
    return take_rate(value, &((struct fleet_options *)ctx)->ramp);
}

static bool take_property(void *ctx, const char *value)
{
    struct fleet_options *o = ctx;
    spoke_property_pair *pair = &o->properties[o->property_count];
    if (o->property_count == OPTIONS_PROPERTIES || !spoke_utf8_valid(spoke_str_of(value)) ||
        !spoke_str_cut(spoke_str_of(value), '=', &pair->name, &pair->value) || pair->name.len == 0)
        return false;
    o->property_count++;
    return true;
}

static bool take_payload(void *ctx, const char *value)
{
    ((struct fleet_options *)ctx)->provisioning_payload = value;
    return spoke_json_check(spoke_str_of(value)) == SPOKE_OK && spoke_json_type(spoke_str_of(value)) == '{';
}

/* --- the key of the group --- */

static bool keep_key(struct fleet_options *o, const char *text)
{
    size_t len = strlen(text);
    while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL)
        len--;
    o->has_group_key = spoke_key_from_base64(spoke_str_from(text, len), &o->group_key) == SPOKE_OK;
    return o->has_group_key;
}

/* The caller says what is wrong without the value: it is a secret. */
static bool take_key(void *ctx, const char *value)
{
    ((struct fleet_options *)ctx)->key_in_arguments = true;
    (void)keep_key(ctx, value);
    return true;
}

static int say_key(const char *where)
{
    return tool_usage("fleet", "%s holds no group key: base64 text of 16 to 64 bytes is expected", where);
}

static int read_key_file(struct fleet_options *o, const char *path)
{
    char text[KEY_FILE_BYTES + 1];
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return tool_usage("fleet", "%s cannot be read: %s", path, strerror(errno));
    setvbuf(file, NULL, _IONBF, 0); /* no second copy of the key */
    const size_t len = fread(text, 1, KEY_FILE_BYTES, file);
    fclose(file);
    text[len] = '\0';
    const bool kept = keep_key(o, text);
    spoke_wipe(text, sizeof text);
    return kept ? -1 : say_key(path);
}

static int find_group_key(struct fleet_options *o, const char *path)
{
    if (o->key_in_arguments)
        return o->has_group_key ? -1 : say_key("--group-key");
    if (path != NULL)
        return read_key_file(o, path);
    const char *variable = getenv("SPOKE_GROUP_KEY");
    if (variable == NULL || o->keys_file != NULL)
        return -1;
    return keep_key(o, variable) ? -1 : say_key("SPOKE_GROUP_KEY");
}

/* --- together --- */

static void take_environment(struct fleet_options *o)
{
    const char *port = getenv("SPOKE_MQTT_PORT");
    if (o->dps == NULL && o->hub == NULL)
        o->dps = getenv("SPOKE_HOST");
    if (o->id_scope == NULL)
        o->id_scope = getenv("SPOKE_ID_SCOPE");
    if (o->trust_file == NULL)
        o->trust_file = getenv("SPOKE_CA_FILE");
    if (o->port == 0 && port != NULL)
        (void)take_number(port, 1, UINT16_MAX, &o->port);
}

static void take_defaults(struct fleet_options *o)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (o->devices == 0 && o->keys_file == NULL)
        o->devices = 10;
    if (o->threads == 0)
        o->threads = processors > 0 && processors < (long)MOST_THREADS ? (uint32_t)processors : 1;
    if (o->rate <= 0 && o->rate_total <= 0)
        o->rate = 0.1;
    if (o->ramp <= 0)
        o->ramp = 100;
}

static int check(const struct fleet_options *o)
{
    if (o->arguments.path_count == 0)
        return tool_usage("fleet", "name the file of a device template");
    if ((o->dps == NULL) == (o->hub == NULL))
        return tool_usage("fleet", o->dps == NULL ? "say where to: --dps HOST, or --hub HOST"
                                                  : "give --dps or --hub, not both");
    if (strlen(options_target(o)) > SPOKE_MAX_HOST_BYTES || strchr(options_target(o), ',') != NULL)
        return tool_usage("fleet", "%s is no name of one host", o->dps != NULL ? "--dps" : "--hub");
    if (o->dps != NULL && o->id_scope == NULL)
        return tool_usage("fleet", "provisioning needs --id-scope");
    if (o->has_group_key && o->keys_file != NULL)
        return tool_usage("fleet", "give the key of a group or --keys, not both");
    if (!o->has_group_key && o->keys_file == NULL)
        return tool_usage("fleet", "say as whom: --group-key-file FILE, SPOKE_GROUP_KEY, or --keys FILE");
    if (o->rate > 0 && o->rate_total > 0)
        return tool_usage("fleet", "give --rate or --rate-total, not both");
    if (strlen(o->prefix) > SPOKE_MAX_ID_BYTES - 10)
        return tool_usage("fleet", "--prefix is longer than %u characters", SPOKE_MAX_ID_BYTES - 10);
    return -1;
}

int options_parse(int argc, char **argv, struct fleet_options *o)
{
    const char *key_file = NULL;
    memset(o, 0, sizeof *o);
    tool_model_init(&o->loaded);
    o->prefix = "sim-";
    o->first = o->seed = 1;
    o->at_once = 200;
    struct tool_option list[] = {
        {.name = "--dps", .value = true, .to = &o->dps},
        {.name = "--hub", .value = true, .to = &o->hub},
        {.name = "--port", .value = true, .handle = take_port, .ctx = o},
        {.name = "--id-scope", .value = true, .to = &o->id_scope},
        {.name = "--trust", .value = true, .to = &o->trust_file},
        {.name = "--target-is", .value = true, .to = &o->target_is},
        {.name = "--group-key", .value = true, .handle = take_key, .ctx = o},
        {.name = "--group-key-file", .value = true, .to = &key_file},
        {.name = "--keys", .value = true, .to = &o->keys_file},
        {.name = "--prefix", .value = true, .to = &o->prefix},
        {.name = "--first", .value = true, .handle = take_first, .ctx = o},
        {.name = "--devices", .value = true, .handle = take_devices, .ctx = o},
        {.name = "--rate", .value = true, .handle = take_device_rate, .ctx = o},
        {.name = "--rate-total", .value = true, .handle = take_rate_total, .ctx = o},
        {.name = "--ramp", .value = true, .handle = take_ramp, .ctx = o},
        {.name = "--at-once", .value = true, .handle = take_at_once, .ctx = o},
        {.name = "--together", .to = &o->together},
        {.name = "--duration", .value = true, .handle = take_duration, .ctx = o},
        {.name = "--threads", .value = true, .handle = take_threads, .ctx = o},
        {.name = "--seed", .value = true, .handle = take_seed, .ctx = o},
        {.name = "--property", .value = true, .handle = take_property, .ctx = o},
        {.name = "--provisioning-payload", .value = true, .handle = take_payload, .ctx = o},
        {.name = "--json", .value = true, .to = &o->json},
        {.name = "--csv", .value = true, .to = &o->csv},
        {.name = "--quiet", .to = &o->quiet},
        {.name = "--interface", .value = true, .to = &o->interface},
        {.name = NULL},
        {.name = NULL},
        {.name = NULL},
        {.name = NULL}, /* TOOL_LOAD_OPTION_COUNT */
    };
    const size_t count = sizeof list / sizeof list[0];
    tool_load_options(&o->loaded, &list[count - TOOL_LOAD_OPTION_COUNT]);
    o->arguments =
        (struct tool_arguments){.help = help, .load_help = true, .options = list, .option_count = count};
    int code = tool_parse(argc, argv, &o->arguments);
    o->arguments.options = NULL; /* they end here */
    if (code < 0)
        code = find_group_key(o, key_file);
    if (code >= 0)
        return code;
    take_environment(o);
    take_defaults(o);
    return check(o);
}

void options_free(struct fleet_options *o)
{
    spoke_key_wipe(&o->group_key);
    tool_arguments_free(&o->arguments);
    tool_model_free(&o->loaded);
}

const char *options_target(const struct fleet_options *o)
{
    return o->dps != NULL ? o->dps : o->hub;
}

double options_device_rate(const struct fleet_options *o)
{
    return o->rate > 0 ? o->rate : o->rate_total / o->devices;
}
