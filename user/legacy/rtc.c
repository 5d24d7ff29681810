// SPDX-License-Identifier: GPL-2.0-only
/*
 * Real-time clock and CMOS memory: a Motorola MC146818A with the century and the memory sizes where
 * PCs keep them. The clock runs in UTC. Nothing ticks: what should have happened since the last
 * look is worked out on access, and a timer runs only while an interrupt is enabled and not
 * pending.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "container_of.h"
#include "error.h"
#include "legacy/legacy.h"
#include "machine.h"
#include "vm.h"

#define RTC_BASE  0x70
#define RTC_PORTS 2
#define CMOS_SIZE 128

enum {
	REG_SECOND = 0x00,
	REG_SECOND_ALARM = 0x01,
	REG_MINUTE = 0x02,
	REG_MINUTE_ALARM = 0x03,
	REG_HOUR = 0x04,
	REG_HOUR_ALARM = 0x05,
	REG_WEEKDAY = 0x06,
	REG_DAY = 0x07,
	REG_MONTH = 0x08,
	REG_YEAR = 0x09,
	REG_A = 0x0a,
	REG_B = 0x0b,
	REG_C = 0x0c,
	REG_D = 0x0d,
	REG_BASE_KIB = 0x15, /* two bytes each, little-endian */
	REG_EXTENDED_KIB = 0x17,
	REG_EXTENDED_KIB_POST = 0x30,
	REG_CENTURY = 0x32,
	REG_ABOVE_16M = 0x34, /* in units of 64 KiB */
	REG_ABOVE_4G = 0x5b, /* likewise, three bytes */
};

#define A_UPDATING  0x80
#define A_RATE	    0x0f
#define A_RESET	    0x26 /* 32768 Hz time base, 1024 Hz periodic rate */
#define B_SET	    0x80
#define B_PERIODIC  0x40
#define B_ALARM	    0x20
#define B_UPDATE    0x10
#define B_BINARY    0x04
#define B_24H	    0x02
#define C_IRQ	    0x80
#define C_FLAGS	    0x70 /* the same bits as their enables in B */
#define D_VALID	    0x80
#define HOUR_PM	    0x80
#define ALARM_ANY   0xc0 /* from here on an alarm byte matches everything */

#define NS_PER_S    1000000000LL
#define UPDATE_NS   244000LL /* how long before a second's end A_UPDATING is set */
#define DAY_S	    86400LL
#define LAST_SECOND 8000000000LL /* in 2223: counted in nanoseconds it fits 64 bits */
#define BASE_HZ	    32768LL

#define KIB	    1024ULL
#define MIB	    (1024 * KIB)

/*
 * Everything is under @lock. @offset_ns: this clock minus the host's. @seen_ns: up to when
 * @cmos[REG_C] knows what happened.
 */
struct rtc {
	struct vm *vm;
	pthread_mutex_t lock;
	uint8_t index;
	uint8_t cmos[CMOS_SIZE];
	int64_t offset_ns;
	int64_t seen_ns;
	bool line;
	struct loop_source alarm;
};

static int64_t host_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static int64_t clock_ns(const struct rtc *rtc)
{
	return host_ns() + rtc->offset_ns;
}

static uint8_t encode(const struct rtc *rtc, int value)
{
	return (uint8_t)(rtc->cmos[REG_B] & B_BINARY ? value : value / 10 * 16 + value % 10);
}

static int decode(const struct rtc *rtc, uint8_t byte)
{
	return rtc->cmos[REG_B] & B_BINARY ? byte : (byte >> 4) * 10 + (byte & 0xf);
}

static uint8_t encode_hour(const struct rtc *rtc, int hour)
{
	if (rtc->cmos[REG_B] & B_24H)
		return encode(rtc, hour);
	return encode(rtc, (hour + 11) % 12 + 1) | (hour >= 12 ? HOUR_PM : 0);
}

static int decode_hour(const struct rtc *rtc, uint8_t byte)
{
	if (rtc->cmos[REG_B] & B_24H)
		return decode(rtc, byte);
	return decode(rtc, byte & ~HOUR_PM) % 12 + (byte & HOUR_PM ? 12 : 0);
}

