// Rows written down in one process for the store of another. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "facts/facts.h"

/* What is done to rows, in its order: hp_facts_play does it to a store. */
struct hp_tape {
	char *room;
	size_t size, used;
	bool full; // something did not fit: it is not whole
};

enum hp_tape_what { HP_TAPE_BEGIN, HP_TAPE_TEXT, HP_TAPE_NUMBER, HP_TAPE_PUT };

/* Followed by its value: a text with its NUL, or an int64_t. Both are aligned. */
struct hp_tape_step {
	uint8_t what;
	uint8_t table;
	uint16_t column;
	uint32_t size; // of the value
};

/* From now on rows go to `room`, which is aligned as malloc's. */
void hp_tape_start(struct hp_tape *tape, void *room, size_t size);
void hp_tape_add(struct hp_tape *tape, enum hp_tape_what what, enum hp_tbl table, int column,
                 const void *value, size_t size);
/* The step at *at, which is moved behind it; NULL at the end. */
const struct hp_tape_step *hp_tape_next(const struct hp_tape *tape, size_t *at);

/* Facts whose rows go to a tape, which must outlive them. Nothing can be read from them. */
struct hp_facts *hp_facts_new_tape(struct hp_tape *tape);
/* Puts the rows of a tape for the current host. */
int hp_facts_play(struct hp_facts *facts, const struct hp_tape *tape, struct hp_error *err);
