#include "machine.h"

#include <string.h>

#include "base/log.h"
#include "model/lookup.h"

/* The device template as a contract: what the program says and what the service asks for are held to it here. */

static bool strict(const spoke_client *c)
{
    return c->config.checks == SPOKE_CHECKS_STRICT;
}

bool contract_checks(const spoke_client *c)
{
    return c->config.model != NULL && c->config.checks != SPOKE_CHECKS_OFF;
}

/* --- finding --- */

static bool handler_is_for(const spoke_handler *h, spoke_str component, spoke_str name)
{
    return name_order(h->name, name) == 0 && name_order(h->component, component) == 0;
}

static bool has_escape(spoke_str raw)
{
    return raw.len > 0 && memchr(raw.ptr, '\\', raw.len) != NULL;
}

/* The first handler of that component and name, by binary search. */
static size_t lower_bound(const spoke_client *c, spoke_str component, spoke_str name)
{
    size_t low = 0, high = c->config.handler_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const spoke_handler *h = &c->config.handlers[middle];
        const int order = name_order(h->component, component);
        if (order < 0 || (order == 0 && name_order(h->name, name) < 0))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t handler_find(const spoke_client *c, spoke_str component, spoke_str name, bool command)
{
    const bool escaped = !command && (has_escape(component) || has_escape(name));
    const bool search = c->handlers_sorted && !escaped;
    for (size_t i = search ? lower_bound(c, component, name) : 0; i < c->config.handler_count; i++) {
        const spoke_handler *h = &c->config.handlers[i];
        const bool same = escaped ? spoke_json_key_is(name, spoke_str_of(h->name)) &&
                                        spoke_json_key_is(component, spoke_str_of(h->component))
                                  : handler_is_for(h, component, name);
        if (same && (h->command != NULL) == command)
            return i;
        if (search && !same)
            break;
    }
    return NO_HANDLER;
}

enum handler_state handler_state_get(const spoke_client *c, size_t handler)
{
    unsigned digits = c->handler_states[handler / HANDLERS_PER_BYTE];
    for (size_t i = handler % HANDLERS_PER_BYTE; i > 0; i--)
        digits /= 3;
    return (enum handler_state)(digits % 3);
}

void handler_state_put(spoke_client *c, size_t handler, enum handler_state state)
{
    unsigned weight = 1;
    for (size_t i = handler % HANDLERS_PER_BYTE; i > 0; i--)
        weight *= 3;
    uint8_t *digits = &c->handler_states[handler / HANDLERS_PER_BYTE];
    *digits = (uint8_t)(*digits + weight * (unsigned)state - weight * (unsigned)handler_state_get(c, handler));
}

/* --- the template --- */

const spoke_member *contract_property(const spoke_client *c, spoke_str raw_component, spoke_str raw_name)
{
    const spoke_member *m = model_member_raw(c->config.model, raw_component, raw_name);
    return m != NULL && m->member == SPOKE_PROPERTY ? m : NULL;
}

bool contract_has_component(const spoke_client *c, spoke_str raw_name)
{
    return model_component_raw(c->config.model, raw_name) != NULL;
}

/* --- misfits --- */

static void remember(spoke_client *c, const spoke_fault *fault)
{
    if (c->state == SPOKE_FAILED)
        return; /* the reason for that stands: poll answers with it */
    c->fault = *fault;
    c->error = client_fault(SPOKE_E_MODEL, SPOKE_SOURCE_MODEL, 0,
                            "the device template does not allow this: spoke_client_explain names the place");
}

static void log_misfit(const spoke_client *c, const spoke_fault *fault, const char *outcome)
{
    char text[SENTENCE_BYTES];
    log_line(&c->platform, SPOKE_LOG_WARN, "client", "%s: %s", outcome,
             spoke_fault_text(fault, text, sizeof text));
}

/* Of something that the program wants to send. Called without the lock. */
static spoke_status outgoing_misfit(spoke_client *c, const spoke_fault *fault)
{
    log_misfit(c, fault, strict(c) ? "refused" : "sent all the same");
    if (!strict(c))
        return SPOKE_OK;
    lock_client(c);
    remember(c, fault);
    unlock_client(c);
    return SPOKE_E_MODEL;
}

bool contract_misfit(spoke_client *c, const spoke_fault *fault)
{
    log_misfit(c, fault, strict(c) ? "refused" : "taken all the same");
    if (strict(c))
        remember(c, fault);
    return strict(c);
}

/* --- what the program says --- */

spoke_status contract_fields(spoke_client *c, spoke_member_kind kind, const char *component,
                             const spoke_field *fields, size_t count)
{
    spoke_fault fault;
    spoke_status status = SPOKE_OK;
    if (!contract_checks(c))
        return SPOKE_OK;
    for (size_t i = 0; i < count && status == SPOKE_OK; i++)
        if (spoke_member_check(c->config.model, kind, spoke_str_of(component), &fields[i], &fault) != SPOKE_OK)
            status = outgoing_misfit(c, &fault);
    return status;
}

spoke_status contract_body(spoke_client *c, const char *component, spoke_str json)
{
    spoke_fault fault;
    if (!contract_checks(c) ||
        spoke_telemetry_check(c->config.model, spoke_str_of(component), json, &fault) == SPOKE_OK)
        return SPOKE_OK;
    return outgoing_misfit(c, &fault);
}
