// SPDX-License-Identifier: GPL-2.0-only
/* The local APIC's registers: one table for the MMIO page and for x2APIC's MSRs. */

#include <linux/bits.h>
#include <linux/nospec.h>
#include <linux/string.h>

#include "lapic.h"

#define X2APIC_MSR_BASE 0x800
#define NR_ROWS		64

/* Who may do what: the page (xAPIC mode) and the MSRs (x2APIC mode). */
#define PAGE_R	BIT(0)
#define PAGE_W	BIT(1)
#define MSR_R	BIT(2)
#define MSR_W	BIT(3)
#define PAGE_RW (PAGE_R | PAGE_W)
#define RO	(PAGE_R | MSR_R)
/* Writes to the page keep reserved bits, as KVM's clients expect of the ICR. */
#define PAGE_KEEPS BIT(4)
#define RW	   (PAGE_R | PAGE_W | MSR_R | MSR_W)

/* Delivery status and remote IRR of an LVT: a write may carry them, without effect. */
#define LVT_STATUS	    (BIT(12) | BIT(14))
#define ICR_DELIVERY_STATUS BIT(12)

/**
 * struct reg_row - one register
 * @access: PAGE_R and so on; 0 where there is no register
 * @mask: bits that a write can change
 * @status: bits that a write may carry, without effect; all others make a WRMSR #GP
 * @read: computes the value, NULL for what is in the page
 * @write: does what a write does, NULL for storing it in the page
 */
struct reg_row {
	u16 access;
	u32 mask;
	u32 status;
	u32 (*read)(const struct lapic *lapic);
	void (*write)(struct lapic *lapic, u32 offset, u32 value);
};

/*
 * Arbitration priority (SDM 3, 11.6.2.4, P6 family; APM 2, 16.6.4): TPR where its class is at least
 * that of the highest request and above that of the vector in service, else the highest class.
 */
static u32 read_apr(const struct lapic *lapic)
{
	u32 tpr = lapic_get(lapic, LAPIC_TPR);
	int irr = lapic_highest_irr(lapic);
	u32 irr_class = irr < 0 ? 0 : irr & 0xf0;
	u32 isr_class = lapic->isr_top < 0 ? 0 : lapic->isr_top & 0xf0;
	u32 class = tpr & 0xf0;

	if (class >= irr_class && class > isr_class)
		return tpr;
	if (class < irr_class)
		class = irr_class;
	return class < isr_class ? isr_class : class;
}

static void write_changed(struct lapic *lapic, u32 offset, u32 value)
{
	if (lapic_get(lapic, offset) == value)
		return;
	lapic_put(lapic, offset, value);
	lapic->ops->changed(lapic->opaque);
}

static void write_tpr(struct lapic *lapic, u32 offset, u32 value)
{
	lapic_set_tpr(lapic, value);
}

static void write_eoi(struct lapic *lapic, u32 offset, u32 value)
{
	lapic_eoi(lapic);
}

/* Bits 27:0 read as ones (SDM 3, figure 11-14). */
static void write_dfr(struct lapic *lapic, u32 offset, u32 value)
{
	write_changed(lapic, offset, value | GENMASK(27, 0));
}

/* While the APIC is disabled by software, its LVTs are masked and stay so (SDM 3, 11.4.7.2). */
static void mask_lvts(struct lapic *lapic)
{
	u32 offset;

	for (offset = LAPIC_LVTT; offset <= LAPIC_LVT_ERROR; offset += 16)
		lapic_put(lapic, offset, lapic_get(lapic, offset) | LAPIC_LVT_MASKED);
	if (lapic->config.cmci)
		lapic_put(lapic, LAPIC_CMCI, lapic_get(lapic, LAPIC_CMCI) | LAPIC_LVT_MASKED);
}

/* Bits that are reserved in an APIC without the feature. */
static u32 absent_bits(const struct lapic *lapic, u32 offset)
{
	if (offset == LAPIC_SVR && !lapic->config.eoi_suppress)
		return LAPIC_SVR_EOI_SUPPRESS;
	if (offset == LAPIC_LVTT && !lapic->config.tsc_deadline)
		return LAPIC_LVT_TSC_DEADLINE;
	return 0;
}

