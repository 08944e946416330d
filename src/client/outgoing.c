#include "machine.h"

#include <string.h>

#include "base/iso8601.h"
#include "base/log.h"
#include "base/u64.h"

/* Telemetry on its way out of the queue: which message next and at what pace, several as one, its id and its time, and
 * what became of those that were dropped. */

_Static_assert((int)QUEUE_REASONS == (int)SPOKE_DROP_COUNT && (int)QUEUE_EXPIRED == (int)SPOKE_DROP_EXPIRED &&
                   (int)QUEUE_UNREADABLE == (int)SPOKE_DROP_STORAGE,
               "the queue counts drops in the order of spoke_stats");

#define LATE_MS 2000u          /* waited longer: the time of creation tells more than that of arrival */
#define PACE_BURST_US 100000u  /* replay that was held up may catch up by so much */
#define NOTICE_EVERY_MS 10000u /* of drops, of faults */
#define MESSAGE_ID_BYTES 25u   /* of a group; 16 of a single message */
#define TIME_BYTES 40u

/* A PUBLISH being put together. */
struct departure {
    struct queue_item first;
    uint16_t members;
    uint32_t last_seq; /* of a group */
    spoke_buf topic;   /* in the scratch */
    size_t bag_from;   /* where the bag begins in it */
    spoke_str body;
};

/* --- pace --- */

static bool paced(const spoke_client *c)
{
    return SPOKE_WITH_PACE && c->config.replay_per_s > 0;
}

static bool pace_allows(const spoke_client *c, uint64_t now)
{
    return !paced(c) || c->pace_us <= now * 1000;
}

static void pace_spend(spoke_client *c, uint64_t now)
{
    const uint64_t least = now * 1000 > PACE_BURST_US ? now * 1000 - PACE_BURST_US : 0;
    if (paced(c))
        c->pace_us = (c->pace_us > least ? c->pace_us : least) + 1000000u / c->config.replay_per_s;
}

static struct queue_filter filter_now(const spoke_client *c, uint64_t now)
{
    const bool held = machine_metered(c), replay = !held && pace_allows(c, now);
    const struct queue_filter filter = {.lowest = held ? QUEUE_NORMAL : QUEUE_LOW,
                                        .waits_before_ms = replay ? 0 : c->live_since};
    return filter;
}

/* --- topic --- */

static spoke_str bag_of(const struct departure *d)
{
    return spoke_str_from((const char *)d->topic.ptr + d->bag_from, d->topic.len - d->bag_from);
}

static bool bag_has(const struct departure *d, const char *name)
{
    spoke_str value;
    return spoke_bag_find(bag_of(d), name, &value) == SPOKE_OK;
}

static bool fits(const spoke_client *c, size_t topic_bytes, size_t body_bytes)
{
    return spoke_mqtt_publish_bytes(topic_bytes, body_bytes, 1) <= c->config.send_bytes;
}

static spoke_status begin_topic(spoke_client *c, struct departure *d)
{
    d->topic = text_room(c);
    d->bag_from = c->events_topic_bytes;
    const spoke_status status =
        spoke_buf_append(&d->topic, spoke_str_from(c->events_topic, c->events_topic_bytes));
    return status == SPOKE_OK ? spoke_buf_append(&d->topic, d->first.head) : status;
}

/* One more item of the bag, if there is room for it. */
static spoke_status put_item(spoke_client *c, struct departure *d, spoke_str name, spoke_str value)
{
    char room[128];
    spoke_buf item = spoke_buf_from(room, sizeof room);
    spoke_status status = d->topic.len > d->bag_from ? spoke_buf_append_byte(&item, '&') : SPOKE_OK;
    if (status == SPOKE_OK)
        status = spoke_buf_append(&item, name);
    if (status == SPOKE_OK)
        status = spoke_buf_append_byte(&item, '=');
    if (status == SPOKE_OK)
        status = spoke_percent_encode(value, &item);
    if (status == SPOKE_OK && !fits(c, d->topic.len + item.len, d->body.len))
        status = SPOKE_E_TOO_LARGE;
    return status == SPOKE_OK ? spoke_buf_append(&d->topic, spoke_buf_str(&item)) : status;
}

