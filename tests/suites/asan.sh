# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# All tests under the address and undefined-behaviour sanitizers.
. scripts/lib.sh
. scripts/ctest.sh
command -v clang >/dev/null || { skip asan "no clang"; exit; }
export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1
export UBSAN_OPTIONS=print_stacktrace=1
build_preset asan || exit 1
run_ctest asan -LE '^(abi|demo)$'
