#include "mqtt/codec.h"
#include "support/support.h"

#include <stdlib.h>
#include <string.h>

#include <spoke/proto/mqtt.h>

/* Every packet of the standard once, as bytes and as what they mean; both roles of the codec work from this list.
 */
typedef struct golden {
    const char *name;
    const char *bytes;
    size_t len;
    spoke_mqtt_packet packet;
} golden;

#define WIRE(literal) (literal), sizeof(literal) - 1
#define TEXT(literal) \
    { \
        (literal), sizeof(literal) - 1 \
    }

static const golden GOLDEN[] = {
    {"CONNECT, bare",
     WIRE("\x10\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01"
          "d"),
     {.type = SPOKE_MQTT_CONNECT,
      .as.connect = {.protocol = TEXT("MQTT"), .level = 4, .client_id = TEXT("d"), .clean_session = true}}},
    {"CONNECT, nameless",
     WIRE("\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00"),
     {.type = SPOKE_MQTT_CONNECT,
      .as.connect = {.protocol = TEXT("MQTT"), .level = 4, .clean_session = true, .keep_alive_s = 60}}},
    {"CONNECT, everything",
     WIRE("\x10\x22\x00\x04MQTT\x04\xec\x04\x99\x00\x02id\x00\x03w/t\x00\x03"
          "bye\x00\x04user\x00\x02p\x00"),
     {.type = SPOKE_MQTT_CONNECT,
      .as.connect = {.protocol = TEXT("MQTT"),
                     .level = 4,
                     .client_id = TEXT("id"),
                     .username = TEXT("user"),
                     .password = TEXT("p\0"),
                     .will = {TEXT("w/t"), TEXT("bye"), 1, true},
                     .keep_alive_s = 1177,
                     .has_username = true,
                     .has_password = true,
                     .has_will = true}}},
    {"CONNACK, new session", WIRE("\x20\x02\x00\x00"), {.type = SPOKE_MQTT_CONNACK}},
    {"CONNACK, session present", WIRE("\x20\x02\x01\x00"), {.type = SPOKE_MQTT_CONNACK, .as.connack = {true, 0}}},
    {"CONNACK, refused", WIRE("\x20\x02\x00\x05"), {.type = SPOKE_MQTT_CONNACK, .as.connack = {false, 5}}},
    {"PUBLISH, QoS 0",
     WIRE("\x30\x07\x00\x03"
          "a/bhi"),
     {.type = SPOKE_MQTT_PUBLISH, .as.publish = {TEXT("a/b"), TEXT("hi"), 0, false, false}}},
    {"PUBLISH, empty and retained",
     WIRE("\x31\x03\x00\x01t"),
     {.type = SPOKE_MQTT_PUBLISH, .as.publish = {TEXT("t"), TEXT(""), 0, false, true}}},
    {"PUBLISH, QoS 1 again",
     WIRE("\x3a\x0a\x00\x03"
          "a/b\x12\x34"
          "xyz"),
     {.type = SPOKE_MQTT_PUBLISH, .packet_id = 0x1234, .as.publish = {TEXT("a/b"), TEXT("xyz"), 1, true, false}}},
    {"PUBLISH, QoS 2, not ASCII",
     WIRE("\x34\x0c\x00\x08gr\xc3\xb6\xc3\x9f"
          "e/\x00\x01"),
     {.type = SPOKE_MQTT_PUBLISH,
      .packet_id = 1,
      .as.publish = {TEXT("gr\xc3\xb6\xc3\x9f"
                          "e/"),
                     TEXT(""), 2, false, false}}},
    {"PUBACK", WIRE("\x40\x02\xff\xff"), {.type = SPOKE_MQTT_PUBACK, .packet_id = 65535}},
    {"PUBREC", WIRE("\x50\x02\x00\x01"), {.type = SPOKE_MQTT_PUBREC, .packet_id = 1}},
    {"PUBREL", WIRE("\x62\x02\x00\x01"), {.type = SPOKE_MQTT_PUBREL, .packet_id = 1}},
    {"PUBCOMP", WIRE("\x70\x02\x00\x01"), {.type = SPOKE_MQTT_PUBCOMP, .packet_id = 1}},
    {"SUBSCRIBE",
     WIRE("\x82\x0c\x00\x07\x00\x03"
          "a/#\x01\x00\x01+\x00"),
     {.type = SPOKE_MQTT_SUBSCRIBE,
      .packet_id = 7,
      .as.filters = TEXT("\x00\x03"
                         "a/#\x01\x00\x01+\x00")}},
    {"SUBACK",
     WIRE("\x90\x06\x00\x07\x00\x01\x02\x80"),
     {.type = SPOKE_MQTT_SUBACK, .packet_id = 7, .as.codes = TEXT("\x00\x01\x02\x80")}},
    {"UNSUBSCRIBE",
     WIRE("\xa2\x07\x01\x00\x00\x03"
          "+/b"),
     {.type = SPOKE_MQTT_UNSUBSCRIBE,
      .packet_id = 256,
      .as.filters = TEXT("\x00\x03"
                         "+/b")}},
    {"UNSUBACK", WIRE("\xb0\x02\x01\x00"), {.type = SPOKE_MQTT_UNSUBACK, .packet_id = 256}},
    {"PINGREQ", WIRE("\xc0\x00"), {.type = SPOKE_MQTT_PINGREQ}},
    {"PINGRESP", WIRE("\xd0\x00"), {.type = SPOKE_MQTT_PINGRESP}},
    {"DISCONNECT", WIRE("\xe0\x00"), {.type = SPOKE_MQTT_DISCONNECT}},
};

