"""The program: its command line, its end, its folder, and what survives when it is killed."""
import contextlib
import os
import shutil
import signal
import socket
import sqlite3
import ssl
import stat
import subprocess
import tempfile
import threading
import unittest

import mqtt_raw
from mqtt_raw import Closed
from service import API, DESIRED, ENV_NAMES, PROGRAM, Service, TWIN, c2d_filter, register, poll, report, twin_get, until


def run(*arguments):
    """Exit code, standard output, standard error of a call that ends by itself."""
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=20)
    return done.returncode, done.stdout, done.stderr


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="spoke-check-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.started = []
        self.addCleanup(lambda: [service.kill() for service in self.started])

    def start(self, *more, ports=("--mqtt-port", "0", "--https-port", "0")):
        self.started.append(Service("--data-dir", self.folder, "--control", "--dps-retry-after", "0", *ports, *more))
        return self.started[-1]


class CommandLine(Folder):
    def test_help_and_version(self):
        code, out, err = run("--help")
        self.assertEqual((code, err), (0, ""))
        for flag in ("--mqtt-port", "--https-port", "--data-dir", "--ephemeral", "--print-env", "--control", "--dps-polls", "--dps-retry-after",
                     "--id-scope", "--group-key", "--hub-host", "--device-ca", "--log-level", "--templates", "--new-token"):
            self.assertIn(flag, out)
        code, out, err = run("--version")
        self.assertEqual((code, err), (0, ""))
        self.assertRegex(out, r"^spoke-central \d+\.\d+\.\d+\n$")

    def test_mistakes_are_named_in_one_sentence(self):
        for arguments, word in ((["--nonsense"], "--nonsense"), (["--mqtt-port"], "--mqtt-port"), (["--mqtt-port", "65536"], "65536"),
                                (["--dps-polls", "-1"], "-1"), (["--log-level", "loud"], "loud"), (["stray"], "stray"),
                                (["--ephemeral", "--data-dir", "/tmp/x"], "--data-dir"), (["--ephemeral", "--group-key", "short"], "group key"),
                                (["--ephemeral", "--control", "--bind", "0.0.0.0"], "loopback"), (["--ephemeral", "--bind", "nowhere"], "nowhere"),
                                (["--ephemeral", "--id-scope", "a/b"], "scope"), (["--ephemeral", "--device-ca", "/nowhere"], "/nowhere"), (["--ephemeral", "--templates", "/nowhere"], "/nowhere"),
                                (["--data-dir", "/proc/nowhere", "--mqtt-port", "0", "--https-port", "0"], "/proc/nowhere")):
            with self.subTest(arguments):
                code, out, err = run(*arguments)
                self.assertNotEqual(code, 0)
                self.assertEqual(out, "")
                self.assertIn(word, err)
                self.assertEqual(err.count("\n"), 1, err)
                self.assertTrue(err.startswith("spoke-central: "), err)

    def test_a_backup_of_a_running_service_starts_as_a_service(self):
        self.start()
        copy = self.folder + "/copy"
        code, out, err = run("--data-dir", self.folder, "--backup", copy)
        self.assertEqual(code, 0, err)
        self.assertIn("--data-dir " + copy, out)
        restored = Service("--data-dir", copy, "--mqtt-port", "0", "--https-port", "0")
        self.addCleanup(restored.kill)
        self.assertEqual(restored.env["SPOKE_GROUP_KEY"], self.started[0].env["SPOKE_GROUP_KEY"])
        code, out, err = run("--data-dir", self.folder, "--backup", copy)
        self.assertEqual((code, out), (1, ""))
        self.assertIn(copy, err)

    def test_whoever_has_the_folder_makes_a_token_that_a_running_service_takes(self):
        service = self.start()
        code, out, err = run("--data-dir", self.folder, "--new-token", "ops")
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(out.count("\n"), 1)
        token = out.strip()

        def status():
            return service.raw("GET", "/api/me?" + API, headers={"Authorization": token}).status
        self.assertEqual(status(), 200)
        self.assertEqual(run("--data-dir", self.folder, "--new-token", "ops")[:2], (2, ""))
        service.ask(204, "DELETE", "/api/apiTokens/ops")
        self.assertEqual(status(), 401)
        self.assertNotIn(token, service.said())

    def test_a_store_of_another_format_gets_no_token(self):
        self.start().terminate()
        with contextlib.closing(sqlite3.connect(os.path.join(self.folder, "central.db"))) as store:
            store.execute("PRAGMA user_version=1")
            code, out, err = run("--data-dir", self.folder, "--new-token", "ops")
            self.assertEqual((code, out), (1, ""))
            self.assertIn("format 1", err)
            self.assertEqual(store.execute("PRAGMA user_version").fetchone(), (1,))

    def test_a_certificate_of_ones_own_is_served_and_no_other(self):
        first = self.start()
        chain = os.path.join(self.folder, "server.pem")
        owner = tempfile.mkdtemp(prefix="spoke-check-")
        self.addCleanup(shutil.rmtree, owner)
        own = Service("--data-dir", owner, "--mqtt-port", "0", "--https-port", "0", "--tls-cert", chain, "--tls-key",
                      os.path.join(self.folder, "server.key"), ca_file=first.env["SPOKE_CA_FILE"])
        self.addCleanup(own.kill)
        self.assertEqual(own.env["SPOKE_CA_FILE"], "")
        with open(chain) as file:
            wanted = file.read().split()
        for port in ("SPOKE_MQTT_PORT", "SPOKE_HTTPS_PORT"):
            served = ssl.get_server_certificate(("127.0.0.1", int(own.env[port])))
            self.assertEqual(served.split(), wanted)
        self.assertNotIn("ca.pem", os.listdir(owner))

    def test_a_key_of_another_certificate_is_refused(self):
        self.start()
        code, out, err = run("--ephemeral", "--tls-cert", os.path.join(self.folder, "server.pem"), "--tls-key",
                             os.path.join(self.folder, "ca.key"))
        self.assertNotEqual(code, 0)
        self.assertEqual(out, "")
        self.assertIn("key", err)
        self.assertEqual(err.count("\n"), 1, err)

    def test_a_port_in_use_is_named_with_its_flag(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            for flag in ("--mqtt-port", "--https-port"):
                code, _, err = run("--ephemeral", flag, port)
                self.assertNotEqual(code, 0)
                self.assertIn(port, err)
                self.assertIn(flag, err)
                self.assertEqual(err.count("\n"), 1, err)

    def test_a_second_service_on_the_same_folder_is_refused(self):
        self.start()
        code, _, err = run("--data-dir", self.folder, "--mqtt-port", "0", "--https-port", "0")
        self.assertNotEqual(code, 0)
        self.assertIn(self.folder, err)
        self.assertEqual(err.count("\n"), 1, err)

    def test_the_environment_is_all_that_is_printed_and_secrets_are_not_logged(self):
        service = self.start("--log-level", "debug")
        self.assertEqual([line.partition("=")[0] for line in service.lines], ENV_NAMES)
        device = service.online()
        service.ask(200, "GET", f"/api/devices/{device.id}/credentials")
        code, out = service.terminate()
        self.assertEqual((code, out), (0, ""))
        self.assertIn(device.id, service.said())
        for secret in (service.env["SPOKE_GROUP_KEY"], service.env["SPOKE_API_TOKEN"], device.key, "sig="):
            self.assertNotIn(secret, service.said())

    def test_signals_end_it_with_0_while_clients_are_connected(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            service = self.start()
            device = service.online(filters=[TWIN])
            over_websocket = service.online(link=mqtt_raw.websocket_link(service.env))
            half_open = socket.create_connection(("127.0.0.1", int(service.env["SPOKE_HTTPS_PORT"])))
            call = threading.Thread(target=lambda: self.assertRaises(
                Exception, service.call, "POST", f"/api/devices/{device.id}/commands/go", {"connectionTimeout": 30}))
            call.start()
            service.process.send_signal(number)
            service.process.communicate(timeout=10)
            self.assertEqual(service.process.returncode, 0)
            device.expect_end()
            with self.assertRaises((Closed, AssertionError)):
                over_websocket.ping()
            call.join(10)
            half_open.close()

    def test_keys_are_for_the_owner_only_and_a_temporary_folder_goes(self):
        service = self.start()
        for folder, _, files in os.walk(self.folder):
            for name in files:
                path = os.path.join(folder, name)
                with open(path, "rb") as file:
                    secret = b"PRIVATE KEY" in file.read() or name.endswith((".db", ".db-wal"))
                if secret:
                    self.assertEqual(stat.S_IMODE(os.stat(path).st_mode) & 0o077, 0, path)
        service.terminate()
        self.started.append(Service("--ephemeral"))
        folder = os.path.dirname(self.started[-1].env["SPOKE_CA_FILE"])
        self.assertTrue(os.path.isdir(folder))
        self.assertEqual(self.started[-1].terminate()[0], 0)
        self.assertFalse(os.path.exists(folder))


class Restart(Folder):
    def test_every_acknowledged_message_is_there_after_a_kill(self):
        service = self.start()
        device = service.online()
        acknowledged = []
        killer = threading.Timer(0.4, service.process.kill)
        killer.start()
        self.addCleanup(killer.join)
        topic, sent = f"devices/{device.id}/messages/events/", 0
        try:
            while True:  # 16 under way
                while sent - len(acknowledged) < 16:
                    sent += 1
                    device.send(mqtt_raw.publish_packet(topic, f'{{"n":{sent}}}', 1, sent))
                device.expect_puback(len(acknowledged) + 1)
                acknowledged.append(f'{{"n":{len(acknowledged) + 1}}}')
        except (Closed, AssertionError):
            pass
        self.assertGreater(len(acknowledged), 16)
        service.kill()
        again = self.start()
        stored = [message["body"] for message in again.messages(device.id)]
        oldest = len(stored) and int(stored[0][5:-1])
        self.assertEqual(stored, [f'{{"n":{n}}}' for n in range(oldest, oldest + len(stored))])
        self.assertGreaterEqual(oldest + len(stored) - 1, len(acknowledged))
        if oldest > 1:  # only a full window may have lost its oldest
            self.assertGreaterEqual(len(stored), 1000)
        self.assertEqual(again.ask(200, "GET", f"/api/devices/{device.id}/telemetry/n")["value"], oldest + len(stored) - 1)

    def test_twin_queue_session_devices_and_identity_survive_a_kill(self):
        service = self.start()
        device = service.online(clean=False, filters=[TWIN, DESIRED])
        device.subscribe([(c2d_filter(device.id), 1)])
        service.ask(202, "PATCH", f"/api/devices/{device.id}/properties", {"d": {"x": 1}})
        device.expect("$iothub/twin/PATCH/")
        self.assertEqual(report(device, {"r": [1, "ä"]})[0], 204)
        service.ask(202, "POST", f"/control/devices/{device.id}/c2d", {"body": "unacknowledged"})
        first = device.expect("devices/")
        service.ask(200, "PUT", "/api/enrollmentGroups/g-1", {"attestation": {"type": "symmetricKey"}})
        with open(service.env["SPOKE_CA_FILE"]) as file:
            authority = file.read()
        service.kill()

        again = self.start()
        for name in ("SPOKE_ID_SCOPE", "SPOKE_GROUP_KEY", "SPOKE_CA_FILE"):
            self.assertEqual(again.env[name], service.env[name])
        with open(again.env["SPOKE_CA_FILE"]) as file:
            self.assertEqual(file.read(), authority)
        self.assertEqual(again.raw("GET", "/api/devices?api-version=2022-07-31",
                                   headers={"Authorization": service.env["SPOKE_API_TOKEN"]}).status, 200)
        state = again.control(device.id)
        self.assertEqual({name: state[name] for name in ("desired", "desiredVersion", "reported", "reportedVersion", "c2dPending", "connected")},
                         {"desired": {"d": {"x": 1}}, "desiredVersion": 2, "reported": {"r": [1, "ä"]}, "reportedVersion": 2, "c2dPending": 1,
                          "connected": False})
        again.ask(200, "GET", "/api/enrollmentGroups/g-1")
        back, code, present = again.hub_connect(device.id, device.key, clean=False)
        self.assertEqual((code, present), (0, True))
        got = back.expect("devices/")
        self.assertEqual((got.payload, got.packet_id), (b"unacknowledged", first.packet_id))
        back.puback(got.packet_id)
        again.ask(202, "PATCH", f"/api/devices/{device.id}/properties", {"d": {"y": 2}})
        self.assertEqual(back.expect("$iothub/twin/PATCH/properties/desired/?$version=3").payload, b'{"d":{"y":2},"$version":3}')
        self.assertEqual(twin_get(back)[2]["reported"], {"r": [1, "ä"], "$version": 2})
        until("the completion", lambda: again.control(device.id)["c2dPending"] == 0)

    def test_what_the_command_line_fixes_is_fixed(self):
        key = mqtt_raw.base64.b64encode(bytes(range(64))).decode()
        service = self.start("--group-key", key, "--id-scope", "0neFIXED", "--hub-host", "hub.local")
        self.assertEqual((service.env["SPOKE_GROUP_KEY"], service.env["SPOKE_ID_SCOPE"]), (key, "0neFIXED"))
        status, body = service.provision("fixed-1", mqtt_raw.derive(key, "fixed-1"))
        self.assertEqual((status, body["registrationState"]["assignedHub"]), (200, "hub.local"))


@unittest.skipUnless(shutil.which("openssl"), "openssl makes the certificates and is not here")
class Certificates(Folder):
    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    def make(self, name, authority):
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.key", "-subj", f"/CN={name}",
                     *(["-out", f"{name}.csr"] if authority else ["-x509", "-days", "2", "-out", f"{name}.pem"]))
        if authority:
            self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key", "-CAcreateserial", "-days", "2",
                         "-out", f"{name}.pem")
        return os.path.join(self.folder, f"{name}.pem"), os.path.join(self.folder, f"{name}.key")

    def test_a_certificate_of_the_device_ca_enrols_and_connects_and_keys_still_do(self):
        authority, _ = self.make("authority", None)
        self.make("stranger-ca", None)
        own, other = self.make("x509-1", "authority"), self.make("x509-2", "stranger-ca")
        service = self.start("--device-ca", authority)
        scope = service.env["SPOKE_ID_SCOPE"]

        def dps(registration_id, certificate):
            device = service.device(mqtt_raw.tls_link(service.env, certificate))
            return device, device.connect(registration_id, f"{scope}/registrations/{registration_id}/api-version=2019-03-31", None)[0]

        device, code = dps("x509-1", own)
        self.assertEqual(code, 0)
        device.subscribe([("$dps/registrations/res/#", 1)])
        _, _, body = register(device, "x509-1")
        _, _, body = poll(device, body["operationId"])
        self.assertEqual(body["registrationState"]["assignedHub"], "localhost")
        self.assertEqual(dps("x509-2", own)[1], 5)
        name = "localhost/x509-1/?api-version=2021-04-12"
        for certificate, wanted in ((own, 0), (None, 5)):
            device = service.device(mqtt_raw.tls_link(service.env, certificate))
            self.assertEqual(device.connect("x509-1", name, None)[0], wanted)
        device, code = dps("x509-2", other)  # of somebody else: told at the registration, as a wrong key is
        self.assertEqual(code, 0)
        device.subscribe([("$dps/registrations/res/#", 1)])
        status, _, body = register(device, "x509-2")
        self.assertEqual((status, body["errorCode"]), (401, 401002))
        service.online().expect_nothing()


if __name__ == "__main__":
    unittest.main(verbosity=2)
