#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Debian's unmodified kernel finds the paravirtual services and uses them: its log says that it has
# set them up, and the tracepoint "pv" that it did.
# labs: svm

set -euo pipefail

cat >"$WORK/guest" <<'EOF'
#!/bin/sh
i=0
while [ $i -lt 60 ]; do
	(sleep 0.01; true) &
	i=$((i + 1))
done
wait
dmesg | grep -i 'kvm\|pv '
grep '^cpu ' /proc/stat
grep HYP /proc/interrupts
EOF
cat >"$WORK/host" <<'EOF'
#!/bin/sh
cd /sys/kernel/tracing || exit 1
echo 20000 >buffer_size_kb
echo 1 >events/tenon/pv/enable
echo '--- guest'
# Three CPUs, so that an IPI has two targets; no_ipi_broadcast=1: "all others" is no shorthand.
GUEST_ARGS=no_ipi_broadcast=1 guest-run -t 400 -c 3 -m 384M -- "$(cat /work/guest)" || exit 1
echo 0 >events/tenon/pv/enable
echo '--- uses'
sed -n 's/.* pv: vcpu [0-9]* \(msr 0x[0-9a-f]*\|[a-z_]*\).*/\1/p' trace | sort | uniq -c
EOF
chmod 755 "$WORK/host"

"$LAB" --kernel "$KERNEL" --cpus 2 --mem 1280 --timeout 420 --guest --dir "$WORK:/work" -- \
	/work/host >"$WORK/out" || { cat "$WORK/out"; exit 1; }
failed=0
wants=('kvm-clock: Using msrs' 'KVM setup pv remote TLB flush' 'setup PV sched yield'
	'PV spinlocks enabled' 'setup PV IPIs' '^ *HYP:')
# Of services that the guest sets up silently: their MSRs, and what it did with them.
wants+=(' msr 0x4b564d0[02-4]$' ' msr 0x4b564d06$' ' steal$' ' eoi$' ' ipi$' ' page_ready$')
for want in "${wants[@]}"; do
	grep -q "$want" "$WORK/out" || { echo "no line: $want"; failed=1; }
done
for msr in 00 01 02 03 04 06 07; do
	grep -q " msr 0x4b564d$msr\$" "$WORK/out" || { echo "MSR 4b564d$msr is not used"; failed=1; }
done
[ "$failed" = 0 ] || cat "$WORK/out"
exit $failed
