#!/usr/bin/env bash
# Builds with musl what the library and its tests stand on, from Debian's source packages, and installs it into a folder.
#
#   tests/cross/musl.sh FOLDER
set -euo pipefail

folder=$1
sources=(mbedtls cmocka cjson)

[ "$(cat "$folder/complete" 2>/dev/null)" != "${sources[*]}" ] || exit 0
rm -rf "$folder"
mkdir -p "$folder"/apt/state/lists/partial "$folder"/apt/cache/archives/partial
cd "$folder"

# An apt that knows only the sources; this machine's lists stay as they are.
: >apt/status
# shellcheck source=/dev/null
. /etc/os-release
cat >apt/debian.sources <<END
Types: deb-src
URIs: http://deb.debian.org/debian
Suites: $VERSION_CODENAME
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END
source_apt() {
    apt-get -qq -o Dir::State="$folder/apt/state" -o Dir::State::status="$folder/apt/status" \
        -o Dir::Cache="$folder/apt/cache" -o Dir::Etc::sourcelist="$folder/apt/debian.sources" \
        -o Dir::Etc::sourceparts=- -o APT::Sandbox::User="$(id -un)" "$@"
}
source_apt update
source_apt source "${sources[@]}" >apt/source.log 2>&1 || { cat apt/source.log >&2; exit 1; }

trap '[ -f complete ] || tail -n 40 ./*.log >&2' EXIT
# folder of the source, then cmake's further arguments
install_here() {
    local source=$1
    shift
    cmake -S "$source" -B "$source/build-musl" -G Ninja -DCMAKE_C_COMPILER=musl-gcc -DCMAKE_BUILD_TYPE=Release \
        -DCMAKE_INSTALL_PREFIX="$folder/root" -DCMAKE_INSTALL_LIBDIR=lib -DBUILD_SHARED_LIBS=OFF "$@" >"${source%/}.log" 2>&1 &&
        cmake --build "$source/build-musl" --target install >>"${source%/}.log" 2>&1
}
install_here "$(echo mbedtls-*/)" -DENABLE_PROGRAMS=OFF -DENABLE_TESTING=OFF
install_here "$(echo cmocka-*/)" -DWITH_STATIC_LIB=ON -DWITH_EXAMPLES=OFF
install_here "$(echo cjson-*/)" -DENABLE_CJSON_TEST=OFF
rm root/lib/*.so* && mv root/lib/libcmocka-static.a root/lib/libcmocka.a # tests are linked statically
echo "${sources[*]}" >complete
