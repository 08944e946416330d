#!/usr/bin/env bash
# cppcheck over the library, the service and the samples; any finding fails. A suppression stands in the code, beside
# its reason.
set -euo pipefail
cd "$(dirname "$0")/../.."
cppcheck --quiet --error-exitcode=1 --enable=warning,performance,portability --inline-suppr --std=c11 \
    --suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches --max-ctu-depth=4 -D__GNUC__ -D_GNU_SOURCE \
    -DSPOKE_VERSION='"0"' -DSPOKE_HAVE_CARES -I include -I src -j 2 src samples
echo "cppcheck has nothing to say"
