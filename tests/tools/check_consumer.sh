#!/usr/bin/env bash
# Installs spoke into an empty prefix, static and shared, and builds and runs samples/consumer against each: by
# find_package and by pkg-config; with a device template, too. Then a program with the service in its own process.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for shared in OFF ON; do
    prefix="$work/prefix-$shared"
    cmake -S "$root" -B "$work/build-$shared" -G Ninja -DBUILD_SHARED_LIBS=$shared -DSPOKE_TESTS=OFF \
        -DSPOKE_SAMPLES=OFF -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR=lib >/dev/null
    cmake --build "$work/build-$shared" >/dev/null
    cmake --install "$work/build-$shared" >/dev/null

    cmake -S "$root/samples/consumer" -B "$work/consumer-$shared" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" >/dev/null
    cmake --build "$work/consumer-$shared" >/dev/null
    echo "find_package, shared=$shared: $(LD_LIBRARY_PATH="$prefix/lib" "$work/consumer-$shared/consumer")"

    echo "spoke_add_model, shared=$shared: $(LD_LIBRARY_PATH="$prefix/lib" "$work/consumer-$shared/typed")"
    sed 's/"power"/"watts"/' "$root/samples/consumer/lamp.json" >"$work/lamp.json"
    "$prefix/bin/spoke-model" diff "$root/samples/consumer/lamp.json" "$work/lamp.json" && exit 1

    if [ -x "$work/consumer-$shared/packed" ]; then
        echo "spoke-gzip, shared=$shared: $(LD_LIBRARY_PATH="$prefix/lib" "$work/consumer-$shared/packed")"
        # shellcheck disable=SC2046
        gcc -std=c11 "$root/samples/consumer/packed.c" -o "$work/packed-$shared" \
            $(PKG_CONFIG_PATH="$prefix/lib/pkgconfig" pkg-config --cflags --libs spoke-gzip spoke)
        LD_LIBRARY_PATH="$prefix/lib" "$work/packed-$shared" >/dev/null
    fi

    # shellcheck disable=SC2046
    gcc -std=c11 "$root/samples/consumer/consumer.c" -o "$work/plain-$shared" \
        $(PKG_CONFIG_PATH="$prefix/lib/pkgconfig" pkg-config --cflags --libs spoke)
    echo "pkg-config, shared=$shared: $(LD_LIBRARY_PATH="$prefix/lib" "$work/plain-$shared")"

    # shellcheck disable=SC2046
    gcc -std=c11 "$root/samples/in_process.c" -o "$work/service-$shared" \
        $(PKG_CONFIG_PATH="$prefix/lib/pkgconfig" pkg-config --cflags --libs spoke-central)
    echo "with the service, shared=$shared: $(LD_LIBRARY_PATH="$prefix/lib" "$work/service-$shared")"

    # @system-service is systemd's own name, and so is not what configuring left over
    grep -v '^SystemCallFilter=' "$prefix/lib/systemd/system/spoke-central.service" | grep -n '@' && exit 1
    if command -v systemd-analyze >/dev/null; then
        systemd-analyze verify --man=no "$prefix/lib/systemd/system/spoke-central.service"
        echo "systemd unit, shared=$shared: verified"
    fi
done

# The same project with the sources in its tree instead: every target has the name that it has in the package.
cp -r "$root/samples/consumer" "$work/tree"
sed -i "s|^find_package.*|add_subdirectory($root spoke)|" "$work/tree/CMakeLists.txt"
cmake -S "$work/tree" -B "$work/build-tree" -G Ninja >/dev/null
echo "add_subdirectory: configured"
