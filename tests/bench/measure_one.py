"""One device: how many messages a second, at what cost each, and how long one takes."""
import json
import sys

from clients import WINDOWS, all_clients
from harness import instructions_by_owner, middle, slope

COUNTED_WINDOW = 64
LATENCY_MESSAGES = 10000


class OneDevice:
    def __init__(self, bench):
        self.bench = bench
        self.clients = all_clients(bench)

    def run(self, client, messages, window=None, **how):
        """Against a sink of its own. window None: latency. Answers what both of them said."""
        first = self.bench.realtime if client.realtime and not how else [] # what is counted needs no haste
        sink, port = self.bench.start_sink("--once", "--spin", before=first)
        try:
            command = client.command + ["--port", str(port), "--ca", self.bench.cert, "--messages", str(messages)]
            command += ["--send-bytes", str(self.bench.send_bytes)] if client.send_bytes else []
            command += ["--latency"] if window is None else ["--window", str(window)]
            result = self.bench.run(command, **(how or {"before": first}))
            result["sink"] = json.loads(sink.stdout.readline())
            return result
        finally:
            self.bench.stop_sink(sink)

    def heap(self, client, messages):
        out = self.bench.path("heap.json")
        result = self.run(client, messages, COUNTED_WINDOW, environment={
            "LD_PRELOAD": self.bench.program("heap_count.so"), "BENCH_HEAP_FILE": out})
        with open(out) as file:
            result["heap"] = json.load(file)
        return result

    def instructions(self, client, messages):
        out = self.bench.path("callgrind.out")
        self.run(client, messages, COUNTED_WINDOW,
                 before=["valgrind", "--tool=callgrind", "-q", f"--callgrind-out-file={out}"])
        return instructions_by_owner(out)

    def rates(self):
        """They take turns, so that a busy moment of the machine hits all."""
        pairs = [(client, window) for client in self.clients for window in client.windows]
        runs = {(client.name, window): [] for client, window in pairs}
        for _ in range(self.bench.runs):
            for client, window in pairs:
                count = max(self.bench.scaled(client.messages), window * 4)
                runs[client.name, window].append(self.run(client, count, window))
        return runs

    def latencies(self):
        timed = [client for client in self.clients if client.latency]
        runs = {client.name: [] for client in timed}
        for _ in range(self.bench.runs):
            for client in timed:
                runs[client.name].append(self.run(client, self.bench.scaled(LATENCY_MESSAGES)))
        return runs

    def per_message(self, client):
        """The slope between a short and a long run, so that start-up drops out."""
        first, second = (1000, 3000) if self.bench.quick else (2000, 12000)
        few, many = (self.instructions(client, n) for n in (first, second))
        owners = {owner: round(slope(few.get(owner, 0), many[owner], second - first)) for owner in many}
        outside = sum(count for owner, count in owners.items() if owner not in ("driver", "tls"))
        first, second = (5000, 25000) if self.bench.quick else (10000, 110000)
        short, long = (self.heap(client, n) for n in (first, second))

        def each(group, name, digits):
            return round(slope(short[group][name], long[group][name], second - first), digits) + 0.0 # no -0
        return {"instructions": dict(owners, outside_tls=outside, total=outside + owners.get("tls", 0)),
                "heap_taken": each("heap", "taken", 2), "heap_freed": each("heap", "freed", 2),
                "wire_up": each("sink", "wire_in", 1), "wire_down": each("sink", "wire_out", 1)}


def optional(runs, name):
    return middle(runs, lambda r: r[name]) if all(name in r for r in runs) else None


def summarise(runs):
    rates = [r["messages"] / r["wall_s"] for r in runs]
    return {"messages_per_s": middle(runs, lambda r: r["messages"] / r["wall_s"]),
            "best_messages_per_s": round(max(rates)),
            "cpu_s_per_100k": middle(runs, lambda r: r["cpu_s"] / r["messages"] * 1e5, 4),
            "client_cpu_share": middle(runs, lambda r: r["cpu_s"] / r["wall_s"], 3),
            "sink_busy_share": middle(runs, lambda r: r["sink"]["busy_share"], 3),
            "idle_rss_kb": optional(runs, "idle_kb"), "idle_anonymous_kb": optional(runs, "idle_anonymous_kb"),
            "peak_rss_kb": optional(runs, "peak_kb")}


def measure(bench):
    one = OneDevice(bench)
    print("measuring latency ...", file=sys.stderr)
    latency = one.latencies()
    print("measuring throughput ...", file=sys.stderr)
    rates = one.rates()
    print("counting instructions, heap calls and bytes ...", file=sys.stderr)
    results = {}
    for client in one.clients:
        windows = {str(w): summarise(rates[client.name, w]) for w in client.windows}
        results[client.name] = {"windows": windows}
        if client.name in latency:
            results[client.name].update(p50_us=middle(latency[client.name], lambda r: r["p50_us"], 1),
                                        p99_us=middle(latency[client.name], lambda r: r["p99_us"], 1))
        if client.counted:
            results[client.name]["per_message"] = one.per_message(client)
    return results


def deep(result, *names):
    for name in names:
        result = result.get(name) if result is not None else None
    return result


def table(results):
    """The header, then (what, one text for each client); what was not measured stays "-"."""
    yield [""] + list(results)

    def row(what, text, *paths):
        values = [[deep(result, *path) for path in paths] for result in results.values()]
        return [what] + ["-" if None in found else text.format(*found) for found in values]
    for window in (str(w) for w in WINDOWS):
        at = ("windows", window)
        yield row(f"messages/s, window {window}", "{:,}", (*at, "messages_per_s"))
        yield row("  best run", "{:,}", (*at, "best_messages_per_s"))
        yield row("  CPU s per 100,000", "{:.3f}", (*at, "cpu_s_per_100k"))
        yield row("  busy: client / sink", "{:.0%} / {:.0%}", (*at, "client_cpu_share"), (*at, "sink_busy_share"))
        yield row("  peak RSS, KB", "{:,}", (*at, "peak_rss_kb"))
    yield row("one in flight, p50 / p99 us", "{:.0f} / {:.0f}", ("p50_us",), ("p99_us",))
    idle = ("windows", str(COUNTED_WINDOW))
    yield row("idle RSS (anonymous), KB", "{:,} ({:,})", (*idle, "idle_rss_kb"), (*idle, "idle_anonymous_kb"))
    counts = ("per_message", "instructions")
    yield row(f"instructions a message, window {COUNTED_WINDOW}", "{:,}", (*counts, "total"))
    yield row("  outside TLS, libc included", "{:,}", (*counts, "outside_tls"))
    yield row("  of that libc", "{:,}", (*counts, "libc"))
    yield row("heap calls a message", "{:.2f} / {:.2f}", ("per_message", "heap_taken"), ("per_message", "heap_freed"))
    yield row("wire bytes a message, up / down", "{:.1f} / {:.1f}", ("per_message", "wire_up"), ("per_message", "wire_down"))


def title(bench):
    pinned = "sink and client each on a core of its own" if bench.client_pin else "sink and client share the cores"
    return f"100-byte QoS 1 telemetry, TLS 1.2 AES-128-GCM on loopback, send_bytes {bench.send_bytes}; {pinned}"
