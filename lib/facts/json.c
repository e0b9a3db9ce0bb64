// Facts as JSON, in and out; docs/facts.md tells the form. SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"
#include "facts/facts.h"
#include "facts/value.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define SCHEMA "happypath.facts/1"

// -- where a value stands in the text: jansson keeps no lines, so the text is walked again --

static const char *skip_space(const char *at)
{
	return at + strspn(at, " \t\r\n");
}

static const char *skip_string(const char *at)
{
	for (at++; *at && *at != '"'; at++)
		at += *at == '\\' && at[1];
	return *at ? at + 1 : at;
}

/* Behind the value that starts here; the text has been parsed before, so it is well-formed. */
static const char *skip_value(const char *at)
{
	at = skip_space(at);
	if (*at == '"')
		return skip_string(at);
	if (*at != '{' && *at != '[')
		return at + strcspn(at, ",]} \t\r\n");
	int depth = 0;
	do {
		if (*at == '"') {
			at = skip_string(at);
			continue;
		}
		depth += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
		at++;
	} while (*at && depth);
	return at;
}

/* The value of member `name`, or of the element with that number if `name` is NULL. */
static const char *descend(const char *at, const char *name, size_t element)
{
	at = skip_space(at);
	bool object = *at == '{';
	if ((!object && *at != '[') || object != (name != NULL))
		return NULL;
	at = skip_space(at + 1);
	for (size_t i = 0; *at && *at != '}' && *at != ']'; i++) {
		const char *key = at;
		if (object)
			at = skip_space(skip_string(at)) + 1;
		bool found = object ? strncmp(key + 1, name, strlen(name)) == 0 &&
		                          key[1 + strlen(name)] == '"'
		                    : i == element;
		if (found)
			return skip_space(at);
		at = skip_space(skip_value(at));
		if (*at == ',')
			at = skip_space(at + 1);
	}
	return NULL;
}

struct import {
	struct hp_facts *facts;
	const char *name;
	const char *text;
	hp_complain *complain;
	void *data;
	int refusals;
	bool lost_rows[HP_TBL_COUNT]; // rows of it were refused: what it lists is not all
};

/* Where a complaint points: a table, a row of it, a column. */
struct place {
	const char *table;
	size_t row;
	const char *column;
};

static size_t line_of(const struct import *import, const struct place *place)
{
	const char *best = import->text;
	const char *steps[] = {"facts", place->table, NULL, place->column};
	const char *at = import->text;
	for (size_t i = 0; at && i < HP_COUNT(steps); i++) {
		best = at;
		if (i == 2) {
			const char *row = descend(at, NULL, place->row);
			at = row ? row : at; // a table of one row may be an object
		} else {
			at = steps[i] ? descend(at, steps[i], 0) : NULL;
		}
	}
	if (at)
		best = at;
	size_t line = 1;
	for (const char *c = import->text; c < best; c++)
		line += *c == '\n';
	return line;
}

__attribute__((format(printf, 3, 4))) static void
refuse(struct import *import, const struct place *place, const char *format, ...)
{
	import->refusals++;
	if (!import->complain)
		return;
	va_list args;
	va_start(args, format);
	char what[512], message[1024];
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	snprintf(message, sizeof(message), "%s:%zu: %s%s%s: %s", import->name,
	         line_of(import, place), place->table ? place->table : "facts",
	         place->column ? "." : "", place->column ? place->column : "", what);
	import->complain(import->data, message);
}

// -- values --

static void take_text(struct import *import, struct hp_row *row, int column, const char *value,
                      const struct place *place)
{
	char buffer[HP_VALUE_SIZE];
	struct hp_error err = {0};
	if (hp_value_text(&hp_tables[row->table].columns[column], value, buffer, &value, &err))
		return refuse(import, place, "%s", err.message);
	hp_row_text(row, column, value);
}

/* A JSON true or false in a text column: on, present, or the word itself. */
static const char *boolean_word(const char *domain, bool yes)
{
	if (strcmp(domain, "on|off") == 0 || hp_starts_with(domain, "on|off|"))
		return yes ? "on" : "off";
	if (strcmp(domain, "present|none") == 0)
		return yes ? "present" : "none";
	return yes ? "true" : "false";
}

/* A list of words, as in a ticket's configuration, in one text. */
static void take_list(struct import *import, struct hp_row *row, int column, json_t *list,
                      const struct place *place)
{
	hp_cleanup_text struct hp_text words = {0};
	size_t i;
	json_t *word;
	json_array_foreach(list, i, word)
	{
		if (!json_is_string(word))
			return refuse(import, place, "expected text, or a list of words");
		hp_text_printf(&words, "%s%s", i ? " " : "", json_string_value(word));
	}
	take_text(import, row, column, i ? words.data : "none", place);
}

