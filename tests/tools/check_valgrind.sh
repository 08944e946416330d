#!/usr/bin/env bash
# Whole sessions under valgrind, simulated and over TLS: no leak, no read of what was never written.
#   tests/tools/check_valgrind.sh [BUILD_DIR]
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-$root/build/test-gcc}
if [ ! -d "$build" ]; then
    cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DSPOKE_WERROR=ON >/dev/null
fi
cmake --build "$build" >/dev/null
check() {
    valgrind --quiet --error-exitcode=1 --leak-check=full --show-leak-kinds=definite,indirect,possible \
        --errors-for-leak-kinds=definite,indirect,possible "$@" >"$build/valgrind.log" 2>&1 || {
        tail -50 "$build/valgrind.log"
        exit 1
    }
    echo "valgrind: $(basename "$*") is clean"
}

check "$build/tests/test_conversation"
check "$build/tests/test_tls"
check "$build/tests/test_session"
check "$build/tests/test_client" '*native'
