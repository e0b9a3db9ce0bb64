// `needs` keeps no rule from speaking: wherever a rule has rows, what it needs is met.
// SPDX-License-Identifier: Apache-2.0
//
// test-needs DIRECTORY…: every rule is run on every test host as if it needed nothing, then again
// with each column that a `needs` names unknown in all rows. A rule that needs something and has no
// row on any of the hosts proves nothing, and is wrong too.
#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"
#include "hosts.h"
#include "judge/needs.h"

#include <string.h>

struct run {
	struct test_host host; // one store for all hosts, one after the other
	bool *spoke;           // one a rule: it had rows somewhere
	size_t rows, spared, nulled, wrong;
};

static bool names(const char *needs, const struct hp_table_def *table,
                  const struct hp_column_def *column)
{
	hp_cleanup_free char *name = hp_asprintf("%s.%s", table->name, column->name);
	const char *at = strstr(needs, name);
	return at && strchr(" |=", at[strlen(name)]);
}

static void judge(struct run *run, struct hp_needs *asked, size_t rule, const char *path,
                  const char *unknown)
{
	struct test_rows rows;
	const struct hp_rule *of = &run->host.rules[rule];
	test_host_run(&run->host, rule, &rows);
	bool met = hp_needs_met(asked, of->needs);
	if (rows.count && !met) {
		fprintf(stderr, "%s%s%s: rule %s has rows, but its needs are not met: %s\n", path,
		        *unknown ? " without " : "", unknown, of->id, of->needs);
		run->wrong++;
	}
	run->spoke[rule] |= rows.count > 0;
	run->rows += rows.count;
	run->spared += !met;
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
		if (names(run->host.rules[rule].needs, table, column))
			judge(run, asked, rule, path, name);
	test_host_exec(&run->host, "ROLLBACK TO s; RELEASE s");
	hp_needs_free(asked);
	run->nulled++;
}

static bool is_needed(const struct run *run, const struct hp_table_def *table,
                      const struct hp_column_def *column)
{
	for (size_t rule = 0; rule < run->host.rule_count; rule++)
		if (names(run->host.rules[rule].needs, table, column))
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
		if (!*of->needs || run->spoke[rule])
			continue;
		fprintf(stderr, "rule %s needs %s, and has rows on no test host\n", of->id,
		        of->needs);
		silent++;
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
	for (size_t i = 0; i < files.count; i++)
		judge_host(&run, files.paths[i]);
	size_t silent = count_silent(&run);
	printf("needs: %zu hosts, %zu columns made unknown, %zu rows; rules spared %zu times; %zu "
	       "wrong, %zu rules silent\n",
	       files.count, run.nulled, run.rows, run.spared, run.wrong, silent);
	test_host_close(&run.host);
	test_files_free(&files);
	free(run.spoke);
	return run.wrong || silent;
}
