// Test hosts with the rules run on them, for the tests of the knowledge.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "facts/facts.h"
#include "judge/fence.h"
#include "judge/knowledge.h"

#include <stdbool.h>
#include <stddef.h>

/* Paths of all *.json files in the directories, sorted. Ends the process if there are none. */
struct test_files {
	char **paths;
	size_t count;
};

void test_files_find(struct test_files *files, char *const *directories, size_t count);
void test_files_free(struct test_files *files);

/* What a rule said of one subject. */
struct test_row {
	char *key; // subject, surface and share
	char *evidence;
	int result; // enum hp_result, -1 for another word
};

struct test_rows {
	struct test_row *rows;
	size_t count;
};

void test_rows_free(struct test_rows *rows);
const struct test_row *test_rows_find(const struct test_rows *rows, const char *key);

/* One host in a store of its own, with all rules prepared. */
struct test_host {
	const char *path;
	struct hp_facts *facts;
	sqlite3 *db;
	struct hp_knowledge *knowledge;
	const struct hp_rule *rules;
	size_t rule_count;
	sqlite3_stmt **statements;    // one a rule
	struct hp_fence_reads *reads; // one a rule
};

/* Opens a store with the facts of a file (NULL: none), derived, and the rules. Ends the process
 * where that fails. */
void test_host_open(struct test_host *host, const char *path);
/* Adds the facts of a file, not derived yet. */
void test_host_import(struct test_host *host, const char *path);
void test_host_close(struct test_host *host);
void test_host_derive(struct test_host *host);
void test_host_exec(struct test_host *host, const char *sql);
/* Runs one rule. */
void test_host_run(struct test_host *host, size_t rule, struct test_rows *ret);
/* Whether a rule reads a column of a table; any column if it is -1. */
bool test_host_reads(const struct test_host *host, size_t rule, enum hp_tbl table, int column);