static void take_value(struct import *import, struct hp_row *row, int column, json_t *value,
                       const struct place *place)
{
	const struct hp_column_def *def = &hp_tables[row->table].columns[column];
	if (json_is_null(value))
		return;
	if (def->integer) {
		bool flag = strcmp(def->domain, "0|1") == 0;
		if (flag && json_is_boolean(value))
			return hp_row_number(row, column, json_is_true(value));
		int64_t number;
		if (json_is_string(value) &&
		    hp_value_number(def, json_string_value(value), &number, NULL) == 0)
			return hp_row_number(row, column, number);
		if (!json_is_integer(value))
			return refuse(import, place, "expected a whole number%s",
			              flag ? " (0 or 1)" : "");
		if (!hp_value_in_range(def, json_integer_value(value)))
			return refuse(import, place, "must not be negative");
		if (flag && json_integer_value(value) != 0 && json_integer_value(value) != 1)
			return refuse(import, place, "expected 0 or 1");
		return hp_row_number(row, column, json_integer_value(value));
	}
	/* Group numbers, versions and the like are often written as numbers. */
	if (json_is_integer(value)) {
		char buffer[32];
		snprintf(buffer, sizeof(buffer), "%lld", (long long)json_integer_value(value));
		return take_text(import, row, column, buffer, place);
	}
	if (json_is_boolean(value))
		return take_text(import, row, column,
		                 boolean_word(def->domain, json_is_true(value)), place);
	if (json_is_array(value))
		return take_list(import, row, column, value, place);
	if (json_is_real(value))
		return refuse(import, place,
		              "expected text: put it in quotes, 6.10 and 6.1 are not the same");
	if (!json_is_string(value))
		return refuse(import, place, "expected text");
	if (strlen(json_string_value(value)) != json_string_length(value))
		return refuse(import, place, "holds a NUL character");
	take_text(import, row, column, json_string_value(value), place);
}

// -- tables --

static bool is_given(json_t *object, const char *name)
{
	json_t *value = json_object_get(object, name);
	return value && !json_is_null(value);
}

/* NULL: all are given. */
static const char *missing_key(const struct hp_table_def *def, json_t *object)
{
	for (size_t i = 1; i < def->column_count; i++)
		if (def->columns[i].required && !is_given(object, def->columns[i].name))
			return def->columns[i].name;
	return NULL;
}

static void take_row(struct import *import, enum hp_tbl table, size_t number, json_t *object)
{
	const struct hp_table_def *def = &hp_tables[table];
	struct place place = {.table = def->name, .row = number};
	bool lost = import->lost_rows[table];
	import->lost_rows[table] = true; // until it is there
	if (!json_is_object(object))
		return refuse(import, &place, "row %zu: expected an object {column: value, …}",
		              number + 1);
	/* A position or line number that only keeps rows apart may be left out: it is the row's
	 * number. */
	for (size_t i = 1; i < def->column_count; i++)
		if (def->columns[i].key && def->columns[i].integer &&
		    !json_object_get(object, def->columns[i].name) &&
		    (strcmp(def->columns[i].name, "position") == 0 ||
		     strcmp(def->columns[i].name, "line") == 0))
			json_object_set_new(object, def->columns[i].name,
			                    json_integer((json_int_t)number));
	if (missing_key(def, object))
		return refuse(import, &place, "row %zu lacks \"%s\"", number + 1,
		              missing_key(def, object));
	struct hp_row row = hp_row_begin(import->facts, table);
	const char *name;
	json_t *value;
	json_object_foreach(object, name, value)
	{
		int column = hp_column_find(def, name);
		place.column = name;
		if (column <= 0 || strcmp(def->columns[column].domain, "key") == 0)
			refuse(import, &place, "there is no such column");
		else
			take_value(import, &row, column, value, &place);
	}
	struct hp_error err = {0};
	place.column = NULL;
	if (hp_row_put(&row, &err))
		return refuse(import, &place, "row %zu: %s", number + 1, err.message);
	import->lost_rows[table] = lost;
}

/* A table that lost a row is not complete, whatever its writer thought. */
static void observe(struct import *import, enum hp_tbl table, const char *subject,
                    const char *state)
{
	if (import->lost_rows[table] && strcmp(state, "complete") == 0)
		state = "partial";
	hp_facts_observed(import->facts, table, subject, state, NULL);
}

