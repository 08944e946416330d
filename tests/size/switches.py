#!/usr/bin/env python3
"""Builds the library without each of its parts (spoke/features.h), with gcc and clang and all warnings as errors, and
runs the tests of what is left against each. Only what a switch changes is compiled anew.
usage: tests/size/switches.py [switch ..]      a name without SPOKE_WITH_, `client`, `telemetry` or `proto`; none: all of them"""
import concurrent.futures
import hashlib
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/switches"
FLAGS = ["-std=c11", "-O1", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow",
         "-Wswitch-enum", "-Wstrict-prototypes", "-Wmissing-prototypes", "-Wvla", "-Werror", f"-I{ROOT}/include",
         f"-I{ROOT}/src"]
TEST_FLAGS = ["-Wno-missing-prototypes", f"-I{ROOT}/tests", f'-DSPOKE_TEST_DATA="{ROOT}/tests/data"']
SOURCES = ["base/*.c", "mqtt/*.c", "proto/*.c", "model/*.c", "queue/*.c", "client/*.c", "crypto/*.c", "tls/*.c",
           "transport/native*.c", "port/posix*.c", "port/ram*.c"]
LIBRARIES = ["-lcmocka", "-lmbedtls", "-lmbedx509", "-lmbedcrypto", "-lpthread", "-lm"]
# What is left works as it does with everything. Behind each test: the parts that it speaks of.
FIXTURE = ["PROPERTIES", "COMMANDS", "MESSAGES"]  # tests/support/client_fixture.h has handlers for all
TESTS = {
    "test_left_out": [],
    "test_retry": ["REASONS", "DPS", "TLS", "SENTENCES"],
    "test_retry_plain": ["DPS"],
    "test_client_telemetry": [*FIXTURE, "NOTICES", "REASONS"],
    "test_client_session": [*FIXTURE, "NOTICES", "DPS", "SENTENCES"],
    "test_client_life": [*FIXTURE, "LOCKS", "REASONS", "NOTICES", "DPS", "SENTENCES", "LOG"],
    "test_client_commands": [*FIXTURE, "CHECKS", "SENTENCES", "LOG"],
    "test_client_properties": [*FIXTURE, "CHECKS", "RAW_CHECKS"],
    "test_client_provision": [*FIXTURE, "REASONS", "TLS", "DPS", "DPS_PAYLOAD", "MOVE", "RECORDS", "SENTENCES"],
}


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"failed: {' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def compile_one(compiler, source, flags):
    """Once for each text that the preprocessor makes of it."""
    text = run([compiler, *FLAGS, *flags, "-E", "-P", source])
    key = hashlib.sha256((compiler + " ".join(FLAGS) + text).encode()).hexdigest()[:16]
    out = BUILD / key / source.relative_to(ROOT).with_suffix(".o")
    if not out.exists():
        out.parent.mkdir(parents=True, exist_ok=True)
        run([compiler, *FLAGS, *flags, "-o", out, "-c", source])
    return out


def compile_all(compiler, sources, flags):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda source: compile_one(compiler, source, flags), sources))


def library():
    return sorted(path for pattern in SOURCES for path in (ROOT / "src").glob(pattern))


def test(compiler, name, objects, flags):
    used = [ROOT / f"tests/unit/{name}.c", ROOT / "tests/support/support.c"]
    made = compile_all(compiler, used, [*flags, *TEST_FLAGS])
    program = BUILD / f"{name}-{compiler}"
    archive = program.with_suffix(".a")  # so that only what is used has to link
    archive.unlink(missing_ok=True)
    run(["ar", "rcs", archive, *objects, *made[1:]])
    run([compiler, "-o", program, made[0], archive, *LIBRARIES])
    run([program])


def switches():
    return re.findall(r"^#ifndef SPOKE_WITH_(\w+)", (ROOT / "include/spoke/features.h").read_text(), re.M)


def off(flags):
    """The switches that are 0 under these flags, with all that follow."""
    names = switches()
    text = "#include <spoke/features.h>\n" + "".join(f"#if !SPOKE_WITH_{name}\nOFF {name}\n#endif\n" for name in names)
    done = subprocess.run(["gcc", f"-I{ROOT}/include", *flags, "-E", "-P", "-"], input=text, capture_output=True,
                          text=True, check=True)
    return set(re.findall(r"^OFF (\w+)", done.stdout, re.M))


def sets():
    made = {name: [f"-DSPOKE_WITH_{name}=0"] for name in switches() if name != "POSIX"}
    for name in ("client", "telemetry", "proto"):
        made[name] = [f'-DSPOKE_FEATURES_FILE="{ROOT}/tests/size/features_{name}.h"']
    return made


def main():
    BUILD.mkdir(parents=True, exist_ok=True)
    known = sets()
    for name in sys.argv[1:] or list(known):
        flags, missing = known[name], off(known[name])
        ran = [test_name for test_name, parts in TESTS.items() if not missing & set(parts)]
        for compiler in ("gcc", "clang"):
            objects = compile_all(compiler, library(), flags)
            for test_name in ran:
                test(compiler, test_name, objects, flags)
        print(f"without {', '.join(sorted(missing))}: gcc and clang build it, {len(ran)} test programs pass",
              flush=True)


if __name__ == "__main__":
    main()
