/* The cloud as a test double: spoke-central without sockets, on a clock that only moves when a device waits. For unit
 * tests of your own firmware, with any test framework; an hour of the device's life takes milliseconds.
 *
 *     spoke_fake *cloud = NULL;
 *     status = spoke_fake_start(NULL, &cloud);
 *     const spoke_config config = SPOKE_CONFIG(SPOKE_FAKE_DEVICE(cloud, "d1"), .handlers = ...);
 *     ... create and open the client, and tell the fake how it is polled:
 *     spoke_fake_drive(cloud, poll_once, client);
 *     status = spoke_fake_wait(cloud, "d1", "telemetry", 60000, &body);
 *     ... destroy the client, then
 *     spoke_fake_stop(cloud);
 *
 * samples/testing/ has a whole test. One thread. Text that a function gives is valid until the next call on the same
 * fake, unless said. */
#ifndef SPOKE_CENTRAL_FAKE_H
#define SPOKE_CENTRAL_FAKE_H

#include <spoke/central/central.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct spoke_fake spoke_fake;

/* config NULL: the defaults; of yours its clock, sockets, thread, folder and control area are set by the fake.
 * E_ARG, E_NO_MEMORY; the reason is logged as the configuration says. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_fake_start(const spoke_central_config *config, spoke_fake **out);
/* After the clients that use its platform are destroyed. NULL is fine. */
SPOKE_API void spoke_fake_stop(spoke_fake *fake);
/* The service itself, for spoke_central_request. The fake's, valid until stop. */
SPOKE_API spoke_central *spoke_fake_central(spoke_fake *fake);

/* --- the device's side --- */

/* Clock, network, records that survive a new client, random bytes that are the same in each run (so nothing for a
 * product), no log. Every host name leads to the fake. Valid until stop. */
SPOKE_API const spoke_platform *spoke_fake_platform(spoke_fake *fake);
SPOKE_API const char *spoke_fake_id_scope(const spoke_fake *fake); /* valid until stop */
/* Makes the device known, and gives its key in base64, valid until stop. NULL: spoke_fake_why says why. */
SPOKE_API const char *spoke_fake_enrol(spoke_fake *fake, const char *device_id);
/* The members of a spoke_config that connect a device's client to the fake; enrols it. */
#define SPOKE_FAKE_DEVICE(fake, device_id) \
    .provisioning_host = "cloud", .id_scope = spoke_fake_id_scope(fake), .registration_id = (device_id), \
    .credential.primary = spoke_fake_enrol(fake, device_id), .platform = spoke_fake_platform(fake), \
    .test_only = SPOKE_TEST_ONLY_PLAINTEXT
/* Who works while the fake waits: polls the device's client once, for 100 ms or so. NULL: nobody. */
typedef void (*spoke_fake_poll_fn)(void *ctx);
SPOKE_API void spoke_fake_drive(spoke_fake *fake, spoke_fake_poll_fn poll, void *ctx);

/* --- time and network --- */

/* Of the fake's monotonic clock, which its platform shows the device, too. */
SPOKE_API uint64_t spoke_fake_now_ms(const spoke_fake *fake);
/* Lets time pass, with the device at work. */
SPOKE_API void spoke_fake_pass(spoke_fake *fake, uint32_t ms);
/* False: connections break and none comes about, until true. */
SPOKE_API void spoke_fake_network(spoke_fake *fake, bool up);
/* Takes the network away for so long, with the device at work. */
SPOKE_API void spoke_fake_outage(spoke_fake *fake, uint32_t ms);

/* --- the cloud's side --- */

/* Waits for the next event of that kind from the device that was not given before: "telemetry", "connected",
 * "disconnected", "provisioned", "devicePropertyReportedChange", "commandAnswered" and the others of docs/central_api.md,
 * or a source such as "properties". *body, when asked for: telemetry as the device sent it, of others the event's
 * "body" as JSON, "" when it has none (telemetry that is not JSON: as a JSON string). E_TIMEOUT: none came within
 * limit_ms of the fake's clock; E_ARG: no such kind, or no id. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_fake_wait(spoke_fake *fake, const char *device_id, const char *kind,
                                                        uint32_t limit_ms, const char **body);
/* Waits for so many, which are given then. E_TIMEOUT: fewer came. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_fake_skip(spoke_fake *fake, const char *device_id, const char *kind,
                                                        size_t count, uint32_t limit_ms);
/* Everything that the device sent so far, as a JSON array: body, properties, qos and more of each message. NULL:
 * spoke_fake_why. */
SPOKE_API const char *spoke_fake_messages(spoke_fake *fake, const char *device_id);
/* Desired properties as a JSON object, in the shape of the REST API: {"target":21.5}. E_HUB: refused; E_ARG: no id. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_fake_desire(spoke_fake *fake, const char *device_id,
                                                          const char *patch);
/* Calls a command ("name", or "component*name") and lets the device work until it has answered. `request` is JSON, NULL
 * for none. *code and *response (JSON, "" when there is none) are the device's. E_TIMEOUT: it did not answer, or is
 * not connected; E_HUB: refused, as for a device that there is not; E_ARG: no id or name. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_fake_command(spoke_fake *fake, const char *device_id,
                                                           const char *name, const char *request, int *code,
                                                           const char **response);
/* Arms faults in place of those armed before: {"dropPuback":{"count":1}}; docs/central_testing.md has the list. E_ARG: it
 * is none of those, and nothing changes. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_fake_fault(spoke_fake *fake, const char *faults);
/* Any route of the REST API and the control area, with the device at work meanwhile. The HTTP status, 0: no memory.
 * *answer may be NULL. */
SPOKE_API int spoke_fake_request(spoke_fake *fake, const char *method, const char *target, const char *body,
                                 const char **answer);
/* What the last call that failed was told: a sentence, "" when none has. */
SPOKE_API const char *spoke_fake_why(const spoke_fake *fake);

#ifdef __cplusplus
}
#endif
#endif
