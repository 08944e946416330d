/* Cloud-to-device messages: a queue per device in the store, a window of locked deliveries per connection. */
#include <search.h>
#include <spoke/proto/hub.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core_internal.h"

#define QUEUE_LIMIT 50u
#define LOCK_MS 60000u
#define DEFAULT_TTL_MS 3600000
#define BATCH 64u

static const char *const log_module = "c2d";

/* How far a device's queue was ever sent since the service started: what is not beyond is sent as a duplicate. */
struct c2d_mark {
    char device_id[CONN_ID_CAP]; /* first: it is the key of the tree */
    int64_t seq;
};

static int compare_ids(const void *a, const void *b)
{
    return strcmp(a, b);
}

void c2d_marks_free(struct core *c)
{
    while (c->marks != NULL) {
        struct c2d_mark *mark = *(struct c2d_mark **)c->marks;
        (void)tdelete(mark, &c->marks, compare_ids);
        free(mark);
    }
}

static struct c2d_mark *mark_of(struct core *c, const char *device_id)
{
    struct c2d_mark *const *found = tfind(device_id, &c->marks, compare_ids);
    if (found != NULL)
        return *found;
    struct c2d_mark *mark = calloc(1, sizeof *mark);
    if (mark == NULL)
        return NULL;
    (void)snprintf(mark->device_id, sizeof mark->device_id, "%s", device_id);
    if (tsearch(mark, &c->marks, compare_ids) != NULL)
        return mark;
    free(mark);
    return NULL;
}

/* True: sent before. */
static bool mark_sent(struct core *c, const char *device_id, int64_t seq)
{
    struct c2d_mark *mark = mark_of(c, device_id);
    if (mark == NULL)
        return false; /* no memory; the flag is a hint only */
    bool before = seq <= mark->seq;
    mark->seq = before ? mark->seq : seq;
    return before;
}

/* The same id whenever a message is sent again, also after a restart, as section 4.4 of MQTT wants. */
static uint16_t packet_id_of(int64_t seq)
{
    return (uint16_t)(seq % 65535 + 1);
}

/* --- the window --- */

static size_t find_seq(const struct conn *k, int64_t seq)
{
    size_t i = 0;
    while (i < k->c2d_count && k->c2d[i].seq != seq)
        i++;
    return i;
}

static size_t find_id(const struct conn *k, uint16_t packet_id)
{
    size_t i = 0;
    while (i < k->c2d_count && k->c2d[i].packet_id != packet_id)
        i++;
    return i;
}

static void take_out(struct conn *k, size_t at)
{
    k->c2d_count--;
    memmove(&k->c2d[at], &k->c2d[at + 1], (k->c2d_count - at) * sizeof k->c2d[0]);
}

static void put_in(struct conn *k, int64_t seq, bool again)
{
    uint64_t until = core_now_ms(k->core) + LOCK_MS;
    k->c2d[k->c2d_count++] = (struct c2d_delivery){seq, until, packet_id_of(seq), again};
    conn_due(k, until);
}

/* --- delivering --- */

struct round {
    struct conn *k;
    uint8_t qos;
    int64_t done[BATCH]; /* to be deleted: expired, or sent with QoS 0 */
    size_t done_count;
};

static void send(struct conn *k, const struct store_c2d *row, uint8_t qos, bool dup)
{
    char *topic = NULL;
    int len = asprintf(&topic, "devices/%s/messages/devicebound/%s", k->id, row->bag != NULL ? row->bag : "");
    if (len < 0)
        return; /* no memory: the lock runs out, then it is sent again */
    conn_publish(k, spoke_str_from(topic, (size_t)len), spoke_str_from(row->body, row->body_len), qos,
                 qos == 0 ? 0 : packet_id_of(row->seq), dup);
    free(topic);
}

