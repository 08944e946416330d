/* A thermostat on a bare Cortex-M4: Spoke, lwIP and mbedTLS, no operating system, no heap. tests/firmware/run.sh builds
 * it, boots it in QEMU and converses with it; docs/porting.md goes through it step by step.
 *
 *   main.c       this: the application
 *   platform.c   the port: clock, random bytes, records, log lines; memory and time for mbedTLS
 *   net_lwip.c   the port: one byte stream over lwIP, with an operating system or without
 *   lwip_board.c lwIP on this board: its Ethernet interface, its clock
 *   board.c      the board: timer, console, Ethernet, the page with this device's settings
 *   start.c      from reset to main, faults, the painted stack
 *   link.ld      what lies where
 *   features.h   what it does not use of Spoke
 *   lwipopts.h, arch/cc.h, mbedtls_config.h   how the two libraries are built
 *   CMakeLists.txt, cortex-m4.cmake           the build
 *
 * The settings: host, port, id_scope, registration_id, key, trust (PEM; not without TLS), seed (see platform.c), and
 * any number of host:NAME = address for names that no server knows. */
#include <spoke/features.h>
#include <spoke/spoke.h>
#include <stdalign.h>
#include <string.h>

#include "board.h"
#include "platform.h"
#include "thermostat_model.h" /* written by spoke-model from samples/models */

/* Everything that the client ever takes; spoke_client_size() of this configuration is logged at the start. */
static alignas(max_align_t) uint8_t client_memory[25 * 1024];

static double target = 21.0, highest = -273.15; /* degrees Celsius */

spoke_ack thermostat_on_target_temperature(const spoke_property *wanted, const double *celsius, void *user)
{
    (void)wanted, (void)user;
    if (celsius != NULL && *celsius > 40.0)
        return spoke_reject(400, "expected at most 40 degrees Celsius");
    target = celsius != NULL ? *celsius : 21.0; /* NULL: nobody wants a target any more */
    return spoke_accept();
}

spoke_ack thermostat_on_get_max_min_report(const spoke_command *call, const spoke_str *since,
                                           thermostat_get_max_min_report_response *report, void *user)
{
    (void)call, (void)since, (void)user;
    report->max_temp = highest;
    report->has = THERMOSTAT_GET_MAX_MIN_REPORT_RESPONSE_HAS_MAX_TEMP;
    return spoke_accept();
}

static const char *required(const char *name)
{
    const char *value = board_setting(name);
    if (value == NULL) {
        board_print(name);
        board_print(": ");
        board_panic("this setting is missing");
    }
    return value;
}

static uint16_t required_port(void)
{
    int64_t port = 0;
    if (spoke_json_int(spoke_str_of(required("port")), &port) != SPOKE_OK || port < 1 || port > UINT16_MAX)
        board_panic("the port setting is no number from 1 to 65535");
    return (uint16_t)port;
}

static void add_hosts(void)
{
    const char *at = NULL, *name, *value;
    while (board_next_setting(&at, &name, &value))
        if (strncmp(name, "host:", 5) == 0 && !net_add_host(name + 5, value))
            board_panic("a host: setting has no address, or there are more than four");
}

static spoke_client *make_client(void)
{
    const spoke_config config =
        SPOKE_CONFIG(.provisioning_host = required("host"), .port = required_port(),
                     .id_scope = required("id_scope"), .registration_id = required("registration_id"),
                     .credential.primary = required("key"), .trust_pem = board_setting("trust"),
                     .test_only = SPOKE_WITH_TLS ? 0 : SPOKE_TEST_ONLY_PLAINTEXT, THERMOSTAT_MODEL,
                     .platform = platform_get(), .queue_bytes = 2048, .report_bytes = 1024, .receive_bytes = 4096,
                     .send_bytes = 2048, .in_flight = 8, .commands = 1);
    spoke_client *client = NULL;
    spoke_error why;
    board_print_number("the client takes ", spoke_client_size(&config));
    board_print_number(" bytes of ", sizeof client_memory);
    board_print("\n");
    if (spoke_client_init(client_memory, sizeof client_memory, &config, &client, &why) != SPOKE_OK)
        board_panic(why.text);
    return client;
}

static void measure(spoke_client *client)
{
    const double now = target - 0.2; /* no sensor on this board */
    if (thermostat_send_temperature(client, now) != SPOKE_OK)
        board_print("a reading was lost: the queue is full\n");
    if (now > highest && thermostat_report_max_temp_since_last_reboot(client, now) == SPOKE_OK)
        highest = now;
}

/* What it cost so far: the peaks of memory, and how long the processor was awake for the last reading. */
static void print_cost(uint32_t awake_us)
{
    board_print_number("stack ", board_stack_peak());
    board_print_number(" of ", board_stack_size());
    board_print_number(", mbedTLS ", platform_tls_peak());
    board_print_number(" of ", platform_tls_size());
    board_print_number(", awake ", awake_us);
    board_print(" us\n");
}

int main(void)
{
    board_init();
    platform_init(required("seed"));
    net_init();
    add_hosts();
    spoke_client *client = make_client();
    spoke_status status = spoke_client_open(client);
    while (status == SPOKE_OK) {
        const uint32_t before = board_awake_us();
        measure(client);
        status = spoke_client_run(client, 1000); /* all work, and all sleep, is in here */
        print_cost(board_awake_us() - before);
    }
    char why[160];
    board_panic(spoke_client_explain(client, why, sizeof why));
}
