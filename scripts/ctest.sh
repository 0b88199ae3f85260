# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Runs CTest and translates what it found for scripts/test.sh. Sourced.

# run_ctest PRESET [CTEST-OPTION...]: one line for each cmocka case, and one for
# each test that is not a cmocka program.
run_ctest()
{
    local dir=build/$1 xml
    shift
    xml=$PWD/$dir/junit.xml
    rm -f "$xml"
    ctest --test-dir "$dir" -j "$(jobs)" --output-junit "$xml" --timeout 300 \
        --test-output-size-passed 4000000 --test-output-size-failed 4000000 \
        --no-tests=ignore "$@" >"$dir/ctest.out" 2>&1
    [ -f "$xml" ] || {
        cat "$dir/ctest.out"
        not_ok "ctest in $dir"
        return
    }
    awk -f scripts/junit.awk "$xml"
}

# test_targets PRESET [CTEST-OPTION...]: the programs of these tests. Some are
# run by several tests, of which one has their name.
test_targets()
{
    local dir=build/$1
    shift
    ninja -C "$dir" -t targets all | sed -n 's/^\([a-z0-9_-]*\): phony$/\1/p' \
        >"$dir/targets"
    ctest --test-dir "$dir" -N "$@" | sed -n 's/^ *Test *#[0-9]*: *//p' |
        grep -xFf "$dir/targets"
}