static void hex_u32(uint32_t value, char *out)
{
    for (unsigned i = 0; i < 8; i++)
        out[i] = "0123456789abcdef"[value >> (28 - 4 * i) & 15];
}

/* The same for every copy: the storage's or this run's number, then the message's. A group names its last one, too:
 * after a restart the same first message may lead another group, and who drops copies by their id must not take that
 * for one. */
static spoke_status put_message_id(spoke_client *c, struct departure *d)
{
    char id[MESSAGE_ID_BYTES];
    if (!outgoing_ids(c) || bag_has(d, "$.mid"))
        return SPOKE_OK;
    hex_u32(queue_store_id(&c->queue, c->boot_id), id);
    hex_u32(d->first.seq, id + 8);
    if (d->members > 1) {
        id[16] = '-';
        hex_u32(d->last_seq, id + 17);
    }
    return put_item(c, d, SPOKE_STR("%24.mid"), spoke_str_from(id, d->members > 1 ? sizeof id : 16));
}

/* 0: not known. Made before the clock was set, in this run: counted back from now. */
static int64_t created_ms(spoke_client *c, const struct queue_item *item)
{
    int64_t unix_s;
    if (item->created_ms != 0 || item->recovered || c->platform.unix_seconds(c->platform.ctx, &unix_s) != SPOKE_OK)
        return item->created_ms;
    return unix_s * 1000 - (int64_t)item->waited_ms;
}

static bool is_late(const struct queue_item *item)
{
    return SPOKE_WITH_STAMPS && (item->recovered || item->waited_ms > LATE_MS);
}

/* Best effort: a message that leaves no room for it travels without. */
static void put_creation_time(spoke_client *c, struct departure *d)
{
    char room[TIME_BYTES];
    spoke_buf text = spoke_buf_from(room, sizeof room);
    if (!is_late(&d->first) || bag_has(d, "iothub-creation-time-utc"))
        return;
    const int64_t made = created_ms(c, &d->first);
    if (made <= 0 || iso8601_format(made, 0, &text) != SPOKE_OK)
        return;
    (void)put_item(c, d, SPOKE_STR("iothub-creation-time-utc"), spoke_buf_str(&text));
}

/* --- several as one --- */

static bool alike(const spoke_client *c, const struct queue_item *a, const struct queue_item *b)
{
    const uint64_t span = c->config.batch_span_ms;
    const uint64_t apart = a->waited_ms - b->waited_ms; /* b is the younger */
    const uint64_t ends_apart = a->ends_ms < b->ends_ms ? b->ends_ms - a->ends_ms : a->ends_ms - b->ends_ms;
    if (!b->joins || b->sent_before || a->recovered != b->recovered || apart > span || ends_apart > span)
        return false;
    if (!a->recovered)
        return true;
    /* whatever a storage says of both */
    return a->created_ms > 0 && b->created_ms >= a->created_ms &&
           (uint64_t)(b->created_ms - a->created_ms) <= span;
}

/* Room for the id and the other encoding's name, so that what is gathered fits with them. */
static bool gather_fits(const spoke_client *c, const struct departure *d, size_t body_bytes)
{
    return fits(c, d->topic.len + OUTGOING_EXTRA_BYTES, body_bytes) && body_bytes <= SPOKE_MAX_TELEMETRY_BYTES;
}

static bool gather_one(spoke_client *c, const struct departure *d, spoke_buf *out, const struct queue_item *next)
{
    if (!gather_fits(c, d, out->len + next->body.len + 2) || spoke_buf_append_byte(out, ',') != SPOKE_OK)
        return false;
    return spoke_buf_append(out, next->body) == SPOKE_OK && out->len < out->cap;
}

