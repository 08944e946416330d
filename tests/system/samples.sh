#!/usr/bin/env bash
# Every sample against one spoke-central: what it prints, and what the service saw of it.
#
#   tests/system/samples.sh BUILD_FOLDER [paho]        paho: hostmon was built with that transport, too
set -euo pipefail

SPOKE_BUILD_DIR=$(cd "$1" && pwd)
export SPOKE_BUILD_DIR
# shellcheck source=samples/service.sh
. "$(dirname "$0")/../../samples/service.sh"
sample_pid=""

finish() {
    if [ -n "$sample_pid" ] && kill "$sample_pid" 2>/dev/null; then
        wait "$sample_pid" || true
    fi
    stop_service
}
trap finish EXIT

fail() {
    echo "FAILED: $1"
    [ ! -e "$work/answer" ] || { echo "--- the last answer"; head -c 3000 "$work/answer"; echo; }
    [ ! -e "$work/output" ] || { echo "--- what the sample printed"; cat "$work/output"; }
    echo "--- what the service logged"
    cat "$work/service.log"
    exit 1
}

# run NAME [ARGUMENTS]: a sample in the background, as a device of its own name.
run() {
    register_device "$1"
    start "$@"
}

start() {
    "$build/samples/$1" "${@:2}" >"$work/output" 2>&1 &
    sample_pid=$!
}

stop() {
    kill -TERM "$sample_pid"
    wait "$sample_pid" || true
    sample_pid=""
}

# ends CLAIM CODE: the sample ends by itself, with that exit status, within 20 s.
ends() {
    eventually 20 sample_is_gone || fail "$1: it still runs"
    local code=0
    wait "$sample_pid" || code=$?
    sample_pid=""
    [ "$code" -eq "$2" ] || fail "$1: exit status $code"
    echo "ok: $1"
}

sample_is_gone() { ! kill -0 "$sample_pid" 2>/dev/null; }

# prints CLAIM TEXT: the sample prints it, sooner or later.
prints() {
    eventually 20 grep -qF -- "$2" "$work/output" || fail "$1"
    echo "ok: $1"
}

# answers CLAIM EXPRESSION METHOD PATH [BODY]: sooner or later the service's answer `it` makes the expression true.
answers() {
    eventually 20 answer_is "${@:2}" || fail "$1"
    echo "ok: $1"
}

answer_is() {
    request "${@:2}" >"$work/answer" && python3 - "$1" "$work/answer" <<'PYTHON'
import json, sys
try:
    it = json.load(open(sys.argv[2]))
    sys.exit(not eval("(" + sys.argv[1] + ")"))
except (ValueError, KeyError, IndexError, TypeError):
    sys.exit(1)
PYTHON
}

# answers_once: the same with one request, for what must not be asked twice.
answers_once() {
    answer_is "${@:2}" || fail "$1"
    echo "ok: $1"
}

v='?api-version=2022-07-31'
device() { echo "/control/devices/$1"; }
properties() { echo "/api/devices/$1/properties$v"; }
command_of() { echo "/api/devices/$1/commands/$2$v"; }

check_thermostat() {
    run thermostat
    answers "thermostat: temperature arrives, as JSON, of the announced model" \
        'json.loads(it[0]["body"]) == {"temperature": 20.8} and it[0]["system"]["contentType"] == "application/json"
         and it[0]["system"]["dtDataschema"] == "dtmi:com:example:Thermostat;1"' GET "$(device thermostat)/messages"
    request PATCH "$(properties thermostat)" '{"targetTemperature":22.5}' >/dev/null
    answers "thermostat: a target of 22.5 is acknowledged" \
        'it["reported"]["targetTemperature"] == {"value": 22.5, "ac": 200, "av": it["desiredVersion"]}' GET "$(device thermostat)"
    request PATCH "$(properties thermostat)" '{"targetTemperature":41}' >/dev/null
    answers "thermostat: 41 degrees are rejected with a reason" \
        'it["reported"]["targetTemperature"]["ac"] == 400 and it["reported"]["targetTemperature"]["av"] == it["desiredVersion"]
         and "40 degrees" in it["reported"]["targetTemperature"]["ad"]' GET "$(device thermostat)"
    answers_once "thermostat: a command without the request that its template wants is refused" \
        'it["responseCode"] == 400 and "getMaxMinReport" in it["response"]' POST "$(command_of thermostat getMaxMinReport)" '{}'
    answers_once "thermostat: the command answers with the accepted target" \
        'it["responseCode"] == 200 and it["response"] == {"maxTemp": 23}' POST "$(command_of thermostat getMaxMinReport)" \
        '{"request":"2026-01-01T00:00:00Z"}'
    answers "thermostat: its readings follow the accepted target" 'it["value"] == 22.3' \
        GET "/api/devices/thermostat/telemetry/temperature$v"
    stop
}

