/* The plain broker against MQTT 3.1.1, one claim for each rule that a server can be seen to keep; the section stands
 * above its group. */
#include "support/broker_fixture.h"

#include "central/store/store_query.h"

enum { A, B, C }; /* clients */

/* --- 3.1 CONNECT, 3.2 CONNACK --- */

static void the_first_packet_must_be_connect(void **state) /* [MQTT-3.1.0-1] */
{
    struct broker_fixture *f = *state;
    open_peer(f, A);
    say_short(f, A, SPOKE_MQTT_PINGREQ, 0);
    expect_end(f, A);
    expect_nothing(f, A);
}

static void a_second_connect_ends_the_connection(void **state) /* [MQTT-3.1.0-2] */
{
    struct broker_fixture *f = *state;
    const spoke_mqtt_packet again = connect_of("a", true);
    connect_as(f, A, "a", true);
    say(f, A, &again);
    expect_end(f, A);
}

static void another_protocol_level_is_refused_by_name(void **state) /* [MQTT-3.1.2-2] */
{
    static const uint8_t version_5[] = "\x10\x0e\x00\x04MQTT\x05\x02\x00\x00\x00\x00\x01x";
    struct broker_fixture *f = *state;
    open_peer(f, A);
    say_bytes(f, A, version_5, sizeof version_5 - 1);
    expect_connack(f, A, 1, false);
    expect_end(f, A);
}

static void another_protocol_name_is_refused(void **state) /* [MQTT-3.1.2-1] */
{
    static const uint8_t other[] = "\x10\x0c\x00\x02hj\x04\x02\x00\x00\x00\x02xy";
    struct broker_fixture *f = *state;
    open_peer(f, A);
    say_bytes(f, A, other, sizeof other - 1);
    expect_end(f, A);
}

static void a_reserved_connect_flag_ends_the_connection(void **state) /* [MQTT-3.1.2-3] */
{
    static const uint8_t reserved[] = "\x10\x0d\x00\x04MQTT\x04\x03\x00\x00\x00\x01x";
    struct broker_fixture *f = *state;
    open_peer(f, A);
    say_bytes(f, A, reserved, sizeof reserved - 1);
    expect_end(f, A);
    expect_nothing(f, A);
}

static void a_session_is_kept_for_a_client_that_comes_back(void **state) /* [MQTT-3.1.2-4], [MQTT-3.2.2-2] */
{
    struct broker_fixture *f = *state;
    const spoke_mqtt_packet packet = connect_of("a", false);
    open_peer(f, A);
    say(f, A, &packet);
    expect_connack(f, A, 0, false);
    assert_int_equal(subscribe(f, A, "t", 1), 1);
    open_peer(f, A);
    say(f, A, &packet);
    expect_connack(f, A, 0, true);
    publish_as(f, A, "t", "x", 0, false, 0);
    expect_message(f, A, "t", "x", 0);
}

static void a_clean_session_forgets_what_was_kept(void **state) /* [MQTT-3.1.2-6] */
{
    struct broker_fixture *f = *state;
    const spoke_mqtt_packet clean = connect_of("a", true);
    connect_as(f, A, "a", false);
    subscribe(f, A, "t", 1);
    open_peer(f, A);
    say(f, A, &clean);
    expect_connack(f, A, 0, false); /* [MQTT-3.2.2-1] */
    publish_as(f, A, "t", "x", 0, false, 0);
    expect_nothing(f, A);
}

static void a_clean_session_ends_with_its_connection(void **state) /* [MQTT-3.1.2-6] */
{
    struct broker_fixture *f = *state;
    connect_as(f, A, "a", true);
    subscribe(f, A, "t", 1);
    peer_gone(f, A);
    assert_int_equal(broker_stats_of(f->broker).sessions, 0);
    const spoke_mqtt_packet packet = connect_of("a", false);
    open_peer(f, A);
    say(f, A, &packet);
    expect_connack(f, A, 0, false);
}

static void a_client_without_an_id_gets_one_of_its_own(void **state) /* [MQTT-3.1.3-6] */
{
    struct broker_fixture *f = *state;
    connect_as(f, A, "", true);
    connect_as(f, B, "", true);
    assert_false(broker_conn_ended(f->peers[A].conn));
    assert_int_equal(broker_stats_of(f->broker).sessions, 2);
}

static void a_client_without_an_id_and_a_session_to_keep_is_refused(void **state) /* [MQTT-3.1.3-8] */
{
    static const uint8_t nameless[] = "\x10\x0c\x00\x04MQTT\x04\x00\x00\x00\x00\x00";
    struct broker_fixture *f = *state;
    open_peer(f, A);
    say_bytes(f, A, nameless, sizeof nameless - 1);
    expect_connack(f, A, 2, false);
    expect_end(f, A);
}

static void the_second_connection_of_an_id_ends_the_first(void **state) /* [MQTT-3.1.4-2] */
{
    struct broker_fixture *f = *state;
    connect_as(f, A, "same", true);
    subscribe(f, A, "t", 0);
    connect_as(f, B, "same", true);
    expect_end(f, A);
    publish_as(f, B, "t", "x", 0, false, 0);
    expect_nothing(f, B);
    assert_int_equal(broker_stats_of(f->broker).sessions, 1);
}

static void a_takeover_keeps_a_session_that_both_want_kept(void **state)
{
    struct broker_fixture *f = *state;
    connect_as(f, A, "same", false);
    subscribe(f, A, "t", 0);
    connect_as(f, B, "same", false);
    expect_end(f, A);
    publish_as(f, B, "t", "x", 0, false, 0);
    expect_message(f, B, "t", "x", 0);
}

static void a_silent_stranger_is_hung_up_on(void **state) /* section 3.1.4 */
{
    struct broker_fixture *f = *state;
    open_peer(f, A);
    pass(f, 9999);
    assert_false(broker_conn_ended(f->peers[A].conn));
    pass(f, 1);
    expect_end(f, A);
}

/* --- 3.1.2.10 keep-alive --- */

static void connect_alive(struct broker_fixture *f, size_t at, const char *id, uint16_t keep_alive_s)
{
    spoke_mqtt_packet packet = connect_of(id, true);
    packet.as.connect.keep_alive_s = keep_alive_s;
    open_peer(f, at);
    say(f, at, &packet);
    expect_connack(f, at, 0, false);
}

static void silence_of_one_and_a_half_intervals_ends_the_connection(void **state) /* [MQTT-3.1.2-24] */
{
    struct broker_fixture *f = *state;
    connect_alive(f, A, "a", 10);
    pass(f, 14999);
    assert_false(broker_conn_ended(f->peers[A].conn));
    pass(f, 1);
    expect_end(f, A);
}

static void any_packet_counts_against_silence(void **state)
{
    struct broker_fixture *f = *state;
    connect_alive(f, A, "a", 10);
    for (int i = 0; i < 5; i++) {
        pass(f, 14000);
        say_short(f, A, SPOKE_MQTT_PINGREQ, 0);
        expect(f, A, SPOKE_MQTT_PINGRESP); /* [MQTT-3.12.4-1] */
    }
    pass(f, 15000);
    expect_end(f, A);
}

static void keep_alive_0_never_ends_the_connection(void **state)
{
    struct broker_fixture *f = *state;
    connect_alive(f, A, "a", 0);
    pass(f, 1000ull * 3600 * 24 * 365);
    assert_false(broker_conn_ended(f->peers[A].conn));
}

/* --- 3.1.2.5 wills --- */

static void connect_with_will(struct broker_fixture *f, size_t at, const char *id, uint8_t qos, bool retain)
{
    spoke_mqtt_packet packet = connect_of(id, true);
    packet.as.connect.has_will = true;
    packet.as.connect.keep_alive_s = 10;
    packet.as.connect.will = (spoke_mqtt_will){SPOKE_STR("will"), SPOKE_STR("gone"), qos, retain};
    open_peer(f, at);
    say(f, at, &packet);
    expect_connack(f, at, 0, false);
}

static void a_will_is_published_when_the_stream_breaks(void **state) /* [MQTT-3.1.2-8] */
{
    struct broker_fixture *f = *state;
    connect_as(f, B, "b", true);
    subscribe(f, B, "will", 2);
    connect_with_will(f, A, "a", 2, false);
    peer_gone(f, A);
    settle(f);
    expect_message(f, B, "will", "gone", 2);
    assert_false(f->packet.as.publish.retain);
}

static void a_will_is_published_after_silence(void **state)
{
    struct broker_fixture *f = *state;
    connect_as(f, B, "b", true);
    subscribe(f, B, "will", 1);
    connect_with_will(f, A, "a", 1, false);
    pass(f, 15000);
    expect_message(f, B, "will", "gone", 1);
}

