// What a rule file may hold: statements of two shapes, in the SQL that SQLite and PostgreSQL read
// the same. SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/text.h"
#include "base/version.h"
#include "judge/fence.h"
#include "judge/sql.h"

#include <string.h>
#include <strings.h>

/* One statement being checked: tokens[0] to tokens[count - 1], then an END or a semicolon. */
struct reader {
	const char *file;
	const struct hp_sql_token *tokens;
	size_t count;
	hp_complain *complain;
	void *complain_data;
	int complaints;
};

static const struct hp_sql_token *token_at(const struct reader *reader, size_t i)
{
	static const struct hp_sql_token end = {.kind = HP_SQL_END, .at = ""};
	return i < reader->count ? &reader->tokens[i] : &end;
}

static bool is(const struct reader *reader, size_t i, const char *word)
{
	return hp_sql_is(token_at(reader, i), word);
}

static void refuse(struct reader *reader, const struct hp_sql_token *token, const char *why)
{
	hp_cleanup_free char *message =
	    hp_asprintf("%s:%zu: '%.*s': %s", reader->file, token->line,
	                (int)(token->length > 40 ? 40 : token->length), token->at, why);
	reader->complaints++;
	if (reader->complain)
		reader->complain(reader->complain_data, message);
}

static const struct {
	const char *word, *why;
} forbidden[] = {
    {"LIKE", "LIKE folds case in SQLite and not in PostgreSQL: compare whole words or use substr"},
    {"GLOB", "PostgreSQL has no GLOB"},
    {"REGEXP", "PostgreSQL has no REGEXP"},
    {"MATCH", "PostgreSQL has no MATCH"},
    {"SIMILAR", "SQLite has no SIMILAR TO"},
    {"ILIKE", "SQLite has no ILIKE"},
    {"LIMIT", "which row LIMIT keeps is not said: use MIN, MAX or EXISTS"},
    {"OFFSET", "OFFSET is not allowed in a rule"},
    {"FETCH", "FETCH is not allowed in a rule"},
    {"RECURSIVE", "recursion is not allowed in a rule"},
    {"PRAGMA", "a rule only selects"},
    {"ATTACH", "a rule only selects"},
    {"ISNULL", "write IS NULL"},
    {"NOTNULL", "write IS NOT NULL"},
    {"INDEXED", "hints are SQLite's own"},
    {"TRUE", "PostgreSQL has booleans, SQLite numbers: compare flags with 1"},
    {"FALSE", "PostgreSQL has booleans, SQLite numbers: compare flags with 0"},
    {"CURRENT_DATE", "a rule knows no time"},
    {"CURRENT_TIME", "a rule knows no time"},
    {"CURRENT_TIMESTAMP", "a rule knows no time"},
    {"RANDOM", "a rule knows no chance"},
};

static void check_forbidden(struct reader *reader)
{
	for (size_t i = 0; i < reader->count; i++) {
		const struct hp_sql_token *token = &reader->tokens[i];
		if (token->kind == HP_SQL_BAD)
			refuse(reader, token, token->problem);
		if (token->kind != HP_SQL_WORD || is(reader, i - 1, "."))
			continue;
		for (size_t f = 0; f < HP_COUNT(forbidden); f++)
			if (hp_sql_is(token, forbidden[f].word))
				refuse(reader, token, forbidden[f].why);
	}
}

/* IS [NOT] NULL and IS [NOT] DISTINCT FROM are SQL; IS with a value is SQLite's. */
static void check_is(struct reader *reader)
{
	for (size_t i = 0; i < reader->count; i++) {
		if (!is(reader, i, "IS"))
			continue;
		size_t after = i + 1 + is(reader, i + 1, "NOT");
		if (!is(reader, after, "NULL") && !is(reader, after, "DISTINCT"))
			refuse(reader, &reader->tokens[i],
			       "IS with a value: write IS NOT DISTINCT FROM");
	}
}

/* The index behind the parenthesis that closes the one at `open`. */
static size_t behind_parenthesis(const struct reader *reader, size_t open)
{
	size_t depth = 0;
	for (size_t i = open; i < reader->count; i++) {
		depth += is(reader, i, "(");
		depth -= is(reader, i, ")");
		if (!depth)
			return i + 1;
	}
	return reader->count;
}

