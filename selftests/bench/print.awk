# SPDX-License-Identifier: GPL-2.0-only
# results.tsv for a person.
{
	printf "%-10s %-18s %-13s %14s %14s %8s\n", $1, $2, $3, $4, $5, $6
}
