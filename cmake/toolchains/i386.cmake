# SPDX-License-Identifier: BSD-2-Clause
# x86, 32 bits, little-endian; 64-bit fields are aligned to 4 bytes.
set(splitio_triplet i686-linux-gnu)
set(splitio_qemu qemu-i386)
set(CMAKE_SYSTEM_PROCESSOR i386)
include(${CMAKE_CURRENT_LIST_DIR}/debian.cmake)
