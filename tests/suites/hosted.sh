# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Every CTest test of the default build that no suite of its own runs.
. scripts/lib.sh
. scripts/ctest.sh
build_preset default || exit 1
run_ctest default -LE '^(unit|abi|examples|demo|conformance)$'
