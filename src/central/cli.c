#include "cli.h"

#include <getopt.h>
#include <string.h>

#include "core/limits.h"

enum option_id {
    OPTION_HELP = 1,
    OPTION_VERSION,
    OPTION_MQTT_PORT,
    OPTION_HTTPS_PORT,
    OPTION_BIND,
    OPTION_DATA_DIR,
    OPTION_EPHEMERAL,
    OPTION_DURABILITY,
    OPTION_HUB_HOST,
    OPTION_ID_SCOPE,
    OPTION_GROUP_KEY,
    OPTION_DEVICE_CA,
    OPTION_APPROVE_BY_HAND,
    OPTION_TEMPLATES,
    OPTION_DPS_POLLS,
    OPTION_DPS_RETRY_AFTER,
    OPTION_CONNECT_RATE,
    OPTION_MAX_CONNECTIONS,
    OPTION_KEEP_MESSAGES,
    OPTION_KEEP_DAYS,
    OPTION_DROP_DUPLICATES,
    OPTION_TLS_CERT,
    OPTION_TLS_KEY,
    OPTION_BACKUP,
    OPTION_NEW_TOKEN,
    OPTION_PROFILE,
    OPTION_LOG_LEVEL,
    OPTION_PRINT_ENV,
    OPTION_SHOW_SECRETS,
    OPTION_CONTROL,
    OPTION_PLAIN_MQTT,
    OPTION_PLAIN_MQTT_OPEN
};

static const struct option options[] = {
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"mqtt-port", required_argument, NULL, OPTION_MQTT_PORT},
    {"https-port", required_argument, NULL, OPTION_HTTPS_PORT},
    {"bind", required_argument, NULL, OPTION_BIND},
    {"data-dir", required_argument, NULL, OPTION_DATA_DIR},
    {"ephemeral", no_argument, NULL, OPTION_EPHEMERAL},
    {"durability", required_argument, NULL, OPTION_DURABILITY},
    {"hub-host", required_argument, NULL, OPTION_HUB_HOST},
    {"id-scope", required_argument, NULL, OPTION_ID_SCOPE},
    {"group-key", required_argument, NULL, OPTION_GROUP_KEY},
    {"device-ca", required_argument, NULL, OPTION_DEVICE_CA},
    {"approve-by-hand", no_argument, NULL, OPTION_APPROVE_BY_HAND},
    {"templates", required_argument, NULL, OPTION_TEMPLATES},
    {"dps-polls", required_argument, NULL, OPTION_DPS_POLLS},
    {"dps-retry-after", required_argument, NULL, OPTION_DPS_RETRY_AFTER},
    {"connect-rate", required_argument, NULL, OPTION_CONNECT_RATE},
    {"max-connections", required_argument, NULL, OPTION_MAX_CONNECTIONS},
    {"keep-messages", required_argument, NULL, OPTION_KEEP_MESSAGES},
    {"keep-days", required_argument, NULL, OPTION_KEEP_DAYS},
    {"drop-duplicates", no_argument, NULL, OPTION_DROP_DUPLICATES},
    {"tls-cert", required_argument, NULL, OPTION_TLS_CERT},
    {"tls-key", required_argument, NULL, OPTION_TLS_KEY},
    {"backup", required_argument, NULL, OPTION_BACKUP},
    {"new-token", required_argument, NULL, OPTION_NEW_TOKEN},
    {"profile", required_argument, NULL, OPTION_PROFILE},
    {"log-level", required_argument, NULL, OPTION_LOG_LEVEL},
    {"print-env", no_argument, NULL, OPTION_PRINT_ENV},
    {"show-secrets", no_argument, NULL, OPTION_SHOW_SECRETS},
    {"control", no_argument, NULL, OPTION_CONTROL},
    {"plain-mqtt", required_argument, NULL, OPTION_PLAIN_MQTT},
    {"plain-mqtt-open", no_argument, NULL, OPTION_PLAIN_MQTT_OPEN},
    {NULL, 0, NULL, 0},
};

