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

# never_flagged ID: all that the device has sent so far is of its template, with the types that this has.
never_flagged() {
    answers "$1: nothing it says is strange to its template" \
        'it["template"] != "" and it["misfits"] == {"unmodeled": 0, "wrongType": 0}' GET "$(device "$1")"
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
    answers_once "thermostat: a target that is no number does not leave the service" \
        '"expected a number, found text" in it["error"]["message"]' PATCH "$(properties thermostat)" '{"targetTemperature":"warm"}'
    answers_once "thermostat: nor does a command without the request that its template wants" \
        '"getMaxMinReport" in it["error"]["message"]' POST "$(command_of thermostat getMaxMinReport)" '{}'
    answers_once "thermostat: the command answers with the accepted target" \
        'it["responseCode"] == 200 and it["response"] == {"maxTemp": 23}' POST "$(command_of thermostat getMaxMinReport)" \
        '{"request":"2026-01-01T00:00:00Z"}'
    answers "thermostat: the service has found its template" 'it["template"] == "dtmi:com:example:Thermostat:template;1"' \
        GET "/api/devices/thermostat$v"
    never_flagged thermostat
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
    answers_once "controller: a reboot that makes no sense is refused" '"expected a whole number" in it["error"]["message"]' \
        POST "$(command_of controller reboot)" '{"request":"now"}'
    never_flagged controller
    answers_once "controller: a reboot is answered" 'it["responseCode"] == 200' POST "$(command_of controller reboot)" '{"request":3}'
    ends "controller: the reboot ends it cleanly" 0
    prints "controller: it says what was asked" "reboot in 3 s"
    prints "controller: it says which target" "thermostat2: target is now 30"
}

ameba() { echo "/api/devices/ameba/components/$1$v"; } # COMPONENT/WHAT

check_ameba_properties() {
    answers "ameba: all nine components report" \
        'sorted(name for name, part in it["reported"].items() if part["__t"] == "c") == ["audio", "bluetooth", "device_information",
         "gpio", "lcd", "memory", "system", "video", "wireless"] and it["reported"]["system"]["build_info"]["fw_compiler"] != ""' \
        GET "$(device ameba)"
    answers_once "ameba: a wrong type does not leave the service" \
        '"telemetry_interval" in it["error"]["message"] and "expected a whole number, found text" in it["error"]["message"]' \
        PATCH "$(ameba system/properties)" '{"telemetry_interval":"often"}'
    answers_once "ameba: nor does a property that the template lacks" '"no property" in it["error"]["message"]' \
        PATCH "$(ameba system/properties)" '{"telemetry_intervall":1}'
    request PATCH "$(ameba system/properties)" '{"telemetry_interval":1}' >/dev/null
    request PATCH "$(ameba memory/properties)" '{"telemetry_interval":0}' >/dev/null
    answers "ameba: another interval is acknowledged" \
        'it["reported"]["system"]["telemetry_interval"] == {"value": 1, "ac": 200, "av": 2}' GET "$(device ameba)"
    answers "ameba: an interval that makes no sense is rejected by the device" \
        'it["reported"]["memory"]["telemetry_interval"]["ac"] == 400' GET "$(device ameba)"
}

check_ameba_pins() {
    local pin='"pinmux":{"port_num":0,"pin_num":3}'
    answers_once "ameba: an enum value that the template lacks does not leave the service" \
        '".pinmux.port_num: expected one of 0, 1" in it["error"]["message"]' POST "$(ameba gpio/commands/gpio_set)" \
        '{"request":{"pinmux":{"port_num":2,"pin_num":3}}}'
    answers_once "ameba: an object without fields that the command needs is refused by the device" \
        'it["responseCode"] == 400 and "pin_mode" in it["response"]' POST "$(ameba gpio/commands/gpio_set)" "{\"request\":{$pin}}"
    answers_once "ameba: an input cannot be written" 'it["responseCode"] == 409' POST "$(ameba gpio/commands/gpio_write)" \
        "{\"request\":{$pin,\"value\":1}}"
    answers_once "ameba: a pin becomes an output" 'it["responseCode"] == 200' POST "$(ameba gpio/commands/gpio_set)" \
        "{\"request\":{$pin,\"pin_mode\":0,\"pin_direction\":1}}"
    prints "ameba: it calls pin and mode as the template does" "pin PA3 is now an output, pullnone"
    answers_once "ameba: it is switched on" 'it["responseCode"] == 200' POST "$(ameba gpio/commands/gpio_write)" \
        "{\"request\":{$pin,\"value\":1}}"
    answers_once "ameba: and reads so" 'it["response"] == 1' POST "$(ameba gpio/commands/gpio_read)" \
        '{"request":{"port_num":0,"pin_num":3}}'
}

