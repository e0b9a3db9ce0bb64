// What a statement may do: an authorizer and limits around its preparation and its run.
// SPDX-License-Identifier: Apache-2.0
#include "judge/fence.h"
#include "base/cleanup.h"
#include "base/database.h"
#include "base/heap.h"
#include "base/text.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum {
	STEPS_AT_ONCE =
	    1000, // virtual machine instructions between two calls of the progress handler
	STEP_CALLS = 100000, // such calls a statement: some seconds
	CPU_SECONDS = 10,    // for steps that are slow ones
	HEAP_BYTES = 512 << 20,
	SEEN = 64, // a rule reads some dozen columns, most of them several times
};

struct limit {
	int id, value;
};

static const struct limit limits[] = {
    {SQLITE_LIMIT_LENGTH, 16 << 20},     {SQLITE_LIMIT_SQL_LENGTH, 128 << 10},
    {SQLITE_LIMIT_COLUMN, 300},          {SQLITE_LIMIT_EXPR_DEPTH, 400},
    {SQLITE_LIMIT_COMPOUND_SELECT, 300}, {SQLITE_LIMIT_VDBE_OP, 100000},
    {SQLITE_LIMIT_FUNCTION_ARG, 16},     {SQLITE_LIMIT_VARIABLE_NUMBER, 0},
    {SQLITE_LIMIT_TRIGGER_DEPTH, 0},
};

/* A column that was asked for, by the addresses of SQLite's own names, which stay while a statement
 * is prepared. */
struct seen {
	const char *table, *column;
};

struct hp_fence {
	sqlite3 *db;
	enum hp_fence_mode mode;
	int old_limits[HP_COUNT(limits)];
	int64_t old_heap;
	int calls_left;
	time_t until; // in seconds of processor time, 0 before the first call
	size_t rows;  // that the statement gave
	const struct hp_table_def **by_name; // tables of facts
	char **matrices;                     // tables of the knowledge, by name
	size_t matrix_count;
	struct hp_fence_reads *reads; // of the statement being prepared
	struct seen seen[SEEN];       // what was allowed of it already
	size_t seen_count;
	char *denied; // what it was not allowed
};

/* What both engines have, or the preludes give; `count` and `sum` are aggregates of both. */
static const char *const rule_functions[] = {
    "coalesce", "nullif", "count",    "sum",       "min",         "max",   "substr",
    "length",   "lower",  "upper",    "replace",   "abs",         "round", "has_word",
    "pow2",     "least",  "greatest", "size_text", "sorted_list", NULL,
};

static const char *const query_functions[] = {
    "like",
    "glob",
    "ifnull",
    "iif",
    "instr",
    "trim",
    "ltrim",
    "rtrim",
    "hex",
    "printf",
    "format",
    "typeof",
    "total",
    "avg",
    "group_concat",
    "json",
    "json_array",
    "json_object",
    "json_group_array",
    "json_group_object",
    "json_extract",
    "row_number",
    "rank",
    "dense_rank",
    "lag",
    "lead",
    "char",
    "unicode",
    "quote",
    "sign",
    "concat",
    "concat_ws",
    "date",
    "datetime",
    "julianday",
    "strftime",
    "time",
    NULL,
};

static bool in_list(const char *name, const char *const list[])
{
	for (; *list; list++)
		if (strcasecmp(name, *list) == 0)
			return true;
	return false;
}

static int by_table_name(const void *a, const void *b)
{
	const struct hp_table_def *const *left = a, *const *right = b;
	return strcmp((*left)->name, (*right)->name);
}

