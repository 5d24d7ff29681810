#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A guest whose state the processor refuses: the launcher and the kernel's log name the field and the
# rule of the processor's manual. Hundreds of refusals do not fill the log.
# labs: svm vmx

set -euo pipefail

mkdir -p "$WORK/t"
gcc -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -shared -fPIC -o "$WORK/t/refused.so" \
	selftests/lab/tests/refused.c
make -s -f selftests/abi/Makefile build/abi/entry_failure
cat >"$WORK/t/run" <<'END'
#!/bin/sh
rule='(guest )?CS .* is 0x[0-9a-f]*: L and D are both 1 .*\((APM 2|SDM 3), [0-9.]*\)'
failed=0

fail()
{
	echo "$1:"
	cat /tmp/err
	failed=1
}

LD_PRELOAD=/t/refused.so tenon run -k /guest/vmlinuz -i /guest/initrd -m 256 \
	</dev/null >/tmp/out 2>/tmp/err
status=$?
[ $status = 1 ] || fail "status $status"
cat /tmp/err
sed -n 1p /tmp/err | grep -q '/0: the guest died: the processor refused to enter the guest: ' ||
	fail 'no sentence'
sed -n 2p /tmp/err | grep -q -E "^  $rule\$" || fail 'no rule'
grep -q '^  rip ' /tmp/err || fail 'no registers'

entry_failure refused_often || failed=1
dmesg | grep 'tenon: .*entry refused' >/tmp/err
grep -q -E "tenon: vCPU 0: entry refused: $rule\$" /tmp/err || fail 'no rule in the log'
[ "$(wc -l </tmp/err)" -le 50 ] || fail 'too much in the log'
exit $failed
END
chmod 755 "$WORK/t/run"
"$LAB" --kernel "$KERNEL" --mem 1536 --guest --timeout 200 --dir "$WORK/t:/t" \
	--bin build/abi/entry_failure -- /t/run
