#include "machine.h"

#include <string.h>

#include "base/log.h"
#include "model/lookup.h"

#if SPOKE_WITH_CHECKS

/* The device template as a contract: what the program says and what the service asks for are held to it here. */

static bool strict(const spoke_client *c)
{
    return c->config.checks == SPOKE_CHECKS_STRICT;
}

bool contract_checks(const spoke_client *c)
{
    return c->config.model != NULL && c->config.checks != SPOKE_CHECKS_OFF;
}

/* --- the template --- */

const spoke_member *contract_command(const spoke_client *c, spoke_str component, spoke_str name)
{
    return spoke_model_find(c->config.model, SPOKE_COMMAND, component, name);
}

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

#endif