enum { GOLDENS = sizeof GOLDEN / sizeof GOLDEN[0] };

static spoke_status decode(const char *bytes, size_t len, spoke_mqtt_packet *out)
{
    /* A copy of the exact size lets the address sanitizer see a look past the end. */
    uint8_t *copy = malloc(len > 0 ? len : 1);
    memcpy(copy, bytes, len);
    const spoke_status status = spoke_mqtt_decode(copy, len, out);
    free(copy);
    return status;
}

static void assert_same_text(spoke_str a, spoke_str b)
{
    assert_int_equal(a.len, b.len);
    if (a.len > 0)
        assert_memory_equal(a.ptr, b.ptr, a.len);
}

static void assert_same_connect(const spoke_mqtt_packet *a, const spoke_mqtt_packet *b)
{
    assert_same_text(a->as.connect.protocol, b->as.connect.protocol);
    assert_int_equal(a->as.connect.level, b->as.connect.level);
    assert_same_text(a->as.connect.client_id, b->as.connect.client_id);
    assert_same_text(a->as.connect.username, b->as.connect.username);
    assert_same_text(a->as.connect.password, b->as.connect.password);
    assert_same_text(a->as.connect.will.topic, b->as.connect.will.topic);
    assert_same_text(a->as.connect.will.payload, b->as.connect.will.payload);
    assert_int_equal(a->as.connect.will.qos, b->as.connect.will.qos);
    assert_int_equal(a->as.connect.will.retain, b->as.connect.will.retain);
    assert_int_equal(a->as.connect.keep_alive_s, b->as.connect.keep_alive_s);
    assert_int_equal(a->as.connect.clean_session, b->as.connect.clean_session);
    assert_int_equal(a->as.connect.has_username, b->as.connect.has_username);
    assert_int_equal(a->as.connect.has_password, b->as.connect.has_password);
    assert_int_equal(a->as.connect.has_will, b->as.connect.has_will);
}

static void assert_same_packet(const spoke_mqtt_packet *a, const spoke_mqtt_packet *b)
{
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->packet_id, b->packet_id);
    if (a->type == SPOKE_MQTT_CONNECT) {
        assert_same_connect(a, b);
    } else if (a->type == SPOKE_MQTT_CONNACK) {
        assert_int_equal(a->as.connack.session_present, b->as.connack.session_present);
        assert_int_equal(a->as.connack.code, b->as.connack.code);
    } else if (a->type == SPOKE_MQTT_PUBLISH) {
        assert_same_text(a->as.publish.topic, b->as.publish.topic);
        assert_same_text(a->as.publish.payload, b->as.publish.payload);
        assert_int_equal(a->as.publish.qos, b->as.publish.qos);
        assert_int_equal(a->as.publish.dup, b->as.publish.dup);
        assert_int_equal(a->as.publish.retain, b->as.publish.retain);
    } else if (a->type == SPOKE_MQTT_SUBACK) {
        assert_same_text(a->as.codes, b->as.codes);
    } else {
        assert_same_text(a->as.filters, b->as.filters);
    }
}

static void each_packet_decodes_to_what_it_means(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDENS; i++) {
        spoke_mqtt_packet packet;
        print_message("%s\n", GOLDEN[i].name);
        assert_ok(spoke_mqtt_decode((const uint8_t *)GOLDEN[i].bytes, GOLDEN[i].len, &packet));
        assert_same_packet(&packet, &GOLDEN[i].packet);
    }
}

