# SPDX-License-Identifier: BSD-2-Clause
# Arm, 32 bits (version 7), little-endian.
set(splitio_triplet arm-linux-gnueabihf)
set(splitio_qemu qemu-arm)
set(CMAKE_SYSTEM_PROCESSOR armhf)
include(${CMAKE_CURRENT_LIST_DIR}/debian.cmake)
