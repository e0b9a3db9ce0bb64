// After a crash, power loss or reboot: back to before, or on to after.
// SPDX-License-Identifier: Apache-2.0
#include "apply/apply.h"
#include "apply/owner.h"
#include "apply/walk.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

struct request {
	struct hp_host *host;
	const struct hp_apply_options *options;
	struct hp_applied *applied;
	const char *directory;
	const struct hp_names *ids;
	char boot[64];
	bool did, rolled_back, failed;
	struct hp_error *err;
};

static struct hp_walk walk_of(struct request *request, struct hp_journal *journal)
{
	return (struct hp_walk){.host = request->host,
	                        .options = request->options,
	                        .applied = request->applied,
	                        .journal = journal};
}

static void fail(struct request *request, const char *message)
{
	if (!request->failed)
		hp_fail(request->err, -EIO, "%s", message);
	request->failed = true;
	hp_add_note(&request->applied->notes, message);
}

// == what never ended

/* Every step that was to go is done, only the last line was not written any more. */
static bool is_complete(const struct hp_journal *journal, bool *ret_waits)
{
	bool reboot = false;
	*ret_waits = false;
	for (size_t i = 0; i < journal->steps.count; i++)
		reboot = reboot || journal->steps.items[i].kind->effect == HP_EFFECT_REBOOT;
	for (size_t i = 0; i < journal->steps.count; i++) {
		bool waits = reboot && !journal->steps.items[i].kind->lasts &&
		             journal->progress[i] == HP_STEP_WAITING;
		*ret_waits = *ret_waits || waits;
		if (!waits && journal->progress[i] != HP_STEP_DONE)
			return false;
	}
	return !journal->undo;
}

static bool is_other_boot(const struct request *request, const struct hp_journal *journal)
{
	return strcmp(journal->boot ? journal->boot : "", request->boot) != 0;
}

/* A boot may carry out by itself what the walk had not come to: the files that earlier steps wrote
 * name modules to load. */
static bool is_done_by_boot(struct request *request, const struct hp_journal *journal, size_t at)
{
	const struct hp_step *step = &journal->steps.items[at];
	json_t *now = NULL;
	if (journal->progress[at] != HP_STEP_WAITING || step->kind->lasts ||
	    !is_other_boot(request, journal) ||
	    step->kind->read(request->host, step->subject, &now, NULL) < 0)
		return false;
	bool did = hp_same_state(step, step->after, now, NULL) &&
	           !hp_same_state(step, step->before, now, NULL);
	json_decref(now);
	return did;
}

static bool is_begun(enum hp_progress progress)
{
	return progress == HP_STEP_INTENT || progress == HP_STEP_DONE ||
	       progress == HP_STEP_UNDOING;
}

static size_t choose_back(struct request *request, const struct hp_journal *journal,
                          struct hp_move *moves)
{
	size_t count = 0;
	for (size_t i = journal->steps.count; i-- > 0;)
		if (is_begun(journal->progress[i]) || is_done_by_boot(request, journal, i))
			moves[count++] = (struct hp_move){.step = i, .back = true};
	return count;
}

/* Writes back all that was begun. Whether everything is as it was. */
static bool put_back(struct request *request, struct hp_journal *journal)
{
	struct hp_move *moves = hp_calloc(journal->steps.count + 1, sizeof(*moves));
	struct hp_walk walk = walk_of(request, journal);
	size_t count = choose_back(request, journal, moves);
	struct hp_error err = {0};
	bool all = hp_walk_each(&walk, moves, count, &err);
	if (!all)
		fail(request, err.message);
	free(moves);
	return all;
}

static void roll_back(struct request *request, struct hp_journal *journal, const char *why)
{
	const char *outcome = journal->undo ? "undone" : "rolled-back";
	bool all = put_back(request, journal);
	request->rolled_back = true;
	if (all)
		hp_journal_end(journal, outcome, why, NULL);
	else if (request->options->accept)
		hp_journal_end(journal, "incomplete", request->err->message, NULL);
}

static void recover_open(struct request *request, struct hp_journal *journal)
{
	bool waits;
	struct hp_error err = {0};
	/* On a disk that cannot be written the host is put right all the same. */
	if (hp_journal_reopen(journal, &err) < 0)
		hp_add_note(&request->applied->notes, err.message);
	request->did = true;
	snprintf(request->applied->id, sizeof(request->applied->id), "%s", journal->id);
	if (!is_complete(journal, &waits)) {
		roll_back(request, journal, "recovered: it never came to an end");
		return;
	}
	free(journal->outcome);
	journal->outcome = hp_strdup(waits ? "waits-for-reboot" : "done");
	journal->open = false;
	hp_journal_end(journal, journal->outcome, NULL, NULL);
}

// == what nobody consented to