static void each_packet_encodes_to_its_bytes_and_touches_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDENS; i++) {
        uint8_t memory[64];
        memset(memory, 0xa5, sizeof memory);
        spoke_buf out = spoke_buf_from(memory, 3 + GOLDEN[i].len);
        out.len = 3;
        print_message("%s\n", GOLDEN[i].name);
        assert_ok(spoke_mqtt_encode(&GOLDEN[i].packet, &out));
        assert_int_equal(out.len, 3 + GOLDEN[i].len);
        assert_memory_equal(memory + 3, GOLDEN[i].bytes, GOLDEN[i].len);
        assert_memory_equal(memory, "\xa5\xa5\xa5", 3);
        assert_int_equal(memory[3 + GOLDEN[i].len], 0xa5);
    }
}

static void a_buffer_one_short_is_refused_and_stays_as_it_was(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDENS; i++) {
        uint8_t memory[64];
        memset(memory, 0xa5, sizeof memory);
        spoke_buf out = spoke_buf_from(memory, 3 + GOLDEN[i].len - 1);
        out.len = 3;
        assert_int_equal(spoke_mqtt_encode(&GOLDEN[i].packet, &out), SPOKE_E_TOO_SMALL);
        assert_int_equal(out.len, 3);
        for (size_t at = 0; at < sizeof memory; at++)
            assert_int_equal(memory[at], 0xa5);
    }
}

static void each_truncation_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDENS; i++) {
        for (size_t len = 0; len < GOLDEN[i].len; len++) {
            spoke_mqtt_packet packet;
            assert_int_equal(decode(GOLDEN[i].bytes, len, &packet), SPOKE_E_PROTOCOL);
        }
    }
}

/* The remaining length is made to agree, so that the body alone is too short. */
static void each_body_cut_short_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDENS; i++) {
        for (size_t len = 2; len < GOLDEN[i].len; len++) {
            char cut[64];
            spoke_mqtt_packet packet;
            memcpy(cut, GOLDEN[i].bytes, len);
            cut[1] = (char)(len - 2);
            const spoke_status status = decode(cut, len, &packet);
            if (GOLDEN[i].packet.type == SPOKE_MQTT_PUBLISH || GOLDEN[i].packet.type == SPOKE_MQTT_SUBACK ||
                GOLDEN[i].packet.type == SPOKE_MQTT_SUBSCRIBE)
                assert_true(status == SPOKE_OK || status == SPOKE_E_PROTOCOL); /* a shorter list may be whole */
            else
                assert_int_equal(status, SPOKE_E_PROTOCOL);
        }
    }
}

static void a_byte_too_many_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDENS; i++) {
        char longer[64];
        spoke_mqtt_packet packet;
        memcpy(longer, GOLDEN[i].bytes, GOLDEN[i].len);
        longer[GOLDEN[i].len] = '\x55';
        assert_int_equal(decode(longer, GOLDEN[i].len + 1, &packet), SPOKE_E_PROTOCOL); /* behind the packet */
        longer[1]++;
        const spoke_status status = decode(longer, GOLDEN[i].len + 1, &packet); /* inside the packet */
        if (GOLDEN[i].packet.type == SPOKE_MQTT_PUBLISH)
            assert_ok(status); /* the payload takes all */
        else
            assert_int_equal(status, SPOKE_E_PROTOCOL);
    }
}

