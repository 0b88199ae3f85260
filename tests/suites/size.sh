# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# The core stays small: see ./dev size.
. scripts/lib.sh
scripts/size.sh >build/size.txt || { cat build/size.txt; exit 1; }
cat build/size.txt

# The most that a guest on a microcontroller has to find room for.
most=6144
if grep -q '^cortex-m4 ' build/size.txt; then
    check "size.guest_side_on_a_microcontroller_is_below_$most" awk -v most=$most \
        '$1 == "cortex-m4" && $2 == "guest-side" {n++; bad += $3 >= most}
         END {exit bad || n != 1}' build/size.txt
else
    skip size.guest_side_on_a_microcontroller "no compiler; ./dev install-deps"
fi
check size.no_module_has_writable_globals \
    awk 'NR > 1 {n++; bad += $4 + $5} END {exit bad || !n}' build/size.txt
# Kernel stacks are small.
check size.no_frame_is_above_1536_bytes \
    awk 'NR > 1 {bad += $6 > 1536} END {exit bad}' build/size.txt
