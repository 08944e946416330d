#!/usr/bin/env python3
"""Runs the benchmark programs of one build and prints what they cost. Called by run.sh.

Rates, latency and CPU time are medians of several runs. What is counted for each message (instructions, heap calls,
bytes on the wire) is the slope between a short and a long run, so that start-up drops out.
"""
import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

WINDOWS = (64, 1024, 10000)
SLOPE_WINDOW = 64
FULL = {"messages": {"native": 500000, "paho": 100000}, "latency": 10000, "slope": (2000, 12000),
        "counted": (10000, 110000), "runs": 5}
QUICK = {"messages": {"native": 50000, "paho": 10000}, "latency": 1000, "slope": (1000, 3000),
         "counted": (5000, 25000), "runs": 1}
CLIENTS = {"native": "bench_client", "paho": "bench_client_paho"}
LIMIT_S = 600


class Bench:
    def __init__(self, build, send_bytes):
        self.programs = os.path.join(build, "tests", "bench")
        self.send_bytes = send_bytes
        self.folder = tempfile.mkdtemp(prefix="spoke-bench-")
        self.pins = pins()
        self.make_certificate()

    def path(self, name):
        return os.path.join(self.folder, name)

    def make_certificate(self):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
             "-keyout", self.path("key.pem"), "-out", self.path("cert.pem")],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def run(self, backend, messages, window=None, before=(), environment=None):
        """One client against one sink. window None: latency. Answers what both of them said."""
        sink = subprocess.Popen(
            self.pins[0] + [os.path.join(self.programs, "bench_sink"), "--cert", self.path("cert.pem"),
                            "--key", self.path("key.pem"), "--once"], stdout=subprocess.PIPE, text=True)
        try:
            port = json.loads(sink.stdout.readline())["port"]
            command = self.pins[1] + list(before) + [
                os.path.join(self.programs, CLIENTS[backend]), "--transport", backend, "--port", str(port),
                "--ca", self.path("cert.pem"), "--messages", str(messages), "--send-bytes", str(self.send_bytes)]
            command += ["--latency"] if window is None else ["--window", str(window)]
            client = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S,
                                    env=dict(os.environ, **(environment or {})))
            if client.returncode != 0:
                sys.exit(f"{' '.join(command)}\n{client.stderr.strip()}")
            result = json.loads(client.stdout)
            result["sink"] = json.loads(sink.stdout.readline())
            return result
        finally:
            sink.kill()
            sink.wait()

    def counted(self, backend, messages):
        """One run with the heap calls counted."""
        out = self.path("heap.json")
        result = self.run(backend, messages, SLOPE_WINDOW, environment={
            "LD_PRELOAD": os.path.join(self.programs, "heap_count.so"), "BENCH_HEAP_FILE": out})
        with open(out) as file:
            result["heap"] = json.load(file)
        return result

    def instructions(self, backend, messages):
        """One run under callgrind: instructions by who spent them."""
        out = self.path("callgrind.out")
        self.run(backend, messages, SLOPE_WINDOW, before=["valgrind", "--tool=callgrind", "-q",
                                                          f"--callgrind-out-file={out}"])
        return instructions_by_owner(out)


