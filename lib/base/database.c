// A little comfort around SQLite. SPDX-License-Identifier: Apache-2.0
#include "base/database.h"
#include "base/cleanup.h"
#include "base/text.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

int hp_db_exec(sqlite3 *db, const char *sql, struct hp_error *err)
{
	char *message = NULL;
	if (sqlite3_exec(db, sql, NULL, NULL, &message) == SQLITE_OK)
		return 0;
	hp_fail(err, -EINVAL, "SQL: %s", message ? message : sqlite3_errmsg(db));
	sqlite3_free(message);
	return -EINVAL;
}

int hp_db_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret, struct hp_error *err)
{
	sqlite3_stmt *statement = NULL;
	const char *tail = NULL;
	if (sqlite3_prepare_v2(db, sql, -1, &statement, &tail) != SQLITE_OK)
		return hp_fail(err, -EINVAL, "SQL: %s", sqlite3_errmsg(db));
	if (!statement || tail[strspn(tail, " \t\r\n;")]) {
		sqlite3_finalize(statement);
		return hp_fail(err, -EINVAL, "SQL: expected exactly one statement");
	}
	*ret = statement;
	return 0;
}

int hp_db_step(sqlite3_stmt *statement, struct hp_error *err)
{
	int code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		return 1;
	if (code == SQLITE_DONE)
		return 0;
	return hp_fail(err, code == SQLITE_INTERRUPT ? -ETIME : -EINVAL, "SQL: %s",
	               sqlite3_errmsg(sqlite3_db_handle(statement)));
}

const char *hp_db_text(sqlite3_stmt *statement, int column)
{
	return (const char *)sqlite3_column_text(statement, column);
}

void hp_db_finish(sqlite3_stmt **statement)
{
	sqlite3_finalize(*statement);
	*statement = NULL;
}

long long hp_db_number(sqlite3 *db, const char *sql, long long fallback)
{
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	if (hp_db_prepare(db, sql, &statement, NULL) || hp_db_step(statement, NULL) != 1)
		return fallback;
	if (sqlite3_column_type(statement, 0) == SQLITE_NULL)
		return fallback;
	return sqlite3_column_int64(statement, 0);
}

static void has_word(sqlite3_context *context, int count HP_UNUSED, sqlite3_value **values)
{
	const char *list = (const char *)sqlite3_value_text(values[0]);
	const char *word = (const char *)sqlite3_value_text(values[1]);
	if (list && word)
		sqlite3_result_int(context, hp_has_word(list, word));
}

static void size_text(sqlite3_context *context, int count HP_UNUSED, sqlite3_value **values)
{
	if (sqlite3_value_type(values[0]) == SQLITE_NULL)
		return;
	sqlite3_result_text(context, hp_size_text(sqlite3_value_int64(values[0])), -1, free);
}

static void pow2(sqlite3_context *context, int count HP_UNUSED, sqlite3_value **values)
{
	if (sqlite3_value_type(values[0]) == SQLITE_NULL)
		return;
	int64_t wanted = sqlite3_value_int64(values[0]), power = 1;
	while (power < wanted && power < INT64_MAX / 2)
		power *= 2;
	sqlite3_result_int64(context, power);
}

/* least and greatest; the user data says which. */
static void extreme(sqlite3_context *context, int count, sqlite3_value **values)
{
	bool greatest = sqlite3_user_data(context) != NULL;
	sqlite3_value *best = NULL;
	for (int i = 0; i < count; i++) {
		if (sqlite3_value_type(values[i]) == SQLITE_NULL)
			continue;
		bool better;
		if (!best) {
			better = true;
		} else if (sqlite3_value_type(values[i]) == SQLITE_INTEGER) {
			int64_t a = sqlite3_value_int64(values[i]), b = sqlite3_value_int64(best);
			better = greatest ? a > b : a < b;
		} else {
			int order = strcmp((const char *)sqlite3_value_text(values[i]),
			                   (const char *)sqlite3_value_text(best));
			better = greatest ? order > 0 : order < 0;
		}
		if (better)
			best = values[i];
	}
	if (best)
		sqlite3_result_value(context, best);
}

struct list {
	char **items;
	size_t count;
};

static void list_step(sqlite3_context *context, int count HP_UNUSED, sqlite3_value **values)
{
	struct list *list = sqlite3_aggregate_context(context, sizeof(*list));
	const char *item = (const char *)sqlite3_value_text(values[0]);
	if (!list || !item)
		return;
	list->items = hp_realloc(list->items, (list->count + 1) * sizeof(*list->items));
	list->items[list->count++] = hp_strdup(item);
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_final(sqlite3_context *context)
{
	struct list *list = sqlite3_aggregate_context(context, 0);
	if (!list || !list->count)
		return;
	qsort(list->items, list->count, sizeof(*list->items), by_bytes);
	struct hp_text text = {0};
	for (size_t i = 0; i < list->count; i++) {
		if (i && strcmp(list->items[i], list->items[i - 1]) == 0)
			continue;
		if (i)
			hp_text_puts(&text, ", ");
		hp_text_puts(&text, list->items[i]);
	}
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	sqlite3_result_text(context, text.data, -1, free);
}

int hp_db_add_functions(sqlite3 *db, struct hp_error *err)
{
	static int yes;
	const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
	const struct {
		const char *name;
		int arguments;
		void *data;
		void (*call)(sqlite3_context *, int, sqlite3_value **);
		void (*step)(sqlite3_context *, int, sqlite3_value **);
		void (*final)(sqlite3_context *);
	} functions[] = {
	    {.name = "has_word", .arguments = 2, .call = has_word},
	    {.name = "size_text", .arguments = 1, .call = size_text},
	    {.name = "pow2", .arguments = 1, .call = pow2},
	    {.name = "least", .arguments = -1, .call = extreme},
	    {.name = "greatest", .arguments = -1, .data = &yes, .call = extreme},
	    {.name = "sorted_list", .arguments = 1, .step = list_step, .final = list_final},
	};
	for (size_t i = 0; i < HP_COUNT(functions); i++)
		if (sqlite3_create_function_v2(db, functions[i].name, functions[i].arguments, flags,
		                               functions[i].data, functions[i].call,
		                               functions[i].step, functions[i].final,
		                               NULL) != SQLITE_OK)
			return hp_fail(err, -EIO, "SQLite function %s: %s", functions[i].name,
			               sqlite3_errmsg(db));
	return 0;
}
