#include <spoke/proto/twin.h>

#include <string.h>

#include "base/json_scan.h"

enum { FIRST_PAUSE_MS = 1000, MAX_PAUSE_MS = 60000, MAX_DOUBLINGS = 6 };

#define NEVER UINT64_MAX

void spoke_twin_init(spoke_twin *t, void *memory, size_t size)
{
    *t = (spoke_twin){.version = -1, .next_rid = 1, .held = spoke_buf_from(memory, size)};
}

/* --- asking --- */

/* A GET that leaves from now on is needed. One that is already on its way may be answered with less than what is
 * known by now, so it is followed by another. */
static void want_get(spoke_twin *t)
{
    switch (t->get) {
    case SPOKE_TWIN_GET_NONE:
        t->get = SPOKE_TWIN_GET_WANTED;
        break;
    case SPOKE_TWIN_GET_SENT:
        t->get_again = true;
        break;
    case SPOKE_TWIN_GET_WANTED:
    case SPOKE_TWIN_GET_PAUSED:
        break;
    }
}

static void drop_held(spoke_twin *t)
{
    t->held.len = 0;
    t->held_at = 0;
    t->replaying = false;
}

/* Request ids go on counting: answers to the last connection's requests match nothing on this one. */
void spoke_twin_start(spoke_twin *t, uint64_t now)
{
    (void)now;
    drop_held(t);
    t->get = SPOKE_TWIN_GET_WANTED;
    t->get_again = false;
    t->get_failures = 0;
    t->malformed = false;
    t->synced = false;
    t->report_outstanding = false;
    t->has_pending = false;
    t->has_reported = false;
}

void spoke_twin_forget(spoke_twin *t)
{
    drop_held(t);
    t->version = -1;
    t->synced = false;
    t->has_pending = false;
    want_get(t);
}

void spoke_twin_refresh(spoke_twin *t)
{
    want_get(t);
}

spoke_status spoke_twin_output(spoke_twin *t, uint32_t *rid)
{
    if (t->get != SPOKE_TWIN_GET_WANTED)
        return SPOKE_E_AGAIN;
    *rid = t->next_rid;
    return SPOKE_OK;
}

void spoke_twin_sent(spoke_twin *t, uint64_t now)
{
    if (t->get != SPOKE_TWIN_GET_WANTED)
        return;
    t->get = SPOKE_TWIN_GET_SENT;
    t->get_again = false;
    t->get_rid = t->next_rid++;
    t->get_due = now + SPOKE_TWIN_LIMIT_MS;
}

static void pause_get(spoke_twin *t, uint64_t now)
{
    const uint32_t doublings = t->get_failures < MAX_DOUBLINGS ? t->get_failures : MAX_DOUBLINGS;
    const uint32_t pause = (uint32_t)FIRST_PAUSE_MS << doublings;
    t->get_failures++;
    t->get = SPOKE_TWIN_GET_PAUSED;
    t->get_due = now + (pause < MAX_PAUSE_MS ? pause : MAX_PAUSE_MS);
}

spoke_status spoke_twin_report(spoke_twin *t, uint64_t now, uint32_t *rid)
{
    if (t->report_outstanding || t->has_reported)
        return SPOKE_E_AGAIN;
    t->report_outstanding = true;
    t->report_rid = t->next_rid++;
    t->report_due = now + SPOKE_TWIN_LIMIT_MS;
    *rid = t->report_rid;
    return SPOKE_OK;
}

void spoke_twin_report_cancel(spoke_twin *t)
{
    t->report_outstanding = false;
}

/* --- time --- */

static uint64_t get_deadline(const spoke_twin *t)
{
    return t->get == SPOKE_TWIN_GET_SENT || t->get == SPOKE_TWIN_GET_PAUSED ? t->get_due : NEVER;
}

uint64_t spoke_twin_deadline(const spoke_twin *t)
{
    const uint64_t get = get_deadline(t);
    const uint64_t report = t->report_outstanding ? t->report_due : NEVER;
    return get < report ? get : report;
}

static void end_report(spoke_twin *t, uint32_t status, int64_t version)
{
    t->report_outstanding = false;
    t->has_reported = true;
    t->reported = (spoke_twin_event){.kind = SPOKE_TWIN_REPORTED, .status = status, .version = version};
}

void spoke_twin_tick(spoke_twin *t, uint64_t now)
{
    if (t->get == SPOKE_TWIN_GET_PAUSED && now >= t->get_due)
        t->get = SPOKE_TWIN_GET_WANTED;
    else if (t->get == SPOKE_TWIN_GET_SENT && now >= t->get_due)
        pause_get(t, now);
    if (t->report_outstanding && now >= t->report_due)
        end_report(t, 0, -1);
}

/* --- changes held back --- */

struct held_head {
    int64_t version;
    size_t bytes;
};

static void hold(spoke_twin *t, int64_t version, spoke_str patch)
{
    const struct held_head head = {version, patch.len};
    const size_t start = t->held.len;
    if (spoke_buf_append(&t->held, spoke_str_from((const char *)&head, sizeof head)) == SPOKE_OK &&
        spoke_buf_append(&t->held, patch) == SPOKE_OK)
        return;
    t->held.len = start;
    want_get(t);
}

/* Steps over changes that the snapshot has in it. A gap ends the replay: the GET that it asks for leaves later
 * than all that was held, so nothing of it will be missed. */
