# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Frames from a guest's front to its back, and from guest to guest through the
# switch; against dpdk-testpmd, virtio-user to vhost-user, and against TCP over a
# pair of veth interfaces.
. scripts/lib.sh
. scripts/daemon.sh
group=net
daemon_init
. bench/pairs.sh

bytes=64 had=
load() { timeout 60 "$bin/bench/load_net" "$socket" "$@"; }
to_back() { load a send $bytes "$seconds"; }

# Counted where they arrive; the sender goes on until then.
to_guest()
{
    local pid rc
    load a send $bytes 60 >/dev/null &
    pid=$!
    load b receive "$seconds"
    rc=$?
    kill $pid
    wait $pid
    return $rc
}
to_guest_gbps() { to_guest | awk -v b=$bytes '{printf "%.3f\n", $1 * b * 8 / 1e9}'; }

# Frames a second that the vhost side gets, the best second of a few. Both poll,
# each on a processor of its own.
testpmd()
{
    local vhost
    rm -f "$dir/vhost"
    { sleep 3; say quit; } | timeout 30 dpdk-testpmd -l 0,1 --in-memory --no-pci \
        --file-prefix="v$$" -m 192 --vdev "net_vhost0,iface=$dir/vhost" -- \
        --forward-mode=rxonly --total-num-mbufs=8192 --stats-period 1 \
        --auto-start >"$dir/vhost.log" 2>&1 &
    vhost=$!
    until [ -S "$dir/vhost" ]; do
        kill -0 $vhost 2>/dev/null || return 1
        sleep 0.1
    done
    { sleep 2; say quit; } | timeout 30 dpdk-testpmd -l 0,1 --main-lcore=1 \
        --in-memory --single-file-segments --no-pci --file-prefix="u$$" -m 192 \
        --vdev "net_virtio_user0,path=$dir/vhost" -- --forward-mode=txonly \
        --txpkts=$bytes --total-num-mbufs=8192 --stats-period 1 --auto-start \
        >"$dir/user.log" 2>&1
    wait $vhost
    awk '$1 == "Rx-pps:" && $2 > most {most = $2} END {print most}' "$dir/vhost.log"
}

iperf_gbps()
{
    local server
    ip netns exec "$net_prefix-b" iperf3 -s -1 >/dev/null 2>&1 &
    server=$!
    until ip netns exec "$net_prefix-b" ss -ltn | grep -q ':5201'; do
        kill -0 $server 2>/dev/null || return 1
        sleep 0.1
    done
    ip netns exec "$net_prefix-a" iperf3 -c 192.0.2.2 -t 1 -f m |
        awk '/receiver/ {printf "%.3f\n", $7 / 1000}'
    wait $server
}

veth_pair()
{
    local a=$net_prefix-a b=$net_prefix-b
    namespaces+=("$a" "$b")
    ip netns add "$a" && ip netns add "$b" &&
        ip link add v0 netns "$a" type veth peer name v0 netns "$b" &&
        ip -n "$a" address add 192.0.2.1/24 dev v0 &&
        ip -n "$b" address add 192.0.2.2/24 dev v0 &&
        ip -n "$a" link set v0 up && ip -n "$b" link set v0 up
}

# Memory that two processes can share, as DPDK wants it: 2 MiB pages.
huge_pages()
{
    had=$(cat /proc/sys/vm/nr_hugepages) || return
    [ "$had" -ge 220 ] || say 220 >/proc/sys/vm/nr_hugepages 2>/dev/null
    [ "$(cat /proc/sys/vm/nr_hugepages)" -ge 220 ]
}

start_ready "$splitiod" --socket "$socket" --switch name=lan \
    --nic guest=a,switch=lan,mac=02:00:00:00:00:01 \
    --nic guest=b,switch=lan,mac=02:00:00:00:00:02
if command -v dpdk-testpmd >/dev/null && [ "$(id -u)" = 0 ] && huge_pages; then
    for bytes in 64 1500; do
        pair "$bytes B, front to back" "testpmd virtio-user" "frames/s" higher \
            to_back testpmd
        pair "$bytes B, front to front" "testpmd virtio-user" "frames/s" higher \
            to_guest testpmd
    done
else
    say "testpmd: not measured: needs root, dpdk-testpmd and 440 MiB of huge pages"
fi
if can_unshare && veth_pair; then
    bytes=65000
    pair "64K TCP segments, front to front" "iperf3 on veth" "Gbit/s" higher \
        to_guest_gbps iperf_gbps
else
    say "veth: not measured: needs root, for network namespaces"
fi
stop_daemons
[ -z "$had" ] || say "$had" >/proc/sys/vm/nr_hugepages 2>/dev/null
:
