// The store of facts. SPDX-License-Identifier: Apache-2.0
#include "facts/facts.h"
#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"
#include "base/version.h"
#include "facts/tape.h"

#include <errno.h>
#include <string.h>

/* A statement that puts a row, and room for the row's texts until it is put. */
struct insert {
	sqlite3_stmt *statement; // prepared when first used
	size_t used;
	char room[2048];
};

struct hp_facts {
	sqlite3 *db;
	char *host;
	char **begun; // names of hosts that were begun
	size_t begun_count;
	struct insert *inserts[HP_TBL_COUNT]; // NULL before the first row
	bool once;                            // a row with the same key is refused
	struct hp_tape *tape;                 // what rows go to instead of a store, or NULL
};

const struct hp_table_def *hp_table_find(const char *name)
{
	for (size_t i = 0; i < hp_table_count; i++)
		if (strcmp(hp_tables[i].name, name) == 0)
			return &hp_tables[i];
	return NULL;
}

int hp_column_find(const struct hp_table_def *table, const char *name)
{
	for (size_t i = 0; i < table->column_count; i++)
		if (strcmp(table->columns[i].name, name) == 0)
			return (int)i;
	return -1;
}

/* Copying the image of the empty store takes a quarter of the time of creating its tables. */
static int load_image(sqlite3 *db, struct hp_error *err)
{
	sqlite3_int64 size = hp_schema_image_end - hp_schema_image;
	unsigned char *copy = sqlite3_malloc64((sqlite3_uint64)size);
	if (!copy)
		return hp_fail(err, -ENOMEM, "out of memory");
	memcpy(copy, hp_schema_image, (size_t)size);
	const unsigned flags = SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE;
	if (sqlite3_deserialize(db, "main", copy, size, size, flags) != SQLITE_OK)
		return hp_fail(err, -EIO, "cannot open the store: %s", sqlite3_errmsg(db));
	return 0;
}

int hp_facts_new(struct hp_facts **ret, struct hp_error *err)
{
	struct hp_facts *facts = hp_calloc(1, sizeof(*facts));
	facts->host = hp_strdup("localhost");
	int code = 0;
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
	if (sqlite3_open_v2(":memory:", &facts->db, flags, NULL) != SQLITE_OK)
		code = hp_fail(err, -ENOMEM, "cannot open a database in memory");
	if (!code)
		code = hp_db_add_functions(facts->db, err);
	if (!code)
		code = load_image(facts->db, err);
	if (code) {
		hp_facts_free(facts);
		return code;
	}
	*ret = facts;
	return 0;
}

struct hp_facts *hp_facts_new_tape(struct hp_tape *tape)
{
	struct hp_facts *facts = hp_calloc(1, sizeof(*facts));
	facts->host = hp_strdup("");
	facts->tape = tape;
	return facts;
}

static void finish_inserts(struct hp_facts *facts)
{
	for (size_t i = 0; i < HP_TBL_COUNT; i++) {
		if (facts->inserts[i])
			sqlite3_finalize(facts->inserts[i]->statement);
		free(hp_steal(facts->inserts[i]));
	}
}

void hp_facts_free(struct hp_facts *facts)
{
	if (!facts)
		return;
	finish_inserts(facts);
	sqlite3_close(facts->db);
	for (size_t i = 0; i < facts->begun_count; i++)
		free(facts->begun[i]);
	free(facts->begun);
	free(facts->host);
	free(facts);
}

sqlite3 *hp_facts_db(struct hp_facts *facts)
{
	return facts->db;
}

const void *hp_facts_image(struct hp_facts *facts, size_t *ret_size)
{
	sqlite3_int64 size = 0;
	const void *image = sqlite3_serialize(facts->db, "main", &size, SQLITE_SERIALIZE_NOCOPY);
	*ret_size = (size_t)size;
	return image;
}

