# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Two threads that sleep until they are notified: how soon they are awake, against
# eventfds alone; and how seldom they need it, against Xen's ring.h.
. scripts/lib.sh
group=notify
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
. bench/pairs.sh

load() { "$bin/bench/load_notify_$1" "$2" "$seconds" "$3"; }
one() { load splitio 1 rate; }
xen_one() { load xen 1 rate; }
pingpong() { "$bin/bench/load_pingpong" "$seconds"; }
sent() { load splitio 32 notifications; }
xen_sent() { load xen 32 notifications; }
many() { load splitio 32 rate; }
xen_many() { load xen 32 rate; }

pair "1 in flight, asleep between" "eventfd ping-pong" "1/s" higher one pingpong
pair "1 in flight, asleep between" "Xen's ring.h" "1/s" higher one xen_one
pair "notifications for 1000 requests, 32 in flight" "Xen's ring.h" "" lower \
    sent xen_sent
pair "32 in flight, asleep between" "Xen's ring.h" "1/s" higher many xen_many
