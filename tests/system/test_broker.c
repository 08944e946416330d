/* The plain broker with paho.mqtt.c, which many programs have: its own threads, sockets and session code. */
#include "support/support.h"

#ifdef SPOKE_HAVE_PAHO

#include <MQTTAsync.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <spoke/central/central.h>

enum { LIMIT_S = 20, KEPT = 2000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

/* One paho client and what it has heard. */
struct client {
    MQTTAsync handle;
    unsigned done, failed, lost, count;
    char payloads[KEPT][16];
    int qos[KEPT], retained[KEPT];
};

struct fixture {
    spoke_central *central;
    char folder[40], uri[64];
    struct client a, b;
};

/* --- waiting for paho's threads --- */

static void await(const unsigned *counter, unsigned wanted)
{
    struct timespec end;
    int result = 0;
    (void)clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += LIMIT_S;
    (void)pthread_mutex_lock(&lock);
    while (*counter < wanted && result == 0)
        result = pthread_cond_timedwait(&changed, &lock, &end);
    const unsigned seen = *counter;
    (void)pthread_mutex_unlock(&lock);
    if (seen < wanted)
        fail_msg("%u of %u came in %d s", seen, wanted, LIMIT_S);
}

static void tell(unsigned *counter)
{
    (void)pthread_mutex_lock(&lock);
    (*counter)++;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&lock);
}

static void on_success(void *context, MQTTAsync_successData *data)
{
    (void)data;
    tell(&((struct client *)context)->done);
}

static void on_failure(void *context, MQTTAsync_failureData *data)
{
    (void)data;
    tell(&((struct client *)context)->failed);
}

static void on_lost(void *context, char *cause)
{
    (void)cause;
    tell(&((struct client *)context)->lost);
}

static int on_message(void *context, char *topic, int topic_len, MQTTAsync_message *message)
{
    struct client *c = context;
    (void)topic_len;
    if (c->count < KEPT) {
        (void)snprintf(c->payloads[c->count], sizeof c->payloads[0], "%.*s", message->payloadlen,
                       (const char *)message->payload);
        c->qos[c->count] = message->qos;
        c->retained[c->count] = message->retained;
    }
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    tell(&c->count);
    return 1;
}

/* --- what a test does --- */

static MQTTAsync_responseOptions respond_to(struct client *c)
{
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    options.onSuccess = on_success;
    options.onFailure = on_failure;
    options.context = c;
    return options;
}

static void client_create(struct fixture *f, struct client *c, const char *id)
{
    MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer;
    options.MQTTVersion = MQTTVERSION_3_1_1;
    options.maxBufferedMessages = KEPT;
    memset(c, 0, sizeof *c);
    assert_int_equal(
        MQTTAsync_createWithOptions(&c->handle, f->uri, id, MQTTCLIENT_PERSISTENCE_NONE, NULL, &options), 0);
    assert_int_equal(MQTTAsync_setCallbacks(c->handle, c, on_lost, on_message, NULL), 0);
}

static void client_connect(struct client *c, bool clean, MQTTAsync_willOptions *will)
{
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
    options.MQTTVersion = MQTTVERSION_3_1_1;
    options.cleansession = clean;
    options.will = will;
    options.onSuccess = on_success;
    options.onFailure = on_failure;
    options.context = c;
    c->done = 0;
    assert_int_equal(MQTTAsync_connect(c->handle, &options), 0);
    await(&c->done, 1);
}

static void client_disconnect(struct client *c)
{
    MQTTAsync_disconnectOptions options = MQTTAsync_disconnectOptions_initializer;
    options.onSuccess = on_success;
    options.context = c;
    options.timeout = 2000;
    c->done = 0;
    assert_int_equal(MQTTAsync_disconnect(c->handle, &options), 0);
    await(&c->done, 1);
}

static void client_subscribe(struct client *c, const char *filter, int qos)
{
    MQTTAsync_responseOptions options = respond_to(c);
    c->done = 0;
    assert_int_equal(MQTTAsync_subscribe(c->handle, filter, qos, &options), 0);
    await(&c->done, 1);
}

static void client_publish(struct client *c, const char *topic, const char *payload, int qos, bool retained)
{
    MQTTAsync_responseOptions options = respond_to(c);
    c->done = 0;
    assert_int_equal(MQTTAsync_send(c->handle, topic, (int)strlen(payload), payload, qos, retained, &options), 0);
    await(&c->done, 1);
}

