# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# An installed splitio serves a program that only knows where it is installed.
. scripts/lib.sh
build_preset default || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
check install.cmake_install cmake --install build/default --prefix "$tmp/p"
libdir=$(dirname "$(find "$tmp/p" -name libsplitio.a)")
export PKG_CONFIG_PATH=$libdir/pkgconfig LD_LIBRARY_PATH=$libdir
consumer=tests/suites/consumer

headers_are_the_public_ones()
{
    diff <(cd include && find . -type f | sort) \
        <(cd "$tmp/p/include" && find . -type f | sort)
}

by_pkg_config_shared()
{
    gcc -std=c11 $consumer/main.c $(pkg-config --cflags --libs splitio) \
        -o "$tmp/shared" && ldd "$tmp/shared" | grep -q "$libdir/libsplitio.so" &&
        "$tmp/shared"
}

by_pkg_config_static()
{
    gcc -std=c11 $consumer/main.c -Wl,-Bstatic \
        $(pkg-config --static --cflags --libs splitio) -Wl,-Bdynamic \
        -o "$tmp/static" && ! ldd "$tmp/static" | grep splitio &&
        "$tmp/static"
}

by_find_package()
{
    cmake -G Ninja -S $consumer -B "$tmp/c" -DCMAKE_PREFIX_PATH="$tmp/p" &&
        cmake --build "$tmp/c" && "$tmp/c/consumer" && "$tmp/c/consumer-shared"
}

# With liburing below it, which pkg-config has to tell.
uring_by_pkg_config()
{
    gcc -std=c11 $consumer/uring.c $(pkg-config --cflags --libs splitio-uring) \
        -o "$tmp/uring" && "$tmp/uring" &&
        gcc -std=c11 $consumer/uring.c -Wl,-Bstatic $(pkg-config --static \
            --cflags --libs splitio-uring) -Wl,-Bdynamic -o "$tmp/uring-static" &&
        ! ldd "$tmp/uring-static" | grep -E 'splitio|uring' &&
        "$tmp/uring-static"
}

# As the manual says that images for a machine are made.
bare_metal_by_pkg_config()
{
    local script flags="-ffreestanding -mno-red-zone -mgeneral-regs-only -fno-pie"
    [ -f "$libdir/libsplitio-baremetal.a" ] || return 0 # not of this processor
    script=$(pkg-config --variable=script splitio-baremetal)
    gcc -std=c11 -O2 $flags -fno-stack-protector examples/unikernel/*.c \
        -nostdlib -static -Wl,-T,"$script" \
        $(pkg-config --cflags --libs splitio-baremetal) -o "$tmp/unikernel" &&
        readelf -n "$tmp/unikernel" | grep -q Xen
}

exports_are_versioned()
{
    local bad=0 so
    for so in "$libdir"/*.so; do
        nm -D --defined-only "$so" | awk 'NF == 3 && $2 != "A" {print $3}' |
            grep -v '^splitio_.*@@SPLITIO_' && { say "in $so"; bad=1; }
        objdump -p "$so" | grep -q "SONAME *$(basename "$so").0" ||
            { say "soname of $so"; bad=1; }
    done
    return $bad
}

every_pc_file_resolves()
{
    local pc
    for pc in "$libdir"/pkgconfig/*.pc; do
        pkg-config --print-errors --exists "$(basename "$pc" .pc)" || return 1
    done
}

check install.headers_are_the_public_ones headers_are_the_public_ones
check install.exports_are_versioned exports_are_versioned
check install.every_pc_file_resolves every_pc_file_resolves
check install.by_pkg_config_shared by_pkg_config_shared
check install.by_pkg_config_static by_pkg_config_static
check install.by_find_package by_find_package
if [ -f "$libdir/libsplitio-uring.a" ]; then
    check install.uring_by_pkg_config uring_by_pkg_config
else
    skip install.uring_by_pkg_config "no liburing; ./dev install-deps"
fi
check install.bare_metal_by_pkg_config bare_metal_by_pkg_config
