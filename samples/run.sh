#!/usr/bin/env bash
# Runs one sample against a spoke-central of its own:  samples/run.sh thermostat
set -euo pipefail

usage() { echo "usage: samples/run.sh thermostat|controller|ameba|hostmon|own_mqtt|runner|offline [ARGUMENTS]"; }
case "${1-}" in
    thermostat | controller | ameba | hostmon | own_mqtt | runner | offline) ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
esac
# shellcheck source=samples/service.sh
. "$(dirname "$0")/service.sh"
trap stop_service EXIT
sample=$1
shift

# invite PATH [BODY]: what to type elsewhere while the sample runs.
invite() {
    local sent=""
    [ $# -lt 2 ] || sent="--data '$2' "
    echo "    curl -K $work/curl $sent'$SPOKE_API_BASE/api/devices/$SPOKE_DEVICE_ID/$1?api-version=2022-07-31'"
}

invite_all() {
    echo "The service knows the device as $SPOKE_DEVICE_ID. Ask it, and call the device, from another terminal:"
    invite properties
    case $sample in
        thermostat) invite commands/getMaxMinReport '{"request":"2026-01-01T00:00:00Z"}' ;;
        controller) invite components/thermostat1/commands/getMaxMinReport '{"request":"2026-01-01T00:00:00Z"}' ;;
        ameba)
            invite components/wireless/commands/wifi_scan '{"request":[1,6]}'
            invite components/gpio/commands/gpio_read '{"request":{"port_num":0,"pin_num":3}}'
            ;;
        hostmon)
            invite commands/snapshot '{}'
            invite components/diagnostics/commands/getLog '{"request":{"lines":10}}'
            ;;
    esac
}

build_everything
[ -x "$build/samples/$sample" ] || { echo "$sample was not built: its library (paho.mqtt.c) was not found" >&2; exit 1; }
start_service --templates "$models"
register_device "$sample-1"
invite_all
if [ "$sample" = offline ]; then # once without a network, then with one
    export SPOKE_QUEUE_FILE=$work/offline.queue
    "$build/samples/offline" down
fi
"$build/samples/$sample" "$@"
