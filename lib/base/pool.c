// Memory that is freed all at once. SPDX-License-Identifier: Apache-2.0
#include "base/pool.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { CHUNK = 64 << 10, ALIGN = 16 };

struct chunk {
	struct chunk *next;
	size_t used, size;
	_Alignas(ALIGN) char data[];
};

struct hp_pool {
	struct chunk *chunks;
};

struct hp_pool *hp_pool_new(void)
{
	return hp_calloc(1, sizeof(struct hp_pool));
}

void hp_pool_free(struct hp_pool *pool)
{
	if (!pool)
		return;
	for (struct chunk *chunk = pool->chunks, *next; chunk; chunk = next) {
		next = chunk->next;
		munmap(chunk, sizeof(*chunk) + chunk->size);
	}
	free(pool);
}

/* With its pages in it: they will nearly all be written, and a fault for each costs more than the
 * rest. */
static struct chunk *new_chunk(size_t least)
{
	size_t size = least > CHUNK ? least : CHUNK;
	struct chunk *chunk = mmap(NULL, size, PROT_READ | PROT_WRITE,
	                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (chunk == MAP_FAILED)
		abort();
	chunk->size = size - sizeof(*chunk);
	return chunk;
}

void *hp_pool_alloc(struct hp_pool *pool, size_t size)
{
	size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	struct chunk *chunk = pool->chunks;
	if (!chunk || chunk->size - chunk->used < size) {
		chunk = new_chunk(sizeof(*chunk) + size);
		chunk->next = pool->chunks;
		pool->chunks = chunk;
	}
	void *memory = chunk->data + chunk->used;
	chunk->used += size;
	return memory;
}

static char *copy(struct hp_pool *pool, const char *string, size_t length)
{
	return memcpy(hp_pool_alloc(pool, length + 1), string, length);
}

char *hp_pool_strdup(struct hp_pool *pool, const char *string)
{
	return string ? copy(pool, string, strlen(string)) : NULL;
}

char *hp_pool_printf(struct hp_pool *pool, const char *format, ...)
{
	char *text = NULL;
	va_list args;
	va_start(args, format);
	int length = vasprintf(&text, format, args);
	va_end(args);
	if (length < 0)
		abort();
	char *kept = copy(pool, text, (size_t)length);
	free(text);
	return kept;
}
