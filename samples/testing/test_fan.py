#!/usr/bin/env python3
"""The fan as a program, tested from Python with nothing but its own library.

    samples/testing/test_fan.py BUILD_FOLDER
"""
import json
import os
import ssl
import subprocess
import sys
import time
import unittest
import urllib.error
import urllib.request

BUILD = sys.argv.pop(1) if len(sys.argv) > 1 else "build/demo"


class Cloud:
    """spoke-central on free ports of loopback, gone without a trace at the end."""

    def __init__(self):
        self.process = subprocess.Popen([f"{BUILD}/spoke-central", "--ephemeral", "--print-env", "--dps-polls", "0"],
                                        stdout=subprocess.PIPE, text=True)
        self.env = {}
        while "SPOKE_API_TOKEN" not in self.env:  # the last line of those that are always there
            name, _, value = self.process.stdout.readline().rstrip("\n").partition("=")
            if not name:
                raise RuntimeError("spoke-central did not start")
            self.env[name] = value
        self.tls = ssl.create_default_context(cafile=self.env["SPOKE_CA_FILE"])

    def ask(self, method, path, body=None):
        """The JSON of the answer; urllib.error.HTTPError for a refusal."""
        request = urllib.request.Request(f"{self.env['SPOKE_API_BASE']}/api/{path}?api-version=2022-07-31", method=method,
                                         data=None if body is None else json.dumps(body).encode(),
                                         headers={"Authorization": self.env["SPOKE_API_TOKEN"], "Content-Type": "application/json"})
        with urllib.request.urlopen(request, context=self.tls, timeout=40) as answer:
            return json.loads(answer.read() or b"null")

    def wait(self, path, good, limit_s=10):
        """Asks until the answer is good."""
        end = time.monotonic() + limit_s
        while True:
            try:
                answer = self.ask("GET", path)
                if good(answer):
                    return answer
            except urllib.error.HTTPError as error:
                answer = error.code
                error.close()
            if time.monotonic() > end:
                raise AssertionError(f"{path} was last {answer}")
            time.sleep(0.05)

    def stop(self):
        self.process.terminate()
        self.process.communicate()


class Fan(unittest.TestCase):
    def setUp(self):
        self.cloud = Cloud()
        self.addCleanup(self.cloud.stop)
        self.cloud.ask("PUT", "devices/fan-1", {})
        key = self.cloud.ask("GET", "devices/fan-1/credentials")["symmetricKey"]["primaryKey"]
        fan = subprocess.Popen([f"{BUILD}/samples/fan"],
                               env={**os.environ, **self.cloud.env, "SPOKE_DEVICE_ID": "fan-1", "SPOKE_DEVICE_KEY": key})
        self.addCleanup(fan.wait)
        self.addCleanup(fan.terminate)

    def test_it_obeys_the_cloud(self):
        self.cloud.wait("devices/fan-1/telemetry/temperature", lambda it: it["value"] == 20)
        self.cloud.ask("PATCH", "devices/fan-1/properties", {"limit": 15})
        self.cloud.wait("devices/fan-1/properties", lambda it: it.get("limit") == 15)
        answer = self.cloud.ask("POST", "devices/fan-1/commands/stop", {})
        self.assertEqual((answer["responseCode"], answer["response"]), (200, {"wasRunning": True}))

    def test_it_refuses_a_limit_beyond_what_it_can(self):
        self.cloud.wait("devices/fan-1/telemetry/temperature", lambda it: "value" in it)
        self.cloud.ask("PATCH", "devices/fan-1/properties", {"limit": 99})
        self.cloud.wait("devices/fan-1/properties", lambda it: it["$metadata"].get("limit", {}).get("ackCode") == 400)


if __name__ == "__main__":
    unittest.main()
