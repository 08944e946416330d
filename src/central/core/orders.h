/* Faults that a message orders for its own device, by the properties of Azure's fault tests:
 * AzIoTHub_FaultOperationType, and AzIoTHub_FaultOperationDelayInSecs and ..DurationInSecs. Only with the control
 * area. */
#ifndef SPOKE_SRC_CENTRAL_ORDERS_H
#define SPOKE_SRC_CENTRAL_ORDERS_H

#include "conn.h"
#include "properties.h"

struct order;

/* Looks into the application properties of a message that was kept. */
void orders_take(struct conn *k, const struct property_list *properties);
/* The CONNACK code to refuse the device with, 0: none. */
uint8_t orders_refusal(const struct core *c, const char *device_id);
/* Is the device's quota used up? */
bool orders_quota(const struct core *c, const char *device_id);
uint64_t orders_deadline(const struct core *c);
void orders_tick(struct core *c);
void orders_free(struct core *c);

#endif
