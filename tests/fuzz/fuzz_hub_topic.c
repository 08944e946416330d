/* Hub topics and bags: views stay inside the topic, known kinds are complete, and what a bag decodes to can be
 * encoded and decoded again. */
#include <string.h>

#include <spoke/proto/hub.h>

#include "fuzz/proto_input.h"

enum { MAX_INPUT = 4096 };

static void check_text(spoke_str encoded)
{
    char first[MAX_INPUT], second[3 * MAX_INPUT], third[MAX_INPUT];
    spoke_buf decoded = spoke_buf_from(first, sizeof first);
    spoke_buf again = spoke_buf_from(second, sizeof second);
    spoke_buf back = spoke_buf_from(third, sizeof third);
    if (spoke_percent_decode(encoded, &decoded) != SPOKE_OK) {
        require(decoded.len == 0);
        return;
    }
    require(spoke_percent_encode(spoke_buf_str(&decoded), &again) == SPOKE_OK);
    require(spoke_percent_decode(spoke_buf_str(&again), &back) == SPOKE_OK);
    require(spoke_str_equal(spoke_buf_str(&decoded), spoke_buf_str(&back)));
}

static void check_bag(spoke_str bag)
{
    spoke_str rest = bag, value;
    spoke_bag_item item;
    while (spoke_bag_next(&rest, &item) == SPOKE_OK) {
        require(lies_within(item.name, bag) && lies_within(item.value, bag));
        require(item.has_value || item.value.len == 0);
        check_text(item.name);
        check_text(item.value);
    }
    if (spoke_bag_find(bag, "$.mid", &value) == SPOKE_OK)
        require(lies_within(value, bag));
}

static void check_event(const spoke_hub_event *event, spoke_str topic)
{
    require(lies_within(event->rid, topic) && lies_within(event->component, topic));
    require(lies_within(event->name, topic) && lies_within(event->bag, topic));
    require(lies_within(event->input, topic));
    switch (event->kind) {
    case SPOKE_HUB_TWIN_REPLY:
        require(event->rid.len > 0 && event->status >= 100 && event->status < 1000 && event->version >= 0);
        break;
    case SPOKE_HUB_DESIRED:
        require(event->version >= 0);
        break;
    case SPOKE_HUB_METHOD:
        require(event->rid.len > 0 && event->name.len + event->component.len > 0);
        break;
    case SPOKE_HUB_C2D:
        check_bag(event->bag);
        break;
    case SPOKE_HUB_UNKNOWN:
        require(event->rid.len == 0 && event->bag.len == 0 && event->name.len == 0);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const spoke_hub_identity device = {.hub_host = {"h", 1}, .device_id = {"dev-001", 7}};
    static const spoke_hub_identity module = {
        .hub_host = {"h", 1}, .device_id = {"dev-001", 7}, .module_id = {"filter", 6}};
    const spoke_str topic = spoke_str_from((const char *)data, size < MAX_INPUT ? size : MAX_INPUT);
    spoke_hub_event event;
    if (spoke_hub_parse(&device, topic, SPOKE_STR(""), &event) == SPOKE_OK)
        check_event(&event, topic);
    if (spoke_hub_parse(&module, topic, SPOKE_STR(""), &event) == SPOKE_OK)
        check_event(&event, topic);
    check_bag(topic);
    return 0;
}
