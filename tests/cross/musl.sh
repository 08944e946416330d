#!/usr/bin/env bash
# Builds with musl what the library and its tests stand on, from Debian's source packages, and installs it into a folder.
#
#   tests/cross/musl.sh FOLDER
set -euo pipefail

folder=$1
sources=(mbedtls cmocka cjson)

[ "$(cat "$folder/complete" 2>/dev/null)" != "${sources[*]}" ] || exit 0
# shellcheck source=tests/tools/deb_source.sh
. "$(dirname "$0")/../tools/deb_source.sh"
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"
for source in "${sources[@]}"; do
    deb_source "$folder" "$source"
done

trap '[ -f complete ] || tail -n 40 ./*.log >&2' EXIT
# folder of the source, then cmake's further arguments
install_here() {
    local source=$1
    shift
    cmake -S "$source" -B "$source/build-musl" -G Ninja -DCMAKE_C_COMPILER=musl-gcc -DCMAKE_BUILD_TYPE=Release \
        -DCMAKE_INSTALL_PREFIX="$folder/root" -DCMAKE_INSTALL_LIBDIR=lib -DBUILD_SHARED_LIBS=OFF "$@" >"$source.log" 2>&1 &&
        cmake --build "$source/build-musl" --target install >>"$source.log" 2>&1
}
install_here mbedtls -DENABLE_PROGRAMS=OFF -DENABLE_TESTING=OFF
install_here cmocka -DWITH_STATIC_LIB=ON -DWITH_EXAMPLES=OFF
install_here cjson -DENABLE_CJSON_TEST=OFF
rm root/lib/*.so* && mv root/lib/libcmocka-static.a root/lib/libcmocka.a # tests are linked statically
echo "${sources[*]}" >complete
