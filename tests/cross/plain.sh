#!/usr/bin/env bash
# What docs/porting.md tells a firmware to compile does compile without CMake and with nothing defined, for this machine
# and for a Cortex-M4; and each public header stands alone in C11 and C++17.
#
#   tests/cross/plain.sh FOLDER_FOR_WHAT_IT_NEEDS
set -euo pipefail
mkdir -p "$1/include"
folder=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.."

# mbedTLS's headers and no others of this machine: its C library's would shadow those of the Cortex-M4.
for name in mbedtls psa; do
    ln -sfn "/usr/include/$name" "$folder/include/$name"
done

named=(src/base src/mqtt src/proto src/model src/queue src/crypto src/tls src/transport src/client
    src/port/ram_storage.c src/port/template.c)
files=()
for place in "${named[@]}"; do
    grep -qF "\`$place\`" docs/porting.md || { echo "docs/porting.md no longer names $place" >&2; exit 1; }
    case "$place" in
        *.c) files+=("$place") ;;
        src/transport) files+=("$place"/native*.c) ;;
        *) files+=("$place"/*.c) ;;
    esac
done

strict=(-Wall -Wextra -Wpedantic -Werror)
cortex_m4="arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -Os -Isamples/firmware -DMBEDTLS_CONFIG_FILE=<mbedtls_config.h>"
for compiler in "gcc -O2" "clang -O2" "$cortex_m4"; do
    # shellcheck disable=SC2086
    printf '%s\n' "${files[@]}" | xargs -P 2 -I '{}' $compiler -std=c11 "${strict[@]}" -Iinclude -Isrc \
        -isystem "$folder/include" -c '{}' -o /dev/null
    echo "${#files[@]} files: $compiler"
done

mapfile -t headers < <(find include -name '*.h' | sort)
echo "int main(void) { return 0; }" >"$folder/main.c"
for compiler in "gcc -std=c11" "clang -std=c11" "g++ -std=c++17 -x c++" "clang++ -std=c++17 -x c++"; do
    # shellcheck disable=SC2086
    printf '%s\n' "${headers[@]}" | xargs -P 2 -I '{}' $compiler "${strict[@]}" -Iinclude -include '{}' -fsyntax-only \
        "$folder/main.c"
    echo "${#headers[@]} headers: $compiler"
done
