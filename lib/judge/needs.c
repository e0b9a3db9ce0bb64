// What must be among the facts for a rule to say anything, or anything but pass.
// SPDX-License-Identifier: Apache-2.0
#include "judge/needs.h"
#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"
#include "facts/facts.h"

#include <errno.h>
#include <string.h>

/* A part of what is needed. */
struct part {
	const char *at;
	size_t length;
};

struct answer {
	struct part term;
	bool met;
};

struct hp_needs {
	sqlite3 *db;
	struct question *questions;
	size_t question_count;
	struct answer *answers;
	size_t count;
};

struct term {
	const struct hp_table_def *table;
	const struct hp_column_def *column; // NULL: any row will do
	char *value;                        // NULL: any that is known
	bool or_unknown;
	bool other; // than the value
};

/* A term whatever its value, ready to be asked. */
struct question {
	const struct hp_table_def *table;
	const struct hp_column_def *column;
	bool valued, or_unknown, other;
	sqlite3_stmt *statement;
};

static void term_finish(struct term *term)
{
	free(term->value);
}

#define cleanup_term __attribute__((cleanup(term_finish)))

/* Takes the next part of *rest, up to one of `ends`; an empty one is the last. */
static struct part next_part(struct part *rest, const char *ends)
{
	struct part part = {.at = rest->at};
	while (part.length < rest->length && !strchr(ends, part.at[part.length]))
		part.length++;
	size_t taken = part.length + (part.length < rest->length);
	rest->at += taken;
	rest->length -= taken;
	return part;
}

static struct part next_word(struct part *rest)
{
	struct part word;
	do
		word = next_part(rest, " \t\n");
	while (!word.length && rest->length);
	return word;
}

/* Whether the column may hold the value, as far as it says what it holds. */
static bool may_hold(const struct hp_column_def *column, const char *value)
{
	int64_t number;
	if (!strchr(column->domain, '|'))
		return !column->integer || hp_parse_s64(value, &number);
	struct part rest = {column->domain, strlen(column->domain)};
	for (struct part word; (word = next_part(&rest, "|")).length;)
		if (strlen(value) == word.length && strncmp(word.at, value, word.length) == 0)
			return true;
	return false;
}

/* Reads one term; what is wrong with it is told in `err`. */
static int parse(const char *what, struct part text, struct term *ret, struct hp_error *err)
{
	struct part rest = text, names = next_part(&rest, "=");
	ret->other = rest.length && names.length && names.at[names.length - 1] == '!';
	hp_cleanup_free char *table = hp_strndup(names.at, names.length - ret->other);
	char *column = strchr(table, '.');
	if (column)
		*column++ = '\0';
	ret->table = hp_table_find(table);
	if (!ret->table)
		return hp_fail(err, -EINVAL, "%s '%.*s': there is no table '%s'", what,
		               (int)text.length, text.at, table);
	int found = column ? hp_column_find(ret->table, column) : -1;
	if (column ? found < 0 : names.length < text.length)
		return hp_fail(err, -EINVAL, "%s '%.*s': table '%s' has no column '%s'", what,
		               (int)text.length, text.at, table, column ? column : "");
	ret->column = column ? &ret->table->columns[found] : NULL;
	ret->or_unknown = rest.length && *rest.at == '?';
	rest.at += ret->or_unknown;
	rest.length -= ret->or_unknown;
	ret->value = names.length < text.length ? hp_strndup(rest.at, rest.length) : NULL;
	if (ret->value && !may_hold(ret->column, ret->value))
		return hp_fail(err, -EINVAL, "%s '%.*s': '%s' is not in the column's domain", what,
		               (int)text.length, text.at, ret->value);
	return 0;
}

int hp_needs_check(const char *what, const char *needs, struct hp_error *err)
{
	struct part rest = {needs, strlen(needs)};
	int code = 0;
	for (struct part word; !code && (word = next_word(&rest)).length;)
		for (struct part term; !code && (term = next_part(&word, "|")).length;) {
			cleanup_term struct term parsed = {0};
			code = parse(what, term, &parsed, err);
		}
	return code;
}