/* Speaks of every subject that the table lists, or of the whole table if that is its scope. */
static void observe_listed(struct import *import, enum hp_tbl table, const char *state)
{
	const struct hp_table_def *def = &hp_tables[table];
	if (!*def->scope)
		return observe(import, table, "", state);
	hp_cleanup_text struct hp_text sql = {0};
	hp_text_printf(&sql, "SELECT DISTINCT %s FROM %s WHERE host = ?1", def->scope, def->name);
	hp_cleanup_statement sqlite3_stmt *query = NULL;
	if (hp_db_prepare(hp_facts_db(import->facts), sql.data, &query, NULL))
		return;
	sqlite3_bind_text(query, 1, hp_facts_host(import->facts), -1, SQLITE_TRANSIENT);
	while (hp_db_step(query, NULL) == 1)
		observe(import, table, hp_db_text(query, 0), state);
}

static void take_table(struct import *import, const char *name, json_t *value, bool observed_said)
{
	const struct hp_table_def *def = hp_table_find(name);
	struct place place = {.table = name};
	if (!def)
		return refuse(import, &place, "there is no such table; docs/facts.md lists them");
	if (def->derived || strcmp(name, "observed") == 0)
		return refuse(import, &place,
		              def->derived ? "is derived from other tables and cannot be given"
		                           : "belongs beside \"facts\", not in it");
	enum hp_tbl table = (enum hp_tbl)(def - hp_tables);
	if (json_is_object(value)) {
		take_row(import, table, 0, value);
	} else if (json_is_array(value)) {
		size_t i;
		json_t *object;
		json_array_foreach(value, i, object)
		{
			/* A log is often pasted as a list of lines. */
			bool line = table == HP_TBL_KERNEL_MESSAGE && json_is_string(object);
			json_t *row =
			    line ? json_pack("{s:O}", "message", object) : json_incref(object);
			take_row(import, table, i, row);
			json_decref(row);
		}
	} else {
		return refuse(import, &place,
		              "expected an array of rows, or an object if the table has one row");
	}
	bool about_facts = table == HP_TBL_GAP || table == HP_TBL_ORIGIN;
	if (!observed_said && !about_facts)
		observe_listed(import, table, "complete");
}

static bool state_known(const char *state)
{
	const char *const states[] = {"complete", "partial", "skipped"};
	for (size_t i = 0; state && i < HP_COUNT(states); i++)
		if (strcmp(state, states[i]) == 0)
			return true;
	return false;
}

static void take_observed(struct import *import, const char *name, json_t *value)
{
	const struct hp_table_def *def = hp_table_find(name);
	struct place place = {.table = name};
	if (!def || def->derived)
		return refuse(import, &place,
		              "observed names a table that is none of docs/facts.md");
	enum hp_tbl table = (enum hp_tbl)(def - hp_tables);
	if (json_is_string(value)) {
		if (!state_known(json_string_value(value)))
			return refuse(import, &place,
			              "observed: expected complete, partial or skipped");
		observe_listed(import, table, json_string_value(value));
		return;
	}
	if (!json_is_object(value))
		return refuse(import, &place,
		              "observed: expected a state, or an object {subject: state}");
	const char *subject;
	json_t *state;
	json_object_foreach(value, subject, state)
	{
		char address[HP_VALUE_SIZE];
		bool is_address = strcmp(def->scope, "address") == 0;
		if (!state_known(json_string_value(state)))
			refuse(import, &place,
			       "observed \"%s\": expected complete, partial or skipped", subject);
		else if (is_address && hp_value_address(subject, address, sizeof(address)))
			observe(import, table, address, json_string_value(state));
		else
			observe(import, table, subject, json_string_value(state));
	}
}

/* What stands beside "facts". A misspelt "observed" would make complete what is not. */
static void check_members(struct import *import, json_t *root)
{
	static const char *const texts[] = {"schema", "host", "source"};
	struct place nowhere = {0};
	const char *name;
	json_t *value;
	json_object_foreach(root, name, value)
	{
		bool known = strcmp(name, "facts") == 0 || json_is_null(value);
		for (size_t i = 0; i < HP_COUNT(texts); i++)
			known |= strcmp(name, texts[i]) == 0 && json_is_string(value);
		known |= strcmp(name, "observed") == 0 && json_is_object(value);
		if (!known)
			refuse(import, &nowhere,
			       "\"%s\" is not understood; expected \"host\" and \"source\": "
			       "text, \"facts\": {table: rows, …}, \"observed\": {table: state, …}",
			       name);
	}
}

