#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Installs what the build, the laboratory and the checks need, and fetches the lab's kernels.
# Usage: tools/deps.sh [build|run|check|bench|stress]...    (default: all groups)
# When everything is there it says nothing, calls no apt and takes a fraction of a second.

set -euo pipefail
cd "$(dirname "$0")/.."

declare -A group=(
	[build]="gcc make libc6-dev kmod xz-utils cpio binutils pkg-config liburing-dev acpica-tools"
	[run]="qemu-system-x86 bochs bochs-term bochsbios vgabios isolinux syslinux-common xorriso
		busybox-static cpio kmod xz-utils gcc libc6-dev"
	[check]="check clang clang-format clang-tidy libclang-rt-14-dev sparse shellcheck perl libzydis-dev
		linux-source-6.1 libdebuginfod1 libipt2 libreadline8 libxxhash0"
	[bench]="binutils gcc libc6-dev"
	[stress]="stress-ng"
)
# A lab kernel is the newest cloud kernel whose image package has a name of this form.
declare -A kernel_pattern=(
	[6.1]='linux-image-6\.1\.0-[0-9]+-cloud-amd64'
	[6.12]='linux-image-6\.12\.[0-9]+\+deb12-cloud-amd64'
)
apt_fresh=

die()
{
	echo "tenon: deps: $*" >&2
	exit 1
}

say()
{
	echo "deps: $*" >&2
}

# Prints those of its arguments that are not installed packages.
not_installed()
{
	comm -23 <(printf "%s\n" "$@" | sort -u) \
		<(dpkg-query -W -f "\${Package} \${db:Status-Status}\n" "$@" 2>/dev/null |
			sed -n "s/ installed\$//p" | sort -u)
}

apt_quiet()
{
	local log=build/deps.log

	DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@" >>"$log" 2>&1 ||
		die "apt-get $1 failed: $(grep -m1 '^E:' "$log" || tail -n1 "$log")"
}

apt_update()
{
	[ -z "$apt_fresh" ] || return 0
	if [ "$(id -u)" = 0 ]; then
		say "apt-get update"
		apt_quiet update
	fi
	apt_fresh=1
}

install_missing()
{
	local missing

	mapfile -t missing < <(not_installed "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	[ "$(id -u)" = 0 ] ||
		die "missing packages, install them as root: apt-get install ${missing[*]}"
	apt_update
	say "installing ${missing[*]}"
	apt_quiet install --no-install-recommends "${missing[@]}"
}

newest_release()
{
	apt-cache pkgnames linux-image-"$1" | grep -Ex "${kernel_pattern[$1]}" | sort -V |
		tail -n1 | sed 's/^linux-image-//'
}

# Leaves build/kernels/VERSION/{release,vmlinuz,lib/modules/RELEASE}; nothing is installed.
fetch_kernel()
{
	local version=$1 dir=build/kernels/$1 tmp release

	[ ! -e "$dir/release" ] || return 0
	apt_update
	release=$(newest_release "$version")
	[ -n "$release" ] || die "apt offers no cloud kernel $version: is Debian 12 in its sources?"
	say "fetching the Debian kernel $release"
	rm -rf "$dir" "$dir.tmp"
	mkdir -p "$dir.tmp"
	tmp=$(realpath "$dir.tmp")
	(cd "$tmp" && apt-get -q -o APT::Sandbox::User=root download "linux-image-$release") \
		>>build/deps.log 2>&1 || die "download of linux-image-$release failed: see build/deps.log"
	dpkg-deb -x "$tmp"/linux-image-*.deb "$tmp/image"
	mkdir -p "$tmp/lib"
	mv "$tmp/image/lib/modules" "$tmp/lib/modules"
	mv "$tmp/image/boot/vmlinuz-$release" "$tmp/vmlinuz"
	mv "$tmp/image/boot/config-$release" "$tmp/config"
	rm -rf "$tmp/image" "$tmp"/*.deb
	depmod -b "$tmp" "$release"
	echo "$release" >"$tmp/release"
	mv "$tmp" "$dir"
}

# checkpatch.pl and its word lists, out of the kernel's source package.
fetch_checkpatch()
{
	local dir=build/checkpatch

	[ ! -e "$dir/.done" ] || return 0
	say "unpacking checkpatch.pl from linux-source-6.1"
	mkdir -p "$dir"
	tar -xJf /usr/src/linux-source-6.1.tar.xz -C "$dir" --strip-components=1 --wildcards \
		'*/scripts/checkpatch.pl' '*/scripts/spelling.txt' '*/scripts/const_structs.checkpatch'
	touch "$dir/.done"
}

# gdb without Python, whose modules a lab host would have to carry; beside an installed gdb.
fetch_gdb()
{
	local dir=build/gdb

	[ ! -e "$dir/.done" ] || return 0
	apt_update
	say "fetching gdb-minimal"
	rm -rf "$dir"
	mkdir -p "$dir"
	(cd "$dir" && apt-get -q -o APT::Sandbox::User=root download gdb-minimal) >>build/deps.log 2>&1 ||
		die "download of gdb-minimal failed: see build/deps.log"
	dpkg-deb -x "$dir"/gdb-minimal_*.deb "$dir"
	touch "$dir/.done"
}

main()
{
	local name version packages=() groups=("$@")

	[ ${#groups[@]} -gt 0 ] || groups=(build run check bench)
	command -v apt-get >/dev/null || die "needs Debian 12: no apt-get here"
	mkdir -p build/kernels
	exec 8>build/deps.lock
	flock 8

	for name in "${groups[@]}"; do
		[ -n "${group[$name]+set}" ] || die "$name: no such group of packages"
		# shellcheck disable=SC2206 # the lists are words
		packages+=(${group[$name]})
	done
	install_missing "${packages[@]}"
	for version in 6.1 6.12; do
		fetch_kernel "$version"
		packages+=("linux-headers-$(<"build/kernels/$version/release")")
	done
	install_missing "${packages[@]}"
	if [[ " ${groups[*]} " == *" check "* ]]; then
		fetch_checkpatch
		fetch_gdb
	fi
}

main "$@"
