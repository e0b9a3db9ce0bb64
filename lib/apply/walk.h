// Walking the steps of a journal, one way or the other. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "apply/apply.h"
#include "apply/journal.h"

struct hp_walk {
	struct hp_host *host;
	const struct hp_apply_options *options;
	struct hp_applied *applied;
	struct hp_journal *journal;
};

/* One step, walked forward (before → after) or back. */
struct hp_move {
	size_t step;
	bool back;
};

/* Walks all moves, or none: what fails is walked the other way in reverse. DONE, ROLLED_BACK or
 * INCOMPLETE; err says what failed. */
enum hp_outcome hp_walk_all(struct hp_walk *walk, const struct hp_move *moves, size_t count,
                            struct hp_error *err);
/* Walks each of them back or forward, whatever fails but a write that the kernel holds: whether all
 * came to be. Of a subject that is gone nothing is left to put back. */
bool hp_walk_each(struct hp_walk *walk, const struct hp_move *moves, size_t count,
                  struct hp_error *err);

/* Whether a state is as wanted, or as good. */
bool hp_same_state(const struct hp_step *step, const json_t *wanted, const json_t *found,
                   struct hp_text *ret_note);
/* A state in words, to be freed. */
char *hp_state_words(const struct hp_step *step, const json_t *state);
void hp_add_note(struct hp_names *notes, const char *text);

/* Whether a step's subject went away (a device that was pulled, VFs after a boot), and what it was
 * with it; that is noted. */
bool hp_is_gone(struct hp_walk *walk, const struct hp_step *step);

/* Takes the lock for a host that will be changed, and lets its children inherit it. */
int hp_walk_lock(struct hp_host *host, const struct hp_apply_options *options,
                 struct hp_error *err);
void hp_walk_unlock(struct hp_host *host, int lock);
/* The words to recover first, where a transaction was begun and never ended. */
int hp_check_none_open(const char *directory, struct hp_error *err);
/* The id of this boot, "" where the host does not tell. */
void hp_boot_id(struct hp_host *host, char *ret, size_t size);

/* Obstacles that nobody consented to are moved from `found` to `ret`; the others go. `ours`: the
 * state is what a transaction of ours left, so nobody else owns it. */
void hp_keep_refusals(const struct hp_apply_options *options, const struct hp_step *step, bool ours,
                      struct hp_obstacles *found, struct hp_obstacles *ret);

/* Whether the last transaction that stands and has a step of this kind on this subject left
 * `state`. */
bool hp_is_ours(const char *state_directory, const struct hp_step *step, const json_t *state);
