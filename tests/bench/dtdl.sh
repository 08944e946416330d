#!/usr/bin/env bash
# Reads device templates here and with @azure/dtdl-parser, the npm package, in one run on one core, and prints both.
#
#   tests/bench/dtdl.sh [--models DIR] [--build-dir DIR] [--no-install]
#
# DIR holds *.json files of one interface or one closed array each; without it the published models of the
# conformance data are used where they are, else those of tests/data/models.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
build="$root/build/bench"
models=""
install=yes

while [ $# -gt 0 ]; do
    case "$1" in
        --models) models=$2; shift 2 ;;
        --build-dir) build=$2; shift 2 ;;
        --no-install) install=no; shift ;;
        -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
        *) echo "tests/bench/dtdl.sh: unknown option $1 (try --help)" >&2; exit 2 ;;
    esac
done

# shellcheck source=tests/tools/packages.sh
. "$root/tests/tools/packages.sh"
[ "$install" = no ] || install_missing "${spoke_build_packages[@]}" "${spoke_test_packages[@]}" util-linux
mkdir -p "$build"
cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS=-g >"$build/configure.log" ||
    { cat "$build/configure.log"; exit 1; }
cmake --build "$build" --target bench_dtdl >"$build/build.log" || { tail -n 40 "$build/build.log"; exit 1; }

data="$root/../shared/data/dtdl"
if [ -n "$models" ]; then
    mapfile -t files < <(find "$models" -name '*.json' | sort)
elif [ -f "$data/index.jsonl" ]; then
    mapfile -t files < <(python3 - "$data" <<'PY'
import json, sys
for line in open(sys.argv[1] + "/index.jsonl"):
    case = json.loads(line)
    if case["group"] == "published":
        print(sys.argv[1] + "/" + case["file"])
PY
    )
else
    mapfile -t files < <(find "$root/tests/data/models" -name '*.json' | sort)
fi
[ ${#files[@]} -gt 0 ] || { echo "tests/bench/dtdl.sh: no models found" >&2; exit 1; }

node_dir="$build/node"
mkdir -p "$node_dir"
cp "$root/tests/bench/node/package.json" "$root/tests/bench/node/parse.js" "$node_dir/"
peer=""
if (cd "$node_dir" && npm install --silent --no-audit --no-fund >npm.log 2>&1); then
    peer=$(taskset -c 1 node "$node_dir/parse.js" 5 "${files[@]}")
else
    echo "the peer is left out: npm install failed, see $node_dir/npm.log" >&2
fi
ours=$(taskset -c 1 "$build/tests/bench/bench_dtdl" --rounds 20 "${files[@]}")

OURS=$ours PEER=$peer python3 - <<'PY'
import json, os
ours = json.loads(os.environ["OURS"])
print(f"{ours['files']} models, {ours['bytes'] / 1e6:.2f} MB of text, one core, best round, CPU time")
print(f"spoke              {ours['models_per_s']:8.0f} models/s {ours['mb_per_s']:8.2f} MB/s, refused {ours['refused']},"
      f" heap {ours['heap_to_text']:.2f} times the text (at worst {ours['worst_heap_to_text']:.2f}, of files over 4 KB)")
if os.environ["PEER"]:
    peer = json.loads(os.environ["PEER"])
    print(f"@azure/dtdl-parser {peer['models_per_s']:8.0f} models/s {peer['mb_per_s']:8.2f} MB/s, refused {peer['refused']},"
          f" the process takes {peer['heap_mb']} MB")
    print(f"ratio              {ours['models_per_s'] / peer['models_per_s']:8.1f}")
PY