static void write_svr(struct lapic *lapic, u32 offset, u32 value)
{
	value &= ~absent_bits(lapic, offset);
	write_changed(lapic, offset, value);
	if (!(value & LAPIC_SVR_ENABLE))
		mask_lvts(lapic);
}

/* Show what was found since the last write, and be ready to interrupt again (SDM 3, 11.5.3). */
static void write_esr(struct lapic *lapic, u32 offset, u32 value)
{
	u32 errors = 0;
	int bit;

	for (bit = LAPIC_ERR_SEND_VECTOR; bit <= LAPIC_ERR_REGISTER; bit++) {
		if (test_and_clear_bit(bit, &lapic->errors))
			errors |= BIT(bit);
	}
	lapic_put(lapic, offset, errors);
}

/* Sent at once, so the delivery status is always idle. */
static void write_icr(struct lapic *lapic, u32 offset, u32 value)
{
	u32 dest = lapic_get(lapic, LAPIC_ICR2);

	lapic_put(lapic, LAPIC_ICR, value & ~ICR_DELIVERY_STATUS);
	lapic_send(lapic, value, lapic_x2apic(lapic) ? dest : dest >> 24);
}

static void write_lvt(struct lapic *lapic, u32 offset, u32 value)
{
	if (!(lapic_get(lapic, LAPIC_SVR) & LAPIC_SVR_ENABLE))
		value |= LAPIC_LVT_MASKED;
	lapic_put(lapic, offset, value);
	/* The PIC may be asking already. */
	if (offset == LAPIC_LVT_LINT0)
		lapic->ops->wake(lapic->opaque);
}

static void write_lvtt(struct lapic *lapic, u32 offset, u32 value)
{
	if (!(lapic_get(lapic, LAPIC_SVR) & LAPIC_SVR_ENABLE))
		value |= LAPIC_LVT_MASKED;
	lapic_timer_set_lvt(lapic, value & ~absent_bits(lapic, offset));
}

static void write_tmict(struct lapic *lapic, u32 offset, u32 value)
{
	lapic_timer_start(lapic, value);
}

static void write_tdcr(struct lapic *lapic, u32 offset, u32 value)
{
	lapic_timer_set_divide(lapic, value);
}

/* SDM 3, 11.12.11. */
static void write_self_ipi(struct lapic *lapic, u32 offset, u32 value)
{
	lapic_send(lapic, APIC_TO_SELF << 18 | value, 0);
}

/* The version register (SDM 3, 11.4.8): what the APIC can do. Any context. */
u32 lapic_version(const struct lapic *lapic)
{
	return 0x14 | (lapic->config.cmci ? 6 : 5) << 16 |
	       (lapic->config.eoi_suppress ? LAPIC_VERSION_EOI_SUPPRESS : 0);
}

#define ID_ROW(fn)                                                            \
	{                                                                     \
		.access = RO | PAGE_W, .mask = GENMASK(31, 24), .write = (fn) \
	}
#define LVT_ROW(bits, fn)                                                                      \
	{                                                                                      \
		.access = RW, .mask = LVT_FIELDS | (bits), .status = LVT_STATUS, .write = (fn) \
	}

#define LVT_FIELDS (0xff | LAPIC_LVT_MASKED)
#define LVT_MODE   GENMASK(10, 8)
#define LVT_PIN	   (BIT(13) | BIT(15))
#define LVT_TIMER  (LAPIC_LVT_PERIODIC | LAPIC_LVT_TSC_DEADLINE)
#define SVR_FIELDS (GENMASK(9, 0) | LAPIC_SVR_EOI_SUPPRESS)
#define ICR_FIELDS (GENMASK(19, 18) | GENMASK(15, 14) | GENMASK(12, 0))