static int by_string(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static const struct hp_table_def *find_table(const struct hp_fence *fence, const char *name)
{
	const struct hp_table_def wanted = {.name = name}, *key = &wanted;
	const struct hp_table_def **found =
	    bsearch(&key, fence->by_name, hp_table_count, sizeof(*fence->by_name), by_table_name);
	return found ? *found : NULL;
}

static bool is_matrix(const struct hp_fence *fence, const char *name)
{
	return bsearch(&name, fence->matrices, fence->matrix_count, sizeof(*fence->matrices),
	               by_string) != NULL;
}

static int deny(struct hp_fence *fence, const char *what, const char *name)
{
	free(fence->denied);
	fence->denied =
	    hp_asprintf("%s%s%s is not allowed here", what, name ? " " : "", name ? name : "");
	return SQLITE_DENY;
}

static void note_read(struct hp_fence *fence, const struct hp_table_def *table, const char *name)
{
	int column = hp_column_find(table, name);
	if (!fence->reads || column < 0)
		return;
	struct hp_fence_reads *reads = fence->reads;
	struct hp_fence_read_item item = {.table = (short)(table - hp_tables),
	                                  .column = (short)column};
	for (size_t i = 0; i < reads->count; i++)
		if (reads->items[i].table == item.table && reads->items[i].column == item.column)
			return;
	if (reads->count % 16 == 0)
		reads->items =
		    hp_realloc(reads->items, (reads->count + 16) * sizeof(*reads->items));
	reads->items[reads->count++] = item;
}

static bool is_seen(const struct hp_fence *fence, const char *table, const char *column)
{
	for (size_t i = 0; i < fence->seen_count; i++)
		if (fence->seen[i].column == column && fence->seen[i].table == table)
			return true;
	return false;
}

static int authorize_read(struct hp_fence *fence, const char *table, const char *column,
                          const char *schema)
{
	if (is_seen(fence, table, column))
		return SQLITE_OK;
	/* SQLite names no schema for a table of which no column is read, as in count(*). */
	bool anywhere = !schema && !*column;
	if (fence->mode == HP_FENCE_MODE_ROWS || (!schema && !anywhere))
		return deny(fence, "reading", table);
	bool in_main = anywhere || strcmp(schema, "main") == 0;
	const struct hp_table_def *facts = in_main ? find_table(fence, table) : NULL;
	if (facts) {
		note_read(fence, facts, column);
		if (fence->seen_count < SEEN)
			fence->seen[fence->seen_count++] =
			    (struct seen){.table = table, .column = column};
		return SQLITE_OK;
	}
	if (!anywhere && strcmp(schema, "knowledge") != 0)
		return deny(fence, "reading", table);
	bool metadata =
	    in_list(table, (const char *const[]){"rule", "fix", "meta", "matrix_column", NULL});
	if (is_matrix(fence, table) || (metadata && fence->mode == HP_FENCE_MODE_QUERY))
		return SQLITE_OK;
	return deny(fence, "reading", table);
}

static int authorize_function(struct hp_fence *fence, const char *name)
{
	if (fence->mode != HP_FENCE_MODE_ROWS && in_list(name, rule_functions))
		return SQLITE_OK;
	if (fence->mode == HP_FENCE_MODE_QUERY && in_list(name, query_functions))
		return SQLITE_OK;
	return deny(fence, "function", name);
}

static int authorize_insert(struct hp_fence *fence, const char *table, const char *schema)
{
	bool staging = strcmp(table, "rule") == 0 || strcmp(table, "fix") == 0;
	if (fence->mode == HP_FENCE_MODE_ROWS && staging && schema && strcmp(schema, "temp") == 0)
		return SQLITE_OK;
	return deny(fence, "writing to", table);
}

static int authorize(void *data, int action, const char *first, const char *second,
                     const char *schema, const char *by HP_UNUSED)
{
	struct hp_fence *fence = data;
	switch (action) {
	case SQLITE_SELECT:
		return SQLITE_OK;
	case SQLITE_READ:
		return authorize_read(fence, first, second, schema);
	case SQLITE_FUNCTION:
		return authorize_function(fence, second);
	case SQLITE_INSERT:
		return authorize_insert(fence, first, schema);
	case SQLITE_RECURSIVE:
		return deny(fence, "recursion", NULL);
	default:
		return deny(fence, "anything but SELECT", NULL);
	}
}

static int progress(void *data)
{
	struct hp_fence *fence = data;
	struct timespec now;
	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now))
		return --fence->calls_left < 0;
	if (!fence->until)
		fence->until = now.tv_sec + CPU_SECONDS;
	return --fence->calls_left < 0 || now.tv_sec > fence->until;
}

static void read_matrices(struct hp_fence *fence)
{
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	if (hp_db_prepare(fence->db,
	                  "SELECT DISTINCT tbl FROM knowledge.matrix_column ORDER BY tbl",
	                  &statement, NULL))
		return;
	while (hp_db_step(statement, NULL) == 1) {
		fence->matrices = hp_realloc(fence->matrices,
		                             (fence->matrix_count + 1) * sizeof(*fence->matrices));
		fence->matrices[fence->matrix_count++] = hp_strdup(hp_db_text(statement, 0));
	}
}