/* Whether a comma stands right inside the parenthesis at `open`. */
static bool has_second_argument(const struct reader *reader, size_t open)
{
	size_t end = behind_parenthesis(reader, open), depth = 0;
	for (size_t i = open; i < end; i++) {
		depth += is(reader, i, "(");
		depth -= is(reader, i, ")");
		if (depth == 1 && is(reader, i, ","))
			return true;
	}
	return false;
}

static void check_calls(struct reader *reader)
{
	for (size_t i = 0; i < reader->count; i++) {
		if (!is(reader, i + 1, "("))
			continue;
		bool extreme = is(reader, i, "MIN") || is(reader, i, "MAX");
		if (extreme && has_second_argument(reader, i + 1))
			refuse(reader, &reader->tokens[i],
			       "PostgreSQL has it as an aggregate only: write least or greatest");
		if (!is(reader, i, "CAST"))
			continue;
		size_t end = behind_parenthesis(reader, i + 1);
		if (!is(reader, end - 2, "TEXT"))
			refuse(reader, &reader->tokens[i],
			       "only CAST(number AS TEXT): text that is no number is 0 in SQLite, "
			       "an error in "
			       "PostgreSQL");
	}
}

static const char *const condition_starts[] = {"WHEN", "WHERE", "AND",    "OR",
                                               "NOT",  "ON",    "HAVING", NULL};
static const char *const condition_ends[] = {"THEN",  "AND",    "OR",    "GROUP", "ORDER",
                                             "LEFT",  "JOIN",   "INNER", "CROSS", "UNION",
                                             "WHERE", "HAVING", ")",     NULL};

/* The index behind a column (a.flr) or a call (has_word(…)) at `i`; `i` itself if there is none. */
static size_t behind_operand(const struct reader *reader, size_t i)
{
	static const char *const words[] = {"EXISTS", "NOT", "CASE",    "NULL",
	                                    "SELECT", "IN",  "BETWEEN", NULL};
	const struct hp_sql_token *token = token_at(reader, i);
	if (token->kind != HP_SQL_WORD || hp_sql_is_one(token, words))
		return i;
	size_t end = i + 1;
	while (is(reader, end, "."))
		end += 2;
	return is(reader, end, "(") ? behind_parenthesis(reader, end) : end;
}

/* A column or a call that stands alone where PostgreSQL wants a boolean. `CASE x WHEN y` and the
 * AND of BETWEEN look alike and are values. */
static void check_conditions(struct reader *reader)
{
	enum { MAX_DEPTH = 64 };
	bool searched[MAX_DEPTH] = {false}; // CASE WHEN condition, not CASE value WHEN value
	size_t depth = 0;
	bool between = false;
	for (size_t i = 0; i < reader->count; i++) {
		if (is(reader, i, "CASE") && depth + 1 < MAX_DEPTH)
			searched[++depth] = is(reader, i + 1, "WHEN");
		if (is(reader, i, "END") && depth)
			depth--;
		between |= is(reader, i, "BETWEEN");
		if (!hp_sql_is_one(token_at(reader, i), condition_starts))
			continue;
		bool value = (is(reader, i, "WHEN") && !searched[depth]) ||
		             (is(reader, i, "AND") && between);
		between = between && !is(reader, i, "AND");
		size_t end = behind_operand(reader, i + 1);
		bool last =
		    end >= reader->count || hp_sql_is_one(token_at(reader, end), condition_ends);
		if (!value && end > i + 1 && last)
			refuse(reader, token_at(reader, i + 1),
			       "stands as a condition by itself: PostgreSQL has booleans, compare "
			       "it with 1");
	}
}

