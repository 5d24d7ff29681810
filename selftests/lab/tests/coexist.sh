#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# tenon.ko beside kvm.ko, loaded in both orders, with and without VMs on either side: whoever comes
# second is refused in one line, and served as soon as the first lets go; `tenon doctor` says the
# same. The lab looks for warnings in the kernel log.
# labs: svm vmx
# kernels: 6.1 6.12
# tier-vmx: full

set -euo pipefail

gcc -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -static -iquote selftests/abi \
	-o "$WORK/coexist" selftests/lab/tests/coexist.c selftests/abi/lib/abi.c

cat >"$WORK/run" <<'END_OF_RUN'
#!/bin/sh
kernel=$1
failed=0
# The vendor's module as a file and in the kernel's words.
vendor=$LAB_KVM
vendor_name=$(echo "$vendor" | tr - _)
in_use='tenon: .* is in use by another hypervisor'

fail()
{
	echo "$when: $*"
	failed=1
}

# vm DEVICE ANSWER: what an attempt to run a VM is answered.
vm()
{
	answer=$(/work/coexist "$1" 2>&1)
	[ "$answer" = "$2" ] || fail "a VM on $1: $answer, not $2"
}

# doctor STATUS PATTERN: what it says of the device, and whether a guest can run.
doctor()
{
	tenon doctor >/tmp/said 2>&1
	status=$?
	[ "$status" = "$1" ] && grep -q -E "$2" /tmp/said && return
	fail "tenon doctor: status $status, not $1 with '$2':"
	cat /tmp/said
}

# served: by tenon.
served()
{
	vm /dev/tenon ok
	doctor 0 '^ok +guests +/dev/tenon makes virtual machines'
}

# refused: by tenon with -EBUSY, and one line in the log that says who is to blame.
refused()
{
	lines=$(dmesg | grep -c "$in_use")
	vm /dev/tenon 'Device or resource busy'
	new=$(($(dmesg | grep -c "$in_use") - lines))
	[ "$new" = 1 ] || fail "$new lines in the log"
	doctor 1 '^MISSING +guests +/dev/tenon makes no virtual machine: Device or resource busy'
	doctor 1 "^note +kvm +$vendor_name is loaded, in use by "
}

# kvm_refused: its errno is EBUSY or EIO, by its version.
kvm_refused()
{
	answer=$(/work/coexist /dev/kvm 2>&1) && fail 'kvm takes the processors from a VM of tenon'
	case $answer in
	'Device or resource busy' | 'Input/output error') ;;
	*) fail "a VM on /dev/kvm: $answer" ;;
	esac
}

hold()
{
	rm -f /tmp/held
	mkfifo /tmp/held
	/work/coexist "$1" hold >/tmp/held &
	holder=$!
	read -r answer </tmp/held
	[ "$answer" = ok ] || fail "holding a VM on $1: $answer"
}

release()
{
	kill -KILL "$holder"
	wait "$holder" 2>/dev/null
}

# try MODULE [ARGUMENT...]: with those that the lab gives it, too.
try()
{
	# shellcheck disable=SC2046 # a file and its arguments
	insmod $(grep "^/lab/ko/$1.ko" /lab/modules) $2 2>/tmp/error
}

load()
{
	try "$@" || fail "insmod $*: $(cat /tmp/error)"
}

unload()
{
	rmmod "$1" 2>/tmp/error || fail "rmmod $1: $(cat /tmp/error)"
}

# Both are loaded, and kvm has the processors only while it has VMs.
take_turns()
{
	served
	vm /dev/kvm ok
	hold /dev/tenon
	kvm_refused
	vm /dev/tenon ok
	release
	vm /dev/kvm ok
	hold /dev/kvm
	refused
	vm /dev/kvm ok
	release
	served
}

# Both are loaded, and kvm has them for as long as its vendor module is.
kvm_first()
{
	refused
	vm /dev/kvm ok
	hold /dev/kvm
	refused
	release
	refused
}

when='tenon loaded, then kvm'
[ "$kernel" = 6.1 ] && take_turns || kvm_first

when='kvm loaded, then tenon'
unload tenon
load tenon
[ "$kernel" = 6.1 ] && take_turns || kvm_first

when='tenon has a VM, kvm comes'
unload "$vendor_name"
hold /dev/tenon
if [ "$kernel" = 6.1 ]; then
	load "$vendor"
	kvm_refused
	unload "$vendor_name"
else
	try "$vendor" && fail 'kvm takes the processors from a VM of tenon'
fi
vm /dev/tenon ok
release
load "$vendor"
vm /dev/kvm ok

if [ "$kernel" != 6.1 ]; then
	when='kvm without enable_virt_at_load'
	unload "$vendor_name"
	unload kvm
	load kvm enable_virt_at_load=0
	hold /dev/tenon
	load "$vendor"
	kvm_refused
	release
	take_turns
	when='the same, tenon loaded last'
	unload tenon
	load tenon
	take_turns
fi

when='unloading with a VM'
unload "$vendor_name"
hold /dev/tenon
rmmod tenon 2>/dev/null && fail 'rmmod tenon succeeds'
vm /dev/tenon ok
release

when='devname=kvm'
unload tenon
load tenon devname=kvm
vm /dev/kvm ok
# 6.1's kvm leaves its hooks in the kernel when its device is refused: never again after this.
if [ "$kernel" != 6.1 ]; then
	try "$vendor" && fail 'kvm has a device, too'
	vm /dev/kvm ok
fi
unload tenon
load "$vendor"
try tenon devname=kvm && fail 'tenon has a device, too'
dmesg | grep -q 'tenon: /dev/kvm: .* that name is taken' || fail 'no reason in the log'
vm /dev/kvm ok
exit $failed
END_OF_RUN
chmod 755 "$WORK/run"

"$LAB" --kernel "$KERNEL" --module tenon,kvm --cpus 2 --timeout 500 --param kvm_intel.nested=0 \
	--bin build/tenon --dir "$WORK:/work" -- /work/run "$KERNEL"
