// Undoing a transaction: the same steps, the other way. SPDX-License-Identifier: Apache-2.0
#include "apply/apply.h"
#include "apply/walk.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

struct request {
	struct hp_host *host;
	const struct hp_apply_options *options;
	struct hp_applied *applied;
	struct hp_journal journal; // of what is to be undone
	bool *gone;                // steps whose subject is not there any more
};

static struct hp_walk walk_of(struct request *request)
{
	return (struct hp_walk){.host = request->host,
	                        .options = request->options,
	                        .applied = request->applied,
	                        .journal = &request->journal};
}

/* "12" stands for "000012-20261122T150000Z". */
static bool is_meant(const char *id, const char *word)
{
	size_t digits = strspn(word, "0123456789");
	if (strcmp(id, word) == 0)
		return true;
	return digits && !word[digits] && atol(word) == atol(id);
}

static int refuse_fallen(const struct hp_journal *journal, struct hp_error *err)
{
	return hp_fail(err, -ENOENT, "transaction %s does not stand: it is %s", journal->id,
	               journal->outcome ? journal->outcome : "open");
}

/* Finds the transaction; those behind it, later ones, are left in `ret_later`. */
static int find(struct request *request, const char *directory, const struct hp_names *ids,
                const char *id, size_t *ret_later, struct hp_error *err)
{
	for (size_t i = ids->count; i-- > 0;) {
		if (id && !is_meant(ids->names[i], id))
			continue;
		int r = hp_journal_load(directory, ids->names[i], &request->journal, err);
		if (r < 0)
			return r;
		*ret_later = i + 1;
		if (hp_journal_stands(&request->journal))
			return 0;
		if (id)
			r = refuse_fallen(&request->journal, err);
		hp_journal_finish(&request->journal);
		if (id)
			return r;
	}
	return id ? hp_fail(err, -ENOENT, "there is no transaction %s: see happypath history", id)
	          : hp_fail(err, -ENOENT, "there is nothing to undo");
}

static bool is_about(const struct hp_step *a, const struct hp_step *b)
{
	return strcmp(a->subject, b->subject) == 0 && (a->kind == b->kind || *a->subject);
}

/* Whether a subject is a VF, or an mdev, that would go with the step's VFs. */
static bool hangs_on(struct request *request, const struct hp_step *step, const char *subject)
{
	json_t *now = NULL, *function;
	const char *vf;
	bool found = false;
	if (!json_object_get(step->after, "functions") ||
	    step->kind->read(request->host, step->subject, &now, NULL) < 0)
		return false;
	json_object_foreach(json_object_get(now, "functions"), vf, function)
	{
		found = found || strcmp(vf, subject) == 0 ||
		        json_object_get(json_object_get(function, "mdevs"), subject);
	}
	json_decref(now);
	return found;
}

/* A later transaction that stands and has a step on one of the subjects. */
static void ask_later(struct request *request, const struct hp_journal *later)
{
	const struct hp_journal *journal = &request->journal;
	for (size_t i = 0; i < later->steps.count; i++) {
		const struct hp_step *other = &later->steps.items[i];
		if (later->progress[i] != HP_STEP_DONE)
			continue;
		for (size_t j = 0; j < journal->steps.count; j++) {
			const struct hp_step *step = &journal->steps.items[j];
			if (journal->progress[j] != HP_STEP_DONE ||
			    (!is_about(step, other) && !hangs_on(request, step, other->subject)))
				continue;
			hp_obstacles_add(
			    &request->applied->obstacles, HP_OBSTACLE_BROKEN, step->subject,
			    "transaction %s changed %s later: undo that first", later->id,
			    *other->subject ? other->subject : other->kind->name);
			return;
		}
	}
}

static void ask_all_later(struct request *request, const char *directory,
                          const struct hp_names *ids, size_t first)
{
	for (size_t i = first; i < ids->count; i++) {
		struct hp_journal later;
		if (hp_journal_load(directory, ids->names[i], &later, NULL) < 0)
			continue;
		ask_later(request, &later);
		hp_journal_finish(&later);
	}
}

/* Who holds the device is in the way here too; consent was given when it was applied. */
static void ask_holders(struct request *request, const struct hp_step *step, const json_t *now)
{
	struct hp_obstacles found = {0}, *refusals = &request->applied->obstacles;
	struct hp_error err = {0};
	if (!step->kind->obstacles)
		return;
	if (step->kind->obstacles(request->host, step->subject, now, step->before, &found, &err) <
	    0)
		hp_obstacles_add(refusals, HP_OBSTACLE_BROKEN, step->subject, "%s", err.message);
	for (size_t i = 0; i < found.count; i++)
		if (found.items[i].kind == HP_OBSTACLE_HOLDER ||
		    found.items[i].kind == HP_OBSTACLE_BROKEN)
			hp_obstacles_add(refusals, found.items[i].kind, found.items[i].subject,
			                 "%s", found.items[i].text);
	hp_obstacles_free(&found);
}

/* Somebody else changed it since: theirs is not to be undone unless they are named. */
static void ask_owner(struct request *request, const struct hp_step *step, const json_t *now)
{
	struct hp_obstacles found = {0};
	hp_cleanup_free char *is = hp_state_words(step, now);
	hp_cleanup_free char *left = hp_state_words(step, step->after);
	hp_obstacles_add(&found, HP_OBSTACLE_OWNER, step->subject,
	                 "%s %s was changed since: it is %s, and was left as %s", step->kind->name,
	                 step->subject, is, left);
	hp_keep_refusals(request->options, step, false, &found, &request->applied->obstacles);
}

