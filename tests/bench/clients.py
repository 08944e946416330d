"""The programs that stand side by side in one table: each one device that sends to the sink.

A program takes --port N --ca FILE --messages N --send-bytes N and --window N (messages unacknowledged at most) or
--latency (one in flight), and prints one line of JSON: messages, wall_s, cpu_s, with --latency p50_us and p99_us, and
idle_kb, idle_anonymous_kb, peak_kb. What it has not measured it leaves out.

To add some: a file clients_NAME.py with clients(bench), which answers a list of Client.
"""
import glob
import importlib
import os
from dataclasses import dataclass

WINDOWS = (64, 1024, 10000)
OURS = "_spoke.py" # its columns come first


@dataclass
class Client:
    name: str
    command: list                # up to its own options; the common ones are added
    messages: int = 100000       # of a run that measures the rate
    windows: tuple = WINDOWS     # of those, the ones it can do
    latency: bool = True
    counted: bool = True         # callgrind and the preloaded heap counter can follow it
    send_bytes: bool = True      # it takes --send-bytes
    realtime: bool = True        # its threads bear to run ahead of everything else


def all_clients(bench):
    found = []
    here = os.path.dirname(os.path.abspath(__file__))
    files = sorted(glob.glob(os.path.join(here, "clients_*.py")), key=lambda path: (not path.endswith(OURS), path))
    for path in files:
        found += importlib.import_module(os.path.basename(path)[:-3]).clients(bench)
    return found
