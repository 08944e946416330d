#!/usr/bin/env bash
# Installs what is missing, builds for speed, and prints what a message costs on each transport, measured here and now.
#
#   tests/bench/run.sh [--quick] [--runs N] [--only NAMES] [--json FILE] [--send-bytes N] [--realtime] [--build-dir DIR]
#       [--no-install]
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
build="$root/build/bench"
install=yes
measure=()

while [ $# -gt 0 ]; do
    case "$1" in
        --quick | --realtime) measure+=("$1"); shift ;;
        --json | --send-bytes | --only | --runs) measure+=("$1" "$2"); shift 2 ;;
        --build-dir) build=$2; shift 2 ;;
        --no-install) install=no; shift ;;
        -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;;
        *) echo "tests/bench/run.sh: unknown option $1 (try --help)" >&2; exit 2 ;;
    esac
done

bench_packages=(
    libssl-dev openssl # the sink and its certificate
    libmosquitto-dev mosquitto-clients mosquitto # peers
    valgrind           # instructions
    util-linux         # taskset, chrt
)

# shellcheck source=tests/tools/packages.sh
. "$root/tests/tools/packages.sh"
if [ "$install" = yes ]; then
    install_missing "${spoke_build_packages[@]}" "${spoke_test_packages[@]}" "${bench_packages[@]}"
fi

# Release and optimised over all files, as who wants speed builds it; -g tells callgrind whose code it counts and changes
# no instruction.
mkdir -p "$build"
cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_INTERPROCEDURAL_OPTIMIZATION=ON \
    -DCMAKE_C_FLAGS=-g >"$build/configure.log" || { cat "$build/configure.log"; exit 1; }
cmake --build "$build" --target bench_programs >"$build/build.log" || { tail -n 40 "$build/build.log"; exit 1; }
python3 -B "$root/tests/bench/measure.py" --build "$build" "${measure[@]}"
[[ " ${measure[*]} " == *" brokers "* ]] && exit 0 # central.sh
echo
echo "Holding a message to a template of 300 capabilities, beside building it:"
"$build/tests/bench/bench_model"
