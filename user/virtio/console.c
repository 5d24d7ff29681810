// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-console (virtio 1.2, 5.3). Port 0 is a console on the user's terminal, if it was given to
 * this device; the ports after it have names, and what the guest writes to one goes to a file.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_console.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "config.h"
#include "array_size.h"
#include "container_of.h"
#include "error.h"
#include "term.h"
#include "virtio/devices.h"
#include "virtio/virtio_pci.h"
#include "vm.h"

#define CLASS_COMMUNICATION 0x078000
#define QUEUE_SIZE	    64
#define MAX_PORTS	    (1 + CONFIG_MAX_PORTS)

/* Port 0 has the first two queues, control the next two, then two for each further port (5.3.2). */
#define CONTROL_RX 2
#define CONTROL_TX 3

/* Output is written in steps of at most this, and so many of them in a row. */
#define STEP_BYTES 65536
#define STEPS	   64

/* Control messages due to the guest. Each is due at most once, so they need no queue. */
#define DUE_ADD	    0x1
#define DUE_CONSOLE 0x2
#define DUE_NAME    0x4
#define DUE_OPEN    0x8

struct console;

/*
 * @chain, @left, @busy: the output being written, under the lock of the port's transmit queue.
 * @due and @guest_open are set by control messages from the guest.
 */
struct port {
	struct console *console;
	unsigned int id;
	const char *name;
	const char *path;
	int fd; /* -1: the terminal */
	bool exists;
	bool complained;
	atomic_uchar due;
	atomic_bool guest_open;
	struct loop_source writable;
	struct virtio_queue *tx;
	bool busy;
	struct vq_cursor left;
	struct vq_chain chain;
};

struct console {
	struct virtio_pci vp;
	struct virtio_console_config config;
	struct term_user user;
	bool attached;
	unsigned int nr_ports;
	struct port ports[MAX_PORTS];
	struct vq_chain chain; /* for all but transmit queues; device thread only */
};

static unsigned int rx_queue(unsigned int port)
{
	return port ? 2 + 2 * port : 0;
}

static struct console *to_console(struct virtio_device *vdev)
{
	return container_of(vdev, struct console, vp.vdev);
}

/* A file that can be written again. */
static void port_writable(struct loop_source *source, uint32_t events)
{
	struct port *port = container_of(source, struct port, writable);

	(void)events;
	loop_remove(port->console->vp.vdev.vm->loop, source);
	virtio_kick(port->tx);
}

/* Return: how many bytes were taken; fewer than @len: virtio_kick() follows when there is room. */
static size_t write_file(struct port *port, const void *buf, size_t len)
{
	struct loop *loop = port->console->vp.vdev.vm->loop;
	ssize_t ret;
	int err;

	do {
		ret = write(port->fd, buf, len);
	} while (ret < 0 && errno == EINTR);
	if (ret >= 0)
		return ret;
	err = -errno;
	if (err == -EAGAIN)
		err = loop_add(loop, &port->writable, EPOLLOUT);
	/* The driver may kick while the file is being waited for already. */
	if (!err || err == -EEXIST)
		return 0;
	if (!port->complained)
		say_error(port->path, "output of port %s is lost: %s", port->name, strerror(-err));
	port->complained = true;
	return len;
}

/* One step of output. Return: false if there is no room for more now. */
static bool write_step(struct port *port)
{
	const struct iovec *iov = port->left.iov;
	struct term *term = port->console->vp.vdev.vm->term;
	size_t len, done;

	if (!port->left.nr)
		return true;
	len = iov->iov_len < STEP_BYTES ? iov->iov_len : STEP_BYTES;
	done = port->fd < 0 ? term_write(term, iov->iov_base, len) :
			      write_file(port, iov->iov_base, len);
	vq_cursor_skip(&port->left, done);
	return done > 0;
}

static void send_output(struct port *port)
{
	struct virtqueue *vq = &port->tx->vq;
	unsigned int steps;

	for (steps = STEPS; steps; steps--) {
		if (!port->busy) {
			if (vq_pop(vq, &port->chain) <= 0)
				break;
			port->busy = true;
			port->left = vq_out(&port->chain);
		}
		if (!write_step(port))
			break;
		if (!port->left.nr) {
			port->busy = false;
			vq_push(vq, port->chain.head, 0);
		}
	}
	if (!steps)
		virtio_kick(port->tx);
	virtio_used(port->tx);
}

static void term_drained(struct term_user *user)
{
	virtio_kick(container_of(user, struct console, user)->ports[0].tx);
}