static spoke_status next_held(spoke_twin *t, spoke_twin_event *event)
{
    struct held_head head;
    while (t->held_at < t->held.len) {
        memcpy(&head, t->held.ptr + t->held_at, sizeof head);
        const spoke_str patch = spoke_str_from((const char *)t->held.ptr + t->held_at + sizeof head, head.bytes);
        t->held_at += sizeof head + head.bytes;
        if (head.version <= t->version)
            continue;
        if (head.version - 1 != t->version) {
            want_get(t);
            break;
        }
        *event = (spoke_twin_event){.kind = SPOKE_TWIN_CHANGE, .version = head.version, .desired = patch};
        return SPOKE_OK;
    }
    drop_held(t);
    return SPOKE_E_AGAIN;
}

/* --- arriving --- */

static void give(spoke_twin *t, spoke_twin_event_kind kind, int64_t version, spoke_str desired)
{
    t->pending = (spoke_twin_event){.kind = kind};
    t->pending.version = version;
    t->pending.desired = desired;
    t->has_pending = true;
}

static void fail(spoke_twin *t, uint32_t status)
{
    t->get = SPOKE_TWIN_GET_NONE;
    drop_held(t);
    give(t, SPOKE_TWIN_FAILED, -1, spoke_str_from(NULL, 0));
    t->pending.status = status;
}

static bool read_version(spoke_str section, int64_t *version)
{
    spoke_str number;
    return spoke_json_find(section, "$version", &number) == SPOKE_OK &&
           spoke_json_int(number, version) == SPOKE_OK && *version >= 0;
}

static void take_snapshot(spoke_twin *t, uint64_t now, spoke_str twin)
{
    spoke_str desired;
    int64_t version;
    if (!json_is_object(twin) || spoke_json_find(twin, "desired", &desired) != SPOKE_OK ||
        !read_version(desired, &version)) {
        if (t->malformed) {
            fail(t, 0);
            return;
        }
        t->malformed = true;
        pause_get(t, now);
        return;
    }
    t->get = t->get_again ? SPOKE_TWIN_GET_WANTED : SPOKE_TWIN_GET_NONE;
    t->get_failures = 0;
    t->malformed = false;
    t->replaying = true;
    give(t, SPOKE_TWIN_SNAPSHOT, version, desired);
}

static void take_get_reply(spoke_twin *t, uint64_t now, const spoke_hub_event *event)
{
    if (event->status == 429 || event->status >= 500)
        pause_get(t, now);
    else if (event->status >= 400)
        fail(t, event->status);
    else
        take_snapshot(t, now, event->payload);
}

static void take_reply(spoke_twin *t, uint64_t now, const spoke_hub_event *event)
{
    uint32_t rid;
    if (spoke_str_u32(event->rid, &rid) != SPOKE_OK)
        return;
    if (t->get == SPOKE_TWIN_GET_SENT && rid == t->get_rid)
        take_get_reply(t, now, event);
    else if (t->report_outstanding && rid == t->report_rid)
        end_report(t, event->status, event->has_version ? event->version : -1);
}

/* While a GET is due or on its way its answer decides what a change means. */
static void take_change(spoke_twin *t, int64_t version, spoke_str patch)
{
    if (t->get != SPOKE_TWIN_GET_NONE) {
        hold(t, version, patch);
    } else if (version > t->version && version - 1 == t->version) {
        give(t, SPOKE_TWIN_CHANGE, version, patch);
    } else if (version > t->version) {
        want_get(t);
        hold(t, version, patch);
    }
}

/* The topic says the version; a hub that leaves it out there still has it in the body. A change that cannot be
 * read is as good as one that was lost. */
static void take_desired(spoke_twin *t, const spoke_hub_event *event)
{
    int64_t version = event->version;
    if (t->get == SPOKE_TWIN_GET_NONE && !t->synced)
        return; /* not started, or failed */
    if (!json_is_object(event->payload) || (!event->has_version && !read_version(event->payload, &version)))
        want_get(t);
    else
        take_change(t, version, event->payload);
}

/* What was not taken views memory that is about to change. */
static void drop_untaken(spoke_twin *t)
{
    const bool untaken = t->has_pending || (t->replaying && t->held_at < t->held.len);
    if (t->replaying)
        drop_held(t);
    t->has_pending = false;
    if (untaken)
        want_get(t);
}

void spoke_twin_receive(spoke_twin *t, uint64_t now, const spoke_hub_event *event)
{
    switch (event->kind) {
    case SPOKE_HUB_TWIN_REPLY:
        drop_untaken(t);
        take_reply(t, now, event);
        break;
    case SPOKE_HUB_DESIRED:
        drop_untaken(t);
        take_desired(t, event);
        break;
    case SPOKE_HUB_METHOD:
    case SPOKE_HUB_C2D:
    case SPOKE_HUB_UNKNOWN:
        break;
    }
}

/* --- telling --- */

static spoke_status next_event(spoke_twin *t, spoke_twin_event *event)
{
    if (t->has_reported) {
        t->has_reported = false;
        *event = t->reported;
        return SPOKE_OK;
    }
    if (t->has_pending) {
        t->has_pending = false;
        *event = t->pending;
        return SPOKE_OK;
    }
    return t->replaying ? next_held(t, event) : SPOKE_E_AGAIN;
}

spoke_status spoke_twin_next(spoke_twin *t, spoke_twin_event *event)
{
    const spoke_status status = next_event(t, event);
    if (status != SPOKE_OK)
        return status;
    if (event->kind == SPOKE_TWIN_SNAPSHOT || event->kind == SPOKE_TWIN_CHANGE)
        t->version = event->version;
    t->synced = t->synced || event->kind == SPOKE_TWIN_SNAPSHOT;
    return SPOKE_OK;
}

bool spoke_twin_synced(const spoke_twin *t)
{
    return t->synced;
}
