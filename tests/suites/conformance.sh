# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Every feature of both protocols on and off on both sides, over each binding;
# values that are on the edge or make no sense; the nodes that other systems'
# drivers write. A picture of the pairs is in build/conformance/matrix.svg.
. scripts/lib.sh
. scripts/ctest.sh
build_preset default || exit 1
out=$PWD/build/conformance
mkdir -p "$out"
rm -f "$out"/*.pairs
export SPLITIO_CONFORM_OUT=$out SPLITIO_CONFORM_RANDOM=${SPLITIO_CONFORM_RANDOM:-64}
run_ctest default -L '^conformance$'
grep -h '^# ' build/default/junit.xml
check conformance.picture_is_drawn \
    awk -v out="$out/matrix.svg" -f tests/conformance/matrix.awk "$out"/*.pairs
