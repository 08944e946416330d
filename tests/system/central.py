#!/usr/bin/env python3
"""Types what docs/central.md and docs/central_api.md show, in an empty folder: no call of the REST API may be refused.

    tests/system/central.py BUILD_FOLDER

Typed are the indented blocks that start the service of the examples, define `api` or call it. Of a block that calls it, what
starts another service is left out."""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("central.md", "central_api.md")
LIMIT_S = 120
CALL = re.compile(r"^(api |api\(\)|query\(\))", re.M)

# What the reader has: an authority with its key, and this repository.
BEFORE = """set -eu
ln -s "$ROOT/samples" samples
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=Line -days 30 2>/dev/null
trap 'kill %1; wait' EXIT
"""


def blocks(page):
    for block in re.findall(r"(?:^    .*\n)+", page, re.M):
        text = re.sub(r"^    ", "", block, flags=re.M)
        if CALL.search(text):
            yield text if "service.env" in text else re.sub(r"^spoke-central .*\n", "", text, flags=re.M)


def main():
    missing = [tool for tool in ("curl", "jq", "openssl") if shutil.which(tool) is None]
    if missing:
        print(f"skipped: {' '.join(missing)} are not here")
        return 77
    build = Path(sys.argv[1]).resolve()
    env = {**os.environ, "PATH": f"{build}:{os.environ['PATH']}", "ROOT": str(ROOT)}
    typed = [block for page in PAGES for block in blocks((ROOT / "docs" / page).read_text())]
    with tempfile.TemporaryDirectory(prefix="spoke-central-") as folder:
        bash = subprocess.Popen(["bash", "--norc", "-c", BEFORE + "\n".join(typed)], cwd=folder, env=env, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                start_new_session=True)
        try:
            said, _ = bash.communicate(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(bash.pid, signal.SIGKILL)
            said, _ = bash.communicate()
            said += f"\nnot done after {LIMIT_S} s"
    refused = re.findall(r'^.*"error":.*$', said, re.M)
    calls = sum(len(re.findall(r"\b(?:api (?:GET|PUT|PATCH|POST|DELETE)|query) ", block)) for block in typed)
    if bash.returncode != 0 or refused or calls < 20:
        print(said)
        print(f"exit status {bash.returncode}, {calls} calls, {len(refused)} of them refused")
        return 1
    print(f"{calls} calls as the documents show them")
    return 0


if __name__ == "__main__":
    sys.exit(main())
