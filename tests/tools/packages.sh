# Sourced by samples/demo.sh, tests/run.sh and the others: installs what is missing on Debian and its relatives.
# shellcheck shell=bash

spoke_build_packages=(gcc cmake ninja-build pkg-config libmbedtls-dev libc-ares-dev libcjson-dev libmicrohttpd-dev
    libsqlite3-dev libpaho-mqtt-dev zlib1g-dev curl ca-certificates)
spoke_test_packages=(libcmocka-dev mosquitto mosquitto-clients openssl jq python3 chromium)
# For the service's web page. Node.js often comes from elsewhere, and the distribution's packages would not go with that
# one.
command -v node >/dev/null || spoke_build_packages+=(nodejs npm)

# clang only recommends the run-time libraries of its sanitizers.
spoke_clang_packages=(clang libclang-rt-14-dev)

install_missing() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep >/dev/null 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    command -v apt-get >/dev/null || {
        echo "These packages are missing and apt-get is not here to install them: ${missing[*]}" >&2
        return 1
    }
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || {
            echo "Run as root, or install sudo; these packages are missing: ${missing[*]}" >&2
            return 1
        }
        as_root=(sudo)
    fi
    echo "Installing ${missing[*]}" >&2
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" \
        >/dev/null
}