/* A group that was sent before is sent again as it was: its duplicates are the same message. */
static void gather(spoke_client *c, uint64_t now, struct departure *d)
{
    const bool again = d->first.sent_before;
    const uint16_t most = again ? d->first.members : c->config.batch_count;
    spoke_buf out = spoke_buf_from(c->gathered, c->gathered_bytes);
    struct queue_item last = d->first, next;
    if (most < 2 || !d->first.joins || spoke_buf_append_byte(&out, '[') != SPOKE_OK ||
        spoke_buf_append(&out, d->first.body) != SPOKE_OK)
        return;
    d->body = spoke_str_from((const char *)out.ptr + 1, out.len - 1); /* the view into the queue ends here */
    while (d->members < most && queue_after(&c->queue, now, last.token, &next) == SPOKE_OK) {
        const size_t before = out.len;
        if (!again && (!alike(c, &d->first, &next) || !spoke_str_equal(bag_of(d), next.head)))
            break;
        if (!gather_one(c, d, &out, &next)) {
            out.len = before;
            break;
        }
        d->members++;
        last = next;
    }
    d->last_seq = last.seq;
    if (d->members == 1 || spoke_buf_append_byte(&out, ']') != SPOKE_OK)
        return;
    d->body = spoke_buf_str(&out);
}

/* --- encoding --- */

/* What the program encoded itself is left alone. */
static bool may_encode(const spoke_client *c, const struct departure *d)
{
    spoke_str encoding = {NULL, 0};
    const spoke_encoder *encoder = c->config.encoder;
    if (encoder == NULL || d->body.len < encoder->least_bytes || d->body.len == 0)
        return false;
    return spoke_bag_find(bag_of(d), "$.ce", &encoding) != SPOKE_OK ||
           spoke_str_equal_nocase(encoding, SPOKE_STR("utf-8"));
}

/* Puts the encoding's name where utf-8 stands. There is room: see encode. */
static void rename_encoding(struct departure *d, spoke_str name, spoke_str old)
{
    const size_t at = (size_t)((const uint8_t *)old.ptr - d->topic.ptr), behind = at + old.len;
    memmove(d->topic.ptr + at + name.len, d->topic.ptr + behind, d->topic.len - behind);
    memcpy(d->topic.ptr + at, name.ptr, name.len);
    d->topic.len = d->topic.len - old.len + name.len;
}

static void encode(spoke_client *c, struct departure *d)
{
    const spoke_encoder *encoder = c->config.encoder;
    spoke_str old;
    if (!may_encode(c, d))
        return;
    /* smaller than the body even with the longer name in the topic, or it is not worth it */
    const spoke_str name = spoke_str_of(encoder->encoding);
    const size_t added = name.len + sizeof "&%24.ce=";
    const size_t most = d->body.len > added ? d->body.len - added : 0;
    spoke_buf out = spoke_buf_from(c->encoded, most < c->encoded_bytes ? most : c->encoded_bytes);
    if (d->topic.cap - d->topic.len < added + OUTGOING_EXTRA_BYTES ||
        encoder->encode(encoder->ctx, d->body, &out) != SPOKE_OK || out.len == 0)
        return;
    d->body = spoke_buf_str(&out);
    if (spoke_bag_find(bag_of(d), "$.ce", &old) == SPOKE_OK)
        rename_encoding(d, name, old);
    else
        (void)put_item(c, d, SPOKE_STR("%24.ce"), name); /* fits: the body shrank by more */
}

/* --- sending --- */

static bool gathers(const spoke_client *c)
{
    return SPOKE_WITH_BATCHES && c->gathered_bytes > 0;
}

/* Nothing is added to it and nothing joins it: the most of them, on a link that stands. */
static bool goes_as_it_is(const spoke_client *c, const struct queue_item *item)
{
    return !gathers(c) && !(SPOKE_WITH_BATCHES && c->config.encoder != NULL) && !outgoing_ids(c) && !is_late(item);
}

