"""The test-control area: every route in its exact shape, and every fault."""
import time
import unittest

from service import Case, METHODS, TWIN, c2d_filter, report, twin_get, until

TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"


class Routes(Case):
    def test_a_device_nobody_heard_of_is_404_everywhere(self):
        for method, path in (("GET", ""), ("GET", "/messages"), ("DELETE", "/messages"), ("POST", "/disconnect"), ("POST", "/c2d")):
            body = self.service.ask(404, method, f"/control/devices/nobody{path}", {} if path == "/c2d" else None)
            self.assertEqual(set(body["error"]), {"code", "message", "requestId", "time"})

    def test_the_area_wants_the_token_and_no_api_version(self):
        self.assertEqual(self.service.raw("GET", "/control/events").status, 401)
        self.assertEqual(self.service.raw("GET", "/control/events", headers={"Authorization": "x"}).status, 401)
        self.service.ask(200, "GET", "/control/events?api-version=anything")

    def test_the_state_of_a_device(self):
        device_id, key = self.service.created()
        self.assertEqual(self.service.control(device_id), {
            "connected": False, "modelId": None, "desired": {}, "desiredVersion": 1, "reported": {}, "reportedVersion": 1,
            "c2dPending": 0, "provisioningPayload": None})
        self.service.provision(device_id, key, {"modelId": "dtmi:a:b;1"})
        device = self.service.online(device_id, key, filters=[TWIN], query="api-version=2021-04-12&model-id=dtmi:a:b;2")
        report(device, {"r": 1})
        self.service.ask(202, "PATCH", f"/api/devices/{device_id}/properties", {"d": 2})
        self.service.ask(202, "POST", f"/control/devices/{device_id}/c2d", {"body": "x"})
        self.assertEqual(self.service.control(device_id), {
            "connected": True, "modelId": "dtmi:a:b;2", "desired": {"d": 2}, "desiredVersion": 2, "reported": {"r": 1}, "reportedVersion": 2,
            "c2dPending": 1, "provisioningPayload": {"modelId": "dtmi:a:b;1"}})

    def test_messages_in_order_and_forgotten(self):
        device = self.service.online()
        path = f"/control/devices/{device.id}/messages"
        self.assertEqual(self.service.ask(200, "GET", path), [])
        device.publish(f"devices/{device.id}/messages/events/%24.mid=m&a=1", "one")
        device.publish(f"devices/{device.id}/messages/events/", '{"two":2}', 1)
        first, second = self.service.ask(200, "GET", path)
        self.assertEqual(set(first), {"qos", "body", "system", "properties"})
        self.assertEqual((first["qos"], first["body"], first["system"]["messageId"], first["properties"]), (0, "one", "m", {"a": "1"}))
        self.assertEqual((second["qos"], second["body"], second["properties"]), (1, '{"two":2}', {}))
        self.assertEqual(self.service.call("DELETE", path).text, b"")
        self.assertEqual(self.service.ask(200, "GET", path), [])
        device.publish(f"devices/{device.id}/messages/events/", "three", 1)
        self.assertEqual(len(self.service.ask(200, "GET", path)), 1)

    def test_disconnect_drops_without_ceremony(self):
        device = self.service.online()
        path = f"/control/devices/{device.id}/disconnect"
        self.assertEqual(self.service.ask(200, "POST", path), {"dropped": True})
        device.expect_end()
        self.assertEqual(self.service.ask(200, "POST", path), {"dropped": False})

    def test_c2d_takes_text_json_and_nothing(self):
        device = self.service.online()
        device.subscribe([(c2d_filter(device.id), 1)])
        for body, payload in (({"body": "text"}, b"text"), ({"body": {"a": 1}}, b'{"a":1}'), ({"body": ""}, b""), ({}, b"")):
            self.service.ask(202, "POST", f"/control/devices/{device.id}/c2d", body)
            got = device.expect(f"devices/{device.id}/messages/devicebound/")
            self.assertEqual(got.payload, payload)
            device.puback(got.packet_id)
        for body in ({"boddy": 1}, {"properties": []}, {"properties": {"a": 1}}, {"system": {"$.mid": {}}}):
            self.service.ask(400, "POST", f"/control/devices/{device.id}/c2d", body)

    def test_events_oldest_first(self):
        device = self.service.online()
        device.disconnect()
        self.service.hub_connect(device.id, device.key, token={"expires": 1700000000})
        until("the refusal", lambda: "hub-refused" in self.service.events(device.id))
        events = self.service.ask(200, "GET", "/control/events")
        self.assertEqual(self.service.events(device.id),
                         ["dps-connect", "dps-assigned", "hub-connected", "hub-disconnected", "hub-refused"])
        self.assertEqual([event["at"] for event in events], sorted(event["at"] for event in events))
        known = {"dps-connect", "dps-unauthorized", "dps-assigned", "hub-connected", "hub-disconnected", "hub-refused",
                 "hub-subscribe-denied", "hub-protocol-error", "hub-token-expired"}
        for event in events:
            self.assertRegex(event["at"], TIME)
            self.assertTrue(set(event) <= {"kind", "at", "deviceId", "regId", "why", "code"}, event)
            self.assertIn(event["kind"], known)

    def test_no_upload_was_begun(self):
        self.assertEqual(self.service.ask(200, "GET", "/control/uploads"), [])


