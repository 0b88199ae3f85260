# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Counting instructions, which is the same on every run. Sourced; needs valgrind
# and the programs cost_* of the preset bench.

# instructions PROGRAM NAME N
instructions()
{
    valgrind --tool=callgrind --callgrind-out-file=/dev/null \
        "build/bench/bench/$1" "$2" "$3" 2>&1 | sed -n 's/.*Collected : //p'
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
