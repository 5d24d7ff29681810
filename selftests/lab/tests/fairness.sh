#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# labs: svm vmx
# kernels: 6.1 6.12
# tier-vmx: full
# lines: yes
#
# A guest that computes leaves room for signals, memory slots, eventfd readers and CPU hotplug.
# MODULE=kvm runs it on kvm.ko, to check the test itself.

set -euo pipefail

gcc -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -pthread -static -iquote selftests/abi \
	-o "$WORK/fairness" selftests/lab/tests/fairness.c selftests/abi/lib/abi.c

"$LAB" --kernel "$KERNEL" --module "${MODULE:-tenon}" --cpus 2 --timeout 300 --dir "$WORK:/work" -- \
	/work/fairness
