"""What every measurement of run.sh needs: a sink with a certificate made for the run, programs on cores of their own,
slopes, and callgrind's file read by owner."""
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

LIMIT_S = 600


class Bench:
    """One run of the command. quick: a look, with a tenth of the messages and one run of each. realtime: one device
    and its sink go before everything else that the machine does, which needs root."""

    def __init__(self, build, quick, send_bytes, realtime=False):
        self.programs = os.path.join(build, "tests", "bench")
        self.quick = quick
        self.send_bytes = send_bytes
        self.realtime = ["chrt", "--fifo", "10"] if realtime else []
        self.runs = 1 if quick else 5
        self.folder = tempfile.mkdtemp(prefix="spoke-bench-")
        self.sink_pin, self.client_pin = pins()
        self.make_certificates()

    def close(self):
        shutil.rmtree(self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def program(self, name):
        """Of this build; None: it was not built."""
        path = os.path.join(self.programs, name)
        return path if os.path.exists(path) else None

    def scaled(self, count):
        return max(count // 10, 1) if self.quick else count

    def make_certificates(self):
        """P-256, and RSA-2048 as Azure's services have it: KIND.cert.pem and KIND.key.pem."""
        for kind, key in (("ec", ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")), ("rsa", ("rsa:2048",))):
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", *key, "-nodes", "-days", "60", "-subj", "/CN=localhost",
                 "-addext", "subjectAltName=DNS:localhost", "-keyout", self.path(kind + ".key.pem"),
                 "-out", self.path(kind + ".cert.pem")],
                check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.cert = self.path("ec.cert.pem")

    def start_sink(self, *options, cert="ec", before=()):
        """On its core; stop_sink ends it. Answers the process and its port."""
        sink = subprocess.Popen(self.sink_pin + list(before) + [self.program("bench_sink"), "--cert", self.path(cert + ".cert.pem"),
                                                 "--key", self.path(cert + ".key.pem"), *options],
                                stdout=subprocess.PIPE, text=True)
        return sink, json.loads(sink.stdout.readline())["port"]

    def stop_sink(self, sink):
        sink.kill()
        sink.wait()

    def run(self, command, before=(), environment=None):
        """On the client's core. Answers the last line that it prints, which is JSON."""
        command = self.client_pin + list(before) + command
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S,
                              env=dict(os.environ, **(environment or {})))
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}\n{done.stderr.strip()}")
        return json.loads(done.stdout.strip().splitlines()[-1])


def pins():
    """The sink on one core, the client on another, where there are two."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2 or shutil.which("taskset") is None:
        return [], []
    return ["taskset", "-c", str(cores[0])], ["taskset", "-c", str(cores[1])]


# --- figures ---

def slope(short, long, count):
    return (long - short) / count


def middle(runs, pick, digits=None):
    return round(statistics.median(pick(r) for r in runs), digits)


# --- callgrind's file: self cost, summed by owner ---

OWNERS = (("tls", re.compile(r"lib(mbed|ssl|crypto)")), ("paho", re.compile(r"libpaho")),
          ("mosquitto", re.compile(r"libmosquitto")), ("libc", re.compile(r"(libc\.so|libc-|ld-linux|libpthread|vdso)")))
# The loop that sends and counts stands for the application.
DRIVER = re.compile(r"tests/bench/")


def owner_of(object_file, source):
    if DRIVER.search(source):
        return "driver"
    for owner, pattern in OWNERS:
        if pattern.search(os.path.basename(object_file)):
            return owner
    return "ours"


class Profile:
    """Reads the lines of a callgrind file in turn."""

    def __init__(self):
        self.names = {"ob": {}, "fl": {}}
        self.at = {"ob": "", "fl": ""}
        self.called = ""     # the object of the function that the next calls= line is about
        self.in_call = False  # the next line of costs is what that function took
        self.costs = {}

    def name(self, called, kind, number, text):
        table = "ob" if kind == "ob" else "fl"
        if text:
            self.names[table][number] = text
        named = self.names[table].get(number, "")
        if called and table == "ob":
            self.called = named
        elif not called:
            self.at[table] = named
            self.called = self.at["ob"]

    def cost(self, count):
        here = owner_of(self.at["ob"], self.at["fl"])
        if not self.in_call:
            self.add(here, count)
        elif here in ("tls", "driver") and owner_of(self.called, "") == "libc":
            self.add("libc", -count) # what it has libc do is its own doing
            self.add(here, count)
        if self.in_call:
            self.called = self.at["ob"]
        self.in_call = False

    def add(self, owner, count):
        self.costs[owner] = self.costs.get(owner, 0) + count


def instructions_by_owner(path):
    profile = Profile()
    with open(path) as file:
        for line in file:
            match = re.match(r"(c?)(ob|fl|fi|fe)=(?:\((\d+)\))?(?: ?(.*))?$", line)
            if match:
                profile.name(*match.groups())
            elif line.startswith("calls="):
                profile.in_call = True
            elif re.match(r"[0-9+*-]", line):
                profile.cost(int(line.split()[1]))
    return profile.costs
