#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Debian's unmodified kernel boots under tenon.ko with 1 and 2 CPUs and hands back a status.

set -uo pipefail

for cpus in 1 2; do
	out=$("$LAB" --kernel "$KERNEL" --cpus 2 --mem 1536 --guest --timeout 200 -- guest-run -t 180 \
		-c "$cpus" -m 512M -- 'uname -r; nproc; dmesg | grep -c kvm-clock; exit 9')
	status=$?
	echo "$cpus CPU(s): status $status, output: $out"
	[ "$status" = 9 ] || exit 1
	mapfile -t line <<<"$out"
	[ "${line[0]}" = "$(cat "build/kernels/$KERNEL/release")" ] || exit 1
	[ "${line[1]}" = "$cpus" ] || exit 1
	[ "${line[2]}" -gt 0 ] || exit 1
done
