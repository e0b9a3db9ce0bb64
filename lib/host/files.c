// Reading what an open descriptor gives: files, directories, the kernel's log.
// SPDX-License-Identifier: Apache-2.0
#include "host/backend.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* sysfs hands out a whole attribute in one read; /proc gives as much as it likes (`whole`). */
ssize_t hp_fd_read(int fd, char *buffer, size_t size, bool whole)
{
	size_t length = 0;
	for (;;) {
		ssize_t r = read(fd, buffer + length, size - length);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		length += (size_t)r;
		if (!whole || r == 0 || length == size)
			return (ssize_t)length;
	}
}

/* /dev/kmsg gives one record a read, EPIPE where records were overwritten meanwhile, and EAGAIN at
 * its end (files are opened without blocking); other files know none of these. */
int hp_fd_read_all(int fd, size_t limit, struct hp_text *ret)
{
	char chunk[16384];
	for (;;) {
		ssize_t r = read(fd, chunk, sizeof(chunk));
		if (r < 0 && (errno == EINTR || errno == EPIPE))
			continue;
		if (r < 0 && errno == EAGAIN)
			return 0;
		if (r < 0)
			return -errno;
		if (r == 0)
			return 0;
		if (ret->length + (size_t)r > limit)
			return -EFBIG;
		hp_text_add(ret, chunk, (size_t)r);
	}
}

void hp_names_add(struct hp_names *names, size_t *size, char *name)
{
	if (names->count == *size) {
		*size = *size ? 2 * *size : 16;
		names->names = hp_realloc(names->names, *size * sizeof(*names->names));
	}
	names->names[names->count++] = name;
}

void hp_names_free(struct hp_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->names[i]);
	free(names->names);
	*names = (struct hp_names){0};
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void hp_names_sort(struct hp_names *names)
{
	if (names->count)
		qsort(names->names, names->count, sizeof(*names->names), by_bytes);
}

/* As the kernel gives it (getdents64(2)); readdir(3) costs two more system calls a directory. */
struct entry {
	uint64_t inode;
	int64_t offset;
	unsigned short length;
	unsigned char type;
	char name[];
};

static void add_entries(const char *block, size_t length, struct hp_names *names, size_t *size)
{
	for (size_t at = 0; at < length;) {
		const struct entry *entry = (const struct entry *)(block + at);
		at += entry->length;
		if (strcmp(entry->name, ".") != 0 && strcmp(entry->name, "..") != 0)
			hp_names_add(names, size, hp_strdup(entry->name));
	}
}

int hp_fd_list(int fd, struct hp_names *ret)
{
	_Alignas(struct entry) char block[32768];
	size_t size = 0;
	for (;;) {
		long r = syscall(SYS_getdents64, fd, block, sizeof(block));
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		add_entries(block, (size_t)r, ret, &size);
	}
	hp_names_sort(ret);
	return 0;
}
