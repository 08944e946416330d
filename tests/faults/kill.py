#!/usr/bin/env python3
"""kill -9 of a device and of its service, again and again, in real time: nothing that was accepted or acknowledged is
lost.

    tests/faults/kill.py [--kills 500] [--pairs 3] [--transport native] [--seed 1] [--build build]

Each pair is a service on a durable folder (--durability full) and a device with its queue in a file, which sends all
the while. At random moments one of them, or both, is killed and started again. At the end the device's account is
held against the service's database. A killed process leaves what it had given to the system; what a machine does that
loses power is the matter of the storage simulation (fault-powercut)."""
import argparse
import concurrent.futures
import random
import sys
import tempfile
import time

import lab


def one_pair(build, number, kills, transport, seed):
    chance = random.Random(seed * 1000 + number)
    figures = {"device kills": 0, "service kills": 0}
    with tempfile.TemporaryDirectory(prefix="spoke-kill-") as folder:
        service = lab.Service(build, f"{folder}/service")
        device = lab.Device(build, f"{folder}/device", service, service.port, f"kill-{number}", transport, rate=100,
                            seed=seed + number)
        account = lab.Account(device.account_file)
        arrivals = lab.Arrivals(account)
        try:
            device.start()
            while sum(figures.values()) < kills:
                time.sleep(chance.uniform(0.05, 0.8))
                assert device.alive(), f"the device ended by itself: {device.said()}"
                assert service.alive(), "the service ended by itself"
                what = chance.choice(["device", "service", "both"])
                if what != "service":
                    device.kill()
                    figures["device kills"] += 1
                if what != "device":
                    service.kill()
                    figures["service kills"] += 1
                time.sleep(chance.choice([0, 0, chance.uniform(0, 0.5)]))
                if what != "device":
                    service.start()
                if what != "service":
                    device.start()
                account.read()
                arrivals.take(service, device.id)
            wrong = finish(service, device, account, arrivals)
            figures["accepted"], figures["delivered"] = len(account.accepted), len(arrivals.ids)
            figures["copies"], figures["connects"] = arrivals.copies, account.connects
            return figures, wrong
        finally:
            device.stop()
            service.stop()


def finish(service, device, account, arrivals):
    """Lets the device come to rest: all that waits arrives."""

    def at_rest():
        account.read()
        arrivals.take(service, device.id)
        return account.accepted <= set(arrivals.ids) | set(account.dropped)

    device.connect_now()
    time.sleep(2)
    device.connect_now()
    device.stop(30)  # drains for five seconds
    device.command += ["--count", "1"]  # sends nothing new, ends when all is delivered
    device.start()
    try:
        lab.until("the end of the device", lambda: not device.alive(), 90)
    except AssertionError as error:
        return [str(error), *arrivals.check()]
    try:
        lab.until("the last message", at_rest, 5)
    except AssertionError:
        pass
    account.read()
    return arrivals.check() + lab.check_twin(service, device.id, account, {})


def main():
    parser = argparse.ArgumentParser(description="kill -9 of device and service")
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--transport", choices=["native", "paho"], default="native")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--build")
    options = parser.parse_args()
    lab.end_cleanly()
    build = lab.build_folder(options.build)
    begun, total, failed = time.monotonic(), {}, 0
    with concurrent.futures.ThreadPoolExecutor(options.pairs) as pool:
        share = -(-options.kills // options.pairs)
        runs = [pool.submit(one_pair, build, number, share, options.transport, options.seed)
                for number in range(options.pairs)]
        for run in concurrent.futures.as_completed(runs):
            figures, wrong = run.result()
            for name, value in figures.items():
                total[name] = total.get(name, 0) + value
            for line in wrong[:20]:
                print(f"FAILED: {line}")
            failed += len(wrong)
    print(f"{options.transport}: " + ", ".join(f"{value} {name}" for name, value in total.items())
          + f"; {failed} broken claims; {time.monotonic() - begun:.0f} s")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