/* The text from one token up to the next statement, with version_key('…') replaced by its key. */
static char *text_from(struct reader *reader, size_t first)
{
	struct hp_text out = {0};
	const struct hp_sql_token *last = token_at(reader, reader->count - 1);
	const char *at = token_at(reader, first)->at, *end = last->at + last->length;
	for (size_t i = first; i < reader->count; i++) {
		if (!is(reader, i, "version_key") || !is(reader, i + 1, "("))
			continue;
		const struct hp_sql_token *literal = token_at(reader, i + 2);
		bool fits = literal->kind == HP_SQL_STRING && is(reader, i + 3, ")");
		hp_cleanup_free char *version =
		    fits ? hp_strndup(literal->at + 1, literal->length - 2) : NULL;
		hp_cleanup_free char *key = version ? hp_version_key(version) : NULL;
		if (!key) {
			refuse(reader, token_at(reader, i),
			       "wants one literal version: version_key('6.12')");
			continue;
		}
		hp_text_add(&out, at, (size_t)(token_at(reader, i)->at - at));
		hp_text_printf(&out, "'%s'", key);
		at = token_at(reader, i + 3)->at + 1;
	}
	hp_text_add(&out, at, (size_t)(end - at));
	return out.data;
}

static void check_body(struct reader *reader)
{
	check_forbidden(reader);
	check_is(reader);
	check_calls(reader);
	check_conditions(reader);
}

static void read_view(struct reader *reader, hp_fence_take *take, void *data)
{
	const struct hp_sql_token *name = token_at(reader, 2);
	hp_cleanup_free char *view = hp_strndup(name->at, name->length);
	bool body = is(reader, 4, "SELECT") || is(reader, 4, "WITH");
	bool rule = hp_starts_with(view, "rule_"), step = hp_starts_with(view, "step_");
	if ((!rule && !step) || !is(reader, 3, "AS") || !body) {
		refuse(reader, name, "expected CREATE VIEW rule_… or step_… AS SELECT …");
		return;
	}
	int before = reader->complaints;
	check_body(reader);
	hp_cleanup_free char *sql = text_from(reader, 4);
	struct hp_fence_statement statement = {.kind = rule ? HP_FENCE_VIEW : HP_FENCE_STEP,
	                                       .view = view,
	                                       .sql = sql,
	                                       .line = token_at(reader, 4)->line};
	if (reader->complaints == before)
		take(data, &statement);
}

static void read_insert(struct reader *reader, enum hp_fence_kind kind, hp_fence_take *take,
                        void *data)
{
	int before = reader->complaints;
	size_t values = is(reader, 3, "(") ? behind_parenthesis(reader, 3) : 3;
	if (!is(reader, values, "VALUES"))
		refuse(reader, token_at(reader, 2),
		       "expected INSERT INTO … (columns) VALUES (…), …");
	check_forbidden(reader);
	hp_cleanup_free char *sql = text_from(reader, 0);
	struct hp_fence_statement statement = {
	    .kind = kind, .sql = sql, .line = token_at(reader, 0)->line};
	if (reader->complaints == before)
		take(data, &statement);
}

static void read_statement(struct reader *reader, hp_fence_take *take, void *data)
{
	bool insert = is(reader, 0, "INSERT") && is(reader, 1, "INTO");
	if (is(reader, 0, "CREATE") && is(reader, 1, "VIEW"))
		read_view(reader, take, data);
	else if (insert && is(reader, 2, "rule"))
		read_insert(reader, HP_FENCE_RULE, take, data);
	else if (insert && is(reader, 2, "fix"))
		read_insert(reader, HP_FENCE_FIX, take, data);
	else
		refuse(reader, token_at(reader, 0),
		       "a rule file holds only INSERT INTO rule, INSERT INTO fix, CREATE VIEW "
		       "rule_… and CREATE VIEW step_…");
}

int hp_fence_read(const char *file, const char *text, hp_fence_take *take, void *data,
                  hp_complain *complain, void *complain_data)
{
	struct reader reader = {.file = file, .complain = complain, .complain_data = complain_data};
	size_t count = 0;
	hp_cleanup_free struct hp_sql_token *tokens = hp_sql_tokens(text, &count);
	for (size_t start = 0, i = 0; i < count; i++) {
		bool end = tokens[i].kind == HP_SQL_END;
		if (!end && !hp_sql_is(&tokens[i], ";"))
			continue;
		reader.tokens = tokens + start;
		reader.count = i - start;
		if (reader.count)
			read_statement(&reader, take, data);
		start = i + 1;
	}
	return reader.complaints;
}
