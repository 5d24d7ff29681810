#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kernels: 6.1 6.12
# tier: full
#
# A guest with 4 CPUs runs stress-ng for five minutes (STRESS_SECONDS=N: N seconds): no clock goes
# back, no wake-up and no timer is lost, no kernel complains. MODULE=kvm runs it on kvm.ko.

set -euo pipefail

tools/deps.sh stress
seconds=${STRESS_SECONDS:-300}
mkdir -p "$WORK/guest/bin"
gcc -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -pthread -static \
	-o "$WORK/guest/bin/smp_guest" selftests/lab/tests/smp_guest.c
stress=$(command -v stress-ng)
mapfile -t libraries < <(ldd "$stress" | grep -o '/[^ ]*')
for file in "$stress" "${libraries[@]}"; do
	mkdir -p "$WORK/guest$(dirname "$file")"
	cp -L "$file" "$WORK/guest$file"
done

cat >"$WORK/guest/bin/smp_stress" <<'END_OF_TEST'
#!/bin/sh
smp_guest $1 &
/usr/bin/stress-ng --cpu 2 --futex 1 --timer 1 --timer-freq 1000 --tlb-shootdown 1 --clock 1 \
	--timeout $1 --temp-path /tmp --metrics-brief --verify 2>&1
echo "stress-ng: status $?"
wait $! && echo "checker: ok"
dmesg | grep -v stall_timeout | grep -E 'stall|lockup|LOCKUP|not responding|BUG:|Oops' || echo "no complaints"
grep -E 'LOC|RES|CAL|TLB' /proc/interrupts
END_OF_TEST
chmod +x "$WORK/guest/bin/smp_stress"

cat >"$WORK/run" <<'END_OF_RUN'
#!/bin/sh
mkdir -p /tmp/guest
cp /guest/vmlinuz /tmp/guest/
{
	cat /guest/initrd
	(cd /work/guest && find . | cpio -o -H newc 2>/dev/null)
} >/tmp/guest/initrd
GUEST_ARGS='watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=120' \
	GUEST_DIR=/tmp/guest guest-run -t $(($2 + 280)) --dev "/dev/$1" -c 4 -m 1G -- "smp_stress $2"
END_OF_RUN
chmod +x "$WORK/run"

out=$("$LAB" --kernel "$KERNEL" --module "${MODULE:-tenon}" --cpus 2 --mem 2560 --guest \
	--timeout $((seconds + 300)) --dir "$WORK:/work" -- /work/run "${MODULE:-tenon}" "$seconds") ||
	{ echo "$out"; exit 1; }
echo "$out"
for line in 'stress-ng: status 0' 'checker: ok' 'no complaints'; do
	grep -q "^$line" <<<"$out" || { echo "missing: $line"; exit 1; }
done
