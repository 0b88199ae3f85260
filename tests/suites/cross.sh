# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# The core and its tests on other processors: built by Debian's cross compilers,
# run by qemu. SPLITIO_CROSS names the processors; the default is all of them.
. scripts/lib.sh
. scripts/ctest.sh
# Debian packages cmocka for some of them only; its source does for all.
cmocka=1.1.5-2.1 cmocka_source=cmocka-1.1.5
labels='^(unit|fake|conformance)$'
# No sets at random: qemu takes twenty times as long, and all features alone and
# together are among the others.
export SPLITIO_CONFORM_RANDOM=0

# Debian's source package, verified by apt, through lists of our own.
fetch_cmocka()
{
    local dir=$PWD/build/cross/apt
    [ -f "build/cross/$cmocka_source/src/cmocka.c" ] && return
    mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
    sed -n 's/^ *URIs: *//p; s/^deb [^h]*\(http[^ ]*\) .*/\1/p' \
        /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list \
        2>/dev/null | head -1 >"$dir/mirror"
    [ -s "$dir/mirror" ] || { say "apt names no mirror"; return 1; }
    say "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
        "$(cat "$dir/mirror") bookworm main" >"$dir/sources.list"
    set -- -q -o "Dir::Etc::SourceList=$dir/sources.list" \
        -o Dir::Etc::SourceParts=/dev/null -o "Dir::State::Lists=$dir/lists" \
        -o "Dir::Cache=$dir/cache" -o APT::Sandbox::User=root
    (cd build/cross && apt-get "$@" update &&
        apt-get "$@" source --download-only "cmocka=$cmocka" &&
        tar xf cmocka_*.orig.tar.xz)
}

# build_cmocka TRIPLET: a static library where the toolchain files look.
build_cmocka()
{
    local root=$PWD/build/cross/$1 source=build/cross/$cmocka_source
    [ -f "$root/lib/pkgconfig/cmocka.pc" ] && return
    mkdir -p "$root/lib/pkgconfig" "$root/include"
    cp "$source"/include/cmocka*.h "$root/include" &&
        "$1-gcc" -O1 -w -DHAVE_SIGNAL_H -DHAVE_GCC_THREAD_LOCAL_STORAGE \
            -DHAVE_CLOCK_GETTIME_REALTIME -DHAVE_STRUCT_TIMESPEC \
            -DHAVE_STRSIGNAL -DHAVE_INTTYPES_H -DHAVE_MALLOC_H \
            -I"$source/include" -c "$source/src/cmocka.c" -o "$root/cmocka.o" &&
        "$1-ar" rcs "$root/lib/libcmocka.a" "$root/cmocka.o" &&
        printf '%s\n' "Name: cmocka" "Description: cmocka" "Version: $cmocka" \
            "Cflags: -I$root/include" "Libs: -L$root/lib -lcmocka" \
            >"$root/lib/pkgconfig/cmocka.pc"
}

# The core calls nothing for an atomic operation: a lock in a library of one
# side would exclude no other side. Arm's outlined operations are no locks; they
# choose instructions at run time, and a kernel builds without them.
no_atomic_calls()
{
    ! "$1-nm" -u "$2" | grep -E "__(atomic|sync${3:+|$3})_"
}

# The core built with FLAGS, for kernels; nothing in it may be lost by that.
core_builds_with()
{
    local triplet=$1 file out=build/cross/$1/flags
    shift
    mkdir -p "$out"
    for file in $(git ls-files 'src/*.c' | grep -vE '^src/(disk|nic)/'); do
        "$triplet-gcc" -std=c11 -O2 -Wall -Wextra -Werror -ffreestanding \
            -Iinclude "$@" -c "$file" -o "$out/core.o" &&
            no_atomic_calls "$triplet" "$out/core.o" aarch64 || return 1
    done
}

one() # ARCH TRIPLET QEMU
{
    local preset=cross-$1 tests
    for program in "$2-gcc" "$3"; do
        command -v "$program" >/dev/null || {
            skip core "no $program; ./dev install-deps"
            return
        }
    done
    build_cmocka "$2" || { not_ok "cmocka builds"; return; }
    cmake --preset "$preset" >"build/cross/$1.log" 2>&1 || {
        cat "build/cross/$1.log"
        not_ok "configures"
        return
    }
    tests=$(test_targets "$preset" -L "$labels" -LE '^threads$')
    build_preset "$preset" splitio $tests || { not_ok builds; return; }
    ok builds
    check no_atomic_calls no_atomic_calls "$2" "build/$preset/src/libsplitio.a"
    run_ctest "$preset" -L "$labels" -LE '^threads$'
}

# Many cases that are skipped for one reason are one line.
skips_of_a_reason()
{
    awk '!/^skip - / {print; next}
        {head = $3; reason = $0; sub(/^skip - [^ ]* [^ ]* /, "", reason)
         count[head " " reason]++; line[head " " reason] = $0}
        END {for (r in count)
            if (count[r] == 1) print line[r]
            else {split(r, w, " "); sub(/^[^ ]* /, "", r)
                  print "skip - " w[1] " " count[w[1] " " r] " cases: " r}}'
}

need cross
fetch_cmocka >build/log/cmocka.log 2>&1 || {
    tail -n 5 build/log/cmocka.log
    skip cross "no source of cmocka from Debian's archive"
    exit
}
# For kernels. Not i386: gcc has no 64-bit atomic access in general registers.
command -v x86_64-linux-gnu-gcc >/dev/null &&
    check "x86_64: builds_with_general_registers_only" \
        core_builds_with x86_64-linux-gnu -mgeneral-regs-only
command -v aarch64-linux-gnu-gcc >/dev/null &&
    check "aarch64: builds_with_general_registers_only" core_builds_with \
        aarch64-linux-gnu -mgeneral-regs-only -mno-outline-atomics
while read -r arch triplet qemu; do
    case " ${SPLITIO_CROSS:-$arch} " in *" $arch "*) ;; *) continue ;; esac
    one "$arch" "$triplet" "$qemu" </dev/null |
        sed -E "s/^(ok|not ok|skip) - /&$arch: /" | skips_of_a_reason
done <<'EOF'
aarch64 aarch64-linux-gnu qemu-aarch64
armhf arm-linux-gnueabihf qemu-arm
riscv64 riscv64-linux-gnu qemu-riscv64
i386 i686-linux-gnu qemu-i386
s390x s390x-linux-gnu qemu-s390x
EOF
