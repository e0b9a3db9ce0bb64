// The journal of a transaction: what was meant, and how far it came.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "host/host.h"
#include "step/step.h"

#include <jansson.h>
#include <stdbool.h>

#define HP_STATE_DIRECTORY "/var/lib/happypath"
#define HP_JOURNAL_SCHEMA  "happypath.journal/1"

/* How far a step came, as its last line says. */
enum hp_progress {
	HP_STEP_WAITING, // nothing was written of it
	HP_STEP_INTENT,  // its write may have begun
	HP_STEP_DONE,    // it was read back
	HP_STEP_UNDOING, // its undoing may have begun
	HP_STEP_UNDONE,
};

struct hp_journal {
	int fd; // -1: only read
	char *path, *id, *begun, *ended, *outcome, *note;
	char *boot;     // boot in which it was walked last
	json_t *origin; // what the plan said of itself, NULL if it did not
	struct hp_steps steps;
	enum hp_progress *progress;
	bool undo; // it was asked to be undone
	bool open; // it neither ended nor waits: whoever walked it did not come to an end
	struct hp_names complaints;
};

/* The directory of journals below `state` (NULL: HP_STATE_DIRECTORY), to be freed; and the same,
 * made if need be. */
char *hp_journal_place(const char *state);
int hp_journal_directory(const char *state, char **ret, struct hp_error *err);
/* The ids of all journals, oldest first. None is no failure. */
int hp_journal_list(const char *directory, struct hp_names *ret, struct hp_error *err);
/* Begins one; takes the steps over. Room for all that will follow is reserved on the disk, so that
 * a full one is known before anything is changed. */
int hp_journal_begin(const char *directory, struct hp_steps *steps, const char *boot,
                     const json_t *origin, struct hp_journal *ret, struct hp_error *err);
/* Reads one. A last line that is cut short was never written; what else is no line of a journal is
 * complained of, and then every step of an open transaction may have begun. */
int hp_journal_load(const char *directory, const char *id, struct hp_journal *ret,
                    struct hp_error *err);
/* Makes a journal that was read ready for more lines; cuts off what is no whole line. */
int hp_journal_reopen(struct hp_journal *journal, struct hp_error *err);
void hp_journal_finish(struct hp_journal *journal);

/* Each writes one line and waits until it is on the disk. `before`: what is there
 * before, where the step did not know it; may be NULL. */
int hp_journal_progress(struct hp_journal *journal, size_t step, enum hp_progress progress,
                        const json_t *before, struct hp_error *err);
int hp_journal_undo(struct hp_journal *journal, const char *boot, struct hp_error *err);
/* After a reboot the steps that waited go on, from what is there now: the states before of `steps`
 * that wait. */
int hp_journal_resume(struct hp_journal *journal, const char *boot, struct hp_error *err);
/* What does not last was brought about again in this boot. */
int hp_journal_again(struct hp_journal *journal, const char *boot, struct hp_error *err);
int hp_journal_end(struct hp_journal *journal, const char *outcome, const char *note,
                   struct hp_error *err);

const char *hp_progress_name(enum hp_progress progress);
/* Whether it stands: something of it is done and not undone. */
bool hp_journal_stands(const struct hp_journal *journal);
