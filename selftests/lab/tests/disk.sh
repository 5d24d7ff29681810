#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kernels: 6.1 6.12
# tier: check
#
# A guest fills 64 MiB of its virtio-blk disk, reboots and reads them back; guest and host must see
# the same bytes. MODULE=kvm runs it on kvm.ko, to check the test itself.

set -euo pipefail

module=${MODULE:-tenon}

cat >"$WORK/guest" <<'EOF'
size=67108864
marker=$((size / 512))
if [ "$(dd if=/dev/vda bs=512 skip=$marker count=1 2>/dev/null | head -c 4)" = done ]; then
	echo "after $(head -c $size /dev/vda | md5sum)"
	exit 0
fi
head -c 1048000 /dev/urandom >/tmp/block
i=0
while [ $i -lt 64 ]; do
	(echo "block $i" && cat /tmp/block /tmp/block) | head -c 1048576
	i=$((i + 1))
done >/dev/vda
echo "before $(head -c $size /dev/vda | md5sum)"
printf done | dd of=/dev/vda bs=512 seek=$marker conv=sync 2>/dev/null
sync
reboot -f
sleep 60
exit 1
EOF

cat >"$WORK/host" <<'EOF'
#!/bin/sh
truncate -s 65M /tmp/disk
guest-run -t 280 -c "$2" -m 256M --dev "/dev/$1" -d /tmp/disk -- "$(cat /work/guest)" || exit
echo "image $(head -c 67108864 /tmp/disk | md5sum)"
EOF
chmod 755 "$WORK/host"

for cpus in 1 2; do
	"$LAB" --kernel "$KERNEL" --module "$module" --cpus "$cpus" --guest --timeout 300 \
		--dir "$WORK:/work" -- /work/host "$module" "$cpus" | tee "$WORK/output"
	for when in before after image; do
		sed -n "s/^$when \([0-9a-f]\{32\}\) .*/$when \1/p" "$WORK/output"
	done >"$WORK/sums"
	if [ "$(wc -l <"$WORK/sums")" != 3 ]; then
		echo "$cpus CPU(s): a checksum is missing"
		exit 1
	fi
	if [ "$(sed 's/.* //' "$WORK/sums" | sort -u | wc -l)" != 1 ]; then
		echo "$cpus CPU(s): the checksums differ"
		exit 1
	fi
done