/* Put the time into the registers, as the chip does each second. */
static void store_time(struct rtc *rtc, int64_t ns)
{
	time_t seconds = (time_t)(ns / NS_PER_S);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	rtc->cmos[REG_SECOND] = encode(rtc, tm.tm_sec);
	rtc->cmos[REG_MINUTE] = encode(rtc, tm.tm_min);
	rtc->cmos[REG_HOUR] = encode_hour(rtc, tm.tm_hour);
	rtc->cmos[REG_WEEKDAY] = encode(rtc, tm.tm_wday + 1);
	rtc->cmos[REG_DAY] = encode(rtc, tm.tm_mday);
	rtc->cmos[REG_MONTH] = encode(rtc, tm.tm_mon + 1);
	rtc->cmos[REG_YEAR] = encode(rtc, tm.tm_year % 100);
	rtc->cmos[REG_CENTURY] = encode(rtc, 19 + tm.tm_year / 100);
}

/* The registers have been written: the clock goes on from there, or from as near as it can. */
static void load_time(struct rtc *rtc)
{
	int century = decode(rtc, rtc->cmos[REG_CENTURY]);
	struct tm tm = {
		.tm_sec = decode(rtc, rtc->cmos[REG_SECOND]),
		.tm_min = decode(rtc, rtc->cmos[REG_MINUTE]),
		.tm_hour = decode_hour(rtc, rtc->cmos[REG_HOUR]),
		.tm_mday = decode(rtc, rtc->cmos[REG_DAY]),
		.tm_mon = decode(rtc, rtc->cmos[REG_MONTH]) - 1,
		.tm_year = decode(rtc, rtc->cmos[REG_YEAR]) + (century - 19) * 100,
	};
	int64_t seconds = timegm(&tm), ns;

	if (seconds < 0)
		seconds = 0;
	if (seconds > LAST_SECOND)
		seconds = LAST_SECOND;
	ns = seconds * NS_PER_S;
	rtc->offset_ns = ns - host_ns();
	rtc->seen_ns = ns;
}

static bool alarm_field(const struct rtc *rtc, unsigned int reg, int value)
{
	uint8_t byte = rtc->cmos[reg];

	if (byte >= ALARM_ANY)
		return true;
	return value == (reg == REG_HOUR_ALARM ? decode_hour(rtc, byte) : decode(rtc, byte));
}

static bool alarm_matches(const struct rtc *rtc, int64_t second)
{
	int of_day = (int)(second % DAY_S);

	return alarm_field(rtc, REG_SECOND_ALARM, of_day % 60) &&
	       alarm_field(rtc, REG_MINUTE_ALARM, of_day / 60 % 60) &&
	       alarm_field(rtc, REG_HOUR_ALARM, of_day / 3600);
}

/* Return: nanoseconds between periodic events, 0 for none. Rates 1 and 2 are those of 8 and 9. */
static int64_t period_ns(const struct rtc *rtc)
{
	unsigned int rate = rtc->cmos[REG_A] & A_RATE;

	if (!rate)
		return 0;
	if (rate < 3)
		rate += 7;
	return (NS_PER_S << (rate - 1)) / BASE_HZ;
}

/* Catch up: which flags have the seconds and periods since the last look set? */
static void catch_up(struct rtc *rtc)
{
	int64_t now = clock_ns(rtc), period = period_ns(rtc);
	int64_t from = rtc->seen_ns / NS_PER_S + 1, to = now / NS_PER_S;
	uint8_t *flags = &rtc->cmos[REG_C];

	if (now <= rtc->seen_ns)
		return;
	if (period && now / period != rtc->seen_ns / period)
		*flags |= B_PERIODIC;
	rtc->seen_ns = now;
	if ((rtc->cmos[REG_B] & B_SET) || from > to)
		return;
	*flags |= B_UPDATE;
	if (to - from >= DAY_S)
		from = to - DAY_S + 1;
	for (; from <= to && !(*flags & B_ALARM); from++) {
		if (alarm_matches(rtc, from))
			*flags |= B_ALARM;
	}
}

static int64_t next_event(const struct rtc *rtc)
{
	uint8_t enabled = rtc->cmos[REG_B] & C_FLAGS;
	int64_t now = rtc->seen_ns, next = 0, period = period_ns(rtc);

	if (enabled & (B_ALARM | B_UPDATE))
		next = (now / NS_PER_S + 1) * NS_PER_S;
	if ((enabled & B_PERIODIC) && period) {
		int64_t tick = (now / period + 1) * period;

		if (!next || tick < next)
			next = tick;
	}
	return next;
}

