// happypath history: what was applied and undone. SPDX-License-Identifier: Apache-2.0
#include "apply/apply.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "cli.h"

#include <string.h>

#define SCHEMA "happypath.history/1"

static const struct hp_column columns[] = {
    {.name = "id", .help = "of the transaction; undo takes it, or its number"},
    {.name = "begun", .help = "when it was begun (UTC)"},
    {.name = "ended", .help = "when it came to its end", .wide = true},
    {.name = "outcome", .help = "open, done, waits-for-reboot, rolled-back, incomplete, undone"},
    {.name = "steps", .help = "how many steps it has", .number = true},
    {.name = "about", .help = "what it changed; why it failed", .wraps = true},
};

static const struct hp_column step_columns[] = {
    {.name = "progress", .help = "waiting, intent, done, undoing, undone"},
    {.name = "step", .help = "what it changes", .wraps = true},
    {.name = "kind", .help = "its kind", .wide = true},
    {.name = "subject", .help = "of what", .wide = true},
    {.name = "why", .help = "what asked for it", .wide = true},
};

static json_t *steps_json(const struct hp_transaction *one)
{
	json_t *list = json_array();
	for (size_t i = 0; i < one->steps.count; i++) {
		json_t *step = hp_step_json(&one->steps.items[i]);
		json_object_set_new(step, "progress", json_string(one->progress[i]));
		json_array_append_new(list, step);
	}
	return list;
}

static json_t *text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

static json_t *transaction_json(const struct hp_transaction *one)
{
	return json_pack("{s:s, s:o, s:o, s:s, s:o, s:o}", "id", one->id, "begun",
	                 text_or_null(one->begun), "ended", text_or_null(one->ended), "outcome",
	                 one->outcome, "note", text_or_null(one->note), "steps", steps_json(one));
}

static bool is_meant(const struct hp_transaction *one, const char *id)
{
	uint64_t number;
	return !id || strcmp(one->id, id) == 0 ||
	       (hp_parse_u64(id, &number) && (uint64_t)atol(one->id) == number);
}

static int print_document(const struct hp_history *history, const char *id, enum hp_format format,
                          struct hp_error *err)
{
	json_t *list = json_array();
	for (size_t i = 0; i < history->count; i++)
		if (is_meant(&history->items[i], id))
			json_array_append_new(list, transaction_json(&history->items[i]));
	json_t *document = json_pack("{s:s, s:o}", "schema", SCHEMA, "transactions", list);
	int code = hp_json_print(document, format, stdout, err);
	json_decref(document);
	return code;
}

/* What it changed, in the words of its first step; why it failed, if it did. */
static char *about(const struct hp_transaction *one)
{
	struct hp_text text = {0};
	if (one->note)
		hp_text_puts(&text, one->note);
	else if (one->steps.count)
		hp_step_tell(&one->steps.items[0], &text);
	return text.data ? text.data : hp_strdup("");
}

static int print_list(const struct hp_history *history, enum hp_format format, struct hp_error *err)
{
	struct hp_table *table = hp_table_new(columns, HP_COUNT(columns));
	for (size_t i = 0; i < history->count; i++) {
		const struct hp_transaction *one = &history->items[i];
		char number[32];
		hp_cleanup_free char *words = about(one);
		snprintf(number, sizeof(number), "%zu", one->steps.count);
		const char *cells[] = {one->id,      one->begun, one->ended,
		                       one->outcome, number,     words};
		hp_table_add(table, cells);
	}
	int code = hp_table_print(table, format, SCHEMA, "transactions", stdout, err);
	hp_table_free(table);
	return code;
}

static int print_steps(const struct hp_transaction *one, enum hp_format format,
                       struct hp_error *err)
{
	struct hp_table *table = hp_table_new(step_columns, HP_COUNT(step_columns));
	for (size_t i = 0; i < one->steps.count; i++) {
		const struct hp_step *step = &one->steps.items[i];
		hp_cleanup_text struct hp_text words = {0};
		hp_step_tell(step, &words);
		const char *cells[] = {one->progress[i], hp_text_get(&words), step->kind->name,
		                       step->subject, step->why};
		hp_table_add(table, cells);
	}
	int code = hp_table_print(table, format, SCHEMA, "steps", stdout, err);
	hp_table_free(table);
	return code;
}

static int print(const struct hp_history *history, const char *id, enum hp_format format,
                 struct hp_error *err)
{
	if (format == HP_FORMAT_JSON || format == HP_FORMAT_YAML)
		return print_document(history, id, format, err);
	if (!id)
		return print_list(history, format, err);
	for (size_t i = 0; i < history->count; i++)
		if (is_meant(&history->items[i], id))
			return print_steps(&history->items[i], format, err);
	return 0;
}

static bool has(const struct hp_history *history, const char *id)
{
	for (size_t i = 0; i < history->count; i++)
		if (is_meant(&history->items[i], id))
			return true;
	return false;
}

int hp_cmd_history(const struct hp_command *command HP_UNUSED, struct hp_options *options)
{
	struct hp_error error = {0};
	struct hp_history history = {0};
	const char *id = options->arguments.count ? options->arguments.items[0] : NULL;
	int code = hp_history_read(getenv("HAPPYPATH_STATE"), &history, &error);
	for (size_t i = 0; i < history.complaints.count; i++)
		hp_say("%s", history.complaints.names[i]);
	if (!code && id && !has(&history, id))
		code = hp_fail(&error, -ENOENT, "there is no transaction %s", id);
	if (!code)
		code = print(&history, id, options->format, &error);
	hp_history_free(&history);
	return code < 0 ? hp_give_up(&error) : HP_EXIT_OK;
}
