#!/usr/bin/env bash
# Holds the template layer against files of cases: `spoke-model conformance` over each. Exit status 77: there are none.
#
#   tests/conformance/run.sh [--build-dir DIR] [FILE.jsonl...]
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
build=""
files=()
while [ $# -gt 0 ]; do
    case "$1" in
        --build-dir) build=$2; shift 2 ;;
        -h | --help) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 0 ;;
        -*) echo "tests/conformance/run.sh: unknown option $1 (try --help)" >&2; exit 2 ;;
        *) files+=("$1"); shift ;;
    esac
done

data="$root/../shared/data/dtdl"
if [ ${#files[@]} -eq 0 ]; then
    for name in all index instances dtmi; do
        [ -f "$data/$name.jsonl" ] && files+=("$data/$name.jsonl")
    done
fi
if [ ${#files[@]} -eq 0 ]; then
    echo "no files of cases here: name some, or put them into $data" >&2
    exit 77
fi

if [ -z "$build" ]; then
    build="$root/build/conformance"
    mkdir -p "$build"
    cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release >"$build/configure.log" ||
        { cat "$build/configure.log"; exit 1; }
    cmake --build "$build" --target spoke-model >"$build/build.log" || { tail -n 40 "$build/build.log"; exit 1; }
fi
exec "$build/spoke-model" conformance "${files[@]}"
