// happypath query: a SELECT over facts and matrices, behind the fence.
// SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/database.h"
#include "cli.h"

#include <string.h>

enum { MOST_ROWS = 100000 }; // all of them are held before one is printed

static bool is_taken(const struct hp_column *columns, int count, const char *name)
{
	for (int i = 0; i < count; i++)
		if (strcmp(columns[i].name, name) == 0)
			return true;
	return false;
}

/* A new string: two columns of one name would be one in JSON, so the second is NAME:2. */
static char *name_of(const struct hp_column *columns, int count, const char *name)
{
	char *unique = hp_strdup(name);
	for (int n = 2; is_taken(columns, count, unique); n++) {
		free(unique);
		unique = hp_asprintf("%s:%d", name, n);
	}
	return unique;
}

static struct hp_column *columns_of(sqlite3_stmt *statement, int count)
{
	struct hp_column *columns = hp_calloc((size_t)count + 1, sizeof(*columns));
	for (int i = 0; i < count; i++) {
		const char *type = sqlite3_column_decltype(statement, i);
		columns[i] = (struct hp_column){
		    .name = name_of(columns, i, sqlite3_column_name(statement, i)),
		    .number = type && *type == 'I',
		};
	}
	return columns;
}

static void columns_free(struct hp_column *columns, int count)
{
	for (int i = 0; i < count; i++)
		free((char *)columns[i].name);
	free(columns);
}

static int print_rows(struct hp_fence *fence, sqlite3_stmt *statement, enum hp_format format,
                      struct hp_error *err)
{
	int count = sqlite3_column_count(statement), code;
	struct hp_column *columns = columns_of(statement, count);
	hp_cleanup_free const char **cells = hp_calloc((size_t)count + 1, sizeof(*cells));
	struct hp_table *table = hp_table_new(columns, (size_t)count);
	while ((code = hp_fence_step(fence, statement, MOST_ROWS, err)) == 1) {
		for (int i = 0; i < count; i++) {
			cells[i] = hp_db_text(statement, i);
			columns[i].number |= sqlite3_column_type(statement, i) == SQLITE_INTEGER;
		}
		hp_table_add(table, cells);
	}
	if (!code)
		code = hp_table_print(table, format, "happypath.query/1", "rows", stdout, err);
	hp_table_free(table);
	columns_free(columns, count);
	return code;
}

static int query(const struct hp_session *session, const char *sql, enum hp_format format,
                 struct hp_error *err)
{
	struct hp_fence *fence = hp_knowledge_fence(session->knowledge);
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	hp_fence_begin(fence, HP_FENCE_MODE_QUERY);
	int code = hp_fence_prepare(fence, sql, "query", 1, &statement, NULL, err);
	if (!code)
		code = print_rows(fence, statement, format, err);
	hp_db_finish(&statement);
	hp_fence_end(fence);
	return code;
}

int hp_cmd_query(const struct hp_command *command HP_UNUSED, struct hp_options *options)
{
	struct hp_error error = {0};
	struct hp_session session = {0};
	int code = hp_session_open(options, &session, &error);
	if (!code)
		code = query(&session, options->arguments.items[0], options->format, &error);
	size_t failed = session.failed;
	hp_session_close(&session);
	if (code)
		return hp_give_up(&error);
	return failed ? HP_EXIT_FAILED : HP_EXIT_OK;
}
