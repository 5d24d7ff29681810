#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kernels: 6.1 6.12
# tier: check
#
# Linux's drivers on the launcher's virtio devices, with MSI-X and with pci=nomsi: random numbers,
# console ports, a disk that is discarded, a read-only one. MODULE=kvm runs it on kvm.ko, to check the
# test itself.

set -euo pipefail

module=${MODULE:-tenon}

cat >"$WORK/guest" <<'EOF'
fail()
{
	echo "guest: $*"
	exit 1
}

# The device of the port with this name.
port()
{
	local name

	name=$(grep -l "^$1\$" /sys/class/virtio-ports/*/name) || fail "no port $1"
	echo "/dev/$(basename "$(dirname "$name")")"
}

[ "$(head -c 64 /dev/hwrng | wc -c)" = 64 ] || fail "no random numbers"
[ "$(head -c 64 /dev/hwrng | md5sum)" != "$(head -c 64 /dev/hwrng | md5sum)" ] ||
	fail "the same random numbers twice"

(echo "hello from the guest" && seq 1 20000) >"$(port one)"
echo 42 >"$(port two)"

[ "$(cat /sys/block/vda/ro)" = 0 ] || fail "vda is read-only"
[ "$(cat /sys/block/vdb/ro)" = 1 ] || fail "vdb is not read-only"
[ "$(cat /sys/block/vdb/serial)" = readonly ] || fail "vdb has no serial number"
[ "$(md5sum </dev/vda)" = "$(md5sum </dev/vdb)" ] || fail "the disks differ"
if dd if=/dev/zero of=/dev/vdb bs=4096 count=1 conv=fsync 2>/dev/null; then
	fail "vdb can be written"
fi
blkdiscard -o 1048576 -l 1048576 /dev/vda || fail "no discard"
[ "$(dd if=/dev/vda bs=1M skip=1 count=1 2>/dev/null | md5sum)" = \
	"$(head -c 1048576 /dev/zero | md5sum)" ] || fail "discarded blocks are not zero"
grep -q "$1" /proc/interrupts || fail "no interrupts of kind $1"
EOF

cat >"$WORK/host" <<'EOF'
#!/bin/sh
fail()
{
	echo "host: $*"
	exit 1
}

for how in msix nomsi; do
	pattern='PCI-MSI.*virtio'
	[ $how = msix ] || pattern='IO-APIC.*virtio' GUEST_ARGS=pci=nomsi
	export GUEST_ARGS
	head -c 8388608 /dev/urandom >/tmp/disk
	cp /tmp/disk /tmp/readonly
	guest-run -t 120 -m 256M --dev "/dev/$1" -d /tmp/disk -d /tmp/readonly,ro \
		--port one=/tmp/one --port two=/tmp/two -- "set -- '$pattern'
$(cat /work/guest)" || fail "$how: the guest failed"
	(echo "hello from the guest" && seq 1 20000) | cmp - /tmp/one || fail "$how: port one"
	[ "$(cat /tmp/two)" = 42 ] || fail "$how: port two"
	[ "$(du -k /tmp/disk | cut -f1)" = 7168 ] || fail "$how: nothing was given back"
	dd if=/tmp/disk bs=1M skip=2 2>/dev/null | md5sum >/tmp/a
	dd if=/tmp/readonly bs=1M skip=2 2>/dev/null | md5sum >/tmp/b
	cmp /tmp/a /tmp/b || fail "$how: the disks' rests differ"
done
EOF
chmod 755 "$WORK/host"

"$LAB" --kernel "$KERNEL" --module "$module" --guest --timeout 250 --dir "$WORK:/work" \
	-- /work/host "$module"
