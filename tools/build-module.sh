#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Builds kmod/ for one kernel in build/kmod-NAME, a tree of links to the sources, so that builds
# for several kernels live side by side.
# usage: tools/build-module.sh [--check] 6.1|6.12|host
#   --check  in build/check-NAME, from scratch, with W=1 and sparse; any warning fails. What it made
#            is then what the lab loads
#   V=1      show commands

set -euo pipefail
cd "$(dirname "$0")/.."

check=
if [ "$1" = --check ]; then
	check=check
	shift
fi
name=$1 dir=$PWD/build/${check:-kmod}-$1
log=$dir.log
if [ "$name" = host ]; then
	release=${HOST_RELEASE:-$(uname -r)}
else
	release=$(<"build/kernels/$name/release")
fi
kdir=/lib/modules/$release/build
[ -e "$kdir/Makefile" ] || {
	echo "tenon: build: $kdir: no headers of this kernel: apt-get install linux-headers-$release" >&2
	exit 1
}

mkdir -p "$dir"
exec 9>"$dir.lock"
flock 9
ln -sfn ../include build/include
# Objects that a build inside kmod/ may have left are not ours; links to deleted files go.
cp -rsf "$PWD/kmod/." "$dir"
find "$dir" -type l \( -xtype l -o ! -name '*.[chS]' ! -name Kbuild \) -delete

kbuild=(make -C "$kdir" "M=$dir" CONFIG_DEBUG_INFO_BTF_MODULES= "V=${V:-0}")
MAKEFLAGS=-j$(nproc)
export MAKEFLAGS
if [ -n "$check" ]; then
	find "$dir" -type f -delete
	kbuild+=(W=1 C=1)
fi
if ! "${kbuild[@]}" modules >"$log" 2>&1; then
	grep -E 'error:|undefined|No rule|ERROR' "$log" | sed "s,$dir,kmod,g" >&2 || tail -n 20 "$log" >&2
	exit 1
fi
[ "${V:-0}" = 0 ] || cat "$log"
if grep -E 'warning|WARNING' "$log" | sed "s,$dir,kmod,g" >&2 && [ -n "$check" ]; then
	exit 1
fi
if [ -n "$check" ]; then
	mkdir -p "build/kmod-$name"
	cp "$dir/tenon.ko" "build/kmod-$name/tenon.ko"
fi
