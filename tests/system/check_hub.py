"""The hub, from outside: connections, sessions, telemetry, messages from the cloud, commands, twins."""
import json
import struct
import threading
import time
import unittest

import mqtt_raw
from mqtt_raw import Will, packet, publish_packet, text
from service import Case, DESIRED, HUB_API, METHODS, TWIN, c2d_filter, read_reply, report, twin_get, until


class Connections(Case):
    def connack(self, client_id, username, password, **how):
        device = self.service.device()
        return device.connect(client_id, username, password, **how)[0]

    def test_tokens_are_signed_over_the_text_that_was_received(self):
        device_id, key = self.service.provisioned()
        for what, how in {"upper hex": {}, "lower hex": {"encode": lambda v: mqtt_raw.percent(v, lower=True)},
                          "not encoded": {"encode": lambda v: v}, "other order": {"order": "se skn sig sr"},
                          "empty skn": {"skn": ""}}.items():
            with self.subTest(what):
                self.assertEqual(self.service.hub_connect(device_id, key, token=how)[1], 0)

    def test_a_token_covers_by_whole_segments_and_hosts_without_case(self):
        device_id, key = self.service.provisioned()
        name = f"localhost/{device_id}/?{HUB_API}"
        for resource, code in {"LOCALHOST/devices/" + device_id: 0, "localhost/devices/" + device_id[:-1]: 5,
                               f"localhost/devices/{device_id}1": 5, "localhost/devices/" + device_id.upper(): 5,
                               "elsewhere/devices/" + device_id: 5, f"localhost/devices/{device_id}/modules/m": 5}.items():
            with self.subTest(resource):
                self.assertEqual(self.connack(device_id, name, mqtt_raw.sas(key, resource)), code)

    def test_user_names_of_all_sdks_are_read(self):
        device_id, key = self.service.provisioned()
        password = self.service.password(device_id, key)
        for tail in ("/?" + HUB_API, "", "/", "/?api-version=2020-09-30&DeviceClientType=azsdk-c%2F1.5.0",
                     "/?api-version=2021-04-12&model-id=dtmi:com:example:T;1&DeviceClientType=azure-iot-device%2F1 (node 20; linux)",
                     "/?model-id=dtmi%3Acom%3Aexample%3AT%3B1&unknown=1&api-version=2020-09-30"):
            with self.subTest(tail):
                self.assertEqual(self.connack(device_id, f"localhost/{device_id}{tail}", password), 0)
        self.assertEqual(self.service.control(device_id)["modelId"], "dtmi:com:example:T;1")

    def test_a_connect_that_does_not_agree_with_itself_is_answered_5(self):
        device_id, key = self.service.provisioned()
        other, other_key = self.service.provisioned()
        name = f"localhost/{device_id}/?{HUB_API}"
        good = self.service.password(device_id, key)
        cases = {"another client id": (other, name, good), "another user": (device_id, f"localhost/{other}/?{HUB_API}", good),
                 "another case": (device_id.upper(), f"localhost/{device_id.upper()}/?{HUB_API}", good),
                 "another's token": (device_id, name, self.service.password(other, other_key)),
                 "another key": (device_id, name, self.service.password(device_id, other_key)),
                 "expired": (device_id, name, self.service.password(device_id, key, expires=1700000000)),
                 "no password": (device_id, name, None), "garbage": (device_id, name, b"\xff\x00garbage"),
                 "another hub": (device_id, f"elsewhere/{device_id}/?{HUB_API}", good),
                 "unknown device": ("nobody", f"localhost/nobody/?{HUB_API}", self.service.password("nobody", key))}
        for what, how in cases.items():
            with self.subTest(what):
                self.assertEqual(self.connack(*how), 5)
        self.assertIn("hub-refused", self.service.events(device_id))

    def test_a_device_that_never_provisioned_is_refused(self):
        device_id, key = self.service.created()
        self.assertEqual(self.service.hub_connect(device_id, key)[1], 5)

    def test_protocol_version_and_client_id_have_their_own_codes(self):
        device_id, key = self.service.provisioned()
        name, good = f"localhost/{device_id}/?{HUB_API}", self.service.password(device_id, key)
        self.assertEqual(self.connack(device_id, name, good, level=5), 1)
        self.assertEqual(self.connack(device_id, name, good, level=3, protocol="MQIsdp"), 1)
        self.assertEqual(self.connack("", name, good), 2)

    def test_a_second_connection_drops_the_first(self):
        first = self.service.online()
        second = self.service.online(first.id, first.key)
        first.expect_end()
        second.expect_nothing()
        self.assertEqual(self.service.events(first.id)[-3:], ["hub-connected", "hub-disconnected", "hub-connected"])
        self.assertTrue(self.service.control(first.id)["connected"])

    def test_other_filters_close_without_an_answer(self):
        for name in ("#", "devices/#", "devices/+/messages/events/#", "devices/another/messages/devicebound/#",
                     "$iothub/twin/res/+", "$iothub/methods/#", "$dps/registrations/res/#"):
            with self.subTest(name):
                device = self.service.online(filters=[TWIN])
                device.send(packet(0x82, b"\0\1" + text(DESIRED) + b"\0" + text(name) + b"\0"))
                device.expect_end()
                self.assertIn("hub-subscribe-denied", self.service.events(device.id))

    def test_qos_2_is_granted_as_1_and_a_filter_again_counts_once(self):
        device = self.service.online()
        for _ in range(7):
            filters = [(TWIN, 2), (DESIRED, 0), (METHODS, 1), (f"devices/+/messages/devicebound/#", 2), (c2d_filter(device.id), 1)]
            self.assertEqual(device.subscribe(filters), [1, 0, 1, 1, 1])
        self.assertEqual(twin_get(device)[0], 200)

    def test_devices_never_see_each_other(self):
        one, other = self.service.online(), self.service.online()
        one.subscribe([(f"devices/+/messages/devicebound/#", 1)])
        self.service.ask(202, "POST", f"/control/devices/{other.id}/c2d", {"body": "x"})
        one.expect_nothing()
        one.send(publish_packet(f"devices/{other.id}/messages/events/", "{}", 1, 9))
        one.expect_end()
        self.assertEqual(self.service.messages(other.id), [])

    def test_qos_2_and_unknown_topics_close(self):
        own = "devices/{}/messages/events/"
        for topic, qos in ((own, 2), ("a/b", 0), ("$iothub/twin/GET/?x=1", 0), ("$iothub/methods/POST/x/?$rid=1", 0),
                           ("$iothub/twin/PATCH/properties/desired/?$rid=1", 0), ("devices/{}/messages/devicebound/", 1),
                           ("$dps/registrations/PUT/iotdps-register/?$rid=1", 1)):
            with self.subTest(topic):
                device = self.service.online()
                device.send(publish_packet(topic.format(device.id), "{}", qos, 1))
                device.expect_end()
                self.assertIn("hub-protocol-error", self.service.events(device.id))

    def test_malformed_packets_close_and_harm_nobody_else(self):
        bystander = self.service.online()
        for data in (b"\x30\xff\xff\xff\xff\x01", packet(0x82, b"\0\1"), packet(0x80, b"\0\1" + text(TWIN) + b"\0"),
                     packet(0x82, b"\0\0" + text(TWIN) + b"\0"), packet(0x30, b"\0\x09short"), packet(0xF0), packet(0x00),
                     publish_packet("devices/+/messages/events/"), publish_packet(b"devices/\xff/messages/events/"),
                     publish_packet("$iothub/twin/GET/?$rid=1", qos=1, packet_id=0), packet(0x20, b"\0\0"),
                     packet(0x10, text("MQTT") + b"\4\2\0\0" + text("x"))):
            with self.subTest(data):
                device = self.service.online()
                device.send(data)
                device.expect_end()
        for data in (b"GET / HTTP/1.1\r\n\r\n", packet(0xC0), packet(0x10, text("MQTT") + b"\4"), b"\x10\xff\xff\xff\x7f"):
            with self.subTest(data):
                stranger = self.service.device()
                stranger.send(data)
                stranger.expect_end()
        bystander.expect_nothing()

    def test_packets_may_come_byte_by_byte(self):
        device = self.service.online()
        for byte in publish_packet(f"devices/{device.id}/messages/events/", "x" * 200, 1, 77):
            device.send(bytes([byte]))
        device.expect_puback(77)

    def test_silence_of_one_and_a_half_intervals_closes(self):
        begin = time.monotonic()
        device = self.service.online(keep_alive=1)
        device.expect_end(4)
        self.assertGreater(time.monotonic() - begin, 1.4)

    def test_an_expired_token_ends_the_connection_and_fires_the_will(self):
        device_id, key = self.service.provisioned()
        will = Will(f"devices/{device_id}/messages/events/why=will", "gone", 1, True)
        device = self.service.online(device_id, key, will=will, token={"expires": int(time.time()) + 3})
        device.expect_end(6)
        [message] = self.service.messages(device_id)
        self.assertEqual((message["body"], message["properties"]),
                         ("gone", {"why": "will", "mqtt-retain": "true", "iothub-MessageType": "Will"}))
        self.assertIn("hub-token-expired", self.service.events(device_id))

    def test_the_will_is_sent_unless_the_device_says_goodbye(self):
        device_id, key = self.service.provisioned()
        will = Will(f"devices/{device_id}/messages/events/", "gone", 0, False)
        ends = {"DISCONNECT": lambda d: d.disconnect(), "vanished": lambda d: d.vanish(),
                "taken over": lambda d: self.service.online(device_id, key).disconnect(),
                "dropped": lambda d: self.service.ask(200, "POST", f"/control/devices/{device_id}/disconnect"),
                "blocked": lambda d: self.service.ask(200, "PATCH", f"/api/devices/{device_id}", {"enabled": False})}
        for what, end in ends.items():
            with self.subTest(what):
                end(self.service.online(device_id, key, will=will))
                until("the end", lambda: not self.service.control(device_id)["connected"])
                self.assertEqual(len(self.service.messages(device_id)), what != "DISCONNECT")
                self.service.ask(204, "DELETE", f"/control/devices/{device_id}/messages")

    def test_a_will_for_somebody_else_or_with_qos_2_never_connects(self):
        device_id, key = self.service.provisioned()
        for will in (Will("devices/another/messages/events/", "", 0, False), Will(f"devices/{device_id}/messages/events/", "", 2, False)):
            device = self.service.device()
            device.send(mqtt_raw.connect_packet(device_id, f"localhost/{device_id}/?{HUB_API}",
                                                self.service.password(device_id, key), will=will))
            device.expect_end()

    def test_a_kept_session_has_its_subscriptions_and_messages_at_once(self):
        device = self.service.online(clean=False)
        self.assertFalse(device.present)
        device.subscribe([(c2d_filter(device.id), 1), (TWIN, 0), (DESIRED, 0)])
        device.vanish()
        for body in ("one", "two"):
            self.service.ask(202, "POST", f"/control/devices/{device.id}/c2d", {"body": body})
        self.service.ask(202, "PATCH", f"/api/devices/{device.id}/properties", {"missed": 1})
        again = self.service.online(device.id, device.key, clean=False)
        self.assertTrue(again.present)
        for body in (b"one", b"two"):
            got = again.expect(f"devices/{device.id}/messages/devicebound/")
            self.assertEqual(got.payload, body)
            again.puback(got.packet_id)
        again.expect_nothing()  # a change that was missed is not told later
        self.assertEqual(twin_get(again)[0], 200)
        again.disconnect()
        fresh = self.service.online(device.id, device.key, clean=True)
        self.assertFalse(fresh.present)
        self.service.ask(202, "POST", f"/control/devices/{device.id}/c2d", {"body": "three"})
        fresh.expect_nothing()


