#!/usr/bin/env bash
# Unpacks Debian's libraries for another architecture into a folder: nothing is installed, nothing needs root.
#
#   tests/cross/sysroot.sh ARCHITECTURE FOLDER
set -euo pipefail

architecture=$1
folder=$2
packages=(libc6-dev libmbedtls-dev libcmocka-dev libcjson-dev libc-ares-dev zlib1g-dev libsqlite3-dev libmicrohttpd-dev)

[ "$(cat "$folder/complete" 2>/dev/null)" != "${packages[*]}" ] || exit 0
# shellcheck source=tests/tools/deb_source.sh
. "$(dirname "$0")/../tools/deb_source.sh"
rm -rf "$folder"
mkdir -p "$folder"/apt/state/lists/partial "$folder"/apt/cache/archives/partial "$folder/root"

# An apt that knows only the other architecture and finds nothing installed; this machine's lists stay as they are.
: >"$folder/apt/status"
# shellcheck source=/dev/null
. /etc/os-release
cat >"$folder/apt/debian.sources" <<END
Types: deb
URIs: $(deb_mirror "$VERSION_CODENAME")
Suites: $VERSION_CODENAME
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END
foreign_apt() {
    apt-get -qq -o APT::Architecture="$architecture" -o APT::Architectures="$architecture" \
        -o Dir::State="$folder/apt/state" -o Dir::State::status="$folder/apt/status" -o Dir::Cache="$folder/apt/cache" \
        -o Dir::Etc::sourcelist="$folder/apt/debian.sources" -o Dir::Etc::sourceparts=- \
        -o Debug::NoLocking=true -o APT::Sandbox::User="$(id -un)" "$@"
}
foreign_apt update
foreign_apt install --yes --download-only --no-install-recommends "${packages[@]}" >/dev/null
for package in "$folder"/apt/cache/archives/*.deb; do
    dpkg-deb --extract "$package" "$folder/root"
done
rm -r "$folder/apt"
echo "${packages[*]}" >"$folder/complete"