class Faults(Case):
    def armed(self):
        return self.service.ask(200, "GET", "/control/faults")

    def send(self, device, wait=True):
        return device.publish(f"devices/{device.id}/messages/events/", "{}", 1, wait)

    def test_a_put_replaces_all_and_an_empty_one_clears(self):
        whole = {"dpsRefuseConnect": {"count": 1, "code": 3}, "dpsThrottle": {"count": 2, "retryAfter": 4}, "dpsThrottlePoll": {"count": 1, "retryAfter": 1},
                 "dpsPolls": 2, "refuseConnect": {"count": 1, "code": 2, "deviceId": "d"}, "pubackDelay": {"ms": 5}, "dropPuback": {"count": 1},
                 "dropAfterPublishes": {"count": 3}, "twinThrottle": {"count": 1}, "twinSilence": {"count": 1}, "fragment": {"bytes": 1, "deviceId": "d"},
                 "expireToken": {"deviceId": "nobody"}, "assignHub": {"deviceId": "d", "hub": "h"}}
        self.service.ask(200, "PUT", "/control/faults", whole)
        self.assertEqual(self.armed(), whole)
        self.service.ask(200, "PUT", "/control/faults", {"dpsPolls": 1})
        self.assertEqual(self.armed(), {"dpsPolls": 1})
        self.service.ask(200, "PUT", "/control/faults", {})
        self.assertEqual(self.armed(), {})

    def test_what_is_no_fault_is_400_and_changes_nothing(self):
        self.service.fault(dpsPolls=1)
        for faults in ({"dpsPolls": -1}, {"dpsPolls": "1"}, {"unknown": 1}, {"refuseConnect": {"count": 1, "code": 9}}, {"pubackDelay": {}},
                       {"fragment": {"bytes": 0}}, {"expireToken": {}}, {"assignHub": {"deviceId": "d"}}, {"dropPuback": {"count": 1.5}}, {"twinSilence": []}):
            self.service.ask(400, "PUT", "/control/faults", {"dpsPolls": 2, **faults})
        self.assertEqual(self.service.raw("PUT", "/control/faults", "[1", {"Authorization": self.service.env["SPOKE_API_TOKEN"]}).status, 400)
        self.assertEqual(self.armed(), {"dpsPolls": 1})

    def test_refuse_connect(self):
        one, other = self.service.provisioned(), self.service.provisioned()
        for code in (1, 2, 3, 4, 5):
            self.service.fault(refuseConnect={"count": 1, "code": code, "deviceId": one[0]})
            self.assertEqual(self.service.hub_connect(*other)[1], 0)
            self.assertEqual(self.service.hub_connect(*one)[1], code)
            self.assertEqual(self.service.hub_connect(*one)[1], 0)
        self.service.fault(refuseConnect={"count": 2, "code": 3})
        self.assertEqual([self.service.hub_connect(*who)[1] for who in (one, other, one)], [3, 3, 0])
        self.assertEqual(self.armed(), {})

    def test_puback_delay(self):
        device, other = self.service.online(), self.service.online()
        self.service.fault(pubackDelay={"ms": 500, "deviceId": device.id})
        begin = time.monotonic()
        ids = [self.send(device, wait=False) for _ in range(3)]
        self.send(other)
        for packet_id in ids:
            device.expect_puback(packet_id)
        self.assertGreater(time.monotonic() - begin, 0.49)
        self.assertEqual(len(self.service.messages(device.id)), 3)

    def test_drop_puback(self):
        device = self.service.online()
        self.service.fault(dropPuback={"count": 1, "deviceId": device.id})
        self.send(device, wait=False)
        self.send(device)
        self.assertEqual(len(self.service.messages(device.id)), 2)
        self.assertEqual(self.armed(), {})

    def test_drop_after_publishes(self):
        device, other = self.service.online(), self.service.online()
        self.service.fault(dropAfterPublishes={"count": 3, "deviceId": device.id})
        for _ in range(4):
            self.send(other)
        self.send(device)
        self.send(device)
        self.send(device, wait=False)
        device.expect_end()
        self.assertEqual(len(self.service.messages(device.id)), 2)
        again = self.service.online(device.id, device.key)
        for _ in range(4):
            self.send(again)

    def test_twin_throttle_and_silence(self):
        device, other = self.service.online(filters=[TWIN]), self.service.online(filters=[TWIN])
        self.service.fault(twinThrottle={"count": 2, "deviceId": device.id})
        self.assertEqual(twin_get(other)[0], 200)
        status, _, body = report(device, {"a": 1})
        self.assertEqual((status, body["errorCode"] // 1000), (429, 429))
        self.assertEqual(twin_get(device)[0], 429)
        self.assertEqual(twin_get(device)[2]["reported"], {"$version": 1})
        self.service.fault(twinSilence={"count": 2, "deviceId": device.id})
        for topic, body in (("$iothub/twin/GET/?$rid=lost", ""), ("$iothub/twin/PATCH/properties/reported/?$rid=lost", '{"a":1}')):
            device.publish(topic, body, 1)
        device.expect_nothing()
        self.assertEqual(twin_get(device)[2]["reported"], {"$version": 1})
        self.assertEqual(self.armed(), {})

    def test_fragment(self):
        device = self.service.online(filters=[TWIN, METHODS])
        self.service.fault(fragment={"bytes": 1, "deviceId": device.id})
        whole, reads = twin_get(device), 0
        self.assertEqual(whole[0], 200)
        device.publish("$iothub/twin/GET/?$rid=x")
        while len(device.buffer) < 40:
            piece = device.link.receive(5)
            self.assertEqual(len(piece), 1)
            device.buffer += piece
            reads += 1
        self.assertEqual(reads, 40)
        device.expect("$iothub/twin/res/200/")

    def test_expire_token(self):
        device = self.service.online()
        self.service.fault(expireToken={"deviceId": device.id})
        device.expect_end()
        self.assertEqual(self.service.events(device.id)[-2:], ["hub-token-expired", "hub-disconnected"])
        self.assertEqual(self.service.hub_connect(device.id, device.key)[1], 0)
        self.assertEqual(self.armed(), {})


if __name__ == "__main__":
    unittest.main(verbosity=2)
