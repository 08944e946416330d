#!/usr/bin/env python3
"""kill -9 of the service under load: nothing that it acknowledged is lost, and no position of the event stream is given
twice.

    tests/faults/kill_service.py [--rounds 3] [--devices 8] [--durability full] [--seed 1] [--build build]

Devices send QoS 1 messages over TLS as fast as they are acknowledged, 64 in flight each, and note which ones were. At
a random moment the service is killed and started again; each note, and what the REST API told of the stream before, is
then held against the database. A killed process leaves what it had given to the system; what a machine does that loses
power is the matter of the sync that a PUBACK waits for (test_central_durable)."""
import argparse
import base64
import hashlib
import hmac
import json
import random
import socket
import sqlite3
import ssl
import struct
import sys
import tempfile
import threading
import time
import urllib.parse

import lab

WINDOW = 64


def text(value):
    return struct.pack(">H", len(value)) + value.encode()


def packet(kind, body):
    head, left = bytes([kind]), len(body)
    while True:
        head += bytes([left % 128 | (0x80 if left > 127 else 0)])
        left //= 128
        if left == 0:
            return head + body


def token(resource, key):
    expiry = int(time.time()) + 86400
    signed = f"{urllib.parse.quote(resource, safe='')}\n{expiry}"
    signature = base64.b64encode(hmac.new(base64.b64decode(key), signed.encode(), hashlib.sha256).digest()).decode()
    return (f"SharedAccessSignature sr={urllib.parse.quote(resource, safe='')}"
            f"&sig={urllib.parse.quote(signature, safe='')}&se={expiry}")


class Sender(threading.Thread):
    """One device. acknowledged only ever grows, under the lock."""

    def __init__(self, service, device_id):
        super().__init__(daemon=True)
        self.service, self.id, self.next, self.ended = service, device_id, 1, False
        self.acknowledged, self.lock, self.connects = set(), threading.Lock(), 0
        self.key = service.key(device_id)
        self.tls = ssl.create_default_context(cafile=service.env["SPOKE_CA_FILE"])

    def run(self):
        while not self.ended:
            try:
                self.session()
            except (OSError, ValueError):
                time.sleep(0.05)

    def session(self):
        raw = socket.create_connection(("localhost", self.service.port), 10)
        with self.tls.wrap_socket(raw, server_hostname="localhost") as link:
            link.sendall(packet(0x10, text("MQTT") + b"\x04\xc2" + struct.pack(">H", 60) + text(self.id)
                                + text(f"localhost/{self.id}/?api-version=2021-04-12")
                                + text(token(f"localhost/devices/{self.id}", self.key))))
            self.read(link, 4, b"")
            self.connects += 1
            self.send(link)

    def read(self, link, least, rest):
        while len(rest) < least:
            more = link.recv(65536)
            if not more:
                raise ValueError("it hung up")
            rest += more
        return rest

    def send(self, link):
        flying, rest, last = {}, b"", 0
        while not self.ended:
            out = b""
            while len(flying) < WINDOW:
                last = last % 65535 + 1
                flying[last], body = self.next, json.dumps({"n": self.next}).encode()
                out += packet(0x32, text(f"devices/{self.id}/messages/events/") + struct.pack(">H", last) + body)
                self.next += 1
            link.sendall(out)
            rest = self.read(link, 4, rest)
            done = []
            while len(rest) >= 4:
                if rest[0] != 0x40:
                    raise ValueError(f"packet {rest[0]} was not expected")
                done.append(flying.pop(struct.unpack(">H", rest[2:4])[0]))
                rest = rest[4:]
            with self.lock:
                self.acknowledged.update(done)


def prepare(service, count):
    """Devices as DPS leaves them."""
    names = [f"kill-{number:02}" for number in range(count)]
    for name in names:
        service.call("PUT", f"/api/devices/{name}", {"displayName": name})
    service.stop()
    link = sqlite3.connect(service.folder / "central.db")
    link.execute("UPDATE device SET provisioned = 1, approved = 1, enabled = 1")
    link.commit()
    link.close()
    service.start()
    return names


class Account:
    """What is in the database of each device, read on from where it was read to."""

    def __init__(self, service):
        self.service, self.behind, self.kept = service, {}, {}

    def missing(self, sender):
        kept = self.kept.setdefault(sender.id, set())
        with sender.lock: # before the database is read: it is under load again
            acknowledged = set(sender.acknowledged)
        for seq, body in self.service.rows("SELECT seq, body FROM event WHERE device_id = ? AND seq > ? AND kind = 1"
                                           " ORDER BY seq", sender.id, self.behind.get(sender.id, 0)):
            kept.add(json.loads(body)["n"])
            self.behind[sender.id] = seq
        return sorted(acknowledged - kept)


def told(service):
    """Position and content of the newest events, as the REST API tells them."""
    answer = service.call("GET", "/api/events?kind=telemetry&$top=5")
    if answer is None or answer.status != 200:
        return {}
    return {event["position"]: (event["deviceId"], event["body"]["n"]) for event in answer.body["value"]}


def one_round(service, senders, account, chance):
    begun = sum(len(sender.acknowledged) for sender in senders)
    lab.until("a message after the start",
              lambda: sum(len(sender.acknowledged) for sender in senders) > begun or not service.alive(), 30)
    time.sleep(chance.uniform(0, 0.6))
    stream = told(service)
    time.sleep(chance.uniform(0, 0.05))
    service.kill()
    before = time.monotonic()
    service.start()
    took = time.monotonic() - before
    wrong = [f"{sender.id}: {n} was acknowledged and is lost" for sender in senders
             for n in account.missing(sender)[:5]]
    for position, event in stream.items():
        rows = service.rows("SELECT device_id, body FROM event WHERE position = ?", position)
        found = (rows[0][0], json.loads(rows[0][1])["n"]) if rows else None
        if found != event:
            wrong.append(f"position {position} was {event} and is {found}")
    return took, wrong


def main():
    parser = argparse.ArgumentParser(description="kill -9 of the service under load")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--devices", type=int, default=8)
    parser.add_argument("--durability", choices=["full", "relaxed"], default="full")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--build")
    options = parser.parse_args()
    lab.end_cleanly()
    chance, starts, failed = random.Random(options.seed), [], 0
    with tempfile.TemporaryDirectory(prefix="spoke-kill-") as folder:
        service = lab.Service(options.build or lab.HERE.parents[1] / "build", f"{folder}/service", options.durability)
        senders = []
        try:
            senders = [Sender(service, name) for name in prepare(service, options.devices)]
            account = Account(service)
            for sender in senders:
                sender.start()
            for number in range(options.rounds):
                took, wrong = one_round(service, senders, account, chance)
                starts.append(took)
                failed += len(wrong)
                for line in wrong[:20]:
                    print(f"FAILED: round {number + 1}: {line}")
        finally:
            for sender in senders:
                sender.ended = True
            service.stop()
    count = sum(len(sender.acknowledged) for sender in senders)
    print(f"{options.durability}: {options.rounds} kills, {count} messages acknowledged,"
          f" {sum(sender.connects for sender in senders)} connects, started again in {max(starts, default=0):.2f} s"
          f" at most; {failed} broken claims")
    return failed > 0 or count == 0


if __name__ == "__main__":
    sys.exit(main())