check_ameba_radio() {
    answers_once "ameba: a scan is answered when it is done, with a list of objects" \
        'it["responseCode"] == 200 and [(n["idx"], n["channel"], n["ssid"]) for n in it["response"]] == [(1, 6, "workshop"),
         (3, 1, "visitors")]' POST "$(ameba wireless/commands/wifi_scan)" '{"request":[1,6]}'
    answers_once "ameba: nothing is pinged without a network" 'it["responseCode"] == 409' \
        POST "$(ameba wireless/commands/ping)" '{"request":{"host_address":"192.168.1.100"}}'
    answers_once "ameba: it joins a network" 'it["responseCode"] == 200' POST "$(ameba wireless/commands/wifi_connect)" \
        '{"request":{"ssid":"workshop","passphrase":"not a secret"}}'
    answers "ameba: and tells of it, but not the passphrase" \
        'it["value"]["sta_mode_setting"] == {"ssid": "workshop", "channel": 6, "security": "WPA2/AES"}' \
        GET "$(ameba wireless/telemetry/wifi_info)"
    answers_once "ameba: a ping is answered" 'len(it["response"]["content"]) == 2' POST "$(ameba wireless/commands/ping)" \
        '{"request":{"host_address":"192.168.1.100","number":2}}'
}

check_ameba_firmware() {
    answers_once "ameba: it has no newer firmware at first" 'it["responseCode"] == 409' \
        POST "$(ameba system/commands/switch_to_upgraded_image)" '{}'
    answers_once "ameba: a download is answered when it is done" 'it["responseCode"] == 200' \
        POST "$(ameba wireless/commands/ota)" '{"request":{"ip_address":"192.168.1.100","port":8082}}'
    answers_once "ameba: it switches to what it has fetched" 'it["responseCode"] == 200' \
        POST "$(ameba system/commands/switch_to_upgraded_image)" '{}'
    answers "ameba: it comes back with other firmware" 'it["reported"]["device_information"]["fw_version"] == "2.0.0"' \
        GET "$(device ameba)"
    answers_once "ameba: a reboot at a time is scheduled" 'it["response"] == "2026-01-01T00:00:00+02:00"' \
        POST "$(ameba system/commands/reboot)" '{"request":"2026-01-01T00:00:00+02:00"}'
}

