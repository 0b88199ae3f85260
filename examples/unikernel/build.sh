#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# build.sh aarch64|riscv64 FILE [CMDLINE]: the unikernel for a board that has splitiod
# behind an ivshmem device, with Debian's cross compilers. (For x86-64: CMake.)
set -e
here=$(dirname "$0")
case $1 in
aarch64) flags="-mgeneral-regs-only -mno-outline-atomics" ;;
riscv64) flags="-march=rv64gc -mabi=lp64d -mcmodel=medany" ;;
*) echo "usage: $0 aarch64|riscv64 FILE [CMDLINE]" >&2 && exit 1 ;;
esac
root=$here/../..
board=$root/bindings/baremetal/$1
core=$(ls "$root"/src/base/*.c "$root"/src/event/*.c "$root"/src/grant/*.c \
    "$root"/src/guest/*.c "$root"/src/ring/*.c "$root"/src/front/*.c \
    "$root"/src/proto/*.c "$root"/src/store/*.c)
# shellcheck disable=SC2086
"$1-linux-gnu-gcc" -std=c11 -O2 -Wall -Wextra -ffreestanding -nostdlib -static \
    -fno-pie -no-pie -fno-stack-protector -fno-strict-aliasing \
    -fno-tree-loop-distribute-patterns -ffunction-sections -Wl,--gc-sections \
    -Wl,--build-id=none -Wl,-z,noexecstack -Wl,--no-warn-rwx-segments $flags \
    -I"$root/include" -DSPLITIO_BAREMETAL_IVSHMEM \
    -DSPLITIO_BAREMETAL_CMDLINE="\"${3:-}\"" \
    -Wl,-T,"$board/baremetal.ld" -o "$2" "$board/start.S" "$board/board.c" \
    "$root"/bindings/baremetal/ivshmem/*.c "$root"/bindings/ivshmem/guest*.c \
    "$here"/*.c $core -lgcc
