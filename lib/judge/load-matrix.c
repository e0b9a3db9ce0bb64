// Reading matrices: CSV held against the columns of matrices.sql.
// SPDX-License-Identifier: Apache-2.0
// Apache-2.0
#include "base/cleanup.h"
#include "base/csv.h"
#include "base/database.h"
#include "base/text.h"
#include "base/version.h"
#include "judge/loader.h"

#include <errno.h>
#include <string.h>

struct matrix_column {
	char *name, *domain;
	bool integer, required, key;
	int field; // where the CSV has it, -1 if it does not
};

struct matrix {
	struct matrix_column *columns;
	size_t count;
	sqlite3_stmt *insert;
};

static void matrix_finish(struct matrix *matrix)
{
	for (size_t i = 0; i < matrix->count; i++) {
		free(matrix->columns[i].name);
		free(matrix->columns[i].domain);
	}
	free(matrix->columns);
	hp_db_finish(&matrix->insert);
}

static int matrix_columns(struct hp_loader *loader, const char *table, struct matrix *matrix,
                          struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	int code = hp_db_prepare(
	    loader->db,
	    "SELECT name, domain, type = 'INTEGER', required, key FROM knowledge.matrix_column"
	    " WHERE tbl = ?1 ORDER BY position",
	    &statement, err);
	if (code)
		return code;
	sqlite3_bind_text(statement, 1, table, -1, SQLITE_STATIC);
	while ((code = hp_db_step(statement, err)) == 1) {
		matrix->columns =
		    hp_realloc(matrix->columns, (matrix->count + 1) * sizeof(*matrix->columns));
		matrix->columns[matrix->count++] = (struct matrix_column){
		    .name = hp_strdup(hp_db_text(statement, 0)),
		    .domain = hp_strdup(hp_db_text(statement, 1)),
		    .integer = sqlite3_column_int(statement, 2),
		    .required = sqlite3_column_int(statement, 3),
		    .key = sqlite3_column_int(statement, 4),
		    .field = -1,
		};
	}
	return code;
}

static int matrix_insert(struct hp_loader *loader, const char *table, struct matrix *matrix,
                         struct hp_error *err)
{
	hp_cleanup_text struct hp_text sql = {0};
	hp_text_printf(&sql, "INSERT %sINTO knowledge.%s VALUES (",
	               loader->options->replaces ? "OR REPLACE " : "", table);
	for (size_t i = 0; i < matrix->count; i++)
		hp_text_printf(&sql, "%s?%zu", i ? ", " : "", i + 1);
	hp_text_puts(&sql, ")");
	return hp_db_prepare(loader->db, sql.data, &matrix->insert, err);
}

/* Finds the columns that the first line names. */
static bool matrix_header(struct hp_loader *loader, const struct hp_csv_record *header,
                          struct matrix *matrix)
{
	for (size_t f = 0; f < header->count; f++) {
		size_t i = 0;
		while (i < matrix->count && strcmp(matrix->columns[i].name, header->fields[f]) != 0)
			i++;
		if (i == matrix->count || matrix->columns[i].field >= 0) {
			hp_loader_complain_at(loader, header->line,
			                      "column '%s' is unknown or stands twice",
			                      header->fields[f]);
			return false;
		}
		matrix->columns[i].field = (int)f;
	}
	return true;
}

static bool in_domain(const char *domain, const char *value)
{
	size_t length = strlen(value);
	while (*domain) {
		size_t word = strcspn(domain, "|");
		if (word == length && strncmp(domain, value, length) == 0)
			return true;
		domain += word + (domain[word] == '|');
	}
	return false;
}

static bool is_open_domain(const char *domain)
{
	return !*domain || hp_has_word("version address key", domain);
}

/* Binds one field; says what is wrong with it, or NULL. */
static const char *bind_field(sqlite3_stmt *insert, int at, const struct matrix_column *column,
                              const char *value)
{
	int64_t number;
	if (!*value && column->required && !column->integer)
		sqlite3_bind_text(insert, at, "", 0, SQLITE_STATIC);
	if (!*value)
		return column->required && column->integer ? "is empty" : NULL;
	if (!is_open_domain(column->domain) && !in_domain(column->domain, value))
		return "is not in its domain";
	if (!column->integer) {
		sqlite3_bind_text(insert, at, value, -1, SQLITE_TRANSIENT);
		return NULL;
	}
	if (!hp_parse_s64(value, &number))
		return "is no number";
	sqlite3_bind_int64(insert, at, number);
	return NULL;
}

static void bind_version_key(sqlite3_stmt *insert, int at, const char *version)
{
	char *key = *version ? hp_version_key(version) : NULL;
	if (key)
		sqlite3_bind_text(insert, at, key, -1, free);
}

static bool bind_row(struct hp_loader *loader, const struct matrix *matrix,
                     const struct hp_csv_record *record)
{
	sqlite3_reset(matrix->insert);
	sqlite3_clear_bindings(matrix->insert);
	for (size_t i = 0; i < matrix->count; i++) {
		const struct matrix_column *column = &matrix->columns[i];
		if (strcmp(column->domain, "key") == 0)
			continue;
		const char *value = column->field >= 0 ? record->fields[column->field] : "";
		const char *wrong = bind_field(matrix->insert, (int)i + 1, column, value);
		if (wrong) {
			hp_loader_complain_at(loader, record->line, "%s '%s' %s%s%s", column->name,
			                      value, wrong,
			                      is_open_domain(column->domain) ? "" : ": expected ",
			                      is_open_domain(column->domain) ? "" : column->domain);
			return false;
		}
		if (strcmp(column->domain, "version") == 0)
			bind_version_key(matrix->insert, (int)i + 2, value);
	}
	return true;
}

