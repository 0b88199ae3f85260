#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# build.sh aarch64|riscv64 FILE: makes the image, with Debian's cross compilers.
set -e
here=$(dirname "$0")
case $1 in
aarch64) flags="-mgeneral-regs-only -mno-outline-atomics" ;;
riscv64) flags="-march=rv64gc -mabi=lp64d -mcmodel=medany" ;;
*) echo "usage: $0 aarch64|riscv64 FILE" >&2 && exit 1 ;;
esac
root=$here/../..
# What of the core is needed: no store, no network.
core=$(ls "$root"/src/base/*.c "$root"/src/event/*.c "$root"/src/grant/*.c \
    "$root"/src/guest/*.c "$root"/src/hypervisor/*.c "$root"/src/ring/*.c \
    "$root"/src/front/blkfront*.c "$root"/src/back/blkback*.c \
    "$root"/src/proto/*.c "$root"/src/store/*.c)
# shellcheck disable=SC2086
"$1-linux-gnu-gcc" -std=c11 -O2 -Wall -Wextra -ffreestanding -nostdlib -static \
    -fno-pie -no-pie -fno-stack-protector -fno-strict-aliasing \
    -fno-tree-loop-distribute-patterns -ffunction-sections -Wl,--gc-sections \
    -Wl,--build-id=none -Wl,-z,noexecstack -Wl,--no-warn-rwx-segments $flags -I"$root/include" \
    -Wl,-T,"$here/$1/partition.ld" -o "$2" "$here/$1/start.S" "$here/$1/board.c" \
    "$here"/*.c $core -lgcc
