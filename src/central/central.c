#include "central_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/secret.h"
#include "central/store/store_broker.h"
#include "file.h"

enum { COMMIT_PAUSE_MS = 2, INJECTED_CLOCK_LOOK_MS = 10, MAX_PEM_BYTES = 256 * 1024 };

/* --- the machine --- */

uint64_t central_monotonic_ms(void *ctx)
{
    (void)ctx;
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int64_t system_unix_ms(void *ctx)
{
    (void)ctx;
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static spoke_status system_random(void *ctx, uint8_t *out, size_t len)
{
    const spoke_platform *machine = spoke_platform_posix();
    (void)ctx;
    return machine->random(machine->ctx, out, len);
}

static void log_to_stderr(void *user, spoke_log_level level, const char *module, const char *line)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    (void)user;
    (void)fprintf(stderr, "spoke-central %s %s: %s\n", names[level], module, line);
}

/* --- locking: nothing without a thread --- */

void central_lock(const spoke_central *central)
{
    if (central->config.threaded)
        (void)pthread_mutex_lock((pthread_mutex_t *)(uintptr_t)&central->lock);
}

void central_unlock(const spoke_central *central)
{
    if (central->config.threaded)
        (void)pthread_mutex_unlock((pthread_mutex_t *)(uintptr_t)&central->lock);
}

void central_unlock_and_wake(spoke_central *central)
{
    if (central->config.threaded && !pthread_equal(pthread_self(), central->thread))
        shell_wake(central->shell);
    central_unlock(central);
}

/* --- configuration --- */

/* The caller may be older than this library (a shorter struct) or newer (a longer one, whose tail must be zero).
 */
static spoke_status read_config(const spoke_central_config *config, spoke_central_config *out, char *why,
                                size_t cap)
{
    memset(out, 0, sizeof *out);
    if (config == NULL || config->struct_size < sizeof config->struct_size) {
        (void)snprintf(why, cap, "the configuration is missing; begin with SPOKE_CENTRAL_CONFIG()");
        return SPOKE_E_ARG;
    }
    const uint8_t *bytes = (const uint8_t *)config;
    for (size_t i = sizeof *out; i < config->struct_size; i++)
        if (bytes[i] != 0) {
            (void)snprintf(why, cap, "the configuration asks for something that this version does not know");
            return SPOKE_E_ARG;
        }
    memcpy(out, config, config->struct_size < sizeof *out ? config->struct_size : sizeof *out);
    if (out->connect_rate > 100000) {
        (void)snprintf(why, cap, "connect_rate is at most 100000");
        return SPOKE_E_ARG;
    }
    if ((out->monotonic_ms == NULL) != (out->unix_ms == NULL)) {
        (void)snprintf(why, cap, "a clock needs both monotonic_ms and unix_ms");
        return SPOKE_E_ARG;
    }
    return SPOKE_OK;
}

static const char *bind_text(const char *address)
{
    if (address == NULL || strcmp(address, "localhost") == 0)
        return "127.0.0.1";
    return address;
}

static bool is_loopback(const char *address)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, address, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, address, &v6) == 1 && memcmp(&v6, &in6addr_loopback, sizeof v6) == 0;
}

static bool is_wildcard(const char *address)
{
    return strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
}

/* What clients connect to, and the hub that DPS names, unless told: "localhost" means nothing to a device
 * elsewhere. */
static spoke_status choose_names(spoke_central *central, char *why, size_t cap)
{
    const spoke_central_config *config = &central->config;
    const char *address = bind_text(config->bind_address);
    const bool elsewhere = !is_loopback(address) && !is_wildcard(address);
    if (config->control && !config->no_listen && !is_loopback(address)) {
        (void)snprintf(why, cap, "the test-control routes (--control) are for loopback only, not for %s", address);
        return SPOKE_E_ARG;
    }
    central->bind_address = strdup(address);
    central->host = strdup(elsewhere ? address : "localhost");
    if (config->hub_host != NULL || elsewhere)
        central->hub_host = strdup(config->hub_host != NULL ? config->hub_host : address);
    const bool done = central->bind_address != NULL && central->host != NULL &&
                      (central->hub_host != NULL || (config->hub_host == NULL && !elsewhere));
    return done ? SPOKE_OK : SPOKE_E_NO_MEMORY;
}

