#include <pthread.h>
#include <spoke/runner.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "client/machine.h"

#define LONGEST_POLL_MS 60000u

struct spoke_runner {
    spoke_client *client;
    pthread_t thread;
    atomic_bool stop;
    spoke_status last; /* read after the join */
};

static void *turn(void *user)
{
    spoke_runner *r = user;
    while (!atomic_load(&r->stop) && r->last == SPOKE_OK)
        r->last = spoke_client_poll(r->client, LONGEST_POLL_MS);
    return NULL;
}

spoke_status spoke_runner_start(spoke_client *client, spoke_runner **out)
{
    if (client == NULL || out == NULL || client->platform.lock == NULL)
        return SPOKE_E_ARG;
    *out = NULL;
    spoke_runner *r = calloc(1, sizeof *r);
    if (r == NULL)
        return SPOKE_E_NO_MEMORY;
    r->client = client;
    atomic_init(&r->stop, false);
    if (pthread_create(&r->thread, NULL, turn, r) != 0) {
        free(r);
        return SPOKE_E_PORT;
    }
    *out = r;
    return SPOKE_OK;
}

spoke_status spoke_runner_stop(spoke_runner *runner)
{
    if (runner == NULL)
        return SPOKE_OK;
    if (pthread_equal(pthread_self(), runner->thread))
        return SPOKE_E_REENTRANT;
    atomic_store(&runner->stop, true);
    spoke_client_wake(runner->client);
    pthread_join(runner->thread, NULL);
    const spoke_status last = runner->last;
    free(runner);
    return last;
}
