#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The host suspends to RAM and wakes up while guests run. (Bochs's host does not come back from it
# whole.)
# labs: svm
# lines: yes
# kernels: 6.1 6.12

set -euo pipefail

gcc -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -pthread -static -iquote selftests/abi \
	-o "$WORK/suspend" selftests/lab/tests/suspend.c selftests/abi/lib/abi.c
"$LAB" --kernel "$KERNEL" --cpus 2 --timeout 150 --dir "$WORK:/work" -- /work/suspend
