#!/usr/bin/env bash
# Fuzzes every target with libFuzzer, address and undefined behaviour sanitizers; new inputs stay in the build folder.
#
#   tests/fuzz/run.sh [SECONDS_EACH] [TARGET...]        60 s each unless said
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
seconds=${1:-60}
shift || true
# shellcheck source=tests/tools/packages.sh
. "$root/tests/tools/packages.sh"
install_missing "${spoke_build_packages[@]}" "${spoke_test_packages[@]}" "${spoke_clang_packages[@]}"

build="$root/build/fuzz"
cmake -S "$root" -B "$build" -G Ninja -DCMAKE_C_COMPILER=clang -DSPOKE_FUZZERS=ON -DSPOKE_SAMPLES=OFF \
    -DSPOKE_SANITIZE=address,undefined >/dev/null
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    for file in "$root"/tests/fuzz/fuzz_*.c; do
        targets+=("$(basename "$file" .c | sed 's/^fuzz_//')")
    done
fi
for target in "${targets[@]}"; do
    cmake --build "$build" --target "fuzz_$target" >/dev/null
    mkdir -p "$build/corpus/$target"
    "$build/tests/fuzz_$target" -max_total_time="$seconds" -print_final_stats=1 -verbosity=0 \
        -artifact_prefix="$build/$target-" "$build/corpus/$target" "$root/tests/fuzz/corpus/$target" \
        >"$build/$target.log" 2>&1 || { tail -40 "$build/$target.log"; exit 1; }
    echo "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$target.log") runs in $seconds s, no finding"
done
