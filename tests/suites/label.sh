# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# label.sh LABEL: the CTest tests of the default build with this label.
. scripts/lib.sh
. scripts/ctest.sh
build_preset default || exit 1
run_ctest default -L "^$1\$" | grep . || not_ok "$1" "no suite and no label of this name"
