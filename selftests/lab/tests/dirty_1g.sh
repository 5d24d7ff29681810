#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# labs: svm
# tier: check
#
# The log of written pages where the host has a page of 1 GiB, for which the lab host of the ABI
# programs is too small: it is split twice, and mapped as one again.

set -euo pipefail

make -s -f selftests/abi/Makefile build/abi/dirty
mkdir "$WORK/abi"
cp build/abi/dirty "$WORK/abi"
"$LAB" --kernel "$KERNEL" --mem 4096 --append 'hugepagesz=1G hugepages=1' --dir "$WORK/abi:/abi" -- \
	/abi/dirty hugetlb_1g | tee "$WORK/out"
grep -qx 'ok hugetlb_1g' "$WORK/out"
