# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Programs of other authors on the real path: splitiod, shared memory, block
# front and back, nbdkit; and Xen's store tools on the daemon's store.
. scripts/lib.sh
. scripts/daemon.sh
build_preset default || exit 1
tools=$PWD/build/default/tools
plugin=$tools/nbdkit/nbdkit-splitio-plugin.so
for program in nbdkit nbdcopy nbdinfo nbdfuse qemu-img qemu-io fio mke2fs e2fsck; do
    command -v $program >/dev/null ||
        { skip clients "no $program; ./dev install-deps"; exit; }
done
[ -e "$plugin" ] || { skip clients "no nbdkit-plugin-dev; ./dev install-deps"; exit; }

# on GUEST COMMAND: a shell command with $uri on the guest's first disk.
on()
{
    nbdkit -f -U - "$plugin" "socket=$socket" "guest=$1" --run "$2"
}

same() { [ "$(sha256sum <"$1")" = "$(sha256sum <"$2")" ]; }

nbdinfo_tells_size_and_mode()
{
    on files 'nbdinfo "$uri"' >"$dir/info" &&
        grep -q "export-size: $(stat -c %s "$dir/files.img") " "$dir/info" &&
        grep -q 'is_read_only: true' "$dir/info" && cat "$dir/info"
}
nbdcopy_out_is_the_image()
{
    on files "nbdcopy \"\$uri\" '$dir/out'" && same "$dir/files.img" "$dir/out"
}
e2fsck_of_the_copy_is_clean() { e2fsck -fn "$dir/out"; }
qemu_img_converts_and_checks()
{
    on files "qemu-img convert -f raw -O qcow2 \"\$uri\" '$dir/out.qcow2'" &&
        qemu-img check "$dir/out.qcow2" &&
        qemu-img compare -f raw -F qcow2 "$dir/files.img" "$dir/out.qcow2"
}
qemu_img_writes_through_the_front()
{
    on scratch "qemu-img convert -n -f qcow2 -O raw '$dir/out.qcow2' \"\$uri\"" &&
        cmp -n "$(stat -c %s "$dir/files.img")" "$dir/files.img" "$dir/scratch.img"
}
# Sizes that are no multiple of a page, at random places, read again and checked.
verify_writes()
{
    on "$1" "cd $dir; fio --name=verify --ioengine=nbd --uri=\"\$uri\" --rw=randrw \
        --bsrange=512-128k --blockalign=512 --size=48m \
        --iodepth=32 --verify=crc32c --verify_fatal=1 --randseed=7 \
        --output='$dir/fio.log'" || { tail -n 30 "$dir/fio.log"; return 1; }
}
fio_verifies_what_it_wrote() { verify_writes scratch; }
fio_verifies_what_io_uring_wrote() { verify_writes uring; }
fio_verifies_what_it_wrote_past_the_cache() { verify_writes direct; }
fio_flushes_and_trims()
{
    on scratch "cd $dir; fio --name=sync --ioengine=nbd --uri=\"\$uri\" --rw=randwrite \
        --bs=4k --size=4m --fsync=8 --output='$dir/fio.log' && \
        fio --name=trim --ioengine=nbd --uri=\"\$uri\" --rw=randtrim \
        --bs=64k --size=16m --output='$dir/fio.log'" ||
        { cat "$dir/fio.log"; return 1; }
}
writes_of_single_bytes_keep_the_rest()
{
    cp "$dir/scratch.img" "$dir/before"
    on scratch "qemu-io -f raw -c 'write -P 0x73 1021 7' -c flush \"\$uri\"" ||
        return 1
    printf sssssss | dd of="$dir/before" bs=1 seek=1021 conv=notrunc status=none
    same "$dir/before" "$dir/scratch.img"
}
nbdfuse_shows_the_disk_as_a_file()
{
    mkdir -p "$dir/mnt"
    on files "nbdfuse -P '$dir/fuse.pid' '$dir/mnt/disk' \"\$uri\" & \
        until [ -s '$dir/fuse.pid' ]; do kill -0 \$! || exit 1; done; \
        e2fsck -fn '$dir/mnt/disk' && cmp '$dir/mnt/disk' '$dir/files.img'; \
        rc=\$?; fusermount3 -u '$dir/mnt'; wait; exit \$rc"
}
store() { XENSTORED_PATH=$dir/store "xenstore-$1" "${@:2}"; }
xenstore_ls_shows_both_halves_connected()
{
    # The disk answers, so both are connected.
    on files "nbdinfo --size \"\$uri\" >&2 &&
        XENSTORED_PATH='$dir/store' xenstore-ls -f" >"$dir/ls" &&
        grep -E '/local/domain/0/backend/vbd/[0-9]+/51712/state = "4"' "$dir/ls" &&
        grep -E '/local/domain/[1-9][0-9]*/device/vbd/51712/state = "4"' "$dir/ls"
}
# CD-ROM, removable, read-only; at the place of a third IDE disk.
xenstore_ls_shows_a_cdrom()
{
    on files "nbdinfo --size \"\$uri\" >&2 &&
        XENSTORED_PATH='$dir/store' xenstore-ls -f" >"$dir/ls" &&
        grep -E '/0/backend/vbd/[0-9]+/5632/device-type = "cdrom"' "$dir/ls" &&
        grep -E '/0/backend/vbd/[0-9]+/5632/mode = "r"' "$dir/ls" &&
        grep -E '/0/backend/vbd/[0-9]+/5632/physical-device-path = "/' "$dir/ls"
}
a_guest_reads_its_cdrom()
{
    nbdkit -f -U - "$plugin" "socket=$socket" guest=files vdev=hdc --run \
        "nbdinfo \"\$uri\" | grep 'is_read_only: true' && nbdcopy \"\$uri\" '$dir/cd.out' &&
        XENSTORED_PATH='$dir/store' xenstore-ls -f" >"$dir/ls" || return
    grep -E '/0/backend/vbd/[0-9]+/5632/info = "7"' "$dir/ls" &&
        same "$dir/cd.iso" "$dir/cd.out"
}
xenstore_write_read_list_chmod_rm()
{
    store write /tool/test one && [ "$(store read /tool/test)" = one ] &&
        store list /tool | grep -qx test && store exists /tool/test &&
        store chmod /tool/test n0 r5 && store rm /tool/test &&
        ! store exists /tool/test
}
# The watch prints once when it is set, and once for the change.
xenstore_watch_hears_of_a_change()
{
    local first second pid
    mkfifo "$dir/watch" || return
    XENSTORED_PATH=$dir/store xenstore-watch -n 2 /tool/w >"$dir/watch" &
    pid=$!
    exec 8<"$dir/watch"
    read -r first <&8 && store write /tool/w 1 && read -r second <&8 &&
        wait $pid && [ "$first $second" = "/tool/w /tool/w" ] &&
        store rm /tool/w
}
daemon_init
mkdir "$dir/tree"
cp -r include src docs "$dir/tree"
mke2fs -q -t ext4 -d "$dir/tree" "$dir/files.img" 48M || exit 1
truncate -s 64M "$dir/scratch.img"
head -c 4194304 "$dir/files.img" >"$dir/cd.iso"
# The kernel may have no io_uring.
truncate -s 64M "$dir/uring.img" "$dir/direct.img"
uring=(--disk "guest=uring,file=$dir/uring.img,engine=uring"
    --disk "guest=direct,file=$dir/direct.img,engine=uring,direct=yes")
