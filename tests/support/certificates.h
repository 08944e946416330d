/* Devices of the bench that show certificates: chains as TLS hands them to the core. */
#ifndef SPOKE_TESTS_CERTIFICATES_H
#define SPOKE_TESTS_CERTIFICATES_H

#include "support/central_bench.h"
#include "support/test_ca.h"

struct shown {
    unsigned char der[16384];
    spoke_str chain;
};

/* A leaf of that name under the authority, and behind it what is above it, as PEM (NULL: nothing). */
static inline const spoke_str *shown_leaf(struct shown *out, struct test_ca *ca,
                                          const struct test_cert_options *options, const char *above)
{
    struct test_cert leaf;
    test_ca_issue(ca, options, &leaf);
    size_t len = test_cert_der(leaf.cert_pem, out->der, sizeof out->der);
    if (above != NULL)
        len += test_cert_der(above, out->der + len, sizeof out->der - len);
    out->chain = spoke_str_from((const char *)out->der, len);
    return &out->chain;
}

static inline const spoke_str *shown_as(struct shown *out, struct test_ca *ca, const char *name)
{
    return shown_leaf(out, ca, &(struct test_cert_options){.common_name = name}, NULL);
}

/* CONNECT to both services without a password. */
static inline uint8_t device_dps_with(struct device *d, struct bench *b, const char *id, const spoke_str *chain)
{
    char username[300];
    (void)snprintf(username, sizeof username, "%s/registrations/%s/api-version=2019-03-31", core_id_scope(b->core),
                   id);
    device_close(d);
    device_open(d, b, chain);
    device_connect_as(d, id, username, NULL, true, 240);
    return device_connack(d);
}

static inline uint8_t device_hub_with(struct device *d, struct bench *b, const char *id, const spoke_str *chain)
{
    char username[300];
    (void)snprintf(username, sizeof username, "%s/%s/?api-version=2021-04-12", core_hub_host(b->core), id);
    device_close(d);
    device_open(d, b, chain);
    device_connect_as(d, id, username, NULL, true, 240);
    return device_connack(d);
}

/* Registers with a certificate, without polls. The reply's body; its topic's status goes to *status. Free the tree. */
static inline cJSON *device_register_with(struct device *d, struct bench *b, const char *id,
                                          const spoke_str *chain, int *status)
{
    char body[200];
    bench_faults(b, "{\"dpsPolls\":0}");
    assert_int_equal(device_dps_with(d, b, id, chain), 0);
    device_subscribe_ok(d, "$dps/registrations/res/#", 1);
    (void)snprintf(body, sizeof body, "{\"registrationId\":\"%s\"}", id);
    device_publish(d, "$dps/registrations/PUT/iotdps-register/?$rid=1", body, 0);
    const spoke_mqtt_packet reply = device_expect(d, SPOKE_MQTT_PUBLISH);
    assert_true(reply.as.publish.topic.len > 27);
    *status = atoi(reply.as.publish.topic.ptr + strlen("$dps/registrations/res/"));
    cJSON *tree = cJSON_ParseWithLength(reply.as.publish.payload.ptr, reply.as.publish.payload.len);
    bench_faults(b, "{}");
    return tree;
}

#endif
