// `needs` and `minds` keep no rule from speaking: wherever a rule has rows, what it needs is met,
// and wherever one of them is no pass, what it minds is met too. SPDX-License-Identifier:
// Apache-2.0
//
// test-needs DIRECTORY…: every rule is run on every test host as if it needed nothing, then again
// with each column that is named there unknown in all rows. A rule that needs something and has no
// row on any of the hosts proves nothing, and is wrong too; so is one that minds something and does
// nothing but pass.
#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"
#include "hosts.h"
#include "judge/needs.h"

#include <string.h>

struct run {
	struct test_host host; // one store for all hosts, one after the other
	bool *spoke;           // one a rule: it had rows somewhere
	bool *minded;          // one a rule: not all of them were passes
	size_t rows, spared, calmed, nulled, wrong;
};

static bool word_names(const char *needs, const struct hp_table_def *table,
                       const struct hp_column_def *column)
{
	hp_cleanup_free char *name = hp_asprintf("%s.%s", table->name, column->name);
	const char *at = strstr(needs, name);
	return at && strchr(" |=!", at[strlen(name)]);
}

static bool names(const struct hp_rule *rule, const struct hp_table_def *table,
                  const struct hp_column_def *column)
{
	return word_names(rule->needs, table, column) || word_names(rule->minds, table, column);
}

static size_t count_others_than_pass(const struct test_rows *rows)
{
	size_t count = 0;
	for (size_t i = 0; i < rows->count; i++)
		count += rows->rows[i].result != HP_RESULT_PASS;
	return count;
}

static void expect(struct run *run, bool speaks, bool met, const char *where, const char *what)
{
	if (!speaks || met)
		return;
	fprintf(stderr, "%s: %s\n", where, what);
	run->wrong++;
}

static void judge(struct run *run, struct hp_needs *asked, size_t rule, const char *path,
                  const char *unknown)
{
	struct test_rows rows;
	const struct hp_rule *of = &run->host.rules[rule];
	test_host_run(&run->host, rule, &rows);
	size_t others = count_others_than_pass(&rows);
	bool needs = hp_needs_met(asked, of->needs), minds = hp_needs_met(asked, of->minds);
	hp_cleanup_free char *where =
	    hp_asprintf("%s%s%s, rule %s", path, *unknown ? " without " : "", unknown, of->id);
	expect(run, rows.count > 0, needs, where, "it has rows, but its needs are not met");
	expect(run, others > 0, minds, where, "it does not pass, but what it minds is not met");
	run->spoke[rule] |= rows.count > 0;
	run->minded[rule] |= others > 0;
	run->rows += rows.count;
	run->spared += !needs;
	run->calmed += needs && !minds;
	test_rows_free(&rows);
}

static void judge_all(struct run *run, const char *path)
{
	struct hp_needs *asked = hp_needs_new(run->host.db);
	for (size_t rule = 0; rule < run->host.rule_count; rule++)
		judge(run, asked, rule, path, "");
	hp_needs_free(asked);
}

/* The rules that need something of the column, while it is unknown in all rows. */
static void judge_without(struct run *run, const char *path, const struct hp_table_def *table,
                          const struct hp_column_def *column)
{
	hp_cleanup_free char *name = hp_asprintf("%s.%s", table->name, column->name);
	hp_cleanup_free char *sql =
	    hp_asprintf("SAVEPOINT s; UPDATE %s SET %s = NULL", table->name, column->name);
	struct hp_needs *asked = hp_needs_new(run->host.db);
	test_host_exec(&run->host, sql);
	for (size_t rule = 0; rule < run->host.rule_count; rule++)
		if (names(&run->host.rules[rule], table, column))
			judge(run, asked, rule, path, name);
	test_host_exec(&run->host, "ROLLBACK TO s; RELEASE s");
	hp_needs_free(asked);
	run->nulled++;
}

static bool is_needed(const struct run *run, const struct hp_table_def *table,
                      const struct hp_column_def *column)
{
	for (size_t rule = 0; rule < run->host.rule_count; rule++)
		if (names(&run->host.rules[rule], table, column))
			return true;
	return false;
}

/* Whether any row of this host knows the column. */
static bool is_known(struct run *run, const struct hp_table_def *table,
                     const struct hp_column_def *column)
{
	hp_cleanup_free char *sql =
	    hp_asprintf("SELECT count(*) FROM %s WHERE %s IS NOT NULL", table->name, column->name);
	return hp_db_number(run->host.db, sql, 0) > 0;
}

/* The hosts before are hosts of which nothing is known by now. */
static void forget_others(struct run *run)
{
	hp_cleanup_free char *sql = hp_asprintf("DELETE FROM host_summary WHERE host <> '%s'",
	                                        hp_facts_host(run->host.facts));
	test_host_exec(&run->host, sql);
}

static void judge_host(struct run *run, const char *path)
{
	test_host_import(&run->host, path);
	test_host_derive(&run->host);
	forget_others(run);
	judge_all(run, path);
	for (size_t t = 0; t < hp_table_count; t++)
		for (size_t c = 0; c < hp_tables[t].column_count; c++)
			if (!hp_tables[t].columns[c].required &&
			    is_needed(run, &hp_tables[t], &hp_tables[t].columns[c]) &&
			    is_known(run, &hp_tables[t], &hp_tables[t].columns[c]))
				judge_without(run, path, &hp_tables[t], &hp_tables[t].columns[c]);
	for (size_t t = 0; t < hp_table_count; t++) {
		hp_cleanup_free char *sql = hp_asprintf("DELETE FROM %s", hp_tables[t].name);
		test_host_exec(&run->host, sql);
	}
}

static size_t count_silent(const struct run *run)
{
	size_t silent = 0;
	for (size_t rule = 0; rule < run->host.rule_count; rule++) {
		const struct hp_rule *of = &run->host.rules[rule];
		bool silently = *of->needs && !run->spoke[rule];
		bool calmly = *of->minds && !run->minded[rule];
		if (silently)
			fprintf(stderr, "rule %s needs %s, and has rows on no test host\n", of->id,
			        of->needs);
		if (calmly)
			fprintf(stderr, "rule %s minds %s, and passes on all test hosts\n", of->id,
			        of->minds);
		silent += silently || calmly;
	}
	return silent;
}

int main(int argc, char **argv)
{
	struct test_files files = {0};
	struct run run = {0};
	test_files_find(&files, argv + 1, (size_t)argc - 1);
	test_host_open(&run.host, NULL);
	run.spoke = hp_calloc(run.host.rule_count, sizeof(*run.spoke));
	run.minded = hp_calloc(run.host.rule_count, sizeof(*run.minded));
	for (size_t i = 0; i < files.count; i++)
		judge_host(&run, files.paths[i]);
	size_t silent = count_silent(&run);
	printf("needs: %zu hosts, %zu columns made unknown, %zu rows; rules spared %zu times, and "
	       "%zu times where they would pass; %zu wrong, %zu rules silent\n",
	       files.count, run.nulled, run.rows, run.spared, run.calmed, run.wrong, silent);
	test_host_close(&run.host);
	test_files_free(&files);
	free(run.spoke);
	free(run.minded);
	return run.wrong || silent;
}
