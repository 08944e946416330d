#!/usr/bin/env python3
"""The table of coverage.sh: coverage.py BUILD ROOT LINES BRANCHES LAYER...

BUILD/coverage.json is what `llvm-cov export` wrote, BUILD/without-*/coverage.json the same of builds without some parts: a
line, or a side of a branch, that only one of those reaches counts as reached. Prints every line and branch of src/LAYER that no test reached, as file:line,
then the table of lines and branches by layer; exits 1 when a layer is below LINES or BRANCHES percent."""
import json
import pathlib
import sys


def line_hits(segments):
    """{line: reached}, by the rule of llvm-cov: the best of what begins on a line and what reaches into it."""
    hits, wrapped, at = {}, None, 0
    while at < len(segments):
        line, here = segments[at][0], []
        if wrapped and wrapped[3]:
            for between in range(wrapped[0] + 1, line):
                hits[between] = wrapped[2] > 0
        while at < len(segments) and segments[at][0] == line:
            here.append(segments[at])
            at += 1
        entries = [s for s in here if s[3] and s[4] and not s[5]]
        if entries or (wrapped and wrapped[3]):
            hits[line] = any(s[2] > 0 for s in entries) or bool(wrapped and wrapped[3] and wrapped[2] > 0)
        wrapped = here[-1]
    return hits


def branch_hits(functions):
    """{file: {(line, column, use): [true reached, false reached]}}: copies of a function of a header are one, each
    use of a macro (a "file" of its own in the function) is its own."""
    files = {}
    for function in functions:
        names, own = function["filenames"], function["name"].rpartition(":")[2]
        for branch in function["branches"]:
            key = (branch[0], branch[1], (own, branch[6]) if branch[6] > 0 else ())
            sides = files.setdefault(names[branch[6]], {}).setdefault(key, [False, False])
            sides[0] |= branch[4] > 0
            sides[1] |= branch[5] > 0
    return files


def add_hits(files, others):
    """Marks in files what others reached of the same branches."""
    for name, branches in files.items():
        for key, sides in branches.items():
            for side, reached in enumerate(others.get(name, {}).get(key, [])):
                sides[side] |= reached


def percent(reached, total):
    return 100.0 * reached / total if total else 100.0


def read(exported):
    return json.loads(exported.read_text(encoding="utf-8"))["data"][0]


def main(build, root, min_lines, min_branches, layers):
    data = read(pathlib.Path(build, "coverage.json"))
    fewer = [read(exported) for exported in pathlib.Path(build).glob("without-*/coverage.json")]
    elsewhere = {(file["filename"], line) for less in fewer
                 for file in less["files"] for line, hit in line_hits(file["segments"]).items() if hit}
    branches = branch_hits(data["functions"])
    for less in fewer:
        add_hits(branches, branch_hits(less["functions"]))
    table, missing = {layer: [0, 0, 0, 0] for layer in layers}, []
    for file in data["files"]:
        name = pathlib.Path(file["filename"]).relative_to(root)
        row = table[name.parts[1]]
        for line, reached in line_hits(file["segments"]).items():
            reached = reached or (file["filename"], line) in elsewhere
            row[0] += reached
            row[1] += 1
            if not reached:
                missing.append((str(name), line, "line"))
        for (line, column, _), sides in branches.get(file["filename"], {}).items():
            row[2] += sum(sides)
            row[3] += 2
            for side, reached in zip(("true", "false"), sides):
                if not reached:
                    missing.append((str(name), line, f"column {column} is never {side}"))
    for name, line, what in sorted(missing):
        print(f"{name}:{line}: {what}")
    print(f"\n{'layer':<8} {'lines':>12} {'':>8} {'branches':>12}")
    good = True
    for layer, row in table.items():
        lines, both = percent(row[0], row[1]), percent(row[2], row[3])
        good &= lines >= min_lines and both >= min_branches
        print(f"{layer:<8} {row[0]:>6}/{row[1]:<6} {lines:6.2f} % {row[2]:>6}/{row[3]:<6} {both:6.2f} %")
    print(f"limits: {min_lines:g} % of lines, {min_branches:g} % of branches: {'kept' if good else 'not kept'}")
    return 0 if good else 1


if __name__ == "__main__":
    if len(sys.argv) < 6:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4]), sys.argv[5:]))
