// Rows written down in one process for the store of another. SPDX-License-Identifier: Apache-2.0
#include "facts/tape.h"

#include <string.h>

enum { ALIGN = 8 };

_Static_assert(sizeof(struct hp_tape_step) == ALIGN, "steps and values alternate, aligned");
_Static_assert(HP_TBL_COUNT <= UINT8_MAX, "a step has room for each table");

void hp_tape_start(struct hp_tape *tape, void *room, size_t size)
{
	*tape = (struct hp_tape){.room = room, .size = size};
}

static size_t aligned(size_t size)
{
	return (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

void hp_tape_add(struct hp_tape *tape, enum hp_tape_what what, enum hp_tbl table, int column,
                 const void *value, size_t size)
{
	struct hp_tape_step step = {(uint8_t)what, (uint8_t)table, (uint16_t)column,
	                            (uint32_t)size};
	size_t whole = sizeof(step) + aligned(size);
	if (tape->full || size > UINT32_MAX || whole > tape->size - tape->used) {
		tape->full = true;
		return;
	}
	memcpy(tape->room + tape->used, &step, sizeof(step));
	if (size)
		memcpy(tape->room + tape->used + sizeof(step), value, size);
	tape->used += whole;
}

const struct hp_tape_step *hp_tape_next(const struct hp_tape *tape, size_t *at)
{
	if (*at >= tape->used)
		return NULL;
	const struct hp_tape_step *step = (const struct hp_tape_step *)(tape->room + *at);
	*at += sizeof(*step) + aligned(step->size);
	return step;
}
