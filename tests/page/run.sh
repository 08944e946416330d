#!/usr/bin/env bash
# The web page in Chromium, against a service with this machine as its device.
#
#   tests/page/run.sh BUILD_FOLDER [NODE_TEST_ARGUMENTS]
#
# Screenshots of each view go into BUILD_FOLDER/page_screenshots. SPOKE_PAGE_PARTS names some of page, manage, views,
# safety and look, in place of all. Exit code 77: Node.js, Chromium, the registry or the page itself is not there.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
SPOKE_BUILD_DIR=$(cd "$1" && pwd)
shift
packages=$SPOKE_BUILD_DIR/page_tests
export SPOKE_BUILD_DIR

# shellcheck source=samples/service.sh
. "$here/../../samples/service.sh"

skip() {
    echo "Skipped: $1" >&2
    exit 77
}

install_packages() {
    cmp -s "$here/package-lock.json" "$packages/installed.json" && return 0
    mkdir -p "$packages"
    cp "$here/package.json" "$here/package-lock.json" "$packages/"
    if ! npm ci --prefix "$packages" --no-audit --no-fund --ignore-scripts --loglevel error --fetch-retries 1 \
        >"$packages/npm.log" 2>&1; then
        grep -qE 'ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|_CERT_|UNABLE_TO_' "$packages/npm.log" &&
            skip "the package registry cannot be reached, or is not trusted here"
        cat "$packages/npm.log" >&2
        return 1
    fi
    cp "$packages/package-lock.json" "$packages/installed.json"
}

command -v node >/dev/null || skip "node is not installed"
command -v npm >/dev/null || skip "npm is not installed"
CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
[ -n "$CHROMIUM" ] || skip "chromium is not installed"
[ -e "$SPOKE_BUILD_DIR/page/page_files.inc" ] || skip "the service was built without its page"
install_packages

devices=()
finish() {
    trap - EXIT
    for pid in "${devices[@]}"; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" || true
    done
    stop_service
}
trap finish EXIT
trap 'exit 130' INT TERM

# The key that the group's key gives a device.
derived_key() {
    printf '%s' "$1" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$(base64 -d <<<"$SPOKE_GROUP_KEY" | od -An -vtx1 | tr -d ' \n')" -binary | base64
}

# A device that waits for approval asks again after minutes; somebody who is impatient switches it off and on.
switched_off_and_on() {
    local child=""
    trap 'kill "$child"; wait "$child"; exit 0' TERM
    while :; do
        "$build/samples/hostmon" --seconds 15 &
        child=$!
        wait "$child" || true
    done
}

start_service --templates "$models" --dps-retry-after 1 --approve-by-hand
# One that the service does not know, and that waits for approval.
SPOKE_DEVICE_ID=stranger SPOKE_DEVICE_KEY=$(derived_key stranger) switched_off_and_on >"$work/stranger.log" 2>&1 &
devices+=($!)
register_device hostmon-1
"$build/samples/hostmon" >"$work/hostmon.log" 2>&1 &
devices+=($!)
unset SPOKE_DEVICE_KEY SPOKE_GROUP_KEY

export CHROMIUM SPOKE_PAGE_MODELS=$models SPOKE_PAGE_PACKAGES=$packages SPOKE_SCREENSHOTS=$SPOKE_BUILD_DIR/page_screenshots
mkdir -p "$SPOKE_SCREENSHOTS"
for part in ${SPOKE_PAGE_PARTS:-page manage views safety look}; do
    node --test --test-reporter=spec "$@" "$here/$part.test.mjs" || failed=1
done
[ -n "${failed-}" ] || exit 0
tail -n 5 "$work"/*.log >&2
exit 1
