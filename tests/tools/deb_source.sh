# Sourced by what tests/firmware, tests/cross and tests/bench/buffer_alloc.sh build: sources of Debian packages, from the
# mirror that this machine's apt already trusts for binaries. Nothing outside the given folder changes.
# shellcheck shell=bash

# The URI of that mirror; nothing where apt knows none.
deb_mirror() {
    # shellcheck disable=SC2016 # apt's own variable
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' "Codename: $1" 2>/dev/null |
        head -n 1
}

deb_source_line() {
    local codename uri keys=/usr/share/keyrings/debian-archive-keyring.gpg
    # shellcheck source=/dev/null
    codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
    uri=$(deb_mirror "$codename")
    [ -z "$uri" ] || echo "deb-src $([ ! -f "$keys" ] || echo "[signed-by=$keys]") $uri $codename main"
}

# deb_source FOLDER PACKAGE: unpacks its upstream source, as Debian has it but unpatched, into FOLDER/PACKAGE, unless
# that is already there.
deb_source() {
    local folder=$1 package=$2
    [ ! -d "$folder/$package" ] || return 0
    mkdir -p "$folder/apt/lists/partial" "$folder/apt/cache/archives/partial"
    local private=(-o Dir::Etc::sourcelist="$folder/apt/sources.list" -o Dir::Etc::sourceparts=-
        -o Dir::State::lists="$folder/apt/lists" -o Dir::Cache="$folder/apt/cache" -o APT::Sandbox::User=root)
    if [ -z "$(ls "$folder/${package}"_*.orig.tar.*[z2] 2>/dev/null)" ]; then
        deb_source_line >"$folder/apt/sources.list"
        if ! [ -s "$folder/apt/sources.list" ] || ! apt-get "${private[@]}" -qq update ||
            ! (cd "$folder" && apt-get "${private[@]}" -qq source --download-only "$package"); then
            echo "The source of $package could not be had: apt needs a mirror of the distribution that offers sources" \
                "(a deb-src line works there). Or unpack it yourself as $folder/$package." >&2
            return 1
        fi
    fi
    mkdir "$folder/$package.part"
    # z2: not what signs it
    tar -xf "$folder/${package}"_*.orig.tar.*[z2] -C "$folder/$package.part" --strip-components=1
    mv "$folder/$package.part" "$folder/$package"
}