static bool deliver_one(void *ctx, const struct store_c2d *row)
{
    struct round *r = ctx;
    struct conn *k = r->k;
    if (r->done_count == BATCH || k->state != CONN_HUB)
        return false;
    size_t at = find_seq(k, row->seq);
    bool again = at < k->c2d_count;
    if (again && k->c2d[at].lock_until > core_now_ms(k->core))
        return true;
    if (again)
        take_out(k, at);
    if (row->expires_ms <= core_unix_ms(k->core)) {
        r->done[r->done_count++] = row->seq;
        return true;
    }
    if (r->qos == 0) {
        send(k, row, 0, false);
        r->done[r->done_count++] = row->seq;
        return true;
    }
    if (k->c2d_count == CONN_C2D_WINDOW || find_id(k, packet_id_of(row->seq)) < k->c2d_count)
        return false;
    put_in(k, row->seq, again);
    bool dup = mark_sent(k->core, k->id, row->seq);
    send(k, row, 1, dup || again);
    return true;
}

static bool forget(struct core *c, const int64_t *seqs, size_t count)
{
    spoke_status status = count > 0 ? core_dirty(c) : SPOKE_OK;
    for (size_t i = 0; i < count && status == SPOKE_OK; i++) {
        status = store_c2d_delete(c->store, seqs[i]);
        if (status == SPOKE_E_NOT_FOUND) /* gone with its device */
            status = SPOKE_OK;
    }
    if (status != SPOKE_OK)
        core_log(c, SPOKE_LOG_ERROR, log_module, "a message was not removed: %s", spoke_status_text(status));
    return status == SPOKE_OK;
}

/* A lock that ran out on a message that is gone from the queue means nothing any more. */
static void drop_stale(struct conn *k)
{
    for (size_t i = k->c2d_count; i > 0; i--)
        if (k->c2d[i - 1].lock_until <= core_now_ms(k->core))
            take_out(k, i - 1);
}

void c2d_deliver(struct conn *k)
{
    const struct subscription *s = conn_subscription(k, TOPIC_C2D);
    if (s == NULL || k->state != CONN_HUB)
        return;
    struct round r = {.k = k, .qos = s->qos};
    spoke_status status = store_c2d_each(k->core->store, k->id, deliver_one, &r);
    if (status != SPOKE_OK)
        core_log(k->core, SPOKE_LOG_ERROR, log_module, "%s: its queue was not read: %s", k->id,
                 spoke_status_text(status));
    (void)forget(k->core, r.done, r.done_count);
    drop_stale(k);
}

void c2d_puback(struct conn *k, uint16_t packet_id)
{
    size_t at = find_id(k, packet_id);
    if (at == k->c2d_count) {
        core_log(k->core, SPOKE_LOG_DEBUG, log_module, "%s: a PUBACK for nothing that is under way", k->id);
        return;
    }
    /* A message sent twice may be acknowledged for its first delivery, which lies before its place in line. */
    if (at > 0 && !k->c2d[at].again) {
        conn_protocol_error(k, "a PUBACK out of the order of delivery");
        return;
    }
    int64_t seq = k->c2d[at].seq;
    take_out(k, at);
    if (forget(k->core, &seq, 1))
        c2d_deliver(k);
}

uint64_t c2d_deadline(const struct conn *k)
{
    uint64_t due = UINT64_MAX;
    for (size_t i = 0; i < k->c2d_count; i++)
        due = k->c2d[i].lock_until < due ? k->c2d[i].lock_until : due;
    return due;
}

void c2d_tick(struct conn *k)
{
    if (core_now_ms(k->core) < c2d_deadline(k))
        return;
    c2d_deliver(k);
    drop_stale(k); /* also when it has unsubscribed meanwhile */
}

/* --- queueing --- */

struct sweep {
    struct core *c;
    bool all;
    int64_t seqs[BATCH];
    size_t count;
};

static bool sweep_one(void *ctx, const struct store_c2d *row)
{
    struct sweep *s = ctx;
    if (s->all || row->expires_ms <= core_unix_ms(s->c))
        s->seqs[s->count++] = row->seq;
    return s->count < BATCH;
}