static const char help[] =
    "Usage: spoke-central [OPTION]...\n"
    "An IoT Central-style service on this machine: devices provision (DPS) and connect (MQTT over TLS, or over\n"
    "WebSocket), people use its web page, programs its REST API.\n"
    "\n"
    "Listening\n"
    "  --mqtt-port PORT        MQTT over TLS, for devices [8883]; 0: any free port\n"
    "  --https-port PORT       web page, REST API and MQTT over WebSocket [8443]; 0: any free port\n"
    "  --bind ADDRESS          IPv4 or IPv6 address [127.0.0.1]; 0.0.0.0 opens it to the network\n"
    "  --hub-host NAME         the name that devices are told to connect to [localhost, or the address of --bind]\n"
    "  --tls-cert FILE         PEM: the server's certificate and the chain behind it [one by a CA made here]\n"
    "  --tls-key FILE          PEM: its key\n"
    "\n"
    "Data\n"
    "  --data-dir FOLDER       [$XDG_DATA_HOME/spoke-central, or ~/.local/share/spoke-central]\n"
    "  --ephemeral             a temporary folder, removed at the end; free ports unless they are given\n"
    "  --durability WORD       full: a message is on disk before it is acknowledged [full];\n"
    "                          relaxed: faster, the last seconds are lost when the machine fails\n"
    "  --keep-messages N       of all devices together; the oldest go [10000000, about 4 GB]\n"
    "  --keep-days N           what is so much older than the newest goes [any age stays]\n"
    "\n"
    "Devices\n"
    "  --id-scope SCOPE        [made at the first start and kept]\n"
    "  --group-key KEY         base64, of the default enrolment group [made at the first start and kept]\n"
    "  --device-ca FILE        PEM: devices with a certificate of this CA may enrol\n"
    "  --approve-by-hand       unknown devices wait until they are approved\n"
    "  --templates PATH        device templates, a file or a folder of them: DTDL, or IoT Central's form\n"
    "  --drop-duplicates       a message whose id the device used before is acknowledged and not kept\n"
    "\n"
    "Limits\n"
    "  --connect-rate N        connections that the hub accepts in any second; more are refused [no limit]\n"
    "  --max-connections N     devices that are connected at a time [16384, or what the limit of open files allows]\n"
    "  --profile NAME          central-limits: the rates and numbers of IoT Central, answered 429 and 422; others with\n"
    "                          commas, such as central-limits,requests=5 [no limits]\n"
    "\n"
    "Tests\n"
    "  --print-env             once ready, print NAME=value lines, secrets among them, and nothing else\n"
    "  --control               test-control routes under /control/; loopback only\n"
    "  --dps-polls N           \"assigning\" answers before a registration's result [1]\n"
    "  --dps-retry-after S     seconds that a device is told to wait between them [3]\n"
    "\n"
    "An ordinary MQTT broker beside the service\n"
    "  --plain-mqtt ADDR:PORT  over plain TCP, for any client; port 0: any free one\n"
    "  --plain-mqtt-open       its address may be one that others reach; it asks nobody for a password\n"
    "\n"
    "Output\n"
    "  --log-level LEVEL       error, warn, info or debug, on standard error [warn]\n"
    "  --show-secrets          show the group key and an API token at the start\n"
    "  --help, --version\n"
    "\n"
    "Instead of a start, also while a service runs on the data folder\n"
    "  --backup FOLDER         copy the data folder to a new one\n"
    "  --new-token NAME        make an administrator's API token for a year, and print it: nothing shows it again\n"
    "\n"
    "Examples: a service to try things on, gone without a trace when it ends\n"
    "  spoke-central --ephemeral --show-secrets\n"
    "and with the CA, the API address and the token that it shows\n"
    "  curl --cacert CA -H \"Authorization: TOKEN\" \"https://localhost:PORT/api/devices?api-version=2022-07-31\"\n"
    "The first token of a service that runs in the background\n"
    "  spoke-central --data-dir FOLDER --new-token admin\n";

struct parsing {
    struct cli *cli;
    FILE *out, *err;
    int code;
    bool go_on, mqtt_any, https_any;
};

/* value NULL: the option takes none. */
static void complain(struct parsing *p, const char *flag, const char *value, const char *rule)
{
    if (value != NULL)
        (void)fprintf(p->err, "spoke-central: --%s \"%s\": %s; see spoke-central --help\n", flag, value, rule);
    else
        (void)fprintf(p->err, "spoke-central: --%s: %s; see spoke-central --help\n", flag, rule);
    p->code = CLI_EXIT_USAGE;
    p->go_on = false;
}

static void take_port(struct parsing *p, const char *flag, const char *text, uint16_t *port, bool *any)
{
    uint32_t number = 0;
    if (spoke_str_u32(spoke_str_of(text), &number) != SPOKE_OK || number > UINT16_MAX) {
        complain(p, flag, text, "a port is a number from 0 to 65535");
        return;
    }
    *port = (uint16_t)number;
    *any = number == 0;
}

