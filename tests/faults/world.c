#include "world.h"

#include <stdio.h>
#include <string.h>

/* The sim's link stands in front; this behind it. */
struct world_link {
    bool open;
    bool deaf_up, deaf_down; /* swallows until it is closed: a stream with a hole would be another fault */
};

/* Whatever the sim's link is, it is no larger. */
#define LINK_OFFSET 64u

static struct world_link *beside(void *link)
{
    return (struct world_link *)(void *)((uint8_t *)link + LINK_OFFSET);
}

static struct world *world_of(void *ctx)
{
    return (struct world *)ctx; /* `sim` is its first member */
}

/* --- links --- */

static spoke_status link_init(void *ctx, void *link)
{
    struct world *w = world_of(ctx);
    memset(beside(link), 0, sizeof(struct world_link));
    w->link = beside(link);
    return w->below.init(ctx, link);
}

static void link_fini(void *ctx, void *link)
{
    struct world *w = world_of(ctx);
    if (w->link == beside(link))
        w->link = NULL;
    w->below.fini(ctx, link);
}

static spoke_status link_open(void *ctx, void *link, const char *host, uint16_t port)
{
    struct world *w = world_of(ctx);
    const bool swallow = w->sim.now < w->blackhole_until;
    *beside(link) = (struct world_link){.open = true, .deaf_up = swallow, .deaf_down = swallow};
    w->link = beside(link);
    w->sim.unreachable = w->sim.now < w->unreachable_until;
    w->sim.no_dns = w->sim.now < w->no_dns_until;
    return w->below.open(ctx, link, host, port);
}

static void link_close(void *ctx, void *link)
{
    beside(link)->open = false;
    world_of(ctx)->below.close(ctx, link);
}

static bool stalled(const struct world *w)
{
    return w->sim.now < w->stall_until;
}

static spoke_status link_step(void *ctx, void *link)
{
    struct world *w = world_of(ctx);
    return stalled(w) ? SPOKE_E_AGAIN : w->below.step(ctx, link);
}

static spoke_status link_read(void *ctx, void *link, uint8_t *out, size_t cap, size_t *count)
{
    struct world *w = world_of(ctx);
    struct world_link *l = beside(link);
    if (stalled(w))
        return SPOKE_E_AGAIN;
    if (!l->deaf_down)
        return w->below.read(ctx, link, out, cap, count);
    w->sim.silent = true;
    uint8_t swallowed[512];
    spoke_status status = w->below.read(ctx, link, swallowed, sizeof swallowed, count);
    w->sim.silent = false;
    return status == SPOKE_E_NET ? SPOKE_E_AGAIN : status; /* even its end is not heard */
}

static spoke_status link_write(void *ctx, void *link, const uint8_t *bytes, size_t len, size_t *count)
{
    struct world *w = world_of(ctx);
    struct world_link *l = beside(link);
    if (stalled(w))
        return SPOKE_E_AGAIN;
    if (!l->deaf_up)
        return w->below.write(ctx, link, bytes, len, count);
    *count = len;
    return SPOKE_OK;
}

/* A wait that looks away from the link while it is stalled or deaf, and ends with the stall. */
static void link_wait(void *ctx, void *link, unsigned want, uint32_t limit_ms)
{
    struct world *w = world_of(ctx);
    const bool blind = stalled(w) || beside(link)->deaf_down;
    if (stalled(w)) {
        want &= ~(unsigned)SPOKE_WANT_WRITE;
        if (limit_ms > w->stall_until - w->sim.now)
            limit_ms = (uint32_t)(w->stall_until - w->sim.now);
    }
    w->sim.silent = blind;
    w->below.wait(ctx, link, want, limit_ms);
    w->sim.silent = false;
}

static void take_over_links(struct world *w)
{
    w->below = w->sim.net;
    w->sim.net.link_bytes = LINK_OFFSET + sizeof(struct world_link);
    w->sim.net.init = link_init;
    w->sim.net.fini = link_fini;
    w->sim.net.open = link_open;
    w->sim.net.step = link_step;
    w->sim.net.read = link_read;
    w->sim.net.write = link_write;
    w->sim.net.wait = link_wait;
    w->sim.net.close = link_close;
}

void world_half_open(struct world *w, bool up, bool down)
{
    if (w->link == NULL || !w->link->open)
        return;
    w->link->deaf_up = w->link->deaf_up || up;
    w->link->deaf_down = w->link->deaf_down || down;
}

static void *sim_link_of(struct world_link *l)
{
    return (uint8_t *)l - LINK_OFFSET;
}

void world_cut_now(struct world *w)
{
    if (w->link != NULL)
        w->below.close(&w->sim, sim_link_of(w->link));
}

/* --- machine --- */

static spoke_status device_time(void *ctx, int64_t *out)
{
    const struct world *w = world_of(ctx);
    if (w->sim.clock_unset)
        return SPOKE_E_CLOCK;
    *out = (w->sim.unix_ms + (int64_t)w->sim.now) / 1000 + w->skew_s;
    return SPOKE_OK;
}