static spoke_status put_together(spoke_client *c, uint64_t now, struct departure *d)
{
    d->members = 1;
    d->body = d->first.body;
    if (d->first.head.len == 0 && goes_as_it_is(c, &d->first)) {
        d->topic = spoke_buf_from(c->events_topic, sizeof c->events_topic);
        d->topic.len = c->events_topic_bytes;
        return SPOKE_OK;
    }
    spoke_status status = begin_topic(c, d);
    if (status != SPOKE_OK) /* from a storage: such a head is refused when it is queued */
        return status;
    if (gathers(c))
        gather(c, now, d);
    if (SPOKE_WITH_BATCHES && d->first.sent_before && d->members != d->first.members)
        return SPOKE_E_TOO_LARGE; /* the topic grew, or one of the group cannot be read */
    if (SPOKE_WITH_BATCHES)
        encode(c, d);
    status = put_message_id(c, d);
    if (status == SPOKE_OK)
        put_creation_time(c, d);
    return status;
}

/* It cannot be sent on any connection: it ends here, said aloud. A group is tried again one by one first. */
static void give_up(spoke_client *c, const struct departure *d)
{
    if (SPOKE_WITH_BATCHES && d->first.members > 1) {
        queue_ungroup(&c->queue, d->first.token);
        return;
    }
    if (queue_drop(&c->queue, d->first.token, QUEUE_TOO_LARGE) == SPOKE_OK)
        log_line(&c->platform, SPOKE_LOG_ERROR, "client",
                 "a telemetry message was dropped: %s (raise send_bytes?)", spoke_status_text(SPOKE_E_TOO_LARGE));
    outgoing_tell(c); /* without room for its outcome it comes here again */
}

static void departed(spoke_client *c, uint64_t now, const struct departure *d, uint16_t packet_id)
{
    const bool replay = SPOKE_WITH_PACE && !d->first.repeats && now - d->first.waited_ms < c->live_since;
    queue_sent(&c->queue, d->first.token, packet_id, d->members);
    COUNT(c, retransmitted, d->first.sent_before ? d->members : 0);
    if (replay)
        pace_spend(c, now);
    if (c->ack_due == NEVER) {
        c->ack_due = now + ACK_LIMIT_MS;
        c->ack_of = d->first.token;
    }
    c->work_left = true;
}

static spoke_status publish(spoke_client *c, const struct departure *d, uint16_t *packet_id)
{
    const spoke_mqtt_publish_options message = {.topic = spoke_buf_str(&d->topic),
                                                .parts = &d->body,
                                                .part_count = 1,
                                                .qos = 1,
                                                .token = d->first.token,
                                                .packet_id = d->first.packet_id};
    return c->ops->publish(c->link, &message, packet_id);
}

/* False: nothing more leaves now. */
static bool send_one(spoke_client *c, uint64_t now)
{
    const struct queue_filter filter = filter_now(c, now);
    struct departure d;
    uint16_t packet_id = 0;
    if (queue_next(&c->queue, now, &filter, &d.first) != SPOKE_OK) {
        c->pace_blocks =
            SPOKE_WITH_PACE && filter.waits_before_ms > 0 && !machine_metered(c) && queue_unsent(&c->queue) > 0;
        return false;
    }
    spoke_status status = put_together(c, now, &d);
    if (status == SPOKE_OK)
        status = publish(c, &d, &packet_id);
    if (status == SPOKE_OK) {
        departed(c, now, &d, packet_id);
        return true;
    }
    if (status == SPOKE_E_NOT_FOUND) { /* the transport no longer knows that id: as a new message */
        queue_forget_packet_id(&c->queue, d.first.token);
        return true;
    }
    if (status == SPOKE_E_TOO_LARGE || status == SPOKE_E_TOO_SMALL || status == SPOKE_E_ARG) {
        give_up(c, &d);
        return true;
    }
    c->refused = true;
    return false;
}

