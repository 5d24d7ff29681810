#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# labs: vmx
# kernels: 6.1
# tier: full
#
# gdb, through the stub of Debian's QEMU on tenon.ko as /dev/kvm, stops a guest at a breakpoint, steps
# through a function instruction by instruction, and lets it go on to the same breakpoint. Not on
# SVM: for QEMU's TCG INT3 is no exception that a VMCB can intercept, on kvm.ko either.

set -euo pipefail

tools/qemu-image.sh

# What gdb shall show: the addresses of tick()'s instructions, and their number.
addresses=$(objdump -dw build/qemu/guest-init --disassemble=tick |
	sed -n 's/^ *\([0-9a-f]*\):\t.*/0x\1/p')
steps=$(($(wc -w <<<"$addresses") - 1))

cat >"$WORK/commands" <<END
set pagination off
set architecture i386:x86-64
target remote 127.0.0.1:1234
break *tick
continue
set \$before = counter
set \$i = 0
printf "at 0x%lx\n", \$pc
while \$i < $steps
	stepi
	printf "at 0x%lx\n", \$pc
	set \$i = \$i + 1
end
continue
printf "again 0x%lx, counted %lu\n", \$pc, counter - \$before
delete
detach
END

cat >"$WORK/run" <<'END'
#!/bin/sh
ip link set lo up
/qemu/lib/ld-linux-x86-64.so.2 --library-path /qemu/lib /qemu/qemu-system-x86_64 -L /qemu/share \
	-accel kvm -machine q35 -cpu qemu64 -m 256 -nodefaults -no-reboot -display none -monitor none \
	-serial stdio -gdb tcp:127.0.0.1:1234 -kernel /guest/vmlinuz -initrd /qemu/initrd \
	-append 'console=ttyS0 quiet panic=-1 nokaslr linger' </dev/null >/tmp/qemu 2>&1 &
for second in $(seq 600); do
	! grep -q 'qemu-guest: .* init' /tmp/qemu || break
	sleep 1
done
cat /tmp/qemu
timeout 200 gdb -nx -batch -x /work/commands /qemu/guest-init
kill %1
wait
END
chmod 755 "$WORK/run"

"$LAB" --kernel "$KERNEL" --mem 2048 --timeout 900 --insmod-args devname=kvm --dir build/qemu \
	--dir "build/guest/$KERNEL:/guest" --dir "$WORK:/work" --bin build/gdb/usr/bin/gdb -- \
	/work/run >"$WORK/out" 2>"$WORK/err" || { cat "$WORK/out" "$WORK/err"; exit 1; }
cat "$WORK/out" "$WORK/err"
[ "$(sed -n 's/^at //p' "$WORK/out")" = "$addresses" ]
grep -qx "again ${addresses%%$'\n'*}, counted 1" "$WORK/out"
