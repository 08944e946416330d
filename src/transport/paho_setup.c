#include <stdalign.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "transport/layout.h"
#include "transport/paho_link.h"

enum { QUEUED_MESSAGES = 4 };

static bool add_parts(size_t *total, size_t count, size_t part)
{
    return part <= SIZE_MAX / count && layout_add(total, count * part);
}

struct layout {
    uint32_t receive_bytes, send_bytes, in_flight;
    size_t command_bytes, message_bytes, target_bytes;
    size_t flights, commands, messages, targets, total;
};

static bool lay_out(const spoke_transport_options *options, struct layout *out)
{
    const spoke_mqtt_limits *limits = &options->limits;
    memset(out, 0, sizeof(*out));
    if (spoke_mqtt_size(limits) == 0)
        return false;
    out->receive_bytes = limits->receive_bytes != 0 ? limits->receive_bytes : SPOKE_DEFAULT_RECEIVE_BYTES;
    out->send_bytes = limits->send_bytes != 0 ? limits->send_bytes : SPOKE_DEFAULT_SEND_BYTES;
    out->in_flight = limits->in_flight != 0 ? limits->in_flight : SPOKE_DEFAULT_IN_FLIGHT;
    out->command_bytes = paho_queue_bytes(sizeof(struct paho_command) + out->send_bytes);
    out->message_bytes = paho_queue_bytes(sizeof(struct paho_message) + out->receive_bytes);
    out->target_bytes = (size_t)out->send_bytes + SPOKE_MAX_HOST_BYTES + 1;
    if (!layout_add(&out->total, sizeof(spoke_transport)))
        return false;
    out->flights = out->total;
    if (!add_parts(&out->total, (size_t)out->in_flight + PAHO_UNACKNOWLEDGED, sizeof(struct paho_flight)))
        return false;
    out->commands = out->total;
    if (!layout_add(&out->total, out->command_bytes))
        return false;
    out->messages = out->total;
    if (!add_parts(&out->total, QUEUED_MESSAGES, out->message_bytes))
        return false;
    out->targets = out->total;
    return add_parts(&out->total, 2, out->target_bytes);
}

static bool complete(const spoke_transport_options *options)
{
    return options != NULL && options->platform != NULL && options->platform->monotonic_ms != NULL;
}

size_t paho_size(const spoke_transport_options *options)
{
    struct layout layout;
    return complete(options) && lay_out(options, &layout) ? layout.total : 0;
}

static spoke_status refuse(spoke_error *error, spoke_status status, spoke_source source, const char *text)
{
    *error = (spoke_error){status, source, 0, text};
    return status;
}

static void carve(spoke_transport *t, const struct layout *layout)
{
    uint8_t *memory = (uint8_t *)t;
    t->receive_bytes = layout->receive_bytes;
    t->send_bytes = layout->send_bytes;
    t->in_flight = layout->in_flight;
    t->flight_count = layout->in_flight + PAHO_UNACKNOWLEDGED;
    t->flights = (void *)(memory + layout->flights);
    paho_queue_init(&t->commands, memory + layout->commands, layout->command_bytes);
    paho_queue_init(&t->messages, memory + layout->messages, QUEUED_MESSAGES * layout->message_bytes);
    for (unsigned i = 0; i < 2; i++)
        t->targets[i].text =
            spoke_buf_from(memory + layout->targets + i * layout->target_bytes, layout->target_bytes);
    t->taken = 2;
    for (uint32_t i = 0; i < t->flight_count; i++)
        t->flights[i] = (struct paho_flight){.owner = t};
    paho_flights_reset(t);
    for (uint8_t i = 0; i < PAHO_REQUESTS; i++)
        for (unsigned j = 0; j < PAHO_FILTERS; j++)
            t->requests[i].filters[j] = (struct paho_filter){.owner = t, .request = i};
}

/* A condition on the monotonic clock: the wall clock of a device jumps. */
static bool make_lock(spoke_transport *t)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0)
        return false;
    bool done = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
                pthread_cond_init(&t->work, &attributes) == 0;
    pthread_condattr_destroy(&attributes);
    if (done && pthread_mutex_init(&t->lock, NULL) != 0) {
        pthread_cond_destroy(&t->work);
        done = false;
    }
    t->ready = done;
    return done;
}

void paho_fini(spoke_transport *t)
{
    paho_worker_stop(t);
    if (t->ready) {
        pthread_cond_destroy(&t->work);
        pthread_mutex_destroy(&t->lock);
    }
    if (t->event_fd >= 0)
        close(t->event_fd);
    paho_pem_close(&t->pems[0]);
    paho_pem_close(&t->pems[1]);
    for (unsigned i = 0; i < 2; i++)
        paho_target_wipe(&t->targets[i]);
    spoke_wipe(t, sizeof(*t));
}

static spoke_status build(spoke_transport *t, const spoke_transport_options *options, spoke_error *error)
{
    t->used = &t->pems[0];
    t->tls[0] = options->tls;
    const spoke_status status = paho_pem_open(&t->pems[0], &options->tls, error);
    if (status != SPOKE_OK)
        return status;
    t->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (t->event_fd < 0 || !make_lock(t) || paho_worker_start(t) != SPOKE_OK)
        return refuse(error, SPOKE_E_PORT, SPOKE_SOURCE_PORT,
                      "no thread, or no file descriptor, for the paho transport");
    return SPOKE_OK;
}

spoke_status paho_init(void *memory, size_t size, const spoke_transport_options *options, spoke_transport **out,
                       spoke_error *error)
{
    struct layout layout;
    *error = paho_error(PAHO_LOSS_NONE, 0);
    if (memory == NULL || (uintptr_t)memory % alignof(max_align_t) != 0 || !complete(options))
        return refuse(error, SPOKE_E_ARG, SPOKE_SOURCE_CLIENT,
                      "the transport needs aligned memory and a complete platform");
    if (!lay_out(options, &layout))
        return refuse(error, SPOKE_E_ARG, SPOKE_SOURCE_CLIENT, "a limit of the transport is out of range");
    if (size < layout.total)
        return refuse(error, SPOKE_E_NO_MEMORY, SPOKE_SOURCE_CLIENT, "the memory for the transport is too small");
    if (options->trust != NULL)
        return refuse(error, SPOKE_E_UNSUPPORTED, SPOKE_SOURCE_CLIENT,
                      "paho reads its own trust: give trust_pem or trust_file in place of trust");
    spoke_transport *t = memory;
    memset(t, 0, sizeof(*t));
    t->platform = options->platform;
    t->test_only = options->tls.test_only;
    t->event_fd = -1;
    paho_pem_init(&t->pems[0]);
    paho_pem_init(&t->pems[1]);
    carve(t, &layout);
    const spoke_status status = build(t, options, error);
    if (status != SPOKE_OK) {
        paho_fini(t);
        return status;
    }
    *out = t;
    return SPOKE_OK;
}
