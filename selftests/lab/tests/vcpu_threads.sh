#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kernels: 6.1
# tier: check
#
# What a host does to the vCPU thread of a guest that checks its clocks and wake-ups: it is pinned and
# moved, stopped and continued, put under a quota and made SCHED_FIFO, and a host CPU goes and comes.
# MODULE=kvm runs it on kvm.ko, to check the test itself. One vCPU, as there must be two host CPUs:
# see lab.rst.

set -euo pipefail

mkdir -p "$WORK/guest/bin"
gcc -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -pthread -static \
	-o "$WORK/guest/bin/smp_guest" selftests/lab/tests/smp_guest.c

cat >"$WORK/run" <<'END_OF_RUN'
#!/bin/sh
module=${1:-tenon}
cgroup=/sys/fs/cgroup

fail()
{
	echo "FAIL $*"
	exit 1
}

# The guest's console goes to its log all the while.
mkdir -p /tmp/guest
cp /guest/vmlinuz /tmp/guest/
cat >/work/guest/command <<'END_OF_COMMAND'
#!/bin/sh
# Until the host says a line.
smp_guest 200 &
read -r line </dev/console
kill -TERM $!
wait $!
dmesg | grep -v stall_timeout | grep -E 'stall|lockup|LOCKUP|not responding|BUG:|Oops'
echo 'guest: end'
END_OF_COMMAND
chmod 755 /work/guest/command
{
	cat /guest/initrd
	(cd /work/guest && find . | cpio -o -H newc 2>/dev/null)
} >/tmp/guest/initrd
mkfifo /tmp/keys
exec 3<>/tmp/keys
mkdir -p $cgroup
mount -t cgroup2 none $cgroup
echo +cpu >$cgroup/cgroup.subtree_control
mkdir $cgroup/guest
sh -c "echo \$\$ >$cgroup/guest/cgroup.procs
	exec tenon run --dev /dev/$module -c 1 -m 384M -k /tmp/guest/vmlinuz -i /tmp/guest/initrd \
		-a 'console=ttyS0 quiet loglevel=1 panic=-1 watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=120'" \
	<&3 >/tmp/log 2>&1 &
pid=$!

up()
{
	grep -q tenon-guest-begin /tmp/log
}
for second in $(seq 120); do
	! up || break
	sleep 1
done
up || fail "the guest does not come up: $(cat /tmp/log)"

# A vCPU's thread is named NAME/NUMBER.
vcpu=$(grep -l '/0$' /proc/$pid/task/*/comm | sed 's/.*task.\([0-9]*\).comm/\1/')
[ "$vcpu" ] || fail "threads: $(cat /proc/$pid/task/*/comm)"

for round in 1 2 3 4 5; do
	taskset -p 1 "$vcpu" >/dev/null || fail taskset
	sleep 0.3
	taskset -p 2 "$vcpu" >/dev/null || fail taskset
	sleep 0.3
	taskset -p 3 "$vcpu" >/dev/null || fail taskset
	kill -STOP $pid
	sleep 0.2
	kill -CONT $pid
	echo "pinned, moved and stopped: $round"
done
echo 0 >/sys/devices/system/cpu/cpu1/online || fail "the host's CPU does not go"
sleep 1
echo 1 >/sys/devices/system/cpu/cpu1/online || fail "the host's CPU does not come"
echo "a host CPU went and came"
echo '20000 100000' >$cgroup/guest/cpu.max
sleep 2
echo 'max 100000' >$cgroup/guest/cpu.max
# Throttled it was, or this tests nothing.
grep -q '^nr_throttled [1-9]' $cgroup/guest/cpu.stat || fail "quota: $(cat $cgroup/guest/cpu.stat)"
echo "under a quota"
taskset -p 2 "$vcpu" >/dev/null || fail taskset
chrt -f -p 10 "$vcpu" >/dev/null || fail chrt
sleep 1
chrt -o -p 0 "$vcpu" >/dev/null || fail chrt
taskset -p 3 "$vcpu" >/dev/null || fail taskset
echo "under SCHED_FIFO"
kill -0 $pid || fail "the guest ended before us: $(cat /tmp/log)"
echo done >&3
wait $pid
echo "launcher: status $?"
sed -n '/tenon-guest-begin/,$p' /tmp/log
END_OF_RUN
chmod +x "$WORK/run"

out=$("$LAB" --kernel "$KERNEL" --module "${MODULE:-tenon}" --cpus 2 --mem 1536 --guest \
	--timeout 240 --bin /usr/bin/chrt --bin /usr/bin/taskset --dir "$WORK:/work" -- /work/run "${MODULE-}") ||
	{ echo "$out"; exit 1; }
echo "$out"
grep -q '^smp_guest: ok' <<<"$out" && grep -q '^launcher: status 0' <<<"$out" &&
	! grep -qE 'stall|lockup|LOCKUP|BUG:|Oops' <<<"$out"
