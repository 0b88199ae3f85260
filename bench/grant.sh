# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Copies out of granted pages against memcpy between the same places, of pages that
# the processor has in its caches and of more than it can have there; and whether
# a table that is 64 times as large costs more, or a second thread.
. scripts/lib.sh
group=grant
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
. bench/pairs.sh

batch=1 bytes=64
of() { part bench_grant "$1/$batch"; }
copy() { part bench_grant "grant_copy/splitio/$bytes"; }
memcpy() { part bench_grant "grant_copy/memcpy/$bytes"; }
copies() { of grant_copies/splitio; }
copies_two() { of grant_copies/two; }
memcpys() { of grant_copies/memcpy; }
lend() { of grant_lend/splitio; }
lend_big() { of grant_lend/big; }
map() { of grant_map/splitio; }
map_big() { of grant_map/big; }

for bytes in 64 1024 4096; do
    pair "copy of $bytes bytes, pages in the cache" memcpy ns lower copy memcpy
done
for batch in 1 8 64; do
    pair "copy of 4 KiB, 16 MiB of pages, $batch at once" memcpy ns lower \
        copies memcpys
done
pair "copy of 4 KiB, $batch at once, of two threads" "one thread" ns lower \
    copies_two copies
for batch in 1 64; do
    pair "lend and revoke, $batch at once, 32768 entries" "512 entries" ns lower \
        lend_big lend
    pair "map and unmap, $batch at once, 32768 entries" "512 entries" ns lower \
        map_big map
done
