# SPDX-License-Identifier: GPL-2.0-only
# From a log of QEMU's (in_asm, exec): the expensive operations between two entries into the guest,
# whose code is at 10000h to 10fffh. See expensive.
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
	guest = length(pc) == 5 && substr(pc, 1, 2) == "10"
	if (guest && !was_guest)
		entry(pc)
	if (!guest) {
		length_now++
		if (class[pc] != "")
			count[trips, class[pc]]++
	}
	was_guest = guest
}

# The most frequent length is that of a round trip which no interrupt of the host prolonged. The
# first and the last are not whole.
END {
	for (i = 1; i < trips; i++)
		seen[len[i]]++
	for (n in seen)
		if (seen[n] > seen[most] + 0)
			most = n
	for (i = 1; i < trips; i++)
		if (len[i] == most)
			break
	if (trips < 3)
		exit 1
	for (k = 1; k <= kinds; k++)
		line = line (k > 1 ? "," : "") kind[k] "=" count[i, kind[k]] + 0
	print row, module, line
}

# A round trip, of one or several exits, ends where the guest is entered at the same place again.
function entry(pc) {
	if (!start)
		start = pc
	if (pc != start)
		return
	len[trips + 0] = length_now
	trips++
	length_now = 0
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
