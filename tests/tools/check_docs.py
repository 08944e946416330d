#!/usr/bin/env python3
"""Holds README.md and docs/*.md against the tree: named files exist, named functions and constants are declared,
links lead somewhere, quoted code is the code that the build compiles.

    tests/tools/check_docs.py

A block of C is compiled code, quoted: the line above it names the file in a comment, <!-- samples/thermostat.c -->,
and the block is that file, or a run of its lines. What docs/templates.md shows and lets its reader type is tried by
tests/system/templates.py."""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOP = {path.name for path in ROOT.iterdir()}


def tracked_files():
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return set(listed.stdout.split())


def words(pattern, globs):
    """Every match in the files that the globs name, relative to the root."""
    files = sorted({path for glob in globs for path in ROOT.glob(glob)})
    return {word for path in files for word in re.findall(pattern, path.read_text())}


def anchors(path):
    headings = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def check_links(doc, text):
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (doc.parent / path).resolve() if path else doc
        if not file.exists():
            yield f"the link to {target} leads nowhere"
        elif anchor and anchor not in anchors(file):
            yield f"{target}: no such heading"


def is_path(word):
    first, slash, _ = word.partition("/")
    return bool(slash) and first in TOP and not re.search(r"[<>*{}$]", word)


def check_paths(text, files):
    folders = {str(parent) for file in files for parent in Path(file).parents}
    for word in re.findall(r"[\w.\-]+(?:/[\w.\-]+)+/?", text):
        word = word.rstrip("./")
        found = word in files or word in folders or any(f"{word}{end}" in files for end in (".c", ".h"))
        if is_path(word) and not word.startswith("build") and not found:
            yield f"{word} does not exist"
    for word in re.findall(r"`((?:spoke/[\w/]+|[\w]+)\.(?:h|c|py|sh))`", text):
        if not any(file == word or file.endswith("/" + word) for file in files):
            yield f"{word} does not exist"


def check_names(text, names):
    for name in set(re.findall(r"\bspoke_\w+|\bSPOKE_\w+", text)):
        prefix = name.endswith("_") and any(known.startswith(name) for known in names)
        if name not in names and not prefix:
            yield f"{name} is declared in no header"


def check_options(text, options):
    text = re.sub(r"^```sh\n.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)  # what is typed is tried
    for option in set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)):
        if option not in options:
            yield f"{option} is not an option of spoke-central, of spoke-model, of spoke, of a sample or of a script"


def check_code(text):
    for above, code in re.findall(r"([^\n]*)\n+```c\n(.*?)```", text, re.DOTALL):
        if re.match(r"<!-- (file|part of): ", above):
            continue
        named = re.search(r"<!-- (\S+) -->", above)
        if not named:
            yield f"a block of C does not name its file: {code.splitlines()[0]}"
        elif code not in (ROOT / named.group(1)).read_text():
            yield f"a block of C is not what {named.group(1)} says"


def main():
    files = tracked_files()
    names = words(r"\b(?:spoke|SPOKE)_\w+", ["include/**/*.h", "CMakeLists.txt", "src/cmake/*", "src/central/cli.c", "samples/*.sh",
                                               "tests/unit/test_queue_log_model.c"])
    options = words(r"--[a-z][a-z-]+", ["src/central/cli.c", "src/tools/*.c", "src/fleet/*.c", "samples/*.c", "samples/*.sh", "tests/**/*.sh", "tests/**/*.py",
                                        "tests/faults/main_*.c"])
    wrong = 0
    for doc in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = doc.read_text()
        for problem in [*check_links(doc, text), *check_paths(text, files), *check_names(text, names),
                        *check_options(text, options), *check_code(text)]:
            print(f"{doc.relative_to(ROOT)}: {problem}")
            wrong += 1
    readme = (ROOT / "README.md").read_text()
    if (ROOT / "samples/thermostat.c").read_text() not in readme:
        print("README.md: the device is not samples/thermostat.c, line by line")
        wrong += 1
    print("the documents agree with the tree" if wrong == 0 else f"{wrong} disagreements")
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main())
