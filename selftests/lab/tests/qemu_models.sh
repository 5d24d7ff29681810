#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kernels: 6.1
# tier: full
# lines: yes
#
# The pairs of qemu.sh with other processor models and two processors, each beside kvm.ko. What
# fails on kvm.ko too is not asked of tenon.ko. The table is build/qemu/table.

set -uo pipefail

tools/qemu-image.sh || exit
pairs=(pc-on pc-split pc-off q35-on q35-split q35-off microvm-on microvm-split microvm-off)
table=build/qemu/table
failed=0

# pairs_on DEVICE MODEL PROCESSORS: qemu-run's lines. Its status of 1 is in them; any other is the lab's.
pairs_on()
{
	local modules=(--module kvm) status

	[ "$1" = kvm ] || modules=(--insmod-args devname=kvm)
	"$LAB" --kernel "$KERNEL" --cpus 1 --mem 2560 --timeout 1500 "${modules[@]}" \
		--dir build/qemu --dir "build/guest/$KERNEL:/guest" --bin selftests/lab/qemu-run -- \
		qemu-run -t 60 -c "$2" -p "$3" "${pairs[@]}" >"$WORK/$1" 2>"$WORK/$1.errors"
	status=$?
	[ "$status" -gt 1 ] || return 0
	echo "not ok lab-host-$1-$2-$3: the lab's status is $status"
	cat "$WORK/$1.errors" >&2
	failed=1
}

# answer DEVICE PAIR: ok, or not ok, or nothing where the lab host died before.
answer()
{
	grep -oE "^(ok|not ok) $2:.*" "$WORK/$1" | sed "s/ $2: / /"
}

: >"$table"
for model in qemu64 max host; do
	for processors in 1 2; do
		pairs_on tenon "$model" "$processors"
		pairs_on kvm "$model" "$processors"
		for pair in "${pairs[@]}"; do
			name=$pair-$model-$processors
			ours=$(answer tenon "$pair") theirs=$(answer kvm "$pair")
			printf '%-28s tenon: %-24s kvm: %s\n' "$name" "$ours" "$theirs" >>"$table"
			case $ours/$theirs in
			ok*) echo "ok $name" ;;
			*/ok*)
				echo "not ok $name: ${ours:-the lab host died}; kvm.ko: $theirs"
				failed=1
				;;
			*/"not ok"*) echo "skip $name: it fails on kvm.ko, too" ;;
			*)
				echo "not ok $name: no reference"
				failed=1
				;;
			esac
		done
	done
done
cat "$table" >&2
exit $failed
