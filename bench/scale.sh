# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# One splitiod with more and more guests, against itself with one: the processor
# time that it spends on a request, of which there are as many a second however
# many guests they come from. And what guests cost that do nothing.
. scripts/lib.sh
. scripts/daemon.sh
group=scale
daemon_init
. bench/pairs.sh

guests=1 idle=0 rate=5000
load() { timeout 120 "$bin/bench/load_scale" "$1" "$socket" "$daemon" "${@:2}"; }
many() { load cpu "$guests" $rate "$seconds" "$idle"; }
one() { load cpu 1 $rate "$seconds"; }
limit_memory() { say 64; }
limit_idle() { say 1000; }
memory() { load memory 1024; }
sleepers() { load idle 1024 2; }

ulimit -n "$(ulimit -Hn)"
for ((i = 0; i < 1024; i++)); do
    printf '[disk d%d]\nguest = g%d\nnull = 64M\n' $i $i
done >"$dir/conf"
start_ready "$splitiod" --socket "$socket" --max-guests 1024 --config "$dir/conf"
daemon=${daemons[0]}
for guests in 16 256 1024; do
    pair "processor time a request, $guests guests" "1 guest" ns lower many one
done
guests=1 idle=1023
pair "processor time a request, 1023 more idle" "1 guest" ns lower many one
pairs=3
pair "memory of an idle guest, 1024 of them" limit KiB lower memory limit_memory
pair "processor time of 1024 idle guests" limit "us/s" lower sleepers limit_idle
stop_daemons