static void a_will_is_published_on_a_protocol_error(void **state)
{
    struct broker_fixture *f = *state;
    connect_as(f, B, "b", true);
    subscribe(f, B, "will", 1);
    connect_with_will(f, A, "a", 0, false);
    say_bytes(f, A, "\xf0\x00", 2);
    expect_end(f, A);
    expect_message(f, B, "will", "gone", 0);
}

static void a_will_is_published_when_the_session_is_taken_over(void **state)
{
    struct broker_fixture *f = *state;
    connect_as(f, B, "b", true);
    subscribe(f, B, "will", 1);
    connect_with_will(f, A, "a", 1, false);
    connect_as(f, C, "a", true);
    expect_message(f, B, "will", "gone", 1);
}

static void disconnect_drops_the_will(void **state) /* [MQTT-3.1.2-10], [MQTT-3.14.4-3] */
{
    struct broker_fixture *f = *state;
    connect_as(f, B, "b", true);
    subscribe(f, B, "will", 1);
    connect_with_will(f, A, "a", 1, false);
    say_short(f, A, SPOKE_MQTT_DISCONNECT, 0);
    expect_end(f, A);
    peer_gone(f, A);
    settle(f);
    expect_nothing(f, B);
}

static void a_will_may_be_retained(void **state) /* [MQTT-3.1.2-17] */
{
    struct broker_fixture *f = *state;
    connect_with_will(f, A, "a", 1, true);
    peer_gone(f, A);
    connect_as(f, B, "b", true);
    subscribe(f, B, "will", 0);
    expect_message(f, B, "will", "gone", 0);
    assert_true(f->packet.as.publish.retain);
}

/* --- 3.3 PUBLISH, 3.3.1.3 retained --- */

static void a_message_reaches_each_session_once_with_its_greatest_qos(void **state) /* [MQTT-3.3.5-1] */
{
    struct broker_fixture *f = *state;
    connect_as(f, A, "a", true);
    subscribe(f, A, "t/#", 2);
    subscribe(f, A, "t/+", 1);
    subscribe(f, A, "t/x", 0);
    publish_as(f, A, "t/x", "m", 2, false, 9);
    expect_message(f, A, "t/x", "m", 2);
    expect_id(f, A, SPOKE_MQTT_PUBREC, 9);
    expect_nothing(f, A);
}

static void qos_is_the_lesser_of_message_and_subscription(void **state) /* section 3.8.4 */
{
    struct broker_fixture *f = *state;
    for (uint8_t sent = 0; sent <= 2; sent++)
        for (uint8_t granted = 0; granted <= 2; granted++) {
            connect_as(f, A, "a", true);
            connect_as(f, B, "b", true);
            subscribe(f, B, "t", granted);
            publish_as(f, A, "t", "m", sent, false, sent > 0 ? 5 : 0);
            expect_message(f, B, "t", "m", sent < granted ? sent : granted);
        }
}

static void dup_of_a_publisher_is_not_handed_on(void **state) /* [MQTT-3.3.1-3] */
{
    struct broker_fixture *f = *state;
    spoke_mqtt_packet packet = {.type = SPOKE_MQTT_PUBLISH, .packet_id = 3};
    packet.as.publish.topic = SPOKE_STR("t");
    packet.as.publish.qos = 1;
    packet.as.publish.dup = true;
    connect_as(f, A, "a", true);
    subscribe(f, A, "t", 1);
    say(f, A, &packet);
    expect_message(f, A, "t", "", 1);
    assert_false(f->packet.as.publish.dup);
}

static void a_retained_message_meets_a_later_subscription(void **state) /* [MQTT-3.3.1-5], -6, -8 */
{
    struct broker_fixture *f = *state;
    connect_as(f, A, "a", true);
    publish_as(f, A, "t/1", "one", 1, true, 1);
    expect_id(f, A, SPOKE_MQTT_PUBACK, 1);
    connect_as(f, B, "b", true);
    subscribe(f, B, "t/+", 2);
    expect_message(f, B, "t/1", "one", 1);
    assert_true(f->packet.as.publish.retain);
}

static void a_standing_subscription_sees_no_retain_flag(void **state) /* [MQTT-3.3.1-9] */
{
    struct broker_fixture *f = *state;
    connect_as(f, A, "a", true);
    subscribe(f, A, "t", 0);
    publish_as(f, A, "t", "one", 0, true, 0);
    expect_message(f, A, "t", "one", 0);
    assert_false(f->packet.as.publish.retain);
}

static void an_empty_retained_message_clears_and_is_handed_on(void **state) /* [MQTT-3.3.1-10], -11 */
{
    struct broker_fixture *f = *state;
    connect_as(f, A, "a", true);
    publish_as(f, A, "t", "one", 0, true, 0);
    subscribe(f, A, "t", 0);
    expect_message(f, A, "t", "one", 0);
    publish_as(f, A, "t", "", 0, true, 0);
    expect_message(f, A, "t", "", 0);
    assert_false(f->packet.as.publish.retain);
    connect_as(f, B, "b", true);
    subscribe(f, B, "t", 0);
    expect_nothing(f, B);
    assert_int_equal(broker_stats_of(f->broker).retained, 0);
}

static void a_message_without_retain_leaves_the_retained_one(void **state) /* [MQTT-3.3.1-12] */
{
    struct broker_fixture *f = *state;
    connect_as(f, A, "a", true);
    publish_as(f, A, "t", "kept", 0, true, 0);
    publish_as(f, A, "t", "passing", 0, false, 0);
    subscribe(f, A, "t", 0);
    expect_message(f, A, "t", "kept", 0);
    expect_nothing(f, A);
}

static void subscribing_again_sends_the_retained_message_again(void **state) /* [MQTT-3.8.4-3] */
{
    struct broker_fixture *f = *state;
    connect_as(f, A, "a", true);
    publish_as(f, A, "t", "kept", 0, true, 0);
    for (int i = 0; i < 2; i++) {
        subscribe(f, A, "t", 0);
        expect_message(f, A, "t", "kept", 0);
    }
}

static void a_topic_with_a_wildcard_ends_the_connection(void **state) /* [MQTT-3.3.2-2] */
{
    struct broker_fixture *f = *state;
    connect_as(f, A, "a", true);
    say_bytes(f, A, "\x30\x05\x00\x03t/#", 7);
    expect_end(f, A);
}

static void qos_3_ends_the_connection(void **state) /* [MQTT-3.3.1-4] */
{
    struct broker_fixture *f = *state;
    connect_as(f, A, "a", true);
    say_bytes(f, A, "\x36\x05\x00\x01t\x00\x01", 7);
    expect_end(f, A);
}

/* --- 4.3 quality of service, 2.3.1 packet ids --- */

static void qos_1_is_acknowledged_under_its_id(void **state) /* [MQTT-4.3.2-2] */
{
    struct broker_fixture *f = *state;
    connect_as(f, A, "a", true);
    publish_as(f, A, "t", "m", 1, false, 65535);
    expect_id(f, A, SPOKE_MQTT_PUBACK, 65535);
    publish_as(f, A, "t", "m", 1, false, 65535); /* free again at once */
    expect_id(f, A, SPOKE_MQTT_PUBACK, 65535);
}

static void qos_2_is_given_out_once_until_released(void **state) /* [MQTT-4.3.3-2] */
{
    struct broker_fixture *f = *state;
    connect_as(f, A, "a", true);
    connect_as(f, B, "b", true);
    subscribe(f, B, "t", 0);
    publish_as(f, A, "t", "m", 2, false, 7);
    expect_id(f, A, SPOKE_MQTT_PUBREC, 7);
    publish_as(f, A, "t", "m", 2, false, 7);
    expect_id(f, A, SPOKE_MQTT_PUBREC, 7);
    expect_message(f, B, "t", "m", 0);
    expect_nothing(f, B);
    say_short(f, A, SPOKE_MQTT_PUBREL, 7);
    expect_id(f, A, SPOKE_MQTT_PUBCOMP, 7);
    publish_as(f, A, "t", "new", 2, false, 7);
    expect_message(f, B, "t", "new", 0);
}

static void pubrel_is_answered_whatever_is_known_of_it(void **state) /* section 4.3.3 */
{
    struct broker_fixture *f = *state;
    connect_as(f, A, "a", true);
    say_short(f, A, SPOKE_MQTT_PUBREL, 99);
    expect_id(f, A, SPOKE_MQTT_PUBCOMP, 99);
}