static void malformed_packets_are_refused(void **state)
{
    static const struct {
        const char *why, *bytes;
        size_t len;
    } bad[] = {
        {"type 0", WIRE("\x00\x00")},
        {"type 15", WIRE("\xf0\x00")},
        {"CONNECT with flags", WIRE("\x11\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01"
                                    "d")},
        {"PUBACK with flags", WIRE("\x41\x02\x00\x01")},
        {"PUBREL without flags", WIRE("\x60\x02\x00\x01")},
        {"SUBSCRIBE without flags", WIRE("\x80\x06\x00\x01\x00\x01"
                                         "a\x00")},
        {"UNSUBSCRIBE without flags", WIRE("\xa0\x05\x00\x01\x00\x01"
                                           "a")},
        {"PINGREQ with flags", WIRE("\xc8\x00")},
        {"PUBLISH with QoS 3", WIRE("\x36\x05\x00\x01t\x00\x01")},
        {"PUBLISH with QoS 0 and DUP", WIRE("\x38\x03\x00\x01t")},
        {"PUBLISH without topic", WIRE("\x30\x02\x00\x00")},
        {"PUBLISH to a '+'", WIRE("\x30\x05\x00\x03"
                                  "a/+")},
        {"PUBLISH to a '#'", WIRE("\x30\x0b\x00\x09"
                                  "devices/#")},
        {"PUBLISH to a wildcard in the middle", WIRE("\x30\x0b\x00\x09"
                                                     "dev+ces/a")},
        {"PUBLISH to NUL", WIRE("\x30\x0b\x00\x09"
                                "devices\x00"
                                "a")},
        {"PUBLISH to an overlong form", WIRE("\x30\x04\x00\x02\xc0\x80")},
        {"PUBLISH to a surrogate", WIRE("\x30\x05\x00\x03\xed\xa0\x80")},
        {"PUBLISH to half a character", WIRE("\x30\x0b\x00\x09"
                                             "devices/\xc3")},
        {"PUBLISH with packet id 0", WIRE("\x32\x05\x00\x01t\x00\x00")},
        {"PUBLISH with half a packet id", WIRE("\x32\x04\x00\x01t\x00")},
        {"PUBLISH with a topic past the end", WIRE("\x30\x03\x00\x02t")},
        {"PUBACK with packet id 0", WIRE("\x40\x02\x00\x00")},
        {"SUBACK with packet id 0", WIRE("\x90\x03\x00\x00\x00")},
        {"SUBACK without codes", WIRE("\x90\x02\x00\x01")},
        {"SUBACK with code 3", WIRE("\x90\x03\x00\x01\x03")},
        {"SUBACK with code 0x81", WIRE("\x90\x03\x00\x01\x81")},
        {"SUBSCRIBE with packet id 0", WIRE("\x82\x06\x00\x00\x00\x01"
                                            "a\x00")},
        {"SUBSCRIBE without filters", WIRE("\x82\x02\x00\x01")},
        {"SUBSCRIBE with an empty filter", WIRE("\x82\x05\x00\x01\x00\x00\x00")},
        {"SUBSCRIBE with QoS 3", WIRE("\x82\x06\x00\x01\x00\x01"
                                      "a\x03")},
        {"SUBSCRIBE with reserved QoS bits", WIRE("\x82\x06\x00\x01\x00\x01"
                                                  "a\x10")},
        {"SUBSCRIBE to '#' in the middle", WIRE("\x82\x08\x00\x01\x00\x03"
                                                "#/a\x00")},
        {"SUBSCRIBE to '#' behind text", WIRE("\x82\x07\x00\x01\x00\x02"
                                              "a#\x00")},
        {"SUBSCRIBE to '+' behind text", WIRE("\x82\x07\x00\x01\x00\x02"
                                              "a+\x00")},
        {"SUBSCRIBE to '+' before text", WIRE("\x82\x07\x00\x01\x00\x02"
                                              "+a\x00")},
        {"SUBSCRIBE to NUL", WIRE("\x82\x06\x00\x01\x00\x01\x00\x00")},
        {"UNSUBSCRIBE without filters", WIRE("\xa2\x02\x00\x01")},
        {"CONNACK with reserved flags", WIRE("\x20\x02\x02\x00")},
        {"CONNACK refused with a session", WIRE("\x20\x02\x01\x05")},
        {"CONNECT with the reserved flag", WIRE("\x10\x0d\x00\x04MQTT\x04\x03\x00\x00\x00\x01"
                                                "d")},
        {"CONNECT with a password alone", WIRE("\x10\x10\x00\x04MQTT\x04\x42\x00\x00\x00\x01"
                                               "d\x00\x01p")},
        {"CONNECT with a will QoS but no will", WIRE("\x10\x0d\x00\x04MQTT\x04\x0a\x00\x00\x00\x01"
                                                     "d")},
        {"CONNECT with will retain but no will", WIRE("\x10\x0d\x00\x04MQTT\x04\x22\x00\x00\x00\x01"
                                                      "d")},
        {"CONNECT with will QoS 3", WIRE("\x10\x12\x00\x04MQTT\x04\x1e\x00\x00\x00\x01"
                                         "d\x00\x01w\x00\x00")},
        {"CONNECT with an empty will topic", WIRE("\x10\x11\x00\x04MQTT\x04\x06\x00\x00\x00\x01"
                                                  "d\x00\x00\x00\x00")},
        {"CONNECT with a client id not UTF-8", WIRE("\x10\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01\xff")},
        {"CONNECT with a protocol name not UTF-8", WIRE("\x10\x0d\x00\x04MQT\xff\x04\x02\x00\x00\x00\x01"
                                                        "d")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        spoke_mqtt_packet packet;
        print_message("%s\n", bad[i].why);
        assert_int_equal(decode(bad[i].bytes, bad[i].len, &packet), SPOKE_E_PROTOCOL);
    }
}

static void no_bytes_are_no_packet(void **state)
{
    spoke_mqtt_packet packet;
    (void)state;
    assert_int_equal(spoke_mqtt_decode(NULL, 0, &packet), SPOKE_E_PROTOCOL);
    assert_int_equal(spoke_mqtt_decode(NULL, 1, &packet), SPOKE_E_ARG);
}

static void another_protocol_version_can_be_named_when_it_is_refused(void **state)
{
    static const char mqtt5[] = "\x10\x0e\x00\x04MQTT\x05\x02\x00\x00\x00\x00\x01"
                                "d";
    static const char mqtt31[] = "\x10\x0f\x00\x06MQIsdp\x03\x02\x00\x00\x00\x01"
                                 "d";
    spoke_mqtt_packet packet;
    (void)state;
    assert_ok(spoke_mqtt_decode((const uint8_t *)mqtt5, sizeof mqtt5 - 1, &packet));
    assert_int_equal(packet.as.connect.level, 5);
    assert_int_equal(packet.as.connect.client_id.len, 0);
    assert_ok(spoke_mqtt_decode((const uint8_t *)mqtt31, sizeof mqtt31 - 1, &packet));
    assert_str(packet.as.connect.protocol, "MQIsdp");
    assert_int_equal(packet.as.connect.level, 3);
    static const char other[] = "\x10\x0d\x00\x04MQTS\x04\x02\x00\x00\x00\x01"
                                "d";
    assert_ok(spoke_mqtt_decode((const uint8_t *)other, sizeof other - 1, &packet));
    assert_str(packet.as.connect.protocol, "MQTS");
    assert_int_equal(packet.as.connect.client_id.len, 0);
}

static void peek_tells_the_length_from_one_to_four_bytes(void **state)
{
    static const struct {
        const char *bytes;
        size_t len, head, body;
    } cases[] = {
        {WIRE("\x30\x00"), 2, 0},
        {WIRE("\x30\x7f"), 2, 127},
        {WIRE("\x30\x80\x01"), 3, 128},
        {WIRE("\x30\xff\x7f"), 3, 16383},
        {WIRE("\x30\x80\x80\x01"), 4, 16384},
        {WIRE("\x30\xff\xff\x7f"), 4, 2097151},
        {WIRE("\x30\x80\x80\x80\x01"), 5, 2097152},
        {WIRE("\x30\xff\xff\xff\x7f"), 5, SPOKE_MQTT_MAX_REMAINING},
        {WIRE("\x30\x82\x80\x00"), 4, 2}, /* longer than needed, which the standard does not forbid */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        spoke_mqtt_header header;
        for (size_t len = 0; len < cases[i].len; len++)
            assert_int_equal(spoke_mqtt_peek((const uint8_t *)cases[i].bytes, len, &header), SPOKE_E_AGAIN);
        assert_ok(spoke_mqtt_peek((const uint8_t *)cases[i].bytes, cases[i].len, &header));
        assert_int_equal(header.type, SPOKE_MQTT_PUBLISH);
        assert_int_equal(header.head_bytes, cases[i].head);
        assert_int_equal(header.body_bytes, cases[i].body);
    }
}

static void peek_refuses_a_fifth_length_byte_and_bad_flags_at_once(void **state)
{
    spoke_mqtt_header header;
    (void)state;
    assert_int_equal(spoke_mqtt_peek(NULL, 0, &header), SPOKE_E_AGAIN);
    assert_int_equal(spoke_mqtt_peek((const uint8_t *)"\x30\xff\xff\xff\xff", 5, &header), SPOKE_E_PROTOCOL);
    assert_int_equal(spoke_mqtt_peek((const uint8_t *)"\x30\xff\xff\xff", 4, &header), SPOKE_E_AGAIN);
    assert_int_equal(spoke_mqtt_peek((const uint8_t *)"\x36", 1, &header), SPOKE_E_PROTOCOL);
    assert_int_equal(spoke_mqtt_peek((const uint8_t *)"\x00", 1, &header), SPOKE_E_PROTOCOL);
}

/* Lengths on both sides of each step of the length prefix, through the encoder and back. */
static void long_packets_survive_the_round_trip(void **state)
{
    static const size_t bodies[] = {127, 128, 16383, 16384, 2097151, 2097152};
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        const size_t payload = bodies[i] - 3;
        const size_t total = spoke_mqtt_publish_bytes(1, payload, 0);
        char *text = malloc(payload);
        spoke_buf out = spoke_buf_from(malloc(total), total);
        memset(text, 'x', payload);
        spoke_mqtt_packet packet = {.type = SPOKE_MQTT_PUBLISH,
                                    .as.publish = {TEXT("t"), {text, payload}, 0, false, false}};
        spoke_mqtt_packet back;
        assert_ok(spoke_mqtt_encode(&packet, &out));
        assert_int_equal(out.len, total);
        assert_ok(spoke_mqtt_decode(out.ptr, out.len, &back));
        assert_same_packet(&packet, &back);
        free(out.ptr);
        free(text);
    }
}

