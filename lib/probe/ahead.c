// Reading ahead: the rows that a child made, for its parent. SPDX-License-Identifier: Apache-2.0
#include "probe/ahead.h"

#include "base/text.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	THINGS = 8192,
	NAME_SIZE = 24,
	ROOM = 64 << 20, // address space; what is not used costs nothing
	ALIGN = 16,
};

struct thing {
	atomic_bool whole;
	char name[NAME_SIZE];
	size_t start, size; // of its tape
	struct hp_ahead_extra extra;
};

/* What both see, at the same address. */
struct board {
	atomic_size_t taken; // by the parent: all things below
	struct thing things[THINGS];
	_Alignas(ALIGN) char room[];
};

struct hp_ahead {
	struct board *board;
	struct hp_facts *facts;
	struct hp_tape tape;
	struct thing *thing; // at hand
	size_t used;         // of the room
};

struct hp_ahead *hp_ahead_new(void)
{
	struct board *board = mmap(NULL, ROOM, PROT_READ | PROT_WRITE,
	                           MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (board == MAP_FAILED)
		return NULL;
	struct hp_ahead *ahead = hp_calloc(1, sizeof(*ahead));
	ahead->board = board;
	ahead->facts = hp_facts_new_tape(&ahead->tape);
	return ahead;
}

void hp_ahead_free(struct hp_ahead *ahead)
{
	if (!ahead)
		return;
	hp_facts_free(ahead->facts);
	munmap(ahead->board, ROOM);
	free(ahead);
}

struct hp_facts *hp_ahead_facts(struct hp_ahead *ahead)
{
	return ahead->facts;
}

bool hp_ahead_begin(struct hp_ahead *ahead, size_t thing, const char *name)
{
	struct board *board = ahead->board;
	bool kept = thing < THINGS && strlen(name) < NAME_SIZE;
	if (thing < atomic_load(&board->taken))
		return false;
	ahead->thing = kept ? &board->things[thing] : NULL;
	hp_tape_start(&ahead->tape, board->room + ahead->used,
	              kept ? ROOM - sizeof(*board) - ahead->used : 0);
	if (!kept)
		return true;
	ahead->thing->start = ahead->used;
	memcpy(ahead->thing->name, name, strlen(name) + 1);
	return true;
}

/* What is left of the room, from where it is aligned. */
static size_t end_of_tape(const struct hp_ahead *ahead)
{
	return (ahead->used + ahead->tape.used + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

void hp_ahead_end(struct hp_ahead *ahead, const struct hp_ahead_extra *extra)
{
	struct thing *thing = ahead->thing;
	size_t at = end_of_tape(ahead);
	if (!thing || ahead->tape.full || at + extra->length + ALIGN > ROOM - sizeof(*ahead->board))
		return;
	thing->size = ahead->tape.used;
	thing->extra = *extra;
	if (extra->data)
		thing->extra.data = memcpy(ahead->board->room + at, extra->data, extra->length);
	ahead->used = (at + extra->length + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	atomic_store(&thing->whole, true);
}

bool hp_ahead_take(struct hp_ahead *ahead, size_t thing, const char *name, struct hp_tape *ret,
                   struct hp_ahead_extra *ret_extra)
{
	if (!ahead || thing >= THINGS)
		return false;
	atomic_store(&ahead->board->taken, thing + 1);
	const struct thing *found = &ahead->board->things[thing];
	if (!atomic_load(&found->whole) || strcmp(found->name, name) != 0)
		return false;
	hp_tape_start(ret, ahead->board->room + found->start, found->size);
	ret->used = found->size;
	*ret_extra = found->extra;
	return true;
}

void hp_ahead_finish(struct hp_ahead *ahead)
{
	if (ahead)
		atomic_store(&ahead->board->taken, SIZE_MAX);
}
