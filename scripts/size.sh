#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# size.sh: the footprint of the core's modules on several processors: bytes of
# text, data and bss, and the deepest stack frame. Built as a kernel would:
# freestanding, for size.
set -u
cd "$(dirname "$(readlink -f "$0")")/.." || exit 1
. scripts/lib.sh

flags="-std=c11 -Os -ffreestanding -nostdlib -ffunction-sections -fstack-usage
    -fno-stack-protector -fno-pic -fno-pie -Iinclude"
# What a guest links that has a ring, lends pages and hears events; the rest by
# folders.
parts="guest-side: ring/ring.c grant/guest.c event/abi.c event/guest.c
ring: ring
grant: grant
event: event
guest: guest
hypervisor: hypervisor base
proto: proto
store: store
front: front
back: back"

# sizes ARCH TRIPLET FLAG...: one line a part
sizes()
{
    local arch=$1 triplet=$2 out=build/size/$1 part folders file object name
    shift 2
    command -v "$triplet-gcc" >/dev/null || {
        say "$arch: no $triplet-gcc; ./dev install-deps" >&2
        return
    }
    mkdir -p "$out"
    for file in $(git ls-files 'src/*.c' | grep -vE '^src/(disk|nic)/'); do
        object=$out/$(echo "${file#src/}" | tr / _)
        # shellcheck disable=SC2086
        "$triplet-gcc" $flags "$@" -c "$file" -o "${object%.c}.o" || return 1
    done
    while IFS=: read -r part folders; do
        set --
        for name in $folders; do
            case $name in
            *.c) set -- "$@" "$out/$(echo "${name%.c}" | tr / _).o" ;;
            *) set -- "$@" "$out/${name}"_*.o ;;
            esac
        done
        "$triplet-size" -B "$@" | awk -v arch="$arch" -v part="$part" '
            NR > 1 {text += $1; data += $2; bss += $3}
            END {printf "%-10s %-11s %7d %6d %5d ", arch, part, text, data, bss}'
        cat "${@/%.o/.su}" | awk '$2 > most {most = $2} END {print most + 0}'
    done <<<"$parts"
}

need build size
printf '%-10s %-11s %7s %6s %5s %s\n' processor part text data bss frame
failed=0
while read -r arch triplet options; do
    # shellcheck disable=SC2086
    sizes "$arch" "$triplet" $options || failed=1
done <<'EOF'
x86_64 x86_64-linux-gnu -mgeneral-regs-only
cortex-a aarch64-linux-gnu -mgeneral-regs-only -mno-outline-atomics
cortex-m4 arm-none-eabi -mcpu=cortex-m4 -mthumb
riscv64 riscv64-linux-gnu -march=rv64imac -mabi=lp64 -mcmodel=medany
EOF
exit $failed
