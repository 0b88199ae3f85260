# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# examples/partition on boards that QEMU emulates.
. scripts/lib.sh
need cross >/dev/null
mkdir -p build/partition

# says ARCHITECTURE QEMU...: all that the README says, and nothing else.
says()
{
    local arch=$1 elf=build/partition/$1.elf
    shift
    if ! command -v "$arch-linux-gnu-gcc" >/dev/null || ! command -v "$1" >/dev/null; then
        skip "$arch" "missing: $(missing_packages cross)"
        return
    fi
    check "$arch.builds_without_a_warning" sh -c \
        "[ -z \"\$(examples/partition/build.sh $arch $elf 2>&1)\" ]"
    timeout 120 "$@" -nographic -kernel "$elf" </dev/null >"build/partition/$arch.said" 2>&1
    check "$arch.ends_by_itself" [ $? = 0 ]
    sed -n '/^It says/,/^|/s/^    //p' examples/partition/README.md >build/partition/want
    check "$arch.says_what_its_readme_says" diff build/partition/want \
        <(tr -d '\r' <"build/partition/$arch.said")
}
says aarch64 qemu-system-aarch64 -M virt -cpu cortex-a57
says riscv64 qemu-system-riscv64 -M virt -bios none
