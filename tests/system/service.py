"""spoke-central as a process, its APIs, and devices on it, for the checks beside this file.

The program is named by SPOKE_CENTRAL in the environment.
"""
import itertools
import json
import http.client
import os
import signal
import ssl
import subprocess
import tempfile
import time
import unittest

import mqtt_raw
from mqtt_raw import Device, sas

PROGRAM = os.environ.get("SPOKE_CENTRAL", "spoke-central")
API = "api-version=2022-07-31"
HUB_API = "api-version=2021-04-12"
DPS_API = "api-version=2019-03-31"
ENV_NAMES = ["SPOKE_HOST", "SPOKE_MQTT_PORT", "SPOKE_HTTPS_PORT", "SPOKE_CA_FILE", "SPOKE_ID_SCOPE",
             "SPOKE_GROUP_KEY", "SPOKE_API_BASE", "SPOKE_API_TOKEN"]
numbers = itertools.count(1)


def until(what, ask, good=bool, limit_s=mqtt_raw.PATIENCE_S):
    """Asks until the answer is good, and returns it."""
    end = time.monotonic() + limit_s
    while True:
        answer = ask()
        if good(answer):
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not happen in {limit_s} s; last seen: {answer}")
        time.sleep(0.01)


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.text = response.read()
        self.body = json.loads(self.text) if self.text else None


class Service:
    def __init__(self, *arguments, ca_file=None):
        self.links = []
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([PROGRAM, "--print-env", *arguments], stdout=subprocess.PIPE, stderr=self.log,
                                        text=True)
        self.lines = [self.process.stdout.readline().rstrip("\n") for _ in ENV_NAMES]
        self.env = dict(line.partition("=")[::2] for line in self.lines if line)
        if list(self.env) != ENV_NAMES:
            self.process.kill()
            self.process.wait()
            said = self.said()
            self.kill()
            raise AssertionError(f"it did not print its environment but {self.lines}; it said: {said}")
        self.tls = ssl.create_default_context(cafile=ca_file or self.env["SPOKE_CA_FILE"])

    # --- HTTP ---

    def raw(self, method, path, body=None, headers=None):
        link = http.client.HTTPSConnection(self.env["SPOKE_HOST"], int(self.env["SPOKE_HTTPS_PORT"]), timeout=40,
                                           context=self.tls)
        try:
            link.request(method, path, body, headers or {})
            return Reply(link.getresponse())
        finally:
            link.close()

    def call(self, method, path, body=None):
        """With the token; `body` becomes JSON; /api/ paths get their api-version."""
        headers = {"Authorization": self.env["SPOKE_API_TOKEN"], "Content-Type": "application/json"}
        if path.startswith("/api/") and "api-version" not in path:
            path += ("&" if "?" in path else "?") + API
        return self.raw(method, path, None if body is None else json.dumps(body), headers)

    def ask(self, status, method, path, body=None):
        """The body of an answer that has to have that status."""
        reply = self.call(method, path, body)
        assert reply.status == status, f"{method} {path}: {reply.status} {reply.body}, not {status}"
        return reply.body

    def control(self, device_id):
        return self.ask(200, "GET", f"/control/devices/{device_id}")

    def messages(self, device_id):
        return self.ask(200, "GET", f"/control/devices/{device_id}/messages")

    def fault(self, **faults):
        self.ask(200, "PUT", "/control/faults", faults)

    def events(self, device_id):
        """The kinds of what happened to one device, oldest first."""
        return [event["kind"] for event in self.ask(200, "GET", "/control/events")
                if device_id in (event.get("deviceId"), event.get("regId"))]

    # --- devices ---

    def device(self, link=None):
        """Connected by TLS only; vanishes at the end of the check."""
        self.links.append(link or mqtt_raw.tls_link(self.env))
        return Device(self.links[-1])

    def close_links(self):
        for link in self.links:
            link.close()
        self.links.clear()

    def created(self, device_id=None):
        """A device made through REST, and its key."""
        device_id = device_id or f"device-{next(numbers)}"
        self.ask(200, "PUT", f"/api/devices/{device_id}", {})
        keys = self.ask(200, "GET", f"/api/devices/{device_id}/credentials")["symmetricKey"]
        return device_id, keys["primaryKey"]

    def dps_connect(self, registration_id, key, scope=None, link=None, **token):
        scope = scope or self.env["SPOKE_ID_SCOPE"]
        device = self.device(link)
        password = sas(key, f"{scope}/registrations/{registration_id}", skn="registration", **token)
        code, present = device.connect(registration_id, f"{scope}/registrations/{registration_id}/{DPS_API}", password)
        assert not present, "a provisioning session is never kept"
        return device, code

    def dps_ready(self, registration_id, key, **how):
        device, code = self.dps_connect(registration_id, key, **how)
        assert code == 0, f"CONNACK {code} from DPS"
        assert device.subscribe([("$dps/registrations/res/#", 1)]) == [1]
        return device

    def provision(self, registration_id, key, payload=None):
        """The final answer of DPS as (topic status, body)."""
        device = self.dps_ready(registration_id, key)
        try:
            status, _, body = register(device, registration_id, payload)
            while status == 202:
                status, _, body = poll(device, body["operationId"])
            return status, body
        finally:
            device.vanish()

    def provisioned(self, device_id=None):
        device_id, key = self.created(device_id)
        status, body = self.provision(device_id, key)
        assert (status, body["status"]) == (200, "assigned"), body
        return device_id, key

    def password(self, device_id, key, **how):
        return sas(key, f"localhost/devices/{device_id}", **how)

    def hub_connect(self, device_id, key, link=None, query=HUB_API, token=None, **how):
        device = self.device(link)
        password = self.password(device_id, key, **(token or {}))
        code, present = device.connect(device_id, f"localhost/{device_id}/?{query}", password, **how)
        return device, code, present

    def online(self, device_id=None, key=None, filters=(), **how):
        """A device on the hub, provisioned first when it is new, with its subscriptions."""
        if key is None:
            device_id, key = self.provisioned(device_id)
        device, code, device.present = self.hub_connect(device_id, key, **how)
        assert code == 0, f"CONNACK {code} from the hub"
        device.id, device.key = device_id, key
        if filters:
            device.subscribe([(name, 1 if name.startswith("devices/") else 0) for name in filters])
        return device

    # --- the end ---

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def terminate(self):
        """Its exit code, and what it wrote to standard output besides its environment."""
        self.process.send_signal(signal.SIGTERM)
        out, _ = self.process.communicate(timeout=20)
        self.close_links()
        return self.process.returncode, out

    def kill(self):
        self.process.kill()
        self.process.communicate(timeout=20)
        self.log.close()
        self.close_links()


