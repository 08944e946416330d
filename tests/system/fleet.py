#!/usr/bin/env python3
"""Runs the program spoke against spoke-central and looks into the service's own account of it.

    tests/system/fleet.py BUILD_FOLDER [UNITTEST_ARGUMENT]..."""
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

BUILD = Path(sys.argv[1] if len(sys.argv) > 1 else "build").resolve()
os.environ["SPOKE_CENTRAL"] = str(BUILD / "spoke-central")
sys.path.insert(0, str(Path(__file__).resolve().parent))

from service import DESIRED, Service, until  # noqa: E402 - it reads SPOKE_CENTRAL

SPOKE = BUILD / "spoke"
ROOT = Path(__file__).resolve().parents[2]
MODELS, DATA = ROOT / "samples/models", ROOT / "tests/data/models"
LIMIT_S = 90  # of a run on a machine that is busy
FIFTY = ("--devices", "50", "--rate", "2", "--ramp", "500")

TEMPLATE = {"@context": "dtmi:dtdl:context;2", "@id": "dtmi:test:Beacon;1", "@type": "Interface", "contents": [
    {"@type": ["Telemetry", "Temperature"], "name": "temperature", "schema": "double", "unit": "degreeCelsius"},
    {"@type": "Property", "name": "telemetryInterval", "schema": "double", "writable": True},
    {"@type": "Property", "name": "serialNumber", "schema": "string"},
    {"@type": "Command", "name": "measure", "response": {"name": "value", "schema": "double"}}]}


class Fleet(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="spoke-fleet-")
        self.addCleanup(self.folder.cleanup)
        self.service = Service("--ephemeral", "--control", "--dps-polls", "0")
        self.addCleanup(self.service.kill)
        self.running = []
        self.addCleanup(lambda: [program.kill() for program in self.running])

    def file(self, name, text):
        path = Path(self.folder.name, name)
        path.write_text(text)
        return str(path)

    def start(self, *arguments, template=None, environment=None):
        environment = self.service.env if environment is None else environment
        program = subprocess.Popen([SPOKE, "fleet", *arguments, template or self.file("beacon.json", json.dumps(TEMPLATE))],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env={**os.environ, **environment})
        self.running.append(program)
        return program

    def ended(self, program):
        """Exit code, standard output, standard error."""
        out, err = program.communicate(timeout=LIMIT_S)
        return program.returncode, out, err

    def run_fleet(self, *arguments, **how):
        return self.ended(self.start(*arguments, **how))

    def summary(self):
        return json.loads(Path(self.folder.name, "summary.json").read_text())

    def until_ready(self, count, **how):
        """Every device reports a serial number when it is READY."""
        return until(f"{count} devices READY", lambda: sum(self.reported(f"sim-{i}") for i in range(1, count + 1)),
                     lambda ready: ready == count, **how)

    def reported(self, device):
        reply = self.service.call("GET", f"/api/devices/{device}/properties")
        return reply.status == 200 and "serialNumber" in reply.body


