#!/usr/bin/env bash
# Runs one sample against a spoke-central of its own:  samples/run.sh thermostat
set -euo pipefail
[ $# -ge 1 ] && [ "$1" != --help ] || { echo "usage: samples/run.sh thermostat|controller|hostmon|own_mqtt|runner [ARGUMENTS]"; exit 2; }
# shellcheck source=samples/service.sh
. "$(dirname "$0")/service.sh"
trap stop_service EXIT
sample=$1
shift

build_everything
start_service
register_device "$sample-1"
"$build/samples/$sample" "$@"
