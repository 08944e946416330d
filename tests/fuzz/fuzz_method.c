/* Commands, direct and offline: the request can be answered under its own id, its name is put together again from
 * its parts, and its body can be walked. */
#include <string.h>

#include <spoke/proto/hub.h>

#include "fuzz/proto_input.h"

enum { MAX_INPUT = 8192 };

static void check_reply(spoke_str rid)
{
    char memory[MAX_INPUT + 64];
    spoke_buf out = spoke_buf_from(memory, sizeof memory);
    require(spoke_hub_method_reply_topic(rid, 404, &out) == SPOKE_OK);
    const spoke_str topic = spoke_buf_str(&out), head = SPOKE_STR("$iothub/methods/res/404/?$rid=");
    require(topic.len == head.len + rid.len && spoke_str_starts(topic, head));
    require(memcmp(topic.ptr + head.len, rid.ptr, rid.len) == 0);
}

static void check_name(const spoke_hub_event *event, spoke_str topic)
{
    const spoke_str front = SPOKE_STR("$iothub/methods/POST/"), mark = SPOKE_STR("/?$rid=");
    const char *start = topic.ptr + front.len;
    if (event->component.len > 0) {
        require(event->component.ptr == start && event->name.ptr == start + event->component.len + 1);
        require(event->name.ptr[-1] == '*');
    } else {
        require(event->name.ptr == start);
    }
    require(event->name.ptr + event->name.len + mark.len == event->rid.ptr);
}

static void walk_body(spoke_str body)
{
    spoke_json_cursor at;
    spoke_str key, value;
    if (spoke_json_check(body) != SPOKE_OK)
        return;
    require(spoke_json_type(body) != 0);
    spoke_status status = spoke_json_enter(body, &at);
    while (status == SPOKE_OK && (status = spoke_json_member(&at, &key, &value)) == SPOKE_OK)
        require(lies_within(key, body) && lies_within(value, body));
    require(status == SPOKE_E_NOT_FOUND || spoke_json_type(body) != '{');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const spoke_hub_identity id = {.hub_host = {"h", 1}, .device_id = {"dev-001", 7}};
    spoke_str rest = spoke_str_from((const char *)data, size < MAX_INPUT ? size : MAX_INPUT);
    const spoke_str topic = next_line(&rest);
    spoke_hub_event event;
    if (spoke_hub_parse(&id, topic, rest, &event) != SPOKE_OK)
        return 0;
    require(event.payload.ptr == rest.ptr && event.payload.len == rest.len);
    if (event.kind == SPOKE_HUB_METHOD) {
        check_reply(event.rid);
        check_name(&event, topic);
    }
    if (event.kind == SPOKE_HUB_METHOD || event.kind == SPOKE_HUB_C2D)
        walk_body(event.payload);
    return 0;
}
