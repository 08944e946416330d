#!/usr/bin/env python3
"""A fleet against spoke-central on this machine: memory of both, CPU of both, rates and latencies.

    tests/bench/fleet.py BUILD_FOLDER [--devices 10000] [--rate-total 20000] [--duration 60] [--ramp 300] [--json FILE]

All devices connect first; then telemetry is sent for the duration. CPU of that part is the difference of two looks."""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "samples/models/dtmi/com/example/thermostat-1.json"
TICKS = os.sysconf("SC_CLK_TCK")


def status(pid, name):
    """A line of /proc/PID/status, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    return 0


def cpu_s(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("--devices", type=int, default=10000)
    parser.add_argument("--rate-total", type=int, default=20000)
    parser.add_argument("--duration", type=int, default=60)
    parser.add_argument("--ramp", type=int, default=300)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def rows_of(csv):
    """Whole lines alone: the last one may still be written."""
    text = csv.read_text() if csv.exists() else ""
    head, *lines = text[:text.rfind("\n") + 1].splitlines() or [""]
    return [dict(zip(head.split(","), line.split(","))) for line in lines]


def look(fleet, service):
    return {"fleetRssBytes": status(fleet, "VmRSS"), "serviceRssBytes": status(service, "VmRSS"),
            "fleetCpuS": cpu_s(fleet), "serviceCpuS": cpu_s(service), "at": time.monotonic()}


def watch(fleet, service, csv, devices):
    """Looks at each new line once all send: the first look, and the last before the end."""
    first = last = None
    seen = 0
    while fleet.poll() is None:
        rows = rows_of(csv)
        if len(rows) > seen and int(rows[-1]["ready"]) >= devices and float(rows[-1]["sent_per_s"]) > 0:
            last = look(fleet.pid, service.process.pid)
            first = first or last
        seen = len(rows)
        time.sleep(0.2)
    return first, last


def measure(o, service, folder):
    csv, summary = Path(folder, "seconds.csv"), Path(folder, "summary.json")
    begun = time.monotonic()
    fleet = subprocess.Popen([o.build / "spoke", "fleet", "--devices", str(o.devices), "--rate-total", str(o.rate_total),
                              "--ramp", str(o.ramp), "--together", "--duration", str(o.duration), "--csv", csv,
                              "--json", summary, "--quiet", TEMPLATE], env={**os.environ, **service.env})
    first, last = watch(fleet, service, csv, o.devices)
    if first is None or first is last:
        sys.exit(f"the fleet ended (status {fleet.returncode}) before two looks at it: run it longer, or see it by spoke fleet")
    seconds = last["at"] - first["at"]
    sums = json.loads(summary.read_text())
    return {"devices": o.devices, "askedPerSecond": o.rate_total, "connectSeconds": first["at"] - begun,
            "connectCpuS": {"fleet": first["fleetCpuS"], "service": first["serviceCpuS"]},
            "fleetMaxRssBytes": sums["maxRssBytes"], "fleetRssBytes": last["fleetRssBytes"],
            "serviceRssBytes": last["serviceRssBytes"], "sentPerSecond": sums["sentPerSecond"],
            "acknowledgedPerSecond": sums["acknowledgedPerSecond"], "leftOut": sums["leftOut"], "errors": sums["errors"],
            "latencyMs": sums["latencyMs"], "well": sums["well"],
            "cpus": {"fleet": (last["fleetCpuS"] - first["fleetCpuS"]) / seconds,
                     "service": (last["serviceCpuS"] - first["serviceCpuS"]) / seconds}}


def table(m):
    latency = m["latencyMs"]
    return "\n".join((
        "| what | fleet | spoke-central |",
        "| --- | --- | --- |",
        f"| connecting {m['devices']} devices, {m['connectSeconds']:.0f} s: CPU s | {m['connectCpuS']['fleet']:.1f} | {m['connectCpuS']['service']:.1f} |",
        f"| memory, MB (fleet: at most {m['fleetMaxRssBytes'] / 1e6:.0f}) | {m['fleetRssBytes'] / 1e6:.0f} | {m['serviceRssBytes'] / 1e6:.0f} |",
        f"| processors busy at {m['acknowledgedPerSecond']:.0f} messages/s | {m['cpus']['fleet']:.2f} | {m['cpus']['service']:.2f} |",
        "",
        f"sent {m['sentPerSecond']:.0f}/s of {m['askedPerSecond']} asked for, acknowledged {m['acknowledgedPerSecond']:.0f}/s, "
        f"left out {m['leftOut']}, errors {m['errors']}; until PUBACK p50 {latency['p50']:.1f} ms, p95 {latency['p95']:.1f} ms, "
        f"p99 {latency['p99']:.1f} ms, max {latency['max']:.1f} ms"))


def main():
    o = parse()
    os.environ["SPOKE_CENTRAL"] = str(o.build.resolve() / "spoke-central")
    sys.path.insert(0, str(ROOT / "tests/system"))
    from service import Service
    with tempfile.TemporaryDirectory(prefix="spoke-fleet-") as folder:
        service = Service("--ephemeral", "--dps-polls", "0")
        try:
            measured = measure(o, service, folder)
        finally:
            service.kill()
    print(table(measured))
    if o.json:
        o.json.write_text(json.dumps(measured, indent=2) + "\n")


if __name__ == "__main__":
    main()
