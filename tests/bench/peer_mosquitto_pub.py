#!/usr/bin/env python3
"""A peer: `mosquitto_pub -l`, the whole process with its start and connection, as a program of the benchmark
(clients.py)."""
import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time

BODY = '{"temperature":21.5,"humidity":40.25,"pressure":1013.2,"note":"exactly 100 bytes of telemetry data"}\n'


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
        done = subprocess.run(["mosquitto_pub", "-h", "localhost", "-p", options.port, "--cafile", options.ca,
                               "--tls-version", "tlsv1.2", "-i", "dev1", "-t", "devices/dev1/messages/events/", "-q", "1",
                               "-M", options.window, "--nodelay", "-l"], stdin=lines)
        wall = time.monotonic() - begun
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps({"messages": options.messages, "wall_s": wall, "cpu_s": used.ru_utime + used.ru_stime,
                      "peak_kb": used.ru_maxrss}))
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
