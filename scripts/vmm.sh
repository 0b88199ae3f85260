#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# An unmodified Debian kernel as a guest of splitio-vmm, for a person to look at.
set -u
cd "$(dirname "$(readlink -f "$0")")/.." || exit 1
. scripts/lib.sh

[ -t 0 ] || die "vmm wants a terminal; \`./dev interop vmm\` does not"
need build interop
LAB_SCENES=shell exec tests/interop/vmm/run.sh
