#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Makes build/qemu: Debian's own qemu-system-x86_64, its libraries and firmware, and a guest's
# initramfs, in one directory that a lab host can carry (lab --dir build/qemu).
# Usage: tools/qemu-image.sh

set -euo pipefail
cd "$(dirname "$0")/.."

out=build/qemu
program=/usr/bin/qemu-system-x86_64
init=selftests/lab/qemu-guest-init.c
# What the machines pc, q35 and microvm look for when they have a kernel and no devices.
firmware=(bios-256k.bin bios-microvm.bin kvmvapic.bin linuxboot.bin linuxboot_dma.bin pvh.bin qboot.rom)

[ ! "$out/initrd" -nt "$program" ] || [ ! "$out/initrd" -nt "$init" ] ||
	[ ! "$out/initrd" -nt tools/qemu-image.sh ] || exit 0

rm -rf "$out"
mkdir -p "$out"/{lib,share,stage/dev}
cp "$program" "$out/"
ldd "$program" | grep -o '/[^ ]*' | while read -r file; do
	cp -L "$file" "$out/lib/"
done
for name in "${firmware[@]}"; do
	cp -L "$(find /usr/share/seabios /usr/share/qemu -name "$name" | head -n1)" "$out/share/"
done

gcc -O1 -g -static -fno-pie -no-pie -Wall -Wextra -Werror -o "$out/guest-init" "$init"
strip -o "$out/stage/init" "$out/guest-init"
# The kernel opens /dev/console for it.
mknod -m 600 "$out/stage/dev/console" c 5 1
(cd "$out/stage" && find . -mindepth 1 -printf '%P\n' | LC_ALL=C sort |
	cpio --quiet -o -H newc -R 0:0) >"$out/initrd.tmp"
rm -rf "$out/stage"
mv "$out/initrd.tmp" "$out/initrd"
