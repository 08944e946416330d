"""Device templates: the REST resource, assignment by the announced model, and what does not fit."""
import json
import os
import subprocess
import tempfile
import unittest
import urllib.parse

from service import API, Case, DESIRED, HUB_API, METHODS, PROGRAM, Service, TWIN, c2d_filter, report

CONTEXT = ["dtmi:iotcentral:context;2", "dtmi:dtdl:context;2"]


def pump(number, contents=None):
    """Template id, model id, and the template in IoT Central's form."""
    template, model = f"dtmi:acme:pumpTemplate{number};2", f"dtmi:acme:pump{number};1"
    hydraulics = {"@id": f"dtmi:acme:hydraulics{number};1", "@type": "Interface", "contents": [
        {"@type": "Telemetry", "name": "rpm", "schema": "integer"},
        {"@type": "Property", "name": "limit", "schema": "integer", "writable": True}]}
    contents = contents or [
        {"@type": "Telemetry", "name": "flow", "schema": "double", "displayName": "Flow"},
        {"@type": ["Property", "NumberValue"], "name": "setpoint", "schema": "double", "writable": True,
         "minValue": 0, "maxValue": 100, "decimalPlaces": 1, "displayUnit": "l/s"},
        {"@type": "Property", "name": "firmware", "schema": "string"},
        {"@type": ["Property", "Cloud", "StringValue"], "name": "city", "schema": "string"},
        {"@type": "Command", "name": "later", "durable": True},
        {"@type": "Command", "name": "purge",
         "request": {"@type": "CommandPayload", "name": "seconds", "schema": "integer"}},
        {"@type": "Component", "name": "hydraulics", "schema": hydraulics}]
    return template, model, {
        "@id": template, "@type": ["ModelDefinition", "DeviceModel"], "@context": CONTEXT, "displayName": "Pump",
        "capabilityModel": {"@id": model, "@type": "Interface", "displayName": "Pump", "contents": contents}}


def path_of(template):
    return "/api/deviceTemplates/" + urllib.parse.quote(template, safe="")


