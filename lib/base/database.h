// A little comfort around SQLite. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"

#include <sqlite3.h>

/* Runs SQL that returns nothing. */
int hp_db_exec(sqlite3 *db, const char *sql, struct hp_error *err);

/* Prepares one statement; `sql` must hold exactly one. Finalize it with hp_db_finish. */
int hp_db_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret, struct hp_error *err);

/* Steps: 1 a row, 0 done, negative errno. */
int hp_db_step(sqlite3_stmt *statement, struct hp_error *err);

/* A column's text, NULL where it is NULL; owned by the statement until its next step. */
const char *hp_db_text(sqlite3_stmt *statement, int column);

void hp_db_finish(sqlite3_stmt **statement);

#define hp_cleanup_statement __attribute__((cleanup(hp_db_finish)))

/* A number that a query of one row and one column gives; `fallback` if it gives none or NULL. */
long long hp_db_number(sqlite3 *db, const char *sql, long long fallback);

/* Adds to a connection the functions that rules may use beside SQLite's own, the same that
 * lib/facts/prelude.sql gives PostgreSQL:
 *   has_word(list, word)   1 if the list of words holds the word, 0 if not, NULL if either is NULL
 *   size_text(bytes)       '80 GiB'
 *   pow2(n)                the least power of two that is not below n
 *   least(a, b), greatest(a, b)   NULL arguments do not count, as in PostgreSQL
 *   sorted_list(text)      aggregate: the distinct values in byte order, joined by ', '; NULL for
 * none */
int hp_db_add_functions(sqlite3 *db, struct hp_error *err);
