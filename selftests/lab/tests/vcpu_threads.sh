#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kernels: 6.1
# tier: check
#
# What a host does to the vCPU threads of a guest with 4 CPUs that checks its clocks, wake-ups and
# TLB shootdowns: they are pinned and moved, stopped and continued, put under a quota and made
# SCHED_FIFO, and a host CPU goes and comes. MODULE=kvm runs it on kvm.ko, to check the test itself.

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
	exec tenon run --dev /dev/$module -c 4 -m 384M -k /tmp/guest/vmlinuz -i /tmp/guest/initrd \
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

# The vCPUs' threads are named NAME/NUMBER.
vcpus=$(grep -l '/[0-3]$' /proc/$pid/task/*/comm | sed 's/.*task.\([0-9]*\).comm/\1/')
[ "$(echo $vcpus | wc -w)" = 4 ] || fail "threads: $(cat /proc/$pid/task/*/comm)"

# all COMMAND...: with each thread's id at its end.
all()
{
	for thread in $vcpus; do
		"$@" "$thread" >/dev/null || fail "$*"
	done
}

# The two CPUs that the lab gives us, as masks.
both=$((0x$(taskset -p $$ | sed 's/.*: //')))
one=$((both & -both))
other=$(printf %x $((both - one))) one=$(printf %x $one) both=$(printf %x $both)

for round in 1 2 3 4 5; do
	all taskset -p "$one"
	sleep 0.3
	all taskset -p "$other"
	sleep 0.3
	all taskset -p "$both"
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
all taskset -p "$other"
all chrt -f -p 10
sleep 1
all chrt -o -p 0
all taskset -p "$both"
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
