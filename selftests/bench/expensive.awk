# SPDX-License-Identifier: GPL-2.0-only
# The expensive operations between two entries into the guest, whose code is at 10000h to 10fffh. The
# emulator's part, expensive.qemu.awk or expensive.bochs.awk, sets the names of what is counted (kinds,
# kind) and how many entries pass first (skip), and calls executed() for each instruction.

function executed(pc, class) {
	guest = length(pc) == 5 && substr(pc, 1, 2) == "10"
	if (guest && !was_guest && ++entries > skip)
		entry(pc)
	if (!guest) {
		length_now++
		if (class != "")
			count[trips + 0, class]++
	}
	was_guest = guest
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