/* The configuration's zero means its default, so a zero from the command line is spelled UINT32_MAX. */
static void take_count(struct parsing *p, const char *flag, const char *text, uint32_t *count)
{
    uint32_t number = 0;
    if (spoke_str_u32(spoke_str_of(text), &number) != SPOKE_OK || number > 86400) {
        complain(p, flag, text, "a number from 0 to 86400 is wanted");
        return;
    }
    *count = number == 0 ? UINT32_MAX : number;
}

static void take_positive(struct parsing *p, const char *flag, const char *text, uint32_t most, uint32_t *out)
{
    char rule[64];
    (void)snprintf(rule, sizeof rule, "a number from 1 to %u is wanted", (unsigned)most);
    if (spoke_str_u32(spoke_str_of(text), out) != SPOKE_OK || *out == 0 || *out > most)
        complain(p, flag, text, rule);
}

static void take_log_level(struct parsing *p, const char *flag, const char *text)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(text, names[i]) == 0) {
            p->cli->config.log_level = (spoke_log_level)i;
            return;
        }
    complain(p, flag, text, "the level is error, warn, info or debug");
}

static void take_durability(struct parsing *p, const char *flag, const char *text)
{
    p->cli->config.relaxed_durability = strcmp(text, "relaxed") == 0;
    if (!p->cli->config.relaxed_durability && strcmp(text, "full") != 0)
        complain(p, flag, text, "the durability is full or relaxed");
}

static void take_text(struct parsing *p, const char *flag, const char *text, const char **out)
{
    *out = text;
    if (text[0] == '\0')
        complain(p, flag, text, "a value is missing");
}

/* "127.0.0.1:1883" or "[::1]:1883". */
static void take_plain_mqtt(struct parsing *p, const char *flag, const char *text)
{
    const char *colon = strrchr(text, ':');
    const size_t len = colon != NULL ? (size_t)(colon - text) : 0;
    const bool bracketed = len > 2 && text[0] == '[' && text[len - 1] == ']';
    const char *start = bracketed ? text + 1 : text;
    const size_t address_len = bracketed ? len - 2 : len;
    uint32_t port = 0;
    if (address_len == 0 || address_len >= sizeof p->cli->plain_mqtt_address ||
        (!bracketed && strcspn(text, ":[]") < len) || spoke_str_u32(spoke_str_of(colon + 1), &port) != SPOKE_OK ||
        port > UINT16_MAX) {
        complain(p, flag, text, "ADDRESS:PORT is wanted, as 127.0.0.1:1883, [::1]:1883 or 127.0.0.1:0");
        return;
    }
    memcpy(p->cli->plain_mqtt_address, start, address_len);
    p->cli->plain_mqtt_address[address_len] = '\0';
    p->cli->config.plain_mqtt_address = p->cli->plain_mqtt_address;
    p->cli->config.plain_mqtt_port = (uint16_t)port;
}

static void stop_with(struct parsing *p, const char *text)
{
    (void)fputs(text, p->out);
    p->code = CLI_EXIT_OK;
    p->go_on = false;
}

static void take_profile(struct parsing *p, const char *flag, const char *text)
{
    struct limits limits;
    char why[160] = "";
    if (limits_parse(text, &limits, why, sizeof why) == SPOKE_OK)
        p->cli->config.profile = text;
    else
        complain(p, flag, text, why);
}

static void take_value_option(struct parsing *p, enum option_id id, const char *flag, const char *value);

static void take_option(struct parsing *p, enum option_id id, const char *flag, const char *value)
{
    spoke_central_config *config = &p->cli->config;
    if (value != NULL)
        take_value_option(p, id, flag, value);
    else if (id == OPTION_HELP)
        stop_with(p, help);
    else if (id == OPTION_VERSION)
        stop_with(p, "spoke-central " SPOKE_VERSION "\n");
    else if (id == OPTION_EPHEMERAL)
        config->ephemeral = true;
    else if (id == OPTION_APPROVE_BY_HAND)
        config->approve_by_hand = true;
    else if (id == OPTION_DROP_DUPLICATES)
        config->drop_duplicates = true;
    else if (id == OPTION_CONTROL)
        config->control = true;
    else if (id == OPTION_PLAIN_MQTT_OPEN)
        config->plain_mqtt_open = true;
    else if (id == OPTION_PRINT_ENV)
        p->cli->print_env = true;
    else if (id == OPTION_SHOW_SECRETS)
        p->cli->show_secrets = true;
}

