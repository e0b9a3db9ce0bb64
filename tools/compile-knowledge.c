// Compiles the knowledge, at build, into one SQLite file: compile-knowledge TABLES.sql DIRECTORY
// OUTPUT DEPFILE. Anything that is wrong with it is an error of the build. SPDX-License-Identifier:
// Apache-2.0
#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"
#include "judge/load.h"
#include "judge/packed.h"

#include <errno.h>
#include <string.h>

static void complain(void *data HP_UNUSED, const char *message)
{
	fprintf(stderr, "%s\n", message);
}

static char *read_all(const char *path)
{
	hp_cleanup_file FILE *file = fopen(path, "re");
	struct hp_text text = {0};
	char chunk[65536];
	for (size_t length; file && (length = fread(chunk, 1, sizeof(chunk), file)) > 0;)
		hp_text_add(&text, chunk, length);
	return text.data;
}

/* Makes the file with its empty tables. */
static int create(const char *tables, const char *output, struct hp_error *err)
{
	hp_cleanup_free char *sql = read_all(tables);
	if (!sql)
		return hp_fail(err, -ENOENT, "%s: cannot read it", tables);
	sqlite3 *db = NULL;
	remove(output);
	int code = sqlite3_open(output, &db) == SQLITE_OK
	               ? hp_db_exec(db, sql, err)
	               : hp_fail(err, -EIO, "%s: cannot make it", output);
	sqlite3_close(db);
	return code;
}

static int open_all(const char *output, sqlite3 *db, struct hp_error *err)
{
	hp_cleanup_free char *attach = sqlite3_mprintf("ATTACH %Q AS knowledge", output);
	hp_cleanup_free char *copy = hp_strdup(attach);
	sqlite3_free(hp_steal(attach));
	int code = hp_db_add_functions(db, err);
	for (size_t i = 0; !code && i < hp_table_count; i++)
		code = hp_db_exec(db, hp_schema_sqlite[i], err);
	if (!code)
		code = hp_db_exec(db, copy, err);
	return code ? code : hp_load_create(db, err);
}

/* What is stored names files as they lie below the directory. */
static int finish(sqlite3 *db, const char *directory, struct hp_error *err)
{
	char *sql = sqlite3_mprintf("UPDATE knowledge.rule SET file = substr(file, %d);"
	                            "UPDATE knowledge.fix SET file = substr(file, %d)",
	                            (int)strlen(directory) + 2, (int)strlen(directory) + 2);
	int code = hp_db_exec(db, sql, err);
	sqlite3_free(sql);
	if (!code)
		code = hp_packed_write(db, err);
	return code ? code : hp_db_exec(db, "COMMIT; ANALYZE knowledge; VACUUM knowledge", err);
}

static int compile(char **argv, struct hp_error *err)
{
	const char *tables = argv[1], *directory = argv[2], *output = argv[3];
	hp_cleanup_file FILE *depends = fopen(argv[4], "we");
	if (!depends)
		return hp_fail(err, -errno, "%s: %s", argv[4], strerror(errno));
	fprintf(depends, "%s:", output);
	sqlite3 *db = NULL;
	int code = create(tables, output, err);
	if (!code && sqlite3_open(":memory:", &db) != SQLITE_OK)
		code = hp_fail(err, -EIO, "cannot open a database in memory");
	if (!code)
		code = open_all(output, db, err);
	if (!code)
		code = hp_db_exec(db, "BEGIN", err);
	struct hp_load_options options = {.complain = complain, .depends = depends};
	if (!code)
		code = hp_load_directory(db, directory, &options, err);
	if (code > 0)
		code = hp_fail(err, -EINVAL, "%d mistakes in %s", code, directory);
	if (!code)
		code = finish(db, directory, err);
	fprintf(depends, "\n");
	sqlite3_close(db);
	return code;
}

int main(int argc, char **argv)
{
	struct hp_error error = {0};
	if (argc != 5) {
		fprintf(stderr, "compile-knowledge TABLES.sql DIRECTORY OUTPUT DEPFILE\n");
		return 2;
	}
	if (!compile(argv, &error))
		return 0;
	fprintf(stderr, "%s\n", error.message);
	remove(argv[3]);
	return 1;
}
