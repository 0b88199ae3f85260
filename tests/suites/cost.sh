# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# What the paths of a request cost in instructions, which is the same on every
# run: against the figures in bench/costs.txt. SPLITIO_COST=write writes today's
# there.
. scripts/lib.sh
need bench
command -v valgrind >/dev/null || { skip cost "no valgrind; ./dev install-deps"; exit; }
kept=bench/costs.txt build=build/bench/bench
# A compiler moves an instruction or two.
tolerance=3

# instructions PROGRAM NAME N
instructions()
{
    valgrind --tool=callgrind --callgrind-out-file=/dev/null \
        "$build/$1" "$2" "$3" 2>&1 | sed -n 's/.*Collected : //p'
}

# cost NAME: of one of what the benchmark does.
cost()
{
    local n=25600 once twice
    once=$(instructions "cost_${1%%_*}" "$1" $n)
    twice=$(instructions "cost_${1%%_*}" "$1" $((2 * n)))
    awk -v a="${once:-0}" -v b="${twice:-0}" -v n=$n \
        'BEGIN {printf "%.1f", (b - a) / n}'
}

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
