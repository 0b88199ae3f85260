# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# The main job as `./dev demo` does it, with short network runs.
. scripts/lib.sh
for program in nbdkit nbdcopy mke2fs iperf3 ip ping; do
    command -v $program >/dev/null || { skip demo "no $program"; exit; }
done
out=$(SPLITIO_DEMO_SECONDS=1 scripts/demo.sh 2>&1)
rc=$?
say "$out"
row() # NAME TEXT: the table has a line with this
{
    if grep -q "^  .*$2" <<<"$out"; then ok "demo.$1"; else not_ok "demo.$1"; fi
}
row copy_through_blkfront_equals_the_image "SHA-256 of image and copy *equal"
row file_system_of_the_copy_is_clean "e2fsck of the copy *clean"
row data_written_is_in_the_image "read back, and in the image *equal"
if grep -q "left out: needs root" <<<"$out"; then
    skip demo.network "needs root"
else
    row guests_talk_tcp_both_ways "iperf3 b to a *[1-9]"
    row isolated_guest_hears_nothing "isolated guest c *0\$"
fi
row daemon_stops_cleanly "splitiod *stopped cleanly"
exit $rc
