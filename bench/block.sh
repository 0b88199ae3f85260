# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# A guest's disk, from its front to the file, against the file itself: fio with
# io_uring; and through NBD, against nbdkit's file plugin. The file is in the
# page cache.
. scripts/lib.sh
. scripts/daemon.sh
group=block
daemon_init
. bench/pairs.sh

image=$dir/image
size_mib=128

# What a run does; the functions below read it.
op=read order=random bytes=4096 depth=1

ours() { timeout 60 "$bin/bench/load_blk" "$socket" g $op $order $bytes $depth "$seconds"; }

# fio_iops OPTION...: the requests a second of one run.
fio_iops()
{
    local rw=$op
    [ $order = sequential ] || rw=rand$op
    (cd "$dir" && timeout 60 fio --name=peer --rw=$rw --bs=$bytes \
        --iodepth=$depth --size=${size_mib}m --runtime="${seconds}s" \
        --time_based --norandommap --gtod_reduce=1 --output-format=terse "$@") |
        awk -F';' 'NF > 49 {printf "%d\n", $8 + $49}'
}
# As fio's manual has it for speed: buffers and file registered, the cache left.
by_fio()
{
    fio_iops --filename="$image" --ioengine=io_uring --fixedbufs=1 \
        --registerfiles=1 --invalidate=0
}
nbd_ours() { fio_iops --ioengine=nbd --uri="nbd+unix:///?socket=$dir/nbd-ours"; }
nbd_file() { fio_iops --ioengine=nbd --uri="nbd+unix:///?socket=$dir/nbd-file"; }

# all_cases NAME PEER OURS THEIRS
all_cases()
{
    for depth in 1 32; do
        for op in read write; do
            order=random bytes=4096
            pair "$1 $op 4K random, depth $depth" "$2" "IO/s" higher "$3" "$4"
            order=sequential bytes=131072
            pair "$1 $op 128K sequential, depth $depth" "$2" "IO/s" higher \
                "$3" "$4"
        done
    done
}

# nbd_server NAME ARGUMENT...: nbdkit on $dir/nbd-NAME.
nbd_server()
{
    local name=$1
    shift
    nbdkit -f -U "$dir/nbd-$name" -P "$dir/$name.pid" "$@" 2>>"$dir/log" &
    daemons+=($!)
    until [ -s "$dir/$name.pid" ]; do
        kill -0 $! 2>/dev/null || die "nbdkit does not start: $(tail -n 1 "$dir/log")"
        sleep 0.1
    done
}

dd if=/dev/urandom of="$image" bs=1M count=$size_mib status=none
for engine in null file uring; do
    case $engine in
    null) disk=null=${size_mib}M ;;
    file) disk=file=$image ;;
    uring) disk=file=$image,engine=uring ;;
    esac
    "$splitiod" --socket "$socket" --disk "guest=g,$disk" --check \
        >/dev/null 2>"$dir/why" || {
        say "$engine engine: not measured: $(cat "$dir/why")"
        continue
    }
    start_ready "$splitiod" --socket "$socket" --disk "guest=g,$disk"
    all_cases "$engine engine," "fio io_uring" ours by_fio
    if [ $engine = file ]; then
        nbd_server ours "$bin/tools/nbdkit/nbdkit-splitio-plugin.so" \
            "socket=$socket" guest=g
        nbd_server file file "$image"
        all_cases "NBD, file engine," "nbdkit file" nbd_ours nbd_file
    fi
    stop_daemons
done
