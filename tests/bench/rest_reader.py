#!/usr/bin/env python3
"""Asks the REST API of a service one question after the other over one connection, and prints how long the answers
took as JSON, when the time is over or SIGTERM comes.

    rest_reader.py --port P --ca FILE --token TOKEN [--seconds S] [--pause-ms M]"""
import argparse
import http.client
import json
import signal
import ssl
import time

PATHS = ("/api/devices/bench-00001", "/api/devices?$top=25", "/api/devices/bench-00002/telemetry/temperature",
         "/api/devices/bench-00003/properties", "/api/events?$top=25")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ca", required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--pause-ms", type=float, default=2)
    options = parser.parse_args()
    link = http.client.HTTPSConnection("localhost", options.port, context=ssl.create_default_context(cafile=options.ca))
    took, end, number = [], time.monotonic() + options.seconds, 0
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    while time.monotonic() < end and not stopped:
        path = PATHS[number % len(PATHS)]
        number += 1
        begun = time.perf_counter()
        link.request("GET", path + ("&" if "?" in path else "?") + "api-version=2022-07-31",
                     headers={"Authorization": options.token})
        answer = link.getresponse()
        answer.read()
        took.append((time.perf_counter() - begun) * 1000)
        if answer.status not in (200, 404):  # a value that no message brought yet
            raise SystemExit(f"{path}: {answer.status}")
        time.sleep(options.pause_ms / 1000)
    took.sort()
    print(json.dumps({"requests": len(took), "p50_ms": round(took[len(took) // 2], 2),
                      "p99_ms": round(took[int(len(took) * 0.99)], 2), "worst_ms": round(took[-1], 2)}))


if __name__ == "__main__":
    main()