class Account(Fleet):
    def test_the_service_has_every_message_that_the_fleet_counts(self):
        code, out, err = self.run_fleet(*FIFTY, "--duration", "6", "--json", f"{self.folder.name}/summary.json")
        self.assertEqual((code, err), (0, ""), out)
        summary = self.summary()
        kept = [self.service.messages(f"sim-{i}") for i in range(1, 51)]
        self.assertEqual(summary["sent"], sum(len(messages) for messages in kept))
        self.assertEqual(summary["sent"], summary["acknowledged"])
        self.assertEqual((summary["ready"], summary["readyAtEnd"], summary["errors"]), (50, 50, 0))
        self.assertTrue(summary["well"])
        self.assertGreater(summary["sent"], 50)

    def test_values_fit_the_template_of_each_sort(self):
        for file in (DATA / "pump_template.json", MODELS / "dtmi/com/example/temperaturecontroller-1.json",
                     MODELS / "dtmi/realtek/rtk_ameba_series-1.json"):
            with self.subTest(file.name):
                models = file if file.parent == DATA else MODELS
                service = Service("--ephemeral", "--control", "--dps-polls", "0", "--templates", str(models))
                self.addCleanup(service.kill)
                code, out, err = self.run_fleet("--devices", "5", "--rate", "10", "--duration", "4",
                                                template=str(file), environment=service.env)
                self.assertEqual((code, err), (0, ""), out)
                for i in range(1, 6):
                    about = service.control(f"sim-{i}")
                    self.assertTrue(about["template"])
                    self.assertEqual(about["misfits"], {"unmodeled": 0, "wrongType": 0})

    def test_devices_with_keys_of_their_own(self):
        devices = [self.service.created() for _ in range(3)]
        keys = self.file("keys.csv", "id,key\n" + "".join(f"{name},{key}\n" for name, key in devices))
        environment = {**self.service.env, "SPOKE_GROUP_KEY": ""}
        code, out, err = self.run_fleet("--keys", keys, "--rate", "5", "--duration", "3", environment=environment)
        self.assertEqual((code, err), (0, ""), out)
        for name, _ in devices:
            self.assertTrue(self.service.messages(name))

    def test_together_nothing_is_sent_before_all_are_ready(self):
        csv = f"{self.folder.name}/seconds.csv"
        code, out, err = self.run_fleet("--devices", "3", "--rate", "20", "--ramp", "1", "--together", "--duration", "3", "--csv", csv)
        self.assertEqual((code, err), (0, ""), out)
        head, *lines = [line.split(",") for line in Path(csv).read_text().splitlines()]
        ready, sent = head.index("ready"), head.index("sent_per_s")
        self.assertGreaterEqual(len(lines), 5)
        for line in lines:
            if line[ready] != "3":
                self.assertEqual(float(line[sent]), 0)
        self.assertGreater(float(lines[-1][sent]), 0)

    def test_waiting_in_a_full_queue_counts_as_latency(self):
        program = self.start("--devices", "1", "--rate", "4", "--json", f"{self.folder.name}/summary.json")
        self.until_ready(1, limit_s=LIMIT_S)
        self.service.fault(pubackDelay={"ms": 3000})
        until("a full queue", lambda: len(self.service.messages("sim-1")), lambda count: count > 12, limit_s=LIMIT_S)
        program.send_signal(signal.SIGINT)
        self.ended(program)
        summary = self.summary()
        self.assertGreater(summary["leftOut"], 0)
        self.assertGreater(summary["latencyMs"]["p50"], 2900)

    def test_properties_go_with_each_message(self):
        for value in "north", "ö" * 300:
            with self.subTest(length=len(value)):
                prefix = f"to-{len(value)}-"
                code, out, _ = self.run_fleet("--devices", "1", "--rate", "1", "--duration", "3", "--prefix", prefix,
                                              "--property", f"site={value}")
                self.assertEqual(code, 0, out)
                self.assertEqual(self.service.messages(prefix + "1")[0]["properties"], {"site": value})

    def test_processes_that_share_a_fleet_do_not_measure_the_same(self):
        for prefix, first, devices in ("a-", "1", "2"), ("b-", "2", "1"):
            code, out, _ = self.run_fleet("--devices", devices, "--prefix", prefix, "--first", first, "--rate", "5",
                                          "--duration", "3")
            self.assertEqual(code, 0, out)
        one, two, again = ([message["body"] for message in self.service.messages(name)[:5]] for name in ("a-1", "a-2", "b-2"))
        self.assertNotEqual(one, two)
        self.assertEqual(two, again)

    def test_a_summary_for_programs_is_alone_on_standard_output(self):
        code, out, err = self.run_fleet("--devices", "1", "--duration", "2", "--json", "-")
        self.assertEqual((code, json.loads(out)["ready"]), (0, 1))
        self.assertIn("READY at the end 1", err)

    def test_the_second_file_has_a_line_for_each_second(self):
        csv = f"{self.folder.name}/seconds.csv"
        code, out, _ = self.run_fleet("--devices", "2", "--duration", "4", "--csv", csv)
        self.assertEqual(code, 0, out)
        head, *lines = Path(csv).read_text().splitlines()
        self.assertTrue(head.startswith("second,"))
        self.assertGreaterEqual(len(lines), 3)
        self.assertEqual({len(line.split(",")) for line in lines}, {len(head.split(","))})

    def test_a_process_that_stood_still_does_not_make_up_lines(self):
        csv = f"{self.folder.name}/seconds.csv"
        program = self.start("--devices", "1", "--csv", csv)
        self.until_ready(1, limit_s=LIMIT_S)
        program.send_signal(signal.SIGSTOP)
        time.sleep(4)
        program.send_signal(signal.SIGCONT)
        lines = until("later lines", lambda: Path(csv).read_text().splitlines()[1:],
                      lambda lines: lines and float(lines[-1].split(",")[0]) > 6, limit_s=LIMIT_S)
        seconds = [int(float(line.split(",")[0])) for line in lines]
        self.assertEqual(len(seconds), len(set(seconds)), seconds)
        program.send_signal(signal.SIGINT)
        self.ended(program)


