/* DPS: whatever the service answers to $rid=1, 2, ..., the machine ends in one event or has something to do at a
 * stated time, and what it sends is a legal topic. */
#include <string.h>

#include <spoke/proto/dps.h>

#include "fuzz/proto_input.h"

enum { SCRATCH_BYTES = 1024 };

static void check_output(spoke_str topic, spoke_str payload, spoke_str scratch)
{
    require(lies_within(topic, scratch) && lies_within(payload, scratch));
    require(spoke_utf8_valid(topic) && memchr(topic.ptr, '#', topic.len) == NULL);
    require(memchr(topic.ptr, '+', topic.len) == NULL);
    require(payload.len == 0 || spoke_json_check(payload) == SPOKE_OK);
}

static void check_event(const spoke_dps_event *event, spoke_str scratch)
{
    require(lies_within(event->hub, scratch) && lies_within(event->device_id, scratch));
    require(lies_within(event->message, scratch));
    if (event->kind == SPOKE_DPS_ASSIGNED)
        require(event->hub.len > 0 && event->device_id.len > 0 && event->device_id.len <= SPOKE_MAX_ID_BYTES);
    else
        require(event->code >= 0 && event->retry_after_s <= SPOKE_DPS_MAX_RETRY_AFTER_S);
}

/* True while the registration goes on. */
static bool turn(spoke_dps *dps, uint64_t *now, spoke_str scratch)
{
    spoke_dps_event event;
    spoke_str topic, payload;
    if (spoke_dps_next(dps, &event) == SPOKE_OK) {
        check_event(&event, scratch);
        require(spoke_dps_deadline(dps) == UINT64_MAX && spoke_dps_next(dps, &event) == SPOKE_E_AGAIN);
        return false;
    }
    require(spoke_dps_deadline(dps) != UINT64_MAX);
    if (spoke_dps_output(dps, &topic, &payload) == SPOKE_E_AGAIN) {
        *now = spoke_dps_deadline(dps);
        spoke_dps_tick(dps, *now);
        return true;
    }
    check_output(topic, payload, scratch);
    spoke_dps_sent(dps, *now);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const spoke_dps_config config = {
        .id_scope = {"0ne", 3}, .registration_id = {"dev-001", 7}, .model_id = {"dtmi:a;1", 8}};
    spoke_str rest = spoke_str_from((const char *)data, size);
    char memory[SCRATCH_BYTES];
    const spoke_str scratch = spoke_str_from(memory, sizeof memory);
    spoke_dps dps;
    spoke_dps_reply reply;
    uint64_t now = 1;
    require(spoke_dps_init(&dps, &config, memory, sizeof memory) == SPOKE_OK);
    spoke_dps_start(&dps, now);
    bool going = turn(&dps, &now, scratch);
    while (rest.len > 0 && going) {
        const spoke_str topic = next_line(&rest), payload = next_line(&rest);
        if (spoke_dps_parse_topic(topic, &reply) == SPOKE_OK)
            require(lies_within(reply.rid, topic) && reply.rid.len > 0 && reply.status >= 100);
        spoke_dps_receive(&dps, now, topic, payload);
        if (dps.step != SPOKE_DPS_REGISTERING && dps.step != SPOKE_DPS_POLLING)
            going = turn(&dps, &now, scratch); /* the pause passes, or the event is taken */
        going = going && (dps.to_send ? turn(&dps, &now, scratch) : true);
    }
    for (int turns = 0; going; turns++) {
        require(turns < 8);
        going = turn(&dps, &now, scratch);
    }
    return 0;
}
