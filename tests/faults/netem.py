#!/usr/bin/env python3
"""A device and its service in two network namespaces, the kernel's netem between them: delay, loss, duplicates, reordering.

    sudo tests/faults/netem.py [--seconds 20] [--transport native] [--without-netem] [--build build]

For each profile a device sends for some seconds through the disturbed link; then the link is clean, and the account is
held against the service's database. Exit status 77 with the reason where this machine cannot: no root, no namespaces,
no netem in the kernel. --without-netem runs the same over a clean link, to try the script itself."""
import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import lab

PROFILES = ["delay 80ms 40ms", "loss 15%", "duplicate 10%", "delay 20ms reorder 25% 50%",
            "delay 100ms 50ms loss 5% duplicate 2% reorder 5%", "rate 64kbit delay 300ms"]
NAME, ADDRESS = "spoke.test", "10.119.83.1"


def run(*command, check=True):
    return subprocess.run(command, check=check, capture_output=True, text=True)


class Net:
    """Namespaces spoke-hub and spoke-dev with a pair of devices between them."""

    def __init__(self):
        self.undo()
        for name in ("spoke-hub", "spoke-dev"):
            run("ip", "netns", "add", name)
            folder = Path("/etc/netns") / name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "hosts").write_text(f"127.0.0.1 localhost\n{ADDRESS} {NAME}\n")
        run("ip", "link", "add", "hub0", "netns", "spoke-hub", "type", "veth", "peer", "name", "dev0", "netns", "spoke-dev")
        for name, device, address in (("spoke-hub", "hub0", ADDRESS), ("spoke-dev", "dev0", "10.119.83.2")):
            run("ip", "-n", name, "addr", "add", f"{address}/24", "dev", device)
            run("ip", "-n", name, "link", "set", "lo", "up")
            run("ip", "-n", name, "link", "set", device, "up")

    def disturb(self, profile):
        """Both ways. The kernel's word when it refuses."""
        for name, device in (("spoke-hub", "hub0"), ("spoke-dev", "dev0")):
            done = run("tc", "-n", name, "qdisc", "replace", "dev", device, "root", "netem", *profile.split(), check=False)
            if done.returncode != 0:
                return done.stderr.strip()
        return None

    def clean(self):
        for name, device in (("spoke-hub", "hub0"), ("spoke-dev", "dev0")):
            run("tc", "-n", name, "qdisc", "del", "dev", device, "root", check=False)

    def undo(self):
        for name in ("spoke-hub", "spoke-dev"):
            run("ip", "netns", "del", name, check=False)
            folder = Path("/etc/netns") / name
            if folder.exists():
                (folder / "hosts").unlink(missing_ok=True)
                folder.rmdir()


class FarService(lab.Service):
    """In its namespace, on an address of the network; without the control area, which is for loopback."""

    def __init__(self, build, folder):
        self.folder, self.log = Path(folder), open(f"{folder}.log", "w+")
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", "spoke-hub", str(Path(build) / "spoke-central"), "--print-env", "--data-dir", str(folder),
             "--bind", ADDRESS, "--hub-host", NAME, "--dps-polls", "0", "--log-level", "error"],
            stdout=subprocess.PIPE, stderr=self.log, text=True)
        lines = [self.process.stdout.readline().rstrip("\n") for _ in lab.system_service.ENV_NAMES]
        self.env = dict(line.partition("=")[::2] for line in lines if line)
        assert self.env, f"the service did not start: {Path(f'{folder}.log').read_text()}"

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()


def one_profile(build, folder, net, service, number, profile, options):
    device = lab.Device(build, f"{folder}/{number}", service, int(service.env["SPOKE_MQTT_PORT"]), f"netem-{number}",
                        options.transport, count=20 * options.seconds, rate=20, seed=number + 1, keep_alive=10)
    device.command = ["ip", "netns", "exec", "spoke-dev", *device.command, "--host", NAME]
    account = lab.Account(device.account_file)
    arrivals = lab.Arrivals(account)
    device.start()
    try:
        time.sleep(options.seconds)
        net.clean()
        lab.until("the end of the device", lambda: not device.alive(), 180, 0.2)
    finally:
        device.stop()
    account.read()
    arrivals.take(service, device.id)
    wrong = arrivals.check() + lab.check_twin(service, device.id, account, {})
    worst = max((own for _, _, own, _, _ in account.samples), default=0) / 1000
    print(f"{profile}: {len(account.accepted)} accepted, {len(arrivals.ids)} delivered, {arrivals.copies} copies, "
          f"{account.connects} times READY, worst poll {worst:.1f} ms; {len(wrong)} broken claims", flush=True)
    for line in wrong[:10]:
        print(f"FAILED: {line}")
    return len(wrong)


def skip(why):
    print(f"Skipped: {why}", file=sys.stderr)
    return 77


def main():
    parser = argparse.ArgumentParser(description="a device behind netem")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--transport", choices=["native", "paho"], default="native")
    parser.add_argument("--without-netem", action="store_true")
    parser.add_argument("--build")
    options = parser.parse_args()
    lab.end_cleanly()
    build = lab.build_folder(options.build)
    if os.geteuid() != 0:
        return skip("network namespaces need root")
    try:
        net = Net()
    except (OSError, subprocess.CalledProcessError) as error:
        return skip(f"no network namespaces here (ip of iproute2): {getattr(error, 'stderr', error)}")
    failed = 0
    try:
        refused = None if options.without_netem else net.disturb("delay 1ms")
        if refused is not None:
            return skip(f"this kernel has no netem: {refused}")
        with tempfile.TemporaryDirectory(prefix="spoke-netem-") as folder:
            service = FarService(build, f"{folder}/service")
            try:
                for number, profile in enumerate(["clean"] if options.without_netem else PROFILES):
                    net.clean()
                    if not options.without_netem:
                        net.disturb(profile)
                    failed += one_profile(build, folder, net, service, number, profile, options)
            finally:
                service.stop()
    finally:
        net.undo()
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
