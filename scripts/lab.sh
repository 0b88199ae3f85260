# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# A lab as a suite. Sourced by suites.

# run_lab NAME: what it says, in a suite's words.
run_lab()
{
    if [ "$(uname -m)" != x86_64 ]; then
        skip "lab-$1" "it unpacks Debian's packages for x86-64"
        return
    fi
    ./dev interop "$1" |
        sed -u "s/^PASS /ok - lab-$1./; s/^FAIL /not ok - lab-$1./"
    return "${PIPESTATUS[0]}"
}