static bool is_listed(const struct hp_obstacles *obstacles, const char *text)
{
	for (size_t i = 0; i < obstacles->count; i++)
		if (strcmp(obstacles->items[i].text, text) == 0)
			return true;
	return false;
}

/* Addresses move when cards come and go: whom a step would hurt now, and would not have hurt when
 * it was consented to, is another. */
static int check_stranger(struct request *request, const struct hp_step *step, const json_t *now,
                          struct hp_error *err)
{
	struct hp_obstacles then = {0}, found = {0}, hurt = {0};
	const struct hp_kind *kind = step->kind;
	int r = 0;
	if (!kind->obstacles)
		return 0;
	kind->obstacles(request->host, step->subject, step->before, step->after, &then, NULL);
	kind->obstacles(request->host, step->subject, now, step->after, &found, NULL);
	hp_keep_refusals(request->options, step, true, &found, &hurt);
	for (size_t i = 0; r == 0 && i < hurt.count; i++)
		if (hurt.items[i].kind == HP_OBSTACLE_CONSENT &&
		    strcmp(hurt.items[i].subject, step->subject) == 0 &&
		    !is_listed(&then, hurt.items[i].text))
			r = hp_fail(err, -EPERM,
			            "%s %s is not what it was: %s, and nobody consented to that "
			            "(--yes)",
			            kind->name, step->subject, hurt.items[i].text);
	hp_obstacles_free(&then);
	hp_obstacles_free(&hurt);
	return r;
}

// == what waited for a reboot

/* From what is there after the reboot, not from what was there before it. */
static int look_again(struct request *request, struct hp_journal *journal, struct hp_error *err)
{
	for (size_t i = 0; i < journal->steps.count; i++) {
		struct hp_step *step = &journal->steps.items[i];
		json_t *now = NULL;
		if (journal->progress[i] != HP_STEP_WAITING)
			continue;
		int r = step->kind->read(request->host, step->subject, &now, err);
		if (r == 0)
			r = check_stranger(request, step, now, err);
		if (r < 0) {
			json_decref(now);
			return r;
		}
		json_decref(step->before);
		step->before = now;
	}
	return 0;
}

static size_t choose_waiting(const struct hp_journal *journal, struct hp_move *moves)
{
	size_t count = 0;
	for (size_t i = 0; i < journal->steps.count; i++)
		if (journal->progress[i] == HP_STEP_WAITING)
			moves[count++] = (struct hp_move){.step = i};
	return count;
}

static void walk_on(struct request *request, struct hp_journal *journal)
{
	struct hp_move *moves = hp_calloc(journal->steps.count + 1, sizeof(*moves));
	struct hp_walk walk = walk_of(request, journal);
	struct hp_error err = {0};
	size_t count = choose_waiting(journal, moves);
	enum hp_outcome outcome = hp_walk_all(&walk, moves, count, &err);
	if (outcome == HP_OUTCOME_DONE) {
		hp_journal_end(journal, "done", NULL, NULL);
	} else {
		fail(request, err.message);
		if (outcome == HP_OUTCOME_ROLLED_BACK)
			roll_back(request, journal, err.message);
	}
	free(moves);
}

static void resume(struct request *request, struct hp_journal *journal)
{
	struct hp_error err = {0};
	int r = look_again(request, journal, &err);
	if (r == 0)
		r = hp_journal_reopen(journal, &err);
	if (r == 0)
		r = hp_journal_resume(journal, request->boot, &err);
	request->did = true;
	snprintf(request->applied->id, sizeof(request->applied->id), "%s", journal->id);
	if (r < 0)
		fail(request, err.message);
	else
		walk_on(request, journal);
}

// == what does not last

static bool is_held(struct request *request, const struct hp_step *step, const json_t *now)
{
	struct hp_obstacles found = {0};
	struct hp_error err = {0};
	bool held = false;
	if (step->kind->obstacles)
		step->kind->obstacles(request->host, step->subject, now, step->after, &found, &err);
	for (size_t i = 0; i < found.count && !held; i++) {
		held = found.items[i].kind == HP_OBSTACLE_HOLDER;
		if (held)
			fail(request, found.items[i].text);
	}
	hp_obstacles_free(&found);
	return held;
}

/* Like a step of a plan, but the journal has it already. */
static void bring_about(struct request *request, const struct hp_step *step, json_t *now)
{
	struct hp_error err = {0};
	json_t *found = NULL;
	const struct hp_apply_options *options = request->options;
	if (options->progress)
		options->progress(options->data, step, 0, 1, "begins");
	int r = step->kind->write(request->host, step->subject, now, step->after, &err);
	if (r == 0)
		r = step->kind->read(request->host, step->subject, &found, &err);
	if (r == 0 && !hp_same_state(step, step->after, found, NULL)) {
		hp_cleanup_free char *is = hp_state_words(step, found);
		r = hp_fail(&err, -EIO, "%s %s is %s after its write", step->kind->name,
		            step->subject, is);
	}
	json_decref(found);
	request->did = true;
	if (r < 0)
		fail(request, err.message);
	if (options->progress)
		options->progress(options->data, step, 0, 1, r < 0 ? "failed" : "done");
}

