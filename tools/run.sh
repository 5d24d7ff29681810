#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# `make run`: builds what is not built, then starts a Debian guest under tenon.ko, in an emulated
# lab host or (HOST=1) on this machine. Environment: CMD, HOST, CPUS, MEM, DISK, KERNEL, DEBUG.
# With a terminal and no CMD it ends in a shell in the guest; else in CMD's output and status.

set -uo pipefail
cd "$(dirname "$0")/.." || exit

: "${CMD:=}" "${HOST:=}" "${CPUS:=2}" "${MEM:=512M}" "${DISK:=}" "${KERNEL:=6.1}" "${DEBUG:=0}"
export DEBUG

die()
{
	echo "tenon: run: $*" >&2
	exit 1
}

# step NAME COMMAND...: one line per step, with the time it took.
step()
{
	local name=$1 started=$EPOCHREALTIME

	shift
	"$@" || die "$name failed"
	printf 'run: %-24s %5.1f s\n' "$name" "$(seconds_since "$started")" >&2
}

seconds_since()
{
	local us=$((${EPOCHREALTIME/./} - ${1/./}))

	printf '%d.%06d' $((us / 1000000)) $((us % 1000000))
}

# The host's own SVM or VMX, if the kernel shows it.
need_virtualization()
{
	grep -q -w -E 'svm|vmx' /proc/cpuinfo ||
		die "HOST=1: this machine's CPU shows neither SVM nor VMX: run without HOST=1"
	[ "$(id -u)" = 0 ] || die "HOST=1: loading a module needs root"
	[ ! -e /dev/tenon ] || die "HOST=1: tenon.ko is loaded already: rmmod tenon"
}

run_on_host()
{
	insmod build/kmod-host/tenon.ko || die "insmod build/kmod-host/tenon.ko failed: see dmesg"
	trap 'rmmod tenon' EXIT
	TENON=build/tenon GUEST_DIR=build/guest/$KERNEL selftests/lab/guest-run "$@"
}

# lab_memory SIZE: MiB for a lab host that holds such a guest.
lab_memory()
{
	case $1 in
	[1-9]*[Gg]) echo $((${1%?} * 1024 + 768)) ;;
	[1-9]*[Mm]) echo $((${1%?} + 768)) ;;
	*) echo 1280 ;;
	esac
}

main()
{
	local where=lab module options=(-c "$CPUS" -m "$MEM") lab=()

	if [ -z "$CMD" ] && ! { [ -t 0 ] && [ -t 1 ]; }; then
		CMD='uname -a; nproc; uptime'
		echo "run: no terminal and no CMD: running '$CMD'" >&2
	fi
	[ -z "$DISK" ] || [ -e "$DISK" ] || die "DISK=$DISK: no such file"
	[[ $KERNEL =~ ^6\.(1|12)$ ]] || die "KERNEL=$KERNEL: not 6.1 or 6.12"
	module=build/kmod-$KERNEL/tenon.ko
	if [ -n "$HOST" ]; then
		need_virtualization
		where=host module=build/kmod-host/tenon.ko
	fi
	step "packages and kernels" tools/deps.sh build run
	step "module and launcher" make -s -j"$(nproc)" "$module" build/tenon guest-image
	[ -n "$CMD" ] || echo "run: a shell in the guest follows; Ctrl-A x or 'exit' leaves it" >&2
	if [ "$where" = host ]; then
		[ -z "$DISK" ] || options+=(-d "$DISK")
		[ -z "$CMD" ] || options+=(-- "$CMD")
		run_on_host "${options[@]}"
		exit
	fi
	lab=(--kernel "$KERNEL" --cpus 2 --mem "$(lab_memory "$MEM")" --timeout 1200 --guest --progress)
	if [ -n "$DISK" ]; then
		lab+=(--disk "$DISK")
		options+=(-d /dev/vda)
	fi
	if [ -n "$CMD" ]; then
		options+=(-- "$CMD")
	else
		lab+=(--interactive)
	fi
	selftests/lab/lab "${lab[@]}" -- guest-run "${options[@]}"
}

main "$@"