class WebSocket(Case):
    def link(self, **how):
        link = mqtt_raw.websocket_link(self.service.env, **how)
        self.service.links.append(link)
        return link

    def walk(self, **how):
        device = self.service.online(link=self.link(**how))
        device.subscribe([(TWIN, 0)])
        device.publish(f"devices/{device.id}/messages/events/", "x" * 70000, 1)
        self.assertEqual(len(self.service.messages(device.id)[0]["body"]), 70000)
        self.assertEqual(twin_get(device)[0], 200)

    def test_subprotocol_in_any_case_and_the_query_are_taken(self):
        self.walk()
        self.walk(protocol="MQTT", path="/$iothub/websocket?iothub-no-client-cert=true")
        self.walk(protocol="other, mqtt", path="/%24iothub/websocket")
        link = self.link(protocol="MQTT")
        self.assertEqual((link.status, link.headers["sec-websocket-protocol"]), (101, "MQTT"))

    def test_frames_and_packets_are_independent(self):
        self.walk(chop=1 << 14)
        device = self.service.online(link=self.link(chop=3))
        device.link.chop = None
        topic = f"devices/{device.id}/messages/events/"
        device.send(publish_packet(topic, "1", 1, 11) + publish_packet(topic, "2", 1, 12) + packet(0xC0))
        device.expect_puback(11)
        device.expect_puback(12)
        device.wait_for(mqtt_raw.PINGRESP)
        third = publish_packet(topic, "3", 1, 13)
        device.link.send_frame(third[:5], last=False)
        device.link.send_frame(b"between", opcode=9)
        self.assertEqual(device.link.receive_frame(), (10, b"between"))
        device.link.send_frame(b"", opcode=0, last=False)
        device.link.send_frame(third[5:], opcode=0)
        device.expect_puback(13)
        self.assertEqual([m["body"] for m in self.service.messages(device.id)], ["1", "2", "3"])

    def test_provisioning_goes_over_it_too(self):
        device_id, key = self.service.created()
        device = self.service.dps_ready(device_id, key, link=self.link())
        device.publish("$dps/registrations/PUT/iotdps-register/?$rid=1", json.dumps({"registrationId": device_id}), 1)
        device.expect("$dps/registrations/res/202/")

    def test_broken_frames_close_with_a_code(self):
        for what, (data, code) in {"text": ({"opcode": 1}, 1003), "not masked": ({"masked": False}, 1002),
                                   "reserved opcode": ({"opcode": 3}, 1002), "stray continuation": ({"opcode": 0}, 1002)}.items():
            with self.subTest(what):
                link = self.link()
                link.send_frame(b"x", **data)
                opcode, payload = link.receive_frame()
                self.assertEqual((opcode, struct.unpack(">H", payload[:2])[0]), (8, code))

    def test_a_broken_packet_ends_the_stream(self):
        device = self.service.device(self.link())
        device.send(packet(0xC0))
        device.expect_end()

    def test_a_close_is_answered_and_fires_the_will(self):
        device_id, key = self.service.provisioned()
        will = Will(f"devices/{device_id}/messages/events/", "gone", 0, False)
        device = self.service.online(device_id, key, link=self.link(), will=will)
        device.link.send_frame(struct.pack(">H", 1000), opcode=8)
        self.assertEqual(device.link.receive_frame()[0], 8)
        until("the will", lambda: len(self.service.messages(device_id)) == 1)

    def test_upgrades_that_are_none_are_refused(self):
        whole = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
                 "Sec-WebSocket-Version": "13", "Sec-WebSocket-Protocol": "mqtt"}
        for name, value, status in (("Upgrade", "other", 400), ("Connection", "close", 400), ("Sec-WebSocket-Key", "x", 400),
                                    ("Sec-WebSocket-Version", "8", 426), ("Sec-WebSocket-Protocol", "amqp", 400)):
            with self.subTest(name):
                reply = self.service.raw("GET", "/$iothub/websocket", headers={**whole, name: value})
                self.assertEqual((reply.status, set(reply.body)), (status, {"error"}))


