// Reading ahead: a child reads what its parent will come to. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "facts/tape.h"

/* Things are read one after another, and both know them by number and name (a directory's list). A
 * child reads them from the last to the first, through the same door, and writes down the rows that
 * it makes of them where both see it; the parent takes them from the first to the last, and where
 * the child was already it puts those rows instead of reading. Nobody waits for anybody: what the
 * child did not finish the parent reads itself. */
struct hp_ahead;

/* What one thing gave besides its rows. */
struct hp_ahead_extra {
	uint64_t words[4];   // the reader's own
	const uint8_t *data; // config space to be remembered, NULL without
	size_t length;
};

/* Before the child is forked; NULL if there is no memory for it. */
struct hp_ahead *hp_ahead_new(void);
/* NULL is fine. */
void hp_ahead_free(struct hp_ahead *ahead);
/* In the child: the facts that its rows are written to; owned by ahead. */
struct hp_facts *hp_ahead_facts(struct hp_ahead *ahead);
/* In the child: rows from here on are of this thing. False: the parent has come so far, or there is
 * no more room. */
bool hp_ahead_begin(struct hp_ahead *ahead, size_t thing, const char *name);
/* In the child: the thing was read whole. */
void hp_ahead_end(struct hp_ahead *ahead, const struct hp_ahead_extra *extra);
/* In the parent: the thing is its own now, if the child has not read it. Returns whether it has;
 * `ret` and `ret_extra` stay good as long as ahead does. NULL for ahead is fine. */
bool hp_ahead_take(struct hp_ahead *ahead, size_t thing, const char *name, struct hp_tape *ret,
                   struct hp_ahead_extra *ret_extra);
/* In the parent: there are no more things. */
void hp_ahead_finish(struct hp_ahead *ahead);
