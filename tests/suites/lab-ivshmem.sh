# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Linux with splitio's modules, under an unchanged QEMU; the comparison with virtio
# in its short form.
. scripts/lib.sh
. scripts/lab.sh
export LAB_ROUNDS=${LAB_ROUNDS:-1} LAB_SECONDS_EACH=${LAB_SECONDS_EACH:-1}
run_lab ivshmem
