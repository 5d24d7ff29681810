// SPDX-License-Identifier: GPL-2.0-only
/*
 * The formats of nested page-table entries.
 */
#include "pte.h"

/*
 * APM 2, 15.25.5 and 5.3: the host's own long-mode format. Each access of the guest counts as a
 * user access. The host's PAT, as Linux sets it, has WB, WC, UC- and UC in entries 0 to 3.
 */
#define NPT_P	BIT_ULL(0)
#define NPT_W	BIT_ULL(1)
#define NPT_U	BIT_ULL(2)
#define NPT_PWT BIT_ULL(3)
#define NPT_PCD BIT_ULL(4)
#define NPT_A	BIT_ULL(5)
#define NPT_D	BIT_ULL(6)
#define NPT_PS	BIT_ULL(7)
#define NPT_NX	BIT_ULL(63)

const struct pte_format pte_format_npt = {
	.present = NPT_P,
	.table = NPT_P | NPT_W | NPT_U | NPT_A,
	.leaf = NPT_P | NPT_U | NPT_A,
	.write = NPT_W | NPT_D,
	.noexec = NPT_NX,
	.accessed = NPT_A,
	.large = NPT_PS,
	.memtype = {
		[PTE_WB] = 0,
		[PTE_WC] = NPT_PWT,
		[PTE_UC] = NPT_PCD | NPT_PWT,
	},
};

/* SDM 3, 29.3.2 (tables 29-1 to 29-7); memory types in bits 5:3 as in the MTRRs. */
#define EPT_R	   BIT_ULL(0)
#define EPT_W	   BIT_ULL(1)
#define EPT_X	   BIT_ULL(2)
#define EPT_MT(mt) ((u64)(mt) << 3)
#define EPT_PS	   BIT_ULL(7)
#define EPT_A	   BIT_ULL(8)
#define EPT_D	   BIT_ULL(9)

/* Guest RAM is write-back whatever the guest's PAT says, as the host's mapping of it is. */
#define EPT_IPAT BIT_ULL(6)
#define EPT_WB	 (EPT_MT(6) | EPT_IPAT)

const struct pte_format pte_format_ept = {
	.present = EPT_R | EPT_W | EPT_X,
	.table = EPT_R | EPT_W | EPT_X | EPT_A,
	.leaf = EPT_R | EPT_A,
	.write = EPT_W | EPT_D,
	.exec = EPT_X,
	.large = EPT_PS,
	.accessed = EPT_A,
	.memtype = {
		[PTE_WB] = EPT_WB,
		[PTE_WC] = EPT_MT(1),
		[PTE_UC] = EPT_MT(0),
	},
};

/* For processors that do not set accessed and dirty bits in EPT entries. */
const struct pte_format pte_format_ept_no_ad = {
	.present = EPT_R | EPT_W | EPT_X,
	.table = EPT_R | EPT_W | EPT_X,
	.leaf = EPT_R,
	.write = EPT_W,
	.exec = EPT_X,
	.large = EPT_PS,
	.memtype = {
		[PTE_WB] = EPT_WB,
		[PTE_WC] = EPT_MT(1),
		[PTE_UC] = EPT_MT(0),
	},
};
