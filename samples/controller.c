/* Temperature controller: two thermostats as components, device information, a command on the device itself.
 * `samples/run.sh controller` starts a service for it. */
#include <spoke/spoke.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "controller_model.h"

struct thermostat {
    const char *component;
    double target, now, highest, lowest; /* degrees Celsius */
};

struct controller {
    struct thermostat thermostats[2];
    bool reboot;
};

static struct thermostat *named(struct controller *all, spoke_str component)
{
    return &all->thermostats[spoke_str_equal(component, spoke_str_of(all->thermostats[1].component)) ? 1 : 0];
}

static spoke_ack set_target(const spoke_property *wanted, void *user)
{
    struct thermostat *t = named(user, wanted->component);
    double celsius;
    if (spoke_json_double(wanted->value, &celsius) != SPOKE_OK)
        return spoke_reject(400, "expected a number");
    t->target = celsius;
    printf("%s: target is now %g\n", t->component, celsius);
    return spoke_accept();
}

static spoke_ack report_extremes(const spoke_command *call, void *user)
{
    const struct thermostat *t = named(user, call->component);
    spoke_write(call->reply, spoke_f64("maxTemp", t->highest));
    spoke_write(call->reply, spoke_f64("minTemp", t->lowest));
    return spoke_accept();
}

static spoke_ack reboot(const spoke_command *call, void *user)
{
    int64_t seconds = 0;
    if (call->payload.len > 0 && spoke_json_int(call->payload, &seconds) != SPOKE_OK)
        return spoke_reject(400, "expected a delay in whole seconds");
    printf("reboot in %lld s\n", (long long)seconds);
    ((struct controller *)user)->reboot = true;
    return spoke_accept();
}

/* Moves a tenth of the way to the target and says so when there is a new record. */
static spoke_status measure(spoke_client *client, struct thermostat *t)
{
    t->now += (t->target - t->now) / 10;
    const spoke_field reading = spoke_f64("temperature", t->now);
    spoke_status status = spoke_telemetry_send(client, t->component, &reading, 1);
    if (status == SPOKE_OK && t->now > t->highest) {
        t->highest = t->now;
        const spoke_field record = spoke_f64("maxTempSinceLastReboot", t->highest);
        status = spoke_property_report(client, t->component, &record, 1);
    }
    t->lowest = t->now < t->lowest ? t->now : t->lowest;
    return status;
}

/* Telemetry of the device itself: its memory, in KiB. */
static spoke_status report_memory(spoke_client *client)
{
    struct rusage usage = {0};
    getrusage(RUSAGE_SELF, &usage);
    return spoke_send(client, spoke_f64("workingSet", (double)usage.ru_maxrss));
}

static spoke_status introduce(spoke_client *client)
{
    const spoke_field about[] = {spoke_text("manufacturer", SPOKE_STR("Example")),
                                 spoke_text("model", SPOKE_STR("TC-2")),
                                 spoke_text("swVersion", SPOKE_STR("1.0.0")),
                                 spoke_text("osName", SPOKE_STR("Linux")), spoke_f64("totalMemory", 1024)};
    const spoke_status status = spoke_report(client, spoke_text("serialNumber", SPOKE_STR("TC-0001")));
    return status == SPOKE_OK
               ? spoke_property_report(client, "deviceInformation", about, sizeof about / sizeof about[0])
               : status;
}

int main(void)
{
    struct controller all = {{{"thermostat1", 21, 18, 18, 18}, {"thermostat2", 24, 18, 18, 18}}, false};
    const spoke_handler handlers[] = {
        SPOKE_ON_COMPONENT_PROPERTY("thermostat1", "targetTemperature", set_target),
        SPOKE_ON_COMPONENT_PROPERTY("thermostat2", "targetTemperature", set_target),
        SPOKE_ON_COMPONENT_COMMAND("thermostat1", "getMaxMinReport", report_extremes),
        SPOKE_ON_COMPONENT_COMMAND("thermostat2", "getMaxMinReport", report_extremes),
        SPOKE_ON_COMMAND("reboot", reboot)};
    const char *port = getenv("SPOKE_MQTT_PORT");
    const spoke_config config =
        SPOKE_CONFIG(.provisioning_host = getenv("SPOKE_HOST"), .port = (uint16_t)(port != NULL ? atoi(port) : 0),
                     .id_scope = getenv("SPOKE_ID_SCOPE"), .registration_id = getenv("SPOKE_DEVICE_ID"),
                     .credential.primary = getenv("SPOKE_DEVICE_KEY"), .trust_file = getenv("SPOKE_CA_FILE"),
                     .model = &controller_model, .handlers = handlers,
                     .handler_count = sizeof handlers / sizeof handlers[0], .user = &all);
    spoke_client *client = NULL;
    spoke_status status = spoke_client_create(&config, &client);
    if (status == SPOKE_OK)
        status = spoke_client_open(client);
    if (status == SPOKE_OK)
        status = introduce(client);
    for (int second = 0; status == SPOKE_OK && second < 60 && !all.reboot; second++) {
        for (int i = 0; i < 2 && status == SPOKE_OK; i++)
            status = measure(client, &all.thermostats[i]);
        if (status == SPOKE_OK)
            status = report_memory(client);
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
