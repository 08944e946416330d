#!/usr/bin/env bash
# Generates C for many valid models, compiles it with gcc and clang as C11 and as C++17 with warnings as errors, and runs
# the round trip of sample payloads through what was generated.
#   tests/conformance/generated.sh BUILD            every valid model of ../shared/data, where that is there
#   tests/conformance/generated.sh BUILD --subset   a few of each kind, and those in tests/data/models
#   tests/conformance/generated.sh BUILD --adversarial COUNT    models that are hard for a generator, COUNT of them random
set -euo pipefail
exec python3 "$(dirname "$0")/generated.py" "$@"
