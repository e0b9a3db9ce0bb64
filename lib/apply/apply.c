// Applying steps: looked at, consented to, written, read back; or not at all.
// SPDX-License-Identifier: Apache-2.0
#include "apply/apply.h"
#include "apply/walk.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

static const char *const outcomes[] = {
    [HP_OUTCOME_NOTHING] = "nothing",       [HP_OUTCOME_DONE] = "done",
    [HP_OUTCOME_REBOOT] = "reboot",         [HP_OUTCOME_ROLLED_BACK] = "rolled-back",
    [HP_OUTCOME_INCOMPLETE] = "incomplete", [HP_OUTCOME_REFUSED] = "refused",
};

const char *hp_outcome_name(enum hp_outcome outcome)
{
	return outcomes[outcome];
}

void hp_applied_free(struct hp_applied *applied)
{
	hp_obstacles_free(&applied->obstacles);
	hp_names_free(&applied->notes);
	*applied = (struct hp_applied){0};
}

struct request {
	struct hp_host *host;
	const struct hp_apply_options *options;
	struct hp_applied *applied;
	struct hp_steps todo; // those whose state is not there yet, `before` as it is now
	bool reboot;          // some of them take effect after one
};

// == looking

static void add_todo(struct request *request, const struct hp_step *step, json_t *now)
{
	struct hp_step *copy = hp_steps_add(&request->todo, step->kind, step->subject);
	json_decref(copy->before);
	json_decref(copy->after);
	copy->before = now;
	copy->after = json_deep_copy(step->after);
	copy->why = step->why ? hp_strdup(step->why) : NULL;
	copy->fix = step->fix ? hp_strdup(step->fix) : NULL;
	request->reboot = request->reboot || step->kind->effect == HP_EFFECT_REBOOT;
}

static void refuse_stale(struct request *request, const struct hp_step *step, const json_t *now)
{
	hp_cleanup_free char *is = hp_state_words(step, now);
	hp_cleanup_free char *expected = hp_state_words(step, step->before);
	hp_obstacles_add(&request->applied->obstacles, HP_OBSTACLE_BROKEN, step->subject,
	                 "the plan is stale: %s %s is %s, where the plan expects %s: plan again",
	                 step->kind->name, step->subject, is, expected);
}

/* Of a step that follows another on its subject: who holds it then is asked then. */
static void keep_consents(struct hp_obstacles *found)
{
	struct hp_obstacles kept = {0};
	for (size_t i = 0; i < found->count; i++) {
		const struct hp_obstacle *one = &found->items[i];
		if (one->kind != HP_OBSTACLE_HOLDER && one->kind != HP_OBSTACLE_BROKEN)
			hp_obstacles_add(&kept, one->kind, one->subject, "%s", one->text);
	}
	hp_obstacles_free(found);
	*found = kept;
}

static void ask_obstacles(struct request *request, const struct hp_step *step, const json_t *now,
                          bool follows, struct hp_error *err)
{
	struct hp_obstacles found = {0};
	struct hp_obstacles *refusals = &request->applied->obstacles;
	if (step->kind->undo == HP_UNDO_ONE_WAY && !request->options->accept)
		hp_obstacles_add(refusals, HP_OBSTACLE_CONSENT, step->subject,
		                 "%s %s cannot be undone: --accept", step->kind->name,
		                 step->subject);
	if (!step->kind->obstacles)
		return;
	if (step->kind->obstacles(request->host, step->subject, now, step->after, &found, err) < 0)
		hp_obstacles_add(refusals, HP_OBSTACLE_BROKEN, step->subject, "%s", err->message);
	if (follows)
		keep_consents(&found);
	bool ours = follows || hp_is_ours(request->options->state, step, now);
	hp_keep_refusals(request->options, step, ours, &found, refusals);
}

/* Whether an earlier step that is to go is on the same subject: then the state before is what that
 * one leaves, and is looked at when it is there. */
static bool follows_another(const struct hp_steps *todo, const struct hp_step *step)
{
	for (size_t i = 0; i < todo->count; i++)
		if (todo->items[i].kind == step->kind &&
		    strcmp(todo->items[i].subject, step->subject) == 0)
			return true;
	return false;
}

/* Whether a step before may make the subject: whom it would hurt is asked then. */
static bool will_appear(const struct hp_steps *steps, size_t at, const json_t *now)
{
	return at > 0 && steps->items[at].kind->appears && json_is_string(now);
}

static int look_at(struct request *request, const struct hp_steps *steps, size_t at,
                   struct hp_error *err)
{
	const struct hp_step *step = &steps->items[at];
	json_t *now = NULL;
	if (json_is_null(step->before) || json_is_null(step->after)) {
		hp_obstacles_add(&request->applied->obstacles, HP_OBSTACLE_BROKEN, step->subject,
		                 "the plan does not know the state of %s %s: plan on this host",
		                 step->kind->name, step->subject);
		return 0;
	}
	if (follows_another(&request->todo, step)) {
		ask_obstacles(request, step, step->before, true, err);
		add_todo(request, step, json_deep_copy(step->before));
		return 0;
	}
	int r = step->kind->read(request->host, step->subject, &now, err);
	if (r < 0)
		return r;
	if (hp_same_state(step, step->after, now, NULL)) {
		json_decref(now);
		return 0;
	}
	if (!hp_same_state(step, step->before, now, NULL))
		refuse_stale(request, step, now);
	else if (!will_appear(steps, at, now))
		ask_obstacles(request, step, now, false, err);
	add_todo(request, step, now);
	return 0;
}