static void arm(struct rtc *rtc)
{
	struct itimerspec when = { 0 };
	int64_t at = rtc->line ? 0 : next_event(rtc);

	if (at) {
		at -= rtc->offset_ns;
		when.it_value.tv_sec = (time_t)(at / NS_PER_S);
		when.it_value.tv_nsec = (long)(at % NS_PER_S);
	}
	timerfd_settime(rtc->alarm.fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void update_line(struct rtc *rtc)
{
	bool line = rtc->cmos[REG_B] & rtc->cmos[REG_C] & C_FLAGS;

	if (line)
		rtc->cmos[REG_C] |= C_IRQ;
	if (line != rtc->line)
		irq_line(rtc->vm, MACHINE_IRQ_RTC, line);
	rtc->line = line;
}

static bool is_time(unsigned int reg)
{
	return reg == REG_CENTURY || (reg <= REG_YEAR && reg != REG_SECOND_ALARM &&
				      reg != REG_MINUTE_ALARM && reg != REG_HOUR_ALARM);
}

static uint8_t read_a(const struct rtc *rtc)
{
	bool updating = clock_ns(rtc) % NS_PER_S >= NS_PER_S - UPDATE_NS;

	if (rtc->cmos[REG_B] & B_SET)
		updating = false;
	return rtc->cmos[REG_A] | (updating ? A_UPDATING : 0);
}

/* Reading the flags clears them, and with them the interrupt. */
static uint8_t read_c(struct rtc *rtc)
{
	uint8_t flags;

	catch_up(rtc);
	update_line(rtc);
	flags = rtc->cmos[REG_C];
	rtc->cmos[REG_C] = 0;
	update_line(rtc);
	if (rtc->cmos[REG_B] & C_FLAGS)
		arm(rtc);
	return flags;
}

static uint8_t read_cmos(struct rtc *rtc, unsigned int reg)
{
	if (is_time(reg) && !(rtc->cmos[REG_B] & B_SET))
		store_time(rtc, clock_ns(rtc));
	if (reg == REG_A)
		return read_a(rtc);
	if (reg == REG_C)
		return read_c(rtc);
	return rtc->cmos[reg];
}

static void write_b(struct rtc *rtc, uint8_t value)
{
	uint8_t old = rtc->cmos[REG_B];

	if (value & B_SET)
		value &= (uint8_t)~B_UPDATE;
	if (!(old & B_SET) && (value & B_SET))
		store_time(rtc, clock_ns(rtc));
	rtc->cmos[REG_B] = value;
	if ((old & B_SET) && !(value & B_SET))
		load_time(rtc);
}

static void write_time(struct rtc *rtc, unsigned int reg, uint8_t value)
{
	bool running = !(rtc->cmos[REG_B] & B_SET);

	if (running)
		store_time(rtc, clock_ns(rtc));
	rtc->cmos[reg] = value;
	if (running)
		load_time(rtc);
}

static void write_cmos(struct rtc *rtc, unsigned int reg, uint8_t value)
{
	catch_up(rtc);
	if (reg == REG_A)
		rtc->cmos[REG_A] = value & (uint8_t)~A_UPDATING;
	else if (reg == REG_B)
		write_b(rtc, value);
	else if (is_time(reg))
		write_time(rtc, reg, value);
	else if (reg != REG_C && reg != REG_D)
		rtc->cmos[reg] = value;
	update_line(rtc);
	arm(rtc);
}

static uint64_t rtc_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct rtc *rtc = opaque;
	uint8_t value = 0xff;

	(void)size;
	pthread_mutex_lock(&rtc->lock);
	if (offset == 1)
		value = read_cmos(rtc, rtc->index);
	pthread_mutex_unlock(&rtc->lock);
	return value;
}

/* The index port's top bit masks NMIs, of which there are none. */
static void write_port(struct rtc *rtc, uint64_t port, uint8_t value)
{
	if (port == 0)
		rtc->index = value % CMOS_SIZE;
	else
		write_cmos(rtc, rtc->index, value);
}

static void rtc_write(void *opaque, uint64_t offset, unsigned int size, uint64_t value)
{
	struct rtc *rtc = opaque;

	pthread_mutex_lock(&rtc->lock);
	for (unsigned int i = 0; i < size; i++)
		write_port(rtc, offset + i, (uint8_t)(value >> (8 * i)));
	pthread_mutex_unlock(&rtc->lock);
}

static const struct bus_ops rtc_ops = {
	.read = rtc_read,
	.write = rtc_write,
};

static void alarm_ready(struct loop_source *src, uint32_t events)
{
	struct rtc *rtc = container_of(src, struct rtc, alarm);
	uint64_t count;

	(void)events;
	if (read(src->fd, &count, sizeof(count)) < 0)
		return;
	pthread_mutex_lock(&rtc->lock);
	catch_up(rtc);
	update_line(rtc);
	arm(rtc);
	pthread_mutex_unlock(&rtc->lock);
}

static void store_size(struct rtc *rtc, unsigned int reg, unsigned int bytes, uint64_t value)
{
	uint64_t most = (1ULL << (8 * bytes)) - 1;

	if (value > most)
		value = most;
	for (unsigned int i = 0; i < bytes; i++)
		rtc->cmos[reg + i] = (uint8_t)(value >> (8 * i));
}

static void store_memory_sizes(struct rtc *rtc)
{
	uint64_t size = rtc->vm->mem->size;
	uint64_t low = size < MEM_LOW_END ? size : MEM_LOW_END;
	uint64_t extended = low > MIB ? (low - MIB) / KIB : 0;

	store_size(rtc, REG_BASE_KIB, 2, 640);
	store_size(rtc, REG_EXTENDED_KIB, 2, extended);
	store_size(rtc, REG_EXTENDED_KIB_POST, 2, extended);
	store_size(rtc, REG_ABOVE_16M, 2, low > 16 * MIB ? (low - 16 * MIB) / (64 * KIB) : 0);
	store_size(rtc, REG_ABOVE_4G, 3, (size - low) / (64 * KIB));
}

/* A battery keeps the time, and CMOS memory but for what firmware would write. */
static void rtc_reset(struct device *dev)
{
	struct rtc *rtc = dev->priv;

	pthread_mutex_lock(&rtc->lock);
	if (rtc->cmos[REG_B] & B_SET)
		load_time(rtc);
	rtc->index = 0;
	rtc->cmos[REG_A] = A_RESET;
	rtc->cmos[REG_B] = B_24H;
	rtc->cmos[REG_C] = 0;
	rtc->cmos[REG_D] = D_VALID;
	rtc->seen_ns = clock_ns(rtc);
	rtc->line = false;
	store_memory_sizes(rtc);
	arm(rtc);
	pthread_mutex_unlock(&rtc->lock);
}

static void rtc_free(struct rtc *rtc)
{
	if (rtc->alarm.fd >= 0)
		close(rtc->alarm.fd);
	pthread_mutex_destroy(&rtc->lock);
	free(rtc);
}

static int rtc_init(struct device *dev)
{
	struct rtc *rtc = calloc(1, sizeof(*rtc));
	int err;

	if (!rtc)
		return -ENOMEM;
	rtc->vm = dev->vm;
	pthread_mutex_init(&rtc->lock, NULL);
	rtc->alarm.ready = alarm_ready;
	rtc->alarm.fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	err = rtc->alarm.fd < 0 ? -errno : loop_add(dev->vm->loop, &rtc->alarm, EPOLLIN);
	if (!err)
		err = bus_add(dev->vm->pio, RTC_BASE, RTC_PORTS, &rtc_ops, rtc);
	if (err) {
		say_error("rtc", "%s", strerror(-err));
		rtc_free(rtc);
		return err;
	}
	dev->priv = rtc;
	rtc_reset(dev);
	return 0;
}

static void rtc_exit(struct device *dev)
{
	struct rtc *rtc = dev->priv;

	bus_remove(dev->vm->pio, RTC_BASE, RTC_PORTS);
	loop_remove(dev->vm->loop, &rtc->alarm);
	rtc_free(rtc);
}

const struct device_ops rtc_device = {
	.name = "rtc",
	.init = rtc_init,
	.reset = rtc_reset,
	.exit = rtc_exit,
};
