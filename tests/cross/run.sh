#!/usr/bin/env bash
# Installs what is missing, builds for other machines and C libraries, and runs the tests there: 32 bit (armhf) and
# big-endian (s390x) in an emulator, and musl; plain: without CMake, also for a Cortex-M4, and the headers in C++.
#
#   tests/cross/run.sh [--build-dir DIR] [--filter REGEX] [--no-install] [armhf|s390x|musl|plain ...]
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
build="$root/build/cross"
filter='^(unit|sim|fuzz)/'
install=yes
machines=()
while [ $# -gt 0 ]; do
    case "$1" in
        --build-dir) build=$2; shift 2 ;;
        --filter) filter=$2; shift 2 ;;
        --no-install) install=no; shift ;;
        armhf | s390x | musl | plain) machines+=("$1"); shift ;;
        -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;;
        *) echo "tests/cross/run.sh: unknown option $1 (try --help)" >&2; exit 2 ;;
    esac
done
[ ${#machines[@]} -gt 0 ] || machines=(plain armhf s390x musl)

# shellcheck source=tests/tools/packages.sh
. "$root/tests/tools/packages.sh"
[ "$install" = no ] || install_missing "${spoke_build_packages[@]}" "${spoke_test_packages[@]}" gcc-arm-linux-gnueabihf \
    gcc-s390x-linux-gnu qemu-user-static musl-tools clang g++ gcc-arm-none-eabi libnewlib-arm-none-eabi

# Claims about real time, which an emulator stretches; sweeps of which it makes many minutes; and fts(3), which loses
# the 64-bit offsets that ext4 gives to a 32-bit program in an emulator.
not_emulated='^(unit/test_(central_shell|queue_log_sweep|central_preload)|sim/test_never_stuck)$'

# folder, then cmake's further arguments
build_tests() {
    local folder=$1
    shift
    mkdir -p "$folder"
    cmake -S "$root" -B "$folder" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
        -DCMAKE_C_FLAGS_RELWITHDEBINFO="-O2 -g" -DSPOKE_WERROR=ON -DSPOKE_SAMPLES=OFF \
        -DSPOKE_PAHO=OFF "$@" >"$folder/configure.log" 2>&1 || { cat "$folder/configure.log"; return 1; }
    cmake --build "$folder" >"$folder/build.log" || { grep -A 20 FAILED "$folder/build.log" | cut -c1-300 | head -n 60; return 1; }
}

# folder, then ctest's further arguments
run_tests() {
    local folder=$1
    shift
    ctest --test-dir "$folder" --output-on-failure --parallel 2 --timeout 600 -R "$filter" "$@" >"$folder/tests.log" ||
        { cat "$folder/tests.log"; return 1; }
    grep 'tests passed' "$folder/tests.log"
}

emulated() {
    local machine=$1 triplet=$2 emulator=$3
    "$root/tests/cross/sysroot.sh" "$machine" "$build/sysroot-$machine"
    build_tests "$build/$machine" -DCMAKE_TOOLCHAIN_FILE="$root/tests/cross/toolchain.cmake" \
        -DCROSS_TRIPLET="$triplet" -DCROSS_SYSROOT="$build/sysroot-$machine/root" -DCROSS_EMULATOR="$emulator"
    run_tests "$build/$machine" -E "$not_emulated"
}

# On this processor; without the service, whose libraries would want a whole distribution.
musl() {
    "$root/tests/cross/musl.sh" "$build/musl-libraries"
    PKG_CONFIG_LIBDIR="$build/musl-libraries/root/lib/pkgconfig" build_tests "$build/musl" -DCMAKE_C_COMPILER=musl-gcc \
        -DCMAKE_FIND_ROOT_PATH="$build/musl-libraries/root" -DCMAKE_FIND_ROOT_PATH_MODE_LIBRARY=ONLY \
        -DCMAKE_FIND_ROOT_PATH_MODE_INCLUDE=ONLY -DCMAKE_FIND_ROOT_PATH_MODE_PACKAGE=ONLY -DSPOKE_CENTRAL=OFF \
        -DCMAKE_EXE_LINKER_FLAGS="-static -L$build/musl-libraries/root/lib"
    run_tests "$build/musl"
}

for machine in "${machines[@]}"; do
    echo "== $machine"
    case "$machine" in
        armhf) emulated armhf arm-linux-gnueabihf qemu-arm-static ;;
        s390x) emulated s390x s390x-linux-gnu qemu-s390x-static ;;
        musl) musl ;;
        plain) "$root/tests/cross/plain.sh" "$build/plain" ;;
    esac
done