static spoke_status read_device_ca(spoke_central *central, char *why, size_t cap)
{
    const char *path = central->config.device_ca_file;
    if (path == NULL)
        return SPOKE_OK;
    const spoke_status status = file_read(path, "the device CA", MAX_PEM_BYTES, &central->device_ca_pem, why, cap);
    if (status != SPOKE_OK || strstr(central->device_ca_pem, "-----BEGIN CERTIFICATE-----") != NULL)
        return status;
    (void)snprintf(why, cap, "the device CA %s is not a certificate in PEM form", path);
    return SPOKE_E_CERTIFICATE;
}

/* Whether they parse and belong together, TLS finds out. */
static spoke_status read_own_certificate(spoke_central *central, char *why, size_t cap)
{
    const spoke_central_config *config = &central->config;
    struct ca_identity *own = &central->identity;
    if (config->tls_cert_file == NULL || config->tls_key_file == NULL) {
        (void)snprintf(why, cap, "a certificate and its key go together: --tls-cert and --tls-key");
        return SPOKE_E_ARG;
    }
    const spoke_status status =
        file_read(config->tls_cert_file, "the certificate", MAX_PEM_BYTES, &own->cert_pem, why, cap);
    return status != SPOKE_OK ? status
                              : file_read(config->tls_key_file, "the key", MAX_PEM_BYTES, &own->key_pem, why, cap);
}

/* --- starting --- */

static spoke_status open_folder(spoke_central *central, char *why, size_t cap)
{
    const spoke_central_config *config = &central->config;
    if (config->no_listen && config->ephemeral)
        return SPOKE_OK;
    return data_dir_open(config->data_dir, config->ephemeral, &central->dir, why, cap);
}

static spoke_status open_core(spoke_central *central, char *why, size_t cap)
{
    const spoke_central_config *config = &central->config;
    const bool clocked = config->monotonic_ms != NULL;
    char *store_path = central->dir.path != NULL ? data_dir_file(&central->dir, "central.db") : strdup(":memory:");
    if (store_path == NULL)
        return SPOKE_E_NO_MEMORY;
    const struct core_options options = {
        .store_path = store_path,
        .durable = !config->relaxed_durability && !config->ephemeral,
        .control = config->control,
        .approve_by_hand = config->approve_by_hand,
        .id_scope = config->id_scope,
        .group_key = config->group_key,
        .hub_host = central->hub_host,
        .device_ca_pem = central->device_ca_pem,
        .dps_polls = config->dps_polls == 0            ? 1
                     : config->dps_polls == UINT32_MAX ? 0
                                                       : config->dps_polls,
        .dps_retry_after_s = config->dps_retry_after_s == 0            ? 3
                             : config->dps_retry_after_s == UINT32_MAX ? 0
                                                                       : config->dps_retry_after_s,
        .connect_rate = config->connect_rate,
        .drop_duplicates = config->drop_duplicates,
        .keep_messages = config->keep_messages,
        .keep_days = config->keep_days,
        .profile = config->profile,
        .commit_pause_ms = config->no_listen ? 0 : COMMIT_PAUSE_MS,
        .monotonic_ms = clocked ? config->monotonic_ms : central_monotonic_ms,
        .unix_ms = clocked ? config->unix_ms : system_unix_ms,
        .clock_ctx = config->clock_ctx,
        .random = system_random,
        .log_level = config->log_level,
        .log = config->log != NULL ? config->log : log_to_stderr,
        .log_user = config->log_user,
    };
    const spoke_status status = core_create(&options, &central->core, why, cap);
    free(store_path);
    return status;
}

/* Every device elsewhere would be sent to itself. */
static void warn_of_local_hub(const spoke_central *central)
{
    if (is_wildcard(central->bind_address) && strcmp(core_hub_host(central->core), "localhost") == 0)
        core_log(
            central->core, SPOKE_LOG_WARN, "central",
            "devices on other machines are told that their hub is \"localhost\"; name this machine with --hub-host");
}

static spoke_status open_identity(spoke_central *central, char *why, size_t cap)
{
    if (central->config.tls_cert_file != NULL || central->config.tls_key_file != NULL)
        return read_own_certificate(central, why, cap);
    const char *names[6] = {"localhost", "127.0.0.1", "::1"};
    size_t count = 3;
    if (!is_wildcard(central->bind_address) && !is_loopback(central->bind_address))
        names[count++] = central->bind_address;
    const char *hub = core_hub_host(central->core);
    if (strcmp(hub, "localhost") != 0 && strcmp(hub, central->bind_address) != 0)
        names[count++] = hub;
    const struct ca_options options = {
        .folder = central->dir.path,
        .names = names,
        .name_count = count,
        .unix_s = system_unix_ms(NULL) / 1000, /* TLS looks at the machine's clock, whatever clock was injected */
        .random = system_random,
    };
    const spoke_status status = ca_open(&options, &central->identity, why, cap);
    if (status == SPOKE_OK && central->identity.new_ca)
        core_log(central->core, SPOKE_LOG_INFO, "central", "a new development CA: %s", central->identity.ca_file);
    return status;
}

