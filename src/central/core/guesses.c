#include "guesses.h"

#include <string.h>

static bool is_of(const struct guesser *guesser, spoke_str address)
{
    return guesser->len == address.len && memcmp(guesser->address, address.ptr, address.len) == 0;
}

/* Its place, or that of the one that was quiet longest. */
static struct guesser *guesser_of(struct guesses *g, spoke_str address)
{
    struct guesser *quiet = &g->of[0];
    for (size_t i = 0; i < GUESSES_ADDRESSES; i++) {
        if (is_of(&g->of[i], address))
            return &g->of[i];
        if (g->of[i].spent_ms < quiet->spent_ms)
            quiet = &g->of[i];
    }
    *quiet = (struct guesser){.len = address.len};
    memcpy(quiet->address, address.ptr, address.len);
    return quiet;
}

static uint64_t wait_ms(uint64_t spent_ms, uint32_t cost_ms, uint32_t burst_ms, uint64_t now_ms)
{
    const uint64_t then_ms = (spent_ms > now_ms ? spent_ms : now_ms) + cost_ms;
    return then_ms > now_ms + burst_ms ? then_ms - now_ms - burst_ms : 0;
}

static bool counts(spoke_str address)
{
    return address.len > 0 && address.len <= GUESSES_ADDRESS_BYTES;
}

uint64_t guesses_wait_ms(const struct guesses *g, spoke_str address, uint32_t cost_ms, uint64_t now_ms)
{
    uint64_t own_ms = 0, all_ms = 0;
    if (!counts(address))
        return 0;
    for (size_t i = 0; i < GUESSES_ADDRESSES && own_ms == 0; i++)
        if (is_of(&g->of[i], address))
            own_ms = wait_ms(g->of[i].spent_ms, cost_ms, g->burst_ms, now_ms);
    if (g->share != 0)
        all_ms = wait_ms(g->all_spent_ms, cost_ms / g->share, g->burst_ms, now_ms);
    return own_ms > all_ms ? own_ms : all_ms;
}

static void spend(uint64_t *spent_ms, uint32_t cost_ms, uint64_t now_ms)
{
    *spent_ms = (*spent_ms > now_ms ? *spent_ms : now_ms) + cost_ms;
}

void guesses_charge(struct guesses *g, spoke_str address, uint32_t cost_ms, uint64_t now_ms)
{
    if (!counts(address))
        return;
    spend(&guesser_of(g, address)->spent_ms, cost_ms, now_ms);
    if (g->share != 0)
        spend(&g->all_spent_ms, cost_ms / g->share, now_ms);
}
