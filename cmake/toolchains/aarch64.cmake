# SPDX-License-Identifier: BSD-2-Clause
# Arm, 64 bits, little-endian.
set(splitio_triplet aarch64-linux-gnu)
set(splitio_qemu qemu-aarch64)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
include(${CMAKE_CURRENT_LIST_DIR}/debian.cmake)
