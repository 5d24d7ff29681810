#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2034,SC2154 # the variables are those of selftests/lab/lab
#
# The SVM machine of selftests/lab/lab: QEMU's TCG.

machine_name=QEMU
machine_module=kvm-amd
machine_disk_modules=(virtio_pci virtio_blk)
# The ports behind a PCI card keep the two standard ones for the console and the control lines.
machine_out=/dev/ttyS4 machine_err=/dev/ttyS5

machine_options()
{
	# On "max" without SVM a static glibc aborts while it starts.
	[ "$virt" != off ] || : "${cpu:=EPYC}"
	: "${cpu:=max}"
	[ "$npt" = on ] || cpu+=,-npt
	case $virt in
	off) cpu+=,-svm ;;
	locked | open) die "--virt $virt: QEMU's processors have no VM_CR" ;;
	esac
	machine_boot_limit=90
	[ -z "$icount" ] || machine_boot_limit=120
	# CPU 0 runs no guest where there are others: see Documentation/lab.rst.
	machine_cpus=$cpus
	if [ -z "$icount" ] && [ "$cpus" -gt 1 ]; then
		machine_cpus=$((cpus + 1))
		machine_mask=$(printf '%x' $(((1 << machine_cpus) - 2)))
	fi
}

# machine_command ARGUMENTS: sets machine, the emulator's command line.
machine_command()
{
	# Without CMPXCHG16B: see Documentation/lab.rst.
	local args="$1 lpj=10000000 8250.nr_uarts=8 clearcpuid=cx16" disk threads=multi

	[ -z "$icount" ] || threads=single
	machine=(
		qemu-system-x86_64 -accel "tcg,thread=$threads" -machine q35 -cpu "$cpu" -smp "$machine_cpus" -m "$mem"
		-kernel "$kdir/vmlinuz" -initrd "$lab/initrd" -append "$args"
		-nodefaults -display none -no-reboot
		-chardev "file,id=console,path=$lab/console.log" -serial chardev:console
		-chardev "file,id=control,path=$lab/control" -serial chardev:control
		-chardev "file,id=err,path=$lab/err"
		-chardev "file,id=data,path=$lab/data" -device "isa-debugcon,iobase=0xe9,chardev=data"
		-chardev "pipe,id=monitor,path=$lab/monitor" -mon monitor
		-device "pci-serial-2x,chardev1=out,chardev2=err"
	)
	if [ -n "$interactive" ]; then
		machine+=(-chardev "stdio,id=out,signal=off")
	else
		machine+=(-chardev "file,id=out,path=$lab/out")
	fi
	for disk in ${disks[@]+"${disks[@]}"}; do
		machine+=(-drive "if=virtio,format=raw,cache=writeback,file=${disk//,/,,}")
	done
	if [ -n "$icount" ]; then
		machine+=(-icount "shift=0,sleep=off" -rtc "base=2024-01-01,clock=vm" -seed 1)
	fi
	if [ "${DEBUG:-0}" != 0 ]; then
		machine+=(-gdb tcp::1234 -d "guest_errors,unimp,cpu_reset" -D "$lab/qemu-debug.log")
		[ "$DEBUG" = 1 ] || machine+=(-S)
		note "gdb: target remote :1234; QEMU's log: $lab/qemu-debug.log"
	fi
}

# Becomes the emulator. Its standard input and output are the terminal's where that is wanted.
machine_start()
{
	exec setpriv --pdeathsig KILL "${machine[@]}"
}

# The registers of all CPUs, and an NMI, so that the kernel shows where they are.
machine_registers()
{
	echo "info registers -a" >&5
	echo nmi >&5
	sleep 1
	timeout 1 cat <&4
}

# What it said when it died.
machine_death()
{
	[ ! -s "$lab/emulator.log" ] || echo "QEMU died: $(tail -n1 "$lab/emulator.log")"
}

machine_hints()
{
	:
}
