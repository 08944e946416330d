/* A Wi-Fi board after the vendor's own published template: nine components, nested objects, enums, lists, and commands
 * that take their time. What it says is typed C that spoke-model has written; the board below it is simulated.
 * `samples/run.sh ameba` starts a service for it. */
#include <arpa/inet.h>
#include <signal.h>
#include <spoke/spoke.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ameba_model.h" /* written by spoke-model from models/dtmi/realtek/rtk_ameba_series-1.json */

/* --- the board --- */

enum {
    PORTS = 2,
    PINS = 32,          /* of a port */
    INTERVAL_S = 5,     /* of telemetry, unless the service wants another */
    DAY_S = 86400,      /* the longest interval */
    WORK_S = 2,         /* that a scan or a download takes */
    MAX_CHANNELS = 32,  /* of one scan */
    MAX_ECHOES = 8,     /* of one ping */
    LINE_BYTES = 96,    /* of the report on one of them */
    DEFAULT_ECHOES = 4, /* these two stand in the template's descriptions */
    DEFAULT_ECHO_BYTES = 32,
    MAX_ECHO_BYTES = 1472, /* in one Ethernet frame */
    MIN_PASSPHRASE = 8     /* WPA2 */
};

struct pin {
    bool in_use, output, level;
};

/* The telemetry of one component. */
struct timer {
    int32_t interval_s;
    double due_s;
};

/* A command that is answered later. */
struct job {
    bool is_waiting;
    uint32_t request; /* quoted in the answer */
    double due_s;
};

struct network {
    const char *ssid, *mac, *security;
    int32_t channel, signal_dbm;
    bool is_open;
};

static const struct network neighbourhood[] = {
    {"workshop", "02:00:5e:10:00:01", "WPA2/AES", 6, -48, false},
    {"office", "02:00:5e:10:00:02", "WPA2/AES", 11, -67, false},
    {"visitors", "02:00:5e:10:00:03", "Open", 1, -71, true},
};
enum { NETWORKS = sizeof neighbourhood / sizeof neighbourhood[0] };

struct board {
    spoke_client *client;
    double started_s, reboot_s; /* reboot_s 0: none is planned */
    bool sends_runtime, sends_cpu_usage, sends_heap, sends_wifi;
    struct timer system, memory, wireless;
    struct pin pins[PORTS][PINS];
    const struct network *joined; /* NULL: none */
    struct job scan, download;
    int32_t channels[MAX_CHANNELS]; /* of the scan */
    size_t channel_count;           /* 0: all */
    bool has_image;                 /* there is newer firmware in the flash */
    const char *firmware;
    char lines[MAX_ECHOES][LINE_BYTES]; /* the last ping's; they outlive its handler */
    spoke_str line_views[MAX_ECHOES];
};

static double monotonic_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void boot(struct board *b)
{
    const struct timer timer = {.interval_s = INTERVAL_S};
    memset(b->pins, 0, sizeof b->pins);
    b->started_s = monotonic_s();
    b->reboot_s = 0;
    b->system = b->memory = b->wireless = timer;
    b->sends_runtime = b->sends_cpu_usage = b->sends_heap = b->sends_wifi = true;
    b->scan.is_waiting = b->download.is_waiting = false;
}

/* --- writable properties: NULL is the wish taken back, and means the default --- */

static spoke_ack set_flag(bool *flag, const bool *wanted)
{
    *flag = wanted == NULL || *wanted;
    return spoke_accept();
}

/* The template says "integer" and no more; what makes sense is for the program to say. */
static spoke_ack set_interval(struct timer *timer, const int32_t *wanted)
{
    const int32_t seconds = wanted != NULL ? *wanted : INTERVAL_S;
    if (seconds < 1 || seconds > DAY_S)
        return spoke_reject(400, "expected 1 to 86400 seconds");
    timer->interval_s = seconds;
    timer->due_s = 0;
    return spoke_accept();
}

spoke_ack ameba_system_on_telemetry_enable_device_runtime(const spoke_property *wanted, const bool *value,
                                                          void *user)
{
    (void)wanted;
    return set_flag(&((struct board *)user)->sends_runtime, value);
}

spoke_ack ameba_system_on_telemetry_enable_cpu_usage(const spoke_property *wanted, const bool *value, void *user)
{
    (void)wanted;
    return set_flag(&((struct board *)user)->sends_cpu_usage, value);
}

spoke_ack ameba_system_on_telemetry_interval(const spoke_property *wanted, const int32_t *seconds, void *user)
{
    (void)wanted;
    return set_interval(&((struct board *)user)->system, seconds);
}

