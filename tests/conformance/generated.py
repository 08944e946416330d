#!/usr/bin/env python3
"""Compiles and runs what spoke-model gen writes: see generated.sh."""
import argparse
import concurrent.futures
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import adversarial

ROOT = Path(__file__).resolve().parents[2]
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror", "-fno-diagnostics-color",
            f"-I{ROOT}/include"]
C11, CXX17 = ["-std=c11"], ["-x", "c++", "-std=c++17"]
# linked and run, or only judged: the linker's part is the same for each
COMPILERS = [("gcc", C11, ["-O1"]), ("clang", C11, None), ("g++", CXX17, None), ("clang++", CXX17, ["-O0"])]
BATCH = 40


def cases(data, subset):
    """(name, files, options) of each model."""
    for file in sorted((ROOT / "tests/data/models").glob("*.json")):
        yield file.stem, file, ["--all"]
    if not data.is_dir():
        return
    index = [json.loads(line) for line in (data / "index.jsonl").open()]
    valid = [case for case in index if case["valid"] and case["group"] != "solecisms"]
    for case in valid[::41] if subset else valid:
        options = []
        if case["undefined_extensions"] != "default":
            options = ["--undefined-extensions", case["undefined_extensions"]]
        yield case["name"], data / case["file"], options + ([] if case.get("main_only") else ["--all"])


def resolved_folder(file, folder):
    """The documents that the case's resolver knows, in the layout of a repository."""
    answers = file.with_suffix(".resolve.json")
    if not answers.exists():
        return []
    for answer in json.loads(answers.read_text()):
        for document in answer["response"]:
            for interface in document if isinstance(document, list) else [document]:
                path = folder / (interface["@id"].lower().replace(":", "/").replace(";", "-") + ".json")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps(interface))
    return ["--models", str(folder)]


def generate(tool, work, number, case):
    """The self tests that were written for one model, and what went wrong."""
    name, file, options = case
    out = work / f"m{number}"
    out.mkdir()
    options = options + resolved_folder(file, work / f"r{number}")
    command = [tool, "gen", str(file), "--out", str(out), "--prefix", f"m{number}", "--self-test", *options]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        return [], [f"{name}: generating: {(done.stderr or str(done.returncode)).strip().splitlines()[0]}"]
    return sorted(out.glob("*_self_test.c")), []


def check_format(files):
    """Generated files that clang-format would change."""
    names = [str(path) for test in files for path in test.parent.glob("*_model.[ch]")]
    changed = set()
    for at in range(0, len(names), 200):
        style = f"--style=file:{ROOT}/.clang-format"
        done = subprocess.run(["clang-format-14", "--dry-run", style, *names[at:at + 200]], capture_output=True, text=True)
        changed |= set(re.findall(r"^(\S+?):\d+:\d+: warning", done.stderr, re.M))
    return sorted(changed), len(names)


def write_batch(work, number, tests):
    source = work / f"batch{number}.c"
    names = [test.name.removesuffix("_self_test.c") for test in tests]
    lines = ["#define SELF_TEST_WITHOUT_MAIN"] + [f'#include "{test}"' for test in tests]
    calls = [f'    if ({name}_self_test() != 0) {{\n        printf("{name}\\n");\n        failed = 1;\n    }}' for name in names]
    lines += ["#include <stdio.h>", "int main(void)", "{", "    int failed = 0;", *calls, "    return failed;", "}"]
    source.write_text("\n".join(lines) + "\n")
    return source


def compile_and_run(source, libraries, compiler):
    command, language, run = compiler
    title = f"{command} {language[-1]}"
    if run is None:
        done = subprocess.run([command, *WARNINGS, *language, "-fsyntax-only", str(source)], capture_output=True, text=True)
        return title, done.returncode, done.stderr
    program = source.with_suffix(f".{command}")
    command = [command, *WARNINGS, *run, *language, str(source), "-x", "none", "-o", str(program), *libraries]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 0:
        done = subprocess.run([str(program)], capture_output=True, text=True)
        program.unlink()
        return f"{title}, run", done.returncode, done.stdout + done.stderr
    return title, done.returncode, done.stderr


def libraries_of(build):
    names = ["mbedtls", "mbedx509", "mbedcrypto", "cares", "pthread", "m"]
    archive = build / "libspoke.a"
    return [str(archive)] + [f"-l{name}" for name in names if name != "cares" or "ares_init" in symbols(archive)]


def symbols(archive):
    return subprocess.run(["nm", "-u", str(archive)], capture_output=True, text=True).stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=Path)
    parser.add_argument("--subset", action="store_true")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data/dtdl", help="folder with index.jsonl")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="folder for what was generated; else a temporary one")
    parser.add_argument("--adversarial", type=int, metavar="COUNT", help="models of adversarial.py instead: COUNT random ones")
    parser.add_argument("--no-format", action="store_true", help="do not hold the result against clang-format")
    parser.add_argument("--only", help="names that match this expression")
    options = parser.parse_args()
    if shutil.which("clang") is None or shutil.which("clang++") is None or shutil.which("g++") is None:
        print("skipped: gcc, g++, clang and clang++ are all needed")
        return 77
    work = options.keep or Path(tempfile.mkdtemp())
    work.mkdir(exist_ok=True)
    build = options.build.resolve()
    if options.adversarial is not None:
        options.data = work / "adversarial"
        adversarial.write(options.data, options.adversarial, 1)
    tool, libraries = str(build / "spoke-model"), libraries_of(build)
    todo = [case for case in cases(options.data, options.subset) if not options.only or re.search(options.only, case[0])]
    tests, wrong = [], []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for found, problems in pool.map(lambda item: generate(tool, work, *item), enumerate(todo)):
            tests += found
            wrong += problems
        batches = [write_batch(work, at, tests[at:at + BATCH]) for at in range(0, len(tests), BATCH)]
        jobs = [(source, libraries, compiler) for source in batches for compiler in COMPILERS]
        for (source, _, _), (title, code, text) in zip(jobs, pool.map(lambda job: compile_and_run(*job), jobs)):
            if code != 0:
                wrong.append(f"{source.name}: {title}:\n" + "\n".join(text.splitlines()[:60]))
    print("\n".join(wrong))
    if shutil.which("clang-format-14") and not options.no_format:
        changed, count = check_format(tests)
        print(f"clang-format would change {len(changed)} of {count} files", *changed[:5], sep="\n  ")
    print(f"{len(todo)} models, {len(tests)} interfaces, {len(batches) * len(COMPILERS)} compilations: {len(wrong)} problems")
    if options.keep is None:
        shutil.rmtree(work)
    return 1 if wrong or not tests else 0


if __name__ == "__main__":
    sys.exit(main())
