#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The laboratory's own promises: output, exit status, time-out, panic, complaints, fetching, icount.
# labs: svm vmx
# kernels: 6.1

set -uo pipefail
failures=0

# expect NAME WANTED GOT
expect()
{
	if [ "$2" != "$3" ]; then
		echo "$1: expected '$2', got '$3'"
		failures=$((failures + 1))
	fi
}

# run STATUS OPTION... -- COMMAND...: output in $out, errors in $WORK/err.
run()
{
	local wanted=$1

	shift
	out=$("$LAB" --kernel "$KERNEL" --module none "$@" 2>"$WORK/err")
	expect "status of: $*" "$wanted" $?
}

run 7 --cpus 2 --fetch "/tmp/x:$WORK/x" -- sh -c \
	'printf "a\nb"; echo problem >&2; nproc >/tmp/x; echo noise >/dev/kmsg; exit 7'
expect "output" "$(printf 'a\nb')" "$out"
expect "errors" problem "$(grep -v '^lab: waiting' "$WORK/err")"
expect "fetched file" 2 "$(cat "$WORK/x")"

run 124 --timeout 3 -- sleep 1000
grep -q 'time-out: nothing after 3 s' "$WORK/err" || expect "time-out's reason" named "$(cat "$WORK/err")"

run 125 -- sh -c 'echo c >/proc/sysrq-trigger'
grep -q 'Kernel panic - not syncing: sysrq' "$WORK/err" ||
	expect "panic's reason" named "$(cat "$WORK/err")"

run 125 -- sh -c 'echo "WARNING: made by the test" >/dev/kmsg'
grep -q 'WARNING: made by the test' "$WORK/err" || expect "complaint" shown "$(cat "$WORK/err")"

# A death by an int3 is taken for the emulator's fault, but where tenon was at work.
if [ "$LAB_KIND" = svm ]; then
	for row in '1 f+0x1/0x2' '0 f+0x1/0x2 [tenon]'; do
		frame=${row#* }
		run 125 -- sh -c "echo '<2>int3: 0000' >/dev/kmsg; echo '<2> $frame' >/dev/kmsg
			echo c >/proc/sysrq-trigger"
		expect "retries: $frame" "${row%% *}" "$(grep -c '^lab: retry after' "$WORK/err")"
	done
fi

run 2 --cpus none -- true

# Two runs under icount: the same work takes the same virtual time, within 0.01 %.
for i in 1 2; do
	run 0 --icount -- sh -c 'i=0; echo work: begins >/dev/kmsg
		while [ $i -lt 20000 ]; do i=$((i + 1)); done
		echo work: ends >/dev/kmsg; dmesg | grep work:'
	printf '%s\n' "$out" | awk -F '[].[]' '{ us = $2 * 1000000 + $3 - us } END { print us }' >"$WORK/time$i"
done
awk -v a="$(cat "$WORK/time1")" -v b="$(cat "$WORK/time2")" 'BEGIN {
	d = a > b ? a - b : b - a
	printf "icount: %d and %d us\n", a, b
	exit !(a > 0 && d <= a * 0.0001)
}' || expect "icount repeats" "within 0.01 %" "not"

exit $((failures > 0))