check_ameba() {
    run ameba
    answers "ameba: three components send" \
        '{m["system"]["component"] for m in it} == {"system", "memory", "wireless"}' GET "$(device ameba)/messages"
    check_ameba_properties
    check_ameba_pins
    check_ameba_radio
    check_ameba_firmware
    never_flagged ameba
    kill -TERM "$sample_pid"
    ends "ameba: SIGTERM ends it cleanly" 0
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
    answers_once "hostmon over $1: an interval of 0 does not even leave the service" \
        '"interval" in it["error"]["message"] and "1" in it["error"]["message"]' PATCH "$(properties "$id")" '{"interval":0}'
    answers "hostmon over $1: the health of its connection arrives" \
        'any(m["system"].get("component") == "diagnostics" and json.loads(m["body"])["connects"] >= 1 for m in it)' \
        GET "$(device "$id")/messages"
    answers "hostmon over $1: the library says its version" \
        'it["libraryVersion"] and it["userAgent"] == "hostmon/1.0"' \
        GET "/api/devices/$id/components/diagnostics/properties$v"
    answers_once "hostmon over $1: the library answers getLog" \
        'it["responseCode"] == 200 and len(it["response"]) == 2 and not any("sig=" in line for line in it["response"])' \
        POST "/api/devices/$id/components/diagnostics/commands/getLog$v" '{"request":{"lines":2,"level":"info"}}'
    never_flagged "$id"
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

check_offline() {
    export SPOKE_QUEUE_FILE=$work/offline.queue
    run offline down
    ends "offline: it ends by itself without a network" 0
    prints "offline: all it took is in its file" "0 found, 11 accepted, 0 delivered, 11 wait in the file"
    answers_once "offline: nothing of it has arrived" 'it == []' GET "$(device offline)/messages"
    start offline
    ends "offline: it ends by itself with one" 0
    prints "offline: the next run finds all of it and delivers both" "11 found, 11 accepted, 22 delivered, 0 wait in the file"
    answers "offline: the alarm comes first, what matters least behind the readings" \
        '(lambda kinds: kinds[0] == "hot" and kinds.index("signal") >= 6 and len(kinds) == 22)(
         [list(json.loads(m["body"]))[0] for m in it])' GET "$(device offline)/messages"
    answers_once "offline: what is of one priority comes in order" \
        '[json.loads(m["body"])["temperature"] for m in it if "temperature" in m["body"]] == 2 * [20, 21, 22, 23, 24]' \
        GET "$(device offline)/messages"
    answers_once "offline: what waited tells when it was made, and no id is there twice" \
        'all("creationTimeUtc" in m["system"] for m in it if int(m["system"]["messageId"][8:], 16) <= 11)
         and len({m["system"]["messageId"] for m in it}) == 22' \
        GET "$(device offline)/messages"
}

check_own_mqtt() {
    run own_mqtt
    prints "own_mqtt: it is assigned" "assigned to localhost as own_mqtt"
    prints "own_mqtt: it reads its twin" "twin, version"
    answers_once "own_mqtt: it answers a command" 'it["responseCode"] == 200 and it["response"] == {"maxTemp": 21.5}' \
        POST "$(command_of own_mqtt getMaxMinReport)" '{"request":"2026-01-01T00:00:00Z"}'
    request PATCH "$(properties own_mqtt)" '{"targetTemperature":22}' >/dev/null
    prints "own_mqtt: it sees a change of its twin" '"targetTemperature":22'
    ends "own_mqtt: it ends by itself" 0
    answers "own_mqtt: all five readings arrive" '[json.loads(m["body"])["temperature"] for m in it] == [20.1, 20.2, 20.3, 20.4, 20.5]' \
        GET "$(device own_mqtt)/messages"
}

check_in_process() {
    start in_process
    ends "in_process: it needs no other service" 0
    prints "in_process: what its template lacks does not leave" "refused: "
    prints "in_process: its service finds the template" '"template":"dtmi:com:example:Tested:template;1"'
    prints "in_process: its service saw the message, and that it fits" '"value":21.5}'
}

check_templates() {
    local said
    said=$("$build/spoke-model" check "$models" 2>&1) || fail "templates: spoke-model fails: $said"
    [ -z "$said" ] || fail "templates: spoke-model warns: $said"
    echo "ok: templates: spoke-model has nothing to say against them"
    python3 - "$models/hostmon.json" "$root/src/client/diagnostics.json" <<'PYTHON' || fail "templates: hostmon has other diagnostics"
import json, sys
hostmon, own = (json.load(open(path)) for path in sys.argv[1:])
del own["@context"]
sys.exit(own not in [part["schema"] for part in hostmon["capabilityModel"]["contents"] if part["@type"] == "Component"])
PYTHON
    echo "ok: templates: hostmon's diagnostics are the library's"
    answers "templates: the service has all of them" \
        '{t["capabilityModel"]["@id"] for t in it["value"]} >= {"dtmi:com:example:Thermostat;1", "dtmi:spoke:HostMonitor;1",
         "dtmi:com:example:TemperatureController;1", "dtmi:realtek:rtk_ameba_series;1"}' GET "/api/deviceTemplates$v"
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

start_service --templates "$models" --control --dps-retry-after 1
[ ! -x "$build/spoke-model" ] || check_templates # not there when the build was given another one
check_thermostat
check_controller
check_ameba
check_hostmon native
[ "${2-}" != paho ] || check_hostmon paho
check_runner
check_offline
[ ! -x "$build/samples/own_mqtt" ] || check_own_mqtt
check_in_process
check_bad_input