/* --- the plain broker --- */

static spoke_status check_broker(const spoke_central *central, char *why, size_t cap)
{
    const spoke_central_config *config = &central->config;
    const char *address = bind_text(config->plain_mqtt_address);
    if (config->plain_mqtt_address == NULL)
        return SPOKE_OK;
    if (config->no_listen) {
        (void)snprintf(why, cap, "a plain MQTT broker needs sockets, and there are none with no_listen");
        return SPOKE_E_ARG;
    }
    if (is_loopback(address) || config->plain_mqtt_open)
        return SPOKE_OK;
    (void)snprintf(
        why, cap,
        "plain MQTT on %s would be open to whoever reaches it, without TLS or passwords; take 127.0.0.1,"
        " or add --plain-mqtt-open when that is what you want",
        address);
    return SPOKE_E_ARG;
}

static void log_broker(void *user, spoke_log_level level, const char *line)
{
    const spoke_central *central = user;
    core_log(central->core, level, "broker", "%s", line);
}

/* In a file of its own: what its clients do neither waits for devices nor takes part in their commits. */
static spoke_status open_broker_store(spoke_central *central, char *why, size_t cap)
{
    char *path = data_dir_file(&central->dir, "broker.db");
    if (path == NULL)
        return SPOKE_E_NO_MEMORY;
    const bool durable = !central->config.relaxed_durability && !central->config.ephemeral;
    const spoke_status status = store_broker_open(path, durable, &central->broker_store, why, cap);
    free(path);
    return status;
}

static spoke_status open_broker(spoke_central *central, char *why, size_t cap)
{
    const spoke_central_config *config = &central->config;
    if (config->plain_mqtt_address == NULL)
        return SPOKE_OK;
    central->plain_mqtt_host = strdup(bind_text(config->plain_mqtt_address));
    if (central->plain_mqtt_host == NULL)
        return SPOKE_E_NO_MEMORY;
    spoke_status status = open_broker_store(central, why, cap);
    if (status != SPOKE_OK)
        return status;
    const struct broker_options options = {.store = central->broker_store, .log = log_broker, .log_user = central};
    status = broker_create(&options, &central->broker);
    if (status != SPOKE_OK)
        (void)snprintf(why, cap, "the plain MQTT broker cannot read what it kept: %s", spoke_status_text(status));
    else if (!is_loopback(central->plain_mqtt_host))
        core_log(central->core, SPOKE_LOG_WARN, "broker", "plain MQTT on %s is open to whoever reaches it",
                 central->plain_mqtt_host);
    return status;
}

static uint16_t port_or(const spoke_central_config *config, uint16_t port, uint16_t usual)
{
    return port != 0 || config->any_port ? port : usual;
}

static spoke_status open_shell(spoke_central *central, char *why, size_t cap)
{
    const spoke_central_config *config = &central->config;
    const struct shell_options options = {
        .core = central->core,
        .listen = !config->no_listen,
        .bind_address = central->bind_address,
        .mqtt_port = port_or(config, config->mqtt_port, 8883),
        .https_port = port_or(config, config->https_port, 8443),
        .cert_pem = central->identity.cert_pem,
        .key_pem = central->identity.key_pem,
        .random = system_random,
        .max_mqtt = config->max_connections,
        .broker = central->broker,
        .broker_address = central->plain_mqtt_host,
        .broker_port = config->plain_mqtt_port,
    };
    if (config->no_listen && !config->threaded)
        return SPOKE_OK;
    return shell_create(&options, &central->shell, why, cap);
}

static char *default_group_key(spoke_central *central)
{
    struct store_group group;
    if (store_group_get(core_store(central->core), "SAS-IoT-Devices", &group) != SPOKE_OK)
        return NULL;
    char *key = group.primary_key != NULL ? strdup(group.primary_key) : NULL;
    store_group_free(&group);
    return key;
}

