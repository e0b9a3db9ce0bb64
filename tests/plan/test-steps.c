// The steps of fixes on all test hosts: every kind is there, subjects are those of the findings,
// and walking a step makes its finding pass where its state is a fact. test-steps DIRECTORY…
// SPDX-License-Identifier: Apache-2.0
#include "../knowledge/hosts.h"

#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"
#include "step/step.h"

#include <string.h>

struct row {
	char *subject, *kind, *target, *want;
};

struct rows {
	struct row *items;
	size_t count;
};

struct tally {
	size_t findings, mended, walked, wrong;
	bool *mends, *fails, *elsewhere; // of each fix, in the order of the rules
};

static void rows_free(struct rows *rows)
{
	for (size_t i = 0; i < rows->count; i++) {
		free(rows->items[i].subject);
		free(rows->items[i].kind);
		free(rows->items[i].target);
		free(rows->items[i].want);
	}
	free(rows->items);
	*rows = (struct rows){0};
}

static void wrong(struct tally *tally, const char *host, const char *fix, const char *what,
                  const char *which)
{
	printf("%s: %s: %s %s\n", host, fix, what, which);
	tally->wrong++;
}

static char *column(sqlite3_stmt *row, int at)
{
	const char *text = hp_db_text(row, at);
	return text ? hp_strdup(text) : NULL;
}

static void run_view(struct test_host *host, const struct hp_fix *fix, struct rows *ret)
{
	struct hp_fence *fence = hp_knowledge_fence(host->knowledge);
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	struct hp_error err = {0};
	hp_fence_begin(fence, HP_FENCE_MODE_RULE);
	if (hp_fence_prepare(fence, fix->sql, fix->file, fix->line, &statement, NULL, &err)) {
		fprintf(stderr, "%s\n", err.message);
		exit(1);
	}
	while (hp_db_step(statement, &err) == 1) {
		ret->items = hp_realloc(ret->items, (ret->count + 1) * sizeof(*ret->items));
		ret->items[ret->count++] = (struct row){column(statement, 1), column(statement, 2),
		                                        column(statement, 3), column(statement, 4)};
	}
	hp_db_finish(&statement);
	hp_fence_end(fence);
}

// -- rows as they must be --

static void check_row(const char *host, const struct hp_fix *fix, const struct row *row,
                      struct tally *tally)
{
	struct hp_error err = {0};
	if (!row->subject || !row->kind || !row->target || !row->want)
		wrong(tally, host, fix->id, "a column is NULL for",
		      row->subject ? row->subject : "?");
	else if (!hp_kind_find(row->kind, &err))
		wrong(tally, host, fix->id, "there is no kind", row->kind);
	else if (!*row->want || strchr(row->want, '\n'))
		wrong(tally, host, fix->id, "no word is", row->want);
}

// -- states that are facts --

static const char *driver_of(const char *want)
{
	return strcmp(want, "vfio") == 0 ? "vfio-pci" : want;
}

/* What a step leaves behind, as facts: SQL with %s for target and state; NULL: no single fact. */
static const struct {
	const char *kind, *sql, *word; // word NULL: any
} outcomes[] = {
    {"driver", "UPDATE pci_function SET driver = '%2$s' WHERE address = '%1$s'", NULL},
    {"module",
     "INSERT OR REPLACE INTO module (host, module, state)"
     " SELECT host, '%1$s', 'loaded' FROM host_summary;"
     "UPDATE nvidia_driver SET loaded_version = '580.95.05', loaded_flavour = 'open' WHERE "
     "'%1$s' = 'nvidia'",
     "loaded"},
    {"module",
     "UPDATE module SET state = 'available' WHERE module = '%1$s';"
     "DELETE FROM holder WHERE holder = replace('%1$s', '_', '-')",
     "unloaded"},
    {"sriov", "UPDATE pci_function SET sriov_numvfs = %2$s WHERE address = '%1$s'", NULL},
    {"unit", "UPDATE service SET state = 'active', enabled = 'enabled' WHERE service = '%1$s'",
     "running enabled"},
};

static bool walk(struct test_host *host, const struct row *row)
{
	for (size_t i = 0; i < HP_COUNT(outcomes); i++) {
		if (strcmp(outcomes[i].kind, row->kind) != 0 ||
		    (outcomes[i].word && strcmp(outcomes[i].word, row->want) != 0))
			continue;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		hp_cleanup_free char *sql =
		    hp_asprintf(outcomes[i].sql, row->target, driver_of(row->want));
#pragma GCC diagnostic pop
		test_host_exec(host, sql);
		return true;
	}
	return false;
}