spoke_ack ameba_memory_on_telemetry_enable_remain_heap(const spoke_property *wanted, const bool *value, void *user)
{
    (void)wanted;
    return set_flag(&((struct board *)user)->sends_heap, value);
}

spoke_ack ameba_memory_on_telemetry_interval(const spoke_property *wanted, const int32_t *seconds, void *user)
{
    (void)wanted;
    return set_interval(&((struct board *)user)->memory, seconds);
}

spoke_ack ameba_wireless_on_telemetry_enable_wifi_info(const spoke_property *wanted, const bool *value, void *user)
{
    (void)wanted;
    return set_flag(&((struct board *)user)->sends_wifi, value);
}

spoke_ack ameba_wireless_on_telemetry_interval(const spoke_property *wanted, const int32_t *seconds, void *user)
{
    (void)wanted;
    return set_interval(&((struct board *)user)->wireless, seconds);
}

/* --- commands of the system --- */

/* RFC 3339, as the template's check has seen: date, time, perhaps a fraction, Z or an offset. */
static time_t seconds_of(spoke_str text)
{
    char copy[48], sign = '+';
    struct tm t = {0};
    int at = 0, hours = 0, minutes = 0;
    snprintf(copy, sizeof copy, "%.*s", (int)text.len, text.ptr);
    sscanf(copy, "%4d-%2d-%2d%*c%2d:%2d:%2d%n", &t.tm_year, &t.tm_mon, &t.tm_mday, &t.tm_hour, &t.tm_min,
           &t.tm_sec, &at);
    const char *zone = copy + at + strcspn(copy + at, "+-");
    sscanf(zone, "%c%2d:%2d", &sign, &hours, &minutes);
    t.tm_year -= 1900;
    t.tm_mon -= 1;
    return timegm(&t) - (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
}

/* Soon is a second from now, so that the answer leaves first. */
static void plan_reboot(struct board *b, double delay_s)
{
    b->reboot_s = monotonic_s() + (delay_s > 1 ? delay_s : 1);
    printf("reboot in %.0f s\n", delay_s > 1 ? delay_s : 1);
}

spoke_ack ameba_system_on_reboot(const spoke_command *call, const spoke_str *at, spoke_str *scheduled, void *user)
{
    (void)call;
    const double delay_s = difftime(seconds_of(*at), time(NULL));
    if (delay_s > DAY_S)
        return spoke_reject(400, "expected a time within a day");
    plan_reboot(user, delay_s);
    *scheduled = *at;
    return spoke_accept();
}

static spoke_ack switch_to(struct board *b, const char *firmware)
{
    b->firmware = firmware;
    plan_reboot(b, 0);
    return spoke_accept();
}

spoke_ack ameba_system_on_switch_to_upgraded_image(const spoke_command *call, void *user)
{
    (void)call;
    if (!((const struct board *)user)->has_image)
        return spoke_reject(409, "there is no image yet: call ota first");
    return switch_to(user, "2.0.0");
}

spoke_ack ameba_system_on_switch_to_default_image(const spoke_command *call, void *user)
{
    (void)call;
    return switch_to(user, "1.0.0");
}

/* --- commands of the pins: fields of an object are optional in DTDL; `has` tells which came, others are zero --- */

static struct pin *pin_at(struct board *b, int port, int number)
{
    return port >= 0 && port < PORTS && number >= 0 && number < PINS ? &b->pins[port][number] : NULL;
}

static spoke_ack no_such_pin(void)
{
    return spoke_reject(404, "expected a pin_num from 0 to 31");
}

spoke_ack ameba_gpio_on_gpio_set(const spoke_command *call, const ameba_rtk_gpio_gpio_set_request *request,
                                 void *user)
{
    (void)call;
    if (request->has != AMEBA_RTK_GPIO_GPIO_SET_REQUEST_ALL ||
        request->pinmux.has != AMEBA_RTK_GPIO_GPIO_SET_REQUEST_PINMUX_ALL)
        return spoke_reject(400, "expected pinmux with port_num and pin_num, pin_mode and pin_direction");
    struct pin *pin = pin_at(user, (int)request->pinmux.port_num, request->pinmux.pin_num);
    if (pin == NULL)
        return no_such_pin();
    pin->in_use = true;
    pin->output = request->pin_direction == AMEBA_RTK_GPIO_GPIO_SET_REQUEST_PIN_DIRECTION_PIN_OUTPUT;
    /* nothing is wired to the inputs, so they read what pulls them */
    pin->level = request->pin_mode == AMEBA_RTK_GPIO_GPIO_SET_REQUEST_PIN_MODE_PULLUP;
    printf("pin %s%d is now an %s, %s\n",
           ameba_rtk_gpio_gpio_set_request_pinmux_port_num_text(request->pinmux.port_num),
           (int)request->pinmux.pin_num, pin->output ? "output" : "input",
           ameba_rtk_gpio_gpio_set_request_pin_mode_text(request->pin_mode));
    return spoke_accept();
}

spoke_ack ameba_gpio_on_gpio_read(const spoke_command *call, const ameba_rtk_gpio_gpio_read_request *request,
                                  int32_t *state, void *user)
{
    (void)call;
    if (request->has != AMEBA_RTK_GPIO_GPIO_READ_REQUEST_ALL)
        return spoke_reject(400, "expected port_num and pin_num");
    const struct pin *pin = pin_at(user, (int)request->port_num, request->pin_num);
    if (pin == NULL)
        return no_such_pin();
    *state = pin->level ? 1 : 0;
    return spoke_accept();
}

spoke_ack ameba_gpio_on_gpio_write(const spoke_command *call, const ameba_rtk_gpio_gpio_write_request *request,
                                   void *user)
{
    (void)call;
    if (request->has != AMEBA_RTK_GPIO_GPIO_WRITE_REQUEST_ALL ||
        request->pinmux.has != AMEBA_RTK_GPIO_GPIO_WRITE_REQUEST_PINMUX_ALL)
        return spoke_reject(400, "expected pinmux with port_num and pin_num, and value");
    struct pin *pin = pin_at(user, (int)request->pinmux.port_num, request->pinmux.pin_num);
    if (pin == NULL)
        return no_such_pin();
    if (!pin->in_use || !pin->output)
        return spoke_reject(409, "the pin is no output: call gpio_set first");
    pin->level = request->value == AMEBA_RTK_GPIO_GPIO_WRITE_REQUEST_VALUE_ON;
    return spoke_accept();
}

/* --- commands of the radio --- */

spoke_ack ameba_wireless_on_wifi_connect(const spoke_command *call,
                                         const ameba_rtk_wireless_wifi_connect_request *request, void *user)
{
    struct board *b = user;
    (void)call;
    if ((request->has & AMEBA_RTK_WIRELESS_WIFI_CONNECT_REQUEST_HAS_SSID) == 0)
        return spoke_reject(400, "expected ssid");
    for (size_t i = 0; i < NETWORKS; i++) {
        const struct network *n = &neighbourhood[i];
        if (!spoke_str_equal(request->ssid, spoke_str_of(n->ssid)))
            continue;
        if (!n->is_open && request->passphrase.len < MIN_PASSPHRASE) /* a field that did not come is zero */
            return spoke_reject(400, "expected a passphrase of at least 8 characters");
        b->joined = n;
        b->wireless.due_s = 0; /* the news leaves at once */
        printf("joined %s\n", n->ssid);
        return spoke_accept();
    }
    return spoke_reject(404, "there is no network of that name in reach");
}

static bool is_scanned(const struct board *b, int32_t channel)
{
    for (size_t i = 0; i < b->channel_count; i++)
        if (b->channels[i] == channel)
            return true;
    return b->channel_count == 0;
}

/* Answered later: the handler returns at once, and the client goes on. */
static spoke_ack start(struct job *job, const spoke_command *call)
{
    if (job->is_waiting)
        return spoke_reject(409, "the one before is not done");
    *job = (struct job){.is_waiting = true, .request = call->request, .due_s = monotonic_s() + WORK_S};
    return spoke_defer();
}

spoke_ack ameba_wireless_on_wifi_scan(const spoke_command *call,
                                      const ameba_rtk_wireless_wifi_scan_request *request,
                                      ameba_rtk_wireless_wifi_scan_response *response, void *user)
{
    struct board *b = user;
    (void)response; /* it goes with ameba_wireless_reply_wifi_scan */
    if (request->count > MAX_CHANNELS)
        return spoke_reject(400, "expected at most 32 channels");
    const spoke_ack ack = start(&b->scan, call);
    if (ack.code != 0)
        return ack;
    if (request->count > 0)
        memcpy(b->channels, request->items, request->count * sizeof b->channels[0]);
    b->channel_count = request->count;
    printf("scanning\n");
    return ack;
}

static spoke_status answer_scan(struct board *b)
{
    ameba_rtk_wireless_wifi_scan_response_item items[NETWORKS];
    ameba_rtk_wireless_wifi_scan_response found = {.items = items};
    for (size_t i = 0; i < NETWORKS; i++) {
        const struct network *n = &neighbourhood[i];
        if (!is_scanned(b, n->channel))
            continue;
        items[found.count++] = (ameba_rtk_wireless_wifi_scan_response_item){
            .has = AMEBA_RTK_WIRELESS_WIFI_SCAN_RESPONSE_ITEM_ALL &
                   ~AMEBA_RTK_WIRELESS_WIFI_SCAN_RESPONSE_ITEM_HAS_WPS_TYPE, /* none of them has WPS */
            .idx = (int32_t)i + 1,
            .bss_type = SPOKE_STR("Infrastructure"),
            .mac = spoke_str_of(n->mac),
            .signal_strength = n->signal_dbm,
            .channel = n->channel,
            .security = spoke_str_of(n->security),
            .ssid = spoke_str_of(n->ssid)};
    }
    return ameba_wireless_reply_wifi_scan(b->client, b->scan.request, 200, &found);
}

static bool is_address(spoke_str text)
{
    char copy[INET6_ADDRSTRLEN], bytes[sizeof(struct in6_addr)];
    if (text.len >= sizeof copy)
        return false;
    snprintf(copy, sizeof copy, "%.*s", (int)text.len, text.ptr);
    return inet_pton(AF_INET, copy, bytes) == 1 || inet_pton(AF_INET6, copy, bytes) == 1;
}

spoke_ack ameba_wireless_on_ota(const spoke_command *call, const ameba_rtk_wireless_ota_request *request,
                                void *user)
{
    if (!is_address(request->ip_address) || request->port < 1 || request->port > 65535)
        return spoke_reject(400, "expected ip_address, and a port from 1 to 65535");
    const spoke_ack ack = start(&((struct board *)user)->download, call);
    if (ack.code == 0)
        printf("fetching firmware\n");
    return ack;
}

static spoke_status answer_download(struct board *b)
{
    b->has_image = true;
    return ameba_wireless_reply_ota(b->client, b->download.request, 200);
}

spoke_ack ameba_wireless_on_ping(const spoke_command *call, const ameba_rtk_wireless_ping_request *request,
                                 ameba_rtk_wireless_ping_response *response, void *user)
{
    struct board *b = user;
    const bool has_number = (request->has & AMEBA_RTK_WIRELESS_PING_REQUEST_HAS_NUMBER) != 0;
    const bool has_size = (request->has & AMEBA_RTK_WIRELESS_PING_REQUEST_HAS_BUFFER_SIZE) != 0;
    const int32_t number = has_number ? request->number : DEFAULT_ECHOES;
    const int32_t bytes = has_size ? request->buffer_size : DEFAULT_ECHO_BYTES;
    (void)call;
    if (b->joined == NULL)
        return spoke_reject(409, "there is no network: call wifi_connect first");
    if (!is_address(request->host_address) || number < 1 || number > MAX_ECHOES || bytes < 0 ||
        bytes > MAX_ECHO_BYTES)
        return spoke_reject(400, "expected an address, 1 to 8 requests, and at most 1472 bytes");
    for (int32_t i = 0; i < number; i++) {
        snprintf(b->lines[i], LINE_BYTES, "%d bytes from %.*s: seq=%d time=%d ms", (int)bytes,
                 (int)request->host_address.len, request->host_address.ptr, (int)i + 1, 2 + (int)i % 3);
        b->line_views[i] = spoke_str_of(b->lines[i]);
    }
    response->has = AMEBA_RTK_WIRELESS_PING_RESPONSE_ALL;
    response->info = request->host_address;
    response->content.items = b->line_views;
    response->content.count = (size_t)number;
    response->result = SPOKE_STR("every request was answered");
    return spoke_accept();
}

/* --- what the board says --- */

static spoke_status introduce_system(const struct board *b)
{
    const ameba_rtk_system_properties system = {
        .has = AMEBA_RTK_SYSTEM_PROPERTIES_HAS_BUILD_INFO | AMEBA_RTK_SYSTEM_PROPERTIES_HAS_OS_INFO |
               AMEBA_RTK_SYSTEM_PROPERTIES_HAS_PROCESSOR_ARCHITECTURE |
               AMEBA_RTK_SYSTEM_PROPERTIES_HAS_TRUSTZONE_SUPPORT,
        .build_info = {.has = AMEBA_RTK_SYSTEM_BUILD_INFO_HAS_FW_COMPILE_TIME |
                              AMEBA_RTK_SYSTEM_BUILD_INFO_HAS_FW_COMPILER,
                       .fw_compile_time = SPOKE_STR("2026-01-15T09:30:00Z"),
                       .fw_compiler = SPOKE_STR("arm-none-eabi-gcc 12.2.1")},
        .os_info = SPOKE_STR("FreeRTOS 10.4.3"),
        .processor_architecture = SPOKE_STR("Arm Cortex-M33"),
        .trustzone_support = true};
    const ameba_rtk_memory_properties memory = {.has = AMEBA_RTK_MEMORY_PROPERTIES_HAS_TOTAL_FLASH |
                                                       AMEBA_RTK_MEMORY_PROPERTIES_HAS_TOTAL_SRAM |
                                                       AMEBA_RTK_MEMORY_PROPERTIES_HAS_TOTAL_EXTERNAL_RAM,
                                                .total_flash = 16,
                                                .total_sram = 1024,
                                                .total_external_ram = 128};
    const spoke_status status = ameba_system_report(b->client, &system);
    return status == SPOKE_OK ? ameba_memory_report(b->client, &memory) : status;
}

static spoke_status introduce_features(const struct board *b)
{
    const ameba_rtk_wireless_properties wireless = {.has = AMEBA_RTK_WIRELESS_PROPERTIES_HAS_WIRELESS_SUPPORT |
                                                           AMEBA_RTK_WIRELESS_PROPERTIES_HAS_SPECIFICATION,
                                                    .wireless_support = true,
                                                    .specification = SPOKE_STR("IEEE 802.11 b/g/n")};
    spoke_status status = ameba_audio_report_audio_support(b->client, true);
    if (status == SPOKE_OK)
        status = ameba_video_report_video_support(b->client, false);
    if (status == SPOKE_OK)
        status = ameba_lcd_report_lcd_support(b->client, false);
    if (status == SPOKE_OK)
        status = ameba_gpio_report_gpio_support(b->client, true);
    if (status == SPOKE_OK)
        status = ameba_bluetooth_report_bluetooth_support(b->client, true);
    return status == SPOKE_OK ? ameba_wireless_report(b->client, &wireless) : status;
}

static spoke_status introduce(const struct board *b)
{
    const ameba_rtk_device_info_properties info = {.has = AMEBA_RTK_DEVICE_INFO_PROPERTIES_ALL,
                                                   .manufacturer = SPOKE_STR("Realtek"),
                                                   .model = SPOKE_STR("Ameba"),
                                                   .fw_version = spoke_str_of(b->firmware)};
    spoke_status status = ameba_device_information_report(b->client, &info);
    if (status == SPOKE_OK)
        status = introduce_system(b);
    return status == SPOKE_OK ? introduce_features(b) : status;
}

static bool is_due(struct timer *timer, double now_s)
{
    if (now_s < timer->due_s)
        return false;
    timer->due_s = now_s + timer->interval_s;
    return true;
}

static spoke_status send_system(struct board *b, double now_s)
{
    char usage[64];
    const int busy = 6 + (int)now_s % 5;
    snprintf(usage, sizeof usage, "idle %d%%, wifi %d%%, app 3%%", 97 - busy, busy);
    const ameba_rtk_system_telemetry values = {
        .has = (b->sends_runtime ? AMEBA_RTK_SYSTEM_TELEMETRY_HAS_DEVICE_RUNTIME : 0) |
               (b->sends_cpu_usage ? AMEBA_RTK_SYSTEM_TELEMETRY_HAS_CPU_USAGE : 0),
        .device_runtime = (int32_t)(now_s - b->started_s),
        .cpu_usage = spoke_str_of(usage)};
    return values.has != 0 ? ameba_system_send(b->client, &values) : SPOKE_OK;
}

/* The template has a place for the network's password, too. It stays unset: secrets do not leave the board. */
static spoke_status send_wifi(struct board *b)
{
    ameba_rtk_wireless_wifi_info info = {
        .has = AMEBA_RTK_WIRELESS_WIFI_INFO_HAS_STA_INTERFACE,
        .sta_interface = {.has = AMEBA_RTK_WIRELESS_WIFI_INFO_STA_INTERFACE_HAS_MAC,
                          .mac = SPOKE_STR("02:00:5e:20:00:01")}};
    if (b->joined != NULL) {
        info.has = AMEBA_RTK_WIRELESS_WIFI_INFO_ALL;
        info.sta_mode_setting.has = AMEBA_RTK_WIRELESS_WIFI_INFO_STA_MODE_SETTING_ALL &
                                    ~AMEBA_RTK_WIRELESS_WIFI_INFO_STA_MODE_SETTING_HAS_PASSWORD;
        info.sta_mode_setting.ssid = spoke_str_of(b->joined->ssid);
        info.sta_mode_setting.channel = b->joined->channel;
        info.sta_mode_setting.security = spoke_str_of(b->joined->security);
        info.sta_interface.has = AMEBA_RTK_WIRELESS_WIFI_INFO_STA_INTERFACE_ALL;
        info.sta_interface.ip = SPOKE_STR("192.168.1.42");
        info.sta_interface.gw = SPOKE_STR("192.168.1.1");
        info.sta_interface.msk = SPOKE_STR("255.255.255.0");
    }
    return ameba_wireless_send_wifi_info(b->client, &info);
}

static spoke_status send_what_is_due(struct board *b)
{
    const double now_s = monotonic_s();
    spoke_status status = SPOKE_OK;
    if (is_due(&b->system, now_s))
        status = send_system(b, now_s);
    if (status == SPOKE_OK && is_due(&b->memory, now_s) && b->sends_heap)
        status = ameba_memory_send_remain_heap(b->client, 96 * 1024 - (int32_t)now_s % 16 * 256);
    if (status == SPOKE_OK && is_due(&b->wireless, now_s) && b->sends_wifi)
        status = send_wifi(b);
    return status == SPOKE_E_FULL ? SPOKE_OK : status; /* full: this reading is skipped */
}

/* Answers what was deferred and is done. NOT_FOUND: the link was lost meanwhile, and nobody waits any more. */
static spoke_status answer_what_is_done(struct board *b)
{
    spoke_status status = SPOKE_OK;
    if (b->scan.is_waiting && monotonic_s() >= b->scan.due_s) {
        b->scan.is_waiting = false;
        status = answer_scan(b);
    }
    if ((status == SPOKE_OK || status == SPOKE_E_NOT_FOUND) && b->download.is_waiting &&
        monotonic_s() >= b->download.due_s) {
        b->download.is_waiting = false;
        status = answer_download(b);
    }
    return status == SPOKE_E_NOT_FOUND ? SPOKE_OK : status;
}

/* --- the program --- */

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

/* Opens the connection; introduces the board again as its firmware may be another. */
static spoke_status come_up(struct board *b)
{
    boot(b);
    printf("firmware %s\n", b->firmware);
    const spoke_status status = spoke_client_open(b->client);
    return status == SPOKE_OK ? introduce(b) : status;
}

static spoke_status run(struct board *b, double end_s)
{
    spoke_status status = come_up(b);
    while (status == SPOKE_OK && !stopped && monotonic_s() < end_s) {
        status = send_what_is_due(b);
        if (status == SPOKE_OK)
            status = spoke_client_poll(b->client, 100);
        if (status == SPOKE_OK)
            status = answer_what_is_done(b);
        if (status == SPOKE_OK && b->reboot_s > 0 && monotonic_s() >= b->reboot_s) {
            spoke_client_close(b->client, 2000);
            status = come_up(b);
        }
    }
    return status;
}

int main(void)
{
    static struct board board = {.firmware = "1.0.0"};
    const char *port = getenv("SPOKE_MQTT_PORT");
    const spoke_config config =
        SPOKE_CONFIG(.provisioning_host = getenv("SPOKE_HOST"), .port = (uint16_t)(port != NULL ? atoi(port) : 0),
                     .id_scope = getenv("SPOKE_ID_SCOPE"), .registration_id = getenv("SPOKE_DEVICE_ID"),
                     .credential.primary = getenv("SPOKE_DEVICE_KEY"), .trust_file = getenv("SPOKE_CA_FILE"),
                     AMEBA_MODEL, .user = &board);
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    spoke_status status = spoke_client_create(&config, &board.client);
    if (status == SPOKE_OK)
        status = run(&board, monotonic_s() + 120);
    char why[200];
    if (status != SPOKE_OK)
        fprintf(stderr, "stopped: %s\n", spoke_client_explain(board.client, why, sizeof why));
    else
        spoke_client_close(board.client, 3000); /* what is queued still leaves */
    spoke_client_destroy(board.client);
    return status == SPOKE_OK ? 0 : 1;
}
