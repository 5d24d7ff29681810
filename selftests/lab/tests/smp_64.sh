#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kernels: 6.1 6.12
# tier: full
#
# Debian's kernel boots with 4 and with 64 CPUs, all online; the 64 are idle for a while, and nobody
# complains.

set -euo pipefail

for cpus in 4 64; do
	out=$("$LAB" --kernel "$KERNEL" --cpus 2 --mem 2560 --guest --timeout 900 -- env \
		GUEST_ARGS='watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=120' guest-run -t 880 -c $cpus -m 1G -- 'nproc; cat /sys/devices/system/cpu/online; sleep 20
		dmesg | grep -v stall_timeout | grep -E "stall|lockup|LOCKUP|not responding|BUG:|Oops"; echo end') || { echo "$out"; exit 1; }
	echo "$cpus CPUs: $out"
	[ "$out" = "$cpus"$'\n'"0-$((cpus - 1))"$'\n'end ] || exit 1
done