static void an_id_that_was_not_released_is_remembered_with_the_session(void **state) /* section 3.1.2.4 */
{
    struct broker_fixture *f = *state;
    connect_as(f, B, "b", true);
    subscribe(f, B, "t", 0);
    connect_as(f, A, "a", false);
    publish_as(f, A, "t", "m", 2, false, 7);
    connect_as(f, A, "a", false);
    publish_as(f, A, "t", "m", 2, false, 7);
    expect_id(f, A, SPOKE_MQTT_PUBREC, 7);
    expect_message(f, B, "t", "m", 0);
    expect_nothing(f, B);
}

static void the_sending_side_of_qos_2_goes_its_four_steps(void **state) /* [MQTT-4.3.3-1] */
{
    struct broker_fixture *f = *state;
    connect_as(f, A, "a", true);
    subscribe(f, A, "t", 2);
    publish_as(f, A, "t", "m", 2, false, 1);
    expect_message(f, A, "t", "m", 2);
    const uint16_t id = f->packet.packet_id;
    expect_id(f, A, SPOKE_MQTT_PUBREC, 1);
    say_short(f, A, SPOKE_MQTT_PUBREC, id);
    expect_id(f, A, SPOKE_MQTT_PUBREL, id);
    say_short(f, A, SPOKE_MQTT_PUBREC, id); /* again: the client lost it */
    expect_id(f, A, SPOKE_MQTT_PUBREL, id);
    say_short(f, A, SPOKE_MQTT_PUBCOMP, id);
    connect_as(f, A, "a", false);
    expect_nothing(f, A);
}

static void an_acknowledgement_of_the_other_kind_settles_nothing(void **state)
{
    struct broker_fixture *f = *state;
    connect_as(f, A, "a", false);
    subscribe(f, A, "t", 2);
    publish_as(f, A, "t", "m", 2, false, 1);
    expect_message(f, A, "t", "m", 2);
    const uint16_t id = f->packet.packet_id;
    say_short(f, A, SPOKE_MQTT_PUBACK, id);
    say_short(f, A, SPOKE_MQTT_PUBCOMP, id);
    connect_as(f, A, "a", false);
    expect_message(f, A, "t", "m", 2);
    assert_int_equal(f->packet.packet_id, id);
}

static void ids_in_flight_differ_and_are_used_again_when_free(void **state) /* [MQTT-2.3.1-2], -4 */
{
    struct broker_fixture *f = *state;
    connect_as(f, A, "a", true);
    subscribe(f, A, "t", 1);
    connect_as(f, B, "b", true);
    publish_as(f, B, "t", "stays", 1, false, 1);
    expect_message(f, A, "t", "stays", 1);
    const uint16_t held = f->packet.packet_id;
    for (uint32_t i = 0; i < 70000; i++) {
        publish_as(f, B, "t", "x", 1, false, 1);
        expect_message(f, A, "t", "x", 1);
        assert_int_not_equal(f->packet.packet_id, held);
        assert_int_not_equal(f->packet.packet_id, 0);
        say_short(f, A, SPOKE_MQTT_PUBACK, f->packet.packet_id);
        f->peers[A].heard_len = f->peers[A].taken = f->peers[B].heard_len = f->peers[B].taken = 0;
    }
}

/* --- 4.4 redelivery, 4.6 order --- */

static void what_was_not_acknowledged_goes_out_again_with_dup_and_its_id(void **state) /* [MQTT-4.4.0-1] */
{
    struct broker_fixture *f = *state;
    connect_as(f, A, "a", false);
    subscribe(f, A, "#", 2);
    connect_as(f, B, "b", true);
    publish_as(f, B, "t", "one", 1, false, 1);
    publish_as(f, B, "t", "two", 2, false, 2);
    expect_message(f, A, "t", "one", 1);
    const uint16_t one = f->packet.packet_id;
    assert_false(f->packet.as.publish.dup);
    expect_message(f, A, "t", "two", 2);
    const uint16_t two = f->packet.packet_id;
    connect_as(f, A, "a", false);
    expect_message(f, A, "t", "one", 1);
    assert_int_equal(f->packet.packet_id, one);
    assert_true(f->packet.as.publish.dup);
    expect_message(f, A, "t", "two", 2);
    assert_int_equal(f->packet.packet_id, two);
    assert_true(f->packet.as.publish.dup);
}

static void a_release_that_was_not_completed_goes_out_again(void **state) /* [MQTT-4.4.0-1] */
{
    struct broker_fixture *f = *state;
    connect_as(f, A, "a", false);
    subscribe(f, A, "t", 2);
    publish_as(f, A, "t", "m", 2, false, 1);
    expect_message(f, A, "t", "m", 2);
    const uint16_t id = f->packet.packet_id;
    say_short(f, A, SPOKE_MQTT_PUBREC, id);
    connect_as(f, A, "a", false);
    expect_id(f, A, SPOKE_MQTT_PUBREL, id);
    expect_nothing(f, A);
}

static void what_was_never_sent_goes_out_without_dup(void **state)
{
    struct broker_fixture *f = *state;
    connect_as(f, A, "a", false);
    subscribe(f, A, "t", 1);
    peer_gone(f, A);
    connect_as(f, B, "b", true);
    publish_as(f, B, "t", "m", 1, false, 1);
    connect_as(f, A, "a", false);
    expect_message(f, A, "t", "m", 1);
    assert_false(f->packet.as.publish.dup);
}

static void messages_of_a_publisher_keep_their_order(void **state) /* [MQTT-4.6.0-6] */
{
    struct broker_fixture *f = *state;
    char text[8];
    connect_as(f, A, "a", false);
    subscribe(f, A, "t", 1);
    peer_gone(f, A);
    connect_as(f, B, "b", true);
    for (uint16_t i = 1; i <= 200; i++) {
        (void)snprintf(text, sizeof text, "%u", i);
        publish_as(f, B, "t", text, 1, false, i);
    }
    connect_as(f, A, "a", false);
    for (uint16_t i = 1; i <= 200; i++) {
        (void)snprintf(text, sizeof text, "%u", i);
        expect_message(f, A, "t", text, 1);
        say_short(f, A, SPOKE_MQTT_PUBACK, f->packet.packet_id);
    }
    expect_nothing(f, A);
}

static void no_more_is_in_flight_than_the_limit(void **state) /* section 4.6, non-normative */
{
    struct broker_fixture *f = *state;
    f->limits.in_flight = 2;
    broker_restart(f);
    connect_as(f, A, "a", true);
    subscribe(f, A, "t", 1);
    connect_as(f, B, "b", true);
    for (uint16_t i = 1; i <= 3; i++)
        publish_as(f, B, "t", "m", 1, false, i);
    expect_message(f, A, "t", "m", 1);
    const uint16_t first = f->packet.packet_id;
    expect_message(f, A, "t", "m", 1);
    expect_nothing(f, A);
    say_short(f, A, SPOKE_MQTT_PUBACK, first);
    expect_message(f, A, "t", "m", 1);
}

/* --- 3.8 SUBSCRIBE, 3.10 UNSUBSCRIBE --- */

static void the_filter_of_the_conformance_suite_is_refused(void **state) /* [MQTT-3.9.3-2] */
{
    struct broker_fixture *f = *state;
    connect_as(f, A, "a", true);
    assert_int_equal(subscribe(f, A, "test/nosubscribe", 2), 0x80);
    publish_as(f, A, "test/nosubscribe", "m", 0, false, 0);
    expect_nothing(f, A);
}

static void one_suback_answers_all_filters_in_order(void **state) /* [MQTT-3.8.4-4], -5 */
{
    struct broker_fixture *f = *state;
    uint8_t memory[128];
    spoke_buf out = spoke_buf_from(memory, sizeof memory);
    const spoke_mqtt_filter filters[] = {
        {SPOKE_STR("a"), 2}, {SPOKE_STR("test/nosubscribe"), 1}, {SPOKE_STR("b"), 0}, {SPOKE_STR("c"), 1}};
    assert_ok(spoke_mqtt_encode_filters(5, true, filters, 4, &out));
    connect_as(f, A, "a", true);
    say_bytes(f, A, out.ptr, out.len);
    expect_id(f, A, SPOKE_MQTT_SUBACK, 5);
    assert_int_equal(f->packet.as.codes.len, 4);
    assert_memory_equal(f->packet.as.codes.ptr, "\x02\x80\x00\x01", 4);
}

static void subscribing_again_replaces_the_qos(void **state) /* [MQTT-3.8.4-3] */
{
    struct broker_fixture *f = *state;
    connect_as(f, A, "a", true);
    subscribe(f, A, "t", 2);
    subscribe(f, A, "t", 0);
    publish_as(f, A, "t", "m", 1, false, 1);
    expect_message(f, A, "t", "m", 0);
}

