#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2034,SC2154 # the variables are those of selftests/lab/lab
#
# The VMX machine of selftests/lab/lab: Bochs, which starts from a CD image. It counts instructions
# by itself (a tick of the TSC is one): --icount only takes the random numbers away.

machine_name=Bochs
machine_module=kvm-intel
machine_disk_modules=()
machine_out=/dev/ttyS2 machine_err=/dev/ttyS3

declare -A bochs_model=(
	[haswell]=corei7_haswell_4770
	[skylake]=corei7_skylake_x
	[penryn]=core2_penryn_t9600
	[prescott]=p4_prescott_celeron_336
)
# What Linux must not use. Bochs's size of the AVX-512 state and Linux's differ, and Linux would do
# without XSAVE then.
bochs_hidden=aperfmperf,avx512f
# Instructions in a second, and steps of the TSC, whatever CPUID tells of a crystal.
bochs_ips=50000000

machine_options()
{
	[ ${#disks[@]} = 0 ] || die "--disk: the vmx lab has no disks"
	[ -z "$interactive" ] || die "--interactive: the vmx lab has no terminal"
	[ "$npt$virt" = onon ] || [ -z "$cpu" ] || [ "$virt" = locked ] || [ "$virt" = open ] ||
		die "--npt off, --virt off: choose the processor, so no --cpu please"
	[ "$npt" = on ] || cpu=penryn
	[ "$virt" != off ] || cpu=prescott
	: "${cpu:=haswell}" "${LAB_DEBUGGER:=}"
	cpu=${bochs_model[$cpu]-$cpu}
	machine_boot_limit=120
	# Bochs does not leave a guest with IF=0 for an external interrupt, which processors do.
	params+=(tenon.timer_guard=1)
}

# What the BIOS does to IA32_FEATURE_CONTROL (or $5,%eax; wrmsr), as the sed command that changes it.
declare -gA bochs_firmware=(
	[on]=''
	[off]=''
	[locked]='s/\x83\xc8\x05\x0f\x30/\x83\xc8\x01\x0f\x30/g'
	[open]='s/\x83\xc8\x05\x0f\x30/\x83\xc8\x05\x90\x90/g'
)

# bochs_bios: a copy of the BIOS, changed as --virt says.
bochs_bios()
{
	local bios=/usr/share/bochs/BIOS-bochs-latest

	LC_ALL=C sed "${bochs_firmware[$virt]}" "$bios" >"$lab/bios"
	[ -z "${bochs_firmware[$virt]}" ] || ! cmp -s "$bios" "$lab/bios" ||
		die "--virt $virt: $bios is not of a known kind"
}

# MSRs that Linux reads at each turn and Bochs does not know.
bochs_msrs()
{
	printf '0x%s 0 00000000 00000000 00000000 00000000 00000000 00000000\n' 1d9 0e7 0e8
}

bochs_settings()
{
	cat <<-END
		config_interface: textconfig
		display_library: rfb, options="timeout=0"
		plugin_ctrl: serial=1, parallel=0, gameport=0, speaker=0
		romimage: file=$lab/bios, options=fastboot
		vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
		memory: guest=$mem, host=$mem
		cpu: model=$cpu, count=$cpus, ips=$bochs_ips, reset_on_triple_fault=0, ignore_bad_msrs=1, msrs="$lab/msrs"
		clock: sync=none, time0=1700000000
		ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
		ata1: enabled=0
		ata0-master: type=cdrom, path="$lab/boot.iso", status=inserted
		boot: cdrom
		com1: enabled=1, mode=file, dev="$lab/console.log"
		com2: enabled=1, mode=file, dev="$lab/control"
		com3: enabled=1, mode=file, dev="$lab/out"
		com4: enabled=1, mode=file, dev="$lab/err"
		port_e9_hack: enabled=1
		log: $lab/bochs.log
		panic: action=fatal
		error: action=report
		magic_break: enabled=$((${#LAB_DEBUGGER} > 0))
	END
}

# boot_image ARGUMENTS: the kernel, its initramfs and its command line on a CD.
boot_image()
{
	local stage=$lab/iso.stage

	rm -rf "$stage"
	mkdir -p "$stage"
	cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 "$stage"
	cp "$kdir/vmlinuz" "$stage/vmlinuz"
	ln "$lab/initrd" "$stage/initrd"
	printf '%s\n' "DEFAULT lab" "LABEL lab" "KERNEL /vmlinuz" "INITRD /initrd" "APPEND $1" \
		>"$stage/isolinux.cfg"
	xorriso -as mkisofs -quiet -o "$lab/boot.iso" -b isolinux.bin -c boot.cat -no-emul-boot \
		-boot-load-size 4 -boot-info-table "$stage" 2>"$lab/xorriso.log" ||
		die "xorriso: $(tail -n1 "$lab/xorriso.log")"
	rm -rf "$stage"
}

# machine_command ARGUMENTS: sets machine, the emulator's command line.
machine_command()
{
	[ -z "$icount" ] || bochs_hidden+=,rdrand,rdseed
	boot_image "$1 reboot=t cryptomgr.notests clearcpuid=$bochs_hidden \
		tsc_early_khz=$((bochs_ips / 1000)) $(printf %s initcall_blacklist= \
		load_system_certificate_list,trace_eval_init,init_kprobe_trace,cubictcp_register, \
		crypto_algapi_init)"
	bochs_bios
	bochs_msrs >"$lab/msrs"
	bochs_settings >"$lab/bochsrc"
	printf '%s\n' "${LAB_DEBUGGER:=c}" >"$lab/debugger"
	machine=(bochs-bin -q -f "$lab/bochsrc" -rc "$lab/debugger")
}

# Becomes the emulator, whose log does not get beyond a gigabyte. Its standard input is its
# debugger's; its standard output has what the lab host writes to port 0xe9, and what the debugger
# says.
machine_start()
{
	rm -f "$lab/bochs.log"
	ulimit -f 1000000
	exec setpriv --pdeathsig KILL "${machine[@]}" <"$lab/monitor.in" >"$lab/data"
}

# Interrupted, Bochs asks its debugger.
machine_registers()
{
	local said

	said=$(stat -c %s "$lab/data")
	kill -INT "$machine_pid"
	printf '%s\n' "info cpu" sreg creg "print-stack 64" >&5
	sleep 1
	tail -c "+$said" "$lab/data"
}

# What it said when it died. A processor that shuts down is the doing of what ran on it.
machine_death()
{
	local line

	line=$(sed -n 's/.*>>PANIC<< //p' "$lab"/{bochs,emulator}.log 2>/dev/null | head -n1)
	case $line in
	*"3rd"*) echo "the lab host's processor shut down: $line" ;;
	?*) echo "Bochs died: $line" ;;
	esac
}

# The VM-entry checks that failed, each once.
machine_hints()
{
	grep -a -s -o 'VMFAIL.*' "$lab/bochs.log" | sort | uniq -c | sort -rn | head -n 10 |
		sed 's/^ */bochs.log: /'
}
