// Reading rules and fixes: their statements behind the fence, held against what a rule may be.
// SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"
#include "judge/loader.h"
#include "judge/needs.h"

#include <errno.h>
#include <string.h>

/* The statements of one file, kept until all of it was read. */
struct held {
	struct hp_fence_statement *items;
	size_t count;
};

/* Staging: what a file says is first written here, behind the fence, where only these two tables
 * are. */
int hp_loader_stage(sqlite3 *db, struct hp_error *err)
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
	    " needs TEXT NOT NULL DEFAULT '', minds TEXT NOT NULL DEFAULT '') STRICT;"
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

int hp_loader_unstage(sqlite3 *db, struct hp_error *err)
{
	return hp_db_exec(db, "DROP TABLE temp.rule; DROP TABLE temp.fix", err);
}

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

static void stage_rows(struct hp_loader *loader, const struct hp_fence_statement *statement)
{
	struct hp_error error = {0};
	hp_cleanup_statement sqlite3_stmt *insert = NULL;
	hp_fence_begin(loader->fence, HP_FENCE_MODE_ROWS);
	int code = hp_fence_prepare(loader->fence, statement->sql, loader->file, statement->line,
	                            &insert, NULL, &error);
	if (code)
		hp_loader_complain_error(loader, &error);
	else if (sqlite3_step(insert) != SQLITE_DONE)
		hp_loader_complain_at(loader, statement->line, "%s", sqlite3_errmsg(loader->db));
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

static bool view_has_row(struct hp_loader *loader, const struct hp_fence_statement *view)
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

static void check_views_have_rows(struct hp_loader *loader, const struct held *held)
{
	for (size_t i = 0; i < held->count; i++) {
		const struct hp_fence_statement *view = &held->items[i];
		if (is_view(view) && !view_has_row(loader, view))
			hp_loader_complain_at(
			    loader, view->line, "no row of %s belongs to the view '%s'",
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
static int check_view(struct hp_loader *loader, const char *sql, const char *const columns[],
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

static int check_applies(struct hp_loader *loader, const char *id, const char *applies,
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

static int check_needs(const char *id, const char *what, const char *needs, const char *file,
                       size_t line, struct hp_error *err)
{
	int code = hp_needs_check(what, needs, err);
	return code ? hp_wrap(err, "%s:%zu: rule '%s'", file, line, id) : 0;
}

/* What would not run must not take the place of a rule that does. */
static int check_rule(struct hp_loader *loader, const char *id,
                      const struct hp_fence_statement *view, struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *row = NULL;
	int code = hp_db_prepare(
	    loader->db, "SELECT applies, needs, minds FROM temp.rule WHERE id = ?1", &row, err);
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
		code = check_needs(id, "needs", hp_db_text(row, 1), loader->file, view->line, err);
	if (!code)
		code = check_needs(id, "minds", hp_db_text(row, 2), loader->file, view->line, err);
	return code ? code
	            : check_view(loader, view->sql, rule_columns, HP_COUNT(rule_columns),
	                         loader->file, view->line, err);
}

static void store_rule(struct hp_loader *loader, const char *id,
                       const struct hp_fence_statement *view)
{
	hp_cleanup_free char *sql =
	    hp_asprintf("INSERT %sINTO knowledge.rule"
	                " SELECT id, title, impact, applies, resolution, reference, needs,"
	                " minds, ?2, ?3, ?4"
	                " FROM temp.rule WHERE id = ?1",
	                loader->options->replaces ? "OR REPLACE " : "");
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	struct hp_error error = {0};
	if (check_rule(loader, id, view, &error)) {
		hp_loader_complain_error(loader, &error);
		return;
	}
	if (hp_db_prepare(loader->db, sql, &statement, NULL))
		return;
	sqlite3_bind_text(statement, 1, id, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, view->sql, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 3, loader->file, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 4, (sqlite3_int64)view->line);
	if (sqlite3_step(statement) != SQLITE_DONE)
		hp_loader_complain_at(loader, view->line,
		                      "rule '%s' is there already, in another file", id);
}

static void store_rules(struct hp_loader *loader, const struct held *held)
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
			hp_loader_complain_at(loader, line_of_literal(held, HP_FENCE_RULE, id),
			                      "rule '%s' has no view in this file that passed", id);
	}
}

static void store_fixes(struct hp_loader *loader, const struct held *held)
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
			hp_loader_complain_at(
			    loader, line, "fix '%s' of rule '%s' is there already, in another file",
			    id, rule);
	}
}

void hp_loader_sql(struct hp_loader *loader, const char *name HP_UNUSED, const char *text)
{
	struct held held = {0};
	hp_fence_read(loader->file, text, hold, &held, hp_loader_complain, loader);
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

static void check_rules_of_fixes(struct hp_loader *loader)
{
	hp_cleanup_statement sqlite3_stmt *orphans = NULL;
	if (hp_db_prepare(loader->db,
	                  "SELECT id, rule, file, line FROM knowledge.fix"
	                  " WHERE rule NOT IN (SELECT id FROM knowledge.rule)",
	                  &orphans, NULL))
		return;
	while (hp_db_step(orphans, NULL) == 1) {
		loader->file = hp_db_text(orphans, 2);
		hp_loader_complain_at(loader, (size_t)sqlite3_column_int64(orphans, 3),
		                      "fix '%s' is for a rule '%s' that is"
		                      " not there",
		                      hp_db_text(orphans, 0), hp_db_text(orphans, 1));
	}
}

/* Prepares the view of every fix that has one; one that does not pass leaves its fix without. */
static void check_steps(struct hp_loader *loader)
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
		hp_loader_complain_error(loader, &error);
		hp_text_printf(&bad, "UPDATE knowledge.fix SET sql = '' WHERE id = '%s';", id);
	}
	hp_db_finish(&fixes);
	hp_db_exec(loader->db, hp_text_get(&bad), NULL);
	hp_text_free(&bad);
}

void hp_loader_check_fixes(struct hp_loader *loader)
{
	check_rules_of_fixes(loader);
	check_steps(loader);
}
