# SPDX-License-Identifier: BSD-2-Clause
# IBM Z, 64 bits, big-endian.
set(splitio_triplet s390x-linux-gnu)
set(splitio_qemu qemu-s390x)
set(CMAKE_SYSTEM_PROCESSOR s390x)
include(${CMAKE_CURRENT_LIST_DIR}/debian.cmake)
