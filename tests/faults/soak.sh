#!/usr/bin/env bash
# Hours of random faults in real time, and a verdict: no leak, never stuck, nothing lost, no poll beyond its limit.
#
#   tests/faults/soak.sh --minutes 90 [--transport native|paho] [--rate 10] [--seed 1] [--kill-every 300] [--build build]
#
# As root the device runs at nice -10: the longest poll is to be Spoke's own, not that of a compiler beside it. Without
# root it runs like everything else, and a busy machine can fake a long poll.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
nice=()
[ "$(id -u)" -ne 0 ] || nice=(--nice -10)
export PYTHONDONTWRITEBYTECODE=1
exec python3 "$here/soak.py" "${nice[@]}" "$@"
