// Walking steps: intent, write, read back, done; and back if one fails.
// SPDX-License-Identifier: Apache-2.0
#include "apply/walk.h"
#include "apply/lock.h"
#include "step/kinds.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

bool hp_same_state(const struct hp_step *step, const json_t *wanted, const json_t *found,
                   struct hp_text *ret_note)
{
	if (json_equal(wanted, found))
		return true;
	return step->kind->same && json_is_object(wanted) && json_is_object(found) &&
	       step->kind->same(step->subject, wanted, found, ret_note);
}

char *hp_state_words(const struct hp_step *step, const json_t *state)
{
	struct hp_text text = {0};
	const char *word = json_string_value(state);
	if (word)
		hp_text_puts(&text, word);
	else if (json_is_null(state))
		hp_text_puts(&text, "not known");
	else
		step->kind->tell(step->subject, state, &text);
	return text.data ? text.data : hp_strdup("");
}

void hp_add_note(struct hp_names *notes, const char *text)
{
	for (size_t i = 0; i < notes->count; i++)
		if (strcmp(notes->names[i], text) == 0)
			return;
	notes->names = hp_realloc(notes->names, (notes->count + 1) * sizeof(*notes->names));
	notes->names[notes->count++] = hp_strdup(text);
}

void hp_boot_id(struct hp_host *host, char *ret, size_t size)
{
	if (hp_host_read(host, "/proc/sys/kernel/random/boot_id", ret, size) < 0)
		*ret = '\0';
}

int hp_walk_lock(struct hp_host *host, const struct hp_apply_options *options, struct hp_error *err)
{
	const char *file = options->lock ? options->lock : HP_LOCK_FILE;
	int lock = hp_lock_take(file, options->wait_ms, err);
	if (lock >= 0)
		hp_host_inherit(host, lock);
	return lock;
}

void hp_walk_unlock(struct hp_host *host, int lock)
{
	if (lock < 0)
		return;
	hp_host_inherit(host, -1);
	close(lock);
}

// == one step

static void say(struct hp_walk *walk, const struct hp_move *move, const char *what)
{
	const struct hp_steps *steps = &walk->journal->steps;
	if (walk->options->progress)
		walk->options->progress(walk->options->data, &steps->items[move->step], move->step,
		                        steps->count, what);
}

static const json_t *from(const struct hp_step *step, bool back)
{
	return back ? step->after : step->before;
}

static const json_t *to(const struct hp_step *step, bool back)
{
	return back ? step->before : step->after;
}

static int differs(const struct hp_step *step, const char *when, const json_t *wanted,
                   const json_t *found, struct hp_error *err)
{
	hp_cleanup_free char *is = hp_state_words(step, found);
	hp_cleanup_free char *expected = hp_state_words(step, wanted);
	return hp_fail(err, -ESTALE, "%s %s: %s it is %s, not %s", step->kind->name, step->subject,
	               when, is, expected);
}

/* A subject that an earlier step made: what is there now is what undo brings back. */
static bool appeared(const struct hp_step *step, bool back, const json_t *now)
{
	const char *word = json_string_value(step->before);
	return !back && step->kind->appears && word && strcmp(word, "absent") == 0 &&
	       json_is_object(now);
}

/* Whether the state still is what the step leaves: others may have come between. `ret_seen` is set
 * where it was not known before what it leaves. */
static int check_old(struct hp_walk *walk, struct hp_step *step, bool back, json_t **ret_seen,
                     struct hp_error *err)
{
	json_t *now = NULL;
	int r = step->kind->read(walk->host, step->subject, &now, err);
	if (r == 0 && appeared(step, back, now)) {
		json_decref(step->before);
		step->before = json_incref(now);
		*ret_seen = step->before;
	} else if (r == 0 && !hp_same_state(step, from(step, back), now, NULL) &&
	           !hp_same_state(step, to(step, back), now, NULL)) {
		r = differs(step, "just before its write", from(step, back), now, err);
	}
	json_decref(now);
	return r;
}

/* Whoever opened the device since everybody was asked would block the write. */
static int check_holders(struct hp_walk *walk, const struct hp_step *step, bool back,
                         struct hp_error *err)
{
	struct hp_obstacles found = {0};
	if (!step->kind->obstacles)
		return 0;
	int r = step->kind->obstacles(walk->host, step->subject, from(step, back), to(step, back),
	                              &found, err);
	for (size_t i = 0; r == 0 && i < found.count; i++)
		if (found.items[i].kind == HP_OBSTACLE_HOLDER ||
		    found.items[i].kind == HP_OBSTACLE_BROKEN)
			r = hp_fail(err, -EBUSY, "%s %s: %s", step->kind->name, step->subject,
			            found.items[i].text);
	hp_obstacles_free(&found);
	return r;
}

static int write_step(struct hp_walk *walk, const struct hp_step *step, bool back,
                      struct hp_error *err)
{
	int r = step->kind->write(walk->host, step->subject, from(step, back), to(step, back), err);
	return r < 0 ? (hp_wrap(err, "%s %s", step->kind->name, step->subject), r) : 0;
}

