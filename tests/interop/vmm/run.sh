#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# splitio-vmm with unmodified Debian kernels as guests, in a machine that QEMU
# emulates together with hardware virtualisation. Everything is unpacked from
# Debian's packages. LAB_SCENES names the scenes to play, all by default.
# A machine with hardware virtualisation of its own is used as it is, in namespaces;
# LAB_NATIVE=yes or no says so whatever it looks like.
# LAB_KVM names a folder with kvm.ko and kvm-amd.ko for that kernel, built with
# CONFIG_KVM_XEN as Debian's are not: then KVM itself answers to Xen's guests.
set -u
cd "$(dirname "$(readlink -f "$0")")/../../.." || exit 1
. scripts/lib.sh
. tests/interop/lab.sh
lab vmm
here=tests/interop/vmm
guest=tests/interop/xen # its guests do here what they do there

fetch()
{
    unpack busybox-static "$(kernel_package)" fio iperf3 libiperf0 ethtool
    vmlinux "$WORK/vmlinux"
}

# played SCENE: true if it is to be played.
played() { case " ${LAB_SCENES:-$1} " in *" $1 "*) ;; *) false ;; esac; }

# The guests' root file system: files of Debian's packages and their sums.
make_root()
{
    local fs=$WORK/fs
    tree "$fs" $guest/guest-root
    mv "$fs/init" "$fs/sbin-init"
    install -D -t "$fs/scenes" $here/guest/*
    cp -r "$ROOT/usr/share/doc" "$fs/files"
    (cd "$fs" && find files -type f -exec sha256sum {} +) >"$fs/sums"
    modules "$fs" xen-netfront
    programs "$fs" "$(command -v iperf3)" "$(command -v ethtool)" \
        "$(command -v fio)" "$(command -v xenstore-read)"
    rm -f "$WORK/root.img"
    mke2fs -q -t ext4 -d "$fs" "$WORK/root.img" 128M
}

make_initrd()
{
    local t=$WORK/guest
    tree "$t" $guest/guest-init
    modules "$t" crc32c_generic ext4 xen-blkfront
    pack "$t"
}

make_host()
{
    local t=$WORK/host
    tree "$t" $here/host-init
    modules "$t" kvm-amd tun
    [ -z "${LAB_KVM:-}" ] || cp "$LAB_KVM"/kvm{,-amd}.ko \
        "$t/lib/modules/$(kernel_version)/kernel/arch/x86/kvm/"
    programs "$t" build/default/examples/vmm/splitio-vmm "$(command -v iperf3)" \
        "$(command -v cksum)"
    install -D -t "$t/boot" "$WORK/vmlinux" "$WORK/guest.cpio" \
        build/default/examples/unikernel/unikernel \
        build/default/tests/interop/vmm/hostile/hostile
    for f in "$here"/[0-9]*; do
        played "${f##*/}" && install -D -t "$t/scenes" "$f"
    done
    [ "${LAB_SCENES:-}" != shell ] || install -D -t "$t/scenes" $here/shell
    gzip -1 -c "$WORK/root.img" >"$t/root.img.gz"
    pack "$t"
}

# This machine's own KVM, with hardware behind it.
native()
{
    case ${LAB_NATIVE:-} in
    yes) return ;;
    no) return 1 ;;
    esac
    [ -w /dev/kvm ] && [ "$(id -u)" = 0 ] &&
        grep -qE '^flags.* (svm|vmx)( |$)' /proc/cpuinfo
}

# The same programs as in the emulated machine, with a network of their own.
here_and_now()
{
    timeout --foreground "${LAB_SECONDS:-1200}" \
        unshare --mount --net --pid --fork --kill-child \
        chroot "$WORK/host" /init native
}

# A fixed relation of instructions to time: the only way in which QEMU 7.2
# emulates a hypervisor reliably.
machine()
{
    timeout --foreground "${LAB_SECONDS:-1200}" qemu-system-x86_64 -accel tcg \
        -icount shift=1,sleep=on -cpu EPYC,+svm,+npt -smp 1 -m 2560 \
        -kernel "$WORK/vmlinux" -initrd "$WORK/host.cpio" \
        -append "console=ttyS0 quiet loglevel=3 panic=-1" \
        -nodefaults -display none -monitor none -no-reboot "$@"
}

boot()
{
    if native; then
        here_and_now </dev/null 2>&1
    else
        machine -serial stdio </dev/null 2>&1 | stdbuf -o0 tr -d '\r'
    fi
}

# A person at the guest's shell.
look()
{
    LAB_SECONDS=86400
    if native; then
        here_and_now
        return
    fi
    say "a guest of splitio-vmm, in a machine that QEMU emulates; \`exit\` ends it"
    machine -chardev stdio,id=term,signal=off -serial chardev:term
}

need build interop clients
build_preset default splitio-vmm unikernel hostile >/dev/null || die "it does not build"
fetch
note "packages are unpacked"
make_root
make_initrd
make_host
note "images are made"
[ "${LAB_SCENES:-}" != shell ] || { look; exit; }
boot | stdbuf -oL tee "$WORK/log" |
    grep --line-buffered -aE '^(PASS|FAIL|host:|    )|segfault|panic|BUG'
verdict "$WORK/log" 'host: .*the end'
