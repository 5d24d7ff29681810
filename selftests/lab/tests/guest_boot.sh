#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Debian's unmodified kernel boots under tenon.ko with 1 and 2 CPUs (in the slow vmx lab with 1) and
# hands back a status.
# labs: svm vmx

set -uo pipefail
counts=(1 2)
[ "$LAB_KIND" = svm ] || counts=(1)

for cpus in "${counts[@]}"; do
	out=$("$LAB" --kernel "$KERNEL" --cpus "$cpus" --mem 1536 --guest --timeout 300 -- guest-run -t 280 \
		-c "$cpus" -m 512M -- 'uname -r; nproc; dmesg | grep -c kvm-clock; exit 9')
	status=$?
	echo "$cpus CPU(s): status $status, output: $out"
	[ "$status" = 9 ] || exit 1
	mapfile -t line <<<"$out"
	[ "${line[0]}" = "$(cat "build/kernels/$KERNEL/release")" ] || exit 1
	[ "${line[1]}" = "$cpus" ] || exit 1
	[ "${line[2]}" -gt 0 ] || exit 1
done