/* "Applied" means observed: what the kernel took is no proof. */
static int read_back(struct hp_walk *walk, const struct hp_step *step, bool back,
                     struct hp_error *err)
{
	json_t *found = NULL;
	int r = step->kind->read(walk->host, step->subject, &found, err);
	if (r < 0)
		return r;
	if (!hp_same_state(step, to(step, back), found, NULL))
		r = differs(step, "read back,", to(step, back), found, err);
	json_decref(found);
	return r;
}

static int note_done(struct hp_walk *walk, const struct hp_move *move, struct hp_error *err)
{
	return hp_journal_progress(walk->journal, move->step,
	                           move->back ? HP_STEP_UNDONE : HP_STEP_DONE, NULL, err);
}

static int note_intent(struct hp_walk *walk, const struct hp_move *move, const json_t *seen,
                       struct hp_error *err)
{
	return hp_journal_progress(walk->journal, move->step,
	                           move->back ? HP_STEP_UNDOING : HP_STEP_INTENT, seen, err);
}

static int move_one(struct hp_walk *walk, const struct hp_move *move, struct hp_error *err)
{
	struct hp_step *step = &walk->journal->steps.items[move->step];
	json_t *seen = NULL;
	say(walk, move, move->back ? "undoing" : "begins");
	int r = check_old(walk, step, move->back, &seen, err);
	if (r == 0)
		r = check_holders(walk, step, move->back, err);
	if (r == 0)
		r = note_intent(walk, move, seen, err);
	if (r == 0)
		r = write_step(walk, step, move->back, err);
	if (r == 0)
		r = read_back(walk, step, move->back, err);
	if (r == 0)
		r = note_done(walk, move, err);
	say(walk, move, r < 0 ? "failed" : move->back ? "undone" : "done");
	return r;
}

/* A write that failed may have left out what no state shows (an image that is built anew, a service
 * that is restarted). Where the state is as wanted, a second one has only that left to do. */
static int write_surely(struct hp_walk *walk, const struct hp_step *step, bool back,
                        struct hp_error *err)
{
	int r = write_step(walk, step, back, err);
	if (r < 0 && r != -ETIME && read_back(walk, step, back, NULL) == 0)
		r = write_step(walk, step, back, err);
	return r;
}

/* The same when there is no other way to go: nothing stops it, a journal that cannot be written
 * neither. */
static bool force_one(struct hp_walk *walk, const struct hp_move *move, struct hp_error *err)
{
	const struct hp_step *step = &walk->journal->steps.items[move->step];
	say(walk, move, "undoing");
	note_intent(walk, move, NULL, NULL);
	int r = write_surely(walk, step, move->back, err);
	if (r == 0)
		r = read_back(walk, step, move->back, err);
	if (r == 0)
		note_done(walk, move, NULL);
	say(walk, move, r < 0 ? "stays" : "undone");
	return r == 0;
}

// == what is not there any more

bool hp_is_gone(struct hp_walk *walk, const struct hp_step *step)
{
	json_t *now = NULL;
	if (step->kind->lasts || !json_is_object(step->before) || !json_is_object(step->after) ||
	    step->kind->read(walk->host, step->subject, &now, NULL) < 0)
		return false;
	bool gone = hp_is_absent(now);
	json_decref(now);
	if (!gone)
		return false;
	hp_cleanup_free char *note =
	    hp_asprintf("%s %s: it is gone, and nothing of it is left to put back",
	                step->kind->name, step->subject);
	hp_add_note(&walk->applied->notes, note);
	return true;
}

static bool is_left_alone(struct hp_walk *walk, const struct hp_move *move)
{
	if (!move->back || !hp_is_gone(walk, &walk->journal->steps.items[move->step]))
		return false;
	note_done(walk, move, NULL);
	return true;
}

// == many

/* Walks back what was walked, the one that failed included if anything may have been written. */
static enum hp_outcome turn_back(struct hp_walk *walk, const struct hp_move *moves, size_t failed)
{
	bool all = true;
	for (size_t i = failed + 1; i-- > 0;) {
		struct hp_error err = {0};
		const struct hp_move back = {.step = moves[i].step, .back = !moves[i].back};
		enum hp_progress progress = walk->journal->progress[back.step];
		if (i == failed && progress != (moves[i].back ? HP_STEP_UNDOING : HP_STEP_INTENT))
			continue;
		if (is_left_alone(walk, &back) || force_one(walk, &back, &err))
			continue;
		all = false;
		hp_add_note(&walk->applied->notes, err.message);
		if (err.code == -ETIME) // what the kernel holds may be in the way of the rest
			break;
	}
	return all ? HP_OUTCOME_ROLLED_BACK : HP_OUTCOME_INCOMPLETE;
}