static int look(struct request *request, struct hp_error *err)
{
	const struct hp_journal *journal = &request->journal;
	struct hp_walk walk = walk_of(request);
	for (size_t i = journal->steps.count; i-- > 0;) {
		const struct hp_step *step = &journal->steps.items[i];
		json_t *now = NULL;
		if (journal->progress[i] != HP_STEP_DONE)
			continue;
		request->gone[i] = hp_is_gone(&walk, step);
		if (request->gone[i])
			continue;
		int r = step->kind->read(request->host, step->subject, &now, err);
		if (r < 0)
			return r;
		bool back = hp_same_state(step, step->before, now, NULL);
		if (!back && !hp_same_state(step, step->after, now, NULL))
			ask_owner(request, step, now);
		if (!back)
			ask_holders(request, step, now);
		json_decref(now);
	}
	return 0;
}

static size_t choose(const struct request *request, struct hp_move *moves)
{
	const struct hp_journal *journal = &request->journal;
	size_t count = 0;
	for (size_t i = journal->steps.count; i-- > 0;)
		if (journal->progress[i] == HP_STEP_DONE && !request->gone[i])
			moves[count++] = (struct hp_move){.step = i, .back = true};
	return count;
}

static void rehearse(struct request *request, const struct hp_move *moves, size_t count)
{
	const struct hp_apply_options *options = request->options;
	hp_host_rehearse(request->host, options->told, options->data);
	for (size_t i = 0; i < count; i++) {
		const struct hp_step *step = &request->journal.steps.items[moves[i].step];
		struct hp_error err = {0};
		if (options->progress)
			options->progress(options->data, step, moves[i].step, count, "undoing");
		if (step->kind->write(request->host, step->subject, step->after, step->before,
		                      &err) < 0)
			hp_add_note(&request->applied->notes, err.message);
	}
	hp_host_rehearse(request->host, NULL, NULL);
}

static bool needs_reboot(const struct hp_journal *journal, const struct hp_move *moves,
                         size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (journal->steps.items[moves[i].step].kind->effect == HP_EFFECT_REBOOT)
			return true;
	return false;
}

static int note_gone(struct request *request, struct hp_error *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < request->journal.steps.count; i++)
		if (request->gone[i])
			r = hp_journal_progress(&request->journal, i, HP_STEP_UNDONE, NULL, err);
	return r;
}

static int walk_back(struct request *request, const struct hp_move *moves, size_t count,
                     struct hp_error *err)
{
	char boot[64];
	struct hp_journal *journal = &request->journal;
	struct hp_walk walk = walk_of(request);
	hp_boot_id(request->host, boot, sizeof(boot));
	int r = hp_journal_reopen(journal, err);
	if (r == 0)
		r = hp_journal_undo(journal, boot, err);
	if (r == 0)
		r = note_gone(request, err);
	if (r < 0)
		return r;
	enum hp_outcome outcome = hp_walk_all(&walk, moves, count, err);
	if (outcome == HP_OUTCOME_DONE && hp_journal_end(journal, "undone", NULL, err) < 0)
		hp_add_note(&request->applied->notes, err->message);
	else if (outcome == HP_OUTCOME_ROLLED_BACK)
		hp_journal_end(journal, journal->outcome, err->message, NULL);
	if (outcome == HP_OUTCOME_DONE && needs_reboot(journal, moves, count))
		outcome = HP_OUTCOME_REBOOT;
	request->applied->outcome = outcome;
	return 0;
}

static int undo(struct request *request, struct hp_error *err)
{
	struct hp_move *moves = hp_calloc(request->journal.steps.count + 1, sizeof(*moves));
	request->gone = hp_calloc(request->journal.steps.count + 1, sizeof(*request->gone));
	snprintf(request->applied->id, sizeof(request->applied->id), "%s", request->journal.id);
	int r = look(request, err);
	size_t count = choose(request, moves);
	request->applied->outcome =
	    request->applied->obstacles.count ? HP_OUTCOME_REFUSED : HP_OUTCOME_DONE;
	if (r == 0 && request->options->dry_run)
		rehearse(request, moves, count);
	else if (r == 0 && request->applied->outcome == HP_OUTCOME_DONE)
		r = walk_back(request, moves, count, err);
	free(request->gone);
	free(moves);
	return r;
}

static int find_and_undo(struct request *request, const char *id, struct hp_error *err)
{
	hp_cleanup_free char *directory = hp_journal_place(request->options->state);
	hp_cleanup_names struct hp_names ids = {0};
	size_t later = 0;
	int r = hp_check_none_open(directory, err);
	if (r == 0)
		r = hp_journal_list(directory, &ids, err);
	if (r == 0)
		r = find(request, directory, &ids, id, &later, err);
	if (r < 0)
		return r;
	ask_all_later(request, directory, &ids, later);
	r = undo(request, err);
	hp_journal_finish(&request->journal);
	return r;
}

int hp_undo_transaction(struct hp_host *host, const char *id,
                        const struct hp_apply_options *options, struct hp_applied *ret,
                        struct hp_error *err)
{
	*ret = (struct hp_applied){0};
	struct request request = {.host = host, .options = options, .applied = ret};
	int lock = options->dry_run ? -1 : hp_walk_lock(host, options, err);
	if (lock < 0 && !options->dry_run)
		return lock;
	int r = find_and_undo(&request, id, err);
	hp_walk_unlock(host, lock);
	return r;
}