class Templates(Case):
    def put(self, number, contents=None):
        template, model, body = pump(number, contents)
        self.service.ask(200, "PUT", path_of(template), body)
        return template, model

    def online(self, model, filters=()):
        query = HUB_API + "&model-id=" + urllib.parse.quote(model, safe="")
        return self.service.online(filters=filters, query=query)

    def send(self, device, body, component=None):
        bag = f"%24.sub={component}" if component else ""
        device.publish(f"devices/{device.id}/messages/events/{bag}", json.dumps(body), qos=1)

    def test_a_template_from_making_to_deleting(self):
        template, _, body = pump(1)
        path = path_of(template)
        made = self.service.ask(200, "PUT", path, body)
        self.assertEqual({k: v for k, v in made.items() if k != "etag"}, body)
        self.assertEqual(self.service.ask(200, "GET", path), made)
        self.assertIn(made, self.service.ask(200, "GET", "/api/deviceTemplates?$top=100")["value"])
        changed = self.service.ask(200, "PATCH", path, {"displayName": "Other", "etag": made["etag"]})
        self.assertEqual((changed["displayName"], changed["capabilityModel"]), ("Other", body["capabilityModel"]))
        self.service.ask(412, "PATCH", path, {"displayName": "Third", "etag": made["etag"]})
        headers = {"Authorization": self.service.env["SPOKE_API_TOKEN"]}
        self.assertEqual(self.service.raw("DELETE", f"{path}?{API}", headers={**headers, "If-Match": made["etag"]}).status, 412)
        self.assertEqual(self.service.raw("DELETE", f"{path}?{API}", headers={**headers, "If-Match": changed["etag"]}).status, 204)
        self.service.ask(404, "GET", path)

    def test_a_plain_interface_and_an_array_are_taken(self):
        part = {"@context": "dtmi:dtdl:context;2", "@id": "dtmi:acme:part2;1", "@type": "Interface", "contents": []}
        whole = {"@context": "dtmi:dtdl:context;2", "@id": "dtmi:acme:whole2;1", "@type": "Interface", "contents": [
            {"@type": "Component", "name": "part", "schema": "dtmi:acme:part2;1"}]}
        made = self.service.ask(200, "PUT", path_of("dtmi:acme:t2a;1"), part)
        self.assertEqual((made["@id"], made["capabilityModel"]), ("dtmi:acme:t2a;1", part))
        made = self.service.ask(200, "PUT", path_of("dtmi:acme:t2b;1"), [part, whole])
        self.assertEqual(made["capabilityModel"]["@id"], "dtmi:acme:whole2;1")
        self.assertEqual(made["capabilityModel"]["contents"][0]["schema"], part)

    def test_a_refused_template_says_where_and_why(self):
        template, _, body = pump(3, [{"@type": "Telemetry", "name": "a", "schema": "dubble"},
                                     {"@type": "Telemetry", "name": "a", "schema": "double"},
                                     {"@type": "Property", "schema": "double"}])
        error = self.service.ask(400, "PUT", path_of(template), body)["error"]
        self.assertEqual(error["code"], "InvalidBody")
        self.assertIn("dubble", error["message"])
        self.assertGreaterEqual(len(error["issues"]), 2)
        for issue in error["issues"]:
            self.assertEqual(set(issue), {"pointer", "line", "column", "rule", "message"})
            self.assertTrue(issue["pointer"].startswith("/capabilityModel"), issue)
        self.service.ask(404, "GET", path_of(template))

    def test_hostile_bodies_are_refused_and_the_service_lives(self):
        path = path_of("dtmi:acme:t4;1")
        bodies = [b"", b"{", b"[" * 500000, b'{"a":' * 150000, b'"' + b"x" * 900000 + b'"', b"[" + b"1," * 400000 + b"1]",
                  b'{"a":1,"a":2}', b"\xff\xfe", b'{"@id":"\\ud800"}', b'{"capabilityModel":{"@id":"a","contents":"\\u0000"}}',
                  b'{"capabilityModel":{"contents":[' + b'{"@type":"Telemetry"},' * 40000 + b'{}]}}']
        for body in bodies:
            with self.subTest(body[:30]):
                reply = self.service.raw("PUT", f"{path}?{API}", body, {"Authorization": self.service.env["SPOKE_API_TOKEN"]})
                self.assertEqual(reply.status, 400, reply.body)
                self.assertLess(len(reply.text), 200000)
        big = self.service.raw("PUT", f"{path}?{API}", b" " * (1 << 20) + b"{}", {"Authorization": self.service.env["SPOKE_API_TOKEN"]})
        self.assertEqual(big.status, 413)
        self.service.ask(404, "GET", path)

    def test_devices_get_the_template_of_their_model(self):
        template, model = self.put(5)
        by_connect = self.online(model)
        self.assertEqual(self.service.ask(200, "GET", f"/api/devices/{by_connect.id}")["template"], template)
        by_dps, key = self.service.created()
        self.service.provision(by_dps, key, {"modelId": model})
        self.assertEqual(self.service.ask(200, "GET", f"/api/devices/{by_dps}")["template"], template)
        early = self.online("dtmi:acme:pump55;1")
        self.assertNotIn("template", self.service.ask(200, "GET", f"/api/devices/{early.id}"))
        later, _ = self.put(55)
        self.assertEqual(self.service.ask(200, "GET", f"/api/devices/{early.id}")["template"], later)
        self.assertIn("2 devices have", self.service.ask(409, "DELETE", path_of(template))["error"]["message"])

    def test_telemetry_that_does_not_fit_is_kept_and_flagged(self):
        _, model = self.put(6)
        device = self.online(model)
        self.send(device, {"flow": 12.5})
        self.send(device, {"flow": "12.5", "flwo": 12.5})
        self.send(device, {"rpm": 7}, "hydraulics")
        path = f"/api/devices/{device.id}"
        wrong = self.service.ask(200, "GET", path + "/telemetry/flow")
        self.assertEqual((wrong["value"], wrong["flag"]), ("12.5", "wrong type"))
        self.assertIn("telemetry 'flow'", wrong["reason"])
        self.assertEqual(self.service.ask(200, "GET", path + "/telemetry/flwo")["flag"], "unmodeled")
        self.assertEqual(set(self.service.ask(200, "GET", path + "/components/hydraulics/telemetry/rpm")), {"timestamp", "value"})
        first, second, third = self.service.messages(device.id)
        self.assertNotIn("flags", first)
        self.assertEqual([(flag["name"], flag["flag"]) for flag in second["flags"]], [("flow", "wrong type"), ("flwo", "unmodeled")])
        self.assertNotIn("flags", third)
        misfits = self.service.control(device.id)["misfits"]
        self.assertEqual((misfits["unmodeled"], misfits["wrongType"]), (1, 1))

    def test_reported_properties_that_do_not_fit_are_kept_and_flagged(self):
        _, model = self.put(7)
        device = self.online(model, filters=[TWIN])
        self.assertEqual(report(device, {"firmware": 3, "hydraulics": {"__t": "c", "limit": 5, "other": 1}})[0], 204)
        seen = self.service.ask(200, "GET", f"/api/devices/{device.id}/properties")
        self.assertEqual((seen["firmware"], seen["$metadata"]["firmware"]["flag"]), (3, "wrong type"))
        self.assertEqual(seen["hydraulics"]["$metadata"]["other"]["flag"], "unmodeled")
        self.assertNotIn("flag", seen["hydraulics"]["$metadata"]["limit"])

    def test_what_does_not_fit_is_not_sent_to_the_device(self):
        _, model = self.put(8)
        device = self.online(model, filters=[DESIRED, METHODS])
        path = f"/api/devices/{device.id}"
        for status, method, tail, body in (
                (400, "PATCH", "/properties", {"setpoint": "warm"}), (400, "PATCH", "/properties", {"setpoint": 101}),
                (422, "PATCH", "/properties", {"stepoint": 1}), (422, "PATCH", "/properties", {"firmware": "2"}),
                (404, "PATCH", "/components/other/properties", {"limit": 1}),
                (400, "PATCH", "/components/hydraulics/properties", {"limit": 1.5}),
                (404, "POST", "/commands/purg", {}), (400, "POST", "/commands/purge", {"request": "all"}),
                (404, "POST", "/components/hydraulics/commands/purge", {})):
            with self.subTest(tail, body=body):
                message = self.service.ask(status, method, path + tail, body)["error"]["message"]
                self.assertIn(device.id, message)
        self.service.ask(202, "PATCH", path + "/properties", {"setpoint": 20.5, "hydraulics": {"limit": 3}})
        sent = json.loads(device.expect("$iothub/twin/PATCH/properties/desired/").payload)
        self.assertEqual((sent["setpoint"], sent["hydraulics"]), (20.5, {"limit": 3, "__t": "c"}))

    def test_a_durable_command_waits_for_its_device(self):
        _, model = self.put(11)
        device = self.online(model)
        device.vanish()
        self.service.ask(201, "POST", f"/api/devices/{device.id}/commands/later", {})
        again = self.service.online(device.id, device.key, clean=False, filters=[c2d_filter(device.id)])
        message = again.expect(f"devices/{device.id}/messages/devicebound/")
        self.assertIn("method-name=later", message.topic)
        self.assertEqual(message.payload, b"@")

    def test_cloud_properties_stay_with_the_service(self):
        _, model = self.put(10)
        device = self.online(model, filters=[DESIRED])
        path = f"/api/devices/{device.id}/properties"
        self.service.ask(202, "PATCH", path, {"city": "Oslo", "setpoint": 5})
        self.assertEqual(json.loads(device.expect("$iothub/twin/PATCH/properties/desired/").payload), {"setpoint": 5, "$version": 2})
        self.assertEqual(self.service.ask(200, "GET", path)["city"], "Oslo")
        self.assertEqual(self.service.control(device.id)["desired"], {"setpoint": 5})

    def test_components_are_known_from_the_template(self):
        _, model = self.put(9)
        device = self.online(model)
        components = self.service.ask(200, "GET", f"/api/devices/{device.id}/components")["value"]
        self.assertEqual([component["name"] for component in components], ["hydraulics"])


