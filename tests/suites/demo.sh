# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# The demo, as a newcomer runs it, and interrupted: nothing may be left behind.
. scripts/lib.sh
. scripts/daemon.sh

left()
{
    find "${TMPDIR:-/tmp}" -maxdepth 1 -name 'splitio.*' -newer build/log/begin
    ip netns list 2>/dev/null | grep '^sio' || true
    pgrep -x 'splitiod|splitio-guest' || true
}
nothing_left() { [ -z "$(left)" ] || { left; return 1; }; }

mkdir -p build/log
touch build/log/begin
export SPLITIO_DEMO_SECONDS=2
if scripts/demo.sh >build/log/demo.out 2>&1; then
    ok demo
else
    tail -n 30 build/log/demo.out
    not_ok demo
fi
for row in 'SHA-256 of image and copy +equal' 'e2fsck of the copy +clean' \
    'read back, and in the image +equal'; do
    check "demo shows: $row" grep -Eq "$row" build/log/demo.out
done
if can_unshare; then
    for row in 'ping a to b' 'iperf3 a to b +[1-9]' 'iperf3 b to a +[1-9]' \
        'heard by isolated guest c +0'; do
        check "demo shows: $row" grep -Eq "$row" build/log/demo.out
    done
else
    skip "demo, network part" "needs root, for network namespaces"
fi
check demo_leaves_nothing nothing_left

SPLITIO_DEMO_TREE=/dev/null scripts/demo.sh >build/log/demo.fail 2>&1
check "demo that cannot begin ends with 1" test $? = 1
check demo_says_why grep -q '/dev/null: no such directory; set' build/log/demo.fail
check failed_demo_leaves_nothing nothing_left

# Interrupted once the daemon runs: told by the demo's own line.
rm -f build/log/fifo
mkfifo build/log/fifo
env --default-signal=INT setsid scripts/demo.sh >build/log/fifo 2>/dev/null &
pid=$!
while read -r line; do
    case $line in *"copying the disk"*) kill -INT -- "-$pid"; break ;; esac
done <build/log/fifo
wait $pid
rc=$?
rm -f build/log/fifo
check "demo interrupted ends with 130, was $rc" test $rc = 130
check interrupted_demo_leaves_nothing nothing_left