class Telemetry(Case):
    def send(self, device, bag, body="{}", **how):
        device.publish(f"devices/{device.id}/messages/events/{bag}", body, 1, **how)
        return self.service.messages(device.id)[-1]

    def test_properties_are_decoded_after_the_bag_is_cut(self):
        device = self.service.online()
        for dollar in ("$", "%24"):
            got = self.send(device, f"{dollar}.ct=application%2Fjson%3Bcharset%3Dutf-8&{dollar}.ce=utf-8&{dollar}.mid=m&{dollar}.cid=c"
                                    f"&{dollar}.uid=u&{dollar}.ctime=2026-01-01T00%3A00%3A00Z&{dollar}.sub=thermostat1"
                                    f"&a%26b=c%3Dd&plus=1%2B1&empty=&null&r=x=y&%C3%A4=%E2%82%AC")
            system = got["system"]
            self.assertEqual([system[name] for name in ("contentType", "contentEncoding", "messageId", "correlationId", "userId",
                                                        "creationTimeUtc", "component")],
                             ["application/json;charset=utf-8", "utf-8", "m", "c", "u", "2026-01-01T00:00:00Z", "thermostat1"])
            self.assertEqual(got["properties"], {"a&b": "c=d", "plus": "1+1", "empty": "", "null": None, "r": "x=y", "ä": "€"})

    def test_the_service_adds_what_it_knows(self):
        device = self.service.online(query=HUB_API + "&model-id=dtmi:a:b;1")
        system = self.send(device, "$.sub=part")["system"]
        self.assertEqual((system["connectionDeviceId"], system["dtDataschema"], system["dtSubject"]), (device.id, "dtmi:a:b;1", "part"))
        self.assertEqual(set(json.loads(system["connectionAuthMethod"])), {"scope", "type", "issuer"})
        self.assertRegex(system["enqueuedTime"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")

    def test_retain_becomes_a_property(self):
        device = self.service.online()
        self.assertEqual(self.send(device, "a=1", retain=True)["properties"], {"a": "1", "mqtt-retain": "true"})
        again = self.service.online(device.id, device.key, filters=[c2d_filter(device.id)])
        again.expect_nothing()

    def test_order_qos_and_any_bytes_are_kept(self):
        device = self.service.online()
        topic = f"devices/{device.id}/messages/events/"
        ids = [device.publish(topic, f"{i}", qos=i % 2, wait=False) for i in range(100)]
        for packet_id in filter(None, ids):
            device.expect_puback(packet_id)
        device.publish(topic, b"\xff\x00\x80", 1)
        got = self.service.messages(device.id)
        self.assertEqual([(m["body"], m["qos"]) for m in got[:-1]], [(f"{i}", i % 2) for i in range(100)])
        self.assertEqual(len(got), 101)

    def test_256_kb_are_counted_with_the_properties(self):
        device = self.service.online()
        self.send(device, "", b" " * 262144)
        self.send(device, "$.mid=12&name=val", b" " * (262144 - 9))
        device.send(publish_packet(f"devices/{device.id}/messages/events/$.mid=12&name=val", b" " * (262144 - 8), 1, 500))
        device.expect_end()
        self.assertEqual(len(self.service.messages(device.id)), 2)

    def test_a_broken_bag_closes(self):
        for bag in ("a=%", "a=%zz", "a=%ff", "%ff=a"):
            with self.subTest(bag):
                device = self.service.online()
                device.send(publish_packet(f"devices/{device.id}/messages/events/{bag}", "{}", 1, 5))
                device.expect_end()
                self.assertEqual(self.service.messages(device.id), [])

    def test_the_newest_value_is_found_by_name_and_component(self):
        device = self.service.online()
        self.send(device, "$.ct=application%2Fjson&$.ce=utf-8&iothub-creation-time-utc=2026-01-02T03%3A04%3A05Z",
                  '{"t":1.50,"o":{"a":[1]},"big":12345678901234567890}')
        self.send(device, "$.ct=application%2Fjson&%24.sub=part", '{"t":"x"}')
        self.send(device, "$.ct=application%2Fjson", '{"t":')
        base = f"/api/devices/{device.id}"
        self.assertEqual(self.service.ask(200, "GET", base + "/telemetry/t"), {"timestamp": "2026-01-02T03:04:05.000Z", "value": 1.5})
        self.assertEqual(self.service.ask(200, "GET", base + "/telemetry/o")["value"], {"a": [1]})
        self.assertIn(b"12345678901234567890", self.service.call("GET", base + "/telemetry/big").text)
        self.assertEqual(self.service.ask(200, "GET", base + "/components/part/telemetry/t")["value"], "x")
        self.service.ask(404, "GET", base + "/telemetry/never")
        self.service.ask(404, "GET", base + "/components/part/telemetry/o")


class CloudMessages(Case):
    def post(self, device_id, body, status=202, **more):
        return self.service.ask(status, "POST", f"/control/devices/{device_id}/c2d", {"body": body, **more})

    def test_the_bag_has_to_and_mid_and_tells_empty_from_null(self):
        device = self.service.online()
        device.subscribe([(c2d_filter(device.id), 1)])
        self.post(device.id, "@", properties={"method-name": "re boot/1", "empty": "", "null": None}, system={"$.mid": "m1", "iothub-ack": "none"})
        got = device.expect(f"devices/{device.id}/messages/devicebound/")
        bag = got.topic.split("/", 4)[4].split("&")
        self.assertEqual(sorted(bag), sorted([f"%24.to=%2Fdevices%2F{device.id}%2Fmessages%2FdeviceBound", "%24.mid=m1", "iothub-ack=none",
                                              "method-name=re%20boot%2F1", "empty=", "null"]))
        self.assertEqual((got.payload, got.qos, got.dup, got.retain), (b"@", 1, False, False))
        device.puback(got.packet_id)
        until("the completion", lambda: self.service.control(device.id)["c2dPending"] == 0)

    def test_fifty_wait_and_the_next_is_refused(self):
        device_id, _ = self.service.provisioned()
        for _ in range(50):
            self.post(device_id, "x")
        self.assertIn("403004", self.post(device_id, "x", 403)["error"]["message"])
        self.assertEqual(self.service.control(device_id)["c2dPending"], 50)

    def test_pubacks_out_of_order_close_and_the_messages_come_again(self):
        device = self.service.online(clean=False)
        device.subscribe([(c2d_filter(device.id), 1)])
        self.post(device.id, "one")
        self.post(device.id, "two")
        one, two = device.expect("devices/"), device.expect("devices/")
        device.puback(two.packet_id)
        device.expect_end()
        again = self.service.online(device.id, device.key, clean=False)
        got = [again.expect("devices/"), again.expect("devices/")]
        self.assertEqual([(m.payload, m.packet_id, m.dup) for m in got], [(b"one", one.packet_id, True), (b"two", two.packet_id, True)])

    def test_a_new_message_after_an_empty_queue_is_no_duplicate(self):
        device = self.service.online()
        device.subscribe([(c2d_filter(device.id), 1)])
        for _ in range(3):
            self.post(device.id, "x")
            got = device.expect("devices/")
            self.assertFalse(got.dup)
            device.puback(got.packet_id)
            until("the completion", lambda: self.service.control(device.id)["c2dPending"] == 0)

    def test_64_kb_are_the_limit(self):
        device = self.service.online(filters=[])
        device.subscribe([(c2d_filter(device.id), 1)])
        self.post(device.id, "x" * 65537, 413)
        self.post(device.id, "x" * 65536)
        self.assertEqual(len(device.expect("devices/").payload), 65536)


class Commands(Case):
    def later(self, device_id, name, body=None, component=None):
        """Calls in another thread; the answer is in .reply when the thread has ended."""
        part = f"/components/{component}" if component else ""
        thread = threading.Thread(target=lambda: setattr(
            thread, "reply", self.service.call("POST", f"/api/devices/{device_id}{part}/commands/{name}", body)))
        thread.start()
        self.addCleanup(thread.join)
        return thread

    def finish(self, thread):
        thread.join(15)
        return thread.reply.status, thread.reply.body

    def request(self, device, name):
        got = device.expect(f"$iothub/methods/POST/{name}/?$rid=")
        self.assertEqual(got.qos, 0)
        return got.topic.partition("$rid=")[2], got.payload

    def test_requests_and_answers_of_every_shape(self):
        device = self.service.online(filters=[METHODS])
        for body, payload, answer, shown in (({"request": {"a": [1, None]}}, b'{"a":[1,null]}', '{"b":2}', {"b": 2}), ({"request": 5}, b"5", '"s"', "s"),
                                             ({"request": "x"}, b'"x"', "[]", []), ({}, b"", "", None), (None, b"", "null", None)):
            with self.subTest(body):
                call = self.later(device.id, "go", body)
                rid, got = self.request(device, "go")
                self.assertEqual(json.loads(got) if got else b"", json.loads(payload) if payload else b"")
                device.publish(f"$iothub/methods/res/207/?$rid={rid}", answer)
                status, reply = self.finish(call)
                self.assertEqual((status, reply["responseCode"], reply.get("response")), (201, 207, shown))
                self.assertEqual(reply.get("request"), (body or {}).get("request"))
                self.assertTrue(reply["id"])
        history = self.service.ask(200, "GET", f"/api/devices/{device.id}/commands/go")["value"]
        self.assertEqual(len(history), 5)

    def test_a_component_is_written_before_a_star(self):
        device = self.service.online(filters=[METHODS])
        call = self.later(device.id, "getReport", {"request": 1}, component="thermostat1")
        rid, _ = self.request(device, "thermostat1*getReport")
        device.publish(f"$iothub/methods/res/200/?$rid={rid}", "{}")
        self.assertEqual(self.finish(call)[0], 201)

    def test_a_device_that_is_away_or_does_not_listen_is_404_at_once(self):
        device_id, key = self.service.provisioned()
        path = f"/api/devices/{device_id}/commands/go"
        begin = time.monotonic()
        self.assertEqual(self.service.ask(404, "POST", path, {})["error"]["code"], "DeviceNotConnected")
        device = self.service.online(device_id, key, filters=[TWIN])
        self.service.ask(404, "POST", path, {})
        device.expect_nothing()
        device.subscribe([(METHODS, 0)])
        device.unsubscribe([METHODS])
        self.service.ask(404, "POST", path, {})
        self.assertEqual(self.service.ask(404, "POST", "/api/devices/nobody/commands/go", {})["error"]["code"], "NotFound")
        self.assertLess(time.monotonic() - begin, 4)
        device.subscribe([(METHODS, 0)])
        device.expect_nothing()  # nothing was queued

    def test_a_device_may_come_online_within_the_connection_timeout(self):
        device_id, key = self.service.provisioned()
        call = self.later(device_id, "go", {"connectionTimeout": 10})
        device = self.service.online(device_id, key, filters=[METHODS])
        rid, _ = self.request(device, "go")
        device.publish(f"$iothub/methods/res/200/?$rid={rid}")
        self.assertEqual(self.finish(call)[0], 201)

    def test_late_and_second_answers_are_dropped_and_504_comes_at_the_deadline(self):
        device = self.service.online(filters=[METHODS])
        call = self.later(device.id, "go", {"responseTimeout": 5})
        slow, _ = self.request(device, "go")
        second = self.later(device.id, "go")
        rid, _ = self.request(device, "go")
        for status in (200, 299):
            device.publish(f"$iothub/methods/res/{status}/?$rid={rid}", "{}")
        self.assertEqual(self.finish(second)[1]["responseCode"], 200)
        status, reply = self.finish(call)
        self.assertEqual((status, reply["error"]["code"]), (504, "DeviceTimeout"))
        device.publish(f"$iothub/methods/res/200/?$rid={slow}", "{}")
        device.publish("$iothub/methods/res/200/?$rid=unknown", "{}")
        device.expect_nothing()

    def test_an_answer_that_is_not_json_is_the_callers_error(self):
        device = self.service.online(filters=[METHODS])
        call = self.later(device.id, "go")
        rid, _ = self.request(device, "go")
        device.publish(f"$iothub/methods/res/200/?$rid={rid}", "not json")
        self.assertEqual(self.finish(call)[0], 502)

    def test_answers_of_another_device_do_not_count(self):
        device, thief = self.service.online(filters=[METHODS]), self.service.online(filters=[METHODS])
        call = self.later(device.id, "go")
        rid, _ = self.request(device, "go")
        thief.publish(f"$iothub/methods/res/500/?$rid={rid}", "{}")
        thief.expect_nothing()
        device.publish(f"$iothub/methods/res/200/?$rid={rid}", "{}")
        self.assertEqual(self.finish(call)[1]["responseCode"], 200)

    def test_bad_requests_are_400(self):
        device = self.service.online(filters=[METHODS])
        base = f"/api/devices/{device.id}/commands"
        for body in ({"responseTimeout": 4}, {"responseTimeout": 31}, {"connectionTimeout": 31}, {"responseTimeout": "5"}, {"other": 1}):
            self.service.ask(400, "POST", base + "/go", body)
        self.service.ask(400, "POST", base + "/a%23b", {})
        self.service.ask(413, "POST", base + "/go", {"request": "x" * 131072})
        device.expect_nothing()


class Twins(Case):
    def patch(self, device_id, body, status=202):
        return self.service.ask(status, "PATCH", f"/api/devices/{device_id}/properties", body)

    def test_get_has_the_two_sections_with_versions_and_no_more(self):
        device = self.service.online(filters=[TWIN])
        for body in ("", " ", "{}"):
            device.publish("$iothub/twin/GET/?$rid=a-b.c", body, qos=1)
            got = read_reply(device.expect("$iothub/twin/res/"), "$iothub/twin/res/")
            self.assertEqual(got, (200, {"$rid": "a-b.c"}, {"desired": {"$version": 1}, "reported": {"$version": 1}}))

    def test_a_report_is_answered_204_with_its_version_and_not_echoed(self):
        device = self.service.online(filters=[TWIN, DESIRED])
        self.assertEqual(report(device, {"a": 1, "o": {"x": 1, "y": 2}}), (204, {"$rid": "p", "$version": "2"}, None))
        self.assertEqual(report(device, {"a": None, "o": {"y": None, "z": [1, {}]}}), (204, {"$rid": "p", "$version": "3"}, None))
        self.assertEqual(report(device, {})[0], 204)
        device.expect_nothing()
        reported = twin_get(device)[2]["reported"]
        version = reported.pop("$version")
        self.assertEqual(reported, {"o": {"x": 1, "z": [1, {}]}})
        state = self.service.control(device.id)
        self.assertEqual((state["reported"], state["reportedVersion"], state["desiredVersion"]), (reported, version, 1))

    def test_changes_are_told_in_order_with_version_and_nulls(self):
        device = self.service.online(filters=[TWIN, DESIRED])
        for i in range(20):
            self.patch(device.id, {"n": i, "gone": None, "o": {"i": i}})
        for i in range(20):
            got = device.expect("$iothub/twin/PATCH/properties/desired/?$version=")
            self.assertEqual((got.topic.partition("=")[2], got.qos), (str(i + 2), 0))
            self.assertEqual(json.loads(got.payload), {"n": i, "gone": None, "o": {"i": i}, "$version": i + 2})
        self.assertEqual(twin_get(device)[2]["desired"], {"n": 19, "o": {"i": 19}, "$version": 21})
        self.assertEqual(self.service.control(device.id)["reportedVersion"], 1)

    def test_a_replacement_is_told_as_the_whole_document(self):
        device = self.service.online(filters=[TWIN, DESIRED])
        self.patch(device.id, {"a": 1, "b": 2})
        device.expect("$iothub/twin/PATCH/")
        self.service.ask(202, "PUT", f"/api/devices/{device.id}/properties", {"b": 3})
        self.assertEqual(json.loads(device.expect("$iothub/twin/PATCH/").payload), {"b": 3, "$version": 3})

    def test_changes_are_not_told_to_who_does_not_listen_and_never_later(self):
        device = self.service.online(filters=[TWIN])
        self.patch(device.id, {"a": 1})
        device.expect_nothing()
        device.subscribe([(DESIRED, 0)])
        device.expect_nothing()
        device.unsubscribe([DESIRED])
        self.patch(device.id, {"a": 2})
        device.expect_nothing()

    def test_what_breaks_the_rules_is_400_and_changes_nothing(self):
        device = self.service.online(filters=[TWIN])
        report(device, {"keep": 1})
        deep = lambda levels: json.loads('{"a":' * levels + "1" + "}" * levels)
        for patch in ("", "{", "[]", '"x"', "null", b'{"a":"\xff"}', {"$version": 4}, {"$metadata": {}}, {"a.b": 1}, {"a b": 1}, {"a$": 1}, {"": 1},
                      {"a\u0001": 1}, {"a": "x" * 4097}, {"k" * 1025: 1}, deep(11), {"n": 2**52}, {"n": -2**52 - 1}, '{"a":1}x', '{"a":1e999}',
                      {"ok": 1, "bad key": 2}, '{"a":"x\\u0000y"}'):
            with self.subTest(str(patch)[:40]):
                status, parameters, body = report(device, patch)
                self.assertEqual((status, set(parameters)), (400, {"$rid"}))
                self.assertEqual(set(body), {"errorCode", "trackingId", "message", "timestampUtc"})
                self.assertEqual(body["errorCode"] // 1000, 400)
        for patch in (deep(10), {"a": "x" * 4096}, {"k" * 1024: 1}, {"n": 2**52 - 1, "m": -2**52}, {"n": 1.5e300}):
            with self.subTest(str(patch)[:40]):
                self.assertEqual(report(device, patch)[0], 204)
        self.assertEqual(self.service.control(device.id)["reportedVersion"], 7)

    def test_32_kb_after_the_merge_are_413(self):
        device = self.service.online(filters=[TWIN])
        for i in range(8):
            self.assertEqual(report(device, {f"k{i}": "x" * 4000})[0], 204)
        self.assertEqual(report(device, {"k8": "x" * 766})[0], 413)  # 8 * 4002 + 2 + 750 is 32768
        self.assertEqual(report(device, {"k8": "x" * 750})[0], 204)
        self.assertEqual(report(device, {"k9": 1})[0], 413)
        self.assertEqual(report(device, {"k8": None, "k9": 1})[0], 204)

    def test_a_report_without_api_version_at_connect_is_400(self):
        device_id, key = self.service.provisioned()
        device = self.service.online(device_id, key, query="", filters=[TWIN])
        self.assertEqual(report(device, {"a": 1})[0], 400)
        self.assertEqual(twin_get(device)[0], 200)

    def test_acknowledgements_are_shown_beside_the_value(self):
        device = self.service.online(filters=[TWIN, DESIRED])
        self.patch(device.id, {"speed": 5, "part": {"__t": "c", "level": 1}})
        device.expect("$iothub/twin/PATCH/")
        report(device, {"speed": {"value": 5, "ac": 200, "av": 2, "ad": "done"}, "serial": "s", "part": {"__t": "c", "level": {"value": 2, "ac": 203, "av": 0}}})
        shown = self.service.ask(200, "GET", f"/api/devices/{device.id}/properties")
        self.assertEqual((shown["speed"], shown["serial"], shown["part"]["level"]), (5, "s", 2))
        metadata = shown["$metadata"]["speed"]
        self.assertEqual({name: metadata[name] for name in metadata if name != "lastUpdateTime"},
                         {"desiredValue": 5, "desiredVersion": 2, "ackVersion": 2, "ackCode": 200, "ackDescription": "done"})
        self.assertEqual(shown["part"]["$metadata"]["level"]["desiredValue"], 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
