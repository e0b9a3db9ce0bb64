// happypath facts: what was found, as tables or as a file for --facts.
// SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/database.h"
#include "base/json.h"
#include "cli.h"

#include <errno.h>
#include <string.h>

static bool is_wanted(const struct hp_options *options, const struct hp_table_def *table)
{
	if (!options->arguments.count)
		return options->all || !table->derived;
	for (size_t i = 0; i < options->arguments.count; i++)
		if (strcmp(options->arguments.items[i], table->name) == 0)
			return true;
	return false;
}

/* The columns of which a row has a value, but the keys of versions: they say nothing to a person.
 */
static sqlite3_stmt *select_known(sqlite3 *db, const struct hp_table_def *table,
                                  struct hp_error *err)
{
	hp_cleanup_text struct hp_text sql = {0};
	hp_text_puts(&sql, "SELECT ");
	size_t count = 0;
	for (size_t i = 0; i < table->column_count; i++) {
		const struct hp_column_def *column = &table->columns[i];
		hp_cleanup_free char *known =
		    hp_asprintf("SELECT EXISTS (SELECT 1 FROM %s WHERE %s IS NOT NULL)",
		                table->name, column->name);
		if (strcmp(column->domain, "key") != 0 && hp_db_number(db, known, 0))
			hp_text_printf(&sql, "%s%s", count++ ? ", " : "", column->name);
	}
	sqlite3_stmt *statement = NULL;
	hp_text_printf(&sql, " FROM %s", table->name);
	if (count)
		hp_db_prepare(db, sql.data, &statement, err);
	return statement;
}

static int print_table(sqlite3 *db, const struct hp_table_def *def, enum hp_format format,
                       struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *statement = select_known(db, def, err);
	int count = statement ? sqlite3_column_count(statement) : 0, code = 0;
	if (!statement)
		return 0;
	hp_cleanup_free struct hp_column *columns = hp_calloc((size_t)count + 1, sizeof(*columns));
	hp_cleanup_free const char **cells = hp_calloc((size_t)count + 1, sizeof(*cells));
	for (int i = 0; i < count; i++)
		columns[i].name = sqlite3_column_name(statement, i);
	struct hp_table *table = hp_table_new(columns, (size_t)count);
	while ((code = hp_db_step(statement, err)) == 1) {
		for (int i = 0; i < count; i++)
			cells[i] = hp_db_text(statement, i);
		hp_table_add(table, cells);
	}
	if (!code)
		printf("# %s\n", def->name);
	if (!code)
		code = hp_table_print(table, format, NULL, NULL, stdout, err);
	if (!code)
		putchar('\n');
	hp_table_free(table);
	return code;
}

static int print_tables(const struct hp_session *session, const struct hp_options *options,
                        struct hp_error *err)
{
	int code = 0;
	for (size_t i = 0; !code && i < hp_table_count; i++)
		if (is_wanted(options, &hp_tables[i]))
			code = print_table(hp_facts_db(session->facts), &hp_tables[i],
			                   options->format, err);
	return code;
}

/* One host: the file itself; several: a list of them. */
static int print_files(const struct hp_session *session, enum hp_format format,
                       struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *hosts = NULL;
	json_t *files = json_array();
	int code = hp_db_prepare(hp_facts_db(session->facts),
	                         "SELECT host FROM host_summary ORDER BY host", &hosts, err);
	while (!code && (code = hp_db_step(hosts, err)) == 1) {
		json_t *file = hp_facts_export(session->facts, hp_db_text(hosts, 0), err);
		code = file && !json_array_append_new(files, file) ? 0 : -EINVAL;
	}
	const json_t *out = json_array_size(files) == 1 ? json_array_get(files, 0) : files;
	if (!code)
		code = hp_json_print(out, format, stdout, err);
	json_decref(files);
	return code;
}

static int check_names(const struct hp_options *options, struct hp_error *err)
{
	for (size_t i = 0; i < options->arguments.count; i++)
		if (!hp_table_find(options->arguments.items[i]))
			return hp_fail(err, -EINVAL,
			               "there is no table '%s' of facts; docs/facts.md lists them",
			               options->arguments.items[i]);
	return 0;
}

int hp_cmd_facts(const struct hp_command *command HP_UNUSED, struct hp_options *options)
{
	struct hp_error error = {0};
	struct hp_session session = {0};
	if (check_names(options, &error)) {
		hp_say("%s", error.message);
		return HP_EXIT_USAGE;
	}
	bool file = options->format == HP_FORMAT_JSON || options->format == HP_FORMAT_YAML;
	int code = hp_session_open(options, &session, &error);
	if (!code)
		code = file ? print_files(&session, options->format, &error)
		            : print_tables(&session, options, &error);
	size_t failed = session.failed;
	hp_session_close(&session);
	if (code)
		return hp_give_up(&error);
	return failed ? HP_EXIT_FAILED : HP_EXIT_OK;
}
