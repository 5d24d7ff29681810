#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kernels: 6.1 6.12
# tier: check
#
# VMs are made, run and killed, in eight ways (security.md, row 17). What they had the kernel
# allocate is gone afterwards: no slab object that tenon asked for, nothing charged to their cgroup,
# no page. Then the module goes.

set -euo pipefail

gcc -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -pthread -static -iquote selftests/abi \
	-o "$WORK/lifecycle" selftests/lab/tests/lifecycle.c selftests/abi/lib/abi.c

cat >"$WORK/run" <<'END_OF_RUN'
#!/bin/sh
failed=0

fail()
{
	echo "$*"
	failed=1
}

# free_memory: kB that nobody uses, when all that is on its way to be freed is: in the zones and in their
# lists per CPU.
free_memory()
{
	sync
	echo 3 >/proc/sys/vm/drop_caches
	sleep 1
	awk '/^MemFree:/ { kb += $2 } $1 == "count:" { kb += 4 * $2 } END { print kb }' \
		/proc/meminfo /proc/zoneinfo
}

# rounds N: in the cgroup.
rounds()
{
	sh -c "echo \$\$ >/tmp/cgroup/vms/cgroup.procs; exec timeout 180 /work/lifecycle $1" 2>&1 ||
		fail "lifecycle $1: status $?"
}

# charged WHAT: bytes of it in the cgroup.
charged()
{
	sed -n "s/^$1 //p" /tmp/cgroup/vms/memory.stat
}

mkdir /tmp/cgroup
mount -t cgroup2 none /tmp/cgroup
echo +memory >/tmp/cgroup/cgroup.subtree_control
mkdir /tmp/cgroup/vms

rounds 50
sleep 6
before=$(free_memory)
rounds 50
# kvfree_rcu() takes its time.
sleep 6
after=$(free_memory)

echo "free memory: $before kB, then $after kB"
[ $((before - after)) -lt 4000 ] || fail "free memory: $((before - after)) kB less"

# Kinds of objects whose allocation tenon itself asked for: "COUNT FUNCTION [tenon] age=...".
objects=$(grep '^ *[0-9].*\[tenon\]' /sys/kernel/debug/slab/*/alloc_traces)
[ -z "$objects" ] || fail "objects are left:
$objects"

# After a hundred VMs; the counters are exact within a few pages, and a dying inode is slab, too.
for what in anon shmem percpu pagetables sock vmalloc kernel_stack slab; do
	left=$(charged "$what")
	echo "$what: $left bytes"
	[ "${left:-0}" -lt 32768 ] || fail "$what: $left bytes are still charged"
done

# Pages of all kinds that the kernel took for the VMs: less than one for each of a hundred.
left=$(charged kernel)
echo "kernel: $left bytes"
[ "${left:-0}" -lt 200000 ] || fail "kernel: $left bytes are still charged"

# One CPU unloads it, for the reason that selftests/lab/init tells.
for cpu in /sys/devices/system/cpu/cpu[1-9]*/online; do
	echo 0 >$cpu
done
rmmod tenon || fail 'rmmod tenon'
exit $failed
END_OF_RUN
chmod 755 "$WORK/run"

"$LAB" --kernel "$KERNEL" --cpus 2 --timeout 420 --append 'slub_debug=U cgroup.memory=nosocket' \
	--dir "$WORK:/work" -- /work/run
