// Rules and fixes in one piece. SPDX-License-Identifier: Apache-2.0
//
// Hundreds of rows with a page of SQL each are slow to read one by one, and nearly every command
// needs them all: knowledge.packed is one value with all their texts, a NUL behind each, in the
// order of the columns below; how many rules there are and how many fixes stand in front.
#include "judge/packed.h"
#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char counts_sql[] =
    "SELECT count(*), (SELECT count(*) FROM knowledge.fix"
    " WHERE rule IN (SELECT id FROM knowledge.rule)) FROM knowledge.rule";

static const char rules_sql[] =
    "SELECT id, title, impact, applies, resolution, reference, needs, minds, sql, file, line"
    " FROM knowledge.rule ORDER BY id";

static const char fixes_sql[] =
    "SELECT rule, id, kind, distance, title, undo, sql, file, line FROM knowledge.fix"
    " WHERE rule IN (SELECT id FROM knowledge.rule)"
    " ORDER BY rule, CASE distance WHEN 'live' THEN 1 WHEN 'drain' THEN 2"
    "  WHEN 'reload' THEN 3 WHEN 'reboot' THEN 4 WHEN 'firmware' THEN 5 ELSE 6 END, id";

static int add_rows(sqlite3 *db, const char *sql, struct hp_text *ret, struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *rows = NULL;
	int code = hp_db_prepare(db, sql, &rows, err);
	while (!code && (code = hp_db_step(rows, err)) == 1) {
		for (int i = 0; i < sqlite3_column_count(rows); i++) {
			const char *text = hp_db_text(rows, i);
			hp_text_add(ret, text ? text : "", text ? strlen(text) + 1 : 1);
		}
		code = 0;
	}
	return code;
}

int hp_packed_write(sqlite3 *db, struct hp_error *err)
{
	static const char *const parts[] = {counts_sql, rules_sql, fixes_sql};
	hp_cleanup_text struct hp_text text = {0};
	hp_cleanup_statement sqlite3_stmt *insert = NULL;
	int code = hp_db_exec(db, "DELETE FROM knowledge.packed", err);
	for (size_t i = 0; !code && i < HP_COUNT(parts); i++)
		code = add_rows(db, parts[i], &text, err);
	if (!code)
		code = hp_db_prepare(db, "INSERT INTO knowledge.packed VALUES (?1)", &insert, err);
	if (code)
		return code;
	sqlite3_bind_blob64(insert, 1, text.data, text.length, SQLITE_STATIC);
	return hp_db_step(insert, err);
}

struct reader {
	const char *at, *end;
};

/* Behind the end there is a NUL. */
static const char *next(struct reader *reader)
{
	const char *text = reader->at;
	if (reader->at < reader->end)
		reader->at += strlen(reader->at) + 1;
	return text;
}

static size_t next_number(struct reader *reader)
{
	return (size_t)strtoull(next(reader), NULL, 10);
}

/* The columns of rules_sql. */
static void read_rule(struct reader *reader, struct hp_rule *ret)
{
	ret->id = next(reader);
	ret->title = next(reader);
	ret->impact = (enum hp_impact)hp_impact_parse(next(reader));
	ret->applies = next(reader);
	ret->resolution = next(reader);
	ret->reference = next(reader);
	ret->needs = next(reader);
	ret->minds = next(reader);
	ret->sql = next(reader);
	ret->file = next(reader);
	ret->line = next_number(reader);
}

/* The columns of fixes_sql but the first. */
static void read_fix(struct reader *reader, struct hp_fix *ret)
{
	ret->id = next(reader);
	ret->kind = next(reader);
	ret->distance = (enum hp_distance)hp_distance_parse(next(reader));
	ret->title = next(reader);
	ret->undo = next(reader);
	ret->sql = next(reader);
	ret->file = next(reader);
	ret->line = next_number(reader);
}

static void read_all(struct reader *reader, struct hp_pool *pool, struct hp_packed *ret)
{
	size_t fixes;
	ret->rule_count = next_number(reader);
	fixes = next_number(reader);
	ret->rules = hp_pool_alloc(pool, (ret->rule_count + 1) * sizeof(*ret->rules));
	ret->fixes = hp_pool_alloc(pool, (fixes + 1) * sizeof(*ret->fixes));
	for (size_t i = 0; i < ret->rule_count; i++)
		read_rule(reader, &ret->rules[i]);
	struct hp_rule *rule = ret->rules;
	for (size_t i = 0; i < fixes; i++) {
		const char *of = next(reader);
		while (rule < ret->rules + ret->rule_count && strcmp(rule->id, of) != 0)
			rule++;
		read_fix(reader, &ret->fixes[i]);
		if (!rule->fix_count++)
			rule->fixes = &ret->fixes[i];
	}
}

static void close_blob(sqlite3_blob **blob)
{
	sqlite3_blob_close(*blob);
}

/* Read to where it stays: as a column it would be put together elsewhere first. */
int hp_packed_read(sqlite3 *db, struct hp_pool *pool, struct hp_packed *ret, struct hp_error *err)
{
	sqlite3_blob *texts __attribute__((cleanup(close_blob))) = NULL;
	int64_t row = hp_db_number(db, "SELECT rowid FROM knowledge.packed", -1);
	if (row < 0)
		return hp_fail(err, -EINVAL, "knowledge: no rules are in it");
	if (sqlite3_blob_open(db, "knowledge", "packed", "texts", row, 0, &texts) != SQLITE_OK)
		return hp_fail(err, -EIO, "knowledge: %s", sqlite3_errmsg(db));
	int length = sqlite3_blob_bytes(texts);
	char *copy = hp_pool_alloc(pool, (size_t)length + 1);
	if (sqlite3_blob_read(texts, copy, length, 0) != SQLITE_OK)
		return hp_fail(err, -EIO, "knowledge: %s", sqlite3_errmsg(db));
	struct reader reader = {copy, copy + length};
	read_all(&reader, pool, ret);
	return 0;
}