static int look(struct request *request, const struct hp_steps *steps, struct hp_error *err)
{
	for (size_t i = 0; i < steps->count; i++) {
		int r = look_at(request, steps, i, err);
		if (r < 0)
			return r;
	}
	if (request->applied->obstacles.count)
		request->applied->outcome = HP_OUTCOME_REFUSED;
	else if (!request->todo.count)
		request->applied->outcome = HP_OUTCOME_NOTHING;
	else
		request->applied->outcome = HP_OUTCOME_DONE;
	return 0;
}

// == rehearsing

/* What earlier steps would have made is not there: that is said, and the rest goes on. */
static void rehearse(struct request *request)
{
	struct hp_host *host = request->host;
	const struct hp_apply_options *options = request->options;
	hp_host_rehearse(host, options->told, options->data);
	for (size_t i = 0; i < request->todo.count; i++) {
		const struct hp_step *step = &request->todo.items[i];
		struct hp_error err = {0};
		if (options->progress)
			options->progress(options->data, step, i, request->todo.count, "begins");
		if (step->kind->write(host, step->subject, step->before, step->after, &err) < 0)
			hp_add_note(&request->applied->notes, err.message);
	}
	hp_host_rehearse(host, NULL, NULL);
}

// == walking

/* Those that go now: all, or those that last if one needs a reboot. */
static size_t choose(const struct request *request, const struct hp_journal *journal,
                     struct hp_move *moves)
{
	size_t count = 0;
	for (size_t i = 0; i < journal->steps.count; i++)
		if (!request->reboot || journal->steps.items[i].kind->lasts)
			moves[count++] = (struct hp_move){.step = i};
	return count;
}

static void note_differences(struct hp_walk *walk)
{
	for (size_t i = 0; i < walk->journal->steps.count; i++) {
		const struct hp_kind *kind = walk->journal->steps.items[i].kind;
		if (kind->undo == HP_UNDO_EXACT || !kind->differs)
			continue;
		hp_cleanup_free char *note =
		    hp_asprintf("undoing %s: %s", kind->name, kind->differs);
		hp_add_note(&walk->applied->notes, note);
	}
}

static void walk_now(struct request *request, struct hp_walk *walk, struct hp_error *err)
{
	struct hp_journal *journal = walk->journal;
	struct hp_move *moves = hp_calloc(journal->steps.count + 1, sizeof(*moves));
	size_t count = choose(request, journal, moves);
	enum hp_outcome outcome = hp_walk_all(walk, moves, count, err);
	bool waits = count < journal->steps.count;
	free(moves);
	if (outcome == HP_OUTCOME_DONE &&
	    hp_journal_end(journal, waits ? "waits-for-reboot" : "done", NULL, err) < 0)
		/* Every step is done and says so; only the last line is wanting. */
		hp_add_note(&walk->applied->notes, err->message);
	else if (outcome == HP_OUTCOME_ROLLED_BACK)
		hp_journal_end(journal, "rolled-back", err->message, NULL);
	if (outcome == HP_OUTCOME_DONE)
		note_differences(walk);
	walk->applied->outcome =
	    outcome == HP_OUTCOME_DONE && request->reboot ? HP_OUTCOME_REBOOT : outcome;
}

static int begin(struct request *request, const char *directory, struct hp_error *err)
{
	char boot[64];
	struct hp_journal journal;
	hp_boot_id(request->host, boot, sizeof(boot));
	int r = hp_journal_begin(directory, &request->todo, boot, request->options->origin,
	                         &journal, err);
	if (r < 0)
		return r;
	snprintf(request->applied->id, sizeof(request->applied->id), "%s", journal.id);
	struct hp_walk walk = {.host = request->host,
	                       .options = request->options,
	                       .applied = request->applied,
	                       .journal = &journal};
	walk_now(request, &walk, err);
	hp_journal_finish(&journal);
	return 0;
}

/* What a crash left has to be put right first: its states are neither before nor after. */
int hp_check_none_open(const char *directory, struct hp_error *err)
{
	hp_cleanup_names struct hp_names ids = {0};
	int r = hp_journal_list(directory, &ids, err);
	for (size_t i = 0; r == 0 && i < ids.count; i++) {
		struct hp_journal journal;
		r = hp_journal_load(directory, ids.names[i], &journal, err);
		if (r < 0)
			return hp_wrap(err, "cannot tell whether a transaction ended");
		if (journal.open)
			r = hp_fail(err, -EUCLEAN,
			            "transaction %s was begun on %s and never ended: happypath "
			            "recover",
			            journal.id, journal.begun);
		hp_journal_finish(&journal);
	}
	return r;
}

static int apply(struct request *request, const struct hp_steps *steps, struct hp_error *err)
{
	hp_cleanup_free char *directory = NULL;
	int r = hp_journal_directory(request->options->state, &directory, err);
	if (r == 0)
		r = hp_check_none_open(directory, err);
	if (r == 0)
		r = look(request, steps, err);
	if (r == 0 && request->applied->outcome == HP_OUTCOME_DONE)
		r = begin(request, directory, err);
	return r;
}

int hp_apply(struct hp_host *host, const struct hp_steps *steps,
             const struct hp_apply_options *options, struct hp_applied *ret, struct hp_error *err)
{
	*ret = (struct hp_applied){0};
	struct request request = {.host = host, .options = options, .applied = ret};
	int r;
	if (options->dry_run) {
		r = look(&request, steps, err);
		if (r == 0)
			rehearse(&request);
	} else {
		int lock = r = hp_walk_lock(host, options, err);
		if (lock >= 0)
			r = apply(&request, steps, err);
		hp_walk_unlock(host, lock);
	}
	hp_steps_free(&request.todo);
	return r;
}
