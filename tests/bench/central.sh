#!/usr/bin/env bash
# spoke-central and mosquitto side by side, measured here and now: messages a second and CPU time at 100 connections
# (relaxed and full), memory of 10,000 idle TLS connections, and the REST API while devices send.
#
#   tests/bench/central.sh [--quick] [--runs N] [--json FILE] [--realtime] [--build-dir DIR] [--no-install]
set -euo pipefail
case "${1:-}" in -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
exec "$(dirname "$0")/run.sh" --only brokers "$@"