static void take_value_option(struct parsing *p, enum option_id id, const char *flag, const char *value)
{
    spoke_central_config *config = &p->cli->config;
    if (id == OPTION_MQTT_PORT)
        take_port(p, flag, value, &config->mqtt_port, &p->mqtt_any);
    else if (id == OPTION_HTTPS_PORT)
        take_port(p, flag, value, &config->https_port, &p->https_any);
    else if (id == OPTION_BIND)
        take_text(p, flag, value, &config->bind_address);
    else if (id == OPTION_DATA_DIR)
        take_text(p, flag, value, &config->data_dir);
    else if (id == OPTION_DURABILITY)
        take_durability(p, flag, value);
    else if (id == OPTION_HUB_HOST)
        take_text(p, flag, value, &config->hub_host);
    else if (id == OPTION_ID_SCOPE)
        take_text(p, flag, value, &config->id_scope);
    else if (id == OPTION_GROUP_KEY)
        take_text(p, flag, value, &config->group_key);
    else if (id == OPTION_DEVICE_CA)
        take_text(p, flag, value, &config->device_ca_file);
    else if (id == OPTION_TEMPLATES)
        take_text(p, flag, value, &p->cli->templates);
    else if (id == OPTION_DPS_POLLS)
        take_count(p, flag, value, &config->dps_polls);
    else if (id == OPTION_DPS_RETRY_AFTER)
        take_count(p, flag, value, &config->dps_retry_after_s);
    else if (id == OPTION_CONNECT_RATE)
        take_positive(p, flag, value, 100000, &config->connect_rate);
    else if (id == OPTION_MAX_CONNECTIONS)
        take_positive(p, flag, value, 100000, &config->max_connections);
    else if (id == OPTION_KEEP_MESSAGES)
        take_positive(p, flag, value, 1000000000, &config->keep_messages);
    else if (id == OPTION_KEEP_DAYS)
        take_positive(p, flag, value, 36500, &config->keep_days);
    else if (id == OPTION_TLS_CERT)
        take_text(p, flag, value, &config->tls_cert_file);
    else if (id == OPTION_TLS_KEY)
        take_text(p, flag, value, &config->tls_key_file);
    else if (id == OPTION_BACKUP)
        take_text(p, flag, value, &p->cli->backup);
    else if (id == OPTION_NEW_TOKEN)
        take_text(p, flag, value, &p->cli->new_token);
    else if (id == OPTION_PLAIN_MQTT)
        take_plain_mqtt(p, flag, value);
    else if (id == OPTION_PROFILE)
        take_profile(p, flag, value);
    else if (id == OPTION_LOG_LEVEL)
        take_log_level(p, flag, value);
}

/* Port 0 and --ephemeral without a port both ask for any; a port that is not mentioned keeps its usual number. */
static void settle_ports(struct parsing *p)
{
    spoke_central_config *config = &p->cli->config;
    const bool ephemeral = config->ephemeral;
    config->any_port = ephemeral || p->mqtt_any || p->https_any;
    if (config->any_port && !ephemeral && !p->mqtt_any && config->mqtt_port == 0)
        config->mqtt_port = 8883;
    if (config->any_port && !ephemeral && !p->https_any && config->https_port == 0)
        config->https_port = 8443;
}

static bool same_port(const spoke_central_config *config)
{
    const uint16_t mqtt = config->mqtt_port != 0 || config->any_port ? config->mqtt_port : 8883;
    const uint16_t https = config->https_port != 0 || config->any_port ? config->https_port : 8443;
    return mqtt != 0 && mqtt == https;
}

static void check_together(struct parsing *p)
{
    const struct cli *cli = p->cli;
    const bool ephemeral = cli->config.ephemeral;
    if (ephemeral && cli->config.data_dir != NULL)
        complain(p, "data-dir", cli->config.data_dir, "a folder to keep does not go with --ephemeral");
    else if (ephemeral && cli->backup != NULL)
        complain(p, "backup", cli->backup, "there is nothing to copy with --ephemeral");
    else if (ephemeral && cli->new_token != NULL)
        complain(p, "new-token", cli->new_token, "nothing is kept with --ephemeral; --show-secrets shows a token");
    else if (cli->backup != NULL && cli->new_token != NULL)
        complain(p, "new-token", cli->new_token, "one thing at a time, without --backup");
    if (p->go_on && same_port(&cli->config))
        complain(p, "https-port", NULL, "it is the port of --mqtt-port, too; choose another");
    if (p->go_on && cli->config.plain_mqtt_open && cli->config.plain_mqtt_address == NULL)
        complain(p, "plain-mqtt-open", NULL, "there is nothing to open without --plain-mqtt");
}

