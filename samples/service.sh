# Sourced by samples/demo.sh, samples/run.sh and tests: builds, starts spoke-central on loopback, talks to its API, stops it.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${SPOKE_BUILD_DIR:-$root/build/demo}
work=$(mktemp -d)
service_pid=""
# shellcheck disable=SC2034 # the scripts give the samples' device templates to start_service
models=$root/samples/models

# shellcheck source=tests/tools/packages.sh
. "$root/tests/tools/packages.sh"

build_everything() {
    install_missing "${spoke_build_packages[@]}"
    echo "Building into $build (half a minute or more the first time; build.log there shows how far it is)" >&2
    mkdir -p "$build"
    cmake -S "$root" -B "$build" -G Ninja -DSPOKE_TESTS=OFF >"$build/configure.log" || { cat "$build/configure.log" >&2; return 1; }
    cmake --build "$build" >"$build/build.log" || { tail -40 "$build/build.log" >&2; return 1; }
}

# eventually SECONDS COMMAND...: tries until the command succeeds; fails when it has not by then.
eventually() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.1
    done
}

is_described() {
    grep -qs '^SPOKE_API_TOKEN=' "$work/env" || ! kill -0 "$service_pid" 2>/dev/null
}

# start_service [ARGUMENTS]: reads the service's own description of where it is into SPOKE_* variables. The service
# gets a process group of its own: Ctrl-C then ends the script, and the script ends the device before the service.
start_service() {
    set -m
    "$build/spoke-central" --ephemeral --print-env "$@" >"$work/env" 2>"$work/service.log" &
    service_pid=$!
    set +m
    if ! eventually 10 is_described || ! kill -0 "$service_pid" 2>/dev/null; then
        cat "$work/service.log" >&2
        return 1
    fi
    local name value
    while IFS='=' read -r name value; do
        export "$name=$value"
    done <"$work/env"
    # What curl needs to know, in a file of this folder that only its owner can enter: no process list shows the token.
    printf '%s\n' silent show-error "cacert = \"$SPOKE_CA_FILE\"" "header = \"Authorization: $SPOKE_API_TOKEN\"" \
        'header = "Content-Type: application/json"' 'write-out = "\n"' >"$work/curl"
}

# request METHOD PATH [BODY]: any route of the service, with the token of this run.
request() {
    local body=()
    [ $# -lt 3 ] || body=(--data "$3")
    curl --config "$work/curl" --max-time 40 --request "$1" "${body[@]}" "$SPOKE_API_BASE$2"
}

# api METHOD PATH [BODY]: the REST API.
api() { request "$1" "/api$2?api-version=2022-07-31" "${@:3}"; }

# register_device ID: makes the device and puts its key where the samples look for it.
register_device() {
    api PUT "/devices/$1" "{\"displayName\":\"$1\"}" >/dev/null
    SPOKE_DEVICE_ID=$1
    SPOKE_DEVICE_KEY=$(api GET "/devices/$1/credentials" | sed -n 's/.*"primaryKey" *: *"\([^"]*\)".*/\1/p')
    export SPOKE_DEVICE_ID SPOKE_DEVICE_KEY
    [ -n "$SPOKE_DEVICE_KEY" ] || { echo "the service gave no key for $1" >&2; return 1; }
}

stop_service() {
    if [ -n "$service_pid" ] && kill "$service_pid" 2>/dev/null; then
        wait "$service_pid" || true
    fi
    rm -rf "$work"
}
