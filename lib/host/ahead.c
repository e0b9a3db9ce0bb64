// Reading ahead: what a child was answered, for its parent. SPDX-License-Identifier: Apache-2.0
#include "host/ahead.h"
#include "host/backend.h"

#include "base/text.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	THINGS = 8192,
	ROOM = 64 << 20, // address space; what is not used costs nothing
	ALIGN = 8,
};

/* One answer; its question follows with a NUL behind it, then its data. */
struct answer {
	uint32_t size; // with what follows, up to the next one
	uint32_t question, data;
	int64_t result;
};

struct thing {
	atomic_bool whole;
	char name[HP_ADDRESS_SIZE];
	uint32_t start, end; // of its answers
};

/* What both see. */
struct board {
	atomic_size_t taken; // by the parent: all things below
	struct thing things[THINGS];
	_Alignas(ALIGN) char answers[];
};

struct hp_ahead {
	const struct hp_backend *inner;
	struct hp_backend own;
	struct board *board;
	struct thing *thing; // at hand; NULL: none
	uint32_t at;         // where the next answer begins, or probably stands
	bool keeps;          // the child
};

static const struct answer *answer_at(const struct hp_ahead *ahead, uint32_t at)
{
	return (const struct answer *)(ahead->board->answers + at);
}

/* Questions come in the order in which they were answered, but for those that were not asked. */
static const struct answer *find(struct hp_ahead *ahead, const char *question)
{
	const struct thing *thing = ahead->thing;
	if (!thing || ahead->keeps)
		return NULL;
	for (uint32_t at = ahead->at, passed = 0; passed < thing->end - thing->start;) {
		at = at < thing->end ? at : thing->start;
		const struct answer *answer = answer_at(ahead, at);
		at += answer->size;
		passed += answer->size;
		if (strcmp((const char *)(answer + 1), question) != 0)
			continue;
		ahead->at = at;
		return answer;
	}
	return NULL;
}

/* Config spaces are large and end in zeros, mostly. */
static size_t without_end(const char *data, size_t length)
{
	static const char zeros[64];
	while (length >= sizeof(zeros) &&
	       !memcmp(data + length - sizeof(zeros), zeros, sizeof(zeros)))
		length -= sizeof(zeros);
	while (length && !data[length - 1])
		length--;
	return length;
}

