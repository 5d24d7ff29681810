#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# While a guest runs, the host leaves its kernel by kexec and by a crash: what comes next can start the
# second CPU, which it could not where virtualization is still on. A panic ends the host without a
# hang.
# labs: svm vmx
# kernels: 6.1 6.12
# tier-vmx: full

set -uo pipefail
failed=0

mkdir -p "$WORK/t"
gcc -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -pthread -static -iquote selftests/abi \
	-o "$WORK/t/kexec" selftests/lab/tests/kexec.c selftests/abi/lib/abi.c
gcc -nostdlib -static -Wl,-Ttext=0,--build-id=none -o "$WORK/next" selftests/lab/tests/kexec-next.S
objcopy -O binary -j .text "$WORK/next" "$WORK/t/next"

# expect STATUS COMPLAINTS OPTION...: the lab's status; whether the console may have complaints.
expect()
{
	local wanted=$1 complaints=$2 status

	shift 2
	"$LAB" --kernel "$KERNEL" --cpus 2 --mem 1024 --timeout 180 --keep "$WORK/logs" --dir "$WORK/t:/t" \
		"$@" >"$WORK/said" 2>&1
	status=$?
	if [ "$status" != "$wanted" ]; then
		echo "$*: status $status, not $wanted"
		cat "$WORK/said"
		failed=1
	elif [ "$complaints" = none ] &&
		grep -v '^#' selftests/lab/dmesg.bad | sed 's/$/.*/' | grep -a -E -f - "$WORK/logs/console.log"; then
		echo "$*: the kernel complained"
		failed=1
	fi
}

expect 42 none --append no5lvl -- /t/kexec kexec /t/next
expect 42 some --append 'no5lvl crashkernel=64M' -- /t/kexec crash /t/next
expect 125 some -- /t/kexec panic
grep -q 'Kernel panic - not syncing: sysrq' "$WORK/said" || { cat "$WORK/said"; failed=1; }
exit $failed
