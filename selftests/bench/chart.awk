# SPDX-License-Identifier: GPL-2.0-only
# results.tsv to an SVG: a bar per row that has a ratio, with the reference as a line at 1.
BEGIN {
	FS = "\t"
	height = 22
	left = 290
	scale = 400
}

NR > 1 && $6 != "-" {
	n++
	name[n] = $2 ", " $1
	ratio[n] = $6
}

END {
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" ", left + scale * 1.3, \
		(n + 2) * height
	print "font-family=\"sans-serif\" font-size=\"13\">"
	print "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>"
	printf "<text x=\"%d\" y=\"16\">tenon.ko / kvm.ko (shorter is better)</text>\n", left
	for (i = 1; i <= n; i++) {
		y = (i + 0.5) * height
		width = (ratio[i] < 1.25 ? ratio[i] : 1.25) * scale
		printf "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n", left - 8, y + 12, name[i]
		printf "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n", left, y, width, \
			height - 6, ratio[i] <= 0.5 ? "#4a7" : ratio[i] <= 1 ? "#fa0" : "#d44"
		printf "<text x=\"%.1f\" y=\"%d\">%s</text>\n", left + width + 6, y + 12, ratio[i]
	}
	printf "<line x1=\"%d\" x2=\"%d\" y1=\"20\" y2=\"%d\" stroke=\"black\"/>\n", left + scale, left + scale, \
		(n + 1.5) * height
	print "</svg>"
}
