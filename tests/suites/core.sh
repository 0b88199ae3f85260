# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# The core library as a kernel sees it: no library under it, no globals in it.
. scripts/lib.sh
build_preset freestanding splitio || exit 1
lib=build/freestanding/src/libsplitio.a
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

no_writable_globals()
{
    # .data.rel.ro holds constants that have addresses in them.
    ! objdump -h "$1" | awk '$2 ~ /^\.(data|bss|tbss|tdata)/ &&
        $2 !~ /^\.data\.rel\.ro/ && $3 !~ /^0+$/' | grep . &&
        ! nm "$1" | grep ' C '
}

# What is left undefined when the core is linked with nothing.
undefined_names()
{
    ld -r --whole-archive "$1" -o "$tmp/core.o" && nm -u "$tmp/core.o" |
        awk '{print $2}'
}

only_memory_functions()
{
    local left
    left=$(undefined_names "$1") || return 1
    say "undefined:" $left
    ! grep -vxE 'memcpy|memset|memcmp|memmove' <<<"$left" | grep .
}

# Links every object of the core, with the four functions and nothing else.
link_alone()
{
    cat >"$tmp/start.c" <<'EOF'
#include <stddef.h>
void _start(void) { for (;;) ; }
void *memcpy(void *d, const void *s, size_t n)
{ char *p = d; const char *q = s; while (n--) *p++ = *q++; return d; }
void *memmove(void *d, const void *s, size_t n)
{ char *p = d; const char *q = s;
  if (p < q) while (n--) *p++ = *q++; else while (n--) p[n] = q[n]; return d; }
void *memset(void *d, int c, size_t n)
{ char *p = d; while (n--) *p++ = (char)c; return d; }
int memcmp(const void *a, const void *b, size_t n)
{ const unsigned char *p = a, *q = b;
  for (; n; n--, p++, q++) if (*p != *q) return *p - *q; return 0; }
EOF
    gcc -O1 -ffreestanding -fno-builtin -fno-stack-protector -nostdlib -static \
        -fno-tree-loop-distribute-patterns "$tmp/start.c" \
        -Wl,--whole-archive "$1" -Wl,--no-whole-archive -o "$tmp/alone"
}

check core.no_writable_globals no_writable_globals $lib
check core.needs_at_most_four_functions only_memory_functions $lib
check core.links_without_libc link_alone $lib
check core.exports_only_splitio_names \
    bash -c "! nm -g --defined-only $lib | awk 'NF == 3 {print \$3}' | grep -v '^splitio_'"
size -t $lib | tail -1
