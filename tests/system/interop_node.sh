#!/usr/bin/env bash
# The official device SDK for Node.js, as npm has it, against spoke-central.
#
#   tests/system/interop_node.sh BUILD_FOLDER [PACKAGES_FOLDER]
#
# Packages go into PACKAGES_FOLDER (BUILD_FOLDER/interop_node). Exit code 77: Node.js or the registry is not there.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
SPOKE_BUILD_DIR=$(cd "$1" && pwd)
packages=${2:-$SPOKE_BUILD_DIR/interop_node}
export SPOKE_BUILD_DIR

# shellcheck source=samples/service.sh
. "$here/../../samples/service.sh"

skip() {
    echo "Skipped: $1" >&2
    exit 77
}

install_packages() {
    cmp -s "$here/node/package.json" "$packages/installed.json" && return 0
    mkdir -p "$packages"
    cp "$here/node/package.json" "$packages/package.json"
    if ! npm install --prefix "$packages" --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel error \
        --fetch-retries 1 >"$packages/npm.log" 2>&1; then
        grep -qE 'ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|_CERT_|UNABLE_TO_' "$packages/npm.log" &&
            skip "the package registry cannot be reached, or is not trusted here"
        cat "$packages/npm.log" >&2
        return 1
    fi
    mv "$packages/package.json" "$packages/installed.json"
}

command -v node >/dev/null || skip "node is not installed"
command -v npm >/dev/null || skip "npm is not installed"
install_packages
trap stop_service EXIT
start_service --control --dps-retry-after 1
NODE_PATH=$packages/node_modules NODE_EXTRA_CA_CERTS=$SPOKE_CA_FILE node "$here/node/device.js" ||
    { echo "--- what the service said" >&2; cat "$work/service.log" >&2; exit 1; }
