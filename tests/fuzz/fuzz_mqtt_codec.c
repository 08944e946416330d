/* Any bytes as a packet: what decodes, encodes to the same body again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <spoke/proto/mqtt.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* The codec reads more than it writes: other protocol versions, and refusals with reserved codes. */
static bool is_writable(const spoke_mqtt_packet *packet)
{
    if (packet->type == SPOKE_MQTT_CONNECT)
        return packet->as.connect.level == 4 && spoke_str_equal(packet->as.connect.protocol, SPOKE_STR("MQTT")) &&
               (packet->as.connect.client_id.len > 0 || packet->as.connect.clean_session);
    return packet->type != SPOKE_MQTT_CONNACK || packet->as.connack.code <= 5;
}

static void check_filters(const spoke_mqtt_packet *packet)
{
    const bool with_qos = packet->type == SPOKE_MQTT_SUBSCRIBE;
    spoke_str rest = packet->as.filters;
    spoke_mqtt_filter filter;
    size_t count = 0;
    while (spoke_mqtt_filter_next(&rest, with_qos, &filter) == SPOKE_OK) {
        check(filter.filter.len > 0 && filter.qos <= 2);
        count++;
    }
    check(count > 0 && rest.len == 0);
}

static void check_round_trip(const spoke_mqtt_header *header, const uint8_t *bytes,
                             const spoke_mqtt_packet *packet)
{
    const size_t most = 5 + header->body_bytes;
    spoke_mqtt_header again;
    spoke_buf out = spoke_buf_from(malloc(most), most);
    check(spoke_mqtt_encode(packet, &out) == SPOKE_OK);
    check(spoke_mqtt_peek(out.ptr, out.len, &again) == SPOKE_OK);
    check(again.type == header->type && again.flags == header->flags && again.body_bytes == header->body_bytes);
    check(again.head_bytes <= header->head_bytes); /* lengths are written as short as they can be */
    check(memcmp(out.ptr + again.head_bytes, bytes + header->head_bytes, header->body_bytes) == 0);
    spoke_buf tight = spoke_buf_from(out.ptr, out.len - 1);
    check(spoke_mqtt_encode(packet, &tight) == SPOKE_E_TOO_SMALL && tight.len == 0);
    free(out.ptr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    spoke_mqtt_header header;
    spoke_mqtt_packet packet;
    uint8_t *bytes = malloc(size > 0 ? size : 1); /* of the exact size, for the address sanitizer */
    if (size > 0)
        memcpy(bytes, data, size);
    if (spoke_mqtt_decode(bytes, size, &packet) == SPOKE_OK) {
        check(spoke_mqtt_peek(bytes, size, &header) == SPOKE_OK);
        check(header.head_bytes + header.body_bytes == size && header.type == packet.type);
        if (packet.type == SPOKE_MQTT_SUBSCRIBE || packet.type == SPOKE_MQTT_UNSUBSCRIBE)
            check_filters(&packet);
        if (is_writable(&packet))
            check_round_trip(&header, bytes, &packet);
    }
    free(bytes);
    return 0;
}
