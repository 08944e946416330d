#!/usr/bin/env bash
# Which lines and branches the unit and sim tests reach, by layer; exits 1 below the limits.
#
#   tests/tools/coverage.sh [--build-dir DIR] [--jobs N] [--no-install] [--report-only]
#
# Report of every line: DIR/html/index.html (DIR is build/coverage unless told).
# --report-only takes the counts that the last run left.
#
# What counts: every line and every branch of a condition (each operand of && and || both ways, each case of a switch)
# in src/{base,mqtt,proto,queue,client}, as clang's source-based coverage tells them. Files and functions that no test
# links count as uncovered. What only a build without some parts has (spoke/features.h) is reached in such a build, by
# test_left_out. The corpora of the fuzz targets and the system tests are not run: what they reach they
# do not assert. Nothing is left out by markers in the sources. Compiled with NDEBUG: an assert is a claim that its
# condition holds, so the other way has no test.
set -euo pipefail

layers=(base mqtt proto queue client)
min_lines=100
min_branches=95

root=$(cd "$(dirname "$0")/../.." && pwd)
build="$root/build/coverage"
jobs=$(nproc)
install=yes
run=yes
while [ $# -gt 0 ]; do
    case "$1" in
        --build-dir) build=$2; shift 2 ;;
        --jobs) jobs=$2; shift 2 ;;
        --no-install) install=no; shift ;;
        --report-only) run=no; install=no; shift ;;
        -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
        *) echo "coverage.sh: unknown option $1 (try --help)" >&2; exit 2 ;;
    esac
done

# shellcheck source=tests/tools/packages.sh
. "$root/tests/tools/packages.sh"
[ "$install" = no ] ||
    install_missing "${spoke_build_packages[@]}" "${spoke_test_packages[@]}" "${spoke_clang_packages[@]}" llvm

instrument="-O1 -g -DNDEBUG -fprofile-instr-generate -fcoverage-mapping"
mkdir -p "$build"
failed=0

# A build without some parts, by these compiler flags, and what its test reaches.
left_out() {
    local folder="$build/without-$1"
    cmake -S "$root" -B "$folder" -G Ninja -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=None -DSPOKE_SAMPLES=OFF \
        -DCMAKE_C_FLAGS="$instrument $2" >"$folder.log" || { cat "$folder.log"; exit 2; }
    ninja -C "$folder" -j"$jobs" --quiet test_left_out
    LLVM_PROFILE_FILE="$folder/profraw" "$folder/tests/test_left_out" >"$folder.log" 2>&1 ||
        { cat "$folder.log"; failed=1; }
    llvm-profdata merge -sparse -o "$folder/profdata" "$folder/profraw"
}

if [ "$run" = yes ]; then
    cmake -S "$root" -B "$build" -G Ninja -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=None -DSPOKE_SAMPLES=OFF \
        -DCMAKE_C_FLAGS="$instrument" >"$build/configure.log" ||
        { cat "$build/configure.log"; exit 2; }
    mapfile -t tests < <(ctest --test-dir "$build" -N | sed -nE 's,^ *Test +#[0-9]+: (unit|sim)/,,p')
    ninja -C "$build" -j"$jobs" --quiet "${tests[@]}"
    # llvm-cov reads no archives: one file of every object of the library, linked by some test or not.
    clang -shared -fprofile-instr-generate -o "$build/every.so" \
        -Wl,--whole-archive "$build/tests/libspoke_inside.a" -Wl,--no-whole-archive
    # Each program merges into a file of its own, also when it runs more than once.
    rm -rf "$build/profiles"
    LLVM_PROFILE_FILE="$build/profiles/%m.profraw" ctest --test-dir "$build" -R '^(unit|sim)/' --parallel "$jobs" \
        --timeout 300 --output-on-failure --no-tests=error >"$build/tests.log" || failed=$?
    tail -n 5 "$build/tests.log"
    [ "$failed" = 0 ] || grep -E '\*\*\*|^\[  FAILED' "$build/tests.log" >&2
    llvm-profdata merge -sparse -o "$build/all.profdata" "$build"/profiles/*.profraw
    left_out telemetry "-DSPOKE_FEATURES_FILE='\"$root/tests/size/features_telemetry.h\"'"
    left_out commands -DSPOKE_WITH_COMMANDS=0
fi

sources=()
for layer in "${layers[@]}"; do
    [ ! -d "$root/src/$layer" ] || sources+=("$root/src/$layer")
done
counts=(-instr-profile "$build/all.profdata" "$build/every.so")
llvm-cov export "${counts[@]}" "${sources[@]}" >"$build/coverage.json"
llvm-cov show "${counts[@]}" -format html -show-branches count -output-dir "$build/html" "${sources[@]}"
for folder in "$build"/without-*/; do
    llvm-cov export -instr-profile "$folder/profdata" "$folder/tests/test_left_out" "${sources[@]}" >"$folder/coverage.json"
done
python3 "$root/tests/tools/coverage.py" "$build" "$root" "$min_lines" "$min_branches" "${layers[@]}" ||
    failed=1
echo "Every line: $build/html/index.html"
exit "$failed"
