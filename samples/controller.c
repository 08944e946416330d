/* Temperature controller: two thermostats as components, device information, a command on the device itself.
 * `samples/run.sh controller` starts a service for it. */
#include <spoke/spoke.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "controller_model.h" /* written by spoke-model from models/dtmi/com/example/temperaturecontroller-1.json */

struct thermostat {
    const char *name;
    double target, now, highest, lowest; /* degrees Celsius */
};

struct controller {
    struct thermostat one, two;
    bool reboot;
};

/* --- what the service asks for: each component has handlers of its own --- */

static spoke_ack set_target(struct thermostat *t, const double *celsius)
{
    t->target = celsius != NULL ? *celsius : 21; /* NULL: nobody wants a target any more */
    printf("%s: target is now %g\n", t->name, t->target);
    return spoke_accept();
}

spoke_ack controller_thermostat1_on_target_temperature(const spoke_property *wanted, const double *celsius,
                                                       void *user)
{
    (void)wanted;
    return set_target(&((struct controller *)user)->one, celsius);
}

spoke_ack controller_thermostat2_on_target_temperature(const spoke_property *wanted, const double *celsius,
                                                       void *user)
{
    (void)wanted;
    return set_target(&((struct controller *)user)->two, celsius);
}

/* Both components are of one interface, so they share its types. */
typedef controller_thermostat_get_max_min_report_response report_of_extremes;

static spoke_ack report_extremes(const struct thermostat *t, report_of_extremes *report)
{
    report->max_temp = t->highest;
    report->min_temp = t->lowest;
    report->has = CONTROLLER_THERMOSTAT_GET_MAX_MIN_REPORT_RESPONSE_HAS_MAX_TEMP |
                  CONTROLLER_THERMOSTAT_GET_MAX_MIN_REPORT_RESPONSE_HAS_MIN_TEMP;
    return spoke_accept();
}

spoke_ack controller_thermostat1_on_get_max_min_report(const spoke_command *call, const spoke_str *since,
                                                       report_of_extremes *report, void *user)
{
    (void)call, (void)since;
    return report_extremes(&((const struct controller *)user)->one, report);
}

spoke_ack controller_thermostat2_on_get_max_min_report(const spoke_command *call, const spoke_str *since,
                                                       report_of_extremes *report, void *user)
{
    (void)call, (void)since;
    return report_extremes(&((const struct controller *)user)->two, report);
}

spoke_ack controller_on_reboot(const spoke_command *call, const int32_t *delay_s, void *user)
{
    (void)call;
    printf("reboot in %d s\n", delay_s != NULL ? (int)*delay_s : 0);
    ((struct controller *)user)->reboot = true;
    return spoke_accept();
}

/* --- what the device says --- */

/* Moves a tenth of the way to the target. True: there is a new record. */
static bool measure(struct thermostat *t)
{
    t->now += (t->target - t->now) / 10;
    t->lowest = t->now < t->lowest ? t->now : t->lowest;
    if (t->now <= t->highest)
        return false;
    t->highest = t->now;
    return true;
}

static spoke_status send_readings(spoke_client *client, struct controller *all)
{
    const bool record1 = measure(&all->one), record2 = measure(&all->two);
    spoke_status status = controller_thermostat1_send_temperature(client, all->one.now);
    if (status == SPOKE_OK && record1)
        status = controller_thermostat1_report_max_temp_since_last_reboot(client, all->one.highest);
    if (status == SPOKE_OK)
        status = controller_thermostat2_send_temperature(client, all->two.now);
    if (status == SPOKE_OK && record2)
        status = controller_thermostat2_report_max_temp_since_last_reboot(client, all->two.highest);
    return status;
}

/* Telemetry of the device itself: its memory, in KiB. */
static spoke_status send_memory(spoke_client *client)
{
    struct rusage usage = {0};
    getrusage(RUSAGE_SELF, &usage);
    return controller_send_working_set(client, (double)usage.ru_maxrss);
}

static spoke_status introduce(spoke_client *client)
{
    const controller_device_information_properties about = {
        .has = CONTROLLER_DEVICE_INFORMATION_PROPERTIES_ALL,
        .manufacturer = SPOKE_STR("Example"),
        .model = SPOKE_STR("TC-2"),
        .sw_version = SPOKE_STR("1.0.0"),
        .os_name = SPOKE_STR("Linux"),
        .processor_architecture = SPOKE_STR("x86_64"),
        .processor_manufacturer = SPOKE_STR("Example"),
        .total_storage = 16384, /* KiB */
        .total_memory = 1024,
    };
    const spoke_status status = controller_report_serial_number(client, SPOKE_STR("TC-0001"));
    return status == SPOKE_OK ? controller_device_information_report(client, &about) : status;
}

int main(void)
{
    struct controller all = {{"thermostat1", 21, 18, 18, 18}, {"thermostat2", 24, 18, 18, 18}, false};
    const char *port = getenv("SPOKE_MQTT_PORT");
    const spoke_config config =
        SPOKE_CONFIG(.provisioning_host = getenv("SPOKE_HOST"), .port = (uint16_t)(port != NULL ? atoi(port) : 0),
                     .id_scope = getenv("SPOKE_ID_SCOPE"), .registration_id = getenv("SPOKE_DEVICE_ID"),
                     .credential.primary = getenv("SPOKE_DEVICE_KEY"), .trust_file = getenv("SPOKE_CA_FILE"),
                     CONTROLLER_MODEL, .user = &all);
    spoke_client *client = NULL;
    spoke_status status = spoke_client_create(&config, &client);
    if (status == SPOKE_OK)
        status = spoke_client_open(client);
    if (status == SPOKE_OK)
        status = introduce(client);
    for (int second = 0; status == SPOKE_OK && second < 60 && !all.reboot; second++) {
        status = send_readings(client, &all);
        if (status == SPOKE_OK)
            status = send_memory(client);
        if (status == SPOKE_OK || status == SPOKE_E_FULL)
            status = spoke_client_run(client, 1000);
    }
    char why[160];
    if (status != SPOKE_OK)
        fprintf(stderr, "stopped: %s\n", spoke_client_explain(client, why, sizeof why));
    else
        spoke_client_close(client, 5000); /* what is queued still leaves */
    spoke_client_destroy(client);
    return status == SPOKE_OK ? 0 : 1;
}