static void unsubscribing_stops_the_messages(void **state) /* [MQTT-3.10.4-1], -2 */
{
    struct broker_fixture *f = *state;
    connect_as(f, A, "a", true);
    subscribe(f, A, "t/+", 0);
    unsubscribe(f, A, "t/#");
    publish_as(f, A, "t/x", "m", 0, false, 0);
    expect_message(f, A, "t/x", "m", 0);
    unsubscribe(f, A, "t/+");
    publish_as(f, A, "t/x", "m", 0, false, 0);
    expect_nothing(f, A);
}

static void what_is_in_flight_is_completed_after_unsubscribing(void **state) /* [MQTT-3.10.4-3] */
{
    struct broker_fixture *f = *state;
    connect_as(f, A, "a", false);
    subscribe(f, A, "t", 1);
    publish_as(f, A, "t", "m", 1, false, 1);
    expect_message(f, A, "t", "m", 1);
    expect_id(f, A, SPOKE_MQTT_PUBACK, 1);
    unsubscribe(f, A, "t");
    connect_as(f, A, "a", false);
    expect_message(f, A, "t", "m", 1);
}

static void unsubscribing_from_nothing_is_answered(void **state) /* [MQTT-3.10.4-5] */
{
    struct broker_fixture *f = *state;
    connect_as(f, A, "a", true);
    unsubscribe(f, A, "never");
}

/* --- 4.7.2 topics with '$' --- */

static void wildcards_in_front_do_not_see_the_brokers_topics(void **state) /* [MQTT-4.7.2-1] */
{
    struct broker_fixture *f = *state;
    connect_as(f, A, "a", true);
    subscribe(f, A, "#", 0);
    subscribe(f, A, "+/broker/version", 0);
    expect_nothing(f, A);
    subscribe(f, A, "$SYS/#", 0);
    expect(f, A, SPOKE_MQTT_PUBLISH);
    expect_text(f->packet.as.publish.topic, "$SYS/broker/version");
}

static void
what_clients_publish_to_dollar_topics_is_acknowledged_and_goes_nowhere(void **state) /* section 4.7.2 */
{
    struct broker_fixture *f = *state;
    connect_as(f, A, "a", true);
    subscribe(f, A, "$SYS/mine", 0);
    subscribe(f, A, "#", 0);
    publish_as(f, A, "$SYS/mine", "m", 1, true, 4);
    expect_id(f, A, SPOKE_MQTT_PUBACK, 4);
    expect_nothing(f, A);
}

/* --- 4.8 errors --- */

static void packets_of_servers_and_reserved_types_end_the_connection(void **state) /* [MQTT-4.8.0-1] */
{
    static const char *const packets[] = {"\x20\x02\x00", "\x90\x03\x00\x01", "\xb0\x02\x00\x01", "\xd0\x00",
                                          "\xf0\x00",     "\x82\x02\x00\x01", "\x62\x02\x00\x00", "\xc1\x00"};
    static const size_t lens[] = {4, 5, 4, 2, 2, 4, 4, 2};
    struct broker_fixture *f = *state;
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        connect_as(f, A, "a", true);
        char bytes[8] = {0};
        memcpy(bytes, packets[i], strlen(packets[i]));
        say_bytes(f, A, bytes, lens[i]);
        expect_end(f, A);
    }
}

static void packets_are_understood_byte_by_byte(void **state) /* section 4.2 */
{
    struct broker_fixture *f = *state;
    static const uint8_t bytes[] = "\x10\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01x"
                                   "\x82\x06\x00\x09\x00\x01t\x01"
                                   "\x32\x06\x00\x01t\x00\x08m";
    open_peer(f, A);
    for (size_t i = 0; i < sizeof bytes - 1; i++)
        say_bytes(f, A, bytes + i, 1);
    expect_connack(f, A, 0, false);
    expect_id(f, A, SPOKE_MQTT_SUBACK, 9);
    expect_message(f, A, "t", "m", 1);
    expect_id(f, A, SPOKE_MQTT_PUBACK, 8);
}

/* --- bounds --- */

static void a_packet_beyond_the_bound_is_refused_by_its_header(void **state)
{
    struct broker_fixture *f = *state;
    f->limits.packet_bytes = 1000;
    broker_restart(f);
    connect_as(f, A, "a", true);
    say_bytes(f, A, "\x30\xe8\x07", 3); /* 1000 */
    assert_false(broker_conn_ended(f->peers[A].conn));
    connect_as(f, A, "a", true);
    say_bytes(f, A, "\x30\xe9\x07", 3);
    expect_end(f, A);
}

static void a_stranger_may_not_send_more_than_a_connect_takes(void **state)
{
    struct broker_fixture *f = *state;
    open_peer(f, A);
    say_bytes(f, A, "\x10\xff\xff\x3f", 4);
    expect_end(f, A);
}

static void the_session_that_was_away_longest_makes_room(void **state)
{
    struct broker_fixture *f = *state;
    f->limits.sessions = 2;
    broker_restart(f);
    connect_as(f, A, "first", false);
    peer_gone(f, A);
    connect_as(f, A, "second", false);
    peer_gone(f, A);
    connect_as(f, A, "third", true);
    const spoke_mqtt_packet first = connect_of("first", false), second = connect_of("second", false);
    open_peer(f, B);
    say(f, B, &second);
    expect_connack(f, B, 0, true);
    open_peer(f, C);
    say(f, C, &first);
    expect_connack(f, C, 3, false); /* both others are connected */
    expect_end(f, C);
}

static void a_session_has_only_so_many_subscriptions(void **state)
{
    struct broker_fixture *f = *state;
    f->limits.subscriptions = 2;
    broker_restart(f);
    connect_as(f, A, "a", true);
    assert_int_equal(subscribe(f, A, "1", 0), 0);
    assert_int_equal(subscribe(f, A, "2", 0), 0);
    assert_int_equal(subscribe(f, A, "3", 0), 0x80);
    assert_int_equal(subscribe(f, A, "2", 1), 1);
}