class Preload(unittest.TestCase):
    def write(self, folder, name, body):
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(body, file, indent=2)

    def test_a_folder_is_there_before_the_first_device(self):
        with tempfile.TemporaryDirectory() as folder:
            self.write(folder, "dtmi/acme/part-1.json", {"@context": "dtmi:dtdl:context;2", "@id": "dtmi:acme:part;1",
                                                         "@type": "Interface", "contents": []})
            self.write(folder, "dtmi/acme/whole-1.json", {"@context": "dtmi:dtdl:context;2", "@id": "dtmi:acme:whole;1", "@type": "Interface",
                                                          "contents": [{"@type": "Component", "name": "part", "schema": "dtmi:acme:part;1"}]})
            service = Service("--ephemeral", "--templates", folder)
            try:
                listed = service.ask(200, "GET", "/api/deviceTemplates")["value"]
            finally:
                service.terminate()
                service.kill()
            self.assertEqual({template["capabilityModel"]["@id"] for template in listed}, {"dtmi:acme:part;1", "dtmi:acme:whole;1"})

    def test_templates_and_who_has_them_outlive_the_process(self):
        template, model, body = pump(12)
        with tempfile.TemporaryDirectory() as folder:
            arguments = ("--data-dir", folder, "--mqtt-port", "0", "--https-port", "0", "--control", "--dps-retry-after", "0")
            service = Service(*arguments)
            made = service.ask(200, "PUT", path_of(template), body)
            device_id, key = service.created()
            service.provision(device_id, key, {"modelId": model})
            service.kill()
            service = Service(*arguments)
            try:
                self.assertEqual(service.ask(200, "GET", path_of(template)), made)
                self.assertEqual(service.ask(200, "GET", f"/api/devices/{device_id}")["template"], template)
                service.ask(422, "PATCH", f"/api/devices/{device_id}/properties", {"nothing": 1})
            finally:
                service.terminate()
                service.kill()

    def test_a_file_that_is_refused_ends_the_start_with_its_name_and_place(self):
        with tempfile.TemporaryDirectory() as folder:
            self.write(folder, "pump.json", {"@context": "dtmi:dtdl:context;2", "@id": "dtmi:acme:pump;1", "@type": "Interface",
                                             "contents": [{"@type": "Telemetry", "name": "a", "schema": "dubble"}]})
            done = subprocess.run([PROGRAM, "--ephemeral", "--templates", folder], capture_output=True, text=True, timeout=20)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn(os.path.join(folder, "pump.json"), done.stderr)
            self.assertRegex(done.stderr, r"Line 9, column \d+, /contents/0/schema: .*dubble")


if __name__ == "__main__":
    unittest.main(verbosity=2)
