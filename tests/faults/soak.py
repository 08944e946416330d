#!/usr/bin/env python3
"""Hours of random faults in real time; started by soak.sh.

A service on a durable folder, a proxy, a device with its queue in a file. All the while the device sends; faults come
and go; the service is killed now and then and started again on its data. Once a minute a line of figures; at the end a
verdict on four claims:

  memory   the device's and the service's resident memory after the first ten minutes: the median of the last fifth is
           at most 2 percent and 256 kB above the median of the first fifth (a run below 20 minutes says so and judges
           the second half)
  stuck    whenever all was calm for three minutes, the device was READY; in the end nothing waits. As a program would
           that knows its network, the device is told a few times that the way is free (spoke_client_connect_now):
           links that are cut again and again within a minute look like an identity used twice, and the pauses of that
           grow to ten minutes
  ledger   every accepted message arrived or was told as dropped, in order, one message id for all copies; the last
           reported and desired values hold
  poll     no poll stayed more than 50 ms beyond its limit; what counts is its own time: running, or blocked in a call
           of the system, but not ready to run while the machine ran something else (both are printed)

The service keeps the last 10,000 messages of a device; they are read every few seconds. The service's figures of memory
begin anew with each of its processes: each is judged by itself when it lived for twenty minutes, so kills stop being
made for the longest stretch."""
import argparse
import random
import statistics
import sys
import tempfile
import time

import lab

CALM_LIMIT_S = 180
POLL_LIMIT_MS = 50
WARM_UP_S = 600


class Weather:
    """Phases of faults and of calm, drawn from the seed."""

    def __init__(self, chance, service, proxy, device, kill_every_s):
        self.chance, self.service, self.proxy, self.device = chance, service, proxy, device
        self.kill_every_s = kill_every_s
        self.next_change = time.monotonic() + 20
        self.next_kill = time.monotonic() + kill_every_s
        self.calm_since = time.monotonic()
        self.hints = []
        self.kills = self.faults = 0
        self.wanted, self.value = {}, 0

    def calm(self):
        self.proxy.tell("calm")
        self.service.call("PUT", "/control/faults", {})
        self.calm_since = time.monotonic()
        self.hints = [self.calm_since + 1, self.calm_since + 10, self.calm_since + 30]
        self.next_change = self.calm_since + self.chance.choice([40, 70, 100, CALM_LIMIT_S + 30])

    def storm(self):
        self.calm_since = None
        self.hints = []
        self.next_change = time.monotonic() + self.chance.uniform(10, 40)

    def turn(self):
        now = time.monotonic()
        if now > self.next_change:
            self.storm() if self.calm_since is not None else self.calm()
        if self.hints and now > self.hints[0]:
            self.hints.pop(0)
            self.device.connect_now()
        if self.kill_every_s and now > self.next_kill:
            self.service.kill()
            time.sleep(self.chance.uniform(0, 3))
            self.service.start()
            self.kills += 1
            self.next_kill = time.monotonic() + self.kill_every_s * self.chance.uniform(0.5, 1.5)
            self.calm_since = None if self.calm_since is None else time.monotonic()
        if self.chance.random() < 0.05:
            self.want()
        if self.calm_since is None and self.chance.random() < 0.2:
            self.disturb()

    def disturb(self):
        self.faults += 1
        if self.chance.random() < 0.7:
            for command in lab.link_fault(self.chance):
                self.proxy.tell(command)
        else:
            self.service.call("PUT", "/control/faults", lab.service_fault(self.chance, self.device.id))

    def want(self):
        self.value += 1
        key = f"d{self.value % 2}"
        reply = self.service.call("PATCH", f"/api/devices/{self.device.id}/properties", {key: self.value})
        if reply is not None and reply.status in (200, 202):
            self.wanted[key] = self.value


