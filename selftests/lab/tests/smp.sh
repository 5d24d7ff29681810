#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kernels: 6.1
# tier: check
#
# Debian's kernel boots with 8 CPUs, all online, each with its timer and its IPIs; CPUs are taken off
# and put back inside the guest while clocks, wake-ups and TLB shootdowns are checked on all of them.
# MODULE=kvm runs it on kvm.ko, to check the test itself.

set -euo pipefail

mkdir -p "$WORK/guest/bin"
gcc -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -pthread -static \
	-o "$WORK/guest/bin/smp_guest" selftests/lab/tests/smp_guest.c

cat >"$WORK/guest/bin/smp_test" <<'END_OF_TEST'
#!/bin/sh
# In the guest.
cpus=8

fail()
{
	echo "FAIL $*"
	exit 1
}

# counts NAME: of an interrupt, one a CPU.
counts()
{
	sed -n "s/^ *$1: *\([0-9 ]*[0-9]\) .*/\1/p" /proc/interrupts
}

[ "$(nproc)" = $cpus ] || fail "$(nproc) CPUs"
for name in LOC RES CAL; do
	set -- $(counts $name)
	[ $# = $cpus ] || fail "$name: $# columns"
done
smp_guest 20 >/tmp/smp_guest 2>&1 &
for round in 1 2; do
	cpu=1
	while [ $cpu -lt $cpus ]; do
		online=/sys/devices/system/cpu/cpu$cpu/online
		echo 0 >$online || fail "CPU $cpu does not go"
		echo 1 >$online || fail "CPU $cpu does not come"
		cpu=$((cpu + 1))
	done
done
[ "$(cat /sys/devices/system/cpu/online)" = 0-$((cpus - 1)) ] || fail "not all are online"
wait $! || fail "smp_guest: $(cat /tmp/smp_guest)"
cat /tmp/smp_guest
for name in LOC CAL; do
	for count in $(counts $name); do
		[ "$count" -gt 0 ] || fail "$name: a CPU without any: $(counts $name)"
	done
done
dmesg | grep -v stall_timeout | grep -E 'stall|lockup|LOCKUP|not responding|BUG:|Oops' && fail "complaints"
echo "8 CPUs: ok"
END_OF_TEST
chmod +x "$WORK/guest/bin/smp_test"

# The programs join the guest's initramfs, in the lab host.
cat >"$WORK/run" <<'END_OF_RUN'
#!/bin/sh
mkdir /tmp/guest
cp /guest/vmlinuz /tmp/guest/
{
	cat /guest/initrd
	(cd /work/guest && find . | cpio -o -H newc 2>/dev/null)
} >/tmp/guest/initrd
DEV=${1-}
GUEST_ARGS='watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=120' \
	GUEST_DIR=/tmp/guest guest-run -t 280 ${DEV:+--dev "$DEV"} -c 8 -m 512M -- smp_test
END_OF_RUN
chmod +x "$WORK/run"

out=$("$LAB" --kernel "$KERNEL" --module "${MODULE:-tenon}" --cpus 2 --mem 1536 --guest \
	--timeout 300 --dir "$WORK:/work" -- /work/run "${MODULE:+/dev/$MODULE}") || { echo "$out"; exit 1; }
echo "$out"
grep -q '^8 CPUs: ok' <<<"$out"
