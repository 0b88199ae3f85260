# SPDX-License-Identifier: BSD-2-Clause
# RISC-V, 64 bits, little-endian.
set(splitio_triplet riscv64-linux-gnu)
set(splitio_qemu qemu-riscv64)
set(CMAKE_SYSTEM_PROCESSOR riscv64)
include(${CMAKE_CURRENT_LIST_DIR}/debian.cmake)
