#!/usr/bin/env bash
# What spoke-model says and how it ends, from outside.
#   tests/conformance/tool.sh BUILD
set -uo pipefail
tool=$(cd "$1" && pwd)/spoke-model
models=$(cd "$(dirname "$0")/../data/models" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# expect NAME CODE PIECE COMMAND...: the exit code, and a piece of what is printed on either stream
expect() {
    local name=$1 code=$2 piece=$3 text got
    shift 3
    text=$("$@" 2>&1)
    got=$?
    if [ $got -ne "$code" ] || ! grep -qF -- "$piece" <<<"$text"; then
        printf '%s: expected %s and "%s", got %s:\n%s\n' "$name" "$code" "$piece" $got "$text"
        failed=1
    fi
}

# holds NAME COMMAND...: it ends well
holds() {
    local name=$1
    shift
    "$@" >/dev/null 2>&1 || { echo "$name does not hold"; failed=1; }
}

json() { "$tool" "$@" | python3 -m json.tool; }

cd "$work" || exit 1
expect "help" 0 "spoke-model check" "$tool" --help
expect "no command" 2 "spoke-model check" "$tool"
expect "a wrong command" 2 "there is no command" "$tool" chekc
for command in check show gen diff sample; do
    expect "$command --help" 0 "spoke-model $command" "$tool" $command --help
    expect "$command without a file" 2 "--help" "$tool" $command
    expect "$command with a wrong option" 2 "there is no option --wrong" "$tool" $command --wrong
done
for command in check show sample "gen --list" "diff $models/tree.json"; do
    # shellcheck disable=SC2086
    expect "$command of a file that is not there" 2 "nowhere.json" "$tool" $command nowhere.json
done

# --- check ---
expect "a valid model" 0 "" "$tool" check "$models/thermostat.json"
expect "each file of a folder" 0 "" "$tool" check --each "$models"
expect "standard input" 0 "" bash -c "'$tool' check - < '$models/thermostat.json'"
mkdir empty
expect "an empty folder" 2 "no .json file" "$tool" check empty
sed 's/"double"/"dubble"/' "$models/thermostat.json" >wrong.json
expect "a wrong model" 1 "wrong.json:13:" "$tool" check wrong.json
expect "standard input is named" 1 "standard input:13:" bash -c "'$tool' check - < wrong.json"
expect "a wrong model as JSON" 1 '"line": 13' "$tool" check --json wrong.json
expect "a valid model as JSON" 0 '"valid": true' "$tool" check --json "$models/thermostat.json"
"$tool" check --json wrong.json >wrong.report
holds "check --json" python3 -m json.tool wrong.report
printf '{"@id":' >broken.json
expect "broken JSON" 1 "broken.json:1:" "$tool" check broken.json
expect "a later version than allowed" 1 "error" "$tool" check --max-version 3 "$models/tree.json"
expect "a wrong max version" 2 "cannot be 7" "$tool" check --max-version 7 "$models/tree.json"
expect "a template is central" 0 "" "$tool" check "$models/pump_template.json"
expect "a template is not strict" 1 "error" "$tool" check --profile strict "$models/pump_template.json"
head -c 70000000 /dev/zero >large.json
expect "a file that is too large" 2 "64 MiB" "$tool" check large.json
rm large.json
mkdir -p loop/inside pipes
cp "$models/thermostat.json" loop/inside
ln -s . loop/again
ln -s ../inside loop/inside/back
expect "links to folders are not followed" 0 "" timeout 10 "$tool" check loop
mkfifo pipes/pipe.json
expect "a pipe in a folder is not waited for" 2 "no .json file" timeout 10 "$tool" check pipes
mkdir lost
cp "$models/thermostat.json" lost/a.json
cp wrong.json lost/b.json
ln -s nowhere lost/c.json
expect "a link to nowhere" 2 "lost/c.json: No such file" "$tool" check lost
expect "the others are checked all the same" 2 "lost/b.json:13:" "$tool" check --each lost
"$tool" check --each --json lost >lost.report 2>/dev/null
holds "check --json where a file cannot be read" python3 -m json.tool lost.report
holds "it says so" grep -q '"unread": true' lost.report
expect "two files of one id" 1 "more than once" "$tool" check "$models/thermostat.json" lost/a.json
cp wrong.json "$(printf 'na\377me.json')"
"$tool" check --json "$(printf 'na\377me.json')" >odd.report
holds "check --json of a file name that is no UTF-8" python3 -m json.tool odd.report
for command in "check --json" show sample "gen --list" "diff $models/tree.json"; do
    # shellcheck disable=SC2086
    expect "$command to a full disk" 2 "cannot be written" bash -c "'$tool' $command '$models/thermostat.json' >/dev/full"
done

# --- references ---
mkdir -p repository/dtmi/com/example
cat >host.json <<'END'
{"@context": "dtmi:dtdl:context;2", "@id": "dtmi:com:example:Host;1", "@type": "Interface",
 "contents": [{"@type": "Component", "name": "part", "schema": "dtmi:com:example:Thermostat;1"}]}
END
expect "a missing interface" 1 "dtmi:com:example:Thermostat;1" "$tool" check host.json
expect "a missing interface as JSON" 1 '"missing": ["dtmi:com:example:Thermostat;1"]' "$tool" check --json host.json
cp "$models/thermostat.json" repository/dtmi/com/example/thermostat-1.json
expect "an interface from a repository" 0 "" "$tool" check --models repository host.json
expect "two files as one model" 0 "" "$tool" check host.json "$models/thermostat.json"
cp host.json repository/dtmi/com/example/host-1.json
expect "a file of a repository finds its neighbours" 0 "" "$tool" check repository/dtmi/com/example/host-1.json
(cd repository && expect "also from inside" 0 "" "$tool" check dtmi/com/example/host-1.json; exit $failed) || failed=1

# --- show, sample ---
expect "show" 0 "Property targetTemperature: double Temperature, writable" "$tool" show "$models/thermostat.json"
expect "show inherited members" 0 "from dtmi:com:example:Sensor;1" "$tool" show "$models/temperature_controller.json"
expect "show a schema that contains itself" 0 "(as above)" "$tool" show "$models/tree.json"
python3 - >shared.json <<'END'
import json

fields = lambda schema: [{"name": f"f{at}", "schema": schema} for at in range(30)]
objects = [{"@id": f"dtmi:com:example:O{at};1", "@type": "Object", "fields": fields(f"dtmi:com:example:O{at + 1};1" if at < 4 else "double")}
           for at in range(5)]
print(json.dumps({"@context": "dtmi:dtdl:context;2", "@id": "dtmi:com:example:Shared;1", "@type": "Interface", "schemas": objects,
                  "contents": [{"@type": "Telemetry", "name": "t", "schema": "dtmi:com:example:O0;1"}]}))
END
expect "30^5 fields are shown in time" 0 "(as above)" timeout 5 "$tool" show shared.json
expect "and sampled" 0 '{"t":{}}' timeout 60 "$tool" sample shared.json
expect "and generated" 0 "" timeout 60 "$tool" gen shared.json --out made --self-test
expect "sample" 0 'telemetry temperature: {"temperature":21.5}' "$tool" sample "$models/thermostat.json"
expect "sample keeps ranges" 0 '"speed":100' "$tool" sample "$models/pump_template.json"
for model in "$models"/*.json; do
    holds "sample --json $model" json sample --json "$model"
done

# --- gen ---
expect "gen" 0 "" "$tool" gen "$models/thermostat.json" --out made --depfile made.d
expect "gen makes folders" 0 "" "$tool" gen "$models/thermostat.json" --out made/further/down
holds "all of them" test -s made/further/down/thermostat_model.h
expect "gen to a file" 2 "cannot be written" "$tool" gen "$models/thermostat.json" --out wrong.json
expect "gen from standard input" 0 "" bash -c "'$tool' gen - --out made --depfile in.d <'$models/thermostat.json'"
holds "what has no name is no dependency" test "$(grep -c -- ' -$' in.d)" = 0
echo kept >made/thermostat_model.h
expect "gen that cannot write" 2 "cannot be written" \
    bash -c "ulimit -f 1; trap '' XFSZ; '$tool' gen '$models/temperature_controller.json' --prefix thermostat --out made"
holds "a file that was there is as it was" grep -qx kept made/thermostat_model.h
holds "nothing half-written stays" test -z "$(find made -name '*.tmp')"
"$tool" gen "$models/thermostat.json" --out made
holds "the header was written" test -s made/thermostat_model.h
holds "the source was written" test -s made/thermostat_model.c
holds "the depfile names the source" grep -q "^made/thermostat_model.c:" made.d
holds "the depfile names the model" grep -q "thermostat.json" made.d
expect "gen with a repository" 0 "" "$tool" gen --models repository host.json --out made --depfile host.d
holds "the depfile names what was resolved" grep -q "thermostat-1.json" host.d
expect "gen with a prefix" 0 "hot" "$tool" gen "$models/thermostat.json" --prefix hot --list
expect "gen of one interface" 0 "zone" "$tool" gen "$models/temperature_controller.json" \
    --interface "dtmi:com:example:Zone;1" --list
expect "gen of no interface" 1 "there is no interface" "$tool" gen "$models/thermostat.json" --interface "dtmi:x;1" --list
expect "gen of a wrong model" 1 "wrong.json:13:" "$tool" gen wrong.json --out made
expect "gen without --out" 2 "--out" "$tool" gen "$models/thermostat.json"
expect "gen to where nothing can be written" 2 "cannot be written" "$tool" gen "$models/thermostat.json" --out /proc/none

# --- names: spoke_add_model has to know which files are going to be written ---
cat >prefix.cmake <<END
include($(cd "$models/../../../src/cmake" && pwd)/SpokeModel.cmake)
spoke_model_prefix(prefix "\${NAME}")
message("\${prefix}")
END
for name in Thermostat IPAddress ABCd aBcD HTTPServer2Go x_Y A1B2 a__b spoke Spoke_Thing 2nd my-device _odd_ \
    veryLongNameWithWordWordWordWordWordWordWordWordWordWordWordWordWordWord; do
    prefix=$(cmake -DNAME="$name" -P prefix.cmake 2>&1)
    for given in "$name" "$prefix"; do
        holds "the prefix of $given" test "$prefix" = "$("$tool" gen "$models/thermostat.json" --list --prefix "$given")"
    done
done

# --- diff ---
python3 - "$models/thermostat.json" <<'END'
import copy, json, sys

old = json.load(open(sys.argv[1]))

def variant(name, change):
    model = copy.deepcopy(old)
    change(model["contents"])
    json.dump(model, open(name + ".json", "w"))

variant("renamed", lambda c: c[2].update(name="highest"))
variant("retyped", lambda c: c[3]["request"].update(schema="double"))
variant("readonly", lambda c: c[1].pop("writable"))
variant("more", lambda c: c.append({"@type": "Telemetry", "name": "humidity", "schema": "double"}))
variant("less", lambda c: c.pop(0))
variant("another", lambda c: c[2].update({"@type": ["Telemetry", "Temperature"]}))
variant("field", lambda c: c[3]["response"]["schema"]["fields"].pop())
END
against() { expect "$1" "$2" "$3" "$tool" diff "$models/thermostat.json" "$4.json"; }
expect "no change" 0 "no changes" "$tool" diff "$models/thermostat.json" "$models/thermostat.json"
against "renamed" 1 "breaking: property maxTempSinceLastReboot: is renamed to highest" renamed
against "a request of another type" 1 "breaking: command getMaxMinReport: the service may send double" retyped
against "not writable any more" 1 "breaking: property targetTemperature: is not writable" readonly
against "added" 0 "compatible: telemetry humidity: is new" more
against "removed" 1 "breaking: telemetry temperature: is removed" less
against "of another kind" 1 "is a telemetry now" another
against "a field less" 1 "devices in the field may send the field endTime" field
against "a wrong NEW is trouble, not a difference" 2 "wrong.json:13:" wrong
echo '[]' >none.json
against "so is one without an interface" 2 "no interface" none
"$tool" diff --json "$models/thermostat.json" less.json >less.report 2>/dev/null
holds "diff --json" python3 -m json.tool less.report

[ $failed -eq 0 ] && echo "spoke-model answers as it should"
exit $failed
