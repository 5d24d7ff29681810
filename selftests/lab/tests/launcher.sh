#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The launcher as its user meets it: bad input gets one line and the right status and leaves nothing
# behind; Ctrl-A x, signals and a dying guest end it as the manual page says.
# TEST_MODULE=kvm runs it on kvm.ko.

set -uo pipefail

module=${TEST_MODULE:-tenon}
mkdir -p "$WORK/t"
cat >"$WORK/t/run" <<'END'
#!/bin/sh
dev=/dev/$1
failed=0

# expect STATUS PATTERN ARGUMENT...: one line on stderr, which matches; nothing on stdout.
expect()
{
	status=$1 pattern=$2
	shift 2
	tenon "$@" </dev/null >/tmp/out 2>/tmp/err
	got=$?
	if [ "$got" != "$status" ] || [ "$(wc -l </tmp/err)" != 1 ] || [ -s /tmp/out ] ||
	   ! grep -q -e "^tenon: $pattern" /tmp/err; then
		echo "tenon $*: status $got, not $status with '$pattern':"
		cat /tmp/err
		failed=1
	fi
}

# ends STATUS FILE ARGUMENT...: a guest that sleeps, with that file as input.
ends()
{
	status=$1 input=$2
	shift 2
	timeout 100 tenon run -k /guest/vmlinuz -i /guest/initrd --dev "$dev" "$@" <"$input" \
		>/tmp/out 2>/tmp/err
	got=$?
	[ "$got" = "$status" ] && return
	echo "tenon run $*: status $got, not $status"
	tail -n 5 /tmp/out
	cat /tmp/err
	failed=1
}

head -c 100000 /guest/vmlinuz >/tmp/truncated
head -c 100 /guest/vmlinuz >/tmp/short
: >/tmp/empty
before=$(ls /tmp)

good="-k /guest/vmlinuz --dev $dev"
expect 1 '/nowhere: No such file' run -k /nowhere --dev "$dev"
expect 1 '/tmp: is a directory' run -k /tmp --dev "$dev"
expect 1 '/tmp/truncated: truncated' run -k /tmp/truncated --dev "$dev"
expect 1 '/tmp/short: not a kernel image' run -k /tmp/short --dev "$dev"
expect 1 '/tmp/empty: not a kernel image' run -k /tmp/empty --dev "$dev"
expect 1 '/bin/busybox: not a kernel image' run -k /bin/busybox --dev "$dev"
# shellcheck disable=SC2086 # $good is two options
{
expect 1 '/nowhere: No such file' run $good -i /nowhere
expect 1 '/tmp/empty: the file is empty' run $good -i /tmp/empty
expect 2 '-m: 0: ' run $good -m 0
expect 2 '-m: 100T: ' run $good -m 100T
expect 1 '-m: 4 MiB: the kernel needs' run $good -m 4
expect 1 '-m: 1048576 MiB: the processor has' run $good -m 1T
expect 2 '-c: 0: ' run $good -c 0
expect 2 '-c: 100000: ' run $good -c 100000
expect 1 '-a: [0-9]* characters: ' run $good -a "$(head -c 5000 /dev/zero | tr '\0' x)"
expect 1 '/tmp: is a directory' run $good -d /tmp
expect 1 '/nowhere: No such file' run $good -d /nowhere
}
expect 1 '/dev/nowhere: no such device' run -k /guest/vmlinuz --dev /dev/nowhere
expect 1 '/dev/null: not a hypervisor' run -k /guest/vmlinuz --dev /dev/null
mkdir -p /etc
echo 'nobody:x:65534:65534::/:/bin/sh' >/etc/passwd
chmod 600 "$dev"
if su nobody -c "tenon run -k /guest/vmlinuz --dev $dev" >/tmp/out 2>/tmp/err; then
	echo "nobody may use $dev"
	failed=1
fi
grep -q "^tenon: $dev: permission denied" /tmp/err || { cat /tmp/err; failed=1; }
rm -f /tmp/out /tmp/err
after=$(ls /tmp)
[ "$before" = "$after" ] || { echo "left behind: $after"; failed=1; }

# up: the guest's shell has begun.
up()
{
	for second in $(seq 100); do
		! grep -q 'in a Tenon guest' /tmp/out 2>/dev/null || return 0
		sleep 1
	done
	return 1
}

mkfifo /tmp/keys
(up; printf '\001x'; sleep 30) >/tmp/keys &
ends 0 /tmp/keys -m 256 -c 2
ends 1 /dev/null -m 256 -a 'reboot=t panic=1 rdinit=/nowhere'
grep -q 'the guest died: triple fault' /tmp/err || { echo "no report:"; cat /tmp/err; failed=1; }
ends 0 /dev/null -m 256 -a 'panic=1 rdinit=/nowhere' --no-reboot

(sleep 130) >/tmp/keys &
rm -f /tmp/out
tenon run -k /guest/vmlinuz -i /guest/initrd --dev "$dev" -m 256 -c 2 -n night </tmp/keys \
	>/tmp/out 2>&1 &
pid=$!
up || { echo 'the guest does not come up:'; cat /tmp/out; failed=1; }
names=$(cat /proc/$pid/task/*/comm | grep -v '^kvm-' | tr '\n' ' ') # 6.12's kvm.ko adds one
[ "$names" = "tenon night/0 night/1 " ] || { echo "threads: $names"; failed=1; }
kill $pid
wait $pid
[ $? = 143 ] || { echo "SIGTERM: another status"; failed=1; }
exit $failed
END
chmod 755 "$WORK/t/run"

"$LAB" --kernel "$KERNEL" --module "$module" --cpus 2 --mem 1536 --guest --timeout 400 \
	--dir "$WORK/t:/t" -- /t/run "$module"
