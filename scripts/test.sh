#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Runs test suites and counts. A suite is a script in tests/suites, which prints
# "ok - ", "not ok - " or "skip - " and a name for each check; or a label of
# CTest's in the default build.
set -u
cd "$(dirname "$(readlink -f "$0")")/.." || exit 1
. scripts/lib.sh

# All suites, fast ones first.
all="lint headers abi unit conformance core cost size install examples hosted input clients clang asan tsan doc demo modules partition coverage cross lab-ivshmem lab-vmm"

suites=
for s in "${@:-all}"; do
    case $s in
    all) suites="$suites $all" ;;
    list)
        say "suites: $all"
        say "or any label of CTest, in the default build"
        exit
        ;;
    *)
        suites="$suites $s"
        ;;
    esac
done

need build test clients
mkdir -p build/log
passed=0 failed=0 skipped=0 k=0
set -- $suites
for s in "$@"; do
    log=build/log/$s.log
    k=$((k + 1)) start=$SECONDS
    printf '[%2d/%d] %-11s' "$k" $# "$s"
    suite=tests/suites/$s.sh
    [ -f "$suite" ] || suite=tests/suites/label.sh
    bash "$suite" "$s" >"$log" 2>&1 </dev/null
    rc=$?
    p=$(grep -c '^ok - ' "$log")
    f=$(grep -c '^not ok - ' "$log")
    n=$(grep -c '^skip - ' "$log")
    if [ $rc -ne 0 ] && [ "$f" = 0 ]; then
        say "not ok - $s: the suite ended with status $rc" >>"$log"
        f=1
    fi
    say "$p passed, $f failed, $n skipped ($((SECONDS - start)) s)"
    grep '^skip - ' "$log" | sed 's/^/        /'
    if [ "$f" != 0 ]; then
        grep '^not ok - ' "$log" | sed 's/^/        /'
        say "        --- the end of $log:"
        tail -n "${SPLITIO_LOG_LINES:-60}" "$log" | sed 's/^/        /'
    fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + n))
done
tail=
[ $skipped = 0 ] || tail=", $skipped skipped"
say "$passed passed, $failed failed$tail"
[ $failed = 0 ] && [ $passed != 0 ]