static void publish_bytes_says_when_no_packet_is_long_enough(void **state)
{
    (void)state;
    assert_int_equal(spoke_mqtt_publish_bytes(3, 2, 0), 9);
    assert_int_equal(spoke_mqtt_publish_bytes(3, 2, 1), 11);
    assert_int_equal(spoke_mqtt_publish_bytes(10, SPOKE_MQTT_MAX_REMAINING - 12, 0), SPOKE_MQTT_MAX_REMAINING + 5);
    assert_true(spoke_mqtt_publish_bytes(10, SPOKE_MQTT_MAX_REMAINING - 11, 0) == SIZE_MAX);
    assert_true(spoke_mqtt_publish_bytes(65536, 0, 0) == SIZE_MAX);
    assert_true(spoke_mqtt_publish_bytes(1, SIZE_MAX, 1) == SIZE_MAX);
    assert_true(spoke_mqtt_publish_bytes(SIZE_MAX, 1, 1) == SIZE_MAX);
}

static void assert_not_encodable(const spoke_mqtt_packet *packet)
{
    uint8_t memory[256];
    spoke_buf out = spoke_buf_from(memory, sizeof memory);
    assert_int_equal(spoke_mqtt_encode(packet, &out), SPOKE_E_ARG);
    assert_int_equal(out.len, 0);
}

