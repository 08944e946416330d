"""Devices that arrive at spoke-central all at once, as after a power cut, each trying again as our client does. The
service has an RSA certificate, as authorities issue them: then a handshake costs it more than the one core of all the
devices, which would else be what is measured."""
import json
import sys

from harness import LIMIT_S
from measure_central import Service

DEVICES = 10000


def title(bench):
    return f"{bench.scaled(DEVICES):,} devices that connect to spoke-central at once, over TLS, full handshakes, RSA-2048"


def once(bench, durability):
    service = Service(bench, bench.scaled(DEVICES), durability, "rsa")
    reader = None
    try:
        reader = service.read(LIMIT_S)
        result = service.load(0, 1, 0, 1, "--connecting", "0")
        reader.terminate()
        answer = json.loads(reader.communicate(timeout=LIMIT_S)[0])
    finally:
        if reader is not None and reader.poll() is None:
            reader.kill()
        service.close()
    return dict(result, rest=answer)


def measure(bench):
    if bench.program("bench_central") is None:
        print("spoke-central was not built: left out", file=sys.stderr)
        return None
    return {durability: once(bench, durability) for durability in ("relaxed", "full")}


def table(results):
    yield [""] + list(results)
    for what, text in (
            ("all connected after, s", lambda r: f"{r['connect_s']:.1f}"),
            ("tries that failed: handshake", lambda r: f"{r['handshakes_lost']:,}"),
            ("  connection", lambda r: f"{r['connections_lost']:,}"),
            ("  CONNACK 3", lambda r: f"{r['refused']:,}"),
            ("  no answer in 60 s", lambda r: f"{r['timeouts']:,}"),
            ("  most of one device", lambda r: str(r["most_of_one"])),
            ("service CPU ms per connection", lambda r: f"{r['connect_service_cpu_s'] / r['devices'] * 1000:.2f}"),
            ("RSS at most / idle, MB", lambda r: f"{r['peak_kb'] / 1024:.0f} / {r['idle_kb'] / 1024:.0f}"),
            ("REST meanwhile, p50 / p99 / worst ms",
             lambda r: f"{r['rest']['p50_ms']} / {r['rest']['p99_ms']} / {r['rest']['worst_ms']}"),
            ("  requests", lambda r: f"{r['rest']['requests']:,}")):
        yield [what] + [text(result) for result in results.values()]