static void a_topic_or_filter_too_deep_is_refused_or_left_out(void **state)
{
    struct broker_fixture *f = *state;
    char deep[300];
    memset(deep, '/', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    connect_as(f, A, "a", true);
    assert_int_equal(subscribe(f, A, deep, 0), 0x80);
    subscribe(f, A, "#", 1);
    publish_as(f, A, deep, "m", 1, true, 1);
    expect_id(f, A, SPOKE_MQTT_PUBACK, 1);
    expect_nothing(f, A);
    assert_int_equal(broker_stats_of(f->broker).dropped, 1);
}

static void a_queue_takes_only_so_many_messages(void **state)
{
    struct broker_fixture *f = *state;
    f->limits.queue_messages = 2;
    broker_restart(f);
    connect_as(f, A, "a", false);
    subscribe(f, A, "t", 1);
    peer_gone(f, A);
    connect_as(f, B, "b", true);
    publish_as(f, B, "t", "1", 1, false, 1);
    publish_as(f, B, "t", "2", 1, false, 2);
    publish_as(f, B, "t", "3", 1, false, 3);
    connect_as(f, A, "a", false);
    expect_message(f, A, "t", "1", 1);
    expect_message(f, A, "t", "2", 1);
    expect_nothing(f, A);
    assert_int_equal(broker_stats_of(f->broker).dropped, 1);
}

static void every_message_left_out_is_told_in_a_line_a_second(void **state)
{
    struct broker_fixture *f = *state;
    f->limits.queue_messages = 1;
    broker_restart(f);
    connect_as(f, A, "a", false);
    subscribe(f, A, "t", 1);
    peer_gone(f, A);
    connect_as(f, B, "b", true);
    for (uint16_t i = 1; i <= 6; i++)
        publish_as(f, B, "t", "m", 1, false, i);
    assert_int_equal(f->lines, 1);
    assert_non_null(strstr(f->line, "left out: 1 "));
    assert_int_equal(broker_deadline(f->broker), f->now + 1000);
    pass(f, 1000);
    assert_int_equal(f->lines, 2);
    assert_non_null(strstr(f->line, "left out: 4 "));
    assert_true(broker_deadline(f->broker) > f->now + 1000);
    pass(f, 1000);
    assert_int_equal(f->lines, 2);
}

/* A message is in memory once and on disk once for each session, and in memory as often after a restart. */
static void what_waits_for_all_sessions_together_has_a_bound(void **state)
{
    struct broker_fixture *f = *state;
    char payload[1001];
    memset(payload, 'x', sizeof payload - 1);
    payload[1000] = '\0';
    f->limits.all_bytes = 5000;
    broker_restart(f);
    for (size_t i = 1; i < BROKER_CLIENTS; i++) {
        char id[2] = {(char)('a' + i), '\0'};
        connect_as(f, i, id, false);
        subscribe(f, i, "t", 1);
        peer_gone(f, i);
    }
    connect_as(f, A, "a", true);
    publish_as(f, A, "t", payload, 1, false, 1);
    publish_as(f, A, "t", payload, 1, false, 2);
    assert_int_equal(broker_stats_of(f->broker).dropped, 2 * (BROKER_CLIENTS - 1) - 4);
    broker_restart(f);
    assert_true(broker_stats_of(f->broker).message_bytes <= 5000);
    connect_as(f, B, "b", false);
    expect_message(f, B, "t", payload, 1);
    say_short(f, B, SPOKE_MQTT_PUBACK, f->packet.packet_id);
    publish_as(f, B, "t", payload, 1, false, 1); /* there is room again */
    expect_message(f, B, "t", payload, 1);
}

static void a_queue_takes_only_so_many_bytes(void **state)
{
    struct broker_fixture *f = *state;
    f->limits.queue_bytes = 1000;
    broker_restart(f);
    char payload[901];
    memset(payload, 'x', sizeof payload - 1);
    payload[900] = '\0';
    connect_as(f, A, "a", false);
    subscribe(f, A, "t", 1);
    peer_gone(f, A);
    connect_as(f, B, "b", true);
    publish_as(f, B, "t", payload, 1, false, 1);
    publish_as(f, B, "t", payload, 1, false, 2);
    assert_int_equal(broker_stats_of(f->broker).dropped, 1);
}

static void all_messages_together_have_a_bound(void **state)
{
    struct broker_fixture *f = *state;
    f->limits.all_bytes = 3000;
    broker_restart(f);
    char payload[1001];
    memset(payload, 'x', sizeof payload - 1);
    payload[1000] = '\0';
    connect_as(f, A, "a", true);
    publish_as(f, A, "1", payload, 0, true, 0);
    publish_as(f, A, "2", payload, 0, true, 0);
    publish_as(f, A, "3", payload, 0, true, 0);
    assert_int_equal(broker_stats_of(f->broker).retained, 2);
    assert_true(broker_stats_of(f->broker).message_bytes <= 3000);
}

static void retained_messages_have_a_bound_and_may_be_replaced_at_it(void **state)
{
    struct broker_fixture *f = *state;
    f->limits.retained = 1;
    broker_restart(f);
    connect_as(f, A, "a", true);
    publish_as(f, A, "1", "old", 0, true, 0);
    publish_as(f, A, "2", "x", 0, true, 0);
    publish_as(f, A, "1", "new", 0, true, 0);
    subscribe(f, A, "#", 0);
    expect_message(f, A, "1", "new", 0);
    expect_nothing(f, A);
}

static void a_client_that_does_not_read_loses_qos_0_and_keeps_qos_1(void **state)
{
    struct broker_fixture *f = *state;
    char payload[1001];
    memset(payload, 'x', sizeof payload - 1);
    payload[1000] = '\0';
    f->limits.output_bytes = 10000;
    broker_restart(f);
    connect_as(f, A, "a", true);
    subscribe(f, A, "t/+", 1);
    connect_as(f, B, "b", true);
    f->peers[A].deaf = true;
    for (uint16_t i = 1; i <= 50; i++) {
        publish_as(f, B, "t/0", payload, 0, false, 0);
        publish_as(f, B, "t/1", payload, 1, false, i);
    }
    assert_true(broker_stats_of(f->broker).dropped > 0);
    f->peers[A].deaf = false;
    settle(f);
    size_t seen = 0;
    while (hear(f, A))
        if (f->packet.as.publish.qos == 1) {
            seen++;
            say_short(f, A, SPOKE_MQTT_PUBACK, f->packet.packet_id);
        }
    assert_int_equal(seen, 50);
}

static void a_client_that_asks_and_does_not_read_is_hung_up_on(void **state)
{
    struct broker_fixture *f = *state;
    f->limits.output_bytes = 1000;
    broker_restart(f);
    connect_as(f, A, "a", true);
    f->peers[A].deaf = true;
    for (int i = 0; i < 10000 && !broker_conn_ended(f->peers[A].conn); i++)
        say_short(f, A, SPOKE_MQTT_PINGREQ, 0);
    expect_end(f, A);
}

/* Dear requests of one client are served a few at a time, and those of others in between. */
static void a_client_that_asks_for_much_waits_for_its_turns(void **state)
{
    static const uint8_t ask[] = "\x82\x08\x00\x09\x00\x03+/z\x00";
    struct broker_fixture *f = *state;
    uint8_t many[20 * (sizeof ask - 1)];
    char topic[16];
    f->limits.work = 100;
    broker_restart(f);
    connect_as(f, A, "a", true);
    for (int i = 0; i < 60; i++) {
        (void)snprintf(topic, sizeof topic, "%d/y", i);
        publish_as(f, A, topic, "m", 0, true, 0);
    }
    for (size_t i = 0; i < 20; i++)
        memcpy(many + i * (sizeof ask - 1), ask, sizeof ask - 1);
    broker_conn_receive(f->peers[A].conn, f->now, many, sizeof many);
    assert_false(broker_conn_may_read(f->peers[A].conn));
    assert_int_equal(broker_deadline(f->broker), 0);
    assert_ok(broker_commit(f->broker));
    assert_true(broker_conn_output(f->peers[A].conn).len <= 10);
    settle(f);
    for (size_t i = 0; i < 20; i++)
        expect_id(f, A, SPOKE_MQTT_SUBACK, 9);
    assert_true(broker_conn_may_read(f->peers[A].conn));
    expect_nothing(f, A);
}

/* A request for topics as long as one may be: `count` times the same filter of three bytes. */
static size_t ask_often(uint8_t *out, spoke_mqtt_type type, const char *filter, size_t count)
{
    const size_t each = type == SPOKE_MQTT_SUBSCRIBE ? 6 : 5, body = 2 + count * each;
    size_t len = 0;
    out[len++] = (uint8_t)(type << 4 | 2);
    out[len++] = (uint8_t)(body | 0x80);
    out[len++] = (uint8_t)(body >> 7 | 0x80);
    out[len++] = (uint8_t)(body >> 14);
    memcpy(out + len, "\0\x09", 2);
    len += 2;
    for (size_t i = 0; i < count; i++, len += each) {
        memcpy(out + len, "\0\3", 2);
        memcpy(out + len + 2, filter, 3);
        out[len + each - 1] = type == SPOKE_MQTT_SUBSCRIBE ? 0 : out[len + each - 1];
    }
    return len;
}

static void retain_many(struct broker_fixture *f, size_t at, int count)
{
    char topic[16];
    for (int i = 0; i < count; i++) {
        (void)snprintf(topic, sizeof topic, "%d/y", i);
        publish_as(f, at, topic, "m", 0, true, 0);
    }
}

static void many_filters_of_one_packet_take_many_turns(void **state)
{
    struct broker_fixture *f = *state;
    uint8_t ask[200];
    size_t turns = 0;
    f->limits.work = 100;
    broker_restart(f);
    connect_as(f, A, "a", true);
    retain_many(f, A, 60);
    publish_as(f, A, "z", "last", 0, true, 0);
    const size_t len = ask_often(ask, SPOKE_MQTT_SUBSCRIBE, "+/z", 20);
    memcpy(ask + len - 4, "z/#", 3);
    broker_conn_receive(f->peers[A].conn, f->now, ask, len);
    for (; !broker_conn_may_read(f->peers[A].conn); turns++) {
        assert_ok(broker_commit(f->broker));
        broker_tick(f->broker, f->now);
    }
    assert_true(turns >= 8);
    settle(f);
    expect_id(f, A, SPOKE_MQTT_SUBACK, 9); /* once for all */
    assert_int_equal(f->packet.as.codes.len, 20);
    expect_message(f, A, "z", "last", 0);
    expect_nothing(f, A);
    say_short(f, A, SPOKE_MQTT_PINGREQ, 0);
    expect(f, A, SPOKE_MQTT_PINGRESP);
}

static void clients_that_ask_for_much_share_the_work_of_a_turn(void **state)
{
    static const uint8_t ask[] = "\x82\x08\x00\x09\x00\x03+/z\x00";
    struct broker_fixture *f = *state;
    size_t turns = 0;
    f->limits.work = 100;
    broker_restart(f);
    connect_as(f, A, "a", true);
    retain_many(f, A, 60);
    for (size_t i = 1; i < BROKER_CLIENTS; i++) {
        char id[2] = {(char)('a' + i), '\0'};
        connect_as(f, i, id, true);
    }
    for (size_t i = 0; i < BROKER_CLIENTS; i++)
        broker_conn_receive(f->peers[i].conn, f->now, ask, sizeof ask - 1);
    for (; broker_deadline(f->broker) == 0; turns++) {
        assert_ok(broker_commit(f->broker));
        broker_tick(f->broker, f->now);
    }
    assert_true(turns >= 3);
    settle(f);
    for (size_t i = 0; i < BROKER_CLIENTS; i++)
        expect_id(f, i, SPOKE_MQTT_SUBACK, 9);
}

static void who_waits_for_a_turn_is_not_silent(void **state)
{
    static const uint8_t ping[] = {0xc0, 0}, connect[] = "\x10\x0d\0\4MQTT\4\2\0\0\0\1c";
    struct broker_fixture *f = *state;
    spoke_mqtt_packet packet = connect_of("a", true);
    uint8_t ask[200];
    packet.as.connect.keep_alive_s = 1;
    f->limits.work = 50;
    broker_restart(f);
    connect_as(f, B, "b", true);
    retain_many(f, B, 60);
    open_peer(f, A);
    say(f, A, &packet);
    expect_connack(f, A, 0, false);
    open_peer(f, C);
    broker_conn_receive(f->peers[B].conn, f->now, ask, ask_often(ask, SPOKE_MQTT_SUBSCRIBE, "+/z", 20));
    broker_conn_receive(f->peers[A].conn, f->now, ping, sizeof ping);
    broker_conn_receive(f->peers[C].conn, f->now, connect, sizeof connect - 1);
    f->now += 10000;
    broker_tick(f->broker, f->now);
    settle(f);
    expect(f, A, SPOKE_MQTT_PINGRESP);
    expect_connack(f, C, 0, false);
    pass(f, 1500);
    expect_end(f, A);
}

static void looking_for_ones_own_subscriptions_is_work(void **state)
{
    static const uint8_t ping[] = {0xc0, 0};
    struct broker_fixture *f = *state;
    uint8_t ask[600];
    f->limits.work = 500;
    broker_restart(f);
    connect_as(f, A, "a", true);
    for (int i = 0; i < 20; i++) {
        char filter[4];
        (void)snprintf(filter, sizeof filter, "f%d", i);
        subscribe(f, A, filter, 0);
    }
    size_t len = ask_often(ask, SPOKE_MQTT_UNSUBSCRIBE, "a/b", 100);
    memcpy(ask + len, ping, sizeof ping);
    broker_conn_receive(f->peers[A].conn, f->now, ask, len + sizeof ping);
    assert_false(broker_conn_may_read(f->peers[A].conn));
    settle(f);
    expect_id(f, A, SPOKE_MQTT_UNSUBACK, 9);
    expect(f, A, SPOKE_MQTT_PINGRESP);
}

static void a_packet_with_too_many_filters_ends_the_connection(void **state)
{
    enum { MOST = 1024 };
    static const spoke_mqtt_type types[] = {SPOKE_MQTT_SUBSCRIBE, SPOKE_MQTT_UNSUBSCRIBE};
    static uint8_t ask[8000];
    struct broker_fixture *f = *state;
    for (size_t i = 0; i < 2; i++) {
        connect_as(f, A, "a", true);
        say_bytes(f, A, ask, ask_often(ask, types[i], "a/b", MOST));
        expect_id(f, A, i == 0 ? SPOKE_MQTT_SUBACK : SPOKE_MQTT_UNSUBACK, 9);
        say_bytes(f, A, ask, ask_often(ask, types[i], "a/b", MOST + 1));
        expect_end(f, A);
        expect_nothing(f, A);
    }
}

static void buffers_of_all_clients_have_a_bound(void **state)
{
    static uint8_t part[3003] = {0x30, 0xa0, 0x1f}; /* of 4000 bytes */
    struct broker_fixture *f = *state;
    f->limits.buffer_bytes = 5000;
    broker_restart(f);
    connect_as(f, A, "a", true);
    connect_as(f, B, "b", true);
    say_bytes(f, A, part, sizeof part);
    assert_false(broker_conn_ended(f->peers[A].conn));
    assert_int_equal(broker_stats_of(f->broker).buffered, sizeof part);
    say_bytes(f, B, part, sizeof part);
    expect_end(f, B);
    peer_gone(f, A);
    peer_gone(f, B);
    assert_int_equal(broker_stats_of(f->broker).buffered, 0);
}

static void output_of_all_clients_has_a_bound_and_readers_get_on(void **state)
{
    struct broker_fixture *f = *state;
    char payload[1001];
    memset(payload, 'x', sizeof payload - 1);
    payload[1000] = '\0';
    f->limits.buffer_bytes = 5000;
    broker_restart(f);
    connect_as(f, A, "a", true);
    subscribe(f, A, "t", 0);
    connect_as(f, B, "b", true);
    subscribe(f, B, "t", 0);
    connect_as(f, C, "c", true);
    f->peers[A].deaf = true;
    for (int i = 0; i < 20; i++)
        publish_as(f, C, "t", payload, 0, false, 0);
    assert_true(broker_stats_of(f->broker).dropped >= 14);
    assert_true(broker_stats_of(f->broker).buffered < 7000);
    for (int i = 0; i < 20; i++)
        expect_message(f, B, "t", payload, 0);
}

/* --- what survives a restart (section 4.1: non-volatile state) --- */

static void subscriptions_and_waiting_messages_survive_a_restart(void **state)
{
    struct broker_fixture *f = *state;
    connect_as(f, A, "a", false);
    subscribe(f, A, "t/#", 2);
    peer_gone(f, A);
    connect_as(f, B, "b", true);
    publish_as(f, B, "t/1", "one", 1, false, 1);
    publish_as(f, B, "t/2", "two", 2, false, 2);
    broker_restart(f);
    const spoke_mqtt_packet packet = connect_of("a", false);
    open_peer(f, A);
    say(f, A, &packet);
    expect_connack(f, A, 0, true);
    expect_message(f, A, "t/1", "one", 1);
    assert_false(f->packet.as.publish.dup);
    expect_message(f, A, "t/2", "two", 2);
    publish_as(f, A, "t/3", "three", 0, false, 0);
    expect_message(f, A, "t/3", "three", 0);
}

static void what_is_in_flight_survives_a_restart_under_its_id(void **state)
{
    struct broker_fixture *f = *state;
    connect_as(f, A, "a", false);
    subscribe(f, A, "t", 2);
    publish_as(f, A, "t", "one", 2, false, 1);
    expect_message(f, A, "t", "one", 2);
    const uint16_t one = f->packet.packet_id;
    say_short(f, A, SPOKE_MQTT_PUBREC, one);
    publish_as(f, A, "t", "two", 1, false, 2);
    broker_restart(f);
    connect_as(f, A, "a", false);
    expect_id(f, A, SPOKE_MQTT_PUBREL, one);
    expect_message(f, A, "t", "two", 1);
    assert_true(f->packet.as.publish.dup);
    assert_int_not_equal(f->packet.packet_id, one);
}

static void an_id_that_was_not_released_survives_a_restart(void **state)
{
    struct broker_fixture *f = *state;
    connect_as(f, A, "a", false);
    publish_as(f, A, "t", "m", 2, false, 7);
    broker_restart(f);
    connect_as(f, B, "b", true);
    subscribe(f, B, "t", 0);
    connect_as(f, A, "a", false);
    publish_as(f, A, "t", "m", 2, false, 7);
    expect_id(f, A, SPOKE_MQTT_PUBREC, 7);
    expect_nothing(f, B);
}

static void what_was_acknowledged_does_not_come_back(void **state)
{
    struct broker_fixture *f = *state;
    connect_as(f, A, "a", false);
    subscribe(f, A, "t", 1);
    subscribe(f, A, "u", 1);
    unsubscribe(f, A, "u");
    publish_as(f, A, "t", "m", 1, false, 1);
    expect_message(f, A, "t", "m", 1);
    say_short(f, A, SPOKE_MQTT_PUBACK, f->packet.packet_id);
    publish_as(f, A, "r", "m", 2, false, 3);
    say_short(f, A, SPOKE_MQTT_PUBREL, 3);
    broker_restart(f);
    connect_as(f, A, "a", false);
    publish_as(f, A, "u", "m", 0, false, 0);
    expect_nothing(f, A);
}

static void retained_messages_survive_a_restart(void **state)
{
    struct broker_fixture *f = *state;
    connect_as(f, A, "a", true);
    publish_as(f, A, "kept", "m", 1, true, 1);
    publish_as(f, A, "cleared", "m", 1, true, 1);
    publish_as(f, A, "cleared", "", 1, true, 1);
    broker_restart(f);
    connect_as(f, A, "a", true);
    subscribe(f, A, "#", 1);
    expect_message(f, A, "kept", "m", 1);
    assert_true(f->packet.as.publish.retain);
    expect_nothing(f, A);
}

/* The process ends without a word, and another one starts with what was committed. */
static void broker_kill(struct broker_fixture *f)
{
    for (size_t i = 0; i < BROKER_CLIENTS; i++)
        peer_gone(f, i);
    if (!sqlite3_get_autocommit(f->store->db))
        assert_int_equal(sqlite3_exec(f->store->db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    broker_destroy(f->broker);
    broker_start(f);
}

static void watch_wills(struct broker_fixture *f)
{
    connect_as(f, B, "b", false);
    subscribe(f, B, "will", 2);
}

static void an_open_connections_will_is_published_when_the_broker_stops(void **state) /* section 3.1.2.5 */
{
    struct broker_fixture *f = *state;
    watch_wills(f);
    peer_gone(f, B);
    connect_with_will(f, A, "a", 1, true);
    broker_restart(f);
    connect_as(f, B, "b", false);
    expect_message(f, B, "will", "gone", 1);
    connect_as(f, C, "c", true);
    subscribe(f, C, "will", 1);
    expect_message(f, C, "will", "gone", 1);
    assert_true(f->packet.as.publish.retain);
}

static void an_open_connections_will_is_published_once_after_a_crash(void **state) /* section 3.1.2.5 */
{
    struct broker_fixture *f = *state;
    watch_wills(f);
    connect_with_will(f, A, "a", 2, true);
    broker_kill(f);
    assert_int_equal(broker_stats_of(f->broker).retained, 1);
    broker_kill(f);
    connect_as(f, B, "b", false);
    expect_message(f, B, "will", "gone", 2);
    expect_nothing(f, B);
}

static void a_will_that_is_over_is_not_published_after_a_crash(void **state)
{
    struct broker_fixture *f = *state;
    watch_wills(f);
    connect_with_will(f, A, "a", 1, false);
    say_short(f, A, SPOKE_MQTT_DISCONNECT, 0);
    connect_with_will(f, C, "c", 1, false);
    peer_gone(f, C);
    settle(f);
    expect_message(f, B, "will", "gone", 1);
    say_short(f, B, SPOKE_MQTT_PUBACK, f->packet.packet_id);
    broker_kill(f);
    connect_as(f, B, "b", false);
    expect_nothing(f, B);
}

static void a_will_is_kept_by_who_took_the_session_over(void **state)
{
    struct broker_fixture *f = *state;
    spoke_mqtt_packet packet = connect_of("a", true);
    packet.as.connect.has_will = true;
    packet.as.connect.will = (spoke_mqtt_will){SPOKE_STR("will"), SPOKE_STR("later"), 1, false};
    watch_wills(f);
    connect_with_will(f, A, "a", 1, false);
    open_peer(f, C);
    say(f, C, &packet);
    expect_message(f, B, "will", "gone", 1);
    say_short(f, B, SPOKE_MQTT_PUBACK, f->packet.packet_id);
    broker_kill(f);
    connect_as(f, B, "b", false);
    expect_message(f, B, "will", "later", 1);
    expect_nothing(f, B);
}

static void clean_sessions_leave_nothing_behind(void **state)
{
    struct broker_fixture *f = *state;
    connect_as(f, A, "a", true);
    subscribe(f, A, "t", 1);
    publish_as(f, A, "t", "m", 1, false, 1);
    broker_restart(f);
    assert_int_equal(broker_stats_of(f->broker).sessions, 0);
    connect_as(f, A, "b", false);
    connect_as(f, A, "b", true);
    broker_restart(f);
    assert_int_equal(broker_stats_of(f->broker).sessions, 0);
}

/* [MQTT-4.3.2-2]: the acknowledgement takes the message over, so it waits until the message cannot be lost. */
static void nothing_is_acknowledged_before_the_commit(void **state)
{
    struct broker_fixture *f = *state;
    static const uint8_t publish[] = "\x32\x06\x00\x01t\x00\x08m";
    connect_as(f, A, "a", true);
    broker_conn_receive(f->peers[A].conn, f->now, publish, sizeof publish - 1);
    assert_int_equal(broker_conn_output(f->peers[A].conn).len, 0);
    assert_int_equal(broker_deadline(f->broker), 0);
    settle(f);
    expect_id(f, A, SPOKE_MQTT_PUBACK, 8);
}

static void what_could_not_be_stored_is_not_acknowledged(void **state)
{
    static const uint8_t publish[] = "\x33\x06\x00\x01t\x00\x08m";
    struct broker_fixture *f = *state;
    connect_as(f, A, "a", true);
    broker_conn_receive(f->peers[A].conn, f->now, publish, sizeof publish - 1);
    assert_int_equal(sqlite3_exec(f->store->db, "ROLLBACK", NULL, NULL, NULL),
                     SQLITE_OK); /* as a full disk does */
    assert_int_equal(broker_commit(f->broker), SPOKE_E_PORT);
    assert_int_equal(broker_conn_output(f->peers[A].conn).len, 0);
    expect_end(f, A);
    connect_as(f, A, "a", true); /* it goes on */
    publish_as(f, A, "t", "m", 1, true, 9);
    expect_id(f, A, SPOKE_MQTT_PUBACK, 9);
}

/* What the client said is in memory and not on disk, as when the disk is full. */
static void say_and_lose(struct broker_fixture *f, size_t at, const spoke_mqtt_packet *packet)
{
    uint8_t memory[100];
    spoke_buf out = spoke_buf_from(memory, sizeof memory);
    assert_int_equal(spoke_mqtt_encode(packet, &out), SPOKE_OK);
    broker_conn_receive(f->peers[at].conn, f->now, out.ptr, out.len);
    assert_int_equal(sqlite3_exec(f->store->db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(broker_commit(f->broker), SPOKE_E_PORT);
    expect_end(f, at);
}

static void a_message_that_was_stored_late_takes_no_others_place(void **state)
{
    struct broker_fixture *f = *state;
    spoke_mqtt_packet publish = {.type = SPOKE_MQTT_PUBLISH, .packet_id = 1};
    publish.as.publish.topic = SPOKE_STR("t");
    publish.as.publish.payload = SPOKE_STR("one");
    publish.as.publish.qos = 1;
    connect_as(f, A, "a", false);
    subscribe(f, A, "t", 1);
    peer_gone(f, A);
    connect_as(f, B, "b", true);
    say_and_lose(f, B, &publish);
    connect_as(f, B, "b", true);
    publish_as(f, B, "t", "two", 1, false, 2);
    connect_as(f, A, "a", false);
    expect_message(f, A, "t", "one", 1);
    say_short(f, A, SPOKE_MQTT_PUBACK, f->packet.packet_id);
    expect_message(f, A, "t", "two", 1);
    broker_restart(f);
    connect_as(f, A, "a", false);
    expect_message(f, A, "t", "two", 1);
    expect_nothing(f, A);
}

static void a_session_whose_beginning_was_not_stored_is_stored_later(void **state)
{
    struct broker_fixture *f = *state;
    spoke_mqtt_packet packet = connect_of("a", false);
    open_peer(f, A);
    say_and_lose(f, A, &packet);
    connect_as(f, A, "a", false);
    assert_int_equal(subscribe(f, A, "t", 1), 1);
    broker_restart(f);
    open_peer(f, A);
    say(f, A, &packet);
    expect_connack(f, A, 0, true);
    publish_as(f, A, "t", "m", 0, false, 0);
    expect_message(f, A, "t", "m", 0);
}

/* All that there is to keep, behind one commit that failed. */
static void everything_kept_is_whole_after_a_commit_that_failed(void **state)
{
    struct broker_fixture *f = *state;
    spoke_mqtt_packet publish = {.type = SPOKE_MQTT_PUBLISH, .packet_id = 5};
    publish.as.publish.topic = SPOKE_STR("t");
    publish.as.publish.payload = SPOKE_STR("one");
    publish.as.publish.qos = 2;
    connect_as(f, A, "a", false);
    subscribe(f, A, "t", 2);
    peer_gone(f, A);
    connect_as(f, B, "b", false);
    say_and_lose(f, B, &publish);
    connect_as(f, B, "b", false);
    publish_as(f, B, "kept", "r", 0, true, 0);
    broker_restart(f);
    connect_as(f, B, "b", false);
    publish_as(f, B, "t", "one", 2, false, 5); /* again: it was taken, and not acknowledged */
    expect_id(f, B, SPOKE_MQTT_PUBREC, 5);
    connect_as(f, A, "a", false);
    expect_message(f, A, "t", "one", 2);
    expect_nothing(f, A);
    subscribe(f, A, "kept", 0);
    expect_message(f, A, "kept", "r", 0);
}

static void a_will_is_kept_although_a_commit_failed(void **state)
{
    struct broker_fixture *f = *state;
    const spoke_mqtt_packet packet = connect_of("c", false);
    watch_wills(f);
    connect_with_will(f, A, "a", 1, false);
    open_peer(f, C);
    say_and_lose(f, C, &packet);
    connect_as(f, C, "d", false);
    broker_kill(f);
    connect_as(f, B, "b", false);
    expect_message(f, B, "will", "gone", 1);
}

/* A store that stays broken is not offered everything with each packet of a stranger. */
static void a_store_that_stays_broken_is_tried_once_a_second(void **state)
{
    static const uint8_t connect[] = "\x10\x0d\0\4MQTT\4\0\0\0\0\1c";
    struct broker_fixture *f = *state;
    const spoke_mqtt_packet a = connect_of("a", false), b = connect_of("b", false);
    open_peer(f, A);
    say_and_lose(f, A, &a);
    open_peer(f, B);
    say_and_lose(f, B, &b);
    open_peer(f, C);
    broker_conn_receive(f->peers[C].conn, f->now, connect, sizeof connect - 1);
    assert_true(sqlite3_get_autocommit(f->store->db)); /* nothing was written */
    assert_int_equal(broker_commit(f->broker), SPOKE_E_PORT);
    f->now += 1000;
    connect_as(f, A, "d", false);
    broker_restart(f);
    assert_int_equal(broker_stats_of(f->broker).sessions, 4);
}

static void a_broker_without_a_store_forgets(void **state)
{
    struct broker_fixture *f = *state;
    struct store *store = f->store;
    f->store = NULL;
    broker_restart(f);
    connect_as(f, A, "a", false);
    subscribe(f, A, "t", 1);
    publish_as(f, A, "t", "m", 1, true, 1);
    expect_message(f, A, "t", "m", 1);
    broker_restart(f);
    assert_int_equal(broker_stats_of(f->broker).sessions, 0);
    f->store = store;
}

/* The one that has got something to send is the one to look at. */
static void a_stirred_connection_is_named_once(void **state)
{
    struct broker_fixture *f = *state;
    connect_as(f, A, "a", true);
    connect_as(f, B, "b", true);
    subscribe(f, B, "t", 0);
    while (broker_conn_stirred(f->broker) != NULL)
        ;
    static const uint8_t publish[] = "\x30\x04\x00\x01tm";
    broker_conn_receive(f->peers[A].conn, f->now, publish, sizeof publish - 1);
    assert_ok(broker_commit(f->broker));
    assert_true(broker_any_stirred(f->broker));
    assert_ptr_equal(broker_conn_stirred(f->broker), &f->peers[B]);
    assert_null(broker_conn_stirred(f->broker));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, broker_set_up, broker_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_packet_must_be_connect),
        TEST(a_second_connect_ends_the_connection),
        TEST(another_protocol_level_is_refused_by_name),
        TEST(another_protocol_name_is_refused),
        TEST(a_reserved_connect_flag_ends_the_connection),
        TEST(a_session_is_kept_for_a_client_that_comes_back),
        TEST(a_clean_session_forgets_what_was_kept),
        TEST(a_clean_session_ends_with_its_connection),
        TEST(a_client_without_an_id_gets_one_of_its_own),
        TEST(a_client_without_an_id_and_a_session_to_keep_is_refused),
        TEST(the_second_connection_of_an_id_ends_the_first),
        TEST(a_takeover_keeps_a_session_that_both_want_kept),
        TEST(a_silent_stranger_is_hung_up_on),
        TEST(silence_of_one_and_a_half_intervals_ends_the_connection),
        TEST(any_packet_counts_against_silence),
        TEST(keep_alive_0_never_ends_the_connection),
        TEST(a_will_is_published_when_the_stream_breaks),
        TEST(a_will_is_published_after_silence),
        TEST(a_will_is_published_on_a_protocol_error),
        TEST(a_will_is_published_when_the_session_is_taken_over),
        TEST(disconnect_drops_the_will),
        TEST(a_will_may_be_retained),
        TEST(a_message_reaches_each_session_once_with_its_greatest_qos),
        TEST(qos_is_the_lesser_of_message_and_subscription),
        TEST(dup_of_a_publisher_is_not_handed_on),
        TEST(a_retained_message_meets_a_later_subscription),
        TEST(a_standing_subscription_sees_no_retain_flag),
        TEST(an_empty_retained_message_clears_and_is_handed_on),
        TEST(a_message_without_retain_leaves_the_retained_one),
        TEST(subscribing_again_sends_the_retained_message_again),
        TEST(a_topic_with_a_wildcard_ends_the_connection),
        TEST(qos_3_ends_the_connection),
        TEST(qos_1_is_acknowledged_under_its_id),
        TEST(qos_2_is_given_out_once_until_released),
        TEST(pubrel_is_answered_whatever_is_known_of_it),
        TEST(an_id_that_was_not_released_is_remembered_with_the_session),
        TEST(the_sending_side_of_qos_2_goes_its_four_steps),
        TEST(an_acknowledgement_of_the_other_kind_settles_nothing),
        TEST(ids_in_flight_differ_and_are_used_again_when_free),
        TEST(what_was_not_acknowledged_goes_out_again_with_dup_and_its_id),
        TEST(a_release_that_was_not_completed_goes_out_again),
        TEST(what_was_never_sent_goes_out_without_dup),
        TEST(messages_of_a_publisher_keep_their_order),
        TEST(no_more_is_in_flight_than_the_limit),
        TEST(the_filter_of_the_conformance_suite_is_refused),
        TEST(one_suback_answers_all_filters_in_order),
        TEST(subscribing_again_replaces_the_qos),
        TEST(unsubscribing_stops_the_messages),
        TEST(what_is_in_flight_is_completed_after_unsubscribing),
        TEST(unsubscribing_from_nothing_is_answered),
        TEST(wildcards_in_front_do_not_see_the_brokers_topics),
        TEST(what_clients_publish_to_dollar_topics_is_acknowledged_and_goes_nowhere),
        TEST(packets_of_servers_and_reserved_types_end_the_connection),
        TEST(packets_are_understood_byte_by_byte),
        TEST(a_packet_beyond_the_bound_is_refused_by_its_header),
        TEST(a_stranger_may_not_send_more_than_a_connect_takes),
        TEST(the_session_that_was_away_longest_makes_room),
        TEST(a_session_has_only_so_many_subscriptions),
        TEST(a_topic_or_filter_too_deep_is_refused_or_left_out),
        TEST(a_queue_takes_only_so_many_messages),
        TEST(every_message_left_out_is_told_in_a_line_a_second),
        TEST(what_waits_for_all_sessions_together_has_a_bound),
        TEST(a_queue_takes_only_so_many_bytes),
        TEST(all_messages_together_have_a_bound),
        TEST(retained_messages_have_a_bound_and_may_be_replaced_at_it),
        TEST(a_client_that_does_not_read_loses_qos_0_and_keeps_qos_1),
        TEST(a_client_that_asks_and_does_not_read_is_hung_up_on),
        TEST(a_client_that_asks_for_much_waits_for_its_turns),
        TEST(many_filters_of_one_packet_take_many_turns),
        TEST(clients_that_ask_for_much_share_the_work_of_a_turn),
        TEST(who_waits_for_a_turn_is_not_silent),
        TEST(looking_for_ones_own_subscriptions_is_work),
        TEST(a_packet_with_too_many_filters_ends_the_connection),
        TEST(buffers_of_all_clients_have_a_bound),
        TEST(output_of_all_clients_has_a_bound_and_readers_get_on),
        TEST(subscriptions_and_waiting_messages_survive_a_restart),
        TEST(what_is_in_flight_survives_a_restart_under_its_id),
        TEST(an_id_that_was_not_released_survives_a_restart),
        TEST(what_was_acknowledged_does_not_come_back),
        TEST(retained_messages_survive_a_restart),
        TEST(an_open_connections_will_is_published_when_the_broker_stops),
        TEST(an_open_connections_will_is_published_once_after_a_crash),
        TEST(a_will_that_is_over_is_not_published_after_a_crash),
        TEST(a_will_is_kept_by_who_took_the_session_over),
        TEST(clean_sessions_leave_nothing_behind),
        TEST(nothing_is_acknowledged_before_the_commit),
        TEST(what_could_not_be_stored_is_not_acknowledged),
        TEST(a_message_that_was_stored_late_takes_no_others_place),
        TEST(a_session_whose_beginning_was_not_stored_is_stored_later),
        TEST(everything_kept_is_whole_after_a_commit_that_failed),
        TEST(a_will_is_kept_although_a_commit_failed),
        TEST(a_store_that_stays_broken_is_tried_once_a_second),
        TEST(a_broker_without_a_store_forgets),
        TEST(a_stirred_connection_is_named_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