/* SDM 3, tables 11-1 and 11-6; figures 11-8, 11-12, 11-23, 11-28. */
static const struct reg_row rows[NR_ROWS] = {
	[LAPIC_ID >> 4] = ID_ROW(write_changed),
	[LAPIC_VERSION >> 4] = { .access = RO, .read = lapic_version },
	[LAPIC_TPR >> 4] = { .access = RW, .mask = 0xff, .write = write_tpr },
	[LAPIC_APR >> 4] = { .access = PAGE_R, .read = read_apr },
	[LAPIC_PPR >> 4] = { .access = RO },
	[LAPIC_EOI >> 4] = { .access = PAGE_RW | MSR_W, .write = write_eoi },
	[LAPIC_RRD >> 4] = { .access = PAGE_R },
	[LAPIC_LDR >> 4] = ID_ROW(write_changed),
	[LAPIC_DFR >> 4] = { .access = PAGE_RW, .mask = GENMASK(31, 28), .write = write_dfr },
	[LAPIC_SVR >> 4] = { .access = RW, .mask = SVR_FIELDS, .write = write_svr },
	[0x10 ... 0x27] = { .access = RO }, /* ISR, TMR, IRR */
	[LAPIC_ESR >> 4] = { .access = RW, .write = write_esr },
	[LAPIC_CMCI >> 4] = LVT_ROW(LVT_MODE, write_lvt),
	[LAPIC_ICR >> 4] = { .access = RW | PAGE_KEEPS, .mask = ICR_FIELDS, .write = write_icr },
	[LAPIC_ICR2 >> 4] = { .access = PAGE_RW, .mask = GENMASK(31, 24) },
	[LAPIC_LVTT >> 4] = LVT_ROW(LVT_TIMER, write_lvtt),
	[LAPIC_LVT_THERMAL >> 4] = LVT_ROW(LVT_MODE, write_lvt),
	[LAPIC_LVT_PERF >> 4] = LVT_ROW(LVT_MODE, write_lvt),
	[LAPIC_LVT_LINT0 >> 4] = LVT_ROW(LVT_MODE | LVT_PIN, write_lvt),
	[LAPIC_LVT_LINT1 >> 4] = LVT_ROW(LVT_MODE | LVT_PIN, write_lvt),
	[LAPIC_LVT_ERROR >> 4] = LVT_ROW(0, write_lvt),
	[LAPIC_TMICT >> 4] = { .access = RW, .mask = ~0u, .write = write_tmict },
	[LAPIC_TMCCT >> 4] = { .access = RO, .read = lapic_timer_count },
	[LAPIC_TDCR >> 4] = { .access = RW, .mask = BIT(3) | 3, .write = write_tdcr },
	[LAPIC_SELF_IPI >> 4] = { .access = MSR_W, .mask = 0xff, .write = write_self_ipi },
};

/* The row of a register that may be accessed so, else NULL. @offset is the guest's. */
static const struct reg_row *find_row(const struct lapic *lapic, u32 offset, u8 access)
{
	u32 nr = offset >> 4;

	if (nr >= NR_ROWS || (nr == LAPIC_CMCI >> 4 && !lapic->config.cmci))
		return NULL;
	nr = array_index_nospec(nr, NR_ROWS);
	return rows[nr].access & access ? &rows[nr] : NULL;
}

static u32 read_row(const struct lapic *lapic, const struct reg_row *row, u32 offset)
{
	return row->read ? row->read(lapic) : lapic_get(lapic, offset);
}

static void write_row(struct lapic *lapic, const struct reg_row *row, u32 offset, u32 value)
{
	if (!(row->access & PAGE_KEEPS))
		value &= row->mask;
	if (row->write)
		row->write(lapic, offset, value);
	else
		lapic_put(lapic, offset, value);
}

/**
 * lapic_storable() - which bits of a register a saved state may bring
 * @lapic: the APIC
 * @offset: of the register
 *
 * Return: mask; 0 for what is computed or not there
 */
u32 lapic_storable(const struct lapic *lapic, u32 offset)
{
	const struct reg_row *row = find_row(lapic, offset, PAGE_W);

	if (offset >= LAPIC_ISR && offset < LAPIC_ESR)
		return ~0u;
	if (offset == LAPIC_ESR)
		return 0xff;
	if (offset == LAPIC_ICR)
		return ~(u32)ICR_DELIVERY_STATUS;
	if (offset == LAPIC_ICR2 && lapic_x2apic(lapic))
		return ~0u;
	if (offset == LAPIC_SVR && !lapic->config.eoi_suppress)
		return row->mask & ~LAPIC_SVR_EOI_SUPPRESS;
	return row ? row->mask : 0;
}

/**
 * lapic_read() - read a register in the page
 * @lapic: the APIC, in xAPIC mode
 * @offset: in the page, a multiple of 16; any value is safe
 *
 * Owner. SDM 3, table 11-1; a reserved register reads 0 and is an error in the ESR (11.5.3).
 *
 * Return: the value
 */
