// Walking steps on the machine, and back: all or nothing. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "host/change.h"
#include "step/step.h"

#include <stdbool.h>
#include <stddef.h>

/* A transaction is a list of steps with a journal of its own, JSON lines in
 * /var/lib/happypath/journal/ID.jsonl (docs/journal.md). Each line is fsynced before what it
 * announces is written. One process at a time: /run/lock/happypath.lock, held by children too. */

enum hp_outcome {
	HP_OUTCOME_NOTHING,     // there was nothing to do
	HP_OUTCOME_DONE,        // every step was read back
	HP_OUTCOME_REBOOT,      // done as far as it goes before a reboot; recovery goes on after it
	HP_OUTCOME_ROLLED_BACK, // a step failed, everything is as it was
	HP_OUTCOME_INCOMPLETE,  // a step failed, and not all could be undone: the journal says what
	HP_OUTCOME_REFUSED, // obstacles, or the state is not what the plan expected; nothing done
};

const char *hp_outcome_name(enum hp_outcome outcome);

/* Told to whoever watches: one line a step as it begins and ends: "begins", "done", "failed",
 * "undoing", "undone", "stays" (it could not be undone). */
typedef void hp_apply_progress(void *data, const struct hp_step *step, size_t at, size_t count,
                               const char *what);

struct hp_apply_options {
	const char *state; // NULL: /var/lib/happypath
	const char *lock;  // NULL: /run/lock/happypath.lock
	bool dry_run;      // tell through `told`, change nothing
	hp_change_told *told;
	bool yes; // consents to what disrupts, for each step's own subject
	const char *const
	    *own; // and for these, whichever step asks: what the plan is for; may be NULL
	const char *const *allow; // subjects consented to by name, ends with NULL; may be NULL
	bool accept;              // one-way steps too
	int wait_ms;              // for the lock; 0: not at all
	hp_apply_progress *progress;
	void *data;
	json_t *origin; // what the plan says of itself, kept in the journal; may be NULL
};

struct hp_applied {
	char id[40]; // of the transaction, "" where none was begun
	enum hp_outcome outcome;
	struct hp_obstacles obstacles; // where it was refused
	struct hp_names notes; // what people should know: modules that stay loaded, what may differ
};

void hp_applied_free(struct hp_applied *applied);

/* 0 whenever `ret` tells the outcome; err then says why a step failed. -EBUSY: locked by another
 * (exit 75); others: could not begin. A transaction left open by a crash is refused with the word
 * to recover first (-EUCLEAN).
 *
 * A write that the kernel holds for longer than its deadline ends the walk at once (INCOMPLETE):
 * its child keeps the lock, and once that has ended hp_recover puts everything back.
 * Who holds a device is asked before anything is written, and again before each write. */
int hp_apply(struct hp_host *host, const struct hp_steps *steps,
             const struct hp_apply_options *options, struct hp_applied *ret, struct hp_error *err);
/* Undoes the last transaction that stands, or that of `id` (its number will do); refused where a
 * later one that stands has a step on one of its subjects (the obstacle names it), or where
 * somebody else changed a state since (OWNER: --allow). What fails on the way is walked forward
 * again: before or after, never between. */
int hp_undo_transaction(struct hp_host *host, const char *id,
                        const struct hp_apply_options *options, struct hp_applied *ret,
                        struct hp_error *err);
/* Finishes what a crash or power loss left: what was not done wholly is undone, what waited for a
 * reboot goes on, and with `boot` what does not last is brought about again. A step that may have
 * begun is written back even if its state looks as before: a program may have been killed in the
 * middle of what no state shows. */
int hp_recover(struct hp_host *host, bool boot, const struct hp_apply_options *options,
               struct hp_applied *ret, struct hp_error *err);

/* One transaction as its journal tells it. */
struct hp_transaction {
	char *id, *begun, *ended; // ISO 8601 UTC; ended NULL while it is open
	char *outcome;            // open, done, waits-for-reboot, rolled-back, incomplete, undone
	struct hp_steps steps;
	const char **progress; // of each step: waiting, intent, done, undoing, undone; static words
	char *note;            // why it failed, NULL if it did not
};

struct hp_history {
	struct hp_transaction *items; // oldest first
	size_t count;
	struct hp_names complaints; // journals that are not whole, with their line
};

int hp_history_read(const char *state, struct hp_history *ret, struct hp_error *err);
void hp_history_free(struct hp_history *history);
