#!/usr/bin/env bash
# Seeded schedules in simulated time, on two processes; and with --all the rest of the laboratory behind them.
#
#   tests/faults/run.sh --seeds 1..100000 [--build build] [--jobs 2] [--all]
#
# Prints progress, the figures of each process, and for each failure the seed with the command that repeats it alone,
# told step by step. --all: also the power cut at every storage operation, the fleet, 1,000 real-time schedules over
# paho and over native, 500 kills of devices and service, and 400 of the service under load. Exit status 1 when anything failed.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$root/build
seeds=1..100000
jobs=2
all=""
while [ $# -gt 0 ]; do
    case $1 in
    --seeds) seeds=$2; shift ;;
    --build) build=$(cd "$2" && pwd); shift ;;
    --jobs) jobs=$2; shift ;;
    --all) all=yes ;;
    *) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
    shift
done
[ -x "$build/tests/faults/fault-schedules" ] || { echo "build the project with its tests first: $build has no tests/faults/fault-schedules" >&2; exit 2; }
first=${seeds%..*}
last=${seeds#*..}
memory=/dev/shm
[ -w $memory ] || memory=${TMPDIR:-/tmp}
work=$(mktemp -d "$memory/spoke-faults-XXXXXX")
trap 'rm -rf "$work"' EXIT

failed=0
pids=()
share=$(((last - first + jobs) / jobs))
for ((job = 0; job < jobs; job++)); do
    from=$((first + job * share))
    to=$((from + share - 1))
    [ $to -le "$last" ] || to=$last
    [ $from -le $to ] || continue
    mkdir "$work/$job"
    "$build/tests/faults/fault-schedules" --seeds "$from..$to" --restarts "$work/$job" &
    pids+=($!)
done
for pid in "${pids[@]}"; do
    wait "$pid" || failed=1
done
if [ -n "$all" ]; then
    export PYTHONDONTWRITEBYTECODE=1
    "$build/tests/faults/fault-powercut" || failed=1
    "$build/tests/faults/fault-fleet" || failed=1
    "$build/tests/faults/fault-fleet" --outage 30000 || failed=1
    for transport in paho native; do
        "$root/tests/faults/schedules.py" --seeds 1..1000 --transport $transport --build "$build" || failed=1
    done
    "$root/tests/faults/kill.py" --kills 500 --build "$build" || failed=1
    for durability in full relaxed; do
        "$root/tests/faults/kill_service.py" --rounds 200 --durability $durability --build "$build" || failed=1
    done
fi
[ $failed -eq 0 ] && echo "every claim holds" || echo "some claims are broken, see above"
exit $failed
