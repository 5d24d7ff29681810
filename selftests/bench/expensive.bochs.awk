# SPDX-License-Identifier: GPL-2.0-only
# What Bochs's debugger traces. The log begins with the guest's first instruction: it takes some time
# until one turn is like the next.
BEGIN {
	kinds = split("msr xsetbv vmread vmwrite vmptrld inv xsave crdr lock", kind, " ")
	skip = 8
}

# "(0).[660224962] [0x0000029d8019] 0008:0000000000010019 (unk. ctxt): cpuid      ; 0fa2"
/^\(0\)\.\[[0-9]+\] / {
	pc = $3
	sub(/.*:0*/, "", pc)
	text = $0
	sub(/^[^)]*\)[^)]*\): /, "", text)
	executed(pc, classify(text))
}

function classify(text) {
	if (text ~ /^(rdmsr|wrmsr)/)
		return "msr"
	if (text ~ /^xsetbv/)
		return "xsetbv"
	if (text ~ /^(vmread|vmwrite) /)
		return substr(text, 1, index(text, " ") - 1)
	if (text ~ /^(vmptrld|vmclear)/)
		return "vmptrld"
	if (text ~ /^inv/)
		return "inv"
	if (text ~ /^(xsave|xrstor|fxsave|fxrstor)/)
		return "xsave"
	if (text ~ /^mov (cr|dr)[0-9]/ || text ~ /^mov [^;]*, (cr|dr)[0-9]/)
		return "crdr"
	if (text ~ /^lock/ || text ~ /^xchg[^;]*\[/)
		return "lock"
	return ""
}
