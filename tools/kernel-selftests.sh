#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Builds the kernel's own KVM selftests, out of Debian's linux-source-6.1, as static programs:
# build/kernel-selftests/bin/NAME. Done once; again when the package or this script has changed.

set -euo pipefail
cd "$(dirname "$0")/.."

tarball=/usr/src/linux-source-6.1.tar.xz
dir=$PWD/build/kernel-selftests
log=$dir.log

mkdir -p build
exec 9>"$dir.lock"
flock 9
[ ! "$dir/.done" -nt "$tarball" ] || [ ! "$dir/.done" -nt tools/kernel-selftests.sh ] || exit 0
[ -e "$tarball" ] || {
	echo "tenon: kernel-selftests: $tarball: not there: apt-get install linux-source-6.1" >&2
	exit 1
}

rm -rf "$dir"
mkdir -p "$dir/src" "$dir/bin"
echo "kernel-selftests: unpacking and building, once" >&2
tar -xJf "$tarball" -C "$dir/src" --strip-components=1 \
	linux-source-6.1/{Makefile,arch/x86,include,scripts,tools,usr}
src=$dir/src

# Two programs of 6.1's do not compile as they are: a macro's name, and a missing header.
flags="-DTEST_ASSERT_EQ=ASSERT_EQ -include $src/usr/include/linux/stddef.h"
unset MAKEFLAGS MAKELEVEL MFLAGS V
if ! { make -C "$src" ARCH=x86 headers &&
	make -C "$src/tools/testing/selftests/kvm" LDFLAGS=-static EXTRA_CFLAGS="$flags"; } \
	>"$log" 2>&1 </dev/null; then
	grep -E 'error:|undefined|\*\*\*' "$log" >&2 || tail -n 20 "$log" >&2
	exit 1
fi
find "$src/tools/testing/selftests/kvm" -type f -perm -u+x ! -name '*.*' -print0 |
	while IFS= read -r -d '' program; do
		objcopy --strip-all "$program" "$dir/bin/$(basename "$program")"
	done
rm -rf "$src"
touch "$dir/.done"