/* What the page shows to whoever connects a device. */
static spoke_status tell_connection(spoke_central *central)
{
    const char *ca_file = central->identity.ca_file;
    struct core_connection connection = {.host = central->host, .mqtt_port = central->env.mqtt_port};
    char why[200], *ca_pem = NULL;
    if (central->shell == NULL)
        return SPOKE_OK;
    spoke_status status =
        ca_file != NULL ? file_read(ca_file, "the authority", MAX_PEM_BYTES, &ca_pem, why, sizeof why) : SPOKE_OK;
    connection.ca_pem = ca_pem;
    if (status == SPOKE_OK)
        status = core_set_connection(central->core, &connection);
    free(ca_pem);
    return status;
}

static spoke_status fill_env(spoke_central *central)
{
    spoke_central_env *env = &central->env;
    const bool bracket = strchr(central->host, ':') != NULL;
    if (central->shell != NULL) {
        env->mqtt_port = shell_mqtt_port(central->shell);
        env->https_port = shell_https_port(central->shell);
        env->plain_mqtt_port = shell_broker_port(central->shell);
    }
    if (asprintf(&central->api_base, bracket ? "https://[%s]:%u" : "https://%s:%u", central->host,
                 (unsigned)env->https_port) < 0) {
        central->api_base = NULL;
        return SPOKE_E_NO_MEMORY;
    }
    spoke_status status = core_api_token(central->core, "bootstrap", &central->api_token);
    if (status == SPOKE_OK && central->shell != NULL)
        status = shell_set_base(central->shell, central->api_base);
    if (status == SPOKE_OK)
        status = tell_connection(central);
    central->group_key = default_group_key(central);
    env->host = central->host;
    env->ca_file = central->identity.ca_file;
    env->plain_mqtt_host = central->plain_mqtt_host;
    env->id_scope = core_id_scope(central->core);
    env->group_key = central->group_key != NULL ? central->group_key : "";
    env->api_base = central->api_base;
    env->api_token = central->api_token;
    const spoke_status kept = core_commit(central->core); /* before anybody is told of what was made now */
    return status == SPOKE_OK ? kept : status;
}

static void *turn_until_stopped(void *argument)
{
    spoke_central *central = argument;
    const uint32_t limit_ms = central->config.monotonic_ms != NULL ? INJECTED_CLOCK_LOOK_MS : CENTRAL_IDLE_MS;
    while (!atomic_load(&central->stopping)) {
        central_lock(central);
        const uint32_t sleep_ms = shell_sleep_ms(central->shell, limit_ms);
        central_unlock(central);
        shell_wait(central->shell, sleep_ms);
        central_lock(central);
        shell_turn(central->shell);
        central_unlock(central);
    }
    return NULL;
}

static spoke_status start_thread(spoke_central *central, char *why, size_t cap)
{
    if (!central->config.threaded)
        return SPOKE_OK;
    central_lock(central); /* central->thread is written before the thread looks at it */
    central->thread_runs = pthread_create(&central->thread, NULL, turn_until_stopped, central) == 0;
    central_unlock(central);
    if (central->thread_runs)
        return SPOKE_OK;
    (void)snprintf(why, cap, "the service's thread cannot start");
    return SPOKE_E_PORT;
}

static spoke_status start_parts(spoke_central *central, char *why, size_t cap)
{
    spoke_status status = choose_names(central, why, cap);
    if (status == SPOKE_OK)
        status = check_broker(central, why, cap);
    if (status == SPOKE_OK)
        status = read_device_ca(central, why, cap);
    if (status == SPOKE_OK)
        status = open_folder(central, why, cap);
    if (status == SPOKE_OK)
        status = open_core(central, why, cap);
    if (status == SPOKE_OK && !central->config.no_listen) {
        warn_of_local_hub(central);
        status = open_identity(central, why, cap);
    }
    if (status == SPOKE_OK)
        status = open_broker(central, why, cap);
    if (status == SPOKE_OK)
        status = open_shell(central, why, cap);
    if (status == SPOKE_OK)
        status = fill_env(central);
    return status == SPOKE_OK ? start_thread(central, why, cap) : status;
}

static spoke_status make_lock(spoke_central *central)
{
    pthread_mutexattr_t recursive;
    if (pthread_mutexattr_init(&recursive) != 0)
        return SPOKE_E_NO_MEMORY;
    (void)pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    const bool locked = pthread_mutex_init(&central->lock, &recursive) == 0;
    (void)pthread_mutexattr_destroy(&recursive);
    if (!locked)
        return SPOKE_E_NO_MEMORY;
    pthread_condattr_t steady;
    bool waits = pthread_condattr_init(&steady) == 0;
    if (waits) {
        (void)pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
        waits = pthread_cond_init(&central->answered, &steady) == 0;
        (void)pthread_condattr_destroy(&steady);
    }
    if (!waits)
        (void)pthread_mutex_destroy(&central->lock);
    return waits ? SPOKE_OK : SPOKE_E_NO_MEMORY;
}

