#!/usr/bin/env bash
# Shows that a native client with mbedTLS in a static buffer never touches the heap: fetches the distribution's
# mbedTLS source, builds it with its buffer allocator, and runs the heap test on it.
#
#   tests/bench/buffer_alloc.sh [BUILD_DIR]
#
# The source comes from the mirror that this machine's apt already trusts. Nothing outside BUILD_DIR changes.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-$root/build/buffer-alloc}
mkdir -p "$build"
build=$(cd "$build" && pwd)

# shellcheck source=tests/tools/packages.sh
. "$root/tests/tools/packages.sh"
install_missing "${spoke_build_packages[@]}" "${spoke_test_packages[@]}" make

# The mirror of the distribution itself, as apt has it for binaries, once more for sources.
source_line() {
    local codename uri keys=/usr/share/keyrings/debian-archive-keyring.gpg
    # shellcheck source=/dev/null
    codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
    uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' \
        "Codename: $codename" 2>/dev/null | head -n 1)
    [ -z "$uri" ] || echo "deb-src $([ ! -f "$keys" ] || echo "[signed-by=$keys]") $uri $codename main"
}

fetch() {
    mkdir -p "$build/apt/lists/partial" "$build/apt/cache/archives/partial"
    source_line >"$build/apt/sources.list"
    [ -s "$build/apt/sources.list" ] || { echo "apt knows no source of the distribution itself" >&2; exit 1; }
    local private=(-o Dir::Etc::sourcelist="$build/apt/sources.list" -o Dir::Etc::sourceparts=-
        -o Dir::State::lists="$build/apt/lists" -o Dir::Cache="$build/apt/cache" -o APT::Sandbox::User=root)
    apt-get "${private[@]}" -qq update
    (cd "$build" && apt-get "${private[@]}" -qq source --download-only mbedtls)
}

build_mbedtls() {
    rm -rf "$build/mbedtls" "$build/prefix"
    mkdir "$build/mbedtls"
    tar -xf "$build"/mbedtls_*.orig.tar.* -C "$build/mbedtls" --strip-components=1
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

[ -n "$(ls "$build"/mbedtls_*.orig.tar.* 2>/dev/null)" ] || fetch
[ -f "$build/prefix/lib/libmbedtls.a" ] || build_mbedtls
cmake -S "$root" -B "$build/spoke" -G Ninja -DCMAKE_BUILD_TYPE=Release -DSPOKE_PAHO=OFF -DSPOKE_SAMPLES=OFF \
    -DMBEDTLS_INCLUDE_DIR="$build/prefix/include" -DMBEDTLS_LIBRARY="$build/prefix/lib/libmbedtls.a" \
    -DMBEDX509_LIBRARY="$build/prefix/lib/libmbedx509.a" -DMBEDCRYPTO_LIBRARY="$build/prefix/lib/libmbedcrypto.a" \
    >"$build/configure.log" || { cat "$build/configure.log"; exit 1; }
cmake --build "$build/spoke" --target test_heap >"$build/build.log" || { tail -n 40 "$build/build.log"; exit 1; }
"$build/spoke/tests/test_heap"