/* Below the connection, which finds that another changed the file, and the schema the same. */
int hp_facts_take_image(struct hp_facts *facts, const void *image, size_t size)
{
	sqlite3_file *file = NULL;
	int code = sqlite3_file_control(facts->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
	if (code == SQLITE_OK)
		code = file->pMethods->xWrite(file, image, (int)size, 0);
	return code == SQLITE_OK ? 0 : -EIO;
}

void hp_facts_set_host(struct hp_facts *facts, const char *host)
{
	free(facts->host);
	facts->host = hp_strdup(host);
}

const char *hp_facts_host(const struct hp_facts *facts)
{
	return facts->host;
}

/* What a host says of itself may be any bytes, and ends up on terminals: a clean copy of what is
 * not clean, NULL of what is. */
static char *cleaned(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	while (*at >= ' ' && *at < 0x7f)
		at++;
	if (!*at)
		return NULL;
	char *copy = hp_strdup(text);
	hp_one_line(copy);
	return copy;
}

static bool is_begun(const struct hp_facts *facts, const char *name)
{
	for (size_t i = 0; i < facts->begun_count; i++)
		if (strcmp(facts->begun[i], name) == 0)
			return true;
	return false;
}

void hp_facts_begin_host(struct hp_facts *facts, const char *name)
{
	hp_cleanup_free char *clean = cleaned(name);
	name = clean ? clean : name;
	char *unique = hp_strdup(name);
	for (size_t n = 2; is_begun(facts, unique); n++) {
		free(unique);
		unique = hp_asprintf("%s#%zu", name, n);
	}
	facts->begun = hp_realloc(facts->begun, (facts->begun_count + 1) * sizeof(*facts->begun));
	facts->begun[facts->begun_count++] = unique;
	hp_facts_set_host(facts, unique);
}

const char *const *hp_facts_begun(const struct hp_facts *facts, size_t *ret_count)
{
	*ret_count = facts->begun_count;
	return (const char *const *)facts->begun;
}

void hp_facts_each_row_once(struct hp_facts *facts, bool once)
{
	facts->once = once;
	finish_inserts(facts);
}

static struct insert *insert_for(struct hp_facts *facts, enum hp_tbl table)
{
	if (facts->inserts[table])
		return facts->inserts[table];
	struct insert *insert = facts->inserts[table] = hp_calloc(1, sizeof(*insert));
	hp_cleanup_text struct hp_text sql = {0};
	bool once = facts->once && table != HP_TBL_OBSERVED;
	hp_text_printf(&sql, "INSERT %sINTO %s VALUES (", once ? "" : "OR REPLACE ",
	               hp_tables[table].name);
	for (size_t i = 0; i < hp_tables[table].column_count; i++)
		hp_text_puts(&sql, i ? ",?" : "?");
	hp_text_puts(&sql, ")");
	sqlite3_prepare_v3(facts->db, sql.data, -1, SQLITE_PREPARE_PERSISTENT, &insert->statement,
	                   NULL);
	return insert;
}

/* Most texts fit into the room; SQLite copies the others, each into a block of its own. */
static void bind(struct insert *insert, int column, const char *value)
{
	size_t size = strlen(value) + 1;
	if (size > sizeof(insert->room) - insert->used) {
		sqlite3_bind_text(insert->statement, column + 1, value, -1, SQLITE_TRANSIENT);
		return;
	}
	char *copy = memcpy(insert->room + insert->used, value, size);
	insert->used += size;
	sqlite3_bind_text(insert->statement, column + 1, copy, (int)size - 1, SQLITE_STATIC);
}

static void bind_key(struct insert *insert, enum hp_tbl table, int column, const char *version)
{
	if (strcmp(hp_tables[table].columns[column].domain, "version") != 0)
		return;
	char *key = hp_version_key(version);
	if (key)
		sqlite3_bind_text(insert->statement, column + 2, key, -1, free);
}

static struct insert *begin(struct hp_facts *facts, enum hp_tbl table)
{
	struct insert *insert = insert_for(facts, table);
	sqlite3_reset(insert->statement);
	sqlite3_clear_bindings(insert->statement);
	insert->used = 0;
	bind(insert, 0, facts->host); // every table of facts begins with it
	return insert;
}

struct hp_row hp_row_begin(struct hp_facts *facts, enum hp_tbl table)
{
	if (facts->tape)
		hp_tape_add(facts->tape, HP_TAPE_BEGIN, table, 0, NULL, 0);
	else
		begin(facts, table);
	return (struct hp_row){.facts = facts, .table = table};
}

void hp_row_text(struct hp_row *row, int column, const char *value)
{
	if (!value)
		return;
	hp_cleanup_free char *clean = cleaned(value);
	value = clean ? clean : value;
	if (row->facts->tape) {
		hp_tape_add(row->facts->tape, HP_TAPE_TEXT, row->table, column, value,
		            strlen(value) + 1);
		return;
	}
	struct insert *insert = row->facts->inserts[row->table];
	bind(insert, column, value);
	bind_key(insert, row->table, column, value);
}

void hp_row_number(struct hp_row *row, int column, int64_t value)
{
	if (row->facts->tape)
		hp_tape_add(row->facts->tape, HP_TAPE_NUMBER, row->table, column, &value,
		            sizeof(value));
	else
		sqlite3_bind_int64(row->facts->inserts[row->table]->statement, column + 1, value);
}

static int put(struct hp_facts *facts, enum hp_tbl table, struct hp_error *err)
{
	sqlite3_stmt *insert = facts->inserts[table]->statement;
	int code = sqlite3_step(insert);
	int constraint = sqlite3_extended_errcode(facts->db);
	sqlite3_reset(insert);
	if (code == SQLITE_DONE)
		return 0;
	if (constraint == SQLITE_CONSTRAINT_PRIMARYKEY || constraint == SQLITE_CONSTRAINT_UNIQUE)
		return hp_fail(err, -EEXIST, "a row with the same key stands above");
	return hp_fail(err, -EINVAL, "facts: row of %s: %s", hp_tables[table].name,
	               sqlite3_errmsg(facts->db));
}

int hp_row_put(struct hp_row *row, struct hp_error *err)
{
	if (!row->facts->tape)
		return put(row->facts, row->table, err);
	hp_tape_add(row->facts->tape, HP_TAPE_PUT, row->table, 0, NULL, 0);
	return 0;
}

/* Texts stay where they are until their row is put. */
int hp_facts_play(struct hp_facts *facts, const struct hp_tape *tape, struct hp_error *err)
{
	const struct hp_tape_step *step;
	int code = 0;
	for (size_t at = 0; !code && (step = hp_tape_next(tape, &at));) {
		struct insert *insert = step->what == HP_TAPE_BEGIN ? begin(facts, step->table)
		                                                    : facts->inserts[step->table];
		const void *value = step + 1;
		if (step->what == HP_TAPE_TEXT) {
			sqlite3_bind_text(insert->statement, step->column + 1, value,
			                  (int)step->size - 1, SQLITE_STATIC);
			bind_key(insert, step->table, step->column, value);
		} else if (step->what == HP_TAPE_NUMBER) {
			sqlite3_bind_int64(insert->statement, step->column + 1,
			                   *(const int64_t *)value);
		} else if (step->what == HP_TAPE_PUT) {
			code = put(facts, step->table, err);
		}
	}
	return code;
}

int hp_facts_observed(struct hp_facts *facts, enum hp_tbl table, const char *subject,
                      const char *state, struct hp_error *err)
{
	struct hp_row row = hp_row_begin(facts, HP_TBL_OBSERVED);
	hp_row_text(&row, HP_OBSERVED_TBL, hp_tables[table].name);
	hp_row_text(&row, HP_OBSERVED_SUBJECT, subject);
	hp_row_text(&row, HP_OBSERVED_STATE, state);
	return hp_row_put(&row, err);
}

int hp_facts_gap(struct hp_facts *facts, const char *kind, const char *what, const char *why_format,
                 ...)
{
	va_list args;
	va_start(args, why_format);
	char why[HP_ERROR_SIZE];
	vsnprintf(why, sizeof(why), why_format, args);
	va_end(args);
	struct hp_row row = hp_row_begin(facts, HP_TBL_GAP);
	hp_row_text(&row, HP_GAP_WHAT, what);
	hp_row_text(&row, HP_GAP_WHY, why);
	hp_row_text(&row, HP_GAP_KIND, kind);
	return hp_row_put(&row, NULL);
}

int hp_facts_origin(struct hp_facts *facts, enum hp_tbl table, const char *subject,
                    const char *column, const char *source, struct hp_error *err)
{
	struct hp_row row = hp_row_begin(facts, HP_TBL_ORIGIN);
	hp_row_text(&row, HP_ORIGIN_TBL, hp_tables[table].name);
	hp_row_text(&row, HP_ORIGIN_SUBJECT, subject);
	hp_row_text(&row, HP_ORIGIN_COL, column);
	hp_row_text(&row, HP_ORIGIN_SOURCE, source);
	return hp_row_put(&row, err);
}

/* The word of the origin table for a value, or for its whole row. */
static char *stated_origin(struct hp_facts *facts, const char *host, enum hp_tbl table,
                           const char *key, const char *column)
{
	hp_cleanup_statement sqlite3_stmt *query = NULL;
	if (hp_db_prepare(facts->db,
	                  "SELECT source FROM origin WHERE host = ?1 AND tbl = ?2 AND subject = ?3 "
	                  "AND col IN (?4, '') ORDER BY col DESC",
	                  &query, NULL))
		return NULL;
	sqlite3_bind_text(query, 1, host, -1, SQLITE_STATIC);
	sqlite3_bind_text(query, 2, hp_tables[table].name, -1, SQLITE_STATIC);
	sqlite3_bind_text(query, 3, key, -1, SQLITE_STATIC);
	sqlite3_bind_text(query, 4, column, -1, SQLITE_STATIC);
	return hp_db_step(query, NULL) == 1 ? hp_strdup(hp_db_text(query, 0)) : NULL;
}

/* The first column of the key behind the host, -1 for tables with one row a host. */
static int subject_column(const struct hp_table_def *table)
{
	for (size_t i = 1; i < table->column_count; i++)
		if (table->columns[i].key)
			return (int)i;
	return -1;
}

static sqlite3_stmt *select_row(struct hp_facts *facts, const char *host, enum hp_tbl table,
                                const char *key)
{
	int subject = subject_column(&hp_tables[table]);
	hp_cleanup_text struct hp_text sql = {0};
	hp_text_printf(&sql, "SELECT * FROM %s WHERE host = ?1", hp_tables[table].name);
	if (subject >= 0)
		hp_text_printf(&sql, " AND %s = ?2", hp_tables[table].columns[subject].name);
	sqlite3_stmt *query = NULL;
	if (hp_db_prepare(facts->db, sql.data, &query, NULL))
		return NULL;
	sqlite3_bind_text(query, 1, host, -1, SQLITE_STATIC);
	if (subject >= 0)
		sqlite3_bind_text(query, 2, key, -1, SQLITE_STATIC);
	if (hp_db_step(query, NULL) != 1)
		hp_db_finish(&query);
	return query;
}

char *hp_facts_where(struct hp_facts *facts, const char *host, enum hp_tbl table, const char *key,
                     int column)
{
	const struct hp_table_def *def = &hp_tables[table];
	char *stated = stated_origin(facts, host, table, key, def->columns[column].name);
	if (stated)
		return stated;
	const char *template = def->columns[column].origin;
	if (!*template)
		return NULL;
	hp_cleanup_statement sqlite3_stmt *row = NULL;
	struct hp_text path = {0};
	while (*template) {
		size_t plain = strcspn(template, "{");
		hp_text_add(&path, template, plain);
		template += plain;
		if (!*template)
			break;
		size_t length = strcspn(template + 1, "}");
		hp_cleanup_free char *name = hp_strndup(template + 1, length);
		int named = hp_column_find(def, name);
		if (!row)
			row = select_row(facts, host, table, key);
		const char *value = row && named >= 0 ? hp_db_text(row, named) : NULL;
		if (!value && named == subject_column(def))
			value = key;
		hp_text_puts(&path, value ? value : "*");
		template += length + 2;
	}
	return path.data;
}
