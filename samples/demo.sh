#!/usr/bin/env bash
# This machine as an IoT device: installs what is missing, builds, starts spoke-central on loopback and runs the host
# monitor against it. Ends on Ctrl-C.
#
#   samples/demo.sh [--seconds N] [--transport native|paho]
set -euo pipefail

usage() {
    echo "demo.sh: $1 (try --help)" >&2
    exit 2
}

seconds=1000000
transport=native
while [ $# -gt 0 ]; do
    case "$1" in
        --seconds) seconds=${2-}; shift $(($# > 1 ? 2 : 1)) ;;
        --transport) transport=${2-}; shift $(($# > 1 ? 2 : 1)) ;;
        -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;;
        *) usage "unknown option $1" ;;
    esac
done
[[ $seconds =~ ^[1-9][0-9]{0,6}$ ]] || usage "--seconds takes a whole number from 1 to 9999999"
[[ $transport =~ ^(native|paho)$ ]] || usage "--transport takes native or paho"

# shellcheck source=samples/service.sh
. "$(dirname "$0")/service.sh"
device_pid=""
device_job=""

finish() {
    trap - EXIT
    trap '' INT TERM HUP
    if [ -n "$device_job" ]; then
        kill -INT "$device_pid" 2>/dev/null || true
        wait "$device_job" || true
    fi
    stop_service
}
trap finish EXIT
trap 'exit 0' INT TERM HUP

say() { printf 'service | %s\n' "$*"; }

# A value out of the small JSON objects of the API.
field() { sed -n "s/.*\"$1\" *: *\([^,}]*\).*/\1/p"; }

show_telemetry() {
    local line="" name value
    for name in cpuLoad memoryUsed diskUsed networkReceived networkSent uptime temperature; do
        value=$(api GET "/devices/$SPOKE_DEVICE_ID/telemetry/$name" | field value)
        [ -z "$value" ] || line+=" $name=$(sed 's/\(\.[0-9][0-9]\)[0-9]*/\1/' <<<"$value")"
    done
    [ -z "$line" ] || say "telemetry received:$line"
}

acknowledgement() {
    api GET "/devices/$SPOKE_DEVICE_ID/properties" | grep -o '"interval":{[^}]*"ackCode":[^}]*}'
}

is_acknowledged() { acknowledgement | grep >/dev/null "\"desiredValue\":$1,.*\"ackCode\":"; }

change_property() {
    say "PATCH property interval = $1"
    api PATCH "/devices/$SPOKE_DEVICE_ID/properties" "{\"interval\":$1}" >/dev/null
    eventually 5 is_acknowledged "$1" || true
    say "property acknowledged: $(acknowledgement || echo "not within 5 s")"
}

# The service knows it from the model that the device announced.
show_template() {
    say "template found: $(api GET "/devices/$SPOKE_DEVICE_ID" | field template)"
    say "PATCH property interval = 0, which the template does not allow: $(api PATCH "/devices/$SPOKE_DEVICE_ID/properties" '{"interval":0}' | field message)"
}

call_command() {
    say "POST command snapshot"
    say "command answered: $(api POST "/devices/$SPOKE_DEVICE_ID/commands/snapshot" '{}')"
}

# In a process group of its own, as the service: what it says last is still seen.
start_device() {
    set -m
    "$build/samples/hostmon" --transport "$transport" --seconds "$seconds" 2>&1 | sed -u 's/^/device  | /' &
    device_job=$!
    device_pid=$(jobs -p %%)
    set +m
}

# What the service's log says of the way here: DPS, then the hub.
show_arrival() {
    eventually 30 grep -q ' info hub: .*: connected' "$work/service.log" || true
    local line
    sed -nE 's/^spoke-central info ((dps|hub): .*)/\1/p' "$work/service.log" | while read -r line; do say "$line"; done
}

# The page, by a link that signs in: what stands behind '#' stays in the browser.
link_to_page() {
    local token
    token=$(sed 's/%/%25/g; s/ /%20/g; s/&/%26/g; s/=/%3D/g; s/+/%2B/g' <<<"$SPOKE_API_TOKEN")
    echo "$SPOKE_API_BASE/#token=$token&to=/devices/hostmon-1"
}

has_page() { [ -e "$build/page/page_files.inc" ]; }

show_page() {
    if ! has_page; then
        say "the web page was left out of this build: it needs npm"
        return
    fi
    cat <<EOF

  This machine, live in a browser (the certificate is the service's own, so the browser asks once):

    $(link_to_page)

  or open $SPOKE_API_BASE/ and sign in with the token

    $SPOKE_API_TOKEN

EOF
}

# Again now and then: what device and service say moves it up.
remind_of_page() {
    ! has_page || say "in a browser: $(link_to_page)"
}

build_everything
start_service --templates "$models" --dps-retry-after 1 --log-level info
say "spoke-central listens on $SPOKE_HOST:$SPOKE_MQTT_PORT (MQTT over TLS) and $SPOKE_API_BASE (REST), id scope $SPOKE_ID_SCOPE"
register_device hostmon-1
show_page
start_device
show_arrival
show_template

end=$((SECONDS + seconds))
round=0
while [ $SECONDS -lt $end ] && kill -0 "$device_pid" 2>/dev/null; do
    sleep $((end - SECONDS < 3 ? 1 : 3))
    kill -0 "$device_pid" 2>/dev/null || break
    round=$((round + 1))
    show_telemetry
    [ $((round % 12)) -ne 0 ] || remind_of_page
    [ $((round % 4)) -eq 1 ] || continue
    change_property $((round % 8 == 1 ? 1 : 3))
    call_command
done
job=$device_job
wait "$job" || { device_job=""; echo "the device stopped with an error; the service said:" >&2; cat "$work/service.log" >&2; exit 1; }
device_job=""
say "properties reported: $(api GET "/devices/$SPOKE_DEVICE_ID/properties" | sed 's/,"\$metadata".*//; s/$/}/')"
