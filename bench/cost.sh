# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Instructions of a request of 64 bytes and its response, both halves of the ring in
# one thread: splitio's and the macros of Xen's ring.h.
. scripts/lib.sh
. scripts/count.sh
group=cost
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
. bench/pairs.sh
pairs=1 # every run counts the same

ours() { cost "ring_cycle/splitio/$batch"; }
xen() { cost "ring_cycle/xen/$batch"; }

for batch in 1 32 256; do
    pair "64 B and back, $batch a batch" "Xen's ring.h" instructions lower ours xen
done