static void the_encoder_refuses_a_connect_that_breaks_the_standard(void **state)
{
    static const char huge[65536];
    const spoke_mqtt_packet good = GOLDEN[2].packet;
    spoke_mqtt_packet bad = good;
    (void)state;
    bad.as.connect.level = 3;
    assert_not_encodable(&bad);
    bad = good, bad.as.connect.protocol = SPOKE_STR("MQIsdp");
    assert_not_encodable(&bad);
    bad = good, bad.as.connect.client_id = SPOKE_STR("");
    assert_not_encodable(&bad); /* [MQTT-3.1.3-7]: a nameless client has no session to keep */
    bad = good, bad.as.connect.client_id = SPOKE_STR("\xff");
    assert_not_encodable(&bad);
    bad = good, bad.as.connect.username = SPOKE_STR("a\0b");
    assert_not_encodable(&bad);
    bad = good, bad.as.connect.has_username = false;
    assert_not_encodable(&bad);
    bad = good, bad.as.connect.password = spoke_str_from(huge, sizeof huge);
    assert_not_encodable(&bad);
    bad = good, bad.as.connect.username = spoke_str_from(huge, sizeof huge);
    assert_not_encodable(&bad);
    bad = good, bad.as.connect.will.payload = spoke_str_from(huge, sizeof huge);
    assert_not_encodable(&bad);
    bad = good, bad.as.connect.will.qos = 3;
    assert_not_encodable(&bad);
    bad = good, bad.as.connect.will.topic = SPOKE_STR("a/#");
    assert_not_encodable(&bad);
}

