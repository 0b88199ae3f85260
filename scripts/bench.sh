#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# bench.sh [NAME...]: builds and measures NAME, or all there is. bench/NAME.sh
# runs splitio and its peers by turns; the program bench_NAME measures parts of
# splitio by themselves: medians, then ratios. SPLITIO_BENCH_ARGS goes to Google
# Benchmark (see --help of a bench program). The turns: SPLITIO_BENCH_PAIRS of
# SPLITIO_BENCH_SECONDS.
set -u
cd "$(dirname "$(readlink -f "$0")")/.." || exit 1
. scripts/lib.sh

need build clients bench
[ -z "$(missing_packages bench)" ] || die "benchmarks need $(missing_packages bench)"
mkdir -p build/bench
build_preset bench >build/bench.log 2>&1 || {
    tail -40 build/bench.log
    die "the benchmarks do not build"
}

parts()
{
    local csv=build/bench/$1.csv
    say "== $1: parts"
    sed -n '/^ \* /{s/^ \* //p;b};/\*\//q' "bench/bench_$1.c"
    # shellcheck disable=SC2086
    "build/bench/bench/bench_$1" --benchmark_repetitions=5 \
        --benchmark_min_time=0.1 --benchmark_enable_random_interleaving=true \
        --benchmark_report_aggregates_only=true \
        --benchmark_out="$csv" --benchmark_out_format=csv \
        ${SPLITIO_BENCH_ARGS:-} >"build/bench/$1.txt" 2>&1 || {
        cat "build/bench/$1.txt"
        die "$1 failed"
    }
    awk -f scripts/bench.awk "$csv" | sort -V
    awk -v ratios=1 -f scripts/bench.awk "$csv" | sort -V
}

# Splitio first, its peer, unit, ratio (above 1: splitio is better), its spread.
by_turns()
{
    say "== $1: by turns with a peer"
    bash "bench/$1.sh" || die "$1 failed"
    awk -v form=svg -f scripts/results.awk "build/bench/results/$1" \
        >"build/bench/$1.svg"
}

# All groups that were ever measured here: results.json, and the table.
collect()
{
    awk '{line[NR] = $0} END {print "["
        for (i = 1; i <= NR; i++) print line[i] (i < NR ? "," : "")
        print "]"}' build/bench/results/* >build/bench/results.json
    {
        sed '/<!-- results -->/q' docs/performance.md
        say "| group | what | peer | splitio | peer's | ratio | spread |"
        say "|---|---|---|---|---|---|---|"
        awk -v form=table -f scripts/results.awk build/bench/results/*
        sed -n '/<!-- end of results -->/,$p' docs/performance.md
    } >build/bench/performance.md
    cp build/bench/performance.md docs/performance.md
}

all=$(for f in bench/bench_*.c bench/[!p]*.sh; do
    f=${f##*/} f=${f%.*}
    say "${f#bench_}"
done | sort -u)
[ $# -gt 0 ] || set -- $all
for name in "$@"; do
    [ -e "bench/bench_$name.c" ] || [ -e "bench/$name.sh" ] ||
        die "no such benchmark: $name; there are:" $all
    [ ! -e "bench/bench_$name.c" ] || parts "$name"
    [ ! -e "bench/$name.sh" ] || { by_turns "$name" && collect; }
done
