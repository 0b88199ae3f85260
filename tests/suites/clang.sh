# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# The unit tests, built by clang.
. scripts/lib.sh
. scripts/ctest.sh
command -v clang >/dev/null || { skip clang "no clang"; exit; }
build_preset clang || exit 1
run_ctest clang -L '^unit$'
