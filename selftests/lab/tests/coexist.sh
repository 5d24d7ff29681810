#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kernels: 6.1 6.12
# tier: check
#
# tenon.ko beside kvm.ko, loaded in both orders, with and without VMs on either side: whoever comes
# second is refused in one line, and served as soon as the first lets go. The lab looks for
# warnings in the kernel log.

set -euo pipefail

gcc -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -static -iquote selftests/abi \
	-o "$WORK/coexist" selftests/lab/tests/coexist.c selftests/abi/lib/abi.c

cat >"$WORK/run" <<'END_OF_RUN'
#!/bin/sh
kernel=$1
failed=0

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

# refused: by tenon with -EBUSY, and one line in the log that says who is to blame.
refused()
{
	lines=$(dmesg | grep -c 'tenon: svm is in use by another hypervisor')
	vm /dev/tenon 'Device or resource busy'
	new=$(($(dmesg | grep -c 'tenon: svm is in use by another hypervisor') - lines))
	[ "$new" = 1 ] || fail "$new lines in the log"
}

# kvm_refused: its errno is EBUSY or EIO, by its version.
kvm_refused()
{
	answer=$(/work/coexist /dev/kvm 2>&1) && fail 'kvm takes SVM from a VM of tenon'
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

# load MODULE [ARGUMENT...]
load()
{
	insmod "/lab/ko/$1.ko" $2 2>/tmp/error || fail "insmod $*: $(cat /tmp/error)"
}

unload()
{
	rmmod "$1" 2>/tmp/error || fail "rmmod $1: $(cat /tmp/error)"
}

# Both are loaded, and kvm has SVM only while it has VMs.
take_turns()
{
	vm /dev/tenon ok
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
	vm /dev/tenon ok
}

# Both are loaded, and kvm has SVM for as long as its vendor module is.
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

when='tenon has a VM, kvm-amd comes'
unload kvm_amd
hold /dev/tenon
if [ "$kernel" = 6.1 ]; then
	load kvm-amd
	kvm_refused
	unload kvm_amd
else
	insmod /lab/ko/kvm-amd.ko 2>/tmp/error && fail 'kvm-amd takes SVM from a VM of tenon'
fi
vm /dev/tenon ok
release
load kvm-amd
vm /dev/kvm ok

if [ "$kernel" != 6.1 ]; then
	when='kvm without enable_virt_at_load'
	unload kvm_amd
	unload kvm
	load kvm enable_virt_at_load=0
	hold /dev/tenon
	load kvm-amd
	kvm_refused
	release
	take_turns
	when='the same, tenon loaded last'
	unload tenon
	load tenon
	take_turns
fi

when='unloading with a VM'
unload kvm_amd
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
	insmod /lab/ko/kvm-amd.ko 2>/tmp/error && fail 'kvm-amd has a device, too'
	vm /dev/kvm ok
fi
unload tenon
load kvm-amd
insmod /lab/ko/tenon.ko devname=kvm 2>/tmp/error && fail 'tenon has a device, too'
dmesg | grep -q 'tenon: /dev/kvm: .* that name is taken' || fail 'no reason in the log'
vm /dev/kvm ok
exit $failed
END_OF_RUN
chmod 755 "$WORK/run"

"$LAB" --kernel "$KERNEL" --module tenon,kvm --cpus 2 --timeout 100 --dir "$WORK:/work" -- \
	/work/run "$KERNEL"
