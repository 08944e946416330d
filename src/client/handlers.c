#include "machine.h"

#include <string.h>

#include "model/lookup.h"

/* The program's handlers: finding one, and how its property stands with the service. */

bool handlers_sorted(const spoke_config *c)
{
    for (size_t i = 1; i < c->handler_count; i++) {
        const spoke_handler *a = &c->handlers[i - 1], *b = &c->handlers[i];
        const int order = name_order(a->component, spoke_str_of(b->component));
        if (order > 0 || (order == 0 && name_order(a->name, spoke_str_of(b->name)) > 0))
            return false;
    }
    return true;
}

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
