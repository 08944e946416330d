#!/usr/bin/env bash
# What a device pays: flash and RAM by layer on a Cortex-M4, what each switch of features.h saves, the deepest stack of
# each call. Holds them against tests/size/budgets and the tables of docs/footprint.md; --write writes the tables.
# usage: tests/size/run.sh [--no-install] [--write] [--only sizes|switches|stack]
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/tools/packages.sh

args=()
install=true
for arg in "$@"; do
    if [ "$arg" = --no-install ]; then install=false; else args+=("$arg"); fi
done
if $install; then
    install_missing python3 gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm libmbedtls-dev
fi
exec python3 tests/size/size.py "${args[@]}"
