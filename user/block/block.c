// SPDX-License-Identifier: GPL-2.0-only
/* Opening disk images: raw files and block devices. */
#include "block/block.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

#define PAGE 4096 /* the page cache's unit */

static int measure_file(struct block *block, const struct stat *st)
{
	block->size = st->st_size;
	block->logical = BLOCK_SECTOR;
	block->physical = st->st_blksize < PAGE ? st->st_blksize : PAGE;
	return 0;
}

static int measure_device(struct block *block)
{
	unsigned int physical;
	int logical;

	if (ioctl(block->fd, BLKGETSIZE64, &block->size) || ioctl(block->fd, BLKSSZGET, &logical) ||
	    ioctl(block->fd, BLKPBSZGET, &physical)) {
		int err = errno;

		say_error(block->path, "cannot ask the device for its size: %s", strerror(err));
		return -err;
	}
	block->logical = logical;
	block->physical = physical;
	return 0;
}

static int measure(struct block *block)
{
	struct stat st;
	int ret;

	if (fstat(block->fd, &st)) {
		ret = -errno;
		say_error(block->path, "%s", strerror(-ret));
		return ret;
	}
	if (S_ISDIR(st.st_mode)) {
		say_error(block->path, "is a directory, not a disk image");
		return -EISDIR;
	}
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)) {
		say_error(block->path, "is neither a file nor a block device");
		return -EINVAL;
	}
	ret = S_ISBLK(st.st_mode) ? measure_device(block) : measure_file(block, &st);
	if (ret)
		return ret;
	if (!block->size || block->size % BLOCK_SECTOR) {
		say_error(block->path, "%s",
			  block->size ? "its size is not a multiple of 512 bytes" : "is empty");
		return -EINVAL;
	}
	return 0;
}

/* A writer excludes everybody, readers exclude writers. */
static int lock(const struct block *block)
{
	int err;

	if (!flock(block->fd, (block->readonly ? LOCK_SH : LOCK_EX) | LOCK_NB))
		return 0;
	err = errno;
	say_error(block->path, "%s",
		  err == EWOULDBLOCK ? "is in use by another program (locked)" : strerror(err));
	return -err;
}

/* Beyond its end an image loses nothing, yet a file system that cannot punch holes says so. */
static bool can_punch(const struct block *block)
{
	return !block->readonly &&
	       (!fallocate(block->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, block->size,
			   BLOCK_SECTOR) ||
		errno != EOPNOTSUPP);
}

/**
 * block_open() - open and lock a raw image
 * @block: filled
 * @path: a file or block device; the string stays the caller's and is kept
 * @readonly: open it for reading only
 *
 * Return: 0, or a negative errno after a message.
 */
int block_open(struct block *block, const char *path, bool readonly)
{
	int ret;

	memset(block, 0, sizeof(*block));
	block->path = path;
	block->readonly = readonly;
	block->fd = open(path, (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (block->fd < 0) {
		ret = -errno;
		say_error(path, "%s",
			  ret == -EISDIR ? "is a directory, not a disk image" : strerror(-ret));
		return ret;
	}
	ret = measure(block);
	if (!ret)
		ret = lock(block);
	/* O_NONBLOCK kept open() from waiting for a FIFO; io_uring would fail requests for it. */
	if (!ret && fcntl(block->fd, F_SETFL, 0))
		ret = -errno;
	if (ret) {
		block_close(block);
		return ret;
	}
	block->can_discard = can_punch(block);
	block->can_zero = !readonly;
	return 0;
}

/**
 * block_close() - close an image and give up its lock
 * @block: the image; its queues are gone
 */
void block_close(struct block *block)
{
	close(block->fd);
	block->fd = -1;
}
