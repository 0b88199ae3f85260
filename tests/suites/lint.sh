# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# What the house rules say and a machine can check.
. scripts/lib.sh

sources=$(git ls-files '*.c' '*.h' '*.cc' '*.hpp')
product=$(git ls-files 'include/*.h' 'src/*.[ch]' 'bindings/*.[ch]' \
    'tools/*.[ch]' 'examples/*.[ch]')
core=$(git ls-files 'src/*.[ch]' | grep -vE '^src/(disk|nic)/')

spdx()
{
    local f bad=0
    for f in $sources $(git ls-files dev '.ci/run' '*.sh' '*.awk' '*.py' '*.rs' \
        '*CMakeLists.txt' '*.cmake'); do
        head -3 "$f" | grep -q 'SPDX-License-Identifier: BSD-2-Clause' ||
            { say "$f"; bad=1; }
    done
    return $bad
}

# Prints its input and fails, if there is any.
none() { ! grep .; }

freestanding()
{
    grep -nE '^ *# *include *<' $core |
        grep -vE '<(splitio/.*|stdint|stddef|stdbool)(\.h)?>' | none
}

own_side_of_the_port()
{
    grep -nE '^ *# *include *["<](\.\./)*src/' \
        $(git ls-files 'bindings/*' 'examples/*' 'tools/*' | grep -E '\.(c|h|cc|hpp)$') \
        /dev/null | none
}

only_arch_h_asks_for_the_processor()
{
    grep -nE '^ *# *if.*(__x86_64__|__i386__|__aarch64__|__arm__|__riscv|__powerpc|_WIN32|__linux__)' \
        $core $(git ls-files 'include/*.h' | grep -v '/arch\.h$') /dev/null | none
}

file_sizes()
{
    wc -l $product | awk '$2 == "total" {next}
        /\.c$/ && $1 > 400 || /\.h$/ && $1 > 500 {print $2 ": " $1 " lines"}' | none
}

function_sizes()
{
    awk -f scripts/functions.awk $(tr ' ' '\n' <<<"$product" | grep '\.c$')
}

formatted()
{
    clang-format --dry-run -Werror $sources
}

# docs/features.md names programs and cases; each must exist.
features_name_tests_that_exist()
{
    local name file bad=0
    for name in $(grep -o '`test_[a-z0-9_.]*`' docs/features.md | tr -d '`' |
        sort -u); do
        file=$(git ls-files "tests/**/${name%%.*}.c")
        case $name in
        *.*) [ -n "$file" ] && grep -qw "${name#*.}" "$file" ;;
        *) [ -n "$file" ] ;;
        esac || { say "$name"; bad=1; }
    done
    return $bad
}

shell_scripts()
{
    shellcheck -x -e SC1091,SC2013,SC2016,SC2034,SC2046,SC2086 dev .ci/run $(git ls-files '*.sh')
}

readme_shows_the_example()
{
    diff <(awk '/^```c$/ {on = 1; next} /^```/ {on = 0} on' README.md) \
        <(awk '/#include/ {on = 1} on' examples/embed/embed.c)
}

splitio_h_includes_all()
{
    diff <(cd include && find splitio -name '*.h' ! -path '*/binding/*' \
        ! -name splitio.h | sort) \
        <(sed -n 's/^#include <\(.*\)>/\1/p' include/splitio/splitio.h | sort)
}

unfinished()
{
    grep -nE '\b(TODO|FIXME|XXX|HACK)\b' $sources | none
}

check lint.spdx spdx
check lint.layers awk -f scripts/layers.awk $(git ls-files 'include/*.h')
check lint.core_includes_no_platform_header freestanding
check lint.bindings_include_no_source own_side_of_the_port
check lint.only_arch_h_asks_for_the_processor only_arch_h_asks_for_the_processor
check lint.file_sizes file_sizes
check lint.function_sizes function_sizes
check lint.readme_shows_the_example readme_shows_the_example
check lint.splitio_h_includes_all splitio_h_includes_all
check lint.features_name_tests_that_exist features_name_tests_that_exist
check lint.unfinished unfinished
if command -v clang-format >/dev/null; then
    check lint.clang_format formatted
else
    skip lint.clang_format "no clang-format"
fi
if command -v shellcheck >/dev/null; then
    check lint.shellcheck shell_scripts
else
    skip lint.shellcheck "no shellcheck"
fi
