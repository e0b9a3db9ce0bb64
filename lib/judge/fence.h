// The fence around SQL that others write: what a rule file may hold, what a statement may do.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "facts/facts.h"

#include <sqlite3.h>
#include <stddef.h>

/* Text: checked before any engine sees it. */

enum hp_fence_kind {
	HP_FENCE_RULE, // INSERT INTO rule … VALUES
	HP_FENCE_FIX,  // INSERT INTO fix … VALUES
	HP_FENCE_VIEW, // CREATE VIEW rule_… AS SELECT
	HP_FENCE_STEP, // CREATE VIEW step_… AS SELECT
};

/* One statement that passed; it lives as long as the call that hands it over. */
struct hp_fence_statement {
	enum hp_fence_kind kind;
	const char *view; // name of the view
	const char
	    *sql;    // the INSERT, or the SELECT of the view; version_key('…') is its key by now
	size_t line; // where `sql` starts
};

typedef void hp_fence_take(void *data, const struct hp_fence_statement *statement);

/* Reads the text of a rule or fix file. Every statement that passes goes to `take`; every one that
 * does not is a message "FILE:LINE: …" to `complain`, and the rest goes on. Returns the number of
 * complaints. */
int hp_fence_read(const char *file, const char *text, hp_fence_take *take, void *data,
                  hp_complain *complain, void *complain_data);

/* Use: an authorizer and limits on a connection. */

enum hp_fence_mode {
	HP_FENCE_MODE_RULE,  // tables of facts and matrices, the functions that both engines have
	HP_FENCE_MODE_QUERY, // besides: the tables of rules and fixes, more of SQLite's functions
	HP_FENCE_MODE_ROWS,  // INSERT into the staging tables of rules and fixes, nothing else
};

/* A column that a statement reads. */
struct hp_fence_read_item {
	short table;  // enum hp_tbl
	short column; // of that table
};

struct hp_fence_reads {
	struct hp_fence_read_item *items;
	size_t count;
};

void hp_fence_reads_free(struct hp_fence_reads *reads);

struct hp_fence;

/* A fence for a connection whose main schema holds facts and whose schema "knowledge" holds the
 * matrices. It stands from begin to end: prepare and step statements in between. */
struct hp_fence *hp_fence_new(sqlite3 *db);
void hp_fence_free(struct hp_fence *fence);
void hp_fence_begin(struct hp_fence *fence, enum hp_fence_mode mode);
void hp_fence_end(struct hp_fence *fence);

/* Prepares one SELECT (or INSERT, in ROWS) behind the fence that stands. `file` and `line` are what
 * errors name; `ret_reads` (may be NULL) gets the columns of facts that it reads, to be freed by
 * the caller. Each statement has a budget of steps and time, which starts anew here. */
int hp_fence_prepare(struct hp_fence *fence, const char *sql, const char *file, size_t line,
                     sqlite3_stmt **ret, struct hp_fence_reads *ret_reads, struct hp_error *err);

/* The budget of a statement that was prepared before others starts anew. */
void hp_fence_restart(struct hp_fence *fence);

/* Steps the statement: 1 for a row, 0 at the end. -ETIME once the budget is
 * spent, -E2BIG for a row more than `most_rows`. */
int hp_fence_step(struct hp_fence *fence, sqlite3_stmt *statement, size_t most_rows,
                  struct hp_error *err);