struct hp_needs *hp_needs_new(sqlite3 *db)
{
	struct hp_needs *asked = hp_calloc(1, sizeof(*asked));
	asked->db = db;
	return asked;
}

void hp_needs_free(struct hp_needs *asked)
{
	for (size_t i = 0; asked && i < asked->question_count; i++)
		sqlite3_finalize(asked->questions[i].statement);
	if (asked) {
		free(asked->questions);
		free(asked->answers);
	}
	free(asked);
}

static bool asks(const struct question *question, const struct term *term)
{
	return question->table == term->table && question->column == term->column &&
	       question->valued == (term->value != NULL) &&
	       question->or_unknown == term->or_unknown && question->other == term->other;
}

static sqlite3_stmt *prepare(sqlite3 *db, const struct term *term)
{
	hp_cleanup_text struct hp_text sql = {0};
	sqlite3_stmt *statement = NULL;
	hp_text_printf(&sql, "SELECT 1 FROM %s", term->table->name);
	if (term->column)
		hp_text_printf(&sql, " WHERE %s %s", term->column->name,
		               !term->value  ? "IS NOT NULL"
		               : term->other ? "IS NOT ?1"
		                             : "= ?1");
	if (term->or_unknown)
		hp_text_printf(&sql, " OR %s IS NULL", term->column->name);
	return hp_db_prepare(db, sql.data, &statement, NULL) ? NULL : statement;
}

/* Many are about one column (which software is there): prepared once. */
static sqlite3_stmt *statement_for(struct hp_needs *asked, const struct term *term)
{
	for (size_t i = 0; i < asked->question_count; i++)
		if (asks(&asked->questions[i], term))
			return asked->questions[i].statement;
	if (asked->question_count % 64 == 0)
		asked->questions = hp_realloc(asked->questions, (asked->question_count + 64) *
		                                                    sizeof(*asked->questions));
	struct question *question = &asked->questions[asked->question_count++];
	*question = (struct question){.table = term->table,
	                              .column = term->column,
	                              .valued = term->value,
	                              .or_unknown = term->or_unknown,
	                              .other = term->other,
	                              .statement = prepare(asked->db, term)};
	return question->statement;
}

static bool ask(struct hp_needs *asked, const struct term *term)
{
	sqlite3_stmt *statement = statement_for(asked, term);
	if (!statement)
		return true; // the rule itself will tell
	sqlite3_bind_text(statement, 1, term->value, -1, SQLITE_STATIC);
	bool met = hp_db_step(statement, NULL) != 0;
	sqlite3_reset(statement);
	return met;
}

static bool answer(struct hp_needs *asked, struct part text)
{
	for (size_t i = 0; i < asked->count; i++) {
		const struct part *known = &asked->answers[i].term;
		if (known->length == text.length && strncmp(known->at, text.at, text.length) == 0)
			return asked->answers[i].met;
	}
	cleanup_term struct term term = {0};
	bool met = parse("", text, &term, NULL) || ask(asked, &term);
	if (asked->count % 64 == 0)
		asked->answers =
		    hp_realloc(asked->answers, (asked->count + 64) * sizeof(*asked->answers));
	asked->answers[asked->count++] = (struct answer){.term = text, .met = met};
	return met;
}

/* Most tables of most hosts are empty: ask for a row before asking for a value. */
static bool term_met(struct hp_needs *asked, struct part text)
{
	struct part rest = text, table = next_part(&rest, ".");
	return answer(asked, table) && (table.length == text.length || answer(asked, text));
}

static bool word_met(struct hp_needs *asked, struct part word)
{
	for (struct part term; (term = next_part(&word, "|")).length;)
		if (term_met(asked, term))
			return true;
	return false;
}

bool hp_needs_met(struct hp_needs *asked, const char *needs)
{
	struct part rest = {needs, strlen(needs)};
	for (struct part word; (word = next_word(&rest)).length;)
		if (!word_met(asked, word))
			return false;
	return true;
}
