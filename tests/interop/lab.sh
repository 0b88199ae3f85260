# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# What labs share: Debian's packages unpacked (not installed), small file systems
# made from them, and counting what came out. Sourced from the project's root.

# lab NAME: where the lab works; packages are shared by all labs.
lab()
{
    LAB=$1
    WORK=$PWD/build/interop/$1
    DEBS=$PWD/build/interop/debs
    ROOT=$PWD/build/interop/root
    LIBS=$ROOT/usr/lib/x86_64-linux-gnu
    KERNEL=linux-image-amd64
    BUSYBOX=$ROOT/bin/busybox
    mkdir -p "$WORK" "$DEBS" "$ROOT"
}

# architecture NAME KERNEL: from now on packages are for other machines, and go
# where they are not in the way of this one's. apt has lists of its own for them.
architecture()
{
    KERNEL=$2
    local apt=$PWD/build/interop/apt-$1
    DEBS=$PWD/build/interop/debs-$1
    ROOT=$PWD/build/interop/root-$1
    mkdir -p "$DEBS" "$ROOT" "$apt"/{lists,cache}
    : >"$apt/status"
    cat >"$apt/conf" <<CONF
APT::Architecture "$1";
APT::Architectures { "$1"; };
Dir::State "$apt";
Dir::State::Lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
CONF
    export APT_CONFIG=$apt/conf
    # The name of the kernel is looked up before anything is fetched.
    compgen -G "$apt/lists/*_Packages*" >/dev/null || apt-get update -qq >"$apt/log" 2>&1 || :
}

note() { say "$LAB: [$SECONDS s] $*"; }

# unpack PACKAGE...: into $ROOT, once.
unpack()
{
    local package deb
    for package in "$@"; do
        [ -f "$DEBS/$package.done" ] && continue
        (cd "$DEBS" && rm -f "$package"_*.deb &&
            { apt-get download -qq "$package" ||
                { apt-get update -qq && apt-get download -qq "$package"; }; }) \
            >"$DEBS/$package.log" 2>&1 || {
            cat "$DEBS/$package.log"
            die "cannot fetch $package; is there a mirror in apt's sources?"
        }
        for deb in "$DEBS/$package"_*.deb; do
            dpkg-deb -x "$deb" "$ROOT"
        done
        touch "$DEBS/$package.done"
    done
}

# The package of Debian's current kernel.
kernel_package()
{
    apt-cache depends "$KERNEL" |
        awk '/Depends: linux-image/ {print $2; exit}'
}

# The kernel's version; its modules' index is made the first time.
kernel_version()
{
    local version
    version=$(basename "$(ls -d "$ROOT"/lib/modules/*)")
    [ -s "$ROOT/lib/modules/$version/modules.dep" ] ||
        "$BUSYBOX" depmod -b "$ROOT" "$version"
    say "$version"
}

# vmlinux FILE: the kernel as ELF, which nobody has to decompress.
vmlinux()
{
    local image
    [ -s "$1" ] && return
    image=$(ls "$ROOT"/boot/vmlinuz-*)
    field() { od -An "-tu$2" "-j$1" "-N$2" "$image"; }
    tail -c "+$((($(field 497 1) + 1) * 512 + $(field 584 4) + 1))" "$image" |
        xz -dc --single-stream >"$1" 2>/dev/null || [ -s "$1" ]
}

# modules TREE MODULE...: with those that they need.
modules()
{
    local tree=$1 version module file at
    shift
    version=$(kernel_version)
    at=lib/modules/$version
    install -D -m 644 "$ROOT/$at/modules.dep" "$tree/$at/modules.dep"
    for module in "$@"; do
        for file in $(grep "/$module.ko:" "$ROOT/$at/modules.dep" | tr -d :); do
            install -D -m 644 "$ROOT/$at/$file" "$tree/$at/$file"
        done
    done
}

# programs TREE FILE...: into bin, with the libraries that they need.
programs()
{
    local tree=$1 file lib
    shift
    for file in "$@"; do
        install -D "$file" "$tree/bin/${file##*/}"
        for lib in $(LD_LIBRARY_PATH=$LIBS ldd "$file" | grep -o '/[^ ]*'); do
            case $lib in
            /lib64/*) install -D "$lib" "$tree$lib" ;;
            *) install -D "$lib" "$tree/usr/lib/${lib##*/}" ;;
            esac
        done
    done
}

# tree DIR INIT: a bare root with busybox.
tree()
{
    rm -rf "$1"
    mkdir -p "$1"/{bin,dev,etc,mnt,proc,run,sys,tmp,var}
    cp "$ROOT/bin/busybox" "$1/bin/"
    ln -s busybox "$1/bin/sh"
    install "$2" "$1/init"
}

# pack DIR: DIR.cpio
pack() { (cd "$1" && find . | cpio -o -H newc --quiet) >"$1.cpio"; }

# verdict LOG END: counts; fails unless the line END is there and no FAIL.
verdict()
{
    local passed failed
    passed=$(grep -ac '^PASS ' "$1")
    failed=$(grep -ac '^FAIL ' "$1")
    grep -aq "$2" "$1" || {
        say "FAIL $LAB: did not get to its end; the last lines of $1:"
        tail -n 25 "$1"
        failed=$((failed + 1))
    }
    say "$LAB: $passed passed, $failed failed ($SECONDS s)"
    [ "$failed" = 0 ] && [ "$passed" != 0 ]
}
