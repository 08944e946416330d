#!/usr/bin/env bash
# The fan as a program, tested from a shell script: spoke-central on free ports of loopback, gone without a trace.
#
#   samples/testing/test_fan.sh BUILD_FOLDER
set -euo pipefail

build=$1
work=$(mktemp -d)
pids=()
finish() {
    [ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
    wait
    rm -rf "$work"
}
trap finish EXIT

# Once it is ready it prints NAME=value lines, the token last. They are read, never evaluated.
"$build/spoke-central" --ephemeral --print-env --dps-polls 0 >"$work/env" &
pids+=($!)
until grep -qs '^SPOKE_API_TOKEN=' "$work/env"; do
    kill -0 "${pids[0]}" || exit 1
    sleep 0.1
done
while IFS='=' read -r name value; do export "$name=$value"; done <"$work/env"
(umask 077 && printf '%s\n' silent fail-with-body "cacert = \"$SPOKE_CA_FILE\"" \
    "header = \"Authorization: $SPOKE_API_TOKEN\"" 'header = "Content-Type: application/json"' >"$work/curl")

api() { curl --config "$work/curl" --request "$1" ${3:+--data "$3"} "$SPOKE_API_BASE/api/$2"; }
v=api-version=2022-07-31

# expect WHAT TEXT METHOD PATH [BODY]: the answer has the text, sooner or later.
expect() {
    for _ in $(seq 100); do
        if api "$3" "$4" "${5-}" 2>/dev/null | grep -qF "$2"; then
            echo "ok: $1"
            return
        fi
        sleep 0.1
    done
    echo "FAILED: $1: $(api "$3" "$4" "${5-}")"
    exit 1
}

api PUT "devices/fan-1?$v" '{}' >/dev/null
SPOKE_DEVICE_KEY=$(api GET "devices/fan-1/credentials?$v" | sed -n 's/.*"primaryKey" *: *"\([^"]*\)".*/\1/p')
SPOKE_DEVICE_ID=fan-1 SPOKE_DEVICE_KEY=$SPOKE_DEVICE_KEY "$build/samples/fan" &
pids+=($!)

expect "it sends its temperature" '"value":20' GET "devices/fan-1/telemetry/temperature?$v"
api PATCH "devices/fan-1/properties?$v" '{"limit":15}' >/dev/null
expect "it takes another limit" '"limit":15' GET "devices/fan-1/properties?$v"
expect "it stops when it is told to" '"wasRunning":true' POST "devices/fan-1/commands/stop?$v" '{}'
