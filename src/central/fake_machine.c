/* The machine of a device under test: a clock that moves only while the device waits, a network whose every address is
 * the service in this process, and records in memory. */
#include <stdlib.h>
#include <string.h>

#include "fake.h"

#define START_MS 1000u
#define START_UNIX_MS INT64_C(1767225600000) /* 2026-01-01 */

struct fake_record {
    struct fake_record *next;
    char *key;
    size_t len;
    char value[];
};

struct fake_link {
    spoke_central_link *link;
};

/* --- clock, chance, records --- */

uint64_t fake_monotonic_ms(void *ctx)
{
    return ((const struct spoke_fake *)ctx)->now;
}

int64_t fake_unix_ms(void *ctx)
{
    return START_UNIX_MS + (int64_t)((const struct spoke_fake *)ctx)->now;
}

static spoke_status unix_seconds(void *ctx, int64_t *out)
{
    *out = fake_unix_ms(ctx) / 1000;
    return SPOKE_OK;
}

/* Xorshift: the same in each run, so that a test that failed fails again. */
static spoke_status random_bytes(void *ctx, uint8_t *out, size_t len)
{
    struct spoke_fake *f = ctx;
    for (size_t i = 0; i < len; i++) {
        f->random ^= f->random << 13;
        f->random ^= f->random >> 17;
        f->random ^= f->random << 5;
        out[i] = (uint8_t)(f->random >> 11);
    }
    return SPOKE_OK;
}

static struct fake_record **find_record(struct spoke_fake *f, const char *key)
{
    struct fake_record **at = &f->records;
    while (*at != NULL && strcmp((*at)->key, key) != 0)
        at = &(*at)->next;
    return at;
}

static spoke_status load(void *ctx, const char *key, spoke_buf *out)
{
    const struct fake_record *record = *find_record(ctx, key);
    return record != NULL ? spoke_buf_append(out, spoke_str_from(record->value, record->len)) : SPOKE_E_NOT_FOUND;
}

static void drop_record(struct fake_record **at)
{
    struct fake_record *record = *at;
    *at = record->next;
    free(record->key);
    free(record);
}

static spoke_status store(void *ctx, const char *key, spoke_str value)
{
    struct spoke_fake *f = ctx;
    struct fake_record *made = value.len > 0 ? malloc(sizeof *made + value.len) : NULL;
    char *name = made != NULL ? strdup(key) : NULL;
    if (value.len > 0 && name == NULL) {
        free(made);
        return SPOKE_E_PORT;
    }
    struct fake_record **at = find_record(f, key);
    if (*at != NULL)
        drop_record(at);
    if (made == NULL)
        return SPOKE_OK;
    *made = (struct fake_record){.next = f->records, .key = name, .len = value.len};
    memcpy(made->value, value.ptr, value.len);
    f->records = made;
    return SPOKE_OK;
}

static void log_nothing(void *ctx, spoke_log_level level, const char *module, const char *line)
{
    (void)ctx, (void)level, (void)module, (void)line;
}

/* --- network --- */

static spoke_status link_init(void *ctx, void *link)
{
    (void)ctx;
    ((struct fake_link *)link)->link = NULL;
    return SPOKE_OK;
}

static void link_close(void *ctx, void *link)
{
    struct fake_link *l = link;
    (void)ctx;
    spoke_central_link_close(l->link);
    l->link = NULL;
}

static spoke_status link_open(void *ctx, void *link, const char *host, uint16_t port)
{
    struct spoke_fake *f = ctx;
    (void)host, (void)port;
    return f->down ? SPOKE_OK : spoke_central_link_open(f->central, &((struct fake_link *)link)->link);
}

static spoke_status link_step(void *ctx, void *link)
{
    (void)ctx;
    return ((const struct fake_link *)link)->link != NULL ? SPOKE_OK : SPOKE_E_NET;
}

/* A network that went down takes its connections along when they are next used. */
static bool is_broken(struct spoke_fake *f, struct fake_link *l)
{
    if (f->down)
        link_close(f, l);
    return l->link == NULL;
}

static spoke_status link_read(void *ctx, void *link, uint8_t *out, size_t cap, size_t *count)
{
    struct fake_link *l = link;
    if (is_broken(ctx, l))
        return SPOKE_E_NET;
    const spoke_str waiting = spoke_central_link_output(l->link);
    if (waiting.len == 0)
        return spoke_central_link_closed(l->link) ? SPOKE_E_NET : SPOKE_E_AGAIN;
    *count = waiting.len < cap ? waiting.len : cap;
    memcpy(out, waiting.ptr, *count);
    spoke_central_link_sent(l->link, *count);
    return SPOKE_OK;
}

static spoke_status link_write(void *ctx, void *link, const uint8_t *bytes, size_t len, size_t *count)
{
    struct fake_link *l = link;
    if (is_broken(ctx, l) || spoke_central_link_closed(l->link))
        return SPOKE_E_NET;
    spoke_central_link_send(l->link, spoke_str_from((const char *)bytes, len));
    *count = len;
    return SPOKE_OK;
}

static bool is_readable(struct spoke_fake *f, const struct fake_link *l)
{
    return l->link != NULL &&
           (f->down || spoke_central_link_output(l->link).len > 0 || spoke_central_link_closed(l->link));
}

static void turn(struct spoke_fake *f)
{
    if (spoke_central_poll(f->central, 0) != SPOKE_OK)
        f->woken = true; /* cannot be: the service has no thread here */
}

void fake_move(struct spoke_fake *f, uint64_t until)
{
    const uint64_t due = spoke_central_deadline(f->central);
    f->now = due >= until ? until : due > f->now ? due : f->now + 1;
    turn(f);
}

/* Where time passes: from one of the service's deadlines to the next, until there is something to read. */
static void link_wait(void *ctx, void *link, unsigned want, uint32_t limit_ms)
{
    struct spoke_fake *f = ctx;
    const struct fake_link *l = link;
    const uint64_t until = f->now + limit_ms;
    turn(f);
    const bool writable = (want & SPOKE_WANT_WRITE) != 0 && l->link != NULL;
    while (f->now < until && !writable && !f->woken && !is_readable(f, l))
        fake_move(f, until);
    f->woken = false;
}

static void link_wake(void *ctx, void *link)
{
    (void)link;
    ((struct spoke_fake *)ctx)->woken = true;
}

static int link_fd(void *ctx, void *link)
{
    (void)ctx, (void)link;
    return -1;
}

static int32_t link_detail(void *ctx, void *link)
{
    (void)ctx, (void)link;
    return 0;
}

/* --- life --- */

void fake_machine_set_up(struct spoke_fake *f)
{
    f->now = START_MS;
    f->random = 4711;
    f->net = (spoke_net){.struct_size = sizeof f->net,
                         .link_bytes = sizeof(struct fake_link),
                         .init = link_init,
                         .fini = link_close,
                         .open = link_open,
                         .step = link_step,
                         .read = link_read,
                         .write = link_write,
                         .close = link_close,
                         .wait = link_wait,
                         .wake = link_wake,
                         .fd = link_fd,
                         .detail = link_detail};
    f->platform = (spoke_platform){.struct_size = sizeof f->platform,
                                   .ctx = f,
                                   .monotonic_ms = fake_monotonic_ms,
                                   .unix_seconds = unix_seconds,
                                   .random = random_bytes,
                                   .load = load,
                                   .store = store,
                                   .log = log_nothing,
                                   .net = &f->net};
}

void fake_machine_free(struct spoke_fake *f)
{
    while (f->records != NULL)
        drop_record(&f->records);
}
