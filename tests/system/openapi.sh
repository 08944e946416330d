#!/usr/bin/env bash
# The OpenAPI document of spoke-central against the schema of OpenAPI, by a checker of npm.
#
#   tests/system/openapi.sh BUILD_FOLDER [PACKAGES_FOLDER]
#
# Packages go into PACKAGES_FOLDER (BUILD_FOLDER/openapi). Exit code 77: Node.js or the registry is not there.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
SPOKE_BUILD_DIR=$(cd "$1" && pwd)
packages=${2:-$SPOKE_BUILD_DIR/openapi}
export SPOKE_BUILD_DIR

# shellcheck source=samples/service.sh
. "$here/../../samples/service.sh"

skip() {
    echo "Skipped: $1" >&2
    exit 77
}

install_packages() {
    cmp -s "$here/openapi/package.json" "$packages/installed.json" && return 0
    mkdir -p "$packages"
    cp "$here/openapi/package.json" "$packages/package.json"
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
start_service --control
cp "$here/openapi/check.js" "$packages/check.js" # import() looks for packages beside the script
NODE_EXTRA_CA_CERTS=$SPOKE_CA_FILE node "$packages/check.js"