/* A finding whose steps are all facts must not fail once they are walked. */
static void walk_all(const char *path, const char *fix_id, size_t rule, const char *key,
                     const struct rows *rows, const char *subject, struct tally *tally)
{
	struct test_host host;
	struct test_rows after;
	/* That the driver then offers vGPUs is its own answer. */
	bool mapped = strcmp(fix_id, "vgpu-enable") != 0;
	test_host_open(&host, path);
	for (size_t i = 0; i < rows->count; i++)
		if (strcmp(rows->items[i].subject, subject) == 0)
			mapped &= walk(&host, &rows->items[i]);
	if (mapped) {
		test_host_derive(&host);
		test_host_run(&host, rule, &after);
		const struct test_row *row = test_rows_find(&after, key);
		tally->walked++;
		if (row && row->result == HP_RESULT_FAIL)
			wrong(tally, path, fix_id,
			      "walked, and the finding still fails:", row->evidence);
		test_rows_free(&after);
	}
	test_host_close(&host);
}

// -- all of it --

static void check_fix(struct test_host *host, size_t rule, const struct hp_fix *fix, size_t at,
                      const struct test_rows *findings, struct tally *tally)
{
	struct rows rows = {0};
	size_t walked = 0;
	run_view(host, fix, &rows);
	for (size_t i = 0; i < rows.count; i++)
		check_row(host->path, fix, &rows.items[i], tally);
	for (size_t i = 0; i < findings->count; i++) {
		const struct test_row *finding = &findings->rows[i];
		hp_cleanup_free char *subject =
		    hp_strndup(finding->key, strcspn(finding->key, " "));
		bool mends = false;
		if (finding->result != HP_RESULT_FAIL)
			continue;
		for (size_t r = 0; r < rows.count; r++)
			mends |= strcmp(rows.items[r].subject, subject) == 0;
		tally->fails[at] = true;
		tally->mends[at] |= mends;
		tally->elsewhere[at] |= !mends && rows.count > 0;
		tally->findings++;
		tally->mended += mends;
		/* Once a host is enough: the others are alike. */
		if (mends && !walked++)
			walk_all(host->path, fix->id, rule, finding->key, &rows, subject, tally);
	}
	rows_free(&rows);
}

static bool has_steps(const struct hp_rule *rule)
{
	for (size_t f = 0; f < rule->fix_count; f++)
		if (*rule->fixes[f].sql)
			return true;
	return false;
}

static void check_host(const char *path, struct tally *tally)
{
	struct test_host host;
	size_t at = 0;
	test_host_open(&host, path);
	for (size_t r = 0; r < host.rule_count; r++) {
		struct test_rows findings = {0};
		if (has_steps(&host.rules[r]))
			test_host_run(&host, r, &findings);
		for (size_t f = 0; f < host.rules[r].fix_count; f++, at++)
			if (*host.rules[r].fixes[f].sql)
				check_fix(&host, r, &host.rules[r].fixes[f], at, &findings, tally);
		test_rows_free(&findings);
	}
	test_host_close(&host);
}

/* Every fix whose kind a step has shows its steps; no view speaks of other subjects than its rule.
 */
static void check_fixes(const struct test_host *host, struct tally *tally)
{
	struct hp_error err = {0};
	size_t at = 0;
	for (size_t r = 0; r < host->rule_count; r++)
		for (size_t f = 0; f < host->rules[r].fix_count; f++, at++) {
			const struct hp_fix *fix = &host->rules[r].fixes[f];
			if (!*fix->sql && hp_kind_find(fix->kind, &err))
				wrong(tally, "knowledge", fix->id, "has no view of its steps, kind",
				      fix->kind);
			if (tally->fails[at] && !tally->mends[at] && tally->elsewhere[at])
				wrong(tally, "knowledge", fix->id,
				      "its view never has the subject of a finding of",
				      host->rules[r].id);
		}
}

int main(int argc, char **argv)
{
	struct test_files files = {0};
	struct test_host host;
	struct tally tally = {0};
	test_files_find(&files, argv + 1, (size_t)argc - 1);
	test_host_open(&host, NULL);
	size_t most = 1;
	for (size_t r = 0; r < host.rule_count; r++)
		most += host.rules[r].fix_count;
	tally.mends = hp_calloc(most, sizeof(bool));
	tally.fails = hp_calloc(most, sizeof(bool));
	tally.elsewhere = hp_calloc(most, sizeof(bool));
	for (size_t i = 0; i < files.count; i++)
		check_host(files.paths[i], &tally);
	check_fixes(&host, &tally);
	printf("figures: steps: %zu of %zu failing findings of fixes with steps have steps on %zu "
	       "hosts, %zu walked as facts, %zu wrong\n",
	       tally.mended, tally.findings, files.count, tally.walked, tally.wrong);
	free(tally.mends);
	free(tally.fails);
	free(tally.elsewhere);
	test_host_close(&host);
	test_files_free(&files);
	return tally.wrong || !tally.walked ? 1 : 0;
}
