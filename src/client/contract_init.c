#include "machine.h"

#include "base/log.h"
#include "model/lookup.h"

#if SPOKE_WITH_CHECKS

/* Handlers and template belong together: looked at before there is a client. */

static bool has_handler(const spoke_config *c, const spoke_member *m)
{
    for (size_t i = 0; i < c->handler_count; i++) {
        const spoke_handler *h = &c->handlers[i];
        if ((h->command != NULL) == (m->member == SPOKE_COMMAND) &&
            name_order(h->name, spoke_str_of(m->name)) == 0 &&
            name_order(h->component, spoke_str_of(m->component)) == 0)
            return true;
    }
    return false;
}

static const char *handler_trouble(const spoke_config *c, const spoke_handler *h)
{
    const spoke_member *m = spoke_model_member(c->model, spoke_str_of(h->component), spoke_str_of(h->name));
    if (h->command != NULL && diagnostics_answers(c, spoke_str_of(h->component), spoke_str_of(h->name)))
        return "the client itself answers this command: leave its handler out";
    if (m == NULL)
        return "a handler is given for it, and the template does not have it";
    if (h->command != NULL)
        return m->member == SPOKE_COMMAND ? NULL : "a command handler is given for it, and it is no command";
    return m->member == SPOKE_PROPERTY && (m->flags & SPOKE_WRITABLE) != 0
               ? NULL
               : "a property handler is given for it, and it is no writable property";
}

static const char *member_trouble(const spoke_config *c, const spoke_member *m)
{
    const bool asked = m->member == SPOKE_COMMAND || (m->flags & SPOKE_WRITABLE) != 0;
    const bool own = diagnostics_answers(c, spoke_str_of(m->component), spoke_str_of(m->name));
    if (!asked || own || c->answer_unhandled || has_handler(c, m))
        return NULL;
    return m->member == SPOKE_COMMAND
               ? "the template's command has no handler: add one, or set answer_unhandled"
               : "the template's writable property has no handler: add one, or set answer_unhandled";
}

/* Says it in the log (warn), or as the reason of a refusal, which names the culprit where there is room for it. */
static spoke_status tell(const spoke_config *c, const char *component, const char *name, const char *trouble,
                         spoke_buf *room, spoke_error *why)
{
    const bool root = component == NULL || component[0] == '\0';
    if (c->checks == SPOKE_CHECKS_WARN) {
        if (room != NULL)
            log_line(c->platform, SPOKE_LOG_WARN, "client", "'%s%s%s': %s", root ? "" : component, root ? "" : "*",
                     name, trouble);
        return SPOKE_OK;
    }
    *why = client_fault(SPOKE_E_ARG, SPOKE_SOURCE_MODEL, 0, trouble);
    if (!SPOKE_WITH_SENTENCES || room == NULL || room->cap < 32)
        return SPOKE_E_ARG;
    const char *const parts[] = {"'", root ? "" : component, root ? "" : "*", name, "': ", trouble};
    why->text = config_sentence(room, parts, sizeof parts / sizeof parts[0]);
    return SPOKE_E_ARG;
}

spoke_status contract_check(const spoke_config *c, spoke_buf *room, spoke_error *why)
{
    spoke_status status = SPOKE_OK;
    if (c->model == NULL)
        return SPOKE_OK;
    if (!spoke_model_valid(c->model)) {
        *why = client_fault(SPOKE_E_ARG, SPOKE_SOURCE_MODEL, 0,
                            "model: its members are not sorted by component and name, or lack something: let "
                            "spoke-model write the table");
        return SPOKE_E_ARG;
    }
    if (c->checks == SPOKE_CHECKS_OFF)
        return SPOKE_OK;
    for (size_t i = 0; i < c->handler_count && status == SPOKE_OK; i++) {
        const char *trouble = handler_trouble(c, &c->handlers[i]);
        if (trouble != NULL)
            status = tell(c, c->handlers[i].component, c->handlers[i].name, trouble, room, why);
    }
    for (size_t i = 0; i < c->model->member_count && status == SPOKE_OK; i++) {
        const spoke_member *m = &c->model->members[i];
        const char *trouble = member_trouble(c, m);
        if (trouble != NULL)
            status = tell(c, m->component, m->name, trouble, room, why);
    }
    const char *missing = NULL;
    const char *trouble = status == SPOKE_OK ? diagnostics_trouble(c, &missing) : NULL;
    if (trouble != NULL)
        status = tell(c, c->diagnostics, missing, trouble, room, why);
    return status;
}

#endif
