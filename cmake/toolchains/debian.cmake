# SPDX-License-Identifier: BSD-2-Clause
# A cross compiler of Debian's, and qemu to run what it makes. Included by the
# file of each architecture, which has set splitio_triplet and splitio_qemu.
# The tests' cmocka is built into build/cross/TRIPLET by tests/suites/cross.sh.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_C_COMPILER ${splitio_triplet}-gcc)
set(CMAKE_CROSSCOMPILING_EMULATOR ${splitio_qemu};-L;/usr/${splitio_triplet})
set(splitio_sysroot
    ${CMAKE_CURRENT_LIST_DIR}/../../build/cross/${splitio_triplet})
set(CMAKE_FIND_ROOT_PATH /usr/${splitio_triplet} ${splitio_sysroot})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_PATH} "")
set(ENV{PKG_CONFIG_LIBDIR} ${splitio_sysroot}/lib/pkgconfig)