def pins():
    """The sink on one core, the client on another, where there are two."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2 or shutil.which("taskset") is None:
        return [], []
    return ["taskset", "-c", str(cores[0])], ["taskset", "-c", str(cores[1])]


# --- callgrind's file: self cost, summed by object ---

OWNERS = (("tls", re.compile(r"lib(mbed|ssl|crypto)")), ("paho", re.compile(r"libpaho")),
          ("libc", re.compile(r"(libc\.so|libc-|ld-linux|libpthread|vdso)")))
# The loop that sends and counts stands for the application.
DRIVER = re.compile(r"tests/bench/")


def owner_of(object_file, source):
    if DRIVER.search(source):
        return "driver"
    for owner, pattern in OWNERS:
        if pattern.search(os.path.basename(object_file)):
            return owner
    return "ours"


def instructions_by_owner(path):
    names, costs = {"ob": {}, "fl": {}}, {}
    current = {"ob": "", "fl": ""}
    skip = False
    with open(path) as file:
        for line in file:
            match = re.match(r"(c?)(ob|fl|fi|fe)=(?:\((\d+)\))?(?: ?(.*))?$", line)
            if match:
                table = "ob" if match[2] == "ob" else "fl"
                if match[4]:
                    names[table][match[3]] = match[4]
                # In front of calls= the names are those of the function called.
                if not match[1] and not (table == "fl" and skip):
                    current[table] = names[table].get(match[3], "")
            elif line.startswith("calls="):
                skip = True
            elif re.match(r"[0-9+*-]", line):
                if not skip:
                    owner = owner_of(current["ob"], current["fl"])
                    costs[owner] = costs.get(owner, 0) + int(line.split()[1])
                skip = False
    return costs


# --- figures ---

def slope(short, long, count):
    return (long - short) / count


def middle(runs, pick, digits=None):
    return round(statistics.median(pick(r) for r in runs), digits)


def summarise_rates(runs):
    rates = [r["messages"] / r["wall_s"] for r in runs]
    return {"messages_per_s": round(statistics.median(rates)), "best_messages_per_s": round(max(rates)),
            "cpu_s_per_100k": middle(runs, lambda r: r["cpu_s"] / r["messages"] * 1e5, 4),
            "client_cpu_share": middle(runs, lambda r: r["cpu_s"] / r["wall_s"], 3),
            "sink_cpu_share": middle(runs, lambda r: r["sink"]["cpu_share"], 3),
            "idle_rss_kb": middle(runs, lambda r: r["idle_kb"]),
            "idle_anonymous_kb": middle(runs, lambda r: r["idle_anonymous_kb"]),
            "peak_rss_kb": middle(runs, lambda r: r["peak_kb"])}


def measure_windows(bench, backends, plan):
    """The backends take turns, so that a busy moment of the machine hits both."""
    runs = {(backend, window): [] for backend in backends for window in WINDOWS}
    for _ in range(plan["runs"]):
        for backend, window in runs:
            count = max(plan["messages"][backend], window * 4)
            runs[backend, window].append(bench.run(backend, count, window))
    return {backend: {str(window): summarise_rates(runs[backend, window]) for window in WINDOWS}
            for backend in backends}


def measure_latency(bench, backends, plan):
    runs = {backend: [] for backend in backends}
    for _ in range(plan["runs"]):
        for backend in backends:
            runs[backend].append(bench.run(backend, plan["latency"]))
    return {backend: {"p50_us": middle(got, lambda r: r["p50_us"], 1), "p99_us": middle(got, lambda r: r["p99_us"], 1)}
            for backend, got in runs.items()}


def measure_slopes(bench, backend, plan):
    first, second = plan["slope"]
    few, many = (bench.instructions(backend, n) for n in (first, second))
    fewest, most = plan["counted"]
    count = most - fewest
    short, long = (bench.counted(backend, n) for n in (fewest, most))
    owners = {owner: round(slope(few.get(owner, 0), many[owner], second - first)) for owner in many}
    return {
        "instructions": dict(owners, total=sum(owners.values()) - owners.get("driver", 0)),
        "heap_taken": round(slope(short["heap"]["taken"], long["heap"]["taken"], count), 2),
        "heap_freed": round(slope(short["heap"]["freed"], long["heap"]["freed"], count), 2),
        "wire_up": round(slope(short["sink"]["wire_in"], long["sink"]["wire_in"], count), 1),
        "wire_down": round(slope(short["sink"]["wire_out"], long["sink"]["wire_out"], count), 1)}


def measure(bench, backends, plan):
    print("measuring latency ...", file=sys.stderr)
    latency = measure_latency(bench, backends, plan)
    print("measuring throughput ...", file=sys.stderr)
    windows = measure_windows(bench, backends, plan)
    print("counting instructions, heap calls and bytes ...", file=sys.stderr)
    return {backend: dict(latency[backend], windows=windows[backend],
                          per_message=measure_slopes(bench, backend, plan)) for backend in backends}


def rows(results):
    """(what, one text for each backend)"""
    def row(what, pick):
        return [what] + [pick(result) for result in results.values()]
    for window in (str(w) for w in WINDOWS):
        yield row(f"messages/s, window {window}", lambda r: f"{r['windows'][window]['messages_per_s']:,}")
        yield row("  best run", lambda r: f"{r['windows'][window]['best_messages_per_s']:,}")
        yield row("  CPU s per 100,000", lambda r: f"{r['windows'][window]['cpu_s_per_100k']:.3f}")
        yield row("  busy: client / sink",
                  lambda r: f"{r['windows'][window]['client_cpu_share']:.0%} / {r['windows'][window]['sink_cpu_share']:.0%}")
        yield row("  peak RSS, MB", lambda r: f"{r['windows'][window]['peak_rss_kb'] / 1024:.1f}")
    yield row("one in flight, p50 us", lambda r: f"{r['p50_us']:.0f}")
    yield row("one in flight, p99 us", lambda r: f"{r['p99_us']:.0f}")
    idle = str(SLOPE_WINDOW)
    yield row("idle RSS, MB", lambda r: f"{r['windows'][idle]['idle_rss_kb'] / 1024:.1f}")
    yield row("  of it anonymous, KB", lambda r: f"{r['windows'][idle]['idle_anonymous_kb']:,.0f}")
    yield row(f"instructions a message, window {SLOPE_WINDOW}", lambda r: f"{r['per_message']['instructions']['total']:,}")
    for owner in ("tls", "libc", "paho", "ours"):
        yield row(f"  {owner}", lambda r: f"{r['per_message']['instructions'].get(owner, 0):,}")
    yield row("heap calls a message, taken / freed",
              lambda r: f"{r['per_message']['heap_taken']:.2f} / {r['per_message']['heap_freed']:.2f}")
    yield row("wire bytes a message, up / down",
              lambda r: f"{r['per_message']['wire_up']:.1f} / {r['per_message']['wire_down']:.1f}")


def print_table(results, send_bytes):
    pinned = "sink and client each on a core of its own" if pins()[0] else "sink and client share the cores"
    print(f"100-byte QoS 1 telemetry, TLS 1.2 AES-128-GCM on loopback, send_bytes {send_bytes}; {pinned}\n")
    print(f"{'':40}" + "".join(f"{backend:>16}" for backend in results))
    for what, *values in rows(results):
        print(f"{what:40}" + "".join(f"{value:>16}" for value in values))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--send-bytes", type=int, default=16384)
    options = parser.parse_args()
    bench = Bench(options.build, options.send_bytes)
    try:
        built = [b for b in CLIENTS if os.path.exists(os.path.join(bench.programs, CLIENTS[b]))]
        results = measure(bench, built, QUICK if options.quick else FULL)
    finally:
        shutil.rmtree(bench.folder)
    print_table(results, options.send_bytes)
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"send_bytes": options.send_bytes, "quick": options.quick, "backends": results}, file, indent=2)
            file.write("\n")


if __name__ == "__main__":
    main()
