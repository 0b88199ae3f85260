# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# The manual builds without a warning, and its links lead somewhere.
. scripts/lib.sh

# Relative links of the project's own pages.
links_lead_somewhere()
{
    local page link bad=0
    for page in $(git ls-files '*.md'); do
        for link in $(grep -oE '\]\([^)#: ]+(#[^)]*)?\)' "$page" |
            sed -E 's/^\]\(//; s/\)$//; s/#.*//'); do
            [ -e "$(dirname "$page")/$link" ] ||
                { say "$page: $link"; bad=1; }
        done
    done
    return $bad
}

check doc.links links_lead_somewhere
if command -v doxygen >/dev/null; then
    check doc.doxygen scripts/doc.sh
else
    skip doc.doxygen "no doxygen"
fi
if command -v dot >/dev/null; then
    for source in docs/*.dot; do
        [ -f "$source" ] || continue
        check "doc.${source##*/}" scripts/doc.sh picture "$source"
    done
else
    skip doc.pictures "no graphviz"
fi
