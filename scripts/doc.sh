#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# doc.sh: the manual, into build/doc/html; warnings are errors.
# doc.sh picture FILE.dot: compares the committed SVG with its source.
set -u
cd "$(dirname "$(readlink -f "$0")")/.." || exit 1
. scripts/lib.sh

if [ "${1:-}" = picture ]; then
    svg=${2%.dot}.svg
    stamp=$(sha256sum <"$2" | cut -c1-16)
    grep -q "source $stamp" "$svg" ||
        die "$svg is not drawn from $2; run scripts/doc.sh draw"
    exit 0
fi
if [ "${1:-}" = draw ]; then
    for source in docs/*.dot; do
        svg=${source%.dot}.svg
        dot -Tsvg "$source" >"$svg" || exit 1
        say "<!-- source $(sha256sum <"$source" | cut -c1-16) -->" >>"$svg"
    done
    exit 0
fi
mkdir -p build/doc
doxygen Doxyfile >build/doc/log 2>&1 || {
    grep -E 'warning|error' build/doc/log
    die "doxygen has warnings"
}
say "build/doc/html/index.html"
