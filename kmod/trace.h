/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints, under /sys/kernel/tracing/events/tenon.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM tenon

#if !defined(TENON_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define TENON_TRACE_H

#include <linux/tracepoint.h>

#include "event.h"
#include "exit.h"
#include "vcpu.h"

/* clang-format off */

#define EXIT_NAMES                                                                     \
	{ EXIT_UNKNOWN, "unknown" }, { EXIT_INTERNAL, "internal" },                    \
	{ EXIT_INTERRUPT, "interrupt" }, { EXIT_DEADLINE, "deadline" },                \
	{ EXIT_CPUID, "cpuid" },                                                       \
	{ EXIT_RDMSR, "rdmsr" }, { EXIT_WRMSR, "wrmsr" },                              \
	{ EXIT_HYPERCALL, "hypercall" }, { EXIT_IO, "io" }, { EXIT_HLT, "hlt" },       \
	{ EXIT_GPA_FAULT, "gpa_fault" }, { EXIT_CR, "cr" }, { EXIT_DR, "dr" },         \
	{ EXIT_EXCEPTION, "exception" }, { EXIT_INVLPG, "invlpg" },                    \
	{ EXIT_XSETBV, "xsetbv" }, { EXIT_WBINVD, "wbinvd" }, { EXIT_PAUSE, "pause" }, \
	{ EXIT_MWAIT, "mwait" }, { EXIT_RDPMC, "rdpmc" },                              \
	{ EXIT_TASK_SWITCH, "task_switch" }, { EXIT_UNDEFINED, "undefined" },          \
	{ EXIT_TRIPLE_FAULT, "triple_fault" }, { EXIT_ENTRY_FAILED, "entry_failed" }

#define EVENT_NAMES                                                      \
	{ EVENT_INTERRUPT, "interrupt" }, { EVENT_NMI, "nmi" },          \
	{ EVENT_EXCEPTION, "exception" }, { EVENT_SOFT_INTERRUPT, "soft interrupt" }

#define PV_USE_NAMES                                                                 \
	{ PV_USE_MSR, "msr" }, { PV_USE_EOI, "eoi" }, { PV_USE_STEAL, "steal" },     \
	{ PV_USE_TLB_FLUSH, "tlb_flush" }, { PV_USE_ABSENT, "page_absent" },         \
	{ PV_USE_READY, "page_ready" }, { PV_USE_IPI, "ipi" }, { PV_USE_KICK, "kick" }, \
	{ PV_USE_YIELD, "yield" }

/* The guest has stopped. reason and info are the hardware's own. */
TRACE_EVENT(exit,
	    TP_PROTO(const struct vcpu *vcpu, const struct exit *exit),
	    TP_ARGS(vcpu, exit),
	    TP_STRUCT__entry(
		__field(u32, vcpu)
		__field(u32, kind)
		__field(u64, rip)
		__field(u64, reason)
		__field(u64, info0)
		__field(u64, info1)
	    ),
	    TP_fast_assign(
		__entry->vcpu = vcpu->id;
		__entry->kind = exit->kind;
		__entry->rip = vcpu->rip;
		__entry->reason = exit->raw.reason;
		__entry->info0 = exit->raw.info[0];
		__entry->info1 = exit->raw.info[1];
	    ),
	    TP_printk("vcpu %u %s rip %#llx reason %#llx info %#llx %#llx", __entry->vcpu,
		      __print_symbolic(__entry->kind, EXIT_NAMES), __entry->rip,
		      __entry->reason, __entry->info0, __entry->info1)
);

/* The next entry delivers an event. */
TRACE_EVENT(inject,
	    TP_PROTO(const struct vcpu *vcpu, const struct event *event),
	    TP_ARGS(vcpu, event),
	    TP_STRUCT__entry(
		__field(u32, vcpu)
		__field(u32, kind)
		__field(u32, vector)
		__field(u32, error)
	    ),
	    TP_fast_assign(
		__entry->vcpu = vcpu->id;
		__entry->kind = event->kind;
		__entry->vector = event->vector;
		__entry->error = event->has_error ? event->error : 0;
	    ),
	    TP_printk("vcpu %u %s %#x error %#x", __entry->vcpu,
		      __print_symbolic(__entry->kind, EVENT_NAMES), __entry->vector,
		      __entry->error)
);

/* KVM_RUN returns: result is 0 or an errno, reason kvm_run's exit_reason. */
TRACE_EVENT(user_exit,
	    TP_PROTO(const struct vcpu *vcpu, long result),
	    TP_ARGS(vcpu, result),
	    TP_STRUCT__entry(
		__field(u32, vcpu)
		__field(u32, reason)
		__field(long, result)
	    ),
	    TP_fast_assign(
		__entry->vcpu = vcpu->id;
		__entry->reason = vcpu->run->exit_reason;
		__entry->result = result;
	    ),
	    TP_printk("vcpu %u reason %u result %ld", __entry->vcpu, __entry->reason,
		      __entry->result)
);

/* The guest uses a paravirtual service. value is the MSR, token, time in ns, or number of IPIs. */
TRACE_EVENT(pv,
	    TP_PROTO(const struct vcpu *vcpu, enum pv_use use, u64 value),
	    TP_ARGS(vcpu, use, value),
	    TP_STRUCT__entry(
		__field(u32, vcpu)
		__field(u32, use)
		__field(u64, value)
	    ),
	    TP_fast_assign(
		__entry->vcpu = vcpu->id;
		__entry->use = use;
		__entry->value = value;
	    ),
	    TP_printk("vcpu %u %s %#llx", __entry->vcpu,
		      __print_symbolic(__entry->use, PV_USE_NAMES), __entry->value)
);

/* An interrupt line moved. */
TRACE_EVENT(irq_line,
	    TP_PROTO(u32 gsi, bool level, int source),
	    TP_ARGS(gsi, level, source),
	    TP_STRUCT__entry(
		__field(u32, gsi)
		__field(bool, level)
		__field(int, source)
	    ),
	    TP_fast_assign(
		__entry->gsi = gsi;
		__entry->level = level;
		__entry->source = source;
	    ),
	    TP_printk("gsi %u level %d source %d", __entry->gsi, __entry->level, __entry->source)
);

/* clang-format on */

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
