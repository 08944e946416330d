#!/usr/bin/env python3
"""Does what docs/templates.md says, block by block, in an empty folder, and looks whether it says what happens.

    tests/system/templates.py BUILD_FOLDER            exit status 0: all of it is true
    tests/system/templates.py BUILD_FOLDER --write    puts what was printed into the page

A block of sh is typed into one shell. The comment above a block says what it is for:

    <!-- file: heater.json -->        the block becomes that file
    <!-- exit: 1 -->                  the sh block ends with this status; else none of its commands may fail
    <!-- output -->                   what the sh block before has printed
    <!-- part of: heater_model.h -->  lines of a file that the commands have made

In the last two a line "..." stands for any lines, and "…" for anything within a line."""
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "templates.md"
BLOCK_LIMIT_S = 120
BLOCK = re.compile(r"(?:^<!-- (?P<task>[a-z ]+)(?:: (?P<of>[^>]*?))? -->\n+)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.M | re.S)


def pattern(shown):
    """Of what a block shows, with its gaps."""
    lines = []
    for line in shown.splitlines():
        whole = "[^\n]*".join(re.escape(part) for part in line.split("…")) + r"\n"
        lines.append(r"(?:[^\n]*\n)*?" if line.strip() == "..." else whole)
    return "".join(lines)


def tools_of(build):
    """Compiler and generator of that folder, as the environment names them: sanitizers want the same compiler."""
    cache = dict(re.findall(r"^(\w+):\w+=(.*)$", (build / "CMakeCache.txt").read_text(), re.M))
    return {"CC": cache["CMAKE_C_COMPILER"], "CMAKE_GENERATOR": cache["CMAKE_GENERATOR"]}


class Shell:
    """One bash for all blocks, so that variables, functions and what runs in the background stay."""

    def __init__(self, folder, build):
        self.folder = folder
        env = {**os.environ, "BUILD": str(build), "LC_ALL": "C.UTF-8", **tools_of(build)}
        self.bash = subprocess.Popen(["bash", "--norc", "--noprofile"], cwd=folder, env=env, text=True, bufsize=1,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)

    def type(self, text, careful):
        """What it prints, and the exit status of the last command."""
        script, output = self.folder / ".block", self.folder / ".output"
        script.write_text(text)
        stop = "set -e" if careful else "set +e"
        self.bash.stdin.write(f"{stop}\n. ./.block >.output 2>&1 </dev/null\necho \"code $?\"\nset +e\n")
        self.bash.stdin.flush()
        if not select.select([self.bash.stdout], [], [], BLOCK_LIMIT_S)[0]:
            return output.read_text(), "still to come"
        said = self.bash.stdout.readline()
        code = int(said.split()[1]) if said.startswith("code ") else self.bash.wait()
        return output.read_text(), code

    def end(self):
        try:
            os.killpg(self.bash.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
        self.bash.stdin.close()
        self.bash.wait()


class Page:
    def __init__(self, text, shell):
        self.text, self.shell = text, shell
        self.output = ""
        self.wrong = []
        self.count = 0
        self.edits = []

    def complain(self, block, what, detail=""):
        line = self.text.count("\n", 0, block.start("text"))
        self.wrong.append(f"docs/templates.md:{line}: {what}\n{detail}")

    def typed(self, block):
        expected = int(block["of"]) if block["task"] == "exit" else 0
        self.output, code = self.shell.type(block["text"], expected == 0)
        if code != expected:
            self.complain(block, f"the exit status is {code}", self.output)
        return code == expected

    def shown(self, block, name, found, whole):
        fits = re.fullmatch if whole else re.search
        if fits(pattern(block["text"]), found):
            return
        self.complain(block, f"{name} is not what the page shows", f"--- shown\n{block['text']}--- found\n{found}")
        if whole:
            self.edits.append((block.span("text"), found))

    def part(self, block):
        made = sorted(self.shell.folder.rglob(block["of"]))
        if made:
            self.shown(block, block["of"], made[0].read_text(), False)
        else:
            self.complain(block, f"no command has made {block['of']}")

    def do(self, block):
        """False: what follows makes no sense any more."""
        task = block["task"]
        self.count += 1
        if task == "file":
            path = self.shell.folder / block["of"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block["text"])
        elif task == "output":
            self.shown(block, "the output", self.output, True)
        elif task == "part of":
            self.part(block)
        elif block["language"] == "sh":
            return self.typed(block)
        else:
            self.complain(block, "nobody says what this block is for")
        return True

    def walk(self):
        for block in BLOCK.finditer(self.text):
            if not self.do(block):
                break

    def corrected(self):
        text = self.text
        for (start, end), found in reversed(self.edits):
            text = text[:start] + found + text[end:]
        return text


def main():
    if len(sys.argv) < 2 or not Path(sys.argv[1], "CMakeCache.txt").exists():
        print(__doc__, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        shell = Shell(Path(folder), Path(sys.argv[1]).resolve())
        page = Page(PAGE.read_text(), shell)
        try:
            page.walk()
        finally:
            shell.end()
    if "--write" in sys.argv:
        PAGE.write_text(page.corrected())
    for wrong in page.wrong:
        print(wrong)
    print(f"{page.count} blocks, {len(page.wrong)} of them wrong")
    return bool(page.wrong)


if __name__ == "__main__":
    sys.exit(main())
