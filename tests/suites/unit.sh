# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# The unit tests, built by gcc.
. scripts/lib.sh
. scripts/ctest.sh
build_preset default || exit 1
run_ctest default -L '^unit$'
