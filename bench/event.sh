# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# From sending an event to its handler: event channels against what programs on
# Linux have for it, eventfd; with many of them, in an epoll set.
. scripts/lib.sh
. scripts/daemon.sh
group=event
daemon_init
. bench/pairs.sh

# What a run does; the functions below read it.
program='' our_part='' their_part=''
by_splitio() { part "$program" "$our_part"; }
by_peer() { part "$program" "$their_part"; }

# versus NAME PEER PROGRAM OUR_PART THEIR_PART
versus()
{
    program=$3 our_part=$4 their_part=$5
    pair "$1" "$2" ns lower by_splitio by_peer
}

versus "1 of 4096 ports, 2-level" epoll bench_port \
    port_one/splitio/4096 port_one/epoll/4096
versus "1 of 4096 ports, FIFO" epoll bench_port \
    port_one/fifo/4096 port_one/epoll/4096
versus "1 of 131072 ports, FIFO" epoll bench_port \
    port_one/fifo/131072 port_one/epoll/131072
versus "1 send, one look" eventfd bench_event \
    event_handle/splitio/1 event_handle/eventfd/1
versus "32 sends, one look; each" eventfd bench_event \
    event_handle/splitio/32 event_handle/eventfd/32
versus "to a thread that sleeps, and back" eventfd bench_event \
    event_wake/splitio/1 event_wake/eventfd/1
