"""The real-time half of the fault laboratory: service, proxy and device as processes, and the account that the device
kept held against what the service has on disk. Used by schedules.py, kill.py and soak.py beside this file."""
import base64
import collections
import hashlib
import hmac
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "system"))
import service as system_service  # noqa: E402

PATIENCE_S = 20


def end_cleanly():
    """A script that is told to end ends what it has started, too."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit("ended by a signal"))


def until(what, ask, limit_s=PATIENCE_S, pause_s=0.02):
    end = time.monotonic() + limit_s
    while not (answer := ask()):
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not happen in {limit_s} s")
        time.sleep(pause_s)
    return answer


def resident_kb(pid):
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024
    except (OSError, IndexError):
        return 0


class Service:
    """spoke-central on a durable folder and fixed ports: killed and started again it is the same service."""

    def __init__(self, build, folder, durability="full"):
        self.folder = Path(folder)
        self.arguments = ["--data-dir", str(folder), "--control", "--durability", durability, "--dps-polls", "0",
                          "--log-level", "error"]
        system_service.PROGRAM = str(Path(build) / "spoke-central")
        self.port = self.https_port = 0
        self.starts = 0
        self.start()

    def start(self):
        ports = ["--mqtt-port", str(self.port), "--https-port", str(self.https_port)]
        for attempt in range(50):
            try:
                self.api = system_service.Service(*ports, *self.arguments)
                break
            except AssertionError:  # the dead one's port or lock may take a moment
                if attempt == 49:
                    raise
                time.sleep(0.05)
        self.env = self.api.env
        self.port, self.https_port = int(self.env["SPOKE_MQTT_PORT"]), int(self.env["SPOKE_HTTPS_PORT"])
        self.starts += 1

    @property
    def pid(self):
        return self.api.process.pid

    def alive(self):
        return self.api.process.poll() is None

    def kill(self):
        self.api.process.send_signal(signal.SIGKILL)
        self.api.process.wait()
        self.api.process.stdout.close()
        self.api.log.close()

    def stop(self):
        self.api.process.terminate()
        try:
            self.api.process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()
            return
        self.api.process.stdout.close()
        self.api.log.close()

    def key(self, device_id):
        secret = base64.b64decode(self.env["SPOKE_GROUP_KEY"])
        return base64.b64encode(hmac.new(secret, device_id.encode(), hashlib.sha256).digest()).decode()

    def call(self, method, path, body=None):
        """None when the service is away."""
        try:
            return self.api.call(method, path, body)
        except (OSError, ValueError):
            return None

    def rows(self, query, *values):
        link = sqlite3.connect(f"file:{self.folder / 'central.db'}?mode=ro", uri=True, timeout=10)
        try:
            return link.execute(query, values).fetchall()
        finally:
            link.close()

    def arrivals(self, device_id, behind=-1):
        """(seq, n, message id) in the service's order; a batch gives one for each reading."""
        for seq, body, system in self.rows(
                "SELECT seq, body, system FROM event WHERE device_id = ? AND seq > ? AND kind = 1 ORDER BY seq", device_id, behind):
            content = json.loads(body)
            message_id = json.loads(system or "{}").get("messageId", "")
            for reading in content if isinstance(content, list) else [content]:
                yield seq, reading["n"], message_id

    def twin(self, device_id):
        rows = self.rows("SELECT desired, reported FROM twin WHERE device_id = ?", device_id)
        return tuple(json.loads(text) for text in rows[0]) if rows else ({}, {})