struct hp_fence *hp_fence_new(sqlite3 *db)
{
	struct hp_fence *fence = hp_calloc(1, sizeof(*fence));
	fence->db = db;
	fence->by_name = hp_calloc(hp_table_count, sizeof(*fence->by_name));
	for (size_t i = 0; i < hp_table_count; i++)
		fence->by_name[i] = &hp_tables[i];
	qsort(fence->by_name, hp_table_count, sizeof(*fence->by_name), by_table_name);
	read_matrices(fence);
	return fence;
}

void hp_fence_free(struct hp_fence *fence)
{
	if (!fence)
		return;
	for (size_t i = 0; i < fence->matrix_count; i++)
		free(fence->matrices[i]);
	free(fence->matrices);
	free(fence->by_name);
	free(fence->denied);
	free(fence);
}

void hp_fence_begin(struct hp_fence *fence, enum hp_fence_mode mode)
{
	fence->mode = mode;
	for (size_t i = 0; i < HP_COUNT(limits); i++)
		fence->old_limits[i] = sqlite3_limit(fence->db, limits[i].id, limits[i].value);
	fence->old_heap = hp_heap_limit_begin(HEAP_BYTES);
	sqlite3_set_authorizer(fence->db, authorize, fence);
	sqlite3_progress_handler(fence->db, STEPS_AT_ONCE, progress, fence);
}

void hp_fence_end(struct hp_fence *fence)
{
	sqlite3_set_authorizer(fence->db, NULL, NULL);
	sqlite3_progress_handler(fence->db, 0, NULL, NULL);
	hp_heap_limit_end(fence->old_heap);
	for (size_t i = 0; i < HP_COUNT(limits); i++)
		sqlite3_limit(fence->db, limits[i].id, fence->old_limits[i]);
}

static size_t line_of(const char *sql, int offset, size_t line)
{
	for (int i = 0; i < offset && sql[i]; i++)
		line += sql[i] == '\n';
	return line;
}

void hp_fence_restart(struct hp_fence *fence)
{
	fence->calls_left = STEP_CALLS;
	fence->until = 0;
	fence->rows = 0;
}

int hp_fence_prepare(struct hp_fence *fence, const char *sql, const char *file, size_t line,
                     sqlite3_stmt **ret, struct hp_fence_reads *ret_reads, struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	const char *tail = "";
	free(hp_steal(fence->denied));
	fence->seen_count = 0;
	hp_fence_restart(fence);
	struct hp_fence_reads reads = {0};
	fence->reads = ret_reads ? &reads : NULL;
	int code = sqlite3_prepare_v2(fence->db, sql, -1, &statement, &tail);
	fence->reads = NULL;
	if (code != SQLITE_OK) {
		hp_fence_reads_free(&reads);
		line = line_of(sql, sqlite3_error_offset(fence->db), line);
		return hp_fail(err, -EINVAL, "%s:%zu: %s", file, line,
		               fence->denied ? fence->denied : sqlite3_errmsg(fence->db));
	}
	if (!statement || tail[strspn(tail, " \t\r\n;")]) {
		hp_fence_reads_free(&reads);
		return hp_fail(err, -EINVAL, "%s:%zu: expected exactly one statement", file, line);
	}
	if (ret_reads)
		*ret_reads = reads;
	*ret = hp_steal(statement);
	return 0;
}

int hp_fence_step(struct hp_fence *fence, sqlite3_stmt *statement, size_t most_rows,
                  struct hp_error *err)
{
	int code = hp_db_step(statement, err);
	if (code == 1 && ++fence->rows > most_rows)
		return hp_fail(err, -E2BIG, "more than %zu rows, the limit", most_rows);
	if (code != -ETIME)
		return code;
	return hp_fail(err, -ETIME,
	               "stopped: the limit is %d million steps and %d s of processor time; does a "
	               "join lack its condition?",
	               STEP_CALLS / 1000 * STEPS_AT_ONCE / 1000, CPU_SECONDS);
}

void hp_fence_reads_free(struct hp_fence_reads *reads)
{
	free(reads->items);
	*reads = (struct hp_fence_reads){0};
}
