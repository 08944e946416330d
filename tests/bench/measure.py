#!/usr/bin/env python3
"""Runs the measurements of one build and prints their tables. Called by run.sh.

Each measure_NAME.py beside this file is one of them: title(bench) is the line above its table, measure(bench) answers
what goes into the JSON file under NAME, and table(result) the rows, the header first, all as texts. bench is a
harness.Bench. A measurement that lacks something it needs answers None and says why on the error output.

Rates, latency and CPU time are medians of several runs. What is counted for each message (instructions, heap calls,
bytes on the wire) is the slope between a short and a long run, so that start-up drops out.
"""
import argparse
import glob
import importlib
import json
import os

from harness import Bench

FIRST = "one" # the others follow by name


def names():
    here = os.path.dirname(os.path.abspath(__file__))
    found = [os.path.basename(path)[len("measure_"):-3] for path in glob.glob(os.path.join(here, "measure_*.py"))]
    return sorted(found, key=lambda name: (name != FIRST, name))


def print_table(rows):
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in rows if i < len(row)) for i in range(max(map(len, rows)))]
    for row in rows:
        print("  ".join(cell.ljust(widths[0]) if i == 0 else cell.rjust(widths[i]) for i, cell in enumerate(row)).rstrip())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--runs", type=int, metavar="N", help="of each that is timed, in place of 5, or of 1 with --quick")
    parser.add_argument("--realtime", action="store_true", help="ahead of all else on a busy machine; needs root")
    parser.add_argument("--send-bytes", type=int, default=16384)
    parser.add_argument("--only", metavar="NAMES", help=f"comma-separated, of: {', '.join(names())}")
    options = parser.parse_args()
    wanted = options.only.split(",") if options.only else names()
    results = {"send_bytes": options.send_bytes, "quick": options.quick, "realtime": options.realtime}
    bench = Bench(os.path.abspath(options.build), options.quick, options.send_bytes, options.realtime)
    bench.runs = options.runs or bench.runs
    try:
        for name in wanted:
            module = importlib.import_module("measure_" + name)
            result = module.measure(bench)
            if result is None:
                continue
            results[name] = result
            print(module.title(bench) + "\n")
            print_table(module.table(result))
            print(flush=True)
    finally:
        bench.close()
    if options.json:
        with open(options.json, "w") as file:
            json.dump(results, file, indent=2)
            file.write("\n")


if __name__ == "__main__":
    main()
