# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Two programs, run by turns in one run, so that what else the machine does
# happens to both. Sourced by the groups' scripts; $group is set.

: "${group:?}" "${dir:?}" # by whoever sources this
pairs=${SPLITIO_BENCH_PAIRS:-15}
seconds=${SPLITIO_BENCH_SECONDS:-0.5}
results=build/bench/results
bin=$PWD/build/bench
splitiod=$bin/tools/splitiod/splitiod
mkdir -p $results
: >"$results/$group"

# A figure, or nothing and a line that says so.
figure()
{
    local got
    got=$("$@" 2>"$dir/said") && [[ $got =~ ^[0-9.]+$ ]] && say "$got" && return
    say "$group: $*: $(tail -n 1 "$dir/said")" >&2
    return 1
}

# part PROGRAM NAME: the nanoseconds that one benchmark of a program takes.
part()
{
    "$bin/bench/$1" --benchmark_filter="^$2/" --benchmark_min_time="$seconds" \
        --benchmark_format=csv | awk -F, '
        /^"/ && $3 {printf "%.1f\n", $3; next}
        /^"/ {print $NF >"/dev/stderr"}'
}

# pair NAME PEER UNIT higher|lower OURS THEIRS: two functions that print a figure
# each; which of the two is the better one. They take turns in going first.
pair()
{
    local i ours theirs
    for ((i = 0; i < pairs; i++)); do
        [ $((i % 2)) = 1 ] || { ours=$(figure "$5") || return; }
        theirs=$(figure "$6") || return
        [ $((i % 2)) = 0 ] || { ours=$(figure "$5") || return; }
        say "$ours $theirs"
    done | awk -v group="$group" -v name="$1" -v peer="$2" -v unit="$3" \
        -v better="$4" -f scripts/pairs.awk | tee -a "$results/$group" |
        awk -f scripts/results.awk
}
