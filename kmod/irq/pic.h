/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The PC's two 8259A interrupt controllers with edge/level control registers (Intel 8259A data
 * sheet, order 231468; ELCR: 82371 PIIX data sheet). Pure. All functions run under the caller's
 * lock.
 */
#ifndef TENON_IRQ_PIC_H
#define TENON_IRQ_PIC_H

#include <linux/kvm.h>
#include <linux/types.h>

#define PIC_LINES 16

/* The cascade: the slave's output is the master's input 2. */
#define PIC_CASCADE 2

/**
 * struct pic_ops - the world as the PIC pair sees it
 * @output: the master's INT pin changed; called under the caller's lock
 * @eoi: the interrupt of this line (0 to 15) left the in-service register
 */
struct pic_ops {
	void (*output)(void *opaque, bool level);
	void (*eoi)(void *opaque, unsigned int line);
};

/**
 * struct pic - the pair
 * @chip: master and slave, in the form of KVM_GET_IRQCHIP
 * @output: level of the master's INT pin
 * @ops: the world
 * @opaque: handed to @ops
 */
struct pic {
	struct kvm_pic_state chip[2];
	bool output;
	const struct pic_ops *ops;
	void *opaque;
};

void pic_init(struct pic *pic, const struct pic_ops *ops, void *opaque);
int pic_set_line(struct pic *pic, unsigned int line, bool level);
u8 pic_ack(struct pic *pic);
bool pic_port(u16 port);
u8 pic_read(struct pic *pic, u16 port);
void pic_write(struct pic *pic, u16 port, u8 value);
void pic_get_state(const struct pic *pic, unsigned int chip, struct kvm_pic_state *state);
void pic_set_state(struct pic *pic, unsigned int chip, const struct kvm_pic_state *state);

#endif
