"""The REST API: authorization, versions, shapes, errors, pages."""
import json
import re
import unittest
import urllib.parse

from service import API, Case


class Rest(Case):
    def raw(self, method, path, body=None, **headers):
        return self.service.raw(method, path, body, {"Authorization": self.service.env["SPOKE_API_TOKEN"], **headers})

    def assert_error(self, reply, status, code):
        self.assertEqual(reply.status, status, reply.body)
        self.assertEqual(set(reply.body), {"error"})
        error = reply.body["error"]
        self.assertLessEqual({"code", "message", "requestId", "time"}, set(error))
        self.assertEqual((error["code"], reply.headers["x-ms-error-code"]), (code, code))
        self.assertRegex(error["requestId"], r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
        self.assertRegex(error["time"], r"^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$")
        self.assertTrue(reply.headers["Content-Type"].startswith("application/json"))

    def test_a_wrong_or_missing_token_is_401(self):
        token = self.service.env["SPOKE_API_TOKEN"]
        sig = re.search("sig=([^&]*)", token)[1]
        other = token.replace(sig, urllib.parse.quote("A" * 43 + "=", safe=""))
        for value in ("", "x", "Bearer x", token[:-1], token.replace("skn=", "skn=x"), re.sub(r"se=\d+", "se=1", token),
                      re.sub(r"sr=[^&]*", "sr=other", token), other, token + "&x", "SharedAccessSignature ", "\x01"):
            self.assert_error(self.service.raw("GET", f"/api/devices?{API}", headers={"Authorization": value}), 401, "Unauthorized")
        self.assert_error(self.service.raw("GET", f"/api/devices?{API}"), 401, "Unauthorized")
        self.assertEqual(self.raw("GET", f"/api/devices?{API}").status, 200)

    def test_api_version_is_asked_for(self):
        self.assert_error(self.raw("GET", "/api/devices"), 400, "InvalidRequest")
        self.assert_error(self.raw("GET", "/api/devices?api-version=1999-01-01"), 400, "InvalidRequest")
        self.assert_error(self.raw("GET", f"/api/devices?{API}&{API}"), 400, "InvalidRequest")
        self.assertEqual(self.raw("GET", "/api/devices?api-version=2022-10-31-preview").status, 200)

    def test_unknown_paths_methods_and_sizes(self):
        self.assert_error(self.raw("GET", f"/api/nothing?{API}"), 404, "NotFound")
        reply = self.raw("POST", f"/api/devices?{API}", "{}")
        self.assert_error(reply, 405, "MethodNotAllowed")
        self.assert_error(self.raw("PUT", f"/api/devices/big?{API}", b"{" + b" " * (1 << 20) + b"}"), 413, "RequestBodyTooLarge")
        self.assertEqual(self.raw("GET", "/api/" + "x" * 20000).status // 100, 4)
        self.assert_error(self.raw("GET", f"/api/%zz?{API}"), 400, "InvalidRequest")
        self.assertEqual(self.raw("GET", f"/nothing?{API}").status, 404)

    def test_bodies_that_are_none_are_400(self):
        self.service.created("body-1")
        for path in ("/api/devices/body-1", "/api/devices/body-1/properties", "/api/enrollmentGroups/g"):
            for body in (b"", b"{", b"[]", b"null", b'"x"', b"{}x", b'{"a":"\xff"}', b'{"displayName":"\\u0000"}', b"[" * 9000, b'{"a":' * 9000):
                with self.subTest(path=path, body=body[:20]):
                    self.assert_error(self.raw("PUT", f"{path}?{API}", body), 400, "InvalidBody")

    def test_a_device_from_making_to_deleting(self):
        path = "/api/devices/life-1"
        made = self.service.ask(200, "PUT", path, {"displayName": "Pump 1", "template": "dtmi:a:b;1", "simulated": False})
        self.assertEqual({k: v for k, v in made.items() if k != "etag"}, {
            "id": "life-1", "displayName": "Pump 1", "template": "dtmi:a:b;1", "enabled": True, "provisioned": False, "simulated": False,
            "connected": False})
        self.assertRegex(made["etag"], r'^".*"$')
        self.assertEqual(self.service.ask(200, "GET", path), made)
        changed = self.service.ask(200, "PATCH", path, {"displayName": "Pump 2", "etag": made["etag"]})
        self.assertEqual((changed["displayName"], changed["template"]), ("Pump 2", "dtmi:a:b;1"))
        self.service.ask(412, "PATCH", path, {"displayName": "Pump 3", "etag": made["etag"]})
        self.assertNotIn("template", self.service.ask(200, "PATCH", path, {"template": None}))
        keys = self.service.ask(200, "GET", path + "/credentials")
        self.assertEqual((keys["idScope"], set(keys["symmetricKey"])), (self.service.env["SPOKE_ID_SCOPE"], {"primaryKey", "secondaryKey"}))
        self.assertEqual(self.service.call("DELETE", path).status, 204)
        for tail in ("", "/credentials", "/properties", "/components", "/attestation", "/telemetry/t", "/commands/c"):
            self.assert_error(self.service.call("GET", path + tail), 404, "NotFound")
        self.assert_error(self.service.call("DELETE", path), 404, "NotFound")

    def test_bad_ids_and_members_are_400(self):
        for device_id in ("a%20b", "x" * 129, "ends.", "%C3%A4", "a%2Bb"):
            self.assertEqual(self.raw("PUT", f"/api/devices/{device_id}?{API}", "{}").status, 400, device_id)
        self.service.ask(200, "PUT", "/api/devices/" + "x" * 128, {})
        for body in ({"enabled": 1}, {"displayName": 5}, {"id": "other"}, {"template": "x"}, {"organizations": "x"}, {"unknown": 1}):
            self.service.ask(400, "PUT", "/api/devices/member-1", body)
        self.service.ask(404, "GET", "/api/devices/member-1")

    def test_pages_lead_to_all_devices_once(self):
        made = {self.service.created(f"page-{i:03}")[0] for i in range(60)}
        for first in ("", "&$top=7", "&maxpagesize=100", "&%24top=1"):
            path, seen, pages = f"/api/devices?{API}{first}", [], 0
            while path:
                reply = self.raw("GET", path)
                self.assertEqual(reply.status, 200)
                seen += [device["id"] for device in reply.body["value"]]
                pages += 1
                link = reply.body.get("nextLink")
                self.assertTrue(link is None or link.startswith(self.service.env["SPOKE_API_BASE"]), link)
                path = link and link[len(self.service.env["SPOKE_API_BASE"]):]
            self.assertEqual(len(seen), len(set(seen)))
            self.assertLessEqual(made, set(seen))
            self.assertEqual(pages, -(-len(seen) // {"": 25, "&$top=7": 7, "&maxpagesize=100": 100, "&%24top=1": 1}[first]))
        for bad in ("$top=0", "$top=101", "$top=x", "$filter=x", "$top=1&$top=2"):
            self.assert_error(self.raw("GET", f"/api/devices?{API}&{bad}"), 400, "InvalidQuery")

    def test_properties_and_components(self):
        device_id, _ = self.service.created()
        path = f"/api/devices/{device_id}"
        self.assertEqual(self.service.ask(200, "GET", path + "/properties"), {"$metadata": {}})
        self.assertEqual(self.service.ask(202, "PATCH", path + "/properties", {"a": 65.5}), {"$metadata": {"a": {"desiredValue": 65.5}}})
        self.service.ask(202, "PATCH", path + "/components/part/properties", {"b": 1})
        self.assertEqual(self.service.control(device_id)["desired"], {"a": 65.5, "part": {"__t": "c", "b": 1}})
        self.assertEqual(self.service.ask(200, "GET", path + "/components")["value"][0]["name"], "part")
        self.assertEqual(self.service.ask(200, "GET", path + "/components/part/properties")["$metadata"]["b"]["desiredValue"], 1)
        self.assert_error(self.service.call("GET", path + "/components/none/properties"), 404, "NotFound")
        for bad in ({"a.b": 1}, {"$metadata": {}}, {"x": "y" * 4097}):
            self.assert_error(self.service.call("PATCH", path + "/properties", bad), 400, "InvalidBody")

    def test_enrolment_groups(self):
        path = "/api/enrollmentGroups/factory-1"
        made = self.service.ask(200, "PUT", path, {"displayName": "Factory", "type": "iot", "attestation": {"type": "symmetricKey"}})
        self.assertEqual((made["id"], made["displayName"], made["enabled"], made["type"], made["attestation"]["type"]),
                         ("factory-1", "Factory", True, "iot", "symmetricKey"))
        groups = self.service.ask(200, "GET", "/api/enrollmentGroups")["value"]
        self.assertEqual({group["id"] for group in groups}, {"SAS-IoT-Devices", "factory-1"})
        key = self.service.env["SPOKE_GROUP_KEY"]
        self.assertNotIn(key, json.dumps(groups), "a list shows no keys")
        default = self.service.ask(200, "GET", "/api/enrollmentGroups/SAS-IoT-Devices")
        self.assertEqual(default["attestation"]["symmetricKey"]["primaryKey"], key)
        self.assertEqual(self.service.call("DELETE", path).status, 204)
        self.assert_error(self.service.call("GET", path), 404, "NotFound")

    def test_head_and_a_kept_connection(self):
        reply = self.raw("HEAD", f"/api/devices?{API}")
        self.assertEqual((reply.status, reply.text), (200, b""))
        self.assertIsInstance(json.loads(self.raw("GET", f"/api/devices?{API}").text), dict)


if __name__ == "__main__":
    unittest.main(verbosity=2)
