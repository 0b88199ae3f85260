# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Our wire formats against the headers of Xen that Debian packages.
. scripts/lib.sh
. scripts/ctest.sh
need cross
[ -f /usr/include/xen/io/ring.h ] || {
    skip abi "no Xen headers (libxen-dev)"
    exit
}
build_preset default || exit 1
run_ctest default -L '^abi$'
