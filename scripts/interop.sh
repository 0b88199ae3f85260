#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# interop.sh LAB...: the library with real peers on real machines, which QEMU
# emulates. Each lab is a folder of tests/interop with a run.sh, which prints
# "PASS name" or "FAIL name: why" for each feature.
set -u
cd "$(dirname "$(readlink -f "$0")")/.." || exit 1
. scripts/lib.sh

labs=$(cd tests/interop && for f in */run.sh; do echo "${f%/run.sh}"; done)
[ $# -gt 0 ] || die "interop needs the name of a lab: $labs"
for lab in "$@"; do
    [ -x "tests/interop/$lab/run.sh" ] || die "no lab $lab; there are: $labs"
done
need build interop
failed=0
for lab in "$@"; do
    "tests/interop/$lab/run.sh" || failed=1
done
exit $failed