class Obeying(Fleet):
    def test_a_command_is_answered_with_a_value(self):
        program = self.start("--devices", "3")
        self.until_ready(3, limit_s=LIMIT_S)
        answer = self.service.ask(201, "POST", "/api/devices/sim-2/commands/measure", {})
        self.assertEqual((answer["responseCode"], type(answer["response"])), (200, float))
        program.send_signal(signal.SIGINT)
        self.assertEqual(self.ended(program)[0], 0)

    def test_a_writable_interval_changes_the_rate(self):
        program = self.start("--devices", "1", "--rate", "0.01", "--json", f"{self.folder.name}/summary.json")
        self.until_ready(1, limit_s=LIMIT_S)
        self.service.ask(202, "PATCH", "/api/devices/sim-1/properties", {"telemetryInterval": 0.05})
        until("faster messages", lambda: len(self.service.messages("sim-1")), lambda count: count > 10, limit_s=LIMIT_S)
        program.send_signal(signal.SIGTERM)
        self.assertEqual(self.ended(program)[0], 0)
        self.assertEqual(self.summary()["propertiesSet"], 1)
        twin = self.service.control("sim-1")["reported"]
        self.assertEqual((twin["telemetryInterval"]["value"], twin["telemetryInterval"]["ac"]), (0.05, 200))


class Ending(Fleet):
    def test_the_first_signal_ends_cleanly(self):
        program = self.start(*FIFTY)
        self.until_ready(50, limit_s=LIMIT_S)
        program.send_signal(signal.SIGINT)
        code, out, err = self.ended(program)
        self.assertEqual((code, err), (0, ""), out)
        self.assertIn("READY at the end 50", out)
        until("goodbyes", lambda: self.service.control("sim-50")["connected"], lambda connected: not connected)

    def test_the_second_signal_ends_at_once(self):
        program = self.start("--devices", "1", "--rate", "50")
        self.until_ready(1, limit_s=LIMIT_S)
        self.service.fault(pubackDelay={"ms": 60000})
        before = len(self.service.messages("sim-1"))
        until("a message without PUBACK", lambda: len(self.service.messages("sim-1")), lambda count: count > before)
        program.send_signal(signal.SIGINT)
        program.send_signal(signal.SIGTERM)
        self.assertEqual(self.ended(program)[0], 130)

    def test_the_second_signal_ends_goodbyes_too(self):
        program = self.start("--devices", "120", "--rate", "2", "--ramp", "1000", "--threads", "1")
        self.until_ready(120, limit_s=LIMIT_S)
        self.service.fault(pubackDelay={"ms": 60000})
        time.sleep(1)  # each has a message without PUBACK
        program.send_signal(signal.SIGINT)
        time.sleep(11)  # ten seconds for what is under way; the goodbyes take five
        program.send_signal(signal.SIGTERM)
        self.assertEqual(self.ended(program)[0], 130)

    def test_devices_that_never_connect_are_told(self):
        key = "AAAAAAAAAAAAAAAAAAAAAA=="
        code, out, err = self.run_fleet("--devices", "2", "--duration", "3",
                                        environment={**self.service.env, "SPOKE_GROUP_KEY": key})
        self.assertEqual((code, err), (1, ""), out)
        self.assertRegex(out, r"sim-[12]: .*refused")
        self.assertNotIn(key, out)


