#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Makes build/guest/KERNEL/{vmlinuz,initrd}: Debian's own kernel, untouched, and a small initramfs
# for it. Usage: tools/guest-image.sh 6.1|6.12

set -euo pipefail
cd "$(dirname "$0")/.."

kernel=$1
kdir=build/kernels/$kernel out=build/guest/$kernel
release=$(<"$kdir/release")

[ ! "$out/initrd" -nt selftests/lab/guest-init ] || [ ! "$out/initrd" -nt "$kdir/release" ] ||
	[ ! "$out/initrd" -nt tools/guest-image.sh ] || exit 0

stage=$out/stage
rm -rf "$out"
mkdir -p "$stage"/{bin,dev,proc,sys,tmp,root,etc,modules}
cp /bin/busybox "$stage/bin/busybox"
for name in $(/bin/busybox --list); do
	[ "$name" = busybox ] || ln -s busybox "$stage/bin/$name"
done
ln -s bin "$stage/sbin"
install -m 755 selftests/lab/guest-init "$stage/init"
echo 'root:x:0:0:root:/root:/bin/sh' >"$stage/etc/passwd"

# The modules of virtio's drivers and what they need, in load order.
for name in virtio_pci virtio_blk virtio_console virtio-rng; do
	modprobe -q -d "$kdir" -S "$release" --show-depends "$name"
done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' | while read -r file; do
	name=$(basename "$file" .xz)
	case $file in
	*.xz) xz -dc "$file" >"$stage/modules/$name" ;;
	*) cp "$file" "$stage/modules/$name" ;;
	esac
	objcopy --strip-debug -R .BTF -R .BTF_ids "$stage/modules/$name"
	echo "$name" >>"$stage/modules/list"
done

(cd "$stage" && find . -mindepth 1 -printf '%P\n' | LC_ALL=C sort |
	cpio --quiet -o -H newc -R 0:0) >"$out/initrd.tmp"
rm -rf "$stage"
ln -f "$kdir/vmlinuz" "$out/vmlinuz"
mv "$out/initrd.tmp" "$out/initrd"