static void keep(struct hp_ahead *ahead, const char *question, const void *data, int64_t result)
{
	if (!ahead->thing || !ahead->keeps)
		return;
	size_t asked = strlen(question) + 1;
	size_t length = data && result > 0 ? without_end((const char *)data, (size_t)result) : 0;
	size_t size = (sizeof(struct answer) + asked + length + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (size > ROOM - sizeof(struct board) - ahead->at)
		return;
	struct answer *answer = (struct answer *)(ahead->board->answers + ahead->at);
	*answer = (struct answer){(uint32_t)size, (uint32_t)asked, (uint32_t)length, result};
	memcpy(answer + 1, question, asked);
	if (length)
		memcpy((char *)(answer + 1) + asked, data, length);
	ahead->at += (uint32_t)size;
}

/* What the kept answer gives a buffer of this size. */
static ssize_t give(const struct answer *answer, char *buffer, size_t size)
{
	if (answer->result < 0)
		return (ssize_t)answer->result;
	size_t length = (size_t)answer->result < size ? (size_t)answer->result : size;
	size_t data = answer->data < length ? answer->data : length;
	memcpy(buffer, (const char *)(answer + 1) + answer->question, data);
	memset(buffer + data, 0, length - data);
	return (ssize_t)length;
}

// -- the backend --

static int open_dir(struct hp_host *host, const char *path, struct hp_dir *dir)
{
	struct hp_ahead *ahead = host->ahead;
	const struct answer *answer = find(ahead, path);
	if (answer) // it is opened for real if something is asked that the child did not
		return (int)answer->result;
	int r = ahead->inner->open_dir(host, path, dir);
	keep(ahead, path, NULL, r);
	return r;
}

static int open_late(struct hp_host *host, struct hp_dir *dir)
{
	return dir && dir->fd < 0 ? host->ahead->inner->open_dir(host, dir->path, dir) : 0;
}

static void close_dir(struct hp_dir *dir)
{
	if (dir->fd >= 0)
		dir->host->ahead->inner->close_dir(dir);
}

static ssize_t read_file(struct hp_host *host, struct hp_dir *dir, const char *path, char *buffer,
                         size_t size)
{
	struct hp_ahead *ahead = host->ahead;
	const struct answer *answer = find(ahead, path);
	if (answer)
		return give(answer, buffer, size);
	int late = open_late(host, dir);
	ssize_t length = late < 0 ? late : ahead->inner->read(host, dir, path, buffer, size);
	keep(ahead, path, buffer, length);
	return length;
}

static ssize_t read_link(struct hp_host *host, struct hp_dir *dir, const char *path, char *buffer,
                         size_t size)
{
	struct hp_ahead *ahead = host->ahead;
	const struct answer *answer = find(ahead, path);
	if (answer)
		return give(answer, buffer, size);
	int late = open_late(host, dir);
	ssize_t length = late < 0 ? late : ahead->inner->link(host, dir, path, buffer, size);
	keep(ahead, path, buffer, length);
	return length;
}

static int list(struct hp_host *host, struct hp_dir *dir, const char *path, struct hp_names *ret)
{
	int late = open_late(host, dir);
	return late < 0 ? late : host->ahead->inner->list(host, dir, path, ret);
}

static void close_host(struct hp_host *host)
{
	host->ahead->inner->close(host);
	munmap(host->ahead->board, ROOM);
	free(host->ahead);
}

// -- who reads what --

bool hp_ahead_new(struct hp_host *host)
{
	struct board *board = mmap(NULL, ROOM, PROT_READ | PROT_WRITE,
	                           MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (board == MAP_FAILED)
		return false;
	struct hp_ahead *ahead = host->ahead = hp_calloc(1, sizeof(*ahead));
	*ahead = (struct hp_ahead){.inner = host->backend, .own = *host->backend, .board = board};
	ahead->own.open_dir = open_dir;
	ahead->own.close_dir = close_dir;
	ahead->own.read = read_file;
	ahead->own.link = read_link;
	ahead->own.list = list;
	ahead->own.close = close_host;
	host->backend = &ahead->own;
	return true;
}

bool hp_ahead_begin(struct hp_host *host, size_t thing, const char *name)
{
	struct hp_ahead *ahead = host->ahead;
	if (thing >= THINGS || strlen(name) >= sizeof(ahead->thing->name))
		return true; // without being kept
	if (thing < atomic_load(&ahead->board->taken))
		return false;
	ahead->keeps = true;
	ahead->thing = &ahead->board->things[thing];
	ahead->thing->start = ahead->at;
	memcpy(ahead->thing->name, name, strlen(name) + 1);
	return true;
}

void hp_ahead_end(struct hp_host *host)
{
	struct thing *thing = host->ahead->thing;
	if (!thing)
		return;
	thing->end = host->ahead->at;
	atomic_store(&thing->whole, true);
	host->ahead->thing = NULL;
}

void hp_ahead_take(struct hp_host *host, size_t thing, const char *name)
{
	struct hp_ahead *ahead = host->ahead;
	if (!ahead)
		return;
	atomic_store(&ahead->board->taken, thing + 1);
	struct thing *found = thing < THINGS ? &ahead->board->things[thing] : NULL;
	bool whole = found && atomic_load(&found->whole) && strcmp(found->name, name) == 0;
	ahead->thing = whole ? found : NULL;
	ahead->at = whole ? found->start : 0;
}

void hp_ahead_finish(struct hp_host *host)
{
	if (!host->ahead)
		return;
	atomic_store(&host->ahead->board->taken, SIZE_MAX);
	host->ahead->thing = NULL;
}
