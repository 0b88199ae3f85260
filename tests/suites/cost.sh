# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# What the paths of a request cost in instructions, which is the same on every
# run: against the figures in bench/costs.txt. SPLITIO_COST=write writes today's
# there.
. scripts/lib.sh
. scripts/count.sh
need bench
command -v valgrind >/dev/null || { skip cost "no valgrind; ./dev install-deps"; exit; }
kept=bench/costs.txt
# A compiler moves an instruction or two.
tolerance=3

programs=$(awk '!/^#/ {sub(/_.*/, "", $1); print "cost_" $1}' $kept | sort -u)
# shellcheck disable=SC2086
build_preset bench $programs || exit 1
head -n 2 $kept >build/bench/costs
while read -r name was; do
    case $name in \#* | "") continue ;; esac
    now=$(cost "$name" </dev/null)
    printf '%-28s %8s\n' "$name" "$now" >>build/bench/costs
    check "cost.$name is $now instructions, kept $was" awk -v n="$now" \
        -v w="$was" -v t=$tolerance 'BEGIN {exit !(n > 0 && n <= w * (1 + t / 100))}'
done <$kept
[ "${SPLITIO_COST:-}" != write ] || cp build/bench/costs $kept
