#!/usr/bin/env bash
# Drives spoke-central as an independent checker would: by its command line, HTTP and raw MQTT bytes.
#
#   tests/system/control.sh BUILD_FOLDER [UNITTEST_ARGUMENT]...
#
# The checks are in check_*.py; for some of them: tests/system/control.sh build -k twin
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
SPOKE_CENTRAL=$(cd "$1" && pwd)/spoke-central
export SPOKE_CENTRAL PYTHONDONTWRITEBYTECODE=1 PYTHONWARNINGS=error::ResourceWarning
shift

command -v python3 >/dev/null || { echo "Skipped: python3 is not installed" >&2; exit 77; }
cd "$here"
exec python3 -m unittest discover --pattern 'check_*.py' --verbose "$@"