u32 lapic_read(struct lapic *lapic, u32 offset)
{
	const struct reg_row *row = find_row(lapic, offset, PAGE_R);

	if (row)
		return read_row(lapic, row, offset);
	lapic_error(lapic, LAPIC_ERR_REGISTER);
	return 0;
}

/**
 * lapic_write() - write a register in the page
 * @lapic: the APIC, in xAPIC mode
 * @offset: in the page, a multiple of 16; any value is safe
 * @value: reserved and read-only bits are ignored
 *
 * Owner. A write to a reserved register is an error in the ESR; to a read-only one, nothing.
 */
void lapic_write(struct lapic *lapic, u32 offset, u32 value)
{
	const struct reg_row *row;

	if (offset == LAPIC_EOI) {
		lapic_eoi(lapic);
		return;
	}
	row = find_row(lapic, offset, PAGE_W);
	if (row)
		write_row(lapic, row, offset, value);
	else if (!find_row(lapic, offset, PAGE_R))
		lapic_error(lapic, LAPIC_ERR_REGISTER);
}

/**
 * lapic_mmio_read() - a load from the page
 * @lapic: the APIC, in xAPIC mode
 * @offset: of the first byte in the page, 0 to 4095
 * @data: receives @len bytes
 * @len: 1 to 8
 *
 * Registers are 32 bits wide at multiples of 16 bytes; what else is read is 0 (SDM 3, 11.4.1 leaves
 * it undefined). Owner.
 */
void lapic_mmio_read(struct lapic *lapic, u32 offset, void *data, unsigned int len)
{
	unsigned int skip = offset & 15;
	u32 value;

	memset(data, 0, len);
	if (skip >= 4)
		return;
	value = lapic_read(lapic, offset - skip) >> skip * 8;
	memcpy(data, &value, len < 4 - skip ? len : 4 - skip);
}

/**
 * lapic_mmio_write() - a store to the page
 * @lapic: the APIC, in xAPIC mode
 * @offset: of the first byte in the page, 0 to 4095
 * @data: @len bytes
 * @len: 1 to 8; anything but an aligned 32-bit store has no effect (SDM 3, 11.4.1)
 *
 * Owner.
 */
void lapic_mmio_write(struct lapic *lapic, u32 offset, const void *data, unsigned int len)
{
	u32 value;

	if (len != sizeof(value) || offset & 15)
		return;
	memcpy(&value, data, sizeof(value));
	lapic_write(lapic, offset, value);
}

/**
 * lapic_msr_read() - RDMSR of 800H to 8FFH
 * @lapic: the APIC
 * @msr: index
 * @value: receives the value
 *
 * Owner. SDM 3, 11.12.1.2.
 *
 * Return: false for #GP(0)
 */
bool lapic_msr_read(struct lapic *lapic, u32 msr, u64 *value)
{
	u32 offset = (msr - X2APIC_MSR_BASE) << 4;
	const struct reg_row *row;

	if (!lapic_x2apic(lapic) || msr - X2APIC_MSR_BASE >= NR_ROWS)
		return false;
	row = find_row(lapic, offset, MSR_R);
	if (!row)
		return false;
	*value = read_row(lapic, row, offset);
	if (offset == LAPIC_ICR)
		*value |= (u64)lapic_get(lapic, LAPIC_ICR2) << 32;
	return true;
}

/**
 * lapic_msr_write() - WRMSR of 800H to 8FFH
 * @lapic: the APIC
 * @msr: index
 * @value: the value; a reserved bit is refused
 *
 * Owner. SDM 3, 11.12.1.2, 11.12.1.3.
 *
 * Return: false for #GP(0)
 */
bool lapic_msr_write(struct lapic *lapic, u32 msr, u64 value)
{
	u32 offset = (msr - X2APIC_MSR_BASE) << 4;
	const struct reg_row *row;

	if (!lapic_x2apic(lapic) || msr - X2APIC_MSR_BASE >= NR_ROWS)
		return false;
	row = find_row(lapic, offset, MSR_W);
	if (!row || (u32)value & (~(row->mask | row->status) | absent_bits(lapic, offset)))
		return false;
	if (offset == LAPIC_ICR)
		lapic_put(lapic, LAPIC_ICR2, value >> 32);
	else if (value >> 32)
		return false;
	write_row(lapic, row, offset, value);
	return true;
}
