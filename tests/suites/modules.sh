# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# The modules for Linux, from the sources that are installed for DKMS, against
# Debian's headers: without a warning of the compiler (W=1) or of sparse.
. scripts/lib.sh
. tests/interop/lab.sh
. scripts/modules.sh
if [ "$(uname -m)" != x86_64 ]; then
    skip modules "Debian's headers for x86-64 need its compiler"
    exit
fi
build_preset default splitio || exit 1
lab modules
unpack busybox-static "$(kernel_package)"
version=$(kernel_version)
# shellcheck disable=SC2046
unpack $(header_packages "$version")
cmake -S . -B "$WORK/cmake" -G Ninja -DSPLITIO_DKMS=ON >/dev/null &&
    DESTDIR=$WORK/installed cmake --install "$WORK/cmake" --prefix /usr --component modules >/dev/null ||
    exit 1
sources=$(echo "$WORK"/installed/usr/src/splitio-*)
said=$WORK/said
build_modules "$ROOT" "$sources" W=1 C=2 CHECK=sparse >"$said" 2>&1
rc=$?
[ $rc = 0 ] || tail -n 40 "$said"
check modules_build [ $rc = 0 ]
for module in splitio splitio-blk splitio-net; do
    check "${module}_is_there" [ -f "$sources/bindings/linux/$module.ko" ]
done
grep -E 'warning|error' "$said"
check no_warning sh -c "! grep -qE 'warning:|error:' '$said'"
check no_writable_global_of_the_core sh -c \
    "! nm $(find "$sources"/src -name '*.o' | tr '\n' ' ') | grep -E ' [BbDd] '"

# As DKMS does it, with trees of its own.
if command -v dkms >/dev/null; then
    mkdir -p "$WORK/tree"
    dkms build "splitio/${sources##*-}" -k "$version" --dkmstree "$WORK/tree" \
        --sourcetree "$WORK/installed/usr/src" \
        --kernelsourcedir "$(headers_of "$ROOT")" >"$said" 2>&1 || tail -n 30 "$said"
    check dkms_builds grep -q 'splitio-net.ko' <(find "$WORK/tree" -name '*.ko')
else
    skip modules.dkms_builds "dkms is not installed"
fi
