"""Boots an image of samples/firmware in QEMU and converses with it through spoke-central: each claim is checked on the
service's side and printed.

    converse.py --image firmware.elf --plain|--tls [--say]

SPOKE_CENTRAL in the environment names the service's program. Ends with 0 only if every claim held. --plain: the image
has no TLS. It speaks to a relay on this machine's loopback, which has the TLS connection to the service, as a
modem would. What the device prints goes to standard error with --say, or when something failed.
"""
import argparse
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/system"))
import service as system_service  # noqa: E402

MODEL = "dtmi:com:example:Thermostat;1"
TEMPLATE = ROOT / "samples/models/dtmi/com/example/thermostat-1.json"
HOST_SEEN_BY_QEMU = "10.0.2.2"  # its user network leads this address to the loopback of the machine it runs on
HUB = "hub.spoke.test"
SETTINGS_AT, SETTINGS_BYTES = 0x7F000, 4096  # samples/firmware/link.ld
DEVICE = "firmware-1"
PATIENCE_S = 60


def until(what, ask, limit_s=PATIENCE_S):
    return system_service.until(what, ask, limit_s=limit_s)


class Relay:
    """Plain TCP on one side, TLS to the service on the other, byte for byte."""

    def __init__(self, env):
        self.target = ("127.0.0.1", int(env["SPOKE_MQTT_PORT"]))
        self.tls = ssl.create_default_context(cafile=env["SPOKE_CA_FILE"])
        self.door = socket.create_server(("127.0.0.1", 0))
        self.port = self.door.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.door.accept()
            except OSError:
                return
            far = self.tls.wrap_socket(socket.create_connection(self.target), server_hostname="localhost")
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self.pump, args=(source, sink), daemon=True).start()

    @staticmethod
    def pump(source, sink):
        try:
            while data := source.recv(4096):
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def stop(self):
        self.door.close()


def settings_page(values):
    page = b"".join(text.encode() + b"\0" for pair in values.items() for text in pair) + b"\0"
    assert len(page) <= SETTINGS_BYTES, f"{len(page)} bytes of settings do not fit the page"
    return page + b"\xff" * (SETTINGS_BYTES - len(page))