TWIN = "$iothub/twin/res/#"
DESIRED = "$iothub/twin/PATCH/properties/desired/#"
METHODS = "$iothub/methods/POST/#"


def c2d_filter(device_id):
    return f"devices/{device_id}/messages/devicebound/#"


def read_reply(publish, start):
    """The topic "{start}{status}/?name=value&..." as (status, parameters, JSON body)."""
    status, _, query = publish.topic[len(start):].partition("/?")
    parameters = dict(item.partition("=")[::2] for item in query.split("&"))
    return int(status), parameters, json.loads(publish.payload) if publish.payload else None


def dps_ask(device, topic, payload):
    device.publish(topic, payload, qos=1)
    return read_reply(device.expect("$dps/registrations/res/"), "$dps/registrations/res/")


def register(device, registration_id, payload=None, rid="r1"):
    body = {"registrationId": registration_id}
    if payload is not None:
        body["payload"] = payload
    return dps_ask(device, f"$dps/registrations/PUT/iotdps-register/?$rid={rid}", json.dumps(body))


def poll(device, operation_id, rid="r2"):
    return dps_ask(device, f"$dps/registrations/GET/iotdps-get-operationstatus/?$rid={rid}&operationId={operation_id}", "")


def twin_get(device, rid="g"):
    device.publish(f"$iothub/twin/GET/?$rid={rid}")
    return read_reply(device.expect("$iothub/twin/res/"), "$iothub/twin/res/")


def report(device, patch, rid="p"):
    body = patch if isinstance(patch, (str, bytes)) else json.dumps(patch)
    device.publish(f"$iothub/twin/PATCH/properties/reported/?$rid={rid}", body)
    return read_reply(device.expect("$iothub/twin/res/"), "$iothub/twin/res/")


class Case(unittest.TestCase):
    """Checks against one service per class, with all faults cleared before each."""
    arguments = ("--ephemeral", "--control", "--dps-retry-after", "0")

    @classmethod
    def setUpClass(cls):
        cls.service = Service(*cls.arguments)

    @classmethod
    def tearDownClass(cls):
        code, out = cls.service.terminate()
        said = cls.service.said()
        cls.service.kill()
        assert code == 0 and out == "", f"it ended with {code}, standard output {out!r}; it said: {said}"
        assert "Sanitizer" not in said, said

    def setUp(self):
        self.service.fault()
        self.addCleanup(self.service.close_links)
