#!/usr/bin/env bash
# This machine as an IoT device: installs what is missing, builds, starts spoke-central on loopback and runs the host
# monitor against it. Ends on Ctrl-C.
#
#   samples/demo.sh [--seconds N] [--transport native|paho]
set -euo pipefail

seconds=1000000
transport=native
while [ $# -gt 0 ]; do
    case "$1" in
        --seconds) seconds=${2:?--seconds needs a number}; shift 2 ;;
        --transport) transport=${2:?--transport needs native or paho}; shift 2 ;;
        -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;;
        *) echo "demo.sh: unknown option $1 (try --help)" >&2; exit 2 ;;
    esac
done

# shellcheck source=samples/service.sh
. "$(dirname "$0")/service.sh"
device_pid=""

finish() {
    trap - EXIT INT TERM
    if [ -n "$device_pid" ] && kill -INT "$device_pid" 2>/dev/null; then
        wait "$device_pid" || true
    fi
    stop_service
}
trap finish EXIT
trap 'exit 0' INT TERM

say() { printf 'service | %s\n' "$*"; }

# A value out of the small JSON objects of the API.
field() { sed -n "s/.*\"$1\" *: *\([^,}]*\).*/\1/p"; }

show_telemetry() {
    local line="" name value
    for name in cpuLoad memoryUsed diskUsed networkReceived networkSent uptime temperature; do
        value=$(api GET "/devices/$SPOKE_DEVICE_ID/telemetry/$name" | field value)
        [ -z "$value" ] || line+=" $name=$value"
    done
    [ -z "$line" ] || say "telemetry received:$line"
}

change_property() {
    say "PATCH property interval = $1"
    api PATCH "/devices/$SPOKE_DEVICE_ID/properties" "{\"interval\":$1}" >/dev/null
    sleep 1
    say "property acknowledged: $(api GET "/devices/$SPOKE_DEVICE_ID/properties" | grep -o '"interval":{[^}]*}' | tail -1)"
}

call_command() {
    say "POST command snapshot"
    say "command answered: $(api POST "/devices/$SPOKE_DEVICE_ID/commands/snapshot" '{}')"
}

build_everything
start_service --dps-retry-after 1
say "spoke-central listens on $SPOKE_HOST:$SPOKE_MQTT_PORT (MQTT over TLS) and $SPOKE_API_BASE (REST), id scope $SPOKE_ID_SCOPE"
register_device hostmon-1

"$build/samples/hostmon" --transport "$transport" --seconds "$seconds" > >(sed -u 's/^/device  | /') 2>&1 &
device_pid=$!

end=$((SECONDS + seconds))
round=0
while [ $SECONDS -lt $end ] && kill -0 "$device_pid" 2>/dev/null; do
    sleep 3
    round=$((round + 1))
    show_telemetry
    [ $((round % 4)) -ne 1 ] || change_property $((round % 8 == 1 ? 1 : 3))
    [ $((round % 4)) -ne 2 ] || call_command
done
wait "$device_pid" || { echo "the device stopped with an error" >&2; cat "$work/service.log" >&2; exit 1; }
device_pid=""
say "properties reported: $(api GET "/devices/$SPOKE_DEVICE_ID/properties" | sed 's/,"\$metadata".*//')"
