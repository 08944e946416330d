#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "transport/paho_callbacks.h"

enum {
    PROBE_MS = 1000,
    SLACK_S = 10, /* beyond our own connect limit, so that ours speaks first */
};

/* The last MQTTAsync_destroy stops paho's threads, letting go of paho's lock while it waits for them, and then
 * frees what all handles share (1.3.12). One created in between would be lost, so that ours take turns. */
static pthread_mutex_t registry = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t first_use = PTHREAD_ONCE_INIT;

/* OpenSSL 1.1 and later see to themselves. */
static void set_up_paho(void)
{
    MQTTAsync_init_options options = MQTTAsync_init_options_initializer;
    options.do_openssl_init = 0;
    MQTTAsync_global_init(&options);
}

bool paho_plain(const spoke_transport *t)
{
    return (t->test_only & SPOKE_TEST_ONLY_PLAINTEXT) != 0;
}

bool paho_worker_proxied(const spoke_transport *t)
{
    return getenv(paho_plain(t) ? "http_proxy" : "https_proxy") != NULL;
}

/* --- connecting: without the lock --- */

static void remember(spoke_transport *t, const struct addrinfo *list)
{
    const struct addrinfo *best = list; /* paho takes the first of IPv4, else the first */
    for (const struct addrinfo *a = list; a != NULL && best->ai_family != AF_INET; a = a->ai_next)
        if (a->ai_family == AF_INET)
            best = a;
    memcpy(&t->address, best->ai_addr, best->ai_addrlen);
    t->address_bytes = best->ai_addrlen;
}

/* 0, or getaddrinfo's code. paho resolves names while it holds the lock of all its handles. So only names that
 * resolve are given to it: a dead name server then delays this thread and nobody else, and can be told from a dead
 * host. */
static int resolve(spoke_transport *t, const struct paho_target *target)
{
    char port[8];
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    t->address_bytes = 0;
    if (paho_worker_proxied(t))
        return 0; /* the proxy's business */
    snprintf(port, sizeof(port), "%u", (unsigned)target->port);
    const int code = getaddrinfo(target->host, port, &hints, &list);
    if (code != 0)
        return code;
    remember(t, list);
    freeaddrinfo(list);
    return 0;
}

static int create(spoke_transport *t, const struct paho_target *target)
{
    char uri[SPOKE_MAX_HOST_BYTES + 32];
    MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer;
    const bool bare = strchr(target->host, ':') != NULL; /* an IPv6 address */
    snprintf(uri, sizeof(uri), "%s://%s%s%s:%u", paho_plain(t) ? "tcp" : "ssl", bare ? "[" : "", target->host,
             bare ? "]" : "", (unsigned)target->port);
    options.MQTTVersion = MQTTVERSION_3_1_1; /* else 3.1 is tried behind our back */
    options.sendWhileDisconnected = 0;
    options.maxBufferedMessages = (int)t->flight_count + 1;
    int code = MQTTAsync_createWithOptions(&t->handle, uri, target->client_id, MQTTCLIENT_PERSISTENCE_NONE, NULL,
                                           &options);
    if (code == MQTTASYNC_SUCCESS)
        code = MQTTAsync_setCallbacks(t->handle, t, paho_on_lost, paho_on_message, NULL);
    return code;
}

/* The chain and, apart from it, the name. The bundle that OpenSSL would add by itself stays out. */
static MQTTAsync_SSLOptions tls_options(spoke_transport *t, const struct paho_pem *pem)
{
    MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;
    const int check = (t->test_only & SPOKE_TEST_ONLY_DO_NOT_VERIFY_SERVER) == 0;
    tls.trustStore = pem->trust.path;
    tls.keyStore = pem->cert.path;
    tls.privateKey = pem->key.path;
    tls.enableServerCertAuth = check;
    tls.verify = check;
    tls.disableDefaultTrustStore = 1;
    tls.ssl_error_cb = paho_on_tls_error;
    tls.ssl_error_context = t;
    return tls;
}

