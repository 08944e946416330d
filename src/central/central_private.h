/* What the files of the service's outer part share: central.c, which starts, turns and stops it, and central_direct.c, which
 * lets requests and connections in without a socket. */
#ifndef SPOKE_SRC_CENTRAL_CENTRAL_PRIVATE_H
#define SPOKE_SRC_CENTRAL_CENTRAL_PRIVATE_H

#include <pthread.h>
#include <spoke/central/central.h>
#include <stdatomic.h>

#include "base/list.h"
#include "ca.h"
#include "central/core/core.h"
#include "central/shell/shell.h"
#include "data_dir.h"

#define CENTRAL_IDLE_MS 60000u /* the loop looks around at the latest */

struct spoke_central {
    spoke_central_config config; /* its texts are the caller's until start returns, and not used later */
    struct data_dir dir;
    struct ca_identity identity;
    char *device_ca_pem, *bind_address, *hub_host;
    struct core *core;
    struct shell *shell;   /* NULL: no_listen without a thread */
    struct broker *broker; /* NULL: no plain MQTT */
    struct store *broker_store;
    spoke_central_env env;
    char *host, *api_base, *api_token, *group_key, *plain_mqtt_host;
    struct list requests; /* that wait for their answer */

    bool thread_runs;
    atomic_bool stopping;
    pthread_t thread;
    pthread_mutex_t lock; /* recursive: `done` may call back in */
    pthread_cond_t answered;
};

uint64_t central_monotonic_ms(void *ctx); /* real time, whatever clock the configuration has */

/* Nothing without .threaded. */
void central_lock(const spoke_central *central);
void central_unlock(const spoke_central *central);
/* After a call from outside changed something: the loop has something to commit and to send. */
void central_unlock_and_wake(spoke_central *central);

/* At the end: answers the requests that still wait with 503. */
void central_refuse(spoke_central *central);

#endif
