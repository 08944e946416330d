#!/usr/bin/env bash
# The official device SDKs for Node.js, as npm has them, against spoke-central, with azurite for blob storage.
#
#   tests/system/interop_node.sh BUILD_FOLDER [PACKAGES_FOLDER]
#
# Packages go into PACKAGES_FOLDER (BUILD_FOLDER/interop_node), by the lock file, which is made anew with
# npm install --package-lock-only --omit-lockfile-registry-resolved. Exit code 77: Node.js, OpenSSL or the registry is not
# there.
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
    cmp -s "$here/node/package-lock.json" "$packages/installed.json" && return 0
    mkdir -p "$packages"
    cp "$here/node/package.json" "$here/node/package-lock.json" "$packages/"
    if ! npm ci --prefix "$packages" --no-audit --no-fund --ignore-scripts --loglevel error --fetch-retries 1 \
        >"$packages/npm.log" 2>&1; then
        grep -qE 'ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|_CERT_|UNABLE_TO_' "$packages/npm.log" &&
            skip "the package registry cannot be reached, or is not trusted here"
        cat "$packages/npm.log" >&2
        return 1
    fi
    cp "$here/node/package-lock.json" "$packages/installed.json"
}

run_script() {
    NODE_PATH=$packages/node_modules NODE_EXTRA_CA_CERTS=$SPOKE_CA_FILE node "$here/node/$1" ||
        { echo "--- what the service said" >&2; cat "$work/service.log" >&2; exit 1; }
}

command -v node >/dev/null || skip "node is not installed"
command -v npm >/dev/null || skip "npm is not installed"
command -v openssl >/dev/null || skip "openssl is not installed"
install_packages
trap stop_service EXIT
start_service --control --dps-retry-after 1
run_script device.js
run_script enrolment.js