static void seek_time(void *ctx)
{
    world_of(ctx)->time_asked++;
}

static spoke_status load_record(void *ctx, const char *key, spoke_buf *out)
{
    const struct sim *s = ctx;
    const char *text = sim_record(s, key);
    return text[0] != '\0' ? spoke_buf_append(out, spoke_str_of(text)) : SPOKE_E_NOT_FOUND;
}

/* Records are replaced atomically, so a power cut leaves the old one or the new one. */
static spoke_status store_record(void *ctx, const char *key, spoke_str value)
{
    struct world *w = world_of(ctx);
    char text[4096];
    if (!world_is_dark(w) && w->records_left == 0)
        w->no_power = true;
    if (world_is_dark(w) || value.len >= sizeof text)
        return SPOKE_E_PORT;
    if (w->records_left != WORLD_NEVER)
        w->records_left--;
    snprintf(text, sizeof text, "%.*s", (int)value.len, value.len > 0 ? value.ptr : "");
    sim_record_set(&w->sim, key, text);
    return SPOKE_OK;
}

void world_add_flash(struct world *w, uint32_t block_bytes, uint32_t block_count, uint32_t program_bytes)
{
    flash_sim_init(&w->flash, block_bytes, block_count, program_bytes, w->sim.seed);
}

bool world_is_dark(const struct world *w)
{
    return w->no_power || w->flash.off;
}

void world_power_on(struct world *w)
{
    w->no_power = false;
    w->records_left = WORLD_NEVER;
    if (w->flash.storage.block_count > 0)
        flash_sim_power_on(&w->flash);
}

/* --- service --- */

#define GROUP_KEY \
    "c3Bva2Ugc3Bva2Ugc3Bva2Ugc3Bva2Ugc3Bva2Ugc3Bva2U=" /* fixed: a seed gives the same bytes each time */

static int64_t service_time(void *ctx)
{
    const struct sim *s = ctx;
    return s->unix_ms + (int64_t)s->now;
}

static spoke_central_config service_config(struct world *w)
{
    const spoke_central_config config =
        SPOKE_CENTRAL_CONFIG(.no_listen = true, .control = true, .group_key = GROUP_KEY, .id_scope = WORLD_SCOPE,
                             .data_dir = w->data_dir, .relaxed_durability = true, .ephemeral = w->data_dir == NULL,
                             .monotonic_ms = w->sim.platform.monotonic_ms, .unix_ms = service_time,
                             .clock_ctx = w);
    return config;
}

static void start_service(struct world *w)
{
    char why[200] = "";
    const spoke_central_config config = service_config(w);
    if (spoke_central_start(&config, &w->sim.central, why, sizeof why) != SPOKE_OK)
        fail_msg("the service did not start: %s", why);
}

void world_start(struct world *w, const char *data_dir, uint64_t seed)
{
    memset(w, 0, sizeof *w);
    sim_prepare(&w->sim);
    w->sim.seed = (uint32_t)(seed * 2654435761u) | 1;
    w->data_dir = data_dir;
    w->records_left = WORLD_NEVER;
    start_service(w);
    spoke_buf key = spoke_buf_from(w->sim.key, sizeof w->sim.key - 1);
    assert_ok(spoke_central_device_key(w->sim.central, SIM_DEVICE, &key));
    w->sim.platform.unix_seconds = device_time;
    w->sim.platform.seek_time = seek_time;
    w->sim.platform.load = load_record;
    w->sim.platform.store = store_record;
    take_over_links(w);
    assert_true(w->below.link_bytes <= LINK_OFFSET);
}

void world_stop(struct world *w)
{
    sim_stop(&w->sim);
    if (w->flash.storage.block_count > 0)
        flash_sim_fini(&w->flash);
}

void world_restart_service(struct world *w, uint64_t away_ms)
{
    world_cut_now(w);
    spoke_central_stop(w->sim.central);
    start_service(w);
    w->unreachable_until = w->sim.now + away_ms;
}

void world_heal(struct world *w)
{
    w->stall_until = w->blackhole_until = w->unreachable_until = w->no_dns_until = 0;
    w->sim.cut_up = w->sim.cut_down = SIM_NEVER;
    w->sim.chunk = 0;
    w->sim.clock_unset = false;
    w->skew_s = 0;
    world_power_on(w); /* and nothing is planned any more */
    assert_int_equal(world_ask(w, "PUT", "/control/faults", "{}", NULL, 0), 200);
}

void world_pass(struct world *w, uint64_t ms)
{
    const uint64_t until = w->sim.now + ms;
    while (w->sim.now < until) {
        assert_ok(spoke_central_poll(w->sim.central, 0));
        const uint64_t due = spoke_central_deadline(w->sim.central);
        w->sim.now = due > w->sim.now && due < until ? due : until;
    }
    assert_ok(spoke_central_poll(w->sim.central, 0));
}

int world_ask(struct world *w, const char *method, const char *target, const char *body, char *out, size_t cap)
{
    return sim_request(&w->sim, NULL, method, target, body, out, cap);
}
