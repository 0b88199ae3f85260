#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Debian's kernel under an unchanged QEMU, with the modules of bindings/linux on a
# window of splitiod's. Everything is unpacked from Debian's packages. LAB_SCENES
# names the scenes to play, all by default. LAB_TREE names a kernel that has been
# built (with ext4 and the rest built in), to be used in place of Debian's: one with
# KASAN, kmemleak and PROVE_LOCKING, say.
set -u
cd "$(dirname "$(readlink -f "$0")")/../../.." || exit 1
. scripts/lib.sh
. tests/interop/lab.sh
. scripts/modules.sh
lab ivshmem
here=tests/interop/ivshmem

fetch()
{
    unpack busybox-static "$(kernel_package)" fio iperf3 libiperf0 ethtool
    # shellcheck disable=SC2046
    unpack $(header_packages "$(kernel_version)")
}

# The real root: files of Debian's packages, and their sums.
make_root()
{
    local fs=$WORK/fs
    tree "$fs" $here/guest-init
    mv "$fs/init" "$fs/sbin-init"
    install -D -t "$fs/scenes" $here/guest/*
    cp -r "$ROOT/usr/share/doc" "$fs/files"
    (cd "$fs" && find files -type f -exec sha256sum {} +) >"$fs/sums"
    programs "$fs" "$(command -v iperf3)" "$(command -v ethtool)" \
        "$(command -v fio)"
    # Names of the same files may not differ between root and initial file system.
    cp -r "$WORK/initial/lib" "$fs/"
    rm -f "$WORK/root.img"
    mke2fs -q -t ext4 -d "$fs" "$WORK/root.img" 160M
}

release()
{
    if [ -n "${LAB_TREE:-}" ]; then
        make -s -C "$LAB_TREE" kernelrelease
    else
        kernel_version
    fi
}

kernel()
{
    if [ -n "${LAB_TREE:-}" ]; then
        say "$LAB_TREE/arch/x86/boot/bzImage"
    else
        ls "$ROOT"/boot/vmlinuz-*
    fi
}

make_initial()
{
    local t=$WORK/initial version
    version=$(release)
    tree "$t" $here/initial-init
    [ -n "${LAB_TREE:-}" ] || modules "$t" crc32c_generic ext4 virtio_blk virtio_net virtio_pci
    cp $here/moves "$t/"
    install -D -m 644 -t "$t/lib/modules/$version/extra" "$WORK"/modules/bindings/linux/*.ko
    "$BUSYBOX" depmod -b "$t" "$version"
    pack "$t"
}

# The host's side has a network of its own, and what it starts ends with it.
play()
{
    LAB_WORK=$WORK LAB_KERNEL=$(kernel) \
        LAB_SPLITIOD=$PWD/build/default/tools/splitiod/splitiod \
        timeout --foreground "${LAB_SECONDS:-1800}" \
        unshare --net --mount --pid --fork --kill-child \
        $here/host "$@"
}

need build interop clients cross
build_preset default splitiod >/dev/null || die "splitiod does not build"
fetch
note "packages are unpacked"
links_of "$WORK/modules"
build_modules "$ROOT" "$WORK/modules" >"$WORK/modules.log" 2>&1 || {
    tail -n 40 "$WORK/modules.log"
    die "the modules do not build"
}
for arch in aarch64 riscv64; do
    examples/unikernel/build.sh $arch "$WORK/unikernel-$arch" pings=12 || die "the unikernel does not build"
done
make_initial
make_root
note "modules and images are made"
play "$here"/[0-9]* </dev/null 2>&1 | stdbuf -oL tee "$WORK/log" |
    grep --line-buffered -aE '^(PASS|FAIL|host:|    )|segfault|panic|BUG|Oops'
verdict "$WORK/log" 'host: .*the end'
