// Reading the sources of knowledge. SPDX-License-Identifier: Apache-2.0
#include "judge/load.h"
#include "base/cleanup.h"
#include "base/csv.h"
#include "base/database.h"
#include "base/text.h"
#include "base/version.h"
#include "judge/fence.h"
#include "judge/needs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { FILE_LIMIT = 16 << 20 };

struct loader {
	sqlite3 *db;
	const struct hp_load_options *options;
	struct hp_fence *fence;
	const char *file; // being read
	int complaints;
};

/* The statements of one file, kept until all of it was read. */
struct held {
	struct hp_fence_statement *items;
	size_t count;
};

static void complain(void *data, const char *message)
{
	struct loader *loader = data;
	loader->complaints++;
	if (loader->options->complain)
		loader->options->complain(loader->options->data, message);
}

static void complain_at(struct loader *loader, size_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void complain_at(struct loader *loader, size_t line, const char *format, ...)
{
	char what[HP_ERROR_SIZE];
	va_list args;
	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	hp_cleanup_free char *message = hp_asprintf("%s:%zu: %s", loader->file, line, what);
	complain(loader, message);
}

static void complain_error(struct loader *loader, const struct hp_error *error)
{
	complain(loader, error->message);
}

int hp_load_create(sqlite3 *db, struct hp_error *err)
{
	return hp_db_exec(
	    db,
	    "CREATE TABLE knowledge.rule (id TEXT PRIMARY KEY, title TEXT, impact TEXT, applies "
	    "TEXT,"
	    " resolution TEXT, reference TEXT, needs TEXT, sql TEXT, file TEXT, line INTEGER) "
	    "STRICT,"
	    " WITHOUT ROWID;"
	    "CREATE TABLE knowledge.fix (rule TEXT, id TEXT, kind TEXT, distance TEXT, title TEXT, "
	    "undo TEXT,"
	    " sql TEXT, file TEXT, line INTEGER, PRIMARY KEY (rule, id)) STRICT, WITHOUT "
	    "ROWID;"
	    "CREATE TABLE knowledge.packed (texts BLOB) STRICT;",
	    err);
}

/* Staging: what a file says is first written here, behind the fence, where only these two tables
 * are. */
static int create_staging(sqlite3 *db, struct hp_error *err)
{
	return hp_db_exec(
	    db,
	    "CREATE TEMP TABLE rule (id TEXT NOT NULL PRIMARY KEY"
	    "  CONSTRAINT \"id is words with dashes\" CHECK (id GLOB '[a-z]*' AND id NOT GLOB "
	    "'*[^a-z0-9-]*'),"
	    " title TEXT NOT NULL, impact TEXT NOT NULL CONSTRAINT \"impact is blocks, degrades or "
	    "notes\""
	    "  CHECK (impact IN ('blocks', 'degrades', 'notes')),"
	    " applies TEXT NOT NULL, resolution TEXT NOT NULL, reference TEXT NOT NULL,"
	    " needs TEXT NOT NULL DEFAULT '') STRICT;"
	    "CREATE TEMP TABLE fix (id TEXT NOT NULL, rule TEXT NOT NULL,"
	    " kind TEXT NOT NULL CONSTRAINT \"kind is a kind of step, or advice\" CHECK (kind IN "
	    "('driver',"
	    "  'sriov', 'mdev', 'vgpu-type', 'module', 'modprobe', 'initramfs', 'kernel-cmdline', "
	    "'hugepages',"
	    "  'cdi', 'runtime', 'unit', 'persistence', 'mig', 'package', 'file', 'limit', "
	    "'advice')),"
	    " distance TEXT NOT NULL CONSTRAINT \"distance is live, drain, reload, reboot, "
	    "firmware or hardware\""
	    "  CHECK (distance IN ('live', 'drain', 'reload', 'reboot', 'firmware', 'hardware')),"
	    " title TEXT NOT NULL,"
	    " undo TEXT CONSTRAINT \"undo is exact, equivalent or one-way\""
	    "  CHECK (undo IN ('exact', 'equivalent', 'one-way', 'none')),"
	    " PRIMARY KEY (rule, id)) STRICT;",
	    err);
}

/* Files */

static bool is_trusted(struct loader *loader, const char *path, int fd)
{
	struct stat stat;
	if (!loader->options->check_owner)
		return true;
	if (fstat(fd, &stat) == 0 && (stat.st_uid == 0 || stat.st_uid == loader->options->owner) &&
	    !(stat.st_mode & (S_IWGRP | S_IWOTH)))
		return true;
	hp_cleanup_free char *message =
	    hp_asprintf("%s: refused: it must be root's and writable by nobody else", path);
	complain(loader, message);
	return false;
}

static void note_dependency(struct loader *loader, const char *path)
{
	if (loader->options->depends)
		fprintf(loader->options->depends, " %s", path);
}

/* Reads a whole file; NULL, with a complaint, if it cannot be read or must not be. */
static char *read_file(struct loader *loader, const char *path)
{
	hp_cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat stat;
	if (fd < 0 || fstat(fd, &stat) || !S_ISREG(stat.st_mode) || stat.st_size > FILE_LIMIT) {
		hp_cleanup_free char *message =
		    hp_asprintf("%s: cannot read it: %s", path,
		                fd < 0 ? strerror(errno) : "not a plain file, or too large");
		complain(loader, message);
		return NULL;
	}
	note_dependency(loader, path);
	if (!is_trusted(loader, path, fd))
		return NULL;
	char *text = hp_calloc(1, (size_t)stat.st_size + 1);
	ssize_t length = pread(fd, text, (size_t)stat.st_size, 0);
	hp_cleanup_free char *copy = hp_strdup(text);
	bool whole = length == stat.st_size && strlen(text) == (size_t)length;
	if (whole && !hp_utf8_repair(copy))
		return text;
	hp_cleanup_free char *message = hp_asprintf("%s: not UTF-8 text", path);
	complain(loader, message);
	free(text);
	return NULL;
}

/* Calls `read` for every file of a folder whose name ends so, in byte order. */
static void read_folder(struct loader *loader, const char *directory, const char *folder,
                        const char *suffix,
                        void (*read)(struct loader *loader, const char *name, const char *text))
{
	hp_cleanup_free char *path = hp_asprintf("%s/%s", directory, folder);
	hp_cleanup_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	note_dependency(loader, path);
	if (!is_trusted(loader, path, fd))
		return;
	struct dirent **entries = NULL;
	int count = scandir(path, &entries, NULL, NULL);
	if (count > 0)
		qsort(entries, (size_t)count, sizeof(*entries),
		      (int (*)(const void *, const void *))alphasort);
	for (int i = 0; i < count; i++) {
		hp_cleanup_free struct dirent *entry = entries[i];
		if (entry->d_name[0] == '.' || !hp_ends_with(entry->d_name, suffix))
			continue;
		hp_cleanup_free char *file = hp_asprintf("%s/%s", path, entry->d_name);
		hp_cleanup_free char *text = read_file(loader, file);
		hp_cleanup_free char *name =
		    hp_strndup(entry->d_name, strlen(entry->d_name) - strlen(suffix));
		loader->file = file;
		if (text)
			read(loader, name, text);
	}
	free(entries);
}

/* Matrices */

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

static int matrix_columns(struct loader *loader, const char *table, struct matrix *matrix,
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

static int matrix_insert(struct loader *loader, const char *table, struct matrix *matrix,
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
static bool matrix_header(struct loader *loader, const struct hp_csv_record *header,
                          struct matrix *matrix)
{
	for (size_t f = 0; f < header->count; f++) {
		size_t i = 0;
		while (i < matrix->count && strcmp(matrix->columns[i].name, header->fields[f]) != 0)
			i++;
		if (i == matrix->count || matrix->columns[i].field >= 0) {
			complain_at(loader, header->line, "column '%s' is unknown or stands twice",
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

static bool bind_row(struct loader *loader, const struct matrix *matrix,
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
			complain_at(loader, record->line, "%s '%s' %s%s%s", column->name, value,
			            wrong, is_open_domain(column->domain) ? "" : ": expected ",
			            is_open_domain(column->domain) ? "" : column->domain);
			return false;
		}
		if (strcmp(column->domain, "version") == 0)
			bind_version_key(matrix->insert, (int)i + 2, value);
	}
	return true;
}

static void matrix_row(struct loader *loader, const struct matrix *matrix, size_t fields,
                       const struct hp_csv_record *record)
{
	if (record->count != fields) {
		complain_at(loader, record->line, "%zu fields where the first line names %zu",
		            record->count, fields);
		return;
	}
	if (bind_row(loader, matrix, record) && sqlite3_step(matrix->insert) != SQLITE_DONE)
		complain_at(loader, record->line, "%s", sqlite3_errmsg(loader->db));
}

/* Whether the file could be read whole; rows that were refused do not count. */
static bool read_rows(struct loader *loader, struct matrix *matrix, struct hp_csv *csv)
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
		complain_error(loader, &error);
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
static int ask_of(struct loader *loader, struct matrix *matrix, sqlite3_stmt *query,
                  const struct hp_csv_record *record)
{
	sqlite3_stmt *insert = matrix->insert;
	matrix->insert = query;
	bool bound = bind_row(loader, matrix, record);
	matrix->insert = insert;
	return bound ? hp_db_step(query, NULL) : 0;
}

static void refuse_contradictions(struct loader *loader, struct matrix *matrix, sqlite3_stmt *clash,
                                  sqlite3_stmt *drop, struct hp_csv *csv)
{
	struct hp_csv_record record;
	hp_csv_next(csv, &record, NULL); // the header
	size_t fields = record.count;
	while (hp_csv_next(csv, &record, NULL) == 1) {
		if (record.count != fields || ask_of(loader, matrix, clash, &record) != 1)
			continue;
		const char *since = hp_db_text(clash, 0), *until = hp_db_text(clash, 1);
		complain_at(loader, record.line,
		            "contradicts the row of the same key%s%s%s%s: of two, one must end "
		            "before the other begins",
		            *since ? " since " : " from the beginning", since,
		            until ? " until " : "", until ? until : "");
		sqlite3_reset(clash);
		ask_of(loader, matrix, drop, &record);
	}
}

static void check_dates(struct loader *loader, const char *table, struct matrix *matrix,
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

static void read_matrix(struct loader *loader, const char *table, const char *text)
{
	struct hp_error error = {0};
	struct matrix matrix = {0};
	if (matrix_columns(loader, table, &matrix, &error))
		complain_error(loader, &error);
	else if (!matrix.count)
		complain_at(loader, 1, "no table of that name in matrices.sql");
	else if (matrix_insert(loader, table, &matrix, &error))
		complain_error(loader, &error);
	if (matrix.insert) {
		struct hp_csv *csv = hp_csv_open(loader->file, text, strlen(text));
		bool read = read_rows(loader, &matrix, csv);
		hp_csv_close(csv);
		if (read)
			check_dates(loader, table, &matrix, text);
	}
	matrix_finish(&matrix);
}

/* Rules and fixes */

static void hold(void *data, const struct hp_fence_statement *statement)
{
	struct held *held = data;
	held->items = hp_realloc(held->items, (held->count + 1) * sizeof(*held->items));
	held->items[held->count++] = (struct hp_fence_statement){
	    .kind = statement->kind,
	    .view = statement->view ? hp_strdup(statement->view) : NULL,
	    .sql = hp_strdup(statement->sql),
	    .line = statement->line,
	};
}

static void held_finish(struct held *held)
{
	for (size_t i = 0; i < held->count; i++) {
		free((char *)held->items[i].view);
		free((char *)held->items[i].sql);
	}
	free(held->items);
}

static void stage_rows(struct loader *loader, const struct hp_fence_statement *statement)
{
	struct hp_error error = {0};
	hp_cleanup_statement sqlite3_stmt *insert = NULL;
	hp_fence_begin(loader->fence, HP_FENCE_MODE_ROWS);
	int code = hp_fence_prepare(loader->fence, statement->sql, loader->file, statement->line,
	                            &insert, NULL, &error);
	if (code)
		complain_error(loader, &error);
	else if (sqlite3_step(insert) != SQLITE_DONE)
		complain_at(loader, statement->line, "%s", sqlite3_errmsg(loader->db));
	hp_fence_end(loader->fence);
}

/* The line on which a statement holds a string. */
static size_t line_of_literal(const struct held *held, enum hp_fence_kind kind, const char *value)
{
	hp_cleanup_free char *literal = hp_asprintf("'%s'", value);
	for (size_t i = 0; i < held->count; i++) {
		const struct hp_fence_statement *statement = &held->items[i];
		const char *found =
		    statement->kind == kind ? strstr(statement->sql, literal) : NULL;
		size_t line = statement->line;
		for (const char *at = statement->sql; found && at < found; at++)
			line += *at == '\n';
		if (found)
			return line;
	}
	return 1;
}

/* The view of a rule, or of the steps of a fix. */
static const struct hp_fence_statement *find_view(const struct held *held, enum hp_fence_kind kind,
                                                  const char *id)
{
	hp_cleanup_free char *view =
	    hp_asprintf("%s_%s", kind == HP_FENCE_STEP ? "step" : "rule", id);
	for (char *at = view; *at; at++)
		*at = *at == '-' ? '_' : *at;
	for (size_t i = 0; i < held->count; i++)
		if (held->items[i].kind == kind && strcmp(held->items[i].view, view) == 0)
			return &held->items[i];
	return NULL;
}

static bool view_has_row(struct loader *loader, const struct hp_fence_statement *view)
{
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	if (hp_db_prepare(
		loader->db,
		view->kind == HP_FENCE_STEP
		    ? "SELECT 1 FROM temp.fix WHERE 'step_' || replace(id, '-', '_') = ?1"
		    : "SELECT 1 FROM temp.rule WHERE 'rule_' || replace(id, '-', '_') = ?1",
		&statement, NULL))
		return false;
	sqlite3_bind_text(statement, 1, view->view, -1, SQLITE_STATIC);
	return hp_db_step(statement, NULL) == 1;
}

static bool is_view(const struct hp_fence_statement *statement)
{
	return statement->kind == HP_FENCE_VIEW || statement->kind == HP_FENCE_STEP;
}

static void check_views_have_rows(struct loader *loader, const struct held *held)
{
	for (size_t i = 0; i < held->count; i++) {
		const struct hp_fence_statement *view = &held->items[i];
		if (is_view(view) && !view_has_row(loader, view))
			complain_at(loader, view->line, "no row of %s belongs to the view '%s'",
			            view->kind == HP_FENCE_STEP ? "fix" : "rule", view->view);
	}
}
/* What a rule must be */

static const char *const rule_columns[] = {"host",  "subject", "surface",
                                           "share", "result",  "evidence"};

static const char *const step_columns[] = {"host", "subject", "kind", "target", "want"};

static int wrong_columns(const char *const columns[], size_t count, const char *file, size_t line,
                         struct hp_error *err)
{
	hp_cleanup_text struct hp_text list = {0};
	for (size_t i = 0; i < count; i++)
		hp_text_printf(&list, "%s%s", i ? ", " : "", columns[i]);
	return hp_fail(err, -EINVAL, "%s:%zu: the view's columns must be %s", file, line,
	               list.data);
}

/* Prepares the SELECT of a view behind the fence, and looks at its columns. */
static int check_view(struct loader *loader, const char *sql, const char *const columns[],
                      size_t column_count, const char *file, size_t line, struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	hp_fence_begin(loader->fence, HP_FENCE_MODE_RULE);
	int code = hp_fence_prepare(loader->fence, sql, file, line, &statement, NULL, err);
	hp_fence_end(loader->fence);
	if (code)
		return code;
	if (sqlite3_column_count(statement) != (int)column_count)
		return wrong_columns(columns, column_count, file, line, err);
	for (size_t i = 0; i < column_count; i++)
		if (strcmp(sqlite3_column_name(statement, (int)i), columns[i]) != 0)
			return wrong_columns(columns, column_count, file, line, err);
	return 0;
}

static bool exists(sqlite3 *db, const char *sql, const char *one, const char *two)
{
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	if (hp_db_prepare(db, sql, &statement, NULL))
		return false;
	sqlite3_bind_text(statement, 1, one, -1, SQLITE_STATIC);
	if (two)
		sqlite3_bind_text(statement, 2, two, -1, SQLITE_STATIC);
	return hp_db_step(statement, NULL) == 1;
}

static bool is_known_word(sqlite3 *db, const char *word)
{
	word += *word == '-';
	if (strcmp(word, "*") == 0)
		return true;
	if (*word == '@')
		return exists(
		    db, "SELECT 1 FROM knowledge.surface_share WHERE has_word(mechanism, ?1) = 1",
		    word + 1, NULL);
	const char *colon = strchr(word, ':');
	if (!colon)
		return exists(db, "SELECT 1 FROM knowledge.surface WHERE surface = ?1", word, NULL);
	hp_cleanup_free char *surface = hp_strndup(word, (size_t)(colon - word));
	return exists(
	    db, "SELECT 1 FROM knowledge.surface_share WHERE ?1 IN ('', surface) AND share = ?2",
	    surface, colon + 1);
}

static int check_applies(struct loader *loader, const char *id, const char *applies,
                         const char *file, size_t line, struct hp_error *err)
{
	hp_cleanup_free char *copy = hp_strdup(applies);
	char *rest = copy;
	for (char *word; (word = strsep(&rest, " \t\n"));)
		if (*word && !is_known_word(loader->db, word))
			return hp_fail(err, -EINVAL,
			               "%s:%zu: rule '%s' applies to '%s', which is no surface, "
			               "share or mechanism",
			               file, line, id, word);
	return 0;
}

static int check_needs(const char *id, const char *needs, const char *file, size_t line,
                       struct hp_error *err)
{
	int code = hp_needs_check(needs, err);
	return code ? hp_wrap(err, "%s:%zu: rule '%s'", file, line, id) : 0;
}

/* What would not run must not take the place of a rule that does. */
static int check_rule(struct loader *loader, const char *id, const struct hp_fence_statement *view,
                      struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *row = NULL;
	int code = hp_db_prepare(loader->db, "SELECT applies, needs FROM temp.rule WHERE id = ?1",
	                         &row, err);
	if (code)
		return code;
	sqlite3_bind_text(row, 1, id, -1, SQLITE_STATIC);
	if ((code = hp_db_step(row, err)) != 1)
		return code;
	bool matrix =
	    hp_db_number(loader->db, "SELECT count(*) FROM knowledge.surface_share", 0) > 0;
	code = matrix ? check_applies(loader, id, hp_db_text(row, 0), loader->file, view->line, err)
	              : 0;
	if (!code)
		code = check_needs(id, hp_db_text(row, 1), loader->file, view->line, err);
	return code ? code
	            : check_view(loader, view->sql, rule_columns, HP_COUNT(rule_columns),
	                         loader->file, view->line, err);
}

static void store_rule(struct loader *loader, const char *id, const struct hp_fence_statement *view)
{
	hp_cleanup_free char *sql =
	    hp_asprintf("INSERT %sINTO knowledge.rule"
	                " SELECT id, title, impact, applies, resolution, reference, needs, ?2, ?3,"
	                " ?4"
	                " FROM temp.rule WHERE id = ?1",
	                loader->options->replaces ? "OR REPLACE " : "");
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	struct hp_error error = {0};
	if (check_rule(loader, id, view, &error)) {
		complain_error(loader, &error);
		return;
	}
	if (hp_db_prepare(loader->db, sql, &statement, NULL))
		return;
	sqlite3_bind_text(statement, 1, id, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, view->sql, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 3, loader->file, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 4, (sqlite3_int64)view->line);
	if (sqlite3_step(statement) != SQLITE_DONE)
		complain_at(loader, view->line, "rule '%s' is there already, in another file", id);
}

static void store_rules(struct loader *loader, const struct held *held)
{
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	if (hp_db_prepare(loader->db, "SELECT id FROM temp.rule ORDER BY id", &statement, NULL))
		return;
	while (hp_db_step(statement, NULL) == 1) {
		const char *id = hp_db_text(statement, 0);
		const struct hp_fence_statement *view = find_view(held, HP_FENCE_VIEW, id);
		if (view)
			store_rule(loader, id, view);
		else
			complain_at(loader, line_of_literal(held, HP_FENCE_RULE, id),
			            "rule '%s' has no view in this file that passed", id);
	}
}

static void store_fixes(struct loader *loader, const struct held *held)
{
	hp_cleanup_statement sqlite3_stmt *read = NULL, *insert = NULL;
	hp_cleanup_free char *sql = hp_asprintf(
	    "INSERT %sINTO knowledge.fix SELECT rule, id, kind, distance, title, undo, ?3, ?4, ?5"
	    " FROM temp.fix WHERE rule = ?1 AND id = ?2",
	    loader->options->replaces ? "OR REPLACE " : "");
	if (hp_db_prepare(loader->db, "SELECT rule, id FROM temp.fix ORDER BY rule, id", &read,
	                  NULL) ||
	    hp_db_prepare(loader->db, sql, &insert, NULL))
		return;
	while (hp_db_step(read, NULL) == 1) {
		const char *rule = hp_db_text(read, 0), *id = hp_db_text(read, 1);
		const struct hp_fence_statement *view = find_view(held, HP_FENCE_STEP, id);
		size_t line = view ? view->line : line_of_literal(held, HP_FENCE_FIX, id);
		sqlite3_reset(insert);
		sqlite3_bind_text(insert, 1, rule, -1, SQLITE_STATIC);
		sqlite3_bind_text(insert, 2, id, -1, SQLITE_STATIC);
		sqlite3_bind_text(insert, 3, view ? view->sql : "", -1, SQLITE_STATIC);
		sqlite3_bind_text(insert, 4, loader->file, -1, SQLITE_STATIC);
		sqlite3_bind_int64(insert, 5, (sqlite3_int64)line);
		if (sqlite3_step(insert) != SQLITE_DONE)
			complain_at(loader, line,
			            "fix '%s' of rule '%s' is there already, in another file", id,
			            rule);
	}
}

static void read_sql(struct loader *loader, const char *name HP_UNUSED, const char *text)
{
	struct held held = {0};
	hp_fence_read(loader->file, text, hold, &held, complain, loader);
	for (size_t i = 0; i < held.count; i++)
		if (!is_view(&held.items[i]))
			stage_rows(loader, &held.items[i]);
	store_rules(loader, &held);
	store_fixes(loader, &held);
	check_views_have_rows(loader, &held);
	held_finish(&held);
	hp_db_exec(loader->db, "DELETE FROM temp.rule; DELETE FROM temp.fix", NULL);
}

/* What holds between rows */

static void check_fixes(struct loader *loader)
{
	hp_cleanup_statement sqlite3_stmt *orphans = NULL;
	if (hp_db_prepare(loader->db,
	                  "SELECT id, rule, file, line FROM knowledge.fix"
	                  " WHERE rule NOT IN (SELECT id FROM knowledge.rule)",
	                  &orphans, NULL))
		return;
	while (hp_db_step(orphans, NULL) == 1) {
		loader->file = hp_db_text(orphans, 2);
		complain_at(loader, (size_t)sqlite3_column_int64(orphans, 3),
		            "fix '%s' is for a rule '%s' that is"
		            " not there",
		            hp_db_text(orphans, 0), hp_db_text(orphans, 1));
	}
}

/* Prepares the view of every fix that has one; one that does not pass leaves its fix without. */
static void check_steps(struct loader *loader)
{
	hp_cleanup_statement sqlite3_stmt *fixes = NULL;
	struct hp_text bad = {0};
	if (hp_db_prepare(loader->db,
	                  "SELECT id, sql, file, line FROM knowledge.fix WHERE sql <> ''"
	                  " ORDER BY rule, id",
	                  &fixes, NULL))
		return;
	while (hp_db_step(fixes, NULL) == 1) {
		struct hp_error error = {0};
		const char *id = hp_db_text(fixes, 0);
		if (!check_view(loader, hp_db_text(fixes, 1), step_columns, HP_COUNT(step_columns),
		                hp_db_text(fixes, 2), (size_t)sqlite3_column_int64(fixes, 3),
		                &error))
			continue;
		complain_error(loader, &error);
		hp_text_printf(&bad, "UPDATE knowledge.fix SET sql = '' WHERE id = '%s';", id);
	}
	hp_db_finish(&fixes);
	hp_db_exec(loader->db, hp_text_get(&bad), NULL);
	hp_text_free(&bad);
}

int hp_load_directory(sqlite3 *db, const char *directory, const struct hp_load_options *options,
                      struct hp_error *err)
{
	int code = create_staging(db, err);
	if (code)
		return code;
	struct loader loader = {.db = db, .options = options, .fence = hp_fence_new(db)};
	read_folder(&loader, directory, "matrices", ".csv", read_matrix);
	read_folder(&loader, directory, "rules", ".sql", read_sql);
	read_folder(&loader, directory, "fixes", ".sql", read_sql);
	check_fixes(&loader);
	check_steps(&loader);
	hp_fence_free(loader.fence);
	code = hp_db_exec(db, "DROP TABLE temp.rule; DROP TABLE temp.fix", err);
	return code ? code : loader.complaints;
}
