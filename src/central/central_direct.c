/* What goes in without a socket: requests, and connections that are their MQTT bytes. */
#include <stdlib.h>
#include <string.h>

#include "central/core/target.h"
#include "central_private.h"

#define SERVICE_UNAVAILABLE 503

/* A request on its way through the core, which borrows its texts until it answers. */
struct pending {
    struct list_node in_requests;
    spoke_central *central;
    uint64_t ticket; /* 0: answered */
    spoke_central_done_fn done;
    void *user;
    struct target target;
    char *method;
    uint8_t *body;
};

/* --- requests --- */

static void free_pending(struct pending *pending)
{
    list_leave(&pending->in_requests);
    target_free(&pending->target);
    free(pending->method);
    free(pending->body);
    free(pending);
}

static void hear_core(void *user, const struct core_response *response)
{
    struct pending *pending = user;
    pending->done(pending->user, response->status, response->body);
    free_pending(pending);
}

/* Every request is answered once, also by the end of the service. */
void central_refuse(spoke_central *central)
{
    while (central->requests.first != NULL) {
        struct pending *pending = central->requests.first->owner;
        core_request_cancel(central->core, pending->ticket);
        pending->done(pending->user, SERVICE_UNAVAILABLE, spoke_str_from("", 0));
        free_pending(pending);
    }
}

static spoke_status make_pending(spoke_central *central, const char *method, const char *target, spoke_str body,
                                 struct pending **out)
{
    struct pending *pending = calloc(1, sizeof *pending);
    if (pending == NULL)
        return SPOKE_E_NO_MEMORY;
    pending->central = central;
    list_join(&central->requests, &pending->in_requests, pending);
    spoke_status status = target_parse(spoke_str_of(target), &pending->target);
    pending->method = strdup(method);
    pending->body = malloc(body.len + 1);
    if (status == SPOKE_OK && (pending->method == NULL || pending->body == NULL))
        status = SPOKE_E_NO_MEMORY;
    if (status != SPOKE_OK) {
        free_pending(pending);
        return status;
    }
    if (body.len > 0)
        memcpy(pending->body, body.ptr, body.len);
    pending->body[body.len] = '\0';
    *out = pending;
    return SPOKE_OK;
}

/* When it returns, `done` may have been called and the pending block be gone. */
static spoke_status ask(spoke_central *central, const char *method, const char *target, spoke_str body,
                        spoke_central_done_fn done, void *user, struct pending **pending)
{
    if (atomic_load(&central->stopping)) /* `done` hears the 503 and tries again */
        return SPOKE_E_STATE;
    const spoke_status status = make_pending(central, method, target, body, pending);
    if (status != SPOKE_OK)
        return status;
    (*pending)->done = done;
    (*pending)->user = user;
    const struct core_request request = {
        .method = (*pending)->method,
        .path = (*pending)->target.path,
        .query = (*pending)->target.query,
        .trusted = true,
        .base = central->api_base,
        .body = spoke_str_from((const char *)(*pending)->body, body.len),
    };
    const uint64_t ticket = core_request(central->core, &request, hear_core, *pending);
    if (ticket != 0)
        (*pending)->ticket = ticket;
    (void)core_commit(central->core);
    return SPOKE_OK;
}

spoke_status spoke_central_request(spoke_central *central, const char *method, const char *target, spoke_str body,
                                   spoke_central_done_fn done, void *user)
{
    struct pending *pending = NULL;
    if (central == NULL || method == NULL || target == NULL || done == NULL)
        return SPOKE_E_ARG;
    central_lock(central);
    const spoke_status status = ask(central, method, target, body, done, user, &pending);
    central_unlock_and_wake(central);
    return status;
}

struct wait {
    spoke_central *central;
    bool done;
    int http_status;
    spoke_status status;
    spoke_buf *out;
};

static void hear_answer(void *user, int http_status, spoke_str body)
{
    struct wait *wait = user;
    wait->done = true;
    wait->http_status = http_status;
    if (wait->out != NULL)
        wait->status = spoke_buf_append(wait->out, body);
    (void)pthread_cond_broadcast(&wait->central->answered);
}

