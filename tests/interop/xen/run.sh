#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Real Xen with a Debian in domain 0 and Linux guests, whose disks and NICs
# splitiod serves. Everything is unpacked from Debian's packages, and QEMU
# emulates the machine. LAB_SCENES names the scenes to play, all by default.
set -u
cd "$(dirname "$(readlink -f "$0")")/../../.." || exit 1
. scripts/lib.sh
. tests/interop/lab.sh
lab xen
here=tests/interop/xen
fs=$WORK/fs # of guests

fetch()
{
    unpack busybox-static "$(kernel_package)" libyajl2 libxen-dev \
        xen-hypervisor-4.17-amd64 xen-utils-4.17 xenstore-utils \
        libxenmisc4.17 libxencall1 libxendevicemodel1 libxenevtchn1 \
        libxenforeignmemory1 libxengnttab1 libxenhypfs1 libxenstore4 \
        libxentoolcore1 libxentoollog1 fio iperf3 libiperf0 ethtool
    [ -s "$WORK/xen" ] ||
        gunzip -c "$ROOT"/boot/xen-4.17-amd64.gz >"$WORK/xen"
    vmlinux "$WORK/vmlinux"
}

# played SCENE: true if it is to be played.
played() { case " ${LAB_SCENES:-$1} " in *" $1 "*) ;; *) false ;; esac; }

# The guest's root file system: files of Debian's packages and their sums.
make_root()
{
    tree "$fs" $here/guest-root
    install -D -t "$fs/scenes" $here/guest/*
    mv "$fs/init" "$fs/sbin-init"
    cp -r "$ROOT/usr/share/doc" "$fs/files"
    (cd "$fs" && find files -type f -exec sha256sum {} +) >"$fs/sums"
    modules "$fs" xen-netfront
    programs "$fs" "$(command -v iperf3)" "$(command -v ethtool)" "$(command -v fio)"
}

make_domu()
{
    local t=$WORK/domu
    tree "$t" $here/guest-init
    modules "$t" crc32c_generic ext4 xen-blkfront
    pack "$t"
}

make_dom0()
{
    local t=$WORK/dom0 xen=$ROOT/usr/lib/xen-4.17/bin f
    tree "$t" $here/dom0-init
    modules "$t" xenfs xen-privcmd xen-evtchn xen-gntdev xen-gntalloc tun
    programs "$t" "$xen"/{xl,xenstored,xenconsoled,xen-init-dom0,libxl-save-helper} \
        "$ROOT"/usr/bin/xenstore-{read,write,list,ls,exists,rm,chmod,watch} \
        build/default/tools/splitiod/splitiod "$(command -v iperf3)" \
        "$(command -v setpriv)"
    # Loaded at run time, when a thread is cancelled.
    install -D /lib/x86_64-linux-gnu/libgcc_s.so.1 -t "$t/usr/lib"
    ln -s /run "$t/var/run"
    mkdir -p "$t/etc/xen"
    : >"$t/etc/xen/xl.conf"
    install -D -t "$t/etc/xen" $here/guest.cfg
    install -D -t "$t/etc/xen/scripts" tools/splitiod/xen/*-splitio
    install -D -t "$t/boot" "$WORK/vmlinux" "$WORK/domu.cpio"
    for f in "$here"/[0-9]*; do
        played "${f##*/}" || continue
        install -D -t "$t/scenes" "$f"
        # What the scene alone needs is put into this tree, and into the guest's.
        # shellcheck source=/dev/null
        [ ! -f "$here/host/${f##*/}" ] || . "$here/host/${f##*/}"
    done
    rm -f "$WORK/root.img"
    mke2fs -q -t ext4 -d "$fs" "$WORK/root.img" 128M
    gzip -1 -c "$WORK/root.img" >"$t/root.img.gz"
    pack "$t"
}

# Not -cpu max: its SMAP and XSAVE crash programs of domain 0 under emulation.
# With svm and npt, guests need not be paravirtual.
boot()
{
    timeout "${LAB_SECONDS:-1800}" qemu-system-x86_64 -accel tcg \
        -cpu "${LAB_CPU:-qemu64,+svm,+npt}" -smp 2 -m "${LAB_MEM:-3072}" \
        -kernel "$WORK/xen" \
        -append "console=com1 com1=115200,8n1 dom0_mem=1536M,max:1536M spec-ctrl=no xpti=no conring_size=256k loglvl=warning guest_loglvl=warning gnttab_max_frames=128" \
        -initrd "$WORK/vmlinux console=hvc0 mitigations=off quiet panic=-1,$WORK/dom0.cpio" \
        -nodefaults -display none -serial stdio -monitor none -no-reboot \
        </dev/null 2>&1 | stdbuf -o0 tr -d '\r'
}

build_preset default splitiod >/dev/null || die "splitiod does not build"
fetch
note "packages are unpacked"
make_root
make_domu
make_dom0
note "images are made"
boot | stdbuf -oL tee "$WORK/log" |
    grep --line-buffered -aE '^(PASS|FAIL|dom0:|    )|segfault|panic|BUG'
verdict "$WORK/log" 'dom0: .*the end'
