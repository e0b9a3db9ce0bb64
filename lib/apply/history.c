// What was applied and undone. SPDX-License-Identifier: Apache-2.0
#include "apply/apply.h"
#include "apply/journal.h"
#include "apply/walk.h"

#include "base/cleanup.h"

static const char *outcome_of(const struct hp_journal *journal)
{
	return journal->open || !journal->outcome ? "open" : journal->outcome;
}

/* What the journal read becomes the transaction's. */
static void add(struct hp_history *history, struct hp_journal *journal)
{
	history->items = hp_realloc(history->items, (history->count + 1) * sizeof(*history->items));
	struct hp_transaction *item = &history->items[history->count++];
	*item = (struct hp_transaction){
	    .id = hp_steal(journal->id),
	    .begun = hp_steal(journal->begun),
	    .outcome = hp_strdup(outcome_of(journal)),
	    .ended = journal->open ? NULL : hp_steal(journal->ended),
	    .note = hp_steal(journal->note),
	    .steps = journal->steps,
	    .progress = hp_calloc(journal->steps.count + 1, sizeof(*item->progress)),
	};
	for (size_t i = 0; i < item->steps.count; i++)
		item->progress[i] = hp_progress_name(journal->progress[i]);
	journal->steps = (struct hp_steps){0};
}

static void read_one(const char *directory, const char *id, struct hp_history *history)
{
	struct hp_journal journal;
	struct hp_error err = {0};
	if (hp_journal_load(directory, id, &journal, &err) < 0) {
		hp_add_note(&history->complaints, err.message);
		return;
	}
	for (size_t i = 0; i < journal.complaints.count; i++)
		hp_add_note(&history->complaints, journal.complaints.names[i]);
	add(history, &journal);
	hp_journal_finish(&journal);
}

int hp_history_read(const char *state, struct hp_history *ret, struct hp_error *err)
{
	hp_cleanup_names struct hp_names ids = {0};
	hp_cleanup_free char *directory = hp_journal_place(state);
	int r = hp_journal_list(directory, &ids, err);
	if (r < 0)
		return r;
	*ret = (struct hp_history){0};
	for (size_t i = 0; i < ids.count; i++)
		read_one(directory, ids.names[i], ret);
	return 0;
}

void hp_history_free(struct hp_history *history)
{
	for (size_t i = 0; i < history->count; i++) {
		struct hp_transaction *item = &history->items[i];
		hp_steps_free(&item->steps);
		free(item->progress);
		free(item->id);
		free(item->begun);
		free(item->ended);
		free(item->outcome);
		free(item->note);
	}
	free(history->items);
	hp_names_free(&history->complaints);
	*history = (struct hp_history){0};
}
