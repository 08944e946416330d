"""Provisioning, from outside."""
import re
import unittest
import uuid

import mqtt_raw
from mqtt_raw import derive
from service import Case, poll, register, DPS_API

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z$")
OPERATION = re.compile(r"^\d\.[0-9a-f]{16}\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")


class Provisioning(Case):
    def grouped(self, device_id):
        return derive(self.service.env["SPOKE_GROUP_KEY"], device_id)

    def assert_connack(self, wanted, registration_id, username, password):
        device = self.service.device()
        self.assertEqual(device.connect(registration_id, username, password)[0], wanted)
        if wanted:
            device.expect_end()

    def test_an_unknown_device_with_a_group_key_is_made_and_assigned_after_a_poll(self):
        device = self.service.dps_ready("made-1", self.grouped("made-1"))
        status, parameters, body = register(device, "made-1", {"modelId": "dtmi:a:b;1", "extra": [1]}, rid="abc-1")
        self.assertEqual((status, parameters["$rid"], parameters["retry-after"]), (202, "abc-1", "0"))
        self.assertEqual(set(body), {"operationId", "status"})
        self.assertRegex(body["operationId"], OPERATION)
        operation = body["operationId"]
        status, parameters, body = poll(device, operation)
        self.assertEqual((status, set(parameters)), (200, {"$rid"}))
        self.assertEqual((body["operationId"], body["status"]), (operation, "assigned"))
        state = body["registrationState"]
        self.assertEqual((state["registrationId"], state["deviceId"], state["assignedHub"], state["status"],
                          state["substatus"]), ("made-1", "made-1", "localhost", "assigned", "initialAssignment"))
        self.assertRegex(state["createdDateTimeUtc"], TIME)
        self.assertRegex(state["lastUpdatedDateTimeUtc"], TIME)
        self.assertTrue(state["etag"])
        self.assertIsNone(state["payload"])
        device.disconnect()
        state = self.service.control("made-1")
        self.assertEqual((state["modelId"], state["provisioningPayload"], state["connected"]),
                         ("dtmi:a:b;1", {"modelId": "dtmi:a:b;1", "extra": [1]}, False))
        self.assertEqual(self.service.events("made-1"), ["dps-connect", "dps-assigned"])

    def test_the_order_of_rid_and_retry_after_is_not_always_the_same(self):
        device = self.service.dps_ready("order-1", self.grouped("order-1"))
        first = set()
        for _ in range(8):
            device.publish("$dps/registrations/PUT/iotdps-register/?$rid=1", '{"registrationId":"order-1"}')
            first.add(device.expect("$dps/registrations/res/202/?").topic.partition("?")[2].split("=")[0])
        self.assertEqual(first, {"$rid", "retry-after"})

    def test_the_number_of_polls_is_the_faults(self):
        for polls in (0, 3):
            self.service.fault(dpsPolls=polls)
            device = self.service.dps_ready("polls-1", self.grouped("polls-1"))
            status, _, body = register(device, "polls-1")
            seen = 0
            while status == 202:
                seen += 1
                status, _, body = poll(device, body["operationId"])
            self.assertEqual((seen, body["status"]), (polls, "assigned"))

    def test_token_and_user_name_are_read_in_any_order_and_spelling(self):
        scope, key = self.service.env["SPOKE_ID_SCOPE"], self.grouped("spelling-1")
        resource = f"{scope}/registrations/spelling-1"
        lower = lambda value: mqtt_raw.percent(value, lower=True)
        raw = lambda value: value
        passwords = {"upper hex": mqtt_raw.sas(key, resource, skn="registration"),
                     "lower hex": mqtt_raw.sas(key, resource, skn="registration", encode=lower),
                     "not encoded": mqtt_raw.sas(key, resource, skn="registration", encode=raw),
                     "other order": mqtt_raw.sas(key, resource, skn="registration", order="sig se skn sr"),
                     "Node's order": mqtt_raw.sas(key, resource, skn="registration", order="sr sig skn se"),
                     "no skn": mqtt_raw.sas(key, resource), "empty skn": mqtt_raw.sas(key, resource, skn="")}
        names = {DPS_API, "api-version=2021-06-01&ClientVersion=1.9.0", DPS_API + "&ClientVersion=a%2fb(c)"}
        for what, password in passwords.items():
            for name in names:
                with self.subTest(token=what, name=name):
                    device = self.service.device()
                    self.assertEqual(device.connect("spelling-1", f"{resource}/{name}", password), (0, False))
                    device.subscribe([("$dps/registrations/res/#", 0)])
                    self.assertEqual(register(device, "spelling-1")[0], 202)

    def test_a_connect_that_does_not_agree_with_itself_is_answered_5(self):
        scope, key = self.service.env["SPOKE_ID_SCOPE"], self.grouped("self-1")
        resource = f"{scope}/registrations/self-1"
        good = mqtt_raw.sas(key, resource, skn="registration")
        name = f"{resource}/{DPS_API}"
        self.assert_connack(0, "self-1", name, good)
        self.assert_connack(5, "self-2", name, good)
        self.assert_connack(5, "self-1", f"0ne00000000/registrations/self-1/{DPS_API}", good)
        self.assert_connack(5, "self-1", name, mqtt_raw.sas(key, resource + "1", skn="registration"))
        self.assert_connack(5, "self-1", name, mqtt_raw.sas(key, resource, expires=1700000000))
        self.assert_connack(5, "self-1", name, "no token")
        self.assert_connack(5, "self-1", name, None)
        self.assertIn("dps-unauthorized", self.service.events("self-1"))

    def test_a_wrong_key_is_told_at_the_registration(self):
        device = self.service.dps_ready("wrong-1", self.grouped("another"))
        status, _, body = register(device, "wrong-1")
        self.assertEqual((status, body["errorCode"]), (401, 401002))
        self.assertEqual(set(body), {"errorCode", "trackingId", "message", "timestampUtc"})
        self.assertIn("dps-unauthorized", self.service.events("wrong-1"))
        self.service.ask(404, "GET", "/api/devices/wrong-1")

    def test_a_blocked_device_ends_as_failed_under_status_200(self):
        device_id, key = self.service.created()
        self.service.ask(200, "PATCH", f"/api/devices/{device_id}", {"enabled": False})
        status, body = self.service.provision(device_id, key)
        state = body["registrationState"]
        self.assertEqual((status, body["status"], state["status"], state["errorCode"]),
                         (200, "failed", "failed", 400209))
        self.assertTrue(body["operationId"] and state["errorMessage"])
        self.assertNotIn("assignedHub", state)
        self.service.ask(200, "PATCH", f"/api/devices/{device_id}", {"enabled": True})
        self.assertEqual(self.service.provision(device_id, key)[1]["status"], "assigned")

    def test_a_disabled_enrolment_has_status_200_and_no_operation(self):
        group = "/api/enrollmentGroups/SAS-IoT-Devices"
        self.service.ask(200, "PATCH", group, {"enabled": False})
        try:
            status, body = self.service.provision("off-1", self.grouped("off-1"))
        finally:
            self.service.ask(200, "PATCH", group, {"enabled": True})
        self.assertEqual((status, body), (200, {"operationId": "", "status": "disabled", "registrationState": {
            "registrationId": "off-1", "status": "disabled"}}))
        self.service.ask(404, "GET", "/api/devices/off-1")

    def test_an_individual_key_goes_before_the_groups(self):
        device_id, _ = self.service.created()
        own = self.service.ask(200, "PUT", f"/api/devices/{device_id}/attestation", {"type": "symmetricKey"})
        key = own["symmetricKey"]["primaryKey"]
        self.assertEqual(self.service.provision(device_id, self.grouped(device_id))[0], 401)
        self.assertEqual(self.service.provision(device_id, key)[1]["status"], "assigned")
        self.assertEqual(self.service.provision(device_id, own["symmetricKey"]["secondaryKey"])[1]["status"], "assigned")

    def test_registration_ids_compare_without_case(self):
        device_id, _ = self.service.created("case-1")
        status, body = self.service.provision("CASE-1", self.grouped("CASE-1"))
        self.assertEqual((status, body["registrationState"]["deviceId"]), (200, device_id))

    def test_the_sixth_poll_in_ten_seconds_is_throttled(self):
        self.service.fault(dpsPolls=100)
        device = self.service.dps_ready("fast-1", self.grouped("fast-1"))
        operation = register(device, "fast-1")[2]["operationId"]
        answers = [poll(device, operation) for _ in range(6)]
        self.assertEqual([status for status, _, _ in answers], [202] * 5 + [429])
        self.assertGreater(int(answers[5][1]["retry-after"]), 0)
        self.assertEqual(answers[5][2]["errorCode"] // 1000, 429)

    def test_bodies_of_the_status_query_do_not_matter_and_an_unknown_operation_is_404(self):
        self.service.fault(dpsPolls=4)
        device = self.service.dps_ready("query-1", self.grouped("query-1"))
        operation = register(device, "query-1")[2]["operationId"]
        for body in ("", " ", '{"registrationId":"query-1"}'):
            device.publish(f"$dps/registrations/GET/iotdps-get-operationstatus/?operationId={operation}&$rid=x&y=z", body)
            self.assertEqual(device.expect("$dps/registrations/res/").topic[len("$dps/registrations/res/"):][:3], "202")
        self.assertEqual(poll(device, f"4.{'0' * 16}.{uuid.uuid4()}")[0], 404)

    def test_a_body_that_is_no_registration_is_400(self):
        device = self.service.dps_ready("body-1", self.grouped("body-1"))
        for body in ("", "[]", "{", '{"registrationId":"another"}', '{"registrationId":"body-1","payload":"text"}',
                     '{"registrationId":1}', b'{"registrationId":"body-1\xff"}', "[" * 5000):
            device.publish("$dps/registrations/PUT/iotdps-register/?$rid=1", body, qos=1)
            self.assertTrue(device.expect("$dps/registrations/res/400/?").payload, body)
        status, _, body = register(device, "body-1", None)
        self.assertEqual(status, 202)
        device.publish("$dps/registrations/PUT/iotdps-register/?$rid=1", '{"registrationId":"body-1","payload":null}')
        device.expect("$dps/registrations/res/202/?")

    def test_other_topics_filters_and_sizes_close(self):
        for what, data in {
            "a filter of the hub": mqtt_raw.packet(0x82, b"\0\1" + mqtt_raw.text("$iothub/twin/res/#") + b"\0"),
            "everything": mqtt_raw.packet(0x82, b"\0\1" + mqtt_raw.text("#") + b"\0"),
            "telemetry": mqtt_raw.publish_packet("devices/close-1/messages/events/", "{}"),
            "no $rid": mqtt_raw.publish_packet("$dps/registrations/PUT/iotdps-register/?x=1", "{}"),
            "QoS 2": mqtt_raw.publish_packet("$dps/registrations/PUT/iotdps-register/?$rid=1", "{}", qos=2, packet_id=1),
            "over 96 KB": mqtt_raw.publish_packet("$dps/registrations/PUT/iotdps-register/?$rid=1", b" " * 98305),
        }.items():
            with self.subTest(what):
                device = self.service.dps_ready("close-1", self.grouped("close-1"))
                device.send(data)
                device.expect_end()

    def test_a_device_is_assigned_to_the_hub_of_the_fault_and_back(self):
        device_id, key = self.service.provisioned()
        self.service.fault(assignHub={"deviceId": device_id, "hub": "other.local"})
        body = self.service.provision(device_id, key)[1]
        self.assertEqual(body["registrationState"]["assignedHub"], "other.local")
        self.assertEqual(self.service.ask(200, "GET", "/control/faults"), {})
        _, code, _ = self.service.hub_connect(device_id, key)
        self.assertEqual(code, 5, "the hub it was taken from lets it in")
        body = self.service.provision(device_id, key)[1]
        self.assertEqual(body["registrationState"]["assignedHub"], "localhost")
        self.assertNotEqual(body["registrationState"]["substatus"], "initialAssignment")
        self.assertEqual(self.service.hub_connect(device_id, key)[1], 0)

    def test_refusals_and_throttling_are_counted_down(self):
        key = self.grouped("fault-1")
        self.service.fault(dpsRefuseConnect={"count": 2, "code": 3})
        codes = []
        for _ in range(3):
            device, code = self.service.dps_connect("fault-1", key)
            codes.append(code)
        self.assertEqual(codes, [3, 3, 0])
        self.service.fault(dpsThrottle={"count": 1, "retryAfter": 7}, dpsThrottlePoll={"count": 1, "retryAfter": 9})
        device = self.service.dps_ready("fault-1", key)
        status, parameters, body = register(device, "fault-1")
        self.assertEqual((status, parameters["retry-after"], body["errorCode"] // 1000), (429, "7", 429))
        operation = register(device, "fault-1")[2]["operationId"]
        status, parameters, _ = poll(device, operation)
        self.assertEqual((status, parameters["retry-after"]), (429, "9"))
        self.assertEqual(poll(device, operation)[0], 200)
        self.assertEqual(self.service.ask(200, "GET", "/control/faults"), {})


class ByHand(Case):
    arguments = Case.arguments + ("--approve-by-hand", "--dps-polls", "0", "--id-scope", "0neTEST")

    def test_an_unknown_device_waits_for_approval(self):
        key = derive(self.service.env["SPOKE_GROUP_KEY"], "wait-1")
        self.assertEqual(self.service.env["SPOKE_ID_SCOPE"], "0neTEST")
        status, body = self.service.provision("wait-1", key)
        self.assertEqual((status, body["status"], body["registrationState"]["errorCode"]), (200, "failed", 400209))
        shown = self.service.ask(200, "GET", "/api/devices/wait-1")
        self.assertEqual((shown["provisioned"], shown["enabled"]), (False, False))
        self.assertEqual(self.service.hub_connect("wait-1", key)[1], 5)
        self.service.ask(200, "PATCH", "/api/devices/wait-1", {"enabled": True})
        self.assertEqual(self.service.provision("wait-1", key)[1]["status"], "assigned")
        self.assertEqual(self.service.hub_connect("wait-1", key)[1], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
