#!/usr/bin/env bash
# Installs what is missing, builds, runs every test and prints the summary.
#
#   tests/run.sh [--build-dir DIR] [--compiler gcc|clang] [--sanitize LIST] [--filter REGEX] [--no-install]
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
build=""
compiler=gcc
sanitize=""
filter=""
install=yes

while [ $# -gt 0 ]; do
    case "$1" in
        --build-dir) build=$2; shift 2 ;;
        --compiler) compiler=$2; shift 2 ;;
        --sanitize) sanitize=$2; shift 2 ;;
        --filter) filter=$2; shift 2 ;;
        --no-install) install=no; shift ;;
        -h | --help) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 0 ;;
        *) echo "tests/run.sh: unknown option $1 (try --help)" >&2; exit 2 ;;
    esac
done

# shellcheck source=tests/tools/packages.sh
. "$root/tests/tools/packages.sh"
if [ "$install" = yes ]; then
    install_missing "${spoke_build_packages[@]}" "${spoke_test_packages[@]}"
    [ "$compiler" != clang ] || install_missing "${spoke_clang_packages[@]}"
fi

[ -n "$build" ] || build="$root/build/test-$compiler${sanitize:+-${sanitize//,/-}}"
mkdir -p "$build"
cmake -S "$root" -B "$build" -G Ninja -DCMAKE_C_COMPILER="$compiler" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_C_FLAGS_RELWITHDEBINFO="-O2 -g" \
    -DSPOKE_WERROR=ON -DSPOKE_SANITIZE="$sanitize" >"$build/configure.log" || { cat "$build/configure.log"; exit 1; }
failed_status=0
quiet=()
[ -t 1 ] || quiet=(-- --quiet) # no progress lines where nobody watches
cmake --build "$build" "${quiet[@]}"
ctest --test-dir "$build" --output-on-failure --parallel 2 --timeout 300 ${filter:+-R "$filter"} | tee "$build/summary.log" ||
    failed_status=$?

# The closing line, in a form that is easy to read for people and machines.
skipped=$(grep -c '(Skipped)$' "$build/summary.log" || true)
sed -nE 's/^([0-9]+)% tests passed, ([0-9]+) tests failed out of ([0-9]+)$/\2 \3/p' "$build/summary.log" |
    { read -r failed total && echo "$((total - failed - skipped)) passed, $failed failed, $skipped skipped"; }
exit "$failed_status"