static void again(struct request *request, const struct hp_step *step)
{
	struct hp_error err = {0};
	json_t *now = NULL;
	int r = step->kind->read(request->host, step->subject, &now, &err);
	bool already = r == 0 && hp_same_state(step, step->after, now, NULL);
	if (r == 0 && !already)
		r = check_stranger(request, step, now, &err);
	if (r < 0)
		fail(request, err.message);
	else if (!already && !is_held(request, step, now))
		bring_about(request, step, now);
	json_decref(now);
}

/* Whether a later transaction that stands has the last word on a step's subject. */
static bool is_superseded(struct request *request, size_t at, const struct hp_step *step)
{
	bool found = false;
	for (size_t i = at + 1; i < request->ids->count && !found; i++) {
		struct hp_journal later;
		if (hp_journal_load(request->directory, request->ids->names[i], &later, NULL) < 0)
			continue;
		for (size_t j = 0; j < later.steps.count && !found; j++)
			found = later.progress[j] == HP_STEP_DONE &&
			        later.steps.items[j].kind == step->kind &&
			        strcmp(later.steps.items[j].subject, step->subject) == 0;
		hp_journal_finish(&later);
	}
	return found;
}

static void bring_back(struct request *request, struct hp_journal *journal, size_t at)
{
	for (size_t i = 0; i < journal->steps.count; i++) {
		const struct hp_step *step = &journal->steps.items[i];
		if (journal->progress[i] == HP_STEP_DONE && !step->kind->lasts &&
		    !is_superseded(request, at, step))
			again(request, step);
	}
	if (hp_journal_reopen(journal, NULL) == 0)
		hp_journal_again(journal, request->boot, NULL);
}

// == what was for a process that is gone

static void end_owned(struct request *request, struct hp_journal *journal)
{
	struct hp_error err = {0};
	request->did = true;
	snprintf(request->applied->id, sizeof(request->applied->id), "%s", journal->id);
	int r = hp_journal_reopen(journal, &err);
	if (r == 0)
		r = hp_journal_undo(journal, request->boot, &err);
	if (r < 0)
		fail(request, err.message);
	else
		roll_back(request, journal, "recovered: what it was for is gone");
}

// == all

static void recover_one(struct request *request, bool boot, size_t at)
{
	struct hp_journal journal;
	struct hp_error err = {0};
	if (hp_journal_load(request->directory, request->ids->names[at], &journal, &err) < 0) {
		fail(request, err.message);
		return;
	}
	if (journal.open)
		recover_open(request, &journal);
	if (hp_owner_is_gone(request->host, request->boot, &journal)) {
		end_owned(request, &journal);
		hp_journal_finish(&journal);
		return;
	}
	bool other_boot = is_other_boot(request, &journal);
	const char *outcome = journal.open || !journal.outcome ? "open" : journal.outcome;
	if (other_boot && strcmp(outcome, "waits-for-reboot") == 0)
		resume(request, &journal);
	else if (other_boot && boot && strcmp(outcome, "done") == 0)
		bring_back(request, &journal, at);
	hp_journal_finish(&journal);
}

static enum hp_outcome outcome_of(const struct request *request)
{
	if (request->failed)
		return HP_OUTCOME_INCOMPLETE;
	if (request->rolled_back)
		return HP_OUTCOME_ROLLED_BACK;
	return request->did ? HP_OUTCOME_DONE : HP_OUTCOME_NOTHING;
}

static int recover(struct request *request, bool boot, struct hp_error *err)
{
	hp_cleanup_free char *directory = hp_journal_place(request->options->state);
	hp_cleanup_names struct hp_names ids = {0};
	int r = hp_journal_list(directory, &ids, err);
	if (r < 0)
		return r;
	hp_boot_id(request->host, request->boot, sizeof(request->boot));
	request->directory = directory;
	request->ids = &ids;
	for (size_t i = 0; i < ids.count; i++)
		recover_one(request, boot, i);
	request->applied->outcome = outcome_of(request);
	return 0;
}

int hp_recover(struct hp_host *host, bool boot, const struct hp_apply_options *options,
               struct hp_applied *ret, struct hp_error *err)
{
	*ret = (struct hp_applied){0};
	struct hp_error own;
	struct request request = {
	    .host = host, .options = options, .applied = ret, .err = err ? err : &own};
	int lock = hp_walk_lock(host, options, err);
	if (lock < 0)
		return lock;
	int r = recover(&request, boot, err);
	hp_walk_unlock(host, lock);
	return r;
}