static void matrix_row(struct hp_loader *loader, const struct matrix *matrix, size_t fields,
                       const struct hp_csv_record *record)
{
	if (record->count != fields) {
		hp_loader_complain_at(loader, record->line,
		                      "%zu fields where the first line names %zu", record->count,
		                      fields);
		return;
	}
	if (bind_row(loader, matrix, record) && sqlite3_step(matrix->insert) != SQLITE_DONE)
		hp_loader_complain_at(loader, record->line, "%s", sqlite3_errmsg(loader->db));
}

/* Whether the file could be read whole; rows that were refused do not count. */
static bool read_rows(struct hp_loader *loader, struct matrix *matrix, struct hp_csv *csv)
{
	struct hp_error error = {0};
	struct hp_csv_record record;
	int more = hp_csv_next(csv, &record, &error);
	if (more == 1 && !matrix_header(loader, &record, matrix))
		return false;
	size_t fields = record.count;
	while (more == 1 && (more = hp_csv_next(csv, &record, &error)) == 1)
		matrix_row(loader, matrix, fields, &record);
	if (more < 0)
		hp_loader_complain_error(loader, &error);
	return more == 0;
}

/* Dated rows: `since` is part of the key, and `until` ends them. Of what else is the key only one
 * row may hold on a day. */

static int find_column(const struct matrix *matrix, const char *name)
{
	for (size_t i = 0; i < matrix->count; i++)
		if (strcmp(matrix->columns[i].name, name) == 0 && !*matrix->columns[i].domain)
			return (int)i + 1;
	return 0;
}

/* Adds " AND column = ?n" for the key, without the column `but`. */
static void add_key(const struct matrix *matrix, int but, struct hp_text *sql)
{
	for (size_t i = 0; i < matrix->count; i++)
		if (matrix->columns[i].key && (int)i + 1 != but)
			hp_text_printf(sql, " AND %s = ?%zu", matrix->columns[i].name, i + 1);
}

/* Asks a query about a row of the file, bound as for its insertion. */
static int ask_of(struct hp_loader *loader, struct matrix *matrix, sqlite3_stmt *query,
                  const struct hp_csv_record *record)
{
	sqlite3_stmt *insert = matrix->insert;
	matrix->insert = query;
	bool bound = bind_row(loader, matrix, record);
	matrix->insert = insert;
	return bound ? hp_db_step(query, NULL) : 0;
}

static void refuse_contradictions(struct hp_loader *loader, struct matrix *matrix,
                                  sqlite3_stmt *clash, sqlite3_stmt *drop, struct hp_csv *csv)
{
	struct hp_csv_record record;
	hp_csv_next(csv, &record, NULL); // the header
	size_t fields = record.count;
	while (hp_csv_next(csv, &record, NULL) == 1) {
		if (record.count != fields || ask_of(loader, matrix, clash, &record) != 1)
			continue;
		const char *since = hp_db_text(clash, 0), *until = hp_db_text(clash, 1);
		hp_loader_complain_at(
		    loader, record.line,
		    "contradicts the row of the same key%s%s%s%s: of two, one must end "
		    "before the other begins",
		    *since ? " since " : " from the beginning", since, until ? " until " : "",
		    until ? until : "");
		sqlite3_reset(clash);
		ask_of(loader, matrix, drop, &record);
	}
}

static void check_dates(struct hp_loader *loader, const char *table, struct matrix *matrix,
                        const char *text)
{
	int since = find_column(matrix, "since"), until = find_column(matrix, "until");
	if (!since || !until || !matrix->columns[since - 1].key)
		return;
	hp_cleanup_text struct hp_text find = {0}, gone = {0};
	hp_cleanup_statement sqlite3_stmt *clash = NULL, *drop = NULL;
	hp_text_printf(&find,
	               "SELECT since, until FROM knowledge.%s WHERE since <> ?%d"
	               " AND (until IS NULL OR until > ?%d) AND (?%d IS NULL OR since < ?%d)",
	               table, since, since, until, until);
	add_key(matrix, since, &find);
	hp_text_printf(&gone, "DELETE FROM knowledge.%s WHERE 1 = 1", table);
	add_key(matrix, 0, &gone);
	if (hp_db_prepare(loader->db, find.data, &clash, NULL) ||
	    hp_db_prepare(loader->db, gone.data, &drop, NULL))
		return;
	struct hp_csv *csv = hp_csv_open(loader->file, text, strlen(text));
	refuse_contradictions(loader, matrix, clash, drop, csv);
	hp_csv_close(csv);
}

void hp_loader_matrix(struct hp_loader *loader, const char *table, const char *text)
{
	struct hp_error error = {0};
	struct matrix matrix = {0};
	if (matrix_columns(loader, table, &matrix, &error))
		hp_loader_complain_error(loader, &error);
	else if (!matrix.count)
		hp_loader_complain_at(loader, 1, "no table of that name in matrices.sql");
	else if (matrix_insert(loader, table, &matrix, &error))
		hp_loader_complain_error(loader, &error);
	if (matrix.insert) {
		struct hp_csv *csv = hp_csv_open(loader->file, text, strlen(text));
		bool read = read_rows(loader, &matrix, csv);
		hp_csv_close(csv);
		if (read)
			check_dates(loader, table, &matrix, text);
	}
	matrix_finish(&matrix);
}
