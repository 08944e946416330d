#include "machine.h"

#include <string.h>

#include "model/lookup.h"

/* The program's handlers: finding one, and how its property stands with the service. */

/* Names of properties as they stand in JSON, of commands as they are. */
static bool is_for(const spoke_handler *h, spoke_str component, spoke_str name, bool raw)
{
    const spoke_str own = spoke_str_of(h->name), at = spoke_str_of(h->component);
    return raw ? spoke_json_key_is(name, own) && spoke_json_key_is(component, at)
               : spoke_str_equal(name, own) && spoke_str_equal(component, at);
}

/* Handlers of the table, where one is looked for. */
struct span {
    size_t from, to;
};

#if SPOKE_WITH_SEARCH

/* Component first, then name. */
static int order(const spoke_handler *h, spoke_str component, spoke_str name)
{
    const int by_component = name_order(h->component, component);
    return by_component != 0 ? by_component : name_order(h->name, name);
}

bool handlers_sorted(const spoke_config *c)
{
    for (size_t i = 1; i < c->handler_count; i++) {
        const spoke_handler *h = &c->handlers[i];
        if (order(h - 1, spoke_str_of(h->component), spoke_str_of(h->name)) > 0)
            return false;
    }
    return true;
}

static bool has_escape(spoke_str raw)
{
    return raw.len > 0 && memchr(raw.ptr, '\\', raw.len) != NULL;
}

/* Those of that component and name, by binary search where the order tells: a property and a command at most. */
static struct span possible(const spoke_client *c, spoke_str component, spoke_str name, bool raw)
{
    const size_t count = c->config.handler_count;
    size_t low = 0, high = count;
    if (!c->handlers_sorted || (raw && (has_escape(component) || has_escape(name))))
        return (struct span){0, count};
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (order(&c->config.handlers[middle], component, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return (struct span){low, count - low < 2 ? count : low + 2};
}

#else

bool handlers_sorted(const spoke_config *c)
{
    (void)c;
    return false;
}

static struct span possible(const spoke_client *c, spoke_str component, spoke_str name, bool raw)
{
    (void)component, (void)name, (void)raw;
    return (struct span){0, c->config.handler_count};
}

#endif

size_t handler_find(const spoke_client *c, spoke_str component, spoke_str name, bool command)
{
    const struct span among = possible(c, component, name, !command);
    for (size_t i = among.from; i < among.to; i++) {
        const spoke_handler *h = &c->config.handlers[i];
        if ((h->command != NULL) == command && is_for(h, component, name, !command))
            return i;
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
