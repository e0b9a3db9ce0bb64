// What this boot remembers of config space. SPDX-License-Identifier: Apache-2.0
#include "host/memory.h"

#include "base/cleanup.h"
#include "host/backend.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC       "happypath.config/1"
#define CONFIG_SIZE 4096
#define MAX_FILE    (64u << 20) // 16,000 functions

/* The file: a head, then for each function an entry and its bytes. This machine's own byte order: a
 * memory never leaves its boot. */
struct head {
	char magic[32];
	char boot_id[48];
	uint64_t count;
};

struct entry {
	char address[HP_ADDRESS_SIZE];
	uint32_t size;
	int64_t when; // seconds since 1970
};

struct remembered {
	struct entry entry;
	uint8_t *bytes;
};

struct hp_memory {
	char *path;
	char boot_id[48];
	struct remembered *rows; // sorted by address
	size_t count, size;
	bool changed;
};

static size_t place_of(const struct hp_memory *memory, const char *address, bool *found)
{
	size_t low = 0, high = memory->count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(memory->rows[middle].entry.address, address);
		if (order == 0) {
			*found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*found = false;
	return low;
}

static struct remembered *insert(struct hp_memory *memory, size_t at)
{
	if (memory->count == memory->size) {
		memory->size = memory->size ? 2 * memory->size : 64;
		memory->rows = hp_realloc(memory->rows, memory->size * sizeof(*memory->rows));
	}
	struct remembered *row = memory->rows + at;
	memmove(row + 1, row, (memory->count++ - at) * sizeof(*row));
	*row = (struct remembered){0};
	return row;
}

static void put(struct hp_memory *memory, const struct entry *entry, const uint8_t *bytes)
{
	bool found;
	size_t at = place_of(memory, entry->address, &found);
	struct remembered *row = found ? memory->rows + at : insert(memory, at);
	free(row->bytes);
	row->entry = *entry;
	row->bytes = hp_calloc(1, entry->size);
	memcpy(row->bytes, bytes, entry->size);
}

/* Ours alone: what anybody else could have written would make us believe in devices. */
static bool trustworthy(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && !(st.st_mode & (S_IWGRP | S_IWOTH)) &&
	       (st.st_uid == 0 || st.st_uid == geteuid());
}

static bool entry_is_sound(const struct entry *entry, size_t left)
{
	size_t length = strnlen(entry->address, sizeof(entry->address));
	return hp_is_address(entry->address, length) && entry->size >= 64 &&
	       entry->size <= CONFIG_SIZE && entry->size <= left;
}

/* Takes over what is sound, and stops where it is not: the rest is read again when it can be. */
static void parse(struct hp_memory *memory, const char *data, size_t length)
{
	struct head head;
	if (length < sizeof(head))
		return;
	memcpy(&head, data, sizeof(head));
	head.boot_id[sizeof(head.boot_id) - 1] = '\0';
	if (memcmp(head.magic, MAGIC, sizeof(MAGIC)) != 0 ||
	    strcmp(head.boot_id, memory->boot_id) != 0)
		return;
	size_t at = sizeof(head);
	for (uint64_t i = 0; i < head.count && length - at >= sizeof(struct entry); i++) {
		struct entry entry;
		memcpy(&entry, data + at, sizeof(entry));
		at += sizeof(entry);
		if (!entry_is_sound(&entry, length - at))
			return;
		put(memory, &entry, (const uint8_t *)data + at);
		at += entry.size;
	}
}

static void load(struct hp_memory *memory)
{
	hp_cleanup_fd int fd = open(memory->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	hp_cleanup_text struct hp_text text = {0};
	if (fd >= 0 && trustworthy(fd) && hp_fd_read_all(fd, MAX_FILE, &text) == 0)
		parse(memory, hp_text_get(&text), text.length);
}

/* Opened with the first need; NULL where the boot or the directory is not known. */
static struct hp_memory *memory_of(struct hp_host *host)
{
	if (host->remembered || !host->memory)
		return host->remembered;
	char boot_id[48];
	if (hp_host_read(host, "/proc/sys/kernel/random/boot_id", boot_id, sizeof(boot_id)) <= 0 ||
	    strchr(boot_id, '/'))
		return NULL;
	struct hp_memory *memory = hp_calloc(1, sizeof(*memory));
	memcpy(memory->boot_id, boot_id, sizeof(boot_id));
	memory->path = hp_asprintf("%s/config-%s", host->memory, boot_id);
	load(memory);
	host->remembered = memory;
	return memory;
}

static void serialise(const struct hp_memory *memory, struct hp_text *text)
{
	struct head head = {.magic = MAGIC, .count = memory->count};
	memcpy(head.boot_id, memory->boot_id, sizeof(head.boot_id));
	hp_text_add(text, (const char *)&head, sizeof(head));
	for (size_t i = 0; i < memory->count; i++) {
		const struct remembered *row = memory->rows + i;
		hp_text_add(text, (const char *)&row->entry, sizeof(row->entry));
		hp_text_add(text, (const char *)row->bytes, row->entry.size);
	}
}

static bool write_all(int fd, const char *data, size_t length)
{
	while (length) {
		ssize_t r = write(fd, data, length);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return false;
		data += r;
		length -= (size_t)r;
	}
	return true;
}

/* A memory that cannot be kept is no error: the next run reads again. */
static void save(const struct hp_memory *memory, const char *directory)
{
	hp_cleanup_text struct hp_text text = {0};
	serialise(memory, &text);
	if (mkdir(directory, 0700) < 0 && errno != EEXIST)
		return;
	hp_cleanup_free char *temporary = hp_asprintf("%s.%d.tmp", memory->path, (int)getpid());
	hp_cleanup_fd int fd =
	    open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	bool written = write_all(fd, text.data, text.length) && fsync(fd) == 0 &&
	               rename(temporary, memory->path) == 0;
	if (!written)
		unlink(temporary);
}

void hp_memory_close(struct hp_host *host)
{
	struct hp_memory *memory = host->remembered;
	if (!memory)
		return;
	if (memory->changed)
		save(memory, host->memory);
	for (size_t i = 0; i < memory->count; i++)
		free(memory->rows[i].bytes);
	free(memory->rows);
	free(memory->path);
	free(memory);
}

bool hp_host_remembers(const struct hp_host *host)
{
	return host->memory;
}

void hp_host_remember(struct hp_host *host, const char *address, const uint8_t *bytes, size_t size)
{
	struct hp_memory *memory = memory_of(host);
	if (!memory || size < 64 || strlen(address) >= HP_ADDRESS_SIZE)
		return;
	bool found;
	const struct remembered *known = memory->rows + place_of(memory, address, &found);
	if (found && known->entry.size == size && memcmp(known->bytes, bytes, size) == 0)
		return;
	struct entry entry = {.size = (uint32_t)size, .when = time(NULL)};
	memcpy(entry.address, address, strlen(address) + 1);
	put(memory, &entry, bytes);
	memory->changed = true;
}

/* The same device is still there: its ids are those that the bytes begin with. VFs have none in
 * their config space (all ones). */
static bool same_device(struct hp_host *host, const char *address, const uint8_t *bytes)
{
	char path[PATH_MAX];
	uint64_t vendor, device;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vendor", address);
	if (hp_host_read_u64(host, path, &vendor) < 0)
		return false;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/device", address);
	if (hp_host_read_u64(host, path, &device) < 0)
		return false;
	uint64_t seen_vendor = bytes[0] | (uint64_t)bytes[1] << 8;
	uint64_t seen_device = bytes[2] | (uint64_t)bytes[3] << 8;
	bool virtual = seen_vendor == 0xffff && seen_device == 0xffff;
	return virtual || (seen_vendor == vendor && seen_device == device);
}

ssize_t hp_memory_recall(struct hp_host *host, const char *address, uint8_t *buffer, size_t size,
                         int64_t *ret_age)
{
	struct hp_memory *memory = memory_of(host);
	bool found = false;
	size_t at = memory ? place_of(memory, address, &found) : 0;
	if (!found || !same_device(host, address, memory->rows[at].bytes))
		return -ECANCELED;
	const struct remembered *row = memory->rows + at;
	size_t length = row->entry.size < size ? row->entry.size : size;
	memcpy(buffer, row->bytes, length);
	int64_t age = (int64_t)time(NULL) - row->entry.when;
	*ret_age = age > 0 ? age : 1; // 0 means read now
	return (ssize_t)length;
}

/* All ones: the device left while it was read. */
static bool vanished(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size && i < 64; i++)
		if (bytes[i] != 0xff)
			return false;
	return true;
}

/* What became of reading config space now, and what to do about it. */
static ssize_t settle(struct hp_host *host, const char *address, const uint8_t *bytes,
                      ssize_t length, uint8_t *buffer, size_t size, int64_t *ret_age)
{
	if (length == -ECANCELED && host->level >= 1)
		return host->backend->recall(host, address, buffer, size, ret_age);
	if (length < 0)
		return length;
	if (vanished(bytes, (size_t)length))
		return -ENODEV;
	hp_host_remember(host, address, bytes, (size_t)length);
	if ((size_t)length > size)
		length = (ssize_t)size;
	memcpy(buffer, bytes, (size_t)length);
	*ret_age = 0;
	return length;
}

ssize_t hp_host_config(struct hp_host *host, const char *address, uint8_t *buffer, size_t size,
                       int64_t *ret_age)
{
	uint8_t bytes[CONFIG_SIZE];
	ssize_t length = hp_host_read_config(host, address, bytes, sizeof(bytes));
	return settle(host, address, bytes, length, buffer, size, ret_age);
}

ssize_t hp_dir_config(struct hp_dir *dir, uint8_t *buffer, size_t size, int64_t *ret_age)
{
	uint8_t bytes[CONFIG_SIZE];
	ssize_t length = hp_dir_read_config(dir, bytes, sizeof(bytes));
	return settle(dir->host, dir->address, bytes, length, buffer, size, ret_age);
}
