#!/usr/bin/env bash
# Shows that a native client with mbedTLS in a static buffer never touches the heap: fetches the distribution's
# mbedTLS source, builds it with its buffer allocator, and runs the heap test on it.
#
#   tests/bench/buffer_alloc.sh [BUILD_DIR]
#
# Nothing outside BUILD_DIR changes.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-$root/build/buffer-alloc}
mkdir -p "$build"
build=$(cd "$build" && pwd)

# shellcheck source=tests/tools/packages.sh
. "$root/tests/tools/packages.sh"
# shellcheck source=tests/tools/deb_source.sh
. "$root/tests/tools/deb_source.sh"
install_missing "${spoke_build_packages[@]}" "${spoke_test_packages[@]}" make

build_mbedtls() {
    rm -rf "$build/mbedtls" "$build/prefix"
    deb_source "$build" mbedtls
    cd "$build/mbedtls"
    # The service in the test's other thread shares the buffer, so it needs the lock.
    for option in MBEDTLS_PLATFORM_MEMORY MBEDTLS_MEMORY_BUFFER_ALLOC_C MBEDTLS_THREADING_C MBEDTLS_THREADING_PTHREAD; do
        python3 scripts/config.py set "$option"
    done
    python3 scripts/config.py set MBEDTLS_MEMORY_ALIGN_MULTIPLE 8
    make -s lib CFLAGS="-O2 -fPIC" >"$build/mbedtls.log" 2>&1 || { tail -n 40 "$build/mbedtls.log"; exit 1; }
    mkdir -p "$build/prefix/lib"
    cp -r include "$build/prefix/"
    cp library/*.a "$build/prefix/lib/"
    cd "$root"
}

[ -f "$build/prefix/lib/libmbedtls.a" ] || build_mbedtls
cmake -S "$root" -B "$build/spoke" -G Ninja -DCMAKE_BUILD_TYPE=Release -DSPOKE_PAHO=OFF -DSPOKE_SAMPLES=OFF \
    -DMBEDTLS_INCLUDE_DIR="$build/prefix/include" -DMBEDTLS_LIBRARY="$build/prefix/lib/libmbedtls.a" \
    -DMBEDX509_LIBRARY="$build/prefix/lib/libmbedx509.a" -DMBEDCRYPTO_LIBRARY="$build/prefix/lib/libmbedcrypto.a" \
    >"$build/configure.log" || { cat "$build/configure.log"; exit 1; }
cmake --build "$build/spoke" --target test_heap >"$build/build.log" || { tail -n 40 "$build/build.log"; exit 1; }
"$build/spoke/tests/test_heap"
