// Reading the sources of knowledge: matrices in CSV, rules and fixes in SQL.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "facts/facts.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

struct hp_load_options {
	bool
	    replaces; // rows with a known key and rules with a known id take their place (drop-ins)
	bool check_owner; // refuse files that are not root's or `owner`'s, or that others may write
	uid_t owner;
	hp_complain *complain; // what was refused, "FILE:LINE: …"; NULL drops it
	void *data;
	FILE *depends; // gets the paths read, one after a space; NULL: nobody asks
};

/* Makes the tables of rules and fixes in the schema "knowledge" of a connection. */
int hp_load_create(sqlite3 *db, struct hp_error *err);

/* Reads directory/matrices/NAME.csv, directory/rules/NAME.sql and directory/fixes/NAME.sql into the
 * schema "knowledge", whose tables of matrices and matrix_column exist; main holds the tables of
 * facts, against which every rule is prepared. Returns the number of complaints, or a negative
 * errno if nothing can be read. */
int hp_load_directory(sqlite3 *db, const char *directory, const struct hp_load_options *options,
                      struct hp_error *err);