bool cli_parse(int argc, char *const *argv, struct cli *cli, int *code, FILE *out, FILE *err)
{
    struct parsing p = {.cli = cli, .out = out, .err = err, .go_on = true};
    *cli = (struct cli){.config = SPOKE_CENTRAL_CONFIG(.log_level = SPOKE_LOG_WARN)};
    optind = 0; /* glibc: begin anew, for more than one call per process */
    opterr = 0;
    while (p.go_on) {
        int index = 0;
        const int before = optind == 0 ? 1 : optind;
        const int id = getopt_long(argc, argv, "+:", options, &index);
        if (id == -1)
            break;
        if (id == '?' || id == ':') {
            (void)fprintf(err, "spoke-central: %s %s; see spoke-central --help\n", argv[before],
                          id == ':' ? "needs a value" : "is not an option, or is used wrongly");
            p.code = CLI_EXIT_USAGE;
            p.go_on = false;
        } else {
            take_option(&p, (enum option_id)id, options[index].name, optarg);
        }
    }
    if (p.go_on && optind < argc) {
        (void)fprintf(err, "spoke-central: \"%s\" is not an option; see spoke-central --help\n", argv[optind]);
        p.code = CLI_EXIT_USAGE;
        p.go_on = false;
    }
    settle_ports(&p);
    if (p.go_on)
        check_together(&p);
    *code = p.code;
    return p.go_on;
}

void cli_print_env(const spoke_central_env *env, FILE *out)
{
    (void)fprintf(out, "SPOKE_HOST=%s\n", env->host);
    (void)fprintf(out, "SPOKE_MQTT_PORT=%u\n", (unsigned)env->mqtt_port);
    (void)fprintf(out, "SPOKE_HTTPS_PORT=%u\n", (unsigned)env->https_port);
    (void)fprintf(out, "SPOKE_CA_FILE=%s\n", env->ca_file != NULL ? env->ca_file : "");
    (void)fprintf(out, "SPOKE_ID_SCOPE=%s\n", env->id_scope);
    (void)fprintf(out, "SPOKE_GROUP_KEY=%s\n", env->group_key);
    (void)fprintf(out, "SPOKE_API_BASE=%s\n", env->api_base);
    (void)fprintf(out, "SPOKE_API_TOKEN=%s\n", env->api_token);
    if (env->plain_mqtt_host != NULL) {
        (void)fprintf(out, "SPOKE_PLAIN_MQTT_HOST=%s\n", env->plain_mqtt_host);
        (void)fprintf(out, "SPOKE_PLAIN_MQTT_PORT=%u\n", (unsigned)env->plain_mqtt_port);
    }
    (void)fflush(out);
}

void cli_print_banner(const struct cli *cli, const spoke_central_env *env, FILE *out)
{
    (void)fprintf(out, "spoke-central %s is ready (Ctrl-C ends it)\n\n", SPOKE_VERSION);
    (void)fprintf(out, "  devices    %s, port %u: MQTT over TLS; port %u: MQTT over WebSocket\n", env->host,
                  (unsigned)env->mqtt_port, (unsigned)env->https_port);
    (void)fprintf(out, "  REST API   %s\n", env->api_base);
    if (env->plain_mqtt_host != NULL)
        (void)fprintf(out, "  plain MQTT %s, port %u: a broker for any client, nothing of devices\n",
                      env->plain_mqtt_host, (unsigned)env->plain_mqtt_port);
    (void)fprintf(out, "  CA         %s\n",
                  env->ca_file != NULL ? env->ca_file : "the one that issued the certificate of --tls-cert");
    (void)fprintf(out, "  id scope   %s\n", env->id_scope);
    if (cli->show_secrets) {
        (void)fprintf(out, "  group key  %s\n", env->group_key);
        (void)fprintf(out, "  API token  %s\n", env->api_token);
    }
    (void)fprintf(out,
                  "\nTo connect a first device, give it the id scope, the group key%s,\n"
                  "the provisioning host \"%s\" and the CA file to trust. Any device id will do.\n",
                  cli->show_secrets ? "" : " (--show-secrets shows it)", env->host);
    if (cli->config.relaxed_durability)
        (void)fprintf(out,
                      "\nDurability is relaxed: if this machine fails, messages that were acknowledged in the "
                      "last seconds are lost.\n");
    (void)fflush(out);
}
