/* Twin: whatever the hub sends, changes come in version order without a gap, texts are JSON objects, and the
 * machine always can say what it waits for. */
#include <spoke/proto/twin.h>

#include "fuzz/proto_input.h"

enum { HELD_BYTES = 128 };

struct reader {
    spoke_twin twin;
    int64_t version; /* -1: none yet */
};

static void take_events(struct reader *r)
{
    spoke_twin_event event;
    while (spoke_twin_next(&r->twin, &event) == SPOKE_OK) {
        switch (event.kind) {
        case SPOKE_TWIN_CHANGE:
            require(r->version >= 0 && event.version - 1 == r->version);
            require(spoke_json_check(event.desired) == SPOKE_OK && spoke_json_type(event.desired) == '{');
            r->version = event.version;
            break;
        case SPOKE_TWIN_SNAPSHOT:
            require(event.version >= 0 && spoke_json_check(event.desired) == SPOKE_OK);
            require(spoke_twin_synced(&r->twin));
            r->version = event.version;
            break;
        case SPOKE_TWIN_REPORTED:
        case SPOKE_TWIN_FAILED:
            require(event.status == 0 || (event.status >= 100 && event.status < 1000));
            break;
        }
    }
}

/* Sends what wants to be sent; the requests get ids 1, 2, 3 ... that the input can answer. */
static void send(struct reader *r, uint64_t now)
{
    uint32_t rid;
    if (spoke_twin_output(&r->twin, &rid) == SPOKE_OK) {
        spoke_twin_sent(&r->twin, now);
        require(spoke_twin_output(&r->twin, &rid) == SPOKE_E_AGAIN);
        require(spoke_twin_deadline(&r->twin) != UINT64_MAX);
    }
    if (spoke_twin_report(&r->twin, now, &rid) == SPOKE_OK)
        require(spoke_twin_report(&r->twin, now, &rid) == SPOKE_E_AGAIN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const spoke_hub_identity id = {.hub_host = {"h", 1}, .device_id = {"d", 1}};
    spoke_str rest = spoke_str_from((const char *)data, size);
    uint8_t held[HELD_BYTES];
    struct reader r = {.version = -1};
    uint64_t now = 1;
    spoke_twin_init(&r.twin, held, sizeof held);
    spoke_twin_start(&r.twin, now);
    while (rest.len > 0) {
        const spoke_str topic = next_line(&rest), payload = next_line(&rest);
        spoke_hub_event event;
        send(&r, now);
        if (topic.len == 0) {                   /* an empty line: time passes */
            now = spoke_twin_deadline(&r.twin); /* never none: the report is unanswered, or its event was taken */
            require(now != UINT64_MAX);
            spoke_twin_tick(&r.twin, now);
        } else if (spoke_hub_parse(&id, topic, payload, &event) == SPOKE_OK) {
            spoke_twin_receive(&r.twin, now, &event);
        } else if (payload.len == 0) { /* a broken topic: another connection */
            spoke_twin_start(&r.twin, now);
        }
        take_events(&r);
    }
    return 0;
}
