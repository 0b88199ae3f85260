# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Building the modules for Linux against Debian's headers, unpacked and not
# installed. Sourced from the project's root.

# header_packages VERSION: what `unpack` is to have.
header_packages()
{
    local abi=${1%-*}
    say "linux-headers-$1 linux-headers-$abi-common linux-kbuild-${1%.*} linux-compiler-gcc-12-x86"
}

# headers_of ROOT: the folder that Kbuild wants, made to be where it is.
headers_of()
{
    local headers
    headers=$(readlink -f "$1"/usr/src/linux-headers-*-amd64)
    say "include ${headers%-amd64}-common/Makefile" >"$headers/Makefile"
    say "$headers"
}

# build_modules ROOT SOURCES [VARIABLE=VALUE...]: objects are put beside the
# sources, which have the project's folders. Headers are those unpacked in ROOT.
build_modules()
{
    local headers kbuild
    headers=${LAB_TREE:-$(headers_of "$1")}
    kbuild=$(readlink -f "$2")/bindings/linux
    shift 2
    make -j "$(jobs)" -C "$headers" M="$kbuild" "$@" modules
}

# links_of FOLDER: the sources, to be built there.
links_of()
{
    rm -rf "$1"
    mkdir -p "$1"
    cp -as "$PWD"/{src,include,bindings} "$1/"
}
