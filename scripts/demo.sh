#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The main job on real data: a file system copied out through the block drivers
# and checked, data written and read back, and guests' kernels talking TCP
# across the switch while an isolated one hears nothing.
set -u
cd "$(dirname "$(readlink -f "$0")")/.." || exit 1
. scripts/lib.sh
. scripts/daemon.sh

seconds=${SPLITIO_DEMO_SECONDS:-5} # of each iperf3 run
table=()
row() { table+=("$(printf '%-34s %s' "$1" "$2")"); }
step() { say "==> $*"; }
now() { date +%s%N; }

# rate BYTES START: "123 MB in 0.45 s, 273 MB/s"
rate()
{
    awk -v b="$1" -v n="$(($(now) - $2))" 'BEGIN {
        printf "%.0f MB in %.2f s, %.0f MB/s", b/1e6, n/1e9, b*1e3/n }'
}

make_image()
{
    local kib
    step "making an ext4 image of $tree"
    kib=$(du -sk --apparent-size "$tree" | cut -f1)
    mke2fs -q -t ext4 -L splitio-demo -d "$tree" "$dir/disk.img" \
        $((kib * 3 / 2 + 32768))k || die "mke2fs failed"
    truncate -s 64M "$dir/scratch.img"
    row "ext4 image of $tree" "$(du -m --apparent-size "$dir/disk.img" |
        cut -f1) MiB, $(find "$tree" -type f | wc -l) files"
}

# nbd GUEST VDEV COMMAND...: run a command with $uri on a guest's disk.
nbd()
{
    local guest=$1 vdev=$2
    shift 2
    run nbdkit -f -U - "$plugin" "socket=$socket" "guest=$guest" "vdev=$vdev" \
        --run "$*"
}

disk_part()
{
    local start
    step "copying the disk out: blkfront, ring, blkback, file"
    start=$(now)
    nbd reader xvda "nbdcopy --progress \"\$uri\" '$dir/copy.img'" ||
        die "nbdcopy failed"
    row "read through blkfront" "$(rate "$(stat -c %s "$dir/disk.img")" "$start")"

    step "comparing SHA-256 and checking the file system"
    [ "$(sha256sum <"$dir/disk.img")" = "$(sha256sum <"$dir/copy.img")" ] ||
        die "the copy differs from the image"
    row "SHA-256 of image and copy" "equal"
    e2fsck -fn "$dir/copy.img" >"$dir/e2fsck.log" 2>&1 ||
        { cat "$dir/e2fsck.log" && die "e2fsck found errors"; }
    row "e2fsck of the copy" "clean"

    step "writing through the front, flushing, reading back"
    head -c 64M /dev/urandom >"$dir/random"
    start=$(now)
    nbd writer xvda "nbdcopy --flush --progress '$dir/random' \"\$uri\"" ||
        die "writing failed"
    row "written and flushed" "$(rate 67108864 "$start")"
    nbd writer xvda "nbdcopy \"\$uri\" '$dir/back'" || die "reading back failed"
    cmp "$dir/random" "$dir/back" || die "what was read is not what was written"
    cmp "$dir/random" "$dir/scratch.img" || die "the image has other data"
    row "read back, and in the image" "equal"
}

# guest NAME ADDRESS: a network namespace whose eth0 is a netfront.
guest()
{
    local ns=$net_prefix-$1
    ip netns add "$ns" || die "cannot make a network namespace"
    namespaces+=("$ns")
    start_ready "$bin/splitio-guest/splitio-guest" --socket "$socket" \
        --guest "$1" --netns "/run/netns/$ns" --tap eth0
    ip -n "$ns" link set lo up
    ip -n "$ns" address add "$2/24" dev eth0
    ip -n "$ns" link set eth0 up
}

# heard NAME: frames that a namespace's eth0 has received.
heard()
{
    ip netns exec "$net_prefix-$1" cat /sys/class/net/eth0/statistics/rx_packets 2>/dev/null ||
        ip -n "$net_prefix-$1" -s -j link show eth0 |
        sed -n 's/.*"rx":{[^}]*"packets":\([0-9]*\).*/\1/p'
}

iperf()
{
    local from=$1 to=$2 mbit line
    exec 8< <(ip netns exec "$net_prefix-$to" iperf3 -s -1 --forceflush 2>&1)
    while read -r line <&8; do
        [[ $line != *listening* ]] || break
    done
    mbit=$(ip netns exec "$net_prefix-$from" iperf3 -c "$3" -t "$seconds" -J |
        awk '/"sum_received"/ {in_sum=1}
             in_sum && /"bits_per_second"/ {gsub(/[^0-9.e+]/, "", $2)
                 printf "%.0f", $2/1e6; exit}')
    cat <&8 >"$dir/iperf-$to.log" # until it ends
    exec 8<&-
    [ -n "$mbit" ] || die "iperf3 from $from to $to failed"
    row "iperf3 $from to $to" "$mbit Mbit/s"
}

net_part()
{
    local before after
    step "three guests with TCP stacks of their own, one on an isolated port"
    guest a 192.0.2.1
    guest b 192.0.2.2
    guest c 192.0.2.3
    before=$(heard c)
    step "ping"
    ip netns exec "$net_prefix-a" ping -q -c 20 -i 0.02 192.0.2.2 >"$dir/ping" ||
        { cat "$dir/ping" && die "no answer"; }
    row "ping a to b, 20 times" "$(sed -n 's/^rtt.*= //p' "$dir/ping")"
    step "iperf3, both ways, $seconds s each"
    iperf a b 192.0.2.2
    iperf b a 192.0.2.1
    if ip netns exec "$net_prefix-a" ping -q -c 2 -i 0.2 -W 1 192.0.2.3 >/dev/null; then
        die "the isolated guest answered"
    fi
    after=$(heard c)
    [ "$before" = "$after" ] ||
        die "the isolated guest heard $((after - before)) frames"
    row "frames heard by isolated guest c" "0"
}

need build clients
build_preset default >/dev/null || die "the build failed; see ./dev build"
bin=$PWD/build/default/tools
plugin=$bin/nbdkit/nbdkit-splitio-plugin.so
tree=${SPLITIO_DEMO_TREE:-/usr/include}
[ -d "$tree" ] || die "$tree: no such directory; set SPLITIO_DEMO_TREE to one"
daemon_init # $dir, $socket, clean-up on every way out

begin=$SECONDS
make_image
step "starting splitiod"
start_ready "$bin/splitiod/splitiod" --socket "$socket" \
    --store-socket "$dir/store" \
    --disk "name=root,guest=reader,file=$dir/disk.img,readonly=yes" \
    --disk "name=scratch,guest=writer,file=$dir/scratch.img" \
    --switch name=lan \
    --nic name=a0,guest=a,switch=lan,mac=52:54:00:00:00:0a \
    --nic name=b0,guest=b,switch=lan,mac=52:54:00:00:00:0b \
    --nic name=c0,guest=c,switch=lan,mac=52:54:00:00:00:0c,isolated=yes
disk_part
if can_unshare; then
    net_part
else
    say "==> no network part: it needs root, for network namespaces"
    row "ping, iperf3, isolation" "left out: needs root"
fi
step "stopping splitiod"
stop_daemons || die "splitiod did not end cleanly"
row "splitiod" "stopped cleanly, $((SECONDS - begin)) s in all"

say
printf '  %s\n' "${table[@]}"
