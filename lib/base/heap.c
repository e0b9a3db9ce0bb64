// SQLite's memory. SPDX-License-Identifier: Apache-2.0
#include "base/heap.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	STEP = 16,                 // blocks with their headers are multiples of it
	LARGEST = 8192,            // blocks that hold more are malloc's own
	CHUNK = 512 << 10,         // what is taken from the kernel at once
	HEADER = sizeof(uint64_t), // before each block: how much it holds
};

/* SQLite calls its allocator without a word about whose it is: hence the one static. */
static struct {
	bool used;                      // SQLite takes its memory here
	void *free[LARGEST / STEP + 1]; // lists of blocks given back, by size
	char *at, *end;                 // what is left of the chunk
	int64_t taken, limit;
} heap = {.limit = INT64_MAX};

static uint64_t *header_of(void *block)
{
	return (uint64_t *)block - 1;
}

static int size_of(void *block)
{
	return (int)*header_of(block);
}

static int round_up(int size)
{
	return ((size + HEADER + STEP - 1) & -STEP) - HEADER;
}

/* With its pages in it: they will all be written, and a fault for each costs more than the rest. */
static bool take_chunk(void)
{
	void *chunk = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE,
	                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (chunk == MAP_FAILED)
		return false;
	heap.at = chunk;
	heap.end = heap.at + CHUNK;
	return true;
}

static void *cut(int size)
{
	if (heap.end - heap.at < size + HEADER && !take_chunk())
		return NULL;
	uint64_t *header = (uint64_t *)heap.at;
	heap.at += size + HEADER;
	*header = (uint64_t)size;
	return header + 1;
}

static void *take_large(int size)
{
	uint64_t *header = malloc(HEADER + (size_t)size);
	if (!header)
		return NULL;
	*header = (uint64_t)size;
	return header + 1;
}

static void *take(int wanted)
{
	int size = round_up(wanted);
	if (heap.taken + size > heap.limit)
		return NULL;
	void **list = size <= LARGEST ? &heap.free[size / STEP] : NULL;
	void *block = list ? *list : NULL;
	if (block)
		memcpy(list, block, sizeof(*list)); // the next one stands in it
	else
		block = list ? cut(size) : take_large(size);
	heap.taken += block ? size : 0;
	return block;
}

static void give_back(void *block)
{
	int size = size_of(block);
	heap.taken -= size;
	if (size > LARGEST) {
		free(header_of(block));
		return;
	}
	memcpy(block, &heap.free[size / STEP], sizeof(void *));
	heap.free[size / STEP] = block;
}

static void *resize(void *block, int wanted)
{
	int old = size_of(block);
	if (wanted <= old && (old <= LARGEST || wanted > old / 2))
		return block;
	void *copy = take(wanted);
	if (!copy)
		return NULL;
	memcpy(copy, block, (size_t)(wanted < old ? wanted : old));
	give_back(block);
	return copy;
}

static int start(void *data)
{
	(void)data;
	return SQLITE_OK;
}

static void stop(void *data)
{
	(void)data;
}

static const sqlite3_mem_methods methods = {
    .xMalloc = take,
    .xFree = give_back,
    .xRealloc = resize,
    .xSize = size_of,
    .xRoundup = round_up,
    .xInit = start,
    .xShutdown = stop,
};

#if defined(__SANITIZE_ADDRESS__)
enum { WATCHED = 1 };
#else
enum { WATCHED = 0 };
#endif

void hp_heap_for_sqlite(void)
{
	sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	if (WATCHED || sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK)
		return;
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); // counted here
	/* Twenty pages at once for each small table that a query makes: single ones are cheap here.
	 */
	sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
	heap.used = true;
}

int64_t hp_heap_limit_begin(int64_t bytes)
{
	int64_t old = heap.limit;
	if (!heap.used)
		return sqlite3_hard_heap_limit64(sqlite3_memory_used() + bytes);
	heap.limit = heap.taken + bytes;
	return old;
}

void hp_heap_limit_end(int64_t old)
{
	if (heap.used)
		heap.limit = old;
	else
		sqlite3_hard_heap_limit64(old);
}
