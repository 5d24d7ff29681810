#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A processor whose executed pages may not change their size, on a host that heeds it: what is in
# large pages is executed in small ones.
# labs: vmx
# kernels: 6.1

set -euo pipefail

make -s -f selftests/abi/Makefile build/abi/memory
cp build/abi/memory "$WORK"
cat >"$WORK/run" <<'END'
#!/bin/sh
grep -q 'KVM: Mitigation\|KVM: Vulnerable' /sys/devices/system/cpu/vulnerabilities/itlb_multihit || {
	cat /sys/devices/system/cpu/vulnerabilities/itlb_multihit
	exit 1
}
# A skip is none: without huge pages nothing would be tested.
for test in page_huge page_huge_executed page_huge_with_tables computing_guest storm; do
	/work/memory "$test" >/tmp/out
	cat /tmp/out
	grep -q -x "ok $test" /tmp/out || exit 1
done
END
chmod +x "$WORK/run"
"$LAB" --mitigations auto --timeout 300 --dir "$WORK:/work" -- /work/run