spoke_status spoke_central_start(const spoke_central_config *config, spoke_central **out, char *why,
                                 size_t why_cap)
{
    char unheard[1];
    if (why == NULL || why_cap == 0) {
        why = unheard;
        why_cap = sizeof unheard;
    }
    why[0] = '\0';
    if (out == NULL)
        return SPOKE_E_ARG;
    *out = NULL;
    spoke_central *central = calloc(1, sizeof *central);
    if (central == NULL)
        return SPOKE_E_NO_MEMORY;
    central->dir.lock = -1;
    spoke_status status = read_config(config, &central->config, why, why_cap);
    if (status == SPOKE_OK)
        status = make_lock(central);
    if (status != SPOKE_OK) {
        free(central);
        return status;
    }
    status = start_parts(central, why, why_cap);
    if (status != SPOKE_OK) {
        if (why[0] == '\0')
            (void)snprintf(why, why_cap, "%s", spoke_status_text(status));
        spoke_central_stop(central);
        return status;
    }
    *out = central;
    return SPOKE_OK;
}

const spoke_central_env *spoke_central_env_of(const spoke_central *central)
{
    return central != NULL ? &central->env : NULL;
}

/* --- turning --- */

/* In memory there is nothing to wait for but the clock, and an injected clock does not move by waiting. */
static void turn_in_memory(spoke_central *central, uint32_t limit_ms)
{
    const uint64_t due = core_deadline(central->core), now = core_now_ms(central->core);
    const uint64_t left = due <= now ? 0 : due - now < limit_ms ? due - now : limit_ms;
    if (left > 0 && central->config.monotonic_ms == NULL) {
        const struct timespec pause = {(time_t)(left / 1000), (long)(left % 1000) * 1000000};
        (void)nanosleep(&pause, NULL);
    }
    core_tick(central->core); /* commits */
}

spoke_status spoke_central_poll(spoke_central *central, uint32_t limit_ms)
{
    if (central == NULL)
        return SPOKE_E_ARG;
    if (central->config.threaded)
        return SPOKE_E_STATE;
    if (central->shell == NULL) {
        turn_in_memory(central, limit_ms);
        return SPOKE_OK;
    }
    shell_wait(central->shell, shell_sleep_ms(central->shell, limit_ms));
    shell_turn(central->shell);
    return SPOKE_OK;
}

uint64_t spoke_central_deadline(const spoke_central *central)
{
    if (central == NULL)
        return UINT64_MAX;
    central_lock(central);
    uint64_t due = core_deadline(central->core);
    if (central->shell != NULL) {
        const uint32_t sleep_ms = shell_sleep_ms(central->shell, UINT32_MAX);
        const uint64_t at = core_now_ms(central->core) + sleep_ms;
        due = sleep_ms != UINT32_MAX && at < due ? at : due;
    }
    central_unlock(central);
    return due;
}

spoke_status spoke_central_device_key(spoke_central *central, const char *registration_id, spoke_buf *out)
{
    char key[96] = "";
    if (central == NULL || registration_id == NULL || out == NULL)
        return SPOKE_E_ARG;
    central_lock(central);
    spoke_status status = core_device_key(central->core, registration_id, false, key);
    central_unlock(central);
    if (status == SPOKE_OK)
        status = spoke_buf_append(out, spoke_str_of(key));
    spoke_wipe(key, sizeof key);
    return status;
}

/* --- stopping --- */

void spoke_central_stop(spoke_central *central)
{
    if (central == NULL)
        return;
    atomic_store(&central->stopping, true);
    if (central->thread_runs) {
        shell_wake(central->shell);
        (void)pthread_join(central->thread, NULL);
    }
    central_refuse(central); /* with the shell still there: `done` may call */
    shell_destroy(central->shell);
    broker_destroy(central->broker);
    store_close(central->broker_store);
    if (central->core != NULL)
        (void)core_commit(central->core);
    core_destroy(central->core);
    ca_identity_free(&central->identity);
    data_dir_close(&central->dir);
    (void)pthread_cond_destroy(&central->answered);
    (void)pthread_mutex_destroy(&central->lock);
    secret_free(central->group_key);
    secret_free(central->api_token);
    free(central->api_base);
    free(central->host);
    free(central->plain_mqtt_host);
    free(central->hub_host);
    free(central->bind_address);
    free(central->device_ca_pem);
    free(central);
}
