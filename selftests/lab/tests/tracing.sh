#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The tracepoints tell what a guest did.

set -euo pipefail

cat >"$WORK/host" <<'EOT'
#!/bin/sh
cd /sys/kernel/tracing || exit 1
echo 1 >events/tenon/enable
guest-run -c 1 -m 256M -- 'sleep 0.1; echo guest' || exit 1
echo 0 >events/tenon/enable
cat trace
EOT
chmod 755 "$WORK/host"

"$LAB" --kernel "$KERNEL" --guest --dir "$WORK:/work" -- /work/host >"$WORK/trace"
failed=0
for line in 'exit: vcpu 0 cpuid rip 0x[0-9a-f]* ' 'exit: vcpu 0 io ' 'exit: vcpu 0 hlt ' \
	'inject: vcpu 0 interrupt 0x[0-9a-f]* ' 'user_exit: vcpu 0 reason 2 result 0' \
	'irq_line: gsi 4 level 1 '; do
	grep -q "$line" "$WORK/trace" || { echo "no line: $line"; failed=1; }
done
[ "$failed" = 0 ] || tail -n 20 "$WORK/trace"
exit $failed