/* paho pings after an interval without traffic and gives up one and a half intervals later, looking up once a second
 * (1.3.12; measured: 11 s with an interval of 4 s). With this interval that comes to 1.5 times what was asked for. */
static int ping_interval_s(uint16_t keep_alive_s)
{
    const int interval = (3 * (int)keep_alive_s - 4) / 5;
    if (keep_alive_s == 0)
        return 0;
    return interval > 1 ? interval : 1;
}

static int start(spoke_transport *t, const struct paho_target *target)
{
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
    MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
    MQTTAsync_SSLOptions tls = tls_options(t, target->pem);
    will.topicName = target->will_topic;
    will.payload.data = target->will_payload.ptr;
    will.payload.len = (int)target->will_payload.len;
    will.qos = target->will_qos;
    will.retained = target->will_retain;
    options.will = target->will_topic != NULL ? &will : NULL;
    options.ssl = paho_plain(t) ? NULL : &tls;
    options.MQTTVersion = MQTTVERSION_3_1_1;
    options.automaticReconnect = 0;
    options.retryInterval = 0;
    options.keepAliveInterval = ping_interval_s(target->keep_alive_s);
    options.cleansession = target->clean_session;
    options.maxInflight = (int)t->in_flight;
    options.connectTimeout = (int)(target->limit_ms / 1000u) + SLACK_S;
    options.username = target->username;
    options.binarypwd.data = target->password.len > 0 ? target->password.ptr : NULL;
    options.binarypwd.len = (int)target->password.len;
    options.onSuccess = paho_on_connected;
    options.onFailure = paho_on_connect_failed;
    options.context = t;
    return MQTTAsync_connect(t->handle, &options);
}

/* False: given up meanwhile. */
static bool go_live(spoke_transport *t)
{
    pthread_mutex_lock(&t->lock);
    t->live = !t->retire_due && !t->quit_due;
    t->tls_failed = t->certificate_failed = false;
    const bool live = t->live;
    pthread_mutex_unlock(&t->lock);
    return live;
}

/* --- the worker: each of these is entered and left with the lock held --- */

static void connect_now(spoke_transport *t)
{
    struct paho_target *target = &t->targets[t->target];
    t->taken = t->target;
    t->open_due = false;
    pthread_mutex_unlock(&t->lock);
    enum paho_loss loss = PAHO_LOSS_DNS;
    int code = resolve(t, target);
    if (code == 0) {
        loss = PAHO_LOSS_API;
        pthread_mutex_lock(&registry);
        code = create(t, target);
        if (code == MQTTASYNC_SUCCESS && go_live(t))
            code = start(t, target);
        pthread_mutex_unlock(&registry);
    }
    paho_target_wipe(target);
    pthread_mutex_lock(&t->lock);
    t->taken = 2;
    if (code != 0 && !t->retire_due)
        paho_lose(t, loss, code);
}

/* MQTTAsync_destroy ends whatever the handle is doing; no callback of it comes after. */
static void retire(spoke_transport *t)
{
    pthread_mutex_unlock(&t->lock);
    if (t->handle != NULL) {
        pthread_mutex_lock(&registry);
        MQTTAsync_destroy(&t->handle);
        pthread_mutex_unlock(&registry);
    }
    pthread_mutex_lock(&t->lock);
    paho_queue_clear(&t->commands);
    t->retire_due = t->release_due = t->leave_due = t->probe_due = false;
}

static bool reachable(const struct sockaddr_storage *address, socklen_t bytes)
{
    int failure = -1;
    socklen_t len = sizeof(failure);
    const int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
    const int begun = connect(fd, (const struct sockaddr *)address, bytes);
    if ((begun == 0 || errno == EINPROGRESS) && poll(&wait, 1, PROBE_MS) == 1)
        (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &len);
    close(fd);
    return failure == 0;
}

