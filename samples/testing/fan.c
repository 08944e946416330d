#include "fan.h"

enum { PERIOD_MS = 10000, TURN_MS = 100 };

static spoke_ack on_limit(const spoke_property *wanted, void *user)
{
    struct fan *fan = user;
    double limit = 0;
    if (spoke_json_double(wanted->value, &limit) != SPOKE_OK || limit < 0 || limit > 60)
        return spoke_reject(400, "expected 0 to 60 degrees Celsius");
    fan->limit = limit;
    return spoke_accept();
}

static spoke_ack on_stop(const spoke_command *call, void *user)
{
    struct fan *fan = user;
    spoke_write(call->reply, spoke_bool("wasRunning", fan_runs(fan)));
    fan->stopped = true;
    return spoke_accept();
}

static const spoke_handler handlers[] = {SPOKE_ON_PROPERTY("limit", on_limit), SPOKE_ON_COMMAND("stop", on_stop)};

spoke_status fan_start(struct fan *fan, spoke_config config)
{
    *fan = (struct fan){.celsius = 20, .limit = 30};
    config.handlers = handlers;
    config.handler_count = sizeof handlers / sizeof handlers[0];
    config.user = fan;
    fan->machine = config.platform != NULL ? config.platform : spoke_platform_posix();
    const spoke_status status = spoke_client_create(&config, &fan->client);
    return status == SPOKE_OK ? spoke_client_open(fan->client) : status;
}

bool fan_runs(const struct fan *fan)
{
    return !fan->stopped && fan->celsius > fan->limit;
}

spoke_status fan_turn(struct fan *fan)
{
    const uint64_t now = fan->machine->monotonic_ms(fan->machine->ctx);
    if (now >= fan->due_ms) {
        fan->due_ms = now + PERIOD_MS;
        fan->stopped = false;
        const spoke_status sent =
            spoke_send(fan->client, spoke_f64("temperature", fan->celsius), spoke_bool("running", fan_runs(fan)));
        if (sent != SPOKE_OK && sent != SPOKE_E_FULL)
            return sent;
    }
    return spoke_client_poll(fan->client, TURN_MS);
}

void fan_stop(struct fan *fan)
{
    spoke_client_destroy(fan->client);
}