/* Hand input to the guest's buffers. Queue lock held. Return: how many bytes it took. */
static size_t fill_buffers(struct console *console, struct virtio_queue *queue, const uint8_t *buf,
			   size_t len)
{
	struct vq_chain *chain = &console->chain;
	struct vq_cursor in;
	unsigned int budget;
	size_t done = 0;
	size_t part;

	for (budget = QUEUE_SIZE; budget && done < len; budget--) {
		if (vq_pop(&queue->vq, chain) <= 0)
			break;
		in = vq_in(chain);
		part = vq_cursor_write(&in, buf + done, len - done);
		vq_push(&queue->vq, chain->head, part);
		done += part;
	}
	if (!budget)
		virtio_kick(queue);
	virtio_used(queue);
	return done;
}

/* What is not taken comes again after term_resume(): the guest opens the port or adds buffers. */
static size_t term_input(struct term_user *user, const uint8_t *buf, size_t len)
{
	struct console *console = container_of(user, struct console, user);
	struct virtio_device *vdev = &console->vp.vdev;
	struct virtio_queue *queue = &vdev->queues[rx_queue(0)];
	size_t done = 0;

	pthread_mutex_lock(&queue->lock);
	if (virtio_usable(queue) && (console->ports[0].guest_open ||
				     !virtio_has_feature(vdev, VIRTIO_CONSOLE_F_MULTIPORT))) {
		done = fill_buffers(console, queue, buf, len);
		if (queue->vq.why)
			virtio_fail(vdev, queue->vq.why);
	}
	pthread_mutex_unlock(&queue->lock);
	return done;
}

/* The control messages to the guest, in the order in which they are due. */
static const struct {
	uint8_t due;
	uint16_t event;
	uint16_t value;
} messages[] = {
	{ DUE_ADD, VIRTIO_CONSOLE_PORT_ADD, 1 },
	{ DUE_CONSOLE, VIRTIO_CONSOLE_CONSOLE_PORT, 1 },
	{ DUE_NAME, VIRTIO_CONSOLE_PORT_NAME, 1 },
	{ DUE_OPEN, VIRTIO_CONSOLE_PORT_OPEN, 1 },
};

#define NR_MESSAGES ARRAY_SIZE(messages)

/* Return: false if nothing is due. */
static bool next_message(struct console *console, struct port **port, unsigned int *message)
{
	unsigned int i, m;

	for (i = 0; i < console->nr_ports; i++) {
		for (m = 0; m < NR_MESSAGES; m++) {
			if (!(console->ports[i].due & messages[m].due))
				continue;
			*port = &console->ports[i];
			*message = m;
			return true;
		}
	}
	return false;
}

static void send_control(struct console *console)
{
	struct virtio_queue *queue = &console->vp.vdev.queues[CONTROL_RX];
	struct vq_chain *chain = &console->chain;
	struct virtio_console_control control;
	struct vq_cursor in;
	struct port *port;
	unsigned int m;
	size_t len;

	while (next_message(console, &port, &m)) {
		if (vq_pop(&queue->vq, chain) <= 0)
			break;
		control = (struct virtio_console_control){
			.id = port->id,
			.event = messages[m].event,
			.value = messages[m].value,
		};
		in = vq_in(chain);
		len = vq_cursor_write(&in, &control, sizeof(control));
		if (messages[m].due == DUE_NAME)
			len += vq_cursor_write(&in, port->name, strlen(port->name));
		vq_push(&queue->vq, chain->head, len);
		atomic_fetch_and(&port->due, ~messages[m].due);
	}
	virtio_used(queue);
}

static void device_ready(struct console *console)
{
	unsigned int i;

	for (i = 0; i < console->nr_ports; i++) {
		if (console->ports[i].exists)
			atomic_fetch_or(&console->ports[i].due, DUE_ADD);
	}
}

static void port_event(struct console *console, const struct virtio_console_control *control)
{
	struct port *port;

	if (control->id >= console->nr_ports || !console->ports[control->id].exists)
		return;
	port = &console->ports[control->id];
	if (control->event == VIRTIO_CONSOLE_PORT_READY && control->value) {
		atomic_fetch_or(&port->due, (port->id ? DUE_NAME : DUE_CONSOLE) | DUE_OPEN);
	} else if (control->event == VIRTIO_CONSOLE_PORT_OPEN) {
		port->guest_open = control->value;
		if (port->fd < 0)
			term_resume(console->vp.vdev.vm->term);
	}
}

static void receive_control(struct console *console)
{
	struct virtio_queue *queue = &console->vp.vdev.queues[CONTROL_TX];
	struct vq_chain *chain = &console->chain;
	struct virtio_console_control control;
	unsigned int budget;
	struct vq_cursor out;

	for (budget = QUEUE_SIZE; budget; budget--) {
		if (vq_pop(&queue->vq, chain) <= 0)
			break;
		out = vq_out(chain);
		if (vq_cursor_read(&out, &control, sizeof(control)) == sizeof(control)) {
			if (control.event == VIRTIO_CONSOLE_DEVICE_READY && control.value)
				device_ready(console);
			else
				port_event(console, &control);
		}
		vq_push(&queue->vq, chain->head, 0);
	}
	if (!budget)
		virtio_kick(queue);
	virtio_used(queue);
	virtio_kick(&console->vp.vdev.queues[CONTROL_RX]);
}

