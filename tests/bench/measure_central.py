"""spoke-central: what many devices cost it. The service is on one core, all its devices on the other."""
import os
import subprocess
import sys
import tempfile

from harness import LIMIT_S, middle

GROUP_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw=="


class Service:
    """On a data folder of its own, in which the devices are provisioned. cert: of the run in place of its own."""

    def __init__(self, bench, devices, durability, cert=None):
        self.bench = bench
        self.devices = devices
        self.load_program = bench.program("bench_central")
        self.folder = tempfile.TemporaryDirectory(dir=bench.folder)
        subprocess.run([self.load_program, "prepare", "--data", self.folder.name, "--devices", str(devices),
                        "--group-key", GROUP_KEY], check=True)
        program = os.path.join(bench.programs, "..", "..", "spoke-central")
        self.process = subprocess.Popen(
            bench.sink_pin + bench.realtime + [program, "--data-dir", self.folder.name, "--group-key", GROUP_KEY, "--mqtt-port", "0",
                              "--https-port", "0", "--durability", durability, "--print-env"] + self.certificate(cert),
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.env = dict(self.process.stdout.readline().rstrip("\n").partition("=")[::2] for _ in range(8))
        self.ca = self.env["SPOKE_CA_FILE"] or self.bench.path(f"{cert}.cert.pem")

    def certificate(self, cert):
        if cert is None:
            return []
        return ["--tls-cert", self.bench.path(f"{cert}.cert.pem"), "--tls-key", self.bench.path(f"{cert}.key.pem")]

    def read(self, seconds):
        """Asks the REST API beside the devices; its output is what it saw, as JSON."""
        here = os.path.dirname(os.path.abspath(__file__))
        ahead = ["chrt", "--fifo", "11"] if self.bench.realtime else [] # of the devices, which leave their core to nobody
        return subprocess.Popen(self.bench.client_pin + ahead + [
            sys.executable, "-B", os.path.join(here, "rest_reader.py"), "--port", self.env["SPOKE_HTTPS_PORT"],
            "--ca", self.ca, "--token", self.env["SPOKE_API_TOKEN"], "--seconds",
            str(seconds)], stdout=subprocess.PIPE, text=True)

    def load(self, messages, window, rate, burst=1, *more):
        return self.bench.run([self.load_program, "load", "--port", self.env["SPOKE_MQTT_PORT"],
                               "--ca", self.ca, "--group-key", GROUP_KEY,
                               "--devices", str(self.devices), "--messages", str(messages), "--window", str(window),
                               "--rate", str(rate), "--burst", str(burst), "--service", str(self.process.pid), *more],
                              before=self.bench.realtime)

    def close(self):
        self.process.terminate()
        self.process.wait(LIMIT_S)
        self.process.stdout.close()
        self.folder.cleanup()


def once(bench, devices, durability, messages, window, rate=0):
    service = Service(bench, devices, durability)
    try:
        return service.load(messages, window, rate)
    finally:
        service.close()


def title(bench):
    return "spoke-central under load: QoS 1 telemetry of three values over TLS"


def measure(bench):
    if bench.program("bench_central") is None:
        print("spoke-central was not built: left out", file=sys.stderr)
        return None
    result = {}
    for durability in ("relaxed", "full"):
        print(f"measuring spoke-central, {durability} ...", file=sys.stderr)
        runs = [once(bench, 100, durability, bench.scaled(300000), 64) for _ in range(bench.runs)]
        result[f"100 devices, {durability}"] = {name: middle(runs, lambda r, n=name: r[n], 3) for name in runs[0]}
    devices = bench.scaled(10000)
    print(f"measuring spoke-central with {devices:,} devices ...", file=sys.stderr)
    result[f"{devices:,} devices, full"] = once(bench, devices, "full", bench.scaled(600000), 8,
                                                rate=bench.scaled(20000))
    return result


def table(results):
    """The header, then (what, one text for each load)."""
    yield [""] + list(results)
    for what, text in (
            ("messages/s", lambda r: f"{r['messages_per_s']:,.0f}"),
            ("service CPU s per 100,000", lambda r: f"{r['service_cpu_s_per_100k']:.2f}"),
            ("send to PUBACK, p50 / p99 ms", lambda r: f"{r['p50_ms']:.1f} / {r['p99_ms']:.1f}"),
            ("all connected after, s", lambda r: f"{r['connect_s']:.1f}"),
            ("service CPU ms per connection", lambda r: f"{r['connect_service_cpu_s'] / r['devices'] * 1000:.2f}"),
            ("RSS, idle, MB", lambda r: f"{r['idle_kb'] / 1024:.0f}"),
            ("  of it a device, KB", lambda r: f"{(r['idle_kb'] - r['empty_kb']) / r['devices']:.1f}"),
            ("CPU, idle", lambda r: f"{r['idle_cpu_share']:.1%}")):
        yield [what] + [text(result) for result in results.values()]
