#!/usr/bin/env python3
"""A peer: `mosquitto_pub -l`, the whole process with its start and connection, as a program of the benchmark
(clients.py)."""
import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

BODY = '{"temperature":21.5,"humidity":40.25,"pressure":1013.2,"note":"exactly 100 bytes of telemetry data"}\n'


class Peak(threading.Thread):
    """Looks how much memory a process has had at most, until it is gone; ru_maxrss would count this program's own."""

    def __init__(self, pid):
        super().__init__()
        self.status = Path(f"/proc/{pid}/status")
        self.kb = 0

    def run(self):
        while True:
            lines = [line for line in self.status.read_text().splitlines() if line.startswith("VmHWM:")]
            if not lines:  # it has ended, and nobody has taken its exit code yet
                return
            self.kb = int(lines[0].split()[1])
            time.sleep(0.05)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", required=True)
    parser.add_argument("--ca", required=True)
    parser.add_argument("--messages", type=int, required=True)
    parser.add_argument("--window", required=True)
    options = parser.parse_args()
    with tempfile.TemporaryFile("w+") as lines:
        lines.write(BODY * options.messages)
        lines.seek(0)
        begun = time.monotonic()
        program = subprocess.Popen(["mosquitto_pub", "-h", "localhost", "-p", options.port, "--cafile", options.ca,
                                    "--tls-version", "tlsv1.2", "-i", "dev1", "-t", "devices/dev1/messages/events/",
                                    "-q", "1", "-M", options.window, "--nodelay", "-l"], stdin=lines)
        peak = Peak(program.pid)
        peak.start()
        os.waitid(os.P_PID, program.pid, os.WEXITED | os.WNOWAIT)
        wall = time.monotonic() - begun
        peak.join()
        program.wait()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps({"messages": options.messages, "wall_s": wall, "cpu_s": used.ru_utime + used.ru_stime,
                      "peak_kb": peak.kb}))
    sys.exit(program.returncode)


if __name__ == "__main__":
    main()
