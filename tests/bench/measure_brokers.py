"""spoke-central and mosquitto side by side, with the same load: what the one does with a message besides acknowledging
it (it is stored, its values are found, it is held against a template) the other does not."""
import json
import os
import shutil
import socket
import subprocess
import sys
import time

from harness import LIMIT_S, middle
from measure_central import GROUP_KEY, Service

DEVICES, WINDOW, IDLE_DEVICES = 100, 64, 10000
PACED = {"relaxed": 50000, "full": 15000}
BURSTS = {"in tens": 10, "singly": 1} # what each device sends at once, in one TLS record


class Mosquitto:
    """Over TLS. With `keeper` a subscriber is away for which each message is kept, in memory and at exit in a file."""

    def __init__(self, bench, keeper):
        self.bench, self.devices = bench, DEVICES
        self.folder = bench.path("mosquitto")
        os.makedirs(self.folder, exist_ok=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        for name in ("ec.cert.pem", "ec.key.pem"):
            shutil.copy(bench.path(name), self.folder)
        with open(os.path.join(self.folder, "conf"), "w") as file:
            file.write(f"listener {self.port} 127.0.0.1\ncertfile {self.folder}/ec.cert.pem\n"
                       f"keyfile {self.folder}/ec.key.pem\nallow_anonymous true\nset_tcp_nodelay true\n"
                       f"max_queued_messages 0\nmax_inflight_messages 1000\npersistence {'true' if keeper else 'false'}\n"
                       f"persistence_location {self.folder}/\nuser root\nlog_type none\n")
        self.process = subprocess.Popen(bench.sink_pin + bench.realtime +
                                        [shutil.which("mosquitto"), "-c", f"{self.folder}/conf"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.wait()
        if keeper:
            subprocess.run(["mosquitto_sub", "-h", "localhost", "-p", str(self.port), "--cafile", bench.cert, "-c", "-q",
                            "1", "-i", "keeper", "-t", "#", "-E"], check=True, timeout=LIMIT_S)

    def wait(self):
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        sys.exit("mosquitto does not listen")

    def load(self, messages, window, rate=0, burst=1):
        return self.bench.run([self.bench.program("bench_central"), "load", "--port", str(self.port), "--ca",
                               self.bench.cert, "--group-key", GROUP_KEY, "--devices", str(self.devices), "--messages",
                               str(messages), "--window", str(window), "--rate", str(rate), "--burst", str(burst),
                               "--service", str(self.process.pid)], before=self.bench.realtime)

    def close(self):
        self.process.terminate()
        self.process.wait(LIMIT_S)
        shutil.rmtree(self.folder)


def service_once(bench, durability, messages):
    service = Service(bench, DEVICES, durability)
    try:
        return service.load(messages, WINDOW, 0)
    finally:
        service.close()


def mosquitto_once(bench, keeper, messages):
    broker = Mosquitto(bench, keeper)
    try:
        return broker.load(messages, WINDOW)
    finally:
        broker.close()


def rest_meanwhile(bench, durability, burst):
    """A reader of the REST API beside devices that send at a pace, so many messages of one at once."""
    service = Service(bench, DEVICES, durability)
    reader = None
    try:
        seconds = 2 if bench.quick else 6
        reader = service.read(seconds)
        result = service.load(PACED[durability] * (seconds + 1), WINDOW, PACED[durability], burst)
        answer = json.loads(reader.communicate(timeout=LIMIT_S)[0])
    finally:
        if reader is not None and reader.poll() is None:
            reader.kill()
        service.close()
    return {"per_s": result["messages_per_s"], "cpu": result["service_cpu_s_per_100k"],
            "rest_p50_ms": answer["p50_ms"], "rest_p99_ms": answer["p99_ms"]}


def idle(bench, open_broker):
    broker = open_broker()
    broker.devices = bench.scaled(IDLE_DEVICES)
    try:
        return broker.load(0, 1, 0)
    finally:
        broker.close()


def medians(bench, once):
    runs = [once() for _ in range(bench.runs)]
    return {name: middle(runs, lambda r, n=name: r[n], 3) for name in runs[0]}


def title(bench):
    return f"spoke-central and mosquitto: QoS 1 over TLS, {DEVICES} connections, {WINDOW} messages in flight each"


def measure(bench):
    if bench.program("bench_central") is None or shutil.which("mosquitto") is None:
        print("spoke-central was not built, or mosquitto is not installed: left out", file=sys.stderr)
        return None
    messages, result = bench.scaled(300000), {}
    for durability in ("relaxed", "full"):
        print(f"measuring spoke-central, {durability} ...", file=sys.stderr)
        result[f"spoke-central, {durability}"] = medians(bench, lambda d=durability: service_once(bench, d, messages))
        for name, burst in BURSTS.items():
            result[f"spoke-central, {durability}"][name] = rest_meanwhile(bench, durability, burst)
    for name, keeper in (("mosquitto, nobody listens", False), ("mosquitto, kept for one", True)):
        print(f"measuring {name} ...", file=sys.stderr)
        result[name] = medians(bench, lambda k=keeper: mosquitto_once(bench, k, messages))
    print("measuring idle connections ...", file=sys.stderr)
    result["spoke-central, relaxed"]["many"] = idle(
        bench, lambda: Service(bench, bench.scaled(IDLE_DEVICES), "relaxed"))
    result["mosquitto, nobody listens"]["many"] = idle(bench, lambda: Mosquitto(bench, False))
    return result


def table(results):
    """The header, then (what, one text for each)."""
    def of(part, text):
        return lambda r: text(r[part]) if part in r else "-"

    yield [""] + list(results)
    for what, text in (
            ("messages/s", lambda r: f"{r['messages_per_s']:,.0f}"),
            ("CPU s per 100,000", lambda r: f"{r['service_cpu_s_per_100k']:.2f}"),
            ("messages/s and core", lambda r: f"{100000 / max(r['service_cpu_s_per_100k'], 0.001):,.0f}"),
            ("send to PUBACK, p50 / p99 ms", lambda r: f"{r['p50_ms']:.1f} / {r['p99_ms']:.1f}"),
            ("idle connections", of("many", lambda m: f"{m['devices']:,}")),
            ("  RSS with them, MB", of("many", lambda m: f"{m['idle_kb'] / 1024:.0f}")),
            ("  CPU ms to connect one", of("many", lambda m: f"{m['connect_service_cpu_s'] / m['devices'] * 1000:.2f}")),
            *[row for burst in BURSTS for row in (
                (f"paced, {burst}, messages/s", of(burst, lambda p: f"{p['per_s']:,.0f}")),
                ("  CPU s per 100,000", of(burst, lambda p: f"{p['cpu']:.2f}")),
                ("  REST meanwhile, p50 / p99 ms", of(burst, lambda p: f"{p['rest_p50_ms']:.1f} / {p['rest_p99_ms']:.1f}")))]):
        yield [what] + [text(result) for result in results.values()]