check_controller() {
    run controller
    answers "controller: both thermostats and the device itself send" \
        '{(m["system"].get("component"), *json.loads(m["body"])) for m in it} >=
         {("thermostat1", "temperature"), ("thermostat2", "temperature"), (None, "workingSet")}' GET "$(device controller)/messages"
    answers "controller: it reports its serial number and device information" \
        'it["reported"]["serialNumber"] == "TC-0001" and it["reported"]["deviceInformation"]["__t"] == "c"
         and it["reported"]["deviceInformation"]["manufacturer"] == "Example"' GET "$(device controller)"
    request PATCH "/api/devices/controller/components/thermostat2/properties$v" '{"targetTemperature":30}' >/dev/null
    answers "controller: a component's target is acknowledged" \
        'it["reported"]["thermostat2"]["targetTemperature"] == {"value": 30, "ac": 200, "av": it["desiredVersion"]}
         and "targetTemperature" not in it["reported"]["thermostat1"]' GET "$(device controller)"
    answers_once "controller: a component's command is answered" \
        'it["responseCode"] == 200 and it["response"]["maxTemp"] >= it["response"]["minTemp"]' \
        POST "/api/devices/controller/components/thermostat1/commands/getMaxMinReport$v" '{"request":"2026-01-01T00:00:00Z"}'
    answers_once "controller: a reboot that makes no sense is refused" 'it["responseCode"] == 400' \
        POST "$(command_of controller reboot)" '{"request":"now"}'
    answers_once "controller: a reboot is answered" 'it["responseCode"] == 200' POST "$(command_of controller reboot)" '{"request":3}'
    ends "controller: the reboot ends it cleanly" 0
    prints "controller: it says what was asked" "reboot in 3 s"
    prints "controller: it says which target" "thermostat2: target is now 30"
}

check_hostmon() { # TRANSPORT
    local id=hostmon-$1
    register_device "$id"
    start hostmon --transport "$1" --seconds 600
    prints "hostmon over $1: it says which transport" "transport $1"
    prints "hostmon over $1: it gets READY" "SYNCING -> READY"
    answers "hostmon over $1: this machine's figures arrive" \
        'set(json.loads(it[0]["body"])) >= {"cpuLoad", "memoryUsed", "diskUsed", "networkReceived", "networkSent", "uptime"}
         and 0 < json.loads(it[0]["body"])["memoryUsed"]' GET "$(device "$id")/messages"
    answers "hostmon over $1: it reports this machine" \
        'it["reported"]["kernel"] == '"'$(uname -r)'"' and it["reported"]["memoryTotal"] > 0' GET "$(device "$id")"
    request PATCH "$(properties "$id")" '{"interval":1}' >/dev/null
    answers "hostmon over $1: another interval is acknowledged" \
        'it["reported"]["interval"] == {"value": 1, "ac": 200, "av": it["desiredVersion"]}' GET "$(device "$id")"
    request PATCH "$(properties "$id")" '{"interval":0}' >/dev/null
    answers "hostmon over $1: an interval of 0 is rejected" 'it["reported"]["interval"]["ac"] == 400' GET "$(device "$id")"
    answers_once "hostmon over $1: the snapshot is answered" 'it["responseCode"] == 200 and it["response"]["memoryUsed"] > 0' \
        POST "$(command_of "$id" snapshot)" '{}'
    kill -TERM "$sample_pid"
    ends "hostmon over $1: SIGTERM ends it cleanly" 0
    prints "hostmon over $1: it says goodbye" "CLOSING -> IDLE: closed"
}

check_runner() {
    run runner
    ends "runner: it ends by itself" 0
    prints "runner: it knows that all arrived" "20 messages sent and acknowledged"
    answers "runner: all 20 arrive, in order" '[json.loads(m["body"])["count"] for m in it] == list(range(20))' GET "$(device runner)/messages"
}

check_own_mqtt() {
    run own_mqtt
    prints "own_mqtt: it is assigned" "assigned to localhost as own_mqtt"
    prints "own_mqtt: it reads its twin" "twin, version"
    answers_once "own_mqtt: it answers a command" 'it["responseCode"] == 200 and it["response"] == {"maxTemp": 21.5}' \
        POST "$(command_of own_mqtt getMaxMinReport)" '{}'
    request PATCH "$(properties own_mqtt)" '{"targetTemperature":22}' >/dev/null
    prints "own_mqtt: it sees a change of its twin" '"targetTemperature":22'
    ends "own_mqtt: it ends by itself" 0
    answers "own_mqtt: all five readings arrive" '[json.loads(m["body"])["temperature"] for m in it] == [20.1, 20.2, 20.3, 20.4, 20.5]' \
        GET "$(device own_mqtt)/messages"
}

check_in_process() {
    start in_process
    ends "in_process: it needs no other service" 0
    prints "in_process: its service saw the message" '"value":21.5'
}

check_bad_input() {
    local wrong_key=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=
    register_device nobody
    start hostmon --transport pigeon
    ends "an unknown transport is a usage error" 2
    prints "the usage is shown" "usage: hostmon"
    start hostmon --seconds soon
    ends "a number of seconds that is none is a usage error" 2
    SPOKE_DEVICE_KEY="$wrong_key" start thermostat
    prints "a wrong key is explained" "check registration id, device key and clock"
    stop
    SPOKE_DEVICE_KEY="$wrong_key" start hostmon --seconds 1
    ends "a sample that never connected fails" 1
    SPOKE_DEVICE_KEY="not a key" start thermostat
    ends "a key that is none fails at once" 1
    prints "a key that is none is explained" "not the base64 text of a key"
    SPOKE_CA_FILE=/nowhere/ca.pem start thermostat
    ends "a CA file that is not there fails at once" 1
}

start_service --control --dps-retry-after 0
check_thermostat
check_controller
check_hostmon native
[ "${2-}" != paho ] || check_hostmon paho
check_runner
[ ! -x "$build/samples/own_mqtt" ] || check_own_mqtt
check_in_process
check_bad_input