"$tools/splitiod/splitiod" --socket "$dir/check" --check "${uring[@]}" \
    2>"$dir/why" || uring=()
start_ready "$tools/splitiod/splitiod" --socket "$socket" "${uring[@]}" \
    --store-socket "$dir/store" \
    --disk "guest=files,file=$dir/files.img,readonly=yes" \
    --disk "guest=files,file=$dir/cd.iso,cdrom=yes,vdev=hdc" \
    --disk "guest=scratch,file=$dir/scratch.img"

for t in nbdinfo_tells_size_and_mode nbdcopy_out_is_the_image \
    e2fsck_of_the_copy_is_clean qemu_img_converts_and_checks \
    qemu_img_writes_through_the_front fio_verifies_what_it_wrote \
    fio_flushes_and_trims nbdfuse_shows_the_disk_as_a_file \
    writes_of_single_bytes_keep_the_rest; do
    check $t $t
done
if [ ${#uring[@]} != 0 ]; then
    for t in fio_verifies_what_io_uring_wrote \
        fio_verifies_what_it_wrote_past_the_cache; do
        check $t $t
    done
else
    skip io_uring "$(cat "$dir/why")"
fi
if command -v xenstore-ls >/dev/null; then
    for t in xenstore_ls_shows_both_halves_connected \
        xenstore_ls_shows_a_cdrom a_guest_reads_its_cdrom \
        xenstore_write_read_list_chmod_rm xenstore_watch_hears_of_a_change; do
        check $t $t
    done
else
    skip xenstore_tools "no xenstore-utils; ./dev install-deps"
fi
# Not by check: only the shell that started a process can wait for it.
if stop_daemons; then
    ok daemon_stops_cleanly
else
    cat "$dir/log"
    not_ok daemon_stops_cleanly
fi
