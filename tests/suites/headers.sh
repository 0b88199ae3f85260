# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Each public header compiles alone, twice over, as C11 and as C++17.
. scripts/lib.sh
# No -Wshadow: in C++ a function named like its structure hides the constructor.
warn="-Wall -Wextra -Werror -Wundef -fsyntax-only -Iinclude"

one() # COMPILER STANDARD LANGUAGE HEADER
{
    printf '#include <%s>\n#include <%s>\n' "$4" "$4" |
        $1 -std="$2" -x "$3" $warn -
}

for compiler in gcc clang; do
    command -v $compiler >/dev/null || { skip "headers.$compiler" "not installed"; continue; }
    for h in $(cd include && find splitio -name '*.h' | sort); do
        check "$h.$compiler.c11" one $compiler c11 c "$h"
        check "$h.$compiler.c++17" one $compiler c++17 c++ "$h"
    done
done