static void probe(spoke_transport *t)
{
    t->probe_due = false;
    pthread_mutex_unlock(&t->lock);
    const bool reached = reachable(&t->address, t->address_bytes);
    pthread_mutex_lock(&t->lock);
    if (!t->retire_due)
        paho_lose(t, reached ? PAHO_LOSS_NAME : PAHO_LOSS_TCP, t->connect_code);
}

/* Copied by paho before it returns. */
static int hand_over(spoke_transport *t, struct paho_command *command)
{
    char *topic = (char *)(command + 1);
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    if (command->kind == PAHO_SUBSCRIBE) {
        struct paho_request *request = &t->requests[command->index / PAHO_FILTERS];
        response.onSuccess = paho_on_subscribed;
        response.onFailure = paho_on_subscribe_failed;
        response.context = &request->filters[command->index % PAHO_FILTERS];
        return MQTTAsync_subscribe(t->handle, topic, command->qos, &response);
    }
    MQTTAsync_message message = MQTTAsync_message_initializer;
    response.onSuccess = paho_on_sent;
    response.onFailure = paho_on_send_failed;
    response.context = &t->flights[command->index];
    message.payload = topic + command->topic_bytes + 1;
    message.payloadlen = (int)command->payload_bytes;
    message.qos = command->qos;
    message.retained = command->retain;
    return MQTTAsync_sendMessage(t->handle, topic, &message, &response);
}

static void send_one(spoke_transport *t)
{
    struct paho_command *command = paho_queue_peek(&t->commands);
    pthread_mutex_unlock(&t->lock);
    const int code = hand_over(t, command);
    pthread_mutex_lock(&t->lock);
    paho_queue_pop(&t->commands);
    if (t->commands.count == 0)
        t->release_due = false;
    paho_feed(t);
    if (code != MQTTASYNC_SUCCESS && t->live)
        paho_lose(t, PAHO_LOSS_API, code);
}

/* paho's own wait for what is in flight looks up every 3 s (1.3.12); without any, a message half written is cut off. */
static void leave(spoke_transport *t)
{
    MQTTAsync_disconnectOptions options = MQTTAsync_disconnectOptions_initializer;
    if (t->unanswered > 0 && pthread_cond_timedwait(&t->work, &t->lock, &t->drain_until) != ETIMEDOUT)
        return; /* look again */
    t->leave_due = false;
    pthread_mutex_unlock(&t->lock);
    options.timeout = 0;
    options.onSuccess = paho_on_left;
    options.onFailure = paho_on_leave_failed;
    options.context = t;
    if (MQTTAsync_disconnect(t->handle, &options) != MQTTASYNC_SUCCESS)
        paho_say_left(t);
    pthread_mutex_lock(&t->lock);
}

static void *work(void *context)
{
    spoke_transport *t = context;
    pthread_mutex_lock(&t->lock);
    while (!t->quit_due) {
        if (t->retire_due)
            retire(t);
        else if (t->open_due)
            connect_now(t);
        else if (t->probe_due)
            probe(t);
        else if (t->live && t->release_due && t->commands.count > 0)
            send_one(t);
        else if (t->live && t->leave_due)
            leave(t);
        else
            pthread_cond_wait(&t->work, &t->lock);
    }
    retire(t);
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

/* The program's signals are for the program's threads; those that paho starts inherit the mask. */
spoke_status paho_worker_start(spoke_transport *t)
{
    sigset_t all, before;
    pthread_once(&first_use, set_up_paho);
    sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
        return SPOKE_E_PORT;
    t->working = pthread_create(&t->worker, NULL, work, t) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return t->working ? SPOKE_OK : SPOKE_E_PORT;
}

void paho_worker_stop(spoke_transport *t)
{
    if (!t->working)
        return;
    pthread_mutex_lock(&t->lock);
    t->live = false;
    t->quit_due = true;
    pthread_cond_signal(&t->work);
    pthread_mutex_unlock(&t->lock);
    pthread_join(t->worker, NULL);
    t->working = false;
}
