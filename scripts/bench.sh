#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# bench.sh [NAME...]: builds and runs bench_NAME, or all; medians, then ratios.
# SPLITIO_BENCH_ARGS goes to Google Benchmark (see --help of a bench program).
set -u
cd "$(dirname "$(readlink -f "$0")")/.." || exit 1
. scripts/lib.sh

need build bench
[ -z "$(missing_packages bench)" ] || die "benchmarks need $(missing_packages bench)"
build_preset bench >build/bench.log 2>&1 || {
    tail -40 build/bench.log
    die "the benchmarks do not build"
}
names=${*:-$(cd build/bench/bench && for f in bench_*; do
    [ -x "$f" ] && [ -f "$f" ] && echo "${f#bench_}"
done)}
for name in $names; do
    program=build/bench/bench/bench_$name
    [ -x "$program" ] || die "no such benchmark: $name"
    csv=build/bench/$name.csv
    say "== $name"
    sed -n '/^ \* /{s/^ \* //p;b};/\*\//q' "bench/bench_$name.c"
    # shellcheck disable=SC2086
    "$program" --benchmark_repetitions=5 --benchmark_min_time=0.1 \
        --benchmark_enable_random_interleaving=true \
        --benchmark_report_aggregates_only=true \
        --benchmark_out="$csv" --benchmark_out_format=csv \
        ${SPLITIO_BENCH_ARGS:-} >build/bench/$name.txt 2>&1 || {
        cat build/bench/$name.txt
        die "$name failed"
    }
    awk -f scripts/bench.awk "$csv" | sort -V
    awk -v ratios=1 -f scripts/bench.awk "$csv" | sort -V
done