static void sweep(struct core *c, const char *device_id, bool all)
{
    struct sweep s = {.c = c, .all = all};
    if (store_c2d_each(c->store, device_id, sweep_one, &s) == SPOKE_OK)
        (void)forget(c, s.seqs, s.count);
}

void c2d_purge(struct core *c, const char *device_id)
{
    sweep(c, device_id, true); /* a queue is never longer than a batch */
}

static bool named(const spoke_str *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (spoke_str_equal(names[i], spoke_str_of(name)))
            return true;
    return false;
}

static spoke_status append_pair(spoke_buf *bag, spoke_str name, spoke_str value)
{
    spoke_status status = bag->len > 0 ? spoke_buf_append_byte(bag, '&') : SPOKE_OK;
    if (status == SPOKE_OK)
        status = spoke_percent_encode(name, bag);
    if (status == SPOKE_OK && value.ptr != NULL) /* no value at all: the name stands alone */
        status = spoke_buf_append_byte(bag, '=');
    return status == SPOKE_OK ? spoke_percent_encode(value, bag) : status;
}

/* $.to and $.mid stand in every message; the rest is the sender's. */
static spoke_status write_bag(struct core *c, const char *device_id, const spoke_str *names,
                              const spoke_str *values, size_t count, spoke_buf *bag)
{
    char to[CONN_ID_CAP + 40], mid[37];
    spoke_status status = SPOKE_OK;
    (void)snprintf(to, sizeof to, "/devices/%s/messages/deviceBound", device_id);
    core_guid(c, mid);
    if (!named(names, count, "$.to"))
        status = append_pair(bag, SPOKE_STR("$.to"), spoke_str_of(to));
    if (status == SPOKE_OK && !named(names, count, "$.mid"))
        status = append_pair(bag, SPOKE_STR("$.mid"), spoke_str_of(mid));
    for (size_t i = 0; i < count && status == SPOKE_OK; i++)
        status = append_pair(bag, names[i], values[i]);
    return status == SPOKE_OK ? spoke_buf_append_byte(bag, '\0') : status;
}

static spoke_status room_in_queue(struct core *c, const char *device_id)
{
    size_t waiting;
    sweep(c, device_id, false);
    spoke_status status = store_c2d_count(c->store, device_id, &waiting);
    if (status != SPOKE_OK)
        return status;
    return waiting < QUEUE_LIMIT ? SPOKE_OK : SPOKE_E_FULL;
}

static int64_t expiry(const struct core *c, int64_t ttl_ms)
{
    int64_t now = core_unix_ms(c);
    int64_t ttl = ttl_ms > 0 ? ttl_ms : DEFAULT_TTL_MS;
    return ttl > INT64_MAX - now ? INT64_MAX : now + ttl;
}

spoke_status core_c2d_send(struct core *c, const char *device_id, spoke_str body, const spoke_str *names,
                           const spoke_str *values, size_t count, int64_t ttl_ms)
{
    char memory[16384];
    spoke_buf bag = spoke_buf_from(memory, sizeof memory);
    int64_t seq;
    if (body.len > SPOKE_MAX_C2D_BYTES || write_bag(c, device_id, names, values, count, &bag) != SPOKE_OK)
        return SPOKE_E_TOO_LARGE;
    spoke_status status = room_in_queue(c, device_id);
    if (status != SPOKE_OK)
        return status;
    const struct store_c2d row = {.expires_ms = expiry(c, ttl_ms),
                                  .enqueued_ms = core_unix_ms(c),
                                  .bag = memory,
                                  .body = (void *)(uintptr_t)body.ptr, /* the store only reads it */
                                  .body_len = body.len};
    status = core_dirty(c);
    if (status == SPOKE_OK)
        status = store_c2d_add(c->store, device_id, &row, &seq);
    struct conn *k = status == SPOKE_OK ? hub_conn(c, device_id) : NULL;
    if (k != NULL)
        c2d_deliver(k);
    return status;
}
