# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# splitio-vmm and its guests, in a machine that QEMU emulates.
. scripts/lib.sh
. scripts/lab.sh
run_lab vmm