void outgoing_send(spoke_client *c, uint64_t now)
{
    c->pace_blocks = false;
    while (!c->draining && !c->closing_link && send_one(c, now)) {
    }
}

bool outgoing_ids(const spoke_client *c)
{
    return SPOKE_WITH_STAMPS && (c->config.message_ids || (SPOKE_WITH_STORAGE && c->config.storage != NULL));
}

/* --- what became of them --- */

static spoke_status outcome_of(enum queue_reason why)
{
    switch (why) {
    case QUEUE_OLDEST:
    case QUEUE_NEWEST:
    case QUEUE_LOWEST:
        return SPOKE_E_FULL;
    case QUEUE_EXPIRED:
        return SPOKE_E_TIMEOUT;
    case QUEUE_TOO_LARGE:
        return SPOKE_E_TOO_LARGE;
    case QUEUE_UNREADABLE:
    case QUEUE_REASONS: /* is none */
        break;
    }
    return SPOKE_E_PORT;
}

void outgoing_tell(spoke_client *c)
{
    uint32_t id;
    enum queue_reason why;
    (void)queue_settle(&c->queue); /* an end is told even when the storage cannot keep it; counted */
    if (!SPOKE_WITH_NOTICES && !SPOKE_WITH_STORAGE)
        return; /* none has an id */
    while (queue_next_dropped(&c->queue, &id, &why) == SPOKE_OK)
        session_report_outcome(c, id, outcome_of(why));
}

static bool is_news(const struct tally *told, queue_counter so_far)
{
    return SPOKE_WITH_NOTICES && so_far != told->count;
}

/* How many more there are, at most every NOTICE_EVERY_MS. */
static void notice_news(spoke_client *c, uint64_t now, struct tally *told, queue_counter so_far,
                        spoke_notice_kind kind, spoke_error why)
{
    if (!is_news(told, so_far) || now < told->due)
        return;
    const queue_counter news = so_far - told->count;
    told->count = so_far;
    told->due = now + NOTICE_EVERY_MS;
    why.detail = news < INT32_MAX ? (int32_t)news : INT32_MAX;
    client_notice(c, kind, &why, 0);
}

/* Of the storage: without one nothing fails. */
static queue_counter faults(const spoke_client *c)
{
    return SPOKE_WITH_STORAGE ? queue_faults(&c->queue) : 0;
}

static void notice_ends(spoke_client *c, uint64_t now)
{
    notice_news(c, now, &c->drops_told, queue_dropped(&c->queue), SPOKE_NOTICE_DROP,
                client_fault(SPOKE_E_FULL, SPOKE_SOURCE_CLIENT, 0,
                             "telemetry was dropped, by policy, age or size: spoke_client_stats tells which"));
    notice_news(c, now, &c->faults_told, faults(c), SPOKE_NOTICE_STORAGE,
                client_fault(SPOKE_E_PORT, SPOKE_SOURCE_PORT, 0,
                             "the storage of the queue failed, or held something unreadable"));
}

void outgoing_work(spoke_client *c, uint64_t now)
{
    queue_age(&c->queue, now);
    outgoing_tell(c);
    (void)queue_flush(&c->queue); /* what it cannot write costs duplicates; counted */
    notice_ends(c, now);
}

uint64_t outgoing_deadline(const spoke_client *c)
{
    uint64_t due = queue_deadline(&c->queue);
    if (SPOKE_WITH_PACE && c->pace_blocks && !c->closing_link) {
        uint64_t pace_ms = c->pace_us + 999;
        (void)u64_divide(&pace_ms, 1000);
        due = pace_ms < due ? pace_ms : due;
    }
    if (is_news(&c->drops_told, queue_dropped(&c->queue)) && c->drops_told.due < due)
        due = c->drops_told.due;
    if (is_news(&c->faults_told, faults(c)) && c->faults_told.due < due)
        due = c->faults_told.due;
    return due;
}