static int take_document(struct import *import, json_t *root, struct hp_error *err)
{
	const char *schema = json_string_value(json_object_get(root, "schema"));
	json_t *facts = json_object_get(root, "facts"),
	       *observed = json_object_get(root, "observed");
	if (!schema || strcmp(schema, SCHEMA) != 0)
		return hp_fail(err, -EINVAL, "%s: expected \"schema\": \"" SCHEMA "\"",
		               import->name);
	if (!json_is_object(facts))
		return hp_fail(err, -EINVAL, "%s: expected \"facts\": {table: rows, …}",
		               import->name);
	const char *host = json_string_value(json_object_get(root, "host"));
	hp_facts_begin_host(import->facts, host && *host ? host : hp_facts_host(import->facts));
	check_members(import, root);
	bool unclear = import->refusals; // then nothing says what is complete
	const char *name;
	json_t *value;
	json_object_foreach(facts, name, value)
	    take_table(import, name, value, unclear || json_object_get(observed, name));
	json_object_foreach(observed, name, value) take_observed(import, name, value);
	return import->refusals;
}

int hp_facts_import(struct hp_facts *facts, const char *name, const char *text, size_t length,
                    hp_complain *complain, void *data, struct hp_error *err)
{
	json_error_t where;
	json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &where);
	if (!root)
		return hp_fail(err, -EINVAL, "%s:%d: not JSON: %s", name, where.line, where.text);
	hp_cleanup_free char *copy = hp_strndup(text, length);
	struct import import = {
	    .facts = facts, .name = name, .text = copy, .complain = complain, .data = data};
	hp_facts_each_row_once(facts, true);
	int code = take_document(&import, root, err);
	hp_facts_each_row_once(facts, false);
	json_decref(root);
	return code;
}

// -- out --

static json_t *row_json(const struct hp_table_def *def, sqlite3_stmt *row)
{
	json_t *object = json_object();
	for (size_t i = 1; i < def->column_count; i++) {
		if (strcmp(def->columns[i].domain, "key") == 0 ||
		    sqlite3_column_type(row, (int)i) == SQLITE_NULL)
			continue;
		json_t *value = def->columns[i].integer
		                    ? json_integer(sqlite3_column_int64(row, (int)i))
		                    : json_string(hp_db_text(row, (int)i));
		json_object_set_new(object, def->columns[i].name, value);
	}
	return object;
}

static int prepare_for(struct hp_facts *facts, const char *sql, const char *host,
                       sqlite3_stmt **ret, struct hp_error *err)
{
	int code = hp_db_prepare(hp_facts_db(facts), sql, ret, err);
	if (!code)
		sqlite3_bind_text(*ret, 1, host, -1, SQLITE_TRANSIENT);
	return code;
}

static int export_table(struct hp_facts *facts, const char *host, const struct hp_table_def *def,
                        json_t *to, json_t *observed, struct hp_error *err)
{
	hp_cleanup_text struct hp_text sql = {0};
	hp_text_printf(&sql, "SELECT * FROM %s WHERE host = ?1",
	               def->name); // in the order of the key
	hp_cleanup_statement sqlite3_stmt *query = NULL;
	int code = prepare_for(facts, sql.data, host, &query, err);
	if (code)
		return code;
	json_t *rows = json_array();
	while ((code = hp_db_step(query, err)) == 1)
		json_array_append_new(rows, row_json(def, query));
	if (json_array_size(rows)) {
		json_object_set(to, def->name, rows);
		if (!json_object_get(observed, def->name))
			json_object_set_new(observed, def->name, json_object());
	}
	json_decref(rows);
	return code;
}

static int export_observed(struct hp_facts *facts, const char *host, json_t *to,
                           struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *query = NULL;
	int code = prepare_for(facts, "SELECT tbl, subject, state FROM observed WHERE host = ?1",
	                       host, &query, err);
	if (code)
		return code;
	while ((code = hp_db_step(query, err)) == 1) {
		const struct hp_table_def *def = hp_table_find(hp_db_text(query, 0));
		if (!def || def->derived)
			continue;
		json_t *table = json_object_get(to, def->name);
		if (!table) {
			table = json_object();
			json_object_set_new(to, def->name, table);
		}
		json_object_set_new(table, hp_db_text(query, 1), json_string(hp_db_text(query, 2)));
	}
	return code;
}

json_t *hp_facts_export(struct hp_facts *facts, const char *host, struct hp_error *err)
{
	json_t *tables = json_object(), *observed = json_object();
	int code = export_observed(facts, host, observed, err);
	for (size_t i = 0; !code && i < hp_table_count; i++)
		if (!hp_tables[i].derived && i != HP_TBL_OBSERVED)
			code = export_table(facts, host, &hp_tables[i], tables, observed, err);
	json_object_del(observed, "gap");
	json_object_del(observed, "origin");
	if (code) {
		json_decref(tables);
		json_decref(observed);
		return NULL;
	}
	return json_pack("{s:s, s:s, s:o, s:o}", "schema", SCHEMA, "host", host, "facts", tables,
	                 "observed", observed);
}
