#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kernels: 6.1
# lines: yes
#
# Debian's own QEMU, unmodified, on tenon.ko as /dev/kvm: it boots Debian's kernel to init on each
# pair of a machine and an irqchip. One test per pair.

set -uo pipefail

tools/qemu-image.sh || exit
# Two at a time, of about the same length.
"$LAB" --kernel "$KERNEL" --cpus 2 --mem 2560 --timeout 2100 --insmod-args devname=kvm \
	--dir build/qemu --dir "build/guest/$KERNEL:/guest" --bin selftests/lab/qemu-run -- \
	sh -c 'qemu-run pc-on q35-on pc-off microvm-split microvm-off & first=$!
		qemu-run pc-split q35-split q35-off microvm-on
		second=$?
		wait $first && exit $second'