def own_address():
    """One of this machine that is not loopback; None: it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        try:
            way.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return None
        return way.getsockname()[0]


class Refusing(Fleet):
    def listener(self):
        address = own_address()
        if address is None or address.startswith("127."):
            self.skipTest("this machine has no address but loopback")
        listener = socket.create_server((address, 0))
        listener.setblocking(False)
        self.addCleanup(listener.close)
        return listener, address, str(listener.getsockname()[1])

    def test_no_connection_is_tried_to_a_foreign_target(self):
        listener, address, port = self.listener()
        for option in "--dps", "--hub":
            code, _, err = self.run_fleet(option, address, "--port", port, "--duration", "2",
                                          environment={**self.service.env, "SPOKE_HOST": ""})
            self.assertEqual((code, err.count("nothing was sent")), (2, 1), err)
        with self.assertRaises(BlockingIOError):
            listener.accept()
        named = ("--target-is", address, "--group-key-file", self.file("key", self.service.env["SPOKE_GROUP_KEY"]))
        self.run_fleet("--dps", address, "--port", port, *named, "--devices", "1", "--duration", "2")
        listener.accept()[0].close()  # it would have been seen

    def test_a_hub_elsewhere_that_is_assigned_here_is_not_loaded(self):
        self.service.fault(assignHub={"deviceId": "sim-1", "hub": "192.0.2.1"})
        code, out, _ = self.run_fleet("--devices", "1", "--duration", "3")
        self.assertEqual(code, 1)
        self.assertIn("the hub 192.0.2.1 was assigned, which is not this machine", out)

    def test_a_name_that_no_device_can_have_is_told_with_the_reason(self):
        code, out, _ = self.run_fleet("--devices", "1", "--prefix", "a b")
        self.assertEqual(code, 1)
        self.assertIn("registration_id holds", out)

    def test_a_foreign_target_is_refused_before_anything_is_sent(self):
        code, out, err = self.run_fleet("--dps", "192.0.2.1")
        self.assertEqual((code, out), (2, ""))
        self.assertEqual(err, "spoke fleet: 192.0.2.1 is not this machine, and nothing was sent; if you may load it, "
                              "name it again: --target-is 192.0.2.1\n")

    def test_a_key_in_the_arguments_is_for_this_machine(self):
        code, _, err = self.run_fleet("--dps", "192.0.2.1", "--target-is", "192.0.2.1", "--group-key", "AAAAAAAAAAAAAAAAAAAAAA==")
        self.assertEqual(code, 2)
        self.assertIn("--group-key-file", err)
        self.assertNotIn("AAAA", err)

    def test_a_template_that_is_not_valid_is_shown_with_its_mistakes(self):
        bad = self.file("bad.json", json.dumps({**TEMPLATE, "@id": "dtmi:test:1Beacon;1"}))
        code, _, err = self.run_fleet(template=bad)
        self.assertEqual(code, 2)
        self.assertRegex(err, r"bad\.json:1:\d+: error: ")

    def test_files_that_cannot_be_used_are_named(self):
        for arguments, name in ((("--trust", "/nowhere/ca.pem"), "/nowhere/ca.pem"),
                                (("--csv", "/nowhere/s.csv"), "/nowhere/s.csv"),
                                (("--csv", "/dev/full", "--duration", "2", "--quiet"), "/dev/full"),
                                (("--json", "/dev/full", "--duration", "2", "--quiet"), "/dev/full"),
                                (("--keys", "/nowhere/k.csv"), "/nowhere/k.csv")):
            with self.subTest(name):
                environment = {**self.service.env, "SPOKE_GROUP_KEY": ""} if "--keys" in arguments else None
                code, _, err = self.run_fleet(*arguments, environment=environment)
                self.assertEqual(code, 2)
                self.assertIn(name, err)
                self.assertEqual(err.count("\n"), 1)

    def test_the_first_commands_of_the_manual_work(self):
        manual = (ROOT / "docs/fleet.md").read_text()
        commands = "".join(line[4:] + "\n" for line in manual[manual.index("    spoke-central"):].split("\n\n")[0].splitlines())
        self.assertIn("--duration 12", commands)
        commands = commands.replace("service.", f"{self.folder.name}/service.").replace("--duration 12", "--duration 8")
        done = subprocess.run(["bash", "-euc", 'trap "kill %1" EXIT\n' + commands], cwd=ROOT, capture_output=True, text=True,
                              timeout=LIMIT_S, env={"PATH": f"{BUILD}:{os.environ['PATH']}"})
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertIn("READY at the end 20", done.stdout)

    def test_help_and_version(self):
        for arguments, part in ((["--help"], "spoke fleet"), (["fleet", "--help"], "--target-is")):
            done = subprocess.run([SPOKE, *arguments], capture_output=True, text=True, timeout=20)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn(part, done.stdout)
        done = subprocess.run([SPOKE, "--version"], capture_output=True, text=True, timeout=20)
        self.assertRegex(done.stdout, r"^spoke \d+\.\d+\.\d+\n$")
        done = subprocess.run([SPOKE, "dance"], capture_output=True, text=True, timeout=20)
        self.assertEqual(done.returncode, 2)
        self.assertIn("there is no command dance", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
