# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# How much of the core the unit and fake-machine tests run, against the figures
# in tests/coverage.txt. SPLITIO_COVERAGE=write writes today's there.
. scripts/lib.sh
. scripts/ctest.sh
need coverage
command -v gcovr >/dev/null || { skip coverage "no gcovr; ./dev install-deps"; exit; }
kept=tests/coverage.txt build=build/coverage
# Threads and random inputs walk a few paths more or less each time.
tolerance=1.0

# One line a folder: name, per cent of lines, per cent of branches. The engines
# have tests of their own, and are not counted.
figures()
{
    gcovr -r . --object-directory $build --filter src/ --filter include/ \
        --exclude src/disk --exclude src/nic -j "$(jobs)" --csv 2>/dev/null |
        awk -F, 'NR > 1 {
            split($1, a, "/")
            dir = a[1] == "src" ? a[1] "/" a[2] : "include"
            add(dir)
            add("all")
            if (dir ~ /^src\/(proto|ring|grant|event)$/) add("protocol")
        }
        function add(d) {
            lines[d] += $2; ran[d] += $3; branches[d] += $5; taken[d] += $6
        }
        function share(a, b) { return b ? 100 * a / b : 100 }
        END {
            for (d in lines)
                printf "%-15s %6.1f %6.1f\n", d, share(ran[d], lines[d]),
                    share(taken[d], branches[d])
        }' | LC_ALL=C sort
}

# compare NAME COLUMN WORD: not less than what is kept.
compare()
{
    local now was
    now=$(awk -v d="$1" -v c="$2" '$1 == d {print $c}' $build/figures)
    was=$(awk -v d="$1" -v c="$2" '$1 == d {print $c}' $kept)
    check "coverage.$1 $3 ${now:-none} %, kept $was %" \
        awk -v n="${now:-0}" -v w="$was" -v t=$tolerance \
        'BEGIN {exit !(n + t >= w)}'
}

cmake --preset coverage >/dev/null || exit 1
tests=$(test_targets coverage -L '^(unit|fake|conformance)$')
build_preset coverage $tests || exit 1
find $build -name '*.gcda' -delete
run_ctest coverage -L '^(unit|fake|conformance)$' | grep -v '^ok - '
figures >$build/figures
cat $build/figures
[ "${SPLITIO_COVERAGE:-}" != write ] || {
    say "# Per cent of lines and of branches that the tests run; the floor."
    cat $build/figures
} >$kept
while read -r name _; do
    case $name in \#* | "") continue ;; esac
    compare "$name" 2 lines
    compare "$name" 3 branches
done <$kept
# What the protocols must have whatever is kept.
check "coverage.protocol is at least 95 % of lines and 90 % of branches" \
    awk '$1 == "protocol" {good = $2 >= 95 && $3 >= 90} END {exit !good}' \
    $build/figures
