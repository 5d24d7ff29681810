# SPDX-License-Identifier: GPL-2.0-only
# results.tsv for a person.
$3 == "expensive" {
	printf "%-17s %-18s %-13s kvm: %s\n", $1, $2, $3, $4
	printf "%-17s %-18s %-13s tenon: %s\n", "", "", "", $5
	next
}

{
	printf "%-17s %-18s %-13s %14s %14s %8s\n", $1, $2, $3, $4, $5, $6
}
