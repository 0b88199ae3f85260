# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# The tests with more than one thread, under the thread sanitizer.
. scripts/lib.sh
. scripts/ctest.sh
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
build_preset tsan || exit 1
run_ctest tsan -L '^threads$'
