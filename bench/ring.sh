# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Requests and responses of 64 bytes between two threads that poll, on a processor
# each: splitio's ring, the macros of Xen's ring.h, pairs of ck_ring and of
# rte_ring, and bare slots with a flag in them, which are the limit.
. scripts/lib.sh
group=ring
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
. bench/pairs.sh

load() { "$bin/bench/load_ring_$1" "$depth" "$seconds"; }
ours() { load splitio; }
xen() { load xen; }
ck() { load ck; }
rte() { load rte; }
slots() { load slots; }

for depth in 1 32 256; do
    pair "64 B, $depth in flight" "Xen's ring.h" "1/s" higher ours xen
    pair "64 B, $depth in flight" "pair of ck_ring" "1/s" higher ours ck
    pair "64 B, $depth in flight" "pair of rte_ring" "1/s" higher ours rte
    pair "64 B, $depth in flight" "limit" "1/s" higher ours slots
done
