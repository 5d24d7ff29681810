# SPDX-License-Identifier: GPL-2.0-only
# QEMU's log (in_asm, exec): first what an address holds, then that it is executed.
BEGIN {
	kinds = split("msr xsetbv vmload inv xsave crdr lock", kind, " ")
}

# "0xffffffffc0212345:  0f 30                    wrmsr"
/^0x[0-9a-f]+: / {
	pc = substr($1, 3, length($1) - 3)
	sub(/^0+/, "", pc)
	text = $0
	sub(/^0x[0-9a-f]+: +([0-9a-f][0-9a-f] )+ */, "", text)
	class[pc] = classify(text)
	next
}

/^Trace / {
	split($0, part, "/")
	pc = part[2]
	sub(/^0+/, "", pc)
	executed(pc, class[pc])
}

function classify(text) {
	if (text ~ /^(rdmsr|wrmsr)/)
		return "msr"
	if (text ~ /^xsetbv/)
		return "xsetbv"
	if (text ~ /^(vmload|vmsave|vmrun|clgi|stgi)/)
		return "vmload"
	if (text ~ /^inv/)
		return "inv"
	if (text ~ /^(xsave|xrstor|fxsave|fxrstor)/)
		return "xsave"
	if (text ~ /^mov.*%(cr|dr|db)[0-9]/)
		return "crdr"
	if (text ~ /^lock/ || text ~ /^xchg.*\(/)
		return "lock"
	return ""
}
