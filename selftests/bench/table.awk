# SPDX-License-Identifier: GPL-2.0-only
# "row UNIT REFERENCE TENON" lines to those of results.tsv: lab, row, unit, reference, tenon, ratio.
BEGIN {
	FS = OFS = "\t"
}

{
	print lab, $1, $2, $3, $4, $3 + 0 ? sprintf("%.3f", $4 / $3) : "-"
}
