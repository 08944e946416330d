/* One queue in test memory with a guard behind it, and messages as plain text. */
#ifndef SPOKE_TESTS_QUEUE_FIXTURE_H
#define SPOKE_TESTS_QUEUE_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/queue.h"
#include "support/support.h"

#define GUARD 0xCC

struct shape {
    size_t messages, reports; /* slots */
    uint64_t telemetry_bytes, report_bytes;
    enum queue_policy policy;
    size_t most; /* of one message, as the owner sees it */
    const spoke_storage *storage;
    int64_t unix_ms;
    spoke_status (*compose)(spoke_str older, spoke_str newer, spoke_buf *out);
};

struct queue_fixture {
    struct queue q;
    struct queue_options options;
    size_t index_bytes;
    uint64_t now;
};

static inline void *guarded(size_t size)
{
    uint8_t *memory = test_calloc(1, size + 1);
    memory[size] = GUARD;
    return memory;
}

static inline spoke_status queue_fixture_init(struct queue_fixture *f, const struct shape *s)
{
    memset(f, 0, sizeof *f);
    f->now = 1000;
    f->options = (struct queue_options){.messages = s->messages + s->reports,
                                        .storage = s->storage,
                                        .store_id = 0x5eed,
                                        .unix_ms = s->unix_ms,
                                        .telemetry_bytes = s->telemetry_bytes,
                                        .report_bytes = s->report_bytes,
                                        .telemetry_messages = s->messages,
                                        .policy = s->policy,
                                        .compose = s->compose};
    f->options.memory_bytes = queue_memory_bytes(&f->options, s->most);
    f->index_bytes = queue_index_bytes(f->options.storage, f->options.messages);
    f->options.index = guarded(f->index_bytes);
    f->options.memory = guarded(f->options.memory_bytes);
    const spoke_status status = queue_init(&f->q, &f->options, f->now);
    queue_limit(&f->q, false, s->most);
    queue_limit(&f->q, true, s->most);
    return status;
}

static inline void queue_fixture_check(const struct queue_fixture *f)
{
    assert_int_equal(((const uint8_t *)f->options.index)[f->index_bytes], GUARD);
    assert_int_equal(((const uint8_t *)f->options.memory)[f->options.memory_bytes], GUARD);
}

static inline void queue_fixture_fini(struct queue_fixture *f)
{
    queue_fixture_check(f);
    test_free(f->options.index);
    test_free(f->options.memory);
}

struct queue_text {
    const char *head, *body;
    unsigned calls;
};

static inline spoke_status queue_write_text(void *ctx, spoke_buf *out, size_t *head_bytes)
{
    struct queue_text *t = ctx;
    t->calls++;
    const spoke_status status = spoke_buf_append(out, spoke_str_of(t->head));
    *head_bytes = out->len;
    return status == SPOKE_OK ? spoke_buf_append(out, spoke_str_of(t->body)) : status;
}

static inline spoke_status add_text(struct queue_fixture *f, struct queue_message m, const char *body)
{
    struct queue_text t = {"", body, 0};
    return queue_add(&f->q, f->now, &m, queue_write_text, &t);
}

static inline spoke_status add_to(struct queue_fixture *f, enum queue_lane lane, uint32_t id, const char *body)
{
    return add_text(f, (struct queue_message){.lane = lane, .id = id}, body);
}

static const struct queue_filter everything = {.lowest = QUEUE_LOW};

/* The body of the next one, "" when there is none. */
static inline spoke_str next_body(struct queue_fixture *f)
{
    struct queue_item item;
    return queue_next(&f->q, f->now, &everything, &item) == SPOKE_OK ? item.body : spoke_str_from("", 0);
}

/* Sends the next one; its token. */
static inline uint32_t send_next(struct queue_fixture *f, uint16_t packet_id)
{
    struct queue_item item;
    assert_ok(queue_next(&f->q, f->now, &everything, &item));
    queue_sent(&f->q, item.token, packet_id, 1);
    return item.token;
}

static inline uint32_t done(struct queue_fixture *f, uint32_t token)
{
    uint32_t id = 0, rest = 0;
    assert_ok(queue_done(&f->q, token, &id, &rest));
    assert_int_equal(rest, QUEUE_NO_TOKEN);
    return id;
}

/* The next outcome is this. */
static inline void expect_drop(struct queue_fixture *f, uint32_t id, enum queue_reason why)
{
    uint32_t told = 0;
    enum queue_reason reason = QUEUE_REASONS;
    assert_ok(queue_next_dropped(&f->q, &told, &reason));
    assert_int_equal(told, id);
    assert_int_equal(reason, why);
}

static inline void expect_no_drop(struct queue_fixture *f)
{
    uint32_t id;
    enum queue_reason why;
    assert_int_equal(queue_next_dropped(&f->q, &id, &why), SPOKE_E_AGAIN);
}

#endif