class Board:
    """The image in QEMU. What it prints is in `lines`."""

    def __init__(self, image, settings, say, *options):
        self.folder = tempfile.TemporaryDirectory(prefix="spoke-firmware-")
        page, self.monitor = Path(self.folder.name) / "settings", Path(self.folder.name) / "monitor"
        page.write_bytes(settings_page(settings))
        page.chmod(0o600)
        self.lines = []
        self.say = say
        self.process = subprocess.Popen(
            ["qemu-system-arm", "-M", "mps2-an386", "-display", "none", "-serial", "stdio",
             "-monitor", f"unix:{self.monitor},server=on,wait=off",
             "-kernel", image, "-device", f"loader,file={page},addr={SETTINGS_AT:#x},force-raw=on",
             "-nic", "user,id=cable", "-semihosting-config", "enable=on,target=native", *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if self.say:
                print("  |", line.rstrip(), file=sys.stderr)

    def runs(self):
        assert self.process.poll() is None, f"the board ended: {self.lines[-3:]}"
        return True

    def tell(self, command):
        """A command for QEMU's monitor, done when this returns."""
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.settimeout(10)
            monitor.connect(str(self.monitor))
            for text in (command + "\n", ""):
                answer = b""
                while not answer.endswith(b"(qemu) "):
                    answer += monitor.recv(4096)
                monitor.sendall(text.encode())

    def costs(self):
        """A tuple for each reading: stack peak, its size, mbedTLS's peak, its size, microseconds awake."""
        found = (re.match(r"stack (\d+) of (\d+), mbedTLS (\d+) of (\d+), awake (\d+) us", line) for line in self.lines)
        return [tuple(int(number) for number in match.groups()) for match in found if match]

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(10)
        self.folder.cleanup()


class Conversation:
    def __init__(self, service, board):
        self.service, self.board = service, board

    def count(self):
        return len(self.service.messages(DEVICE))

    def happened(self, kind):
        return self.service.events(DEVICE).count(kind)

    def value(self, name):
        reply = self.service.call("GET", f"/api/devices/{DEVICE}/telemetry/{name}")
        return reply.body.get("value") if reply.status == 200 else None

    def reported(self):
        return self.service.control(DEVICE)["reported"]

    def it_provisions_itself_and_connects(self):
        until("the first connection", lambda: self.board.runs() and self.happened("hub-connected") > 0)
        assert self.happened("dps-assigned") == 1
        assert self.service.control(DEVICE)["modelId"] == MODEL

    def its_telemetry_is_in_the_store(self):
        until("three messages", lambda: self.count() >= 3)
        assert abs(float(self.value("temperature")) - 20.8) < 1e-9, self.value("temperature")

    def it_applies_a_writable_property(self):
        self.service.ask(202, "PATCH", f"/api/devices/{DEVICE}/properties", {"targetTemperature": 25.5})
        answer = until("the acknowledgement", lambda: self.reported().get("targetTemperature"))
        assert answer["value"] == 25.5 and answer["ac"] == 200, answer
        assert answer["av"] == self.service.control(DEVICE)["desiredVersion"], answer
        until("telemetry of the new target", lambda: abs(float(self.value("temperature")) - 25.3) < 1e-9)

    def it_refuses_a_value_that_is_out_of_range(self):
        self.service.ask(202, "PATCH", f"/api/devices/{DEVICE}/properties", {"targetTemperature": 55})
        answer = until("the refusal", lambda: (found := self.reported()["targetTemperature"])["ac"] == 400 and found)
        assert "at most 40" in answer["ad"], answer

    def it_answers_a_command(self):
        answer = self.service.ask(201, "POST", f"/api/devices/{DEVICE}/commands/getMaxMinReport",
                                  {"request": "2026-01-01T00:00:00Z"})
        assert abs(answer["response"]["maxTemp"] - 25.3) < 1e-9, answer

    def comes_back_after(self, cut):
        before = self.happened("hub-connected")
        cut()
        until("another connection", lambda: self.board.runs() and self.happened("hub-connected") > before)
        count = self.count()
        until("telemetry over it", lambda: self.count() >= count + 2)

    def it_comes_back_after_a_cut(self):
        self.comes_back_after(lambda: self.service.ask(200, "POST", f"/control/devices/{DEVICE}/disconnect"))

    def it_sends_what_waited_while_its_cable_was_out(self):
        connects, count, readings = self.happened("hub-connected"), self.count(), len(self.board.costs())
        self.board.tell("set_link cable off")
        until("four readings more", lambda: self.board.runs() and len(self.board.costs()) >= readings + 5)
        assert self.count() <= count + 2, "the cable was not out"
        self.board.tell("set_link cable on")
        until("them in the store", lambda: self.count() >= count + 5)
        assert self.happened("hub-connected") == connects, "it connected anew"

    def it_finds_its_hub_without_dps_after_a_reset(self):
        self.comes_back_after(lambda: self.board.tell("system_reset"))
        assert self.happened("dps-assigned") == 1, "it asked DPS again"

    def nothing_misfits_its_template(self):
        misfits = self.service.control(DEVICE)["misfits"]
        assert (misfits["unmodeled"], misfits["wrongType"]) == (0, 0), misfits

    def hold(self):
        for claim in (self.it_provisions_itself_and_connects, self.its_telemetry_is_in_the_store,
                      self.it_applies_a_writable_property, self.it_refuses_a_value_that_is_out_of_range,
                      self.it_answers_a_command, self.it_comes_back_after_a_cut,
                      self.it_sends_what_waited_while_its_cable_was_out,
                      self.it_finds_its_hub_without_dps_after_a_reset, self.nothing_misfits_its_template):
            begin = time.monotonic()
            claim()
            print(f"ok {claim.__name__.replace('_', ' ')} ({time.monotonic() - begin:.1f} s)", flush=True)


def refuses(service, image, settings, reason, say):
    """Boots with settings under which the service's certificate may not be taken, for that reason and no other."""
    before = len(service.ask(200, "GET", "/control/events"))
    board = Board(image, settings, say)
    try:
        word = until("a word about the certificate", lambda: board.runs() and next(
            (line for line in board.lines if line.startswith("warning") and "certificate" in line), None))
        assert reason in word, word
        assert len(service.ask(200, "GET", "/control/events")) == before, "something got through"
    finally:
        board.stop()


def check_verification(service, image, settings, say):
    stranger = system_service.Service("--ephemeral")
    try:
        refuses(service, image, settings | {"trust": Path(stranger.env["SPOKE_CA_FILE"]).read_text()},
                "unknown issuer", say)
        print("ok it refuses a certificate of another CA", flush=True)
    finally:
        end(stranger)
    refuses(service, image, settings | {"host": "other.test", "host:other.test": HOST_SEEN_BY_QEMU},
            "another host name", say)
    print("ok it refuses a certificate of another name", flush=True)


def count_instructions(service, image, settings, say):
    """Under -icount an instruction takes a nanosecond, whatever it is: what the device takes for its time awake, sleeping
    for the rest, is how many it ran, in thousands."""
    board = Board(image, settings, say, "-icount", "shift=0")

    def ready(times):
        until("READY", lambda: board.runs() and sum("-> READY" in line for line in board.lines) >= times)
        return len(board.costs())

    def awake_until(reading):
        until("more readings", lambda: board.runs() and len(board.costs()) > reading)
        return [cost[4] for cost in board.costs()[:reading + 1]]

    try:
        start = awake_until(ready(1))
        quiet = sorted(awake_until(len(start) + 10)[len(start) + 1:])
        before = len(board.costs())
        service.ask(200, "POST", f"/control/devices/{DEVICE}/disconnect")
        again = max(awake_until(ready(2))[before:])
        print(f"instructions: {quiet[len(quiet) // 2]} thousand for a reading sent and acknowledged, the timers of its second "
              f"included; {sum(start)} thousand until it is ready at first, {again} thousand to come back", flush=True)
    finally:
        board.stop()


def end(service):
    service.process.terminate()  # it removes its folder
    service.process.communicate(timeout=20)


def settings_for(service, port, plain):
    _, key = service.created(DEVICE)
    values = {"host": service.env["SPOKE_HOST"], "port": str(port), "id_scope": service.env["SPOKE_ID_SCOPE"],
              "registration_id": DEVICE, "key": key, "seed": os.urandom(32).hex(),
              f"host:{service.env['SPOKE_HOST']}": HOST_SEEN_BY_QEMU, f"host:{HUB}": HOST_SEEN_BY_QEMU}
    if not plain:
        values["trust"] = Path(service.env["SPOKE_CA_FILE"]).read_text()
    return values


def converse(arguments):
    service = system_service.Service("--ephemeral", "--control", "--hub-host", HUB, "--templates", str(TEMPLATE),
                                     "--dps-retry-after", "1", "--log-level", "error")
    relay = board = None
    try:
        relay = Relay(service.env) if arguments.plain else None
        settings = settings_for(service, relay.port if relay else service.env["SPOKE_MQTT_PORT"], arguments.plain)
        board = Board(arguments.image, settings, arguments.say)
        Conversation(service, board).hold()
        board.runs()
        stack, stack_size, tls, tls_size, _ = board.costs()[-1]
        board.stop()
        count_instructions(service, arguments.image, settings, arguments.say)
        if not arguments.plain:
            check_verification(service, arguments.image, settings, arguments.say)
        print(f"stack: {stack} of {stack_size} bytes; mbedTLS's memory: {tls} of {tls_size} bytes")
    except BaseException:
        if board is not None and not arguments.say:
            print("\n".join(board.lines[-60:]), file=sys.stderr)
        raise
    finally:
        if board is not None:
            board.stop()
        if relay is not None:
            relay.stop()
        end(service)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image", required=True)
    kind = parser.add_mutually_exclusive_group(required=True)
    kind.add_argument("--plain", action="store_true")
    kind.add_argument("--tls", action="store_true")
    parser.add_argument("--say", action="store_true")
    for number in (signal.SIGTERM, signal.SIGINT):  # what was started ends, too
        signal.signal(number, lambda *_: sys.exit("ended by a signal"))
    try:
        converse(parser.parse_args())
    except AssertionError as error:
        sys.exit(f"FAILED: {error}")


if __name__ == "__main__":
    main()