static void console_kick(struct virtio_device *vdev, unsigned int index)
{
	struct console *console = to_console(vdev);
	unsigned int port = index < CONTROL_RX ? 0 : (index - CONTROL_RX) / 2;

	if (index == CONTROL_RX)
		send_control(console);
	else if (index == CONTROL_TX)
		receive_control(console);
	else if (index % 2 && console->ports[port].exists)
		send_output(&console->ports[port]);
	else if (!index && console->attached)
		term_resume(vdev->vm->term);
}

/* A transmit queue drops what it had begun; with the control queue the guest's say is forgotten. */
static void console_stop(struct virtio_device *vdev, unsigned int index)
{
	struct console *console = to_console(vdev);
	unsigned int i;

	for (i = 0; i < console->nr_ports; i++) {
		struct port *port = &console->ports[i];

		if (index == rx_queue(i) + 1)
			port->busy = false;
		if (index == CONTROL_TX) {
			port->due = 0;
			port->guest_open = false;
		}
	}
}

static const struct virtio_ops console_virtio_ops = {
	.type = VIRTIO_ID_CONSOLE,
	.pci_class = CLASS_COMMUNICATION,
	.kick = console_kick,
	.stop = console_stop,
};

static int open_port(struct port *port, const struct port_config *config)
{
	int ret;

	port->name = config->name;
	port->path = config->path;
	port->fd = open(config->path,
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
	if (port->fd < 0) {
		ret = -errno;
		say_error(config->path, "cannot be written, for port %s: %s", config->name,
			  strerror(-ret));
		return ret;
	}
	port->writable.fd = port->fd;
	port->writable.ready = port_writable;
	port->exists = true;
	return 0;
}

static int open_ports(struct console *console, const struct config *config)
{
	unsigned int i;
	int ret;

	console->nr_ports = 1;
	console->ports[0].console = console;
	console->ports[0].fd = -1;
	console->ports[0].exists = config->console == CONSOLE_VIRTIO;
	for (i = 0; i < config->nr_ports; i++) {
		struct port *port = &console->ports[1 + i];

		port->console = console;
		port->id = 1 + i;
		ret = open_port(port, &config->port[i]);
		if (ret)
			return ret;
		console->nr_ports++;
	}
	return 0;
}

static void close_ports(struct console *console)
{
	unsigned int i;

	for (i = 1; i < console->nr_ports; i++) {
		loop_remove(console->vp.vdev.vm->loop, &console->ports[i].writable);
		close(console->ports[i].fd);
	}
}

static int attach_terminal(struct console *console)
{
	int ret;

	if (!console->ports[0].exists)
		return 0;
	console->user.input = term_input;
	console->user.drained = term_drained;
	ret = term_attach(console->vp.vdev.vm->term, &console->user);
	if (ret)
		say_error("virtio-console", "cannot have the terminal: %s", strerror(-ret));
	console->attached = !ret;
	return ret;
}

static void console_exit(struct device *dev)
{
	struct console *console = dev->priv;

	if (console->attached)
		term_detach(dev->vm->term, &console->user);
	virtio_pci_exit(&console->vp);
	close_ports(console);
	free(console);
}

/* All but the terminal. */
static int make_console(struct console *console, const struct config *config)
{
	struct virtio_device *vdev = &console->vp.vdev;
	unsigned int i;
	int ret = open_ports(console, config);

	if (ret)
		return ret;
	console->config.max_nr_ports = console->nr_ports;
	vdev->name = "virtio-console";
	vdev->ops = &console_virtio_ops;
	vdev->device_features = VIRTIO_FEATURE(VIRTIO_CONSOLE_F_MULTIPORT);
	vdev->config = &console->config;
	vdev->config_size = sizeof(console->config);
	ret = virtio_pci_init(&console->vp, 2 + 2 * console->nr_ports, QUEUE_SIZE);
	if (ret)
		return ret;
	for (i = 0; i < console->nr_ports; i++)
		console->ports[i].tx = &vdev->queues[rx_queue(i) + 1];
	return 0;
}

static int console_init(struct device *dev)
{
	struct console *console = calloc(1, sizeof(*console));
	int ret;

	if (!console) {
		say_error("virtio-console", "out of memory");
		return -ENOMEM;
	}
	console->vp.vdev.vm = dev->vm;
	ret = make_console(console, dev->config);
	if (ret) {
		close_ports(console);
		free(console);
		return ret;
	}
	dev->priv = console;
	ret = attach_terminal(console);
	if (ret)
		console_exit(dev);
	return ret;
}

static void console_reset(struct device *dev)
{
	struct console *console = dev->priv;

	virtio_pci_reset(&console->vp);
}

const struct device_ops virtio_console_device = {
	.name = "virtio-console",
	.init = console_init,
	.reset = console_reset,
	.exit = console_exit,
};
