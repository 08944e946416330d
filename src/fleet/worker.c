#include "fleet/worker.h"

#include <errno.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    EVENTS = 256,      /* in one turn */
    NAP_MS = 100,      /* the longest sleep: then fleet->stop is looked at */
    DRAIN_MS = 10000,  /* for what is under way at the end */
    GOODBYE_MS = 5000, /* for all DISCONNECTs */
    GOODBYE_EACH_MS = 50
};

static uint64_t now_ms(void)
{
    return fleet_now_us() / 1000;
}

static bool stopping(const struct worker *w)
{
    return atomic_load_explicit(&w->crew.fleet->stop, memory_order_relaxed) != 0;
}

static uint64_t under_way(const struct worker *w)
{
    const struct counters *c = &w->crew.counters;
    return counter_get(c, COUNT_SENT) - counter_get(c, COUNT_ACKED) - counter_get(c, COUNT_DROPPED);
}

/* --- beginning: as fast as asked for, but a service that is slow is not buried under handshakes --- */

static uint64_t begin_ms(const struct worker *w)
{
    const struct fleet *fleet = w->crew.fleet;
    return fleet->begin_ms + (uint64_t)(w->devices[w->begun].number * 1000.0 / fleet->options->ramp);
}

static bool may_begin(const struct worker *w)
{
    const struct counters *c = &w->crew.counters;
    const uint64_t on_the_way =
        counter_get(c, COUNT_STARTED) - counter_get(c, COUNT_REACHED) - counter_get(c, COUNT_FAILED);
    return w->begun < w->count && on_the_way < w->at_once;
}

static void begin_due(struct worker *w, uint64_t now)
{
    for (int i = 0; i < EVENTS && may_begin(w) && begin_ms(w) <= now; i++)
        device_begin(&w->devices[w->begun++], now);
}

/* Once: the fleet has just been told to speak. */
static void speak(struct worker *w)
{
    const uint64_t now = now_ms();
    w->speaks = true;
    for (size_t i = 0; i < w->begun; i++)
        device_speak(&w->devices[i], now);
}

/* --- turning --- */

static int nap(const struct worker *w, uint64_t now, bool quiet)
{
    const uint64_t first = timers_due(&w->crew.timers);
    uint64_t due = first < now + NAP_MS ? first : now + NAP_MS;
    if (!quiet && may_begin(w) && begin_ms(w) < due)
        due = begin_ms(w);
    return due > now ? (int)(due - now) : 0;
}

/* What is due when the turn begins: a device that is due again at once waits for the next, behind the others. */
static void turn(struct worker *w, bool quiet)
{
    struct epoll_event events[EVENTS];
    const int ready = epoll_wait(w->crew.net.epoll, events, EVENTS, nap(w, now_ms(), quiet));
    const uint64_t now = now_ms();
    for (int i = 0; i < ready; i++)
        device_turn(events[i].data.ptr, now, quiet);
    struct device *d;
    for (int i = 0; i < EVENTS && (d = timers_first(&w->crew.timers, now)) != NULL; i++)
        device_turn(d, now, quiet);
    if (!quiet)
        begin_due(w, now);
}

/* mbedTLS wipes the whole record buffers of a session that ends, 32 KB, and so takes memory that was never in use. */
static void give_back_memory(void)
{
#ifdef __GLIBC__
    (void)malloc_trim(0);
#endif
}

static void say_goodbye(struct worker *w)
{
    const uint64_t until = now_ms() + GOODBYE_MS;
    for (size_t i = 0; i < w->begun; i++) {
        device_end(&w->devices[i], now_ms() < until ? GOODBYE_EACH_MS : 0);
        if (i % EVENTS == EVENTS - 1)
            give_back_memory();
    }
}

static void *run(void *arg)
{
    struct worker *w = arg;
    while (!stopping(w)) {
        if (!w->speaks && atomic_load(&w->crew.fleet->speak) != 0)
            speak(w);
        turn(w, false);
    }
    const uint64_t until = now_ms() + DRAIN_MS;
    while (under_way(w) > 0 && now_ms() < until)
        turn(w, true);
    w->undelivered = under_way(w);
    w->crew.over = true;
    say_goodbye(w);
    atomic_store(&w->ended, 1);
    return NULL;
}

static spoke_status make_crew(struct worker *w, struct fleet *fleet)
{
    struct crew *crew = &w->crew;
    crew->fleet = fleet;
    crew->net.gate = &fleet->gate;
    crew->platform =
        (spoke_platform){.struct_size = sizeof crew->platform, .ctx = &crew->net, .net = &fleet_net_functions};
    w->devices = calloc(w->count, sizeof *w->devices);
    if (w->devices == NULL)
        return SPOKE_E_NO_MEMORY;
    crew->net.epoll = epoll_create1(EPOLL_CLOEXEC);
    return crew->net.epoll >= 0 ? SPOKE_OK : SPOKE_E_PORT;
}

spoke_status worker_start(struct worker *w, struct fleet *fleet, uint32_t first, uint32_t stride)
{
    memset(w, 0, sizeof *w);
    w->crew.net.epoll = -1;
    const uint32_t devices = fleet->options->devices;
    w->count = first < devices ? (devices - first + stride - 1) / stride : 0;
    if (w->count == 0)
        return SPOKE_OK;
    const spoke_status status = make_crew(w, fleet);
    if (status != SPOKE_OK)
        return status;
    w->at_once = (fleet->options->at_once + stride - 1) / stride;
    for (size_t i = 0; i < w->count; i++)
        device_init(&w->devices[i], &w->crew, first + (uint32_t)i * stride);
    errno = pthread_create(&w->thread, NULL, run, w);
    w->started = errno == 0;
    return w->started ? SPOKE_OK : SPOKE_E_PORT;
}

void worker_join(struct worker *w)
{
    if (w->started)
        pthread_join(w->thread, NULL);
    w->started = false;
}

void worker_fini(struct worker *w)
{
    worker_join(w);
    if (w->crew.net.epoll >= 0)
        close(w->crew.net.epoll);
    timers_free(&w->crew.timers);
    free(w->devices);
}