static void start(struct fixture *f)
{
    char why[200];
    const spoke_central_config config = SPOKE_CENTRAL_CONFIG(.data_dir = f->folder, .any_port = true,
                                                             .threaded = true, .plain_mqtt_address = "127.0.0.1");
    if (spoke_central_start(&config, &f->central, why, sizeof why) != SPOKE_OK)
        fail_msg("%s", why);
    const spoke_central_env *env = spoke_central_env_of(f->central);
    (void)snprintf(f->uri, sizeof f->uri, "tcp://%s:%u", env->plain_mqtt_host, (unsigned)env->plain_mqtt_port);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    (void)snprintf(f->folder, sizeof f->folder, "/tmp/spoke-paho-XXXXXX");
    if (mkdtemp(f->folder) == NULL)
        return -1;
    start(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[80];
    if (f->a.handle != NULL)
        MQTTAsync_destroy(&f->a.handle);
    if (f->b.handle != NULL)
        MQTTAsync_destroy(&f->b.handle);
    spoke_central_stop(f->central);
    (void)snprintf(command, sizeof command, "rm -r %s", f->folder);
    const int gone = system(command);
    free(f);
    return gone;
}

/* --- the tests --- */

static void messages_of_each_qos_come_back(void **state)
{
    struct fixture *f = *state;
    client_create(f, &f->a, "a");
    client_connect(&f->a, true, NULL);
    client_subscribe(&f->a, "t/#", 2);
    for (int qos = 0; qos <= 2; qos++) {
        client_publish(&f->a, "t/x", "hello", qos, false);
        await(&f->a.count, (unsigned)qos + 1);
        assert_string_equal(f->a.payloads[qos], "hello");
        assert_int_equal(f->a.qos[qos], qos);
    }
}

static void what_was_retained_and_what_waits_survives_a_restart(void **state)
{
    struct fixture *f = *state;
    char text[16];
    client_create(f, &f->a, "away");
    client_connect(&f->a, false, NULL);
    client_subscribe(&f->a, "q/#", 2);
    client_disconnect(&f->a);
    client_create(f, &f->b, "b");
    client_connect(&f->b, true, NULL);
    client_publish(&f->b, "r", "kept", 1, true);
    for (int i = 0; i < 100; i++) {
        (void)snprintf(text, sizeof text, "%d", i);
        client_publish(&f->b, "q/1", text, 2, false);
    }
    client_disconnect(&f->b);
    MQTTAsync_destroy(&f->a.handle);
    MQTTAsync_destroy(&f->b.handle);
    spoke_central_stop(f->central);
    start(f);
    client_create(f, &f->a, "away");
    client_connect(&f->a, false, NULL);
    await(&f->a.count, 100);
    for (int i = 0; i < 100; i++) {
        (void)snprintf(text, sizeof text, "%d", i);
        assert_string_equal(f->a.payloads[i], text);
    }
    client_subscribe(&f->a, "r", 1);
    await(&f->a.count, 101);
    assert_string_equal(f->a.payloads[100], "kept");
    assert_int_equal(f->a.retained[100], 1);
}

static void a_client_whose_id_is_taken_over_hears_of_it_and_leaves_its_will(void **state)
{
    struct fixture *f = *state;
    MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
    struct client *second = calloc(1, sizeof *second);
    will.topicName = "will";
    will.message = "gone";
    will.qos = 2;
    client_create(f, &f->b, "mourner");
    client_connect(&f->b, true, NULL);
    client_subscribe(&f->b, "will", 2);
    client_create(f, &f->a, "same");
    client_connect(&f->a, true, &will);
    client_create(f, second, "same");
    client_connect(second, true, NULL);
    await(&f->a.lost, 1);
    await(&f->b.count, 1);
    assert_string_equal(f->b.payloads[0], "gone");
    client_disconnect(second);
    MQTTAsync_destroy(&second->handle);
    free(second);
}

static void two_thousand_messages_of_qos_2_arrive_once_and_in_order(void **state)
{
    struct fixture *f = *state;
    char text[16];
    MQTTAsync_responseOptions options = respond_to(&f->b);
    client_create(f, &f->a, "a");
    client_connect(&f->a, true, NULL);
    client_subscribe(&f->a, "n", 2);
    client_create(f, &f->b, "b");
    client_connect(&f->b, true, NULL);
    f->b.done = 0;
    for (int i = 0; i < KEPT; i++) {
        (void)snprintf(text, sizeof text, "%d", i);
        assert_int_equal(MQTTAsync_send(f->b.handle, "n", (int)strlen(text), text, 2, 0, &options), 0);
    }
    await(&f->b.done, KEPT);
    await(&f->a.count, KEPT);
    for (int i = 0; i < KEPT; i++) {
        (void)snprintf(text, sizeof text, "%d", i);
        assert_string_equal(f->a.payloads[i], text);
    }
    assert_int_equal(f->a.count, KEPT);
}

static void the_refused_filter_fails_and_leaves_the_connection(void **state)
{
    struct fixture *f = *state;
    MQTTAsync_responseOptions options = respond_to(&f->a);
    client_create(f, &f->a, "a");
    client_connect(&f->a, true, NULL);
    assert_int_equal(MQTTAsync_subscribe(f->a.handle, "test/nosubscribe", 2, &options), 0);
    await(&f->a.failed, 1);
    client_publish(&f->a, "t", "still here", 1, false);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(messages_of_each_qos_come_back),
        TEST(what_was_retained_and_what_waits_survives_a_restart),
        TEST(a_client_whose_id_is_taken_over_hears_of_it_and_leaves_its_will),
        TEST(two_thousand_messages_of_qos_2_arrive_once_and_in_order),
        TEST(the_refused_filter_fails_and_leaves_the_connection),
    };
    const unsigned threads = test_threads();
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_await_threads(threads);
    return failed;
}

#else

int main(void)
{
    return 0; /* paho.mqtt.c is not here */
}

#endif
