# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# What the scripts share. Sourced from the root of the project.

say() { printf '%s\n' "$*"; }
die()
{
    printf 'dev: %s\n' "$*" >&2
    exit 1
}

# The three outcomes of one check; scripts/test.sh counts them.
ok() { say "ok - $1"; }
not_ok() { say "not ok - $1${2:+: $2}"; }
skip() { say "skip - $1: $2"; }

# check NAME COMMAND...: ok if the command succeeds; its output if not.
check()
{
    local name=$1 out
    shift
    if out=$("$@" 2>&1); then
        ok "$name"
    else
        [ -n "$out" ] && say "$out"
        not_ok "$name"
    fi
}

# Packages of the named groups that are not installed.
missing_packages()
{
    local group package
    for group in "$@"; do
        for package in $(sed -n "s/^$group://p" scripts/packages.txt); do
            dpkg-query -W -f '${Status}' "$package" 2>/dev/null |
                grep -q 'ok installed' || printf '%s ' "$package"
        done
    done
}

# need GROUP...: install what is missing. Fails only if "build" is incomplete;
# without the others, tests are skipped and say so.
need()
{
    local missing as_root=
    command -v dpkg-query >/dev/null || {
        command -v cmake >/dev/null && command -v ninja >/dev/null && return
        die "not a Debian: install by hand what scripts/packages.txt lists"
    }
    missing=$(missing_packages "$@")
    [ -n "$missing" ] || return 0
    [ "$(id -u)" = 0 ] || as_root=sudo
    if [ -z "$as_root" ] || command -v sudo >/dev/null; then
        say "installing: $missing"
        export DEBIAN_FRONTEND=noninteractive
        $as_root apt-get install -y -q --no-install-recommends $missing ||
            { $as_root apt-get update -q &&
                $as_root apt-get install -y -q --no-install-recommends $missing; }
        missing=$(missing_packages "$@")
        [ -n "$missing" ] || return 0
    fi
    say "missing, and could not be installed: $missing" >&2
    say "as root: apt-get install $missing" >&2
    [ -z "$(missing_packages build)" ] || die "cannot build without them"
}

jobs() { nproc 2>/dev/null || echo 2; }

# build_preset PRESET [TARGET...]
build_preset()
{
    local preset=$1
    shift
    cmake --preset "$preset" >/dev/null || return 1
    cmake --build "build/$preset" -j "$(jobs)" ${1:+--target "$@"} |
        grep -vE '^\[[0-9]+/[0-9]+\] (Building|Linking|Creating)'
    return "${PIPESTATUS[0]}"
}
