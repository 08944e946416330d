#include "orders.h"

#include <stdlib.h>
#include <string.h>

#include "core_internal.h"

/* The device hears the PUBACK first; else it would send the order again. */
#define LEAST_DELAY_MS 100u
#define LONGEST_S 3600u
#define MAX_ORDERS 1000u

enum order_kind { ORDER_KILL, ORDER_SHUT_DOWN, ORDER_THROTTLE, ORDER_QUOTA, ORDER_AUTH_ERROR };

struct order {
    struct order *next;
    char device_id[CONN_ID_CAP];
    enum order_kind kind;
    bool begun;
    uint64_t from, until;
};

static bool read_kind(const struct property_list *properties, enum order_kind *out)
{
    static const char *const names[] = {"KillTcp", "ShutDownMqtt", "InvokeThrottling", "InvokeMaxMessageQuota",
                                        "InvokeAuthError"};
    const char *name = properties_get(properties, "AzIoTHub_FaultOperationType");
    for (int i = 0; name != NULL && i < (int)(sizeof names / sizeof names[0]); i++)
        if (strcmp(names[i], name) == 0) {
            *out = (enum order_kind)i;
            return true;
        }
    return false;
}

static uint64_t read_ms(const struct property_list *properties, const char *name)
{
    uint32_t seconds = 0;
    const char *text = properties_get(properties, name);
    if (text == NULL || spoke_str_u32(spoke_str_of(text), &seconds) != SPOKE_OK)
        return 0;
    return (seconds < LONGEST_S ? seconds : LONGEST_S) * UINT64_C(1000);
}

static size_t count(const struct core *c)
{
    size_t n = 0;
    for (const struct order *o = c->orders; o != NULL; o = o->next)
        n++;
    return n;
}

void orders_take(struct conn *k, const struct property_list *properties)
{
    struct core *c = k->core;
    enum order_kind kind;
    if (!c->options.control || !read_kind(properties, &kind) || count(c) >= MAX_ORDERS)
        return;
    struct order *o = calloc(1, sizeof *o);
    if (o == NULL)
        return; /* no memory: a test waits for its fault in vain */
    const uint64_t delay = read_ms(properties, "AzIoTHub_FaultOperationDelayInSecs");
    memcpy(o->device_id, k->id, sizeof o->device_id);
    o->kind = kind;
    o->from = core_now_ms(c) + (delay > LEAST_DELAY_MS ? delay : LEAST_DELAY_MS);
    o->until = o->from + read_ms(properties, "AzIoTHub_FaultOperationDurationInSecs");
    o->next = c->orders;
    c->orders = o;
    core_due(c, o->from);
}

static bool lasts(const struct core *c, const char *device_id, enum order_kind kind)
{
    const uint64_t now = core_now_ms(c);
    for (const struct order *o = c->orders; o != NULL; o = o->next)
        if (o->kind == kind && now >= o->from && now < o->until && strcmp(o->device_id, device_id) == 0)
            return true;
    return false;
}

uint8_t orders_refusal(const struct core *c, const char *device_id)
{
    if (lasts(c, device_id, ORDER_THROTTLE))
        return 3;
    return lasts(c, device_id, ORDER_AUTH_ERROR) ? 5 : 0;
}

bool orders_quota(const struct core *c, const char *device_id)
{
    return lasts(c, device_id, ORDER_QUOTA);
}

/* --- time --- */

static uint64_t due(const struct order *o)
{
    return o->begun ? o->until : o->from;
}

uint64_t orders_deadline(const struct core *c)
{
    uint64_t at = UINT64_MAX;
    for (const struct order *o = c->orders; o != NULL; o = o->next)
        at = due(o) < at ? due(o) : at;
    return at;
}

static void begin(struct core *c, struct order *o)
{
    struct conn *k = hub_conn(c, o->device_id);
    o->begun = true;
    if (k == NULL)
        return;
    switch (o->kind) {
    case ORDER_KILL:
        conn_drop(k, NULL, "a message of the device ordered it: KillTcp", 0);
        break;
    case ORDER_SHUT_DOWN:
        conn_end(k, NULL, "a message of the device ordered it: ShutDownMqtt", 0);
        break;
    case ORDER_THROTTLE:
        conn_end(k, NULL, "a message of the device ordered it: InvokeThrottling", CODE_THROTTLED);
        break;
    case ORDER_AUTH_ERROR:
        conn_end(k, NULL, "a message of the device ordered it: InvokeAuthError", CODE_UNAUTHORIZED);
        break;
    case ORDER_QUOTA: /* the next message meets it */
        break;
    }
}

void orders_tick(struct core *c)
{
    const uint64_t now = core_now_ms(c);
    for (struct order **at = &c->orders; *at != NULL;) {
        struct order *o = *at;
        if (!o->begun && now >= o->from)
            begin(c, o);
        if (now >= o->until) {
            *at = o->next;
            free(o);
        } else {
            at = &o->next;
        }
    }
}

void orders_free(struct core *c)
{
    while (c->orders != NULL) {
        struct order *o = c->orders;
        c->orders = o->next;
        free(o);
    }
}