class Memory:
    """Samples of one process, by time."""

    def __init__(self, name):
        self.name, self.samples = name, []

    def add(self, at_s, kb):
        if kb:
            self.samples.append((at_s, kb))

    def verdict(self):
        if not self.samples:
            return []
        begin, end = self.samples[0][0], self.samples[-1][0]
        warm = begin + (WARM_UP_S if end - begin >= 2 * WARM_UP_S else (end - begin) / 2)
        values = [kb for at, kb in self.samples if at >= warm]
        fifth = max(1, len(values) // 5)
        first, last = statistics.median(values[:fifth]), statistics.median(values[-fifth:])
        print(f"memory of {self.name}, after {(warm - begin) / 60:.0f} of {(end - begin) / 60:.0f} minutes: {first:.0f} kB at "
              f"first, {last:.0f} kB at last, {min(values)} to {max(values)} kB")
        if last > first * 1.02 + 256:
            return [f"the memory of {self.name} grew from {first:.0f} to {last:.0f} kB"]
        return []


def soak(options, build, folder):
    chance = random.Random(options.seed)
    service = lab.Service(build, f"{folder}/service")
    proxy = lab.Proxy(build, service.port, options.seed)
    device = lab.Device(build, f"{folder}/device", service, proxy.port, "soak", options.transport, rate=options.rate,
                        seed=options.seed, nice=options.nice)
    account = lab.Account(device.account_file)
    arrivals = lab.Arrivals(account)
    memory = [Memory("the device"), Memory("the service")]
    weather = Weather(chance, service, proxy, device, options.kill_every)
    wrong, worst = [], [0, 0]
    begun = time.monotonic()
    next_line = begun + 60
    try:
        device.start()
        while time.monotonic() - begun < options.minutes * 60:
            time.sleep(0.5)
            weather.turn()
            account.read()
            arrivals.take(service, device.id)
            note_samples(account, memory[0], begun, worst)
            starts = service.starts
            if memory[1].name != f"service process {starts}":
                memory.insert(1, Memory(f"service process {starts}"))
            memory[1].add(time.monotonic() - begun, lab.resident_kb(service.pid))
            if not device.alive():
                return [f"the device ended by itself: {device.said()}"]
            if not service.alive():
                return ["the service ended by itself"]
            if weather.calm_since and time.monotonic() - weather.calm_since > CALM_LIMIT_S and account.state != "READY":
                wrong.append(f"stuck in {account.state} after {CALM_LIMIT_S} s of calm")
                weather.calm_since = time.monotonic()
            if time.monotonic() > next_line:
                next_line += 60
                tell(begun, device, service, account, arrivals, weather, worst, wrong)
        weather.calm()
        wrong += finish(service, device, account, arrivals, weather.wanted)
        note_samples(account, memory[0], begun, worst)
        tell(begun, device, service, account, arrivals, weather, worst, wrong)
    finally:
        device.stop()
        proxy.stop()
        service.stop()
    for one in memory:
        if one.name == "the device" or (one.samples and one.samples[-1][0] - one.samples[0][0] >= 2 * WARM_UP_S):
            wrong += one.verdict()
    if worst[1] > POLL_LIMIT_MS * 1000:
        wrong.append(f"a poll stayed {worst[1] / 1000:.1f} ms beyond its limit")
    return wrong


def note_samples(account, memory, begun, worst):
    """worst: microseconds beyond the limit, and without waiting for a processor."""
    for _, beyond, own, kb, _ in account.samples:
        worst[:] = max(worst[0], beyond), max(worst[1], own)
        memory.add(time.monotonic() - begun, kb)
    account.samples.clear()


def tell(begun, device, service, account, arrivals, weather, worst, wrong):
    lived = max(1, account.last_ms - (account.first_ms or 0))
    print(f"{(time.monotonic() - begun) / 60:6.1f} min: device {lab.resident_kb(device.process.pid)} kB, service "
          f"{lab.resident_kb(service.pid)} kB; READY {100 * account.ready_ms / lived:.0f} %; {len(account.accepted)} accepted, "
          f"{len(arrivals.ids)} delivered, {len(account.dropped)} dropped, {len(account.refused)} refused, {arrivals.copies} "
          f"copies; {account.connects} times READY, {weather.faults} faults, {weather.kills} kills; worst poll "
          f"{worst[1] / 1000:.1f} ms ({worst[0] / 1000:.1f} with waiting for a processor); {len(wrong) + len(arrivals.broken)} broken"
          + "".join(f"; {line}" for line in (wrong + arrivals.broken)[:1]), flush=True)


def finish(service, device, account, arrivals, wanted):
    """Calm for as long as the device needs to come to rest, at most ten minutes."""

    def at_rest():
        device.connect_now()
        account.read()
        arrivals.take(service, device.id)
        return account.state == "READY" and account.accepted <= set(arrivals.ids) | set(account.dropped)

    device.connect_now()
    try:
        lab.until("rest with READY", lambda: account.read() or account.state == "READY", 600, 0.5)
    except AssertionError as error:
        return [str(error)]
    time.sleep(5)
    device.stop(30)  # no new messages: a restart ends when all is delivered
    device.command += ["--count", "1"]
    device.start()
    try:
        lab.until("the last delivery", lambda: not device.alive(), 600, 0.5)
        lab.until("the last message", at_rest, 10, 0.5) if account.read() else None
    except AssertionError as error:
        return [str(error)]
    account.read()
    arrivals.take(service, device.id)
    return arrivals.check() + lab.check_twin(service, device.id, account, wanted)


def main():
    parser = argparse.ArgumentParser(description="hours of random faults in real time")
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--transport", choices=["native", "paho"], default="native")
    parser.add_argument("--rate", type=int, default=10, help="messages a second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kill-every", type=float, default=300, help="seconds between kills of the service; 0: never")
    parser.add_argument("--nice", type=int, default=0, help="of the device; below 0 needs root")
    parser.add_argument("--build")
    options = parser.parse_args()
    lab.end_cleanly()
    build = lab.build_folder(options.build)
    with tempfile.TemporaryDirectory(prefix="spoke-soak-") as folder:
        wrong = soak(options, build, folder)
    for line in wrong[:50]:
        print(f"FAILED: {line}")
    print(f"soak over {options.transport}, {options.minutes:g} minutes, seed {options.seed}: "
          + ("every claim holds" if not wrong else f"{len(wrong)} broken claims"))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
