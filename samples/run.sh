#!/usr/bin/env bash
# Runs one sample against a spoke-central of its own:  samples/run.sh thermostat
set -euo pipefail

usage() { echo "usage: samples/run.sh thermostat|controller|hostmon|own_mqtt|runner [ARGUMENTS]"; }
case "${1-}" in
    thermostat | controller | hostmon | own_mqtt | runner) ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
esac
# shellcheck source=samples/service.sh
. "$(dirname "$0")/service.sh"
trap stop_service EXIT
sample=$1
shift

build_everything
[ -x "$build/samples/$sample" ] || { echo "$sample was not built: its library (paho.mqtt.c) was not found" >&2; exit 1; }
start_service
register_device "$sample-1"
"$build/samples/$sample" "$@"
