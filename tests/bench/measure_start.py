"""A device that starts: from the start of the process over DPS and the hub to its first acknowledgement."""
import sys
import time

from harness import middle

STARTS = 20


def title(_):
    return "Start of the process -> DPS -> hub -> first PUBACK, direct answers, two full handshakes:"


def run(bench, kind):
    sink, port = bench.start_sink(cert=kind)
    try:
        starts = []
        for _ in range(bench.scaled(STARTS)):
            starts.append(bench.run([bench.program("bench_start"), "--port", str(port), "--ca",
                                     bench.path(kind + ".cert.pem"), "--service", str(sink.pid),
                                     "--since", str(time.monotonic_ns())]))
        return starts
    finally:
        bench.stop_sink(sink)


def summarise(starts):
    return {"start_ms": middle(starts, lambda r: r["start_ms"], 1),
            "worst_ms": max(r["start_ms"] for r in starts),
            "cpu_ms": middle(starts, lambda r: r["cpu_ms"], 1),
            "service_cpu_ms": middle(starts, lambda r: r["service_cpu_ms"], 1),
            "beyond_service_ms": middle(starts, lambda r: r["start_ms"] - r["service_cpu_ms"], 1)}


def measure(bench):
    if bench.program("bench_sink") is None:
        print("start: not measured, the sink needs libssl-dev", file=sys.stderr)
        return None
    return {kind: summarise(run(bench, kind)) for kind in ("rsa", "ec")}


def table(result):
    rows = [["", "RSA-2048", "P-256"]]
    for text, name in (("ms, median", "start_ms"), ("ms, worst", "worst_ms"),
                       ("beyond the service's CPU time, ms", "beyond_service_ms"),
                       ("CPU ms of the device", "cpu_ms"), ("CPU ms of the service", "service_cpu_ms")):
        rows.append([text] + ["{:.1f}".format(result[kind][name]) for kind in ("rsa", "ec")])
    return rows
