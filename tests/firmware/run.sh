#!/usr/bin/env bash
# Builds the firmware of samples/firmware for a Cortex-M4, boots it in QEMU, converses with it through spoke-central, and
# prints what it takes of flash, RAM and stack.
#
#   tests/firmware/run.sh [--image plain|tls] [--say] [--write] [--no-install] [--build-dir DIR]
#
#   --image       plain: without TLS, by way of a relay that has it; tls: mbedTLS on the target [both, after the port's
#                 byte stream was tried under a threaded lwIP on this machine, and the board's clock in QEMU]
#   --write       put the table of sizes into docs/porting.md
#   --say         show what the device prints
#   --no-install  install no packages
#   --build-dir   [build/firmware]
#
# Ends with 0 only if every claim held. lwIP and mbedTLS are built from the distribution's source packages; without a
# mirror that offers them it says what to do. Takes a few minutes.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
build=$root/build/firmware
images=(plain tls)
port=true
install=true
say=()
write=()

usage() { sed -n '2,/^set /{/^#/{s/^# \?//;p}}' "$0"; }

while [ $# -gt 0 ]; do
    case $1 in
    --image)
        case ${2:-} in
        plain | tls) images=("$2") port=false ;;
        *) usage >&2; exit 2 ;;
        esac
        shift
        ;;
    --write) write=(--write "$root/docs/porting.md") ;;
    --say) say=(--say) ;;
    --no-install) install=false ;;
    --build-dir) build=${2:?--build-dir needs a folder}; shift ;;
    --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
    esac
    shift
done
mkdir -p "$build"
build=$(cd "$build" && pwd)

# shellcheck source=tests/tools/packages.sh
. "$root/tests/tools/packages.sh"
# shellcheck source=tests/tools/deb_source.sh
. "$root/tests/tools/deb_source.sh"

# quietly_build NAME SOURCE_DIR "TARGETS" CMAKE_ARGUMENTS...
quietly_build() {
    local name=$1 source=$2 targets
    read -ra targets <<<"$3"
    shift 3
    mkdir -p "$build/$name"
    {
        cmake -S "$source" -B "$build/$name" -G Ninja "$@" &&
            cmake --build "$build/$name" --target "${targets[@]}"
    } >"$build/$name/log" 2>&1 || { tail -n 40 "$build/$name/log" >&2; return 1; }
}

build_image() {
    quietly_build "$1" "$root/samples/firmware" firmware.elf \
        -DCMAKE_TOOLCHAIN_FILE="$root/samples/firmware/cortex-m4.cmake" -DLWIP_DIR="$build/lwip" \
        -DMBEDTLS_DIR="$build/mbedtls" -DSPOKE_MODEL_EXECUTABLE="$build/host/spoke-model" -DSPOKE_WERROR=ON \
        -DFIRMWARE_TLS="$([ "$1" = tls ] && echo ON || echo OFF)"
}

# Debian's liblwip has no resolver, which the test replaces.
try_port() {
    gcc -DLWIP_DNS=1 -D_GNU_SOURCE -std=c11 -g -Wall -Wextra -Werror -fsanitize=address,undefined -I"$root/include" \
        -isystem /usr/include/lwip "$root/tests/firmware/test_net_lwip.c" "$root/samples/firmware/net_lwip.c" \
        -llwip -lcmocka -lpthread -o "$build/test_net_lwip"
    echo "== the byte stream under a threaded lwIP"
    timeout 120 "$build/test_net_lwip" 2>&1 | grep -E 'FAILED|LeakSanitizer|ERROR|PASSED'
}

try_board() {
    local samples=$root/samples/firmware
    arm-none-eabi-gcc --specs=nano.specs -mcpu=cortex-m4 -mthumb -ffunction-sections -fdata-sections -Os -std=c11 -Wall \
        -Wextra -Werror -I"$samples" "$root/tests/firmware/test_board.c" "$samples/board.c" "$samples/start.c" \
        -nostartfiles -T "$samples/link.ld" -Wl,--gc-sections -o "$build/test_board.elf"
    echo "== the board"
    timeout 60 qemu-system-arm -M mps2-an386 -display none -serial stdio -monitor none -kernel "$build/test_board.elf" \
        -semihosting-config enable=on,target=native </dev/null >"$build/test_board.log" 2>&1 || true # ends by a panic
    grep '^ok' "$build/test_board.log" || { cat "$build/test_board.log" >&2; return 1; }
}

# Whoever takes memory at run time would have to call one of these.
check_no_heap() {
    if arm-none-eabi-nm "$1" | grep -E ' _?(malloc|calloc|realloc|free|sbrk)(_r)?$'; then
        echo "FAILED: the image links the C library's heap" >&2
        return 1
    fi
    echo "ok it links no heap"
}

# Told to end, this script ends at once, but a child of its would go on, with QEMU and the service.
converse() {
    SPOKE_CENTRAL=$build/host/spoke-central python3 "$root/tests/firmware/converse.py" --image "$1" "${say[@]}" "--$2" &
    # shellcheck disable=SC2064 # of this child
    trap "kill $!; wait $!; exit 143" TERM
    wait $!
    trap - TERM
}

if $install; then
    install_missing "${spoke_build_packages[@]}" python3 libcmocka-dev liblwip-dev gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm
fi
if $port; then
    try_port
    try_board
fi
deb_source "$build" lwip
deb_source "$build" mbedtls
echo "Building into $build" >&2
quietly_build host "$root" "spoke-central spoke-model" -DSPOKE_TESTS=OFF -DSPOKE_SAMPLES=OFF -DSPOKE_PAHO=OFF
for image in "${images[@]}"; do
    build_image "$image"
done
for image in "${images[@]}"; do
    echo "== $image"
    elf=$build/$image/firmware.elf
    check_no_heap "$elf"
    converse "$elf" "$image"
done
maps=()
for image in "${images[@]}"; do
    maps+=("$image=$build/$image/firmware.map")
done
python3 "$root/tests/firmware/footprint.py" "${maps[@]}" "${write[@]}"
