#!/usr/bin/env python3
"""Seeded schedules in real time: real sockets, TLS, processes, over native or paho.

    tests/faults/schedules.py --seeds 1..1000 [--transport paho] [--parallel 16] [--build build]
    tests/faults/schedules.py --seeds 17..17 --keep FOLDER      one of them again; its files stay

One service for all; each seed has a device and a proxy of its own. For two seconds the proxy and the service's fault
injection do what the seed says while the device sends, reports and is asked; then calm returns, and the account is
held against the service's database. Real time is not exactly repeatable: a seed gives the same faults at the same
moments, not the same packets."""
import argparse
import concurrent.futures
import contextlib
import itertools
import random
import sys
import tempfile
import threading
import time

import lab

FAULTS = threading.Lock()  # a PUT replaces all: one keeps the union


class Faults:
    """The faults that the schedules have armed together. Each kind stands once, so the last seed's counts."""

    def __init__(self, service):
        self.service, self.armed = service, {}

    def arm(self, fault):
        with FAULTS:
            self.armed.update(fault)
            self.service.call("PUT", "/control/faults", self.armed)
            self.armed = {kind: what for kind, what in self.armed.items() if kind in ("pubackDelay", "fragment")}

    def clear(self, device_id):
        with FAULTS:
            self.armed = {kind: what for kind, what in self.armed.items() if what.get("deviceId") != device_id}
            self.service.call("PUT", "/control/faults", self.armed)


def disturb(chance, service, faults, proxy, device, wanted):
    end = time.monotonic() + chance.uniform(1.5, 3.0)
    time.sleep(chance.choice([0, 0.3, 0.6]))
    values = itertools.count(1)
    while time.monotonic() < end:
        time.sleep(chance.uniform(0.0, 0.3))
        what = chance.random()
        if what < 0.6:
            for command in lab.link_fault(chance):
                proxy.tell(command)
        elif what < 0.8:
            faults.arm(lab.service_fault(chance, device.id))
        elif what < 0.9:
            key, value = f"d{chance.randint(0, 1)}", next(values)
            reply = service.call("PATCH", f"/api/devices/{device.id}/properties", {key: value})
            if reply is not None and reply.status in (200, 202):
                wanted[key] = value
        else:
            service.call("POST", f"/control/devices/{device.id}/disconnect")


def run_seed(build, service, faults, folder, seed, transport):
    chance = random.Random(seed)
    proxy = lab.Proxy(build, service.port, seed)
    rate = chance.choice([10, 40, 100])
    device = lab.Device(build, f"{folder}/{seed}", service, proxy.port, f"seed-{seed}", transport, storage=False,
                        count=3 * rate, rate=rate, seed=seed)
    account = lab.Account(device.account_file)
    arrivals = lab.Arrivals(account)
    wanted = {}
    try:
        device.start()
        disturb(chance, service, faults, proxy, device, wanted)
        faults.clear(device.id)
        proxy.tell("calm")
        wrong = settle(service, device, account, arrivals, wanted)
    finally:
        device.stop()
        proxy.stop()
    return account, arrivals, wrong


def settle(service, device, account, arrivals, wanted):
    end = time.monotonic() + 120
    while device.alive() and time.monotonic() < end:
        device.connect_now()  # the pauses after so many faults are long, and calm has come
        time.sleep(0.5)
    account.read()
    stuck = [f"the device did not come to rest: {account.state}"] if device.alive() else []
    ended_well = device.process.returncode in (0, None)
    arrivals.take(service, device.id)
    wrong = stuck + ([] if ended_well else [f"the device gave up: {device.said()}"]) + arrivals.check()
    late = [line for line in lab.check_twin(service, device.id, account, wanted)]
    return wrong + late


def main():
    parser = argparse.ArgumentParser(description="seeded schedules in real time")
    parser.add_argument("--seeds", default="1..100")
    parser.add_argument("--transport", choices=["native", "paho"], default="paho")
    parser.add_argument("--parallel", type=int, default=16)
    parser.add_argument("--keep")
    parser.add_argument("--build")
    options = parser.parse_args()
    lab.end_cleanly()
    build = lab.build_folder(options.build)
    first, last = (int(number) for number in options.seeds.split(".."))
    begun, failed, done = time.monotonic(), 0, 0
    total = {"accepted": 0, "delivered": 0, "dropped": 0, "refused": 0, "copies": 0, "times READY": 0}
    with contextlib.ExitStack() as stack:
        folder = options.keep or stack.enter_context(tempfile.TemporaryDirectory(prefix="spoke-schedules-"))
        service = lab.Service(build, f"{folder}/service", "relaxed")
        stack.callback(service.stop)
        faults = Faults(service)
        pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(options.parallel))
        runs = {pool.submit(run_seed, build, service, faults, folder, seed, options.transport): seed
                for seed in range(first, last + 1)}
        for run in concurrent.futures.as_completed(runs):
            account, arrivals, wrong = run.result()
            done += 1
            for name, value in zip(total, (len(account.accepted), len(arrivals.ids), len(account.dropped),
                                           len(account.refused), arrivals.copies, account.connects)):
                total[name] += value
            if wrong:
                failed += 1
                print(f"FAILED: seed {runs[run]}: {wrong[0]}" + (f" (and {len(wrong) - 1} more)" if wrong[1:] else ""))
                print(f"  again: tests/faults/schedules.py --seeds {runs[run]}..{runs[run]} --transport "
                      f"{options.transport} --keep FOLDER", flush=True)
            if done % 100 == 0:
                print(f"{done} schedules, {failed} failed, {time.monotonic() - begun:.0f} s", file=sys.stderr)
    print(f"{options.transport}: {done} schedules in real time, {failed} failed, {time.monotonic() - begun:.0f} s; "
          + ", ".join(f"{value} {name}" for name, value in total.items()))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