/* Called with the lock. In the service's own thread nobody else would turn, so nothing may wait there. */
static void wait_for_thread(struct wait *wait, uint64_t end_ms)
{
    const struct timespec end = {(time_t)(end_ms / 1000), (long)(end_ms % 1000) * 1000000};
    int result = 0;
    shell_wake(wait->central->shell);
    while (!wait->done && result == 0)
        result = pthread_cond_timedwait(&wait->central->answered, &wait->central->lock, &end);
}

static void wait_by_polling(struct wait *wait, uint64_t end_ms)
{
    for (uint64_t now = central_monotonic_ms(NULL); !wait->done && now < end_ms;
         now = central_monotonic_ms(NULL)) {
        const uint64_t left = end_ms - now;
        /* An injected clock may be moved by nobody but `done`; real time still ends the wait. */
        const bool clocked = wait->central->config.monotonic_ms != NULL;
        const uint32_t limit_ms = clocked && left > 1      ? 1
                                  : left < CENTRAL_IDLE_MS ? (uint32_t)left
                                                           : CENTRAL_IDLE_MS;
        if (spoke_central_poll(wait->central, limit_ms) != SPOKE_OK)
            return;
    }
}

spoke_status spoke_central_request_wait(spoke_central *central, const char *method, const char *target,
                                        spoke_str body, uint32_t limit_ms, int *http_status, spoke_buf *out)
{
    struct wait wait = {.central = central, .status = SPOKE_OK, .out = out};
    struct pending *pending = NULL;
    if (central == NULL || method == NULL || target == NULL)
        return SPOKE_E_ARG;
    const uint64_t end_ms = central_monotonic_ms(NULL) + limit_ms;
    central_lock(central);
    spoke_status status = ask(central, method, target, body, hear_answer, &wait, &pending);
    if (status == SPOKE_OK && !wait.done) {
        if (!central->config.threaded)
            wait_by_polling(&wait, end_ms);
        else if (!pthread_equal(pthread_self(), central->thread))
            wait_for_thread(&wait, end_ms);
    }
    if (status == SPOKE_OK && !wait.done) {
        core_request_cancel(central->core, pending->ticket);
        free_pending(pending);
        status = SPOKE_E_TIMEOUT;
    }
    central_unlock_and_wake(central);
    if (status == SPOKE_OK && http_status != NULL)
        *http_status = wait.http_status;
    return status == SPOKE_OK ? wait.status : status;
}

/* --- connections --- */

struct spoke_central_link {
    spoke_central *central;
    struct conn *conn;
};

spoke_status spoke_central_link_open(spoke_central *central, spoke_central_link **out)
{
    if (central == NULL || out == NULL)
        return SPOKE_E_ARG;
    if (central->config.threaded)
        return SPOKE_E_STATE;
    spoke_central_link *link = calloc(1, sizeof *link);
    if (link == NULL)
        return SPOKE_E_NO_MEMORY;
    link->central = central;
    const spoke_status status = core_conn_open(central->core, spoke_str_of(NULL), &link->conn);
    if (status != SPOKE_OK) {
        free(link);
        return status;
    }
    *out = link;
    return SPOKE_OK;
}

void spoke_central_link_send(spoke_central_link *link, spoke_str bytes)
{
    if (bytes.len > 0 && !core_conn_ended(link->conn))
        core_conn_receive(link->conn, (const uint8_t *)bytes.ptr, bytes.len);
    (void)core_commit(link->central->core);
}

spoke_str spoke_central_link_output(const spoke_central_link *link)
{
    return core_conn_output(link->conn);
}

void spoke_central_link_sent(spoke_central_link *link, size_t count)
{
    core_conn_sent(link->conn, count);
}

bool spoke_central_link_closed(const spoke_central_link *link)
{
    return core_conn_ended(link->conn);
}

void spoke_central_link_close(spoke_central_link *link)
{
    if (link == NULL)
        return;
    struct core *core = link->central->core;
    core_conn_close(link->conn);
    (void)core_commit(core);
    free(link);
}