static void the_encoder_refuses_other_packets_that_break_the_standard(void **state)
{
    static char huge[65537];
    memset(huge, 'x', 65536);
    static const spoke_mqtt_packet bad[] = {
        {.type = (spoke_mqtt_type)0},
        {.type = (spoke_mqtt_type)15},
        {.type = SPOKE_MQTT_CONNACK, .as.connack = {false, 6}},
        {.type = SPOKE_MQTT_CONNACK, .as.connack = {true, 1}},
        {.type = SPOKE_MQTT_PUBLISH, .as.publish = {.topic = TEXT("")}},
        {.type = SPOKE_MQTT_PUBLISH, .as.publish = {.topic = TEXT("a+")}},
        {.type = SPOKE_MQTT_PUBLISH, .as.publish = {.topic = TEXT("t"), .qos = 1}},
        {.type = SPOKE_MQTT_PUBLISH, .packet_id = 1, .as.publish = {.topic = TEXT("t")}},
        {.type = SPOKE_MQTT_PUBLISH, .packet_id = 1, .as.publish = {.topic = TEXT("t"), .qos = 3}},
        {.type = SPOKE_MQTT_PUBLISH, .as.publish = {.topic = TEXT("t"), .dup = true}},
        {.type = SPOKE_MQTT_PUBLISH, .as.publish = {.topic = TEXT("t"), .payload = {"", SIZE_MAX}}},
        {.type = SPOKE_MQTT_PUBACK},
        {.type = SPOKE_MQTT_SUBACK, .packet_id = 1, .as.codes = TEXT("")},
        {.type = SPOKE_MQTT_PUBLISH, .as.publish = {.topic = {huge, 65536}}},
        {.type = SPOKE_MQTT_SUBACK, .packet_id = 1, .as.codes = TEXT("\x03")},
        {.type = SPOKE_MQTT_SUBSCRIBE, .packet_id = 1, .as.filters = TEXT("")},
        {.type = SPOKE_MQTT_SUBSCRIBE, .packet_id = 1, .as.filters = TEXT("\x00\x01")},
        {.type = SPOKE_MQTT_UNSUBSCRIBE, .packet_id = 0, .as.filters = TEXT("\x00\x01t")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_not_encodable(&bad[i]);
}

static void filters_are_walked_one_by_one(void **state)
{
    spoke_str rest = GOLDEN[14].packet.as.filters;
    spoke_mqtt_filter filter;
    (void)state;
    assert_ok(spoke_mqtt_filter_next(&rest, true, &filter));
    assert_str(filter.filter, "a/#");
    assert_int_equal(filter.qos, 1);
    assert_ok(spoke_mqtt_filter_next(&rest, true, &filter));
    assert_str(filter.filter, "+");
    assert_int_equal(filter.qos, 0);
    assert_int_equal(spoke_mqtt_filter_next(&rest, true, &filter), SPOKE_E_NOT_FOUND);
}

static void filter_arrays_encode_to_the_same_bytes(void **state)
{
    static const spoke_mqtt_filter subscribe[] = {{TEXT("a/#"), 1}, {TEXT("+"), 0}};
    static const spoke_mqtt_filter unsubscribe[] = {{TEXT("+/b"), 0}};
    uint8_t memory[32];
    (void)state;
    memset(memory, 0xa5, sizeof memory);
    spoke_buf out = spoke_buf_from(memory, GOLDEN[14].len);
    assert_ok(spoke_mqtt_encode_filters(7, true, subscribe, 2, &out));
    assert_memory_equal(memory, GOLDEN[14].bytes, GOLDEN[14].len);
    assert_int_equal(memory[out.len], 0xa5);
    out = spoke_buf_from(memory, GOLDEN[14].len - 1);
    assert_int_equal(spoke_mqtt_encode_filters(7, true, subscribe, 2, &out), SPOKE_E_TOO_SMALL);
    assert_int_equal(out.len, 0);
    out = spoke_buf_from(memory, GOLDEN[16].len);
    assert_ok(spoke_mqtt_encode_filters(256, false, unsubscribe, 1, &out));
    assert_memory_equal(memory, GOLDEN[16].bytes, GOLDEN[16].len);
}

static void filter_arrays_that_break_the_standard_are_refused(void **state)
{
    static const spoke_mqtt_filter empty = {TEXT(""), 0}, wild = {TEXT("a#"), 0}, qos3 = {TEXT("a"), 3};
    static const spoke_mqtt_filter good = {TEXT("a"), 0};
    uint8_t memory[32];
    spoke_buf out = spoke_buf_from(memory, sizeof memory);
    (void)state;
    assert_int_equal(spoke_mqtt_encode_filters(1, true, &empty, 1, &out), SPOKE_E_ARG);
    assert_int_equal(spoke_mqtt_encode_filters(1, true, &wild, 1, &out), SPOKE_E_ARG);
    assert_int_equal(spoke_mqtt_encode_filters(1, true, &qos3, 1, &out), SPOKE_E_ARG);
    assert_int_equal(spoke_mqtt_encode_filters(0, true, &good, 1, &out), SPOKE_E_ARG);
    assert_int_equal(spoke_mqtt_encode_filters(1, true, &good, 0, &out), SPOKE_E_ARG);
    assert_int_equal(spoke_mqtt_encode_filters(1, true, NULL, 1, &out), SPOKE_E_ARG);
    assert_int_equal(spoke_mqtt_encode_filters(1, true, &good, 1, NULL), SPOKE_E_ARG);
    assert_int_equal(out.len, 0);
}

/* 4,200 filters of the longest length are more than one packet can hold. */
static void filters_beyond_the_largest_packet_are_refused(void **state)
{
    enum { COUNT = 4200 };
    char *text = malloc(65535);
    spoke_mqtt_filter *filters = malloc(COUNT * sizeof *filters);
    spoke_buf out = spoke_buf_from(NULL, 0);
    (void)state;
    memset(text, 'a', 65535);
    for (size_t i = 0; i < COUNT; i++)
        filters[i] = (spoke_mqtt_filter){{text, 65535}, 0};
    assert_int_equal(spoke_mqtt_encode_filters(1, true, filters, COUNT, &out), SPOKE_E_ARG);
    free(filters);
    free(text);
}

static void missing_arguments_are_refused(void **state)
{
    uint8_t byte = 0;
    spoke_mqtt_header header;
    spoke_mqtt_packet packet = {.type = SPOKE_MQTT_PINGREQ};
    spoke_mqtt_filter filter;
    spoke_str rest = SPOKE_STR("");
    spoke_buf out = spoke_buf_from(&byte, 1);
    (void)state;
    assert_int_equal(spoke_mqtt_peek(NULL, 1, &header), SPOKE_E_ARG);
    assert_int_equal(spoke_mqtt_peek(&byte, 1, NULL), SPOKE_E_ARG);
    assert_int_equal(spoke_mqtt_decode(NULL, 1, &packet), SPOKE_E_ARG);
    assert_int_equal(spoke_mqtt_decode(&byte, 1, NULL), SPOKE_E_ARG);
    assert_int_equal(spoke_mqtt_encode(NULL, &out), SPOKE_E_ARG);
    assert_int_equal(spoke_mqtt_encode(&packet, NULL), SPOKE_E_ARG);
    assert_int_equal(spoke_mqtt_filter_next(NULL, true, &filter), SPOKE_E_ARG);
    assert_int_equal(spoke_mqtt_filter_next(&rest, true, NULL), SPOKE_E_ARG);
}

/* The word-wise look at topics must see a bad byte at every place of every length. */
static void a_bad_byte_is_found_anywhere_in_a_topic(void **state)
{
    static const char bad[] = {'+', '#', '\0', '\x80', '\xff'};
    (void)state;
    for (size_t len = 1; len < 40; len++) {
        char wire[64] = {'\x30', (char)(2 + len), 0, (char)len};
        spoke_mqtt_packet packet;
        memset(wire + 4, '/', len);
        assert_ok(spoke_mqtt_decode((const uint8_t *)wire, 4 + len, &packet));
        for (size_t at = 0; at < len; at++) {
            for (size_t i = 0; i < sizeof bad; i++) {
                wire[4 + at] = bad[i];
                assert_int_equal(decode(wire, 4 + len, &packet), SPOKE_E_PROTOCOL);
            }
            wire[4 + at] = '/';
        }
    }
}

/* Bytes that sit next to the forbidden ones stay allowed. */
static void every_other_ascii_byte_may_stand_in_a_topic(void **state)
{
    (void)state;
    for (int byte = 1; byte < 128; byte++) {
        char wire[] = "\x30\x0b\x00\x09"
                      "deviceX/a";
        spoke_mqtt_packet packet;
        wire[10] = (char)byte;
        assert_int_equal(decode(wire, sizeof wire - 1, &packet),
                         byte == '+' || byte == '#' ? SPOKE_E_PROTOCOL : SPOKE_OK);
    }
}

static void a_client_refuses_what_only_a_server_receives(void **state)
{
    const spoke_mqtt_type types[] = {SPOKE_MQTT_CONNECT, SPOKE_MQTT_SUBSCRIBE, SPOKE_MQTT_UNSUBSCRIBE};
    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        const spoke_mqtt_header header = {types[i], codec_fixed_flags(types[i]), 2, 0};
        const uint8_t bytes[] = {(uint8_t)((unsigned)types[i] << 4 | header.flags), 0};
        spoke_mqtt_packet packet;
        assert_int_equal(codec_decode_answer(&header, bytes, &packet), SPOKE_E_PROTOCOL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_packet_decodes_to_what_it_means),
        cmocka_unit_test(each_packet_encodes_to_its_bytes_and_touches_nothing_else),
        cmocka_unit_test(a_buffer_one_short_is_refused_and_stays_as_it_was),
        cmocka_unit_test(each_truncation_is_refused),
        cmocka_unit_test(each_body_cut_short_is_refused),
        cmocka_unit_test(a_byte_too_many_is_refused),
        cmocka_unit_test(malformed_packets_are_refused),
        cmocka_unit_test(no_bytes_are_no_packet),
        cmocka_unit_test(another_protocol_version_can_be_named_when_it_is_refused),
        cmocka_unit_test(peek_tells_the_length_from_one_to_four_bytes),
        cmocka_unit_test(peek_refuses_a_fifth_length_byte_and_bad_flags_at_once),
        cmocka_unit_test(long_packets_survive_the_round_trip),
        cmocka_unit_test(publish_bytes_says_when_no_packet_is_long_enough),
        cmocka_unit_test(the_encoder_refuses_a_connect_that_breaks_the_standard),
        cmocka_unit_test(the_encoder_refuses_other_packets_that_break_the_standard),
        cmocka_unit_test(filters_are_walked_one_by_one),
        cmocka_unit_test(filter_arrays_encode_to_the_same_bytes),
        cmocka_unit_test(filter_arrays_that_break_the_standard_are_refused),
        cmocka_unit_test(filters_beyond_the_largest_packet_are_refused),
        cmocka_unit_test(a_client_refuses_what_only_a_server_receives),
        cmocka_unit_test(missing_arguments_are_refused),
        cmocka_unit_test(a_bad_byte_is_found_anywhere_in_a_topic),
        cmocka_unit_test(every_other_ascii_byte_may_stand_in_a_topic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