/* Notes of equivalence, one a line. */
static void take_notes(struct hp_walk *walk, const struct hp_text *text)
{
	hp_cleanup_free char *copy = hp_strdup(hp_text_get(text));
	char *at = copy;
	for (const char *line; (line = strsep(&at, "\n"));)
		if (*line)
			hp_add_note(&walk->applied->notes, line);
}

/* What is as good as wanted and yet not the same is told of the end, when all steps are through. */
static void note_equivalents(struct hp_walk *walk, const struct hp_move *moves, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct hp_step *step = &walk->journal->steps.items[moves[i].step];
		hp_cleanup_text struct hp_text notes = {0};
		json_t *found = NULL;
		if (step->kind->same &&
		    step->kind->read(walk->host, step->subject, &found, NULL) == 0)
			hp_same_state(step, to(step, moves[i].back), found, &notes);
		take_notes(walk, &notes);
		json_decref(found);
	}
}

enum hp_outcome hp_walk_all(struct hp_walk *walk, const struct hp_move *moves, size_t count,
                            struct hp_error *err)
{
	for (size_t i = 0; i < count; i++) {
		int r = move_one(walk, &moves[i], err);
		if (r == -ETIME) // the kernel still holds the write: nothing more now
			return HP_OUTCOME_INCOMPLETE;
		if (r < 0)
			return turn_back(walk, moves, i);
	}
	note_equivalents(walk, moves, count);
	return HP_OUTCOME_DONE;
}

bool hp_walk_each(struct hp_walk *walk, const struct hp_move *moves, size_t count,
                  struct hp_error *err)
{
	bool all = true;
	for (size_t i = 0; i < count; i++) {
		struct hp_error one = {0};
		if (is_left_alone(walk, &moves[i]) || force_one(walk, &moves[i], &one))
			continue;
		if (all && err)
			*err = one;
		all = false;
		hp_add_note(&walk->applied->notes, one.message);
		if (one.code == -ETIME)
			break;
	}
	return all;
}

// == consent

static bool is_named(const char *const *names, const char *subject)
{
	for (const char *const *at = names; at && *at; at++)
		if (strcmp(*at, subject) == 0)
			return true;
	return false;
}

/* A sibling's step asks for the device that the plan is for, which goes with it: who wants the plan
 * wants that. The other way round the sibling is named, or stays. */
static bool is_meant(const struct hp_apply_options *options, const struct hp_step *step,
                     const char *subject)
{
	return options->yes &&
	       (strcmp(subject, step->subject) == 0 || is_named(options->own, subject));
}

static bool consents(const struct hp_apply_options *options, const struct hp_step *step, bool ours,
                     const struct hp_obstacle *obstacle)
{
	switch (obstacle->kind) {
	case HP_OBSTACLE_CONSENT:
		return is_named(options->allow, obstacle->subject) ||
		       is_meant(options, step, obstacle->subject);
	case HP_OBSTACLE_OWNER:
		return is_named(options->allow, obstacle->subject);
	case HP_OBSTACLE_SOMEBODY:
		return ours || is_named(options->allow, obstacle->subject);
	case HP_OBSTACLE_HOLDER:
	case HP_OBSTACLE_BROKEN:
		break;
	}
	return false;
}

static bool is_there(const struct hp_obstacles *obstacles, const struct hp_obstacle *one)
{
	for (size_t i = 0; i < obstacles->count; i++)
		if (obstacles->items[i].kind == one->kind &&
		    strcmp(obstacles->items[i].text, one->text) == 0)
			return true;
	return false;
}

void hp_keep_refusals(const struct hp_apply_options *options, const struct hp_step *step, bool ours,
                      struct hp_obstacles *found, struct hp_obstacles *ret)
{
	for (size_t i = 0; i < found->count; i++) {
		const struct hp_obstacle *one = &found->items[i];
		if (!consents(options, step, ours, one) && !is_there(ret, one))
			hp_obstacles_add(ret, one->kind, one->subject, "%s", one->text);
	}
	hp_obstacles_free(found);
}

bool hp_is_ours(const char *state_directory, const struct hp_step *step, const json_t *state)
{
	hp_cleanup_free char *directory = hp_journal_place(state_directory);
	hp_cleanup_names struct hp_names ids = {0};
	bool ours = false, found = false;
	if (hp_journal_list(directory, &ids, NULL) < 0)
		return false;
	for (size_t i = ids.count; !found && i-- > 0;) {
		struct hp_journal journal;
		if (hp_journal_load(directory, ids.names[i], &journal, NULL) < 0)
			continue;
		for (size_t j = 0; j < journal.steps.count; j++) {
			const struct hp_step *other = &journal.steps.items[j];
			if (other->kind != step->kind || journal.progress[j] != HP_STEP_DONE ||
			    strcmp(other->subject, step->subject) != 0)
				continue;
			found = true;
			ours = hp_same_state(step, other->after, state, NULL);
		}
		hp_journal_finish(&journal);
	}
	return ours;
}
