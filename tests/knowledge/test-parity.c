// Rules on two engines: every rule gives the same rows on SQLite and on PostgreSQL, over all test
// hosts together. test-parity FACTS-SCHEMA MATRICES-SCHEMA PRELUDE DIRECTORY…
// SPDX-License-Identifier: Apache-2.0
#include "hosts.h"
#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"

#include <libpq-fe.h>
#include <string.h>

__attribute__((noreturn, format(printf, 1, 2))) static void give_up(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static void run(PGconn *pg, const char *what, const char *sql)
{
	PGresult *result = PQexec(pg, sql);
	ExecStatusType status = PQresultStatus(result);
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_COPY_IN)
		give_up("%s: PostgreSQL: %s", what, PQerrorMessage(pg));
	PQclear(result);
}

static void run_file(PGconn *pg, const char *path)
{
	hp_cleanup_file FILE *file = fopen(path, "re");
	hp_cleanup_text struct hp_text text = {0};
	char buffer[4096];
	if (!file)
		give_up("%s: cannot be read", path);
	for (size_t length; (length = fread(buffer, 1, sizeof(buffer), file));)
		hp_text_add(&text, buffer, length);
	run(pg, path, hp_text_get(&text));
}

// -- copying --

static void add_copy_field(struct hp_text *line, const char *value)
{
	for (; value && *value; value++) {
		const char *special = strchr("\\\t\n\r", *value);
		static const char letters[] = "\\tnr";
		if (special)
			hp_text_printf(line, "\\%c", letters[special - "\\\t\n\r"]);
		else
			hp_text_add(line, value, 1);
	}
	if (!value)
		hp_text_puts(line, "\\N");
}

static long copy_table(sqlite3 *db, PGconn *pg, const char *schema, const char *table)
{
	hp_cleanup_free char *select = hp_asprintf("SELECT * FROM %s.%s", schema, table);
	hp_cleanup_free char *copy = hp_asprintf("COPY %s FROM STDIN", table);
	hp_cleanup_statement sqlite3_stmt *rows = NULL;
	struct hp_error err = {0};
	long count = 0;
	if (hp_db_prepare(db, select, &rows, &err))
		give_up("%s: %s", table, err.message);
	run(pg, table, copy);
	for (; hp_db_step(rows, &err) == 1; count++) {
		hp_cleanup_text struct hp_text line = {0};
		for (int i = 0; i < sqlite3_column_count(rows); i++) {
			if (i)
				hp_text_puts(&line, "\t");
			add_copy_field(&line, hp_db_text(rows, i));
		}
		hp_text_puts(&line, "\n");
		PQputCopyData(pg, line.data, (int)line.length);
	}
	PQputCopyEnd(pg, NULL);
	PGresult *result = PQgetResult(pg);
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		give_up("copying %s: %s", table, PQerrorMessage(pg));
	PQclear(result);
	while ((result = PQgetResult(pg)))
		PQclear(result);
	return count;
}

static long copy_all(struct test_host *host, PGconn *pg)
{
	long rows = 0;
	for (size_t i = 0; i < hp_table_count; i++)
		rows += copy_table(host->db, pg, "main", hp_tables[i].name);
	hp_cleanup_statement sqlite3_stmt *matrices = NULL;
	struct hp_error err = {0};
	if (hp_db_prepare(host->db, "SELECT DISTINCT tbl FROM knowledge.matrix_column ORDER BY tbl",
	                  &matrices, &err))
		give_up("matrices: %s", err.message);
	while (hp_db_step(matrices, &err) == 1)
		rows += copy_table(host->db, pg, "knowledge", hp_db_text(matrices, 0));
	run(pg, "analyze", "ANALYZE");
	return rows;
}

// -- comparing --

struct lines {
	char **lines;
	size_t count;
};

