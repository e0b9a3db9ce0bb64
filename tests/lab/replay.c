// Replays a log of dm-log-writes on a disk, up to the next flush: `replay LOG DISK FROM` begins at
// entry FROM and prints the number of the entry to go on from, or "end"; `replay LOG mark NAME`
// prints the number of the entry behind a mark. SPDX-License-Identifier: Apache-2.0
//
// The format: drivers/md/dm-log-writes.c. Sectors of the entries are of the size that the log says.
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FLUSH = 1, FUA = 2, DISCARD = 4, MARK = 8 };

#define MAGIC 0x6a736677736872u

struct super {
	uint64_t magic, version, entries;
	uint32_t sector;
};

struct entry {
	uint64_t sector, sectors, flags, length;
};

static void get(int fd, void *to, size_t size, off_t at)
{
	if (pread(fd, to, size, at) != (ssize_t)size)
		errx(1, "the log ends at %jd", (intmax_t)at);
}

static void copy(int from, off_t at, int to, const struct entry *entry, size_t sector)
{
	size_t size = entry->sectors * sector;
	char *data = calloc(1, size + 1);
	if (!data)
		err(1, "no memory");
	if (!(entry->flags & DISCARD))
		get(from, data, size, at);
	if (pwrite(to, data, size, (off_t)(entry->sector * sector)) != (ssize_t)size)
		err(1, "cannot write the disk");
	free(data);
}

/* Whether the entry is the mark of that name. */
static int is_mark(int log, off_t at, const struct entry *entry, const char *name)
{
	char text[64] = "";
	if (!(entry->flags & MARK) || entry->length >= sizeof(text))
		return 0;
	get(log, text, entry->length, at);
	return strcmp(text, name) == 0;
}

int main(int argc, char **argv)
{
	if (argc != 4)
		errx(2, "expected LOG DISK FROM, or LOG mark NAME");
	const char *mark = strcmp(argv[2], "mark") == 0 ? argv[3] : NULL;
	uint64_t from = mark ? 0 : strtoull(argv[3], NULL, 10);
	int log = open(argv[1], O_RDONLY), disk = mark ? -1 : open(argv[2], O_WRONLY);
	struct super super;
	if (log < 0 || (!mark && disk < 0))
		err(1, "cannot open %s", log < 0 ? argv[1] : argv[2]);
	get(log, &super, 28, 0);
	if (super.magic != MAGIC || super.version != 1)
		errx(1, "%s is no log of writes", argv[1]);
	off_t at = super.sector;
	for (uint64_t i = 0; i < super.entries; i++) {
		struct entry entry;
		get(log, &entry, sizeof(entry), at);
		at += super.sector;
		size_t size = entry.flags & DISCARD ? 0 : entry.sectors * super.sector;
		if (mark &&
		    is_mark(log, at - (off_t)super.sector + (off_t)sizeof(entry), &entry, mark))
			return printf("%" PRIu64 "\n", i + 1) < 0;
		if (!mark && i >= from && entry.sectors)
			copy(log, at, disk, &entry, super.sector);
		if (!mark && i >= from && entry.flags & (FLUSH | FUA))
			return printf("%" PRIu64 "\n", i + 1) < 0;
		at += (off_t)size;
	}
	return mark ? 1 : printf("end\n") < 0;
}
