# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Every example runs, and prints what its README says.
. scripts/lib.sh
. scripts/ctest.sh
build_preset default || exit 1
run_ctest default -L '^examples$'