static void add_line(struct lines *lines, char *line)
{
	lines->lines = hp_realloc(lines->lines, (lines->count + 1) * sizeof(*lines->lines));
	lines->lines[lines->count++] = line;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(struct lines *lines)
{
	if (lines->count)
		qsort(lines->lines, lines->count, sizeof(*lines->lines), by_bytes);
}

static void free_lines(struct lines *lines)
{
	for (size_t i = 0; i < lines->count; i++)
		free(lines->lines[i]);
	free(lines->lines);
}

static struct lines sqlite_lines(sqlite3_stmt *rows, const char *id)
{
	struct lines lines = {0};
	struct hp_error err = {0};
	int code;
	while ((code = hp_db_step(rows, &err)) == 1) {
		struct hp_text line = {0};
		for (int i = 0; i < sqlite3_column_count(rows); i++)
			hp_text_printf(&line, "%s|",
			               hp_db_text(rows, i) ? hp_db_text(rows, i) : "(NULL)");
		add_line(&lines, line.data);
	}
	if (code < 0)
		give_up("%s: %s", id, err.message);
	sqlite3_reset(rows);
	sort(&lines);
	return lines;
}

static struct lines postgresql_lines(PGconn *pg, const char *sql, const char *file, size_t at)
{
	struct lines lines = {0};
	PGresult *rows = PQexec(pg, sql);
	if (PQresultStatus(rows) != PGRES_TUPLES_OK)
		give_up("%s:%zu: on PostgreSQL: %s", file, at, PQerrorMessage(pg));
	for (int r = 0; r < PQntuples(rows); r++) {
		struct hp_text line = {0};
		for (int i = 0; i < PQnfields(rows); i++)
			hp_text_printf(&line, "%s|",
			               PQgetisnull(rows, r, i) ? "(NULL)" : PQgetvalue(rows, r, i));
		add_line(&lines, line.data);
	}
	PQclear(rows);
	sort(&lines);
	return lines;
}

/* Number of lines that only one side has; the first few are shown. */
static size_t compare(const char *rule, const struct lines *a, const struct lines *b)
{
	size_t i = 0, j = 0, different = 0;
	while (i < a->count || j < b->count) {
		int order = i == a->count   ? 1
		            : j == b->count ? -1
		                            : strcmp(a->lines[i], b->lines[j]);
		if (order && ++different <= 3)
			printf("%s: only %s: %s\n", rule, order < 0 ? "SQLite" : "PostgreSQL",
			       order < 0 ? a->lines[i] : b->lines[j]);
		i += order <= 0;
		j += order >= 0;
	}
	return different;
}

struct tally {
	size_t rules, steps, rows, different;
};

static void compare_view(PGconn *pg, sqlite3_stmt *statement, const char *id, const char *sql,
                         const char *file, size_t line, struct tally *tally)
{
	struct lines a = sqlite_lines(statement, id), b = postgresql_lines(pg, sql, file, line);
	tally->rows += a.count;
	tally->different += compare(id, &a, &b);
	free_lines(&a);
	free_lines(&b);
}

static void compare_rules(PGconn *pg, struct test_host *host, struct tally *tally)
{
	for (size_t i = 0; i < host->rule_count; i++, tally->rules++) {
		const struct hp_rule *rule = &host->rules[i];
		compare_view(pg, host->statements[i], rule->id, rule->sql, rule->file, rule->line,
		             tally);
	}
}

static void compare_steps(PGconn *pg, struct test_host *host, const struct hp_fix *fix,
                          struct tally *tally)
{
	struct hp_fence *fence = hp_knowledge_fence(host->knowledge);
	sqlite3_stmt *statement = NULL;
	struct hp_error err = {0};
	if (!*fix->sql)
		return;
	hp_fence_begin(fence, HP_FENCE_MODE_RULE);
	if (hp_fence_prepare(fence, fix->sql, fix->file, fix->line, &statement, NULL, &err))
		give_up("%s", err.message);
	hp_fence_end(fence);
	compare_view(pg, statement, fix->id, fix->sql, fix->file, fix->line, tally);
	sqlite3_finalize(statement);
	tally->steps++;
}

int main(int argc, char **argv)
{
	if (argc < 5)
		give_up("usage: test-parity FACTS-SCHEMA MATRICES-SCHEMA PRELUDE DIRECTORY…");
	struct test_files files = {0};
	test_files_find(&files, argv + 4, (size_t)argc - 4);
	struct test_host host;
	test_host_open(&host, NULL);
	for (size_t i = 0; i < files.count; i++)
		test_host_import(&host, files.paths[i]);
	test_host_derive(&host);

	PGconn *pg = PQconnectdb("");
	if (PQstatus(pg) != CONNECTION_OK)
		give_up("PostgreSQL: %s", PQerrorMessage(pg));
	for (int i = 1; i <= 3; i++)
		run_file(pg, argv[i]);
	long copied = copy_all(&host, pg);
	run(pg, "role",
	    "CREATE ROLE reader; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader; SET ROLE "
	    "reader");

	struct tally tally = {0};
	compare_rules(pg, &host, &tally);
	for (size_t i = 0; i < host.rule_count; i++)
		for (size_t f = 0; f < host.rules[i].fix_count; f++)
			compare_steps(pg, &host, &host.rules[i].fixes[f], &tally);
	printf("parity: %zu rules and the steps of %zu fixes on %zu hosts give %zu rows on both "
	       "engines, %zu differ (%ld rows of facts and matrices copied, PostgreSQL %d)\n",
	       tally.rules, tally.steps, files.count, tally.rows, tally.different, copied,
	       PQserverVersion(pg) / 10000);
	PQfinish(pg);
	test_host_close(&host);
	test_files_free(&files);
	return tally.different || !tally.rows ? 1 : 0;
}
