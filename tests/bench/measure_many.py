"""Many devices in one process, on one thread: memory, time to connect and to resume, CPU while idle."""
import sys

from harness import middle

CLIENTS = 1000


def title(bench):
    return f"{bench.scaled(CLIENTS)} clients in one process on one thread, over TLS, by the service's certificate:"


def run(bench, kind):
    sink, port = bench.start_sink(cert=kind)
    try:
        return bench.run([bench.program("bench_many"), "--port", str(port), "--ca", bench.path(kind + ".cert.pem"),
                          "--clients", str(bench.scaled(CLIENTS)), "--service", str(sink.pid)])
    finally:
        bench.stop_sink(sink)


def summarise(runs, count):
    figures = {"rss_kb": middle(runs, lambda r: r["connected_kb"]),
               "kb_each": middle(runs, lambda r: (r["connected_kb"] - r["empty_kb"]) / count, 1),
               "rss_after_resuming_kb": middle(runs, lambda r: r["resumed_kb"]),
               "idle_cpu_share": middle(runs, lambda r: r["idle_cpu_share"], 5)}
    for phase in ("connect", "resume"):
        for part in ("wall_s", "cpu_s", "service_cpu_s"):
            figures[f"{phase}_{part}"] = middle(runs, lambda r: r[phase][part], 3)
        figures[f"{phase}_beyond_service_s"] = middle(
            runs, lambda r: r[phase]["wall_s"] - r[phase]["service_cpu_s"], 3)
    return figures


def measure(bench):
    if bench.program("bench_sink") is None:
        print("many clients: not measured, the sink needs libssl-dev", file=sys.stderr)
        return None
    runs = {"rsa": [], "ec": []}
    for _ in range(bench.runs):
        for kind in runs:
            runs[kind].append(run(bench, kind))
    return {kind: summarise(runs[kind], bench.scaled(CLIENTS)) for kind in runs}


def table(result):
    rsa, ec = result["rsa"], result["ec"]
    rows = [["", "RSA-2048", "P-256"]]

    def row(text, form, *names):
        rows.append([text] + [" / ".join(form.format(kind[name]) for name in names) for kind in (rsa, ec)])

    row("RSS connected and idle, of the process, KB", "{:,}", "rss_kb")
    row("of it each client's, KB", "{}", "kb_each")
    row("RSS after all connected once more, KB", "{:,}", "rss_after_resuming_kb")
    row("CPU while idle", "{:.3%}", "idle_cpu_share")
    for phase, text in (("connect", "full handshakes"), ("resume", "resumed")):
        row(f"{text}: all READY after, s", "{:.2f}", f"{phase}_wall_s")
        row(f"{text}: beyond the service's CPU, s", "{:.2f}", f"{phase}_beyond_service_s")
        row(f"{text}: CPU s, clients / service", "{:.2f}", f"{phase}_cpu_s", f"{phase}_service_cpu_s")
    return rows