class Proxy:
    def __init__(self, build, target, seed=1):
        self.process = subprocess.Popen([str(Path(build) / "tests/faults/fault-proxy"), str(target), str(seed)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.port = int(self.process.stdout.readline())

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        answer = self.process.stdout.readline().strip()
        assert answer.startswith("ok"), f"{command}: {answer}"
        return answer[3:]

    def stop(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Device:
    """fault-device in a folder of its own; started again it goes on with its account, state and storage."""

    def __init__(self, build, folder, service, port, device_id, transport="native", storage=True, count=0, rate=50,
                 seed=1, keep_alive=2, nice=0):
        self.folder, self.id, self.transport = Path(folder), device_id, transport
        self.folder.mkdir(parents=True, exist_ok=True)
        self.account_file = self.folder / "account"
        self.command = [str(Path(build) / "tests/faults/fault-device"), "--port", str(port), "--scope",
                        service.env["SPOKE_ID_SCOPE"], "--id", device_id, "--ca",
                        service.env["SPOKE_CA_FILE"], "--account", str(self.account_file), "--state",
                        str(self.folder / "state"), "--transport", transport, "--rate", str(rate), "--seed", str(seed),
                        "--keep-alive", str(keep_alive), "--count", str(count)]
        if storage:
            self.command += ["--storage", str(self.folder / "queue")]
        self.environment = {**os.environ, "SPOKE_DEVICE_KEY": service.key(device_id)}
        self.nice = nice
        self.process = None

    def start(self):
        before = (lambda: os.nice(self.nice)) if self.nice else None
        self.log = open(self.folder / "log", "a")
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log, preexec_fn=before,
                                        env=self.environment)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.log.close()

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def connect_now(self):
        if self.alive():
            self.process.send_signal(signal.SIGUSR1)

    def stop(self, limit_s=10):
        if self.process is None:
            return 0
        if self.alive():
            self.process.terminate()
        try:
            code = self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.log.close()
        return code

    def said(self):
        return (self.folder / "log").read_text()[-2000:]


class Account:
    """What the device was promised, read piece by piece while it is being written."""

    def __init__(self, path):
        self.path, self.at, self.rest = Path(path), 0, b""
        self.priority, self.accepted, self.refused, self.told, self.dropped = {}, set(), {}, set(), {}
        self.reported, self.offered_reports, self.handled = {}, collections.defaultdict(set), {}
        self.state, self.state_since = "IDLE", None
        self.ready_ms, self.first_ms, self.last_ms = 0, None, 0
        self.samples = []  # (ms, worst us, own us, resident kB, pending), drained by whoever looks
        self.connects = 0

    def read(self):
        if not self.path.exists():
            return
        with open(self.path, "rb") as file:
            file.seek(self.at)
            data = self.rest + file.read()
            self.at = file.tell()
        *lines, self.rest = data.split(b"\n")
        for line in lines:
            self.take(line.decode().split(" "))

    def take(self, words):
        kind = words[0]
        if kind == "O":
            self.priority[int(words[1])] = int(words[2])
        elif kind == "A":
            self.accepted.add(int(words[1]))
        elif kind == "F":
            self.refused[int(words[1])] = words[2]
        elif kind == "D":
            self.told.add(int(words[1]))
        elif kind == "X":
            self.dropped[int(words[1])] = words[2]
        elif kind == "Q":
            self.offered_reports[words[1]].add(int(words[2]))
        elif kind == "R":
            self.reported[words[1]] = int(words[2])
        elif kind == "H":
            self.handled[words[1]] = int(words[2])
        elif kind == "S":
            self.enter(int(words[1]), words[2])
        elif kind == "L":
            self.clock(int(words[1]))
            self.samples.append(tuple(int(word) for word in words[1:]))

    def clock(self, ms):
        if self.first_ms is None:
            self.first_ms = ms
        elif self.state == "READY":
            self.ready_ms += ms - self.last_ms
        self.last_ms = ms

    def enter(self, ms, state):
        self.clock(ms)
        self.connects += state == "READY"
        self.state, self.state_since = state, ms


class Arrivals:
    """What the service has got of one device, claims checked as it comes."""

    def __init__(self, account):
        self.account, self.ids, self.copies, self.broken = account, {}, 0, []
        self.last = collections.defaultdict(lambda: -1)
        self.seq = -1

    def take(self, service, device_id):
        """The database first: what stands there was put down in the account before it was sent."""
        come = list(service.arrivals(device_id, self.seq))
        self.account.read()
        for self.seq, n, message_id in come:
            self.one(n, message_id)

    def one(self, n, message_id):
        priority = self.account.priority.get(n)
        if priority is None or n in self.account.refused:
            self.broken.append(f"message {n} arrived and was not accepted")
        elif n not in self.ids:
            if n <= self.last[priority]:
                self.broken.append(f"message {n} arrived after {self.last[priority]} of its priority")
            self.last[priority] = n
            self.ids[n] = message_id
            if not message_id:
                self.broken.append(f"message {n} has no message id")
        else:
            self.copies += 1
            if self.ids[n] != message_id:
                self.broken.append(f"message {n} has a copy with another message id: {self.ids[n]}, {message_id}")

    def check(self):
        """What is wrong at the end, all messages being there or dropped."""
        a = self.account
        wrong = list(self.broken)
        wrong += [f"message {n} was accepted and is lost" for n in sorted(a.accepted - set(self.ids) - set(a.dropped))]
        wrong += [f"message {n} was told as delivered, and is not there" for n in sorted(a.told - set(self.ids))]
        return wrong


def check_twin(service, device_id, account, wanted):
    """wanted: what the service asked for last, by key."""
    _, reported = service.twin(device_id)
    wrong = []
    for key, value in account.reported.items():
        good = {value} | {other for other in account.offered_reports[key] if other > value}
        if reported.get(key) not in good:
            wrong.append(f"reported {key} is {reported.get(key)}, not {value}")
    for key, value in wanted.items():
        ack = reported.get(key)
        if account.handled.get(key) != value:
            wrong.append(f"desired {key} is {value}, and the handler last got {account.handled.get(key)}")
        elif not isinstance(ack, dict) or (ack.get("value"), ack.get("ac")) != (value, 200):
            wrong.append(f"desired {key} = {value} was not acknowledged: {ack}")
    return wrong


def link_fault(chance):
    """One thing that a bad network does, as commands of the proxy."""
    end = chance.choice(["fin", "rst"])
    way = chance.choice(["up", "down"])
    return chance.choice([
        lambda: [f"cut {way} {chance.randint(1, 6000)} {end}"],
        lambda: [f"kill {end}"],
        lambda: [f"swallow {chance.choice(['up', 'down', 'both'])}"],
        lambda: [f"stall {chance.randint(10, 1500)}"],
        lambda: [f"delay {chance.randint(1, 150)} {chance.randint(0, 100)}"],
        lambda: [f"rate {chance.randint(2000, 50000)}"],
        lambda: [f"chunk {chance.randint(1, 3)}"],
        lambda: [f"corrupt {way} {chance.randint(1, 4000)}"],
        lambda: ["refuse on", "kill rst"],
        lambda: ["blackhole on", f"kill {end}"],
        lambda: [f"linger {chance.randint(100, 2000)}", f"kill {end}"],
        lambda: ["calm"],
    ])()


def service_fault(chance, device_id):
    """One fault of the service's own, for this device, as the control area takes it."""
    return chance.choice([
        lambda: {"refuseConnect": {"count": chance.randint(1, 2), "code": chance.choice([2, 3, 5]), "deviceId": device_id}},
        lambda: {"pubackDelay": {"ms": chance.randint(10, 1500), "deviceId": device_id}},
        lambda: {"dropPuback": {"count": chance.randint(1, 3), "deviceId": device_id}},
        lambda: {"dropAfterPublishes": {"count": chance.randint(1, 5), "deviceId": device_id}},
        lambda: {"twinThrottle": {"count": chance.randint(1, 3), "deviceId": device_id}},
        lambda: {"fragment": {"bytes": chance.randint(1, 9), "deviceId": device_id}},
        lambda: {"expireToken": {"deviceId": device_id}},
    ])()


def build_folder(given):
    folder = Path(given or HERE.parents[1] / "build")
    if not (folder / "tests/faults/fault-device").exists():
        sys.exit(f"{folder} has no tests/faults/fault-device: build the project with its tests first, or name the folder "
                 "with --build")
    return folder
