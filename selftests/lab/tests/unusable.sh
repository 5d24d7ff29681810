#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Processors without virtualization, with it locked off by the firmware, and without nested paging:
# tenon.ko is refused in one line that says why, and `tenon doctor` says the same, with and without
# the MSRs to look at. Virtualization that the firmware has left alone is used.
# labs: svm vmx
# kernels: 6.1 6.12

set -uo pipefail
failed=0

mkdir -p "$WORK/t"
gcc -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -static -iquote selftests/abi \
	-o "$WORK/t/coexist" selftests/lab/tests/coexist.c selftests/abi/lib/abi.c
cat >"$WORK/t/refused" <<'END_OF_REFUSED'
#!/bin/sh
# usage: refused REASON FINDING: what the log and the doctor must say (extended regular expressions)
failed=0

fail()
{
	echo "$1:"
	cat /tmp/said
	failed=1
}

doctor()
{
	tenon doctor >/tmp/said 2>&1 && fail "doctor $1: status 0"
	grep -q -E "^MISSING +$2" /tmp/said || fail "doctor $1: no finding $2"
	grep -q -E '^MISSING +module +tenon is not loaded, and cannot be' /tmp/said ||
		fail "doctor $1: no word of the module"
	[ "$(grep -c '^MISSING *\(processor\|firmware\|svm\|vmx\)' /tmp/said)" = 1 ] ||
		fail "doctor $1: more than one reason"
	grep -q '^A guest cannot run here yet' /tmp/said || fail "doctor $1: no verdict"
}

insmod /t/tenon.ko 2>/tmp/said && fail 'insmod: status 0'
grep -q 'Operation not supported' /tmp/said || fail 'insmod: another errno'
# This insmod tries two system calls, one after the other.
dmesg | sed -n 's/.* tenon: //p' | grep -v -e '^loading out-of-tree' -e '^module verification' |
	sort -u >/tmp/said
if [ "$(wc -l </tmp/said)" != 1 ] || ! grep -q -E "$1" /tmp/said; then
	fail 'the log'
fi
doctor 'without MSRs' "$2"
insmod /lab/ko/msr.ko 2>/tmp/said || fail 'insmod msr.ko'
doctor 'with MSRs' "$2"
exit $failed
END_OF_REFUSED
cat >"$WORK/t/served" <<'END_OF_SERVED'
#!/bin/sh
tenon doctor && /t/coexist /dev/tenon
END_OF_SERVED
cat >"$WORK/t/unseen" <<'END_OF_UNSEEN'
#!/bin/sh
# What firmware lets SVM do is in an MSR: without that the doctor does not say that it is allowed.
tenon doctor >/tmp/said
grep -E '^note +firmware +whether' /tmp/said || { cat /tmp/said; exit 1; }
insmod /lab/ko/msr.ko || exit 1
tenon doctor >/tmp/said
grep -E '^ok +firmware +it allows' /tmp/said || { cat /tmp/said; exit 1; }
END_OF_UNSEEN
chmod 755 "$WORK/t/refused" "$WORK/t/served" "$WORK/t/unseen"
cp "build/kmod-$KERNEL/tenon.ko" "$WORK/t"

# refused NAME REASON FINDING LAB-OPTION...
refused()
{
	local name=$1 reason=$2 finding=$3

	shift 3
	"$LAB" --kernel "$KERNEL" --module none --timeout 40 "$@" --bin build/tenon --dir "$WORK/t:/t" \
		-- /t/refused "$reason" "$finding" && return
	echo "$name: failed"
	failed=1
}

refused absent "^this machine's processor has neither VMX nor SVM\$" 'processor +.* without SVM or VMX' \
	--virt off
refused 'no nested paging' ' without (EPT|nested paging), which Tenon needs$' \
	"(svm|vmx) +" --npt off
if [ "$LAB_KIND" = svm ]; then
	"$LAB" --kernel "$KERNEL" --module none --timeout 40 --bin build/tenon --dir "$WORK/t:/t" -- \
		/t/unseen || failed=1
else
	refused locked '^VMX is switched off by firmware \(IA32_FEATURE_CONTROL is 0x1\)' \
		'firmware +it locks out virtualization' --virt locked
	# Left alone on both processors.
	"$LAB" --kernel "$KERNEL" --virt open --cpus 2 --timeout 40 --bin build/tenon --dir "$WORK/t:/t" -- \
		/t/served || failed=1
fi
exit $failed
